package winver

import (
	"errors"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
)

func TestNames(t *testing.T) {
	f := facts.Embedded()
	for _, c := range []struct{ name, want string }{
		// Versions.
		{"10.0.17763.437", "10.0.17763.437 server ws2019 certain"},
		{"17763.437", "10.0.17763.437 server ws2019 certain"},
		{"17763", "10.0.17763 server ws2019 certain"},
		{"10.0.17763", "10.0.17763 server ws2019 certain"},
		{"10.0.19045.0", "10.0.19045 client w10-22h2 certain"},
		{"17604.1000", "10.0.17604.1000 unknown  certain"},
		{"26280", "10.0.26280 unknown  certain"},
		{"26100", "10.0.26100 server ws2025 certain"},
		{"26100.7462", "10.0.26100.7462 server ws2025 certain"},
		{"26100.9457", "10.0.26100.9457 client w11-24h2 likely"}, // only clients got it
		{"26100.33451", "10.0.26100.33451 server ws2025 certain"},
		{"26300", "10.0.26300 client w11-26h2 certain"},
		{"  \"10.0.20348.2227\"\r\n", "10.0.20348.2227 server ws2022 certain"},
		// Families, years, IDs.
		{"ltsc2019", "10.0.17763 server ws2019 certain"},
		{"LTSC2025", "10.0.26100 server ws2025 certain"},
		{"sac2016", "10.0.14393 server ws2016 certain"},
		{"2019", "10.0.17763 server ws2019 certain"},
		{"1809", "10.0.17763 server ws2019 certain"},
		{"1703", "10.0.15063 client w10-1703 certain"},
		{"20H2", "10.0.19042 server ws20h2 certain"},
		{"2009", "10.0.19042 server ws20h2 certain"},
		{"24H2", "10.0.26100 server ws2025 certain"},
		{"25h2", "10.0.26200 client w11-25h2 certain"},
		{"ws2019", "10.0.17763 server ws2019 certain"},
		{"ws1809", "10.0.17763 server ws1809 certain"},
		{"WS23H2", "10.0.25398 server ws23h2 certain"},
		{"w11-24h2", "10.0.26100 client w11-24h2 certain"},
		{"win11-24h2", "10.0.26100 client w11-24h2 certain"},
		{"Win10-22H2", "10.0.19045 client w10-22h2 certain"},
		{"RS5", "10.0.17763 server ws2019 certain"},
		// Words.
		{"Windows Server 2019", "10.0.17763 server ws2019 certain"},
		{"'Microsoft Windows Server 2022 Datacenter'", "10.0.20348 server ws2022 certain"},
		{"Windows Server 2022 Datacenter: Azure Edition", "10.0.20348 server ws2022 certain"},
		{"Windows Server 2022 21H2", "10.0.20348 server ws2022 certain"},
		{"Windows Server, version 1709", "10.0.16299 server ws1709 certain"},
		{"Windows Server, version 1809", "10.0.17763 server ws1809 certain"},
		{"Windows 11 24H2", "10.0.26100 client w11-24h2 certain"},
		{"Windows 11 Pro 23H2", "10.0.22631 client w11-23h2 certain"},
		{"Windows 10 version 1809", "10.0.17763 client w10-1809 certain"},
		{"Windows 10 Enterprise LTSC 2019", "10.0.17763 client w10-1809 certain"},
		{"Windows 10 Enterprise 2016 LTSB", "10.0.14393 client w10-1607 certain"},
		{"Windows 11 Enterprise LTSC 2024", "10.0.26100 client w11-24h2 certain"},
		// Labels of CI, clouds and boxes.
		{"windows-2022", "10.0.20348 server ws2022 certain"},
		{"windows-2025-vs2026", "10.0.26100 server ws2025 certain"},
		{"vs2017-win2016", "10.0.14393 server ws2016 certain"},
		{"win22", "10.0.20348 server ws2022 certain"},
		{"Windows2022", "10.0.20348 server ws2022 certain"},
		{"AKSWindows-2022-20348.2227.240111", "10.0.20348.2227 server ws2022 certain"},
		{"AKSWindows-2022-containerd-gen2-20348.2227.240111", "10.0.20348.2227 server ws2022 certain"},
		{"aks-2019-datacenter-core-smalldisk-2012", "10.0.17763 server ws2019 certain"},
		{"2019-datacenter-core-smalldisk-17763.1817.210330", "10.0.17763.1817 server ws2019 certain"},
		{"MicrosoftWindowsServer:WindowsServer:2019-Datacenter-with-Containers:17763.3887.221205", "10.0.17763.3887 server ws2019 certain"},
		{"2022-datacenter-azure-edition-core", "10.0.20348 server ws2022 certain"},
		{"datacenter-core-20h2-with-containers-smalldisk-gs", "10.0.19042 server ws20h2 certain"},
		{"win11-22h2-ent", "10.0.22621 client w11-22h2 certain"},
		{"Windows_Server-2022-English-Core-EKS_Optimized-1.29-2024.05.14", "10.0.20348 server ws2022 certain"},
		{"Windows_Server-2019-English-Full-ContainersLatest-2025.02.15", "10.0.17763 server ws2019 certain"},
		{"WINDOWS_CORE_2019_x86_64", "10.0.17763 server ws2019 certain"},
		{"windows-server-2022-dc-core-for-containers-v20240110", "10.0.20348 server ws2022 certain"},
		{"OS_VERSION_LTSC2022", "10.0.20348 server ws2022 certain"},
		{"gusztavvargadr/windows-server-2019-standard", "10.0.17763 server ws2019 certain"},
		// Updates.
		{"ws2016+KB4053579", "10.0.14393.1944 server ws2016 certain"},
		{"WS2016 + kb4041691", "10.0.14393.1770 server ws2016 certain"},
		{"win11-24h2+KB5074109", "10.0.26100.7623 client w11-24h2 certain"},
		{"14393.448+KB3200970", "10.0.14393.448 server ws2016 certain"},
	} {
		h, err := ParseHost(f, c.name)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.Join([]string{h.Version.String(), h.Edition.String(), h.Release, h.Confidence.String()}, " ")
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNamesRefused(t *testing.T) {
	f := facts.Embedded()
	for _, c := range []struct{ name, reason, hint string }{
		{"21H2", "ws2022", "one of them"},
		{"22H2", "w11-22h2", "one of them"},
		{"23H2", "ws23h2", "one of them"},
		{"Windows 11", "many versions", "w11-24h2"},
		{"Windows Server", "no release", "year"},
		{"windows-latest", "moves", "ws2025"},
		{"windows-11-arm", "moves", ""},
		{"WindowsAnnual", "moves", ""},
		{"WINDOWS_LTSC_CONTAINERD", "moves", ""},
		{"Windows Server 2012 R2", "no containers", ""},
		{"Windows Server 2022 22H2", "no such Windows", ""},
		{"Windows Server 2019 2022", "two different", ""},
		{"ws2019+KB4053579", "14393", ""},
		{"ws2016+KB1", "2026-09-29", "14393.REVISION"},
		{"ws2025+KB5074109", "client line", ""},
		{"1809+KB4546852", "container images only", ""},
		{"ws2016+KB3200970", "14393.447 or 14393.448", "ver"},
		{"17763.1+KB4493509", "revision 437, not 1", ""},
		{"mcr.microsoft.com/windows/servercore:ltsc2019", "container image", "ws2019"},
		{"nanoserver:1809", "container image", ""},
		{"ws2018", "no Windows version found", "ws2019"},
		{"winodws-2022", "no Windows version found", "windows-2022"},
		{"ubuntu-22.04", "no Windows version found", ""},
		{"windows-2022-16core", "no Windows version found", ""},
		{"5.15.0", "no Windows version found", ""},
		{"1234", "no Windows version found", ""},
		{"", "empty", ""},
		{" \n\t", "empty", ""},
		{strings.Repeat("x", MaxText+1), "16 MiB", ""},
	} {
		h, err := ParseHost(f, c.name)
		if len(c.name) > 100 {
			c.name = c.name[:10]
		}
		var e *HostError
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, %v", c.name, h, err)
		} else if !strings.Contains(e.Error(), c.reason) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%q: %v (hint: %s), want %q (hint: %q)", c.name, e, e.Hint, c.reason, c.hint)
		} else if e.None != (strings.Contains(c.reason, "no Windows version") || c.reason == "empty" || c.reason == "container image") {
			t.Errorf("%q: None is %v", c.name, e.None)
		} else if errors.Is(err, ErrNoHost) != e.None {
			t.Errorf("%q: errors.Is(ErrNoHost) is not None", c.name)
		}
	}
}

