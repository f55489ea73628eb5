package files

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// compose is the kind of Compose files, of all versions, and of Swarm's stacks.
type compose struct{}

// Name implements Kind.
func (compose) Name() string { return "compose" }

// Match goes by the names that docker compose looks for, and by a top-level
// services with an image or a build in it.
func (compose) Match(p string, src []byte) bool {
	ext := path.Ext(p)
	if ext != ".yml" && ext != ".yaml" {
		return false
	}
	if isComposeName(p) && (topLevel(src, "include:") >= 0 || bytes.Contains(src, []byte("extends:"))) {
		return true
	}
	if !bytes.Contains(src, []byte("image:")) && !bytes.Contains(src, []byte("build:")) && !bytes.Contains(src, []byte(`image"`)) {
		return false
	}
	if isComposeName(p) {
		return true
	}
	if bytes.Contains(src, []byte("apiVersion:")) || bytes.Contains(src, []byte("script:")) || bytes.Contains(src, []byte("runs-on:")) || bytes.Contains(src, []byte("stages:")) {
		return false
	}
	i := topLevel(src, "services:")
	// A mapping below it, not the list of GitLab's default.
	return i >= 0 && !bytes.HasPrefix(bytes.TrimLeft(src[i:], " \t\r\n"), []byte("-"))
}

func isComposeName(p string) bool {
	name := strings.ToLower(path.Base(p))
	return strings.HasPrefix(name, "docker-compose") || strings.HasPrefix(name, "compose.") || strings.HasPrefix(name, "docker-stack") || strings.Contains(name, ".compose.")
}

// topLevel is the offset behind a key that begins a line, -1 where there is none.
func topLevel(src []byte, key string) int {
	if bytes.HasPrefix(bytes.TrimPrefix(src, bom), []byte(key)) {
		return bytes.Index(src, []byte(key)) + len(key)
	}
	if i := bytes.Index(src, []byte("\n"+key)); i >= 0 {
		return i + 1 + len(key)
	}
	return -1
}

// composeReader reads one Compose file.
type composeReader struct {
	*yamlFile
	doc    *Document
	own    string                    // the path of this file
	vars   map[string]string         // of .env, nil until asked
	others map[string]*yamledit.File // files that this one is of one project with
	chain  []step                    // who includes this file, from the outermost
	seen   map[string]bool           // files whose includes were followed
	err    error
}

func (compose) Read(in *Input) (*Document, error) {
	y, err := readYAML(in)
	if err != nil {
		return nil, err
	}
	r := &composeReader{yamlFile: y, own: path.Clean(in.Path), doc: &Document{}, others: map[string]*yamledit.File{}, seen: map[string]bool{}}
	if in.depth == 0 { // what is extended is not included
		r.circle(r.own, nil, nil)
	}
	r.chain = r.includers()
	for _, d := range y.Docs {
		s := services(d)
		s.Entries(func(key, v *yamledit.Node) bool {
			if name, ok := key.Text(); ok && name != "<<" && !strings.HasPrefix(name, "x-") {
				r.service(s, name, v)
			}
			return true
		})
	}
	return r.doc, r.err
}

// services is the mapping of services; in files from before there were versions
// it is the document.
func services(d *yamledit.Node) *yamledit.Node {
	if s := d.Get("services"); s != nil || d.Get("version") != nil || d.Get("name") != nil || d.Get("include") != nil {
		return s
	}
	return d
}

// setting is a service's value for a key, and the file that it stands in, "" for
// this one.
type setting struct {
	node *yamledit.Node
	file string
}

func (s setting) local() bool { return s.file == "" }

// layers are the mappings that make up a service, the strongest first: those of
// files that are laid over this one, the service, what it extends, and those of
// files that it is laid over.
type layers []setting

func (r *composeReader) service(all *yamledit.Node, name string, n *yamledit.Node) {
	own := r.extended(setting{n, ""}, all, name, nil)
	var stack layers
	over, under := r.merged()
	for _, file := range over {
		if o := services(r.other(file)).Get(name); o != nil && o.Get("image") == nil && o.Get("build") == nil {
			stack = append(stack, setting{o, file})
		}
	}
	stack = append(stack, own...)
	for _, file := range under {
		b := services(r.other(file))
		stack = append(stack, r.extended(setting{b.Get(name), file}, b, name, nil)...)
	}

	u := Use{Role: "service"}
	p := r.text(stack.get("platform"))
	switch os, _, _ := strings.Cut(strings.ToLower(p.text()), "/"); {
	case os == "windows" || strings.HasPrefix(os, "windows("):
		u.Windows = image.Yes
	case os != "":
		u.Windows = image.No
	}
	iso := stack.get("isolation")
	if v := r.text(iso); v.why == "" {
		u.Isolation, _ = compat.ParseIsolation(v.text())
	}
	for _, s := range stack {
		r.placement(setting{s.node.Get("deploy"), s.file}, &u)
	}

	switch b := stack.get("build"); {
	case b.node != nil && !b.node.IsNull():
		r.build(b, u)
	case own.get("image").file != "":
		r.elsewhere(own, u)
	case own.get("image").node != nil:
		n := own.get("image").node.Resolve()
		v := r.text(setting{n, ""})
		if len(v.parts) > 0 || v.why != "" {
			u.set(v)
			u.At = v.bounds(n)
			if u.Isolation == compat.Process {
				u.Group = "process isolation"
			}
			r.add(u)
		}
	}
}

