package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

// reading are the flags of verbs that read images.
type reading struct {
	offline, insecure bool
	deep              bool // read the config of every Windows child
}

func (r *reading) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.offline, "offline", false, "never touch a network: read names only")
	cmd.Flags().BoolVar(&r.insecure, "insecure", false, "ask registries by plain HTTP")
}

type checkFlags struct {
	reading
	hosts       []string
	edition     string
	docker      bool
	node        string
	isolation   string
	runtime     string
	kubernetes  bool
	hostProcess bool
	asOf        string
	strict      bool
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check IMAGE… --host HOST…",
		Short: "Will these images run on these hosts, and if not, what will?",
		Long: `Will these images run on these hosts, and if not, what will?

IMAGE is a reference as Docker takes it, docker-daemon:REF, oci:DIR,
oci-archive:FILE, docker-archive:FILE, windows:VERSION, or - for a list on
standard input, one a line. HOST is anything that names a Windows: ws2019,
10.0.17763.437, "Windows 11 24H2", ws2016+KB4053579, windows-2022, the text of
ver, systeminfo, docker info or kubectl get nodes, a file with such a text, or
- for standard input. Without --host it is this machine, on Windows.

Exit codes: 0 all run; 1 at least one does not; 2 wrong usage or failure;
3 something could not be decided.`,
		Example: `  winmatch check --host ws2019 mcr.microsoft.com/windows/servercore:ltsc2022
  winmatch check --host win11-25h2 --runtime containerd@2.2.0 windows:10.0.20348.2227
  kubectl get nodes -o wide | winmatch check --kubernetes --host - myregistry.example/app:1.0`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), &f, args) },
	}
	f.hostFlags(cmd)
	f.placeFlags(cmd)
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "what the documentation said on a `DATE` (2021-10-01)")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit 1 for risky answers too")
	f.reading.flags(cmd)
	return cmd
}

func (a *app) check(ctx context.Context, f *checkFlags, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	q, hosts, err := a.put(ctx, f)
	if err != nil {
		return err
	}
	refs, err := a.references(args)
	if err != nil {
		return err
	}
	refs, images, err := a.images(ctx, &f.reading, refs)
	if err != nil {
		return err
	}

	out := render.Check{Facts: a.info(), Results: make([]render.Result, 0, len(hosts)*len(refs))}
	for _, h := range hosts {
		for i := range images {
			r := a.judge(q, h, refs[i], &images[i])
			a.settle(f.strict, r.Answer)
			out.Results = append(out.Results, r)
		}
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	render.CheckText(a.stdout, &out, a.style())
	return nil
}

// hostFlags are the flags that say which hosts.
func (f *checkFlags) hostFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVarP(&f.hosts, "host", "H", nil, "the `HOST` that is to run the image; may be repeated")
	fl.StringVar(&f.edition, "edition", "", "server or client, where HOST does not say")
	fl.BoolVar(&f.docker, "docker", false, "ask the Docker engine for the host, its isolation and its version")
	fl.StringVar(&f.node, "node", "", "ask the Kubernetes node `NAME` for the host and its runtime, by kubectl (implies --kubernetes)")
}

// placeFlags are the flags that say how host and image are to meet.
func (f *checkFlags) placeFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.isolation, "isolation", "", "process or hyperv (default: process on servers and Kubernetes, hyperv on clients)")
	fl.StringVar(&f.runtime, "runtime", "", "docker, docker-containerd, containerd or none, with @VERSION (default: docker, on Kubernetes containerd)")
	fl.BoolVar(&f.kubernetes, "kubernetes", false, "the image is to run in a Kubernetes pod")
	fl.BoolVar(&f.hostProcess, "hostprocess", false, "as a HostProcess container (implies --kubernetes)")
}

