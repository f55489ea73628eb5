package diagnose

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/facts"
)

// MaxDiagnoses bounds the kinds of errors that one text can have. Further ones
// are left out, and Report.More says so.
const MaxDiagnoses = 200

// Sizes in bytes. What is held in memory does not depend on the text.
const (
	bufferMin = 64 << 10
	bufferMax = 1 << 20
	behind    = 64 << 10 // of the text before a message that is searched for what it is about
	ahead     = 16 << 10 // and after it
	lead      = 1 << 10  // before a needle, where its message may begin
	trailMin  = 8 << 10  // after it
	trailMax  = 64 << 10
	overlap   = 3 << 10 // of two regions: no message's core is longer
)

// maxSpan bounds a message, in bytes of its squeezed form to either side of its
// key.
const maxSpan = 1500

// Read diagnoses the errors in a text of any length, in one pass. The error is
// the reader's.
func Read(r io.Reader, f *facts.Facts) (*Report, error) {
	s := scanner{f: f, line: 1, trail: trailMin}
	return s.read(r, bufferMin)
}

// Text is Read for a text in memory.
func Text(text string, f *facts.Facts) *Report {
	s := scanner{f: f, line: 1, trail: trailMin}
	report, _ := s.read(strings.NewReader(text), min(bufferMin, len(text)+512)) // a strings.Reader has no errors
	return report
}

// filterFor is the filter for a text of at least so many bytes.
func filterFor(size int) *matcher {
	if size < bufferMin {
		shortFilter.once.Do(func() { shortFilter.build(needles[:], narrow) })
		return &shortFilter
	}
	prefilter.once.Do(func() { prefilter.build(needles[:], wide) })
	return &prefilter
}

type scanner struct {
	f      *facts.Facts
	filter *matcher
	report Report

	buf     []byte
	base    int64 // offset of buf[0] in the text
	from    int   // buf[:from] is done with
	counted int   // messages whose key stands in buf[:counted] are counted
	trail   int
	line    int // of buf[linePos]
	linePos int
	whole   bool // buf is all of the text
	eof     bool // nothing follows buf

	local, wide region
	codes       []found
	events      []event
	kinds       map[kind]int
	known       map[uint64]int // by signature: see signature
}

// kind is what makes two messages the same diagnosis.
type kind struct {
	rule   int
	code   Code
	image  string
	node   string
	build  uint32
	detail string
}

func (s *scanner) read(in io.Reader, size int) (*Report, error) {
	r := decoder(in)
	s.buf = make([]byte, 0, size)
	for !s.eof {
		if len(s.buf) == cap(s.buf) && cap(s.buf) < bufferMax {
			s.buf = slices.Grow(s.buf, cap(s.buf)) // a longer text than we thought
			s.buf = s.buf[:len(s.buf):min(cap(s.buf), bufferMax)]
		}
		for len(s.buf) < cap(s.buf) {
			n, err := r.Read(s.buf[len(s.buf):cap(s.buf)])
			s.buf = s.buf[:len(s.buf)+n]
			s.report.Bytes += int64(n)
			if err == io.EOF {
				s.eof = true
				break
			}
			if err != nil {
				return &s.report, err
			}
		}
		if !s.eof && cap(s.buf) < bufferMax {
			continue
		}
		s.whole = s.eof && s.base == 0
		s.filter = filterFor(len(s.buf))
		limit := len(s.buf)
		if !s.eof {
			limit -= ahead
		}
		s.scan(limit)
		if !s.eof {
			s.advance(limit)
		}
	}
	s.lineAt(len(s.buf))
	s.report.Lines = s.line
	if n := len(s.buf); n == 0 || s.buf[n-1] == '\n' {
		s.report.Lines--
	}
	return &s.report, nil
}

// advance drops what is done with from the buffer, but for what a later
// message may be about.
func (s *scanner) advance(limit int) {
	drop := limit - behind
	s.lineAt(drop)
	s.buf = s.buf[:copy(s.buf, s.buf[drop:])]
	s.base += int64(drop)
	s.from = max(limit-drop, s.from-drop)
	s.counted = max(s.counted-drop, 0)
	s.linePos = max(s.linePos-drop, 0)
}

// lineAt is the number of the line of buf[pos]; pos must not go back.
func (s *scanner) lineAt(pos int) int {
	if pos > s.linePos {
		s.line += bytes.Count(s.buf[s.linePos:pos], newline)
		s.linePos = pos
	}
	return s.line
}

var newline = []byte{'\n'}

// scan looks at every message whose needle begins in buf[from:limit].
func (s *scanner) scan(limit int) {
	for {
		hit, _ := s.filter.find(s.buf, s.from, limit)
		if hit < 0 {
			return
		}
		// Where one message follows another, more is read at a time.
		if s.trail = min(2*s.trail, trailMax); hit > s.counted+trailMin {
			s.trail = trailMin
		}
		lo, hi := max(hit-lead, 0), min(hit+s.trail, len(s.buf))
		done := hi
		if hi < len(s.buf) || !s.eof {
			done = hi - overlap
		}
		s.region(lo, hi, done)
		s.from = max(done, hit+1)
	}
}

