package render

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"

	"github.com/winmatch/winmatch/internal/each"
)

// JSON writes any of the values, indented, with a line end.
func JSON(w io.Writer, v any) error {
	var b jsonWriter
	if err := b.add("", v); err != nil {
		return err
	}
	b.out = append(b.out, '\n')
	_, err := w.Write(b.out)
	return err
}

// jsonWriter makes the text of values.
type jsonWriter struct {
	out   []byte
	plain bytes.Buffer
}

// add appends a value, indented, whose first line stands behind so much white
// space.
func (b *jsonWriter) add(prefix string, v any) error {
	b.plain.Reset()
	enc := json.NewEncoder(&b.plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.out = indented(b.out, b.plain.Bytes(), prefix)
	return nil
}

// inOrder writes what write makes of 0 to n-1, in this order and some at a time.
// write is called several times at once.
func inOrder(w io.Writer, n int, write func(b *jsonWriter, i int) error) error {
	const share = 4 // that one processor takes at a time
	parts, errs := make([]jsonWriter, 16), make([]error, 16)
	for from := 0; from < n; from += share * len(parts) {
		each.Of(len(parts), func(k int) {
			b := &parts[k]
			b.out, errs[k] = b.out[:0], nil
			for i := from + k*share; i < min(from+(k+1)*share, n) && errs[k] == nil; i++ {
				errs[k] = write(b, i)
			}
		})
		for k := range parts {
			if errs[k] != nil {
				return errs[k]
			}
			if _, err := w.Write(parts[k].out); err != nil {
				return err
			}
		}
	}
	return nil
}

// indented appends what json.Indent makes of a document without white space, in a
// third of the time: encoding/json has written it, and it is not checked again.
func indented(out, plain []byte, prefix string) []byte {
	out = slices.Grow(out, len(plain)+len(plain)/2)
	depth := 0
	line := func() {
		out = append(append(out, '\n'), prefix...)
		for range depth {
			out = append(out, ' ', ' ')
		}
	}
	for i := 0; i < len(plain); i++ {
		switch c := plain[i]; c {
		case '"':
			end := i + 1
			for plain[end] != '"' {
				if plain[end] == '\\' {
					end++
				}
				end++
			}
			out = append(out, plain[i:end+1]...)
			i = end
		case '{', '[':
			if out = append(out, c); plain[i+1] == c+2 { // it is empty: { is two before }
				out = append(out, c+2)
				i++
				break
			}
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out = append(out, c)
		case ',':
			out = append(out, c)
			line()
		case ':':
			out = append(out, c, ' ')
		case '\n': // the encoder's, at the end
		default:
			out = append(out, c)
		}
	}
	return out
}
