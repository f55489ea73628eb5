package yamledit_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/files/yamledit"
)

// data reads the first document, ours and kubectl's way; ok is false where one of
// the two does not read it.
func data(t *testing.T, src string) (is, want any, ok bool) {
	t.Helper()
	f, err := yamledit.Parse([]byte(src))
	if err != nil || len(f.Docs) != 1 {
		return nil, nil, false
	}
	text, err := yaml.YAMLToJSON([]byte(src))
	if err != nil || json.Unmarshal(text, &want) != nil {
		return nil, nil, false
	}
	is, err = f.Docs[0].Data()
	return is, want, err == nil
}

var values = []string{
	"a", "'a'", "\"a\\n\"", "yes", "Yes", "'yes'", "on", "off", "n", "y", "true", "TRUE", "tRue", "~", "null", "", "1", "-1", "+1", "0x10", "0o14", "014", "0b11", "1_000", "1.5", ".5", "1e3", "1.e3",
	"10.0.17763", "10.0", "1:30", "2026-11-24", "0x", "1x", "!!str 1", "!!int 1", "18446744073709551615", "1e400", "0x1p-2", "nan", "inf", "-", "_", "1_", "[a, 1, {b: c}]", "{a: 1, 'b': yes}", "|\n  text\n  more", ">\n  text\n  more",
	"&x {a: b}", "09", "0.0", "-.5", "+.5e-3", "1__0", "NaN", "Infinity", "+", ".", "..", "1.2.3", "0b2", "08",
}

// TestData holds what values stand for against what kubectl reads them with.
func TestData(t *testing.T) {
	for _, v := range values {
		src := "v: " + v + "\nw: 1\n"
		is, want, ok := data(t, src)
		if !ok {
			if v != "-" {
				t.Errorf("%q is not read", v)
			}
			continue
		}
		if !reflect.DeepEqual(is, want) {
			t.Errorf("%q: %#v, kubectl reads %#v", v, is, want)
		}
	}
	for _, src := range []string{
		"a: &x {b: 1, c: [1]}\nd: *x\ne:\n  <<: *x\n  b: 2\n", "a: &x {b: 1}\ny: &y {b: 3, c: 4}\ne: {<<: [*x, *y], d: 1}\n", "- a\n- b: c\n  d:\n  - e\n",
	} {
		if is, want, ok := data(t, src); !ok || !reflect.DeepEqual(is, want) {
			t.Errorf("%q: %#v, kubectl reads %#v", src, is, want)
		}
	}
}

// TestDataBomb: values that aliases multiply are refused, not made.
func TestDataBomb(t *testing.T) {
	src := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		a, b := string(rune('a'+i))+"1", "a0"
		if i > 0 {
			b = string(rune('a'+i-1)) + "1"
		}
		src += a + ": &" + a + " [" + strings.TrimSuffix(strings.Repeat("*"+b+", ", 10), ", ") + "]\n"
	}
	f, err := yamledit.Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Docs[0].Data(); err == nil {
		t.Error("a bomb is made")
	}
}

// FuzzData: plain scalars stand for the same. In flow style and at odd places the
// readers differ as YAML 1.1 and 1.2 do, and so do those of [yamledit.Parse] and
// kubectl.
func FuzzData(f *testing.F) {
	for _, v := range values {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._~") != "" {
			return
		}
		src := "v: " + v + "\n"
		if is, want, ok := data(t, src); ok && !reflect.DeepEqual(is, want) {
			t.Errorf("%q: %#v, kubectl reads %#v", src, is, want)
		}
	})
}
