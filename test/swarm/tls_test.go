//go:build realparts && linux

package swarm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
	"github.com/winmatch/winmatch/test/swarm/engines"
)

// TestTLS asks managers whose own dockerd listens with --tlsverify: one with a
// certificate that is right, one whose certificate has expired. The docker command
// asks the same, and must get an answer where we do, and none where we do not.
func TestTLS(t *testing.T) {
	parts.Need(t, "docker")
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	right := engineWithTLS(t, ours, later)
	expired := engineWithTLS(t, ours, before)

	// What a user may have in DOCKER_CERT_PATH.
	dir := t.TempDir()
	kits := map[string]string{}
	for name, c := range map[string]struct {
		ca     *authority
		signer *authority
		until  time.Time
	}{
		"good":           {ours, ours, later},
		"wrong CA":       {theirs, ours, later},
		"no CA":          {nil, ours, later},
		"no client":      {ours, nil, later},
		"foreign client": {ours, theirs, later},
		"expired client": {ours, ours, before},
		"other key":      {ours, ours, later},
		"no key":         {ours, ours, later},
		"not PEM":        {ours, ours, later},
	} {
		kit := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		kits[name] = kit
		if err := os.Mkdir(kit, 0o700); err != nil {
			t.Fatal(err)
		}
		if c.ca != nil {
			parts.Write(t, filepath.Join(kit, "ca.pem"), c.ca.pem)
		}
		if c.signer != nil {
			c.signer.sign(t, kit, x509.ExtKeyUsageClientAuth, c.until)
		}
	}
	parts.Write(t, filepath.Join(kits["other key"], "key.pem"), read(t, filepath.Join(kits["foreign client"], "key.pem")))
	if err := os.Remove(filepath.Join(kits["no key"], "key.pem")); err != nil {
		t.Fatal(err)
	}
	parts.Write(t, filepath.Join(kits["not PEM"], "ca.pem"), "ours")

	const byIP, byName = "tcp://127.0.0.1:2376", "tcp://localhost:2376"
	for _, c := range []struct {
		name    string
		engine  *engines.Engine
		address string
		env     []string // beside DOCKER_HOST
		want    []string // nil: it answers
	}{
		{"good", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["good"]}, nil},
		{"by the address of the network", right, "tcp://10.213.0.1:2376", []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["good"]}, nil},
		{"in docker's folder", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CONFIG=" + kits["good"]}, nil},
		{"not verified", right, byName, []string{"DOCKER_TLS=1", "DOCKER_CERT_PATH=" + kits["wrong CA"]}, nil},
		{"not verified, expired", expired, byIP, []string{"DOCKER_TLS=1", "DOCKER_CERT_PATH=" + kits["good"]}, nil},
		{"wrong CA", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["wrong CA"]},
			[]string{byIP + " (DOCKER_HOST): ", "certificate signed by unknown authority", "hint: " + kits["wrong CA"] + "/ca.pem is not the authority that signed the engine's certificate"}},
		{"no CA", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["no CA"]}, []string{"error: TLS: " + kits["no CA"] + "/ca.pem is not there"}},
		{"a CA that is none", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["not PEM"]}, []string{"error: TLS: " + kits["not PEM"] + "/ca.pem: no certificate is in it"}},
		{"expired engine", expired, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["good"]},
			[]string{byIP + " (DOCKER_HOST): ", "certificate has expired", "hint: the engine's certificate must be renewed"}},
		{"other name", right, byName, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["good"]},
			[]string{byName + " (DOCKER_HOST): ", "hint: ask the engine by a name or an address that its certificate holds"}},
		{"no client", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["no client"]},
			[]string{byIP + " (DOCKER_HOST): ", "want", "a client's certificate: " + kits["no client"] + " holds no cert.pem and key.pem"}},
		{"foreign client", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["foreign client"]},
			[]string{byIP + " (DOCKER_HOST): ", "hint: the engine does not take " + kits["foreign client"] + "/cert.pem, which CN=theirs signed"}},
		{"expired client", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["expired client"]},
			[]string{byIP + " (DOCKER_HOST): ", "hint: " + kits["expired client"] + "/cert.pem has expired: it was valid until " + before.UTC().Format(time.DateTime)}},
		{"other key", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["other key"]}, []string{"error: TLS: " + kits["other key"] + "/cert.pem and key.pem: private key does not match public key"}},
		{"no key", right, byIP, []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["no key"]}, []string{"error: TLS: " + kits["no key"] + "/key.pem is not there, although cert.pem is"}},
		{"plain", right, byIP, nil, []string{"the engine says: Client sent an HTTP request to an HTTPS server", "hint: the engine wants TLS"}},
		{"TLS to nothing", right, "tcp://127.0.0.1:2375", []string{"DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + kits["good"]}, []string{"tcp://127.0.0.1:2375 (DOCKER_HOST): connect: connection refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			within(t, c.engine, append(c.env, "DOCKER_HOST="+c.address), c.want)
		})
	}

	// The same by contexts, which docker itself makes.
	config := filepath.Join(dir, "config")
	for name, c := range map[string]struct {
		kit, address, extra string
		engine              *engines.Engine
		want                []string
	}{
		"good":           {"good", byIP, "", right, nil},
		"skip":           {"wrong CA", byIP, ",skip-tls-verify=true", right, nil},
		"wrong-ca":       {"wrong CA", byIP, "", right, []string{byIP + " (the context wrong-ca): ", "certificate signed by unknown authority", "/docker/ca.pem is not the authority"}},
		"no-client":      {"no client", byIP, "", right, []string{byIP + " (the context no-client): ", "a client's certificate: ", "/docker holds no cert.pem and key.pem"}},
		"expired-client": {"expired client", byIP, "", right, []string{byIP + " (the context expired-client): ", "/docker/cert.pem has expired"}},
		"expired":        {"good", byIP, "", expired, []string{byIP + " (the context expired): ", "certificate has expired"}},
	} {
		t.Run("context "+name, func(t *testing.T) {
			text := "host=" + c.address + c.extra
			for _, key := range []string{"ca", "cert", "key"} {
				if file := filepath.Join(kits[c.kit], key+".pem"); exists(file) {
					text += "," + key + "=" + file
				}
			}
			dockerIn(t, nil, config, nil, "context", "create", name, "--docker", text)
			within(t, c.engine, []string{"DOCKER_CONFIG=" + config, "DOCKER_CONTEXT=" + name}, c.want)
			if c.want == nil {
				dockerIn(t, nil, config, nil, "context", "use", name)
				within(t, c.engine, []string{"DOCKER_CONFIG=" + config}, nil)
				within(t, c.engine, []string{"DOCKER_CONFIG=" + config, "DOCKER_HOST=tcp://127.0.0.1:1", "WINMATCH_CONTEXT=" + name}, nil)
			}
		})
	}
	t.Run("no such context", func(t *testing.T) {
		within(t, right, []string{"DOCKER_CONFIG=" + config, "DOCKER_CONTEXT=nobody"}, []string{`there is no Docker context "nobody": ` + config + "/contexts/meta/", "hint: docker context ls"})
	})
}

