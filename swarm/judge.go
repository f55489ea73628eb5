package swarm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Image is what is known of a service's image.
type Image struct {
	compat.Image
	Reference  string
	Digest     string // of what the reference points at, "" where not known
	Basis      image.Basis
	Missing    compat.Reason                           // set where it is known that there is none, or none for Windows
	Candidates func(winver.Version) []compat.Candidate // its siblings for a host; may be nil
}

// Windows reports whether the image holds a Windows, as far as it is known.
func (m *Image) Windows() bool {
	for i := range m.Children {
		if m.Children[i].OS == "windows" {
			return true
		}
	}
	return false
}

// other reports whether the image holds one for another operating system.
func (m *Image) other(os string) bool {
	for i := range m.Children {
		if m.Children[i].OS == os {
			return true
		}
	}
	return false
}

// onlyFor is the one operating system that the image is for; "" where it is for
// several, or that is not known.
func (m *Image) onlyFor() string {
	os := ""
	for i := range m.Children {
		switch c := &m.Children[i]; {
		case c.OS == "unknown" || c.OS == os: // an attestation is no image
		case os != "" || c.OS == "":
			return ""
		default:
			os = c.OS
		}
	}
	return os
}

// platforms are those that docker records in a service, as the registry tells
// them, so that the scheduler heeds them. None where nothing is known of the image:
// docker then records none.
// https://github.com/moby/moby/blob/b985e231/client/service_create.go
func (m *Image) platforms() []Platform {
	var list []Platform
	for i := range m.Children {
		p := Platform{m.Children[i].OS, m.Children[i].Architecture}
		if p.OS == "unknown" || p.Architecture == "unknown" {
			continue
		}
		if strings.EqualFold(p.Architecture, "arm") {
			p.Architecture = ""
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// By says what a judgement rests on.
type By string

// What a judgement rests on.
const (
	ByVerdict  By = "verdict"  // the core, from both versions
	ByRunning  By = "running"  // a task of this image runs there
	ByFailure  By = "failure"  // Windows refused this image there
	ByPlatform By = "platform" // the operating systems differ
	ByNothing  By = ""         // a version is missing
)

// Judgement is whether a node can run a service's image.
type Judgement struct {
	Node    *Node
	Answer  compat.Answer
	By      By
	Why     string
	Blocked string // why the scheduler does not use the node now; "" where it may
	Barred  bool   // Blocked is a constraint or a platform: it does not pass by itself

	ruling *ruling // nil where the core was not asked
}

// Judge judges a service on every node.
func (s *State) Judge(f *facts.Facts, v *Service, m *Image, today facts.Date) []Judgement {
	out := make([]Judgement, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		j := s.judge(f, v, n, m, today)
		j.Blocked, j.Barred = v.Blocked(n), v.excluded(n) != ""
		out = append(out, j)
	}
	return out
}

// judge judges a service on one node. What was seen there comes first, unless
// the node has changed since.
func (s *State) judge(f *facts.Facts, v *Service, n *Node, m *Image, today facts.Date) Judgement {
	j := Judgement{Node: n}
	w := &n.Windows
	no, yes := false, false // by the core
	if n.OS == "windows" && w.Version.IsValid() && len(m.Children) > 0 {
		j.ruling = s.rule(f, v, n, m, today)
		no, yes = j.ruling.verdict.Answer == compat.No, j.ruling.verdict.Answer == compat.Yes
	}
	failed := v.mismatch(f, n)
	switch {
	case v.RunsOn[n.ID]:
		j.Answer, j.By, j.Why = compat.Yes, ByRunning, "it runs there"
		if no {
			j.Why = "it runs there, although by its version it should not: the version may be out of date, or the node isolates by Hyper-V"
		}
	case n.OS != "windows":
		j.Answer, j.By = compat.Yes, ByPlatform
		if len(m.Children) == 0 && m.Missing.Text == "" {
			j.Answer, j.Why = compat.Unknown, "what is in the image is not known"
		} else if len(m.Children) > 0 && !m.other(n.OS) {
			j.Answer, j.Why = compat.No, "the node runs "+n.OS+", the image does not"
		}
	case failed != nil && !yes:
		j.Answer, j.By, j.Why = compat.No, ByFailure, "Windows refused it there at "+failed.Last.UTC().Format(time.DateTime)
		if no && j.ruling.reason != "" {
			j.By, j.Why = ByVerdict, j.ruling.reason
		}
	case failed != nil:
		j.Answer, j.By = compat.Risky, ByFailure
		j.Why = fmt.Sprintf("by their versions it runs there (the node's is by %s), but Windows refused it at %s", w.Source, failed.Last.UTC().Format(time.DateTime))
	case m.Missing.Text != "":
		j.Answer, j.By, j.Why = compat.No, ByVerdict, m.Missing.Text
	case w.Doubt != "":
		j.Why = w.Doubt
	case !w.Version.IsValid():
		j.Why = "which Windows it has is not known"
	case len(m.Children) == 0:
		j.Why = "which Windows is in the image is not known"
	default:
		j.Answer, j.By, j.Why = j.ruling.verdict.Answer, ByVerdict, j.ruling.reason
	}
	return j
}

// Remedies are those of the core against a verdict of no; none where it was not
// asked.
func (j *Judgement) Remedies(f *facts.Facts, m *Image) []compat.Remedy {
	if j.ruling == nil {
		return nil
	}
	return j.ruling.against(f, m)
}

// mismatch is the latest task of the service whose error on a node is one of
// versions.
func (v *Service) mismatch(f *facts.Facts, n *Node) *Group {
	for _, g := range v.Groups { // the latest first
		if g.Node != n.ID || g.Waits {
			continue
		}
		for _, d := range g.diagnoses(f) {
			if d.Cause == diagnose.Mismatch && d.Confidence == diagnose.Certain || d.Cause == diagnose.Mismatch && d.Host.IsValid() {
				return g
			}
		}
	}
	return nil
}

// diagnoses are what the core reads out of the group's error.
func (g *Group) diagnoses(f *facts.Facts) []diagnose.Diagnosis {
	if !g.read {
		if g.reader == nil {
			g.reader = &reader{}
		}
		g.found, g.read = g.reader.read(g.Error, f), true
	}
	return g.found
}
