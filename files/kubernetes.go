package files

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
)

// kubernetes is the kind of Kubernetes manifests: whatever has a pod template,
// lists and several documents in a file, what Helm renders, and the images of a
// kustomization.
type kubernetes struct{}

// Name is the kind's name.
func (kubernetes) Name() string { return "kubernetes" }

// Match goes by the name of a kustomization, else by apiVersion and kind.
func (kubernetes) Match(p string, src []byte) bool {
	name := strings.ToLower(path.Base(p))
	switch path.Ext(name) {
	case ".yaml", ".yml":
		if strings.HasPrefix(name, "kustomization.") {
			return true
		}
		return hasKey(src, "apiVersion") && hasKey(src, "kind")
	case ".json":
		return hasKey(src, "apiVersion") && hasKey(src, "kind")
	}
	return name == "kustomization" || name == "<stdin>" && hasKey(src, "apiVersion") && hasKey(src, "kind")
}

// hasKey reports whether a text has a key at the beginning of a line, or in
// double quotes.
func hasKey(src []byte, key string) bool {
	for at := 0; ; {
		i := bytes.Index(src[at:], []byte(key))
		if i < 0 {
			return false
		}
		i += at
		at = i + len(key)
		if at == len(src) {
			return false
		}
		if i > 0 && src[i-1] == '"' && src[at] == '"' {
			return true
		}
		start := bytes.TrimPrefix(src[bytes.LastIndexByte(src[:i], '\n')+1:i], bom)
		if len(start) == 0 && src[at] == ':' {
			return true
		}
	}
}

// kubeReader reads one manifest.
type kubeReader struct {
	in      *Input
	file    *yamledit.File
	doc     *Document
	classes map[string]*yamledit.Node // RuntimeClasses of the file, later of its folder
	looked  bool                      // at the folder
	found   map[string]bool           // findings
	pods    int
	each    func(template, object *yamledit.Node, whole bool) // what is done with a pod or a pod template; whole: it is no patch
}

func (kubernetes) Read(in *Input) (*Document, error) {
	r := &kubeReader{in: in, doc: &Document{}, classes: map[string]*yamledit.Node{}, found: map[string]bool{}}
	r.each = r.pod
	if !r.interesting() {
		return r.doc, nil
	}
	if err := r.parse(); err != nil {
		return nil, err
	}
	r.readClasses(r.file)
	for _, d := range r.file.Docs {
		r.objects(d, r.object)
	}
	return r.doc, nil
}

// readClasses finds the RuntimeClasses of a file.
func (r *kubeReader) readClasses(f *yamledit.File) {
	for _, d := range f.Docs {
		r.objects(d, func(o *yamledit.Node) {
			if name := o.String("metadata", "name"); o.String("kind") == "RuntimeClass" && r.classes[name] == nil {
				r.classes[name] = o
			}
		})
	}
}

// runtimeClassOf finds a RuntimeClass in the file, or in another one of its
// folder; nil where it is in neither. Nothing may be written into it.
func (r *kubeReader) runtimeClassOf(name string) *yamledit.Node {
	if r.classes[name] == nil && !r.looked {
		r.looked = true
		r.in.neighbours(func(src []byte) {
			if !bytes.Contains(src, []byte("RuntimeClass")) {
				return
			}
			if f, err := yamledit.Parse(src); err == nil {
				r.readClasses(f)
			}
		}, ".yaml", ".yml", ".json")
	}
	return r.classes[name]
}

// words are those of which one is in every manifest that is about Windows; an
// image that is known by its name alone has none of them.
var words = [...]string{"indows", "icrosoft", "nanoserver", "servercore", "ltsc20", "beta.kubernetes.io", "hostProcess", "hyperv"}

// interesting reports whether there is anything in the file that matters here,
// without reading YAML.
func (r *kubeReader) interesting() bool {
	src := r.in.Src
	for _, w := range words {
		if bytes.Contains(src, []byte(w)) {
			return true
		}
	}
	for {
		i := bytes.Index(src, []byte("image"))
		if i < 0 {
			return false
		}
		src = src[i+len("image"):]
		line, _, _ := bytes.Cut(src, []byte("\n"))
		text := strings.Trim(string(line), "\"' :,\t\r")
		if text, _, _ = strings.Cut(text, "\""); text != "" && len(text) < 300 && !strings.ContainsAny(text, " {}") && isWindows(r.in.Look(text)) {
			return true
		}
	}
}

