package yamledit

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// indicator reports whether a byte ends a plain scalar inside [] or {}.
func indicator(c byte) bool {
	return c == ',' || c == '[' || c == ']' || c == '{' || c == '}'
}

// closes reports whether a byte ends an item inside [] or {}.
func closes(c byte) bool { return c == ',' || c == ']' || c == '}' }

// atom reads a scalar but for block scalars, an alias or a flow collection.
// indent is that of the parent: the lines that a plain scalar goes on in are
// indented further.
func (p *parser) atom(indent int) *Node {
	n := &Node{Start: p.pos, InFlow: p.flow > 0}
	if p.eof() {
		p.fail(p.pos, "a value is missing")
	}
	switch c := p.src[p.pos]; c {
	case '*':
		n.Kind, n.Value = Alias, p.name()
		n.Target = p.anchors[n.Value]
		if n.Target == nil {
			p.fail(n.Start, "an alias of an anchor that is not known: "+n.Value)
		}
	case '[':
		p.flowSequence(n)
	case '{':
		p.flowMapping(n)
	case '\'', '"':
		n.Style = SingleQuoted
		if c == '"' {
			n.Style = DoubleQuoted
		}
		p.quoted(n, c)
	default:
		p.plain(n, indent)
	}
	n.End = p.pos
	return n
}

// plain reads a scalar without quotes.
func (p *parser) plain(n *Node, indent int) {
	switch c := p.peek(0); c {
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		p.fail(p.pos, "a value cannot begin with "+strconv.QuoteRune(rune(c)))
	case '-', '?', ':':
		if next := p.peek(1); blankAt(next) || p.flow > 0 && (c != '-' || indicator(next)) {
			p.fail(p.pos, "a value cannot begin with "+strconv.QuoteRune(rune(c))+" here")
		}
	}
	var text strings.Builder
	end := p.plainLine(&text)
	for p.broken() && !p.eof() && (end == p.pos || blank(p.src[end:p.pos])) {
		breaks := p.moreLines(indent)
		if breaks == 0 {
			break
		}
		fold(&text, breaks)
		end = p.plainLine(&text)
		if p.colon() {
			p.fail(p.pos, "a key over more than a line")
		}
	}
	p.back(end)
	n.Value = text.String()
}

// back returns to an offset before pos, on whatever line that is.
func (p *parser) back(offset int) {
	p.pos = offset
	if offset < p.line {
		p.line = offset
		for p.line > 0 && p.src[p.line-1] != '\n' {
			p.line--
		}
		if p.line == 0 && strings.HasPrefix(string(p.src[:min(len(p.src), len(bom))]), bom) {
			p.line = len(bom)
		}
	}
}

// plainLine reads what a line has of a plain scalar, and returns where it ends,
// before the blanks that follow it.
func (p *parser) plainLine(text *strings.Builder) int {
	start, end := p.pos, p.pos
	for !p.broken() {
		c := p.peek(0)
		if c == ':' && (blankAt(p.peek(1)) || p.flow > 0 && closes(p.peek(1))) || c == '#' && blankAt(p.src[p.pos-1]) {
			break
		}
		if p.flow > 0 && indicator(c) {
			break
		}
		if p.flow > 0 && c == ':' && p.pos > start && (p.peek(1) == '[' || p.peek(1) == '{') {
			p.fail(p.pos, "no space behind a colon")
		}
		p.pos++
		if c != ' ' && c != '\t' {
			end = p.pos
		}
	}
	text.Write(p.src[start:end])
	if !p.broken() {
		p.pos = end
	}
	return end
}

