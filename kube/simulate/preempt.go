package simulate

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// preempt makes room for a pod that finds none: pods of lower priority are evicted
// from a node, where that helps. The scheduler's own preemption says from which
// nodes and which pods, and the node is chosen as it does. It returns the victims,
// nil where there are none.
func (m *model) preempt(ctx context.Context, next moving, f *fit) ([]moving, error) {
	if f.refused == nil || priority(next.pod) <= m.lowest {
		return nil, nil
	}
	candidates, err := m.after.candidates(ctx, next.pod, f)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	best := slices.MinFunc(candidates, compareCandidates)
	g := next.group
	for _, c := range candidates {
		g.may[c.Name()] = true
	}
	var victims []moving
	for _, v := range best.Victims().Pods {
		if err := m.after.evict(v); err != nil {
			return nil, err
		}
		if again, ok := m.evicted(v); ok {
			victims = append(victims, again)
		}
	}
	node, err := m.after.snapshot.Get(best.Name())
	if err != nil {
		return nil, err
	}
	g.put[next.pod.Name] = best.Name()
	return victims, m.after.bind(next.pod, node)
}

// evicted notes that a pod must leave its node, and returns the one that is made in
// its place; not ok where nobody makes one.
func (m *model) evicted(v *corev1.Pod) (moving, bool) {
	at := m.members[v.UID]
	g := at.group
	g.evicted++
	if _, moves := g.put[v.Name]; moves {
		g.put[v.Name] = ""
		return moving{g, unbound(v)}, true
	}
	if i := slices.Index(g.stay, v.Spec.NodeName); i >= 0 {
		g.stay = slices.Delete(g.stay, i, i+1)
	}
	g.old = append(g.old, v.Spec.NodeName)
	if at.bare {
		g.lost++
		return moving{}, false
	}
	again := moving{g, unbound(v)}
	g.move = append(g.move, again.pod)
	g.put[v.Name] = ""
	return again, true
}

// candidates are the nodes on which a pod would have room without some pods of
// lower priority.
func (w *world) candidates(ctx context.Context, pod *corev1.Pod, f *fit) ([]preemption.Candidate, error) {
	if ok, _ := w.preemption.PodEligibleToPreemptOthers(ctx, pod, nil); !ok {
		return nil, nil
	}
	nodes, err := f.refused.NodesForStatusCode(w.snapshot, fwk.Unschedulable)
	if err != nil || len(nodes) == 0 {
		return nil, err
	}
	candidates, _, err := w.preemption.Evaluator.DryRunPreemption(ctx, f.state, pod, nodes, nil, 0, int32(len(nodes)))
	return candidates, err
}

// compareCandidates orders nodes as the scheduler does: that where the most
// important victim is the least important comes first, then that where they are
// less important together, then that with fewer; then by name, so that a simulation
// that is run again says the same.
func compareCandidates(a, b preemption.Candidate) int {
	sum := func(c preemption.Candidate) (n int64) {
		for _, v := range c.Victims().Pods {
			n += int64(priority(v)) + int64(1<<31) // negative ones count too
		}
		return n
	}
	first := func(c preemption.Candidate) int32 { return priority(c.Victims().Pods[0]) } // the most important
	return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(sum(a), sum(b)),
		cmp.Compare(len(a.Victims().Pods), len(b.Victims().Pods)), cmp.Compare(a.Name(), b.Name()))
}

// evict takes a pod from its node.
func (w *world) evict(pod *corev1.Pod) error {
	node, err := w.snapshot.Get(pod.Spec.NodeName)
	if err != nil {
		return err
	}
	w.near.evicts = true
	return node.RemovePod(klog.Logger{}, pod)
}

// nominator knows of no pod that waits for its victims to go.
type nominator struct{ fwk.PodNominator }

// NominatedPodsForNode are none.
func (nominator) NominatedPodsForNode(string) []fwk.PodInfo { return nil }
