package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Objects are what a scheduler looks at, in the order of a Cluster's lists. They
// are cut down to that: no environment, probes or statuses.
type Objects struct {
	Nodes     []*corev1.Node
	Pods      []*corev1.Pod
	Templates []*corev1.PodTemplateSpec // of the workloads
	Others    []runtime.Object          // what pods need beside nodes: claims, volumes and their classes, namespaces

	specs map[string]*corev1.PodSpec // equal ones share what they point to
}

func (c *collector) keepNodes(n int) {
	if o := c.cluster.Objects; o != nil {
		o.Nodes = o.Nodes[:n]
	}
}

func (c *collector) keepPods(n int) {
	if o := c.cluster.Objects; o != nil {
		o.Pods = o.Pods[:n]
	}
}

func (c *collector) keepNode(n *corev1.Node) {
	if o := c.cluster.Objects; o != nil {
		o.Nodes = append(o.Nodes, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: n.UID, Labels: n.Labels},
			Spec:       corev1.NodeSpec{Taints: n.Spec.Taints, Unschedulable: n.Spec.Unschedulable},
			Status: corev1.NodeStatus{Capacity: n.Status.Capacity, Allocatable: n.Status.Allocatable, NodeInfo: n.Status.NodeInfo,
				Images: n.Status.Images, DeclaredFeatures: n.Status.DeclaredFeatures},
		})
	}
}

func (c *collector) keepPod(p *corev1.Pod) {
	if o := c.cluster.Objects; o != nil {
		o.Pods = append(o.Pods, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, UID: p.UID, Labels: p.Labels, CreationTimestamp: p.CreationTimestamp},
			Spec:       o.slim(&p.Spec),
			Status:     corev1.PodStatus{Phase: p.Status.Phase},
		})
	}
}

func (c *collector) keepTemplate(t *corev1.PodTemplateSpec) {
	if o := c.cluster.Objects; o != nil {
		o.Templates = append(o.Templates, &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: t.Labels}, Spec: o.slim(&t.Spec)})
	}
}

// slim cuts a spec down to what a scheduler looks at.
func (o *Objects) slim(p *corev1.PodSpec) corev1.PodSpec {
	s := corev1.PodSpec{
		NodeSelector: p.NodeSelector, Affinity: p.Affinity, Tolerations: p.Tolerations, TopologySpreadConstraints: p.TopologySpreadConstraints,
		SchedulerName: p.SchedulerName, SchedulingGates: p.SchedulingGates, SchedulingGroup: p.SchedulingGroup, ResourceClaims: p.ResourceClaims,
		PriorityClassName: p.PriorityClassName, Priority: p.Priority, PreemptionPolicy: p.PreemptionPolicy,
		Overhead: p.Overhead, Resources: p.Resources, HostNetwork: p.HostNetwork, OS: p.OS, RuntimeClassName: p.RuntimeClassName, RestartPolicy: p.RestartPolicy,
	}
	for i := range p.Volumes {
		v := &p.Volumes[i]
		if v.ConfigMap == nil && v.Secret == nil && v.Projected == nil && v.EmptyDir == nil && v.DownwardAPI == nil && v.HostPath == nil {
			s.Volumes = append(s.Volumes, *v)
		}
	}
	slim := func(list []corev1.Container) []corev1.Container {
		var out []corev1.Container
		for i := range list {
			c := &list[i]
			out = append(out, corev1.Container{Name: c.Name, Image: c.Image, Ports: c.Ports, Resources: c.Resources, RestartPolicy: c.RestartPolicy})
		}
		return out
	}
	s.InitContainers, s.Containers = slim(p.InitContainers), slim(p.Containers)
	text, err := s.Marshal()
	if err != nil { // a struct of plain values: it does not fail
		panic(err)
	}
	shared := o.specs[string(text)]
	if shared == nil {
		shared = &s
		o.specs[string(text)] = shared
	}
	out := *shared
	out.NodeName = p.NodeName
	return out
}

// keepOthers reads what the pods that were read, and the templates, need beside
// nodes. Where volumes may not be read, pods are kept without them.
func (c *collector) keepOthers(ctx context.Context) {
	o := c.cluster.Objects
	if o == nil {
		return
	}
	volumes, spaces := false, false
	look := func(p *corev1.PodSpec) {
		volumes = volumes || len(p.Volumes) > 0
		if a := p.Affinity; a != nil {
			spaces = spaces || a.PodAffinity != nil || a.PodAntiAffinity != nil
		}
	}
	for _, p := range o.Pods {
		look(&p.Spec)
	}
	for _, t := range o.Templates {
		look(&t.Spec)
	}
	if spaces { // their labels, for affinity by namespaceSelector
		keep(ctx, c, "namespaces", c.Kube.CoreV1().Namespaces().List, func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items })
	}
	if !volumes {
		return
	}
	before := len(c.cluster.Unseen)
	keep(ctx, c, "persistentvolumeclaims", c.Kube.CoreV1().PersistentVolumeClaims("").List, func(l *corev1.PersistentVolumeClaimList) []corev1.PersistentVolumeClaim { return l.Items })
	keep(ctx, c, "persistentvolumes", c.Kube.CoreV1().PersistentVolumes().List, func(l *corev1.PersistentVolumeList) []corev1.PersistentVolume { return l.Items })
	keep(ctx, c, "storageclasses", c.Kube.StorageV1().StorageClasses().List, func(l *storagev1.StorageClassList) []storagev1.StorageClass { return l.Items })
	keep(ctx, c, "csinodes", c.Kube.StorageV1().CSINodes().List, func(l *storagev1.CSINodeList) []storagev1.CSINode { return l.Items })
	keep(ctx, c, "csidrivers", c.Kube.StorageV1().CSIDrivers().List, func(l *storagev1.CSIDriverList) []storagev1.CSIDriver { return l.Items })
	keep(ctx, c, "csistoragecapacities", c.Kube.StorageV1().CSIStorageCapacities("").List, func(l *storagev1.CSIStorageCapacityList) []storagev1.CSIStorageCapacity { return l.Items })
	if len(c.cluster.Unseen) == before {
		return
	}
	for _, p := range o.Pods {
		p.Spec.Volumes = nil
	}
	for _, t := range o.Templates {
		t.Spec.Volumes = nil
	}
}

// keep reads all objects of a resource.
func keep[L interface{ GetContinue() string }, T any, P interface {
	*T
	runtime.Object
}](ctx context.Context, c *collector, resource string, list func(context.Context, metav1.ListOptions) (L, error), items func(L) []T) {
	var all []runtime.Object
	read(ctx, c, resource, "", list, func() { all = nil }, func(l L) {
		list := items(l)
		for i := range list {
			all = append(all, P(&list[i]))
		}
	})
	c.cluster.Objects.Others = append(c.cluster.Objects.Others, all...)
}
