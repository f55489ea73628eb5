package render

import (
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// said is a cell in a few words: which isolation modes run it.
func (c *Cell) said() string {
	word := func(a compat.Answer, mode string) string {
		switch a {
		case compat.Yes:
			return mode
		case compat.Risky:
			return mode + " (risky)"
		case compat.Unknown:
			return mode + "?"
		}
		return ""
	}
	var list []string
	for _, s := range []string{word(c.Process.Answer, "process"), word(c.HyperV.Answer, "hyperv")} {
		if s != "" {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}

// grid is the matrix as rows of texts, the heading first.
func (m *Matrix) grid() [][]string {
	rows := [][]string{append([]string{"host \\ image"}, m.Images...)}
	for h, host := range m.Hosts {
		row := []string{host}
		for i := range m.Images {
			row = append(row, m.Cells[h*len(m.Images)+i].said())
		}
		rows = append(rows, row)
	}
	return rows
}

// caption says what the matrix is of.
func (m *Matrix) caption() string {
	runtime := strings.TrimSpace(m.Runtime.Name + " " + m.Runtime.Version)
	if m.Runtime.Name == "none" {
		runtime = "documentation and Windows alone"
	} else if m.Runtime.Version == "" {
		runtime += " (the newest that runs on each host)"
	}
	c := "Runtime: " + runtime
	if m.AsOf != 0 {
		c += "; documentation as of " + m.AsOf.String()
	}
	return c + "; facts as of " + m.Facts.AsOf.String()
}

// legend explains the words of the cells.
const legend = "process, hyperv: runs in that isolation mode; (risky): the sources differ; ?: not known; -: does not run"

// MatrixText writes the matrix for people.
func MatrixText(w io.Writer, m *Matrix, s Style) {
	fmt.Fprintf(w, "%s\n\n", m.caption())
	table(w, "", m.grid())
	fmt.Fprintf(w, "\n%s\n%s\n", s.paint(dim, legend), s.paint(dim, m.Source))
}

// MatrixMarkdown writes the matrix as a Markdown table.
func MatrixMarkdown(w io.Writer, m *Matrix) {
	fmt.Fprintf(w, "%s\n\n", m.caption())
	for i, row := range m.grid() {
		fmt.Fprintln(w, "| "+strings.ReplaceAll(strings.Join(row, " | "), "\\", "\\\\")+" |")
		if i == 0 {
			fmt.Fprintln(w, "|"+strings.Repeat(" --- |", len(row)))
		}
	}
	fmt.Fprintf(w, "\n%s. Source: <%s>\n", legend, m.Source)
}

// MatrixCSV writes a row for each host, image and isolation mode.
func MatrixCSV(w io.Writer, m *Matrix) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"host", "hostBuild", "image", "imageBuild", "isolation", "answer", "documented", "pull", "start", "reason"}}
	for i := range m.Cells {
		cell := &m.Cells[i]
		for _, mode := range []struct {
			name string
			say  CellSay
		}{{"process", cell.Process}, {"hyperv", cell.HyperV}} {
			rows = append(rows, []string{m.Hosts[i/len(m.Images)], fmt.Sprint(cell.Host.Build), m.Images[i%len(m.Images)], fmt.Sprint(cell.Image.Build),
				mode.name, mode.say.Answer.String(), mode.say.Documented, mode.say.Pull, mode.say.Start, mode.say.Reason})
		}
	}
	return c.WriteAll(rows)
}

// MatrixHTML writes the matrix as a page that stands alone.
func MatrixHTML(w io.Writer, m *Matrix) {
	fmt.Fprintf(w, `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Windows containers: which image runs on which host</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1b1b;background:#fff}
table{border-collapse:collapse}th,td{border:1px solid #bbb;padding:.3rem .7rem;text-align:left}
thead th{background:#f0f0f0}.yes{background:#d8f0dc}.risky{background:#fdf0c4}.no{color:#666}.unknown{background:#dfe9f7}
@media(prefers-color-scheme:dark){body{color:#eee;background:#1b1b1b}thead th{background:#333}.yes{background:#1f4428}.risky{background:#4d4012}.no{color:#aaa}.unknown{background:#233a56}}
</style>
<h1>Which image runs on which host</h1>
<p>%s</p>
<table>
`, html.EscapeString(m.caption()))
	for i, row := range m.grid() {
		if i == 0 {
			fmt.Fprintln(w, "<thead><tr>")
			for _, c := range row {
				fmt.Fprintf(w, "<th scope=\"col\">%s</th>\n", html.EscapeString(c))
			}
			fmt.Fprintln(w, "</tr></thead>\n<tbody>")
			continue
		}
		fmt.Fprintf(w, "<tr><th scope=\"row\">%s</th>\n", html.EscapeString(row[0]))
		for j, c := range row[1:] {
			cell := &m.Cells[(i-1)*len(m.Images)+j]
			fmt.Fprintf(w, "<td class=\"%s\" title=\"process: %s; hyperv: %s\">%s</td>\n", cell.class(),
				html.EscapeString(cell.Process.Reason), html.EscapeString(cell.HyperV.Reason), html.EscapeString(c))
		}
		fmt.Fprintln(w, "</tr>")
	}
	fmt.Fprintf(w, "</tbody></table>\n<p>%s. Source: <a href=\"%s\">%s</a></p>\n</html>\n", html.EscapeString(legend), html.EscapeString(m.Source), html.EscapeString(m.Source))
}

// class is the better of the two answers.
func (c *Cell) class() string {
	for _, a := range []compat.Answer{compat.Yes, compat.Risky, compat.Unknown} {
		if c.Process.Answer == a || c.HyperV.Answer == a {
			return a.String()
		}
	}
	return compat.No.String()
}
