package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
)

// slimPod keeps what is needed of a pod.
func slimPod(s specs, p *corev1.Pod) Pod {
	out := Pod{Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), Owner: Owner{"Pod", p.Namespace, p.Name}, Bare: true,
		Node: p.Spec.NodeName, Phase: p.Status.Phase, Deleted: p.DeletionTimestamp != nil, Created: p.CreationTimestamp.Time}
	daemon := false
	if ref := metav1.GetControllerOfNoCopy(p); ref != nil && ref.Kind != "Node" { // a node owns its static pods
		out.Owner, out.Bare = Owner{kindOf(ref), p.Namespace, ref.Name}, false
		daemon = ref.Kind == "DaemonSet"
	}
	_, out.Static = p.Annotations[corev1.MirrorPodAnnotationKey]
	out.Spec = s.of(&p.Spec, false, daemon)
	out.Healthy = out.Phase == corev1.PodSucceeded
	for i := range p.Status.Conditions {
		switch c := &p.Status.Conditions[i]; {
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable:
			if out.Waits = c.Message; out.Waits == "" {
				out.Waits = c.Reason
			}
		case c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && out.Phase == corev1.PodRunning:
			out.Healthy = true
		}
	}
	out.statuses(p.Status.InitContainerStatuses)
	out.statuses(p.Status.ContainerStatuses)
	if !out.Healthy && (p.Status.Message != "" || p.Status.Reason != "") {
		out.add(Trouble{"", p.Status.Reason, p.Status.Message})
	}
	return out
}

// kindOf is the kind of an owner. Others have kinds of the same names as those of
// Kubernetes, as OpenKruise has StatefulSets: these have their group behind, as
// kubectl takes it.
func kindOf(ref *metav1.OwnerReference) string {
	group, _, ok := strings.Cut(ref.APIVersion, "/")
	switch ref.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob":
		if ok && group != appsv1.GroupName && group != batchv1.GroupName && group != "extensions" {
			return ref.Kind + "." + group
		}
	}
	return ref.Kind
}

// statuses reads what containers are doing and did before.
func (p *Pod) statuses(list []corev1.ContainerStatus) {
	for i := range list {
		s := &list[i]
		if ran(s) {
			if n := slices.IndexFunc(p.Spec.Containers, func(c Container) bool { return c.Name == s.Name }); n >= 0 && n < 64 {
				p.Running |= 1 << n
			}
		}
		if p.Healthy || s.Ready {
			continue
		}
		if w := s.State.Waiting; w != nil && (w.Message != "" || w.Reason != "ContainerCreating" && w.Reason != "PodInitializing") {
			p.add(Trouble{s.Name, w.Reason, w.Message})
		}
		for _, t := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if t != nil && t.ExitCode != 0 {
				p.add(Trouble{s.Name, t.Reason, exitText(t)})
			}
		}
	}
}

// ran reports whether a container runs well, or has done its work: proof that
// its image runs there.
func ran(s *corev1.ContainerStatus) bool {
	return s.Ready && s.State.Running != nil || s.State.Terminated != nil && s.State.Terminated.ExitCode == 0 && !s.State.Terminated.StartedAt.IsZero()
}

// exitText is how a container ended. Codes of Windows are negative numbers there.
func exitText(t *corev1.ContainerStateTerminated) string {
	if t.ExitCode >= 0 && t.ExitCode < 256 {
		return t.Message
	}
	return strings.TrimSpace(fmt.Sprintf("container exited with exit code 0x%08x: %s", uint32(t.ExitCode), t.Message))
}

// add adds a trouble once.
func (p *Pod) add(t Trouble) {
	t.Message = bounded(t.Message)
	if !slices.Contains(p.Troubles, t) && len(p.Troubles) < maxTroubles {
		p.Troubles = append(p.Troubles, t)
	}
}

// Bounds on what is kept of a pod's troubles.
const (
	maxTroubles = 32
	maxMessage  = 16 << 10
)

func bounded(s string) string {
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "")
	}
	return s
}

// containerOf reads a container's name from what an event is about:
// spec.containers{web}.
func containerOf(fieldPath string) string {
	_, name, ok := strings.Cut(fieldPath, "{")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// lastSeen is when an event happened last.
func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// telling reports whether diagnose finds anything in a text; known remembers.
func telling(f *facts.Facts, text string, known map[string]bool) bool {
	yes, ok := known[text]
	if !ok {
		yes = len(diagnose.Text(text, f).Diagnoses) > 0
		if len(known) < 10_000 {
			known[text] = yes
		}
	}
	return yes
}
