package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// PlanUndo says what is to be done to have a workload choose nodes as it did
// before select changed that.
func PlanUndo(t *Template) *Choice {
	c := &Choice{Was: t.Placing(), Will: t.Placing()}
	if r := t.Ours(); r != nil && !r.After.Equal(c.Was) {
		c.Unknown = "somebody else has changed since which nodes it chooses: " + AnnotationSelect + " has what was there before"
	} else if r != nil {
		c.Will = r.Before
	}
	c.Add, c.Remove = difference(c.Will, c.Was), difference(c.Was, c.Will)
	return c
}

// Obstacle says why a workload cannot be changed as a choice wants it, "" where it
// can be.
func (t *Template) Obstacle(c *Choice) string {
	switch o := t.Controller; {
	case o != nil:
		return fmt.Sprintf("it belongs to %s %s, which makes it as its own template says", o.Kind, o.Name)
	case t.Fixed != "":
		return t.Fixed
	case t.Additions && len(c.Remove) > 0:
		return "what a gated pod demands may be added to, not changed"
	}
	return ""
}

// Climb names the topmost controller of a template's, as far as it may be read: the
// Deployment of a pod, not its ReplicaSet.
func (r *Reader) Climb(ctx context.Context, t *Template) {
	for range 3 {
		if t.Controller == nil || t.Controller.Kind != "ReplicaSet" && t.Controller.Kind != "Job" {
			return
		}
		o, err := r.get(ctx, Owner{t.Controller.Kind, t.Namespace, t.Controller.Name})
		if err != nil {
			return
		}
		up, ok := TemplateOf(o)
		if !ok || up.Controller == nil {
			return
		}
		t.Controller = up.Controller
	}
}

// maxReplans bounds how often a change is planned anew that somebody else's
// overtakes.
const maxReplans = 8

// Apply changes how a workload chooses nodes, at the version that was read. Where
// somebody else has changed it since, it is read and planned again; may says of
// the new plan whether it is still to be done. It returns what was done.
func (r *Reader) Apply(ctx context.Context, t *Template, c *Choice, plan func(*Template) *Choice, may func(*Template, *Choice) error) (*Choice, error) {
	server := &collector{Reader: r}
	for range maxReplans {
		_, err := again(ctx, server, func() (runtime.Object, error) { return r.patch(ctx, t, t.patch(c.Will, true)) })
		if err == nil || !apierrors.IsConflict(err) {
			return c, err
		}
		o, err := again(ctx, server, func() (runtime.Object, error) { return r.get(ctx, t.Owner) })
		if err != nil {
			return c, err
		}
		now, ok := TemplateOf(o)
		if !ok || !slices.Equal(imagesOf(now), imagesOf(t)) {
			return c, fmt.Errorf("it has got other images meanwhile: run it again")
		}
		t, c = now, plan(now)
		if !c.Changes() {
			return c, nil
		}
		if err := may(t, c); err != nil {
			return c, err
		}
	}
	return c, fmt.Errorf("it was changed by somebody else meanwhile, %d times: run it again", maxReplans)
}

func imagesOf(t *Template) []string {
	var list []string
	for i := range t.Pod.InitContainers {
		list = append(list, t.Pod.InitContainers[i].Image)
	}
	for i := range t.Pod.Containers {
		list = append(list, t.Pod.Containers[i].Image)
	}
	return list
}

// get reads a workload.
func (r *Reader) get(ctx context.Context, o Owner) (runtime.Object, error) {
	apps, batch, opt := r.Kube.AppsV1(), r.Kube.BatchV1(), metav1.GetOptions{}
	switch o.Kind {
	case "Deployment":
		return apps.Deployments(o.Namespace).Get(ctx, o.Name, opt)
	case "StatefulSet":
		return apps.StatefulSets(o.Namespace).Get(ctx, o.Name, opt)
	case "DaemonSet":
		return apps.DaemonSets(o.Namespace).Get(ctx, o.Name, opt)
	case "ReplicaSet":
		return apps.ReplicaSets(o.Namespace).Get(ctx, o.Name, opt)
	case "CronJob":
		return batch.CronJobs(o.Namespace).Get(ctx, o.Name, opt)
	case "Job":
		return batch.Jobs(o.Namespace).Get(ctx, o.Name, opt)
	case "Pod":
		return r.Kube.CoreV1().Pods(o.Namespace).Get(ctx, o.Name, opt)
	}
	return nil, fmt.Errorf("%s is no kind whose pods this changes", o.Kind)
}

// patch changes a workload.
func (r *Reader) patch(ctx context.Context, t *Template, body []byte) (runtime.Object, error) {
	apps, batch, opt, how := r.Kube.AppsV1(), r.Kube.BatchV1(), metav1.PatchOptions{FieldManager: Manager}, types.MergePatchType
	switch t.Kind {
	case "Deployment":
		return apps.Deployments(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "StatefulSet":
		return apps.StatefulSets(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "DaemonSet":
		return apps.DaemonSets(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "ReplicaSet":
		return apps.ReplicaSets(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "CronJob":
		return batch.CronJobs(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "Job":
		return batch.Jobs(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	case "Pod":
		return r.Kube.CoreV1().Pods(t.Namespace).Patch(ctx, t.Name, how, body, opt)
	}
	return nil, fmt.Errorf("%s is no kind whose pods this changes", t.Kind)
}
