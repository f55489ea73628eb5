package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

// TestMain lets this binary stand in for two other programs: a Docker
// credential helper, and a small winmatch that reads one image.
func TestMain(m *testing.M) {
	if ref := os.Getenv("IMAGE_TEST_GET"); ref != "" {
		r, err := Parse(ref)
		if err == nil {
			c := &Client{Insecure: true, Timeout: 5 * time.Second}
			var img Image
			if img, err = c.Get(context.Background(), r); err == nil {
				fmt.Println(say(img))
			}
		}
		if err != nil {
			fmt.Println("error:", err)
		}
		os.Exit(0)
	}
	if strings.HasPrefix(filepath.Base(os.Args[0]), "docker-credential-") {
		host, _ := io.ReadAll(os.Stdin)
		switch mode := os.Getenv("IMAGE_TEST_HELPER"); mode {
		case "hang":
			time.Sleep(time.Minute)
		case "none":
			fmt.Println("credentials not found in native keychain")
			os.Exit(1)
		case "fail":
			fmt.Println("the secret is s3cret")
			os.Exit(1)
		default:
			_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"ServerURL": string(host), "Username": mode, "Secret": "s3cret"})
		}
		os.Exit(0)
	}
	_ = os.Setenv("DOCKER_CONFIG", filepath.Join(os.TempDir(), "no-such-folder-for-docker"))
	os.Exit(m.Run())
}

// registry is an in-memory registry on the loopback interface that keeps a log
// of requests.
type registry struct {
	testing.TB
	*httptest.Server
	mem  *ocimem.Registry
	host string
	wrap func(http.Handler) http.Handler

	mu  sync.Mutex
	log []string
}

func newRegistry(t testing.TB) *registry {
	t.Helper()
	r := &registry{TB: t, mem: ocimem.New()}
	inner := ociserver.New(r.mem, nil)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.log = append(r.log, req.Method+" "+req.URL.Path)
		r.mu.Unlock()
		h := inner
		if r.wrap != nil {
			h = r.wrap(inner)
		}
		h.ServeHTTP(w, req)
	}))
	r.host = r.Listener.Addr().String()
	t.Cleanup(r.Close)
	return r
}

func (r *registry) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	log := r.log
	r.log = nil
	return log
}

func sha(b []byte) string {
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:])
}

type obj = map[string]any

func (r *registry) blob(repo string, content []byte) obj {
	r.Helper()
	d := ociregistry.Descriptor{Digest: ociregistry.Digest(sha(content)), Size: int64(len(content)), MediaType: "application/octet-stream"}
	if _, err := r.mem.PushBlob(context.Background(), repo, d, bytes.NewReader(content)); err != nil {
		r.Fatal(err)
	}
	return obj{"digest": sha(content), "size": len(content)}
}

func (r *registry) put(repo, tag, mediaType string, doc obj) obj {
	r.Helper()
	doc["schemaVersion"] = 2
	doc["mediaType"] = mediaType
	b, err := json.Marshal(doc)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.mem.PushManifest(context.Background(), repo, tag, b, mediaType); err != nil {
		r.Fatal(err)
	}
	return obj{"mediaType": mediaType, "digest": sha(b), "size": len(b)}
}

// image pushes one image and returns its descriptor.
func (r *registry) image(repo, tag, mediaType string, config obj) obj {
	r.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		r.Fatal(err)
	}
	d := r.blob(repo, b)
	d["mediaType"] = typeOCIConfig
	if mediaType == typeDockerManifest {
		d["mediaType"] = typeDockerConfig
	}
	return r.put(repo, tag, mediaType, obj{"config": d, "layers": []obj{}})
}

func windows(version string) obj {
	return obj{"os": "windows", "architecture": "amd64", "os.version": version}
}

// with adds a platform to a descriptor.
func with(d, platform obj) obj {
	c := obj{"platform": platform}
	for k, v := range d {
		c[k] = v
	}
	return c
}

// index pushes an index over one image a version.
func (r *registry) index(repo, tag string, versions ...string) obj {
	r.Helper()
	var list []obj
	for _, v := range versions {
		list = append(list, with(r.image(repo, "", typeOCIManifest, windows(v)), windows(v)))
	}
	return r.put(repo, tag, typeOCIIndex, obj{"manifests": list})
}

func (r *registry) ref(s string) Reference {
	r.Helper()
	return mustParse(r, r.host+"/"+s)
}

