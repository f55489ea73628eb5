package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
)

// Endpoint says which engine.
type Endpoint struct {
	Context string   // a Docker context, or an address: unix://, tcp://, npipe://, ssh://; "": as docker itself would choose
	Flags   []string // flags that docker was given before the verb, as a plugin gets them
}

// Where docker finds an engine without being told.
const (
	defaultSocket = "unix:///var/run/docker.sock"
	defaultPipe   = "npipe:////./pipe/docker_engine"
)

// target is what an Endpoint comes to.
type target struct {
	address string    // "tcp://10.0.0.7:2376"; "" where only docker knows it
	told    string    // who names it: "DOCKER_HOST", "the context web"; "" for nobody
	secure  *material // of TLS; nil for none
	dial    func(context.Context) (net.Conn, error)
}

func (t *target) String() string {
	switch {
	case t.address == "":
		return t.told
	case t.told == "":
		return t.address
	}
	return t.address + " (" + t.told + ")"
}

// target finds the engine as docker does, in docker's order: --context,
// DOCKER_HOST, DOCKER_CONTEXT, docker context use. Sockets, named pipes and TCP
// with and without TLS are dialled here; ssh, and what docker alone knows, by the
// user's docker command, once a connection.
// https://github.com/docker/cli/blob/v29.7.2/cli/command/cli.go
func (e Endpoint) target() (*target, error) {
	if len(e.Flags) > 0 {
		return throughDocker(&target{told: "docker " + strings.Join(e.Flags, " ")}, e.Flags), nil
	}
	t, name := &target{}, e.Context
	switch {
	case strings.Contains(name, "://"):
		t.address, name = name, "default"
	case name == "" && os.Getenv("DOCKER_HOST") == "":
		name = currentContext()
	case name == "":
		name = "default"
	}
	if name != "default" {
		return fromContext(name)
	}
	if t.address == "" {
		if t.address = os.Getenv("DOCKER_HOST"); t.address != "" {
			t.told = "DOCKER_HOST"
		} else if t.address = defaultSocket; runtime.GOOS == "windows" {
			t.address = defaultPipe
		}
	}
	verify := os.Getenv("DOCKER_TLS_VERIFY") != ""
	if strings.HasPrefix(t.address, "tcp://") && (verify || os.Getenv("DOCKER_TLS") != "") {
		dir := os.Getenv("DOCKER_CERT_PATH")
		if dir == "" {
			dir = configDir()
		}
		var err error
		if t.secure, err = readMaterial(dir, verify, false); err != nil {
			return nil, err
		}
	}
	return t.direct([]string{"--host", t.address}), nil
}

// direct gives a target its dialler; where there is none of ours docker gets the
// flags.
func (t *target) direct(flags []string) *target {
	network, rest, _ := strings.Cut(t.address, "://")
	rest = strings.TrimSuffix(rest, "/")
	switch network {
	case "npipe":
		t.dial = func(ctx context.Context) (net.Conn, error) { return dialPipe(ctx, strings.ReplaceAll(rest, "/", `\`)) }
		return t
	case "tcp":
		if _, _, err := net.SplitHostPort(rest); err != nil {
			rest = net.JoinHostPort(strings.Trim(rest, "[]"), "2375")
		}
	case "unix":
	default:
		return throughDocker(t, flags)
	}
	t.dial = func(ctx context.Context) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, network, rest)
		if err != nil || t.secure == nil {
			return c, err
		}
		config := t.secure.config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(rest)
		secured := tls.Client(c, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return secured, nil
	}
	return t
}

func throughDocker(t *target, flags []string) *target {
	t.dial = func(context.Context) (net.Conn, error) { return dialDocker(t.String(), flags) }
	return t
}

// unreachable says of a connection what was tried, what became of it, and what may
// help.
func (t *target) unreachable(ctx context.Context, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	at := ""
	if t != nil && t.String() != "" {
		at = t.String() + ": "
	}
	if ctx.Err() != nil {
		return &Error{Code: CodeUnreachable, Text: "the engine cannot be reached: " + at + "it did not answer in time", Err: ctx.Err()}
	}
	var op *net.OpError
	text := err.Error()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was cut before it answered"
	case errors.As(err, &op) && op.Op == "dial":
		text = op.Err.Error() // the address was named already
	}
	e := &Error{Code: CodeUnreachable, Text: "the engine cannot be reached: " + at + text, Hint: "is it running, and is it the right one (DOCKER_HOST, docker context ls)?", Err: err}
	switch {
	case errors.Is(err, os.ErrPermission) && runtime.GOOS == "windows":
		e.Code, e.Hint = CodeForbidden, "the pipe wants an administrator or a member of the group docker-users"
	case errors.Is(err, os.ErrPermission):
		e.Code, e.Hint = CodeForbidden, "the socket wants root or a member of the group docker"
	case t != nil && t.secure != nil:
		if hint := t.secure.hint(err); hint != "" {
			e.Hint = hint
		}
	}
	return e
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
