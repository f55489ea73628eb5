package files

import (
	"path"
	"strings"
)

// shell is a language of scripts.
type shell uint8

const (
	noShell shell = iota // one that is not read: python, node
	posix
	powerShell
	cmdShell
)

// shellOf reads the name of a shell as CI services give it: "pwsh",
// "bash -e {0}", "C:\…\powershell.exe". "" is unset.
func shellOf(name, unset string) shell {
	if name == "" {
		name = unset
	}
	name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
	name = strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/"))), ".exe")
	switch name {
	case "bash", "sh", "dash", "zsh", "ash":
		return posix
	case "pwsh", "powershell":
		return powerShell
	case "cmd":
		return cmdShell
	}
	return noShell
}

// fragment is a part of a word: text that is known, or what stands for text.
type fragment struct {
	kind fragmentKind
	text string // of literals the text, of the others the name or the expression
	at   Span   // in the script; of literals exactly that text, else zero
}

type fragmentKind uint8

const (
	literal    fragmentKind = iota
	expression              // ${{ TEXT }}
	macro                   // $(TEXT) of Azure Pipelines
	variable                // $TEXT, ${TEXT}, $env:TEXT, %TEXT%
	unsure                  // anything else: a substitution, an array
)

// word is a word of a command, after the shell's quotes and escapes.
type word []fragment

// known returns a word that is literal, ok is false for others.
func (w word) known() (text string, ok bool) {
	if len(w) == 1 && w[0].kind == literal {
		return w[0].text, true
	}
	var b strings.Builder
	for _, p := range w {
		if p.kind != literal {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), len(w) > 0
}

// begins reports whether the first fragment of a word is literal and begins so.
func (w word) begins(prefix string) bool {
	return len(w) > 0 && w[0].kind == literal && strings.HasPrefix(w[0].text, prefix)
}

// cut returns what follows the first n bytes of a word, which are literal.
func (w word) cut(n int) word {
	rest := append(word(nil), w...)
	for len(rest) > 0 && n >= len(rest[0].text) && rest[0].kind == literal {
		n -= len(rest[0].text)
		rest = rest[1:]
	}
	if n > 0 && len(rest) > 0 {
		p := &rest[0]
		p.text = p.text[n:]
		if !p.at.IsZero() {
			p.at.Start += n
		}
	}
	return rest
}

// Bounds on scripts.
const (
	maxNesting    = 50   // blocks in blocks
	maxExpression = 1000 // bytes of what a CI service replaces
)

// upTo returns a text up to an end, which must come soon.
func upTo(s, end string) (inside string, ok bool) {
	inside, _, ok = strings.Cut(s[:min(len(s), maxExpression)], end)
	return inside, ok
}

// commands are the commands of a script, each a list of words, those inside of
// blocks and substitutions too. macros: $(NAME) is a variable of Azure
// Pipelines, replaced before the shell sees it.
func commands(script string, sh shell, macros bool) [][]word {
	if sh == noShell {
		return nil
	}
	l := &lexer{src: script, shell: sh, macros: macros}
	for l.pos < len(l.src) {
		l.list(0)
		l.pos++ // a bracket that closes nothing
	}
	return l.found
}

type lexer struct {
	src    string
	pos    int
	shell  shell
	macros bool
	depth  int
	found  [][]word

	words   []word
	current word
	begun   bool     // a word has begun, if only by a quote
	run     Span     // literal bytes not yet in current
	heres   []string // here-documents whose text comes after the line
}

func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) follows(s string) bool { return strings.HasPrefix(l.src[l.pos:], s) }

// list reads commands up to a closing bracket, at which it stops; 0: any.
func (l *lexer) list(closing byte) {
	l.depth++
	words, current, begun := l.words, l.current, l.begun
	l.words, l.current, l.begun = nil, nil, false
	for l.pos < len(l.src) && l.step(closing) {
	}
	l.endCommand()
	l.words, l.current, l.begun = words, current, begun
	l.depth--
}

