package simulate

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	schedcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/interpodaffinity"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
)

// near is the snapshot as the scheduler's InterPodAffinity plugin is shown it. For
// each pod the plugin goes over the pods of all nodes, and counts those that the
// pod wants to be near to or far from, and those that want that of it. All pods of
// one kind are counted or none is, and most are not. So the plugin is shown the
// nodes that have a pod of a kind that counts, and comes to the same counts. The
// nodes are the snapshot's own; other plugins see all of them.
type near struct {
	*schedcache.Snapshot
	kinds []*kind
	index map[kindKey]*kind
	limit int            // where more nodes count than this, all are shown
	nodes []fwk.NodeInfo // for the pod whose turn it is; nil: all

	evicts bool // pods have been evicted: the snapshot may list nodes twice
}

// kind are the pods that InterPodAffinity cannot tell apart.
type kind struct {
	pod   *corev1.Pod
	terms []fwk.AffinityTerm
	on    map[string]bool // the names of nodes that have one
	near  []*kind         // the kinds that count
	known int             // of how many kinds near was made
}

type kindKey struct {
	namespace, labels string
	affinity          *corev1.Affinity // pods of one template share it
}

// newNear makes it of a snapshot with so many nodes and these pods.
func newNear(s *schedcache.Snapshot, nodes int, pods []*corev1.Pod) (*near, error) {
	n := &near{Snapshot: s, index: map[kindKey]*kind{}, limit: nodes / 2}
	for _, p := range pods {
		if err := n.bound(p, p.Spec.NodeName); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// bound notes a pod's node.
func (n *near) bound(p *corev1.Pod, node string) error {
	k, err := n.kind(p)
	if err == nil {
		k.on[node] = true
	}
	return err
}

// kind returns the kind of a pod.
func (n *near) kind(p *corev1.Pod) (*kind, error) {
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(p.Labels)) {
		text.WriteString(k + "=" + p.Labels[k] + "\n")
	}
	key := kindKey{p.Namespace, text.String(), p.Spec.Affinity}
	if k := n.index[key]; k != nil {
		return k, nil
	}
	k := &kind{pod: p, on: map[string]bool{}}
	if a := p.Spec.Affinity; a != nil && (a.PodAffinity != nil || a.PodAntiAffinity != nil) {
		info, err := framework.NewPodInfo(p)
		if err != nil {
			return nil, err
		}
		k.terms = slices.Concat(info.GetRequiredAffinityTerms(), info.GetRequiredAntiAffinityTerms())
		for _, t := range slices.Concat(info.GetPreferredAffinityTerms(), info.GetPreferredAntiAffinityTerms()) {
			k.terms = append(k.terms, t.AffinityTerm)
		}
	}
	n.index[key] = k
	n.kinds = append(n.kinds, k)
	return k, nil
}

// turn finds the nodes for a pod.
func (n *near) turn(p *corev1.Pod) error {
	k, err := n.kind(p)
	if err != nil {
		return err
	}
	for _, other := range n.kinds[k.known:] {
		if k.meets(other) || other.meets(k) {
			k.near = append(k.near, other)
		}
	}
	k.known = len(n.kinds)
	names := map[string]bool{}
	for _, other := range k.near {
		maps.Copy(names, other.on)
		if len(names) > n.limit {
			break
		}
	}
	if n.nodes = nil; len(names) > n.limit {
		return nil
	}
	n.nodes = make([]fwk.NodeInfo, 0, len(names))
	for name := range names {
		if info, err := n.Get(name); err == nil && info.Node() != nil {
			n.nodes = append(n.nodes, info)
		}
	}
	return nil
}

// meets reports whether a term of a kind may be about the pods of another. Of
// namespaces that a term selects any counts.
func (k *kind) meets(other *kind) bool {
	for i := range k.terms {
		t := &k.terms[i]
		if _, selects := t.NamespaceSelector.Requirements(); selects || t.Namespaces.Has(other.pod.Namespace) {
			if t.Selector.Matches(labels.Set(other.pod.Labels)) {
				return true
			}
		}
	}
	return false
}

// NodeInfos is itself.
func (n *near) NodeInfos() fwk.NodeInfoLister { return n }

// List is the nodes that count.
func (n *near) List() ([]fwk.NodeInfo, error) { return n.or(n.Snapshot.List) }

// HavePodsWithAffinityList is the same: of each node the plugin takes what it needs.
func (n *near) HavePodsWithAffinityList() ([]fwk.NodeInfo, error) {
	return n.or(n.Snapshot.HavePodsWithAffinityList)
}

// HavePodsWithRequiredAntiAffinityList is the same.
func (n *near) HavePodsWithRequiredAntiAffinityList() ([]fwk.NodeInfo, error) {
	return n.or(n.Snapshot.HavePodsWithRequiredAntiAffinityList)
}

// HavePodsWithRequiredNonHostScopedAntiAffinityList is the same.
func (n *near) HavePodsWithRequiredNonHostScopedAntiAffinityList() ([]fwk.NodeInfo, error) {
	return n.or(n.Snapshot.HavePodsWithRequiredNonHostScopedAntiAffinityList)
}

func (n *near) or(all func() ([]fwk.NodeInfo, error)) ([]fwk.NodeInfo, error) {
	if n.nodes != nil {
		return n.nodes, nil
	}
	list, err := all()
	if !n.evicts || err != nil {
		return list, err
	}
	once := make([]fwk.NodeInfo, 0, len(list))
	seen := make(map[fwk.NodeInfo]bool, len(list))
	for _, info := range list {
		if !seen[info] {
			once, seen[info] = append(once, info), true
		}
	}
	return once, nil
}

// affinity is the plugin InterPodAffinity on the nodes that count.
type affinity struct {
	*interpodaffinity.InterPodAffinity
	near *near
}

// nearby makes the plugin.
func nearby(make frameworkruntime.PluginFactory, n *near) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		p, err := make(ctx, args, handle{h, n})
		if err != nil {
			return nil, err
		}
		return &affinity{p.(*interpodaffinity.InterPodAffinity), n}, nil
	}
}

// PreFilter is the plugin's, which is handed all nodes.
func (a *affinity) PreFilter(ctx context.Context, state fwk.CycleState, pod *corev1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	if a.near.nodes != nil {
		nodes = a.near.nodes
	}
	return a.InterPodAffinity.PreFilter(ctx, state, pod, nodes)
}

// handle gives a plugin a lister of its own.
type handle struct {
	fwk.Handle
	lister fwk.SharedLister
}

// SnapshotSharedLister is the plugin's own.
func (h handle) SnapshotSharedLister() fwk.SharedLister { return h.lister }
