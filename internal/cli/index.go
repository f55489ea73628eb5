package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
)

func (a *app) indexCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Repair an image index, or make a right one",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return failf("winmatch index --help lists them", "unknown verb %q of index", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.indexRepairCommand(), a.indexCreateCommand())
	return cmd
}

type repairFlags struct {
	insecure, apply, replace bool
	to                       string
}

func (a *app) indexRepairCommand() *cobra.Command {
	var f repairFlags
	cmd := &cobra.Command{
		Use:   "repair REFERENCE|oci:DIR[:TAG]",
		Short: "Fill in missing os.version in an image index",
		Long: `Fill in missing os.version in an image index, from the configs of its images,
and nothing else: every other byte of the index stays.

What the new digest breaks (cosign's signatures, what OCI 1.1 calls referrers) is
named first, then what changes. --apply pushes the index under the same tag, or
writes it into the layout. A reference by digest moves no tag.

Exit codes: 0 nothing is missing, or it was filled in; 1 something is missing, or
could not be filled in; 2 failure.`,
		Example: `  winmatch index repair myregistry.example/app:1.0
  winmatch index repair --apply oci:./app:1.0`,
		Args: exactly("one REFERENCE or oci:DIR is wanted", 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.indexRepair(cmd.Context(), &f, args[0]) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.apply, "apply", false, "do it: push, or write into the layout")
	fl.BoolVar(&f.replace, "replace", false, "also replace an os.version that is malformed or that the config contradicts")
	fl.StringVar(&f.to, "to", "", "write to the layout `oci:DIR[:TAG]` instead, without layers")
	fl.BoolVar(&f.insecure, "insecure", false, "ask registries by plain HTTP")
	return cmd
}

// exactly wants n arguments, or at least -n.
func exactly(text string, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n || n < 0 && len(args) >= -n {
			return nil
		}
		return failf(cmd.CommandPath()+" --help", "%s", text)
	}
}

func (a *app) indexRepair(ctx context.Context, f *repairFlags, arg string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	ref, err := image.Parse(arg)
	if err != nil {
		return imageFailure(err)
	}
	to := ref
	if f.to != "" {
		if to, err = image.Parse(f.to); err != nil {
			return imageFailure(err)
		}
	}
	client := image.Client{Insecure: f.insecure, Facts: a.facts}
	r, err := client.PlanRepair(ctx, ref, f.replace)
	if err != nil {
		return imageFailure(err)
	}
	out := render.IndexRepair{
		Reference: ref.Raw, MediaType: r.MediaType, Before: r.Before, After: r.After, Unasked: r.Unasked, To: to.Raw,
		Breaks: []render.BrokenName{}, Changes: []render.VersionChange{}, Left: []render.LeftChild{},
	}
	for _, b := range r.Breaks {
		out.Breaks = append(out.Breaks, render.BrokenName(b))
	}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, render.VersionChange(c))
	}
	for _, l := range r.Left {
		out.Left = append(out.Left, render.LeftChild(l))
	}
	if f.apply && (r.After != r.Before || f.to != "") {
		if f.to != "" {
			err = client.SaveRepair(ctx, r, to)
		} else {
			err = client.ApplyRepair(ctx, r)
		}
		out.Applied = err == nil
	}
	if len(r.Left) > 0 || len(r.Changes) > 0 && !out.Applied {
		a.exit = exitFinding
	}
	// What breaks is said even where the change fails.
	if a.output != "json" {
		render.IndexRepairText(a.stdout, &out, a.style())
	} else {
		err = errors.Join(imageFailure(err), render.JSON(a.stdout, &out))
	}
	if err != nil {
		return imageFailure(err)
	}
	return nil
}

func (a *app) indexCreateCommand() *cobra.Command {
	var insecure, apply bool
	cmd := &cobra.Command{
		Use:   "create TARGET IMAGE…",
		Short: "Join images of single Windows versions into an index",
		Long: `Join images of single Windows versions, and of other systems, into an index whose
os.version and os.features are those of the images' configs, ordered so that
every runtime takes the best child for its host. Of an IMAGE that is an index
itself all entries are taken. The images must be in the repository, or the
layout, of TARGET. --apply pushes the index, or writes it into the layout.`,
		Example: `  winmatch index create --apply myregistry.example/app:1.0 myregistry.example/app:1.0-ltsc2022 myregistry.example/app:1.0-ltsc2025
  winmatch index create oci:./app:all oci:./app:ltsc2022 oci:./app:ltsc2025 oci:./app:linux`,
		Args: exactly("a TARGET and at least one IMAGE are wanted", -2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.indexCreate(cmd.Context(), insecure, apply, args)
		},
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "do it: push, or write into the layout")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "ask registries by plain HTTP")
	return cmd
}

func (a *app) indexCreate(ctx context.Context, insecure, apply bool, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	refs, err := a.references(args)
	if err != nil {
		return err
	}
	client := image.Client{Insecure: insecure, Facts: a.facts}
	n, err := client.PlanCreate(ctx, refs[0], refs[1:])
	if err != nil {
		return imageFailure(err)
	}
	m := n.Image
	a.judgeChildren(&m)
	info := a.imageInfo(&m)
	out := render.IndexCreate{
		Target: refs[0].Raw, MediaType: n.MediaType, Before: n.Before, Digest: n.Digest,
		Children: info.Children, Findings: info.Findings, LeftOut: a.leftOut(&m),
	}
	if apply {
		if err := client.ApplyCreate(ctx, n); err != nil {
			return imageFailure(err)
		}
		out.Applied = n.Before != n.Digest
	}
	if slices.ContainsFunc(m.Findings, image.Finding.Defect) {
		a.exit = exitFinding
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	render.IndexCreateText(a.stdout, &out, a.style())
	return nil
}

// leftOut lists where a runtime, in any of its versions, takes another child
// than the best one of an index: those that do not go by the order.
func (a *app) leftOut(m *image.Image) []render.LeftOut {
	list := []render.LeftOut{}
	q := compat.Question{Image: m.Asked(), Today: a.today()}
	hosts := a.supportedHosts()
	for _, engine := range engines {
		eras := engine.Eras()
		merged := false // the era before is the last of the list
		for i := range eras {
			q.Runtime = compat.Runtime{Engine: engine, Release: eras[i].From}
			if q.Runtime.Release == (compat.Release{}) {
				q.Runtime.Release.Patch = 1 // 0.0.0 is the newest
			}
			var wrong []string
			for _, h := range hosts {
				q.Host = compat.Host{Version: h.Version, Edition: h.Edition, ARM64: h.ARM64}
				if v := compat.Decide(a.facts, &q); v.Has(compat.RuntimeTakesOtherChild) {
					wrong = append(wrong, hostName(a.facts, h))
				}
			}
			if len(wrong) == 0 {
				merged = false
				continue
			}
			last := len(list) - 1
			if merged && slices.Equal(list[last].Hosts, wrong) {
				list[last].Runtime = list[last].Runtime[:len(list[last].Runtime)-len(until(eras, i-1))] + until(eras, i)
				continue
			}
			name := engine.String()
			if i > 0 {
				name += " from " + eras[i].From.String()
			}
			list = append(list, render.LeftOut{Runtime: name + until(eras, i), Hosts: wrong})
			merged = true
		}
	}
	return list
}

// until says when an era ended.
func until(eras []compat.Era, i int) string {
	if i+1 == len(eras) {
		return " on"
	}
	return " before " + eras[i+1].From.String()
}
