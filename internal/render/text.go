package render

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Style says how text looks.
type Style struct {
	Color   bool
	Verbose bool // sources, and every result in full
}

// The colours of a terminal.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	dim    = "2"
	bold   = "1"
)

func (s Style) paint(color, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (s Style) answer(a compat.Answer, width int) string {
	color := map[compat.Answer]string{compat.Yes: green, compat.No: red, compat.Risky: yellow, compat.Unknown: blue}[a]
	return s.paint(bold+";"+color, pad(a.String(), width))
}

// pad fills text with blanks up to a width in characters.
func pad(text string, width int) string {
	if n := width - utf8.RuneCountInString(text); n > 0 {
		return text + strings.Repeat(" ", n)
	}
	return text
}

// table writes rows with their columns aligned, the last one as it is.
func table(w io.Writer, indent string, rows [][]string) {
	var width []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range rows {
		line := indent
		for i, c := range r {
			if i < len(r)-1 {
				c = pad(c, width[i]+2)
			}
			line += c
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// sentence says an answer in words.
func sentence(r *Result) string {
	verb := map[compat.Answer]string{
		compat.Yes: "runs on", compat.No: "does not run on", compat.Risky: "may or may not run on", compat.Unknown: "cannot be judged for",
	}[r.Answer]
	return fmt.Sprintf("%s %s %s (%s)", r.Image.Reference, verb, r.HostName, r.Host.Version.Short())
}

// CheckText writes verdicts for people, the answer first: one in full, several
// as a list of a line or two each.
func CheckText(w io.Writer, c *Check, s Style) {
	if len(c.Results) == 1 || s.Verbose {
		for i := range c.Results {
			if i > 0 {
				fmt.Fprintln(w)
			}
			full(w, &c.Results[i], s)
		}
		return
	}
	host, img := 0, 0
	for i := range c.Results {
		r := &c.Results[i]
		host = max(host, utf8.RuneCountInString(hostLabel(r)))
		img = max(img, utf8.RuneCountInString(r.Image.Reference))
	}
	for i := range c.Results {
		r := &c.Results[i]
		fmt.Fprintln(w, strings.TrimRight(s.answer(r.Answer, 9)+pad(hostLabel(r), host+2)+pad(r.Image.Reference, img+2)+s.paint(dim, r.Isolation.String()), " "))
		if r.Answer == compat.Yes {
			continue
		}
		if len(r.Reasons) > 0 {
			fmt.Fprintln(w, strings.Repeat(" ", 9)+r.Reasons[0].Text)
		}
		if len(r.Remedies) > 0 {
			fmt.Fprintln(w, strings.Repeat(" ", 9)+s.paint(bold, "→ "+r.Remedies[0].Text))
		}
	}
}

func hostLabel(r *Result) string { return r.HostName + " (" + r.Host.Version.Short() + ")" }

func basisWords(b image.Basis) string {
	switch b {
	case image.BasisRegistry:
		return "from the registry"
	case image.BasisDaemon:
		return "from the engine"
	case image.BasisArchive:
		return "from the archive"
	case image.BasisLayout:
		return "from the layout"
	case image.BasisFacts:
		return "from a recorded observation"
	case image.BasisGiven:
		return "as given"
	}
	return "from the name alone"
}

func full(w io.Writer, r *Result, s Style) {
	fmt.Fprintf(w, "%s%s\n\n", s.answer(r.Answer, 9), s.paint(bold, sentence(r)))

	version := func(v winver.Version) string {
		if !v.IsValid() {
			return "not known"
		}
		return v.String()
	}
	runtime := strings.TrimSpace(r.Runtime.Name + " " + r.Runtime.Version)
	if r.Runtime.Name == "none" {
		runtime = "none: the documentation and Windows alone"
	}
	predicted := "start " + r.Predicted.Start
	if r.Predicted.Pull != "unknown" {
		predicted = "pull " + r.Predicted.Pull + ", " + predicted
	}
	if r.Predicted.Code != "" {
		predicted += " (" + r.Predicted.Code + ")"
	}
	imageName := r.ImageName
	if imageName == "" && r.Image.OS != "" {
		imageName = r.Image.OS
	}
	rows := [][]string{
		{"host", r.HostName, version(r.Host.Version)},
		{"image", imageName, version(r.Image.Version) + ", " + basisWords(r.Image.Basis)},
		{"isolation", r.Isolation.String()},
		{"runtime", runtime},
		{"documented", r.Documented},
		{"predicted", predicted},
	}
	if r.Predicted.Message != "" {
		rows = append(rows, []string{"message", r.Predicted.Message})
	}
	for _, p := range r.Reported {
		rows = append(rows, []string{"reported", p.Outcome, p.Source})
	}
	// The long middle column of a row without a third must not widen the others.
	label := 0
	for _, row := range rows {
		label = max(label, len(row[0]))
	}
	middle := 0
	for _, row := range rows {
		if len(row) == 3 {
			middle = max(middle, utf8.RuneCountInString(row[1]))
		}
	}
	for _, row := range rows {
		line := "  " + s.paint(dim, pad(row[0], label+2))
		if len(row) == 3 {
			line += pad(row[1], middle+2) + row[2]
		} else {
			line += row[1]
		}
		fmt.Fprintln(w, line)
	}

	if len(r.Reasons) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Why"))
		for _, reason := range r.Reasons {
			fmt.Fprintf(w, "  - %s\n", reason.Text)
			fmt.Fprintf(w, "    %s\n", s.paint(dim, reason.Source))
		}
	}
	if len(r.Remedies) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What helps"))
		for i, m := range r.Remedies {
			fmt.Fprintf(w, "  %d. %s\n", i+1, m.Text)
			if m.Command != "" {
				fmt.Fprintf(w, "       %s\n", s.paint(green, m.Command))
			}
		}
	}
}

// HostsText writes hosts for people.
func HostsText(w io.Writer, hosts []HostFound, names []string, s Style) {
	rows := [][]string{}
	for i, h := range hosts {
		sure := h.Confidence.String()
		row := []string{h.Version.String(), names[i], h.Edition.String(), sure}
		if s.Verbose {
			row = append(row, oneLine(h.Evidence))
		}
		rows = append(rows, row)
	}
	table(w, "", rows)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