// step reads what comes next; false: the list ends here.
func (l *lexer) step(closing byte) bool {
	c := l.at(0)
	if l.newline() {
		return true
	}
	if l.comment() || l.continued() {
		return true
	}
	if !l.begun && l.hereString() {
		return true
	}
	if l.follows("${{") || l.macros && l.follows("$(") || c == '$' && l.shell != cmdShell {
		l.dollar()
		return true
	}
	switch c {
	case ' ', '\t':
		l.endWord()
		l.pos++
		return true
	case ';':
		if l.shell != cmdShell {
			l.separator(1)
			return true
		}
	case '&', '|':
		if c == '&' && l.shell == powerShell && len(l.words) == 0 && !l.begun && l.at(1) != '&' {
			l.pos++ // the call operator
			return true
		}
		if c == '&' && l.pos > 0 && l.src[l.pos-1] == '>' { // 2>&1
			l.literal(1)
			return true
		}
		l.separator(1)
		return true
	case ')':
		if closing == ')' || closing == 0 && l.shell != cmdShell {
			return false
		}
		if closing != 0 && l.shell != cmdShell {
			return false
		}
	case '}':
		if closing == '}' || closing == 0 && l.shell == powerShell {
			return false
		}
	case '(':
		if l.shell != cmdShell || len(l.words) == 0 && !l.begun || !l.begun && l.isIf() {
			l.block(')')
			return true
		}
	case '{':
		if l.shell == powerShell {
			l.block('}')
			return true
		}
	case '`':
		if l.shell == posix {
			l.backquotes()
			return true
		}
	case '\'':
		if l.shell != cmdShell {
			l.single()
			return true
		}
	case '"':
		l.double()
		return true
	case '<':
		if l.shell == posix && l.hereDocument() {
			return true
		}
	case '%':
		if l.shell == cmdShell && l.percent() {
			return true
		}
	}
	if n := l.escape(); n > 0 {
		l.flush()
		l.pos += n
		if l.shell == cmdShell && l.at(0) == ' ' {
			return true
		}
		l.literal(1)
		return true
	}
	if c == '@' && !l.begun && l.shell == powerShell {
		l.add(fragment{kind: unsure}) // splatting
	}
	l.literal(1)
	return true
}

func (l *lexer) isIf() bool {
	first, _ := l.words[0].known()
	switch strings.ToLower(first) {
	case "if", "for", "else", "do":
		return true
	}
	return false
}

// literal takes n bytes as they are.
func (l *lexer) literal(n int) {
	if l.run.End != l.pos || l.run.Start == l.run.End {
		l.flush()
		l.run = Span{l.pos, l.pos}
	}
	n = min(n, len(l.src)-l.pos)
	l.pos += n
	l.run.End = l.pos
	l.begun = true
}

func (l *lexer) flush() {
	if l.run.End > l.run.Start {
		l.current = append(l.current, fragment{literal, l.src[l.run.Start:l.run.End], l.run})
	}
	l.run = Span{}
}

func (l *lexer) add(p fragment) {
	l.flush()
	l.current = append(l.current, p)
	l.begun = true
}

func (l *lexer) endWord() {
	l.flush()
	if l.begun {
		l.words = append(l.words, l.current)
	}
	l.current, l.begun = nil, false
}

func (l *lexer) endCommand() {
	l.endWord()
	if len(l.words) > 0 {
		l.found = append(l.found, l.words)
	}
	l.words = nil
}

func (l *lexer) separator(n int) {
	l.endCommand()
	l.pos += n
}

// newline ends a command, and goes over the here-documents that begin below.
func (l *lexer) newline() bool {
	switch {
	case l.at(0) == '\n':
		l.separator(1)
	case l.follows("\r\n"):
		l.separator(2)
	default:
		return false
	}
	for _, end := range l.heres {
		for l.pos < len(l.src) {
			text, _, more := strings.Cut(l.src[l.pos:], "\n")
			l.pos += len(text)
			if more {
				l.pos++
			}
			if strings.Trim(text, " \t\r") == end {
				break
			}
		}
	}
	l.heres = nil
	return true
}

