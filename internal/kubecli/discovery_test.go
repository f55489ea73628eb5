package kubecli

import (
	"encoding/json"
	"net/http"
	"strings"
)

// shortNames of resources, by kind, and the API that each is of.
var (
	shortNames = map[string]string{"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds", "ReplicaSet": "rs", "CronJob": "cj", "Pod": "po", "Node": "no"}
	apis       = map[string][]string{"v1": {"Node", "Pod", "Event"}, "apps/v1": {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}, "batch/v1": {"Job", "CronJob"}, "node.k8s.io/v1": {"RuntimeClass"}}
)

// discover answers which resources there are, and for one of them by its name; ok
// is false where the request is for something else.
func (s *server) discover(w http.ResponseWriter, r *http.Request) (ok bool) {
	path := strings.Trim(r.URL.Path, "/")
	var out map[string]any
	switch version := strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/"); {
	case path == "api":
		out = map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
	case path == "apis":
		var groups []any
		for version := range apis {
			if group, v, ok := strings.Cut(version, "/"); ok {
				one := map[string]any{"groupVersion": version, "version": v}
				groups = append(groups, map[string]any{"name": group, "versions": []any{one}, "preferredVersion": one})
			}
		}
		out = map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
	case apis[version] != nil:
		var list []any
		for _, kind := range apis[version] {
			list = append(list, map[string]any{"name": resources[kind], "singularName": strings.ToLower(kind), "kind": kind, "shortNames": []string{shortNames[kind]},
				"namespaced": kind != "Node" && kind != "RuntimeClass", "verbs": []string{"get", "list", "patch"}})
		}
		out = map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list}
	default:
		parts := strings.Split(path, "/")
		if len(parts) < 5 || parts[len(parts)-4] != "namespaces" {
			return false
		}
		namespace, resource, name := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
		for _, o := range s.items[resource] {
			if m := o["metadata"].(map[string]any); m["name"] == name && m["namespace"] == namespace {
				out = o
			}
		}
		if out == nil {
			fail(w, http.StatusNotFound, "NotFound", nil)
			return true
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
	return true
}
