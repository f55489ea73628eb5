package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// Placing is the part of a pod's spec by which it chooses nodes, and which select
// changes.
type Placing struct {
	NodeSelector map[string]string    `json:"nodeSelector,omitempty"`
	Required     *corev1.NodeSelector `json:"required,omitempty"` // the required node affinity
}

// PlacingOf returns how a pod's spec chooses nodes.
func PlacingOf(p *corev1.PodSpec) Placing { return Placing{p.NodeSelector, requiredOf(p)} }

// Into writes it into a pod's spec, whose own affinity is not changed in place.
func (p Placing) Into(spec *corev1.PodSpec) {
	spec.NodeSelector = p.NodeSelector
	a := spec.Affinity.DeepCopy()
	if a == nil {
		a = &corev1.Affinity{}
	}
	if a.NodeAffinity == nil {
		a.NodeAffinity = &corev1.NodeAffinity{}
	}
	a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = p.Required
	if p.Required == nil && len(a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution) == 0 {
		a.NodeAffinity = nil
	}
	if a.NodeAffinity == nil && a.PodAffinity == nil && a.PodAntiAffinity == nil {
		a = nil
	}
	spec.Affinity = a
}

// Equal reports whether two say the same in the same words.
func (p Placing) Equal(q Placing) bool {
	return equality.Semantic.DeepEqual(p, q) || len(p.NodeSelector)+len(q.NodeSelector) == 0 && equality.Semantic.DeepEqual(p.Required, q.Required)
}

func (p Placing) clone() Placing {
	return Placing{maps.Clone(p.NodeSelector), p.Required.DeepCopy()}
}

// set adds an entry to the node selector.
func (p *Placing) set(key, value string) {
	if p.NodeSelector == nil {
		p.NodeSelector = map[string]string{}
	}
	p.NodeSelector[key] = value
}

// terms are the terms of the affinity that admit something: one without
// expressions admits no node.
func (p *Placing) terms() []*corev1.NodeSelectorTerm {
	if p.Required == nil {
		return nil
	}
	var list []*corev1.NodeSelectorTerm
	for i := range p.Required.NodeSelectorTerms {
		if t := &p.Required.NodeSelectorTerms[i]; len(t.MatchExpressions)+len(t.MatchFields) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// demand is what a label of a node must be.
type demand = corev1.NodeSelectorRequirement

// in demands one of some values.
func in(key string, values ...string) demand {
	return demand{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

// meets reports whether a node's labels meet a demand.
func meets(n *corev1.Node, d demand) bool {
	s, err := nodeaffinity.NewNodeSelector(&corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []demand{d}}}})
	return err == nil && s.Match(n)
}

// demanded reports whether every node that a placing admits meets a condition: it
// is in the node selector, or in every term.
func (p *Placing) demanded(holds func(demand) bool) bool {
	for k, v := range p.NodeSelector {
		if holds(in(k, v)) {
			return true
		}
	}
	terms := p.terms()
	return len(terms) > 0 && !slices.ContainsFunc(terms, func(t *corev1.NodeSelectorTerm) bool { return !slices.ContainsFunc(t.MatchExpressions, holds) })
}

// without is a placing without the demands that contradict, and what was taken
// away. Of the terms of an affinity, of which one is enough, they go where every
// term has one: else those terms admit nothing, and the others what they did.
func (p Placing) without(contradicts func(demand) bool) Placing {
	out := p.clone()
	maps.DeleteFunc(out.NodeSelector, func(k, v string) bool { return contradicts(in(k, v)) })
	terms := out.terms()
	if len(terms) == 0 || slices.ContainsFunc(terms, func(t *corev1.NodeSelectorTerm) bool { return !slices.ContainsFunc(t.MatchExpressions, contradicts) }) {
		return out
	}
	for _, t := range terms {
		t.MatchExpressions = slices.DeleteFunc(t.MatchExpressions, contradicts)
		if len(t.MatchExpressions)+len(t.MatchFields) == 0 { // it demanded nothing else: every node
			out.Required = nil
			return out
		}
	}
	return out
}

// only is a placing with the demands on some labels alone.
func (p Placing) only(some func(key string) bool) Placing {
	out := p.clone()
	maps.DeleteFunc(out.NodeSelector, func(k, _ string) bool { return !some(k) })
	for _, t := range out.terms() {
		t.MatchFields = nil
		t.MatchExpressions = slices.DeleteFunc(t.MatchExpressions, func(d demand) bool { return !some(d.Key) })
		if len(t.MatchExpressions) == 0 { // it demanded nothing else: every node
			out.Required = nil
			return out
		}
	}
	return out
}

// renamed is a placing in which a label has its name of today. Where that is there
// too, with another value, both stay.
func (p Placing) renamed(old, key string) Placing {
	out := p.clone()
	if v, ok := out.NodeSelector[old]; ok && (out.NodeSelector[key] == "" || out.NodeSelector[key] == v) {
		delete(out.NodeSelector, old)
		out.set(key, v)
	}
	for _, t := range out.terms() {
		for i := range t.MatchExpressions {
			if t.MatchExpressions[i].Key == old {
				t.MatchExpressions[i].Key = key
			}
		}
	}
	return out
}

// and is a placing that demands one of some sets of demands besides. A single
// value goes into the node selector, a list into every term of the affinity.
// given are the demands that a runtime class adds.
func (p Placing) and(alternatives [][]demand, given map[string]string) Placing {
	out := p.clone()
	switch len(alternatives) {
	case 0:
		return out
	case 1:
		for _, d := range alternatives[0] {
			out.demand(d, given)
		}
		return out
	}
	terms := []*corev1.NodeSelectorTerm{{}}
	if out.Required != nil {
		terms = out.terms()
	}
	if len(terms) == 0 { // it admits no node, and shall not
		return out
	}
	all := &corev1.NodeSelector{}
	for _, t := range terms {
		for _, a := range alternatives {
			more := *t.DeepCopy()
			more.MatchExpressions = append(more.MatchExpressions, a...)
			all.NodeSelectorTerms = append(all.NodeSelectorTerms, more)
		}
	}
	out.Required = all
	return out
}

// demand adds one demand.
func (p *Placing) demand(d demand, given map[string]string) {
	for _, m := range []map[string]string{given, p.NodeSelector} {
		if v, ok := m[d.Key]; ok && d.Operator == corev1.NodeSelectorOpIn && slices.Contains(d.Values, v) {
			return
		}
	}
	terms := p.terms()
	if d.Operator == corev1.NodeSelectorOpIn {
		if p.narrow(d) {
			return
		}
		if _, taken := p.NodeSelector[d.Key]; len(d.Values) == 1 && !taken {
			p.set(d.Key, d.Values[0])
			return
		}
	}
	if p.Required == nil {
		p.Required = &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []demand{d}}}}
		return
	}
	for _, t := range terms {
		if !slices.ContainsFunc(t.MatchExpressions, func(e demand) bool { return equality.Semantic.DeepEqual(e, d) }) {
			t.MatchExpressions = append(t.MatchExpressions, *d.DeepCopy())
		}
	}
}

