//go:build realparts && linux

package wine_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/test/swarm/engines"
)

// windowsBuild is winmatch.exe, and what else is named, for Windows.
func windowsBuild(t *testing.T, packages ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var out []string
	for _, p := range packages {
		exe := filepath.Join(dir, filepath.Base(p)+".exe")
		parts.Go(t, ".", []string{"GOOS=windows", "GOARCH=amd64"}, "build", "-trimpath", "-tags", "nethttpomithttp2", "-o", exe, p)
		out = append(out, exe)
	}
	return out
}

// relay is an address that leads to a socket; each connection is cut once it has
// brought after bytes, where after is not 0.
func relay(t *testing.T, socket string, after int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				engine, err := net.Dial("unix", socket)
				if err != nil {
					return
				}
				defer engine.Close()
				go func() { _, _ = io.Copy(engine, c); engine.Close() }()
				if after > 0 {
					_, _ = io.CopyN(c, engine, after)
				} else {
					_, _ = io.Copy(c, engine)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestPipe asks engines through named pipes, which a program of this test serves
// and hands on: to a real engine, the manager of a Swarm of its own, to one that
// is cut, to nobody, and to recorded answers of an engine on Windows, which cannot
// run here.
func TestPipe(t *testing.T) {
	start, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cluster, err := engines.Start(start, []string{"piped"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	socket := cluster.Engines[0].Socket
	windows := recorded(t, "20348", "")
	exe := windowsBuild(t, "./cmd/winmatch", "./test/wine/testdata/pipe")

	config := t.TempDir()
	parts.Need(t, "docker")
	// The docker command of Linux makes no context with a pipe: it makes another
	// one, in which the address is replaced, as Docker Desktop's has it.
	create := exec.Command("docker", "context", "create", "desktop", "--docker", "host=unix:///tmp/a.sock")
	create.Env = append(os.Environ(), "DOCKER_CONFIG="+config)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("docker context create: %v\n%s", err, out)
	}
	metas, err := filepath.Glob(filepath.Join(config, "contexts", "meta", "*", "meta.json"))
	if err != nil || len(metas) != 1 {
		t.Fatalf("contexts: %v, %v", metas, err)
	}
	meta, err := os.ReadFile(metas[0])
	if err != nil {
		t.Fatal(err)
	}
	parts.Write(t, metas[0], strings.Replace(string(meta), "unix:///tmp/a.sock", "npipe:////./pipe/winmatch_desktop", 1))
	wine := parts.NewWine(t, "host").With("DOCKER_HOST=", "DOCKER_CONTEXT=", "DOCKER_TLS_VERIFY=", "DOCKER_CONFIG="+parts.There(config))
	wine.Start(t, "ready", exe[1],
		`\\.\pipe\docker_engine`, relay(t, socket, 0), `\\.\pipe\winmatch_desktop`, relay(t, socket, 0),
		`\\.\pipe\winmatch_cut`, relay(t, socket, 1000), `\\.\pipe\winmatch_nobody`, "127.0.0.1:1",
		`\\.\pipe\winmatch_recorded`, windows)

	real := []string{`"name": "piped"`, `"role": "manager"`, `"os": "linux"`}
	doctor := []string{"swarm", "doctor", "--offline", "-o", "json"}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		want []string
	}{
		{"the default", nil, doctor, 0, real},
		{"DOCKER_HOST", []string{"DOCKER_HOST=npipe:////./pipe/winmatch_desktop"}, doctor, 0, real},
		{"a context", nil, append(doctor, "--context", "desktop"), 0, real},
		{"the current context", []string{"DOCKER_CONTEXT=desktop"}, doctor, 0, real},
		{"an address", nil, append(doctor, "--context", "npipe:////./pipe/docker_engine"), 0, real},
		{"changes", nil, []string{"swarm", "label", "--apply"}, 0, []string{"No Windows nodes."}},
		{"no such pipe", []string{"DOCKER_HOST=npipe:////./pipe/winmatch_gone"}, doctor, 2,
			[]string{"error: the engine cannot be reached: npipe:////./pipe/winmatch_gone (DOCKER_HOST): ", "hint: is it running"}},
		{"nobody behind it", []string{"DOCKER_HOST=npipe:////./pipe/winmatch_nobody"}, doctor, 2, []string{"npipe:////./pipe/winmatch_nobody (DOCKER_HOST): "}},
		{"cut", []string{"DOCKER_HOST=npipe:////./pipe/winmatch_cut"}, doctor, 2, []string{"npipe:////./pipe/winmatch_cut (DOCKER_HOST): "}},
		{"recorded", []string{"DOCKER_HOST=npipe:////./pipe/winmatch_recorded"}, []string{"swarm", "isolate", "hyperv"}, 1,
			[]string{"web  running  process  a.example/web:1  10.0.20348.2227", "Stop-Service docker"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, complaint, code := wine.With(c.env...).Outputs(t, "", exe[0], c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, out, complaint)
			}
			for _, w := range c.want {
				if !strings.Contains(out+complaint, w) {
					t.Errorf("no %q in\n%s%s", w, out, complaint)
				}
			}
		})
	}
}

var apiVersion = regexp.MustCompile(`^/v1\.\d+`)

// recorded answers as an engine on Windows does, in the shape of
// https://github.com/docker/for-win/issues/13163: it has one container.
func recorded(t *testing.T, build, isolation string) string {
	t.Helper()
	if isolation == "" {
		isolation = "process"
	}
	answers := map[string]any{
		"/info": parts.Object{"OSType": "windows", "OSVersion": "10.0." + build + ".2227", "KernelVersion": "10.0 " + build + " (" + build + ".1.amd64fre.fe_release.210507-1500)",
			"OperatingSystem": "Microsoft Windows Server Version 21H2 (OS Build " + build + ".2227)", "Isolation": isolation, "ServerVersion": "20.10.24", "Driver": "windowsfilter"},
		"/containers/json":    []parts.Object{{"Id": "c1", "State": "running"}},
		"/containers/c1/json": parts.Object{"Name": "/web", "Image": "i1", "Config": parts.Object{"Image": "a.example/web:1"}, "HostConfig": parts.Object{"Isolation": isolation}},
		"/images/i1/json":     parts.Object{"OsVersion": "10.0.20348.2227"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		path := apiVersion.ReplaceAllString(r.URL.Path, "")
		if path == "/_ping" {
			return
		}
		if answers[path] == nil {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(answers[path])
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestIsolate changes the daemon.json of a Windows, where its engine has it.
func TestIsolate(t *testing.T) {
	exe := windowsBuild(t, "./cmd/winmatch")[0]
	wine := parts.NewWine(t, "host").With("DOCKER_CONFIG=" + parts.There(t.TempDir()))
	const file = `C:\ProgramData\docker\config\daemon.json`
	folder := wine.Here(`C:\ProgramData\docker`)
	clean := func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	service := func(name string, values ...string) {
		key := `HKLM\SYSTEM\CurrentControlSet\Services\` + name
		if out, code := wine.Run(t, "", "reg", append([]string{"add", key, "/f"}, values...)...); code != 0 {
			t.Fatalf("reg add: %d\n%s", code, out)
		}
		t.Cleanup(func() { wine.Run(t, "", "reg", "delete", key, "/f") })
	}
	t.Cleanup(clean)
	isolate := func(code int, want []string, args ...string) {
		t.Helper()
		out, complaint, got := wine.Outputs(t, "", exe, append([]string{"swarm", "isolate", "--offline"}, args...)...)
		if got != code {
			t.Errorf("exit code %d, want %d\n%s%s", got, code, out, complaint)
		}
		for _, w := range want {
			if no, is := strings.CutPrefix(w, "not "); strings.Contains(out+complaint, no) == is {
				t.Errorf("%q in\n%s%s", w, out, complaint)
			}
		}
	}
	holds := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(wine.Here(name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}

	// It is made where there is none, as Windows writes lines.
	clean()
	isolate(1, []string{"--- nothing", "+++ " + file, "nothing was changed: --apply does it"}, "hyperv")
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("without --apply: %v", err)
	}
	isolate(0, []string{"done", "Stop-Service docker", "Start-Service docker", "! Hyper-V is not installed here", "not the old file"}, "hyperv", "--apply")
	holds(file, "{\r\n    \"exec-opts\": [\"isolation=hyperv\"]\r\n}\r\n")
	isolate(0, []string{"isolation is hyperv already", "not Stop-Service"}, "hyperv", "--apply")

	// With the role Hyper-V nothing is missing.
	service("vmms")
	isolate(0, []string{"not Hyper-V is not installed"}, "hyperv")

	// A file of PowerShell's, with its mark and other keys: all else stays, and it
	// is kept.
	const before = "\ufeff{\r\n\t\"debug\": true,\r\n\t\"exec-opts\": [ \"isolation=process\" ],\r\n\t\"unknown-key\": 1.0\r\n}\r\n"
	if err := os.WriteFile(wine.Here(file), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	isolate(0, []string{"done", "the old file is " + file + ".", "engines before 23.0 do not start with one"}, "hyperv", "--apply")
	holds(file, strings.Replace(before, "=process", "=hyperv", 1))
	backups, err := filepath.Glob(wine.Here(file) + ".*.bak")
	if err != nil || len(backups) != 1 {
		t.Fatalf("backups %v, %v", backups, err)
	}
	if got, err := os.ReadFile(backups[0]); err != nil || string(got) != before {
		t.Errorf("the backup holds %q, %v", got, err)
	}
	isolate(0, []string{"done"}, "default", "--apply")
	holds(file, "\ufeff{\r\n\t\"debug\": true,\r\n\t\"unknown-key\": 1.0\r\n}\r\n")

	// Another path, in Windows' words.
	isolate(0, []string{`C:\ProgramData\docker\own.json`}, "process", `C:\ProgramData\docker\own.json`, "--apply")
	holds(`C:\ProgramData\docker\own.json`, "{\r\n    \"exec-opts\": [\"isolation=process\"]\r\n}\r\n")

	// The same by the service's command line and by the file: dockerd would not start.
	service("docker", "/v", "ImagePath", "/t", "REG_EXPAND_SZ", "/d", `"C:\Program Files\docker\dockerd.exe" --run-service --exec-opt isolation=process`)
	isolate(2, []string{"error: the service docker is started with --exec-opt", "hint: take it off"}, "hyperv", "--apply")
	holds(file, "\ufeff{\r\n\t\"debug\": true,\r\n\t\"unknown-key\": 1.0\r\n}\r\n")
}
