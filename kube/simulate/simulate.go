package simulate

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/winver"
)

// Simulator says what a change would do.
type Simulator struct {
	*kube.Doctor
}

// Run simulates a change of a cluster, which was read with its Objects.
func (s *Simulator) Run(ctx context.Context, cluster *kube.Cluster, change *Change) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := change.apply(s.Facts, cluster)
	if err != nil {
		return nil, err
	}
	m := &model{Simulator: s, cluster: cluster, plan: p, images: substitutions{change.Images, make([]int, len(change.Images)), map[kube.Owner]map[*kube.Spec]*kube.Spec{}}, index: map[template]*group{}, answers: map[verdictKey]verdict{}, members: map[types.UID]member{}, lowest: math.MaxInt32, classes: map[string]int32{}, pins: map[kube.Owner]string{}}
	m.oldNodes, m.newNodes = byName(cluster.Nodes), byName(p.nodes)
	m.collect()
	if err := m.images.unused(); err != nil {
		return nil, err
	}
	var coming []kube.Node
	for i := range p.changed {
		if p.changed[i].After != nil {
			coming = append(coming, *p.changed[i].After)
		}
	}
	others := map[kube.Owner][]*kube.Spec{}
	for _, g := range m.groups {
		if g.spec != g.then {
			others[g.owner] = append(others[g.owner], g.spec)
		}
	}
	m.judge = s.Judge(ctx, cluster, coming, others)
	if m.before, err = newWorld(ctx, cluster.Objects.Nodes, m.staying, cluster.Objects.Others); err != nil {
		return nil, err
	}
	if m.after, err = newWorld(ctx, p.objects, m.staying, cluster.Objects.Others); err != nil {
		return nil, err
	}
	for _, g := range m.groups {
		if err := m.reach(ctx, g); err != nil {
			return nil, err
		}
	}
	if err := m.company(ctx); err != nil {
		return nil, err
	}
	if err := m.place(ctx); err != nil {
		return nil, err
	}
	r := &Report{Nodes: p.changed, Pods: len(cluster.Pods), Unseen: cluster.Unseen, Notes: append(p.notes, m.notes()...), Workloads: m.workloads()}
	r.sort()
	return r, nil
}

func byName(nodes []kube.Node) map[string]*kube.Node {
	out := make(map[string]*kube.Node, len(nodes))
	for i := range nodes {
		out[nodes[i].Name] = &nodes[i]
	}
	return out
}

// model is one simulation.
type model struct {
	*Simulator
	cluster            *kube.Cluster
	plan               *plan
	images             substitutions
	judge              *kube.Judge
	before, after      *world
	oldNodes, newNodes map[string]*kube.Node

	staying []*corev1.Pod // bound to nodes, whatever happens
	groups  []*group
	index   map[template]*group
	answers map[verdictKey]verdict
	pins    map[kube.Owner]string
	members map[types.UID]member // of pods
	lowest  int32                // the lowest priority of a pod
	classes map[string]int32     // the priorities of classes, as pods have them
}

// member is a pod's place in the model.
type member struct {
	group *group
	bare  bool // nobody makes it anew
}

// template is what pods must have in common to be scheduled alike.
type template struct {
	owner  kube.Owner
	spec   *kube.Spec
	object string // the scheduler's view of it
}

// group are the pods of an owner that are scheduled alike, or its template where
// it has none. Each pod of a DaemonSet is a group.
type group struct {
	owner kube.Owner
	pin   string // the node that spec.nodeName of its template names, or ""
	spec  *kube.Spec
	then  *kube.Spec  // before the change: with other images
	pod   *corev1.Pod // one of them, without its node

	pods    int           // that there are now
	stay    []string      // the nodes of those that stay
	old     []string      // the nodes that others leave
	move    []*corev1.Pod // those that are made anew, and those that wait
	wait    int           // how many of them wait now
	lost    int           // how many nobody makes anew
	evicted int           // how often one leaves its node for a pod of higher priority
	bound   bool          // they stay on their nodes: no scheduler is asked
	absent  bool          // of a DaemonSet: there was no pod on this node
	gone    bool          // of a DaemonSet: there will be none

	was map[string]bool   // the nodes that it may be put on, before
	may map[string]bool   // the same, after
	put map[string]string // the nodes of those that move, by their names
	why string            // there is no node, in the scheduler's words
}

