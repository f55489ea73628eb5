package winver

import (
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
)

// maxName is the length in bytes from which a text is no name.
const maxName = 160

// trimName cuts blanks and quotes around a name.
func trimName(s string) string { return strings.Trim(s, " \t\r\n\"'`“”„‘’«»") }

// parseName reads a name (see HOST in host.go). The error's None says that the
// text is no name at all; otherwise it is one, and the reason stands.
func parseName(f *facts.Facts, name string) (Host, *HostError) {
	base, kb, plus := strings.Cut(name, "+")
	if plus {
		if kb = strings.TrimSpace(kb); len(kb) > 2 && strings.EqualFold(kb[:2], "kb") {
			if n, err := strconv.ParseUint(kb[2:], 10, 32); err == nil {
				h, herr := parseName(f, strings.TrimSpace(base))
				if herr != nil {
					return h, herr
				}
				return withKB(f, h, uint32(n), name)
			}
		}
	}
	var words wordReader
	if owner, box, ok := strings.Cut(name, "/"); ok && !strings.ContainsAny(owner, ".: ") && !strings.ContainsAny(box, "/:") {
		words.split(box) // a Vagrant box: gusztavvargadr/windows-server-2019-standard
	} else {
		words.split(name)
	}
	if v, err := Parse(name); err == nil && !words.isFamily() {
		return hostOf(f, v, name)
	}
	if h, ok := byID(f, name); ok {
		return h, nil
	}
	if h, ok := byNodeImage(f, name); ok {
		return h, nil
	}
	if looksLikeImage(name) {
		return Host{}, &HostError{Text: quote(name), Reason: "this is a container image, not a host", None: true,
			Hint: "a host is a version (10.0.17763.437) or a name (ws2019)"}
	}
	return words.host(f, name)
}

// withKB adds the revision that an update brings to a release.
func withKB(f *facts.Facts, h Host, kb uint32, name string) (Host, *HostError) {
	fail := func(reason, hint string) (Host, *HostError) {
		return Host{}, &HostError{Text: quote(name), Reason: reason, Hint: hint}
	}
	k := "KB" + strconv.FormatUint(uint64(kb), 10)
	list := f.ByKB(kb)
	if len(list) == 0 {
		return fail("the facts (as of "+f.AsOf.String()+") do not know "+k, "give the revision instead, as in "+h.Version.Short()+".REVISION")
	}
	var revs []uint32
	image := false
	var builds []string
	for _, u := range list {
		if b := strconv.FormatUint(uint64(u.Build), 10); len(builds) == 0 || builds[len(builds)-1] != b {
			builds = append(builds, b)
		}
		switch {
		case u.Build != h.Version.Build:
		case u.Line == facts.ImageLine:
			image = true
		case on(&u, LineOf(h.Edition)):
			revs = append(revs, u.Revision)
		}
	}
	have, known := h.Version.Revision()
	for _, r := range revs {
		if known && r == have {
			revs = []uint32{r}
			break
		}
	}
	switch {
	case len(revs) == 1 && known && have != revs[0]:
		return fail(k+" is revision "+strconv.FormatUint(uint64(revs[0]), 10)+", not "+strconv.FormatUint(uint64(have), 10), "give one of the two")
	case len(revs) == 1:
		h.Version, h.Evidence = h.Version.WithRevision(revs[0]), name
		return h, nil
	case len(revs) > 1:
		var b strings.Builder
		for i, r := range revs {
			if i > 0 {
				b.WriteString(" or ")
			}
			b.WriteString(h.Version.WithRevision(r).Short())
		}
		return fail(k+" is known as several revisions: "+b.String(), "give the one that `ver` shows on the host")
	case image:
		return fail(k+" exists in container images only, no host has it", "")
	}
	for _, u := range list {
		if u.Build == h.Version.Build {
			return fail(k+" is an update for the "+u.Line.String()+" line of build "+strconv.FormatUint(uint64(u.Build), 10)+", not for a "+h.Edition.String(), "")
		}
	}
	s := ""
	if len(builds) > 1 {
		s = "s"
	}
	return fail(k+" belongs to build"+s+" "+strings.Join(builds, ", ")+", not to "+h.Version.Short(), "")
}

