package compat

import (
	"fmt"
	"sort"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Kind is a sort of remedy.
type Kind string

// The kinds of remedies.
const (
	UseTag       Kind = "tag"
	UsePin       Kind = "pin"
	UseIsolation Kind = "isolation"
	UseRuntime   Kind = "runtime"
	UpdateHost   Kind = "update-host"
	UseHost      Kind = "host"
	Place        Kind = "placement"
	Rebuild      Kind = "rebuild"
)

// Remedy is something that helps. Command can be pasted as it stands and is
// empty where there is none that works.
type Remedy struct {
	Kind    Kind   `json:"kind"`
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// Candidate is another tag of the same repository, or an image of the same
// purpose, that may do instead.
type Candidate struct {
	Reference string
	Version   winver.Version // its revision unknown where the tag moves
	Floor     winver.Version // see Image.Floor
}

// maxTags bounds the tags and pins among the remedies.
const maxTags = 3

// Remedies returns what helps against a verdict that is not yes, best first.
// Each one was put to Decide: what it leads to is Yes. The reference, "" where
// there is none that can be pulled, and the candidates are of the image that
// was asked about.
func (v *Verdict) Remedies(f *facts.Facts, q *Question, reference string, candidates []Candidate) []Remedy {
	if v.Answer == Yes || v.Has(UnknownHost) {
		return nil
	}
	var list []Remedy
	add := func(k Kind, command, format string, args ...any) {
		list = append(list, Remedy{k, fmt.Sprintf(format, args...), command})
	}
	yes := func(change func(*Question)) bool {
		alt := *q
		change(&alt)
		w := Decide(f, &alt)
		return w.Answer == Yes
	}

	for i, c := range v.fitting(f, q, candidates) {
		if i == maxTags {
			break
		}
		kind, moves := UseTag, ", which moves with every Patch Tuesday"
		if _, pinned := c.Version.Revision(); pinned {
			kind, moves = UsePin, ""
		} else if !c.Floor.IsValid() {
			moves = ""
		}
		add(kind, v.pullCommand(q, c.Reference), "use %s: %s%s", c.Reference, Name(f, c.Version, winver.Server), moves)
	}
	if v.Child < 0 {
		return list
	}
	child := q.Image.Children[v.Child]
	image := child.Version

	if v.Isolation == Process && !q.Kubernetes && yes(func(a *Question) { a.Isolation = HyperV }) {
		command := ""
		if v.Runtime.Engine != Containerd && reference != "" {
			command = "docker run --isolation=hyperv " + reference
		}
		add(UseIsolation, command, "use Hyper-V isolation, where the host has Hyper-V")
	}
	if v.Isolation == HyperV && yes(func(a *Question) { a.Isolation = Process }) {
		command := ""
		if v.Runtime.Engine != Containerd && !q.Kubernetes && reference != "" {
			command = "docker run --isolation=process " + reference
		}
		add(UseIsolation, command, "use process isolation")
	}
	if v.Has(HostProcessNeedsContainerd) && yes(func(a *Question) { a.Runtime = Runtime{Engine: Containerd} }) {
		add(UseRuntime, "", "use containerd 1.6 or later")
	}
	v.runtimes(q, child, reference, yes, add)
	v.updates(f, q, image, yes, add)
	v.hosts(f, q, image, yes, add)
	if base := v.base(f, q); base != "" && len(list) > 0 && list[0].Kind != UseTag && list[0].Kind != UsePin {
		add(Rebuild, "", "rebuild it on %s", base)
	} else if base != "" && len(list) == 0 {
		add(Rebuild, "", "rebuild it on %s", base)
	}
	return list
}

// fitting returns the candidates in support that the host runs, best first: of its own
// build before older ones, pinned revisions nearest to the host's first; at
// most one a build and pin.
func (v *Verdict) fitting(f *facts.Facts, q *Question, candidates []Candidate) []Candidate {
	var list []Candidate
	for _, c := range candidates {
		alt := *q
		alt.Image = Image{Children: []Child{{OS: "windows", Architecture: "amd64", OSVersion: c.Version.String(), Version: c.Version}},
			Manifest: q.Image.Manifest, Floor: c.Floor}
		if w := Decide(f, &alt); w.Answer == Yes && !ended(f, q, winver.ReleaseOf(f, c.Version.Build, winver.Server)) {
			list = append(list, c)
		}
	}
	own := q.Host.Version.Build
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].Version, list[j].Version
		if (a.Build == own) != (b.Build == own) {
			return a.Build == own
		}
		if a.Build != b.Build {
			return a.Build > b.Build
		}
		return winver.Compare(a, b) > 0
	})
	n := 0
	for i, c := range list {
		_, pinned := c.Version.Revision()
		seen := false
		for _, d := range list[:i] {
			_, p := d.Version.Revision()
			seen = seen || d.Version.Build == c.Version.Build && p == pinned
		}
		if !seen {
			list[n] = c
			n++
		}
	}
	return list[:n]
}

