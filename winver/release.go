package winver

import "github.com/winmatch/winmatch/facts"

// Edition says whether a Windows is a server or a client. It decides the
// default isolation of containers and, since January 2026, what the revisions
// of build 26100 mean.
type Edition uint8

// The editions.
const (
	UnknownEdition Edition = iota
	Server
	Client // Windows 10 and 11
)

// String names the edition as the JSON output does.
func (e Edition) String() string { return [...]string{"unknown", "server", "client"}[e] }

// MarshalText writes the edition as String does.
func (e Edition) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// ParseEdition reads "server" or "client"; anything else is UnknownEdition.
func ParseEdition(s string) Edition {
	switch s {
	case "server":
		return Server
	case "client":
		return Client
	}
	return UnknownEdition
}

// The builds of the Long-Term Servicing Channel, whose images Microsoft
// publishes and whose order the compatibility rules go by.
const (
	LTSC2016 = 14393
	LTSC2019 = 17763
	LTSC2022 = 20348
	LTSC2025 = 26100
)

// EditionOf returns what a build alone says of the edition: a build that
// servers share with clients counts as a server, one that only clients have is
// a client's, and an unknown one is unknown.
func EditionOf(f *facts.Facts, build uint32) Edition {
	switch {
	case f.Server(build) != nil:
		return Server
	case f.Client(build) != nil:
		return Client
	}
	return UnknownEdition
}

// ReleaseOf returns the release of a build and an edition, nil where none is
// known. Where two server releases share a build (17763: Windows Server 2019
// and version 1809), it is the Long-Term Servicing one. UnknownEdition takes
// the server where there is one.
func ReleaseOf(f *facts.Facts, build uint32, e Edition) *facts.Release {
	switch e {
	case Server:
		return f.Server(build)
	case Client:
		return f.Client(build)
	}
	if r := f.Server(build); r != nil {
		return r
	}
	return f.Client(build)
}

// FullName is the release as people say it: "Windows Server 2022",
// "Windows 11 24H2".
func FullName(r *facts.Release) string {
	if r.Kind == facts.Client {
		return r.Name + " " + r.Version
	}
	return r.Name
}

// NameOf is the full name of a build's release, "" where none is known. Of a
// build that a server and a client share, and an unknown edition, it is both:
// "Windows Server 2019 or Windows 10 1809".
func NameOf(f *facts.Facts, build uint32, e Edition) string {
	server, client := f.Server(build), f.Client(build)
	if e == UnknownEdition && server != nil && client != nil {
		return FullName(server) + " or " + FullName(client)
	}
	if r := ReleaseOf(f, build, e); r != nil {
		return FullName(r)
	}
	return ""
}

// LineOf returns the update line of an edition: servers and unknown ones take
// the server's.
func LineOf(e Edition) facts.Line {
	if e == Client {
		return facts.ClientLine
	}
	return facts.ServerLine
}

// on reports whether an update belongs to a line.
func on(u *facts.Update, line facts.Line) bool { return u.Line == facts.BothLines || u.Line == line }

// Latest returns the newest update of a build on a line that any host shows
// or, for facts.ImageLine, that images have; nil where none is known.
func Latest(f *facts.Facts, build uint32, line facts.Line) *facts.Update {
	list := f.UpdatesOf(build)
	for i := len(list) - 1; i >= 0; i-- {
		if on(&list[i], line) {
			return &list[i]
		}
	}
	return nil
}

// LatestB returns the newest second-Tuesday update of a build that servers
// get: what a base image's family tag stands for, or nil.
func LatestB(f *facts.Facts, build uint32) *facts.Update {
	list := f.UpdatesOf(build)
	for i := len(list) - 1; i >= 0; i-- {
		if u := &list[i]; u.Type == facts.B && on(u, facts.ServerLine) {
			return u
		}
	}
	return nil
}

// Released returns the day on which an edition got a revision of a build, 0
// where it is not known.
func Released(f *facts.Facts, v Version, e Edition) facts.Date {
	rev, ok := v.Revision()
	if !ok {
		return 0
	}
	if u := f.Update(v.Build, rev); u != nil && (on(u, LineOf(e)) || u.Line == facts.ImageLine) {
		return u.Date
	}
	return 0
}

// EndOfSupport returns the last day of free security updates for a release: the
// extended end of servers; of clients the last end of any edition, the
// long-term ones included; 0 where it is not known.
func EndOfSupport(r *facts.Release) facts.Date {
	if r.Kind == facts.Client {
		return max(r.EnterpriseEnd, r.HomeProEnd, r.LTSCEnd, r.LTSCIoTEnd)
	}
	return max(r.ExtendedEnd, r.MainstreamEnd)
}

// FamilyBuild returns the build that a family tag of the Microsoft base images
// stands for ("ltsc2022": 20348, "1809": 17763), 0 where it is none.
func FamilyBuild(f *facts.Facts, family string) uint32 {
	for i := range f.Releases {
		r := &f.Releases[i]
		for _, img := range r.Images {
			for _, t := range img.Tags {
				if t == family {
					return r.Build
				}
			}
		}
	}
	return 0
}
