package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/kube"
)

// workloads joins groups by owner.
func (m *model) workloads() []Workload {
	index := map[kube.Owner][]*group{}
	var owners []kube.Owner
	for _, g := range m.groups {
		if index[g.owner] == nil {
			owners = append(owners, g.owner)
		}
		index[g.owner] = append(index[g.owner], g)
	}
	list := make([]Workload, 0, len(owners))
	for _, o := range owners {
		list = append(list, m.workload(o, index[o]))
	}
	return list
}

// workload is what becomes of the groups of one owner.
func (m *model) workload(owner kube.Owner, groups []*group) Workload {
	w := Workload{Owner: owner, Labels: groups[0].pod.Labels, Outcome: Runs, Before: Runs, nodes: map[string]compat.Answer{}}
	had, has := false, false                  // a node that runs it
	var worst *group                          // the group that Text is about
	after, before := Outcome(""), Outcome("") // "": no group has any
	var missed []string                       // nodes that do not run it, and did, or were not for it
	for _, g := range groups {
		now, was := m.outcomes(g)
		if now != "" && (worst == nil || now.rank() > after.rank()) {
			worst = g
		}
		after, before = worseOf(after, now), worseOf(before, was)
		w.Pods += g.pods
		w.Waiting += g.wait
		w.Evicted += g.evicted
		for _, p := range g.move {
			if g.gone {
				continue
			}
			w.Moved++
			put := Placement{Pod: p.Name, Node: g.put[p.Name]}
			if put.Node == "" {
				w.Pending++
				w.Why = g.why
			} else {
				put.Answer = m.on(g.spec, m.newNodes[put.Node]).place.Answer
			}
			w.Put = append(w.Put, put)
		}
		if now == Pending && w.Why == "" {
			w.Why = g.why
		}
		for name := range g.was {
			if n := m.oldNodes[name]; n != nil {
				a := m.on(g.then, n).place.Answer
				had = had || a == compat.Yes || a == compat.Risky
			}
		}
		for name := range g.may {
			if m.newNodes[name] == nil {
				continue
			}
			a := m.on(g.spec, m.newNodes[name]).place.Answer
			has = has || a == compat.Yes || a == compat.Risky
			if old, ok := w.nodes[name]; !ok || a != compat.Yes && old == compat.Yes {
				w.nodes[name] = a
			}
			if a == compat.No && !(g.was[name] && m.oldNodes[name] != nil && m.on(g.then, m.oldNodes[name]).place.Answer == compat.No) {
				missed = append(missed, name)
			}
		}
	}
	if worst == nil { // DaemonSets without nodes
		after, worst = NoNode, groups[0]
	}
	if before == "" {
		before = NoNode
	}
	w.Outcome, w.Before = after, before
	w.LastNode = had && !has && after != Lost
	bad := after.rank() >= AtRisk.rank()
	w.Broken = bad && (after.rank() > before.rank() || w.Pending > w.Waiting || len(missed) > 0 || after == Lost)
	m.explain(&w, worst, groups)
	return w
}

func worseOf(a, b Outcome) Outcome {
	if a == "" || b != "" && b.rank() > a.rank() {
		return b
	}
	return a
}

// outcomes of a group, after the change and before it; "" where it has no pod and
// is to have none.
func (m *model) outcomes(g *group) (now, was Outcome) {
	if !g.absent {
		was = m.outcome(g.then, g.was, m.oldNodes)
		if g.wait > 0 {
			was = worseOf(was, Pending)
		}
	}
	switch {
	case g.lost > 0:
		return Lost, was
	case g.gone:
		return "", was
	}
	now = m.outcome(g.spec, g.may, m.newNodes)
	for _, p := range g.move {
		if g.put[p.Name] == "" {
			now = worseOf(now, Pending)
		}
	}
	return now, was
}

// explain fills in a workload's line, places and remedies.
func (m *model) explain(w *Workload, g *group, groups []*group) {
	was, may := map[string]bool{}, map[string]bool{}
	for _, other := range groups {
		if other.spec == g.spec {
			maps.Copy(was, other.was)
			maps.Copy(may, other.may)
		}
	}
	w.Was, _ = m.places(g.then, was, m.oldNodes)
	w.Places, w.Image = m.places(g.spec, may, m.newNodes)
	switch w.Outcome {
	case Runs:
		w.Image = ""
		return
	case Lost:
		w.Image, w.Text = "", fmt.Sprintf("nobody makes it anew when %s goes or is replaced", strings.Join(g.old, ", "))
		if w.Evicted > 0 {
			w.Text = fmt.Sprintf("nobody makes it anew when it is evicted from %s for a pod of higher priority", strings.Join(g.old, ", "))
		}
		return
	case NoNode:
		w.Text = "no node is for it any more"
		if w.Before == NoNode {
			w.Text = "no node is for it"
		}
		return
	case Pending:
		w.Image = ""
		switch {
		case g.pin != "":
			w.Text = w.Why
		case len(may) == 0:
			w.Text = "there is no node that it may be put on"
		default:
			find := "find"
			if w.Pending == 1 {
				find = "finds"
			}
			w.Text = fmt.Sprintf("%d of %s %s no room", w.Pending, count(w.Pods, "pod"), find)
		}
		switch {
		case w.Evicted == 1:
			w.Text += ": 1 is evicted for a pod of higher priority"
		case w.Evicted > 1:
			w.Text += fmt.Sprintf(": %d are evicted for pods of higher priority", w.Evicted)
		}
		if w.Why != "" && g.pin == "" {
			w.Text += ": " + w.Why
		}
	default:
		w.Text = line(w.Outcome, w.Places)
	}
	done := map[string]bool{}
	for i := range w.Places {
		p := &w.Places[i]
		if p.Answer != compat.No && p.Answer != compat.Risky {
			continue
		}
		if r, ok := m.judge.Keep(g.spec, w.Places); ok && p.Answer == compat.No && !done["keep"] {
			w.Remedies, done["keep"] = append(w.Remedies, r), true
		}
		n := m.newNodes[p.Nodes[0]]
		for _, image := range m.judge.Against(g.spec, n) {
			for _, r := range m.judge.Remedies(g.spec, image, n) {
				if !slices.Contains(w.Remedies, r) {
					w.Remedies = append(w.Remedies, r)
				}
			}
		}
	}
}

// line says what would be wrong.
func line(o Outcome, places []kube.Place) string {
	var no, ok, open []string
	var because string
	for i := range places {
		p := &places[i]
		text := fmt.Sprintf("%s (%s)", system(p), count(p.Count, "node"))
		switch p.Answer {
		case compat.No:
			no = append(no, text)
		case compat.Unknown:
			open = append(open, text)
		default:
			ok = append(ok, text)
		}
		if because == "" && (p.Answer == compat.No || o == Risky && p.Answer == compat.Risky || o == Unknown && p.Answer == compat.Unknown) {
			because = p.Text
		}
	}
	switch o {
	case Fails:
		return "no node that it may be put on runs it: " + because
	case AtRisk:
		s := "it may be put on nodes that do not run it: " + strings.Join(no, ", ")
		if len(ok) > 0 {
			s += "; it runs on " + strings.Join(ok, ", ")
		}
		return s
	case Unknown:
		return "whether it runs is not known on " + strings.Join(open, ", ") + ": " + because
	}
	return because
}

// system names the nodes of a place.
func system(p *kube.Place) string {
	if !p.Host.Version.IsValid() {
		if p.Windows {
			return "Windows of an unknown version"
		}
		return "another system"
	}
	return p.Host.Version.Short()
}
