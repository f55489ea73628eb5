// Package lines is the one shape that all oracles share: questions in on
// standard input, an answer a line out on standard output.
package lines

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Answer answers one question, given as its fields. A field that stood as "-"
// comes as "".
type Answer func(fields []string) string

// Serve answers every line of standard input by the mode that the command's
// only argument names.
func Serve(modes map[string]Answer) {
	if len(os.Args) != 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: oracle MODE <QUESTIONS")
		os.Exit(2)
	}
	answer := modes[os.Args[1]]
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		fields := strings.Fields(in.Text())
		for i, f := range fields {
			if f == "-" {
				fields[i] = ""
			}
		}
		fmt.Fprintln(out, answer(fields))
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
