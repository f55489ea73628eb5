package kubecli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/winver"
)

type doctorFlags struct {
	access
	strict bool
	watch  bool
	every  time.Duration
}

func doctorCommand(r *cli.Run) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What does not fit in this cluster: nodes, pods that failed or wait, pods that may",
		Long: `What does not fit in this cluster: nodes, pods that failed or wait because of a
Windows version, and pods that may fail wherever else their own scheduling rules
let them be put.

Nothing is changed. All namespaces are looked at, or that of -n. Images are known
by their names; where a name does not say which Windows is in it, its registry is
asked with the pull secrets of the pod and its service account, where these may
be read, then with your own credentials. --offline asks no registry.

What may not be read is named, and the rest is judged. kube/rbac in the
repository has the roles that doctor needs.

Exit codes: 0 nothing to report; 1 a finding; 2 failure; 3 nothing found, but
something could not be seen or decided.`,
		Example: `  kubectl winmatch doctor
  kubectl winmatch doctor -n shop -l app=web -o json
  kubectl winmatch doctor --context prod -o html >report.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), r, &f) },
	}
	f.flags(cmd)
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "look again and again, and answer anew when something has changed")
	cmd.Flags().DurationVar(&f.every, "every", 30*time.Second, "how often --watch looks")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit 1 for risky findings too")
	return cmd
}

func doctor(ctx context.Context, r *cli.Run, f *doctorFlags) error {
	form, err := r.Form("text", "json", "sarif", "html")
	if err != nil {
		return err
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	reader, err := f.reader(r, c)
	if err != nil {
		return err
	}
	if f.watch && f.every < time.Second {
		return cli.Fail("", "--every %s: at least a second", f.every)
	}
	d := kube.Doctor{Facts: r.Facts(), Today: r.Today(), Images: &kube.Images{Kube: c.kube, Facts: r.Facts(), Offline: f.offline, Insecure: f.insecure}}
	var before []byte
	for {
		cluster, err := reader.Read(ctx)
		if err != nil && !(f.watch && before != nil) {
			return unreachable(c, err)
		}
		if err != nil && ctx.Err() == nil {
			r.Warn("%s: %v", c.server, err) // it may come back
		}
		if err == nil {
			report := d.Examine(ctx, cluster)
			var now bytes.Buffer
			if err := write(&now, form, r, doctorValue(r, c, report)); err != nil {
				return err
			}
			if !bytes.Equal(now.Bytes(), before) {
				if before != nil && form == "text" {
					fmt.Fprintf(r.Out(), "\n%s\n", r.Now().Format(time.DateTime))
				}
				before = now.Bytes()
				if _, err := r.Out().Write(before); err != nil {
					return err
				}
				r.Clear()
				settle(r, report, f.strict)
				warn(r, report)
			}
		}
		if !f.watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.every):
		}
	}
}

func write(w io.Writer, form string, r *cli.Run, out *render.KubeDoctor) error {
	switch form {
	case "json":
		return render.JSON(w, out)
	case "sarif":
		return render.KubeDoctorSARIF(w, out)
	case "html":
		render.KubeDoctorHTML(w, out)
	default:
		render.KubeDoctorText(w, out, r.Style())
	}
	return nil
}

// warn says what limits the answer.
func warn(r *cli.Run, report *kube.Report) {
	for _, note := range report.Notes {
		r.Warn("%s", note)
	}
	for _, u := range report.Unseen {
		if u.Forbidden {
			r.Warn("%s may not be read: kube/rbac/doctor.yaml has the role that doctor needs", u.Resource)
			return
		}
	}
}

// settle sets the exit code.
func settle(r *cli.Run, report *kube.Report, strict bool) {
	code := func(c kube.Code) {
		switch {
		case c.Undecided():
			r.Exit(cli.Undecided)
		case c != kube.Shaky || strict:
			r.Exit(cli.Finding)
		}
	}
	for _, n := range report.Nodes {
		for _, f := range n.Findings {
			code(f.Code)
		}
	}
	for i := range report.Findings {
		code(report.Findings[i].Code)
	}
	if len(report.Unseen) > 0 {
		r.Exit(cli.Undecided)
	}
}

// doctorValue puts a report into a value.
func doctorValue(r *cli.Run, c *clients, report *kube.Report) *render.KubeDoctor {
	out := &render.KubeDoctor{Facts: r.Info(), Cluster: render.KubeCluster{Server: c.server, Context: c.context, Pods: report.Pods, OtherNodes: report.Linux},
		Nodes: []render.KubeNode{}, Findings: []render.KubeFinding{}, Unseen: []render.KubeUnseen{}, Notes: list(report.Notes)}
	f := r.Facts()
	for _, n := range report.Nodes {
		v := render.KubeNode{Name: n.Name, Host: host(n.Host), OSImage: n.OSImage, Runtime: runtimeOf(n.Runtime), Kubelet: n.Kubelet, Ready: n.Ready, Cordoned: n.Unschedulable,
			SupportEnds: n.SupportEnds, Labels: n.VersionLabels(), Findings: []render.Finding{}, HostName: hostName(f, n.Host)}
		for _, x := range n.Findings {
			v.Findings = append(v.Findings, render.Finding{Code: string(x.Code), Text: x.Text})
		}
		out.Nodes = append(out.Nodes, v)
	}
	for i := range report.Findings {
		out.Findings = append(out.Findings, findingValue(f, &report.Findings[i]))
	}
	for _, u := range report.Unseen {
		out.Unseen = append(out.Unseen, render.KubeUnseen{Resource: u.Resource, Namespace: u.Namespace, Why: u.Why, Partial: u.Partial})
	}
	return out
}

func findingValue(f *facts.Facts, x *kube.Finding) render.KubeFinding {
	v := render.KubeFinding{Code: string(x.Code), Level: x.Code.Level().String(), Owner: render.KubeOwner(x.Owner), Pods: x.Pods, Examples: list(x.Examples), Text: x.Text,
		Failures: []render.KubeFailure{}, Places: []render.KubePlace{}, Reasons: list(x.Reasons), Remedies: list(x.Remedies)}
	if x.Image != "" {
		v.Image = &render.KubeImage{Reference: x.Image, Basis: x.Basis, OSVersions: list(x.Versions)}
	}
	for _, b := range x.Failures {
		v.Failures = append(v.Failures, failureValue(&b))
	}
	for _, p := range x.Places {
		v.Places = append(v.Places, render.KubePlace{Host: host(p.Host), Runtime: runtimeOf(p.Runtime), Answer: p.Answer, Code: p.Code, Text: p.Text, Seen: p.Seen,
			Count: p.Count, Nodes: list(p.Nodes), HostName: hostName(f, p.Host)})
	}
	return v
}

func failureValue(b *kube.Failure) render.KubeFailure {
	d := &b.Diagnosis
	return render.KubeFailure{Cause: d.Cause, Detail: d.Detail, Confidence: d.Confidence, Stage: d.Stage, Code: code(d.Code), Headline: b.Headline, Otherwise: b.Otherwise,
		Container: b.Container, Pods: b.Pods, Nodes: list(b.Nodes), Message: b.Message}
}

func code(c diagnose.Code) string {
	if c == 0 {
		return ""
	}
	return c.String()
}

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return slices.Clip(l)
}

func host(h winver.Host) render.Host {
	return render.Host{Version: h.Version, Build: h.Version.Build, Revision: render.Revision(h.Version), Release: h.Release, Edition: h.Edition}
}

func hostName(f *facts.Facts, h winver.Host) string {
	if !h.Version.IsValid() {
		return "not known"
	}
	if r := winver.ReleaseOf(f, h.Version.Build, h.Edition); r != nil {
		return winver.FullName(r)
	}
	return "Windows build " + h.Version.WithoutRevision().Short()
}

func runtimeOf(r compat.Runtime) render.Runtime {
	if r.Engine == compat.NoEngine {
		return render.Runtime{}
	}
	return render.Runtime{Name: r.Engine.String(), Version: r.Release.String()}
}
