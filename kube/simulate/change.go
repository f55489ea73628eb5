package simulate

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

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
	others := 0
	kept := map[string]int{} // labels of the user's own that name a version
	for i := range cluster.Nodes {
		before, object := &cluster.Nodes[i], cluster.Objects.Nodes[i]
		after := *before
		if c.Pool != nil && c.Pool.Matches(labels.Set(before.Labels)) {
			if before.Windows() {
				object = c.renew(f, before, object)
				after = kube.NodeOf(f, object)
				after.Ready = true
				if c.To.Version.IsValid() {
					after.Host = winver.Host{Version: c.To.Version, Edition: c.To.Edition, Release: c.To.Release}
				}
				after.Relabel(f) // as kubectl winmatch label would
				p.fate[before.Name] = Changes
				for key, value := range after.VersionLabels() {
					if value == before.Labels[key] && !made(key) && before.Host.Version.Build != after.Host.Version.Build {
						kept[key+"="+value]++
					}
				}
			} else {
				others++
			}
		}
		p.nodes, p.objects = append(p.nodes, after), append(p.objects, object)
	}
	for i := range p.nodes {
		if n := &p.nodes[i]; p.fate[n.Name] == Changes {
			p.changed = append(p.changed, NodeChange{Changes, &cluster.Nodes[i], n})
		}
	}
	sort.Slice(p.changed, func(i, j int) bool { return p.changed[i].After.Name < p.changed[j].After.Name })
	if c.Pool != nil && len(p.changed) == 0 {
		text := fmt.Sprintf("no Windows node has %s", c.Pool)
		if others > 0 {
			text += fmt.Sprintf(", only %s of another system", count(others, "node"))
		}
		return nil, &Error{text, "kubectl get nodes -l kubernetes.io/os=windows --show-labels lists them"}
	}
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

// renew is the node that takes a node's place.
func (c *Change) renew(f *facts.Facts, before *kube.Node, object *corev1.Node) *corev1.Node {
	n := object.DeepCopy()
	n.Status.Images = nil
	n.Spec.Unschedulable = false
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return kube.Passing(t.Key) })
	runtime := before.Runtime
	if c.Runtime.Engine != compat.NoEngine {
		runtime = c.Runtime
		n.Status.NodeInfo.ContainerRuntimeVersion = runtime.Engine.String() + "://" + runtime.Release.String()
	}
	version := before.Host.Version
	if c.To.Version.IsValid() {
		version = c.To.Version
		n.Status.NodeInfo.KernelVersion = version.String()
		n.Status.NodeInfo.OSImage = "Windows"
		if r := winver.ReleaseOf(f, version.Build, c.To.Edition); r != nil {
			n.Status.NodeInfo.OSImage = winver.FullName(r)
		}
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[corev1.LabelWindowsBuild] = fmt.Sprintf("10.0.%d", version.Build)
	}
	return n
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
