package diagnose

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// How a text gets from where it was printed to where it is explained.
var perturbations = []struct {
	name string
	do   func(string) string
}{
	{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") + "\r\n" }},
	{"CR", func(s string) string { return strings.ReplaceAll(s, "\n", "\r") }},
	{"UTF-16LE", func(s string) string { return "\xff\xfe" + utf16Text(s, binary.LittleEndian) }},
	{"UTF-16BE", func(s string) string { return "\xfe\xff" + utf16Text(s, binary.BigEndian) }},
	{"UTF-16LE without BOM", func(s string) string { return utf16Text(s, binary.LittleEndian) }},
	{"UTF-8 BOM", func(s string) string { return "\ufeff" + s }},
	{"colours", func(s string) string {
		return "\x1b[31;1m" + strings.ReplaceAll(s, " ", " \x1b[0m\x1b[38;5;9m") + "\x1b[0m\x1b]8;;\x07"
	}},
	{"JSON", jsonText},
	{"JSON in JSON", func(s string) string { return jsonText(jsonText(s)) }},
	{"JSON in JSON in JSON", func(s string) string { return jsonText(jsonText(jsonText(s))) }},
	{"event", func(s string) string {
		return `{"apiVersion":"v1","kind":"Event","type":"Warning","reason":"Failed","source":{"component":"kubelet","host":"akswin000001"},"message":` + string(quoted(s)) + `}`
	}},
	{"wrapped at 80", func(s string) string { return wrap(s, 80) }},
	{"wrapped at 61", func(s string) string { return wrap(s, 61) }},
	{"wrapped at 40", func(s string) string { return wrap(s, 40) }},
	{"wrapped at words", func(s string) string { return words(s, 72, "\n") }},
	{"wrapped and indented", func(s string) string { return words(s, 50, "\n        ") }},
	{"wrapped in a log with time stamps", func(s string) string {
		return "2026-11-24T10:11:12.1234567Z " + strings.ReplaceAll(wrap(s, 90), "\n", "\n2026-11-24T10:11:12.1234567Z ")
	}},
	{"one line", func(s string) string { return strings.Join(strings.Fields(s), " ") }},
	{"tabs", func(s string) string { return "\t\t" + strings.ReplaceAll(s, ": ", ":\t") }},
	{"other ids", func(s string) string {
		r := rand.New(rand.NewSource(7))
		return regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllStringFunc(s, func(string) string {
			return fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
		})
	}},
	{"other names", func(s string) string {
		return regexp.MustCompile(`olfactory-olm-app-deployment-64ddfc96dd-f6z5w|my-test-container|containerID|test:|xxxxxxx--cid--xxxxxxxx`).ReplaceAllString(s, "web-7c9f8d-x2")
	}},
	{"other versions", func(s string) string {
		return strings.NewReplacer("18362", "19042", "18363", "19043", "17763", "18363", "14393", "17134", "19044", "22621", "20348", "26100", "ltsc2022", "ltsc2025", "ltsc2019", "ltsc2022").Replace(s)
	}},
	{"upper-case code", func(s string) string {
		return regexp.MustCompile(`0x[0-9a-f]{8}`).ReplaceAllStringFunc(s, func(c string) string { return "0x" + strings.ToUpper(c[2:]) })
	}},
	{"pretty quotes", func(s string) string {
		open := false
		return strings.Map(func(r rune) rune {
			switch r {
			case '"':
				if open = !open; open {
					return '“'
				}
				return '”'
			case '\'':
				return '’'
			}
			return r
		}, s)
	}},
	{"HTML", html.EscapeString},
	{"prefix of a program", func(s string) string { return "docker.exe : " + s }},
	{"prefix of CI", func(s string) string { return "##[error]" + s }},
	{"prefix of PowerShell", func(s string) string {
		return s + "\nAt line:1 char:1\n+ docker run -it myregistry.example/app:1.0\n+ ~~~~~~~~~~~~~~~~~~\n    + CategoryInfo          : NotSpecified: (:String) [], RemoteException\n    + FullyQualifiedErrorId : NativeCommandError\n"
	}},
	{"quoted mail", func(s string) string { return "> " + strings.ReplaceAll(s, "\n", "\n> ") }},
	{"code fence", func(s string) string { return "I get this with docker:\n\n```\n" + s + "\n```\n\nAny idea?\n" }},
	{"indented", func(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }},
	{"lines around", func(s string) string {
		return "+ docker compose up\nSending build context to Docker daemon  2.048kB\n" + s + "\nCleaning up\n"
	}},
	{"in a long log", func(s string) string {
		return strings.Repeat("2026-11-24T10:00:00Z docker build: all is well here, nothing to see\n", 5000) + s + "\n" + strings.Repeat("2026-11-24T10:00:01Z going on\n", 3000)
	}},
	{"broken bytes", func(s string) string { return "\xc3\x28\x80\xfe\n" + s + "\n\xff\x00\x01" }},
	{"zeros", func(s string) string { return "a log of a machine that crashed\n\x00\x00\x00\x00\x00\n" + s }},
}

// surroundings are what stands around a text on its line and next to it: what
// programs, mails, web pages and people put there.
var surroundings = [][2]string{
	{"- ", ""}, {"* ", ""}, {"• ", ""}, {"1. ", ""}, {"> > ", ""}, {"!! ", ""}, {"│ ", " │"}, {"| ", " |"}, {"<3>", ""},
	{"ERROR ", ""}, {"[ERROR] ", ""}, {"FATAL: ", ""}, {"stderr: ", ""}, {"err=", ""}, {"Error message: ", ""}, {"Caused by: ", ""}, {"%!s(*errors=", ")"},
	{"Nov 24 10:00:00 host dockerd[123]: ", ""}, {"I1124 10:00:00.000000       1 x.go:12] ", ""}, {"2026-11-24 10:00:00,123 ERROR [main] ", ""}, {"2026-11-24T10:00:00.123Z\tERROR\t", ""},
	{"[2026-11-24T10:00:00Z] ", ""}, {"10:00:00 ", ""}, {"#12 0.345 ", ""}, {"app-web-1  | ", ""}, {"web-0 kubelet: ", ""}, {"Warning  Failed  3s (x4 over 1m)  kubelet  ", ""},
	{"<Data>", "</Data>"}, {"<p>", "</p>"}, {"<code>", "</code>"}, {"<pre><code>", "</code></pre>"}, {"**", "**"}, {"`", "`"}, {"\"", "\","}, {"('", "')"},
	{"System.Exception: ", "\n   at App.Main()"}, {"Exception calling \"Run\" with \"1\" argument(s): \"", "\""}, {"Traceback (most recent call last):\n  File \"x.py\", line 1\nRuntimeError: ", ""},
	{"Title: ", ""}, {"Description: ", ""}, {"@user wrote: ", ""}, {"It says ", ""}, {"Got: ", ""}, {"I have this problem since yesterday: ", ""}, {"What does this mean?\n\n", ""},
	{"Hi, we get the following on our build agents:\n\n", "\n\nThanks"}, {"", " Please help!"}, {"", "\n\nHow do I solve this?"},
}

func utf16Text(s string, order binary.ByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		var two [2]byte
		order.PutUint16(two[:], u)
		b = append(b, two[:]...)
	}
	return string(b)
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}

