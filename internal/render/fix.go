package render

import (
	"bytes"
	"io"

	"github.com/winmatch/winmatch/files"
)

// Fix is the answer of the verb fix.
type Fix struct {
	Facts  FactsInfo     `json:"facts"`
	Files  []FixedFile   `json:"files"`
	Left   []ScanFinding `json:"left"` // what it cannot mend
	Errors []ScanError   `json:"errors"`
}

// FixedFile is a file that changes.
type FixedFile struct {
	File    string `json:"file"`
	Diff    string `json:"diff"`
	Written bool   `json:"written"`
}

// Add adds what was mended in a file and what is left, with the places of the
// file as it is on the disk.
func (x *Fix) Add(r *files.Result, written bool) {
	left := files.Result{Path: r.Path, Kind: r.Kind, Err: r.Err, Findings: r.Left}
	if r.After != nil {
		x.Files = append(x.Files, FixedFile{r.Path, string(Diff(r.Path, r.Before, r.After)), written})
		if !written {
			left.Findings = nil
			for i := range r.Findings {
				if len(r.Findings[i].Fix) == 0 {
					left.Findings = append(left.Findings, r.Findings[i])
				}
			}
		}
	}
	s := Scan{Findings: x.Left, Errors: x.Errors}
	s.Add(&left)
	x.Left, x.Errors = s.Findings, s.Errors
}

// FixText writes the diffs of the files that change.
func FixText(w io.Writer, list []FixedFile, s Style) {
	for i := range list {
		for line := range bytes.Lines([]byte(list[i].Diff)) {
			color := ""
			switch {
			case bytes.HasPrefix(line, []byte("--- ")), bytes.HasPrefix(line, []byte("+++ ")):
				color = bold
			case line[0] == '-':
				color = red
			case line[0] == '+':
				color = green
			}
			text := string(bytes.TrimSuffix(line, []byte("\n")))
			if color != "" {
				text = s.paint(color, text)
			}
			_, _ = io.WriteString(w, text+"\n")
		}
	}
}
