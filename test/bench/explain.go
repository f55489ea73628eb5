package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// goals of explain.
const (
	goalStream  = 200      // MB a second, on one core
	goalMemory  = 64 << 20 // bytes
	logSize     = 1 << 30
	runsStream  = 3
	pastedError = "docker: Error response from daemon: container b81ed896222eb87906ccab1c3dd2fc49324eafa798438f7979b87b210906f839 encountered an error during CreateContainer: " +
		"failure in a Windows system call: The operating system of the container does not match the operating system of the host. (0xc0370101) extra info: {}"
)

// explain measures one pasted error beside an empty program, and a log of 1 GB
// beside grep.
func explain(p programs, dir string, env []string) ([]row, error) {
	fmt.Fprintf(os.Stderr, "explain: %d runs of each side\n", runsStart)
	m, err := alternate(runsStart,
		task{env: env, args: []string{p.winmatch, "explain", "--offline", pastedError}},
		task{env: env, args: []string{p.empty}})
	if err != nil {
		return nil, err
	}
	rows := []row{compared("explain of one pasted error", ms(m[0]), "an empty Go program", ms(m[1]), ratio(m[0], m[1]), goalStart)}

	log := filepath.Join(dir, "log.txt")
	if err := writeLog(log, logSize); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "explain of a log of %s: %d runs of each side\n", mb(logSize), runsStream)
	var ours, theirs []time.Duration
	var memory int64
	for i := range runsStream + 1 { // the first warms up
		t, rss, err := timed(append(env, "GOMAXPROCS=1"), p.winmatch, "explain", "--offline", log)
		if err != nil {
			return nil, err
		}
		g, _, err := timed(env, "grep", "-F", "-c", "0xc0370101", log)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			ours, theirs = append(ours, t), append(theirs, g)
		}
		memory = max(memory, rss)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	t, g := ours[len(ours)/2], theirs[len(theirs)/2]
	rate := func(d time.Duration) float64 { return float64(logSize) / 1e6 / d.Seconds() }
	return append(rows,
		row{"explain of a log of 1 GB, processor time", fmt.Sprintf("%.0f MB/s", rate(t)), "grep -F, one word", fmt.Sprintf("%.0f MB/s", rate(g)), fmt.Sprintf("%.3g ×", ratio(t, g)),
			fmt.Sprintf("≥ %d MB/s", goalStream), verdict(rate(t) >= goalStream)},
		row{"  memory at most", mb(memory), "", "", "", "< " + mb(goalMemory), verdict(memory > 0 && memory < goalMemory)}), nil
}

// timed runs a program and returns the processor time that it took, which other
// programs on the machine change less than its wall time, and the most memory it
// had; 1 and 3 are answers.
func timed(env []string, args ...string) (time.Duration, int64, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr // grep stops at the first hit where nobody listens
	lowerPeak()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() == 2 || stderr.Len() > 0 {
		return 0, 0, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), maxRSS(cmd.ProcessState), nil
}

// writeLog writes an ordinary log with an error every ten thousand lines.
func writeLog(name string, size int) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("info debug starting container pulled image successfully node ready health check passed request GET /api/v1/pods 200 user session cache refreshed windows service kubelet sync loop volume mounted")
	for n, line := 0, 1; n < size; line++ {
		var b strings.Builder
		fmt.Fprintf(&b, "2026-11-24T%02d:%02d:%02d.%06dZ level=info msg=\"", r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
		for range 14 {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "\" id=%016x%016x\n", r.Uint64(), r.Uint64())
		if line%10000 == 0 {
			b.WriteString("2026-11-24T00:00:00.000000Z " + pastedError + "\n")
		}
		k, _ := w.WriteString(b.String()) // Flush returns the first error
		n += k
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
