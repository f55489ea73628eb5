package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/internal/render"
)

// version is set by the linker in releases; otherwise the module's is used.
var version = ""

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and the date of the facts",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.form("text", "json"); err != nil {
				return err
			}
			v := programVersion()
			if a.output == "json" {
				return render.JSON(a.stdout, map[string]any{"version": v, "facts": a.info()})
			}
			fmt.Fprintf(a.stdout, "winmatch %s, facts as of %s\n", v, a.facts.AsOf)
			return nil
		},
	}
}

// programVersion is the program's version, "" where it is not known.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
