//go:build realparts

package oracle_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestFiles runs what holds the readers of files against the programs that read
// them otherwise, and the output against its schema: a module of its own, since
// the program needs none of them.
func TestFiles(t *testing.T) {
	cmd := exec.Command("go", "test", "-count=1", "-v", "./...")
	cmd.Dir = "files"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"--- PASS: TestDockerfiles", "--- PASS: TestSARIF", "read as BuildKit reads them"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}
