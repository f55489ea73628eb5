package files

import (
	"maps"
	"slices"

	"github.com/winmatch/winmatch/files/yamledit"
)

// cell is one job of a matrix: what each of its keys is. Keys whose values are
// computed while the workflow runs are missing.
type cell map[string]*yamledit.Node

// maxCells is how many jobs a matrix may make on GitHub.
const maxCells = 256

// matrixCells are the jobs of a matrix of GitHub Actions, after exclude and
// include; of none, and of one that is computed, a single cell without keys.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix
func matrixCells(m *yamledit.Node) []cell {
	cells, axes := []cell{{}}, map[string]bool{}
	m.Entries(func(k, v *yamledit.Node) bool {
		key, ok := k.Text()
		if !ok || key == "include" || key == "exclude" || len(v.Items()) == 0 || len(cells)*len(v.Items()) > maxCells {
			return true
		}
		axes[key] = true
		var next []cell
		for _, c := range cells {
			for _, item := range v.Items() {
				d := maps.Clone(c)
				d[key] = item
				next = append(next, d)
			}
		}
		cells = next
		return true
	})
	for _, x := range m.Get("exclude").Items() {
		cells = slices.DeleteFunc(cells, func(c cell) bool { return c.agrees(x, nil) })
	}
	include := m.Get("include").Items()
	if len(axes) == 0 && len(include) > 0 {
		cells = nil
	}
	product := len(cells)
	for _, x := range include[:min(len(include), maxCells)] {
		found := false
		for i := range product {
			if cells[i].agrees(x, axes) {
				found = true
				cells[i].add(x, axes)
			}
		}
		if !found {
			c := cell{}
			c.add(x, nil)
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return []cell{{}}
	}
	return cells
}

// agrees reports whether a cell has all values of a mapping; only those of the
// axes, where these are given.
func (c cell) agrees(m *yamledit.Node, axes map[string]bool) bool {
	all := m.Resolve() != nil && m.Resolve().Kind == yamledit.Mapping
	m.Entries(func(k, v *yamledit.Node) bool {
		key, _ := k.Text()
		if axes == nil || axes[key] {
			all = all && c[key] != nil && equalNodes(c[key], v, 0)
		}
		return all
	})
	return all
}

// add takes the values of a mapping over, but for those of axes.
func (c cell) add(m *yamledit.Node, axes map[string]bool) {
	m.Entries(func(k, v *yamledit.Node) bool {
		if key, ok := k.Text(); ok && !axes[key] {
			c[key] = v
		}
		return true
	})
}

// equalNodes reports whether two values are the same.
func equalNodes(a, b *yamledit.Node, depth int) bool {
	a, b = a.Resolve(), b.Resolve()
	if a == nil || b == nil || a.Kind != b.Kind || a.Value != b.Value || len(a.Content) != len(b.Content) || depth > 10 {
		return false
	}
	for i := range a.Content {
		if !equalNodes(a.Content[i], b.Content[i], depth+1) {
			return false
		}
	}
	return true
}
