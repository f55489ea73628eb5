package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// KubeSelect is the answer of kubectl winmatch select about workloads of a
// cluster.
type KubeSelect struct {
	Facts     FactsInfo    `json:"facts"`
	Undo      bool         `json:"undo"`
	Workloads []KubeChoice `json:"workloads"`
}

// KubeChoice is what is to be changed at a workload.
type KubeChoice struct {
	KubeOwner
	Images  []string          `json:"images"`
	Places  []KubeChoicePlace `json:"places"`
	Add     []string          `json:"add"`
	Remove  []string          `json:"remove"`
	Stay    []string          `json:"stay"`    // nodes that remain
	Risky   []string          `json:"risky"`   // of these, where it may fail
	Unsure  []string          `json:"unsure"`  // nodes that are left out because nothing certain is known
	Labels  []string          `json:"labels"`  // nodes that must be labelled first
	Against []string          `json:"against"` // of remove: what contradicted the images
	Strands string            `json:"strands"` // why it would find no node, "" where it does
	Unknown string            `json:"unknown"`
	Aside   string            `json:"aside"`  // why it is left alone: it is not for Windows
	Source  string            `json:"source"` // what has made it, and may take the change back
	Command string            `json:"command"`
	Applied bool              `json:"applied"`
	Error   string            `json:"error"`
}

// KubeChoicePlace is a kind of Windows nodes.
type KubeChoicePlace struct {
	Host     Host          `json:"host"`
	Runtime  Runtime       `json:"runtime"`
	Answer   compat.Answer `json:"answer"`
	Image    string        `json:"image"` // whose answer it is, "" where all run
	Text     string        `json:"text"`
	Eligible bool          `json:"eligible"` // by what else it demands
	Nodes    []string      `json:"nodes"`
}

// KubeSelectText writes which nodes remain, then the change as a diff.
func KubeSelectText(w io.Writer, c *KubeSelect, s Style, apply bool) {
	changes := false
	for i := range c.Workloads {
		v := &c.Workloads[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s\n", s.paint(bold, v.String()), s.paint(dim, strings.Join(v.Images, " ")))
		changes = kubeChoice(w, v, c.Undo, s) || changes
	}
	if changes {
		done(w, apply)
	}
}

// kubeChoice writes one workload, and reports whether something is to be changed.
func kubeChoice(w io.Writer, v *KubeChoice, undo bool, s Style) bool {
	mark := func(color, format string, args ...any) {
		fmt.Fprintln(w, "  "+s.paint(color, "! ")+fmt.Sprintf(format, args...))
	}
	if v.Aside != "" {
		fmt.Fprintln(w, "  "+v.Aside)
		return false
	}
	kubeChoicePlaces(w, v, s)
	if v.Unknown != "" {
		fmt.Fprintln(w, "  "+s.paint(yellow, v.Unknown))
		return false
	}
	if !undo && len(v.Places) > 0 {
		remain := "none"
		if len(v.Stay) > 0 {
			remain = nodeList(v.Stay)
		}
		fmt.Fprintln(w, "  remain: "+remain)
	}
	if len(v.Risky) > 0 {
		mark(yellow, "it may fail on %s", nodeList(v.Risky))
	}
	if len(v.Unsure) > 0 {
		mark(yellow, "left out, as nothing certain is known: %s", nodeList(v.Unsure))
	}
	if v.Strands != "" {
		mark(red, "%s", v.Strands)
	}
	for _, t := range v.Remove {
		fmt.Fprintln(w, s.paint(red, "  - "+t))
	}
	for _, t := range v.Add {
		fmt.Fprintln(w, s.paint(green, "  + "+t))
	}
	if v.Source != "" && v.Command != "" {
		mark(yellow, "made by %s: change its source too, or it takes this back", v.Source)
	}
	switch {
	case len(v.Labels) > 0:
		mark(red, "not as they should be: the labels of %s (kubectl winmatch label --apply)", nodeList(v.Labels))
	case v.Error != "":
		fmt.Fprintln(w, "  "+s.paint(red, "not changed: "+v.Error))
	case v.Command == "" && undo:
		fmt.Fprintln(w, "  nothing of winmatch's")
		return false
	case v.Command == "" && v.Strands != "":
		fmt.Fprintln(w, "  no selector would help")
		return false
	case v.Command == "":
		fmt.Fprintln(w, "  it selects the right nodes")
		return false
	case s.Verbose:
		fmt.Fprintln(w, "  "+s.paint(dim, v.Command))
	}
	return true
}

func kubeChoicePlaces(w io.Writer, v *KubeChoice, s Style) {
	var rows [][]string
	for i := range v.Places {
		p := &v.Places[i]
		version := p.Host.Version.Short()
		if !p.Host.Version.IsValid() {
			version = "not known"
		}
		text := p.Text
		if !p.Eligible {
			text = strings.TrimSpace("kept away by what else it demands; " + text)
			text = strings.TrimSuffix(text, ";")
		}
		if p.Answer != compat.Yes && len(v.Images) > 1 && p.Image != "" {
			text = p.Image + ": " + text
		}
		rows = append(rows, []string{p.Answer.String(), version, nodes(len(p.Nodes)), text})
	}
	table(w, "  ", rows)
}

// nodeList are names of nodes, not more than some.
func nodeList(list []string) string {
	const most = 12
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}
