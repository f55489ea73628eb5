package swarm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
)

// Status is how a service is doing.
type Status string

// The states.
const (
	Converged Status = "converged" // as many tasks run as should, and any node that it may be placed on runs its image
	Lucky     Status = "lucky"     // as many run, but it may be placed on a node that cannot run its image
	Starting  Status = "starting"  // tasks are on their way, none has failed
	Failing   Status = "failing"   // tasks fail, or find no node
	Unsure    Status = "unknown"   // as many run, or may be placed, but whether any node would run its image is not known

	// Of a planned service: see Plan.
	Fits     Status = "fits"      // any node that it may be placed on runs its image
	AtRisk   Status = "at-risk"   // it may be placed on a node that does not
	NoneFits Status = "none-fits" // it may be placed on none that does
)

// Report is what the doctor says of one service.
type Report struct {
	Service  *Service
	Status   Status
	Failures []Failure
	Nodes    []Judgement // of all nodes, where any is Windows and the image is not only for others
	Remedies []compat.Remedy
	Notes    []string
}

// Failure is tasks that failed alike, diagnosed.
type Failure struct {
	*Group
	Node    *Node // nil where there is none, or none any more
	Finding *diagnose.Finding
	Where   []Blocking // of tasks that find no node: each node, and why not that one
}

// Blocking is why a node does not take a task.
type Blocking struct {
	Node *Node
	Why  string // "" where nothing that can be seen from here is in the way
}

// converges reports whether as many tasks run as should.
func (v *Service) converges() bool {
	done := v.Running
	if strings.HasSuffix(v.Mode, "-job") {
		done += v.Completed
	}
	return done >= v.Want && (v.Update == "" || v.Update == "updating")
}

// NeedsImage reports whether the doctor wants to know what is in the service's
// image: where it does not converge, or may be placed on a Windows node.
func (s *State) NeedsImage(v *Service) bool {
	windows := slices.ContainsFunc(s.Nodes, func(n *Node) bool { return n.OS == "windows" && v.excluded(n) == "" })
	return windows || !v.converges() && slices.ContainsFunc(s.Nodes, func(n *Node) bool { return n.OS == "windows" })
}

// Diagnose says how a service is doing, and what helps.
func (s *State) Diagnose(f *facts.Facts, v *Service, m *Image, today facts.Date) *Report {
	r := &Report{Service: v, Status: Converged}
	if s.NeedsImage(v) {
		r.Nodes = s.Judge(f, v, m, today)
	}
	for _, g := range v.Groups {
		if r.relevant(g) {
			r.Failures = append(r.Failures, s.failure(f, v, g, m, r.Nodes, today))
		}
	}
	switch {
	case !v.converges() && len(r.Failures) == 0 && len(v.Waiting) > 0:
		r.Status = Starting
	case !v.converges():
		r.Status = Failing
	default:
		r.luck(v)
	}
	if v.Update != "" && v.Update != "updating" {
		r.Notes = append(r.Notes, "its update is "+strings.ReplaceAll(v.Update, "_", " ")+": docker service inspect "+v.Name+" says why")
	}
	if r.Status == Failing || r.Status == Lucky {
		r.remedies(f, v, m)
	}
	return r
}

// relevant reports whether tasks still matter: of a service that converges, those
// that failed by their versions on a node that it may be placed on.
func (r *Report) relevant(g *Group) bool {
	if g.Waits {
		return true
	}
	v := r.Service
	if !v.converges() {
		return true
	}
	for i := range r.Nodes {
		if j := &r.Nodes[i]; j.Node.ID == g.Node {
			return !j.Barred && j.Answer != compat.Yes && j.By == ByFailure
		}
	}
	return false
}

// luck tells a service that runs anywhere from one that happens to run. A node
// that somebody drained or paused gets no task before that is taken back: it is
// noted.
func (r *Report) luck(v *Service) {
	var idle []string
	for i := range r.Nodes {
		j := &r.Nodes[i]
		if j.Barred || v.Want == 0 && !strings.HasPrefix(v.Mode, "global") {
			continue
		}
		switch {
		case j.Answer == compat.Yes:
		case j.Node.Availability != "active":
			if j.Answer != compat.Unknown {
				idle = append(idle, j.Node.Name)
			}
		case j.Answer != compat.Unknown:
			r.Status = Lucky
		case r.Status == Converged && j.Node.OS == "windows":
			r.Status = Unsure
		}
	}
	r.idle(idle)
}

func (r *Report) idle(names []string) {
	if len(names) > 0 {
		r.Notes = append(r.Notes, "once it is active again, this would not run its image: "+strings.Join(names, ", "))
	}
}

// failure diagnoses tasks that failed alike.
func (s *State) failure(f *facts.Facts, v *Service, g *Group, m *Image, nodes []Judgement, today facts.Date) Failure {
	out := Failure{Group: g, Node: s.Node(g.Node)}
	if g.Waits && g.Node == "" {
		for _, n := range s.Nodes {
			out.Where = append(out.Where, Blocking{n, v.Blocked(n)})
		}
		return out // the engine's words tell less
	}
	list := g.diagnoses(f)
	if len(list) == 0 {
		return out
	}
	d := list[0]
	d.Place, d.Service, d.Node, d.Image = diagnose.Swarm, v.Name, g.Node, m.Reference
	k := diagnose.Known{Reference: m.Reference, Image: m.Image, Isolation: v.Isolation, Today: today}
	if out.Node != nil {
		w := &out.Node.Windows
		d.Node, k.Host, k.Edition, k.ARM64, k.Runtime = out.Node.Name, w.Version, w.Edition, w.ARM64, w.Runtime
		if k.Isolation == compat.DefaultIsolation {
			k.Isolation = w.Isolation
		}
		if m.Candidates != nil {
			k.Candidates = m.Candidates(w.Version)
		}
	}
	finding := d.Judge(f, &k)
	out.Finding = &finding
	return out
}

