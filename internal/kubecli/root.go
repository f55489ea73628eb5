// Package kubecli is the command line of kubectl-winmatch: one file a verb, as in
// internal/cli, whose flags and manners it shares. It stands beside that package
// and not in it, so that winmatch does not link client-go.
package kubecli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/internal/cli"
)

var program = cli.Program{
	Name:  "kubectl winmatch",
	Short: "Windows versions in a Kubernetes cluster: what does not fit, and what helps",
	Verbs: []func(*cli.Run) *cobra.Command{doctorCommand, labelCommand, selectCommand, simulateCommand},
}

// Main runs the program and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return program.MainAt(args, stdin, stdout, stderr, time.Now)
}
