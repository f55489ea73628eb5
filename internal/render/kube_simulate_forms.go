package render

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// title is what a report of a simulation is called.
func (d *KubeSimulate) title() string { return "What would break in " + d.Cluster.title() }

// source says what a report rests on.
func (d *KubeSimulate) source() string {
	return fmt.Sprintf("Simulated with %d pods; nothing was changed. Not looked at: how nodes are drained, which disruption budgets may hold up, and nodes that an autoscaler would add. Facts of %s.", d.Cluster.Pods, d.Facts.AsOf)
}

// quietRows are the workloads that are told of in a line.
func (d *KubeSimulate) quietRows() [][]string {
	rows := [][]string{{"then", "workload", "pods", "remark"}}
	for i := range d.Workloads {
		if v := &d.Workloads[i]; v.quiet() {
			rows = append(rows, []string{v.Outcome, v.Owner.String(), v.counts(), v.remark()})
		}
	}
	return rows
}

// nodeRows are the kinds of nodes that change.
func (d *KubeSimulate) nodeRows() [][]string {
	rows := [][]string{{"nodes", "now", "then"}}
	for _, r := range d.changes() {
		rows = append(rows, r[:])
	}
	return rows
}

// placeRows are the nodes that a workload may be put on, after the change.
func (v *KubeSimulatedWorkload) placeRows() [][]string {
	var rows [][]string
	for i := range v.Places {
		p := &v.Places[i]
		text := ""
		if p.Answer != compat.Yes || p.Seen {
			text = p.Text
		}
		rows = append(rows, []string{p.Answer.String(), p.system(), nodes(p.Count), text})
	}
	return rows
}

// lastNode says that nothing is left that runs it.
func (v *KubeSimulatedWorkload) lastNode() string {
	return "it loses its last node: now " + placesText(v.Was) + " would run it"
}

// was says what a workload is without the change.
func (v *KubeSimulatedWorkload) was() string {
	if v.Before == v.Outcome {
		return ""
	}
	return ", now: " + v.Before
}

// KubeSimulateMarkdown writes it for a ticket or a pull request.
func KubeSimulateMarkdown(w io.Writer, d *KubeSimulate) {
	fmt.Fprintf(w, "# %s\n\n", markdownLine(d.title()))
	for _, c := range d.Change {
		fmt.Fprintf(w, "- %s\n", markdownLine(c))
	}
	markdownTable(w, d.nodeRows())
	fmt.Fprintf(w, "\n**%s**\n", markdownLine(d.Headline()))
	for i := range d.Workloads {
		v := &d.Workloads[i]
		if v.quiet() {
			continue
		}
		fmt.Fprintf(w, "\n## %s: %s\n\n%s\n", markdownLine(v.Outcome), markdownLine(v.Owner.String()), markdownLine(v.counts()+v.was()))
		if v.Image != "" {
			fmt.Fprintf(w, "\n%s\n", code(line(v.Image)))
		}
		if v.Text != "" {
			fmt.Fprintf(w, "\n%s\n", markdownLine(v.Text))
		}
		if v.LastNode {
			fmt.Fprintf(w, "\n%s\n", markdownLine(v.lastNode()))
		}
		if len(v.Places) > 1 {
			markdownTable(w, append([][]string{{"runs", "Windows", "nodes", "why"}}, v.placeRows()...))
		}
		if len(v.Remedies) > 0 {
			fmt.Fprint(w, "\nWhat helps:\n\n")
		}
		for i, r := range v.Remedies {
			fmt.Fprintf(w, "%d. %s\n", i+1, markdownLine(r.Text))
			if r.Command != "" {
				fmt.Fprintf(w, "\n   %s\n\n", strings.ReplaceAll(fence(r.Command), "\n", "\n   "))
			}
		}
	}
	if rows := d.quietRows(); len(rows) > 1 {
		fmt.Fprint(w, "\n## What the change does not break\n")
		markdownTable(w, rows)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(w, "\nNote: %s\n", markdownLine(n))
	}
	for i := range d.Unseen {
		fmt.Fprintf(w, "\nNot seen: %s\n", markdownLine(d.Unseen[i].text()))
	}
	fmt.Fprintf(w, "\n%s\n", markdownLine(d.source()))
}

