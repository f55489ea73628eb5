package kube

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"

	"github.com/winmatch/winmatch/facts"
)

// Reader reads clusters.
type Reader struct {
	Kube     kubernetes.Interface
	Metadata metadata.Interface
	Facts    *facts.Facts

	Namespaces []string        // none: all of them
	Selector   labels.Selector // of pods; nil: all of them
	PageSize   int64           // objects of one request; 0: 500
	Patience   time.Duration   // how long a server that does not answer is asked again; 0: 30 s
	Objects    bool            // keep what a scheduler looks at too: see Objects
}

// Read reads a cluster. What cannot be read is in the cluster's Unseen; the error
// is for a server that could not be asked at all.
func (r *Reader) Read(ctx context.Context) (*Cluster, error) {
	c := &collector{Reader: r, specs: specs{}, parents: map[types.UID]parent{}}
	if r.Objects {
		c.cluster.Objects = &Objects{specs: map[string]*corev1.PodSpec{}}
	}
	c.classes(ctx) // templates need them
	jobs := []func(context.Context){c.nodes, c.pods, c.events, c.replicaSets, c.jobs, c.deployments, c.statefulSets, c.daemonSets, c.cronJobs}
	var wg sync.WaitGroup
	for _, job := range jobs {
		wg.Go(func() { job(ctx) })
	}
	wg.Wait()
	c.keepOthers(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.answered == 0 && c.failure != nil {
		return nil, c.failure
	}
	c.link()
	return &c.cluster, nil
}

// ReadNodes reads nodes and runtime classes, and nothing else of a cluster.
func (r *Reader) ReadNodes(ctx context.Context) (*Cluster, error) {
	c := &collector{Reader: r}
	c.classes(ctx)
	c.nodes(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.answered == 0 && c.failure != nil {
		return nil, c.failure
	}
	return &c.cluster, nil
}

// collector is one reading of a cluster.
type collector struct {
	*Reader
	mu       sync.Mutex
	cluster  Cluster
	specs    specs
	parents  map[types.UID]parent          // what replica sets and jobs belong to
	warnings map[string][]warning          // by the pod's UID
	runtimes map[string]*nodev1.Scheduling // of each runtime class, nil where it has none
	podOwner []types.UID                   // beside cluster.Pods

	heard    atomic.Bool // the server has answered
	answered int         // lists that were read, or refused by a server that answers
	failure  error       // of a list that was not
}

type parent struct{ kind, name string }

// namespaces are the namespaces to list, "" for all of them at once.
func (c *collector) namespaces() []string {
	if len(c.Namespaces) == 0 {
		return []string{""}
	}
	return c.Namespaces
}

func (c *collector) classes(ctx context.Context) {
	c.runtimes = map[string]*nodev1.Scheduling{}
	c.cluster.runtimes, c.cluster.handlers = c.runtimes, map[string]string{}
	read(ctx, c, "runtimeclasses", "", c.Kube.NodeV1().RuntimeClasses().List, nil, func(l *nodev1.RuntimeClassList) {
		for i := range l.Items {
			c.runtimes[l.Items[i].Name] = l.Items[i].Scheduling
			c.cluster.handlers[l.Items[i].Name] = l.Items[i].Handler
		}
	})
}

func (c *collector) nodes(ctx context.Context) {
	c.cluster.Held = map[string]string{}
	read(ctx, c, "nodes", "", c.Kube.CoreV1().Nodes().List, func() { c.cluster.Nodes = nil; c.keepNodes(0) }, func(l *corev1.NodeList) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range l.Items {
			n := NodeOf(c.Facts, &l.Items[i])
			if n.Windows() {
				c.cluster.hold(&l.Items[i])
			}
			c.cluster.Nodes = append(c.cluster.Nodes, n)
			c.keepNode(&l.Items[i])
		}
	})
}

func (c *collector) pods(ctx context.Context) {
	for _, ns := range c.namespaces() {
		before := len(c.cluster.Pods)
		list := func(ctx context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
			if c.Selector != nil {
				o.LabelSelector = c.Selector.String()
			}
			return c.Kube.CoreV1().Pods(ns).List(ctx, o)
		}
		reset := func() {
			c.cluster.Pods, c.podOwner = c.cluster.Pods[:before], c.podOwner[:before]
			c.keepPods(before)
		}
		read(ctx, c, "pods", ns, list, reset, func(l *corev1.PodList) {
			c.mu.Lock() // templates are read at the same time, and share specs
			defer c.mu.Unlock()
			for i := range l.Items {
				p := &l.Items[i]
				var owner types.UID
				if ref := metav1.GetControllerOfNoCopy(p); ref != nil {
					owner = ref.UID
				}
				c.cluster.Pods = append(c.cluster.Pods, slimPod(c.specs, p))
				c.podOwner = append(c.podOwner, owner)
				c.keepPod(p)
			}
		})
	}
}

// warning is a warning about a pod.
type warning struct {
	Trouble
	last time.Time
}

func (c *collector) events(ctx context.Context) {
	c.warnings = map[string][]warning{}
	known := map[string]bool{}
	for _, ns := range c.namespaces() {
		list := func(ctx context.Context, o metav1.ListOptions) (*corev1.EventList, error) {
			o.FieldSelector = "type=Warning,involvedObject.kind=Pod"
			return c.Kube.CoreV1().Events(ns).List(ctx, o)
		}
		read(ctx, c, "events", ns, list, nil, func(l *corev1.EventList) {
			for i := range l.Items {
				e := &l.Items[i]
				t := Trouble{Container: containerOf(e.InvolvedObject.FieldPath), Reason: e.Reason, Message: e.Message}
				if telling(c.Facts, t.Text(), known) {
					uid := string(e.InvolvedObject.UID)
					c.warnings[uid] = append(c.warnings[uid], warning{t, lastSeen(e)})
				}
			}
		})
	}
}

// owners reads what objects of a resource belong to: their metadata alone.
func (c *collector) owners(ctx context.Context, gvr schema.GroupVersionResource) {
	for _, ns := range c.namespaces() {
		read(ctx, c, gvr.Resource, ns, c.Metadata.Resource(gvr).Namespace(ns).List, nil, func(l *metav1.PartialObjectMetadataList) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for i := range l.Items {
				if ref := metav1.GetControllerOfNoCopy(&l.Items[i]); ref != nil {
					c.parents[l.Items[i].UID] = parent{kindOf(ref), ref.Name}
				}
			}
		})
	}
}

