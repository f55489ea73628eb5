package files

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// yamlFile is a YAML text with what its kinds need to find places in it.
type yamlFile struct {
	*yamledit.File
	in *Input
	// others are the texts of files that this one takes in. Their nodes have no
	// places: these would be of another file.
	others []string
}

// readYAML reads a YAML file. The error is an *Error.
func readYAML(in *Input) (*yamlFile, error) {
	f, err := yamledit.Parse(in.Src)
	if err == nil {
		return &yamlFile{File: f, in: in}, nil
	}
	var e *yamledit.Error
	if !errors.As(err, &e) {
		return nil, &Error{File: in.Path, Reason: err.Error()}
	}
	return nil, &Error{File: in.Path, Line: e.Line, Column: e.Column, Reason: e.Reason, Template: bytes.Contains(in.Src, []byte("{{"))}
}

// maxOthers is how many other files one may take in.
const maxOthers = 50

// other reads a file that this one takes in, by its path from this one; nil where
// it cannot be read. What is in it has no place here.
func (y *yamlFile) other(name string) *yamledit.Node {
	if len(y.others) >= maxOthers {
		return nil
	}
	src := y.in.beside(name)
	f, err := yamledit.Parse(src)
	if src == nil || err != nil || len(f.Docs) == 0 {
		return nil
	}
	y.others = append(y.others, string(src))
	forget(f.Docs[len(f.Docs)-1])
	return f.Docs[len(f.Docs)-1]
}

// forget takes the places off a node and what is in it.
func forget(n *yamledit.Node) {
	n.Start, n.End, n.Begin = 0, 0, 0
	for _, c := range n.Content {
		forget(c)
	}
}

// says reports whether a text stands in this file or in one that it takes in.
func (y *yamlFile) says(text string) bool {
	return strings.Contains(string(y.Src), text) || slices.ContainsFunc(y.others, func(o string) bool { return strings.Contains(o, text) })
}

// span is where a node stands.
func span(n *yamledit.Node) Span { return Span{n.Start, n.End} }

// place is where a part of a scalar's text stands in the file; zero where it
// does not stand there as it is, because of an escape or a folded line.
func (y *yamlFile) place(n *yamledit.Node, from, to int) Span {
	if from >= to || n.Start >= n.End {
		return Span{}
	}
	raw, part := string(y.Src[n.Start:n.End]), n.Value[from:to]
	if strings.Contains(part, "\n") || strings.Count(raw, part) != strings.Count(n.Value, part) {
		return Span{}
	}
	at := 0
	for range strings.Count(n.Value[:from], part) {
		at += strings.Index(raw[at:], part) + len(part)
	}
	at += n.Start + strings.Index(raw[at:], part)
	return Span{at, at + len(part)}
}

// bounds is where a value stands, from its first part that stands in the file
// to the last; of none it is the node.
func (v value) bounds(n *yamledit.Node) Span {
	s := span(n)
	first := true
	for _, p := range v.parts {
		if p.At.Start < n.Start || p.At.End > n.End || p.At.IsZero() {
			continue
		}
		if first {
			s, first = p.At, false
		}
		s.End = max(s.End, p.At.End)
	}
	return s
}

// set gives a use its reference: what it is made of, or why it is not known.
func (u *Use) set(v value) {
	if v.why == "" {
		if t := v.text(); t == "" || strings.ContainsAny(t, " \t\n") || t[0] == '-' {
			v = value{why: "it is not one word"}
		}
	}
	u.Reference, u.Why, u.Parts = v.text(), v.why, v.parts
	if v.why != "" {
		u.Parts = nil
	}
}