func mustParse(t testing.TB, s string) Reference {
	t.Helper()
	ref, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func quick() *Client {
	return &Client{Insecure: true, Mirrors: []string{}, Timeout: 5 * time.Second, backoff: 5 * time.Millisecond, budget: 2 * time.Second}
}

func get(t testing.TB, c *Client, ref Reference) Image {
	t.Helper()
	m, err := c.Get(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIndexInOneRequest(t *testing.T) {
	r := newRegistry(t)
	const repo = "windows/servercore"
	full := windows("10.0.20348.2227")
	full["os.features"] = []string{"win32k"}
	first := r.image(repo, "", typeOCIManifest, full)
	second := r.image(repo, "", typeDockerManifest, windows("10.0.17763.5329"))
	attest := with(r.image(repo, "", typeOCIManifest, obj{"os": "unknown", "architecture": "unknown"}), obj{"os": "unknown", "architecture": "unknown"})
	attest["annotations"] = obj{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": first["digest"]}
	linux := with(r.image(repo, "", typeOCIManifest, obj{"os": "linux", "architecture": "arm64", "variant": "v8"}), obj{"os": "linux", "architecture": "arm64", "variant": "v8"})
	for _, mediaType := range []string{typeOCIIndex, typeDockerList} {
		d := r.put(repo, "test", mediaType, obj{"manifests": []obj{with(first, full), attest, with(second, windows("10.0.17763.5329")), linux}})
		r.requests()
		m := get(t, quick(), r.ref(repo+":test"))
		if log := r.requests(); len(log) != 1 || log[0] != "GET /v2/"+repo+"/manifests/test" {
			t.Errorf("requests: %q", log)
		}
		if m.Basis != BasisRegistry || m.Index != Yes || m.Digest != d["digest"] || m.MediaType != mediaType || len(m.Findings) != 0 || len(m.Children) != 4 {
			t.Fatalf("%+v", m)
		}
		c := m.Children
		if !c[0].Windows() || c[0].OSVersion != "10.0.20348.2227" || c[0].Version.Short() != "20348.2227" || c[0].Digest != first["digest"] ||
			!slices.Equal(c[0].OSFeatures, []string{"win32k"}) || c[0].FromConfig {
			t.Errorf("%+v", c[0])
		}
		if !c[1].Attestation || c[1].Windows() {
			t.Errorf("%+v", c[1])
		}
		if c[2].Version.Short() != "17763.5329" || c[2].MediaType != typeDockerManifest {
			t.Errorf("%+v", c[2])
		}
		if c[3].OS != "linux" || c[3].Variant != "v8" || c[3].Architecture != "arm64" {
			t.Errorf("%+v", c[3])
		}
		// The same by digest, a tag beside it or not.
		for _, s := range []string{"@" + m.Digest, ":whatever@" + m.Digest} {
			if m2 := get(t, quick(), r.ref(repo+s)); m2.Digest != m.Digest || len(m2.Children) != 4 {
				t.Errorf("%+v", m2)
			}
			if log := r.requests(); len(log) != 1 {
				t.Errorf("requests: %q", log)
			}
		}
	}
}

func TestSingleManifest(t *testing.T) {
	r := newRegistry(t)
	for _, mediaType := range []string{typeOCIManifest, typeDockerManifest} {
		d := r.image("a", "one", mediaType, windows("10.0.17763.437"))
		r.requests()
		m := get(t, quick(), r.ref("a:one"))
		if log := r.requests(); len(log) != 2 {
			t.Errorf("requests: %q", log)
		}
		if m.Index != No || len(m.Children) != 1 || m.Digest != d["digest"] || m.Children[0].Digest != m.Digest ||
			m.Children[0].Version.Short() != "17763.437" || !m.Children[0].FromConfig || len(m.Findings) != 0 {
			t.Errorf("%+v", m)
		}
	}
	r.image("a", "linux", typeOCIManifest, obj{"os": "linux", "architecture": "amd64"})
	if m := get(t, quick(), r.ref("a:linux")); m.Children[0].OS != "linux" || len(m.Findings) != 0 {
		t.Errorf("%+v", m)
	}
	r.image("a", "none", typeOCIManifest, obj{"os": "windows", "architecture": "amd64"})
	if m := get(t, quick(), r.ref("a:none")); !m.Has(FindingVersionMissing) || m.Children[0].Version.IsValid() {
		t.Errorf("%+v", m)
	}
	// A config inside the manifest saves a request.
	config := []byte(`{"os":"windows","architecture":"amd64","os.version":"10.0.20348.1"}`)
	in := r.blob("a", config)
	in["mediaType"], in["data"] = typeOCIConfig, base64.StdEncoding.EncodeToString(config)
	r.put("a", "data", typeOCIManifest, obj{"config": in, "layers": []obj{}})
	r.requests()
	if m := get(t, quick(), r.ref("a:data")); m.Children[0].Version.Short() != "20348.1" || len(r.requests()) != 1 {
		t.Errorf("%+v", m)
	}
	// Something that is no image.
	chart := r.blob("a", []byte(`{"name":"x"}`))
	chart["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
	r.put("a", "chart", typeOCIManifest, obj{"config": chart, "layers": []obj{}})
	_, err := quick().Get(context.Background(), r.ref("a:chart"))
	wantError(t, "chart", err, CodeManifest, "not an image")
}

func TestIndexWithoutVersions(t *testing.T) {
	r := newRegistry(t)
	bare := obj{"os": "windows", "architecture": "amd64"}
	missing := r.image("a", "", typeOCIManifest, windows("10.0.17763.437"))
	neither := r.image("a", "", typeOCIManifest, bare)
	anything := r.image("a", "", typeOCIManifest, windows("10.0.20348.5"))
	r.put("a", "t", typeOCIIndex, obj{"manifests": []obj{
		with(missing, bare), with(neither, bare), anything,
		with(r.image("a", "", typeOCIManifest, windows("10.0.1.x")), windows("10.0.x")),
		with(r.image("a", "", typeOCIManifest, windows("20348")), windows("20348")),
		with(r.image("a", "", typeOCIManifest, windows("10.0.20348.9")), windows("10.0.20348.9")),
	}})
	r.requests()
	m := get(t, quick(), r.ref("a:t"))
	if n := len(r.requests()); n != 7 {
		t.Errorf("%d requests, want 1 and 2 for each child without os.version", n)
	}
	var got []string
	for _, c := range m.Children {
		got = append(got, fmt.Sprintf("%s %s %v %v", c.OS, c.OSVersion, c.Version, c.FromConfig))
	}
	want := []string{"windows 10.0.17763.437 10.0.17763.437 true", "windows   true", "windows 10.0.20348.5 10.0.20348.5 true",
		"windows 10.0.x  false", "windows 20348  false", "windows 10.0.20348.9 10.0.20348.9 false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	var codes []string
	for _, f := range m.Findings {
		codes = append(codes, f.Code)
	}
	if want := []string{FindingVersionMissing, FindingVersionMissing, FindingVersionMissing, FindingVersionMalformed, FindingVersionMalformed}; !slices.Equal(codes, want) {
		t.Errorf("%q", m.Findings)
	}
}

func TestIndexShapes(t *testing.T) {
	r := newRegistry(t)
	inner := r.index("a", "inner", "10.0.20348.1", "10.0.17763.1")
	outer := r.put("a", "outer", typeOCIIndex, obj{"manifests": []obj{inner, with(r.image("a", "", typeOCIManifest, windows("10.0.26100.1")), windows("10.0.26100.1"))}})
	r.requests()
	m := get(t, quick(), r.ref("a:outer"))
	if len(r.requests()) != 2 || len(m.Children) != 3 || m.Children[0].Version.Build != 20348 || m.Children[2].Version.Build != 26100 || !m.Has(FindingIndexInIndex) {
		t.Errorf("%+v", m)
	}
	r.put("a", "deep", typeOCIIndex, obj{"manifests": []obj{outer}})
	if m := get(t, quick(), r.ref("a:deep")); len(m.Children) != 1 || !m.Has(FindingIndexDepth) {
		t.Errorf("%+v", m)
	}
	r.put("a", "empty", typeOCIIndex, obj{"manifests": []obj{}})
	if m := get(t, quick(), r.ref("a:empty")); m.Index != Yes || !m.Has(FindingIndexEmpty) {
		t.Errorf("%+v", m)
	}
}

func TestNameAgainstContent(t *testing.T) {
	r := newRegistry(t)
	r.index("windows/servercore", "ltsc2022", "10.0.17763.437")
	m := get(t, quick(), r.ref("windows/servercore:ltsc2022"))
	if !m.Has(FindingDisagree) || m.Family != "ltsc2022" || !m.Floating {
		t.Errorf("%+v", m)
	}
	r.index("windows/servercore", "10.0.17763.437", "10.0.17763.438")
	if m := get(t, quick(), r.ref("windows/servercore:10.0.17763.437")); !m.Has(FindingDisagree) {
		t.Errorf("%+v", m)
	}
	r.index("windows/servercore", "ltsc2019", "10.0.17763.438")
	if m := get(t, quick(), r.ref("windows/servercore:ltsc2019")); len(m.Findings) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestOffline(t *testing.T) {
	r := newRegistry(t)
	r.index("windows/servercore", "ltsc2019", "10.0.17763.438")
	r.requests()
	c := quick()
	c.Offline = true
	if m := get(t, c, r.ref("windows/servercore:ltsc2019")); m.Basis != BasisTag || m.Children[0].Version.Short() != "17763" {
		t.Errorf("%+v", m)
	}
	if n := len(r.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := c.Get(context.Background(), mustParse(t, "windows:nonsense")); err == nil {
		t.Error("no error")
	}
}

func TestGetAll(t *testing.T) {
	r := newRegistry(t)
	var refs []Reference
	for i := range 60 {
		repo := "r" + strconv.Itoa(i%7)
		tag := "t" + strconv.Itoa(i)
		r.index(repo, tag, "10.0.20348."+strconv.Itoa(i+1))
		refs = append(refs, r.ref(repo+":"+tag))
	}
	refs = append(refs, r.ref("r0:t0"), r.ref("r0:missing"), mustParse(t, "windows:20348.7"), r.ref("r1:t1"))
	refs[60].Raw = "the first again"
	r.requests()
	got := quick().GetAll(context.Background(), refs)
	if n := len(r.requests()); n != 61 {
		t.Errorf("%d requests", n)
	}
	for i := range 60 {
		if got[i].Err != nil || got[i].Image.Children[0].Version.Short() != "20348."+strconv.Itoa(i+1) {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
	if got[60].Image.Digest != got[0].Image.Digest || got[60].Image.Reference != "the first again" || got[0].Image.Reference == "the first again" {
		t.Errorf("%+v", got[60])
	}
	wantError(t, "missing", got[61].Err, CodeNotFound, "r0:missing: the registry has no such image (404 MANIFEST_UNKNOWN)")
	if got[62].Err != nil || got[62].Image.Basis != BasisGiven || got[63].Image.Digest != got[1].Image.Digest {
		t.Errorf("%+v", got[62:])
	}
	if n := len(quick().GetAll(context.Background(), nil)); n != 0 {
		t.Error(n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, res := range quick().GetAll(ctx, refs[:20]) {
		if !errors.Is(res.Err, context.Canceled) {
			t.Fatalf("%v", res.Err)
		}
	}
}

func wantError(t testing.TB, what string, err error, code, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v, want %s", what, err, code)
		return
	}
	if e.Code != code || !strings.Contains(e.Error(), text) {
		t.Errorf("%s: %s: %s (hint %s), want %s: …%s…", what, e.Code, e, e.Hint, code, text)
	}
	for _, secret := range []string{"s3cret", "anna", base64.StdEncoding.EncodeToString([]byte("anna:s3cret")), "t0ken"} {
		if strings.Contains(e.Error()+e.Hint, secret) {
			t.Errorf("%s: %s holds %s", what, e, secret)
		}
	}
	if len(e.Error()) > 600 {
		t.Errorf("%s: an error of %d bytes", what, len(e.Error()))
	}
}

// serve starts a server with one handler and returns its host.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

func TestBadAnswers(t *testing.T) {
	const entry = `{"mediaType":"` + typeOCIManifest + `","digest":"sha256:` + hex64 + `","size":2,"platform":{"os":"windows","architecture":"amd64","os.version":"10.0.1.1"}}`
	send := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if contentType != "" {
				w.Header().Set("Content-Type", contentType)
			}
			_, _ = io.WriteString(w, body)
		}
	}
	indexOf := func(n int, e string) string {
		return `{"schemaVersion":2,"manifests":[` + strings.TrimSuffix(strings.Repeat(e+",", n), ",") + `]}`
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		code    string
		text    string
	}{
		{"empty", send(typeOCIIndex, ""), CodeManifest, "the JSON ends after 0 bytes"},
		{"cut JSON", send(typeOCIIndex, `{"schemaVersion":2,"manifests":[`), CodeManifest, "before it is complete"},
		{"not JSON", send(typeOCIIndex, "<html>"), CodeManifest, "no JSON at byte 1"},
		{"a page", send("text/html; charset=utf-8", "<html>"), CodeManifest, `foreign media type "text/html"`},
		{"foreign type", send("application/vnd.example+json", "{}"), CodeManifest, "foreign media type"},
		{"foreign type inside", send("application/json", `{"mediaType":"application/vnd.example+json"}`), CodeManifest, "foreign media type"},
		{"types differ", send(typeOCIIndex, `{"schemaVersion":2,"mediaType":"`+typeOCIManifest+`","config":{}}`), CodeManifest, "by the document"},
		{"both", send(typeOCIIndex, `{"schemaVersion":2,"manifests":[],"config":{},"layers":[]}`), CodeManifest, "at once"},
		{"a list", send(typeOCIIndex, `[]`), CodeManifest, "JSON array"},
		{"null", send(typeOCIIndex, `null`), CodeManifest, "no list of manifests"},
		{"manifests no list", send(typeOCIIndex, `{"manifests":{}}`), CodeManifest, "not a list"},
		{"schema 1", send(typeSchema1Signed, `{"schemaVersion":1,"fsLayers":[]}`), CodeManifest, "schema 1"},
		{"schema 1 as JSON", send("application/json", `{"schemaVersion":1,"fsLayers":[]}`), CodeManifest, "schema 1"},
		{"schema 3", send(typeOCIIndex, `{"schemaVersion":3,"manifests":[]}`), CodeManifest, "want 2"},
		{"bad digest", send(typeOCIIndex, indexOf(1, `{"digest":"sha256:xyz"}`)), CodeManifest, "entry 1 of the index"},
		{"negative size", send(typeOCIIndex, indexOf(1, `{"digest":"sha256:`+hex64+`","size":-1}`)), CodeManifest, "size -1"},
		{"size beyond numbers", send(typeOCIIndex, indexOf(1, `{"digest":"sha256:`+hex64+`","size":99999999999999999999}`)), CodeManifest, "holds a JSON number"},
		{"size a text", send(typeOCIIndex, indexOf(1, `{"digest":"sha256:`+hex64+`","size":"1"}`)), CodeManifest, "holds a JSON string"},
		{"config negative", send(typeOCIManifest, `{"schemaVersion":2,"config":{"digest":"sha256:`+hex64+`","size":-5}}`), CodeManifest, "size -5"},
		{"config huge", send(typeOCIManifest, `{"schemaVersion":2,"config":{"digest":"sha256:`+hex64+`","size":9223372036854775807}}`), CodeRefused, "larger than 4 MiB"},
		{"no config", send(typeOCIManifest, `{"schemaVersion":2}`), CodeManifest, "no config"},
		{"1,001 entries", send(typeOCIIndex, indexOf(1001, entry)), CodeRefused, "more than 1000 entries"},
		{"a million empty entries", send(typeOCIIndex, indexOf(1000000, "{}")), CodeRefused, "more than 1000 entries"},
		{"17 indexes", send(typeOCIIndex, indexOf(17, `{"mediaType":"`+typeOCIIndex+`","digest":"sha256:`+hex64+`"}`)), CodeDigest, "the registry's answer has the digest"},
		{"10 MB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeOCIIndex)
			w.Header().Set("Content-Length", "10000000")
			_, _ = io.CopyN(w, zeros{}, 10000000)
		}, CodeRefused, "larger than 4 MiB"},
		{"10 MB unannounced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeOCIIndex)
			w.(http.Flusher).Flush()
			_, _ = io.CopyN(w, zeros{}, 10000000)
		}, CodeRefused, "larger than 4 MiB"},
		{"breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
		}, CodeUnreachable, "breaks off after 1 bytes"},
		{"breaks off in a chunk", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, CodeUnreachable, "breaks off after 1 bytes"},
		{"digest header differs", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", "sha256:"+hex64)
			_, _ = io.WriteString(w, indexOf(1, entry))
		}, CodeDigest, "not sha256:" + hex64},
		{"digest header malformed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", "md5:1")
			_, _ = io.WriteString(w, indexOf(1, entry))
		}, CodeDigest, "md5:1"},
		{"401 without a challenge", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, CodeUnauthorized, "denies access (401)"},
		{"401 of a foreign scheme", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Negotiate abc==")
			w.WriteHeader(http.StatusUnauthorized)
		}, CodeUnauthorized, "denies access (401)"},
		{"basic for ever", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, CodeUnauthorized, "denies access (401)"},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, CodeUnauthorized, "denies access (403)"},
		{"404", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errors":[{"code":"NAME_UNKNOWN","message":"t0ken"}]}`)
		}, CodeNotFound, "404 NAME_UNKNOWN"},
		{"405", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }, CodeManifest, "answered 405"},
		{"500", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errors":[{"code":"`+"t0ken"+`"}]}`)
		}, CodeUnreachable, "answers 500"},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, CodeManifest, "answered 204"},
		{"429 and an hour", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, CodeUnreachable, "answers 429 and asks to wait 1h0m0s"},
		{"503 for ever", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, CodeUnreachable, "answers 503"},
		{"redirects for ever", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, CodeRefused, "more than 5 times"},
		{"redirect to nowhere", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }, CodeRefused, "to no place"},
		{"redirect to a file", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, CodeRefused, "not HTTP"},
		{"redirect to metadata", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		}, CodeRefused, "link-local address 169.254.169.254"},
		{"redirect to mapped metadata", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://[::ffff:a9fe:a9fe]/", http.StatusTemporaryRedirect)
		}, CodeRefused, "link-local"},
		{"redirect with a password", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://anna:s3cret@"+r.Host+"/", http.StatusTemporaryRedirect)
		}, CodeRefused, "with credentials in the address"},
		{"token server by plain name", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="file:///etc/passwd"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, CodeRefused, "token server that is refused"},
		{"token server link-local", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://169.254.169.254/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, CodeRefused, "link-local"},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
			_ = conn.Close()
		}, CodeUnreachable, "cannot be reached"},
		{"hangs up", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, CodeUnreachable, "closed the connection before it had answered"},
		{"endless headers", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}, CodeUnreachable, "cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(w http.ResponseWriter, r *http.Request) { c.handler(w, r) })
			begin := time.Now()
			m, err := quick().Get(context.Background(), mustParse(t, host+"/some/app:1.0"))
			wantError(t, c.name, err, c.code, c.text)
			if m.Reference == "" {
				t.Error("no reference beside the error")
			}
			if d := time.Since(begin); d > 4*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestDigestAskedFor(t *testing.T) {
	host := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"schemaVersion":2,"manifests":[]}`)
	})
	_, err := quick().Get(context.Background(), mustParse(t, host+"/a@sha256:"+hex64))
	wantError(t, "asked by digest", err, CodeDigest, "has the digest sha256:")
	_, err = quick().Get(context.Background(), mustParse(t, host+"/a@sha512:"+hex64+hex64))
	wantError(t, "asked by digest", err, CodeDigest, "has the digest sha512:")
}

func TestBadConfigs(t *testing.T) {
	r := newRegistry(t)
	bad := func(tag, content string) {
		d := r.blob("a", []byte(content))
		d["mediaType"] = typeOCIConfig
		r.put("a", tag, typeOCIManifest, obj{"config": d, "layers": []obj{}})
	}
	bad("text", "hello")
	bad("noos", `{"architecture":"amd64"}`)
	for tag, text := range map[string]string{"text": "no JSON at byte 1", "noos": "names no operating system"} {
		_, err := quick().Get(context.Background(), r.ref("a:"+tag))
		wantError(t, tag, err, CodeManifest, text)
	}
	// An artifact of OCI 1.1 is no image; beside images in an index it is let be.
	empty := r.blob("a", []byte("{}"))
	empty["mediaType"] = "application/vnd.oci.empty.v1+json"
	sbom := r.put("a", "sbom", typeOCIManifest, obj{"artifactType": "application/spdx+json", "config": empty, "layers": []obj{empty}})
	_, err := quick().Get(context.Background(), r.ref("a:sbom"))
	wantError(t, "artifact", err, CodeManifest, `not an image: its config is of the media type "application/vnd.oci.empty.v1+json"`)
	sbom["artifactType"] = "application/spdx+json"
	r.put("a", "both", typeOCIIndex, obj{"manifests": []obj{sbom, with(r.image("a", "", typeOCIManifest, windows("10.0.20348.1")), windows("10.0.20348.1"))}})
	if m := get(t, quick(), r.ref("a:both")); len(m.Children) != 2 || len(m.Findings) != 0 || m.Children[0].Windows() || !m.Children[1].Windows() {
		t.Errorf("%+v", m)
	}
	// A registry that lies about a config, or lacks it.
	r.image("a", "good", typeOCIManifest, windows("10.0.20348.1"))
	for text, code := range map[string]string{"lie": CodeDigest, "lack": CodeManifest, "huge": CodeRefused} {
		r.wrap = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				switch {
				case !strings.Contains(req.URL.Path, "/blobs/"):
					h.ServeHTTP(w, req)
				case text == "lack":
					w.WriteHeader(http.StatusNotFound)
				case text == "huge":
					_, _ = io.CopyN(w, zeros{}, 5<<20)
				default:
					_, _ = io.WriteString(w, `{"os":"windows","os.version":"10.0.1.1"}`)
				}
			})
		}
		_, err := quick().Get(context.Background(), r.ref("a:good"))
		wantError(t, text, err, code, "config")
	}
	// One child of an index that cannot be completed leaves the others usable.
	r.put("a", "index", typeOCIIndex, obj{"manifests": []obj{
		with(r.image("a", "", typeOCIManifest, windows("10.0.17763.1")), obj{"os": "windows", "architecture": "amd64"}),
		with(r.image("a", "", typeOCIManifest, windows("10.0.20348.1")), windows("10.0.20348.1"))}})
	r.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/manifests/sha256:") {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			h.ServeHTTP(w, req)
		})
	}
	if m := get(t, quick(), r.ref("a:index")); len(m.Children) != 2 || !m.Has(FindingVersionMissing) || m.Children[0].Version.IsValid() {
		t.Errorf("%+v", m)
	}
}

func TestRetry(t *testing.T) {
	r := newRegistry(t)
	r.index("a", "t", "10.0.20348.1")
	for _, code := range []int{429, 500, 502, 503, 504} {
		n := 0
		r.wrap = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if n++; n <= 3 {
					if n == 1 && code == 429 {
						w.Header().Set("Retry-After", "1")
					}
					w.WriteHeader(code)
					return
				}
				h.ServeHTTP(w, req)
			})
		}
		begin := time.Now()
		m := get(t, quick(), r.ref("a:t"))
		if len(m.Children) != 1 || n != 4 {
			t.Errorf("%d: %d requests, %+v", code, n, m)
		}
		if d := time.Since(begin); code == 429 && d < time.Second || d > 3*time.Second {
			t.Errorf("%d: took %v", code, d)
		}
	}
	for s, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "x": 0, "-1": 0, "99999999999": 0,
		"Tue, 24 Nov 2026 10:00:09 GMT": 9 * time.Second, "Tue, 24 Nov 2026 09:00:00 GMT": 0} {
		if got, _ := retryAfter(s, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)); got != want {
			t.Errorf("Retry-After %q: %v", s, got)
		}
	}
}

func TestHanging(t *testing.T) {
	stop := make(chan struct{})
	var asked atomic.Int32
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	c := quick()
	c.Timeout = 300 * time.Millisecond
	var refs []Reference
	for i := range 200 {
		refs = append(refs, mustParse(t, host+"/app"+strconv.Itoa(i)+":1.0"))
	}
	refs = append(refs, mustParse(t, host+"/windows/servercore:ltsc2022"))
	begin := time.Now()
	got := c.GetAll(context.Background(), refs)
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
	for _, g := range got[:200] {
		wantError(t, "hanging", g.Err, CodeUnreachable, "did not answer")
	}
	last := got[200]
	if last.Err != nil || last.Image.Basis != BasisTag || !last.Image.Has(FindingUnreachable) || last.Image.Children[0].Version.Build != 20348 {
		t.Errorf("%+v", last)
	}
	if asked.Load() > 20 {
		t.Errorf("asked %d times", asked.Load())
	}
	// A body that never ends comes under the same limit.
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	_, err := c.Get(context.Background(), mustParse(t, slow+"/a"))
	wantError(t, "slow", err, CodeUnreachable, "did not answer within 300ms")
	// Nobody there: the name may still say that there is no such image.
	gone := httptest.NewServer(nil)
	gone.Close()
	m, err := c.Get(context.Background(), mustParse(t, gone.Listener.Addr().String()+"/windows/nanoserver:1809"))
	if err != nil || !m.Has(FindingUnreachable) {
		t.Errorf("%+v, %v", m, err)
	}
	c = &Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })}
	m, err = c.Get(context.Background(), mustParse(t, "mcr.microsoft.com/windows:ltsc2022"))
	if err != nil || !m.Has(FindingUnreachable) || !m.Has(FindingNotFound) || len(m.Children) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestHints holds an error to say what the name says of its cause.
func TestHints(t *testing.T) {
	c := quick()
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})
	for in, hint := range map[string]string{
		"mcr.microsoft.com/windows:ltsc2022": "there is windows/servercore:ltsc2022",
		"windows/servercore:ltsc2022":        "Microsoft publishes mcr.microsoft.com/windows/servercore",
		"microsoft/nanoserver:1709":          "Microsoft publishes mcr.microsoft.com/windows/nanoserver",
	} {
		_, err := c.Get(context.Background(), mustParse(t, in))
		wantError(t, in, err, CodeNotFound, "no such image")
		var e *Error
		if errors.As(err, &e); !strings.Contains(e.Hint, hint) {
			t.Errorf("%s: hint %q", in, e.Hint)
		}
	}
}

// guarded puts a token server and bearer authentication before a registry.
type guarded struct {
	*registry
	tokens  atomic.Int32
	life    int
	auth    func(*http.Request) bool // what the token server takes
	realm   string
	refuses atomic.Bool // all tokens given so far are refused once
}

func newGuarded(t testing.TB) *guarded {
	g := &guarded{registry: newRegistry(t), life: 300}
	tokenServer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if g.auth != nil && !g.auth(r) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
			return
		}
		n := g.tokens.Add(1)
		_ = r.ParseForm()
		if r.Form.Get("service") != "the service" {
			t.Errorf("service %q", r.Form.Get("service"))
		}
		_ = json.NewEncoder(w).Encode(obj{"token": fmt.Sprintf("t0ken-%d-%s", n, r.Form.Get("scope")), "expires_in": g.life})
	})
	g.realm = "http://" + tokenServer + "/token"
	g.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			repo, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
			repo, _, _ = strings.Cut(repo, "/blobs/")
			token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer t0ken-")
			if !ok || !strings.HasSuffix(token, "-repository:"+repo+":pull") || g.refuses.CompareAndSwap(true, false) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+g.realm+`",service="the service",scope="repository:`+repo+`:pull"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	return g
}

