//go:build realparts

// Package faults_test puts every fault there is between the real winmatch and
// a real registry, and holds what the user sees, how long it takes, how much
// memory it needs, that nothing is lost and that no credential goes where it
// does not belong. docs/faults.md is the table; -update writes it.
package faults_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/winmatch/winmatch/test/parts"
)

var update = flag.Bool("update", false, "write docs/faults.md")

// Bounds on any run: the program gives a request 30 s, and the machine of the
// tests may be a busy one.
const (
	maxTime   = 60 * time.Second
	maxMemory = 64 << 20
)

// verbs are those that read a registry, and how they are called.
var verbs = []struct {
	name string
	args []string // before the reference
}{
	{"check", []string{"check", "--host", "10.0.20348.3207", "--runtime", "docker"}},
	{"image", []string{"image", "--host", "10.0.20348.3207"}},
	{"tag", []string{"tag", "--host", "10.0.20348.3207"}},
	{"index repair", []string{"index", "repair", "--apply"}},
}

const repair = "index repair"

// A place is a registry as one run of winmatch reaches it.
type place struct {
	addr string
	env  []string
	heal func() // takes the fault away
}

// A fault is one row of the table.
type fault struct {
	group, name string
	at          func(t *testing.T) place
	verbs       []string // nil: all
}

// outcome is what one run came to.
type outcome struct {
	fault, verb string
	said        string // on standard error, or the end of standard output
	lost        string // what became of the index
	code        int
	took        time.Duration
	memory      int64
}

// secrets are what no other host and no log may see.
var secrets = []string{
	parts.Password, base64.StdEncoding.EncodeToString([]byte(parts.User + ":" + parts.Password)), bearer, signature,
}

func TestMain(m *testing.M) {
	if os.Getenv("WINMATCH_MEASURE") != "" {
		os.Exit(measure())
	}
	flag.Parse()
	os.Exit(m.Run())
}

// measure runs a program and writes the memory that it had at most to
// descriptor 3. A process starts with the figure of the one that it was forked
// from, so the test, which may be large, forks itself, small, in between.
func measure() int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	fmt.Fprint(os.NewFile(3, "figure"), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	return cmd.ProcessState.ExitCode()
}

// run starts winmatch and measures it.
func run(t *testing.T, program string, env []string, args ...string) (stdout, stderr string, o outcome) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out, errs bytes.Buffer
	cmd := exec.Command(self, append([]string{program}, args...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "DOCKER_") || strings.HasPrefix(s, "SSL_CERT") || strings.HasPrefix(strings.ToUpper(s), "HTTP")
	}), append(env, "WINMATCH_MEASURE=1")...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &errs, []*os.File{w}
	begin := time.Now()
	err = cmd.Run()
	w.Close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	o.took, o.code = time.Since(begin), cmd.ProcessState.ExitCode()
	if _, err := fmt.Fscan(r, &o.memory); err != nil {
		t.Errorf("winmatch %v: no figure for its memory: %v\n%s", args, err, errs.Bytes())
	}
	return out.String(), errs.String(), o
}

// TestFaults runs every verb against every fault, nearly all at the same time,
// which is mostly waiting.
func TestFaults(t *testing.T) {
	w := parts.Build(t)
	var list []fault
	list = append(list, networkFaults(t)...)
	hostile, others := hostileFaults(t)
	list = append(list, hostile...)

	results := make([][]outcome, len(list))
	var jobs []func()
	for i, f := range list {
		results[i] = make([]outcome, len(verbs))
		for j, v := range verbs {
			if f.verbs != nil && !slices.Contains(f.verbs, v.name) {
				continue
			}
			repo := "read/app" // what only reads may share one
			if v.name == repair {
				repo = fmt.Sprintf("f%d/app", i)
			}
			jobs = append(jobs, func() { results[i][j] = f.meet(t, w.Program, repo, v.name, v.args) })
		}
	}
	together(jobs)
	for _, o := range others {
		o.check(t)
	}
	compare(t, table(list, results))
}

// together does six jobs at a time, those not counted that have run for 2 s: by
// then they only wait.
func together(jobs []func()) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 6)
	for _, job := range jobs {
		slots <- struct{}{}
		wg.Go(func() {
			free := time.AfterFunc(2*time.Second, func() { <-slots })
			defer func() {
				if free.Stop() {
					<-slots
				}
			}()
			job()
		})
	}
	wg.Wait()
}

