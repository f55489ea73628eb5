package compat

import (
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Isolation is how a Windows container is kept apart from its host.
type Isolation uint8

// The isolation modes.
const (
	// DefaultIsolation is process on servers and in Kubernetes, Hyper-V on clients.
	// https://github.com/moby/moby/blob/b985e231/daemon/daemon_windows.go (setDefaultIsolation)
	DefaultIsolation Isolation = iota
	Process
	HyperV
)

// String names the isolation as Docker does.
func (i Isolation) String() string { return [...]string{"default", "process", "hyperv"}[i] }

// MarshalText writes the isolation as String does.
func (i Isolation) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// ParseIsolation reads "process", "hyperv" or "default", in any case, as
// Docker's --isolation does; ok is false for anything else.
func ParseIsolation(s string) (i Isolation, ok bool) {
	switch lower(s) {
	case "process":
		return Process, true
	case "hyperv", "hyper-v":
		return HyperV, true
	case "default", "":
		return DefaultIsolation, true
	}
	return DefaultIsolation, false
}

// Host is the Windows that is to run a container.
type Host struct {
	Version winver.Version
	Edition winver.Edition // unknown counts as a server
	ARM64   bool           // an ARM machine; else amd64
}

func (h Host) client() bool { return h.Edition == winver.Client }

// Child is an entry of an image index, or the image itself where there is none.
type Child struct {
	OS           string         // "windows", "linux", …
	Architecture string         // "amd64", …; "" is taken for amd64
	OSVersion    string         // os.version as it stands there, "" where missing
	Version      winver.Version // OSVersion parsed; invalid where that is missing or malformed
	Digest       string         // "sha256:…", "" where not known
}

func (c *Child) windows() bool {
	return c.OS == "windows" && (c.Architecture == "amd64" || c.Architecture == "")
}

// Image is what a reference holds.
type Image struct {
	Children []Child // in the order of the index; none: nothing is known
	// Manifest is set where the reference is known to lead to a single
	// manifest, not to an index: containerd then does not compare versions.
	Manifest bool
	// MayHaveMoved is set where the children are a recorded observation of a
	// tag, which may stand for others by now.
	MayHaveMoved bool
	// Floor is the lowest version that a tag which moves with every Patch
	// Tuesday can stand for; invalid where there is none.
	Floor winver.Version
}

// Question is one host and one image, and how they are to meet.
type Question struct {
	Host      Host
	Image     Image
	Isolation Isolation
	Runtime   Runtime
	// Kubernetes: a pod on a node. Its isolation is process, and clients are
	// no nodes.
	Kubernetes bool
	// HostProcess: a Kubernetes HostProcess container, which uses the host's
	// own files.
	HostProcess bool
	// AsOf asks what the documentation said on a day; 0: what it says now.
	AsOf facts.Date
	// Today decides what is out of support; 0: AsOf, or the day of the facts.
	Today facts.Date
}

// Answer is the verdict in a word.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota // a needed fact is missing
	Yes                   // Windows and the runtime will run it, and the documentation does not object
	Risky                 // the three layers differ
	No                    // Windows or the runtime will not run it
)

// String names the answer as the JSON output does.
func (a Answer) String() string { return [...]string{"unknown", "yes", "risky", "no"}[a] }

// MarshalText writes the answer as String does.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Outcome is what is predicted of a step.
type Outcome uint8

// The outcomes: accepted or refused of a pull, runs or fails of a start.
const (
	OutcomeUnknown Outcome = iota
	Passes
	Fails
)

// Code is a Windows error code of the Host Compute Service.
type Code uint32

// ImageMismatch is ERROR_VMCOMPUTE_IMAGE_MISMATCH; the name and value are from
// golang.org/x/sys/windows.
const ImageMismatch Code = 0xc0370101

// Verdict is the answer to a Question, and what it rests on. Reasons, Remedies
// and Message put it into words.
type Verdict struct {
	Answer     Answer
	Isolation  Isolation // resolved
	Runtime    Runtime   // resolved
	Child      int       // index of the child that the host takes, or that was judged; -1: none
	Documented facts.Support
	Pull       Outcome // OutcomeUnknown also where no runtime was asked about
	Start      Outcome
	Code       Code // what the failing start reports, 0: none
	Era        *Era // the runtime's rule; of a table that must not be changed

	reasons [maxReasons]ReasonCode
	n       uint8
}

const maxReasons = 12

func (v *Verdict) because(c ReasonCode) {
	for _, r := range v.reasons[:v.n] {
		if r == c {
			return
		}
	}
	if int(v.n) < len(v.reasons) {
		v.reasons[v.n] = c
		v.n++
	}
}

