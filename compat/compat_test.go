package compat

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

var f = facts.Embedded()

// rows returns the rows of testdata/source.txt that begin with a word.
func rows(t *testing.T, word string) []string {
	t.Helper()
	file, err := os.Open("testdata/source.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []string
	for in := bufio.NewScanner(file); in.Scan(); {
		if rest, ok := strings.CutPrefix(in.Text(), word+" "); ok {
			list = append(list, rest)
		}
	}
	if len(list) == 0 {
		t.Fatalf("no rows of %q", word)
	}
	return list
}

func build(t *testing.T, s string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

func version(t testing.TB, s string) winver.Version {
	t.Helper()
	v, err := winver.Parse(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return v
}

// TestRuleMatrices recomputes the matrices of facts/source/compat.yaml.
func TestRuleMatrices(t *testing.T) {
	images := []uint32{14393, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 20348, 26100}
	rules := map[string]Rule{"exact": RuleExact, "old": RuleOld, "new": RuleNew, "abi": RuleABI, "moby_classic": RuleMobyClassic}
	cells := 0
	for _, row := range rows(t, "matrix") {
		fields := strings.Fields(row)
		rule, ok := rules[fields[0]]
		if !ok {
			t.Fatalf("unknown rule %q", fields[0])
		}
		host := winver.OfBuild(build(t, fields[1]))
		want := map[uint32]bool{}
		for _, s := range fields[2:] {
			want[build(t, s)] = true
		}
		for _, img := range images {
			cells++
			if got := rule.Allows(host, winver.OfBuild(img)); got != want[img] {
				t.Errorf("rule %s: host %d, image %d: %t, want %t", rule, host.Build, img, got, want[img])
			}
			if got := rule.AllowsText(host, winver.OfBuild(img).String()+".1234"); got != want[img] {
				t.Errorf("rule %s: host %d, os.version of image %d: %t, want %t", rule, host.Build, img, got, want[img])
			}
		}
	}
	if cells != 1000 {
		t.Errorf("%d cells, want 1000", cells)
	}
}

// TestAllowsText: what the runtimes do with an os.version that is missing or
// malformed, as the oracles under test/oracle answer.
func TestAllowsText(t *testing.T) {
	host := winver.New(26100, 2894)
	for _, c := range []struct {
		osVersion                      string
		strict, exact, others, classic bool
	}{
		{"", false, true, true, true},
		{"abc", false, false, false, true},
		{"10.0", false, false, false, true},
		{"10.0.26100", true, true, true, true},
		{"10.0.26100.", true, true, true, true},
		{"10.0.26100.x", true, true, true, true},
		{"10.0.26100.2894.7", true, true, true, true},
		{"10.0.26100x", true, true, false, true},
		{"10.00.26100", false, false, true, true},
		{"11.0.26100.1", false, false, false, true},
		{"10.0.99999", false, false, false, true},
		{"10.0.65000", false, false, false, false},
		{"..", false, false, false, true},
	} {
		for rule, want := range map[Rule]bool{RuleNone: true, RuleExactStrict: c.strict, RuleExact: c.exact,
			RuleOld: c.others, RuleNew: c.others, RuleABI: c.others, RuleMobyClassic: c.classic} {
			if got := rule.AllowsText(host, c.osVersion); got != want {
				t.Errorf("rule %s: os.version %q: %t, want %t", rule, c.osVersion, got, want)
			}
		}
	}
}

// TestDocumented compares the current table with documented_current.
func TestDocumented(t *testing.T) {
	hosts := map[string]Host{
		"Windows Server 2025": {Version: winver.OfBuild(26100), Edition: winver.Server}, "Windows Server 2022": {Version: winver.OfBuild(20348), Edition: winver.Server},
		"Windows Server 2019": {Version: winver.OfBuild(17763), Edition: winver.Server}, "Windows Server 2016": {Version: winver.OfBuild(14393), Edition: winver.Server},
		"Windows 11": {Version: winver.OfBuild(26100), Edition: winver.Client}, "Windows 10": {Version: winver.OfBuild(19045), Edition: winver.Client},
	}
	support := func(yes string) facts.Support {
		if yes == "true" {
			return facts.Supported
		}
		return facts.Unsupported
	}
	list := rows(t, "documented")
	if len(list) != 20 {
		t.Errorf("%d documented pairs, want 20", len(list))
	}
	for _, row := range list {
		p := strings.Split(row, "; ")
		h, image := hosts[p[0]], hosts[p[1]].Version.Build
		if got := Documented(f, h, image, Process, 0); got != support(p[2]) {
			t.Errorf("%s, %s image, process: %d, want %s", p[0], p[1], got, p[2])
		}
		if got := Documented(f, h, image, HyperV, 0); got != support(p[3]) {
			t.Errorf("%s, %s image, hyperv: %d, want %s", p[0], p[1], got, p[3])
		}
	}
}

// TestDocumentedHistory: what the page said on a day (history of compat.yaml).
func TestDocumentedHistory(t *testing.T) {
	server, client := winver.Server, winver.Client
	for _, c := range []struct {
		on    string
		host  uint32
		e     winver.Edition
		image uint32
		i     Isolation
		want  facts.Support
	}{
		{"2017-10-01", 14393, server, 14393, Process, facts.Silent},         // before the page
		{"2017-11-01", 14393, client, 14393, Process, facts.Supported},      // the first table did not tell clients apart
		{"2017-12-31", 14393, client, 14393, Process, facts.Unsupported},    // Hyper-V only since 2017-12-13
		{"2020-05-01", 19041, client, 19041, Process, facts.Supported},      // first process isolation on a client
		{"2021-12-01", 19043, client, 19042, Process, facts.Supported},      // builds differ
		{"2022-03-10", 19043, client, 19042, Process, facts.Unsupported},    // withdrawn
		{"2022-03-10", 19043, client, 20348, HyperV, facts.Supported},       // for half a year
		{"2022-09-27", 19045, client, 17763, Process, facts.Supported},      // for half a year
		{"2023-04-01", 19045, client, 17763, Process, facts.Unsupported},    // withdrawn
		{"2023-01-01", 22621, client, 20348, Process, facts.PreviewSupport}, // preview
		{"2024-12-01", 22621, client, 20348, Process, facts.Supported},
		{"2024-12-01", 22631, client, 26100, Process, facts.Unsupported}, // from 24H2
		{"2024-12-01", 26200, client, 26100, Process, facts.Supported},
		{"", 20348, server, 26100, Process, facts.Silent}, // no such row
		{"", 19044, client, 19041, Process, facts.Unsupported},
		{"", 25398, server, 20348, Process, facts.Supported},
		{"2021-08-29", 20348, server, 20348, Process, facts.Supported}, // Windows Server 21H1 then
	} {
		if got := Documented(f, Host{Version: winver.OfBuild(c.host), Edition: c.e}, c.image, c.i, facts.ParseDate(c.on)); got != c.want {
			t.Errorf("on %q: host %d %s, image %d, %s: %d, want %d", c.on, c.host, c.e, c.image, c.i, got, c.want)
		}
	}
}

// ask decides a question given in a few words.
func ask(t testing.TB, host string, e winver.Edition, runtime string, i Isolation, children ...string) (Question, Verdict) {
	t.Helper()
	r, err := ParseRuntime(runtime)
	if err != nil {
		t.Fatal(err)
	}
	q := Question{Host: Host{Version: version(t, host), Edition: e}, Isolation: i, Runtime: r}
	for _, c := range children {
		v, err := winver.Parse(c)
		if err == nil {
			c = v.String() // short forms are for this file only
		}
		q.Image.Children = append(q.Image.Children, Child{OS: "windows", Architecture: "amd64", OSVersion: c, Version: v})
	}
	return q, Decide(f, &q)
}

// Test2B recomputes the matrix of the February 2020 boundary for every build
// that has one.
func Test2B(t *testing.T) {
	for _, b := range f.Baselines {
		if b.Build == winver.LTSC2016 || b.Image2BFixed == 0 {
			continue // 14393: revisions must be equal anyway; 16299: no image after it
		}
		rev := map[string][2]uint32{ // host, image
			"1B or earlier": {b.Host2B - 1, b.Image2BFirst - 1},
			"2B":            {b.Host2B, b.Image2BFixed},
			"3B":            {b.Host2B + 60, b.Image2BFixed + 60},
		}
		for _, row := range rows(t, "2b") {
			p := strings.Split(row, "; ")
			host, image := winver.New(b.Build, rev[p[0]][0]), winver.New(b.Build, rev[p[1]][1])
			_, v := ask(t, host.String(), winver.Server, "none", Process, image.String())
			if works := v.Start == Passes; works != (p[2] == "true") {
				t.Errorf("build %d: host %s, image %s: works %t, want %s (%v)", b.Build, p[0], p[1], works, p[2], v.Codes())
			}
			if p[2] == "false" && (v.Answer != No || !v.Has(February2020Boundary)) {
				t.Errorf("build %d: host %s, image %s: %s %v", b.Build, p[0], p[1], v.Answer, v.Codes())
			}
			if _, v := ask(t, host.String(), winver.Server, "none", HyperV, image.String()); v.Start != Passes {
				t.Errorf("build %d: Hyper-V isolation does not care for the boundary, but %v", b.Build, v.Codes())
			}
		}
		// What the first images work with is not documented.
		if _, v := ask(t, winver.New(b.Build, b.Host2B).String(), winver.Server, "none", Process, winver.New(b.Build, b.Image2BFirst).String()); v.Answer != Unknown {
			t.Errorf("build %d: first image of February 2020: %s, want unknown", b.Build, v.Answer)
		}
	}
}

func TestDecide(t *testing.T) {
	server, client := winver.Server, winver.Client
	for _, c := range []struct {
		host    string
		e       winver.Edition
		runtime string
		i       Isolation
		image   string
		want    Answer
		reason  ReasonCode
	}{
		// The seed's examples.
		{"14393.1770", server, "docker", Process, "14393.1944", No, WS2016RevisionMismatch},
		{"14393.1944", server, "docker", Process, "14393.1944", Yes, SameBuild},
		{"14393.1770", server, "docker", HyperV, "14393.1944", Yes, SameBuild},
		{"14393", server, "docker", Process, "14393.1944", Unknown, RevisionUnknown},
		{"14393.1770", server, "docker", Process, "14393", Unknown, RevisionUnknown},
		{"17763.973", server, "docker", Process, "17763.737", Yes, SameBuild},
		// Image-only revisions stand for their host's.
		{"14393.3504", server, "none", Process, "14393.3506", Yes, SameBuild},
		{"14393.3564", server, "none", Process, "14393.3568", Yes, SameBuild},
		{"14393.3564", server, "none", Process, "14393.3506", No, WS2016RevisionMismatch},
		// Builds.
		{"17763", server, "docker", Process, "20348", No, ImageNewerThanHost},
		{"17763", server, "docker", HyperV, "20348", No, HyperVImageTooNew},
		{"20348", server, "docker", Process, "17763", No, BuildMismatch},
		{"20348", server, "docker", HyperV, "17763", Yes, HyperVOlderImage},
		{"26100", server, "docker", Process, "20348", Yes, OlderImageAllowed},
		{"26100", server, "docker", Process, "17763", No, BuildMismatch},
		{"25398", server, "docker", Process, "20348", Yes, OlderImageAllowed},
		{"20348", server, "docker", Process, "26100", No, ImageNewerThanHost},
		// Clients.
		{"22631", client, "docker", Process, "20348", Yes, OlderImageAllowed},
		{"22631", client, "docker", DefaultIsolation, "17763", Yes, HyperVOlderImage},
		{"22631", client, "docker", Process, "26100", No, ImageNewerThanHost},
		{"19045", client, "docker", DefaultIsolation, "17763", Yes, HyperVOlderImage},
		{"19045", client, "docker", DefaultIsolation, "20348", No, HyperVImageTooNew},
		{"17763", client, "docker", Process, "17763", Risky, ClientProcessDevelopmentOnly},
		{"17763", client, "docker@18.06", Process, "17763", No, ClientHyperVOnly},
		{"17134", client, "docker@18.09", Process, "17134", No, ClientHyperVOnly},
		{"17134", client, "docker@18.09", DefaultIsolation, "17134", Yes, SameBuild},
		// People run what every rule refuses.
		{"19044", client, "docker", Process, "19041", Risky, ReportsDisagree},
		{"18363.476", client, "docker", Process, "18362", Risky, ReportsDisagree},
		{"19043", client, "docker", Process, "19042.985", No, BuildMismatch},
		{"19044", client, "containerd@2.0.0", Process, "19041", No, BuildMismatch},
		// Reports that failed where all sources allow.
		{"26200", client, "docker", DefaultIsolation, "26100", Risky, ReportsDisagree},
		// A report of one build is of its revisions only.
		{"26100", server, "containerd", Process, "26100", Yes, SameBuild},
		{"26100.33438", server, "containerd", Process, "26100.33296", Yes, SameBuild},
		{"26100.7840", server, "containerd", Process, "26100.7462", Risky, ReportsDisagree},
		// Revisions of one build.
		{"26100.2894", server, "docker", Process, "26100.3194", Risky, RevisionAheadOfHost},
		{"26100.3194", server, "docker", Process, "26100.2894", Yes, SameBuild},
		{"26100.2894", server, "docker", HyperV, "26100.3194", Yes, SameBuild},
		{"17763.7009", server, "docker", Process, "17763.7314", Risky, RevisionAheadOfHost},
		// Clients of build 26100 count differently since 2026: by date.
		{"26100.9168", client, "none", Process, "26100.33296", Yes, SameBuild},
		{"26100.8037", client, "none", Process, "26100.33296", Risky, RevisionAheadOfHost},
		// Runtimes.
		{"26200", client, "containerd@2.2.0", DefaultIsolation, "20348.2227", No, RuntimeRefusesPull},
		{"26200", client, "containerd@2.4.0", DefaultIsolation, "20348.2227", Yes, HyperVOlderImage},
		{"26200", client, "containerd@2.2.0", Process, "20348.2227", No, RuntimeRefusesPull},
		{"26200", client, "containerd@2.0.0", Process, "20348.2227", Yes, OlderImageAllowed},
		{"22000.978", client, "containerd@1.6.8", Process, "20348", No, RuntimeRefusesPull},
		{"22000.978", client, "docker", Process, "20348", Yes, OlderImageAllowed},
		{"26200", client, "docker-containerd@29.6.2", HyperV, "20348", No, RuntimeRefusesPull},
		{"26200", client, "docker-containerd@29.9.3", HyperV, "20348", Unknown, RuntimeRuleUnknown},
		{"26100", server, "docker-containerd@29.9.3", Process, "20348", Yes, OlderImageAllowed},
		{"20348", server, "containerd", HyperV, "17763", No, RuntimeRefusesPull},
		{"14393.1770", server, "docker@23.0", Process, "14393.1770", No, RuntimeNotForHost},
		{"14393.1770", server, "containerd", Process, "14393.1770", Unknown, RuntimeNotForHost},
		{"14393.1770", server, "containerd", Process, "17763", No, RuntimeNotForHost},
		// Images of version 1709 ended before February 2020.
		{"16299.125", server, "docker", Process, "16299", Yes, SameBuild},
		{"16299", server, "docker", Process, "16299", Yes, SameBuild},
		{"16299.2166", server, "docker", Process, "16299", No, February2020Boundary},
		// What is not known.
		{"29651", server, "none", Process, "26100", Unknown, UnknownBuild},
		{"29651", server, "none", Process, "29651", Yes, SameBuild},
		{"17604.1000", client, "none", Process, "14393", No, ClientHyperVOnly},
		{"16287", server, "docker", Process, "14393", No, BuildMismatch},
		{"20348", server, "docker", Process, "", Unknown, OSVersionMissing},
		{"20348", server, "docker", Process, "ltsc2019", Unknown, OSVersionMissing},
	} {
		q, v := ask(t, c.host, c.e, c.runtime, c.i, c.image)
		if v.Answer != c.want || v.n == 0 || v.reasons[0] != c.reason {
			t.Errorf("host %s %s, %s, %s, image %s: %s %v, want %s %s", c.host, c.e, c.runtime, c.i, c.image, v.Answer, v.Codes(), c.want, c.reason)
		}
		for _, r := range v.Reasons(f, &q) {
			if r.Text == "" || !strings.HasPrefix(r.Source, "https://") || strings.Contains(r.Text, "%!") {
				t.Errorf("host %s, image %s: bad reason %+v", c.host, c.image, r)
			}
		}
	}
}

// TestDocumentedRevision: the rules that the table does not show are documented
// too.
func TestDocumentedRevision(t *testing.T) {
	for _, c := range []struct {
		host, image string
		want        facts.Support
	}{
		{"14393.1770", "14393.1770", facts.Supported},
		{"14393.1770", "14393.1944", facts.Unsupported},
		{"17763.5000", "17763.973", facts.Unsupported},
		{"17763.5000", "17763.4900", facts.Supported},
	} {
		if _, v := ask(t, c.host, winver.Server, "none", Process, c.image); v.Documented != c.want {
			t.Errorf("host %s, image %s: %d, want %d", c.host, c.image, v.Documented, c.want)
		}
	}
}

func TestKubernetes(t *testing.T) {
	q := Question{Host: Host{Version: winver.OfBuild(20348), Edition: winver.Server}, Kubernetes: true, Isolation: HyperV, Runtime: Runtime{Engine: Containerd}}
	q.Image.Children = []Child{{OS: "windows", OSVersion: "10.0.20348.1", Version: winver.New(20348, 1)}}
	if v := Decide(f, &q); v.Answer != No || !v.Has(HyperVNotOnKubernetes) {
		t.Errorf("Hyper-V on Kubernetes: %s %v", v.Answer, v.Codes())
	}
	q.Isolation = DefaultIsolation
	q.Host = Host{Version: winver.OfBuild(22631), Edition: winver.Client}
	if v := Decide(f, &q); v.Answer != Risky || !v.Has(ClientNotANode) || v.Isolation != Process {
		t.Errorf("a client as node: %s %v", v.Answer, v.Codes())
	}
	q.Host, q.HostProcess = Host{Version: winver.OfBuild(17763), Edition: winver.Server}, true
	q.Image.Manifest = true // an index would be refused at the pull
	if v := Decide(f, &q); v.Answer != Yes || !v.Has(HostProcessExempt) {
		t.Errorf("HostProcess: %s %v", v.Answer, v.Codes())
	}
}

// TestFloor: what is known of a tag that moves.
func TestFloor(t *testing.T) {
	for _, c := range []struct {
		host   string
		floor  winver.Version
		want   Answer
		reason ReasonCode
	}{
		{"17763.437", winver.New(17763, 9245), No, February2020Boundary},
		{"17763.1397", winver.New(17763, 9245), Risky, RevisionAheadOfHost},
		{"17763.9247", winver.New(17763, 9245), Yes, SameBuild},
		{"17763", winver.New(17763, 9245), Yes, SameBuild},
		{"14393.1770", winver.New(14393, 9512), No, WS2016RevisionMismatch},
		{"14393.9512", winver.New(14393, 9512), Unknown, RevisionUnknown}, // it may have moved on
	} {
		q, _ := ask(t, c.host, winver.Server, "docker", Process, c.floor.WithoutRevision().String())
		q.Image.Floor = c.floor
		if v := Decide(f, &q); v.Answer != c.want || v.reasons[0] != c.reason {
			t.Errorf("host %s, tag at least %s: %s %v, want %s %s", c.host, c.floor, v.Answer, v.Codes(), c.want, c.reason)
		}
	}
}

// TestMayHaveMoved: what a tag held once says nothing sure of today.
func TestMayHaveMoved(t *testing.T) {
	for _, children := range [][]Child{
		{{OS: "windows", OSVersion: "10.0.20348.1", Version: winver.New(20348, 1)}},
		{{OS: "windows", OSVersion: "10.0.17763.1", Version: winver.New(17763, 1)}},
		{{OS: "linux"}},
	} {
		q := Question{Host: Host{Version: winver.OfBuild(20348), Edition: winver.Server}, Runtime: Runtime{Engine: Docker}, Image: Image{Children: children}}
		if v := Decide(f, &q); v.Answer == Unknown {
			t.Errorf("%+v: unknown", children)
		}
		q.Image.MayHaveMoved = true
		if v := Decide(f, &q); v.Answer != Unknown || v.reasons[0] != RecordMayBeOld {
			t.Errorf("%+v, recorded once: %s %v", children, v.Answer, v.Codes())
		}
	}
}

// TestChoice: which child each runtime takes.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		host, runtime string
		children      []string
		want          int
	}{
		// containerd/containerd#11366
		{"26100.2894", "containerd@1.7.25", []string{"10.0.20348.3091", "10.0.26100.2894"}, 0},
		{"26100.2894", "containerd@1.6.36", []string{"10.0.26100.2894", "10.0.20348.3207"}, 1},
		{"26100.2894", "containerd@2.2.0", []string{"10.0.20348.3091", "10.0.26100.2894"}, 0},
		{"26100.2894", "none", []string{"10.0.20348.3091", "10.0.26100.2894"}, 1},
		{"17763", "containerd@1.5.8", []string{"10.0.17763.1", "10.0.17763.9", "10.0.17763.5"}, 1},
		{"17763", "containerd@1.4.3", []string{"10.0.20348.1", "10.0.17763.9"}, 0},
		// docker/for-win#13986, moby/moby#42423
		{"20348", "docker", []string{"10.0.26100.1", "10.0.17763.1", "10.0.20348.1"}, 2},
		{"26100", "docker", []string{"10.0.17763.1", "10.0.20348.1"}, 0},
		{"26100", "none", []string{"10.0.17763.1", "10.0.20348.1"}, 1},
		{"20348", "docker", []string{"", "10.0.20348.1"}, 1},
		{"20348", "docker", []string{"", "10.0.17763.1"}, 0},
		{"14393.1770", "none", []string{"10.0.14393.1944", "10.0.14393.1770"}, 1},
		{"20348", "none", []string{"10.0.26100.1", "10.0.17763.1"}, 1},
		{"26100", "docker-containerd", []string{"10.0.26100.9", "10.0.26100.10"}, 0},
	} {
		if _, v := ask(t, c.host, winver.Server, c.runtime, Process, c.children...); v.Child != c.want {
			t.Errorf("host %s, %s, children %v: takes %d, want %d", c.host, c.runtime, c.children, v.Child, c.want)
		}
	}
	// ctr and the kubelet take different children.
	q, v := ask(t, "26100", winver.Server, "containerd@2.2.0", Process, "10.0.26100.33296", "10.0.26100.4061")
	if v.Child != 0 || !v.Has(RuntimeTakesOtherChild) {
		t.Errorf("string order: takes %d, %v", v.Child, v.Codes())
	}
	for _, r := range v.Reasons(f, &q) {
		if r.Code == RuntimeTakesOtherChild && !strings.Contains(r.Text, "10.0.26100.4061") {
			t.Errorf("the other child is not named: %s", r.Text)
		}
	}
	// Linux children and other architectures are passed over.
	q.Image.Children = []Child{{OS: "linux", Architecture: "amd64"}, {OS: "windows", Architecture: "arm64", OSVersion: "10.0.26100.1", Version: winver.New(26100, 1)}}
	if v := Decide(f, &q); v.Answer != No || !v.Has(NoChildForHost) || v.Child != -1 {
		t.Errorf("no amd64 child: %s %v", v.Answer, v.Codes())
	}
	q.Image.Children = q.Image.Children[:1]
	if v := Decide(f, &q); v.Answer != No || !v.Has(NotWindows) {
		t.Errorf("a Linux image: %s %v", v.Answer, v.Codes())
	}
	q.Image.Children = nil
	if v := Decide(f, &q); v.Answer != Unknown || !v.Has(ImageUnknown) {
		t.Errorf("nothing known: %s %v", v.Answer, v.Codes())
	}
}

// TestReports: no verdict is sure of the opposite of what somebody saw.
func TestReports(t *testing.T) {
	for _, r := range f.Reports {
		host, image := winver.OfBuild(r.HostBuild), winver.OfBuild(r.ImageBuild)
		if r.HostRevision >= 0 {
			host = host.WithRevision(uint32(r.HostRevision))
		}
		if r.ImageRevision >= 0 {
			image = image.WithRevision(uint32(r.ImageRevision))
		}
		i := Process
		if r.HyperV {
			i = HyperV
		}
		name := "docker"
		if r.Runtime == facts.ContainerdFamily {
			name = "containerd"
		}
		_, v := ask(t, host.String(), winver.EditionOf(f, r.HostBuild), name, i, image.String())
		if r.OtherCause {
			continue
		}
		switch r.Outcome {
		case facts.Runs:
			if v.Answer == No {
				t.Errorf("%s: %s on %s, %s: runs for %s, but no %v", r.ID, image, host, i, r.Source, v.Codes())
			}
		case facts.FailsStart:
			// Where others saw the same builds run, a revision that is not told
			// may be the cause.
			if v.Answer == Yes && r.HostRevision >= 0 && r.ImageRevision >= 0 {
				t.Errorf("%s: %s on %s, %s: fails for %s, but yes %v", r.ID, image, host, i, r.Source, v.Codes())
			}
		case facts.RefusedPull:
			if v.Pull == Passes && r.ID != "F08" { // F08 is of the containerd image store
				t.Errorf("%s: %s on %s: refused for %s, but accepted", r.ID, image, host, r.Source)
			}
		}
	}
}

func TestEras(t *testing.T) {
	for _, c := range []struct {
		runtime string
		rule    Rule
		order   Order
	}{
		{"containerd@1.4.13", RuleNone, OrderIndex}, {"containerd@1.5.0", RuleExactStrict, OrderRevision},
		{"containerd@1.6.17", RuleExactStrict, OrderRevision}, {"containerd@1.6.18", RuleExact, OrderRevision},
		{"containerd@1.6.22", RuleExact, OrderRevision}, {"containerd@1.6.23", RuleOld, OrderRevision},
		{"containerd@1.6.39", RuleOld, OrderRevision}, {"containerd@1.7.5", RuleExact, OrderIndex},
		{"containerd@1.7.6", RuleOld, OrderIndex}, {"containerd://1.7.7-k3s1", RuleOld, OrderIndex}, {"containerd@1.7.34", RuleOld, OrderIndex},
		{"containerd@2.0.11", RuleOld, OrderIndex}, {"containerd@2.1.5", RuleOld, OrderIndex}, {"containerd@2.1.6", RuleNew, OrderIndex},
		{"containerd@v2.2.9", RuleNew, OrderIndex}, {"containerd@2.3.4", RuleNew, OrderIndex}, {"containerd@2.3.5", RuleABI, OrderIndex},
		{"containerd@2.4.2", RuleABI, OrderIndex}, {"containerd", RuleABI, OrderIndex},
		{"docker@24.0.7", RuleMobyClassic, OrderHostBuild}, {"docker@17.06.2-ee-13", RuleMobyClassic, OrderHostBuild},
		{"docker-containerd@24.0", RuleExact, OrderIndex}, {"docker-containerd@28.5.2", RuleOld, OrderIndex},
		{"docker-containerd@29.0.0", RuleNew, OrderIndex}, {"docker-containerd", RuleNew, OrderIndex},
	} {
		r, err := ParseRuntime(c.runtime)
		if err != nil {
			t.Error(err)
			continue
		}
		if e := r.Era(); e.Rule != c.rule || e.Order != c.order {
			t.Errorf("%s: rule %s, order %d, want %s, %d", c.runtime, e.Rule, e.Order, c.rule, c.order)
		}
	}
	for _, s := range []string{"", "podman", "docker@", "docker@x", "containerd@1.x", "none@1", "containerd@1.2.3.4.5", "docker@0"} {
		if r, err := ParseRuntime(s); err == nil {
			t.Errorf("ParseRuntime(%q) = %v, want an error", s, r)
		}
	}
	for _, e := range []Engine{Docker, DockerContainerd, Containerd} {
		list := e.Eras()
		for i := 1; i < len(list); i++ {
			if !list[i-1].From.less(list[i].From) {
				t.Errorf("%s: era %s does not come after %s", e, list[i].From, list[i-1].From)
			}
		}
	}
}

func TestRemedies(t *testing.T) {
	kinds := func(list []Remedy) string {
		var s []string
		for _, r := range list {
			s = append(s, string(r.Kind))
		}
		return strings.Join(s, " ")
	}
	tags := []Candidate{
		{"servercore:ltsc2025", winver.OfBuild(26100), winver.Version{}}, {"servercore:ltsc2022", winver.OfBuild(20348), winver.Version{}},
		{"servercore:20H2", winver.OfBuild(19042), winver.Version{}}, // out of support: never a remedy
		{"servercore:ltsc2019", winver.OfBuild(17763), winver.Version{}}, {"servercore:10.0.14393.1770", winver.New(14393, 1770), winver.Version{}},
	}
	for _, c := range []struct {
		host    string
		e       winver.Edition
		runtime string
		k8s     bool
		image   string
		want    string
	}{
		{"17763", winver.Server, "docker", false, "20348", "tag host"},
		{"20348", winver.Server, "docker", false, "17763", "tag isolation host"},
		{"20348", winver.Server, "containerd", true, "17763", "tag placement"},
		{"20348", winver.Server, "containerd", false, "17763", "tag host"}, // the pull is refused for Hyper-V too
		{"14393.1770", winver.Server, "docker", false, "14393.1944", "pin isolation update-host"},
		{"26200", winver.Client, "containerd@2.2.0", false, "20348", "runtime host"},
		{"20348", winver.Server, "docker", false, "20348", ""},
		{"17763", winver.Client, "docker", false, "20348", "tag pin host"},
		{"19045", winver.Client, "docker", false, "20348", "tag pin host"},
	} {
		q, _ := ask(t, c.host, c.e, c.runtime, DefaultIsolation, c.image)
		q.Kubernetes = c.k8s
		v := Decide(f, &q)
		list := v.Remedies(f, &q, "IMAGE", tags)
		if got := kinds(list); got != c.want {
			t.Errorf("host %s, %s, image %s: %q, want %q", c.host, c.runtime, c.image, got, c.want)
		}
		for _, r := range list {
			if strings.Contains(r.Text, "20H2") {
				t.Errorf("host %s, image %s: out of support: %s", c.host, c.image, r.Text)
			}
			if strings.Contains(r.Command, "hyperv") && (c.k8s || version(t, c.image).Build > version(t, c.host).Build) {
				t.Errorf("host %s, image %s: a command that cannot work: %s", c.host, c.image, r.Command)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	q, _ := ask(t, "26100.2894", winver.Server, "containerd@2.2.0", Process, "10.0.20348.3091", "10.0.26100.3194", "10.0.17763.1")
	if n := testing.AllocsPerRun(100, func() { Decide(f, &q) }); n != 0 {
		t.Errorf("Decide allocates %v times", n)
	}
}

// FuzzDecide: whatever the numbers, an image newer than its host never runs,
// an equal build of our time never fails, and each remedy's command keeps to
// the rules.
func FuzzDecide(fz *testing.F) {
	fz.Add(uint16(20348), uint32(2227), uint16(17763), uint32(437), uint8(1), uint8(1), uint8(3), uint16(2), uint16(2))
	fz.Add(uint16(14393), uint32(1770), uint16(14393), uint32(1944), uint8(1), uint8(0), uint8(1), uint16(20), uint16(10))
	fz.Fuzz(func(t *testing.T, hb uint16, hr uint32, ib uint16, ir uint32, iso, ed, engine uint8, major, minor uint16) {
		host, image := winver.OfBuild(uint32(hb)), winver.OfBuild(uint32(ib))
		if hr%3 > 0 {
			host = host.WithRevision(hr % 100000)
		}
		if ir%3 > 0 {
			image = image.WithRevision(ir % 100000)
		}
		q := Question{Host: Host{Version: host, Edition: winver.Edition(ed % 3)}, Isolation: Isolation(iso % 3), Runtime: Runtime{Engine(engine % 4), Release{major, minor, 0}},
			Kubernetes: iso&16 > 0, Image: Image{Manifest: iso&32 > 0, Children: []Child{{OS: "windows", OSVersion: image.String(), Version: image}}}}
		v := Decide(f, &q)
		if image.Build > host.Build && host.IsValid() && v.Answer != No {
			t.Errorf("image %s, newer than host %s: %s", image, host, v.Answer)
		}
		if v.n == 0 {
			t.Errorf("image %s on host %s: %s without a reason", image, host, v.Answer)
		}
		for _, r := range v.Reasons(f, &q) {
			if r.Text == "" || r.Source == "" {
				t.Errorf("reason %s has no text or source", r.Code)
			}
		}
		v.Message(&q, "IMAGE")
		for _, r := range v.Remedies(f, &q, "IMAGE", nil) {
			if strings.Contains(r.Command, "--isolation=hyperv") && (q.Kubernetes || image.Build > host.Build) {
				t.Errorf("image %s on host %s: %s cannot work", image, host, r.Command)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	q, _ := ask(b, "26100.2894", winver.Server, "containerd@2.2.0", Process, "10.0.20348.3207")
	b.ReportAllocs()
	for b.Loop() {
		if v := Decide(f, &q); v.Answer != Yes {
			b.Fatal(v.Answer)
		}
	}
}

func BenchmarkAllows(b *testing.B) {
	host, image := winver.New(26100, 2894), winver.New(20348, 3207)
	b.ReportAllocs()
	for b.Loop() {
		if !RuleABI.Allows(host, image) {
			b.Fatal("refused")
		}
	}
}

func TestDockerRuntime(t *testing.T) {
	for _, c := range [...]struct{ driver, version, want string }{
		{"windowsfilter", "20.10.12", "docker 20.10.12"},
		{"windows", "29.6.2", "docker-containerd 29.6.2"},
		{"", "23.0.1", "docker 23.0.1"},
		{"windowsfilter", "master-dockerproject", "docker "},
	} {
		r := DockerRuntime(c.driver, c.version)
		if got := r.Engine.String() + " " + r.Release.String(); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.driver, c.version, got, c.want)
		}
	}
}

// TestARM64: the facts are of amd64 machines, so of others nothing is said.
func TestARM64(t *testing.T) {
	q := Question{Host: Host{Version: winver.OfBuild(26100), Edition: winver.Client, ARM64: true}, Runtime: Runtime{Engine: Docker},
		Image: Image{Children: []Child{{OS: "windows", Architecture: "amd64", OSVersion: "10.0.26100.1742", Version: winver.New(26100, 1742)}}}}
	v := Decide(f, &q)
	if v.Answer != Unknown || !v.Has(HostArchitecture) || len(v.Remedies(f, &q, "a", nil)) != 0 {
		t.Errorf("%s %v %v", v.Answer, v.Codes(), v.Remedies(f, &q, "a", nil))
	}
}
