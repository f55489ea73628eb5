package swarm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
)

// LabelConstraints is the label of a service that says which of its constraints
// are ours, as a JSON list: what is to be undone. A service's label restarts no
// task.
const LabelConstraints = "winmatch.constraints"

// Constraints is what is to be changed at a service's constraints.
type Constraints struct {
	Service *Service
	Nodes   []Judgement // of every node, by the constraints of others alone
	Add     []string
	Remove  []string // ours, which are no longer right
	Stay    []*Node  // that the service may run on afterwards
	Lose    []*Node  // that may be able to run it, which is not known, and will not be asked to
	Labels  []*Node  // whose labels are to be set first: see PlanLabels
	Strands string   // why the service would not find its place afterwards; "" where it does
	Unknown string   // why nothing can be said; "" where it can
	Kept    []string // of ours, that stay
	Forget  []string // that the label remembers as ours, and somebody else has taken away

	before []string // what is ours now
}

// Changes reports whether there is anything to do.
func (c *Constraints) Changes() bool { return len(c.Add) > 0 || len(c.Remove) > 0 || len(c.Forget) > 0 }

// Command is the docker command that does the same.
func (c *Constraints) Command() string {
	var b strings.Builder
	b.WriteString("docker service update")
	for _, s := range c.Remove {
		fmt.Fprintf(&b, " --constraint-rm %q", s)
	}
	for _, s := range c.Add {
		fmt.Fprintf(&b, " --constraint-add %q", s)
	}
	if ours := c.ours(); len(ours) > 0 {
		fmt.Fprintf(&b, " --label-add '%s=%s'", LabelConstraints, mustJSON(ours))
	} else {
		fmt.Fprintf(&b, " --label-rm %s", LabelConstraints)
	}
	return b.String() + " " + c.Service.Name
}

func (c *Constraints) ours() []string {
	return append(slices.Clone(c.Kept), c.Add...)
}

func mustJSON(list []string) string {
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // a list of strings
	}
	return string(text)
}

// oursOf are the constraints that a service's label says are ours.
func oursOf(labels map[string]string) []string {
	var list []string
	if json.Unmarshal([]byte(labels[LabelConstraints]), &list) != nil {
		return nil
	}
	return list
}

// PlanConstraints looks for the fewest constraints with which a service may run
// on every node that can run its image and on no other: a label of the image's
// build where there are such labels, and the names of what else must be left
// out. Other constraints of the service stay.
func (s *State) PlanConstraints(f *facts.Facts, v *Service, m *Image, today facts.Date) *Constraints {
	c := &Constraints{Service: v, before: oursOf(v.Labels)}
	bare := *v
	bare.Constraints = slices.DeleteFunc(slices.Clone(v.Constraints), func(t string) bool { return slices.Contains(c.before, t) })
	c.before, c.Forget = remembered(v)
	c.Nodes = s.Judge(f, &bare, m, today)
	if !m.Windows() {
		c.Unknown = "which Windows is in the image is not known"
		if len(m.Children) > 0 || m.Missing.Text != "" {
			c.Unknown = "the image holds no Windows"
		}
		return c
	}
	var can, cannot []*Node // of those that the others' constraints allow
	for i := range c.Nodes {
		switch j := &c.Nodes[i]; {
		case j.Barred:
		case j.Answer == compat.Yes:
			can = append(can, j.Node)
		default:
			cannot = append(cannot, j.Node)
			if j.Answer != compat.No {
				c.Lose = append(c.Lose, j.Node)
			}
		}
	}
	c.Stay = can
	want := choice{list: c.before}
	if len(c.before) == 0 || !exact(c.before, can, cannot) {
		want = s.choose(f, m, can, cannot, today)
	}
	for _, t := range want.list {
		if !slices.Contains(bare.Constraints, t) {
			if slices.Contains(c.before, t) {
				c.Kept = append(c.Kept, t)
			} else {
				c.Add = append(c.Add, t)
			}
		}
	}
	for _, t := range c.before {
		if !slices.Contains(want.list, t) {
			c.Remove = append(c.Remove, t)
		}
	}
	c.Labels = want.unlabelled
	c.strand(bare.Want)
	return c
}

// choice is a way to say which nodes.
type choice struct {
	list       []string
	unlabelled []*Node
}

// choose finds the shortest list of constraints that all of can satisfy and none
// of cannot.
func (s *State) choose(f *facts.Facts, m *Image, can, cannot []*Node, today facts.Date) choice {
	if len(cannot) == 0 && len(can) > 0 {
		return choice{}
	}
	labels := map[string][]*Node{} // by what the nodes' labels should be
	for _, n := range s.Nodes {
		for _, key := range n.Windows.Runs(f, today) {
			labels[key] = append(labels[key], n)
		}
	}
	var ways []choice
	try := func(first string, has func(*Node) bool, unlabelled ...*Node) {
		w := choice{unlabelled: unlabelled}
		if first != "" {
			w.list = []string{first}
		}
		for _, n := range can {
			if !has(n) {
				return
			}
		}
		for _, n := range cannot {
			switch {
			case !has(n):
			case n.Name == n.Hostname:
				w.list = append(w.list, "node.hostname!="+n.Hostname)
			default:
				w.list = append(w.list, "node.id!="+n.ID)
			}
		}
		ways = append(ways, w)
	}
	for _, key := range m.labels(labels, len(can) == 0) {
		var wrong []*Node
		for _, n := range slices.Concat(can, cannot) {
			if slices.Contains(labels[key], n) != strings.EqualFold(n.Labels[key], "true") {
				wrong = append(wrong, n)
			}
		}
		try("node.labels."+key+"==true", func(n *Node) bool { return slices.Contains(labels[key], n) }, wrong...)
	}
	try("node.platform.os==windows", func(n *Node) bool { return n.OS == "windows" })
	try("", func(*Node) bool { return true })
	best := 0
	for i := range ways {
		if len(ways[i].list) < len(ways[best].list) {
			best = i
		}
	}
	return ways[best]
}

