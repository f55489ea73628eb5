package kube

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// TestNodeOf: nodes as the clouds and old kubelets report them.
func TestNodeOf(t *testing.T) {
	for _, test := range []struct {
		osImage, kernel, runtime string
		version                  string
		edition                  winver.Edition
		engine                   string
	}{
		// AKS, EKS and GKE
		{"Windows Server 2022 Datacenter", "10.0.20348.2113", "containerd://1.6.21+azure", "10.0.20348.2113", winver.Server, "containerd 1.6.21"},
		{"Windows Server 2019 Datacenter", "10.0.17763.4645", "containerd://1.6.18", "10.0.17763.4645", winver.Server, "containerd 1.6.18"},
		{"Windows Server Datacenter", "10.0.19042.1466", "containerd://1.5.4-gke.0", "10.0.19042.1466", winver.Server, "containerd 1.5.4"},
		{"Windows Server Datacenter", "10.0.25398.887", "containerd://1.7.14+azure", "10.0.25398.887", winver.Server, "containerd 1.7.14"},
		{"Windows Server 2022 Datacenter Azure Edition", "10.0.20348.2113", "containerd://v1.7.7-k3s1", "10.0.20348.2113", winver.Server, "containerd 1.7.7"},
		{"Windows Server 2025 Datacenter", "10.0.26100.4946", "containerd://2.0.0-rc.3", "10.0.26100.4946", winver.Server, "containerd 2.0.0"},
		{"Windows Server 2019 Standard Evaluation", "10.0.17763.1", "docker://19.3.14", "10.0.17763.1", winver.Server, "docker 19.3.14"},
		// the ProductName of Windows 11 is that of Windows 10
		{"Windows 10 Enterprise", "10.0.26100.7000", "containerd://2.1.6", "10.0.26100.7000", winver.Client, "containerd 2.1.6"},
		// half of it is missing, or foreign
		{"", "10.0.20348.2113", "containerd://Unknown", "10.0.20348.2113", winver.Server, "none"},
		{"Windows Server 2016 Datacenter", "", "", "10.0.14393", winver.Server, "none"},
		{"", "", "cri-o://1.30.0", "", winver.UnknownEdition, "none"},
		{"<script>", "6.12.0", "://", "", winver.UnknownEdition, "none"},
	} {
		n := NodeOf(facts.Embedded(), &corev1.Node{Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "windows", Architecture: "amd64",
			OSImage: test.osImage, KernelVersion: test.kernel, ContainerRuntimeVersion: test.runtime}}})
		version := ""
		if n.Host.Version.IsValid() {
			version = n.Host.Version.String()
		}
		if version != test.version || n.Host.Edition != test.edition || n.Runtime.String() != test.engine {
			t.Errorf("%q %q %q: %q, %s, %s, want %q, %s, %s", test.osImage, test.kernel, test.runtime, version, n.Host.Edition, n.Runtime, test.version, test.edition, test.engine)
		}
	}
}

// windowsNodes are nodes of Windows Server 2019, 2022 and 2025, and one of Linux.
var windowsNodes = `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: w19, labels: {kubernetes.io/os: windows}}, status: {nodeInfo: {operatingSystem: windows, architecture: amd64, kernelVersion: 10.0.17763.9245, osImage: Windows Server 2019 Datacenter, containerRuntimeVersion: "containerd://2.1.6"}}}
- {apiVersion: v1, kind: Node, metadata: {name: w22, labels: {kubernetes.io/os: windows}}, status: {nodeInfo: {operatingSystem: windows, architecture: amd64, kernelVersion: 10.0.20348.5622, osImage: Windows Server 2022 Datacenter, containerRuntimeVersion: "containerd://2.1.6"}}}
- {apiVersion: v1, kind: Node, metadata: {name: w25, labels: {kubernetes.io/os: windows}}, status: {nodeInfo: {operatingSystem: windows, architecture: amd64, kernelVersion: 10.0.26100.7000, osImage: Windows Server 2025 Datacenter, containerRuntimeVersion: "containerd://2.1.6"}}}
- {apiVersion: v1, kind: Node, metadata: {name: l1, labels: {kubernetes.io/os: linux}}, status: {nodeInfo: {operatingSystem: linux, architecture: amd64, kernelVersion: 6.12.0, osImage: Debian GNU/Linux 13, containerRuntimeVersion: "containerd://2.1.6"}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {selector: {}, template: {spec: {NODES containers: [{name: c, image: "IMAGE"}]}}}}
`

