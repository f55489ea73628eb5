package diagnose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothing: texts that merely contain the words.
func TestNothing(t *testing.T) {
	for _, text := range []string{
		"", "\n", "hello", "\x00\x01\x02",
		"- Fix: better error when the container operating system does not match the host operating system (#1234)",
		"* hcsshim: handle 0xc0370101 in the retry loop",
		"a1b2c3d Revert \"retry on 0xc0370106\"",
		"ERROR_VMCOMPUTE_IMAGE_MISMATCH Errno = 0xC0370101",
		"#define HCS_E_IMAGE_MISMATCH _HRESULT_TYPEDEF_(0x80370101L)",
		"const ErrImageMismatch = syscall.Errno(0xc0370101)",
		"\tif code == 0xC0370101 { return ErrMismatch }",
		"osversion/platform.go:41:// returns 0xc0370101 where they differ",
		"| 0xC0370101 | ERROR_VMCOMPUTE_IMAGE_MISMATCH | The container operating system does not match the host operating system. |",
		"If you run an unsupported combination you will see 0xc0370101: the operating system of the container does not match the operating system of the host",
		"Pulling a Windows image docker › The container operating system does not match the host operating system - Stack Overflow",
		"Container OS Version: 10.0.14393.2906\nHost OS Version: 10.0.17763.557\nThe container operating system does not match the host operating system, forcing hyperv isolation.\nUsing hyperv isolation",
		"Digest: sha256:c0370101c0370101c0370101c0370101c0370101c0370101c0370101c0370101\nStatus: Downloaded newer image",
		"container c03701013224830209 is up; build 3224830209-1; version 1.3224830209.2",
		"memory usage is 3224830209 bytes of 4294967296, swap 3221225794 bytes, offset -1073741502 in file data.bin at line 12 of the long listing that follows here: " + strings.Repeat("more numbers 3224830209 3221225794 ", 10),
		"level=debug msg=\"hcsshim::PrepareLayer succeeded flavour=1 layerId=09eabc5157dab0480e232cba54e45932235d316608b6eb986cf6635d3f1ff9c0\"",
		"level=debug msg=\"hcsshim::ActivateLayer succeeded\"\nlevel=debug msg=\"HCSShim::CreateContainer id=38f29bfe9e35 config={\\\"SystemType\\\":\\\"Container\\\"}\"\nlevel=debug msg=\"hcsshim::CreateComputeSystem succeeded id=38f29bfe9e35\"",
		"The command returned a non-zero code: 1\nexit code 0\nExited (0) 3 minutes ago",
		"rpc error: code = DeadlineExceeded desc = context deadline exceeded while calling the user service",
		"open C:\\temp\\x.txt: Access is denied.",
		"There is not enough space on the disk.",
		"The system cannot find the file specified.",
		"Error: 0x80070005 while reading the registry key of an installer",
		"Faulting application name: app.exe, exception code: 0xc0000005, fault offset: 0x0001\nFaulting process id: 0x1a2c\n" + strings.Repeat("Report Id: 1234, all about a desktop program\n", 10),
		"Warning  FailedScheduling  default-scheduler  0/5 nodes are available: 5 Insufficient cpu.",
		"WslRegisterDistribution failed with error: 0x80370102\nPlease enable the Virtual Machine Platform Windows feature and ensure virtualization is enabled in the BIOS.",
		"failed to solve: failed to compute cache key: \"/app\" not found: not found",
		"no such host", "unauthorized", "the directory name is invalid",
		"docker pull mcr.microsoft.com/windows/servercore:ltsc2022\nltsc2022: Pulling from windows/servercore\nDigest: sha256:6562c9a2580260e4f2e3a081cc2cf1d960899cbce7c4568fb851e4848ca50e07\nStatus: Downloaded newer image for mcr.microsoft.com/windows/servercore:ltsc2022",
	} {
		for _, around := range []func(string) string{
			func(s string) string { return s },
			func(s string) string { return strings.Repeat("all is well on this line of the log\n", 30) + s + "\n" },
		} {
			if r := Text(around(text), f); len(r.Diagnoses) > 0 {
				d := &r.Diagnoses[0]
				t.Errorf("%s %q (%s): %q", d.Cause, d.Detail, d.Confidence, text)
			}
		}
	}
}

