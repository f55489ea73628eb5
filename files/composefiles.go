package files

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// This file follows Compose files to the others of their project: those that they
// extend and include, and those that include them.
// https://docs.docker.com/reference/compose-file/include

// Bounds: how deep files are followed, and how many of them for one.
const (
	maxComposeDepth = 8
	maxComposeFiles = 60
)

// other reads a file; nil where it cannot be read.
func (r *composeReader) other(file string) *yamledit.Node {
	f, ok := r.others[file]
	if !ok && len(r.others) < maxComposeFiles {
		if src := r.in.open(file); src != nil {
			f, _ = yamledit.Parse(src)
		}
		r.others[file] = f
	}
	if f == nil || len(f.Docs) == 0 {
		return nil
	}
	return f.Docs[0]
}

// link is a service that another one extends.
type link struct {
	node *yamledit.Node
	name string // for people
}

// extended is a service and those that it extends, in this file and in others.
func (r *composeReader) extended(s setting, all *yamledit.Node, name string, before []link) layers {
	if s.node == nil || r.err != nil || len(before) >= maxComposeDepth*4 {
		return nil
	}
	if s.file != "" {
		name += " of " + s.file
	}
	again := slices.ContainsFunc(before, func(l link) bool { return l.node == s.node })
	before = append(before, link{s.node, name})
	if again {
		r.refuse(before[0].node, "extends goes in a circle: "+chainOf(before))
		return nil
	}
	list := layers{s}
	e := s.node.Get("extends")
	of, ok := e.Text()
	if !ok {
		of = e.String("service")
	}
	if file := e.String("file"); file != "" {
		file = join(cmp.Or(s.file, r.own), file)
		if file == r.own {
			file = ""
		}
		if file != s.file {
			s.file, all = file, services(r.root(file))
		}
	}
	if of == "" {
		return list
	}
	return append(list, r.extended(setting{all.Get(of), s.file}, all, of, before)...)
}

// root is the document of a file, "" for this one.
func (r *composeReader) root(file string) *yamledit.Node {
	if file == "" {
		return r.Docs[0]
	}
	return r.other(file)
}

func chainOf(list []link) string {
	var b strings.Builder
	for i, l := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(l.name)
	}
	return b.String()
}

// refuse says why Docker does not read the project, at a place of this file.
func (r *composeReader) refuse(n *yamledit.Node, reason string) {
	if r.err == nil {
		r.err = errorAt(r.in, n.Start, "%s", reason)
	}
}

// elsewhere adds the image of a service that it has from a file that it extends.
// What that file says by itself is found there.
func (r *composeReader) elsewhere(own layers, u Use) {
	img := own.get("image")
	var at *yamledit.Node
	for _, s := range own {
		if e := s.node.Get("extends"); s.local() && e != nil {
			at = e.Resolve()
		}
	}
	v := r.text(img)
	if at == nil || len(v.parts) == 0 || v.why != "" || r.in.depth >= maxComposeDepth {
		return
	}
	u.set(v)
	u.At, u.Of = span(at), img.file
	in := *r.in
	in.Path, in.Src, in.depth = u.Of, r.in.open(img.file), in.depth+1
	doc, err := compose{}.Read(&in)
	if err != nil || slices.ContainsFunc(doc.Uses, func(o Use) bool { return o.sameBut(&u) }) {
		return
	}
	r.add(u)
}

// sameBut reports whether two uses are judged alike, wherever they stand.
func (u *Use) sameBut(o *Use) bool {
	return u.Reference == o.Reference && u.Windows == o.Windows && u.Isolation == o.Isolation &&
		slices.EqualFunc(u.Hosts, o.Hosts, func(a, b Host) bool { return a.Version == b.Version })
}

// include is an entry of include: files that are laid over each other, and those
// with their variables.
type include struct {
	paths, env []string
	at         *yamledit.Node
}

