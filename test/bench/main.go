// Command bench measures winmatch beside its peers, both sides in turn in the
// same run, and prints one table. Only the ratios hold from machine to machine.
// Everything is asked of a registry inside this program, of Docker engines and of
// a Kubernetes control plane, on the loopback interface, and the program ends by
// itself after some minutes.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// goals of the project: ours may take at most this times the peer's.
const (
	goalStart   = 2
	goalOne     = 0.5
	goalMany    = 0.05
	goalVerdict = 1
	goalSize    = 15 << 20
)

// runs of each side.
const (
	runsStart = 40
	runsOne   = 40
	runsMany  = 5
	loop      = 50 // of the 1,000 references, one by one
)

var flags = []string{"build", "-trimpath", "-ldflags", "-s -w"}

func main() {
	testing.Init()
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A row of the table, as text.
type row [7]string

// compared is a row of two figures and their ratio; a limit of 0 is no goal.
func compared(what, ours, peer, theirs string, ratio, limit float64) row {
	r := row{what, ours, peer, theirs, fmt.Sprintf("%.3g ×", ratio)}
	if limit != 0 {
		r[5], r[6] = fmt.Sprintf("≤ %g ×", limit), verdict(ratio <= limit)
	}
	return r
}

// counted is a row of two counts, of which ours has a limit.
func counted(what string, ours, theirs, limit int64) row {
	return row{what, fmt.Sprint(ours), "", fmt.Sprint(theirs), "", fmt.Sprintf("≤ %d", limit), verdict(ours <= limit)}
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}

func run() error {
	dir, err := os.MkdirTemp("", "winmatch-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := build(dir)
	if err != nil {
		return err
	}
	reg, err := serve()
	if err != nil {
		return err
	}
	defer reg.Close()
	env := append(os.Environ(), "DOCKER_CONFIG="+dir, "NO_PROXY=*")

	var rows []row
	note := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

	note("start: %d runs of each side", runsStart)
	m, err := alternate(runsStart,
		task{env: env, args: []string{p.winmatch, "check", "--offline", "--host", "ws2022", "mcr.microsoft.com/windows/servercore:ltsc2022"}},
		task{env: env, args: []string{p.empty}},
		task{env: env, args: []string{p.crane, "version"}})
	if err != nil {
		return err
	}
	rows = append(rows,
		compared("start: check --offline", ms(m[0]), "an empty Go program", ms(m[1]), ratio(m[0], m[1]), goalStart),
		compared("", ms(m[0]), "crane version", ms(m[2]), ratio(m[0], m[2]), 0))

	note("one index: %d runs of each side", runsOne)
	one := reg.refs[0]
	check := task{env: env, args: []string{p.winmatch, "check", "--insecure", "--host", "10.0.20348.2227", one}}
	config := task{env: env, args: []string{p.crane, "config", "--insecure", "--platform", "windows/amd64", one}}
	oursRequests, err := reg.requests(check)
	if err != nil {
		return err
	}
	theirRequests, err := reg.requests(config)
	if err != nil {
		return err
	}
	if m, err = alternate(runsOne, check, config); err != nil {
		return err
	}
	rows = append(rows,
		compared("check of one index", ms(m[0]), "crane config of one child", ms(m[1]), ratio(m[0], m[1]), goalOne),
		counted("  requests", oursRequests, theirRequests, 1))

	show := task{env: env, args: []string{p.winmatch, "image", "-o", "json", "--insecure", one}}
	if oursRequests, err = reg.requests(show); err != nil {
		return err
	}
	if m, err = alternate(runsOne, show, config); err != nil {
		return err
	}
	rows = append(rows,
		compared("image of one index, for every host", ms(m[0]), "crane config of one child", ms(m[1]), ratio(m[0], m[1]), 0),
		counted("  requests", oursRequests, theirRequests, 1))

	note("%d references: %d runs of each side", len(reg.refs), runsMany)
	all := task{env: env, args: []string{p.winmatch, "check", "-o", "json", "--insecure", "--host", "10.0.20348.2227", "-"},
		stdin: strings.Join(reg.refs, "\n") + "\n"}
	allRequests, err := reg.requests(all)
	if err != nil {
		return err
	}
	each := task{env: env}
	for i := range loop { // one of each repository
		each.loop = append(each.loop, []string{p.crane, "config", "--insecure", "--platform", "windows/amd64", reg.refs[i*len(reg.refs)/loop]})
	}
	if m, err = alternate(runsMany, all, each); err != nil {
		return err
	}
	scale := len(reg.refs) / loop
	theirs := m[1] * time.Duration(scale)
	rows = append(rows, compared(
		fmt.Sprintf("check of %d references, %d repositories", len(reg.refs), repositories), ms(m[0]),
		fmt.Sprintf("loop of crane config (%d measured, × %d)", loop, scale), ms(theirs), ratio(m[0], theirs), goalMany),
		counted("  requests", allRequests, theirRequests*int64(len(reg.refs)), int64(len(reg.refs))))

	for _, part := range []func() ([]row, error){
		func() ([]row, error) { return tagRows(p, reg, env) },
		func() ([]row, error) { return archiveRows(p, dir, env) },
		func() ([]row, error) { return explain(p, dir, env) },
		func() ([]row, error) { return swarm(p, env) },
		func() ([]row, error) { return scanRows(p, dir, env) },
		func() ([]row, error) { return kubernetes(p, dir, env) },
	} {
		more, err := part()
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}

	note("verdict")
	v := verdicts()
	rows = append(rows,
		compared("verdict: compat.Decide", v.decide.String(), "containerd/platforms Match", v.match.String(), v.decide.ns/v.match.ns, goalVerdict),
		counted("  allocations", v.decide.allocs, v.match.allocs, 0),
		compared("its rule alone: Rule.AllowsText", v.allows.String(), "containerd/platforms Match", v.match.String(), v.allows.ns/v.match.ns, 0))

	for _, file := range []string{p.winmatch, p.windows} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		name := runtime.GOOS + "/" + runtime.GOARCH
		if file == p.windows {
			name = "windows/amd64"
		}
		rows = append(rows, row{"size, " + name, mb(info.Size()), "", "", "", "≤ " + mb(goalSize), verdict(info.Size() <= goalSize)})
	}
	print(rows)
	return nil
}

// print writes the table.
func print(rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\nwhat\tours\tpeer\tpeer's\tratio\tgoal\t\n")
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r[:], "\t"))
	}
	w.Flush()
	fmt.Printf("\nmedians of wall time, sides in turn; %s, %s/%s, %d processors\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

type programs struct{ root, winmatch, windows, empty, crane, kubeconform, kubeScore string }

// build builds both sides with the same flags; winmatch also with the tag of
// its releases.
func build(dir string) (p programs, err error) {
	_, file, _, _ := runtime.Caller(0)
	here := filepath.Dir(file)
	root := filepath.Dir(filepath.Dir(here))
	empty := filepath.Join(dir, "src")
	if err := os.Mkdir(empty, 0o755); err != nil {
		return p, err
	}
	for name, text := range map[string]string{"go.mod": "module empty\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(empty, name), []byte(text), 0o644); err != nil {
			return p, err
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	p = programs{root, in("winmatch"), in("winmatch.exe"), in("empty"), in("crane"), in("kubeconform"), in("kube-score")}
	peers := filepath.Join(here, "peers")
	for _, b := range []struct {
		dir, out, pkg string
		args, env     []string
	}{
		{root, p.winmatch, "./cmd/winmatch", []string{"-tags", "nethttpomithttp2"}, nil},
		{root, p.windows, "./cmd/winmatch", []string{"-tags", "nethttpomithttp2"}, []string{"GOOS=windows", "GOARCH=amd64"}},
		{here, p.crane, "github.com/google/go-containerregistry/cmd/crane", nil, nil},
		{peers, p.kubeconform, "github.com/yannh/kubeconform/cmd/kubeconform", nil, nil},
		{peers, p.kubeScore, "github.com/zegl/kube-score/cmd/kube-score", nil, nil},
		{empty, p.empty, ".", nil, nil},
	} {
		fmt.Fprintln(os.Stderr, "building", filepath.Base(b.out))
		cmd := exec.Command("go", slices.Concat(flags, b.args, []string{"-o", b.out, b.pkg})...)
		cmd.Dir = b.dir
		cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), b.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("building %s: %w\n%s", b.pkg, err, out)
		}
	}
	return p, nil
}

