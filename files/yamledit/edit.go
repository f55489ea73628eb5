package yamledit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Edit replaces the bytes from Start to End, which may be none.
type Edit struct {
	Start, End int
	New        string
}

// Refusal says why a change is not made.
type Refusal struct {
	Line, Column int // from 1
	Reason       string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d:%d: %s", r.Line, r.Column, r.Reason) }

func (f *File) refuse(offset int, reason string) error {
	line, column := f.Position(offset)
	return &Refusal{line, column, reason}
}

// Value is what can be written: a string (without quotes where they are not
// needed), a Quoted, a bool, a Map, a List.
type Value any

// Quoted is a text that is written in quotes.
type Quoted string

// Map is a mapping, in the order in which it is written.
type Map []Pair

// Pair is an entry of a Map.
type Pair struct {
	Key   string
	Value Value
}

// List is a sequence.
type List []Value

// Apply makes edits, which must not overlap. Of two at the same place the first
// one's text comes first.
func Apply(src []byte, edits ...Edit) ([]byte, error) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.Start - b.Start })
	var out []byte
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(src) {
			return nil, errors.New("edits that overlap, or lie outside of the text")
		}
		out = append(append(out, src[at:e.Start]...), e.New...)
		at = e.End
	}
	return append(out, src[at:]...), nil
}

// Replace gives a scalar, a key for one, another text, in the quotes that it
// has; a plain scalar gets quotes where its new text needs them. Tag, anchor and
// everything else stay. It refuses block scalars, and aliases: what they stand
// for is written elsewhere.
func (f *File) Replace(n *Node, text string) (Edit, error) {
	switch {
	case n.Kind == Alias:
		return Edit{}, f.refuse(n.Start, "an alias: what it stands for is written elsewhere")
	case n.Kind != Scalar:
		return Edit{}, f.refuse(n.Start, "not a single value")
	case n.Style == Literal || n.Style == Folded:
		return Edit{}, f.refuse(n.Start, "a block of text")
	case n.Start == n.End:
		return Edit{}, f.refuse(n.Start, "nothing is written here")
	}
	e := Edit{n.Start, n.End, scalarText(text, n.Style, n.InFlow)}
	return e, f.verifyScalar(e, n, text)
}

