//go:build !windows

package cli

import "os"

// enableColor reports whether a terminal understands colours: all but the
// older ones of Windows do.
func enableColor(*os.File) bool { return true }
