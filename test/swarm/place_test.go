//go:build realparts && linux

package swarm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// report is what of the doctor's JSON is looked at here.
type report struct {
	Services []struct {
		Name, Status    string
		Running, Wanted int
		Failures        []struct {
			Node, Error, State string
			Count              int
			Where              []struct{ Node, Why string }
			Diagnosis          *struct{ Cause, Detail string }
		}
	}
}

func doctor(t *testing.T, host string, code int, names ...string) (r report) {
	t.Helper()
	out := expect(t, host, code, nil, append([]string{"swarm", "doctor", "--offline", "-o", "json"}, names...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNoNode holds what we say of each node against what the scheduler counts: it
// names the filters, and how many nodes fail each, but no node.
func TestNoNode(t *testing.T) {
	placement := func(p object) func(object) {
		return func(spec object) { spec["TaskTemplate"].(object)["Placement"] = p }
	}
	constraints := func(list ...string) func(object) { return placement(object{"Constraints": list}) }
	reserve := func(r object) func(object) {
		return func(spec object) {
			spec["TaskTemplate"].(object)["Resources"] = object{"Reservations": r}
		}
	}
	unlabel(t)
	ids := nodes(t)
	for name, c := range map[string]struct {
		change func(object)
		want   []string // of win-2019
	}{
		"label":    {constraints("node.labels.OsVersion==10.0.20348"), []string{"node.labels.OsVersion==10.0.20348: it has no such value"}},
		"hostname": {constraints("node.hostname == WIN-2022", "node.labels.a!=b", "node.role==manager"), []string{"it is win-2019"}},
		"id":       {constraints("node.id!="+ids["win-2019"]["ID"].(string), "node.hostname!=win-2022"), []string{"node.id!="}},
		"ip":       {constraints("node.ip!=10.213.0.0/24"), []string{"10.213.0.0/24"}},
		"address":  {constraints("node.ip==10.213.0.9"), []string{"10.213.0.2"}},
		"engine":   {constraints("engine.labels.x==y"), []string{"engine.labels.x==y"}},
		"nonsense": {constraints("node.colour==red"), []string{"node.colour==red"}},
		"memory":   {reserve(object{"MemoryBytes": 1 << 50}), []string{"memory are not reserved"}},
		"cpu":      {reserve(object{"NanoCPUs": 1 << 50}), []string{"CPUs are not reserved"}},
		"platform": {placement(object{"Platforms": []object{{"OS": "windows", "Architecture": "amd64"}}}), []string{"the image is for windows/amd64, the node is linux/"}},
		"both":     {placement(object{"Constraints": []string{"node.hostname==win-2022"}, "Platforms": []object{{"OS": "linux", "Architecture": "s390x"}}}), []string{"node.hostname==win-2022: it is win-2019"}},
	} {
		t.Run(name, func(t *testing.T) {
			service(t, "none-"+name, imageNone, 1, c.change)
			list := until(t, "none-"+name, "told why it waits", func(list []task) bool { return len(list) > 0 && list[0].Status.Err != "" })
			r := doctor(t, "unix://"+manager.Socket, 1, "none-"+name)
			if len(r.Services) != 1 || r.Services[0].Status != "failing" || len(r.Services[0].Failures) != 1 {
				t.Fatalf("%+v", r)
			}
			f := r.Services[0].Failures[0]
			if f.Error != list[0].Status.Err {
				t.Errorf("the engine's words: %q, want %q", f.Error, list[0].Status.Err)
			}
			got := map[string]int{}
			for _, w := range f.Where {
				got[filterOf(w.Why)]++
				for _, s := range c.want {
					if w.Node == "win-2019" && !strings.Contains(w.Why, s) {
						t.Errorf("win-2019: %q, want %q", w.Why, s)
					}
				}
			}
			if want := counted(f.Error); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the scheduler counts %v (%s), we %v: %+v", want, f.Error, got, f.Where)
			}
		})
	}
}

// filterOf is the scheduler's filter that a reason of ours belongs to.
func filterOf(why string) string {
	switch {
	case why == "":
		return "none"
	case strings.HasPrefix(why, "the node is") || strings.HasPrefix(why, "its availability"):
		return "ready"
	case strings.Contains(why, "are not reserved"):
		return "resources"
	case strings.HasPrefix(why, "the image is for"):
		return "platform"
	}
	return "constraints"
}

var number = regexp.MustCompile(`\d+`)

// counted reads "no suitable node (1 node not available for new tasks; scheduling
// constraints not satisfied on 2 nodes)".
func counted(text string) map[string]int {
	out := map[string]int{}
	for _, part := range strings.Split(text, ";") {
		n, _ := strconv.Atoi(number.FindString(part))
		for words, filter := range map[string]string{"not available": "ready", "insufficient resources": "resources", "constraints not satisfied": "constraints", "unsupported platform": "platform"} {
			if strings.Contains(part, words) {
				out[filter] = n
			}
		}
	}
	return out
}

// TestDoctorBesideDocker: what runs and what should, of services of every mode,
// as the docker command has it; and no request depends on how many tasks there
// are.
func TestDoctorBesideDocker(t *testing.T) {
	parts.Need(t, "docker")
	service(t, "good", imageNone, 3)
	service(t, "gone", imageNone, 0)
	service(t, "everywhere", imageNone, 0, func(spec object) { spec["Mode"] = object{"Global": object{}} })
	service(t, "job", imageNone, 0, func(spec object) {
		spec["Mode"] = object{"ReplicatedJob": object{"MaxConcurrent": 1, "TotalCompletions": 1}}
		spec["TaskTemplate"].(object)["RestartPolicy"] = object{"Condition": "none"}
	})
	service(t, "exits", imageNone, 1, func(spec object) {
		spec["TaskTemplate"].(object)["ContainerSpec"] = object{"Image": imageNone, "Args": []string{"fail"}}
	})
	service(t, "missing", "registry.example/nobody:1", 1)
	until(t, "good", "running", func(list []task) bool { return running(t, list)["win-2019"]+running(t, list)["win-2022"] == 3 })
	until(t, "everywhere", "running", func(list []task) bool { return len(running(t, list)) == 2 })
	until(t, "job", "running", func(list []task) bool { return len(list) == 1 && list[0].Status.State == "running" })
	until(t, "exits", "failing", func(list []task) bool { return failed(list) >= 2 })
	until(t, "missing", "failing", func(list []task) bool { return failed(list) >= 1 })

	p := before(t, manager, nil)
	requests := 0
	p.cut = func(n int, _ string) (bool, bool) { requests = n + 1; return false, false }
	r := doctor(t, p.address, 1)
	if requests != 5 {
		t.Errorf("%d requests, want 5", requests)
	}
	cmd := exec.Command("docker", "service", "ls", "--format", "{{.Name}} {{.Replicas}}")
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+manager.Socket, "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		f := strings.Fields(line)
		theirs[f[0]] = f[1]
	}
	status := map[string]string{}
	for _, v := range r.Services {
		status[v.Name] = v.Status
		if got := fmt.Sprintf("%d/%d", v.Running, v.Wanted); got != theirs[v.Name] && v.Name != "exits" && v.Name != "missing" { // those change meanwhile
			t.Errorf("%s: %s, docker says %s", v.Name, got, theirs[v.Name])
		}
		switch v.Name {
		case "exits":
			if len(v.Failures) != 1 && len(v.Failures) != 2 || !strings.Contains(v.Failures[0].Error, "non-zero exit (3)") {
				t.Errorf("exits: %+v", v.Failures)
			}
		case "missing":
			if len(v.Failures) == 0 || !strings.Contains(v.Failures[0].Error, "No such image: registry.example/nobody:1") || v.Failures[0].State != "rejected" {
				t.Errorf("missing: %+v", v.Failures)
			}
		}
	}
	if len(r.Services) != 6 || len(theirs) != 6 {
		t.Errorf("%d services, docker has %d", len(r.Services), len(theirs))
	}
	for name, want := range map[string]string{"exits": "failing", "missing": "failing", "gone": "converged"} {
		if status[name] != want {
			t.Errorf("%s: %s, want %s", name, status[name], want)
		}
	}
	if r := doctor(t, "unix://"+manager.Socket, 0, "good", "everywhere", "job", "gone"); len(r.Services) != 4 {
		t.Errorf("%+v", r)
	}
	if _, err := manager.Do(ctx, http.MethodGet, "/_ping", nil, nil); err != nil {
		t.Error(err)
	}
}
