package diagnose

import (
	"bytes"
	"unicode/utf8"
)

// A text reaches us through consoles, logs and JSON: coloured, wrapped in the
// middle of a word, escaped several times, with quotes that an editor has made
// pretty. A region is a piece of it in two forms:
//
//   - clean: what a person would read, line by line. References, names and
//     versions are read from it.
//   - sq (squeezed): lower case, without blanks, quotes, backslashes and what
//     logs put at the beginning of lines, so that a sentence matches however it
//     was broken. Rules match on it.
type region struct {
	clean  []byte
	raw    []int32 // where each byte of clean stood in the raw text
	sq     []byte
	at     []int32 // where each byte of sq stands in clean
	starts []int32 // indexes of sq at which a message may begin, ascending
	source int8    // 1: source code, -1: none, 0: not looked at
}

// set cleans and squeezes a piece of raw text.
func (r *region) set(raw []byte) {
	r.source = 0
	r.cleanFrom(raw)
	r.squeeze()
}

type cleaner struct {
	*region
	state uint8
	pos   int32 // raw position of what is put
}

func (c *cleaner) put(b byte) {
	var drop bool
	if c.state, drop = ansi(c.state, b); drop {
		return
	}
	switch {
	case b == '\t':
		b = ' '
	case b < ' ' && b != '\n' || b == 0x7f:
		return
	}
	c.clean = append(c.clean, b)
	c.raw = append(c.raw, c.pos)
}

// cleanFrom fills clean and raw.
func (r *region) cleanFrom(raw []byte) {
	c := cleaner{region: r}
	r.clean, r.raw = r.clean[:0], r.raw[:0]
	for i := 0; i < len(raw); {
		b := raw[i]
		c.pos = int32(i)
		switch {
		case b == '\\':
			i += c.backslashes(raw[i:])
		case b == '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				c.put('\n') // a progress bar's, or an old Macintosh's
			}
			i++
		case b == '&':
			i += c.entity(raw[i:])
		case b < utf8.RuneSelf:
			c.put(b)
			i++
		default:
			i += c.rune(raw[i:])
		}
	}
}

// backslashes reads a run of backslashes and what it escapes, at any depth of
// JSON in JSON: a quote, a line end, a \u0022. In a path it stays one backslash.
func (c *cleaner) backslashes(s []byte) int {
	n := 1
	for n < len(s) && s[n] == '\\' {
		n++
	}
	if n == len(s) {
		c.put('\\')
		return n
	}
	switch s[n] {
	case '"', '\'', '`':
		c.put(s[n])
		return n + 1
	case 'n', 'r', 't':
		if !c.inPath() {
			if s[n] == 't' {
				c.put(' ')
			} else if s[n] == 'n' {
				c.put('\n')
			}
			return n + 1
		}
	case 'u':
		if v, ok := hex4(s[n+1:]); ok {
			if v < utf8.RuneSelf {
				c.put(byte(v))
			} else {
				var buf [utf8.UTFMax]byte
				m := utf8.EncodeRune(buf[:], rune(v))
				c.rune(buf[:m])
			}
			return n + 5
		}
	}
	c.put('\\')
	return n
}

// inPath reports whether the word before holds a backslash or a drive, so that
// a backslash and an n after it are a folder, not a line end.
func (c *cleaner) inPath() bool {
	for i := len(c.clean) - 1; i >= 0 && i > len(c.clean)-260; i-- {
		switch b := c.clean[i]; b {
		case ' ', '\n', '"', '\'':
			return false
		case '\\':
			return true
		case ':':
			if i > 0 && isLetter(c.clean[i-1]) && (i == 1 || !isWord(c.clean[i-2])) && i == len(c.clean)-1 {
				return true
			}
		}
	}
	return false
}

func hex4(s []byte) (v uint32, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for _, b := range s[:4] {
		d, ok := hexDigit(b)
		if !ok {
			return 0, false
		}
		v = v<<4 | uint32(d)
	}
	return v, true
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

var entities = [...]struct {
	name string
	char byte
}{{"&quot;", '"'}, {"&#34;", '"'}, {"&#39;", '\''}, {"&apos;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&nbsp;", ' '}}

func (c *cleaner) entity(s []byte) int {
	for _, e := range entities {
		if len(s) >= len(e.name) && string(s[:len(e.name)]) == e.name {
			c.put(e.char)
			return len(e.name)
		}
	}
	c.put('&')
	return 1
}

// rune copies one character beyond ASCII, or drops a byte that is none.
func (c *cleaner) rune(s []byte) int {
	r, n := utf8.DecodeRune(s)
	switch {
	case r == utf8.RuneError && n <= 1:
		return 1
	case r == '‘' || r == '’' || r == '‚' || r == '´':
		c.put('\'')
	case r == '“' || r == '”' || r == '„' || r == '«' || r == '»':
		c.put('"')
	case r == '\u00a0' || r == '\u3000' || r >= 0x2500 && r <= 0x257f: // box drawing
		c.put(' ')
	case r == '\u2010' || r == '\u2011' || r == '\u2013' || r == '\u2212':
		c.put('-')
	case r >= 0x200b && r <= 0x200f || r == 0xfeff || r == 0x00ad || r < 0xa0:
	case c.state != plain:
	default:
		for _, b := range s[:n] {
			c.clean = append(c.clean, b)
			c.raw = append(c.raw, c.pos)
		}
	}
	return n
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isWord(b byte) bool   { return isLetter(b) || isDigit(b) || b == '_' }

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// squeezed reports whether squeezing drops a byte.
func squeezed(b byte) bool {
	switch b {
	case ' ', '\n', '"', '\'', '`', '*', '\\':
		return true
	}
	return false
}

// squeeze fills sq, at and starts from clean.
func (r *region) squeeze() {
	r.sq, r.at, r.starts = r.sq[:0], r.at[:0], r.starts[:0]
	var before []byte
	for line := 0; line < len(r.clean); {
		end := line
		for end < len(r.clean) && r.clean[end] != '\n' {
			end++
		}
		text := r.clean[line:end]
		skip := lineMark(text)
		if startsMessage(text[skip:]) && !bytes.HasSuffix(bytes.TrimRight(before, " "), colon) || skip > 0 && !wrapped(before, text[skip:]) {
			r.starts = append(r.starts, int32(len(r.sq)))
		}
		before = text[skip:]
		for i := line + skip; i < end; i++ {
			if b := r.clean[i]; !squeezed(b) {
				r.sq = append(r.sq, lower(b))
				r.at = append(r.at, int32(i))
			}
		}
		line = end + 1
	}
}

var colon = []byte{':'}

// lineMark is the length of what a log or a mail puts before a line: a time
// stamp, a quotation mark.
func lineMark(s []byte) int {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] == '>' || s[i] == '|') {
		i++
	}
	quoted := i > 0 && (s[i-1] == '>' || s[i-1] == '|' || i > 1 && s[i-2] != ' ')
	if n := timeStamp(s[i:]); n > 0 {
		return i + n
	}
	if quoted {
		return i
	}
	return 0
}