func TestBearer(t *testing.T) {
	g := newGuarded(t)
	var refs []Reference
	for i := range 40 {
		repo := "r" + strconv.Itoa(i%4)
		g.index(repo, "t"+strconv.Itoa(i), "10.0.20348.1")
		refs = append(refs, g.ref(repo+":t"+strconv.Itoa(i)))
	}
	g.image("r0", "one", typeOCIManifest, windows("10.0.20348.1"))
	refs = append(refs, g.ref("r0:one"))
	g.requests()
	c := quick()
	for _, res := range c.GetAll(context.Background(), refs) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	if n := g.tokens.Load(); n != 4 {
		t.Errorf("%d tokens for 4 repositories", n)
	}
	// 40 indexes, a manifest and a config, and the one request that was told
	// to bring a token.
	if n := len(g.requests()); n != 43 {
		t.Errorf("%d requests", n)
	}
	// A token that ran out before its time is replaced.
	g.refuses.Store(true)
	get(t, c, refs[0])
	if n := g.tokens.Load(); n != 5 {
		t.Errorf("%d tokens", n)
	}
	// A token with no life left is not used twice.
	g.life = 0
	c = quick()
	get(t, c, refs[0])
	get(t, c, refs[0])
	if n := g.tokens.Load(); n != 6 {
		t.Errorf("%d tokens: 60 s are meant where nothing is said", n)
	}
}

