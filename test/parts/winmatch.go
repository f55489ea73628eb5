//go:build realparts

package parts

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Winmatch is the program under test, started as a person starts it.
type Winmatch struct{ Program string }

// Build builds it.
func Build(t testing.TB) Winmatch {
	t.Helper()
	program := filepath.Join(t.TempDir(), "winmatch")
	Go(t, ".", nil, "build", "-trimpath", "-tags", "nethttpomithttp2", "-o", program, "./cmd/winmatch")
	return Winmatch{program}
}

// Run runs it. env is added to the environment, from which whatever leads to a
// Docker or to certificates is taken.
func (w Winmatch) Run(t testing.TB, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(w.Program, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "DOCKER_") || strings.HasPrefix(s, "SSL_CERT")
	}), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
