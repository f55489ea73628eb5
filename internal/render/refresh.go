package render

import (
	"fmt"
	"io"

	"github.com/winmatch/winmatch/facts"
)

// Refresh is the answer of facts refresh.
type Refresh struct {
	Facts   FactsInfo  `json:"facts"` // that were known before
	File    string     `json:"file"`
	AsOf    facts.Date `json:"asOf"` // of the facts with what is new
	Updates []Update   `json:"updates"`
	Left    []Finding  `json:"left"` // seen and not taken

	Written bool `json:"written"`
}

// RefreshText writes what is new, for people.
func RefreshText(w io.Writer, r *Refresh, s Style) {
	if n := len(r.Updates); n == 0 {
		fmt.Fprintf(w, "Nothing is new against the facts of %s\n", r.Facts.AsOf)
	} else {
		fmt.Fprintf(w, "New against the facts of %s: %d\n\n", r.Facts.AsOf, n)
		rows := [][]string{{"version", "update", "date", "type", "line", "source"}}
		for _, u := range r.Updates {
			rows = append(rows, []string{u.Version.String(), dash(u.KB), dash(u.Date.String()), u.Type, u.Line, u.Source})
		}
		table(w, "  ", rows)
	}
	if len(r.Left) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Left out"))
		for _, f := range r.Left {
			fmt.Fprintf(w, "  - %s\n", f.Text)
		}
	}
	if r.Written {
		fmt.Fprintf(w, "\nWritten to %s, as of %s\n", r.File, r.AsOf)
	}
}