// Every release is found by its ID, by its full name and by its build.
func TestNamesOfReleases(t *testing.T) {
	f := facts.Embedded()
	for i := range f.Releases {
		r := &f.Releases[i]
		if r.Build == 0 {
			continue
		}
		name := FullName(r)
		if r.Kind == facts.ServerAnnual {
			name, _, _ = strings.Cut(name, " (")
		}
		for _, s := range []string{r.ID, strings.ToUpper(r.ID), name, strings.ToLower(name)} {
			h, err := ParseHost(f, s)
			if err != nil || h.Release != r.ID || h.Version != OfBuild(r.Build) || h.Edition != map[bool]Edition{true: Client, false: Server}[r.Kind == facts.Client] {
				t.Errorf("%q: %+v, %v", s, h, err)
			}
		}
	}
}

func TestParseHostSeveral(t *testing.T) {
	f := facts.Embedded()
	const text = "a  Windows Server 2019 Datacenter  10.0.17763.1397  docker://19.3\nb  Windows Server 2022 Datacenter  10.0.20348.2227  containerd://1.6\nc  Windows Server 2019 Datacenter  10.0.17763.1397  docker://19.3\n"
	hosts, err := ParseHosts(f, text)
	if err != nil || len(hosts) != 2 || hosts[0].Release != "ws2019" || hosts[1].Release != "ws2022" {
		t.Fatal(hosts, err)
	}
	if _, err := ParseHost(f, text); err == nil || !strings.Contains(err.Error(), "10.0.17763.1397 (server), 10.0.20348.2227 (server)") {
		t.Error(err)
	}
}

