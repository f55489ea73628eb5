package kube

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
)

// choosing is a chooser among some nodes, which asks no registry.
func choosing(nodes ...Node) *Chooser {
	f := facts.Embedded()
	return &Chooser{Doctor: &Doctor{Facts: f, Today: today, Images: &Images{Facts: f, Offline: true}}, Cluster: &Cluster{Nodes: nodes}}
}

// windowsNode is a ready Windows node, with the labels that kubelets set and, where
// full is set, those of kubectl winmatch label.
func windowsNode(name, kernel, runtime string, full bool, labels ...string) Node {
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelOSStable: "windows", corev1.LabelHostname: name}},
		Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "windows", KernelVersion: kernel, ContainerRuntimeVersion: runtime},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}}
	out := NodeOf(facts.Embedded(), &n)
	if out.Host.Version.IsValid() {
		out.Labels[corev1.LabelWindowsBuild] = fmt.Sprintf("10.0.%d", out.Host.Version.Build)
	}
	if full {
		want, _ := out.labels(facts.Embedded(), today)
		for k, v := range want {
			out.Labels[k] = v
		}
	}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		if v == "-" {
			delete(out.Labels, k)
		} else {
			out.Labels[k] = v
		}
	}
	return out
}

func linuxNode(name string) Node {
	return Node{Name: name, OS: "linux", Ready: true, Labels: map[string]string{corev1.LabelOSStable: "linux", corev1.LabelHostname: name}}
}

// app is a Deployment whose pod spec is YAML.
func app(t *testing.T, spec string) *Template {
	t.Helper()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop", ResourceVersion: "1"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &d.Spec.Template.Spec); err != nil {
		t.Fatal(err)
	}
	tpl, ok := TemplateOf(d)
	if !ok {
		t.Fatal("a Deployment has a template")
	}
	return tpl
}

const (
	core = "mcr.microsoft.com/windows/servercore:"
	nano = "mcr.microsoft.com/windows/nanoserver:"
	v16  = "10.0.14393.1715"
	v19  = "10.0.17763.9245"
	v22  = "10.0.20348.5622"
	v25  = "10.0.26100.33296"
	new_ = "containerd://2.4.2"
)

