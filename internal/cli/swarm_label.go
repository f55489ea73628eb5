package cli

import (
	"context"
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
)

type swarmLabelFlags struct {
	swarmFlags
	apply, watch bool
	interval     time.Duration
}

func (a *app) swarmLabelCommand() *cobra.Command {
	var f swarmLabelFlags
	cmd := &cobra.Command{
		Use:   "label",
		Short: "Label Windows nodes by what they are and by what they run",
		Long: `Label Windows nodes: OS and OsVersion as on Microsoft's page, and for each build
of images that the node runs in its default isolation one label more,
winmatch.runs.20348=true, since Swarm's constraints know no "or":

  docker service update --constraint-add node.labels.winmatch.runs.20348==true web

Images of Windows Server 2016 want their host's revision, which is part of that
label then: winmatch.runs.14393.1770=true. Other labels are left alone. A node
that was upgraded since is labelled anew, as soon as its version is known.

Exit codes: 0 all labels are right, or were set; 1 something is to be changed;
2 failure; 3 which Windows a node has is not known.`,
		Example: `  winmatch swarm label --contexts
  winmatch swarm label --node win-1=win-1-context --host win-2=ws2019 --apply
  winmatch swarm label --contexts --apply --watch`,
		Args: exactly("label takes no arguments: nodes are named by --node and --host", 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.swarmLabel(cmd.Context(), &f) },
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.apply, "apply", false, "do it: set the labels")
	fl.BoolVar(&f.watch, "watch", false, "go on, and keep them true")
	fl.DurationVar(&f.interval, "interval", 10*time.Minute, "how often --watch looks")
	return cmd
}

func (a *app) swarmLabel(ctx context.Context, f *swarmLabelFlags) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	if !f.watch {
		return a.labelOnce(ctx, f, false)
	}
	if !f.apply {
		return failf("", "--watch keeps labels true, which needs --apply")
	}
	if f.interval < time.Second {
		return failf("", "--interval %s: a second is the least", f.interval)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	for first := true; ; first = false {
		a.exit = exitOK
		switch err := a.labelOnce(ctx, f, !first); {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err // a wrong flag does not pass by waiting
		case err != nil:
			a.report(err) // a manager that is away for a while does
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.interval):
		}
	}
}

// labelOnce plans and, with --apply, labels. again: it has been done before, and
// says something only where something changes.
func (a *app) labelOnce(ctx context.Context, f *swarmLabelFlags, again bool) error {
	c, s, err := a.readSwarm(ctx, &f.swarmFlags)
	if err != nil {
		return err
	}
	defer c.Close()
	plan := s.PlanLabels(a.facts, a.today())
	out := render.SwarmLabel{Facts: a.info(), Nodes: []render.SwarmLabels{}}
	var failed error
	var unknown []string
	changed := false
	for i := range plan {
		l := &plan[i]
		n := a.swarmNode(l.Node)
		v := render.SwarmLabels{Node: n.Name, ID: n.ID, Host: n.Host, HostName: n.HostName, Source: n.Source, Unknown: l.Unknown}
		if l.Unknown != "" {
			unknown = append(unknown, n.Name)
		}
		if l.Changes() {
			changed = true
			v.Set, v.Was, v.Remove, v.Command = l.Set, l.Was, l.Remove, l.Command()
			switch {
			case f.apply && failed != nil:
				v.Error = "not tried, after the failure before"
			case f.apply:
				if err := c.ApplyLabels(ctx, a.facts, l, a.today()); err != nil {
					v.Error, v.Tried = err.Error(), true
					failed = swarmFailure(err)
				} else {
					v.Applied = true
				}
			}
		}
		if v.Set == nil {
			v.Set, v.Was = map[string]string{}, map[string]string{}
		}
		if v.Remove == nil {
			v.Remove = []string{}
		}
		v.Unclaimed = []render.SwarmUnclaimed{}
		if l.Unknown == "" {
			for _, u := range l.Node.Windows.Unclaimed(a.facts, a.today()) {
				v.Unclaimed = append(v.Unclaimed, render.SwarmUnclaimed(u))
			}
		}
		out.Nodes = append(out.Nodes, v)
	}
	switch {
	case changed && !f.apply:
		a.exit = exitFinding
	case len(unknown) > 0:
		a.exit = exitUnknown
	}
	if !again || changed {
		if a.output == "json" {
			err = render.JSON(a.stdout, &out)
		} else {
			render.SwarmLabelText(a.stdout, &out, a.style(), f.apply)
		}
	}
	if len(unknown) > 0 && !again {
		a.warn("not labelled: %s; name an engine (--node %s=CONTEXT, --contexts) or a version (--host %s=ws2022)", strings.Join(unknown, ", "), unknown[0], unknown[0])
	}
	if failed != nil {
		failed = failf("what was done stays; a second run does the rest", "%v", failed)
	}
	return errors.Join(failed, err)
}

// nodeNames are the names of nodes.
func nodeNames(list []*swarm.Node) []string {
	out := make([]string, 0, len(list))
	for _, n := range list {
		out = append(out, n.Name)
	}
	return out
}
