//go:build realparts && linux

// Package swarm_test lets the real winmatch find, label and constrain services of
// a real Swarm: three engines (test/swarm/engines), of which one manages.
//
// What is real: the engines, their scheduler, tasks, labels, constraints,
// versions of objects and all words about them. What is not, since Windows
// engines cannot run here: two nodes show themselves as Windows (a proxy before
// the API alters the operating system in GET /nodes, and answers GET /info in the
// shape of a recorded Windows engine), and on them a stand-in for runc refuses
// images of other builds, in the recorded words of Windows.
package swarm_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/test/swarm/engines"
)

// The images, which are there under these names on every engine.
const (
	image2019 = "mcr.microsoft.com/windows/nanoserver:ltsc2019"
	image2022 = "mcr.microsoft.com/windows/nanoserver:ltsc2022"
	imageNone = "registry.example/app:1" // holds what nobody knows
)

var (
	cluster  *engines.Cluster
	manager  *engines.Engine
	winmatch string
	ctx      = context.Background()
)

// refusal is what an engine on Windows reports where the builds differ, from
// Microsoft's page on version compatibility; quoted for JSON.
const refusal = `container e7b5d3adba7e510569c18d8e55f7c689d7cb92be40a516c91b363e27f84604d0 encountered an error during CreateContainer: failure in a Windows system call: ` +
	`The operating system of the container does not match the operating system of the host. (0xc0370101) extra info: {\"SystemType\":\"Container\",\"Owner\":\"docker\"}`

// likeWindows is the stand-in for runc on a node: it creates containers of the
// builds that such a Windows runs, and refuses the others. Newer engines ask for a
// time namespace, which Debian's runc does not know.
func likeWindows(name string) string {
	builds := map[string]string{"win-2019": "17763", "win-2022": "20348"}[name]
	return fmt.Sprintf(`#!/bin/sh
log= bundle= prev= create=
for a; do
  case $prev in --log) log=$a ;; --bundle) bundle=$a ;; esac
  [ "$a" = create ] && create=1
  prev=$a
done
if [ -n "$create" ] && grep -q '"BUILD=' "$bundle/config.json" && ! grep -q '"BUILD=%s"' "$bundle/config.json"; then
  printf '%%s\n' '{"level":"error","msg":"%s","time":"2026-11-24T00:00:00Z"}' >>"$log"
  exit 1
fi
if [ -n "$create" ] && [ -n "$bundle" ]; then
  sed -i -e 's/,{"type":"time"}//' -e 's/{"type":"time"},//' "$bundle/config.json"
fi
exec runc "$@"
`, builds, refusal)
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "the real Swarm:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "wmswarmtest")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	winmatch = filepath.Join(dir, "winmatch")
	if out, err := goBuild(winmatch, "./cmd/winmatch"); err != nil {
		return fail(fmt.Errorf("%w\n%s", err, out))
	}
	start, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if cluster, err = engines.Start(start, []string{"mgr", "win-2019", "win-2022"}, likeWindows); err != nil {
		return fail(err)
	}
	defer func() {
		if err := cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "the real Swarm:", err)
		}
	}()
	manager = cluster.Engines[0]
	if err := importImages(dir); err != nil {
		return fail(err)
	}
	if err := drain("mgr"); err != nil {
		return fail(err)
	}
	return m.Run()
}

func goBuild(out, pkg string) ([]byte, error) {
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = parts.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}

