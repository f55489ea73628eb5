package winver

import (
	"sort"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
)

// This file makes hosts of clues and traits.

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
	s.runtimeOf()
	hosts := make([]Host, 0, len(s.made))
	arm := len(s.made) == 1 && s.arm64()
	for i := range s.made {
		h := s.finish(i)
		h.ARM64 = arm
		for _, r := range s.made[i].runtimes {
			h.Runtime = r
			hosts = appendHost(hosts, h)
		}
		if len(s.made[i].runtimes) == 0 {
			hosts = appendHost(hosts, h)
		}
	}
	return hosts, nil
}

// appendHost adds a host that is not there yet.
func appendHost(hosts []Host, h Host) []Host {
	for i := range hosts {
		o := &hosts[i]
		if o.Version == h.Version && o.Edition == h.Edition && o.Release == h.Release && (o.Runtime == h.Runtime || h.Runtime == "") {
			return hosts
		}
	}
	return append(hosts, h)
}

// found is a host in the making.
type found struct {
	ver    Version
	likely bool
	trait  *trait // made from a name alone
	lines  []int  // ascending
	spans  [][2]int
	ubr    *clue

	runtimes []string // different ones, by first appearance
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
	} else {
		h.Assumed = shared(s.f, m.ver)
	}
	if c := s.contradiction(m); c != nil && t == nil {
		h.Confidence = Likely
		m.spans = append(m.spans, [2]int{c.start, c.end})
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

// contradiction returns the name of a server of another build that stands
// beside the only host's version, nil where there is none. The number counts,
// but one of the two is wrong.
func (s *scanner) contradiction(m *found) *trait {
	if len(s.made) != 1 || m.ver.Build < firstBuild {
		return nil
	}
	for i := range s.traits {
		t := &s.traits[i]
		if t.edition == Server && t.release != nil && t.release.Build != m.ver.Build && distanceTo(m.lines, t.line) <= 1 {
			return t
		}
	}
	return nil
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
