package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

type fixFlags struct {
	scanFlags
	to    string
	write bool
}

func (a *app) fixCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "fix [PATH…]",
		Short: "Change files so that their images run where they are to run",
		Long: `Change files so that their images run where they are to run: the right tag or pin,
what scan says can be mended. Nothing but these bytes changes. The change is
printed as a diff; --write makes it. A second run changes nothing.

With --to everything moves to another Windows: images, and the hosts that files
name themselves.

PATH and HOST are as scan takes them. With --write and PATH - the file is written
to standard output.

Exit codes: 0 nothing is left to mend; 1 a file would change, or something is left
that a person must decide; 2 wrong usage, or a file that could not be read or
written.`,
		Example: `  winmatch fix --host ws2019
  winmatch fix --host ws2019 --write
  winmatch fix --to ltsc2025 --write deploy/`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.fix(cmd.Context(), &f, args) },
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.to, "to", "", "move everything to this `HOST` or release: ltsc2025")
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "write the files")
	return cmd
}

func (a *app) fix(ctx context.Context, f *fixFlags, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	s, err := a.scanner(ctx, &f.scanFlags)
	if err != nil {
		return err
	}
	s.Fix = true
	if f.to != "" {
		if len(f.hosts) > 0 {
			return failf("", "--to and --host exclude each other")
		}
		h, err := winver.ParseHost(a.facts, f.to)
		if err != nil {
			return hostFailure(err)
		}
		to := []winver.Host{h}
		if err := setEdition(a.facts, to, f.edition); err != nil {
			return err
		}
		s.To = &to[0]
	}
	out := render.Fix{Facts: a.info(), Files: []render.FixedFile{}, Left: []render.ScanFinding{}, Errors: []render.ScanError{}}
	style := a.style()
	would := 0
	err = a.eachFile(s, &f.scanFlags, args, func(r files.Result, stdin []byte) {
		n, left := len(out.Files), len(out.Left)
		written := r.After != nil && f.write && (stdin != nil || a.write(&r))
		out.Add(&r, written)
		if r.After != nil && !written {
			would++
		}
		a.count(&files.Result{Findings: r.Left, Err: r.Err}, f.strict)
		if a.output != "text" {
			return
		}
		switch {
		case stdin == nil || !f.write:
			render.FixText(a.stdout, out.Files[n:], style)
		case r.After != nil:
			_, _ = a.stdout.Write(r.After)
		default:
			_, _ = a.stdout.Write(stdin)
		}
		if !a.quiet {
			render.ScanText(a.stderr, out.Left[left:], render.Style{})
		}
	})
	if err != nil {
		return err
	}
	if would > 0 && a.exit == exitOK {
		a.exit = exitFinding
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	if would > 0 && !f.write && !a.quiet {
		fmt.Fprintf(a.stderr, "winmatch: hint: nothing was written: --write does\n")
	}
	return nil
}

// write replaces a file by what it is mended to.
func (a *app) write(r *files.Result) bool {
	if err := files.Write(filepath.FromSlash(r.Path), r.Before, r.After); err != nil {
		a.report(err)
		a.exit = exitFailure
		return false
	}
	return true
}
