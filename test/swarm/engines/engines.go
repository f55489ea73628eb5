//go:build linux

// Package engines starts real Docker engines that form one Swarm, each in
// namespaces of its own, for tests and benchmarks. It needs root and Debian's
// docker.io. Nothing outlasts the program: process, network, mount and host name
// namespaces have no names, so that they and all that is in them end with their
// first process, which the kernel kills with its parent. Runs at the same time
// do not see each other.
package engines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// An Engine is one dockerd.
type Engine struct {
	Name   string // its host name
	Socket string // of its API
	Addr   string // in the network of the Swarm
	dir    string
	cmd    *exec.Cmd
	log    *os.File
	dead   chan struct{} // closed once it has ended
}

// A Cluster is a Swarm of engines, the first of which is its manager.
type Cluster struct {
	Engines []*Engine
	dir     string
}

// start is what runs in the new namespaces: it waits until its network is
// there. Options: name, folder, then those of dockerd.
const start = `set -e
hostname "$1"; dir=$2; shift 2
ip link set lo up
read -r go
ip link set eth0 up
exec dockerd --data-root "$dir/data" --exec-root "$dir/exec" -p "$dir/pid" -H "unix://$dir/docker.sock" \
  --iptables=false --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs "$@"`

// Start starts an engine for each name and joins them. runtime, where it is not
// nil, returns the text of a program that stands in for runc on an engine; options
// are of dockerd.
func Start(ctx context.Context, names []string, runtime func(name string) string, options ...string) (c *Cluster, err error) {
	for _, program := range []string{"dockerd", "containerd", "runc", "ip", "nsenter", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("the real part %s is missing: %w (test/setup.sh installs it)", program, err)
		}
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("real Docker engines need root")
	}
	dir, err := os.MkdirTemp("", "wmswarm")
	if err != nil {
		return nil, err
	}
	c = &Cluster{dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, c.Logs())
			err = errors.Join(err, c.Close())
			c = nil
		}
	}()
	for i, name := range names {
		e := &Engine{Name: name, dir: filepath.Join(dir, name), Addr: fmt.Sprintf("10.213.0.%d", i+1), dead: make(chan struct{})}
		e.Socket = filepath.Join(e.dir, "docker.sock")
		c.Engines = append(c.Engines, e)
		args := slices.Clone(options)
		if runtime != nil {
			args = append(args, "--add-runtime", "own="+filepath.Join(e.dir, "runtime"), "--default-runtime", "own")
		}
		if err := os.Mkdir(e.dir, 0o755); err != nil {
			return c, err
		}
		if runtime != nil {
			if err := os.WriteFile(filepath.Join(e.dir, "runtime"), []byte(runtime(name)), 0o755); err != nil {
				return c, err
			}
		}
		if err := e.start(args, func(pid string) error { return c.wire(i, pid) }); err != nil {
			return c, fmt.Errorf("engine %s: %w", name, err)
		}
	}
	for _, e := range c.Engines {
		if err := e.wait(ctx); err != nil {
			return c, fmt.Errorf("engine %s: %w", e.Name, err)
		}
	}
	return c, c.join(ctx)
}

// start starts the process that becomes dockerd once it has a network.
func (e *Engine) start(args []string, wire func(pid string) error) (err error) {
	if e.log, err = os.Create(filepath.Join(e.dir, "log")); err != nil {
		return err
	}
	e.cmd = exec.Command("unshare", append([]string{"--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", start, "dockerd", e.Name, e.dir}, args...)...)
	e.cmd.Stdout, e.cmd.Stderr = e.log, e.log
	// An image that is there is not looked for in a registry, of which there is none.
	e.cmd.Env = append(os.Environ(), "DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1")
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := e.cmd.Start(); err != nil {
		return err
	}
	go func() { _ = e.cmd.Wait(); close(e.dead) }()
	pid := fmt.Sprint(e.cmd.Process.Pid)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return err
	}
	for theirs := own; theirs == own; time.Sleep(5 * time.Millisecond) {
		if theirs, err = os.Readlink("/proc/" + pid + "/ns/net"); err != nil {
			return err
		}
	}
	if err := wire(pid); err != nil {
		return err
	}
	_, err = io.WriteString(stdin, "go\n")
	return errors.Join(err, stdin.Close())
}

