package kube

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// examine says what is wrong with the pods of a group: one finding an image, and
// one each for what is about the pod as a whole.
func (e *exam) examine(g *group) []Finding {
	var list []Finding
	if f, ok := e.waits(g); ok {
		list = append(list, f)
	}
	var done []Container
	for i := range g.spec.Containers {
		c := &g.spec.Containers[i]
		same := Container{Image: c.Image, HostProcess: c.HostProcess, HyperV: c.HyperV}
		if slices.Contains(done, same) {
			continue
		}
		done = append(done, same)
		if f, ok := e.container(g, c); ok {
			list = append(list, f)
		}
	}
	// What is about the sandbox is of no container.
	rest := e.finding(g, "")
	for _, b := range g.broken {
		if b.Sandbox {
			rest.Failures = append(rest.Failures, b)
		}
	}
	if len(rest.Failures) > 0 {
		rest.settle()
		rest.Text = rest.line()
		for _, b := range rest.Failures {
			rest.Reasons, rest.Remedies = append(rest.Reasons, b.Reasons...), append(rest.Remedies, b.Remedies...)
		}
		rest.Reasons, rest.Remedies = unique(rest.Reasons), unique(rest.Remedies)
		list = append(list, rest)
	}
	return list
}

func (e *exam) finding(g *group, ref string) Finding {
	f := Finding{Owner: g.owner, Pods: len(g.pods), Image: ref}
	for _, p := range g.pods[:min(3, len(g.pods))] {
		f.Examples = append(f.Examples, p.Name)
	}
	return f
}

// container examines one container's image.
func (e *exam) container(g *group, c *Container) (Finding, bool) {
	img := e.Images.Get(c.Image)
	f := e.finding(g, c.Image)
	f.Basis = img.Basis
	if len(img.Children) == 0 {
		f.Basis = ""
	}
	linux, windows := false, false
	for i := range img.Children {
		k := &img.Children[i]
		if k.Windows() {
			windows = true
			if k.Version.IsValid() && !slices.Contains(f.Versions, k.Version) {
				f.Versions = append(f.Versions, k.Version)
			}
		} else if !k.Attestation {
			linux = true
		}
	}
	for _, b := range g.broken {
		if !b.Sandbox && b.Container != "" && e.imageOf(g.spec, b.Container) == c.Image {
			f.Failures = append(f.Failures, b)
		}
	}
	if g.spec.OS != "linux" {
		f.Places = e.places(g, c)
	}
	f.settle()
	if linux && !windows && f.Code == NoNode && g.nodes.others > 0 && g.spec.OS == "" {
		f.Code, f.Text = WrongOS, fmt.Sprintf("the image is not for Windows, but the pods may be put on %s", count(len(g.nodes.windows), "Windows node"))
	}
	if f.Code == "" || f.Code == Shaky || f.Code == Unknown {
		// A name that states one Windows is of a Windows image; of others an
		// index may hold more than their name says.
		only := windows && !linux && (!img.ByName() || img.Family != "" && len(img.Children) == 1)
		wrongOS(g, &f, only)
		if f.Code == WrongOS && only && g.spec.OS == "linux" {
			f.Remedies = append(f.Remedies, compat.Remedy{Kind: compat.Place, Text: "set spec.os.name to windows, and keep it to nodes of that system, by the nodeSelector kubernetes.io/os: windows"})
		}
	}
	if f.Code == NoNode && (g.nodes.others > 0 || e.blind) {
		f.Code = AtRisk // a node of another system may run it, or one that was not seen
	}
	if f.Code == "" {
		return f, false
	}
	e.explain(g, c, img, &f)
	return f, true
}

// places asks compat about each kind of Windows node on which a group may be put.
func (e *exam) places(g *group, c *Container) []Place {
	type kind struct {
		host    winver.Host
		runtime compat.Runtime
	}
	index := map[kind]int{}
	var list []Place
	for _, n := range g.nodes.windows {
		k := kind{winver.Host{Version: n.Host.Version, Edition: n.Host.Edition, Release: n.Host.Release, ARM64: n.Host.ARM64}, n.Runtime}
		i, ok := index[k]
		if !ok {
			i = len(list)
			index[k] = i
			a := e.put(c, n)
			p := Place{Windows: true, Host: k.host, Runtime: n.Runtime, Answer: a.Answer, Code: a.code, Text: a.text}
			e.weigh(c, n, &p)
			list = append(list, p)
		}
		p := &list[i]
		if p.Count++; len(p.Nodes) < maxNames {
			p.Nodes = append(p.Nodes, n.Name)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return winver.Compare(list[i].Host.Version, list[j].Host.Version) < 0 })
	return list
}

