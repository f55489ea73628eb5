//go:build realparts

package registry_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// info is what these tests read of `image -o json`.
type info struct {
	Reference, Digest, Basis string
	Children                 []struct{ Digest, OS, OSVersion string }
	Hosts                    []struct {
		Host    struct{ Version string }
		Runtime struct{ Name string }
		Takes   *string
	}
	Findings []struct{ Code, Text string }
}

func (w winmatch) image(t *testing.T, env []string, args ...string) ([]info, int) {
	t.Helper()
	stdout, stderr, code := w.Run(t, env, append([]string{"image", "-o", "json"}, args...)...)
	var list []info
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list) == 0 {
		t.Fatalf("winmatch image %v: exit %d, %v\n%s%s", args, code, err, stdout, stderr)
	}
	return list, code
}

func skopeo(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(parts.Need(t, "skopeo"), append([]string{"--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("skopeo copy %v: %v\n%s", args, err, out)
	}
}

// What skopeo copies out of a registry holds what the registry does.
func TestCopies(t *testing.T) {
	r, w := parts.NewRegistry(t, false), winmatch{parts.Build(t)}
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	for name, types := range map[string][4]string{"docker": parts.Docker, "oci": parts.OCI} {
		t.Run(name, func(t *testing.T) {
			repo := "copies/" + name
			_, kids := r.Push(t, repo, "1", types, []parts.Kid{
				parts.Windows("10.0.20348.3207", "10.0.20348.3207"), parts.Windows("10.0.17763.6893", "10.0.17763.6893"), {OS: "linux"}})
			ref := r.Addr + "/" + repo + ":1"
			want, _ := w.image(t, env, "--insecure", ref)
			versions := func(i info) string {
				var s []string
				for _, c := range i.Children {
					if c.OS == "windows" {
						s = append(s, c.OSVersion)
					}
				}
				return strings.Join(s, " ")
			}
			dir := t.TempDir()
			file := func(name string) string { return filepath.Join(dir, name) }
			skopeo(t, "--all", "docker://"+ref, "oci:"+file("layout")+":one")
			skopeo(t, "--all", "docker://"+ref, "oci-archive:"+file("layout.tar")+":one")
			if out, err := exec.Command("gzip", "-k", file("layout.tar")).CombinedOutput(); err != nil {
				t.Fatalf("gzip: %v\n%s", err, out)
			}
			for place, basis := range map[string]string{
				"oci:" + file("layout"): "layout", "oci:" + file("layout") + ":one": "layout",
				"oci-archive:" + file("layout.tar"): "archive", "oci-archive:" + file("layout.tar.gz") + ":one": "archive",
			} {
				got, _ := w.image(t, env, "--offline", place)
				if len(got) != 1 || versions(got[0]) != versions(want[0]) || got[0].Basis != basis || len(got[0].Children) != len(want[0].Children) {
					t.Errorf("%s: %+v, want %+v", place, got, want)
				}
			}
			// One image each in a docker archive, two of them in one.
			single := "docker://" + r.Addr + "/" + repo + "@"
			skopeo(t, "--override-os=windows", single+kids[1], "docker-archive:"+file("saved.tar")+":example/app:1")
			got, _ := w.image(t, env, "docker-archive:"+file("saved.tar"))
			if len(got) != 1 || versions(got[0]) != "10.0.17763.6893" || got[0].Basis != "archive" {
				t.Errorf("docker-archive: %+v", got)
			}
			a, code := w.check(t, env, "--offline", "--host", "10.0.17763.6893", "docker-archive:"+file("saved.tar")+":example/app:1")
			if code != 0 || a.Results[0].Answer != "yes" || a.Results[0].Image.Basis != "archive" {
				t.Errorf("check: exit %d, %+v", code, a.Results)
			}
		})
	}
}

// An index without os.version is found, repaired and pushed, and containerd's
// own code takes the right child afterwards, where it took the first before.
func TestRepaired(t *testing.T) {
	r, w := parts.NewRegistry(t, true), winmatch{parts.Build(t)}
	env := []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + parts.Login(t, r.Addr, parts.Password)}
	versions := []string{"10.0.26100.2894", "10.0.20348.3207", "10.0.17763.6893"}
	for name, types := range map[string][4]string{"docker": parts.Docker, "oci": parts.OCI} {
		t.Run(name, func(t *testing.T) {
			repo := "repaired/" + name
			kids := []parts.Kid{{OS: "linux"}}
			for _, v := range versions {
				kids = append(kids, parts.Windows("", v))
			}
			old, children := r.Push(t, repo, "1", types, kids)
			windows := children[1:4]
			ref := r.Addr + "/" + repo + ":1"
			found, code := w.image(t, env, ref)
			if code != 1 || len(found[0].Findings) == 0 || found[0].Findings[0].Code != "os-version-missing" {
				t.Fatalf("exit %d, %+v", code, found)
			}
			before := r.Index(t, repo, "1", types[0])
			stdout, stderr, code := w.Run(t, env, "index", "repair", "--apply", ref)
			if code != 0 || !strings.HasSuffix(stdout, "done\n") || !strings.Contains(stdout, old) {
				t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
			}
			after := r.Index(t, repo, "1", types[0])
			if stdout, _, code := w.Run(t, env, "index", "repair", "--apply", ref); code != 0 || !strings.Contains(stdout, "nothing to fill in") {
				t.Errorf("the second time: exit %d\n%s", code, stdout)
			}
			// Nothing but os.version is new.
			for i := range after {
				if p := after[i].(parts.Object)["platform"].(parts.Object); p["os"] == "windows" {
					if p["os.version"] != versions[slices.Index(windows, after[i].(parts.Object)["digest"].(string))] {
						t.Errorf("entry %d: %v", i, p)
					}
					delete(p, "os.version")
				}
			}
			if fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("before %v\nafter  %v", before, after)
			}
			got, code := w.image(t, env, "--deep", "--host", versions[0], "--host", versions[1], "--host", versions[2], ref)
			if code != 0 || len(got[0].Findings) != 0 {
				t.Errorf("exit %d, %+v", code, got[0].Findings)
			}
			for _, h := range got[0].Hosts {
				if want := windows[slices.Index(versions, h.Host.Version)]; h.Takes == nil || *h.Takes != want {
					t.Errorf("%s on %s does not take %s", h.Runtime.Name, h.Host.Version, want)
				}
			}
			if name == "oci" { // the oracles see os.version only: once is enough
				w.asContainerd(t, env, ref)
			}
		})
	}
}

