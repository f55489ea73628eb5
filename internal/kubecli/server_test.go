package kubecli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"
)

// A server answers lists as an API server does, page by page, with what a file
// holds, and fails as it is told to. It is there for faults that a real server does
// not show on demand; test/kube asks a real one.
type server struct {
	items  map[string][]map[string]any // by resource
	faults map[string]string           // of a resource: forbidden, expired, busy, broken
	asked  map[string]*atomic.Int32

	mu      sync.Mutex
	patched map[string]int // how often, by the node's name
}

var resources = map[string]string{"Node": "nodes", "Pod": "pods", "Event": "events", "ReplicaSet": "replicasets", "Job": "jobs", "Deployment": "deployments",
	"StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "CronJob": "cronjobs", "RuntimeClass": "runtimeclasses",
	"PersistentVolumeClaim": "persistentvolumeclaims", "PersistentVolume": "persistentvolumes", "StorageClass": "storageclasses", "CSINode": "csinodes", "CSIDriver": "csidrivers",
	"CSIStorageCapacity": "csistoragecapacities", "Namespace": "namespaces"}

// serve FILE [RESOURCE=FAULT…] starts a server and sets KUBECONFIG.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	s := &server{items: map[string][]map[string]any{}, faults: map[string]string{}, asked: map[string]*atomic.Int32{}, patched: map[string]int{}}
	for kind, resource := range resources {
		_ = kind
		s.asked[resource] = &atomic.Int32{}
	}
	for doc := range strings.SplitSeq(ts.ReadFile(args[0]), "\n---\n") {
		var obj map[string]any
		ts.Check(yaml.Unmarshal([]byte(doc), &obj))
		kind, _ := obj["kind"].(string)
		m, _ := obj["metadata"].(map[string]any)
		if m["uid"] == nil {
			m["uid"] = "uid-" + m["name"].(string)
		}
		s.items[resources[kind]] = append(s.items[resources[kind]], obj)
	}
	for _, f := range args[1:] {
		resource, fault, _ := strings.Cut(f, "=")
		s.faults[resource] = fault
	}
	web := httptest.NewServer(s)
	ts.Defer(web.Close)
	config := ts.MkAbs("kubeconfig")
	ts.Check(os.WriteFile(config, []byte(`apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "`+web.URL+`"}}]
contexts: [{name: test, context: {cluster: test, user: me}}]
current-context: test
users: [{name: me, user: {token: x}}]
`), 0o600))
	ts.Setenv("KUBECONFIG", config)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.discover(w, r) {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if i := len(parts) - 2; i > 0 && parts[i] == "nodes" {
		s.node(w, r, parts[i+1])
		return
	}
	resource, namespace := parts[len(parts)-1], ""
	if i := len(parts) - 3; i > 0 && parts[i] == "namespaces" {
		namespace = parts[i+1]
	}
	n := s.asked[resource]
	if n == nil {
		fail(w, http.StatusNotFound, "NotFound", nil)
		return
	}
	token, times := r.URL.Query().Get("continue"), n.Add(1)
	switch fault := s.faults[resource]; {
	case fault == "forbidden":
		fail(w, http.StatusForbidden, "Forbidden", nil)
		return
	case fault == "busy" && times == 1:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests, "TooManyRequests", nil)
		return
	case fault == "expired" && token != "" && times == 2:
		fail(w, http.StatusGone, "Expired", nil)
		return
	case fault == "older" && token != "" && times == 2: // the list goes on, at a newer state
		fail(w, http.StatusGone, "Expired", map[string]any{"continue": token})
		return
	case fault == "broken" && token != "":
		panic(http.ErrAbortHandler)
	}
	var all []map[string]any
	for _, o := range s.items[resource] {
		if m := o["metadata"].(map[string]any); namespace == "" || m["namespace"] == namespace {
			all = append(all, o)
		}
	}
	start, _ := strconv.Atoi(token)
	limit := 2
	meta := map[string]any{"resourceVersion": "1"}
	end := min(len(all), start+limit)
	if end < len(all) {
		meta["continue"] = strconv.Itoa(end)
	}
	list := map[string]any{"metadata": meta, "items": all[min(start, len(all)):end]}
	for kind, name := range resources {
		if name == resource {
			list["kind"] = kind + "List"
		}
	}
	list["apiVersion"] = parts[1]
	if parts[0] == "apis" {
		list["apiVersion"] = parts[1] + "/" + parts[2]
	}
	if strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
		list["kind"], list["apiVersion"] = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	if list["items"] == nil {
		list["items"] = []any{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

func fail(w http.ResponseWriter, code int, reason string, meta map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if meta == nil {
		meta = map[string]any{}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure", "code": code, "reason": reason, "message": reason})
}
