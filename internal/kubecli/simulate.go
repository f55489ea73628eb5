package kubecli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/winmatch/winmatch/compat"
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
	strict  bool
}

func simulateCommand(r *cli.Run) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate --node-pool SELECTOR --to WINDOWS [--runtime RUNTIME]",
		Short: "What would break if these nodes got another Windows?",
		Long: `What would break if these nodes got another Windows, or another runtime: which
workloads keep running, fail, are at risk, find no room or lose their last node.

Nothing is changed. The cluster is copied, the pods of the nodes that change are
made anew there, and the scheduler's own code places them: resources, selectors,
affinity, taints, spreading, volumes. A node that takes another's place keeps its
name, taints, size and labels, but for those that tell its Windows version.
Where the scheduler is free to choose, all nodes that it may choose count: a
workload that runs on some of them only is at risk.

All pods of the cluster are read; -n and -l choose the workloads that are told of.

Exit codes: 0 nothing breaks; 1 something breaks by the change; 2 failure;
3 nothing breaks as far as could be seen, but something could not be decided.`,
		Example: `  kubectl winmatch simulate --node-pool pool=win2019 --to ws2022
  kubectl winmatch simulate --node-pool pool=win2022 --to ws2025 --runtime containerd@2.4.0
  kubectl winmatch simulate --node-pool kubernetes.io/os=windows --runtime containerd@2.4.0 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulated(cmd.Context(), r, &f) },
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.Lookup("selector").Usage = "tell only of workloads whose pods have these labels: app=web,tier!=db"
	fl.StringVar(&f.pool, "node-pool", "", "the nodes that change, by their labels: pool=win2019")
	fl.StringVar(&f.to, "to", "", "the Windows that they get: ws2025, 10.0.26100.4061")
	fl.StringVar(&f.runtime, "runtime", "", "the runtime that they get: containerd@2.4.0 (default: the one that they have)")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 for risky workloads too")
	return cmd
}

// change is what the flags ask.
func (f *simulateFlags) change(r *cli.Run) (*simulate.Change, []string, error) {
	var c simulate.Change
	if f.pool == "" {
		return nil, nil, cli.Fail("--node-pool kubernetes.io/os=windows --to ws2025", "what is to change? --node-pool names the nodes")
	}
	if f.to == "" && f.runtime == "" {
		return nil, nil, cli.Fail("--to ws2025, --runtime containerd@2.4.0", "what do the nodes of %s become? --to or --runtime says it", f.pool)
	}
	var err error
	if c.Pool, err = labels.Parse(f.pool); err != nil {
		return nil, nil, cli.Fail("--node-pool pool=win2019", "--node-pool %s: %v", f.pool, err)
	}
	if c.Pool.Empty() {
		return nil, nil, cli.Fail("--node-pool kubernetes.io/os=windows", "--node-pool %q: no label", f.pool)
	}
	text := "the nodes with " + f.pool + " get"
	if f.to != "" {
		if c.To, err = winver.ParseHost(r.Facts(), f.to); err != nil {
			var h *winver.HostError
			if errors.As(err, &h) {
				return nil, nil, cli.Fail(h.Hint, "--to: %s", h.Error())
			}
			return nil, nil, cli.Fail("--to ws2025", "--to: %v", err)
		}
		if c.To.Edition == winver.UnknownEdition {
			c.To.Edition = winver.Server
			if rel := winver.ReleaseOf(r.Facts(), c.To.Version.Build, winver.Server); rel != nil {
				c.To.Release = rel.ID
			}
		}
		if c.To.Edition == winver.Client {
			return nil, nil, cli.Fail("--to ws2025", "--to %s: %s is no server, and Kubernetes supports Windows Server nodes only", f.to, compat.Name(r.Facts(), c.To.Version, c.To.Edition))
		}
		text += " " + compat.Name(r.Facts(), c.To.Version, c.To.Edition)
	}
	if f.runtime != "" {
		if c.Runtime, err = compat.ParseRuntime(f.runtime); err != nil {
			return nil, nil, cli.Fail("--runtime containerd@2.4.0", "--runtime: %v", err)
		}
		if c.Runtime.Engine == compat.NoEngine {
			return nil, nil, cli.Fail("--runtime containerd@2.4.0", "--runtime %s: a node has a runtime", f.runtime)
		}
		if f.to != "" {
			text += " and"
		}
		text += " " + c.Runtime.String()
	}
	return &c, []string{text}, nil
}

func simulated(ctx context.Context, r *cli.Run, f *simulateFlags) error {
	form, err := r.Form("text", "json")
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
			Pods: w.Pods, Moved: w.Moved, Pending: w.Pending, Waiting: w.Waiting, Image: w.Image, Text: w.Text, Why: w.Why,
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
