package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
)

// Diagnosis is one kind of error in a text.
type Diagnosis struct {
	Cause      diagnose.Cause      `json:"cause"`
	Detail     string              `json:"detail"`
	Confidence diagnose.Confidence `json:"confidence"`
	Stage      diagnose.Stage      `json:"stage"`
	Component  string              `json:"component"`
	Code       diagnose.Code       `json:"code"`
	CodeName   string              `json:"codeName"`
	Headline   string              `json:"headline"`
	Otherwise  string              `json:"otherwise"`
	Place      string              `json:"place"`
	Container  string              `json:"container"`
	Host       *Host               `json:"host"`
	Image      *Image              `json:"image"`
	Node       string              `json:"node"`
	Pod        string              `json:"pod"`
	Namespace  string              `json:"namespace"`
	Service    string              `json:"service"`
	Isolation  string              `json:"isolation"`
	Restarts   int                 `json:"restarts"`
	Count      int                 `json:"count"`
	FirstLine  int                 `json:"firstLine"`
	LastLine   int                 `json:"lastLine"`
	Evidence   []string            `json:"evidence"`
	Reasons    []diagnose.Reason   `json:"reasons"`
	Remedies   []compat.Remedy     `json:"remedies"`

	HostName  string `json:"-"`
	ImageName string `json:"-"`
}

// Explain is the answer of the verb explain.
type Explain struct {
	Facts     FactsInfo   `json:"facts"`
	Diagnoses []Diagnosis `json:"diagnoses"`

	File  string `json:"-"` // that was read, "" for another text
	Lines int    `json:"-"`
}

// nothing is said where a text has no such error.
func nothing(e *Explain) string {
	if e.Lines == 1 {
		return "Nothing in this line is an error of Windows containers that winmatch knows."
	}
	return fmt.Sprintf("Nothing in these %d lines is an error of Windows containers that winmatch knows.", e.Lines)
}

// verdict is the cause in the words of the contract, with all that belongs to
// it.
func (d *Diagnosis) verdict() string {
	s := d.Cause.String()
	if d.Detail != "" {
		s += ", " + d.Detail
	}
	s += "; " + d.Confidence.String()
	if d.Stage == diagnose.Service {
		s += "; refused by the service"
	} else {
		s += "; at " + d.Stage.String()
	}
	if d.Code != 0 {
		s += "; " + strings.TrimSpace(d.Code.String()+" "+d.CodeName)
	}
	return s
}

// facts are what the text says besides, as label and value.
func (d *Diagnosis) facts() [][]string {
	var rows [][]string
	add := func(label string, values ...string) {
		if s := strings.Join(strings.Fields(strings.Join(values, " ")), " "); s != "" {
			rows = append(rows, []string{label, s})
		}
	}
	add("node", d.Node)
	if d.Host != nil {
		add("host", d.HostName, d.Host.Version.String())
	}
	if d.Image != nil {
		version := ""
		if d.Image.OSVersion != "" {
			version = "(" + d.ImageName + " " + d.Image.OSVersion + ", " + basisWords(d.Image.Basis) + ")"
			if d.Image.Reference == "" {
				version = d.ImageName + " " + d.Image.OSVersion
			}
		}
		add("image", d.Image.Reference, version)
	}
	pod := d.Pod
	if pod != "" && d.Namespace != "" {
		pod += " in " + d.Namespace
	}
	add("pod", pod)
	add("service", d.Service)
	add("container", d.Container)
	add("isolation", d.Isolation)
	add("reported by", d.Component)
	if d.Restarts > 0 {
		add("restarts", fmt.Sprint(d.Restarts))
	}
	switch {
	case d.Count > 1:
		add("seen", fmt.Sprintf("%d times, lines %d to %d", d.Count, d.FirstLine, d.LastLine))
	case d.FirstLine > 1:
		add("seen", fmt.Sprintf("line %d", d.FirstLine))
	}
	return rows
}

