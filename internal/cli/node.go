package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/winmatch/winmatch/winver"
)

// node is what a Kubernetes node's kubelet says of it.
type node struct {
	OperatingSystem         string // "windows", "linux"
	OSImage                 string
	KernelVersion           string // "10.0.20348.2227"
	ContainerRuntimeVersion string // "containerd://1.7.20"
}

// askNode asks the cluster by the user's kubectl, which knows contexts and how
// to sign in.
func askNode(ctx context.Context, name string) (*node, error) {
	if strings.HasPrefix(name, "-") || strings.ContainsAny(name, "/ ,") {
		return nil, failf("kubectl get nodes lists them", "--node: %q is no node's name", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl", "get", "node", name, "-o", "json")
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, failf("give the host instead: --host ws2022", "kubectl is not installed here")
	case ctx.Err() != nil:
		return nil, failf("", "kubectl get node did not answer within 30 s")
	case err != nil:
		text, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if text == "" {
			text = err.Error()
		}
		return nil, failf("is it the right context (kubectl config get-contexts)?", "kubectl get node %s: %s", name, text)
	}
	var object struct {
		Status struct{ NodeInfo *node }
	}
	if err := json.Unmarshal(stdout.Bytes(), &object); err != nil || object.Status.NodeInfo == nil {
		return nil, failf("", "kubectl get node %s: no node with a status.nodeInfo came back", name)
	}
	return object.Status.NodeInfo, nil
}

// askNodeHost is a node's host, and its runtime.
func (a *app) askNodeHost(ctx context.Context, name string) ([]winver.Host, error) {
	n, err := askNode(ctx, name)
	if err != nil {
		return nil, err
	}
	if n.OperatingSystem != "windows" {
		return nil, failf("kubectl get nodes -l kubernetes.io/os=windows lists those with Windows", "the node %s runs %s, not Windows", name, n.OperatingSystem)
	}
	text := fmt.Sprintf("OS Image: %s\nKernel Version: %s\nOperating System: windows\nContainer Runtime Version: %s\n", n.OSImage, n.KernelVersion, n.ContainerRuntimeVersion)
	h, err := winver.ParseHost(a.facts, text)
	if err != nil {
		return nil, hostFailure(err)
	}
	return []winver.Host{h}, nil
}