// put is what the flags ask: how a host and an image are to meet, and which
// hosts. The Docker engine and a Kubernetes node say their runtime too.
func (a *app) put(ctx context.Context, f *checkFlags) (q compat.Question, hosts []winver.Host, err error) {
	f.kubernetes = f.kubernetes || f.node != ""
	if q, err = f.question(); err != nil {
		return q, nil, err
	}
	q.Today = a.today()
	switch {
	case f.docker && len(f.hosts) > 0:
		return q, nil, failf("", "--docker and --host exclude each other")
	case f.node != "" && (f.docker || len(f.hosts) > 0):
		return q, nil, failf("", "--node excludes --docker and --host")
	case f.docker:
		hosts, err = a.putDocker(ctx, f, &q)
	case f.node != "":
		hosts, err = a.askNodeHost(ctx, f.node)
	default:
		hosts, err = a.hosts(f.hosts)
	}
	if err == nil {
		hosts, err = settleRuntimes(hosts, f.runtime != "")
	}
	if err != nil {
		return q, nil, err
	}
	return q, hosts, setEdition(a.facts, hosts, f.edition)
}

// settleRuntimes drops what a text says of its hosts' runtimes where the flags
// say it, and holds the rest against those that have a known rule.
func settleRuntimes(hosts []winver.Host, given bool) ([]winver.Host, error) {
	list := hosts[:0]
	for _, h := range hosts {
		if given {
			h.Runtime = ""
		} else if _, err := compat.ParseRuntime(h.Runtime); h.Runtime != "" && err != nil {
			return nil, failf("--runtime containerd judges as if it were that", "host %s: %v", h.Version, err)
		}
		if !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list, nil
}

// putDocker is what the Docker engine says where the flags do not.
func (a *app) putDocker(ctx context.Context, f *checkFlags, q *compat.Question) ([]winver.Host, error) {
	e, err := askDocker(ctx)
	if err != nil {
		return nil, err
	}
	host, err := e.host(a.facts)
	if err != nil {
		return nil, err
	}
	if f.runtime == "" {
		q.Runtime = e.runtime()
	}
	if f.isolation == "" {
		q.Isolation = e.isolation()
	}
	return []winver.Host{host}, nil
}

// question reads the flags that say how host and image are to meet.
func (f *checkFlags) question() (q compat.Question, err error) {
	var ok bool
	if q.Isolation, ok = compat.ParseIsolation(f.isolation); !ok {
		return q, failf("", "unknown isolation %q (want process or hyperv)", f.isolation)
	}
	q.HostProcess = f.hostProcess
	q.Kubernetes = f.kubernetes || f.hostProcess
	switch {
	case f.runtime != "":
		if q.Runtime, err = compat.ParseRuntime(f.runtime); err != nil {
			return q, err
		}
	case q.Kubernetes:
		q.Runtime.Engine = compat.Containerd
	default:
		q.Runtime.Engine = compat.Docker
	}
	q.AsOf, err = parseAsOf(f.asOf)
	return q, err
}

func parseAsOf(s string) (facts.Date, error) {
	if s == "" {
		return 0, nil
	}
	d := facts.ParseDate(s)
	if d == 0 || d.Day() == 0 {
		return 0, failf("", "bad date %q (want 2021-10-01, say)", s)
	}
	if first := facts.Embedded().Tables[0].From; d < first {
		return 0, failf("", "the documentation's table is known from %s on", first)
	}
	return d, nil
}

// hosts reads the values of --host, each a name, a text, a file or - for
// standard input.
func (a *app) hosts(values []string) ([]winver.Host, error) {
	if len(values) == 0 {
		h, err := thisMachine(a.facts)
		if err != nil {
			return nil, failf("name it: --host ws2022, --host 10.0.20348.2227, or the text of ver, systeminfo or kubectl get nodes", "no host: %v", err)
		}
		return []winver.Host{h}, nil
	}
	var list []winver.Host
	for _, v := range values {
		text, err := a.text(v)
		if err != nil {
			return nil, err
		}
		hosts, err := winver.ParseHosts(a.facts, text)
		if err != nil {
			return nil, hostFailure(err)
		}
		list = append(list, hosts...)
	}
	return list, nil
}

func hostFailure(err error) error {
	var h *winver.HostError
	if errors.As(err, &h) {
		return &failure{"host: " + h.Error(), h.Hint}
	}
	return err
}

// setEdition applies --edition to hosts of builds that both editions have.
func setEdition(f *facts.Facts, hosts []winver.Host, edition string) error {
	if edition == "" {
		return nil
	}
	e := winver.ParseEdition(edition)
	if e == winver.UnknownEdition {
		return failf("", "unknown edition %q (want server or client)", edition)
	}
	for i := range hosts {
		r := winver.ReleaseOf(f, hosts[i].Version.Build, e)
		if r == nil && winver.ReleaseOf(f, hosts[i].Version.Build, winver.UnknownEdition) != nil {
			return failf("", "no %s has build %d", edition, hosts[i].Version.Build)
		}
		hosts[i].Edition, hosts[i].Assumed = e, false
		if hosts[i].Release = ""; r != nil {
			hosts[i].Release = r.ID
		}
	}
	return nil
}

// references parses IMAGE arguments; - reads more of them from standard input.
func (a *app) references(args []string) ([]image.Reference, error) {
	var refs []image.Reference
	for _, arg := range args {
		list := []string{arg}
		if arg == "-" {
			list = nil
			in := bufio.NewScanner(a.stdin)
			for in.Scan() {
				if s := strings.TrimSpace(in.Text()); s != "" && s[0] != '#' {
					list = append(list, s)
				}
			}
			if err := in.Err(); err != nil {
				return nil, failf("", "standard input: %v", err)
			}
		}
		for _, s := range list {
			ref, err := image.Parse(s)
			if err != nil {
				return nil, imageFailure(err)
			}
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return nil, failf("winmatch check --host ws2022 mcr.microsoft.com/windows/servercore:ltsc2022", "no image")
	}
	return refs, nil
}

func imageFailure(err error) error {
	var e *image.Error
	if errors.As(err, &e) {
		return &failure{e.Error(), e.Hint}
	}
	return err
}

// images reads the images, each one of the layouts and archives that hold
// several. One that does not exist is an answer; a registry that fails is an
// error, unless the name says what is in the image.
func (a *app) images(ctx context.Context, f *reading, refs []image.Reference) ([]image.Reference, []image.Image, error) {
	client := image.Client{Offline: f.offline, Insecure: f.insecure, Deep: f.deep, Facts: a.facts}
	all := make([]image.Reference, 0, len(refs))
	for _, ref := range refs {
		list, err := client.Expand(ctx, ref)
		if err != nil {
			return nil, nil, imageFailure(err)
		}
		all = append(all, list...)
	}
	images := make([]image.Image, len(all))
	for i, r := range client.GetAll(ctx, all) {
		images[i] = r.Image
		var e *image.Error
		switch {
		case r.Err == nil:
			for _, finding := range r.Image.Findings {
				if finding.Code == image.FindingUnreachable {
					a.warn("%s", finding.Text)
				}
			}
		case errors.As(r.Err, &e) && e.Code == image.CodeNotFound && all[i].Kind == image.Registry:
			images[i].Basis, images[i].Children = image.BasisRegistry, nil
			images[i].Findings = []image.Finding{{Code: image.FindingNotFound, Text: e.Error()}}
			images[i].Source = manifestURL(refs[i], f.insecure)
		default:
			return nil, nil, imageFailure(r.Err)
		}
	}
	return all, images, nil
}

// manifestURL is where a registry was asked: what it answers there is the
// source of an image that does not exist.
func manifestURL(ref image.Reference, insecure bool) string {
	scheme, host, what := "https://", ref.Host, ref.Tag
	if insecure {
		scheme = "http://"
	}
	if host == image.DockerHub {
		host = "registry-1.docker.io"
	}
	if ref.Digest != "" {
		what = ref.Digest
	}
	return scheme + host + "/v2/" + ref.Repository + "/manifests/" + what
}

// on is a question about a host, whose runtime may be known.
func on(q compat.Question, h winver.Host) compat.Question {
	q.Host = compat.Host{Version: h.Version, Edition: h.Edition, ARM64: h.ARM64}
	if r, err := compat.ParseRuntime(h.Runtime); err == nil {
		q.Runtime = r
	}
	return q
}

// judge puts one host and one image to the core and the answer into a value.
func (a *app) judge(q compat.Question, h winver.Host, ref image.Reference, m *image.Image) render.Result {
	q = on(q, h)
	q.Image = m.Asked()
	v := compat.Decide(a.facts, &q)
	r := render.Result{
		Host:       hostValue(h),
		HostName:   hostName(a.facts, h),
		Image:      render.Image{Reference: m.Reference, Digest: m.Digest, Basis: m.Basis},
		Isolation:  v.Isolation,
		Runtime:    render.Runtime{Name: v.Runtime.Engine.String(), Version: v.Runtime.Release.String()},
		Answer:     v.Answer,
		Documented: render.Support(v.Documented),
		Predicted: render.Predicted{
			Pull: v.Pull.PullString(), Start: v.Start.StartString(), Code: v.Code.String(), Message: v.Message(&q, fullName(ref)),
		},
		Reported: []render.Reported{},
		Reasons:  v.Reasons(a.facts, &q),
		Remedies: []compat.Remedy{},
	}
	for _, p := range v.Reports(a.facts, &q) {
		if p.Outcome != facts.Unclear {
			r.Reported = append(r.Reported, render.Reported{Outcome: p.Outcome.String(), Source: p.Source})
		}
	}
	if v.Child >= 0 {
		c := &m.Children[v.Child]
		if c.Digest != "" {
			r.Image.Digest = c.Digest
		}
		r.Image.OS, r.Image.OSVersion, r.Image.Version = c.OS, c.OSVersion, c.Version
		if r.Image.OSVersion == "" {
			r.Image.OSVersion = c.Version.String()
		}
		r.Image.Build, r.Image.Revision = c.Version.Build, render.Revision(c.Version)
		if rel := winver.ReleaseOf(a.facts, c.Version.Build, winver.Server); rel != nil {
			r.Image.Release, r.ImageName = rel.ID, winver.FullName(rel)
		}
	} else if len(m.Children) > 0 {
		r.Image.OS = m.Children[0].OS
	}
	if h.Assumed {
		if reason, ok := compat.Assumed(a.facts, &q); ok {
			r.Reasons = append(r.Reasons, reason)
		}
	}
	if reason, ok := m.Missing(); ok {
		r.Answer = compat.No
		r.Predicted = render.Predicted{Pull: "refused", Start: "unknown"}
		r.Reasons = []compat.Reason{reason}
	}
	candidates := image.Candidates(image.Siblings(ref, a.facts, h.Version))
	pullable := ref.Raw
	if ref.Kind == image.Given {
		pullable = ""
	}
	if list := v.Remedies(a.facts, &q, pullable, candidates); list != nil {
		r.Remedies = list
	}
	return r
}

// fullName is a reference as runtimes print it.
func fullName(ref image.Reference) string {
	if ref.Kind == image.Given {
		return "…"
	}
	return ref.String()
}

func hostValue(h winver.Host) render.Host {
	return render.Host{Version: h.Version, Build: h.Version.Build, Revision: render.Revision(h.Version), Release: h.Release, Edition: h.Edition}
}

// hostName is the release's name, or the build's where none is known.
func hostName(f *facts.Facts, h winver.Host) string {
	for i := range f.Releases {
		if f.Releases[i].ID == h.Release && h.Release != "" {
			return winver.FullName(&f.Releases[i])
		}
	}
	return "Windows build " + h.Version.WithoutRevision().Short()
}

// text is what a value stands for: standard input for -, the content of a
// file that exists, else the value itself.
func (a *app) text(value string) (string, error) {
	if value == "-" {
		b, err := readBounded(a.stdin)
		if err != nil {
			return "", failf("", "standard input: %v", err)
		}
		return string(b), nil
	}
	if len(value) < 4096 && !strings.ContainsRune(value, '\n') {
		if info, err := os.Stat(value); err == nil && info.Mode().IsRegular() {
			file, err := os.Open(value)
			if err != nil {
				return "", err
			}
			defer file.Close()
			b, err := readBounded(file)
			if err != nil {
				return "", failf("", "%s: %v", value, err)
			}
			return string(b), nil
		}
	}
	return value, nil
}
