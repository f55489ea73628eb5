package files

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
)

// ci is what the readers of CI files share.
type ci struct {
	*yamlFile
	service string // as in facts.Label
	macros  bool   // $(NAME) is a variable
	doc     *Document
	// here is where this file takes in what is being read, of is that file.
	here Span
	of   string
}

func newCI(y *yamlFile, service string) *ci {
	return &ci{yamlFile: y, service: service, doc: &Document{}}
}

// find adds a finding once: jobs of a matrix share their text.
func (c *ci) find(f Finding) {
	if f.At.IsZero() {
		f.At = c.here
	}
	for _, o := range c.doc.Findings {
		if o.Rule == f.Rule && o.At == f.At {
			return
		}
	}
	c.doc.Findings = append(c.doc.Findings, f)
}

// use adds a use, or its hosts to the one that is there already. The services'
// own Windows runners have no hypervisor.
// https://github.com/actions/runner-images/issues/183
func (c *ci) use(u Use) {
	if u.At.IsZero() {
		u.At, u.Of = c.here, cmp.Or(u.Of, c.of)
		for _, p := range u.Parts {
			if !p.At.IsZero() {
				u.At = p.At
			}
		}
	}
	u.NoHypervisor = len(u.Hosts) > 0
	for i := range c.doc.Uses {
		o := &c.doc.Uses[i]
		if o.At != u.At || o.Reference != u.Reference || o.Isolation != u.Isolation || o.Windows != u.Windows || !slices.Equal(o.Parts, u.Parts) {
			continue
		}
		for _, h := range u.Hosts {
			if !slices.ContainsFunc(o.Hosts, func(g Host) bool { return g.At == h.At && g.Version == h.Version }) {
				o.Hosts = append(o.Hosts, h)
			}
		}
		return
	}
	c.doc.Uses = append(c.doc.Uses, u)
}

// runner is what a job runs on.
type runner struct {
	os    string // "windows", "linux", "macos"; "" where not known
	hosts []Host // the service's own, of Windows
}

// scope is what a job's expressions and scripts may name.
type scope struct {
	*ci
	on     runner
	vars   []*yamledit.Node // mappings of variables, the strongest first
	more   map[string]value // further variables
	lookup func(name string) operand
	// axes are the lists of a matrix with more than one value: a value in them is
	// there to be another than the others, and is not changed.
	axes  map[string]bool
	depth int
}

// env adds a mapping of variables, stronger than those before.
func (s *scope) env(n *yamledit.Node) {
	if n != nil {
		s.vars = append([]*yamledit.Node{n}, s.vars...)
	}
}

// node is a scalar as an operand.
func (s *scope) node(n *yamledit.Node) operand {
	n = n.Resolve()
	if n == nil || n.Kind != yamledit.Scalar {
		return operand{}
	}
	v := s.text(n)
	return operand{value: v, known: v.why == ""}
}

// variable is an environment variable of the job; not known where the script,
// or a step before, may set it.
func (s *scope) variable(name, script string) operand {
	for _, word := range []string{name + "=", name + " =", name + "<<"} {
		if strings.Contains(script, word) || s.says(word) {
			return operand{}
		}
	}
	for _, m := range s.vars {
		if n := m.Get(name); n != nil {
			return s.node(n)
		}
	}
	if v, ok := s.more[name]; ok {
		return operand{value: v, known: v.why == ""}
	}
	return operand{}
}

// text is a scalar after expressions.
func (s *scope) text(n *yamledit.Node) value {
	n = n.Resolve()
	if n == nil || n.Kind != yamledit.Scalar {
		return value{why: "it is no text"}
	}
	if s.depth > 5 {
		return value{why: "it refers to itself"}
	}
	s.depth++
	defer func() { s.depth-- }()
	var out value
	at := 0
	take := func(to int) {
		if to > at {
			out.parts = append(out.parts, Part{n.Value[at:to], s.place(n, at, to)})
		}
	}
	for {
		i := strings.Index(n.Value[at:], "${{")
		k := -1
		if s.macros {
			k = strings.Index(n.Value[at:], "$(")
		}
		var o operand
		var end int
		switch {
		case i >= 0 && (k < 0 || i < k):
			inside, ok := upTo(n.Value[at+i+3:], "}}")
			if !ok {
				return value{why: "it is not closed"}
			}
			take(at + i)
			o, end = evaluate(inside, s.lookup), at+i+3+len(inside)+2
		case k >= 0:
			inside, ok := upTo(n.Value[at+k+2:], ")")
			if !ok || !isName(inside, "._-") {
				return value{why: "it is computed"}
			}
			take(at + k)
			o, end = s.lookup("variables."+inside), at+k+2+len(inside)+1
		default:
			take(len(n.Value))
			return out
		}
		if !o.known {
			return value{why: "it is not known before the job runs"}
		}
		out.parts = append(out.parts, o.parts...)
		at = end
	}
}

