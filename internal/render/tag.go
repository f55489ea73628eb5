package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
)

// TagCandidate is a reference that may be used.
type TagCandidate struct {
	Reference   string        `json:"reference"`
	Pin         image.Pin     `json:"pin"`
	OSVersion   string        `json:"osVersion"`
	Build       uint32        `json:"build"`
	Revision    *uint32       `json:"revision"`
	KB          string        `json:"kb"`
	Released    facts.Date    `json:"released"`
	Floats      bool          `json:"floats"`
	Answer      compat.Answer `json:"answer"`
	Reason      string        `json:"reason"`
	SupportEnds facts.Date    `json:"supportEnds"`
}

// Tags is the answer of the verb tag for one host, best candidates first.
type Tags struct {
	Repository  string         `json:"repository"`
	Host        Host           `json:"host"`
	HostName    string         `json:"-"`
	Recommended string         `json:"recommended"`
	Candidates  []TagCandidate `json:"candidates"`
	Unread      int            `json:"unread"` // tags that name no Windows and were not read
}

// maxRows bounds the candidates in a table, but for a user who wants more.
const maxRows = 20

// Undecided reports whether a tag that may be right was not read or could not be
// judged, so that there being none is not known.
func (t *Tags) Undecided() bool {
	return t.Unread > 0 || len(t.Candidates) == 0 ||
		slices.ContainsFunc(t.Candidates, func(c TagCandidate) bool { return c.Answer == compat.Unknown })
}

// TagsText writes which tags to use, for people.
func TagsText(w io.Writer, list []Tags, s Style) {
	one := len(list) > 1 && list[0].Recommended != ""
	for _, t := range list {
		one = one && t.Recommended == list[0].Recommended
	}
	if one {
		fmt.Fprintf(w, "%s for all %d hosts\n\n", s.paint(bold+";"+green, list[0].Recommended), len(list))
	}
	for i := range list {
		t := &list[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		host := t.HostName + " (" + t.Host.Version.Short() + ")"
		switch {
		case t.Recommended != "":
			fmt.Fprintf(w, "%s on %s\n\n", s.paint(bold+";"+green, t.Recommended), host)
		case len(t.Candidates) == 0:
			fmt.Fprintf(w, "%s: which tags of %s hold a Windows is not known\n", host, t.Repository)
			unread(w, t)
			continue
		case t.Undecided():
			fmt.Fprintf(w, "%s: whether %s has a tag for it is not known\n\n", host, t.Repository)
		default:
			fmt.Fprintf(w, "%s has no tag for %s\n\n", s.paint(bold+";"+red, t.Repository), host)
		}
		rows := [][]string{{"answer", "tag", "pins", "version", "update", "released", "support until"}}
		shown := t.Candidates
		if !s.Verbose && len(shown) > maxRows {
			shown = shown[:maxRows]
		}
		for _, c := range shown {
			version := c.OSVersion
			if c.Revision == nil {
				version += ".*"
			}
			name := strings.TrimPrefix(strings.TrimPrefix(c.Reference, t.Repository+":"), t.Repository)
			if c.Pin == image.PinDigest {
				name = short(strings.TrimPrefix(name, "@")) + "…"
			}
			pins := string(c.Pin)
			if c.Floats {
				pins += ", floats"
			}
			rows = append(rows, []string{c.Answer.String(), name, pins, version, dash(c.KB), dash(c.Released.String()), dash(c.SupportEnds.String())})
		}
		table(w, "  ", rows)
		if n := len(t.Candidates) - len(shown); n > 0 {
			fmt.Fprintf(w, "  and %d more tags: -v\n", n)
		}
		if t.Recommended == "" {
			unread(w, t)
		}
		if s.Verbose {
			for _, c := range t.Candidates {
				if c.Answer != compat.Yes {
					fmt.Fprintf(w, "  %s: %s\n", c.Reference, c.Reason)
				}
			}
		}
	}
}

// unread says that not all tags were read.
func unread(w io.Writer, t *Tags) {
	if t.Unread > 0 {
		fmt.Fprintf(w, "  %d tags whose names say no Windows were not read; --all reads them\n", t.Unread)
	}
}
