package files

import (
	"strings"
	"testing"
)

func TestEvaluate(t *testing.T) {
	lookup := func(name string) operand {
		switch name {
		case "matrix.os":
			return textOperand("windows-2022")
		case "matrix.t.x":
			return textOperand("deep")
		case "variables.Agent.OS":
			return textOperand("Windows_NT")
		case "empty":
			return textOperand("")
		}
		return operand{}
	}
	const unknown = "?"
	for text, want := range map[string]string{
		"matrix.os":                                    "windows-2022",
		" matrix.os == 'Windows-2022' ":                "true",
		"matrix.os != 'windows-2022'":                  "false",
		"matrix['os']":                                 "windows-2022",
		"matrix.t['x']":                                "deep",
		"'it''s'":                                      "it's",
		"github.ref == 'x'":                            unknown,
		"github.ref == 'x' && matrix.os == 'no'":       "?no",
		"github.ref == 'x' || matrix.os":               "?yes",
		"github.ref && 'a' || 'b'":                     "?yes",
		"matrix.os == 'windows-2022' && 'a' || 'b'":    "a",
		"matrix.os == 'x' && 'a' || 'b'":               "b",
		"empty && 'a' || 'b'":                          "b",
		"!(matrix.os == 'x')":                          "true",
		"startsWith(matrix.os, 'win')":                 "true",
		"endsWith(matrix.os, '2019')":                  "false",
		"contains(matrix.os, '-20')":                   "true",
		"fromJSON(needs.a.outputs.b)":                  unknown,
		"always() && matrix.os == 'windows-2022'":      "true",
		"eq(variables['Agent.OS'], 'Windows_NT')":      "true",
		"and(succeeded(), ne(variables['x'], 'y'))":    unknown,
		"and(eq('a', 'b'), ne(variables['x'], 'y'))":   "false",
		"or(eq('a', 'a'), ne(variables['x'], 'y'))":    "true",
		"not(eq('a', 'b'))":                            "true",
		"in(variables['Agent.OS'], 'Linux', 'Darwin')": "false",
		"in('a', variables.x, 'a')":                    "true",
		"":                                             unknown,
		"matrix.os ==":                                 unknown,
		"'open":                                        unknown,
		"f(":                                           unknown,
		"1 < 2":                                        unknown,
		"matrix.os extra":                              unknown,
	} {
		got := unknown
		if o := evaluate(text, lookup); o.known {
			got = o.text()
		} else if o.as != maybe {
			got = unknown + map[truth]string{yes: "yes", no: "no"}[o.as]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	evaluate(strings.Repeat("(", 100_000), lookup) // does not run out of stack
	evaluate(strings.Repeat("!", 100_000), lookup)
}

func TestDotenv(t *testing.T) {
	vars := dotenv([]byte("\ufeff# c\nA=1\nexport B = two # c\nC=\"q # x\" # c\nD='$raw'\nE=\nF=$A\nG=\"a\\n\"\nH=\"open\n=x\nno\nI=a#b\r\n"))
	for name, want := range map[string]string{"A": "1", "B": "two", "C": "q # x", "D": "$raw", "E": "", "I": "a#b"} {
		if got, ok := vars[name]; got != want || !ok {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"F", "G", "H", ""} {
		if v, ok := vars[name]; ok {
			t.Errorf("%s: %q, want it to be left out", name, v)
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, s := range []string{"matrix.os == 'a' && (b || !c) || startsWith(x['y'], 'z')", "and(eq(1, '2'), in(a, 'b'))", "'''", "a[b[c]].d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := evaluate(text, func(name string) operand {
			if strings.HasPrefix(name, "k") {
				return textOperand(name)
			}
			return operand{}
		})
		// What is known with nothing known stays so, whatever is known.
		if p := evaluate(text, func(string) operand { return operand{} }); p.known && (!o.known || o.text() != p.text()) {
			t.Fatalf("%q: %+v with names, %+v without", text, o, p)
		}
	})
}