func (v *Verdict) pullCommand(q *Question, reference string) string {
	switch {
	case q.Kubernetes:
		return ""
	case v.Runtime.Engine == Containerd:
		return "ctr images pull " + reference
	}
	return "docker pull " + reference
}

type adder = func(k Kind, command, format string, args ...any)

// runtimes adds what helps where a runtime refuses what Windows would run: a
// newer version of it, or a reference that it does not compare.
func (v *Verdict) runtimes(q *Question, child Child, reference string, yes func(func(*Question)) bool, add adder) {
	if v.Pull == Passes || v.Runtime.Engine == NoEngine {
		return
	}
	if v.Runtime.Engine == Containerd && !q.Image.Manifest && child.Digest != "" && yes(func(a *Question) {
		a.Image.Manifest, a.Image.Children = true, []Child{child}
	}) {
		ref := repository(reference) + "@" + child.Digest
		add(UsePin, v.pullCommand(q, ref), "pull the Windows child by its digest, %s: containerd does not compare versions then", ref)
	}
	for _, era := range v.Runtime.Engine.Eras() {
		r := Runtime{v.Runtime.Engine, era.From}
		if !v.Runtime.Release.less(era.From) || era.Rule != era.Doubt || !yes(func(a *Question) { a.Runtime = r }) {
			continue
		}
		add(UseRuntime, "", "update %s to %s or later", r.Engine, r.Release)
		return
	}
	if v.Runtime.Engine == DockerContainerd && yes(func(a *Question) { a.Runtime.Engine = Docker }) {
		add(UseRuntime, "", "use Docker's classic image store, the default on Windows: set \"containerd-snapshotter\": false under \"features\" in daemon.json")
	}
}

// updates adds the update that brings the host to the image's revision.
func (v *Verdict) updates(f *facts.Facts, q *Question, image winver.Version, yes func(func(*Question)) bool, add adder) {
	host := q.Host.Version
	hostRev, ok := host.Revision()
	if !ok || image.Build != host.Build {
		return
	}
	target := image
	if _, known := image.Revision(); !known {
		target = q.Image.Floor
	}
	rev, known := target.Revision()
	if v.Has(February2020Boundary) {
		if u := winver.Latest(f, host.Build, winver.LineOf(q.Host.Edition)); u != nil {
			target = winver.New(host.Build, u.Revision)
			rev, known = u.Revision, true
		}
	}
	if !known || rev <= hostRev && !q.Host.client() {
		return
	}
	u := f.Update(target.Build, rev)
	if u == nil || u.KB == 0 || u.Type == facts.ImageOnly || u.Type == facts.UnknownType || q.Host.client() && u.Line == facts.ServerLine {
		return
	}
	if yes(func(a *Question) { a.Host.Version = target }) {
		add(UpdateHost, "", "install KB%d on the host, which makes it %s", u.KB, target.Short())
	}
}

// hosts adds the servers that run the image.
func (v *Verdict) hosts(f *facts.Facts, q *Question, image winver.Version, yes func(func(*Question)) bool, add adder) {
	if !image.IsValid() || q.Kubernetes && v.Isolation == HyperV {
		return
	}
	var names, builds []string
	for i := range f.Releases {
		r := &f.Releases[i]
		if r.Kind != facts.ServerLTSC || r.Build == q.Host.Version.Build || ended(f, q, r) {
			continue
		}
		if yes(func(a *Question) {
			a.Host = Host{Version: winver.OfBuild(r.Build), Edition: winver.Server}
			a.Isolation = Process
		}) {
			names = append(names, winver.FullName(r))
			builds = append(builds, fmt.Sprintf("10.0.%d", r.Build))
		}
	}
	if len(names) == 0 {
		return
	}
	if q.Kubernetes {
		add(Place, "", "schedule it to nodes with %s, by the label node.kubernetes.io/windows-build: %s", strings.Join(names, " or "), strings.Join(builds, " or "))
		return
	}
	add(UseHost, "", "run it on %s", strings.Join(names, " or "))
}

// base is the Server Core image for the host, "" where none is published.
func (v *Verdict) base(f *facts.Facts, q *Question) string {
	build := q.Host.Version.Build
	var best *facts.Release
	for i := range f.Releases {
		r := &f.Releases[i]
		if r.Kind != facts.ServerLTSC {
			continue
		}
		alt := *q
		alt.Image = Image{Children: []Child{{OS: "windows", Version: winver.OfBuild(r.Build), OSVersion: winver.OfBuild(r.Build).String()}}}
		if w := Decide(f, &alt); w.Answer == Yes && (best == nil || r.Build == build || best.Build != build) {
			best = r
		}
	}
	if best == nil {
		return ""
	}
	for _, img := range best.Images {
		if img.Repository == "windows/servercore" && len(img.Tags) > 0 {
			return "mcr.microsoft.com/windows/servercore:" + img.Tags[0]
		}
	}
	return ""
}

// repository cuts tag and digest off a reference.
func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i]
	}
	return ref
}
