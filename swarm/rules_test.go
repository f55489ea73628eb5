package swarm

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

var today = facts.ParseDate("2026-11-24")

// windowsNode is a node with a Windows that is known; name is its ID too.
func windowsNode(name, version string, labels ...string) *Node {
	n := &Node{ID: name, Name: name, Hostname: name, Role: "worker", Availability: "active", State: "ready", OS: "windows", Arch: "x86_64", Labels: map[string]string{}}
	if v, err := winver.Parse(version); err == nil {
		n.Windows = Windows{Version: v, Edition: winver.EditionOf(facts.Embedded(), v.Build), Source: ByUser, Runtime: compat.Runtime{Engine: compat.Docker}}
	}
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		n.Labels[key] = value
	}
	return n
}

func linuxNode(name string) *Node {
	return &Node{ID: name, Name: name, Hostname: name, Role: "manager", Availability: "active", State: "ready", OS: "linux", Arch: "x86_64"}
}

func imageOf(versions ...string) *Image {
	m := &Image{Reference: "a.example/a:1"}
	for _, s := range versions {
		v, err := winver.Parse(s)
		c := compat.Child{OS: "windows", Architecture: "amd64", OSVersion: s, Version: v}
		if err != nil {
			c = compat.Child{OS: s, Architecture: "amd64"}
		}
		m.Children = append(m.Children, c)
	}
	return m
}

