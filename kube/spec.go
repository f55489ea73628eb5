package kube

import (
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	schedulinghelpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// Spec is the part of a pod's spec that says what it runs and where it may run.
// Pods of one template share it.
type Spec struct {
	Containers     []Container // init containers first
	OS             string      // spec.os.name, or ""
	NodeSelector   map[string]string
	Required       *corev1.NodeSelector // the required node affinity
	Tolerations    []corev1.Toleration
	RuntimeClass   string
	NodeName       string // of templates only: pods have it from the scheduler
	ServiceAccount string
	PullSecrets    []string

	affinity nodeaffinity.RequiredNodeAffinity
}

// Container is a container of a pod.
type Container struct {
	Name        string
	Image       string
	Init        bool
	HostProcess bool
	HyperV      bool // its pod's runtime class asks for Hyper-V isolation
	Local       bool // imagePullPolicy Never: no registry is asked, and no runtime's rule of pulling counts
}

// specs shares equal Specs.
type specs map[string]*Spec

// of returns the Spec of a pod's spec. matchFields on metadata.name, by which a
// DaemonSet binds each of its pods to one node, are left out where daemon is set.
func (s specs) of(p *corev1.PodSpec, template, daemon bool) *Spec {
	key := corev1.PodSpec{NodeSelector: p.NodeSelector, Tolerations: p.Tolerations, OS: p.OS, RuntimeClassName: p.RuntimeClassName,
		ServiceAccountName: p.ServiceAccountName, ImagePullSecrets: p.ImagePullSecrets}
	if template {
		key.NodeName = p.NodeName
	}
	required := requiredOf(p)
	if daemon {
		required = withoutNodeName(required)
	}
	if required != nil {
		key.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
	}
	host := p.SecurityContext != nil && p.SecurityContext.WindowsOptions != nil && isTrue(p.SecurityContext.WindowsOptions.HostProcess)
	list := make([]Container, 0, len(p.InitContainers)+len(p.Containers))
	add := func(from []corev1.Container, to *[]corev1.Container, init bool) {
		for i := range from {
			c := &from[i]
			own := Container{Name: c.Name, Image: c.Image, Init: init, HostProcess: host, Local: c.ImagePullPolicy == corev1.PullNever}
			if c.SecurityContext != nil && c.SecurityContext.WindowsOptions != nil && c.SecurityContext.WindowsOptions.HostProcess != nil {
				own.HostProcess = *c.SecurityContext.WindowsOptions.HostProcess
			}
			list = append(list, own)
			k := corev1.Container{Name: c.Name, Image: c.Image}
			if own.Local {
				k.ImagePullPolicy = c.ImagePullPolicy
			}
			if own.HostProcess {
				k.WorkingDir = "HostProcess"
			}
			*to = append(*to, k)
		}
	}
	add(p.InitContainers, &key.InitContainers, true)
	add(p.Containers, &key.Containers, false)
	text, err := key.Marshal()
	if err != nil { // a struct of strings: it does not fail
		panic(err)
	}
	if old := s[string(text)]; old != nil {
		return old
	}
	out := &Spec{
		Containers: list, NodeSelector: p.NodeSelector, Required: required, Tolerations: p.Tolerations, NodeName: key.NodeName, ServiceAccount: p.ServiceAccountName,
		affinity: nodeaffinity.NewRequiredNodeAffinity(p.NodeSelector, key.Affinity),
	}
	if p.OS != nil {
		out.OS = string(p.OS.Name)
	}
	if p.RuntimeClassName != nil {
		out.RuntimeClass = *p.RuntimeClassName
	}
	for _, r := range p.ImagePullSecrets {
		out.PullSecrets = append(out.PullSecrets, r.Name)
	}
	s[string(text)] = out
	return out
}

func isTrue(b *bool) bool { return b != nil && *b }

func requiredOf(p *corev1.PodSpec) *corev1.NodeSelector {
	if p.Affinity == nil || p.Affinity.NodeAffinity == nil {
		return nil
	}
	return p.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

// withoutNodeName takes off what the DaemonSet controller adds to each term of
// the affinity of a pod, or, where its template has none, puts in their place.
func withoutNodeName(s *corev1.NodeSelector) *corev1.NodeSelector {
	if s == nil {
		return nil
	}
	out := &corev1.NodeSelector{}
	for _, t := range s.NodeSelectorTerms {
		if len(t.MatchExpressions) > 0 {
			out.NodeSelectorTerms = append(out.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: t.MatchExpressions})
		}
	}
	if len(out.NodeSelectorTerms) == 0 {
		return nil
	}
	return out
}

// isolate notes whether a runtime class asks for Hyper-V isolation: its handler
// says so by its name, as containerd's default configuration and hcsshim name it,
// runhcs-wcow-hypervisor, with a build behind it or without. Of a class that could
// not be read its own name is taken; handlers are those of the classes that were.
// https://github.com/containerd/containerd/issues/6862
func (s *Spec) isolate(handlers map[string]string) {
	handler, ok := handlers[s.RuntimeClass]
	if !ok {
		handler = s.RuntimeClass
	}
	handler = strings.ToLower(separators.Replace(handler))
	hyperv := strings.Contains(handler, "hypervisor") || strings.Contains(handler, "hyperv")
	for i := range s.Containers {
		s.Containers[i].HyperV = hyperv
	}
}

// addRuntimeClass does to a template what the API server does to a pod of that
// runtime class.
func addRuntimeClass(p *corev1.PodSpec, selector map[string]string, tolerations []corev1.Toleration) {
	if len(selector) > 0 {
		all := map[string]string{}
		for k, v := range p.NodeSelector {
			all[k] = v
		}
		for k, v := range selector {
			all[k] = v
		}
		p.NodeSelector = all
	}
	p.Tolerations = append(p.Tolerations[:len(p.Tolerations):len(p.Tolerations)], tolerations...)
}

// Admits reports whether the scheduler may put a pod of this spec on a node.
func (s *Spec) Admits(n *Node) bool {
	return s.Selects(n) && s.tolerates(n)
}

// Selects reports whether the node fits the pod's selector and affinity, whatever
// the taints.
func (s *Spec) Selects(n *Node) bool {
	if s.NodeName != "" {
		return s.NodeName == n.Name // no scheduler is asked
	}
	ok, err := s.affinity.Match(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels}})
	return ok && err == nil
}

