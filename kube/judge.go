package kube

import (
	"context"
	"slices"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
)

// Judge answers whether pods run on nodes: those of a cluster, and nodes that are
// not there yet. Images that were seen to run, or to fail, in the cluster count as
// they do for [Doctor.Examine].
type Judge struct{ e *exam }

// Judge reads what is needed of a cluster's images, and of those of other specs;
// nodes are those that are to come.
func (d *Doctor) Judge(ctx context.Context, c *Cluster, nodes []Node, others map[Owner][]*Spec) *Judge {
	d.Images.Held = c.Held
	e := newExam(d, c)
	for i := range e.groups {
		e.failures(&e.groups[i])
	}
	uses := e.uses()
	add := func(owner Owner, s *Spec, on []*Node) {
		on = slices.Clone(on)
		for i := range nodes {
			if nodes[i].Windows() && s.Admits(&nodes[i]) {
				on = append(on, &nodes[i])
			}
		}
		if s.OS == "linux" || len(on) == 0 {
			return
		}
		u := s.use(owner.Namespace)
		for i := range s.Containers {
			if c := &s.Containers[i]; !e.proven(c, on) && !slices.Contains(uses[c.Image], u) {
				uses[c.Image] = append(uses[c.Image], u)
			}
		}
	}
	for i := range e.groups {
		add(e.groups[i].owner, e.groups[i].spec, nil)
	}
	for owner, list := range others {
		for _, s := range list {
			add(owner, s, e.reach(s).windows)
		}
	}
	d.Images.Read(ctx, uses)
	for i := range nodes { // in the place of those of their names
		e.nodes[nodes[i].Name] = &nodes[i]
	}
	return &Judge{e}
}

// Notes say why a registry did not tell.
func (j *Judge) Notes() []string { return j.e.Images.Notes }

// On is the answer about a pod on a node, that of its worst container: the image
// that it is about, and the first reason. On nodes of other systems a pod runs
// unless it is known to be for Windows.
func (j *Judge) On(s *Spec, n *Node) (Place, string) {
	worst := Place{Windows: n.Windows(), Host: n.Host, Runtime: n.Runtime, Answer: compat.Yes, Count: 1, Nodes: []string{n.Name}}
	about := ""
	take := func(p *Place, image string) {
		if about == "" || severity(p.Answer) > severity(worst.Answer) {
			worst.Answer, worst.Code, worst.Text, worst.Seen, about = p.Answer, p.Code, p.Text, p.Seen, image
		}
	}
	if other := s.OS; other != "" && (other == "windows") != n.Windows() {
		take(&Place{Answer: compat.No, Code: string(WrongOS), Text: "spec.os is " + other + ": the kubelet of a node of another system refuses the pod"}, "")
		return worst, about
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		p := Place{Answer: compat.Yes}
		if n.Windows() {
			a := j.e.put(c, n)
			p = Place{Answer: a.Answer, Code: a.code, Text: a.text}
			j.e.weigh(c, n, &p)
		} else if forWindows(j.e.Images.Get(c.Image)) && !j.e.onLinux[c.Image] {
			p = Place{Answer: compat.No, Code: string(WrongOS), Text: "the image is for Windows, the node is not"}
		}
		take(&p, c.Image)
	}
	return worst, about
}

// severity orders answers from good to bad.
func severity(a compat.Answer) int {
	switch a {
	case compat.Yes:
		return 0
	case compat.Risky:
		return 1
	case compat.Unknown:
		return 2
	}
	return 3
}

// forWindows reports whether an image is known to be for Windows alone.
func forWindows(img *image.Image) bool {
	if len(img.Children) == 0 || img.ByName() && (img.Family == "" || len(img.Children) > 1) {
		return false
	}
	return !slices.ContainsFunc(img.Children, func(k image.Child) bool { return !k.Windows() && !k.Attestation })
}

// Against are the images of a pod that do not run well on a node.
func (j *Judge) Against(s *Spec, n *Node) []string {
	var list []string
	for i := range s.Containers {
		if !n.Windows() {
			break
		}
		c := &s.Containers[i]
		p := Place{Answer: j.e.put(c, n).Answer}
		j.e.weigh(c, n, &p)
		if (p.Answer == compat.No || p.Answer == compat.Risky) && !slices.Contains(list, c.Image) {
			list = append(list, c.Image)
		}
	}
	return list
}

// Keep is the remedy that keeps a pod to those of some places that run it; not ok
// where there are none, or where their builds do not tell them apart.
func (j *Judge) Keep(s *Spec, places []Place) (compat.Remedy, bool) {
	f := Finding{Places: slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return !p.Windows })}
	best := f.fits()
	if len(best) == 0 {
		return compat.Remedy{}, false
	}
	return j.e.placement(&group{spec: s}, &f, best)
}

// Remedies are what helps an image of a pod on a node where it does not run, but
// for placing it elsewhere: see [Judge.Keep].
func (j *Judge) Remedies(s *Spec, reference string, n *Node) []compat.Remedy {
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Image == reference && n.Windows() {
			return j.e.remedies(c, n, j.e.Images.Get(reference), true)
		}
	}
	return nil
}
