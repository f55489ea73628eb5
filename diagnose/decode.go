package diagnose

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"
)

// plainReader leaves out the escape sequences of terminals, so that colours
// within a sentence do not hide it.
type plainReader struct {
	r     io.Reader
	state uint8
}

func (p *plainReader) Read(b []byte) (int, error) {
	for {
		n, err := p.r.Read(b)
		if p.state != plain || bytes.IndexByte(b[:n], 0x1b) >= 0 {
			kept := b[:0]
			for _, c := range b[:n] {
				if next, drop := ansi(p.state, c); drop {
					p.state = next
				} else {
					p.state = next
					kept = append(kept, c)
				}
			}
			if n = len(kept); n == 0 && err == nil && len(b) > 0 {
				continue
			}
		}
		return n, err
	}
}

// The states within a terminal's escape sequence.
const (
	plain  = iota
	escape // after ESC
	csi    // ESC [ … letter
	osc    // ESC ] … BEL or ESC \
)

// ansi is the state after a byte, and whether that byte belongs to an escape
// sequence. None goes beyond its line.
func ansi(state, b byte) (next uint8, drop bool) {
	switch {
	case state == plain:
		if b == 0x1b {
			return escape, true
		}
		return plain, false
	case b == '\n':
		return plain, false
	case state == escape && b == '[':
		return csi, true
	case state == escape && b == ']':
		return osc, true
	case state == escape:
		return plain, true
	case b == 0x1b:
		return escape, true
	case state == csi && b >= 0x40 && b <= 0x7e, state == osc && b == 7:
		return plain, true
	}
	return state, true
}

// decoder turns UTF-16, as PowerShell redirects to files, into UTF-8; other
// texts it passes on. UTF-16 is told by its byte order mark, or by zeros in
// every second byte.
func decoder(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 4096)
	return &plainReader{r: decoded(b)}
}

func decoded(b *bufio.Reader) io.Reader {
	head, _ := b.Peek(512) // an error is met again when reading
	if len(head) < 2 {
		return b
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe:
		return &utf16Reader{r: b, little: true}
	case head[0] == 0xfe && head[1] == 0xff:
		return &utf16Reader{r: b}
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	half := len(head) / 2
	switch {
	case half >= 4 && zeros[1] > half*3/4 && zeros[0] < half/8:
		return &utf16Reader{r: b, little: true}
	case half >= 4 && zeros[0] > half*3/4 && zeros[1] < half/8:
		return &utf16Reader{r: b}
	}
	return b
}

type utf16Reader struct {
	r       *bufio.Reader
	little  bool
	in      [4096]byte
	out     []byte
	outPos  int
	high    rune // the first half of a pair
	odd     bool // in[0] is half a unit
	lastErr error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for u.outPos == len(u.out) {
		if u.lastErr != nil {
			return 0, u.lastErr
		}
		u.fill()
	}
	n := copy(p, u.out[u.outPos:])
	u.outPos += n
	return n, nil
}

func (u *utf16Reader) fill() {
	start := 0
	if u.odd {
		start = 1
	}
	n, err := u.r.Read(u.in[start:])
	u.lastErr = err
	n += start
	u.out, u.outPos = u.out[:0], 0
	i := 0
	for ; i+1 < n; i += 2 {
		c := rune(u.in[i])<<8 | rune(u.in[i+1])
		if u.little {
			c = rune(u.in[i+1])<<8 | rune(u.in[i])
		}
		switch {
		case c >= 0xd800 && c < 0xdc00:
			u.high = c
			continue
		case c >= 0xdc00 && c < 0xe000 && u.high != 0:
			c = (u.high-0xd800)<<10 | (c - 0xdc00) + 0x10000
		}
		u.high = 0
		if c < utf8.RuneSelf {
			u.out = append(u.out, byte(c))
		} else {
			u.out = utf8.AppendRune(u.out, c)
		}
	}
	if u.odd = i < n; u.odd {
		u.in[0] = u.in[i]
	}
}
