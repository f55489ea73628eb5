package image

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// say renders what FromName says: "build.revision" or "build" a child, then
// what else is known.
func say(m Image) string {
	var w []string
	for _, c := range m.Children {
		w = append(w, c.Version.Short())
	}
	if m.Floating {
		w = append(w, "floating")
	}
	if m.Index != Unknown {
		w = append(w, map[Tri]string{Yes: "index", No: "single"}[m.Index])
	}
	if m.Basis != BasisTag {
		w = append(w, string(m.Basis))
	}
	for _, f := range m.Findings {
		w = append(w, f.Code)
	}
	return strings.Join(w, " ")
}

func named(t testing.TB, s string) Image {
	t.Helper()
	r, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return FromName(r, facts.Embedded())
}

func TestFromName(t *testing.T) {
	const d = "@sha256:" + hex64
	for _, c := range []struct{ in, want string }{
		// Microsoft's base images.
		{"mcr.microsoft.com/windows/servercore:ltsc2022", "20348 floating index"},
		{"mcr.microsoft.com/windows/servercore:ltsc2019-amd64", "17763 floating single"},
		{"mcr.microsoft.com/windows/servercore:1809-KB4493509", "17763.437 index"},
		{"mcr.microsoft.com/windows/servercore:1809-KB4546852", "17763.1040 index"}, // image-only
		{"mcr.microsoft.com/windows/servercore:ltsc2022-KB5041160-amd64", "20348.2655 single"},
		{"mcr.microsoft.com/windows/servercore:ltsc2022-KB1234567", "20348 index kb-unknown"},
		{"mcr.microsoft.com/windows/servercore:10.0.17763.437", "17763.437 index"},
		{"mcr.microsoft.com/windows/servercore:10.0.18362.959-amd64", "18362.959 single"},
		{"mcr.microsoft.com/windows/servercore:ltsc2022" + d, "20348 index"},
		{"mcr.microsoft.com/windows/servercore", "image-not-found"},
		{"mcr.microsoft.com/windows/servercore" + d, ""},
		{"mcr.microsoft.com/windows/servercore:sac2016", "image-not-found"},
		{"mcr.microsoft.com/windows/nanoserver:ltsc2016", "image-not-found"},
		{"mcr.microsoft.com/windows/nanoserver:ltsc2019", "17763 floating index tag-unconfirmed"},
		{"mcr.microsoft.com/windows/nanoserver:1809", "17763 floating index"},
		{"mcr.microsoft.com/windows/nanoserver:LTSC2022", "image-not-found"},
		{"mcr.microsoft.com/windows:ltsc2022", "image-not-found"},
		{"mcr.microsoft.com/windows:ltsc2019", "17763 floating index tag-unconfirmed"},
		{"mcr.microsoft.com/windows:20H2", "19042 floating index"},
		{"mcr.microsoft.com/windows:20h2", "image-not-found"},
		{"mcr.microsoft.com/windows:10.0.20348.1", "20348.1 index tag-unconfirmed"},
		{"mcr.microsoft.com/windows/server:ltsc2019", "tag-unconfirmed"},
		{"mcr.microsoft.com/windows/server:ltsc2022", "20348 floating index"},
		{"mcr.microsoft.com/windows/server:ltsc2025-KB5122871", ""},
		{"mcr.microsoft.com/windows/servercore:foo", ""},
		{"mcr.microsoft.com/windows/servercore/insider:10.0.20348.1", "20348.1"},
		{"mcr.microsoft.com/windows/servercore/insider:latest", ""},
		{"windows/servercore:1809", "17763 floating index docker-hub-name"},
		// Their predecessors.
		{"microsoft/nanoserver", "14393 repository-retired"},
		{"microsoft/windowsservercore:1709", "16299 repository-retired"},
		{"microsoft/windowsservercore:10.0.14393.953", "14393.953 repository-retired"},
		{"microsoft/aspnetcore-build:1.0-2.0", ""},
		// Mirrors.
		{"myreg.example.com/windows/servercore:ltsc2019", "17763 floating index"},
		{"myreg.example.com/cache/mcr/windows/nanoserver:1909", "18363 floating index"},
		{"myreg.example.com/windows:1809", "17763 floating index"},
		{"myreg.example.com/builders/windows:2004", ""},
		{"myreg.example.com/mcr.microsoft.com/windows:2004", "19041 floating index"},
		{"myreg.example.com/windows:ltsc2022", "20348 floating index"},
		{"myreg.example.com/xwindows/servercore:1809", ""},
		{"myreg.example.com/dotnet/framework/runtime:4.8", ""},
		{"myreg.example.com/dotnet/runtime:8.0", ""},
		// .NET.
		{"mcr.microsoft.com/dotnet/runtime:8.0-nanoserver-ltsc2022", "20348 floating"},
		{"mcr.microsoft.com/dotnet/sdk:5.0-nanoserver-2009", "19042 floating"},
		{"mcr.microsoft.com/dotnet/aspnet:8.0", "index not-windows"},
		{"mcr.microsoft.com/dotnet/aspnet", "index not-windows"},
		{"mcr.microsoft.com/dotnet/aspnet:10.0.1", "index not-windows"},
		{"mcr.microsoft.com/dotnet/aspnet:11.0-preview", "index not-windows"},
		{"mcr.microsoft.com/dotnet/aspnet:8.0.0-preview.1", "index"},
		{"mcr.microsoft.com/dotnet/aspnet:8.0" + d, "index"},
		{"mcr.microsoft.com/dotnet/aspnet:6.0", "index"},
		{"mcr.microsoft.com/dotnet/aspnet:8.0-alpine", ""},
		{"mcr.microsoft.com/dotnet/runtime:5.0", "17763.1697 18363.1316 19041.746 19042.746 index facts record-partial recorded"},
		{"mcr.microsoft.com/dotnet/framework/runtime:4.8", "17763 14393 floating index"},
		{"mcr.microsoft.com/dotnet/framework/aspnet", "17763 14393 floating index"},
		{"mcr.microsoft.com/dotnet/framework/sdk:4.8.1", "26100 20348 floating index"},
		{"mcr.microsoft.com/dotnet/framework/sdk:4.8" + d, "index"},
		{"mcr.microsoft.com/dotnet/framework/sdk:3.5", "index"},
		{"mcr.microsoft.com/dotnet/framework/sdk:4.8-20260714-windowsservercore-ltsc2019", "17763 floating"},
		{"mcr.microsoft.com/dotnet/framework/runtime:4.8-3.5-20210209-windowsservercore-2004", "19041 floating"},
		// IIS, PowerShell.
		{"mcr.microsoft.com/windows/servercore/iis:windowsservercore-1803", "17134 floating"},
		{"mcr.microsoft.com/windows/servercore/iis:nanoserver-sac2016", "14393 floating"},
		{"mcr.microsoft.com/windows/servercore/iis:ltsc2016", "image-not-found"},
		{"mcr.microsoft.com/windows/servercore/iis", ""},
		{"mcr.microsoft.com/powershell:lts-nanoserver-1809", "17763 floating"},
		{"mcr.microsoft.com/powershell:lts-windowsservercore-2004", "19041 floating"},
		{"mcr.microsoft.com/powershell:7.0.3-ubuntu-2004", ""},
		// Docker official images.
		{"golang:1.27-windowsservercore-ltsc2025", "26100 floating index"},
		{"eclipse-temurin:8u502-b07-jdk-nanoserver-ltsc2022", "20348 floating index"},
		{"golang:windowsservercore", "26100 20348 floating index"},
		{"golang:nanoserver", "26100 20348 floating index"},
		{"nats:windowsservercore", "20348 floating index"},
		{"mongo:nanoserver", "20348 floating index"},
		{"swift:windowsservercore", "20348 floating index"},
		{"swift:nanoserver", "index"},
		{"golang:windowsservercore" + d, "index"},
		{"golang:1.27-windowsservercore", "index"},
		{"golang:1.27", ""},
		{"nats-streaming:windowsservercore-foo", ""},
		{"hello-world:nanoserver1709", "16299 floating index"},
		{"hello-world:nanoserver-ltsc2025", "26100 floating index"},
		{"hello-world:nanoserver", "index"},
		{"hello-world:linux", ""},
		// Kubernetes, GitLab, others.
		{"registry.k8s.io/pause:3.9", "index"},
		{"mcr.microsoft.com/oss/kubernetes/pause:3.6", "index"},
		{"rancher/mirrored-pause:3.6-windows-1809-amd64", "17763 floating"},
		{"registry.k8s.io/pause:3.6-windows-ltsc2022-amd64", "20348 floating"},
		{"velero/velero:main-windows-ltsc2022-amd64", "20348 floating"},
		{"x.io/plugin:1.0.0-windows-ltsc2025-amd64-r2", "26100 floating"},
		{"gitlab/gitlab-runner-helper:x86_64-v17.8.3-servercore21H2", "20348 floating"},
		{"gitlab/gitlab-runner-helper:x86_64-v19.10.0-nanoserver1809", "17763 floating"},
		{"gitlab/gitlab-runner-helper:x86_64-v19.10.0", ""},
		{"x.io/app:1.2-servercore21H2", ""},
		{"mcr.microsoft.com/businesscentral:10.0.14393.2906-1.0.0.0", "14393.2906"},
		{"mcr.microsoft.com/dynamicsnav:10.0.14393.3808-generic", "14393.3808"},
		{"mcr.microsoft.com/dynamicsnav:10.0.13682.0", ""}, // NAV 2017, not Windows
		{"mcr.microsoft.com/businesscentral:15.0.36560.0-ltsc2019", "17763 floating"},
		{"mcr.microsoft.com/dynamicsnav:generic-1909", "18363 floating"},
		{"jenkins/agent:jdk17-windowsservercore-ltsc2022", "20348 floating"},
		// The traps.
		{"x.io/app:1809", ""},
		{"x.io/app:2004", ""},
		{"x.io/app:ubuntu-2004", ""},
		{"x.io/app:v1-1903-beta", ""},
		{"x.io/app:21H2", ""},
		{"x.io/app:windows-21H2", ""},
		{"x.io/app:myltsc2022", ""},
		{"x.io/app:ltsc2022_1", ""},
		{"x.io/app:1.0-ltsc2022", "20348 floating"},
		{"x.io/app:ltsc2022", "20348 floating"},
		{"x.io/app:ltsc2019-ltsc2022", "name-ambiguous"},
		{"x.io/app:1809-nanoserver-1809", "17763 floating"},
		{"x.io/app:10.0.17763.437-ltsc2022", "name-ambiguous"},
		{"x.io/app:1-10.0.17763.437", "17763.437"},
		{"x.io/app:10.0.30000.1", ""},
		{"x.io/app:10.0.017763.1", ""},
		{"x.io/app:ltsc2019-KB4493509", "17763.437"},
		{"x.io/app:v1-KB4493509", "17763.437"}, // that KB is of one build
		{"x.io/app:v1-KB4546853", "kb-ambiguous"},
		{"x.io/app:kb4493509", ""},
		{"x.io/app", ""},
		// Recorded, given.
		{"lippertmarkus/test-crane:1.0", "20348.587 19042.1586 18363.1556 index facts record-partial recorded"},
		{"windows:10.0.20348.2227", "20348.2227 single given"},
		{"windows:ltsc2022", "20348 single given"},
		{"windows:2004", "19041 single given"},
		{"windows:20348", "20348 single given"},
		{"windows:ws2019", "17763 single given"},
		{"windows:nonsense", "given"},
	} {
		m := named(t, c.in)
		got := say(m)
		if c.in == "mcr.microsoft.com/windows/server:ltsc2025-KB5122871" {
			// Whatever the facts say of this KB, the build is certain.
			if len(m.Children) != 1 || m.Children[0].Version.Build != 26100 || m.KB != 5122871 {
				t.Errorf("%s: %+v", c.in, m)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.in, got, c.want)
		}
		if m.Reference != c.in {
			t.Errorf("%s: reference %q", c.in, m.Reference)
		}
	}
}

