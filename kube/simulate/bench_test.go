package simulate

import (
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
)

// bigCluster has 2,000 nodes in four pools of 500, two of them Windows, and 50,000
// pods: 1,000 Deployments of 48, and a DaemonSet. Every fourth Deployment of a pool
// spreads its pods over the zones, every fourth keeps them apart where it can, which
// is what costs most, and every fourth of Windows may go to both its pools.
func bigCluster() *kube.Cluster {
	const pools, perPool, deployments, replicas = 4, 500, 1000, 48
	c := &kube.Cluster{Objects: &kube.Objects{}}
	for i := range pools * perPool {
		pool := i / perPool
		name := fmt.Sprintf("pool%d-%03d", pool, i%perPool)
		n := windowsNode(name, "amd64", [...]string{"10.0.17763.5206", "10.0.20348.5622"}[pool%2], map[string]string{
			"pool": fmt.Sprint("pool", pool), corev1.LabelTopologyZone: fmt.Sprint("zone", i%3)})
		if pool > 1 {
			n.Labels[corev1.LabelOSStable], n.Status.NodeInfo.OperatingSystem, n.Status.NodeInfo.KernelVersion, n.Status.NodeInfo.OSImage = "linux", "linux", "6.8.0", "Ubuntu"
			delete(n.Labels, corev1.LabelWindowsBuild)
		}
		n.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("110")}
		c.Objects.Nodes = append(c.Objects.Nodes, n)
		c.Nodes = append(c.Nodes, kube.NodeOf(facts.Embedded(), n))
	}
	add := func(owner kube.Owner, spec *kube.Spec, object *corev1.PodSpec, of map[string]string, name, node string) {
		c.Pods = append(c.Pods, kube.Pod{Namespace: owner.Namespace, Name: name, UID: name, Owner: owner, Spec: spec, Node: node, Phase: corev1.PodRunning, Running: 1, Healthy: true})
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: owner.Namespace, UID: types.UID(name), Labels: of}, Spec: *object}
		p.Spec.NodeName = node
		c.Objects.Pods = append(c.Objects.Pods, p)
	}
	workload := func(owner kube.Owner, n int, spec *kube.Spec, object corev1.PodSpec, of map[string]string) {
		c.Workloads = append(c.Workloads, kube.Workload{Owner: owner, Replicas: n, Spec: spec})
		c.Objects.Templates = append(c.Objects.Templates, &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: of}, Spec: object})
	}
	requests := corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("512Mi")}}
	for d := range deployments {
		pool := d % pools
		owner := kube.Owner{Kind: "Deployment", Namespace: fmt.Sprint("team", d%50), Name: fmt.Sprint("app", d)}
		of := map[string]string{"app": owner.Name}
		image := [...]string{"mcr.microsoft.com/windows/servercore:ltsc2019", "mcr.microsoft.com/windows/servercore:ltsc2022"}[pool%2]
		where := map[string]string{"pool": fmt.Sprint("pool", pool)}
		if pool > 1 {
			image = "docker.io/library/nginx:1"
		} else if d/pools%4 == 3 {
			where = map[string]string{corev1.LabelOSStable: "windows"}
		}
		spec := &kube.Spec{NodeSelector: where, Containers: []kube.Container{{Name: "app", Image: image}}}
		object := corev1.PodSpec{NodeSelector: where, Containers: []corev1.Container{{Name: "app", Image: image, Resources: requests}}}
		match := &metav1.LabelSelector{MatchLabels: of}
		switch d / pools % 4 {
		case 1:
			object.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 5, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: match}}
		case 2:
			object.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
				{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: corev1.LabelHostname, LabelSelector: match}}}}}
		}
		workload(owner, replicas, spec, object, of)
		for i := range replicas {
			add(owner, spec, &object, of, fmt.Sprintf("%s-%d", owner.Name, i), c.Nodes[pool*perPool+(d/pools*replicas+i)%perPool].Name)
		}
	}
	owner, of := kube.Owner{Kind: "DaemonSet", Namespace: "kube-system", Name: "agent"}, map[string]string{"app": "agent"}
	spec := &kube.Spec{Containers: []kube.Container{{Name: "agent", Image: "registry.example/agent:1"}}}
	object := corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "registry.example/agent:1", Resources: requests}}}
	workload(owner, -1, spec, object, of)
	for i := range c.Nodes {
		add(owner, spec, &object, of, "agent-"+c.Nodes[i].Name, c.Nodes[i].Name)
	}
	return c
}

// BenchmarkPool simulates another Windows for 500 nodes of 2,000, with 50,000 pods.
func BenchmarkPool(b *testing.B) {
	cluster := bigCluster()
	pool, err := labels.Parse("pool=pool0")
	if err != nil {
		b.Fatal(err)
	}
	change := &Change{Pool: pool, To: host(b, "ws2022")}
	f := facts.Embedded()
	b.ReportAllocs()
	for b.Loop() {
		s := Simulator{Doctor: &kube.Doctor{Facts: f, Images: &kube.Images{Facts: f, Offline: true}}}
		r, err := s.Run(b.Context(), cluster, change)
		if err != nil {
			b.Fatal(err)
		}
		moved, broken := 0, 0
		for i := range r.Workloads {
			moved += r.Workloads[i].Moved
			if r.Workloads[i].Broken {
				broken++
			}
		}
		if r.Pods != 50_000 || moved < 12_000 || broken == 0 {
			b.Fatalf("%d pods, %d made anew, %d workloads broken", r.Pods, moved, broken)
		}
		b.ReportMetric(float64(moved), "moved")
		b.ReportMetric(float64(broken), "broken")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-of-system")
	}
}
