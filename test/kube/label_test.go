//go:build realparts

package kube_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/test/kube/cluster"
)

// The labels of this project, as users type them.
const (
	osBuild = "beta.kubernetes.io/osbuild"
	version = "winmatch.github.io/version"
	runs    = "winmatch.github.io/runs-"
)

// labelled is what the tests look at of label's JSON.
type labelled struct {
	Nodes []struct {
		Node            string
		Set, Was        map[string]string
		Remove, Release []string
		Held            []struct {
			Label, Value, Wanted, Lie string
			Managers                  []string
			Taken                     bool
		}
		Unknown, Command, Error string
		Applied, Gone           bool
	}
}

// label runs `kubectl winmatch label -o json` and returns its answer.
func label(t *testing.T, kubeconfig string, want int, args ...string) (l labelled) {
	t.Helper()
	out, _ := winmatch(t, kubeconfig, nil, want, append([]string{"label", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return l
}

// addNodes makes nodes of a pool, which end with the test.
func addNodes(t *testing.T, pool string, nodes ...cluster.Node) {
	t.Helper()
	for _, n := range nodes {
		labels := map[string]string{"pool": pool}
		maps.Copy(labels, n.Labels)
		n.Labels = labels
		must(t, control.AddNode(t.Context(), n))
		t.Cleanup(func() {
			if err := control.Kube.CoreV1().Nodes().Delete(context.Background(), n.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
}

func getNode(t *testing.T, name string) *corev1.Node {
	t.Helper()
	n, err := control.Kube.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	return n
}

// hasLabels holds the labels of a node against those it should have, those left out
// that it was made with.
func hasLabels(t *testing.T, name string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for k, v := range getNode(t, name).Labels {
		if k != "pool" && !strings.HasPrefix(k, "kubernetes.io/") && k != "beta.kubernetes.io/os" && k != "beta.kubernetes.io/arch" {
			got[k] = v
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s has %v, want %v", name, got, want)
	}
}

// kernel is what a kubelet says after an upgrade.
func kernel(t *testing.T, name, version string) {
	t.Helper()
	_, err := control.Kube.CoreV1().Nodes().Patch(t.Context(), name, types.StrategicMergePatchType, fmt.Appendf(nil, `{"status":{"nodeInfo":{"kernelVersion":%q}}}`, version), metav1.PatchOptions{}, "status")
	must(t, err)
}

// kubectl runs the real kubectl as the administrator.
func kubectl(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), control.Kubectl, append([]string{"--kubeconfig", control.Kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestLabel: under the minimal role nodes get their labels, once; the scheduler
// places a pod by them; a node that was upgraded is labelled anew; --undo takes
// away what is ours.
func TestLabel(t *testing.T) {
	ctx := t.Context()
	account, err := control.Account(ctx, "label", "label")
	must(t, err)
	addNodes(t, "label",
		cluster.Node{Name: "l16", Kernel: "10.0 14393 (14393.1715.amd64fre.rs1_release_inmarket.170906-1810)", Runtime: "docker://17.6.2"},
		cluster.Node{Name: "l19", Kernel: "10.0.17763.9245", OSImage: "Windows Server 2019 Datacenter"},
		cluster.Node{Name: "l22", Kernel: "10.0.20348.5622", OSImage: "Windows Server 2022 Datacenter", Labels: map[string]string{corev1.LabelWindowsBuild: "10.0.20348", "mine": "1"}},
		cluster.Node{Name: "l25", Kernel: "10.0.26100.33158", OSImage: "Windows Server 2025 Datacenter", Runtime: "containerd://2.3.5"},
		cluster.Node{Name: "lx", OS: "linux", Kernel: "6.12.0", OSImage: "Debian GNU/Linux 13"},
		cluster.Node{Name: "lu", Kernel: "unknown"},
	)
	names := []string{"l16", "l19", "l22", "l25", "lx", "lu"}
	for _, name := range names { // what the controller manager changes at a new node
		for {
			n := getNode(t, name)
			if n.Annotations[corev1.ObjectTTLAnnotationKey] != "" && n.Labels["beta.kubernetes.io/os"] != "" && n.Labels["beta.kubernetes.io/arch"] != "" && len(n.Spec.Taints) == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	versions := func() (list []string) {
		for _, name := range names {
			list = append(list, getNode(t, name).ResourceVersion)
		}
		return list
	}
	before := versions()
	planned := label(t, account, 1, "-l", "pool=label")
	if now := versions(); !slices.Equal(now, before) {
		t.Errorf("changed without --apply: %v, then %v", before, now)
	}
	l := label(t, account, 3, "-l", "pool=label", "--apply")
	for i, n := range l.Nodes {
		if (n.Node == "lu") != (n.Unknown != "") || n.Applied == (n.Node == "lu") || n.Node == "lx" || n.Command != planned.Nodes[i].Command {
			t.Errorf("%+v", n)
		}
	}
	all := map[string]map[string]string{
		"l16": {osBuild: "14393.1715", version: "10.0.14393.1715", runs + "14393.1715": "true"},
		"l19": {osBuild: "17763", version: "10.0.17763.9245", runs + "17763": "true"},
		"l22": {osBuild: "20348", version: "10.0.20348.5622", runs + "20348": "true", corev1.LabelWindowsBuild: "10.0.20348", "mine": "1"},
		"l25": {osBuild: "26100", version: "10.0.26100.33158", runs + "20348": "true", runs + "26100": "true"},
		"lx":  {}, "lu": {},
	}
	for name, want := range all {
		hasLabels(t, name, want)
	}
	before = versions()
	out, _ := winmatch(t, account, nil, 0, "label", "l16", "l19", "l22", "l25", "lx", "--apply")
	if now := versions(); !slices.Equal(now, before) || out != "4 nodes have the right labels\n" {
		t.Errorf("the second time: %v, then %v\n%s", before, now, out)
	}

	// The scheduler knows them.
	must(t, control.Namespace(ctx, "labels"))
	one := func(name, image string, selector map[string]string, node string) {
		t.Helper()
		_, err := control.Kube.AppsV1().Deployments("labels").Create(ctx, deployment("labels", name, image, selector), metav1.CreateOptions{})
		must(t, err)
		_, err = control.Pod(ctx, "labels", "app="+name, "is bound to "+node, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
		must(t, err)
	}
	one("core19", "mcr.microsoft.com/windows/servercore:ltsc2019", map[string]string{runs + "17763": "true"}, "l19")
	one("core16", "mcr.microsoft.com/windows/servercore:10.0.14393.1715", map[string]string{runs + "14393.1715": "true"}, "l16")
	one("core22", "mcr.microsoft.com/windows/servercore:ltsc2022", map[string]string{runs + "20348": "true", osBuild: "26100"}, "l25")

	// An upgrade.
	kernel(t, "l19", "10.0.20348.5622")
	stale := func(exit int) (yes bool) {
		for _, n := range doctor(t, control.Kubeconfig, nil, exit, "--offline", "-n", "default").Nodes {
			for _, f := range n.Findings {
				yes = yes || n.Name == "l19" && f.Code == "label-stale" && strings.Contains(f.Text, "kubectl winmatch label l19 --apply")
			}
		}
		return yes
	}
	if !stale(1) {
		t.Error("doctor does not say that the labels of l19 are stale")
	}
	label(t, account, 1, "l19")
	label(t, account, 0, "l19", "--apply")
	if stale(3) { // what lu is stays unknown
		t.Error("doctor says that the new labels of l19 are stale")
	}
	hasLabels(t, "l19", map[string]string{osBuild: "20348", version: "10.0.20348.5622", runs + "20348": "true"})

	// What others have set stays, and what was ours goes.
	kubectl(t, "label", "node", "l22", "theirs=1")
	kubectl(t, "label", "node", "l25", "--overwrite", osBuild+"=10.0.26100")
	must(t, sh(t, label(t, account, 1, "l16", "--undo").Nodes[0].Command)) // the command that is printed does the same
	hasLabels(t, "l16", map[string]string{})
	label(t, account, 0, "-l", "pool=label", "--undo", "--apply")
	hasLabels(t, "l19", map[string]string{})
	hasLabels(t, "l22", map[string]string{corev1.LabelWindowsBuild: "10.0.20348", "mine": "1", "theirs": "1"})
	hasLabels(t, "l25", map[string]string{osBuild: "10.0.26100"})
	before = versions()
	if l := label(t, account, 0, "--undo", "--apply"); len(l.Nodes) > 0 || !slices.Equal(versions(), before) {
		t.Errorf("undone twice: %+v", l)
	}
	must(t, sh(t, label(t, account, 1, "l16").Nodes[0].Command))
	hasLabels(t, "l16", all["l16"])
	label(t, account, 0, "l16", "--undo", "--apply") // it was ours, whoever has typed it
	hasLabels(t, "l16", map[string]string{})
	must(t, control.Kube.CoreV1().Namespaces().Delete(ctx, "labels", metav1.DeleteOptions{}))
}

// sh runs a command that label has printed, as the administrator, with the real
// kubectl.
func sh(t *testing.T, command string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+control.Kubeconfig, "PATH="+t.TempDir()+":"+os.Getenv("PATH"))
	dir := strings.TrimPrefix(strings.Split(cmd.Env[len(cmd.Env)-1], ":")[0], "PATH=")
	if err := os.Symlink(control.Kubectl, filepath.Join(dir, "kubectl")); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

// TestLabelOfOthers: a label that another manager has set is named and stays, unless
// it is taken over; what is ours in common stays for the other.
func TestLabelOfOthers(t *testing.T) {
	account, err := control.Account(t.Context(), "label-others", "label")
	must(t, err)
	addNodes(t, "others", cluster.Node{Name: "others", Kernel: "10.0.17763.9245", OSImage: "Windows Server 2019 Datacenter"})
	kubectl(t, "label", "node", "others", osBuild+"=16299")
	kubectl(t, "label", "node", "others", runs+"17763=true", "--field-manager=helm")

	l := label(t, account, 1, "others", "--apply")
	n := &l.Nodes[0]
	if len(n.Held) != 1 || n.Held[0].Label != osBuild || n.Held[0].Value != "16299" || n.Held[0].Wanted != "17763" || n.Held[0].Lie == "" ||
		!slices.Equal(n.Held[0].Managers, []string{"kubectl-label"}) || n.Held[0].Taken || !n.Applied {
		t.Errorf("%+v", n)
	}
	hasLabels(t, "others", map[string]string{osBuild: "16299", version: "10.0.17763.9245", runs + "17763": "true"})
	before := getNode(t, "others").ResourceVersion
	label(t, account, 1, "others", "--apply")
	if now := getNode(t, "others").ResourceVersion; now != before {
		t.Errorf("the second time: %s, then %s", before, now)
	}
	if l := label(t, account, 0, "others", "--apply", "--force"); !l.Nodes[0].Applied || !l.Nodes[0].Held[0].Taken {
		t.Errorf("%+v", l)
	}
	hasLabels(t, "others", map[string]string{osBuild: "17763", version: "10.0.17763.9245", runs + "17763": "true"})

	// helm has set what it runs too: after an upgrade that lies, and is not ours to
	// take away.
	kernel(t, "others", "10.0.20348.5622")
	l = label(t, account, 1, "others", "--apply")
	if n := &l.Nodes[0]; !slices.Equal(n.Release, []string{runs + "17763"}) || len(n.Held) != 1 || n.Held[0].Lie == "" || !slices.Equal(n.Held[0].Managers, []string{"helm"}) {
		t.Errorf("%+v", n)
	}
	hasLabels(t, "others", map[string]string{osBuild: "20348", version: "10.0.20348.5622", runs + "17763": "true", runs + "20348": "true"})
	label(t, account, 0, "others", "--undo", "--apply")
	hasLabels(t, "others", map[string]string{runs + "17763": "true"})
}

// TestLabelFaults: what happens to nodes, and to the server, between the plan and
// the change.
func TestLabelFaults(t *testing.T) {
	ctx := t.Context()
	account, err := control.Account(ctx, "label-faults", "label")
	must(t, err)
	config, err := clientcmd.BuildConfigFromFlags("", account)
	must(t, err)
	k, err := kubernetes.NewForConfig(config)
	must(t, err)
	w22 := func(name string) cluster.Node {
		return cluster.Node{Name: name, Kernel: "10.0.20348.5622", OSImage: "Windows Server 2022 Datacenter"}
	}
	for _, c := range []struct {
		role string
		kube kubernetes.Interface
	}{{"the minimal role", k}, {"an administrator", control.Kube}} { // who may make nodes, which must not happen
		t.Run(c.role, func(t *testing.T) {
			addNodes(t, "faults", w22("f-deleted"), w22("f-made-anew"), w22("f-overtaken"), w22("f-waits"))
			l := &kube.Labeler{Reader: &kube.Reader{Kube: c.kube, Facts: facts.Embedded()}, Today: facts.Date(20261124), NodeSelector: "pool=faults"}
			plan, err := l.Plan(ctx)
			must(t, err)
			if len(plan) != 4 {
				t.Fatalf("%d nodes", len(plan))
			}
			again := w22("f-made-anew")
			again.Kernel = "10.0.17763.9245"
			for _, name := range []string{"f-deleted", "f-made-anew"} {
				must(t, control.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}))
			}
			must(t, control.AddNode(ctx, again))
			kubectl(t, "label", "node", "f-overtaken", osBuild+"=17763")
			for _, p := range plan {
				switch {
				case p.Node.Name == "f-waits" && c.kube == k:
					control.StopServer()
					started := make(chan error, 1)
					go func() {
						time.Sleep(time.Second)
						started <- control.StartServer()
					}()
					err := l.Apply(ctx, p)
					must(t, <-started)
					must(t, err)
				default:
					must(t, l.Apply(ctx, p))
				}
				if p.Gone != (p.Node.Name == "f-deleted") || p.Left() != (p.Node.Name == "f-overtaken") {
					t.Errorf("%s: %+v", p.Node.Name, p)
				}
			}
			if _, err := control.Kube.CoreV1().Nodes().Get(ctx, "f-deleted", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("a node that was deleted: %v", err)
			}
			right := map[string]string{osBuild: "20348", version: "10.0.20348.5622", runs + "20348": "true"}
			hasLabels(t, "f-waits", right)
			hasLabels(t, "f-made-anew", map[string]string{osBuild: "17763", version: "10.0.17763.9245", runs + "17763": "true"})
			hasLabels(t, "f-overtaken", map[string]string{osBuild: "17763", version: "10.0.20348.5622", runs + "20348": "true"})
		})
	}
}

// TestLabelForbidden: who may only look sees the change, and is told what is
// missing; who may change some nodes changes those.
func TestLabelForbidden(t *testing.T) {
	ctx := t.Context()
	addNodes(t, "forbidden", cluster.Node{Name: "n1", Kernel: "10.0.20348.5622"}, cluster.Node{Name: "n2", Kernel: "10.0.20348.5622"})
	nobody, err := control.Account(ctx, "label-nobody")
	must(t, err)
	if _, errs := winmatch(t, nobody, nil, 2, "label"); !strings.Contains(errs, "hint: kube/rbac/label.yaml has the role that label needs") {
		t.Error(errs)
	}
	some, err := control.Account(ctx, "label-some", "doctor")
	must(t, err)
	label(t, some, 1, "-l", "pool=forbidden")
	_, err = control.Kube.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "label-n2"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"nodes"}, ResourceNames: []string{"n2"}, Verbs: []string{"patch"}}}}, metav1.CreateOptions{})
	must(t, err)
	_, err = control.Kube.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "label-n2"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "label-n2"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "label-some", Namespace: "default"}}}, metav1.CreateOptions{})
	must(t, err)
	l := label(t, some, 2, "-l", "pool=forbidden", "--apply")
	if a, b := &l.Nodes[0], &l.Nodes[1]; a.Applied || !strings.Contains(a.Error, "forbidden") || !b.Applied || b.Error != "" {
		t.Errorf("%+v", l)
	}
	hasLabels(t, "n1", map[string]string{})
}
