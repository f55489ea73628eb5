package diagnose

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"strings"
	"testing"
)

// logText is a log of at least n bytes, ordinary but for an error every so many
// lines (0: none).
func logText(n, every int) []byte {
	r := rand.New(rand.NewSource(1))
	words := strings.Fields("info debug starting container pulled image successfully node ready health check passed request GET /api/v1/pods 200 user session cache refreshed windows service kubelet sync loop volume mounted")
	var b bytes.Buffer
	for line := 1; b.Len() < n; line++ {
		fmt.Fprintf(&b, "2026-11-24T%02d:%02d:%02d.%06dZ level=info msg=\"", r.Intn(24), r.Intn(60), r.Intn(60), r.Intn(1e6))
		for range 14 {
			b.WriteString(words[r.Intn(len(words))] + " ")
		}
		fmt.Fprintf(&b, "\" id=%016x%016x\n", r.Uint64(), r.Uint64())
		if every > 0 && line%every == 0 {
			fmt.Fprintf(&b, "2026-11-24T00:00:00.000000Z docker: Error response from daemon: hcs::CreateComputeSystem %016x%016x%016x%016x: The container operating system does not match the host operating system.\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
		}
	}
	return b.Bytes()
}

// stream is a text again and again, without holding it in memory.
type stream struct {
	text []byte
	pos  int
	left int
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.left)], s.text[s.pos:])
	s.pos = (s.pos + n) % len(s.text)
	s.left -= n
	return n, nil
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name  string
		every int
	}{{"clean", 0}, {"an_error_a_thousand_lines", 1000}, {"an_error_a_line", 1}} {
		b.Run(c.name, func(b *testing.B) {
			text := logText(16<<20, c.every)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(bytes.NewReader(text), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOne is one pasted error.
func BenchmarkOne(b *testing.B) {
	const text = "docker: Error response from daemon: container b81ed896222eb87906ccab1c3dd2fc49324eafa798438f7979b87b210906f839 encountered an error during CreateContainer: failure in a Windows system call: The operating system of the container does not match the operating system of the host. (0xc0370101) extra info: {}"
	b.ReportAllocs()
	for b.Loop() {
		Text(text, f)
	}
}

// TestMemory: what a text takes does not depend on its length.
func TestMemory(t *testing.T) {
	text := logText(1<<20, 500)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Read(&stream{text: text, left: 96 << 20}, f)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("%d bytes allocated while reading %d", got, r.Bytes)
	}
	if len(r.Diagnoses) != 1 || r.Diagnoses[0].Count < 900 {
		t.Errorf("%d diagnoses, the first %d times", len(r.Diagnoses), r.Diagnoses[0].Count)
	}
}
