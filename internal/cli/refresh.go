package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
)

// refreshFlags are the flags of facts refresh.
type refreshFlags struct {
	write    string
	insecure bool
}

func (a *app) refreshCommand() *cobra.Command {
	var f refreshFlags
	cmd := &cobra.Command{
		Use:   "refresh REPOSITORY…",
		Short: "Learn newer updates from a registry's base images",
		Long: `Reads the tags of Microsoft's base images, or of mirrors of them, and the
os.version behind those that the facts do not know, and writes a facts file for
--facts: to standard output, what is new being told on standard error; or, with
--write, into FILE, to which it is added and where nothing else changes.

An update's day is that of no registry: an image made in the ten days before a
second Tuesday gets that day, any other none. What the facts know no Windows of
is named and left.

Exit codes: 0 all was understood; 2 failure, and nothing was written; 3
something was left, and the rest is written.`,
		Example: `  winmatch facts refresh mcr.microsoft.com/windows/servercore > newer.json
  winmatch facts refresh --write newer.json mcr.microsoft.com/windows/servercore mcr.microsoft.com/windows/nanoserver
  winmatch check --facts newer.json --host ws2022+KB5122882 mcr.microsoft.com/windows/servercore:ltsc2022 --offline`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return failf("winmatch facts refresh mcr.microsoft.com/windows/servercore", "a REPOSITORY is wanted")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.refresh(cmd.Context(), &f, args) },
	}
	cmd.Flags().StringVar(&f.write, "write", "", "add what is new to the facts file `FILE`")
	cmd.Flags().BoolVar(&f.insecure, "insecure", false, "ask registries by plain HTTP")
	return cmd
}

func (a *app) refresh(ctx context.Context, f *refreshFlags, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	known, old, err := a.factsOf(f.write)
	if err != nil {
		return err
	}
	refs := make([]image.Reference, 0, len(args))
	for _, arg := range args {
		ref, err := image.Parse(arg)
		if err != nil {
			return imageFailure(err)
		}
		if ref.Kind != image.Registry {
			return failf("winmatch facts refresh mcr.microsoft.com/windows/servercore", "%q is no repository of a registry", arg)
		}
		if ref.Digest != "" || strings.HasSuffix(arg, ":"+ref.Tag) {
			return failf("leave the tag out: "+ref.Name(), "%q is one image, a repository is wanted", arg)
		}
		refs = append(refs, ref)
	}
	client := &image.Client{Insecure: f.insecure, Facts: known, Parallel: parallel}
	learnt, err := client.Learn(ctx, refs, a.today())
	if err != nil {
		return imageFailure(err)
	}
	text, err := known.WriteOverlay(old, learnt.AsOf(known), learnt.Updates)
	if err != nil {
		return err
	}

	out := render.Refresh{Facts: render.FactsInfo{AsOf: known.AsOf}, File: f.write, AsOf: learnt.AsOf(known), Updates: []render.Update{}, Left: []render.Finding{}}
	for i := range learnt.Updates {
		out.Updates = append(out.Updates, updateValue(&learnt.Updates[i]))
	}
	for _, l := range learnt.Left {
		out.Left = append(out.Left, render.Finding(l))
	}
	if len(out.Left) > 0 {
		a.settle(false, compat.Unknown)
	}
	if f.write == "" {
		if !a.quiet {
			render.RefreshText(a.stderr, &out, render.Style{})
		}
		_, err := a.stdout.Write(text)
		return err
	}
	if len(learnt.Updates) > 0 || old == nil {
		if err := replaceFile(f.write, text); err != nil {
			return err
		}
		out.Written = true
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	render.RefreshText(a.stdout, &out, a.style())
	return nil
}

// factsOf returns the facts with those of the file that is to be written, and
// the file's text, nil where there is none yet.
func (a *app) factsOf(name string) (*facts.Facts, []byte, error) {
	if name == "" {
		return a.facts, nil, nil
	}
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return a.facts, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	old, err := io.ReadAll(io.LimitReader(file, facts.MaxOverlay+1))
	if err != nil {
		return nil, nil, err
	}
	known, err := a.facts.Overlay(strings.NewReader(string(old)))
	if err != nil {
		return nil, nil, failf("the file was left as it is", "%s: %v", name, err)
	}
	return known, old, nil
}

// replaceFile writes a file beside its place and renames it; of a symbolic link
// the file that it leads to.
func replaceFile(name string, text []byte) error {
	mode := os.FileMode(0o644)
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".winmatch-*")
	if err != nil {
		var why *os.PathError
		if errors.As(err, &why) {
			err = why.Err
		}
		return failf("", "%s cannot be written: %v", name, err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}
