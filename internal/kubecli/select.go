package kubecli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/kube"
)

type selectFlags struct {
	access
	files              []string // -f
	recursive          bool
	hosts              []string
	runtime            string
	every              bool // --all
	apply, undo, force bool
}

func selectCommand(r *cli.Run) *cobra.Command {
	var f selectFlags
	cmd := &cobra.Command{
		Use:   "select RESOURCE…",
		Short: "Keep workloads to the nodes that run their images",
		Long: `Keep workloads to the nodes that run their images, and let them run on all of these:
by the kubelet's label node.kubernetes.io/windows-build and kubernetes.io/os. Where
the build does not tell the nodes apart (Windows Server 2016, whose revision
counts; runtimes of different rules) by the labels that kubectl winmatch label
sets. All containers count, init and sidecar containers too.

RESOURCE is written as for kubectl: deployment/web, deploy web api, deploy,sts -l
app=web, cronjob --all; in the namespace of -n, else of the context. Selectors and
affinity that are there stay, but for demands of a Windows version that none of
the nodes meets that run the images.

Which nodes remain is shown first. A workload that would find no node is not
changed, unless --force says so. The pod template is patched at the version that
was read: nobody else's change is overwritten. --undo restores what was there
before, which the annotation winmatch.github.io/select remembers.

With -f the pods of manifests are changed instead, and nothing else in the files: for
the nodes of the cluster, or those of --host, without one.

kube/rbac/select.yaml in the repository has the role that select needs.

Exit codes: 0 the right nodes are selected, or were; 1 something is to be changed,
cannot be, or a workload would find no node; 2 failure; 3 the image is not known.`,
		Example: `  kubectl winmatch select deploy/web
  kubectl winmatch select deploy,sts -n shop --all --apply
  kubectl winmatch select deploy/web --undo --apply
  kubectl winmatch select -f deploy/ --host ws2022 --host ws2025 --apply`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.files) > 0 {
				return chooseFiles(cmd.Context(), r, &f, args)
			}
			return choose(cmd.Context(), r, &f, args)
		},
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.Lookup("all-namespaces").Usage = "in all namespaces"
	fl.Lookup("selector").Usage = "the resources with these labels: app=web,tier!=db"
	fl.StringArrayVarP(&f.files, "filename", "f", nil, "the pods of `FILE`, of the files of a folder, or - for standard input; may be repeated")
	fl.BoolVarP(&f.recursive, "recursive", "R", false, "the files of folders below that of -f, too")
	fl.StringArrayVarP(&f.hosts, "host", "H", nil, "with -f: plan for nodes of this `HOST` instead of a cluster's; may be repeated")
	fl.StringVar(&f.runtime, "runtime", "", "with --host: the runtime of these nodes, containerd@2.1.6, say")
	fl.BoolVar(&f.every, "all", false, "all resources of these kinds")
	fl.BoolVar(&f.apply, "apply", false, "do it: change the pod templates, or write the files")
	fl.BoolVar(&f.undo, "undo", false, "restore what was there before this verb changed it")
	fl.BoolVar(&f.force, "force", false, "even where a workload then finds no node")
	return cmd
}

