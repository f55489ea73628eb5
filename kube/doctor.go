package kube

import (
	"context"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Doctor finds what is wrong in a cluster.
type Doctor struct {
	Facts  *facts.Facts
	Today  facts.Date
	Images *Images
}

// Examine examines a cluster. It asks registries where an answer depends on it.
func (d *Doctor) Examine(ctx context.Context, c *Cluster) *Report {
	d.Images.Held = c.Held
	e := newExam(d, c)
	d.Images.Read(ctx, e.uses())

	r := &Report{Pods: len(c.Pods), Unseen: c.Unseen, Notes: d.Images.Notes}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; n.Windows() {
			r.Nodes = append(r.Nodes, d.examineNode(n))
		} else {
			r.Linux++
		}
	}
	sort.Slice(r.Nodes, func(i, j int) bool { return r.Nodes[i].Name < r.Nodes[j].Name })
	for i := range e.groups {
		e.failures(&e.groups[i])
	}
	for i := range e.groups {
		r.Findings = append(r.Findings, e.examine(&e.groups[i])...)
	}
	r.Findings = merge(r.Findings)
	sortFindings(r.Findings)
	return r
}

// exam is one examination of a cluster.
type exam struct {
	*Doctor
	cluster *Cluster
	nodes   map[string]*Node
	groups  []group
	ran     map[seen]bool // images that were seen to run
	failed  map[seen]bool // images that were seen not to, for their version
	onLinux map[string]bool
	admits  map[*Spec]*reach
	answers map[question]answer
	blind   bool            // some nodes could not be seen
	bare    map[uint32]bool // builds of which some node lacks the kubelet's label
}

// seen is an image on a Windows; the revision counts on Windows Server 2016 only.
type seen struct {
	image       string
	hostProcess bool
	hyperV      bool
	version     winver.Version
	arm64       bool
	runtime     compat.Runtime // of failed pulls
}

func seenOn(c *Container, n *Node) seen {
	v := n.Host.Version
	if v.Build != winver.LTSC2016 {
		v = v.WithoutRevision()
	}
	return seen{image: c.Image, hostProcess: c.HostProcess, hyperV: c.HyperV, version: v, arm64: n.Host.ARM64}
}

// fails reports whether a container's image was seen to fail on such a node.
func (e *exam) fails(c *Container, n *Node) bool {
	at := seenOn(c, n)
	exact := at
	exact.version = n.Host.Version
	for _, s := range []seen{at, exact} {
		if e.failed[s] {
			return true
		}
		if s.runtime = n.Runtime; e.failed[s] {
			return true
		}
	}
	return false
}

// group are the pods of an owner that have one spec, or its template where it has
// no pods.
type group struct {
	template *Workload // of which its next pods will be, where none is there that is not done
	owner    Owner
	spec     *Spec
	pods     []*Pod
	nodes    *reach
	broken   []Failure // what its pods met
	waiting  []*Pod
}

// reach is where a spec may be put.
type reach struct {
	windows []*Node
	others  int
}

