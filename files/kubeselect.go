package files

import (
	"slices"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/winver"
)

// The labels of nodes that are about our question. The old ones are what
// kubelets once set, but for osbuild, which Microsoft's page had people set by
// hand: version-compatibility.md, in facts/source/compat.yaml.
const (
	labelOS      = "kubernetes.io/os"
	labelArch    = "kubernetes.io/arch"
	labelBuild   = "node.kubernetes.io/windows-build"
	oldLabelOS   = "beta.kubernetes.io/os"
	oldLabelArch = "beta.kubernetes.io/arch"
	oldOSBuild   = "beta.kubernetes.io/osbuild"

	nodeLabels = "https://kubernetes.io/docs/reference/labels-annotations-taints/"
)

// newLabel is what stands for an old label today, "" for others.
func newLabel(key string) string {
	switch key {
	case oldLabelOS:
		return labelOS
	case oldLabelArch:
		return labelArch
	case oldOSBuild:
		return labelBuild
	}
	return ""
}

// requirement is what one label of a node must be.
type requirement struct {
	key    string
	op     string // "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"
	values []string
	builds []uint32 // that the values name, 0 where one names none

	keyNode    *yamledit.Node   // the scalar that is the label's name
	valueNodes []*yamledit.Node // the scalars of values
	list       *yamledit.Node   // the list of values; nil in a nodeSelector
	of         *yamledit.Node   // the nodeSelector
	shared     bool             // written elsewhere, or for others too
	preferred  bool             // it is only preferred
	class      bool             // of a RuntimeClass
}

// selection is which nodes a pod may be placed on.
type selection struct {
	all   []requirement   // all of them must hold
	terms [][]requirement // and all of one of these, where there are any
	some  bool            // there are terms
}

// admits reports whether a node may be chosen, as far as these labels say.
// Build 0 stands for any build.
func (s *selection) admits(os string, build uint32) bool {
	hold := func(list []requirement) bool {
		return !slices.ContainsFunc(list, func(r requirement) bool { return !r.holds(os, build) })
	}
	return hold(s.all) && (!s.some || slices.ContainsFunc(s.terms, hold))
}

// each calls f for every requirement.
func (s *selection) each(f func(r *requirement)) {
	for i := range s.all {
		f(&s.all[i])
	}
	for _, t := range s.terms {
		for i := range t {
			f(&t[i])
		}
	}
}

// holds reports whether a node may have what is required of it. Of labels that
// are not ours it is not known.
func (r *requirement) holds(os string, build uint32) bool {
	var in bool
	present := true
	switch r.key {
	case labelOS, oldLabelOS:
		in = slices.Contains(r.values, os)
	case labelBuild, oldOSBuild:
		if os == "windows" && build == 0 {
			return true
		}
		present = os == "windows"
		in = present && slices.Contains(r.builds, build)
	default:
		return true
	}
	switch r.op {
	case "In":
		return in
	case "NotIn":
		return !in
	case "Exists":
		return present
	case "DoesNotExist":
		return !present
	case "Gt", "Lt":
		return false // these compare whole numbers, which neither label is
	}
	return true
}

// buildOf reads a build as people write it into a label: 10.0.17763, which is
// right, 10.0.17763.1397, 17763, 14393.1715, ltsc2019. 0 stands for none.
func (r *kubeReader) buildOf(value string) uint32 {
	value = strings.TrimSuffix(value, ".*")
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		if n < 10_000 {
			return 0 // 2019: a year, or a version as 1809
		}
		return uint32(n)
	}
	if v, err := winver.Parse(value); err == nil && v.Build >= 10_000 {
		return v.Build
	}
	return winver.FamilyBuild(r.in.Facts, value)
}

func buildLabel(build uint32) string { return "10.0." + strconv.Itoa(int(build)) }

