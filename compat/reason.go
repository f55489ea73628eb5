package compat

import (
	"fmt"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// ReasonCode names one ground of a verdict. The names are part of the command
// line's contract.
type ReasonCode uint8

// The reason codes.
const (
	noReason ReasonCode = iota
	SameBuild
	OlderImageAllowed
	BuildMismatch
	ImageNewerThanHost
	WS2016RevisionMismatch
	February2020Boundary
	RevisionAheadOfHost
	RevisionUnknown
	ClientProcessDevelopmentOnly
	ClientHyperVOnly
	HyperVOlderImage
	HyperVImageTooNew
	HyperVNotOnKubernetes
	RuntimeRefusesPull
	RuntimeTakesOtherChild
	NoChildForHost
	OSVersionMissing
	NotWindows
	HostProcessExempt
	OutOfSupport
	UnknownBuild
	ImageNotFound
	SourcesDisagree
	ReportsDisagree
	RuntimeNotForHost
	RuntimeRuleUnknown
	ClientNotANode
	ImageUnknown
	UnknownHost
	RuntimeAcceptsPull
	RecordMayBeOld
	HostArchitecture
	EditionAssumed
	HostProcessNeedsContainerd
)

var reasonNames = [...]string{
	SameBuild: "same-build", OlderImageAllowed: "older-image-allowed", BuildMismatch: "build-mismatch",
	ImageNewerThanHost: "image-newer-than-host", WS2016RevisionMismatch: "ws2016-revision-mismatch",
	February2020Boundary: "february-2020-boundary", RevisionAheadOfHost: "revision-ahead-of-host",
	RevisionUnknown: "revision-unknown", ClientProcessDevelopmentOnly: "client-process-development-only",
	ClientHyperVOnly: "client-hyperv-only", HyperVOlderImage: "hyperv-older-image", HyperVImageTooNew: "hyperv-image-too-new",
	HyperVNotOnKubernetes: "hyperv-not-on-kubernetes", RuntimeRefusesPull: "runtime-refuses-pull",
	RuntimeTakesOtherChild: "runtime-takes-other-child", NoChildForHost: "no-child-for-host", OSVersionMissing: "os-version-missing",
	NotWindows: "not-windows", HostProcessExempt: "hostprocess-exempt", OutOfSupport: "out-of-support", UnknownBuild: "unknown-build",
	ImageNotFound: "image-not-found", SourcesDisagree: "sources-disagree", ReportsDisagree: "reports-disagree",
	RuntimeNotForHost: "runtime-not-for-host", RuntimeRuleUnknown: "runtime-rule-unknown", ClientNotANode: "client-not-a-node",
	ImageUnknown: "image-unknown", UnknownHost: "unknown-host", RuntimeAcceptsPull: "runtime-accepts-pull", RecordMayBeOld: "record-may-be-old",
	HostArchitecture: "host-architecture", EditionAssumed: "edition-assumed", HostProcessNeedsContainerd: "hostprocess-needs-containerd",
}

// String is the code as the JSON output has it.
func (c ReasonCode) String() string { return reasonNames[c] }

// MarshalText writes the code as String does.
func (c ReasonCode) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Reason is a ground of a verdict in words, and where it can be read.
type Reason struct {
	Code   ReasonCode `json:"code"`
	Text   string     `json:"text"`
	Source string     `json:"source"`
}

const (
	docs = "https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/"
	head = "77e0742a"
	dir  = "/virtualization/windowscontainers/"

	urlUpdate      = docs + head + dir + "deploy-containers/update-containers.md"
	urlLifecycle   = docs + head + dir + "deploy-containers/base-image-lifecycle.md"
	urlPortability = docs + head + dir + "deploy-containers/portability.md"
	urlHyperV      = docs + head + dir + "manage-containers/hyperv-container.md"
	urlFAQ         = docs + head + dir + "about/faq.yml"
	urlLatestTag   = docs + head + dir + "deploy-containers/version-compatibility.md"
	urlKubernetes  = "https://kubernetes.io/docs/concepts/windows/intro/"
	urlIsolation   = urlMoby + "b985e231/daemon/daemon_windows.go"
	urlSkew        = "https://github.com/microsoft/Windows-Containers/issues/591"
	urlOSVersion   = "https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md"
	urlHostProcess = "https://github.com/containerd/containerd/issues/7431"
	urlHPLimits    = "https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/#limitations"
	urlMinimum     = "https://github.com/moby/moby/commit/1b3fef53"
	urlSeries      = "https://github.com/thkn-hofa/ms-windows-versions/tree/40d30282"
)

// TableURL is the page that holds a documentation table, as it stood then.
func TableURL(t *facts.Table) string {
	commit := head
	if t != nil && t.Until != 0 {
		commit = t.Commit
	}
	return docs + commit + dir + "deploy-containers/version-compatibility.md"
}

// Name is a version as people say it: "Windows Server 2022 (20348.2227)"; see
// winver.NameOf.
func Name(f *facts.Facts, v winver.Version, e winver.Edition) string {
	if name := winver.NameOf(f, v.Build, e); name != "" {
		return name + " (" + v.Short() + ")"
	}
	return "Windows build " + v.Short()
}

// KBName is "KB4041691", or "" where no update is known.
func kbName(u *facts.Update) string {
	if u == nil || u.KB == 0 {
		return ""
	}
	return fmt.Sprintf("KB%d", u.KB)
}

// withKB is "14393.1770 (KB4041691)".
func withKB(f *facts.Facts, v winver.Version) string {
	rev, known := v.Revision()
	if !known {
		return v.Short()
	}
	if kb := kbName(f.Update(v.Build, rev)); kb != "" {
		return v.Short() + " (" + kb + ")"
	}
	return v.Short()
}

// Assumed is the ground to doubt a verdict on a host that is a server by
// agreement only, as a bare build is: what the answer is on the client of the
// same build, whose containers get Hyper-V isolation where nobody says
// otherwise. It is false where the answer is the same, and on Kubernetes, whose
// nodes are servers.
func Assumed(f *facts.Facts, q *Question) (Reason, bool) {
	client := *q
	client.Host.Edition = winver.Client
	r := f.Client(q.Host.Version.Build)
	if r == nil || q.Kubernetes {
		return Reason{}, false
	}
	server, other := Decide(f, q), Decide(f, &client)
	if server.Answer == other.Answer {
		return Reason{}, false
	}
	return Reason{
		Code:   EditionAssumed,
		Text:   fmt.Sprintf("build %d is %s too: there the answer is %s (--edition client)", r.Build, winver.FullName(r), other.Answer),
		Source: urlIsolation,
	}, true
}

// Reasons puts the grounds of a verdict into words, most important first.
func (v *Verdict) Reasons(f *facts.Facts, q *Question) []Reason {
	list := make([]Reason, 0, v.n)
	for _, c := range v.Codes() {
		list = append(list, v.reason(f, q, c))
	}
	return list
}

func (v *Verdict) reason(f *facts.Facts, q *Question, code ReasonCode) Reason {
	var image winver.Version
	stated := ""
	if v.Child >= 0 {
		image, stated = q.Image.Children[v.Child].Version, q.Image.Children[v.Child].OSVersion
	}
	host := q.Host.Version
	hostName, imageName := Name(f, host, q.Host.Edition), Name(f, image, winver.Server)
	table := TableURL(f.Table(q.AsOf))
	r := Reason{Code: code, Source: table}
	say := func(format string, args ...any) { r.Text = fmt.Sprintf(format, args...) }

	switch code {
	case SameBuild:
		say("host and image are of the same build, %d", host.Build)
		if host.Build == winver.LTSC2016 && v.Isolation == Process {
			say("host and image are both %s", withKB(f, host))
		}
	case OlderImageAllowed:
		say("%s runs images of %s in process isolation", hostName, imageName)
		if host.Build == annual {
			r.Source = urlPortability
		}
	case BuildMismatch:
		say("the image is %s, the host %s: in process isolation the builds must match", imageName, hostName)
	case ImageNewerThanHost:
		say("the image is %s, newer than the host, %s: no isolation mode helps", imageName, hostName)
	case HyperVImageTooNew:
		say("the image is %s, newer than the host, %s: Hyper-V isolation runs older images only", imageName, hostName)
	case HyperVOlderImage:
		say("Hyper-V isolation gives the older image, %s, a kernel of its own", imageName)
	case WS2016RevisionMismatch:
		_, hostKnown := host.Revision()
		_, imageKnown := image.Revision()
		switch {
		case v.Start == Fails && !imageKnown:
			say("on Windows Server 2016 the revisions must match too: the host is %s, the tag has moved on to at least %s",
				withKB(f, host), withKB(f, q.Image.Floor))
		case v.Start == Fails:
			say("on Windows Server 2016 the revisions must match too: the host is %s, the image %s", withKB(f, host), withKB(f, image))
		case !hostKnown && !imageKnown:
			say("on Windows Server 2016 the revisions must match too, and neither is known")
		case !hostKnown:
			say("on Windows Server 2016 the revisions must match too: the image is %s, the host's is not known", withKB(f, image))
		default:
			say("on Windows Server 2016 the revisions must match too: the host is %s, the image's is not known", withKB(f, host))
		}
	case February2020Boundary:
		r.Source = urlUpdate
		b := f.Baseline(host.Build)
		if b == nil {
			break
		}
		fixed := b.Image2BFixed
		if fixed == 0 {
			fixed = b.Host2B
		}
		where := fmt.Sprintf("hosts from %d.%d (KB%d) and images from %d.%d on do not work with earlier ones", b.Build, b.Host2B, b.Host2BKB, b.Build, fixed)
		switch {
		case v.Start == Fails:
			at := image
			if _, known := image.Revision(); !known {
				at = q.Image.Floor
			}
			say("host %s and image %s are on different sides of the February 2020 security update: %s; 32-bit programs in the container fail (0xc0000142)",
				host.Short(), at.Short(), where)
		case v.Has(RevisionUnknown):
			say("whether both are on the same side of the February 2020 security update is not known: %s", where)
		default:
			say("image %s was published for one week in February 2020: what it works with is not documented", image.Short())
		}
	case RevisionAheadOfHost:
		r.Source = urlSkew
		at := image
		if _, known := image.Revision(); !known {
			at = q.Image.Floor
			say("the tag has moved on to at least %s, ahead of the host, %s", withKB(f, at), withKB(f, host))
		} else {
			say("the image, %s, has a newer update than the host, %s", withKB(f, at), withKB(f, host))
		}
		r.Text += ": documented to work, but such pairs are reported to fail with 0xc0370106"
	case RevisionUnknown:
		_, hostKnown := host.Revision()
		_, imageKnown := image.Revision()
		switch {
		case !hostKnown && !imageKnown:
			say("the revisions of host and image are not known")
		case !hostKnown:
			say("the host's revision is not known: whether the image, %s, is ahead of it cannot be told", image.Short())
			if v.Start != Passes {
				say("the host's revision is not known")
			}
		default:
			say("the image's revision is not known")
		}
	case ClientProcessDevelopmentOnly:
		say("process isolation on Windows 10 and 11 is meant for development and testing")
		r.Source = urlHyperV
	case ClientHyperVOnly:
		say("%s runs containers in Hyper-V isolation only: process isolation on a client needs build 17763 and Docker 18.09 or later", hostName)
		r.Source = urlFAQ
	case HyperVNotOnKubernetes:
		say("Kubernetes does not support Hyper-V isolated containers")
		r.Source = urlKubernetes
	case RuntimeRefusesPull, NoChildForHost:
		r.Source = v.Era.Source
		if v.Runtime.Engine == NoEngine || v.Child < 0 {
			say("the image has no child for windows/amd64")
			break
		}
		say("%s does not pull it on build %d: %s", v.Runtime, host.Build, v.Era.Rule.says(host))
		if code == NoChildForHost {
			say("none of the image's %d Windows children is for build %d: %s", windowsChildren(q.Image.Children), host.Build, v.Era.Rule.says(host))
		}
		if v.Isolation == HyperV {
			r.Text += ", whatever the isolation"
		}
	case RuntimeTakesOtherChild:
		r.Source = v.Era.Source
		best := nearest(q.Image.Children, host)
		if v.Child != best {
			say("%s takes the child %s, although the index holds %s (%s)", v.Runtime, stated, q.Image.Children[best].OSVersion, v.Era.Order.says())
		} else {
			other := choose(v.Era.Rule, v.Era.DefaultOrder, q.Image.Children, host)
			say("the kubelet's pull takes the child %s (%s), clients that use containerd's default matcher, such as ctr, take %s (%s)",
				stated, v.Era.Order.says(), q.Image.Children[other].OSVersion, v.Era.DefaultOrder.says())
		}
	case OSVersionMissing:
		r.Source = urlOSVersion
		if stated == "" {
			say("the image does not state its os.version")
		} else {
			say("the image's os.version, %q, is no Windows version", stated)
		}
	case NotWindows:
		say("the image holds no Windows: %s", platforms(q.Image.Children))
		r.Source = urlOSVersion
	case HostProcessExempt:
		say("HostProcess containers use the host's own files and are exempt from version matching")
		r.Source = urlHostProcess
	case HostProcessNeedsContainerd:
		say("HostProcess containers need containerd 1.6 or later, not %s", v.Runtime)
		r.Source = urlHPLimits
	case OutOfSupport:
		r.Source = urlLifecycle
		var parts []string
		hr, ir := winver.ReleaseOf(f, host.Build, q.Host.Edition), winver.ReleaseOf(f, image.Build, winver.Server)
		if ended(f, q, hr) {
			parts = append(parts, fmt.Sprintf("the host's %s since %s", winver.FullName(hr), winver.EndOfSupport(hr)))
		}
		if ended(f, q, ir) && ir != hr {
			parts = append(parts, fmt.Sprintf("the image's %s since %s", winver.FullName(ir), winver.EndOfSupport(ir)))
		}
		say("out of support: %s", strings.Join(parts, ", "))
	case UnknownBuild:
		r.Source = urlSeries
		unknown := host
		if winver.ReleaseOf(f, host.Build, winver.UnknownEdition) != nil {
			unknown = image
		}
		say("build %d is no release that the facts of %s know", unknown.Build, f.AsOf)
		if winver.ReleaseOf(f, unknown.Build, winver.Client) != nil {
			say("no server and no image of build %d is known", unknown.Build)
		}
	case ImageNotFound:
		say("there is no such image")
		r.Source = urlLatestTag
	case SourcesDisagree:
		said := map[facts.Support]string{facts.Silent: "silent", facts.Unsupported: "not supported", facts.PreviewSupport: "in preview", facts.Supported: "supported"}[v.Documented]
		say("documentation: %s; predicted: pull %s, start %s", said, v.Pull.pull(), v.Start.start())
	case ReportsDisagree:
		say("people report otherwise of this pair of builds")
		for _, p := range v.Reports(f, q) {
			if !p.OtherCause && (p.Outcome == facts.Runs) == (v.Start == Fails) && p.Outcome != facts.Unclear {
				r.Source = p.Source
				say("people report otherwise of this pair of builds: %s", p.Outcome)
				if p.Code != "" {
					r.Text += " (" + p.Code + ")"
				}
				break
			}
		}
	case RuntimeNotForHost:
		say("%s does not run on %s: Docker 23.0 and later need build 17763", v.Runtime, hostName)
		r.Source = urlMinimum
		if v.Runtime.Engine == Containerd {
			say("no containerd is known to run on %s: Kubernetes supports nodes from Windows Server 2019 on", hostName)
			r.Source = urlKubernetes
		}
	case RuntimeRuleUnknown:
		say("%s may apply either of two rules, which differ on this pair: %s, or %s", v.Runtime, v.Era.Rule.says(host), v.Era.Doubt.says(host))
		r.Source = v.Era.Source
	case ClientNotANode:
		say("Kubernetes supports Windows Server nodes only")
		r.Source = urlKubernetes
	case ImageUnknown:
		say("which Windows is in the image is not known: its name does not say")
		r.Source = urlLatestTag
	case RuntimeAcceptsPull:
		r.Source = v.Era.Source
		say("%s pulls it on build %d: %s", v.Runtime, host.Build, v.Era.Rule.says(host))
		if q.Image.Manifest {
			say("%s pulls it: the versions of a single manifest are not compared", v.Runtime)
			r.Source = "https://github.com/containerd/containerd/issues/8348"
		}
	case RecordMayBeOld:
		say("what the tag holds was recorded once and may have changed: ask the registry (without --offline)")
		r.Source = urlLatestTag
	case HostArchitecture:
		say("the host is an ARM64 machine: the documentation, the rules and the reports are of amd64, and what runs there is not known here")
		r.Source = TableURL(nil)
	case UnknownHost:
		say("which Windows the host runs is not known")
	}
	return r
}

// says puts the bounds of a rule for a host into words.
func (r Rule) says(host winver.Version) string {
	switch {
	case r == RuleNone:
		return "it accepts every version"
	case r == RuleMobyClassic:
		return fmt.Sprintf("it refuses images newer than %d", host.Build)
	case r == RuleExact || r == RuleExactStrict || host.Build < winver.LTSC2022:
		return "it wants an image of exactly that build"
	}
	for _, b := range [...]uint32{winver.LTSC2022, winver.LTSC2025} {
		if r.Allows(host, winver.Version{Major: host.Major, Minor: host.Minor, Build: b}) {
			return fmt.Sprintf("it accepts images from %d to %d", b, host.Build)
		}
	}
	return "it accepts no image for this build"
}

// says puts an order into words.
func (o Order) says() string {
	return [...]string{"first in the index", "highest revision", "host's build first, else first in the index", "highest os.version as text"}[o]
}

func (o Outcome) pull() string  { return [...]string{"unknown", "accepted", "refused"}[o] }
func (o Outcome) start() string { return [...]string{"unknown", "runs", "fails"}[o] }

// PullString names the outcome of a pull as the JSON output does.
func (o Outcome) PullString() string { return o.pull() }

// StartString names the outcome of a start as the JSON output does.
func (o Outcome) StartString() string { return o.start() }

// platforms lists the distinct platforms of children: "linux/amd64, linux/arm64".
func platforms(children []Child) string {
	var list []string
	for _, c := range children {
		p := c.OS + "/" + c.Architecture
		seen := c.OS == "" || c.OS == "unknown"
		for _, l := range list {
			seen = seen || l == p
		}
		if !seen {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return "nothing that is an image"
	}
	return strings.Join(list, ", ")
}

// String is the code as Docker prints it: "0xc0370101"; "" for none.
func (c Code) String() string {
	if c == 0 {
		return ""
	}
	return fmt.Sprintf("0x%08x", uint32(c))
}

// Message is the text that the user will see, as the runtime words it, without
// container ids; "" where nothing fails or the wording is not known. The
// wordings are those of facts/source/errors.yaml.
func (v *Verdict) Message(q *Question, reference string) string {
	host := q.Host.Version
	switch {
	case v.Pull == Fails && v.Has(NotWindows) && v.Runtime.Engine == Docker && q.Image.Manifest:
		return `image operating system "linux" cannot be used on this platform`
	case v.Pull == Fails && v.Has(RuntimeNotForHost):
		return ""
	case v.Pull == Fails && v.Runtime.Engine == Docker && q.Image.Manifest && v.Child >= 0:
		return fmt.Sprintf("a Windows version %s-based image is incompatible with a %s host", q.Image.Children[v.Child].Version.WithoutRevision(), host.WithoutRevision())
	case v.Pull == Fails && v.Runtime.Engine == Docker:
		return fmt.Sprintf("no matching manifest for windows/amd64 %s in the manifest list entries", host.WithoutRevision())
	case v.Pull == Fails && v.Runtime.Engine == DockerContainerd:
		return fmt.Sprintf("no matching manifest for windows(%s)/amd64 in the manifest list entries: no match for platform in manifest: not found", host.WithoutRevision())
	case v.Pull == Fails && v.Runtime.Engine == Containerd:
		return fmt.Sprintf("failed to pull and unpack image %q: no match for platform in manifest: not found", reference)
	case v.Start == Fails && v.Has(ClientHyperVOnly):
		return "Windows client operating systems earlier than version 1809 can only run Hyper-V containers"
	case v.Start == Fails && v.Code == ImageMismatch && v.Runtime.Engine == Containerd:
		return "hcs::CreateComputeSystem: The container operating system does not match the host operating system.: unknown"
	case v.Start == Fails && v.Code == ImageMismatch && v.Runtime.Engine == Docker && v.Runtime.Release.less(Release{18, 0, 0}):
		return "failure in a Windows system call: The operating system of the container does not match the operating system of the host. (0xc0370101)"
	case v.Start == Fails && v.Code == ImageMismatch:
		return "hcs::CreateComputeSystem: The container operating system does not match the host operating system."
	}
	return ""
}
