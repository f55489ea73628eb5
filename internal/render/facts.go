package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
)

// FactsText writes facts for people.
func FactsText(w io.Writer, f *Facts, s Style) {
	if len(f.Counts) > 0 {
		fmt.Fprintf(w, "Facts as of %s, %d days old\n\n", f.Facts.AsOf, f.AgeDays)
		var rows [][]string
		for _, c := range f.Counts {
			rows = append(rows, c[:])
		}
		table(w, "  ", rows)
	}
	for i := range f.Releases {
		if i > 0 {
			fmt.Fprintln(w)
		}
		release(w, &f.Releases[i], s)
	}
	if len(f.Updates) > 0 {
		if len(f.Releases) > 0 {
			fmt.Fprintln(w)
		}
		rows := [][]string{{"version", "update", "date", "type", "line", "source"}}
		for _, u := range f.Updates {
			rows = append(rows, []string{u.Version.String(), dash(u.KB), dash(u.Date.String()), u.Type, u.Line, u.Source})
		}
		table(w, "", rows)
		for _, u := range f.Updates {
			if u.Note != "" {
				fmt.Fprintf(w, "%s: %s\n", u.Version, u.Note)
			}
		}
	}
	if len(f.Sources) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Sources"))
		var rows [][]string
		for _, src := range f.Sources {
			rows = append(rows, []string{src.Key, src.AsOf, src.URL})
		}
		table(w, "  ", rows)
	}
	if len(f.Holes) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Known holes"))
		for _, h := range f.Holes {
			fmt.Fprintf(w, "  - %s\n", h)
		}
	}
}

func release(w io.Writer, r *Release, s Style) {
	fmt.Fprintf(w, "%s  %s\n", s.paint(bold, r.Name), s.paint(dim, r.ID+", "+r.Kind))
	rows := [][]string{}
	row := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	if r.Build != 0 {
		row("build", strconv.FormatUint(uint64(r.Build), 10))
	}
	row("version", r.Version)
	for _, d := range []struct {
		name string
		day  facts.Date
	}{
		{"available", r.Available}, {"mainstream support until", r.MainstreamEnd}, {"extended support until", r.ExtendedEnd},
		{"Home and Pro until", r.HomeProEnd}, {"Enterprise and Education until", r.EnterpriseEnd},
		{"LTSC until", r.LTSCEnd}, {"IoT LTSC until", r.LTSCIoTEnd}, {"paid updates until", r.ESUEnd},
	} {
		row(d.name, d.day.String())
	}
	if r.SupportEnded {
		row("support", "ended")
	}
	if u := r.Latest; u != nil {
		row("newest update", strings.TrimSpace(u.Version.String()+"  "+u.KB+"  "+u.Date.String()))
	}
	for _, img := range r.Images {
		if len(img.Tags) > 0 {
			row("mcr.microsoft.com/"+img.Repository, strings.Join(img.Tags, ", ")+" ("+img.Status+")")
		}
	}
	for _, n := range r.Notes {
		row("note", n)
	}
	for _, c := range r.Conflicts {
		row("disagreement", c.Field+": "+c.Value+" ("+c.Source+")")
	}
	for _, src := range r.Sources {
		row("source", src)
	}
	table(w, "  ", rows)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
