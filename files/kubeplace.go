package files

import (
	"maps"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// This file writes which nodes a pod selects. What is there and right stays, byte
// by byte; what is to say something else is changed where it stands.

// taker takes a change that is needed, or why it cannot be written; false ends it.
type taker func(edits []yamledit.Edit, err error) (more bool)

func (do taker) one(e yamledit.Edit, err error) bool { return do([]yamledit.Edit{e}, err) }

// requiredPath is where the terms of the required affinity are in a pod's spec.
var requiredPath = [...]string{"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"}

// selects is which nodes a pod selects now, its RuntimeClass left out.
func (p *pod) selects() NodeSelection {
	s := NodeSelection{Selector: map[string]string{}}
	for i := range p.sel.all {
		if r := &p.sel.all[i]; !r.class {
			s.Selector[r.key] = p.spec.String("nodeSelector", r.key)
		}
	}
	for _, t := range p.terms {
		s.Terms = append(s.Terms, p.plainTerm(t))
	}
	if p.sel.some && s.Terms == nil {
		s.Terms = [][]NodeRequirement{}
	}
	return s
}

// plainTerm is a term as other packages read it.
func (p *pod) plainTerm(t *yamledit.Node) []NodeRequirement {
	list := []NodeRequirement{}
	for _, e := range p.expressions(t) {
		list = append(list, NodeRequirement{Key: e.key, Operator: e.op, Values: e.values})
	}
	for _, e := range t.Get("matchFields").Items() {
		f := NodeRequirement{Key: e.String("key"), Operator: e.String("operator"), Field: true}
		for _, v := range e.Get("values").Items() {
			text, _ := v.Text()
			f.Values = append(f.Values, text)
		}
		list = append(list, f)
	}
	return list
}

// expressions are those that are written in a term.
func (p *pod) expressions(t *yamledit.Node) []requirement {
	return slices.DeleteFunc(p.term(t), func(r requirement) bool { return r.keyNode == nil })
}

// choose hands out the changes that make a pod select nodes as wanted, one after
// the other, none where it does. Each is a change of the text as it is now; where
// they are not made together, the rest is asked for anew.
func (p *pod) choose(want NodeSelection, do taker) {
	_ = p.chooseSelector(want.Selector, do) && p.chooseTerms(want.Terms, do)
}

// own finds a value below the pod's spec, and reports whether it is written there
// for this pod alone.
func (p *pod) own(keys ...string) (n *yamledit.Node, alone bool) {
	n, alone = p.spec, p.spec.Kind != yamledit.Alias && p.spec.Anchor == ""
	for _, k := range keys {
		e, ok := n.Find(k)
		if !ok {
			return nil, alone
		}
		n = e.Value
		alone = alone && !e.Shared && n.Kind != yamledit.Alias && n.Anchor == ""
	}
	return n, alone
}

// shared refuses what would change more than this pod.
func (p *pod) shared(n *yamledit.Node, do taker) bool {
	at := p.position(n)
	return do(nil, &yamledit.Refusal{Line: at.Line, Column: at.Column, Reason: "an alias or a merge key shares it with others"})
}

// chooseSelector makes the nodeSelector say what is wanted.
func (p *pod) chooseSelector(want map[string]string, do taker) bool {
	has := p.selects().Selector
	var add, drop []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := has[k]; !ok {
			add = append(add, k)
		} else if v != want[k] && !do(p.file.Set(p.spec, "nodeSelector", yamledit.Map{{Key: k, Value: labelValue(want[k])}})) {
			return false
		}
	}
	for _, k := range slices.Sorted(maps.Keys(has)) {
		if _, ok := want[k]; !ok {
			drop = append(drop, k)
		}
	}
	all := len(drop) == len(has)
	selector, alone := p.own("nodeSelector")
	if len(drop) > 0 && !alone {
		return p.shared(selector, do)
	}
	// A label with a new name stays where it is, and the last one gives its place
	// to another: a mapping without entries would be left.
	for _, k := range slices.Clone(drop) {
		i := slices.Index(add, newLabel(k))
		if i < 0 && all && len(add) > 0 {
			i = 0
		}
		if i < 0 {
			continue
		}
		e, _ := selector.Find(k)
		if e.Shared {
			return p.shared(e.Key, do)
		}
		if !do.one(p.file.Replace(e.Key, add[i])) || has[k] != want[add[i]] && !do.one(p.file.Replace(e.Value, want[add[i]])) {
			return false
		}
		add, drop = slices.Delete(add, i, i+1), slices.DeleteFunc(drop, func(d string) bool { return d == k })
		all = false
	}
	if len(add) > 0 {
		var fresh yamledit.Map
		for _, k := range add {
			fresh = append(fresh, yamledit.Pair{Key: k, Value: labelValue(want[k])})
		}
		if !do(p.file.Set(p.spec, "nodeSelector", fresh)) {
			return false
		}
	}
	if all && len(drop) > 0 {
		return do.one(p.file.Remove(p.spec, "nodeSelector"))
	}
	for _, k := range drop {
		if !do.one(p.file.Remove(selector, k)) {
			return false
		}
	}
	return true
}