// add adds a use once: services may share one by an anchor.
func (r *composeReader) add(u Use) {
	for _, o := range r.doc.Uses {
		if o.At == u.At && o.Reference == u.Reference && o.Windows == u.Windows && o.Isolation == u.Isolation && len(o.Hosts) == len(u.Hosts) {
			return
		}
	}
	r.doc.Uses = append(r.doc.Uses, u)
}

// get finds a key.
func (l layers) get(key string) setting {
	for _, s := range l {
		if v := s.node.Get(key); v != nil {
			return setting{v, s.file}
		}
	}
	return setting{}
}

// overridePair names the files that docker compose reads by itself: of the
// first one its override, of the override and of docker-compose.NAME.yml the
// first one.
func overridePair(p string) (base, override string) {
	name := path.Base(p)
	stem, rest, _ := strings.Cut(name, ".")
	ext := path.Ext(name)
	if stem != "compose" && stem != "docker-compose" {
		return "", ""
	}
	if "."+rest == ext {
		return "", stem + ".override" + ext
	}
	return stem + ext, ""
}

// text is a setting's scalar after variables.
func (r *composeReader) text(s setting) value {
	n := s.node.Resolve()
	if n == nil || n.Kind != yamledit.Scalar || n.IsNull() {
		return value{}
	}
	place := func(from, to int) Span { return Span{} }
	if s.local() {
		place = func(from, to int) Span { return r.place(n, from, to) }
	}
	return interpolate(n.Value, place, r.env)
}

// env is a variable: of the user (--build-arg), or of .env.
func (r *composeReader) env(name string) (string, bool) {
	if v, ok := r.in.Vars[name]; ok {
		return v, true
	}
	if r.vars == nil {
		r.vars = r.project()
	}
	v, ok := r.vars[name]
	return v, ok
}

// placement reads constraints on the platform and the Windows of Swarm's nodes.
func (r *composeReader) placement(deploy setting, u *Use) {
	for _, item := range deploy.node.Path("placement", "constraints").Items() {
		n := item.Resolve()
		key, want, ok := strings.Cut(n.Value, "==")
		if !ok || n.Kind != yamledit.Scalar {
			continue
		}
		key, text := strings.TrimSpace(key), strings.TrimSpace(want)
		switch {
		case strings.EqualFold(key, "node.platform.os"):
			u.Windows = image.No
			if strings.EqualFold(text, "windows") {
				u.Windows = image.Yes
			}
			continue
		case !strings.HasPrefix(key, "node.labels.") && !strings.HasPrefix(key, "engine.labels."):
			continue
		}
		label := strings.ToLower(key[strings.Index(key, "labels.")+7:])
		if !strings.Contains(label, "osversion") && !strings.Contains(label, "os.version") && !strings.Contains(label, "os_version") && !strings.Contains(label, "build") && !strings.Contains(label, "windows") {
			continue
		}
		h, err := winver.ParseHost(r.in.Facts, text)
		if err != nil {
			continue
		}
		host := Host{Host: h}
		if deploy.local() {
			from := len(n.Value) - len(want) + strings.Index(want, text)
			host.At = r.place(n, from, from+len(text))
			host.Label = func(to winver.Host) (string, bool) { return sameForm(r.in, text, to) }
		}
		u.Hosts = append(u.Hosts, host)
	}
}

// sameForm writes a Windows as another one is written: 10.0.17763, 17763,
// ltsc2019.
func sameForm(in *Input, like string, to winver.Host) (string, bool) {
	v := to.Version.WithoutRevision()
	switch {
	case strings.HasPrefix(like, "10.0.") && strings.Count(like, ".") == 2:
		return v.String(), true
	case isName(like, "") && len(like) == 5 && like[0] >= '1' && like[0] <= '9':
		return v.Short(), true
	case strings.HasPrefix(like, "ltsc"):
		if r := winver.ReleaseOf(in.Facts, v.Build, winver.Server); r != nil && r.Kind == facts.ServerLTSC {
			return "ltsc" + r.Version, true
		}
	}
	return "", false
}

