// Command platforms asks the module github.com/containerd/platforms. Which
// version it asks is decided by the go.mod that it is built with, for example
// go build -modfile=v0.2.1.mod.
package main

import (
	"github.com/containerd/platforms"
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