// byID finds a release by its ID: "ws2019", "w10-22h2", also as "win10-22h2".
func byID(f *facts.Facts, name string) (Host, bool) {
	for i := range f.Releases {
		r := &f.Releases[i]
		if strings.EqualFold(r.ID, name) ||
			len(name) == len(r.ID)+2 && r.Kind == facts.Client && strings.EqualFold(name[:3], "win") && strings.EqualFold(r.ID[1:], name[3:]) {
			if r.Build != 0 {
				return ofRelease(r, name), true
			}
		}
	}
	return Host{}, false
}

// ofRelease is a host of which a name gives the release.
func ofRelease(r *facts.Release, evidence string) Host {
	e := Server
	if r.Kind == facts.Client {
		e = Client
	}
	return Host{Version: OfBuild(r.Build), Edition: e, Release: r.ID, Evidence: evidence}
}

// byNodeImage reads the version at the end of an Azure image's name:
// "AKSWindows-2022-20348.2227.240111", "Publisher:Offer:SKU:17763.3887.221205".
func byNodeImage(f *facts.Facts, name string) (Host, bool) {
	i := strings.LastIndexAny(name, "-:_ ") + 1
	v, ok := azureVersion(name[i:])
	if !ok {
		return Host{}, false
	}
	h, err := hostOf(f, v, name)
	if err != nil {
		return h, false
	}
	lower := strings.ToLower(name[:i])
	switch {
	case strings.Contains(lower, "server"), strings.Contains(lower, "akswindows"), strings.Contains(lower, "datacenter"):
		h.Edition, h.Confidence, h.Assumed = Server, Certain, false
	case strings.Contains(lower, "windows-10"), strings.Contains(lower, "windows-11"), strings.Contains(lower, "win10"), strings.Contains(lower, "win11"):
		h.Edition, h.Confidence, h.Assumed = Client, Certain, false
	}
	h.Release = releaseID(f, h.Version, h.Edition)
	return h, true
}

// azureVersion reads BUILD.REVISION.YYMMDD, the version of an Azure image.
func azureVersion(s string) (Version, bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || len(s)-i != 7 || s[i+1] < '1' || s[i+1] > '3' || !digits(s[i+1:]) || strings.Count(s[:i], ".") != 1 {
		return Version{}, false
	}
	v, err := Parse(s[:i])
	return v, err == nil && v.Build >= firstBuild
}

// looksLikeImage reports whether a name is a reference to a container image.
func looksLikeImage(s string) bool {
	s = strings.ToLower(s)
	repo, tag, tagged := strings.Cut(s[strings.LastIndexByte(s, '/')+1:], ":")
	host, _, path := strings.Cut(s, "/")
	switch {
	case strings.ContainsAny(s, " \t"):
		return false
	case path && strings.ContainsAny(host, ".:"), strings.Contains(s, "@sha256:"):
		return true
	}
	return tagged && tag != "" && isRepository(repo)
}

// isRepository reports whether a word is the last part of the name of a
// Windows base image's repository, or of one that is often built on it.
func isRepository(repo string) bool {
	switch repo {
	case "nanoserver", "servercore", "windowsservercore", "windows", "server", "insider", "iis", "aspnet", "runtime", "sdk", "powershell", "pause", "golang", "hello-world", "framework":
		return true
	}
	return false
}

// wordReader reads a name word by word. Words it does not know make it no name.
type wordReader struct {
	words [24]string // lower case
	n     int
	many  bool // more words than that

	gen     int    // 10, 11: of "Windows 10"
	year    int    // 2016: of "Windows Server 2016"
	ver     string // "1809", "24h2"
	server  bool
	client  bool   // a word that only clients have in their name
	windows bool   // "windows" or "win" was among them
	ltsc    bool   // LTSC or LTSB, as a word of its own
	product bool   // a word that only names of Windows images and nodes have
	moving  string // a word for something that changes with time
	old     bool   // Windows Server 2012 and older
	bad     string // the first word that is not known
	clash   bool   // two different releases
}

// split cuts a name into words at anything that is no letter or digit, and
// drops the dates and serial numbers that machines put at its end.
func (w *wordReader) split(name string) {
	for i := 0; i < len(name); {
		if !alnum(name[i]) {
			i++
			continue
		}
		start := i
		for i < len(name) && alnum(name[i]) {
			i++
		}
		word := name[start:i]
		if n := dateLen(name[start:]); n > 0 {
			i = start + n
			continue
		}
		if w.n == len(w.words) {
			w.many = true
			return
		}
		w.words[w.n] = strings.ToLower(word)
		w.n++
	}
}

