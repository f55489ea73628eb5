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

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// node is what a Kubernetes node's kubelet says of it.
type node struct {
	name string

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
	object.Status.NodeInfo.name = name
	return object.Status.NodeInfo, nil
}

func (n *node) host(f *facts.Facts) (winver.Host, error) {
	if n.OperatingSystem != "windows" {
		return winver.Host{}, failf("kubectl get nodes -l kubernetes.io/os=windows lists those with Windows", "the node %s runs %s, not Windows", n.name, n.OperatingSystem)
	}
	text := fmt.Sprintf("OS Image: %s\nKernel Version: %s\nOperating System: windows\n", n.OSImage, n.KernelVersion)
	h, err := winver.ParseHost(f, text)
	if err != nil {
		return h, hostFailure(err)
	}
	return h, nil
}

// runtime is the node's own; another than Docker and containerd has no known
// rule.
func (n *node) runtime() (compat.Runtime, error) {
	r, err := compat.ParseRuntime(n.ContainerRuntimeVersion)
	if err != nil {
		return r, failf("--runtime containerd judges as if it were that", "the node %s: %v", n.name, err)
	}
	return r, nil
}
