//go:build realparts

package kube_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/test/kube/cluster"
	"github.com/winmatch/winmatch/test/parts"
)

// A simulation is what the tests look at of simulate's JSON.
type simulation struct {
	Summary   struct{ Broken int }
	Unseen    []struct{ Resource, Why string }
	Workloads []simulatedWorkload
}

type simulatedWorkload struct {
	Owner            struct{ Kind, Namespace, Name string }
	Outcome, Before  string
	Broken, LastNode bool
	Pods, Pending    int
	Text             string
	Places           []struct {
		Answer string
		Nodes  []string
	}
	Placements []struct{ Pod, Node string }
}

func (w *simulatedWorkload) String() string { return w.Owner.Kind + " " + w.Owner.Name }

// on is the predicted answer on a node; false where no pod was to come there.
func (w *simulatedWorkload) on(node string) (string, bool) {
	for _, p := range w.Places {
		if slices.Contains(p.Nodes, node) {
			return p.Answer, true
		}
	}
	return "", false
}

// TestSimulate simulates the upgrade of a pool, then does it: the node objects are
// replaced, the pods on them deleted, and the real controllers and the real
// scheduler make and place them anew. Each pod must be where it was said that it
// may be, or wait where it was said that it would; and whether its image runs on
// that node must be what `winmatch check` says of the node that is really there.
func TestSimulate(t *testing.T) {
	ctx := t.Context()
	const was, is = "10.0.17763.9245", "10.0.20348.5622"
	add := func(name, pool, kernel, image string, taints ...corev1.Taint) {
		t.Helper()
		n := cluster.Node{Name: name, Kernel: kernel, OSImage: image, Taints: taints, Labels: map[string]string{"pool": pool, "set": "upgrade"}}
		if kernel == "6.8.0" {
			n.OS = "linux"
		} else {
			n.Labels[corev1.LabelWindowsBuild] = kernel[:strings.LastIndexByte(kernel, '.')]
		}
		must(t, control.AddNode(ctx, n))
	}
	const w19, w22 = "Windows Server 2019 Datacenter", "Windows Server 2022 Datacenter"
	poolA := []string{"a1", "a2", "a3", "a4"}
	for _, name := range poolA {
		add(name, "a", was, w19)
	}
	add("b1", "b", is, w22)
	add("b2", "b", is, w22)
	add("c1", "c", is, w22, corev1.Taint{Key: "only", Effect: corev1.TaintEffectNoSchedule})
	add("p1", "p", is, w22, corev1.Taint{Key: "only", Effect: corev1.TaintEffectNoSchedule})
	add("l1", "l", "6.8.0", "Ubuntu 24.04")
	t.Cleanup(func() {
		ctx := context.Background()
		applied(t, "delete", "-f", "testdata/simulate.yaml", "--wait=false", "--grace-period=0", "--force", "--ignore-not-found")
		must(t, control.Kube.CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "set=upgrade"}))
	})
	ready(t)
	applied(t, "apply", "-f", "testdata/simulate.yaml")
	settled(t, func(pods map[string][]corev1.Pod) error { return placed(pods, nil) })

	account, err := control.Account(ctx, "simulate", "simulate")
	must(t, err)
	out, _ := winmatch(t, account, nil, 1, "simulate", "--offline", "--node-pool", "pool=a", "--to", is, "-n", "upgrade", "-o", "json")
	var answer simulation
	must(t, json.Unmarshal([]byte(out), &answer))
	if len(answer.Unseen) > 0 {
		t.Errorf("the role of kube/rbac/simulate.yaml does not suffice: %+v", answer.Unseen)
	}
	predicted := map[string]*simulatedWorkload{}
	for i := range answer.Workloads {
		w := &answer.Workloads[i]
		predicted[w.Owner.Name] = w
	}
	for name, want := range map[string]string{"web": "fails broken last", "any": "runs", "mixed": "fails broken last", "fits": "runs", "moved": "runs", "db": "pending broken last", "every": "runs",
		"old": "no-nodes broken last", "new": "runs", "agent": "fails broken last", "big": "pending", "apart": "pending", "near": "fails broken last", "spread": "runs", "tolerant": "runs",
		"class": "pending broken last", "linux": "runs", "ports": "pending", "disk": "runs", "job": "fails broken last", "night": "fails broken last", "vip": "runs", "low": "pending broken", "pinned": "fails broken last", "shy": "runs", "bare": "lost broken"} {
		w := predicted[name]
		if w == nil {
			t.Errorf("nothing is said of %s", name)
			continue
		}
		got := w.Outcome
		if w.Broken {
			got += " broken"
		}
		if w.LastNode {
			got += " last"
		}
		if got != want {
			t.Errorf("%s: %s, want %s: %s (before: %s)", w, got, want, w.Text, w.Before)
		}
	}

	// The same upgrade, really.
	for _, name := range poolA {
		must(t, control.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}))
		add(name, "a", is, w22)
	}
	ready(t)
	list, err := control.Kube.CoreV1().Pods("upgrade").List(ctx, metav1.ListOptions{})
	must(t, err)
	now := int64(0)
	for _, p := range list.Items {
		if slices.Contains(poolA, p.Spec.NodeName) {
			_ = control.Kube.CoreV1().Pods("upgrade").Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		}
	}
	pods := settled(t, func(pods map[string][]corev1.Pod) error { return placed(pods, predicted) })
	checked := verdicts(t, pods)
	count := 0
	for name, list := range pods {
		w := predicted[name]
		for _, p := range list {
			count++
			if p.Spec.NodeName == "" {
				continue // counted by placed
			}
			got := checked[p.Name]
			if said, _ := w.on(p.Spec.NodeName); said != got && !strings.HasPrefix(p.Spec.NodeName, "l") {
				t.Errorf("%s on %s: %s was predicted, and it is %s", p.Name, p.Spec.NodeName, said, got)
			}
		}
	}
	t.Logf("%d pods of %d workloads are as predicted", count, len(pods))
	if count < 40 {
		t.Errorf("%d pods only", count)
	}
	again, _ := winmatch(t, account, nil, 0, "simulate", "--offline", "--node-pool", "pool=a", "--to", is, "-n", "upgrade", "-o", "json")
	answer = simulation{}
	must(t, json.Unmarshal([]byte(again), &answer))
	for _, w := range answer.Workloads { // all that broke is broken already; the second time breaks nothing
		if w.Broken {
			t.Errorf("it breaks once more: %s %s: %s", &w, w.Outcome, w.Text)
		}
	}
}

