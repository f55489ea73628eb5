// Package integrations_test holds the files that others use winmatch by: the
// pre-commit hooks, the GitHub Action, the templates and the recipes.
package integrations_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/files/yamledit"
)

const root = "../.."

// document reads a YAML file of the project.
func document(t *testing.T, name string) *yamledit.Node {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := yamledit.Parse(src)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(f.Docs) != 1 {
		t.Fatalf("%s: %d documents", name, len(f.Docs))
	}
	return f.Docs[0]
}

func TestHooks(t *testing.T) {
	var ids []string
	for _, h := range document(t, ".pre-commit-hooks.yaml").Items() {
		ids = append(ids, h.String("id")+" "+h.String("language"))
		files, err := regexp.Compile(h.String("files"))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]bool{
			"Dockerfile": true, "src/app/Dockerfile.windows": true, "windows.Dockerfile": true, "Containerfile": true,
			"docker-compose.yml": true, ".github/workflows/ci.yaml": true, "winmatch.yaml": true, "README.md": false, "main.go": false,
		} {
			if files.MatchString(name) != want {
				t.Errorf("%s: %s: %v", h.String("id"), name, !want)
			}
		}
	}
	if got := strings.Join(ids, ", "); got != "winmatch golang, winmatch-system system, winmatch-docker docker" {
		t.Errorf("hooks: %s", got)
	}
}

// TestRenovate holds the rules for tags: what names the Windows is compared, the
// numbers of the rest are.
func TestRenovate(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(root, "integrations/renovate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PackageRules []struct{ Versioning, MatchCurrentValue string }
	}
	if err := json.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule                    int
		tag, compatible, number string
	}{
		{0, "10.0.20348.5622", "20348", "5622"},
		{0, "10.0.14393.1770", "14393", "1770"},
		{0, "ltsc2022", "", ""},
		{1, "1809-KB4493509", "1809", "4493509"},
		{1, "ltsc2022-KB5099999", "ltsc2022", "5099999"},
		{1, "1809", "", ""},
		{2, "8.0-nanoserver-ltsc2022", "nanoserver-ltsc2022", "8"},
		{2, "8.0.11-nanoserver-1809-amd64", "nanoserver-1809-amd64", "8"},
		{2, "4.8.1-windowsservercore-ltsc2022", "windowsservercore-ltsc2022", "4"},
		{2, "17-windowsservercore-ltsc2019", "windowsservercore-ltsc2019", "17"},
		{2, "8.0-alpine", "", ""},
	} {
		text, ok := strings.CutPrefix(file.PackageRules[tt.rule].Versioning, "regex:")
		if !ok {
			t.Fatalf("rule %d: %q", tt.rule, file.PackageRules[tt.rule].Versioning)
		}
		re, err := regexp.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		compatible, number := "", ""
		if m := re.FindStringSubmatch(tt.tag); m != nil {
			compatible, number = m[re.SubexpIndex("compatibility")], m[re.SubexpIndex("major")]
		}
		if compatible != tt.compatible || number != tt.number {
			t.Errorf("rule %d: %s: %q %q, want %q %q", tt.rule, tt.tag, compatible, number, tt.compatible, tt.number)
		}
	}
}

func TestDependabot(t *testing.T) {
	d := document(t, "integrations/dependabot.yml")
	if d.String("version") != "2" || len(d.Get("updates").Items()) != 1 {
		t.Fatal("not a file of version 2 with one update")
	}
	for _, u := range d.Get("updates").Items() {
		if u.String("package-ecosystem") != "docker" || u.String("directory") == "" || u.String("schedule", "interval") == "" {
			t.Error("an update needs package-ecosystem, directory and schedule")
		}
		for _, i := range u.Get("ignore").Items() {
			if v, _ := i.Get("versions").Items()[0].Text(); !regexp.MustCompile(`^>= 10\.0\.\d{5}$`).MatchString(v) {
				t.Errorf("%s: %q", i.String("dependency-name"), v)
			}
		}
	}
}
