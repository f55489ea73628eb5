package cli

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/winmatch/winmatch/facts"
)

// today is the day of all tests: the facts age, the tests do not.
var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"winmatch": func() {
			a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: func() time.Time { return today }, facts: facts.Embedded()}
			os.Exit(a.run(os.Args[1:]))
		},
	})
}

func TestScripts(t *testing.T) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		// status CODE COMMAND…: the command exits with exactly that code.
		// expand FILE: $NAME in it is replaced by the variable.
		"expand": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
		},
		"status": func(ts *testscript.TestScript, neg bool, args []string) {
			want, err := strconv.Atoi(args[0])
			ts.Check(err)
			code := 0
			err = ts.Exec(args[1], args[2:]...)
			var e *exec.ExitError
			if errors.As(err, &e) {
				code = e.ExitCode()
			} else {
				ts.Check(err)
			}
			if code != want || neg {
				ts.Fatalf("exit code %d, want %d", code, want)
			}
		},
	}
	maps.Copy(cmds, registryCmds())
	maps.Copy(cmds, layoutCmds())
	maps.Copy(cmds, swarmCmds())
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: cmds})
}

func TestStaleFacts(t *testing.T) {
	for _, c := range []struct {
		day  time.Time
		warn bool
	}{
		{time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), false}, // 60 days
		{time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), true},
	} {
		var stdout, stderr bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { return c.day }, facts: facts.Embedded()}
		if code := a.run([]string{"host", "ws2022"}); code != 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		if got := strings.Contains(stderr.String(), "winmatch: warning: the facts are of 2026-09-29"); got != c.warn || strings.Count(stderr.String(), "\n") > 1 {
			t.Errorf("on %s: %q", c.day.Format(time.DateOnly), &stderr)
		}
		if strings.Contains(stdout.String(), "warning") {
			t.Error("the warning is on stdout")
		}
		stderr.Reset()
		if a.run([]string{"-q", "host", "ws2022"}); stderr.Len() > 0 {
			t.Errorf("-q: %q", &stderr)
		}
	}
}
