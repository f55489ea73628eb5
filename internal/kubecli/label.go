package kubecli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/kube"
)

type labelFlags struct {
	access
	apply, undo, force bool
}

func labelCommand(r *cli.Run) *cobra.Command {
	var f labelFlags
	cmd := &cobra.Command{
		Use:   "label [NODE...]",
		Short: "Label Windows nodes by what they are and by what they run",
		Long: `Label Windows nodes by what they are and by what they run, next to the kubelet's
node.kubernetes.io/windows-build:

  beta.kubernetes.io/osbuild      of Microsoft's page: 20348, or 14393.1715 on
                                  Windows Server 2016
  winmatch.github.io/version      10.0.20348.2227
  winmatch.github.io/runs-20348   true, for each build of images that the node's
                                  version and runtime run; of Windows Server 2016
                                  the revision counts: runs-14393.1715

The change is shown, with the kubectl commands that do the same; --apply makes it,
by server-side apply as the field manager winmatch. A node that was upgraded since
is labelled anew. Labels of others stay: one that is in the way is named, with the
manager that has set it, and --force takes it over. --undo takes away what
winmatch has set, and nothing else. Nodes that run no Windows are left alone.

kube/rbac/label.yaml in the repository has the role that label needs.

Exit codes: 0 all labels are right, or were set; 1 something is to be changed, or
is in the way; 2 failure; 3 what a node is or runs is not known.`,
		Example: `  kubectl winmatch label
  kubectl winmatch label -l agentpool=win22 --apply
  kubectl winmatch label node-1 node-2 --undo --apply`,
		RunE: func(cmd *cobra.Command, args []string) error { return label(cmd.Context(), r, &f, args) },
	}
	f.config = genericclioptions.NewConfigFlags(true)
	f.config.Namespace = nil // nodes have none
	fl := cmd.Flags()
	f.config.AddFlags(fl)
	fl.StringVarP(&f.selector, "selector", "l", "", "only nodes with these labels: agentpool=win22,env!=test")
	fl.BoolVar(&f.apply, "apply", false, "do it: change the labels")
	fl.BoolVar(&f.undo, "undo", false, "take away the labels that winmatch has set")
	fl.BoolVar(&f.force, "force", false, "take over labels that others have set to another value")
	return cmd
}

func label(ctx context.Context, r *cli.Run, f *labelFlags, names []string) error {
	form, err := r.Form("text", "json")
	if err != nil {
		return err
	}
	switch {
	case f.undo && f.force:
		return cli.Fail("", "--undo takes away what winmatch has set only, and needs no --force")
	case f.selector != "" && len(names) > 0:
		return cli.Fail("", "nodes are named or selected by -l, not both")
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return cli.Fail("-l agentpool=win22,env!=test", "-l %s: %v", f.selector, err)
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	l := kube.Labeler{Reader: &kube.Reader{Kube: c.kube, Facts: r.Facts()}, Today: r.Today(), Nodes: names, NodeSelector: f.selector, Undo: f.undo, Force: f.force}
	plan, err := l.Plan(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return cli.Fail("kubectl get nodes lists them", "%s", err)
	case apierrors.IsForbidden(err):
		return cli.Fail("kube/rbac/label.yaml has the role that label needs", "%s", err)
	case err != nil:
		return unreachable(c, err)
	}
	out := render.KubeLabel{Facts: r.Info(), Undo: f.undo, Nodes: []render.KubeLabels{}}
	todo := make([]bool, len(plan))
	for i, p := range plan {
		todo[i] = f.apply && p.Changes()
	}
	errs := make([]error, len(plan))
	if f.apply {
		errs = l.ApplyAll(ctx, plan)
	}
	var failed error
	var unknown []string
	for i, p := range plan {
		wrong, done := "", todo[i] && errs[i] == nil && !p.Gone && p.Changes()
		if errs[i] != nil {
			wrong = errs[i].Error()
			if failed == nil && !errors.Is(errs[i], kube.ErrNotTried) {
				failed = errs[i]
			}
		}
		v := labelsValue(r, p)
		v.Applied, v.Error = done, wrong
		out.Nodes = append(out.Nodes, v)
		if p.Left() || p.Changes() && !f.apply {
			r.Exit(cli.Finding)
		}
		if p.Unknown != "" {
			unknown = append(unknown, p.Node.Name)
			r.Exit(cli.Undecided)
		}
	}
	if form == "json" {
		err = render.JSON(r.Out(), &out)
	} else {
		render.KubeLabelText(r.Out(), &out, r.Style(), f.apply)
	}
	for _, name := range names {
		if !f.undo && !slices.ContainsFunc(plan, func(p *kube.NodeLabels) bool { return p.Node.Name == name }) {
			r.Warn("%s runs no Windows: it is left alone", name)
		}
	}
	if len(unknown) > 0 {
		r.Warn("not everything is known of %s", strings.Join(unknown[:min(len(unknown), 10)], ", "))
	}
	if failed != nil {
		hint := "what was done stays; a second run does the rest"
		if apierrors.IsForbidden(failed) {
			hint = "kube/rbac/label.yaml has the role that label needs; " + hint
		}
		failed = cli.Fail(hint, "%s: %s", c.server, failed)
	}
	return errors.Join(failed, err)
}

// labelsValue puts what is to be changed at a node into a value.
func labelsValue(r *cli.Run, p *kube.NodeLabels) render.KubeLabels {
	n := p.Node
	v := render.KubeLabels{Node: n.Name, Runtime: runtimeOf(n.Runtime), HostName: n.OS, Set: p.Set, Was: p.Was, Remove: list(p.Remove), Release: list(p.Release),
		Held: []render.KubeHeld{}, Lies: list(p.Lies), Unknown: p.Unknown, Gone: p.Gone}
	if n.Host.Version.IsValid() {
		h := host(n.Host)
		v.Host, v.HostName = &h, hostName(r.Facts(), n.Host)
	}
	for _, h := range p.Held {
		v.Held = append(v.Held, render.KubeHeld{Label: h.Key, Value: h.Value, Wanted: h.Wanted, Managers: list(h.Managers), Lie: h.Lie, Taken: h.Taken})
	}
	if p.Changes() {
		v.Command = p.Command()
	}
	return v
}
