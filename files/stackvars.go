package files

import (
	"fmt"
	"strings"
)

// substitute replaces the variables in a value of a stack file, as docker stack
// deploy does, which differs from docker compose: there are no nested defaults,
// no ${NAME:+…}, and a default without braces ($NAME-x) reaches to the next
// closing brace. env says what a variable is; unset is called for each that is
// not set and has no default, which becomes nothing. An error in a value is
// forgotten where another variable follows, as it is there.
// https://github.com/docker/cli/blob/v29.7.2/cli/compose/template/template.go
func substitute(text string, env func(string) (string, bool), unset func(string)) (string, error) {
	var b strings.Builder
	var err error
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			b.WriteString(text)
			return b.String(), err
		}
		b.WriteString(text[:i])
		rest := text[i+1:]
		if strings.HasPrefix(rest, "$") {
			b.WriteByte('$')
			text = rest[1:]
			continue
		}
		var n int
		var name string
		if n = variableLength(rest); n > 0 {
			name = rest[:n]
		} else if strings.HasPrefix(rest, "{") {
			if k := variableLength(rest[1:]); k > 0 && strings.HasPrefix(rest[1+k:], "}") {
				name, n = rest[1:1+k], k+2
			}
		}
		text = rest[n:]
		if name == "" {
			err = fmt.Errorf("a $ that begins no variable: write $$ for a $")
			continue
		}
		var value string
		value, err = variableOf(name, env, unset)
		b.WriteString(value)
	}
}

// variableLength is the length of a name, with its default or message, that a
// text begins with.
func variableLength(s string) int {
	n := variableName(s)
	if n == 0 {
		return 0
	}
	rest := s[n:]
	sign := strings.TrimPrefix(rest, ":")
	if sign == "" || sign[0] != '-' && sign[0] != '?' {
		return n
	}
	if end := strings.IndexByte(rest, '}'); end >= 0 {
		return n + end
	}
	return len(s)
}

// variableOf is what stands for NAME, NAME:-default, NAME-default, NAME:?message
// or NAME?message. Which of these it is goes by the first that occurs anywhere.
func variableOf(s string, env func(string) (string, bool), unset func(string)) (string, error) {
	for _, sign := range [...]string{":-", "-", ":?", "?"} {
		name, other, ok := strings.Cut(s, sign)
		if !ok {
			continue
		}
		v, set := env(name)
		set = set && (v != "" || sign[0] != ':')
		switch {
		case set:
			return v, nil
		case strings.HasSuffix(sign, "-"):
			return other, nil
		}
		return "", fmt.Errorf("the variable %s must be set: %s", name, other)
	}
	v, ok := env(s)
	if !ok {
		unset(s)
	}
	return v, nil
}
