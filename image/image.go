// Package image answers what Windows an image holds: it takes a reference and
// returns, child by child, the operating system versions behind it.
//
// Three things are asked, in this order of trust: the place where the image is
// (a registry, a layout, an archive, the Docker engine), a recorded observation (facts, by digest or, where the
// name says nothing, by tag), and the name alone (the tag grammar of the
// repositories that publish Windows images). Where an answer comes from stands
// in [Image.Basis]. A name that does not state a Windows version yields no
// version: nothing here guesses.
//
// # Registries
//
// Where an index states os.version for each of its Windows children, which
// nearly all do, one request is all that is made. A single manifest has no
// os.version; its config has, which takes a second request.
//
// The registry client is a small one of our own, over net/http, for three
// reasons that were measured or read (2026-11): the libraries that speak the
// registry protocol cost 1 to 3 ms at every start of a program, even one that
// never asks a registry (initialisers, regular expressions in digest and
// reference packages first; a start-up of at most twice that of an empty
// program is a goal); cuelabs.dev/go/oci/ociregistry asks twice where a
// manifest above 128 KiB comes without a digest, and needs a Content-Length;
// go-containerregistry asks /v2/ first. What is needed is GET, a PUT of an
// index, a bearer token and basic authentication.
//
// Everything read from a registry is bounded: see the Max constants. What is
// written to one is an index, by [Client.ApplyRepair] and [Client.ApplyCreate].
//
// # Layouts, archives, the engine
//
// OCI layouts are read in a folder, inside of which no symbolic link is
// followed, and in tar files, which docker save writes too. Of a plain file the
// headers are read and the rest is jumped over; of a compressed one or a pipe
// documents are held and layers skipped. All documents are held against their
// digests. The Docker engine is asked by the user's docker command.
//
// # Names
//
// The rules for names are those of facts/source/tag-grammar.yaml, in code; a
// test reads that file and compares. See [FromName].
package image

