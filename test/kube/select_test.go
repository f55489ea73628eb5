//go:build realparts

package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/test/kube/cluster"
)

// choice is what the tests look at of select's JSON.
type choice struct {
	Kind, Name              string
	Add, Remove             []string
	Stay, Labels            []string
	Strands, Unknown, Aside string
	Source, Error           string
	Applied                 bool
}

// choose runs `kubectl winmatch select -o json` and returns its answer.
func choose(t *testing.T, kubeconfig string, env []string, want int, args ...string) []choice {
	t.Helper()
	out, _ := winmatch(t, kubeconfig, env, want, append([]string{"select", "-o", "json"}, args...)...)
	var r struct{ Workloads []choice }
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r.Workloads
}

// one is the answer about one workload.
func one(t *testing.T, kubeconfig string, env []string, want int, args ...string) choice {
	t.Helper()
	list := choose(t, kubeconfig, env, want, args...)
	if len(list) != 1 {
		t.Fatalf("%d answers: %+v", len(list), list)
	}
	return list[0]
}

// TestSelectKinds: every kind of workload, as the real server takes its patch, and
// what it does not take.
func TestSelectKinds(t *testing.T) {
	ctx := t.Context()
	pool := map[string]string{"pool": "kinds"}
	for name, kernel := range map[string]string{"k19": "10.0.17763.9245", "k22": "10.0.20348.5622", "k25": "10.0.26100.33296"} {
		build := strings.Join(strings.Split(kernel, ".")[:3], ".")
		must(t, control.AddNode(ctx, cluster.Node{Name: name, Kernel: kernel, Runtime: "containerd://2.4.2", Labels: map[string]string{"pool": "kinds", corev1.LabelWindowsBuild: build}}))
		t.Cleanup(func() {
			must(t, control.Kube.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{}))
		})
	}
	const ns = "selkinds"
	must(t, control.Namespace(ctx, ns))
	t.Cleanup(func() { // their pods stay on nodes that are gone
		must(t, control.Kube.CoreV1().Namespaces().Delete(context.Background(), ns, metav1.DeleteOptions{}))
	})
	account, err := control.Account(ctx, "select-kinds", "select")
	must(t, err)
	const servercore = "mcr.microsoft.com/windows/servercore:ltsc2022"
	d := deployment(ns, "web", servercore, pool)
	d.Labels = map[string]string{"tier": "front", "app.kubernetes.io/managed-by": "Helm"}
	d.Annotations = map[string]string{"meta.helm.sh/release-name": "shop"}
	none := int32(0)
	d.Spec.Replicas = &none
	_, err = control.Kube.AppsV1().Deployments(ns).Create(ctx, d, metav1.CreateOptions{})
	must(t, err)
	s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: ns}, Spec: appsv1.StatefulSetSpec{Replicas: &none, Selector: d.Spec.Selector, ServiceName: "db", Template: d.Spec.Template}}
	s.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "kinds", "beta.kubernetes.io/os": "windows", corev1.LabelWindowsBuild: "10.0.17763"}
	_, err = control.Kube.AppsV1().StatefulSets(ns).Create(ctx, s, metav1.CreateOptions{})
	must(t, err)
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "log", Namespace: ns, Labels: map[string]string{"tier": "front"}}, Spec: appsv1.DaemonSetSpec{Selector: d.Spec.Selector, Template: d.Spec.Template}}
	set.Spec.Template.Spec.NodeSelector = nil
	set.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
		{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool", Operator: corev1.NodeSelectorOpIn, Values: []string{"kinds"}}}},
		{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{"k19"}}}},
	}}}}
	_, err = control.Kube.AppsV1().DaemonSets(ns).Create(ctx, set, metav1.CreateOptions{})
	must(t, err)
	template := d.Spec.Template
	template.Labels = nil
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	yes := true
	cron := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: "night", Namespace: ns}, Spec: batchv1.CronJobSpec{Schedule: "0 3 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}}}
	_, err = control.Kube.BatchV1().CronJobs(ns).Create(ctx, cron, metav1.CreateOptions{})
	must(t, err)
	for name, suspend := range map[string]*bool{"held": &yes, "runs": nil} {
		_, err = control.Kube.BatchV1().Jobs(ns).Create(ctx, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Spec: batchv1.JobSpec{Suspend: suspend, Template: template}}, metav1.CreateOptions{})
		must(t, err)
	}
	for name, gates := range map[string][]corev1.PodSchedulingGate{"gated": {{Name: "example.com/wait"}}, "bare": nil} {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Spec: *template.Spec.DeepCopy()}
		p.Spec.SchedulingGates = gates
		_, err = control.Kube.CoreV1().Pods(ns).Create(ctx, p, metav1.CreateOptions{})
		must(t, err)
	}

	// The Deployment's first revision is there before its second.
	must(t, control.Until(ctx, "the first revision", func() error {
		list, err := control.Kube.AppsV1().ReplicaSets(ns).List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) == 0 {
			err = errors.New("no ReplicaSet")
		}
		return err
	}))

	// What may be changed, kind by kind, in kubectl's ways to say which.
	affinity := "affinity node.kubernetes.io/windows-build In (10.0.20348, 10.0.26100)"
	for _, c := range []struct {
		args []string
		add  []string
		drop []string
	}{
		{[]string{"deploy/web"}, []string{"nodeSelector kubernetes.io/os: windows", affinity}, nil},
		{[]string{"sts", "db"}, []string{"nodeSelector kubernetes.io/os: windows", affinity}, []string{"nodeSelector beta.kubernetes.io/os: windows", "nodeSelector node.kubernetes.io/windows-build: 10.0.17763"}},
		{[]string{"daemonsets", "-l", "tier=front"}, []string{"nodeSelector kubernetes.io/os: windows", affinity + " (term 1)", affinity + " (term 2)"}, nil},
		{[]string{"cronjobs.v1.batch", "--all"}, []string{"nodeSelector kubernetes.io/os: windows", affinity}, nil},
		{[]string{"job/held"}, []string{"nodeSelector kubernetes.io/os: windows", affinity}, nil},
		{[]string{"pod", "gated"}, []string{"nodeSelector kubernetes.io/os: windows", affinity}, nil},
	} {
		args := append(slices.Clone(c.args), "-n", ns, "--offline")
		plan := one(t, account, nil, 1, args...)
		if plan.Applied || !slices.Equal(plan.Add, c.add) || !slices.Equal(plan.Remove, c.drop) || !slices.Equal(plan.Stay, []string{"k22", "k25"}) {
			t.Errorf("%s: %+v", c.args, plan)
		}
		if done := one(t, account, nil, 0, append(args, "--apply")...); !done.Applied {
			t.Errorf("%s: %+v", c.args, done)
		}
		if again := one(t, account, nil, 0, append(args, "--apply")...); again.Applied || len(again.Add)+len(again.Remove) > 0 {
			t.Errorf("%s: a second run: %+v", c.args, again)
		}
		if plan.Name == "web" && plan.Source != "Helm (release shop)" {
			t.Errorf("%s: made by %q", c.args, plan.Source)
		}
	}

	// The DaemonSet's controller and the scheduler leave k19 out.
	now := int64(0)
	must(t, control.Kube.CoreV1().Pods(ns).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{LabelSelector: "app=web"}))
	deadline := time.Now().Add(30 * time.Second)
	for {
		pods, err := control.Kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		must(t, err)
		var on []string
		for _, p := range pods.Items {
			on = append(on, p.Spec.NodeName)
		}
		slices.Sort(on)
		if slices.Equal(on, []string{"k22", "k25"}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the DaemonSet's pods are on %q", on)
		}
		time.Sleep(100 * time.Millisecond)
	}
	// The gated pod is placed right once its gate is gone.
	_, err = control.Kube.CoreV1().Pods(ns).Patch(ctx, "gated", types.MergePatchType, []byte(`{"spec":{"schedulingGates":null}}`), metav1.PatchOptions{})
	must(t, err)
	for {
		p, err := control.Kube.CoreV1().Pods(ns).Get(ctx, "gated", metav1.GetOptions{})
		must(t, err)
		if on := p.Spec.NodeName; on == "k22" || on == "k25" {
			break
		} else if on != "" || time.Now().After(deadline) {
			t.Fatalf("the gated pod is on %q", on)
		}
		time.Sleep(100 * time.Millisecond)
	}

	// What may not.
	for what, text := range map[string]string{"job/runs": "a Job that is not suspended cannot be changed", "pod/bare": "cannot be changed, unless a scheduling gate holds it"} {
		if c := one(t, account, nil, 1, what, "-n", ns, "--offline", "--apply"); c.Applied || !strings.Contains(c.Error, text) {
			t.Errorf("%s: %+v", what, c)
		}
	}
	if out, _ := winmatch(t, account, nil, 1, "select", "pod/bare", "-n", ns, "--offline"); !strings.Contains(out, "unless a scheduling gate holds it") {
		t.Errorf("without --apply:\n%s", out)
	}
	list, err := control.Kube.AppsV1().ReplicaSets(ns).List(ctx, metav1.ListOptions{})
	must(t, err)
	owned := list.Items[slices.IndexFunc(list.Items, func(r appsv1.ReplicaSet) bool { return r.Spec.Template.Spec.Affinity == nil })].Name // of the first revision
	if c := one(t, account, nil, 1, "rs", owned, "-n", ns, "--offline", "--apply"); c.Applied || !strings.Contains(c.Error, "it belongs to Deployment web") {
		t.Errorf("a ReplicaSet: %+v", c)
	}
	_, stderr := winmatch(t, account, nil, 2, "select", "deploy/nobody", "-n", ns, "--offline")
	if !strings.Contains(stderr, `deployments.apps "nobody" not found`) {
		t.Errorf("not there: %s", stderr)
	}

	// Undone, the server has what it had.
	c := one(t, account, nil, 0, "sts/db", "-n", ns, "--undo", "--apply")
	back, err := control.Kube.AppsV1().StatefulSets(ns).Get(ctx, "db", metav1.GetOptions{})
	must(t, err)
	if !c.Applied || len(back.Annotations) > 0 || back.Spec.Template.Spec.Affinity != nil || fmt.Sprint(back.Spec.Template.Spec.NodeSelector) != fmt.Sprint(s.Spec.Template.Spec.NodeSelector) {
		t.Errorf("undone: %+v, %+v %v", c, back.Spec.Template.Spec.NodeSelector, back.Spec.Template.Spec.Affinity)
	}

	// Without the role it says which one is missing.
	nobody, err := control.Account(ctx, "select-nobody")
	must(t, err)
	if _, stderr := winmatch(t, nobody, nil, 2, "select", "deploy/web", "-n", ns); !strings.Contains(stderr, "kube/rbac/select.yaml") {
		t.Errorf("without a role: %s", stderr)
	}
}

