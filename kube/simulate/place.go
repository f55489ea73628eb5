package simulate

import (
	"context"
	"sort"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"
)

// maxScored is how many nodes are scored for one pod: the scheduler's least number
// (minFeasibleNodesToFind).
const maxScored = 100

// moving is a pod that is to be placed.
type moving struct {
	group *group
	pod   *corev1.Pod
}

// place puts the pods that move, one after the other, where the scheduler would.
// Those that find no node are tried again as long as others do: they may want to be
// near these. Those that are evicted for others come back.
func (m *model) place(ctx context.Context) error {
	queue := m.queue()
	full := map[*group]bool{} // groups of which no more pod finds room, whatever comes
	for {
		var again []moving
		more := false
		for _, next := range queue {
			found, victims, err := m.placeOne(ctx, next, full)
			if err != nil {
				return err
			}
			if more = more || found; !found {
				again = append(again, next)
			}
			again = append(again, victims...)
		}
		if !more || len(again) == 0 {
			return nil
		}
		queue = again
		inOrder(queue)
	}
}

// queue are the pods that move.
func (m *model) queue() []moving {
	var queue []moving
	for _, g := range m.groups {
		if !g.gone {
			for _, p := range g.move {
				queue = append(queue, moving{g, p})
			}
		}
	}
	inOrder(queue)
	return queue
}

// inOrder puts them in the scheduler's order: by priority, then by age.
func inOrder(queue []moving) {
	sort.SliceStable(queue, func(i, j int) bool {
		if x, y := queue[i].group.pin != "", queue[j].group.pin != ""; x != y {
			return x // they are on their nodes as soon as they are made
		}
		a, b := priority(queue[i].pod), priority(queue[j].pod)
		if a != b {
			return a > b
		}
		if x, y := queue[i].group.owner.Kind == "DaemonSet", queue[j].group.owner.Kind == "DaemonSet"; x != y {
			return x // its node's first pods
		}
		return queue[i].pod.CreationTimestamp.Before(&queue[j].pod.CreationTimestamp)
	})
}

// placeOne places a pod, and reports whether there was a node, and which pods have
// been evicted for it.
func (m *model) placeOne(ctx context.Context, next moving, full map[*group]bool) (bool, []moving, error) {
	g := next.group
	g.put[next.pod.Name] = ""
	if full[g] {
		return false, nil, nil
	}
	if len(next.pod.Spec.SchedulingGates) > 0 {
		g.why, full[g] = "Scheduling is blocked due to non-empty scheduling gates", true
		return false, nil, nil
	}
	if g.pin != "" {
		return m.pinned(next)
	}
	f, err := m.after.filter(ctx, next.pod, maxScored)
	if err != nil {
		return false, nil, err
	}
	if len(f.nodes) == 0 {
		victims, err := m.preempt(ctx, next, &f)
		if err != nil {
			return false, nil, err
		}
		if g.put[next.pod.Name] != "" {
			clear(full) // there may be room beside it
			return true, victims, nil
		}
		g.why, full[g] = f.why, f.local
		return false, nil, nil
	}
	node, err := m.after.pick(ctx, next.pod, &f)
	if err != nil {
		return false, nil, err
	}
	for _, n := range f.nodes {
		g.may[n.Node().Name] = true
	}
	g.put[next.pod.Name] = node.Node().Name
	return true, nil, m.after.bind(next.pod, node)
}

// pinned puts a pod on the node that its template names: the kubelet refuses it
// where it has not the room.
func (m *model) pinned(next moving) (bool, []moving, error) {
	g := next.group
	if m.newNodes[g.pin] == nil {
		g.why = "spec.nodeName puts it on " + g.pin + ", which is not there"
		if m.plan.fate[g.pin] == Goes {
			g.why = "spec.nodeName puts it on " + g.pin + ", which goes"
		}
		return false, nil, nil
	}
	node, err := m.after.snapshot.Get(g.pin)
	if err != nil {
		return false, nil, err
	}
	if lacks := noderesources.Fits(next.pod, node, nil, noderesources.ResourceRequestsOptions{}); len(lacks) > 0 {
		g.why = "spec.nodeName puts it on " + g.pin + ", whose kubelet refuses it: " + lacks[0].Reason
		return false, nil, nil
	}
	g.put[next.pod.Name] = g.pin
	return true, nil, m.after.bind(next.pod, node)
}

func priority(p *corev1.Pod) int32 {
	if p.Spec.Priority == nil {
		return 0
	}
	return *p.Spec.Priority
}
