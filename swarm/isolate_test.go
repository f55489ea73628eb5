package swarm

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/compat"
)

func TestSetIsolation(t *testing.T) {
	for _, c := range []struct{ in, after, out, before string }{
		{"", "hyperv", "{\n    \"exec-opts\": [\"isolation=hyperv\"]\n}\n", ""},
		{" \n", "process", "{\n    \"exec-opts\": [\"isolation=process\"]\n}\n", ""},
		{"", "", "", ""},
		{"{}", "hyperv", `{"exec-opts":["isolation=hyperv"]}`, ""},
		{"{}", "", "{}", ""},
		{"{\r\n\t\"debug\": true\r\n}\r\n", "hyperv", "{\r\n\t\"debug\": true,\r\n\t\"exec-opts\": [\"isolation=hyperv\"]\r\n}\r\n", ""},
		{`{"exec-opts":["isolation=process"], "x": 1.0}`, "hyperv", `{"exec-opts":["isolation=hyperv"], "x": 1.0}`, "process"},
		{`{"exec-opts":["isolation=hyperv"]}`, "hyperv", `{"exec-opts":["isolation=hyperv"]}`, "hyperv"},
		{`{"exec-opts":["Isolation=HyperV"]}`, "hyperv", `{"exec-opts":["Isolation=HyperV"]}`, "hyperv"},
		{`{"exec-opts":["a=b"]}`, "process", `{"exec-opts":["a=b", "isolation=process"]}`, ""},
		{`{"exec-opts":[ ]}`, "process", `{"exec-opts":["isolation=process"]}`, ""},
		{`{"exec-opts":null}`, "process", `{"exec-opts":["isolation=process"]}`, ""},
		{`{"a":1,"exec-opts":["isolation=hyperv"],"b":2}`, "", `{"a":1,"b":2}`, "hyperv"},
		{`{"exec-opts":["isolation=hyperv"], "b":2}`, "", `{"b":2}`, "hyperv"},
		{`{ "exec-opts":["isolation=hyperv"] }`, "", `{}`, "hyperv"},
		{`{"exec-opts":["isolation=hyperv","a=b"]}`, "", `{"exec-opts":["a=b"]}`, "hyperv"},
		{`{"exec-opts":["a=b", "isolation=hyperv", "c=d"]}`, "", `{"exec-opts":["a=b", "c=d"]}`, "hyperv"},
		{`{"exec-opts":["isolation=hyperv","a=b","isolation=process"]}`, "hyperv", `{"exec-opts":["isolation=hyperv","a=b"]}`, "process"},
		{`{"exec-opts":["isolation=hyperv","isolation=hyperv"]}`, "process", `{"exec-opts":["isolation=process"]}`, "hyperv"},
		{`{"exec-opts":["isolation=default"]}`, "", `{"exec-opts":["isolation=default"]}`, "default"},
	} {
		out, before, err := setIsolation([]byte(c.in), c.after)
		if err != nil || string(out) != c.out || before != c.before {
			t.Errorf("%q to %q: %q (before %q), %v, want %q", c.in, c.after, out, before, err, c.out)
			continue
		}
		if again, _, err := setIsolation(out, c.after); err != nil || !bytes.Equal(again, out) {
			t.Errorf("%q to %q a second time: %q, %v", out, c.after, again, err)
		}
	}
}

func TestSetIsolationRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"{\n  // isolation\n  \"debug\": true\n}": ":2:3: a comment, which dockerd does not take",
		`{"debug": true,}`:                        ":1:16: ",
		`[]`:                                      ": an object is expected",
		`{"exec-opts":"isolation=a"}`:             ":1:14: exec-opts: a list of texts is expected",
		`{"exec-opts":[1]}`:                       "a list of texts is expected",
		`{"exec-opts":[],"exec-opts":[]}`:         "twice",
		`{"Exec-Opts":[]}`:                        `dockerd wants "exec-opts"`,
		`{"a":1} x`:                               ":1:9: ",
	} {
		if out, _, err := setIsolation([]byte(in), "hyperv"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want an error with %q", in, out, err, want)
		}
	}
}

