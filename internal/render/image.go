package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
)

// Child is an entry of an index.
type Child struct {
	Digest       string   `json:"digest"`
	OS           string   `json:"os"`
	Architecture string   `json:"architecture"`
	OSVersion    string   `json:"osVersion"`
	OSFeatures   []string `json:"osFeatures"`
	Build        uint32   `json:"build"`
	Revision     *uint32  `json:"revision"`
	Release      string   `json:"release"`
}

// Finding is something that is wrong with an image.
type Finding struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Takes says which child a host takes by a runtime.
type Takes struct {
	Host      Host          `json:"host"`
	Runtime   Runtime       `json:"runtime"`
	Takes     *string       `json:"takes"` // nil: none, or only a name was read
	OSVersion string        `json:"osVersion"`
	Answer    compat.Answer `json:"answer"`

	HostName string `json:"-"`
	Unsure   bool   `json:"-"` // whether it pulls is not known
}

// ImageInfo is the answer of the verb image on one reference.
type ImageInfo struct {
	Reference string      `json:"reference"`
	Digest    string      `json:"digest"`
	MediaType string      `json:"mediaType"`
	Basis     image.Basis `json:"basis"`
	Children  []Child     `json:"children"`
	Hosts     []Takes     `json:"hosts"`
	Findings  []Finding   `json:"findings"`
}

// ImagesText writes what images hold, for people; with hosts also what each
// host would take.
func ImagesText(w io.Writer, list []ImageInfo, hosts bool, s Style) {
	for i := range list {
		m := &list[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.paint(bold, m.Reference)+"  "+s.paint(dim, basisWords(m.Basis)))
		if m.Digest != "" {
			fmt.Fprintln(w, "  "+s.paint(dim, m.Digest+"  "+m.MediaType))
		}
		var rows [][]string
		for _, c := range m.Children {
			v := c.OSVersion
			if v == "" && c.OS == "windows" {
				v = "no os.version"
				if c.Build != 0 {
					v = fmt.Sprintf("10.0.%d", c.Build)
				}
			}
			row := []string{strings.TrimSuffix(c.OS+"/"+c.Architecture, "/"), v, c.Release}
			if c.Digest != "" && (s.Verbose || len(m.Children) > 1) {
				row = append(row, short(c.Digest))
			}
			rows = append(rows, row)
		}
		table(w, "  ", rows)
		for _, f := range m.Findings {
			fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+f.Text)
		}
		if hosts && len(m.Hosts) > 0 {
			fmt.Fprintln(w)
			takesText(w, m.Hosts, s)
		}
	}
}

// takesText writes a line a host, a column a runtime. The rows stand host by
// host, with the same runtimes for each.
func takesText(w io.Writer, list []Takes, s Style) {
	columns := 0
	for columns < len(list) && list[columns].HostName == list[0].HostName && list[columns].Host.Version == list[0].Host.Version &&
		(columns == 0 || list[columns].Runtime.Name != list[0].Runtime.Name) {
		columns++
	}
	head := []string{"takes"}
	var rows [][]string
	for i := range list {
		t := &list[i]
		if i < columns {
			head = append(head, t.Runtime.Name)
		}
		if i%columns == 0 {
			rows = append(rows, []string{t.HostName})
		}
		cell := t.OSVersion
		switch {
		case t.Unsure:
			cell = "?"
		case cell == "":
			cell = "-"
		case t.Answer != compat.Yes:
			cell += " (" + t.Answer.String() + ")"
		}
		rows[i/columns] = append(rows[i/columns], cell)
	}
	table(w, "  ", append([][]string{head}, rows...))
	if s.Verbose {
		fmt.Fprintln(w, "  "+s.paint(dim, "-: refuses the pull; (no), (risky), (unknown): what winmatch check says of that child"))
	}
}

// short is the beginning of a digest, as Docker shows it.
func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}
