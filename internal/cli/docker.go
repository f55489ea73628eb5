package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// engine is what `docker info` says of an engine.
type engine struct {
	OSType          string
	OSVersion       string
	KernelVersion   string
	OperatingSystem string
	Isolation       string
	ServerVersion   string
	Driver          string
	ServerErrors    []string
}

// askDocker asks the engine by the user's docker command, which knows contexts,
// DOCKER_HOST, TLS and ssh.
func askDocker(ctx context.Context) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "info", "--format", "{{json .}}")
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, failf("give the host instead: --host ws2022", "docker is not installed here")
	}
	if ctx.Err() != nil {
		return nil, failf("", "docker info did not answer within 30 s")
	}
	var e engine
	if json.Unmarshal(stdout.Bytes(), &e) != nil || len(e.ServerErrors) > 0 || e.OSType == "" {
		text := strings.Join(append(e.ServerErrors, strings.TrimSpace(stderr.String())), "; ")
		if text = strings.Trim(text, "; "); text == "" {
			text = fmt.Sprint(err)
		}
		return nil, failf("is the engine running, and is it the right context (docker context ls)?", "docker info: %s", text)
	}
	return &e, nil
}

func (e *engine) host(f *facts.Facts) (winver.Host, error) {
	if e.OSType != "windows" {
		return winver.Host{}, failf("Docker Desktop: switch to Windows containers; or another context", "the Docker engine runs %s containers, not Windows ones", e.OSType)
	}
	text := fmt.Sprintf("Kernel Version: %s\nOperating System: %s\nOSVersion: %s\nOSType: windows\n", e.KernelVersion, e.OperatingSystem, e.OSVersion)
	h, err := winver.ParseHost(f, text)
	if err != nil {
		return h, hostFailure(err)
	}
	return h, nil
}

func (e *engine) runtime() compat.Runtime {
	return compat.DockerRuntime(e.Driver, e.ServerVersion)
}

func (e *engine) isolation() compat.Isolation {
	i, _ := compat.ParseIsolation(e.Isolation)
	return i
}
