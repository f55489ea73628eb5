package kube

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// A Chooser says which nodes a workload is to be kept to: every one that it may be
// put on by its own rules and that runs all its images, and no other.
//
//   - A node whose answer is `risky` remains only where no label tells it from one
//     whose answer is `yes`, or where there is no such node; one whose answer is
//     not known never does.
//   - It plans with the labels that the nodes should have. Where a node's are not
//     so, they come first: see [Choice].Labels.
//   - What the pods demand already stays, but for demands of a version that none
//     of the nodes that run the images meets: these are replaced.
type Chooser struct {
	Doctor  *Doctor
	Cluster *Cluster // its nodes and runtime classes count

	exam  *exam
	nodes []*choosable
}

// choosable is a node as a chooser sees it.
type choosable struct {
	*Node
	should *corev1.Node // with the labels that it should have
	bare   Node         // should, as if it took pods
}

// Choice is which nodes a workload is to be kept to.
type Choice struct {
	Images []string
	Nodes  []Judged // the Windows nodes
	Stay   []*Node  // that remain, whatever pods they take now
	Risky  []*Node  // of these, that may fail
	Unsure []*Node  // that are left out, as it is not known whether they run the images
	Labels []*Node  // whose labels are to be set first: see [Labeler]

	Was, Will Placing
	Add       []string // demands, in words
	Remove    []string // demands that contradict, or that are written anew

	Strands string // why the pods would find no node; "" where they do
	Unknown string // why nothing can be said; "" where it can
	Aside   string // why there is nothing to do with it: it is not for Windows
}

// Judged is a node and what becomes of the pods there.
type Judged struct {
	Node     *Node
	Answer   compat.Answer // the worst of the containers'
	Image    string        // whose answer it is
	Text     string        // the reason
	Eligible bool          // the pods may be put there by what else they demand
}

// Changes reports whether there is anything to do.
func (c *Choice) Changes() bool { return !c.Was.Equal(c.Will) }

// Read learns what is in the images of some pods, from registries where their
// names do not say.
func (c *Chooser) Read(ctx context.Context, pods ...*Template) {
	c.Doctor.Images.Held = c.Cluster.Held
	uses := map[string][]use{}
	for _, t := range pods {
		s := c.spec(t, t.Placing())
		u := s.use(t.Namespace)
		for i := range s.Containers {
			if name := s.Containers[i].Image; !slices.Contains(uses[name], u) {
				uses[name] = append(uses[name], u)
			}
		}
	}
	c.Doctor.Images.Read(ctx, uses)
	c.exam = nil
}

// prepare looks at the nodes once.
func (c *Chooser) prepare() {
	if c.exam != nil {
		return
	}
	c.exam = newExam(c.Doctor, &Cluster{Nodes: c.Cluster.Nodes})
	c.nodes = nil
	for i := range c.Cluster.Nodes {
		n := &c.Cluster.Nodes[i]
		v := &choosable{Node: n, bare: *n}
		v.bare.Unschedulable = false
		v.bare.Labels = maps.Clone(n.Labels)
		if v.bare.Labels == nil {
			v.bare.Labels = map[string]string{}
		}
		if n.Windows() {
			want, unknown := n.labels(c.Doctor.Facts, c.Doctor.Today)
			for k := range v.bare.Labels {
				if _, ok := want[k]; strings.HasPrefix(k, LabelRuns) && !ok && unknown == "" {
					delete(v.bare.Labels, k)
				}
			}
			for k, value := range want {
				if k != LabelOSBuild || !saysAll(v.bare.Labels[k], value) || buildOf(v.bare.Labels[k]) != n.Host.Version.Build {
					v.bare.Labels[k] = value
				}
			}
		}
		v.should = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: v.bare.Labels}}
		c.nodes = append(c.nodes, v)
	}
}

// buildOf reads the build of a label's value, 0 where it has none.
func buildOf(value string) uint32 {
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return uint32(n)
	}
	v, err := winver.Parse(value)
	if err != nil {
		return 0
	}
	return v.Build
}

