package files

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Scanner reads files and finds what is wrong. Its fields are set before the
// first use and not changed after; it may be used by several goroutines.
type Scanner struct {
	Facts *facts.Facts
	Today facts.Date
	// Hosts are those that the images are to run on, whatever a file says. None:
	// what the file itself names.
	Hosts []winver.Host
	// To moves everything to this host (fix --to), nil: not.
	To *winver.Host
	// Isolation and Runtime are used where a file does not say.
	Isolation compat.Isolation
	Runtime   compat.Runtime
	// Vars are variables for all files (--build-arg).
	Vars map[string]string
	// Config is the repository's winmatch.yaml, nil: none.
	Config *Config
	// Rel is a file's path from the folder of Config; nil: its path as it is.
	Rel func(path string) string
	// Kind takes every file for one of this kind; "": by name and content.
	Kind string
	// Look says what an image holds (see Ask); nil: what its name says.
	Look func(image.Reference) image.Image
	// NoGitIgnore: Walk scans what git ignores, too.
	NoGitIgnore bool
	// Fix mends what was found, in Result.After.
	Fix bool
	// Open reads the files that a file refers to (see OpenBelow); nil: none.
	Open func(path string) (src []byte, ok bool)
	// List names what is in the folder of a file (see ListBelow); nil: nothing.
	List func(folder string) []string
	// Verbose adds what is not known.
	Verbose bool
	// MaxSize is the size in bytes from which a file is not read; 0: MaxSize.
	MaxSize int64

	names names
}

// MaxSize is the size of a file from which it is not read.
const MaxSize = 16 << 20

// Result is what was found in one file.
type Result struct {
	Path     string
	Kind     string // "": of no kind, or not read
	Findings []Finding
	Err      *Error // why it was not read

	// With Scanner.Fix: the file as it was and as it is mended, nil where nothing
	// changes; and what is found in it then.
	Before, After []byte
	Left          []Finding
}

// Scan looks at one file. With Fix it mends what it finds, and looks again,
// until nothing is left that it can mend.
func (s *Scanner) Scan(path string, src []byte) Result {
	r := s.once(path, src)
	if !s.Fix || r.Err != nil {
		return r
	}
	now, last := src, r
	for range maxRounds {
		out := apply(now, round(last.Findings))
		if bytes.Equal(out, now) {
			break
		}
		next := s.once(path, out)
		if next.Err != nil || next.Kind != r.Kind {
			break // what cannot be read any more is not written
		}
		now, last = out, next
	}
	r.Left = last.Findings
	if !bytes.Equal(now, src) {
		r.Before, r.After = bytes.Clone(src), now
	}
	return r
}

// maxRounds bounds how often a file is mended and looked at again: a fix may
// make room for another.
const maxRounds = 8

// round are the findings to mend next: what a file says of its hosts comes before
// the images on them.
func round(list []Finding) []Finding {
	var early []Finding
	for i := range list {
		if list[i].early && len(list[i].Fix) > 0 {
			early = append(early, list[i])
		}
	}
	if early != nil {
		return early
	}
	return list
}

func (s *Scanner) once(path string, src []byte) Result {
	k := ByName(s.Kind)
	if k == nil {
		k = kindOf(path, src)
	}
	if k == nil {
		return Result{Path: path}
	}
	set, ignored := s.settings(path)
	r := Result{Path: path, Kind: k.Name()}
	if ignored {
		return r
	}
	in := &Input{Path: path, Src: src, Facts: s.Facts, Vars: s.Vars, Open: s.Open, List: s.List, Hosts: set.Hosts}
	in.Look = s.look
	doc, err := k.Read(in)
	if err != nil {
		if !errors.As(err, &r.Err) {
			r.Err = &Error{File: path, Reason: err.Error()}
		}
		return r
	}
	j := judge{Scanner: s, in: in, set: set}
	j.document(doc)
	for i := range doc.Findings {
		doc.Findings[i].early = true
	}
	r.Findings = s.finish(in, doc.Blocks, append(doc.Findings, j.findings...))
	return r
}

// settings are what holds for a file: what was asked for, else what the
// winmatch.yaml says.
func (s *Scanner) settings(path string) (set Settings, ignored bool) {
	if s.Rel != nil {
		path = s.Rel(path)
	}
	set, ignored = s.Config.For(path)
	if len(s.Hosts) > 0 {
		set.Hosts = s.Hosts
	}
	if s.Isolation != compat.DefaultIsolation {
		set.Isolation = s.Isolation
	}
	if s.Runtime.Engine != compat.NoEngine {
		set.Runtime = s.Runtime
	}
	return set, ignored
}

// level is that of a finding, Off where it is not to be reported.
func (s *Scanner) level(f *Finding) Level {
	if s.Config != nil {
		if l, ok := s.Config.levels[f.Rule]; ok {
			return l
		}
	}
	l := f.Level
	if l == Off {
		l = RuleByID(f.Rule).Level
	}
	if l == Off && s.Verbose {
		l = Note
	}
	return l
}

// finish fills in levels and places, drops what is off or suppressed, and sorts.
func (s *Scanner) finish(in *Input, blocks []Span, list []Finding) []Finding {
	if len(list) == 0 && !bytes.Contains(in.Src, []byte(ignoreWord)) {
		return nil
	}
	at := newLines(in.Src)
	suppressed, wrong := ignores(at, blocks)
	n := 0
	list = append(list, wrong...)
	for _, f := range list {
		f.Level = s.level(&f)
		f.Start, f.End = at.position(f.At.Start), at.position(f.At.End)
		if f.Level == Off || suppressed.has(f.Rule, f.Start.Line) {
			continue
		}
		list[n] = f
		n++
	}
	list = list[:n]
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.At.Start, b.At.Start), cmp.Compare(b.Level, a.Level), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}
