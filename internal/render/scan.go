package render

import (
	"fmt"
	"io"

	"github.com/winmatch/winmatch/files"
)

// ScanFinding is a finding in JSON.
type ScanFinding struct {
	Rule      string      `json:"rule"`
	Level     files.Level `json:"level"`
	File      string      `json:"file"`
	Line      int         `json:"line"`
	Column    int         `json:"column"`
	EndLine   int         `json:"endLine"`
	EndColumn int         `json:"endColumn"`
	Kind      string      `json:"kind"`
	Image     string      `json:"image"`
	Message   string      `json:"message"`
	Hint      string      `json:"hint"`
	Source    string      `json:"source"`
	Fix       bool        `json:"fix"` // winmatch fix mends it
}

// ScanError is a file that was not read.
type ScanError struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Reason   string `json:"reason"`
	Template bool   `json:"template"`
}

// Scan is the answer of the verb scan.
type Scan struct {
	Facts    FactsInfo     `json:"facts"`
	Files    int           `json:"files"` // read
	Findings []ScanFinding `json:"findings"`
	Errors   []ScanError   `json:"errors"`
}

// Add adds what was found in a file.
func (s *Scan) Add(r *files.Result) {
	if e := r.Err; e != nil {
		s.Errors = append(s.Errors, ScanError{e.File, e.Line, e.Column, e.Reason, e.Template})
		return
	}
	s.Files++
	for i := range r.Findings {
		f := &r.Findings[i]
		s.Findings = append(s.Findings, ScanFinding{
			Rule: f.Rule, Level: f.Level, File: r.Path, Kind: r.Kind, Image: f.Image,
			Line: f.Start.Line, Column: f.Start.Column, EndLine: f.End.Line, EndColumn: f.End.Column,
			Message: f.Message, Hint: f.Hint, Source: f.Source, Fix: len(f.Fix) > 0,
		})
	}
}

// ScanText writes findings for people and editors, a line each, file:line:column
// first.
func ScanText(w io.Writer, list []ScanFinding, s Style) {
	color := map[files.Level]string{files.ErrorLevel: red, files.Warning: yellow, files.Note: blue}
	for i := range list {
		f := &list[i]
		fmt.Fprintf(w, "%s: %s: %s [%s]\n", s.paint(bold, fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)),
			s.paint(bold+";"+color[f.Level], f.Level.String()), f.Message, f.Rule)
		if f.Hint != "" {
			fmt.Fprintf(w, "  %s\n", s.paint(dim, "→ "+f.Hint))
		}
		if s.Verbose && f.Source != "" {
			fmt.Fprintf(w, "  %s\n", s.paint(dim, f.Source))
		}
	}
}

// ScanGitHub writes findings as workflow commands, which GitHub shows beside the
// lines, and files that were not read as errors.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func ScanGitHub(w io.Writer, s *Scan) {
	for i := range s.Findings {
		f := &s.Findings[i]
		command := f.Level.String()
		if f.Level == files.Note {
			command = "notice"
		}
		text := f.Message
		if f.Hint != "" {
			text += "\n→ " + f.Hint
		}
		fmt.Fprintf(w, "::%s file=%s,line=%d,endLine=%d,col=%d,endColumn=%d,title=%s::%s\n", command, property(f.File),
			f.Line, f.EndLine, f.Column, f.EndColumn, property("winmatch: "+f.Rule), message(text))
	}
	for _, e := range s.Errors {
		place := ""
		if e.Line > 0 {
			place = fmt.Sprintf(",line=%d", e.Line)
			if e.Column > 0 {
				place += fmt.Sprintf(",col=%d", e.Column)
			}
		}
		command := "error"
		if e.Template {
			command = "notice"
		}
		fmt.Fprintf(w, "::%s file=%s%s::%s\n", command, property(e.File), place, message("not scanned: "+e.Reason))
	}
}
