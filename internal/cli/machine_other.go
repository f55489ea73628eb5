//go:build !windows

package cli

import (
	"fmt"
	"runtime"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// thisMachine is the Windows that the program runs on; elsewhere there is none.
func thisMachine(*facts.Facts) (winver.Host, error) {
	return winver.Host{}, fmt.Errorf("this machine runs %s, not Windows", runtime.GOOS)
}

// dockerService is about services of Windows: nothing is known elsewhere.
func dockerService() (commandLine string, hyperV bool) { return "", true }