func (c *collector) replicaSets(ctx context.Context) {
	c.owners(ctx, appsv1.SchemeGroupVersion.WithResource("replicasets"))
}

func (c *collector) jobs(ctx context.Context) {
	c.owners(ctx, batchv1.SchemeGroupVersion.WithResource("jobs"))
}

func (c *collector) deployments(ctx context.Context) {
	for _, ns := range c.namespaces() {
		read(ctx, c, "deployments", ns, c.Kube.AppsV1().Deployments(ns).List, nil, func(l *appsv1.DeploymentList) {
			for i := range l.Items {
				d := &l.Items[i]
				c.workload("Deployment", &d.ObjectMeta, replicas(d.Spec.Replicas), false, &d.Spec.Template)
			}
		})
	}
}

func (c *collector) statefulSets(ctx context.Context) {
	for _, ns := range c.namespaces() {
		read(ctx, c, "statefulsets", ns, c.Kube.AppsV1().StatefulSets(ns).List, nil, func(l *appsv1.StatefulSetList) {
			for i := range l.Items {
				s := &l.Items[i]
				c.workload("StatefulSet", &s.ObjectMeta, replicas(s.Spec.Replicas), false, &s.Spec.Template)
			}
		})
	}
}

func (c *collector) daemonSets(ctx context.Context) {
	for _, ns := range c.namespaces() {
		read(ctx, c, "daemonsets", ns, c.Kube.AppsV1().DaemonSets(ns).List, nil, func(l *appsv1.DaemonSetList) {
			for i := range l.Items {
				d := &l.Items[i]
				c.workload("DaemonSet", &d.ObjectMeta, -1, false, &d.Spec.Template)
			}
		})
	}
}

func (c *collector) cronJobs(ctx context.Context) {
	for _, ns := range c.namespaces() {
		read(ctx, c, "cronjobs", ns, c.Kube.BatchV1().CronJobs(ns).List, nil, func(l *batchv1.CronJobList) {
			for i := range l.Items {
				j := &l.Items[i]
				c.workload("CronJob", &j.ObjectMeta, -1, isTrue(j.Spec.Suspend), &j.Spec.JobTemplate.Spec.Template)
			}
		})
	}
}

func replicas(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

// workload keeps a controller with its template.
func (c *collector) workload(kind string, m *metav1.ObjectMeta, replicas int, suspended bool, t *corev1.PodTemplateSpec) {
	if c.Selector != nil && !c.Selector.Matches(labels.Set(t.Labels)) {
		return
	}
	open := false
	if t.Spec.RuntimeClassName != nil {
		s, known := c.runtimes[*t.Spec.RuntimeClassName]
		if open = !known; s != nil {
			addRuntimeClass(&t.Spec, s.NodeSelector, s.Tolerations)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cluster.Workloads = append(c.cluster.Workloads, Workload{Owner{kind, m.Namespace, m.Name}, replicas, c.specs.of(&t.Spec, true, false), open, suspended || replicas == 0})
	c.keepTemplate(t)
}

// link brings together what the lists say of each other.
func (c *collector) link() {
	for _, s := range c.specs {
		s.isolate(c.cluster.handlers)
	}
	for i := range c.cluster.Pods {
		p := &c.cluster.Pods[i]
		if up, ok := c.parents[c.podOwner[i]]; ok {
			p.Owner.Kind, p.Owner.Name = up.kind, up.name
		}
		if p.Healthy {
			continue
		}
		for _, w := range c.warnings[p.UID] {
			if w.last.IsZero() || !w.last.Before(p.Created.Truncate(time.Second)) {
				p.add(w.Trouble)
			}
		}
	}
}

// unseen notes a list that could not be read to its end.
func (c *collector) unseen(resource, namespace string, err error, partial bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := Unseen{Resource: resource, Namespace: namespace, Why: err.Error(), Partial: partial}
	if refused(err) {
		u.Why, u.Forbidden = "forbidden", true
		c.answered++
	} else if c.failure == nil || errors.Is(c.failure, context.Canceled) {
		c.failure = err
	}
	c.cluster.Unseen = append(c.cluster.Unseen, u)
}
