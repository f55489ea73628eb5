package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/winmatch/winmatch/facts"
)

var update = flag.Bool("update", false, "write what is found into test/files/*.golden")

// TestRepositories scans the repositories in test/files/testdata, as they are
// out there. Each file NAME.golden, or NAME@WHAT.golden, holds the flags in its
// comment and what must come of them.
func TestRepositories(t *testing.T) {
	goldens, err := filepath.Glob("../../test/files/*.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatal("no golden files", err)
	}
	seen := map[string]bool{}
	for _, golden := range goldens {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(golden), ".golden"), "@")
		seen[name] = true
		t.Run(strings.TrimSuffix(filepath.Base(golden), ".golden"), func(t *testing.T) {
			golden, err := filepath.Abs(golden)
			if err != nil {
				t.Fatal(err)
			}
			want, err := txtar.ParseFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			repo := t.TempDir()
			if err := os.CopyFS(repo, os.DirFS("../../test/files/testdata/"+name)); err != nil {
				t.Fatal(err)
			}
			t.Chdir(repo)
			flags := strings.Fields(string(want.Comment))
			got := &txtar.Archive{Comment: want.Comment, Files: findings(t, flags)}
			if *update {
				if err := os.WriteFile(golden, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if g, w := txtar.Format(got), txtar.Format(want); !bytes.Equal(g, w) && !*update {
				t.Errorf("got:\n%s\nwant:\n%s", g, w)
			}
		})
	}
	dirs, err := os.ReadDir("../../test/files/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !seen[d.Name()] {
			t.Errorf("no golden file for %s", d.Name())
		}
	}
}

// findings are what the verbs say about this folder, before and after it is
// mended. A second fix must change nothing.
func findings(t *testing.T, flags []string) []txtar.File {
	t.Helper()
	fix := run(append([]string{"fix", "-q"}, flags...))
	list := []txtar.File{
		{Name: "scan", Data: []byte(run(append([]string{"scan"}, flags...)))},
		{Name: "fix", Data: []byte(fix)},
	}
	written := run(append([]string{"fix", "-q", "--write"}, flags...))
	if w, _, _ := strings.Cut(written, "exit "); !strings.HasPrefix(fix, w) {
		t.Errorf("fix --write says something else than fix:\n%s", written)
	}
	if again := run(append([]string{"fix", "-q"}, flags...)); strings.Contains(again, "@@ ") {
		t.Errorf("a second fix changes something:\n%s", again)
	}
	return append(list, txtar.File{Name: "scan after fix --write", Data: []byte(run(append([]string{"scan"}, flags...)))})
}

// run is what a verb says, and its exit code.
func run(args []string) string {
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { return today }, facts: facts.Embedded()}
	code := a.run(args)
	return fmt.Sprintf("%s%sexit %d\n", &stdout, &stderr, code)
}
