package image

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// maxLearnt bounds the images that are read of one repository to learn from it.
const maxLearnt = 200

// Learnt is what Microsoft's base images tell that the facts do not know.
type Learnt struct {
	Updates []facts.Update // by build and revision; new ones, and known ones that get a KB
	Left    []Finding      // what was seen and not taken, and why
}

// The codes of what was not taken.
const (
	FindingUnknownBuild  = "unknown-build"  // a build that the facts have no release of
	FindingUnknownFamily = "unknown-family" // a tag that looks like a family's
	FindingNotLearnt     = "image-not-read" // an image that could not be read, or is not what its tag says
)

// Learn reads the tags of Microsoft's base images, or of mirrors of them, and
// returns the updates that the client's facts do not know. A tag of a version
// says that the update exists, one of a KB, by the image's os.version, which
// update it is. Only what the facts do not know is read, three requests an
// image: index, manifest and config.
//
// No source states the day of an update that is known from an image alone. By
// Microsoft's documentation base images come out on the second Tuesday of the
// month (update-containers.md), and all those in image-tags.csv were created in
// the ten days before it. So an image created then gets that day and the type
// of such an update; any other has no day and no type. Builds that the facts
// have no release of are left, and named.
//
// today is the day of the run. Errors are *Error; with one, nothing was learnt.
func (c *Client) Learn(ctx context.Context, refs []Reference, today facts.Date) (Learnt, error) {
	l := &learning{c: c, f: c.knownFacts(), found: map[winver.Version]*learnt{}}
	for _, ref := range refs {
		if err := l.repository(ctx, ref); err != nil {
			return Learnt{}, err
		}
	}
	slices.SortStableFunc(l.left, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Text, b.Text)) })
	return Learnt{l.updates(today), l.left}, nil
}

// learning is a run of Learn.
type learning struct {
	c     *Client
	f     *facts.Facts
	found map[winver.Version]*learnt
	left  []Finding
}

// learnt is an update that an image shows.
type learnt struct {
	kb      uint32
	created facts.Date // the day on which the image was made, 0 where not known
	from    string     // its reference
	digest  string
}

// baseTag is a tag of a base image.
type baseTag struct {
	tag     string
	version winver.Version // its revision unknown but for a tag of a version
	kb      uint32
}

func (l *learning) leave(code string, text ...string) {
	l.left = append(l.left, Finding{code, strings.Join(text, "")})
}

// repository learns from one repository: first from the tags of KBs, which tell
// most, then from those of versions, and where a build has none from its
// family's.
func (l *learning) repository(ctx context.Context, ref Reference) error {
	if k, _, _ := classify(&ref); ref.Kind != Registry || k != baseRepo {
		return &Error{Code: CodeReference, Text: strconv.Quote(ref.Name()) + " is no repository of Microsoft's base images",
			Hint: "want " + MCR + "/windows/servercore, …/windows/nanoserver, …/windows/server or …/windows, or a mirror whose path ends so"}
	}
	tags, err := l.c.Tags(ctx, ref)
	if err != nil {
		return err
	}
	kbs, versions, families := l.sort(ref, tags)
	if err := l.read(ctx, ref, kbs); err != nil {
		return err
	}
	listed := map[uint32]bool{}
	for _, t := range versions {
		listed[t.version.Build] = true
	}
	todo := slices.DeleteFunc(versions, func(t baseTag) bool { return l.found[t.version] != nil || l.known(t.version) })
	if err := l.read(ctx, ref, todo); err != nil {
		return err
	}
	return l.read(ctx, ref, slices.DeleteFunc(families, func(t baseTag) bool { return listed[t.version.Build] }))
}

// known reports whether the facts know a version.
func (l *learning) known(v winver.Version) bool {
	rev, _ := v.Revision()
	return l.f.Update(v.Build, rev) != nil
}

