package kube

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// A labelCase is a node, as "KERNEL | RUNTIME", with labels, "MANAGER KEY=VALUE" (ours:
// winmatch; several managers: A+B), and what must be planned, a line each:
//
//   - KEY=VALUE     set
//     ~ KEY=VALUE     set, where there was another value
//   - KEY           removed
//     = KEY           given up, it stays
//     ! KEY=VALUE     of others, wanted
//     !! KEY=VALUE    the same, and it says what is not so
//     lie TEXT, unknown TEXT: what begins so
type labelCase struct {
	name, node string
	labels     []string
	want       []string
	force      bool
	undo       bool
}

const (
	w22    = "10.0.20348.5622 | containerd://2.1.6"
	build  = "beta.kubernetes.io/osbuild"
	full   = "winmatch.github.io/version"
	runs22 = "winmatch.github.io/runs-20348"
)

var labelCases = []labelCase{
	{name: "nothing yet", node: w22, want: []string{"+ " + build + "=20348", "+ " + runs22 + "=true", "+ " + full + "=10.0.20348.5622"}},
	{name: "Windows Server 2016", node: "10.0 14393 (14393.1715.amd64fre.rs1_release_inmarket.170906-1810) | docker://17.6.2",
		want: []string{"+ " + build + "=14393.1715", "+ winmatch.github.io/runs-14393.1715=true", "+ " + full + "=10.0.14393.1715"}},
	{name: "Windows Server 2016 without its revision", node: "10.0.14393 | docker://17.6.2", want: []string{"unknown its revision"}},
	{name: "1709", node: "10.0.16299.15 | docker://17.6.2",
		want: []string{"+ " + build + "=16299", "+ winmatch.github.io/runs-16299=true", "+ " + full + "=10.0.16299.15"}},
	{name: "no revision", node: "10.0.20348.0 | containerd://2.1.6", want: []string{"+ " + build + "=20348", "+ " + runs22 + "=true", "unknown its revision"}},
	{name: "a runtime that takes older images", node: "10.0.26100.33158 | containerd://2.3.5",
		want: []string{"+ " + build + "=26100", "+ " + runs22 + "=true", "+ winmatch.github.io/runs-26100=true", "+ " + full + "=10.0.26100.33158"}},
	{name: "one that does not", node: "10.0.26100.33158 | containerd://1.7.2",
		want: []string{"+ " + build + "=26100", "+ winmatch.github.io/runs-26100=true", "+ " + full + "=10.0.26100.33158"}},
	{name: "a runtime that nobody knows", node: "10.0.20348.5622 | cri-o://1.30.0", labels: []string{"winmatch " + runs22 + "=true"},
		want: []string{"- " + runs22, "+ " + build + "=20348", "+ " + full + "=10.0.20348.5622", "unknown its runtime"}},
	{name: "a runtime that does not run there", node: "10.0.14393.1715 | containerd://2.1.6", want: []string{"+ " + build + "=14393.1715", "+ " + full + "=10.0.14393.1715"}},
	{name: "unknown", node: "6.1 | containerd://2.1.6", labels: []string{"winmatch " + full + "=10.0.20348.1", "kubectl-label " + build + "=1"}, want: []string{"unknown its Windows version"}},
	{name: "right", node: w22, labels: []string{"winmatch " + build + "=20348", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622", "kubelet node.kubernetes.io/windows-build=10.0.20348", "x a=b"}},
	{name: "right, whoever has set it", node: w22, labels: []string{"a " + build + "=20348", "b " + runs22 + "=true", " " + full + "=10.0.20348.5622"}},
	{name: "updated", node: w22, labels: []string{"winmatch " + build + "=20348", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.2227"},
		want: []string{"~ " + full + "=10.0.20348.5622"}},
	{name: "upgraded", node: w22, labels: []string{"winmatch " + build + "=17763", "winmatch winmatch.github.io/runs-17763=true", "winmatch " + full + "=10.0.17763.9245", "kubelet node.kubernetes.io/windows-build=10.0.17763"},
		want: []string{"- winmatch.github.io/runs-17763", "~ " + build + "=20348", "+ " + runs22 + "=true", "~ " + full + "=10.0.20348.5622",
			"lie the label node.kubernetes.io/windows-build says 10.0.17763, the node runs 10.0.20348.5622"}},
	{name: "another's that lies", node: w22, labels: []string{"kubectl-label " + build + "=17763"},
		want: []string{"+ " + runs22 + "=true", "+ " + full + "=10.0.20348.5622", "!! " + build + "=20348"}},
	{name: "the same, forced", node: w22, labels: []string{"kubectl-label " + build + "=17763"}, force: true,
		want: []string{"~ " + build + "=20348", "+ " + runs22 + "=true", "+ " + full + "=10.0.20348.5622"}},
	{name: "ours and another's that lies", node: w22, labels: []string{"winmatch+helm " + build + "=17763", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622"},
		want: []string{"!! " + build + "=20348"}},
	{name: "another's that is no version", node: w22, labels: []string{"kubectl-label " + build + "=new", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622"},
		want: []string{"!! " + build + "=20348"}},
	{name: "another's of the same meaning", node: w22, labels: []string{"kubectl-label " + build + "=10.0.20348", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622"}},
	{name: "another's that says less", node: "10.0.14393.1715 | docker://17.6.2", labels: []string{"kubectl-label " + build + "=14393"},
		want: []string{"+ winmatch.github.io/runs-14393.1715=true", "+ " + full + "=10.0.14393.1715", "! " + build + "=14393.1715"}},
	{name: "another's that says more", node: "10.0.14393.1715 | docker://17.6.2", labels: []string{"kubectl-label " + build + "=10.0.14393.1715"},
		want: []string{"+ winmatch.github.io/runs-14393.1715=true", "+ " + full + "=10.0.14393.1715"}},
	{name: "of no record", node: w22, labels: []string{"x a=b", " " + build + "=17763", " winmatch.github.io/runs-17763=true"},
		want: []string{"~ " + build + "=20348", "+ " + runs22 + "=true", "+ " + full + "=10.0.20348.5622", "!! winmatch.github.io/runs-17763="}},
	{name: "another says what it runs", node: w22, labels: []string{"winmatch " + build + "=20348", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622", "kubectl-label winmatch.github.io/runs-17763=true", "winmatch+b winmatch.github.io/runs-26100=true"},
		want: []string{"= winmatch.github.io/runs-26100", "!! winmatch.github.io/runs-17763=", "!! winmatch.github.io/runs-26100="}},
	{name: "a user's own", node: w22, labels: []string{"winmatch " + build + "=20348", "winmatch " + runs22 + "=true", "winmatch " + full + "=10.0.20348.5622", "me corp/os-version=ws2019"},
		want: []string{"lie the label corp/os-version says ws2019, the node runs 10.0.20348.5622"}},
	{name: "Linux", node: "linux", labels: []string{"kubectl-label " + build + "=17763"}},
	{name: "Linux since", node: "linux", labels: []string{"winmatch " + build + "=17763"}, want: []string{"- " + build}},

	{name: "undo", node: w22, undo: true, labels: []string{"winmatch " + build + "=20348", "winmatch+helm " + runs22 + "=true", "kubectl-label " + full + "=1", "winmatch x=y"},
		want: []string{"- " + build, "- x", "= " + runs22}},
	{name: "nothing to undo", node: w22, undo: true, labels: []string{"kubectl-label " + build + "=20348"}},
	{name: "undo of a node that nobody knows", node: "6.1 | x", undo: true, labels: []string{"winmatch " + build + "=20348"}, want: []string{"- " + build}},
}

func (c *labelCase) object(t *testing.T) *corev1.Node {
	t.Helper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", UID: "u", Labels: map[string]string{}}}
	kernel, runtime, windows := strings.Cut(c.node, " | ")
	n.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: "windows", KernelVersion: kernel, ContainerRuntimeVersion: runtime}
	if !windows {
		n.Status.NodeInfo.OperatingSystem = "linux"
	}
	fields := map[string]map[string]any{}
	for _, l := range c.labels {
		who, label, _ := strings.Cut(l, " ")
		key, value, _ := strings.Cut(label, "=")
		n.Labels[key] = value
		for m := range strings.SplitSeq(who, "+") {
			if m != "" && fields[m] == nil {
				fields[m] = map[string]any{".": map[string]any{}}
			}
			if m != "" {
				fields[m]["f:"+key] = map[string]any{}
			}
		}
	}
	for _, m := range slices.Sorted(maps.Keys(fields)) {
		raw, err := json.Marshal(map[string]any{"f:metadata": map[string]any{"f:labels": fields[m]}})
		if err != nil {
			t.Fatal(err)
		}
		op := metav1.ManagedFieldsOperationUpdate
		if m == Manager {
			op = metav1.ManagedFieldsOperationApply
		}
		n.ManagedFields = append(n.ManagedFields, metav1.ManagedFieldsEntry{Manager: m, Operation: op, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(raw))})
	}
	return n
}

func (l *NodeLabels) lines() (list []string) {
	if l == nil {
		return nil
	}
	for _, k := range l.Remove {
		list = append(list, "- "+k)
	}
	for _, k := range l.Release {
		list = append(list, "= "+k)
	}
	for _, k := range slices.Sorted(maps.Keys(l.Set)) {
		sign := "+"
		if _, ok := l.Was[k]; ok {
			sign = "~"
		}
		list = append(list, sign+" "+k+"="+l.Set[k])
	}
	for _, h := range l.Held {
		sign := "!"
		if h.Lie != "" {
			sign = "!!"
		}
		if !h.Taken {
			list = append(list, sign+" "+h.Key+"="+h.Wanted)
		}
	}
	for _, t := range l.Lies {
		list = append(list, "lie "+t)
	}
	if l.Unknown != "" {
		list = append(list, "unknown "+l.Unknown)
	}
	return list
}

func TestLabels(t *testing.T) {
	f := facts.Embedded()
	for _, c := range labelCases {
		t.Run(c.name, func(t *testing.T) {
			l := &Labeler{Reader: &Reader{Facts: f}, Today: today, Undo: c.undo, Force: c.force}
			p := l.plan(c.object(t))
			got := p.lines()
			if !slices.EqualFunc(got, c.want, func(g, w string) bool { return g == w || strings.HasPrefix(w, "unknown") && strings.HasPrefix(g, w) }) {
				t.Errorf("planned\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if p == nil {
				return
			}
			for _, h := range p.Held {
				if _, ours := p.apply[h.Key]; ours != h.Taken {
					t.Errorf("%s is applied: %t, taken over: %t", h.Key, ours, h.Taken)
				}
			}
			if strings.Contains(p.Command(), "--force-conflicts") != (c.force && len(p.Held) > 0) {
				t.Errorf("the command is %s", p.Command())
			}
		})
	}
}

// TestRunsLabel: the names are labels as Kubernetes takes them, and every one is of
// a version.
func TestRunsLabel(t *testing.T) {
	for v, want := range map[winver.Version]string{
		winver.OfBuild(20348):   "winmatch.github.io/runs-20348",
		winver.New(20348, 5622): "winmatch.github.io/runs-20348",
		winver.New(14393, 1715): "winmatch.github.io/runs-14393.1715",
		winver.OfBuild(14393):   "",
	} {
		if got := RunsLabel(v); got != want {
			t.Errorf("RunsLabel(%s) = %q, want %q", v, got, want)
		}
		if want != "" && !versionLabel(want) {
			t.Errorf("%s is no label of a version", want)
		}
	}
}

// TestRelabel: a node that will be another one has the labels that it will have, as
// far as it has any.
func TestRelabel(t *testing.T) {
	f := facts.Embedded()
	for _, c := range []struct{ node, labels, want string }{
		{"10.0.20348.5622 | containerd://2.1.6", "a=b", "a=b"},
		{"10.0.20348.5622 | containerd://2.1.6", "a=b " + build + "=17763", "a=b " + build + "=20348"},
		{"10.0.14393 | docker://17.6.2", build + "=17763 a=b", "a=b"},
		{"10.0.26100 | containerd://2.3.5", full + "=10.0.20348.1 " + runs22 + "=true",
			build + "=26100 " + runs22 + "=true winmatch.github.io/runs-26100=true"},
		{"10.0.20348.5622 | containerd://2.1.6", "winmatch.github.io/runs-17763=true", build + "=20348 " + runs22 + "=true " + full + "=10.0.20348.5622"},
	} {
		object := (&labelCase{node: c.node}).object(t)
		for l := range strings.FieldsSeq(c.labels) {
			key, value, _ := strings.Cut(l, "=")
			object.Labels[key] = value
		}
		n := NodeOf(f, object)
		n.Relabel(f)
		var got []string
		for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
			got = append(got, key+"="+n.Labels[key])
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.labels, c.node, got, c.want)
		}
	}
}

// TestCommandQuotes: whatever a server calls its nodes stays one word of the shell.
func TestCommandQuotes(t *testing.T) {
	l := &NodeLabels{Node: &Node{Name: "a';rm -rf '$HOME"}}
	if got := l.Command(); strings.Count(got, "'") != 2 {
		t.Error(got)
	}
}
