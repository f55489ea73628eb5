//go:build realparts && linux

package swarm_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

// stack is judged before it is deployed. Its variables come from the environment.
const stack = `version: "3.8"
services:
  web:
    image: ${WEB_IMAGE}
    deploy: {replicas: 2}
  right:
    image: ${WEB_IMAGE}
    deploy:
      placement: {constraints: ["node.hostname == ${HOST_OF_RIGHT:-win-2022}"]}
  wrong:
    image: ` + image2022 + `
    deploy:
      placement: {constraints: [node.labels.OsVersion==10.0.17763]}
  nowhere:
    image: ` + image2019 + `
    deploy:
      placement: {constraints: [node.labels.nobody==has-it]}
  everywhere:
    image: ` + image2019 + `
    deploy: {mode: global}
  large:
    image: ` + image2019 + `
    deploy:
      resources: {reservations: {memory: 1024T}}
      placement: {constraints: [node.hostname==win-2019]}
`

// override lays a constraint over each of the services at risk.
const override = `version: "3.8"
services:
  web:
    deploy:
      placement: {constraints: [node.labels.winmatch.runs.20348==true]}
  everywhere:
    deploy:
      placement: {constraints: [node.labels.winmatch.runs.17763==true]}
  wrong: &gone {image: ` + image2022 + `, deploy: {replicas: 0}}
  nowhere: *gone
  large: *gone
`

// TestStack holds what the doctor says of a stack against what becomes of it: the
// real docker stack deploy makes the services, the real scheduler places their
// tasks, and the stand-in for Windows lets them run or refuses them.
func TestStack(t *testing.T) {
	parts.Need(t, "docker")
	unlabel(t)
	p := before(t, manager, nil)
	expect(t, p.address, 0, []string{"done"}, labelArgs...)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "stack.yaml"), filepath.Join(dir, "override.yaml")
	for file, text := range map[string]string{first: stack, second: override} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("WEB_IMAGE", image2022)
	planned := func(code int, files ...string) map[string]plannedService {
		args := []string{"swarm", "doctor", "--offline", "-o", "json"}
		for _, f := range files {
			args = append(args, "-c", f)
		}
		var r struct{ Services []plannedService }
		if err := json.Unmarshal([]byte(expect(t, p.address, code, nil, args...)), &r); err != nil {
			t.Fatal(err)
		}
		out := map[string]plannedService{}
		for _, v := range r.Services {
			out[v.Name] = v
		}
		return out
	}
	said := planned(1, first)
	for name, want := range map[string]string{"web": "at-risk", "right": "fits", "wrong": "none-fits", "nowhere": "none-fits", "everywhere": "at-risk", "large": "none-fits"} {
		if got := said[name].Status; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	// The README's run.
	expect(t, p.address, 1, []string{"web ×2 is at risk", `add "node.labels.winmatch.runs.20348==true", which keeps it to win-2022`}, "swarm", "doctor", "--offline", "-c", first, "web")
	docker := func(args ...string) {
		t.Helper()
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+manager.Socket, "DOCKER_CONFIG="+dir, "DOCKER_CONTEXT=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() {
		docker("stack", "rm", "wm")
		networkGone(t)
	})
	docker("stack", "deploy", "--resolve-image", "never", "-c", first, "wm")
	for name, v := range said {
		until(t, "wm_"+name, "as was said: "+v.Status, func(list []task) bool { return v.holds(t, list) })
	}

	// With the constraints that were proposed everything that is to run runs.
	said = planned(0, first, second)
	docker("stack", "deploy", "--resolve-image", "never", "-c", first, "-c", second, "wm")
	for name, want := range map[string]map[string]int{"web": {"win-2022": 2}, "right": {"win-2022": 1}, "everywhere": {"win-2019": 1}, "wrong": {}, "nowhere": {}, "large": {}} {
		if said[name].Status != "fits" && len(want) > 0 {
			t.Errorf("%s: %s", name, said[name].Status)
		}
		until(t, "wm_"+name, "where it was said", func(list []task) bool {
			got := running(t, list)
			for node, n := range want {
				if got[node] != n {
					return false
				}
			}
			return len(got) == len(want)
		})
	}
}

type plannedService struct {
	Name, Status string
	Nodes        []struct{ Node, Answer, Blocked string }
}

// holds reports whether the tasks bear out what was said: none on a node that was
// said to be blocked, none that runs where it was said not to, and for each status
// what it means.
func (v plannedService) holds(t *testing.T, list []task) bool {
	byID := map[string]string{}
	for name, n := range nodes(t) {
		byID[n["ID"].(string)] = name
	}
	refused, waits, run := 0, 0, 0
	for _, k := range list {
		for _, n := range v.Nodes {
			if n.Node != byID[k.NodeID] {
				continue
			}
			if n.Blocked != "" {
				t.Errorf("%s: a task on %s, which was said to be %s", v.Name, n.Node, n.Blocked)
			}
			if (k.Status.State == "running") && n.Answer != "yes" || strings.Contains(k.Status.Err, "0xc0370101") && n.Answer != "no" {
				t.Errorf("%s: a task on %s is %s (%s), which was said to be %s", v.Name, n.Node, k.Status.State, k.Status.Err, n.Answer)
			}
		}
		switch {
		case strings.Contains(k.Status.Err, "0xc0370101"):
			refused++
		case strings.Contains(k.Status.Err, "no suitable node"):
			waits++
		case k.Status.State == "running":
			run++
		}
	}
	switch v.Status {
	case "fits":
		return run > 0 && refused == 0 && waits == 0
	case "at-risk":
		return run > 0 && refused > 0
	}
	return run == 0 && refused+waits > 0
}

// networkGone waits until the stack's network is away, so that tests after this
// one find the Swarm as it was.
func networkGone(t *testing.T) {
	for range 100 {
		if status, _ := manager.Do(ctx, http.MethodGet, "/networks/wm_default", nil, nil); status == http.StatusNotFound {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the stack's network is still there")
}

// TestStackPlatform: docker records the platforms that the registry names, and the
// scheduler heeds them. Here nobody shows the nodes as Windows.
func TestStackPlatform(t *testing.T) {
	parts.Need(t, "docker")
	file := filepath.Join(t.TempDir(), "stack.yaml")
	text := "version: '3.8'\nservices:\n  only-windows:\n    image: " + image2022 + "\n    networks: [own]\nnetworks: {own: {external: true, name: host}}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, "unix://"+manager.Socket, 1, []string{"only-windows ×1 would not run", "the image is for windows/amd64, the node is linux/amd64"}, "swarm", "doctor", "--offline", "-c", file)
	service(t, "only-windows", image2022, 1, func(spec object) { // what docker makes of a registry's answer
		spec["TaskTemplate"].(object)["Placement"] = object{"Platforms": []object{{"OS": "windows", "Architecture": "amd64"}}}
	})
	until(t, "only-windows", "without a node", func(list []task) bool {
		return len(list) == 1 && strings.Contains(list[0].Status.Err, "unsupported platform on 2 nodes")
	})
}
