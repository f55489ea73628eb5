//go:build unix

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

// lowerPeak makes this process small, and has the kernel forget how large it was:
// on Linux the peak of a program begins at that of the one that starts it.
// https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
func lowerPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // elsewhere there is none
}

// maxRSS is the most memory that a process had, in bytes.
func maxRSS(p *os.ProcessState) int64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	rss := int64(u.Maxrss) //nolint:unconvert // narrower on 32-bit systems
	if runtime.GOOS == "darwin" {
		return rss
	}
	return rss << 10
}
