//go:build realparts

package files

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGitIgnoreAsGit holds what is passed over against git itself, in
// repositories of random patterns and paths.
func TestGitIgnoreAsGit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	names := []string{"a", "b", "ab", "a.yml", "b.yml", "deploy", "x y", "c#", "!d"}
	words := []string{"a", "b", "ab", "*.yml", "?", "**", "[a-b]", "[!a]*", "deploy", "*", "x\\ y", "x y ", "c#", "\\!d", "a*b", "*.y?l"}
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	for range 60 {
		dir := t.TempDir()
		git := func(stdin string, args ...string) string {
			cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.excludesFile="}, args...)...)
			cmd.Stdin = strings.NewReader(stdin)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1")
			out, err := cmd.Output()
			if err != nil && cmd.ProcessState.ExitCode() != 1 {
				t.Fatal(args, err)
			}
			return string(out)
		}
		git("", "init", "-q")
		for range 40 {
			parts := make([]string, 1+r.IntN(4))
			for i := range parts {
				parts[i] = pick(names)
			}
			file := filepath.Join(append([]string{dir}, parts...)...)
			if os.MkdirAll(filepath.Dir(file), 0o755) == nil {
				if _, err := os.Stat(file); err != nil {
					_ = os.WriteFile(file, nil, 0o644)
				}
			}
		}
		rules := func(file string) {
			var b bytes.Buffer
			b.WriteString("# comment\n\n")
			for range 1 + r.IntN(4) {
				parts := make([]string, 1+r.IntN(3))
				for i := range parts {
					parts[i] = pick(words)
				}
				b.WriteString([]string{"", "", "!", "/"}[r.IntN(4)] + strings.Join(parts, "/") + []string{"", "/", "\r"}[r.IntN(3)] + "\n")
			}
			if info, err := os.Stat(filepath.Dir(file)); err == nil && info.IsDir() {
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		rules(filepath.Join(dir, ".gitignore"))
		rules(filepath.Join(dir, "a", ".gitignore"))
		rules(filepath.Join(dir, "deploy", "b", ".gitignore"))
		rules(filepath.Join(dir, ".git", "info", "exclude"))

		for _, root := range []string{dir, filepath.Join(dir, "a")} {
			var got, want []string
			if info, err := os.Stat(root); err != nil || !info.IsDir() {
				continue
			}
			(&Scanner{}).list(root, func(j *job) { got = append(got, j.path) })
			var all []string
			(&Scanner{NoGitIgnore: true}).list(root, func(j *job) { all = append(all, j.path) })
			ignored := strings.Split(git(strings.Join(all, "\x00"), "check-ignore", "-z", "--stdin"), "\x00")
			inside := root != dir && len(ignored) > 1 && git(root, "check-ignore", "--stdin") != ""
			for _, f := range all {
				if !slices.Contains(ignored, f) {
					want = append(want, f)
				}
			}
			if !inside && !slices.Equal(got, want) { // a folder that is ignored itself was asked for
				src, _ := os.ReadFile(filepath.Join(dir, ".gitignore"))
				t.Errorf("%s\ngot  %q\nwant %q\nof   %q\n%s", root, got, want, all, src)
			}
		}
	}
}
