package render

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// kubeRules are the findings of kube doctor.
var kubeRules = [...]struct{ id, level, text string }{
	{"failed", "error", "A pod failed because of a Windows version"},
	{"waiting", "error", "A pod waits for a Windows version that no node has"},
	{"no-node", "error", "None of the nodes that a workload may be put on can run its image"},
	{"at-risk", "warning", "A workload may be put on nodes that cannot run its image"},
	{"wrong-os", "warning", "A workload may be put on nodes of another operating system"},
	{"risky", "note", "Documentation, runtime and reports disagree"},
	{"unknown", "note", "Whether a workload runs where it may be put is not known"},
	{"label-lies", "warning", "A label of a node contradicts its Windows version"},
	{"label-stale", "warning", "Labels that winmatch has set are not true any more, or not all there"},
	{"out-of-support", "warning", "A node's Windows is out of support"},
	{"runtime-not-for-host", "warning", "A node's container runtime does not run on its Windows"},
	{"client-not-a-node", "warning", "A node runs a client Windows"},
	{"version-unknown", "note", "A node's Windows version is not known"},
}

// KubeDoctorSARIF writes it as SARIF 2.1.0. An object of a cluster has no file,
// which some readers want: its place is kubernetes/NAMESPACE/KIND/NAME.
func KubeDoctorSARIF(w io.Writer, d *KubeDoctor) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "winmatch", InformationURI: homeURL}
	index := map[string]int{}
	for i, r := range kubeRules {
		index[r.id] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.id, sarifText{r.text}, homeURL + "/blob/main/docs/contract.md#kubectl-winmatch-doctor", sarifDefault{r.level, true}})
	}
	add := func(code, text, place, kind, key string) {
		at := sarifAt("kubernetes/"+place, nil)
		at[0].Logical = []sarifLogical{{place, kind}}
		run.Results = append(run.Results, sarifResult{RuleID: code, RuleIndex: index[code], Level: kubeRules[index[code]].level, Message: sarifText{text},
			Locations: at, Fingerprints: map[string]string{"winmatch/v1": key}})
	}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		for _, f := range n.Findings {
			add(f.Code, n.Name+": "+f.Text, "nodes/"+n.Name, "Node", "Node "+n.Name+" "+f.Code)
		}
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		about, key := f.Owner.String(), f.Owner.String()+" "+f.Code
		if f.Image != nil {
			about += ", " + f.Image.Reference
			key += " " + f.Image.Reference
		}
		text := about + ": " + f.Text
		if len(f.Remedies) > 0 {
			text += "; what helps: " + f.Remedies[0].Text
		}
		add(f.Code, text, f.Owner.Namespace+"/"+strings.ToLower(f.Owner.Kind)+"/"+f.Owner.Name, f.Owner.Kind, key)
	}
	inv := sarifInvocation{Successful: len(d.Unseen) == 0}
	for i := range d.Unseen {
		inv.Notifications = append(inv.Notifications, sarifNotification{Level: "warning", Message: sarifText{"not seen: " + d.Unseen[i].text()}, Locations: []sarifLocation{}})
	}
	run.Invocations = []sarifInvocation{inv}
	return JSON(w, &sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

// kubePage begins a page that stands alone.
func kubePage(w io.Writer, title string) {
	fmt.Fprintf(w, `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>winmatch: %[1]s</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;margin:.5rem 0}th,td{padding:.25rem .75rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
section{border-left:4px solid #999;padding:.1rem 1rem;margin:1rem 0}section.error{border-color:#b00020}section.warning{border-color:#b26a00}section.note{border-color:#0b5cad}
code{background:#f3f3f3;padding:.05rem .3rem;overflow-wrap:anywhere}h2{margin:.3rem 0;font-size:1.05rem}h2 small{font-weight:normal;color:#555}
@media (prefers-color-scheme:dark){body{background:#181818;color:#eee}code{background:#2a2a2a}th,td{border-color:#444}h2 small{color:#aaa}}
</style>
<h1>%[1]s</h1>
`, html.EscapeString(title))
}

// KubeDoctorHTML writes it as a page that stands alone.
func KubeDoctorHTML(w io.Writer, d *KubeDoctor) {
	esc := html.EscapeString
	kubePage(w, "Windows versions in "+d.Cluster.title())
	fmt.Fprintf(w, "<p>%d Windows nodes, %d other nodes, %d pods. Facts of %s.</p>\n", len(d.Nodes), d.Cluster.OtherNodes, d.Cluster.Pods, esc(d.Facts.AsOf.String()))
	if len(d.Nodes) > 0 {
		fmt.Fprint(w, "<table><thead><tr><th scope=\"col\">Node<th scope=\"col\">Version<th scope=\"col\">Release<th scope=\"col\">Runtime<th scope=\"col\">Support until<th scope=\"col\">Findings</thead><tbody>\n")
		for i := range d.Nodes {
			n := &d.Nodes[i]
			var texts []string
			for _, f := range n.Findings {
				texts = append(texts, esc(f.Text))
			}
			fmt.Fprintf(w, "<tr><th scope=\"row\">%s<td>%s<td>%s<td>%s<td>%s<td>%s\n", esc(n.Name), esc(n.Host.Version.String()), esc(n.HostName),
				esc(strings.TrimSpace(n.Runtime.Name+" "+n.Runtime.Version)), date(n.SupportEnds), strings.Join(texts, "<br>"))
		}
		fmt.Fprint(w, "</tbody></table>\n")
	}
	for i := range d.Findings {
		kubeFindingHTML(w, &d.Findings[i])
	}
	if len(d.Findings) == 0 {
		fmt.Fprintf(w, "<p>%s</p>\n", esc(kubeNothing(d)))
	}
	for i := range d.Unseen {
		fmt.Fprintf(w, "<section class=\"note\"><h2>not seen</h2><p>%s</p></section>\n", esc(d.Unseen[i].text()))
	}
	fmt.Fprint(w, "</html>\n")
}

func (c *KubeCluster) title() string {
	if c.Context != "" {
		return c.Context
	}
	return c.Server
}

func kubeFindingHTML(w io.Writer, f *KubeFinding) {
	esc := html.EscapeString
	fmt.Fprintf(w, "<section class=\"%s\"><h2>%s: %s <small>%s</small></h2>\n", f.Level, esc(f.Code), esc(f.Owner.String()), kubePods(f.Pods))
	if f.Image != nil {
		fmt.Fprintf(w, "<p><code>%s</code></p>\n", esc(f.Image.Reference))
	}
	fmt.Fprintf(w, "<p>%s</p>\n", esc(f.Text))
	for _, b := range f.Failures {
		if b.Message != "" {
			fmt.Fprintf(w, "<p><code>%s</code> %s</p>\n", esc(b.Message), esc(strings.Join(b.Nodes, ", ")))
		}
	}
	if len(f.Places) > 0 {
		fmt.Fprint(w, "<table><tbody>\n")
		for _, p := range f.Places {
			text := p.Text
			if p.Answer == compat.Yes && !p.Seen {
				text = ""
			}
			fmt.Fprintf(w, "<tr><td>%s<td>%s<td>%s<td>%s<td>%s\n", p.Answer, esc(p.HostName), esc(p.Host.Version.String()), nodes(p.Count), esc(text))
		}
		fmt.Fprint(w, "</tbody></table>\n")
	}
	htmlRemedies(w, f.Remedies)
	fmt.Fprint(w, "</section>\n")
}

func htmlRemedies(w io.Writer, list []compat.Remedy) {
	if len(list) > 0 {
		fmt.Fprint(w, "<ol>\n")
		for _, r := range list {
			fmt.Fprintf(w, "<li>%s", html.EscapeString(r.Text))
			if r.Command != "" {
				fmt.Fprintf(w, "<br><code>%s</code>", html.EscapeString(r.Command))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, "</ol>\n")
	}
}