// moreLines goes to the line that a plain scalar goes on in, and returns how
// many line breaks are between; 0 where it does not go on.
func (p *parser) moreLines(indent int) int {
	breaks := 0
	for p.broken() && !p.eof() {
		p.newline()
		breaks++
		for p.peek(0) == ' ' {
			p.pos++
		}
		if p.peek(0) == '\t' {
			if p.flow == 0 && p.column() <= indent {
				tab := p.pos
				if p.spaces(); !p.broken() {
					p.fail(tab, "a tab where only spaces may indent")
				}
			}
			p.spaces()
		}
	}
	if p.eof() || p.peek(0) == '#' || p.flow == 0 && p.column() <= indent {
		return 0
	}
	if p.atLineStart() {
		return 0
	}
	if p.flow > 0 && (indicator(p.peek(0)) || p.peek(0) == ':' && (blankAt(p.peek(1)) || indicator(p.peek(1)))) {
		return 0
	}
	return breaks
}

// atLineStart reports whether a document's mark is here.
func (p *parser) atLineStart() bool { return p.pos == p.line && p.mark() }

// fold writes what line breaks between two lines of text stand for.
func fold(text *strings.Builder, breaks int) {
	if breaks == 1 {
		text.WriteByte(' ')
	}
	for ; breaks > 1; breaks-- {
		text.WriteByte('\n')
	}
}

// quoted reads a scalar in quotes.
func (p *parser) quoted(n *Node, quote byte) {
	var text strings.Builder
	p.pos++
	for {
		if p.eof() {
			p.fail(n.Start, "a quote that is not closed")
		}
		switch c := p.src[p.pos]; {
		case c == quote && quote == '\'' && p.peek(1) == '\'':
			text.WriteByte('\'')
			p.pos += 2
		case c == quote:
			p.pos++
			n.Value = text.String()
			return
		case c == '\\' && quote == '"':
			p.escape(&text)
		case c == ' ' || c == '\t':
			start := p.pos
			if p.spaces(); !p.broken() {
				text.Write(p.src[start:p.pos])
			}
		case c == '\n' || c == '\r':
			fold(&text, p.quotedBreaks(n))
		default:
			text.WriteByte(c)
			p.pos++
		}
	}
}

// quotedBreaks goes over line breaks inside quotes and the blanks of the lines
// between, and returns how many breaks there were.
func (p *parser) quotedBreaks(n *Node) int {
	breaks := 0
	for p.broken() {
		if p.eof() {
			p.fail(n.Start, "a quote that is not closed")
		}
		p.newline()
		breaks++
		if p.mark() {
			p.fail(n.Start, "a quote that is not closed before the document ends")
		}
		p.spaces()
	}
	return breaks
}

// escape reads a backslash and what belongs to it.
func (p *parser) escape(text *strings.Builder) {
	start := p.pos
	p.pos++
	c := p.peek(0)
	if p.eof() {
		p.fail(start, "a quote that is not closed")
	}
	if p.broken() { // the line break is not there
		n := &Node{Start: start}
		for breaks := p.quotedBreaks(n); breaks > 1; breaks-- {
			text.WriteByte('\n')
		}
		return
	}
	p.pos++
	digits := 0
	switch c {
	case '0':
		text.WriteByte(0)
	case 'a':
		text.WriteByte('\a')
	case 'b':
		text.WriteByte('\b')
	case 't', '\t':
		text.WriteByte('\t')
	case 'n':
		text.WriteByte('\n')
	case 'v':
		text.WriteByte('\v')
	case 'f':
		text.WriteByte('\f')
	case 'r':
		text.WriteByte('\r')
	case 'e':
		text.WriteByte(0x1b)
	case ' ', '"', '/', '\\':
		text.WriteByte(c)
	case 'N':
		text.WriteString("\u0085")
	case '_':
		text.WriteString("\u00a0")
	case 'L':
		text.WriteString("\u2028")
	case 'P':
		text.WriteString("\u2029")
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		p.fail(start, "an escape that YAML does not know; in a Windows path write \\\\ or use single quotes")
	}
	if digits == 0 {
		return
	}
	hex := p.src[p.pos:min(p.pos+digits, len(p.src))]
	v, err := strconv.ParseUint(string(hex), 16, 32)
	if err != nil || len(hex) < digits || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		p.fail(start, "an escape without its hexadecimal digits")
	}
	text.WriteRune(rune(v))
	p.pos += digits
}

