package kubecli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/kube"
	"github.com/winmatch/winmatch/kube/simulate"
	"github.com/winmatch/winmatch/winver"
)

type simulateFlags struct {
	access
	pool    string
	to      string
	runtime string
	add     []string
	remove  string
	images  []string
	strict  bool
}

func simulateCommand(r *cli.Run) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate [--node-pool SELECTOR --to WINDOWS] [--add NODES] [--remove SELECTOR] [--image WHAT=NEW]",
		Short: "What would break if these nodes got another Windows, came or went?",
		Long: `What would break if these nodes got another Windows, or another runtime: which
workloads keep running, fail, are at risk, find no room or lose their last node.

Nothing is changed. The cluster is copied, the pods of the nodes that change are
made anew there, and the scheduler's own code places them: resources, selectors,
affinity, taints, spreading, volumes, preemption. A node that takes another's place keeps its
name, taints, size and labels, but for those that tell its Windows version.
Where the scheduler is free to choose, all nodes that it may choose count: a
workload that runs on some of them only is at risk.

All pods of the cluster are read; -n and -l choose the workloads that are told of.

Exit codes: 0 nothing breaks; 1 something breaks by the change; 2 failure;
3 nothing breaks as far as could be seen, but something could not be decided.`,
		Example: `  kubectl winmatch simulate --node-pool pool=win2019 --to ws2022
  kubectl winmatch simulate --node-pool pool=win2022 --to ws2025 --runtime containerd@2.4.0
  kubectl winmatch simulate --node-pool kubernetes.io/os=windows --runtime containerd@2.4.0 -o markdown
  kubectl winmatch simulate --add 3*ws2025:pool=win --remove pool=win2019
  kubectl winmatch simulate --node-pool pool=win --to ws2025 --image deployment/web=mcr.microsoft.com/windows/servercore:ltsc2025`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulated(cmd.Context(), r, &f) },
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.Lookup("selector").Usage = "tell only of workloads whose pods have these labels: app=web,tier!=db"
	fl.StringVar(&f.pool, "node-pool", "", "the nodes that change, by their labels: pool=win2019")
	fl.StringVar(&f.to, "to", "", "the Windows that they get: ws2025, 10.0.26100.4061")
	fl.StringVar(&f.runtime, "runtime", "", "the runtime that they get: containerd@2.4.0 (default: the one that they have)")
	fl.StringArrayVar(&f.add, "add", nil, "nodes that come: [N*]WINDOWS[:SELECTOR], like the first node of the selector (3*ws2025:pool=win; 2*:pool=win)")
	fl.StringVar(&f.remove, "remove", "", "the nodes that go, by their labels")
	fl.StringArrayVar(&f.images, "image", nil, "an image that becomes another: WHAT=NEW, WHAT an image, with its tag or without, or a workload (deployment/web=app:2)")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 for risky workloads too")
	return cmd
}

// change is what the flags ask, and that in words.
func (f *simulateFlags) change(r *cli.Run) (c *simulate.Change, words []string, err error) {
	c = &simulate.Change{}
	switch {
	case f.pool == "" && f.to+f.runtime != "":
		return nil, nil, cli.Fail("--node-pool kubernetes.io/os=windows", "--to and --runtime: of which nodes? --node-pool names them")
	case f.pool == "" && len(f.add)+len(f.images) == 0 && f.remove == "":
		return nil, nil, cli.Fail("--node-pool kubernetes.io/os=windows --to ws2025", "what is to change? --node-pool names nodes; --add, --remove and --image are there too")
	case f.pool != "" && f.to+f.runtime == "":
		return nil, nil, cli.Fail("--to ws2025, --runtime containerd@2.4.0", "what do the nodes of %s become? --to or --runtime says it", f.pool)
	}
	if c.Pool, err = nodesOf("--node-pool", f.pool); err != nil {
		return nil, nil, err
	}
	if c.Remove, err = nodesOf("--remove", f.remove); err != nil {
		return nil, nil, err
	}
	if f.runtime != "" {
		if c.Runtime, err = compat.ParseRuntime(f.runtime); err != nil {
			return nil, nil, cli.Fail("--runtime containerd@2.4.0", "--runtime: %v", err)
		}
		if c.Runtime.Engine == compat.NoEngine {
			return nil, nil, cli.Fail("--runtime containerd@2.4.0", "--runtime %s: a node has a runtime", f.runtime)
		}
	}
	if f.to != "" {
		if c.To, err = windowsServer(r, "--to", f.to); err != nil {
			return nil, nil, err
		}
	}
	if c.Pool != nil {
		var get []string
		if f.to != "" {
			get = append(get, compat.Name(r.Facts(), c.To.Version, c.To.Edition))
		}
		if f.runtime != "" {
			get = append(get, c.Runtime.String())
		}
		words = append(words, "the nodes with "+f.pool+" get "+strings.Join(get, " and "))
	}
	for _, text := range f.add {
		a, err := addition(r, text)
		if err != nil {
			return nil, nil, err
		}
		c.Add = append(c.Add, a)
		words = append(words, "nodes come: "+text)
	}
	if c.Remove != nil {
		words = append(words, "the nodes with "+f.remove+" go")
	}
	for _, text := range f.images {
		what, next, ok := strings.Cut(text, "=")
		if _, err := image.Parse(next); !ok || what == "" || err != nil {
			return nil, nil, cli.Fail("--image deployment/web=registry.example/app:2, --image mcr.microsoft.com/windows/servercore=mcr.microsoft.com/windows/servercore:ltsc2025",
				"--image %s: want WHAT=NEW, an image or a workload and the image that it becomes", text)
		}
		c.Images = append(c.Images, simulate.Substitution{What: what, New: next})
		words = append(words, what+" becomes "+next)
	}
	return c, words, nil
}

