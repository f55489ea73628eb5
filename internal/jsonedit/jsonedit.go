// Package jsonedit edits JSON documents where they stand: what is not edited
// keeps every byte, its order, its white space, keys that nobody here knows and
// numbers of any size. The document has been read by encoding/json before, which
// checks the grammar, so what is here only finds its way.
package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Span is a JSON value within a document.
type Span struct{ Start, End int }

// Of is the value's text.
func (s Span) Of(b []byte) []byte { return b[s.Start:s.End] }

// Member is a member of an object.
type Member struct {
	Key, Value Span
	Name       string // the key, unquoted
}

// ErrNotJSON is the error for a document of another shape.
var ErrNotJSON = errors.New("not the JSON that was expected")

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// At returns the value that begins at i or after white space.
func At(b []byte, i int) (Span, error) {
	i = skipSpace(b, i)
	start, depth := i, 0
	for i < len(b) {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ' ', '\t', '\n', '\r', ',', ':':
			i++
			if depth == 0 {
				return Span{}, ErrNotJSON
			}
			continue
		default: // a number, true, false or null
			from := i
			for i < len(b) && !bytes.ContainsRune([]byte(" \t\r\n,:]}[{\""), rune(b[i])) {
				i++
			}
			if i == from {
				return Span{}, ErrNotJSON
			}
		}
		if depth < 0 {
			return Span{}, ErrNotJSON
		}
		if depth == 0 {
			if i > len(b) {
				return Span{}, ErrNotJSON
			}
			return Span{start, i}, nil
		}
	}
	return Span{}, ErrNotJSON
}

// Members lists the members of an object.
func Members(b []byte, obj Span) ([]Member, error) {
	var list []Member
	err := parts(b, obj, '{', '}', func(i int) (int, error) {
		key, err := At(b, i)
		if err != nil || b[key.Start] != '"' {
			return 0, ErrNotJSON
		}
		m := Member{Key: key}
		if json.Unmarshal(key.Of(b), &m.Name) != nil {
			return 0, ErrNotJSON
		}
		colon := skipSpace(b, key.End)
		if colon >= len(b) || b[colon] != ':' {
			return 0, ErrNotJSON
		}
		if m.Value, err = At(b, colon+1); err != nil {
			return 0, err
		}
		list = append(list, m)
		return m.Value.End, nil
	})
	return list, err
}

// Elements lists the elements of an array.
func Elements(b []byte, array Span) ([]Span, error) {
	var list []Span
	err := parts(b, array, '[', ']', func(i int) (int, error) {
		v, err := At(b, i)
		list = append(list, v)
		return v.End, err
	})
	return list, err
}

// parts visits what stands between commas.
func parts(b []byte, in Span, open, end byte, visit func(int) (int, error)) error {
	if in.End-in.Start < 2 || b[in.Start] != open || b[in.End-1] != end {
		return ErrNotJSON
	}
	i := skipSpace(b, in.Start+1)
	if i == in.End-1 {
		return nil
	}
	for {
		next, err := visit(i)
		if err != nil {
			return err
		}
		if i = skipSpace(b, next); i >= in.End {
			return ErrNotJSON
		}
		if i == in.End-1 {
			return nil
		}
		if b[i] != ',' {
			return ErrNotJSON
		}
		i++
	}
}

// one returns the member of a name, nil where there is none. Readers in Go do
// not mind upper and lower case and take the last of several: a document that
// holds a name twice means different things to different readers and is not
// edited.
func one(list []Member, name string) (*Member, error) {
	var found *Member
	for i := range list {
		if !strings.EqualFold(list[i].Name, name) {
			continue
		}
		if found != nil {
			return nil, TwiceError(name)
		}
		found = &list[i]
	}
	return found, nil
}

// MemberOf returns a member of the object at a place.
func MemberOf(b []byte, obj Span, name string) (*Member, error) {
	list, err := Members(b, obj)
	if err != nil {
		return nil, err
	}
	return one(list, name)
}

// Edit replaces a part of a document.
type Edit struct {
	At   Span
	Text string
}

// Apply makes edits, which must not overlap.
func Apply(b []byte, edits []Edit) []byte {
	slices.SortStableFunc(edits, func(x, y Edit) int { return x.At.Start - y.At.Start })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, b[done:e.At.Start]...), e.Text...)
		done = e.At.End
	}
	return append(out, b[done:]...)
}

// Set is the edit that gives a member of an object a value, which is JSON. A
// new member goes last and is spaced as the one before it.
func Set(b []byte, obj Span, name, value string) (Edit, error) {
	list, err := Members(b, obj)
	if err != nil {
		return Edit{}, err
	}
	m, err := one(list, name)
	if err != nil {
		return Edit{}, err
	}
	if m != nil {
		return Edit{m.Value, value}, nil
	}
	if len(list) == 0 {
		return Edit{Span{obj.Start + 1, obj.Start + 1}, strconv.Quote(name) + ":" + value}, nil
	}
	last := list[len(list)-1]
	before := last.Key.Start
	for before > obj.Start+1 && skipSpace(b, before-1) >= last.Key.Start {
		before--
	}
	return Edit{Span{last.Value.End, last.Value.End},
		"," + string(b[before:last.Key.Start]) + strconv.Quote(name) + string(b[last.Key.End:last.Value.Start]) + value}, nil
}

// TwiceError is the error for an object that holds a name twice.
type TwiceError string

func (e TwiceError) Error() string {
	return "the document holds " + strconv.Quote(string(e)) + " twice: it is not edited"
}
