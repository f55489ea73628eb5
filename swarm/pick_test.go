package swarm

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzPicked reads lists of tasks beside encoding/json: the same tasks, or both
// refuse.
func FuzzPicked(f *testing.F) {
	for _, s := range []string{
		`[]`, `[ ]`, ` null`, `[null]`, `{}`, ``, `[`, `[{}`, `[{},`, `[{},]`, `[{} {}]`, `[,{}]`, `[{}],`, `[{}]]`, `[1]`, `["a"]`, `[[]]`, `[{"ID":1}]`, `[{"ID":null}]`,
		`[{"ID":"a","ServiceID":"s","NodeID":"n","DesiredState":"running","Status":{"Timestamp":"2026-11-24T20:27:31.489552261Z","State":"running","Err":"a\n\u00e4\"\\"},"Spec":{"ContainerSpec":{"Image":"i","Env":["A=b",{"x":[1.5e3,-0,true,false,null]}]},"Resources":{"Reservations":{"NanoCPUs":1,"MemoryBytes":2}},"ForceUpdate":0}} , {"ID":"b"}]`,
		`[{"id":"a","iD":"b"}]`, `[{"ID":"a","ID":"b"}]`, `[{"\u0049D":"a"}]`, `[{"ſtatus":{}}]`, `[{"Status":null,"Spec":{"ContainerSpec":null,"Resources":null}}]`,
		`[{"Status":{"Timestamp":"yesterday"}}]`, `[{"Status":{"Timestamp":null}}]`, `[{"Status":{"Timestamp":1}}]`, `[{"Spec":{"Resources":{"Reservations":{"NanoCPUs":1.5}}}}]`, `[{"Spec":{"Resources":[]}}]`,
		`[{"x":01}]`, `[{"x":1.}]`, `[{"x":tru}]`, `[{"x":"` + "\x01" + `"}]`, `[{"x":"\x"}]`, `[{"x":"\u12"}]`, `[{"x":"\`, `[{"ID":"` + "\xff" + `"}]`, `[{"Status":{"State":"\ud800"}}]`, `[{"x":12345678901234567890123}]`, `[{x:1}]`, `[{"x"1}]`, `[{"x":}]`, `[{"x":1,}]`,
		strings.Repeat(`[{"a":`, 70) + `1` + strings.Repeat(`}]`, 70),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(r io.Reader, how func(*bounded, func(*wireTask)) error) (list []wireTask, err error) {
			err = how(&bounded{r: r}, func(w *wireTask) { list = append(list, *w) })
			return list, err
		}
		want, wantErr := read(strings.NewReader(text), entries)
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := read(r, picked)
			if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
				t.Fatalf("%q:\n%+v, %v\nencoding/json:\n%+v, %v", text, got, err, want, wantErr)
			}
			if cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); cut != (errors.Is(wantErr, io.EOF) || errors.Is(wantErr, io.ErrUnexpectedEOF)) {
				t.Fatalf("%q: %v, encoding/json says %v", text, err, wantErr)
			}
		}
	})
}