// oracles are the versions of containerd/platforms that answer differently, and
// a containerd that has each.
var oracles = []struct{ platforms, containerd string }{
	{"v0.2.1", "1.7.19"}, {"v1.0.0-rc.1", "2.0.0"}, {"v1.0.0-rc.2", "2.2.0"}, {"v1.0.0-rc.4", "2.3.0"}, {"v1.0.0-rc.5", "2.4.0"},
}

// asContainerd holds which child of an index each supported host takes against
// containerd's own code: by what check says, and where the index has a child of
// the host's build it is that one. Without os.version every host took the first.
func (w winmatch) asContainerd(t *testing.T, env []string, ref string, flags ...string) {
	t.Helper()
	got, _ := w.image(t, env, append(flags, ref)...)
	var hosts, windows, stated, silent []string
	for _, h := range got[0].Hosts {
		if !slices.Contains(hosts, h.Host.Version) {
			hosts = append(hosts, h.Host.Version)
		}
	}
	for _, c := range got[0].Children {
		if c.OS == "windows" {
			windows, stated, silent = append(windows, c.Digest), append(stated, c.OSVersion), append(silent, "-")
		}
	}
	if len(hosts) < 6 {
		t.Fatalf("only the hosts %v", hosts)
	}
	compared, own := 0, 0
	for _, o := range oracles {
		p := newPlatforms(t, o.platforms)
		for i, child := range p.takes(hosts, silent) {
			if child != 0 {
				t.Errorf("%s: before, host %s takes child %d, not the first", o.platforms, hosts[i], child)
			}
		}
		args := append([]string{"--runtime", "containerd@" + o.containerd}, flags...)
		for _, h := range hosts {
			args = append(args, "--host", h)
		}
		a, _ := w.check(t, env, append(args, ref)...)
		for i, child := range p.takes(hosts, stated) {
			r := &a.Results[i]
			for j, v := range stated {
				if buildOf(v) == buildOf(hosts[i]) {
					if own++; child != j {
						t.Errorf("%s: host %s takes child %d, not its own, %d", o.platforms, hosts[i], child, j)
					}
				}
			}
			switch {
			case r.Predicted.Pull == "unknown": // containerd is not known to run there
				continue
			case child < 0 && r.Predicted.Pull != "refused", child >= 0 && (r.Predicted.Pull != "accepted" || r.Image.Digest != windows[child]):
				t.Errorf("%s: host %s takes child %d of %v, check says %s %s", o.platforms, hosts[i], child, stated, r.Predicted.Pull, r.Image.OSVersion)
			}
			compared++
		}
	}
	t.Logf("%d hosts, %d answers compared, %d of a host's own build", len(hosts), compared, own)
	if compared < 5*len(oracles) || own < 3*len(oracles) {
		t.Errorf("only %d answers were compared, %d of a host's own build", compared, own)
	}
}

// platforms is containerd/platforms in one version, built for Windows, under
// wine.
type platforms struct {
	t    *testing.T
	wine *parts.Wine
	exe  string
}

var wine *parts.Wine

