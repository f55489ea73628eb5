package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/winmatch/winmatch/compat"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile is what many hands may write into a cluster.
const hostile = "::error::\x1b[31m\x1b]0;title\x07\r\n::add-mask::a\n  ##[error]b\t\x00\u202e</td></code><script>alert(1)</script><img src=x onerror=y>&lt;\" ' | `x` **b** [a](javascript:b) %0A\u2028\xff"

// fill sets every text of a value, and gives its lists one entry each.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		v.SetInt(3)
	}
}

// kubeReport is a report of which every text is the same; levels and codes are the
// program's own.
func kubeReport(text string) *KubeDoctor {
	var d KubeDoctor
	fill(reflect.ValueOf(&d).Elem(), text)
	for i := range d.Findings {
		f := &d.Findings[i]
		f.Code, f.Level = [...]string{"failed", "unknown"}[i], [...]string{"error", "note"}[i]
		for k := range f.Places {
			f.Places[k].Answer = compat.No
		}
	}
	for i := range d.Nodes {
		for k := range d.Nodes[i].Findings {
			d.Nodes[i].Findings[k].Code = "label-lies"
		}
	}
	return &d
}

// obeyed finds in a text what is obeyed instead of shown.
func obeyed(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q is in %q", what, line[i], line)
		}
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") || strings.Contains(line, "##vso") {
			t.Errorf("%s: a command: %q", what, line)
		}
	}
}

func TestHostileText(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		var b bytes.Buffer
		KubeDoctorText(&b, kubeReport(hostile), Style{Verbose: verbose})
		if !strings.Contains(b.String(), "script") {
			t.Error("nothing is shown")
		}
		obeyed(t, "doctor", b.String())
	}
	var l KubeLabel
	fill(reflect.ValueOf(&l).Elem(), hostile)
	var b bytes.Buffer
	KubeLabelText(&b, &l, Style{}, false)
	obeyed(t, "label", b.String())
}

// elements are the tags of a page, with their attributes.
func elements(t *testing.T, page string) []string {
	t.Helper()
	var list []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return list
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken, html.CommentToken, html.DoctypeToken:
			list = append(list, z.Token().String())
		}
	}
}

// TestHostileHTML: whatever the texts are, the page has the same elements, and the
// parser of browsers reads what was written.
func TestHostileHTML(t *testing.T) {
	page := func(text string) string {
		var b bytes.Buffer
		KubeDoctorHTML(&b, kubeReport(text))
		return b.String()
	}
	want, got := elements(t, page("harmless")), elements(t, page(hostile))
	if !reflect.DeepEqual(got, want) || len(want) < 50 {
		t.Errorf("elements %q, want %q", got, want)
	}
	doc, err := html.Parse(strings.NewReader(page(hostile)))
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img") {
			t.Errorf("an element of the data: %s", n.Data)
		}
		if n.Type == html.TextNode && strings.Contains(n.Data, "<script>alert(1)</script>") {
			texts++
		}
	}
	if texts < 10 {
		t.Errorf("%d texts are shown", texts)
	}
}

// TestHostileJSON: JSON gives the texts back as they were, but for bytes that are
// no characters.
func TestHostileJSON(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, kubeReport(hostile)); err != nil {
		t.Fatal(err)
	}
	var v struct{ Findings []struct{ Text string } }
	if err := json.Unmarshal(b.Bytes(), &v); err != nil || v.Findings[0].Text != strings.ToValidUTF8(hostile, "\ufffd") {
		t.Errorf("%v, %q", err, v.Findings)
	}
}

// TestKubeSARIF: test/oracle/files holds the golden files against SARIF's schema.
func TestKubeSARIF(t *testing.T) {
	for name, text := range map[string]string{"plain": "harmless", "hostile": hostile} {
		var b bytes.Buffer
		if err := KubeDoctorSARIF(&b, kubeReport(text)); err != nil {
			t.Fatal(err)
		}
		file := "testdata/kube-doctor-" + name + ".sarif"
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(want, b.Bytes()) {
			t.Errorf("%s: %v: another text (go test ./internal/render -run TestKubeSARIF -update writes it anew)\n%s", file, err, b.Bytes())
		}
	}
}
