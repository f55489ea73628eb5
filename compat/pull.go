package compat

import "github.com/winmatch/winmatch/winver"

// What a runtime does at the pull.

// pull predicts which child the runtime takes and whether it takes any. It
// returns false where the image holds no Windows at all.
func (v *Verdict) pull(q *Question) bool {
	children, host := q.Image.Children, q.Host.Version
	best := nearest(children, host)
	if best < 0 {
		v.because(NotWindows)
		for i := range children {
			if children[i].OS == "windows" { // of another architecture
				v.n = 0
				v.because(NoChildForHost)
			}
		}
		v.Start = Fails
		if v.Runtime.Engine != NoEngine {
			v.Pull = Fails
		}
		return false
	}
	v.Child = best
	if v.Runtime.Engine == NoEngine {
		return true
	}
	if !v.Runtime.RunsOn(host) {
		v.Pull = Fails
		v.because(RuntimeNotForHost)
		return true
	}
	if v.Runtime.Engine == Containerd && host.Build < winver.LTSC2019 {
		v.because(RuntimeNotForHost)
		return true
	}
	// A reference to a single manifest: containerd does not compare the
	// versions of what it was pointed at (containerd/containerd#8348), nothing
	// is known of Docker's containerd store, and classic Docker reads the config.
	if q.Image.Manifest && v.Runtime.Engine != Docker {
		v.Pull = Passes
		if v.Runtime.Engine == DockerContainerd && !v.Era.Rule.AllowsText(host, children[best].OSVersion) {
			v.Pull = OutcomeUnknown
		}
		return true
	}
	taken := choose(v.Era.Rule, v.Era.Order, children, host)
	other := taken
	if v.Era.Doubt != v.Era.Rule {
		other = choose(v.Era.Doubt, v.Era.Order, children, host)
	}
	switch {
	case taken >= 0 && taken == other:
		v.Pull = Passes
		v.Child = taken
	case taken < 0 && other < 0:
		v.Pull = Fails
	default:
		v.because(RuntimeRuleUnknown)
	}
	return true
}

// choose returns the index of the child that a rule and an order take, -1 for
// none.
func choose(rule Rule, order Order, children []Child, host winver.Version) int {
	best := -1
	for i := range children {
		c := &children[i]
		if !c.windows() || !c.allowed(rule, host) {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := &children[best]
		switch order {
		case OrderRevision:
			if stated(c) > stated(b) {
				best = i
			}
		case OrderHostBuild:
			if hasVersion(c.OSVersion, host) && !hasVersion(b.OSVersion, host) {
				best = i
			}
		case OrderString:
			if c.OSVersion > b.OSVersion {
				best = i
			}
		}
	}
	return best
}

// allowed asks a rule about what the index states of a child.
func (c *Child) allowed(rule Rule, host winver.Version) bool {
	if c.OSVersion != "" && c.Version.IsValid() {
		return rule.Allows(host, c.Version)
	}
	return rule.AllowsText(host, c.OSVersion)
}

// stated is the revision that the index states, 0 for none.
func stated(c *Child) uint32 {
	if c.OSVersion == "" {
		return 0
	}
	return revision(c)
}

func revision(c *Child) uint32 {
	r, _ := c.Version.Revision()
	return r
}

// nearest returns the Windows child that would do best on the host: of its own
// build (on Windows Server 2016 of its own revision), else the newest older
// one, else the oldest newer one, else one without a version; -1 for none.
func nearest(children []Child, host winver.Version) int {
	best, rank := -1, -1
	for i := range children {
		c := &children[i]
		if !c.windows() {
			continue
		}
		r := 0
		switch b := c.Version.Build; {
		case c.Version == host:
			r = 1 << 20
		case b == host.Build:
			r = 1 << 19
		case b == 0:
		case b < host.Build:
			r = 1<<17 + int(b)
		default:
			r = 1<<17 - int(b)
		}
		if r > rank || r == rank && revision(c) > revision(&children[best]) {
			best, rank = i, r
		}
	}
	return best
}

// refused puts the reason of a refused pull first: that no child is for the
// host, or that this runtime's rule refuses what others allow.
func (v *Verdict) refused(q *Question) {
	code := RuntimeRefusesPull
	if v.Start == Fails || v.Start == OutcomeUnknown {
		if !q.Image.Manifest && windowsChildren(q.Image.Children) > 1 {
			code = NoChildForHost
		}
	}
	if v.Start == Passes {
		v.first(code)
	} else {
		v.because(code)
	}
}

func windowsChildren(list []Child) int {
	n := 0
	for i := range list {
		if list[i].windows() {
			n++
		}
	}
	return n
}

// takesOther reports whether the runtime takes another child than the one
// that would do best, or clients of one runtime take different ones.
func (v *Verdict) takesOther(q *Question) bool {
	if v.Pull != Passes || q.Image.Manifest || v.Runtime.Engine == NoEngine {
		return false
	}
	if len(q.Image.Children) == 1 {
		return false
	}
	if v.Child != nearest(q.Image.Children, q.Host.Version) {
		return true
	}
	return v.Era.DefaultOrder != v.Era.Order && choose(v.Era.Rule, v.Era.DefaultOrder, q.Image.Children, q.Host.Version) != v.Child
}
