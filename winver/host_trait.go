package winver

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/winmatch/winmatch/facts"
)

// This file reads what tells the edition and the release: registry values, and
// names in prose. And the revision where it stands alone (UBR).

// ubr reads a revision on its own: UBR REG_DWORD 0x1b5, "UBR"=dword:000001b5,
// WindowsUBR : 437.
func (s *scanner) ubr(l string, off int) {
	for _, key := range [...]string{"ubr", "update build revision"} {
		i := strings.Index(l, key)
		if i < 0 {
			continue
		}
		start := i
		for start > 0 && letter(l[start-1]) {
			start--
		}
		switch l[start:i] {
		case "", "windows", "os", "current":
		default:
			continue
		}
		v := strings.TrimLeft(l[i+len(key):], " \t:=\"'`*|")
		v = strings.TrimLeft(strings.TrimPrefix(v, "reg_dword"), " \t")
		base := 10
		if strings.HasPrefix(v, "0x") {
			v, base = v[2:], 16
		} else if strings.HasPrefix(v, "dword:") {
			v, base = v[6:], 16
		}
		j := 0
		for j < len(v) && (digit(v[j]) || base == 16 && 'a' <= v[j] && v[j] <= 'f') {
			j++
		}
		n, err := strconv.ParseUint(v[:j], base, 31)
		if err != nil || n == 0 || n > 1<<20 || j < len(v) && alnum(v[j]) {
			continue
		}
		end := off + len(l) - len(v) + j
		s.ubrs = append(s.ubrs, clue{ver: Version{rev: uint32(n) + 1}, line: s.n, start: off + start, end: end})
		return
	}
}

// arm64 reports whether the text says that its machine is an ARM one:
// systeminfo, docker info, a node's labels, the build lab.
func (s *scanner) arm64() bool {
	for _, sign := range [...]string{"arm64-based pc", "architecture: aarch64", "architecture: arm64", "kubernetes.io/arch=arm64", ".arm64fre."} {
		if strings.Contains(s.low, sign) {
			return true
		}
	}
	return false
}

var keyNames = [...]string{"installationtype", "producttype", "editionid", "operatingsystemsku", "default isolation", "displayversion", "releaseid", "windowsversion"}

// keys reads values that tell the edition or the version's name.
func (s *scanner) keys(l string, off int) {
	for _, key := range s.keywords {
		i := strings.Index(l, key)
		if i < 0 {
			continue
		}
		v := strings.TrimLeft(l[i+len(key):], " \t:=\"'`*|")
		v = strings.TrimLeft(strings.TrimPrefix(v, "reg_sz"), " \t")
		if len(v) == 0 || len(v) == len(l)-i-len(key) {
			continue
		}
		w := v
		if j := strings.IndexAny(w, " \t\",'`;|}"); j >= 0 {
			w = w[:j]
		}
		t := trait{key: true, line: s.n, start: off + i, end: off + len(l) - len(v) + len(w)}
		switch key {
		case "installationtype":
			switch w {
			case "client":
				t.edition = Client
			case "server", "nano":
				t.edition = Server
			}
		case "producttype":
			switch w {
			case "1", "winnt", "workstation":
				t.edition = Client
			case "2", "3", "servernt", "lanmannt", "server", "domaincontroller":
				t.edition = Server
			}
		case "editionid":
			switch {
			case strings.HasPrefix(w, "server"):
				t.edition = Server
			case strings.HasPrefix(w, "pro"), strings.HasPrefix(w, "enterprise"), strings.HasPrefix(w, "core"), strings.HasPrefix(w, "education"), strings.HasPrefix(w, "iotenterprise"):
				t.edition = Client
			}
		case "operatingsystemsku":
			t.edition = skuEdition(w)
		case "default isolation":
			if w == "hyperv" {
				t.edition, t.hint = Client, true
			}
		default:
			if isVersionName(w) && w != "2009" && knownVersion(s.f, w) {
				t.version = w
			}
		}
		if t.edition != UnknownEdition || t.version != "" {
			s.traits = append(s.traits, t)
		}
	}
}

