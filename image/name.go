package image

import (
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// familyBuild returns the build that a family stands for, 0 where it is none.
// Source: family_to_build of tag-grammar.yaml.
func familyBuild(s string) uint32 {
	switch s {
	case "ltsc2016", "sac2016", "1607":
		return 14393
	case "1709":
		return 16299
	case "1803":
		return 17134
	case "1809", "ltsc2019":
		return 17763
	case "1903":
		return 18362
	case "1909":
		return 18363
	case "2004":
		return 19041
	case "20H2", "2009":
		return 19042
	case "ltsc2022":
		return 20348
	case "ltsc2025":
		return 26100
	}
	return 0
}

// imageBuild reports whether base images of a build have been published.
func imageBuild(b uint32) bool {
	switch b {
	case 14393, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 20348, 26100:
		return true
	}
	return false
}

// digits reports whether s is a number and nothing else.
func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// exactVersion reads 10.0.BBBBB.R and nothing else.
func exactVersion(s string) winver.Version {
	if !strings.HasPrefix(s, "10.0.") || strings.Count(s, ".") != 3 || len(s) < 12 || s[10] != '.' {
		return winver.Version{}
	}
	v, err := winver.Parse(s)
	if err != nil {
		return winver.Version{}
	}
	return v
}

// kbNumber reads KBnnnnnn, 0 for anything else.
func kbNumber(s string) uint32 {
	n, ok := strings.CutPrefix(s, "KB")
	if !ok || !digits(n) || len(n) < 6 || len(n) > 8 {
		return 0
	}
	k, err := strconv.ParseUint(n, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(k)
}

// kind is the group of a repository, as the grammar groups them.
type kind uint8

const (
	otherRepo     kind = iota
	baseRepo           // Microsoft's base images
	insiderRepo        // their preview builds
	hubBaseRepo        // their predecessors on Docker Hub
	dotnetRepo         // dotnet/runtime, aspnet, sdk
	frameworkRepo      // dotnet/framework/…
	iisRepo            // windows/servercore/iis
	libraryRepo        // Docker official images
	helloRepo          // hello-world and its translations
	pauseRepo          // the pause image of Kubernetes
	gitlabRepo         // gitlab-runner-helper
	navRepo            // businesscentral, dynamicsnav
)

func mcrKind(repo string) kind {
	switch repo {
	case "windows/servercore", "windows/nanoserver", "windows/server", "windows":
		return baseRepo
	case "windows/servercore/insider", "windows/nanoserver/insider", "windows/server/insider":
		return insiderRepo
	case "windows/servercore/iis":
		return iisRepo
	case "dotnet/runtime", "dotnet/aspnet", "dotnet/sdk":
		return dotnetRepo
	case "dotnet/framework/runtime", "dotnet/framework/sdk", "dotnet/framework/aspnet", "dotnet/framework/wcf":
		return frameworkRepo
	case "businesscentral", "dynamicsnav":
		return navRepo
	case "oss/kubernetes/pause":
		return pauseRepo
	}
	return otherRepo
}

func libraryKind(repo string) kind {
	switch repo {
	case "golang", "python", "openjdk", "eclipse-temurin", "mongo", "julia", "hylang", "pypy", "haxe", "caddy",
		"nats", "traefik", "docker", "swift", "adoptopenjdk", "nats-streaming":
		return libraryRepo
	case "hello-world", "hola-mundo", "hello-seattle":
		return helloRepo
	}
	return otherRepo
}

// classify returns the group of a repository, its name within that group, and
// whether it is the repository itself rather than one of the same path
// elsewhere (a mirror, by its name).
func classify(ref *Reference) (k kind, name string, official bool) {
	repo := ref.Repository
	switch ref.Host {
	case MCR:
		if k = mcrKind(repo); k != otherRepo {
			return k, repo, true
		}
	case DockerHub:
		if name, ok := strings.CutPrefix(repo, "library/"); ok {
			return libraryKind(name), name, true
		}
		switch repo {
		case "microsoft/windowsservercore":
			return hubBaseRepo, "windows/servercore", true
		case "microsoft/nanoserver":
			return hubBaseRepo, "windows/nanoserver", true
		}
	}
	// A mirror keeps the path or adds to its front. The path "windows" is too
	// common a word to be taken for one with anything before it.
	for rest := repo; ; {
		if k := mcrKind(rest); k != otherRepo && (rest != "windows" || rest == repo || strings.HasSuffix(repo, MCR+"/windows")) {
			return k, rest, false
		}
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
	}
	switch last := repo[strings.LastIndexByte(repo, '/')+1:]; last {
	case "gitlab-runner-helper":
		return gitlabRepo, last, false
	case "pause", "mirrored-pause":
		return pauseRepo, last, false
	}
	return otherRepo, repo, false
}

// hasFamily reports whether a base image repository is known to publish, or to
// have published, a family's tag. Source: per_repo_families.
func hasFamily(repo, family string) bool {
	switch family {
	case "ltsc2016", "1607", "ltsc2019":
		return repo == "windows/servercore"
	case "sac2016":
		return repo == "windows/nanoserver"
	case "1709", "1803":
		return repo == "windows/servercore" || repo == "windows/nanoserver"
	case "1809", "1903", "1909", "2004", "20H2", "2009":
		return repo != "windows/server"
	case "ltsc2022", "ltsc2025":
		return repo != "windows"
	}
	return false
}

// hasBuild reports whether a base image repository holds images of a build.
func hasBuild(repo string, build uint32) bool {
	for _, f := range families {
		if familyBuild(f) == build && hasFamily(repo, f) {
			return true
		}
	}
	return false
}

// families lists all families; a fixed array, so that nothing runs at start.
var families = [...]string{"ltsc2016", "sac2016", "1607", "1709", "1803", "1809", "ltsc2019", "1903", "1909",
	"2004", "20H2", "2009", "ltsc2022", "ltsc2025"}

// said is what a tag says in words that hold for any repository.
type said struct {
	version winver.Version // 10.0.B.R
	kb      uint32
	family  string
	arch    string
	clash   bool // two versions or families that differ
}

// scan reads a tag word by word, a word being what stands between hyphens.
// Families of four digits may be anything (an Ubuntu, a year, an application's
// version): they count only after a word that says Windows. Source:
// generic_fallback and its traps.
func scan(tag string) said {
	var s said
	windows := false // the word before says Windows
	for rest, more := tag, true; more; {
		var w string
		w, rest, more = strings.Cut(rest, "-")
		afterWindows := windows
		windows = false
		switch {
		case w == "amd64" || w == "arm64":
			s.arch = w
		case w == "nanoserver" || w == "windowsservercore" || w == "servercore" || w == "windows":
			windows = true
		case familyBuild(w) != 0:
			if digits(w) && !afterWindows {
				break
			}
			if s.family != "" && familyBuild(s.family) != familyBuild(w) {
				s.clash = true
			}
			s.family = w
		case kbNumber(w) != 0:
			if s.kb != 0 && s.kb != kbNumber(w) {
				s.clash = true
			}
			s.kb = kbNumber(w)
		default:
			if v := exactVersion(w); v.IsValid() && imageBuild(v.Build) {
				if s.version.IsValid() && s.version != v {
					s.clash = true
				}
				s.version = v
			}
		}
	}
	if s.version.IsValid() && s.family != "" && familyBuild(s.family) != s.version.Build {
		s.clash = true
	}
	return s
}

// reading is one name being read.
type reading struct {
	*Image
	f        *facts.Facts
	ref      *Reference
	repo     string
	official bool
	pinned   bool // a digest stands beside the tag: what the tag points at now does not matter
}

// FromName returns what is known of a reference without asking anybody: a
// record of its digest (basis facts), what its tag says by the grammar of its
// repository (basis tag), or, where the tag says nothing, a record of the tag
// (basis facts, with a finding). For windows:VERSION it is that version (basis
// given). Where nothing is known, Children is nil. The facts resolve KB
// numbers and may be nil.
//
// The rules are those of facts/source/tag-grammar.yaml, whose sources are
// listed there: the READMEs of microsoft/dotnet-framework-docker and
// dotnet/dotnet-docker, docker-library/official-images, Microsoft's
// documentation of tags and lifecycles, and public Dockerfiles.
func FromName(ref Reference, f *facts.Facts) Image {
	m := Image{Reference: ref.Raw, Digest: ref.Digest, Basis: BasisTag}
	if m.Reference == "" {
		m.Reference = ref.String()
	}
	if ref.Kind == Given {
		m.Basis = BasisGiven
		if v := givenVersion(ref.Given, f); v.IsValid() {
			m.Index = No
			m.add("amd64", v)
		}
		return m
	}
	if ref.Kind != Registry && ref.Host == "" {
		m.Basis = ref.Kind.basis() // a path or an id says nothing
		return m
	}
	r := reading{Image: &m, f: f, ref: &ref, pinned: ref.Digest != ""}
	r.read()
	if r.pinned && recordOfDigest(&m, ref.Digest) {
		return m
	}
	if len(m.Children) == 0 && !r.pinned && !m.Has(FindingNotFound) && !m.Has(FindingNotWindows) {
		recordOfTag(&m, &ref)
	}
	return m
}

// givenVersion resolves VERSION of windows:VERSION: a family, or whatever
// names a Windows host.
func givenVersion(s string, f *facts.Facts) winver.Version {
	for _, fam := range families {
		if strings.EqualFold(fam, s) {
			return winver.OfBuild(familyBuild(fam))
		}
	}
	if v, err := winver.Parse(s); err == nil {
		return v
	}
	if f == nil {
		return winver.Version{}
	}
	h, err := winver.ParseHost(f, s)
	if err != nil {
		return winver.Version{}
	}
	return h.Version
}

// add adds a Windows child of a version.
func (m *Image) add(arch string, v winver.Version) {
	c := Child{OS: "windows", Architecture: arch, Version: v}
	if _, ok := v.Revision(); ok {
		c.OSVersion = v.String()
	}
	m.Children = append(m.Children, c)
}

func (r *reading) read() {
	k, repo, official := classify(r.ref)
	r.repo, r.official = repo, official
	tag := r.ref.Tag
	if tag == "" {
		return // only a digest
	}
	switch k {
	case baseRepo:
		r.base(tag)
		return
	case insiderRepo:
		t, arch := cutArch(tag)
		if v := exactVersion(t); v.IsValid() {
			r.exact(v, arch)
		}
		return
	case hubBaseRepo:
		r.hubBase(tag)
		return
	case dotnetRepo:
		if r.official && r.dotnetIndex(tag) {
			return
		}
	case frameworkRepo:
		if r.frameworkIndex(tag) {
			return
		}
	case iisRepo:
		if familyBuild(tag) != 0 {
			if r.official && !r.pinned {
				r.find(FindingNotFound, r.ref.Name(), " has no tag ", tag, ": try windowsservercore-", tag)
			}
			return
		}
	case libraryRepo:
		if r.library(tag) {
			return
		}
	case helloRepo:
		if fam, ok := strings.CutPrefix(tag, "nanoserver"); ok {
			r.Index = Yes
			if fam = strings.TrimPrefix(fam, "-"); familyBuild(fam) != 0 {
				r.family(fam, "amd64")
			}
			return
		}
	case pauseRepo:
		if v, rest, ok := strings.Cut(tag, "-windows-"); !ok || rest == "" || v == "" {
			if isNumber(tag) && strings.HasPrefix(tag, "3.") && repo != "mirrored-pause" {
				r.Index = Yes // over Linux and Windows children
			}
			return
		}
	case gitlabRepo:
		r.gitlab(tag)
		return
	case navRepo:
		first, _, _ := strings.Cut(tag, "-")
		if v := exactVersion(first); v.IsValid() && imageBuild(v.Build) {
			r.exact(v, "amd64")
			return
		}
		if last := tag[strings.LastIndexByte(tag, '-')+1:]; last != tag && (last == "1903" || last == "1909") {
			r.family(last, "amd64")
			return
		}
	}
	r.generic(tag, k)
}

// generic reads a tag by words alone.
func (r *reading) generic(tag string, k kind) {
	s := scan(tag)
	arch := s.arch
	if arch == "" && k != otherRepo {
		arch = "amd64" // all that these repositories publish for Windows
	}
	switch {
	case s.clash:
		r.find(FindingAmbiguous, "the tag ", tag, " names more than one version of Windows")
	case s.version.IsValid():
		r.Family = s.family
		r.exact(s.version, arch)
	case s.kb != 0:
		r.kb(s.family, s.kb, arch)
	case s.family != "":
		r.family(s.family, arch)
	}
}

func (r *reading) exact(v winver.Version, arch string) {
	r.add(arch, v)
}

// family claims the build of a family, its revision not known.
func (r *reading) family(fam, arch string) {
	r.Family = fam
	r.Floating = !r.pinned
	r.add(arch, winver.OfBuild(familyBuild(fam)))
}

// kb claims the revision that a KB stands for. Images are made from the
// second-Tuesday release, or are image-only; that settles most KBs that stand
// for several revisions of a build.
func (r *reading) kb(fam string, kb uint32, arch string) {
	r.Family, r.KB = fam, kb
	build := familyBuild(fam)
	name := "KB" + strconv.FormatUint(uint64(kb), 10)
	var hits, best []facts.Update
	if r.f != nil {
		for _, u := range r.f.ByKB(kb) {
			if (build != 0 && u.Build != build) || u.Line == facts.ClientLine || u.Type == facts.Hotpatch ||
				(build == 0 && !imageBuild(u.Build)) {
				continue
			}
			hits = append(hits, u)
			if u.Type == facts.B || u.Type == facts.ImageOnly {
				best = append(best, u)
			}
		}
	}
	if len(best) != 0 {
		hits = best
	}
	if build == 0 { // no family that is known: believe the KB where it leads to one build
		for i, u := range hits {
			if i > 0 && u.Build != build {
				r.find(FindingKBAmbiguous, name, " was released for several builds and the tag does not say for which")
				return
			}
			build = u.Build
		}
		if build == 0 {
			return
		}
	}
	v := winver.OfBuild(build)
	switch len(hits) {
	case 0:
		if r.f != nil {
			r.find(FindingKBUnknown, name, " is not a known update of build ", strconv.FormatUint(uint64(build), 10), ": the revision is not known")
		}
	case 1:
		v = v.WithRevision(hits[0].Revision)
	default:
		text := name + " stands for several revisions of build " + strconv.FormatUint(uint64(build), 10) + ":"
		for _, u := range hits {
			text += " " + strconv.FormatUint(uint64(u.Revision), 10)
		}
		r.find(FindingKBAmbiguous, text)
	}
	r.add(arch, v)
}

// cutArch cuts -amd64 or -arm64 from the end of a tag.
func cutArch(tag string) (rest, arch string) {
	if t, ok := strings.CutSuffix(tag, "-amd64"); ok {
		return t, "amd64"
	}
	if t, ok := strings.CutSuffix(tag, "-arm64"); ok {
		return t, "arm64"
	}
	return tag, ""
}

// base reads a tag of Microsoft's base images: FAMILY, FAMILY-KBnnnn or
// 10.0.B.R, each of them an index with one entry, or a single manifest where
// -amd64 follows (microsoft/Windows-Containers#170).
func (r *reading) base(tag string) {
	t, arch := cutArch(tag)
	r.Index = Yes
	if arch != "" {
		r.Index = No
	} else {
		arch = "amd64"
	}
	if r.ref.Host == DockerHub {
		r.find(FindingHub, r.ref.Name(), " is looked for on Docker Hub; Microsoft publishes ", MCR, "/", r.repo)
	}
	if v := exactVersion(t); v.IsValid() {
		if r.official && !r.pinned && imageBuild(v.Build) && !hasBuild(r.repo, v.Build) {
			r.find(FindingUnconfirmed, "no image of build ", strconv.FormatUint(uint64(v.Build), 10), " is known in ", r.repo, othersWith(r.repo, "", v.Build))
		}
		r.exact(v, arch)
		return
	}
	fam, kbText, isKB := strings.Cut(t, "-")
	kb := kbNumber(kbText)
	if familyBuild(fam) != 0 && (!isKB || kb != 0) {
		if r.official && !r.pinned && !hasFamily(r.repo, fam) {
			switch {
			case fam != "ltsc2019":
				r.Family, r.KB, r.Index = fam, kb, Unknown
				r.find(FindingNotFound, r.ref.Name(), " has no tag ", tag, othersWith(r.repo, fam, familyBuild(fam)))
				return
			case r.repo == "windows/server":
				// The lifecycle table names a Datacenter container of 2019, no good
				// source shows a tag: SOURCES.md, known holes, 5.
				r.Family, r.KB, r.Index = fam, kb, Unknown
				r.find(FindingUnconfirmed, "no good source shows whether windows/server has a tag ", tag, othersWith(r.repo, fam, familyBuild(fam)))
				return
			}
			// Not in the documentation, but people pull it: for windows
			// microsoft/Windows-Containers#352, for windows/nanoserver the
			// Dockerfiles of Azure/azure-container-networking.
			r.find(FindingUnconfirmed, "the tag ltsc2019 of ", r.repo, " is not documented, though people use it; 1809 is the documented one")
		}
		if isKB {
			r.kb(fam, kb, arch)
			return
		}
		r.family(fam, arch)
		if r.official && !r.pinned && r.f != nil && published(r.f, r.repo, fam) {
			if u := winver.LatestB(r.f, familyBuild(fam)); u != nil {
				r.AtLeast = winver.New(u.Build, u.Revision)
			}
		}
		return
	}
	r.Index = Unknown
	if isKB && kb != 0 {
		r.kb("", kb, arch) // a family not known here
		if len(r.Children) > 0 {
			r.Family = fam
		}
		return
	}
	if r.official && !r.pinned {
		if t == "latest" {
			r.find(FindingNotFound, r.ref.Name(), " has no tag latest since 2019-04-16: name a version of Windows")
			return
		}
		for _, f := range families {
			if strings.EqualFold(f, fam) && f != fam {
				r.find(FindingNotFound, r.ref.Name(), " has no tag ", tag, ": tags are case-sensitive, try ", f)
				return
			}
		}
	}
	r.generic(tag, baseRepo)
}

// othersWith says where a family or a build is published instead.
func othersWith(repo, fam string, build uint32) string {
	text := ""
	for _, other := range [...]string{"windows/servercore", "windows/nanoserver", "windows", "windows/server"} {
		if other == repo || fam != "" && !hasFamily(other, fam) || fam == "" && !hasBuild(other, build) {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += other
		if fam != "" {
			text += ":" + fam
		}
	}
	if text != "" {
		text = "; there is " + text
	}
	if fam != "" {
		for _, f := range families {
			if f != fam && familyBuild(f) == build && hasFamily(repo, f) {
				return ": the same build is tagged " + f + text
			}
		}
	}
	return text
}

// published reports whether Microsoft still publishes a family's images.
func published(f *facts.Facts, repo, fam string) bool {
	for i := range f.Releases {
		for _, img := range f.Releases[i].Images {
			if img.Repository != repo || !strings.HasPrefix(img.Status, "published") || strings.Contains(img.Status, "ended") {
				continue
			}
			for _, t := range img.Tags {
				if t == fam {
					return true
				}
			}
		}
	}
	return false
}

// hubBase reads a tag of microsoft/windowsservercore and microsoft/nanoserver
// on Docker Hub, which ended in 2018 and 2019; latest was Windows Server 2016.
func (r *reading) hubBase(tag string) {
	r.find(FindingRetired, r.ref.Repository, " on Docker Hub ended in 2019; Microsoft publishes ", MCR, "/", r.repo)
	switch tag {
	case "latest":
		r.family("ltsc2016", "amd64")
		if r.repo == "windows/nanoserver" {
			r.Family = "sac2016"
		}
	case "ltsc2016", "sac2016", "1709", "1803":
		r.family(tag, "amd64")
	default:
		if v := exactVersion(tag); v.IsValid() {
			r.exact(v, "amd64")
		}
	}
	r.Floating = false // nothing moves there any more
}

// isNumber reports whether s is digits and dots, beginning and ending with a
// digit.
func isNumber(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !digits(part) {
			return false
		}
	}
	return true
}

// dotnetIndex reads a tag of dotnet/runtime, aspnet and sdk that names no
// Windows: an index. Since 2023-10-31 such indexes have no Windows child
// (dotnet/dotnet-docker, documentation/supported-tags.md): all of .NET 8 and
// later. What older ones have is not known from the name.
func (r *reading) dotnetIndex(tag string) bool {
	ver, pre, hasPre := strings.Cut(tag, "-")
	number := isNumber(ver) && strings.Contains(ver, ".") && !strings.Contains(pre, "-") &&
		(!hasPre || strings.HasPrefix(pre, "preview") || strings.HasPrefix(pre, "rc"))
	if tag != "latest" && !number {
		return false
	}
	r.Index = Yes
	major, _, _ := strings.Cut(ver, ".")
	n, err := strconv.Atoi(major)
	if !r.pinned && (tag == "latest" || err == nil && (n > 8 || n == 8 && !hasPre)) {
		r.find(FindingNotWindows, "the tag ", tag, " has no Windows image: since 2023-10-31 Windows has tags of its own, such as 8.0-nanoserver-ltsc2022")
		r.Source = "https://github.com/dotnet/dotnet-docker/blob/32301c7cc9/documentation/supported-tags.md"
	}
	return true
}

// frameworkIndex reads a tag of dotnet/framework that names no Windows: an
// index over the families that are current for its version. Source:
// microsoft/dotnet-framework-docker, documentation/supported-tags.md; until
// 2025-10-13 the tag 4.8 had ltsc2022 too.
func (r *reading) frameworkIndex(tag string) bool {
	if tag != "latest" && (!isNumber(tag) || !strings.Contains(tag, ".")) {
		return false
	}
	if !r.official {
		return true // a copy may be from any day
	}
	r.Index = Yes
	if r.pinned {
		return true
	}
	switch tag {
	case "latest", "4.8":
		r.list(20260714, "https://github.com/microsoft/dotnet-framework-docker/blob/ebb6885f/documentation/supported-tags.md", "ltsc2019", "ltsc2016")
	case "4.8.1":
		r.list(20260714, "https://github.com/microsoft/dotnet-framework-docker/blob/ebb6885f/documentation/supported-tags.md", "ltsc2025", "ltsc2022")
	}
	return true
}

// list claims one child a family, as a list of that day says.
func (r *reading) list(on facts.Date, source string, fams ...string) {
	r.Observed, r.Source, r.Floating = on, source, true
	for _, fam := range fams {
		r.add("amd64", winver.OfBuild(familyBuild(fam)))
	}
}

// library reads a tag of a Docker official image. A tag that names a family is
// an index with one entry. One that ends in windowsservercore or nanoserver is
// an index over the families that were current when it was last built: known
// for the tag without a version, which always is; not for others, which may
// have stood still for years. Source: docker-library/official-images
// library/* @37079fb3 (2026-08-21).
func (r *reading) library(tag string) bool {
	base := tag[strings.LastIndexByte(tag, '-')+1:]
	if base != "windowsservercore" && base != "nanoserver" {
		s := scan(tag)
		if s.family != "" {
			r.Index = Yes
		}
		return false
	}
	r.Index = Yes
	if tag != base || r.pinned {
		return true
	}
	source := "https://github.com/docker-library/official-images/blob/37079fb3/library/" + r.repo
	nano := base == "nanoserver"
	switch r.repo {
	case "caddy", "eclipse-temurin", "golang", "openjdk", "traefik":
		r.list(20260821, source, "ltsc2025", "ltsc2022")
	case "docker", "haxe", "hylang", "julia", "pypy", "python":
		if !nano {
			r.list(20260821, source, "ltsc2025", "ltsc2022")
		}
	case "mongo":
		if nano {
			r.list(20260821, source, "ltsc2022")
		} else {
			r.list(20260821, source, "ltsc2025", "ltsc2022")
		}
	case "nats":
		r.list(20260821, source, "ltsc2022")
	case "swift":
		if !nano {
			r.list(20260821, source, "ltsc2022")
		}
	}
	return true
}

// gitlab reads a tag of gitlab-runner-helper: x86_64-VERSION-servercore1809.
// 21H2 stands for Windows Server 2022 there.
func (r *reading) gitlab(tag string) {
	if !strings.HasPrefix(tag, "x86_64-") {
		return
	}
	last := tag[strings.LastIndexByte(tag, '-')+1:]
	fam, ok := strings.CutPrefix(last, "servercore")
	if !ok {
		fam, ok = strings.CutPrefix(last, "nanoserver")
	}
	if !ok {
		return
	}
	if fam == "21H2" {
		fam = "ltsc2022"
	}
	if familyBuild(fam) != 0 {
		r.family(fam, "amd64")
	}
}
