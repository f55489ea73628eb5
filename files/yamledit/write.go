package yamledit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// habit is how a file indents.
type habit struct {
	step int // a mapping below its key
	list int // a list below its key
}

// habits looks at the first mapping and the first list of the file that stand
// below a key.
func (f *File) habits() habit {
	h := habit{step: 0, list: -1}
	var look func(n *Node)
	look = func(n *Node) {
		if n.Style == Block && n.Kind == Mapping {
			for i := 1; i < len(n.Content); i += 2 {
				v := n.Content[i]
				if v.Style != Block {
					continue
				}
				if deeper := v.column - n.column; v.Kind == Mapping && h.step == 0 {
					h.step = deeper
				} else if v.Kind == Sequence && h.list < 0 {
					h.list = deeper
				}
			}
		}
		for _, c := range n.Content {
			if h.step > 0 && h.list >= 0 {
				return
			}
			look(c)
		}
	}
	for _, d := range f.Docs {
		look(d)
	}
	if h.step <= 0 {
		h.step = 2
	}
	if h.list < 0 {
		h.list = 0
	}
	return h
}

// writer writes block style, line by line.
type writer struct {
	hab   habit
	lines []string
}

func (w *writer) line(column int, text string) {
	w.lines = append(w.lines, strings.Repeat(" ", column)+text)
}

// entry writes an entry of a mapping whose keys stand at a column.
func (w *writer) entry(column int, p Pair) {
	key := scalarText(p.Key, Plain, false)
	switch v := p.Value.(type) {
	case Map, List:
		if size(v) == 0 {
			w.line(column, key+": "+flow(v, Plain))
			return
		}
		w.line(column, key+":")
		w.value(column, v)
	default:
		w.line(column, key+": "+scalar(v))
	}
}

// value writes a collection below a key at a column.
func (w *writer) value(column int, v Value) {
	switch v := v.(type) {
	case Map:
		for _, p := range v {
			w.entry(column+w.hab.step, p)
		}
	case List:
		for _, item := range v {
			w.item(column+w.hab.list, item)
		}
	}
}

// item writes an item of a list whose dashes stand at a column.
func (w *writer) item(column int, v Value) {
	at := len(w.lines)
	switch v := v.(type) {
	case Map:
		if len(v) > 0 {
			for _, p := range v {
				w.entry(column+2, p)
			}
			break
		}
		w.line(column+2, "{}")
	case List:
		w.line(column+2, flow(v, Plain))
	default:
		w.line(column+2, scalar(v))
	}
	first := []byte(w.lines[at])
	first[column] = '-'
	w.lines[at] = string(first)
}

func size(v Value) int {
	switch v := v.(type) {
	case Map:
		return len(v)
	case List:
		return len(v)
	}
	return 1
}

// scalar writes a string or a Quoted in block style.
func scalar(v Value) string {
	switch v := v.(type) {
	case Quoted:
		return scalarText(string(v), DoubleQuoted, false)
	case bool:
		return strconv.FormatBool(v)
	}
	return scalarText(text(v), Plain, false)
}

func text(v Value) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// flow writes a value on one line.
func flow(v Value, quote Style) string {
	var items []string
	switch v := v.(type) {
	case Map:
		for _, p := range v {
			items = append(items, scalarText(p.Key, quote, true)+": "+flow(p.Value, quote))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case List:
		for _, item := range v {
			items = append(items, flow(item, quote))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case Quoted:
		return scalarText(string(v), DoubleQuoted, true)
	case bool:
		return strconv.FormatBool(v)
	}
	return scalarText(text(v), quote, true)
}

// scalarText writes a text in a style; in quotes where it cannot be plain, in
// double quotes where single ones cannot hold it.
func scalarText(s string, style Style, inFlow bool) string {
	if style == Plain && plain(s, inFlow) {
		return s
	}
	if style == SingleQuoted && printable(s) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// plain reports whether a text can be written without quotes and is a text then,
// to readers of YAML 1.1 as well.
func plain(s string, inFlow bool) bool {
	if s == "" || !printable(s) || strings.TrimSpace(s) != s {
		return false
	}
	if strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`=<~", rune(s[0])) || strings.HasSuffix(s, ":") {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || inFlow && strings.ContainsAny(s, ",[]{}") {
		return false
	}
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", "+.inf", ".nan":
		return false
	}
	return !number(s)
}

// number reports whether a text may be read as a number or a date.
func number(s string) bool {
	if c := s[0]; (c < '0' || c > '9') && c != '+' && c != '.' {
		return false
	}
	s = strings.ReplaceAll(s, "_", "")
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseInt(s, 0, 64); err == nil {
		return true
	}
	return strings.Trim(s, "0123456789:.") == "" && strings.Contains(s, ":") || // 1:30, of YAML 1.1
		len(s) >= 8 && strings.Trim(s[:4], "0123456789") == "" && s[4] == '-' // a date
}
