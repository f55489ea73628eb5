package simulate

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/winver"
)

// windowsNode is a node as its kubelet registers it, with some labels besides.
func windowsNode(name, arch, kernel string, more map[string]string) *corev1.Node {
	v, err := winver.Parse(kernel)
	if err != nil {
		panic(err)
	}
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelOSStable: "windows", corev1.LabelArchStable: arch, corev1.LabelHostname: name, corev1.LabelWindowsBuild: winver.OfBuild(v.Build).String()}}}
	maps.Copy(n.Labels, more)
	n.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: "windows", Architecture: arch, KernelVersion: kernel, OSImage: "Windows Server 2022 Datacenter", ContainerRuntimeVersion: "containerd://2.1.6"}
	return n
}

// clusterOf is a cluster of nodes alone.
func clusterOf(nodes ...*corev1.Node) *kube.Cluster {
	c := &kube.Cluster{Objects: &kube.Objects{Nodes: nodes}}
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, kube.NodeOf(facts.Embedded(), n))
	}
	return c
}

func host(t testing.TB, text string) winver.Host {
	t.Helper()
	h, err := winver.ParseHost(facts.Embedded(), text)
	if err != nil {
		t.Fatal(err)
	}
	h.Edition = winver.Server
	return h
}

// TestLabelsFollow: a node that gets another Windows has the labels that its
// kubelet, and kubectl winmatch label, would give it; the user's own stay.
func TestLabelsFollow(t *testing.T) {
	for _, c := range []struct {
		what      string
		old, want map[string]string // beside the kubelet's
	}{
		{"none of ours", map[string]string{"pool": "a"}, map[string]string{"pool": "a"}},
		{"Microsoft's", map[string]string{kube.LabelOSBuild: "20348"}, map[string]string{kube.LabelOSBuild: "26100"}},
		{"ours", map[string]string{kube.LabelVersion: "10.0.20348.1", kube.LabelRuns + "17763": "true"},
			map[string]string{kube.LabelOSBuild: "26100", kube.LabelVersion: "10.0.26100.4061", kube.LabelRuns + "20348": "true", kube.LabelRuns + "26100": "true"}},
	} {
		before := windowsNode("w", "amd64", "10.0.20348.5622", c.old)
		change := &Change{Pool: labels.Everything(), To: host(t, "10.0.26100.4061"), Runtime: compat.Runtime{}}
		change.Runtime, _ = compat.ParseRuntime("containerd@2.3.5")
		p, err := change.apply(facts.Embedded(), clusterOf(before))
		if err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(c.want)
		want[corev1.LabelOSStable], want[corev1.LabelArchStable], want[corev1.LabelHostname] = "windows", "amd64", "w"
		want[corev1.LabelWindowsBuild] = "10.0.26100"
		if got := p.nodes[0].Labels; !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.what, got, want)
		}
		if got := p.objects[0].Labels; !maps.Equal(got, want) {
			t.Errorf("%s: the scheduler sees %v, want %v", c.what, got, want)
		}
		if got := before.Labels[corev1.LabelWindowsBuild]; got != "10.0.20348" {
			t.Errorf("%s: the node that is there has become %s", c.what, got)
		}
	}
}

// TestARM64: a node stays the machine that it is, and nothing is claimed of what
// runs on an ARM one.
func TestARM64(t *testing.T) {
	f := facts.Embedded()
	ours := map[string]string{kube.LabelVersion: "10.0.20348.5622"}
	cluster := clusterOf(windowsNode("arm", "arm64", "10.0.20348.5622", ours))
	runtime, err := compat.ParseRuntime("containerd@2.3.5")
	if err != nil {
		t.Fatal(err)
	}
	spec := &kube.Spec{Containers: []kube.Container{{Name: "app", Image: "mcr.microsoft.com/windows/servercore:ltsc2025"}}}
	for what, change := range map[string]*Change{
		"--to":      {Pool: labels.Everything(), To: host(t, "ws2025")},
		"--runtime": {Pool: labels.Everything(), Runtime: runtime},
		"--add":     {Add: []Addition{{Count: 1, To: host(t, "ws2025")}}},
	} {
		p, err := change.apply(f, cluster)
		if err != nil {
			t.Fatal(err)
		}
		after := &p.nodes[len(p.nodes)-1]
		if object := p.objects[len(p.objects)-1]; !after.Host.ARM64 || object.Status.NodeInfo.Architecture != "arm64" || object.Labels[corev1.LabelArchStable] != "arm64" {
			t.Errorf("%s: %+v, %s", what, after.Host, object.Status.NodeInfo.Architecture)
		}
		for key := range after.Labels {
			if key == kube.LabelRuns+"26100" || key == kube.LabelRuns+"20348" {
				t.Errorf("%s: it has %s", what, key)
			}
		}
		d := &kube.Doctor{Facts: f, Images: &kube.Images{Facts: f, Offline: true}}
		place, _ := d.Judge(t.Context(), cluster, []kube.Node{*after}, map[kube.Owner][]*kube.Spec{{Kind: "Deployment", Name: "web"}: {spec}}).On(spec, after)
		if place.Answer != compat.Unknown {
			t.Errorf("%s: %s, want unknown: %s", what, place.Answer, place.Text)
		}
	}
}
