package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

// TestFixOnline: a tag and its digest are replaced together by what a registry
// says now, and a second run changes nothing.
func TestFixOnline(t *testing.T) {
	mem := ocimem.New()
	s := httptest.NewServer(ociserver.New(mem, nil))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	digest := func(repo, tag string, children ...string) string {
		if err := push(mem, repo, tag, true, children); err != nil {
			t.Fatal(err)
		}
		r, err := http.Head(s.URL + "/v2/" + repo + "/manifests/" + tag)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		return r.Header.Get("Docker-Content-Digest")
	}
	old := digest("app", "1.0-ltsc2019", "windows/amd64=10.0.17763.9245")
	now := digest("app", "1.0-ltsc2022", "windows/amd64=10.0.20348.5622")
	digest("lone", "2-ltsc2019", "windows/amd64=10.0.17763.9245")
	lone := digest("lone", "2-ltsc2022", "windows/amd64=10.0.26100.4061") // its name lies
	alone := digest("alone", "1", "windows/amd64=10.0.17763.9245")

	t.Chdir(t.TempDir())
	for _, c := range []struct{ name, src, want string }{
		{"tag and digest", "FROM H/app:1.0-ltsc2019@" + old + " AS x\n", "FROM H/app:1.0-ltsc2022@" + now + " AS x\n"},
		{"a tag", "FROM H/app:1.0-ltsc2019\n", "FROM H/app:1.0-ltsc2022\n"},
		{"a tag whose name lies", "FROM H/lone:2-ltsc2019\n", "FROM H/lone:2-ltsc2019\n"},
		{"the same with its digest", "FROM H/lone:2-ltsc2022@" + lone + "\n", "FROM H/lone:2-ltsc2022@" + lone + "\n"},
		{"a digest alone", "FROM H/alone@" + alone + "\n", "FROM H/alone@" + alone + "\n"},
		{"a digest whose tag has moved on", "FROM H/app:1.0-ltsc2022@" + old + "\n", "FROM H/app:1.0-ltsc2022@" + now + "\n"},
		{"a pod", "apiVersion: v1\nkind: Pod\nspec:\n  nodeSelector: {kubernetes.io/os: windows}\n  containers:\n  - image: \"H/app:1.0-ltsc2019@" + old + "\"\n",
			"apiVersion: v1\nkind: Pod\nspec:\n  nodeSelector: {kubernetes.io/os: windows}\n  containers:\n  - image: \"H/app:1.0-ltsc2022@" + now + "\"\n"},
	} {
		name := "Dockerfile"
		if strings.HasPrefix(c.src, "api") {
			name = "pod.yaml"
		}
		src, want := strings.ReplaceAll(c.src, "H/", host+"/"), strings.ReplaceAll(c.want, "H/", host+"/")
		if err := os.WriteFile(name, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		offline := run([]string{"fix", "--host", "ws2022", "--write", name})
		if got, _ := os.ReadFile(name); strings.Contains(string(got), now) && string(got) != src {
			t.Errorf("%s: offline it writes a digest:\n%s\n%s", c.name, got, offline)
		}
		for range 2 {
			out := run([]string{"fix", "--online", "--insecure", "--host", "ws2022", "--write", name})
			if got, _ := os.ReadFile(name); string(got) != want {
				t.Errorf("%s: got\n%swant\n%s%s", c.name, got, want, out)
			}
		}
	}
	// What winmatch.yaml wants held fast is held fast.
	for name, text := range map[string]string{"winmatch.yaml": "pin: digest\n", "Dockerfile": "FROM " + host + "/app:1.0-ltsc2022\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := run([]string{"fix", "--online", "--insecure", "--host", "ws2022", "--write", "Dockerfile"})
	if got, _ := os.ReadFile("Dockerfile"); string(got) != "FROM "+host+"/app:1.0-ltsc2022@"+now+"\n" {
		t.Errorf("pin: digest: %s%s", got, out)
	}
}
