package swarm

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
)

// sourceTexts are the texts of facts/source/errors.yaml.
func sourceTexts(t testing.TB) (list []string) {
	t.Helper()
	in, err := os.Open("../diagnose/testdata/source.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := bufio.NewScanner(in)
	for s.Scan() {
		var e struct{ Text string }
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Text)
	}
	if s.Err() != nil || len(list) < 70 {
		t.Fatalf("%d texts: %v", len(list), s.Err())
	}
	return list
}

func randomID(r *rand.Rand) string {
	id := make([]byte, idLength)
	for i := range id {
		id[i] = "0123456789abcdef"[r.Intn(16)]
	}
	return string(id)
}

// TestReader: what is read out of an error by way of another one with other ids is
// what is read out of it by itself, wherever in it the ids are.
func TestReader(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	word := regexp.MustCompile(`[0-9a-f]{64}|[0-9A-Za-z]+`)
	r := &reader{}
	shared := 0
	for _, text := range sourceTexts(t) {
		for k := range 12 {
			changed, n := text, 0
			every := 3 + k%4
			changed = word.ReplaceAllStringFunc(changed, func(w string) string {
				if n++; len(w) == idLength || k >= 4 && n%every == k%every {
					return randomID(random)
				}
				return w
			})
			if k%2 == 1 {
				changed += " " + strings.Repeat("x", random.Intn(400)) + " " + randomID(random)
			}
			plain, _ := withoutIDs(changed)
			if _, ok := r.known[plain]; ok && plain != changed {
				shared++
			}
			got, want := r.read(changed, facts.Embedded()), diagnose.Text(changed, facts.Embedded()).Diagnoses
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%q:\n%+v\nby itself\n%+v", changed, got, want)
			}
		}
	}
	if shared < 20 || len(r.known) < 100 {
		t.Errorf("%d answers by way of another text, %d texts", shared, len(r.known))
	}
}

// FuzzReader is TestReader of any text: # stands for an id.
func FuzzReader(f *testing.F) {
	for _, text := range sourceTexts(f) {
		f.Add(regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(text, "#"), int64(1))
	}
	f.Add("container # encountered an error during CreateContainer: # sha256:#", int64(2))
	f.Fuzz(func(t *testing.T, text string, seed int64) {
		random := rand.New(rand.NewSource(seed))
		r := &reader{}
		for range 3 {
			var b strings.Builder
			for i := range len(text) {
				if text[i] == '#' {
					b.WriteString(randomID(random))
				} else {
					b.WriteByte(text[i])
				}
			}
			got, want := r.read(b.String(), facts.Embedded()), diagnose.Text(b.String(), facts.Embedded()).Diagnoses
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%q:\n%+v\nby itself\n%+v", b.String(), got, want)
			}
		}
	})
}
