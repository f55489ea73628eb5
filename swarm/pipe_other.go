//go:build !windows

package swarm

import (
	"context"
	"errors"
	"net"
	"runtime"
)

// dialPipe is for Windows: there are no named pipes elsewhere.
func dialPipe(context.Context, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "npipe", Err: errors.New("this machine runs " + runtime.GOOS + ", which has no named pipes")}
}