// region counts the messages of buf[lo:hi] whose key stands before done.
func (s *scanner) region(lo, hi, done int) {
	s.local.set(s.buf[lo:hi])
	s.find(&s.local)
	for i := 0; i < len(s.events); {
		j := i + 1
		span := s.local.span(s.events[i].at)
		for j < len(s.events) && s.events[j].at < span.hi && s.events[j].at-s.events[j-1].at <= maxJoin {
			j++
		}
		best := i
		for k := i + 1; k < j; k++ {
			if s.events[k].rule < s.events[best].rule {
				best = k
			}
		}
		e := s.events[best]
		at := lo + int(s.local.raw[s.local.at[e.at]])
		if at >= s.counted && at < done {
			s.message(e, s.local.span(e.at), at)
		}
		i = j
	}
	s.counted = max(s.counted, done)
}

// maxJoin is how far apart, squeezed, two keys of one message may stand.
const maxJoin = 400

// event is a place in the squeezed region where a rule matches.
type event struct {
	rule int
	at   int32
}

// span is a message, in sq.
type span struct{ lo, hi int32 }

func (r *region) span(at int32) span {
	sp := span{max(0, at-maxSpan), min(int32(len(r.sq)), at+maxSpan)}
	i, exact := slices.BinarySearch(r.starts, at)
	if exact {
		i++
	}
	if i > 0 {
		sp.lo = max(sp.lo, r.starts[i-1])
	}
	if i < len(r.starts) {
		sp.hi = min(sp.hi, r.starts[i])
	}
	return sp
}

// message counts one message, and reads what it is about where it is the first
// of its kind.
func (s *scanner) message(e event, sp span, at int) {
	line := s.lineAt(at)
	sig := s.signature(e, sp)
	if i, ok := s.known[sig]; ok {
		if i >= 0 {
			s.report.Diagnoses[i].Count++
			s.report.Diagnoses[i].Last = line
		}
		return
	}
	i := s.fresh(e, sp, at, line)
	if s.kinds == nil || len(s.known) > 4096 {
		s.known = map[uint64]int{}
	}
	s.known[sig] = i
}

// signature is the same for messages that differ in ids, digests and counts
// only.
func (s *scanner) signature(e event, sp span) uint64 {
	text := s.local.sq[max(sp.lo, e.at-400):min(sp.hi, e.at+600)]
	h := uint64(14695981039346656037) + uint64(e.rule) // FNV-1a
	for i := 0; i < len(text); i++ {
		n := i
		for n < len(text) && (isDigit(text[n]) || text[n] >= 'a' && text[n] <= 'f') {
			n++
		}
		if n-i >= 12 {
			i = n - 1
			continue
		}
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// fresh reads a message that was not met before, and returns the diagnosis that
// it is counted with, -1 for none.
func (s *scanner) fresh(e event, sp span, at, line int) int {
	d, ok := s.diagnose(e, sp)
	if !ok {
		return -1
	}
	if s.kinds == nil {
		s.kinds, s.known = map[kind]int{}, map[uint64]int{}
	}
	lo, hi := max(0, at-behind), min(len(s.buf), at+ahead)
	if s.whole {
		lo, hi = max(0, at-4*behind), min(len(s.buf), at+4*ahead)
	}
	k := kind{rule: e.rule, code: d.Code}
	if len(s.report.Diagnoses) >= MaxDiagnoses {
		// Too many kinds: count with the first that is alike.
		for i := range s.report.Diagnoses {
			if o := &s.report.Diagnoses[i]; o.Code == d.Code && o.Source == d.Source {
				return s.again(i, line)
			}
		}
		s.report.More = true
		return -1
	}
	s.quick(&d, sp)
	k.image, k.node, k.build = d.Image, "", d.Host.Build
	if i, ok := s.kinds[k]; ok {
		return s.again(i, line)
	}
	quick := k
	s.wide.set(s.buf[lo:hi])
	s.context(&d, e, at-lo)
	k.image, k.build, k.detail, k.rule = d.Image, d.Host.Build, d.Detail, int(d.Cause)
	if i, ok := s.kinds[k]; ok { // the same, told in other words
		s.report.Diagnoses[i].merge(&d)
		s.kinds[quick] = i
		return s.again(i, line)
	}
	d.Count, d.First, d.Last = 1, line, line
	i := len(s.report.Diagnoses)
	s.kinds[quick], s.kinds[k] = i, i
	s.report.Diagnoses = append(s.report.Diagnoses, d)
	return i
}

func (s *scanner) again(i, line int) int {
	s.report.Diagnoses[i].Count++
	s.report.Diagnoses[i].Last = line
	return i
}

// merge takes over what another message of the same kind says besides.
func (d *Diagnosis) merge(o *Diagnosis) {
	d.Confidence = max(d.Confidence, o.Confidence)
	for _, p := range [...][2]*string{{&d.Container, &o.Container}, {&d.Node, &o.Node}, {&d.Pod, &o.Pod}, {&d.Service, &o.Service}, {&d.Digest, &o.Digest}} {
		if *p[0] == "" {
			*p[0] = *p[1]
		}
	}
	d.Cut = d.Cut && o.Cut
}
