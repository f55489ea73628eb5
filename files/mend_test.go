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

// parseHosts reads hosts: "ws2019 14393.1770".
func parseHosts(t *testing.T, text string) []winver.Host {
	t.Helper()
	var list []winver.Host
	for _, s := range strings.Fields(text) {
		h, err := winver.ParseHost(facts.Embedded(), s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h)
	}
	return list
}

// fix mends a Dockerfile and holds what holds for each: the result scans clean
// of what could be mended, and a second run changes nothing.
func fix(t *testing.T, s *Scanner, src string) (after string, left []string) {
	t.Helper()
	s.Fix, s.Kind = true, "dockerfile"
	r := s.Scan("Dockerfile", []byte(src))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	after = src
	if r.After != nil {
		after = string(r.After)
		if string(r.Before) != src {
			t.Errorf("before is %q, not %q", r.Before, src)
		}
	}
	for _, f := range r.Left {
		if len(f.Fix) > 0 {
			t.Errorf("%q: %s is left and could be mended", after, f.Rule)
		}
		left = append(left, f.Rule)
	}
	if again := s.Scan("Dockerfile", []byte(after)); again.After != nil {
		t.Errorf("%q: a second run makes %q", after, again.After)
	}
	return after, left
}

func TestFix(t *testing.T) {
	const core, nano = "mcr.microsoft.com/windows/servercore:", "mcr.microsoft.com/windows/nanoserver:"
	for _, c := range []struct {
		name, hosts, src, want, left string
	}{
		{"newer than the host", "ws2019", "FROM " + core + "ltsc2022", "FROM " + core + "ltsc2019", ""},
		{"older than the host", "ws2022", "FROM " + nano + "1809\n", "FROM " + nano + "ltsc2022\n", ""},
		{"one that runs on both", "ws2022 ws2025", "FROM " + nano + "ltsc2025\n", "FROM " + nano + "ltsc2022\n", ""},
		{"none that runs on both", "ws2019 ws2022", "FROM " + nano + "ltsc2022\n", "FROM " + nano + "ltsc2022\n", "image-not-for-host"},
		{"a host from before February 2020", "10.0.17763.437", "FROM " + core + "ltsc2022", "FROM " + core + "10.0.17763.437", ""},
		{"a host behind the tag", "10.0.17763.1397", "FROM " + core + "ltsc2019", "FROM " + core + "10.0.17763.1397", ""},
		{"Windows Server 2016, its revision known", "14393.1770", "FROM " + core + "ltsc2022", "FROM " + core + "10.0.14393.1770", ""},
		{"and not known", "ws2016", "FROM " + core + "ltsc2022", "FROM " + core + "ltsc2016", ""},
		{"a pin stays a pin", "ws2022", "FROM " + core + "10.0.17763.9245", "FROM " + core + "10.0.20348.5622", ""},
		{"of its kind", "ws2022", "FROM " + core + "1809-KB5122876", "FROM " + core + "ltsc2022-KB5122882", ""},
		{"no such tag", "ws2022", "FROM " + core + "latest", "FROM " + core + "ltsc2022", ""},
		{"no such tag, no host", "", "FROM " + core + "latest", "FROM " + core + "latest", "no-such-tag"},
		{"no such tag, whose build is clear", "", "FROM " + nano + "ltsc2019", "FROM " + nano + "1809", ""},
		{"another name", "", "FROM microsoft/windowsservercore:ltsc2016 AS x", "FROM mcr.microsoft.com/windows/servercore:ltsc2016 AS x", ""},
		{"another name without a tag", "ws2022", "FROM windows/servercore\n", "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n", ""},
		{"the page's example on Windows Server 2016", "ws2016", "FROM windows/servercore:1709\n", "FROM mcr.microsoft.com/windows/servercore:ltsc2016\n", ""},
		{"and on version 1709", "ws1709", "FROM windows/servercore:1709\n", "FROM mcr.microsoft.com/windows/servercore:1709\n", "out-of-support"},
		{"an application's image", "ws2019", "FROM golang:1.24-nanoserver-1809\nFROM golang:1.27-windowsservercore-ltsc2022", "FROM golang:1.24-nanoserver-1809\nFROM golang:1.27-windowsservercore-ltsc2022", "image-not-for-host"},
		{"whose tags are known", "ws2025", "FROM docker.io/library/golang:1.27-nanoserver-ltsc2022\nFROM golang:1.27-nanoserver-1809", "FROM docker.io/library/golang:1.27-nanoserver-ltsc2022\nFROM golang:1.27-nanoserver-ltsc2025", ""},
		{"out of support, with a host that runs another", "win11-24h2", "FROM " + core + "1909", "FROM " + core + "ltsc2025", ""},
		{"a digest", "ws2019", "FROM " + core + "ltsc2022@sha256:" + strings.Repeat("1", 64), "FROM " + core + "ltsc2022@sha256:" + strings.Repeat("1", 64), "image-not-for-host"},
		{"not known", "ws2019", "FROM contoso/app:1\nFROM " + core + "$X\n", "FROM contoso/app:1\nFROM " + core + "$X\n", ""},
		{"known by its tag, without others that are", "ws2019", "FROM contoso/app:1-nanoserver-ltsc2022\n", "FROM contoso/app:1-nanoserver-ltsc2022\n", "image-not-for-host"},

		{"an ARG's default", "ws2019", "ARG T=\"ltsc2022\" # no comment\nFROM " + core + "$T\n", "ARG T=\"ltsc2019\" # no comment\nFROM " + core + "$T\n", ""},
		{"a part of it", "ws2019", "ARG Y=2022\nFROM " + core + "ltsc${Y}\n", "ARG Y=2019\nFROM " + core + "ltsc${Y}\n", ""},
		{"a variable's own default", "ws2019", "ARG T\nFROM " + core + "${T:-ltsc2022}\n", "ARG T\nFROM " + core + "${T:-ltsc2019}\n", ""},
		{"an ARG for two repositories", "ws2019", "ARG T=ltsc2022\nFROM " + core + "$T\nFROM " + nano + "$T\n", "ARG T=1809\nFROM " + core + "$T\nFROM " + nano + "$T\n", ""},
		{"an ARG that another image needs as it is", "ws2019", "ARG T=ltsc2022\nFROM " + core + "$T\nFROM contoso/app:$T\n", "ARG T=ltsc2022\nFROM " + core + "$T\nFROM contoso/app:$T\n", "image-not-for-host image-not-for-host"},
		{"an ARG for name and tag", "ws2019", "ARG I=" + core + "ltsc2022\nFROM $I\n", "ARG I=" + core + "ltsc2019\nFROM $I\n", ""},
		{"name and tag apart", "ws2022", "ARG I=windows/servercore\nARG T=1709\nFROM $I:$T\n", "ARG I=mcr.microsoft.com/windows/servercore\nARG T=ltsc2022\nFROM $I:$T\n", ""},
		{"on two lines", "ws2019", "FROM mcr.microsoft.com/windows/\\\nservercore:ltsc\\\n2022\n", "FROM mcr.microsoft.com/windows/\\\nservercore:ltsc\\\n2019\n", ""},
		{"copy and mount", "ws2022", "FROM scratch\r\nCOPY --from=" + nano + "ltsc2025 a b\r\nRUN --mount=type=bind,from=" + nano + "ltsc2025,target=/x y", "FROM scratch\r\nCOPY --from=" + nano + "ltsc2022 a b\r\nRUN --mount=type=bind,from=" + nano + "ltsc2022,target=/x y", ""},
		{"copy from an older one only pulls", "ws2022", "FROM scratch\nCOPY --from=" + nano + "1809 a b\n", "FROM scratch\nCOPY --from=" + nano + "1809 a b\n", ""},
		{"stages that no server runs together", "", "FROM " + nano + "1809 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "FROM " + nano + "ltsc2022 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", ""},
		{"one of them is not known elsewhere", "", "FROM contoso/app:1-nanoserver-1809 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "FROM contoso/app:1-nanoserver-1809 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "mixed-builds"},
		{"they share an ARG with another build", "", "ARG T=1809\nFROM " + nano + "$T AS x\nFROM " + nano + "$T AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "ARG T=1809\nFROM " + nano + "$T AS x\nFROM " + nano + "$T AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "mixed-builds"},
		{"stages that one does", "", "FROM " + nano + "ltsc2022 AS a\nFROM " + nano + "ltsc2025\nCOPY --from=a x y\n", "FROM " + nano + "ltsc2022 AS a\nFROM " + nano + "ltsc2025\nCOPY --from=a x y\n", ""},
		{"a Linux image in a Windows build", "", "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS a\nFROM " + nano + "ltsc2022\nCOPY --from=a x y\n", "image-not-windows"},
		{"a Linux image in a Linux build", "ws2022", "FROM mcr.microsoft.com/dotnet/sdk:8.0\n", "FROM mcr.microsoft.com/dotnet/sdk:8.0\n", ""},
	} {
		s := testScanner()
		s.Hosts = parseHosts(t, c.hosts)
		after, left := fix(t, s, c.src)
		if after != c.want || strings.Join(left, " ") != c.left {
			t.Errorf("%s, %q\ngot  %q %q\nwant %q %q", c.name, c.src, after, left, c.want, c.left)
		}
	}
}

func TestFixTo(t *testing.T) {
	const core, nano = "mcr.microsoft.com/windows/servercore:", "mcr.microsoft.com/windows/nanoserver:"
	for _, c := range []struct{ to, src, want, left string }{
		{"ltsc2025", "FROM " + core + "ltsc2022", "FROM " + core + "ltsc2025", ""},
		{"ws2019", "FROM " + nano + "ltsc2022", "FROM " + nano + "1809", ""},
		{"ltsc2025", "FROM " + core + "ltsc2025", "FROM " + core + "ltsc2025", ""},
		{"ltsc2025", "FROM mcr.microsoft.com/dotnet/framework/aspnet:4.8-windowsservercore-ltsc2022", "FROM mcr.microsoft.com/dotnet/framework/aspnet:4.8-windowsservercore-ltsc2022", "retarget"},
		{"ltsc2025", "FROM mcr.microsoft.com/dotnet/framework/aspnet:4.8.1-windowsservercore-ltsc2022", "FROM mcr.microsoft.com/dotnet/framework/aspnet:4.8.1-windowsservercore-ltsc2025", ""},
	} {
		s := testScanner()
		s.Hosts, s.To = nil, &parseHosts(t, c.to)[0]
		after, left := fix(t, s, c.src)
		if after != c.want || strings.Join(left, " ") != c.left {
			t.Errorf("--to %s, %q\ngot  %q %q\nwant %q %q", c.to, c.src, after, left, c.want, c.left)
		}
	}
}

func TestApply(t *testing.T) {
	f := func(edits ...Edit) Finding { return Finding{Fix: edits} }
	for _, c := range []struct {
		list []Finding
		want string
	}{
		{nil, "abcdef"},
		{[]Finding{f(Edit{1, 2, "X"}), f(Edit{4, 6, ""})}, "aXcd"},
		{[]Finding{f(Edit{4, 5, "Y"}), f(Edit{1, 2, "X"})}, "aXcdYf"},
		{[]Finding{f(Edit{1, 2, "X"}), f(Edit{1, 2, "X"})}, "aXcdef"},                  // the same twice
		{[]Finding{f(Edit{1, 3, "X"}), f(Edit{2, 4, "Y"})}, "aXdef"},                   // the second waits
		{[]Finding{f(Edit{1, 2, "X"}), f(Edit{1, 2, "Y"}, Edit{5, 6, "Z"})}, "aXcdef"}, // all of it
		{[]Finding{f(Edit{3, 3, "X"}), f(Edit{3, 3, "Y"})}, "abcXdef"},
		{[]Finding{f(Edit{1, 2, "X"}), f(Edit{2, 3, "Y"})}, "aXYdef"},
		{[]Finding{f(Edit{0, 0, "X"}), f(Edit{6, 6, "Y"})}, "XabcdefY"},
		{[]Finding{f(Edit{5, 7, "X"}), f(Edit{-1, 0, "Y"}), f(Edit{3, 2, "Z"})}, "abcdef"},
	} {
		if got := string(apply([]byte("abcdef"), c.list)); got != c.want {
			t.Errorf("%v: got %q, want %q", c.list, got, c.want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a/real", "old")
	if err := os.Chmod("a/real", 0o640); err != nil {
		t.Fatal(err)
	}
	path := "a/real"
	if runtime.GOOS != "windows" {
		path = "link"
		if err := os.Symlink("a/real", path); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, []byte("other"), []byte("new")); err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Errorf("a file that has changed: %v", err)
	}
	if err := Write(path, []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("a/real")
	if err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
	if runtime.GOOS != "windows" {
		if info, err := os.Lstat("link"); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Error("the link was replaced")
		}
		if info, err := os.Stat("a/real"); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	if list, err := filepath.Glob("a/.*"); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
	if err := Write("nothing", nil, nil); err == nil {
		t.Error("a file that there is not was written")
	}
}