// readSelection reads what a pod says of its nodes.
func (p *pod) readSelection() {
	p.selector(p.spec.Get("nodeSelector"), false)
	if e, ok := p.spec.Find("runtimeClassName"); ok {
		p.className = e.Value
		name, _ := e.Value.Text()
		if class := p.runtimeClassOf(name); class != nil {
			p.class = class
			n := len(p.sel.all)
			p.selector(class.Path("scheduling", "nodeSelector"), false)
			for i := n; i < len(p.sel.all); i++ {
				p.sel.all[i].class = true
			}
		}
	}
	affinity := p.spec.Path("affinity", "nodeAffinity")
	required := affinity.Get("requiredDuringSchedulingIgnoredDuringExecution")
	if terms := required.Get("nodeSelectorTerms"); terms != nil {
		p.sel.some = true
		for _, t := range terms.Items() {
			p.terms = append(p.terms, t)
			p.sel.terms = append(p.sel.terms, p.term(t))
		}
	}
	for _, weighted := range affinity.Get("preferredDuringSchedulingIgnoredDuringExecution").Items() {
		for _, r := range p.term(weighted.Get("preference")) {
			r.preferred = true
			p.preferred = append(p.preferred, r)
		}
	}
}

// selector reads a nodeSelector.
func (p *pod) selector(n *yamledit.Node, class bool) {
	var read func(n *yamledit.Node, shared bool, depth int)
	read = func(n *yamledit.Node, shared bool, depth int) {
		m := n.Resolve()
		n.Entries(func(k, v *yamledit.Node) bool {
			key, _ := k.Text()
			if key == "<<" && depth < 8 {
				for _, item := range append(v.Items(), v) {
					read(item, true, depth+1)
				}
				return true
			}
			value, _ := v.Text()
			p.sel.all = append(p.sel.all, requirement{key: key, op: "In", values: []string{value}, builds: []uint32{p.buildOf(value)}, keyNode: k.Resolve(), valueNodes: []*yamledit.Node{v.Resolve()},
				of: m, shared: shared || m != n || m.Anchor != "" || v.Kind == yamledit.Alias || v.Anchor != "" || k.Kind == yamledit.Alias, class: class})
			return true
		})
	}
	read(n, false, 0)
}

// term reads the expressions of a node selector term. An empty term matches no
// node.
func (p *pod) term(t *yamledit.Node) []requirement {
	var list []requirement
	for _, e := range t.Get("matchExpressions").Items() {
		r := requirement{key: e.String("key"), op: e.String("operator"), list: e.Get("values").Resolve(), keyNode: e.Get("key").Resolve()}
		r.shared = e.Kind == yamledit.Alias || t.Kind == yamledit.Alias || e.Anchor != "" || t.Anchor != "" || r.list != e.Get("values") || r.list != nil && r.list.Anchor != ""
		for _, v := range r.list.Items() {
			text, _ := v.Text()
			r.values = append(r.values, text)
			r.builds = append(r.builds, p.buildOf(text))
			r.valueNodes = append(r.valueNodes, v.Resolve())
			r.shared = r.shared || v.Kind == yamledit.Alias || v.Anchor != ""
		}
		list = append(list, r)
	}
	if len(list) == 0 && len(t.Get("matchFields").Items()) == 0 {
		list = append(list, requirement{key: labelOS, op: "In"})
	}
	return list
}

// neutral reports whether a label is one of ours, or says nothing of the Windows
// build; of others it is not known.
func neutral(key string) bool {
	return strings.TrimPrefix(key, "beta.") == labelOS || strings.TrimPrefix(key, "beta.") == labelArch || key == labelBuild || key == oldOSBuild ||
		strings.HasPrefix(key, "topology.kubernetes.io/") || strings.HasPrefix(key, "failure-domain.beta.kubernetes.io/")
}

