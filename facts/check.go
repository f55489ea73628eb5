package facts

import (
	"errors"
	"fmt"
	"slices"
)

// Check reports what is wrong with the facts: order, numbers, dates and
// references. The embedded facts and every overlay must pass.
func (f *Facts) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	builds := map[uint32]bool{}
	ids := map[string]bool{}
	for _, r := range f.Releases {
		switch {
		case r.ID == "" || r.Name == "" || r.Kind == 0:
			bad("release %q: id, name and kind are needed", r.ID)
		case ids[r.ID]:
			bad("release %s: stands there twice", r.ID)
		case r.Build == 0 && r.Kind != ServerInsider || r.Build > 65535:
			bad("release %s: bad build %d", r.ID, r.Build)
		}
		ids[r.ID] = true
		builds[r.Build] = true
		for _, d := range []Date{r.Available, r.MainstreamEnd, r.ExtendedEnd, r.HomeProEnd, r.EnterpriseEnd, r.LTSCEnd, r.LTSCIoTEnd, r.ESUEnd} {
			if !d.valid() {
				bad("release %s: bad date %d", r.ID, uint32(d))
			}
			if d != 0 && r.Available != 0 && d < r.Available {
				bad("release %s: ends on %s, before it began on %s", r.ID, d, r.Available)
			}
		}
		if r.ExtendedEnd != 0 && r.ExtendedEnd < r.MainstreamEnd {
			bad("release %s: extended support ends before mainstream support", r.ID)
		}
	}
	if !slices.Equal(f.builds, index(f.Releases)) {
		bad("the index of builds is not that of the releases")
	}
	for i, u := range f.Updates {
		name := fmt.Sprintf("update %d.%d", u.Build, u.Revision)
		if i > 0 {
			if p := f.Updates[i-1]; u.Build < p.Build || u.Build == p.Build && u.Revision <= p.Revision {
				bad("%s: not above the one before it, %d.%d", name, p.Build, p.Revision)
			}
		}
		if !builds[u.Build] {
			bad("%s: no release has this build", name)
		}
		if u.KB != 0 && (u.KB < 1000000 || u.KB > 9999999) {
			bad("%s: bad KB number %d (want seven digits)", name, u.KB)
		}
		if !u.Date.valid() {
			bad("%s: bad date %d", name, uint32(u.Date))
		}
		if u.Type > ImageOnly || u.Line > ImageLine || (u.Type == ImageOnly) != (u.Line == ImageLine) {
			bad("%s: bad type or line", name)
		}
		if u.Source == "" {
			bad("%s: no source", name)
		}
	}
	for i, t := range f.Tables {
		if t.From == 0 || t.Until != 0 && t.Until <= t.From || i > 0 && f.Tables[i-1].Until != t.From {
			bad("table %s: bad span %s to %s", t.Commit, t.From, t.Until)
		}
	}
	for i, r := range f.Reports {
		if i > 0 && r.HostBuild < f.Reports[i-1].HostBuild {
			bad("report %s: not in the order of host builds", r.ID)
		}
		if r.Source == "" || r.HostBuild == 0 || r.ImageBuild == 0 || r.Outcome > RefusedPull {
			bad("report %s: builds, outcome and source are needed", r.ID)
		}
	}
	for i, l := range f.Labels {
		switch {
		case l.Service == "" || l.Name == "" || l.Build == 0 || l.Source == "":
			bad("label %q: service, name, build and source are needed", l.Name)
		case i > 0 && f.Labels[i-1].Service == l.Service && f.Labels[i-1].Build < l.Build:
			bad("label %s of %s: a newer build than the one before it", l.Name, l.Service)
		case !l.Since.valid() || !l.Retired.valid():
			bad("label %s of %s: bad date", l.Name, l.Service)
		}
	}
	if !f.AsOf.valid() || f.AsOf == 0 {
		bad("bad date %d of the facts", uint32(f.AsOf))
	}
	return errors.Join(errs...)
}

// valid reports whether d is 0, a month or a day of the calendar.
func (d Date) valid() bool {
	if d == 0 {
		return true
	}
	y, m, day := d.Year(), d.Month(), d.Day()
	if y < 2015 || y > 2100 || m < 1 || m > 12 {
		return false
	}
	last := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
	if m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0) {
		last = 29
	}
	return day <= last
}

// Days returns the number of days from d to e, by the calendar.
func (d Date) Days(e Date) int { return e.serial() - d.serial() }

// serial counts days from an arbitrary day: the algorithm of the Julian day
// number.
func (d Date) serial() int {
	y, m, day := d.Year(), d.Month(), max(d.Day(), 1)
	a := (14 - m) / 12
	y, m = y+4800-a, m+12*a-3
	return day + (153*m+2)/5 + 365*y + y/4 - y/100 + y/400
}