// skuEdition reads Win32_OperatingSystem's OperatingSystemSKU, as a number or
// as Get-ComputerInfo names it.
func skuEdition(w string) Edition {
	switch w {
	case "4", "27", "48", "49", "72", "98", "100", "101", "121", "122", "125", "161", "162", "175", "188":
		return Client
	case "7", "8", "10", "12", "13", "14", "79", "80", "143", "144", "145", "146", "147", "148", "159", "160", "407", "408":
		return Server
	}
	switch {
	case len(w) > 3 && strings.Contains(w, "server") && letter(w[0]):
		return Server
	case strings.Contains(w, "enterprise"), strings.Contains(w, "professional"), strings.Contains(w, "home"):
		return Client
	}
	return UnknownEdition
}

// names finds the names of Windows in a line: "Windows Server 2019",
// "Windows 10 Pro", "Win11", and runner and node images.
func (s *scanner) names(l string, off int) {
	for i := 0; ; {
		k := strings.Index(l[i:], "win")
		if k < 0 {
			break
		}
		i += k
		end := s.name(l, off, i)
		i = max(end, i+3)
	}
	s.label(l, off)
}

// name reads the name at l[i:], which begins with "win", and returns its end.
func (s *scanner) name(l string, off, i int) int {
	j := i + 3
	word := strings.HasPrefix(l[i:], "windows")
	if word {
		j = i + 7
	}
	if i > 0 && (alnum(l[i-1]) || strings.IndexByte("/\\._-@", l[i-1]) >= 0 && !spaced(l[:i])) {
		return j
	}
	t := trait{line: s.n, start: off + i}
	rest := l[j:]
	skip := func(set string) {
		n := len(rest) - len(strings.TrimLeft(rest, set))
		rest, j = rest[n:], j+n
	}
	take := func(w string) bool {
		if strings.HasPrefix(rest, w) && (len(rest) == len(w) || !alnum(rest[len(w)])) {
			rest, j = rest[len(w):], j+len(w)
			return true
		}
		return false
	}
	dash := strings.HasPrefix(rest, "-")
	if dash {
		rest, j = rest[1:], j+1
	}
	for _, mark := range [...]string{"®", "™", "(r)"} {
		rest = strings.TrimPrefix(rest, mark) // only cuts; j is set below
	}
	j = len(l) - len(rest)
	if !dash {
		skip(" \t")
	}
	python := false
	for _, y := range [...]string{"2016server", "2019server", "2022server", "2025server"} {
		if dash && take(y) {
			t.edition, t.release, python = Server, s.server(y[:4], false), true
		}
	}
	switch {
	case python:
	case !dash && word && strings.HasPrefix(rest, "server"):
		rest, j = rest[6:], j+6
		if len(rest) > 0 && letter(rest[0]) {
			return j
		}
		comma := strings.HasPrefix(rest, ",")
		skip(", \t")
		// An edition may stand before the year or version.
		for _, w := range [...]string{"datacenter", "standard", "core", "essentials"} {
			if take(w) {
				t.edition = Server
				skip(", \t")
			}
		}
		version := take("version")
		skip(" \t")
		if len(rest) >= 4 && (len(rest) == 4 || !alnum(rest[4])) {
			y := rest[:4]
			if r := s.server(y, version); r != nil {
				t.edition = Server
				t.release = r
				if version && !comma { // as docker prints it for Windows Server 2019 too
					t.release = ReleaseOf(s.f, r.Build, Server)
				}
				rest, j = rest[4:], j+4
			} else if y == "2012" || y == "2008" {
				return j
			}
		}
		if t.edition == UnknownEdition {
			t.edition, t.hint = Server, true // "Windows Server" alone
		}
	case !dash && (take("10") || take("11")), dash && take("11"):
		t.edition, t.gen = Client, int(l[j-1]-'0')+10
		if strings.HasPrefix(rest, "-x") || strings.HasPrefix(rest, "-arm") || strings.HasPrefix(rest, ".") && len(rest) > 1 && digit(rest[1]) {
			return j // a runtime identifier: win10-x64; "Windows 10.0.17763"
		}
		if n := s.clientVersion(&t, rest); n > 0 {
			j += n
		}
	case !dash && word && len(rest) >= 4 && (len(rest) == 4 || !alnum(rest[4])) && s.server(rest[:4], false) != nil:
		t.edition, t.release = Server, s.server(rest[:4], false)
		j += 4
	case !dash && word && strings.HasPrefix(rest, "version ") && strings.Contains(rest, "(os build"):
		t.edition = Client // docker info of a client: Microsoft Windows Version 21H2 (OS Build …
		j += 8
	default:
		return j
	}
	if s.excluded(l[:i], l[j:]) || foreign(phrase(l[:i])) || strings.HasSuffix(l[:i], " or ") || strings.HasPrefix(l[j:], " or win") {
		return j
	}
	t.end = off + j
	if n := len(s.traits) - 1; n >= 0 && s.traits[n].line == t.line && s.traits[n].edition == t.edition && s.traits[n].gen == t.gen && s.traits[n].release == t.release && !s.traits[n].key {
		s.traits[n] = t // the same again
		return j
	}
	s.traits = append(s.traits, t)
	return j
}