// importImages gives every engine images of one static program that waits.
func importImages(dir string) error {
	src := filepath.Join(dir, "wait")
	if err := os.Mkdir(src, 0o755); err != nil {
		return err
	}
	const program = "package main\n\nimport (\n\t\"os\"\n\t\"os/signal\"\n\t\"syscall\"\n)\n\nfunc main() {\n\tif len(os.Args) > 1 {\n\t\tos.Exit(3)\n\t}\n\tc := make(chan os.Signal, 1)\n\tsignal.Notify(c, syscall.SIGTERM)\n\t<-c\n}\n"
	for name, text := range map[string]string{"go.mod": "module wait\n\ngo 1.26\n", "main.go": program} {
		if err := os.WriteFile(filepath.Join(src, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", "wait")
	cmd.Dir, cmd.Env = src, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	body, err := os.ReadFile(filepath.Join(src, "wait"))
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "wait", Mode: 0o755, Size: int64(len(body))}), func() error { _, err := w.Write(body); return err }(), w.Close()); err != nil {
		return err
	}
	for _, e := range cluster.Engines {
		for image, env := range map[string]string{image2019: "ENV BUILD=17763", image2022: "ENV BUILD=20348", imageNone: "ENV APP=1"} {
			repo, tag, _ := strings.Cut(image, ":")
			q := url.Values{"fromSrc": {"-"}, "repo": {repo}, "tag": {tag}, "changes": {`ENTRYPOINT ["/wait"]`, env}}
			if _, err := e.Do(ctx, http.MethodPost, "/images/create?"+q.Encode(), bytes.NewReader(layer.Bytes()), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

type object = map[string]any

// nodes of the Swarm, as the manager itself has them.
func nodes(t testing.TB) map[string]object {
	t.Helper()
	list, err := listNodes()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func listNodes() (map[string]object, error) {
	var list []object
	if _, err := manager.Do(ctx, http.MethodGet, "/nodes", nil, &list); err != nil {
		return nil, err
	}
	out := map[string]object{}
	for _, n := range list {
		out[at(n, "Description", "Hostname").(string)] = n
	}
	return out, nil
}

// at follows names into an object.
func at(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(object)
		v = m[n]
	}
	return v
}

func drain(name string) error {
	list, err := listNodes()
	if err != nil {
		return err
	}
	n := list[name]
	spec := n["Spec"].(object)
	spec["Availability"] = "drain"
	_, err = manager.Do(ctx, http.MethodPost, fmt.Sprintf("/nodes/%s/update?version=%.0f", n["ID"], at(n, "Version", "Index")), spec, nil)
	return err
}

// service makes a service that ends with the test.
func service(t *testing.T, name, image string, replicas int, change ...func(spec object)) {
	t.Helper()
	spec := object{
		"Name": name, "Mode": object{"Replicated": object{"Replicas": replicas}},
		"TaskTemplate": object{
			"ContainerSpec": object{"Image": image},
			"RestartPolicy": object{"Condition": "any", "Delay": 300_000_000},
			"Placement":     object{}, // as the docker command sends it
		},
	}
	for _, c := range change {
		c(spec)
	}
	if _, err := manager.Do(ctx, http.MethodPost, "/services/create", spec, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := manager.Do(ctx, http.MethodDelete, "/services/"+name, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// task is what the manager says of a task.
type task struct {
	NodeID, DesiredState string
	Status               struct{ State, Err string }
}

// until waits until a service's tasks are as wanted.
func until(t *testing.T, name, what string, ok func([]task) bool) []task {
	t.Helper()
	var list []task
	for end := time.Now().Add(45 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		list = nil
		q := url.Values{"filters": {`{"service":["` + name + `"]}`}}
		if _, err := manager.Do(ctx, http.MethodGet, "/tasks?"+q.Encode(), nil, &list); err != nil {
			t.Fatal(err)
		}
		if ok(list) {
			return list
		}
	}
	text, _ := json.MarshalIndent(list, "", " ")
	t.Fatalf("service %s: not %s after 45 s\n%s", name, what, text)
	return nil
}

// running counts running tasks by the node they are on.
func running(t testing.TB, list []task) map[string]int {
	t.Helper()
	byID := map[string]string{}
	for name, n := range nodes(t) {
		byID[n["ID"].(string)] = name
	}
	out := map[string]int{}
	for _, k := range list {
		if k.Status.State == "running" && k.DesiredState == "running" {
			out[byID[k.NodeID]]++
		}
	}
	return out
}

func failed(list []task) (n int) {
	for _, k := range list {
		if k.Status.State == "failed" || k.Status.State == "rejected" {
			n++
		}
	}
	return n
}

// runs runs winmatch against an address and returns what it said.
func runs(t testing.TB, host string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(winmatch, args...)
	config := os.Getenv("WINMATCH_TEST_CONFIG") // see TestRun
	if config == "" {
		config = t.TempDir()
	}
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+host, "DOCKER_CONFIG="+config, "DOCKER_CONTEXT=")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Logf("$ winmatch %s\n%s%s", strings.Join(args, " "), &out, &complaint)
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
}

// expect runs winmatch and holds its exit code and what it said against what is
// wanted.
func expect(t testing.TB, host string, code int, want []string, args ...string) string {
	t.Helper()
	stdout, stderr, got := runs(t, host, args...)
	if got != code {
		t.Errorf("winmatch %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	for _, w := range want {
		if !strings.Contains(stdout+stderr, w) {
			t.Errorf("winmatch %s: no %q in\n%s%s", strings.Join(args, " "), w, stdout, stderr)
		}
	}
	return stdout
}