// TestCuts cuts every connection after so many bytes, from the TLS handshake to
// the answer to the push: the index is the one before or the repaired one.
func TestCuts(t *testing.T) {
	w := parts.Build(t)
	back = parts.NewRegistry(t, true)
	proxy := startProxy(t)
	var jobs []func()
	var mu sync.Mutex
	states := map[string]int{}
	cut := func(stream string, bytes int) {
		f := fault{name: fmt.Sprintf("cut after %d bytes %s", bytes, stream), at: func(t *testing.T) place {
			addr, heal := proxy.before(t, back.Addr, []toxin{{"limit_data", stream, object{"bytes": bytes}}})
			return place{addr, []string{"SSL_CERT_FILE=" + back.CA, "DOCKER_CONFIG=" + parts.Login(t, addr, parts.Password)}, heal}
		}}
		jobs = append(jobs, func() {
			o := f.meet(t, w.Program, fmt.Sprintf("cut/%s%d", stream, bytes), repair, verbs[3].args)
			mu.Lock()
			defer mu.Unlock()
			states[fmt.Sprintf("exit %d, %s", o.code, o.lost)]++
		})
	}
	for n := 200; n <= 7000; n += 400 {
		cut("upstream", n)
		cut("downstream", n)
	}
	together(jobs)
	t.Log(states)
	for _, must := range []string{"exit 0, repaired", "exit 2, as it was"} {
		if states[must] == 0 {
			t.Errorf("no cut came to %q: %v", must, states)
		}
	}
}

// meet lets one verb meet a fault.
func (f *fault) meet(t *testing.T, program, repo, verb string, args []string) outcome {
	seed(t, repo)
	p := f.at(t)
	target := p.addr + "/" + repo
	if verb != "tag" {
		target += ":1"
	}
	args = append(slices.Clone(args), "-v", target)
	stdout, stderr, o := run(t, program, p.env, args...)
	o.fault, o.verb = f.name, verb
	where := f.name + ", " + verb
	for _, s := range secrets {
		if strings.Contains(stdout+stderr, s) {
			t.Errorf("%s: it prints a credential:\n%s%s", where, stdout, stderr)
		}
	}
	if i := strings.IndexFunc(stdout+stderr, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }); i >= 0 {
		t.Errorf("%s: it prints control characters: %q", where, stdout+stderr)
	}
	if o.took > maxTime {
		t.Errorf("%s: took %v", where, o.took)
	}
	if o.memory > maxMemory {
		t.Errorf("%s: took %d MiB", where, o.memory>>20)
	}
	if o.code == 2 && !strings.HasPrefix(stderr, "winmatch: ") || o.code > 3 || o.code < 0 {
		t.Errorf("%s: exit %d, and standard error is\n%s", where, o.code, stderr)
	}
	o.said = said(stdout, stderr, o.code)
	if verb == repair {
		o.lost = f.again(t, program, repo, where, p, args, o.said == "done")
	}
	return o
}

// again looks what became of the index, takes the fault away and repairs again.
func (f *fault) again(t *testing.T, program, repo, where string, p place, args []string, done bool) string {
	was, want := seed(t, repo)
	now := stored(t, repo)
	state := "as it was"
	switch {
	case bytes.Equal(now, want) && !bytes.Equal(now, was):
		state = "repaired"
	case !bytes.Equal(now, was):
		t.Errorf("%s: the index is neither the one before nor the repaired one:\n%s", where, now)
		state = "LOST"
	case done:
		t.Errorf("%s: it says that it is done, and the index is as it was", where)
	}
	p.heal()
	stdout, stderr, second := run(t, program, p.env, args...)
	if now := stored(t, repo); second.code != 0 || !bytes.Equal(now, want) {
		t.Errorf("%s: the second run: exit %d\n%s%s\nthe index:\n%s", where, second.code, stdout, stderr, now)
	}
	return state
}

var (
	address = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	sha     = regexp.MustCompile(`sha256[:-][0-9a-f]{64}`)
	repos   = regexp.MustCompile(`(f[0-9]+|read)/app`)
)

// said is the first thing that the user reads, without what differs from run
// to run.
func said(stdout, stderr string, code int) string {
	text := strings.TrimSpace(stderr)
	if text == "" {
		text = strings.TrimSpace(stdout)
		if code == 0 && strings.HasSuffix(text, "\ndone") {
			text = "done"
		}
	}
	lines := strings.Split(text, "\n")
	text = strings.TrimPrefix(lines[0], "winmatch: ")
	if len(lines) > 1 && strings.HasPrefix(lines[1], "winmatch: hint: ") {
		text += "<br>" + strings.TrimPrefix(lines[1], "winmatch: ")
	}
	named.Range(func(addr, name any) bool {
		text = strings.ReplaceAll(text, addr.(string), name.(string))
		return true
	})
	text = address.ReplaceAllString(text, "REGISTRY")
	text = sha.ReplaceAllString(text, "sha256:…")
	return repos.ReplaceAllString(text, "APP")
}