// dateLen returns the length of a date that a text begins with: 2024.05.14,
// 2024-05-14, 20240514, v20240514 or 240514, up to the end of the word.
func dateLen(s string) int {
	end := func(n int) bool { return len(s) == n || len(s) > n && !alnum(s[n]) }
	switch {
	case len(s) >= 10 && digits(s[:4]) && s[:2] == "20" && s[4] == s[7] && (s[4] == '.' || s[4] == '-') && digits(s[5:7]) && digits(s[8:10]) && end(10):
		return 10
	case len(s) >= 9 && (s[0] == 'v' || s[0] == 'V') && s[1:3] == "20" && digits(s[1:9]) && end(9):
		return 9
	case len(s) >= 8 && s[:2] == "20" && digits(s[:8]) && end(8):
		return 8
	case len(s) >= 6 && digits(s[:6]) && end(6) && s[0] >= '1' && s[0] <= '3':
		return 6
	}
	return 0
}

// isFamily reports whether the name is a year or a version such as 2019 or
// 1809, which Parse would take for a build.
func (w *wordReader) isFamily() bool {
	return w.n == 1 && len(w.words[0]) == 4
}

// read understands the words one by one.
func (w *wordReader) read(f *facts.Facts) {
	for i := 0; i < w.n; i++ {
		word := w.words[i]
		if w.word(f, word) {
			continue
		}
		// Glued ones: win11, ws2019, windows2022, ltsc2019, 2k19.
		k := len(word)
		for k > 0 && digit(word[k-1]) {
			k--
		}
		if k > 0 && k < len(word) && w.glued(f, word[:k], word[k:]) {
			continue
		}
		if k == len(word) { // v20h2, ws23h2, win20h2
			for j := 1; j < len(word)-3; j++ {
				if len(word)-j == 4 && digit(word[j]) && w.glued(f, word[:j], word[j:]) {
					word = ""
					break
				}
			}
			if word == "" {
				continue
			}
		}
		if w.product && digits(word) && len(word) <= 4 {
			continue // Kubernetes 1.29, AKS 2012 (of December 2020), part numbers
		}
		if w.bad == "" {
			w.bad = word
		}
	}
}

// word takes a word that stands alone; false: not known.
func (w *wordReader) word(f *facts.Facts, s string) bool {
	switch s {
	case "windows", "win", "w", "microsoft", "ms", "winnt":
		w.windows = true
	case "server", "ws", "winserver", "windowsserver", "microsoftwindowsserver", "servercore":
		w.server, w.windows = true, true
	case "datacenter", "dc", "standard", "std", "essentials", "hotpatch", "winsrv":
		w.server = true
	case "desktop", "pro", "professional", "enterprise", "ent", "home", "education", "edu", "iot", "avd", "evd", "workstation", "workstations":
		w.client = true
	case "ltsc", "ltsb":
		w.ltsc = true
	case "10", "11":
		if w.windows && w.gen == 0 && w.year == 0 {
			w.gen = int(s[1]-'0') + 10
			return true
		}
		return w.product
	case "aks", "akswindows", "eks", "ecs", "gke", "optimized", "amazon":
		w.product, w.windows = true, true
	case "latest", "insider", "vnext", "canary", "dev", "beta", "annual", "windowsannual", "arm":
		w.moving = s
	case "version", "ver", "v", "release", "for", "with", "and", "the", "on", "containers", "container", "containerslatest", "containerd",
		"docker", "azure", "edition", "editions", "smalldisk", "gen1", "gen2", "gensecond", "g2", "gs", "english", "base", "core", "full",
		"x64", "x86", "64", "amd64", "bit", "64bit", "node", "image", "lts", "channel", "byol", "eval", "family", "host", "os", "n",
		"single", "language", "multi", "session", "windowsservercore", "vs2017", "vs2019", "vs2022", "vs2026", "arm64", "ami":
	case "sac", "semi":
		w.moving = s
	case "2012", "2008", "2003", "7", "8", "81", "xp", "vista":
		if w.year != 0 || w.gen != 0 || w.ver != "" {
			return w.product
		}
		w.old = true
	case "r2", "1":
		return w.old || w.product
	case "2016", "2019", "2022", "2025":
		w.set(int(s[2]-'0')*10+int(s[3]-'0')+2000, "")
	case "2015", "2021", "2024":
		// Years of client LTSC editions only.
		if !w.ltsc && !w.client {
			return false
		}
		w.set(int(s[2]-'0')*10+int(s[3]-'0')+2000, "")
	case "19h1":
		w.set(0, "1903")
	case "19h2":
		w.set(0, "1909")
	case "20h1":
		w.set(0, "2004")
	default:
		if !isVersionName(s) || !knownVersion(f, s) {
			return false
		}
		w.set(0, s)
	}
	return true
}

