//go:build realparts

package faults_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// What only the registry, and who it names for tokens, may see.
const (
	bearer    = "b3arer-t0ken"
	signature = "s1gnature-of-an-address"
)

// A front stands before the registry, with TLS, and passes on whatever its
// fault does not touch.
type front struct {
	*httptest.Server
	t      *testing.T
	pass   http.Handler
	healed atomic.Bool
	n      atomic.Int32 // requests so far
	done   chan struct{}
}

// tamper answers a request in the place of the registry, or returns false.
type tamper func(f *front, w http.ResponseWriter, r *http.Request) bool

// quiet keeps what servers say of broken connections out of the tests' output.
var quiet = log.New(io.Discard, "", 0)

// passOn passes requests on to the registry.
func passOn(t *testing.T) http.Handler {
	t.Helper()
	u, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(u)
	p.Transport, p.ErrorLog = back.Client.Transport, quiet
	return p
}

func newFront(t *testing.T, bad tamper) *front {
	t.Helper()
	f := &front{t: t, pass: passOn(t), done: make(chan struct{})}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.n.Add(1)
		if f.healed.Load() || !bad(f, w, r) {
			f.pass.ServeHTTP(w, r)
		}
	}))
	f.Config.ErrorLog = quiet
	f.StartTLS()
	t.Cleanup(f.Close)
	t.Cleanup(func() { close(f.done) }) // before: whoever hangs lets go
	return f
}

func (f *front) place() place {
	ca := filepath.Join(f.t.TempDir(), "ca.pem")
	parts.Write(f.t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})))
	addr := f.Listener.Addr().String()
	return place{addr, []string{"SSL_CERT_FILE=" + ca, "DOCKER_CONFIG=" + parts.Login(f.t, addr, parts.Password)}, func() { f.healed.Store(true) }}
}

// real is what the registry itself answers.
func (f *front) real(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.pass.ServeHTTP(w, r)
	return w
}

// hang answers nothing until the client or the test gives up.
func (f *front) hang(r *http.Request) bool {
	select {
	case <-r.Context().Done():
	case <-f.done:
	}
	return true
}

// raw writes bytes to the connection, as no server would, and closes it.
func raw(w http.ResponseWriter, texts ...string) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return true
	}
	defer conn.Close()
	for _, s := range texts {
		if _, err := io.WriteString(conn, s); err != nil {
			break
		}
	}
	return true
}

// reply answers with a document.
func reply(w http.ResponseWriter, mediaType string, body []byte) bool {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body)
	return true
}

func refuse(w http.ResponseWriter, code int, header ...string) bool {
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(code)
	return true
}

func asks(r *http.Request, method, what string) bool {
	return r.Method == method && strings.Contains(r.URL.Path, what) && r.Header.Get("Authorization") != ""
}

func index(r *http.Request) bool {
	return asks(r, "GET", "/manifests/1") && strings.HasSuffix(r.URL.Path, "/1")
}
func document(r *http.Request) bool {
	return asks(r, "GET", "/manifests/") || asks(r, "GET", "/tags/list")
}
func blob(r *http.Request) bool { return asks(r, "GET", "/blobs/") }
func tags(r *http.Request) bool { return asks(r, "GET", "/tags/list") }
func push(r *http.Request) bool { return asks(r, "PUT", "/manifests/") }

// An other is a host that must not see a credential: it keeps what it gets.
type other struct {
	*httptest.Server
	name string
	mu   sync.Mutex
	seen bytes.Buffer
	n    int
}

func newOther(t *testing.T, name string, secure bool, answer http.HandlerFunc) *other {
	t.Helper()
	o := &other{name: name}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := httputil.DumpRequest(r, true)
		o.mu.Lock()
		o.n++
		o.seen.Write(b)
		o.mu.Unlock()
		answer(w, r)
	}))
	o.Config.ErrorLog = quiet
	if secure {
		o.StartTLS()
	} else {
		o.Start()
	}
	t.Cleanup(o.Close)
	named.Store(o.Listener.Addr().String(), name)
	return o
}

// check holds what the host got against what it must not get.
func (o *other) check(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range append([]string{"Authorization", "Cookie"}, secrets[:3]...) {
		if strings.Contains(o.seen.String(), s) {
			t.Errorf("%s was sent %q:\n%s", o.name, s, o.seen.Bytes())
		}
	}
	t.Logf("%s: %d requests, no credential", o.name, o.n)
}

// named are the other hosts by their addresses.
var named sync.Map
