//go:build realparts

package cluster

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Size is how large a cluster is to be.
type Size struct{ Nodes, Pods int }

// podsOfEach Deployment that Fill makes, and Deployments of each namespace.
const (
	podsOfEach = 50
	appsOfEach = 20
)

// Fill makes a large cluster: Windows nodes of three releases and a tenth of
// Linux nodes, and pods of Deployments that run on them, with the fields that
// kubelets and controllers write. Of each tenth Deployment one pod failed for its
// version; every tenth pod has an event. The controllers and the scheduler are
// ended first: nobody shall clean up.
func (c *Cluster) Fill(ctx context.Context, s Size) error {
	c.kill("kwok")
	c.kill("kube-scheduler")
	c.kill("kube-controller-manager")
	f := &filler{size: s}
	for range 4 { // connections
		config := rest.CopyConfig(c.Config)
		config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
		config.UserAgent = "kubelet"
		config.Dial = (&net.Dialer{}).DialContext // or connections are shared
		k, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		f.kube = append(f.kube, k)
	}
	apps := s.Pods / podsOfEach
	for _, step := range []struct {
		n  int
		do func(context.Context, kubernetes.Interface, int) error
	}{
		{s.Nodes, f.node},
		{(apps + appsOfEach - 1) / appsOfEach, f.namespace},
		{apps, f.app},
		{s.Pods, f.pod},
	} {
		if err := f.all(ctx, step.n, step.do); err != nil {
			return err
		}
	}
	return nil
}

// filler makes the objects of a large cluster, each by its number.
type filler struct {
	size Size
	kube []kubernetes.Interface
	sets sync.Map // UIDs of replica sets, by the number of their Deployment
}

// all does something for each number, several at a time, up to the first error.
func (f *filler) all(ctx context.Context, n int, do func(context.Context, kubernetes.Interface, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for n := range numbers {
				if err := do(ctx, f.kube[i%len(f.kube)], n); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return context.Cause(ctx)
}

// systems are those of the nodes, in turn.
var systems = [...]Node{
	{Kernel: "10.0.17763.9245", OSImage: "Windows Server 2019 Datacenter"},
	{Kernel: "10.0.20348.5622", OSImage: "Windows Server 2022 Datacenter"},
	{Kernel: "10.0.26100.8875", OSImage: "Windows Server 2025 Datacenter"},
}

const linuxEach = 10 // node

func nodeName(i int) string { return fmt.Sprintf("node-%05d", i) }

func (f *filler) node(ctx context.Context, k kubernetes.Interface, i int) error {
	n := systems[i%len(systems)]
	if n.Name = nodeName(i); i%linuxEach == 0 {
		n.OS, n.Kernel, n.OSImage = "linux", "6.12.57+deb13-cloud-amd64", "Debian GNU/Linux 13 (trixie)"
	}
	object := n.object()
	if i%linuxEach != 0 {
		object.Labels[corev1.LabelWindowsBuild] = n.Kernel[:len("10.0.17763")]
	}
	object.Status = n.status()
	for _, kind := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
		object.Status.Conditions = append(object.Status.Conditions, corev1.NodeCondition{Type: kind, Status: corev1.ConditionFalse, Reason: "KubeletHasNo" + string(kind),
			Message: "kubelet has no " + string(kind), LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()})
	}
	for j := range 20 {
		name := fmt.Sprintf("registry.example/team/app-%d", (i+j)%500)
		object.Status.Images = append(object.Status.Images, corev1.ContainerImage{SizeBytes: 5_000_000_000,
			Names: []string{fmt.Sprintf("%s@sha256:%064x", name, (i+j)%500), name + ":1"}})
	}
	made, err := k.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Status = object.Status
	_, err = k.CoreV1().Nodes().UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

func namespaceName(app int) string { return fmt.Sprintf("team-%03d", app/appsOfEach) }

func (f *filler) namespace(ctx context.Context, k kubernetes.Interface, i int) error {
	name := namespaceName(i * appsOfEach)
	if _, err := k.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err := k.CoreV1().ServiceAccounts(name).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
	return err
}

func appName(app int) string { return fmt.Sprintf("app-%d", app) }

// template is that of a Deployment. Half of them are kept to the Windows that
// their image is of.
func template(app int) corev1.PodTemplateSpec {
	n := &systems[app%len(systems)]
	build := n.Kernel[:len("10.0.17763")]
	selector := map[string]string{corev1.LabelOSStable: "windows"}
	if app%2 == 0 {
		selector[corev1.LabelWindowsBuild] = build
	}
	tag := map[string]string{"10.0.17763": "ltsc2019", "10.0.20348": "ltsc2022", "10.0.26100": "ltsc2025"}[build]
	size := corev1.ResourceList{corev1.ResourceCPU: quantity("100m"), corev1.ResourceMemory: quantity("500Mi")}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": appName(app)}, Annotations: map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}},
		Spec: corev1.PodSpec{NodeSelector: selector, Containers: []corev1.Container{
			{
				Name: "web", Image: "mcr.microsoft.com/windows/servercore:" + tag, Ports: []corev1.ContainerPort{{ContainerPort: 8080}},
				Env:       []corev1.EnvVar{{Name: "CONNECTION", Value: "Server=db.example;Database=shop;Integrated Security=true"}, {Name: "ASPNETCORE_URLS", Value: "http://+:8080"}},
				Resources: corev1.ResourceRequirements{Requests: size, Limits: size},
			},
			{Name: "log", Image: "mcr.microsoft.com/windows/nanoserver:" + tag},
		}},
	}
}

func (f *filler) app(ctx context.Context, k kubernetes.Interface, app int) error {
	t, replicas := template(app), int32(podsOfEach)
	selector := &metav1.LabelSelector{MatchLabels: t.Labels}
	d, err := k.AppsV1().Deployments(namespaceName(app)).Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: appName(app)},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: t}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	r, err := k.AppsV1().ReplicaSets(d.Namespace).Create(ctx, &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: d.Name + "-5d8f9c7b6", OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}},
		Spec:       appsv1.ReplicaSetSpec{Replicas: &replicas, Selector: selector, Template: t}}, metav1.CreateOptions{})
	if err == nil {
		f.sets.Store(app, r)
	}
	return err
}

