package files

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func testScanner() *Scanner {
	f := facts.Embedded()
	return &Scanner{Facts: f, Today: 20261124, Hosts: []winver.Host{{Version: winver.OfBuild(winver.LTSC2019), Edition: winver.Server}}}
}

const newer = "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n"

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "Dockerfile"), newer)
	for _, name := range []string{"b/Dockerfile", "a/Dockerfile.win", "a.d/x.dockerfile", ".hidden/Dockerfile", ".git/Dockerfile", "sub/.git/x/Dockerfile"} {
		write(t, name, newer)
	}
	write(t, "submodule/.git", "gitdir: ../.git/modules/submodule\n")
	write(t, "submodule/Dockerfile", newer)
	write(t, "notes.txt", newer)
	write(t, "binary/Dockerfile", newer+"\x00")
	write(t, "wide/Dockerfile", "\xff\xfeF\x00R\x00")
	write(t, "large/Dockerfile", newer+strings.Repeat("#", 2<<20))
	write(t, "large/photo.raw", strings.Repeat("#", 2<<20))
	write(t, "broken/Dockerfile", "# escape=x\n")
	if runtime.GOOS != "windows" {
		for link, target := range map[string]string{"out": outside, "loop": ".", "link.dockerfile": "b/Dockerfile", "a/up": "..", "dangling/Dockerfile": "nowhere"} {
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := testScanner()
	s.MaxSize = 1 << 20
	for range 5 { // the order does not depend on the workers
		var got []string
		err := s.Walk([]string{"."}, func(r Result) {
			switch {
			case r.Err != nil:
				got = append(got, r.Err.Error())
			case len(r.Findings) == 1:
				got = append(got, r.Path)
			default:
				t.Errorf("%s: %d findings", r.Path, len(r.Findings))
			}
		})
		want := []string{".hidden/Dockerfile", "a/Dockerfile.win", "a.d/x.dockerfile", "b/Dockerfile", "broken/Dockerfile:1:1: escape=x: want ` or \\",
			"large/Dockerfile: is larger than 1 MiB: it was not read", "submodule/Dockerfile", "wide/Dockerfile: is UTF-16: want UTF-8"}
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%v\ngot\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestWalkRoots(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a/b/Dockerfile", newer)
	write(t, "other", newer)
	s := testScanner()
	scan := func(roots ...string) string {
		var got []string
		err := s.Walk(roots, func(r Result) {
			if r.Err != nil {
				got = append(got, r.Err.Error())
			}
			for _, f := range r.Findings {
				got = append(got, r.Path+" "+f.Rule)
			}
		})
		if err != nil {
			got = append(got, err.Error())
		}
		return strings.Join(got, ", ")
	}
	if got := scan("a/b/Dockerfile", "a"); got != "a/b/Dockerfile image-not-for-host, a/b/Dockerfile image-not-for-host" {
		t.Error(got)
	}
	if got := scan("other"); !strings.HasPrefix(got, "other: is no kind of file that is known") {
		t.Error(got)
	}
	if got := scan("nowhere"); !strings.Contains(got, "nowhere") {
		t.Error(got)
	}
	s.Kind = "dockerfile"
	if got := scan("other"); got != "other image-not-for-host" {
		t.Error(got)
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink("a", "link"); err != nil {
			t.Fatal(err)
		}
		if got := scan("link"); got != "link/b/Dockerfile image-not-for-host" {
			t.Error(got)
		}
	}
}
