package winver

import (
	"strconv"
	"strings"

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
	s.hasRuntime = has("://")
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
	runtimes  []runtimeClue

	cur        string // the line, lower case
	looked     bool   // what the two below say is of this line
	os, wants  bool
	prev       string // the last line that is not empty, lower case
	execLine   int    // the last line on which something was run in a container
	execHyperV bool
	execHost   bool // … in process isolation: what it prints is the host's
	bareLine   int  // the last line "Version: 10.0.B.R", and its clue
	bareClue   int
	tableLine  int // the last line "Major Minor Build Revision"
	tablePS    bool

	// What the text has at all: most lines need not be searched for the rest.
	hasUBR, hasCommand, hasTable, hasLabel, hasRuntime bool
	keywords                                           []string

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
	s.cur, s.looked = l, false
	s.names(l, start)
	if s.hasUBR {
		s.ubr(l, start)
	}
	if len(s.keywords) > 0 {
		s.keys(l, start)
	}
	clues := len(s.clues)
	s.numbers(l, start)
	if s.hasRuntime {
		s.runtime(l, len(s.clues) > clues)
	}
	if s.hasCommand {
		s.command(l)
	}
	if s.hasTable && strings.Contains(l, "major") && strings.Contains(l, "minor") && strings.Contains(l, "build") && strings.Contains(l, "revision") {
		s.tableLine, s.tablePS = s.n, strings.Contains(s.prev, "buildversion") || strings.Contains(s.prev, "psversion")
	}
	s.prev = l
}

var commands = [...]string{"docker run", "docker exec", "docker-compose run", "docker compose run", "docker container run", "kubectl exec", "kubectl run", "ctr run", "crictl exec"}

// look finds out once a line, and only if a number asks for it, what the line
// speaks of.
func (s *scanner) look() {
	if !s.looked {
		s.looked, s.os, s.wants = true, osLine(s.cur), demands(s.cur)
	}
}

// osLine reports whether the line speaks of Windows.
func (s *scanner) osLine() bool { s.look(); return s.os }

// demands reports whether the line has a word of demands.
func (s *scanner) demands() bool { s.look(); return s.wants }

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
	if k := strings.Index(after, ": pulling from "); k >= 0 && strings.IndexByte(after[:k], ' ') < 0 {
		return // docker pull: 10.0.19041.1415-amd64: Pulling from windows/nanoserver
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
	hint := osLabel(label) || s.osLine() || blank(label) && blank(after) && strings.Contains(s.prev, "windows") || strings.HasSuffix(label, "image version")
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
	hint := labelled || osLabel(label) || s.osLine() || strings.Contains(l, "version") || strings.Contains(l, "build") || !ascii(label)
	switch {
	case kbTitle(before): // KB5034129 (OS Build 20348.2227): an update's name
		s.add(c, v, weak)
	case labelled && (s.knows(v.Build) || s.osLine() || strings.Contains(l, "version")), update && hint:
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
	case labelled && s.knows(build) && s.osLine():
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
	if rev, ok := v.Revision(); ok && rev == 0 {
		v = v.WithoutRevision() // a revision of 0 is "not known"
	}
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
