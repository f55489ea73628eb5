package files

import (
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Placement is what a file says of the hosts that a group of images is placed
// on, by labels: a pod's node selector and affinity.
type Placement struct {
	Group string
	At    Span   // where it says so, or where it would
	Says  string // the label and what is written with it, or "nothing"
	// Bound: the file says something of the Windows build. Named are the builds
	// that it names.
	Bound bool
	Named []uint32
	// Unsure: something else may choose among the hosts, too: labels whose
	// meaning is not known.
	Unsure bool
	// Admits reports whether a Windows host of a build may be chosen.
	Admits func(build uint32) bool
	// Select returns the edits that keep the group to hosts of these builds, the
	// best one first; none where that cannot be written. hint says it in words.
	Select func(builds []uint32) (fix []Edit, hint string)
}

// placement finds the placement of a use.
func (j *judge) placement(u *Use) *Placement {
	if u.Group == "" || len(j.doc.Placements) == 0 {
		return nil
	}
	if j.places == nil {
		j.places = map[string]*Placement{}
		for i := range j.doc.Placements {
			p := &j.doc.Placements[i]
			j.places[p.Group] = p
		}
	}
	return j.places[u.Group]
}

// placed are those of several hosts that a use is, or can be, placed on: where
// its file can choose among them, an image need not run on all.
func (j *judge) placed(u *Use, hosts []winver.Host) []winver.Host {
	p := j.placement(u)
	if p == nil {
		return hosts
	}
	runs := slices.DeleteFunc(slices.Clone(hosts), func(h winver.Host) bool { return !j.runs(u, h) })
	for _, list := range [][]winver.Host{runs, hosts} {
		admitted := slices.DeleteFunc(slices.Clone(list), func(h winver.Host) bool { return !p.Admits(h.Version.Build) })
		if len(admitted) > 0 {
			return admitted
		}
		if len(list) > 0 {
			return list
		}
	}
	return hosts
}

// runs reports whether an image may run on a host, as far as is known.
func (j *judge) runs(u *Use, h winver.Host) bool {
	m := j.in.Look(u.Reference)
	if u.HostProcess || !isWindows(m) {
		return true
	}
	q := j.question(u, m, h)
	v := compat.Decide(j.Facts, &q)
	return v.Answer != compat.No
}

// placements finds groups that are kept from all hosts that would run them, or
// are not kept from those that would not.
func (j *judge) placements() {
	known := map[*Placement][]*Use{} // the uses of which it is known what they need
	windows := map[*Placement]bool{}
	for i := range j.doc.Uses {
		u := &j.doc.Uses[i]
		p := j.placement(u)
		is := isWindows(j.in.Look(u.Reference))
		if p != nil && is && !u.HostProcess {
			known[p] = append(known[p], u)
		}
		if p != nil && (is || u.Windows == image.Yes) {
			windows[p] = true
		}
	}
	for i := range j.doc.Placements {
		if p := &j.doc.Placements[i]; windows[p] {
			j.place(p, known[p])
		}
	}
}

func (j *judge) place(p *Placement, uses []*Use) {
	asked := j.set.Hosts
	if j.To != nil {
		asked = []winver.Host{*j.To}
	}
	hosts := asked
	if len(hosts) == 0 {
		hosts = servers(j.Facts)
	}
	var good, bad, admitted []winver.Host // of the hosts: good and bad ones run all images, or not
	for _, h := range hosts {
		if slices.ContainsFunc(uses, func(u *Use) bool { return !j.runs(u, h) }) {
			bad = append(bad, h)
		} else {
			good = append(good, h)
		}
		if p.Admits(h.Version.Build) {
			admitted = append(admitted, h)
		}
	}
	is := func(list []winver.Host) func(winver.Host) bool {
		return func(h winver.Host) bool { return slices.Contains(list, h) }
	}
	switch {
	case len(good) == 0: // the images are wrong, not the placement
	case p.Bound && !slices.ContainsFunc(good, is(admitted)):
		if j.To != nil {
			j.addPlacement(p, RuleRetarget, "is not for "+j.names(asked), good, uses)
		} else if len(uses) == 0 {
			j.addPlacement(p, RulePlacedNowhere, "admits none of the hosts that the file is for, "+j.names(asked), nil, uses)
		} else if len(asked) > 0 {
			j.addPlacement(p, RulePlacedWrong, "keeps "+j.references(uses)+" from "+j.names(good)+", where it would run", good, uses)
		} else {
			j.addPlacement(p, RulePlacedWrong, "keeps "+j.references(uses)+" from every Windows that runs it", good, uses)
		}
	default:
		bad = slices.DeleteFunc(bad, func(h winver.Host) bool {
			return !slices.Contains(admitted, h) || len(asked) == 0 && !slices.Contains(p.Named, h.Version.Build)
		})
		if len(bad) > 0 && !p.Unsure {
			keep := slices.DeleteFunc(slices.Clone(good), func(h winver.Host) bool {
				return !slices.Contains(admitted, h) || len(asked) == 0 && !slices.Contains(p.Named, h.Version.Build)
			})
			verb := "does not keep "
			if !p.Bound {
				verb = "keeps "
			}
			j.addPlacement(p, RulePlacedWide, verb+j.references(uses)+" from "+j.names(bad)+", where it does not run", keep, uses)
		}
	}
}

// addPlacement adds a finding whose fix keeps to hosts; where these are many,
// to those of the images' own builds.
func (j *judge) addPlacement(p *Placement, rule, text string, hosts []winver.Host, uses []*Use) {
	f := Finding{Rule: rule, At: p.At, Message: p.Says + " " + text, Source: nodeLabels}
	if len(uses) > 0 {
		f.Image = uses[0].Reference
	}
	if builds := j.builds(hosts, uses); len(builds) > 0 {
		f.Fix, f.Hint = p.Select(builds)
	}
	j.findings = append(j.findings, f)
}

// builds are those of hosts, first the ones that an image is of. Without hosts
// that were asked for it is these alone, if there are any.
func (j *judge) builds(hosts []winver.Host, uses []*Use) []uint32 {
	var own, others []uint32
	for _, h := range hosts {
		b := h.Version.Build
		if slices.Contains(own, b) || slices.Contains(others, b) {
			continue
		}
		if slices.ContainsFunc(uses, func(u *Use) bool { return onBuild(j.in.Look(u.Reference), b) }) {
			own = append(own, b)
		} else {
			others = append(others, b)
		}
	}
	if len(j.set.Hosts) == 0 && len(own) > 0 {
		return own
	}
	return append(own, others...)
}

// servers are all Windows Servers, one a build.
func servers(f *facts.Facts) []winver.Host {
	var list []winver.Host
	for i := range f.Releases {
		r := &f.Releases[i]
		h := winver.Host{Version: winver.OfBuild(r.Build), Edition: winver.Server}
		if r.Kind != facts.Client && r.Build != 0 && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

func (j *judge) names(hosts []winver.Host) string {
	var list []string
	for _, h := range hosts {
		if name := compat.Name(j.Facts, h.Version.WithoutRevision(), h.Edition); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return and(list)
}

func (j *judge) references(uses []*Use) string {
	var list []string
	for _, u := range uses {
		if !slices.Contains(list, u.Reference) {
			list = append(list, u.Reference)
		}
	}
	return strings.Join(list, ", ")
}
