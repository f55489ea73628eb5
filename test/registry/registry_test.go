//go:build realparts

// Package registry_test lets the real winmatch ask a foreign registry, Debian's
// docker-registry: by TLS and by plain HTTP, with and without the right to
// read, about indexes shaped like those that facts/source/image-tags.csv saw.
package registry_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

// winmatch is the program under test and what these tests read of its answers.
type winmatch struct{ parts.Winmatch }

// answer is what this test reads of `check -o json`.
type answer struct {
	Results []struct {
		Host  struct{ Build int }
		Image struct {
			Reference, Digest, OS, OSVersion, Basis string
		}
		Answer    string
		Predicted struct{ Pull, Start string }
		Reasons   []struct{ Code string }
	}
}

func (w winmatch) check(t *testing.T, env []string, args ...string) (answer, int) {
	t.Helper()
	stdout, stderr, code := w.Run(t, env, append([]string{"check", "-o", "json"}, args...)...)
	var a answer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil {
		t.Fatalf("winmatch %v: exit %d, %v\n%s%s", args, code, err, stdout, stderr)
	}
	return a, code
}

// observed reads the indexes of several Windows versions that image-tags.csv
// saw: the versions of each, in the order of the file.
func observed(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(parts.Root, "facts", "source", "image-tags.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	all := map[string][]string{}
	for _, row := range rows[1:] {
		index, version := row[column["index_digest"]], row[column["os_version"]]
		if index == "" || version == "" || row[column["os_version_basis"]] != "manifest" {
			continue
		}
		name := row[column["repo"]] + "@" + index
		if !slices.Contains(all[name], version) {
			all[name] = append(all[name], version)
		}
	}
	for name, versions := range all {
		if len(versions) < 2 {
			delete(all, name)
		}
	}
	return all
}

// beforeFebruary is a host below the boundary of February 2020, 17763.1039:
// images above it do not start there in process isolation.
const beforeFebruary = "10.0.17763.437"

func before2020(version string) bool {
	revision, err := strconv.Atoi(strings.Split(version, ".")[3])
	return err == nil && revision < 1039
}

func buildOf(version string) string { return strings.Split(version, ".")[2] }

func TestSecureRegistry(t *testing.T) {
	r, w := parts.NewRegistry(t, true), winmatch{parts.Build(t)}
	env := []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + parts.Login(t, r.Addr, parts.Password)}

	// Every index of several versions: a host of the version of one child gets
	// that child, whatever stands around it.
	t.Run("observed", func(t *testing.T) {
		indexes := observed(t)
		if len(indexes) < 20 {
			t.Fatalf("only %d indexes of several Windows versions in image-tags.csv", len(indexes))
		}
		names := make([]string, 0, len(indexes))
		for name := range indexes {
			names = append(names, name)
		}
		slices.Sort(names)
		type pushed struct {
			digest   string
			versions []string
		}
		var refs []string
		all := map[string]pushed{}
		for i, name := range names {
			repo, _, _ := strings.Cut(name, "@")
			types, tag := parts.Docker, fmt.Sprint("t", i)
			if i%2 == 1 {
				types = parts.OCI
			}
			kids := []parts.Kid{{OS: "linux"}}
			for _, v := range indexes[name] {
				kids = append(kids, parts.Windows(v, v))
			}
			digest, children := r.Push(t, repo, tag, types, append(kids, parts.Kid{OS: "linux"}))
			ref := r.Addr + "/" + repo + ":" + tag
			all[ref] = pushed{digest, indexes[name]}
			refs = append(refs, ref)
			if len(children) != len(kids)+1 {
				t.Fatal("lost a child")
			}
		}
		for _, version := range []string{"10.0.14393.1944", beforeFebruary, "10.0.20348.169"} {
			a, _ := w.check(t, env, append([]string{"--host", version, "--runtime", "docker"}, refs...)...)
			if len(a.Results) != len(refs) {
				t.Fatalf("%d results for %d references", len(a.Results), len(refs))
			}
			for i, res := range a.Results {
				p := all[refs[i]]
				if res.Image.Reference != refs[i] || res.Image.Basis != "registry" || res.Image.OS != "windows" {
					t.Errorf("%s: %+v", refs[i], res.Image)
				}
				// Docker's classic store: the child of the host's build, else
				// the first one that is no newer than the host.
				want := ""
				for _, v := range p.versions {
					if buildOf(v) == buildOf(version) {
						want = v
						break
					}
				}
				for _, v := range p.versions {
					if want == "" && buildOf(v) < buildOf(version) {
						want = v
					}
				}
				switch {
				case want == "":
					if res.Predicted.Pull != "refused" || res.Answer != "no" {
						t.Errorf("%s %v on %s: %+v", refs[i], p.versions, version, res)
					}
				case res.Image.OSVersion != want || res.Predicted.Pull != "accepted":
					t.Errorf("%s %v on %s: takes %s, pull %s, want %s", refs[i], p.versions, version, res.Image.OSVersion, res.Predicted.Pull, want)
				case want == version && res.Predicted.Start != "runs":
					t.Errorf("%s: %s on itself: start %s", refs[i], version, res.Predicted.Start)
				case buildOf(want) == buildOf(version) && want != version && version == beforeFebruary && res.Predicted.Start == "runs" != before2020(want):
					t.Errorf("%s: %s on %s: start %s", refs[i], want, version, res.Predicted.Start)
				case buildOf(want) < buildOf(version) && res.Answer == "yes":
					t.Errorf("%s: %s on %s is answered yes", refs[i], want, version)
				}
			}
		}
	})

	// A child without os.version is looked into, or said to lack it; never is
	// its version made up.
	t.Run("missing", func(t *testing.T) {
		r.Push(t, "win/missing", "1", parts.OCI, []parts.Kid{parts.Windows("", "10.0.20348.2227"), {OS: "linux"}})
		a, code := w.check(t, env, "--host", "10.0.20348.2227", r.Addr+"/win/missing:1")
		res := a.Results[0]
		missing := false
		for _, reason := range res.Reasons {
			missing = missing || reason.Code == "os-version-missing"
		}
		switch {
		case res.Image.OSVersion != "" && res.Image.OSVersion != "10.0.20348.2227",
			res.Image.OSVersion == "" && (res.Answer == "yes" || !missing),
			res.Answer == "no", code == 1:
			t.Errorf("exit %d, %+v", code, res)
		}
	})

	t.Run("linux", func(t *testing.T) {
		r.Push(t, "lin/ux", "1", parts.Docker, []parts.Kid{{OS: "linux"}})
		a, code := w.check(t, env, "--host", "ws2022", r.Addr+"/lin/ux:1")
		if code != 1 || a.Results[0].Answer != "no" || a.Results[0].Reasons[0].Code != "not-windows" {
			t.Errorf("exit %d, %+v", code, a)
		}
	})

	// What is not there does not run.
	t.Run("not found", func(t *testing.T) {
		for _, ref := range []string{r.Addr + "/win/missing:2", r.Addr + "/no/such:1"} {
			a, code := w.check(t, env, "--host", "ws2022", ref)
			if res := a.Results[0]; code != 1 || res.Answer != "no" || res.Image.OSVersion != "" || res.Reasons[0].Code != "image-not-found" {
				t.Errorf("exit %d, %+v", code, res)
			}
		}
	})

	// What goes wrong is said, on standard error, with exit code 2.
	ref := r.Addr + "/win/missing:1"
	for _, c := range []struct {
		name string
		env  []string
		ref  string
		want []string
	}{
		{"wrong password", []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + parts.Login(t, r.Addr, "wrong")}, ref, []string{"401"}},
		{"no password", []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + t.TempDir()}, ref, []string{"401"}},
		{"password of another", []string{"SSL_CERT_FILE=" + r.CA, "DOCKER_CONFIG=" + parts.Login(t, "127.0.0.1:1", parts.Password)}, ref, []string{"401"}},
		{"unknown authority", []string{"DOCKER_CONFIG=" + parts.Login(t, r.Addr, parts.Password)}, ref, []string{"certificate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, code := w.Run(t, c.env, "check", "--host", "ws2022", c.ref)
			if code != 2 {
				t.Errorf("exit %d", code)
			}
			for _, want := range append(c.want, "winmatch: error: ") {
				if !strings.Contains(stderr, want) {
					t.Errorf("standard error lacks %q:\n%s", want, stderr)
				}
			}
			if stdout != "" {
				t.Errorf("standard output is not empty:\n%s", stdout)
			}
			for _, secret := range []string{parts.Password, base64.StdEncoding.EncodeToString([]byte(parts.User + ":" + parts.Password))} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("it prints the password:\n%s%s", stdout, stderr)
				}
			}
		})
	}
}

