package files

import (
	"strconv"
	"strings"
)

// operand is what an expression of a CI service comes to: a value where it is
// known. Unknown ones make conditions unknown, and nothing is said then.
type operand struct {
	value
	known bool
	as    truth // of one that is not known, but as a condition is
}

func textOperand(s string) operand {
	return operand{value: value{parts: []Part{{Text: s}}}, known: true}
}

// truth is what a condition comes to.
type truth int8

const (
	maybe truth = iota
	yes
	no
)

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return maybe
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// truth is an operand as a condition: the empty text and false are not true.
func (o operand) truth() truth {
	if !o.known {
		return o.as
	}
	switch o.text() {
	case "", "false", "False", "0":
		return no
	}
	return yes
}

func condition(t truth) operand {
	if t == maybe {
		return operand{}
	}
	return textOperand(strconv.FormatBool(t == yes))
}

// evaluate reads an expression of GitHub Actions or Azure Pipelines. lookup says
// what a name with dots is. Functions and operators that decide about runners
// are known; of others the result is not.
// https://docs.github.com/actions/reference/workflows-and-actions/expressions
// https://learn.microsoft.com/azure/devops/pipelines/process/expressions
func evaluate(text string, lookup func(name string) operand) operand {
	e := evaluation{rest: text, lookup: lookup}
	o := e.or()
	if e.space(); e.bad || e.rest != "" {
		return operand{}
	}
	return o
}

type evaluation struct {
	rest   string
	lookup func(string) operand
	bad    bool
	depth  int
}

func (e *evaluation) space() { e.rest = strings.TrimLeft(e.rest, " \t\r\n") }

// accept goes over a token, if it comes next.
func (e *evaluation) accept(token string) bool {
	e.space()
	ok := strings.HasPrefix(e.rest, token)
	if ok {
		e.rest = e.rest[len(token):]
	}
	return ok
}

func (e *evaluation) or() operand {
	a := e.and()
	for e.accept("||") {
		b := e.and()
		switch a.truth() {
		case no:
			a = b
		case maybe:
			a = operand{as: unless(b.truth(), yes)}
		}
	}
	return a
}

func (e *evaluation) and() operand {
	a := e.equal()
	for e.accept("&&") {
		b := e.equal()
		switch a.truth() {
		case yes:
			a = b
		case maybe:
			a = operand{as: unless(b.truth(), no)}
		}
	}
	return a
}

// unless is what stands for a condition beside one that is not known.
func unless(t, decides truth) truth {
	if t == decides {
		return t
	}
	return maybe
}

func (e *evaluation) equal() operand {
	a := e.unary()
	for {
		switch {
		case e.accept("=="):
			a = condition(same(a, e.unary()))
		case e.accept("!="):
			a = condition(same(a, e.unary()).not())
		default:
			e.space()
			if strings.HasPrefix(e.rest, "<") || strings.HasPrefix(e.rest, ">") {
				e.bad = true
			}
			return a
		}
	}
}

func same(a, b operand) truth {
	if !a.known || !b.known {
		return maybe
	}
	return truthOf(strings.EqualFold(a.text(), b.text()))
}

func (e *evaluation) unary() operand {
	if e.depth++; e.depth > 200 {
		e.bad, e.rest = true, ""
		return operand{}
	}
	defer func() { e.depth-- }()
	switch {
	case e.accept("!"):
		return condition(e.unary().truth().not())
	case e.accept("("):
		o := e.or()
		e.bad = e.bad || !e.accept(")")
		return o
	case e.accept("'"):
		return e.quoted()
	}
	n := 0
	for n < len(e.rest) && isName(e.rest[n:n+1], ".-*") {
		n++
	}
	name := e.rest[:n]
	if n == 0 {
		e.bad, e.rest = true, ""
		return operand{}
	}
	e.rest = e.rest[n:]
	for e.accept("[") {
		o := e.or()
		e.bad = e.bad || !e.accept("]") || !o.known
		name += "." + o.text()
		n = 0
		for n < len(e.rest) && isName(e.rest[n:n+1], ".-*") {
			n++
		}
		name += e.rest[:n]
		e.rest = e.rest[n:]
	}
	if e.accept("(") {
		return e.call(strings.ToLower(name))
	}
	if name[0] >= '0' && name[0] <= '9' || name == "true" || name == "false" {
		return textOperand(name)
	}
	return e.lookup(name)
}

// quoted reads a text behind its first quote.
func (e *evaluation) quoted() operand {
	var b strings.Builder
	for {
		inside, rest, ok := strings.Cut(e.rest, "'")
		if !ok {
			e.bad, e.rest = true, ""
			return operand{}
		}
		b.WriteString(inside)
		if e.rest = rest; !strings.HasPrefix(rest, "'") {
			return textOperand(b.String())
		}
		b.WriteByte('\'')
		e.rest = rest[1:]
	}
}

// call reads a function's arguments and says what it returns.
func (e *evaluation) call(name string) operand {
	var args []operand
	for !e.accept(")") {
		args = append(args, e.or())
		if !e.accept(",") && !strings.HasPrefix(e.rest, ")") || e.bad {
			e.bad, e.rest = true, ""
			return operand{}
		}
	}
	two := len(args) >= 2 && args[0].known && args[1].known
	lower := func(i int) string { return strings.ToLower(args[i].text()) }
	switch name {
	case "startswith":
		if two {
			return condition(truthOf(strings.HasPrefix(lower(0), lower(1))))
		}
	case "endswith":
		if two {
			return condition(truthOf(strings.HasSuffix(lower(0), lower(1))))
		}
	case "contains":
		if two {
			return condition(truthOf(strings.Contains(lower(0), lower(1))))
		}
	case "eq":
		if len(args) == 2 {
			return condition(same(args[0], args[1]))
		}
	case "ne":
		if len(args) == 2 {
			return condition(same(args[0], args[1]).not())
		}
	case "not":
		if len(args) == 1 {
			return condition(args[0].truth().not())
		}
	case "in":
		t := no
		for _, a := range args[min(1, len(args)):] {
			switch same(args[0], a) {
			case yes:
				return condition(yes)
			case maybe:
				t = maybe
			}
		}
		return condition(t)
	case "and":
		t := yes
		for _, a := range args {
			switch a.truth() {
			case no:
				return condition(no)
			case maybe:
				t = maybe
			}
		}
		return condition(t)
	case "or":
		t := no
		for _, a := range args {
			switch a.truth() {
			case yes:
				return condition(yes)
			case maybe:
				t = maybe
			}
		}
		return condition(t)
	case "success", "succeeded", "always", "succeededorfailed":
		return condition(yes)
	}
	return operand{}
}
