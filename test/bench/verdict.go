package main

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/containerd/platforms"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// pairs are a host and the os.version of an image.
var pairs = [...][2]string{
	{"10.0.20348.2227", "10.0.20348.2227"},
	{"10.0.17763.437", "10.0.20348.2227"},
	{"10.0.26100.2894", "10.0.20348.3207"},
	{"10.0.26200.6584", "10.0.26100.4061"},
	{"10.0.25398.469", "10.0.17763.6775"},
	{"10.0.14393.1770", "10.0.14393.1944"},
}

type cost struct {
	ns     float64
	allocs int64
}

func (c cost) String() string { return fmt.Sprintf("%.0f ns", c.ns) }

type verdictCosts struct{ decide, allows, match cost }

// verdicts measures verdicts on pairs in turn: ours, documented, predicted and
// reported, and that of containerd's newest rule. Both read the child's version
// from its text.
func verdicts() verdictCosts {
	if err := flag.Set("test.benchtime", "200ms"); err != nil {
		panic(err)
	}
	f := facts.Embedded()
	runtime, err := compat.ParseRuntime("containerd@2.4.0")
	if err != nil {
		panic(err)
	}
	var hosts [len(pairs)]winver.Version
	var questions [len(pairs)]compat.Question
	var matchers [len(pairs)]platforms.Matcher
	var children [len(pairs)]platforms.Platform
	for i, p := range pairs {
		if hosts[i], err = winver.Parse(p[0]); err != nil {
			panic(err)
		}
		child, err := winver.Parse(p[1])
		if err != nil {
			panic(err)
		}
		questions[i] = compat.Question{
			Host:    compat.Host{Version: hosts[i], Edition: winver.Server},
			Image:   compat.Image{Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: p[1], Version: child}}},
			Runtime: runtime, Isolation: compat.Process,
		}
		matchers[i] = platforms.NewMatcher(platforms.Platform{OS: "windows", Architecture: "amd64", OSVersion: p[0]})
		children[i] = platforms.Platform{OS: "windows", Architecture: "amd64", OSVersion: p[1]}
	}
	// b.Loop keeps the calls in its body from being optimised away.
	decide := func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			compat.Decide(f, &questions[n%len(pairs)])
		}
	}
	allows := func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			compat.RuleABI.AllowsText(hosts[n%len(pairs)], pairs[n%len(pairs)][1])
		}
	}
	match := func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			matchers[n%len(pairs)].Match(children[n%len(pairs)])
		}
	}
	var all [3][]cost
	for range 7 {
		for i, bench := range []func(*testing.B){decide, allows, match} {
			r := testing.Benchmark(bench)
			all[i] = append(all[i], cost{float64(r.T.Nanoseconds()) / float64(r.N), r.AllocsPerOp()})
		}
	}
	median := func(list []cost) cost {
		slices.SortFunc(list, func(a, b cost) int { return int(a.ns*1000 - b.ns*1000) })
		return list[len(list)/2]
	}
	return verdictCosts{median(all[0]), median(all[1]), median(all[2])}
}
