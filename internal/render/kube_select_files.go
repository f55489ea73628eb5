package render

import (
	"fmt"
	"io"
)

// KubeSelectFiles is the answer of kubectl winmatch select about the pods of files.
type KubeSelectFiles struct {
	Facts     FactsInfo        `json:"facts"`
	Files     []FixedFile      `json:"files"` // that change
	Workloads []KubeFileChoice `json:"workloads"`
	Errors    []ScanError      `json:"errors"`
}

// KubeFileChoice is what is to be changed at the pods of a file.
type KubeFileChoice struct {
	KubeChoice
	File   string `json:"file"`
	Line   int    `json:"line"` // of the pod's spec
	Column int    `json:"column"`
}

// KubeSelectFilesNotes writes what is to be known of the pods besides the change of
// the files, one a line.
func KubeSelectFilesNotes(w io.Writer, c *KubeSelectFiles, s Style) {
	for i := range c.Workloads {
		v := &c.Workloads[i]
		say := func(format string, args ...any) {
			fmt.Fprintf(w, "%s:%d:%d: %s: %s\n", v.File, v.Line, v.Column, v.String(), fmt.Sprintf(format, args...))
		}
		switch {
		case v.Aside != "":
			if s.Verbose {
				say("%s", v.Aside)
			}
			continue
		case v.Unknown != "":
			say("%s", v.Unknown)
			continue
		case v.Strands != "":
			say("%s", v.Strands)
		}
		if v.Error != "" && v.Error != v.Strands {
			say("not changed: %s", v.Error)
		}
		for _, t := range v.Against {
			say("contradicts its images: %s", t)
		}
		if len(v.Risky) > 0 {
			say("it may fail on %s", nodeList(v.Risky))
		}
		if len(v.Unsure) > 0 {
			say("left out, as nothing certain is known: %s", nodeList(v.Unsure))
		}
		if len(v.Labels) > 0 {
			say("these need the labels of kubectl winmatch label: %s", nodeList(v.Labels))
		}
		if s.Verbose && len(v.Stay) > 0 {
			say("remain: %s", nodeList(v.Stay))
		}
		if s.Verbose && v.Error == "" && len(v.Add)+len(v.Remove) == 0 {
			say("it selects the right nodes")
		}
	}
}
