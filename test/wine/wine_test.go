//go:build realparts

// Package wine_test runs the Windows build of winmatch on a Windows whose
// version the test sets: wine's.
package wine_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/winmatch/winmatch/test/parts"
)

type host struct {
	Version, Release, Edition, Confidence, Evidence string
	Build                                           int
	Revision                                        *int
}

// machine is what the registry of a Windows says of itself.
type machine struct {
	build, installation, product, display string
	ubr                                   any // uint32, or nil where there is none
}

func (m machine) values() map[string]any {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return map[string]any{
		// Every Windows since 8.1 says 6.3 here; wine takes from it what it
		// plays, and Go asks for at least 10.0.
		"CurrentVersion": "10.0", "CurrentMajorVersionNumber": uint32(10), "CurrentMinorVersionNumber": uint32(0),
		"CurrentBuild": m.build, "CurrentBuildNumber": m.build, "UBR": m.ubr,
		"InstallationType": text(m.installation), "ProductName": text(m.product), "DisplayVersion": text(m.display),
		"EditionID": nil, "ReleaseId": nil, "BuildLab": nil, "BuildLabEx": nil,
	}
}

func TestHost(t *testing.T) {
	wine := parts.NewWine(t, "host")
	exe := filepath.Join(t.TempDir(), "winmatch.exe")
	parts.Go(t, ".", []string{"GOOS=windows", "GOARCH=amd64"},
		"build", "-trimpath", "-tags", "nethttpomithttp2", "-o", exe, "./cmd/winmatch")

	known := func(n int) *int { return &n }
	for _, c := range []struct {
		name    string
		machine machine
		want    host
	}{
		{"server 2025", machine{"26100", "Server", "Windows Server 2025 Datacenter", "24H2", uint32(32230)},
			host{Version: "10.0.26100.32230", Build: 26100, Revision: known(32230), Release: "ws2025", Edition: "server"}},
		{"client of the same build", machine{"26100", "Client", "Windows 10 Pro", "24H2", uint32(7623)},
			host{Version: "10.0.26100.7623", Build: 26100, Revision: known(7623), Release: "w11-24h2", Edition: "client"}},
		{"server core 2019", machine{"17763", "Server Core", "Windows Server 2019 Standard", "", uint32(437)},
			host{Version: "10.0.17763.437", Build: 17763, Revision: known(437), Release: "ws2019", Edition: "server"}},
		{"client of that build", machine{"17763", "Client", "Windows 10 Enterprise LTSC 2019", "", uint32(6775)},
			host{Version: "10.0.17763.6775", Build: 17763, Revision: known(6775), Release: "w10-1809", Edition: "client"}},
		{"nano server 2016", machine{"14393", "Nano Server", "Windows Server 2016 Standard", "", uint32(1770)},
			host{Version: "10.0.14393.1770", Build: 14393, Revision: known(1770), Release: "ws2016", Edition: "server"}},
		{"server 2022", machine{"20348", "Server", "Windows Server 2022 Standard", "21H2", uint32(2227)},
			host{Version: "10.0.20348.2227", Build: 20348, Revision: known(2227), Release: "ws2022", Edition: "server"}},
		{"windows 11 25H2", machine{"26200", "Client", "Windows 10 Pro", "25H2", uint32(6584)},
			host{Version: "10.0.26200.6584", Build: 26200, Revision: known(6584), Release: "w11-25h2", Edition: "client"}},
		{"windows 10 22H2", machine{"19045", "Client", "Windows 10 Pro", "22H2", uint32(2006)},
			host{Version: "10.0.19045.2006", Build: 19045, Revision: known(2006), Release: "w10-22h2", Edition: "client"}},
		{"revision 0", machine{"26100", "Server", "Windows Server 2025 Datacenter", "24H2", uint32(0)},
			host{Version: "10.0.26100.0", Build: 26100, Revision: known(0), Release: "ws2025", Edition: "server"}},
		{"no revision", machine{"20348", "Server", "Windows Server 2022 Standard", "21H2", nil},
			host{Version: "10.0.20348", Build: 20348, Release: "ws2022", Edition: "server"}},
		{"installation type missing", machine{"26100", "", "Windows Server 2025 Datacenter", "24H2", uint32(1742)},
			host{Version: "10.0.26100.1742", Build: 26100, Revision: known(1742), Release: "ws2025", Edition: "server"}},
		{"unknown build", machine{"29651", "Server", "Windows Server vNext", "", uint32(1000)},
			host{Version: "10.0.29651.1000", Build: 29651, Revision: known(1000), Edition: "server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wine.Registry(t, c.machine.values())
			out, code := wine.Run(t, "", exe, "host", "-o", "json")
			var got []host
			if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || len(got) != 1 {
				t.Fatalf("exit %d, %v\n%s", code, err, out)
			}
			g, w := got[0], c.want
			if g.Evidence == "" || g.Confidence != "certain" {
				t.Errorf("confidence %q, evidence %q", g.Confidence, g.Evidence)
			}
			if g.Version != w.Version || g.Build != w.Build || g.Release != w.Release || g.Edition != w.Edition ||
				(g.Revision == nil) != (w.Revision == nil) || g.Revision != nil && *g.Revision != *w.Revision {
				t.Errorf("got  %s\nwant %+v", out, w)
			}
		})
	}

	// check without --host asks about this machine: by default a server
	// isolates processes and a client uses Hyper-V.
	for _, c := range []struct {
		machine   machine
		isolation string
	}{
		{machine{"20348", "Server", "Windows Server 2022 Standard", "21H2", uint32(2227)}, "process"},
		{machine{"26200", "Client", "Windows 10 Pro", "25H2", uint32(6584)}, "hyperv"},
	} {
		t.Run("check on "+c.machine.installation, func(t *testing.T) {
			wine.Registry(t, c.machine.values())
			out, code := wine.Run(t, "", exe, "check", "--offline", "-o", "json", "windows:10.0.20348.2227")
			var got struct {
				Results []struct {
					Host      host
					Isolation string
					Answer    string
				}
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || len(got.Results) != 1 {
				t.Fatalf("exit %d, %v\n%s", code, err, out)
			}
			r := got.Results[0]
			if r.Host.Version != "10.0."+c.machine.build+map[string]string{"20348": ".2227", "26200": ".6584"}[c.machine.build] ||
				r.Isolation != c.isolation || r.Answer != "yes" {
				t.Errorf("%+v", r)
			}
		})
	}
}
