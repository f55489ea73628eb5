//go:build realparts

// Package kube_test holds kubectl-winmatch against a real control plane.
package kube_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/test/kube/cluster"
	"github.com/winmatch/winmatch/test/parts"
)

var (
	control *cluster.Cluster
	program string // kubectl-winmatch
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "winmatch-kube")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "kubectl-winmatch")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/kubectl-winmatch")
	build.Dir, build.Env = parts.Root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if control, err = cluster.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := control.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// A report is what the tests look at of doctor's JSON.
type report struct {
	Nodes []struct {
		Name     string
		Ready    bool
		Findings []struct{ Code, Text string }
	}
	Findings []finding
	Unseen   []struct{ Resource, Why string }
}

type finding struct {
	Code, Text string
	Owner      struct{ Kind, Namespace, Name string }
	Image      *struct{ Reference, Basis string }
	Failures   []struct {
		Confidence, Headline, Otherwise string
		Nodes                           []string
	}
}

// doctor runs `kubectl winmatch doctor -o json` and returns its answer.
func doctor(t *testing.T, kubeconfig string, env []string, want int, args ...string) (r report) {
	t.Helper()
	out, _ := winmatch(t, kubeconfig, env, want, append([]string{"doctor", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

// winmatch runs kubectl-winmatch through kubectl, as users do.
func winmatch(t *testing.T, kubeconfig string, env []string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(control.Kubectl, append([]string{"winmatch"}, args...)...)
	cmd.Env = append(append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH")), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("kubectl winmatch %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	return out.String(), errs.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startError is the message of Microsoft's page, as the kubelet of that time had it.
const startError = `failed to start container "fabrikamfiberweb": Error response from daemon: {"message":"container fabrikamfiberweb encountered an error during CreateContainer: failure in a Windows system call: The operating system of the container does not match the operating system of the host. (0xc0370101) extra info: {\"SystemType\":\"Container\",\"Name\":\"fabrikamfiberweb\",\"Owner\":\"docker\"}"}`

// deployment is one with a container of an image, kept to Windows nodes of a pool.
func deployment(namespace, name, image string, selector map[string]string) *appsv1.Deployment {
	one := int32(1)
	app := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: appsv1.DeploymentSpec{Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: app},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app},
				Spec: corev1.PodSpec{NodeSelector: selector, Containers: []corev1.Container{{Name: "fabrikamfiberweb", Image: image}}}}}}
}

// TestMicrosoftsExample is the example of Microsoft's page: two nodes, 14393.1715
// and 16299; a Deployment lands on the wrong one and fails. doctor says so; label
// and select mend it, the real scheduler places it right, and doctor is silent.
// https://learn.microsoft.com/en-us/virtualization/windowscontainers/deploy-containers/version-compatibility
func TestMicrosoftsExample(t *testing.T) {
	ctx := t.Context()
	registry := parts.NewRegistry(t, false)
	registry.Push(t, "fabrikamfiber.web", "latest", parts.Docker, []parts.Kid{parts.Windows("10.0.14393.1715", "10.0.14393.1715")})
	image := registry.Addr + "/fabrikamfiber.web:latest"
	env := []string{"SSL_CERT_FILE=" + registry.CA, "DOCKER_CONFIG=" + t.TempDir()}
	const right, wrong, name = "38519acs9010", "38519acs9011", "fabrikamfiber.web"
	pool := map[string]string{"example": "page"}
	for node, kernel := range map[string]string{
		right: "10.0 14393 (14393.1715.amd64fre.rs1_release_inmarket.170906-1810)",
		wrong: "10.0 16299 (16299.0.amd64fre.rs3_release.170922-1354)",
	} {
		must(t, control.AddNode(ctx, cluster.Node{Name: node, Kernel: kernel, Runtime: "docker://17.6.2", Labels: pool}))
		t.Cleanup(func() {
			must(t, control.Kube.CoreV1().Nodes().Delete(context.Background(), node, metav1.DeleteOptions{}))
		})
	}
	cordon := func(node string, yes bool) {
		t.Helper()
		_, err := control.Kube.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, yes), metav1.PatchOptions{})
		must(t, err)
	}
	must(t, control.Namespace(ctx, "plang"))
	account := map[string]string{}
	for _, verb := range []string{"doctor", "label", "select"} { // each verb with no more than its role
		file, err := control.Account(ctx, "example-"+verb, verb)
		must(t, err)
		account[verb] = file
	}
	say := func(want int, verb string, args ...string) {
		t.Helper()
		out, errs := winmatch(t, account[verb], env, want, append([]string{verb}, args...)...)
		t.Logf("$ kubectl winmatch %s %s\n%s%s", verb, strings.Join(args, " "), out, errs)
	}

	// It lands on the wrong one.
	cordon(right, true)
	d := deployment("plang", name, image, pool)
	d.Spec.Template.Annotations = map[string]string{cluster.RunsOn: right, cluster.Message: startError}
	_, err := control.Kube.AppsV1().Deployments("plang").Create(ctx, d, metav1.CreateOptions{})
	must(t, err)
	_, err = control.Pod(ctx, "plang", "app="+name, "fails on "+wrong, func(p *corev1.Pod) bool {
		return p.Spec.NodeName == wrong && len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].State.Waiting != nil
	})
	must(t, err)
	cordon(right, false)

	say(1, "doctor", "-n", "plang", "--insecure-registry")
	answer := doctor(t, account["doctor"], env, 1, "-n", "plang", "--insecure-registry")
	if len(answer.Unseen) > 0 {
		t.Errorf("the role of kube/rbac/doctor.yaml does not suffice: %+v", answer.Unseen)
	}
	if len(answer.Findings) != 1 {
		t.Fatalf("%d findings: %+v", len(answer.Findings), answer.Findings)
	}
	f := &answer.Findings[0]
	if f.Code != "failed" || f.Owner.Kind != "Deployment" || f.Owner.Namespace != "plang" || f.Owner.Name != name ||
		len(f.Failures) != 1 || len(f.Failures[0].Nodes) != 1 || f.Failures[0].Nodes[0] != wrong {
		t.Fatalf("found %+v", f)
	}

	// Nothing tells the nodes apart yet, so label comes first.
	c := one(t, account["select"], env, 1, "deploy", name, "-n", "plang", "--insecure-registry", "--apply")
	if !slices.Equal(c.Labels, []string{right}) || c.Applied || !slices.Equal(c.Add, []string{"nodeSelector " + osBuild + ": 14393.1715", "nodeSelector kubernetes.io/os: windows"}) {
		t.Errorf("select without labels: %+v", c)
	}
	say(3, "label", "-l", "example=page", "--apply") // 3: the page's 16299.0 has no revision
	hasLabels(t, right, map[string]string{"example": "page", osBuild: "14393.1715", runs + "14393.1715": "true", version: "10.0.14393.1715"})
	hasLabels(t, wrong, map[string]string{"example": "page", osBuild: "16299", runs + "16299": "true"})
	say(0, "select", "deploy/"+name, "-n", "plang", "--insecure-registry", "--apply")
	_, err = control.Pod(ctx, "plang", "app="+name, "runs on "+right+", alone", func(p *corev1.Pod) bool {
		list, err := control.Kube.CoreV1().Pods("plang").List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == 1 && p.Spec.NodeName == right && p.Status.Phase == corev1.PodRunning
	})
	must(t, err)
	if c = one(t, account["select"], env, 0, "deploy/"+name, "-n", "plang", "--insecure-registry", "--apply"); c.Applied || len(c.Add)+len(c.Remove) > 0 {
		t.Errorf("select, a second run: %+v", c)
	}

	say(1, "doctor", "-n", "plang", "--insecure-registry")
	answer = doctor(t, account["doctor"], env, 1, "-n", "plang", "--insecure-registry")
	for _, f := range answer.Findings {
		t.Errorf("found after it was mended: %+v", f)
	}
	ended := false // the node of version 1709 is out of support, which nothing mends
	for _, n := range answer.Nodes {
		for _, f := range n.Findings {
			ended = ended || n.Name == wrong && f.Code == "out-of-support"
		}
	}
	if !ended {
		t.Errorf("nodes: %+v", answer.Nodes)
	}
	must(t, control.Kube.AppsV1().Deployments("plang").Delete(ctx, d.Name, metav1.DeleteOptions{}))
}

