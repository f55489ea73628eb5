package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

type imageFlags struct {
	reading
	hosts   []string
	edition string
}

func (a *app) imageCommand() *cobra.Command {
	var f imageFlags
	cmd := &cobra.Command{
		Use:   "image IMAGE…",
		Short: "Which Windows is in these images, child by child, and what is wrong with them?",
		Long: `Which Windows is in these images, child by child, what would each host take, and
what is wrong with them?

IMAGE is a reference as Docker takes it, docker-daemon:REF (what the engine has,
by the docker command and its context), oci:DIR[:TAG|@DIGEST] (a layout),
oci-archive:FILE[:TAG|@DIGEST], docker-archive:FILE[:REF|:@N] (docker save),
windows:VERSION, or - for a list on standard input. Archives are read as they
are, gzip too; layers are not. Of several images each is shown.

Without --host the hosts are the supported Windows Servers of the Long-Term
Servicing Channel and the supported clients; of several images they are shown
with -v only.

Exit codes: 0 nothing is wrong; 1 something is; 2 failure; 3 nothing is known.`,
		Example: `  winmatch image mcr.microsoft.com/windows/servercore:ltsc2022
  winmatch image --deep --host ws2019 --host ws2025 myregistry.example/app:1.0
  docker save app:1 | winmatch image docker-archive:/dev/stdin
  winmatch image --offline golang:1.27-windowsservercore-ltsc2025`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.image(cmd.Context(), &f, args) },
	}
	fl := cmd.Flags()
	fl.StringArrayVarP(&f.hosts, "host", "H", nil, "a `HOST` that the image must have a child for; may be repeated")
	fl.StringVar(&f.edition, "edition", "", "server or client, where HOST does not say")
	fl.BoolVar(&f.deep, "deep", false, "read the config of every Windows child and compare")
	f.flags(cmd)
	return cmd
}

