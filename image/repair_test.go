package image

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// silent pushes an index that is written by hand: two Windows children without
// os.version, one of them with an empty one, and much that must survive.
func silent(t testing.TB, r *registry, repo, tag string) (body []byte) {
	t.Helper()
	d := func(o obj) string {
		return `"digest": "` + o["digest"].(string) + `", "size": ` + string(tree{}.json(t, o["size"]))
	}
	a, b := r.image(repo, "", typeOCIManifest, windows("10.0.20348.5622")), r.image(repo, "", typeOCIManifest, windows("10.0.17763.9245"))
	l := r.image(repo, "", typeOCIManifest, obj{"os": "linux", "architecture": "amd64"})
	body = []byte("{\n\t\"annotations\":{\"z\":\"1\",\"a\":\"é\\u00e9\"}, \"schemaVersion\": 2,\"mediaType\":\"" + typeOCIIndex + "\",\n" +
		"\t\"manifests\": [\n\t\t{" + d(l) + ", \"mediaType\": \"" + typeOCIManifest + "\", \"platform\": {\"os\":\"linux\",\"architecture\":\"amd64\"}},\n" +
		"\t\t{" + d(a) + ", \"mediaType\": \"" + typeOCIManifest + "\", \"platform\": {\n\t\t\t\"os\": \"windows\",\n\t\t\t\"architecture\": \"amd64\"\n\t\t}, \"unknown\": [1e3, 1.0]},\n" +
		"\t\t{\"platform\":{\"architecture\":\"amd64\",\"os.version\":\"\",\"os\":\"windows\"}," + d(b) + ",\"mediaType\":\"" + typeOCIManifest + "\"}\n\t]\n}\n")
	if _, err := r.mem.PushManifest(context.Background(), repo, tag, body, typeOCIIndex); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestRepair(t *testing.T) {
	r := newRegistry(t)
	before := silent(t, r, "app", "1")
	c := quick()
	ref := r.ref("app:1")
	p, err := c.PlanRepair(context.Background(), ref, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 2 || p.Changes[0].OSVersion != "10.0.20348.5622" || p.Changes[1].OSVersion != "10.0.17763.9245" || p.Before != sha(before) || len(p.Left)+len(p.Breaks) != 0 || p.Unasked != "" {
		t.Fatalf("%+v", p)
	}
	if got := get(t, c, ref); got.Digest != sha(before) {
		t.Fatal("a plan changed the index")
	}
	if err := c.ApplyRepair(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	after, _, digest, err := c.repository(ref).raw(context.Background(), "1", "")
	if err != nil || digest != p.After {
		t.Fatalf("%s %v, want %s", digest, err, p.After)
	}
	want := bytes.Replace(before, []byte("\"architecture\": \"amd64\"\n\t\t}"), []byte("\"architecture\": \"amd64\",\n\t\t\t\"os.version\": \"10.0.20348.5622\"\n\t\t}"), 1)
	want = bytes.Replace(want, []byte(`"os.version":""`), []byte(`"os.version":"10.0.17763.9245"`), 1)
	if !bytes.Equal(after, want) {
		t.Errorf("\n%s\nwant\n%s", after, want)
	}
	if again, err := c.PlanRepair(context.Background(), ref, true); err != nil || again.After != again.Before || len(again.Changes)+len(again.Left) != 0 {
		t.Errorf("the second time: %v %+v", err, again)
	}
	if m := get(t, c, ref); m.Has(FindingVersionMissing) || len(m.Findings) != 0 {
		t.Errorf("%v", m.Findings)
	}
	// By its digest: the new one is there, and no tag has moved.
	silent(t, r, "app", "2")
	by := r.ref("app@" + sha(before))
	if p, err = c.PlanRepair(context.Background(), by, false); err == nil {
		err = c.ApplyRepair(context.Background(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m := get(t, c, r.ref("app:2")); m.Digest != sha(before) {
		t.Error("the tag was moved")
	}
	if m := get(t, c, r.ref("app@"+p.After)); len(m.Findings) != 0 {
		t.Error("the repaired index is not there")
	}
}

// What refers to the digest before is named.
func TestRepairBreaks(t *testing.T) {
	r := newRegistry(t)
	before := silent(t, r, "app", "1")
	tag := strings.Replace(sha(before), ":", "-", 1)
	r.image("app", tag+".sig", typeOCIManifest, obj{"os": "", "architecture": ""})
	subject := obj{"mediaType": typeOCIIndex, "digest": sha(before), "size": len(before)}
	empty := r.blob("app", []byte("{}"))
	empty["mediaType"] = "application/vnd.oci.empty.v1+json"
	sbom := r.put("app", "", typeOCIManifest, obj{"artifactType": "application/spdx+json", "config": empty, "layers": []obj{}, "subject": subject})
	named := func(p *Repair) string {
		var s []string
		for _, b := range p.Breaks {
			s = append(s, b.Kind+" "+b.Name)
		}
		return strings.Join(s, ", ")
	}
	want := "cosign signature " + tag + ".sig, application/spdx+json " + sbom["digest"].(string)
	p, err := quick().PlanRepair(context.Background(), r.ref("app:1"), false)
	if err != nil || named(p) != want || p.Unasked != "" {
		t.Errorf("%v %q %q, want %q", err, named(p), p.Unasked, want)
	}
	// A registry before OCI 1.1: the tag that stands in for it.
	r.put("app", tag, typeOCIIndex, obj{"manifests": []obj{{"mediaType": typeOCIManifest, "digest": sbom["digest"], "size": sbom["size"], "artifactType": "application/spdx+json"}}})
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed} {
		r.wrap = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if strings.Contains(req.URL.Path, "/referrers/") {
					w.WriteHeader(status)
					return
				}
				h.ServeHTTP(w, req)
			})
		}
		if p, err = quick().PlanRepair(context.Background(), r.ref("app:1"), false); err != nil || named(p) != want {
			t.Errorf("%d: %v %q, want %q", status, err, named(p), want)
		}
	}
	r.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/referrers/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, req)
		})
	}
	if p, err = quick().PlanRepair(context.Background(), r.ref("app:1"), false); err != nil || !strings.Contains(p.Unasked, "403") {
		t.Errorf("%v %+v", err, p)
	}
}

