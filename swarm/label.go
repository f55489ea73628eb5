package swarm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// The labels of nodes. OS and OsVersion are those of Microsoft's page, OsVersion
// without a revision, as Get-ComputerInfo prints it: constraints compare it as a
// whole. Swarm's constraints know no "or", so there is one label more for each
// build of images that the node runs: winmatch.runs.20348=true. Images of Windows
// Server 2016 run on hosts of their own revision only, which is then part of the
// name: winmatch.runs.14393.1770=true.
const (
	LabelOS        = "OS"
	LabelOSVersion = "OsVersion"
	LabelRuns      = "winmatch.runs."
)

// RunsLabel is the label of the nodes that run images of a version; where the
// revision matters and is not known it is "".
func RunsLabel(image winver.Version, anyRevision bool) string {
	if image.Build != winver.LTSC2016 || anyRevision {
		return fmt.Sprint(LabelRuns, image.Build)
	}
	if r, ok := image.Revision(); ok {
		return fmt.Sprint(LabelRuns, image.Build, ".", r)
	}
	return ""
}

// Runs are the labels for the images that a node runs in its default isolation,
// by the core's verdict on each build of which there are images.
func (w *Windows) Runs(f *facts.Facts, today facts.Date) []string {
	if !w.Version.IsValid() {
		return nil
	}
	q := compat.Question{Host: w.host(), Isolation: w.Isolation, Runtime: w.Runtime, Today: today}
	var out []string
	for _, v := range compat.Runs(f, q) {
		_, exact := v.Revision()
		out = append(out, RunsLabel(v, !exact))
	}
	sort.Strings(out)
	return out
}

// Unclaimed is a build of images that a node is not labelled to run.
type Unclaimed struct {
	Build  uint32
	Why    string
	Remedy string // what at the node would change that; "" for nothing
}

// Unclaimed says of each build of which there are images, and which no label of the
// node claims, why not: the core's grounds.
func (w *Windows) Unclaimed(f *facts.Facts, today facts.Date) []Unclaimed {
	if !w.Version.IsValid() {
		return nil
	}
	child := [1]compat.Child{{OS: "windows", Architecture: "amd64"}}
	q := compat.Question{Host: w.host(), Isolation: w.Isolation, Runtime: w.Runtime, Today: today, Image: compat.Image{Children: child[:]}}
	claimed := map[uint32]bool{}
	for _, v := range compat.Runs(f, q) {
		claimed[v.Build] = true
	}
	var out []Unclaimed
	for i := range f.Releases {
		r := &f.Releases[i]
		if len(r.Images) == 0 || r.Build == 0 || claimed[r.Build] {
			continue
		}
		claimed[r.Build] = true
		v := winver.OfBuild(r.Build)
		child[0].Version, child[0].OSVersion = v, v.String()
		d := compat.Decide(f, &q)
		u := Unclaimed{Build: r.Build}
		for _, reason := range d.Reasons(f, &q) {
			if u.Why = strings.TrimPrefix(u.Why+"; "+reason.Text, "; "); d.Answer == compat.No {
				break // the first one settles it
			}
		}
		if d.Answer == compat.Unknown || d.Answer == compat.Risky {
			for _, k := range d.Remedies(f, &q, "", nil) {
				if k.Kind == compat.UpdateHost {
					u.Remedy = k.Text
				}
			}
		}
		out = append(out, u)
	}
	return out
}

// NodeLabels is what is to be changed at a node's labels.
type NodeLabels struct {
	Node    *Node
	Set     map[string]string // to be added or given another value
	Was     map[string]string // the value before, of those of Set that had one
	Remove  []string          // labels of ours that are no longer true
	Unknown string            // why nothing can be said of the node; "" where it can
}

// Changes reports whether there is anything to do.
func (l *NodeLabels) Changes() bool { return len(l.Set) > 0 || len(l.Remove) > 0 }

// Command is the docker command that does the same.
func (l *NodeLabels) Command() string {
	var b strings.Builder
	b.WriteString("docker node update")
	for _, k := range l.Remove {
		fmt.Fprintf(&b, " --label-rm %s", k)
	}
	for _, k := range keys(l.Set) {
		fmt.Fprintf(&b, " --label-add %s=%s", k, l.Set[k])
	}
	return b.String() + " " + l.Node.target()
}

// target names a node where a host name may be that of several.
func (n *Node) target() string {
	if n.Name == n.Hostname {
		return n.Hostname
	}
	return n.ID
}

func keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// PlanLabels says which labels of Windows nodes are missing or wrong. Labels of
// others are left alone, and one of the same meaning counts: "Windows" for
// windows, 10.0.20348.2227 for 10.0.20348.
func (s *State) PlanLabels(f *facts.Facts, today facts.Date) []NodeLabels {
	var out []NodeLabels
	for _, n := range s.Nodes {
		if n.OS != "windows" {
			continue
		}
		l := NodeLabels{Node: n}
		switch w := &n.Windows; {
		case w.Doubt != "":
			l.Unknown = w.Doubt
		case !w.Version.IsValid():
			l.Unknown = "which Windows it has is not known"
		default:
			l.diff(n.Labels, w.Version, w.Runs(f, today))
		}
		out = append(out, l)
	}
	return out
}

// diff compares a node's labels with what they should be.
func (l *NodeLabels) diff(have map[string]string, v winver.Version, runs []string) {
	l.Set, l.Was, l.Remove = map[string]string{}, map[string]string{}, nil
	set := func(key, value string, same func(string) bool) {
		was, ok := have[key]
		if ok && same(was) {
			return
		}
		if l.Set[key] = value; ok {
			l.Was[key] = was
		}
	}
	set(LabelOS, "windows", func(s string) bool { return strings.EqualFold(s, "windows") })
	set(LabelOSVersion, v.WithoutRevision().String(), func(s string) bool {
		w, err := winver.Parse(strings.TrimSpace(s))
		return err == nil && w.Build == v.Build
	})
	for _, key := range runs {
		set(key, "true", func(s string) bool { return strings.EqualFold(s, "true") })
	}
	for _, key := range keys(have) {
		if strings.HasPrefix(key, LabelRuns) && !slices.Contains(runs, key) {
			l.Remove = append(l.Remove, key)
		}
	}
}

// maxTries bounds how often a change is tried that somebody else's overtakes.
const maxTries = 8

// ApplyLabels makes the change, at the node's labels as they are by then. It does
// nothing where they are right already.
func (c *Client) ApplyLabels(ctx context.Context, f *facts.Facts, l *NodeLabels, today facts.Date) error {
	path := "/nodes/" + l.Node.ID
	runs := l.Node.Windows.Runs(f, today)
	return c.change(ctx, path, func(spec []byte) ([]byte, error) {
		var have struct{ Labels map[string]string }
		if err := json.Unmarshal(spec, &have); err != nil {
			return nil, badAnswer(path, err)
		}
		l.diff(have.Labels, l.Node.Windows.Version, runs)
		if !l.Changes() {
			return nil, nil
		}
		labels, err := edited(have.Labels, l.Set, l.Remove)
		if err != nil {
			return nil, err
		}
		return setMember(spec, labels, "Labels")
	})
}

// edited are labels with some set and some removed, as JSON; nil where none is
// left.
func edited(have, set map[string]string, remove []string) (json.RawMessage, error) {
	out := map[string]string{}
	for k, v := range have {
		if !slices.Contains(remove, k) {
			out[k] = v
		}
	}
	for k, v := range set {
		out[k] = v
	}
	if len(out) == 0 {
		return nil, nil
	}
	return json.Marshal(out)
}

// change reads an object, lets edit make a new specification of its own, and
// writes that with the version that was read. Where the object has changed in
// between it begins again: edit sees what the other one wrote. edit returns nil
// where there is nothing to do.
func (c *Client) change(ctx context.Context, path string, edit func(spec []byte) ([]byte, error)) error {
	var err error
	for range maxTries {
		var object struct {
			Version wireVersion
			Spec    json.RawMessage
		}
		if err := c.get(ctx, path, &object); err != nil {
			return err
		}
		if len(object.Spec) == 0 {
			return badAnswer(path, fmt.Errorf("no Spec"))
		}
		spec, editErr := edit(object.Spec)
		if editErr != nil || spec == nil {
			return editErr
		}
		err = c.post(ctx, fmt.Sprintf("%s/update?version=%d", path, object.Version.Index), spec)
		if codeOf(err) != CodeConflict {
			return err
		}
	}
	return &Error{Code: CodeConflict, Text: fmt.Sprintf("it was changed by somebody else meanwhile, %d times", maxTries), Hint: "run it again", Err: err}
}

// setMember gives a member of an object, or of an object within it, a value: nil
// removes it. What is not edited keeps the bytes that the engine sent.
func setMember(object []byte, value json.RawMessage, path ...string) ([]byte, error) {
	m := map[string]json.RawMessage{}
	if len(object) > 0 && string(object) != "null" {
		if err := json.Unmarshal(object, &m); err != nil {
			return nil, err
		}
	}
	if len(path) > 1 {
		inner, err := setMember(m[path[0]], value, path[1:]...)
		if err != nil {
			return nil, err
		}
		value = inner
	}
	if value == nil {
		delete(m, path[0])
	} else {
		m[path[0]] = value
	}
	return json.Marshal(m)
}