// nodesOf reads a selector of nodes; nil where there is none.
func nodesOf(flag, text string) (labels.Selector, error) {
	if text == "" {
		return nil, nil
	}
	s, err := labels.Parse(text)
	if err != nil {
		return nil, cli.Fail(flag+" pool=win2019", "%s %s: %v", flag, text, err)
	}
	if s.Empty() {
		return nil, cli.Fail(flag+" kubernetes.io/os=windows", "%s %q: no label", flag, text)
	}
	return s, nil
}

// windowsServer reads the Windows of nodes.
func windowsServer(r *cli.Run, flag, text string) (winver.Host, error) {
	h, err := winver.ParseHost(r.Facts(), text)
	if err != nil {
		var e *winver.HostError
		if errors.As(err, &e) {
			return h, cli.Fail(e.Hint, "%s: %s", flag, e.Error())
		}
		return h, cli.Fail(flag+" ws2025", "%s: %v", flag, err)
	}
	if h.Edition == winver.UnknownEdition {
		h.Edition = winver.Server
		if rel := winver.ReleaseOf(r.Facts(), h.Version.Build, winver.Server); rel != nil {
			h.Release = rel.ID
		}
	}
	if h.Edition == winver.Client {
		return h, cli.Fail(flag+" ws2025", "%s %s: %s is no server, and Kubernetes supports Windows Server nodes only", flag, text, compat.Name(r.Facts(), h.Version, h.Edition))
	}
	return h, nil
}

// maxAdded bounds the nodes of one --add.
const maxAdded = 10_000

// addition reads [N*]WINDOWS[:SELECTOR].
func addition(r *cli.Run, text string) (a simulate.Addition, err error) {
	hint := "--add 3*ws2025, --add 3*ws2025:pool=win, --add 2*:pool=win"
	rest := text
	a.Count = 1
	if n, more, ok := strings.Cut(text, "*"); ok {
		if a.Count, err = strconv.Atoi(n); err != nil || a.Count < 1 || a.Count > maxAdded {
			return a, cli.Fail(hint, "--add %s: %q is no number of nodes (1 to %d)", text, n, maxAdded)
		}
		rest = more
	}
	windows, like, _ := strings.Cut(rest, ":")
	if windows == "" && like == "" {
		return a, cli.Fail(hint, "--add %s: want [N*]WINDOWS[:SELECTOR], the selector of nodes that they are like", text)
	}
	if windows != "" {
		if a.To, err = windowsServer(r, "--add", windows); err != nil {
			return a, err
		}
	}
	a.Like, err = nodesOf("--add", like)
	return a, err
}

