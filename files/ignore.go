package files

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// Comments suppress findings, on their line, or, where the line holds nothing
// else, on the next line that is no comment:
//
//	# winmatch:ignore RULE[,RULE…] why
//
// and in the whole file:
//
//	# winmatch:ignore-file RULE[,RULE…] why
//
// A line stands for all that it begins: an instruction of a Dockerfile, a YAML
// text of several lines (run: |), a command that goes on in the next line.
const (
	ignoreWord     = "winmatch:ignore"
	ignoreFileWord = "winmatch:ignore-file"
)

// ignored are the lines on which comments suppress a rule, in order; 0 is the
// whole file.
type ignored map[string][]lineRange

type lineRange struct{ first, last int }

// ignores reads the comments of a file. Comments that name no rule, or one that
// there is not, suppress nothing and are findings. blocks are its statements of
// more than one line.
func ignores(at *lines, blocks []Span) (list ignored, wrong []Finding) {
	if !bytes.Contains(at.src, []byte(ignoreWord)) {
		return nil, nil
	}
	list = ignored{}
	next := 0 // line that is no comment
	for n := 1; n <= len(at.starts); n++ {
		line := at.line(n)
		hash := bytes.IndexByte(line, '#')
		i := bytes.Index(line, []byte(ignoreWord))
		if hash < 0 || i < hash {
			continue
		}
		text := string(line[i:])
		word, rest, _ := strings.Cut(text, " ")
		names, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		where := lineRange{n, n}
		switch {
		case word == ignoreFileWord:
			where = lineRange{}
		case word != ignoreWord:
			names = ""
		default:
			if isComment(line) {
				for next = max(next, n+1); next < len(at.starts) && isComment(at.line(next)); next++ {
				}
				where.first = next
			}
			where.last = at.end(where.first, blocks)
		}
		start := at.starts[n-1] + i
		span := Span{start, start + len(text)}
		if names == "" {
			wrong = append(wrong, Finding{Rule: RuleBadIgnore, At: span, Message: "the comment names no rule to ignore", Hint: "write # " + ignoreWord + " RULE why"})
			continue
		}
		for name := range strings.SplitSeq(names, ",") {
			if RuleByID(name) == nil {
				wrong = append(wrong, Finding{Rule: RuleBadIgnore, At: span, Message: "there is no rule " + name})
				continue
			}
			list.add(name, where)
		}
	}
	return list, wrong
}

// add adds lines to those of a rule. They come in order, but for the whole file.
func (g ignored) add(rule string, r lineRange) {
	l := g[rule]
	switch n := len(l); {
	case r.first == 0:
		l = slices.Insert(l, 0, r)
	case n > 0 && r.first <= l[n-1].last:
		l[n-1].last = max(l[n-1].last, r.last)
	default:
		l = append(l, r)
	}
	g[rule] = l
}

// has reports whether a rule is suppressed on a line.
func (g ignored) has(rule string, line int) bool {
	l := g[rule]
	if len(l) == 0 {
		return false
	}
	i := sort.Search(len(l), func(i int) bool { return l[i].last >= line })
	return l[0].first == 0 || i < len(l) && l[i].first <= line
}

// end is the last line of what line n begins.
func (l *lines) end(n int, blocks []Span) int {
	if n > len(l.starts) {
		return n
	}
	start, line := l.starts[n-1], l.line(n)
	if blocks != nil {
		i := sort.Search(len(blocks), func(i int) bool { return blocks[i].End > start })
		if i < len(blocks) && blocks[i].Start <= start+len(line) {
			return l.position(blocks[i].End - 1).Line
		}
		return n
	}
	if column, ok := beginsText(line); ok {
		last := n
		for k := n + 1; k <= len(l.starts); k++ {
			text := l.line(k)
			blank := len(bytes.TrimSpace(text)) == 0
			if !blank && len(text)-len(bytes.TrimLeft(text, " ")) <= column {
				break
			}
			if !blank {
				last = k
			}
		}
		return last
	}
	for n < len(l.starts) && continues(l.line(n)) {
		n++
	}
	return n
}

// continues reports whether a command goes on in the next line, in any shell.
func continues(line []byte) bool {
	line = bytes.TrimRight(line, " \t")
	return len(line) > 0 && bytes.IndexByte([]byte("\\`^"), line[len(line)-1]) >= 0
}

// beginsText reports whether a YAML text begins behind the line's key, "run: |",
// and the column that its lines are indented beyond.
func beginsText(line []byte) (column int, ok bool) {
	if i := bytes.Index(line, []byte(" #")); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t")
	text := bytes.TrimRight(line, "+-0123456789")
	if n := len(text); n < 2 || text[n-1] != '|' && text[n-1] != '>' || text[n-2] != ' ' {
		return 0, false
	}
	for column < len(line) && (line[column] == ' ' || line[column] == '-' && column+1 < len(line) && line[column+1] == ' ') {
		column++
	}
	if line[column] == '|' || line[column] == '>' { // "- |": beyond the hyphen
		column = bytes.LastIndexByte(line[:column], '-')
	}
	return column, column >= 0
}
