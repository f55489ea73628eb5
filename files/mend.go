package files

import (
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// This file chooses what to write instead of a reference. The choice among tags
// is image.Rank's; what is added here is that the result must be better by the
// rules, for every use that shares the bytes that are changed.

// change is a new text for a part of a reference.
type change struct {
	at  Span
	old string
	new string
}

// mend adds fixes to the findings of uses.
func (j *judge) mend(uses []judged) {
	made := map[Span]change{}
	for i := range uses {
		u := &uses[i]
		before := penalty(u.findings)
		if before <= doubtful {
			continue
		}
		if strings.Contains(u.Reference, "@") && !j.online() {
			j.pinned(u)
			continue
		}
		if ref := changed(u.Use, made); ref != u.Reference { // a part of it has been changed for another use
			var list []change
			for _, p := range u.parts() {
				if c, ok := made[p.At]; ok {
					list = append(list, c)
				}
			}
			j.attach(u, ref, list)
			continue
		}
		best, bestRef := before, ""
		var bestList []change
		for _, ref := range j.instead(u) {
			list, ok := rewrite(u.Use, ref)
			if !ok {
				continue
			}
			if p, ok := j.after(uses, u, list); ok && p < best {
				best, bestRef, bestList = p, ref, list
			}
			if best == 0 {
				break
			}
		}
		if bestRef != "" {
			for _, c := range bestList {
				made[c.at] = c
			}
			j.attach(u, bestRef, bestList)
		}
	}
}

// attach adds edits to the findings that are gone with another reference.
func (j *judge) attach(u *judged, ref string, list []change) {
	other := *u.Use
	other.Reference = ref
	left := j.about(&other, u.windows)
	edits := make([]Edit, len(list))
	for i, c := range list {
		edits[i] = c.edit()
	}
	for i := range u.findings {
		f := &u.findings[i]
		if !slices.ContainsFunc(left, func(l Finding) bool { return l.Rule == f.Rule }) {
			f.Fix = edits
			if !strings.HasPrefix(f.Hint, "use "+ref) {
				f.Hint = "use " + ref
			}
		}
	}
}

// online reports whether registries are asked.
func (j *judge) online() bool { return j.Look != nil }

// pinned says why a reference with a digest is not mended: of another image only
// its registry knows the digest.
func (j *judge) pinned(u *judged) {
	for i := range u.findings {
		if f := &u.findings[i]; RuleByID(f.Rule).Fix {
			f.Hint = strings.TrimPrefix(f.Hint+"; "+pinnedHint, "; ")
		}
	}
}

const pinnedHint = "the digest holds this image fast: fix --online replaces tag and digest"

// doubtful is the penalty of something that is not known; a use with no more is
// left alone.
const doubtful = 1

// penalty says how bad findings are.
func penalty(list []Finding) int {
	sum := 0
	for i := range list {
		l := list[i].Level
		if l == Off {
			l = RuleByID(list[i].Rule).Level
		}
		sum += [...]int{Off: doubtful, Note: 5, Warning: 10, ErrorLevel: 100}[l]
	}
	return sum
}

// after is the penalty of all uses that changes touch, the one that is to be
// mended first of all; ok is false where another one would be worse off, or would
// be something that is not known to exist.
func (j *judge) after(uses []judged, u *judged, list []change) (sum int, ok bool) {
	made := map[Span]change{}
	for _, c := range list {
		made[c.at] = c
	}
	for i := range uses {
		v := &uses[i]
		ref := changed(v.Use, made)
		if ref == v.Reference {
			continue
		}
		other := *v.Use
		other.Reference = ref
		p, was := penalty(j.about(&other, v.windows)), penalty(v.findings)
		if v.Use == u.Use && p >= was || v.Use != u.Use && (p > was || !slices.Contains(j.instead(v), ref)) {
			return 0, false
		}
		sum += p
	}
	return sum, true
}

// instead are the references that may do instead of a use's, the likeliest
// first.
func (j *judge) instead(u *judged) []string {
	m := j.in.Look(u.Reference)
	tagged, _, digested := strings.Cut(u.Reference, "@")
	ref, err := image.Parse(tagged)
	if err != nil || digested && tagged == name(tagged) {
		return nil // of a digest alone nobody knows the tags beside it
	}
	var same, others []string
	if !digested && (m.Has(image.FindingHub) || m.Has(image.FindingRetired)) {
		moved := mcrName(u.Reference)
		if ref, err = image.Parse(moved); err != nil {
			return nil
		}
		if n := j.in.Look(moved); isWindows(n) && !slices.ContainsFunc(n.Findings, image.Finding.Defect) {
			same = append(same, moved)
		}
	}
	hosts := j.hostsOf(u.Use)
	if len(hosts) == 0 {
		// The Windows that the name says, where it says one.
		build := winver.FamilyBuild(j.Facts, m.Family)
		for i := range m.Children {
			build = m.Children[i].Version.Build
		}
		if build == 0 {
			return nil
		}
		hosts = []winver.Host{{Version: winver.OfBuild(build), Edition: winver.Server}}
	}
	want := j.set.Pin
	if want == "" {
		want = pinOf(u.Reference, m, j.Facts)
	}
	for _, h := range hosts {
		for _, c := range image.Rank(j.Facts, j.question(u.Use, m, h), image.Choices(ref, j.Facts, h.Version)) {
			// A tag that follows the updates is the best guess for a host of whose
			// revision nothing is known.
			if c.Answer == compat.No || c.Answer == compat.Unknown && (!c.Floats() || c.Version.Build != h.Version.Build) {
				continue
			}
			choice, err := image.Parse(c.Reference)
			if err != nil {
				continue
			}
			text := c.Reference
			if old, err := image.Parse(u.Reference); err == nil && old.Name() == choice.Name() {
				text = name(u.Reference) + ":" + choice.Tag // the name stays as it is written
			}
			switch {
			case slices.Contains(same, text) || slices.Contains(others, text):
			case c.Pin == want:
				same = append(same, text)
			default:
				others = append(others, text)
			}
		}
	}
	list := slices.Concat(same, others)
	if j.online() {
		list = append(list, j.families(m, tagged, hosts)...)
	}
	if digested || want == image.PinDigest && j.online() {
		return j.digests(tagged, list)
	}
	return list
}

// families are the tags beside one that names a family, with the families of the
// hosts instead, where a registry has them: app:1.0-ltsc2022 for app:1.0-ltsc2019.
func (j *judge) families(m *image.Image, tagged string, hosts []winver.Host) (list []string) {
	tag := strings.TrimPrefix(tagged[len(name(tagged)):], ":")
	if ref, err := image.Parse(tagged); err != nil || image.KnownGrammar(ref) || m.Family == "" || strings.Count(tag, m.Family) != 1 {
		return nil
	}
	for _, h := range hosts {
		for _, family := range [...]string{"ltsc2025", "ltsc2022", "ltsc2019", "1809", "ltsc2016", "20H2", "2004", "1909", "1903"} {
			text := name(tagged) + ":" + strings.Replace(tag, m.Family, family, 1)
			if winver.FamilyBuild(j.Facts, family) == h.Version.Build && family != m.Family && !slices.Contains(list, text) && !j.in.Look(text).ByName() {
				list = append(list, text)
			}
		}
	}
	return list
}

// digests are a reference's own tag and the first of others with the digests that
// they have now, where the registry says.
func (j *judge) digests(tagged string, others []string) (pinned []string) {
	all := append([]string{tagged}, others...)
	for _, text := range all[:min(len(all), maxDigests)] {
		if m := j.in.Look(text); !m.ByName() && m.Digest != "" {
			pinned = append(pinned, text+"@"+m.Digest)
		}
	}
	return pinned
}

// maxDigests is how many tags are asked for their digests to mend one image.
const maxDigests = 4

// name is a reference without its tag and digest.
func name(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		return reference[:i]
	}
	return reference
}