const notYet = "is a template that is not YAML yet: render it, and hand the result to winmatch scan -"

// parse reads the YAML. A file with {{ that is no YAML, or has them where values
// should be, is a template.
func (r *kubeReader) parse() error {
	f, err := yamledit.Parse(r.in.Src)
	template := bytes.Contains(r.in.Src, []byte("{{"))
	if err != nil {
		var e *yamledit.Error
		if !errors.As(err, &e) {
			return err
		}
		reason := e.Reason
		if template {
			reason = notYet
		}
		return &Error{File: r.in.Path, Line: e.Line, Column: e.Column, Reason: reason, Template: template}
	}
	if template {
		for _, d := range f.Docs {
			if n := braces(d); n != nil {
				line, column := f.Position(n.Start)
				return &Error{File: r.in.Path, Line: line, Column: column, Reason: notYet, Template: true}
			}
		}
	}
	r.file = f
	return nil
}

// braces finds a value in two braces, which YAML reads as a mapping whose key is
// a mapping.
func braces(n *yamledit.Node) *yamledit.Node {
	if n.Kind == yamledit.Mapping && n.Style == yamledit.Flow && len(n.Content) > 0 && n.Content[0].Kind == yamledit.Mapping && n.Content[0].Start == n.Start+1 {
		return n
	}
	for _, c := range n.Content {
		if b := braces(c); b != nil {
			return b
		}
	}
	return nil
}

// objects calls f for an object, or for the objects of a list.
func (r *kubeReader) objects(n *yamledit.Node, f func(*yamledit.Node)) {
	items := n.Get("items")
	if !strings.HasSuffix(n.String("kind"), "List") || items == nil {
		f(n)
		return
	}
	for _, item := range items.Items() {
		f(item)
	}
}

// object reads one object.
func (r *kubeReader) object(o *yamledit.Node) {
	switch o.String("kind") {
	case "Kustomization", "Component":
		r.kustomization(o)
	case "":
		if name := strings.ToLower(path.Base(r.in.Path)); strings.HasPrefix(name, "kustomization") {
			r.kustomization(o)
		}
	case "RuntimeClass":
		r.runtimeClass(o)
	default:
		r.podsOf(o)
	}
}

// podsOf finds the pod, or the pod templates, of an object.
func (r *kubeReader) podsOf(o *yamledit.Node) {
	switch o.String("kind") {
	case "CustomResourceDefinition", "RuntimeClass", "":
	case "Pod":
		r.each(o, o, true)
	case "PodTemplate":
		r.each(o.Get("template"), o, true)
	default:
		r.templates(o.Get("spec"), o, 0)
	}
}

// maxTemplateDepth is how deep below spec a pod template is looked for.
const maxTemplateDepth = 12

// templates finds the pod templates below a node: what has a spec with
// containers.
func (r *kubeReader) templates(n, object *yamledit.Node, depth int) {
	if n == nil || depth > maxTemplateDepth {
		return
	}
	if spec := n.Get("spec"); depth > 0 && isPodSpec(spec) {
		r.each(n, object, r.whole(object, spec))
		return
	}
	if n.Kind == yamledit.Alias {
		return // read where it is written
	}
	for i, c := range n.Content {
		if n.Kind == yamledit.Sequence || i%2 == 1 {
			r.templates(c, object, depth+1)
		}
	}
}

func isPodSpec(spec *yamledit.Node) bool {
	for _, c := range spec.Get("containers").Items() {
		if c.Get("image") != nil {
			return true
		}
	}
	return false
}

// whole reports whether an object is all of itself. A patch for another file's
// object, as Kustomize takes them, lacks what the API wants.
func (r *kubeReader) whole(o, spec *yamledit.Node) bool {
	switch o.String("kind") {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		return !strings.HasPrefix(o.String("apiVersion"), "apps/") || o.Path("spec", "selector") != nil
	case "Job", "CronJob":
		return spec.Get("restartPolicy") != nil
	}
	return true
}

// containerLists are the lists of containers in a pod, and what is in them.
var containerLists = [...]struct{ key, role string }{
	{"initContainers", "init"}, {"containers", "container"}, {"ephemeralContainers", "ephemeral"},
}

