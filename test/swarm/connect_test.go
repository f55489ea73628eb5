//go:build realparts && linux

package swarm_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPermission: a user who may not open the socket is told so.
func TestPermission(t *testing.T) {
	program := filepath.Join(t.TempDir(), "winmatch")
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(filepath.Dir(program)); dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	body, err := os.ReadFile(winmatch)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, body, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "swarm", "doctor")
	cmd.Dir = "/"
	cmd.Env = []string{"DOCKER_HOST=unix://" + manager.Socket, "HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("permission denied")) || !bytes.Contains(out, []byte("hint: the socket wants root or a member of the group docker")) {
		t.Errorf("%v\n%s", err, out)
	}
}