// weigh holds an answer against what was seen in the cluster.
func (e *exam) weigh(c *Container, n *Node, p *Place) {
	if !n.Host.Version.IsValid() {
		return
	}
	s := seenOn(c, n)
	switch {
	case e.ran[s] && p.Answer == compat.Unknown:
		p.Answer, p.Seen, p.Code, p.Text = compat.Yes, true, "", "it runs on this build"
	case e.ran[s] && p.Answer == compat.No:
		p.Answer, p.Seen = compat.Risky, true
		p.Text = "it runs on this build, although " + p.Text
	case !e.fails(c, n):
	case p.Answer == compat.Unknown:
		p.Answer, p.Seen, p.Code, p.Text = compat.No, true, "", "it failed on this build, for its version"
	case p.Answer == compat.Yes && !e.ran[s]:
		p.Answer, p.Seen, p.Code, p.Text = compat.Risky, true, "", "it failed on this build, although it is expected to run there"
	}
}

// settle gives a finding its code, by the worst that stands in it.
func (f *Finding) settle() {
	f.Code = ""
	count := map[compat.Answer]int{}
	for _, p := range f.Places {
		count[p.Answer]++
	}
	version, open := false, false
	for _, b := range f.Failures {
		switch {
		// That there is no variant for the node is sure, why not is not.
		case b.Version() && (b.Confidence > diagnose.Possible || b.Stage == diagnose.Pull):
			version = true
		case b.Version(), b.Cause == diagnose.Undetermined:
			open = true
		default:
			f.Code = WrongOS
		}
	}
	switch {
	case version:
		f.Code = Failed
	case f.Code != "":
	case count[compat.No] > 0 && count[compat.No] == len(f.Places):
		f.Code = NoNode
	case count[compat.No] > 0:
		f.Code = AtRisk
	case count[compat.Risky] > 0:
		f.Code = Shaky
	case count[compat.Unknown] > 0, open:
		f.Code = Unknown
	}
}

