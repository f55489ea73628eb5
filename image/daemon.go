package image

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// inspected is what `docker image inspect` says of an image.
type inspected struct {
	ID           string `json:"Id"`
	RepoDigests  []string
	Os           string
	Architecture string
	Variant      string
	OsVersion    string
	Descriptor   *struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
	}
}

// inspect asks the Docker engine, by the user's docker command: that knows
// contexts, DOCKER_HOST, TLS, ssh and the named pipe of Windows, for the price
// of starting it once an image.
func (m *Image) inspect(ctx context.Context, ref *Reference) error {
	cmd := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{json .}}", "--", ref.Path)
	cmd.WaitDelay = time.Second
	stdout, stderr := &limited{max: MaxConfig}, &limited{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return &Error{Code: CodeUnreachable, Text: "docker is not installed here"}
	}
	if ctx.Err() != nil {
		return &Error{Code: CodeUnreachable, Text: "docker image inspect did not answer in time", Err: ctx.Err()}
	}
	if err != nil {
		text := strings.Join(strings.Fields(string(stderr.b)), " ")
		if strings.Contains(strings.ToLower(text), "no such image") {
			return &Error{Code: CodeNotFound, Text: "the engine has no such image", Hint: "docker image ls"}
		}
		if text == "" {
			text = err.Error()
		}
		return &Error{Code: CodeUnreachable, Text: "docker image inspect: " + printable(clip2(text)),
			Hint: "is the engine running, and is it the right context (docker context ls)?"}
	}
	var i inspected
	if err := json.Unmarshal(stdout.b, &i); err != nil || i.Os == "" {
		return bad("docker image inspect did not answer as an engine does", nil)
	}
	m.Index, m.Digest, m.MediaType = No, i.ID, typeDockerConfig
	if i.Descriptor != nil && checkDigest(i.Descriptor.Digest) == "" {
		m.Digest, m.MediaType = i.Descriptor.Digest, mediaType(i.Descriptor.MediaType)
	}
	child := Child{Digest: m.Digest, MediaType: m.MediaType, FromConfig: true}
	p := wireOS{OS: i.Os, Architecture: i.Architecture, Variant: i.Variant, OSVersion: i.OsVersion}
	p.clean()
	child.platform(&p)
	m.Children = []Child{child}
	if child.OS == "windows" {
		m.checkVersion(&child, "the engine")
	}
	return nil
}

func clip2(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}