// Set writes an entry of a mapping: a new one behind the last, the value of one
// that has none, another text for a text; into an entry that is a mapping itself
// the entries of a Map are set one by one. It refuses what would change more
// than that: an entry that comes through an alias or a merge key, one that is
// there twice.
func (f *File) Set(m *Node, key string, v Value) ([]Edit, error) {
	if m.Kind != Mapping {
		return nil, f.refuse(m.Start, "not a mapping of its own")
	}
	if m.Twice(key) {
		return nil, f.refuse(m.Start, "the key is there twice: "+key)
	}
	e, ok := m.Find(key)
	switch {
	case !ok:
		return f.edits(f.insert(m, Pair{key, v}))
	case e.Shared || e.Value.Kind == Alias || e.Value.Anchor != "":
		return nil, f.refuse(e.Key.Start, "shared by an alias or a merge key: "+key)
	case e.Value.IsNull():
		return f.edits(f.fill(m, e.Value, v))
	}
	switch v := v.(type) {
	case string:
		return f.edits(f.Replace(e.Value, v))
	case Quoted:
		return f.edits(f.Replace(e.Value, string(v)))
	case Map:
		if e.Value.Kind != Mapping {
			break
		}
		var all []Edit
		var fresh Map
		for _, p := range v {
			if _, ok := e.Value.Find(p.Key); !ok {
				fresh = append(fresh, p)
				continue
			}
			more, err := f.Set(e.Value, p.Key, p.Value)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		if len(fresh) > 0 {
			more, err := f.insert(e.Value, fresh...)
			if err != nil {
				return nil, err
			}
			all = append(all, more)
		}
		return all, nil
	}
	return nil, f.refuse(e.Key.Start, "there is another value: "+key)
}

// Append writes a further item behind the last one of a sequence.
func (f *File) Append(s *Node, v Value) (Edit, error) {
	if s.Kind != Sequence {
		return Edit{}, f.refuse(s.Start, "not a list of its own")
	}
	if s.Anchor != "" {
		return Edit{}, f.refuse(s.Start, "shared by an alias")
	}
	var e Edit
	if s.Style == Flow {
		e = f.intoFlow(s, flow(v, f.quoting(s)))
	} else {
		var w writer
		w.hab = f.habits()
		w.item(s.column, v)
		var err error
		if e, err = f.behind(s, w.lines); err != nil {
			return e, err
		}
	}
	return e, f.verify(e, nil)
}

// Remove takes an entry out of a mapping, with its comment on the same line. The
// last entry stays: what a mapping without entries would mean is not known here.
func (f *File) Remove(m *Node, key string) (Edit, error) {
	if m.Kind != Mapping || m.Twice(key) {
		return Edit{}, f.refuse(m.Start, "not one entry of a mapping of its own: "+key)
	}
	if len(m.Content) <= 2 {
		return Edit{}, f.refuse(m.Start, "the only entry: "+key)
	}
	i := slices.IndexFunc(m.Content, func(n *Node) bool { return n.Kind == Scalar && n.Value == key })
	if i < 0 || i%2 != 0 {
		return Edit{}, f.refuse(m.Start, "not an entry of this mapping: "+key)
	}
	gone := m.Content[i : i+2]
	if anchored(gone[0]) || anchored(gone[1]) {
		return Edit{}, f.refuse(gone[0].Begin, "an anchor is in it: "+key)
	}
	start := gone[0].Begin
	switch {
	case m.Style == Flow && i+2 < len(m.Content):
		e := Edit{Start: start, End: m.Content[i+2].Begin}
		return e, f.verify(e, gone)
	case m.Style == Flow:
		e := Edit{Start: m.Content[i-1].End, End: gone[1].End}
		return e, f.verify(e, gone)
	case blank(f.Src[f.lineStart(start):start]):
		e := f.cutLines(start, gone[1].End)
		return e, f.verify(e, gone)
	case i+2 < len(m.Content): // the first entry, behind a dash
		e := Edit{Start: start, End: m.Content[i+2].Begin}
		return e, f.verify(e, gone)
	}
	return Edit{}, f.refuse(start, "an entry on the line of another: "+key)
}

// RemoveItem takes an item out of a sequence, with its comment on the same line.
// The only item stays.
func (f *File) RemoveItem(s *Node, i int) (Edit, error) {
	if s.Kind != Sequence || i < 0 || i >= len(s.Content) {
		return Edit{}, f.refuse(s.Start, "not a list of its own with that item")
	}
	if len(s.Content) == 1 {
		return Edit{}, f.refuse(s.Start, "the only item")
	}
	gone := s.Content[i : i+1]
	start, end := gone[0].Begin, gone[0].End
	var e Edit
	switch {
	case anchored(gone[0]):
		return Edit{}, f.refuse(start, "an anchor is in it")
	case s.Style == Flow && i+1 < len(s.Content):
		e = Edit{Start: start, End: s.Content[i+1].Begin}
	case s.Style == Flow:
		e = Edit{Start: s.Content[i-1].End, End: end}
	case strings.TrimSpace(string(f.Src[f.lineStart(start):start])) == "-":
		e = f.cutLines(start, end)
	default:
		return Edit{}, f.refuse(start, "an item on the line of another")
	}
	return e, f.verify(e, gone)
}

// cutLines takes out the lines from start to end. The text keeps or lacks its
// last line ending as it did.
func (f *File) cutLines(start, end int) Edit {
	e := Edit{Start: f.lineStart(start), End: f.lineEnd(end)}
	if end > start && f.Src[end-1] == '\n' { // a block that keeps its line endings
		e.End = end
		return e
	}
	rest := string(f.Src[e.End:min(e.End+2, len(f.Src))])
	switch {
	case strings.HasPrefix(rest, "\r\n"):
		e.End += 2
	case rest != "":
		e.End++
	default:
		e.Start = f.lineEnd(max(e.Start-1, 0))
	}
	return e
}

func anchored(n *Node) bool {
	return n.Anchor != "" || slices.ContainsFunc(n.Content, anchored)
}

func (f *File) edits(e Edit, err error) ([]Edit, error) {
	if err != nil {
		return nil, err
	}
	return []Edit{e}, nil
}

// insert writes entries behind the last one of a mapping.
func (f *File) insert(m *Node, pairs ...Pair) (Edit, error) {
	if m.Anchor != "" {
		return Edit{}, f.refuse(m.Begin, "shared by an alias")
	}
	var e Edit
	if m.Style == Flow {
		if m.explicit {
			return e, f.refuse(m.Start, "a pair in a list")
		}
		quote := f.quoting(m)
		items := make([]string, len(pairs))
		for i, p := range pairs {
			items[i] = scalarText(p.Key, quote, true) + ": " + flow(p.Value, quote)
		}
		e = f.intoFlow(m, items...)
	} else {
		w := writer{hab: f.habits()}
		for _, p := range pairs {
			w.entry(m.column, p)
		}
		var err error
		if e, err = f.behind(m, w.lines); err != nil {
			return e, err
		}
	}
	return e, f.verify(e, nil)
}

// fill writes a value where none, or null, is written.
func (f *File) fill(m, empty *Node, v Value) (Edit, error) {
	if empty.Begin < empty.Start {
		return Edit{}, f.refuse(empty.Begin, "a tag or an anchor without a value")
	}
	var e Edit
	switch v := v.(type) {
	case Map, List:
		if m.Style == Flow || empty.Start < empty.End {
			e = Edit{empty.Start, empty.End, flow(v, f.quoting(m))}
			break
		}
		w := writer{hab: f.habits()}
		w.value(m.column, v)
		at := f.lineEnd(empty.End)
		e = Edit{at, at, f.eol() + strings.Join(w.lines, f.eol())}
		return e, f.verify(e, []*Node{empty})
	default:
		e = Edit{empty.Start, empty.End, flow(v, f.quoting(m))}
	}
	if empty.Start == empty.End {
		if m.Style == Flow && (empty.Start == 0 || f.Src[empty.Start-1] != ':') {
			return Edit{}, f.refuse(empty.Start, "a key without a colon")
		}
		e.New = " " + e.New
	}
	return e, f.verify(e, []*Node{empty})
}

// behind puts lines behind the last one of a block collection.
func (f *File) behind(n *Node, lines []string) (Edit, error) {
	last := n
	for len(last.Content) > 0 && last.Style == Block {
		last = last.Content[len(last.Content)-1]
	}
	text := strings.Join(lines, f.eol())
	if last.Style == Literal || last.Style == Folded {
		if last.End > 0 && f.Src[last.End-1] == '\n' {
			return Edit{last.End, last.End, text + f.eol()}, nil
		}
		if f.lineEnd(last.End) == len(f.Src) {
			return Edit{}, f.refuse(last.Start, "a block of text that ends with the file, without a line ending")
		}
	}
	at := f.lineEnd(last.End)
	return Edit{at, at, f.eol() + text}, nil
}

// intoFlow puts items behind the last one of a flow collection: on a line of
// their own where the last one is on one.
func (f *File) intoFlow(n *Node, items ...string) Edit {
	if len(n.Content) == 0 {
		at := n.Start + 1
		return Edit{at, at, strings.Join(items, ", ")}
	}
	last := n.Content[len(n.Content)-1]
	first := last
	if n.Kind == Mapping {
		first = n.Content[len(n.Content)-2]
	}
	comma := ", "
	if start := f.lineStart(first.Begin); blank(f.Src[start:first.Begin]) && start > n.Start {
		comma = "," + f.eol() + string(f.Src[start:first.Begin])
	}
	text := ""
	for _, item := range items {
		text += comma + item
	}
	if last.Start == last.End {
		text = " " + text
	}
	return Edit{last.End, last.End, text}
}

// quoting is the style of a flow collection's texts: double quotes where its
// first text has them, as in JSON; else none where none are needed.
func (f *File) quoting(n *Node) Style {
	for len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Style == DoubleQuoted || len(f.Docs) > 0 && f.Docs[0].Style == Flow && f.jsonLike() {
		return DoubleQuoted
	}
	return Plain
}

// jsonLike reports whether the first text of the file is in double quotes.
func (f *File) jsonLike() bool {
	n := f.Docs[0]
	for len(n.Content) > 0 {
		n = n.Content[0]
	}
	return n.Style == DoubleQuoted
}
