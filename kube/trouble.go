package kube

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// failures reads what went wrong with the pods of a group, and notes what that
// says of images.
func (e *exam) failures(g *group) {
	for _, p := range g.pods {
		counted := map[int]bool{}
		for i := range p.Troubles {
			for _, f := range e.read(g, p, &p.Troubles[i]) {
				n := slices.IndexFunc(g.broken, func(b Failure) bool { return same(&b, &f) })
				if n < 0 {
					n = len(g.broken)
					g.broken = append(g.broken, f)
				}
				b := &g.broken[n]
				if !counted[n] {
					counted[n] = true
					b.Pods++
				}
				if p.Node != "" && len(b.Nodes) < maxNames && !slices.Contains(b.Nodes, p.Node) {
					b.Nodes = append(b.Nodes, p.Node)
				}
			}
		}
	}
	sort.SliceStable(g.broken, func(i, j int) bool {
		a, b := &g.broken[i], &g.broken[j]
		if a.Version() != b.Version() {
			return a.Version()
		}
		return a.Confidence > b.Confidence
	})
}

// same reports whether two failures are of one kind: the same cause, of the same
// container, on the same Windows.
func same(a, b *Failure) bool {
	return a.Container == b.Container && a.Cause == b.Cause && a.Detail == b.Detail && a.Stage == b.Stage && a.Sandbox == b.Sandbox && a.Host.Build == b.Host.Build
}

// read diagnoses one trouble. What is no version problem and cannot be one is left
// out, but for images of the wrong system.
func (e *exam) read(g *group, p *Pod, t *Trouble) []Failure {
	if t.Container != "" && !slices.ContainsFunc(g.spec.Containers, func(c Container) bool { return c.Name == t.Container }) {
		return nil // of a container for debugging, which no template has
	}
	report := diagnose.Text(t.Text(), e.Facts)
	var list []Failure
	node := e.nodes[p.Node]
	for i := range report.Diagnoses {
		d := &report.Diagnoses[i]
		d.Place, d.Pod, d.Namespace, d.Node = diagnose.Kubernetes, p.Name, p.Namespace, p.Node
		if d.Component == "" {
			d.Component = "kubelet"
		}
		known := diagnose.Known{Isolation: compat.Process, Today: e.Today}
		if node != nil && !node.Windows() {
			continue // a Linux node does not look at versions of Windows
		}
		// A text that states another build is from before the node was upgraded.
		if node != nil && (!d.Host.IsValid() || !node.Host.Version.IsValid() || d.Host.Build == node.Host.Version.Build) {
			known.Host, known.Edition, known.ARM64, known.Runtime = node.Host.Version, node.Host.Edition, node.Host.ARM64, node.Runtime
		}
		c := g.container(t, d)
		if c != nil && c.HyperV {
			known.Isolation = compat.HyperV
		}
		if c != nil && !d.Sandbox {
			img := e.Images.Get(c.Image)
			known.Reference, known.Image = c.Image, img.Asked()
			if ref, ok := parse(c.Image); ok {
				known.Candidates = image.Candidates(image.Siblings(ref, e.Facts, known.Host))
			}
		}
		f := d.Judge(e.Facts, &known)
		if !f.Version() && f.Cause != diagnose.Undetermined && f.Detail != "linux-image" && f.Detail != "wrong-platform" {
			continue
		}
		out := Failure{Finding: f, Message: short(t.Text())}
		if c != nil && !d.Sandbox {
			out.Container = c.Name
			if f.Version() && f.Confidence >= diagnose.Likely && known.Host.IsValid() {
				e.failed[failedOn(c, node, &f)] = true
			}
		} else {
			out.Sandbox = true // or, at any rate, of no container
		}
		list = append(list, out)
	}
	return list
}

// failedOn is what a failure tells of an image: that it fails on that build; of
// updates, on that revision; of a pull, by that runtime.
func failedOn(c *Container, n *Node, f *diagnose.Finding) seen {
	s := seenOn(c, n)
	if f.Cause != diagnose.Mismatch {
		s.version = n.Host.Version
	}
	if f.Stage == diagnose.Pull {
		s.runtime = n.Runtime
	}
	return s
}

// container is the container that a trouble is about, nil where that is not known.
func (g *group) container(t *Trouble, d *diagnose.Diagnosis) *Container {
	var by *Container
	for i := range g.spec.Containers {
		c := &g.spec.Containers[i]
		if t.Container != "" && c.Name == t.Container {
			return c
		}
		if by == nil && d.Image != "" && strings.HasPrefix(c.Image, d.Image) {
			by = c
		}
	}
	if t.Container == "" && by == nil && len(g.spec.Containers) == 1 {
		by = &g.spec.Containers[0]
	}
	return by
}

// maxShown is how much of a message is shown.
const maxShown = 400

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return s
}

