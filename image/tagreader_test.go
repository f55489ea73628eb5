package image

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func TestTagReader(t *testing.T) {
	for _, c := range []struct {
		name        string
		wrap        func(w http.ResponseWriter, req *http.Request, inner http.Handler)
		heads, gets int
	}{
		{"each image once", nil, 5, 2},
		{"no HEAD", func(w http.ResponseWriter, req *http.Request, inner http.Handler) {
			if req.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			inner.ServeHTTP(w, req)
		}, 5, 4 + 1},
		{"no digest", func(w http.ResponseWriter, req *http.Request, inner http.Handler) {
			inner.ServeHTTP(noDigest{w}, req)
		}, 5, 4},
		{"HEAD redirects", func(w http.ResponseWriter, req *http.Request, inner http.Handler) {
			if req.Method == http.MethodHead && req.URL.RawQuery == "" {
				http.Redirect(w, req, req.URL.Path+"?again", http.StatusTemporaryRedirect)
				return
			}
			inner.ServeHTTP(w, req)
		}, 2 * 5, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			for _, tag := range []string{"1", "1.0", "latest"} {
				r.index("a/b", tag, "10.0.20348.5622")
			}
			r.index("a/b", "2", "10.0.17763.9245")
			if c.wrap != nil {
				r.wrap = func(inner http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { c.wrap(w, req, inner) })
				}
			}
			r.requests()
			reader := quick().TagReader(r.ref("a/b:1"))
			results := reader.Read(context.Background(), []string{"latest", "2", "none"})
			results = append(results, reader.Read(context.Background(), []string{"1.0", "1"})...)
			for i, want := range []string{"latest 10.0.20348.5622", "2 10.0.17763.9245", "none", "1.0 10.0.20348.5622", "1 10.0.20348.5622"} {
				tag, version, _ := strings.Cut(want, " ")
				if got := results[i].Image.Reference; got != r.host+"/a/b:"+tag {
					t.Errorf("%s: %s", want, got)
				}
				if version == "" {
					wantError(t, tag, results[i].Err, CodeNotFound, r.host+"/a/b:none: ")
					continue
				}
				if m := results[i].Image; results[i].Err != nil || m.Basis != BasisRegistry || m.Digest == "" || len(m.Children) != 1 || m.Children[0].OSVersion != version {
					t.Errorf("%s: %+v, %v", want, m, results[i].Err)
				}
			}
			heads, gets := 0, 0
			for _, line := range r.requests() {
				if strings.HasPrefix(line, "HEAD ") {
					heads++
				} else {
					gets++
				}
			}
			if heads != c.heads || gets != c.gets {
				t.Errorf("%d HEAD and %d GET, want %d and %d", heads, gets, c.heads, c.gets)
			}
		})
	}
}

// noDigest takes the digest out of answers.
type noDigest struct{ http.ResponseWriter }

func (w noDigest) WriteHeader(code int) {
	w.Header().Del("Docker-Content-Digest")
	w.ResponseWriter.WriteHeader(code)
}

// TestTagReaderParallel: two thousand tags, no more requests at once than
// Parallel, and each image once.
func TestTagReaderParallel(t *testing.T) {
	r := newRegistry(t)
	var tags []string
	for i := range 2000 {
		tags = append(tags, fmt.Sprintf("v%d", i))
		r.index("a/b", tags[i], fmt.Sprintf("10.0.20348.%d", i/10))
	}
	var now, most atomic.Int64
	r.wrap = func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			inner.ServeHTTP(w, req)
		})
	}
	r.requests()
	c := quick()
	c.Parallel = 8
	reader := c.TagReader(r.ref("a/b"))
	for i, res := range reader.Read(context.Background(), tags) {
		if res.Err != nil || res.Image.Children[0].OSVersion != fmt.Sprintf("10.0.20348.%d", i/10) {
			t.Fatalf("%s: %+v, %v", tags[i], res.Image, res.Err)
		}
	}
	log := r.requests()
	gets := slices.DeleteFunc(slices.Clone(log), func(s string) bool { return strings.HasPrefix(s, "HEAD ") })
	if len(log)-len(gets) != 2000 || len(gets) != 200 || most.Load() > 8 {
		t.Errorf("%d HEAD, %d GET, %d at once", len(log)-len(gets), len(gets), most.Load())
	}
}