// TestScheduler holds [kube.Spec.Admits] against the real scheduler: a pod that
// waits for a version that no node has, by the scheduler's own words.
func TestScheduler(t *testing.T) {
	ctx := t.Context()
	must(t, control.AddNode(ctx, cluster.Node{Name: "w22", Kernel: "10.0.20348.5622", OSImage: "Windows Server 2022 Datacenter",
		Labels: map[string]string{corev1.LabelWindowsBuild: "10.0.20348"}}))
	must(t, control.Namespace(ctx, "waits"))
	_, err := control.Kube.AppsV1().Deployments("waits").Create(ctx, deployment("waits", "old", "mcr.microsoft.com/windows/servercore:ltsc2019",
		map[string]string{corev1.LabelOSStable: "windows", corev1.LabelWindowsBuild: "10.0.17763"}), metav1.CreateOptions{})
	must(t, err)
	_, err = control.Pod(ctx, "waits", "app=old", "is unschedulable", func(p *corev1.Pod) bool {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable {
				return true
			}
		}
		return false
	})
	must(t, err)
	answer := doctor(t, control.Kubeconfig, nil, 1, "--offline", "-n", "waits")
	if len(answer.Findings) != 1 || answer.Findings[0].Code != "waiting" || answer.Findings[0].Owner.Kind != "Deployment" {
		t.Errorf("found %+v", answer.Findings)
	}
	must(t, control.Kube.CoreV1().Nodes().Delete(ctx, "w22", metav1.DeleteOptions{}))
}