// narrow takes values out of lists: where every term has a list of that label, and
// some of its values are wanted, nothing else need be added.
func (p *Placing) narrow(d demand) bool {
	terms := p.terms()
	lists := make([]*demand, 0, len(terms))
	for _, t := range terms {
		i := slices.IndexFunc(t.MatchExpressions, func(e demand) bool {
			return e.Key == d.Key && e.Operator == corev1.NodeSelectorOpIn && slices.ContainsFunc(e.Values, func(v string) bool { return slices.Contains(d.Values, v) })
		})
		if i < 0 {
			return false
		}
		lists = append(lists, &t.MatchExpressions[i])
	}
	for _, e := range lists {
		e.Values = slices.DeleteFunc(e.Values, func(v string) bool { return !slices.Contains(d.Values, v) })
	}
	return len(lists) > 0
}

// lines are a placing in words, one a demand.
func (p Placing) lines() []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(p.NodeSelector)) {
		list = append(list, fmt.Sprintf("nodeSelector %s: %s", k, p.NodeSelector[k]))
	}
	if p.Required == nil {
		return list
	}
	for i := range p.Required.NodeSelectorTerms {
		t := &p.Required.NodeSelectorTerms[i]
		of := ""
		if len(p.Required.NodeSelectorTerms) > 1 {
			of = fmt.Sprintf(" (term %d)", i+1)
		}
		for _, e := range t.MatchExpressions {
			list = append(list, strings.TrimSpace(fmt.Sprintf("affinity %s %s %s", e.Key, e.Operator, inBrackets(e.Values)))+of)
		}
		for _, e := range t.MatchFields {
			list = append(list, strings.TrimSpace(fmt.Sprintf("affinity field %s %s %s", e.Key, e.Operator, inBrackets(e.Values)))+of)
		}
	}
	return list
}

// difference is what one placing demands and the other does not, in words.
func difference(a, b Placing) []string {
	has := b.lines()
	return slices.DeleteFunc(a.lines(), func(s string) bool { return slices.Contains(has, s) })
}
