//go:build realparts

package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/test/swarm/engines"
)

// A store is a real Docker engine, spoken to by the real docker command.
type store struct{ host, config string }

func (s store) docker(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+s.host, "DOCKER_CONFIG="+s.config, "DOCKER_CONTEXT=")
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s store) must(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	out, err := s.docker(t, stdin, args...)
	if err != nil {
		t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
	return out
}

// saved is an archive as docker save makes them, of one image.
func saved(t *testing.T, name, osName, osVersion string) []byte {
	t.Helper()
	layer := parts.Tar(t, map[string]string{"Files/hello.txt": osVersion})
	config, err := json.Marshal(info{"os": osName, "architecture": "amd64", "os.version": osVersion, "config": info{},
		"rootfs": info{"type": "layers", "diff_ids": []string{parts.Digest(layer)}}})
	if err != nil {
		t.Fatal(err)
	}
	file := strings.TrimPrefix(parts.Digest(config), "sha256:") + ".json"
	manifest, err := json.Marshal([]info{{"Config": file, "RepoTags": []string{name}, "Layers": []string{"layer/layer.tar"}}})
	if err != nil {
		t.Fatal(err)
	}
	return parts.Tar(t, map[string]string{file: string(config), "layer/layer.tar": string(layer), "manifest.json": string(manifest)})
}

// TestRealEngine asks a real engine about its images, and reads what it saves.
// It is one for Linux, which takes no Windows image by any way.
func TestRealEngine(t *testing.T) {
	cluster, err := engines.Start(context.Background(), []string{"store"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	s := store{"unix://" + cluster.Engines[0].Socket, t.TempDir()}
	program := parts.Build(t).Program
	files := parts.Tar(t, map[string]string{"bin/hello": "hello"})

	s.must(t, files, "import", "-", "example/linux:1")
	s.must(t, saved(t, "example/linux:2", "linux", ""), "load")
	id := strings.TrimSpace(s.must(t, nil, "image", "inspect", "--format", "{{.Id}}", "example/linux:1"))

	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"imported", []string{"image", "-o", "json", "docker-daemon:example/linux:1"}, 0, []string{`"basis": "daemon"`, `"os": "linux"`, `"digest": "` + id + `"`}},
		{"by ID", []string{"image", "-o", "json", "docker-daemon:" + id}, 0, []string{`"os": "linux"`, id}},
		{"by a short ID", []string{"image", "-o", "json", "docker-daemon:" + id[7:19]}, 0, []string{`"os": "linux"`, id}},
		{"loaded", []string{"check", "--host", "ws2022", "docker-daemon:example/linux:2"}, 1, []string{"no ", "holds no Windows"}},
		{"none", []string{"image", "docker-daemon:example/none:1"}, 2, []string{"winmatch: error: docker-daemon:example/none:1: the engine has no such image", "hint: docker image ls"}},
		{"host", []string{"host", "--docker"}, 2, []string{"winmatch: error: the Docker engine runs linux containers, not Windows ones"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := run(t, program, s.host, c.args...)
			expect(t, out, code, c.code, c.want)
		})
	}

	t.Run("saved", func(t *testing.T) {
		dir := t.TempDir()
		for _, c := range []struct {
			name   string
			images []string
			want   string // what is read after the file; of a single image it needs no name
		}{
			{"one", []string{"example/linux:1"}, ""},
			{"two", []string{"example/linux:1", "example/linux:2"}, ":example/linux:1 :example/linux:2"},
			{"repository", []string{"example/linux"}, ":example/linux:1 :example/linux:2"},
			{"by ID", []string{id}, ""},
		} {
			file := filepath.Join(dir, c.name+".tar")
			s.must(t, nil, append([]string{"save", "-o", file}, c.images...)...)
			out, code := run(t, program, s.host, "image", "-o", "json", "docker-archive:"+file)
			var list []struct {
				Reference, Basis string
				Children         []struct{ OS string }
			}
			if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
				t.Fatalf("%s: exit %d, %v\n%s", c.name, code, err, out)
			}
			var names []string
			for _, i := range list {
				if i.Basis != "archive" || len(i.Children) != 1 || i.Children[0].OS != "linux" {
					t.Errorf("%s: %+v", c.name, i)
				}
				names = append(names, strings.TrimPrefix(i.Reference, "docker-archive:"+file))
			}
			if slices.Sort(names); strings.Join(names, " ") != c.want {
				t.Errorf("%s: %v, want %s", c.name, names, c.want)
			}
		}
	})

	// Of a Windows image an engine for Linux keeps nothing, however it is offered.
	windows := saved(t, "example/windows:1", "windows", "10.0.20348.3207")
	for _, c := range []struct {
		name  string
		stdin []byte
		args  []string
	}{
		{"load", windows, []string{"load"}},
		{"import", files, []string{"import", "--platform", "windows/amd64", "-", "example/windows:1"}},
	} {
		t.Run("Windows by "+c.name, func(t *testing.T) {
			out, err := s.docker(t, c.stdin, c.args...)
			t.Logf("docker %v: %v: %s", c.args, err, out)
			if err == nil {
				t.Error("it takes a Windows image")
			}
		})
	}
	if out, code := run(t, program, s.host, "image", "docker-daemon:example/windows:1"); code != 2 || !strings.Contains(out, "the engine has no such image") {
		t.Errorf("exit %d\n%s", code, out)
	}
	// The archive itself says what the engine does not.
	file := filepath.Join(t.TempDir(), "windows.tar")
	if err := os.WriteFile(file, windows, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := run(t, program, s.host, "check", "--host", "10.0.20348.3207", "docker-archive:"+file)
	expect(t, out, code, 0, []string{"yes ", "10.0.20348.3207"})
}
