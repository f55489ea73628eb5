// Package test_test holds the rule of the house: imports run downward only.
package test_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/winmatch/winmatch"

// above says what each package of the house may import of the house, itself
// and the layers below it. A package that is not listed is not allowed yet:
// whoever adds one says here where it stands.
var above = map[string][]string{
	"facts":    {},
	"winver":   {"facts"},
	"compat":   {"winver", "facts"},
	"diagnose": {"compat", "winver", "facts"},

	"internal/jsonedit": {},
	"internal/each":     {},

	"image": {"internal/jsonedit", "diagnose", "compat", "winver", "facts"},

	"kube":           {"image", "diagnose", "compat", "winver", "facts"},
	"kube/simulate":  {"kube", "image", "compat", "winver", "facts"},
	"swarm":          {"internal/jsonedit", "image", "diagnose", "compat", "winver", "facts"},
	"files":          {"files/yamledit", "image", "diagnose", "compat", "winver", "facts"},
	"files/yamledit": {},
	"web":            {"image", "diagnose", "compat", "winver", "facts"},

	"internal/render":  {"internal/each", "swarm", "files", "web", "image", "diagnose", "compat", "winver", "facts"},
	"internal/cli":     {"internal/render", "swarm", "files", "web", "image", "diagnose", "compat", "winver", "facts"},
	"internal/kubecli": {"internal/cli", "internal/render", "kube/simulate", "kube", "files", "image", "diagnose", "compat", "winver", "facts"},
	"cmd":              {"internal/kubecli", "internal/cli"},

	// Beside the house: generators and tests, which nothing in it imports.
	"image/gen": {"facts", "winver", "image"},
	"test":      {"facts", "winver", "compat", "diagnose", "image", "files", "kube"},
}

// pure are the packages that import nothing but the standard library and each
// other, and of the standard library nothing that reads a clock, a file or a
// network.
var pure = []string{"facts", "winver", "compat", "diagnose"}

// impure is what pure packages must not import. facts reads the newer facts of
// a user from bytes it is handed; embed is its own files, at compile time.
var impure = []string{"os", "net", "time", "syscall", "io/ioutil", "log", "math/rand", "math/rand/v2", "runtime/debug", "plugin", "unsafe", "C"}

type pkg struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string
}

// packages lists the module's packages as compiled for each platform.
func packages(t *testing.T) []pkg {
	t.Helper()
	var list []pkg
	for _, goos := range []string{"linux", "windows", "darwin"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Name,Standard,Imports", module+"/...")
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				t.Fatalf("go list: %v\n%s", err, exit.Stderr)
			}
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(string(out)))
		for {
			var p pkg
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
	}
	if len(list) < 15 {
		t.Fatalf("go list found %d packages only", len(list))
	}
	return list
}

// place returns the entry of above that a package belongs to: its own, or that
// of the nearest folder above it.
func place(importPath string) string {
	dir := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	for dir != "" {
		if _, ok := above[dir]; ok {
			return dir
		}
		i := strings.LastIndexByte(dir, '/')
		dir = dir[:max(i, 0)]
	}
	return ""
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

func TestImportsRunDownward(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		from := place(p.ImportPath)
		if from == "" {
			t.Errorf("%s has no place in the house: say in test/house_test.go where it stands", p.ImportPath)
			continue
		}
		seen[from] = true
		for _, i := range p.Imports {
			if !ours(i) {
				continue
			}
			if to := place(i); to != from && !slices.Contains(above[from], to) {
				t.Errorf("%s imports %s, which does not stand below it", p.ImportPath, i)
			}
		}
	}
	for _, must := range []string{"facts", "winver", "compat", "image", "internal/render", "internal/cli", "cmd"} {
		if !seen[must] {
			t.Errorf("%s was not looked at", must)
		}
	}
}

// TestHouseHasAnOrder holds the table itself: nothing in it stands above and
// below the same package.
func TestHouseHasAnOrder(t *testing.T) {
	for p, below := range above {
		for _, q := range below {
			if _, ok := above[q]; !ok {
				t.Errorf("%s stands above %s, which is not listed", p, q)
			}
			if slices.Contains(above[q], p) {
				t.Errorf("%s and %s stand above each other", p, q)
			}
		}
	}
}

func TestCommandsAreMainOnly(t *testing.T) {
	for _, p := range packages(t) {
		if place(p.ImportPath) != "cmd" {
			continue
		}
		if p.Name != "main" {
			t.Errorf("%s is package %s", p.ImportPath, p.Name)
		}
		for _, i := range p.Imports {
			if strings.Contains(strings.SplitN(i, "/", 2)[0], ".") && i != module+"/internal/cli" && i != module+"/internal/kubecli" {
				t.Errorf("%s imports %s: a command is main and nothing else", p.ImportPath, i)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		dir := strings.TrimPrefix(p.ImportPath, module+"/")
		if !slices.Contains(pure, dir) {
			continue
		}
		found[dir] = true
		for _, i := range p.Imports {
			root, _, _ := strings.Cut(i, "/")
			switch {
			case ours(i):
				if !slices.Contains(pure, strings.TrimPrefix(i, module+"/")) {
					t.Errorf("%s imports %s, which is not pure", dir, i)
				}
			case strings.Contains(root, "."):
				t.Errorf("%s imports %s, which is not of the standard library", dir, i)
			case slices.Contains(impure, i) || slices.Contains(impure, root) && root != "math" && root != "io" && root != "runtime":
				t.Errorf("%s imports %s, which reads a clock, a file, a network or memory at large", dir, i)
			}
		}
	}
	for _, must := range []string{"facts", "winver", "compat"} {
		if !found[must] {
			t.Errorf("%s was not looked at: %v", must, slices.Sorted(maps.Keys(found)))
		}
	}
}

// TestWinmatchIsSmall holds that the libraries of Kubernetes, which kubectl-winmatch
// links, do not reach winmatch.
func TestWinmatchIsSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/winmatch").Output()
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(string(out))
	if !slices.Contains(list, module+"/internal/cli") {
		t.Fatalf("go list -deps lists %d packages, not the command line", len(list))
	}
	for _, p := range list {
		if strings.HasPrefix(p, "k8s.io/") || strings.HasPrefix(p, "sigs.k8s.io/") || p == module+"/kube" {
			t.Errorf("winmatch links %s", p)
		}
	}
}
