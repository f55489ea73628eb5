package diagnose

// A rule is one kind of message: what it looks like, and what it means.
//
// Texts are compared in squeezed form (see region), so blanks, quotes, case,
// line breaks and escapes in a pattern do not count. Rules are tried in order:
// of several that match one message, the first one counts. A pattern is looked
// for in the message that holds the key, which ends where another begins.
type rule struct {
	keys  []string // one of these makes a message a candidate
	codes []uint32 // or one of these codes
	with  []string // and one of these is in the message
	also  []string // and one of these
	not   []string // and none of these
	plain bool     // it is printed without a program's words around it

	cause      Cause
	detail     string
	confidence Confidence // at most; a message that is only mentioned gets less
	stage      Stage
	code       uint32 // which Windows gives for that sentence, where the text has none
	source     string // where it was seen, and what it turned out to be
}

// Parts of many messages.
var (
	hcsFrame = []string{"computesystem", "encountered an error during", "windows system call", "failed in win32", "hcs::", "hcsshim", "containerd task", "shim task", "register layer", "windowsfilter", "extract layer"}
	pulling  = []string{"failed to pull", "failed pulling", "pulling image", "error pulling", "failed to resolve reference", "source metadata", "response from daemon", "failed to solve", "resolve image config", "failed to do request", "pull and unpack", "docker:"}
	layers   = []string{"register layer", "importlayer", "processbaselayer", "extract layer", "windowsfilter", "backupwrite", "docker", "containerd", "snapshot"}
	exits    = []string{"exit", "errorcode", "error code", "error", "returned", "lasterror", "code"}
)

const (
	github = "https://github.com/"
	ms     = github + "microsoft/"
	winc   = ms + "Windows-Containers/issues/"
	shim   = ms + "hcsshim/issues/"
	bc     = ms + "navcontainerhelper/issues/"
	moby   = github + "moby/moby/issues/"
	forWin = github + "docker/for-win/issues/"
	ctrd   = github + "containerd/containerd/issues/"
)

