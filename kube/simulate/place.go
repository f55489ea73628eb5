package simulate

import (
	"context"
	"sort"

	corev1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// maxScored is how many nodes are scored for one pod: the scheduler's least number
// (minFeasibleNodesToFind).
const maxScored = 100

// place puts the pods that move, one after the other, where the scheduler would.
func (m *model) place(ctx context.Context) error {
	type one struct {
		group *group
		pod   *corev1.Pod
	}
	var queue []one
	for _, g := range m.groups {
		if !g.gone {
			for _, p := range g.move {
				queue = append(queue, one{g, p})
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
	full := map[*group]string{} // groups of which no more pod finds room
	for _, next := range queue {
		g := next.group
		if why, ok := full[g]; ok {
			g.put[next.pod.Name], g.why = "", why
			continue
		}
		if len(next.pod.Spec.SchedulingGates) > 0 {
			g.put[next.pod.Name], g.why = "", "Scheduling is blocked due to non-empty scheduling gates"
			continue
		}
		f, err := m.after.filter(ctx, next.pod, maxScored)
		if err != nil {
			return err
		}
		if len(f.nodes) == 0 {
			g.put[next.pod.Name], g.why = "", f.why
			if f.local {
				full[g] = f.why
			}
			continue
		}
		var node fwk.NodeInfo
		if node, err = m.after.pick(ctx, next.pod, &f); err != nil {
			return err
		}
		if err := m.after.bind(next.pod, node); err != nil {
			return err
		}
		for _, n := range f.nodes {
			g.may[n.Node().Name] = true
		}
		g.put[next.pod.Name] = node.Node().Name
	}
	return nil
}

func priority(p *corev1.Pod) int32 {
	if p.Spec.Priority == nil {
		return 0
	}
	return *p.Spec.Priority
}
