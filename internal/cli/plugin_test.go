package cli

import (
	"reflect"
	"testing"
)

func TestIsPlugin(t *testing.T) {
	for program, want := range map[string]bool{
		"docker-winmatch": true, "/root/.docker/cli-plugins/docker-winmatch": true, `C:\Users\a\.docker\cli-plugins\docker-winmatch.EXE`: true,
		"winmatch": false, "/docker-winmatch/winmatch": false, "docker-winmatch2": false,
	} {
		if got := isPlugin(program); got != want {
			t.Errorf("%s: %v", program, got)
		}
	}
}

func TestDockerArguments(t *testing.T) {
	for _, c := range []struct{ in, flags, rest []string }{
		{[]string{"winmatch", "swarm", "doctor"}, nil, []string{"swarm", "doctor"}},
		{[]string{"--context", "prod", "winmatch", "check", "-H", "ws2022", "winmatch"}, []string{"--context", "prod"}, []string{"check", "-H", "ws2022", "winmatch"}},
		{[]string{"-c", "winmatch", "winmatch", "version"}, []string{"--context", "winmatch"}, []string{"version"}},
		{[]string{"-cprod", "winmatch"}, []string{"--context", "prod"}, []string{}},
		{[]string{"-H=tcp://a:1", "--tlsverify", "--tlscacert=ca.pem", "-D", "winmatch", "version"},
			[]string{"--host", "tcp://a:1", "--tlsverify", "--tlscacert", "ca.pem", "-D"}, []string{"version"}},
		{[]string{"version"}, nil, []string{"version"}}, // called by hand
	} {
		flags, rest := dockerArguments(c.in)
		if !reflect.DeepEqual(flags, c.flags) || !reflect.DeepEqual(rest, c.rest) {
			t.Errorf("%q: %q and %q", c.in, flags, rest)
		}
	}
}
