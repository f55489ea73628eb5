package simulate

import (
	"context"
	"sort"

	corev1 "k8s.io/api/core/v1"
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
// near these.
func (m *model) place(ctx context.Context) error {
	queue := m.queue()
	full := map[*group]bool{} // groups of which no more pod finds room, whatever comes
	for {
		var again []moving
		for _, next := range queue {
			found, err := m.placeOne(ctx, next, full)
			if err != nil {
				return err
			}
			if !found && !full[next.group] {
				again = append(again, next)
			}
		}
		if len(again) == 0 || len(again) == len(queue) {
			return nil
		}
		queue = again
	}
}

// queue is in the scheduler's order: by priority, then by age.
func (m *model) queue() []moving {
	var queue []moving
	for _, g := range m.groups {
		if !g.gone {
			for _, p := range g.move {
				queue = append(queue, moving{g, p})
			}
		}
	}
	sort.SliceStable(queue, func(i, j int) bool {
		a, b := priority(queue[i].pod), priority(queue[j].pod)
		if a != b {
			return a > b
		}
		if x, y := queue[i].group.owner.Kind == "DaemonSet", queue[j].group.owner.Kind == "DaemonSet"; x != y {
			return x // its node's first pods
		}
		return queue[i].pod.CreationTimestamp.Before(&queue[j].pod.CreationTimestamp)
	})
	return queue
}

// placeOne places a pod and reports whether there was a node.
func (m *model) placeOne(ctx context.Context, next moving, full map[*group]bool) (bool, error) {
	g := next.group
	g.put[next.pod.Name] = ""
	if full[g] {
		return false, nil
	}
	if len(next.pod.Spec.SchedulingGates) > 0 {
		g.why, full[g] = "Scheduling is blocked due to non-empty scheduling gates", true
		return false, nil
	}
	f, err := m.after.filter(ctx, next.pod, maxScored)
	if err != nil {
		return false, err
	}
	if len(f.nodes) == 0 {
		g.why, full[g] = f.why, f.local
		return false, nil
	}
	node, err := m.after.pick(ctx, next.pod, &f)
	if err != nil {
		return false, err
	}
	for _, n := range f.nodes {
		g.may[n.Node().Name] = true
	}
	g.put[next.pod.Name] = node.Node().Name
	return true, m.after.bind(next.pod, node)
}

func priority(p *corev1.Pod) int32 {
	if p.Spec.Priority == nil {
		return 0
	}
	return *p.Spec.Priority
}
