package image

import "github.com/winmatch/winmatch/compat"

// Asked is an image as the core wants it: what a runtime would compare, child
// by child, in the order of the index.
func (m *Image) Asked() compat.Image {
	img := compat.Image{Manifest: m.Index == No && m.Basis != BasisGiven, Floor: m.AtLeast, MayHaveMoved: m.Has(FindingRecorded), Children: make([]compat.Child, 0, len(m.Children))}
	for i := range m.Children {
		c := &m.Children[i]
		k := compat.Child{OS: c.OS, Architecture: c.Architecture, OSVersion: c.OSVersion, Version: c.Version, Digest: c.Digest}
		switch {
		case c.Attestation:
			k.OS = "unknown"
		case m.ByName() && k.OSVersion == "":
			k.OSVersion = c.Version.String() // a name states the build only
		case c.FromConfig && m.Index == Yes:
			k.OSVersion = "" // runtimes compare what the index states
		}
		img.Children = append(img.Children, k)
	}
	return img
}

// ByName reports whether no image was read: what is known comes from the name,
// a record or the user.
func (m *Image) ByName() bool {
	return m.Basis == BasisTag || m.Basis == BasisFacts || m.Basis == BasisGiven
}

// Missing reports whether the image is known not to exist, or not to be for
// Windows: there is nothing to put to the core then, and the answer is no.
func (m *Image) Missing() (r compat.Reason, ok bool) {
	for _, f := range m.Findings {
		code := compat.ImageNotFound
		switch {
		case f.Code == FindingNotWindows && len(m.Children) == 0:
			code = compat.NotWindows
		case f.Code != FindingNotFound:
			continue
		}
		source := m.Source
		if source == "" {
			source = compat.TableURL(nil)
		}
		return compat.Reason{Code: code, Text: f.Text, Source: source}, true
	}
	return compat.Reason{}, false
}

// Candidates are the siblings of a reference as remedies want them.
func Candidates(list []Sibling) []compat.Candidate {
	var out []compat.Candidate
	for _, s := range list {
		out = append(out, compat.Candidate{Reference: s.Reference, Version: s.Version, Floor: s.AtLeast})
	}
	return out
}
