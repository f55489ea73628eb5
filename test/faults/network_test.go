//go:build realparts

package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

type object = parts.Object

// A toxin is what toxiproxy does to a connection.
type toxin struct {
	kind, stream string // stream: "downstream" is what the registry sends
	attributes   object
}

// networkFaults are put between winmatch and the registry, which speaks TLS and
// wants a password.
func networkFaults(t *testing.T) []fault {
	back = parts.NewRegistry(t, true)
	proxy := startProxy(t)
	const group = "On the wire"
	list := []fault{}
	for _, f := range []struct {
		name   string
		toxins []toxin
	}{
		{"none", nil},
		{"latency of 300 ms, jitter of 200 ms", []toxin{{"latency", "downstream", object{"latency": 300, "jitter": 200}}}},
		{"4 KB/s", []toxin{{"bandwidth", "downstream", object{"rate": 4}}}},
		{"a byte a second, without end", []toxin{{"slicer", "downstream", object{"average_size": 1, "size_variation": 0, "delay": 1000000}}}},
		{"connection accepted, nothing answered", []toxin{{"timeout", "downstream", object{"timeout": 0}}}},
		{"requests swallowed", []toxin{{"timeout", "upstream", object{"timeout": 0}}}},
		{"closed after a second of silence", []toxin{{"timeout", "downstream", object{"timeout": 1000}}}},
		{"reset at once", []toxin{{"reset_peer", "downstream", object{"timeout": 0}}}},
		{"reset after 200 ms, answers at 300 ms", []toxin{{"latency", "downstream", object{"latency": 300}}, {"reset_peer", "downstream", object{"timeout": 200}}}},
		{"closed slowly", []toxin{{"slow_close", "downstream", object{"delay": 2000}}}},
		{"cut in the TLS handshake", []toxin{{"limit_data", "downstream", object{"bytes": 300}}}},
		{"cut in the first answer", []toxin{{"limit_data", "downstream", object{"bytes": 950}}}},
		{"cut in a later answer", []toxin{{"limit_data", "downstream", object{"bytes": 2500}}}},
		{"cut in a later request", []toxin{{"limit_data", "upstream", object{"bytes": 2200}}}},
		{"nobody listens", []toxin{{}}},
	} {
		list = append(list, fault{group: group, name: f.name, at: func(t *testing.T) place {
			addr, heal := proxy.before(t, back.Addr, f.toxins)
			return place{addr, []string{"SSL_CERT_FILE=" + back.CA, "DOCKER_CONFIG=" + parts.Login(t, addr, parts.Password)}, heal}
		}})
	}
	return list
}

// proxy is a running toxiproxy, spoken to by its own API.
type proxy struct {
	url  string
	made atomic.Int32
}

// startProxy builds toxiproxy, at the version that go.mod beside this pins, and
// starts it.
func startProxy(t *testing.T) *proxy {
	t.Helper()
	program := filepath.Join(parts.Cache(t), "bin", "toxiproxy-v2.5.0")
	parts.Go(t, "test/faults/toxiproxy", nil, "build", "-trimpath", "-o", program, "github.com/Shopify/toxiproxy/v2/cmd/server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var log bytes.Buffer
	cmd := exec.Command(program, "-host", host, "-port", port)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("toxiproxy: %v", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("toxiproxy: %v", err)
		}
		_ = cmd.Wait()
	})
	p := &proxy{url: "http://" + net.JoinHostPort(host, port)}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(p.url + "/version")
		if err == nil {
			resp.Body.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("toxiproxy does not answer: %v\n%s", err, log.Bytes())
		}
	}
}

// before puts toxins before an address, and returns where they are met and what
// takes them away. A toxin without a kind: nobody listens there.
func (p *proxy) before(t *testing.T, upstream string, toxins []toxin) (addr string, heal func()) {
	t.Helper()
	path := "/proxies/" + fmt.Sprint(p.made.Add(1))
	b := p.call(t, http.MethodPost, "/proxies", object{"name": filepath.Base(path), "listen": "127.0.0.1:0", "upstream": upstream, "enabled": true})
	var made struct{ Listen string }
	if err := json.Unmarshal(b, &made); err != nil {
		t.Fatalf("toxiproxy: %v\n%s", err, b)
	}
	for i, x := range toxins {
		if x.kind == "" {
			p.call(t, http.MethodPost, path, object{"listen": made.Listen, "enabled": false})
			continue
		}
		p.call(t, http.MethodPost, path+"/toxics", object{"name": fmt.Sprint(i), "type": x.kind, "stream": x.stream, "attributes": x.attributes})
	}
	return made.Listen, func() {
		for i, x := range toxins {
			if x.kind == "" {
				p.call(t, http.MethodPost, path, object{"listen": made.Listen, "enabled": true})
				continue
			}
			p.call(t, http.MethodDelete, path+"/toxics/"+fmt.Sprint(i), nil)
		}
	}
}

func (p *proxy) call(t *testing.T, method, path string, body object) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("toxiproxy: %s %s: %s %v\n%s", method, path, resp.Status, err, b)
	}
	return b
}