// waits finds pods that wait for a version of Windows that no node's labels show.
func (e *exam) waits(g *group) (Finding, bool) {
	wishes := g.spec.wishes()
	if len(g.waiting) == 0 || len(wishes) == 0 || len(e.cluster.Nodes) == 0 || e.blind || slices.ContainsFunc(e.cluster.Nodes, func(n Node) bool { return g.spec.Selects(&n) }) {
		return Finding{}, false
	}
	free := g.spec.anyVersion()
	var would []*Node
	for i := range e.cluster.Nodes {
		if n := &e.cluster.Nodes[i]; n.Windows() && free.Selects(n) {
			would = append(would, n)
		}
	}
	if len(would) == 0 {
		return Finding{}, false // it waits for something else
	}
	f := e.finding(g, "")
	f.Code, f.Pods = Waiting, len(g.waiting)
	has := map[string]int{}
	for _, n := range would {
		has[n.Host.Version.Short()]++
	}
	var have []string
	for v, n := range has {
		have = append(have, fmt.Sprintf("%s (%s)", v, count(n, "node")))
	}
	sort.Strings(have)
	f.Text = fmt.Sprintf("it waits for nodes with %s, and there is none: the Windows nodes are %s", strings.Join(wishes, " and "), strings.Join(have, ", "))
	w := g.waiting[0]
	f.Failures = []Failure{{Finding: diagnose.Finding{Diagnosis: diagnose.Diagnosis{Cause: diagnose.Mismatch, Detail: "placement", Confidence: diagnose.Certain,
		Stage: diagnose.Schedule, Component: "scheduler", Place: diagnose.Kubernetes, Pod: w.Name, Namespace: w.Namespace}, Headline: f.Text}, Pods: len(g.waiting), Message: short(w.Waits)}}
	f.Remedies = e.waitRemedies(g, would)
	return f, true
}

// unlabelled are those of some nodes on which a spec may be put once they have the
// labels of kubectl winmatch label, which others have not set otherwise.
func (e *exam) unlabelled(s *Spec, nodes []*Node) []*Node {
	var list []*Node
	for _, n := range nodes {
		want, _ := n.labels(e.Facts, e.Today)
		then := *n
		then.Labels = maps.Clone(n.Labels)
		for key, value := range want {
			if _, there := then.Labels[key]; !there || key != LabelOSBuild {
				if then.Labels == nil {
					then.Labels = map[string]string{}
				}
				then.Labels[key] = value
			}
		}
		if s.Admits(&then) {
			list = append(list, n)
		}
	}
	return list
}

// waitRemedies are the nodes that are what a pod waits for and lack the label, and
// the builds that run its images.
func (e *exam) waitRemedies(g *group, would []*Node) []compat.Remedy {
	var list []compat.Remedy
	if lack := e.unlabelled(g.spec, would); len(lack) > 0 {
		for _, n := range lack[:min(3, len(lack))] {
			list = append(list, compat.Remedy{Kind: compat.Place, Text: fmt.Sprintf("%s runs %s and lacks the label that kubectl winmatch label sets", n.Name, n.Host.Version.Short()),
				Command: "kubectl winmatch label " + n.Name + " --apply"})
		}
		if len(lack) > 3 {
			list = []compat.Remedy{{Kind: compat.Place, Text: fmt.Sprintf("%s are what it waits for and lack the label that kubectl winmatch label sets", count(len(lack), "node")),
				Command: "kubectl winmatch label --apply"}}
		}
		return list
	}
	for key, value := range g.spec.NodeSelector {
		want, err := winver.Parse(value)
		if !versionLabel(key) || err != nil {
			continue
		}
		for _, n := range would {
			rev, exact := want.Revision()
			has, known := n.Host.Version.Revision()
			if n.Host.Version.Build == want.Build && (!exact || known && rev == has) && n.Labels[key] != value && len(list) < 3 {
				list = append(list, compat.Remedy{Kind: compat.Place, Text: fmt.Sprintf("%s runs %s and lacks the label: label it", n.Name, n.Host.Version.Short()),
					Command: fmt.Sprintf("kubectl label node %s %s=%s --overwrite", n.Name, key, value)})
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	var builds []string
	for _, n := range would {
		runs := true
		for i := range g.spec.Containers {
			p := Place{Nodes: []string{n.Name}}
			runs = runs && e.at(&g.spec.Containers[i], &p) == compat.Yes
		}
		if b := fmt.Sprintf("10.0.%d", n.Host.Version.Build); runs && !slices.Contains(builds, b) {
			builds = append(builds, b)
		}
	}
	if len(builds) > 0 {
		list = append(list, compat.Remedy{Kind: compat.Place, Text: "its images run on nodes that are there: ask for node.kubernetes.io/windows-build " + strings.Join(builds, " or ")})
	} else {
		list = append(list, compat.Remedy{Kind: compat.UseHost, Text: "add nodes of that version, or use images of a version that the nodes run and change the selector"})
	}
	return list
}
