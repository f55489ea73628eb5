//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/winmatch/winmatch/test/swarm/engines"
)

// goals of swarm doctor.
const (
	goalSwarm       = 1.5       // of the time of the bare lists
	goalSwarmMemory = 100 << 20 // bytes
	swarmServices   = 1000
	swarmReplicas   = 10
	runsSwarm       = 5
)

// swarm measures the doctor over a real manager beside the bare lists of the API,
// which are read and thrown away. The tasks find no node: no container is needed;
// both sides see them as asWindows alters them. It needs root and Debian's docker.io.
func swarm(p programs, env []string) ([]row, error) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "swarm: not measured: real Docker engines need root")
		return nil, nil
	}
	fmt.Fprintf(os.Stderr, "swarm: making %d services of %d tasks\n", swarmServices, swarmReplicas)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c, err := engines.Start(ctx, []string{"manager"}, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m := c.Engines[0]
	for i := range swarmServices {
		container := fields{"Image": swarmImages[i%len(swarmImages)], "Env": []string{"A=b", "C=d"}}
		if i%10 == 0 {
			container["Isolation"] = "hyperv"
		}
		if _, err := m.Do(ctx, http.MethodPost, "/services/create", map[string]any{
			"Name": fmt.Sprintf("service-%d", i), "Mode": map[string]any{"Replicated": map[string]any{"Replicas": swarmReplicas}},
			"TaskTemplate": map[string]any{
				"ContainerSpec": container,
				"Placement":     map[string]any{"Constraints": []string{"node.labels.pool==windows"}},
			},
		}, nil); err != nil {
			return nil, err
		}
	}
	var tasks []struct{ Status struct{ Err string } }
	for waiting := true; waiting; time.Sleep(time.Second) {
		if _, err := m.Do(ctx, http.MethodGet, "/tasks", nil, &tasks); err != nil {
			return nil, err
		}
		waiting = len(tasks) < swarmServices*swarmReplicas || slices.ContainsFunc(tasks, func(t struct{ Status struct{ Err string } }) bool { return t.Status.Err == "" })
	}
	front, err := asWindows(ctx, p.root, m)
	if err != nil {
		return nil, err
	}
	defer front.Close()
	lists := func() error {
		for _, path := range []string{"/nodes", "/services", "/tasks"} {
			resp, err := front.Client().Get(front.URL + path)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(os.Stderr, "swarm doctor: %d runs of each side\n", runsSwarm)
	var ours, theirs []time.Duration
	var memory int64
	for i := range runsSwarm + 1 { // the first warms up
		start := time.Now()
		if err := lists(); err != nil {
			return nil, err
		}
		bare := time.Since(start)
		cmd := exec.Command(p.winmatch, "swarm", "doctor", "--offline", "-o", "json")
		cmd.Env = slices.Concat(env, []string{"DOCKER_HOST=tcp://" + front.Listener.Addr().String()})
		lowerPeak()
		start = time.Now()
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) < swarmServices*100 {
			return nil, fmt.Errorf("swarm doctor: %w, %d bytes", err, len(out))
		}
		if i > 0 {
			ours, theirs = append(ours, time.Since(start)), append(theirs, bare)
		}
		memory = max(memory, maxRSS(cmd.ProcessState))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	a, b := ours[len(ours)/2], theirs[len(theirs)/2]
	return []row{
		compared(fmt.Sprintf("swarm doctor of %d services, %d tasks", swarmServices, len(tasks)), ms(a), "the bare lists of the API", ms(b), ratio(a, b), goalSwarm),
		{"  memory at most", mb(memory), "", "", "", "< " + mb(goalSwarmMemory), verdict(memory > 0 && memory < goalSwarmMemory)},
	}, nil
}
