package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

// The exit codes, for programs beside winmatch.
const (
	Finding   = exitFinding
	Failure   = exitFailure
	Undecided = exitUnknown
)

// A Program is a command beside winmatch that shares its flags, its manners and
// its facts: kubectl-winmatch. Its verbs have a package of their own, so that
// winmatch does not link what they need.
type Program struct {
	Name  string // as users call it: "kubectl winmatch"
	Short string
	Verbs []func(*Run) *cobra.Command
}

// Run is one run of a program, as its verbs see it.
type Run = app

// Main runs the program and returns its exit code.
func (p *Program) Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return p.MainAt(args, stdin, stdout, stderr, time.Now)
}

// MainAt is Main with a clock.
func (p *Program) MainAt(args []string, stdin io.Reader, stdout, stderr io.Writer, now func() time.Time) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, now: now, facts: facts.Embedded(), program: p}
	return a.runContext(ctx, args)
}

// Facts are the facts of this run.
func (a *app) Facts() *facts.Facts { return a.facts }

// Today is the day of the run, by UTC.
func (a *app) Today() facts.Date { return a.today() }

// Now is the time of the run.
func (a *app) Now() time.Time { return a.now() }

// Out is where the answer goes.
func (a *app) Out() io.Writer { return a.stdout }

// Err is where everything else goes.
func (a *app) Err() io.Writer { return a.stderr }

// In is standard input.
func (a *app) In() io.Reader { return a.stdin }

// Hosts reads the hosts that users name, as check does: names, versions, texts and
// files with texts.
func (a *app) Hosts(values []string) ([]winver.Host, error) { return a.hosts(values) }

// Form is what -o asks for, one of the forms that the verb has.
func (a *app) Form(forms ...string) (string, error) { return a.output, a.form(forms...) }

// Info says how old the facts are.
func (a *app) Info() render.FactsInfo { return a.info() }

// Style says how text looks.
func (a *app) Style() render.Style { return a.style() }

// Warn writes a warning, unless the user wants none.
func (a *app) Warn(format string, args ...any) { a.warn(format, args...) }

// Hint writes a next step, unless the user wants none.
func (a *app) Hint(text string) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "%s: hint: %s\n", a.name(), text)
	}
}

// Exit sets the exit code, unless a worse one is set: a finding comes before what
// is undecided.
func (a *app) Exit(code int) {
	if a.exit == exitOK || code == exitFinding {
		a.exit = code
	}
}

// Clear forgets the exit code, for an answer that is given anew.
func (a *app) Clear() { a.exit = exitOK }

// Fail is an error with a next step, which may be empty.
func Fail(hint, format string, args ...any) error { return failf(hint, format, args...) }
