package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/swarm"
)

// SwarmNode is a node of a Swarm.
type SwarmNode struct {
	Name         string       `json:"name"`
	ID           string       `json:"id"`
	Role         string       `json:"role"`
	State        string       `json:"state"`
	Availability string       `json:"availability"`
	OS           string       `json:"os"`
	Architecture string       `json:"architecture"`
	Engine       string       `json:"engine"`
	Host         *Host        `json:"host"`      // null where its Windows is not known
	Source       swarm.Source `json:"source"`    // where that is known from
	Isolation    string       `json:"isolation"` // the engine's default, "" where it was not asked
	Doubt        string       `json:"doubt"`

	HostName string `json:"-"`
}

// SwarmVerdict is whether a node runs a service's image.
type SwarmVerdict struct {
	Node    string        `json:"node"`
	Answer  compat.Answer `json:"answer"`
	By      swarm.By      `json:"by"`
	Why     string        `json:"why"`
	Blocked string        `json:"blocked"` // why the scheduler does not use it, "" where it may
}

// SwarmBlock is why a node does not take a task.
type SwarmBlock struct {
	Node string `json:"node"`
	Why  string `json:"why"`
}

// SwarmFailure is tasks that failed alike.
type SwarmFailure struct {
	Node      string       `json:"node"`
	Image     string       `json:"image"`
	Digest    string       `json:"digest"`
	State     string       `json:"state"`
	Error     string       `json:"error"`
	Count     int          `json:"count"`
	Last      time.Time    `json:"last"`
	Task      string       `json:"task"`
	Diagnosis *Diagnosis   `json:"diagnosis"`
	Where     []SwarmBlock `json:"where"` // of tasks that find no node
}

// SwarmService is a service and how it is doing.
type SwarmService struct {
	Name      string          `json:"name"`
	ID        string          `json:"id"`
	Image     string          `json:"image"`
	Digest    string          `json:"digest"`
	Mode      string          `json:"mode"`
	Isolation string          `json:"isolation"`
	Status    swarm.Status    `json:"status"`
	Running   int             `json:"running"`
	Wanted    int             `json:"wanted"`
	Failures  []SwarmFailure  `json:"failures"`
	Nodes     []SwarmVerdict  `json:"nodes"`
	Remedies  []compat.Remedy `json:"remedies"`
	Notes     []string        `json:"notes"`
}

// SwarmDoctor is the answer of swarm doctor.
type SwarmDoctor struct {
	Facts    FactsInfo      `json:"facts"`
	Stack    []string       `json:"stack"` // the files whose services are judged; none: those of the Swarm
	Nodes    []SwarmNode    `json:"nodes"`
	Services []SwarmService `json:"services"` // all that were looked at; made one by one, see SwarmDoctorJSON
}

