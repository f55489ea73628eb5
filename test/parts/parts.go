//go:build realparts

// Package parts starts the real parts that the tests tagged realparts need,
// and says which one is missing where that fails. It skips nothing.
package parts

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Root is the top of the repository.
var Root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}()

// Go runs the go command in a directory below Root. env is added to the
// environment: "GOOS=windows".
func Go(t testing.TB, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(Root, dir)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), dir, err, out)
	}
}

// Need fails the test where a program is not installed.
func Need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("the real part %s is missing: %v (test/setup.sh installs it)", program, err)
	}
	return path
}

// Dockerd is the dockerd of today, which Debian does not have yet.
func Dockerd(t testing.TB) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(Root, "test", "swarm", "build.sh"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the real part dockerd could not be built: %v (test/swarm/build.sh)", err)
	}
	return strings.TrimSpace(string(out))
}

// Wine is a Windows for programs built for windows/amd64.
type Wine struct {
	env   []string
	drive string // its C:, here
}

// NewWine sets up the wine prefix of that name, which keeps its registry to
// itself.
func NewWine(t testing.TB, name string) *Wine {
	t.Helper()
	Need(t, "wine")
	lock(t, name)
	cmd := exec.Command(filepath.Join(Root, "test", "wine", "setup.sh"), name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the real part wine could not be set up: %v\n%s", err, stderr.Bytes())
	}
	prefix := strings.TrimSpace(string(out))
	w := &Wine{drive: filepath.Join(prefix, "drive_c"), env: append(os.Environ(),
		"WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEARCH=win64",
		"DISPLAY=", "WINEDLLOVERRIDES=mscoree,mshtml=")}
	// A server that stays makes every later start fast. Nothing else uses it,
	// and it ends with the test.
	if err := w.server("--persistent=60"); err != nil {
		t.Fatalf("wineserver: %v", err)
	}
	t.Cleanup(func() {
		if err := w.server("--kill"); err != nil {
			t.Errorf("wineserver --kill: %v", err)
		}
	})
	return w
}

// With is the same Windows with more in its environment: "DOCKER_HOST=…".
func (w *Wine) With(env ...string) *Wine {
	return &Wine{env: append(slices.Clone(w.env), env...), drive: w.drive}
}

// Here is where a file of its drive C: is on this machine: C:\a\b.
func (w *Wine) Here(name string) string {
	return filepath.Join(w.drive, filepath.FromSlash(strings.ReplaceAll(strings.TrimPrefix(name, "C:"), `\`, "/")))
}

// There is what it calls a file of this machine.
func There(file string) string { return "Z:" + strings.ReplaceAll(file, "/", `\`) }

// Start starts a program under wine that goes on until the test ends, and waits
// until it says that it is ready.
func (w *Wine) Start(t testing.TB, ready, name string, args ...string) {
	t.Helper()
	for try := 1; ; try++ {
		out := create(t)
		cmd := exec.Command("wine", append([]string{name}, args...)...)
		cmd.Env, cmd.Stdout, cmd.Stderr = w.env, out, out
		if err := cmd.Start(); err != nil {
			t.Fatalf("wine %s: %v", filepath.Base(name), err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
		for end, over := time.Now().Add(time.Minute), false; !over && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if text, err := os.ReadFile(out.Name()); err == nil && strings.Contains(string(text), ready) {
				return
			}
			select {
			case <-ended:
				over = true
			default:
			}
		}
		if try == 3 {
			t.Fatalf("wine did not start %s three times\n%s", filepath.Base(name), contents(t, out))
		}
	}
}

// lock waits until no other run of the tests uses what is called name, and
// keeps it until the test ends.
func lock(t testing.TB, name string) {
	t.Helper()
	cache := Cache(t)
	f, err := os.OpenFile(filepath.Join(cache, name+".used"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
}

// Cache is the folder in which real parts are kept between runs, outside the
// repository.
func Cache(t testing.TB) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "winmatch")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (w *Wine) server(args ...string) error {
	cmd := exec.Command("wineserver", args...)
	cmd.Env = w.env
	var exit *exec.ExitError
	err := cmd.Run()
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return nil // one is running already
	}
	return err
}

// notStarted is what wine says where, on a loaded machine and about once in a
// thousand times, it did not get a program off the ground. Sometimes it says
// nothing and ends with 1, as none of the programs here does.
const notStarted = "Application could not be started"

// Run runs a program under wine and returns its standard output and exit code.
// It fails the test where the program could not be started.
func (w *Wine) Run(t testing.TB, stdin, name string, args ...string) (string, int) {
	t.Helper()
	out, _, code := w.Outputs(t, stdin, name, args...)
	return out, code
}

// Outputs is Run, with what the program said on standard error.
func (w *Wine) Outputs(t testing.TB, stdin, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	for try := 1; ; try++ {
		// Files, not pipes: what wine leaves running keeps its standard output.
		out, errs := create(t), create(t)
		cmd := exec.Command("wine", append([]string{name}, args...)...)
		cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = w.env, strings.NewReader(stdin), out, errs
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatalf("wine %s: %v", filepath.Base(name), err)
		}
		answer, complaint := contents(t, out), contents(t, errs)
		if complaint != "" {
			t.Logf("wine %s %s: %s", filepath.Base(name), strings.Join(args, " "), complaint)
		}
		code := cmd.ProcessState.ExitCode()
		silent := code == 1 && answer+complaint == ""
		if !silent && !strings.Contains(answer+complaint, notStarted) {
			return strings.ReplaceAll(answer, "\r\n", "\n"), complaint, code
		}
		if try == 3 {
			t.Fatalf("wine did not start %s three times", filepath.Base(name))
		}
	}
}

func create(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func contents(t testing.TB, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const currentVersion = `HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion`

// Registry sets values of HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion:
// a string, a uint32, or nil to delete the value.
func (w *Wine) Registry(t testing.TB, values map[string]any) {
	t.Helper()
	var b strings.Builder
	b.WriteString("Windows Registry Editor Version 5.00\r\n\r\n[" + currentVersion + "]\r\n")
	for name, v := range values {
		switch v := v.(type) {
		case string:
			fmt.Fprintf(&b, "%q=%q\r\n", name, v)
		case uint32:
			fmt.Fprintf(&b, "%q=dword:%08x\r\n", name, v)
		case nil:
			fmt.Fprintf(&b, "%q=-\r\n", name)
		default:
			t.Fatalf("registry value %s: %T", name, v)
		}
	}
	file := filepath.Join(t.TempDir(), "host.reg")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := w.Run(t, "", "reg", "import", There(file)); code != 0 {
		t.Fatalf("reg import: exit %d\n%s", code, out)
	}
}