func TestAtLeast(t *testing.T) {
	f := facts.Embedded()
	for in, build := range map[string]uint32{
		"mcr.microsoft.com/windows/servercore:ltsc2022":                       20348,
		"mcr.microsoft.com/windows/nanoserver:1809":                           17763,
		"mcr.microsoft.com/windows/servercore:20H2":                           0, // ended
		"mcr.microsoft.com/windows/nanoserver:sac2016":                        0,
		"mcr.microsoft.com/windows/servercore:ltsc2022-KB5041160":             0,
		"mcr.microsoft.com/windows/servercore:ltsc2022@sha256:" + hex64:       0,
		"myreg.example.com/windows/servercore:ltsc2022":                       0, // a copy may be old
		"mcr.microsoft.com/dotnet/framework/runtime:4.8-windowsservercore-20": 0,
	} {
		var want winver.Version
		if build != 0 {
			u := winver.LatestB(f, build)
			want = winver.New(u.Build, u.Revision)
		}
		if got := named(t, in).AtLeast; got != want {
			t.Errorf("%s: at least %v, want %v", in, got, want)
		}
	}
}

func TestFindingText(t *testing.T) {
	for in, want := range map[string]string{
		"mcr.microsoft.com/windows:ltsc2022":            "windows/servercore:ltsc2022, windows/nanoserver:ltsc2022, windows/server:ltsc2022",
		"mcr.microsoft.com/windows:ltsc2019":            "1809 is the documented one",
		"mcr.microsoft.com/windows/nanoserver:ltsc2016": "the same build is tagged sac2016",
		"mcr.microsoft.com/windows:20h2":                "try 20H2",
	} {
		m := named(t, in)
		if len(m.Findings) != 1 || !strings.Contains(m.Findings[0].Text, want) {
			t.Errorf("%s: %+v, want %q", in, m.Findings, want)
		}
	}
}

