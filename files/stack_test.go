package files

import (
	"strings"
	"testing"
)

// FuzzStack holds that whatever stands in a stack file is read or refused, that
// names and images are there, and that a file over itself changes nothing but
// lists, which grow.
func FuzzStack(f *testing.F) {
	f.Add("services:\n  a:\n    image: ${A:-x}\n    deploy: {replicas: 2, placement: {constraints: [a==b]}}\n")
	f.Add("version: '3.8'\nx: &x {image: y}\nservices:\n  a: {<<: *x, isolation: hyperv}\n")
	f.Add("services: {a: {image: '$A-b}', deploy: {resources: {reservations: {cpus: '0.5', memory: 1.5 GiB}}}}}")
	env := func(name string) (string, bool) { return "v", name == "A" }
	f.Fuzz(func(t *testing.T, text string) {
		in := Input{Path: "a.yaml", Src: []byte(text)}
		s, err := ReadStack([]Input{in}, env)
		if err != nil {
			return
		}
		twice, err := ReadStack([]Input{in, in}, env)
		if err != nil {
			t.Fatalf("twice: %v", err)
		}
		if len(twice.Services) != len(s.Services) {
			t.Fatalf("%d services, %d of the file twice", len(s.Services), len(twice.Services))
		}
		for i, v := range s.Services {
			w := twice.Services[i]
			if v.Image == "" || v.Name == "" || v.Replicas < 0 || v.Line < 1 || v.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("%+v", v)
			}
			if w.Image != v.Image || w.Mode != v.Mode || w.Replicas != v.Replicas || w.Memory != v.Memory || len(w.Constraints) != 2*len(v.Constraints) {
				t.Fatalf("%+v, twice %+v", v, w)
			}
		}
	})
}

// TestSubstitute holds what differs from docker compose; the oracle in test/files
// holds the rest.
func TestSubstitute(t *testing.T) {
	env := map[string]string{"A": "v", "E": ""}
	for text, want := range map[string]string{
		"a:$A": "a:v", "${A}$$A": "v$A", "$U": "", "${E:-d}": "d", "${E-d}": "", "${U:-${A}}": "${A}", "$U-b c}d": "b c}d",
		"${A:?m}": "v", "${U:?m}": "!", "${U:?m}$A": "v", "$5": "!", "${A:+b}": "!", "${A": "!", "$": "!",
	} {
		got, err := substitute(text, func(n string) (string, bool) { v, ok := env[n]; return v, ok }, func(string) {})
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
