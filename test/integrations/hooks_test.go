//go:build realparts

package integrations_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

// hook runs a hook of a git repository under pre-commit, on a repository with a
// finding and on one without.
func hook(t *testing.T, source, id string, env ...string) {
	t.Helper()
	pre := parts.Need(t, "pre-commit")
	home := t.TempDir()
	for _, tt := range []struct {
		dockerfile string
		code       int
	}{{bad, 1}, {good, 0}} {
		dir := repository(t, tt.dockerfile)
		// By its commit, so that pre-commit installs it once.
		write(t, dir, ".pre-commit-config.yaml", fmt.Sprintf("repos:\n  - repo: %s\n    rev: %s\n    hooks: [{id: %s}]\n", source, git(t, source, "rev-parse", "HEAD"), id))
		git(t, dir, "add", ".")
		cmd := exec.Command(pre, "run", "--all-files", "--verbose")
		cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "PRE_COMMIT_HOME="+home), env...)
		out, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != tt.code {
			log, _ := os.ReadFile(filepath.Join(home, "pre-commit.log"))
			t.Fatalf("%s: exit code %d, want %d: %v\n%s\n%s", id, got, tt.code, err, out, log)
		}
		if said := strings.Contains(string(out), "Dockerfile:1:6: error: mcr.microsoft.com/windows/servercore:ltsc2022 does not run on Windows Server 2019"); said != (tt.code == 1) {
			t.Errorf("%s: %s", id, out)
		}
	}
}

// source is a git repository of the project as it stands here.
func source(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		src, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // taken away, and not committed yet
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(src))
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A", "-f")
	git(t, dir, "commit", "-qm", "as it stands")
	return dir
}

