package files

import "strings"

// interpolate replaces the variables in a value of a Compose file: $NAME,
// ${NAME}, and ${NAME} with :-, -, :?, ?, :+ and + ; $$ is a dollar. env says
// what a variable is, ok is false where it is not set as far as is known. A
// value that depends on a variable which is not set, and has no default, is not
// known: it is set where docker compose runs.
// https://github.com/compose-spec/compose-go/blob/v2.16.2/template/template.go
func interpolate(text string, place func(from, to int) Span, env func(string) (string, bool)) value {
	p := interpolation{text: text, place: place, env: env}
	p.until(len(text))
	return p.out
}

type interpolation struct {
	text  string
	at    int
	place func(from, to int) Span
	env   func(string) (string, bool)
	out   value
}

func (p *interpolation) fail(why string) {
	if p.out.why == "" {
		p.out.why = why
	}
}

// take adds text as it stands.
func (p *interpolation) take(from, to int) {
	if from < to {
		p.out.parts = append(p.out.parts, Part{p.text[from:to], p.place(from, to)})
	}
}

// until reads text up to an offset.
func (p *interpolation) until(end int) {
	for p.at < end && p.out.why == "" {
		i := strings.IndexByte(p.text[p.at:end], '$')
		if i < 0 {
			p.take(p.at, end)
			p.at = end
			return
		}
		p.take(p.at, p.at+i)
		p.at += i + 1
		switch rest := p.text[p.at:end]; {
		case strings.HasPrefix(rest, "$"):
			p.out.parts = append(p.out.parts, Part{Text: "$"})
			p.at++
		case strings.HasPrefix(rest, "{"):
			p.braces(end)
		default:
			n := variableName(rest)
			if n == 0 { // a dollar alone is a dollar
				p.take(p.at-1, p.at)
				continue
			}
			p.variable(rest[:n])
			p.at += n
		}
	}
}

// variableName is the length of the variable's name that a text begins with.
func variableName(s string) int {
	n := 0
	for n < len(s) && isName(s[:n+1], "") && (s[0] < '0' || s[0] > '9') {
		n++
	}
	return n
}

func (p *interpolation) variable(name string) {
	v, ok := p.env(name)
	if !ok {
		p.fail("the variable " + name + " is not set here")
		return
	}
	if v != "" {
		p.out.parts = append(p.out.parts, Part{Text: v})
	}
}

// braces reads {NAME…} behind a dollar.
func (p *interpolation) braces(end int) {
	inside := p.at + 1
	n := variableName(p.text[inside:end])
	closing := closingBrace(p.text[:end], inside+n)
	if n == 0 || closing < 0 {
		p.fail("a ${ that is no variable")
		return
	}
	name, op := p.text[inside:inside+n], p.text[inside+n:closing]
	colon := strings.HasPrefix(op, ":")
	sign := strings.TrimPrefix(op, ":")
	v, set := p.env(name)
	set = set && (!colon || v != "")
	other := closing - len(sign) + 1 // where the text behind the sign begins
	switch {
	case op == "":
		p.variable(name)
	case sign == "" || !plainVariables(sign[1:]):
		p.fail("a ${ that is no variable")
	case sign[0] == '-' && !set:
		p.at = other
		p.until(closing)
	case sign[0] == '-', sign[0] == '?' && set:
		p.variable(name)
	case sign[0] == '?':
		p.fail("the variable " + name + " is not set here")
	case sign[0] == '+' && set:
		p.at = other
		p.until(closing)
	case sign[0] == '+':
		if v, known := p.env(name); !known || v != "" {
			p.fail("the variable " + name + " is not set here")
		}
	default:
		p.fail("a ${ that is no variable")
	}
	p.at = closing + 1
}

// plainVariables reports whether all that looks like a variable in a text is one.
// Of others compose-go makes different things, depending on what stands around.
func plainVariables(s string) bool {
	if strings.Contains(s, "$$") {
		return false
	}
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			return true
		}
		s = s[i+2:]
		n := variableName(s)
		rest := strings.TrimPrefix(s[n:], ":")
		if n == 0 || rest == "" || strings.IndexByte("-?+", rest[0]) < 0 && s[n] != '}' {
			return false
		}
	}
}

// closingBrace finds the brace that closes a variable whose name ends at an
// offset; -1 where it is not certain which one it is.
func closingBrace(s string, from int) int {
	depth := 1
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\n':
			return -1
		case '{':
			if s[i-1] != '$' {
				return -1
			}
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// dotenv reads the variables of a .env file that are plain to read. One whose
// value is not (a quote over several lines, an escape, another variable) is
// left out, and is not known then.
func dotenv(src []byte) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		line = strings.TrimSpace(strings.TrimPrefix(line, "export "))
		name, v, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || !isName(name, ".-") {
			continue
		}
		v = strings.TrimSpace(v)
		if q := v[:min(1, len(v))]; q == `"` || q == "'" {
			inside, rest, closed := strings.Cut(v[1:], q)
			rest = strings.TrimSpace(rest)
			if !closed || rest != "" && rest[0] != '#' || q == `"` && strings.ContainsAny(inside, `\$`) {
				delete(vars, name)
				continue
			}
			vars[name] = inside
			continue
		}
		if i := strings.Index(v, " #"); i >= 0 {
			v = strings.TrimSpace(v[:i])
		}
		if strings.HasPrefix(v, "#") {
			v = ""
		}
		if strings.ContainsAny(v, "$\\\"'") {
			delete(vars, name)
			continue
		}
		vars[name] = v
	}
	return vars
}
