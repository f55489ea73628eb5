package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
)

// swarmStack judges the services of stack files on the nodes of the Swarm, before
// docker stack deploy makes them.
func (a *app) swarmStack(ctx context.Context, f *swarmFlags, paths, names []string) error {
	stack, err := a.readStack(paths)
	if err != nil {
		return err
	}
	services, err := planned(stack, names)
	if err != nil {
		return err
	}
	c, s, err := a.readSwarm(ctx, f)
	if err != nil {
		return err
	}
	c.Close()
	if len(stack.Unset) > 0 {
		a.warn("not set, and empty therefore: %s", strings.Join(stack.Unset, ", "))
	}
	images := a.serviceImages(ctx, &f.reading, services)
	out := render.SwarmDoctor{Facts: a.info(), Stack: paths, Nodes: []render.SwarmNode{}}
	for _, n := range s.Nodes {
		out.Nodes = append(out.Nodes, a.swarmNode(n))
	}
	today, status := a.today(), make([]swarm.Status, len(services))
	err = a.swarmReport(&out, len(services), func(i int) *render.SwarmService {
		m := images[services[i].Image]
		r := s.Plan(a.facts, services[i], m, today)
		status[i] = r.Status
		return a.swarmService(r, m)
	})
	for _, status := range status {
		switch status {
		case swarm.Fits:
		case swarm.Unsure:
			if a.exit == exitOK {
				a.exit = exitUnknown
			}
		default:
			a.exit = exitFinding
		}
	}
	return err
}

// readStack reads stack files, "-" being standard input.
func (a *app) readStack(paths []string) (*files.Stack, error) {
	var list []files.Input
	for _, p := range paths {
		in := files.Input{Path: p, Facts: a.facts}
		var err error
		if p == "-" {
			in.Path = "standard input"
			in.Src, err = readBounded(a.stdin)
		} else {
			var file *os.File
			if file, err = os.Open(p); err == nil {
				in.Src, err = readBounded(file)
				file.Close()
			}
		}
		if err != nil {
			return nil, failf("", "%v", err)
		}
		list = append(list, in)
	}
	stack, err := files.ReadStack(list, os.LookupEnv)
	var e *files.Error
	if errors.As(err, &e) {
		return nil, failf("this is read as docker stack deploy reads it", "%v", e)
	}
	return stack, err
}

// planned are the services that would be made, or those of them that are named.
func planned(stack *files.Stack, names []string) ([]*swarm.Service, error) {
	for _, n := range names {
		if !slices.ContainsFunc(stack.Services, func(v files.StackService) bool { return v.Name == n }) {
			return nil, failf("", "there is no service %s in the stack", n)
		}
	}
	var list []*swarm.Service
	for _, v := range stack.Services {
		if len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		isolation, _ := compat.ParseIsolation(v.Isolation) // the engine takes another one as the default
		p := &swarm.Service{
			Name: v.Name, Image: v.Image, Mode: v.Mode, MaxPerNode: v.MaxPerNode, Constraints: v.Constraints, Isolation: isolation, NanoCPUs: v.NanoCPUs, Memory: v.Memory,
		}
		if !strings.HasPrefix(v.Mode, "global") {
			p.Want = v.Replicas
		}
		list = append(list, p)
	}
	return list, nil
}
