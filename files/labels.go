package files

import (
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// The rules about runners.
const (
	RuleRunnerRetired   = "runner-retired"
	RuleRunnerContainer = "container-on-windows-runner"
)

// labelHost is the host behind a label of a service's own, at the place where
// the label stands. Where the revision decides, on Windows Server 2016, it is the
// one that the runners last had; others are renewed every week, ahead of what
// the facts have seen.
func labelHost(f *facts.Facts, service string, l *facts.Label, at Span) Host {
	h := Host{At: at, Host: winver.Host{Version: winver.OfBuild(l.Build), Edition: winver.Server, Confidence: winver.Certain, Evidence: l.Name}}
	if r := winver.ReleaseOf(f, l.Build, winver.Server); r != nil {
		h.Release = r.ID
	}
	if r := f.Runner(l.Build); r != nil && l.Build == winver.LTSC2016 {
		h.Version = h.Version.WithRevision(r.Revision)
	}
	if !at.IsZero() {
		h.Label = func(to winver.Host) (string, bool) { return labelOf(f, service, to.Version.Build) }
	}
	return h
}

// labelOf is a service's label for a build.
func labelOf(f *facts.Facts, service string, build uint32) (string, bool) {
	for i := range f.Labels {
		if l := &f.Labels[i]; l.Service == service && l.Build == build && l.Retired == 0 && !strings.HasSuffix(l.Name, "-latest") {
			return l.Name, true
		}
	}
	return "", false
}

// successor is the label of the oldest Windows that is newer than a retired one's.
func successor(f *facts.Facts, old *facts.Label) *facts.Label {
	var best *facts.Label
	for i := range f.Labels {
		l := &f.Labels[i]
		if l.Service == old.Service && l.Retired == 0 && l.Build > old.Build && !strings.HasSuffix(l.Name, "-latest") && (best == nil || l.Build < best.Build) {
			best = l
		}
	}
	return best
}

// retired is the finding of a label whose runners have ended. at is where it
// stands, more are other places that must stay the same text, others are the
// labels that it is used in turn with. It has a fix where no condition in the
// file asks for the label.
func (y *yamlFile) retired(l *facts.Label, at Span, more []Span, others []string) Finding {
	f := Finding{Rule: RuleRunnerRetired, At: at, Source: l.Source,
		Message: "there are no " + l.Name + " runners any more, since " + l.Retired.String()}
	next := successor(y.in.Facts, l)
	if next == nil {
		return f
	}
	f.Hint = "use " + next.Name
	for _, o := range others {
		if strings.EqualFold(o, next.Name) {
			f.Hint = "take it out: " + next.Name + " is there too"
			return f
		}
	}
	if at.IsZero() || string(y.Src[at.Start:at.End]) != l.Name && !strings.EqualFold(string(y.Src[at.Start:at.End]), l.Name) || y.compared(l.Name) {
		return f
	}
	for _, s := range append([]Span{at}, more...) {
		if s.IsZero() {
			f.Fix = nil
			return f
		}
		f.Fix = append(f.Fix, Edit{s.Start, s.End, next.Name})
	}
	return f
}

// compared reports whether a condition in the file compares something with a
// label.
func (y *yamlFile) compared(label string) bool {
	for _, src := range append([]string{string(y.Src)}, y.others...) {
		for line := range strings.Lines(src) {
			if strings.Contains(line, "'"+label+"'") && (strings.Contains(line, "==") || strings.Contains(line, "!=") || strings.Contains(line, "(")) {
				return true
			}
		}
	}
	return false
}

// labelSpan is where a value stands, zero where it is put together.
func labelSpan(v value) Span {
	if len(v.parts) == 1 {
		return v.parts[0].At
	}
	return Span{}
}
