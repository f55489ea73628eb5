package diagnose

import (
	"strings"

	"github.com/winmatch/winmatch/compat"
)

// own adds what helps against the look-alikes.
func (d *Finding) own(add adder) {
	kube := d.Place == Kubernetes
	switch d.Detail {
	case "no-child-for-host":
		if d.Stage == Build {
			add(Engine, "", "where the builder runs on Linux, as that of Docker Desktop in Linux mode does, switch Docker Desktop to Windows containers: docker info --format \"{{.OSType}}\" tells")
		}
		if d.Confidence == Possible && !d.Hints.WindowsImage {
			if d.Place == Containerd {
				add(compat.UseHost, "", "where the image is a Linux one, run it on Linux: containerd on Windows runs Windows containers only")
			} else if kube {
				add(compat.Place, "", "where the image is a Linux one, keep the pod to Linux nodes: nodeSelector: {\"kubernetes.io/os\": \"linux\"}")
			} else if job := d.linuxRunner(); job != "" {
				add(compat.UseHost, "", "where the image is a Linux one, %s", job)
			} else {
				add(Engine, "", "where the image is a Linux one, switch Docker Desktop to Linux containers")
			}
		}
	case "no-child-for-arm64":
		if kube {
			add(compat.Place, "", "where the image is for amd64 alone, keep the pod to such nodes: nodeSelector: {\"kubernetes.io/arch\": \"amd64\"}")
		} else {
			add(compat.UseHost, "", "where the image is for amd64 alone, run it on such a machine")
		}
	case "linux-mode":
		switch {
		case kube:
			add(compat.Place, "", "keep the pod to Windows nodes: nodeSelector: {\"kubernetes.io/os\": \"windows\"}")
		case d.runner() != "":
			add(compat.UseHost, "", "%s", d.runner())
		case d.Confidence == Possible:
			add(Inspect, "docker info --format \"{{.OSType}}\"", "see whether the engine runs Linux or Windows containers")
			add(Engine, "& \"$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe\" -SwitchWindowsEngine", "where the image is a Windows one, switch Docker Desktop to Windows containers (in PowerShell, or in the menu of its icon)")
			add(Repair, "", "where it is a Linux one, build for a platform that it has: --platform linux/amd64")
		case d.Place == Containerd:
			add(compat.UseHost, "", "run it on a Windows machine: containerd runs Windows containers on Windows only")
		case strings.Contains(d.Source, "/containers/image/"):
			// Podman, Buildah, Skopeo and CRI-O have no mode to switch.
			add(compat.UseHost, "", "run it with Docker or containerd on Windows: Podman runs Linux containers only")
			add(Inspect, with("winmatch image ", d.Image), "see which Windows is in the image, without pulling it")
		default:
			add(Engine, "& \"$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe\" -SwitchWindowsEngine", "switch Docker Desktop to Windows containers (in PowerShell, or in the menu of its icon)")
			add(compat.UseHost, "", "on another engine: it has to run on Windows")
		}
	case "linux-image":
		if kube {
			add(compat.Place, "", "keep the pod to Linux nodes: nodeSelector: {\"kubernetes.io/os\": \"linux\"}")
		} else if job := d.linuxRunner(); job != "" {
			add(compat.UseHost, "", "%s: a Windows runner runs no Linux containers", job)
			add(compat.UseTag, "", "or use an image that has a Windows variant")
		} else if d.Place == Containerd {
			add(compat.UseHost, "", "run it on Linux, which may be one in WSL 2 or in a virtual machine: containerd on Windows runs Windows containers only")
			add(compat.UseTag, "", "or use an image that has a Windows variant")
		} else {
			add(Engine, "& \"$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe\" -SwitchLinuxEngine", "switch Docker Desktop to Linux containers (in PowerShell, or in the menu of its icon)")
			add(compat.UseTag, "", "or use an image that has a Windows variant")
		}
	case "wrong-platform":
		switch {
		case d.Stage == Schedule && d.Place == Swarm:
			add(Inspect, "docker node ls --format \"{{.Hostname}} {{.Status}}\"", "a Windows image needs a Windows node in the swarm, a Linux image a Linux one: docker node inspect --format \"{{.Description.Platform}}\" NODE says which it is")
		case d.Stage == Build && d.Hints.LinuxImage:
			add(Inspect, "docker manifest inspect "+d.Image, "see for which platforms the image exists")
			add(Repair, "", "name one of them in full, as --platform linux/amd64: a bare amd64, or none where a program asks from Windows, means windows/amd64")
		case d.Image != "":
			add(Inspect, "docker manifest inspect "+d.Image, "see for which platforms the image exists")
		default:
			add(Inspect, "", "see for which platforms the image exists, and choose the engine, node or task accordingly")
		}
	case "frontend-image":
		add(Repair, "", "remove the line # syntax=… from the Dockerfile: the frontend that is built into the builder is used then")
	case "32-bit-client":
		add(compat.UseRuntime, "", "use the client's 64-bit program, or name the platform: --platform windows/amd64")
	case "compute-service":
		add(Inspect, "Get-Service vmcompute", "see whether the service is there and runs; where it is not there, install the Windows feature Containers, Hyper-V or, for WSL, Virtual Machine Platform, and restart")
		add(Repair, "", "where it does not start: in Windows Security, App & browser control, Exploit protection, Program settings, remove what is set for C:\\WINDOWS\\System32\\vmcompute.exe, or switch its Control flow guard (CFG) back to the system's default, and restart")
	case "no-hypervisor":
		if !d.ofContainer() {
			add(Repair, "Enable-WindowsOptionalFeature -Online -FeatureName VirtualMachinePlatform -All", "install the Windows feature Virtual Machine Platform, which WSL 2 needs, as administrator, and restart")
			add(Repair, "", "switch virtualisation on in the firmware (BIOS, UEFI); the last lines of systeminfo tell whether it is")
			add(Repair, "bcdedit /set hypervisorlaunchtype auto", "let Windows start its hypervisor, where that is switched off, as administrator, and restart")
			add(Repair, "", "where the machine is itself a virtual one, give it nested virtualisation: Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true on its host, a size that has it in a cloud")
			if d.Place == WSL {
				add(Repair, "wsl --set-default-version 1", "or use WSL 1, which needs no hypervisor")
			}
			break
		}
		if kube {
			add(compat.UseIsolation, "", "Kubernetes has no Hyper-V isolation: use an image of the node's build")
			break
		}
		add(compat.UseIsolation, d.runProcess(), "use process isolation, with an image of the host's own build")
		add(Repair, "Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All", "or install Hyper-V, which needs virtualisation switched on in the firmware (on Windows Server: Install-WindowsFeature Hyper-V -Restart)")
		add(Repair, "", "or, where the host is itself a virtual machine, give it nested virtualisation: Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true on its host, a size that has it in a cloud")
	case "hyperv-only":
		add(compat.UseIsolation, with("docker run --isolation=hyperv ", d.Image), "use Hyper-V isolation; process isolation on a client needs Windows 10 1809 and Docker 18.09 or later")
	case "network":
		if d.Stage == Pull {
			add(Inspect, "", "check the registry's name, DNS, the proxy and the certificate from the machine that pulls")
			break
		}
		add(Repair, d.restart("hns"), "restart the Host Network Service and the engine, on the host, as administrator")
		add(Repair, "Get-NetNat", "see whether an old NAT network holds the addresses or ports; docker network prune removes unused networks")
	case "unauthorized":
		add(Repair, strings.TrimSpace("docker login "+registryOf(d.Image)), "log in to the registry that the image comes from, and check the name's spelling")
	case "rate-limit":
		add(Repair, "docker login", "log in, wait, or pull through a mirror")
	case "tag-not-found":
		if d.Image != "" {
			add(Inspect, "winmatch image "+d.Image, "see which tags there are instead")
		}
		add(compat.UseTag, "", "name a tag that exists: the base images of Windows have no latest, nanoserver and windows have none for every release")
	case "access-denied":
		add(Repair, "", "run the client as administrator; exclude the engine's data folder (C:\\ProgramData\\docker, C:\\ProgramData\\containerd) from antivirus and backup; where it happens now and then, start fewer containers at once and update the runtime")
	case "disk-full":
		add(Repair, "docker system prune --all", "remove what is not used, or move the engine's data to a larger disk (\"data-root\" in daemon.json)")
		add(Inspect, "docker system df", "see what takes the space; a container's own disk is 20 GB unless --storage-opt size=… says more")
	case "memory":
		add(Repair, "", "ask for less memory (--memory), stop other containers and virtual machines, or enlarge the paging file")
		add(Repair, d.restart("vmcompute"), "where memory is free, restart the container service, or the host")
	case "in-use":
		add(Repair, d.restart("vmcompute"), "restart the container service, which stops all containers; where that does not help, the host")
		add(Repair, "", "ask for less memory or for no certain amount (--memory), stop other containers and virtual machines, or enlarge the paging file")
	case "working-directory":
		add(Inspect, "", "see that the directory is in the image or mounted: WORKDIR of the Dockerfile, -w of docker run, workingDir of the pod; in a Windows container only drive C: is there by itself")
	case "dll-not-found":
		add(compat.UseTag, "", "try an image with more of Windows: Server Core has more DLLs than Nano Server, windows/server more than Server Core; the Visual C++ runtime is in none and has to be installed")
		add(Inspect, "", "see which DLL is missing: Process Monitor on the host shows what programs in containers under process isolation look for")
		add(compat.UpdateHost, "", "where it is a program of Windows itself, bring host and image to the same month's updates")
	case "bad-binary":
		add(compat.UseTag, "", "use a program and DLLs of one processor, as a rule 64-bit; Nano Server runs no 32-bit programs, Server Core does")
	case "resources":
		add(Repair, d.restart("vmcompute"), "stop containers that are not needed and restart the container service; where it comes back, restart the host and install its updates")
	case "restart":
		add(Repair, d.restart("vmcompute"), "restart the container service, which stops all containers; where that does not help, the host")
	case "start-timeout":
		add(Repair, "Add-MpPreference -ExclusionPath \"$Env:ProgramData\\docker\"", "keep antivirus and monitoring away from the engine's data folder (Defender: this command; containerd: C:\\ProgramData\\containerd)")
		add(Repair, "", "give it more memory or a faster disk; under Hyper-V isolation a start takes longer")
	case "filter-driver":
		add(Inspect, "fltmc filters", "see which filter drivers are loaded, as administrator; uninstall or exclude those of antivirus, backup and sync programs")
	case "bad-layer-path":
		add(Repair, "", "install the host's updates, update containerd and its shim, and see that the snapshotter's folder exists and is on NTFS")
	case "layer-format":
		add(compat.UpdateHost, "", "install the host's current updates, then pull the image again")
		remove := with("docker image rm ", d.Image)
		if d.Place == Containerd || kube {
			remove = ""
		}
		add(Repair, remove, "remove the image and pull it again; an image of the release before (ltsc2022) ran on the hosts in the reports")
	case "layer-in-use":
		add(Repair, "", "exclude the engine's data folder from antivirus and backup, restart the host; if host and image have different updates, bring both to the same month")
	case "import-layer":
		if d.Place == Containerd {
			add(Inspect, with("winmatch image ", d.Image), "see whether the image is a Windows one and not newer than the host, and whether the disk is full; then remove the image and pull it again")
			break
		}
		add(Inspect, "docker system df", "see whether the disk is full; remove the image's broken layers with docker system prune and pull again")
	case "volume":
		add(Repair, "", "see that the source of the mount exists, that the machine may read it, and that the volume's driver is installed and runs")
	case "bad-request":
		add(compat.UseRuntime, "", "use versions of the runtime and its shim that belong together, and not newer than the Windows they run on")
	case "unexpected-exit":
		if d.Isolation == compat.HyperV {
			add(Repair, "", "try it without limits of memory and storage, and with process isolation where the image is of the host's own build")
			add(compat.UpdateHost, "", "install the current cumulative update on the host, and pull the image again")
			break
		}
		add(Inspect, with("winmatch check --docker ", d.Image), "compare the revisions of host and image: an image ahead of its host's updates ends so")
		add(compat.UpdateHost, "", "install the current cumulative update on the host")
		if !kube {
			add(compat.UseIsolation, d.runHyperV(), "try Hyper-V isolation, where the host has Hyper-V; without limits of memory and storage")
		}
	case "engine-not-running":
		add(Repair, "Start-Service docker", "start the engine (Docker Desktop: start it; a Windows service: this command as administrator)")
	case "process-fails", "container-exits":
		if d.Code == 0xc000013a {
			add(Inspect, "", "see what ended it: docker stop, a liveness probe, a node that shuts down; a shell without a console (docker run -d without -it) ends by itself")
		}
		if d.Code == 0xc0000139 {
			add(compat.UpdateHost, "", "bring host and image to the same month's updates: with a host from before February 2020 programs in newer images ended so")
		}
		if kube && d.Pod != "" {
			add(Inspect, "kubectl logs --previous "+d.Pod, "see what the program itself says")
		} else if isID(d.Container) {
			add(Inspect, "docker logs "+d.Container, "see what the program itself says")
		} else {
			add(Inspect, "", "see what the program itself says (docker logs, kubectl logs --previous)")
		}
	case "sandbox-reserved":
		add(Repair, "", "wait for the kubelet to clean up, or restart containerd on the node: the first error of the pod says the cause, this one follows from it")
	case "placement":
		if d.Cause == Mismatch {
			break
		}
		if d.Place == Swarm {
			add(Inspect, "docker node inspect --format \"{{.Description.Hostname}} {{.Spec.Labels}}\" $(docker node ls -q)", "compare the service's constraints with the nodes' labels")
			break
		}
		add(Inspect, "kubectl get nodes --show-labels", "compare the pod's nodeSelector with the nodes' labels: kubernetes.io/os and node.kubernetes.io/windows-build")
	case "truncated":
		switch {
		case d.Place == Swarm:
			add(Inspect, with("docker service ps --no-trunc ", d.Service), "see the whole message")
		case d.Component == "service-fabric":
			add(Inspect, "", "see the whole event: the ResponseBody behind this line has Docker's message")
		default:
			add(Inspect, "", "see the whole message")
		}
	case "sandbox-image":
		if d.Cut && d.Pod != "" {
			add(Inspect, "kubectl describe pod "+d.Pod, "see the whole message")
		}
	case "request-not-supported":
		if !kube {
			add(Repair, "Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V, Containers -All", "install the Windows features Hyper-V and Containers, where one is missing, as administrator, and restart (on Windows Server: Install-WindowsFeature Hyper-V, Containers -Restart)")
		}
		add(Inspect, with("winmatch check --docker ", d.Image), "see whether the versions fit: winmatch check --docker IMAGE")
	case "rpc-failed", "windows-error", "file-not-found", "guest-protocol":
		add(Inspect, with("winmatch check --docker ", d.Image), "see whether the versions fit: winmatch check --docker IMAGE")
		if d.Detail == "rpc-failed" {
			add(Repair, d.restart("vmcompute"), "if they do, restart the container service, which stops all containers")
			if !kube && d.Cause == Undetermined {
				add(compat.UseIsolation, d.runHyperV(), "or try Hyper-V isolation, where the host has Hyper-V")
			}
		}
		if d.Detail == "file-not-found" {
			add(Inspect, "", "if they do: the program that the container is to start is not in the image, or not in its PATH")
		}
	}
}

// restart is the command that restarts a service of Windows and the engine
// behind it.
func (d *Finding) restart(service string) string {
	engine := "docker"
	// The kubelet of a node with Docker passes its words on.
	daemon := len(d.Evidence) > 0 && hasAny([]byte(d.Evidence[0]), []string{"response from daemon", "encountered an error during"})
	if d.Runtime.Engine == compat.Containerd || d.Place == Containerd || d.Place == Kubernetes && d.Runtime.Engine != compat.Docker && !daemon {
		engine = "containerd"
	}
	return "Restart-Service " + service + "; Restart-Service " + engine
}

func (d *Finding) runProcess() string {
	if d.Image == "" || d.Place == Kubernetes || d.Place == Swarm || d.Place == Compose || d.Place == Dockerfile {
		return ""
	}
	return "docker run --isolation=process " + d.Image
}

// registryOf is the host of a reference, "" for Docker Hub.
func registryOf(ref string) string {
	host, _, ok := strings.Cut(ref, "/")
	if ok && strings.ContainsAny(host, ".:") && host != "docker.io" {
		return host
	}
	return ""
}
