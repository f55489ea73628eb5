package render

import (
	"bytes"
	"encoding/json"
	"io"
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

// indented appends what json.Indent makes of a document without white space, in a
// third of the time: encoding/json has written it, and it is not checked again.
func indented(out, plain []byte, prefix string) []byte {
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
