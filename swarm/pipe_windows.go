package swarm

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// namedPipe is a connection through a named pipe of Windows.
type namedPipe struct{ *os.File }

// LocalAddr is a name.
func (namedPipe) LocalAddr() net.Addr { return noAddr{} }

// RemoteAddr is a name.
func (namedPipe) RemoteAddr() net.Addr { return noAddr{} }

// dialPipe opens a named pipe: overlapped, since it is read and written at the
// same time, and without letting who serves it act as the user. While all its
// instances are taken it waits, up to 30 seconds.
func dialPipe(ctx context.Context, name string) (net.Conn, error) {
	const flags = os.O_RDWR | windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_ANONYMOUS
	for end := time.Now().Add(30 * time.Second); ; {
		f, err := os.OpenFile(name, flags, 0o600)
		if err == nil {
			return namedPipe{f}, nil
		}
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) || time.Now().After(end) {
			return nil, &net.OpError{Op: "dial", Net: "npipe", Err: errors.Unwrap(err)}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