// TestImageTags holds the grammar to all recorded tags: what FromName claims
// agrees with the record, whose build is known, and with its version where the
// tag states it. A tag that says nothing yields nothing.
func TestImageTags(t *testing.T) {
	b, err := os.Open("../facts/source/image-tags.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	rows, err := csv.NewReader(b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, n := range rows[0] {
		col[n] = i
	}
	agree, exact, recorded, lists := 0, 0, 0, 0
	silent := map[string]int{}
	for i, row := range rows[1:] {
		get := func(n string) string { return row[col[n]] }
		repo := map[string]string{"mcr": MCR + "/", "docker-library": "", "docker-hub": ""}[get("registry")] + get("repo")
		in := repo + ":" + get("tag")
		m := named(t, in)
		build, _ := strconv.Atoi(get("os_build"))
		basis := get("os_version_basis")
		where := fmt.Sprintf("row %d, %s (%s)", i+2, in, get("os_version"))
		if m.Has(FindingNotFound) || m.Has(FindingAmbiguous) || m.Has(FindingUnconfirmed) || m.Has(FindingKBUnknown) {
			t.Errorf("%s: %+v", where, m.Findings)
		}
		if m.Observed != 0 && m.Basis == BasisTag && m.Floating { // the families of an index as of that day
			lists++
			if at := facts.ParseDate(get("created")); at > 20260101 && !slices.ContainsFunc(m.Children, func(c Child) bool { return c.Version.Build == uint32(build) }) {
				t.Errorf("%s: %s", where, say(m))
			}
			continue
		}
		if m.Basis == BasisFacts {
			// The newest record of the tag, which need not be this row.
			recorded++
			if !m.Has(FindingRecorded) || len(m.Children) == 0 {
				t.Errorf("%s: %s", where, say(m))
			}
			continue
		}
		if len(m.Children) == 0 {
			silent[in]++
			if basis == "tag-literal" || basis == "tag-kb" || basis == "family" || basis == "inferred-date" {
				t.Errorf("%s: the name says nothing", where)
			}
			continue
		}
		agree++
		v := m.Children[0].Version
		if len(m.Children) != 1 || v.Build != uint32(build) {
			t.Errorf("%s: %s", where, say(m))
		}
		if _, known := v.Revision(); known {
			exact++
			if v.String() != get("os_version") {
				t.Errorf("%s: %s", where, say(m))
			}
		} else if basis == "tag-literal" || basis == "tag-kb" {
			t.Errorf("%s: %s, and the tag states the revision", where, say(m))
		}
	}
	t.Logf("%d rows: the name states the build of %d, the revision of %d of them; %d are lists of families, %d answered by a record of the tag", len(rows)-1, agree, exact, lists, recorded)
	for in, n := range silent {
		t.Logf("says nothing: %s (%d rows)", in, n)
		if in != "microsoft/aspnetcore-build:1.0-2.0" {
			t.Errorf("%s: nothing is known", in)
		}
	}
}