// SwarmDoctorJSON writes what JSON writes of d with n services, which service makes,
// several at the same time: a large Swarm's answer is not held.
func SwarmDoctorJSON(w io.Writer, d *SwarmDoctor, n int, service func(int) *SwarmService) error {
	alone := *d
	alone.Services = []SwarmService{}
	if n == 0 {
		return JSON(w, &alone)
	}
	const end = "]\n}" // services come last
	var head jsonWriter
	if err := head.add("", &alone); err != nil {
		return err
	}
	if _, err := w.Write(head.out[:len(head.out)-len(end)]); err != nil {
		return err
	}
	if err := inOrder(w, n, func(b *jsonWriter, i int) error {
		if i > 0 {
			b.out = append(b.out, ',')
		}
		b.out = append(b.out, "\n    "...)
		return b.add("    ", service(i))
	}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n  "+end+"\n")
	return err
}

// SwarmDoctorText writes of n services, which service makes, those that need
// attention, then how many do not.
func SwarmDoctorText(w io.Writer, d *SwarmDoctor, n int, service func(int) *SwarmService, s Style) error {
	var fine, shown atomic.Int64
	if err := inOrder(&unbegun{w: w}, n, func(b *jsonWriter, i int) error {
		v := service(i)
		if (v.Status == swarm.Converged || v.Status == swarm.Fits) && !s.Verbose && len(v.Notes) == 0 {
			fine.Add(1)
			return nil
		}
		shown.Add(1)
		b.plain.Reset()
		b.plain.WriteByte('\n')
		swarmService(&b.plain, v, s)
		b.out = append(b.out, b.plain.Bytes()...)
		return nil
	}); err != nil {
		return err
	}
	var b bytes.Buffer
	swarmRest(&b, d, n, int(fine.Load()), int(shown.Load()), s)
	_, err := b.WriteTo(w)
	return err
}

// unbegun leaves out the first byte: the empty line before the first of several.
type unbegun struct {
	w     io.Writer
	begun bool
}

func (u *unbegun) Write(p []byte) (int, error) {
	if u.begun || len(p) == 0 {
		return u.w.Write(p)
	}
	u.begun = true
	n, err := u.w.Write(p[1:])
	return n + 1, err
}

func swarmRest(w io.Writer, d *SwarmDoctor, n, fine, shown int, s Style) {
	if shown > 0 && fine > 0 {
		fmt.Fprintln(w)
	}
	switch {
	case n == 0:
		fmt.Fprintln(w, "No services.")
	case fine == 1 && len(d.Stack) > 0:
		fmt.Fprintln(w, "1 service would run on any node that it may be placed on.")
	case fine > 0 && len(d.Stack) > 0:
		fmt.Fprintf(w, "%d services would run on any node that they may be placed on.\n", fine)
	case fine == 1:
		fmt.Fprintln(w, "1 service runs as it should.")
	case fine > 0:
		fmt.Fprintf(w, "%d services run as they should.\n", fine)
	}
	if shown > 0 || s.Verbose {
		swarmNodes(w, d.Nodes, s)
	}
}

func swarmService(w io.Writer, v *SwarmService, s Style) {
	words, color := "runs as it should", green
	switch v.Status {
	case swarm.Failing:
		words, color = "does not converge", red
	case swarm.Lucky:
		words, color = "runs by luck: not every node that it may be placed on runs its image", yellow
	case swarm.Starting:
		words, color = "is starting", blue
	case swarm.Unsure:
		words, color = "runs; whether every node that it may be placed on would run it is not known", blue
		if v.ID == "" {
			words = "may be placed on nodes of which it is not known whether they run its image"
		}
	case swarm.Fits:
		words = "would run on any node that it may be placed on"
	case swarm.AtRisk:
		words, color = "is at risk", yellow
	case swarm.NoneFits:
		words, color = "would not run: it finds no node that runs its image", red
	}
	name := fmt.Sprintf("%s %d/%d", v.Name, v.Running, v.Wanted)
	switch {
	case v.ID != "":
	case strings.HasPrefix(v.Mode, "global"):
		name = v.Name + " " + v.Mode
	default:
		name = fmt.Sprintf("%s ×%d", v.Name, v.Wanted)
	}
	fmt.Fprintf(w, "%s %s\n", s.paint(bold+";"+color, name), words)
	image := v.Image
	if v.Digest != "" {
		name, _, _ := strings.Cut(image, "@")
		image = name + "@" + short(v.Digest)
	}
	if v.Isolation != "default" {
		image += ", isolation " + v.Isolation
	}
	fmt.Fprintln(w, "  "+s.paint(dim, image))
	for i := range v.Failures {
		swarmFailure(w, &v.Failures[i], s)
	}
	if len(v.Nodes) > 0 {
		fmt.Fprintln(w)
		all := s
		all.Verbose = s.Verbose || v.Status == swarm.NoneFits
		swarmVerdicts(w, v.Nodes, all)
	}
	for _, n := range v.Notes {
		fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+n)
	}
	if len(v.Remedies) > 0 {
		fmt.Fprintf(w, "\n  %s\n", s.paint(bold, "What helps"))
		for i, m := range v.Remedies {
			fmt.Fprintf(w, "  %d. %s\n", i+1, m.Text)
			if m.Command != "" {
				fmt.Fprintf(w, "       %s\n", s.paint(green, m.Command))
			}
		}
	}
}

