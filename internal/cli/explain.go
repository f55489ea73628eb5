package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

type explainFlags struct {
	reading
	host    string
	edition string
	image   string
	docker  bool
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [TEXT|FILE|-]",
		Short: "Why did it fail?",
		Long: `Why did it fail? TEXT is an error as it was seen, FILE or standard input a log of
any length: the output of docker run, docker service ps --no-trunc, kubectl
describe pod, a CI job. Colours, line breaks, escaped JSON and UTF-16 do not
matter; of a message in another language the code is enough.

Where host and image are known, from the text, from --host and --image or from an
engine, their versions confirm the cause or refute it. A registry is asked only
for an image that the answer depends on, with --offline never.

Exit codes: 0 nothing found, or errors that are no version problem; 1 at least
one version problem; 2 wrong usage or failure; 3 errors whose cause the text does
not tell.`,
		Example: `  winmatch explain "no matching manifest for windows/amd64 10.0.19045 in the manifest list entries"
  kubectl describe pod web-0 | winmatch explain
  winmatch explain build.log --host ws2019 -o github`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return failf("put a text with blanks in quotes, or pipe it: … | winmatch explain -", "one TEXT, FILE or - is wanted, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), &f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.host, "host", "H", "", "the `HOST` on which it failed")
	fl.StringVar(&f.edition, "edition", "", "server or client, where HOST does not say")
	fl.StringVar(&f.image, "image", "", "the `IMAGE` that failed, where the text does not say")
	fl.BoolVar(&f.docker, "docker", false, "it failed on the Docker engine: ask it for its version and isolation")
	f.reading.flags(cmd)
	return cmd
}

func (a *app) explain(ctx context.Context, f *explainFlags, args []string) error {
	if err := a.form("text", "json", "markdown", "github"); err != nil {
		return err
	}
	known, err := a.known(ctx, f)
	if err != nil {
		return err
	}
	file, in, err := a.errorText(args)
	if err != nil {
		return err
	}
	report, err := diagnose.Read(in, a.facts)
	if c, ok := in.(io.Closer); ok {
		c.Close()
	}
	if err != nil {
		return failf("", "%v", err)
	}
	if file == "" && len(args) == 1 && len(report.Diagnoses) == 0 && pathLike(args[0]) {
		return failf("winmatch explain \"the error\", or pipe the output: … | winmatch explain -", "%q: no such file, and no text of an error", args[0])
	}
	out := render.Explain{Facts: a.info(), File: file, Lines: report.Lines, Diagnoses: []render.Diagnosis{}}
	images := a.lookUp(ctx, f, &known, report)
	for i := range report.Diagnoses {
		d := &report.Diagnoses[i]
		k := known
		m := images[d.Image]
		if f.image != "" {
			m = images[f.image]
			k.Reference = f.image
		}
		if m != nil {
			k.Image = m.Asked()
			if ref, err := image.Parse(m.Reference); err == nil {
				host := k.Host
				if !host.IsValid() {
					host = d.Host
				}
				k.Candidates = image.Candidates(image.Siblings(ref, a.facts, host))
			}
		}
		finding := d.Judge(a.facts, &k)
		a.settleCause(finding.Cause)
		out.Diagnoses = append(out.Diagnoses, a.diagnosis(&finding, m))
	}
	switch a.output {
	case "json":
		return render.JSON(a.stdout, &out)
	case "markdown":
		render.ExplainMarkdown(a.stdout, &out)
	case "github":
		render.ExplainGitHub(a.stdout, &out)
	default:
		render.ExplainText(a.stdout, &out, a.style())
	}
	if report.More {
		a.warn("more than %d kinds of errors: the further ones are left out", diagnose.MaxDiagnoses)
	}
	return nil
}

// pathLike reports whether an argument reads as the name of a file rather than
// as a text.
func pathLike(s string) bool {
	if s == "" || s == "-" || strings.ContainsAny(s, " \t\r\n") || strings.Contains(s, "://") {
		return false
	}
	return strings.ContainsAny(s, `/\`) || slices.Contains([]string{".log", ".txt", ".out", ".json"}, strings.ToLower(filepath.Ext(s)))
}

// settleCause sets the exit code: a version problem comes before a cause that
// is not known.
func (a *app) settleCause(c diagnose.Cause) {
	switch c {
	case diagnose.Mismatch, diagnose.Skew, diagnose.Feb2020:
		a.exit = exitFinding
	case diagnose.Undetermined:
		if a.exit == exitOK {
			a.exit = exitUnknown
		}
	}
}

// known is what the flags say.
func (a *app) known(ctx context.Context, f *explainFlags) (k diagnose.Known, err error) {
	k.Today = a.today()
	var hosts []winver.Host
	switch {
	case f.docker && f.host != "":
		return k, failf("", "--docker and --host exclude each other")
	case f.docker:
		e, err := askDocker(ctx)
		if err != nil {
			return k, err
		}
		h, err := e.host(a.facts)
		if err != nil {
			return k, err
		}
		hosts, k.Runtime, k.Isolation = []winver.Host{h}, e.runtime(), e.isolation()
	case f.host != "":
		if hosts, err = a.hosts([]string{f.host}); err != nil {
			return k, err
		}
		if len(hosts) > 1 {
			return k, failf("name the one on which it failed", "--host names %d different hosts", len(hosts))
		}
	}
	if err := setEdition(a.facts, hosts, f.edition); err != nil {
		return k, err
	}
	if len(hosts) == 1 {
		k.Host, k.Edition, k.ARM64 = hosts[0].Version, hosts[0].Edition, hosts[0].ARM64
	}
	return k, nil
}

// errorText is the text to explain: a file that exists, standard input, or the
// argument itself.
func (a *app) errorText(args []string) (file string, in io.Reader, err error) {
	if len(args) == 0 {
		if f, ok := a.stdin.(*os.File); ok && terminal(f) {
			return "", nil, failf(`winmatch explain "the error", winmatch explain FILE, or … | winmatch explain`, "no text to explain")
		}
		return "", io.NopCloser(a.stdin), nil
	}
	value := args[0]
	if value == "-" {
		return "", io.NopCloser(a.stdin), nil
	}
	if len(value) < 4096 && !strings.ContainsRune(value, '\n') {
		if info, err := os.Stat(value); err == nil && !info.IsDir() {
			file, err := os.Open(value)
			return value, file, err
		}
	}
	return "", strings.NewReader(value), nil
}

// maxLookUps bounds the images of one text that registries are asked for.
const maxLookUps = 16

// lookUp finds out what is in the images that the diagnoses are about: from
// their names, and from a registry where the answer depends on it. An image of
// which nothing can be found out stays unknown: that is no failure.
func (a *app) lookUp(ctx context.Context, f *explainFlags, k *diagnose.Known, report *diagnose.Report) map[string]*image.Image {
	found := map[string]*image.Image{}
	client := image.Client{Offline: f.offline, Insecure: f.insecure, Facts: a.facts}
	look := func(name string, ask bool) {
		if name == "" || found[name] != nil || len(found) >= maxLookUps {
			return
		}
		ref, err := image.Parse(name)
		if err != nil {
			if name == f.image {
				a.warn("--image: %v", err)
			}
			return
		}
		m := image.FromName(ref, a.facts)
		if ask && !f.offline {
			r := client.GetAll(ctx, []image.Reference{ref})[0]
			var e *image.Error
			switch {
			case r.Err == nil:
				m = r.Image
			case errors.As(r.Err, &e):
				a.warn("%s: %s", name, e.Error())
			}
		}
		found[name] = &m
	}
	for i := range report.Diagnoses {
		d := &report.Diagnoses[i]
		depends := d.Version() || d.Cause == diagnose.Undetermined || d.Confidence == diagnose.Possible || d.Detail == "linux-image" && d.Confidence < diagnose.Certain
		if !depends || d.Detail == "service" {
			continue
		}
		needed := k.Host.IsValid() || d.Host.IsValid() || d.Detail == "no-child-for-host" || d.Detail == "linux-image"
		if f.image != "" {
			look(f.image, needed)
			continue
		}
		look(d.Image, needed)
	}
	return found
}

// diagnosis puts a finding into a value.
func (a *app) diagnosis(d *diagnose.Finding, m *image.Image) render.Diagnosis {
	out := render.Diagnosis{
		Cause: d.Cause, Detail: d.Detail, Confidence: d.Confidence, Stage: d.Stage, Component: d.Component, Code: d.Code, CodeName: d.Code.Name(a.facts),
		Container: d.Container, Node: d.Node, Pod: d.Pod, Namespace: d.Namespace, Service: d.Service, Place: d.Place.String(), Restarts: d.Restarts,
		Headline: d.Headline, Otherwise: d.Otherwise, Evidence: d.Evidence, Reasons: d.Reasons, Remedies: d.Remedies,
		Count: d.Count, FirstLine: d.First, LastLine: d.Last,
	}
	if out.Remedies == nil {
		out.Remedies = []compat.Remedy{}
	}
	if d.Isolation != compat.DefaultIsolation {
		out.Isolation = d.Isolation.String()
	}
	if d.Host.IsValid() {
		h := winver.Host{Version: d.Host, Edition: d.Edition}
		name := winver.NameOf(a.facts, d.Host.Build, h.Edition)
		if h.Edition == winver.UnknownEdition {
			h.Edition = winver.EditionOf(a.facts, d.Host.Build)
		}
		if r := winver.ReleaseOf(a.facts, d.Host.Build, h.Edition); r != nil {
			h.Release = r.ID
		}
		v := hostValue(h)
		out.Host, out.HostName = &v, cmp.Or(name, hostName(a.facts, h))
	}
	if d.Image != "" || d.OSVersion.IsValid() {
		img := render.Image{Reference: d.Image, Digest: d.Digest, Basis: image.BasisGiven}
		if m != nil {
			img.Basis = m.Basis
			if img.Digest == "" {
				img.Digest = m.Digest
			}
		}
		if d.OSVersion.IsValid() {
			img.OS, img.OSVersion, img.Version = "windows", d.OSVersion.String(), d.OSVersion
			img.Build, img.Revision = d.OSVersion.Build, render.Revision(d.OSVersion)
			if r := winver.ReleaseOf(a.facts, d.OSVersion.Build, winver.Server); r != nil {
				img.Release, out.ImageName = r.ID, winver.FullName(r)
			}
		} else if d.Detail == "linux-image" {
			img.OS = "linux"
		}
		out.Image = &img
	}
	return out
}