// labelValue is how a value is written: a version in quotes.
func labelValue(v string) yamledit.Value {
	if strings.ContainsAny(v, "0123456789") {
		return yamledit.Quoted(v)
	}
	return v
}

// chooseTerms makes the required affinity have the terms that are wanted.
func (p *pod) chooseTerms(want [][]NodeRequirement, do taker) bool {
	list, alone := p.own(requiredPath[:]...)
	switch {
	case list == nil && want == nil:
		return true
	case list == nil:
		var value yamledit.Value = termValues(want)
		for _, k := range slices.Backward(requiredPath[1:]) {
			value = yamledit.Map{{Key: k, Value: value}}
		}
		return do(p.file.Set(p.spec, requiredPath[0], value))
	}
	pairs, fresh, gone := pairTerms(p.selects().Terms, want)
	switch {
	case want == nil:
		return p.dropAffinity(do)
	case len(pairs)+len(fresh)+len(gone) > 0 && !alone:
		return p.shared(list, do)
	}
	for _, t := range pairs {
		if !p.chooseTerm(p.terms[t.has], t.want, do) {
			return false
		}
	}
	for _, w := range fresh {
		if !do.one(p.file.Append(list, termValue(w))) {
			return false
		}
	}
	for _, i := range gone {
		if !do.one(p.file.RemoveItem(list, i)) {
			return false
		}
	}
	return true
}

// dropAffinity takes the required affinity away, and what only held it.
func (p *pod) dropAffinity(do taker) bool {
	for i := len(requiredPath) - 2; i >= 0; i-- {
		of, alone := p.own(requiredPath[:i]...)
		if i == 0 || of.Resolve().Kind == yamledit.Mapping && len(of.Resolve().Content) > 2 {
			if !alone {
				return p.shared(of, do)
			}
			return do.one(p.file.Remove(of, requiredPath[i]))
		}
	}
	return true
}

// pair is a term that is there, and what it is to say.
type pair struct {
	has  int
	want []NodeRequirement
}

// pairTerms finds for each term that is wanted the one that is it, else the one
// that is the most like it: that is changed. fresh are those that are added, gone
// those that go.
func pairTerms(has, want [][]NodeRequirement) (pairs []pair, fresh [][]NodeRequirement, gone []int) {
	taken := map[int]bool{}
	rest := slices.DeleteFunc(slices.Clone(want), func(w []NodeRequirement) bool {
		for i, h := range has {
			if !taken[i] && sameTerm(h, w) {
				taken[i] = true
				return true
			}
		}
		return false
	})
	for _, w := range rest {
		best, like := -1, -1
		for i, h := range has {
			if n := likeness(h, w); !taken[i] && n > like {
				best, like = i, n
			}
		}
		if best < 0 {
			fresh = append(fresh, w)
			continue
		}
		taken[best] = true
		pairs = append(pairs, pair{best, w})
	}
	for i := range has {
		if !taken[i] {
			gone = append(gone, i)
		}
	}
	return pairs, fresh, gone
}

// likeness is how much of a term is in another, -1 where their fields differ.
func likeness(a, b []NodeRequirement) int {
	n := 0
	for _, x := range a {
		in := slices.ContainsFunc(b, x.equal)
		switch {
		case x.Field && !in:
			return -1
		case in:
			n += 2
		case slices.ContainsFunc(b, func(y NodeRequirement) bool { return y.Key == x.Key && y.Operator == x.Operator }):
			n++
		}
	}
	if slices.ContainsFunc(b, func(y NodeRequirement) bool { return y.Field && !slices.ContainsFunc(a, y.equal) }) {
		return -1
	}
	return n
}

func (r NodeRequirement) equal(o NodeRequirement) bool {
	return r.Key == o.Key && r.Operator == o.Operator && r.Field == o.Field && sameValues(r.Values, o.Values)
}