// swarmVerdicts writes which nodes run an image, without those that neither run it
// nor are asked to.
func swarmVerdicts(w io.Writer, list []SwarmVerdict, s Style) {
	var rows [][]string
	for _, n := range list {
		why := n.Why
		if n.Blocked != "" {
			if n.Answer == compat.No && !s.Verbose {
				continue
			}
			why = strings.Trim(why+"; not used: "+n.Blocked, "; ")
		}
		rows = append(rows, []string{n.Node, n.Answer.String(), why})
	}
	table(w, "  ", rows)
}

func swarmFailure(w io.Writer, x *SwarmFailure, s Style) {
	where := "on " + x.Node
	if x.Node == "" {
		where = "on no node"
	}
	times := "1 task"
	if x.Count > 1 {
		times = fmt.Sprintf("%d tasks", x.Count)
	}
	fmt.Fprintf(w, "\n  %s %s %s, last %s\n", times, x.State, where, x.Last.UTC().Format(time.DateTime))
	fmt.Fprintln(w, "    > "+shortIDs(oneLine(x.Error)))
	if x.Diagnosis != nil {
		fmt.Fprintln(w, "    "+s.paint(bold, x.Diagnosis.Headline))
		fmt.Fprintln(w, "    "+s.paint(dim, x.Diagnosis.verdict()))
		if x.Diagnosis.Otherwise != "" {
			fmt.Fprintln(w, "    or: "+x.Diagnosis.Otherwise)
		}
	}
	var rows [][]string
	for _, b := range x.Where {
		why := b.Why
		if why == "" {
			why = "nothing that can be seen from here is in the way"
		}
		rows = append(rows, []string{b.Node, why})
	}
	table(w, "    ", rows)
}

