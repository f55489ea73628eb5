//go:build realparts

package engine_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestNode lets the real winmatch ask for nodes through the real kubectl. The
// nodes are replayed in the shape that kubelets on Windows and Linux report.
func TestNode(t *testing.T) {
	parts.Need(t, "kubectl")
	program := filepath.Join(t.TempDir(), "winmatch")
	parts.Go(t, ".", nil, "build", "-o", program, "./cmd/winmatch")

	type nodeInfo map[string]string
	nodes := map[string]nodeInfo{
		"akswin000000": {"operatingSystem": "windows", "osImage": "Windows Server 2019 Datacenter", "kernelVersion": "10.0.17763.5329", "containerRuntimeVersion": "containerd://1.6.21+azure", "kubeletVersion": "v1.27.3"},
		"akswin000001": {"operatingSystem": "windows", "osImage": "Windows Server 2022 Datacenter", "kernelVersion": "10.0.20348.2227", "containerRuntimeVersion": "docker://20.10.9", "kubeletVersion": "v1.23.3"},
		"linux":        {"operatingSystem": "linux", "osImage": "Ubuntu 22.04.3 LTS", "kernelVersion": "5.15.0-1052-azure", "containerRuntimeVersion": "containerd://1.7.5-1", "kubeletVersion": "v1.27.3"},
		"other":        {"operatingSystem": "windows", "osImage": "Windows Server 2022 Datacenter", "kernelVersion": "10.0.20348.2227", "containerRuntimeVersion": "cri-o://1.30.0"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any
		name, isNode := strings.CutPrefix(r.URL.Path, "/api/v1/nodes/")
		switch info := nodes[name]; {
		case r.URL.Path == "/api":
			answer = map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
		case r.URL.Path == "/apis":
			answer = map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}}
		case r.URL.Path == "/api/v1":
			answer = map[string]any{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{
				map[string]any{"name": "nodes", "singularName": "node", "kind": "Node", "namespaced": false, "shortNames": []string{"no"}, "verbs": []string{"get", "list"}}}}
		case isNode && info != nil:
			answer = map[string]any{"kind": "Node", "apiVersion": "v1", "metadata": map[string]any{"name": name}, "status": map[string]any{"nodeInfo": info}}
		default:
			w.WriteHeader(http.StatusNotFound)
			answer = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": `nodes "` + name + `" not found`, "details": map[string]any{"name": name, "kind": "nodes"}}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	config := filepath.Join(t.TempDir(), "config")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: " + s.URL + "}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"host", []string{"host", "--node", "akswin000000", "-o", "json"}, 0, []string{`"version": "10.0.17763.5329"`, `"release": "ws2019"`, `"confidence": "certain"`}},
		{"runtime", []string{"check", "--node", "akswin000000", "--offline", "-o", "json", "mcr.microsoft.com/windows/servercore:ltsc2022"}, 1,
			[]string{`"name": "containerd"`, `"version": "1.6.21"`, `"image-newer-than-host"`, `"isolation": "process"`}},
		{"docker", []string{"check", "--node", "akswin000001", "--offline", "-o", "json", "mcr.microsoft.com/windows/servercore:10.0.20348.2113"}, 0,
			[]string{`"name": "docker"`, `"version": "20.10.9"`, `"answer": "yes"`}},
		{"tag", []string{"tag", "--node", "akswin000000", "--offline", "mcr.microsoft.com/windows/servercore"}, 0, []string{"ltsc2019"}},
		{"linux", []string{"host", "--node", "linux"}, 2, []string{"winmatch: error: the node linux runs linux, not Windows", "winmatch: hint: kubectl get nodes -l kubernetes.io/os=windows"}},
		{"cri-o", []string{"check", "--node", "other", "--offline", "windows:20348"}, 2, []string{`winmatch: error: host 10.0.20348.2227: unknown runtime "cri-o"`}},
		{"nobody", []string{"host", "--node", "gone"}, 2, []string{`winmatch: error: kubectl get node gone: Error from server (NotFound): nodes "gone" not found`}},
		{"flag", []string{"host", "--node", "-A"}, 2, []string{`winmatch: error: --node: "-A" is no node's name`}},
		{"both", []string{"check", "--node", "linux", "--host", "ws2022", "windows:20348"}, 2, []string{"winmatch: error: --node excludes --docker and --host"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(program, c.args...)
			cmd.Env = append(os.Environ(), "KUBECONFIG="+config, "HOME="+t.TempDir())
			out, _ := cmd.CombinedOutput()
			expect(t, string(out), cmd.ProcessState.ExitCode(), c.code, c.want)
		})
	}
}