// includes are the entries of a file. A path that is not known is left out, and
// so is what is fetched from elsewhere.
func (r *composeReader) includes(file string, root *yamledit.Node) []include {
	var list []include
	paths := func(n *yamledit.Node) []string {
		items := n.Items()
		if n.Kind == yamledit.Scalar {
			items = []*yamledit.Node{n}
		}
		var out []string
		for _, item := range items {
			t := item.Resolve()
			if t.Kind != yamledit.Scalar {
				continue
			}
			v := interpolate(t.Value, func(int, int) Span { return Span{} }, func(name string) (string, bool) { v, ok := r.in.Vars[name]; return v, ok })
			if p := v.text(); v.why == "" && p != "" && !path.IsAbs(p) && !strings.Contains(p, ":") {
				out = append(out, join(file, p))
			}
		}
		return out
	}
	for _, item := range root.Get("include").Items() {
		n := item.Resolve()
		i := include{at: n}
		switch n.Kind {
		case yamledit.Scalar:
			i.paths = paths(n)
		case yamledit.Mapping:
			if p := n.Get("path"); p != nil {
				i.paths = paths(p.Resolve())
			}
		}
		if len(i.paths) == 0 {
			continue
		}
		folder := path.Dir(i.paths[0])
		if d := n.String("project_directory"); d != "" {
			folder = join(file, d)
		}
		if e := n.Get("env_file"); e != nil {
			i.env = paths(e.Resolve())
		} else {
			i.env = []string{path.Join(folder, ".env")}
		}
		list = append(list, i)
	}
	return list
}

// circle refuses files that include each other. before are the files on the way
// to this one.
func (r *composeReader) circle(file string, before []string, at *yamledit.Node) {
	root := r.Docs
	if len(before) > 0 {
		root = nil
		if d := r.other(file); d != nil {
			root = []*yamledit.Node{d}
		}
	}
	if slices.Contains(before, file) {
		r.refuse(at, fmt.Sprintf("include goes in a circle: %s, %s", strings.Join(before[slices.Index(before, file):], ", "), file))
		return
	}
	if len(root) == 0 || len(before) >= maxComposeDepth || r.seen[file] {
		return
	}
	for _, i := range r.includes(file, root[0]) {
		if len(before) == 0 {
			at = i.at
		}
		for _, p := range i.paths {
			r.circle(p, append(slices.Clip(before), file), at)
		}
	}
	r.seen[file] = true
}

// step is one file that includes another one.
type step struct {
	file string
	include
}

// composeNames are those that docker compose looks for, in its order.
var composeNames = [...]string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// includers finds the project that includes this file: that of its folder, or of
// one up to three above. Of several the outermost holds.
func (r *composeReader) includers() (chain []step) {
	for up := range 4 {
		for _, name := range composeNames {
			file := join(r.own, strings.Repeat("../", up)+name)
			if file == r.own {
				break
			}
			src := r.in.open(file)
			if src == nil {
				continue
			}
			if topLevel(src, "include:") >= 0 {
				r.seen = map[string]bool{}
				if found := r.way(file, r.own, nil); found != nil {
					chain = found
				}
			}
			break
		}
	}
	return chain
}

// way is how one file includes another one, nil where it does not.
func (r *composeReader) way(file, to string, before []step) []step {
	if len(before) >= maxComposeDepth || r.seen[file] {
		return nil
	}
	r.seen[file] = true
	for _, i := range r.includes(file, r.other(file)) {
		chain := append(slices.Clip(before), step{file, i})
		if slices.Contains(i.paths, to) {
			return chain
		}
		for _, p := range i.paths {
			if found := r.way(p, to, chain); found != nil {
				return found
			}
		}
	}
	return nil
}

// merged are the files that are laid over this one and those that it is laid over,
// the strongest first: docker-compose.override.yml, and what stands in one entry
// of include.
func (r *composeReader) merged() (over, under []string) {
	base, override := overridePair(r.own)
	if override != "" {
		over = append(over, join(r.own, override))
	}
	if n := len(r.chain); n > 0 {
		paths := slices.Clone(r.chain[n-1].paths)
		slices.Reverse(paths)
		i := slices.Index(paths, r.own)
		return append(over, paths[:i]...), paths[i+1:]
	}
	if base != "" {
		under = append(under, join(r.own, base))
	}
	return over, under
}

// project are the variables of .env: of the project that includes this file first.
func (r *composeReader) project() map[string]string {
	env := []string{join(r.own, ".env")}
	if len(r.chain) > 0 {
		env[0] = join(r.chain[0].file, ".env")
	}
	for _, s := range r.chain {
		last := slices.Clone(s.env)
		slices.Reverse(last) // of several the last one is the strongest
		env = append(env, last...)
	}
	vars := map[string]string{}
	for _, name := range slices.Backward(env) {
		maps.Copy(vars, dotenv(r.in.open(name)))
	}
	return vars
}