// wire gives engine i its network: the first one has the bridge, the others are
// tied to it.
func (c *Cluster) wire(i int, pid string) error {
	in := func(pid string, args ...string) error {
		out, err := exec.Command("nsenter", append([]string{"--net=/proc/" + pid + "/ns/net", "ip"}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	addr := []string{"addr", "add", c.Engines[i].Addr + "/24", "dev", "eth0"}
	if i == 0 {
		return errors.Join(in(pid, "link", "add", "eth0", "type", "bridge"), in(pid, addr...))
	}
	first, veth := fmt.Sprint(c.Engines[0].cmd.Process.Pid), fmt.Sprintf("veth%d", i)
	if err := in(first, "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", pid); err != nil {
		return err
	}
	return errors.Join(in(first, "link", "set", veth, "master", "eth0", "up"), in(pid, addr...))
}

// wait waits until the engine answers.
func (e *Engine) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := e.Do(ctx, http.MethodGet, "/_ping", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-e.dead:
			return errors.New("dockerd ended")
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// join makes a Swarm of the engines.
func (c *Cluster) join(ctx context.Context) error {
	m := c.Engines[0]
	if _, err := m.Do(ctx, http.MethodPost, "/swarm/init", map[string]any{"ListenAddr": m.Addr + ":2377", "AdvertiseAddr": m.Addr}, nil); err != nil {
		return fmt.Errorf("swarm init: %w", err)
	}
	var swarm struct{ JoinTokens struct{ Worker string } }
	if _, err := m.Do(ctx, http.MethodGet, "/swarm", nil, &swarm); err != nil {
		return err
	}
	for _, e := range c.Engines[1:] {
		if _, err := e.Do(ctx, http.MethodPost, "/swarm/join", map[string]any{"ListenAddr": e.Addr + ":2377", "AdvertiseAddr": e.Addr,
			"RemoteAddrs": []string{m.Addr + ":2377"}, "JoinToken": swarm.JoinTokens.Worker}, nil); err != nil {
			return fmt.Errorf("swarm join of %s: %w", e.Name, err)
		}
	}
	return nil
}

// Do sends one request in the engine's own version of the API and reads the
// answer into out. A body that is an io.Reader is sent as a tar archive.
func (e *Engine) Do(ctx context.Context, method, path string, body, out any) (int, error) {
	var in io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case io.Reader:
		in, kind = b, "application/x-tar"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return 0, err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, in)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", kind)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.Socket)
	}}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= 300 {
		return resp.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out != nil {
		return resp.StatusCode, json.Unmarshal(text, out)
	}
	return resp.StatusCode, nil
}

// Logs are the last lines that each engine wrote.
func (c *Cluster) Logs() string {
	var b strings.Builder
	for _, e := range c.Engines {
		text, _ := os.ReadFile(filepath.Join(e.dir, "log"))
		fmt.Fprintf(&b, "--- %s\n%s\n", e.Name, text[max(0, len(text)-4000):])
	}
	return b.String()
}

// Enter is what runs a program in the network of the engine: its name and
// arguments follow.
func (e *Engine) Enter() []string {
	return []string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", e.cmd.Process.Pid)}
}

// Kill ends an engine at once, with all its containers.
func (e *Engine) Kill() {
	if e.cmd != nil && e.cmd.Process != nil {
		_ = e.cmd.Process.Kill()
		<-e.dead
	}
}

// Close ends the engines and removes their folder.
func (c *Cluster) Close() error {
	for _, e := range c.Engines {
		e.Kill()
		if e.log != nil {
			e.log.Close()
		}
	}
	var err error
	for range 50 { // what the kernel is still ending may hold a file
		if err = os.RemoveAll(c.dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