// engineWithTLS starts a manager whose dockerd ends TLS itself.
func engineWithTLS(t *testing.T, ca *authority, until time.Time) *engines.Engine {
	t.Helper()
	dir := t.TempDir()
	parts.Write(t, filepath.Join(dir, "ca.pem"), ca.pem)
	ca.sign(t, dir, x509.ExtKeyUsageServerAuth, until)
	start, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := engines.Start(start, []string{"tls"}, nil, "-H", "tcp://0.0.0.0:2376", "--tlsverify",
		"--tlscacert", filepath.Join(dir, "ca.pem"), "--tlscert", filepath.Join(dir, "cert.pem"), "--tlskey", filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c.Engines[0]
}

// within asks from within the network of an engine, by winmatch and by docker.
// want is what winmatch says besides that it failed, nil where both are answered.
// WINMATCH_CONTEXT is no setting of docker's: it becomes --context.
func within(t *testing.T, e *engines.Engine, env, want []string) {
	t.Helper()
	var flags []string
	i := slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, "WINMATCH_CONTEXT=") })
	if i >= 0 {
		flags = []string{"--context", strings.TrimPrefix(env[i], "WINMATCH_CONTEXT=")}
	}
	ask := func(args ...string) (string, int) {
		cmd := exec.Command("nsenter", append(e.Enter()[1:], args...)...)
		cmd.Env = append(withoutDocker(), "DOCKER_CONFIG="+t.TempDir())
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, code := ask(append([]string{winmatch, "swarm", "doctor", "--offline", "-v"}, flags...)...)
	t.Logf("%s", out)
	theirs, theirCode := ask(append(append([]string{"docker"}, flags...), "node", "ls", "-q")...)
	if want == nil {
		if code != 0 || out != "No services.\n" {
			t.Errorf("exit code %d\n%s", code, out)
		}
	} else if code != 2 {
		t.Errorf("exit code %d, want 2\n%s", code, out)
	}
	if (code == 0) != (theirCode == 0) {
		t.Errorf("winmatch: exit code %d, docker: %d\n%s\n%s", code, theirCode, out, theirs)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("no %q in\n%s", w, out)
		}
	}
}

// withoutDocker is the environment without what leads to a Docker.
func withoutDocker() []string {
	return slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "DOCKER_") })
}

// dockerIn runs the docker command, which must succeed.
func dockerIn(t *testing.T, enter []string, config string, env []string, args ...string) {
	t.Helper()
	all := append(append(slices.Clone(enter), "docker"), args...)
	cmd := exec.Command(all[0], all[1:]...)
	cmd.Env = append(append(withoutDocker(), "DOCKER_CONFIG="+config), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: c, key: key, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// sign writes cert.pem and key.pem into a folder.
func (a *authority) sign(t *testing.T, dir string, usage x509.ExtKeyUsage, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "winmatch"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 213, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: text}} {
		parts.Write(t, filepath.Join(dir, name), string(pem.EncodeToMemory(block)))
	}
}
