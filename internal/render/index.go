package render

import (
	"fmt"
	"io"
	"strings"
)

// VersionChange is an os.version that index repair fills in.
type VersionChange struct {
	Entry        int    `json:"entry"` // position in the index, from 0
	Digest       string `json:"digest"`
	Architecture string `json:"architecture"`
	Was          string `json:"was"`
	OSVersion    string `json:"osVersion"`
}

// LeftChild is a child that index repair leaves wrong.
type LeftChild struct {
	Digest string `json:"digest"`
	Why    string `json:"why"`
}

// BrokenName refers to an index by the digest that it loses.
type BrokenName struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// IndexRepair is the answer of index repair.
type IndexRepair struct {
	Reference string          `json:"reference"`
	MediaType string          `json:"mediaType"`
	Before    string          `json:"before"`
	After     string          `json:"after"`
	Breaks    []BrokenName    `json:"breaks"`
	Unasked   string          `json:"breaksUnknown"` // why it is not known what breaks
	Changes   []VersionChange `json:"changes"`
	Left      []LeftChild     `json:"left"`
	To        string          `json:"to"`
	Applied   bool            `json:"applied"`
}

// IndexRepairText writes what a repair breaks, then what it changes, as a diff.
func IndexRepairText(w io.Writer, r *IndexRepair, s Style) {
	for _, b := range r.Breaks {
		fmt.Fprintf(w, "%s%s %s is of the digest before and does not hold for the one after\n", s.paint(yellow, "! "), b.Kind, b.Name)
	}
	if r.Unasked != "" {
		fmt.Fprintf(w, "%swhether signatures break is not known: %s\n", s.paint(yellow, "! "), r.Unasked)
	}
	for _, l := range r.Left {
		fmt.Fprintf(w, "%s%s stays as it is: %s\n", s.paint(yellow, "! "), l.Digest, l.Why)
	}
	if len(r.Changes) == 0 {
		fmt.Fprintf(w, "%s  %s  nothing to fill in\n", s.paint(bold, r.Reference), s.paint(dim, r.Before))
		return
	}
	fmt.Fprintf(w, "%s\n%s\n", s.paint(red, "--- "+r.Reference+"  "+r.Before), s.paint(green, "+++ "+r.To+"  "+r.After))
	for _, c := range r.Changes {
		fmt.Fprintln(w, s.paint(dim, strings.TrimSuffix(fmt.Sprintf("@@ manifests[%d]  %s  windows/%s", c.Entry, c.Digest, c.Architecture), "/")))
		if c.Was != "" {
			fmt.Fprintln(w, s.paint(red, fmt.Sprintf("-  \"os.version\": %q", c.Was)))
		}
		fmt.Fprintln(w, s.paint(green, fmt.Sprintf("+  \"os.version\": %q", c.OSVersion)))
	}
	done(w, r.Applied)
}

func done(w io.Writer, applied bool) {
	if applied {
		fmt.Fprintln(w, "done")
	} else {
		fmt.Fprintln(w, "nothing was changed: --apply does it")
	}
}

// LeftOut is a runtime that takes another child than the best one on some
// hosts: no order of the index serves all hosts by that runtime.
type LeftOut struct {
	Runtime string   `json:"runtime"`
	Hosts   []string `json:"hosts"`
}

// IndexCreate is the answer of index create.
type IndexCreate struct {
	Target    string    `json:"target"`
	MediaType string    `json:"mediaType"`
	Before    string    `json:"before"`
	Digest    string    `json:"digest"`
	Children  []Child   `json:"children"`
	LeftOut   []LeftOut `json:"leftOut"`
	Findings  []Finding `json:"findings"`
	Applied   bool      `json:"applied"`
}

// IndexCreateText writes the index to be, its entries in order.
func IndexCreateText(w io.Writer, c *IndexCreate, s Style) {
	fmt.Fprintln(w, s.paint(bold, c.Target)+"  "+s.paint(dim, c.MediaType))
	var rows [][]string
	for _, k := range c.Children {
		rows = append(rows, []string{strings.TrimSuffix(k.OS+"/"+k.Architecture, "/"), k.OSVersion, k.Release, short(k.Digest)})
	}
	table(w, "  ", rows)
	for _, f := range c.Findings {
		fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+f.Text)
	}
	for _, l := range c.LeftOut {
		fmt.Fprintf(w, "  left out, as no order serves all: %s on %s\n", l.Runtime, strings.Join(l.Hosts, ", "))
	}
	before := c.Before
	if before == "" {
		before = "nothing"
	}
	if c.Before == c.Digest {
		fmt.Fprintf(w, "%s is there already\n", c.Digest)
		return
	}
	fmt.Fprintf(w, "%s\n%s\n", s.paint(red, "--- "+before), s.paint(green, "+++ "+c.Digest))
	done(w, c.Applied)
}
