//go:build realparts && linux

package swarm_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

// far is a real sshd on a port of this machine, with users and files of its own.
type far struct {
	port, dir string
	cmd       *exec.Cmd
	proxied   string // what its user proxied asks
}

// farSide is what runs in namespaces that end with it: an sshd for whom /run and
// /etc/passwd are its own. The manager's socket is where docker looks for one.
const farSide = `set -e
dir=$1 socket=$2
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
mkdir -p /var/run
cp "$dir/id.pub" /run/keys
chmod 644 /run/keys
ln -s "$socket" /run/docker.sock
mount --bind "$dir/passwd" /etc/passwd
exec "$(command -v sshd)" -D -e -f "$dir/sshd_config"`

// newFar starts it. Its users are all root but plain: swarm finds the manager as
// docker finds an engine of its machine, proxied by DOCKER_HOST, away finds none,
// bare has no docker command.
func newFar(t *testing.T, proxied string) *far {
	t.Helper()
	for _, program := range []string{"sshd", "ssh", "ssh-keygen", "docker", "unshare"} {
		parts.Need(t, program)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	f := &far{port: port, dir: t.TempDir(), proxied: proxied}
	for _, name := range []string{"id", "host", "other"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(f.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	passwd := read(t, "/etc/passwd")
	for _, name := range []string{"swarm", "proxied", "away", "bare"} {
		passwd += name + ":x:0:0::/:/bin/sh\n"
	}
	parts.Write(t, filepath.Join(f.dir, "passwd"), passwd+"plain:x:65533:65533::/:/bin/sh\n")
	path := "SetEnv PATH=/usr/bin:/bin" // where Debian's docker is
	parts.Write(t, filepath.Join(f.dir, "sshd_config"), strings.Join([]string{
		"ListenAddress 127.0.0.1:" + port, "HostKey " + filepath.Join(f.dir, "host"), "AuthorizedKeysFile /run/keys", "StrictModes no", "UsePAM no",
		"PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PidFile none", "LogLevel ERROR",
		"Match User proxied", path + " DOCKER_HOST=" + proxied, "Match User away", path + " DOCKER_HOST=unix:///run/nobody.sock",
		"Match User bare", "SetEnv PATH=/nonexistent", "Match User swarm,plain", path, "",
	}, "\n"))
	var log bytes.Buffer
	f.cmd = exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", farSide, "far", f.dir, manager.Socket)
	f.cmd.Stdout, f.cmd.Stderr = &log, &log
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { _ = f.cmd.Wait() })
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		ended.Wait()
		if t.Failed() {
			t.Logf("sshd: %s", &log)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return f
		}
		if time.Now().After(end) {
			t.Fatalf("the real part sshd does not answer: %v\n%s", err, &log)
		}
	}
}

// cut ends all sessions, and leaves the sshd that takes new ones.
func (f *far) cut(t *testing.T) {
	list := children(t, f.cmd.Process.Pid) // unshare's: the sshd
	for _, sshd := range list {
		for _, session := range children(t, sshd) {
			for _, inner := range children(t, session) {
				_ = syscall.Kill(inner, syscall.SIGKILL)
			}
			_ = syscall.Kill(session, syscall.SIGKILL)
		}
	}
}

func children(t *testing.T, parent int) (out []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Error(err)
	}
	for _, file := range stats {
		text, _ := os.ReadFile(file) // it may have ended
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			out = append(out, pid)
		}
	}
	return out
}

// near is this side: a home of ssh's own, with a key and the known hosts.
func (f *far) near(t *testing.T, key, known string) (home string) {
	t.Helper()
	home = t.TempDir()
	dir := filepath.Join(home, ".ssh")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	parts.Write(t, filepath.Join(dir, "config"), "IdentityFile ~/.ssh/id\nIdentitiesOnly yes\nIdentityAgent none\n")
	parts.Write(t, filepath.Join(dir, "id"), read(t, filepath.Join(f.dir, key)))
	if known != "" {
		parts.Write(t, filepath.Join(dir, "known_hosts"), fmt.Sprintf("[127.0.0.1]:%s %s", f.port, read(t, filepath.Join(f.dir, known+".pub"))))
	}
	for _, name := range []string{"id", "config"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// run runs winmatch with that home, which is mounted where this user's is, since
// ssh does not ask HOME; and without a terminal, on which ssh would ask.
func (f *far) run(t *testing.T, home string, env []string, code int, want []string, args ...string) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", `mount --bind "$0" "$1" || exit; shift; [ -z "$NO_PATH" ] || PATH=/nonexistent; exec "$@"`, home, me.HomeDir, winmatch}, args...)...)
	cmd.Dir = "/"
	cmd.Env = append(append(withoutDocker(), "DOCKER_CONFIG="+filepath.Join(home, ".docker")), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Logf("$ winmatch %s\n%s", strings.Join(args, " "), out)
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, out)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("no %q in\n%s", w, out)
		}
	}
	return string(out)
}

