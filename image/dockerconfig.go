package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// credential is what the user's Docker configuration holds for a registry.
type credential struct {
	user, password string
	identity       string // an OAuth2 refresh token
	bearer         string // a token to be sent as it stands
}

// dockerConfig is the part of Docker's config.json that is about credentials.
// Source: docker/cli docs/reference/commandline/login.md.
type dockerConfig struct {
	Auths       map[string]dockerAuth `json:"auths"`
	CredsStore  string                `json:"credsStore"`
	CredHelpers map[string]string     `json:"credHelpers"`
}

type dockerAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"` // base64 of username:password
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// hubKey is the name that Docker keeps Docker Hub's credentials under.
const hubKey = "https://index.docker.io/v1/"

// helperTimeout bounds a credential helper, which may wait for a person.
const helperTimeout = 15 * time.Second

// configFile returns the path of config.json, "" where there is no home.
func configFile(dir string) string {
	if dir == "" {
		dir = os.Getenv("DOCKER_CONFIG")
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "config.json")
}

// loadConfig reads config.json; one that is missing is empty. Errors never
// quote it.
func loadConfig(dir string) (*dockerConfig, error) {
	c := &dockerConfig{}
	name := configFile(dir)
	if name == "" {
		return c, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return c, nil
		}
		return c, err
	}
	if len(b) > 1<<20 {
		return c, errors.New(name + ": larger than 1 MiB")
	}
	if json.Unmarshal(b, c) != nil {
		return &dockerConfig{}, errors.New(name + ": not JSON as Docker writes it")
	}
	return c, nil
}

// loadConfig returns the credentials to ask registries with.
func (c *Client) loadConfig() (*dockerConfig, error) {
	if c.Config == nil {
		return loadConfig(c.ConfigDir)
	}
	var given struct {
		Auths map[string]dockerAuth `json:"auths"`
	}
	if json.Unmarshal(c.Config, &given) != nil {
		return &dockerConfig{}, errors.New("the given credentials are not JSON as Docker writes it")
	}
	return &dockerConfig{Auths: given.Auths}, nil
}

// hostOf turns a key of auths or credHelpers into a host, as Docker does: it
// may be written as a URL.
func hostOf(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key, _, _ = strings.Cut(key, "/")
	return key
}

// find returns the value under a host's key: the exact one, else the first (in
// order) that names the same host.
func find[V any](m map[string]V, key string) (v V, ok bool) {
	if v, ok = m[key]; ok {
		return v, true
	}
	var keys []string
	for k := range m {
		if hostOf(k) == hostOf(key) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return v, false
	}
	sort.Strings(keys)
	return m[keys[0]], true
}

// lookup returns the credential for a registry, the zero one where there is
// none. A credential helper of the registry comes first, then the store, then
// the file.
func (c *dockerConfig) lookup(ctx context.Context, host string) (credential, error) {
	key := host
	if host == DockerHub {
		key = hubKey
	}
	helper, ok := find(c.CredHelpers, key)
	if !ok && host == DockerHub {
		helper, ok = find(c.CredHelpers, DockerHub)
	}
	if !ok {
		helper = c.CredsStore
	}
	if helper != "" {
		cred, err := askHelper(ctx, helper, key)
		if err != nil || cred != (credential{}) {
			return cred, err
		}
	}
	a, ok := find(c.Auths, key)
	if !ok && host == DockerHub {
		a, ok = find(c.Auths, DockerHub)
	}
	if !ok {
		return credential{}, nil
	}
	cred := credential{user: a.Username, password: a.Password, identity: a.IdentityToken, bearer: a.RegistryToken}
	if a.Auth != "" {
		b, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil {
			return credential{}, errors.New("the auth of " + host + " in Docker's config.json is not base64")
		}
		user, password, ok := strings.Cut(string(b), ":")
		if !ok {
			return credential{}, errors.New("the auth of " + host + " in Docker's config.json is not a user and a password")
		}
		cred.user, cred.password = user, strings.Trim(password, "\x00")
	}
	return cred, nil
}

// askHelper runs docker-credential-NAME get. Source: docker/docker-credential-helpers.
func askHelper(ctx context.Context, name, key string) (credential, error) {
	if strings.ContainsAny(name, `/\`) {
		return credential{}, errors.New("the credential helper in Docker's config.json is not a plain name")
	}
	name = "docker-credential-" + name
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, "get")
	cmd.Stdin = strings.NewReader(key)
	cmd.WaitDelay = time.Second // for children that keep the pipe open
	out := &limited{max: 1 << 20}
	cmd.Stdout = out
	err := cmd.Run()
	if err != nil {
		if ctx.Err() != nil {
			return credential{}, errors.New(name + " did not answer in time")
		}
		if bytes.Contains(out.b, []byte("credentials not found")) {
			return credential{}, nil
		}
		if errors.Is(err, exec.ErrNotFound) {
			return credential{}, errors.New(name + " is named in Docker's config.json and is not in PATH")
		}
		return credential{}, errors.New(name + " failed") // what it wrote may hold secrets
	}
	var answer struct{ Username, Secret string }
	if json.Unmarshal(out.b, &answer) != nil {
		return credential{}, errors.New(name + " did not answer in JSON")
	}
	if answer.Username == "<token>" {
		return credential{identity: answer.Secret}, nil
	}
	return credential{user: answer.Username, password: answer.Secret}, nil
}

// limited keeps the first bytes written to it and forgets the rest.
type limited struct {
	b   []byte
	max int
}

func (l *limited) Write(p []byte) (int, error) {
	l.b = append(l.b, p[:min(len(p), l.max-len(l.b))]...)
	return len(p), nil
}