// TestRecordedDigests looks up every digest on record.
func TestRecordedDigests(t *testing.T) {
	n := 0
	last := ""
	s := bufio.NewScanner(strings.NewReader(observed))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		f := strings.Split(s.Text(), "\t")
		if len(f) != 5 || f[0] <= last {
			t.Fatalf("line %q", s.Text())
		}
		last = f[0]
		r, ok := lookup(f[0])
		if !ok || r.what != f[2] || r.source != f[4] {
			t.Fatalf("%s: %+v, %v", f[0], r, ok)
		}
		if !strings.HasPrefix(f[0], "sha256:") {
			continue
		}
		n++
		m := named(t, "example.com/any@"+f[0])
		if m.Basis != BasisFacts || len(m.Children) == 0 || m.Has(FindingRecorded) || m.Digest != f[0] {
			t.Errorf("%s: %+v", f[0], m)
		}
		for _, c := range m.Children {
			if _, known := c.Version.Revision(); !known || !c.Windows() || c.OSVersion != c.Version.String() {
				t.Errorf("%s: %+v", f[0], c)
			}
			if c.Digest != "" && checkDigest(c.Digest) != "" {
				t.Errorf("%s: %+v", f[0], c)
			}
		}
	}
	if n < 700 {
		t.Errorf("%d digests", n)
	}
	for _, k := range []string{"", "a", "sha256:", "zzz", "sha256:" + hex64, strings.Repeat("\n", 3), "m", "i"} {
		if r, ok := lookup(k); ok {
			t.Errorf("lookup(%q) = %+v", k, r)
		}
	}
}

