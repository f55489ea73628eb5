package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
)

func TestConfig(t *testing.T) {
	c, err := ParseConfig("winmatch.yaml", []byte(`# settings
hosts:
  - paths: ["deploy/**", "*.win.yml"]
    hosts: [ws2022, "10.0.17763.437"]
    isolation: hyperv
    runtime: containerd@2.2.0
    pin: digest
  - hosts: [ws2025]
pin: kb
rules: {out-of-support: off, image-unknown: on, unpinned-tag: error}
ignore: [vendor, "a/*/b/"]
`), facts.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	s, ignored := c.For("deploy/x/compose.yml")
	if ignored || len(s.Hosts) != 2 || s.Hosts[1].Version.String() != "10.0.17763.437" || s.Isolation != compat.HyperV || s.Runtime.String() != "containerd 2.2.0" || s.Pin != image.PinDigest {
		t.Errorf("%+v %v", s, ignored)
	}
	if s, _ := c.For("x/y.win.yml"); len(s.Hosts) != 2 {
		t.Errorf("%+v", s)
	}
	if s, ignored := c.For("Dockerfile"); ignored || len(s.Hosts) != 1 || s.Hosts[0].Version.Build != 26100 || s.Pin != image.PinKB || s.Isolation != compat.DefaultIsolation {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]bool{"vendor/Dockerfile": true, "x/vendor/y/Dockerfile": true, "a/x/b/c/Dockerfile": true, "a/b/Dockerfile": false, "vendors/x": false} {
		if _, ignored := c.For(name); ignored != want {
			t.Errorf("%s: ignored %v", name, ignored)
		}
	}
	if c.levels[RuleOutOfSupport] != Off || c.levels[RuleUnknown] != Note || c.levels[RuleUnpinned] != ErrorLevel {
		t.Errorf("%v", c.levels)
	}
	var none *Config
	if s, ignored := none.For("x"); ignored || s.Hosts != nil {
		t.Error("no settings say something")
	}
}

func TestConfigErrors(t *testing.T) {
	for src, want := range map[string]string{
		"host: [ws2022]\n": `w:1:1: unknown key "host" (want hosts, ignore, pin, rules)`,
		"hosts:\n  - hosts: [ws2022]\n    path: [x]\n": `w:3:5: unknown key "path" (want hosts, isolation, paths, pin, runtime)`,
		"hosts: [ws2022]\n":                            "w:1:9: want a mapping with hosts, isolation, paths, pin, runtime",
		"hosts: ws2022\n":                              "w:1:8: want a list of entries",
		"hosts:\n  - hosts: [ws2022, windows95]\n":     "w:2:21: ",
		"hosts:\n  - hosts: ws2022\n":                  "w:2:12: want a list",
		"hosts:\n  - hosts: [[x]]\n":                   "w:2:13: want a text",
		"hosts:\n  - isolation: vm\n":                  `w:2:16: unknown isolation "vm"`,
		"hosts:\n  - isolation: default\n":             `w:2:16: unknown isolation`,
		"hosts:\n  - runtime: podman\n":                "w:2:14: unknown runtime",
		"hosts:\n  - paths: [\"a[\"]\n":                `w:2:13: bad pattern "a["`,
		"pin: month\n":                                 `w:1:6: unknown pin "month"`,
		"rules:\n  no-such: off\n":                     `w:2:3: unknown rule "no-such"`,
		"rules:\n  out-of-support: loud\n":             `w:2:19: unknown level "loud"`,
		"rules: [x]\n":                                 "w:1:8: want a mapping of rules",
		"pin: kb\npin: kb\n":                           "w:2:1: a second pin",
		"pin: kb\n---\npin: kb\n":                      "w:3:1: a second document",
		"- x\n":                                        "w:1:1: want a mapping",
		"a: [\n":                                       "w:",
	} {
		_, err := ParseConfig("w", []byte(src), facts.Embedded())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
	for _, src := range []string{"", "# nothing\n"} {
		if _, err := ParseConfig("w", []byte(src), facts.Embedded()); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestFindConfig(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"repo/.git", "repo/a/b", "repo/c", "plain/a"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"winmatch.yaml", "repo/winmatch.yaml", "repo/c/winmatch.yaml", "plain/winmatch.yaml"} {
		write(t, filepath.Join(dir, f), "")
	}
	for from, want := range map[string]string{"repo": "repo/winmatch.yaml", "repo/a/b": "repo/winmatch.yaml", "repo/c": "repo/c/winmatch.yaml", "plain": "plain/winmatch.yaml", "plain/a": ""} {
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got := FindConfig(filepath.Join(dir, from)); got != want {
			t.Errorf("%s: %s", from, got)
		}
	}
}

func TestIgnore(t *testing.T) {
	const newer = "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n"
	for _, c := range []struct{ src, want string }{
		{newer, "1 image-not-for-host"},
		{"# winmatch:ignore image-not-for-host another host builds it\n" + newer + newer, "3 image-not-for-host"},
		{"#winmatch:ignore image-not-for-host\n# more words\n" + newer, ""},
		{"# winmatch:ignore image-not-for-host,out-of-support\n" + newer, ""},
		{"# winmatch:ignore out-of-support\n" + newer, "2 image-not-for-host"},
		{"# winmatch:ignore image-not-for-host\n\n" + newer, "3 image-not-for-host"},
		{newer + newer + "# winmatch:ignore-file image-not-for-host not ours\n", ""},
		{"# winmatch:ignore\n" + newer, "1 bad-ignore, 2 image-not-for-host"},
		{"# winmatch:ignore-all image-not-for-host\n" + newer, "1 bad-ignore, 2 image-not-for-host"},
		{"# winmatch:ignore image-not-for-hosts x\n" + newer, "1 bad-ignore, 2 image-not-for-host"},
		{"RUN echo winmatch:ignore\n", ""},
		{"# winmatch:ignore-file bad-ignore\n# winmatch:ignore\n", ""},
	} {
		var got []string
		for _, f := range testScanner().Scan("Dockerfile", []byte(c.src)).Findings {
			got = append(got, string(rune('0'+f.Start.Line))+" "+f.Rule)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q: %v, want %s", c.src, got, c.want)
		}
	}
}

// TestPins: what winmatch.yaml wants is found and mended.
func TestPins(t *testing.T) {
	const core = "FROM mcr.microsoft.com/windows/servercore:"
	for _, c := range []struct{ pin, hosts, src, want, left string }{
		{"kb", "ws2022", core + "ltsc2022", core + "ltsc2022-KB5122882", ""},
		{"revision", "", core + "ltsc2022", core + "10.0.20348.5622", ""},
		{"revision", "20348.5256", core + "ltsc2022", core + "10.0.20348.5256", ""},
		{"kb", "", core + "10.0.20348.5622", core + "10.0.20348.5622", ""},
		{"family", "", core + "ltsc2022", core + "ltsc2022", ""},
		{"digest", "", core + "ltsc2022", core + "ltsc2022", "unpinned-tag"}, // no registry is asked
		{"digest", "", core + "ltsc2022@sha256:" + strings.Repeat("1", 64), core + "ltsc2022@sha256:" + strings.Repeat("1", 64), ""},
		{"kb", "", "FROM golang:1.27-nanoserver-ltsc2022", "FROM golang:1.27-nanoserver-ltsc2022", "unpinned-tag"},
		{"kb", "", "FROM contoso/app:1", "FROM contoso/app:1", ""},
	} {
		s := testScanner()
		s.Hosts = parseHosts(t, c.hosts)
		s.Config = &Config{pin: image.Pin(c.pin)}
		after, left := fix(t, s, c.src)
		if after != c.want || strings.Join(left, " ") != c.left {
			t.Errorf("%s, %q\ngot  %q %q\nwant %q %q", c.pin, c.src, after, left, c.want, c.left)
		}
	}
}
