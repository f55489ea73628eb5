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
// repositories, the tag of the newest revision that the host is not behind of.
// For windows:VERSION they are those of windows/servercore. Of repositories
// whose tags the grammar does not know there are none.
func Siblings(ref Reference, f *facts.Facts, host winver.Version) []Sibling {
	if ref.Kind == Given {
		ref = Reference{Host: MCR, Repository: "windows/servercore"}
	}
	k, name, official := classify(&ref)
	if !official || k == otherRepo || k == hubBaseRepo || k == pauseRepo {
		return nil
	}
	var list []Sibling
	builds := map[uint32]bool{}
	if k == baseRepo && name == "windows" {
		// The image with the whole of Windows is windows/server since Windows Server 2022.
		for _, fam := range [...]string{"ltsc2025", "ltsc2022"} {
			server := ref
			server.Repository = strings.TrimSuffix(ref.Repository, "windows") + "windows/server"
			if s, ok := sibling(server, fam, f); ok {
				list = append(list, s)
				builds[s.Version.Build] = true
			}
		}
	}
	said := FromName(Reference{Host: ref.Host, Repository: ref.Repository, Tag: ref.Tag}, f)
	for _, fam := range [...]string{"ltsc2025", "ltsc2022", "20H2", "2004", "1909", "1903", "ltsc2019", "1809", "1803", "1709", "ltsc2016", "sac2016"} {
		tag := fam
		switch {
		case k == baseRepo:
		case said.Family != "" && strings.HasSuffix(ref.Tag, said.Family):
			tag = strings.TrimSuffix(ref.Tag, said.Family) + fam
		case namesBase(k, ref.Tag):
			tag = ref.Tag + "-" + fam
		case k == frameworkRepo && isNumber(ref.Tag):
			tag = ref.Tag + "-windowsservercore-" + fam
		case k == dotnetRepo && said.Has(FindingNotWindows) && ref.Tag != "latest":
			tag = ref.Tag + "-nanoserver-" + fam
		default:
			continue
		}
		if s, ok := sibling(ref, tag, f); ok && !builds[s.Version.Build] && maintained(f, k, name, tag, fam) {
			builds[s.Version.Build] = true
			list = append(list, s)
		}
	}
	if v := pinFor(f, name, host); k == baseRepo && v.IsValid() && hasBuild(name, host.Build) {
		if s, ok := sibling(ref, v.String(), f); ok {
			list = append(list, s)
		}
	}
	return list
}

// namesBase reports whether a tag names the base image but no family, which
// follows it in others: golang:1-nanoserver, hello-world:nanoserver,
// dotnet/runtime:10.0-nanoserver.
func namesBase(k kind, tag string) bool {
	switch k {
	case libraryRepo, dotnetRepo:
		return strings.HasSuffix(tag, "windowsservercore") || strings.HasSuffix(tag, "nanoserver")
	case helloRepo:
		return tag == "nanoserver"
	}
	return false
}

// KnownGrammar reports whether the grammar knows all tags of a reference's
// repository: those that name no Windows hold what the others name.
func KnownGrammar(ref Reference) bool {
	switch k, _, official := classify(&ref); k {
	case baseRepo, insiderRepo, hubBaseRepo, dotnetRepo, frameworkRepo, iisRepo, libraryRepo, helloRepo:
		return official
	}
	return false
}

// pinFor returns the newest second-Tuesday revision that a base repository has
// and that is not above the host's, on Windows Server 2016 only the host's own;
// invalid where none is known. Base images are published on that day
// (update-containers.md).
func pinFor(f *facts.Facts, repo string, host winver.Version) winver.Version {
	rev, ok := host.Revision()
	if !ok {
		return winver.Version{}
	}
	var pin winver.Version
	for _, u := range f.UpdatesOf(host.Build) {
		if hasRevision(f, repo, &u) && u.Revision <= rev && (host.Build != winver.LTSC2016 || u.Revision == rev) {
			pin = winver.New(u.Build, u.Revision)
		}
	}
	return pin
}

