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
