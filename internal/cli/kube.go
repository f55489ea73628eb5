package cli

import (
	"errors"
	"os/exec"

	"github.com/spf13/cobra"
)

// kubeProgram holds the verbs on Kubernetes, whose libraries are large.
const kubeProgram = "kubectl-winmatch"

func (a *app) kubeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kube VERB",
		Short: "Find and mend version mismatches in a Kubernetes cluster (runs kubectl-winmatch)",
		Long: `Find and mend version mismatches in a Kubernetes cluster.

The verbs are those of kubectl-winmatch, a program of its own, which this one
runs: winmatch kube doctor is kubectl winmatch doctor. Flags are passed on.`,
		DisableFlagParsing: true,
		RunE:               func(cmd *cobra.Command, args []string) error { return a.kube(cmd, args) },
	}
}

func (a *app) kube(cmd *cobra.Command, args []string) error {
	path, err := exec.LookPath(kubeProgram)
	if err != nil {
		if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
			return cmd.Help()
		}
		return failf("go install github.com/winmatch/winmatch/cmd/kubectl-winmatch@latest, or put it beside winmatch in PATH", "%s, which has the verbs on Kubernetes, is not installed here", kubeProgram)
	}
	run := exec.CommandContext(cmd.Context(), path, args...)
	run.Stdin, run.Stdout, run.Stderr = a.stdin, a.stdout, a.stderr
	err = run.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		a.exit = exit.ExitCode()
		return nil
	}
	return err
}
