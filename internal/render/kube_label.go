package render

import (
	"fmt"
	"io"
	"strings"
)

// KubeLabels is what is to be changed at a node's labels.
type KubeLabels struct {
	Node    string            `json:"node"`
	Host    *Host             `json:"host"` // null where its Windows is not known
	Runtime Runtime           `json:"runtime"`
	Set     map[string]string `json:"set"`
	Was     map[string]string `json:"was"`
	Remove  []string          `json:"remove"`
	Release []string          `json:"release"` // given up, and they stay as others'
	Held    []KubeHeld        `json:"held"`
	Lies    []string          `json:"lies"`
	Unknown string            `json:"unknown"` // what is not known of the node, "" where everything is
	Gone    bool              `json:"gone"`    // deleted meanwhile
	Command string            `json:"command"`
	Applied bool              `json:"applied"`
	Error   string            `json:"error"`

	HostName string `json:"-"`
}

// KubeHeld is a label that others have set and that is not as it should be.
type KubeHeld struct {
	Label    string   `json:"label"`
	Value    string   `json:"value"`
	Wanted   string   `json:"wanted"` // "" where it should not be there
	Managers []string `json:"managers"`
	Lie      string   `json:"lie"` // "" where it says nothing that is not so
	Taken    bool     `json:"taken"`
}

// KubeLabel is the answer of kube label.
type KubeLabel struct {
	Facts FactsInfo    `json:"facts"`
	Undo  bool         `json:"undo"`
	Nodes []KubeLabels `json:"nodes"`
}

// quiet reports whether nothing is to be said of a node.
func (n *KubeLabels) quiet() bool {
	return n.Command == "" && len(n.Held)+len(n.Lies) == 0 && n.Unknown == "" && !n.Gone
}

// KubeLabelText writes the changes as a diff, with the kubectl commands that do
// the same, then how many nodes are right. The texts of l are tamed.
func KubeLabelText(w io.Writer, l *KubeLabel, s Style, apply bool) {
	tame(l)
	right, changes, failed := 0, false, false
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.quiet() && !s.Verbose {
			right++
			continue
		}
		kubeLabels(w, n, s)
		changes = changes || n.Command != ""
		failed = failed || n.Error != ""
	}
	switch {
	case len(l.Nodes) == 0 && l.Undo:
		fmt.Fprintln(w, "no node has labels of winmatch")
	case len(l.Nodes) == 0:
		fmt.Fprintln(w, "no Windows nodes")
	case right == 1:
		fmt.Fprintln(w, "1 node has the right labels")
	case right > 1:
		fmt.Fprintf(w, "%d nodes have the right labels\n", right)
	}
	if changes && !failed {
		done(w, apply)
	}
}

func kubeLabels(w io.Writer, n *KubeLabels, s Style) {
	what := n.HostName
	if n.Host != nil {
		what += " " + n.Host.Version.Short()
	}
	if n.Runtime.Name != "" {
		what += ", " + n.Runtime.Name + " " + n.Runtime.Version
	}
	fmt.Fprintf(w, "%s  %s\n", s.paint(bold, n.Node), what)
	if n.Gone {
		fmt.Fprintln(w, "  it was deleted meanwhile")
		return
	}
	for _, k := range n.Remove {
		fmt.Fprintln(w, s.paint(red, "  - "+k))
	}
	for _, k := range n.Release {
		fmt.Fprintln(w, "  = "+k+" stays: others have set it too")
	}
	for _, k := range sorted(n.Set) {
		if was, ok := n.Was[k]; ok {
			fmt.Fprintln(w, s.paint(red, "  - "+k+"="+was))
		}
		fmt.Fprintln(w, s.paint(green, "  + "+k+"="+n.Set[k]))
	}
	for i := range n.Held {
		fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+n.Held[i].text(n.Node))
	}
	for _, t := range n.Lies {
		fmt.Fprintln(w, "  "+s.paint(yellow, "! ")+t)
	}
	if n.Unknown != "" {
		fmt.Fprintln(w, "  "+s.paint(yellow, "? ")+n.Unknown)
	}
	switch {
	case n.Error != "":
		fmt.Fprintln(w, "  "+s.paint(red, "not changed: "+n.Error))
	case n.Command != "":
		fmt.Fprintln(w, "  "+s.paint(dim, n.Command))
	case n.quiet():
		fmt.Fprintln(w, "  its labels are right")
	}
}

// text says what is wrong with a label, whose it is, and what helps.
func (h *KubeHeld) text(node string) string {
	t := h.Lie
	if t == "" {
		t = "the label " + h.Label + " says " + h.Value
	}
	if len(h.Managers) > 0 {
		t += "; set by " + strings.Join(h.Managers, " and ")
	}
	switch {
	case h.Taken:
		return t + "; it is taken over"
	case h.Wanted != "":
		return t + "; it should be " + h.Wanted + ": --force takes it over"
	}
	return t + fmt.Sprintf("; kubectl label node %s %s- takes it away", node, h.Label)
}