func (f *filler) pod(ctx context.Context, k kubernetes.Interface, i int) error {
	app := i / podsOfEach
	set, _ := f.sets.Load(app)
	owner := set.(*appsv1.ReplicaSet)
	t := template(app)
	p := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	p.Name, p.Namespace = fmt.Sprintf("%s-%05d", owner.Name, i), owner.Namespace
	p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
	// On a node of its Windows, but for the one that fails.
	on := i % (f.size.Nodes / len(systems)) * len(systems)
	failed := app%10 == 1 && i%podsOfEach == 0
	if on += app % len(systems); failed {
		on = (app + 1) % len(systems)
	}
	if on %= f.size.Nodes; on%linuxEach == 0 {
		on = (on + len(systems)) % f.size.Nodes
	}
	p.Spec.NodeName = nodeName(on)
	made, err := k.CoreV1().Pods(p.Namespace).Create(ctx, p, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Status = podStatus(made, failed)
	if _, err := k.CoreV1().Pods(p.Namespace).UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if i%10 != 0 {
		return nil
	}
	e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", p.Name, i), Namespace: p.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: made.UID, FieldPath: "spec.containers{web}"},
		Type:           corev1.EventTypeNormal, Reason: "Pulled", Message: fmt.Sprintf("Container image %q already present on machine", t.Spec.Containers[0].Image),
		Source: corev1.EventSource{Component: "kubelet", Host: p.Spec.NodeName}, FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1}
	if failed {
		e.Type, e.Reason, e.Message = corev1.EventTypeWarning, "Failed", "Error: "+mismatch
	}
	_, err = k.CoreV1().Events(p.Namespace).Create(ctx, e, metav1.CreateOptions{})
	return err
}

// mismatch is containerd's message on the wrong build.
const mismatch = `failed to create containerd task: failed to create shim task: hcs::CreateComputeSystem web: The container operating system does not match the host operating system.: unknown`

func podStatus(p *corev1.Pod, failed bool) corev1.PodStatus {
	now := metav1.NewTime(time.Now())
	ready := corev1.ConditionTrue
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
	s := corev1.PodStatus{Phase: corev1.PodRunning, QOSClass: p.Status.QOSClass, HostIP: "10.1.2.3", PodIP: "10.2.3.4", StartTime: &now}
	if failed {
		ready = corev1.ConditionFalse
		state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "RunContainerError", Message: mismatch}}
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		status := corev1.ConditionTrue
		if kind == corev1.PodReady || kind == corev1.ContainersReady {
			status = ready
		}
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: kind, Status: status, LastTransitionTime: now})
	}
	for _, c := range p.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: !failed, State: state,
			ImageID: "mcr.microsoft.com/windows@sha256:" + string(types.UID(fmt.Sprintf("%064x", len(c.Image)))), ContainerID: "containerd://" + fmt.Sprintf("%064x", p.UID)[:64]})
	}
	return s
}