// spec is what a template says with another placing, its runtime class included.
func (c *Chooser) spec(t *Template, q Placing) *Spec {
	p := t.Pod
	q.Into(&p)
	if s := c.class(t); s != nil {
		addRuntimeClass(&p, s.NodeSelector, s.Tolerations)
	}
	return specs{}.of(&p, true, false)
}

// class is what a template's runtime class says of nodes, or nil.
func (c *Chooser) class(t *Template) *nodev1.Scheduling {
	if t.Pod.RuntimeClassName == nil {
		return nil
	}
	return c.Cluster.runtimes[*t.Pod.RuntimeClassName]
}

// Plan says which nodes a workload is to be kept to.
func (c *Chooser) Plan(t *Template) *Choice {
	c.prepare()
	p := &plan{Chooser: c, t: t, Choice: &Choice{Was: t.Placing(), Will: t.Placing()}, answers: map[*Node]*Judged{}}
	if p.decide(); p.Unknown != "" {
		p.Will, p.Stay, p.Labels = p.Was, nil, nil
	}
	for _, n := range p.nodes {
		if j := p.answers[n.Node]; j != nil {
			p.Nodes = append(p.Nodes, *j)
		}
	}
	p.Add, p.Remove = difference(p.Will, p.Was), difference(p.Was, p.Will)
	return p.Choice
}

// plan is the making of a choice.
type plan struct {
	*Chooser
	*Choice
	t       *Template
	base    Placing             // what the pods demand but for ours
	answers map[*Node]*Judged   // of Windows nodes
	good    []*choosable        // that run all images
	pool    []*choosable        // that they may be put on by base
	must    map[*choosable]bool // of the pool: which must be admitted, and which must not
	given   map[string]string   // what the runtime class demands
	kids    [][]winver.Version  // of each image, but for those of HostProcess containers
}

func (p *plan) decide() {
	spec := p.spec(p.t, p.Was)
	for i := range spec.Containers {
		if name := spec.Containers[i].Image; !slices.Contains(p.Images, name) {
			p.Images = append(p.Images, name)
		}
	}
	if s := p.class(p.t); s != nil {
		p.given = s.NodeSelector
	}
	p.judge(spec)
	if p.aside(spec) {
		return
	}
	if text := p.conflict(spec); text != "" {
		p.Strands = text
		return
	}
	if spec.NodeName != "" {
		p.Unknown = "spec.nodeName puts it on " + spec.NodeName + ", whatever it selects"
		return
	}
	p.rebase()
	free := p.spec(p.t, p.base)
	for _, n := range p.nodes {
		if free.Admits(&n.bare) {
			p.pool = append(p.pool, n)
			if j := p.answers[n.Node]; j != nil {
				j.Eligible = true
			}
		}
	}
	if p.mixed(spec) {
		return
	}
	p.choose()
}

// judge asks about each Windows node.
func (p *plan) judge(spec *Spec) {
	for i := range spec.Containers {
		c := &spec.Containers[i]
		if c.HostProcess {
			continue
		}
		img := p.exam.Images.Get(c.Image)
		var list []winver.Version
		for k := range img.Children {
			if kid := &img.Children[k]; kid.Windows() && kid.Version.IsValid() {
				list = append(list, kid.Version)
			}
		}
		p.kids = append(p.kids, list)
	}
	for _, n := range p.nodes {
		if !n.Windows() {
			continue
		}
		j := &Judged{Node: n.Node, Answer: compat.Yes}
		for i := range spec.Containers {
			c := &spec.Containers[i]
			if a := p.exam.put(c, n.Node); severity(a.Answer) > severity(j.Answer) {
				j.Answer, j.Image, j.Text = a.Answer, c.Image, a.text
			}
		}
		p.answers[n.Node] = j
	}
	sure := slices.ContainsFunc(p.nodes, func(n *choosable) bool { return p.is(n, compat.Yes) })
	for _, n := range p.nodes {
		if p.is(n, compat.Yes) || !sure && p.is(n, compat.Risky) {
			p.good = append(p.good, n)
		}
	}
}

func (p *plan) is(n *choosable, a compat.Answer) bool {
	j := p.answers[n.Node]
	return j != nil && j.Answer == a
}

