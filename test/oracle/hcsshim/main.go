// Command hcsshim asks CheckHostAndContainerCompat of hcsshim's osversion
// package, which compiles for Windows only. It takes numbers, not text, so a
// malformed os.version is nothing that it could be asked about.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/Microsoft/hcsshim/osversion"

	"github.com/winmatch/winmatch/test/oracle/lines"
)

func parse(s string) osversion.OSVersion {
	var n [3]uint64
	parts := strings.Split(s, ".")
	if len(parts) < len(n) {
		fmt.Fprintf(os.Stderr, "not a version: %q\n", s)
		os.Exit(1)
	}
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(parts[i], 10, 16); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	return osversion.OSVersion{MajorVersion: uint8(n[0]), MinorVersion: uint8(n[1]), Build: uint16(n[2])}
}

func main() {
	lines.Serve(map[string]lines.Answer{
		// HOST CHILD: does it run?
		"match": func(f []string) string {
			return strconv.FormatBool(osversion.CheckHostAndContainerCompat(parse(f[0]), parse(f[1])))
		},
	})
}
