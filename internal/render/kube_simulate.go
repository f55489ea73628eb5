package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// KubeSimulate is the answer of kube simulate.
type KubeSimulate struct {
	Facts     FactsInfo               `json:"facts"`
	Cluster   KubeCluster             `json:"cluster"`
	Change    []string                `json:"change"` // what is to happen, in words
	Nodes     []KubeNodeChange        `json:"nodes"`
	Summary   KubeSimulateSummary     `json:"summary"`
	Workloads []KubeSimulatedWorkload `json:"workloads"`
	Unseen    []KubeUnseen            `json:"unseen"`
	Notes     []string                `json:"notes"`
}

// KubeSimulateSummary counts workloads.
type KubeSimulateSummary struct {
	Workloads int            `json:"workloads"`
	Broken    int            `json:"broken"`
	LastNode  int            `json:"lastNode"`
	Outcomes  map[string]int `json:"outcomes"`
}

// KubeNodeChange is what becomes of a node.
type KubeNodeChange struct {
	Name   string         `json:"name"`
	Fate   string         `json:"fate"`
	Before *KubeNodeState `json:"before"`
	After  *KubeNodeState `json:"after"`
}

// KubeNodeState is what a node is.
type KubeNodeState struct {
	Host    Host    `json:"host"`
	Runtime Runtime `json:"runtime"`

	HostName string `json:"-"`
}

// KubeSimulatedWorkload is what becomes of a workload.
type KubeSimulatedWorkload struct {
	Owner    KubeOwner       `json:"owner"`
	Outcome  string          `json:"outcome"`
	Before   string          `json:"before"`
	Broken   bool            `json:"broken"`
	LastNode bool            `json:"lastNode"`
	Pods     int             `json:"pods"`
	Moved    int             `json:"moved"`
	Pending  int             `json:"pending"`
	Waiting  int             `json:"waiting"`
	Evicted  int             `json:"evicted"`
	Image    string          `json:"image"`
	Text     string          `json:"text"`
	Why      string          `json:"why"`
	Places   []KubePlace     `json:"places"`
	Was      []KubePlace     `json:"placesBefore"`
	Put      []KubePlacement `json:"placements"`
	Remedies []compat.Remedy `json:"remedies"`
}

// KubePlacement is where a pod would go.
type KubePlacement struct {
	Pod    string         `json:"pod"`
	Node   string         `json:"node"`
	Answer *compat.Answer `json:"answer"` // null where it goes nowhere
}

// KubeSimulateText writes it for people: what changes, what breaks, then the rest.
func KubeSimulateText(w io.Writer, d *KubeSimulate, s Style) {
	kubeChanges(w, d)
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, d.Headline()))
	var rest [][]string
	for i := range d.Workloads {
		v := &d.Workloads[i]
		if v.quiet() && !s.Verbose {
			rest = append(rest, []string{s.paint(outcomeColor(v.Outcome), v.Outcome), v.Owner.String(), v.counts(), v.remark()})
			continue
		}
		fmt.Fprintln(w)
		kubeSimulated(w, v, s)
	}
	if len(rest) > 0 {
		fmt.Fprintln(w)
		table(w, "", rest)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(w, "\n%s %s", s.paint(bold+";"+blue, "note"), n)
	}
	if len(d.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, u := range d.Unseen {
		fmt.Fprintf(w, "\n%s %s\n", s.paint(bold+";"+blue, "not seen"), u.text())
	}
}

// quiet reports whether a workload is told of in a line.
func (v *KubeSimulatedWorkload) quiet() bool { return !v.Broken && !v.LastNode }

// Headline says in a line what a change does.
func (d *KubeSimulate) Headline() string {
	switch n := d.Summary.Broken; {
	case len(d.Workloads) == 0:
		return "there are no workloads"
	case n == 0:
		return fmt.Sprintf("nothing breaks: %s", kubeWorkloads(len(d.Workloads)))
	default:
		var parts []string
		count := map[string]int{}
		for i := range d.Workloads {
			if v := &d.Workloads[i]; v.Broken {
				count[v.Outcome]++
			}
		}
		for _, o := range [...]struct{ outcome, one, more string }{{"fails", "fails", "fail"}, {"pending", "is pending", "are pending"}, {"lost", "is lost", "are lost"},
			{"no-nodes", "has no nodes", "have no nodes"}, {"at-risk", "is at risk", "are at risk"}} {
			switch count[o.outcome] {
			case 0:
			case 1:
				parts = append(parts, "1 "+o.one)
			default:
				parts = append(parts, fmt.Sprintf("%d %s", count[o.outcome], o.more))
			}
		}
		s := fmt.Sprintf("it breaks %d of %s: %s", n, kubeWorkloads(len(d.Workloads)), strings.Join(parts, ", "))
		if d.Summary.LastNode > 0 {
			s += fmt.Sprintf("; %d lose their last node", d.Summary.LastNode)
			if d.Summary.LastNode == 1 {
				s = strings.Replace(s, "1 lose their", "1 loses its", 1)
			}
		}
		return s
	}
}