// aside finds pods that are not for Windows, and those of which nothing is known.
func (p *plan) aside(spec *Spec) bool {
	windows, known := false, true
	for i := range spec.Containers {
		img := p.exam.Images.Get(spec.Containers[i].Image)
		_, missing := img.Missing()
		known = known && (missing || len(img.Children) > 0)
		for k := range img.Children {
			windows = windows || img.Children[k].Windows()
		}
		windows = windows || spec.Containers[i].HostProcess
	}
	onWindows := spec.OS == "windows" || p.selects(p.Was, "windows")
	onOthers := spec.OS == "linux" || p.selects(p.Was, "linux")
	switch {
	case !windows && known && !onWindows:
		p.Aside = "its images are not for Windows"
		for i := range spec.Containers {
			if r, missing := p.exam.Images.Get(spec.Containers[i].Image).Missing(); missing && r.Code != compat.NotWindows {
				p.Aside, p.Strands = "", spec.Containers[i].Image+": "+r.Text
			}
		}
		return true
	case onOthers && !onWindows && (!windows || p.others(spec)):
		p.Aside = "it is not for Windows nodes"
		return true
	case onOthers && !onWindows:
		p.Strands = "it is for Linux by spec.os or its selector, and its images are for Windows"
		return true
	case !known:
		var list []string
		for i := range spec.Containers {
			img := p.exam.Images.Get(spec.Containers[i].Image)
			if _, missing := img.Missing(); !missing && len(img.Children) == 0 && !spec.Containers[i].HostProcess && !slices.Contains(list, img.Reference) {
				list = append(list, img.Reference)
			}
		}
		if len(list) == 0 {
			return false
		}
		p.Unknown = "which Windows is in " + strings.Join(list, " and ") + " is not known"
		return true
	}
	return false
}

// conflict finds two images that no Windows runs both of, and an image that none
// runs.
func (p *plan) conflict(spec *Spec) string {
	hosts := p.hosts()
	type need struct {
		c    *Container
		runs []winver.Version
	}
	var list []need
	for i := range spec.Containers {
		c := &spec.Containers[i]
		if c.HostProcess {
			continue
		}
		if r, missing := p.exam.Images.Get(c.Image).Missing(); missing {
			return c.Image + ": " + r.Text
		}
		n := need{c: c}
		for _, v := range hosts {
			host := Node{OS: "windows", Host: winver.Host{Version: v, Edition: winver.Server}, Runtime: compat.Runtime{Engine: compat.Containerd}}
			if p.exam.put(c, &host).Answer != compat.No {
				n.runs = append(n.runs, v)
			}
		}
		for _, o := range list {
			if len(n.runs) > 0 && len(o.runs) > 0 && !slices.ContainsFunc(n.runs, func(v winver.Version) bool { return slices.Contains(o.runs, v) }) {
				return fmt.Sprintf("no Windows runs both %s, which needs %s, and %s, which needs %s", o.c.Image, versions(o.runs), c.Image, versions(n.runs))
			}
		}
		list = append(list, n)
	}
	return ""
}

