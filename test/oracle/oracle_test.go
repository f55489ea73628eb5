//go:build realparts

// Package oracle_test holds this project's rules against the runtimes' own
// code: containerd's platforms package at every version that answered
// differently, and hcsshim's osversion. Each is built for Windows at the
// version that the .mod file beside it pins, and run under wine.
package oracle_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/winver"
)

// hosts are the builds that ran, or are to run, containers; then builds nobody
// has named.
var hosts = []string{
	"10.0.14393.1770", "10.0.16299.15", "10.0.17134.1", "10.0.17763.437", "10.0.18362.53", "10.0.18363.476",
	"10.0.19041.264", "10.0.19042.508", "10.0.19043.928", "10.0.19044.1288", "10.0.19045.2006",
	"10.0.20348.2227", "10.0.22000.194", "10.0.22621.382", "10.0.22631.2428", "10.0.25398.469",
	"10.0.26100.2894", "10.0.26200.6584", "10.0.26300.1", "10.0.28000.1",
	"10.0.17604.1000", "10.0.20300", "10.0.20347.9999", "10.0.20349", "10.0.26099.1", "10.0.26101.1",
	"10.0.27000.1", "10.0.29651.1000", "6.3.9600.20000", "6.1.20348.1", "11.0.26100.1",
}

// texts are values of os.version as an index may state them; every build of
// hosts is added with several revisions.
var texts = []string{
	"", "abc", "10", "10.0", "10.0.17763", "10.0.17763.x", "10.0.20348.x", "10.0.20348.", "10.0.26100.1.2",
	"10.0.26100.99999", "10.0.26100.33296", "10.0.26100x", "10.0.26100-beta", "10.0.2610", "10.0.261000",
	"10.1.20348.1", "11.0.20348.1", "11.0.26100.1", "6.3.9600", "010.0.20348.1", "10.00.20348.1", "10.0.020348.1",
	"v10.0.20348.1", "10,0,20348,1", "10.0.0.0", "0.0.0.0", ".", "..", "...", "10.0..1", "20348.2227", "20348",
}

// wrapping are texts that reach a rule only through strconv.Atoi and a
// conversion that wraps around. containerd 1.6 and 1.7 and platforms v0.2.1
// read a version so; nobody writes such a one, and winmatch refuses it.
var wrapping = []string{"+10.0.20348.1", "10.+0.20348.1", "266.0.20348.1", "10.256.20348.1", "10.0.85884.1", "10..20348.1"}

func children() []string {
	list := slices.Clone(texts)
	for _, h := range hosts {
		p := strings.SplitN(h, ".", 4)
		build := strings.Join(p[:3], ".")
		list = append(list, build, build+".0", build+".1", build+".3207")
	}
	return list
}

// An oracle is one version of a component.
type oracle struct {
	dir, version string
	rule         compat.Rule
	order        string // mode that orders children as a pull does; "" where there is no order
	runtimes     []string
	machine      bool // knows no host but the machine's own
	wraps        bool // see wrapping
	numbers      bool // takes numbers, not texts
}

func (o *oracle) String() string {
	return map[string]string{
		"platforms":  "containerd/platforms ",
		"containerd": "containerd ",
		"hcsshim":    "hcsshim/osversion ",
	}[o.dir] + o.version
}

var oracles = []oracle{
	{dir: "containerd", version: "v1.5.8", rule: compat.RuleExactStrict, order: "defaultless", machine: true, runtimes: []string{"containerd@1.5.8"}},
	{dir: "containerd", version: "v1.6.8", rule: compat.RuleExactStrict, order: "defaultless", machine: true, runtimes: []string{"containerd@1.6.8"}},
	{dir: "containerd", version: "v1.6.19", rule: compat.RuleExact, order: "defaultless", machine: true, runtimes: []string{"containerd@1.6.19"}},
	{dir: "containerd", version: "v1.6.36", rule: compat.RuleOld, order: "defaultless", machine: true, wraps: true, runtimes: []string{"containerd@1.6.36"}},
	{dir: "containerd", version: "v1.7.2", rule: compat.RuleExact, order: "only", runtimes: []string{"containerd@1.7.2"}},
	{dir: "containerd", version: "v1.7.18", rule: compat.RuleOld, order: "only", wraps: true, runtimes: []string{"containerd@1.7.18"}},
	{dir: "platforms", version: "v0.2.1", rule: compat.RuleOld, order: "only", wraps: true, runtimes: []string{"containerd@1.7.19", "containerd@1.7.34", "docker-containerd@28.0.0"}},
	{dir: "platforms", version: "v1.0.0-rc.1", rule: compat.RuleOld, order: "only", runtimes: []string{"containerd@2.0.0", "containerd@2.0.11", "containerd@2.1.5"}},
	{dir: "platforms", version: "v1.0.0-rc.2", rule: compat.RuleNew, order: "only", runtimes: []string{"containerd@2.1.6", "containerd@2.2.0", "containerd@2.2.9", "docker-containerd@29.0.0"}},
	{dir: "platforms", version: "v1.0.0-rc.4", rule: compat.RuleNew, order: "only", runtimes: []string{"containerd@2.3.0", "docker-containerd@29.6.0"}},
	{dir: "platforms", version: "v1.0.0-rc.5", rule: compat.RuleABI, order: "only", runtimes: []string{"containerd@2.3.5", "containerd@2.4.0", "containerd@2.4.2"}},
	{dir: "hcsshim", version: "v0.12.9", rule: compat.RuleOld, numbers: true},
	{dir: "hcsshim", version: "v0.13.0", rule: compat.RuleNew, numbers: true},
	{dir: "hcsshim", version: "v0.15.0", rule: compat.RuleNew, numbers: true},
}