// ExplainText writes diagnoses for people: the cause, what to do, what the text
// says, why we think so.
func ExplainText(w io.Writer, e *Explain, s Style) {
	if len(e.Diagnoses) == 0 {
		fmt.Fprintln(w, nothing(e))
		return
	}
	for i := range e.Diagnoses {
		d := &e.Diagnoses[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		color := red
		switch d.Cause {
		case diagnose.Undetermined:
			color = yellow
		case diagnose.Other:
			color = blue
		}
		fmt.Fprintln(w, s.paint(bold+";"+color, d.Headline))
		fmt.Fprintln(w, "  "+s.paint(dim, d.verdict()))
		if d.Otherwise != "" {
			fmt.Fprintln(w, "  or: "+d.Otherwise)
		}
		if len(d.Remedies) > 0 {
			fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What helps"))
			for i, m := range d.Remedies {
				fmt.Fprintf(w, "  %d. %s\n", i+1, m.Text)
				if m.Command != "" {
					fmt.Fprintf(w, "       %s\n", s.paint(green, m.Command))
				}
			}
		}
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What the text says"))
		table(w, "  ", d.facts())
		for _, text := range d.Evidence {
			fmt.Fprintln(w, "  > "+shortIDs(text))
		}
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Why"))
		for _, r := range d.Reasons {
			fmt.Fprintf(w, "  - %s\n    %s\n", r.Text, s.paint(dim, r.Source))
		}
	}
}

// shortIDs shortens the ids and digests of 64 digits in a text, as Docker does.
func shortIDs(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && strings.IndexByte("0123456789abcdef", s[i+n]) >= 0 {
			n++
		}
		if n == 64 {
			b.WriteString(s[i:i+12] + "…")
		} else {
			n = max(n, 1)
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// ExplainMarkdown writes diagnoses to be pasted into an issue.
func ExplainMarkdown(w io.Writer, e *Explain) {
	if len(e.Diagnoses) == 0 {
		fmt.Fprintln(w, nothing(e))
		return
	}
	for i := range e.Diagnoses {
		d := &e.Diagnoses[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "### %s\n\n%s\n", markdown(d.Headline), markdown(d.verdict()))
		if d.Otherwise != "" {
			fmt.Fprintf(w, "\nOr: %s\n", markdown(d.Otherwise))
		}
		if rows := d.facts(); len(rows) > 0 {
			fmt.Fprintln(w)
			for _, r := range rows {
				fmt.Fprintf(w, "- %s: %s\n", r[0], code(r[1]))
			}
		}
		for _, text := range d.Evidence {
			fmt.Fprintf(w, "\n%s\n", fence(text))
		}
		if len(d.Remedies) > 0 {
			fmt.Fprint(w, "\n**What helps**\n\n")
			for i, m := range d.Remedies {
				fmt.Fprintf(w, "%d. %s\n", i+1, markdown(m.Text))
				if m.Command != "" {
					fmt.Fprintf(w, "\n   %s\n\n", strings.ReplaceAll(fence(m.Command), "\n", "\n   "))
				}
			}
		}
		fmt.Fprint(w, "\n**Why**\n\n")
		for _, r := range d.Reasons {
			fmt.Fprintf(w, "- %s ([source](%s))\n", markdown(r.Text), r.Source)
		}
	}
}

// markdown keeps a text from being read as markup.
func markdown(s string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "|", "\\|", "#", "\\#", "@", "@\u200b").Replace(s)
}

// code is a text in backticks, more of them than it holds.
func code(s string) string {
	n := strings.Repeat("`", longest(s)+1)
	if longest(s) > 0 {
		return n + " " + s + " " + n
	}
	return n + s + n
}

func fence(s string) string {
	n := strings.Repeat("`", max(3, longest(s)+1))
	return n + "\n" + s + "\n" + n
}

// longest is the length of the longest run of backticks.
func longest(s string) int {
	best, n := 0, 0
	for i := range len(s) {
		if n++; s[i] != '`' {
			n = 0
		}
		best = max(best, n)
	}
	return best
}

// ExplainGitHub writes diagnoses as workflow commands, which GitHub shows as
// annotations: an error for a version problem, a warning for a cause that is
// not known, a notice for the rest.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func ExplainGitHub(w io.Writer, e *Explain) {
	for i := range e.Diagnoses {
		d := &e.Diagnoses[i]
		level := "error"
		switch d.Cause {
		case diagnose.Undetermined:
			level = "warning"
		case diagnose.Other:
			level = "notice"
		}
		var b strings.Builder
		b.WriteString(d.verdict())
		if d.Otherwise != "" {
			b.WriteString("\nor: " + d.Otherwise)
		}
		for i, m := range d.Remedies {
			fmt.Fprintf(&b, "\n%d. %s", i+1, m.Text)
			if m.Command != "" {
				b.WriteString("\n   " + m.Command)
			}
		}
		for _, text := range d.Evidence {
			b.WriteString("\n> " + text)
		}
		props := ""
		if e.File != "" {
			props = fmt.Sprintf("file=%s,line=%d,", property(e.File), d.FirstLine)
		}
		fmt.Fprintf(w, "::%s %stitle=%s::%s\n", level, props, property(d.Headline), message(b.String()))
	}
}

func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
