package winver

import (
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/winmatch/winmatch/facts"
)

// scanText reads every host that a raw text tells of.
//
// Labels are translated, numbers are not: so a reading hangs on the form of
// the numbers and what stands right beside them, and on words only where they
// are the same in every language of Windows or exclude something.
//
// The text is read line by line. Each number that could be a version becomes a
// clue with a grade (see grade), or nothing:
//
//	[ANY WORD 10.0.B.R]              sure   ver, in every language, however garbled
//	10.0.B N/A Build B               sure   systeminfo, msinfo32: the number stands twice; no revision
//	10.0.B Build R                   sure   runner-images' README
//	10.0 B (B.1.amd64fre.…)          sure   docker info; the lab's .1 is no revision
//	B.R.amd64fre.BRANCH.DATE         sure   BuildLabEx: the build; see labRevision for R
//	10.0.B.R   containerd://…        sure   kubectl get nodes
//	B.R.YYMMDD                       sure   version of an Azure image
//	(OS Build B.R), SYSTEM WORD B.R  sure   winver, Settings
//	OS Version: 10.0.B[.R]           sure   anything labelled as an operating system, kernel or host
//	CurrentBuild REG_SZ B, UBR       sure   registry, Get-ComputerInfo, WMI
//	10.0.B.R (WinBuild.…)            near   version of a system file
//	10.0.B.R without a label         near   where the facts know that update
//	BuildVersion 10.0.B.R            weak   PowerShell's: the build only
//	Version: 10.0.B.R                weak   dism's own version, or anything
//
// No clue is a number in an image reference or a path, one that something
// requires or supports (excluded), or one labelled as a container's, an
// image's, an SDK's (foreign).
func scanText(f *facts.Facts, text string) ([]Host, *HostError) {
	s := scanner{f: f, text: text, low: lowerASCII(text), execLine: -100, bareLine: -100, tableLine: -100}
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(s.low, w) {
				return true
			}
		}
		return false
	}
	s.hasUBR = has("ubr", "build revision")
	s.hasCommand = has(commands[:]...)
	s.hasTable = has("revision")
	s.hasLabel = has("image", "runs-on", "sku", "ami")
	for _, k := range keyNames {
		if has(k) {
			s.keywords = append(s.keywords, k)
		}
	}
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += start
		}
		s.line(start, end)
		start = end + 1
	}
	return s.hosts()
}

// grade says how much a clue is worth. Hosts are made from the best grade
// there is in a text; the others then only add revisions.
type grade uint8

const (
	none grade = iota
	weak       // says something else than the host's version, which is often the same
	near       // nothing speaks against it
	sure
)

// clue is one number in the text that tells of a host.
type clue struct {
	ver        Version // revision known where the clue states it
	grade      grade
	guess      bool // the revision is what the build lab or a file says
	line       int
	start, end int // of the evidence, in the text
}

// trait is something that tells the edition, perhaps the release.
type trait struct {
	edition    Edition
	key        bool           // a registry value or the like, not a name
	hint       bool           // no more than a hint
	gen        int            // 10, 11: the name was "Windows 10"
	release    *facts.Release // the name says which
	version    string         // a value such as DisplayVersion: 22h2
	line       int
	start, end int
}

type scanner struct {
	f         *facts.Facts
	text, low string // low: the same in lower case, byte for byte
	n         int    // number of the line
	clues     []clue
	traits    []trait
	ubrs      []clue // revisions on their own: registry, Get-ComputerInfo

	osLine     bool   // this line speaks of Windows
	demands    bool   // this line has a word of demands
	prev       string // the last line that is not empty, lower case
	execLine   int    // the last line on which something was run in a container
	execHyperV bool
	execHost   bool // … in process isolation: what it prints is the host's
	bareLine   int  // the last line "Version: 10.0.B.R", and its clue
	bareClue   int
	tableLine  int // the last line "Major Minor Build Revision"
	tablePS    bool

	// What the text has at all: most lines need not be searched for the rest.
	hasUBR, hasCommand, hasTable, hasLabel bool
	keywords                               []string

	made      []found
	places    []place // ascending by line
	byVersion map[Version]int
}

// maxLine bounds what is looked at together, so that a text without line breaks
// costs no more than one with them.
const maxLine = 1000

// line reads one line, text[start:end]: whole, or JSON field by field, or in
// pieces.
func (s *scanner) line(start, end int) {
	json := end-start > 400 && strings.Contains(s.low[start:min(end, start+maxLine)], "\":")
	for start < end {
		cut := end
		if json {
			if j := strings.Index(s.low[start:end], ",\""); j >= 0 {
				cut = start + j + 1
			}
		}
		if cut-start > maxLine {
			cut = start + maxLine
			if j := strings.LastIndexAny(s.low[cut-200:cut], " ,;|\"\t"); j >= 0 {
				cut += j - 200 + 1
			}
		}
		s.segment(start, cut)
		start = cut
	}
}

func (s *scanner) segment(start, end int) {
	start += logPrefix(s.low[start:end])
	l := s.low[start:end]
	if blank(l) {
		return
	}
	s.n++ // blank lines do not count
	s.osLine, s.demands = osLine(l), demands(l)
	s.names(l, start)
	if s.hasUBR {
		s.ubr(l, start)
	}
	if len(s.keywords) > 0 {
		s.keys(l, start)
	}
	s.numbers(l, start)
	if s.hasCommand {
		s.command(l)
	}
	if s.hasTable && strings.Contains(l, "major") && strings.Contains(l, "minor") && strings.Contains(l, "build") && strings.Contains(l, "revision") {
		s.tableLine, s.tablePS = s.n, strings.Contains(s.prev, "buildversion") || strings.Contains(s.prev, "psversion")
	}
	s.prev = l
}

