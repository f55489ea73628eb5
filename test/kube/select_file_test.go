//go:build realparts

package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/test/kube/cluster"
)

// TestSelectFile: a manifest gets its affinity by the nodes of the cluster, under
// the verb's minimal role; the real server takes it, the real scheduler places its
// pods where the image runs, and nothing is left to change, in the file or there.
func TestSelectFile(t *testing.T) {
	ctx := t.Context()
	var nodes []cluster.Node
	for name, kernel := range map[string]string{"f19": "10.0.17763.9245", "f22": "10.0.20348.5622", "f25": "10.0.26100.33296"} {
		nodes = append(nodes, cluster.Node{Name: name, Kernel: kernel, Runtime: "containerd://2.4.2", Labels: map[string]string{corev1.LabelWindowsBuild: kernel[:10]}})
	}
	addNodes(t, "files", nodes...)
	const ns = "selfile"
	must(t, control.Namespace(ctx, ns))
	account, err := control.Account(ctx, "select-file", "select")
	must(t, err)
	file := filepath.Join(t.TempDir(), "web.yaml")
	const manifest = `# The shop's front.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: selfile}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector:
        pool: files # ours
        kubernetes.io/os: windows
      containers:
      - name: web
        image: mcr.microsoft.com/windows/servercore:ltsc2022
`
	must(t, os.WriteFile(file, []byte(manifest), 0o600))
	winmatch(t, account, nil, 1, "select", "-f", file, "--offline")
	same := func(want string) {
		t.Helper()
		got, err := os.ReadFile(file)
		must(t, err)
		if string(got) != want {
			t.Fatalf("the file is now:\n%s", got)
		}
	}
	same(manifest)
	winmatch(t, account, nil, 0, "select", "-f", file, "--offline", "--apply")
	changed, err := os.ReadFile(file)
	must(t, err)
	winmatch(t, account, nil, 0, "select", "-f", file, "--offline", "--apply")
	same(string(changed))

	kubectl(t, "apply", "--dry-run=server", "-f", file)
	kubectl(t, "apply", "-f", file)
	must(t, control.Until(ctx, "all pods are placed", func() error {
		list, err := control.Kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		var on []string
		for i := range list.Items {
			on = append(on, list.Items[i].Spec.NodeName)
		}
		slices.Sort(on)
		if on = slices.Compact(on); len(list.Items) != 6 || !slices.Equal(on, []string{"f22", "f25"}) {
			return fmt.Errorf("%d pods on %q", len(list.Items), on)
		}
		return nil
	}))
	if c := one(t, account, nil, 0, "deploy/web", "-n", ns, "--offline"); len(c.Add)+len(c.Remove) > 0 || c.Error != "" {
		t.Errorf("in the cluster: %+v", c)
	}
	must(t, control.Kube.CoreV1().Namespaces().Delete(ctx, ns, metav1.DeleteOptions{}))
}