// glued takes a word and the number that is glued to it.
func (w *wordReader) glued(f *facts.Facts, prefix, num string) bool {
	switch prefix {
	case "windows", "win", "w", "ws", "server", "winserver", "windowsserver", "akswindows", "v":
		if (num == "16" || num == "19" || num == "22" || num == "25") && prefix != "v" {
			num = "20" + num // win22, as ImageOS has it
		}
		if prefix != "v" {
			w.word(f, prefix)
		}
		return w.word(f, num)
	case "ltsc", "sac":
		if len(num) != 4 {
			return false
		}
		w.server = true
		if prefix == "sac" && num != "2016" {
			return false
		}
		return w.word(f, num)
	case "w2k", "win2k", "2k", "ws2k":
		w.server, w.windows = true, true
		return len(num) == 2 && w.word(f, "20"+num)
	}
	return false
}

// set notes a year or a version; the first counts, a second different one is a
// contradiction but in the names of node images, where it is part of a date.
func (w *wordReader) set(year int, ver string) {
	if year != 0 {
		if w.year == 0 {
			w.year = year
		} else if w.year != year && !w.product {
			w.clash = true
		}
		return
	}
	if w.ver == "" {
		w.ver = ver
	} else if w.ver != ver && !w.product {
		w.clash = true
	}
}

// host puts the words together.
func (w *wordReader) host(f *facts.Facts, name string) (Host, *HostError) {
	fail := func(reason, hint string) (Host, *HostError) {
		return Host{}, &HostError{Text: quote(name), Reason: reason, Hint: hint}
	}
	w.read(f)
	if w.n == 1 {
		if h, ok := byAlias(f, w.words[0], name); ok {
			return h, nil
		}
	}
	nothing := w.year == 0 && w.gen == 0 && w.ver == "" && !w.old && w.moving == "" && !(w.windows && (w.server || w.client)) && !(w.windows && w.bad == "")
	if w.bad != "" || w.many || nothing || w.n == 0 {
		e := &HostError{Text: quote(name), Reason: ErrNoHost.Error(), None: true}
		if near := nearest(f, name); near != "" {
			e.Hint = "did you mean " + near + "?"
		} else {
			e.Hint = "name a host as 10.0.17763.437, ws2019 or \"Windows Server 2019\", or give the text of `ver`"
		}
		return Host{}, e
	}
	switch {
	case w.old:
		return fail("this Windows runs no containers; the first that does is Windows Server 2016 (and Windows 10)", "")
	case w.moving == "arm" && w.gen != 0 && w.ver == "", w.moving != "" && w.moving != "arm" && w.year == 0 && w.ver == "",
		w.ltsc && w.year == 0 && w.gen == 0: // GKE's WINDOWS_LTSC
		return fail("this name moves: which Windows it means changes with time", "give a release (ws2025) or the version that `ver` shows there")
	case w.clash, w.gen != 0 && w.server:
		return fail("names two different Windows", "")
	}
	want := func(r *facts.Release) bool {
		client := r.Kind == facts.Client
		switch {
		case r.Build == 0, client && w.server, !client && (w.client || w.gen != 0):
			return false
		case w.gen != 0 && r.Name != "Windows "+strconv.Itoa(w.gen):
			return false
		case w.ver != "" && !strings.EqualFold(r.Version, w.ver) && !(w.ver == "2009" && strings.EqualFold(r.Version, "20H2")):
			return false
		}
		if w.year == 0 {
			return true
		}
		if w.ltsc && (w.client || w.gen != 0) || w.client && !w.server {
			return client && strings.EqualFold(r.Version, ltscVersion(w.year)) && (w.gen == 0 || w.year != 2024 || w.gen == 11)
		}
		return !client && r.Kind == facts.ServerLTSC && r.Name == "Windows Server "+strconv.Itoa(w.year)
	}
	var found []*facts.Release
	for i := range f.Releases {
		if r := &f.Releases[i]; want(r) {
			found = append(found, r)
		}
	}
	if w.year == 0 && w.ver == "" {
		if len(found) == 0 || w.gen == 0 {
			return fail("names no release of Windows", "add a year (\"Windows Server 2022\") or a version (\"Windows 11 24H2\")")
		}
		ids := make([]string, len(found))
		for i, r := range found {
			ids[i] = r.ID
		}
		return fail("Windows "+strconv.Itoa(w.gen)+" has many versions", "name one: "+strings.Join(ids, ", "))
	}
	if w.ver == "1507" || len(found) == 0 && w.year == 2015 {
		return ofRelease(&facts.Release{Kind: facts.Client, Build: 10240}, name), nil
	}
	if len(found) == 0 {
		return fail("no such Windows is known", nearestHint(f, name))
	}
	for _, r := range found {
		if r.Build != found[0].Build {
			return fail("names several Windows: "+list(found), "give one of them")
		}
	}
	r := found[0]
	if r.Kind == facts.Client || w.year != 0 {
		return ofRelease(r, name), nil
	}
	// A version names a build, and the server where one has it. Its release is
	// the Semi-Annual one only where the words are its name.
	h := ofRelease(r, name)
	if w.server && w.windows {
		for _, x := range found {
			if x.Kind == facts.ServerSAC {
				h = ofRelease(x, name)
			}
		}
	}
	h.Assumed = !w.server && shared(f, h.Version)
	return h, nil
}

