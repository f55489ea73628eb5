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

// Verdict is the answer to a Question, and what it rests on. It holds no
// pointers, so that deciding allocates nothing; Reasons, Remedies and Message
// put it into words.
type Verdict struct {
	Answer     Answer
	Isolation  Isolation // resolved
	Runtime    Runtime   // resolved
	Child      int       // index of the child that the host takes, or that was judged; -1: none
	Documented facts.Support
	Pull       Outcome // OutcomeUnknown also where no runtime was asked about
	Start      Outcome
	Code       Code // what the failing start reports, 0: none
	Era        Era  // the runtime's rule

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
	if !v.pull(q) {
		v.Answer = No
		return v
	}
	child := &q.Image.Children[v.Child]
	v.document(f, q, child)
	v.start(f, q, child)
	v.weigh(f, q, child)
	v.support(f, q, child)
	return v
}

// pull predicts which child the runtime takes and whether it takes any. It
// returns false where the image holds no Windows at all.
func (v *Verdict) pull(q *Question) bool {
	children, host := q.Image.Children, q.Host.Version
	best := nearest(children, host)
	if best < 0 {
		v.because(NotWindows)
		for i := range children {
			if children[i].OS == "windows" { // of another architecture
				v.n = 0
				v.because(NoChildForHost)
			}
		}
		v.Start = Fails
		if v.Runtime.Engine != NoEngine {
			v.Pull = Fails
		}
		return false
	}
	v.Child = best
	if v.Runtime.Engine == NoEngine {
		return true
	}
	if !v.Runtime.RunsOn(host) {
		v.Pull = Fails
		v.because(RuntimeNotForHost)
		return true
	}
	// A reference to a single manifest: containerd does not compare the
	// versions of what it was pointed at (containerd/containerd#8348), nothing
	// is known of Docker's containerd store, and classic Docker reads the config.
	if q.Image.Manifest && v.Runtime.Engine != Docker {
		v.Pull = Passes
		if v.Runtime.Engine == DockerContainerd && !v.Era.Rule.AllowsText(host, children[best].OSVersion) {
			v.Pull = OutcomeUnknown
		}
		return true
	}
	taken := choose(v.Era.Rule, v.Era.Order, children, host)
	other := taken
	if v.Era.Doubt != v.Era.Rule {
		other = choose(v.Era.Doubt, v.Era.Order, children, host)
	}
	switch {
	case taken >= 0 && taken == other:
		v.Pull = Passes
		v.Child = taken
	case taken < 0 && other < 0:
		v.Pull = Fails
	default:
		v.because(RuntimeRuleUnknown)
	}
	return true
}

