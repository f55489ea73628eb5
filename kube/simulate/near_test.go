package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
)

// cast makes random clusters, small enough that their pods meet.
type cast struct{ *rand.Rand }

func (c cast) one(of ...string) string { return of[c.IntN(len(of))] }

func (c cast) selector() *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	switch c.IntN(5) {
	case 0:
		s.MatchLabels = map[string]string{"tier": c.one("front", "back")}
	case 1:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{c.one("a", "b", "c")}}}
	case 2:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "canary", Operator: metav1.LabelSelectorOpExists}}
	case 3:
		if c.IntN(4) == 0 {
			return nil // no pod
		}
		fallthrough
	default:
		s.MatchLabels = map[string]string{"app": c.one("a", "b", "c", "d", "e", "f")}
	}
	return s
}

func (c cast) term() corev1.PodAffinityTerm {
	t := corev1.PodAffinityTerm{LabelSelector: c.selector(), TopologyKey: c.one(corev1.LabelHostname, corev1.LabelTopologyZone, "rack")}
	switch c.IntN(6) {
	case 0:
		t.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": c.one("x", "y")}}
	case 1:
		t.NamespaceSelector = &metav1.LabelSelector{} // all
	case 2:
		t.Namespaces = []string{c.one("one", "two", "three")}
	case 3: // as the API server writes it down
		if t.LabelSelector != nil {
			t.MatchLabelKeys = []string{"hash"}
			t.LabelSelector.MatchExpressions = append(t.LabelSelector.MatchExpressions, metav1.LabelSelectorRequirement{Key: "hash", Operator: metav1.LabelSelectorOpIn, Values: []string{c.one("1", "2")}})
		}
	}
	return t
}

func (c cast) terms() (list []corev1.PodAffinityTerm) {
	for range c.IntN(3) {
		list = append(list, c.term())
	}
	return list
}

func (c cast) weighted() (list []corev1.WeightedPodAffinityTerm) {
	for range c.IntN(3) {
		list = append(list, corev1.WeightedPodAffinityTerm{Weight: 1 + c.Int32N(100), PodAffinityTerm: c.term()})
	}
	return list
}

// template is what some pods have in common.
func (c cast) template() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: c.one("one", "two", "three"), Labels: map[string]string{"app": c.one("a", "b", "c", "d", "e", "f"), "hash": c.one("1", "2")}}}
	if c.IntN(2) == 0 {
		p.Labels["tier"] = c.one("front", "back")
	}
	if c.IntN(5) == 0 {
		p.Labels["canary"] = "yes"
	}
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU: *resource.NewMilliQuantity(int64(100*(1+c.IntN(5))), resource.DecimalSI)}}}}
	switch c.IntN(6) {
	case 0:
		p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: c.terms()}}
	case 1:
		p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: c.terms()}}
	case 2:
		p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: c.weighted()}}
	case 3:
		p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: c.weighted()}}
	case 4:
		p.Spec.Affinity = &corev1.Affinity{
			PodAffinity:     &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: c.terms(), PreferredDuringSchedulingIgnoredDuringExecution: c.weighted()},
			PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: c.terms(), PreferredDuringSchedulingIgnoredDuringExecution: c.weighted()}}
	}
	if c.IntN(4) == 0 {
		p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: c.selector()}}
	}
	return p
}

// TestNear: the scheduler's plugin says the same of a part of the nodes as of all,
// of every pod that is placed one after the other: where it may be put, the scores
// of these nodes, and why there is none.
func TestNear(t *testing.T) {
	placed, nowhere, part := 0, 0, 0
	for seed := range uint64(25) {
		c := cast{rand.New(rand.NewPCG(seed, 8))}
		var nodes []*corev1.Node
		for i := range 24 {
			name := fmt.Sprintf("n%02d", i)
			n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
			if c.IntN(8) > 0 {
				n.Labels[corev1.LabelTopologyZone] = c.one("a", "b", "c")
			}
			if c.IntN(3) > 0 {
				n.Labels["rack"] = c.one("1", "2", "3", "4", "5")
			}
			n.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourcePods: resource.MustParse("20")}
			nodes = append(nodes, n)
		}
		others := []runtime.Object{}
		for _, ns := range []string{"one", "two"} { // the third could not be read
			others = append(others, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{"team": c.one("x", "y")}}})
		}
		var bound, move []*corev1.Pod
		for i := range 12 {
			template := c.template()
			for j := range 1 + c.IntN(8) {
				p := *template
				p.Name = fmt.Sprintf("p%d-%d", i, j)
				p.UID = types.UID(p.Name)
				if c.IntN(3) > 0 {
					p.Spec.NodeName = nodes[c.IntN(len(nodes))].Name
					bound = append(bound, &p)
				} else {
					move = append(move, &p)
				}
			}
		}
		fast, err := newWorld(t.Context(), nodes, bound, others)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := newWorld(t.Context(), nodes, bound, others)
		if err != nil {
			t.Fatal(err)
		}
		fast.near.limit, plain.near.limit = len(nodes), -1
		for _, p := range move {
			a, err := fast.filter(t.Context(), p, 0)
			if err != nil {
				t.Fatal(err)
			}
			b, err := plain.filter(t.Context(), p, 0)
			if err != nil {
				t.Fatal(err)
			}
			if x, y := nameList(&a), nameList(&b); !slices.Equal(x, y) || a.why != b.why {
				t.Fatalf("seed %d, %s: %v %q, want %v %q", seed, p.Name, x, a.why, y, b.why)
			}
			if len(fast.near.nodes) < len(nodes) && !a.state.GetSkipFilterPlugins().Has(names.InterPodAffinity) {
				part++
			}
			if len(a.nodes) == 0 {
				nowhere++
				continue
			}
			x, y := scores(t, fast, p, &a), scores(t, plain, p, &b)
			if !slices.Equal(x, y) {
				t.Fatalf("seed %d, %s: scores %v, want %v", seed, p.Name, x, y)
			}
			at := a.nodes[c.IntN(len(a.nodes))].Node().Name
			for _, w := range []*world{fast, plain} {
				n, err := w.snapshot.Get(at)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.bind(p, n); err != nil {
					t.Fatal(err)
				}
			}
			placed++
		}
	}
	if placed < 200 || nowhere < 20 || part < 50 {
		t.Errorf("%d pods placed, %d nowhere, %d by a part of the nodes: it tests too little", placed, nowhere, part)
	}
}

func nameList(f *fit) (list []string) {
	for _, n := range f.nodes {
		list = append(list, n.Node().Name)
	}
	return list
}

// scores are those that InterPodAffinity gives.
func scores(t *testing.T, w *world, p *corev1.Pod, f *fit) (list []int64) {
	t.Helper()
	if status := w.framework.RunPreScorePlugins(t.Context(), f.state, p, f.nodes); !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	all, status := w.framework.RunScorePlugins(t.Context(), f.state, p, f.nodes)
	if !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	for i := range all {
		for _, s := range all[i].Scores {
			if s.Name == names.InterPodAffinity {
				list = append(list, s.Score)
			}
		}
		list = append(list, all[i].TotalScore)
	}
	return list
}
