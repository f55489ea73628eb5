package files

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// blank reports whether instructions are split at a byte.
func blank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'
}

// cutWord returns the word that begins at byte from, blanks before it left out,
// and where the next one begins.
func cutWord(text []byte, from int) (word string, rest int) {
	end := len(bytes.TrimRightFunc(text, unicode.IsSpace))
	from += len(text[from:]) - len(bytes.TrimLeftFunc(text[from:], unicode.IsSpace))
	at := from
	for at < end && !blank(text[at]) {
		at++
	}
	rest = at
	for rest < end && blank(text[rest]) {
		rest++
	}
	return string(text[min(from, at):at]), rest
}

// blankWords are the words of a text from a byte on, split at blanks.
func blankWords(text []byte, from int) []Span {
	end := len(bytes.TrimRightFunc(text, unicode.IsSpace))
	var list []Span
	for at := from; at < end; {
		for at < end && (blank(text[at]) || at == from && unicode.IsSpace(rune(text[at]))) {
			at++
		}
		start := at
		for at < end && !blank(text[at]) {
			at++
		}
		if at > start {
			list = append(list, Span{start, at})
		}
	}
	return list
}

// flag is one --NAME=VALUE.
type flag struct {
	name, value string
	at          Span // of the value in the instruction's text
	plain       bool // the text there is the value: no quote, no escape
}

// flags reads the flags before an instruction's arguments, and returns where
// these begin.
func (d *dockerLines) flags(n *instruction, at int) ([]flag, int) {
	text := n.text
	var list []flag
	for {
		for at < len(text) && unicode.IsSpace(rune(text[at])) {
			at++
		}
		if at+1 >= len(text) || text[at] != '-' || text[at+1] != '-' {
			return list, at
		}
		start := at
		var word []byte
		var quote byte
		plain := true
		for ; at < len(text) && (quote != 0 || !unicode.IsSpace(rune(text[at]))); at++ {
			switch c := text[at]; {
			case quote != 0 && c == quote:
				quote = 0
			case quote == 0 && (c == '\'' || c == '"'):
				quote, plain = c, false
			case c == d.escape:
				if plain = false; at+1 < len(text) {
					at++
					word = append(word, text[at])
				}
			default:
				word = append(word, c)
			}
		}
		if string(word) == "--" {
			return list, at
		}
		name, v, _ := strings.Cut(string(word[min(2, len(word)):]), "=")
		f := flag{name: name, value: v, at: Span{start, at}, plain: plain}
		if plain {
			f.at.Start = at - len(v)
		}
		list = append(list, f)
	}
}

// quotedWords are the words of an ARG's arguments: blanks in quotes, and those
// that are escaped, are part of a word.
func quotedWords(text []byte, from int, escape byte) []Span {
	var list []Span
	for at := from; at < len(text); {
		if unicode.IsSpace(rune(text[at])) {
			at++
			continue
		}
		start := at
		var quote byte
		for ; at < len(text) && (quote != 0 || !unicode.IsSpace(rune(text[at]))); at++ {
			switch c := text[at]; {
			case c == escape && quote != '\'':
				at++
			case quote != 0 && c == quote:
				quote = 0
			case quote == 0 && (c == '\'' || c == '"'):
				quote = c
			}
		}
		at = min(at, len(text))
		list = append(list, Span{start, at})
	}
	return list
}

// jsonStrings reports whether a text is a list of strings in JSON.
func jsonStrings(text []byte) bool {
	var list []string
	return json.Unmarshal(text, &list) == nil
}

// value is a word after variables: what it is made of, or why that is not known.
type value struct {
	parts []Part
	why   string
	unset bool // a variable without a value: ${NAME:-default} takes the default
}

