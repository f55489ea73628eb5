package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AnnotationSelect is the annotation of a workload, not of its pods, that says how
// it chose nodes before and after select changed that: what is to be undone.
const AnnotationSelect = LabelDomain + "select"

// Template is a workload's pod template, or a pod.
type Template struct {
	Owner
	Pod        corev1.PodSpec
	Controller *metav1.OwnerReference // what owns it and would change it back, or nil
	Fixed      string                 // why it cannot be changed where it is; "" where it can
	Additions  bool                   // it may be added to only: a gated pod
	Source     string                 // what has made it, and may make it anew: "Helm (release web)"; "" where that is not known

	annotations map[string]string
	version     string   // the resource version
	path        []string // of the pod's spec in the object
}

// Placing is how it chooses nodes.
func (t *Template) Placing() Placing { return PlacingOf(&t.Pod) }

// Record is how a workload chose nodes before and after select changed that.
type Record struct {
	Before Placing `json:"before"`
	After  Placing `json:"after"`
}

// Ours is what [AnnotationSelect] records; nil where there is nothing.
func (t *Template) Ours() *Record {
	var r Record
	if json.Unmarshal([]byte(t.annotations[AnnotationSelect]), &r) != nil {
		return nil
	}
	return &r
}

// TemplateOf finds the template of an object; not ok where it has none that select
// knows.
func TemplateOf(o runtime.Object) (t *Template, ok bool) {
	var m *metav1.ObjectMeta
	t = &Template{path: []string{"spec", "template", "spec"}}
	switch o := o.(type) {
	case *appsv1.Deployment:
		m, t.Kind, t.Pod = &o.ObjectMeta, "Deployment", o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		m, t.Kind, t.Pod = &o.ObjectMeta, "StatefulSet", o.Spec.Template.Spec
	case *appsv1.DaemonSet:
		m, t.Kind, t.Pod = &o.ObjectMeta, "DaemonSet", o.Spec.Template.Spec
	case *appsv1.ReplicaSet:
		m, t.Kind, t.Pod = &o.ObjectMeta, "ReplicaSet", o.Spec.Template.Spec
	case *batchv1.CronJob:
		m, t.Kind, t.Pod = &o.ObjectMeta, "CronJob", o.Spec.JobTemplate.Spec.Template.Spec
		t.path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	case *batchv1.Job:
		m, t.Kind, t.Pod = &o.ObjectMeta, "Job", o.Spec.Template.Spec
		if !isTrue(o.Spec.Suspend) {
			t.Fixed = "the template of a Job that is not suspended cannot be changed: delete it and make it anew"
		}
	case *corev1.Pod:
		m, t.Kind, t.Pod, t.path = &o.ObjectMeta, "Pod", o.Spec, []string{"spec"}
		t.Pod.NodeName = "" // the scheduler's choice
		if t.Additions = len(o.Spec.SchedulingGates) > 0; !t.Additions {
			t.Fixed = "where a pod may be put cannot be changed, unless a scheduling gate holds it: delete it and make it anew"
		}
	default:
		return nil, false
	}
	t.Namespace, t.Name, t.annotations, t.version = m.Namespace, m.Name, m.Annotations, m.ResourceVersion
	t.Controller = metav1.GetControllerOfNoCopy(m)
	t.Source = sourceOf(m)
	return t, true
}

