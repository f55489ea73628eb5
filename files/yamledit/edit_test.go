package yamledit_test

import (
	"strings"
	"testing"

	"github.com/winmatch/winmatch/files/yamledit"
)

// change makes one edit of a text: a line of the tables below.
//
//	replace PATH TEXT      rename PATH TEXT      remove PATH
//	set PATH KEY=TEXT      select PATH KEY=TEXT  (a mapping nodeSelector with it)
//	append PATH TEXT       affinity PATH TEXT      drop PATH NUMBER
func change(f *yamledit.File, line string) ([]yamledit.Edit, error) {
	words := strings.SplitN(line, " ", 3)
	n, key := at(f.Docs[0], words[1])
	text := ""
	if len(words) > 2 {
		text = words[2]
	}
	one := func(e yamledit.Edit, err error) ([]yamledit.Edit, error) { return []yamledit.Edit{e}, err }
	switch words[0] {
	case "replace":
		return one(f.Replace(n, text))
	case "rename":
		return one(f.Replace(key, text))
	case "remove":
		parent, _ := at(f.Docs[0], words[1][:max(strings.LastIndexByte(words[1], '/'), 0)])
		return one(f.Remove(parent, words[1][strings.LastIndexByte(words[1], '/')+1:]))
	case "set":
		k, v, _ := strings.Cut(text, "=")
		return f.Set(n, k, v)
	case "select":
		k, v, _ := strings.Cut(text, "=")
		return f.Set(n, "nodeSelector", yamledit.Map{{"kubernetes.io/os", "windows"}, {k, yamledit.Quoted(v)}})
	case "drop":
		return one(f.RemoveItem(n, int(text[0]-'0')))
	case "append":
		return one(f.Append(n, text))
	case "affinity":
		return f.Set(n, "affinity", yamledit.Map{{"terms", yamledit.List{yamledit.Map{{"key", "k"}, {"values", yamledit.List{text, yamledit.Quoted("2")}}}}}})
	}
	panic(line)
}

// at finds a node by keys and numbers of items between slashes, and its key.
func at(n *yamledit.Node, path string) (value, key *yamledit.Node) {
	for _, p := range strings.Split(path, "/") {
		switch {
		case p == "" || p == ".":
		case n.Kind == yamledit.Sequence:
			n = n.Content[p[0]-'0']
		default:
			e, ok := n.Find(strings.ReplaceAll(p, "|", "/"))
			if !ok {
				panic("no " + path)
			}
			n, key = e.Value, e.Key
		}
	}
	return n, key
}

