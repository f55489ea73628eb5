package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	metadatafake "k8s.io/client-go/metadata/fake"
	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
)

const (
	v19    = "10.0.17763.5206"
	v22    = "10.0.20348.5622"
	core   = "mcr.microsoft.com/windows/servercore:"
	only19 = `containers: [{name: c, image: "` + core + `ltsc2019"}]`
	only22 = `containers: [{name: c, image: "` + core + `ltsc2022"}]`
	two19  = `containers: [{name: c, image: "` + core + `ltsc2019", resources: {requests: {cpu: "2"}}}]`
	two22  = `containers: [{name: c, image: "` + core + `ltsc2022", resources: {requests: {cpu: "2"}}}]`
)

// app is a workload and its pods.
type app struct {
	name string // "web"; "ds/web", "pod/web"; "static/web"
	on   string // the nodes of its pods, "-" for one that waits
	spec string // YAML
}

// pool is a cluster of some nodes of 4 CPUs: "name pool version", with
// "key=value" for labels, "!key" for taints and "cordoned" behind it.
type pool struct {
	nodes  []string
	apps   []app
	others string // YAML documents
}

func (p *pool) read(t *testing.T) *kube.Cluster {
	t.Helper()
	var objects []runtime.Object
	for _, text := range p.nodes {
		f := strings.Fields(text)
		n := windowsNode(f[0], "amd64", v22, map[string]string{"pool": f[1]})
		switch f[2] {
		case "linux":
			n.Labels[corev1.LabelOSStable], n.Status.NodeInfo.OperatingSystem = "linux", "linux"
			delete(n.Labels, corev1.LabelWindowsBuild)
		default:
			n.Status.NodeInfo.KernelVersion = f[2]
			n.Labels[corev1.LabelWindowsBuild] = f[2][:strings.LastIndexByte(f[2], '.')]
		}
		n.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("16Gi"), corev1.ResourcePods: resource.MustParse("50")}
		n.UID = types.UID(f[0])
		for _, x := range f[3:] {
			key, value, label := strings.Cut(x, "=")
			switch {
			case label:
				n.Labels[key] = value
			case x == "cordoned":
				n.Spec.Unschedulable = true
			default:
				n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key[1:], Effect: corev1.TaintEffectNoSchedule})
			}
		}
		objects = append(objects, n)
	}
	for i, a := range p.apps {
		kind, name, ok := strings.Cut(a.name, "/")
		if !ok {
			kind, name = "deploy", a.name
		}
		spec := corev1.PodSpec{}
		if err := yaml.UnmarshalStrict([]byte("{"+a.spec+"}"), &spec); err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		meta := metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(name)}
		template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}}, Spec: spec}
		owner := metav1.OwnerReference{APIVersion: "apps/v1", Name: name, UID: types.UID(name), Controller: new(true)}
		switch kind {
		case "deploy":
			owner.Kind = "Deployment"
			objects = append(objects, &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template}})
		case "ds":
			owner.Kind = "DaemonSet"
			objects = append(objects, &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Template: template}})
		}
		for k, node := range strings.Fields(a.on) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint(name, "-", k), Namespace: "shop", Labels: template.Labels, UID: types.UID(fmt.Sprint(name, "-", k)),
				CreationTimestamp: metav1.Time{Time: time.Date(2026, 1, 1, i, k, 0, 0, time.UTC)}}, Spec: spec}
			if pod.Status.Phase = corev1.PodPending; node != "-" {
				pod.Spec.NodeName, pod.Status.Phase = node, corev1.PodRunning
			}
			switch {
			case owner.Kind != "":
				pod.OwnerReferences = []metav1.OwnerReference{owner}
			case kind == "static":
				pod.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
				pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node, UID: types.UID(node), Controller: new(true)}}
			}
			objects = append(objects, pod)
		}
	}
	decode := scheme.Codecs.UniversalDeserializer()
	for doc := range strings.SplitSeq(p.others, "---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		o, _, err := decode.Decode([]byte(doc), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	s := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(s); err != nil {
		t.Fatal(err)
	}
	r := kube.Reader{Kube: fake.NewClientset(objects...), Metadata: metadatafake.NewSimpleMetadataClient(s), Facts: facts.Embedded(), Patience: time.Second, Objects: true}
	c, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upgrade is pool a to another Windows.
func upgrade(t testing.TB, to string) *Change {
	t.Helper()
	s, err := labels.Parse("pool=a")
	if err != nil {
		t.Fatal(err)
	}
	return &Change{Pool: s, To: host(t, to)}
}

