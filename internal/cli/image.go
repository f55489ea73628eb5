package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

func (a *app) imageCommand() *cobra.Command {
	var f reading
	cmd := &cobra.Command{
		Use:   "image IMAGE…",
		Short: "Which Windows is in these images, child by child, and what is wrong with them?",
		Example: `  winmatch image mcr.microsoft.com/windows/servercore:ltsc2022
  winmatch image --offline golang:1.27-windowsservercore-ltsc2025`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.image(cmd.Context(), &f, args) },
	}
	f.flags(cmd)
	return cmd
}

func (a *app) image(ctx context.Context, f *reading, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	refs, err := a.references(args)
	if err != nil {
		return err
	}
	images, err := a.images(ctx, f, refs)
	if err != nil {
		return err
	}
	list := make([]render.ImageInfo, 0, len(images))
	for i := range images {
		m := &images[i]
		list = append(list, a.imageInfo(m))
		switch {
		case slices.ContainsFunc(m.Findings, image.Finding.Defect):
			a.exit = exitFinding
		case len(m.Children) == 0 && a.exit == exitOK:
			a.exit = exitUnknown
		}
	}
	if a.output == "json" {
		return render.JSON(a.stdout, list)
	}
	render.ImagesText(a.stdout, list, a.style())
	return nil
}

func (a *app) imageInfo(m *image.Image) render.ImageInfo {
	info := render.ImageInfo{
		Reference: m.Reference, Digest: m.Digest, MediaType: m.MediaType, Basis: m.Basis,
		Children: make([]render.Child, 0, len(m.Children)), Findings: []render.Finding{},
	}
	for i := range m.Children {
		c := &m.Children[i]
		k := render.Child{Digest: c.Digest, OS: c.OS, Architecture: c.Architecture, OSVersion: c.OSVersion, OSFeatures: c.OSFeatures,
			Build: c.Version.Build, Revision: render.Revision(c.Version)}
		if k.OSFeatures == nil {
			k.OSFeatures = []string{}
		}
		if r := winver.ReleaseOf(a.facts, c.Version.Build, winver.Server); r != nil && c.Windows() {
			k.Release = r.ID
		}
		info.Children = append(info.Children, k)
	}
	for _, f := range m.Findings {
		info.Findings = append(info.Findings, render.Finding{Code: f.Code, Text: f.Text})
	}
	if len(m.Children) == 0 && len(m.Findings) == 0 {
		info.Findings = append(info.Findings, render.Finding{Code: "image-unknown", Text: "the name does not say which Windows is in it"})
	}
	return info
}