// TestOraclesListed holds the table against the folder: a version that is
// pinned but not asked would be an oracle that says nothing.
func TestOraclesListed(t *testing.T) {
	var pinned, asked []string
	files, err := filepath.Glob("*/v*.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		pinned = append(pinned, strings.TrimSuffix(f, ".mod"))
	}
	for _, o := range oracles {
		asked = append(asked, o.dir+"/"+o.version)
	}
	slices.Sort(asked)
	slices.Sort(pinned)
	if len(pinned) == 0 || !slices.Equal(asked, pinned) {
		t.Errorf("asked:  %v\npinned: %v", asked, pinned)
	}
}

// TestOracles asks every oracle about every pair of a host and a child, and
// about the order of every two children that both are taken.
func TestOracles(t *testing.T) {
	wine := parts.NewWine(t, "oracle")
	bin := filepath.Join(parts.Cache(t), "bin")
	var report []string
	for _, o := range oracles {
		t.Run(o.dir+"-"+o.version, func(t *testing.T) {
			exe := filepath.Join(bin, o.dir+"-"+o.version+".exe")
			parts.Go(t, filepath.Join("test", "oracle", o.dir), []string{"GOOS=windows", "GOARCH=amd64"},
				"build", "-trimpath", "-modfile="+o.version+".mod", "-o", exe, ".")
			for _, r := range o.runtimes {
				rt, err := compat.ParseRuntime(r)
				if err != nil {
					t.Fatal(err)
				}
				if got := rt.Era().Rule; got != o.rule {
					t.Errorf("%s uses the rule of %s, which is %v, but compat says %v", r, &o, o.rule, got)
				}
			}
			a := asker{t, wine, exe, &o}
			agree, pairs := a.matches()
			line := fmt.Sprintf("oracle %s: %d of %d pairs agree", &o, agree, pairs)
			if o.order != "" {
				agree, pairs = a.orders()
				line += fmt.Sprintf(", %d of %d choices between two children agree", agree, pairs)
			}
			report = append(report, line)
		})
	}
	fmt.Println(strings.Join(report, "\n"))
}

// An asker puts questions to one oracle.
type asker struct {
	t    *testing.T
	wine *parts.Wine
	exe  string
	*oracle
}

// ask returns the oracle's answers to lines of the same number.
func (a asker) ask(mode string, questions []string) []string {
	a.t.Helper()
	out, code := a.wine.Run(a.t, strings.Join(questions, "\n")+"\n", a.exe, mode)
	answers := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if code != 0 || len(answers) != len(questions) {
		a.t.Fatalf("%s %s: exit %d, %d answers to %d questions", a.oracle, mode, code, len(answers), len(questions))
	}
	return answers
}

// playing makes wine the host.
func (a asker) playing(host string) {
	a.t.Helper()
	p := strings.SplitN(host, ".", 4)
	a.wine.Registry(a.t, map[string]any{"CurrentVersion": p[0] + "." + p[1], "CurrentBuild": p[2], "CurrentBuildNumber": p[2]})
}

// about asks about each host, all at once, or, where the oracle knows no host
// but the machine's own, one after the other with wine playing the host.
func (a asker) about(mode string, hosts, questions []string, visit func(host, question, answer string)) {
	a.t.Helper()
	var asked []string
	for i, h := range hosts {
		for _, q := range questions {
			asked = append(asked, h+" "+q)
		}
		if !a.machine && i < len(hosts)-1 {
			continue
		}
		if a.machine {
			a.playing(h)
		}
		for i, answer := range a.ask(mode, asked) {
			host, question, _ := strings.Cut(asked[i], " ")
			if answer != "true" && answer != "false" {
				a.t.Fatalf("%s %s answers %q to %q", a.oracle, mode, answer, asked[i])
			}
			visit(host, question, answer)
		}
		asked = asked[:0]
	}
}

