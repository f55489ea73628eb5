//go:build realparts

package integrations_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/test/parts"
)

const (
	bad  = "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n"
	good = "FROM mcr.microsoft.com/windows/servercore:ltsc2019\n"
)

// repository is a git repository with one Dockerfile and hosts of its own.
func repository(t *testing.T, dockerfile string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "Dockerfile", dockerfile)
	write(t, dir, "winmatch.yaml", "hosts:\n  - hosts: [ws2019]\n")
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@t", "-C", dir}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// program builds winmatch into a folder of its own.
func program(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "winmatch")
	parts.Go(t, ".", nil, "build", "-trimpath", "-o", exe, "./cmd/winmatch")
	return exe
}

// shell runs a script as a CI service does, with what it sets.
func shell(t *testing.T, sh, dir, script string, env ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(sh, "-e", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// environment is a step's env, with the values that a service puts in.
func environment(step *yamledit.Node, values map[string]string) []string {
	var list []string
	step.Get("env").Entries(func(k, v *yamledit.Node) bool {
		name, _ := k.Text()
		text, _ := v.Text()
		for from, to := range values {
			text = strings.ReplaceAll(text, from, to)
		}
		list = append(list, name+"="+text)
		return true
	})
	return list
}

// TestAction runs the steps of the action: it builds the program, and scans.
func TestAction(t *testing.T) {
	action := document(t, "action.yml")
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dockerfile, host string
		code             int
	}{{bad, "", 1}, {good, "", 0}, {good, "ws2022 10.0.26100", 1}} {
		dir, temp := repository(t, tt.dockerfile), t.TempDir()
		output := filepath.Join(temp, "output")
		values := map[string]string{
			"${{ github.action_path }}": here, "${{ inputs.binary }}": "", "${{ inputs.args }}": "--strict",
			"${{ inputs.paths }}": ".", "${{ inputs.host }}": tt.host,
		}
		var said string
		code := 0
		for _, step := range action.Path("runs", "steps").Items() {
			script := step.String("run")
			if script == "" {
				continue
			}
			if step.String("shell") != "bash" {
				t.Fatalf("shell %q", step.String("shell"))
			}
			said, code = shell(t, "bash", dir, script, append(environment(step, values), "RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+output, "CGO_ENABLED=0")...)
			if code != 0 {
				break
			}
		}
		if code != tt.code || (code == 1) != strings.Contains(said, "::error file=Dockerfile,line=1") {
			t.Errorf("%+v: exit code %d\n%s", tt, code, said)
		}
		if out, err := os.ReadFile(output); err != nil || string(out) != "exit-code="+map[int]string{0: "0", 1: "1"}[tt.code]+"\n" {
			t.Errorf("output %q, %v", out, err)
		}
	}
}

// TestTemplates runs the scripts of the templates but for what installs the
// program, which wants a release.
func TestTemplates(t *testing.T) {
	exe := program(t)
	path := "PATH=" + filepath.Dir(exe) + ":" + os.Getenv("PATH")
	azure := document(t, "integrations/azure-pipelines.yml").Get("steps").Items()[1]
	gitlab, _ := document(t, "integrations/gitlab-ci.yml").Path(".winmatch", "script").Items()[1].Text()
	for _, tt := range []struct {
		dockerfile, hosts string
		code              int
	}{{bad, "", 1}, {good, "", 0}, {good, "ws2022 ws2025", 1}} {
		dir := repository(t, tt.dockerfile)
		values := map[string]string{"${{ parameters.paths }}": ".", "${{ join(' ', parameters.hosts) }}": tt.hosts, "${{ parameters.args }}": ""}
		out, code := shell(t, "bash", dir, azure.String("bash"), append(environment(azure, values), "AGENT_TEMPDIRECTORY="+filepath.Dir(exe))...)
		if code != tt.code || (code == 1) != strings.Contains(out, "##vso[task.logissue type=error]") {
			t.Errorf("Azure Pipelines: %+v: exit code %d\n%s", tt, code, out)
		}
		out, code = shell(t, "sh", dir, gitlab, path, "WINMATCH_HOSTS="+tt.hosts, "WINMATCH_PATHS=.", "WINMATCH_ARGS=")
		if code != tt.code {
			t.Errorf("GitLab: %+v: exit code %d\n%s", tt, code, out)
		}
	}
}