// A push asks for the right to push, and what goes wrong is said.
func TestRepairPush(t *testing.T) {
	r := newRegistry(t)
	silent(t, r, "app", "1")
	var mu sync.Mutex
	var scopes []string
	deny := false
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if req.URL.Path == "/token" {
			scopes = append(scopes, req.URL.Query().Get("scope"))
			_, _ = io.WriteString(w, `{"token":"`+strings.ReplaceAll(req.URL.Query().Get("scope"), `"`, "")+`"}`)
			return
		}
		may := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		if req.Method == http.MethodPut && (deny || !strings.HasSuffix(may, ",push")) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="s"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Config.Handler.ServeHTTP(w, req)
	}))
	defer server.Close()
	ref := mustParse(t, strings.TrimPrefix(server.URL, "http://")+"/app:1")
	c := quick()
	p, err := c.PlanRepair(context.Background(), ref, false)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	deny = true
	mu.Unlock()
	if err := c.ApplyRepair(context.Background(), p); !isCode(err, CodeUnauthorized) {
		t.Errorf("%v", err)
	}
	mu.Lock()
	deny = false
	mu.Unlock()
	if err := c.ApplyRepair(context.Background(), p); err != nil {
		t.Error(err)
	}
	mu.Lock()
	for _, s := range scopes {
		if s != "repository:app:pull,push" {
			t.Errorf("scope %q", s)
		}
	}
	mu.Unlock()
	// The tag was moved by somebody else between the plan and the push.
	silent(t, r, "app", "2")
	ref.Tag = "2"
	if p, err = c.PlanRepair(context.Background(), ref, false); err != nil {
		t.Fatal(err)
	}
	r.index("app", "2", "10.0.20348.1")
	if err := c.ApplyRepair(context.Background(), p); !isCode(err, CodeRefused) || !strings.Contains(err.Error(), "moved") {
		t.Errorf("%v", err)
	}
	// A redirect is not followed with the index in hand.
	silent(t, r, "app", "3")
	r.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPut {
				http.Redirect(w, req, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
				return
			}
			h.ServeHTTP(w, req)
		})
	}
	ref.Tag = "3"
	if p, err = c.PlanRepair(context.Background(), ref, false); err != nil {
		t.Fatal(err)
	}
	if err := c.ApplyRepair(context.Background(), p); !isCode(err, CodeRefused) {
		t.Errorf("%v", err)
	}
}

