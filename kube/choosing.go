package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

// rebase takes away what was ours, and what contradicts.
func (p *plan) rebase() {
	p.base = p.t.origin().renamed(oldLabelOS, labelOS)
	if len(p.good) == 0 {
		return
	}
	before := p.base
	p.base = before.without(func(d demand) bool {
		return p.tells(d.Key) && !slices.ContainsFunc(p.good, func(n *choosable) bool { return meets(n.should, d) })
	})
	p.Against = difference(before, p.base)
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
			p.blunt = true
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
		return p.tells(d.Key) && (!exact || d.Key != corev1.LabelWindowsBuild) && (d.Operator == corev1.NodeSelectorOpIn || d.Operator == corev1.NodeSelectorOpExists)
	})
}

// exact reports whether the revision of nodes counts: some of them are a Windows
// Server 2016, whose containers are compared.
func (p *plan) exact(can []*choosable) bool {
	return len(p.kids) > 0 && !p.bare && slices.ContainsFunc(can, func(n *choosable) bool { return n.Host.Version.Build == winver.LTSC2016 })
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
		if p.Cluster.assumed {
			p.Strands = "none of these hosts runs its images"
		}
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