// placed reports whether pods are where they may be: the controllers have made all
// of them, and each is bound or unschedulable; and, where there is a prediction, on
// nodes that it names, and as many without a node as it says.
func placed(pods map[string][]corev1.Pod, predicted map[string]*simulatedWorkload) error {
	want := map[string]int{"web": 3, "any": 3, "mixed": 2, "fits": 2, "moved": 2, "db": 1, "big": 5, "apart": 7, "near": 2, "spread": 4, "tolerant": 1, "class": 1,
		"linux": 2, "ports": 5, "disk": 1, "job": 2, "every": 6, "old": 4, "new": 2, "vip": 1, "low": 1, "pinned": 1, "shy": 4, "agent": 6, "bare": 1}
	if predicted == nil {
		want["db"] = 1 // the first must run before the second is made
	} else {
		want["old"], want["new"], want["bare"] = 0, 6, 0
	}
	for name, n := range want {
		if len(pods[name]) != n {
			return fmt.Errorf("%s has %d pods, not %d", name, len(pods[name]), n)
		}
	}
	for name, list := range pods {
		waiting := 0
		for _, p := range list {
			if p.Spec.NodeName == "" {
				if !slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
					return c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable
				}) {
					return fmt.Errorf("%s is not scheduled yet", p.Name)
				}
				waiting++
			} else if predicted != nil {
				if _, ok := predicted[name].on(p.Spec.NodeName); !ok {
					return fmt.Errorf("%s is on %s, which was not predicted: %+v", p.Name, p.Spec.NodeName, predicted[name].Places)
				}
			}
		}
		if predicted != nil && waiting != predicted[name].Pending {
			return fmt.Errorf("%d pods of %s wait, and %d were predicted", waiting, name, predicted[name].Pending)
		}
	}
	return nil
}