// collect sorts pods into groups, and those that stay from those that do not.
func (m *model) collect() {
	for i := range m.cluster.Workloads {
		if w := &m.cluster.Workloads[i]; w.Spec.NodeName != "" && w.Kind != "DaemonSet" {
			m.pins[w.Owner] = w.Spec.NodeName
		}
	}
	live := map[kube.Owner]bool{}
	daemonPods := map[kube.Owner]map[string]int{}
	for i := range m.cluster.Pods {
		p, object := &m.cluster.Pods[i], m.cluster.Objects.Pods[i]
		if p.Done() {
			continue
		}
		fate := m.plan.fate[p.Node]
		rollout := !p.Bare && m.images.of(p.Owner, p.Spec) != p.Spec
		if m.newNodes[p.Node] != nil && (fate == "" && (!rollout || p.Deleted) || p.Static && fate == Changes) {
			m.staying = append(m.staying, object)
		}
		if p.Deleted || p.Static && fate == Goes {
			continue // it is on its way, whatever happens; its node's own
		}
		live[p.Owner] = true
		m.lowest = min(m.lowest, priority(object))
		if object.Spec.Priority != nil {
			m.classes[object.Spec.PriorityClassName] = *object.Spec.Priority
		}
		if p.Owner.Kind == "DaemonSet" {
			if daemonPods[p.Owner] == nil {
				daemonPods[p.Owner] = map[string]int{}
			}
			daemonPods[p.Owner][daemonNode(object)] = i
			continue
		}
		g := m.group(p.Owner, p.Spec, object)
		g.pods++
		m.members[object.UID] = member{g, p.Bare}
		switch {
		case p.Node == "":
			g.move = append(g.move, unbound(object))
			g.wait++
		case fate == "" && !rollout, p.Static && fate == Changes:
			g.stay = append(g.stay, p.Node)
		case p.Bare:
			g.lost++
			g.old = append(g.old, p.Node)
		default:
			g.move = append(g.move, unbound(object))
			g.old = append(g.old, p.Node)
		}
		g.bound = g.bound || p.Bare && p.Node != ""
	}
	for i := range m.cluster.Workloads {
		w := &m.cluster.Workloads[i]
		t := m.cluster.Objects.Templates[i]
		if w.Kind == "DaemonSet" {
			m.daemonSet(w, t, daemonPods[w.Owner])
			delete(daemonPods, w.Owner)
		} else if !live[w.Owner] {
			m.group(w.Owner, w.Spec, &corev1.Pod{ObjectMeta: meta(w.Owner, t.Labels), Spec: t.Spec})
		}
	}
	for _, owner := range slices.SortedFunc(maps.Keys(daemonPods), func(a, b kube.Owner) int { return strings.Compare(a.String(), b.String()) }) {
		for _, i := range slices.Sorted(maps.Values(daemonPods[owner])) {
			m.daemonPod(owner, &m.cluster.Pods[i], m.cluster.Objects.Pods[i])
		}
	}
}

// group returns the group of a pod.
func (m *model) group(owner kube.Owner, spec *kube.Spec, object *corev1.Pod) *group {
	key := template{owner, spec, signature(object)}
	g := m.index[key]
	if g == nil {
		g = m.newGroup(owner, spec, object)
		m.index[key] = g
	}
	return g
}

func (m *model) newGroup(owner kube.Owner, spec *kube.Spec, object *corev1.Pod) *group {
	g := &group{owner: owner, pin: m.pins[owner], spec: m.images.of(owner, spec), then: spec, pod: unbound(object), put: map[string]string{}}
	m.groups = append(m.groups, g)
	return g
}

// signature is the same for pods that the scheduler cannot tell apart.
func signature(p *corev1.Pod) string {
	q := corev1.Pod{Spec: p.Spec}
	q.Labels = p.Labels
	q.Spec.NodeName = ""
	text, err := q.Marshal()
	if err != nil { // a struct of plain values: it does not fail
		panic(err)
	}
	return string(text)
}

func unbound(p *corev1.Pod) *corev1.Pod {
	out := *p
	out.Spec.NodeName = ""
	return &out
}