func newExam(d *Doctor, c *Cluster) *exam {
	e := &exam{Doctor: d, cluster: c, nodes: make(map[string]*Node, len(c.Nodes)), ran: map[seen]bool{}, failed: map[seen]bool{},
		onLinux: map[string]bool{}, admits: map[*Spec]*reach{}, answers: map[question]answer{}, bare: map[uint32]bool{}}
	for _, u := range c.Unseen {
		e.blind = e.blind || u.Resource == "nodes"
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		e.nodes[n.Name] = n
		if n.Windows() && n.Labels[corev1.LabelWindowsBuild] != kubeletBuild(n.Host.Version) {
			e.bare[n.Host.Version.Build] = true
		}
	}
	type key struct {
		owner Owner
		spec  *Spec
	}
	index := map[key]int{}
	live := map[Owner]bool{}
	workloads := map[Owner]*Workload{}
	for i := range c.Workloads {
		workloads[c.Workloads[i].Owner] = &c.Workloads[i]
	}
	last := map[Owner]*Pod{} // the newest of each
	for i := range c.Pods {
		p := &c.Pods[i]
		e.witness(p)
		if old := last[p.Owner]; old == nil || !p.Created.Before(old.Created) {
			last[p.Owner] = p
		}
		if p.Deleted || p.Done() && len(p.Troubles) == 0 {
			continue
		}
		k := key{p.Owner, p.Spec}
		n, ok := index[k]
		if !ok {
			n = len(e.groups)
			index[k] = n
			e.groups = append(e.groups, group{owner: p.Owner, spec: p.Spec})
		}
		g := &e.groups[n]
		g.pods = append(g.pods, p)
		if !p.Done() {
			live[p.Owner] = true
		}
		if p.Waits != "" && p.Node == "" {
			g.waiting = append(g.waiting, p)
		}
	}
	e.groups = slices.DeleteFunc(e.groups, func(g group) bool { return g.done() && e.history(&g, workloads[g.owner], last[g.owner]) })
	told := map[Owner]bool{}
	for i := range e.groups {
		g := &e.groups[i]
		w := workloads[g.owner]
		if g.done() && w != nil && !live[g.owner] && !told[g.owner] { // its next pods will be of the template
			g.template, told[g.owner] = w, true
		}
	}
	for i := range c.Workloads {
		if w := &c.Workloads[i]; !live[w.Owner] && !told[w.Owner] && !w.Open {
			e.groups = append(e.groups, group{owner: w.Owner, spec: w.Spec, template: w})
		}
	}
	for i := range e.groups {
		g := &e.groups[i]
		w := workloads[g.owner]
		switch {
		case len(g.pods) > 0 && g.pods[0].Bare && g.pods[0].Node != "":
			g.nodes = e.only(g.pods[0].Node)
		case g.done() && (g.template == nil || w.Open):
			g.nodes = &reach{} // nothing of it will be put anywhere, or it is not known where
		case g.done():
			g.nodes = e.reach(w.Spec)
		case w != nil && w.Spec.NodeName != "":
			g.nodes = e.only(w.Spec.NodeName)
		default:
			g.nodes = e.reach(g.spec)
		}
	}
	return e
}

// done reports whether a group has pods, and none of them will run any more.
func (g *group) done() bool {
	return len(g.pods) > 0 && !slices.ContainsFunc(g.pods, func(p *Pod) bool { return !p.Done() })
}

// history reports whether what the pods of a group met, none of which will run any
// more, says nothing of today: their template has other images by now, or keeps
// pods off the nodes where these were; where there is no template, a later pod of
// the same owner has done the work.
func (e *exam) history(g *group, w *Workload, last *Pod) bool {
	if w == nil {
		return last.Phase == corev1.PodSucceeded
	}
	for i := range w.Spec.Containers { // what was added to the pods on their way is in no template
		if c := &w.Spec.Containers[i]; e.imageOf(g.spec, c.Name) != c.Image {
			return true
		}
	}
	return !w.Open && !slices.ContainsFunc(g.pods, func(p *Pod) bool {
		n := e.nodes[p.Node]
		return n == nil || w.Spec.Admits(n)
	})
}

// witness notes which images a pod proves to run.
func (e *exam) witness(p *Pod) {
	n := e.nodes[p.Node]
	if p.Running == 0 || n == nil {
		return
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		switch {
		case i >= 64 || p.Running&(1<<i) == 0:
		case !n.Windows():
			e.onLinux[c.Image] = true
		case n.Host.Version.IsValid():
			e.ran[seenOn(c, n)] = true
		}
	}
}

func (e *exam) only(node string) *reach {
	n := e.nodes[node]
	switch {
	case n == nil:
		return &reach{}
	case n.Windows():
		return &reach{windows: []*Node{n}}
	}
	return &reach{others: 1}
}

// reach returns where a spec may be put.
func (e *exam) reach(s *Spec) *reach {
	if r := e.admits[s]; r != nil {
		return r
	}
	r := &reach{}
	for i := range e.cluster.Nodes {
		switch n := &e.cluster.Nodes[i]; {
		case !s.Admits(n):
		case n.Windows():
			r.windows = append(r.windows, n)
		default:
			r.others++
		}
	}
	e.admits[s] = r
	return r
}

