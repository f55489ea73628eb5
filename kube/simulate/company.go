package simulate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// maxCompany bounds the rounds of company: pods near pods near pods.
const maxCompany = 3

// company widens the reach of pods that must be near other pods, which move too:
// wherever these may be put, and not only where a simulation happens to put them.
// To that end the scheduler is asked with one of them on each such node.
func (m *model) company(ctx context.Context) error {
	var wants []*group
	liked := map[*group]bool{}
	for _, g := range m.groups {
		if a := g.pod.Spec.Affinity; g.bound || g.gone || g.pin != "" || a == nil || a.PodAffinity == nil {
			continue
		}
		info, err := framework.NewPodInfo(g.pod)
		if err != nil {
			return err
		}
		for _, h := range m.groups {
			for _, term := range info.GetRequiredAffinityTerms() {
				if h != g && len(h.move) > 0 && term.Selector.Matches(labels.Set(h.pod.Labels)) {
					liked[h] = true
				}
			}
		}
		wants = append(wants, g)
	}
	if len(liked) == 0 {
		return nil
	}
	for range maxCompany {
		more := false
		for _, then := range []bool{true, false} {
			nodes, set := m.plan.objects, func(g *group) map[string]bool { return g.may }
			if then {
				nodes, set = m.cluster.Objects.Nodes, func(g *group) map[string]bool { return g.was }
			}
			pods := append([]*corev1.Pod{}, m.staying...)
			for h := range liked {
				for node := range set(h) {
					pods = append(pods, &corev1.Pod{Spec: corev1.PodSpec{NodeName: node},
						ObjectMeta: metav1.ObjectMeta{Namespace: h.pod.Namespace, Labels: h.pod.Labels, Name: node, UID: types.UID(fmt.Sprintf("%p on %s", h, node))}})
				}
			}
			w, err := newWorld(ctx, nodes, pods, m.cluster.Objects.Others)
			if err != nil {
				return err
			}
			for _, g := range wants {
				f, err := w.filter(ctx, g.pod, 0)
				if err != nil {
					return err
				}
				for _, n := range f.nodes {
					more = more || !set(g)[n.Node().Name]
					set(g)[n.Node().Name] = true
				}
			}
		}
		if !more {
			return nil
		}
	}
	return nil
}
