package files

import (
	"bytes"
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
const (
	ignoreWord     = "winmatch:ignore"
	ignoreFileWord = "winmatch:ignore-file"
)

// ignored are the rules that comments suppress, by line; 0 is the whole file.
type ignored map[int][]string

// ignores reads the comments of a file. Comments that name no rule, or one that
// there is not, suppress nothing and are findings.
func ignores(at *lines) (list ignored, wrong []Finding) {
	if !bytes.Contains(at.src, []byte(ignoreWord)) {
		return nil, nil
	}
	list = ignored{}
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
		where := n
		switch {
		case word == ignoreFileWord:
			where = 0
		case word != ignoreWord:
			names = ""
		case isComment(line):
			for where++; where < len(at.starts) && isComment(at.line(where)); where++ {
			}
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
			list[where] = append(list[where], name)
		}
	}
	return list, wrong
}

// has reports whether a rule is suppressed on a line.
func (g ignored) has(rule string, line int) bool {
	for _, n := range [...]int{0, line} {
		for _, name := range g[n] {
			if name == rule {
				return true
			}
		}
	}
	return false
}
