package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// goals of scan.
const (
	goalScan  = 2 * time.Second // for manyFiles
	goalFlat  = 1.1             // the memory for manyFiles, beside that for a tenth of them
	manyFiles = 10_000
	runsScan  = 5
)

// kubernetesVersion is whose API descriptions kubeconform's schemas are made of.
const kubernetesVersion = "v1.37.2"

// manifests are the folders of test/files whose files are whole, well-formed
// manifests: what the peers can read.
var manifests = []string{"k8s-selectors", "k8s-runtimeclass", "k8s-seed", "k8s-workloads", "k8s-hostprocess"}

// scanRows measures scan of files of all kinds, and of the manifests among them
// beside programs that read manifests.
func scanRows(p programs, dir string, env []string) ([]row, error) {
	repositories := filepath.Join(p.root, "test", "files", "testdata")
	all, err := list(repositories)
	if err != nil {
		return nil, err
	}
	many, few, some := filepath.Join(dir, "files"), filepath.Join(dir, "fewer"), filepath.Join(dir, "manifests")
	if err := multiply(many, repositories, all, manyFiles); err != nil {
		return nil, err
	}
	if err := multiply(few, repositories, all, manyFiles/10); err != nil {
		return nil, err
	}
	kube := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		folder, _, _ := strings.Cut(name, "/")
		return !slices.Contains(manifests, folder) || filepath.Ext(name) != ".yaml"
	})
	n := manyFiles * len(kube) / len(all)
	if err := multiply(some, repositories, kube, n); err != nil {
		return nil, err
	}
	schemas := filepath.Join(dir, "schemas")
	if err := writeSchemas(schemas); err != nil {
		return nil, err
	}

	fmt.Fprintf(os.Stderr, "scan of %d files, of %d manifests: %d runs of each side\n", manyFiles, n, runsScan)
	scan := func(folder string) task {
		return task{env: env, quiet: true, args: []string{p.winmatch, "scan", "-q", "--config", "none", "--host", "ws2022", folder}}
	}
	score := task{env: env, quiet: true, args: []string{p.kubeScore, "score", "-o", "ci", "--all-default-optional=false"}}
	names, err := list(some)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		score.args = append(score.args, filepath.Join(some, name))
	}
	conform := task{env: env, quiet: true, args: []string{p.kubeconform, "-n", "2", "-ignore-missing-schemas", "-schema-location", filepath.Join(schemas, "{{.ResourceKind}}{{.KindSuffix}}.json"), some}}
	m, err := alternate(runsScan, scan(many), scan(some), conform, score)
	if err != nil {
		return nil, err
	}
	memory := make([]int64, 5)
	for i, t := range []task{scan(few), scan(many), scan(some), conform, score} {
		if memory[i], err = t.memory(); err != nil {
			return nil, err
		}
	}
	flat := float64(memory[1]) / float64(memory[0])
	return []row{
		{fmt.Sprintf("scan of %d files of all kinds", manyFiles), ms(m[0]), "", "", "", fmt.Sprintf("< %.0f ms", float64(goalScan)/1e6), verdict(m[0] < goalScan)},
		{"  memory at most", mb(memory[1]), fmt.Sprintf("the same of %d files", manyFiles/10), mb(memory[0]), fmt.Sprintf("%.3g ×", flat), fmt.Sprintf("≤ %g ×", goalFlat), verdict(flat <= goalFlat)},
		compared(fmt.Sprintf("scan of the %d manifests among them", n), ms(m[1]), "kubeconform, against local schemas", ms(m[2]), ratio(m[1], m[2]), 0),
		compared("", ms(m[1]), "kube-score, its own rules", ms(m[3]), ratio(m[1], m[3]), 0),
		{"  memory at most", mb(memory[2]), "kubeconform, kube-score", mb(memory[3]) + ", " + mb(memory[4])},
	}, nil
}

// list are the files below a folder, by their paths from it.
func list(folder string) (names []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, e := filepath.Rel(folder, path)
			names, err = append(names, filepath.ToSlash(rel)), e
		}
		return err
	})
	return names, err
}

// multiply fills a folder with n files: copies of the files of another one, each
// of all of them in a folder of its own.
func multiply(to, from string, names []string, n int) error {
	for i := range n {
		name := filepath.FromSlash(names[i%len(names)])
		src, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		file := filepath.Join(to, fmt.Sprintf("%03d", i/len(names)), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, src, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// memory runs a task and returns the most memory that it had, in bytes.
func (t task) memory() (int64, error) {
	cmd := exec.Command(t.args[0], t.args[1:]...)
	cmd.Env = t.env
	lowerPeak()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return maxRSS(cmd.ProcessState), nil
}

// writeSchemas makes JSON schemas, a file a kind as kubeconform wants them, of
// the descriptions of its API that Kubernetes publishes: its own source of
// schemas is on a network.
func writeSchemas(dir string) error {
	out, err := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes@"+kubernetesVersion).Output()
	if err != nil {
		return fmt.Errorf("go mod download k8s.io/kubernetes: %w\n%s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return err
	}
	var api struct{ Definitions map[string]map[string]any }
	if err := json.Unmarshal(text, &api); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	// What is described as text may also be a number.
	api.Definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] = []string{"string", "integer"}
	api.Definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"] = []string{"string", "number"}
	for name, d := range api.Definitions {
		delete(d, "format")
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue
		}
		k, _ := kinds[0].(map[string]any)
		suffix := ""
		if group, _ := k["group"].(string); group != "" {
			group, _, _ = strings.Cut(group, ".")
			suffix = "-" + group
		}
		needed := map[string]any{}
		need(api.Definitions, d, needed)
		schema, err := json.Marshal(map[string]any{"$ref": "#/definitions/" + name, "definitions": with(needed, name, d)})
		if err != nil {
			return err
		}
		file := strings.ToLower(fmt.Sprint(k["kind"], suffix, "-", k["version"])) + ".json"
		if err := os.WriteFile(filepath.Join(dir, file), schema, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func with(m map[string]any, name string, v any) map[string]any {
	m[name] = v
	return m
}

// need collects the definitions that a schema refers to.
func need(all map[string]map[string]any, schema any, needed map[string]any) {
	switch s := schema.(type) {
	case map[string]any:
		if ref, ok := s["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/definitions/")
			if needed[name] == nil && all[name] != nil {
				needed[name] = all[name]
				need(all, all[name], needed)
			}
		}
		for _, v := range s {
			need(all, v, needed)
		}
	case []any:
		for _, v := range s {
			need(all, v, needed)
		}
	}
}