// rules, most telling first.
var rules = [...]rule{
	// The versions do not fit, and Windows says so.
	{keys: []string{"container does not match the operating system of the host", "operating system of the container does not", "container operating system does not match", "ntainer operating system does not match the host"},
		codes: []uint32{0xc0370101, 0x80370101}, not: []string{"forcing hyperv", "forcing hyper-v"},
		cause: Mismatch, confidence: Certain, stage: Start, code: 0xc0370101, source: docsCompat},
	{keys: []string{"computesystem", "windows system call"}, with: []string{localised},
		cause: Mismatch, confidence: Likely, stage: Start, code: 0xc0370101, source: docsCompat},
	{codes: []uint32{0xc0370113, 0x80370113},
		cause: Mismatch, detail: "insider-required", confidence: Certain, stage: Start, source: shim + "598"},

	// A runtime does not pull it.
	{keys: []string{"-based image is incompatible with a", "based image is incompatible with a 10."}, with: []string{"windows version", "10.0."},
		plain: true, cause: Mismatch, detail: "image-newer", confidence: Certain, stage: Pull, source: moby + "40215"},
	{keys: []string{"no matching manifest for linux"},
		plain: true, cause: Other, detail: "linux-mode", confidence: Likely, stage: Pull, source: winc + "410"},
	{keys: []string{"image operating system windows cannot be used on", "operating system windows cannot be used on"},
		plain: true, cause: Other, detail: "linux-mode", confidence: Certain, stage: Pull, source: forWin + "4116"},
	{keys: []string{"image operating system linux cannot be used on", "operating system linux cannot be used on"},
		plain: true, cause: Other, detail: "linux-image", confidence: Certain, stage: Pull, source: github + "spujadas/elk-docker/issues/215"},
	{keys: []string{"specified os platform: wanted: windows, actual: linux"},
		cause: Other, detail: "linux-image", confidence: Certain, stage: Create, source: forWin + "9166"},
	{keys: []string{"specified os platform: wanted: linux, actual: windows"},
		cause: Other, detail: "linux-mode", confidence: Certain, stage: Create, source: moby + "41552"},
	{keys: []string{"does not match the specified os platform", "does not match the specified platform", "does not match the detected host platform", "does not match the expected platform", "does not provide the specified platform"},
		cause: Other, detail: "wrong-platform", confidence: Likely, stage: Create, source: moby + "41552"},
	{keys: []string{"invalid isolation"}, with: []string{"on linux"},
		cause: Other, detail: "linux-mode", confidence: Certain, stage: Create, source: github + "moby/moby/blob/b985e231/runconfig/hostconfig_unix.go"},
	{keys: []string{"windows client operating system"}, with: []string{"hyper-v containers"},
		cause: Other, detail: "hyperv-only", confidence: Certain, stage: Create, source: "https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/about/faq.yml"},
	{keys: []string{"does not contain descriptor matching platform"}, with: []string{"platform linux", "platform: linux"},
		cause: Other, detail: "wrong-platform", confidence: Likely, stage: Pull, source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html"},
	{keys: []string{"does not contain descriptor matching platform"}, with: []string{"platform windows", "platform: windows"},
		cause: Mismatch, detail: "no-child-for-host", confidence: Possible, stage: Pull, source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html"},
	// Few images have a variant for arm64, whatever the version.
	{keys: []string{"no matching manifest for windows/arm64"},
		plain: true, cause: Other, detail: "wrong-platform", confidence: Likely, stage: Pull, source: github + "moby/moby/blob/b985e231/daemon/internal/distribution/pull_v2_windows.go"},
	{keys: []string{"no matching manifest for windows", "no matching manifest for unknown"},
		plain: true, cause: Mismatch, detail: "no-child-for-host", confidence: Possible, stage: Pull, source: winc + "334"},
	// BuildKit had no Windows before its 0.13 of March 2024, which words it
	// otherwise: this is one on Linux. What it looked for is another question:
	// weigh asks the image.
	{keys: []string{"no match for platform in manifest", "match for platform in manifest"}, with: []string{"llb definition", "frontend dockerfile"},
		cause: Other, detail: "linux-mode", confidence: Possible, stage: Build, source: ms + "dotnet-framework-docker/issues/768"},
	{keys: []string{"no match for platform in manifest", "match for platform in manifest"}, with: []string{"source metadata"},
		cause: Mismatch, detail: "no-child-for-host", confidence: Possible, stage: Build, source: github + "moby/buildkit/issues/5173"},
	// Docker words it so with the containerd image store, which Docker Desktop
	// has in Linux mode; a Windows engine names its own version beside it.
	{keys: []string{"response from daemon: no match for platform in manifest"},
		cause: Other, detail: "linux-mode", confidence: Likely, stage: Pull, source: winc + "452"},
	{keys: []string{"no match for platform in manifest", "match for platform in manifest"},
		cause: Mismatch, detail: "no-child-for-host", confidence: Possible, stage: Pull, source: ctrd + "6989"},

	// Podman and others that read with containers/image.
	{keys: []string{"no image found in image index for architecture", "no image found in manifest list for architecture"}, with: []string{"os windows"},
		cause: Mismatch, detail: "no-child-for-host", confidence: Possible, stage: Pull, source: github + "containers/image/blob/bbd40dd2/internal/manifest/oci_index.go"},
	{keys: []string{"no image found in image index for architecture", "no image found in manifest list for architecture"},
		cause: Other, detail: "wrong-platform", confidence: Likely, stage: Pull, source: github + "containers/image/blob/bbd40dd2/internal/manifest/oci_index.go"},
	{keys: []string{"runtime execution on platform windows"}, with: []string{"not supported"},
		cause: Other, detail: "wrong-platform", confidence: Certain, stage: Build, source: github + "docker/buildx/issues/172"},

	// GitLab Runner looks up its helper image by the host's Windows, which the
	// message names: the job's own image does not come into it.
	{keys: []string{"detecting base image: unsupported windows version"},
		cause: Mismatch, detail: "helper-image", confidence: Likely, stage: Create, source: "https://docs.gitlab.com/runner/faq/#docker-executor-unsupported-windows-version"},

	// A service does not take it.
	{keys: []string{"unsupported windows image version", "cannot run this operating system/version in windows containers"},
		plain: true, cause: Mismatch, detail: "service", confidence: Certain, stage: Service, source: github + "MicrosoftDocs/azure-docs/issues/94808"},
	{keys: []string{"unsupportedwindowsversion", "osversionnotsupported"}, with: []string{"is not supported", "supported versions", "(code:", "code:osv", "code:unsupp", "code="}, also: []string{"image", "container"},
		cause: Mismatch, detail: "service", confidence: Certain, stage: Service, source: github + "MicrosoftDocs/azure-docs/issues/94808"},
	{keys: []string{"cannot run the specified image as a windows container", "supports windows containers up to"}, with: []string{"version", "10.0."},
		plain: true, cause: Mismatch, detail: "service", confidence: Certain, stage: Service, source: github + "MicrosoftDocs/azure-docs/issues/42620"},
	{keys: []string{"os version of image"}, with: []string{"is not supported"},
		cause: Mismatch, detail: "service", confidence: Certain, stage: Service, source: github + "MicrosoftDocs/azure-docs/issues/8586"},
	{keys: []string{"doesn't support specified os", "doesnt support specified os"}, with: []string{"container group", "imageostypenotmatchcontainergroup"},
		cause: Other, detail: "wrong-platform", confidence: Certain, stage: Service, source: github + "docker-archive/cloud-integration-beta/issues/14"},
	{keys: []string{"exception while validating os and version"}, with: []string{"unauthorized", "forbidden"},
		cause: Other, detail: "unauthorized", confidence: Certain, stage: Service, source: github + "Azure/azure-cli/issues/25567"},
	{keys: []string{"unsupported operating system in task definition"},
		plain: true, cause: Other, detail: "wrong-platform", confidence: Certain, stage: Service, source: github + "aws/copilot-cli/issues/5696"},
	{keys: []string{"ecs.os-family"}, with: []string{"missing an attribute", "unable to place"},
		cause: Mismatch, detail: "service", confidence: Likely, stage: Schedule, source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/windows-considerations.html"},

	// A scheduler finds no place.
	{keys: []string{"no suitable node"}, with: []string{"unsupported platform on"}, also: []string{"scheduling constraints not satisfied"},
		plain: true, cause: Undetermined, detail: "placement", confidence: Likely, stage: Schedule, source: github + "moby/swarmkit/issues/2843"},
	{keys: []string{"no suitable node"}, with: []string{"unsupported platform on"},
		plain: true, cause: Other, detail: "wrong-platform", confidence: Certain, stage: Schedule, source: github + "moby/swarmkit/issues/2843"},
	{keys: []string{"no suitable node"}, with: []string{"scheduling constraints not satisfied"}, also: []string{"windows", "osversion", "osbuild", "os.build", "os.version", "ltsc"},
		plain: true, cause: Undetermined, detail: "placement", confidence: Likely, stage: Schedule, source: docsCompat},
	{keys: []string{"nodes are available"}, with: []string{"windows-build", "osbuild", "windows.build"},
		cause: Mismatch, detail: "placement", confidence: Likely, stage: Schedule, source: docsKubernetes},
	{keys: []string{"nodes are available"}, with: []string{"node selector", "node affinity"}, also: []string{"os=windows", "os: windows", "windows-"},
		cause: Undetermined, detail: "placement", confidence: Likely, stage: Schedule, source: docsKubernetes},

	// Started elsewhere: the same frames, other causes.
	{keys: []string{"no hypervisor is present", "hyper-v is not installed"}, codes: []uint32{0xc0351000},
		cause: Other, detail: "no-hypervisor", confidence: Certain, stage: Start, code: 0xc0351000, source: bc + "283"},
	{keys: []string{"virtual machine could not be started because a required feature is not installed"}, codes: []uint32{0xc0370102, 0x80370102}, not: []string{"enable the virtual machine platform"}, // says so itself
		cause: Other, detail: "no-hypervisor", confidence: Certain, stage: Start, code: 0xc0370102, source: forWin + "4907"},
	{keys: []string{"operation could not be started because a required feature is not installed"}, codes: []uint32{0xc0370114, 0x80370114},
		cause: Other, detail: "compute-service", confidence: Likely, stage: Start, code: 0x80370114, source: ms + "WSL/issues/4951"},
	{keys: []string{"hyperviseur", "hypervisor", "hipervisor", "гипервизор", "низкоуровнев", "虚拟机监控程序", "ハイパーバイザー", "하이퍼바이저"}, with: []string{"computesystem", "windows system call"}, not: []string{"hypervisor isolated"},
		cause: Other, detail: "no-hypervisor", confidence: Likely, stage: Start, code: 0xc0351000, source: github + "docker-archive-public/docker.machine/issues/4467"},
	{keys: []string{"failed to start service utility vm", "error during createcontainer", "_svm encountered"}, with: []string{"service utility vm", "_svm encountered"},
		cause: Other, detail: "no-hypervisor", confidence: Possible, stage: Start, code: 0xc0351000, source: forWin + "2710"},
	{keys: []string{"attach namespace failed", "hns failed with error", "hnscall failed", "failed during hnscall", "hcnopennetwork failed", "hcncreatenetwork failed", "hcnopennamespace failed", "hcncreateendpoint failed", "hcnopenendpoint failed", "failed to create endpoint", "networkplugin cni failed", "failed to setup network for sandbox", "failed to set up sandbox container"},
		not:   []string{"operating system of"},
		cause: Other, detail: "network", confidence: Certain, stage: Start, source: github + "MicrosoftDocs/Virtualization-Documentation/issues/273"},
	{keys: []string{"directory name is invalid"}, with: []string{"system::createprocess", "error during createprocess"},
		cause: Other, detail: "working-directory", confidence: Likely, stage: Start, code: 0x10b, source: github + "docker/cli/issues/4101"},
	{keys: []string{"directory name is invalid"}, with: hcsFrame,
		cause: Other, detail: "bad-layer-path", confidence: Likely, stage: Start, code: 0x10b, source: ctrd + "10347"},
	{keys: []string{"preparelayer"}, with: []string{"incorrect function", "(0x1)"},
		cause: Other, detail: "filter-driver", confidence: Certain, stage: Create, code: 0x1, source: forWin + "6421"},
	{keys: []string{"unrecognized format"}, with: []string{"layer", "container image"}, codes: []uint32{0xc0370112, 0x80370112},
		cause: Undetermined, detail: "layer-format", confidence: Likely, stage: Create, code: 0xc0370112, source: shim + "2566"},
	{keys: []string{"activatelayer"}, with: []string{"being used by another process", "(0x20)"},
		cause: Undetermined, detail: "layer-in-use", confidence: Likely, stage: Create, code: 0x20, source: shim + "2553"},
	{keys: []string{"enough space on the disk", "no space left on device"}, with: layers,
		cause: Other, detail: "disk-full", confidence: Certain, stage: Pull, code: 0x70, source: github + "StefanScherer/windows-docker-machine/issues/48"},
	{keys: []string{"computesystem", "encountered an error during", "importlayer", "processbaselayer", "register layer", "preparelayer", "activatelayer", "extract layer"}, with: []string{"access is denied", "(0x80070005)", "(0x5)"},
		not:   []string{"insufficient system resources", "createcompartment failed"}, // it follows from that
		cause: Other, detail: "access-denied", confidence: Certain, stage: Start, code: 0x80070005, source: shim + "2017"},
	{keys: []string{"requested resource is in use", "angeforderte ressource wird bereits verwendet"}, with: hcsFrame,
		cause: Other, detail: "in-use", confidence: Possible, stage: Start, source: bc + "1099"},
	{keys: []string{"paging file is too small", "not enough memory resources"}, with: hcsFrame, not: []string{"cs0010"},
		cause: Other, detail: "memory", confidence: Certain, stage: Start, code: 0x800705af, source: bc + "870"},
	{keys: []string{"insufficient system resources exist", "createcompartment failed"}, with: []string{"computesystem", "encountered an error during", "windows system call", "createcompartment", "hcs", "containerd task", "shim task", "vmcompute"},
		cause: Other, detail: "resources", confidence: Certain, stage: Start, code: 0x800705aa, source: shim + "869"},
	{codes: []uint32{0x800705aa}, with: []string{"computesystem", "createcompartment", "hyper-v", "vmcompute", "container"},
		cause: Other, detail: "resources", confidence: Likely, stage: Start, source: shim + "437"},
	{codes: []uint32{0x800705af}, with: []string{"computesystem", "hyper-v", "vmcompute", "container"},
		cause: Other, detail: "memory", confidence: Likely, stage: Start, source: github + "microsoft/nav-docker/issues/383"},
	{keys: []string{"timeout period expired", "response was not received from the virtual machine", "timeout waiting for notification", "(0x5b4)"}, with: hcsFrame, codes: []uint32{0xc0370109, 0x80370109},
		cause: Other, detail: "start-timeout", confidence: Likely, stage: Start, source: ms + "iis-docker/issues/27"},
	// In that generation of engines, 2019 to 2021, images of the neighbouring
	// client build timed out in the same words.
	{keys: []string{"hcsshim::system::start: context deadline exceeded"},
		cause: Undetermined, detail: "start-timeout", confidence: Likely, stage: Start, source: forWin + "9278"},
	{keys: []string{"system::start: context deadline exceeded", "containerd task: context deadline exceeded", "shim task: context deadline exceeded"},
		cause: Other, detail: "start-timeout", confidence: Likely, stage: Start, source: winc + "426"},
	{keys: []string{"json document is invalid"}, with: append5, codes: []uint32{0xc037010d, 0x8037010d},
		cause: Other, detail: "bad-request", confidence: Certain, stage: Start, code: 0xc037010d, source: shim + "2714"},

	// Ended while starting. An image ahead of its host's updates does so, and
	// others. The wording of Windows up to 1803 is older than those reports.
	{keys: []string{"compute system exited unexpectedly"},
		plain: true, cause: Other, detail: "unexpected-exit", confidence: Possible, stage: Start, code: 0xc0370106, source: shim + "598"},
	{keys: []string{"virtual machine or container exited unexpectedly"}, codes: []uint32{0xc0370106, 0x80370106},
		plain: true, cause: Undetermined, detail: "unexpected-exit", confidence: Likely, stage: Start, code: 0xc0370106, source: winc + "591"},
	{codes: []uint32{0xc0370100, 0x80370100},
		cause: Undetermined, detail: "unexpected-exit", confidence: Likely, stage: Start, source: shim + "598"},
	{codes: []uint32{0xc037010b, 0x8037010b, 0xc037010c, 0x8037010c},
		cause: Undetermined, detail: "guest-protocol", confidence: Likely, stage: Start, source: shim + "598"},
	// The container is gone because its program ended: that comes first.
	{keys: []string{"returned a non-zero code"}, with: []string{"failed to shutdown container"},
		cause: Other, detail: "process-fails", confidence: Likely, stage: Build, source: github + "lovell/sharp/issues/3175"},
	{codes: []uint32{0xc0370103, 0xc0370105, 0xc0370107, 0xc0370108, 0xc037010a, 0xc037010e, 0xc037010f, 0xc0370110, 0xc0370111,
		0x80370103, 0x80370105, 0x80370107, 0x80370108, 0x8037010a, 0x8037010e, 0x8037010f, 0x80370110, 0x80370111},
		cause: Other, detail: "restart", confidence: Likely, stage: Start, source: github + "Azure/AKS/issues/1188"},
	{keys: []string{"remote procedure call failed", "rpc server is unavailable"}, with: hcsFrame,
		cause: Other, detail: "restart", confidence: Likely, stage: Start, code: 0x6be, source: shim + "1472"},

	// Layers. Docker 17 on 14393 and 15063 met images of newer Windows so.
	{keys: []string{"processutilityvmimage"}, with: []string{"cannot find the", "(0x2)", "(0x3)"},
		cause: Mismatch, detail: "utility-vm", confidence: Likely, stage: Pull, source: moby + "35668"},
	{keys: []string{"importlayer", "processbaselayer", "processutilityvm"}, with: []string{"cannot find the", "(0x2)", "(0x3)", "parameter is incorrect", "(0x57)"}, not: []string{"succeeded"},
		cause: Undetermined, detail: "import-layer", confidence: Likely, stage: Pull, source: bc + "3595"},
	{keys: []string{"cannot find the file specified", "cannot find the path specified"}, with: []string{"system::createprocess", "error during createprocess"},
		cause: Other, detail: "file-not-found", confidence: Likely, stage: Start, code: 0x2, source: ms + "hcsshim/blob/8ba72c46/internal/hcs/system.go"},
	// A Windows 10 1909 host gave this for an image of 1809, others for a
	// program that is not there.
	{keys: []string{"cannot find the file specified"}, with: []string{"computesystem"},
		cause: Undetermined, detail: "file-not-found", confidence: Likely, stage: Start, code: 0x2, source: moby + "40468"},

	// The engine, the registry, the name.
	{keys: []string{"docker_engine"}, with: []string{"error during connect", "cannot find the file", "daemon is not running", "open //./pipe", "open .pipe"}, not: []string{"failed to load listeners"}, // the engine's own start
		cause: Other, detail: "engine-not-running", confidence: Certain, stage: Create, source: forWin + "4615"},
	{keys: []string{"docker client must be run with elevated privileges", "docker client must be run elevated"}, with: []string{"error during connect"},
		cause: Other, detail: "engine-not-running", confidence: Certain, stage: Create, source: github + "aws/amazon-ecs-agent/issues/3165"},
	{keys: []string{"pull access denied", "repository does not exist or may require"},
		cause: Other, detail: "unauthorized", confidence: Certain, stage: Pull, source: forWin + "9562"},
	{keys: []string{"unauthorized: authentication required", "401 unauthorized", "403 forbidden", "failed to authorize", "denied: requested access to the resource is denied"}, with: pulling,
		cause: Other, detail: "unauthorized", confidence: Certain, stage: Pull, source: forWin + "9562"},
	{keys: []string{"toomanyrequests:", "429 too many requests"}, with: []string{"toomanyrequests:", "failed to pull", "response from daemon", "pull and unpack", "failed to solve"},
		cause: Other, detail: "rate-limit", confidence: Certain, stage: Pull, source: "https://docs.docker.com/docker-hub/usage/pulls/"},
	{keys: []string{"failed to solve:"}, with: []string{": not found"}, not: []string{"match for platform", "cache key", "dockerfile:", "no such file", "source metadata", "llb definition"},
		cause: Other, detail: "tag-not-found", confidence: Likely, stage: Build, source: ms + "iis-docker/issues/193"},
	{keys: []string{"manifest unknown", "manifest tagged by", "repository name not known", "name unknown:"},
		cause: Other, detail: "tag-not-found", confidence: Certain, stage: Pull, source: winc + "447"},
	{keys: []string{"no such host", "tls handshake timeout", "i/o timeout", "x509:", "connection refused", "connectex:", "proxyconnect", "eof while reading", "/v2/: eof", "network is unreachable", "server misbehaving", "client.timeout exceeded"}, with: pulling,
		cause: Other, detail: "network", confidence: Certain, stage: Pull, source: github + "kubernetes-sigs/sig-windows-dev-tools/issues/64"},
	{keys: []string{"manifest for"}, with: []string{"not found"}, not: []string{"no matching manifest", "match for platform"},
		cause: Other, detail: "tag-not-found", confidence: Certain, stage: Pull, source: ms + "containerregistry/issues/5"},
	{keys: []string{"failed to resolve reference", "llb definition", "failed to resolve source metadata"}, with: []string{": not found", "not found:"}, not: []string{"match for platform", "no such host"},
		cause: Other, detail: "tag-not-found", confidence: Certain, stage: Pull, source: ms + "iis-docker/issues/193"},

	// Programs within.
	{codes: []uint32{0xc0000142}, with: []string{"re-exec error", "reexec error", "register layer"},
		cause: Other, detail: "process-fails", confidence: Likely, stage: Pull, source: moby + "43685"},
	{codes: []uint32{0xc0000142}, keys: []string{"status_dll_init_failed"}, not: []string{"unable to start correctly", "click ok"},
		cause: Feb2020, detail: "32-bit-program", confidence: Possible, stage: Start, code: 0xc0000142, source: moby + "40525"},
	{codes: []uint32{0xc0000139},
		cause: Undetermined, detail: "process-fails", confidence: Likely, stage: Start, source: ms + "dotnet-framework-docker/issues/523"},

	// What is left of a message that was cut off.
	{keys: []string{"failed to reserve sandbox name"},
		cause: Other, detail: "sandbox-reserved", confidence: Certain, stage: Start, source: github + "kubernetes/kubernetes/issues/107561"},
	{keys: []string{"error during createcontainer"}, with: []string{"create pod sandbox", "sandbox container", "podsandbox"}, not: []string{"windows system call"},
		cause: Mismatch, detail: "sandbox-image", confidence: Possible, stage: Start, code: 0xc0370101, source: github + "Azure/acs-engine/issues/2965"},
	{keys: []string{"the request is not supported"}, with: []string{"computesystem"},
		cause: Undetermined, detail: "request-not-supported", confidence: Likely, stage: Start, code: 0x32, source: moby + "40720"},
	{keys: []string{"starting container failed"}, with: []string{"createcomputesystem"}, not: []string{"…", "..."},
		cause: Undetermined, detail: "windows-error", confidence: Likely, stage: Start, source: moby + "42853"},
	{keys: []string{"starting container failed"},
		cause: Undetermined, detail: "truncated", confidence: Likely, stage: Start, source: docsCompat},
	{keys: []string{"winapi error #"},
		cause: Undetermined, detail: "windows-error", confidence: Likely, stage: Start, source: moby + "34029"},
	{keys: []string{"windows system call", "failed in win32"},
		cause: Undetermined, detail: "windows-error", confidence: Likely, stage: Start, source: moby + "34029"},
	{keys: []string{"createcomputesystem", "error during createcontainer"}, with: []string{"error response", "error:", "failed to", "docker:", "encountered an error", "server error"}, not: []string{"succeeded", "succeeds"},
		cause: Undetermined, detail: "windows-error", confidence: Possible, stage: Start, source: docsCompat},
	{keys: []string{"error while mounting volume"},
		cause: Other, detail: "volume", confidence: Certain, stage: Create, source: github + "MicrosoftDocs/azure-docs/blob/cd07b68d/articles/service-fabric-mesh/service-fabric-mesh-howto-deploy-app-azurefiles-volume.md"},
	// Service Fabric puts what Docker says behind it, which is often cut off:
	// seen of a mismatch, and documented of a volume.
	{keys: []string{"codepackage activation"}, with: []string{"fabricexception", "failed to start container"}, not: []string{"responsebody"},
		cause: Mismatch, detail: "truncated", confidence: Possible, stage: Start, source: ms + "service-fabric/issues/1000"},
	{keys: []string{"codepackage activation"}, with: []string{"fabricexception", "failed to start container"},
		cause: Undetermined, detail: "truncated", confidence: Likely, stage: Start, source: ms + "service-fabric/issues/1000"},
}

var append5 = []string{"computesystem", "shim task", "hcs", "guest rpc", "containerd", "docker", "encountered an error"}

// localised stands for the sentence of a mismatch in another language: see
// mismatchWords.
const localised = "\x00localised"

const (
	docsCompat     = "https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/version-compatibility.md"
	docsKubernetes = "https://kubernetes.io/docs/concepts/windows/user-guide/"
)

// mismatchWords are the words for container, host and operating system in
// the languages of Windows. A sentence of the Host Compute Service that has one
// language's operating system twice, its container and its host says that they
// do not match; no other one has all of them. Squeezed, and without the first
// letter where that may be a capital, or the endings that the language changes.
//
// The words are those of Microsoft's documentation in each language (the pages
// of MicrosoftDocs/azure-docs.LANGUAGE on containers). The sentence itself
// stands in no public text that we know of, so it makes a cause likely at most;
// a code beside it makes it certain.
var mismatchWords = [...][3]string{
	{"etriebssystem", "container", "host"},
	{"ystèmedexploitation", "conteneur", "hôte"},
	{"istemaoperativo", "conten", "host"},
	{"istemaoperativo", "contenedor", "anfitri"},
	{"istemaoperacional", "cont", "host"},
	{"istemaoperativo", "contentor", "anfitri"},
	{"перационн", "онтейнер", "узл"},
	{"перационн", "онтейнер", "хост"},
	{"操作系统", "容器", "主机"},
	{"作業系統", "容器", "主機"},
	{"オペレーティングシステム", "コンテナ", "ホスト"},
	{"운영체제", "컨테이너", "호스트"},
	{"operacyjn", "ontener", "host"},
	{"esturingssyste", "container", "host"},
	{"perační", "ontejner", "ostitel"},
	{"şletimsistemi", "apsayıcı", "anabilgisayar"},
	{"şletimsistemi", "apsayıcı", "konak"},
	{"perativsystem", "container", "værts"},
	{"perációsrendszer", "ároló", "gazda"},
}
