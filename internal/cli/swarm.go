package cli

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
	"github.com/winmatch/winmatch/winver"
)

func (a *app) swarmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "swarm",
		Short: "Windows services of a Docker Swarm: find what does not run, and let it",
		Long: `Windows services of a Docker Swarm, which does not compare Windows versions: find
what does not run (doctor), label the nodes by what they run (label), keep
services to nodes that run them (constrain), set an engine's isolation (isolate).

The engine is that of DOCKER_HOST, of --context or of docker's current context,
and must be a manager. No verb changes anything without --apply.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return failf("winmatch swarm --help lists them", "unknown verb %q of swarm", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.swarmDoctorCommand(), a.swarmLabelCommand(), a.swarmConstrainCommand(), a.swarmIsolateCommand())
	return cmd
}

// swarmFlags are the flags of all verbs of swarm that read a Swarm.
type swarmFlags struct {
	reading
	context  string
	nodes    []string // NAME=CONTEXT
	hosts    []string // NAME=HOST
	contexts bool
}

func (f *swarmFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.context, "context", "", "the Docker `CONTEXT` (or address) of a manager, instead of DOCKER_HOST or the current one")
	fl.StringArrayVar(&f.nodes, "node", nil, "ask the engine of a node for its Windows: `NAME=CONTEXT`, or an address for CONTEXT; may be repeated")
	fl.BoolVar(&f.contexts, "contexts", false, "ask the engines of all Docker contexts which nodes they are")
	fl.StringArrayVarP(&f.hosts, "host", "H", nil, "say which Windows a node has: `NAME=HOST`; may be repeated")
}

func swarmFailure(err error) error {
	var e *swarm.Error
	if errors.As(err, &e) {
		return &failure{e.Error(), e.Hint}
	}
	return err
}

// readSwarm connects to the manager and reads what there is, with what is known
// of the nodes.
func (a *app) readSwarm(ctx context.Context, f *swarmFlags) (*swarm.Client, *swarm.State, error) {
	c, err := swarm.Dial(ctx, a.endpoint(f.context))
	if err != nil {
		return nil, nil, swarmFailure(err)
	}
	s, err := a.stateOf(ctx, c, f)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, s, nil
}

func (a *app) stateOf(ctx context.Context, c *swarm.Client, f *swarmFlags) (*swarm.State, error) {
	s, err := c.Read(ctx)
	if err != nil {
		return nil, swarmFailure(err)
	}
	known := swarm.Known{Hosts: map[string]winver.Host{}}
	for _, v := range f.hosts {
		name, text, ok := strings.Cut(v, "=")
		if !ok {
			return nil, failf("--host web-1=ws2022", "--host %s: NAME=HOST is wanted", v)
		}
		list, err := a.hosts([]string{text})
		if err != nil {
			return nil, err
		}
		if len(list) != 1 {
			return nil, failf("", "--host %s: HOST names %d different Windows", name, len(list))
		}
		known.Hosts[name] = list[0]
	}
	if known.Engines, err = a.askNodes(ctx, s, f); err != nil {
		return nil, err
	}
	if err := s.Learn(a.facts, &known); err != nil {
		return nil, swarmFailure(err)
	}
	return s, nil
}

// endpoint is where an engine is asked, with the flags that docker got where
// this is its plugin.
func (a *app) endpoint(context string) swarm.Endpoint {
	if context != "" {
		return swarm.Endpoint{Context: context}
	}
	return swarm.Endpoint{Flags: a.dockerFlags}
}

// askNodes asks nodes' own engines, all at the same time. One that was named and
// does not answer, or is another node, is an error; of all contexts those that
// are no nodes of this Swarm do not matter.
func (a *app) askNodes(ctx context.Context, s *swarm.State, f *swarmFlags) ([]swarm.Engine, error) {
	type question struct {
		name, context string
		engine        swarm.Engine
		err           error
	}
	var list []*question
	for _, v := range f.nodes {
		name, context, ok := strings.Cut(v, "=")
		if !ok || context == "" {
			return nil, failf("--node web-1=CONTEXT; docker context ls lists them", "--node %s: NAME=CONTEXT is wanted", v)
		}
		if s.Node(name) == nil {
			return nil, failf("docker node ls lists them", "--node %s: there is no single node of that name", name)
		}
		list = append(list, &question{name: name, context: context})
	}
	if f.contexts {
		names, err := swarm.Contexts(ctx)
		if err != nil {
			return nil, swarmFailure(err)
		}
		for _, n := range names {
			list = append(list, &question{context: n})
		}
	}
	var wait sync.WaitGroup
	for _, q := range list {
		wait.Go(func() {
			c, err := swarm.Dial(ctx, swarm.Endpoint{Context: q.context})
			if q.err = err; err == nil {
				q.engine, q.err = c.Engine(ctx)
				c.Close()
			}
		})
	}
	wait.Wait()
	var engines []swarm.Engine
	for _, q := range list {
		switch {
		case q.err != nil && q.name == "":
			a.warn("context %s: %v", q.context, q.err)
		case q.err != nil:
			err := swarmFailure(q.err)
			return nil, failf(hintOf(err), "--node %s: %v", q.name, err)
		case q.name != "" && s.Node(q.name).ID != q.engine.Swarm.NodeID:
			text := "no node of this Swarm"
			if n := s.Node(q.engine.Swarm.NodeID); n != nil {
				text = "node " + n.Name
			}
			return nil, failf("", "--node %s: the engine of %s is %s", q.name, q.context, text)
		default:
			engines = append(engines, q.engine)
		}
	}
	return engines, nil
}

// serviceImages finds out which Windows is in the images of services, each image
// once. One of which nothing can be found out stays unknown: that is no failure.
func (a *app) serviceImages(ctx context.Context, f *reading, services []*swarm.Service) map[string]*swarm.Image {
	out := map[string]*swarm.Image{}
	var refs []image.Reference
	for _, v := range services {
		if out[v.Image] != nil {
			continue
		}
		out[v.Image] = &swarm.Image{Reference: v.Image}
		ref, err := image.Parse(v.Image)
		if err != nil || ref.Kind != image.Registry {
			a.warn("service %s: its image %q is no reference to a registry", v.Name, v.Image)
			continue
		}
		refs = append(refs, ref)
	}
	client := image.Client{Offline: f.offline, Insecure: f.insecure, Facts: a.facts}
	for i, r := range client.GetAll(ctx, refs) {
		ref, m := refs[i], &r.Image
		if r.Err != nil {
			a.warn("%s: %v", ref.Raw, r.Err)
		}
		for _, finding := range m.Findings {
			if finding.Code == image.FindingUnreachable {
				a.warn("%s", finding.Text)
			}
		}
		o := out[ref.Raw]
		o.Image = m.Asked()
		o.Digest, o.Basis = m.Digest, m.Basis
		if reason, ok := m.Missing(); ok && reason.Code == compat.NotWindows {
			o.Missing = reason
		}
		var mu sync.Mutex
		known := map[winver.Version][]compat.Candidate{} // each service and node asks
		o.Candidates = func(host winver.Version) []compat.Candidate {
			mu.Lock()
			defer mu.Unlock()
			list, ok := known[host]
			if !ok {
				list = image.Candidates(image.Siblings(ref, a.facts, host))
				known[host] = list
			}
			return list
		}
	}
	return out
}

// swarmNode puts a node into a value.
func (a *app) swarmNode(n *swarm.Node) render.SwarmNode {
	out := render.SwarmNode{
		Name: n.Name, ID: n.ID, Role: n.Role, State: n.State, Availability: n.Availability, OS: n.OS, Architecture: n.Arch, Engine: n.Engine,
		Source: n.Windows.Source, Doubt: n.Windows.Doubt,
	}
	if n.Windows.Isolation != compat.DefaultIsolation {
		out.Isolation = n.Windows.Isolation.String()
	}
	if w := &n.Windows; w.Version.IsValid() {
		h := winver.Host{Version: w.Version, Edition: w.Edition}
		if r := winver.ReleaseOf(a.facts, w.Version.Build, w.Edition); r != nil {
			h.Release = r.ID
		}
		v := hostValue(h)
		out.Host, out.HostName = &v, hostName(a.facts, h)
	}
	return out
}

func swarmVerdicts(list []swarm.Judgement) []render.SwarmVerdict {
	out := make([]render.SwarmVerdict, 0, len(list))
	for i := range list {
		j := &list[i]
		out = append(out, render.SwarmVerdict{Node: j.Node.Name, Answer: j.Answer, By: j.By, Why: j.Why, Blocked: j.Blocked})
	}
	return out
}
