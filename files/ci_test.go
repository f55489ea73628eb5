package files

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// ciFiles are paths by which the kinds of CI and Compose files are told.
var ciFiles = []string{".github/workflows/a.yml", "azure-pipelines.yml", ".gitlab-ci.yml", "docker-compose.yml", "action.yml"}

// TestLabelHost holds what a label says about its host.
func TestLabelHost(t *testing.T) {
	f := facts.Embedded()
	for _, tt := range []struct{ service, label, version, to, next string }{
		{"github", "windows-2022", "10.0.20348", "ltsc2025", "windows-2025"},
		{"github", "windows-latest", "10.0.26100", "ws2022", "windows-2022"},
		{"github", "windows-2016", "10.0.14393.4946", "ws2019", ""},
		{"azure", "windows-2019", "10.0.17763", "ws2025", "windows-2025"},
		{"gitlab", "saas-windows-medium-amd64", "10.0.20348", "ws2025", ""},
	} {
		h := labelHost(f, tt.service, f.Label(tt.service, tt.label), Span{1, 2})
		if h.Version.String() != tt.version {
			t.Errorf("%s %s: %s, want %s", tt.service, tt.label, h.Version, tt.version)
		}
		to, err := winver.ParseHost(f, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := h.Label(to); text != tt.next || ok != (tt.next != "") {
			t.Errorf("%s %s for %s: %q, want %q", tt.service, tt.label, tt.to, text, tt.next)
		}
	}
}

// TestOpenBelow holds that nothing outside of a folder, and no link, is read.
func TestOpenBelow(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"in/sub", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"in/a", "in/sub/b", "out/c"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open := OpenBelow(filepath.Join(dir, "in"))
	for name, want := range map[string]bool{"in/a": true, "in/sub/b": true, "out/c": false, "in/../out/c": false, "in/sub": false, "in/no": false} {
		if src, ok := open(filepath.ToSlash(dir) + "/" + name); ok != want || ok && string(src) != name {
			t.Errorf("%s: %q %v", name, src, ok)
		}
	}
	if os.Symlink(filepath.Join(dir, "out/c"), filepath.Join(dir, "in/link")) == nil {
		if _, ok := open(filepath.ToSlash(dir) + "/in/link"); ok {
			t.Error("a link is read")
		}
	}
}

func FuzzCI(f *testing.F) {
	err := filepath.WalkDir("../test/files/testdata", func(path string, d os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".yml" && ext != ".yaml" {
			return err
		}
		src, err := os.ReadFile(path)
		for i, name := range ciFiles {
			if k := kindOf(name, src); err == nil && k != nil && k == kindOf(filepath.ToSlash(path), src) {
				f.Add(src, uint8(i))
				break
			}
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	host, err := winver.ParseHost(facts.Embedded(), "ws2022")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte, which uint8) {
		name := ciFiles[int(which)%len(ciFiles)]
		k := kindOf(name, src)
		if k == nil || k.Name() == "kubernetes" || k.Name() == "kustomize" || len(src) > 8<<10 {
			return
		}
		s := Scanner{Facts: facts.Embedded(), Today: 20261124}
		if which >= 128 {
			s.Hosts = []winver.Host{host}
		}
		in := &Input{Path: name, Src: src, Facts: s.Facts}
		in.Look = s.look
		doc, err := k.Read(in)
		if err != nil {
			return
		}
		within := func(at Span) {
			if at.Start < 0 || at.End < at.Start || at.End > len(src) {
				t.Fatalf("%v is outside of the file", at)
			}
		}
		for _, u := range doc.Uses {
			within(u.At)
			text := ""
			for _, p := range u.Parts {
				within(p.At)
				if !p.At.IsZero() && string(src[p.At.Start:p.At.End]) != p.Text {
					t.Fatalf("%q does not stand at %v", p.Text, p.At)
				}
				text += p.Text
			}
			if u.Parts != nil && text != u.Reference {
				t.Fatalf("%q is not made of %+v", u.Reference, u.Parts)
			}
		}
		for _, d := range doc.Findings {
			within(d.At)
		}
		s.Fix = true
		r := s.Scan(name, src)
		if r.After == nil {
			return
		}
		again := s.Scan(name, r.After)
		if again.Err != nil || again.After != nil {
			t.Fatalf("fixed:\n%s\nfixed again: %v\n%s", r.After, again.Err, again.After)
		}
		if strings.Count(string(src), "\n") != bytes.Count(r.After, []byte("\n")) {
			t.Fatalf("lines came or went:\n%s", r.After)
		}
	})
}