// server finds the server release with a year or a version.
func (s *scanner) server(name string, version bool) *facts.Release {
	for i := range s.f.Releases {
		r := &s.f.Releases[i]
		switch {
		case r.Kind == facts.Client || r.Build == 0:
		case !version && r.Kind == facts.ServerLTSC && strings.HasSuffix(r.Name, name):
			return r
		case r.Kind != facts.ServerLTSC && isVersionName(name) && strings.EqualFold(r.Version, name):
			return r
		}
	}
	return nil
}

// clientVersion looks for the version after "Windows 10", over the words of an
// edition; it returns how many bytes it took.
func (s *scanner) clientVersion(t *trait, rest string) int {
	ltsc := false
	for i := 0; i < len(rest) && i < 60; {
		c := rest[i]
		if !alnum(c) && c < utf8.RuneSelf {
			if strings.IndexByte(" \t,-(", c) < 0 {
				return 0
			}
			i++
			continue
		}
		j := i
		for j < len(rest) && (alnum(rest[j]) || rest[j] >= utf8.RuneSelf) {
			j++
		}
		w := rest[i:j]
		switch {
		case w == "ltsc" || w == "ltsb":
			ltsc = true
		case len(w) == 4 && digits(w) && (ltsc || strings.HasPrefix(strings.TrimLeft(rest[j:], " "), "lts")):
			y, _ := strconv.Atoi(w)
			if r := s.client(t.gen, ltscVersion(y)); r != nil {
				t.release = r
				return j
			}
		case isVersionName(w):
			if r := s.client(t.gen, w); r != nil {
				t.release = r
				return j
			}
			return 0
		case w[0] < utf8.RuneSelf && digit(w[0]):
			return 0
		}
		i = j
	}
	return 0
}

func (s *scanner) client(gen int, version string) *facts.Release {
	name := "Windows " + strconv.Itoa(gen)
	for i := range s.f.Releases {
		if r := &s.f.Releases[i]; r.Kind == facts.Client && r.Name == name && strings.EqualFold(r.Version, version) {
			return r
		}
	}
	return nil
}

// label reads a value that is a runner label or a node image's name.
func (s *scanner) label(l string, off int) {
	if !s.hasLabel {
		return
	}
	for _, key := range [...]string{"vmimage", "imageos", "runs-on", "os-sku", "ossku", "sku", "node-image-version", "image_family", "imagefamily", "amitype", "ami_type", "ami", "image"} {
		i := strings.Index(l, key)
		if i < 0 || i > 0 && letter(l[i-1]) && key != "image" && key != "sku" {
			continue
		}
		v := l[i+len(key):]
		w := strings.TrimLeft(v, " \t\"'`*")
		if len(w) == 0 || w[0] != ':' && w[0] != '=' {
			continue
		}
		w = strings.Trim(w[1:], " \t\"'`*")
		if j := strings.IndexAny(w, " \t\"',;|}"); j >= 0 {
			w = w[:j]
		}
		if w == "" || strings.Contains(w, "/") || strings.Contains(w, ":") || len(w) > maxName {
			continue
		}
		h, err := parseName(s.f, w)
		if err != nil || digits(w[:1]) && !strings.Contains(w, "-") {
			continue
		}
		start := off + len(l) - len(v)
		start += strings.Index(l[start-off:], w)
		t := trait{edition: h.Edition, line: s.n, start: off + i, end: start + len(w)}
		t.release = ReleaseOf(s.f, h.Version.Build, h.Edition)
		s.traits = append(s.traits, t)
		return
	}
}