// hosts are the Windows Servers by which images are compared: one a build, and on
// Windows Server 2016 those of the images' own revisions.
func (p *plan) hosts() []winver.Version {
	var list []winver.Version
	add := func(v winver.Version) {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	revised := false
	for _, kids := range p.kids {
		for _, v := range kids {
			if _, ok := v.Revision(); ok && v.Build == winver.LTSC2016 {
				add(v)
				revised = true
			}
		}
	}
	for i := range p.Doctor.Facts.Releases {
		if r := &p.Doctor.Facts.Releases[i]; r.Kind != facts.Client && (r.Build != winver.LTSC2016 || !revised) && r.Build != 0 {
			add(winver.OfBuild(r.Build))
		}
	}
	slices.SortFunc(list, winver.Compare)
	return list
}

func versions(list []winver.Version) string {
	var out []string
	for _, v := range list {
		out = append(out, v.Short())
	}
	return strings.Join(out, " or ")
}

// rebase takes away what was ours, and what contradicts.
func (p *plan) rebase() {
	p.base = p.t.origin().renamed(oldLabelOS, labelOS)
	if len(p.good) == 0 {
		return
	}
	p.base = p.base.without(func(d demand) bool {
		return versionLabel(d.Key) && !slices.ContainsFunc(p.good, func(n *choosable) bool { return meets(n.should, d) })
	})
}

// oldLabelOS is what kubelets called [labelOS] before 1.14.
const oldLabelOS = "beta.kubernetes.io/os"

// selects reports whether a placing, with its runtime class, demands a system.
func (p *plan) selects(q Placing, os string) bool {
	return p.full(q).demanded(func(d demand) bool {
		return (d.Key == labelOS || d.Key == oldLabelOS) && d.Operator == corev1.NodeSelectorOpIn && len(d.Values) == 1 && d.Values[0] == os
	})
}

// full is a placing with what its runtime class demands.
func (p *plan) full(q Placing) *Placing {
	q = q.clone()
	for k, v := range p.given {
		q.set(k, v)
	}
	return &q
}

// others reports whether every image may be for another system than Windows.
func (p *plan) others(spec *Spec) bool {
	for i := range spec.Containers {
		img := p.exam.Images.Get(spec.Containers[i].Image)
		if spec.Containers[i].HostProcess || len(img.Children) > 0 && !slices.ContainsFunc(img.Children, func(k image.Child) bool { return !k.Windows() && !k.Attestation }) {
			return false
		}
	}
	return true
}

// mixed finds pods that may run on other systems too.
func (p *plan) mixed(spec *Spec) bool {
	open := slices.ContainsFunc(p.pool, func(n *choosable) bool { return !n.Windows() })
	if spec.OS == "windows" || !open || !p.others(spec) {
		return false
	}
	p.Unknown = "its images are for Linux too, and it selects no system: a nodeSelector kubernetes.io/os says which it is for"
	return true
}

// way is a way to say which nodes.
type way struct {
	will   Placing
	risky  []*Node
	labels []*Node
}

// choose finds the simplest way to say which nodes.
func (p *plan) choose() {
	sure := map[*choosable]bool{}
	for _, n := range p.good {
		sure[n] = true
	}
	p.must = map[*choosable]bool{}
	var can, bad []*choosable
	for _, n := range p.pool {
		switch {
		case sure[n]:
			can, p.must[n] = append(can, n), true
		case p.is(n, compat.Unknown):
			p.Unsure = append(p.Unsure, n.Node)
			bad, p.must[n] = append(bad, n), false
		case !p.is(n, compat.Risky):
			bad, p.must[n] = append(bad, n), false
		}
	}
	var best *way
	try := func(q Placing) {
		w := p.weigh(q)
		if w != nil && (best == nil || cmp.Or(cmp.Compare(len(w.risky), len(best.risky)), cmp.Compare(len(w.labels), len(best.labels))) < 0) {
			best = w
		}
	}
	if p.restricts(p.Was, can) { // what is there stays where it is as good as any
		try(p.Was)
	}
	with := func(alternatives [][]demand) {
		q := p.base
		if !p.selects(q, "windows") {
			q = q.and([][]demand{{in(labelOS, "windows")}}, p.given)
		}
		try(q.and(alternatives, p.given))
	}
	for _, alternatives := range p.ways(can, bad) {
		with(alternatives)
	}
	if best == nil && len(can) > 0 {
		with(p.named(can, bad))
	}
	if best == nil {
		if p.strand(can); p.Strands+p.Unknown == "" {
			p.Unknown = "no label tells the nodes that run its images from those that do not"
		}
		return
	}
	p.Will, p.Risky, p.Labels = best.will, best.risky, best.labels
	spec := p.spec(p.t, p.Will)
	for _, n := range p.pool {
		if spec.Admits(&n.bare) {
			p.Stay = append(p.Stay, n.Node)
		}
	}
	p.strand(can)
}

// weigh holds a way against what it must do: admit every node that runs the images,
// and none of the bad ones. Nil where it does not.
func (p *plan) weigh(q Placing) *way {
	w := &way{will: q}
	spec := p.spec(p.t, q)
	for _, n := range p.pool {
		must, certain := p.must[n]
		switch admitted := spec.Admits(&n.bare); {
		case certain && admitted != must:
			return nil
		case admitted && p.is(n, compat.Risky):
			w.risky = append(w.risky, n.Node)
		}
	}
	for _, n := range p.nodes {
		now := *n.Node
		now.Unschedulable = false
		if spec.Admits(&now) != spec.Admits(&n.bare) {
			w.labels = append(w.labels, n.Node)
		}
	}
	return w
}

// restricts reports whether a placing demands what it must of Windows and its
// version, whichever nodes come.
func (p *plan) restricts(q Placing, can []*choosable) bool {
	if !p.selects(q, "windows") || !q.Equal(q.renamed(oldLabelOS, labelOS)) {
		return false
	}
	if len(p.kids) == 0 {
		return true
	}
	exact := p.exact(can)
	return p.full(q).demanded(func(d demand) bool {
		return versionLabel(d.Key) && (!exact || d.Key != corev1.LabelWindowsBuild) && (d.Operator == corev1.NodeSelectorOpIn || d.Operator == corev1.NodeSelectorOpExists)
	})
}

// exact reports whether the revision of nodes counts: some of them are a Windows
// Server 2016, whose containers are compared.
func (p *plan) exact(can []*choosable) bool {
	return len(p.kids) > 0 && slices.ContainsFunc(can, func(n *choosable) bool { return n.Host.Version.Build == winver.LTSC2016 })
}

// ways are the ways to try, the simplest first: the kubelet's label of the build,
// Microsoft's of build and revision, ours of what a node runs.
func (p *plan) ways(can, bad []*choosable) [][][]demand {
	if len(can) == 0 {
		return p.future()
	}
	var list [][][]demand
	if len(p.kids) == 0 { // HostProcess containers, which may run on every build
		list = append(list, nil)
	}
	builds, labelled := values(can, corev1.LabelWindowsBuild)
	if labelled && !p.exact(can) {
		list = append(list, [][]demand{{in(corev1.LabelWindowsBuild, builds...)}})
	}
	if v, ok := values(can, LabelOSBuild); ok {
		list = append(list, [][]demand{{in(LabelOSBuild, v...)}})
	}
	if a := p.runs(can, bad); len(a) > 0 {
		list = append(list, a)
	}
	return list
}

// maxNamed bounds the nodes that are left out by their names.
const maxNamed = 20

// named leaves out by their names the bad nodes that the build does not tell from
// the others: where no label does, and for as long as they are what they are.
func (p *plan) named(can, bad []*choosable) [][]demand {
	builds, labelled := values(can, corev1.LabelWindowsBuild)
	if !labelled || p.exact(can) {
		return nil
	}
	var names []string
	for _, n := range bad {
		if slices.Contains(builds, n.should.Labels[corev1.LabelWindowsBuild]) {
			names = append(names, n.should.Labels[corev1.LabelHostname])
		}
	}
	if slices.Sort(names); len(names) == 0 || len(names) > maxNamed || names[0] == "" {
		return nil
	}
	return [][]demand{{in(corev1.LabelWindowsBuild, builds...), {Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpNotIn, Values: names}}}
}

// values are those of a label on some nodes; not ok where one lacks it.
func values(nodes []*choosable, key string) (list []string, ok bool) {
	for _, n := range nodes {
		v := n.should.Labels[key]
		if v == "" {
			return nil, false
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(buildOf(a), buildOf(b)), cmp.Compare(a, b)) })
	return list, len(list) > 0
}