func choose(ctx context.Context, r *cli.Run, f *selectFlags, args []string) error {
	form, err := r.Form("text", "json")
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return cli.Fail("kubectl winmatch select deploy/web, or -f web.yaml", "at least one RESOURCE is wanted")
	case len(f.hosts) > 0 || f.runtime != "" || f.recursive:
		return cli.Fail("", "--host, --runtime and -R go with -f")
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	templates, failed := f.templates(c, args)
	if len(templates) == 0 {
		if failed == nil {
			r.Warn("no resources found")
		}
		return failed
	}
	reader := &kube.Reader{Kube: c.kube, Metadata: c.metadata, Facts: r.Facts()}
	for _, t := range templates {
		reader.Climb(ctx, t)
	}
	plan := kube.PlanUndo
	if !f.undo {
		cluster, err := f.readNodes(ctx, r, c)
		if err != nil {
			return err
		}
		images := &kube.Images{Kube: c.kube, Facts: r.Facts(), Offline: f.offline, Insecure: f.insecure}
		chooser := &kube.Chooser{Doctor: &kube.Doctor{Facts: r.Facts(), Today: r.Today(), Images: images}, Cluster: cluster}
		chooser.Read(ctx, templates...)
		for _, note := range images.Notes {
			r.Warn("%s", note)
		}
		plan = chooser.Plan
	}
	out := render.KubeSelect{Facts: r.Info(), Undo: f.undo, Workloads: []render.KubeChoice{}}
	hint := ""
	broken := false
	for _, t := range templates {
		p := plan(t)
		done, wrong := false, ""
		may := f.may(t, p)
		switch {
		case may != nil && f.apply:
			wrong, hint = may.text, may.hint
		case may != nil && may.always:
			wrong = may.text
		case !f.apply || !p.Changes():
		case broken:
			wrong = "not tried, after the failure before"
		default:
			p, err = reader.Apply(ctx, t, p, plan, func(t *kube.Template, p *kube.Choice) error {
				if no := f.may(t, p); no != nil {
					return errors.New(no.text)
				}
				return nil
			})
			if err != nil {
				wrong, broken = err.Error(), !ofObject(err)
				failed = errors.Join(failed, refusal(c, t, err))
				break
			}
			done = p.Changes()
		}
		v := choiceValue(t, p)
		v.Applied, v.Error = done, wrong
		out.Workloads = append(out.Workloads, v)
		switch {
		case p.Unknown != "":
			r.Exit(cli.Undecided)
		case p.Strands != "", len(p.Labels) > 0, p.Changes() && !done:
			r.Exit(cli.Finding)
		}
	}
	applied := f.apply
	for i := range out.Workloads {
		applied = applied && out.Workloads[i].Error == ""
	}
	if form == "json" {
		err = render.JSON(r.Out(), &out)
	} else {
		render.KubeSelectText(r.Out(), &out, r.Style(), applied)
	}
	if hint != "" && failed == nil {
		r.Warn("not all workloads were changed: %s", hint)
	}
	return errors.Join(failed, err)
}

// readNodes reads the nodes of the cluster, without which nothing can be said.
func (f *selectFlags) readNodes(ctx context.Context, r *cli.Run, c *clients) (*kube.Cluster, error) {
	reader := &kube.Reader{Kube: c.kube, Metadata: c.metadata, Facts: r.Facts()}
	cluster, err := reader.ReadNodes(ctx)
	if err != nil {
		return nil, unreachable(c, err)
	}
	for _, u := range cluster.Unseen {
		if u.Resource == "nodes" {
			return nil, cli.Fail("kube/rbac/select.yaml has the role that select needs", "nodes could not be read: %s", u.Why)
		}
		r.Warn("%s could not be read: %s; nodes that a runtime class excludes may be shown", u.Resource, u.Why)
	}
	return cluster, nil
}

// templates are the workloads that are named, as kubectl finds them.
func (f *selectFlags) templates(c *clients, args []string) ([]*kube.Template, error) {
	namespace, explicit, err := f.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, cli.Fail("", "%s", err)
	}
	if f.all && explicit {
		return nil, cli.Fail("", "-n and -A exclude each other")
	}
	infos, err := resource.NewBuilder(f.config).Unstructured().ContinueOnError().NamespaceParam(namespace).DefaultNamespace().AllNamespaces(f.all).
		LabelSelectorParam(f.selector).SelectAllParam(f.every).ResourceTypeOrNameArgs(f.every || f.selector != "", args...).RequestChunksOf(500).Flatten().Latest().Do().Infos()
	if err != nil {
		hint := ""
		if apierrors.IsForbidden(err) {
			hint = "kube/rbac/select.yaml has the role that select needs"
		}
		err = cli.Fail(hint, "%s", strings.TrimSpace(err.Error()))
	}
	var list []*kube.Template
	for _, info := range infos {
		o, wrong := typed(info.Object)
		t, ok := kube.TemplateOf(o)
		if wrong != nil || !ok {
			err = errors.Join(err, cli.Fail("Deployments, StatefulSets, DaemonSets, ReplicaSets, CronJobs, Jobs and Pods are", "%s is no workload that select knows", info.ObjectName()))
			continue
		}
		list = append(list, t)
	}
	return list, err
}