// swarmNodes writes the Windows nodes and what is known of them.
func swarmNodes(w io.Writer, nodes []SwarmNode, s Style) {
	var rows [][]string
	for _, n := range nodes {
		if n.OS != "windows" {
			continue
		}
		row := []string{n.Name, "not known", ""}
		switch {
		case n.Host != nil:
			row = []string{n.Name, n.HostName + " " + n.Host.Version.Short(), sourceWords(n.Source)}
		case n.Doubt != "":
			row[2] = n.Doubt
		}
		if n.State != "ready" || n.Availability != "active" {
			row[2] = strings.Trim(row[2]+"; "+n.State+", "+n.Availability, "; ")
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Windows nodes"))
		table(w, "  ", rows)
	}
}

func sourceWords(b swarm.Source) string {
	return map[swarm.Source]string{
		swarm.ByEngine: "its engine was asked", swarm.ByUser: "as given", swarm.ByTask: "by a task's error", swarm.ByLabel: "by its label",
	}[b]
}

// SwarmLabels is what is to be changed at a node's labels.
type SwarmLabels struct {
	Node    string            `json:"node"`
	ID      string            `json:"id"`
	Host    *Host             `json:"host"`
	Source  swarm.Source      `json:"source"`
	Set     map[string]string `json:"set"`
	Was     map[string]string `json:"was"`
	Remove  []string          `json:"remove"`
	Unknown string            `json:"unknown"` // why nothing can be said, "" where it can
	Command string            `json:"command"`
	Applied bool              `json:"applied"`
	Error   string            `json:"error"`
	Tried   bool              `json:"-"` // the error is of the change itself, which the engine may have made all the same
	// Unclaimed are the builds of images that no label says the node runs.
	Unclaimed []SwarmUnclaimed `json:"unclaimed"`

	HostName string `json:"-"`
}

// SwarmUnclaimed is a build of images that a node is not labelled to run.
type SwarmUnclaimed struct {
	Build  uint32 `json:"build"`
	Why    string `json:"why"`
	Remedy string `json:"remedy"` // what at the node would change that, or ""
}

// SwarmLabel is the answer of swarm label.
type SwarmLabel struct {
	Facts FactsInfo     `json:"facts"`
	Nodes []SwarmLabels `json:"nodes"` // all Windows nodes
}

// SwarmLabelText writes the changes as a diff, with the docker commands that do
// the same.
func SwarmLabelText(w io.Writer, l *SwarmLabel, s Style, apply bool) {
	if len(l.Nodes) == 0 {
		fmt.Fprintln(w, "No Windows nodes.")
		return
	}
	changes, failed := false, false
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.Unknown != "" {
			fmt.Fprintf(w, "%s  %s\n", s.paint(bold, n.Node), s.paint(yellow, n.Unknown))
			continue
		}
		fmt.Fprintf(w, "%s  %s %s, %s\n", s.paint(bold, n.Node), n.HostName, n.Host.Version.Short(), sourceWords(n.Source))
		for _, k := range n.Remove {
			fmt.Fprintln(w, s.paint(red, "  - "+k))
		}
		for _, k := range sorted(n.Set) {
			if was, ok := n.Was[k]; ok {
				fmt.Fprintln(w, s.paint(red, "  - "+k+"="+was))
			}
			fmt.Fprintln(w, s.paint(green, "  + "+k+"="+n.Set[k]))
		}
		for _, u := range n.Unclaimed {
			// Of its own build nobody expects that.
			if s.Verbose || u.Build == n.Host.Version.Build {
				fmt.Fprintf(w, "  %s%d: %s\n", s.paint(dim, "no label for images of "), u.Build, u.Why)
				if u.Remedy != "" {
					fmt.Fprintln(w, "    → "+u.Remedy)
				}
			}
		}
		switch {
		case n.Error != "":
			fmt.Fprintln(w, "  "+s.paint(red, notChanged(n.Tried)+n.Error))
			failed = true
		case n.Command == "":
			fmt.Fprintln(w, "  its labels are right")
			continue
		default:
			fmt.Fprintln(w, "  "+s.paint(dim, n.Command))
		}
		changes = true
	}
	if changes && !failed {
		done(w, apply)
	}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// SwarmConstraints is what is to be changed at a service's constraints.
type SwarmConstraints struct {
	Service string         `json:"service"`
	ID      string         `json:"id"`
	Image   string         `json:"image"`
	Nodes   []SwarmVerdict `json:"nodes"`
	Add     []string       `json:"add"`
	Remove  []string       `json:"remove"`
	Forget  []string       `json:"forget"`  // remembered as ours, gone since
	Stay    []string       `json:"stay"`    // nodes that remain
	Unsure  []string       `json:"unsure"`  // nodes that are left out because nothing certain is known
	Labels  []string       `json:"labels"`  // nodes that must be labelled first
	Strands string         `json:"strands"` // why it would not find its place, "" where it does
	Unknown string         `json:"unknown"`
	Command string         `json:"command"`
	Applied bool           `json:"applied"`
	Error   string         `json:"error"`
	Tried   bool           `json:"-"` // the error is of the change itself, which the engine may have made all the same
}

// SwarmConstrain is the answer of swarm constrain.
type SwarmConstrain struct {
	Facts    FactsInfo          `json:"facts"`
	Undo     bool               `json:"undo"`
	Services []SwarmConstraints `json:"services"`
}

// SwarmConstrainText writes which nodes remain, then the change as a diff.
func SwarmConstrainText(w io.Writer, c *SwarmConstrain, s Style, apply bool) {
	changes, failed := false, false
	for i := range c.Services {
		v := &c.Services[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s\n", s.paint(bold, v.Service), s.paint(dim, v.Image))
		swarmVerdicts(w, v.Nodes, s)
		failed = failed || v.Error != ""
		if v.Unknown != "" {
			fmt.Fprintln(w, "  "+s.paint(yellow, v.Unknown))
			continue
		}
		if !c.Undo {
			remain := "none"
			if len(v.Stay) > 0 {
				remain = strings.Join(v.Stay, ", ")
			}
			fmt.Fprintln(w, "  remain: "+remain)
		}
		if len(v.Unsure) > 0 {
			fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+"left out, as nothing certain is known: "+strings.Join(v.Unsure, ", "))
		}
		if v.Strands != "" {
			fmt.Fprintln(w, "  "+s.paint(red, "! ")+v.Strands)
		}
		for _, t := range v.Remove {
			fmt.Fprintln(w, s.paint(red, "  - "+t))
		}
		for _, t := range v.Add {
			fmt.Fprintln(w, s.paint(green, "  + "+t))
		}
		for _, t := range v.Forget {
			fmt.Fprintln(w, "  forgotten, as somebody else has taken it away: "+t)
		}
		switch {
		case len(v.Labels) > 0:
			fmt.Fprintf(w, "  %snot as they should be: the labels of %s (winmatch swarm label --apply)\n", s.paint(red, "! "), strings.Join(v.Labels, ", "))
		case v.Error != "":
			fmt.Fprintln(w, "  "+s.paint(red, notChanged(v.Tried)+v.Error))
		case v.Command == "" && c.Undo:
			fmt.Fprintln(w, "  no constraint of winmatch's")
			continue
		case v.Command == "" && v.Strands != "":
			fmt.Fprintln(w, "  no constraint would help")
			continue
		case v.Command == "":
			fmt.Fprintln(w, "  its constraints are right")
			continue
		default:
			fmt.Fprintln(w, "  "+s.paint(dim, v.Command))
		}
		changes = true
	}
	if changes && !failed {
		done(w, apply)
	}
}

// notChanged begins what is said of a change that failed. One that was sent may
// have been made: its answer may be all that was lost.
func notChanged(tried bool) string {
	if tried {
		return "failed: "
	}
	return "not changed: "
}

// SwarmContainer is a container and the isolation that it really has.
type SwarmContainer struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Image     string `json:"image"`
	Running   bool   `json:"running"`
	Isolation string `json:"isolation"`
	OSVersion string `json:"osVersion"`
	Newer     bool   `json:"newerThanHost"`
}

