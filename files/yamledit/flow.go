package yamledit

// flowSpace goes over blanks, comments and line breaks inside [] or {}.
func (p *parser) flowSpace(open int) {
	for {
		if !p.comment() {
			return
		}
		if p.eof() {
			p.fail(open, "a bracket that is not closed")
		}
		p.newline()
		if p.mark() {
			p.fail(open, "a bracket that is not closed before the document ends")
		}
	}
}

// flowColon reports whether a value's indicator comes next, behind a key.
func (p *parser) flowColon(key *Node) bool {
	if p.peek(0) != ':' || p.eof() {
		return false
	}
	c := p.peek(1)
	json := key.Kind != Scalar && key.Kind != Alias || key.Style == SingleQuoted || key.Style == DoubleQuoted
	return blankAt(c) || indicator(c) || json
}

// flowNode reads a node inside [] or {}.
func (p *parser) flowNode() *Node {
	p.enter()
	defer func() { p.depth-- }()
	props := p.properties()
	if props.any && (p.broken() || indicator(p.peek(0)) && p.peek(0) != '[' && p.peek(0) != '{' || p.peek(0) == ':') {
		if p.broken() {
			p.fail(props.begin, "a tag or an anchor on another line than its value")
		}
		return p.with(props, &Node{Start: props.end, End: props.end, InFlow: true})
	}
	return p.with(props, p.atom(0))
}

// flowValue reads the value behind a colon, which may be left out.
func (p *parser) flowValue(open int) *Node {
	p.pos++
	at := p.pos
	p.flowSpace(open)
	if c := p.peek(0); c == ',' || c == '}' || c == ']' {
		return &Node{Start: at, End: at, Begin: at, InFlow: true}
	}
	return p.flowNode()
}

// flowKey goes behind a key to its colon, if there is one.
func (p *parser) flowKey(key *Node, open int) bool {
	line := p.line
	p.flowSpace(open)
	if !p.flowColon(key) {
		return false
	}
	if p.line != line || key.Begin < p.line || p.pos-key.Begin > 1024 {
		p.fail(key.Begin, "a key over more than a line, or over 1,024 bytes")
	}
	return true
}

// more goes over the comma behind an item, or says that the bracket closes.
func (p *parser) more(open int, closing byte) bool {
	p.flowSpace(open)
	switch c := p.peek(0); c {
	case ',':
		p.pos++
		p.flowSpace(open)
		return p.peek(0) != closing
	case closing:
		return false
	}
	p.fail(p.pos, "a comma or "+string(closing)+" is missing")
	return false
}

func (p *parser) flowSequence(n *Node) {
	n.Kind, n.Style = Sequence, Flow
	p.flow++
	p.pos++
	p.flowSpace(n.Start)
	for more := p.peek(0) != ']'; more; more = p.more(n.Start, ']') {
		item := p.flowNode()
		if p.flowKey(item, n.Start) {
			value := p.flowValue(n.Start)
			item = &Node{Kind: Mapping, Style: Flow, Start: item.Begin, Begin: item.Begin, End: value.End, Content: []*Node{item, value}, InFlow: true, explicit: true}
		}
		n.Content = append(n.Content, item)
	}
	p.pos++
	p.flow--
}

func (p *parser) flowMapping(n *Node) {
	n.Kind, n.Style = Mapping, Flow
	p.flow++
	p.pos++
	p.flowSpace(n.Start)
	for more := p.peek(0) != '}'; more; more = p.more(n.Start, '}') {
		key := p.flowNode()
		value := &Node{Start: key.End, End: key.End, Begin: key.End, InFlow: true}
		if p.flowKey(key, n.Start) {
			value = p.flowValue(n.Start)
		}
		n.Content = append(n.Content, key, value)
	}
	p.pos++
	p.flow--
}
