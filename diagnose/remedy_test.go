package diagnose

import (
	"strings"
	"testing"

	"github.com/winmatch/winmatch/winver"
)

// TestPipelines: what helps in a CI job is in the words of its system, and works
// on its runners: the hosted ones of GitHub and Azure have no hypervisor, and
// none has Windows Server 2019.
func TestPipelines(t *testing.T) {
	const (
		start = "docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: The container operating system does not match the host operating system.\n"
		pull  = "web: Pulling from example/web\nno matching manifest for windows/amd64 10.0.20348 in the manifest list entries\n"
		linux = "image operating system \"linux\" cannot be used on this platform\n"
		mode  = "image operating system \"windows\" cannot be used on this platform\n"

		github = "##[group]Run docker run mcr.microsoft.com/windows/servercore:TAG cmd\n%s##[error]Process completed with exit code 125.\n"
		azure  = "##[section]Starting: run\ndocker run mcr.microsoft.com/windows/servercore:TAG cmd\n%s##[error]PowerShell exited with code '1'.\n##[section]Finishing: run\n"
		gitlab = "Running with gitlab-runner 17.5.0 (abcdef12)\n$ docker run mcr.microsoft.com/windows/servercore:TAG cmd\n%sERROR: Job failed: exit code 125\n"
	)
	for _, c := range []struct {
		name, log, text string
		host, image     uint32
		want, not       string
	}{
		{"GitHub", github, start, winver.LTSC2022, winver.LTSC2025, "runs-on: windows-2025", "hyperv"},
		{"GitHub, versions not known", github, start, 0, 0, "runs-on: windows-2022 is Windows Server 2022", "hyperv"},
		{"GitHub, an older image", github, start, winver.LTSC2022, winver.LTSC2019, "a runner of your own", "hyperv"},
		{"GitHub, a Linux image", github, linux, 0, 0, "runs-on: ubuntu-latest", "SwitchLinuxEngine"},
		{"GitHub, perhaps a Linux image", github, pull, 0, 0, "runs-on: ubuntu-latest", "Docker Desktop"},
		{"GitHub on Linux", github, mode, 0, 0, "runs-on: windows-2022", "SwitchWindowsEngine"},
		{"Azure", azure, start, winver.LTSC2025, winver.LTSC2022, "vmImage: windows-2022", "hyperv"},
		{"Azure, a Linux image", azure, linux, 0, 0, "vmImage: ubuntu-latest", "runs-on"},
		{"GitLab", gitlab, start, winver.LTSC2025, winver.LTSC2019, "isolation = \"hyperv\" in [runners.docker]", "runs-on"},
		{"GitLab, a newer image", gitlab, start, winver.LTSC2019, winver.LTSC2022, "by its tags in .gitlab-ci.yml", "hyperv"},
		{"GitLab, versions not known", gitlab, start, 0, 0, "by its tags in .gitlab-ci.yml", "docker run --isolation"},
	} {
		log := strings.ReplaceAll(strings.Replace(c.log, "%s", c.text, 1), ":TAG", "")
		r := Text(log, f)
		if len(r.Diagnoses) != 1 {
			t.Errorf("%s: %d diagnoses", c.name, len(r.Diagnoses))
			continue
		}
		var k Known
		if c.host != 0 {
			k.Host, k.Edition = winver.OfBuild(c.host), winver.Server
			k.Image = windows(winver.OfBuild(c.image).String())
		}
		d := r.Diagnoses[0].Judge(f, &k)
		var all strings.Builder
		for _, m := range d.Remedies {
			all.WriteString(m.Text + "\n" + m.Command + "\n")
		}
		if !strings.Contains(all.String(), c.want) || strings.Contains(all.String(), c.not) {
			t.Errorf("%s: want %q and no %q in\n%s", c.name, c.want, c.not, all.String())
		}
	}
}

// TestPodman: what reads with containers/image has no mode to switch.
func TestPodman(t *testing.T) {
	for text, engine := range map[string]bool{
		`Error: choosing an image from manifest list docker://mcr.microsoft.com/windows/nanoserver:ltsc2022: no image found in manifest list for architecture amd64, variant "", OS linux`: false,
		`docker: image operating system "windows" cannot be used on this platform.`:                                                                                                        true,
	} {
		d := Text(text, f).Diagnoses[0].Judge(f, &Known{})
		if d.Detail != "linux-mode" || len(d.Remedies) < 2 || (d.Remedies[0].Kind == Engine) != engine {
			t.Errorf("%q: %s, %+v", text, d.Detail, d.Remedies)
		}
	}
}

