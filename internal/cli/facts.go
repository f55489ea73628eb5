package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

// holes are the gaps that a user should know of; facts/source/SOURCES.md has
// them all.
var holes = []string{
	"updates after 2026-09-29 are missing, so is the server's list between 2026-08-22 and 2026-09-07",
	"which base images were published is known from lists and observations, not from the registry itself",
	"what images of the first week of February 2020 work with is not documented",
	"which Docker 29 release first takes the rule of containerd/platforms v1.0.0-rc.5 is not known",
	"Azure Local and Azure Stack HCI hosts, and images for ARM, are not covered",
}

func (a *app) factsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "facts [RELEASE|BUILD|KB|VERSION]",
		Short: "What is known: releases, updates, ends of support, sources, age",
		Long: `What is known, and where from. Without an argument: how old the facts are, what
they hold, their sources and their known holes. With one: a release ("Windows
Server 2022", ws2022), a build (20348), an update (KB5122871) or a version
(10.0.20348.2227). Newer facts can be laid over them by --facts FILE, which
facts refresh writes; by hand: {"asOf":"2026-11-10","updates":[{"build":20348,
"revision":5900,"kb":"KB5130000","date":"2026-11-10","type":"B","line":"server",
"source":"…"}]}.`,
		Example: `  winmatch facts
  winmatch facts ws2022
  winmatch facts KB4041691`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.showFacts(args) },
	}
	cmd.AddCommand(a.refreshCommand())
	return cmd
}

func (a *app) showFacts(args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	f := a.facts
	out := render.Facts{
		Facts: a.info(), AgeDays: f.AsOf.Days(a.today()),
		Releases: []render.Release{}, Updates: []render.Update{}, Sources: []render.Source{}, Holes: []string{},
	}
	if len(args) == 0 {
		out.Counts = [][2]string{
			{"releases", strconv.Itoa(len(f.Releases))}, {"updates", strconv.Itoa(len(f.Updates))},
			{"states of the documentation's table", fmt.Sprintf("%d, since %s", len(f.Tables), f.Tables[0].From)},
			{"reports of pairs", strconv.Itoa(len(f.Reports))},
		}
		for _, s := range f.Sources {
			out.Sources = append(out.Sources, render.Source(s))
		}
		out.Holes = holes
		if a.output == "json" {
			for i := range f.Releases {
				out.Releases = append(out.Releases, a.releaseValue(&f.Releases[i]))
			}
		}
	} else if err := a.find(strings.Join(args, " "), &out); err != nil {
		return err
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	render.FactsText(a.stdout, &out, a.style())
	return nil
}

// find adds what is known of a KB, a version, a build or a release.
func (a *app) find(arg string, out *render.Facts) error {
	f := a.facts
	if n, ok := strings.CutPrefix(strings.ToUpper(arg), "KB"); ok {
		kb, err := strconv.ParseUint(n, 10, 32)
		if err != nil {
			return failf("", "bad KB number %q", arg)
		}
		list := f.ByKB(uint32(kb))
		if len(list) == 0 {
			return failf("newer ones can be laid over the facts: --facts FILE", "the facts of %s do not know KB%d", f.AsOf, kb)
		}
		for i := range list {
			out.Updates = append(out.Updates, updateValue(&list[i]))
		}
		return nil
	}
	v, err := winver.Parse(arg)
	named := err != nil
	if named {
		h, err := winver.ParseHost(f, arg)
		if err != nil {
			return hostFailure(err)
		}
		v = h.Version
	}
	rev, known := v.Revision()
	for i := range f.Releases {
		r := &f.Releases[i]
		if r.Build == v.Build && (!named || sameName(r, arg, f, v)) {
			out.Releases = append(out.Releases, a.releaseValue(r))
		}
	}
	list := f.UpdatesOf(v.Build)
	switch {
	case known:
		u := f.Update(v.Build, rev)
		if u == nil {
			return failf("winmatch facts "+fmt.Sprint(v.Build)+" lists the build's updates", "the facts of %s do not know the revision %s", f.AsOf, v.Short())
		}
		out.Updates = append(out.Updates, updateValue(u))
	default:
		if n := len(list) - 12; n > 0 && !a.verbose && a.output != "json" {
			list = list[n:]
		}
		for i := range list {
			out.Updates = append(out.Updates, updateValue(&list[i]))
		}
	}
	if len(out.Releases) == 0 && len(out.Updates) == 0 {
		return failf("", "the facts of %s do not know build %d", f.AsOf, v.Build)
	}
	return nil
}

// sameName reports whether a release is the one that a name leads to, or its
// edition's only one of that build.
func sameName(r *facts.Release, name string, f *facts.Facts, v winver.Version) bool {
	h, err := winver.ParseHost(f, name)
	var e *winver.HostError
	if errors.As(err, &e) {
		return false
	}
	return h.Release == r.ID || h.Release == "" && r.Build == v.Build
}

func updateValue(u *facts.Update) render.Update {
	v := render.Update{Version: winver.New(u.Build, u.Revision), Date: u.Date, Type: u.Type.String(), Line: u.Line.String(), Source: u.Source, Note: u.Note}
	if u.KB != 0 {
		v.KB = kbText(u.KB)
	}
	return v
}

func kbText(kb uint32) string { return "KB" + strconv.FormatUint(uint64(kb), 10) }

func (a *app) releaseValue(r *facts.Release) render.Release {
	v := render.Release{
		ID: r.ID, Name: winver.FullName(r), Kind: r.Kind.String(), Version: r.Version, Build: r.Build,
		Available: r.Available, MainstreamEnd: r.MainstreamEnd, ExtendedEnd: r.ExtendedEnd, HomeProEnd: r.HomeProEnd,
		EnterpriseEnd: r.EnterpriseEnd, LTSCEnd: r.LTSCEnd, LTSCIoTEnd: r.LTSCIoTEnd, ESUEnd: r.ESUEnd,
		Images: []render.BaseImage{}, Notes: append([]string{}, r.Notes...), Conflicts: []render.Conflict{}, Sources: append([]string{}, r.Sources...),
	}
	end := winver.EndOfSupport(r)
	v.SupportEnded = end != 0 && end < a.today()
	for _, img := range r.Images {
		v.Images = append(v.Images, render.BaseImage{Repository: img.Repository, Tags: append([]string{}, img.Tags...), Status: img.Status})
	}
	for _, c := range r.Conflicts {
		v.Conflicts = append(v.Conflicts, render.Conflict(c))
	}
	line := facts.ServerLine
	if r.Kind == facts.Client {
		line = facts.ClientLine
	}
	if u := winver.Latest(a.facts, r.Build, line); u != nil {
		value := updateValue(u)
		v.Latest = &value
	}
	return v
}