// maxCombinations bounds the combinations of labels that are tried.
const maxCombinations = 256

// runs are alternatives by the labels that say what a node runs: one label an
// image, in every combination that admits a node that runs all of them and none
// that does not. Nil where they do not reach every node.
func (p *plan) runs(can, bad []*choosable) [][]demand {
	combinations := [][]string{nil}
	for _, kids := range p.kids {
		var next [][]string
		for _, c := range combinations {
			for _, v := range kids {
				key := RunsLabel(v)
				for _, key := range []string{key, LabelRuns + strconv.FormatUint(uint64(v.Build), 10)} {
					if key == "" || v.Build != winver.LTSC2016 && key != RunsLabel(v) {
						continue
					}
					one := slices.Clone(c)
					if !slices.Contains(one, key) {
						one = append(one, key)
					}
					if !slices.ContainsFunc(next, func(o []string) bool { return slices.Equal(o, one) }) {
						next = append(next, one)
					}
				}
			}
		}
		if combinations = next; len(combinations) > maxCombinations {
			return nil
		}
	}
	reached := map[*choosable]bool{}
	var out [][]demand
	for _, c := range combinations {
		has := func(n *choosable) bool {
			return !slices.ContainsFunc(c, func(key string) bool { return n.should.Labels[key] != "true" })
		}
		fresh := false
		for _, n := range can {
			fresh = fresh || has(n) && !reached[n]
		}
		if len(c) == 0 || !fresh || slices.ContainsFunc(bad, has) {
			continue
		}
		var all []demand
		for _, key := range c {
			all = append(all, in(key, "true"))
		}
		out = append(out, all)
		for _, n := range can {
			reached[n] = reached[n] || has(n)
		}
	}
	if len(reached) == 0 || slices.ContainsFunc(can, func(n *choosable) bool { return !reached[n] }) {
		return nil
	}
	return out
}

