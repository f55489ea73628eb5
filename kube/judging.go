package kube

import (
	"fmt"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

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
	blunt   bool                // no label tells the nodes apart
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
	case slices.ContainsFunc(spec.Containers, func(c Container) bool { return c.HyperV }):
		p.Unknown = "its runtime class " + spec.RuntimeClass + " asks for Hyper-V isolation, which Kubernetes does not support: which nodes run it is not known"
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
				p.Both = [2]string{o.c.Image, c.Image}
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
	open := slices.ContainsFunc(p.pool, func(n *choosable) bool { return !n.Windows() }) || p.Cluster.assumed && !p.selects(p.base, "windows")
	if spec.OS == "windows" || !open || !p.others(spec) {
		return false
	}
	p.Unknown = "its images are for Linux too, and it selects no system: a nodeSelector kubernetes.io/os says which it is for"
	return true
}
