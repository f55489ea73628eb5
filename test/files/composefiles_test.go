//go:build realparts

package files_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/test/parts"
)

// TestComposeProjects asks Docker's own reader about projects of several files
// that include and extend each other: each service, with its image after
// variables, its isolation and its platform, must be found in one of the files,
// and what goes in a circle must be refused by both.
func TestComposeProjects(t *testing.T) {
	exe := filepath.Join(parts.Cache(t), "bin", "oracle-compose")
	parts.Go(t, filepath.Join("test", "oracle", "compose"), nil, "build", "-trimpath", "-o", exe, ".")
	const n = 250
	dir := t.TempDir()
	var in bytes.Buffer
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprint(i))
		project(t, folder, rand.New(rand.NewPCG(7, uint64(i))))
		text, err := os.ReadFile(filepath.Join(folder, "compose.yml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&in).Encode(map[string]any{"Dir": folder, "Name": filepath.Join(folder, "compose.yml"), "Text": string(text), "Env": map[string]string{"V": "set"}, "Include": true}); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(exe)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	same, circles, refused := 0, 0, 0
	for i := range n {
		if !lines.Scan() {
			t.Fatal("an answer is missing")
		}
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, fmt.Sprint(i))
		uses, others, err := readProject(folder)
		circle := strings.Contains(a.Error, "cycle") || strings.Contains(a.Error, "circular") || strings.Contains(a.Error, "ircular")
		switch {
		case circle && err == nil, err != nil && a.Error == "":
			t.Errorf("%s: %v, the oracle says %q\n%s", folder, err, a.Error, show(uses)+contents(folder))
		case err != nil:
			circles++
		case a.Error != "":
			refused++
		}
		for _, s := range a.Services {
			if others { // a circle in a file that only the root's services come from
				continue
			}
			if s.Image != "" && !has(uses, s) {
				t.Fatalf("the oracle has %+v, we %s\n%s", s, show(uses), contents(folder))
			}
			same++
		}
	}
	t.Logf("%d projects: %d services the same, %d projects that go in a circle, %d that are refused otherwise", n, same, circles, refused)
	if same < n || circles < n/50 || refused > n/4 {
		t.Errorf("%d services, %d circles, %d refused: not what was to be tested", same, circles, refused)
	}
}

// readProject reads all files of a project. The error is that of the first one;
// others: one of the others is refused.
func readProject(folder string) (uses []files.Use, others bool, err error) {
	for _, name := range projectFiles {
		path := filepath.Join(folder, name)
		src, e := os.ReadFile(path)
		if e != nil {
			continue
		}
		doc, e := files.ByName("compose").Read(&files.Input{Path: path, Src: src, Facts: facts.Embedded(), Vars: map[string]string{"V": "set"}, Open: files.OpenBelow(folder),
			Look: func(r string) *image.Image { return &image.Image{Reference: r} }})
		switch {
		case e != nil && name == projectFiles[0]:
			return nil, false, e
		case e != nil:
			others = true
		default:
			uses = append(uses, doc.Uses...)
		}
	}
	return uses, others, nil
}

func contents(folder string) string {
	var b strings.Builder
	for _, name := range append([]string{".env", "sub/.env", "sub/own.env"}, projectFiles...) {
		if src, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			fmt.Fprintf(&b, "# %s\n%s", name, src)
		}
	}
	return b.String()
}

var projectFiles = []string{"compose.yml", "a.yml", "sub/compose.yaml", "sub/b.yml", "sub/deep/c.yml", "sub/over.yml"}

// project writes a project. A file names the ones behind it in the list, which
// makes no circle, and now and then one before it.
func project(t *testing.T, folder string, r *rand.Rand) {
	t.Helper()
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	put := func(name, text string) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(".env", pick("", "T=root\n")+pick("", "W=root\n"))
	put("sub/.env", pick("T=sub\n", "W=sub\n", "T=sub\nW=sub\nX=sub\n"))
	put("sub/own.env", pick("T=own\nX=own\n", "X=own\n"))
	included := map[string]bool{}
	for i, name := range projectFiles {
		rel := func(to string) string {
			p, err := filepath.Rel(filepath.Dir(name), to)
			if err != nil {
				t.Fatal(err)
			}
			return pick("", "./") + filepath.ToSlash(p)
		}
		var b strings.Builder
		if name == "sub/over.yml" { // laid over b.yml
			b.WriteString("services:\n  s3:\n    isolation: " + pick("hyperv", "process") + "\n")
			put(name, b.String())
			continue
		}
		var entries []string
		for j, other := range projectFiles[:5] {
			switch {
			case j <= i && r.IntN(60) > 0, j > i && (included[other] || r.IntN(2) > 0):
				continue
			}
			included[other] = true
			if other == "sub/b.yml" && r.IntN(2) == 0 {
				entries = append(entries, "{path: ["+rel(other)+", "+rel("sub/over.yml")+"]}")
				continue
			}
			entry := rel(other)
			if r.IntN(2) == 0 {
				entry = "{path: " + entry + pick("", ", project_directory: "+rel("sub"), ", env_file: "+rel("sub/own.env"), ", env_file: ["+rel("sub/.env")+", "+rel("sub/own.env")+"]") + "}"
			}
			entries = append(entries, entry)
		}
		if len(entries) > 0 {
			b.WriteString("include:\n")
			for _, e := range entries {
				b.WriteString("  - " + e + "\n")
			}
		}
		fmt.Fprintf(&b, "services:\n  s%d:\n    image: repo/%d:%s\n", i, i, pick("1", "${T:-none}", "${W:-none}-x", "$V", "${X:-none}"))
		b.WriteString(pick("", "    isolation: process\n", "    platform: windows/amd64\n"))
		for j, other := range projectFiles[:5] {
			if j == i || j < i && r.IntN(60) > 0 || j > i && r.IntN(3) > 0 {
				continue
			}
			fmt.Fprintf(&b, "  x%dx%d:\n    extends: {file: %s, service: %s}\n%s", i, j, rel(other), pick(fmt.Sprintf("s%d", j), fmt.Sprintf("y%d", j)), pick("", "    isolation: hyperv\n", "    isolation: process\n", "    platform: windows/amd64\n"))
		}
		next := projectFiles[(i+1)%5]
		if i < 4 || r.IntN(10) == 0 {
			fmt.Fprintf(&b, "  y%d:\n    extends: {file: %s, service: y%d}\n", i, rel(next), (i+1)%5)
		} else {
			fmt.Fprintf(&b, "  y%d:\n    extends: s%d\n    isolation: process\n", i, i)
		}
		put(name, b.String())
	}
}
