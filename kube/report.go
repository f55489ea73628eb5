package kube

import (
	"sort"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Code names a kind of finding. The names are part of the command line's contract.
type Code string

// The findings about workloads, the worst first.
const (
	Failed  Code = "failed"  // a pod failed because of a version
	Waiting Code = "waiting" // a pod waits for a version that no node has
	NoNode  Code = "no-node" // of the nodes that it may be put on none can run it
	AtRisk  Code = "at-risk" // some can run it, some cannot
	WrongOS Code = "wrong-os"
	Shaky   Code = "risky"   // the layers of a verdict differ
	Unknown Code = "unknown" // it could not be decided
)

// The findings about nodes.
const (
	LabelLies         Code = "label-lies"
	LabelStale        Code = "label-stale" // of this project's own
	OutOfSupport      Code = "out-of-support"
	RuntimeNotForHost Code = "runtime-not-for-host"
	ClientNotANode    Code = "client-not-a-node"
	VersionUnknown    Code = "version-unknown"
)

// Level is how bad a finding is.
type Level uint8

// The levels.
const (
	Note    Level = iota // not decided, or a doubt
	Warning              // it may fail
	Bad                  // it fails
)

// String names the level as the JSON output and SARIF do.
func (l Level) String() string { return [...]string{"note", "warning", "error"}[l] }

// MarshalText writes the level as String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Level returns how bad a kind of finding is.
func (c Code) Level() Level {
	switch c {
	case Failed, Waiting, NoNode:
		return Bad
	case Shaky, Unknown, VersionUnknown:
		return Note
	}
	return Warning
}

// Undecided reports whether a finding says that something is not known.
func (c Code) Undecided() bool { return c == Unknown || c == VersionUnknown }

// Report is what is wrong in a cluster.
type Report struct {
	Nodes    []NodeReport // the Windows nodes, by name
	Linux    int          // nodes of other systems
	Pods     int
	Findings []Finding // about workloads, the worst first
	Unseen   []Unseen
	Notes    []string // why a registry did not tell
}

// NodeReport is a Windows node and what is wrong with it.
type NodeReport struct {
	*Node
	SupportEnds facts.Date // 0 where it is not known
	Findings    []NodeFinding
}

// NodeFinding is something that is wrong with a node.
type NodeFinding struct {
	Code Code
	Text string
}

// Finding is something that is wrong with a workload.
type Finding struct {
	Code     Code
	Owner    Owner
	Pods     int      // that are there now; 0 where the template was judged
	Examples []string // names of pods that it was seen on, at most 3
	Image    string   // the reference; "" where the finding is about the whole pod
	Basis    image.Basis
	Versions []winver.Version // the image's Windows versions, as far as they are known
	Text     string           // what is wrong, in a line
	Failures []Failure
	Places   []Place // where the workload may be put, and what would happen there
	Reasons  []diagnose.Reason
	Remedies []compat.Remedy
}

// Failure is one kind of error that pods of a workload met.
type Failure struct {
	diagnose.Finding
	Container string
	Pods      int
	Nodes     []string // at most maxNames
	Message   string   // as the cluster has it, shortened
}

// Place is one kind of Windows nodes on which a workload may be put.
type Place struct {
	Host    winver.Host
	Runtime compat.Runtime
	Answer  compat.Answer
	Code    string // the first reason's, or ""
	Text    string // the first reason
	Seen    bool   // the image was seen to run, or to fail, on this build
	Count   int
	Nodes   []string // at most maxNames of them
	Windows bool     // false where a simulation puts it on another system
}

// maxNames bounds the names of nodes of one entry.
const maxNames = 20

// sortFindings puts the worst first.
func sortFindings(list []Finding) {
	rank := map[Code]int{Failed: 0, Waiting: 1, NoNode: 2, AtRisk: 3, WrongOS: 4, Shaky: 5, Unknown: 6}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		switch {
		case rank[a.Code] != rank[b.Code]:
			return rank[a.Code] < rank[b.Code]
		case a.Owner.Namespace != b.Owner.Namespace:
			return a.Owner.Namespace < b.Owner.Namespace
		case a.Owner.Name != b.Owner.Name:
			return a.Owner.Name < b.Owner.Name
		case a.Owner.Kind != b.Owner.Kind:
			return a.Owner.Kind < b.Owner.Kind
		}
		return a.Image < b.Image
	})
}