// parts are the pieces of a use's reference.
func (u *Use) parts() []Part {
	if u.Parts != nil {
		return u.Parts
	}
	return []Part{{u.Reference, u.At}}
}

// changed is a use's reference with changes made.
func changed(u *Use, made map[Span]change) string {
	var b strings.Builder
	for _, p := range u.parts() {
		if c, ok := made[p.At]; ok && !p.At.IsZero() {
			p.Text = c.new
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// rewrite says what to change in a use's parts so that its reference becomes
// another one; ok is false where that is not clear. Name and tag are changed
// each within one part.
func rewrite(u *Use, to string) (list []change, ok bool) {
	oldName, newName := name(u.Reference), name(to)
	texts := map[int]string{} // part: its new text
	ok = replaceIn(u.parts(), texts, 0, len(oldName), newName) &&
		replaceIn(u.parts(), texts, len(oldName), len(u.Reference), to[len(newName):])
	for i, p := range u.parts() {
		if text, changed := texts[i]; changed && text != p.Text {
			list = append(list, change{p.At, p.Text, text})
		}
	}
	return list, ok && len(list) > 0
}

// replaceIn replaces the bytes from start to end of a reference, by changing one
// part. What both texts have in common at their ends stays.
func replaceIn(parts []Part, texts map[int]string, start, end int, text string) bool {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	old := b.String()[start:end]
	for old != "" && text != "" && old[0] == text[0] {
		old, text, start = old[1:], text[1:], start+1
	}
	for old != "" && text != "" && old[len(old)-1] == text[len(text)-1] {
		old, text, end = old[:len(old)-1], text[:len(text)-1], end-1
	}
	if old == "" && text == "" {
		return true
	}
	at := 0
	for i, p := range parts {
		if !p.At.IsZero() && at <= start && end <= at+len(p.Text) {
			was, ok := texts[i]
			if !ok {
				was = p.Text
			}
			// What has been changed in this part stands before start.
			shift := len(was) - len(p.Text)
			texts[i] = was[:start-at+shift] + text + was[end-at+shift:]
			return true
		}
		at += len(p.Text)
	}
	return false
}

// edit is the change without the bytes that stay.
func (c change) edit() Edit {
	e, old := Edit{c.at.Start, c.at.End, c.new}, c.old
	for old != "" && e.New != "" && old[0] == e.New[0] {
		old, e.New = old[1:], e.New[1:]
		e.Start++
	}
	for old != "" && e.New != "" && old[len(old)-1] == e.New[len(e.New)-1] {
		old, e.New = old[:len(old)-1], e.New[:len(e.New)-1]
		e.End--
	}
	return e
}

// labels moves the hosts that a file names itself to the one of --to.
func (j *judge) labels(doc *Document) {
	seen := map[Span]bool{}
	for i := range doc.Uses {
		for _, h := range doc.Uses[i].Hosts {
			if h.Label == nil || seen[h.At] || h.Version.Build == j.To.Version.Build {
				continue
			}
			seen[h.At] = true
			if text, ok := h.Label(*j.To); ok {
				j.findings = append(j.findings, Finding{Rule: RuleRetarget, At: h.At, early: true, Fix: []Edit{{h.At.Start, h.At.End, text}},
					Message: "names " + compat.Name(j.Facts, h.Version.WithoutRevision(), h.Edition), Hint: "use " + text})
			}
		}
	}
}

// mcrName is the name on mcr.microsoft.com of what used to be on Docker Hub.
func mcrName(reference string) string {
	ref, err := image.Parse(reference)
	if err != nil {
		return image.MCR
	}
	repo := strings.TrimPrefix(ref.Repository, "library/")
	switch repo {
	case "microsoft/windowsservercore":
		repo = "windows/servercore"
	case "microsoft/nanoserver":
		repo = "windows/nanoserver"
	}
	ref.Host, ref.Repository = image.MCR, repo
	return ref.String()
}
