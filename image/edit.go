package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A JSON document is edited where it stands: what is not edited keeps every
// byte, its order, its white space, keys that nobody here knows and numbers of
// any size. The document has been read by encoding/json before, which checks
// the grammar, so what is here only finds its way.

// span is a JSON value within a document.
type span struct{ start, end int }

func (s span) of(b []byte) []byte { return b[s.start:s.end] }

// member is a member of an object.
type member struct {
	key, value span
	name       string
}

var errNotJSON = errors.New("not the JSON that was expected")

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// valueAt returns the value that begins at i or after white space.
func valueAt(b []byte, i int) (span, error) {
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
				return span{}, errNotJSON
			}
			continue
		default: // a number, true, false or null
			from := i
			for i < len(b) && !bytes.ContainsRune([]byte(" \t\r\n,:]}[{\""), rune(b[i])) {
				i++
			}
			if i == from {
				return span{}, errNotJSON
			}
		}
		if depth < 0 {
			return span{}, errNotJSON
		}
		if depth == 0 {
			if i > len(b) {
				return span{}, errNotJSON
			}
			return span{start, i}, nil
		}
	}
	return span{}, errNotJSON
}

// members lists the members of an object.
func members(b []byte, obj span) ([]member, error) {
	var list []member
	err := parts(b, obj, '{', '}', func(i int) (int, error) {
		key, err := valueAt(b, i)
		if err != nil || b[key.start] != '"' {
			return 0, errNotJSON
		}
		m := member{key: key}
		if json.Unmarshal(key.of(b), &m.name) != nil {
			return 0, errNotJSON
		}
		colon := skipSpace(b, key.end)
		if colon >= len(b) || b[colon] != ':' {
			return 0, errNotJSON
		}
		if m.value, err = valueAt(b, colon+1); err != nil {
			return 0, err
		}
		list = append(list, m)
		return m.value.end, nil
	})
	return list, err
}

// elements lists the elements of an array.
func elements(b []byte, array span) ([]span, error) {
	var list []span
	err := parts(b, array, '[', ']', func(i int) (int, error) {
		v, err := valueAt(b, i)
		list = append(list, v)
		return v.end, err
	})
	return list, err
}

// parts visits what stands between commas.
func parts(b []byte, in span, open, end byte, visit func(int) (int, error)) error {
	if in.end-in.start < 2 || b[in.start] != open || b[in.end-1] != end {
		return errNotJSON
	}
	i := skipSpace(b, in.start+1)
	if i == in.end-1 {
		return nil
	}
	for {
		next, err := visit(i)
		if err != nil {
			return err
		}
		if i = skipSpace(b, next); i >= in.end {
			return errNotJSON
		}
		if i == in.end-1 {
			return nil
		}
		if b[i] != ',' {
			return errNotJSON
		}
		i++
	}
}

// one returns the member of a name, nil where there is none. Readers in Go do
// not mind upper and lower case and take the last of several: a document that
// holds a name twice means different things to different readers and is not
// edited.
func one(list []member, name string) (*member, error) {
	var found *member
	for i := range list {
		if !strings.EqualFold(list[i].name, name) {
			continue
		}
		if found != nil {
			return nil, &Error{Code: CodeRefused, Text: "the document holds " + strconv.Quote(name) + " twice: it is not edited"}
		}
		found = &list[i]
	}
	return found, nil
}

// memberOf returns a member of the object at a place.
func memberOf(b []byte, obj span, name string) (*member, error) {
	list, err := members(b, obj)
	if err != nil {
		return nil, err
	}
	return one(list, name)
}

// edit replaces a part of a document.
type edit struct {
	at   span
	text string
}

// apply makes edits, which must not overlap.
func apply(b []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(x, y edit) int { return x.at.start - y.at.start })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, b[done:e.at.start]...), e.text...)
		done = e.at.end
	}
	return append(out, b[done:]...)
}

// set is the edit that gives a member of an object a value, which is JSON. A
// new member goes last and is spaced as the one before it.
func set(b []byte, obj span, name, value string) (edit, error) {
	list, err := members(b, obj)
	if err != nil {
		return edit{}, err
	}
	m, err := one(list, name)
	if err != nil {
		return edit{}, err
	}
	if m != nil {
		return edit{m.value, value}, nil
	}
	if len(list) == 0 {
		return edit{span{obj.start + 1, obj.start + 1}, strconv.Quote(name) + ":" + value}, nil
	}
	last := list[len(list)-1]
	before := last.key.start
	for before > obj.start+1 && skipSpace(b, before-1) >= last.key.start {
		before--
	}
	return edit{span{last.value.end, last.value.end},
		"," + string(b[before:last.key.start]) + strconv.Quote(name) + string(b[last.key.end:last.value.start]) + value}, nil
}

// entry returns the object of entry i of an index.
func entry(b []byte, i int) (span, error) {
	list, err := entriesOf(b)
	if err != nil {
		return span{}, err
	}
	if i < 0 || i >= len(list) {
		return span{}, errNotJSON
	}
	return list[i], nil
}

func entriesOf(b []byte) ([]span, error) {
	list, err := manifestsOf(b)
	if err != nil {
		return nil, err
	}
	return elements(b, list)
}

// manifestsOf is where the list of an index's entries stands.
func manifestsOf(b []byte) (span, error) {
	top, err := valueAt(b, 0)
	if err != nil {
		return span{}, err
	}
	m, err := memberOf(b, top, "manifests")
	if err != nil {
		return span{}, err
	}
	if m == nil {
		return span{}, errNotJSON
	}
	return m.value, nil
}

// setVersions fills os.version into the platforms of entries of an index.
func setVersions(b []byte, versions map[int]string) ([]byte, error) {
	list, err := entriesOf(b)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for i, v := range versions {
		if i < 0 || i >= len(list) {
			return nil, errNotJSON
		}
		p, err := memberOf(b, list[i], "platform")
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, errNotJSON
		}
		e, err := set(b, p.value, "os.version", strconv.Quote(v))
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	return apply(b, edits), nil
}

// pointAt lets entry i of an index point at another document.
func pointAt(b []byte, i int, digest string, size int) ([]byte, error) {
	obj, err := entry(b, i)
	if err != nil {
		return nil, err
	}
	d, err := set(b, obj, "digest", strconv.Quote(digest))
	if err != nil {
		return nil, err
	}
	s, err := set(b, obj, "size", strconv.Itoa(size))
	if err != nil {
		return nil, err
	}
	return apply(b, []edit{d, s}), nil
}

// appendEntry adds an entry, which is JSON, to an index, as its last one.
func appendEntry(b []byte, text string) ([]byte, error) {
	where, err := manifestsOf(b)
	if err != nil {
		return nil, err
	}
	list, err := elements(b, where)
	if err != nil {
		return nil, err
	}
	at := where.start + 1
	if len(list) > 0 {
		at, text = list[len(list)-1].end, ","+text
	}
	return apply(b, []edit{{span{at, at}, text}}), nil
}
