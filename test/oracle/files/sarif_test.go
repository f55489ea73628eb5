package files_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	_ "github.com/securego/gosec/v2/report/sarif" // its module has the schema
)

// sarifSchema is the schema of SARIF 2.1.0.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/securego/gosec/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "report/sarif/testdata/sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	const name = "sarif.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestKubeSARIF holds what kube doctor writes, whose golden files are the
// renderer's, against the schema.
func TestKubeSARIF(t *testing.T) {
	files, err := filepath.Glob("../../../internal/render/testdata/kube-doctor-*.sarif")
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	schema := sarifSchema(t)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSARIF holds what scan -o sarif writes against the schema.
func TestSARIF(t *testing.T) {
	schema := sarifSchema(t)
	program := filepath.Join(t.TempDir(), "winmatch")
	build := exec.Command("go", "build", "-o", program, "./cmd/winmatch")
	build.Dir = "../../.." // a module of its own
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	repos, err := filepath.Glob("../../files/testdata/*")
	if err != nil || len(repos) < 10 {
		t.Fatalf("%d repositories, %v", len(repos), err)
	}
	results := 0
	for _, repo := range repos {
		cmd := exec.Command(program, "scan", "-q", "-v", "-o", "sarif", "--host", "ws2022")
		cmd.Dir = repo
		out, _ := cmd.Output() // findings and broken files set the exit code
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%s: %v", repo, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", repo, err)
		}
		results += bytes.Count(out, []byte(`"ruleId"`))
	}
	if results < 20 {
		t.Errorf("%d results only", results)
	}
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{}]}`))
	if err != nil || schema.Validate(bad) == nil {
		t.Error("the schema holds nothing")
	}
}
