// Package index asks a matcher of containerd what it thinks of a host and the
// children of an image index. The platforms package has lived in two modules;
// everything here is the same for both.
package index

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/winmatch/winmatch/test/oracle/lines"
)

// Matcher is platforms.Matcher.
type Matcher interface{ Match(specs.Platform) bool }

// comparer is platforms.MatchComparer, less its Match.
type comparer interface {
	Less(p1, p2 specs.Platform) bool
}

// Package is what an oracle hands over of the platforms package.
type Package struct {
	NewMatcher    func(specs.Platform) Matcher
	Only, Ordered func(specs.Platform) Matcher
	Default       func() Matcher
	DefaultSpec   func() specs.Platform
}

func windows(osVersion string) specs.Platform {
	return specs.Platform{OS: "windows", Architecture: "amd64", OSVersion: osVersion}
}

// less answers "does child1 come before child2?", or "none" where the matcher
// has no order.
func less(m Matcher, child1, child2 string) string {
	if c, ok := m.(comparer); ok {
		return strconv.FormatBool(c.Less(windows(child1), windows(child2)))
	}
	return "none"
}

// here answers where the machine is that host, whatever its revision.
// containerd 1.5 does not say which machine it sees.
func here(p Package, host string, answer func() string) string {
	if is := p.DefaultSpec().OSVersion; is != "" && !strings.HasPrefix(host+".", is+".") {
		return "this is " + is + ", not " + host
	}
	return answer()
}

// Serve answers the questions on standard input.
func Serve(p Package) {
	lines.Serve(map[string]lines.Answer{
		// HOST CHILD: is the child taken?
		"match": func(f []string) string {
			return strconv.FormatBool(p.NewMatcher(windows(f[0])).Match(windows(f[1])))
		},
		// HOST CHILD1 CHILD2: the order of the plain matcher, of Only, of Ordered.
		"less":    func(f []string) string { return less(p.NewMatcher(windows(f[0])), f[1], f[2]) },
		"only":    func(f []string) string { return less(p.Only(windows(f[0])), f[1], f[2]) },
		"ordered": func(f []string) string { return less(p.Ordered(windows(f[0])), f[1], f[2]) },
		// The same of Default, which knows no host but the machine it runs on.
		"defaultmatch": func(f []string) string {
			return here(p, f[0], func() string { return strconv.FormatBool(p.Default().Match(windows(f[1]))) })
		},
		"defaultless": func(f []string) string {
			return here(p, f[0], func() string { return less(p.Default(), f[1], f[2]) })
		},
	})
}