func TestIsolationFile(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	utf16 := func(low, high int, s string) string {
		var b strings.Builder
		for _, r := range "\ufeff" + s {
			pair := [2]byte{}
			pair[low], pair[high] = byte(r), byte(r>>8)
			b.Write(pair[:])
		}
		return b.String()
	}
	const in, out = `{"label":"é"}`, `{"label":"é","exec-opts":["isolation=hyperv"]}`
	for name, pair := range map[string][2]string{
		"plain.json":   {in, out},
		"bom.json":     {"\xef\xbb\xbf" + in, "\xef\xbb\xbf" + out},
		"utf16le.json": {utf16(0, 1, in), utf16(0, 1, out)},
		"utf16be.json": {utf16(1, 0, in), utf16(1, 0, out)},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(pair[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		for round, wantBackup := range []bool{true, false} {
			d, err := PlanIsolation(file, compat.HyperV)
			if err != nil {
				t.Fatal(name, err)
			}
			backup, err := d.Apply(now)
			if err != nil || (backup != "") != wantBackup {
				t.Fatalf("%s, round %d: backup %q, %v", name, round, backup, err)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != pair[1] {
				t.Errorf("%s: %q, %v, want %q", name, got, err, pair[1])
			}
			if wantBackup {
				if got, err := os.ReadFile(backup); err != nil || string(got) != pair[0] {
					t.Errorf("%s: the backup holds %q, %v", name, got, err)
				}
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 && info.Mode().Perm() != 0o666 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "odd.json"), []byte("\xff\xfe{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PlanIsolation(filepath.Join(dir, "odd.json"), compat.HyperV); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("odd UTF-16: %v", err)
	}
	made, err := PlanIsolation(filepath.Join(dir, "new", "daemon.json"), compat.Process)
	if err != nil || !made.New || !made.Changes() {
		t.Fatalf("a file that is not there: %+v, %v", made, err)
	}
	if _, err := made.Apply(now); err != nil {
		t.Fatal(err)
	}
	moved, err := PlanIsolation(made.File, compat.HyperV)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(made.File, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Apply(now); codeOf(err) != CodeConflict {
		t.Errorf("a file that changed meanwhile: %v", err)
	}
	if got, err := os.ReadFile(made.File); err != nil || string(got) != "{}" {
		t.Errorf("it was overwritten: %q, %v", got, err)
	}
}

// FuzzIsolation: whatever the file, the edit says no or changes exec-opts and
// nothing else, and a second one changes nothing.
func FuzzIsolation(f *testing.F) {
	for _, s := range []string{"", "{}", `{"exec-opts":["isolation=process","a=b"],"x":[1,{"y":null}]}`, `{"exec-opts":["native.cgroupdriver=x"]}`, "{ // c\n}", `{"a":"\u00e9","exec-opts":[]}`, `[1]`, `{"exec-opts":null,"Exec-Opts":[]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, after := range []string{"hyperv", "process", ""} {
			out, _, err := setIsolation([]byte(in), after)
			if err != nil || strings.TrimSpace(in) == "" {
				continue
			}
			var was, is map[string]json.RawMessage
			if err := json.Unmarshal([]byte(in), &was); err != nil {
				t.Fatalf("%q was edited: %v", in, err)
			}
			if err := json.Unmarshal(out, &is); err != nil {
				t.Fatalf("%q became %q: %v", in, out, err)
			}
			var opts []string
			if v := is["exec-opts"]; v != nil {
				if err := json.Unmarshal(v, &opts); err != nil {
					t.Fatal(err)
				}
			}
			if got := lastIsolation(opts); got != after && (after != "" || got != "default") {
				t.Fatalf("%q became %q: isolation %q, want %q", in, out, got, after)
			}
			delete(was, "exec-opts")
			delete(is, "exec-opts")
			if len(was) != len(is) {
				t.Fatalf("%q became %q: other keys", in, out)
			}
			for k, v := range was {
				if !bytes.Equal(v, is[k]) {
					t.Fatalf("%q became %q: key %q", in, out, k)
				}
			}
			if again, _, err := setIsolation(out, after); err != nil || !bytes.Equal(again, out) {
				t.Fatalf("%q a second time: %q, %v", out, again, err)
			}
		}
	})
}

func lastIsolation(opts []string) (last string) {
	for _, o := range opts {
		if k, v, ok := strings.Cut(o, "="); ok && strings.EqualFold(strings.TrimSpace(k), "isolation") {
			last = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return last
}