// TestForbidden: what an account may not see is named.
func TestForbidden(t *testing.T) {
	account, err := control.Account(t.Context(), "nobody")
	must(t, err)
	answer := doctor(t, account, nil, 3, "--offline")
	seen := map[string]bool{}
	for _, u := range answer.Unseen {
		seen[u.Resource] = u.Why == "forbidden"
	}
	for _, r := range []string{"nodes", "pods", "events", "deployments", "replicasets", "jobs", "cronjobs", "daemonsets", "statefulsets", "runtimeclasses"} {
		if !seen[r] {
			t.Errorf("%s: %+v", r, answer.Unseen)
		}
	}
}

// TestRestart: a server that goes away and comes back is waited for.
func TestRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	control.StopServer()
	cmd := exec.CommandContext(ctx, program, "doctor", "--kubeconfig", control.Kubeconfig)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("is the server up?")) {
		t.Errorf("without a server: %v\n%s", err, out)
	}
	must(t, control.StartServer())
	doctor(t, control.Kubeconfig, nil, 0, "--offline", "-n", "default")
}

// TestPullSecret: a private registry is asked with the secret of the pod or of its
// service account, where they may be read, and what it says is used.
func TestPullSecret(t *testing.T) {
	ctx := t.Context()
	registry := parts.NewRegistry(t, true)
	registry.Push(t, "mine", "1", parts.Docker, []parts.Kid{parts.Windows("10.0.17763.9245", "10.0.17763.9245")})
	image := registry.Addr + "/mine:1"
	login, err := os.ReadFile(filepath.Join(parts.Login(t, registry.Addr, parts.Password), "config.json"))
	must(t, err)
	must(t, control.AddNode(ctx, cluster.Node{Name: "w22s", Kernel: "10.0.20348.5622", OSImage: "Windows Server 2022 Datacenter"}))
	t.Cleanup(func() {
		must(t, control.Kube.CoreV1().Nodes().Delete(context.Background(), "w22s", metav1.DeleteOptions{}))
	})
	must(t, control.Namespace(ctx, "private"))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pull"}, Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: login}}
	_, err = control.Kube.CoreV1().Secrets("private").Create(ctx, secret, metav1.CreateOptions{})
	must(t, err)
	d := deployment("private", "mine", image, map[string]string{corev1.LabelOSStable: "windows"})
	d.Spec.Template.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	_, err = control.Kube.AppsV1().Deployments("private").Create(ctx, d, metav1.CreateOptions{})
	must(t, err)
	_, err = control.Pod(ctx, "private", "app=mine", "is bound", func(p *corev1.Pod) bool { return p.Spec.NodeName != "" })
	must(t, err)

	env := []string{"SSL_CERT_FILE=" + registry.CA, "DOCKER_CONFIG=" + t.TempDir()}
	without, err := control.Account(ctx, "without-secrets", "doctor")
	must(t, err)
	r := doctor(t, without, env, 3, "-n", "private")
	if len(r.Findings) != 1 || r.Findings[0].Code != "unknown" {
		t.Errorf("without the secret: %+v", r.Findings)
	}
	with, err := control.Account(ctx, "with-secrets", "doctor", "pull-secrets")
	must(t, err)
	check := func(what string) {
		t.Helper()
		r := doctor(t, with, env, 1, "-n", "private")
		if len(r.Findings) != 1 || r.Findings[0].Code != "no-node" || r.Findings[0].Image == nil || r.Findings[0].Image.Basis != "registry" {
			t.Errorf("%s: %+v", what, r.Findings)
		}
	}
	check("with the pod's secret")

	_, err = control.Kube.CoreV1().ServiceAccounts("private").Patch(ctx, "default", types.MergePatchType, []byte(`{"imagePullSecrets":[{"name":"pull"}]}`), metav1.PatchOptions{})
	must(t, err)
	_, err = control.Kube.AppsV1().Deployments("private").Patch(ctx, "mine", types.MergePatchType, []byte(`{"spec":{"replicas":0,"template":{"spec":{"imagePullSecrets":null}}}}`), metav1.PatchOptions{})
	must(t, err)
	now := int64(0)
	must(t, control.Kube.CoreV1().Pods("private").DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{}))
	check("with the secret of the service account")
}