// build reads what a service is built from, where this file says which: the
// Dockerfile in it, or the value that it gives to an ARG in a FROM. What a
// Dockerfile of its own says is that file's.
func (r *composeReader) build(b setting, u Use) {
	n := b.node.Resolve()
	if !b.local() {
		return
	}
	if inline := n.Get("dockerfile_inline").Resolve(); inline != nil && inline.Kind == yamledit.Scalar {
		text := strings.ReplaceAll(inline.Value, "$$", "$")
		if text != inline.Value || strings.Contains(text, "${") {
			return // variables of two kinds
		}
		r.inline(inline, u)
		return
	}
	args := r.buildArgs(n.Get("args"))
	if len(args) == 0 {
		return
	}
	context, _ := n.Text()
	if context == "" {
		context = r.text(setting{n.Get("context"), ""}).text()
	}
	file := n.String("dockerfile")
	if file == "" {
		file = "Dockerfile"
	}
	for _, d := range buildUses(r.in, path.Join(context, file), args) {
		if d.At.IsZero() {
			continue // the Dockerfile's own
		}
		d.Isolation, d.Hosts = u.Isolation, u.Hosts
		if u.Windows != image.Unknown {
			d.Windows = u.Windows
		}
		r.add(d)
	}
}

// buildArgs are the args of a build, a mapping or a list of NAME=VALUE.
func (r *composeReader) buildArgs(n *yamledit.Node) map[string]value {
	args := map[string]value{}
	n.Entries(func(k, v *yamledit.Node) bool {
		if name, ok := k.Text(); ok {
			args[name] = r.text(setting{v, ""})
		}
		return true
	})
	for _, item := range n.Items() {
		v := r.text(setting{item, ""})
		if name, text, ok := strings.Cut(v.text(), "="); ok && len(v.parts) == 1 {
			at := v.parts[0].At
			if !at.IsZero() {
				at.Start += len(name) + 1
			}
			args[name] = value{parts: []Part{{text, at}}}
		}
	}
	for name, v := range args {
		if v.why != "" || len(v.parts) == 0 {
			delete(args, name)
		}
	}
	return args
}

// inline reads a Dockerfile that stands in the file.
func (r *composeReader) inline(n *yamledit.Node, u Use) {
	doc, err := dockerfile{}.Read(&Input{Path: r.in.Path, Src: []byte(n.Value), Facts: r.in.Facts, Vars: r.in.Vars, Look: r.in.Look})
	if err != nil {
		return
	}
	move := func(s Span) Span {
		if s.IsZero() {
			return s
		}
		return r.place(n, s.Start, s.End)
	}
	for _, d := range doc.Uses {
		d.At = move(d.At)
		if d.Parts == nil {
			d.Parts = []Part{{d.Reference, d.At}}
		} else {
			d.Parts = slices.Clone(d.Parts)
			for i := range d.Parts {
				d.Parts[i].At = move(d.Parts[i].At)
			}
		}
		if d.At.IsZero() {
			d.At = span(n)
		}
		if d.Windows == image.Unknown {
			d.Windows = u.Windows
		}
		if d.Isolation == compat.DefaultIsolation {
			d.Isolation = u.Isolation
		}
		if d.Group != "" {
			d.Group += " of " + n.Value[:min(len(n.Value), 40)]
		}
		r.doc.Uses = append(r.doc.Uses, d)
	}
}

// buildUses are the images that a Dockerfile builds on, with values for its
// ARGs. What is part of such a value stands where that does, the rest has no
// place here; a use without any has none either.
func buildUses(in *Input, file string, args map[string]value) []Use {
	src := in.beside(file)
	if src == nil {
		return nil
	}
	vars := map[string]string{}
	for name, v := range args {
		vars[name] = v.text()
	}
	doc, err := dockerfile{}.Read(&Input{Path: file, Src: src, Facts: in.Facts, Vars: vars, Look: in.Look})
	if err != nil {
		return nil
	}
	list := doc.Uses[:0]
	for _, d := range doc.Uses {
		if d.Role != "base" || d.Reference == "" {
			continue
		}
		parts := d.Parts
		if parts == nil {
			parts = []Part{{Text: d.Reference}}
		}
		d.At, d.Parts, d.Group, d.Of = Span{}, nil, "", path.Join(path.Dir(in.Path), file)
		for _, p := range parts {
			q := Part{Text: p.Text}
			for _, v := range args {
				if p.At.IsZero() && len(v.parts) == 1 && v.text() == p.Text && !v.parts[0].At.IsZero() {
					q.At, d.At = v.parts[0].At, v.parts[0].At
				}
			}
			d.Parts = append(d.Parts, q)
		}
		list = append(list, d)
	}
	return list
}
