package files

import (
	"fmt"
	"strconv"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Kind reads one kind of file. It decides nothing about versions.
type Kind interface {
	// Name is the kind's name, for --kind and for people: "dockerfile".
	Name() string
	// Match reports whether a file is of this kind: by its path (slashes, as it
	// was given), else by what is in it. src is the file, or its first bytes
	// where it is too large to be read. It is asked for every file, so it must be
	// cheap: a file without anything of interest is of no kind.
	Match(path string, src []byte) bool
	// Read says what the file says. The error is an *Error.
	Read(in *Input) (*Document, error)
}

// Input is a file to be read, and what may be asked while reading it.
type Input struct {
	Path  string
	Src   []byte // must not be kept or changed
	Facts *facts.Facts
	// Vars are variables that the user gave (--build-arg), "" is a value.
	Vars map[string]string
	// Hosts are those that the file is for, none: what it says itself.
	Hosts []winver.Host
	// Look says what an image holds, as far as that is known.
	Look func(reference string) *image.Image
	// Open reads another file of the repository by its path; ok is false where
	// there is none, or none that may be read. nil: there are no others.
	Open func(path string) (src []byte, ok bool)
	// List names what is in a folder of the repository. nil: that is not known.
	List func(folder string) []string

	depth int // of files that are read for others
}

// Document is what a file says that matters here.
type Document struct {
	Uses []Use
	// Findings are what is wrong whatever the hosts: an old label, say. Rule, At,
	// Message, Hint and Fix are set, the rest is filled in.
	Findings []Finding
	// Placements are what the file says of the hosts of groups.
	Placements []Placement
	// Blocks are statements of more than one line, in order, not nil where the
	// kind knows them: a comment before one holds for all of it.
	Blocks []Span
}

// Use is one image used at one place.
type Use struct {
	// Reference is the image, after variables; "" where it cannot be known.
	Reference string
	// Why says why Reference is not known.
	Why string
	// At is where the reference stands: findings are put there, and where Parts
	// is nil, these bytes are the reference and are replaced by a fix.
	At Span
	// Parts are what Reference is made of, in order, where that is more than the
	// bytes at At: an ARG's default, newName and newTag.
	Parts []Part
	// Role says what the image is for: "base", "copy-from", "container".
	Role string
	// Of is the file that names the image, where it is another one: a Dockerfile
	// that is built here.
	Of string
	// Windows is what the file says of the image's operating system.
	Windows image.Tri
	// Isolation as the file asks for it, else the default.
	Isolation compat.Isolation
	// NoHypervisor: where it runs there is none, so no Hyper-V isolation.
	NoHypervisor bool
	// Engine runs it; NoEngine stands for Docker, on Kubernetes for containerd.
	Engine compat.Engine
	// Kubernetes: a pod's container; HostProcess: a HostProcess container.
	Kubernetes, HostProcess bool
	// FilesOnly: files are taken from the image, it is pulled but not started.
	FilesOnly bool
	// Hosts are those that the file itself names for this image.
	Hosts []Host
	// Group names the uses of a file that must run on one host: the stages of a
	// build, the containers of a pod. "" for none.
	Group string
}

// Part is a piece of a reference.
type Part struct {
	Text string
	// At is where exactly this text stands in the file; zero where it does not,
	// or where it must not be changed.
	At Span
}

// Host is a Windows that a file names: a runner's label, a node selector.
type Host struct {
	winver.Host
	At Span
	// Label returns what to write at At for another Windows, ok is false where
	// there is nothing. nil: it cannot be changed.
	Label func(to winver.Host) (text string, ok bool)
}

// Span is a range of a file's bytes, End exclusive.
type Span struct{ Start, End int }

// IsZero reports whether the span is no place.
func (s Span) IsZero() bool { return s == Span{} }

// Edit replaces the bytes from Start to End, which may be none.
type Edit struct {
	Start, End int
	New        string
}

// Level is how bad a finding is.
type Level uint8

// The levels.
const (
	Off Level = iota
	Note
	Warning
	ErrorLevel
)

// String is "off", "note", "warning" or "error".
func (l Level) String() string { return [...]string{"off", "note", "warning", "error"}[l] }

// MarshalText writes the level as String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// ParseLevel reads what String writes.
func ParseLevel(s string) (Level, bool) {
	for l := Off; l <= ErrorLevel; l++ {
		if l.String() == s {
			return l, true
		}
	}
	return Off, false
}

// Finding is something that is wrong at one place of a file.
type Finding struct {
	Rule    string // an ID of Rules
	Level   Level
	Image   string // the reference it is about, "" for none
	At      Span
	Message string // lower case, no full stop
	Hint    string // what helps, or ""
	Source  string // URL of what it rests on, or ""
	Fix     []Edit // none: a person must decide

	Start, End Position // of At

	early bool // mended before the others: the hosts of images may depend on it
}

// Position is a place in a text: line and column count from 1, the column in
// characters.
type Position struct{ Line, Column int }

// Error says why a file could not be read.
type Error struct {
	File         string
	Line, Column int // 0 where there is no place
	Reason       string
	// Template: the file is not written in its kind's language yet, a program
	// makes that of it (a Helm template).
	Template bool
}

// Error is file:line:column: reason.
func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
		if e.Column > 0 {
			s += ":" + strconv.Itoa(e.Column)
		}
	}
	return s + ": " + e.Reason
}

// errorAt makes an error at a byte of a file.
func errorAt(in *Input, offset int, format string, args ...any) *Error {
	p := newLines(in.Src).position(offset)
	return &Error{File: in.Path, Line: p.Line, Column: p.Column, Reason: fmt.Sprintf(format, args...)}
}