func kubeWorkloads(n int) string {
	if n == 1 {
		return "1 workload"
	}
	return fmt.Sprintf("%d workloads", n)
}

// kubeChanges are the nodes that change, alike ones on one line.
func kubeChanges(w io.Writer, d *KubeSimulate) {
	if rows := d.nodeRows(); len(rows) > 1 {
		table(w, "", rows)
	}
}

// changes are the kinds of nodes that change: their names, what they are, and what
// they become.
func (d *KubeSimulate) changes() [][3]string {
	type kind [2]string
	var kinds []kind
	count, example := map[kind]int{}, map[kind]string{}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		k := kind{n.Before.text("-"), n.After.text("goes")}
		if n.Fate == "comes" {
			k[0] = "comes"
		}
		if count[k]++; count[k] == 1 {
			kinds = append(kinds, k)
			example[k] = n.Name
		}
	}
	var rows [][3]string
	for _, k := range kinds {
		name := example[k]
		if n := count[k]; n > 1 {
			name = fmt.Sprintf("%s and %d more", name, n-1)
		}
		rows = append(rows, [3]string{name, k[0], k[1]})
	}
	return rows
}

func (n *KubeNodeState) text(none string) string {
	if n == nil {
		return none
	}
	name := n.HostName
	if n.Host.Version.IsValid() {
		name += " (" + n.Host.Version.Short() + ")"
	}
	if n.Runtime.Name != "" {
		name += ", " + strings.TrimSpace(n.Runtime.Name+" "+n.Runtime.Version)
	}
	return name
}

func outcomeColor(outcome string) string {
	switch outcome {
	case "fails", "pending", "lost", "no-nodes":
		return bold + ";" + red
	case "at-risk", "risky":
		return bold + ";" + yellow
	case "unknown":
		return bold + ";" + blue
	}
	return bold + ";" + green
}

// counts says how many pods it is about.
func (v *KubeSimulatedWorkload) counts() string {
	s := "no pods now"
	switch {
	case v.Pods == 1:
		s = "1 pod"
	case v.Pods > 1:
		s = fmt.Sprintf("%d pods", v.Pods)
	}
	if again := v.Moved - v.Waiting; again > 0 {
		s += fmt.Sprintf(", %d made anew", again)
	}
	if v.Evicted > 0 {
		s += fmt.Sprintf(", %d evicted for a higher priority", v.Evicted)
	}
	return s
}

// remark says what a line must say beside the outcome.
func (v *KubeSimulatedWorkload) remark() string {
	if v.Outcome == "runs" {
		if v.Before != "runs" {
			return "now " + v.Before
		}
		return ""
	}
	if v.Before == v.Outcome {
		return "as before: " + v.Text
	}
	return "now " + v.Before + ": " + v.Text
}

func kubeSimulated(w io.Writer, v *KubeSimulatedWorkload, s Style) {
	fmt.Fprintf(w, "%s%s%s\n", s.paint(outcomeColor(v.Outcome), pad(v.Outcome, 9)), s.paint(bold, v.Owner.String()), s.paint(dim, "  "+v.counts()+v.was()))
	indent := strings.Repeat(" ", 9)
	if v.Image != "" {
		fmt.Fprintln(w, indent+v.Image)
	}
	if v.Text != "" {
		fmt.Fprintln(w, indent+v.Text)
	}
	if v.LastNode {
		fmt.Fprintln(w, indent+v.lastNode())
	}
	if len(v.Places) > 1 || s.Verbose {
		table(w, indent+"  ", v.placeRows())
	}
	if s.Verbose {
		for _, p := range v.Put {
			to := p.Node
			if to == "" {
				to = "nowhere"
			}
			fmt.Fprintf(w, "%s%s → %s\n", indent, p.Pod, to)
		}
	}
	for i, r := range v.Remedies {
		if i == 3 && !s.Verbose {
			break
		}
		fmt.Fprintln(w, indent+s.paint(bold, "→ "+r.Text))
	}
}

// placesText are the places that run a workload.
func placesText(list []KubePlace) string {
	var out []string
	for _, p := range list {
		if p.Answer == compat.Yes || p.Answer == compat.Risky {
			out = append(out, fmt.Sprintf("%s of %s", nodes(p.Count), p.system()))
		}
	}
	return strings.Join(out, ", ")
}

func (p *KubePlace) system() string {
	switch {
	case p.Host.Version.IsValid():
		return p.Host.Version.Short()
	case p.HostName != "":
		return p.HostName
	}
	return "not known"
}
