//go:build realparts

// Package files_test holds the readers of files against the programs' own.
package files_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/test/parts"
)

type question struct {
	Dir, Name, Text string
	Env             map[string]string
}

type service struct {
	Name, Image, Isolation, Platform string
	Build                            bool
	Constraints                      []string
}

type answer struct {
	Services []service
	Error    string
}

// TestComposeOracle asks Docker's own reader about the Compose files of the
// repositories here, and about many made ones: what is said of an image, its
// isolation and its platform must be the same.
func TestComposeOracle(t *testing.T) {
	exe := filepath.Join(parts.Cache(t), "bin", "oracle-compose")
	parts.Go(t, filepath.Join("test", "oracle", "compose"), nil, "build", "-trimpath", "-o", exe, ".")

	list := append(repositories(t), made(2500)...)
	var in bytes.Buffer
	for _, q := range list {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
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
	same, unknown, failed := 0, 0, 0
	for _, q := range list {
		if !lines.Scan() {
			t.Fatalf("no answer for %+v: %v", q, lines.Err())
		}
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		doc, err := files.ByName("compose").Read(&files.Input{
			Path: q.Dir + "/" + q.Name, Src: []byte(q.Text), Facts: facts.Embedded(), Vars: q.Env, Open: open(q.Dir),
			Look: func(r string) *image.Image { return &image.Image{Reference: r} },
		})
		if err != nil {
			var e *files.Error
			if !errors.As(err, &e) || a.Error == "" {
				t.Errorf("%s: %v, the oracle reads it:\n%s", q.Name, err, q.Text)
			}
			failed++
			continue
		}
		for _, u := range doc.Uses {
			if u.Reference == "" {
				unknown++
			} else if a.Error != "" {
				failed++
				if strings.HasPrefix(q.Name, "made") {
					t.Errorf("%s: %q, the oracle says %s:\n%s", q.Name, u.Reference, a.Error, q.Text)
				}
			}
		}
		for _, s := range a.Services {
			if s.Image == "" || s.Build || s.Name == "old-tools" {
				continue // built, or of a service in another file, where it is read
			}
			if !has(doc.Uses, s) {
				t.Errorf("%s: the oracle has %+v, we %s:\n%s", q.Name, s, show(doc.Uses), q.Text)
			}
			same++
		}
	}
	t.Logf("%d files, %d images the same, %d not known here, %d that one of both refuses", len(list), same, unknown, failed)
	if same < 1500 {
		t.Errorf("only %d images were compared", same)
	}
}

// has reports whether a service is among the uses, or its image is one that is
// not known.
func has(uses []files.Use, s service) bool {
	want, _ := compat.ParseIsolation(s.Isolation)
	for _, u := range uses {
		if u.Reference == "" {
			return true
		}
		os, _, _ := strings.Cut(s.Platform, "/")
		if u.Reference == s.Image && u.Isolation == want && (os == "" || (os == "windows") == (u.Windows == image.Yes)) {
			return true
		}
	}
	// An image that is no reference, and an isolation that there is not, are
	// nothing to us.
	_, err := image.Parse(s.Image)
	_, ok := compat.ParseIsolation(s.Isolation)
	return err != nil || !ok
}

func show(uses []files.Use) string {
	var b strings.Builder
	for _, u := range uses {
		fmt.Fprintf(&b, "%q %s %v, ", u.Reference, u.Isolation, u.Windows)
	}
	return b.String()
}

// open reads files beside a Compose file, but for the override that docker
// compose adds by itself, which the oracle is not given.
func open(dir string) func(string) ([]byte, bool) {
	below := files.OpenBelow(dir)
	return func(path string) ([]byte, bool) {
		if strings.Contains(path, ".override.") || strings.HasSuffix(path, "/docker-compose.yml") || strings.HasSuffix(path, ".env") {
			return nil, false
		}
		return below(path)
	}
}

func repositories(t *testing.T) []question {
	t.Helper()
	var list []question
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if k := files.ByName("compose"); k.Match(filepath.ToSlash(path), src) && !strings.HasSuffix(path, ".v1.yml") && !strings.Contains(path, "multi") &&
			!strings.Contains(path, "compose-include") { // of several files: TestComposeProjects
			dir, err := filepath.Abs(filepath.Dir(path))
			if err != nil {
				return err
			}
			list = append(list, question{filepath.ToSlash(dir), filepath.Base(path), string(src), map[string]string{"WINDOWS_TAG": "ltsc2022", "NANO": "ltsc2022", "TAG": "1"}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 15 {
		t.Fatalf("only %d Compose files found", len(list))
	}
	return list
}

// made are files of pieces that are hard to read.
func made(n int) []question {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var text func(depth int) string
	text = func(depth int) string {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString(pick("a", "repo", ":1", "/", "-", "$$", "$A", "${A}", "$E", "$U", "${E}", "$", "${", "}", "$5", "${A", "A}", ".", "_"))
			if depth < 3 && r.IntN(2) == 0 {
				b.WriteString("${" + pick("A", "E", "U", "a_1", "") + pick("", ":-", "-", ":?", "?", ":+", "+", ":", "=", ":-:") + text(depth+1) + "}")
			}
		}
		return b.String()
	}
	list := make([]question, n)
	for i := range list {
		quote := pick(`"`, "'", "")
		image := "x" + text(0)
		var b strings.Builder
		b.WriteString(pick("version: '3'\n", "", "name: n\n") + "x-a: &a\n  isolation: " + pick("hyperv", "process", "default") + "\n  platform: " + pick("windows/amd64", "linux/amd64", "windows") + "\nservices:\n")
		for s := range 1 + r.IntN(2) {
			fmt.Fprintf(&b, "  s%d:\n", s)
			b.WriteString(pick("", "    <<: *a\n", "    <<: [*a]\n"))
			fmt.Fprintf(&b, "    image: %s%s%s\n", quote, image, quote)
			b.WriteString(pick("", "    isolation: ${U:-process}\n", "    isolation: ${A:+hyperv}\n", "    isolation: hyperv # x\n"))
		}
		b.WriteString(pick("", "  t:\n    extends: s0\n", "  t:\n    extends: {service: s0}\n    isolation: process\n"))
		list[i] = question{"/nowhere", fmt.Sprintf("made%d.yml", i), b.String(), map[string]string{"A": "v", "E": "", "a_1": "w"}}
	}
	return list
}