func newPlatforms(t *testing.T, version string) *platforms {
	t.Helper()
	if wine == nil {
		wine = parts.NewWine(t, "oracle")
		t.Cleanup(func() { wine = nil })
	}
	exe := filepath.Join(parts.Cache(t), "bin", "platforms-"+version+".exe")
	parts.Go(t, filepath.Join("test", "oracle", "platforms"), []string{"GOOS=windows", "GOARCH=amd64"},
		"build", "-trimpath", "-modfile="+version+".mod", "-o", exe, ".")
	return &platforms{t, wine, exe}
}

func (p *platforms) ask(mode string, questions []string) []bool {
	p.t.Helper()
	out, code := p.wine.Run(p.t, strings.Join(questions, "\n")+"\n", p.exe, mode)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if code != 0 || len(lines) != len(questions) {
		p.t.Fatalf("%s %s: exit %d\n%s", filepath.Base(p.exe), mode, code, out)
	}
	var list []bool
	for _, l := range lines {
		list = append(list, l == "true")
	}
	return list
}

// takes returns which child of an index containerd takes on each host: of those
// that match, sorted by Less and stably, the first; -1 for none.
func (p *platforms) takes(hosts, children []string) []int {
	p.t.Helper()
	var match, less []string
	for _, h := range hosts {
		for _, c := range children {
			match = append(match, h+" "+c)
			for _, d := range children {
				less = append(less, h+" "+c+" "+d)
			}
		}
	}
	ok, before := p.ask("match", match), p.ask("only", less)
	n := len(children)
	taken := make([]int, len(hosts))
	for h := range hosts {
		taken[h] = -1
		for i := range children {
			if best := taken[h]; ok[h*n+i] && (best < 0 || before[(h*n+i)*n+best]) {
				taken[h] = i
			}
		}
	}
	return taken
}

// A layout that skopeo made is repaired where it is, and skopeo reads it.
func TestRepairedLayout(t *testing.T) {
	r, w := parts.NewRegistry(t, false), winmatch{parts.Build(t)}
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	r.Push(t, "a/b", "1", parts.OCI, []parts.Kid{parts.Windows("", "10.0.20348.3207"), {OS: "linux"}})
	dir := filepath.Join(t.TempDir(), "layout")
	skopeo(t, "--all", "docker://"+r.Addr+"/a/b:1", "oci:"+dir+":one")
	if stdout, stderr, code := w.Run(t, env, "index", "repair", "--apply", "oci:"+dir+":one"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if got, code := w.image(t, env, "--host", "10.0.20348.3207", "oci:"+dir+":one"); code != 0 || len(got[0].Findings) != 0 {
		t.Errorf("exit %d, %+v", code, got)
	}
	skopeo(t, "--all", "--dest-tls-verify=false", "oci:"+dir+":one", "docker://"+r.Addr+"/a/b:2")
	got, code := w.image(t, env, "--insecure", "--host", "10.0.20348.3207", r.Addr+"/a/b:2")
	if code != 0 || got[0].Children[0].OSVersion != "10.0.20348.3207" {
		t.Errorf("exit %d, %+v", code, got)
	}
	// Into a layout without layers: what winmatch reads is there.
	to := filepath.Join(t.TempDir(), "documents")
	if stdout, stderr, code := w.Run(t, env, "index", "repair", "--insecure", "--apply", "--to", "oci:"+to, r.Addr+"/a/b:1"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if got, code := w.image(t, env, "--deep", "oci:"+to+":1"); code != 0 || got[0].Children[0].OSVersion != "10.0.20348.3207" {
		t.Errorf("exit %d, %+v", code, got)
	}
	if _, err := os.Stat(filepath.Join(to, "oci-layout")); err != nil {
		t.Error(err)
	}
}

// Single images become an index that docker-registry takes, and of which
// containerd takes the right child.
func TestCreated(t *testing.T) {
	r, w := parts.NewRegistry(t, false), winmatch{parts.Build(t)}
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	_, kids := r.Push(t, "a/b", "parts", parts.Docker, []parts.Kid{parts.Windows("", "10.0.17763.6893"), parts.Windows("", "10.0.26100.2894"), {OS: "linux"}, parts.Windows("", "10.0.20348.3207")})
	name := r.Addr + "/a/b"
	args := []string{"index", "create", "--insecure", "--apply", name + ":all"}
	for _, k := range kids {
		args = append(args, name+"@"+k)
	}
	for _, last := range []string{"done\n", "is there already\n"} {
		if stdout, stderr, code := w.Run(t, env, args...); code != 0 || !strings.HasSuffix(stdout, last) {
			t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
		}
	}
	// The order is from the newest on, whatever it was.
	got, code := w.image(t, env, "--insecure", "--deep", "--host", "ws2019", "--host", "ws2025", name+":all")
	if code != 0 || len(got[0].Children) != 4 || got[0].Children[0].OSVersion != "10.0.26100.2894" || got[0].Children[2].OSVersion != "10.0.17763.6893" {
		t.Errorf("exit %d, %+v", code, got)
	}
	w.asContainerd(t, env, name+":all", "--insecure")
}
