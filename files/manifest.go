package files

import (
	"errors"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files/yamledit"
)

// Manifest is a Kubernetes manifest whose pods are given other nodes to choose:
// whatever has a pod template, lists and several documents in a file.
type Manifest struct {
	Path string
	// Src is the file as it is now: see [Manifest.Select].
	Src  []byte
	Pods []PodTemplate
	// Classes are what the RuntimeClasses of the file say of nodes, by their names:
	// their scheduling, as encoding/json has it.
	Classes map[string]any

	facts *facts.Facts
	pods  []*pod // of Pods
}

// PodTemplate is a pod, or a pod template, of a manifest.
type PodTemplate struct {
	Kind, Namespace, Name string         // of the object that it is in
	Spec                  map[string]any // the pod's spec, as encoding/json has it
	At                    Position
	Images                map[string]Position // where each image of it stands first
	// Patch: it is part of an object, as Kustomize takes them; the rest, and what
	// else it says of nodes, is in another file.
	Patch bool
}

// IsManifest reports whether a file may be a Kubernetes manifest, by its name and
// what is in it. A kustomization is none.
func IsManifest(path string, src []byte) bool {
	return kubernetes{}.Match(path, src) && hasKey(src, "apiVersion") && hasKey(src, "kind")
}

// ReadManifest reads a manifest. The error is an *Error.
func ReadManifest(f *facts.Facts, path string, src []byte) (*Manifest, error) {
	m := &Manifest{Path: path, Src: src, Classes: map[string]any{}, facts: f}
	return m, m.read()
}

// read finds the pods of the text as it is now.
func (m *Manifest) read() error {
	r := &kubeReader{in: &Input{Path: m.Path, Src: m.Src, Facts: m.facts}, doc: &Document{}, classes: map[string]*yamledit.Node{}, found: map[string]bool{}}
	if err := r.parse(); err != nil {
		return err
	}
	r.readClasses(r.file)
	m.Pods, m.pods = nil, nil
	var wrong error
	r.each = func(template, object *yamledit.Node, whole bool) {
		spec := template.Get("spec")
		if spec == nil || spec.Resolve().Kind != yamledit.Mapping {
			return
		}
		p := &pod{kubeReader: r, template: template, spec: spec, whole: whole}
		out, err := p.plain(object)
		if err != nil && wrong == nil {
			wrong = errorAt(r.in, spec.Start, "%v", err)
			return
		}
		p.readSelection()
		m.pods, m.Pods = append(m.pods, p), append(m.Pods, out)
	}
	for _, d := range r.file.Docs {
		r.objects(d, r.podsOf)
	}
	for name, class := range r.classes {
		data, err := class.Get("scheduling").Data()
		if err != nil && wrong == nil {
			wrong = errorAt(r.in, class.Start, "%v", err)
		}
		m.Classes[name] = data
	}
	return wrong
}

// plain is a pod as other packages read it.
func (p *pod) plain(object *yamledit.Node) (PodTemplate, error) {
	out := PodTemplate{Kind: object.String("kind"), Namespace: object.String("metadata", "namespace"), Name: object.String("metadata", "name"),
		At: p.position(p.spec), Images: map[string]Position{}, Patch: !p.whole}
	for _, list := range containerLists {
		for _, c := range p.spec.Get(list.key).Items() {
			image := c.Get("image")
			text, _ := image.Text()
			if _, ok := out.Images[text]; !ok && image != nil {
				out.Images[text] = p.position(image)
			}
		}
	}
	data, err := p.spec.Data()
	out.Spec, _ = data.(map[string]any)
	return out, err
}

func (p *pod) position(n *yamledit.Node) Position {
	line, column := p.file.Position(n.Start)
	return Position{line, column}
}

// NodeSelection is which nodes a pod selects: all labels of Selector, and all
// requirements of one of Terms, where there are any.
type NodeSelection struct {
	Selector map[string]string
	Terms    [][]NodeRequirement // of the required node affinity; nil: there is none
}

// NodeRequirement is what a label of a node must be, or a field of it.
type NodeRequirement struct {
	Key, Operator string
	Values        []string
	Field         bool
}

// maxSteps bounds the changes of one pod.
const maxSteps = 1000

// Select makes a pod, by its place in Pods, select other nodes: as few bytes of Src
// are changed as can be. The error is an *Error that says what cannot be written,
// and where; nothing is changed then.
func (m *Manifest) Select(i int, want NodeSelection) error {
	before, pods := m.Src, len(m.Pods)
	fail := func(err error) error {
		if len(m.Src) != len(before) || string(m.Src) != string(before) { // its place is not one of the file's
			err = errors.New(reason(err))
		}
		m.Src = before
		return errors.Join(m.refusal(i, err), m.read())
	}
	for range maxSteps {
		var step []yamledit.Edit
		var refused error
		m.pods[i].choose(want, func(edits []yamledit.Edit, err error) bool {
			step, refused = edits, err
			return false // one at a time: the next is made to the text as it is then
		})
		switch {
		case refused != nil:
			return fail(refused)
		case step == nil:
			return nil
		}
		src, err := yamledit.Apply(m.Src, step...)
		if err != nil {
			return fail(err)
		}
		if m.Src = src; m.read() != nil || len(m.Pods) != pods {
			return fail(errors.New("it would not be read as it was"))
		}
	}
	return fail(errors.New("too many changes"))
}

// reason is what a refusal says, without its place.
func reason(err error) string {
	var r *yamledit.Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return err.Error()
}

// refusal says why a pod is not changed.
func (m *Manifest) refusal(i int, err error) error {
	e := &Error{File: m.Path, Line: m.Pods[i].At.Line, Column: m.Pods[i].At.Column}
	var r *yamledit.Refusal
	if errors.As(err, &r) {
		e.Line, e.Column = r.Line, r.Column
	}
	e.Reason = reason(err)
	return e
}