// future are the labels of nodes that are not there yet.
func (p *plan) future() [][][]demand {
	var builds, exact []string
	for _, v := range p.common() {
		if v.Build == winver.LTSC2016 {
			if s := osBuild(v); s != "" {
				exact = append(exact, s)
			}
			continue
		}
		builds = append(builds, fmt.Sprintf("10.0.%d", v.Build))
		exact = append(exact, osBuild(v))
	}
	switch {
	case len(exact) == 0:
		return nil
	case len(exact) != len(builds):
		return [][][]demand{{{in(LabelOSBuild, exact...)}}}
	}
	return [][][]demand{{{in(corev1.LabelWindowsBuild, builds...)}}}
}

// common are the versions that every image has.
func (p *plan) common() []winver.Version {
	var out []winver.Version
	for i, kids := range p.kids {
		for k, v := range kids {
			if v.Build != winver.LTSC2016 {
				v = v.WithoutRevision()
				kids[k] = v
			}
			if i == 0 && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
		out = slices.DeleteFunc(out, func(v winver.Version) bool { return !slices.Contains(kids, v) })
	}
	slices.SortFunc(out, winver.Compare)
	return out
}

// strand says why the pods would find no node.
func (p *plan) strand(can []*choosable) {
	if len(p.Stay) > 0 && slices.ContainsFunc(p.Stay, func(n *Node) bool { return n.Ready && !n.Unschedulable }) {
		return
	}
	unknown := slices.ContainsFunc(p.nodes, func(n *choosable) bool { return p.is(n, compat.Unknown) })
	switch {
	case len(p.Stay) > 0:
		p.Strands = "none of the nodes that run its images takes new pods now: " + names(p.Stay)
	case len(can) > 0: // p.Unknown says it
	case len(p.good) > 0:
		var list []*Node
		why := ""
		spec := p.spec(p.t, p.base)
		for _, n := range p.good {
			list = append(list, n.Node)
			if spec.Selects(&n.bare) {
				why = ", whose taints it does not tolerate"
			}
		}
		if why == "" {
			why = ", and its selector or affinity keeps it from there"
		}
		p.Strands = "its images run on " + names(list) + why
	case unknown && len(p.Unsure) > 0:
		p.Unknown = "no node is known to run its images, and of " + names(p.Unsure) + " it is not known"
	default:
		p.Strands = "no node of the cluster runs its images"
	}
}

// names are names of nodes, not more than a line of them.
func names(list []*Node) string {
	var out []string
	for _, n := range list[:min(5, len(list))] {
		out = append(out, n.Name)
	}
	if more := len(list) - len(out); more > 0 {
		return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(out, ", ")
}
