package files

import (
	"bytes"
	"path"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// githubActions is the kind of GitHub's workflows and composite actions.
type githubActions struct{}

// Name implements Kind.
func (githubActions) Name() string { return "github-actions" }

// Match goes by the path: GitHub looks for workflows and actions in no other.
func (githubActions) Match(p string, src []byte) bool {
	ext := path.Ext(p)
	if ext != ".yml" && ext != ".yaml" || !bytes.Contains(src, []byte("indows")) && !bytes.Contains(src, []byte("docker")) {
		return false
	}
	dir := "/" + path.Dir(p)
	return strings.HasSuffix(dir, "/.github/workflows") ||
		strings.TrimSuffix(path.Base(p), ext) == "action" && topLevel(src, "runs:") >= 0
}

func (githubActions) Read(in *Input) (*Document, error) {
	y, err := readYAML(in)
	if err != nil {
		return nil, err
	}
	if len(y.Docs) == 0 {
		return &Document{}, nil
	}
	w := &workflow{ci: newCI(y, "github"), root: y.Docs[0], calls: &calls{files: map[string]*yamledit.Node{}}}
	w.defaults("inputs")
	w.defaults("on", "workflow_call", "inputs")
	w.defaults("on", "workflow_dispatch", "inputs")
	if w.root.String("runs", "using") == "composite" {
		s := w.scope(nil, cell{})
		w.steps(w.root.Path("runs", "steps"), s, nil)
	}
	w.root.Get("jobs").Entries(func(_, job *yamledit.Node) bool {
		w.job(job)
		return true
	})
	return w.doc, nil
}

// workflow reads one workflow or action.
type workflow struct {
	*ci
	root   *yamledit.Node
	inputs map[string]*yamledit.Node

	given   map[string]operand // inputs that a caller gives
	touched bool               // one of them was asked for
	depth   int                // of calls
	calls   *calls
}

// defaults reads the defaults of inputs.
func (w *workflow) defaults(keys ...string) {
	if w.inputs == nil {
		w.inputs = map[string]*yamledit.Node{}
	}
	w.root.Path(keys...).Entries(func(k, v *yamledit.Node) bool {
		if d := v.Get("default"); d != nil {
			name, _ := k.Text()
			w.inputs[strings.ToLower(name)] = d
		}
		return true
	})
}

// scope is what expressions of a job may name.
func (w *workflow) scope(job *yamledit.Node, c cell) *scope {
	s := &scope{ci: w.ci}
	s.env(w.root.Get("env"))
	s.env(job.Get("env"))
	s.lookup = func(name string) operand {
		kind, rest, _ := strings.Cut(name, ".")
		switch strings.ToLower(kind) {
		case "matrix":
			key, below, deep := strings.Cut(rest, ".")
			n := c[key]
			if deep {
				n = n.Path(strings.Split(below, ".")...)
			}
			return s.node(n)
		case "inputs":
			if o, ok := w.given[strings.ToLower(rest)]; ok {
				w.touched = true
				return o
			}
			return s.node(w.inputs[strings.ToLower(rest)])
		case "env":
			return s.variable(rest, "")
		case "runner":
			if strings.EqualFold(rest, "os") && s.on.os != "" {
				return textOperand(s.on.os)
			}
		}
		return operand{}
	}
	return s
}

func (w *workflow) job(job *yamledit.Node) {
	matrix, axes := job.Path("strategy", "matrix"), map[string]bool{}
	matrix.Entries(func(k, v *yamledit.Node) bool {
		if key, _ := k.Text(); len(v.Items()) > 1 {
			axes["matrix."+key] = true
		}
		return true
	})
	for _, c := range matrixCells(matrix) {
		s := w.scope(job, c)
		s.axes = axes
		if job.Get("uses") != nil {
			w.call(job, s)
			continue
		}
		w.runsOn(job.Get("runs-on"), s, matrix)
		if s.on.os == "windows" {
			w.linuxOnly(job.Get("container"), "a job container")
			w.linuxOnly(job.Get("services"), "service containers")
		}
		w.steps(job.Get("steps"), s, job)
	}
}

// linuxOnly finds what GitHub's runner refuses on anything but Linux.
// https://github.com/actions/runner/issues/904
func (w *workflow) linuxOnly(n *yamledit.Node, what string) {
	if n == nil || n.IsNull() {
		return
	}
	if t, ok := n.Text(); ok && strings.Contains(t, "${{") {
		return // may come to nothing
	}
	w.find(Finding{Rule: RuleRunnerContainer, At: span(n.Resolve()), Source: "https://github.com/actions/runner/issues/904",
		Message: what + " on a Windows runner: GitHub's runner starts containers on Linux only",
		Hint:    "run the steps on the runner itself, with docker run where a Windows container is needed, or take a Linux runner"})
}

// runsOn reads what a job runs on.
func (w *workflow) runsOn(n *yamledit.Node, s *scope, matrix *yamledit.Node) {
	group := n.Get("group")
	if l := n.Get("labels"); l != nil {
		n = l
	}
	var labels []value
	if items := n.Items(); items != nil {
		for _, item := range items {
			labels = append(labels, s.text(item))
		}
	} else if n != nil && n.Resolve().Kind == yamledit.Scalar {
		labels = append(labels, s.text(n))
	}
	own := group != nil
	for _, l := range labels {
		t := strings.ToLower(l.text())
		own = own || t == "self-hosted"
		switch {
		case strings.HasPrefix(t, "windows"):
			s.on.os = "windows"
		case strings.HasPrefix(t, "ubuntu"), t == "linux":
			s.on.os = "linux"
		case strings.HasPrefix(t, "macos"):
			s.on.os = "macos"
		}
	}
	if own || len(labels) != 1 {
		return
	}
	w.hosted(labels[0], s, matrix)
}

// hosted takes a label for one of GitHub's own runners.
func (w *workflow) hosted(v value, s *scope, matrix *yamledit.Node) {
	l := w.in.Facts.Label(w.service, v.text())
	if l == nil {
		return
	}
	at := labelSpan(v)
	more, others := sameInMatrix(w.yamlFile, matrix, v.text(), at)
	if l.Retired != 0 {
		w.find(w.retired(l, at, more, others))
	}
	if len(more) > 0 {
		at = Span{} // changed in one place only, another would not fit
	}
	s.on.hosts = []Host{labelHost(w.in.Facts, w.service, l, at)}
}

// sameInMatrix returns where a matrix has the same label elsewhere, in exclude
// and include, and the labels that it has besides.
func sameInMatrix(y *yamlFile, matrix *yamledit.Node, label string, at Span) (more []Span, others []string) {
	var walk func(n *yamledit.Node, depth int)
	walk = func(n *yamledit.Node, depth int) {
		n = n.Resolve()
		if n == nil || depth > 10 {
			return
		}
		if n.Kind == yamledit.Scalar {
			if s := y.place(n, 0, len(n.Value)); n.Value == label && s != at {
				more = append(more, s)
			} else if y.in.Facts.Label("github", n.Value) != nil && n.Value != label {
				others = append(others, n.Value)
			}
			return
		}
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	walk(matrix, 0)
	return more, others
}

func (w *workflow) steps(list *yamledit.Node, s *scope, job *yamledit.Node) {
	for _, step := range list.Items() {
		if !s.holds(step.Get("if")) {
			continue
		}
		if image := step.String("uses"); strings.HasPrefix(image, "docker://") && s.on.os == "windows" {
			w.linuxOnly(step.Get("uses"), "a container action")
		} else if strings.HasPrefix(image, "./") {
			w.composite(step, s)
		}
		run := step.Get("run").Resolve()
		if run == nil || run.Kind != yamledit.Scalar {
			continue
		}
		name := step.String("shell")
		for _, n := range []*yamledit.Node{job, w.root} {
			if name == "" {
				name = n.String("defaults", "run", "shell")
			}
		}
		unset := "bash"
		if s.on.os == "windows" || s.on.os == "" && strings.Contains(run.Value, "`\n") {
			unset = "pwsh"
		}
		folder := step.String("working-directory")
		for _, n := range []*yamledit.Node{job, w.root} {
			if folder == "" {
				folder = n.String("defaults", "run", "working-directory")
			}
		}
		inner := *s
		inner.vars = append([]*yamledit.Node{step.Get("env")}, s.vars...)
		inner.script(run, shellOf(name, unset), path.Join("../..", folder))
	}
}
