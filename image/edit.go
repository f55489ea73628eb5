package image

import (
	"errors"
	"strconv"

	"github.com/winmatch/winmatch/internal/jsonedit"
)

// An index is edited where it stands: see jsonedit.

// entry returns the object of entry i of an index.
func entry(b []byte, i int) (jsonedit.Span, error) {
	list, err := entriesOf(b)
	if err != nil {
		return jsonedit.Span{}, err
	}
	if i < 0 || i >= len(list) {
		return jsonedit.Span{}, jsonedit.ErrNotJSON
	}
	return list[i], nil
}

func entriesOf(b []byte) ([]jsonedit.Span, error) {
	list, err := manifestsOf(b)
	if err != nil {
		return nil, err
	}
	return jsonedit.Elements(b, list)
}

// manifestsOf is where the list of an index's entries stands.
func manifestsOf(b []byte) (jsonedit.Span, error) {
	top, err := jsonedit.At(b, 0)
	if err != nil {
		return jsonedit.Span{}, err
	}
	m, err := jsonedit.MemberOf(b, top, "manifests")
	if err != nil {
		return jsonedit.Span{}, twice(err)
	}
	if m == nil {
		return jsonedit.Span{}, jsonedit.ErrNotJSON
	}
	return m.Value, nil
}

// setVersions fills os.version into the platforms of entries of an index.
func setVersions(b []byte, versions map[int]string) ([]byte, error) {
	list, err := entriesOf(b)
	if err != nil {
		return nil, err
	}
	var edits []jsonedit.Edit
	for i, v := range versions {
		if i < 0 || i >= len(list) {
			return nil, jsonedit.ErrNotJSON
		}
		p, err := jsonedit.MemberOf(b, list[i], "platform")
		if err != nil {
			return nil, twice(err)
		}
		if p == nil {
			return nil, jsonedit.ErrNotJSON
		}
		e, err := jsonedit.Set(b, p.Value, "os.version", strconv.Quote(v))
		if err != nil {
			return nil, twice(err)
		}
		edits = append(edits, e)
	}
	return jsonedit.Apply(b, edits), nil
}

// pointAt lets entry i of an index point at another document.
func pointAt(b []byte, i int, digest string, size int) ([]byte, error) {
	obj, err := entry(b, i)
	if err != nil {
		return nil, err
	}
	d, err := jsonedit.Set(b, obj, "digest", strconv.Quote(digest))
	if err != nil {
		return nil, twice(err)
	}
	s, err := jsonedit.Set(b, obj, "size", strconv.Itoa(size))
	if err != nil {
		return nil, twice(err)
	}
	return jsonedit.Apply(b, []jsonedit.Edit{d, s}), nil
}

// appendEntry adds an entry, which is JSON, to an index, as its last one.
func appendEntry(b []byte, text string) ([]byte, error) {
	where, err := manifestsOf(b)
	if err != nil {
		return nil, err
	}
	list, err := jsonedit.Elements(b, where)
	if err != nil {
		return nil, err
	}
	at := where.Start + 1
	if len(list) > 0 {
		at, text = list[len(list)-1].End, ","+text
	}
	return jsonedit.Apply(b, []jsonedit.Edit{{At: jsonedit.Span{Start: at, End: at}, Text: text}}), nil
}

// twice makes an error of this package of a name that stands there twice.
func twice(err error) error {
	var t jsonedit.TwiceError
	if errors.As(err, &t) {
		return &Error{Code: CodeRefused, Text: t.Error()}
	}
	return err
}
