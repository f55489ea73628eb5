//go:build realparts

package engine_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestDaemonImage reads images of an engine through the real docker command.
// What the engine answers to GET /images/{name}/json is in the shape of
// https://github.com/moby/moby/blob/b985e231/api/swagger.yaml (ImageInspect).
func TestDaemonImage(t *testing.T) {
	parts.Need(t, "docker")
	program := parts.Build(t).Program
	id := "sha256:" + strings.Repeat("a1", 32)
	windows := info{"Id": id, "RepoTags": []string{"app:1"}, "RepoDigests": []string{}, "Os": "windows", "Architecture": "amd64",
		"OsVersion": "10.0.20348.2227", "Size": 1, "RootFS": info{"Type": "layers"}}
	index := "sha256:" + strings.Repeat("b2", 32)
	store := info{"Id": index, "RepoTags": []string{"app:2"}, "Os": "windows", "Architecture": "amd64", "OsVersion": "10.0.17763.6893",
		"Descriptor": info{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": index, "size": 1}}
	images := map[string]info{"app:1": windows, id: windows, "app:2": store,
		"old": {"Id": id, "Os": "windows", "Architecture": "amd64"}, "nginx": {"Id": id, "Os": "linux", "Architecture": "amd64"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/_ping" {
			w.Header().Set("Ostype", "windows")
			return
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(r.URL.Path, "/json"), "/images/")
		var answer any = images[name]
		if images[name] == nil {
			w.WriteHeader(http.StatusNotFound)
			answer = info{"message": "No such image: " + name}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	engine := "tcp://" + s.Listener.Addr().String()

	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"name", []string{"image", "-o", "json", "docker-daemon:app:1"}, 0,
			[]string{`"basis": "daemon"`, `"osVersion": "10.0.20348.2227"`, `"digest": "` + id + `"`, `"reference": "docker-daemon:app:1"`}},
		{"id", []string{"image", "-o", "json", "docker-daemon:" + id}, 0, []string{`"osVersion": "10.0.20348.2227"`}},
		{"containerd store", []string{"image", "-o", "json", "docker-daemon:app:2"}, 0, []string{`"digest": "` + index + `"`, "image.index.v1+json"}},
		{"check", []string{"check", "--host", "10.0.20348.3000", "docker-daemon:app:1"}, 0, []string{"yes ", "from the engine"}},
		{"no version", []string{"image", "docker-daemon:old"}, 1, []string{"the engine states no os.version"}},
		{"linux", []string{"check", "--host", "ws2022", "docker-daemon:nginx"}, 1, []string{"holds no Windows"}},
		{"none", []string{"image", "docker-daemon:none"}, 2, []string{"winmatch: error: docker-daemon:none: the engine has no such image", "winmatch: hint: docker image ls"}},
		{"offline", []string{"image", "--offline", "docker-daemon:golang:1.27-windowsservercore-ltsc2025"}, 0, []string{"from the name alone", "10.0.26100"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := run(t, program, engine, c.args...)
			expect(t, out, code, c.code, c.want)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		out, code := run(t, program, "tcp://127.0.0.1:1", "image", "docker-daemon:app:1")
		if code != 2 || !strings.Contains(out, "winmatch: error: docker-daemon:app:1: docker image inspect: ") || !strings.Contains(out, "is the engine running") {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
	t.Run("context", func(t *testing.T) { // the engine of a docker context, as the user's docker finds it
		config := t.TempDir()
		t.Setenv("DOCKER_CONFIG", config)
		if out, err := exec.Command("docker", "context", "create", "win", "--docker", "host="+engine).CombinedOutput(); err != nil {
			t.Fatalf("docker context create: %v\n%s", err, out)
		}
		cmd := exec.Command(program, "image", "docker-daemon:app:1")
		cmd.Env = append(cmd.Environ(), "DOCKER_CONFIG="+config, "DOCKER_CONTEXT=win", "DOCKER_HOST=")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "10.0.20348.2227") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