func (v value) text() string {
	if v.why != "" {
		return ""
	}
	var b strings.Builder
	for _, p := range v.parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// expand reads a word of an instruction: quotes, escapes and variables, as
// BuildKit's shell words are.
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/shell/lex.go
func expand(n *instruction, word Span, escape byte, args map[string]value) value {
	e := expander{text: n.text[:word.End], at: word.Start, escape: escape, args: args, place: n.span}
	e.until(0)
	return e.out
}

// expandText is expand for a text that stands nowhere.
func expandText(text string, escape byte, args map[string]value) value {
	e := expander{text: []byte(text), escape: escape, args: args,
		place: func(int, int) (Span, bool) { return Span{}, false }}
	e.until(0)
	return e.out
}

type expander struct {
	text   []byte
	at     int
	escape byte
	args   map[string]value
	place  func(from, to int) (Span, bool)
	out    value
}

// fail says that the word cannot be known; the first reason stays.
func (e *expander) fail(why string) {
	if e.out.why == "" {
		e.out.why = why
	}
}

// take adds the byte at i to the word.
func (e *expander) take(i int) {
	s, _ := e.place(i, i+1)
	p := &e.out.parts
	if k := len(*p) - 1; k >= 0 && !s.IsZero() && (*p)[k].At.End == s.Start && !(*p)[k].At.IsZero() {
		(*p)[k].Text += string(e.text[i : i+1])
		(*p)[k].At.End++
		return
	}
	*p = append(*p, Part{string(e.text[i : i+1]), s})
}

// until reads up to a byte that is not quoted, which it passes; 0 is the end.
func (e *expander) until(stop byte) {
	for e.at < len(e.text) {
		c := e.text[e.at]
		switch {
		case stop != 0 && c == stop:
			e.at++
			return
		case c == '$':
			e.dollar()
		case c == '\'':
			e.at++
			for e.at < len(e.text) && e.text[e.at] != '\'' {
				e.take(e.at)
				e.at++
			}
			e.close()
		case c == '"':
			e.double()
		case c == e.escape:
			if e.at++; e.at < len(e.text) {
				e.take(e.at)
				e.at++
			}
		default:
			e.take(e.at)
			e.at++
		}
	}
	if stop != 0 {
		e.fail("a brace does not end")
	}
}

// close passes the end of a quote.
func (e *expander) close() {
	if e.at >= len(e.text) {
		e.fail("a quote does not end")
		return
	}
	e.at++
}

func (e *expander) double() {
	for e.at++; e.at < len(e.text) && e.text[e.at] != '"'; {
		switch c := e.text[e.at]; {
		case c == '$':
			e.dollar()
		case c == e.escape:
			if e.at+1 == len(e.text) {
				e.at++
				break
			}
			if d := e.text[e.at+1]; d == '"' || d == '$' || d == e.escape {
				e.at++
			}
			e.take(e.at)
			e.at++
		default:
			e.take(e.at)
			e.at++
		}
	}
	e.close()
}

// dollar reads $NAME, ${NAME} and ${NAME:-WORD} with one of - + ?.
func (e *expander) dollar() {
	start := e.at
	e.at++
	if e.at >= len(e.text) || e.text[e.at] != '{' {
		if name := e.name(); name != "" {
			e.put(e.lookup(name))
		} else {
			e.take(start)
		}
		return
	}
	e.at++
	if e.at >= len(e.text) || e.text[e.at] == '{' || e.text[e.at] == '}' || e.text[e.at] == ':' {
		e.fail("${} without a name")
		return
	}
	v := e.lookup(e.name())
	if e.at >= len(e.text) {
		e.fail("a brace does not end")
		return
	}
	c := e.text[e.at]
	e.at++
	null := c == ':'
	if null {
		if e.at >= len(e.text) {
			e.fail("a brace does not end")
			return
		}
		c = e.text[e.at]
		e.at++
	}
	switch c {
	case '}':
		if null {
			e.fail("an empty modifier in ${}")
			return
		}
		e.put(v)
	case '-', '+', '?':
		outer := e.out
		e.out = value{}
		e.until('}')
		word := e.out
		e.out = outer
		empty := v.unset || null && v.why == "" && v.text() == ""
		switch {
		case v.why != "" && !v.unset:
			e.put(v)
		case c == '-' && empty, c == '+' && !empty:
			e.put(word)
		case c == '+':
		case c == '?' && empty:
			e.fail("a variable that must be given")
		default:
			e.put(v)
		}
	default:
		e.fail("a pattern in ${}")
	}
}

// put adds the parts of a value.
func (e *expander) put(v value) {
	if v.why != "" {
		e.fail(v.why)
		return
	}
	e.out.parts = append(e.out.parts, v.parts...)
}

// lookup is the value of a variable.
func (e *expander) lookup(name string) value {
	if v, ok := e.args[name]; ok {
		return v
	}
	switch name {
	case "BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
		"TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE":
		return value{why: name + " is the builder's to say"}
	}
	return value{why: "there is no ARG " + name + " before the first FROM", unset: true}
}

// name reads the name of a variable: letters, digits and _, digits alone, or one
// special character.
func (e *expander) name() string {
	start := e.at
	digits := e.at < len(e.text) && isDigit(e.text[e.at])
	for e.at < len(e.text) {
		c := e.text[e.at]
		if e.at == start && strings.IndexByte("@*#?-$!", c) >= 0 {
			e.at++
			break
		}
		if digits && !isDigit(c) || !isDigit(c) && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		e.at++
	}
	return string(e.text[start:e.at])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