func config(t testing.TB, c *Client, doc obj) *Client {
	t.Helper()
	c.ConfigDir = t.TempDir()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.ConfigDir, "config.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCredentials(t *testing.T) {
	g := newGuarded(t)
	g.index("a", "t", "10.0.20348.1")
	right := base64.StdEncoding.EncodeToString([]byte("anna:s3cret"))
	basicAuth := func(r *http.Request) bool {
		u, p, ok := r.BasicAuth()
		return ok && u == "anna" && p == "s3cret"
	}
	identity := func(r *http.Request) bool {
		return r.Method == http.MethodPost && r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == "s3cret" && r.FormValue("client_id") != ""
	}
	// The helper is this test's own binary.
	dir := t.TempDir()
	name := filepath.Join(dir, "docker-credential-test")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, c := range []struct {
		name   string
		config obj
		helper string
		auth   func(*http.Request) bool
		text   string // of the error; "": it works
	}{
		{"auth", obj{"auths": obj{g.host: obj{"auth": right}}}, "", basicAuth, ""},
		{"auth by URL", obj{"auths": obj{"https://" + g.host + "/v1/": obj{"auth": right}}}, "", basicAuth, ""},
		{"user and password", obj{"auths": obj{g.host: obj{"username": "anna", "password": "s3cret"}}}, "", basicAuth, ""},
		{"identity token", obj{"auths": obj{g.host: obj{"auth": base64.StdEncoding.EncodeToString([]byte("x:")), "identitytoken": "s3cret"}}}, "", identity, ""},
		{"helper", obj{"credHelpers": obj{g.host: "test"}}, "anna", basicAuth, ""},
		{"store", obj{"credsStore": "test", "auths": obj{g.host: obj{}}}, "anna", basicAuth, ""},
		{"store with identity", obj{"credsStore": "test"}, "<token>", identity, ""},
		{"store without", obj{"credsStore": "test", "auths": obj{g.host: obj{"auth": right}}}, "none", basicAuth, ""},
		{"other host", obj{"auths": obj{"example.com": obj{"auth": right}}}, "", basicAuth, "denies access (401)"},
		{"wrong", obj{"auths": obj{g.host: obj{"auth": base64.StdEncoding.EncodeToString([]byte("anna:t0ken"))}}}, "", basicAuth, "denies access (401)"},
		{"not base64", obj{"auths": obj{g.host: obj{"auth": "s3cret!"}}}, "", basicAuth, "not base64"},
		{"no colon", obj{"auths": obj{g.host: obj{"auth": "s3cret="}}}, "", basicAuth, "in Docker's config.json"},
		{"helper fails", obj{"credsStore": "test"}, "fail", basicAuth, "docker-credential-test failed"},
		{"helper missing", obj{"credsStore": "missing"}, "", basicAuth, "docker-credential-missing is named in Docker's config.json and is not in PATH"},
		{"helper a path", obj{"credsStore": "../x"}, "", basicAuth, "not a plain name"},
		{"not a config", obj{"auths": "s3cret"}, "", basicAuth, "not JSON as Docker writes it"},
		// What is wrong with the configuration does not matter to a registry
		// that lets anybody in.
		{"helper missing, anonymous", obj{"credsStore": "missing"}, "", nil, ""},
	} {
		g.auth = c.auth
		t.Setenv("IMAGE_TEST_HELPER", c.helper)
		m, err := config(t, quick(), c.config).Get(context.Background(), g.ref("a:t"))
		if c.text == "" {
			if err != nil || len(m.Children) != 1 {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantError(t, c.name, err, CodeUnauthorized, c.text)
	}
	// A helper that waits for a person comes under the limit.
	t.Setenv("IMAGE_TEST_HELPER", "hang")
	slow := config(t, quick(), obj{"credsStore": "test"})
	slow.Timeout = 500 * time.Millisecond
	g.auth = basicAuth
	begin := time.Now()
	if _, err := slow.Get(context.Background(), g.ref("a:t")); err == nil || time.Since(begin) > 4*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	// A bearer token in the configuration is sent as it stands.
	if m, err := config(t, quick(), obj{"auths": obj{g.host: obj{"registrytoken": "t0ken-9-repository:a:pull"}}}).Get(context.Background(), g.ref("a:t")); err != nil || len(m.Children) != 1 {
		t.Errorf("registry token: %v", err)
	}
	// A token server that hangs, sends nonsense, or is gone.
	for text, h := range map[string]http.HandlerFunc{
		"did not answer":         func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"did not answer in JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "t0ken") },
		"gave no token":          func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"t0ken\r\nX: y"}`) },
		"token is larger than":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, 2<<20) },
		"answered 404":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"redirects from":         nil,
		"asks to wait 1h0m0s": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"link-local address": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.1.1/", http.StatusFound)
		},
		"credentials in the addre": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://anna:s3cret@x/", http.StatusFound)
		},
	} {
		if h == nil {
			continue
		}
		g.realm = "http://" + serve(t, h) + "/token"
		c := config(t, quick(), obj{"auths": obj{g.host: obj{"auth": right}}})
		c.Timeout = 400 * time.Millisecond
		begin := time.Now()
		_, err := c.Get(context.Background(), g.ref("a:t"))
		code := CodeUnreachable
		if strings.HasPrefix(text, "token is") || strings.HasPrefix(text, "link") || strings.HasPrefix(text, "cred") {
			code = CodeRefused
		}
		wantError(t, "token server: "+text, err, code, text)
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("%s: took %v", text, d)
		}
	}
}

func TestBasic(t *testing.T) {
	r := newRegistry(t)
	r.index("a", "t", "10.0.20348.1")
	r.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if u, p, _ := req.BasicAuth(); u != "anna" || p != "s3cret" {
				w.Header().Add("WWW-Authenticate", `Basic realm="Registry Realm"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, req)
		})
	}
	c := config(t, quick(), obj{"auths": obj{r.host: obj{"auth": base64.StdEncoding.EncodeToString([]byte("anna:s3cret"))}}})
	r.requests()
	for range 5 {
		get(t, c, r.ref("a:t"))
	}
	if n := len(r.requests()); n != 6 {
		t.Errorf("%d requests for 5 images", n)
	}
}

