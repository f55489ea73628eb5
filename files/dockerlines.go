package files

import (
	"bytes"
	"strings"
	"unicode"
)

// This file reads a Dockerfile's instructions as BuildKit does; that it does is
// held by a test and a fuzz target that run both.
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/parser/parser.go

// instruction is one instruction of a Dockerfile: its lines joined, and where
// each byte of them stands in the file.
type instruction struct {
	text   []byte // without comments, continuations and line ends
	pieces []piece
	start  int // of its first line in the file
}

// piece says that the text from at on stands in the file from src on.
type piece struct{ at, src int }

// offset is where byte i of the text stands in the file.
func (n *instruction) offset(i int) int {
	for k := len(n.pieces) - 1; k > 0; k-- {
		if n.pieces[k].at <= i {
			return n.pieces[k].src + i - n.pieces[k].at
		}
	}
	return n.pieces[0].src + i - n.pieces[0].at
}

// span is where text[from:to] stands in the file; ok is false where it does not
// stand there in one piece.
func (n *instruction) span(from, to int) (s Span, ok bool) {
	if from >= to {
		return s, false
	}
	s = Span{n.offset(from), n.offset(to-1) + 1}
	return s, s.End-s.Start == to-from
}

// dockerLines goes through the lines of a Dockerfile.
type dockerLines struct {
	in     *Input
	at     int // of the next line
	escape byte
	seen   map[string]bool // directives
	header bool            // directives may still come
	buf    []byte
}

func newDockerLines(in *Input) *dockerLines {
	d := &dockerLines{in: in, escape: '\\', header: true}
	if bytes.HasPrefix(in.Src, bom) {
		d.at = len(bom)
	}
	return d
}

// line returns the next line without its end, and where it starts.
func (d *dockerLines) line() (line []byte, start int, ok bool) {
	src := d.in.Src
	if d.at >= len(src) {
		return nil, d.at, false
	}
	start = d.at
	end := len(src)
	if i := bytes.IndexByte(src[start:], '\n'); i >= 0 {
		end = start + i + 1
	}
	d.at = end
	return bytes.TrimRight(src[start:end], "\r\n"), start, true
}

// next returns the next instruction. It is valid until the call after.
func (d *dockerLines) next() (*instruction, error) {
	for {
		line, start, ok := d.line()
		if !ok {
			return nil, nil
		}
		trimmed := bytes.TrimLeftFunc(line, unicode.IsSpace)
		if d.header {
			if err := d.directive(trimmed, start); err != nil {
				return nil, err
			}
		}
		if isComment(trimmed) {
			continue
		}
		n := &instruction{start: start, pieces: []piece{{0, start + len(line) - len(trimmed)}}}
		text, more := d.continued(trimmed)
		if !more && len(text) == 0 {
			continue
		}
		if more {
			d.buf = append(d.buf[:0], text...)
			for more {
				line, start, ok = d.line()
				if !ok {
					break
				}
				if isComment(line) || len(bytes.TrimLeftFunc(line, unicode.IsSpace)) == 0 {
					continue
				}
				text, more = d.continued(line)
				n.pieces = append(n.pieces, piece{len(d.buf), start})
				d.buf = append(d.buf, text...)
			}
			text = d.buf
		}
		n.text = text
		return n, nil
	}
}

func isComment(line []byte) bool {
	line = bytes.TrimLeftFunc(line, unicode.IsSpace)
	return len(line) > 0 && line[0] == '#'
}

// directive reads # escape=, # syntax= and # check=, which may stand before
// anything else, each of them once.
func (d *dockerLines) directive(line []byte, start int) error {
	d.header = false
	rest, ok := bytes.CutPrefix(line, []byte("#"))
	if !ok {
		return nil
	}
	rest = bytes.TrimLeftFunc(rest, unicode.IsSpace)
	key, value, ok := bytes.Cut(rest, []byte("="))
	name := strings.ToLower(string(bytes.TrimRight(key, "\t\n\f\r ")))
	value = bytes.Trim(value, "\t\n\f\r ")
	if !ok || len(value) == 0 || name != "escape" && name != "syntax" && name != "check" {
		return nil
	}
	if d.seen[name] {
		return errorAt(d.in, start, "a second directive %s: there may be one", name)
	}
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	d.seen[name], d.header = true, true
	if name == "escape" {
		if len(value) != 1 || value[0] != '`' && value[0] != '\\' {
			return errorAt(d.in, start, "escape=%s: want ` or \\", value)
		}
		d.escape = value[0]
	}
	return nil
}

