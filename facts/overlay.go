package facts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
)

// MaxOverlay bounds an overlay, in bytes.
const MaxOverlay = 16 << 20

// overlay is the file that a user lays over the facts. Dates are written
// "2026-10-13", KBs "KB5129235"; keys are those of the source files.
type overlay struct {
	asOf     string
	updates  []overlayUpdate
	releases []overlayRelease

	// Where it stands in the file: the value of asOf, the list of updates (empty
	// where there is none), and the rows of both lists.
	asOfAt, updatesAt       span
	updateRows, releaseRows []span
}

// span is a part of a file, in bytes.
type span struct{ start, end int }

type overlayUpdate struct {
	Build    uint32 `json:"build"`
	Revision uint32 `json:"revision"`
	KB       string `json:"kb,omitempty"`
	Date     string `json:"date,omitempty"`
	Type     string `json:"type,omitempty"`
	Line     string `json:"line,omitempty"`
	Source   string `json:"source,omitempty"`
	Note     string `json:"note,omitempty"`
}

type overlayRelease struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Kind          string   `json:"kind"`
	Version       string   `json:"version"`
	Build         uint32   `json:"build"`
	Available     string   `json:"available"`
	MainstreamEnd string   `json:"mainstreamEnd"`
	ExtendedEnd   string   `json:"extendedEnd"`
	HomeProEnd    string   `json:"homeProEnd"`
	EnterpriseEnd string   `json:"enterpriseEnd"`
	Tags          []string `json:"tags"` // family tags of windows/servercore
	Sources       []string `json:"sources"`
}

// Overlay returns the facts with those read from r laid over them: updates and
// releases of the same build and revision, or of the same id, are replaced, new
// ones added, and the date moves on. The result is checked like the embedded
// facts; where anything in it is wrong, the overlay is refused whole.
func (f *Facts) Overlay(r io.Reader) (*Facts, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxOverlay+1))
	if err != nil {
		return nil, err
	}
	g, err := f.overlay(b)
	if err != nil {
		return nil, fmt.Errorf("facts file: %w", err)
	}
	return g, nil
}

func (f *Facts) overlay(b []byte) (*Facts, error) {
	o, err := readOverlay(b)
	if err != nil {
		return nil, err
	}
	g := *f
	g.AsOf = ParseDate(o.asOf)
	if g.AsOf == 0 || g.AsOf.Day() == 0 {
		return nil, fmt.Errorf("asOf: bad date %q (want 2026-10-13, say)", o.asOf)
	}
	g.AsOf = max(g.AsOf, f.AsOf)

	byBuild := map[[2]uint32]Update{}
	for _, u := range f.Updates {
		byBuild[[2]uint32{u.Build, u.Revision}] = u
	}
	given := map[[2]uint32]int{}
	for i, u := range o.updates {
		at := func(err error) error {
			return fmt.Errorf("line %d: updates[%d]: %w", lineOf(b, o.updateRows[i].start), i, err)
		}
		v, err := u.update()
		if err != nil {
			return nil, at(err)
		}
		key := [2]uint32{v.Build, v.Revision}
		if j, ok := given[key]; ok {
			return nil, at(fmt.Errorf("%d.%d stands there twice, in updates[%d] too", v.Build, v.Revision, j))
		}
		given[key] = i
		byBuild[key] = v
	}
	g.Updates = make([]Update, 0, len(byBuild))
	for _, u := range byBuild {
		g.Updates = append(g.Updates, u)
	}
	sort.Slice(g.Updates, func(i, j int) bool {
		a, b := g.Updates[i], g.Updates[j]
		return a.Build < b.Build || a.Build == b.Build && a.Revision < b.Revision
	})

	g.Releases = append([]Release(nil), f.Releases...)
	ids := map[string]int{}
	for i, x := range o.releases {
		at := func(err error) error {
			return fmt.Errorf("line %d: releases[%d]: %w", lineOf(b, o.releaseRows[i].start), i, err)
		}
		rel, err := x.release()
		if err != nil {
			return nil, at(err)
		}
		if j, ok := ids[rel.ID]; ok {
			return nil, at(fmt.Errorf("%q stands there twice, in releases[%d] too", rel.ID, j))
		}
		ids[rel.ID] = i
		n := 0
		for n < len(g.Releases) && g.Releases[n].ID != rel.ID {
			n++
		}
		if n == len(g.Releases) {
			g.Releases = append(g.Releases, rel)
		} else {
			g.Releases[n] = rel
		}
	}
	g.builds = index(g.Releases)
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &g, nil
}

