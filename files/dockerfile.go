package files

import (
	"bytes"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/winmatch/winmatch/image"
)

// dockerfile is the kind of Dockerfiles.
type dockerfile struct{}

// Name is the kind's name.
func (dockerfile) Name() string { return "dockerfile" }

// Match goes by the name: Dockerfile, Containerfile, Dockerfile.windows,
// windows.Dockerfile. Names that say another language are left out.
func (dockerfile) Match(p string, _ []byte) bool {
	name := strings.ToLower(path.Base(p))
	if name == "dockerfile" || name == "containerfile" {
		return true
	}
	switch ext := path.Ext(name); ext {
	case ".dockerfile", ".containerfile":
		return true
	case ".dockerignore", ".md", ".txt", ".rst", ".html", ".go", ".py", ".rb", ".js", ".ts", ".cs", ".sh", ".ps1", ".json", ".yml", ".yaml", ".toml", ".xml", ".lock", ".log":
		return false
	}
	first, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(name, "-", "."), "_", "."), ".")
	return first == "dockerfile" || first == "containerfile"
}

// stage is one FROM.
type stage struct {
	name    string
	group   int  // the first stage that is built together with it
	foreign bool // for the build's own platform, wherever that is
}

// dockerReader reads one Dockerfile.
type dockerReader struct {
	in     *Input
	doc    *Document
	lines  *dockerLines
	args   map[string]value // global ARGs
	stages []stage
	of     []int // the stage of each use
}

func (dockerfile) Read(in *Input) (*Document, error) {
	r := &dockerReader{in: in, doc: &Document{Blocks: []Span{}}, lines: newDockerLines(in), args: map[string]value{}}
	for {
		n, err := r.lines.next()
		if err != nil {
			return nil, err
		}
		if n == nil {
			break
		}
		if len(n.pieces) > 1 {
			r.doc.Blocks = append(r.doc.Blocks, Span{n.start, r.lines.at})
		}
		if err := r.read(n, 0); err != nil {
			return nil, err
		}
	}
	for i := range r.doc.Uses {
		if s := r.of[i]; s >= 0 && !r.stages[s].foreign {
			r.doc.Uses[i].Group = "stage " + strconv.Itoa(r.root(s))
		}
	}
	return r.doc, nil
}

// read reads the instruction that begins at byte from of the text.
func (r *dockerReader) read(n *instruction, from int) error {
	word, rest := cutWord(n.text, from)
	switch strings.ToLower(word) {
	case "from":
		if from == 0 {
			r.from(n, rest)
		}
	case "arg":
		if len(r.stages) == 0 && from == 0 {
			r.arg(n, rest)
		}
	case "copy":
		flags, args := r.lines.flags(n, rest)
		for _, f := range flags {
			if f.name == "from" {
				r.other(n, f, "copy-from", true, from > 0)
			}
		}
		if !isJSON(n.text[args:]) {
			return r.lines.skipHeredocs(n)
		}
	case "run":
		flags, args := r.lines.flags(n, rest)
		for _, f := range flags {
			if f.name == "mount" {
				r.mount(n, f, from > 0)
			}
		}
		if !isJSON(n.text[args:]) {
			return r.lines.skipHeredocs(n)
		}
	case "add":
		if _, args := r.lines.flags(n, rest); !isJSON(n.text[args:]) {
			return r.lines.skipHeredocs(n)
		}
	case "onbuild":
		if from == 0 {
			_, args := r.lines.flags(n, rest)
			return r.read(n, args)
		}
	}
	return nil
}

