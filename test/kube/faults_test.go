//go:build realparts

package kube_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/test/kube/cluster"
)

// front stands before the real API server and does what a test says to requests.
type front struct {
	*httptest.Server
	fault atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // true: it has answered
}

func newFront(t *testing.T) *front {
	t.Helper()
	transport, err := rest.TransportFor(&rest.Config{TLSClientConfig: control.Config.TLSClientConfig, BearerToken: control.Config.BearerToken})
	must(t, err)
	to, err := url.Parse(control.Config.Host)
	must(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: transport}
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if do := f.fault.Load(); do != nil && (*do)(w, r) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) does(fault func(http.ResponseWriter, *http.Request) bool) {
	if fault == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&fault)
}

func (f *front) kubeconfig(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q}}]
contexts: [{name: test, context: {cluster: test, user: me}}]
current-context: test
users: [{name: me, user: {}}]
`, f.URL), 0o600))
	return file
}

// report reads the cluster in small pages and examines it.
func (f *front) report(t *testing.T, namespace string) *kube.Report {
	t.Helper()
	config := &rest.Config{Host: f.URL, QPS: -1}
	k, err := kubernetes.NewForConfig(config)
	must(t, err)
	m, err := metadata.NewForConfig(config)
	must(t, err)
	r := kube.Reader{Kube: k, Metadata: m, Facts: facts.Embedded(), Namespaces: []string{namespace}, PageSize: 3, Patience: 2 * time.Second}
	c, err := r.Read(t.Context())
	must(t, err)
	d := kube.Doctor{Facts: facts.Embedded(), Today: 20261124, Images: &kube.Images{Facts: facts.Embedded(), Offline: true}}
	return d.Examine(t.Context(), c)
}

func codes(r *kube.Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Code, f.Owner, f.Image))
	}
	return list
}

// is reports whether a request is for the list of a resource, of its first page or
// a later one.
func is(r *http.Request, resource string, later bool) bool {
	return strings.HasSuffix(r.URL.Path, "/"+resource) && (r.URL.Query().Get("continue") != "") == later
}

func refuse(w http.ResponseWriter, code int, reason string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code), Reason: metav1.StatusReason(reason), Message: reason})
	return true
}

// cut sends the beginning of an answer and closes the connection.
func cut(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100000")
	_, _ = io.WriteString(w, `{"kind":"PodList","apiVersion":"v1","items":[`)
	panic(http.ErrAbortHandler)
}

// TestFaults: a cluster of seven nodes, read in pages of three, through a server
// that fails in every way. What comes back whole is the whole answer; what does not
// is named, and nothing is said that more reading would have taken back.
func TestFaults(t *testing.T) {
	ctx := t.Context()
	pool := map[string]string{"pool": "faults"}
	var names []string
	for i := range 7 { // the last node is the only one that runs the image
		n := cluster.Node{Name: fmt.Sprintf("fault-%d", i), Kernel: "10.0.17763.9245", OSImage: "Windows Server 2019 Datacenter", Labels: pool}
		if i == 6 {
			n.Kernel, n.OSImage = "10.0.20348.5622", "Windows Server 2022 Datacenter"
		}
		must(t, control.AddNode(ctx, n))
		names = append(names, n.Name)
	}
	must(t, control.Namespace(ctx, "faults"))
	app := deployment("faults", "web", "mcr.microsoft.com/windows/nanoserver:ltsc2022", pool)
	seven := int32(7)
	app.Spec.Replicas = &seven
	app.Spec.Template.Annotations = map[string]string{cluster.RunsOn: names[6], cluster.Message: "The container operating system does not match the host operating system."}
	waits := deployment("faults", "waits", "mcr.microsoft.com/windows/nanoserver:ltsc2022", map[string]string{"pool": "faults", "beta.kubernetes.io/osbuild": "26100"})
	right := deployment("faults", "right", "mcr.microsoft.com/windows/nanoserver:ltsc2022", map[string]string{corev1.LabelHostname: names[6]})
	right.Spec.Template.Annotations = map[string]string{cluster.RunsOn: "*"}
	for _, d := range []*appsv1.Deployment{app, waits, right} {
		_, err := control.Kube.AppsV1().Deployments("faults").Create(ctx, d, metav1.CreateOptions{})
		must(t, err)
	}
	must(t, control.Until(ctx, "all pods are placed or wait", func() error {
		list, err := control.Kube.CoreV1().Pods("faults").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		n := 0
		for i := range list.Items {
			p := &list.Items[i]
			if len(p.Status.ContainerStatuses) > 0 || p.Spec.NodeName == "" && len(p.Status.Conditions) > 0 && p.Status.Conditions[0].Reason == corev1.PodReasonUnschedulable {
				n++
			}
		}
		if n != 9 {
			return fmt.Errorf("%d of 9", n)
		}
		return nil
	}))
	f := newFront(t)
	whole := codes(f.report(t, "faults"))
	want := []string{"failed Deployment faults/web mcr.microsoft.com/windows/nanoserver:ltsc2022", "waiting Deployment faults/waits"}
	if len(whole) != 2 || whole[0] != want[0] || strings.TrimSpace(whole[1]) != want[1] {
		t.Fatalf("found %q", whole)
	}

	kinds := []string{"nodes", "pods", "events", "deployments", "replicasets", "jobs", "cronjobs", "daemonsets", "statefulsets", "runtimeclasses"}
	for _, kind := range kinds {
		t.Run("forbidden "+kind, func(t *testing.T) {
			f.does(func(w http.ResponseWriter, r *http.Request) bool {
				return is(r, kind, false) && refuse(w, http.StatusForbidden, "Forbidden")
			})
			partial(t, f.report(t, "faults"), kind, false, whole)
		})
	}
	t.Run("429 once, of everything", func(t *testing.T) {
		var asked sync.Map
		f.does(func(w http.ResponseWriter, r *http.Request) bool {
			_, again := asked.LoadOrStore(r.URL.Path, true)
			return !again && refuse(w, http.StatusTooManyRequests, "TooManyRequests")
		})
		r := f.report(t, "faults")
		if got := codes(r); !slices.Equal(got, whole) || len(r.Unseen) > 0 {
			t.Errorf("found %q, unseen %+v", got, r.Unseen)
		}
	})
	for _, kind := range []string{"nodes", "pods"} {
		t.Run("dies in the middle of "+kind, func(t *testing.T) {
			f.does(func(w http.ResponseWriter, r *http.Request) bool { return is(r, kind, true) && cut(w, r) })
			partial(t, f.report(t, "faults"), kind, true, whole)
		})
		t.Run("cut once in the middle of "+kind, func(t *testing.T) {
			var n atomic.Int32
			f.does(func(w http.ResponseWriter, r *http.Request) bool {
				return is(r, kind, true) && n.Add(1) == 1 && cut(w, r)
			})
			r := f.report(t, "faults")
			if got := codes(r); !slices.Equal(got, whole) || len(r.Unseen) > 0 {
				t.Errorf("found %q, unseen %+v", got, r.Unseen)
			}
		})
		t.Run("410 "+kind, func(t *testing.T) {
			must(t, control.Compact(ctx))
			var gone, n atomic.Int32
			f.does(func(_ http.ResponseWriter, r *http.Request) bool {
				if is(r, kind, true) && n.Add(1) == 1 { // the token of a state that etcd has forgotten
					q := r.URL.Query()
					q.Set("continue", aged(t, q.Get("continue")))
					r.URL.RawQuery = q.Encode()
					gone.Add(1)
				}
				return false
			})
			r := f.report(t, "faults")
			if got := codes(r); !slices.Equal(got, whole) || len(r.Unseen) > 0 || gone.Load() == 0 {
				t.Errorf("found %q, unseen %+v", got, r.Unseen)
			}
		})
	}
	f.does(nil)
	t.Run("watch", func(t *testing.T) { watch(t, f) })
	for _, d := range []string{"web", "waits", "right"} {
		must(t, control.Kube.AppsV1().Deployments("faults").Delete(ctx, d, metav1.DeleteOptions{}))
	}
	for _, name := range names {
		must(t, control.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}))
	}
}

// aged is a continue token of the first state of the store.
func aged(t *testing.T, token string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(token)
	must(t, err)
	var v map[string]any
	must(t, json.Unmarshal(b, &v))
	v["rv"] = 2
	b, err = json.Marshal(v)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(b)
}

// partial holds a report of which one resource is missing against the whole one.
func partial(t *testing.T, r *kube.Report, kind string, some bool, whole []string) {
	t.Helper()
	if len(r.Unseen) != 1 || r.Unseen[0].Resource != kind || r.Unseen[0].Partial != some || r.Unseen[0].Forbidden == some {
		t.Errorf("unseen %+v", r.Unseen)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		text := codes(&kube.Report{Findings: r.Findings[i : i+1]})[0]
		switch {
		case slices.Contains(whole, text):
		// Without replica sets the pods' owner is theirs, and without pods the
		// template is judged.
		case kind == "replicasets" && (strings.HasPrefix(text, "failed ReplicaSet faults/web-") || strings.HasPrefix(text, "waiting ReplicaSet faults/waits-")):
		case (kind == "replicasets" || kind == "pods") && strings.HasPrefix(text, "at-risk Deployment faults/web "):
		default:
			t.Errorf("found besides: %s: %s", text, f.Text)
		}
	}
	if len(r.Findings) == 0 {
		t.Error("nothing was judged")
	}
}

// output is what a program has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// watch: doctor --watch answers anew when something has changed, and only then; a
// server that is away is waited for.
func watch(t *testing.T, f *front) {
	ctx := t.Context()
	var out, errs output
	cmd := exec.CommandContext(ctx, program, "doctor", "--offline", "--watch", "--every", "1s", "-n", "faults", "--kubeconfig", f.kubeconfig(t))
	cmd.Stdout, cmd.Stderr = &out, &errs
	must(t, cmd.Start())
	defer func() { _ = cmd.Wait() }()
	defer cmd.Process.Kill() //nolint:errcheck // it may have ended
	says := func(o *output, what string) {
		t.Helper()
		must(t, control.Until(ctx, "doctor says "+what, func() error {
			if !strings.Contains(o.String(), what) {
				return fmt.Errorf("it says\n%s%s", &out, &errs)
			}
			return nil
		}))
	}
	says(&out, "waiting  Deployment faults/waits")
	before := out.String()
	time.Sleep(4 * time.Second)
	if out.String() != before {
		t.Errorf("nothing has changed, and it says\n%s", strings.TrimPrefix(out.String(), before))
	}
	// Away, and back as it was: nothing to say on standard output.
	f.does(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	says(&errs, "warning: "+f.URL)
	f.does(nil)
	time.Sleep(4 * time.Second)
	if out.String() != before {
		t.Errorf("the server was away, and it says\n%s", strings.TrimPrefix(out.String(), before))
	}
	_, err := control.Kube.AppsV1().Deployments("faults").Patch(ctx, "right", types.MergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"fabrikamfiberweb","image":"mcr.microsoft.com/windows/nanoserver:ltsc2025"}]}}}}`), metav1.PatchOptions{})
	must(t, err)
	says(&out, "Deployment faults/right")
	if after, _ := strings.CutPrefix(out.String(), before); strings.Contains(before, "faults/right") || !strings.Contains(after, "nanoserver:ltsc2025") {
		t.Errorf("it says\n%s", after)
	}
}
