// Command winmatch tells whether a Windows container image runs on a host, and
// if not, what will.
package main

import (
	"os"

	"github.com/winmatch/winmatch/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
