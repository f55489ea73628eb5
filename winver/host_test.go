package winver

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/winmatch/winmatch/facts"
)

// sample is a raw text and what a careful reader takes from it. Fields of want
// that are empty are not told by the text, or a matter of taste.
type sample struct {
	ID, Text, URL, Note string
	Want                []struct{ Version, Edition, Confidence string }
}

func samples(t testing.TB) []sample {
	t.Helper()
	var list []sample
	each(t, "testdata/hosts.jsonl", func(line []byte) {
		var s sample
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	})
	return list
}

func each(t testing.TB, file string, f func(line []byte)) {
	t.Helper()
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if len(bytes.TrimSpace(sc.Bytes())) > 0 {
			f(sc.Bytes())
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
}

// diff says how a reading differs from a sample's, "" where it does not.
func (s *sample) diff(hosts []Host, err error) string {
	if len(s.Want) == 0 {
		if err == nil {
			return "got " + show(hosts) + ", want an error"
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	ok := len(hosts) == len(s.Want)
	for i := 0; ok && i < len(hosts); i++ {
		h, w := hosts[i], s.Want[i]
		ok = h.Version.String() == w.Version && (w.Edition == "" || h.Edition.String() == w.Edition) && (w.Confidence == "" || h.Confidence.String() == w.Confidence)
	}
	if ok {
		return ""
	}
	b, _ := json.Marshal(s.Want)
	return "got " + show(hosts) + "\nwant " + string(b)
}

func show(hosts []Host) string {
	b, _ := json.Marshal(hosts)
	return string(b)
}

func TestSamples(t *testing.T) {
	f := facts.Embedded()
	for _, s := range samples(t) {
		hosts, err := ParseHosts(f, s.Text)
		if d := s.diff(hosts, err); d != "" {
			t.Errorf("%s: %s\n%s\n%s", s.ID, d, s.Text, s.Note)
		}
		for _, h := range hosts {
			for _, part := range strings.Split(h.Evidence, "; ") {
				if !strings.Contains(cleanText(s.Text), part) {
					t.Errorf("%s: evidence %q is not in the text", s.ID, part)
				}
			}
		}
	}
}

// TestGivenSamples reads the samples that the facts came with. A null revision
// where a build lab of 14393 shows one: there the contract asks for "likely".
func TestGivenSamples(t *testing.T) {
	f := facts.Embedded()
	each(t, "../facts/source/host-texts.jsonl", func(line []byte) {
		var s struct {
			ID, Text, Version string
			Build             uint32
			Revision          *uint32
		}
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		h, err := ParseHost(f, s.Text)
		if err != nil {
			t.Errorf("%s: %v\n%s", s.ID, err, s.Text)
			return
		}
		rev, known := h.Version.Revision()
		lab := h.Confidence == Likely && strings.Contains(s.Text, "14393."+itoa(rev)+".amd64fre")
		if h.Version.Build != s.Build || s.Revision == nil && known && !lab || s.Revision != nil && (!known || rev != *s.Revision) {
			t.Errorf("%s: got %s, want %s (%d)\n%s", s.ID, show([]Host{h}), s.Version, s.Build, s.Text)
		}
	})
}

func itoa(n uint32) string { return strings.TrimPrefix(New(10240, n).Short(), "10240.") }

// TestPerturbed puts noise around and into the samples, which must not change
// what is read.
func TestPerturbed(t *testing.T) {
	lines := func(f func(string) string) func(string) string {
		return func(s string) string {
			l := strings.Split(s, "\n")
			for i := range l {
				l[i] = f(l[i])
			}
			return strings.Join(l, "\n")
		}
	}
	const noise = "2024-01-10T12:00:00.1234567Z INFO listening on 10.0.19.4:17763 pid=20348 (took 22000.527 ms)\n" +
		"pulled mcr.microsoft.com/windows/nanoserver:1809 and mcr.microsoft.com/windows/servercore:10.0.17763.437\n" +
		"docker 20.10.12, containerd://1.7.7, linux 5.15.90.1-microsoft-standard-WSL2, image 20230612.1\n"
	for name, f := range map[string]func(string) string{
		"crlf":       func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"around":     func(s string) string { return noise + "\n\n" + s + "\n\n" + noise },
		"prefix":     lines(func(l string) string { return "2024-01-10T12:00:00.1234567Z " + l }),
		"prefix2":    lines(func(l string) string { return "[worker-3] 12:00:00 INFO  | " + l }),
		"ansi":       lines(func(l string) string { return "\x1b[32;1m" + l + "\x1b[0m" }),
		"trailing":   lines(func(l string) string { return l + "  \t" }),
		"indent":     lines(func(l string) string { return "\t\t" + l }),
		"quoted":     lines(func(l string) string { return "> " + l }),
		"nbsp":       func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
		"upper":      upperASCII,
		"lower":      lowerASCII,
		"utf16le":    func(s string) string { return encode16(s, true, binary.LittleEndian) },
		"utf16be":    func(s string) string { return encode16(s, true, binary.BigEndian) },
		"utf16":      func(s string) string { return encode16(s, false, binary.LittleEndian) },
		"utf8bom":    func(s string) string { return "\ufeff" + s },
		"blanklines": func(s string) string { return "\n\n" + s + "\n\n" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range samples(t) {
				if strings.Contains(name, "prefix") && strings.HasPrefix(s.Note, "the form of wmic") {
					continue
				}
				text := f(s.Text)
				hosts, err := ParseHosts(facts.Embedded(), text)
				if d := s.diff(hosts, err); d != "" {
					t.Errorf("%s: %s\n%q", s.ID, d, s.Text)
				}
			}
		})
	}
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

func encode16(s string, bom bool, order binary.ByteOrder) string {
	u := utf16.Encode([]rune(s))
	if bom {
		u = append([]uint16{0xfeff}, u...)
	}
	b := make([]byte, 2*len(u))
	for i, c := range u {
		order.PutUint16(b[2*i:], c)
	}
	return string(b)
}

// TestARM64: a text that says that its machine is an ARM one.
func TestARM64(t *testing.T) {
	for text, want := range map[string]bool{
		"OS Name: Microsoft Windows 11 Pro\nOS Version: 10.0.26100 N/A Build 26100\nSystem Type:               ARM64-based PC":                         true,
		"OS Name: Microsoft Windows 11 Pro\nOS Version: 10.0.26100 N/A Build 26100\nSystem Type:               x64-based PC":                           false,
		" Operating System: Microsoft Windows 11 Version 24H2 (OS Build 26100.2033)\n OSType: windows\n Architecture: aarch64":                         true,
		"Kernel Version: 10.0 26100 (26100.1.arm64fre.ge_release.240331-1435)\nOperating System: Microsoft Windows Version 24H2 (OS Build 26100.2033)": true,
		"Kernel Version: 10.0 26100 (26100.1.amd64fre.ge_release.240331-1435)\nOperating System: Microsoft Windows Version 24H2 (OS Build 26100.2033)": false,
		"10.0.20348.2227": false,
	} {
		h, err := ParseHost(facts.Embedded(), text)
		if err != nil || h.ARM64 != want {
			t.Errorf("%q: %t, %v", text, h.ARM64, err)
		}
	}
}
