package image

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxMirrors bounds the mirrors that are asked for one image.
const maxMirrors = 4

// mirrors returns the mirrors of Docker Hub, in the order in which dockerd would
// ask them: of no other registry, and for what is pulled only. Source: docker
// docs, "Registry as a pull through cache", and registry-mirrors of dockerd.
func (c *Client) mirrors() []string {
	c.mirrorOnce.Do(func() {
		list := c.Mirrors
		if list == nil {
			list = daemonMirrors(daemonConfigs())
		}
		for _, m := range list {
			u, err := url.Parse(m)
			// As dockerd takes them: a host, and nothing behind it.
			if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" ||
				strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || len(c.hubMirrors) == maxMirrors {
				continue
			}
			c.hubMirrors = append(c.hubMirrors, u.Scheme+"://"+u.Host)
		}
	})
	return c.hubMirrors
}

// daemonConfigs are the files that dockerd and Docker Desktop are configured by.
func daemonConfigs() []string {
	if runtime.GOOS == "windows" {
		return []string{filepath.Join(os.Getenv("ProgramData"), "docker", "config", "daemon.json"), homeFile(".docker", "daemon.json")}
	}
	return []string{"/etc/docker/daemon.json", homeFile(".config", "docker", "daemon.json"), homeFile(".docker", "daemon.json")}
}

func homeFile(path ...string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{home}, path...)...)
}

// daemonMirrors returns the mirrors that the first of the files names which
// exists. What is wrong with one is dockerd's business.
func daemonMirrors(files []string) []string {
	for _, name := range files {
		if name == "" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		var config struct {
			Mirrors []string `json:"registry-mirrors"`
		}
		_ = json.Unmarshal(b, &config)
		return config.Mirrors
	}
	return nil
}

// readRegistry reads an image from the mirrors of its registry, the first that
// has it, else from the registry. Mirrors together get half the time.
func (c *Client) readRegistry(ctx context.Context, ref Reference, m Image) (Image, error) {
	if ref.Host == DockerHub && len(c.mirrors()) > 0 {
		within, cancel := context.WithTimeout(ctx, c.timeout()/2)
		defer cancel()
		for _, base := range c.mirrors() {
			_, name, _ := strings.Cut(base, "://")
			if got, err := c.repositoryAt(base, name, base, ref.Repository).read(within, ref, m); err == nil {
				return got, nil
			}
		}
	}
	repo := c.repository(ref)
	got, err := repo.read(ctx, ref, m)
	if err != nil {
		return Image{}, repo.about(ref, err)
	}
	return got, nil
}

// read fills in what the repository says of a reference.
func (r *repository) read(ctx context.Context, ref Reference, m Image) (Image, error) {
	what := ref.Tag
	if ref.Digest != "" {
		what = ref.Digest
	}
	doc, digest, err := r.manifest(ctx, what, ref.Digest)
	if err != nil {
		return m, err
	}
	m.Digest = digest
	return m, m.load(ctx, r, doc, r.c.Deep)
}
