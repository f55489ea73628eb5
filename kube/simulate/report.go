package simulate

import (
	"slices"
	"sort"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/kube"
)

// Outcome is what becomes of a workload. The names are part of the command line's
// contract.
type Outcome string

// The outcomes, the best first.
const (
	Runs    Outcome = "runs"     // every node that it may be put on runs it
	Risky   Outcome = "risky"    // it runs, but the layers of a verdict differ
	Unknown Outcome = "unknown"  // whether it runs is not known
	AtRisk  Outcome = "at-risk"  // some nodes that it may be put on do not run it
	NoNode  Outcome = "no-nodes" // a DaemonSet of which no node is left
	Lost    Outcome = "lost"     // nobody makes its pod anew
	Pending Outcome = "pending"  // there is no node, or no room, for its pods
	Fails   Outcome = "fails"    // no node that it may be put on runs it
)

// order is from good to bad.
var order = [...]Outcome{Runs, Risky, Unknown, AtRisk, NoNode, Lost, Pending, Fails}

func (o Outcome) rank() int { return slices.Index(order[:], o) }

// Report is what a change does to a cluster.
type Report struct {
	Nodes     []NodeChange // by name
	Pods      int          // of the cluster
	Workloads []Workload   // the worst first
	Unseen    []kube.Unseen
	Notes     []string
}

// Workload is what becomes of one workload.
type Workload struct {
	kube.Owner
	Labels   labels.Set // of its pods
	Outcome  Outcome
	Before   Outcome // without the change, by the same rules
	Broken   bool    // by the change: it was better before
	LastNode bool    // it had a node that runs it, and has none any more

	Pods    int // that it has now; 0 where its template was judged
	Moved   int // pods that are made anew
	Pending int // pods that find no room, as simulated
	Waiting int // pods that wait now
	Evicted int // pods that leave their nodes for ones of higher priority, as simulated

	Text     string       // what is wrong, in a line; "" where nothing is
	Why      string       // why pods are pending, in the scheduler's words
	Image    string       // the image that Text is about, or ""
	Places   []kube.Place // the nodes that it may be put on, by kind, after the change
	Was      []kube.Place // the same, before it
	Put      []Placement  // the pods that are made anew, and where they would go
	Remedies []compat.Remedy

	nodes map[string]compat.Answer // that it may be put on, after the change
}

// May reports whether one of the workload's pods may be put on a node, after the
// change.
func (w *Workload) May(node string) (compat.Answer, bool) {
	a, ok := w.nodes[node]
	return a, ok
}

// Placement is where a pod would go.
type Placement struct {
	Pod    string
	Node   string // "": nowhere
	Answer compat.Answer
}

// Broken reports whether the change breaks anything.
func (r *Report) Broken() bool {
	return slices.ContainsFunc(r.Workloads, func(w Workload) bool { return w.Broken })
}

// Undecided reports whether something that the change touches is not known.
func (r *Report) Undecided() bool {
	return len(r.Unseen) > 0 || slices.ContainsFunc(r.Workloads, func(w Workload) bool { return w.Outcome == Unknown && w.Before != Unknown })
}

func (r *Report) sort() {
	sort.SliceStable(r.Workloads, func(i, j int) bool {
		a, b := &r.Workloads[i], &r.Workloads[j]
		switch {
		case a.Broken != b.Broken:
			return a.Broken
		case a.Outcome != b.Outcome:
			return a.Outcome.rank() > b.Outcome.rank()
		case a.Namespace != b.Namespace:
			return a.Namespace < b.Namespace
		case a.Name != b.Name:
			return a.Name < b.Name
		}
		return a.Kind < b.Kind
	})
}
