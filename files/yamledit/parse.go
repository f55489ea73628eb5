package yamledit

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep collections may be nested.
const MaxDepth = 200

const bom = "\ufeff"

// Error says where a text is not YAML, or not YAML that this package reads.
type Error struct {
	Offset       int
	Line, Column int // from 1, as Position has them
	Reason       string
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Reason) }

// Parse reads the documents of a text. The error is an *Error; the text before
// it is not handed out.
func Parse(src []byte) (f *File, err error) {
	p := &parser{src: src, settled: -1}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			line, column := Position(src, r.offset)
			f, err = nil, &Error{Offset: r.offset, Line: line, Column: column, Reason: r.reason}
		default:
			panic(r)
		}
	}()
	f = &File{Src: src}
	p.characters()
	if bytes.HasPrefix(src, []byte(bom)) {
		f.bom = len(bom)
		p.pos, p.line = f.bom, f.bom
	}
	p.stream(f)
	return f, nil
}

// failure carries an error out of the parser's recursion.
type failure struct {
	offset int
	reason string
}

type parser struct {
	src     []byte
	pos     int // the next byte
	line    int // where its line begins, behind a byte order mark
	settled int // pos, where it is the first of its line but for spaces
	flow    int // how many [ and { are open
	depth   int
	anchors map[string]*Node // a nil Node: the anchor's node is not complete
}

func (p *parser) fail(offset int, reason string) {
	panic(failure{offset, reason})
}