// sort sorts a list of tags: those of KBs that the facts do not know, those of
// versions and those of families, the newest first, one for each. What names a
// Windows that the facts do not know is left.
func (l *learning) sort(ref Reference, tags []string) (kbs, versions, families []baseTag) {
	unknown := map[uint32][]string{}
	var unknownFamilies []string
	seen := map[baseTag]bool{}
	add := func(list *[]baseTag, tag string, v winver.Version, kb uint32) {
		if key := (baseTag{version: v, kb: kb}); !seen[key] {
			seen[key] = true
			*list = append(*list, baseTag{tag, v, kb})
		}
	}
	slices.SortFunc(tags, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) // without -amd64 first
	for _, tag := range tags {
		t, arch := cutArch(tag)
		if arch == "arm64" {
			continue
		}
		fam, rest, isKB := strings.Cut(t, "-")
		kb := kbNumber(rest)
		v := tagVersion(t)
		switch build := l.familyBuild(fam); {
		case v.IsValid() && winver.ReleaseOf(l.f, v.Build, winver.Server) == nil:
			unknown[v.Build] = append(unknown[v.Build], tag)
		case v.IsValid():
			add(&versions, tag, v, 0)
		case isKB && kb == 0 || !isKB && build == 0 && !looksLikeFamily(t):
			// nothing that names an update
		case build == 0:
			if looksLikeFamily(fam) && !slices.Contains(unknownFamilies, fam) {
				unknownFamilies = append(unknownFamilies, fam)
			}
		case !isKB:
			add(&families, tag, winver.OfBuild(build), 0)
		case !l.knownKB(build, kb):
			add(&kbs, tag, winver.OfBuild(build), kb)
		}
	}
	newest := func(a, b baseTag) int { return cmp.Or(winver.Compare(b.version, a.version), cmp.Compare(b.kb, a.kb)) }
	slices.SortStableFunc(kbs, newest)
	slices.SortStableFunc(versions, newest)
	for build, list := range unknown {
		text := ref.Name() + ":" + list[len(list)-1]
		if n := len(list) - 1; n > 0 {
			text += " and " + strconv.Itoa(n) + " more"
		}
		l.leave(FindingUnknownBuild, text, ": the facts know no Windows of build ", strconv.FormatUint(uint64(build), 10))
	}
	for _, fam := range unknownFamilies {
		l.leave(FindingUnknownFamily, ref.Name(), ":", fam, ": the facts know no such family of tags")
	}
	return kbs, versions, families
}

// tagVersion reads a tag 10.0.BUILD.REVISION, of any build.
func tagVersion(tag string) winver.Version {
	if !strings.HasPrefix(tag, "10.0.") || strings.Count(tag, ".") != 3 {
		return winver.Version{}
	}
	v, err := winver.Parse(tag)
	if err != nil {
		return winver.Version{}
	}
	return v
}

// familyBuild is the build of a family that the grammar or the facts know, 0
// for none.
func (l *learning) familyBuild(fam string) uint32 {
	if b := familyBuild(fam); b != 0 {
		return b
	}
	return winver.FamilyBuild(l.f, fam)
}

// looksLikeFamily reports whether a tag is built as those of families are:
// ltsc2028, 29H2, 2104.
func looksLikeFamily(s string) bool {
	if n, ok := strings.CutPrefix(s, "ltsc"); ok {
		s = n
	}
	return len(s) == 4 && digits(s[:2]) && (digits(s[2:]) || s[2] == 'H' && digits(s[3:]))
}

// knownKB reports whether the facts know a KB of a build, or it has been read.
func (l *learning) knownKB(build, kb uint32) bool {
	for v, image := range l.found {
		if v.Build == build && image.kb == kb {
			return true
		}
	}
	return slices.ContainsFunc(l.f.ByKB(kb), func(u facts.Update) bool { return u.Build == build })
}

// read reads images and keeps what they show.
func (l *learning) read(ctx context.Context, ref Reference, tags []baseTag) error {
	if n := len(tags) - maxLearnt; n > 0 {
		l.leave(FindingNotLearnt, ref.Name(), ": ", strconv.Itoa(n), " tags of old updates were not read, being too many")
		tags = tags[:maxLearnt]
	}
	type result struct {
		version winver.Version
		learnt
		err error
	}
	results := make([]result, len(tags))
	l.c.each(len(tags), func(i int) {
		r := &results[i]
		r.version, r.learnt, r.err = l.look(ctx, ref, tags[i])
	})
	for i, t := range tags {
		r := &results[i]
		var e *Error
		switch {
		case errors.As(r.err, &e) && e.Code != CodeUnreachable && e.Code != CodeUnauthorized:
			l.leave(FindingNotLearnt, e.Error())
		case r.err != nil:
			return r.err
		default:
			l.take(r.version, t.kb, &r.learnt)
		}
	}
	return nil
}

// take keeps what an image shows of an update.
func (l *learning) take(v winver.Version, kb uint32, image *learnt) {
	rev, _ := v.Revision()
	known := uint32(0)
	u, old := l.f.Update(v.Build, rev), l.found[v]
	switch {
	case old != nil:
		known = old.kb
	case u != nil:
		known = u.KB
	}
	name := func(kb uint32) string { return "KB" + strconv.FormatUint(uint64(kb), 10) }
	switch {
	case kb != 0 && (kb < 1000000 || kb > 9999999):
		l.leave(FindingNotLearnt, image.from, ": ", name(kb), " is no KB of seven digits")
	case kb != 0 && known != 0 && kb != known:
		l.leave(FindingDisagree, image.from, " holds ", v.String(), ", which is ", name(known), " by what is known")
	case old != nil && kb != 0:
		old.kb, old.from, old.digest = kb, image.from, image.digest
	case old != nil || u != nil && (kb == 0 || known == kb):
	default:
		image.kb = kb
		l.found[v] = image
	}
}

