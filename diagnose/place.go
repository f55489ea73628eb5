package diagnose

import (
	"bytes"

	"github.com/winmatch/winmatch/compat"
)

// Where an error was met, and who reported it.

// place tells where the error was met; the nearest sign counts.
func (d *Diagnosis) place(near, all []byte) {
	if d.Place != Nowhere {
		return
	}
	for _, text := range [...][]byte{near, all} {
		for _, p := range [...]struct {
			place Place
			signs []string
		}{
			{WSL, []string{"wslregisterdistribution", "wsl/service/", "wsl/installdistro"}},
			{Swarm, []string{"docker service", "docker stack", "desired state", "no suitable node", "starting container failed"}},
			{Kubernetes, []string{"kubelet", "kubectl", "pod sandbox", "podsandbox", "for pod ", "errimagepull", "imagepullbackoff", "crashloopbackoff", "createcontainererror", "last state:", "failedscheduling", "spec.containers{", "default-scheduler", "nodes are available", "pod/", "\"kind\":\"event\"", "sandbox container", "sandbox image"}},
			{Compose, []string{"docker-compose", "docker compose", "cannot start service", "cannot create container for service", "error: for "}},
			{Dockerfile, []string{"failed to solve", "llb definition", "source metadata", "---> running in", "sending build context", "dockerfile", "docker build", "docker image build", "non-zero code", " : from ", "buildkit"}},
			{Managed, []string{"app service", "azure container instances", "unsupported windows image version", "osversionnotsupported", "task definition", "cannotpullcontainererror", "ecs.os-family", "codepackage", "system.fabric", "fabric:/", "service fabric", "windows containers. maximum"}},
			{DockerRun, []string{"docker run", "docker pull", "docker start", "docker create", "docker:", "docker.exe", "docker :", "dockerdo", "response from daemon", "pulling from", "cannot be used on this platform", "(http code", "docker executor", "pulling docker image"}},
			{Containerd, []string{"ctr:", "ctr run", "crictl", "nerdctl", "containerd task", "shim task", "rpc error", "failed to pull image", "pull and unpack"}},
			{CI, []string{"##[error]", "job failed", "github actions", "gitlab ci", "gitlab-ci", "azure pipelines", "jenkins agent", "jenkins node", "jenkins job", "[pipeline]", "hudson."}},
		} {
			if hasAny(text, p.signs) {
				d.Place = p.place
				return
			}
		}
	}
}

// pipelineOf tells whose log a text is.
func pipelineOf(text []byte) Pipeline {
	for _, c := range [...]struct {
		pipeline Pipeline
		signs    []string
	}{
		{AzurePipelines, []string{"##[section]", "d:\\a\\1\\", "vmimage:", "azure pipelines", "dev.azure.com"}},
		{GitHubActions, []string{"process completed with exit code", "##[group]run ", "github actions", "runs-on:", "d:\\a\\"}},
		{GitLabCI, []string{"with gitlab-runner", "gitlab-runner.exe", "gitlab-runner run", "gitlab-runner[", "job failed (system failure)", "docker-windows\" executor", ".gitlab-ci"}},
	} {
		if hasAny(text, c.signs) {
			return c.pipeline
		}
	}
	return NoPipeline
}

// component tells who reported the error.
func (d *Diagnosis) component(message, near []byte) {
	for _, text := range [...][]byte{message, near} {
		for _, c := range [...]struct {
			name  string
			signs []string
		}{
			{"ecs-agent", []string{"cannotpullcontainererror", "task definition", "ecs.os-family"}},
			{"azure-container-instances", []string{"unsupported windows image version", "osversionnotsupported", "unsupportedwindowsversion"}},
			{"azure-app-service", []string{"app service", "windows containers web app", "in windows containers. maximum"}},
			{"service-fabric", []string{"codepackage", "system.fabric", "dockerrequest"}},
			{"buildkit", []string{"failed to solve", "llb definition", "source metadata", "frontend dockerfile"}},
			{"gitlab-runner", []string{"job failed (system failure)"}},
			{"scheduler", []string{"nodes are available", "failedscheduling"}},
			{"swarm", []string{"no suitable node", "starting container failed", "desired state"}},
			{"kubelet", []string{"kubelet", "pod sandbox", "podsandbox", "pod_workers", "errimagepull", "remote_runtime", "sandbox container"}},
			{"containerd", []string{"containerd", "rpc error", "shim task", "ctr:", "crictl", "nerdctl", "pull and unpack"}},
			{"docker", []string{"docker", "response from daemon", "pulling from", "register layer", "manifest list entries", "cannot be used on this platform", "-based image is incompatible", "createcontainer", "server error"}},
			{"hcsshim", []string{"hcsshim", "hcs::", "computesystem", "windows system call"}},
			{"windows", []string{"operating system", "vmcompute", "createcompartment"}},
		} {
			if hasAny(text, c.signs) {
				d.Component = c.name
				return
			}
		}
	}
}

// runtime reads the version of the engine.
func (d *Diagnosis) runtime(text []byte) {
	for _, c := range [...]struct{ label, name string }{
		{"containerd://", "containerd"}, {"containerd/containerd v", "containerd"}, {"containerd/v2 v", "containerd"},
		{"docker server version is ", "docker"}, {"server version: ", "docker"}, {"docker://", "docker"}, {"docker version ", "docker"},
	} {
		i := indexFold(text, c.label)
		if i < 0 {
			continue
		}
		version := word(bytes.TrimLeft(text[i+len(c.label):], " v"))
		if version == "" || !isDigit(version[0]) {
			continue
		}
		if r, err := compat.ParseRuntime(c.name + "@" + version); err == nil {
			d.Runtime = r
			return
		}
	}
	switch {
	case d.Component == "containerd" || d.Place == Containerd:
		d.Runtime.Engine = compat.Containerd
	case d.Component == "docker" || d.Place == DockerRun || d.Place == Swarm || d.Place == Compose:
		d.Runtime.Engine = compat.Docker
	}
}
