package kube

import (
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// examineNode says what is wrong with a Windows node.
func (d *Doctor) examineNode(n *Node) NodeReport {
	r := NodeReport{Node: n}
	add := func(c Code, format string, args ...any) {
		r.Findings = append(r.Findings, NodeFinding{c, fmt.Sprintf(format, args...)})
	}
	if !n.Host.Version.IsValid() {
		add(VersionUnknown, "its Windows version is not known: kernelVersion %q, osImage %q", n.Kernel, n.OSImage)
		return r
	}
	name := compat.Name(d.Facts, n.Host.Version, n.Host.Edition)
	if n.by == nil {
		for _, x := range lies(d.Facts, n) {
			add(LabelLies, "%s", x.text)
		}
	} else {
		d.examineLabels(n, add)
	}
	if n.Host.Edition == winver.Client {
		add(ClientNotANode, "%s is no server: Kubernetes supports Windows Server nodes only", name)
	}
	if rel := winver.ReleaseOf(d.Facts, n.Host.Version.Build, n.Host.Edition); rel != nil {
		if r.SupportEnds = winver.EndOfSupport(rel); r.SupportEnds != 0 && r.SupportEnds < d.Today {
			add(OutOfSupport, "%s is out of support since %s", winver.FullName(rel), r.SupportEnds)
		}
	}
	if n.Runtime.Engine != compat.NoEngine && !n.Runtime.RunsOn(n.Host.Version) {
		add(RuntimeNotForHost, "%s does not run on %s, as far as is known", n.Runtime, name)
	}
	return r
}

// examineLabels says what is wrong with the labels of a node that kubectl winmatch
// label has labelled, and what mends it.
func (d *Doctor) examineLabels(n *Node, add func(c Code, format string, args ...any)) {
	l := planLabels(d.Facts, d.Today, n, n.by, false)
	if l.Changes() {
		add(LabelStale, "its labels are stale: %s; kubectl winmatch label %s --apply sets them anew", l.stale(), n.Name)
	}
	for _, h := range l.Held {
		switch {
		case h.Lie == "":
		case h.Wanted != "":
			add(LabelLies, "%s; kubectl winmatch label %s --apply --force takes it over", h.Lie, n.Name)
		default:
			add(LabelLies, "%s; kubectl label node %s %s- takes it away", h.Lie, n.Name, h.Key)
		}
	}
	for _, text := range l.Lies {
		add(LabelLies, "%s", text)
	}
}

// lie is a label that says what is not so.
type lie struct{ key, text string }

// lies are the labels of a node that contradict what its kubelet reports, by their
// keys.
func lies(f *facts.Facts, n *Node) []lie {
	var list []lie
	keys := make([]string, 0, len(n.Labels))
	for k := range n.Labels {
		if versionLabel(k) && !strings.HasPrefix(k, LabelRuns) || k == corev1.LabelOSStable || k == "beta.kubernetes.io/os" {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	is := n.Host.Version
	for _, k := range keys {
		v := n.Labels[k]
		add := func(format string, args ...any) { list = append(list, lie{k, fmt.Sprintf(format, args...)}) }
		if k == corev1.LabelOSStable || k == "beta.kubernetes.io/os" {
			if !strings.EqualFold(v, n.OS) {
				add("the label %s says %s, the node runs %s", k, v, n.OS)
			}
			continue
		}
		says, err := winver.Parse(v)
		switch {
		case err == nil:
		case k == corev1.LabelWindowsBuild || k == LabelOSBuild || k == LabelVersion:
			add("the label %s says %q, which is no version: the node runs %s", k, v, is)
			continue
		default: // a label of the user's own: a name, as far as it is one
			h, err := winver.ParseHost(f, v)
			if err != nil {
				continue
			}
			says = h.Version
		}
		said, ok := says.Revision()
		has, known := is.Revision()
		switch {
		case says.Build != is.Build:
			add("the label %s says %s, the node runs %s", k, v, is)
		case ok && known && said != has && k != corev1.LabelWindowsBuild:
			add("the label %s says %s, the node has been updated to %s", k, v, is.Short())
		}
	}
	return list
}

// VersionLabels are the labels of a node that tell its Windows version.
func (n *Node) VersionLabels() map[string]string {
	out := map[string]string{}
	for k, v := range n.Labels {
		if versionLabel(k) {
			out[k] = v
		}
	}
	return out
}
