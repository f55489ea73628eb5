// Package each does the same for many things, on all processors.
package each

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Of calls f with 0 to n-1, each once, several at the same time, and returns when
// all have returned.
func Of(n int, f func(int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}
