package diagnose

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/winmatch/winmatch/winver"
)

// check holds what is true of every report.
func check(t *testing.T, r *Report) {
	t.Helper()
	if len(r.Diagnoses) > MaxDiagnoses {
		t.Fatalf("%d diagnoses", len(r.Diagnoses))
	}
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		if d.Count < 1 || d.First < 1 || d.Last < d.First || d.Last > r.Lines+1 {
			t.Fatalf("count %d, lines %d to %d of %d", d.Count, d.First, d.Last, r.Lines)
		}
		for _, s := range append([]string{d.Container, d.Node, d.Pod, d.Image, d.Service, d.Namespace}, d.Evidence...) {
			if len(s) > 520 || !utf8.ValidString(s) || strings.ContainsAny(s, "\x1b\n\r") {
				t.Fatalf("%q in a diagnosis", s)
			}
		}
		for _, k := range []Known{{}, {Host: winver.New(20348, 2227), Image: windows("10.0.26100.1")}, {Host: winver.OfBuild(19045), Image: linux}} {
			got := d.Judge(f, &k)
			if got.Headline == "" || got.Source == "" {
				t.Fatalf("%+v: nothing said", got)
			}
			if got.Confidence == Possible && got.Otherwise == "" && !got.Asked {
				t.Fatalf("%s %q is possible, and nothing else is named", got.Cause, got.Detail)
			}
			if got.Cause == Undetermined && got.Confidence == Certain {
				t.Fatalf("%+v: certain of nothing", got)
			}
		}
	}
}

func FuzzText(fz *testing.F) {
	for _, e := range lines[sourceText](fz, "testdata/source.jsonl") {
		fz.Add(e.Text)
	}
	for _, e := range lines[threadText](fz, "testdata/errors.jsonl") {
		fz.Add(e.Text)
	}
	for _, name := range []string{"testdata/swarm.txt", "testdata/kubernetes.txt"} {
		b, err := os.ReadFile(name)
		if err != nil {
			fz.Fatal(err)
		}
		fz.Add(string(b))
	}
	fz.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		check(t, Text(text, f))
	})
}

// FuzzChunks: a text is the same text however it is handed over.
func FuzzChunks(fz *testing.F) {
	for _, e := range lines[sourceText](fz, "testdata/source.jsonl") {
		fz.Add([]byte(e.Text), []byte("\n"), uint16(1))
		fz.Add([]byte(utf16Text(e.Text, binary.LittleEndian)), []byte("x\x00"), uint16(300))
	}
	fz.Fuzz(func(t *testing.T, text, filler []byte, n uint16) {
		if len(text) > 1<<12 || len(filler) > 64 {
			return
		}
		all := append(bytes.Repeat(filler, int(n)%2000), text...)
		whole, err := Read(bytes.NewReader(all), f)
		if err != nil {
			t.Fatal(err)
		}
		check(t, whole)
		for _, in := range []io.Reader{iotest.OneByteReader(bytes.NewReader(all)), iotest.HalfReader(bytes.NewReader(all)), iotest.DataErrReader(bytes.NewReader(all))} {
			r, err := Read(in, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Diagnoses) != len(whole.Diagnoses) || r.Bytes != whole.Bytes || r.Lines != whole.Lines {
				t.Fatalf("%d diagnoses, %d bytes, %d lines; handed over whole %d, %d, %d", len(r.Diagnoses), r.Bytes, r.Lines, len(whole.Diagnoses), whole.Bytes, whole.Lines)
			}
		}
	})
}

// TestLong: errors are found wherever they stand in a long text, and what is
// read does not pile up.
func TestLong(t *testing.T) {
	const message = "docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: The container operating system does not match the host operating system.\n"
	filler := strings.Repeat("nothing to see on this line of the log\n", 1)
	for _, before := range []int{0, bufferMin - 100, bufferMin, bufferMax - ahead - 50, bufferMax - 100, bufferMax, bufferMax + 1, 2*bufferMax + 77, 3 << 20} {
		n := before / len(filler)
		text := strings.Repeat(filler, n) + strings.Repeat("x", before%len(filler)) + "\n" + message + strings.Repeat(filler, 60000)
		r := Text(text, f)
		if len(r.Diagnoses) != 1 || r.Diagnoses[0].Count != 1 || r.Diagnoses[0].First != n+2 || r.Diagnoses[0].Cause != Mismatch {
			t.Errorf("after %d bytes: %+v, want line %d", before, r.Diagnoses, n+2)
		}
		if r.Bytes != int64(len(text)) || r.Lines != strings.Count(text, "\n") {
			t.Errorf("after %d bytes: %d bytes, %d lines", before, r.Bytes, r.Lines)
		}
	}
	// The same error on every line: counted each time.
	if r := Text(strings.Repeat(message, 30000), f); len(r.Diagnoses) != 1 || r.Diagnoses[0].Count != 30000 || r.Diagnoses[0].Last != 30000 {
		t.Errorf("30,000 times: %d diagnoses, %d times, to line %d", len(r.Diagnoses), r.Diagnoses[0].Count, r.Diagnoses[0].Last)
	}
	// One endless line.
	if r := Text(strings.Repeat("x", 3<<20)+" "+message[:len(message)-1]+strings.Repeat("y", 3<<20), f); len(r.Diagnoses) != 1 || r.Lines != 1 {
		t.Errorf("an endless line: %+v", r.Diagnoses)
	}
	// More kinds of errors than are kept.
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(strings.Replace("Failed to pull image \"registry.example/appN:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example/appN:1\": no match for platform in manifest: not found\n", "appN", "app"+strings.Repeat("z", i%300)+string(rune('a'+i%26)), 2))
	}
	if r := Text(b.String(), f); len(r.Diagnoses) != MaxDiagnoses {
		t.Errorf("%d diagnoses", len(r.Diagnoses))
	}
}
