package winver

import (
	"slices"
	"strings"
)

// This file finds the container runtimes that node lists print beside the
// hosts.

// runtimeClue is the runtime that a line names.
type runtimeClue struct {
	name string // "containerd://1.6.21"
	line int
	row  bool // the host stands on the same line: kubectl get nodes -o wide
}

// runtimeLabels are the fields of a node's status (lower case): of -o json and
// -o yaml, and of kubectl describe node.
var runtimeLabels = [...]string{"containerruntimeversion", "container runtime version"}

// maxField is how many lines may be between a node's runtime and its version
// in a node's status.
const maxField = 6

// runtime notes the container runtime that a line names, beside a host (row)
// or in a field of its own.
func (s *scanner) runtime(l string, row bool) {
	i := strings.Index(l, "://")
	if i < 0 {
		return
	}
	start := i
	for start > 0 && (letter(l[start-1]) || l[start-1] == '-') {
		start--
	}
	switch l[start:i] {
	case "containerd", "docker", "cri-o":
	default:
		return
	}
	if !row {
		label := strings.TrimRight(l[:start], " \t:=\"'")
		if !slices.ContainsFunc(runtimeLabels[:], func(w string) bool { return strings.HasSuffix(label, w) }) {
			return // the runtime of a node that runs something else
		}
	}
	end := i + len("://")
	for end < len(l) && (alnum(l[end]) || strings.IndexByte(".+-~", l[end]) >= 0) {
		end++
	}
	s.runtimes = append(s.runtimes, runtimeClue{l[start:end], s.n, row})
}

// runtimeOf gives each runtime to the host it stands beside.
func (s *scanner) runtimeOf() {
	for i := range s.runtimes {
		r := &s.runtimes[i]
		h, d := s.nearestHost(r.line)
		if h < 0 || d > maxField || r.row && d > 0 {
			continue
		}
		if m := &s.made[h]; !slices.Contains(m.runtimes, r.name) {
			m.runtimes = append(m.runtimes, r.name)
		}
	}
}