// readOverlay reads the file and notes where its rows stand. Errors name the
// line.
func readOverlay(b []byte) (*overlay, error) {
	if len(b) > MaxOverlay {
		return nil, fmt.Errorf("larger than %d MiB", MaxOverlay>>20)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	o := &overlay{}
	err := o.read(dec, b)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lineOf(b, int(dec.InputOffset())), err)
	}
	if rest := bytes.TrimSpace(b[dec.InputOffset():]); len(rest) > 0 {
		return nil, errors.New("more than one JSON value")
	}
	return o, nil
}

func (o *overlay) read(dec *json.Decoder, b []byte) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return cmp.Or(err, errors.New("not a JSON object"))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if seen[key] {
			return fmt.Errorf("%q stands there twice", key)
		}
		seen[key] = true
		switch key {
		case "asOf":
			o.asOfAt, err = value(dec, b, &o.asOf)
		case "updates":
			o.updates, o.updatesAt, o.updateRows, err = rows[overlayUpdate](dec, b)
		case "releases":
			o.releases, _, o.releaseRows, err = rows[overlayRelease](dec, b)
		default:
			return fmt.Errorf("json: unknown field %q", key)
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// value decodes the next value and returns where it stands.
func value(dec *json.Decoder, b []byte, v any) (span, error) {
	start := int(dec.InputOffset())
	if err := dec.Decode(v); err != nil {
		return span{}, err
	}
	end := int(dec.InputOffset())
	return span{end - len(bytes.TrimLeft(b[start:end], " \t\r\n:,")), end}, nil
}

// rows decodes a list, or null, row by row.
func rows[T any](dec *json.Decoder, b []byte) (list []T, at span, places []span, err error) {
	t, err := dec.Token()
	if err != nil || t == nil {
		return nil, span{}, nil, err
	}
	if t != json.Delim('[') {
		return nil, span{}, nil, errors.New("not a list")
	}
	at.start = int(dec.InputOffset()) - 1
	for dec.More() {
		var v T
		place, err := value(dec, b, &v)
		if err != nil {
			return nil, span{}, nil, err
		}
		list, places = append(list, v), append(places, place)
	}
	_, err = dec.Token()
	at.end = int(dec.InputOffset())
	return list, at, places, err
}

// lineOf returns the line of a place in a file, counted from 1.
func lineOf(b []byte, offset int) int { return 1 + bytes.Count(b[:min(offset, len(b))], []byte("\n")) }

func (u *overlayUpdate) update() (Update, error) {
	v := Update{Build: u.Build, Revision: u.Revision, Source: u.Source, Note: u.Note}
	if u.KB != "" {
		n, ok := strings.CutPrefix(u.KB, "KB")
		if _, err := fmt.Sscanf(n, "%d", &v.KB); !ok || err != nil || fmt.Sprintf("KB%d", v.KB) != u.KB {
			return v, fmt.Errorf("kb: bad KB %q (want KB5129235, say)", u.KB)
		}
	}
	if v.Date = ParseDate(u.Date); v.Date == 0 && u.Date != "" {
		return v, fmt.Errorf("date: bad date %q", u.Date)
	}
	found := u.Type == ""
	for t := UnknownType; t <= ImageOnly; t++ {
		if t.String() == u.Type {
			v.Type, found = t, true
		}
	}
	if !found {
		return v, fmt.Errorf("type: unknown type %q", u.Type)
	}
	found = u.Line == ""
	for l := BothLines; l <= ImageLine; l++ {
		if l.String() == u.Line {
			v.Line, found = l, true
		}
	}
	if !found {
		return v, fmt.Errorf("line: unknown line %q", u.Line)
	}
	return v, nil
}

func (x *overlayRelease) release() (Release, error) {
	r := Release{ID: x.ID, Name: x.Name, Version: x.Version, Build: x.Build, Sources: x.Sources}
	for k := ServerLTSC; k <= Client; k++ {
		if k.String() == x.Kind {
			r.Kind = k
		}
	}
	if r.Kind == 0 {
		return r, fmt.Errorf("kind: unknown kind %q", x.Kind)
	}
	for _, d := range []struct {
		to   *Date
		name string
		text string
	}{
		{&r.Available, "available", x.Available}, {&r.MainstreamEnd, "mainstreamEnd", x.MainstreamEnd}, {&r.ExtendedEnd, "extendedEnd", x.ExtendedEnd},
		{&r.HomeProEnd, "homeProEnd", x.HomeProEnd}, {&r.EnterpriseEnd, "enterpriseEnd", x.EnterpriseEnd},
	} {
		if *d.to = ParseDate(d.text); *d.to == 0 && d.text != "" {
			return r, fmt.Errorf("%s: bad date %q", d.name, d.text)
		}
	}
	if len(x.Tags) > 0 {
		r.Images = []BaseImage{{"windows/servercore", x.Tags, "published"}}
	}
	return r, nil
}
