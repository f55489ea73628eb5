package compat

import "github.com/winmatch/winmatch/winver"

// Rule is a check that a container runtime applies to the version of a host
// and of an image before it pulls. None of them looks at the revision or at
// the isolation. Which runtime applies which rule is in runtime.go.
type Rule uint8

// The rules, in the order of their appearance.
const (
	// RuleNone accepts every version: containerd before 1.5 did not look.
	RuleNone Rule = iota
	// RuleExactStrict wants the host's major.minor.build at the start of
	// os.version (containerd 1.5.0 to 1.6.17).
	RuleExactStrict
	// RuleExact is RuleExactStrict, but accepts an image without a version
	// (containerd 1.6.18 to 1.6.22, 1.7.0 to 1.7.5).
	RuleExact
	// RuleOld: below host build 20348 builds must be equal; from there on
	// 20348 <= image <= host.
	// https://github.com/microsoft/hcsshim/blob/v0.12.9/osversion/platform_compat_windows.go
	RuleOld
	// RuleNew: as RuleOld, but the lower bound is the newest of 20348 and
	// 26100 that is strictly below the host's build: a 26200 host no longer
	// takes 20348.
	// https://github.com/containerd/platforms/blob/v1.0.0-rc.2/platform_windows_compat.go
	RuleNew
	// RuleABI: as RuleOld, but the lower bound is the Long-Term Servicing
	// build before the newest one that is not above the host.
	// https://github.com/containerd/platforms/blob/v1.0.0-rc.5/platform_windows_compat.go
	RuleABI
	// RuleMobyClassic refuses only an image build above the host's build.
	// https://github.com/moby/moby/blob/b985e231/daemon/internal/distribution/pull_v2_windows.go
	RuleMobyClassic
)

// String names the rule.
func (r Rule) String() string {
	return [...]string{"none", "exact-strict", "exact", "old", "new", "abi", "moby-classic"}[r]
}

// ltsc are the builds whose binary interface later Windows keep, as the
// runtimes list them.
var ltsc = [...]uint32{winver.LTSC2022, winver.LTSC2025}

// Allows reports whether the rule lets a host pull an image whose os.version
// is image. It allocates nothing.
func (r Rule) Allows(host, image winver.Version) bool {
	same := host.Major == image.Major && host.Minor == image.Minor
	switch r {
	case RuleNone:
		return true
	case RuleMobyClassic:
		return image.Build <= host.Build
	case RuleExactStrict, RuleExact:
		return same && host.Build == image.Build
	}
	if !same {
		return false
	}
	if host.Build < winver.LTSC2022 {
		return host.Build == image.Build
	}
	lowest := uint32(winver.LTSC2022)
	switch r {
	case RuleNew:
		for _, b := range ltsc {
			if b < host.Build {
				lowest = b
			}
		}
	case RuleABI:
		for i, b := range ltsc {
			if b <= host.Build && i > 0 {
				lowest = ltsc[i-1]
			}
		}
	}
	return lowest <= image.Build && image.Build <= host.Build
}

// AllowsText is Allows for an os.version as an index states it, which may be
// missing or malformed: the exact rules compare the beginning of the text, the
// others read its first three parts, and moby takes what it cannot read.
func (r Rule) AllowsText(host winver.Version, osVersion string) bool {
	switch {
	case r == RuleNone:
		return true
	case osVersion == "":
		return r != RuleExactStrict
	}
	v, ok := firstThree(osVersion)
	switch r {
	case RuleExactStrict, RuleExact:
		return hasVersion(osVersion, host)
	case RuleMobyClassic:
		return !ok || v.Build <= host.Build
	}
	return ok && r.Allows(host, v)
}

// hasVersion reports whether text begins with host's major.minor.build.
func hasVersion(text string, host winver.Version) bool {
	var buf [24]byte
	b, _ := host.WithoutRevision().AppendText(buf[:0])
	return len(text) >= len(b) && text[:len(b)] == string(b)
}

// firstThree reads the first three parts of a version, as containerd does: a
// fourth one is not looked at, leading zeros do not matter.
func firstThree(s string) (v winver.Version, ok bool) {
	var n [3]uint32
	for i := range n {
		x, digits := uint32(0), 0
		for len(s) > 0 && '0' <= s[0] && s[0] <= '9' && x <= 65535 {
			x = x*10 + uint32(s[0]-'0')
			s = s[1:]
			digits++
		}
		if digits == 0 || x > 65535 || i < 2 && (x > 255 || len(s) == 0) || len(s) > 0 && s[0] != '.' {
			return v, false
		}
		if len(s) > 0 {
			s = s[1:]
		}
		n[i] = x
	}
	return winver.Version{Major: uint8(n[0]), Minor: uint8(n[1]), Build: n[2]}, true
}
