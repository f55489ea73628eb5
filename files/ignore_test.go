package files

import (
	"fmt"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

func TestIgnoredStatements(t *testing.T) {
	const comment, image, other = "# winmatch:ignore image-not-for-host why\n", "mcr.microsoft.com/windows/servercore:ltsc2025", "mcr.microsoft.com/windows/nanoserver:ltsc2025"
	for _, c := range []struct {
		name, kind, src string
		want            string // lines of findings
	}{
		{"next line", "dockerfile", comment + "FROM " + image + "\nFROM " + other + "\n", "[3]"},
		{"behind other comments", "dockerfile", comment + "# x\n# y\nFROM " + image + "\n", "[]"},
		{"continued FROM", "dockerfile", comment + "FROM \\\n  " + image + "\nFROM " + other + "\n", "[4]"},
		{"continued RUN", "dockerfile", "FROM scratch\n" + comment + "RUN --mount=type=bind,\\\n# x\n\nfrom=" + image + ",target=/x \\\n  --mount=from=" + other + ",target=/y ls\nFROM " + image + "\n", "[8]"},
		{"in a continued line", "dockerfile", "FROM scratch\nRUN --mount=from=" + image + ",target=/x \\\n" + comment + "  --mount=from=" + other + ",target=/y ls\n", "[2]"},
		{"a path is no continuation", "dockerfile", "# escape=`\nFROM scratch\n" + comment + "COPY x C:\\\nFROM " + image + "\n", "[5]"},
		{"whole text", "github-actions", "jobs:\n  a:\n    runs-on: windows-2022\n    steps:\n" +
			"      " + comment + "      - run: |\n          docker run " + image + "\n\n          docker run " + other + "\n      - run: docker run " + image + "\n", "[10]"},
		{"behind the key", "github-actions", "jobs:\n  a:\n    runs-on: windows-2022\n    steps:\n" +
			"      - run: |- " + comment + "          docker run " + image + "\n      - run: docker run " + image + "\n", "[7]"},
		{"continued command", "github-actions", "jobs:\n  a:\n    runs-on: windows-2022\n    steps:\n      - shell: pwsh\n        run: |\n" +
			"          " + comment + "          docker run `\n            --rm " + image + "\n          docker run " + other + "\n", "[10]"},
		{"file", "dockerfile", "FROM " + image + "\n# winmatch:ignore-file image-not-for-host x\nFROM " + other + "\n", "[]"},
		{"last line", "dockerfile", "FROM " + image + "\n" + strings.TrimSuffix(comment, "\n"), "[1]"},
	} {
		host, err := winver.ParseHost(facts.Embedded(), "ws2022")
		if err != nil {
			t.Fatal(err)
		}
		s := &Scanner{Facts: facts.Embedded(), Today: 20261124, Kind: c.kind, Hosts: []winver.Host{host}}
		for _, end := range []string{"\n", "\r\n"} {
			r := s.Scan("x", []byte(strings.ReplaceAll(c.src, "\n", end)))
			lines := []int{}
			for _, f := range r.Findings {
				lines = append(lines, f.Start.Line)
			}
			if got := fmt.Sprint(lines); r.Err != nil || got != c.want {
				t.Errorf("%s: findings on lines %s, want %s (%v, %v)", c.name, got, c.want, r.Err, r.Findings)
			}
		}
	}
}
