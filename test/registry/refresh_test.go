//go:build realparts

package registry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestRefresh learns newer facts from a mirror in docker-registry, by TLS and
// with a password, and asks with them.
func TestRefresh(t *testing.T) {
	r, w := parts.NewRegistry(t, true), winmatch{parts.Build(t)}
	env := []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + parts.Login(t, r.Addr, parts.Password)}
	const repo = "mirror/windows/servercore"
	for version, tags := range map[string][]string{
		"10.0.20348.5622": {"10.0.20348.5622", "ltsc2022-KB5122882"},
		"10.0.20348.5900": {"10.0.20348.5900", "ltsc2022-KB5130000", "ltsc2022"},
	} {
		image := parts.Windows(version, version)
		image.Created = "2026-11-05T10:20:30.4567891Z"
		for _, tag := range tags {
			r.Push(t, repo, tag, parts.Docker, []parts.Kid{image})
		}
	}
	// Known ones, which nobody reads.
	desc := r.Index(t, repo, "ltsc2022", parts.Docker[0])
	for _, tag := range []string{"10.0.20348.5386", "10.0.20348.5256", "ltsc2022-KB5099540"} {
		r.Manifest(t, repo, tag, parts.Docker[0], parts.Object{"schemaVersion": 2, "mediaType": parts.Docker[0], "manifests": desc})
	}

	file := filepath.Join(t.TempDir(), "newer.json")
	run := func(code int, args ...string) string {
		t.Helper()
		stdout, stderr, got := w.Run(t, env, args...)
		if got != code {
			t.Fatalf("winmatch %v: exit %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout
	}
	out := run(0, "facts", "refresh", "--write", file, r.Addr+"/"+repo)
	if !strings.Contains(out, "10.0.20348.5900  KB5130000  2026-11-10  B") || strings.Count(out, "10.0.20348.") != 1 {
		t.Errorf("new:\n%s", out)
	}
	if out := run(0, "facts", "refresh", "--write", file, r.Addr+"/"+repo); !strings.Contains(out, "Nothing is new") {
		t.Errorf("the second time:\n%s", out)
	}
	check := []string{"check", "--offline", "--host", "10.0.20348.5622", "mcr.microsoft.com/windows/servercore:ltsc2022"}
	if out := run(0, check...); !strings.HasPrefix(out, "yes ") {
		t.Errorf("before:\n%s", out)
	}
	if out := run(0, append(check, "--facts", file)...); !strings.HasPrefix(out, "risky ") || !strings.Contains(out, "20348.5900 (KB5130000)") {
		t.Errorf("after:\n%s", out)
	}
	if out := run(0, "tag", "--facts", file, "--host", "10.0.20348.5622", r.Addr+"/"+repo); !strings.HasPrefix(out, r.Addr+"/"+repo+":10.0.20348.5622 on ") {
		t.Errorf("tag:\n%s", out)
	}

	// Broken: refused whole, and left as it is.
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(b), `"KB5130000"`, `"KB51300001"`, 1)
	parts.Write(t, file, broken)
	stdout, stderr, code := w.Run(t, env, "facts", "refresh", "--write", file, r.Addr+"/"+repo)
	if after, err := os.ReadFile(file); code != 2 || stdout != "" || !strings.Contains(stderr, "20348.5900: bad KB number 51300001") || err != nil || string(after) != broken {
		t.Errorf("exit %d, %v\n%s%s", code, err, stdout, stderr)
	}
}
