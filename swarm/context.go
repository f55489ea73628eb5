package swarm

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// configDir is where docker keeps its settings.
func configDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

// currentContext is the context that DOCKER_CONTEXT or docker context use has
// chosen.
func currentContext() string {
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	text, err := readSmall(filepath.Join(configDir(), "config.json"))
	if err != nil || json.Unmarshal(text, &config) != nil || config.CurrentContext == "" {
		return "default"
	}
	return config.CurrentContext
}

// fromContext reads a context as docker keeps it: its description in
// contexts/meta, its certificates in contexts/tls, in folders that are called by
// the digest of its name. What is kept otherwise is docker's to know.
// https://github.com/docker/cli/blob/v29.7.2/cli/context/store/store.go
func fromContext(name string) (*target, error) {
	t := &target{told: "the context " + name}
	flags := []string{"--context", name}
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	file := filepath.Join(configDir(), "contexts", "meta", id, "meta.json")
	text, err := readSmall(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Code: CodeUnreachable, Text: fmt.Sprintf("there is no Docker context %q: %s is not there", name, file), Hint: "docker context ls lists them", Err: err}
	}
	if err != nil {
		return nil, &Error{Code: CodeFile, Text: err.Error(), Err: err}
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, &Error{Code: CodeFile, Text: fmt.Sprintf("%s: no description of a Docker context: %v", file, err), Err: err}
	}
	docker := meta.Endpoints["docker"]
	if docker.Host == "" {
		return throughDocker(t, flags), nil
	}
	t.address = docker.Host
	if strings.HasPrefix(t.address, "tcp://") {
		dir := filepath.Join(configDir(), "contexts", "tls", id, "docker")
		if list, err := os.ReadDir(dir); len(list) > 0 || docker.SkipTLSVerify {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, &Error{Code: CodeFile, Text: err.Error(), Err: err}
			}
			m, err := readMaterial(dir, !docker.SkipTLSVerify, true)
			if err != nil {
				return nil, err
			}
			t.secure = m
		}
	}
	return t.direct(flags), nil
}

// material is what docker keeps of TLS in a folder: ca.pem, the authority of the
// engine's certificate, and cert.pem and key.pem, the client's own.
type material struct {
	dir    string
	config *tls.Config
	own    *x509.Certificate // of cert.pem; nil where there is none
}

// readMaterial reads such a folder. Without verify the engine is not asked who it
// is, as with docker --tls. The ca.pem of a context is the only authority and may
// be missing, that of DOCKER_CERT_PATH is one beside the system's and must be
// there, as with docker.
func readMaterial(dir string, verify, ofContext bool) (*material, error) {
	m := &material{dir: dir, config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}}
	read := func(name string) ([]byte, error) {
		text, err := readSmall(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return text, err
	}
	ca, err := read("ca.pem")
	cert, certErr := read("cert.pem")
	key, keyErr := read("key.pem")
	if err := errors.Join(err, certErr, keyErr); err != nil {
		return nil, &Error{Code: CodeFile, Text: "TLS: " + err.Error(), Err: err}
	}
	fail := func(format string, args ...any) error {
		return &Error{Code: CodeFile, Text: fmt.Sprintf("TLS: "+format, args...), Hint: "ca.pem is the authority of the engine's certificate; cert.pem and key.pem are the client's own"}
	}
	switch {
	case !verify:
	case ca == nil && !ofContext:
		return nil, fail("%s is not there", filepath.Join(dir, "ca.pem"))
	case ca != nil:
		pool := x509.NewCertPool()
		if system, err := x509.SystemCertPool(); err == nil && !ofContext {
			pool = system
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, fail("%s: no certificate is in it", filepath.Join(dir, "ca.pem"))
		}
		m.config.RootCAs = pool
	}
	switch {
	case cert == nil && key == nil:
		return m, nil
	case cert == nil:
		return nil, fail("%s is not there, although key.pem is", filepath.Join(dir, "cert.pem"))
	case key == nil:
		return nil, fail("%s is not there, although cert.pem is", filepath.Join(dir, "key.pem"))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fail("%s and key.pem: %s", filepath.Join(dir, "cert.pem"), strings.TrimPrefix(err.Error(), "tls: "))
	}
	m.config.Certificates = []tls.Certificate{pair}
	m.own = pair.Leaf
	return m, nil
}

// hint says which of the files is to be looked at after such an error.
func (m *material) hint(err error) string {
	var plain tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var op *net.OpError
	switch {
	case errors.As(err, &plain):
		return "what answers speaks no TLS: without DOCKER_TLS_VERIFY and DOCKER_TLS, or by a context without certificates, it is asked in plain HTTP"
	case errors.As(err, &unknown):
		return filepath.Join(m.dir, "ca.pem") + " is not the authority that signed the engine's certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the engine's certificate must be renewed, or one of the two clocks is wrong"
	case errors.As(err, &name):
		return "ask the engine by a name or an address that its certificate holds"
	case m.own != nil && time.Now().After(m.own.NotAfter):
		return fmt.Sprintf("%s has expired: it was valid until %s", filepath.Join(m.dir, "cert.pem"), m.own.NotAfter.UTC().Format(time.DateTime))
	case errors.As(err, &op) && op.Op == "remote error": // what crypto/tls calls an alert
		if m.own == nil {
			return "the engine wants a client's certificate: " + m.dir + " holds no cert.pem and key.pem"
		}
		return fmt.Sprintf("the engine does not take %s, which %s signed", filepath.Join(m.dir, "cert.pem"), m.own.Issuer)
	case m.own == nil:
		return "it may want a client's certificate: " + m.dir + " holds no cert.pem and key.pem"
	}
	return ""
}

// readSmall reads a file of docker's settings.
func readSmall(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s: larger than %d MB", file, most>>20)
	}
	return text, err
}