// table renders docs/faults.md: the outcomes of a fault that are the same in
// one row.
func table(list []fault, results [][]outcome) string {
	var b strings.Builder
	b.WriteString(head)
	group := ""
	for i, f := range list {
		if f.group != group {
			group = f.group
			fmt.Fprintf(&b, "\n## %s\n\n| fault | verb | exit | what the user saw | index | time | memory |\n|---|---|---|---|---|---|---|\n", group)
		}
		name, done := f.name, map[int]bool{}
		for j := range results[i] {
			o := &results[i][j]
			if o.verb == "" || done[j] {
				continue
			}
			row, same := *o, []string{o.verb}
			for k := j + 1; k < len(results[i]); k++ {
				if p := &results[i][k]; p.verb != "" && p.code == o.code && p.said == o.said {
					same, done[k] = append(same, p.verb), true
					row.took, row.memory = max(row.took, p.took), max(row.memory, p.memory)
					row.lost += p.lost
				}
			}
			if row.lost == "" {
				row.lost = "-"
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %s | %s | %d s | %d MB |\n", name, strings.Join(same, ", "), row.code,
				strings.ReplaceAll(row.said, "|", `\|`), row.lost, int(row.took.Round(time.Second).Seconds()), row.memory/1e6)
			name = ""
		}
	}
	return b.String()
}

// figures are the last two columns, which differ from run to run.
var figures = regexp.MustCompile(`\| [0-9]+ s \| [0-9]+ MB \|`)

// compare holds the table against the one in docs, but for its figures.
func compare(t *testing.T, got string) {
	t.Helper()
	file := filepath.Join(parts.Root, "docs", "faults.md")
	t.Log("\n" + got)
	if *update {
		parts.Write(t, file, got)
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := func(s string) []string { return strings.Split(figures.ReplaceAllString(s, "|"), "\n") }
	have, want := lines(got), lines(string(b))
	for _, l := range have {
		if !slices.Contains(want, l) {
			t.Errorf("not in %s (go test -tags realparts ./test/faults -update):\n%s", filepath.Base(file), l)
		}
	}
	for _, l := range want {
		if !slices.Contains(have, l) {
			t.Errorf("only in %s:\n%s", filepath.Base(file), l)
		}
	}
}

const head = `# Faults

What stands between winmatch and a registry, and what the user sees of it. The registry is Debian's docker-registry; the first group of faults is put in its way by toxiproxy, the others by a server before it that answers badly on purpose. Made by ` + "`go test -tags realparts ./test/faults -update`" + `; the same test holds all but time and memory against every run.

In each run the index lacks ` + "`os.version`" + `, so that ` + "`check`" + ` and ` + "`image`" + ` also read manifests and configs. Column "index": what became of it at the registry, by ` + "`index repair --apply`" + `; a second run, without the fault, always completed. What no run may do, and none did: take more than 60 s or 64 MiB, print a credential (all ran with ` + "`-v`" + `), or send one to another host.
`

type seeded struct {
	once      sync.Once
	was, want []byte
}

var (
	seedsMu sync.Mutex
	seeds   = map[string]*seeded{}
	back    *parts.Registry // the registry itself, past any fault
)

// seed puts an index without os.version into a repository, once, and returns it
// and the right one.
func seed(t *testing.T, repo string) (was, want []byte) {
	t.Helper()
	seedsMu.Lock()
	s := seeds[repo]
	if s == nil {
		s = &seeded{}
		seeds[repo] = s
	}
	seedsMu.Unlock()
	s.once.Do(func() {
		back.Push(t, repo, "1", parts.OCI, []parts.Kid{parts.Windows("", "10.0.20348.3207"), {OS: "linux"}})
		s.was = stored(t, repo)
		s.want = bytes.Replace(s.was, []byte(`"os":"windows"`), []byte(`"os":"windows","os.version":"10.0.20348.3207"`), 1)
	})
	return s.was, s.want
}

// stored is the index that the registry has under the tag.
func stored(t *testing.T, repo string) []byte {
	t.Helper()
	return back.Get(t, "/v2/"+repo+"/manifests/1", parts.OCI[0])
}
