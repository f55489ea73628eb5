//go:build realparts

// Package engine_test lets the real winmatch ask Docker engines through the
// real docker command. Windows engines cannot run here: what they answer to
// GET /info is replayed, in shapes recorded in public issues, over a real
// socket.
package engine_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

type info map[string]any

// serve answers as an engine of API 1.47 does.
func serve(t *testing.T, answer info) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		switch {
		case r.URL.Path == "/_ping":
			w.Header().Set("Ostype", answer["OSType"].(string))
		case strings.HasSuffix(r.URL.Path, "/info"):
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return "tcp://" + s.Listener.Addr().String()
}

func TestDocker(t *testing.T) {
	parts.Need(t, "docker")
	program := parts.Build(t).Program

	client := info{ // https://github.com/moby/moby/issues/43284
		"OSType": "windows", "OSVersion": "10.0.22000.527", "KernelVersion": "10.0 22000 (22000.1.amd64fre.co_release.210604-1628)",
		"OperatingSystem": "Windows 10 Pro Version 2009 (OS Build 22000.527)", "Isolation": "hyperv", "ServerVersion": "20.10.12", "Driver": "windowsfilter",
	}
	server := info{ // the shape of https://github.com/docker/for-win/issues/13163, with the containerd image store
		"OSType": "windows", "OSVersion": "10.0.17763.3772", "KernelVersion": "10.0 17763 (17763.1.amd64fre.rs5_release.180914-1434)",
		"OperatingSystem": "Microsoft Windows Server Version 1809 (OS Build 17763.3772)", "Isolation": "process", "ServerVersion": "29.6.2", "Driver": "windows",
	}
	linux := info{"OSType": "linux", "OSVersion": "12", "KernelVersion": "6.1.0-32-amd64", "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "ServerVersion": "20.10.24", "Driver": "overlay2"}

	for _, c := range []struct {
		name   string
		engine info
		args   []string
		code   int
		want   []string
	}{
		{"host", client, []string{"host", "--docker", "-o", "json"}, 0, []string{`"version": "10.0.22000.527"`, `"release": "w11-21h2"`, `"edition": "client"`}},
		{"client", client, []string{"check", "--docker", "--offline", "-o", "json", "mcr.microsoft.com/windows/servercore:ltsc2019"}, 0,
			[]string{`"isolation": "hyperv"`, `"version": "20.10.12"`, `"answer": "yes"`}},
		{"server", server, []string{"check", "--docker", "--offline", "-o", "json", "mcr.microsoft.com/windows/servercore:ltsc2022"}, 1,
			[]string{`"isolation": "process"`, `"name": "docker-containerd"`, `"image-newer-than-host"`}},
		{"linux", linux, []string{"host", "--docker"}, 2, []string{"winmatch: error: the Docker engine runs linux containers, not Windows ones", "winmatch: hint: Docker Desktop: switch to Windows containers"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := run(t, program, serve(t, c.engine), c.args...)
			expect(t, out, code, c.code, c.want)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		out, code := run(t, program, "tcp://127.0.0.1:1", "host", "--docker")
		if code != 2 || !strings.Contains(out, "winmatch: error: docker info: ") || !strings.Contains(out, "is the engine running") {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
}

// expect holds an answer against its exit code and what must stand in it.
func expect(t *testing.T, out string, code, wantCode int, want []string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d\n%s", code, wantCode, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("no %q in\n%s", w, out)
		}
	}
}

func run(t *testing.T, program, dockerHost string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+dockerHost, "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
