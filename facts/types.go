package facts

import (
	"strconv"
	"strings"
)

// Date is a calendar day written as the number yyyymmdd. A day of 00 means
// that only the month is known; 0 means that nothing is known.
type Date uint32

// ParseDate reads "2026-09-14" or "2026-09". Anything else is 0.
func ParseDate(s string) Date {
	if len(s) != 7 && len(s) != 10 || s[4] != '-' || len(s) == 10 && s[7] != '-' {
		return 0
	}
	y, err1 := strconv.ParseUint(s[:4], 10, 16)
	m, err2 := strconv.ParseUint(s[5:7], 10, 8)
	d := uint64(0)
	var err3 error
	if len(s) == 10 {
		d, err3 = strconv.ParseUint(s[8:], 10, 8)
		if d == 0 {
			return 0
		}
	}
	if err1 != nil || err2 != nil || err3 != nil || m < 1 || m > 12 || d > 31 {
		return 0
	}
	return Date(y*10000 + m*100 + d)
}

// Year returns the year.
func (d Date) Year() int { return int(d / 10000) }

// Month returns the month, 1 to 12.
func (d Date) Month() int { return int(d / 100 % 100) }

// Day returns the day of the month, or 0 where only the month is known.
func (d Date) Day() int { return int(d % 100) }

// String writes the date as "2026-09-14", as "2026-09" where the day is
// unknown, and as "" where nothing is known.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	b := make([]byte, 0, 10)
	b = append(b, strconv.Itoa(d.Year())...)
	b = append(b, '-', byte('0'+d.Month()/10), byte('0'+d.Month()%10))
	if d.Day() != 0 {
		b = append(b, '-', byte('0'+d.Day()/10), byte('0'+d.Day()%10))
	}
	return string(b)
}

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Kind says what sort of Windows a release is.
type Kind uint8

// The kinds of releases.
const (
	ServerLTSC    Kind = iota + 1 // Long-Term Servicing Channel
	ServerSAC                     // Semi-Annual Channel, ended 2022
	ServerAnnual                  // Annual Channel for containers
	ServerInsider                 // preview builds
	Client                        // Windows 10 and 11
)

// String names the kind as releases.yaml does.
func (k Kind) String() string {
	return [...]string{"", "server-ltsc", "server-sac", "server-annual", "server-insider", "client"}[k]
}

// Release is one version of Windows that matters as container host or as base
// image. Dates are 0 where unknown or not applicable.
type Release struct {
	ID      string // "ws2022", "w11-24h2"
	Name    string // "Windows Server 2022", "Windows 11"
	Kind    Kind
	Version string // "21H2"; "" where there is none
	Build   uint32 // 0 for insider builds, which have no fixed one

	Available Date

	// Servers.
	MainstreamEnd Date
	ExtendedEnd   Date
	// Clients.
	HomeProEnd    Date
	EnterpriseEnd Date
	LTSCEnd       Date
	LTSCIoTEnd    Date
	// Both: paid Extended Security Updates.
	ESUEnd Date

	Images    []BaseImage
	Aliases   []string // constant names in hcsshim's osversion package
	Previews  []uint32 // preview builds seen, for insider releases
	Notes     []string
	Conflicts []Conflict
	Sources   []string
}

// BaseImage is a Microsoft base image repository and what it publishes for a
// release.
type BaseImage struct {
	Repository string   // below mcr.microsoft.com: "windows/servercore"
	Tags       []string // family tags: "ltsc2022"; empty where none is published
	Status     string   // "published", "ended 2018-10-09", …
}

// Conflict is a value that another source gives for a field of a release.
type Conflict struct{ Field, Value, Source string }

// Type says how an update came out.
type Type uint8

// The types of updates.
const (
	UnknownType Type = iota // no date known
	B                       // second Tuesday of the month ("Patch Tuesday")
	OutOfBand
	Preview
	Other // any other day, before such labels were used
	RTM   // first release, mostly without a KB
	Hotpatch
	ImageOnly // exists in container images only; no host shows it
)

// String names the type as updates.csv does.
func (t Type) String() string {
	return [...]string{"unknown", "B", "OOB", "preview", "other", "RTM", "hotpatch", "image-only"}[t]
}

// Line says which Windows receives an update: since 2026-01-13 servers and
// clients of build 26100 have different revisions.
type Line uint8

// The lines of updates.
const (
	BothLines Line = iota
	ServerLine
	ClientLine
	ImageLine // container images only
)

// String names the line as updates.csv does.
func (l Line) String() string { return [...]string{"both", "server", "client", "image"}[l] }