// place adds the pod's placement.
func (p *pod) place() {
	pl := Placement{Group: p.group, Says: "nothing", Select: p.selectBuilds}
	var at Span
	if e, ok := p.spec.Find("nodeSelector"); ok {
		at = Span{e.Key.Start, e.Key.End}
	} else if e, ok := p.spec.Find("affinity"); ok {
		at = Span{e.Key.Start, e.Key.End}
	} else if len(p.uses) > 0 {
		at = p.doc.Uses[p.uses[0]].At
	}
	pl.At = at
	first := true
	windows := p.sel.admits("windows", 0) && p.spec.String("os", "name") != "linux"
	pl.Unsure = !windows || p.className != nil && p.class == nil || p.spec.Get("nodeName") != nil
	p.sel.each(func(r *requirement) {
		pl.Unsure = pl.Unsure || !neutral(r.key)
		if r.key != labelBuild && r.key != oldOSBuild {
			return
		}
		pl.Bound = true
		if first && !r.class {
			first = false
			pl.Says = r.key + ": " + strings.Join(r.values, ", ")
			pl.At = Span{r.keyNode.Start, r.keyNode.End}
			if r.of == nil {
				pl.Says = r.key + " " + strings.TrimSpace(r.op+" "+strings.Join(r.values, ", "))
			}
			if r.shared { // it may stand in another pod
				pl.At = at
			} else if len(r.valueNodes) > 0 {
				pl.At = Span{r.valueNodes[0].Start, r.valueNodes[0].End}
			}
		} else if first {
			pl.Says = "the RuntimeClass"
			pl.At = Span{p.className.Start, p.className.End}
		}
		if r.op == "In" {
			pl.Named = append(pl.Named, r.builds...)
		}
	})
	// What the operating system's labels say is another rule's.
	sel := p.sel
	pl.Admits = func(build uint32) bool { return sel.admits("windows", build) || !sel.admits("windows", 0) }
	p.doc.Placements = append(p.doc.Placements, pl)
}

// selectBuilds writes that nodes are of these builds: one in the nodeSelector,
// several in the affinity.
func (p *pod) selectBuilds(builds []uint32) (fix []Edit, hint string) {
	var labels []string
	for _, b := range builds {
		labels = append(labels, buildLabel(b))
	}
	hint = "keep it to nodes with " + labelBuild + ": \"" + strings.Join(labels, "\" or \"") + "\""
	var has []*requirement
	old := false
	p.sel.each(func(r *requirement) {
		if r.key == labelBuild {
			has = append(has, r)
		}
		old = old || r.key == oldOSBuild
	})
	switch {
	case old || len(has) > 1: // an old label is moved first; more is for a person
		return nil, hint
	case len(has) == 1 && (has[0].shared || has[0].class || has[0].op == "In" && has[0].of == nil && has[0].list == nil):
		return nil, hint
	}
	want := p.selects()
	switch {
	case len(has) == 1 && has[0].of != nil:
		want.Selector[labelBuild] = labels[0]
		return p.chosen(want), hint
	case len(has) == 1 && has[0].op == "In":
		for _, t := range want.Terms {
			for i := range t {
				if t[i].Key == labelBuild && t[i].Operator == "In" {
					t[i].Values = labels
				}
			}
		}
		return p.chosen(want), hint
	}
	if p.sel.admits("linux", 0) {
		want.Selector[labelOS] = "windows"
	}
	if len(builds) == 1 {
		if !p.sel.admits("windows", builds[0]) {
			return nil, hint
		}
		want.Selector[labelBuild] = labels[0]
		return p.chosen(want), hint
	}
	if want.Terms == nil {
		want.Terms = [][]NodeRequirement{{}}
	}
	for i := range want.Terms { // one of them is enough, so each must say it
		want.Terms[i] = append(want.Terms[i], NodeRequirement{Key: labelBuild, Operator: "In", Values: labels})
	}
	return p.chosen(want), hint
}

// chosen are the edits that make a pod select nodes as wanted, all at once; none
// where that cannot be written so.
func (p *pod) chosen(want NodeSelection) []Edit {
	var all []yamledit.Edit
	var refused error
	p.choose(want, func(edits []yamledit.Edit, err error) bool {
		all, refused = append(all, edits...), err
		return err == nil
	})
	slices.SortStableFunc(all, func(a, b yamledit.Edit) int { return a.Start - b.Start })
	return p.fix(all, refused)
}

func one(e yamledit.Edit, err error) ([]yamledit.Edit, error) { return []yamledit.Edit{e}, err }
