//go:build realparts

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

func createToken(ctx context.Context, k kubernetes.Interface, name string) (string, error) {
	t, err := k.CoreV1().ServiceAccounts("default").CreateToken(ctx, name, &authv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return t.Status.Token, nil
}

// Node is a node to make: what its kubelet would report.
type Node struct {
	Name    string
	OS      string // "": windows
	Kernel  string // "10.0.20348.5622"
	OSImage string
	Runtime string // "": containerd://2.1.6
	Labels  map[string]string
	Taints  []corev1.Taint
	Dead    bool // its kubelet is silent: the node lifecycle controller finds that out
}

// alive is the annotation of nodes that kwok keeps alive.
const alive = "test.winmatch.dev/alive"

// Annotations of pods, by which stages.yaml lets them run or fail.
const (
	RunsOn  = "test.winmatch.dev/runs-on" // nodes, "a,b" or "*"; on others it fails
	Reason  = "test.winmatch.dev/reason"  // of a container that waits
	Message = "test.winmatch.dev/message"
)

// AddNode makes a node that is ready.
func (c *Cluster) AddNode(ctx context.Context, n Node) error {
	if _, err := c.Kube.CoreV1().Nodes().Create(ctx, n.object(), metav1.CreateOptions{}); err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"status": n.status()})
	if err != nil {
		return err
	}
	_, err = c.Kube.CoreV1().Nodes().Patch(ctx, n.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// system is the node's operating system.
func (n *Node) system() string {
	if n.OS == "" {
		return "windows"
	}
	return n.OS
}

// object is the node without its status.
func (n *Node) object() *corev1.Node {
	labels := map[string]string{corev1.LabelOSStable: n.system(), corev1.LabelHostname: n.Name, corev1.LabelArchStable: "amd64"}
	for k, v := range n.Labels {
		labels[k] = v
	}
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labels, Annotations: map[string]string{alive: strconv.FormatBool(!n.Dead)}}, Spec: corev1.NodeSpec{Taints: n.Taints}}
}

// status is what its kubelet reports.
func (n *Node) status() corev1.NodeStatus {
	runtime := n.Runtime
	if runtime == "" {
		runtime = "containerd://2.1.6"
	}
	size := corev1.ResourceList{corev1.ResourcePods: quantity("250"), corev1.ResourceCPU: quantity("64"), corev1.ResourceMemory: quantity("256Gi")}
	now := metav1.Now()
	return corev1.NodeStatus{Capacity: size, Allocatable: size,
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now}},
		NodeInfo: corev1.NodeSystemInfo{OperatingSystem: n.system(), Architecture: "amd64", KernelVersion: n.Kernel, OSImage: n.OSImage,
			ContainerRuntimeVersion: runtime, KubeletVersion: "v1.37.2"}}
}

// Namespace makes a namespace and waits for its service account, without which no
// pod can be made.
func (c *Cluster) Namespace(ctx context.Context, name string) error {
	if _, err := c.Kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return c.wait("the service account of "+name, 30*time.Second, func(ctx context.Context) error {
		_, err := c.Kube.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// Until repeats a question until it has an answer.
func (c *Cluster) Until(ctx context.Context, what string, ask func() error) error {
	return c.wait(what, time.Minute, func(context.Context) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return ask()
	})
}

// Pod waits for a pod with a label that fulfils a condition.
func (c *Cluster) Pod(ctx context.Context, namespace, selector, what string, ok func(*corev1.Pod) bool) (pod *corev1.Pod, err error) {
	err = c.wait("a pod of "+namespace+" with "+selector+" that "+what, 60*time.Second, func(context.Context) error {
		list, err := c.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if p := &list.Items[i]; p.DeletionTimestamp == nil && ok(p) {
				pod = p
				return nil
			}
		}
		return fmt.Errorf("%d pods, none of which does", len(list.Items))
	})
	return pod, err
}

func quantity(s string) resource.Quantity { return resource.MustParse(s) }
