package simulate

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/apis/scheduling"
	"k8s.io/kubernetes/pkg/controller/daemon"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/winmatch/winmatch/kube"
)

// daemonNode is the node that a DaemonSet's pod is for: it is bound there, or waits
// for it.
func daemonNode(p *corev1.Pod) string {
	if p.Spec.NodeName != "" {
		return p.Spec.NodeName
	}
	name, err := daemonutil.GetTargetNodeName(p)
	if err != nil {
		return ""
	}
	return name
}

// daemonSet makes a group for each node on which a DaemonSet has a pod, before or
// after; pods are those that it has, by node.
func (m *model) daemonSet(w *kube.Workload, t *corev1.PodTemplateSpec, pods map[string]int) {
	ds := &appsv1.DaemonSet{ObjectMeta: meta(w.Owner, nil), Spec: appsv1.DaemonSetSpec{Template: *t}}
	old := map[string]*corev1.Node{}
	for _, n := range m.cluster.Objects.Nodes {
		if m.plan.fate[n.Name] != "" {
			old[n.Name] = n
		}
	}
	for _, after := range m.plan.objects {
		fate := m.plan.fate[after.Name]
		n, has := pods[after.Name]
		runs, _ := daemon.NodeShouldRunDaemonPod(klog.Logger{}, after, ds)
		if !has && !runs {
			continue
		}
		if has && m.cluster.Pods[n].Node == "" && !runs {
			continue // its controller takes it back
		}
		g := m.newGroup(w.Owner, w.Spec, m.daemonObject(ds, pods, after.Name))
		m.members[g.pod.UID] = member{group: g}
		rollout := g.spec != g.then
		switch {
		case has && fate == "" && !rollout && m.cluster.Pods[n].Node != "":
			g.stay = append(g.stay, after.Name)
		case !runs:
			g.gone = true
			g.old = append(g.old, after.Name)
		case !has && fate == "": // it has none, for whatever reason: its template counts
			g.stay = append(g.stay, after.Name)
			continue
		case has && m.cluster.Pods[n].Node == "":
			g.move = append(g.move, g.pod)
			g.wait++
		case has:
			g.move = append(g.move, g.pod)
			g.old = append(g.old, after.Name)
		default:
			g.move = append(g.move, g.pod)
			g.absent = true
			if before := old[after.Name]; before != nil {
				had, _ := daemon.NodeShouldRunDaemonPod(klog.Logger{}, before, ds)
				g.absent = !had
			}
		}
		if has {
			g.pods++
		}
	}
	for name, n := range pods {
		if m.plan.fate[name] == Goes {
			g := m.newGroup(w.Owner, w.Spec, m.cluster.Objects.Pods[n])
			g.gone, g.pods, g.old = true, 1, []string{name}
		}
	}
	if len(m.groups) == 0 || m.groups[len(m.groups)-1].owner != w.Owner {
		g := m.newGroup(w.Owner, w.Spec, &corev1.Pod{ObjectMeta: meta(w.Owner, t.Labels), Spec: t.Spec})
		g.gone, g.absent = true, true
	}
}

// daemonObject is the pod of a DaemonSet for a node: the one that it has, or the
// one that its controller would make.
func (m *model) daemonObject(ds *appsv1.DaemonSet, pods map[string]int, node string) *corev1.Pod {
	if n, ok := pods[node]; ok {
		return m.cluster.Objects.Pods[n]
	}
	pod := daemon.NewPod(ds, "")
	pod.Name = ds.Name + "-" + node
	pod.UID = types.UID(ds.Namespace + "/" + pod.Name)
	if pod.Spec.Priority == nil { // as the API server does
		if p, ok := m.priorityOf(pod.Spec.PriorityClassName); ok {
			pod.Spec.Priority = &p
		}
	}
	pod.Spec.Affinity = daemonutil.ReplaceDaemonSetPodNodeNameNodeAffinity(pod.Spec.Affinity, node)
	return pod
}

// priorityOf is the priority of a class: Kubernetes' own ones are known, others as
// far as pods have them.
func (m *model) priorityOf(class string) (int32, bool) {
	switch class {
	case scheduling.SystemNodeCritical:
		return scheduling.SystemCriticalPriority + 1000, true
	case scheduling.SystemClusterCritical:
		return scheduling.SystemCriticalPriority, true
	}
	p, ok := m.classes[class]
	return p, ok
}

// daemonPod is a pod of a DaemonSet that could not be read: it is taken to come
// again where it was.
func (m *model) daemonPod(owner kube.Owner, p *kube.Pod, object *corev1.Pod) {
	g := m.newGroup(owner, p.Spec, object)
	m.members[object.UID] = member{group: g}
	g.pods = 1
	switch {
	case p.Node == "":
		g.move = append(g.move, unbound(object))
		g.wait++
	case m.plan.fate[p.Node] == "":
		g.stay = append(g.stay, p.Node)
	case m.plan.fate[p.Node] == Goes:
		g.gone, g.old = true, append(g.old, p.Node)
	default:
		g.move = append(g.move, unbound(object))
		g.old = append(g.old, p.Node)
	}
}

func meta(o kube.Owner, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, UID: types.UID(o.String()), Labels: labels}
}