// settled waits until the pods of the test fulfil a condition, and go on to.
func settled(t *testing.T, ok func(map[string][]corev1.Pod) error) (pods map[string][]corev1.Pod) {
	t.Helper()
	good := 0
	var err error
	for range 240 {
		list, e := control.Kube.CoreV1().Pods("upgrade").List(t.Context(), metav1.ListOptions{})
		must(t, e)
		pods = map[string][]corev1.Pod{}
		for _, p := range list.Items {
			if p.DeletionTimestamp != nil { // there is no kubelet that would end it
				now := int64(0)
				_ = control.Kube.CoreV1().Pods("upgrade").Delete(t.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
				continue
			}
			pods[p.Labels["app"]] = append(pods[p.Labels["app"]], p)
		}
		if err = ok(pods); err == nil {
			if good++; good == 8 {
				return pods
			}
		} else {
			good = 0
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

// ready waits until the taints of new nodes are gone.
func ready(t *testing.T) {
	t.Helper()
	for range 240 {
		list, err := control.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "set=upgrade"})
		must(t, err)
		if !slices.ContainsFunc(list.Items, func(n corev1.Node) bool {
			return slices.ContainsFunc(n.Spec.Taints, func(x corev1.Taint) bool { return x.Key == corev1.TaintNodeNotReady })
		}) {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatal("the new nodes are not ready")
}

func applied(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(context.Background(), control.Kubectl, append([]string{"--kubeconfig", control.Kubeconfig}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// verdicts are the answers of `winmatch check` for the images of pods on their
// nodes, by the pods' names.
func verdicts(t *testing.T, pods map[string][]corev1.Pod) map[string]string {
	t.Helper()
	check := filepath.Join(t.TempDir(), "winmatch")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", check, "./cmd/winmatch")
	build.Dir = parts.Root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answers, known := map[string]string{}, map[[3]string]string{}
	for _, list := range pods {
		for _, p := range list {
			if p.Spec.NodeName == "" {
				continue
			}
			n, err := control.Kube.CoreV1().Nodes().Get(t.Context(), p.Spec.NodeName, metav1.GetOptions{})
			must(t, err)
			info, image := n.Status.NodeInfo, p.Spec.Containers[0].Image
			if info.OperatingSystem != "windows" {
				continue
			}
			key := [3]string{image, info.KernelVersion, fmt.Sprint(info.ContainerRuntimeVersion, p.Spec.HostNetwork)}
			if known[key] == "" {
				args := []string{"check", image, "--offline", "--kubernetes", "--host", "OS Image: " + info.OSImage + "\nKernel Version: " + info.KernelVersion,
					"--runtime", strings.Replace(info.ContainerRuntimeVersion, "://", "@", 1), "-o", "json"}
				if p.Spec.HostNetwork { // the HostProcess one
					args = append(args, "--hostprocess")
				}
				out, _ := exec.CommandContext(t.Context(), check, args...).Output()
				var v struct{ Results []struct{ Answer string } }
				if err := json.Unmarshal(out, &v); err != nil || len(v.Results) != 1 {
					t.Fatalf("winmatch check %s: %v\n%s", image, err, out)
				}
				known[key] = v.Results[0].Answer
			}
			answers[p.Name] = known[key]
		}
	}
	return answers
}
