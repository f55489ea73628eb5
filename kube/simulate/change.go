package simulate

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/winver"
)

// Change is what is to happen to a cluster.
type Change struct {
	Pool    labels.Selector // the nodes that change; nil: none
	To      winver.Host     // their Windows; of an invalid version: as it is
	Runtime compat.Runtime  // their runtime; the zero Runtime: as it is

	Add    []Addition
	Remove labels.Selector // nodes that go; nil: none
	Images []Substitution
}

// Addition are nodes that come.
type Addition struct {
	Count int
	To    winver.Host     // their Windows; of an invalid version: that of the node that they are like
	Like  labels.Selector // they are like the first of these Windows nodes by name; nil: of all
}

// Error is a change that cannot be: it says what does not fit the cluster.
type Error struct{ Text, Hint string }

func (e *Error) Error() string { return e.Text }

// Fate is what becomes of a node.
type Fate string

// The fates. The names are part of the command line's contract.
const (
	Stays   Fate = "stays"
	Changes Fate = "changes"
	Comes   Fate = "comes"
	Goes    Fate = "goes"
)

// plan is a cluster's nodes after a change, beside those that it has.
type plan struct {
	nodes   []kube.Node
	objects []*corev1.Node
	fate    map[string]Fate // of nodes that do not stay
	changed []NodeChange
	notes   []string
}

// NodeChange is what becomes of a node.
type NodeChange struct {
	Fate   Fate
	Before *kube.Node // nil for nodes that come
	After  *kube.Node // nil for nodes that go
}

// Name is the node's.
func (n *NodeChange) Name() string {
	if n.After != nil {
		return n.After.Name
	}
	return n.Before.Name
}

// apply makes the nodes that a cluster has after a change.
func (c *Change) apply(f *facts.Facts, cluster *kube.Cluster) (*plan, error) {
	p := &plan{fate: map[string]Fate{}}
	others, gone := 0, 0
	kept := map[string]int{} // labels of the user's own that name a version
	for i := range cluster.Nodes {
		before, object := &cluster.Nodes[i], cluster.Objects.Nodes[i]
		after := *before
		if c.Remove != nil && c.Remove.Matches(labels.Set(before.Labels)) {
			gone++
			p.fate[before.Name] = Goes
			p.changed = append(p.changed, NodeChange{Fate: Goes, Before: before})
			continue
		}
		if c.Pool != nil && c.Pool.Matches(labels.Set(before.Labels)) {
			if before.Windows() {
				after, object = c.renew(f, before, object, c.To, c.Runtime)
				p.fate[before.Name] = Changes
				for key, value := range after.VersionLabels() {
					if value == before.Labels[key] && !made(key) && before.Host.Version.Build != after.Host.Version.Build {
						kept[key+"="+value]++
					}
				}
				p.changed = append(p.changed, NodeChange{Changes, before, &after})
			} else {
				others++
			}
		}
		p.nodes, p.objects = append(p.nodes, after), append(p.objects, object)
	}
	if c.Pool != nil && len(p.changed) == gone {
		text := fmt.Sprintf("no Windows node has %s", c.Pool)
		if others > 0 {
			text += fmt.Sprintf(", only %s of another system", count(others, "node"))
		}
		return nil, &Error{text, "kubectl get nodes -l kubernetes.io/os=windows --show-labels lists them"}
	}
	if c.Remove != nil && gone == 0 {
		return nil, &Error{fmt.Sprintf("no node has %s", c.Remove), "kubectl get nodes --show-labels lists them"}
	}
	for i := range c.Add {
		if err := c.add(f, cluster, p, &c.Add[i]); err != nil {
			return nil, err
		}
	}
	sort.Slice(p.changed, func(i, j int) bool { return p.changed[i].Name() < p.changed[j].Name() })
	if others > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%s with these labels run another system, and stay as they are", count(others, "node")))
	}
	for _, label := range slices.Sorted(maps.Keys(kept)) {
		p.notes = append(p.notes, fmt.Sprintf("the label %s is not changed, on %s: pods go by it, whatever it says", label, count(kept[label], "node")))
	}
	return p, nil
}

// made reports whether a label is set anew with the node: by its kubelet, or by
// kubectl winmatch label.
func made(key string) bool {
	return key == corev1.LabelWindowsBuild || key == kube.LabelOSBuild || strings.HasPrefix(key, kube.LabelDomain)
}

// add makes the nodes of an addition: like one that is there.
func (c *Change) add(f *facts.Facts, cluster *kube.Cluster, p *plan, a *Addition) error {
	like := -1
	for i := range cluster.Nodes {
		n := &cluster.Nodes[i]
		if n.Windows() && (a.Like == nil || a.Like.Matches(labels.Set(n.Labels))) && (like < 0 || n.Name < cluster.Nodes[like].Name) {
			like = i
		}
	}
	if like < 0 {
		text := "there is no Windows node that new ones could be like"
		if a.Like != nil {
			text = fmt.Sprintf("no Windows node has %s, that new ones could be like", a.Like)
		}
		return &Error{text, "kubectl get nodes -l kubernetes.io/os=windows --show-labels lists them"}
	}
	before := &cluster.Nodes[like]
	p.notes = append(p.notes, fmt.Sprintf("%s of the size, with the labels and taints of %s", count(a.Count, "new node"), before.Name))
	taken := map[string]bool{}
	for i := range cluster.Nodes {
		taken[cluster.Nodes[i].Name] = true
	}
	for _, n := range p.nodes {
		taken[n.Name] = true
	}
	for made, i := 0, 1; made < a.Count; i++ {
		name := fmt.Sprintf("new-%d", i)
		if taken[name] {
			continue
		}
		node, object := c.renew(f, before, cluster.Objects.Nodes[like], a.To, compat.Runtime{})
		node.Name, object.Name, object.UID = name, name, types.UID(name)
		if object.Labels[corev1.LabelHostname] != "" {
			object.Labels[corev1.LabelHostname] = name
		}
		p.fate[name] = Comes
		p.nodes, p.objects = append(p.nodes, node), append(p.objects, object)
		p.changed = append(p.changed, NodeChange{Fate: Comes, After: &node})
		made++
	}
	return nil
}

// renew is the node that takes a node's place, with another Windows and another
// runtime where these are given.
func (c *Change) renew(f *facts.Facts, before *kube.Node, object *corev1.Node, to winver.Host, runtime compat.Runtime) (kube.Node, *corev1.Node) {
	n := object.DeepCopy()
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	n.Status.Images = nil
	n.Spec.Unschedulable = false
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return kube.Passing(t.Key) })
	info := &n.Status.NodeInfo
	if runtime.Engine != compat.NoEngine {
		info.ContainerRuntimeVersion = runtime.Engine.String() + "://" + runtime.Release.String()
	}
	if to.Version.IsValid() {
		info.KernelVersion, info.OSImage = to.Version.String(), "Windows"
		if r := winver.ReleaseOf(f, to.Version.Build, to.Edition); r != nil {
			info.OSImage = winver.FullName(r)
		}
		n.Labels[corev1.LabelWindowsBuild] = fmt.Sprintf("10.0.%d", to.Version.Build)
	}
	after := kube.NodeOf(f, n)
	after.Ready = true
	if to.Version.IsValid() {
		after.Host = winver.Host{Version: to.Version, Edition: to.Edition, Release: to.Release, ARM64: before.Host.ARM64 || to.ARM64}
	} else {
		after.Host = before.Host
	}
	if runtime.Engine != compat.NoEngine {
		after.Runtime = runtime
	}
	after.Relabel(f) // its Labels are the object's
	return after, n
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