// TestSelectConflict: what others change meanwhile is not overwritten.
func TestSelectConflict(t *testing.T) {
	ctx := t.Context()
	const ns = "selbusy"
	must(t, control.Namespace(ctx, ns))
	must(t, control.AddNode(ctx, cluster.Node{Name: "busy22", Kernel: "10.0.20348.5622", Labels: map[string]string{corev1.LabelWindowsBuild: "10.0.20348"}}))
	t.Cleanup(func() {
		must(t, control.Kube.CoreV1().Nodes().Delete(context.Background(), "busy22", metav1.DeleteOptions{}))
	})
	d := deployment(ns, "web", "mcr.microsoft.com/windows/servercore:ltsc2022", nil)
	none := int32(0)
	d.Spec.Replicas = &none
	_, err := control.Kube.AppsV1().Deployments(ns).Create(ctx, d, metav1.CreateOptions{})
	must(t, err)
	ctx, stop := context.WithCancel(ctx)
	last, done := 0, make(chan struct{})
	go func() { // somebody else, all the time
		defer close(done)
		for i := 1; ctx.Err() == nil; i++ {
			_, err := control.Kube.AppsV1().Deployments(ns).Patch(ctx, "web", types.MergePatchType, fmt.Appendf(nil, `{"spec":{"template":{"spec":{"nodeSelector":{"others":"%d"}}}}}`, i), metav1.PatchOptions{})
			if err == nil {
				last = i
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	c := one(t, control.Kubeconfig, nil, 1, "deploy/web", "-n", ns, "--offline", "--apply", "--force")
	stop()
	<-done
	now, err := control.Kube.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	must(t, err)
	got := now.Spec.Template.Spec.NodeSelector
	if !c.Applied || got[corev1.LabelWindowsBuild] != "10.0.20348" || got["others"] != fmt.Sprint(last) && got["others"] != fmt.Sprint(last+1) {
		t.Errorf("%+v, %d, %v", c, last, got)
	}
}
