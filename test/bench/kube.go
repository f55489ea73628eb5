//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/winmatch/winmatch/test/kube/cluster"
)

// goals of kube doctor, beside kubectl get.
const (
	goalKube       = 1   // of its time
	goalKubeMemory = 0.3 // of its memory
	kubeNodes      = 2000
	kubePods       = 50_000
)

// kubernetes measures the doctor over a real API server beside kubectl, which
// reads the same and prints it.
func kubernetes(p programs, dir string, env []string) ([]row, error) {
	program := filepath.Join(dir, "kubectl-winmatch")
	cmd := exec.Command("go", slices.Concat(flags, []string{"-o", program, "./cmd/kubectl-winmatch"})...)
	cmd.Dir, cmd.Env = p.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building kubectl-winmatch: %w\n%s", err, out)
	}
	c, err := cluster.Start()
	if err != nil {
		return nil, err
	}
	defer c.Stop() //nolint:errcheck // the figures are there
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	size := cluster.Size{Nodes: kubeNodes, Pods: kubePods}
	fmt.Fprintf(os.Stderr, "kubernetes: making %d nodes and %d pods\n", size.Nodes, size.Pods)
	start := time.Now()
	if err := c.Fill(ctx, size); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "kube doctor: made in %s; three runs, one of kubectl\n", time.Since(start).Round(time.Second))

	env = slices.Concat(env, []string{"KUBECONFIG=" + c.Kubeconfig})
	ours := &side{args: []string{program, "doctor", "--offline", "-o", "json"}, code: 1}
	theirs := &side{args: []string{c.Kubectl, "get", "pods,nodes,events", "-A", "-o", "json"}}
	for _, s := range []*side{ours, theirs, ours, ours} {
		if err := s.run(ctx, env); err != nil {
			return nil, err
		}
	}
	a, b := median(ours.wall), median(theirs.wall)
	memory, peer := slices.Max(ours.memory), slices.Max(theirs.memory)
	part := float64(memory) / float64(peer)
	return []row{
		compared(fmt.Sprintf("kube doctor, %d nodes and %d pods", size.Nodes, size.Pods), seconds(a), "kubectl get pods,nodes,events -A -o json", seconds(b), ratio(a, b), goalKube),
		compared("  processor time of the program", seconds(median(ours.cpu)), "the same", seconds(median(theirs.cpu)), ratio(median(ours.cpu), median(theirs.cpu)), 0),
		compared("  memory at most", mb(memory), "the same", mb(peer), part, goalKubeMemory),
	}, nil
}

// side is a program that is measured.
type side struct {
	args   []string
	code   int // that it exits with
	wall   []time.Duration
	cpu    []time.Duration
	memory []int64
}

func (s *side) run(ctx context.Context, env []string) error {
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Env = env
	lowerPeak()
	start := time.Now()
	err := cmd.Run() // its output goes to /dev/null
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != s.code {
		return fmt.Errorf("%v: exit code not %d: %w", s.args, s.code, err)
	}
	s.wall = append(s.wall, time.Since(start))
	s.cpu = append(s.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	s.memory = append(s.memory, maxRSS(cmd.ProcessState))
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
