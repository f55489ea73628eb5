package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/swarm"
)

type swarmIsolateFlags struct {
	context        string
	apply, offline bool
}

func (a *app) swarmIsolateCommand() *cobra.Command {
	var f swarmIsolateFlags
	cmd := &cobra.Command{
		Use:   "isolate hyperv|process|default [FILE]",
		Short: "Set the isolation that an engine gives its containers",
		Long: `Set the isolation that an engine gives its containers where they ask for none: the
element isolation=… of exec-opts in daemon.json, and nothing else. FILE is by
default that of this machine's engine, on Windows, and is made where there is
none. On Windows dockerd looks at it first, where it can (from 23.0 on); the old
file is kept beside it. The engine must be restarted, which the commands that are
printed do; its containers stop meanwhile.

The engine (of DOCKER_HOST, --context or the current context) is asked which
isolation its containers really have, and which of them Hyper-V would not help:
images that are newer than their host.

Exit codes: 0 the file is right, or was changed; 1 it is to be changed; 2 failure.`,
		Example: `  winmatch swarm isolate hyperv
  winmatch swarm isolate hyperv --apply
  winmatch swarm isolate default daemon.json --offline`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return failf("winmatch swarm isolate hyperv", "hyperv, process or default is wanted, and at most one FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.swarmIsolate(cmd.Context(), &f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.context, "context", "", "the Docker `CONTEXT` (or address) of the engine, instead of DOCKER_HOST or the current one")
	fl.BoolVar(&f.apply, "apply", false, "do it: write the file")
	fl.BoolVar(&f.offline, "offline", false, "do not ask the engine")
	return cmd
}

func (a *app) swarmIsolate(ctx context.Context, f *swarmIsolateFlags, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	isolation, ok := compat.ParseIsolation(args[0])
	if !ok || args[0] == "" {
		return failf("", "unknown isolation %q (want hyperv, process or default)", args[0])
	}
	file := swarm.DaemonFile()
	if len(args) == 2 {
		file = args[1]
	}
	if file == "" {
		return failf("name it: winmatch swarm isolate "+args[0]+" daemon.json", "this is no Windows: which daemon.json?")
	}
	d, err := swarm.PlanIsolation(file, isolation)
	if err != nil {
		return swarmFailure(err)
	}
	out := render.SwarmIsolate{
		File: file, Before: d.Before, After: args[0], New: d.New, Changes: d.Changes(), Text: d.Text,
		Restart: []string{"Stop-Service docker", "Start-Service docker"}, Containers: []render.SwarmContainer{}, Warnings: []string{},
	}
	if out.Before == "" {
		out.Before = "default"
	}
	command, hyperV := dockerService()
	if d.Changes() && strings.Contains(command, "--exec-opt") {
		return failf("take it off the service's command line first", "the service docker is started with --exec-opt, and with the same in daemon.json it does not start: %s", command)
	}
	if isolation == compat.HyperV && !hyperV {
		out.Warnings = append(out.Warnings, "Hyper-V is not installed here, without which no container of it starts (0xc0351000): Install-WindowsFeature Hyper-V -IncludeManagementTools -Restart, on a client Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All")
	}
	if d.Mark {
		out.Warnings = append(out.Warnings, "the file begins with a byte order mark, which stays: engines before 23.0 do not start with one")
	}
	if !f.offline {
		a.containers(ctx, f.context, &out, isolation)
	}
	if d.Changes() {
		if out.Validated, err = d.Validate(ctx); err != nil {
			return swarmFailure(err)
		}
		if a.exit = exitFinding; f.apply {
			if out.Backup, err = d.Apply(a.now()); err != nil {
				return swarmFailure(err)
			}
			out.Applied, a.exit = true, exitOK
		}
	}
	if a.output == "json" {
		return render.JSON(a.stdout, &out)
	}
	render.SwarmIsolateText(a.stdout, &out, a.style())
	return nil
}

// containers asks the engine what its containers have. Where it cannot be asked
// the file is what matters.
func (a *app) containers(ctx context.Context, context string, out *render.SwarmIsolate, isolation compat.Isolation) {
	c, err := swarm.Dial(ctx, a.endpoint(context))
	var list []swarm.Container
	var e *swarm.Engine
	if err == nil {
		defer c.Close()
		list, e, err = c.Containers(ctx, a.facts, isolation)
	}
	var own *swarm.Error
	switch {
	case errors.As(err, &own):
		a.warn("which isolation containers really have is not known: %v", own)
		return
	case err != nil:
		a.warn("%v", err)
		return
	case e.OSType != "windows":
		a.warn("the Docker engine that was asked runs %s containers, which have no choice of isolation", e.OSType)
		return
	}
	out.Engine = e.Isolation
	for _, k := range list {
		out.Containers = append(out.Containers, render.SwarmContainer{ID: k.ID, Name: k.Name, Image: k.Image, Running: k.Running, Isolation: k.Isolation, OSVersion: k.OSVersion.String(), Newer: k.Newer})
		switch {
		case k.Newer && isolation == compat.HyperV:
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s: its image %s is newer than the host: Hyper-V isolation does not help it", k.Name, k.Image))
		case k.Refused != "":
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s keeps the isolation that it was made with; made anew with this setting, its image %s would not run: %s", k.Name, k.Image, k.Refused))
		}
	}
}
