//go:build realparts && linux

package swarm_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/test/swarm/engines"
)

// current puts the dockerd of today before Debian's in PATH.
func current(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := parts.Dockerd(t)
	if err := os.Symlink(program, filepath.Join(dir, "dockerd")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return program
}

// TestCurrent is the recorded run, and what else changes services and nodes, on a
// Swarm of three engines of today, where the others are Debian's of 20.10.
func TestCurrent(t *testing.T) {
	current(t)
	start, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	c, err := engines.Start(start, []string{"mgr", "win-2019", "win-2022"}, likeWindows)
	if err != nil {
		t.Fatal(err)
	}
	debians := cluster
	cluster, manager = c, c.Engines[0]
	defer func() {
		cluster, manager = debians, debians.Engines[0]
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := importImages(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if err := drain("mgr"); err != nil {
		t.Fatal(err)
	}
	var version struct{ Version, ApiVersion string }
	if _, err := manager.Do(ctx, "GET", "/version", nil, &version); err != nil || strings.HasPrefix(version.Version, "20.10") {
		t.Fatalf("%+v, %v", version, err)
	}
	t.Logf("dockerd %s, API %s", version.Version, version.ApiVersion)
	t.Run("run", TestRun)
	t.Run("force", TestForce)
	t.Run("undo", TestUndoAfterOthers)
	t.Run("conflict", TestConflict)
}

// TestIsolateElsewhere prepares the daemon.json of a Windows on a machine that has
// a dockerd of Linux, which refuses such a file: it is not asked.
func TestIsolateElsewhere(t *testing.T) {
	dockerd := current(t)
	file := filepath.Join(t.TempDir(), "daemon.json")
	parts.Write(t, file, `{"debug": true}`)
	expect(t, "", 0, []string{"done"}, "swarm", "isolate", "hyperv", file, "--offline", "--apply")
	out, err := exec.Command(dockerd, "--validate", "--config-file", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "option 'isolation' is only supported on windows") {
		t.Errorf("dockerd of Linux: %v\n%s", err, out)
	}
}
