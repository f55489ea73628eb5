// Command containerd asks the platforms package inside containerd (up to 1.7). Which
// version it asks is decided by the go.mod that it is built with, for example
// go build -modfile=v1.6.36.mod.
package main

import (
	"github.com/containerd/containerd/platforms"
	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/winmatch/winmatch/test/oracle/lines/index"
)

func main() {
	index.Serve(index.Package{
		NewMatcher:  func(p specs.Platform) index.Matcher { return platforms.NewMatcher(p) },
		Only:        func(p specs.Platform) index.Matcher { return platforms.Only(p) },
		Ordered:     func(p specs.Platform) index.Matcher { return platforms.Ordered(p) },
		Default:     func() index.Matcher { return platforms.Default() },
		DefaultSpec: platforms.DefaultSpec,
	})
}
