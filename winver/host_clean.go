package winver

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file takes out of a text what is not its content.

// lowerASCII lowers the letters A to Z and leaves all other bytes in place.
func lowerASCII(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if c := b[i]; 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// cleanText decodes UTF-16, and takes out what terminals and editors put in:
// colours, carriage returns, marks of writing direction, blanks of other
// widths.
func cleanText(s string) string {
	s = fromUTF16(s)
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0x1b:
			i += escapeLen(s[i:])
			continue
		case c == '\r':
			if i+1 == len(s) || s[i+1] != '\n' {
				b.WriteByte('\n')
			}
			i++
			continue
		case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
			i++
			continue
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteByte(c) // not UTF-8: left as it is
		case r == 0xa0, r == 0x202f, r == 0x3000, 0x2000 <= r && r <= 0x200a:
			b.WriteByte(' ')
		case 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x2069, r == 0xfeff:
		case 0xff01 <= r && r <= 0xff5e: // full width
			b.WriteByte(byte(r - 0xff01 + '!'))
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// escapeLen is the length of the escape sequence that a text begins with.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if '@' <= s[i] && s[i] <= '~' {
				return i + 1
			}
		}
		return len(s)
	case ']':
		for i := 2; i < len(s); i++ {
			if s[i] == 7 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			if s[i] == '\n' {
				return i
			}
		}
		return len(s)
	}
	return 2
}

// fromUTF16 decodes UTF-16: with a byte order mark, or without one where zero
// bytes stand at every other place (as redirected PowerShell writes it).
func fromUTF16(s string) string {
	if len(s) < 4 {
		return s
	}
	hi, start := 1, 2
	switch {
	case s[0] == 0xff && s[1] == 0xfe:
	case s[0] == 0xfe && s[1] == 0xff:
		hi = 0
	default:
		start = 0
		var zero [2]int
		for i := 0; i < min(len(s), 4096); i++ {
			if s[i] == 0 {
				zero[i&1]++
			}
		}
		switch {
		case zero[1] > 4*zero[0]:
		case zero[0] > 4*zero[1]:
			hi = 0
		default:
			return s
		}
	}
	var b strings.Builder
	b.Grow(len(s) / 2)
	for i := start; i+1 < len(s); i += 2 {
		r := rune(s[i+hi])<<8 | rune(s[i+1-hi])
		if utf16.IsSurrogate(r) && i+3 < len(s) {
			if d := utf16.DecodeRune(r, rune(s[i+2+hi])<<8|rune(s[i+3-hi])); d != utf8.RuneError {
				r, i = d, i+2
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}
