//go:build realparts

package parts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Credentials of a secure Registry.
const (
	User     = "reader"       // may read and write a secure Registry
	Password = "not-a-secret" // of User
	// htpasswd is what `htpasswd -nbBC 4 reader not-a-secret` prints.
	htpasswd = "reader:$2a$04$C9tI8QCYWVcf3x1dCNk2zea7DQUnmJNDLv00nZNmfSQMja3CVidMK\n"
)

// A Registry is a running docker-registry.
type Registry struct {
	Addr   string // 127.0.0.1:PORT
	URL    string
	Client *http.Client
	CA     string // file of its certificate authority; "" for plain HTTP
	auth   bool
}

// NewRegistry starts a docker-registry that ends with the test. secure: TLS with a
// certificate authority of its own, and basic authentication.
func NewRegistry(t testing.TB, secure bool) *Registry {
	t.Helper()
	program := Need(t, "docker-registry")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{Addr: l.Addr().String(), auth: secure}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.URL, r.Client = "http://"+r.Addr, &http.Client{Timeout: time.Minute}
	config := "version: 0.1\nlog: {level: warn}\nstorage: {inmemory: {}}\nhttp:\n  addr: " + r.Addr + "\n"
	if secure {
		r.URL = "https://" + r.Addr
		pool := r.certificates(t, dir)
		r.Client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
		Write(t, filepath.Join(dir, "htpasswd"), htpasswd)
		config += fmt.Sprintf("  tls: {certificate: %s/cert.pem, key: %s/key.pem}\nauth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir, dir, dir)
	}
	Write(t, filepath.Join(dir, "config.yml"), config)

	var log bytes.Buffer
	cmd := exec.Command(program, "serve", filepath.Join(dir, "config.yml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("docker-registry: %v", err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("docker-registry: %v", err)
		}
		<-exited
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := r.Client.Get(r.URL + "/v2/")
		if err == nil {
			resp.Body.Close()
			return r
		}
		select {
		case <-exited:
			t.Fatalf("docker-registry ended: %v\n%s", cmd.ProcessState, log.Bytes())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("docker-registry does not answer: %v", err)
		}
	}
}

// certificates makes an authority and a certificate for 127.0.0.1.
func (r *Registry) certificates(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	sign := func(cert, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "winmatch test authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, key := newKey(), newKey()
	caPEM := sign(ca, ca, caKey, caKey)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r.CA = filepath.Join(dir, "ca.pem")
	Write(t, r.CA, string(caPEM))
	Write(t, filepath.Join(dir, "cert.pem"), string(sign(leaf, ca, key, caKey)))
	Write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	return pool
}

// Write writes a file of a test.
func Write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Object is a JSON object.
type Object = map[string]any

// Digest is the sha256 of a document.
func Digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// Send makes a request that must be answered with status want, and returns the
// Location of the answer.
func (r *Registry) Send(t testing.TB, method, u, contentType string, body []byte, want int) string {
	t.Helper()
	req, err := http.NewRequest(method, u, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if r.auth {
		req.SetBasicAuth(User, Password)
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %s %v\n%s", method, u, resp.Status, err, text)
	}
	return resp.Header.Get("Location")
}

// Blob uploads a blob and returns its descriptor.
func (r *Registry) Blob(t testing.TB, repo, mediaType string, b []byte) Object {
	t.Helper()
	location := r.Send(t, "POST", r.URL+"/v2/"+repo+"/blobs/uploads/", "", nil, http.StatusAccepted)
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("digest", Digest(b))
	u.RawQuery = q.Encode()
	r.Send(t, "PUT", u.String(), "application/octet-stream", b, http.StatusCreated)
	return Object{"mediaType": mediaType, "digest": Digest(b), "size": len(b)}
}

// Media types: of an index, a manifest, a config and a layer.
var (
	Docker = [...]string{"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"}
	OCI = [...]string{"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
		"application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"}
)

// Manifest uploads a manifest or an index, by digest where there is no tag, and
// returns its descriptor.
func (r *Registry) Manifest(t testing.TB, repo, tag, mediaType string, v any) Object {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if tag == "" {
		tag = Digest(b)
	}
	r.Send(t, "PUT", r.URL+"/v2/"+repo+"/manifests/"+tag, mediaType, b, http.StatusCreated)
	return Object{"mediaType": mediaType, "digest": Digest(b), "size": len(b)}
}

// A Kid is a child of an index to push. OSVersion stands in the index,
// ConfigVersion in the image's own config.
type Kid struct {
	OS, OSVersion, ConfigVersion string
	Created                      string // in the config; "" for none
}

// Windows is a Windows image by its index and by its config.
func Windows(osVersion, configVersion string) Kid {
	return Kid{OS: "windows", OSVersion: osVersion, ConfigVersion: configVersion}
}

// Push makes an index of these children, one of them an attestation for each.
func (r *Registry) Push(t testing.TB, repo, tag string, types [4]string, kids []Kid) (index string, children []string) {
	t.Helper()
	var list, attestations []Object
	tarball := Tar(t, map[string]string{"Files/hello.txt": "hello"})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(tarball); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	layer := r.Blob(t, repo, types[3], packed.Bytes())
	for i, k := range kids {
		values := Object{"os": k.OS, "architecture": "amd64", "os.version": k.ConfigVersion,
			"rootfs": Object{"type": "layers", "diff_ids": []string{Digest(tarball)}}, "author": fmt.Sprint(i)}
		if k.Created != "" {
			values["created"] = k.Created
		}
		config, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		desc := r.Manifest(t, repo, "", types[1], Object{"schemaVersion": 2, "mediaType": types[1],
			"config": r.Blob(t, repo, types[2], config), "layers": []Object{layer}})
		platform := Object{"os": k.OS, "architecture": "amd64"}
		if k.OSVersion != "" {
			platform["os.version"] = k.OSVersion
		}
		children = append(children, desc["digest"].(string))
		attestation := r.Manifest(t, repo, "", types[1], Object{"schemaVersion": 2, "mediaType": types[1],
			"config": r.Blob(t, repo, types[2], fmt.Appendf(nil, `{"os":"unknown","architecture":"unknown","author":"%d"}`, i)), "layers": []Object{layer}})
		attestation["platform"] = Object{"os": "unknown", "architecture": "unknown"}
		attestation["annotations"] = Object{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": desc["digest"]}
		desc["platform"] = platform
		list, attestations = append(list, desc), append(attestations, attestation)
	}
	desc := r.Manifest(t, repo, tag, types[0], Object{"schemaVersion": 2, "mediaType": types[0], "manifests": append(list, attestations...)})
	return desc["digest"].(string), children
}

// Tar is a tar archive of these files, in the order of their names.
func Tar(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Login writes Docker's config.json for a registry and returns its folder.
func Login(t testing.TB, addr, password string) string {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(User + ":" + password))
	Write(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, addr, auth))
	return dir
}

// Get reads a document: "/v2/REPOSITORY/manifests/TAG".
func (r *Registry) Get(t testing.TB, path, accept string) []byte {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if r.auth {
		req.SetBasicAuth(User, Password)
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", path, resp.Status, err, b)
	}
	return b
}

// Index reads the entries of an index.
func (r *Registry) Index(t testing.TB, repo, tag, mediaType string) []any {
	t.Helper()
	var doc Object
	b := r.Get(t, "/v2/"+repo+"/manifests/"+tag, mediaType)
	if err := json.Unmarshal(b, &doc); err != nil || doc["mediaType"] != mediaType {
		t.Fatalf("%v\n%s", err, b)
	}
	return doc["manifests"].([]any)
}