// reach finds the nodes on which pods of a group may be put, in both worlds.
func (m *model) reach(ctx context.Context, g *group) error {
	g.was, g.may = map[string]bool{}, map[string]bool{}
	for _, n := range g.old {
		g.was[n] = true
	}
	for _, n := range g.stay {
		g.was[n], g.may[n] = true, true
	}
	if g.pin != "" { // no scheduler is asked
		if m.oldNodes[g.pin] != nil {
			g.was[g.pin] = true
		}
		if m.newNodes[g.pin] != nil {
			g.may[g.pin] = true
		}
		return nil
	}
	daemon := g.owner.Kind == "DaemonSet"
	if g.bound || daemon && len(g.move) == 0 {
		return nil
	}
	if !g.absent && !(daemon && g.wait == 0) {
		f, err := m.before.filter(ctx, g.pod, 0)
		if err != nil {
			return err
		}
		for _, n := range f.nodes {
			g.was[n.Node().Name] = true
		}
	}
	f, err := m.after.filter(ctx, g.pod, 0)
	if err != nil {
		return err
	}
	for _, n := range f.nodes {
		g.may[n.Node().Name] = true
	}
	g.why = f.why
	return nil
}

// verdictKey is a spec on a kind of node.
type verdictKey struct {
	spec    *kube.Spec
	os      string
	host    winver.Host
	runtime compat.Runtime
}

type verdict struct {
	place kube.Place
	image string
}

// on is what the judge says of a spec on a node, each kind of node asked once.
func (m *model) on(s *kube.Spec, n *kube.Node) verdict {
	key := verdictKey{s, n.OS, n.Host, n.Runtime}
	v, ok := m.answers[key]
	if !ok {
		v.place, v.image = m.judge.On(s, n)
		m.answers[key] = v
	}
	return v
}

// outcome of a spec on some nodes.
func (m *model) outcome(s *kube.Spec, names map[string]bool, nodes map[string]*kube.Node) Outcome {
	var yes, no, open, risky int
	for name := range names {
		n := nodes[name]
		if n == nil {
			continue
		}
		switch m.on(s, n).place.Answer {
		case compat.Yes:
			yes++
		case compat.Risky:
			risky++
		case compat.No:
			no++
		default:
			open++
		}
	}
	switch {
	case yes+no+open+risky == 0:
		return Pending
	case no > 0 && yes+open+risky == 0:
		return Fails
	case no > 0:
		return AtRisk
	case open > 0:
		return Unknown
	case risky > 0:
		return Risky
	}
	return Runs
}

// places are the kinds of the nodes of a set.
func (m *model) places(s *kube.Spec, names map[string]bool, nodes map[string]*kube.Node) ([]kube.Place, string) {
	type kind struct {
		os      string
		host    winver.Version
		arm64   bool
		runtime compat.Runtime
	}
	index := map[kind]int{}
	var list []kube.Place
	var images []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := nodes[name]
		if n == nil {
			continue
		}
		k := kind{n.OS, n.Host.Version, n.Host.ARM64, n.Runtime}
		i, ok := index[k]
		if !ok {
			v := m.on(s, n)
			i = len(list)
			index[k] = i
			v.place.Count, v.place.Nodes = 0, nil
			list, images = append(list, v.place), append(images, v.image)
		}
		if list[i].Count++; len(list[i].Nodes) < maxNames {
			list[i].Nodes = append(list[i].Nodes, name)
		}
	}
	image := ""
	for _, answer := range []compat.Answer{compat.No, compat.Unknown, compat.Risky} {
		for i := range list {
			if list[i].Answer == answer && image == "" {
				image = images[i]
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		return winver.Compare(list[i].Host.Version, list[j].Host.Version) < 0
	})
	return list, image
}

// maxNames bounds the names of nodes of one entry.
const maxNames = 20

// notes say what limits the answer.
func (m *model) notes() []string {
	list := slices.Clone(m.judge.Notes())
	others := map[string]int{}
	devices := 0
	for _, g := range m.groups {
		if name := g.pod.Spec.SchedulerName; name != "" && name != corev1.DefaultSchedulerName {
			others[name]++
		}
		if len(g.pod.Spec.ResourceClaims) > 0 {
			devices++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		list = append(list, fmt.Sprintf("%s scheduled by %s, whose rules are not known: simulated by those of the default scheduler", are(others[name], "kind of pods"), name))
	}
	if devices > 0 {
		list = append(list, are(devices, "kind of pods")+" in need of resource claims, which are not looked at")
	}
	return list
}

func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %s are", n, strings.Replace(what, "kind", "kinds", 1))
}
