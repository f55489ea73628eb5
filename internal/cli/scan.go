package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
)

// scanFlags are the flags of the verbs that read files.
type scanFlags struct {
	hosts     []string
	edition   string
	isolation string
	runtime   string
	buildArgs []string
	kind      string
	stdinName string
	config    string
	strict    bool
	noIgnore  bool
	online    bool
	insecure  bool

	asker *files.Asker // with online
}

func (f *scanFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVarP(&f.hosts, "host", "H", nil, "the `HOST` that the images are to run on; may be repeated (default: what the files say)")
	fl.StringVar(&f.edition, "edition", "", "server or client, where HOST does not say")
	fl.StringVar(&f.isolation, "isolation", "", "process or hyperv, where a file does not say")
	fl.StringVar(&f.runtime, "runtime", "", "docker, docker-containerd, containerd or none, with @VERSION, where a file does not say")
	fl.StringArrayVar(&f.buildArgs, "build-arg", nil, "`NAME=VALUE` of an ARG in Dockerfiles; may be repeated")
	fl.StringVar(&f.kind, "kind", "", "take every file for this `KIND`: "+strings.Join(files.KindNames(), ", "))
	fl.StringVar(&f.stdinName, "stdin-name", "", "`NAME` of the file on standard input, for PATH -")
	fl.StringVar(&f.config, "config", "", "settings of `FILE` (default: winmatch.yaml of the repository; none: no settings)")
	fl.BoolVar(&f.strict, "strict", false, "exit 2 for files that are templates too")
	fl.BoolVar(&f.noIgnore, "no-ignore", false, "read files that git ignores, too")
	fl.BoolVar(&f.online, "online", false, "ask registries what is in images whose names do not say all, with Docker's credentials")
	fl.BoolVar(&f.insecure, "insecure", false, "ask registries by plain HTTP, but for docker.io and mcr.microsoft.com")
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan [PATH…]",
		Short: "Find images in files that will not run where they are to run",
		Long: `Find images in files that will not run where they are to run: a FROM that the host
cannot build, a tag that there is not, a Windows out of support.

PATH is a file, a folder with everything below it, or - for standard input;
without one it is this folder. -o has text, json, sarif and github. HOST is as check takes it; without one it is what
winmatch.yaml at the repository's root says, else what a file itself says: the
label of a CI runner, a node selector. Registries are asked with --online only:
what a name does not say is not known, and is no finding (-v tells). In folders,
what git ignores is passed over.

Exit codes: 0 nothing found; 1 at least one error or warning; 2 wrong usage, or a
file that could not be read.`,
		Example: `  winmatch scan --host ws2019
  winmatch scan --host ws2022 --host ws2025 deploy/ Dockerfile
  winmatch scan --kind dockerfile - <Dockerfile.in`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.scan(cmd.Context(), &f, args) },
	}
	f.flags(cmd)
	return cmd
}

func (a *app) scan(ctx context.Context, f *scanFlags, args []string) error {
	if err := a.form("text", "json", "sarif", "github"); err != nil {
		return err
	}
	s, err := a.scanner(ctx, f)
	if err != nil {
		return err
	}
	out := render.Scan{Facts: a.info(), Findings: []render.ScanFinding{}, Errors: []render.ScanError{}}
	style := a.style()
	err = a.eachFile(s, f, args, func(r files.Result, _ []byte) {
		a.count(&r, f.strict)
		n := len(out.Findings)
		out.Add(&r)
		if a.output == "text" {
			render.ScanText(a.stdout, out.Findings[n:], style)
			out.Findings = out.Findings[:0]
		}
	})
	if err != nil {
		return err
	}
	switch a.output {
	case "json":
		return render.JSON(a.stdout, &out)
	case "sarif":
		return render.ScanSARIF(a.stdout, &out, programVersion())
	case "github":
		render.ScanGitHub(a.stdout, &out)
	}
	return nil
}