// grammar is one group of tag-grammar.yaml.
type grammar struct {
	repos    []string
	patterns []pattern
	families map[string][]string // per_repo_families
}

type pattern struct {
	re       *regexp.Regexp
	examples []string
}

// readGrammar reads as much of tag-grammar.yaml as this test needs; the file
// is plain enough to be read by its indentation.
func readGrammar(t *testing.T) (groups []grammar, families map[string]uint32) {
	t.Helper()
	b, err := os.ReadFile("../facts/source/tag-grammar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	families = map[string]uint32{}
	section, inRepos, key := "", false, ""
	unquote := func(s string) string { return strings.Trim(strings.TrimSpace(s), "'\"") }
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		var g *grammar
		if len(groups) > 0 {
			g = &groups[len(groups)-1]
		}
		switch {
		case indent == 0 && !strings.HasPrefix(line, "-"):
			section, inRepos = trimmed, trimmed == "repos:"
		case strings.HasPrefix(section, "family_to_build"):
			k, v, _ := strings.Cut(trimmed, ": ")
			n, _ := strconv.Atoi(v)
			families[unquote(k)] = uint32(n)
		case !inRepos:
		case line == "- repos:":
			groups = append(groups, grammar{families: map[string][]string{}})
			key = "repos"
		case strings.HasPrefix(line, "  - re: "):
			g.patterns = append(g.patterns, pattern{re: regexp.MustCompile(unquote(strings.TrimPrefix(line, "  - re: ")))})
			key = ""
		case indent == 2 && strings.HasSuffix(trimmed, ":"):
			key = strings.TrimSuffix(trimmed, ":")
		case line == "    examples:":
			key = "examples"
		case indent == 4 && key == "per_repo_families" && strings.HasSuffix(trimmed, ":"):
			section = strings.TrimSuffix(trimmed, ":")
		case strings.HasPrefix(trimmed, "- "):
			v := unquote(strings.TrimPrefix(trimmed, "- "))
			switch key {
			case "repos":
				g.repos = append(g.repos, v)
			case "examples":
				p := &g.patterns[len(g.patterns)-1]
				p.examples = append(p.examples, v)
			case "per_repo_families":
				g.families[section] = append(g.families[section], v)
			}
		}
	}
	return groups, families
}

