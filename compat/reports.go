package compat

import (
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// What people saw.

// contradicted reports whether reports of the same pair speak against the
// answer so far: one that ran where a start is predicted to fail, or none that
// ran and one that failed where it is predicted to run. A report of exactly
// these two versions counts in any case; of host and image of one build no
// other does, since what it tells of hangs on their revisions.
func (v *Verdict) contradicted(f *facts.Facts, q *Question, c *Child) bool {
	if v.Answer == Unknown || v.Answer == Risky || v.Pull == Fails || q.HostProcess {
		return false
	}
	var ran, failed, exact bool
	reports := f.ReportsOf(q.Host.Version.Build)
	for i := range reports {
		r := &reports[i]
		if r.OtherCause || !v.about(r, q, c) {
			continue
		}
		switch r.Outcome {
		case facts.Runs:
			ran = true
		case facts.FailsStart:
			failed = failed || r.ImageBuild != q.Host.Version.Build
			exact = exact || sameRevision(r.HostRevision, q.Host.Version) && sameRevision(r.ImageRevision, c.Version)
		}
	}
	if v.Answer == No {
		// A revision that differs or a boundary is not what such a report is of.
		return ran && v.Start == Fails && v.Has(BuildMismatch)
	}
	return failed && !ran || exact
}

func sameRevision(told int32, v winver.Version) bool {
	r, ok := v.Revision()
	return ok && told >= 0 && uint32(told) == r
}

// about reports whether a report of the host's build is of the same image build, isolation and runtime
// family.
func (v *Verdict) about(r *facts.Report, q *Question, c *Child) bool {
	return r.ImageBuild == c.Version.Build && r.HyperV == (v.Isolation == HyperV) &&
		(v.Runtime.Engine == NoEngine || r.Runtime == facts.AnyRuntime || r.Runtime == v.Runtime.Engine.family())
}

// Reports returns the reports of the same pair.
func (v *Verdict) Reports(f *facts.Facts, q *Question) []facts.Report {
	if v.Child < 0 {
		return nil
	}
	var list []facts.Report
	for _, r := range f.ReportsOf(q.Host.Version.Build) {
		if v.about(&r, q, &q.Image.Children[v.Child]) {
			list = append(list, r)
		}
	}
	return list
}
