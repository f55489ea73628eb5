//go:build realparts

// Package cluster starts a Kubernetes of real parts for tests: etcd,
// kube-apiserver with TLS and RBAC, kube-controller-manager and kube-scheduler, on
// free ports of the loopback. There is no kubelet: nodes are objects, which kwok
// keeps alive; what their pods do stages.yaml says, by annotations, or a test does.
package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/winmatch/winmatch/test/parts"
)

// Cluster is a running control plane.
type Cluster struct {
	Kube       kubernetes.Interface // as an administrator
	Config     *rest.Config
	Kubeconfig string // of the administrator
	Kubectl    string // the program, of the server's version

	dir   string
	url   string
	bin   map[string]string
	parts []*part
	api   []string // arguments of the API server, to start it again
}

// part is a running program.
type part struct {
	name string
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// tail keeps the end of a program's output.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-8<<10):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// The users of the control plane, each with its own token.
const users = `admin-token,admin,admin,"system:masters"
scheduler-token,system:kube-scheduler,scheduler
manager-token,system:kube-controller-manager,manager
`

// Start starts a control plane. Stop ends it.
func Start() (*Cluster, error) {
	build := exec.Command(filepath.Join(parts.Root, "test", "kube", "build.sh"))
	var stderr bytes.Buffer
	build.Stderr = &stderr
	out, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("the real part Kubernetes could not be built: %w\n%s", err, stderr.Bytes())
	}
	c := &Cluster{bin: map[string]string{}}
	for _, file := range strings.Fields(string(out)) {
		name := filepath.Base(file)
		c.bin[name[:strings.LastIndex(name, "-v")]] = file
	}
	c.Kubectl = c.bin["kubectl"]
	if c.dir, err = os.MkdirTemp("", "winmatch-kube"); err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start() error {
	etcd, peer, api, err := ports()
	if err != nil {
		return err
	}
	if err := c.files(api); err != nil {
		return err
	}
	client := "http://" + etcd
	if err := c.run("etcd", "--data-dir", c.path("etcd"), "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", "http://"+peer,
		"--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer, "--unsafe-no-fsync", "--log-level", "error", "--quota-backend-bytes", "4294967296"); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(api)
	if err != nil {
		return err
	}
	c.api = []string{"--etcd-servers", client, "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", port, "--cert-dir", c.path("certs"),
		"--token-auth-file", c.path("users.csv"), "--authorization-mode", "RBAC", "--service-account-key-file", c.path("account.pem"),
		"--service-account-signing-key-file", c.path("account.pem"), "--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", "10.0.0.0/24",
		"--endpoint-reconciler-type", "none", "--allow-privileged"} // HostProcess containers are privileged ones
	if err := c.StartServer(); err != nil {
		return err
	}
	ca := c.path("certs", "apiserver.crt")
	if err := c.run("kube-controller-manager", "--kubeconfig", c.path("manager"), "--leader-elect=false", "--secure-port", "0", "--use-service-account-credentials",
		"--service-account-private-key-file", c.path("account.pem"), "--root-ca-file", ca,
		"--node-monitor-grace-period", "20s", "--node-startup-grace-period", "20s"); err != nil {
		return err
	}
	if err := c.run("kwok", "--kubeconfig", c.Kubeconfig, "--config", filepath.Join(parts.Root, "test", "kube", "cluster", "stages.yaml"), "--server-address", "127.0.0.1:0",
		"--manage-nodes-with-annotation-selector", alive+"=true", "--node-lease-duration-seconds", "12"); err != nil {
		return err
	}
	if err := c.run("kube-scheduler", "--kubeconfig", c.path("scheduler"), "--leader-elect=false", "--secure-port", "0"); err != nil {
		return err
	}
	return c.wait("the default service account", 60*time.Second, func(ctx context.Context) error {
		_, err := c.Kube.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// files writes the keys, users and kubeconfigs.
func (c *Cluster) files(api string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	write := func(name, text string) error { return os.WriteFile(c.path(name), []byte(text), 0o600) }
	err = errors.Join(write("account.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))), write("users.csv", users))
	c.url = "https://" + api
	for _, name := range []string{"admin", "scheduler", "manager"} {
		err = errors.Join(err, c.kubeconfig(c.path(name), name+"-token"))
	}
	c.Kubeconfig = c.path("admin")
	c.Config = &rest.Config{Host: c.url, BearerToken: "admin-token", QPS: -1, TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("certs", "apiserver.crt")}}
	return err
}

func (c *Cluster) kubeconfig(file, token string) error {
	return os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
contexts: [{name: test, context: {cluster: test, user: me}}]
current-context: test
users: [{name: me, user: {token: %q}}]
`, c.url, c.path("certs", "apiserver.crt"), token), 0o600)
}

func (c *Cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// ports are three free addresses of the loopback.
func ports() (a, b, c string, err error) {
	var list [3]string
	var held []net.Listener
	for i := range list {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", "", err
		}
		held = append(held, l)
		list[i] = l.Addr().String()
	}
	for _, l := range held {
		err = errors.Join(err, l.Close())
	}
	return list[0], list[1], list[2], err
}

// run starts a part.
func (c *Cluster) run(name string, args ...string) error {
	if c.bin[name] == "" {
		return fmt.Errorf("the real part %s is missing: test/kube/build.sh builds it", name)
	}
	p := &part{name: name, cmd: exec.Command(c.bin[name], args...), log: &tail{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	c.parts = append(c.parts, p)
	return nil
}

// StartServer starts the API server, again after StopServer, and waits until it
// answers.
func (c *Cluster) StartServer() error {
	if err := c.run("kube-apiserver", c.api...); err != nil {
		return err
	}
	return c.wait("kube-apiserver", 60*time.Second, func(ctx context.Context) error {
		if c.Kube == nil { // its certificate is made at the first start
			if _, err := os.Stat(c.Config.CAFile); err != nil {
				return err
			}
			k, err := kubernetes.NewForConfig(c.Config)
			if err != nil {
				return err
			}
			c.Kube = k
		}
		code := 0
		err := c.Kube.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&code).Error()
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("/readyz answers %d", code)
		}
		return err
	})
}

// StopServer kills the API server.
func (c *Cluster) StopServer() { c.kill("kube-apiserver") }

func (c *Cluster) kill(name string) {
	var rest []*part
	for _, p := range c.parts {
		if p.name != name {
			rest = append(rest, p)
			continue
		}
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	c.parts = rest
}

// wait repeats a question until it has an answer, a part ends, or time is up.
func (c *Cluster) wait(what string, limit time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		for _, p := range c.parts {
			select {
			case <-p.done:
				return fmt.Errorf("%s ended: %s\n%s", p.name, p.cmd.ProcessState, p.log)
			default:
			}
		}
		select {
		case <-ctx.Done():
			last := ""
			if len(c.parts) > 0 {
				last = c.parts[len(c.parts)-1].log.String()
			}
			return fmt.Errorf("%s: not there after %s: %w\n%s", what, limit, err, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends all parts and removes their files.
func (c *Cluster) Stop() error {
	for _, name := range []string{"kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		c.kill(name)
	}
	return os.RemoveAll(c.dir)
}

// Account makes a service account that has the cluster roles of some files of
// kube/rbac, and returns its kubeconfig.
func (c *Cluster) Account(ctx context.Context, name string, roles ...string) (kubeconfig string, err error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}}
	if _, err := c.Kube.CoreV1().ServiceAccounts("default").Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	for _, role := range roles {
		out, err := exec.CommandContext(ctx, c.Kubectl, "--kubeconfig", c.Kubeconfig, "apply", "-f", filepath.Join(parts.Root, "kube", "rbac", role+".yaml"), "-o", "name").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("kube/rbac/%s.yaml: %w\n%s", role, err, out)
		}
		for line := range strings.Lines(string(out)) {
			_, made, ok := strings.Cut(strings.TrimSpace(line), "clusterrole.rbac.authorization.k8s.io/")
			if !ok {
				continue
			}
			bind := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name + "-" + made},
				RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: made},
				Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: "default"}}}
			if _, err := c.Kube.RbacV1().ClusterRoleBindings().Create(ctx, bind, metav1.CreateOptions{}); err != nil {
				return "", err
			}
		}
	}
	token, err := createToken(ctx, c.Kube, name)
	if err != nil {
		return "", err
	}
	kubeconfig = c.path("account-" + name)
	return kubeconfig, c.kubeconfig(kubeconfig, token)
}

// Compact makes etcd forget everything but the present, so that older lists expire.
func (c *Cluster) Compact(ctx context.Context) error {
	etcd := c.api[1]
	var now struct{ Header struct{ Revision string } }
	ask := func(path, body string, answer any) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, etcd+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("etcd %s: %s", path, resp.Status)
		}
		return json.NewDecoder(resp.Body).Decode(answer)
	}
	if err := ask("/v3/kv/range", `{"key":"AA=="}`, &now); err != nil {
		return err
	}
	return ask("/v3/kv/compaction", fmt.Sprintf(`{"revision":%q,"physical":true}`, now.Header.Revision), &struct{}{})
}
