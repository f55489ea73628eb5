package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The program is a plugin of the docker command where it is called
// docker-winmatch and lies in a folder of plugins (~/.docker/cli-plugins):
//
//	docker winmatch swarm doctor
//
// docker asks it for its metadata first, then runs it with all of its own
// arguments: its flags, the plugin's name, the plugin's arguments.
// https://github.com/docker/cli/blob/v28.5.2/cli-plugins/metadata/metadata.go

const (
	pluginName     = "winmatch"
	pluginMetadata = "docker-cli-plugin-metadata"
)

// isPlugin reports whether the program was called by that name.
func isPlugin(program string) bool {
	// Windows' separator too, so that a test runs anywhere.
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(strings.ReplaceAll(program, `\`, "/"))), ".exe")
	return name == "docker-"+pluginName
}

func (a *app) runPlugin(args []string) int {
	if len(args) > 0 && args[0] == pluginMetadata {
		b, err := json.Marshal(map[string]string{
			"SchemaVersion": "0.1.0", "Vendor": "the winmatch authors", "Version": programVersion(),
			"ShortDescription": "Will this Windows container image run on this host, and if not, what will?",
		})
		if err != nil {
			a.report(err)
			return exitFailure
		}
		fmt.Fprintf(a.stdout, "%s\n", b)
		return exitOK
	}
	flags, rest := dockerArguments(args)
	a.dockerFlags = flags
	// docker image inspect and docker info find the engine by these.
	for i := 0; i+1 < len(flags); i++ {
		switch flags[i] {
		case "--context":
			os.Setenv("DOCKER_CONTEXT", flags[i+1])
			os.Unsetenv("DOCKER_HOST")
		case "--host":
			os.Setenv("DOCKER_HOST", flags[i+1])
		}
	}
	return a.run(rest)
}

// dockerArguments parts what docker hands to a plugin: its own flags, in their
// long form with the value behind, and what follows the plugin's name.
func dockerArguments(args []string) (flags, rest []string) {
	long := map[string]string{"-c": "--context", "-H": "--host", "-l": "--log-level", "-D": "--debug"}
	valued := map[string]bool{"--context": true, "--host": true, "--log-level": true, "--config": true, "--tlscacert": true, "--tlscert": true, "--tlskey": true}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == pluginName {
			return flags, args[i+1:]
		}
		if !strings.HasPrefix(arg, "-") {
			break
		}
		name, value, joined := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") && len(arg) > 2 && long[arg[:2]] != "" && !joined { // -cNAME
			name, value, joined = arg[:2], arg[2:], true
		}
		if l := long[name]; l != "" {
			name = l
		}
		switch {
		case !valued[name]:
			flags = append(flags, arg)
		case joined:
			flags = append(flags, name, value)
		case i+1 < len(args):
			i++
			flags = append(flags, name, args[i])
		}
	}
	return nil, args
}
