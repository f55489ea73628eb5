package render

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzIndented holds our indentation against encoding/json's.
func FuzzIndented(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `""`, `1`, `null`, `{"a":[],"b":{},"c":[1,{"d":"}{][,:\"\\"}],"e":[[],[[]]]}`, `["\\","\\\""," < > & é"]`, `[{},{}]`} {
		f.Add([]byte(s), "    ")
	}
	f.Fuzz(func(t *testing.T, text []byte, prefix string) {
		var v any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		var b jsonWriter
		if err := b.add(prefix, v); err != nil {
			t.Fatal(err)
		}
		var plain, want bytes.Buffer
		enc := json.NewEncoder(&plain)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&want, bytes.TrimSuffix(plain.Bytes(), []byte("\n")), prefix, "  "); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.out, want.Bytes()) {
			t.Fatalf("%q, want %q", b.out, &want)
		}
	})
}