// line puts a text on one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

func markdownLine(s string) string { return markdown(line(s)) }

// markdownTable writes rows, the first of which is the head, after an empty line.
func markdownTable(w io.Writer, rows [][]string) {
	if len(rows) < 2 {
		return
	}
	fmt.Fprintln(w)
	for i, row := range rows {
		for _, c := range row {
			fmt.Fprintf(w, "| %s ", markdownLine(c))
		}
		fmt.Fprintln(w, "|")
		if i == 0 {
			fmt.Fprintln(w, "|"+strings.Repeat(" --- |", len(row)))
		}
	}
}

// KubeSimulateHTML writes it as a page that stands alone.
func KubeSimulateHTML(w io.Writer, d *KubeSimulate) {
	esc := html.EscapeString
	kubePage(w, d.title())
	fmt.Fprint(w, "<ul>\n")
	for _, c := range d.Change {
		fmt.Fprintf(w, "<li>%s\n", esc(c))
	}
	fmt.Fprint(w, "</ul>\n")
	htmlTable(w, d.nodeRows(), true)
	fmt.Fprintf(w, "<p><strong>%s</strong></p>\n", esc(d.Headline()))
	for i := range d.Workloads {
		if v := &d.Workloads[i]; !v.quiet() {
			v.html(w)
		}
	}
	if rows := d.quietRows(); len(rows) > 1 {
		fmt.Fprint(w, "<h2>What the change does not break</h2>\n")
		htmlTable(w, rows, true)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(w, "<section class=\"note\"><h2>note</h2><p>%s</p></section>\n", esc(n))
	}
	for i := range d.Unseen {
		fmt.Fprintf(w, "<section class=\"note\"><h2>not seen</h2><p>%s</p></section>\n", esc(d.Unseen[i].text()))
	}
	fmt.Fprintf(w, "<p>%s</p>\n</html>\n", esc(d.source()))
}

func (v *KubeSimulatedWorkload) html(w io.Writer) {
	esc := html.EscapeString
	level := "error"
	switch v.Outcome {
	case "at-risk", "risky":
		level = "warning"
	case "unknown", "runs":
		level = "note"
	}
	fmt.Fprintf(w, "<section class=\"%s\"><h2>%s: %s <small>%s</small></h2>\n", level, esc(v.Outcome), esc(v.Owner.String()), esc(v.counts()+v.was()))
	if v.Image != "" {
		fmt.Fprintf(w, "<p><code>%s</code></p>\n", esc(v.Image))
	}
	if v.Text != "" {
		fmt.Fprintf(w, "<p>%s</p>\n", esc(v.Text))
	}
	if v.LastNode {
		fmt.Fprintf(w, "<p>%s</p>\n", esc(v.lastNode()))
	}
	if len(v.Places) > 1 {
		htmlTable(w, v.placeRows(), false)
	}
	htmlRemedies(w, v.Remedies)
	fmt.Fprint(w, "</section>\n")
}

// htmlTable writes rows, the first of which may be the head.
func htmlTable(w io.Writer, rows [][]string, head bool) {
	if head && len(rows) < 2 || len(rows) == 0 {
		return
	}
	fmt.Fprint(w, "<table>")
	if head {
		fmt.Fprint(w, "<thead><tr>")
		for _, c := range rows[0] {
			fmt.Fprintf(w, "<th scope=\"col\">%s", html.EscapeString(c))
		}
		fmt.Fprint(w, "</thead>")
		rows = rows[1:]
	}
	fmt.Fprint(w, "<tbody>\n")
	for _, row := range rows {
		fmt.Fprint(w, "<tr>")
		for _, c := range row {
			fmt.Fprintf(w, "<td>%s", html.EscapeString(c))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "</tbody></table>\n")
}