// ltscVersion returns the version of a client's Long-Term Servicing release.
func ltscVersion(year int) string {
	switch year {
	case 2016:
		return "1607"
	case 2019:
		return "1809"
	case 2021:
		return "21H2"
	case 2024:
		return "24H2"
	}
	return ""
}

// byAlias finds a build by a constant of hcsshim's osversion: RS5, V21H2Server.
func byAlias(f *facts.Facts, word, name string) (Host, bool) {
	for i := range f.Releases {
		for _, a := range f.Releases[i].Aliases {
			if strings.EqualFold(a, word) {
				return ofRelease(&f.Releases[i], name), true
			}
		}
	}
	return Host{}, false
}

// isVersionName reports whether a word has the form of a Windows version: four
// digits or 20H2 (lower case).
func isVersionName(s string) bool {
	return len(s) == 4 && digit(s[0]) && digit(s[1]) && digit(s[3]) && (digit(s[2]) || s[2] == 'h')
}

// knownVersion reports whether the facts have a release of that version.
func knownVersion(f *facts.Facts, s string) bool {
	if s == "1507" || s == "2009" {
		return true
	}
	for i := range f.Releases {
		if strings.EqualFold(f.Releases[i].Version, s) {
			return true
		}
	}
	return false
}

// list names releases for an error.
func list(rs []*facts.Release) string {
	var b strings.Builder
	for i, r := range rs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.ID + " (" + FullName(r) + ", " + strconv.FormatUint(uint64(r.Build), 10) + ")")
	}
	return b.String()
}

// nearest returns the known names that differ from a name by one or two
// letters, as text; "" where none does.
func nearest(f *facts.Facts, name string) string {
	best, near := 3, []string(nil)
	if len(name) > 40 {
		return ""
	}
	if len(name) < 5 {
		best = 2
	}
	try := func(s string) {
		d := distance(strings.ToLower(name), strings.ToLower(s))
		switch {
		case d < best:
			best, near = d, []string{s}
		case d == best && best < 3 && len(near) > 0 && len(near) < 3:
			for _, n := range near {
				if n == s {
					return
				}
			}
			near = append(near, s)
		}
	}
	for i := range f.Releases {
		r := &f.Releases[i]
		if r.Build == 0 {
			continue
		}
		try(r.ID)
		if r.Kind == facts.Client {
			try("win" + r.ID[1:])
		}
		try(FullName(r))
		for _, img := range r.Images {
			for _, t := range img.Tags {
				try(t)
			}
		}
		if r.Kind == facts.ServerLTSC {
			try("windows-" + r.ID[2:])
		}
	}
	return strings.Join(near, ", ")
}

func nearestHint(f *facts.Facts, name string) string {
	if n := nearest(f, name); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// distance is the Levenshtein distance of two short texts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diag
			if a[i] != b[j] {
				d = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func alnum(c byte) bool { return digit(c) || letter(c) }

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}