// wrongOS finds a workload that may be put on nodes of an operating system that
// its image is not for; only: the image is for Windows and nothing else.
func wrongOS(g *group, f *Finding, only bool) {
	onWindows, onOthers := len(g.nodes.windows), g.nodes.others
	switch {
	case g.spec.OS == "linux" && only && onWindows == 0:
		f.Code, f.Text = WrongOS, "spec.os is linux, but the image is for Windows"
	case g.spec.OS == "linux" && onWindows > 0:
		f.Code, f.Text = WrongOS, fmt.Sprintf("spec.os is linux, but it may be put on %s: spec.os places nothing", count(onWindows, "Windows node"))
	case g.spec.OS == "windows" && onOthers > 0:
		f.Code, f.Text = WrongOS, fmt.Sprintf("spec.os is windows, but it may be put on %s: spec.os places nothing", count(onOthers, "node")+" of another system")
	case only && onOthers > 0 && g.spec.OS == "":
		f.Code, f.Text = WrongOS, fmt.Sprintf("the image is for Windows, but the pods may be put on %s", count(onOthers, "node")+" of another system")
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (e *exam) imageOf(s *Spec, container string) string {
	for i := range s.Containers {
		if s.Containers[i].Name == container {
			return s.Containers[i].Image
		}
	}
	return ""
}

// explain fills in a finding's line, reasons and remedies.
func (e *exam) explain(g *group, c *Container, img *image.Image, f *Finding) {
	f.Failures = slices.Clone(f.Failures)
	if f.Text == "" {
		f.Text = f.line()
	}
	if f.Code == NoNode {
		f.Text += e.cordoned(g, c)
	}
	switch w := g.template; {
	case w == nil || !w.Idle || len(g.pods) > 0:
	case w.Replicas == 0:
		f.Text += "; it is scaled to 0"
	default:
		f.Text += "; it is suspended"
	}
	for _, b := range f.Failures {
		f.Reasons = append(f.Reasons, b.Reasons...)
	}
	best := f.fits()
	if len(best) > 0 && (f.Code == Failed || f.Code == AtRisk) {
		if r, ok := e.placement(g, f, best); ok {
			r.Command = selectCommand(g.owner)
			f.Remedies = append(f.Remedies, r)
		}
	}
	if r, ok := osRemedy(g, img); ok && (f.Code == WrongOS || f.Code == NoNode && len(img.Children) > 0 && !slices.ContainsFunc(img.Children, func(k image.Child) bool { return k.Windows() })) && len(f.Remedies) == 0 {
		f.Remedies = append(f.Remedies, r)
	}
	for i := range f.Places {
		p := &f.Places[i]
		if p.Answer == compat.Yes || p.Seen && p.Answer == compat.No && len(f.Failures) > 0 {
			continue
		}
		n := e.nodes[p.Nodes[0]]
		a := e.put(c, n)
		for _, r := range a.reasons {
			f.Reasons = append(f.Reasons, diagnose.Reason{Code: r.Code.String(), Text: r.Text, Source: r.Source})
		}
		if p.Answer == compat.No || p.Answer == compat.Risky {
			static := len(g.pods) > 0 && g.pods[0].Static
			f.Remedies = append(f.Remedies, e.remedies(c, n, img, len(best) > 0 || static)...)
		}
		break // those of the first say it; the others are in Places
	}
	if len(f.Remedies) == 0 || len(f.Places) == 0 {
		for _, b := range f.Failures {
			f.Remedies = append(f.Remedies, b.Remedies...)
		}
	}
	f.Reasons, f.Remedies = unique(f.Reasons), unique(f.Remedies)
}

func unique[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// fits are the kinds of nodes that run the image.
func (f *Finding) fits() []Place {
	var list []Place
	for _, p := range f.Places {
		if p.Answer == compat.Yes {
			list = append(list, p)
		}
	}
	return list
}

// line says what is wrong in a line.
func (f *Finding) line() string {
	if len(f.Failures) > 0 && (f.Code == Failed || f.Code == WrongOS || f.Code == Unknown) {
		return f.Failures[0].Headline
	}
	switch f.Code {
	case NoNode:
		return "no node that it may be put on can run the image: " + f.where(compat.No)
	case AtRisk:
		s := "it may be put on nodes that cannot run the image: " + f.where(compat.No)
		if ok := f.where(compat.Yes); ok != "" {
			s += "; it runs on " + ok
		}
		if risky := f.where(compat.Risky); risky != "" {
			s += "; it may fail on " + risky
		}
		return s
	case Shaky:
		for _, p := range f.Places {
			if p.Answer == compat.Risky {
				return p.Text
			}
		}
	case Unknown:
		s := "whether the image runs there is not known: " + f.where(compat.Unknown)
		if ok := f.where(compat.Yes); ok != "" {
			s += "; it runs on " + ok
		}
		return s
	}
	return ""
}

// where are the places with an answer: "17763.9245 (2 nodes), 20348.5622 (1 node)".
func (f *Finding) where(a compat.Answer) string {
	var list []string
	for i := 0; i < len(f.Places); {
		version, n := f.Places[i].Host.Version, 0
		for ; i < len(f.Places) && f.Places[i].Host.Version == version; i++ { // they are sorted
			if f.Places[i].Answer == a {
				n += f.Places[i].Count
			}
		}
		name := version.Short()
		if !version.IsValid() {
			name = "a version that is not known"
		}
		if n > 0 {
			list = append(list, fmt.Sprintf("%s (%s)", name, count(n, "node")))
		}
	}
	return strings.Join(list, ", ")
}

// cordoned says which nodes would run an image if they took pods.
func (e *exam) cordoned(g *group, c *Container) string {
	g = &group{spec: g.spec, nodes: &reach{}}
	for i := range e.cluster.Nodes {
		if n := e.cluster.Nodes[i]; n.Windows() && n.Unschedulable {
			if n.Unschedulable = false; g.spec.Admits(&n) {
				g.nodes.windows = append(g.nodes.windows, &n)
			}
		}
	}
	f := Finding{Places: e.places(g, c)}
	where := f.where(compat.Yes)
	if where == "" {
		return ""
	}
	return "; it would run on " + where + ", but for a cordon"
}

// placement is the remedy that keeps a workload to the builds of this cluster that
// run all its images; not ok where there is none, or where builds do not tell the
// nodes apart.
func (e *exam) placement(g *group, f *Finding, best []Place) (compat.Remedy, bool) {
	var builds, osBuilds []string
	nodes, bare := 0, false
	for _, p := range best {
		for i := range f.Places {
			if q := &f.Places[i]; q.Answer != compat.Yes && q.Host.Version.Build == p.Host.Version.Build {
				return compat.Remedy{}, false
			}
		}
		for i := range g.spec.Containers {
			if a := e.at(&g.spec.Containers[i], &p); a == compat.No || a == compat.Unknown {
				return compat.Remedy{}, false
			}
		}
		if b := fmt.Sprintf("10.0.%d", p.Host.Version.Build); !slices.Contains(builds, b) {
			builds = append(builds, b)
		}
		if b := osBuild(p.Host.Version); !slices.Contains(osBuilds, b) {
			osBuilds = append(osBuilds, b)
		}
		nodes += p.Count
		bare = bare || e.bare[p.Host.Version.Build]
	}
	if bare { // a kubelet before 1.16, or a label that somebody has taken away
		if slices.Contains(osBuilds, "") {
			return compat.Remedy{}, false
		}
		return compat.Remedy{Kind: compat.Place, Text: fmt.Sprintf("keep it to the %s of build %s, by the label %s: %s, which kubectl winmatch label --apply sets",
			count(nodes, "node"), strings.TrimPrefix(strings.Join(builds, " or "), "10.0."), LabelOSBuild, strings.Join(osBuilds, " or "))}, true
	}
	if len(builds) == 1 {
		return compat.Remedy{Kind: compat.Place, Text: fmt.Sprintf("keep it to the %s of build %s, by the nodeSelector node.kubernetes.io/windows-build: %s",
			count(nodes, "node"), strings.TrimPrefix(builds[0], "10.0."), builds[0])}, true
	}
	return compat.Remedy{Kind: compat.Place, Text: fmt.Sprintf("keep it to the %s that run it, by node affinity: node.kubernetes.io/windows-build In (%s)",
		count(nodes, "node"), strings.Join(builds, ", "))}, true
}

// selectCommand is the command by which `kubectl winmatch select` writes the
// selector of a workload, or "" where it does not.
func selectCommand(o Owner) string {
	switch o.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "CronJob":
		return fmt.Sprintf("kubectl winmatch select %s/%s -n %s --apply", strings.ToLower(o.Kind), o.Name, o.Namespace)
	}
	return ""
}

// at is the answer of another container at a place.
func (e *exam) at(c *Container, p *Place) compat.Answer {
	n := e.nodes[p.Nodes[0]]
	q := Place{Answer: e.put(c, n).Answer}
	e.weigh(c, n, &q)
	return q.Answer
}

// osRemedy keeps a workload to nodes of its operating system; not ok where that is
// not known.
func osRemedy(g *group, img *image.Image) (compat.Remedy, bool) {
	os := g.spec.OS
	for i := range img.Children {
		if os == "" && !img.Children[i].Attestation {
			os = img.Children[i].OS
		}
	}
	if slices.ContainsFunc(g.broken, func(b Failure) bool { return b.Detail == "linux-image" }) {
		os = "linux"
	}
	if os == "" {
		return compat.Remedy{}, false
	}
	return compat.Remedy{Kind: compat.Place, Text: "keep it to nodes of its system, by the nodeSelector kubernetes.io/os: " + os}, true
}

// remedies are compat's for an image on a node, those left out that speak of nodes
// this cluster does not have.
func (e *exam) remedies(c *Container, n *Node, img *image.Image, placed bool) []compat.Remedy {
	if _, missing := img.Missing(); missing {
		return nil
	}
	if c.HyperV {
		return []compat.Remedy{{Kind: compat.UseIsolation, Text: "use process isolation, by another runtime class or none, and an image of the node's build"}}
	}
	ref, ok := parse(c.Image)
	if !ok {
		return nil
	}
	q := e.question(c, n, img)
	v := compat.Decide(e.Facts, &q)
	var list []compat.Remedy
	for _, r := range v.Remedies(e.Facts, &q, c.Image, image.Candidates(image.Siblings(ref, e.Facts, n.Host.Version))) {
		if r.Kind == compat.Place {
			if placed {
				continue
			}
			r.Text = strings.Replace(r.Text, "schedule it to nodes with", "add nodes with", 1)
			r.Kind = compat.UseHost
		}
		r.Command = ""
		list = append(list, r)
	}
	return list
}

// merge joins the findings of one owner about one image, which differ where its
// pods are of two templates: the worse one stands.
func merge(list []Finding) []Finding {
	type key struct {
		owner Owner
		image string
		code  Code
	}
	index := map[key]int{}
	out := list[:0]
	for _, f := range list {
		k := key{f.Owner, f.Image, f.Code}
		if i, ok := index[k]; ok {
			out[i].Pods += f.Pods
			for _, b := range f.Failures {
				if !slices.ContainsFunc(out[i].Failures, func(o Failure) bool { return o.Headline == b.Headline }) {
					out[i].Failures = append(out[i].Failures, b)
				}
			}
			continue
		}
		index[k] = len(out)
		out = append(out, f)
	}
	return out
}
