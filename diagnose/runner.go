package diagnose

import "github.com/winmatch/winmatch/winver"

// runners are the labels of the hosted runners that GitHub Actions and Azure
// Pipelines share. There is none of Windows Server 2019 since June 2025, and
// none with a hypervisor.
// https://github.com/actions/runner-images/issues/12045
// https://github.com/actions/runner-images/issues/183
var runners = [...]struct {
	build uint32
	label string
}{{winver.LTSC2022, "windows-2022"}, {winver.LTSC2025, "windows-2025"}}

// hosted reports whether the machine may be a hosted runner, which has no
// hypervisor.
func (d *Finding) hosted() bool {
	return d.Hints.Pipeline == GitHubActions || d.Hints.Pipeline == AzurePipelines
}

// runner says where a CI job with the image runs, "" where it is none.
func (d *Finding) runner() string {
	key := "runs-on: "
	switch d.Hints.Pipeline {
	case GitHubActions:
	case AzurePipelines:
		key = "vmImage: "
	case GitLabCI:
		return "run the job on a runner of the image's Windows version, by its tags in .gitlab-ci.yml"
	default:
		if d.Place == CI {
			return "run the job on a machine of the image's Windows version"
		}
		return ""
	}
	for _, r := range runners {
		if r.build == d.OSVersion.Build {
			return "run the job on the image's Windows: " + key + r.label
		}
	}
	known := key + "windows-2022 is Windows Server 2022, " + key + "windows-2025 Windows Server 2025"
	if d.OSVersion.IsValid() {
		return "run the job on a runner of your own with the image's Windows: no hosted one has it (" + known + ")"
	}
	return "run the job on the image's Windows: " + known
}

// linuxRunner says where a CI job with a Linux image runs, "" where it is none.
func (d *Finding) linuxRunner() string {
	switch d.Hints.Pipeline {
	case GitHubActions:
		return "run the job on Linux (runs-on: ubuntu-latest)"
	case AzurePipelines:
		return "run the job on Linux (vmImage: ubuntu-latest)"
	case GitLabCI:
		return "run the job on a Linux runner, by its tags in .gitlab-ci.yml"
	}
	if d.Place == CI {
		return "run the job on a Linux machine"
	}
	return ""
}
