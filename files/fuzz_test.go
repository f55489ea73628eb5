package files

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// FuzzFix reads any text as each kind of file and mends it: the result can be
// read, nothing is left that could be mended, a second run changes nothing, and
// a Dockerfile means what it meant but for the images that were mended.
func FuzzFix(f *testing.F) {
	f.Add([]byte("# escape=`\nARG T=ltsc2022\nFROM mcr.microsoft.com/windows/servercore:${T} AS a\nFROM a\nCOPY --from=mcr.microsoft.com/windows/nanoserver:latest x y\n"), uint8(0))
	f.Add([]byte("\ufeffARG I=windows/servercore\r\nARG T=1709\r\nFROM $I:$T\r\n# winmatch:ignore no-such-tag x\r\nFROM microsoft/nanoserver\r\n"), uint8(1))
	f.Add([]byte("ARG A=mcr.microsoft.com/windows/nano\nFROM ${A}server:lt\\\nsc2022\nFROM ${A}server:${B:-1809}\n"), uint8(2))
	_ = filepath.WalkDir("../test/files/testdata", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if src, err := os.ReadFile(path); err == nil && len(src) < 2000 {
				f.Add(src, uint8(len(src)))
			}
		}
		return nil
	})
	list := facts.Embedded()
	var hosts []winver.Host
	for _, name := range []string{"ws2019", "ws2022", "10.0.17763.437", "14393.1770", "win11-24h2"} {
		h, err := winver.ParseHost(list, name)
		if err != nil {
			f.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	f.Fuzz(func(t *testing.T, src []byte, n uint8) {
		k := kinds[int(n)%len(kinds)]
		s := &Scanner{Facts: list, Today: 20261124, Fix: true, Verbose: n%2 == 0, Kind: k.Name()}
		h := hosts[int(n)/len(kinds)%len(hosts)]
		if n&0x80 == 0 {
			s.Hosts = []winver.Host{h}
		} else {
			s.To = &h
		}
		r := s.Scan("x", src)
		for _, f := range r.Findings {
			if f.Start.Line < 1 || f.Start.Column < 1 || f.Level == Off || RuleByID(f.Rule) == nil || f.Message == "" {
				t.Errorf("%+v", f)
			}
		}
		if r.After == nil {
			return
		}
		if slices.ContainsFunc(r.Left, func(f Finding) bool { return len(f.Fix) > 0 }) {
			t.Errorf("%q: left in\n%s", src, r.After)
		}
		again := s.Scan("x", r.After)
		if again.Err != nil || again.After != nil {
			t.Errorf("%q\nbecomes %q\nand then %q, %v", src, r.After, again.After, again.Err)
		}
		if k.Name() == "dockerfile" {
			sameButMended(t, s, src, &r)
		}
	})
}

// sameButMended holds a Dockerfile against what it was: the same images at the
// same places, but for those that something was found about.
func sameButMended(t *testing.T, s *Scanner, src []byte, r *Result) {
	read := func(src []byte) []Use {
		doc, err := dockerfile{}.Read(&Input{Path: "x", Src: src, Facts: s.Facts, Look: func(string) *image.Image { return &image.Image{} }})
		if err != nil {
			t.Fatal(err)
		}
		return doc.Uses
	}
	before, after := read(src), read(r.After)
	if len(before) != len(after) {
		t.Fatalf("%q has %d images, %q has %d", src, len(before), r.After, len(after))
	}
	for i := range before {
		a, b := &before[i], &after[i]
		if a.Role != b.Role || a.Group != b.Group || a.Windows != b.Windows || a.Why != b.Why {
			t.Errorf("%q: %+v\nbecomes %+v", src, a, b)
		}
		mended := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Image == a.Reference && len(f.Fix) > 0 })
		shared := a.Parts != nil // an ARG that was mended for another image
		if a.Reference != b.Reference && !mended && !shared {
			t.Errorf("%q: %s becomes %s", src, a.Reference, b.Reference)
		}
	}
}
