package diagnose

import (
	"fmt"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// sayings are what a detail means, in a line, and what else it may be.
var sayings = [...]struct{ detail, headline, otherwise string }{
	{"linux-mode", "The engine runs Linux containers, the image is a Windows one", ""},
	{"linux-image", "The image is a Linux one, the engine or node runs Windows containers", ""},
	{"wrong-platform", "The image is for another platform than the engine or node: operating system or architecture, not the Windows version", ""},
	{"no-hypervisor", "Hyper-V isolation was asked for, and there is no hypervisor: Hyper-V is not installed, or this virtual machine has no nested virtualisation", "whatever else keeps the engine's own virtual machine from starting: memory, antivirus, a file that is missing"},
	{"compute-service", "The Host Compute Service of Windows (vmcompute) is not there or does not start", ""},
	{"hyperv-only", "This Windows client, or this Docker on it, runs containers in Hyper-V isolation only", ""},
	{"network", "The network failed, not the versions", ""},
	{"bad-layer-path", "A layer's folder is not there or not readable: not a question of versions", ""},
	{"filter-driver", "A file system filter driver of another program (antivirus, backup, sync) hinders Windows from mounting the layers", ""},
	{"layer-format", "Windows does not recognise the format of a layer of the image", "seen with an image newer than its host, and with pairs that fit, after updates of the host to Windows 11 24H2 and 25H2"},
	{"layer-in-use", "Windows could not activate a layer because something uses it", "seen with file locks and drivers, and once where host and image had different updates"},
	{"import-layer", "Windows could not unpack a layer of the image", "seen with full or faulty disks, with images that are Linux ones, and on Windows Server 2016 and Windows 10 1703 with images of newer Windows"},
	{"disk-full", "The disk is full", ""},
	{"access-denied", "Windows denied access: permissions, or another program that holds the files", ""},
	{"request-not-supported", "Windows cannot do what was asked of it for this container", "in reports the Windows features Hyper-V or Containers were not installed; it may be anything"},
	{"in-use", "Windows could not give the container something that it needs: in most reports the memory that it asks for", "what an earlier container left behind, until the service or the host is restarted"},
	{"working-directory", "The working directory of the container's program does not exist in the container", ""},
	{"rpc-failed", "The container, or the container service of Windows, went away while its program was started", "seen with the service in a wrong state after a crash, and of an image of another build than its host in process isolation"},
	{"frontend-image", "The image is BuildKit's own frontend, which a Dockerfile names in its line # syntax=: there is none for Windows", ""},
	{"32-bit-client", "The client is a 32-bit program and asks for an image for 32-bit Windows: there are none", ""},
	{"dll-not-found", "The program could not start: a DLL that it needs is not in the image", "where the program is one of Windows itself, such as powershell: an image with newer updates than its host, in process isolation"},
	{"bad-binary", "The program, or a DLL that it loads, is for another processor: 32-bit and 64-bit are mixed, or Nano Server should run a 32-bit program", ""},
	{"restart", "The container service of Windows is in a wrong state, from an earlier container or a crash", ""},
	{"memory", "Windows has not the memory that the container asks for", ""},
	{"resources", "Windows is out of a resource (memory, handles, job objects) that the container needs", ""},
	{"start-timeout", "The container did not start in time", ""},
	{"volume", "A volume could not be mounted", ""},
	{"bad-request", "The runtime asked Windows for something that it does not know: runtime and Windows are not of one age", ""},
	{"unexpected-exit", "The container ended while it was starting", "an image with newer updates than its host gives this code, and so do memory limits, scratch layers and faulty updates"},
	{"guest-protocol", "The container's virtual machine speaks another protocol than the host", "an image that is much older or newer than its host, or a faulty update"},
	{"file-not-found", "A file was not found when the container was created", "seen with an image of another build on Windows 10 1909, and where the program to start is not in the image"},
	{"engine-not-running", "The Docker engine is not running, or not reachable for this user", ""},
	{"unauthorized", "The registry denies access: not logged in, no right to pull, or the name does not exist", ""},
	{"rate-limit", "The registry's limit of pulls is reached", ""},
	{"tag-not-found", "There is no such image: the tag or the name does not exist", ""},
	{"process-fails", "The program in the container ended with an error of its own", ""},
	{"container-exits", "The program in the container crashed after it had started", ""},
	{"sandbox-reserved", "The pod's sandbox of an earlier attempt is still there", ""},
	{"placement", "No node matches what the workload asks of its node", ""},
	{"truncated", "The message is cut off before it says why", ""},
	{"windows-error", "Windows refused, with an error that tells nothing about versions", "not seen before: it may be anything"},
	{"no-child-for-arm64", "The image has no variant for the host, an ARM64 machine", "an image for another Windows version, or without any Windows variant (a Linux one), gives the same message"},
	{"insider-required", "The image needs a newer, prerelease Windows than the host", ""},
}

// say is the headline, and what else may be the cause.
func (d *Finding) say(f *facts.Facts) (headline, otherwise string) {
	host, image := "the host", "the image"
	if d.Host.IsValid() {
		host = compat.Name(f, d.Host, d.Edition)
	}
	if d.OSVersion.IsValid() {
		image = compat.Name(f, d.OSVersion, winver.Server)
	}
	both := d.Host.IsValid() && d.OSVersion.IsValid()
	where := "host"
	if d.Place == Kubernetes || d.Place == Swarm {
		where = "node"
	}
	switch d.Cause {
	case Mismatch:
		switch {
		case d.Detail == "service" && d.Stage == Schedule:
			return "No machine of the cluster has the Windows that the task asks for", ""
		case d.Detail == "service":
			if d.OSVersion.IsValid() {
				return "The service does not run images of " + image, ""
			}
			return "The service does not run images of this Windows version", ""
		case d.Detail == "helper-image":
			return "GitLab Runner has no helper image for the Windows of its host", "an engine too old to say which Windows its host is"
		case d.Detail == "placement":
			return "No node has the Windows build that the pod asks for", ""
		case d.Detail == "insider-required":
			break
		case d.Detail == "image-newer" && both, both && d.OSVersion.Build > d.Host.Build:
			return fmt.Sprintf("The image, %s, is newer than the %s, %s: no isolation mode helps", image, where, host), ""
		case both && d.OSVersion.Build < d.Host.Build && d.Detail == "no-child-for-host" && d.Confidence == Possible:
			return fmt.Sprintf("No variant of the image is for %s, the %s", host, where), "by what is known of the image, " + compat.Name(f, d.OSVersion, winver.Server) + ", it would be pulled: another image may be meant, or an older runtime that takes its own build only"
		case both && d.OSVersion.Build < d.Host.Build:
			return fmt.Sprintf("The image, %s, is for an older Windows than the %s, %s", image, where, host), ""
		case both && d.Confidence == Certain:
			return fmt.Sprintf("The image, %s, does not fit the %s, %s", image, where, host), ""
		case d.Detail == "sandbox-image" && d.Cut:
			return "The pod's sandbox (pause) image did not start; the message is cut off before it says why", "the usual cause is a pause image for another Windows version than the node"
		case d.Detail == "sandbox-image" || d.Sandbox && d.Image == "":
			return "The pod's sandbox (pause) image is for another Windows version than the node; the application's image may be right", orLinux(d, "a pause image without any Windows variant gives the same message")
		case d.Detail == "no-child-for-host" && d.Confidence == Certain:
			return fmt.Sprintf("The image has no variant for %s", host), ""
		case d.Detail == "no-child-for-host" && d.Confidence == Possible && !d.Host.IsValid() && !d.Hints.Windows && !d.Hints.WindowsImage:
			// https://github.com/codefactoryhu/manifest/issues/11
			return fmt.Sprintf("The image has no variant for the %s's platform: where that is Windows, for its Windows version or none for Windows at all", where), "an image for another processor than a Linux machine's gives the same message"
		case d.Detail == "no-child-for-host":
			other := "an image without any Windows variant (a Linux one) gives the same message"
			if d.Hints.WindowsImage {
				other = ""
				if !d.Host.IsValid() {
					other = "a Linux engine or node gives the same message"
				}
			} else if !d.Host.IsValid() {
				other += ", and so does an engine in Linux mode"
			}
			if d.Host.IsValid() {
				return fmt.Sprintf("The image has no variant for %s", host), other
			}
			return fmt.Sprintf("The image has no variant for the %s's Windows version", where), other
		case d.Detail == "truncated":
			return "The container did not start, and the message is cut off before it says why: perhaps the image is for another Windows version than the machine", "whatever keeps Docker from starting a container is reported so: a volume, the network, memory"
		case d.Detail == "utility-vm":
			return "The image is for a newer Windows than the host, which this old engine does not say", "a faulty download of the layer"
		}
		if d.Detail != "insider-required" {
			other := ""
			if d.Confidence == Possible {
				other = "the text only speaks of this error, and none happened"
			}
			return fmt.Sprintf("The image is for another Windows version than the %s", where), other
		}
	case Skew:
		if d.Detail == "layer-in-use" {
			return "Windows could not activate a layer of the image, and host and image have different updates", "file locks and drivers give the same message"
		}
		if both {
			return fmt.Sprintf("The image, %s, has newer updates than the %s, %s, and ended while starting", image, where, host), "memory limits, scratch layers and faulty updates give the same code"
		}
		return fmt.Sprintf("The image has newer updates than the %s and ended while starting", where), "memory limits, scratch layers and faulty updates give the same code"
	case Feb2020:
		other := ""
		if d.Confidence != Certain {
			other = "a program that cannot load one of its DLLs ends with the same code on any Windows"
		}
		return "Host and image are on different sides of the security update of February 2020: 32-bit programs fail", other
	}
	if d.Cause == Other && d.Detail == "file-not-found" {
		return "The program that the container is to start is not in the image, or not in its PATH", ""
	}
	switch {
	case d.Detail == "no-hypervisor" && d.Confidence > Possible && !d.ofContainer():
		return "A virtual machine was to be started, and there is no hypervisor: virtualisation is off in the firmware, or a Windows feature is not installed", ""
	case d.Code == 0xc000013a && d.Cause == Other:
		return "The program was ended from outside, as Ctrl+C and docker stop do, or lost its console", ""
	case d.Detail == "linux-mode" && d.Confidence == Possible:
		return "The image has no variant for the platform that is built for; most often it is a Windows one, and the builder runs on Linux", "an image that lacks the platform which --platform or a client on Windows asks for"
	case d.Detail == "wrong-platform" && d.Stage == Build && d.Hints.LinuxImage:
		return "The image, a Linux one, has no variant for the platform that the build asks for", ""
	}
	for i := range sayings {
		if s := &sayings[i]; s.detail == d.Detail {
			other := s.otherwise
			if d.Detail == "unexpected-exit" && d.Isolation == compat.HyperV { // whose kernel is the image's
				other = "memory limits, scratch layers and faulty updates give this code"
			}
			if d.Cause == Undetermined && d.Detail == "start-timeout" {
				other = "antivirus and monitoring programs on the host, a slow disk, and process isolation with a neighbouring build give the same message"
			}
			if d.Cause != Undetermined && d.Confidence != Possible {
				other = ""
			}
			return s.headline, other
		}
	}
	return "It is not a question of Windows versions", ""
}

// ofContainer reports whether the text speaks of containers, and not of
// virtual machines in general or WSL's.
func (d *Finding) ofContainer() bool {
	switch d.Place {
	case WSL:
		return false
	case Nowhere:
		return d.Component != "" && d.Component != "windows"
	}
	return true
}

// orLinux is another cause where nothing tells the two apart.
func orLinux(d *Finding, other string) string {
	if d.Confidence == Possible {
		return other
	}
	return ""
}
