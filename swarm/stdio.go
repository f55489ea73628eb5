package swarm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

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

// dockerError is what the docker command said of what it was asked.
func dockerError(what string, err error, text string) *Error {
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
	at     string // the engine
	in     io.WriteCloser
	out    io.Reader
	cmd    *exec.Cmd
	stderr *tail
	once   sync.Once
	err    error
}

// dialDocker starts the docker command with flags that say which engine; at is
// that engine, in words.
func dialDocker(at string, flags []string) (net.Conn, error) {
	cmd := exec.Command("docker", append(flags[:len(flags):len(flags)], "system", "dial-stdio")...)
	// docker starts plugins for their hooks else.
	cmd.Env = append(os.Environ(), "DOCKER_CLI_HINTS=false")
	p := &pipe{at: at, cmd: cmd, stderr: &tail{}}
	cmd.Stderr = p.stderr
	cmd.WaitDelay = time.Second
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, dockerError("docker system dial-stdio", err, "")
	}
	return p, nil
}

// Read says what docker said where it ended without an answer.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if n == 0 && err != nil {
		return 0, p.ended(err)
	}
	return n, err
}

// Write does so too.
func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.in.Write(b)
	if err != nil {
		err = p.ended(err)
	}
	return n, err
}

// ended is what docker said before it ended; err where it said nothing.
func (p *pipe) ended(err error) error {
	_ = p.Close()
	text := p.stderr.String()
	if text == "" {
		return err
	}
	e := dockerError("docker system dial-stdio", io.EOF, sshText(text))
	e.Text = "the engine cannot be reached: " + p.at + ": " + e.Text
	low := strings.ToLower(text)
	switch {
	case strings.Contains(low, "identification has changed"):
		e.Hint = "the host has another key than it had; if that is right: ssh-keygen -R HOST, then ssh to it once"
	case strings.Contains(low, "host key verification failed"):
		e.Hint = "the host's key is not known: ssh to it once, and compare the key"
	case strings.Contains(low, "permission denied ("), strings.Contains(low, "too many authentication failures"):
		e.Code, e.Hint = CodeForbidden, "the user needs a key there, in the ssh agent or named in ~/.ssh/config: ssh to it must ask for nothing"
	case strings.Contains(low, "permission denied"):
		e.Code, e.Hint = CodeForbidden, "there the socket wants root or a member of the group docker"
	case strings.HasPrefix(p.at, "ssh://") && (strings.Contains(low, "not found") || strings.Contains(low, "not recognized")):
		e.Hint = "docker must be there, in the PATH that a command by ssh has: ssh USER@HOST docker version"
	case strings.HasPrefix(p.at, "ssh://"):
		e.Hint = "does it answer by hand: ssh USER@HOST docker version?"
	}
	return e
}

// sshText is what ssh said, or what the other side said through it, without
// docker's words around it and the frame that ssh draws around a host's new key.
func sshText(text string) string {
	if _, said, ok := strings.Cut(text, "stderr="); ok {
		text = said
	}
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.Trim(line, "@ \t\r"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// Close ends the docker command.
func (p *pipe) Close() error {
	p.once.Do(func() {
		p.err = p.in.Close()
		stop := time.AfterFunc(2*time.Second, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait()
		stop.Stop()
	})
	return p.err
}

// The rest of a net.Conn: there is no address and no deadline.

// LocalAddr is a name.
func (*pipe) LocalAddr() net.Addr { return noAddr{} }

// RemoteAddr is a name.
func (*pipe) RemoteAddr() net.Addr { return noAddr{} }

// SetDeadline does nothing.
func (*pipe) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (*pipe) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (*pipe) SetWriteDeadline(time.Time) error { return nil }

type noAddr struct{}

// Network is what it goes through.
func (noAddr) Network() string { return "stdio" }

func (noAddr) String() string { return "docker" }

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
