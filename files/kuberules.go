package files

import (
	"slices"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// The rules of Kubernetes manifests.
const (
	RuleOSMissing      = "os-selector-missing"
	RuleOSContradicts  = "os-selector-contradicts"
	RuleOldLabel       = "old-node-label"
	RuleBuildMalformed = "windows-build-malformed"
	RuleHostNetwork    = "hostprocess-host-network"
	RuleHyperV         = "hyperv-on-kubernetes"
	RuleTagNumber      = "tag-not-text"
)

const (
	windowsGuide = "https://kubernetes.io/docs/concepts/windows/user-guide/"
	windowsIntro = "https://kubernetes.io/docs/concepts/windows/intro/"
	hostProcess  = "https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/"

	isolationAnnotation = "experimental.windows.kubernetes.io/isolation-type"
)

// pod is a pod or a pod template.
type pod struct {
	*kubeReader
	template, spec *yamledit.Node
	name           string // "Deployment web"
	group          string
	whole          bool  // no patch
	uses           []int // of the document

	sel         selection
	terms       []*yamledit.Node // of the required affinity
	preferred   []requirement
	className   *yamledit.Node // runtimeClassName
	class       *yamledit.Node // the RuntimeClass, where it is known
	hostProcess *yamledit.Node // what makes a container a HostProcess container
}

// rules looks at a pod for what is wrong whatever the hosts.
func (p *pod) rules() {
	p.system()
	p.labels()
	p.hostNetwork()
	p.hyperV()
}

// windowsOnly is a use whose image is known to be for Windows and nothing else,
// nil where there is none.
func (p *pod) windowsOnly() *Use {
	for _, i := range p.uses {
		u := &p.doc.Uses[i]
		m := p.in.Look(u.Reference)
		all := isWindows(m)
		for k := range m.Children {
			all = all && (m.Children[k].Windows() || m.Children[k].Attestation)
		}
		if all {
			return u
		}
	}
	return nil
}

// system looks at what is said of the operating system.
func (p *pod) system() {
	u := p.windowsOnly()
	windows, linux := p.sel.admits("windows", 0), p.sel.admits("linux", 0)
	name := p.spec.Path("os", "name")
	os, _ := name.Text()
	switch {
	case u != nil && (!windows || os == "linux"):
		p.add(Finding{Rule: RuleOSContradicts, Image: u.Reference, Source: windowsGuide, Hint: "select " + labelOS + ": windows",
			Message: "the pod is for Linux nodes, " + u.Reference + " for Windows", Fix: p.toWindows(name)}, p.systemNode(name))
	case os == "windows" && !windows || os == "linux" && !linux:
		p.add(Finding{Rule: RuleOSContradicts, Source: windowsGuide, Hint: "let os.name and the node selector say the same",
			Message: "os.name is " + os + ", but the pod is placed on other nodes: it never runs"}, name)
	case u == nil || !linux || !p.whole || p.className != nil && p.class == nil:
	default:
		f := Finding{Rule: RuleOSMissing, Image: u.Reference, Source: windowsGuide, Hint: "add nodeSelector " + labelOS + ": windows",
			Message: u.Reference + " is for Windows, but the pod may be placed on Linux nodes: it selects no " + labelOS,
			Fix:     p.fix(p.file.Set(p.spec, "nodeSelector", yamledit.Map{{Key: labelOS, Value: "windows"}}))}
		if os == "windows" { // which the scheduler does not look at: the kubelet of a Linux node refuses the pod then
			f.Level, f.Message = Note, "os.name alone places no pod: "+f.Message
		}
		p.add(f, p.node(u))
	}
}

// node is the image of a use, as a node to put a finding at.
func (p *pod) node(u *Use) *yamledit.Node {
	return &yamledit.Node{Start: u.At.Start, End: u.At.End}
}

// systemNode is where a pod says that it is for Linux.
func (p *pod) systemNode(name *yamledit.Node) *yamledit.Node {
	var found *yamledit.Node
	p.sel.each(func(r *requirement) {
		if found == nil && (r.key == labelOS || r.key == oldLabelOS) && !r.holds("windows", 0) && r.keyNode != nil {
			found = r.keyNode
			if r.class {
				found = p.className
			} else if len(r.valueNodes) > 0 {
				found = r.valueNodes[0]
			}
		}
	})
	switch {
	case found != nil:
		return found
	case name != nil:
		return name.Resolve()
	}
	return p.spec
}

// toWindows makes a pod for Linux one for Windows, where that is said by single
// values.
func (p *pod) toWindows(name *yamledit.Node) []Edit {
	var edits []yamledit.Edit
	ok := true
	replace := func(n *yamledit.Node) {
		e, err := p.file.Replace(n, "windows")
		edits, ok = append(edits, e), ok && err == nil
	}
	if text, _ := name.Text(); text == "linux" {
		replace(name)
	}
	p.sel.each(func(r *requirement) {
		if r.key != labelOS && r.key != oldLabelOS || r.holds("windows", 0) {
			return
		}
		if r.op != "In" || len(r.valueNodes) != 1 || r.shared || r.class {
			ok = false
			return
		}
		replace(r.valueNodes[0])
	})
	if !ok {
		return nil
	}
	return p.fix(edits, nil)
}

// labels looks for old labels, and for builds as no node has them.
func (p *pod) labels() {
	look := func(r *requirement) {
		if r.class && p.spec != nil {
			return // said where the class is written
		}
		if newKey := newLabel(r.key); newKey != "" && r.keyNode != nil {
			p.oldLabel(r, newKey)
		}
		if r.key != labelBuild || r.op != "In" && r.op != "NotIn" {
			return
		}
		for i, v := range r.values {
			if b := r.builds[i]; v != buildLabel(b) {
				f := Finding{Rule: RuleBuildMalformed, Source: nodeLabels, Message: labelBuild + " is never \"" + v + "\": nodes have MAJOR.MINOR.BUILD there"}
				if b != 0 {
					f.Hint = "write \"" + buildLabel(b) + "\""
					f.Fix = p.fix(one(p.file.Replace(r.valueNodes[i], buildLabel(b))))
				}
				p.add(f, r.valueNodes[i])
			}
		}
	}
	p.sel.each(look)
	for i := range p.preferred {
		look(&p.preferred[i])
	}
}

// oldLabel finds a label that has a new name, and moves it.
func (p *pod) oldLabel(r *requirement, newKey string) {
	f := Finding{Rule: RuleOldLabel, Source: nodeLabels, Message: r.key + " is an old label: kubelets set " + newKey, Hint: "use " + newKey}
	if r.key == oldOSBuild {
		f.Message = r.key + " is a label that somebody set by hand: kubelets set " + newKey
		f.Hint = "use " + newKey + ", MAJOR.MINOR.BUILD"
		if len(r.values) == 1 && r.builds[0] != 0 {
			f.Hint = "use " + newKey + ": \"" + buildLabel(r.builds[0]) + "\""
			if strings.Contains(r.values[0], ".") && r.builds[0] == winver.LTSC2016 {
				f.Hint += "; it has no revision, so nodes of Windows Server 2016 with other updates need a label of their own"
			}
		}
	}
	if r.key == oldOSBuild && slices.Contains(r.builds, winver.LTSC2016) && p.revisions() > 1 {
		f.Level = Note
		f.Hint = "keep it: " + newKey + " has no revision, and the hosts of Windows Server 2016 have different ones"
	} else {
		f.Fix = p.fix(p.moveLabel(r, newKey))
	}
	p.add(f, r.keyNode)
}

// revisions is how many different Windows Servers 2016 there are among the hosts.
func (r *kubeReader) revisions() int {
	var list []winver.Version
	for _, h := range r.in.Hosts {
		if h.Version.Build == winver.LTSC2016 && !slices.Contains(list, h.Version) {
			list = append(list, h.Version)
		}
	}
	return len(list)
}

// moveLabel writes the new name, and for a build the value as kubelets write it.
// Where the new label is there too and says the same, the old one goes.
func (p *pod) moveLabel(r *requirement, newKey string) ([]yamledit.Edit, error) {
	values := r.values
	if r.key == oldOSBuild {
		values = nil
		for _, b := range r.builds {
			if b == 0 {
				return nil, nil
			}
			values = append(values, buildLabel(b))
		}
	}
	if r.of != nil {
		if e, ok := r.of.Find(newKey); ok {
			if text, _ := e.Value.Text(); text != values[0] || r.shared {
				return nil, nil
			}
			return one(p.file.Remove(r.of, r.key))
		}
	}
	edits, err := one(p.file.Replace(r.keyNode, newKey))
	for i, v := range values {
		if err == nil && v != r.values[i] {
			var e yamledit.Edit
			e, err = p.file.Replace(r.valueNodes[i], v)
			edits = append(edits, e)
		}
	}
	return edits, err
}

// hostNetwork looks whether HostProcess containers have the host's network.
func (p *pod) hostNetwork() {
	if p.hostProcess == nil || !p.whole || isTrue(p.spec.Get("hostNetwork")) {
		return
	}
	edits, err := p.file.Set(p.spec, "hostNetwork", true)
	if n := p.spec.Get("hostNetwork"); n != nil && n.Kind == yamledit.Scalar && n.Style == yamledit.Plain && n.Value == "false" {
		edits, err = []yamledit.Edit{{Start: n.Start, End: n.End, New: "true"}}, nil
	}
	p.add(Finding{Rule: RuleHostNetwork, Source: hostProcess, Hint: "set hostNetwork: true",
		Message: "a pod with HostProcess containers needs hostNetwork: true", Fix: p.fix(edits, err)}, p.hostProcess.Resolve())
}

// hyperV looks for Hyper-V isolation, which Kubernetes does not have: the
// annotation was alpha from 1.10 to 1.19 (facts/source/compat.yaml).
func (p *pod) hyperV() {
	meta := p.template.Get("metadata")
	annotations := meta.Get("annotations")
	if e, ok := annotations.Find(isolationAnnotation); ok {
		if text, _ := e.Value.Text(); strings.EqualFold(text, "hyperv") {
			edits, err := one(p.file.Remove(annotations, isolationAnnotation))
			if err != nil && len(annotations.Content) == 2 {
				edits, err = one(p.file.Remove(meta, "annotations"))
			}
			p.add(Finding{Rule: RuleHyperV, Source: windowsIntro, Message: "Kubernetes has no Hyper-V isolation: this annotation does nothing since 1.20",
				Hint: "use an image of the node's build", Fix: p.fix(edits, err)}, e.Key)
		}
	}
	if name, ok := p.className.Text(); ok {
		handler := name
		if p.class != nil {
			handler = p.class.String("handler")
		}
		if strings.HasPrefix(handler, "runhcs-wcow-hypervisor") {
			p.add(Finding{Rule: RuleHyperV, Source: windowsIntro, Message: "Kubernetes does not support Hyper-V isolation, which the handler " + handler + " asks for",
				Hint: "use an image of the node's build"}, p.className)
		}
	}
}

// kustomization reads the images that a kustomization sets.
func (r *kubeReader) kustomization(o *yamledit.Node) {
	for _, n := range o.Get("images").Items() {
		name, tag, digest := n.Get("newName"), n.Get("newTag"), n.String("digest")
		u := Use{Role: "container", Kubernetes: true, Windows: image.Unknown}
		text, ok := name.Text()
		part := Part{Text: text}
		at := name
		if ok {
			part.At, ok = r.text(name.Resolve())
		}
		if !ok {
			part = Part{Text: n.String("name")} // which says what to replace
			at = n.Get("name")
		}
		if text != "" {
			part.Text = text
		}
		if part.Text == "" || at == nil {
			continue
		}
		u.Reference, u.Parts, u.At = part.Text, []Part{part}, Span{at.Start, at.End}
		switch value, ok := tag.Text(); {
		case digest != "":
			u.Reference += "@" + digest
			u.Parts = append(u.Parts, Part{Text: "@" + digest})
		case ok:
			u.Reference += ":" + value
			p := Part{Text: value}
			if place, ok := r.text(tag.Resolve()); ok {
				p.At = place
			}
			u.Parts = append(u.Parts, Part{Text: ":"}, p)
			u.At = Span{tag.Start, tag.End}
			r.tagText(tag)
		default:
			continue // the tag is another file's
		}
		r.doc.Uses = append(r.doc.Uses, u)
	}
}

// tagText finds a tag that YAML takes for a number, which Kustomize refuses.
func (r *kubeReader) tagText(tag *yamledit.Node) {
	if tag.Kind != yamledit.Scalar || tag.Style != yamledit.Plain || tag.Tag != "" || strings.Trim(tag.Value, "0123456789._") != "" || strings.Count(tag.Value, ".") > 1 {
		return
	}
	r.add(Finding{Rule: RuleTagNumber, Source: "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/",
		Message: "newTag must be text, and YAML reads " + tag.Value + " as a number", Hint: "put it in quotes",
		Fix: r.fix(one(yamledit.Edit{Start: tag.Start, End: tag.End, New: `"` + tag.Value + `"`}, nil))}, tag)
}
