package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/winver"
)

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
