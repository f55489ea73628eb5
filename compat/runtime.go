package compat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Engine is a kind of container runtime.
type Engine uint8

// The runtimes.
const (
	// NoEngine asks the documentation and Windows alone.
	NoEngine Engine = iota
	// Docker with its classic image store (graph driver), the default on Windows.
	Docker
	// DockerContainerd is Docker with the containerd image store.
	DockerContainerd
	// Containerd, as the kubelet (CRI), nerdctl and ctr use it.
	Containerd
)

// String names the runtime as the JSON output and --runtime do.
func (e Engine) String() string {
	return [...]string{"none", "docker", "docker-containerd", "containerd"}[e]
}

// family is the kind under which reports count the runtime.
func (e Engine) family() facts.RuntimeFamily {
	switch e {
	case Docker, DockerContainerd:
		return facts.DockerFamily
	case Containerd:
		return facts.ContainerdFamily
	}
	return facts.AnyRuntime
}

// Release is a runtime's version: major, minor, patch. 0.0.0: the newest known
// one that runs on the host.
type Release struct{ Major, Minor, Patch uint16 }

// String is "29.6.2", and "" for the zero Release.
func (r Release) String() string {
	if r == (Release{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", r.Major, r.Minor, r.Patch)
}

func (r Release) less(s Release) bool {
	if r.Major != s.Major {
		return r.Major < s.Major
	}
	if r.Minor != s.Minor {
		return r.Minor < s.Minor
	}
	return r.Patch < s.Patch
}

// Runtime is a container runtime and its version.
type Runtime struct {
	Engine  Engine
	Release Release
}

// ParseRuntime reads NAME or NAME@VERSION: "docker", "docker@20.10",
// "containerd@2.2.0", "containerd://1.7.7-k3s1" (as `kubectl get nodes -o wide`
// shows it). A suffix after the numbers is ignored.
func ParseRuntime(s string) (Runtime, error) {
	name, version, found := strings.Cut(s, "@")
	if !found {
		name, version, found = strings.Cut(s, "://")
	}
	var r Runtime
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "none":
		r.Engine = NoEngine
	case "docker", "moby", "mirantis":
		r.Engine = Docker
	case "docker-containerd":
		r.Engine = DockerContainerd
	case "containerd":
		r.Engine = Containerd
	default:
		return Runtime{}, fmt.Errorf("unknown runtime %q (want docker, docker-containerd, containerd or none, with @VERSION where it matters)", name)
	}
	if !found {
		return r, nil
	}
	if r.Engine == NoEngine {
		return Runtime{}, errors.New("runtime none has no version")
	}
	rel, err := parseRelease(version)
	if err != nil {
		return Runtime{}, fmt.Errorf("runtime %s: %w", name, err)
	}
	r.Release = rel
	return r, nil
}

// DockerRuntime is the runtime of a Docker engine on Windows by what `docker
// info` says: its storage driver and its version. The classic image store's
// driver is windowsfilter; the containerd image store's is a snapshotter. A
// version that cannot be read is left out.
func DockerRuntime(driver, version string) Runtime {
	r := Runtime{Engine: Docker}
	if driver != "windowsfilter" && driver != "" {
		r.Engine = DockerContainerd
	}
	if rel, err := parseRelease(version); err == nil {
		r.Release = rel
	}
	return r
}

// parseRelease reads "2.4.0", "v1.7.7-k3s1", "20.10" and "29".
func parseRelease(s string) (Release, error) {
	bad := fmt.Errorf("bad version %q (want 2.4.0, say)", s)
	s = strings.TrimPrefix(strings.TrimSpace(s), "v")
	if i := strings.IndexAny(s, "-+~ "); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return Release{}, bad
	}
	var n [3]uint16
	for i, p := range parts {
		x, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return Release{}, bad
		}
		if i < 3 {
			n[i] = uint16(x)
		}
	}
	if n == [3]uint16{} {
		return Release{}, bad
	}
	return Release{n[0], n[1], n[2]}, nil
}

