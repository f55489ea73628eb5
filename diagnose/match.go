package diagnose

import (
	"bytes"
	"slices"
	"sync"
)

// Which rules match where in a region.

// compiled finds the rules' keys, from the first message on.
var compiled struct {
	once         sync.Once
	keys         matcher
	keyRule      []int // the rule of each key
	windowsError int   // for a code of the Host Compute Service that has no rule of its own
}

func compile() {
	var text []byte
	var ends []int
	for i := range rules {
		r := &rules[i]
		if r.detail == "windows-error" {
			compiled.windowsError = i
		}
		for _, key := range r.keys {
			for j := range len(key) {
				if !squeezed(key[j]) {
					text = append(text, key[j])
				}
			}
			ends = append(ends, len(text))
			compiled.keyRule = append(compiled.keyRule, i)
		}
	}
	all, keys := string(text), make([]string, len(ends))
	start := 0
	for i, end := range ends {
		keys[i], start = all[start:end], end
	}
	compiled.keys.build(keys, narrow)
}

// find fills events, in order, and codes.
func (s *scanner) find(r *region) {
	compiled.once.Do(compile)
	s.events, s.codes = s.events[:0], codesIn(s.codes[:0], r.clean)
	compiled.keys.all(r.sq, func(at, key int) {
		rule := compiled.keyRule[key]
		if s.holds(rule, r, r.span(int32(at))) {
			s.events = append(s.events, event{rule, int32(at)})
		}
	})
	for _, c := range s.codes {
		if c.small {
			continue
		}
		at := r.squeezedAt(c.at)
		if rule := s.ruleOf(r, c, at); rule >= 0 {
			s.events = append(s.events, event{rule, at})
		}
	}
	slices.SortFunc(s.events, func(a, b event) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.rule - b.rule
	})
}

// squeezedAt is the index in sq of a place in clean.
func (r *region) squeezedAt(clean int32) int32 {
	i, _ := slices.BinarySearch(r.at, clean)
	return int32(min(i, max(len(r.at)-1, 0)))
}

// holds reports whether a rule's conditions hold in a message.
func (s *scanner) holds(rule int, r *region, sp span) bool {
	c := &rules[rule]
	text := r.sq[sp.lo:sp.hi]
	return (len(c.with) == 0 || containsAny(text, c.with)) && (len(c.also) == 0 || containsAny(text, c.also)) && !containsAny(text, c.not)
}

func containsAny(text []byte, list []string) bool {
	for _, p := range list {
		if p == localised && saysMismatch(text) || p != localised && contains(text, p) {
			return true
		}
	}
	return false
}

// contains reports whether a squeezed text holds a pattern, which is not.
func contains(text []byte, p string) bool {
	for p != "" && squeezed(p[0]) {
		p = p[1:]
	}
	if p == "" {
		return true
	}
next:
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], p[0])
		if i < 0 {
			return false
		}
		from += i + 1
		at := from
		for j := 1; j < len(p); j++ {
			if squeezed(p[j]) {
				continue
			}
			if at == len(text) || text[at] != p[j] {
				continue next
			}
			at++
		}
		return true
	}
}

// saysMismatch reports whether a text says that the operating systems of
// container and host do not match, in a language other than English.
func saysMismatch(text []byte) bool {
	if i := bytes.Index(text, []byte("(extrainfo")); i >= 0 {
		text = text[:i]
	} else if i := bytes.Index(text, []byte("extrainfo:")); i >= 0 {
		text = text[:i]
	}
	for i := range mismatchWords {
		w := &mismatchWords[i]
		first := bytes.Index(text, []byte(w[0]))
		if first < 0 || !bytes.Contains(text[first+len(w[0]):], []byte(w[0])) {
			continue
		}
		sentence := text[max(0, first-120):min(len(text), first+400)]
		if bytes.Contains(sentence, []byte(w[1])) && bytes.Contains(sentence, []byte(w[2])) {
			return true
		}
	}
	return false
}

// exitRule stands behind the rules: a program ended with a code of its own.
const exitRule = len(rules)

// ruleOf returns the rule for a code, -1 where the number is no code or says
// nothing.
func (s *scanner) ruleOf(r *region, c found, at int32) int {
	short := s.whole && len(s.buf) <= shortText
	start, end := lineOf(r.clean, int(c.at))
	line := r.clean[start:end]
	asked := short && alone(line, int(c.at)-start) && (!c.bare || len(bytes.TrimSpace(line)) == int(c.end-c.at))
	exit := hasAny(r.before(int(c.at)), exits)
	if c.decimal && !exit && !asked && (c.at == 0 || r.clean[c.at-1] != '(') {
		return -1
	}
	if c.code.ntstatus() && !short && !hasAny(r.clean[max(0, int(c.at)-1000):min(len(r.clean), int(c.at)+500)], containers) {
		return -1 // any program ends with such a code
	}
	listed := false
	for i := range rules {
		if slices.Contains(rules[i].codes, uint32(c.code)) {
			if s.holdsCode(i, r, at) && !(c.bare && !exit && !asked && len(rules[i].with) == 0) {
				return i
			}
			listed = true
		}
	}
	switch {
	case listed: // and something beside it speaks against the rule
	case c.code.hcs() && c.code&0xffff < 0x200:
		return compiled.windowsError
	case c.code.ntstatus() || c.code>>16 == 0x8007 && c.decimal:
		if exit && c.code != 0xc0000142 {
			return exitRule
		}
	}
	return -1
}

// before is what stands before a number that may say what it is: on its line,
// or on the line before where the number begins its own.
func (r *region) before(at int) []byte {
	start, _ := lineOf(r.clean, at)
	for _, b := range r.clean[start:at] {
		if isLetter(b) {
			return r.clean[max(start, at-60):at]
		}
	}
	return r.clean[max(0, at-60):at]
}

// shortText is the length up to which a text is a question in itself: the
// person pasted a number, not a log in which it happens to stand.
const shortText = 300

var containers = []string{"container", "docker", "kubelet", "pod ", "non-zero code", "hcsshim", "syswow64"}

func hasAny(s []byte, words []string) bool {
	for _, w := range words {
		if indexFold(s, w) >= 0 {
			return true
		}
	}
	return false
}

// indexFold is bytes.Index for a lower-case ASCII text, in either case.
func indexFold(s []byte, low string) int {
	if low == "" {
		return 0
	}
	first, upper := low[0], low[0]
	if first >= 'a' && first <= 'z' {
		upper = first - 'a' + 'A'
	}
	for i := 0; i+len(low) <= len(s); i++ {
		if (s[i] == first || s[i] == upper) && equalFold(s[i:i+len(low)], low) {
			return i
		}
	}
	return -1
}

// holdsCode is holds for a rule's codes. What a rule wants beside its keys it
// wants beside codes only where it has no keys; what it does not want counts
// always.
func (s *scanner) holdsCode(rule int, r *region, at int32) bool {
	if len(rules[rule].keys) == 0 {
		return s.holds(rule, r, r.span(at))
	}
	sp := r.span(at)
	return !containsAny(r.sq[sp.lo:sp.hi], rules[rule].not)
}
