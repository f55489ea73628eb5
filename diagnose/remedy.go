package diagnose

import (
	"fmt"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
)

// The kinds of remedies beside compat's.
const (
	Inspect compat.Kind = "inspect" // tells what is missing to decide
	Engine  compat.Kind = "engine"  // switch the engine's mode
	Repair  compat.Kind = "repair"  // mend the machine
)

// remedies returns what helps, best first, in the words and commands of the
// place.
func (d *Finding) remedies(f *facts.Facts, q *compat.Question, v *compat.Verdict, k *Known) []compat.Remedy {
	var list []compat.Remedy
	add := func(kind compat.Kind, command, format string, args ...any) {
		list = append(list, compat.Remedy{Kind: kind, Text: fmt.Sprintf(format, args...), Command: command})
	}
	versions := d.Version() || d.Cause == Undetermined && d.Detail != "placement"
	if versions && d.Asked && (v.Answer == compat.No || v.Answer == compat.Risky) {
		for _, r := range v.Remedies(f, q, d.Image, k.Candidates) {
			if r, ok := d.inPlace(r, q); ok {
				list = append(list, r)
			}
		}
		d.labels(add, q)
	}
	if d.Cut {
		d.own(add) // first see the whole message
	}
	if d.Version() && (len(list) == 0 || d.Cut && !d.Asked) {
		d.generic(add)
	}
	if !d.Cut {
		d.own(add)
	}
	return list
}

type adder = func(kind compat.Kind, command, format string, args ...any)

// inPlace turns a remedy for docker run into one for the place; not ok where
// it has none there.
func (d *Finding) inPlace(r compat.Remedy, q *compat.Question) (compat.Remedy, bool) {
	switch r.Kind {
	case compat.UseTag, compat.UsePin:
		ref := strings.TrimPrefix(strings.TrimPrefix(r.Command, "docker pull "), "ctr images pull ")
		switch d.Place {
		case Swarm:
			r.Command = ""
			if d.Service != "" && ref != "" {
				r.Command = "docker service update --image " + ref + " " + d.Service
			}
		case Kubernetes, Managed:
			r.Command = ""
		case Compose:
			r.Text, r.Command = "in the Compose file, "+r.Text, ""
		case Dockerfile:
			r.Text, r.Command = "in the Dockerfile's FROM, "+r.Text, ""
		}
	case compat.UseIsolation:
		hyperv := strings.Contains(r.Text, "Hyper-V")
		switch d.Place {
		case Kubernetes, Managed:
			return r, false
		case Swarm:
			r.Command = d.swarmIsolation(hyperv)
		case Compose:
			mode := "process"
			if hyperv {
				mode = "hyperv"
			}
			r.Text, r.Command = r.Text+": isolation: "+mode+" in the service's section of the Compose file", ""
		case Dockerfile:
			if r.Command = "docker build --isolation=process ."; hyperv {
				r.Command = "docker build --isolation=hyperv ."
			}
		}
	case compat.UseHost:
		if d.Place == CI {
			r.Text += ", which for a CI job is its runner's label"
		}
	}
	return r, true
}

func (d *Finding) swarmIsolation(hyperv bool) string {
	if d.Service == "" {
		return ""
	}
	if hyperv {
		return "docker service update --isolation hyperv " + d.Service
	}
	return "docker service update --isolation process " + d.Service
}

// labels adds placement by the build of the node, where it is known.
func (d *Finding) labels(add adder, q *compat.Question) {
	if d.Place != Swarm || !d.OSVersion.IsValid() || d.Service == "" {
		return
	}
	add(compat.Place, fmt.Sprintf("docker service update --constraint-add node.labels.osbuild==%d %s", d.OSVersion.Build, d.Service),
		"label the nodes with their build (docker node update --label-add osbuild=%d NODE) and keep the service to those of the image's", d.OSVersion.Build)
	_ = q
}

