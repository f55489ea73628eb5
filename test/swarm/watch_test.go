//go:build realparts && linux

package swarm_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestWatch: labels that somebody takes off, and those of a node that is known to
// have another Windows by now, are put right; a signal ends it.
func TestWatch(t *testing.T) {
	unlabel(t)
	info := windows("10.0.17763.3772", "17763", "1809")
	node := before(t, cluster.Engines[2], info)
	p := before(t, manager, nil)
	cmd := exec.Command(winmatch, "swarm", "label", "--node", "win-2022="+node.address, "--host", "win-2019=ws2019", "--apply", "--watch", "--interval", "1s")
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+p.address, "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		t.Log(fmt.Sprint(&out))
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	wait := func(what string, want map[string]any) {
		t.Helper()
		var got object
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if got, _ = at(nodes(t)["win-2022"], "Spec", "Labels").(object); maps.Equal(got, want) {
				return
			}
		}
		t.Fatalf("%s: labels %v, want %v", what, got, want)
	}
	old := map[string]any{"OS": "windows", "OsVersion": "10.0.17763", "winmatch.runs.17763": "true"}
	wait("at first", old)
	unlabel(t)
	wait("taken off", old)
	upgraded := windows("10.0.20348.2227", "20348", "21H2")
	node.mu.Lock()
	maps.Copy(info, upgraded)
	node.mu.Unlock()
	wait("upgraded", map[string]any{"OS": "windows", "OsVersion": "10.0.20348", "winmatch.runs.20348": "true"})
	// A manager that is away for a while does not end it.
	p.mu.Lock()
	p.refuse = func(string) (int, string) { return http.StatusServiceUnavailable, "the swarm does not have a leader" }
	p.mu.Unlock()
	time.Sleep(1500 * time.Millisecond)
	p.mu.Lock()
	p.refuse = nil
	p.mu.Unlock()
	unlabel(t)
	wait("back again", map[string]any{"OS": "windows", "OsVersion": "10.0.20348", "winmatch.runs.20348": "true"})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if ended = true; err != nil || !bytes.Contains(out.Bytes(), []byte("the swarm does not have a leader")) {
		t.Errorf("%v\n%s", err, &out)
	}
}
