package compat

import (
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Runs returns the versions of Windows images that run where and as q asks, by
// Decide's yes and nothing less. A version without a revision stands for every
// image of its build: it is one for which there are images. Where an image of
// Windows Server 2016 wants its host's revision the version has that one. What q
// says of an image is not looked at.
func Runs(f *facts.Facts, q Question) []winver.Version {
	child := [1]Child{{OS: "windows", Architecture: "amd64"}}
	q.Image = Image{Children: child[:]}
	runs := func(v winver.Version) bool {
		child[0].Version, child[0].OSVersion = v, v.String()
		d := Decide(f, &q)
		return d.Answer == Yes
	}
	var out []winver.Version
	seen := map[uint32]bool{}
	for i := range f.Releases {
		r := &f.Releases[i]
		if len(r.Images) == 0 || seen[r.Build] {
			continue
		}
		seen[r.Build] = true
		v := winver.OfBuild(r.Build)
		if !runs(v) && r.Build == winver.LTSC2016 && q.Host.Version.Build == r.Build {
			v = q.Host.Version
			if _, ok := v.Revision(); !ok {
				continue
			}
		}
		if runs(v) {
			out = append(out, v)
		}
	}
	return out
}
