package diagnose

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
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
	URL, Cause, Detail, Text, Code, Host, Image, Container, Node, Place string
	NotCertain                                                          bool
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

// sameWords are texts of errors.yaml whose words are those of a text of another
// class, where only the thread tells the image: TestSameWords.
var sameWords = map[string]bool{"L02": true, "L04": true}

func want(e *sourceText) []Cause {
	if sameWords[e.ID] {
		return []Cause{Mismatch}
	}
	return causesOf[e.Class]
}

// TestSameWords: L02 and L04 are a true mismatch word for word, but for the
// host's build. No reader can tell them apart, so the answer is the same: a
// mismatch is possible, and the Linux image is named as the other cause. What
// the threads say besides decides.
func TestSameWords(t *testing.T) {
	build := regexp.MustCompile(`10\.0\.\d+`)
	twins := map[string]string{} // wording to class
	all := lines[sourceText](t, "testdata/source.jsonl")
	for _, e := range all {
		if !sameWords[e.ID] {
			twins[build.ReplaceAllString(e.Text, "10.0.N")] = e.Class
		}
	}
	for _, e := range all {
		if !sameWords[e.ID] {
			continue
		}
		if twins[build.ReplaceAllString(e.Text, "10.0.N")] != "mismatch" {
			t.Errorf("%s has words of its own, so it must get its class: %q", e.ID, e.Text)
		}
		d := &Text(e.Text, f).Diagnoses[0]
		if got := d.Judge(f, &Known{}); got.Confidence != Possible || !strings.Contains(got.Otherwise, "a Linux one") {
			t.Errorf("%s: %s, or: %q", e.ID, got.Confidence, got.Otherwise)
		}
		if got := d.Judge(f, &Known{Reference: "nginx"}); got.Cause != Other || got.Detail != "linux-image" || got.Confidence == Certain {
			t.Errorf("%s of nginx, by its name: %s %q %s", e.ID, got.Cause, got.Detail, got.Confidence)
		}
		if got := d.Judge(f, &Known{Image: linux}); got.Cause != Other || got.Detail != "linux-image" || got.Confidence != Certain {
			t.Errorf("%s of a Linux image: %s %q %s", e.ID, got.Cause, got.Detail, got.Confidence)
		}
		in := Text("I run Kitematic. "+e.Text, f).Diagnoses
		if len(in) != 1 || in[0].Cause != Other || in[0].Detail != "linux-image" || in[0].Confidence == Certain {
			t.Errorf("%s in Kitematic, which L02 and L04 are of: %+v", e.ID, in)
		}
	}
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

// TestThreads: further texts of public threads, with what the thread says, and
// texts that merely hold the words.
func TestThreads(t *testing.T) {
	for _, file := range [...]string{"testdata/errors.jsonl", "testdata/further.jsonl", "testdata/ordinary.jsonl"} {
		for i, e := range lines[threadText](t, file) {
			e.check(t, fmt.Sprintf("%s:%d %s", file, i+1, e.URL))
		}
	}
}

func (e *threadText) check(t *testing.T, name string) {
	t.Helper()
	r := Text(e.Text, f)
	causes := strings.Split(e.Cause, "|")
	if len(r.Diagnoses) == 0 {
		if !slices.Contains(causes, "none") {
			t.Errorf("%s: no diagnosis of %q", name, e.Text)
		}
		return
	}
	d := &r.Diagnoses[0]
	if !slices.Contains(causes, d.Cause.String()) || e.Detail != "" && d.Detail != e.Detail {
		t.Errorf("%s: %s %q (%s), want %s %q: %q", name, d.Cause, d.Detail, d.Confidence, e.Cause, e.Detail, e.Text)
	}
	if len(r.Diagnoses) > 1 {
		t.Errorf("%s: %d diagnoses, the second %s %q: %q", name, len(r.Diagnoses), r.Diagnoses[1].Cause, r.Diagnoses[1].Detail, r.Diagnoses[1].Evidence)
	}
	if e.NotCertain && d.Confidence == Certain {
		t.Errorf("%s: certain: %q", name, e.Text)
	}
	if e.Code != "" && d.Code != code(t, e.Code) {
		t.Errorf("%s: code %s, want %s: %q", name, d.Code, e.Code, e.Text)
	}
	for what, pair := range map[string][2]string{"image": {e.Image, d.Image}, "container": {e.Container, d.Container}, "node": {e.Node, d.Node}, "host": {e.Host, d.Host.String()}, "place": {e.Place, d.Place.String()}} {
		if pair[0] != "" && pair[0] != pair[1] {
			t.Errorf("%s: %s %q, want %q", name, what, pair[1], pair[0])
		}
	}
}

// TestNoImage: words that stand where a reference could.
func TestNoImage(t *testing.T) {
	for _, text := range []string{
		"error: failed to solve: process \"cmd /S /C echo hi\" did not complete successfully: failed to create shim task: hcs::CreateComputeSystem b1: The container operating system does not match the host operating system.: unknown",
		"docker: Error response from daemon: no matching manifest for linux/amd64 in the manifest list entries: no match for platform in manifest: not found",
		"docker run returned -1070137087",
		"docker run failed with exit code 3224830209",
		"FATA[0000] Error parsing manifest for image: choosing image instance: no image found in manifest list for architecture amd64, variant \"\", OS linux",
	} {
		r := Text(text, f)
		if len(r.Diagnoses) != 1 || r.Diagnoses[0].Image != "" {
			t.Errorf("image %q of %q", r.Diagnoses[0].Image, text)
		}
	}
}