// tolerates reports whether the pod tolerates the node's taints, those that
// Kubernetes sets and lifts by itself left out.
func (s *Spec) tolerates(n *Node) bool {
	if s.NodeName != "" {
		return true
	}
	if n.Unschedulable && !schedulinghelpers.TolerationsTolerateTaint(klog.Logger{}, s.Tolerations,
		&corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}, true) {
		return false
	}
	if len(n.Taints) == 0 {
		return true
	}
	_, hard := schedulinghelpers.FindMatchingUntoleratedTaint(klog.Logger{}, n.Taints, s.Tolerations, func(t *corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule && !Passing(t.Key)
	}, true)
	return !hard
}

// Passing reports whether a taint is one of the node lifecycle controller's or the
// kubelet's, which come and go with the node's condition.
// https://kubernetes.io/docs/reference/labels-annotations-taints/
func Passing(key string) bool {
	switch key {
	case corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeMemoryPressure, corev1.TaintNodeDiskPressure,
		corev1.TaintNodePIDPressure, corev1.TaintNodeNetworkUnavailable, corev1.TaintNodeUnschedulable, corev1.TaintNodeOutOfService,
		"node.cloudprovider.kubernetes.io/uninitialized", "node.cloudprovider.kubernetes.io/shutdown":
		return true
	}
	return false
}

// VersionLabels are the labels of nodes by which people place pods by Windows
// version: the kubelet's, that of Microsoft's page, and this project's. Besides
// there are those that begin with [LabelRuns].
var VersionLabels = [...]string{corev1.LabelWindowsBuild, LabelOSBuild, LabelVersion}

// LabelOSBuild is the label of Microsoft's page: 14393.1715 for Windows Server
// 2016, else the build: 16299.
// https://learn.microsoft.com/en-us/virtualization/windowscontainers/deploy-containers/version-compatibility
const LabelOSBuild = "beta.kubernetes.io/osbuild"

var separators = strings.NewReplacer("-", "", "_", "", ".", "")

// versionLabel reports whether a label of nodes tells their Windows version: one
// of [VersionLabels], one of [LabelRuns], or another one whose name says so.
func versionLabel(key string) bool {
	if strings.HasPrefix(key, LabelRuns) {
		return true
	}
	for _, k := range VersionLabels {
		if key == k {
			return true
		}
	}
	_, name, ok := strings.Cut(key, "/")
	if !ok {
		name = key
	}
	switch strings.ToLower(separators.Replace(name)) {
	case "osbuild", "osversion", "windowsbuild", "windowsversion", "winbuild", "winversion", "ossku", "windowsosbuild", "windowsrelease":
		return true
	}
	return false
}

// wishes are what the spec demands of version labels: "KEY=VALUE", "KEY in (A, B)".
func (s *Spec) wishes() []string {
	var list []string
	for k, v := range s.NodeSelector {
		if versionLabel(k) {
			list = append(list, k+"="+v)
		}
	}
	if s.Required != nil {
		for _, t := range s.Required.NodeSelectorTerms {
			for _, e := range t.MatchExpressions {
				if versionLabel(e.Key) {
					list = append(list, strings.TrimSpace(e.Key+" "+strings.ToLower(string(e.Operator))+" "+inBrackets(e.Values)))
				}
			}
		}
	}
	sort.Strings(list)
	return list
}

func inBrackets(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return "(" + strings.Join(values, ", ") + ")"
}

// anyVersion is the spec without what it demands of version labels.
func (s *Spec) anyVersion() *Spec {
	out := *s
	out.NodeSelector = map[string]string{}
	for k, v := range s.NodeSelector {
		if !versionLabel(k) {
			out.NodeSelector[k] = v
		}
	}
	out.Required = nil
	var affinity *corev1.Affinity
	if s.Required != nil {
		all := &corev1.NodeSelector{}
		free := false // a term that demands nothing but a version admits every node
		for _, t := range s.Required.NodeSelectorTerms {
			term := corev1.NodeSelectorTerm{MatchFields: t.MatchFields}
			for _, e := range t.MatchExpressions {
				if !versionLabel(e.Key) {
					term.MatchExpressions = append(term.MatchExpressions, e)
				}
			}
			if len(term.MatchFields)+len(term.MatchExpressions) == 0 && len(t.MatchExpressions) > 0 {
				free = true
			}
			all.NodeSelectorTerms = append(all.NodeSelectorTerms, term)
		}
		if !free {
			out.Required = all
			affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: all}}
		}
	}
	out.affinity = nodeaffinity.NewRequiredNodeAffinity(out.NodeSelector, affinity)
	return &out
}