func TestPlainRegistry(t *testing.T) {
	r, w := parts.NewRegistry(t, false), winmatch{parts.Build(t)}
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	_, children := r.Push(t, "a/b", "1", parts.Docker, []parts.Kid{
		parts.Windows("10.0.20348.3207", "10.0.20348.3207"), parts.Windows("10.0.26100.2894", "10.0.26100.2894"),
	})
	ref := r.Addr + "/a/b:1"
	// containerd 2.0 takes the first of the index, Docker the host's build.
	for runtime, want := range map[string]string{"containerd@2.0.0": "10.0.20348.3207", "docker": "10.0.26100.2894"} {
		a, code := w.check(t, env, "--insecure", "--host", "10.0.26100.2894", "--runtime", runtime, ref)
		if res := a.Results[0]; code != 0 || res.Image.OSVersion != want || res.Image.Basis != "registry" || res.Answer != "yes" {
			t.Errorf("%s: exit %d, %+v", runtime, code, res)
		}
	}
	// A digest names one child.
	a, code := w.check(t, env, "--insecure", "--host", "10.0.20348.3207", r.Addr+"/a/b@"+children[1])
	if res := a.Results[0]; code != 1 || res.Image.OSVersion != "10.0.26100.2894" || res.Image.Digest != children[1] {
		t.Errorf("by digest: exit %d, %+v", code, res)
	}
	// Without --insecure it is not asked by plain HTTP.
	if stdout, stderr, code := w.Run(t, env, "check", "--host", "ws2022", ref); code != 2 || stdout != "" || !strings.Contains(stderr, "--insecure") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}
