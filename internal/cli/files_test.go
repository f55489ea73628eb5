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
			got := &txtar.Archive{Comment: want.Comment, Files: findings(strings.Fields(string(want.Comment)))}
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

// findings are what the verbs say about this folder.
func findings(flags []string) []txtar.File {
	var list []txtar.File
	add := func(name string, args ...string) {
		var stdout, stderr bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { return today }, facts: facts.Embedded()}
		code := a.run(append(args, flags...))
		list = append(list, txtar.File{Name: name, Data: fmt.Appendf(nil, "%s%sexit %d\n", &stdout, &stderr, code)})
	}
	add("scan", "scan")
	return list
}