// newestPin returns the newest second-Tuesday revision of a build that a base
// repository has, invalid where none is known.
func newestPin(f *facts.Facts, repo string, build uint32) winver.Version {
	list := f.UpdatesOf(build)
	for i := len(list) - 1; i >= 0; i-- {
		if hasRevision(f, repo, &list[i]) {
			return winver.New(build, list[i].Revision)
		}
	}
	return winver.Version{}
}

// hasRevision reports whether a base repository has images of an update: one of
// a second Tuesday that servers got while the repository was published to.
func hasRevision(f *facts.Facts, repo string, u *facts.Update) bool {
	if u.Type != facts.B || u.Line == facts.ClientLine || u.Doubtful() || !hasBuild(repo, u.Build) {
		return false
	}
	r := winver.ReleaseOf(f, u.Build, winver.Server)
	if r == nil {
		return false
	}
	end := imagesEnd(r, repo)
	return end == 0 || u.Date != 0 && u.Date <= end
}

// imagesEnd returns the day on which a base repository's images of a release
// ended, 0 where the facts know none.
func imagesEnd(r *facts.Release, repo string) facts.Date {
	for _, img := range r.Images {
		if _, end, ok := strings.Cut(img.Status, "ended "); ok && img.Repository == repo {
			return facts.ParseDate(end)
		}
	}
	return 0
}

// maintained reports whether a repository is known to have a family's tag
// beside another one. Of repositories other than Microsoft's base
// images only what was listed in August 2026 is counted on
// (families_2026_08 and index_content of tag-grammar.yaml), and of older
// versions of .NET what was ever built (dotnet/versions, image-info).
func maintained(f *facts.Facts, k kind, repo, tag, fam string) bool {
	switch k {
	case baseRepo:
		return published(f, repo, fam)
	case libraryRepo:
		nano := strings.Contains(tag, "nanoserver")
		switch repo {
		case "nats":
			return fam == "ltsc2022"
		case "mongo":
			return fam == "ltsc2022" || fam == "ltsc2025" && !nano
		case "swift":
			return fam == "ltsc2022" && !nano
		case "docker", "haxe", "hylang", "julia", "pypy", "python":
			return (fam == "ltsc2022" || fam == "ltsc2025") && !nano
		case "caddy", "eclipse-temurin", "golang", "openjdk", "traefik":
			return fam == "ltsc2022" || fam == "ltsc2025"
		}
	case helloRepo:
		return fam == "ltsc2022" || fam == "ltsc2025"
	case dotnetRepo:
		nano := strings.Contains(tag, "-nanoserver-")
		old := nano && fam == "1809" || !nano && fam == "ltsc2019"
		switch dotnetVersion(tag) {
		case "3.1":
			return nano && (old || fam == "ltsc2022")
		case "5.0", "6.0", "7.0":
			return old || fam == "ltsc2022"
		case "8.0", "9.0":
			return old || fam == "ltsc2022" || fam == "ltsc2025"
		case "10.0":
			return fam == "ltsc2022" || fam == "ltsc2025"
		case "11.0":
			return fam == "ltsc2025"
		}
	case iisRepo: // its README of 2025
		return fam == "ltsc2016" || fam == "ltsc2019" || fam == "ltsc2022" || fam == "ltsc2025"
	case frameworkRepo:
		version, _, _ := strings.Cut(tag, "-")
		switch version {
		case "3.5":
			return fam == "ltsc2016" || fam == "ltsc2019" || fam == "ltsc2022" || fam == "ltsc2025"
		case "4.6.2", "4.7", "4.7.1":
			return fam == "ltsc2016"
		case "4.7.2":
			return fam == "ltsc2016" || fam == "ltsc2019"
		case "4.8":
			return fam == "ltsc2016" || fam == "ltsc2019" || fam == "ltsc2022"
		case "4.8.1":
			return fam == "ltsc2022" || fam == "ltsc2025"
		}
	}
	return false
}

// dotnetVersion is the major and minor version that a tag of .NET begins with.
func dotnetVersion(tag string) string {
	version, _, _ := strings.Cut(tag, "-")
	if parts := strings.SplitN(version, ".", 3); len(parts) > 2 {
		version = parts[0] + "." + parts[1]
	}
	return version
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