// uses are the images of which more than the name must be known, with whom they
// are pulled for.
func (e *exam) uses() map[string][]use {
	all := map[string][]use{}
	for i := range e.groups {
		g := &e.groups[i]
		broken := slices.ContainsFunc(g.pods, func(p *Pod) bool { return len(p.Troubles) > 0 || p.Waits != "" })
		if g.spec.OS == "linux" || len(g.nodes.windows) == 0 && !broken {
			continue
		}
		u := g.spec.use(g.owner.Namespace)
		for i := range g.spec.Containers {
			c := &g.spec.Containers[i]
			if c.Local || e.proven(c, g.nodes.windows) && !broken {
				continue
			}
			if list := all[c.Image]; !slices.Contains(list, u) {
				all[c.Image] = append(list, u)
			}
		}
	}
	return all
}

// use is how a spec's images are pulled.
func (s *Spec) use(namespace string) use {
	return use{namespace, s.ServiceAccount, strings.Join(s.PullSecrets, ",")}
}

// proven reports whether an image was seen to run on every Windows of some nodes.
func (e *exam) proven(c *Container, nodes []*Node) bool {
	for _, n := range nodes {
		if !e.ran[seenOn(c, n)] {
			return false
		}
	}
	return true
}

// question is a case that was put to compat.
type question struct {
	image       string
	host        winver.Version
	edition     winver.Edition
	arm64       bool
	runtime     compat.Runtime
	hostProcess bool
	hyperV      bool
	local       bool
}

// answer is what compat said.
type answer struct {
	compat.Answer
	code, text string
	reasons    []compat.Reason
}

// put puts an image on a Windows node to compat.
func (e *exam) put(c *Container, n *Node) answer {
	key := question{c.Image, n.Host.Version, n.Host.Edition, n.Host.ARM64, n.Runtime, c.HostProcess, c.HyperV, c.Local}
	if a, ok := e.answers[key]; ok {
		return a
	}
	var a answer
	img := e.Images.Get(c.Image)
	if reason, missing := img.Missing(); missing && !c.Local {
		a = answer{compat.No, reason.Code.String(), reason.Text, []compat.Reason{reason}}
	} else {
		q := e.question(c, n, img)
		v := compat.Decide(e.Facts, &q)
		if c.HyperV {
			q, v = e.hyperV(q, v)
		}
		a.Answer, a.reasons = v.Answer, v.Reasons(e.Facts, &q)
		if len(a.reasons) > 0 {
			a.code, a.text = a.reasons[0].Code.String(), a.reasons[0].Text
		}
	}
	e.answers[key] = a
	return a
}

// hyperV is the verdict on a pod that asks for Hyper-V isolation. Kubernetes does
// not support that, and containerd may do it all the same, where the node has
// Hyper-V. So no more is sure than what is refused in either isolation: an image
// newer than its host, one that is not for Windows, a runtime that is not there.
// https://kubernetes.io/docs/concepts/windows/intro/
func (e *exam) hyperV(q compat.Question, v compat.Verdict) (compat.Question, compat.Verdict) {
	alone := q
	alone.Isolation, alone.Kubernetes, alone.HostProcess = compat.HyperV, false, false
	if w := compat.Decide(e.Facts, &alone); v.Answer == compat.No && w.Answer == compat.No &&
		(w.Child < 0 || w.Has(compat.HyperVImageTooNew) || w.Has(compat.RuntimeNotForHost)) {
		return alone, w
	}
	q.Isolation, q.HostProcess = compat.HyperV, false
	v = compat.Decide(e.Facts, &q)
	v.Answer = compat.Unknown
	return q, v
}

// question is an image on a node as compat wants it.
func (e *exam) question(c *Container, n *Node, img *image.Image) compat.Question {
	q := compat.Question{Host: compat.Host{Version: n.Host.Version, Edition: n.Host.Edition, ARM64: n.Host.ARM64}, Image: img.Asked(),
		Runtime: n.Runtime, Kubernetes: true, HostProcess: c.HostProcess, Today: e.Today}
	if c.Local {
		q.Runtime = compat.Runtime{} // it does not pull
	}
	return q
}
