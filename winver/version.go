package winver

import (
	"errors"
	"strconv"
)

// Version is a Windows version: major.minor.build.revision, where the revision
// (the UBR, update build revision) may be unknown. The zero Version is invalid.
// Versions are comparable with ==.
type Version struct {
	Major, Minor uint8  // 10.0 for every Windows that runs containers
	Build        uint32 // 20348; at most 65535, as in the Windows API
	rev          uint32 // revision + 1; 0: unknown
}

// maxRevision bounds a revision: Windows has shown 33451 so far.
const maxRevision = 1<<31 - 2

// New returns the version 10.0.build.revision.
func New(build, revision uint32) Version {
	return Version{Major: 10, Build: build, rev: revision + 1}
}

// OfBuild returns the version 10.0.build, its revision unknown.
func OfBuild(build uint32) Version { return Version{Major: 10, Build: build} }

// IsValid reports whether v names a build.
func (v Version) IsValid() bool { return v.Build != 0 }

// Revision returns the revision, and whether it is known.
func (v Version) Revision() (revision uint32, known bool) {
	if v.rev == 0 {
		return 0, false
	}
	return v.rev - 1, true
}

// WithRevision returns v with that revision.
func (v Version) WithRevision(revision uint32) Version {
	v.rev = revision + 1
	return v
}

// WithoutRevision returns v with its revision unknown.
func (v Version) WithoutRevision() Version {
	v.rev = 0
	return v
}

// Compare orders versions by their numbers; an unknown revision comes before
// every known one. It returns -1, 0 or +1.
func Compare(v, w Version) int {
	for _, p := range [...][2]uint32{
		{uint32(v.Major), uint32(w.Major)}, {uint32(v.Minor), uint32(w.Minor)},
		{v.Build, w.Build}, {v.rev, w.rev},
	} {
		if p[0] < p[1] {
			return -1
		}
		if p[0] > p[1] {
			return 1
		}
	}
	return 0
}

// AppendText appends the version as "10.0.20348.2227", or as "10.0.20348"
// where the revision is unknown; nothing for an invalid version.
func (v Version) AppendText(b []byte) ([]byte, error) {
	if !v.IsValid() {
		return b, nil
	}
	b = strconv.AppendUint(b, uint64(v.Major), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(v.Minor), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(v.Build), 10)
	if v.rev != 0 {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(v.rev-1), 10)
	}
	return b, nil
}

// String is the text of AppendText.
func (v Version) String() string {
	b, _ := v.AppendText(make([]byte, 0, 24))
	return string(b)
}

// Short is "20348.2227", or "20348" where the revision is unknown.
func (v Version) Short() string {
	s := v.String()
	if v.Major == 10 && v.Minor == 0 && len(s) > 5 {
		return s[5:]
	}
	return s
}

// MarshalText writes the version as String does.
func (v Version) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// UnmarshalText reads what Parse reads; the empty text is the zero Version.
func (v *Version) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*v = Version{}
		return nil
	}
	w, err := Parse(string(b))
	if err == nil {
		*v = w
	}
	return err
}

// ErrSyntax is the error of Parse.
var ErrSyntax = errors.New("not a Windows version (want 10.0.BUILD, 10.0.BUILD.REVISION, BUILD or BUILD.REVISION)")

// Parse reads "10.0.20348.2227", "10.0.20348", "20348.2227" or "20348", and
// nothing else: no blanks, signs or leading zeros. The revision is what stands
// there, 0 included. Where a text form prints .0 for "not known"
// ([Environment]::OSVersion does), ParseHost drops it. It allocates nothing.
func Parse(s string) (Version, error) {
	var n [4]uint32
	k := 0
	for i := 0; ; {
		start := i
		var x uint64
		for i < len(s) && '0' <= s[i] && s[i] <= '9' && i-start < 10 {
			x = x*10 + uint64(s[i]-'0')
			i++
		}
		if i == start || x > maxRevision || s[start] == '0' && i-start > 1 || k == 4 {
			return Version{}, ErrSyntax
		}
		n[k] = uint32(x)
		k++
		if i == len(s) {
			break
		}
		if s[i] != '.' {
			return Version{}, ErrSyntax
		}
		i++
	}
	v := Version{Major: 10}
	switch k {
	case 1:
		v.Build = n[0]
	case 2:
		v.Build, v.rev = n[0], n[1]+1
	default:
		if n[0] > 255 || n[1] > 255 {
			return Version{}, ErrSyntax
		}
		v.Major, v.Minor, v.Build = uint8(n[0]), uint8(n[1]), n[2]
		if k == 4 {
			v.rev = n[3] + 1
		}
	}
	// Below four digits a number is a part of something else: Windows 10 began
	// at 10240, Windows 6.0 at 6000. Above 65535 no Windows can count.
	if v.Build < 1000 || v.Build > 65535 {
		return Version{}, ErrSyntax
	}
	return v, nil
}