// TestParseHostRuntimes: a runtime goes to the host it is printed beside, and
// to no other.
func TestParseHostRuntimes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"wide": {`NAME     STATUS   OS-IMAGE                         KERNEL-VERSION      CONTAINER-RUNTIME
linux-0  Ready    Ubuntu 22.04.3 LTS               5.15.0-1052-azure   containerd://1.7.5-1
win-0    Ready    Windows Server 2019 Datacenter   10.0.17763.5329     containerd://1.6.21+azure
win-1    Ready    Windows Server 2025 Datacenter   10.0.26100.1742     containerd://1.6.21
win-2    Ready    Windows Server 2025 Datacenter   10.0.26100.1742     containerd://2.1.4
win-3    Ready    Windows Server 2025 Datacenter   10.0.26100.1742     containerd://1.6.21
linux-1  Ready    Ubuntu 22.04.3 LTS               5.15.0-1052-azure   docker://20.10.7
`, "17763.5329 containerd://1.6.21+azure, 26100.1742 containerd://1.6.21, 26100.1742 containerd://2.1.4"},
		"describe": {"System Info:\n  Kernel Version:             10.0.20348.2227\n  OS Image:                   Windows Server 2022 Datacenter\n  Operating System:           windows\n  Architecture:               amd64\n  Container Runtime Version:  containerd://1.7.20\n  Kubelet Version:            v1.30.3\n",
			"20348.2227 containerd://1.7.20"},
		"json": {`{"items":[{"status":{"nodeInfo":{"architecture":"amd64","containerRuntimeVersion":"containerd://1.7.5-1","kernelVersion":"5.15.0-1052-azure","kubeletVersion":"v1.27.3","operatingSystem":"linux","osImage":"Ubuntu 22.04.3 LTS","systemUUID":"x"},"images":[{"names":["a"],"sizeBytes":1},{"names":["b"],"sizeBytes":1},{"names":["c"],"sizeBytes":1},{"names":["d"],"sizeBytes":1}]}},` +
			`{"status":{"nodeInfo":{"architecture":"amd64","containerRuntimeVersion":"docker://20.10.9","kernelVersion":"10.0.17763.5329","kubeProxyVersion":"v1.23.3","kubeletVersion":"v1.23.3","operatingSystem":"windows","osImage":"Windows Server 2019 Datacenter"}}}]}`,
			"17763.5329 docker://20.10.9"},
		"elsewhere": {"Microsoft Windows [Version 10.0.17763.5329]\n> crictl --runtime-endpoint npipe:////./pipe/containerd-containerd info\ncontainerd://1.6.21\n", "17763.5329 "},
		"another's": {"Microsoft Windows [Version 10.0.17763.5329]\n10.0.20348.2227 was seen with containerd://1.6.21\n", "17763.5329 "},
	} {
		hosts, err := ParseHosts(facts.Embedded(), c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, h := range hosts {
			got = append(got, h.Version.Short()+" "+h.Runtime)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

func BenchmarkParseHost(b *testing.B) {
	f := facts.Embedded()
	node := "aks-win-000  Ready  agent  41d  v1.27.3  10.240.0.22  <none>  Windows Server 2019 Datacenter  10.0.17763.5329  containerd://1.6.21\n"
	logs := "2024-01-10T12:00:00.1234567Z ##[debug] step 12 of 40: copied 20348 files in 1809.5 ms from 10.0.19.4 to C:\\agent\\_work\\1\\s\n"
	for name, text := range map[string]string{
		"version":  "10.0.17763.437",
		"id":       "ws2019",
		"family":   "ltsc2022",
		"words":    "Windows Server 2022 Datacenter",
		"ver":      "Microsoft Windows [Version 10.0.19045.3930]",
		"info":     " Kernel Version: 10.0 17763 (17763.1.amd64fre.rs5_release.180914-1434)\n Operating System: Windows Server 2019 Datacenter Version 1809 (OS Build 17763.1339)\n",
		"nodes1MB": strings.Repeat(node, 1<<20/len(node)),
		"log1MB":   strings.Repeat(logs, 1<<20/len(logs)) + "Microsoft Windows [Version 10.0.20348.2227]\n",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseHosts(f, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzParseHost(f *testing.F) {
	fx := facts.Embedded()
	for _, s := range samples(f) {
		f.Add(s.Text)
	}
	for _, s := range []string{"10.0.17763.437", "ws2016+KB4053579", "windows-2022", "AKSWindows-2022-20348.2227.240111", "\xff\xfew\x00s\x00", "\x1b]0;", "[", "ubr 0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := ParseHosts(fx, text)
		if (err == nil) == (len(hosts) == 0) {
			t.Fatalf("%d hosts, error %v", len(hosts), err)
		}
		for _, h := range hosts {
			if !h.Version.IsValid() || h.Version.Build > 65535 || h.Evidence == "" {
				t.Errorf("%+v", h)
			}
			if rev, ok := h.Version.Revision(); ok && rev == 0 {
				t.Errorf("revision 0: %+v", h)
			}
			if v, err := Parse(h.Version.String()); err != nil || v != h.Version {
				t.Errorf("%v does not read back: %v", h.Version, err)
			}
			if h.Release != "" {
				found := false
				for i := range fx.Releases {
					found = found || fx.Releases[i].ID == h.Release && fx.Releases[i].Build == h.Version.Build
				}
				if !found {
					t.Errorf("release %s is not of %v", h.Release, h.Version)
				}
			}
		}
	})
}