// from reads FROM [--platform=PLATFORM] IMAGE [AS NAME].
func (r *dockerReader) from(n *instruction, at int) {
	s := stage{group: len(r.stages)}
	defer func() { r.stages = append(r.stages, s) }()
	flags, at := r.lines.flags(n, at)
	words := blankWords(n.text, at)
	if len(words) != 1 && (len(words) != 3 || !strings.EqualFold(string(n.text[words[1].Start:words[1].End]), "as")) {
		return
	}
	if len(words) == 3 {
		s.name = strings.ToLower(string(n.text[words[2].Start:words[2].End]))
	}
	windows := image.Unknown
	for _, f := range flags {
		if f.name != "platform" {
			continue
		}
		p := expandText(f.value, r.lines.escape, r.args)
		switch os, _, _ := strings.Cut(strings.ToLower(p.text()), "/"); {
		case p.why != "":
			s.foreign = strings.Contains(f.value, "BUILDPLATFORM") || strings.Contains(f.value, "BUILDOS")
		case os == "windows" || strings.HasPrefix(os, "windows("):
			windows = image.Yes
		case os != "":
			windows = image.No
		}
	}
	v := expand(n, words[0], r.lines.escape, r.args)
	text := v.text()
	if v.why != "" {
		v.parts = nil
	} else {
		if text == "" || text == "scratch" {
			return
		}
		for i := len(r.stages) - 1; i >= 0; i-- {
			if r.stages[i].name != "" && strings.EqualFold(r.stages[i].name, text) {
				s.group = i
				s.foreign = r.stages[i].foreign
				return
			}
		}
	}
	at0, _ := n.span(words[0].Start, words[0].End)
	r.add(Use{Reference: text, Why: v.why, At: at0, Parts: v.parts, Role: "base", Windows: windows}, len(r.stages))
}

// arg reads ARG NAME[=DEFAULT]… before the first FROM.
func (r *dockerReader) arg(n *instruction, at int) {
	_, at = r.lines.flags(n, at)
	for _, w := range quotedWords(n.text, at, r.lines.escape) {
		word := n.text[w.Start:w.End]
		i := bytes.IndexByte(word, '=')
		name := string(word)
		if i >= 0 {
			name = string(word[:i])
		}
		given, ok := r.in.Vars[name]
		switch {
		case ok:
			r.args[name] = value{parts: []Part{{Text: given}}}
		case i >= 0:
			r.args[name] = expand(n, Span{w.Start + i + 1, w.End}, r.lines.escape, r.args)
		default:
			if _, known := r.args[name]; !known {
				r.args[name] = value{why: "ARG " + name + " has no default", unset: true}
			}
		}
	}
}

// other reads the value of --from=, a stage's name or number or an image.
func (r *dockerReader) other(n *instruction, f flag, role string, files, later bool) {
	at, ok := n.span(f.at.Start, f.at.End)
	if f.value == "" || strings.Contains(f.value, "$") || len(r.stages) == 0 {
		return
	}
	here := len(r.stages) - 1
	if i, err := strconv.Atoi(f.value); err == nil {
		if i >= 0 && i < here && !later {
			r.join(i, here)
		}
		return
	}
	for i := here - 1; i >= 0; i-- {
		if r.stages[i].name != "" && strings.EqualFold(r.stages[i].name, f.value) {
			r.join(i, here)
			return
		}
	}
	if later && !strings.ContainsAny(f.value, "/:.") {
		return // a stage of the file that builds on this image
	}
	if strings.EqualFold(f.value, "scratch") {
		return
	}
	use := Use{Reference: f.value, At: at, Role: role, FilesOnly: files, Parts: []Part{{Text: f.value}}}
	if ok && string(r.in.Src[at.Start:at.End]) == f.value {
		use.Parts = nil
	}
	r.add(use, here)
}

// mount reads RUN --mount=type=bind,from=IMAGE,…
func (r *dockerReader) mount(n *instruction, f flag, later bool) {
	at := 0
	for field := range strings.SplitSeq(f.value, ",") {
		key, v, ok := strings.Cut(field, "=")
		if ok && strings.EqualFold(key, "from") {
			start := at + len(key) + 1
			g := flag{value: v}
			if f.plain {
				g.at = Span{f.at.Start + start, f.at.Start + start + len(v)}
			} else {
				g.at = f.at
			}
			r.other(n, g, "mount-from", true, later)
		}
		at += len(field) + 1
	}
}

func (r *dockerReader) add(u Use, stage int) {
	r.doc.Uses = append(r.doc.Uses, u)
	r.of = append(r.of, stage)
}

// join says that two stages are built together.
func (r *dockerReader) join(a, b int) {
	if r.stages[a].foreign || r.stages[b].foreign {
		return
	}
	a, b = r.root(a), r.root(b)
	r.stages[max(a, b)].group = min(a, b)
}

func (r *dockerReader) root(i int) int {
	for r.stages[i].group != i {
		i = r.stages[i].group
	}
	return i
}

// isJSON reports whether arguments are in the exec form, which has no
// here-documents.
func isJSON(args []byte) bool {
	args = bytes.TrimLeftFunc(args, unicode.IsSpace)
	return len(args) > 0 && args[0] == '[' && jsonStrings(args)
}