// TestGrammarFile compares the code with tag-grammar.yaml: the table of
// families, the families of each base image repository, and every example in
// every repository it is for.
func TestGrammarFile(t *testing.T) {
	groups, fams := readGrammar(t)
	if len(groups) < 14 || len(fams) != len(families) {
		t.Fatalf("%d groups, %d families", len(groups), len(fams))
	}
	for f, b := range fams {
		if familyBuild(f) != b {
			t.Errorf("%s: %d, want %d", f, familyBuild(f), b)
		}
		if !slices.Contains(families[:], f) || !imageBuild(b) {
			t.Errorf("%s (%d) is missing", f, b)
		}
	}
	for repo, list := range groups[0].families {
		for f := range fams {
			if hasFamily(repo, f) != slices.Contains(list, f) {
				t.Errorf("%s:%s: hasFamily is %v", repo, f, hasFamily(repo, f))
			}
		}
	}
	examples := 0
	for _, g := range groups {
		for _, p := range g.patterns {
			if len(p.examples) == 0 {
				t.Errorf("%v has no examples", g.repos)
			}
			for _, tag := range p.examples {
				sub := p.re.FindStringSubmatch(tag)
				if sub == nil {
					t.Errorf("%v: %s does not match %s", g.repos, tag, p.re)
					continue
				}
				field := func(name string) string {
					if i := p.re.SubexpIndex(name); i >= 0 {
						return sub[i]
					}
					return ""
				}
				for _, repo := range g.repos {
					repo, _, _ = strings.Cut(repo, " ")
					fam := field("fam")
					if len(g.families) > 0 && fam != "" && !slices.Contains(g.families[repo], fam) {
						continue // an example for another of these repositories
					}
					examples++
					in := repo + ":" + tag
					if !strings.HasPrefix(repo, "microsoft/") && libraryKind(repo) == otherRepo {
						in = MCR + "/" + in
					}
					m := named(t, in)
					if field("build") != "" {
						want := "10.0." + field("build") + "." + field("rev")
						if len(m.Children) != 1 || m.Children[0].OSVersion != want {
							t.Errorf("%s: %s, want %s", in, say(m), want)
						}
						continue
					}
					if v := exactVersion(fam); v.IsValid() {
						if len(m.Children) != 1 || m.Children[0].Version != v {
							t.Errorf("%s: %s, want %s", in, say(m), v)
						}
						continue
					}
					want := fams[fam]
					if fam == "21H2" {
						want = 20348
					}
					switch {
					case want != 0 && (len(m.Children) != 1 || m.Children[0].Version.Build != want):
						t.Errorf("%s: %s, want %d", in, say(m), want)
					case want == 0 && len(m.Children) != 0 && m.Basis == BasisTag && m.Index != Yes:
						t.Errorf("%s: %s, and the pattern names no family", in, say(m))
					}
					if kb := field("kb"); kb != "" && strconv.Itoa(int(m.KB)) != kb {
						t.Errorf("%s: KB%d", in, m.KB)
					}
				}
			}
		}
	}
	t.Logf("%d groups, %d examples", len(groups), examples)
}