// TestRedirect follows a redirect to another host, which must not see the
// credential.
func TestRedirect(t *testing.T) {
	blob := []byte(`{"os":"windows","architecture":"amd64","os.version":"10.0.20348.1"}`)
	var leaked atomic.Int32
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			leaked.Add(1)
		}
		if r.URL.Query().Get("sig") != "t0ken" {
			w.Header().Set("WWW-Authenticate", `Basic realm="give me"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(blob)
	})
	sig := "t0ken"
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if u, _, _ := r.BasicAuth(); u != "anna" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://"+other+"/x?sig="+sig, http.StatusTemporaryRedirect)
			return
		}
		_, _ = fmt.Fprintf(w, `{"schemaVersion":2,"config":{"digest":"%s","size":%d}}`, sha(blob), len(blob))
	})
	c := config(t, quick(), obj{"auths": obj{host: obj{"auth": base64.StdEncoding.EncodeToString([]byte("anna:s3cret"))}}})
	m := get(t, c, mustParse(t, host+"/a"))
	if len(m.Children) != 1 || m.Children[0].Version.Short() != "20348.1" || m.MediaType != typeOCIManifest {
		t.Errorf("%+v", m)
	}
	sig = "t0ken-no-more"
	_, err := c.Get(context.Background(), mustParse(t, host+"/a"))
	wantError(t, "the other host refuses", err, CodeUnauthorized, "401")
	if leaked.Load() != 0 {
		t.Error("the other host saw a credential")
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/plain", http.StatusFound)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	host := s.Listener.Addr().String()
	c := &Client{Timeout: 5 * time.Second}
	_, err := c.Get(context.Background(), mustParse(t, host+"/a"))
	wantError(t, "unknown authority", err, CodeUnreachable, "certificate")
	c = &Client{Timeout: 5 * time.Second, Transport: s.Client().Transport}
	_, err = c.Get(context.Background(), mustParse(t, host+"/a"))
	wantError(t, "downgrade", err, CodeRefused, "from HTTPS to plain HTTP")
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, err = (&Client{Timeout: 5 * time.Second}).Get(context.Background(), mustParse(t, plain+"/a"))
	wantError(t, "plain", err, CodeUnreachable, "speaks plain HTTP")
	var e *Error
	if errors.As(err, &e); e.Hint != "--insecure" {
		t.Errorf("hint %q", e.Hint)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestEndpoints checks where references lead.
func TestEndpoints(t *testing.T) {
	for in, want := range map[string]string{
		"golang:1": "https://registry-1.docker.io/v2/library/golang/manifests/1",
		"mcr.microsoft.com/windows/servercore:ltsc2022": "https://mcr.microsoft.com/v2/windows/servercore/manifests/ltsc2022",
		"localhost:5000/a":         "http://localhost:5000/v2/a/manifests/latest",
		"[::1]:5000/a/b:c":         "http://[::1]:5000/v2/a/b/manifests/c",
		"x.io/a@sha256:" + hex64:   "http://x.io/v2/a/manifests/sha256:" + hex64,
		"x.io/a:t@sha256:" + hex64: "http://x.io/v2/a/manifests/sha256:" + hex64,
	} {
		got := ""
		c := quick()
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			for _, mt := range []string{typeOCIIndex, typeOCIManifest, typeDockerList, typeDockerManifest} {
				if !strings.Contains(r.Header.Get("Accept"), mt) {
					t.Errorf("Accept lacks %s", mt)
				}
			}
			return nil, errors.New("enough")
		})
		_, _ = c.Get(context.Background(), mustParse(t, in))
		if got != want {
			t.Errorf("%s: asked %s", in, got)
		}
	}
	c := quick()
	for _, ref := range []Reference{{Host: "169.254.169.254", Repository: "a", Tag: "t"}, {Host: "[fe80::1]:80", Repository: "a", Tag: "t"}} {
		_, err := c.Get(context.Background(), ref)
		wantError(t, ref.Host, err, CodeRefused, "link-local")
	}
}

// TestProxy reads an image through a proxy, in a process of its own, since the
// environment is read once.
func TestProxy(t *testing.T) {
	r := newRegistry(t)
	r.index("a", "t", "10.0.20348.77")
	// 0.0.0.0 is this machine, and no loopback address, which would never be
	// asked for through a proxy.
	_, port, _ := strings.Cut(r.host, ":")
	var through atomic.Int32
	proxy := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Host == "0.0.0.0:"+port {
			through.Add(1)
		}
		req.URL.Scheme, req.URL.Host = "http", r.host
		req.RequestURI = ""
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		_ = resp.Body.Close()
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) string {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), append([]string{"IMAGE_TEST_GET=0.0.0.0:" + port + "/a:t"}, env...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := run("HTTP_PROXY=http://anna:s3cret@" + proxy); got != "20348.77 index registry" || through.Load() != 1 {
		t.Errorf("through a proxy: %q", got)
	}
	// Not every system connects to 0.0.0.0; none must ask the proxy.
	if got := run("HTTP_PROXY=http://anna:s3cret@"+proxy, "NO_PROXY=0.0.0.0"); got == "" || through.Load() != 1 {
		t.Errorf("around the proxy: %q, %d", got, through.Load())
	}
	for _, bad := range []string{"http://anna:s3cret@%zz", "http://anna:s3cret@127.0.0.1:1"} {
		if got := run("HTTP_PROXY=" + bad); got == "" || strings.Contains(got, "s3cret") {
			t.Errorf("HTTP_PROXY=%s: %q", bad, got)
		}
	}
}

func TestChallenges(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want challenge
		ok   bool
	}{
		{[]string{`Bearer realm="https://a/b",service="s, \"t\"",scope="x"`}, challenge{"bearer", "https://a/b", `s, "t"`, "x"}, true},
		{[]string{`bearer realm=https://a/b`}, challenge{"bearer", "https://a/b", "", ""}, true},
		{[]string{`Basic realm="x", Bearer realm="y"`}, challenge{"bearer", "y", "", ""}, true},
		{[]string{`Basic`, `Bearer realm="y"`}, challenge{"bearer", "y", "", ""}, true},
		{[]string{`Negotiate, Basic realm="x"`}, challenge{"basic", "x", "", ""}, true},
		{[]string{`Negotiate abc==, Basic realm="x"`}, challenge{"basic", "x", "", ""}, true},
		{[]string{`Bearer`}, challenge{}, false},
		{[]string{``, `,,,`, `=`, `"`, `"=`, `Bearer realm="x`}, challenge{"bearer", "x", "", ""}, true},
		{nil, challenge{}, false},
	} {
		if got, ok := parseChallenges(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %v", c.in, got, ok)
		}
	}
}