func (a asker) matches() (agree, pairs int) {
	var list []string
	for _, c := range children() {
		switch {
		case a.numbers && !isNumbers(c):
		case c == "":
			list = append(list, "-")
		default:
			list = append(list, c)
		}
	}
	if !a.wraps && !a.numbers {
		list = append(list, wrapping...)
	}
	mode := "match"
	if a.machine {
		mode = "defaultmatch"
	}
	yes := 0
	a.about(mode, hosts, list, func(host, child, answer string) {
		osVersion := strings.TrimPrefix(child, "-")
		ours := a.rule.AllowsText(parse(a.t, host), osVersion)
		pairs++
		if strconv.FormatBool(ours) == answer {
			agree++
		} else {
			a.t.Errorf("host %s, os.version %q: %s answers %s, compat's rule %v %v", host, osVersion, a.oracle, answer, a.rule, ours)
		}
		if v, err := winver.Parse(osVersion); err == nil && strings.Count(osVersion, ".") >= 2 {
			if direct := a.rule.Allows(parse(a.t, host), v); direct != ours {
				a.t.Errorf("host %s, os.version %q: Allows %v, AllowsText %v", host, osVersion, direct, ours)
			}
		}
		if answer == "true" {
			yes++
		}
	})
	if yes == 0 || yes == pairs {
		a.t.Errorf("%s answers %d of %d with yes: it was not asked what it should be", a.oracle, yes, pairs)
	}
	return agree, pairs
}

// orders compares which of two children is taken. containerd sorts those that
// match by Less, stably, and takes the first.
func (a asker) orders() (agree, pairs int) {
	kids := []string{
		"-", "10.0.14393.1770", "10.0.17763.437", "10.0.17763.6775", "10.0.20348.3207", "10.0.20348.587", "10.0.20348",
		"10.0.26100.2894", "10.0.26100.4061", "10.0.26100.33296", "10.0.26100", "10.0.26100.x", "10.0.25398.1", "11.0.20348.1",
	}
	var questions []string
	for _, c := range kids {
		for _, d := range kids {
			if c != d {
				questions = append(questions, c+" "+d)
			}
		}
	}
	some := []string{"10.0.17763.437", "10.0.20348.2227", "10.0.26100.2894", "10.0.26200.6584"}
	f := facts.Embedded()
	rt, err := compat.ParseRuntime(a.runtimes[0])
	if err != nil {
		a.t.Fatal(err)
	}
	a.about(a.order, some, questions, func(host, question, answer string) {
		// The question is whether the index's second child goes before its first.
		second, first, _ := strings.Cut(question, " ")
		index := []compat.Child{child(first), child(second)}
		v := parse(a.t, host)
		want := -1 // refused
		switch one, two := a.rule.AllowsText(v, index[0].OSVersion), a.rule.AllowsText(v, index[1].OSVersion); {
		case one && two && answer == "true":
			want = 1
		case one:
			want = 0
		case two:
			want = 1
			if answer != "true" {
				a.t.Errorf("%s puts %s, which it refuses, before %s", a.oracle, first, second)
			}
		}
		got := -1
		d := compat.Decide(f, &compat.Question{
			Host: compat.Host{Version: v, Edition: winver.Server}, Runtime: rt, Isolation: compat.Process,
			Image: compat.Image{Children: index},
		})
		if d.Pull == compat.Passes {
			got = d.Child
		}
		pairs++
		if got == want {
			agree++
		} else {
			a.t.Errorf("host %s, index [%s, %s]: %s takes %d, compat %d", host, first, second, a.oracle, want, got)
		}
	})
	return agree, pairs
}

func child(text string) compat.Child {
	c := compat.Child{OS: "windows", Architecture: "amd64", OSVersion: strings.TrimPrefix(text, "-")}
	if v, err := winver.Parse(c.OSVersion); err == nil {
		c.Version = v
	}
	return c
}

func parse(t *testing.T, s string) winver.Version {
	t.Helper()
	v, err := winver.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

// isNumbers reports whether s begins with three numbers that fit.
func isNumbers(s string) bool {
	p := strings.Split(s, ".")
	if len(p) < 3 {
		return false
	}
	for i, bits := range [...]int{8, 8, 16} {
		if _, err := strconv.ParseUint(p[i], 10, bits); err != nil {
			return false
		}
	}
	return true
}