// sourceOf says what has made an object from a source of its own, which a change
// should go into.
func sourceOf(m *metav1.ObjectMeta) string {
	label, note := m.Labels, m.Annotations
	named := func(tool, kind, name string) string {
		if name == "" {
			return tool
		}
		return fmt.Sprintf("%s (%s %s)", tool, kind, name)
	}
	switch by := label["app.kubernetes.io/managed-by"]; {
	case label["kustomize.toolkit.fluxcd.io/name"] != "":
		return named("Flux", "Kustomization", label["kustomize.toolkit.fluxcd.io/name"])
	case label["helm.toolkit.fluxcd.io/name"] != "":
		return named("Flux", "HelmRelease", label["helm.toolkit.fluxcd.io/name"])
	case note["argocd.argoproj.io/tracking-id"] != "":
		app, _, _ := strings.Cut(note["argocd.argoproj.io/tracking-id"], ":")
		return named("Argo CD", "application", app)
	case label["argocd.argoproj.io/instance"] != "":
		return named("Argo CD", "application", label["argocd.argoproj.io/instance"])
	case note["meta.helm.sh/release-name"] != "" || by == "Helm" || by == "Tiller":
		return named("Helm", "release", note["meta.helm.sh/release-name"])
	case by != "":
		return by
	}
	managers := map[string]string{"helm": "Helm", "argocd-controller": "Argo CD", "argocd-application-controller": "Argo CD",
		"kustomize-controller": "Flux", "helm-controller": "Flux", "pulumi-kubernetes": "Pulumi", "terraform": "Terraform"}
	for i := range m.ManagedFields {
		name := strings.ToLower(m.ManagedFields[i].Manager)
		if tool := managers[name]; tool != "" {
			return tool
		}
		if strings.HasPrefix(name, "terraform") {
			return "Terraform"
		}
	}
	return ""
}

// patch is the JSON merge patch that gives a workload another placing, and the
// annotation that records it: what stays is not named. With a version it is refused
// where the object has changed since.
func (t *Template) patch(will Placing, version bool) []byte {
	was := t.Placing()
	spec := map[string]any{}
	selector := map[string]any{}
	for k, v := range will.NodeSelector {
		if old, ok := was.NodeSelector[k]; !ok || old != v {
			selector[k] = v
		}
	}
	for k := range was.NodeSelector {
		if _, ok := will.NodeSelector[k]; !ok {
			selector[k] = nil
		}
	}
	if len(will.NodeSelector) == 0 && len(was.NodeSelector) > 0 {
		spec["nodeSelector"] = nil
	} else if len(selector) > 0 {
		spec["nodeSelector"] = selector
	}
	if !(Placing{Required: was.Required}).Equal(Placing{Required: will.Required}) {
		next := t.Pod
		will.Into(&next)
		switch {
		case next.Affinity == nil:
			spec["affinity"] = nil
		case next.Affinity.NodeAffinity == nil:
			spec["affinity"] = map[string]any{"nodeAffinity": nil}
		case will.Required == nil:
			spec["affinity"] = map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": nil}}
		default:
			spec["affinity"] = map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": will.Required}}
		}
	}
	var value any = spec
	for _, key := range slices.Backward(t.path) {
		value = map[string]any{key: value}
	}
	body := value.(map[string]any)
	metadata := map[string]any{}
	switch r := t.record(will); {
	case r != nil:
		metadata["annotations"] = map[string]any{AnnotationSelect: string(mustJSON(r))}
	case t.annotations[AnnotationSelect] != "":
		metadata["annotations"] = map[string]any{AnnotationSelect: nil}
	}
	if version {
		metadata["resourceVersion"] = t.version
	}
	if len(metadata) > 0 {
		body["metadata"] = metadata
	}
	return mustJSON(body)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // maps and structs of strings: it does not fail
		panic(err)
	}
	return b
}

// origin is how it chose nodes before select changed that; as it does now where
// select has not, or somebody else has since.
func (t *Template) origin() Placing {
	if r := t.Ours(); r != nil && r.After.Equal(t.Placing()) {
		return r.Before
	}
	return t.Placing()
}

// record is what the annotation is to say with another placing.
func (t *Template) record(will Placing) *Record {
	before := t.origin()
	if before.Equal(will) {
		return nil
	}
	return &Record{Before: before, After: will}
}

// Command is the kubectl command that does the same.
func (t *Template) Command(c *Choice) string {
	patch := strings.ReplaceAll(string(t.patch(c.Will, false)), "'", `'\''`)
	return fmt.Sprintf("kubectl patch %s %s -n %s --type merge -p '%s'", strings.ToLower(t.Kind), t.Name, t.Namespace, patch)
}
