package files

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lines finds the line and column of a byte.
type lines struct {
	src    []byte
	starts []int
}

func newLines(src []byte) *lines {
	l := &lines{src: src, starts: []int{0}}
	for at := 0; ; {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return l
		}
		at += i + 1
		l.starts = append(l.starts, at)
	}
}

// position is that of a byte; a byte order mark is not counted.
func (l *lines) position(offset int) Position {
	offset = min(max(offset, 0), len(l.src))
	n := sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset })
	start := l.starts[n-1]
	if n == 1 && offset >= len(bom) && bytes.HasPrefix(l.src, bom) {
		start = len(bom)
	}
	return Position{n, utf8.RuneCount(l.src[start:offset]) + 1}
}

// line is the text of a line, counted from 1, without its end.
func (l *lines) line(n int) []byte {
	if n < 1 || n > len(l.starts) {
		return nil
	}
	end := len(l.src)
	if n < len(l.starts) {
		end = l.starts[n]
	}
	return bytes.TrimRight(l.src[l.starts[n-1]:end], "\r\n")
}

// bom is the byte order mark of UTF-8.
var bom = []byte{0xef, 0xbb, 0xbf}
