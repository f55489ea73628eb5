package kubecli

import (
	"encoding/json"
	"maps"
	"net/http"
)

// node answers for one node: GET, and PATCH as server-side apply of labels where
// nobody else has set them. Faults of "nodes/NAME" are a real server's, of PATCH
// alone, as far as they are not called gone.
func (s *server) node(w http.ResponseWriter, r *http.Request, name string) {
	fault := s.faults["nodes/"+name]
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPatch {
		s.patched[name]++
		switch {
		case fault == "gone":
			s.items["nodes"] = remove(s.items["nodes"], name)
			fail(w, http.StatusConflict, "Conflict", nil)
			return
		case fault == "forbidden":
			fail(w, http.StatusForbidden, "Forbidden", nil)
			return
		case fault == "unauthorized":
			fail(w, http.StatusUnauthorized, "Unauthorized", nil)
			return
		case fault == "busy" && s.patched[name] == 1:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusTooManyRequests, "TooManyRequests", nil)
			return
		case fault == "broken" && s.patched[name] == 1:
			panic(http.ErrAbortHandler)
		}
	}
	for _, o := range s.items["nodes"] {
		m := o["metadata"].(map[string]any)
		if m["name"] != name {
			continue
		}
		if r.Method == http.MethodPatch {
			var want struct {
				Metadata struct{ Labels map[string]any }
			}
			if r.Header.Get("Content-Type") != "application/apply-patch+yaml" || r.URL.Query().Get("fieldManager") != "winmatch" || json.NewDecoder(r.Body).Decode(&want) != nil {
				fail(w, http.StatusBadRequest, "BadRequest", nil)
				return
			}
			maps.Copy(m["labels"].(map[string]any), want.Metadata.Labels)
		}
		o["apiVersion"], o["kind"] = "v1", "Node"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(o)
		return
	}
	fail(w, http.StatusNotFound, "NotFound", nil)
}

func remove(list []map[string]any, name string) (out []map[string]any) {
	for _, o := range list {
		if o["metadata"].(map[string]any)["name"] != name {
			out = append(out, o)
		}
	}
	return out
}
