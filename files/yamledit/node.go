package yamledit

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Scalar Kind = iota
	Mapping
	Sequence
	Alias
)

// Style says how a node is written.
type Style uint8

// The styles. Mappings and sequences are Block or Flow, scalars the others.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal
	Folded
	Block
	Flow
)

// Node is a value of a document and the bytes it is written in.
type Node struct {
	Kind  Kind
	Style Style
	// Value is a scalar's text, decoded; an alias's name.
	Value string
	// Tag and Anchor as they are written, without ! and & of their beginning
	// only where there is none: "!!str", "x".
	Tag, Anchor string
	// Start and End bound the node's bytes, without tag, anchor and comments.
	// A node that is not written (the value of "key:") is empty: Start == End,
	// behind its indicator. The end of a block collection is that of its last
	// node.
	Start, End int
	// Begin is where the tag or anchor begins; else it is Start.
	Begin int
	// Content of a mapping: key, value, key, value; of a sequence: its items.
	Content []*Node
	// Target is what an alias stands for.
	Target *Node
	// InFlow is set for nodes inside [] or {}.
	InFlow bool
	// column of a block collection's indicators or keys.
	column int
	// explicit is set for a mapping that has a key written with "?".
	explicit bool
}

// File is a text and the documents in it. It is not for several goroutines.
type File struct {
	Src  []byte
	Docs []*Node // one a document that has content

	bom      int
	verified int // bytes read again: see maxVerified
}

// Position is the line and the column of a byte, from 1. Columns count
// characters; a byte order mark is none.
func (f *File) Position(offset int) (line, column int) {
	return Position(f.Src, offset)
}

// Position is the line and the column, from 1, of a byte of a text. Columns
// count characters; a byte order mark at the beginning is none.
func Position(src []byte, offset int) (line, column int) {
	offset = min(max(offset, 0), len(src))
	before := src[:offset]
	line = bytes.Count(before, []byte("\n")) + 1
	before = before[bytes.LastIndexByte(before, '\n')+1:]
	if line == 1 {
		before = bytes.TrimPrefix(before, []byte(bom))
	}
	return line, utf8.RuneCount(before) + 1
}

// Resolve follows an alias; of other nodes, and of nil, it is the node itself.
func (n *Node) Resolve() *Node {
	for n != nil && n.Kind == Alias {
		n = n.Target
	}
	return n
}

// IsNull reports whether a node stands for nothing: not written, ~ or null.
func (n *Node) IsNull() bool {
	n = n.Resolve()
	if n == nil {
		return true
	}
	if n.Kind != Scalar || n.Style != Plain || n.Tag != "" {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// Text is the value of a scalar, through an alias; "" and false for others and
// where it is null.
func (n *Node) Text() (string, bool) {
	n = n.Resolve()
	if n == nil || n.Kind != Scalar || n.IsNull() {
		return "", false
	}
	return n.Value, true
}

// Items are the items of a sequence, through an alias; none of other nodes.
func (n *Node) Items() []*Node {
	n = n.Resolve()
	if n == nil || n.Kind != Sequence {
		return nil
	}
	return n.Content
}

// Entry is a mapping's entry, and where it was found.
type Entry struct {
	Key, Value *Node
	// Of is the mapping that holds it, which is another one than that asked
	// where it came by a merge key (<<).
	Of *Node
	// Shared is set where the entry came through an alias or a merge key: a
	// change of it reaches whoever else refers to it.
	Shared bool
}

// Entries calls f for each entry of a mapping, through an alias, in the order
// of the text; merge keys (<<) are entries as any other.
func (n *Node) Entries(f func(key, value *Node) bool) {
	m := n.Resolve()
	if m == nil || m.Kind != Mapping {
		return
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if !f(m.Content[i], m.Content[i+1]) {
			return
		}
	}
}

// Find looks a key up in a mapping, through aliases and merge keys: the
// mapping's own entry first, as YAML merges. Of a key that is there twice it
// is the last one, as most programs read it.
func (n *Node) Find(key string) (Entry, bool) {
	return n.find(key, false, &[]*Node{})
}

// find is Find. seen are the mappings that were looked at: each is once, however
// often they are merged.
func (n *Node) find(key string, shared bool, seen *[]*Node) (Entry, bool) {
	m := n.Resolve()
	if m == nil || m.Kind != Mapping || slices.Contains(*seen, m) {
		return Entry{}, false
	}
	*seen = append(*seen, m)
	shared = shared || m != n
	for i := len(m.Content) - 2; i >= 0; i -= 2 {
		if k := m.Content[i].Resolve(); k.Kind == Scalar && k.Value == key {
			return Entry{Key: m.Content[i], Value: m.Content[i+1], Of: m, Shared: shared || m.Content[i] != k}, true
		}
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if k := m.Content[i]; k.Kind != Scalar || k.Value != "<<" || k.Style != Plain {
			continue
		}
		v := m.Content[i+1].Resolve()
		if v.Kind == Mapping {
			if e, ok := m.Content[i+1].find(key, true, seen); ok {
				return e, true
			}
		}
		for _, item := range v.Items() {
			if e, ok := item.find(key, true, seen); ok {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// Get is the value of a key, nil where there is none: see Find.
func (n *Node) Get(key string) *Node {
	e, _ := n.Find(key)
	return e.Value
}

// Path is the value under keys, one below the other, nil where there is none.
// Key by key it is Find.
func (n *Node) Path(keys ...string) *Node {
	for _, k := range keys {
		if n = n.Get(k); n == nil {
			return nil
		}
	}
	return n
}

// String is the value of a key as a text, "" where there is none.
func (n *Node) String(keys ...string) string {
	s, _ := n.Path(keys...).Text()
	return s
}

// Twice reports whether a mapping has a key more than once.
func (n *Node) Twice(key string) bool {
	count := 0
	n.Entries(func(k, _ *Node) bool {
		if k := k.Resolve(); k.Kind == Scalar && k.Value == key {
			count++
		}
		return true
	})
	return count > 1
}

// eol is the line ending of a text: that of its first line.
func (f *File) eol() string {
	if i := bytes.IndexByte(f.Src, '\n'); i > 0 && f.Src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineEnd is the offset behind the text of the line that holds an offset,
// before its line ending.
func (f *File) lineEnd(offset int) int {
	i := bytes.IndexByte(f.Src[offset:], '\n')
	if i < 0 {
		return len(f.Src)
	}
	i += offset
	if i > 0 && f.Src[i-1] == '\r' {
		i--
	}
	return i
}

// lineStart is the offset of the first byte of a line, behind a byte order mark.
func (f *File) lineStart(offset int) int {
	i := bytes.LastIndexByte(f.Src[:offset], '\n') + 1
	if i == 0 {
		i = f.bom
	}
	return i
}

// blank reports whether a part of the text is spaces and tabs only.
func blank(s []byte) bool { return strings.Trim(string(s), " \t") == "" }
