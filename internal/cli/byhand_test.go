package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/facts"
)

// TestByHand runs the cases of testdata/byhand/check.txt, which were decided by
// hand from their sources.
func TestByHand(t *testing.T) {
	file, err := os.Open("testdata/byhand/check.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for in := bufio.NewScanner(file); in.Scan(); {
		row := strings.Split(in.Text(), " | ")
		if in.Text() == "" || strings.HasPrefix(in.Text(), "#") {
			continue
		}
		if len(row) != 3 {
			t.Fatalf("%q: want ASKED | EXPECTED | SOURCE", in.Text())
		}
		n++
		t.Run(row[0], func(t *testing.T) { byHand(t, strings.Fields(row[0]), strings.Fields(row[1]), row[2]) })
	}
	if n < 100 {
		t.Errorf("only %d cases", n)
	}
}

func byHand(t *testing.T, args, want []string, source string) {
	t.Helper()
	for i, a := range args {
		for short, name := range map[string]string{"sc:": "mcr.microsoft.com/windows/servercore:", "ns:": "mcr.microsoft.com/windows/nanoserver:"} {
			if tag, ok := strings.CutPrefix(a, short); ok {
				args[i] = name + tag
			}
		}
	}
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { return today }, facts: facts.Embedded()}
	code := a.run(append([]string{"check", "-o", "json", "--offline"}, args...))
	var got struct {
		Results []struct {
			Answer, Documented, Isolation string
			Predicted                     struct{ Pull, Start, Code string }
			Reasons                       []struct{ Code, Source string }
			Remedies                      []struct{ Kind string }
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || len(got.Results) != 1 {
		t.Fatalf("exit code %d: %s%s", code, &stdout, &stderr)
	}
	r := got.Results[0]
	if exit := map[string]int{"yes": 0, "risky": 0, "no": 1, "unknown": 3}[r.Answer]; code != exit {
		t.Errorf("exit code %d of the answer %s, want %d", code, r.Answer, exit)
	}
	var reasons, remedies []string
	for _, x := range r.Reasons {
		if !strings.HasPrefix(x.Source, "https://") {
			t.Errorf("source %q of %s", x.Source, x.Code)
		}
		reasons = append(reasons, x.Code)
	}
	for _, x := range r.Remedies {
		remedies = append(remedies, x.Kind)
	}
	for _, w := range want {
		key, list, _ := strings.Cut(w, "=")
		any := func(have ...string) bool {
			return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return slices.Contains(have, s) })
		}
		ok := false
		switch key {
		case "answer":
			ok = any(r.Answer)
		case "documented":
			ok = any(r.Documented)
		case "isolation":
			ok = any(r.Isolation)
		case "pull":
			ok = any(r.Predicted.Pull)
		case "start":
			ok = any(r.Predicted.Start)
		case "code":
			ok = any(r.Predicted.Code)
		case "reason":
			ok = any(reasons...)
		case "noreason":
			ok = !any(reasons...)
		case "noremedy":
			ok = !any(remedies...)
		}
		if !ok {
			t.Errorf("want %s (%s), got %+v", w, source, r)
		}
	}
}
