package yamledit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/winmatch/winmatch/files/yamledit"
)

// theirs writes down what go.yaml.in/yaml reads: kinds, values, tags, anchors.
func theirs(src []byte, styles bool) (string, error) {
	var b strings.Builder
	loader, err := yaml.NewLoader(strings.NewReader(string(src)))
	if err != nil {
		return "", err
	}
	for {
		var n yaml.Node
		if err := loader.Load(&n); errors.Is(err, io.EOF) {
			return b.String(), nil
		} else if err != nil {
			return "", err
		}
		if len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode && n.Content[0].Tag == "!!null" && n.Content[0].Value == "" && n.Content[0].Anchor == "" && n.Content[0].Style&yaml.TaggedStyle == 0 {
			continue
		}
		theirNode(&b, &n, styles)
		b.WriteString("---\n")
	}
}

func theirNode(b *strings.Builder, n *yaml.Node, styles bool) {
	tag := ""
	if n.Style&yaml.TaggedStyle != 0 {
		tag = "<T>"
	}
	switch n.Kind {
	case yaml.DocumentNode:
	case yaml.AliasNode:
		fmt.Fprintf(b, "*%s ", n.Value)
	case yaml.ScalarNode:
		style := 'p'
		switch {
		case n.Style&yaml.DoubleQuotedStyle != 0:
			style = 'd'
		case n.Style&yaml.SingleQuotedStyle != 0:
			style = 's'
		case n.Style&yaml.LiteralStyle != 0:
			style = 'l'
		case n.Style&yaml.FoldedStyle != 0:
			style = 'f'
		}
		if styles {
			fmt.Fprintf(b, "%c", style)
		}
		fmt.Fprintf(b, "%s&%s%q ", tag, n.Anchor, n.Value)
	case yaml.MappingNode:
		fmt.Fprintf(b, "%s&%s{", tag, n.Anchor)
		defer b.WriteString("}")
	case yaml.SequenceNode:
		fmt.Fprintf(b, "%s&%s[", tag, n.Anchor)
		defer b.WriteString("]")
	}
	for _, c := range n.Content {
		theirNode(b, c, styles)
	}
}

func ours(f *yamledit.File, styles bool) string {
	var b strings.Builder
	for _, d := range f.Docs {
		ourNode(&b, d, styles)
		b.WriteString("---\n")
	}
	return b.String()
}

func ourNode(b *strings.Builder, n *yamledit.Node, styles bool) {
	tag := ""
	if n.Tag != "" {
		tag = "<T>"
	}
	switch n.Kind {
	case yamledit.Alias:
		fmt.Fprintf(b, "*%s ", n.Value)
	case yamledit.Scalar:
		if styles {
			fmt.Fprintf(b, "%c", "psdlf"[n.Style])
		}
		fmt.Fprintf(b, "%s&%s%q ", tag, n.Anchor, n.Value)
	case yamledit.Mapping:
		fmt.Fprintf(b, "%s&%s{", tag, n.Anchor)
		defer b.WriteString("}")
	case yamledit.Sequence:
		fmt.Fprintf(b, "%s&%s[", tag, n.Anchor)
		defer b.WriteString("]")
	}
	for _, c := range n.Content {
		ourNode(b, c, styles)
	}
}

