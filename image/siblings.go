package image

import (
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Sibling is another tag of a repository: the same image on another Windows.
type Sibling struct {
	Reference string
	Version   winver.Version // its revision unknown where the tag moves
	AtLeast   winver.Version // see Image.AtLeast
}

// Siblings returns the tags beside a reference that hold the same image for
// other builds of Windows, newest build first, as far as its repository's
// grammar says that they exist: one a build, and, in Microsoft's base
// repositories, the tag of the newest revision that the host is not behind of. For windows:VERSION they are those of windows/servercore. Of
// repositories whose tags the grammar does not know there are none.
func Siblings(ref Reference, f *facts.Facts, host winver.Version) []Sibling {
	if ref.Kind == Given {
		ref = Reference{Host: MCR, Repository: "windows/servercore"}
	}
	k, name, official := classify(&ref)
	if !official || k == otherRepo || k == hubBaseRepo || k == pauseRepo {
		return nil
	}
	said := FromName(Reference{Host: ref.Host, Repository: ref.Repository, Tag: ref.Tag}, f)
	var list []Sibling
	builds := map[uint32]bool{}
	for _, fam := range [...]string{"ltsc2025", "ltsc2022", "20H2", "2004", "1909", "1903", "ltsc2019", "1809", "1803", "1709", "ltsc2016", "sac2016"} {
		tag := fam
		switch {
		case k == baseRepo:
		case said.Family != "" && strings.HasSuffix(ref.Tag, said.Family):
			tag = strings.TrimSuffix(ref.Tag, said.Family) + fam
		case k == libraryRepo && (strings.HasSuffix(ref.Tag, "windowsservercore") || strings.HasSuffix(ref.Tag, "nanoserver")):
			tag = ref.Tag + "-" + fam
		default:
			continue
		}
		if s, ok := sibling(ref, tag, f); ok && !builds[s.Version.Build] && maintained(f, k, name, fam, s.Version.Build) {
			builds[s.Version.Build] = true
			list = append(list, s)
		}
	}
	if v := pinFor(f, host); k == baseRepo && v.IsValid() && hasBuild(name, host.Build) {
		if s, ok := sibling(ref, v.String(), f); ok {
			list = append(list, s)
		}
	}
	return list
}

// pinFor returns the newest second-Tuesday revision that is not above the
// host's, on Windows Server 2016 only the host's own; invalid where none is
// known. Base images are published on that day (update-containers.md).
func pinFor(f *facts.Facts, host winver.Version) winver.Version {
	rev, ok := host.Revision()
	if !ok {
		return winver.Version{}
	}
	var pin winver.Version
	for _, u := range f.UpdatesOf(host.Build) {
		if u.Type == facts.B && u.Line != facts.ClientLine && u.Revision <= rev && (host.Build != winver.LTSC2016 || u.Revision == rev) {
			pin = winver.New(u.Build, u.Revision)
		}
	}
	return pin
}

// maintained reports whether a family's images are known to be published: in
// Microsoft's base repositories ended ones can still be pulled, elsewhere only
// families of builds that are in support are counted on.
func maintained(f *facts.Facts, k kind, repo, fam string, build uint32) bool {
	if k == baseRepo {
		return hasFamily(repo, fam)
	}
	r := winver.ReleaseOf(f, build, winver.Server)
	return r != nil && r.Kind == facts.ServerLTSC
}

// sibling reads the name with another tag; ok is false where it does not lead
// to one Windows image that is known to exist.
func sibling(ref Reference, tag string, f *facts.Facts) (s Sibling, ok bool) {
	other := Reference{Host: ref.Host, Repository: ref.Repository, Tag: tag}
	m := FromName(other, f)
	if len(m.Children) != 1 || !m.Children[0].Version.IsValid() || m.Has(FindingNotFound) || m.Has(FindingUnconfirmed) || m.Has(FindingNotWindows) {
		return s, false
	}
	name := ref.Name()
	if ref.Host == DockerHub {
		name = strings.TrimPrefix(ref.Repository, "library/")
	}
	return Sibling{Reference: name + ":" + tag, Version: m.Children[0].Version, AtLeast: m.AtLeast}, true
}