// SwarmIsolate is the answer of swarm isolate.
type SwarmIsolate struct {
	File       string           `json:"file"`
	Before     string           `json:"before"`
	After      string           `json:"after"`
	New        bool             `json:"new"` // there was no such file
	Changes    bool             `json:"changes"`
	Validated  bool             `json:"validated"` // by dockerd --validate
	Applied    bool             `json:"applied"`
	Backup     string           `json:"backup"`
	Restart    []string         `json:"restart"` // PowerShell
	Engine     string           `json:"engine"`  // the default that the engine has now, "" where it was not asked
	Containers []SwarmContainer `json:"containers"`
	Warnings   []string         `json:"warnings"`

	Text [2]string `json:"-"` // before and after
}

// SwarmIsolateText writes the change as a diff, what containers have, and how to
// restart the engine.
func SwarmIsolateText(w io.Writer, i *SwarmIsolate, s Style) {
	if !i.Changes {
		fmt.Fprintf(w, "%s  isolation is %s already\n", s.paint(bold, i.File), i.After)
	} else {
		name := i.File
		if i.New {
			name = "nothing"
		}
		fmt.Fprintf(w, "%s\n%s\n", s.paint(red, "--- "+name), s.paint(green, "+++ "+i.File))
		lineDiff(w, i.Text[0], i.Text[1], s)
	}
	if len(i.Containers) > 0 {
		rows := [][]string{}
		for _, c := range i.Containers {
			state := "stopped"
			if c.Running {
				state = "running"
			}
			rows = append(rows, []string{c.Name, state, c.Isolation, c.Image, c.OSVersion})
		}
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Containers"))
		table(w, "  ", rows)
	}
	for _, t := range i.Warnings {
		fmt.Fprintln(w, s.paint(yellow, "! ")+t)
	}
	if !i.Changes {
		return
	}
	done(w, i.Applied)
	if i.Backup != "" {
		fmt.Fprintln(w, "the old file is "+i.Backup)
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Then restart the engine, in PowerShell; its containers stop meanwhile"))
	for _, c := range i.Restart {
		fmt.Fprintln(w, "  "+s.paint(green, c))
	}
}

// lineDiff writes the lines that differ: those between what both begin and end
// with.
func lineDiff(w io.Writer, before, after string, s Style) {
	lines := func(t string) []string {
		if t = strings.ReplaceAll(t, "\r\n", "\n"); t == "" {
			return nil
		}
		return strings.Split(strings.TrimSuffix(t, "\n"), "\n")
	}
	a, b := lines(before), lines(after)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for _, l := range a {
		fmt.Fprintln(w, s.paint(red, "-"+l))
	}
	for _, l := range b {
		fmt.Fprintln(w, s.paint(green, "+"+l))
	}
}