var seeds = []string{
	"a: 1\nb:\n- x\n- y: 2\n  z: [1, {q: \"r\"}, 's''t']\nc: |\n  foo\n   bar\n\nd: >-\n  a\n  b\n\n  c\n   d\n  e\n",
	"\ufeffa: &x !!str  TOK # c\r\nb: *x\r\n<<: {c: d}\r\n---\r\n# é\r\n- - a\r\n  - b\r\n-\r\n  c: \"a\\u00e9\\\r\n   b\r\n\r\n  c\"\r\n...\r\n",
	"? a\n: b\n? - c\n: - d\n",
	"x: &m\n  &k key: v\ny: foo\n  bar: baz\n",
	"a: foo\n  bar\n\n  baz # c\nb: |+\n  t\n\n\nc: 'x\n  y'\n--- >\n folded\n text\n--- text\n",
	"key: {a: b, \"c\":d, e, f: , g: [h: i, j]}\nz:\n",
	"- |2-\n    x\n   y\n- >+\n\n  a\n\n\n- ~\n-\n",
	"a:\n    - b:\n        c: d\n    # x\n\n    - e\nf: !ref [a,\n  b] # g\n",
	"apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: mcr.microsoft.com/windows/nanoserver:ltsc2022}]}\n",
	"%YAML 1.1\n---\na: b:c\nurl: http://x/y#z\nt: a #b\nn: -1\ne: - \n",
	"a: \"\\x41\\t\\/\\e\\_\"\nb: 'it''s'\n",
	"{\"apiVersion\":\"v1\",\"a\":[1,2,{\"b\":null}]}",
	"a:\n  - b\n c: d\n",
	"--- |\n...\n--- >+\n\n...\nb: 1\n", "a:\n  b: {\nc: d,\n \"e\n f\":\ng}\n",
	"a: [b\n- c\n", "a: \"b\nc: d\n", "a: @b\n", "a: b\n\tc: d\n", "a: *z\n", "a: &x [*x]\n",
}

// plainer is the text, with the same meaning, without two things that version 4 of
// go.yaml.in/yaml reads wrong; version 3, which Kubernetes has, and YAML 1.2 read
// both as is done here.
//
//   - A key inside brackets that stands further left than the block around them
//     is refused ("mapping values are not allowed in this context"). There a line
//     may begin anywhere, so all lines inside brackets are moved to the right.
//   - A block text that is a whole document and has no line with text takes the
//     "..." that ends it for its first one. Its indentation is written out.
func plainer(f *yamledit.File) []byte {
	var edits []yamledit.Edit
	var move func(n *yamledit.Node)
	move = func(n *yamledit.Node) {
		if n.Style == yamledit.Flow && n.Kind != yamledit.Scalar {
			_, column := f.Position(n.Start)
			for at, c := range f.Src[n.Start:n.End] {
				if c == '\n' {
					at += n.Start + 1
					edits = append(edits, yamledit.Edit{Start: at, End: at, New: strings.Repeat(" ", column)})
				}
			}
			return
		}
		for _, c := range n.Content {
			move(c)
		}
	}
	for _, d := range f.Docs {
		move(d)
		block := d.Style == yamledit.Literal || d.Style == yamledit.Folded
		if d.Kind == yamledit.Scalar && block && strings.Trim(d.Value, "\n") == "" && !indented(f.Src[d.Start:]) {
			edits = append(edits, yamledit.Edit{Start: d.Start + 1, End: d.Start + 1, New: "1"})
		}
	}
	src, err := yamledit.Apply(f.Src, edits...)
	if err != nil {
		panic(err)
	}
	return src
}

// indented reports whether a block text says itself how far it is indented.
func indented(header []byte) bool {
	header = header[:min(3, len(header))]
	return bytes.ContainsAny(bytes.TrimLeft(header, "|>"), "123456789")
}

func compare(t *testing.T, src []byte) {
	t.Helper()
	f, err := yamledit.Parse(src)
	if err != nil {
		var e *yamledit.Error
		if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Offset < 0 || e.Offset > len(src) {
			t.Fatalf("%q: an error without its place: %v", src, err)
		}
		return
	}
	want := ours(f, true)
	if got, err := theirsOf(f, want, true); err != nil || got != want {
		t.Fatalf("%q: read as\n%s\nyaml reads\n%s\n%v", src, want, got, err)
	}
}

// theirsOf is what yaml reads in a file: in the plainer text, where it does not
// read what is wanted in the text as it is.
func theirsOf(f *yamledit.File, want string, styles bool) (string, error) {
	if got, err := theirs(f.Src, styles); err == nil && got == want {
		return got, nil
	}
	return theirs(plainer(f), styles)
}

// FuzzOracle holds that whatever is read here is read alike by go.yaml.in/yaml.
func FuzzOracle(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4<<10 || bytes.HasPrefix(src, []byte("%")) || bytes.Contains(src, []byte("\n%")) {
			return // directives are passed over here
		}
		compare(t, src)
	})
}

