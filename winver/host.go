package winver

import (
	"errors"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
)

// HOST, the grammar.
//
// A HOST is anything that names a Windows. Case, surrounding blanks and quotes
// do not matter. It is a name or a text.
//
// Names (host_name.go); the whole text must be one:
//
//	VERSION   10.0.17763.437  10.0.17763  17763.437  17763     (see Parse; a revision of 0 is "not known")
//	ID        ws2019  ws1709  w11-24h2  win10-22h2             (the facts' names)
//	FAMILY    ltsc2019  sac2016  1809  20H2                    (as image tags have them: builds shared with a
//	                                                            client are the server; 21H2, 22H2 and 23H2 name
//	                                                            several builds and are refused)
//	YEAR      2016  2019  2022  2025                           (the server of that name)
//	WORDS     "Windows Server 2019"  "Windows 11 24H2"  "Windows Server, version 1709"
//	          "Windows 10 Enterprise LTSC 2019"
//	LABEL     windows-2022  win22  Windows2022  2022-datacenter-core  aks-2019-datacenter-core-smalldisk-2012
//	          windows-server-2022-dc-core-for-containers-v20240110
//	          Windows_Server-2022-English-Core-EKS_Optimized-1.29-2024.05.14
//	          WINDOWS_CORE_2019_x86_64                         (CI labels, SKUs, image families and their dates)
//	NODE      AKSWindows-2022-20348.2227.240111                (BUILD.REVISION.DATE)
//	NAME+KB   ws2016+KB4053579                                 (that release with that update)
//
// Names that move (windows-latest, windows-11-arm, WINDOWS_LTSC) name no
// Windows and are refused.
//
// Texts: see scanText in host_text.go.

// Confidence says how far a reading can be trusted.
type Confidence uint8

// The confidences.
const (
	Certain Confidence = iota // the text says so
	Likely                    // inferred: from a name in prose, a file's version, a revision's update line
)

// String names the confidence as the JSON output does.
func (c Confidence) String() string {
	if c == Likely {
		return "likely"
	}
	return "certain"
}

// MarshalText writes the confidence as String does.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Host is a Windows that a text names.
type Host struct {
	Version    Version // its revision is unknown where the text does not say it
	Edition    Edition
	Release    string // ID in the facts: "ws2022", "w11-24h2"; "" where none is known
	Confidence Confidence
	Evidence   string // the part of the text that says so, several joined by "; "
	Assumed    bool   // a server by agreement only: nothing but the build is known, and a client has it too
	ARM64      bool   // the text says that the machine is an ARM one
	Runtime    string // the container runtime that the text names beside it, as kubelets do: "containerd://1.6.21"; or ""
}

// MaxText is the length in bytes from which ParseHosts refuses a text.
const MaxText = 16 << 20

// ErrNoHost is the error (see errors.Is) for a text that names no Windows.
var ErrNoHost = errors.New("no Windows version found")

// HostError says why a text is no HOST.
type HostError struct {
	Text   string // what was read, shortened and quoted; "" for long texts
	Reason string
	Hint   string // what to write instead; "" where nothing is known
	None   bool   // nothing in the text looks like a Windows: errors.Is(err, ErrNoHost)
}

// Error is the text without the hint.
func (e *HostError) Error() string {
	if e.Text == "" {
		return e.Reason
	}
	return e.Text + ": " + e.Reason
}

// Is makes errors.Is(err, ErrNoHost) work.
func (e *HostError) Is(target error) bool { return e.None && target == ErrNoHost }