// TestSystemHook runs the hook of the program that is installed.
func TestSystemHook(t *testing.T) {
	source := t.TempDir()
	hooks, err := os.ReadFile(filepath.Join(root, ".pre-commit-hooks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, source, ".pre-commit-hooks.yaml", string(hooks))
	git(t, source, "init", "-q")
	git(t, source, "add", "-A")
	git(t, source, "commit", "-qm", "hooks")
	hook(t, source, "winmatch-system", "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
}

// TestGolangHook has pre-commit build the hook from a git repository, with the
// modules that are here already: pre-commit itself fetches them anew.
func TestGolangHook(t *testing.T) {
	hook(t, source(t), "winmatch", "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "CGO_ENABLED=0")
}

// TestDockerHook has pre-commit build the hook's image by a Docker engine, from
// the project's own Dockerfile, and run it. No registry of the world can be
// reached here, so the engine has a mirror with two images that stand in for
// golang and alpine: busybox, which is alpine's shell too, and in the first one
// this machine's Go with the modules and the build cache of the program.
func TestDockerHook(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	tag := func(image string) string {
		_, rest, ok := strings.Cut(string(src), "\nFROM "+image+":")
		if !ok {
			t.Fatalf("the Dockerfile is not from %s any more", image)
		}
		return strings.Fields(rest)[0]
	}
	shell := parts.Need(t, "busybox")
	images := hub{}
	images.add(t, "alpine", tag("alpine"), map[string]string{"bin/sh": shell}, nil)
	toolchain, env := goImage(t)
	toolchain["bin/sh"] = shell
	images.add(t, "golang", tag("golang"), toolchain, env)
	s := httptest.NewServer(images)
	t.Cleanup(s.Close)
	hook(t, source(t), "winmatch-docker", "DOCKER_HOST=unix://"+engine(t, s.URL), "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=", "DOCKER_BUILDKIT=0")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// goImage lists what is in the image with Go, file by file: its place there, and
// here. The build cache is kept between runs.
func goImage(t *testing.T) (files map[string]string, env []string) {
	t.Helper()
	cache := filepath.Join(parts.Cache(t), "hook-go-build")
	parts.Go(t, ".", []string{"GOCACHE=" + cache}, "build", "-trimpath", "-ldflags", "-s -w", "-tags", "nethttpomithttp2", "-o", filepath.Join(t.TempDir(), "winmatch"), "./cmd/winmatch")

	files = map[string]string{}
	add := func(to, from string, skip func(string) bool) {
		err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(from, path)
			switch {
			case err != nil:
				return err
			case d.IsDir() && skip != nil && skip(rel):
				return filepath.SkipDir
			case d.Type().IsRegular() && !strings.HasSuffix(path, "_test.go"):
				files[filepath.Join(to, rel)] = path
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	goroot, modules := goEnv(t, "GOROOT"), goEnv(t, "GOMODCACHE")
	for _, name := range []string{"bin/go", "pkg", "src", "go.env", "VERSION"} {
		add(filepath.Join("usr/local/go", name), filepath.Join(goroot, name), func(dir string) bool {
			return dir == "cmd" || filepath.Base(dir) == "testdata"
		})
	}
	add("cache", cache, nil)
	list := exec.Command("go", "list", "-deps", "-tags", "nethttpomithttp2", "-f", "{{with .Module}}{{if .Version}}{{.Dir}}\t{{.GoMod}}{{end}}{{end}}", "./cmd/winmatch")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		dir, mod, _ := strings.Cut(strings.TrimSpace(line), "\t")
		for _, path := range []string{dir, mod, strings.TrimSuffix(mod, "mod") + "info", strings.TrimSuffix(mod, "mod") + "ziphash"} {
			rel, err := filepath.Rel(modules, path)
			if err != nil || strings.HasPrefix(rel, "..") {
				t.Fatalf("%s is not in %s", path, modules)
			}
			add(filepath.Join("go/pkg/mod", rel), path, nil)
		}
	}
	return files, []string{"PATH=/usr/local/go/bin:/bin", "GOPATH=/go", "GOCACHE=/cache", "GOPROXY=off", "GOTOOLCHAIN=local"}
}

// A hub is Docker Hub as a mirror of it serves it: images of one layer.
type hub map[string]served

type served struct {
	mediaType string
	body      []byte
}

func (h hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, ok := h[r.URL.Path]
	switch {
	case r.URL.Path == "/v2/":
	case !ok:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", v.mediaType)
		w.Header().Set("Docker-Content-Digest", parts.Digest(v.body))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.body))
	}
}

// add puts an image into it.
func (h hub) add(t *testing.T, name, tag string, files map[string]string, env []string) {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"bin", "tmp", "usr", "usr/local", "usr/local/bin"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range files {
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		src, err := os.ReadFile(from)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: to, Mode: int64(info.Mode().Perm()), Size: int64(len(src)), ModTime: info.ModTime()})
		}
		if err == nil {
			_, err = w.Write(src)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	repo := "/v2/library/" + name
	blob := func(mediaType string, body []byte) parts.Object {
		h[repo+"/blobs/"+parts.Digest(body)] = served{mediaType, body}
		return parts.Object{"mediaType": mediaType, "digest": parts.Digest(body), "size": len(body)}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	config := text(parts.Object{"os": "linux", "architecture": runtime.GOARCH, "config": parts.Object{"Env": env},
		"rootfs": parts.Object{"type": "layers", "diff_ids": []string{parts.Digest(layer.Bytes())}}})
	manifest := served{parts.Docker[1], text(parts.Object{"schemaVersion": 2, "mediaType": parts.Docker[1], "config": blob(parts.Docker[2], config),
		"layers": []parts.Object{blob("application/vnd.docker.image.rootfs.diff.tar", layer.Bytes())}})}
	h[repo+"/manifests/"+tag], h[repo+"/manifests/"+parts.Digest(manifest.body)] = manifest, manifest
}

// engine starts a Docker engine that ends with the test, and returns its socket.
// It has no network for containers, and asks the mirror first.
func engine(t *testing.T, mirror string) string {
	t.Helper()
	for _, program := range []string{"docker", "dockerd", "containerd", "runc", "unshare"} {
		parts.Need(t, program)
	}
	if os.Geteuid() != 0 {
		t.Fatal("a real Docker engine needs root")
	}
	dir, err := os.MkdirTemp("", "wmhook")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "docker.sock")
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "dockerd", "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "-p", filepath.Join(dir, "pid"), "-H", "unix://"+socket, "--iptables=false", "--ip6tables=false", "--bridge=none",
		"--registry-mirror", mirror, "--exec-opt", "native.cgroupdriver=cgroupfs")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead := make(chan struct{})
	go func() { defer close(dead); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-dead
		log.Close()
		for range 50 { // what the kernel is still ending may hold a file
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(err)
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if exec.Command("docker", "-H", "unix://"+socket, "version").Run() == nil {
			return socket
		}
		select {
		case <-dead:
		default:
			if time.Now().Before(deadline) {
				continue
			}
		}
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("dockerd does not answer\n%s", text)
	}
}