// FuzzEdit makes a change anywhere, and holds that go.yaml.in/yaml then reads
// the old meaning but for the change.
func FuzzEdit(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint16(i), byte(i), "x: y")
		f.Add([]byte(s), uint16(i/2), byte(i+1), "10.0.20348")
		f.Add([]byte(s), uint16(i+2), byte(i+2), "a/b:c")
	}
	f.Fuzz(func(t *testing.T, src []byte, which uint16, op byte, text string) {
		if len(src) > 2<<10 || bytes.HasPrefix(src, []byte("%")) || bytes.Contains(src, []byte("\n%")) || !utf8.ValidString(text) {
			return
		}
		file, err := yamledit.Parse(src)
		if err != nil {
			return
		}
		var nodes []*yamledit.Node
		var walk func(n *yamledit.Node)
		walk = func(n *yamledit.Node) {
			nodes = append(nodes, n)
			for _, c := range n.Content {
				walk(c)
			}
		}
		for _, d := range file.Docs {
			walk(d)
		}
		if len(nodes) == 0 {
			return
		}
		n := nodes[int(which)%len(nodes)]
		edits, expect, err := anyChange(file, n, int(which), op, text)
		if err != nil {
			return
		}
		expect()
		after, err := yamledit.Apply(src, edits...)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := yamledit.Parse(after)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, after, err)
		}
		want := ours(file, false)
		if got, err := theirsOf(changed, want, false); err != nil || got != want {
			t.Fatalf("%q became %q: %v\nread as\n%s\nwant\n%s", src, after, err, got, want)
		}
	})
}

// anyChange makes a change at a node. expect then makes it in the tree.
func anyChange(f *yamledit.File, n *yamledit.Node, which int, op byte, text string) (edits []yamledit.Edit, expect func(), err error) {
	scalar := func(s string) *yamledit.Node { return &yamledit.Node{Value: s, Style: yamledit.DoubleQuoted} }
	collection := func(k yamledit.Kind, content ...*yamledit.Node) *yamledit.Node {
		return &yamledit.Node{Kind: k, Content: content}
	}
	one := func(e yamledit.Edit, err error) ([]yamledit.Edit, error) { return []yamledit.Edit{e}, err }
	switch op % 6 {
	case 0:
		edits, err = one(f.Replace(n, text))
		expect = func() { n.Value = text }
	case 1:
		old := n.Get("key")
		if !old.IsNull() {
			return nil, nil, errors.New("set already")
		}
		edits, err = f.Set(n, "key", yamledit.Map{{"kubernetes.io/os", text}, {"b", yamledit.List{yamledit.Quoted(text)}}})
		expect = func() {
			value := collection(yamledit.Mapping, scalar("kubernetes.io/os"), scalar(text), scalar("b"), collection(yamledit.Sequence, scalar(text)))
			if old != nil {
				*old = *value
			} else {
				n.Content = append(n.Content, scalar("key"), value)
			}
		}
	case 2:
		edits, err = one(f.Append(n, text))
		expect = func() { n.Content = append(n.Content, scalar(text)) }
	case 3:
		key := ""
		if len(n.Content) > 1 {
			key = n.Content[which%len(n.Content)/2*2].Value
		}
		edits, err = one(f.Remove(n, key))
		expect = func() {
			i := slices.IndexFunc(n.Content, func(c *yamledit.Node) bool { return c.Kind == yamledit.Scalar && c.Value == key })
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	case 5:
		i := which % max(len(n.Content), 1)
		edits, err = one(f.RemoveItem(n, i))
		expect = func() { n.Content = slices.Delete(n.Content, i, i+1) }
	case 4:
		edits, err = one(f.Append(n, yamledit.Map{{"a", text}, {text, yamledit.List{text}}}))
		expect = func() {
			n.Content = append(n.Content, collection(yamledit.Mapping, scalar("a"), scalar(text), scalar(text), collection(yamledit.Sequence, scalar(text))))
		}
	}
	return edits, expect, err
}
