package diagnose

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
)

var f = facts.Embedded()

// sourceText is a text of facts/source/errors.yaml.
type sourceText struct {
	ID, Class, Subclass, Text, Code, Host, Image, URL string
}

// threadText is a text of testdata/errors.jsonl.
type threadText struct {
	URL, Cause, Detail, Text, Code, Host, Image, Container, Node string
	NotCertain                                                   bool
}

func lines[T any](t testing.TB, file string) []T {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var list []T
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, v)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// causes that a class of errors.yaml allows.
var causesOf = map[string][]Cause{"mismatch": {Mismatch}, "revision-skew": {Skew}, "2b": {Feb2020}, "not-mismatch": {Other}, "ambiguous": {Undetermined}}

// settledElsewhere are texts whose class in errors.yaml rests on what the
// thread says besides: an excerpt that stops before the sentence, and words
// that a true mismatch and a Linux image share.
var settledElsewhere = map[string][]Cause{
	"T13": {Undetermined},           // Service Fabric; the sentence is in the response's body, which the excerpt lacks
	"L02": {Mismatch, Undetermined}, // the image is told only in the thread: nginx
	"L04": {Mismatch, Undetermined}, // the thread has no detail
}

func want(e *sourceText) []Cause {
	if c, ok := settledElsewhere[e.ID]; ok {
		return c
	}
	return causesOf[e.Class]
}

func code(t testing.TB, s string) Code {
	t.Helper()
	if s == "" {
		return 0
	}
	v, err := strconv.ParseUint(s[2:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return Code(v)
}

// TestSource: every text of facts/source/errors.yaml gets its class and code.
func TestSource(t *testing.T) {
	for _, e := range lines[sourceText](t, "testdata/source.jsonl") {
		r := Text(e.Text, f)
		if len(r.Diagnoses) == 0 {
			t.Errorf("%s: no diagnosis of %q", e.ID, e.Text)
			continue
		}
		d := &r.Diagnoses[0]
		if !slices.Contains(want(&e), d.Cause) {
			t.Errorf("%s: %s %q (%s), want %s (%s): %q", e.ID, d.Cause, d.Detail, d.Confidence, e.Class, e.Subclass, e.Text)
		}
		if e.Code != "" && d.Code != code(t, e.Code) {
			t.Errorf("%s: code %s, want %s", e.ID, d.Code, e.Code)
		}
		if len(r.Diagnoses) > 1 {
			t.Errorf("%s: %d diagnoses, the second is %s %q: %q", e.ID, len(r.Diagnoses), r.Diagnoses[1].Cause, r.Diagnoses[1].Detail, r.Diagnoses[1].Evidence)
		}
		t.Logf("%s %s/%s: %s %s %s %s %s place=%s comp=%s ctr=%.12s img=%s host=%v", e.ID, e.Class, e.Subclass, d.Cause, d.Detail, d.Confidence, d.Stage, d.Code, d.Place, d.Component, d.Container, d.Image, d.Host)
	}
}

// TestThreads: further texts of public threads, with what the thread says.
func TestThreads(t *testing.T) {
	for i, e := range lines[threadText](t, "testdata/errors.jsonl") {
		r := Text(e.Text, f)
		if e.Cause == "none" {
			if len(r.Diagnoses) > 0 {
				t.Errorf("%d %s: %s %q of %q", i+1, e.URL, r.Diagnoses[0].Cause, r.Diagnoses[0].Detail, e.Text)
			}
			continue
		}
		if len(r.Diagnoses) == 0 {
			t.Errorf("%d %s: no diagnosis of %q", i+1, e.URL, e.Text)
			continue
		}
		d := &r.Diagnoses[0]
		if !slices.Contains(strings.Split(e.Cause, "|"), d.Cause.String()) || e.Detail != "" && d.Detail != e.Detail {
			t.Errorf("%d %s: %s %q (%s), want %s %q: %q", i+1, e.URL, d.Cause, d.Detail, d.Confidence, e.Cause, e.Detail, e.Text)
		}
		if e.NotCertain && d.Confidence == Certain {
			t.Errorf("%d %s: certain: %q", i+1, e.URL, e.Text)
		}
		if e.Code != "" && d.Code != code(t, e.Code) {
			t.Errorf("%d %s: code %s, want %s: %q", i+1, e.URL, d.Code, e.Code, e.Text)
		}
		for what, pair := range map[string][2]string{"image": {e.Image, d.Image}, "container": {e.Container, d.Container}, "node": {e.Node, d.Node}, "host": {e.Host, d.Host.String()}} {
			if pair[0] != "" && pair[0] != pair[1] {
				t.Errorf("%d %s: %s %q, want %q", i+1, e.URL, what, pair[1], pair[0])
			}
		}
	}
}
