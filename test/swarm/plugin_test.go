//go:build realparts && linux

package swarm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestPlugin lets the real docker command run winmatch as its plugin, against the
// real manager: by address, by a context, and by the current context. The last
// two go through `docker system dial-stdio`.
func TestPlugin(t *testing.T) {
	parts.Need(t, "docker")
	service(t, "plugged", imageNone, 1)
	until(t, "plugged", "running", func(list []task) bool { return len(running(t, list)) == 1 })
	config := t.TempDir()
	plugin := filepath.Join(config, "cli-plugins", "docker-winmatch")
	if err := os.Mkdir(filepath.Dir(plugin), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(winmatch, plugin); err != nil {
		t.Fatal(err)
	}
	docker := func(want string, args ...string) {
		t.Helper()
		cmd := exec.Command("docker", args...)
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "DOCKER_") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+config)
		out, err := cmd.CombinedOutput()
		t.Logf("$ docker %s\n%s", strings.Join(args, " "), out)
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("docker %s: %v, want %q\n%s", strings.Join(args, " "), err, want, out)
		}
	}
	address := "unix://" + manager.Socket
	docker("plugged 1/1", "-H", address, "winmatch", "swarm", "doctor", "-v", "--offline", "plugged")
	docker("win-mgr", "context", "create", "win-mgr", "--docker", "host="+address)
	docker("plugged 1/1", "--context", "win-mgr", "winmatch", "swarm", "doctor", "-v", "--offline", "plugged")
	docker("win-mgr", "context", "use", "win-mgr")
	docker("plugged 1/1", "winmatch", "swarm", "doctor", "-v", "--offline", "plugged")
	docker("facts as of", "winmatch", "version")
	docker("winmatch*", "--help")
}