// run simulates a change: what it says of each workload, by name.
func run(t *testing.T, c *kube.Cluster, change *Change) (*Report, map[string]*Workload) {
	t.Helper()
	f := facts.Embedded()
	s := Simulator{Doctor: &kube.Doctor{Facts: f, Images: &kube.Images{Facts: f, Offline: true}}}
	r, err := s.Run(t.Context(), c, change)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*Workload{}
	for i := range r.Workloads {
		by[r.Workloads[i].Name] = &r.Workloads[i]
	}
	return r, by
}

// told is a workload in a line: outcome, marks, where its pods go, and the text.
func told(w *Workload) string {
	if w == nil {
		return "nothing is said"
	}
	s := string(w.Outcome)
	if w.Broken {
		s += " broken"
	}
	if w.LastNode {
		s += " last"
	}
	for _, p := range w.Put {
		at := p.Node
		if at == "" {
			at = "-"
		}
		s += " " + p.Pod[strings.LastIndexByte(p.Pod, '-')+1:] + ">" + at
	}
	if w.Evicted > 0 {
		s += fmt.Sprintf(" evicted=%d", w.Evicted)
	}
	may := slices.Sorted(maps.Keys(w.nodes))
	return s + " may:" + strings.Join(may, ",")
}

func TestRun(t *testing.T) {
	two := []string{"a1 a " + v19, "a2 a " + v19}
	mixed := append(slices.Clone(two), "b1 b "+v22)
	const high, low = "priority: 100, priorityClassName: high, ", "priority: 1, priorityClassName: low, "
	for _, c := range []struct {
		name string
		pool
		change func(*Change)
		want   map[string]string // by workload: how what is told begins
		text   map[string]string // a part of its text
		notes  string            // a part of them
	}{
		{name: "preemption: the higher priority evicts the lower", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22}, // labelled otherwise since
			{"small", "b1 b1", low + "nodeSelector: {pool: b}, " + two22},
		}}, want: map[string]string{"vip": "runs 0>b1 may:b1", "small": "pending broken 1>- evicted=1 may:b1"},
			text: map[string]string{"small": "1 of 2 pods finds no room: 1 is evicted for a pod of higher priority"}},
		{name: "preemption: never", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{
			{"vip", "a1", high + "preemptionPolicy: Never, nodeSelector: {pool: b}, " + two22},
			{"small", "b1 b1", low + "nodeSelector: {pool: b}, " + two22},
		}}, want: map[string]string{"vip": "pending broken 0>- may:", "small": "runs may:b1"}},
		{name: "preemption: not of equals", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22},
			{"small", "b1 b1", high + "nodeSelector: {pool: b}, " + two22},
		}}, want: map[string]string{"vip": "pending broken 0>-", "small": "runs may:b1"}},
		{name: "preemption: of the least important, which go elsewhere", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22, "b2 b " + v22, "c1 c " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22},
			{"middle", "b1 b1", "priority: 10, priorityClassName: middle, " + two22},
			{"small", "b2 b2", low + two22},
			{"full", "c1", low + two22},
		}}, want: map[string]string{"vip": "runs 0>b2", "middle": "runs may:", "small": "runs 1>"}},
		{name: "preemption: a bare pod is lost", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22},
			{"pod/one", "b1", low + "nodeSelector: {pool: b}, " + two22},
			{"other", "b1", high + "nodeSelector: {pool: b}, " + two22},
		}}, want: map[string]string{"vip": "runs 0>b1", "one-0": "lost broken evicted=1", "other": "runs may:b1"},
			text: map[string]string{"one-0": "nobody makes it anew when it is evicted from b1 for a pod of higher priority"}},
		{name: "preemption: one victim after another", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22, "c1 c " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22},
			{"middle", "b1 b1", "priority: 10, priorityClassName: middle, nodeSelector: {kubernetes.io/os: windows}, " + two22},
			{"small", "c1 c1", low + "nodeSelector: {pool: c}, " + two22},
			{"stays", "a1 a1", "priority: 50, priorityClassName: stays, nodeSelector: {pool: a}, " + two22},
		}}, want: map[string]string{"vip": "runs 0>b1", "middle": "runs 1>c1 evicted=1", "small": "pending broken 1>- evicted=1", "stays": "runs 0>a1 1>a1"}},
		{name: "preemption: a DaemonSet's pod has its class's priority", pool: pool{nodes: []string{"a1 a " + v19}, apps: []app{
			{"ds/agent", "", "priorityClassName: system-node-critical, nodeSelector: {node.kubernetes.io/windows-build: 10.0.20348}, " + two22},
			{"big", "a1 a1", "priority: 5, nodeSelector: {pool: a}, " + two22},
		}}, want: map[string]string{"agent": "runs a1>a1", "big": "pending broken 0>a1 1>-"}},
		{name: "taints of the pool stay, cordons and passing ones do not", pool: pool{nodes: []string{"a1 a " + v19 + " !only !node.kubernetes.io/not-ready", "b1 b linux"}, apps: []app{
			{"web", "a1", "tolerations: [{key: only, operator: Exists}], nodeSelector: {pool: a}, " + only22},
			{"not", "-", "nodeSelector: {pool: a}, " + only22},
		}}, want: map[string]string{"web": "runs 0>a1 may:a1", "not": "pending 0>- may:"}},
		{name: "nodeName", pool: pool{nodes: mixed, apps: []app{
			{"pinned", "a1", "nodeName: a1, " + only19},
			{"away", "b1", "nodeName: b1, " + only22},
		}}, want: map[string]string{"pinned": "fails broken last 0>a1 may:a1", "away": "runs may:b1"}},
		{name: "nodeName of a node that goes", pool: pool{nodes: mixed, apps: []app{{"pinned", "a1", "nodeName: a1, " + only19}}},
			change: func(c *Change) { c.Remove, c.Pool = c.Pool, nil },
			want:   map[string]string{"pinned": "pending broken last 0>- may:"}, text: map[string]string{"pinned": "spec.nodeName puts it on a1, which goes"}},
		{name: "nodeName, where there is no room", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{
			{"big", "a1 a1", "nodeSelector: {pool: a}, " + two22}, {"pinned", "a1", "nodeName: a1, " + two22}}},
			want: map[string]string{"pinned": "runs 0>a1", "big": "pending broken 0>a1 1>-"}},
		{name: "static pods", pool: pool{nodes: mixed, apps: []app{{"static/proxy", "a1", only19}, {"static/other", "b1", only22}}},
			want: map[string]string{"proxy-0": "fails broken last may:a1", "other-0": "runs may:b1"}},
		{name: "bare pods", pool: pool{nodes: mixed, apps: []app{{"pod/one", "a1", only19}, {"pod/two", "b1", only22}}},
			want: map[string]string{"one-0": "lost broken", "two-0": "runs may:b1"}, text: map[string]string{"one-0": "nobody makes it anew when a1 goes or is replaced"}},
		{name: "DaemonSets", pool: pool{nodes: mixed, apps: []app{
			{"ds/old", "a1 a2", "nodeSelector: {node.kubernetes.io/windows-build: 10.0.17763}, " + only19},
			{"ds/new", "b1", "nodeSelector: {node.kubernetes.io/windows-build: 10.0.20348}, " + only22},
			{"ds/all", "a1 a2 b1", "nodeSelector: {kubernetes.io/os: windows}, " + only19},
			{"ds/wait", "a1 a2", "nodeSelector: {pool: a}, containers: [{name: c, image: x, resources: {requests: {cpu: 5}}}]"},
		}}, want: map[string]string{"old": "no-nodes broken last may:", "new": "runs a1>a1 a2>a2 may:a1,a2,b1", "all": "fails broken last 0>a1 1>a2 may:a1,a2,b1", "wait": "pending broken 0>- 1>- may:"}},
		{name: "a volume of a node, of a zone", pool: pool{nodes: []string{"a1 a " + v19 + " topology.kubernetes.io/zone=x", "a2 a " + v19 + " topology.kubernetes.io/zone=x", "b1 b " + v22 + " topology.kubernetes.io/zone=x", "b2 b " + v22 + " topology.kubernetes.io/zone=y"},
			apps:   []app{{"node", "a1", "volumes: [{name: v, persistentVolumeClaim: {claimName: node}}], " + only22}, {"zone", "a1", "volumes: [{name: v, persistentVolumeClaim: {claimName: zone}}], " + only22}, {"none", "a1", "volumes: [{name: v, persistentVolumeClaim: {claimName: none}}], " + only22}},
			others: volume("node", "kubernetes.io/hostname", "a1") + volume("zone", "topology.kubernetes.io/zone", "x")},
			want: map[string]string{"node": "runs 0>a1 may:a1", "zone": "runs 0>a2 may:a1,a2,b1", "none": "pending broken 0>- may:"},
			text: map[string]string{"none": `persistentvolumeclaim "none" not found`}},
		{name: "a volume of a node that goes", pool: pool{nodes: mixed, apps: []app{{"node", "a1", "volumes: [{name: v, persistentVolumeClaim: {claimName: node}}], " + only22}}, others: volume("node", "kubernetes.io/hostname", "a1")},
			change: func(c *Change) { c.Remove, c.Pool = c.Pool, nil }, want: map[string]string{"node": "pending broken 0>- may:"}},
		{name: "scheduling gates", pool: pool{nodes: mixed, apps: []app{{"gated", "-", "schedulingGates: [{name: x}], " + only22}}}, want: map[string]string{"gated": "pending 0>-"}},
		{name: "another scheduler", pool: pool{nodes: mixed, apps: []app{{"own", "a1", "schedulerName: mine, " + only22}}}, want: map[string]string{"own": "runs 0>"}, notes: "scheduled by mine"},
		{name: "a runtime class for Hyper-V", pool: pool{nodes: two, apps: []app{{"vm", "a1", "runtimeClassName: runhcs-wcow-hypervisor, nodeSelector: {pool: a}, " + only19}}},
			want: map[string]string{"vm": "unknown 0>"}, text: map[string]string{"vm": "Kubernetes does not support Hyper-V isolated containers"}},
		{name: "the user's own labels of a version", pool: pool{nodes: []string{"a1 a " + v19 + " os-version=ws2019"}, apps: []app{{"web", "a1", "nodeSelector: {os-version: ws2019}, " + only19}}},
			want: map[string]string{"web": "fails broken last 0>a1 may:a1"}, notes: "os-version=ws2019"},
		{name: "pods near pods that move", pool: pool{nodes: mixed, apps: []app{
			{"db", "a1", only22},
			{"near", "a1", "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}}, " + only22},
		}}, want: map[string]string{"near": "runs 0>a1 may:a1,a2,b1"}},
		{name: "a cordoned node is replaced by one that is not", pool: pool{nodes: []string{"a1 a " + v19 + " cordoned", "b1 b " + v22 + " cordoned"}, apps: []app{{"web", "a1", only22}}},
			want: map[string]string{"web": "runs 0>a1 may:a1"}},
		{name: "preemption: of two nodes that are alike either may be", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22, "b2 b " + v22}, apps: []app{
			{"vip", "a1", high + "nodeSelector: {pool: b}, " + two22}, {"small", "b1 b1 b2 b2", low + "nodeSelector: {pool: b}, " + two22}}},
			want: map[string]string{"vip": "runs 0>b1 may:b1,b2", "small": "pending broken 1>- evicted=1 may:b1,b2"}},
		{name: "some waited, more wait then", pool: pool{nodes: []string{"a1 a " + v19, "b1 b " + v22}, apps: []app{{"web", "a1 a1 b1 b1 -", two22}}},
			change: func(c *Change) { c.Remove, c.Pool = c.Pool, nil }, want: map[string]string{"web": "pending broken"}},
		{name: "at risk, and as bad before", pool: pool{nodes: append(slices.Clone(mixed), "b2 b "+v22), apps: []app{{"web", "a1 a2", "nodeSelector: {kubernetes.io/os: windows}, " + only19}, {"bad", "b1", "nodeSelector: {pool: b}, " + only19}}},
			change: func(c *Change) { c.Pool = labels.SelectorFromSet(labels.Set{corev1.LabelHostname: "a1"}) },
			want:   map[string]string{"web": "at-risk broken 0>", "bad": "fails may:b1,b2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := upgrade(t, "10.0.20348.5622")
			if c.change != nil {
				c.change(change)
			}
			r, by := run(t, c.read(t), change)
			for name, want := range c.want {
				if got := told(by[name]); !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s, want %s: %s", name, got, want, by[name].Text)
				}
			}
			for name, want := range c.text {
				if got := by[name].Text; !strings.Contains(got, want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, c.notes) {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// volume is a claim that is bound to a volume of the nodes with a label.
func volume(name, key, value string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s, uid: pv-%[1]s}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: local
  local: {path: /d}
  claimRef: {namespace: shop, name: %[1]s, uid: pvc-%[1]s}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: %[2]s, operator: In, values: [%[3]s]}]}]}}
status: {phase: Bound}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %[1]s, namespace: shop, uid: pvc-%[1]s, annotations: {pv.kubernetes.io/bind-completed: "yes"}}
spec: {accessModes: [ReadWriteOnce], storageClassName: local, volumeName: %[1]s, resources: {requests: {storage: 1Gi}}}
status: {phase: Bound}
---
`, name, key, value)
}