// FuzzManifest reads a document as a registry may send it, and a config.
func FuzzManifest(f *testing.F) {
	d := "sha256:" + hex64
	for _, s := range []string{
		`{"schemaVersion":2,"manifests":[{"digest":"` + d + `","platform":{"os":"windows","architecture":"amd64","os.version":"10.0.20348.1","os.features":["win32k"]}}]}`,
		`{"schemaVersion":2,"mediaType":"` + typeOCIManifest + `","config":{"digest":"` + d + `","size":12,"data":"e30="},"layers":[]}`,
		`{"schemaVersion":1,"fsLayers":[]}`, `{"manifests":null}`, `{"manifests":[{},{}]}`, `[`, `{"os":"windows","os.version":"x"}`,
		`{"manifests":[{"digest":"` + d + `","annotations":{"vnd.docker.reference.type":"attestation-manifest"}}]}`,
	} {
		f.Add([]byte(s), typeOCIIndex)
		f.Add([]byte(s), "application/json")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		check := func(err error) {
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.Error() == "" || len(e.Error()) > 1000) {
				t.Fatalf("error %q", err)
			}
		}
		doc, err := parseDocument(body, contentType)
		check(err)
		if err == nil {
			if doc.index == (doc.config.Digest != "") || len(doc.entries) > MaxChildren {
				t.Fatalf("%+v", doc)
			}
			for i := range doc.entries {
				c := doc.entries[i].child()
				if checkDigest(c.Digest) != "" || c.Version.IsValid() && c.OSVersion == "" || c.Windows() && c.OS != "windows" {
					t.Fatalf("%+v", c)
				}
			}
		}
		_, err = parseConfig(body)
		check(err)
		parseChallenges([]string{contentType})
	})
}

// BenchmarkGetAll1000 reads 1,000 references over 50 repositories of a
// registry on the loopback interface, each an index of two children.
func BenchmarkGetAll1000(b *testing.B) {
	r := newRegistry(b)
	var refs []Reference
	for i := range 1000 {
		repo, tag := "repo"+strconv.Itoa(i%50), "tag"+strconv.Itoa(i)
		r.index(repo, tag, "10.0.20348."+strconv.Itoa(i+1), "10.0.17763.1")
		refs = append(refs, r.ref(repo+":"+tag))
	}
	for b.Loop() {
		for _, res := range (&Client{Insecure: true}).GetAll(context.Background(), refs) {
			if res.Err != nil {
				b.Fatal(res.Err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/reference")
}