// ParseHosts reads every Windows host that a text names: one for a name
// ("ws2019"), one for each different Windows that a raw text (see HOST above)
// tells of, in the order of the text. A host printed several times is one
// entry, or one for each of its container runtimes. The error is a *HostError.
func ParseHosts(f *facts.Facts, text string) ([]Host, error) {
	if v, err := Parse(text); err == nil && v.Build >= firstBuild { // the fast path
		if h, err := hostOf(f, v, text); err == nil {
			return []Host{h}, nil
		}
	}
	if len(text) > MaxText {
		return nil, &HostError{Reason: "the text is larger than 16 MiB"}
	}
	clean := cleanText(text)
	name := trimName(clean)
	if name == "" {
		return nil, &HostError{Reason: ErrNoHost.Error() + ": the text is empty", None: true}
	}
	var nameErr *HostError
	if len(name) <= maxName && strings.IndexByte(name, '\n') < 0 {
		h, err := parseName(f, name)
		if err == nil {
			return []Host{h}, nil
		}
		if nameErr = err; !err.None {
			return nil, err
		}
	}
	if hosts, err := scanText(f, clean); err != nil {
		return nil, err
	} else if len(hosts) > 0 {
		return hosts, nil
	}
	if nameErr != nil {
		return nil, nameErr
	}
	return nil, &HostError{Reason: ErrNoHost.Error() + " in the text", None: true}
}

// ParseHost reads the one Windows host that a text names. Where it names
// several different ones the error lists them.
func ParseHost(f *facts.Facts, text string) (Host, error) {
	hosts, err := ParseHosts(f, text)
	if err != nil {
		return Host{}, err
	}
	if len(hosts) == 1 {
		return hosts[0], nil
	}
	var b strings.Builder
	b.WriteString("names " + strconv.Itoa(len(hosts)) + " different hosts: ")
	for i, h := range hosts {
		if i == 8 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(h.Version.String())
		if h.Edition != UnknownEdition {
			b.WriteString(" (" + h.Edition.String() + ")")
		}
	}
	e := &HostError{Text: "the text", Reason: b.String(), Hint: "give the one that is meant, for example " + hosts[0].Version.String()}
	if len(text) <= maxName {
		e.Text = quote(text)
	}
	return Host{}, e
}

// firstBuild is the first build of Windows 10. What is below is older than any
// container host.
const firstBuild = 10240

// hostOf is the host with a version that a text states, and what the version
// alone says of the edition.
func hostOf(f *facts.Facts, v Version, evidence string) (Host, *HostError) {
	if old := v.Major == 6 && v.Minor <= 3 && v.Build < firstBuild; !old && (v.Major != 10 || v.Minor != 0 || v.Build < firstBuild) {
		return Host{}, &HostError{Text: quote(evidence), Reason: "no Windows has this version",
			Hint: "a version is 10.0.BUILD.REVISION, and builds begin at 10240"}
	}
	if rev, ok := v.Revision(); ok && rev == 0 {
		v = v.WithoutRevision()
	}
	h := Host{Version: v, Edition: EditionOf(f, v.Build), Evidence: evidence}
	if e := editionByLine(f, v); e != UnknownEdition && e != h.Edition {
		h.Edition, h.Confidence = e, Likely
	}
	h.Assumed = shared(f, v)
	h.Release = releaseID(f, v, h.Edition)
	return h, nil
}

// shared reports whether a version alone tells no server from a client.
func shared(f *facts.Facts, v Version) bool {
	return v.Major == 10 && f.Server(v.Build) != nil && f.Client(v.Build) != nil && editionByLine(f, v) == UnknownEdition
}

// editionByLine returns the edition that alone gets a revision (build 26100
// since January 2026), UnknownEdition where both or neither do.
func editionByLine(f *facts.Facts, v Version) Edition {
	rev, ok := v.Revision()
	if !ok || v.Build != LTSC2025 {
		return UnknownEdition
	}
	if u := f.Update(v.Build, rev); u != nil {
		switch u.Line {
		case facts.ServerLine:
			return Server
		case facts.ClientLine:
			return Client
		}
	}
	return UnknownEdition
}

// releaseID returns the ID of the release of a version and an edition.
func releaseID(f *facts.Facts, v Version, e Edition) string {
	if v.Major != 10 {
		return ""
	}
	if r := ReleaseOf(f, v.Build, e); r != nil {
		return r.ID
	}
	return ""
}

// quote quotes a text for an error, shortened.
func quote(s string) string {
	s = trimName(s)
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:77], "") + "…"
	}
	return strconv.Quote(s)
}