// Codes returns the reasons' codes, most important first.
func (v *Verdict) Codes() []ReasonCode { return v.reasons[:v.n] }

// Has reports whether a reason is among the verdict's.
func (v *Verdict) Has(c ReasonCode) bool {
	for _, r := range v.reasons[:v.n] {
		if r == c {
			return true
		}
	}
	return false
}

// Decide answers a question from facts. It reads no clock and allocates
// nothing.
func Decide(f *facts.Facts, q *Question) Verdict {
	v := Verdict{Isolation: q.Isolation, Runtime: q.Runtime.Resolve(q.Host.Version), Child: -1}
	if v.Isolation == DefaultIsolation {
		v.Isolation = Process
		if q.Host.client() && !q.Kubernetes {
			v.Isolation = HyperV
		}
	}
	v.Era = v.Runtime.Era()
	if !q.Host.Version.IsValid() {
		v.because(UnknownHost)
		return v
	}

	if len(q.Image.Children) == 0 {
		v.because(ImageUnknown)
		return v
	}
	if q.Host.ARM64 {
		v.Child = nearest(q.Image.Children, q.Host.Version)
		v.because(HostArchitecture)
		return v
	}
	if !v.pull(q) {
		v.Answer = No
		v.doubt(q)
		return v
	}
	child := &q.Image.Children[v.Child]
	v.document(f, q, child)
	v.start(f, q, child)
	v.weigh(f, q, child)
	v.support(f, q, child)
	return v
}

// weigh makes one answer of the layers.
func (v *Verdict) weigh(f *facts.Facts, q *Question, c *Child) {
	disagree := false
	switch {
	case v.Pull == Fails:
		v.Answer = No
		if !v.Has(RuntimeNotForHost) {
			v.refused(q)
		}
		disagree = v.Start == Passes && v.Documented >= facts.PreviewSupport
	case v.Start == Fails:
		v.Answer = No
		disagree = v.Documented >= facts.PreviewSupport
	case v.Start == OutcomeUnknown || v.Pull == OutcomeUnknown && v.Runtime.Engine != NoEngine:
		v.Answer = Unknown
	case v.Documented == facts.Unsupported:
		v.Answer = Risky
		disagree = true
		if q.Host.client() && v.Isolation == Process {
			v.first(ClientProcessDevelopmentOnly)
		}
	case v.Has(RevisionAheadOfHost):
		v.Answer = Risky
		v.first(RevisionAheadOfHost)
	default:
		v.Answer = Yes
		if q.Host.client() && v.Isolation == Process {
			v.because(ClientProcessDevelopmentOnly)
		}
	}
	if q.Kubernetes && q.Host.client() {
		v.because(ClientNotANode)
		if v.Answer == Yes {
			v.Answer = Risky
		}
	}
	if v.contradicted(f, q, c) {
		v.Answer = Risky
		v.first(ReportsDisagree)
		disagree = true
	}
	if v.takesOther(q) {
		v.because(RuntimeTakesOtherChild)
	}
	if disagree {
		v.because(SourcesDisagree)
	}
	if v.Pull == Passes && v.Era.Rule != RuleMobyClassic {
		v.because(RuntimeAcceptsPull)
	}
	v.doubt(q)
}

// doubt takes back what was said of a tag that may hold something else by now.
func (v *Verdict) doubt(q *Question) {
	if q.Image.MayHaveMoved {
		v.Answer = Unknown
		v.first(RecordMayBeOld)
	}
}

// first puts a reason before the others.
func (v *Verdict) first(c ReasonCode) {
	v.because(c)
	for i, r := range v.reasons[:v.n] {
		if r == c {
			copy(v.reasons[1:i+1], v.reasons[:i])
			v.reasons[0] = c
			return
		}
	}
}

// support notes what is out of support or not known.
func (v *Verdict) support(f *facts.Facts, q *Question, c *Child) {
	host := winver.ReleaseOf(f, q.Host.Version.Build, q.Host.Edition)
	image := winver.ReleaseOf(f, c.Version.Build, winver.Server)
	if host == nil || image == nil && c.Version.IsValid() {
		v.because(UnknownBuild)
	}
	if ended(f, q, host) || ended(f, q, image) {
		v.because(OutOfSupport)
	}
}

func ended(f *facts.Facts, q *Question, r *facts.Release) bool {
	if r == nil {
		return false
	}
	end := winver.EndOfSupport(r)
	return end != 0 && end < q.today(f)
}

func (q *Question) today(f *facts.Facts) facts.Date {
	switch {
	case q.AsOf != 0:
		return q.AsOf
	case q.Today != 0:
		return q.Today
	}
	return f.AsOf
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
