// Package yamledit reads YAML with the place of every value, and changes a
// value, or adds one, without touching any other byte: comments, order, quotes,
// indentation, line endings, anchors and a byte order mark stay.
//
// It is a reader of our own, because the libraries that were measured (2026-11)
// give no ends of values, count the place of an anchor or a tag as that of its
// value and lines at characters that are no line breaks in YAML 1.2
// (go.yaml.in/yaml v3 and v4, which also cost 0.7 ms at every start of the
// program), or miscount lines and columns behind tabs, CRLF and block scalars
// (goccy/go-yaml 1.19).
//
// What it reads it reads as go.yaml.in/yaml/v4 does, which the tests hold:
// documents, block and flow style, all scalars, anchors, aliases, merge keys,
// tags. It refuses what few write and programs read differently: a line break
// of YAML 1.1 (U+0085, U+2028, U+2029), a lone carriage return, a key over more
// than one line, a value that begins with a colon. Nesting is bounded by
// MaxDepth. An alias is a reference, never a copy, so that text which stands for
// billions of values is as small as it is written.
//
// Every change is verified before it is handed out: the new text is read again,
// and but for the change it must mean what it meant. What cannot be changed so is
// refused with a reason; nothing is guessed.
package yamledit