func (a *app) image(ctx context.Context, f *imageFlags, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	named := len(f.hosts) > 0
	hosts := a.supportedHosts()
	if named {
		var err error
		if hosts, err = a.hosts(f.hosts); err != nil {
			return err
		}
		if hosts, err = settleRuntimes(hosts, true); err != nil {
			return err
		}
		if err := setEdition(a.facts, hosts, f.edition); err != nil {
			return err
		}
	} else if f.edition != "" {
		return failf("", "--edition says something of --host, which is missing")
	}
	refs, err := a.references(args)
	if err != nil {
		return err
	}
	refs, images, err := a.images(ctx, &f.reading, refs)
	if err != nil {
		return err
	}
	list := make([]render.ImageInfo, 0, len(images))
	for i := range images {
		m := &images[i]
		takes := a.takes(m, hosts, named)
		a.judgeChildren(m)
		list = append(list, a.imageInfo(m))
		list[i].Hosts = takes
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
	render.ImagesText(a.stdout, list, len(refs) == 1 || named || a.verbose, a.style())
	return nil
}

// supportedHosts are the servers of the Long-Term Servicing Channel and the
// clients that are supported today.
func (a *app) supportedHosts() []winver.Host {
	var list []winver.Host
	for i := range a.facts.Releases {
		r := &a.facts.Releases[i]
		if r.Build == 0 || r.Kind != facts.ServerLTSC && r.Kind != facts.Client || !current(r, a.today(), false) {
			continue
		}
		h := winver.Host{Version: winver.OfBuild(r.Build), Edition: winver.Server, Release: r.ID}
		if r.Kind == facts.Client {
			h.Edition = winver.Client
		}
		list = append(list, h)
	}
	return list
}

// engines are the runtimes that image asks about, each in the newest version
// that runs on the host.
var engines = [...]compat.Engine{compat.Docker, compat.DockerContainerd, compat.Containerd}

// takes asks which child each host takes by each runtime, and adds what is
// wrong with that to the findings: another child than the best one, and, for
// hosts that the user named, none that runs.
func (a *app) takes(m *image.Image, hosts []winver.Host, named bool) []render.Takes {
	list := []render.Takes{}
	if !slices.ContainsFunc(m.Children, func(c image.Child) bool { return c.Windows() }) {
		return list
	}
	q := compat.Question{Image: m.Asked(), Today: a.today()}
	var wrong others
	for _, h := range hosts {
		q.Host = compat.Host{Version: h.Version, Edition: h.Edition, ARM64: h.ARM64}
		q.Runtime = compat.Runtime{}
		free := compat.Decide(a.facts, &q)
		no, why := 0, ""
		for _, engine := range engines {
			q.Runtime = compat.Runtime{Engine: engine}
			v := compat.Decide(a.facts, &q)
			t := render.Takes{
				Host: hostValue(h), HostName: hostName(a.facts, h),
				Runtime: render.Runtime{Name: engine.String(), Version: v.Runtime.Release.String()}, Answer: v.Answer,
				Unsure: v.Pull == compat.OutcomeUnknown,
			}
			if v.Pull == compat.Passes && v.Child >= 0 {
				c := &m.Children[v.Child]
				if t.OSVersion = c.OSVersion; t.OSVersion == "" && c.Version.IsValid() {
					t.OSVersion = c.Version.String()
				}
				if c.Digest != "" {
					t.Takes = &c.Digest
				}
			}
			list = append(list, t)
			if v.Answer == compat.No {
				if no++; why == "" {
					if reasons := v.Reasons(a.facts, &q); len(reasons) > 0 {
						why = reasons[0].Text
					}
				}
			}
			if m.Index == image.Yes && !m.ByName() && v.Has(compat.RuntimeTakesOtherChild) {
				wrong.add(v.Child, free.Child, v.Runtime, t.HostName)
			}
		}
		if named && no == len(engines) {
			m.Findings = append(m.Findings, image.Finding{Code: image.FindingNoChild, Text: "nothing in it runs on " + compat.Name(a.facts, h.Version, h.Edition) + ": " + why})
		}
	}
	m.Findings = append(m.Findings, wrong.findings(m)...)
	return list
}

// others collects where a runtime takes another child than the best one.
type others []otherChild

type otherChild struct {
	taken, best int
	where       []place
}

type place struct{ runtime, hosts string }

func (o *others) add(taken, best int, r compat.Runtime, host string) {
	i := slices.IndexFunc(*o, func(e otherChild) bool { return e.taken == taken && e.best == best })
	if i < 0 {
		i = len(*o)
		*o = append(*o, otherChild{taken: taken, best: best})
	}
	e := &(*o)[i]
	for j := range e.where {
		if e.where[j].runtime == r.String() {
			e.where[j].hosts += ", " + host
			return
		}
	}
	e.where = append(e.where, place{r.String(), host})
}

func (o others) findings(m *image.Image) []image.Finding {
	var list []image.Finding
	for _, e := range o {
		var where []string
		for _, w := range e.where {
			where = append(where, w.runtime+" on "+w.hosts)
		}
		text := strings.Join(where, "; ") + ": takes " + childName(&m.Children[e.taken])
		if e.taken == e.best {
			text += ", or another child where the client is not the kubelet"
		} else {
			text += ", although " + childName(&m.Children[e.best]) + " would do best"
		}
		list = append(list, image.Finding{Code: image.FindingTakesOther, Text: text})
	}
	return list
}

// childName is what tells a child from its siblings.
func childName(c *image.Child) string {
	name := c.OSVersion
	if name == "" {
		name = "the child without os.version"
	}
	if c.Digest != "" {
		name += " (" + c.Digest[:min(len(c.Digest), 19)] + ")"
	}
	return name
}

// judgeChildren adds what is wrong with the Windows children by themselves:
// out of support, or two of one build.
func (a *app) judgeChildren(m *image.Image) {
	seen := map[uint32]bool{}
	for i := range m.Children {
		c := &m.Children[i]
		if !c.Windows() || !c.Version.IsValid() {
			continue
		}
		if r := winver.ReleaseOf(a.facts, c.Version.Build, winver.Server); r != nil && !seen[r.Build] {
			seen[r.Build] = true
			if end := winver.EndOfSupport(r); end != 0 && end < a.today() {
				m.Findings = append(m.Findings, image.Finding{Code: image.FindingOutOfSupport,
					Text: fmt.Sprintf("%s (%d) is out of support since %s", winver.FullName(r), r.Build, end)})
			}
		}
		for j := range i {
			d := &m.Children[j]
			if m.Index == image.Yes && !m.ByName() && d.Windows() && d.Version.IsValid() && d.Version.Build == c.Version.Build && d.Architecture == c.Architecture &&
				d.Digest != c.Digest && slices.Equal(d.OSFeatures, c.OSFeatures) {
				m.Findings = append(m.Findings, image.Finding{Code: image.FindingTwoOfBuild,
					Text: fmt.Sprintf("two children are of build %d: %s and %s", c.Version.Build, childName(d), childName(c))})
				break
			}
		}
	}
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
