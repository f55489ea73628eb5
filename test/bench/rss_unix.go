//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

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