// TestSourceCode: the project's own sources and pages hold every message that
// the rules know; none of them is an error.
func TestSourceCode(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.go", "../compat/*.go", "../winver/*.go", "../image/*.go", "../facts/*.go", "../docs/*.md", "../facts/source/SOURCES.md", "../facts/source/reports.csv"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) < 30 {
		t.Fatalf("only %d files", len(files))
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(file, f)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Diagnoses {
			d := &r.Diagnoses[i]
			t.Errorf("%s:%d: %s %q (%s): %.160q", name, d.First, d.Cause, d.Detail, d.Confidence, d.Evidence)
		}
	}
}

// TestMore: messages of which no thread was read, in the words of the programs'
// own source.
func TestMore(t *testing.T) {
	for _, c := range []struct {
		text   string
		cause  Cause
		detail string
	}{
		{"WARNING: The requested image's platform (windows/amd64) does not match the detected host platform (linux/amd64/v3) and no specific platform was requested", Other, "linux-mode"},
		{"docker: Error response from daemon: image with reference app:1 was found but its platform (linux/amd64) does not match the specified platform (windows/amd64).", Other, "linux-image"},
		{`docker: Error response from daemon: invalid isolation "hyperv" on linux.`, Other, "linux-mode"},
		{"docker: Error response from daemon: Windows client operating systems earlier than version 1809 can only run Hyper-V containers.", Other, "hyperv-only"},
		{"CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'windows/amd64'", Mismatch, "no-child-for-host"},
		{"CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'", Other, "wrong-platform"},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: Das Betriebssystem des Containers stimmt nicht mit dem Betriebssystem des Hosts überein.", Mismatch, ""},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: Le système d’exploitation du conteneur ne correspond pas au système d’exploitation de l’hôte.", Mismatch, ""},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: 容器操作系统与主机操作系统不匹配。", Mismatch, ""},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: Операционная система контейнера не соответствует операционной системе узла.", Mismatch, ""},
		{"failure in a Windows system call: Das Betriebssystem des Containers passt nicht. (0xC0370101)", Mismatch, ""},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: Das Betriebssystem kann das Programm nicht ausführen.", Undetermined, "windows-error"},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: Aucun hyperviseur n’est présent sur ce système.", Other, "no-hypervisor"},
		{"Exited (3221225786) 2 minutes ago: docker container web", Other, "container-exits"},
		{"WARNING: image platform (windows/amd64) does not match the expected platform (linux/amd64)", Other, "linux-mode"},
		{"ERROR: failed to solve: mcr.microsoft.com/windows/nanoserver:latest: mcr.microsoft.com/windows/nanoserver:latest: not found", Other, "tag-not-found"},
		{"docker: Error response from daemon: repository name not known to registry", Other, "tag-not-found"},
		{`Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "gke.gcr.io/pause:3.6": failed to pull image "gke.gcr.io/pause:3.6": failed to pull and unpack image "gke.gcr.io/pause:3.6": no match for platform in manifest: not found`, Mismatch, "sandbox-image"},
		{`Failed to pull image "myacr.azurecr.io/web:1": rpc error: code = Unknown desc = failed to pull and unpack image "myacr.azurecr.io/web:1": failed to resolve reference "myacr.azurecr.io/web:1": failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`, Other, "unauthorized"},
		{`Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5cc1": plugin type="vpc-bridge" name="vpc" failed (add): failed to parse Kubernetes args: pod does not have label vpc.amazonaws.com/PrivateIPv4Address`, Other, "network"},
		{"docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: The parameter is incorrect.", Undetermined, "windows-error"},
		{"failed to create containerd task: failed to create shim task: hcs::CreateComputeSystem a1b2: The virtual machine or container JSON document is invalid.: unknown", Other, "bad-request"},
		{"0x80370101", Mismatch, ""},
		{"-1070137087", Mismatch, ""},
		{"docker run failed with exit code 3224830209", Mismatch, ""},
		{"y5blbdum70zo         \\_ angry_liskov.1   windows/servercore/iis   WIN-BSTMQDRQC2E     Shutdown            Failed 24 seconds ago       \"starting container failed: co…\"", Undetermined, "truncated"},
		{"0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector. Node-Selectors: kubernetes.io/os=windows node.kubernetes.io/windows-build=10.0.20348", Mismatch, "placement"},
	} {
		r := Text(c.text, f)
		if len(r.Diagnoses) != 1 || r.Diagnoses[0].Cause != c.cause || r.Diagnoses[0].Detail != c.detail {
			t.Errorf("want %s %q of %q, got:", c.cause, c.detail, c.text)
			for _, d := range r.Diagnoses {
				t.Errorf("    %s %q %s", d.Cause, d.Detail, d.Confidence)
			}
		}
	}
}
