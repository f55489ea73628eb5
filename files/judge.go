package files

import (
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// lifecycle is where ends of support are from.
const lifecycle = "https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/base-image-lifecycle.md"

// judge makes findings of what one file says.
type judge struct {
	*Scanner
	in       *Input
	doc      *Document
	places   map[string]*Placement // by group, once they were asked for
	set      Settings
	findings []Finding
}

func (j *judge) document(doc *Document) {
	j.doc = doc
	windows := map[string]bool{} // groups with Windows images
	for i := range doc.Uses {
		u := &doc.Uses[i]
		windows[u.Group] = windows[u.Group] || u.Group != "" && (u.Windows == image.Yes || isWindows(j.in.Look(u.Reference)))
	}
	uses := make([]judged, len(doc.Uses))
	refused := map[string]bool{} // groups of which a host refuses something
	for i := range doc.Uses {
		u := &uses[i]
		u.Use, u.windows = &doc.Uses[i], windows[doc.Uses[i].Group]
		u.findings = j.about(u.Use, u.windows)
		for _, f := range u.findings {
			refused[u.Group] = refused[u.Group] || f.Rule == RuleNotForHost
		}
	}
	j.mend(uses)
	for i := range uses {
		j.findings = append(j.findings, uses[i].findings...)
	}
	j.groups(doc, refused)
	j.placements()
	if j.To != nil {
		j.labels(doc)
	}
}

// judged is a use and what was found about it.
type judged struct {
	*Use
	windows  bool // it stands beside Windows images
	findings []Finding
}

// isWindows reports whether an image is known to hold a Windows.
func isWindows(m *image.Image) bool {
	for i := range m.Children {
		if m.Children[i].Windows() {
			return true
		}
	}
	return false
}

// about judges one use by itself. windows: it stands beside Windows images.
func (j *judge) about(u *Use, windows bool) []Finding {
	var list []Finding
	add := func(f Finding) {
		f.Image, f.At = u.Reference, u.At
		list = append(list, f)
	}
	if u.Windows == image.No {
		return nil
	}
	if u.Reference == "" {
		add(Finding{Rule: RuleUnknown, Message: "which image is used is not known: " + u.Why})
		return list
	}
	m := j.in.Look(u.Reference)
	for _, f := range m.Findings {
		switch f.Code {
		case image.FindingNotFound:
			add(Finding{Rule: RuleNoSuchTag, Message: f.Text, Source: m.Source})
			return list
		case image.FindingUnconfirmed:
			add(Finding{Rule: RuleNoSuchTag, Level: Warning, Message: f.Text, Source: m.Source})
		case image.FindingNotWindows:
			if u.Windows == image.Yes || windows {
				add(Finding{Rule: RuleNotWindows, Message: f.Text, Source: m.Source})
			}
			return list
		case image.FindingHub, image.FindingRetired:
			add(Finding{Rule: RuleOldName, Message: f.Text})
		}
	}
	if !isWindows(m) {
		switch wanted := windows || u.Windows == image.Yes; {
		case wanted && len(m.Children) > 0 && !m.ByName():
			add(Finding{Rule: RuleNotWindows, Message: u.Reference + " holds no Windows: " + platforms(m)})
		case wanted: // else a Linux image, as far as anybody knows
			add(Finding{Rule: RuleUnknown, Message: "which Windows is in " + u.Reference + " is not known: its name does not say"})
		}
		return list
	}
	j.hosts(u, m, add)
	if u.elsewhere() {
		return list // the rest is found there
	}
	j.support(u, m, add)
	j.pin(u, m, add)
	if j.To != nil && !onBuild(m, j.To.Version.Build) {
		add(Finding{Rule: RuleRetarget, Message: u.Reference + " is not of " + compat.Name(j.Facts, j.To.Version.WithoutRevision(), j.To.Edition)})
	}
	return list
}

// elsewhere reports whether nothing of the reference stands in this file.
func (u *Use) elsewhere() bool {
	return u.Of != "" && !slices.ContainsFunc(u.parts(), func(p Part) bool { return !p.At.IsZero() })
}

// platforms names what an image is for.
func platforms(m *image.Image) string {
	var list []string
	for i := range m.Children {
		if c := &m.Children[i]; !c.Attestation {
			list = appendNew(list, c.OS+"/"+c.Architecture)
		}
	}
	return strings.Join(list, ", ")
}

// onBuild reports whether an image has a Windows of a build.
func onBuild(m *image.Image, build uint32) bool {
	for i := range m.Children {
		if m.Children[i].Windows() && m.Children[i].Version.Build == build {
			return true
		}
	}
	return false
}

// question is how a use and a host meet.
func (j *judge) question(u *Use, m *image.Image, h winver.Host) compat.Question {
	q := compat.Question{
		Host:  compat.Host{Version: h.Version, Edition: h.Edition, ARM64: h.ARM64},
		Image: m.Asked(), Isolation: u.Isolation, Runtime: j.set.Runtime,
		Kubernetes: u.Kubernetes || u.HostProcess, HostProcess: u.HostProcess, Today: j.Today,
	}
	if q.Isolation == compat.DefaultIsolation && !q.Kubernetes {
		q.Isolation = j.set.Isolation
	}
	if u.Engine != compat.NoEngine && u.Engine != q.Runtime.Engine {
		q.Runtime = compat.Runtime{Engine: u.Engine}
	}
	if r, err := compat.ParseRuntime(h.Runtime); err == nil && (q.Runtime.Engine == compat.NoEngine || q.Runtime.Engine == r.Engine) {
		q.Runtime = r // a node list names it
	}
	if q.Runtime.Engine == compat.NoEngine {
		q.Runtime = compat.Runtime{Engine: compat.Docker}
		// Before Windows Server 2019 the kubelet had Docker.
		if q.Kubernetes && h.Version.Build >= winver.LTSC2019 {
			q.Runtime.Engine = compat.Containerd
		}
	}
	return q
}

// hostsOf are the hosts that a use is for: those that were asked for, of these
// the ones that the file keeps the image to; else what the file says.
func (j *judge) hostsOf(u *Use) []winver.Host {
	if j.To != nil {
		return []winver.Host{*j.To}
	}
	var own, both []winver.Host
	for _, h := range u.Hosts {
		own = append(own, h.Host)
	}
	if len(j.set.Hosts) == 0 {
		return own
	}
	for _, h := range j.set.Hosts {
		for _, o := range own {
			if o.Version.Build == h.Version.Build {
				both = append(both, h)
				break
			}
		}
	}
	if len(both) > 0 {
		return both
	}
	return j.placed(u, j.set.Hosts)
}

// hosts puts a use to its hosts.
func (j *judge) hosts(u *Use, m *image.Image, add func(Finding)) {
	var no, risky []string
	var refusal, doubt Finding
	for _, h := range j.hostsOf(u) {
		q := j.question(u, m, h)
		v := compat.Decide(j.Facts, &q)
		answer := v.Answer
		if u.FilesOnly && v.Pull != compat.Fails {
			answer = compat.Yes
		}
		name := compat.Name(j.Facts, h.Version, h.Edition)
		switch answer {
		case compat.No:
			if no == nil {
				refusal = j.verdict(u, &q, &v)
			}
			no = appendNew(no, name)
		case compat.Risky:
			if risky == nil {
				doubt = j.verdict(u, &q, &v)
			}
			risky = appendNew(risky, name)
		case compat.Unknown:
			add(Finding{Rule: RuleUnknown, Message: "whether " + u.Reference + " runs on " + name + " is not known: " + v.Reasons(j.Facts, &q)[0].Text})
		}
	}
	switch {
	case no != nil:
		verb, of := " does not run on ", ""
		if u.Of != "" {
			of = ", of " + u.Of + ","
		}
		if u.FilesOnly {
			verb = " is not pulled on "
		}
		refusal.Hint = forFirst(no, refusal.Hint)
		refusal.Rule, refusal.Message = RuleNotForHost, u.Reference+of+verb+and(no)+": "+refusal.Message
		add(refusal)
	case risky != nil:
		doubt.Hint = forFirst(risky, doubt.Hint)
		doubt.Rule, doubt.Message = RuleRisky, u.Reference+" may or may not run on "+and(risky)+": "+doubt.Message
		add(doubt)
	}
}

// forFirst says of a hint that it is for the first of several hosts.
func forFirst(hosts []string, hint string) string {
	if len(hosts) == 1 || hint == "" {
		return hint
	}
	return "for " + hosts[0] + ": " + hint
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// verdict is a finding of what the core says.
func (j *judge) verdict(u *Use, q *compat.Question, v *compat.Verdict) Finding {
	var f Finding
	if list := v.Reasons(j.Facts, q); len(list) > 0 {
		f.Message, f.Source = list[0].Text, list[0].Source
	}
	ref, err := image.Parse(u.Reference)
	if err != nil {
		return f
	}
	candidates := image.Candidates(image.Siblings(ref, j.Facts, q.Host.Version))
	for _, r := range v.Remedies(j.Facts, q, u.Reference, candidates) {
		if r.Kind != compat.UseIsolation || !u.NoHypervisor {
			f.Hint = r.Text
			break
		}
	}
	return f
}

// support says where an image gets no updates any more.
func (j *judge) support(u *Use, m *image.Image, add func(Finding)) {
	for i := range m.Children {
		c := &m.Children[i]
		if !c.Windows() {
			continue
		}
		r := winver.ReleaseOf(j.Facts, c.Version.Build, winver.Server)
		end := facts.Date(0)
		if r != nil {
			end = winver.EndOfSupport(r)
		}
		if end == 0 || end >= j.Today {
			return
		}
		if i == len(m.Children)-1 {
			add(Finding{Rule: RuleOutOfSupport, Source: lifecycle,
				Message: winver.FullName(r) + ", in " + u.Reference + ", is out of support since " + end.String()})
		}
	}
}

// pins orders what a reference may hold fast, the loosest first.
var pins = [...]image.Pin{image.PinFamily, image.PinKB, image.PinRevision, image.PinDigest}

// pinOf is what a reference to a known Windows holds fast.
func pinOf(reference string, m *image.Image, f *facts.Facts) image.Pin {
	if strings.Contains(reference, "@") {
		return image.PinDigest
	}
	if c, ok := image.NameChoice(*m, f); ok {
		return c.Pin
	}
	return image.PinFamily
}

// pin says where a tag moves although a pin is wanted.
func (j *judge) pin(u *Use, m *image.Image, add func(Finding)) {
	want, have := slices.Index(pins[:], j.set.Pin), slices.Index(pins[:], pinOf(u.Reference, m, j.Facts))
	if have < want {
		add(Finding{Rule: RuleUnpinned, Message: u.Reference + " pins " + map[bool]string{true: "no update", false: "the " + string(pins[have])}[have == 0] +
			": a pin of the " + string(j.set.Pin) + " is wanted"})
	}
}

// groups finds images that no Windows Server runs together. Where a host has
// been found to refuse one of them, that has been said.
func (j *judge) groups(doc *Document, refused map[string]bool) {
	of, done := map[string][]*Use{}, map[string]bool{"": true}
	for i := range doc.Uses {
		u := &doc.Uses[i]
		of[u.Group] = append(of[u.Group], u)
	}
	for i := range doc.Uses {
		g := doc.Uses[i].Group
		if done[g] || refused[g] {
			continue
		}
		done[g] = true
		var uses []*Use
		var names []string
		for _, u := range of[g] {
			if m := j.in.Look(u.Reference); u.Windows != image.No && !u.HostProcess && u.Isolation != compat.HyperV && isWindows(m) {
				uses = append(uses, u)
				if name := compat.Name(j.Facts, m.Children[0].Version.WithoutRevision(), winver.Server); len(names) == 0 || names[len(names)-1] != name {
					names = append(names, name)
				}
			}
		}
		if len(names) > 1 && !j.together(uses) {
			last := uses[len(uses)-1]
			f := Finding{Rule: RuleMixed, Image: last.Reference, At: last.At, Source: compat.TableURL(nil),
				Message: "used together with images of another Windows (" + strings.Join(names, ", ") + "): no Windows Server runs all of them in process isolation",
				Hint:    "use tags of one Windows version"}
			if changes := j.unite(doc, uses); changes != nil {
				f.Hint = "use tags of the last stage's Windows"
				for _, c := range changes {
					f.Fix = append(f.Fix, c.edit())
				}
			}
			j.findings = append(j.findings, f)
		}
	}
}

// unite moves the stages of a build to the Windows of the last one, which is what
// is shipped: nil where that cannot be written for all of them, and with --to,
// which moves them itself.
func (j *judge) unite(doc *Document, uses []*Use) (changes []change) {
	last := uses[len(uses)-1]
	m := j.in.Look(last.Reference)
	if j.To != nil || last.Role != "base" || len(m.Children) != 1 || len(last.Hosts) > 0 {
		return nil
	}
	build := m.Children[0].Version.Build
	made := map[Span]change{}
	for _, u := range uses {
		if onBuild(j.in.Look(u.Reference), build) {
			continue
		}
		moved := *u
		moved.Hosts = []Host{{Host: winver.Host{Version: winver.OfBuild(build), Edition: winver.Server}}}
		for _, ref := range j.instead(&judged{Use: &moved}) {
			if list, ok := rewrite(u, ref); ok && onBuild(j.in.Look(ref), build) {
				for _, c := range list {
					made[c.at] = c
					changes = append(changes, c)
				}
				break
			}
		}
	}
	for i := range doc.Uses { // an ARG may be another one's, too
		u := &doc.Uses[i]
		ref := changed(u, made)
		in := slices.ContainsFunc(uses, func(o *Use) bool { return o == u })
		n := j.in.Look(ref)
		if in && !onBuild(n, build) || ref != u.Reference && (!in || slices.ContainsFunc(n.Findings, image.Finding.Defect)) {
			return nil
		}
	}
	return changes
}

// together reports whether any Windows Server may run all of the images.
func (j *judge) together(uses []*Use) bool {
	for i := range j.Facts.Releases {
		r := &j.Facts.Releases[i]
		if r.Kind == facts.Client || r.Build == 0 {
			continue
		}
		all := true
		for _, u := range uses {
			q := j.question(u, j.in.Look(u.Reference), winver.Host{Version: winver.OfBuild(r.Build), Edition: winver.Server})
			v := compat.Decide(j.Facts, &q)
			all = all && (v.Answer != compat.No || u.FilesOnly && v.Pull != compat.Fails)
		}
		if all {
			return true
		}
	}
	return false
}

// and joins names: "a", "a and b", "a, b and c".
func and(list []string) string {
	if n := len(list) - 1; n > 0 {
		return strings.Join(list[:n], ", ") + " and " + list[n]
	}
	return strings.Join(list, "")
}
