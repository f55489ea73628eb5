//go:build realparts && linux

package swarm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/winmatch/winmatch/test/swarm/engines"
)

// proxy stands before a real engine.
type proxy struct {
	address string // for DOCKER_HOST

	mu   sync.Mutex
	seen []string // requests, "GET /nodes"
	// cut decides, of each request, whether the connection is cut: before the
	// engine has it, or after, so that its answer is lost.
	cut func(n int, request string) (before, after bool)
	// refuse answers in the engine's stead; 0: it does not.
	refuse func(request string) (status int, message string)
	// meanwhile is called before a request is handed on.
	meanwhile func(request string)
}

var apiVersion = regexp.MustCompile(`^/v1\.\d+`)

// windows is what a Windows engine answers to GET /info, in the shape of
// https://github.com/docker/for-win/issues/13163.
func windows(version, build, name string) object {
	return object{"OSType": "windows", "OSVersion": version, "KernelVersion": "10.0 " + build + " (" + build + ".1.amd64fre.release.180914-1434)",
		"OperatingSystem": "Microsoft Windows Server Version " + name + " (OS Build " + strings.TrimPrefix(version, "10.0.") + ")",
		"Isolation":       "process", "ServerVersion": "20.10.24", "Driver": "windowsfilter"}
}

// before starts a proxy before an engine. Nodes named win-… are shown as Windows,
// in the one field that differs; info, where it is not nil, replaces what the
// engine says of its operating system.
func before(t *testing.T, e *engines.Engine, info object) *proxy {
	p := &proxy{}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.Socket)
	}}
	reverse := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		ModifyResponse: func(r *http.Response) error {
			path := apiVersion.ReplaceAllString(r.Request.URL.Path, "")
			if r.StatusCode != http.StatusOK || r.Request.Method != http.MethodGet || path != "/info" && !strings.HasPrefix(path, "/nodes") {
				return nil
			}
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				return err
			}
			switch v := v.(type) {
			case []any:
				for _, n := range v {
					asWindows(n)
				}
			case object:
				asWindows(v)
				if path == "/info" {
					p.mu.Lock()
					maps.Copy(v, info)
					p.mu.Unlock()
				}
			}
			if text, err = json.Marshal(v); err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(text))
			r.ContentLength = int64(len(text))
			r.Header.Del("Content-Length")
			return nil
		},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Method + " " + apiVersion.ReplaceAllString(r.URL.Path, "")
		p.mu.Lock()
		n := len(p.seen)
		p.seen = append(p.seen, request)
		refuse := p.refuse
		p.mu.Unlock()
		if refuse != nil {
			if status, message := refuse(request); status != 0 {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_ = json.NewEncoder(w).Encode(object{"message": message})
				return
			}
		}
		if p.meanwhile != nil {
			p.meanwhile(request)
		}
		var cutBefore, cutAfter bool
		if p.cut != nil {
			cutBefore, cutAfter = p.cut(n, request)
		}
		if cutBefore {
			panic(http.ErrAbortHandler)
		}
		if cutAfter {
			reverse.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		reverse.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Close(); transport.CloseIdleConnections() })
	p.address = "tcp://" + s.Listener.Addr().String()
	return p
}

func asWindows(n any) {
	if name, _ := at(n, "Description", "Hostname").(string); strings.HasPrefix(name, "win-") {
		at(n, "Description", "Platform").(object)["OS"] = "windows"
	}
}