// TestReleases compares the families with the tags that releases.yaml lists.
func TestReleases(t *testing.T) {
	n := 0
	for _, r := range facts.Embedded().Releases {
		for _, img := range r.Images {
			for _, tag := range img.Tags {
				if n++; familyBuild(tag) != r.Build || !hasFamily(img.Repository, tag) {
					t.Errorf("%s:%s of %s (%d): %d, %v", img.Repository, tag, r.ID, r.Build, familyBuild(tag), hasFamily(img.Repository, tag))
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("%d tags", n)
	}
}

func TestFromNameAllocs(t *testing.T) {
	r, err := Parse("mcr.microsoft.com/windows/servercore:ltsc2022")
	if err != nil {
		t.Fatal(err)
	}
	f := facts.Embedded()
	if n := testing.AllocsPerRun(100, func() { FromName(r, f) }); n > 3 {
		t.Errorf("%v allocations, want those of the Image, the Reference and its Children", n)
	}
}

func FuzzFromName(f *testing.F) {
	for _, s := range []string{"mcr.microsoft.com/windows/servercore:1809-KB4493509", "golang:nanoserver", "hello-world:nanoserver1709",
		"gitlab/gitlab-runner-helper:x86_64-v1-servercore21H2", "mcr.microsoft.com/dotnet/aspnet:8.0-rc.1", "x.io/a:10.0.17763.1-KB1-ltsc2022",
		"mcr.microsoft.com/windows:20h2", "windows:11", "a@sha256:" + hex64} {
		f.Add(s)
	}
	known := facts.Embedded()
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		m := FromName(r, known)
		for _, c := range m.Children {
			if c.OS != "windows" || !c.Version.IsValid() {
				t.Fatalf("%q: %+v", s, c)
			}
			// From a name alone comes no build that the name does not lead to.
			if m.Basis == BasisTag && m.Observed == 0 && r.Repository != "microsoft/nanoserver" && r.Repository != "microsoft/windowsservercore" &&
				m.KB == 0 && !strings.Contains(r.Tag, strconv.Itoa(int(c.Version.Build))) &&
				!slices.ContainsFunc(families[:], func(fam string) bool { return strings.Contains(r.Tag, fam) && familyBuild(fam) == c.Version.Build }) &&
				!strings.Contains(r.Tag, "21H2") {
				t.Fatalf("%q: %s", s, say(m))
			}
			if rev, ok := c.Version.Revision(); ok && m.Basis == BasisTag && m.KB == 0 && !strings.Contains(r.Tag, strconv.Itoa(int(rev))) {
				t.Fatalf("%q: %s", s, say(m))
			}
		}
		if m.AtLeast.IsValid() && !m.Floating {
			t.Fatalf("%q: at least %v", s, m.AtLeast)
		}
	})
}

func BenchmarkFromName(b *testing.B) {
	f := facts.Embedded()
	for _, s := range []string{"mcr.microsoft.com/windows/servercore:ltsc2022", "mcr.microsoft.com/windows/servercore:ltsc2022-KB5041160",
		"jenkins/agent:jdk17-windowsservercore-ltsc2022", "golang:1", "x.io/app:1.0"} {
		r, err := Parse(s)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				FromName(r, f)
			}
		})
	}
}
