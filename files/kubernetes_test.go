package files_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/winver"
)

// cluster are hosts of three builds.
func cluster(t testing.TB) []winver.Host {
	t.Helper()
	var hosts []winver.Host
	for _, name := range []string{"ws2019", "ws2022", "ws2025"} {
		h, err := winver.ParseHost(facts.Embedded(), name)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// manifest is a Deployment for a pod's spec.
func manifest(spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    spec:\n      " +
		strings.ReplaceAll(spec, "\n", "\n      ") + "\n"
}

const ltsc2022 = "containers:\n- name: a\n  image: mcr.microsoft.com/windows/nanoserver:ltsc2022"

// required is an affinity with terms of expressions: key operator value,value;
// a semicolon between expressions, a bar between terms.
func required(terms string) string {
	text := "affinity:\n  nodeAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n      nodeSelectorTerms:\n"
	for term := range strings.SplitSeq(terms, "|") {
		text += "      - matchExpressions:\n"
		for e := range strings.SplitSeq(term, ";") {
			f := strings.Fields(e)
			text += "        - key: " + f[0] + "\n          operator: " + f[1] + "\n"
			if len(f) > 2 {
				text += "          values: [\"" + strings.ReplaceAll(f[2], ",", "\", \"") + "\"]\n"
			}
		}
	}
	return text
}

// TestPlacement holds which builds a selector admits, by what is found.
func TestPlacement(t *testing.T) {
	const b = "node.kubernetes.io/windows-build "
	for _, tt := range []struct{ name, affinity, alone, inCluster string }{
		{"none", "kubernetes.io/os In windows", "", "placement-too-wide"},
		{"right", b + "In 10.0.20348", "", ""},
		{"newer", b + "In 10.0.26100", "", ""},
		{"both", b + "In 10.0.20348,10.0.26100", "", ""},
		{"wrong", b + "In 10.0.17763", "placement-contradicts-image", "placement-contradicts-image"},
		{"one wrong", b + "In 10.0.17763,10.0.20348", "placement-too-wide", "placement-too-wide"},
		{"not", b + "NotIn 10.0.17763", "", ""},
		{"not the right one", b + "NotIn 10.0.20348", "", "placement-too-wide"},
		{"none of them", b + "NotIn 10.0.20348,10.0.25398,10.0.26100", "placement-contradicts-image", "placement-contradicts-image"},
		{"any", b + "Exists", "", "placement-too-wide"},
		{"no Windows", b + "DoesNotExist", "placement-contradicts-image", "placement-contradicts-image"},
		{"compared as numbers", b + "Gt 10.0.17763", "placement-contradicts-image", "placement-contradicts-image"},
		{"two expressions", b + "In 10.0.17763,10.0.20348;" + b + "NotIn 10.0.17763", "", ""},
		{"two terms", b + "In 10.0.26100|" + b + "In 10.0.20348", "", ""},
		{"a wrong term", b + "In 10.0.17763|" + b + "In 10.0.20348", "placement-too-wide", "placement-too-wide"},
		{"a term that says nothing", "kubernetes.io/os In windows|" + b + "In 10.0.20348", "", "placement-too-wide"},
		{"a label that may say it", "kubernetes.io/os In windows;agentpool In win22", "", ""},
		{"a label that may say it, beside a wrong one", b + "In 10.0.17763;agentpool In win22", "placement-contradicts-image", "placement-contradicts-image"},
	} {
		for want, hosts := range map[string][]winver.Host{tt.alone: nil, tt.inCluster: cluster(t)} {
			if tt.alone == tt.inCluster && hosts == nil {
				continue // of two equal keys of the map one is here
			}
			src := manifest(ltsc2022 + "\nnodeSelector: {kubernetes.io/os: windows}\n" + required(tt.affinity))
			s := files.Scanner{Facts: facts.Embedded(), Today: facts.Embedded().AsOf, Hosts: hosts}
			r := s.Scan("a.yaml", []byte(src))
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.Rule)
			}
			if r.Err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s, %d hosts: %v %v, want %q", tt.name, len(hosts), got, r.Err, want)
			}
		}
	}
}

// seedManifests are the manifests of the repositories under test.
func seedManifests(f testing.TB) [][]byte {
	f.Helper()
	paths, err := filepath.Glob("../test/files/testdata/k8s-*/*.yaml")
	if err != nil || len(paths) < 40 {
		f.Fatal(len(paths), err)
	}
	var list [][]byte
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, src)
	}
	return list
}

// FuzzKubernetes mends a manifest and holds that the result is YAML to
// go.yaml.in/yaml if it was before, that anchors and a byte order mark are there
// still, and that a second run changes nothing.
func FuzzKubernetes(f *testing.F) {
	for _, src := range seedManifests(f) {
		f.Add(src, true)
		f.Add(src, false)
	}
	hosts := cluster(f)
	f.Fuzz(func(t *testing.T, src []byte, several bool) {
		if len(src) > 8<<10 {
			return
		}
		s := files.Scanner{Facts: facts.Embedded(), Today: facts.Embedded().AsOf, Kind: "kubernetes", Fix: true, Hosts: hosts[:1]}
		if several {
			s.Hosts = hosts
		}
		r := s.Scan("a.yaml", src)
		if r.Err != nil {
			if r.Err.Reason == "" || r.After != nil {
				t.Fatalf("%q: %v", src, r.Err)
			}
			return
		}
		if r.After == nil {
			return
		}
		if loads(src) && !loads(r.After) {
			t.Fatalf("%q\nbecame what is no YAML:\n%q", src, r.After)
		}
		if anchors(r.After) < anchors(src) || bytes.HasPrefix(src, []byte("\ufeff")) != bytes.HasPrefix(r.After, []byte("\ufeff")) {
			t.Fatalf("%q\nlost an anchor or a byte order mark:\n%q", src, r.After)
		}
		if again := s.Scan("a.yaml", r.After); again.After != nil {
			t.Fatalf("%q\nbecame\n%q\nand then\n%q", src, r.After, again.After)
		}
	})
}

// anchors counts the nodes with an anchor; an & may stand in a text, too.
func anchors(src []byte) (n int) {
	f, err := yamledit.Parse(src)
	if err != nil {
		return 0
	}
	var count func(list []*yamledit.Node)
	count = func(list []*yamledit.Node) {
		for _, node := range list {
			if node.Anchor != "" {
				n++
			}
			count(node.Content)
		}
	}
	count(f.Docs)
	return n
}

func loads(src []byte) bool {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	for err == nil {
		var n yaml.Node
		err = loader.Load(&n)
	}
	return errors.Is(err, io.EOF)
}

// BenchmarkManifest is a manifest without Windows, and one with.
func BenchmarkManifest(b *testing.B) {
	linux := []byte(strings.ReplaceAll(manifest(ltsc2022+"\n"+required("kubernetes.io/os In linux")), "mcr.microsoft.com/windows/nanoserver:ltsc2022", "nginx:1.27"))
	for name, src := range map[string][]byte{"linux": linux, "windows": []byte(manifest(ltsc2022))} {
		b.Run(name, func(b *testing.B) {
			s := files.Scanner{Facts: facts.Embedded(), Today: facts.Embedded().AsOf}
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				s.Scan("a.yaml", src)
			}
		})
	}
}
