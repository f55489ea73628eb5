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
		d.labels(add)
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
		switch {
		case d.Hints.Pipeline == GitLabCI:
			mode := "process"
			if hyperv {
				mode = "hyperv"
			}
			r.Text, r.Command = r.Text+": isolation = \""+mode+"\" in [runners.docker] of the runner's config.toml", ""
			return r, true
		case hyperv && d.hosted():
			return r, false
		}
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
		if where := d.runner(); where != "" {
			r.Text = where
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
func (d *Finding) labels(add adder) {
	if d.Place != Swarm || !d.OSVersion.IsValid() || d.Service == "" {
		return
	}
	add(compat.Place, fmt.Sprintf("docker service update --constraint-add node.labels.osbuild==%d %s", d.OSVersion.Build, d.Service),
		"label the nodes with their build (docker node update --label-add osbuild=%d NODE) and keep the service to those of the image's; winmatch swarm label and winmatch swarm constrain %s do both", d.OSVersion.Build, d.Service)
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
	if d.Detail == "helper-image" {
		add(compat.UseRuntime, "", "update GitLab Runner to a version that knows the host's Windows, and an old Docker engine with it")
		add(compat.UseHost, "", "or run it on a Windows that GitLab Runner knows: Windows Server 2019, 2022 or, with a recent one, 2025")
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
		add(compat.Place, "", "or label each node with its build (docker node update --label-add osbuild=BUILD %s) and keep the service to nodes of the image's build (docker service update --constraint-add node.labels.osbuild==BUILD %[2]s); winmatch swarm label and winmatch swarm constrain %[2]s do both", first(d.Node, "NODE"), first(d.Service, "SERVICE"))
	case Managed:
		add(compat.Rebuild, "", "use a tag, or build the image on a base, of the Windows version that the machines of the service have")
	case Dockerfile:
		if hasImage {
			add(Inspect, "winmatch check --docker "+image, "see whether this engine runs the base image")
		}
		add(compat.UseTag, "", "use a base image in FROM of the building machine's Windows version")
		if d.Stage != Pull && d.Detail != "no-child-for-host" && !d.hosted() {
			add(compat.UseIsolation, "docker build --isolation=hyperv .", "or use Hyper-V isolation, where the building machine is newer than the image and has Hyper-V")
		}
		add(compat.UseHost, "", "or %s", first(d.runner(), "build on a machine of the image's Windows version"))
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
		if d.Stage != Pull && d.Place != Containerd && !d.hosted() {
			switch {
			case d.Hints.Pipeline == GitLabCI:
				add(compat.UseIsolation, "", "or use Hyper-V isolation, where the runner is newer than the image and has Hyper-V: isolation = \"hyperv\" in [runners.docker] of its config.toml")
			case d.Place == Compose:
				add(compat.UseIsolation, "", "or use Hyper-V isolation, where the host is newer than the image and has Hyper-V: isolation: hyperv in the service's section of the Compose file")
			default:
				add(compat.UseIsolation, d.runHyperV(), "or use Hyper-V isolation, where the host is newer than the image and has Hyper-V")
			}
		}
		add(compat.UseHost, "", "or %s", first(d.runner(), "run it on a host of the image's Windows version"))
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

// with is a command on something, "" where that is not known.
func with(command, on string) string {
	if on == "" {
		return ""
	}
	return command + on
}