// exact reports whether constraints let a service onto all of can and none of
// cannot.
func exact(list []string, can, cannot []*Node) bool {
	v := Service{Constraints: list}
	return !slices.ContainsFunc(can, func(n *Node) bool { return v.excluded(n) != "" }) &&
		!slices.ContainsFunc(cannot, func(n *Node) bool { return v.excluded(n) == "" })
}

// labels are the labels that say of nodes that they run a build of the image;
// where no node has such a label, those that a node to come would have.
func (m *Image) labels(known map[string][]*Node, none bool) []string {
	var out []string
	add := func(key string) {
		if key != "" && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	for i := range m.Children {
		c := &m.Children[i]
		if c.OS != "windows" || !c.Version.IsValid() {
			continue
		}
		prefix := LabelRuns + strconv.FormatUint(uint64(c.Version.Build), 10)
		for _, key := range keysOf(known) {
			if key == prefix || strings.HasPrefix(key, prefix+".") {
				add(key)
			}
		}
		if none {
			add(RunsLabel(c.Version, false))
		}
	}
	return out
}

func keysOf(m map[string][]*Node) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// strand says why the service would not find its place.
func (c *Constraints) strand(want int) {
	up := 0
	for _, n := range c.Stay {
		if n.Up() {
			up++
		}
	}
	global := strings.HasPrefix(c.Service.Mode, "global")
	switch per := c.Service.MaxPerNode; {
	case up == 0 && len(c.Stay) == 0:
		c.Strands = "no node that it may be placed on is known to run its image"
	case up == 0:
		c.Strands = "none of the nodes that run its image takes new tasks now"
	case per > 0 && !global && up*per < want:
		c.Strands = fmt.Sprintf("%d tasks are to run, at most %d on a node, and %d nodes remain", want, per, up)
	}
}

// ApplyConstraints makes the change, at the service's constraints as they are by
// then.
func (c *Client) ApplyConstraints(ctx context.Context, p *Constraints) error {
	add, remove := slices.Clone(p.Add), slices.Clone(p.Remove)
	return c.constrain(ctx, p.Service, true, func(have, ours []string) ([]string, []string) {
		have = slices.DeleteFunc(have, func(t string) bool { return slices.Contains(remove, t) && slices.Contains(ours, t) })
		ours = slices.DeleteFunc(ours, func(t string) bool { return slices.Contains(remove, t) || !slices.Contains(have, t) })
		for _, t := range add {
			if !slices.Contains(have, t) {
				have, ours = append(have, t), append(ours, t)
			}
		}
		return have, ours
	})
}

// PlanUndo says which constraints of a service are ours.
func PlanUndo(v *Service) *Constraints {
	c := &Constraints{Service: v}
	c.Remove, c.Forget = remembered(v)
	return c
}

// remembered are the constraints that are ours by the service's label: those that
// it has, and those that are gone.
func remembered(v *Service) (has, gone []string) {
	for _, t := range oursOf(v.Labels) {
		if slices.Contains(v.Constraints, t) {
			has = append(has, t)
		} else {
			gone = append(gone, t)
		}
	}
	return has, gone
}

// Undo takes away the constraints that are ours, and the label that says so.
func (c *Client) Undo(ctx context.Context, v *Service) error {
	return c.constrain(ctx, v, false, func(have, ours []string) ([]string, []string) {
		return slices.DeleteFunc(have, func(t string) bool { return slices.Contains(ours, t) }), nil
	})
}

// constrain edits the constraints of a service and the label that says which of
// them are ours; sameImage: only where the service has the image still that it
// had when it was read.
func (c *Client) constrain(ctx context.Context, v *Service, sameImage bool, edit func(have, ours []string) ([]string, []string)) error {
	path := "/services/" + v.ID
	return c.change(ctx, path, func(spec []byte) ([]byte, error) {
		var now struct {
			Labels       map[string]string
			TaskTemplate struct {
				ContainerSpec struct{ Image string }
				Placement     struct{ Constraints []string }
			}
		}
		if err := json.Unmarshal(spec, &now); err != nil {
			return nil, badAnswer(path, err)
		}
		if sameImage && now.TaskTemplate.ContainerSpec.Image != v.Image {
			return nil, &Error{Code: CodeConflict, Text: "the service has got another image meanwhile: " + now.TaskTemplate.ContainerSpec.Image, Hint: "run it again"}
		}
		was := now.TaskTemplate.Placement.Constraints
		have, ours := edit(slices.Clone(was), oursOf(now.Labels))
		labels, err := edited(now.Labels, nil, []string{LabelConstraints})
		if len(ours) > 0 {
			labels, err = edited(now.Labels, map[string]string{LabelConstraints: mustJSON(ours)}, nil)
		}
		if err != nil {
			return nil, err
		}
		if slices.Equal(have, was) && slices.Equal(ours, oursOf(now.Labels)) {
			return nil, nil
		}
		var list json.RawMessage
		if len(have) > 0 {
			list = json.RawMessage(mustJSON(have))
		}
		if spec, err = setMember(spec, labels, "Labels"); err != nil {
			return nil, err
		}
		// Placement stays, be it empty: a manager whose tasks have one, and whose
		// service has none any more, falls (nodeMatches dereferences it; seen with
		// 20.10.24). https://github.com/moby/swarmkit/blob/v2.0.0/manager/orchestrator/task.go
		return setMember(spec, list, "TaskTemplate", "Placement", "Constraints")
	})
}