func TestChoose(t *testing.T) {
	three := []Node{linuxNode("l"), windowsNode("n19", v19, new_, false), windowsNode("n22", v22, new_, false), windowsNode("n25", v25, new_, false)}
	for _, c := range []struct {
		name  string
		nodes []Node
		spec  string
		add   []string
		drop  []string
		stay  string // names of nodes
		first string // nodes to be labelled first
		text  string // of what stands in the way
	}{
		{name: "one build", nodes: three, spec: `containers: [{name: a, image: "` + core + `ltsc2019"}]`,
			add: []string{"nodeSelector kubernetes.io/os: windows", "nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, stay: "n19"},
		{name: "several builds", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`,
			add: []string{"affinity node.kubernetes.io/windows-build In (10.0.20348, 10.0.26100)"}, stay: "n22 n25"},
		{name: "init container", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows}, initContainers: [{name: i, image: "` + nano + `ltsc2022"}], containers: [{name: a, image: "` + core + `ltsc2025"}]}`,
			add: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.26100"}, stay: "n25"},
		{name: "no Windows runs both", nodes: three, spec: `{containers: [{name: a, image: "` + core + `ltsc2019"}, {name: b, image: "` + nano + `ltsc2022"}]}`,
			text: "no Windows runs both mcr.microsoft.com/windows/servercore:ltsc2019, which needs 17763, and mcr.microsoft.com/windows/nanoserver:ltsc2022, which needs 20348 or 25398 or 26100"},
		{name: "two revisions of 2016", nodes: three, spec: `{containers: [{name: a, image: "` + core + `10.0.14393.1715"}, {name: b, image: "` + nano + `10.0.14393.1770"}]}`,
			text: "which needs 14393.1715, and mcr.microsoft.com/windows/nanoserver:10.0.14393.1770, which needs 14393.1770"},
		{name: "every term", nodes: three, spec: `
nodeSelector: {kubernetes.io/os: windows}
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n22]}]}, {matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [n22]}]}]}}}
containers: [{name: a, image: "` + core + `ltsc2022"}]`,
			add: []string{"affinity node.kubernetes.io/windows-build In (10.0.20348, 10.0.26100) (term 1)", "affinity node.kubernetes.io/windows-build In (10.0.20348, 10.0.26100) (term 2)"}, stay: "n22 n25"},
		{name: "another build's selector", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows, node.kubernetes.io/windows-build: 10.0.17763}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`,
			add: []string{"affinity node.kubernetes.io/windows-build In (10.0.20348, 10.0.26100)"}, drop: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, stay: "n22 n25"},
		{name: "old label of the system", nodes: three, spec: `{nodeSelector: {beta.kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector kubernetes.io/os: windows", "nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, drop: []string{"nodeSelector beta.kubernetes.io/os: windows"}, stay: "n19"},
		{name: "a list that is too wide", nodes: three, spec: `
nodeSelector: {kubernetes.io/os: windows}
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: In, values: [10.0.17763, 10.0.20348]}]}]}}}
containers: [{name: a, image: "` + core + `ltsc2022"}]`,
			add: []string{"affinity node.kubernetes.io/windows-build In (10.0.20348)"}, drop: []string{"affinity node.kubernetes.io/windows-build In (10.0.17763, 10.0.20348)"}, stay: "n22"},
		{name: "right already", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows, node.kubernetes.io/windows-build: 10.0.20348}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`, stay: "n22"},
		{name: "runtimes of two rules", nodes: []Node{windowsNode("good", v25, "containerd://2.4.2", false), windowsNode("bad", v25, "containerd://1.6.21", false)},
			spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`,
			add:  []string{"nodeSelector winmatch.github.io/runs-20348: true"}, stay: "good", first: "good"},
		{name: "runtimes of two rules, labelled", nodes: []Node{windowsNode("good", v25, "containerd://2.4.2", true), windowsNode("bad", v25, "containerd://1.6.21", true)},
			spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`,
			add:  []string{"nodeSelector winmatch.github.io/runs-20348: true"}, stay: "good"},
		{name: "Windows Server 2016", nodes: []Node{windowsNode("a", v16, "docker://19.3.5", true), windowsNode("b", "10.0.14393.1770", "docker://19.3.5", true), windowsNode("c", "10.0.16299.15", "docker://19.3.5", true)},
			spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `10.0.14393.1715"}]}`,
			add:  []string{"nodeSelector beta.kubernetes.io/osbuild: 14393.1715"}, stay: "a"},
		{name: "Windows Server 2016 without labels", nodes: []Node{windowsNode("a", v16, "docker://19.3.5", false), windowsNode("c", "10.0.16299.15", "docker://19.3.5", false)},
			spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `10.0.14393.1715"}]}`,
			add:  []string{"nodeSelector beta.kubernetes.io/osbuild: 14393.1715"}, stay: "a", first: "a"},
		{name: "as Microsoft's page has it", nodes: []Node{windowsNode("a", v16, "docker://19.3.5", false, "beta.kubernetes.io/osbuild=14393.1715"), windowsNode("c", "10.0.16299.15", "docker://19.3.5", false)},
			spec: `{nodeSelector: {kubernetes.io/os: windows, beta.kubernetes.io/osbuild: "14393.1715"}, containers: [{name: a, image: "` + core + `10.0.14393.1715"}]}`, stay: "a"},
		{name: "no node", nodes: three[:2], spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2022"}]}`,
			add: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.20348"}, text: "no node of the cluster runs its images"},
		{name: "its own rules keep it away", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows, pool: x}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, text: "its images run on n19, and its selector or affinity keeps it from there"},
		{name: "unknown image", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "registry.example/app:1"}]}`, text: "which Windows is in registry.example/app:1 is not known"},
		{name: "unknown node", nodes: []Node{three[1], windowsNode("odd", "", new_, false)}, spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, stay: "n19"},
		{name: "Hyper-V isolation", nodes: three, spec: `{runtimeClassName: runhcs-wcow-hypervisor, nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			text: "its runtime class runhcs-wcow-hypervisor asks for Hyper-V isolation, which Kubernetes does not support: which nodes run it is not known"},
		{name: "Linux", nodes: three, spec: `{nodeSelector: {kubernetes.io/os: linux}, containers: [{name: a, image: "nginx:1.27"}]}`, text: "it is not for Windows nodes"},
		{name: "HostProcess", nodes: three, spec: `{securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector kubernetes.io/os: windows", "nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, stay: "n19"}, // no other pulls it
		{name: "HostProcess everywhere", nodes: three[:2], spec: `{securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector kubernetes.io/os: windows"}, stay: "n19"},
		{name: "behind a floating tag", nodes: []Node{windowsNode("old", "10.0.17763.1397", new_, false), three[2]}, spec: `{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a, image: "` + core + `ltsc2019"}]}`,
			add: []string{"nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}, stay: "old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := choosing(c.nodes...).Plan(app(t, c.spec))
			if !slices.Equal(p.Add, c.add) || !slices.Equal(p.Remove, c.drop) {
				t.Errorf("adds %q, removes %q", p.Add, p.Remove)
			}
			if s := nodeNames(p.Stay); s != c.stay {
				t.Errorf("remain %q, want %q", s, c.stay)
			}
			if s := nodeNames(p.Labels); s != c.first {
				t.Errorf("to be labelled first %q, want %q", s, c.first)
			}
			if text := p.Strands + p.Unknown + p.Aside; text != c.text && (c.text == "" || !strings.Contains(text, c.text)) {
				t.Errorf("%q, want %q", text, c.text)
			}
		})
	}
}

func nodeNames(list []*Node) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	return strings.Join(out, " ")
}

// TestChooseHolds holds the rule, on clusters and pods by chance: a node admits the
// pods after exactly where it did before and the answer is yes; a node whose answer
// is no, or not known, never; what the change widens it says. A second run changes
// nothing, the patch does what the plan says, and undo restores.
func TestChooseHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	kernels := []string{v16, "10.0.14393.1770", v19, "10.0.17763.1397", v22, "10.0.20348.1", v25, "10.0.25398.1", "10.0.16299.15", "10.0.19041.1", ""}
	runtimes := []string{"containerd://1.6.21", "containerd://1.7.20", "containerd://2.1.6", "containerd://2.2.0", "containerd://2.4.2", "cri-o://1.30", "docker://19.3.5"}
	images := []string{core + "ltsc2019", core + "ltsc2022", nano + "ltsc2025", core + "10.0.14393.1715", core + "10.0.17763.1397", nano + "1809", core + "ltsc2016"}
	planned := 0
	for i := range 800 {
		nodes := []Node{linuxNode("l")}
		for k := range 1 + r.IntN(7) {
			n := windowsNode(fmt.Sprint("n", k), pick(kernels...), pick(runtimes...), r.IntN(2) == 0, "pool="+pick("a", "b"))
			if r.IntN(6) == 0 {
				n.Taints = []corev1.Taint{{Key: "os", Value: "windows", Effect: corev1.TaintEffectNoSchedule}}
			}
			n.Unschedulable = r.IntN(8) == 0
			if r.IntN(12) == 0 {
				delete(n.Labels, corev1.LabelWindowsBuild)
			}
			if r.IntN(12) == 0 {
				n.Labels[LabelRuns+"20348"] = "true" // a lie, perhaps
			}
			nodes = append(nodes, n)
		}
		spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: pick(images...)}}}
		if r.IntN(3) == 0 {
			spec.InitContainers = []corev1.Container{{Name: "b", Image: pick(images...)}}
		}
		if r.IntN(10) == 0 {
			yes := true
			spec.SecurityContext = &corev1.PodSecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{HostProcess: &yes}}
		}
		if r.IntN(3) > 0 {
			spec.NodeSelector = map[string]string{pick(corev1.LabelOSStable, "beta.kubernetes.io/os"): "windows"}
		}
		if r.IntN(3) == 0 {
			spec.Tolerations = []corev1.Toleration{{Key: "os", Operator: corev1.TolerationOpExists}}
		}
		demands := func() (list []demand) {
			for range r.IntN(3) {
				switch r.IntN(4) {
				case 0:
					list = append(list, in("pool", pick("a", "b")))
				case 1:
					list = append(list, in(corev1.LabelWindowsBuild, pick("10.0.17763", "10.0.20348"), pick("10.0.26100", "10.0.20348")))
				case 2:
					list = append(list, demand{Key: corev1.LabelWindowsBuild, Operator: corev1.NodeSelectorOpNotIn, Values: []string{pick("10.0.17763", "10.0.20348")}})
				case 3:
					list = append(list, in(LabelOSBuild, pick("14393.1715", "17763")))
				}
			}
			return list
		}
		if r.IntN(2) == 0 {
			s := &corev1.NodeSelector{}
			for range 1 + r.IntN(3) {
				s.NodeSelectorTerms = append(s.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: demands()})
			}
			Placing{spec.NodeSelector, s}.Into(&spec)
		}
		chooser := choosing(nodes...)
		if r.IntN(5) == 0 {
			spec.RuntimeClassName = new(string)
			*spec.RuntimeClassName = "c"
			chooser.Cluster.runtimes = map[string]*nodev1.Scheduling{"c": {NodeSelector: map[string]string{pick("pool", corev1.LabelWindowsBuild): pick("a", "10.0.20348")}}}
		}
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop", ResourceVersion: "1"}, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}
		tpl, _ := TemplateOf(d)
		p := chooser.Plan(tpl)
		if p.Unknown+p.Aside != "" && p.Changes() {
			t.Fatalf("%d: it changes what it knows nothing of: %s", i, p.Unknown+p.Aside)
		}
		if p.Strands+p.Unknown+p.Aside != "" {
			continue
		}
		planned++
		fail := func(format string, args ...any) {
			t.Helper()
			y, _ := yaml.Marshal(spec)
			t.Errorf("%d: %s\n%s\nwas %q\nwill %q", i, fmt.Sprintf(format, args...), y, p.Was.lines(), p.Will.lines())
			for _, n := range nodes {
				t.Log(n.Name, n.Kernel, n.RuntimeText, n.Labels, n.Taints)
			}
		}
		before, after := chooser.spec(tpl, p.Was), chooser.spec(tpl, p.Will)
		for _, n := range chooser.nodes {
			answer := compat.No
			if n.Windows() {
				answer = compat.Yes
				for k := range before.Containers {
					if a := chooser.exam.put(&before.Containers[k], n.Node); severity(a.Answer) > severity(answer) {
						answer = a.Answer
					}
				}
			}
			was, is := before.Admits(&n.bare), after.Admits(&n.bare)
			switch {
			case is && (answer == compat.No || answer == compat.Unknown):
				fail("%s is admitted, and its answer is %s", n.Name, answer)
			case is && answer == compat.Risky && !slices.Contains(p.Risky, n.Node):
				fail("%s is admitted, which is not said to be risky", n.Name)
			case was && !is && answer == compat.Yes:
				fail("%s is not admitted, and was, and runs it", n.Name)
			case is && !was && len(p.Remove) == 0:
				fail("%s is admitted, and was not, and nothing was removed", n.Name)
			}
			now := *n.Node
			now.Unschedulable = false
			if after.Admits(&now) != is && !slices.Contains(p.Labels, n.Node) {
				fail("the labels of %s matter, and it is not said", n.Name)
			}
		}
		if t.Failed() {
			return
		}
		// The patch, by a server's own code.
		kube := fake.NewClientset(d)
		reader := &Reader{Kube: kube}
		apply := func(tpl *Template, c *Choice) *Template {
			o, err := reader.patch(t.Context(), tpl, tpl.patch(c.Will, false))
			if err != nil {
				t.Fatal(err)
			}
			out, _ := TemplateOf(o)
			return out
		}
		done := apply(tpl, p)
		if !done.Placing().Equal(p.Will) {
			fail("the patch makes %q", done.Placing().lines())
		}
		if again := chooser.Plan(done); again.Changes() {
			fail("a second run makes %q", again.Will.lines())
		}
		bare := *done // as one that was written by hand
		bare.annotations = nil
		if again := chooser.Plan(&bare); again.Changes() {
			fail("a second run without a record makes %q", again.Will.lines())
		}
		undo := apply(done, PlanUndo(done))
		if !undo.Placing().Equal(p.Was) || undo.annotations[AnnotationSelect] != "" {
			fail("undone it is %q", undo.Placing().lines())
		}
		if t.Failed() {
			return
		}
	}
	if planned < 100 {
		t.Errorf("%d plans only", planned)
	}
	t.Log(planned, "plans")
}
