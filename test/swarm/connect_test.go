//go:build realparts && linux

package swarm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

// TestPermission: a user who may not open the socket is told so.
func TestPermission(t *testing.T) {
	program := filepath.Join(t.TempDir(), "winmatch")
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(filepath.Dir(program)); dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	body, err := os.ReadFile(winmatch)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, body, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "swarm", "doctor")
	cmd.Dir = "/"
	cmd.Env = []string{"DOCKER_HOST=unix://" + manager.Socket, "HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("permission denied")) || !bytes.Contains(out, []byte("hint: the socket wants root or a member of the group docker")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTLS: by DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, and by a context that holds
// the certificates. What ends TLS here stands before the real manager's socket, and
// wants a client's certificate as dockerd --tlsverify does.
func TestTLS(t *testing.T) {
	parts.Need(t, "docker")
	certs, serverConfig := certificates(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				engine, err := net.Dial("unix", manager.Socket)
				if err != nil {
					return
				}
				defer engine.Close()
				go func() { _, _ = io.Copy(engine, c); engine.Close() }()
				_, _ = io.Copy(c, engine)
			}()
		}
	}()
	service(t, "private", imageNone, 1)
	until(t, "private", "running", func(list []task) bool { return len(running(t, list)) == 1 })
	address := "tcp://" + l.Addr().String()
	args := []string{"swarm", "doctor", "--offline", "-v", "private"}
	// Without TLS the server says nothing that is HTTP.
	expect(t, address, 2, []string{"winmatch: error: "}, args...)
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	t.Setenv("DOCKER_CERT_PATH", certs)
	expect(t, address, 0, []string{"private 1/1"}, args...)
	t.Setenv("DOCKER_CERT_PATH", t.TempDir())
	expect(t, address, 2, []string{"winmatch: error: ", "ca.pem"}, args...)

	t.Setenv("DOCKER_TLS_VERIFY", "")
	t.Setenv("DOCKER_CERT_PATH", "")
	config := t.TempDir()
	t.Setenv("WINMATCH_TEST_CONFIG", config)
	create := exec.Command("docker", "context", "create", "private", "--docker",
		"host="+address+",ca="+certs+"/ca.pem,cert="+certs+"/cert.pem,key="+certs+"/key.pem")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DOCKER_") {
			create.Env = append(create.Env, v)
		}
	}
	create.Env = append(create.Env, "DOCKER_CONFIG="+config)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	expect(t, "", 0, []string{"private 1/1"}, append(args, "--context", "private")...)
}

// certificates makes an authority and what it signs: a folder as DOCKER_CERT_PATH
// wants it, and the server's side.
func certificates(t *testing.T) (dir string, server *tls.Config) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	made := func(serial int64, usage x509.ExtKeyUsage) (der []byte, key *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "winmatch"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		if parent == nil {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
			parent, parentKey = c, key
		}
		if der, err = x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey); err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	ca, _ := made(1, 0)
	write("ca.pem", "CERTIFICATE", ca)
	client, key := made(2, x509.ExtKeyUsageClientAuth)
	write("cert.pem", "CERTIFICATE", client)
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", "EC PRIVATE KEY", text)
	own, ownKey := made(3, x509.ExtKeyUsageServerAuth)
	authority, err := x509.ParseCertificate(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return dir, &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		Certificates: []tls.Certificate{{Certificate: [][]byte{own}, PrivateKey: ownKey}}}
}