// TestConstraint holds constraints against the rules of swarmkit's scheduler.
// https://github.com/moby/swarmkit/blob/v2.0.0/manager/constraint/constraint_test.go
func TestConstraint(t *testing.T) {
	n := windowsNode("Win-1", "", "OS=windows", "empty=")
	n.Addr, n.EngineLabels = "10.0.0.7", map[string]string{"disk": "SSD"}
	for text, want := range map[string]bool{
		"node.hostname==win-1": true, "node.hostname!=WIN-1": false, "NODE.HOSTNAME == Win-1": true, "node.id==Win-1": true,
		"node.hostname==win-*": false, "node.hostname!=win-*": true, // no globs
		"node.role==worker": true, "node.role!=manager": true, "node.platform.os==Windows": true, "node.platform.arch==x86_64": true, "node.platform.arch==amd64": false,
		"node.labels.OS==WINDOWS": true, "Node.Labels.OS==windows": true, "node.labels.os==windows": false, "node.labels.os!=windows": true,
		"node.labels.missing!=x": true, "node.labels.missing==x": false, "node.labels.==x": false, "node.labels.!=x": false,
		"engine.labels.disk==ssd": true, "engine.labels.disk!=hdd": true, "engine.labels.Disk==ssd": false,
		"node.ip==10.0.0.7": true, "node.ip!=10.0.0.7": false, "node.ip==10.0.0.0/24": true, "node.ip!=10.0.0.0/24": false, "node.ip==10.1.0.0/16": false, "node.ip!=nonsense": false,
		"node.colour!=red": false, "nonsense": false, "": false, "node.id==a==Win-1": false,
	} {
		if ok, _ := parseConstraint(text).check(n); ok != want {
			t.Errorf("%q: %v, want %v", text, ok, want)
		}
	}
	for text, fine := range map[string]bool{
		"node.labels.OS==windows": true, "a_==b": true, "node.role == worker": true, "ab!=x y*z": true,
		"a==b": false, "==b": false, "ab==": false, "ab=b": false, "1ab==b": false, "ab==b=c": false, "ab==ä": false, "ab>=b": false,
	} {
		if got := validConstraint(text); got == "" != fine {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestExcluded holds platforms, as the scheduler compares them.
func TestExcluded(t *testing.T) {
	n := windowsNode("w", "10.0.20348")
	for want, list := range map[string][]Platform{
		"": nil,
		"the image is for linux/amd64, the node is windows/amd64":   {{"linux", "amd64"}},
		"the image is for windows/arm64, the node is windows/amd64": {{"windows", "aarch64"}},
	} {
		v := Service{Platforms: list}
		if got := v.excluded(n); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
	for _, list := range [][]Platform{{{"windows", "amd64"}}, {{"windows", ""}}, {{"", ""}}, {{"linux", "amd64"}, {"windows", "x86_64"}}} {
		v := Service{Platforms: list}
		if got := v.excluded(n); got != "" {
			t.Errorf("%v: %q", list, got)
		}
	}
}

// TestJudge: what was seen counts more than what is reckoned, and what is not
// known stays so.
func TestJudge(t *testing.T) {
	const refused = "hcsshim::CreateComputeSystem: The container operating system does not match the host operating system. (0xc0370101)"
	for name, c := range map[string]struct {
		node    *Node
		image   *Image
		service Service
		answer  compat.Answer
		by      By
	}{
		"same build":                    {windowsNode("w", "10.0.20348"), imageOf("10.0.20348"), Service{}, compat.Yes, ByVerdict},
		"newer":                         {windowsNode("w", "10.0.17763"), imageOf("10.0.20348"), Service{}, compat.No, ByVerdict},
		"older":                         {windowsNode("w", "10.0.20348"), imageOf("10.0.17763"), Service{}, compat.No, ByVerdict},
		"older, hyperv":                 {windowsNode("w", "10.0.20348"), imageOf("10.0.17763"), Service{Isolation: compat.HyperV}, compat.Yes, ByVerdict},
		"newer, hyperv":                 {windowsNode("w", "10.0.17763"), imageOf("10.0.20348"), Service{Isolation: compat.HyperV}, compat.No, ByVerdict},
		"a client's default":            {windowsNode("w", "10.0.22631"), imageOf("10.0.17763"), Service{}, compat.Yes, ByVerdict},
		"of several":                    {windowsNode("w", "10.0.20348"), imageOf("10.0.17763", "10.0.20348"), Service{}, compat.Yes, ByVerdict},
		"it runs":                       {windowsNode("w", "10.0.17763"), imageOf("10.0.20348"), Service{RunsOn: map[string]bool{"w": true}}, compat.Yes, ByRunning},
		"it was refused":                {windowsNode("w", ""), imageOf("10.0.20348"), Service{Groups: []*Group{{Node: "w", Error: refused}}}, compat.No, ByFailure},
		"refused, although":             {windowsNode("w", "10.0.20348"), imageOf("10.0.20348"), Service{Groups: []*Group{{Node: "w", Error: refused}}}, compat.Risky, ByFailure},
		"refused elsewhere":             {windowsNode("w", ""), imageOf("10.0.20348"), Service{Groups: []*Group{{Node: "other", Error: refused}}}, compat.Unknown, ByNothing},
		"another error":                 {windowsNode("w", ""), imageOf("10.0.20348"), Service{Groups: []*Group{{Node: "w", Error: "task: non-zero exit (1)"}}}, compat.Unknown, ByNothing},
		"host not known":                {windowsNode("w", ""), imageOf("10.0.20348"), Service{}, compat.Unknown, ByNothing},
		"image not known":               {windowsNode("w", "10.0.20348"), imageOf(), Service{}, compat.Unknown, ByNothing},
		"Linux on Linux":                {linuxNode("l"), imageOf("linux"), Service{}, compat.Yes, ByPlatform},
		"Windows on Linux":              {linuxNode("l"), imageOf("10.0.20348"), Service{}, compat.No, ByPlatform},
		"both on Linux":                 {linuxNode("l"), imageOf("linux", "10.0.20348"), Service{}, compat.Yes, ByPlatform},
		"not known on Linux":            {linuxNode("l"), imageOf(), Service{}, compat.Unknown, ByPlatform},
		"2016, other revision":          {windowsNode("w", "10.0.14393.1770"), imageOf("10.0.14393.1944"), Service{}, compat.No, ByVerdict},
		"2016, of no revision":          {windowsNode("w", "10.0.14393"), imageOf("10.0.14393.1944"), Service{}, compat.Unknown, ByVerdict},
		"before February 2020":          {windowsNode("w", "10.0.17763.914"), imageOf("10.0.17763.3772"), Service{}, compat.No, ByVerdict},
		"which side of it is not known": {windowsNode("w", "10.0.17763.914"), imageOf("10.0.17763"), Service{}, compat.Unknown, ByVerdict},
	} {
		j := (&State{}).judge(facts.Embedded(), &c.service, c.node, c.image, today)
		if j.Answer != c.answer || j.By != c.by {
			t.Errorf("%s: %s by %q (%s), want %s by %q", name, j.Answer, j.By, j.Why, c.answer, c.by)
		}
	}
}

// TestPlanConstraints: the fewest constraints that let a service onto every node
// that runs it, and onto no other.
func TestPlanConstraints(t *testing.T) {
	w19 := windowsNode("w19", "10.0.17763", "winmatch.runs.17763=true")
	w22 := windowsNode("w22", "10.0.20348", "winmatch.runs.20348=true")
	w25 := windowsNode("w25", "10.0.26100", "winmatch.runs.20348=true", "winmatch.runs.26100=true")
	bare := windowsNode("bare", "10.0.20348")
	dark := windowsNode("dark", "")
	twin1, twin2 := windowsNode("twin1", "10.0.17763"), windowsNode("twin2", "10.0.20348", "winmatch.runs.20348=true")
	twin1.Hostname, twin2.Hostname = "twin", "twin"
	drained := windowsNode("drained", "10.0.20348", "winmatch.runs.20348=true")
	drained.Availability = "drain"
	for name, c := range map[string]struct {
		nodes   []*Node
		image   *Image
		service Service
		want    string // what is added, what is removed, who stays, who must be labelled first, whether it strands
	}{
		"label":           {[]*Node{w19, w22, w25}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22 w25] label [] strands false"},
		"all run it":      {[]*Node{w22, w25}, imageOf("10.0.20348"), Service{}, "+[] -[] stay [w22 w25] label [] strands false"},
		"not labelled":    {[]*Node{w19, w22, bare}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22 bare] label [bare] strands false"},
		"platform":        {[]*Node{w22, linuxNode("l")}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22] label [] strands false"},
		"not known":       {[]*Node{w22, dark}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22] label [] strands false"},
		"others' stay":    {[]*Node{w19, w22, w25}, imageOf("10.0.20348"), Service{Constraints: []string{"node.hostname!=w25"}}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22] label [] strands false"},
		"enough as it is": {[]*Node{w19, w22}, imageOf("10.0.20348"), Service{Constraints: []string{"node.hostname==w22"}}, "+[] -[] stay [w22] label [] strands false"},
		"none":            {[]*Node{w19}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [] label [] strands true"},
		"only drained":    {[]*Node{w19, drained}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [drained] label [] strands true"},
		"too few":         {[]*Node{w19, w22}, imageOf("10.0.20348"), Service{Mode: "replicated", Want: 3, MaxPerNode: 2}, "+[node.labels.winmatch.runs.20348==true] -[] stay [w22] label [] strands true"},
		"namesakes":       {[]*Node{twin1, twin2}, imageOf("10.0.20348"), Service{}, "+[node.labels.winmatch.runs.20348==true] -[] stay [twin2] label [] strands false"},
		"hyperv":          {[]*Node{w19, w22, windowsNode("w16", "10.0.14393.1770")}, imageOf("10.0.17763"), Service{Isolation: compat.HyperV}, "+[node.hostname!=w16] -[] stay [w19 w22] label [] strands false"},
		"another image since": {[]*Node{w19, w22}, imageOf("10.0.17763"), Service{Constraints: []string{"node.labels.winmatch.runs.20348==true"},
			Labels: map[string]string{LabelConstraints: `["node.labels.winmatch.runs.20348==true"]`}}, "+[node.labels.winmatch.runs.17763==true] -[node.labels.winmatch.runs.20348==true] stay [w19] label [] strands false"},
		"as it was left": {[]*Node{w19, w22}, imageOf("10.0.20348"), Service{Constraints: []string{"node.labels.winmatch.runs.20348==true"},
			Labels: map[string]string{LabelConstraints: `["node.labels.winmatch.runs.20348==true"]`}}, "+[] -[] stay [w22] label [] strands false"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &State{Nodes: c.nodes}
			p := s.PlanConstraints(facts.Embedded(), &c.service, c.image, today)
			got := fmt.Sprintf("+%v -%v stay %v label %v strands %v", p.Add, p.Remove, names(p.Stay), names(p.Labels), p.Strands != "")
			if p.Unknown != "" || got != c.want {
				t.Errorf("%s %s\nwant %s", p.Unknown, got, c.want)
			}
			// Whatever is chosen, with labels as they should be it lets the service
			// onto those that stay and onto no other.
			after := Service{Constraints: append(slices.DeleteFunc(slices.Clone(c.service.Constraints), func(x string) bool { return slices.Contains(p.Remove, x) }), p.Add...)}
			for _, n := range c.nodes {
				m := *n
				m.Labels = map[string]string{}
				for _, key := range n.Windows.Runs(facts.Embedded(), today) {
					m.Labels[key] = "true"
				}
				if in := after.excluded(&m) == ""; in != slices.Contains(p.Stay, n) {
					t.Errorf("%s: %v may be placed on %s: %v", name, after.Constraints, n.Name, in)
				}
			}
		})
	}
}

// FuzzTasks reads what an engine answers to GET /tasks: it is read or refused, and
// what is kept of it is bounded.
func FuzzTasks(f *testing.F) {
	f.Add([]byte(`[{"ID":"t","ServiceID":"s","NodeID":"n","Spec":{"ContainerSpec":{"Image":"i"}},"Status":{"State":"running"},"DesiredState":"running"}]`))
	f.Add([]byte(`[{"ID":"t","ServiceID":"s","Spec":{"ContainerSpec":{"Image":"i"}},"Status":{"State":"failed","Err":"0xc0370101 0123456789abcdef"},"DesiredState":"shutdown"},{}]`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[{"Status":{"Timestamp":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &Client{http: &http.Client{Transport: answer(body)}}
		v := &Service{ID: "s", Image: "i"}
		n := &Node{ID: "n"}
		k := tasks{state: &State{}, byID: map[string]*Service{"s": v}, nodes: map[string]*Node{"n": n}, groups: map[groupKey]*Group{}}
		count := 0
		err := streamBy(context.Background(), c, "/tasks", picked, func(w *wireTask) { count++; k.add(w) })
		sum := v.Running + v.Completed
		for _, g := range v.Groups {
			sum += g.Count
		}
		for _, n := range v.Waiting {
			sum += n
		}
		if sum > count || len(v.Groups) > maxGroups {
			t.Fatalf("%d tasks make %d, in %d groups (%v)", count, sum, len(v.Groups), err)
		}
	})
}

// answer is an engine that answers one thing.
type answer []byte

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if _, err := bytes.NewReader(a).WriteTo(w); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestARM64 holds that nothing is claimed of ARM machines: the rules are of amd64.
func TestARM64(t *testing.T) {
	f := facts.Embedded()
	n := windowsNode("win-arm", "")
	n.Arch, n.Engine = "aarch64", "29.6.2"
	s := &State{Nodes: []*Node{n}}
	h, err := winver.ParseHost(f, "10.0.26100.1742")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Learn(f, &Known{Hosts: map[string]winver.Host{"win-arm": h}}); err != nil {
		t.Fatal(err)
	}
	if runs := n.Windows.Runs(f, today); len(runs) > 0 {
		t.Errorf("labelled %v", runs)
	}
	if r := s.rule(f, &Service{}, n, imageOf("10.0.26100.1742"), today); r.verdict.Answer != compat.Unknown || !r.verdict.Has(compat.HostArchitecture) {
		t.Errorf("%v: %s", r.verdict.Answer, r.reason)
	}
	for _, u := range n.Windows.Unclaimed(f, today) {
		if !strings.Contains(u.Why, "ARM64") {
			t.Errorf("%d: %s", u.Build, u.Why)
		}
	}
}

// TestBlocked holds why the scheduler passes a node over, as its filters do.
// https://github.com/moby/swarmkit/blob/v2.0.0/manager/scheduler/filter.go
func TestBlocked(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		edit func(*Node)
		v    Service
		want string // "" for nothing
	}{
		"ready":          {func(*Node) {}, Service{}, ""},
		"down":           {func(n *Node) { n.State = "down" }, Service{}, "the node is down"},
		"disconnected":   {func(n *Node) { n.State = "disconnected" }, Service{}, "the node is disconnected"},
		"unknown":        {func(n *Node) { n.State = "unknown" }, Service{}, "the node is unknown"},
		"drained":        {func(n *Node) { n.Availability = "drain" }, Service{}, "its availability is drain"},
		"paused":         {func(n *Node) { n.Availability = "pause" }, Service{}, "its availability is pause"},
		"all the memory": {func(n *Node) { n.usedMemory = gib }, Service{Memory: gib}, ""},
		"too little":     {func(n *Node) { n.usedMemory = gib }, Service{Memory: gib + 1}, "1024 MiB of its 2048 MiB of memory are not reserved, 1024 MiB are wanted"},
		"less than none": {func(n *Node) { n.usedMemory = 3 * gib }, Service{Memory: gib}, "0 MiB of its 2048 MiB of memory are not reserved, 1024 MiB are wanted"},
		"all the CPUs":   {func(n *Node) { n.usedCPUs = 1e9 }, Service{NanoCPUs: 1e9}, ""},
		"too few":        {func(n *Node) { n.usedCPUs = 1e9 }, Service{NanoCPUs: 1.5e9}, "1 of its 2 CPUs are not reserved, 1.5 are wanted"},
	} {
		n := windowsNode("w", "10.0.20348")
		n.NanoCPUs, n.Memory = 2e9, 2*gib
		c.edit(n)
		if got := c.v.Blocked(n); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestRunsLabel holds that the revision is part of the name for Windows Server 2016
// alone, and there only where it matters.
func TestRunsLabel(t *testing.T) {
	for _, c := range []struct {
		version string
		any     bool
		want    string
	}{
		{"10.0.20348.2227", false, "winmatch.runs.20348"},
		{"10.0.14393.1770", false, "winmatch.runs.14393.1770"},
		{"10.0.14393", false, ""},
		{"10.0.14393", true, "winmatch.runs.14393"},
		{"10.0.14393.1770", true, "winmatch.runs.14393"},
	} {
		v, err := winver.Parse(c.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := RunsLabel(v, c.any); got != c.want {
			t.Errorf("%s, %v: %q, want %q", c.version, c.any, got, c.want)
		}
	}
	if (&Constraints{Remove: []string{"node.labels.a==b"}}).Changes() != true || (&Constraints{}).Changes() {
		t.Error("what is taken away is a change, nothing is none")
	}
}
