package cli

import (
	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

func (a *app) matrixCommand() *cobra.Command {
	var f checkFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "The whole table: which image runs on which host",
		Long: `The whole table: which base image runs on which host, in process and in Hyper-V
isolation. The long-term releases and the clients that are in support, or with
--all every release. Revisions are left out: on Windows Server 2016 host and
image must have the same.`,
		Example: `  winmatch matrix
  winmatch matrix --runtime containerd@2.2.0 -o markdown
  winmatch matrix --as-of 2021-10-01 --all -o csv`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.matrix(&f, all) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.asOf, "as-of", "", "what the documentation said on a `DATE` (2021-10-01)")
	fl.StringVar(&f.runtime, "runtime", "none", "docker, docker-containerd or containerd, with @VERSION; none: the documentation and Windows alone")
	fl.BoolVar(&f.kubernetes, "kubernetes", false, "for pods")
	fl.BoolVar(&all, "all", false, "every release, ended ones too")
	return cmd
}

func (a *app) matrix(f *checkFlags, all bool) error {
	if err := a.form("text", "json", "markdown", "csv", "html"); err != nil {
		return err
	}
	q, err := f.question()
	if err != nil {
		return err
	}
	q.Today = a.today()
	m := render.Matrix{
		Facts: a.info(), AsOf: q.AsOf, Source: compat.TableURL(a.facts.Table(q.AsOf)),
		Runtime: render.Runtime{Name: q.Runtime.Engine.String(), Version: q.Runtime.Release.String()}, Cells: []render.Cell{},
	}
	day := q.Today
	if q.AsOf != 0 {
		day = q.AsOf
	}
	var images []*facts.Release
	seen := map[uint32]bool{}
	for i := range a.facts.Releases {
		r := &a.facts.Releases[i]
		if hasImage(r) && !seen[r.Build] && current(r, day, all) {
			seen[r.Build] = true
			images = append(images, r)
			m.Images = append(m.Images, winver.FullName(r))
		}
	}
	for i := range a.facts.Releases {
		r := &a.facts.Releases[i]
		if r.Build == 0 || !current(r, day, all) {
			continue
		}
		edition := winver.Server
		if r.Kind == facts.Client {
			edition = winver.Client
		}
		host := winver.Host{Version: winver.OfBuild(r.Build), Edition: edition, Release: r.ID}
		m.Hosts = append(m.Hosts, winver.FullName(r))
		for _, img := range images {
			v := winver.OfBuild(img.Build)
			q.Host = compat.Host{Version: host.Version, Edition: edition}
			q.Image = compat.Image{Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: v.String(), Version: v}}}
			m.Cells = append(m.Cells, render.Cell{
				Host:    hostValue(host),
				Image:   hostValue(winver.Host{Version: v, Edition: winver.Server, Release: img.ID}),
				Process: a.cell(q, compat.Process), HyperV: a.cell(q, compat.HyperV),
			})
		}
	}
	s := a.style()
	switch a.output {
	case "json":
		return render.JSON(a.stdout, &m)
	case "markdown":
		render.MatrixMarkdown(a.stdout, &m)
	case "csv":
		return render.MatrixCSV(a.stdout, &m)
	case "html":
		render.MatrixHTML(a.stdout, &m)
	default:
		render.MatrixText(a.stdout, &m, s)
	}
	return nil
}

// cell asks for one isolation mode. The matrix is of builds: on Windows Server
// 2016 it supposes that the revisions are the same.
func (a *app) cell(q compat.Question, i compat.Isolation) render.CellSay {
	q.Isolation = i
	if q.Host.Version.Build == winver.LTSC2016 && q.Image.Children[0].Version.Build == winver.LTSC2016 {
		if u := winver.Latest(a.facts, winver.LTSC2016, facts.ServerLine); u != nil {
			v := winver.New(u.Build, u.Revision)
			q.Host.Version = v
			q.Image.Children = []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: v.String(), Version: v}}
		}
	}
	v := compat.Decide(a.facts, &q)
	say := render.CellSay{Answer: v.Answer, Documented: render.Support(v.Documented), Pull: v.Pull.PullString(), Start: v.Start.StartString()}
	if list := v.Reasons(a.facts, &q); len(list) > 0 {
		say.Reason = list[0].Text
	}
	return say
}

// hasImage reports whether base images of a release have been published.
func hasImage(r *facts.Release) bool {
	for _, img := range r.Images {
		if len(img.Tags) > 0 {
			return true
		}
	}
	return false
}

// current reports whether a release belongs into the table of a day.
func current(r *facts.Release, day facts.Date, all bool) bool {
	if all {
		return true
	}
	end := winver.EndOfSupport(r)
	return r.Available != 0 && r.Available <= day && (end == 0 || end >= day)
}