// generic adds what helps against a mismatch of which not both versions are
// known: how to find them, then what follows.
func (d *Finding) generic(add adder) {
	image, hasImage := d.Image, d.Image != ""
	if d.Cause == Feb2020 {
		add(compat.UpdateHost, "", "install the current cumulative update on the host, and use an image of the same or a later month")
		if d.Place != Kubernetes {
			add(compat.UseIsolation, d.runHyperV(), "use Hyper-V isolation, where the host has Hyper-V: it is not concerned")
		}
		return
	}
	if d.Cause == Skew {
		add(compat.UpdateHost, "", "install the current cumulative update on the host")
		add(compat.UsePin, "", "use an image of an older month: a tag with the host's revision or an earlier one")
		if d.Place != Kubernetes {
			add(compat.UseIsolation, d.runHyperV(), "use Hyper-V isolation, where the host has Hyper-V")
		}
		return
	}
	if d.Detail == "service" {
		if d.Stage == Schedule {
			add(compat.UseHost, "", "add machines of that Windows release, or change the task's platform family to the one that the cluster has")
			return
		}
		add(compat.Rebuild, "", "build the image on a base that the service takes: the message or the service's documentation lists them")
		if hasImage && !strings.Contains(image, "xxx") {
			add(Inspect, "winmatch image "+image, "see which Windows is in the image")
		}
		return
	}
	switch d.Place {
	case Kubernetes:
		switch {
		case d.Stage == Schedule:
			add(Inspect, "kubectl get nodes -L kubernetes.io/os,node.kubernetes.io/windows-build", "see which builds the nodes have")
		case d.Sandbox:
			add(Inspect, "kubectl get nodes -o wide", "see the Windows of the nodes")
			add(compat.UseTag, "", "on the node, set the sandbox image (containerd: sandbox_image in config.toml; kubelet: --pod-infra-container-image) to a pause image with a variant for its Windows; registry.k8s.io/pause has one for Windows Server 2022 from 3.6 on")
			return
		default:
			if hasImage {
				add(Inspect, "kubectl get nodes -o wide | winmatch check --kubernetes --host - "+image, "see which nodes run the image")
			} else {
				add(Inspect, "kubectl get nodes -L kubernetes.io/os,node.kubernetes.io/windows-build", "see which builds the nodes have")
			}
		}
		add(compat.Place, "", "%s", d.nodeSelector())
		add(compat.Rebuild, "", "or use a tag, or build the image on a base, of the node's Windows version")
	case Swarm:
		if hasImage {
			add(Inspect, "winmatch image "+image, "see which Windows is in the image; docker info --format \"{{.OSVersion}}\" on %s says the node's", d.nodeName())
		}
		add(compat.UseTag, "", "update the service to a tag for the nodes' Windows: docker service update --image IMAGE:TAG %s", first(d.Service, "SERVICE"))
		add(compat.UseIsolation, d.swarmIsolation(true), "or use Hyper-V isolation, where the nodes are newer than the image and have Hyper-V; for all services of a node by \"exec-opts\": [\"isolation=hyperv\"] in its daemon.json")
		add(compat.Place, "", "or label each node with its build (docker node update --label-add osbuild=BUILD %s) and keep the service to nodes of the image's build (docker service update --constraint-add node.labels.osbuild==BUILD %s)", first(d.Node, "NODE"), first(d.Service, "SERVICE"))
	case Managed:
		add(compat.Rebuild, "", "use a tag, or build the image on a base, of the Windows version that the machines of the service have")
	case Dockerfile:
		if hasImage {
			add(Inspect, "winmatch check --docker "+image, "see whether this engine runs the base image")
		}
		add(compat.UseTag, "", "use a base image in FROM of the building machine's Windows version")
		if d.Stage != Pull && d.Detail != "no-child-for-host" {
			add(compat.UseIsolation, "docker build --isolation=hyperv .", "or use Hyper-V isolation, where the building machine is newer than the image and has Hyper-V")
		}
		add(compat.UseHost, "", "or build on a machine, or a CI runner (windows-2022, windows-2025), of the image's Windows version")
	default:
		switch {
		case hasImage && d.Place == Containerd && d.Host.IsValid():
			add(Inspect, fmt.Sprintf("winmatch check --runtime containerd --host %s %s", d.Host, image), "see whether the host runs the image, and which tag it would run")
		case hasImage && d.Host.IsValid():
			add(Inspect, fmt.Sprintf("winmatch check --host %s %s", d.Host, image), "see whether the host runs the image, and which tag it would run")
		case hasImage && d.Place == Containerd:
			add(Inspect, "winmatch image "+image, "see which Windows is in the image; ver says the host's")
		case hasImage:
			add(Inspect, "winmatch check --docker "+image, "see whether this engine runs the image, and which tag it would run")
		case d.Host.IsValid():
			add(Inspect, "", "see which tag fits: winmatch tag REPOSITORY --host %s, or winmatch check --host %s IMAGE", d.Host, d.Host)
		default:
			add(Inspect, "docker info --format \"{{.OSVersion}}\"", "see the host's version; winmatch check --docker IMAGE says whether it runs an image")
		}
		add(compat.UseTag, "", "use a tag, or build the image on a base, of the host's Windows version")
		if d.Stage != Pull && d.Place != Containerd {
			switch d.Place {
			case Compose:
				add(compat.UseIsolation, "", "or use Hyper-V isolation, where the host is newer than the image and has Hyper-V: isolation: hyperv in the service's section of the Compose file")
			default:
				add(compat.UseIsolation, d.runHyperV(), "or use Hyper-V isolation, where the host is newer than the image and has Hyper-V")
			}
		}
		add(compat.UseHost, "", "or run it on a host of the image's Windows version")
	}
}