// characters refuses what YAML does not allow, and line breaks that programs
// read differently.
func (p *parser) characters() {
	for i := 0; i < len(p.src); {
		c := p.src[i]
		switch {
		case c == '\r' && (i+1 == len(p.src) || p.src[i+1] != '\n'):
			p.fail(i, "a carriage return without a line feed")
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f:
			if c == 0 {
				p.fail(i, "a zero byte: the text is not UTF-8")
			}
			p.fail(i, "a control character")
		case c < utf8.RuneSelf:
			i++
			continue
		}
		if c < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(p.src[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			p.fail(i, "bytes that are not UTF-8")
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			p.fail(i, "a line break that only YAML 1.1 knows")
		case r == '\ufeff' && i > 0:
			p.fail(i, "a byte order mark inside the text")
		case r < 0xa0 || r == 0xfffe || r == 0xffff:
			p.fail(i, "a control character")
		}
		i += n
	}
}

func (p *parser) peek(n int) byte {
	if p.pos+n < len(p.src) {
		return p.src[p.pos+n]
	}
	return '\n'
}

func (p *parser) eof() bool   { return p.pos >= len(p.src) }
func (p *parser) column() int { return p.pos - p.line }

// fresh reports whether pos is the first of its line but for spaces.
func (p *parser) fresh() bool { return p.settled == p.pos }

func blankAt(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// broken reports whether the line ends here.
func (p *parser) broken() bool { c := p.peek(0); return c == '\n' || c == '\r' }

func (p *parser) spaces() {
	for c := p.peek(0); c == ' ' || c == '\t'; c = p.peek(0) {
		p.pos++
	}
}

// newline goes over a line ending, at which pos must be.
func (p *parser) newline() {
	if p.eof() {
		return
	}
	if p.src[p.pos] == '\r' {
		p.pos++
	}
	p.pos++
	p.line = p.pos
}

// comment goes over blanks and a comment up to the end of the line. Anything
// else stays, and false is returned.
func (p *parser) comment() bool {
	start := p.pos
	p.spaces()
	if p.peek(0) == '#' && !p.eof() && (p.pos > start || p.pos == p.line || blankAt(p.src[p.pos-1])) {
		for !p.broken() {
			p.pos++
		}
	}
	return p.broken()
}

// settle goes over the rest of a line, which must be empty or a comment, and
// over empty lines, to the first byte of the next content. Where it is there
// already it stays.
func (p *parser) settle() {
	if p.fresh() {
		return
	}
	for !p.eof() {
		if p.pos == p.line {
			for p.peek(0) == ' ' {
				p.pos++
			}
			if p.peek(0) == '\t' {
				tab := p.pos
				if p.spaces(); !p.broken() && p.peek(0) != '#' {
					p.fail(tab, "a tab where only spaces may indent")
				}
			}
			if !p.broken() && p.peek(0) != '#' {
				break
			}
		}
		if !p.comment() {
			p.fail(p.pos, "text behind the end of a value")
		}
		p.newline()
	}
	p.settled = p.pos
}

// mark reports whether a document's beginning or end stands here.
func (p *parser) mark() bool {
	return p.pos == p.line && (p.marker("---") || p.marker("..."))
}

func (p *parser) marker(m string) bool {
	return bytes.HasPrefix(p.src[p.pos:], []byte(m)) && blankAt(p.peek(3))
}

// stream reads all documents.
func (p *parser) stream(f *File) {
	for {
		p.settle()
		directives := false
		for p.pos == p.line && !p.eof() && p.peek(0) == '%' {
			directives = true
			for !p.broken() {
				p.pos++
			}
			p.settle()
		}
		begun := p.mark() && p.marker("---")
		if begun {
			p.pos += 3
		} else if directives {
			p.fail(p.pos, "directives without a document (---)")
		}
		p.anchors = map[string]*Node{}
		if p.eof() && !begun {
			return
		}
		if !begun && p.mark() { // "..." alone
			p.pos += 3
			continue
		}
		n := p.node(-1, false, false)
		p.settle()
		if n.Begin < n.End || !n.IsNull() {
			f.Docs = append(f.Docs, n)
		}
		ended := false
		for p.mark() && p.marker("...") {
			ended = true
			p.pos += 3
			p.settle()
		}
		if p.eof() {
			return
		}
		if !ended && !p.mark() {
			p.fail(p.pos, "content behind the end of the document: an indentation that fits nothing, or a key that is missing")
		}
	}
}

// inside reports whether the content at pos, the first of its line, belongs to
// a node whose parent is indented by indent. A sequence may stand below its key
// without further indentation.
func (p *parser) inside(indent int, value bool) bool {
	if p.eof() || p.mark() {
		return false
	}
	return p.column() > indent || value && p.column() == indent && p.dash()
}

func (p *parser) dash() bool { return p.peek(0) == '-' && blankAt(p.peek(1)) }

// node reads a block node whose parent is indented by indent, from behind its
// indicator or from the beginning of a line. compact: a collection may begin on
// the line of its indicator. value: the node is a mapping's.
func (p *parser) node(indent int, compact, value bool) *Node {
	p.enter()
	defer func() { p.depth-- }()
	at := p.pos
	if !p.fresh() {
		if p.comment() {
			p.settle()
		} else if compact && bytes.IndexByte(p.src[at:p.pos], '\t') >= 0 {
			p.fail(p.pos, "a tab where only spaces may indent")
		}
	}
	if p.fresh() && !p.inside(indent, value) {
		return &Node{Start: at, End: at, Begin: at}
	}
	return p.unit(indent, p.fresh() || compact, value)
}

func (p *parser) enter() {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.pos, fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
}

// unit reads a node that begins here. collection: a block collection may.
func (p *parser) unit(indent int, collection, value bool) *Node {
	begin, column := p.pos, p.column()
	props := p.properties()
	if props.any && p.comment() {
		end := props.end
		p.settle()
		if !p.inside(indent, value) {
			return p.with(props, &Node{Start: end, End: end})
		}
		n := p.unit(indent, true, value)
		if n.Kind == Alias || n.Anchor != "" || n.Tag != "" {
			p.fail(n.Begin, "two anchors or tags for one value")
		}
		return p.with(props, n)
	}
	switch c := p.peek(0); {
	case p.dash(), c == '?' && blankAt(p.peek(1)):
		if !collection || props.any {
			p.fail(p.pos, "a list or a key in a place where none may begin")
		}
		if c == '-' {
			return p.sequence(column)
		}
		return p.mapping(column, nil)
	case c == '|' || c == '>':
		return p.with(props, p.blockScalar(indent))
	}
	n := p.with(props, p.atom(indent))
	if !p.colon() {
		return n
	}
	if !collection {
		p.fail(p.pos, "a mapping in a place where none may begin")
	}
	p.implicit(n)
	return p.mapping(column, n).from(begin)
}

func (n *Node) from(begin int) *Node { n.Begin, n.Start = begin, begin; return n }

// implicit refuses keys over several lines, and over 1,024 bytes.
func (p *parser) implicit(key *Node) {
	if key.Begin < p.line || p.pos-key.Begin > 1024 {
		p.fail(key.Begin, "a key over more than a line, or over 1,024 bytes")
	}
}

// colon goes to the indicator of a value, if it comes next on this line.
func (p *parser) colon() bool {
	at := p.pos
	p.spaces()
	if p.peek(0) == ':' && !p.eof() && blankAt(p.peek(1)) {
		return true
	}
	p.pos = at
	return false
}

func (p *parser) sequence(column int) *Node {
	n := &Node{Kind: Sequence, Style: Block, Start: p.pos, Begin: p.pos, column: column}
	for {
		p.pos++
		item := p.node(column, true, false)
		n.Content = append(n.Content, item)
		n.End = item.End
		p.settle()
		if p.eof() || p.mark() || p.column() < column || p.column() == column && !p.dash() {
			return n
		}
		if p.column() > column {
			p.fail(p.pos, "an indentation that fits nothing before")
		}
	}
}

// mapping reads the entries at a column, from behind its first key or, without
// one, from the indicator of an explicit key.
func (p *parser) mapping(column int, key *Node) *Node {
	n := &Node{Kind: Mapping, Style: Block, Start: p.pos, Begin: p.pos, column: column}
	for {
		explicit := false
		if key == nil {
			if explicit = p.peek(0) == '?' && blankAt(p.peek(1)); explicit {
				key = p.explicitKey(column, n)
			} else {
				key = p.implicitKey()
			}
		}
		value := &Node{Start: key.End, End: key.End, Begin: key.End}
		if !p.eof() && p.peek(0) == ':' && blankAt(p.peek(1)) && (!explicit || p.column() == column) {
			p.pos++
			value = p.node(column, explicit, true)
		}
		n.Content = append(n.Content, key, value)
		n.End = value.End
		key = nil
		p.settle()
		if p.eof() || p.mark() || p.column() < column {
			return n
		}
		if p.column() > column {
			p.fail(p.pos, "an indentation that fits nothing before")
		}
		if p.dash() {
			p.fail(p.pos, "a list item among keys")
		}
	}
}

func (p *parser) explicitKey(column int, n *Node) *Node {
	n.explicit = true
	p.pos++
	key := p.node(column, true, true)
	p.settle()
	return key
}

func (p *parser) implicitKey() *Node {
	props := p.properties()
	if props.any && p.broken() {
		p.fail(p.pos, "a key is missing")
	}
	key := p.with(props, p.atom(-1))
	if !p.colon() {
		p.fail(key.Begin, "a key without a colon and a space behind it")
	}
	p.implicit(key)
	return key
}

type properties struct {
	any         bool
	begin, end  int
	anchor, tag string
}

// properties reads the tag and the anchor before a node, and the blanks behind.
func (p *parser) properties() properties {
	r := properties{begin: p.pos, end: p.pos}
	for !p.eof() {
		start := p.pos
		switch c := p.src[p.pos]; {
		case c == '&' && r.anchor == "":
			r.anchor = p.name()
			p.anchors[r.anchor] = nil
		case c == '!' && r.tag == "":
			r.tag = "!" + p.tag()
		case c == '&' || c == '!':
			p.fail(p.pos, "two anchors or tags for one value")
		default:
			return r
		}
		r.any, r.end = true, p.pos
		if !blankAt(p.peek(0)) && (p.flow == 0 || !closes(p.peek(0))) {
			p.fail(start, "no space behind an anchor or a tag")
		}
		p.spaces()
	}
	return r
}

// name reads the name of an anchor or an alias behind & or *.
func (p *parser) name() string {
	p.pos++
	start := p.pos
	for c := p.peek(0); c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'; c = p.peek(0) {
		p.pos++
	}
	if p.pos == start || !blankAt(p.peek(0)) && (p.flow == 0 || !closes(p.peek(0))) {
		p.fail(start, "the name of an anchor has letters, digits, - and _")
	}
	return string(p.src[start:p.pos])
}

// tag reads !name or !!name behind the first !. Tags by a handle of one's own, or
// in <>, are not read.
func (p *parser) tag() string {
	p.pos++
	start := p.pos
	if p.peek(0) == '!' {
		p.pos++
	}
	name := p.pos
	for c := p.peek(0); c >= '-' && c <= ':' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'; c = p.peek(0) {
		p.pos++
	}
	if p.pos == name {
		p.fail(start, "a tag without a name")
	}
	return string(p.src[start:p.pos])
}

// with gives a node its properties, and makes its anchor known.
func (p *parser) with(r properties, n *Node) *Node {
	if !r.any {
		n.Begin = n.Start
		return n
	}
	if n.Kind == Alias {
		p.fail(r.begin, "an alias has no anchor and no tag of its own")
	}
	n.Begin, n.Anchor, n.Tag = r.begin, r.anchor, r.tag
	if r.anchor != "" {
		p.anchors[r.anchor] = n
	}
	return n
}