func jsonText(s string) string {
	return `{"level":"error","message":` + string(quoted(s)) + `,"time":"now"}`
}

func wrap(s string, width int) string {
	var b strings.Builder
	col := 0
	for _, r := range s {
		if r == '\n' {
			col = 0
		} else if col == width {
			b.WriteByte('\n')
			col = 0
		}
		b.WriteRune(r)
		if r != '\n' {
			col++
		}
	}
	return b.String()
}

func words(s string, width int, sep string) string {
	var b strings.Builder
	col := 0
	for _, w := range strings.SplitAfter(s, " ") {
		if col+len(w) > width && col > 0 {
			b.WriteString(sep)
			col = 0
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}

// TestPerturbed: every text of facts/source/errors.yaml keeps its class and code
// in whatever form it arrives.
func TestPerturbed(t *testing.T) {
	if len(perturbations) < 20 {
		t.Fatal("too few perturbations")
	}
	all := perturbations
	for _, p := range surroundings {
		all = append(all, struct {
			name string
			do   func(string) string
		}{"within " + p[0] + "…" + p[1], func(s string) string { return p[0] + s + p[1] }})
	}
	total, bad := 0, 0
	for _, e := range lines[sourceText](t, "testdata/source.jsonl") {
		for _, p := range all {
			total++
			text := p.do(e.Text)
			r := Text(text, f)
			if len(r.Diagnoses) == 0 {
				t.Errorf("%s, %s: no diagnosis of %.600q", e.ID, p.name, text)
				bad++
				continue
			}
			d := &r.Diagnoses[0]
			if !slices.Contains(want(&e), d.Cause) {
				t.Errorf("%s, %s: %s %q, want %s: %.600q", e.ID, p.name, d.Cause, d.Detail, e.Class, text)
				bad++
			} else if e.Code != "" && d.Code != code(t, e.Code) {
				t.Errorf("%s, %s: code %s, want %s: %.600q", e.ID, p.name, d.Code, e.Code, text)
				bad++
			}
		}
	}
	t.Logf("%d of %d texts as wanted, %d perturbations", total-bad, total, len(all))
}

// TestCodeForms: a code is the same code in hex of either facility, in either
// case, and as a signed or unsigned decimal.
func TestCodeForms(t *testing.T) {
	for _, e := range lines[sourceText](t, "testdata/source.jsonl") {
		c := code(t, e.Code)
		if !c.hcs() && !c.ntstatus() || !strings.Contains(e.Text, c.String()) && !strings.Contains(e.Text, fmt.Sprint(int32(c))) {
			continue
		}
		forms := []string{c.String(), strings.ToUpper(c.String()[2:]), fmt.Sprint(int32(c)), fmt.Sprint(uint32(c))}
		forms[1] = "0x" + forms[1]
		if c>>16 == 0xc037 {
			forms = append(forms, (c & 0xbfffffff).String())
		}
		for _, form := range forms {
			text := strings.NewReplacer(c.String(), form, fmt.Sprint(int32(c)), form, "3221226505", form).Replace(e.Text)
			r := Text(text, f)
			if len(r.Diagnoses) == 0 || !slices.Contains(want(&e), r.Diagnoses[0].Cause) {
				t.Errorf("%s as %s: %v of %q", e.ID, form, r.Diagnoses, text)
				continue
			}
			if got := r.Diagnoses[0].Code; got&0x3fffffff != c&0x3fffffff {
				t.Errorf("%s as %s: %s", e.ID, form, got)
			}
		}
	}
}
