//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/test/swarm/engines"
)

// swarmNodes are the Windows that the Swarm shows itself to have, each of them on
// several nodes. Of the last one nothing tells the version but tasks' errors.
var swarmNodes = [...]string{"10.0.14393", "10.0.17763", "10.0.20348", "10.0.26100", ""}

const swarmNodesOfEach = 4

// swarmImages are what the services run, in turn.
var swarmImages = [...]string{
	"mcr.microsoft.com/windows/servercore:ltsc2019", "mcr.microsoft.com/windows/nanoserver:ltsc2022",
	"mcr.microsoft.com/windows/servercore:ltsc2025", "mcr.microsoft.com/dotnet/framework/aspnet:4.8-windowsservercore-ltsc2019",
	"mcr.microsoft.com/windows/servercore:ltsc2016", "mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-ltsc2022",
	"mcr.microsoft.com/windows/servercore:10.0.20348.2227",
}

type fields = map[string]any

// asWindows stands before a manager, which answers every request, and adds what
// no Linux engine has: Windows nodes, and tasks that run or fail on them, in the
// words of facts/source/errors.yaml. The altered lists are made once and sent
// instead of the manager's own as soon as that one comes: whoever asks waits for the
// manager, and not for the change.
func asWindows(ctx context.Context, root string, m *engines.Engine) (*httptest.Server, error) {
	var nodes, tasks []fields
	if _, err := m.Do(ctx, http.MethodGet, "/nodes", nil, &nodes); err != nil {
		return nil, err
	}
	if _, err := m.Do(ctx, http.MethodGet, "/tasks", nil, &tasks); err != nil {
		return nil, err
	}
	texts, err := errorTexts(root)
	if err != nil {
		return nil, err
	}
	nodes = addWindows(nodes)
	place(tasks, nodes[1:], texts)
	answers := map[string][]byte{}
	for name, list := range map[string][]fields{"nodes": nodes, "tasks": tasks} {
		if answers[name], err = json.Marshal(list); err != nil {
			return nil, err
		}
	}
	p := &httputil.ReverseProxy{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", m.Socket)
		}},
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		ModifyResponse: func(r *http.Response) error {
			answer := answers[path.Base(r.Request.URL.Path)]
			if answer == nil || r.StatusCode != http.StatusOK {
				return nil
			}
			own := r.Body
			go func() {
				_, _ = io.Copy(io.Discard, own)
				own.Close()
			}()
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(answer))), int64(len(answer))
			r.Header.Del("Content-Length")
			return nil
		},
	}
	return httptest.NewServer(p), nil
}

// errorTexts are the texts of errors.yaml.
func errorTexts(root string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(root, "facts", "source", "errors.yaml"))
	if err != nil {
		return nil, err
	}
	var file struct{ Errors []struct{ Text string } }
	if err := yaml.Unmarshal(b, &file); err != nil {
		return nil, err
	}
	var list []string
	for _, e := range file.Errors {
		list = append(list, e.Text)
	}
	if len(list) < 70 {
		return nil, fmt.Errorf("%d texts in errors.yaml", len(list))
	}
	return list, nil
}

// addWindows adds Windows nodes in the shape of the first node.
func addWindows(nodes []fields) []fields {
	for _, version := range swarmNodes {
		for range swarmNodesOfEach {
			n, spec, about := maps.Clone(nodes[0]), maps.Clone(nodes[0]["Spec"].(fields)), maps.Clone(nodes[0]["Description"].(fields))
			labels := fields{"pool": "windows"}
			if version != "" {
				labels["OS"], labels["OsVersion"] = "windows", version
			}
			spec["Role"], spec["Labels"] = "worker", labels
			about["Hostname"], about["Platform"] = fmt.Sprintf("win-%d", len(nodes)), fields{"OS": "windows", "Architecture": "x86_64"}
			n["ID"], n["Spec"], n["Description"] = fmt.Sprintf("windowsnode%014d", len(nodes)), spec, about
			delete(n, "ManagerStatus")
			nodes = append(nodes, n)
		}
	}
	return nodes
}

var containerID = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// place lets the tasks of a fourth of the services run on Windows nodes, half of
// another fourth's run and half fail, all of another fail, and leaves those of the
// last without a node.
func place(tasks []fields, nodes []fields, texts []string) {
	services, seen := map[any]int{}, map[any]int{}
	for i, t := range tasks {
		id := t["ServiceID"]
		if _, ok := services[id]; !ok {
			services[id] = len(services)
		}
		s, k := services[id], seen[id]
		seen[id]++
		if s%4 == 3 {
			continue
		}
		t["NodeID"] = nodes[(s+k)%len(nodes)]["ID"]
		status := t["Status"].(fields)
		delete(status, "Err")
		if s%4 == 0 || s%4 == 1 && k%2 == 0 {
			status["State"] = "running"
			continue
		}
		status["State"], t["DesiredState"] = "rejected", "shutdown"
		status["Err"] = containerID.ReplaceAllString(texts[i%len(texts)], fmt.Sprintf("%064x", i+1))
	}
}