func simulated(ctx context.Context, r *cli.Run, f *simulateFlags) error {
	form, err := r.Form("text", "json", "markdown", "html")
	if err != nil {
		return err
	}
	change, words, err := f.change(r)
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
	told := func(w *simulate.Workload) bool {
		return (len(reader.Namespaces) == 0 || slices.Contains(reader.Namespaces, w.Namespace)) && (reader.Selector == nil || reader.Selector.Matches(w.Labels))
	}
	all := &kube.Reader{Kube: reader.Kube, Metadata: reader.Metadata, Facts: reader.Facts, Objects: true}
	cluster, err := all.Read(ctx)
	if err != nil {
		return unreachable(c, err)
	}
	for _, u := range cluster.Unseen {
		if u.Resource == "nodes" {
			return cli.Fail("kube/rbac/simulate.yaml has the role that simulate needs", "nodes: %s: there is nothing to simulate", u.Why)
		}
	}
	s := simulate.Simulator{Doctor: &kube.Doctor{Facts: r.Facts(), Today: r.Today(), Images: &kube.Images{Kube: c.kube, Facts: r.Facts(), Offline: f.offline, Insecure: f.insecure}}}
	report, err := s.Run(ctx, cluster, change)
	var no *simulate.Error
	if errors.As(err, &no) {
		return cli.Fail(no.Hint, "%s", no.Text)
	}
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	report.Workloads = slices.DeleteFunc(report.Workloads, func(w simulate.Workload) bool { return !told(&w) })
	out := simulateValue(r, c, report)
	out.Change = words
	switch form {
	case "json":
		err = render.JSON(r.Out(), out)
	case "markdown":
		render.KubeSimulateMarkdown(r.Out(), out)
	case "html":
		render.KubeSimulateHTML(r.Out(), out)
	default:
		render.KubeSimulateText(r.Out(), out, r.Style())
	}
	if report.Broken() || f.strict && slices.ContainsFunc(report.Workloads, func(w simulate.Workload) bool { return w.Outcome == simulate.Risky }) {
		r.Exit(cli.Finding)
	}
	if report.Undecided() {
		r.Exit(cli.Undecided)
	}
	for _, u := range report.Unseen {
		if u.Forbidden {
			r.Warn("%s may not be read: kube/rbac/simulate.yaml has the role that simulate needs", u.Resource)
			break
		}
	}
	return err
}

// simulateValue puts a report into a value.
func simulateValue(r *cli.Run, c *clients, report *simulate.Report) *render.KubeSimulate {
	f := r.Facts()
	out := &render.KubeSimulate{Facts: r.Info(), Cluster: render.KubeCluster{Server: c.server, Context: c.context, Pods: report.Pods}, Nodes: []render.KubeNodeChange{},
		Workloads: []render.KubeSimulatedWorkload{}, Unseen: []render.KubeUnseen{}, Notes: list(report.Notes)}
	state := func(n *kube.Node) *render.KubeNodeState {
		if n == nil {
			return nil
		}
		return &render.KubeNodeState{Host: host(n.Host), Runtime: runtimeOf(n.Runtime), HostName: hostName(f, n.Host)}
	}
	for _, n := range report.Nodes {
		out.Nodes = append(out.Nodes, render.KubeNodeChange{Name: n.Name(), Fate: string(n.Fate), Before: state(n.Before), After: state(n.After)})
	}
	places := func(in []kube.Place) []render.KubePlace {
		all := []render.KubePlace{}
		for _, p := range in {
			v := render.KubePlace{Host: host(p.Host), Runtime: runtimeOf(p.Runtime), Answer: p.Answer, Code: p.Code, Text: p.Text, Seen: p.Seen, Count: p.Count, Nodes: list(p.Nodes), HostName: "another system"}
			if p.Windows {
				v.HostName = hostName(f, p.Host)
			}
			all = append(all, v)
		}
		return all
	}
	out.Summary.Outcomes = map[string]int{}
	for i := range report.Workloads {
		w := &report.Workloads[i]
		v := render.KubeSimulatedWorkload{Owner: render.KubeOwner(w.Owner), Outcome: string(w.Outcome), Before: string(w.Before), Broken: w.Broken, LastNode: w.LastNode,
			Pods: w.Pods, Moved: w.Moved, Pending: w.Pending, Waiting: w.Waiting, Evicted: w.Evicted, Image: w.Image, Text: w.Text, Why: w.Why,
			Places: places(w.Places), Was: places(w.Was), Put: []render.KubePlacement{}, Remedies: list(w.Remedies)}
		for _, p := range w.Put {
			put := render.KubePlacement{Pod: p.Pod, Node: p.Node}
			if p.Node != "" {
				put.Answer = &p.Answer
			}
			v.Put = append(v.Put, put)
		}
		out.Workloads = append(out.Workloads, v)
		out.Summary.Workloads++
		out.Summary.Outcomes[string(w.Outcome)]++
		if w.Broken {
			out.Summary.Broken++
		}
		if w.LastNode {
			out.Summary.LastNode++
		}
	}
	for _, u := range report.Unseen {
		out.Unseen = append(out.Unseen, render.KubeUnseen{Resource: u.Resource, Namespace: u.Namespace, Why: u.Why, Partial: u.Partial})
	}
	return out
}