func (d *Finding) runHyperV() string {
	switch {
	case d.Place == Swarm:
		return d.swarmIsolation(true)
	case d.Place == Dockerfile:
		return "docker build --isolation=hyperv ."
	case d.Image == "" || d.Place != DockerRun && d.Place != Nowhere:
		return ""
	}
	return "docker run --isolation=hyperv " + d.Image
}

func (d *Finding) nodeName() string {
	if d.Node != "" {
		return d.Node
	}
	return "a node"
}

func (d *Finding) nodeSelector() string {
	if d.OSVersion.IsValid() {
		return fmt.Sprintf("keep the pod to nodes of the image's build: nodeSelector: {\"node.kubernetes.io/windows-build\": \"10.0.%d\"}", d.OSVersion.Build)
	}
	return "keep the pod to nodes of the image's build, by the nodeSelector node.kubernetes.io/windows-build: 10.0.20348 for Windows Server 2022, 10.0.26100 for 2025, 10.0.17763 for 2019"
}

// own adds what helps against the look-alikes.
func (d *Finding) own(add adder) {
	kube := d.Place == Kubernetes
	switch d.Detail {
	case "no-child-for-host":
		if d.Confidence == Possible && !d.Hints.WindowsImage {
			if kube {
				add(compat.Place, "", "where the image is a Linux one, keep the pod to Linux nodes: nodeSelector: {\"kubernetes.io/os\": \"linux\"}")
			} else {
				add(Engine, "", "where the image is a Linux one, switch Docker Desktop to Linux containers")
			}
		}
	case "linux-mode":
		switch {
		case kube:
			add(compat.Place, "", "keep the pod to Windows nodes: nodeSelector: {\"kubernetes.io/os\": \"windows\"}")
		case d.Place == CI:
			add(compat.UseHost, "", "run the job on a Windows runner (runs-on: windows-2022)")
		default:
			add(Engine, "& \"$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe\" -SwitchWindowsEngine", "switch Docker Desktop to Windows containers (in PowerShell, or in the menu of its icon)")
			add(compat.UseHost, "", "on another engine: it has to run on Windows")
		}
	case "linux-image":
		if kube {
			add(compat.Place, "", "keep the pod to Linux nodes: nodeSelector: {\"kubernetes.io/os\": \"linux\"}")
		} else {
			add(Engine, "& \"$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe\" -SwitchLinuxEngine", "switch Docker Desktop to Linux containers (in PowerShell, or in the menu of its icon)")
			add(compat.UseTag, "", "or use an image that has a Windows variant")
		}
	case "wrong-platform":
		switch {
		case d.Stage == Schedule && d.Place == Swarm:
			add(Inspect, "docker node ls --format \"{{.Hostname}} {{.Status}}\"", "a Windows image needs a Windows node in the swarm, a Linux image a Linux one: docker node inspect --format \"{{.Description.Platform}}\" NODE says which it is")
		case d.Image != "":
			add(Inspect, "docker manifest inspect "+d.Image, "see for which platforms the image exists")
		default:
			add(Inspect, "", "see for which platforms the image exists, and choose the engine, node or task accordingly")
		}
	case "no-hypervisor":
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
		add(Repair, "Restart-Service hns; Restart-Service docker", "restart the Host Network Service and the engine, on the host, as administrator")
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
		add(Repair, "Restart-Service vmcompute; Restart-Service docker", "where memory is free, restart the container service, or the host")
	case "resources":
		add(Repair, "Restart-Service vmcompute; Restart-Service docker", "stop containers that are not needed and restart the container service; where it comes back, restart the host and install its updates")
	case "restart":
		add(Repair, "Restart-Service vmcompute; Restart-Service docker", "restart the container service, which stops all containers; where that does not help, the host")
	case "start-timeout":
		add(Repair, "Add-MpPreference -ExclusionPath \"$Env:ProgramData\\docker\"", "keep antivirus and monitoring away from the engine's data folder (Defender: this command; containerd: C:\\ProgramData\\containerd)")
		add(Repair, "", "give it more memory or a faster disk; under Hyper-V isolation a start takes longer")
	case "filter-driver":
		add(Inspect, "fltmc filters", "see which filter drivers are loaded, as administrator; uninstall or exclude those of antivirus, backup and sync programs")
	case "bad-layer-path":
		add(Repair, "", "install the host's updates, update containerd and its shim, and see that the snapshotter's folder exists and is on NTFS")
	case "layer-format":
		add(compat.UpdateHost, "", "install the host's current updates, then pull the image again")
		add(Repair, with("docker image rm ", d.Image), "remove the image and pull it again; an image of the release before (ltsc2022) ran on the hosts in the reports")
	case "layer-in-use":
		add(Repair, "", "exclude the engine's data folder from antivirus and backup, restart the host; if host and image have different updates, bring both to the same month")
	case "import-layer":
		add(Inspect, "docker system df", "see whether the disk is full; remove the image's broken layers with docker system prune and pull again")
	case "volume":
		add(Repair, "", "see that the source of the mount exists, that the machine may read it, and that the volume's driver is installed and runs")
	case "bad-request":
		add(compat.UseRuntime, "", "use versions of the runtime and its shim that belong together, and not newer than the Windows they run on")
	case "unexpected-exit":
		add(Inspect, with("winmatch check --docker ", d.Image), "compare the revisions of host and image: an image ahead of its host's updates ends so")
		add(compat.UpdateHost, "", "install the current cumulative update on the host")
		if !kube {
			add(compat.UseIsolation, d.runHyperV(), "try Hyper-V isolation, where the host has Hyper-V; without limits of memory and storage")
		}
	case "engine-not-running":
		add(Repair, "Start-Service docker", "start the engine (Docker Desktop: start it; a Windows service: this command as administrator)")
	case "process-fails", "container-exits":
		if d.Code == 0xc0000139 {
			add(compat.UpdateHost, "", "bring host and image to the same month's updates: with a host from before February 2020 programs in newer images ended so")
		}
		if kube && d.Pod != "" {
			add(Inspect, "kubectl logs --previous "+d.Pod, "see what the program itself says")
		} else if isID(d.Container) {
			add(Inspect, "docker logs "+d.Container, "see what the program itself says")
		} else {
			add(Inspect, "", "see what the program itself says (docker logs, kubectl logs --previous); the versions of host and image are not the cause")
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
	case "windows-error", "file-not-found", "guest-protocol":
		add(Inspect, with("winmatch check --docker ", d.Image), "see whether the versions fit: winmatch check --docker IMAGE")
		if d.Detail == "file-not-found" {
			add(Inspect, "", "if they do: the program that the container is to start is not in the image, or not in its PATH")
		}
	}
}

// with is a command on something, "" where that is not known.
func with(command, on string) string {
	if on == "" {
		return ""
	}
	return command + on
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