// continued cuts a continuation off the end of a line: an escape character,
// before blanks, that no other stands before.
func (d *dockerLines) continued(line []byte) (text []byte, more bool) {
	cut := bytes.TrimRight(line, " \t")
	n := len(cut)
	if n == 0 || cut[n-1] != d.escape || n > 1 && cut[n-2] == d.escape {
		return line, false
	}
	return cut[:n-1], true
}

// skipHeredocs skips the here-documents of an instruction.
func (d *dockerLines) skipHeredocs(n *instruction) error {
	if !bytes.Contains(n.text, []byte("<<")) {
		return nil
	}
	for _, h := range heredocs(string(n.text)) {
		for {
			line, _, ok := d.line()
			if !ok {
				return errorAt(d.in, n.start, "the here-document %s does not end", h.name)
			}
			if h.chomp {
				line = bytes.TrimLeft(line, "\t")
			}
			if string(line) == h.name {
				break
			}
		}
	}
	return nil
}

type heredoc struct {
	name  string
	chomp bool // leading tabs do not count: <<-
}

// heredocs are those that a line begins.
func heredocs(line string) []heredoc {
	var list []heredoc
	for _, w := range rawWords(line) {
		w = strings.TrimLeft(w, "0123456789")
		w, ok := strings.CutPrefix(w, "<<")
		if !ok {
			continue
		}
		var h heredoc
		w, h.chomp = strings.CutPrefix(w, "-")
		w = strings.TrimLeft(w, "\t\n\f\r ")
		if w == "" || strings.Contains(w, "<") {
			continue
		}
		if h.name, ok = unquote(w); ok && h.name != "" {
			list = append(list, h)
		}
	}
	return list
}

// rawWords splits a line at blanks outside of quotes and variables, as a shell
// does, quotes and escapes kept; nil where a quote or a brace does not end.
func rawWords(line string) []string {
	var words []string
	var word []byte
	flush := func() {
		if len(word) > 0 {
			words = append(words, string(word))
			word = word[:0]
		}
	}
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == '\'' || c == '"':
			end := quoteEnd(line, i)
			if end < 0 {
				return nil
			}
			word = append(word, line[i:end]...)
			i = end
		case c == '\\':
			word = append(word, line[i:min(i+2, len(line))]...)
			i += 2
		case strings.HasPrefix(line[i:], "<<"):
			word = append(word, "<<"...)
			for i += 2; i < len(line) && (line[i] == ' ' || line[i] == '\t'); i++ {
				word = append(word, line[i])
			}
		default:
			r := []rune(line[i:min(i+4, len(line))])[0]
			size := len(string(r))
			if unicode.IsSpace(r) {
				flush()
			} else {
				word = append(word, line[i:i+size]...)
			}
			i += size
		}
	}
	flush()
	return words
}

// quoteEnd returns where the quote that begins at i ends, -1 where it does not.
func quoteEnd(s string, i int) int {
	for k := i + 1; k < len(s); k++ {
		switch {
		case s[k] == s[i]:
			return k + 1
		case s[k] == '\\' && s[i] == '"':
			k++
		}
	}
	return -1
}

// unquote takes quotes and escapes off a word.
func unquote(w string) (string, bool) {
	var b []byte
	for i := 0; i < len(w); i++ {
		switch c := w[i]; c {
		case '\'', '"':
			end := quoteEnd(w, i)
			if end < 0 {
				return "", false
			}
			inner := w[i+1 : end-1]
			if c == '"' {
				for k := 0; k < len(inner); k++ {
					if inner[k] == '\\' && k+1 < len(inner) && strings.IndexByte(`"$\`, inner[k+1]) >= 0 {
						k++
					}
					b = append(b, inner[k])
				}
			} else {
				b = append(b, inner...)
			}
			i = end - 1
		case '\\':
			if i++; i < len(w) {
				b = append(b, w[i])
			}
		case ' ', '\t':
			return "", false // several words
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}
