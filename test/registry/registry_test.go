//go:build realparts

// Package registry_test lets the real winmatch ask a foreign registry, Debian's
// docker-registry: by TLS and by plain HTTP, with and without the right to
// read, about indexes shaped like those that facts/source/image-tags.csv saw.
package registry_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

const (
	user, password = "reader", "not-a-secret"
	// htpasswd is what `htpasswd -nbBC 4 reader not-a-secret` prints.
	htpasswd = "reader:$2a$04$C9tI8QCYWVcf3x1dCNk2zea7DQUnmJNDLv00nZNmfSQMja3CVidMK\n"
)

// A registry is a running docker-registry.
type registry struct {
	addr   string // 127.0.0.1:PORT
	url    string
	client *http.Client
	ca     string // file of its certificate authority; "" for plain HTTP
	auth   bool
}

// start starts a docker-registry that ends with the test. secure: TLS with a
// certificate authority of its own, and basic authentication.
func start(t *testing.T, secure bool) *registry {
	t.Helper()
	program := parts.Need(t, "docker-registry")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &registry{addr: l.Addr().String(), auth: secure}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.url, r.client = "http://"+r.addr, &http.Client{Timeout: 10 * time.Second}
	config := "version: 0.1\nlog: {level: warn}\nstorage: {inmemory: {}}\nhttp:\n  addr: " + r.addr + "\n"
	if secure {
		r.url = "https://" + r.addr
		pool := r.certificates(t, dir)
		r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
		write(t, filepath.Join(dir, "htpasswd"), htpasswd)
		config += fmt.Sprintf("  tls: {certificate: %s/cert.pem, key: %s/key.pem}\nauth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir, dir, dir)
	}
	write(t, filepath.Join(dir, "config.yml"), config)

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
		resp, err := r.client.Get(r.url + "/v2/")
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
func (r *registry) certificates(t *testing.T, dir string) *x509.CertPool {
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
	r.ca = filepath.Join(dir, "ca.pem")
	write(t, r.ca, string(caPEM))
	write(t, filepath.Join(dir, "cert.pem"), string(sign(leaf, ca, key, caKey)))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	return pool
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// send makes a request that must be answered with status want, and returns the
// Location of the answer.
func (r *registry) send(t *testing.T, method, u, contentType string, body []byte, want int) string {
	t.Helper()
	req, err := http.NewRequest(method, u, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if r.auth {
		req.SetBasicAuth(user, password)
	}
	resp, err := r.client.Do(req)
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

// blob uploads a blob and returns its descriptor.
func (r *registry) blob(t *testing.T, repo, mediaType string, b []byte) object {
	t.Helper()
	location := r.send(t, "POST", r.url+"/v2/"+repo+"/blobs/uploads/", "", nil, http.StatusAccepted)
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("digest", digest(b))
	u.RawQuery = q.Encode()
	r.send(t, "PUT", u.String(), "application/octet-stream", b, http.StatusCreated)
	return object{"mediaType": mediaType, "digest": digest(b), "size": len(b)}
}

// Media types: Docker's own, and those of OCI.
var docker = [...]string{"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"}
var oci = [...]string{"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"}

func (r *registry) manifest(t *testing.T, repo, tag, mediaType string, v any) object {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if tag == "" {
		tag = digest(b)
	}
	r.send(t, "PUT", r.url+"/v2/"+repo+"/manifests/"+tag, mediaType, b, http.StatusCreated)
	return object{"mediaType": mediaType, "digest": digest(b), "size": len(b)}
}

// A kid is a child of an index to push. osVersion stands in the index,
// configVersion in the image's own config.
type kid struct{ os, osVersion, configVersion string }

// push makes an index of these children, one of them an attestation for each.
func (r *registry) push(t *testing.T, repo, tag string, types [4]string, kids []kid) (index string, children []string) {
	t.Helper()
	var list, attestations []object
	layer := r.blob(t, repo, types[3], []byte("no layer that anybody unpacks"))
	for i, k := range kids {
		config, err := json.Marshal(object{"os": k.os, "architecture": "amd64", "os.version": k.configVersion,
			"rootfs": object{"type": "layers", "diff_ids": []string{digest([]byte("layer"))}}, "author": fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		desc := r.manifest(t, repo, "", types[1], object{"schemaVersion": 2, "mediaType": types[1],
			"config": r.blob(t, repo, types[2], config), "layers": []object{layer}})
		platform := object{"os": k.os, "architecture": "amd64"}
		if k.osVersion != "" {
			platform["os.version"] = k.osVersion
		}
		children = append(children, desc["digest"].(string))
		attestation := r.manifest(t, repo, "", types[1], object{"schemaVersion": 2, "mediaType": types[1],
			"config": r.blob(t, repo, types[2], fmt.Appendf(nil, `{"os":"unknown","architecture":"unknown","author":"%d"}`, i)), "layers": []object{layer}})
		attestation["platform"] = object{"os": "unknown", "architecture": "unknown"}
		attestation["annotations"] = object{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": desc["digest"]}
		desc["platform"] = platform
		list, attestations = append(list, desc), append(attestations, attestation)
	}
	desc := r.manifest(t, repo, tag, types[0], object{"schemaVersion": 2, "mediaType": types[0], "manifests": append(list, attestations...)})
	return desc["digest"].(string), children
}

// winmatch is the program under test, started as a person starts it.
type winmatch struct{ program string }

func build(t *testing.T) winmatch {
	t.Helper()
	program := filepath.Join(t.TempDir(), "winmatch")
	parts.Go(t, ".", nil, "build", "-trimpath", "-tags", "nethttpomithttp2", "-o", program, "./cmd/winmatch")
	return winmatch{program}
}

// login writes Docker's config.json for a registry and returns its folder.
func login(t *testing.T, addr, password string) string {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	write(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, addr, auth))
	return dir
}

// answer is what this test reads of `check -o json`.
type answer struct {
	Results []struct {
		Host  struct{ Build int }
		Image struct {
			Reference, Digest, OS, OSVersion, Basis string
		}
		Answer    string
		Predicted struct{ Pull, Start string }
		Reasons   []struct{ Code string }
	}
}

func (w winmatch) run(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(w.program, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "DOCKER_") || strings.HasPrefix(s, "SSL_CERT")
	}), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (w winmatch) check(t *testing.T, env []string, args ...string) (answer, int) {
	t.Helper()
	stdout, stderr, code := w.run(t, env, append([]string{"check", "-o", "json"}, args...)...)
	var a answer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil {
		t.Fatalf("winmatch %v: exit %d, %v\n%s%s", args, code, err, stdout, stderr)
	}
	return a, code
}

// observed reads the indexes of several Windows versions that image-tags.csv
// saw: the versions of each, in the order of the file.
func observed(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(parts.Root, "facts", "source", "image-tags.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	all := map[string][]string{}
	for _, row := range rows[1:] {
		index, version := row[column["index_digest"]], row[column["os_version"]]
		if index == "" || version == "" || row[column["os_version_basis"]] != "manifest" {
			continue
		}
		name := row[column["repo"]] + "@" + index
		if !slices.Contains(all[name], version) {
			all[name] = append(all[name], version)
		}
	}
	for name, versions := range all {
		if len(versions) < 2 {
			delete(all, name)
		}
	}
	return all
}

// beforeFebruary is a host below the boundary of February 2020, 17763.1039:
// images above it do not start there in process isolation.
const beforeFebruary = "10.0.17763.437"

func before2020(version string) bool {
	revision, err := strconv.Atoi(strings.Split(version, ".")[3])
	return err == nil && revision < 1039
}

func buildOf(version string) string { return strings.Split(version, ".")[2] }

func TestSecureRegistry(t *testing.T) {
	r, w := start(t, true), build(t)
	env := []string{"SSL_CERT_FILE=" + r.ca, "DOCKER_CONFIG=" + login(t, r.addr, password)}

	// Every index of several versions: a host of the version of one child gets
	// that child, whatever stands around it.
	t.Run("observed", func(t *testing.T) {
		indexes := observed(t)
		if len(indexes) < 20 {
			t.Fatalf("only %d indexes of several Windows versions in image-tags.csv", len(indexes))
		}
		names := make([]string, 0, len(indexes))
		for name := range indexes {
			names = append(names, name)
		}
		slices.Sort(names)
		type pushed struct {
			digest   string
			versions []string
		}
		var refs []string
		all := map[string]pushed{}
		for i, name := range names {
			repo, _, _ := strings.Cut(name, "@")
			types, tag := docker, fmt.Sprint("t", i)
			if i%2 == 1 {
				types = oci
			}
			kids := []kid{{os: "linux"}}
			for _, v := range indexes[name] {
				kids = append(kids, kid{"windows", v, v})
			}
			digest, children := r.push(t, repo, tag, types, append(kids, kid{os: "linux"}))
			ref := r.addr + "/" + repo + ":" + tag
			all[ref] = pushed{digest, indexes[name]}
			refs = append(refs, ref)
			if len(children) != len(kids)+1 {
				t.Fatal("lost a child")
			}
		}
		for _, version := range []string{"10.0.14393.1944", beforeFebruary, "10.0.20348.169"} {
			a, _ := w.check(t, env, append([]string{"--host", version, "--runtime", "docker"}, refs...)...)
			if len(a.Results) != len(refs) {
				t.Fatalf("%d results for %d references", len(a.Results), len(refs))
			}
			for i, res := range a.Results {
				p := all[refs[i]]
				if res.Image.Reference != refs[i] || res.Image.Basis != "registry" || res.Image.OS != "windows" {
					t.Errorf("%s: %+v", refs[i], res.Image)
				}
				// Docker's classic store: the child of the host's build, else
				// the first one that is no newer than the host.
				want := ""
				for _, v := range p.versions {
					if buildOf(v) == buildOf(version) {
						want = v
						break
					}
				}
				for _, v := range p.versions {
					if want == "" && buildOf(v) < buildOf(version) {
						want = v
					}
				}
				switch {
				case want == "":
					if res.Predicted.Pull != "refused" || res.Answer != "no" {
						t.Errorf("%s %v on %s: %+v", refs[i], p.versions, version, res)
					}
				case res.Image.OSVersion != want || res.Predicted.Pull != "accepted":
					t.Errorf("%s %v on %s: takes %s, pull %s, want %s", refs[i], p.versions, version, res.Image.OSVersion, res.Predicted.Pull, want)
				case want == version && res.Predicted.Start != "runs":
					t.Errorf("%s: %s on itself: start %s", refs[i], version, res.Predicted.Start)
				case buildOf(want) == buildOf(version) && want != version && version == beforeFebruary && res.Predicted.Start == "runs" != before2020(want):
					t.Errorf("%s: %s on %s: start %s", refs[i], want, version, res.Predicted.Start)
				case buildOf(want) < buildOf(version) && res.Answer == "yes":
					t.Errorf("%s: %s on %s is answered yes", refs[i], want, version)
				}
			}
		}
	})

	// A child without os.version is looked into, or said to lack it; never is
	// its version made up.
	t.Run("missing", func(t *testing.T) {
		r.push(t, "win/missing", "1", oci, []kid{{"windows", "", "10.0.20348.2227"}, {os: "linux"}})
		a, code := w.check(t, env, "--host", "10.0.20348.2227", r.addr+"/win/missing:1")
		res := a.Results[0]
		missing := false
		for _, reason := range res.Reasons {
			missing = missing || reason.Code == "os-version-missing"
		}
		switch {
		case res.Image.OSVersion != "" && res.Image.OSVersion != "10.0.20348.2227",
			res.Image.OSVersion == "" && (res.Answer == "yes" || !missing),
			res.Answer == "no", code == 1:
			t.Errorf("exit %d, %+v", code, res)
		}
	})

	t.Run("linux", func(t *testing.T) {
		r.push(t, "lin/ux", "1", docker, []kid{{os: "linux"}})
		a, code := w.check(t, env, "--host", "ws2022", r.addr+"/lin/ux:1")
		if code != 1 || a.Results[0].Answer != "no" || a.Results[0].Reasons[0].Code != "not-windows" {
			t.Errorf("exit %d, %+v", code, a)
		}
	})

	// What is not there does not run.
	t.Run("not found", func(t *testing.T) {
		for _, ref := range []string{r.addr + "/win/missing:2", r.addr + "/no/such:1"} {
			a, code := w.check(t, env, "--host", "ws2022", ref)
			if res := a.Results[0]; code != 1 || res.Answer != "no" || res.Image.OSVersion != "" || res.Reasons[0].Code != "image-not-found" {
				t.Errorf("exit %d, %+v", code, res)
			}
		}
	})

	// What goes wrong is said, on standard error, with exit code 2.
	ref := r.addr + "/win/missing:1"
	for _, c := range []struct {
		name string
		env  []string
		ref  string
		want []string
	}{
		{"wrong password", []string{"SSL_CERT_FILE=" + r.ca, "DOCKER_CONFIG=" + login(t, r.addr, "wrong")}, ref, []string{"401"}},
		{"no password", []string{"SSL_CERT_FILE=" + r.ca, "DOCKER_CONFIG=" + t.TempDir()}, ref, []string{"401"}},
		{"password of another", []string{"SSL_CERT_FILE=" + r.ca, "DOCKER_CONFIG=" + login(t, "127.0.0.1:1", password)}, ref, []string{"401"}},
		{"unknown authority", []string{"DOCKER_CONFIG=" + login(t, r.addr, password)}, ref, []string{"certificate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, code := w.run(t, c.env, "check", "--host", "ws2022", c.ref)
			if code != 2 {
				t.Errorf("exit %d", code)
			}
			for _, want := range append(c.want, "winmatch: error: ") {
				if !strings.Contains(stderr, want) {
					t.Errorf("standard error lacks %q:\n%s", want, stderr)
				}
			}
			if stdout != "" {
				t.Errorf("standard output is not empty:\n%s", stdout)
			}
			for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("it prints the password:\n%s%s", stdout, stderr)
				}
			}
		})
	}
}

func TestPlainRegistry(t *testing.T) {
	r, w := start(t, false), build(t)
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	_, children := r.push(t, "a/b", "1", docker, []kid{
		{"windows", "10.0.20348.3207", "10.0.20348.3207"}, {"windows", "10.0.26100.2894", "10.0.26100.2894"},
	})
	ref := r.addr + "/a/b:1"
	// containerd 2.0 takes the first of the index, Docker the host's build.
	for runtime, want := range map[string]string{"containerd@2.0.0": "10.0.20348.3207", "docker": "10.0.26100.2894"} {
		a, code := w.check(t, env, "--insecure", "--host", "10.0.26100.2894", "--runtime", runtime, ref)
		if res := a.Results[0]; code != 0 || res.Image.OSVersion != want || res.Image.Basis != "registry" || res.Answer != "yes" {
			t.Errorf("%s: exit %d, %+v", runtime, code, res)
		}
	}
	// A digest names one child.
	a, code := w.check(t, env, "--insecure", "--host", "10.0.20348.3207", r.addr+"/a/b@"+children[1])
	if res := a.Results[0]; code != 1 || res.Image.OSVersion != "10.0.26100.2894" || res.Image.Digest != children[1] {
		t.Errorf("by digest: exit %d, %+v", code, res)
	}
	// Without --insecure it is not asked by plain HTTP.
	if stdout, stderr, code := w.run(t, env, "check", "--host", "ws2022", ref); code != 2 || stdout != "" || !strings.Contains(stderr, "--insecure") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}
