package yamledit_test

import (
	"strings"
	"testing"

	"github.com/winmatch/winmatch/files/yamledit"
)

// TestPlaces holds that the bytes of each scalar, alone, are its value.
func TestPlaces(t *testing.T) {
	for _, src := range seeds {
		f, err := yamledit.Parse([]byte(src))
		if err != nil {
			continue
		}
		var walk func(n *yamledit.Node)
		walk = func(n *yamledit.Node) {
			if n.Kind == yamledit.Scalar && n.Style <= yamledit.DoubleQuoted {
				one, err := yamledit.Parse(append([]byte("- "), src[n.Start:n.End]...))
				if err != nil || one.Docs[0].Content[0].Value != n.Value {
					t.Errorf("%q: the bytes of %q are %q", src, n.Value, src[n.Start:n.End])
				}
			}
			for _, c := range n.Content {
				if c.Begin < n.Begin || c.End > n.End || c.Begin > c.Start || c.Start > c.End {
					t.Errorf("%q: %d-%d-%d is not inside of %d-%d", src, c.Begin, c.Start, c.End, n.Begin, n.End)
				}
				walk(c)
			}
		}
		for _, d := range f.Docs {
			walk(d)
		}
	}
}

func TestPosition(t *testing.T) {
	f, err := yamledit.Parse([]byte("\ufeffä: x\r\n日本: [ö, TOK]\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	n := f.Docs[0].Content[3].Content[1]
	if line, column := f.Position(n.Start); n.Value != "TOK" || line != 2 || column != 9 {
		t.Errorf("%q at %d:%d", n.Value, line, column)
	}
	if line, column := f.Position(f.Docs[0].Start); line != 1 || column != 1 {
		t.Errorf("the first key at %d:%d", line, column)
	}
}

func TestErrors(t *testing.T) {
	for src, want := range map[string]string{
		"a: b\n c: d\n":       "2:3: a key over more than a line",
		"a:\n  - b\n c: d\n":  "3:2: an indentation that fits nothing before",
		"a:\n\tb: c\n":        "2:1: a tab where only spaces may indent",
		"a: [b, c\n":          "1:4: a bracket that is not closed",
		"a: \"b\n":            "1:4: a quote that is not closed",
		"a: \"C:\\Users\"\n":  "1:7: an escape without its hexadecimal digits",
		"a: \"C:\\Data\"\n":   "1:7: an escape that YAML does not know; in a Windows path write \\\\ or use single quotes",
		"a: *b\n":             "1:4: an alias of an anchor that is not known: b",
		"a: &b [*b]\n":        "1:8: an alias of an anchor that is not known: b",
		"a: %x\n":             "1:4: a value cannot begin with '%'",
		"a: b: c\n":           "1:5: a mapping in a place where none may begin",
		"a\nb: c\n":           "2:2: a key over more than a line",
		"a: b\r\rc: d\n":      "1:5: a carriage return without a line feed",
		"a: \xff\n":           "1:4: bytes that are not UTF-8",
		"\xff\xfea\x00":       "1:1: bytes that are not UTF-8",
		"a\x00b\x00":          "1:2: a zero byte: the text is not UTF-8",
		"ä: \"é\" b\n":        "1:8: text behind the end of a value",
		"a: {b: c\n---\nd: e": "1:4: a bracket that is not closed before the document ends",
	} {
		_, err := yamledit.Parse([]byte(src))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// TestBounds holds that depth is bounded, and that aliases cost what they are
// written in: this text stands for 10^30 values.
func TestBounds(t *testing.T) {
	for _, open := range []string{"[", "{a: ", "- ", "? "} {
		if _, err := yamledit.Parse([]byte(strings.Repeat(open, 100_000))); err == nil || !strings.Contains(err.Error(), "nested deeper than 200 levels") {
			t.Errorf("%q: %.100v", open, err)
		}
	}
	bomb := "a0: &a0 {x: y}\n"
	for i := range 30 {
		before := "*a" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		name := "a" + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		if i == 0 {
			before = "*a0"
		}
		bomb += name + ": &" + name + "\n  <<: [" + strings.Repeat(before+", ", 10) + "]\n"
	}
	f, err := yamledit.Parse([]byte(bomb))
	if err != nil {
		t.Fatal(err)
	}
	last := f.Docs[0].Get("a30")
	if got := last.String("x"); got != "y" {
		t.Errorf("through 30 merges: %q", got)
	}
	if last.Get("no such key") != nil {
		t.Error("found what is not there")
	}
}

func TestFind(t *testing.T) {
	f, err := yamledit.Parse([]byte("base: &base {image: a, os: &os windows}\nweb:\n  <<: *base\n  image: b\n  name: *os\nnull: ~\n"))
	if err != nil {
		t.Fatal(err)
	}
	web := f.Docs[0].Get("web")
	image, _ := web.Find("image")
	system, _ := web.Find("os")
	if image.Value.Value != "b" || image.Shared || system.Value.Value != "windows" || !system.Shared {
		t.Errorf("image %+v, os %+v", image, system)
	}
	if got := web.String("name"); got != "windows" {
		t.Errorf("an alias is %q", got)
	}
	if !f.Docs[0].Get("null").IsNull() || f.Docs[0].Get("none") != nil || f.Docs[0].Path("web", "name", "x") != nil {
		t.Error("null")
	}
}
