package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

func (a *app) tagCommand() *cobra.Command {
	var f tagFlags
	cmd := &cobra.Command{
		Use:   "tag REPOSITORY --host HOST…",
		Short: "Which tag to use?",
		Long: `Which tag of a repository to use on a host, on several, or one for each where no
single one serves. Every tag that names a Windows is listed with what it pins:
the family (a build, whose revision moves on every Patch Tuesday), an update, a
revision or a digest.

The registry's list of tags is asked, and the recommended tag itself; with
--offline the grammar of the repository and the facts say what there is. Tags
whose names do not say which Windows they hold are read only where no other
serves, the newest first and until each host has one; --all judges and reads
every tag. Where the rest of a tag matters, give it: golang:1.27-nanoserver.

Exit codes: 0 each host has a tag; 1 one has none; 3 that is not known.`,
		Example: `  winmatch tag mcr.microsoft.com/windows/servercore --host ws2019
  winmatch tag mcr.microsoft.com/windows/servercore --host 10.0.17763.437 --offline
  winmatch tag golang:1.27-nanoserver --host ws2022 --host ws2025`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return failf("winmatch tag mcr.microsoft.com/windows/servercore --host ws2022", "one REPOSITORY is wanted, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.tag(cmd.Context(), &f, args[0]) },
	}
	f.hostFlags(cmd)
	f.placeFlags(cmd)
	f.reading.flags(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "judge every tag of the registry, and read those that name no Windows")
	return cmd
}

// tagFlags are the flags of tag.
type tagFlags struct {
	checkFlags
	all bool
}

func (a *app) tag(ctx context.Context, f *tagFlags, repository string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	q, hosts, err := a.put(ctx, &f.checkFlags)
	if err != nil {
		return err
	}
	ref, err := image.Parse(repository)
	if err != nil {
		return imageFailure(err)
	}
	if ref.Kind != image.Registry || ref.Digest != "" {
		return failf("", "%q is no repository", repository)
	}
	given := strings.HasSuffix(repository, ":"+ref.Tag)
	if !given {
		ref.Tag = ""
	}

	client := &image.Client{Offline: f.offline, Insecure: f.insecure, Facts: a.facts, Parallel: parallel}
	var l *listing
	if !f.offline {
		tags, err := client.Tags(ctx, ref)
		var e *image.Error
		switch {
		case err == nil:
			l = a.newListing(client, ref, tags, f.all)
		case errors.As(err, &e) && e.Code == image.CodeUnreachable && len(image.Choices(ref, a.facts, hosts[0].Version)) > 0:
			a.warn("%v: only the grammar of the repository's tags was read", err)
		default:
			return imageFailure(err)
		}
	}

	lists := make([][]image.Ranked, len(hosts))
	judge := func() {
		for i, h := range hosts {
			choices := image.Choices(ref, a.facts, h.Version)
			if l != nil {
				choices = l.choices(h.Version)
			}
			lists[i] = image.Rank(a.facts, on(q, h), choices)
		}
	}
	judge()
	for l != nil && (f.all || !served(lists)) && l.more(ctx) {
		judge()
	}
	common := ""
	if len(lists) > 1 {
		common = image.Common(lists)
	}
	out := make([]render.Tags, 0, len(hosts))
	for i, h := range hosts {
		list, recommended, unread := lists[i], common, 0
		if recommended == "" {
			recommended = image.Recommended(list)
		}
		if l != nil {
			list, recommended = a.confirm(ctx, l, on(q, h), ref, list, recommended)
			unread = l.unread()
		}
		t := a.tags(h, ref, list, recommended)
		t.Unread = unread
		switch {
		case t.Recommended != "":
		case t.Undecided():
			a.settle(false, compat.Unknown)
		default:
			a.settle(false, compat.No)
		}
		out = append(out, t)
	}
	if l != nil {
		l.warn()
	}
	if a.output == "json" {
		if len(out) == 1 {
			return render.JSON(a.stdout, &out[0])
		}
		return render.JSON(a.stdout, out)
	}
	render.TagsText(a.stdout, out, a.style())
	return nil
}

// served reports whether each host has a tag that runs.
func served(lists [][]image.Ranked) bool {
	for _, list := range lists {
		if !slices.ContainsFunc(list, func(c image.Ranked) bool { return c.Answer == compat.Yes }) {
			return false
		}
	}
	return true
}

// tags is what is known of a repository's tags on one host.
func (a *app) tags(h winver.Host, ref image.Reference, list []image.Ranked, recommended string) render.Tags {
	out := render.Tags{Repository: ref.Name(), Host: hostValue(h), HostName: hostName(a.facts, h), Recommended: recommended, Candidates: []render.TagCandidate{}}
	for i := range list {
		c := &list[i]
		t := render.TagCandidate{Reference: c.Reference, Pin: c.Pin, Released: c.Released, Floats: c.Floats(),
			Answer: c.Answer, Reason: c.Reason, SupportEnds: c.SupportEnds}
		if c.KB != 0 {
			t.KB = kbText(c.KB)
		}
		if c.Version.IsValid() {
			t.OSVersion, t.Build, t.Revision = c.Version.String(), c.Version.Build, render.Revision(c.Version)
		}
		out.Candidates = append(out.Candidates, t)
	}
	return out
}

// confirm reads the recommended tag, so that what it holds today and its digest,
// one more pin, are known. Where that is not what its name promised, the next
// best is recommended and read.
func (a *app) confirm(ctx context.Context, l *listing, q compat.Question, ref image.Reference, list []image.Ranked, recommended string) ([]image.Ranked, string) {
	for range 4 {
		i := slices.IndexFunc(list, func(c image.Ranked) bool { return c.Reference == recommended })
		if i < 0 {
			break
		}
		m, ok := l.get(ctx, recommended)
		if !ok {
			a.warn("%s was not read: what it holds today is not known", recommended)
			break
		}
		was := list[i].Answer
		read := list[i].Choice
		read.Image = m
		list[i] = image.Judge(a.facts, q, read)
		digest := list[i]
		digest.Reference, digest.Pin = ref.Name()+"@"+m.Digest, image.PinDigest
		list = slices.Insert(list, i+1, digest)
		if list[i].Answer == was {
			break
		}
		image.SortRanked(list, &q)
		recommended = image.Recommended(list)
	}
	return list, recommended
}