// scanner is what the flags ask for.
func (a *app) scanner(ctx context.Context, f *scanFlags) (*files.Scanner, error) {
	debug.SetGCPercent(400) // short-lived, and small: time is worth more than memory
	s := &files.Scanner{Facts: a.facts, Today: a.today(), Kind: f.kind, Verbose: a.verbose, NoGitIgnore: f.noIgnore}
	if f.online {
		f.asker = files.Ask(ctx, &image.Client{Insecure: f.insecure, Facts: a.facts, Timeout: 10 * time.Second})
		s.Look = f.asker.Look
	}
	var ok bool
	if s.Isolation, ok = compat.ParseIsolation(f.isolation); !ok {
		return nil, failf("", "unknown isolation %q (want process or hyperv)", f.isolation)
	}
	if f.kind != "" && files.ByName(f.kind) == nil {
		return nil, failf("", "unknown kind %q (want %s)", f.kind, strings.Join(files.KindNames(), ", "))
	}
	var err error
	if f.runtime != "" {
		if s.Runtime, err = compat.ParseRuntime(f.runtime); err != nil {
			return nil, err
		}
	}
	for _, arg := range f.buildArgs {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, failf("--build-arg TAG=ltsc2022, say", "bad --build-arg %q", arg)
		}
		if s.Vars == nil {
			s.Vars = map[string]string{}
		}
		s.Vars[name] = value
	}
	if len(f.hosts) > 0 {
		if s.Hosts, err = a.hosts(f.hosts); err != nil {
			return nil, err
		}
		if err := setEdition(a.facts, s.Hosts, f.edition); err != nil {
			return nil, err
		}
	}
	return s, a.configure(s, f.config)
}

// configure reads the winmatch.yaml of the repository.
func (a *app) configure(s *files.Scanner, name string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	switch name {
	case "none":
		return nil
	case "":
		if name = files.FindConfig(here); name == "" {
			return nil
		}
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	src, err := readBounded(file)
	if err != nil {
		return failf("", "%s: %v", name, err)
	}
	show := name
	if rel, err := filepath.Rel(here, name); err == nil && filepath.IsAbs(name) {
		show = rel
	}
	if s.Config, err = files.ParseConfig(filepath.ToSlash(show), src, a.facts); err != nil {
		return err
	}
	folder, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return err
	}
	s.Rel = func(path string) string {
		path = filepath.FromSlash(path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(here, path)
		}
		if rel, err := filepath.Rel(folder, path); err == nil {
			path = rel
		}
		return filepath.ToSlash(path)
	}
	return nil
}

// eachFile scans PATH arguments; report gets what stood on standard input too.
func (a *app) eachFile(s *files.Scanner, f *scanFlags, args []string, report func(r files.Result, stdin []byte)) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	below := append([]string{"."}, args...)
	s.Open, s.List = files.OpenBelow(below...), files.ListBelow(below...)
	var roots []string
	for _, arg := range args {
		if arg != "-" {
			roots = append(roots, arg)
			continue
		}
		src, err := readBounded(a.stdin)
		if err != nil {
			return failf("", "standard input: %v", err)
		}
		name := f.stdinName
		if name == "" {
			name = "<stdin>"
		}
		r := s.Scan(name, src)
		if r.Kind == "" {
			return failf("say which: --kind, or --stdin-name NAME", "standard input is no kind of file that is known")
		}
		report(r, src)
	}
	err := s.Walk(roots, func(r files.Result) { report(r, nil) })
	if f.asker != nil {
		f.asker.Close()
		for i, note := range f.asker.Notes() {
			if i == maxNotes {
				a.warn("and %d more", len(f.asker.Notes())-i)
				break
			}
			a.warn("%s", note)
		}
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return failf("", "%s: %v", p.Path, p.Err)
	}
	return err
}

// maxNotes is how many images are named that a registry did not tell of.
const maxNotes = 20

// count sets the exit code by what was found in a file, and says on standard
// error why one was not read.
func (a *app) count(r *files.Result, strict bool) {
	if e := r.Err; e != nil {
		if e.Template && !strict {
			a.warn("%v: skipped", e)
			return
		}
		a.report(e)
		a.exit = exitFailure
	}
	for i := range r.Findings {
		if r.Findings[i].Level >= files.Warning && a.exit == exitOK {
			a.exit = exitFinding
		}
	}
}
