package render

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"a\nb\n", "a\nb\n", ""},
		{"x\na\nx\nb\nx\na\nx\n", "x\na\nx\nc\nx\na\nx\n", "--- a/f\n+++ b/f\n@@ -1,7 +1,7 @@\n x\n a\n x\n-b\n+c\n x\n a\n x\n"},
		{"a", "b", "--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"},
		{"", "b\n", "--- a/f\n+++ b/f\n@@ -0,0 +1,1 @@\n+b\n"},
	} {
		if got := string(Diff("f", []byte(c.before), []byte(c.after))); got != c.want {
			t.Errorf("%q %q:\n%s", c.before, c.after, got)
		}
	}
	if got := string(Diff("/srv/Dockerfile", []byte("a\n"), []byte("b\n"))); !strings.HasPrefix(got, "--- a/srv/Dockerfile\n+++ b/srv/Dockerfile\n") {
		t.Errorf("an absolute name:\n%s", got)
	}
	// Any two texts: the diff makes one of the other, and back.
	r := rand.New(rand.NewPCG(1, 2))
	text := func() []byte {
		var b strings.Builder
		for range r.IntN(30) {
			fmt.Fprintf(&b, "%d\n", r.IntN(4))
		}
		return []byte(b.String())
	}
	for range 2000 {
		a, b := text(), text()
		if got := patched(t, a, Diff("f", a, b)); !bytes.Equal(got, b) {
			t.Fatalf("%q %q: %q", a, b, got)
		}
	}
	many := func(s string) []byte { return []byte(strings.Repeat(s, 5000)) }
	if a, b := many("a\nb\n"), many("c\nb\n"); !bytes.Equal(patched(t, a, Diff("f", a, b)), b) {
		t.Error("a large change is wrong")
	}
}

// patched applies a diff.
func patched(t *testing.T, a, diff []byte) []byte {
	t.Helper()
	var out []byte
	lines, at := splitLines(a), 0
	for _, l := range splitLines(diff) {
		switch {
		case bytes.HasPrefix(l, []byte("--- ")), bytes.HasPrefix(l, []byte("+++ ")):
		case l[0] == '@':
			var from, n, to, m int
			if _, err := fmt.Sscanf(string(l), "@@ -%d,%d +%d,%d @@", &from, &n, &to, &m); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				from--
			}
			for ; at < from; at++ {
				out = append(out, lines[at]...)
			}
		case l[0] == '+':
			out = append(out, l[1:]...)
		default:
			if !bytes.Equal(lines[at], l[1:]) {
				t.Fatalf("line %d is %q, the diff has %q", at, lines[at], l)
			}
			if l[0] == ' ' {
				out = append(out, l[1:]...)
			}
			at++
		}
	}
	for ; at < len(lines); at++ {
		out = append(out, lines[at]...)
	}
	return out
}