// choose returns the index of the child that a rule and an order take, -1 for
// none.
func choose(rule Rule, order Order, children []Child, host winver.Version) int {
	best := -1
	for i := range children {
		c := &children[i]
		if !c.windows() || !rule.AllowsText(host, c.OSVersion) {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := &children[best]
		switch order {
		case OrderRevision:
			if stated(c) > stated(b) {
				best = i
			}
		case OrderHostBuild:
			if hasVersion(c.OSVersion, host) && !hasVersion(b.OSVersion, host) {
				best = i
			}
		case OrderString:
			if c.OSVersion > b.OSVersion {
				best = i
			}
		}
	}
	return best
}

// stated is the revision that the index states, 0 for none.
func stated(c *Child) uint32 {
	if c.OSVersion == "" {
		return 0
	}
	return revision(c)
}

func revision(c *Child) uint32 {
	r, _ := c.Version.Revision()
	return r
}

// nearest returns the Windows child that would do best on the host: of its own
// build (on Windows Server 2016 of its own revision), else the newest older
// one, else the oldest newer one, else one without a version; -1 for none.
func nearest(children []Child, host winver.Version) int {
	best, rank := -1, -1
	for i := range children {
		c := &children[i]
		if !c.windows() {
			continue
		}
		r := 0
		switch b := c.Version.Build; {
		case c.Version == host:
			r = 1 << 20
		case b == host.Build:
			r = 1 << 19
		case b == 0:
		case b < host.Build:
			r = 1<<17 + int(b)
		default:
			r = 1<<17 - int(b)
		}
		if r > rank || r == rank && revision(c) > revision(&children[best]) {
			best, rank = i, r
		}
	}
	return best
}

// start predicts what Windows does with the image once it is there.
func (v *Verdict) start(f *facts.Facts, q *Question, c *Child) {
	host, image := q.Host.Version, c.Version
	if v.Has(RuntimeNotForHost) {
		v.Start = Fails
		return
	}
	if q.HostProcess {
		v.Start = Passes
		v.because(HostProcessExempt)
		return
	}
	if q.Kubernetes && v.Isolation == HyperV {
		v.Start = Fails
		v.because(HyperVNotOnKubernetes)
		return
	}
	if !image.IsValid() {
		v.because(OSVersionMissing)
		return
	}
	if v.Isolation == HyperV {
		v.startHyperV(host, image)
		return
	}
	if q.Host.client() && host.Build < winver.LTSC2019 {
		// Process isolation on a client needs build 17763 and Docker 18.09.
		v.fail(ClientHyperVOnly)
		v.Code = 0
		return
	}
	if q.Host.client() && v.Runtime.Engine == Docker && v.Runtime.Release.less(Release{18, 9, 0}) {
		v.fail(ClientHyperVOnly)
		v.Code = 0
		return
	}
	switch {
	case image.Build > host.Build:
		v.fail(ImageNewerThanHost)
	case image.Build == host.Build:
		v.sameBuild(f, q, c)
	case keepsABI(f, q.Host, image.Build):
		v.Start = Passes
		v.because(OlderImageAllowed)
	case image.Build < winver.LTSC2022:
		v.fail(BuildMismatch)
	default:
		// An image of a build that Microsoft publishes none of, or a host whose
		// build is not known: no source tells.
		v.because(UnknownBuild)
	}
}

func (v *Verdict) fail(c ReasonCode) {
	v.Start = Fails
	v.Code = ImageMismatch
	v.because(c)
}

// keepsABI reports whether the host is known to run an older image of that
// build in process isolation: Windows Server 2022 images from Windows 11 and
// Windows Server 23H2 on, Windows Server 2025 images from Windows 11 25H2 on.
// Documented in version-compatibility.md and portability.md; hosts that no
// release is known of are not counted.
func keepsABI(f *facts.Facts, h Host, image uint32) bool {
	host := h.Version.Build
	return (image == winver.LTSC2022 || image == winver.LTSC2025) && host > image && winver.ReleaseOf(f, host, winver.UnknownEdition) != nil
}

// startHyperV: the container brings its own kernel, which must not be newer
// than the host.
func (v *Verdict) startHyperV(host, image winver.Version) {
	switch {
	case image.Build > host.Build:
		v.fail(HyperVImageTooNew)
	case image.Build == host.Build:
		v.Start = Passes
		v.because(SameBuild)
	default:
		v.Start = Passes
		v.because(HyperVOlderImage)
	}
}

// sameBuild holds the rules that look at the revision. All of them are for
// process isolation.
func (v *Verdict) sameBuild(f *facts.Facts, q *Question, c *Child) {
	host, image := q.Host.Version, c.Version
	hostRev, hostKnown := host.Revision()
	imageRev, imageKnown := image.Revision()
	floor, floorKnown := uint32(0), false
	if !imageKnown && q.Image.Floor.Build == image.Build {
		floor, floorKnown = q.Image.Floor.Revision()
	}

	if host.Build == winver.LTSC2016 {
		switch {
		case hostKnown && imageKnown && sameBaseline(f, host.Build, hostRev, imageRev):
			v.Start = Passes
			v.because(SameBuild)
		case hostKnown && imageKnown, hostKnown && floorKnown && floor > hostRev:
			v.fail(WS2016RevisionMismatch)
		default:
			v.because(RevisionUnknown)
			v.because(WS2016RevisionMismatch)
		}
		return
	}

	if b := f.Baseline(host.Build); b != nil {
		hostSide, imageSide := unknownSide, unknownSide
		if hostKnown {
			hostSide = hostSideOf(b, hostRev)
		}
		if imageKnown {
			imageSide = imageSideOf(b, imageRev)
		} else if floorKnown && imageSideOf(b, floor) == after {
			imageSide = after
		}
		switch {
		case hostSide == after && imageSide == before, hostSide == before && (imageSide == after || imageSide == firstWeek):
			v.fail(February2020Boundary)
			v.Code = 0 // what fails is what runs inside: 32-bit programs, by 0xc0000142
			return
		case hostSide == after && imageSide == firstWeek:
			v.because(February2020Boundary)
			return
		// A side that is not told matters only where the other one is the
		// unusual one: nearly every host and image of today is past the boundary.
		case hostSide == before && imageSide == unknownSide, hostSide == unknownSide && imageSide == before:
			v.because(RevisionUnknown)
			v.because(February2020Boundary)
			return
		}
	}

	v.Start = Passes
	v.because(SameBuild)
	if ahead(f, q.Host, image) || floorKnown && ahead(f, q.Host, image.WithRevision(floor)) {
		v.because(RevisionAheadOfHost)
	}
	if !hostKnown && imageKnown {
		v.because(RevisionUnknown)
	}
}

// sameBaseline reports whether a Windows Server 2016 host and image count as of
// one revision: equal, or an image-only revision beside the host's of the same
// update (February and March 2020).
func sameBaseline(f *facts.Facts, build, host, image uint32) bool {
	if host == image {
		return true
	}
	b := f.Baseline(build)
	return b != nil && (host == b.Host2B && image == b.Image2BFixed || host == b.Host3B && image == b.Image3B)
}

// side is where a revision stands to the February 2020 boundary.
type side uint8

const (
	unknownSide side = iota
	before
	firstWeek // images of 2020-02-11, replaced a week later
	after
)

func hostSideOf(b *facts.Baseline, rev uint32) side {
	if rev >= b.Host2B {
		return after
	}
	return before
}

func imageSideOf(b *facts.Baseline, rev uint32) side {
	fixed := b.Image2BFixed
	if fixed == 0 {
		fixed = b.Host2B
	}
	switch {
	case rev >= fixed:
		return after
	case rev == b.Image2BFirst:
		return firstWeek
	}
	return before
}

// ahead reports whether the image is known to have a newer update than its
// host of the same build. Since January 2026 servers and clients of build 26100
// count differently, and images count as servers: there the days of the
// updates are compared.
func ahead(f *facts.Facts, h Host, image winver.Version) bool {
	hostRev, ok1 := h.Version.Revision()
	imageRev, ok2 := image.Revision()
	if !ok1 || !ok2 {
		return false
	}
	if h.client() && image.Build == winver.LTSC2025 {
		hostDay := winver.Released(f, h.Version, winver.Client)
		imageDay := winver.Released(f, image, winver.Server)
		return hostDay != 0 && imageDay != 0 && imageDay > hostDay
	}
	return imageRev > hostRev
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
	if q.Image.MayHaveMoved {
		v.Answer = Unknown
		v.first(RecordMayBeOld)
	}
}

// refused puts the reason of a refused pull first: that no child is for the
// host, or that this runtime's rule refuses what others allow.
func (v *Verdict) refused(q *Question) {
	code := RuntimeRefusesPull
	if v.Start == Fails || v.Start == OutcomeUnknown {
		if !q.Image.Manifest && windowsChildren(q.Image.Children) > 1 {
			code = NoChildForHost
		}
	}
	if v.Start == Passes {
		v.first(code)
	} else {
		v.because(code)
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

func windowsChildren(list []Child) int {
	n := 0
	for i := range list {
		if list[i].windows() {
			n++
		}
	}
	return n
}

// takesOther reports whether the runtime takes another child than the one
// that would do best, or clients of one runtime take different ones.
func (v *Verdict) takesOther(q *Question) bool {
	if v.Pull != Passes || q.Image.Manifest || v.Runtime.Engine == NoEngine {
		return false
	}
	if len(q.Image.Children) == 1 {
		return false
	}
	if v.Child != nearest(q.Image.Children, q.Host.Version) {
		return true
	}
	return v.Era.DefaultOrder != v.Era.Order && choose(v.Era.Rule, v.Era.DefaultOrder, q.Image.Children, q.Host.Version) != v.Child
}

// contradicted reports whether reports of the same pair speak against the
// answer so far: one that ran where a start is predicted to fail, or none that
// ran and one that failed where it is predicted to run. A report of exactly
// these two versions counts in any case.
func (v *Verdict) contradicted(f *facts.Facts, q *Question, c *Child) bool {
	if v.Answer == Unknown || v.Answer == Risky || v.Pull == Fails || q.HostProcess {
		return false
	}
	var ran, failed, exact bool
	reports := f.ReportsOf(q.Host.Version.Build)
	for i := range reports {
		r := &reports[i]
		if r.OtherCause || !v.about(r, q, c) {
			continue
		}
		switch r.Outcome {
		case facts.Runs:
			ran = true
		case facts.FailsStart:
			failed = true
			exact = exact || sameRevision(r.HostRevision, q.Host.Version) && sameRevision(r.ImageRevision, c.Version)
		}
	}
	if v.Answer == No {
		// A revision that differs or a boundary is not what such a report is of.
		return ran && v.Start == Fails && v.Has(BuildMismatch)
	}
	return failed && !ran || exact
}

func sameRevision(told int32, v winver.Version) bool {
	r, ok := v.Revision()
	return ok && told >= 0 && uint32(told) == r
}

// about reports whether a report of the host's build is of the same image build, isolation and runtime
// family.
func (v *Verdict) about(r *facts.Report, q *Question, c *Child) bool {
	return r.ImageBuild == c.Version.Build && r.HyperV == (v.Isolation == HyperV) &&
		(v.Runtime.Engine == NoEngine || r.Runtime == v.Runtime.Engine.Family() || r.Runtime == "")
}

// Reports returns the reports of the same pair.
func (v *Verdict) Reports(f *facts.Facts, q *Question) []facts.Report {
	if v.Child < 0 {
		return nil
	}
	var list []facts.Report
	for _, r := range f.ReportsOf(q.Host.Version.Build) {
		if v.about(&r, q, &q.Image.Children[v.Child]) {
			list = append(list, r)
		}
	}
	return list
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