// TestIndexes: images of several systems and builds, as a registry has them.
func TestIndexes(t *testing.T) {
	linux := image.Child{OS: "linux", Architecture: "amd64"}
	windows := func(v string) image.Child {
		version, err := winver.Parse(v)
		if err != nil {
			t.Fatal(err)
		}
		return image.Child{OS: "windows", Architecture: "amd64", OSVersion: v, Version: version}
	}
	const onWindows = "nodeSelector: {kubernetes.io/os: windows},"
	for _, test := range []struct {
		what     string
		nodes    string
		children []image.Child
		want     string // the finding's beginning; "" for none
	}{
		{"all systems and builds, anywhere", "", []image.Child{linux, windows("10.0.17763.6054"), windows("10.0.20348.2700"), windows("10.0.26100.1")}, ""},
		{"two builds, of which the newest host runs one", onWindows, []image.Child{linux, windows("10.0.17763.6054"), windows("10.0.20348.2700")}, ""},
		{"one build is missing", onWindows, []image.Child{linux, windows("10.0.20348.2700")}, "at-risk Deployment shop/web IMAGE: it may be put on nodes that cannot run the image: 17763.9245 (1 node); it runs on 20348.5622 (1 node), 26100.7000 (1 node)"},
		{"the same, and Linux nodes, which run it", "", []image.Child{linux, windows("10.0.20348.2700")}, "at-risk Deployment shop/web IMAGE: it may be put on nodes that cannot run the image: 17763.9245 (1 node); "},
		{"Windows alone, anywhere", "", []image.Child{windows("10.0.17763.6054"), windows("10.0.20348.2700")}, "wrong-os Deployment shop/web IMAGE: the image is for Windows, but the pods may be put on 1 node of another system"},
		{"Linux alone, anywhere", "", []image.Child{linux}, "wrong-os Deployment shop/web IMAGE: the image is not for Windows, but the pods may be put on 3 Windows nodes"},
		{"Linux alone, on Windows", onWindows, []image.Child{linux}, "no-node Deployment shop/web IMAGE: no node that it may be put on can run the image: "},
		{"Linux alone, where it belongs", "nodeSelector: {kubernetes.io/os: linux},", []image.Child{linux}, ""},
	} {
		const ref = "registry.example/multi:1"
		text := strings.NewReplacer("NODES", test.nodes, "IMAGE", ref).Replace(windowsNodes)
		d := Doctor{Facts: facts.Embedded(), Today: today, Images: &Images{Facts: facts.Embedded(), Offline: true,
			known: map[string]*image.Image{ref: {Reference: ref, Basis: image.BasisRegistry, Children: test.children}}}}
		report := d.Examine(t.Context(), load(t, text))
		for _, f := range report.Findings {
			if len(f.Remedies) == 0 {
				t.Errorf("%s: nothing helps", test.what)
			}
		}
		got := strings.Join(lines(report), "\n")
		want := strings.ReplaceAll(test.want, "IMAGE", ref)
		if (want == "") != (got == "") || !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s: found %q, want %q", test.what, got, want)
		}
	}
}

// TestLocalImages: of an image that is never pulled no registry is asked.
func TestLocalImages(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/app:1"
	for _, test := range []struct {
		policy, want string
		asked        bool
	}{
		{"Never", "unknown Deployment shop/web " + ref, false},
		{"IfNotPresent", "unknown Deployment shop/web " + ref, true},
	} {
		asked.Store(0)
		text := strings.NewReplacer("NODES", "nodeSelector: {kubernetes.io/os: windows},", `image: "IMAGE"`, `imagePullPolicy: `+test.policy+`, image: "`+ref+`"`).Replace(windowsNodes)
		d := Doctor{Facts: facts.Embedded(), Today: today, Images: &Images{Facts: facts.Embedded(), Insecure: true}}
		got := strings.Join(lines(d.Examine(t.Context(), load(t, text))), "\n")
		if !strings.HasPrefix(got, test.want) || (asked.Load() > 0) != test.asked {
			t.Errorf("%s: found %q, the registry was asked %d times", test.policy, got, asked.Load())
		}
	}
}

// TestDigests: what is known of an image by its digest alone.
func TestDigests(t *testing.T) {
	const known, other = "python@sha256:2d1e3d441186140cccbc7c72544fb48c0fdeff1abd01cf4a9293bc910368b156", "registry.example/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for ref, want := range map[string]string{
		known: "no-node Deployment shop/web " + known, // of Windows Server 2016, as was recorded
		other: "unknown Deployment shop/web " + other,
	} {
		text := strings.NewReplacer("NODES", "nodeSelector: {kubernetes.io/os: windows},", "IMAGE", ref).Replace(windowsNodes)
		if got := strings.Join(lines(examine(t, text)), "\n"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: found %q, want %q", ref, got, want)
		}
	}
}

// TestWaitRemedies: pods that wait for a label of ours are helped by label, where a
// node is what they wait for.
func TestWaitRemedies(t *testing.T) {
	want := map[string]string{"aff": "kubectl winmatch label w22 --apply", "sel": "kubectl winmatch label w22 --apply", "none": ""}
	for _, f := range examine(t, testdata(t, "waiting-labels")).Findings {
		if got := f.Remedies[0].Command; got != want[f.Owner.Name] {
			t.Errorf("%s: %q, want %q", f.Owner, f.Remedies, want[f.Owner.Name])
		}
		delete(want, f.Owner.Name)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}
