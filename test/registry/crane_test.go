//go:build realparts

package registry_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// TestCrane reads what crane copies out of a registry: a docker-archive in its
// two forms, and a layout. What it exports is the files of an image, and no image.
func TestCrane(t *testing.T) {
	crane := filepath.Join(t.TempDir(), "crane")
	parts.Go(t, "test/bench", nil, "build", "-trimpath", "-o", crane, "github.com/google/go-containerregistry/cmd/crane")
	r, w := parts.NewRegistry(t, false), winmatch{parts.Build(t)}
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	r.Push(t, "a/b", "1", parts.Docker, []parts.Kid{{OS: "linux"}, parts.Windows("", "10.0.20348.3207"), parts.Windows("10.0.17763.6893", "10.0.17763.6893")})
	_, kids := r.Push(t, "a/c", "2", parts.OCI, []parts.Kid{parts.Windows("10.0.26100.2894", "10.0.26100.2894")})
	one, two := r.Addr+"/a/b:1", r.Addr+"/a/c:2"
	dir := t.TempDir()
	pull := func(name string, args ...string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		args = append(append([]string{"pull", "--insecure"}, args...), file)
		if out, err := exec.Command(crane, args...).CombinedOutput(); err != nil {
			t.Fatalf("crane %v: %v\n%s", args, err, out)
		}
		return file
	}
	versions := func(list []info) string {
		var s []string
		for _, i := range list {
			for _, c := range i.Children {
				s = append(s, strings.TrimSuffix(c.OS+" "+c.OSVersion, " "))
			}
		}
		return strings.Join(s, ", ")
	}
	for _, c := range []struct{ place, want string }{
		// crane takes the first Windows image, as does every client that knows no host.
		{"docker-archive:" + pull("one.tar", "--platform", "windows/amd64", one), "windows 10.0.20348.3207"},
		{"docker-archive:" + pull("legacy.tar", "--format", "legacy", "--platform", "windows/amd64", one), "windows 10.0.20348.3207"},
		{"docker-archive:" + pull("linux.tar", "--platform", "linux/amd64", one), "linux"},
		{"docker-archive:" + pull("several.tar", "--platform", "windows/amd64", one, two), "windows 10.0.20348.3207, windows 10.0.26100.2894"},
		{"docker-archive:" + pull("digest.tar", r.Addr+"/a/c@"+kids[0]), "windows 10.0.26100.2894"},
		{"oci:" + pull("layout", "--format", "oci", "--platform", "all", one), "linux, windows 10.0.20348.3207, windows 10.0.17763.6893, unknown, unknown, unknown"},
		{"oci:" + pull("child", "--format", "oci", "--platform", "windows/amd64", one), "windows 10.0.20348.3207"},
	} {
		got, _ := w.image(t, env, "--offline", c.place)
		if versions(got) != c.want {
			t.Errorf("%s: %s, want %s", c.place, versions(got), c.want)
		}
	}
	a, code := w.check(t, env, "--offline", "--host", "10.0.20348.3207", "--host", "10.0.17763.6893", "docker-archive:"+filepath.Join(dir, "one.tar"))
	if code != 1 || len(a.Results) != 2 || a.Results[0].Answer != "yes" || a.Results[1].Answer != "no" || a.Results[0].Image.Basis != "archive" {
		t.Errorf("check: exit %d, %+v", code, a.Results)
	}

	file := filepath.Join(dir, "files.tar")
	if out, err := exec.Command(crane, "export", "--insecure", "--platform", "windows/amd64", one, file).CombinedOutput(); err != nil {
		t.Fatalf("crane export: %v\n%s", err, out)
	}
	for _, kind := range []string{"docker-archive:", "oci-archive:"} {
		if stdout, stderr, code := w.Run(t, env, "image", kind+file); code != 2 || stdout != "" || !strings.Contains(stderr, "winmatch: error: ") {
			t.Errorf("%s of an export: exit %d\n%s%s", kind, code, stdout, stderr)
		}
	}
}
