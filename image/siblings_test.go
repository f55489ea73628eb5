package image

import (
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

func TestSiblings(t *testing.T) {
	for _, c := range []struct{ ref, host, want string }{
		{"mcr.microsoft.com/windows/servercore:ltsc2022", "", "ltsc2025 ltsc2022 ltsc2019 ltsc2016"},
		{"mcr.microsoft.com/windows/servercore:ltsc2022", "17763.1397", "ltsc2025 ltsc2022 ltsc2019 ltsc2016 10.0.17763.1397"},
		// The newest second Tuesday's that the host is not behind of; on Windows
		// Server 2016 only its own.
		{"mcr.microsoft.com/windows/servercore:ltsc2022", "20348.5631", "ltsc2025 ltsc2022 ltsc2019 ltsc2016 10.0.20348.5622"},
		{"mcr.microsoft.com/windows/servercore:ltsc2016", "14393.1770", "ltsc2025 ltsc2022 ltsc2019 ltsc2016 10.0.14393.1770"},
		{"mcr.microsoft.com/windows/servercore:ltsc2016", "14393.1771", "ltsc2025 ltsc2022 ltsc2019 ltsc2016"},
		// A revision that a better source contradicts is no pin.
		{"mcr.microsoft.com/windows/servercore:ltsc2019", "17763.7312", "ltsc2025 ltsc2022 ltsc2019 ltsc2016 10.0.17763.7136"},
		{"mcr.microsoft.com/windows/nanoserver:1809", "", "ltsc2025 ltsc2022 1809"},
		{"mcr.microsoft.com/windows/server:ltsc2022", "", "ltsc2025 ltsc2022"},
		{"mcr.microsoft.com/windows:ltsc2022", "", "server:ltsc2025 server:ltsc2022 1809"},
		{"windows:10.0.17763.1", "", "servercore:ltsc2025 servercore:ltsc2022 servercore:ltsc2019 servercore:ltsc2016"},
		{"mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-1809", "", "8.0-nanoserver-ltsc2025 8.0-nanoserver-ltsc2022 8.0-nanoserver-1809"},
		{"mcr.microsoft.com/dotnet/aspnet:10.0-windowsservercore-ltsc2025", "", "10.0-windowsservercore-ltsc2025 10.0-windowsservercore-ltsc2022"},
		{"mcr.microsoft.com/dotnet/runtime:8.0", "", "8.0-nanoserver-ltsc2025 8.0-nanoserver-ltsc2022 8.0-nanoserver-1809"},
		{"mcr.microsoft.com/dotnet/framework/runtime:4.8-windowsservercore-ltsc2022", "",
			"4.8-windowsservercore-ltsc2022 4.8-windowsservercore-ltsc2019 4.8-windowsservercore-ltsc2016"},
		{"golang:1.27-windowsservercore-ltsc2025", "", "golang:1.27-windowsservercore-ltsc2025 golang:1.27-windowsservercore-ltsc2022"},
		{"golang:1-windowsservercore", "", "golang:1-windowsservercore-ltsc2025 golang:1-windowsservercore-ltsc2022"},
		{"nats:nanoserver", "", "nats:nanoserver-ltsc2022"},
		{"golang:1.27-nanoserver", "", "golang:1.27-nanoserver-ltsc2025 golang:1.27-nanoserver-ltsc2022"},
		{"mongo:nanoserver", "", "mongo:nanoserver-ltsc2022"},
		{"python:3.12-nanoserver-ltsc2022", "", ""}, // servercore only
		{"hello-world:nanoserver", "", "hello-world:nanoserver-ltsc2025 hello-world:nanoserver-ltsc2022"},
		// What was built of each version: rows of source D in image-tags.csv.
		{"mcr.microsoft.com/dotnet/aspnet:10.0-nanoserver", "", "10.0-nanoserver-ltsc2025 10.0-nanoserver-ltsc2022"},
		{"mcr.microsoft.com/dotnet/aspnet:11.0-preview-nanoserver", "", "11.0-preview-nanoserver-ltsc2025"},
		{"mcr.microsoft.com/dotnet/aspnet:6.0.36-nanoserver-1809", "", "6.0.36-nanoserver-ltsc2022 6.0.36-nanoserver-1809"},
		{"mcr.microsoft.com/dotnet/sdk:3.1-nanoserver-1809", "", "3.1-nanoserver-ltsc2022 3.1-nanoserver-1809"},
		{"mcr.microsoft.com/dotnet/framework/sdk:4.8.1", "", "4.8.1-windowsservercore-ltsc2025 4.8.1-windowsservercore-ltsc2022"},
		{"mcr.microsoft.com/dotnet/framework/sdk:4.7.2", "", "4.7.2-windowsservercore-ltsc2019 4.7.2-windowsservercore-ltsc2016"},
		{"mcr.microsoft.com/dotnet/framework/runtime:4.7-windowsservercore-ltsc2016", "", "4.7-windowsservercore-ltsc2016"},
		// Of other repositories nothing is known.
		{"example.com/app:1.0-ltsc2022", "", ""},
		{"jenkins/agent:jdk17-windowsservercore-ltsc2022", "", ""},
		{"golang:1.27", "", ""},
	} {
		ref, err := Parse(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		host, _ := winver.Parse(c.host)
		var got []string
		for _, s := range Siblings(ref, facts.Embedded(), host) {
			name := strings.TrimPrefix(s.Reference, ref.Name()+":")
			if !strings.HasSuffix(ref.Name(), "/servercore") {
				name = strings.TrimPrefix(name, "mcr.microsoft.com/windows/")
			}
			got = append(got, name)
			if !s.Version.IsValid() {
				t.Errorf("%s: %s has no version", c.ref, s.Reference)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s beside %s:\n got %s\nwant %s", c.ref, c.host, s, c.want)
		}
	}
}