func TestEdits(t *testing.T) {
	for _, tt := range []struct{ name, src, change, want string }{
		{"plain", "a: b # c\n", "replace a x:y", "a: x:y # c\n"},
		{"needs quotes", "a: b # c\n", "replace a 1809", "a: \"1809\" # c\n"},
		{"needs none", "a: 10.0.17763\n", "replace a 10.0.20348", "a: 10.0.20348\n"},
		{"single", "a: 'b'\n", "replace a it's", "a: 'it''s'\n"},
		{"double", "a: \"\\u0062\"\n", "replace a x\"\\", "a: \"x\\\"\\\\\"\n"},
		{"folded quotes", "a: \"b\n  c\"\nd: e\n", "replace a x", "a: \"x\"\nd: e\n"},
		{"anchor stays", "a: &x !!str b\nc: *x\n", "replace a z", "a: &x !!str z\nc: *x\n"},
		{"bom, CRLF", "\ufeffa: é\r\nb: 'c'\r\n", "replace a z", "\ufeffa: z\r\nb: 'c'\r\n"},
		{"flow", "{a: [b, c]}", "replace a/1 x,y", "{a: [b, \"x,y\"]}"},
		{"key", "a:\n  \"beta.kubernetes.io/os\": windows\n", "rename a/beta.kubernetes.io|os kubernetes.io/os", "a:\n  \"kubernetes.io/os\": windows\n"},
		{"set new", "a:\n    b: c # d\n    # e\nf: g\n", "set a x=z", "a:\n    b: c # d\n    x: z\n    # e\nf: g\n"},
		{"set in an item", "- b: c\n  d:\n  - e\n- f\n", "set 0 x=z", "- b: c\n  d:\n  - e\n  x: z\n- f\n"},
		{"set, no last line ending", "a:\n  b: c", "set a x=z", "a:\n  b: c\n  x: z"},
		{"set behind a block", "a:\n  b: |\n    c\n\n  # d\n", "set a x=z", "a:\n  b: |\n    c\n  x: z\n\n  # d\n"},
		{"set behind a block that is kept", "a:\n  b: |+\n    c\n\nd: e\n", "set a x=z", "a:\n  b: |+\n    c\n\n  x: z\nd: e\n"},
		{"set old", "a: {b: c}\n", "set a b=d", "a: {b: d}\n"},
		{"set in flow", "a: {b: c}\n", "set a x=z, z", "a: {b: c, x: \"z, z\"}\n"},
		{"set in empty flow", "a: {}\n", "set a x=z", "a: {x: z}\n"},
		{"set in JSON", "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [2]\n  }\n}\n", "set b x=z", "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [2],\n    \"x\": \"z\"\n  }\n}\n"},
		{"set where none is written", "a:\n  b:\n  c: d\n", "set a b=x", "a:\n  b: x\n  c: d\n"},
		{"select", "spec:\n    os:\n        name: windows\n    containers:\n    - name: a\n", "select spec k=1", "spec:\n    os:\n        name: windows\n    containers:\n    - name: a\n    nodeSelector:\n        kubernetes.io/os: windows\n        k: \"1\"\n"},
		{"select, CRLF", "spec:\r\n  a: b\r\n", "select spec k=1", "spec:\r\n  a: b\r\n  nodeSelector:\r\n    kubernetes.io/os: windows\r\n    k: \"1\"\r\n"},
		{"select into one", "spec:\n  nodeSelector:\n    kubernetes.io/os: linux\n  b: c\n", "select spec k=1", "spec:\n  nodeSelector:\n    kubernetes.io/os: windows\n    k: \"1\"\n  b: c\n"},
		{"select into null", "spec:\n  nodeSelector: # c\n  b: c\n", "select spec k=1", "spec:\n  nodeSelector: # c\n    kubernetes.io/os: windows\n    k: \"1\"\n  b: c\n"},
		{"select into ~", "spec:\n  nodeSelector: ~\n  b: c\n", "select spec k=1", "spec:\n  nodeSelector: {kubernetes.io/os: windows, k: \"1\"}\n  b: c\n"},
		{"select into {}", "spec:\n  nodeSelector: {}\n", "select spec k=1", "spec:\n  nodeSelector: {kubernetes.io/os: windows, k: \"1\"}\n"},
		{"select in JSON", `{"spec":{"a":[1]}}`, "select spec k=1", `{"spec":{"a":[1], "nodeSelector": {"kubernetes.io/os": "windows", "k": "1"}}}`},
		{"affinity", "a:\n  - b\nspec:\n  c: d\n", "affinity spec 1", "a:\n  - b\nspec:\n  c: d\n  affinity:\n    terms:\n      - key: k\n        values:\n          - \"1\"\n          - \"2\"\n"},
		{"append", "a:\n- b # c\n\nd: e\n", "append a f", "a:\n- b # c\n- f\n\nd: e\n"},
		{"append in flow", "a: [b,\n    c]\n", "append a f", "a: [b,\n    c,\n    f]\n"},
		{"remove", "a:\n  b: c # d\n  # e\n  f:\n    g: h\n", "remove a/b", "a:\n  # e\n  f:\n    g: h\n"},
		{"remove the last", "a:\n  b: c\n  f:\n    g: h\n", "remove a/f", "a:\n  b: c\n"},
		{"remove the last, no line ending", "a:\n  b: c\n  f: g", "remove a/f", "a:\n  b: c"},
		{"remove behind a dash", "- b: c\n  f: g\n", "remove 0/b", "- f: g\n"},
		{"drop", "a:\n  - b # c\n  - d\n", "drop a 0", "a:\n  - d\n"},
		{"drop the last", "a:\r\n- b\r\n- c: d\r\n  e: f\r\ng: h\r\n", "drop a 1", "a:\r\n- b\r\ng: h\r\n"},
		{"drop in flow", "a: [b, c, d]\n", "drop a 1", "a: [b, d]\n"},
		{"remove, CRLF, no last line ending", "a:\r\n  b: c\r\n  f: g", "remove a/f", "a:\r\n  b: c"},
		{"remove in flow", "a: {b: c, f: g}\n", "remove a/b", "a: {f: g}\n"},
		{"remove the last in flow", "a: {b: c, f: g }\n", "remove a/f", "a: {b: c }\n"},
	} {
		f, err := yamledit.Parse([]byte(tt.src))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		edits, err := change(f, tt.change)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, err := yamledit.Apply(f.Src, edits...)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", tt.name, err, got, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ src, change, why string }{
		{"a: &x b\nc: *x\n", "replace c z", "2:4: an alias: what it stands for is written elsewhere"},
		{"a: |\n  b\n", "replace a z", "1:4: a block of text"},
		{"a: [b]\n", "replace a z", "1:4: not a single value"},
		{"a:\n", "replace a z", "1:3: nothing is written here"},
		{"a: &x {b: c}\nd: *x\n", "set a b=z", ""},
		{"a: &x {b: c}\nd: *x\n", "set a c=z", "1:4: shared by an alias"},
		{"a: &x\n  b: c\nd:\n  <<: *x\n  e: f\n", "set d b=z", "2:3: shared by an alias or a merge key: b"},
		{"a: {b: c, b: d}\n", "set a b=z", "1:4: the key is there twice: b"},
		{"a:\n  b: |\n    c", "set a x=z", "2:6: a block of text that ends with the file, without a line ending"},
		{"a:\n  b: c\n", "remove a/b", "2:3: the only entry: b"},
		{"spec:\n  nodeSelector: 0\n", "select spec k=1", "2:3: there is another value: nodeSelector"},
		{"a: [b]\n", "drop a 0", "1:4: the only item"},
		{"- - b\n  - c\n", "drop 0 0", "1:5: an item on the line of another"},
		{"a: &x\n  b: &y c\n  d: *y\n", "remove a/b", "2:3: an anchor is in it: b"},
	} {
		f, err := yamledit.Parse([]byte(tt.src))
		if err != nil {
			t.Fatalf("%q: %v", tt.src, err)
		}
		_, err = change(f, tt.change)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.why {
			t.Errorf("%q, %s: %q, want %q", tt.src, tt.change, got, tt.why)
		}
	}
}