func TestRepairLayout(t *testing.T) {
	f := tree{}
	index := f.list(t, with(f.image(t, windows("10.0.20348.5622")), obj{"os": "windows", "architecture": "amd64"}), with(f.image(t, obj{"os": "linux", "architecture": "amd64"}), obj{"os": "linux", "architecture": "amd64"}))
	other := f.image(t, windows("10.0.17763.1"))
	f.top(t, called(index, "1.0"), called(other, "other"), called(f.image(t, obj{"os": "x", "architecture": "y"}), strings.Replace(index["digest"].(string), ":", "-", 1)+".sig"))
	dir := f.dir(t)
	ref := mustParse(t, "oci:"+dir+":1.0")
	c := quick()
	p, err := c.PlanRepair(context.Background(), ref, false)
	if err != nil || len(p.Changes) != 1 || len(p.Breaks) != 1 {
		t.Fatalf("%v %+v", err, p)
	}
	if err := c.ApplyRepair(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if m := get(t, c, ref); m.Digest != p.After || len(m.Findings) != 0 {
		t.Errorf("%s %v", m.Digest, m.Findings)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// Of index.json one digest and one size are new, and nothing else; every
	// file that was there is there as it was, and no other than the new index.
	size := string(f.json(t, p.Size))
	want := strings.Replace(string(f[fileIndex]), index["digest"].(string), p.After, 1)
	want = strings.Replace(want, `"size":`+string(f.json(t, index["size"])), `"size":`+size, 1)
	var x, y any
	if json.Unmarshal([]byte(want), &x) != nil || json.Unmarshal(read(fileIndex), &y) != nil || !reflect.DeepEqual(x, y) {
		t.Errorf("%s\nwant\n%s", read(fileIndex), want)
	}
	for name, b := range f {
		if name != fileIndex && !bytes.Equal(read(name), b) {
			t.Errorf("%s was changed", name)
		}
	}
	n := 0
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil || n != len(f)+1 {
		t.Errorf("%d files, want %d: %v", n, len(f)+1, err)
	}
	if again, err := c.PlanRepair(context.Background(), ref, true); err != nil || again.After != again.Before {
		t.Errorf("the second time: %v %+v", err, again)
	}

	t.Run("changed meanwhile", func(t *testing.T) {
		dir := f.dir(t)
		p, err := c.PlanRepair(context.Background(), mustParse(t, "oci:"+dir+":1.0"), false)
		if err != nil {
			t.Fatal(err)
		}
		changed := append(bytes.Clone(f[fileIndex]), '\n')
		if err := os.WriteFile(filepath.Join(dir, fileIndex), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.ApplyRepair(context.Background(), p); !isCode(err, CodeRefused) {
			t.Errorf("%v", err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, fileIndex)); err != nil || !bytes.Equal(b, changed) {
			t.Errorf("%v %s", err, b)
		}
	})
	t.Run("whole", func(t *testing.T) { // index.json is the index itself
		f := tree{}
		f.top(t, with(f.image(t, windows("10.0.20348.1")), obj{"os": "windows", "architecture": "amd64"}), with(f.image(t, obj{"os": "linux", "architecture": "a"}), obj{"os": "linux", "architecture": "a"}))
		ref := mustParse(t, "oci:"+f.dir(t))
		p, err := c.PlanRepair(context.Background(), ref, false)
		if err == nil {
			err = c.ApplyRepair(context.Background(), p)
		}
		if err != nil {
			t.Fatal(err)
		}
		if m := get(t, c, ref); saysOf(m) != "yes windows/amd64 10.0.20348.1 linux/a" || m.Digest != p.After {
			t.Errorf("%s", saysOf(m))
		}
	})
}

// What is left as it is, and why.
func TestRepairLeft(t *testing.T) {
	bare := obj{"os": "windows", "architecture": "amd64"}
	for _, c := range []struct {
		name    string
		config  obj
		state   obj
		replace bool
		left    string
		changes int
	}{
		{"config says nothing", bare, bare, false, "its config states no os.version", 0},
		{"config malformed", windows("x"), bare, false, `its config states os.version "x"`, 0},
		{"config of Linux", obj{"os": "linux", "architecture": "amd64"}, bare, false, "its config is not of Windows", 0},
		{"malformed", windows("10.0.20348.1"), windows("20348"), false, "--replace", 0},
		{"malformed, replaced", windows("10.0.20348.1"), windows("20348"), true, "", 1},
		{"another", windows("10.0.20348.1"), windows("10.0.17763.1"), false, "", 0},
		{"another, replaced", windows("10.0.20348.1"), windows("10.0.17763.1"), true, "", 1},
		{"stated, config silent", bare, windows("10.0.17763.1"), true, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			r.put("app", "1", typeOCIIndex, obj{"manifests": []obj{with(r.image("app", "", typeOCIManifest, c.config), c.state)}})
			p, err := quick().PlanRepair(context.Background(), r.ref("app:1"), c.replace)
			if err != nil || len(p.Changes) != c.changes || (c.left == "") != (len(p.Left) == 0) || c.left != "" && !strings.Contains(p.Left[0].Why, c.left) {
				t.Errorf("%v %+v", err, p)
			}
		})
	}
	t.Run("nested", func(t *testing.T) {
		r := newRegistry(t)
		inner := r.put("app", "", typeOCIIndex, obj{"manifests": []obj{with(r.image("app", "", typeOCIManifest, windows("10.0.1.1")), bare)}})
		r.put("app", "1", typeOCIIndex, obj{"manifests": []obj{inner}})
		p, err := quick().PlanRepair(context.Background(), r.ref("app:1"), false)
		if err != nil || len(p.Left) != 1 || !strings.Contains(p.Left[0].Why, "index in the index") {
			t.Errorf("%v %+v", err, p)
		}
	})
	t.Run("twice", func(t *testing.T) {
		r := newRegistry(t)
		d := r.image("app", "", typeOCIManifest, windows("10.0.20348.1"))
		body := tree{}.json(t, obj{"schemaVersion": 2, "mediaType": typeOCIIndex, "manifests": []obj{with(d, bare)}})
		body = bytes.Replace(body, []byte(`"platform":{`), []byte(`"platform":{"os.version":"10.0.17763.1","OS.version":"",`), 1)
		if _, err := r.mem.PushManifest(context.Background(), "app", "1", body, typeOCIIndex); err != nil {
			t.Fatal(err)
		}
		if _, err := quick().PlanRepair(context.Background(), r.ref("app:1"), false); !isCode(err, CodeRefused) {
			t.Errorf("%v", err)
		}
	})
}
