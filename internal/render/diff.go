package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Diff is a unified diff, as git and patch take it: the fewest lines that differ,
// with three around them. Nil where nothing differs. An absolute name is written as
// one from the root: patch -p1 -d / takes it.
func Diff(name string, before, after []byte) []byte {
	a, b := splitLines(before), splitLines(after)
	changes := differ(a, b)
	if len(changes) == 0 {
		return nil
	}
	name = strings.TrimLeft(name, "/")
	out := fmt.Appendf(nil, "--- a/%s\n+++ b/%s\n", name, name)
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].a-changes[n-1].aEnd <= 2*contextLines {
			n++
		}
		out = appendHunk(out, a, b, changes[:n])
		changes = changes[n:]
	}
	return out
}

const contextLines = 3

// lineChange says that lines a to aEnd become lines b to bEnd.
type lineChange struct{ a, aEnd, b, bEnd int }

func splitLines(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

// appendHunk writes changes that stand close together.
func appendHunk(out []byte, a, b [][]byte, list []lineChange) []byte {
	first, last := list[0], list[len(list)-1]
	from, to := max(first.a-contextLines, 0), min(last.aEnd+contextLines, len(a))
	bFrom, bTo := first.b-(first.a-from), last.bEnd+(to-last.aEnd)
	out = fmt.Appendf(out, "@@ -%s +%s @@\n", hunkRange(from, to), hunkRange(bFrom, bTo))
	write := func(sign byte, lines [][]byte) {
		for _, l := range lines {
			out = append(append(out, sign), l...)
			if l[len(l)-1] != '\n' {
				out = append(out, "\n\\ No newline at end of file\n"...)
			}
		}
	}
	for _, c := range list {
		write(' ', a[from:c.a])
		write('-', a[c.a:c.aEnd])
		write('+', b[c.b:c.bEnd])
		from = c.aEnd
	}
	write(' ', a[from:to])
	return out
}

func hunkRange(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

// maxDiffer bounds the lines that differ; beyond it all that is between the first
// and the last of them is one change.
const maxDiffer = 1000

// differ finds the changes, by the algorithm of E. Myers, An O(ND) Difference
// Algorithm and Its Variations (1986).
func differ(a, b [][]byte) []lineChange {
	start := 0
	for start < len(a) && start < len(b) && bytes.Equal(a[start], b[start]) {
		start++
	}
	n, m := len(a), len(b)
	for n > start && m > start && bytes.Equal(a[n-1], b[m-1]) {
		n, m = n-1, m-1
	}
	a, b = a[start:n], b[start:m]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	// reach[d][k+d] is how far in a the path with d differences gets on diagonal k.
	var reach [][]int
	for d := 0; ; d++ {
		if d > maxDiffer {
			return []lineChange{{start, n, start, m}}
		}
		row := make([]int, 2*d+1)
		for k := -d; k <= d; k += 2 {
			x := 0
			if d > 0 {
				x = furthest(reach[d-1], d-1, k)
			}
			for x < len(a) && x-k < len(b) && bytes.Equal(a[x], b[x-k]) {
				x++
			}
			row[k+d] = x
			if x >= len(a) && x-k >= len(b) {
				return back(reach, d, len(a), len(b), start)
			}
		}
		reach = append(reach, row)
	}
}

// furthest is where a step onto diagonal k gets to from the paths with d
// differences: down from the diagonal above, or right from the one below.
func furthest(row []int, d, k int) int {
	down, right := -1, -1
	if k+1 <= d && k+1 >= -d {
		down = row[k+1+d]
	}
	if k-1 >= -d && k-1 <= d {
		right = row[k-1+d] + 1
	}
	return max(down, right)
}

// back goes the path back and collects its changes.
func back(reach [][]int, d, x, y, start int) []lineChange {
	var list []lineChange
	for ; d > 0; d-- {
		k := x - y
		at := furthest(reach[d-1], d-1, k)
		c := lineChange{at + start, at + start, at - k + start, at - k + start}
		row := reach[d-1]
		if down := k+1 <= d-1 && row[k+1+d-1] == at; down {
			c.b-- // a line of b is added
			x, y = at, at-k-1
		} else {
			c.a--
			x, y = at-1, at-k
		}
		if n := len(list) - 1; n >= 0 && list[n].a == c.aEnd && list[n].b == c.bEnd {
			list[n].a, list[n].b = c.a, c.b
		} else {
			list = append(list, c)
		}
	}
	slices.Reverse(list)
	return list
}