// Update is one revision of one build.
type Update struct {
	Build, Revision uint32
	KB              uint32 // 0 where none is known
	Date            Date
	Type            Type
	Line            Line
	Source          string // key(s) of facts/source/SOURCES.md: "T+V"
	Note            string
}

// Doubtful reports whether a better source gives another revision for the
// update's KB.
func (u *Update) Doubtful() bool { return strings.HasPrefix(u.Note, "doubtful:") }

// Baseline is the February 2020 boundary of one build: a host or image below
// it does not work, in process isolation, with one at or above it. Revisions
// are 0 where none exists.
type Baseline struct {
	Build        uint32
	Host2B       uint32 // first host revision after the boundary
	Host2BKB     uint32
	Image2BFirst uint32 // published for a week; what it works with is not documented
	Image2BFixed uint32 // first image revision after the boundary
	Image2BFixKB uint32
	Host3B       uint32 // March 2020, where the image's revision differs
	Image3B      uint32
	Image3BKB    uint32
}

// Support is what a documentation table says of one isolation mode.
type Support uint8

// The values of Support.
const (
	Silent Support = iota // the table has no such row
	Unsupported
	PreviewSupport
	Supported
)

// Cell is one row of a documentation table: hosts, an image, and what is said
// of each isolation mode.
type Cell struct {
	Host            string // as the page names it
	Client          bool
	HostLo, HostHi  uint32 // builds, inclusive
	Image           uint32 // build
	Process, HyperV Support
	From            uint32 // host build from which both hold, 0: all
}

// Table is Microsoft's compatibility table as it stood from From (inclusive)
// to Until (exclusive; 0: still current).
type Table struct {
	Commit      string // of MicrosoftDocs/Virtualization-Documentation
	From, Until Date
	Cells       []Cell
}

// Outcome is what somebody saw.
type Outcome uint8

// The outcomes of reports.
const (
	Unclear Outcome = iota
	Runs
	FailsStart
	RefusedPull
)

// String names the outcome as the contract does.
func (o Outcome) String() string {
	return [...]string{"unclear", "runs", "fails-start", "refused-pull"}[o]
}

// RuntimeFamily is a kind of container runtime, as reports name them.
type RuntimeFamily uint8

// The runtime families.
const (
	AnyRuntime RuntimeFamily = iota
	DockerFamily
	ContainerdFamily
)

// Report is what somebody told of one host and one image. It is evidence,
// never more.
type Report struct {
	ID                          string
	HostBuild, ImageBuild       uint32
	HostRevision, ImageRevision int32         // -1 where not told
	HyperV                      bool          // isolation, after the default was resolved
	Runtime                     RuntimeFamily // AnyRuntime where the failure was Windows' own
	Outcome                     Outcome
	Code                        string
	OtherCause                  bool   // the thread names a cause other than the pair of versions
	Source                      string // URL
	Note                        string
}

// Runner is a host version that a CI runner label last had.
type Runner struct {
	Build, Revision uint32
	Seen            Date
	Source          string
}

// Label is what a CI service calls its own Windows runners.
type Label struct {
	Service string // "github", "azure", "gitlab"
	Name    string // "windows-2022"; services do not mind the case
	Build   uint32
	Since   Date // the label means that build at least since then, 0 where not known
	Retired Date // there are no such runners any more, 0: there are
	Source  string
}

// CodeClass says what an error code alone tells of its cause.
type CodeClass uint8

// The classes of codes.
const (
	Ambiguous   CodeClass = iota // versions or something else
	Mismatch                     // the versions do not fit
	NotMismatch                  // something else
	OtherClass                   // nothing: it only says that something ended
)

// Code is an error code of Windows that a container's start can end with.
type Code struct {
	Value         uint32 // HRESULT or NTSTATUS, as printed in hex
	Name, Meaning string
	Class         CodeClass
}

// Source is a key used in the facts and where it leads.
type Source struct{ Key, URL, AsOf string }

// Facts is everything known, as of a date. Its slices are sorted as their
// comments say and must not be changed.
type Facts struct {
	AsOf      Date // newest update known
	Collected Date
	Releases  []Release  // servers by build, then clients by build
	Updates   []Update   // by build, then revision
	Baselines []Baseline // by build
	Tables    []Table    // by date, oldest first
	Reports   []Report   // by build of the host
	Runners   []Runner   // one a build, the newest seen
	Labels    []Label    // by service, each service's newest build first
	Sources   []Source   // by key
	Codes     []Code     // by value

	builds []buildIndex // by build; see index
}

// buildIndex says where the releases of a build stand: positions in Releases,
// -1 for none.
type buildIndex struct {
	build          uint32
	server, client int16
}