// continued goes over the end of a line that the shell does not see.
func (l *lexer) continued() bool {
	n := l.escape()
	switch {
	case n == 0:
		return false
	case l.at(n) == '\n':
		n++
	case l.at(n) == '\r' && l.at(n+1) == '\n':
		n += 2
	default:
		return false
	}
	l.flush()
	l.pos += n
	return true
}

// escape is the length of the escape character here, 0 where there is none.
func (l *lexer) escape() int {
	c := l.at(0)
	if l.pos+1 < len(l.src) && (l.shell == posix && c == '\\' || l.shell == powerShell && c == '`' || l.shell == cmdShell && c == '^') {
		return 1
	}
	return 0
}

// comment goes over a comment, but for the end of its line.
func (l *lexer) comment() bool {
	if l.begun {
		return false
	}
	switch rest := l.src[l.pos:]; {
	case l.shell == powerShell && strings.HasPrefix(rest, "<#"):
		end := strings.Index(rest, "#>")
		if end < 0 {
			end = len(rest) - 2
		}
		l.pos += end + 2
		return true
	case l.shell == cmdShell && len(l.words) == 0:
		if rest = strings.TrimPrefix(rest, "@"); !strings.HasPrefix(rest, "::") && (len(rest) < 4 || !strings.EqualFold(rest[:3], "rem") || rest[3] != ' ' && rest[3] != '\t') {
			return false
		}
	case l.shell == cmdShell || rest[0] != '#':
		return false
	}
	for l.pos < len(l.src) && l.src[l.pos] != '\n' {
		l.pos++
	}
	return true
}

// block reads commands in brackets; to the command around them they are a word
// that is not known.
func (l *lexer) block(closing byte) {
	l.pos++
	if l.depth >= maxNesting {
		l.pos = len(l.src)
		return
	}
	l.add(fragment{kind: unsure})
	l.list(closing)
	l.pos++
}

// dollar reads a variable, an expression or a substitution.
func (l *lexer) dollar() {
	rest := l.src[l.pos:]
	if strings.HasPrefix(rest, "${{") {
		if inside, ok := upTo(rest[3:], "}}"); ok {
			l.add(fragment{kind: expression, text: strings.TrimSpace(inside)})
			l.pos += len(inside) + 5
			return
		}
	}
	if l.macros && strings.HasPrefix(rest, "$(") {
		if inside, ok := upTo(rest[2:], ")"); ok && isName(inside, "._-") {
			l.add(fragment{kind: macro, text: inside})
			l.pos += len(inside) + 3
			return
		}
	}
	if l.shell == cmdShell {
		l.literal(1)
		return
	}
	if strings.HasPrefix(rest, "$(") {
		l.pos++
		l.block(')')
		return
	}
	name, n := rest[1:], 1
	braces := strings.HasPrefix(name, "{")
	if braces {
		inside, ok := upTo(name[1:], "}")
		if !ok {
			l.literal(1)
			return
		}
		name, n = inside, len(inside)+3
	}
	if l.shell == powerShell {
		if len(name) >= 4 && strings.EqualFold(name[:4], "env:") {
			name = name[4:]
			if !braces {
				n += 4
			}
		} else if !braces && isName(name[:min(1, len(name))], "") || braces {
			l.add(fragment{kind: unsure}) // a variable of the script
			l.pos += n
			for !braces && l.pos < len(l.src) && isName(l.src[l.pos:l.pos+1], ":") {
				l.pos++
			}
			return
		}
	}
	if !braces {
		end := 0
		for end < len(name) && isName(name[:end+1], "") {
			end++
		}
		name = name[:end]
		n += end
	}
	switch {
	case isName(name, ""):
		l.add(fragment{kind: variable, text: name})
	case n == 1:
		l.literal(1)
		return
	default:
		l.add(fragment{kind: unsure})
	}
	l.pos += n
}

// isName reports whether a text is made of letters, digits, _ and what more
// says.
func isName(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return s != ""
}