// pod reads a pod or a pod template.
func (r *kubeReader) pod(template, object *yamledit.Node, whole bool) {
	spec := template.Get("spec")
	if spec == nil || spec.Resolve().Kind != yamledit.Mapping {
		return
	}
	r.pods++
	p := &pod{kubeReader: r, template: template, spec: spec, whole: whole, group: "pod " + strconv.Itoa(r.pods)}
	p.name = strings.TrimSpace(object.String("kind") + " " + object.String("metadata", "name"))
	p.readSelection()
	windows, linux := p.sel.admits("windows", 0), p.sel.admits("linux", 0)
	os := image.Unknown
	switch name := spec.String("os", "name"); {
	case name == "windows" || name == "" && windows && !linux:
		os = image.Yes
	case name == "linux" || name == "" && linux && !windows:
		os = image.No
	}
	hostProcess := spec.Path("securityContext", "windowsOptions", "hostProcess")
	for _, list := range containerLists {
		for _, c := range spec.Get(list.key).Items() {
			role := list.role
			if role == "init" && c.String("restartPolicy") == "Always" {
				role = "sidecar"
			}
			own := c.Path("securityContext", "windowsOptions", "hostProcess")
			if own == nil {
				own = hostProcess
			}
			u := Use{Role: role, Windows: os, Kubernetes: true, HostProcess: isTrue(own), Group: p.group}
			if u.HostProcess && p.hostProcess == nil {
				p.hostProcess = own
			}
			if r.reference(&u, c.Get("image")) {
				p.uses = append(p.uses, len(r.doc.Uses))
				r.doc.Uses = append(r.doc.Uses, u)
			}
		}
	}
	p.rules()
	p.place()
}

func isTrue(n *yamledit.Node) bool {
	text, ok := n.Text()
	return ok && text == "true"
}

// reference gives a use the image that a node names; false where none does.
func (r *kubeReader) reference(u *Use, n *yamledit.Node) bool {
	text, ok := n.Text()
	if !ok || text == "" {
		return false
	}
	n = n.Resolve()
	u.Reference = text
	if strings.Contains(text, "{{") || strings.ContainsAny(text, "$ \t\n") {
		u.Reference, u.Why = "", "it is filled in later"
	}
	if u.At, ok = r.text(n); !ok {
		u.Parts = []Part{{Text: u.Reference}}
	}
	return true
}

// text is where the text of a scalar stands, without its quotes; ok is false,
// and the place is that of the scalar, where its bytes are not its text.
func (r *kubeReader) text(n *yamledit.Node) (s Span, ok bool) {
	s = Span{n.Start, n.End}
	if n.Style == yamledit.SingleQuoted || n.Style == yamledit.DoubleQuoted {
		s.Start, s.End = s.Start+1, s.End-1
	}
	if string(r.in.Src[s.Start:s.End]) != n.Value {
		return Span{n.Start, n.End}, false
	}
	return s, true
}

// add adds a finding at a node.
func (r *kubeReader) add(f Finding, n *yamledit.Node) {
	f.At = Span{n.Start, n.End}
	if n.Kind != yamledit.Scalar && n.Kind != yamledit.Alias { // the line it begins in
		if i := bytes.IndexAny(r.in.Src[n.Start:n.End], "\r\n"); i > 0 {
			f.At.End = n.Start + i
		}
	}
	key := fmt.Sprint(f.Rule, f.At, f.Message)
	if r.found[key] { // through an alias
		return
	}
	r.found[key] = true
	r.doc.Findings = append(r.doc.Findings, f)
}

// fix turns edits of YAML into those of a finding: none where one was refused,
// or where all together are no YAML.
func (r *kubeReader) fix(edits []yamledit.Edit, err error) []Edit {
	if err != nil || len(edits) == 0 {
		return nil
	}
	if len(edits) > 1 { // each was verified, but not all together
		src, err := yamledit.Apply(r.in.Src, edits...)
		if err == nil {
			_, err = yamledit.Parse(src)
		}
		if err != nil {
			return nil
		}
	}
	list := make([]Edit, 0, len(edits))
	for _, e := range edits {
		if n := len(list); n > 0 && list[n-1].Start == e.Start && list[n-1].End == e.Start && e.End == e.Start {
			list[n-1].New += e.New
			continue
		}
		list = append(list, Edit(e))
	}
	return list
}

// runtimeClass reads a RuntimeClass: its selector is added to those of its pods.
func (r *kubeReader) runtimeClass(o *yamledit.Node) {
	p := &pod{kubeReader: r}
	p.selector(o.Path("scheduling", "nodeSelector"), true)
	p.labels()
}