// lacksHostProcess reports whether a runtime is known to have no HostProcess
// containers.
func (r Runtime) lacksHostProcess() bool {
	return r.Engine == Docker || r.Engine == DockerContainerd || r.Engine == Containerd && r.Release.less(Release{1, 6, 0})
}

// MarshalText writes NAME@VERSION.
func (r Runtime) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is "containerd 2.4.0".
func (r Runtime) String() string {
	if r.Release == (Release{}) {
		return r.Engine.String()
	}
	return r.Engine.String() + " " + r.Release.String()
}

// Order is how a runtime chooses among several children of an index that its
// rule allows.
type Order uint8

// The orders.
const (
	// OrderIndex takes the first one of the index.
	OrderIndex Order = iota
	// OrderRevision takes the highest revision number, whatever the build.
	OrderRevision
	// OrderHostBuild takes the first one of the host's build, else the first.
	OrderHostBuild
	// OrderString takes the highest os.version compared as text, so that
	// 26100.4061 comes before 26100.33296.
	OrderString
)

// Era is a span of a runtime's versions that answers alike.
type Era struct {
	From Release // inclusive; it lasts until the next era of the engine
	Rule Rule
	// Order is what a pull by the kubelet or by Docker uses.
	Order Order
	// DefaultOrder is what a client uses that matches by containerd's
	// platforms.Default() (ctr, for one), where it differs.
	DefaultOrder Order
	// Doubt is a second rule that versions of this era may apply instead:
	// where both agree there is an answer, elsewhere it is unknown.
	Doubt  Rule
	Source string // URL
}

const (
	urlContainerd = "https://github.com/containerd/containerd/blob/"
	urlPlatforms  = "https://github.com/containerd/platforms/blob/"
	urlMoby       = "https://github.com/moby/moby/blob/"
)

// The eras of each engine, oldest first. Where two branches were released side
// by side (containerd 2.0, 2.1, 2.2 …), each has its own rows.
var (
	containerdEras = [...]Era{
		{Release{0, 0, 0}, RuleNone, OrderIndex, OrderIndex, RuleNone, urlContainerd + "v1.4.13/platforms/defaults_windows.go"},
		{Release{1, 5, 0}, RuleExactStrict, OrderRevision, OrderRevision, RuleExactStrict, urlContainerd + "v1.5.0/platforms/defaults_windows.go"},
		{Release{1, 6, 18}, RuleExact, OrderRevision, OrderRevision, RuleExact, urlContainerd + "v1.6.18/platforms/defaults_windows.go"},
		{Release{1, 6, 23}, RuleOld, OrderRevision, OrderRevision, RuleOld, urlContainerd + "v1.6.23/platforms/defaults_windows.go"},
		{Release{1, 7, 0}, RuleExact, OrderIndex, OrderIndex, RuleExact, urlContainerd + "v1.7.0/platforms/defaults_windows.go"},
		{Release{1, 7, 6}, RuleOld, OrderIndex, OrderIndex, RuleOld, urlContainerd + "v1.7.6/platforms/defaults_windows.go"},
		{Release{1, 7, 19}, RuleOld, OrderIndex, OrderIndex, RuleOld, urlPlatforms + "v0.2.1/defaults_windows.go"},
		{Release{2, 0, 0}, RuleOld, OrderIndex, OrderIndex, RuleOld, urlPlatforms + "v1.0.0-rc.1/platform_compat_windows.go"},
		{Release{2, 1, 6}, RuleNew, OrderIndex, OrderString, RuleNew, urlPlatforms + "v1.0.0-rc.2/platform_windows_compat.go"},
		// The 2.2 branch was read up to 2.2.9.
		{Release{2, 2, 10}, RuleNew, OrderIndex, OrderString, RuleABI, urlPlatforms + "v1.0.0-rc.2/platform_windows_compat.go"},
		{Release{2, 3, 0}, RuleNew, OrderIndex, OrderString, RuleNew, urlPlatforms + "v1.0.0-rc.4/platform_windows_compat.go"},
		{Release{2, 3, 5}, RuleABI, OrderIndex, OrderString, RuleABI, urlPlatforms + "v1.0.0-rc.5/platform_windows_compat.go"},
		// The 2.4 branch was read up to 2.4.2; of a later minor version only the
		// rules so far are known.
		{Release{2, 5, 0}, RuleABI, OrderIndex, OrderString, RuleNew, urlPlatforms + "v1.0.0-rc.5/platform_windows_compat.go"},
	}
	dockerEras = [...]Era{
		// Before moby/moby#36327 a newer image failed while its layers were registered.
		{Release{0, 0, 0}, RuleMobyClassic, OrderHostBuild, OrderHostBuild, RuleMobyClassic, "https://github.com/moby/moby/pull/36327"},
		{Release{18, 3, 0}, RuleMobyClassic, OrderHostBuild, OrderHostBuild, RuleMobyClassic, urlMoby + "b985e231/daemon/internal/distribution/pull_v2_windows.go"},
	}
	dockerContainerdEras = [...]Era{
		{Release{0, 0, 0}, RuleExact, OrderIndex, OrderIndex, RuleExact, urlContainerd + "v1.6.21/platforms/defaults_windows.go"},
		{Release{25, 0, 0}, RuleOld, OrderIndex, OrderIndex, RuleOld, urlPlatforms + "v0.2.1/defaults_windows.go"},
		{Release{29, 0, 0}, RuleNew, OrderIndex, OrderIndex, RuleNew, urlPlatforms + "v1.0.0-rc.2/platform_windows_compat.go"},
		// moby's main branch has had rc.5 since 2026-09-03; which 29.x release
		// carries it first is not known here.
		{Release{29, 6, 3}, RuleNew, OrderIndex, OrderIndex, RuleABI, urlPlatforms + "v1.0.0-rc.4/platform_windows_compat.go"},
	}
)