// typed is an object of a kind that client-go knows, as such.
func typed(o runtime.Object) (runtime.Object, error) {
	kind := o.GetObjectKind().GroupVersionKind()
	out, err := scheme.Scheme.New(kind)
	if err != nil {
		return nil, err
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(fields, out)
}

// obstacle is why a change is not made.
type obstacle struct {
	text, hint string
	always     bool // whether or not it is to be made
}

// may says why a workload is not to be changed; nil where it may be.
func (f *selectFlags) may(t *kube.Template, p *kube.Choice) *obstacle {
	if !p.Changes() {
		return nil
	}
	if text := t.Obstacle(p); text != "" {
		hint := "change what it was made from"
		if o := t.Controller; o != nil {
			hint = fmt.Sprintf("kubectl winmatch select %s/%s -n %s", strings.ToLower(o.Kind), o.Name, t.Namespace)
		}
		return &obstacle{text + ": " + hint, hint, true}
	}
	switch {
	case len(p.Labels) > 0:
		return &obstacle{"the nodes' labels come first", "kubectl winmatch label --apply", false}
	case p.Strands != "" && !f.force:
		return &obstacle{"it would find no node", "--force does it all the same", false}
	}
	return nil
}

// ofObject reports whether a failure is of one object, so that others may do.
func ofObject(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err)
}

// refusal puts a failure to change a workload into words.
func refusal(c *clients, t *kube.Template, err error) error {
	hint := "what was done stays; a second run does the rest"
	switch {
	case apierrors.IsForbidden(err):
		hint = "kube/rbac/select.yaml has the role that select needs"
	case apierrors.IsNotFound(err):
		return cli.Fail("", "%s was deleted meanwhile", t.Owner)
	case apierrors.IsInvalid(err):
		hint = "change what it was made from"
	}
	return cli.Fail(hint, "%s: %s: %s", c.server, t.Owner, err)
}

// choiceValue puts a choice into a value.
func choiceValue(t *kube.Template, p *kube.Choice) render.KubeChoice {
	v := render.KubeChoice{KubeOwner: render.KubeOwner(t.Owner), Images: list(p.Images), Places: choicePlaces(p), Add: list(p.Add), Remove: list(p.Remove), Against: list(p.Against),
		Stay: nodeNames(p.Stay), Risky: nodeNames(p.Risky), Unsure: nodeNames(p.Unsure), Labels: nodeNames(p.Labels),
		Strands: p.Strands, Unknown: p.Unknown, Aside: p.Aside, Source: t.Source}
	if p.Changes() {
		v.Command = t.Command(p)
	}
	return v
}

// choicePlaces puts alike nodes together.
func choicePlaces(p *kube.Choice) []render.KubeChoicePlace {
	type kind struct {
		host     render.Host
		runtime  render.Runtime
		text     string
		eligible bool
	}
	index := map[kind]int{}
	out := []render.KubeChoicePlace{}
	for i := range p.Nodes {
		j := &p.Nodes[i]
		h, rt := host(j.Node.Host), runtimeOf(j.Node.Runtime)
		key := kind{render.Host{Version: h.Version, Edition: h.Edition}, rt, j.Answer.String() + j.Text, j.Eligible}
		n, ok := index[key]
		if !ok {
			n = len(out)
			index[key] = n
			v := render.KubeChoicePlace{Host: h, Runtime: rt, Answer: j.Answer, Image: j.Image, Text: j.Text, Eligible: j.Eligible}
			out = append(out, v)
		}
		out[n].Nodes = append(out[n].Nodes, j.Node.Name)
	}
	return out
}

func nodeNames(nodes []*kube.Node) []string {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}
