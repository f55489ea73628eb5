package simulate

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	schedcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// world is a cluster as the scheduler sees it: its framework, on a snapshot.
type world struct {
	framework  framework.Framework
	snapshot   *schedcache.Snapshot
	near       *near
	preemption *defaultpreemption.DefaultPreemption
	nodes      []fwk.NodeInfo // by name
	start      int            // where the search for nodes begins
}

// registered are the scheduler's metrics, which its framework counts on.
var registered = sync.OnceFunc(metrics.Register)

// newWorld makes a world of nodes, of pods that are bound to them, and of what else
// plugins ask for: claims, volumes, namespaces.
func newWorld(ctx context.Context, nodes []*corev1.Node, pods []*corev1.Pod, others []apiruntime.Object) (*world, error) {
	registered()
	defaults, err := latest.Default()
	if err != nil {
		return nil, err
	}
	profile := defaults.Profiles[0]
	// Claims of devices are read by no role of ours.
	profile.Plugins.MultiPoint.Enabled = slices.DeleteFunc(profile.Plugins.MultiPoint.Enabled, func(p config.Plugin) bool { return p.Name == names.DynamicResources })
	client := fake.NewClientset(others...)
	factory := informers.NewSharedInformerFactory(client, 0)
	w := &world{snapshot: schedcache.NewSnapshot(pods, nodes)}
	if w.near, err = newNear(w.snapshot, len(nodes), pods); err != nil {
		return nil, err
	}
	registry := plugins.NewInTreeRegistry()
	registry[names.InterPodAffinity] = nearby(registry[names.InterPodAffinity], w.near)
	preempt := registry[names.DefaultPreemption]
	registry[names.DefaultPreemption] = func(ctx context.Context, args apiruntime.Object, h fwk.Handle) (fwk.Plugin, error) {
		p, err := preempt(ctx, args, h)
		w.preemption, _ = p.(*defaultpreemption.DefaultPreemption)
		return p, err
	}
	w.framework, err = frameworkruntime.NewFramework(ctx, registry, &profile,
		frameworkruntime.WithClientSet(client), frameworkruntime.WithInformerFactory(factory),
		frameworkruntime.WithPodNominator(nominator{}), frameworkruntime.WithSnapshotSharedLister(w.snapshot), frameworkruntime.WithMutableSnapshotLister(w.snapshot),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(factory.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithParallelism(runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, fmt.Errorf("the scheduler's framework: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	list, err := w.snapshot.List()
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		if n.Node() != nil {
			w.nodes = append(w.nodes, n)
		}
	}
	sort.Slice(w.nodes, func(i, j int) bool { return w.nodes[i].Node().Name < w.nodes[j].Node().Name })
	return w, nil
}

// fit is what the scheduler says of one pod.
type fit struct {
	nodes   []fwk.NodeInfo // on which it may be put, up to as many as were asked for
	state   fwk.CycleState
	why     string                  // in the scheduler's words, where there are none
	refused *framework.NodeToStatus // why, node by node, where there are none
	local   bool                    // a placement elsewhere changes nothing of it
}

// filter finds up to limit nodes on which a pod may be put; 0 finds all. It looks
// at the nodes from where the last search stopped, as the scheduler does.
func (w *world) filter(ctx context.Context, pod *corev1.Pod, limit int) (fit, error) {
	if err := w.near.turn(pod); err != nil {
		return fit{}, err
	}
	state := framework.NewCycleState()
	only, status, _ := w.framework.RunPreFilterPlugins(ctx, state, pod)
	diagnosis := framework.Diagnosis{NodeToStatus: framework.NewDefaultNodeToStatus()}
	f := fit{state: state}
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return f, status.AsError()
		}
		diagnosis.PreFilterMsg = status.Message()
		f.why = w.words(pod, diagnosis)
		return f, nil
	}
	f.local = true
	for _, plugin := range [...]string{names.InterPodAffinity, names.PodTopologySpread, names.VolumeBinding, names.VolumeRestrictions, names.NodeVolumeLimits, names.VolumeZone} {
		f.local = f.local && state.GetSkipFilterPlugins().Has(plugin)
	}
	nodes := w.nodes
	if !only.AllNodes() {
		nodes = nil
		for _, name := range slices.Sorted(maps.Keys(only.NodeNames)) {
			if n, err := w.snapshot.Get(name); err == nil && n.Node() != nil {
				nodes = append(nodes, n)
			}
		}
		diagnosis.NodeToStatus.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable, "node(s) didn't satisfy plugin(s) [NodeAffinity]"))
	}
	if limit == 0 || limit > len(nodes) {
		limit = len(nodes)
	}
	// In pieces, so that little is looked at in vain.
	piece := max(4*limit/3, 64)
	looked := 0
	for looked < len(nodes) && len(f.nodes) < limit {
		n := min(piece, len(nodes)-looked)
		result := make([]*fwk.Status, n)
		w.framework.Parallelizer().Until(ctx, n, func(i int) {
			result[i] = w.framework.RunFilterPlugins(ctx, state, pod, nodes[(w.start+looked+i)%len(nodes)])
		}, "Filter")
		for i, status := range result {
			node := nodes[(w.start+looked+i)%len(nodes)]
			switch {
			case status.IsSuccess():
				f.nodes = append(f.nodes, node)
			case status.IsRejected():
				diagnosis.NodeToStatus.Set(node.Node().Name, status)
			default:
				return f, status.AsError()
			}
		}
		looked += n
	}
	if limit < len(nodes) && len(nodes) > 0 {
		w.start = (w.start + looked) % len(nodes)
	}
	if len(f.nodes) == 0 {
		f.why, f.refused = w.words(pod, diagnosis), diagnosis.NodeToStatus
	}
	return f, ctx.Err()
}

// words are the scheduler's own, as they stand in a pod's condition and events.
func (w *world) words(pod *corev1.Pod, d framework.Diagnosis) string {
	return strings.TrimSpace((&framework.FitError{Pod: pod, NumAllNodes: len(w.nodes), Diagnosis: d}).Error())
}

// pick returns the node with the best score; of equal ones the first by name, so
// that a simulation that is run again says the same.
func (w *world) pick(ctx context.Context, pod *corev1.Pod, f *fit) (fwk.NodeInfo, error) {
	if len(f.nodes) == 1 {
		return f.nodes[0], nil
	}
	if status := w.framework.RunPreScorePlugins(ctx, f.state, pod, f.nodes); !status.IsSuccess() {
		return nil, status.AsError()
	}
	scores, status := w.framework.RunScorePlugins(ctx, f.state, pod, f.nodes)
	if !status.IsSuccess() {
		return nil, status.AsError()
	}
	best := 0
	for i := range scores {
		if scores[i].TotalScore > scores[best].TotalScore || scores[i].TotalScore == scores[best].TotalScore && scores[i].Name < scores[best].Name {
			best = i
		}
	}
	return f.nodes[best], nil
}

// bind puts a pod on a node.
func (w *world) bind(pod *corev1.Pod, node fwk.NodeInfo) error {
	bound := *pod
	bound.Spec.NodeName = node.Node().Name
	info, err := framework.NewPodInfo(&bound)
	if err != nil {
		return err
	}
	if err := w.snapshot.AssumePod(info); err != nil {
		return err
	}
	return w.near.bound(pod, bound.Spec.NodeName)
}
