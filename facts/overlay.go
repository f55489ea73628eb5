package facts

import (
	"bytes"
	"encoding/json"
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
	AsOf     string           `json:"asOf"`
	Updates  []overlayUpdate  `json:"updates"`
	Releases []overlayRelease `json:"releases"`
}

type overlayUpdate struct {
	Build    uint32 `json:"build"`
	Revision uint32 `json:"revision"`
	KB       string `json:"kb"`
	Date     string `json:"date"`
	Type     string `json:"type"`
	Line     string `json:"line"`
	Source   string `json:"source"`
	Note     string `json:"note"`
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
	if len(b) > MaxOverlay {
		return nil, fmt.Errorf("facts file is larger than %d MiB", MaxOverlay>>20)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var o overlay
	if err := dec.Decode(&o); err != nil {
		line := 1 + bytes.Count(b[:min(int(dec.InputOffset()), len(b))], []byte("\n"))
		return nil, fmt.Errorf("facts file: line %d: %w", line, err)
	}
	if dec.More() {
		return nil, fmt.Errorf("facts file: more than one JSON value")
	}

	g := *f
	g.AsOf = ParseDate(o.AsOf)
	if g.AsOf == 0 || g.AsOf.Day() == 0 {
		return nil, fmt.Errorf("facts file: asOf: bad date %q (want 2026-10-13, say)", o.AsOf)
	}
	g.AsOf = max(g.AsOf, f.AsOf)

	byBuild := map[[2]uint32]Update{}
	for _, u := range f.Updates {
		byBuild[[2]uint32{u.Build, u.Revision}] = u
	}
	for i, u := range o.Updates {
		v, err := u.update()
		if err != nil {
			return nil, fmt.Errorf("facts file: updates[%d]: %w", i, err)
		}
		byBuild[[2]uint32{v.Build, v.Revision}] = v
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
	for i, x := range o.Releases {
		rel, err := x.release()
		if err != nil {
			return nil, fmt.Errorf("facts file: releases[%d]: %w", i, err)
		}
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
		return nil, fmt.Errorf("facts file: %w", err)
	}
	return &g, nil
}

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
