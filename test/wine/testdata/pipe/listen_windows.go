package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// listen makes the pipe's first instance. Each call of next waits for a client of
// the newest one, and makes another before it returns.
func listen(name string) (next func() (io.ReadWriteCloser, error), err error) {
	h, err := instance(name)
	return func() (io.ReadWriteCloser, error) {
		if err := wait(h); err != nil {
			return nil, err
		}
		client := os.NewFile(uintptr(h), name)
		var err error
		h, err = instance(name)
		return client, err
	}, err
}

func instance(name string) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	const buffer = 64 << 10
	return windows.CreateNamedPipe(path, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED,
		windows.PIPE_TYPE_BYTE|windows.PIPE_READMODE_BYTE|windows.PIPE_WAIT, windows.PIPE_UNLIMITED_INSTANCES, buffer, buffer, 0, nil)
}

func wait(h windows.Handle) error {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(event) }()
	err = windows.ConnectNamedPipe(h, &windows.Overlapped{HEvent: event})
	if errors.Is(err, windows.ERROR_IO_PENDING) {
		_, err = windows.WaitForSingleObject(event, windows.INFINITE)
	}
	if errors.Is(err, windows.ERROR_PIPE_CONNECTED) {
		err = nil
	}
	return err
}
