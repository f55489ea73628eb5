package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableColor asks the console to understand colours and reports whether it
// will.
func enableColor(file *os.File) bool {
	var mode uint32
	h := windows.Handle(file.Fd())
	return windows.GetConsoleMode(h, &mode) == nil &&
		windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
