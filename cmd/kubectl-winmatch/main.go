// Command kubectl-winmatch finds and mends mismatches of Windows versions in a
// Kubernetes cluster: kubectl winmatch doctor, label.
package main

import (
	"os"

	"github.com/winmatch/winmatch/internal/kubecli"
)

func main() { os.Exit(kubecli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
