package kube

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/doctor/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestUnseenNodes: where some nodes could not be read, nothing is said of all
// nodes: one that was not seen may run the image, or have the label.
func TestUnseenNodes(t *testing.T) {
	for _, name := range []string{"intersection", "taints", "template", "waiting"} {
		c := load(t, testdata(t, name))
		c.Unseen = append(c.Unseen, Unseen{Resource: "nodes", Why: "EOF", Partial: true})
		d := Doctor{Facts: facts.Embedded(), Today: today, Images: &Images{Facts: facts.Embedded(), Offline: true}}
		for _, line := range lines(d.Examine(t.Context(), c)) {
			if strings.HasPrefix(line, string(NoNode)) || strings.HasPrefix(line, string(Waiting)) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// TestOpenRuntimeClass: a template of a runtime class that could not be seen is not
// judged: where its pods may be put is not known.
func TestOpenRuntimeClass(t *testing.T) {
	text := strings.Replace(testdata(t, "template"), "containers:", "runtimeClassName: windows-2019\n          containers:", 1)
	if !strings.Contains(text, "runtimeClassName") {
		t.Fatal("no template")
	}
	if got := lines(examine(t, text)); len(got) > 0 {
		t.Errorf("found %q", got)
	}
}

// TestHold: the digest that nodes have of a tag; none where they differ.
func TestHold(t *testing.T) {
	const a, b = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	const x, y = "registry.example/x", "mirror.example/x"
	for _, test := range []struct {
		what  string
		nodes [][][]string
		want  string
	}{
		{"one node", [][][]string{{{x + a, x + ":1"}}}, x + a},
		{"two nodes that agree", [][][]string{{{x + a, x + ":1"}}, {{x + ":1", x + a}}}, x + a},
		{"two repositories of one image", [][][]string{{{y + a, x + a, x + ":1"}}}, y + a},
		{"a tag that has moved", [][][]string{{{x + a, x + ":1"}}, {{x + b, x + ":1"}}, {{x + a, x + ":1"}}}, ""},
		{"two digests", [][][]string{{{x + a, x + b, x + ":1"}}}, ""},
		{"no digest", [][][]string{{{x + ":1"}}}, ""},
		{"another tag", [][][]string{{{x + a, x + ":2"}}}, ""},
	} {
		c := Cluster{Held: map[string]string{}}
		for _, images := range test.nodes {
			n := &corev1.Node{}
			for _, names := range images {
				n.Status.Images = append(n.Status.Images, corev1.ContainerImage{Names: names})
			}
			c.hold(n)
		}
		if got := c.Held[x+":1"]; got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
}

// TestPullSecretKeys: keys of pull secrets as the kubelet takes them.
// https://kubernetes.io/docs/concepts/containers/images/#config-json
func TestPullSecretKeys(t *testing.T) {
	for _, test := range []struct {
		key, reference string
		want           bool
	}{
		{"registry.example.com", "registry.example.com/a/b:1", true},
		{"https://registry.example.com", "registry.example.com/a/b:1", true},
		{"https://registry.example.com/v2/", "registry.example.com/a/b:1", true},
		{"*.example.com", "registry.example.com/a:1", true},
		{"*.example.com", "example.com/a:1", false},
		{"*.example.com", "a.b.example.com/a:1", false},
		{"*.*.example.com", "a.b.example.com/a:1", true},
		{"reg*.example.com", "registry.example.com/a:1", true},
		{"reg?stry.example.com", "registry.example.com/a:1", true},
		{"*.example.com/team", "registry.example.com/team/a:1", true},
		{"*.example.com/team", "registry.example.com/other/a:1", false},
		{"*.example.com/team", "registry.example.com/teamwork/a:1", true}, // a prefix, not a folder
		{"registry.example.com/team/a", "registry.example.com/team/a:1", true},
		{"registry.example.com:5000", "registry.example.com:5000/a:1", true},
		{"registry.example.com:5000", "registry.example.com/a:1", false},
		{"*.example.com:5000", "registry.example.com:5000/a:1", true},
		{"*.example.com", "registry.example.com:5000/a:1", false},
		{"https://index.docker.io/v1/", "nginx:1", true},
		{"https://index.docker.io/v1/", "team/app:1", true},
		{"docker.io", "team/app:1", true},
		{"*", "nginx:1", false},
		{"*.io", "nginx:1", true},
		{"[a", "nginx:1", false},
	} {
		ref, ok := parse(test.reference)
		if !ok {
			t.Fatal(test.reference)
		}
		if got := matches(test.key, ref); got != test.want {
			t.Errorf("%s for %s: %t", test.key, test.reference, got)
		}
	}
}

// TestFailedThere: what failures tell of other nodes.
func TestFailedThere(t *testing.T) {
	v := func(s string) winver.Version {
		t.Helper()
		v, err := winver.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	c := &Container{Image: "registry.example/x:1"}
	old := &Node{OS: "windows", Host: winver.Host{Version: v("10.0.20348.1000")}}
	patched := &Node{OS: "windows", Host: winver.Host{Version: v("10.0.20348.5622")}}
	other := &Node{OS: "windows", Host: winver.Host{Version: v("10.0.20348.1000")}, Runtime: compat.Runtime{Engine: compat.Containerd}}
	e := &exam{ran: map[seen]bool{}, failed: map[seen]bool{}}
	answers := func() (list []compat.Answer) {
		for _, n := range []*Node{old, patched, other} {
			p := Place{Answer: compat.Unknown}
			e.weigh(c, n, &p)
			list = append(list, p.Answer)
		}
		return list
	}
	check := func(what string, want ...compat.Answer) {
		t.Helper()
		for i, got := range answers() {
			if got != want[i] {
				t.Errorf("%s, node %d: %s, want %s", what, i, got, want[i])
			}
		}
		clear(e.failed)
	}
	check("nothing", compat.Unknown, compat.Unknown, compat.Unknown)
	e.failed[seen{image: c.Image, version: v("10.0.20348")}] = true
	check("of the build", compat.No, compat.No, compat.No)
	e.failed[seen{image: c.Image, version: v("10.0.20348.1000")}] = true
	check("of the revision", compat.No, compat.Unknown, compat.No)
	e.failed[seen{image: c.Image, version: v("10.0.20348"), runtime: other.Runtime}] = true
	check("of the runtime", compat.Unknown, compat.Unknown, compat.No)

	e.failed[seen{image: c.Image, version: v("10.0.20348")}] = true
	p := Place{Answer: compat.Yes}
	if e.weigh(c, old, &p); p.Answer != compat.Risky || !p.Seen {
		t.Errorf("it is expected to run, and failed: %s", p.Answer)
	}
	e.ran[seenOn(c, old)] = true
	p = Place{Answer: compat.Yes}
	if e.weigh(c, old, &p); p.Answer != compat.Yes {
		t.Errorf("it is expected to run, ran and failed: %s", p.Answer)
	}
}
