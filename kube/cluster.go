package kube

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Cluster is what was read of a cluster, and what could not be.
type Cluster struct {
	Nodes     []Node
	Pods      []Pod
	Workloads []Workload
	Unseen    []Unseen

	// Held are the digests of images that Windows nodes have, by their tags:
	// "docker.io/library/app:1" leads to "docker.io/library/app@sha256:…", or to
	// "" where they differ.
	Held map[string]string

	Objects *Objects // where the Reader was asked for them

	runtimes map[string]*nodev1.Scheduling // of runtime classes that choose nodes, by name
	handlers map[string]string             // of runtime classes, by name
	assumed  bool                          // nodes are thought of: see Assume
}

// Unseen is something that could not be read, and why.
type Unseen struct {
	Resource  string // "pods", "events"
	Namespace string // "" for all of them
	Why       string // "forbidden", or the error
	Forbidden bool
	Partial   bool // some of it was read
}

// Node is a node of a cluster.
type Node struct {
	Name          string
	Labels        map[string]string
	Taints        []corev1.Taint
	Unschedulable bool // cordoned
	Ready         bool
	OS            string // "windows", "linux": what its kubelet says, not a label
	OSImage       string // "Windows Server 2022 Datacenter"
	Kernel        string // "10.0.20348.2227"
	Kubelet       string // "v1.37.2"
	RuntimeText   string // "containerd://2.1.6"

	// Of Windows nodes.
	Host    winver.Host    // its Version is invalid where it is not known
	Runtime compat.Runtime // the zero Runtime where it is not known

	by *setBy // of Windows nodes that have labels of ours
}

// Windows reports whether a node runs Windows.
func (n *Node) Windows() bool { return n.OS == "windows" }

// labelOS is the label by which pods are kept to an operating system.
const labelOS = corev1.LabelOSStable

// NodeOf keeps what is needed of a node.
func NodeOf(f *facts.Facts, n *corev1.Node) Node {
	info := &n.Status.NodeInfo
	out := Node{
		Name: n.Name, Labels: n.Labels, Taints: n.Spec.Taints, Unschedulable: n.Spec.Unschedulable,
		OS: strings.ToLower(info.OperatingSystem), OSImage: info.OSImage, Kernel: info.KernelVersion, Kubelet: info.KubeletVersion, RuntimeText: info.ContainerRuntimeVersion,
	}
	if out.OS == "" { // a kubelet that has not registered yet
		out.OS = n.Labels[labelOS]
	}
	for i := range n.Status.Conditions {
		if c := &n.Status.Conditions[i]; c.Type == corev1.NodeReady {
			out.Ready = c.Status == corev1.ConditionTrue
		}
	}
	if !out.Windows() {
		return out
	}
	out.Host = hostOf(f, out.OSImage, out.Kernel)
	out.Host.ARM64 = info.Architecture == "arm64"
	if r, err := compat.ParseRuntime(out.RuntimeText); err == nil {
		out.Runtime = r
	}
	if out.labelled() {
		out.by = whoSet(n)
	}
	return out
}

// hold notes the digests of the images that a Windows node has, by their tags. A
// tag of which nodes have different digests, as one that has moved, tells nothing.
func (c *Cluster) hold(n *corev1.Node) {
	for i := range n.Status.Images {
		digest := onlyDigest(n.Status.Images[i].Names)
		for _, name := range n.Status.Images[i].Names {
			ref, ok := parse(name)
			if !ok || ref.Digest != "" {
				continue
			}
			tag := ref.String()
			if held, ok := c.Held[tag]; !ok {
				c.Held[tag] = digest
			} else if onlyDigest([]string{held, digest}) == "" {
				c.Held[tag] = ""
			}
		}
	}
}

// onlyDigest is the one of an image's names that has a digest, "" where they have
// different digests.
func onlyDigest(names []string) string {
	found := ""
	for _, name := range names {
		_, digest, ok := strings.Cut(name, "@")
		switch _, other, _ := strings.Cut(found, "@"); {
		case !ok:
		case found == "":
			found = name
		case digest != other:
			return ""
		}
	}
	return found
}

// hostOf reads a node's Windows as `kubectl describe node` prints it. The kernel
// version of a Windows node has its build and revision: 10.0.17763.1397.
func hostOf(f *facts.Facts, osImage, kernel string) winver.Host {
	h, err := winver.ParseHost(f, "OS Image: "+osImage+"\nKernel Version: "+kernel+"\n")
	if err != nil {
		if h, err = winver.ParseHost(f, "Kernel Version: "+kernel+"\n"); err != nil {
			return winver.Host{}
		}
	}
	return h
}

// Owner is what a pod belongs to: the topmost controller that is known, or the
// pod itself.
type Owner struct {
	Kind      string // "Deployment", "CronJob", "Pod"; "StatefulSet.apps.kruise.io" where others use a kind's name
	Namespace string
	Name      string
}

// String is "Deployment default/web".
func (o Owner) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Workload is a controller with the template that its pods are made of.
type Workload struct {
	Owner
	Replicas int // wanted; -1 where that is not a number of its own (DaemonSet, CronJob)
	Spec     *Spec
	Open     bool // its runtime class could not be seen, so that where it may be put is not known
	Idle     bool // it makes no pods now: it is suspended, or scaled to 0
}

// Pod is a pod.
type Pod struct {
	Namespace string
	Name      string
	UID       string
	Owner     Owner
	Bare      bool // nobody controls it: once bound it stays where it is
	Static    bool // of a file on its node: it comes and goes with the node
	Spec      *Spec
	Node      string // "" where it is not bound
	Phase     corev1.PodPhase
	Deleted   bool      // being deleted
	Created   time.Time // for events of an earlier pod of the same name

	Waits    string    // why it is not scheduled: the scheduler's message, or ""
	Running  uint64    // bit i: container i of Spec is, or was, running
	Healthy  bool      // all its containers are ready, or it has done its work
	Troubles []Trouble // what went wrong
}

// Trouble is what a status or an event says of a pod.
type Trouble struct {
	Container string // "" where it is about the pod as a whole
	Reason    string // "ErrImagePull", "FailedCreatePodSandBox"
	Message   string
}

// Text is the trouble as diagnose reads it.
func (t *Trouble) Text() string {
	return strings.TrimSpace(t.Reason + ": " + t.Message)
}

// Done reports whether the pod will not run any more.
func (p *Pod) Done() bool {
	return p.Phase == corev1.PodSucceeded || p.Phase == corev1.PodFailed
}
