package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
)

type swarmConstrainFlags struct {
	swarmFlags
	apply, undo, force bool
}

func (a *app) swarmConstrainCommand() *cobra.Command {
	var f swarmConstrainFlags
	cmd := &cobra.Command{
		Use:   "constrain SERVICE…",
		Short: "Keep services to the nodes that run their images",
		Long: `Keep services to the nodes that run their images, and let them run on all of these:
by the label of the image's build (winmatch swarm label sets it), and by the
names of nodes that must be left out besides. Constraints that are there stay.

Which nodes remain is shown first. A service that would find no place is not
changed, unless --force says so. --undo takes away what this verb has added,
which the service's label winmatch.constraints remembers.

Exit codes: 0 the constraints are right, or were set; 1 something is to be
changed, or a service would find no place; 2 failure; 3 the image is not known.`,
		Example: `  winmatch swarm constrain web
  winmatch swarm constrain web api --apply
  winmatch swarm constrain web --undo --apply`,
		Args: exactly("at least one SERVICE is wanted", -1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.swarmConstrain(cmd.Context(), &f, args) },
	}
	f.flags(cmd)
	f.reading.flags(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.apply, "apply", false, "do it: update the services")
	fl.BoolVar(&f.undo, "undo", false, "take away the constraints that this verb has added")
	fl.BoolVar(&f.force, "force", false, "even where a service then finds no place")
	return cmd
}

func (a *app) swarmConstrain(ctx context.Context, f *swarmConstrainFlags, names []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	c, s, err := a.readSwarm(ctx, &f.swarmFlags)
	if err != nil {
		return err
	}
	defer c.Close()
	services, err := s.Select(names...)
	if err != nil {
		return swarmFailure(err)
	}
	var images map[string]*swarm.Image
	if !f.undo {
		images = a.serviceImages(ctx, &f.reading, services)
	}
	out := render.SwarmConstrain{Facts: a.info(), Undo: f.undo, Services: []render.SwarmConstraints{}}
	var failed error
	hint := ""
	for _, v := range services {
		var p *swarm.Constraints
		if f.undo {
			p = swarm.PlanUndo(v)
		} else {
			p = s.PlanConstraints(a.facts, v, images[v.Image], a.today())
		}
		r := swarmConstraints(p)
		switch {
		case p.Unknown != "":
			if a.exit == exitOK {
				a.exit = exitUnknown
			}
		case !p.Changes():
			if p.Strands != "" {
				a.exit = exitFinding
			}
		case !f.apply, p.Strands != "" && !f.force, len(p.Labels) > 0:
			a.exit = exitFinding
			switch {
			case !f.apply:
			case len(p.Labels) > 0:
				r.Error, hint = "the nodes' labels come first", "winmatch swarm label --apply"
			default:
				r.Error, hint = "it would find no place", "--force does it all the same"
			}
		case failed != nil:
			r.Error = "not tried, after the failure before"
		default:
			if f.undo {
				err = c.Undo(ctx, v)
			} else {
				err = c.ApplyConstraints(ctx, p)
			}
			if err != nil {
				r.Error, r.Tried, failed = err.Error(), true, swarmFailure(err)
				break
			}
			r.Applied = true
		}
		out.Services = append(out.Services, r)
	}
	err = nil
	if a.output == "json" {
		err = render.JSON(a.stdout, &out)
	} else {
		render.SwarmConstrainText(a.stdout, &out, a.style(), f.apply)
	}
	switch {
	case failed != nil:
		failed = failf("what was done stays; a second run does the rest", "%v", failed)
	case hint != "":
		a.report(failf(hint, "not all services were changed"))
	}
	return errors.Join(failed, err)
}

// swarmConstraints puts a plan into a value.
func swarmConstraints(p *swarm.Constraints) render.SwarmConstraints {
	r := render.SwarmConstraints{
		Service: p.Service.Name, ID: p.Service.ID, Image: p.Service.Image, Nodes: swarmVerdicts(p.Nodes), Add: p.Add, Remove: p.Remove, Forget: p.Forget,
		Stay: nodeNames(p.Stay), Unsure: nodeNames(p.Lose), Labels: nodeNames(p.Labels), Strands: p.Strands, Unknown: p.Unknown,
	}
	if r.Add == nil {
		r.Add = []string{}
	}
	if r.Remove == nil {
		r.Remove = []string{}
	}
	if r.Forget == nil {
		r.Forget = []string{}
	}
	if p.Changes() {
		r.Command = p.Command()
	}
	return r
}