var commands = [...]string{"docker run", "docker exec", "docker-compose run", "docker compose run", "docker container run", "kubectl exec", "kubectl run", "ctr run", "crictl exec"}

// command notes a line that runs something in a container: what `ver` prints
// next is the host's with process isolation, the image's with Hyper-V.
func (s *scanner) command(l string) {
	for _, c := range commands {
		if strings.Contains(l, c) {
			s.execLine = s.n
			s.execHyperV = strings.Contains(l, "hyperv") || strings.Contains(l, "hyper-v")
			s.execHost = strings.Contains(l, "process") || strings.HasPrefix(c, "kubectl")
			return
		}
	}
}

// numbers finds the numbers of a line that could be versions.
func (s *scanner) numbers(l string, off int) {
	for i := 0; i < len(l); {
		if !digit(l[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(l) && (digit(l[j]) || l[j] == '.' && j+1 < len(l) && digit(l[j+1])) {
			j++
		}
		if j-i >= 5 {
			s.number(l, off, i, j)
		}
		i = j
	}
}

// number judges the number l[i:j], which is digits and single dots.
func (s *scanner) number(l string, off, i, j int) {
	before, after := l[:i], l[j:]
	if i > 0 && (letter(l[i-1]) || l[i-1] == '_') && !(l[i-1] == 'v' && (i == 1 || !alnum(l[i-2]))) {
		return // net8.0-windows10.0.17763, kb4012345, x64_10.0.19041
	}
	var p [4]uint32
	k := split(l[i:j], &p)
	if k == 0 {
		return
	}
	c := clue{line: s.n, start: off + i, end: off + j}
	c.start = off + labelStart(before)
	switch {
	case k <= 2 && buildRange(p[0]) && strings.HasPrefix(after, ".") && isLab(after):
		c.end += wordLen(after)
		s.lab(c, p[0], p[1], k == 2, before)
		return
	case k == 1 && buildRange(p[0]) && strings.HasPrefix(after, ".") && labBranch(after):
		c.end += wordLen(after)
		s.add(c, OfBuild(p[0]), labGrade(p[0])) // BuildLab: 17763.rs5_release.180914-1434
		return
	case len(after) > 0 && (letter(after[0]) || after[0] == '_'):
		return // 19041ms, 10.0.19041preview
	case k == 3 && buildRange(p[0]) && azureDate(l[i:j]):
		s.add(c, New(p[0], p[1]), sure)
		return
	}
	full := k >= 3 && (p[0] == 10 && p[1] == 0 && buildRange(p[2]) || p[0] == 6 && p[1] <= 3 && p[2] >= 6000 && p[2] < firstBuild && p[2] != 9200)
	pair := k == 2 && buildRange(p[0])
	single := k == 1 && buildRange(p[0])
	shell := k == 4 && p[0] == 5 && p[1] <= 1 && buildRange(p[2]) // PowerShell 5.1.17763.1
	if !full && !pair && !single && !shell {
		return
	}
	if reference(l, i, j) || strings.HasPrefix(after, "-based") || s.excluded(before, after) {
		return
	}
	if shell {
		if strings.Contains(before, "psversion") {
			s.add(c, OfBuild(p[2]), weak)
		}
		return
	}
	switch {
	case full:
		v := Version{Major: uint8(p[0]), Minor: uint8(p[1]), Build: p[2]}
		if k == 4 && p[3] != 0 {
			v = v.WithRevision(p[3])
		}
		s.full(l, off, i, j, c, v, k == 4)
	case pair:
		s.pair(before, after, l, c, New(p[0], p[1]))
	default:
		s.single(l, i, c, p[0])
	}
}

// full judges 10.0.B and 10.0.B.R.
func (s *scanner) full(l string, off, i, j int, c clue, v Version, four bool) {
	before, after := l[:i], l[j:]
	rev, known := v.Revision()
	label := strings.TrimRight(phrase(before), " \t:=\"'`*|>-[(")
	switch {
	case inBracket(before, after): // ver
		c.end = off + j + 1
		if s.n-s.execLine <= 6 && !s.execHost {
			if s.execHyperV {
				return
			}
			s.add(c, v, near)
			return
		}
		s.add(c, v, sure)
		return
	case runtimeFollows(after), // kubectl get nodes -o wide
		strings.HasPrefix(after, " host"): // docker: … is incompatible with a 10.0.17763 host
		s.add(c, v, sure)
		return
	case four && strings.HasSuffix(strings.TrimRight(before, " \t\""), "\"osversion\":"):
		return // docker inspect of an image
	case isFile(last(before, 40)), strings.HasPrefix(after, " (winbuild") || strings.HasSuffix(label, "fileversion") || strings.HasSuffix(label, "productversion"):
		s.file(c, v)
		return
	case strings.HasSuffix(label, "buildversion"): // $PSVersionTable
		s.add(c, v.WithoutRevision(), weak)
		return
	case foreign(label):
		return
	}
	switch n, word, end := buildFollows(after); {
	case n == 0:
	case n == v.Build: // systeminfo
		c.end += end
		s.add(c, v, sure)
		return
	case word && !four && n < firstBuild: // runner-images: 10.0.26200 Build 8246
		c.end += end
		s.add(c, v.WithRevision(n), sure)
		return
	}
	if four && !known { // 10.0.19045.0: of [Environment]::OSVersion, or an SDK
		if osLabel(label) || osLabel(last(before, 24)) {
			s.add(c, v, sure)
		}
		return
	}
	update := known && rev > 1 && s.f.Update(v.Build, rev) != nil
	if known {
		line := strings.TrimLeft(before, " \t#>*-|")
		lone := blank(strings.TrimRight(after, " \t|`\"'\\rn,")) // ends the line
		if bare(strings.TrimRight(line, " \t:=")) {
			if dismTitle(s.prev) {
				s.bareLine, s.bareClue = s.n, -1
				return
			}
			if !update {
				v = v.WithoutRevision()
			}
			s.add(c, v, weak)
			s.bareLine, s.bareClue = s.n, len(s.clues)-1
			return
		}
		if lone && s.n-s.bareLine <= 3 && len(line) > 0 && !digit(line[0]) {
			if s.bareClue >= 0 { // dism: its own version, then the system's
				s.clues = append(s.clues[:s.bareClue], s.clues[s.bareClue+1:]...)
				s.bareClue = -1
			}
			s.add(c, v, sure)
			return
		}
	}
	hint := osLabel(label) || s.osLine || blank(label) && blank(after) && strings.Contains(s.prev, "windows") || strings.HasSuffix(label, "image version")
	switch {
	case hint && (!known || s.knows(v.Build) || osLabel(label)):
		s.add(c, v, sure)
	case update || !known && s.knows(v.Build):
		s.add(c, v, near)
	case s.knows(v.Build):
		s.add(c, v.WithoutRevision(), weak)
	}
}

// pair judges B.R.
func (s *scanner) pair(before, after, l string, c clue, v Version) {
	label := phrase(before)
	rev, _ := v.Revision()
	if rev == 0 {
		v = v.WithoutRevision()
	}
	if foreign(label) || unit(after) {
		return
	}
	update := s.f.Update(v.Build, rev) != nil
	labelled := buildWord(before)
	hint := labelled || osLabel(label) || s.osLine || strings.Contains(l, "version") || strings.Contains(l, "build") || !ascii(label)
	switch {
	case kbTitle(before): // KB5034129 (OS Build 20348.2227): an update's name
		s.add(c, v, weak)
	case labelled && (s.knows(v.Build) || s.osLine || strings.Contains(l, "version")), update && hint:
		s.add(c, v, sure)
	case s.knows(v.Build) && osLabel(label):
		s.add(c, v, near)
	case update:
		s.add(c, v, weak)
	}
}

// kbTitle reports whether a number is what an update brings: "KB5034129 (OS
// Build " stands before it.
func kbTitle(before string) bool {
	i := strings.LastIndexByte(before, '(')
	if i < 0 {
		return false
	}
	b := strings.TrimRight(before[:i], " ]*")
	n := strings.TrimRight(b, "0123456789")
	return len(b)-len(n) >= 6 && strings.HasSuffix(n, "kb")
}

// isFile reports whether the name of a program file stands in a text.
func isFile(s string) bool {
	return strings.Contains(s, ".exe") || strings.Contains(s, ".dll") || strings.Contains(s, ".sys")
}

// wordLen is the length of the text up to a blank, quote or bracket.
func wordLen(s string) int {
	if i := strings.IndexAny(s, " \t\"'`),;]"); i >= 0 {
		return i
	}
	return len(s)
}

// unit reports whether a number counts something: 22000.527 ms.
func unit(after string) bool {
	a := strings.TrimLeft(after, " ")
	for _, u := range [...]string{"ms", "s", "sec", "seconds", "us", "ns", "min", "h", "kb", "mb", "gb", "kib", "mib", "gib", "bytes", "mhz", "px", "ops", "req"} {
		if strings.HasPrefix(a, u) && (len(a) == len(u) || !letter(a[len(u)])) {
			return true
		}
	}
	return strings.HasPrefix(a, "%") || strings.HasPrefix(a, "°")
}

// single judges a build that stands alone.
func (s *scanner) single(l string, i int, c clue, build uint32) {
	before := l[:i]
	key := strings.TrimRight(before, " \t:=\"'`*|([")
	key = strings.TrimRight(strings.TrimSuffix(key, "reg_sz"), " \t:=\"'`*|")
	v := OfBuild(build)
	for _, k := range [...]string{"currentbuildnumber", "currentbuild", "osbuildnumber", "windowsbuildnumber", "os build", "osbuild", "windows build number", "windows build"} {
		if strings.HasSuffix(key, k) {
			s.add(c, v, sure)
			return
		}
	}
	if strings.HasSuffix(key, "buildnumber") && s.knows(build) {
		s.add(c, v, sure) // Win32_OperatingSystem
		return
	}
	if strings.HasSuffix(key, "kernelrelease") && s.knows(build) {
		s.add(c, v, near) // QEMU's guest agent
		return
	}
	if foreign(phrase(before)) {
		return
	}
	// 10.0 17763, 10.0 (17763), 10.0 (Build 17763)
	head := strings.TrimRight(before, " \t(,")
	head = strings.TrimRight(strings.TrimSuffix(head, "build"), " \t(,")
	if strings.HasSuffix(head, "10.0") && len(head) < len(before) && (len(head) == 4 || !alnum(head[len(head)-5]) && head[len(head)-5] != '.') {
		s.add(c, v, sure)
		return
	}
	if s.n-s.tableLine <= 2 { // Major Minor Build Revision
		if f := strings.Fields(l); len(f) == 4 && f[0] == "10" && f[1] == "0" {
			if n, err := strconv.ParseUint(f[3], 10, 32); err == nil && n > 1 && !s.tablePS && s.f.Update(build, uint32(n)) != nil {
				s.add(c, v.WithRevision(uint32(n)), near)
				return
			}
			s.add(c, v, near)
		}
		return
	}
	after := strings.TrimLeft(l[i+5:], " \t")
	alone := after == "" || strings.IndexByte("),;|]*`\"'", after[0]) >= 0
	switch labelled := buildWord(before); {
	case labelled && s.knows(build) && s.osLine:
		s.add(c, v, sure)
	case labelled && alone && s.knows(build), s.afterName(c.end, before):
		if s.knows(build) {
			s.add(c, v, near)
		}
	case buildWord(before) && build < 40000 && strings.Contains(phrase(before), "windows"): // a preview
		s.add(c, v, near)
	}
}

// afterName reports whether the name of a Windows ends right before the
// number that ends at end.
func (s *scanner) afterName(end int, before string) bool {
	if len(s.traits) == 0 {
		return false
	}
	t := s.traits[len(s.traits)-1]
	gap := end - 5 - t.end
	return t.line == s.n && !t.key && gap >= 1 && gap <= 3
}

// lab judges B.R.amd64fre.BRANCH.DATE.
func (s *scanner) lab(c clue, build, rev uint32, hasRev bool, before string) {
	if s.excluded(before, "") {
		return
	}
	s.add(c, OfBuild(build), labGrade(build))
	if hasRev && labRevision(s.f, build, rev) {
		c.guess = true
		s.add(c, New(build, rev), near)
	}
}

// labGrade: the builds whose system files later builds share (19042 to 19045
// print the lab of 19041) are only near.
func labGrade(build uint32) grade {
	if sharesFiles(build) {
		return near
	}
	return sure
}

// sharesFiles reports whether later builds are this one with a switch turned
// on, so that system files of it are no proof of it.
func sharesFiles(build uint32) bool {
	switch build {
	case 18362, 19041, 22621, LTSC2025:
		return true
	}
	return false
}

// labRevision reports whether the second number of a build lab may be the
// revision: on 14393 and 16299 it was updated with the kernel. The first
// release's stays there on updated hosts too, so it says nothing.
func labRevision(f *facts.Facts, build, rev uint32) bool {
	if build != LTSC2016 && build != 16299 {
		return false
	}
	u := f.Update(build, rev)
	return u != nil && u.Type != facts.RTM && !(build == 16299 && rev == 15)
}

// file judges the version of a system file.
func (s *scanner) file(c clue, v Version) {
	rev, ok := v.Revision()
	switch {
	case !s.knows(v.Build):
		return
	case ok && rev > 1 && s.f.Update(v.Build, rev) != nil:
		c.guess = true
		s.add(c, v, near)
	default:
		s.add(c, v.WithoutRevision(), weak)
	}
}

func (s *scanner) add(c clue, v Version, g grade) {
	c.ver, c.grade = v, g
	s.clues = append(s.clues, c)
}

// knows reports whether the facts have a build.
func (s *scanner) knows(build uint32) bool {
	for i := range s.f.Releases {
		if s.f.Releases[i].Build == build {
			return true
		}
	}
	return len(s.f.UpdatesOf(build)) > 0 || build == 10240 || build == 10586 || build < firstBuild
}

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

// maxHosts bounds the different hosts of one text.
const maxHosts = 1000

// hosts puts the clues together.
func (s *scanner) hosts() ([]Host, *HostError) {
	best := none
	for i := range s.clues {
		best = max(best, s.clues[i].grade)
	}
	for i := range s.clues {
		if c := &s.clues[i]; c.grade == best && !c.guess {
			s.merge(c)
		}
	}
	if len(s.made) == 0 { // only guesses: file versions
		for i := range s.clues {
			if c := &s.clues[i]; c.grade == best {
				s.merge(c)
			}
		}
	}
	if len(s.made) == 0 {
		s.byName()
	}
	if len(s.made) > maxHosts {
		return nil, &HostError{Reason: "the text names more than " + strconv.Itoa(maxHosts) + " different hosts", Hint: "give a part of it"}
	}
	s.revisions()
	hosts := make([]Host, 0, len(s.made))
	for i := range s.made {
		h := s.finish(i)
		dup := false
		for j := range hosts {
			dup = dup || hosts[j].Version == h.Version && hosts[j].Edition == h.Edition && hosts[j].Release == h.Release
		}
		if !dup {
			hosts = append(hosts, h)
		}
	}
	return hosts, nil
}

// found is a host in the making.
type found struct {
	ver    Version
	likely bool
	trait  *trait // made from a name alone
	lines  []int  // ascending
	spans  [][2]int
	ubr    *clue
}

// place says on which line which host was told of.
type place struct{ line, host int }

// merge adds a clue to the host it tells of: the same build, and no other
// revision.
func (s *scanner) merge(c *clue) {
	if len(s.made) > maxHosts {
		return
	}
	if s.byVersion == nil {
		s.byVersion = map[Version]int{}
	}
	_, known := c.ver.Revision()
	base := c.ver.WithoutRevision() // the first host of a build stands under it
	i, ok := s.byVersion[c.ver]
	if !ok && known {
		if i, ok = s.byVersion[base]; ok {
			if _, has := s.made[i].ver.Revision(); has {
				ok = false
			} else { // that host, now with its revision
				m := &s.made[i]
				m.ver, m.likely, m.spans = c.ver, m.likely || c.guess, [][2]int{{c.start, c.end}}
				s.byVersion[c.ver] = i
			}
		}
	}
	if !ok {
		i = len(s.made)
		s.made = append(s.made, found{ver: c.ver, likely: c.grade != sure || c.guess, spans: [][2]int{{c.start, c.end}}})
		s.byVersion[c.ver] = i
		if _, taken := s.byVersion[base]; !taken {
			s.byVersion[base] = i
		}
	}
	s.made[i].lines = append(s.made[i].lines, c.line)
	s.places = append(s.places, place{c.line, i})
}

// revisions adds what stands apart from the build: UBR values and guesses.
func (s *scanner) revisions() {
	for i := range s.ubrs { // each to the nearest host, the nearest of each
		u := &s.ubrs[i]
		h, d := s.nearestHost(u.line)
		if h < 0 {
			continue
		}
		m := &s.made[h]
		if _, ok := m.ver.Revision(); ok && m.ubr == nil || m.ubr != nil && distanceTo(m.lines, m.ubr.line) <= d {
			continue
		}
		m.ubr = u
		m.ver.rev = u.ver.rev
	}
	guesses := map[uint32]*clue{} // nil where several differ
	for i := range s.clues {
		c := &s.clues[i]
		if rev, ok := c.ver.Revision(); !ok || rev <= 1 || c.grade < near {
			continue
		}
		if g, ok := guesses[c.ver.Build]; !ok {
			guesses[c.ver.Build] = c
		} else if g != nil && g.ver != c.ver {
			guesses[c.ver.Build] = nil
		}
	}
	for i := range s.made {
		m := &s.made[i]
		if u := m.ubr; u != nil {
			m.spans = append(m.spans, [2]int{u.start, u.end})
		} else if _, ok := m.ver.Revision(); !ok {
			if g := guesses[m.ver.Build]; g != nil {
				m.ver, m.likely = g.ver, true
				m.spans = append(m.spans, [2]int{g.start, g.end})
			}
		}
	}
}

// nearestHost returns the host told of nearest to a line, and how far away.
func (s *scanner) nearestHost(line int) (host, distance int) {
	i := sort.Search(len(s.places), func(i int) bool { return s.places[i].line >= line })
	host, distance = -1, 1<<30
	if i > 0 {
		host, distance = s.places[i-1].host, line-s.places[i-1].line
	}
	if i < len(s.places) && s.places[i].line-line < distance {
		host, distance = s.places[i].host, s.places[i].line-line
	}
	return host, distance
}

// distanceTo returns how far a line is from the nearest of some lines.
func distanceTo(lines []int, line int) int {
	i := sort.SearchInts(lines, line)
	d := 1 << 30
	if i > 0 {
		d = line - lines[i-1]
	}
	if i < len(lines) {
		d = min(d, lines[i]-line)
	}
	return d
}

// byName makes hosts from names, where a text has no version at all.
func (s *scanner) byName() {
	version := ""
	for i := range s.traits {
		if v := s.traits[i].version; v != "" {
			version = v
		}
	}
	for i := range s.traits {
		t := &s.traits[i]
		r := t.release
		if r == nil && t.gen != 0 && version != "" { // Windows 10 …, and somewhere DisplayVersion 22H2
			r = s.client(t.gen, version)
		}
		if r == nil || t.key {
			continue
		}
		h := -1
		for j := range s.made {
			if s.made[j].ver.Build == r.Build {
				h = j
			}
		}
		if h < 0 {
			h = len(s.made)
			s.made = append(s.made, found{ver: OfBuild(r.Build), likely: true, trait: t, spans: [][2]int{{t.start, t.end}}})
		}
		s.made[h].lines = append(s.made[h].lines, t.line)
		s.places = append(s.places, place{t.line, h})
	}
}

// finish decides a host's edition and release and writes its evidence.
func (s *scanner) finish(i int) Host {
	m := &s.made[i]
	h := Host{Version: m.ver, Edition: EditionOf(s.f, m.ver.Build)}
	switch {
	case m.ver.Major != 10:
		h.Edition = UnknownEdition
	case m.ver.Build < LTSC2016:
		h.Edition = Client // no server before 14393
	}
	if m.likely {
		h.Confidence = Likely
	}
	t := m.trait
	if t == nil {
		t = s.traitFor(m)
	}
	if t != nil {
		if t.hint && t.key && t.edition != h.Edition { // Default Isolation: hyperv
			h.Confidence = Likely
		}
		h.Edition = t.edition
		m.spans = append(m.spans, [2]int{t.start, t.end})
	} else if e := editionByLine(s.f, m.ver); e != UnknownEdition && e != h.Edition {
		h.Edition, h.Confidence = e, Likely
	}
	h.Release = releaseID(s.f, h.Version, h.Edition)
	if t != nil && t.release != nil && t.release.Build == h.Version.Build {
		h.Release = t.release.ID
	}
	h.Evidence = s.evidence(m.spans)
	return h
}

// traitFor returns what tells a host's edition: a key before a name before a
// hint, the nearest of each. In a text with several hosts only what is near
// counts, and a name only for the host it is nearest to.
func (s *scanner) traitFor(m *found) *trait {
	var best *trait
	score := 1 << 30
	one := len(s.made) == 1
	judge := func(t *trait) {
		if t.edition == UnknownEdition || !s.fits(t, m.ver.Build) {
			return
		}
		d := distanceTo(m.lines, t.line)
		if one && !t.key && d > 60 {
			return
		}
		if !one {
			if _, other := s.nearestHost(t.line); d > 12 || !t.key && other < d {
				return
			}
		}
		d *= 4
		switch {
		case t.hint && t.key:
			d += 4 << 20
		case t.hint:
			d += 1 << 20
		case t.key:
			d -= 8
		}
		if d < score {
			best, score = t, d
		}
	}
	if one {
		for i := range s.traits {
			judge(&s.traits[i])
		}
		return best
	}
	for _, line := range m.lines[:min(len(m.lines), 100)] {
		i := sort.Search(len(s.traits), func(i int) bool { return s.traits[i].line >= line-12 })
		for ; i < len(s.traits) && s.traits[i].line <= line+12; i++ {
			judge(&s.traits[i])
		}
	}
	return best
}

// fits reports whether a name can be that of a build.
func (s *scanner) fits(t *trait, build uint32) bool {
	if build < firstBuild {
		return false
	}
	server, client, any := false, false, false
	for i := range s.f.Releases {
		if r := &s.f.Releases[i]; r.Build == build {
			any = true
			if r.Kind == facts.Client {
				client = true
			} else {
				server = true
			}
		}
	}
	switch {
	case !any:
		return t.release == nil || t.edition == Client || build > 17000
	case t.key:
		return t.edition == Server && server || t.edition == Client && client
	case t.edition == Server:
		return server && (t.release == nil || t.release.Build == build)
	}
	return client
}

// evidence joins the parts of the text that tell of a host.
func (s *scanner) evidence(spans [][2]int) string {
	var b strings.Builder
	for i, sp := range spans {
		part := strings.TrimSpace(strings.ToValidUTF8(s.text[sp[0]:sp[1]], "\uFFFD"))
		if part == "" || i > 0 && strings.Contains(b.String(), part) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(part)
	}
	return b.String()
}

// ---- forms ----

// split reads up to four numbers with dots between them; 0 where it is none.
func split(s string, p *[4]uint32) int {
	k := 0
	for i := 0; i < len(s); i++ {
		if k == 4 || i >= len(s) || !digit(s[i]) {
			return 0
		}
		n := uint64(0)
		start := i
		for i < len(s) && digit(s[i]) {
			n = n*10 + uint64(s[i]-'0')
			if i-start > 9 {
				return 0
			}
			i++
		}
		if s[start] == '0' && i-start > 1 || n > maxRevision {
			if !(k == 2 && i == len(s)) { // a date part
				return 0
			}
		}
		p[k] = uint32(n)
		k++
	}
	return k
}

// buildRange reports whether a number can be a build of Windows 10 or later.
func buildRange(n uint32) bool { return n >= firstBuild && n <= 65535 }

// azureDate reports whether the last part of B.R.DATE is a date.
func azureDate(s string) bool {
	d := s[strings.LastIndexByte(s, '.')+1:]
	return (len(d) == 6 || len(d) == 10) && d[0] >= '1' && d[0] <= '3'
}

// isLab reports whether what follows a number is the rest of a build lab:
// ".amd64fre.rs5_release.180914-1434".
func isLab(after string) bool {
	for _, a := range [...]string{".amd64fre.", ".x86fre.", ".arm64fre.", ".armfre.", ".amd64chk.", ".x86chk."} {
		if strings.HasPrefix(after, a) {
			return true
		}
	}
	return false
}

// labBranch reports whether what follows a build is a branch and a date:
// ".rs5_release.180914-1434".
func labBranch(after string) bool {
	i := 1
	for i < len(after) && (alnum(after[i]) || after[i] == '_') {
		i++
	}
	return i > 3 && i < len(after)-11 && after[i] == '.' && digits(after[i+1:i+7]) && after[i+7] == '-' && strings.Contains(after[1:i], "_") && letter(after[1])
}

// inBracket reports whether a version is the end of "[WORD version]".
func inBracket(before, after string) bool {
	if !strings.HasPrefix(after, "]") {
		return false
	}
	i := strings.LastIndexByte(before, '[')
	if i < 0 || len(before)-i > 60 {
		return false
	}
	word := before[i+1:]
	for j := 0; j < len(word); j++ {
		if digit(word[j]) || word[j] == ']' {
			return false
		}
	}
	return !blank(word) || strings.Contains(last(before[:i], 12), "windows")
}

// runtimeFollows reports whether the next column names a container runtime.
func runtimeFollows(after string) bool {
	a := strings.TrimLeft(after, " \t")
	return len(a) < len(after) && (strings.HasPrefix(a, "containerd://") || strings.HasPrefix(a, "docker://") || strings.HasPrefix(a, "cri-o://"))
}

// buildFollows reads the number of "10.0.19042 N/A Build 19042", where words
// in any language stand between; word tells that "build" stands there.
func buildFollows(after string) (n uint32, word bool, end int) {
	i := 0
	for i < len(after) && i < 60 && !digit(after[i]) {
		if strings.IndexByte("|,;()[]{}\":", after[i]) >= 0 {
			return 0, false, 0
		}
		i++
	}
	if i == len(after) || !digit(after[i]) || blank(after[:i]) {
		return 0, false, 0
	}
	j := i
	for j < len(after) && digit(after[j]) {
		j++
	}
	if j-i > 5 || j < len(after) && (after[j] == '.' && j+1 < len(after) && digit(after[j+1]) || letter(after[j])) {
		return 0, false, 0
	}
	x, _ := strconv.ParseUint(after[i:j], 10, 32)
	return uint32(x), strings.TrimSpace(after[:i]) == "build", j
}

// reference reports whether l[i:j] stands in an image reference, a path or a
// package name.
func reference(l string, i, j int) bool {
	if strings.HasPrefix(l[j:], ": pulling from") { // 10.0.20348.169: Pulling from businesscentral
		return true
	}
	if i == 0 {
		return false
	}
	start := i
	for start > 0 && l[start-1] > ' ' && strings.IndexByte("\"'`(,;=<>|", l[start-1]) < 0 {
		start--
	}
	word := l[start:i]
	switch l[i-1] {
	case '\\', '~', '@':
		return true
	case '/':
		return !(strings.HasSuffix(word, "windows/") && strings.Count(word, "/") == 1)
	case ':':
		repo := word[:len(word)-1]
		return strings.Contains(repo, "/") || isRepository(repo)
	case '-':
		return strings.Contains(word, "/") || strings.Contains(word, ":")
	}
	return strings.HasPrefix(l[j:], "\\") && len(l) > j+1 && !strings.HasPrefix(l[j:], "\\n") && !strings.HasPrefix(l[j:], "\\r") && !strings.HasPrefix(l[j:], "\\\"")
}

// demandWords are words of sentences that say which Windows something wants.
var demandWords = [...]string{"requir", "requis", "requer", "minim", "at least", "must be", "need", "supported", ">=", "≥", "if running",
	"newer than", "older than", "later than", "prior to", "erforder", "voraussetz", "mindest", "требу", "要求", "需要", "必須", "必要", "最低"}

func demands(s string) bool {
	for _, w := range demandWords {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// excluded reports whether a version is one that something requires, supports
// or excludes.
func (s *scanner) excluded(before, after string) bool {
	if s.demands {
		if i := max(strings.LastIndex(before, ". "), strings.LastIndex(before, "; "), strings.LastIndex(before, "。")); i >= 0 {
			before = before[i:]
		}
		if demands(last(before, 200)) {
			return true
		}
	}
	a := strings.TrimLeft(after, " \t)]*`\"',")
	if strings.HasPrefix(after, "+") && !strings.HasPrefix(after, "+k") {
		return true
	}
	if len(a) > 0 && (letter(a[0]) || a[0] >= utf8.RuneSelf) {
		for _, w := range [...]string{"or later", "or newer", "or higher", "or above", "or greater", "or more recent", "and later", "and newer", "and above", "and higher", "and up",
			"oder höher", "oder neuer", "oder später", "ou ultérieur", "ou supérieur", "ou plus", "et supérieur", "o superior", "o posterior", "o más", "o versiones", "o successiv", "e successiv",
			"ou superior", "ou posterior", "ou mais", "или выше", "или новее", "или более", "и выше", "и новее", "lub nowsz", "lub wyższ", "veya üzeri", "veya üst", "veya sonra",
			"以上", "以降", "或更高", "或以上", "或更新", "或後", "及更高", "及以上", "またはそれ", "이상", "nebo nov", "nebo vyš", "eller nyere", "eller senare", "eller högre", "of hoger", "of nieuwer", "of later"} {
			if strings.HasPrefix(a, w) {
				return true
			}
		}
	}
	return false
}

// phrase is the label that stands right before a number: back to the last
// mark that separates.
func phrase(before string) string {
	p := before
	if len(p) > 120 {
		p = p[len(p)-120:]
	}
	for i := len(p) - 1; i >= 0; i-- {
		switch p[i] {
		case ';', '|', '{', '}', '(', '[', '\n':
			return p[i+1:]
		case ' ':
			if i > 0 && digit(p[i-1]) && strings.Count(p[strings.LastIndexByte(p[:i], ' ')+1:i], ".") >= 2 {
				return p[i+1:] // after another version
			}
		case ',', '.', '?', '!':
			if i+1 < len(p) && (p[i+1] == ' ' || p[i+1] == '"') {
				return p[i+1:]
			}
		}
	}
	return p
}

// labelStart is where the evidence of a number begins: the label before it, as
// far as it is short.
func labelStart(before string) int {
	i := len(before) - len(phrase(before))
	if len(before)-i > 80 {
		i = len(before) - 80
		for i < len(before) && before[i] != ' ' {
			i++
		}
	}
	if i > 0 && before[i-1] == '[' { // "Microsoft Windows [Version"
		j := i - 1
		for j > 0 && i-j < 30 && before[j-1] != '\t' && !strings.HasPrefix(before[j-1:], "  ") {
			j--
		}
		if k := strings.Index(before[j:i], "microsoft"); k >= 0 {
			return j + k
		}
		return j
	}
	return i
}

// foreign reports whether a label names something else than the host's
// system.
func foreign(label string) bool {
	if i := max(strings.Index(label, " on "), strings.Index(label, " under ")); i >= 0 {
		label = label[i:] // cannot build the images on my Windows 10
	}
	switch {
	case strings.Contains(label, "container"), strings.Contains(label, "コンテナ"), strings.Contains(label, "容器"):
		return !strings.Contains(label, "host")
	case strings.Contains(label, "image"):
		l := strings.TrimRight(label, " \t:=\"'*")
		return !(strings.Contains(label, "os image") || strings.Contains(label, "osimage") || strings.Contains(label, "os-image") ||
			strings.HasSuffix(l, "image version") && len(l) < 24 || strings.HasSuffix(l, "de l'image") || strings.Contains(label, "vm image"))
	}
	for _, w := range [...]string{"sdk", "kits", "powershell", "psversion", "abstractionlayer", "driver", "ucrt", "targetplatform", "minversion", "toolset", "msvc",
		"webview", "guest", "sandbox", "sql server", "visual studio", "bios", "firmware", "package", "nuget", "os.version", "wsl version", "wsl:", "experience pack"} {
		if strings.Contains(label, w) {
			return true
		}
	}
	return hasWord(label, "hal")
}

// osLabel reports whether a label names a system.
func osLabel(l string) bool {
	for _, w := range [...]string{"windows", "winver", "kernel", "osversion", "hostos", "operating", "platformversion", "distribution_version", "windows_nt", "win32nt"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return hasWord(l, "os") || hasWord(l, "host") || hasWord(l, "win10") || hasWord(l, "win11") || hasWord(l, "win") || hasWord(l, "nt") || hasWord(l, "ver")
}

// osLine reports whether a line speaks of Windows.
func osLine(l string) bool {
	return strings.Contains(l, "windows") || strings.Contains(l, "win10") || strings.Contains(l, "win11") || strings.Contains(l, "win ") ||
		strings.Contains(l, "winver")
}

// buildWord reports whether the word right before a number means "build", as
// the languages of Windows have it.
func buildWord(before string) bool {
	b := strings.TrimRight(before, " \t:=*\"'`(（：")
	i := len(b)
	for i > 0 && (letter(b[i-1]) || b[i-1] >= utf8.RuneSelf) {
		i--
	}
	w := b[i:]
	switch {
	case w == "":
		return false
	case strings.HasSuffix(w, "build"), strings.HasSuffix(w, "buildnummer"), strings.HasSuffix(w, "内部版本"), strings.HasSuffix(w, "ビルド"), strings.HasSuffix(w, "빌드"), strings.HasSuffix(w, "組建"):
		return true
	}
	switch w {
	case "сборка", "Сборка", "построение", "збірка", "kompilacja", "kompilace", "compilación", "compilação", "compilation", "derleme", "sestavení", "zostava", "koontiversio", "bygg", "buildet":
		return true
	}
	// "(compilación de SO 18362.1016)", "сборка ОС 19045.1": the word, then
	// "of the system".
	tail := last(b, 48)
	for _, k := range [...]string{"compilaci", "compila", "сборка", "Сборка", "kompilacja", "build do", "build del", "build so", "build des"} {
		if strings.Contains(tail, k) {
			return true
		}
	}
	return false
}

// bare reports whether a label is the word "version" and nothing else, in the
// languages of Windows.
func bare(label string) bool {
	label = strings.TrimSpace(label)
	for _, w := range [...]string{"version", "versión", "versão", "versione", "versie", "wersja", "verze", "verzia", "verzió", "версия", "версія", "έκδοση", "sürüm", "versjon", "versio",
		"版本", "バージョン", "버전", "الإصدار", "גירסה", "phiên bản", "versi", "versiunea", "verzija"} {
		if strings.EqualFold(label, w) {
			return true
		}
	}
	return false
}

// dismTitle reports whether a line is the title that dism prints over its own
// version.
func dismTitle(l string) bool {
	for _, w := range [...]string{"imag", "dism", "abbild", "образ", "映像", "イメージ", "이미지", "obraz", "görüntü", "bitov"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// hasWord reports whether a lower-case word stands alone in a text.
func hasWord(s, w string) bool {
	for i := 0; ; {
		k := strings.Index(s[i:], w)
		if k < 0 {
			return false
		}
		i += k
		if (i == 0 || !alnum(s[i-1])) && (i+len(w) == len(s) || !alnum(s[i+len(w)])) {
			return true
		}
		i += len(w)
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func blank(s string) bool { return strings.TrimLeft(s, " \t\r") == "" }

// spaced reports whether a text ends with a mark that has a blank before it:
// "runner OS: / Windows", "- Windows".
func spaced(s string) bool {
	return len(s) >= 2 && s[len(s)-2] == ' '
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// logPrefix is the length of what a log writes before a line: dates, times,
// [names], levels, and the marks of a quotation.
func logPrefix(l string) int {
	i := 0
	for {
		for i < len(l) && (l[i] == ' ' || l[i] == '\t') {
			i++
		}
		j := i
		for j < len(l) && l[j] != ' ' && l[j] != '\t' {
			j++
		}
		w := l[i:j]
		switch w {
		case "":
			return 0 // nothing else: leave the line alone
		case ">", "|", "info", "warn", "warning", "error", "debug", "trace", "notice", "info:", "warn:", "error:", "debug:":
			i = j
			continue
		}
		if w[0] == '[' && w[len(w)-1] == ']' || strings.IndexByte(w, ':') > 0 && timeLike(w) || strings.Count(w, "-") == 2 && timeLike(w) {
			i = j
			continue
		}
		return i
	}
}

// timeLike reports whether a word is a date or a time.
func timeLike(w string) bool {
	n := 0
	for i := 0; i < len(w); i++ {
		switch {
		case digit(w[i]):
			n++
		case strings.IndexByte(":-.,+tz[]", w[i]) < 0:
			return false
		}
	}
	return n >= 4 && digit(w[len(w)-2])
}

// ---- cleaning ----

// lowerASCII lowers the letters A to Z and leaves all other bytes in place.
func lowerASCII(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if c := b[i]; 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// cleanText decodes UTF-16, and takes out what terminals and editors put in:
// colours, carriage returns, marks of writing direction, blanks of other
// widths.
func cleanText(s string) string {
	s = fromUTF16(s)
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0x1b:
			i += escapeLen(s[i:])
			continue
		case c == '\r':
			if i+1 == len(s) || s[i+1] != '\n' {
				b.WriteByte('\n')
			}
			i++
			continue
		case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
			i++
			continue
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteByte(c) // not UTF-8: left as it is
		case r == 0xa0, r == 0x202f, r == 0x3000, 0x2000 <= r && r <= 0x200a:
			b.WriteByte(' ')
		case 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x2069, r == 0xfeff:
		case 0xff01 <= r && r <= 0xff5e: // full width
			b.WriteByte(byte(r - 0xff01 + '!'))
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// escapeLen is the length of the escape sequence that a text begins with.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if '@' <= s[i] && s[i] <= '~' {
				return i + 1
			}
		}
		return len(s)
	case ']':
		for i := 2; i < len(s); i++ {
			if s[i] == 7 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			if s[i] == '\n' {
				return i
			}
		}
		return len(s)
	}
	return 2
}

// fromUTF16 decodes UTF-16: with a byte order mark, or without one where zero
// bytes stand at every other place (as redirected PowerShell writes it).
func fromUTF16(s string) string {
	if len(s) < 4 {
		return s
	}
	hi, start := 1, 2
	switch {
	case s[0] == 0xff && s[1] == 0xfe:
	case s[0] == 0xfe && s[1] == 0xff:
		hi = 0
	default:
		start = 0
		var zero [2]int
		for i := 0; i < min(len(s), 4096); i++ {
			if s[i] == 0 {
				zero[i&1]++
			}
		}
		switch {
		case zero[1] > 4*zero[0]:
		case zero[0] > 4*zero[1]:
			hi = 0
		default:
			return s
		}
	}
	var b strings.Builder
	b.Grow(len(s) / 2)
	for i := start; i+1 < len(s); i += 2 {
		r := rune(s[i+hi])<<8 | rune(s[i+1-hi])
		if utf16.IsSurrogate(r) && i+3 < len(s) {
			if d := utf16.DecodeRune(r, rune(s[i+2+hi])<<8|rune(s[i+3-hi])); d != utf8.RuneError {
				r, i = d, i+2
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}
