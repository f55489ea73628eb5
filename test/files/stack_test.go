//go:build realparts

package files_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/test/parts"
)

type stackQuestion struct {
	Files []string
	Env   map[string]string
}

type stackService struct {
	Name, Image, Isolation, Mode string
	Replicas, MaxPerNode         int
	Constraints                  []string
	NanoCPUs, Memory             int64
}

// TestStackOracle asks the reader of docker stack deploy about many made stacks,
// of one to three files: what it takes must be read the same here, and what is
// refused here it must refuse too. It refuses more: options that do not matter
// here are not looked at.
func TestStackOracle(t *testing.T) {
	exe := filepath.Join(parts.Cache(t), "bin", "oracle-stack")
	parts.Go(t, filepath.Join("test", "oracle", "stack"), nil, "build", "-trimpath", "-o", exe, ".")
	list := madeStacks(2500)
	var in bytes.Buffer
	for _, q := range list {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(exe)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	taken, refused, more := 0, 0, 0
	why := map[string]int{}
	for _, q := range list {
		if !lines.Scan() {
			t.Fatalf("no answer for %+v: %v", q, lines.Err())
		}
		var a struct {
			Services []stackService
			Error    string
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		var inputs []files.Input
		for i, text := range q.Files {
			inputs = append(inputs, files.Input{Path: fmt.Sprintf("%d.yaml", i), Src: []byte(text)})
		}
		s, err := files.ReadStack(inputs, func(name string) (string, bool) { v, ok := q.Env[name]; return v, ok })
		show := func(format string, args ...any) {
			t.Errorf(format+"\n%s\nenvironment %v", append(args, strings.Join(q.Files, "\n---- next file\n"), q.Env)...)
		}
		var own *files.Error
		switch {
		case err != nil && !errors.As(err, &own):
			t.Fatal(err)
		case err != nil && a.Error == "":
			show("refused here: %v", err)
		case err != nil:
			refused++
			why[own.Reason[:min(len(own.Reason), 40)]]++
		case a.Error != "":
			more++
			t.Logf("refused there: %s\n%s", a.Error, strings.Join(q.Files, "\n----\n"))
		default:
			var got []stackService
			for _, v := range s.Services {
				got = append(got, stackService{v.Name, v.Image, v.Isolation, v.Mode, v.Replicas, v.MaxPerNode, v.Constraints, v.NanoCPUs, v.Memory})
			}
			if taken++; !reflect.DeepEqual(got, a.Services) {
				show("read as\n%+v\nwant\n%+v", got, a.Services)
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("refused: %v", why)
	t.Logf("%d read the same, %d refused by both, %d there alone", taken, refused, more)
	if taken < 1200 || refused < 300 || more > 10 {
		t.Errorf("%d read the same, %d refused by both, %d there alone", taken, refused, more)
	}
}

// madeStacks makes stacks, with whatever goes wrong in them now and then.
func madeStacks(n int) []stackQuestion {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	rare := func(list ...string) string {
		if r.IntN(80) > 0 {
			return ""
		}
		return pick(list...)
	}
	text := func() string {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			b.WriteString(pick("a", "b-c", "$$", "$A", "${A}", "$E", "$U", "${E}", "${A-d}", "${U-d}", "${E-d}", "${E:-d}", "${U:-}", "$A-x", "$U:-y z", "_", ".", "${a_1:-n}", "${A:?m}", "${A?m-n}", "${U:-${A}}", "${U?a:-b}"))
			b.WriteString(rare("$", "${", "}", "$5", "${U:?no}", "${U?no}", "${A:+b}", "${U:?no}$A", "${}"))
		}
		return b.String()
	}
	constraint := func() string {
		return pick("node.role==worker", `"node.labels.OS == ${A}"`, "'node.hostname!=$U'", "node.labels.x==a b", `"`+strings.ReplaceAll(text(), `"`, "")+`"`) + rare("", " # x")
	}
	service := func(name string) string {
		var b strings.Builder
		line := func(format string, args ...any) { fmt.Fprintf(&b, "    "+format+"\n", args...) }
		fmt.Fprintf(&b, "  %s:\n", name)
		if s := pick("", "", "<<: *a", "<<: [*a, *b]"); s != "" {
			line("%s", s)
		}
		switch r.IntN(40) {
		case 0:
		case 1, 2, 3, 4, 5:
			line("image: x%s", text())
		default:
			line("image: %s", pick("a.example/a:1", "a.example/b:${A}", "'${U:-mcr.microsoft.com/windows/nanoserver:ltsc2022}'", "nginx", `"b:$E"`))
		}
		line("stdin_open: true")
		if s := rare("extends: {service: t}", "build: .", "platform: windows/amd64", "mem_limit: 1g", "profiles: [a]", "restart: always", "image: again", "cpuset: a", "x-own: 1", "environment: {A: '$'}", "command: [a, '${U:?x}']", "init: true"); s != "" {
			line("%s", s)
		}
		if s := pick("", "", "isolation: hyperv", "isolation: ${U:-process}", "isolation: '$E'", "isolation: default"); s != "" {
			line("%s", s)
		}
		line("%s", rare("isolation: true", "isolation: 5", "isolation: ~", "isolation: [a]"))
		if r.IntN(5) == 0 {
			return b.String() + rare("    deploy:\n", "    deploy: ~\n", "    deploy: a\n")
		}
		line("deploy:")
		line("  labels: {a: b}")
		if s := pick("", "", "replicas: 3", `replicas: "${N}"`, "replicas: ${U:-2}", "replicas: 0"); s != "" {
			line("  %s", s)
		}
		line("  %s", rare("replicas: '3'", "replicas: x", "replicas: -1", "replicas: 1.5", "replicas: $A", "replicas: 0x10", "replicas: ~"))
		if s := pick("", "", "", "mode: replicated", "mode: ${E}", "mode: replicated-job"); s != "" {
			line("  %s", s)
		}
		line("  %s", rare("mode: global", "mode: global-job", "mode: Global", "mode: 1", "mode: other", "colour: red"))
		switch r.IntN(4) {
		case 0:
		case 1:
			line("  placement: {constraints: [node.role==manager], max_replicas_per_node: %s}", pick("2", "'${N}'", "0"))
		default:
			line("  placement:")
			line("    constraints:%s", rare("", " a", " ~", " [[a]]", " [1]", " [true]"))
			for range 1 + r.IntN(2) {
				line("    - %s", constraint())
			}
			line("    %s", rare("colour: red", "max_replicas_per_node: '1'", "max_replicas_per_node: 4"))
			line("    preferences: [{spread: node.labels.x}]")
		}
		if r.IntN(2) == 0 {
			line("  resources:")
			line("    limits: {memory: 5G}")
			line("    reservations:")
			line("      cpus: %s", pick("'0.5'", "'2'", "'${N}'", "''"))
			line("      memory: %s", pick("50M", "1.5 GiB", "'100'", "2gb", "7b", "${N}k", "0.1TB"))
			line("      %s", rare("cpus: 0.5", "memory: 5X", "memory: 5mm", "cpus: '0.0000000001'", "memory: five"))
		}
		return b.String()
	}
	list := make([]stackQuestion, n)
	for i := range list {
		q := stackQuestion{Env: map[string]string{"A": "v", "E": "", "a_1": "w", "N": pick("2", "3", "10") + rare("x")}}
		version := pick("", "version: '3'\n", "version: \"3.8\"\n", "version: '3.13'\n", "version: ''\n", "", "version: '3.9'\n") + rare("version: '3.5'\n", "version: '3.4'\n")
		for range 1 + r.IntN(3) {
			var b strings.Builder
			b.WriteString(version + rare("version: '2.4'\n", "version: '3.99'\n", "name: n\n", "include: [a]\n", "version: 3.7\n"))
			b.WriteString("x-a: &a\n  isolation: hyperv\n  image: merged:1\nx-b: &b\n  image: b\n  deploy: {replicas: 4, placement: {constraints: [node.role==worker]}}\n")
			b.WriteString("networks: {}\n")
			if r.IntN(20) > 0 {
				b.WriteString("services:" + rare("", " ~", " []") + "\n")
				for _, name := range []string{"s0", "s-2", "s.1"}[:1+r.IntN(2)+r.IntN(9)/8] {
					b.WriteString(service(name))
				}
				b.WriteString(rare("  'a b':\n    image: x\n", "  s0: ~\n", "  1:\n    image: x\n", "  n: x\n"))
			}
			q.Files = append(q.Files, b.String())
		}
		q.Files[0] += rare("---\nservices: {late: {image: x}}\n")
		list[i] = q
	}
	return list
}