// sameValues reports whether lists have the same values, in whatever order.
func sameValues(a, b []string) bool {
	in := func(list []string) func(string) bool {
		return func(v string) bool { return !slices.Contains(list, v) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}

// sameTerm reports whether two terms demand the same.
func sameTerm(a, b []NodeRequirement) bool {
	return likeness(a, b) == 2*len(a) && likeness(b, a) == 2*len(b)
}

// chooseTerm makes a term say what is wanted.
func (p *pod) chooseTerm(t *yamledit.Node, want []NodeRequirement, do taker) bool {
	has := p.expressions(t)
	left := make([]int, 0, len(has)) // of has: what nothing wants
	for i := range has {
		left = append(left, i)
	}
	// Of each expression that is wanted the one that is it, else one that has its
	// label, or an old name of it, takes its place.
	want = slices.DeleteFunc(slices.Clone(want), func(w NodeRequirement) bool { return w.Field })
	for _, like := range []func(h *requirement, w *NodeRequirement) bool{
		func(h *requirement, w *NodeRequirement) bool { return h.key == w.Key && sameValues(h.values, w.Values) },
		func(h *requirement, w *NodeRequirement) bool { return h.key == w.Key },
		func(h *requirement, w *NodeRequirement) bool { return newLabel(h.key) == w.Key },
	} {
		for n := 0; n < len(want); n++ {
			w := &want[n]
			i := slices.IndexFunc(left, func(i int) bool { return has[i].op == w.Operator && like(&has[i], w) })
			if i < 0 {
				continue
			}
			h := &has[left[i]]
			if (h.key != w.Key || !sameValues(h.values, w.Values)) && h.shared {
				return p.shared(h.keyNode, do)
			}
			if h.key != w.Key && !do.one(p.file.Replace(h.keyNode, w.Key)) || !p.rewrite(h, w.Values, do) {
				return false
			}
			left = slices.Delete(left, i, i+1)
			want = slices.Delete(want, n, n+1)
			n--
		}
	}
	for _, w := range want {
		if !do(p.intoTerm(t, expressionValue(w))) {
			return false
		}
	}
	list := t.Get("matchExpressions")
	for _, i := range left {
		if has[i].shared || list.Kind == yamledit.Alias || list.Anchor != "" {
			return p.shared(has[i].keyNode, do)
		}
		if len(has) == 1 && len(want) == 0 {
			return do.one(p.file.Remove(t, "matchExpressions"))
		}
		if !do.one(p.file.RemoveItem(list, i)) {
			return false
		}
	}
	return true
}

// intoTerm adds an expression to a term.
func (p *pod) intoTerm(t *yamledit.Node, expression yamledit.Map) ([]yamledit.Edit, error) {
	if list := t.Get("matchExpressions"); list != nil && list.Kind == yamledit.Sequence {
		return one(p.file.Append(list, expression))
	}
	return p.file.Set(t, "matchExpressions", yamledit.List{expression})
}

// rewrite gives an expression other values: what is there and wanted stays.
func (p *pod) rewrite(r *requirement, values []string, do taker) bool {
	missing := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(r.values, v) })
	for i := len(r.values) - 1; i >= 0; i-- {
		if slices.Contains(values, r.values[i]) {
			continue
		}
		if len(missing) == 0 {
			if !do.one(p.file.RemoveItem(r.list, i)) {
				return false
			}
			continue
		}
		if !do.one(p.file.Replace(r.valueNodes[i], missing[0])) {
			return false
		}
		missing = missing[1:]
	}
	for _, v := range missing {
		if !do.one(p.file.Append(r.list, labelValue(v))) {
			return false
		}
	}
	return true
}

func termValues(terms [][]NodeRequirement) yamledit.List {
	var list yamledit.List
	for _, t := range terms {
		list = append(list, termValue(t))
	}
	return list
}

// termValue is a term as it is written anew.
func termValue(t []NodeRequirement) yamledit.Map {
	var expressions, fields yamledit.List
	for _, r := range t {
		if r.Field {
			fields = append(fields, expressionValue(r))
		} else {
			expressions = append(expressions, expressionValue(r))
		}
	}
	var out yamledit.Map
	if len(expressions) > 0 {
		out = append(out, yamledit.Pair{Key: "matchExpressions", Value: expressions})
	}
	if len(fields) > 0 {
		out = append(out, yamledit.Pair{Key: "matchFields", Value: fields})
	}
	return out
}

func expressionValue(r NodeRequirement) yamledit.Map {
	out := yamledit.Map{{Key: "key", Value: r.Key}, {Key: "operator", Value: r.Operator}}
	if len(r.Values) > 0 {
		var values yamledit.List
		for _, v := range r.Values {
			values = append(values, labelValue(v))
		}
		out = append(out, yamledit.Pair{Key: "values", Value: values})
	}
	return out
}