// TestSaid: the headline and what helps are of the thing that the text is
// about, where the same words or codes come from several.
func TestSaid(t *testing.T) {
	const id = "9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf"
	for _, c := range []struct{ name, text, want, not string }{
		{"WSL", "Installing, this may take a few minutes...\nWslRegisterDistribution failed with error: 0x80370102\nError: 0x80370102 The virtual machine could not be started because a required feature is not installed.", "VirtualMachinePlatform", "isolation"},
		{"WSL offers its version 1", "WslRegisterDistribution failed with error: 0x80370102\nError: 0x80370102 The virtual machine could not be started because a required feature is not installed.", "wsl --set-default-version 1", "isolation"},
		{"a virtual machine", "Error: 0x80370102 The virtual machine could not be started because a required feature is not installed.", "bcdedit /set hypervisorlaunchtype auto", "isolation"},
		{"a container", "docker: Error response from daemon: hcsshim::CreateComputeSystem " + id + ": The virtual machine could not be started because a required feature is not installed.", "use process isolation", "wsl"},
		{"the compute service", "Error: 0x80370114 The operation could not be started because a required feature is not installed.", "vmcompute.exe", "isolation"},
		{"nerdctl has no mode", "nerdctl run -d postgres\ntime=\"2024-04-14T18:43:11-03:00\" level=fatal msg=\"no match for platform in manifest: not found\"", "run it on Linux", "Docker Desktop"},
		{"nor has it where the image is not known", "nerdctl pull example.org/app:1\ntime=\"2024-04-14T18:43:11-03:00\" level=fatal msg=\"no match for platform in manifest: not found\"", "run it on Linux", "Docker Desktop"},
		{"a builder of which the image is not known", "failed to solve with frontend dockerfile.v0: failed to create LLB definition: no match for platform in manifest sha256:4691cba88ac487820a395e741810ec7f0fac46e64ce8f7bae21cbc4527ed8362: not found", "where the image is a Windows one", "The engine runs"},
		{"a Linux image in a build", "ERROR: failed to solve: nginx:alpine: no match for platform in manifest sha256:02ffd439b71d9ea9408e449b568f65c0bbbb94bebd8750f1d80231ab6496008e: not found", "--platform linux/amd64", "runs Windows containers"},
		{"ProcessUtilityVMImage is no vmImage", "docker: failed to register layer: re-exec error: exit status 1: output: ProcessUtilityVMImage C:\\ProgramData\\Docker\\windowsfilter\\fe83\\UtilityVM: The system cannot find the path specified.", "docker info", "vmImage"},
		{"an image of GitLab's", "docker pull gitlab/gitlab-runner-helper:x86_64-latest-servercore21H2\nimage operating system \"windows\" cannot be used on this platform: operating system is not supported", "SwitchWindowsEngine", "gitlab-ci"},
		{"Hyper-V isolation was tried", "docker run --isolation=hyperv app\ndocker: Error response from daemon: container " + id + " encountered an error during hcs::System::Start: failure in a Windows system call: The virtual machine or container exited unexpectedly. (0xc0370106).", "process isolation", "--isolation=hyperv"},
		{"a missing DLL may be of the versions", "The command 'cmd /S /C powershell -Command Add-WindowsFeature Web-Server' returned a non-zero code: 3221225781", "same month's updates", "not the cause"},
		{"Windows 10, as the text says", "Host is Microsoft Windows 10 Pro - 1903\nContainer OS Version: 10.0.17763.437 (ltsc2019)\nHost OS Version: 10.0.18362.116 (1903)\nUsing process isolation\nDockerDo : docker.exe: Error response from daemon: CreateComputeSystem " + id + ": The container operating system does not match the host operating system.", "the host, Windows 10 1903", "version 1903"},
		{"either, as it does not", "no matching manifest for windows/amd64 10.0.18363 in the manifest list entries", "Windows Server, version 1909 or Windows 10 1909", "Windows 11"},
		{"a node with containerd", "Warning  FailedCreatePodSandBox  33m  kubelet  Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"d8d5\": plugin type=\"vpc-shared-eni\" name=\"vpc\" failed (add): hnsCall failed in Win32: The object already exists. (0x1392)", "Restart-Service hns; Restart-Service containerd", "Restart-Service docker"},
		{"an engine", "docker: Error response from daemon: failed to create endpoint web on network nat: HNS failed with error : The object already exists.", "Restart-Service hns; Restart-Service docker", "containerd"},
		{"the image used last", "Container OS Version: 10.0.17763.737 (ltsc2019)\nHost OS Version: 10.0.18363.535 (1909)\nGeneric Container OS Version: 10.0.18363.535 (1909)\nUsing process isolation\nDockerDo : docker: Error response from daemon: hcsshim::CreateComputeSystem " + id + ": The parameter is incorrect.", "tells nothing about versions", "older Windows"},
	} {
		r := Text(c.text, f)
		if len(r.Diagnoses) != 1 {
			t.Errorf("%s: %d diagnoses", c.name, len(r.Diagnoses))
			continue
		}
		d := r.Diagnoses[0].Judge(f, &Known{})
		all := d.Headline + "\n" + d.Otherwise + "\n"
		for _, m := range d.Remedies {
			all += m.Text + "\n" + m.Command + "\n"
		}
		if !strings.Contains(all, c.want) || strings.Contains(all, c.not) {
			t.Errorf("%s: want %q and no %q in\n%s", c.name, c.want, c.not, all)
		}
	}
}