import (
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Bounds on what a registry, a layout or an archive may hold. Beyond them a
// reference is refused with an error of code [CodeRefused].
const (
	MaxManifest = 4 << 20 // bytes of a manifest or an index
	MaxConfig   = 4 << 20 // bytes of an image's config
	MaxChildren = 1000    // entries of an index, those of nested ones included
	MaxConfigs  = 64      // children of one index whose configs are read because os.version is missing
	MaxNested   = 16      // indexes inside an index, one level deep
)

// Basis says where the knowledge about an image comes from.
type Basis string

// The bases.
const (
	BasisRegistry Basis = "registry"
	BasisDaemon   Basis = "daemon"
	BasisArchive  Basis = "archive"
	BasisLayout   Basis = "layout"
	BasisTag      Basis = "tag"   // only the name was read
	BasisFacts    Basis = "facts" // a recorded observation
	BasisGiven    Basis = "given" // windows:VERSION
)

// basis is where the knowledge comes from when a reference of the kind is read.
func (k Kind) basis() Basis {
	switch k {
	case Daemon:
		return BasisDaemon
	case Layout:
		return BasisLayout
	case OCIArchive, DockerArchive:
		return BasisArchive
	case Given:
		return BasisGiven
	}
	return BasisRegistry
}

// Tri is yes, no or unknown.
type Tri uint8

// The values of Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// String is "unknown", "no" or "yes".
func (t Tri) String() string { return [...]string{"unknown", "no", "yes"}[t] }

// MarshalText writes the value as String does.
func (t Tri) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Child is one entry of an index, or the one image that a manifest describes.
type Child struct {
	Digest       string // "" where only a name was read
	MediaType    string
	OS           string // "windows", "linux"; "unknown" is what attestations carry
	Architecture string // "amd64"; "" where neither index nor name says
	Variant      string
	OSVersion    string         // as written; "" where missing or where only the build is known
	Version      winver.Version // OSVersion parsed; invalid where missing or malformed. From a name it may be a build without a revision
	OSFeatures   []string       // "win32k" for images that need it
	Attestation  bool           // an entry that is no image: platform unknown/unknown, or annotated as attestation
	FromConfig   bool           // OSVersion was read from the image's config, the index did not state it
}

// Windows reports whether the child is a Windows image.
func (c *Child) Windows() bool { return !c.Attestation && c.OS == "windows" }

// The codes of findings.
const (
	FindingVersionMissing   = "os-version-missing"   // an index does not state os.version of a Windows child
	FindingVersionMalformed = "os-version-malformed" // os.version is not MAJOR.MINOR.BUILD[.REVISION]
	FindingNotFound         = "image-not-found"      // the repository is known to have no such tag
	FindingUnconfirmed      = "tag-unconfirmed"      // no good source says that the tag exists
	FindingRetired          = "repository-retired"   // the repository is no longer published to
	FindingNotWindows       = "not-windows"          // there is no Windows image behind the name
	FindingKBUnknown        = "kb-unknown"           // the facts do not know the KB for that build
	FindingKBAmbiguous      = "kb-ambiguous"         // the KB stands for several revisions
	FindingAmbiguous        = "name-ambiguous"       // the tag names two different versions
	FindingRecorded         = "recorded"             // a recorded observation of a tag, which may have moved
	FindingPartial          = "record-partial"       // the record may lack further children
	FindingDisagree         = "sources-disagree"     // what the name says is not what the registry holds
	FindingUnreachable      = "registry-unreachable" // the registry could not be asked: the name was read instead
	FindingIndexEmpty       = "index-empty"          // an index without entries
	FindingIndexDepth       = "index-too-deep"       // an index in an index in an index: not followed
	FindingIndexInIndex     = "index-in-index"       // an index in an index: followed, though runtimes may not
	FindingHub              = "docker-hub-name"      // the name leads to Docker Hub, the image is published elsewhere
	FindingContradicts      = "config-contradicts"   // the index says another platform of a child than its config
	FindingTwoOfBuild       = "two-of-one-build"     // two Windows children of one build
	FindingOutOfSupport     = "out-of-support"       // a child's Windows
	FindingTakesOther       = "runtime-takes-other-child"
	FindingNoChild          = "no-child-for-host" // nothing in it runs on a host that the user named
	FindingNotRead          = "config-not-read"   // a config that was to be compared could not be
)

// Finding is something that is wrong with an image, or that limits what is
// known about it.
type Finding struct{ Code, Text string }

// Defect reports whether something is wrong with the image, rather than that
// less is known about it.
func (f Finding) Defect() bool {
	switch f.Code {
	case FindingRecorded, FindingPartial, FindingUnreachable, FindingKBUnknown, FindingKBAmbiguous, FindingAmbiguous, FindingHub, FindingRetired, FindingNotRead:
		return false
	}
	return true
}

// Image is what is known about a reference.
type Image struct {
	Reference string // as the user gave it
	Digest    string // of what the reference points at; "" where not known
	MediaType string
	Basis     Basis
	Index     Tri     // Yes: an index (manifest list), No: a single manifest, Unknown: only a name was read and the grammar does not say
	Children  []Child // in index order; exactly one for a single manifest; none where nothing is known

	// What the name says, whatever the basis.
	Family   string         // "ltsc2022"
	KB       uint32         // 5033118
	Floating bool           // the tag moves with every Patch Tuesday: its revision is not known from the name
	AtLeast  winver.Version // for a floating tag that Microsoft still publishes: the newest B release known, a lower bound; else invalid

	Observed facts.Date // when a recorded fact, or the list of an index's families, was true
	Source   string     // URL of that fact; "" where it has none that can be opened
	Findings []Finding
}

func (m *Image) find(code string, text ...string) {
	m.Findings = append(m.Findings, Finding{code, strings.Join(text, "")})
}

// Has reports whether a finding has been made.
func (m *Image) Has(code string) bool {
	for i := range m.Findings {
		if m.Findings[i].Code == code {
			return true
		}
	}
	return false
}

// The codes of errors.
const (
	CodeReference    = "bad-reference"   // not an image reference
	CodeUnsupported  = "not-supported"   // a form of an archive or a layout that is not read
	CodeNotFound     = "image-not-found" // the registry answered 404; no such image in the engine, layout or archive
	CodeUnauthorized = "unauthorized"    // the registry or its token server answered 401 or 403
	CodeUnreachable  = "unreachable"     // no answer, a broken one, or one that asks to come back later
	CodeRefused      = "refused"         // beyond a bound, or a redirect that is not followed
	CodeManifest     = "bad-manifest"    // not a manifest, an index or a config of an image
	CodeRead         = "unreadable"      // a file that cannot be read
	CodeSeveral      = "several-images"  // a layout or an archive holds several images: which one?
	CodeDigest       = "digest-mismatch" // the content is not what its digest says
)

// Error is an error of this package. Texts never hold credentials.
type Error struct {
	Code string // one of the Code constants
	Text string // lower case, no full stop
	Hint string // a next step, or ""
	Err  error  // the cause, or nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// parseOSVersion reads an os.version: MAJOR.MINOR.BUILD or
// MAJOR.MINOR.BUILD.REVISION. The zero Version stands for anything else.
func parseOSVersion(s string) winver.Version {
	if n := strings.Count(s, "."); n != 2 && n != 3 {
		return winver.Version{}
	}
	v, err := winver.Parse(s)
	if err != nil {
		return winver.Version{}
	}
	return v
}
