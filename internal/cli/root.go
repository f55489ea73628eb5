// Package cli is the command line: one file a verb, each of which reads flags,
// calls the core and hands a value to a renderer. docs/contract.md says what
// scripts may rely on.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/render"
)

// The exit codes of the contract.
const (
	exitOK      = 0
	exitFinding = 1
	exitFailure = 2
	exitUnknown = 3
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time

	output    string // text, json, …
	factsFile string
	noColor   bool
	quiet     bool
	verbose   bool

	dockerFlags []string // that docker got before the verb, where this is its plugin

	facts   *facts.Facts
	exit    int
	program *Program // nil: winmatch itself
}

// failure is an error with a next step.
type failure struct {
	text, hint string
}

func (f *failure) Error() string { return f.text }

func failf(hint, format string, args ...any) error {
	return &failure{fmt.Sprintf(format, args...), hint}
}

// Main runs the program and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	log.SetOutput(io.Discard) // net/http would print what a broken server sends
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now, facts: facts.Embedded()}
	if isPlugin(os.Args[0]) {
		return a.runPlugin(args)
	}
	return a.run(args)
}

// name is the program as users call it.
func (a *app) name() string {
	if a.program != nil {
		return a.program.Name
	}
	return "winmatch"
}

func (a *app) run(args []string) int { return a.runContext(context.Background(), args) }

func (a *app) runContext(ctx context.Context, args []string) int {
	root := a.root(args)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		a.report(err)
		return exitFailure
	}
	return a.exit
}

// verbs are the verbs and what builds them.
var verbs = [...]struct {
	name  string
	build func(*app) *cobra.Command
}{
	{"check", (*app).checkCommand},
	{"explain", (*app).explainCommand},
	{"tag", (*app).tagCommand},
	{"host", (*app).hostCommand},
	{"image", (*app).imageCommand},
	{"index", (*app).indexCommand},
	{"scan", (*app).scanCommand},
	{"fix", (*app).fixCommand},
	{"swarm", (*app).swarmCommand},
	{"kube", (*app).kubeCommand},
	{"matrix", (*app).matrixCommand},
	{"facts", (*app).factsCommand},
	{"version", (*app).versionCommand},
}

// addVerbs adds the verb that the arguments begin with, so that a start pays for
// no other and not for cobra's completion verb; all of them where they begin
// with anything else.
func (a *app) addVerbs(root *cobra.Command, args []string) {
	if a.program != nil {
		for _, build := range a.program.Verbs {
			root.AddCommand(build(a))
		}
		root.AddCommand(a.versionCommand())
		return
	}
	for _, v := range &verbs {
		if len(args) > 0 && args[0] == v.name {
			root.AddCommand(v.build(a))
			root.CompletionOptions.DisableDefaultCmd = true
			return
		}
	}
	for _, v := range &verbs {
		root.AddCommand(v.build(a))
	}
}

func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "winmatch",
		Short:         "Will this Windows container image run on this host, and if not, what will?",
		SilenceErrors: true,

		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				hint := a.name() + " --help lists the verbs"
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					hint = "did you mean " + strings.Join(near, " or ") + "?"
				}
				return failf(hint, "unknown verb %q", args[0])
			}
			return nil
		},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
	}
	if p := a.program; p != nil {
		// cobra takes the first word for the name; users type two.
		root.Use, root.Short = strings.ReplaceAll(p.Name, " ", "-"), p.Short
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: p.Name}
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.output, "output", "o", "text", "form of the answer: text, json, and for matrix also markdown, csv, html")
	flags.StringVar(&a.factsFile, "facts", "", "lay the newer facts of `FILE` over the embedded ones")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours (also: NO_COLOR)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no warnings")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more")
	a.addVerbs(root, args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return failf(cmd.CommandPath()+" --help lists the flags", "%s", strings.TrimSuffix(err.Error(), "."))
	})
	return root
}

// prepare loads the user's facts and warns where the facts are old.
func (a *app) prepare() error {
	if a.factsFile != "" {
		file, err := os.Open(a.factsFile)
		if err != nil {
			return err
		}
		defer file.Close()
		f, err := a.facts.Overlay(file)
		if err != nil {
			return failf("nothing of the file was used", "%s: %v", a.factsFile, err)
		}
		a.facts = f
	}
	if days := a.facts.AsOf.Days(a.today()); days > facts.StaleAfterDays {
		a.warn("the facts are of %s, %d days old: newer updates are not known (winmatch facts --help)", a.facts.AsOf, days)
	}
	return nil
}

// today is the day of the run, by UTC.
func (a *app) today() facts.Date {
	t := a.now().UTC()
	return facts.Date(t.Year()*10000 + int(t.Month())*100 + t.Day())
}

func (a *app) warn(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "%s: warning: %s\n", a.name(), fmt.Sprintf(format, args...))
	}
}

// report writes an error, and a next step where one is known.
func (a *app) report(err error) {
	fmt.Fprintf(a.stderr, "%s: error: %s\n", a.name(), err)
	if h := hintOf(err); h != "" {
		fmt.Fprintf(a.stderr, "%s: hint: %s\n", a.name(), h)
	}
}

func hintOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.hint
	}
	return ""
}

// form checks -o against the forms that a verb has.
func (a *app) form(forms ...string) error {
	for _, f := range forms {
		if a.output == f {
			return nil
		}
	}
	return failf("", "unknown output %q (this verb has %s)", a.output, strings.Join(forms, ", "))
}

func (a *app) style() render.Style {
	color := !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if color {
		file, ok := a.stdout.(*os.File)
		color = ok && terminal(file) && enableColor(file)
	}
	return render.Style{Color: color, Verbose: a.verbose}
}

// terminal reports whether a file is a terminal, or at least a device of
// characters: colours do no harm to the others.
func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (a *app) info() render.FactsInfo { return render.FactsInfo{AsOf: a.facts.AsOf} }

// settle sets the exit code from answers: a no, with strict also a risky, comes
// before an unknown.
func (a *app) settle(strict bool, answers ...compat.Answer) {
	for _, answer := range answers {
		switch {
		case answer == compat.No, strict && answer == compat.Risky:
			a.exit = exitFinding
		case answer == compat.Unknown && a.exit == exitOK:
			a.exit = exitUnknown
		}
	}
}
