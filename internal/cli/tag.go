package cli

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
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

	judge := func() []render.Tags {
		out := make([]render.Tags, 0, len(hosts))
		for _, h := range hosts {
			choices := image.Choices(ref, a.facts, h.Version)
			if l != nil {
				choices = l.choices(h.Version)
			}
			out = append(out, a.judgeTags(q, h, ref, choices))
		}
		common(out)
		return out
	}
	out := judge()
	for l != nil && (f.all || !served(out)) && l.more(ctx) {
		out = judge()
	}
	for i := range out {
		t := &out[i]
		if l != nil {
			a.confirm(ctx, l, q, hosts[i], t)
			t.Unread = l.unread()
		}
		switch {
		case t.Recommended != "":
		case len(t.Candidates) == 0, t.Unread > 0:
			a.settle(false, compat.Unknown)
		default:
			a.settle(false, compat.No)
		}
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
func served(list []render.Tags) bool {
	for i := range list {
		if !slices.ContainsFunc(list[i].Candidates, func(c render.TagCandidate) bool { return c.Answer == compat.Yes }) {
			return false
		}
	}
	return true
}

// judgeTags puts every choice to the core and recommends the best.
func (a *app) judgeTags(q compat.Question, h winver.Host, ref image.Reference, choices []image.Choice) render.Tags {
	q = on(q, h)
	out := render.Tags{Repository: ref.Name(), Host: hostValue(h), HostName: hostName(a.facts, h), Candidates: []render.TagCandidate{}}
	for i := range choices {
		c := &choices[i]
		t := render.TagCandidate{Reference: c.Reference, Pin: c.Pin, Released: c.Released, Floats: c.Pin == image.PinFamily}
		if c.KB != 0 {
			t.KB = kbText(c.KB)
		}
		a.fill(&t, q, &c.Image)
		out.Candidates = append(out.Candidates, t)
	}
	recommend(&out, h.Version.Build, q.Today)
	return out
}

// fill puts what the core says of an image into a candidate.
func (a *app) fill(c *render.TagCandidate, q compat.Question, m *image.Image) {
	q.Image = m.Asked()
	v := compat.Decide(a.facts, &q)
	c.Answer = v.Answer
	if list := v.Reasons(a.facts, &q); len(list) > 0 {
		c.Reason = list[0].Text
	}
	if v.Child < 0 {
		return
	}
	w := m.Children[v.Child].Version
	c.OSVersion, c.Build, c.Revision = w.String(), w.Build, render.Revision(w)
	if r := winver.ReleaseOf(a.facts, w.Build, winver.Server); r != nil {
		c.SupportEnds = winver.EndOfSupport(r)
	}
	if rev, ok := w.Revision(); ok {
		if u := a.facts.Update(w.Build, rev); u != nil {
			c.Released = u.Date
			if u.KB != 0 {
				c.KB = kbText(u.KB)
			}
		}
	}
}

// recommend sorts the candidates, best first, and recommends the first where it
// may be used.
func recommend(t *render.Tags, build uint32, today facts.Date) {
	sort.SliceStable(t.Candidates, func(i, j int) bool { return better(&t.Candidates[i], &t.Candidates[j], build, today) })
	t.Recommended = ""
	for i := range t.Candidates {
		// A digest that was read is recommended by its tag.
		if c := &t.Candidates[i]; c.Pin != image.PinDigest && (c.Answer == compat.Yes || c.Answer == compat.Risky) {
			t.Recommended = c.Reference
			return
		}
	}
}

// better orders candidates: one that runs before one that may; of the host's
// own build before an older one; in support before not; the family, which gets
// the monthly updates, before a pin; the newer revision first, but of tags that
// both move the newer tag.
func better(a, b *render.TagCandidate, build uint32, today facts.Date) bool {
	rank := [...]int{compat.Yes: 0, compat.Risky: 1, compat.Unknown: 2, compat.No: 3}
	ended := func(c *render.TagCandidate) bool { return c.SupportEnds != 0 && c.SupportEnds < today }
	switch {
	case a.Answer != b.Answer:
		return rank[a.Answer] < rank[b.Answer]
	case ended(a) != ended(b):
		return ended(b)
	case (a.Build == build) != (b.Build == build):
		return a.Build == build
	case a.Build != b.Build:
		return a.Build > b.Build
	case a.Floats != b.Floats:
		return a.Floats
	case !a.Floats && a.Revision != nil && b.Revision != nil && *a.Revision != *b.Revision:
		return *a.Revision > *b.Revision
	case a.Pin != b.Pin:
		return a.Pin == image.PinRevision
	}
	// ltsc2019 and 1809 are the same: the first says more.
	return strings.Contains(a.Reference, "ltsc") && !strings.Contains(b.Reference, "ltsc")
}

// common recommends one tag for several hosts where one runs on each of them.
func common(list []render.Tags) {
	if len(list) < 2 {
		return
	}
	answer := func(t *render.Tags, ref string) compat.Answer {
		for i := range t.Candidates {
			if t.Candidates[i].Reference == ref {
				return t.Candidates[i].Answer
			}
		}
		return compat.Unknown
	}
	for i := range list {
		for j := range list[i].Candidates {
			c := &list[i].Candidates[j]
			all := c.Answer == compat.Yes
			for k := range list {
				all = all && answer(&list[k], c.Reference) == compat.Yes
			}
			if all {
				for k := range list {
					list[k].Recommended = c.Reference
				}
				return
			}
		}
	}
}

// confirm reads the recommended tag, so that what it holds today and its digest,
// one more pin, are known. Where that is not what its name promised, the next
// best is recommended and read.
func (a *app) confirm(ctx context.Context, l *listing, q compat.Question, h winver.Host, t *render.Tags) {
	q = on(q, h)
	for range 4 {
		i := slices.IndexFunc(t.Candidates, func(c render.TagCandidate) bool { return c.Reference == t.Recommended })
		if i < 0 {
			return
		}
		m, ok := l.get(ctx, t.Recommended)
		if !ok {
			a.warn("%s was not read: what it holds today is not known", t.Recommended)
			return
		}
		was := t.Candidates[i].Answer
		a.fill(&t.Candidates[i], q, &m)
		digest := t.Candidates[i]
		digest.Reference, digest.Pin, digest.Floats = t.Repository+"@"+m.Digest, image.PinDigest, false
		t.Candidates = slices.Insert(t.Candidates, i+1, digest)
		if t.Candidates[i].Answer == was {
			return
		}
		recommend(t, h.Version.Build, q.Today)
	}
}