func (f *far) address(name string) string { return "ssh://" + name + "@127.0.0.1:" + f.port }

// TestSSH asks the manager through a real sshd, by DOCKER_HOST and by a context.
func TestSSH(t *testing.T) {
	f := newFar(t, "unix://"+manager.Socket)
	home := f.near(t, "id", "host")
	service(t, "remote", imageNone, 1)
	until(t, "remote", "running", func(list []task) bool { return len(running(t, list)) == 1 })
	args := []string{"swarm", "doctor", "--offline", "-v", "remote"}
	host := func(name string) []string { return []string{"DOCKER_HOST=" + f.address(name)} }
	f.run(t, home, host("swarm"), 0, []string{"remote 1/1"}, args...)
	dockerIn(t, nil, filepath.Join(home, ".docker"), nil, "context", "create", "by-ssh", "--docker", "host="+f.address("swarm"))
	f.run(t, home, nil, 0, []string{"remote 1/1"}, append(args, "--context", "by-ssh")...)

	for name, c := range map[string]struct {
		home string
		env  []string
		want []string
	}{
		"host key not known": {f.near(t, "id", ""), host("swarm"), []string{"error: the engine cannot be reached: " + f.address("swarm") + " (DOCKER_HOST): ", "Host key verification failed", "hint: the host's key is not known: ssh to it once"}},
		"other host key":     {f.near(t, "id", "other"), host("swarm"), []string{"REMOTE HOST IDENTIFICATION HAS CHANGED", "hint: the host has another key than it had"}},
		"no key":             {f.near(t, "other", "host"), host("swarm"), []string{"Permission denied (publickey)", "hint: the user needs a key there"}},
		"no such user":       {home, host("nobody-here"), []string{f.address("nobody-here"), "Permission denied (publickey)"}},
		"no permission":      {home, host("plain"), []string{f.address("plain"), "permission denied", "hint: there the socket wants root or a member of the group docker"}},
		"no docker there":    {home, host("bare"), []string{f.address("bare"), "docker: not found", "hint: docker must be there"}},
		"no engine there":    {home, host("away"), []string{f.address("away"), "nobody.sock", "hint: does it answer by hand"}},
		"no sshd":            {home, []string{"DOCKER_HOST=ssh://swarm@127.0.0.1:1"}, []string{"ssh://swarm@127.0.0.1:1 (DOCKER_HOST): ", "Connection refused"}},
		"no docker here":     {home, append(host("swarm"), "NO_PATH=1"), []string{"docker is not installed here, which docker system dial-stdio needs"}},
	} {
		t.Run(name, func(t *testing.T) { f.run(t, c.home, c.env, 2, c.want, "swarm", "doctor", "--offline") })
	}
}

// TestSSHCut cuts the connection while label --apply writes: it is said, what was
// done stays, and a second run does the rest.
func TestSSHCut(t *testing.T) {
	unlabel(t)
	p := before(t, manager, nil)
	f := newFar(t, p.address)
	home := f.near(t, "id", "host")
	posts := 0
	p.meanwhile = func(request string) {
		if strings.HasPrefix(request, "POST /nodes/") {
			if posts++; posts == 2 {
				f.cut(t)
			}
		}
	}
	env := []string{"DOCKER_HOST=" + f.address("proxied")}
	f.run(t, home, env, 2, []string{"error: the engine cannot be reached: " + f.address("proxied"), "Connection to 127.0.0.1 closed by remote host", "failed: ", "a second run does the rest", "+ OsVersion=10.0.17763"}, labelArgs...)
	f.run(t, home, env, 0, nil, labelArgs...)
	holdLabels(t, "after the session was cut")
	if posts < 2 {
		t.Errorf("%d changes", posts)
	}
}
