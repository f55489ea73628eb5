package image

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hub answers for Docker Hub, and sends everything else on its way.
func hub(answer http.HandlerFunc) (http.RoundTripper, func() []string) {
	var mu sync.Mutex
	var asked []string
	return roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			asked = append(asked, r.URL.Host+" "+r.Header.Get("Authorization"))
			mu.Unlock()
			if r.URL.Host != "registry-1.docker.io" {
				return http.DefaultTransport.RoundTrip(r)
			}
			if answer == nil {
				return nil, errors.New("nobody there")
			}
			w := &recorder{header: http.Header{}, code: http.StatusOK}
			answer(w, r)
			return &http.Response{StatusCode: w.code, Header: w.header, Body: http.NoBody, Request: r}, nil
		}), func() []string {
			mu.Lock()
			defer mu.Unlock()
			list := asked
			asked = nil
			return list
		}
}

type recorder struct {
	header http.Header
	code   int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

// TestMirror: Docker Hub's images come from its mirrors, the next one or the Hub
// being asked where one lacks them, and no other registry's do.
func TestMirror(t *testing.T) {
	r := newRegistry(t)
	r.index("library/golang", "1", "10.0.20348.5622")
	empty := newRegistry(t)
	secret := base64.StdEncoding.EncodeToString([]byte("anna:s3cret"))
	client := func(rt http.RoundTripper, mirrors ...string) *Client {
		c := quick()
		c.Transport, c.Mirrors = rt, mirrors
		// The Hub's password is none of a mirror's.
		return config(t, c, obj{"auths": obj{hubKey: obj{"auth": secret}}})
	}
	rt, asked := hub(nil)
	for _, mirrors := range [][]string{
		{"http://" + r.host}, {"http://" + r.host + "/"}, {"http://" + empty.host, "http://" + r.host},
		{"https://anna:s3cret@x.example", "ftp://x.example", "http://x.example/path", "x.example", "http://" + r.host},
	} {
		m := get(t, client(rt, mirrors...), mustParse(t, "golang:1"))
		if m.Basis != BasisRegistry || len(m.Children) != 1 || m.Children[0].OSVersion != "10.0.20348.5622" || m.Reference != "golang:1" {
			t.Errorf("%q: %+v", mirrors, m)
		}
		for _, a := range asked() {
			if !strings.HasPrefix(a, "127.0.0.1:") || !strings.HasSuffix(a, " ") {
				t.Errorf("%q: asked %q", mirrors, a)
			}
		}
	}
	// Nobody has it: what the Hub says counts.
	rt, asked = hub(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := client(rt, "http://"+empty.host).Get(context.Background(), mustParse(t, "golang:2"))
	wantError(t, "nobody", err, CodeNotFound, "docker.io/library/golang:2: the registry has no such image")
	if got := asked(); len(got) != 2 || !strings.HasPrefix(got[1], "registry-1.docker.io ") {
		t.Errorf("asked %q", got)
	}
	// A mirror that hangs leaves the Hub its time.
	hang := serve(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	slow := client(rt, "http://"+hang)
	slow.Timeout = 600 * time.Millisecond
	_, err = slow.Get(context.Background(), mustParse(t, "golang:2"))
	wantError(t, "hang", err, CodeNotFound, "no such image")
	// Another registry has none.
	asked()
	get(t, client(rt, "http://"+empty.host), r.ref("library/golang:1"))
	if got := asked(); len(got) != 1 || got[0] != r.host+" " {
		t.Errorf("asked %q", got)
	}
}

func TestDaemonMirrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	missing := filepath.Join(dir, "missing")
	one := write("one", `{"debug":true,"registry-mirrors":["https://a.example","http://b.example:5000/"]}`)
	none, broken := write("none", `{}`), write("broken", `{"registry-mirrors":[`)
	for _, c := range []struct {
		files []string
		want  []string
	}{
		{[]string{"", missing, one, none}, []string{"https://a.example", "http://b.example:5000/"}},
		{[]string{none, one}, nil}, {[]string{broken}, nil}, {nil, nil},
	} {
		if got := daemonMirrors(c.files); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q", c.files, got)
		}
	}
}

// TestHubCredential: Docker keeps the Hub's password under a name of its own.
func TestHubCredential(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte("anna:s3cret"))
	for _, key := range []string{hubKey, "docker.io", "https://index.docker.io/v1"} {
		rt, asked := hub(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		c := config(t, quick(), obj{"auths": obj{key: obj{"auth": secret}}})
		c.Transport, c.Mirrors = rt, []string{}
		_, err := c.Get(context.Background(), mustParse(t, "team/app:1"))
		wantError(t, key, err, CodeUnauthorized, "denies access")
		if got := asked(); len(got) != 2 || got[1] != "registry-1.docker.io Basic "+secret {
			t.Errorf("%s: asked %q", key, got)
		}
	}
}