// word is a script's word after everything that is known to be replaced.
func (s *scope) word(w word, n *yamledit.Node) value {
	var out value
	for _, f := range w {
		var o operand
		switch f.kind {
		case literal:
			o = operand{value: value{parts: []Part{{f.text, s.place(n, f.at.Start, f.at.End)}}}, known: true}
		case expression:
			o = evaluate(f.text, s.lookup)
		case macro:
			o = s.lookup("variables." + f.text)
		case variable:
			o = s.variable(f.text, n.Value)
		}
		if !o.known {
			return value{why: "it is not known before the job runs"}
		}
		if f.kind != literal && (s.axes[f.text] || s.decides(strings.TrimSpace(f.text))) {
			o.value = o.nowhere()
		}
		out.parts = append(out.parts, o.parts...)
	}
	return out
}

// decides reports whether a condition in the file depends on a variable: to
// change its value would change what is done.
func (y *yamlFile) decides(name string) bool {
	if !y.says(name) {
		return false
	}
	for _, src := range append([]string{string(y.Src)}, y.others...) {
		for line := range strings.Lines(src) {
			if !strings.Contains(line, name) {
				continue
			}
			for _, op := range []string{"==", "!=", "eq(", "ne(", "in(", "contains(", "startsWith("} {
				if strings.Contains(line, op) {
					return true
				}
			}
		}
	}
	return false
}

// nowhere is a value without the places that it stands in.
func (v value) nowhere() value {
	parts := slices.Clone(v.parts)
	for i := range parts {
		parts[i].At = Span{}
	}
	v.parts = parts
	return v
}

// holds reports whether something is done in this job: its condition is true,
// or does not ask what the job runs on.
func (s *scope) holds(n *yamledit.Node) bool {
	text, ok := n.Text()
	if !ok {
		return true
	}
	text = strings.TrimSpace(text)
	text = strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}")
	switch evaluate(text, s.lookup).truth() {
	case yes:
		return true
	case no:
		return false
	}
	lower := strings.ToLower(text)
	for _, about := range []string{"matrix", "runner", "inputs", "env", "agent", "variables", "parameters", "imageos"} {
		if strings.Contains(lower, about) {
			return false
		}
	}
	return true
}

// script reads the docker commands of a script, which runs in a folder: its
// path from that of the file.
func (s *scope) script(n *yamledit.Node, sh shell, folder string) {
	for _, c := range dockerCommands(n.Value, sh, s.macros) {
		u := Use{Role: c.verb, FilesOnly: c.verb == "pull" || c.verb == "create", Hosts: s.on.hosts}
		if s.on.os == "linux" || s.on.os == "macos" {
			u.Windows = image.No
		}
		iso, platform := s.word(c.isolation, n), s.word(c.platform, n)
		mode, ok := compat.ParseIsolation(iso.text())
		if iso.why != "" || !ok {
			continue
		}
		u.Isolation = mode
		if os, _, _ := strings.Cut(platform.text(), "/"); platform.why != "" || os != "" && os != "windows" {
			continue
		}
		if c.verb == "build" {
			s.build(c, n, u, folder)
			continue
		}
		v := s.word(c.image, n)
		u.set(v)
		u.At = v.bounds(n)
		if u.Reference == "" && !strings.Contains(strings.ToLower(u.Why), "known") {
			continue // the word is no image
		}
		s.use(u)
	}
}

// build judges the Dockerfile of a docker build on the job's runner.
func (s *scope) build(c dockerCommand, n *yamledit.Node, u Use, folder string) {
	dir, file := s.word(c.context, n), s.word(c.file, n)
	if dir.why != "" || file.why != "" || strings.Contains(dir.text(), ":") || len(u.Hosts) == 0 {
		return
	}
	name := strings.ReplaceAll(file.text(), `\`, "/")
	at := file.bounds(n)
	if name == "" {
		name = path.Join(strings.ReplaceAll(dir.text(), `\`, "/"), "Dockerfile")
		at = dir.bounds(n)
	}
	args := map[string]value{}
	for _, a := range c.args {
		v := s.word(a, n)
		name, text, ok := strings.Cut(v.text(), "=")
		if v.why != "" || !ok {
			return
		}
		args[name] = valueBehind(v, len(name)+1, text)
	}
	for _, d := range buildUses(s.in, path.Join(folder, name), args) {
		if d.At.IsZero() {
			d.At = at
		}
		d.Isolation, d.Hosts = u.Isolation, u.Hosts
		if u.Windows == image.No {
			d.Windows = image.No
		}
		s.use(d)
	}
}

// valueBehind is what follows the first n bytes of a value.
func valueBehind(v value, n int, text string) value {
	var out value
	for _, p := range v.parts {
		if n >= len(p.Text) {
			n -= len(p.Text)
			continue
		}
		q := Part{Text: p.Text[n:], At: p.At}
		if !q.At.IsZero() {
			q.At.Start += n
		}
		n = 0
		out.parts = append(out.parts, q)
	}
	if len(out.parts) != 1 {
		return value{parts: []Part{{Text: text}}}
	}
	return out
}