// percent reads %NAME% of cmd.
func (l *lexer) percent() bool {
	inside, ok := upTo(l.src[l.pos+1:], "%")
	if !ok || !isName(inside, "") {
		return false
	}
	l.add(fragment{kind: variable, text: inside})
	l.pos += len(inside) + 2
	return true
}

func (l *lexer) single() {
	l.flush()
	l.begun = true
	for l.pos++; l.pos < len(l.src); {
		if l.at(0) != '\'' {
			if l.follows("${{") || l.macros && l.follows("$(") {
				l.dollarIn()
				continue
			}
			l.literal(1)
			continue
		}
		l.flush()
		l.pos++
		if l.shell != powerShell || l.at(0) != '\'' {
			return
		}
		l.literal(1)
	}
}

// dollarIn reads what a CI service replaces inside of single quotes.
func (l *lexer) dollarIn() {
	before := l.pos
	if _, ok := upTo(l.src[l.pos:], "}}"); ok && l.follows("${{") {
		l.dollar()
	} else if inside, ok := upTo(l.src[l.pos:], ")"); ok && isName(inside[min(2, len(inside)):], "._-") {
		l.dollar()
	}
	if l.pos == before {
		l.literal(1)
	}
}

func (l *lexer) double() {
	l.flush()
	l.begun = true
	for l.pos++; l.pos < len(l.src); {
		c := l.at(0)
		switch {
		case c == '"' && l.shell == powerShell && l.at(1) == '"':
			l.flush()
			l.pos++
			l.literal(1)
		case c == '"':
			l.flush()
			l.pos++
			return
		case c == '\n' && l.shell == cmdShell: // a quote ends with its line
			l.flush()
			return
		case l.follows("${{") || c == '$' && l.shell != cmdShell || l.macros && l.follows("$("):
			l.dollar()
		case c == '%' && l.shell == cmdShell && l.percent():
		case l.continued():
		case c == '`' && l.shell == posix:
			l.backquotes()
		case l.escape() > 0 && l.shell != cmdShell && (l.shell == powerShell || strings.IndexByte("$`\"\\", l.at(1)) >= 0):
			l.flush()
			l.pos++
			l.literal(1)
		default:
			l.literal(1)
		}
	}
}

// backquotes reads a command inside of them.
func (l *lexer) backquotes() {
	l.add(fragment{kind: unsure})
	inside, _, ok := strings.Cut(l.src[l.pos+1:], "`")
	if !ok || l.depth >= maxNesting {
		l.pos = len(l.src)
		return
	}
	inner := &lexer{src: l.src[:l.pos+1+len(inside)], pos: l.pos + 1, shell: l.shell, macros: l.macros, depth: l.depth}
	inner.list(0)
	l.found = append(l.found, inner.found...)
	l.pos += len(inside) + 2
}

// hereDocument notes a here-document, whose text comes after the line.
func (l *lexer) hereDocument() bool {
	rest := l.src[l.pos:]
	if !strings.HasPrefix(rest, "<<") || strings.HasPrefix(rest, "<<<") {
		return false
	}
	n := 2
	if strings.HasPrefix(rest[n:], "-") {
		n++
	}
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '\t') {
		n++
	}
	end := n
	for end < len(rest) && strings.IndexByte(" \t\r\n;|&<>)", rest[end]) < 0 {
		end++
	}
	l.endWord()
	l.heres = append(l.heres, strings.Trim(rest[n:end], `'"\`))
	l.pos += end
	return true
}

// hereString goes over a here-string of PowerShell.
func (l *lexer) hereString() bool {
	if l.shell != powerShell || !l.follows("@'") && !l.follows(`@"`) {
		return false
	}
	rest := l.src[l.pos:]
	if c := strings.TrimLeft(rest[2:], " \t\r"); !strings.HasPrefix(c, "\n") {
		return false
	}
	end := strings.Index(rest, "\n"+rest[1:2]+"@")
	if end < 0 {
		end = len(rest) - 3
	}
	l.add(fragment{kind: unsure})
	l.pos += end + 3
	return true
}