// timeStamp is the length of a time stamp and the blank behind it:
// 2020-07-16T13:45:06.4463288Z, 2020-07-16 13:45:06,446, [13:45:06.446].
func timeStamp(s []byte) int {
	i := 0
	bracket := len(s) > 0 && s[0] == '['
	if bracket {
		i++
	}
	day := i
	if len(s) > i+10 && isDigit(s[i]) && s[i+4] == '-' && s[i+7] == '-' && (s[i+10] == 'T' || s[i+10] == ' ') {
		i += 11
	}
	if len(s) < i+9 || !isDigit(s[i]) || s[i+2] != ':' || s[i+5] != ':' {
		return 0
	}
	if i == day && !bracket {
		return 0
	}
	i += 8
	for i < len(s) && (isDigit(s[i]) || s[i] == '.' || s[i] == ',' || s[i] == ':' || s[i] == '+' || s[i] == 'Z') {
		i++
	}
	if bracket && i < len(s) && s[i] == ']' {
		i++
	}
	if i < len(s) && s[i] == ' ' {
		return i + 1
	}
	return 0
}

// wrapped reports whether a line of a log or a mail, without what stands before
// each of its lines, goes on with the line before: that one is long and ends in
// the middle of a sentence.
func wrapped(before, line []byte) bool {
	before = bytes.TrimRight(before, " ")
	if len(before) == 0 {
		return false
	}
	for _, b := range line {
		if b == ' ' {
			continue
		}
		if b == '(' {
			return true
		}
		break
	}
	switch before[len(before)-1] {
	case ':', ',', '(':
		return true
	case '.', '!', '?', '}', ';':
		return false
	}
	return len(before) >= 35
}

// beginnings of messages: what follows one on a new line is another message.
var beginnings = [...]string{
	"docker:", "docker.exe", "docker :", "dockerdo", "warning", "normal ", "failed to ", "time=", "level=", "[", "##[", "{\"", "unable to ", "ps ", "c:\\", "$ ",
	"step ", "---> ", "--->", "latest: ", "info", "fatal", "ctr:", "crictl", "message:", "reason:", "last state", "state:", "err:", "panic", "exception", "job ", "(http",
}

// startsMessage reports whether a line looks like the beginning of a message.
func startsMessage(s []byte) bool {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '"' || s[0] == '*' || s[0] == '`' || s[0] == '\'') {
		s = s[1:]
	}
	if len(s) < 3 {
		return false
	}
	// 2020-07-16…, 13:45:06…, E0530 11:42…
	if isDigit(s[0]) && isDigit(s[1]) && (s[2] == ':' && len(s) > 5 && isDigit(s[3]) && s[5] == ':' || len(s) > 7 && s[4] == '-' && s[7] == '-') {
		return true
	}
	if (s[0] == 'E' || s[0] == 'W' || s[0] == 'I' || s[0] == 'F') && len(s) > 6 && isDigit(s[1]) && isDigit(s[4]) && s[5] == ' ' {
		return true
	}
	// 33m   2m   11   kubelet, … of kubectl describe
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n > 0 && n+2 < len(s) && (s[n] == 's' || s[n] == 'm' || s[n] == 'h' || s[n] == 'd') && s[n+1] == ' ' && s[n+2] == ' ' {
		return true
	}
	if len(s) > 5 && (s[0] == 'E' || s[5] == ':') && equalFold(s[:5], "error") {
		return true
	}
	for _, b := range beginnings {
		if len(s) >= len(b) && equalFold(s[:len(b)], b) {
			return !bytes.HasPrefix(s, []byte("Failed to start Container.")) // the second line of Service Fabric's message
		}
	}
	return false
}

// equalFold compares with a lower-case ASCII text.
func equalFold(s []byte, low string) bool {
	for i := range len(low) {
		if lower(s[i]) != low[i] {
			return false
		}
	}
	return true
}