// A task is a program to run, or a loop of several runs.
type task struct {
	env, args []string
	stdin     string
	loop      [][]string
	quiet     bool // it may find fault with what it reads
}

func (t task) run() error {
	for _, args := range append(t.loop, t.args) {
		if len(args) == 0 {
			continue
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = t.env
		if t.stdin != "" {
			cmd.Stdin = strings.NewReader(t.stdin)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		// 1 and 3 are answers of check, with quiet everything is.
		if err := cmd.Run(); err != nil && (cmd.ProcessState == nil || !slices.Contains([]int{1, 3}, cmd.ProcessState.ExitCode()) || stderr.Len() > 0) && !(t.quiet && cmd.ProcessState != nil && cmd.ProcessState.Exited()) {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
		}
	}
	return nil
}

// alternate runs the tasks in turn and returns the median time of each.
func alternate(n int, tasks ...task) ([]time.Duration, error) {
	all := make([][]time.Duration, len(tasks))
	for i := range n + 1 { // the first warms up
		for j, t := range tasks {
			start := time.Now()
			if err := t.run(); err != nil {
				return nil, err
			}
			if i > 0 {
				all[j] = append(all[j], time.Since(start))
			}
		}
	}
	medians := make([]time.Duration, len(tasks))
	for j := range all {
		slices.Sort(all[j])
		medians[j] = all[j][len(all[j])/2]
	}
	return medians, nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

func mb(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