// noEra is that of NoEngine.
var noEra Era

// Eras returns the eras of an engine, oldest first; none for NoEngine.
func (e Engine) Eras() []Era {
	switch e {
	case Docker:
		return dockerEras[:]
	case DockerContainerd:
		return dockerContainerdEras[:]
	case Containerd:
		return containerdEras[:]
	}
	return nil
}

// Era returns how this version of the runtime answers. Version 0.0.0 stands for
// the newest known one.
func (r Runtime) Era() *Era {
	list := r.Engine.Eras()
	if len(list) == 0 {
		return &noEra
	}
	if r.Release == (Release{}) {
		r.Release = newest[r.Engine]
	}
	for i := len(list) - 1; i > 0; i-- {
		if !r.Release.less(list[i].From) {
			return &list[i]
		}
	}
	return &list[0]
}

// newest are the newest versions known: Docker's is the newest whose rules were
// read (moby/moby#53397 shows it at work), containerd's the newest tag read.
var newest = [...]Release{Docker: {29, 6, 2}, DockerContainerd: {29, 6, 2}, Containerd: {2, 4, 2}}

// Engines from 23.0 on refuse to run below Windows build 17763 (moby commit
// 1b3fef53); 20.10.27 is the last one before.
var (
	dockerMinimum = Release{23, 0, 0}
	dockerOldest  = Release{20, 10, 27}
)

const dockerMinimumBuild = winver.LTSC2019

// RunsOn reports whether this version of the runtime runs on a host at all, as
// far as it is known.
func (r Runtime) RunsOn(host winver.Version) bool {
	return r.Engine != Docker && r.Engine != DockerContainerd || host.Build >= dockerMinimumBuild || r.Release.less(dockerMinimum)
}

// Resolve fills in the newest known version that runs on the host where none
// is given.
func (r Runtime) Resolve(host winver.Version) Runtime {
	if r.Engine != NoEngine && r.Release == (Release{}) {
		r.Release = newest[r.Engine]
		if !r.RunsOn(host) {
			r.Release = dockerOldest
		}
	}
	return r
}
