package yamledit

import "slices"

// maxVerified bounds how many bytes are read again for the changes of one file:
// in a large file with very many places to change, some are refused.
const maxVerified = 16 << 20

// fact is what a node says, without its place.
type fact struct {
	depth       int
	kind        Kind
	value       string
	tag, anchor string
}

// verify makes an edit and reads the text again: every node that was not to be
// changed must be there as before, in the same order. gone are nodes that are no
// more afterwards.
func (f *File) verify(e Edit, gone []*Node) error {
	if f.verified += len(f.Src); f.verified > maxVerified {
		return f.refuse(e.Start, "too many changes of a large file")
	}
	src, err := Apply(f.Src, e)
	if err != nil {
		return err
	}
	after, err := Parse(src)
	if err != nil {
		return f.refuse(e.Start, "this cannot be written here: "+err.Error())
	}
	before := f.facts(e.Start, e.End, nil)
	if gone != nil {
		before = f.facts(0, 0, gone)
	}
	if !slices.Equal(before, after.facts(e.Start, e.Start+len(e.New), nil)) {
		return f.refuse(e.Start, "this cannot be written here without changing something else")
	}
	return nil
}

// verifyScalar is verify for an edit that gives the scalar n a text: the bytes
// at its place must then be that text and nothing else.
func (f *File) verifyScalar(e Edit, n *Node, text string) error {
	if err := f.verify(e, nil); err != nil {
		return err
	}
	src, err := Apply(f.Src, e)
	if err != nil {
		return err
	}
	after, err := Parse(src)
	if err != nil {
		return err
	}
	m := after.scalarAt(e.Start)
	if m == nil || m.Value != text || m.End != e.Start+len(e.New) || m.Tag != n.Tag {
		return f.refuse(e.Start, "this text cannot be written here")
	}
	return nil
}

// scalarAt is the scalar that begins at an offset, nil where none does.
func (f *File) scalarAt(start int) *Node {
	var found *Node
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Kind == Scalar && n.Start == start && n.Start < n.End {
			found = n
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	for _, d := range f.Docs {
		walk(d)
	}
	return found
}

// facts lists the nodes of a file but those that begin from start to end, and
// those that are gone.
func (f *File) facts(start, end int, gone []*Node) []fact {
	var list []fact
	var walk func(n *Node, depth int)
	walk = func(n *Node, depth int) {
		if slices.Contains(gone, n) {
			return
		}
		inside := n.Start >= start && n.Start < end && n.Start < n.End
		if !inside {
			list = append(list, fact{depth, n.Kind, n.Value, n.Tag, n.Anchor})
		}
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	for _, d := range f.Docs {
		walk(d, 0)
	}
	return list
}
