package cli

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/windows/registry"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// thisMachine reads the Windows that the program runs on from the registry:
// CurrentBuild and UBR are build and revision, InstallationType is Client,
// Server, Server Core or Nano Server. ProductName says Windows 10 on Windows 11
// too and is not looked at, but for machines without an InstallationType.
func thisMachine(f *facts.Facts) (winver.Host, error) {
	const path = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return winver.Host{}, fmt.Errorf(`HKLM\%s: %w`, path, err)
	}
	defer k.Close()
	text, _, err := k.GetStringValue("CurrentBuild")
	if err != nil {
		if text, _, err = k.GetStringValue("CurrentBuildNumber"); err != nil {
			return winver.Host{}, fmt.Errorf(`HKLM\%s\CurrentBuild: %w`, path, err)
		}
	}
	build, err := strconv.ParseUint(text, 10, 16)
	if err != nil || build == 0 {
		return winver.Host{}, fmt.Errorf(`HKLM\%s\CurrentBuild: %q is no build number`, path, text)
	}
	h := winver.Host{Version: winver.OfBuild(uint32(build)), Evidence: `HKLM\` + path + ": CurrentBuild " + text}
	if ubr, _, err := k.GetIntegerValue("UBR"); err == nil && ubr < 1<<31-1 {
		h.Version = h.Version.WithRevision(uint32(ubr))
		h.Evidence += ", UBR " + strconv.FormatUint(ubr, 10)
	}
	kind, _, _ := k.GetStringValue("InstallationType")
	switch kind {
	case "Client":
		h.Edition = winver.Client
	case "Server", "Server Core", "Nano Server":
		h.Edition = winver.Server
	default:
		if kind, _, _ = k.GetStringValue("ProductName"); kind != "" {
			if p, err := winver.ParseHost(f, kind); err == nil {
				h.Edition = p.Edition
			}
		}
	}
	if kind != "" {
		h.Evidence += ", " + kind
	}
	if h.Edition == winver.UnknownEdition {
		h.Edition = winver.EditionOf(f, h.Version.Build)
	}
	if r := winver.ReleaseOf(f, h.Version.Build, h.Edition); r != nil {
		h.Release = r.ID
	}
	return h, nil
}

// dockerService is how Windows starts its service docker, and whether the role
// Hyper-V is installed: the registry has a key for each service. The command line
// is "" where there is no such service.
func dockerService() (commandLine string, hyperV bool) {
	const services = `SYSTEM\CurrentControlSet\Services\`
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, services+"docker", registry.QUERY_VALUE|registry.WOW64_64KEY); err == nil {
		commandLine, _, _ = k.GetStringValue("ImagePath")
		k.Close()
	}
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, services+"vmms", registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err == nil {
		k.Close()
	}
	return commandLine, err == nil
}
