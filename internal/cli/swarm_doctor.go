package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
)

func (a *app) swarmDoctorCommand() *cobra.Command {
	var f swarmFlags
	var stack []string
	cmd := &cobra.Command{
		Use:   "doctor [SERVICE…]",
		Short: "Which services do not run, why, and what helps",
		Long: `Which services do not run, why, and what helps: another image, a constraint,
isolation or another node. Also those that run by luck: whose image not every
node that they may be placed on can run.

Swarm does not know its nodes' Windows versions. They are taken from a node's own
engine (--node NAME=CONTEXT, --contexts; a manager that is asked anyway), from
you (--host NAME=HOST), from a task's error that states its host's version, or
from the label OsVersion (winmatch swarm label). What tasks have shown, one that
runs or one that Windows refused, counts more.

With -c the services of stack files are judged, on the nodes that there are,
before docker stack deploy makes them, and the files are read as it reads them:
variables come from the environment alone, extends and include are refused, later
files override earlier ones.

Exit codes: 0 all services run, on any node that they may be placed on; 1 one
does not, or would not; 2 failure; 3 something is not known, or tasks are still starting.`,
		Example: `  winmatch swarm doctor
  winmatch swarm doctor web --node win-1=win-1-context --host win-2=ws2019
  winmatch swarm doctor -c stack.yaml -c stack.prod.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.form("text", "json"); err != nil {
				return err
			}
			if len(stack) > 0 {
				return a.swarmStack(cmd.Context(), &f, stack, args)
			}
			return a.swarmDoctor(cmd.Context(), &f, args)
		},
	}
	f.flags(cmd)
	f.reading.flags(cmd)
	cmd.Flags().StringArrayVarP(&stack, "compose-file", "c", nil, "judge a stack before it is deployed: its `FILE`, - for standard input; may be repeated")
	return cmd
}

func (a *app) swarmDoctor(ctx context.Context, f *swarmFlags, names []string) error {
	c, s, err := a.readSwarm(ctx, f)
	if err != nil {
		return err
	}
	c.Close()
	services, err := s.Select(names...)
	if err != nil {
		return swarmFailure(err)
	}
	var ask []*swarm.Service
	for _, v := range services {
		if s.NeedsImage(v) {
			ask = append(ask, v)
		}
	}
	images := a.serviceImages(ctx, &f.reading, ask)
	out := render.SwarmDoctor{Facts: a.info(), Stack: []string{}, Nodes: []render.SwarmNode{}}
	for _, n := range s.Nodes {
		out.Nodes = append(out.Nodes, a.swarmNode(n))
	}
	today, status := a.today(), make([]swarm.Status, len(services))
	err = a.swarmReport(&out, len(services), func(i int) *render.SwarmService {
		m := images[services[i].Image]
		if m == nil {
			m = &swarm.Image{Reference: services[i].Image}
		}
		r := s.Diagnose(a.facts, services[i], m, today)
		status[i] = r.Status
		return a.swarmService(r, m)
	})
	for _, status := range status {
		switch {
		case status == swarm.Failing || status == swarm.Lucky:
			a.exit = exitFinding
		case status != swarm.Converged && a.exit == exitOK:
			a.exit = exitUnknown
		}
	}
	return err
}

// swarmReport writes the answer, for which service makes n services, several at the
// same time.
func (a *app) swarmReport(out *render.SwarmDoctor, n int, service func(int) *render.SwarmService) error {
	if a.output == "json" {
		return render.SwarmDoctorJSON(a.stdout, out, n, service)
	}
	return render.SwarmDoctorText(a.stdout, out, n, service, a.style())
}

// swarmService puts a report into a value.
func (a *app) swarmService(r *swarm.Report, m *swarm.Image) *render.SwarmService {
	v := r.Service
	out := &render.SwarmService{
		Name: v.Name, ID: v.ID, Image: v.Image, Digest: digestOf(v.Image), Mode: v.Mode, Isolation: isolationName(v.Isolation), Status: r.Status,
		Running: v.Running, Wanted: v.Want, Failures: []render.SwarmFailure{}, Nodes: swarmVerdicts(r.Nodes), Remedies: r.Remedies, Notes: r.Notes,
	}
	if out.Remedies == nil {
		out.Remedies = []compat.Remedy{}
	}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	for i := range r.Failures {
		x := &r.Failures[i]
		f := render.SwarmFailure{
			Node: x.Group.Node, Image: x.Image, Digest: digestOf(x.Image), State: x.State, Error: x.Error, Count: x.Count, Last: x.Last, Task: x.Task, Where: []render.SwarmBlock{},
		}
		if x.Node != nil {
			f.Node = x.Node.Name
		}
		if x.Finding != nil {
			d := a.diagnosis(x.Finding, &image.Image{Digest: m.Digest, Basis: m.Basis})
			f.Diagnosis = &d
		}
		for _, b := range x.Where {
			f.Where = append(f.Where, render.SwarmBlock{Node: b.Node.Name, Why: b.Why})
		}
		out.Failures = append(out.Failures, f)
	}
	return out
}

// digestOf is the digest that a reference is pinned to, "" for none.
func digestOf(ref string) string {
	_, digest, _ := strings.Cut(ref, "@")
	return digest
}

// isolationName is the isolation that a service asks for.
func isolationName(i compat.Isolation) string {
	if i == compat.DefaultIsolation {
		return "default"
	}
	return i.String()
}