// blockScalar reads | or > and the lines below it. Their end is part of the
// node as far as it is part of the value.
func (p *parser) blockScalar(parent int) *Node {
	n := &Node{Start: p.pos, Style: Literal}
	if p.src[p.pos] == '>' {
		n.Style = Folded
	}
	p.pos++
	chomp, indent := byte(0), 0
	for c := p.peek(0); ; c = p.peek(0) {
		if chomp == 0 && (c == '+' || c == '-') {
			chomp = c
		} else if indent == 0 && c >= '1' && c <= '9' {
			indent = int(c-'0') + max(parent, 0)
		} else {
			break
		}
		p.pos++
	}
	header := p.pos
	if !p.comment() {
		p.fail(header, "text behind the beginning of a block scalar")
	}
	n.End = header
	p.newline()
	if indent == 0 {
		indent = p.detectIndent(parent)
	}

	var text strings.Builder
	breaks := 0    // line breaks that are not written yet
	first := true  // no line of text was seen
	spaced := true // the last line of text begins with a blank: it is not folded
	for !p.eof() {
		for p.column() < indent && p.peek(0) == ' ' {
			p.pos++
		}
		if p.peek(0) == '\t' && p.column() < indent {
			p.fail(p.pos, "a tab where only spaces may indent")
		}
		if p.broken() {
			if p.eof() && p.pos > p.line {
				p.fail(p.line, "blanks without a line ending behind a block")
			}
			if p.eof() {
				break
			}
			breaks++
			p.newline()
			continue
		}
		if p.column() < indent || p.mark() {
			break
		}
		now := p.peek(0) == ' ' || p.peek(0) == '\t'
		switch {
		case first, n.Style == Literal, spaced, now:
			text.WriteString(strings.Repeat("\n", breaks))
		default:
			fold(&text, breaks)
		}
		first, spaced, breaks = false, now, 0
		start := p.pos
		for !p.broken() {
			p.pos++
		}
		if p.eof() && blank(p.src[start:]) {
			p.fail(start, "blanks without a line ending behind a block")
		}
		text.Write(p.src[start:p.pos])
		n.End = p.pos
		if !p.eof() {
			breaks = 1
			p.newline()
		}
	}
	switch {
	case chomp == '+':
		text.WriteString(strings.Repeat("\n", breaks))
		n.End = max(n.End, p.line)
	case chomp == 0 && breaks > 0 && !first:
		text.WriteByte('\n')
	}
	if !p.eof() || p.line == len(p.src) {
		p.pos = p.line
	}
	n.Value = text.String()
	p.afterBlock()
	return n
}

// detectIndent finds the indentation of a block scalar: that of its first line
// with text.
func (p *parser) detectIndent(parent int) int {
	pos, line, deepest := p.pos, p.line, 0
	defer func() { p.pos, p.line = pos, line }()
	for !p.eof() {
		for p.peek(0) == ' ' {
			p.pos++
		}
		if !p.broken() {
			break
		}
		deepest = max(deepest, p.column())
		p.newline()
	}
	column := p.column()
	if p.eof() {
		column = deepest
	}
	if parent < 0 && column == 0 && !p.eof() && !p.mark() {
		p.fail(p.pos, "a block without indentation")
	}
	indent := max(column, parent+1, 1)
	if deepest > indent {
		p.fail(pos, "an empty line that is indented further than the text of its block")
	}
	if !p.eof() && p.peek(0) == '\t' && column < indent {
		p.fail(p.pos, "a tab where only spaces may indent")
	}
	return indent
}

// afterBlock goes to the next content behind a block scalar; its lines ended
// where a line begins.
func (p *parser) afterBlock() {
	p.settled = -1
	p.settle()
}
