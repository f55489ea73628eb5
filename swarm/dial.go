package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Endpoint says which engine.
type Endpoint struct {
	Context string   // a Docker context, or an address: unix://, tcp://, npipe://, ssh://; "": as docker itself would choose
	Flags   []string // flags that docker was given before the verb, as a plugin gets them
}

// defaultSocket is where docker finds an engine without being told.
const defaultSocket = "/var/run/docker.sock"

// dialer returns what connects to the engine. Sockets and plain TCP are dialled
// here; contexts, TLS, ssh and the named pipes of Windows by the user's docker
// command, which knows all of them, once a connection.
func (e Endpoint) dialer() func(context.Context) (net.Conn, error) {
	address := e.Context
	named := address != "" && !strings.Contains(address, "://")
	if address == "" {
		address = os.Getenv("DOCKER_HOST")
	}
	if address == "" {
		switch {
		case os.Getenv("DOCKER_CONTEXT") != "" && os.Getenv("DOCKER_CONTEXT") != "default", currentContext() != "":
			named = true
		case runtime.GOOS == "windows":
			named = true
		default:
			address = "unix://" + defaultSocket
		}
	}
	tls := os.Getenv("DOCKER_TLS_VERIFY") != "" || os.Getenv("DOCKER_TLS") != ""
	network, target, _ := strings.Cut(address, "://")
	if !named && len(e.Flags) == 0 && (network == "unix" || network == "tcp" && !tls) {
		target = strings.TrimSuffix(target, "/")
		if network == "tcp" && !strings.Contains(target, ":") {
			target += ":2375"
		}
		return func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, network, target)
		}
	}
	args := e.Flags
	switch {
	case e.Context == "":
	case strings.Contains(e.Context, "://"):
		args = append(args[:len(args):len(args)], "--host", e.Context)
	default:
		args = append(args[:len(args):len(args)], "--context", e.Context)
	}
	return func(context.Context) (net.Conn, error) { return dialDocker(args) }
}

// currentContext is the context that `docker context use` chose, "" for the
// default one.
func currentContext() string {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".docker")
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil || json.Unmarshal(text, &config) != nil || config.CurrentContext == "default" {
		return ""
	}
	return config.CurrentContext
}

// Contexts lists the user's Docker contexts, by the user's docker command.
func Contexts(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "docker", "context", "ls", "--format", "{{.Name}}")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, dockerError("docker context ls", err, "")
	}
	return strings.Fields(string(out)), nil
}

func dockerError(what string, err error, text string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &Error{Code: CodeUnreachable, Text: "docker is not installed here, which " + what + " needs", Hint: "DOCKER_HOST=unix://… or tcp://… needs no docker command"}
	}
	var exit *exec.ExitError
	if text == "" && errors.As(err, &exit) {
		text = string(exit.Stderr)
	}
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		text = err.Error()
	}
	return &Error{Code: CodeUnreachable, Text: what + ": " + clip(text, 300), Hint: "docker context ls lists the contexts"}
}

// pipe is a connection through the standard input and output of
// `docker system dial-stdio`.
type pipe struct {
	io.Reader
	io.WriteCloser
	cmd    *exec.Cmd
	stderr *tail
	once   sync.Once
	err    error
}

func dialDocker(flags []string) (net.Conn, error) {
	cmd := exec.Command("docker", append(flags[:len(flags):len(flags)], "system", "dial-stdio")...)
	// docker starts plugins for their hooks else.
	cmd.Env = append(os.Environ(), "DOCKER_CLI_HINTS=false")
	p := &pipe{cmd: cmd, stderr: &tail{}}
	cmd.Stderr = p.stderr
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, dockerError("docker system dial-stdio", err, "")
	}
	p.Reader, p.WriteCloser = out, in
	return p, nil
}

// Read says what docker said where it ended without an answer.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n == 0 && err != nil {
		_ = p.Close()
		if text := p.stderr.String(); text != "" {
			return 0, dockerError("docker system dial-stdio", io.EOF, text)
		}
	}
	return n, err
}

// Close ends the docker command.
func (p *pipe) Close() error {
	p.once.Do(func() {
		p.err = p.WriteCloser.Close()
		stop := time.AfterFunc(2*time.Second, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait()
		stop.Stop()
	})
	return p.err
}

// The rest of a net.Conn: a pipe has no address and no deadline.

// LocalAddr is a name.
func (*pipe) LocalAddr() net.Addr { return pipeAddr{} }

// RemoteAddr is a name.
func (*pipe) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline does nothing.
func (*pipe) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (*pipe) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (*pipe) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr struct{}

// Network is what it goes through.
func (pipeAddr) Network() string { return "stdio" }

func (pipeAddr) String() string { return "docker" }

// tail keeps the first few KB of what is written to it.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(p[:min(len(p), max(0, 4096-t.b.Len()))])
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.b.String())
}

// clip shortens a text to n bytes, at a character's end.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
