package swarm

import (
	"fmt"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
)

// Plan says how a service that is not there yet would do: on which nodes it would
// be placed, by the constraints that are planned and the platforms that docker
// would record of its image, and which of them run it. It is judged as services
// that are there.
func (s *State) Plan(f *facts.Facts, v *Service, m *Image, today facts.Date) *Report {
	planned := *v
	planned.Platforms = m.platforms()
	r := &Report{Service: &planned, Status: Fits}
	for _, text := range v.Constraints {
		if err := validConstraint(text); err != "" {
			r.Status = NoneFits
			r.Notes = append(r.Notes, fmt.Sprintf("docker does not take the constraint %q: %s", text, err))
		}
	}
	r.Nodes = s.Judge(f, &planned, m, today)
	if r.Status == NoneFits {
		return r
	}
	ready, unsure, wrong := 0, 0, false // of the nodes that it may be placed on
	var idle []string
	for i := range r.Nodes {
		j := &r.Nodes[i]
		switch {
		case j.Barred:
		case j.Answer == compat.Yes:
			if j.Blocked == "" {
				ready++
			}
		case j.Node.Availability != "active":
			if j.Answer != compat.Unknown {
				idle = append(idle, j.Node.Name)
			}
		case j.Answer == compat.Unknown:
			unsure++
		default:
			wrong = true
		}
	}
	switch per := planned.MaxPerNode; {
	case ready == 0 && unsure == 0:
		r.Status = NoneFits
	case wrong:
		r.Status = AtRisk
	case unsure > 0:
		r.Status = Unsure
	case per > 0 && planned.Mode == "replicated" && ready*per < planned.Want:
		r.Status = AtRisk
		r.Notes = append(r.Notes, fmt.Sprintf("%d tasks are to run, at most %d on a node, and %s it", planned.Want, per, count(ready, "node runs", "nodes run")))
	}
	if r.Status != NoneFits {
		r.idle(idle)
	}
	if planned.Want == 0 && !strings.HasPrefix(planned.Mode, "global") && r.Status != Fits {
		r.Notes = append(r.Notes, "it has no replicas, so that nothing is placed; with some it would be: "+string(r.Status))
		r.Status = Fits
	}
	if r.Status != Fits {
		r.remedies(f, &planned, m)
		s.planned(f, r, m, today)
	}
	return r
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// planned puts remedies into the terms of a stack file: there is no service yet
// that a command could update.
func (s *State) planned(f *facts.Facts, r *Report, m *Image, today facts.Date) {
	list := r.Remedies
	r.Remedies = nil
	if c := s.PlanConstraints(f, r.Service, m, today); c.Unknown == "" && len(c.Add) > 0 && len(c.Stay) > 0 {
		if len(c.Labels) > 0 {
			r.add(compat.Place, "winmatch swarm label --apply", "label the nodes first: %s", strings.Join(names(c.Labels), ", "))
		}
		r.add(compat.Place, "", "under deploy: placement: constraints: add %s, which keeps it to %s", quoted(c.Add), strings.Join(names(c.Stay), ", "))
	}
	for _, k := range list {
		switch {
		case k.Kind == compat.Place && strings.HasPrefix(k.Command, "winmatch swarm constrain"):
			continue // said above, as it is to be written
		case k.Kind == compat.Place && strings.HasPrefix(k.Command, "docker service update --constraint-add "):
			k.Text += ": under deploy: placement: constraints: add " + quoted(strings.Fields(k.Command)[4:5])
			k.Command = ""
		case k.Kind == compat.UseIsolation:
			k.Text, k.Command = k.Text+": isolation: "+strings.Fields(k.Command)[4], ""
		case strings.HasPrefix(k.Command, "docker service "):
			k.Command = ""
		case strings.HasPrefix(k.Command, "winmatch swarm doctor "):
			k.Command = strings.TrimSuffix(k.Command, " "+r.Service.Name) + " -c FILE"
		}
		r.add(k.Kind, k.Command, "%s", k.Text)
	}
}

func quoted(list []string) string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, fmt.Sprintf("%q", t))
	}
	return strings.Join(out, " and ")
}

func names(list []*Node) []string {
	out := make([]string, 0, len(list))
	for _, n := range list {
		out = append(out, n.Name)
	}
	return out
}

// validConstraint says what a manager has against a constraint, "" for nothing.
// https://github.com/moby/swarmkit/blob/v2.0.0/manager/constraint/constraint.go
func validConstraint(text string) string {
	c := parseConstraint(text)
	if !strings.Contains(text, "==") && !strings.Contains(text, "!=") {
		return "it has neither == nor !="
	}
	word := func(s, more string) bool {
		for i := range len(s) {
			if b := s[i]; (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') && strings.IndexByte(more, b) < 0 {
				return false
			}
		}
		return true
	}
	switch {
	case len(c.key) < 2 || c.key[0] != '_' && (c.key[0]|0x20 < 'a' || c.key[0]|0x20 > 'z') || !word(c.key, "-_."):
		return "a name like node.labels.os is expected before the operator"
	case c.value == "" || !word(c.value, ":-_ \t\n\f\r.*()?+[]\\^$|/"):
		return "a value of letters, digits and .:-_/ is expected behind the operator"
	}
	return ""
}
