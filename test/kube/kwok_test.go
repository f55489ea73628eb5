//go:build realparts

package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/test/kube/cluster"
	"github.com/winmatch/winmatch/test/parts"
)

// sourceText is a text of facts/source/errors.yaml.
type sourceText struct{ ID, Class, Component, Text, Code string }

func sourceTexts(t *testing.T) (list []sourceText) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts.Root, "facts", "source", "errors.yaml"))
	must(t, err)
	var file struct{ Errors []sourceText }
	must(t, yaml.Unmarshal(b, &file))
	list = file.Errors
	if len(list) < 70 {
		t.Fatalf("%d texts in errors.yaml", len(list))
	}
	return list
}

// TestTexts: pods that fail with the texts of errors.yaml, as kubelets would put
// them into statuses, on a node whose Windows is known and with images that say
// nothing by their names. What is a version problem is found; what only looks like
// one is not called one.
func TestTexts(t *testing.T) {
	ctx := t.Context()
	pool := map[string]string{"pool": "texts"}
	must(t, control.AddNode(ctx, cluster.Node{Name: "texts", Kernel: "10.0.17763.9245", OSImage: "Windows Server 2019 Datacenter", Labels: pool}))
	must(t, control.Namespace(ctx, "texts"))
	texts := sourceTexts(t)
	for _, x := range texts {
		reason := "RunContainerError"
		if strings.Contains(strings.ToLower(x.Text), "pull") || strings.Contains(x.Text, "manifest") {
			reason = "ErrImagePull"
		}
		name := strings.ToLower(x.ID)
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{cluster.RunsOn: "", cluster.Reason: reason, cluster.Message: x.Text}},
			Spec: corev1.PodSpec{NodeSelector: pool, Containers: []corev1.Container{{Name: "main", Image: "registry.example/" + name + ":1"}}}}
		_, err := control.Kube.CoreV1().Pods("texts").Create(ctx, p, metav1.CreateOptions{})
		must(t, err)
	}
	must(t, control.Until(ctx, "all pods fail", func() error {
		list, err := control.Kube.CoreV1().Pods("texts").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		n := 0
		for i := range list.Items {
			if len(list.Items[i].Status.ContainerStatuses) > 0 {
				n++
			}
		}
		if n != len(texts) {
			return fmt.Errorf("%d of %d do", n, len(texts))
		}
		return nil
	}))
	found := map[string]finding{}
	for _, f := range doctor(t, control.Kubeconfig, nil, 1, "--offline", "-n", "texts").Findings {
		found[f.Owner.Name] = f
	}
	// L02 and L04 are word for word texts of a mismatch: see diagnose.
	twins := map[string]bool{"L02": true, "L04": true}
	// T04 and T13 are cut off before their reason; T45 is BuildKit's, whose builder
	// may be another machine than the node.
	cut := map[string]bool{"T04": true, "T13": true, "T45": true}
	for _, x := range texts {
		f := found[strings.ToLower(x.ID)]
		var want []string
		switch x.Class {
		case "mismatch":
			if want = []string{"failed"}; cut[x.ID] {
				want = []string{"unknown"}
			}
		case "revision-skew", "2b":
			want = []string{"failed", "unknown"}
		case "ambiguous":
			want = []string{"unknown"}
		default:
			if want = []string{"unknown", "wrong-os"}; twins[x.ID] {
				want = []string{"failed"}
			}
		}
		if !slices.Contains(want, f.Code) {
			t.Errorf("%s, %s: %s: found %q, want %q: %s", x.ID, x.Class, x.Text, f.Code, want, f.Text)
		}
		for _, b := range f.Failures {
			if twins[x.ID] && (b.Confidence != "possible" || !strings.Contains(b.Otherwise, "a Linux one")) {
				t.Errorf("%s: %+v", x.ID, b)
			}
			if strings.Contains(b.Headline, "Windows Server 2019 (17763), is newer than the node, Windows Server 2019") {
				t.Errorf("%s: %s", x.ID, b.Headline)
			}
		}
	}
	must(t, control.Kube.CoreV1().Nodes().Delete(ctx, "texts", metav1.DeleteOptions{}))
}

// TestNodeLifecycle: of two nodes the kubelet of one falls silent. Kubernetes'
// controller marks it and taints it; doctor says that it is not ready, and still
// reckons with it, for it may come back.
func TestNodeLifecycle(t *testing.T) {
	ctx := t.Context()
	pool := map[string]string{"pool": "lifecycle"}
	for name, dead := range map[string]bool{"alive": false, "silent": true} {
		kernel := map[bool]string{false: "10.0.20348.5622", true: "10.0.17763.9245"}[dead]
		must(t, control.AddNode(ctx, cluster.Node{Name: name, Kernel: kernel, Labels: pool, Dead: dead}))
	}
	must(t, control.Namespace(ctx, "lifecycle"))
	d := deployment("lifecycle", "web", "mcr.microsoft.com/windows/nanoserver:ltsc2022", pool)
	d.Spec.Template.Annotations = map[string]string{cluster.RunsOn: "alive", cluster.Message: "The container operating system does not match the host operating system."}
	ready := func(name string) bool {
		n, err := control.Kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	}
	must(t, control.Until(ctx, "the silent node is not ready", func() error {
		n, err := control.Kube.CoreV1().Nodes().Get(ctx, "silent", metav1.GetOptions{})
		if err == nil && !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Key == corev1.TaintNodeUnreachable && t.Effect == corev1.TaintEffectNoSchedule
		}) {
			err = fmt.Errorf("its taints are %v", n.Spec.Taints)
		}
		return err
	}))
	if ready("silent") || !ready("alive") {
		t.Fatalf("silent ready: %t, alive ready: %t", ready("silent"), ready("alive"))
	}
	_, err := control.Kube.AppsV1().Deployments("lifecycle").Create(ctx, d, metav1.CreateOptions{})
	must(t, err)
	_, err = control.Pod(ctx, "lifecycle", "app=web", "runs", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning && p.Spec.NodeName == "alive" })
	must(t, err)
	r := doctor(t, control.Kubeconfig, nil, 1, "--offline", "-n", "lifecycle")
	for _, n := range r.Nodes {
		if n.Name == "alive" && !n.Ready || n.Name == "silent" && n.Ready {
			t.Errorf("%s: ready %t", n.Name, n.Ready)
		}
	}
	if len(r.Findings) != 1 || r.Findings[0].Code != "at-risk" {
		t.Errorf("found %+v", r.Findings)
	}
	must(t, control.Kube.AppsV1().Deployments("lifecycle").Delete(ctx, "web", metav1.DeleteOptions{}))
	for _, name := range []string{"alive", "silent"} {
		must(t, control.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}))
	}
}