// Version reports whether the failure is one of versions.
func (x *Failure) Version() bool { return x.Finding != nil && x.Finding.Diagnosis.Version() }

// remedies are what helps: to keep the service to the nodes that run it, to know
// more of a node, another image, isolation, another node.
func (r *Report) remedies(f *facts.Facts, v *Service, m *Image) {
	var cannot []*Judgement // Windows nodes that the scheduler uses
	var can, unknown, reachable []string
	wrong := false
	for i := range r.Nodes {
		j := &r.Nodes[i]
		wrong = wrong || j.Answer != compat.Yes && !j.Barred
		switch {
		case j.Node.OS != "windows":
		case j.Answer == compat.Yes:
			if can = append(can, j.Node.Name); !j.Barred {
				reachable = append(reachable, j.Node.Name)
			}
		case j.Answer == compat.Unknown:
			if j.Node.Up() && !j.Barred {
				unknown = append(unknown, j.Node.Name)
			}
		case !j.Barred:
			cannot = append(cannot, j)
		}
	}
	version := slices.ContainsFunc(r.Failures, func(x Failure) bool { return x.Version() })
	if os := m.onlyFor(); os != "" && os != "windows" && len(cannot) > 0 {
		r.add(compat.Place, "docker service update --constraint-add node.platform.os=="+os+" "+v.Name, "keep it to nodes with %s, which is all that its image is for", os)
	}
	if m.Windows() {
		switch {
		case len(reachable) > 0 && wrong:
			r.add(compat.Place, "winmatch swarm constrain "+v.Name, "keep it to what runs it: %s", strings.Join(reachable, ", "))
		case len(reachable) == 0 && len(can) > 0:
			r.add(compat.Place, "docker service inspect --format \"{{json .Spec.TaskTemplate.Placement}}\" "+v.Name,
				"its constraints exclude what runs its image: %s; change them, or the labels that they ask for", strings.Join(can, ", "))
		}
		if len(unknown) > 0 && (len(reachable) == 0 || version) {
			r.add(diagnose.Inspect, fmt.Sprintf("winmatch swarm doctor --node %s=CONTEXT %s", unknown[0], v.Name),
				"find out which Windows there is on %s: by a Docker context of its engine, or --host %s=VERSION", strings.Join(unknown, ", "), unknown[0])
		}
	}
	for _, j := range cannot {
		for _, k := range j.Remedies(f, m) {
			r.adapt(f, k, j, m, len(can) > 0)
		}
	}
	for i := range r.Failures {
		if x := r.Failures[i].Finding; x != nil && !x.Version() {
			for _, k := range x.Remedies {
				r.add(k.Kind, k.Command, "%s", k.Text)
			}
		}
	}
}

// adapt puts a remedy of the core, which is for one container on one host, into
// the terms of a Swarm. there: a node runs the image as it is.
func (r *Report) adapt(f *facts.Facts, k compat.Remedy, j *Judgement, m *Image, there bool) {
	name := r.Service.Name
	switch k.Kind {
	case compat.UseTag, compat.UsePin:
		ref := k.Command[strings.LastIndexByte(k.Command, ' ')+1:]
		if k.Command = ""; ref != "" {
			k.Command = fmt.Sprintf("docker service update --image %s %s", ref, name)
		}
		if !r.everywhere(f, ref, m) {
			k.Text += "; that runs on " + j.Node.Name + ", not on every node that the service may be placed on"
		}
	case compat.UseIsolation:
		mode := "process"
		if j.ruling.verdict.Isolation == compat.Process {
			mode = "hyperv"
		}
		k.Command = fmt.Sprintf("docker service update --isolation %s %s", mode, name)
	case compat.UseHost:
		if there {
			return
		}
		k.Text, k.Command = "add a node: "+strings.TrimPrefix(k.Text, "run it on "), ""
	case compat.UpdateHost, compat.UseRuntime:
		k.Text += " (" + j.Node.Name + ")"
	}
	r.add(k.Kind, k.Command, "%s", k.Text)
}

// everywhere reports whether another tag of the image runs on every Windows node
// that the service may be placed on.
func (r *Report) everywhere(f *facts.Facts, ref string, m *Image) bool {
	for i := range r.Nodes {
		j := &r.Nodes[i]
		if j.Node.OS != "windows" || j.Barred {
			continue
		}
		if j.ruling == nil || !j.ruling.runs(f, ref, m) {
			return false
		}
	}
	return true
}

// add adds a remedy that is not there yet.
func (r *Report) add(k compat.Kind, command, format string, args ...any) {
	m := compat.Remedy{Kind: k, Text: fmt.Sprintf(format, args...), Command: command}
	if !slices.Contains(r.Remedies, m) {
		r.Remedies = append(r.Remedies, m)
	}
}