// look reads one image: its version, and where the facts do not know it, what
// else is to be learnt.
func (l *learning) look(ctx context.Context, ref Reference, t baseTag) (v winver.Version, image learnt, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.c.timeout())
	defer cancel()
	repo := l.c.repository(ref)
	one := Reference{Host: ref.Host, Repository: ref.Repository, Tag: t.tag}
	fail := func(text string) error {
		return &Error{Code: CodeManifest, Text: one.Name() + ":" + t.tag + " " + text}
	}
	doc, digest, err := repo.manifest(ctx, t.tag, "")
	if err != nil {
		return v, image, repo.about(one, err)
	}
	image.from, image.digest = one.Name()+":"+t.tag, digest
	manifest := doc
	if doc.index {
		var e *wireDesc
		for i := range doc.entries {
			if k := doc.entries[i].child(); !k.Windows() || k.Architecture != "amd64" {
				continue
			}
			if e != nil {
				return v, image, fail("is an index of several images")
			}
			e = &doc.entries[i]
		}
		if e == nil {
			return v, image, fail("is an index without an image of windows/amd64")
		}
		if v = parseOSVersion(e.Platform.OSVersion); v.IsValid() && l.known(v) && l.fits(v, t) {
			return v, image, nil
		}
		if manifest, err = manifestOf(ctx, repo, e); err != nil {
			return v, image, repo.about(one, err)
		}
		if manifest.index {
			return v, image, fail("is an index in an index")
		}
	}
	p, err := configOf(ctx, repo, &manifest.config)
	if err != nil {
		return v, image, repo.about(one, err)
	}
	w := parseOSVersion(p.OSVersion)
	_, exact := w.Revision()
	switch {
	case p.OS != "windows" || !exact:
		return v, image, fail("states no os.version of Windows in its config")
	case v.IsValid() && v != w:
		return v, image, fail("is " + v.String() + " by its index and " + w.String() + " by its config")
	case !l.fits(w, t):
		return v, image, fail("is " + w.String())
	}
	if at, err := time.Parse(time.RFC3339, p.Created); err == nil {
		at = at.UTC()
		if at.Year() >= 2015 && at.Year() < 2100 {
			image.created = facts.Date(at.Year()*10000 + int(at.Month())*100 + at.Day())
		}
	}
	return w, image, nil
}

// fits reports whether an image of a version is what its tag says.
func (l *learning) fits(v winver.Version, t baseTag) bool {
	_, exact := t.version.Revision()
	return v.Build == t.version.Build && (!exact || v == t.version)
}

// updates makes facts of what was found.
func (l *learning) updates(today facts.Date) []facts.Update {
	var list []facts.Update
	onDay := map[[2]uint32]int{} // how many of a build would be of one day
	for v, image := range l.found {
		onDay[[2]uint32{v.Build, uint32(patchTuesday(image.created))}]++
	}
	for v, image := range l.found {
		rev, _ := v.Revision()
		if known := l.f.Update(v.Build, rev); known != nil { // all that was missing is its KB
			u := *known
			u.KB, u.Source = image.kb, u.Source+", "+image.from
			list = append(list, u)
			continue
		}
		u := facts.Update{Build: v.Build, Revision: rev, KB: image.kb, Line: facts.ServerLine, Source: image.from, Note: "image " + image.digest}
		if b := winver.LatestB(l.f, v.Build); b != nil {
			u.Line = b.Line
		}
		if image.created != 0 {
			u.Note += " created " + image.created.String()
		}
		if day := patchTuesday(image.created); day != 0 && day <= today && onDay[[2]uint32{v.Build, uint32(day)}] == 1 && l.between(&u, day) {
			u.Date, u.Type = day, facts.B
			u.Note += "; dated by the Patch Tuesday after that"
		} else {
			u.Note += "; the date is not known"
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b facts.Update) int {
		return cmp.Or(cmp.Compare(a.Build, b.Build), cmp.Compare(a.Revision, b.Revision))
	})
	return list
}

// between reports whether a day fits between the days of the updates that are
// known before and after, and no second-Tuesday update of that day is known.
func (l *learning) between(u *facts.Update, day facts.Date) bool {
	for _, k := range l.f.UpdatesOf(u.Build) {
		if k.Line == facts.ClientLine || k.Date == 0 {
			continue
		}
		if k.Revision < u.Revision && k.Date > day || k.Revision > u.Revision && k.Date < day || k.Type == facts.B && k.Date == day {
			return false
		}
	}
	return true
}

// patchTuesday returns the first second Tuesday of a month on or after a day,
// where it is at most ten days off; else 0.
func patchTuesday(day facts.Date) facts.Date {
	if day == 0 {
		return 0
	}
	at := time.Date(day.Year(), time.Month(day.Month()), day.Day(), 0, 0, 0, 0, time.UTC)
	for range 11 {
		if at.Weekday() == time.Tuesday && at.Day() > 7 && at.Day() <= 14 {
			return facts.ParseDate(at.Format(time.DateOnly))
		}
		at = at.AddDate(0, 0, 1)
	}
	return 0
}

// AsOf returns the day that facts with these updates are of: that of the newest
// one, at least the one of f.
func (l *Learnt) AsOf(f *facts.Facts) facts.Date {
	day := f.AsOf
	for i := range l.Updates {
		if d := l.Updates[i].Date; d.Day() != 0 {
			day = max(day, d)
		}
	}
	return day
}
