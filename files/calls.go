package files

import (
	"path"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// This file follows workflows to the reusable workflows and the composite actions
// of the same repository that they call: what these do depends on the runner and
// the inputs that a caller gives. What does not depend on them is found in the
// called file itself.

// Bounds of calls: how deep they go, which is GitHub's own, and how many are
// followed in one file.
const (
	maxCallDepth = 10
	maxCalls     = 300
)

// calls are the files that one workflow calls.
type calls struct {
	files map[string]*yamledit.Node // nil: cannot be read
	n     int
}

// called opens a file of the repository: nil where it is elsewhere, or where the
// calls are too many.
func (w *workflow) called(name string) *yamledit.Node {
	if !strings.HasPrefix(name, "./") || strings.Contains(name, "${{") || !strings.HasSuffix("/"+path.Dir(w.in.Path), "/.github/workflows") || w.depth >= maxCallDepth {
		return nil
	}
	if w.calls.n++; w.calls.n > maxCalls {
		return nil
	}
	root, ok := w.calls.files[name]
	if !ok {
		root = w.other("../../" + name)
		w.calls.files[name] = root
	}
	return root
}

// enter is the reader of a called file: its places are that of the call, and what
// it finds is put into a document of its own.
func (w *workflow) enter(root, call *yamledit.Node, name string, s *scope) *workflow {
	c := *w.ci
	c.doc = &Document{}
	c.of = strings.TrimPrefix(name, "./")
	if c.here.IsZero() {
		c.here = span(call.Get("uses").Resolve())
	}
	in := &workflow{ci: &c, root: root, given: map[string]operand{}, depth: w.depth + 1, calls: w.calls}
	in.defaults("inputs")
	in.defaults("on", "workflow_call", "inputs")
	call.Get("with").Entries(func(k, v *yamledit.Node) bool {
		key, _ := k.Text()
		o := s.node(v)
		if t, _ := v.Text(); strings.Contains(t, "${{") {
			o.value = o.nowhere() // it may stand for other calls too
		}
		in.given[strings.ToLower(key)] = o
		return true
	})
	return in
}

// call follows a job that calls a reusable workflow.
func (w *workflow) call(job *yamledit.Node, s *scope) {
	name := job.String("uses")
	root := w.called(name)
	if root == nil {
		return
	}
	root.Get("jobs").Entries(func(_, j *yamledit.Node) bool {
		in := w.enter(root, job, name, s)
		in.job(j)
		if in.touched {
			w.take(in.doc)
		}
		return true
	})
}

// composite follows a step that uses a composite action, on the runner of its
// job.
func (w *workflow) composite(step *yamledit.Node, s *scope) {
	name := step.String("uses")
	if len(s.on.hosts) == 0 || s.on.os == "" {
		return
	}
	for _, file := range []string{"action.yml", "action.yaml"} {
		if root := w.called("./" + path.Join(name, file)); root != nil && root.String("runs", "using") == "composite" {
			in := w.enter(root, step, path.Join(name, file), s)
			inner := in.scope(nil, cell{})
			inner.on = s.on
			in.steps(root.Path("runs", "steps"), inner, nil)
			w.take(in.doc)
			return
		}
	}
}

// take adds what was found in a called file.
func (w *workflow) take(doc *Document) {
	for _, u := range doc.Uses {
		w.use(u)
	}
	for _, f := range doc.Findings {
		w.find(f)
	}
}
