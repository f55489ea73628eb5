package facts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// WriteOverlay returns the text of an overlay that holds the updates beside
// what old, the text of one or nothing, holds. A row of the same build and
// revision is replaced, new ones are added at the end, and the date moves on to
// asOf; every other byte stays. The result is read and checked as Overlay does.
func (f *Facts) WriteOverlay(old []byte, asOf Date, updates []Update) ([]byte, error) {
	if len(bytes.TrimSpace(old)) == 0 {
		old = fmt.Appendf(nil, "{\n  \"asOf\": %q,\n  \"updates\": []\n}\n", asOf)
	}
	if _, err := f.overlay(old); err != nil {
		return nil, fmt.Errorf("facts file: %w", err)
	}
	o, err := readOverlay(old)
	if err != nil {
		return nil, fmt.Errorf("facts file: %w", err)
	}
	type edit struct {
		at   span
		text string
	}
	var edits []edit
	if asOf > ParseDate(o.asOf) {
		edits = append(edits, edit{o.asOfAt, `"` + asOf.String() + `"`})
	}
	var added []string
	for _, u := range updates {
		text, err := rowText(&u)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(o.updates, func(x overlayUpdate) bool { return x.Build == u.Build && x.Revision == u.Revision }); i >= 0 {
			edits = append(edits, edit{o.updateRows[i], text})
		} else {
			added = append(added, text)
		}
	}
	switch n := len(o.updateRows); {
	case len(added) == 0:
	case n > 0:
		last := o.updateRows[n-1]
		before := 0
		if n > 1 {
			before = o.updateRows[n-2].end
		} else {
			before = o.updatesAt.start + 1
		}
		gap := strings.TrimLeft(string(old[before:last.start]), ",") // the space that rows have before them
		text := ""
		for _, row := range added {
			text += "," + gap + row
		}
		edits = append(edits, edit{span{last.end, last.end}, text})
	default:
		text := "[\n    " + strings.Join(added, ",\n    ") + "\n  ]"
		if o.updatesAt == (span{}) {
			edits = append(edits, edit{span{o.asOfAt.end, o.asOfAt.end}, ",\n  \"updates\": " + text})
		} else {
			edits = append(edits, edit{o.updatesAt, text})
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at.start - b.at.start })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, old[done:e.at.start]...), e.text...)
		done = e.at.end
	}
	out = append(out, old[done:]...)
	if _, err := f.overlay(out); err != nil {
		return nil, fmt.Errorf("facts file: %w", err)
	}
	return out, nil
}

// rowText writes an update as a row of an overlay, on one line.
func rowText(u *Update) (string, error) {
	row := overlayUpdate{Build: u.Build, Revision: u.Revision, Date: u.Date.String(), Type: u.Type.String(), Line: u.Line.String(), Source: u.Source, Note: u.Note}
	if u.KB != 0 {
		row.KB = fmt.Sprintf("KB%d", u.KB)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&row); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}
