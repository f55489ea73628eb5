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
