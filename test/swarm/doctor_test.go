//go:build realparts && linux

package swarm_test

import (
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestRun is the recorded run of the README: found, labelled, constrained,
// converged, and back.
func TestRun(t *testing.T) {
	unlabel(t)
	p := before(t, manager, nil)
	service(t, "web", image2022, 2)
	until(t, "web", "failing", func(list []task) bool { return failed(list) >= 3 && running(t, list)["win-2022"] >= 1 })
	node := before(t, cluster.Engines[2], windows("10.0.20348.2227", "20348", "21H2"))

	// The engine of win-2022 is a Docker context, as with anybody.
	parts.Need(t, "docker")
	t.Setenv("WINMATCH_TEST_CONFIG", t.TempDir())
	create := exec.Command("docker", "context", "create", "win-2022", "--docker", "host="+node.address)
	create.Env = append(os.Environ(), "DOCKER_CONFIG="+os.Getenv("WINMATCH_TEST_CONFIG"))
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("docker context create: %v\n%s", err, out)
	}
	ask := "win-2022=win-2022"

	// Nothing is known of the nodes but what tasks have shown.
	expect(t, p.address, 1, []string{"web 1/2 does not converge", "tasks failed on win-2019", "does not match the operating system of the host. (0xc0370101)",
		"Windows refused it there at", "it runs there", "winmatch swarm constrain web"}, "swarm", "doctor", "--offline", "web")
	expect(t, p.address, 3, []string{"win-2022  Windows Server 2022 20348.2227, its engine was asked", "which Windows it has is not known"}, "swarm", "label", "--node", ask, "--apply")
	labels := []string{"swarm", "label", "--node", ask, "--host", "win-2019=ws2019"}
	expect(t, p.address, 1, []string{"+ OsVersion=10.0.17763", "+ winmatch.runs.17763=true", "nothing was changed"}, labels...)
	expect(t, p.address, 0, []string{"+ winmatch.runs.17763=true", "done"}, append(labels, "--apply")...)
	expect(t, p.address, 0, []string{"its labels are right"}, append(labels, "--apply")...)

	expect(t, p.address, 0, []string{"its engine was asked"}, "swarm", "label", "--contexts", "--host", "win-2019=ws2019")
	expect(t, p.address, 2, []string{"--node win-2019: the engine of win-2022 is node win-2022"}, "swarm", "label", "--node", "win-2019=win-2022")

	// The labels are enough from here on.
	expect(t, p.address, 1, []string{"newer than the", "by its label"}, "swarm", "doctor", "--offline", "web")
	expect(t, p.address, 1, []string{"remain: win-2022", "+ node.labels.winmatch.runs.20348==true", "nothing was changed"}, "swarm", "constrain", "--offline", "web")
	was := spec(t, "web")
	expect(t, p.address, 0, []string{"done"}, "swarm", "constrain", "--offline", "web", "--apply")
	until(t, "web", "on win-2022", func(list []task) bool { return running(t, list)["win-2022"] == 2 })
	expect(t, p.address, 0, []string{"its constraints are right"}, "swarm", "constrain", "--offline", "web", "--apply")
	expect(t, p.address, 0, []string{"1 service runs as it should"}, "swarm", "doctor", "--offline", "web")

	expect(t, p.address, 0, []string{"- node.labels.winmatch.runs.20348==true", "done"}, "swarm", "constrain", "web", "--undo", "--apply")
	if now := spec(t, "web"); !reflect.DeepEqual(now, was) {
		t.Errorf("after --undo the specification is\n%v\nit was\n%v", now, was)
	}
	expect(t, p.address, 0, []string{"no constraint of winmatch's"}, "swarm", "constrain", "web", "--undo", "--apply")
	expect(t, p.address, 1, []string{"runs by luck"}, "swarm", "doctor", "--offline", "web")
}

// spec is a service's specification, as the manager has it.
func spec(t *testing.T, name string) any {
	t.Helper()
	var v object
	if _, err := manager.Do(ctx, http.MethodGet, "/services/"+name, nil, &v); err != nil {
		t.Fatal(err)
	}
	return v["Spec"]
}
