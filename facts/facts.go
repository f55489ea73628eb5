// Package facts is what is known: Windows releases, their updates, what
// Microsoft's documentation says and has said, what people reported, and where
// each of these comes from.
//
// The data stands in the folder source, a file a subject, each row with its
// source; source/SOURCES.md explains the keys and lists the known holes. The
// generator in the folder gen turns it into static data (zfacts.go), so that
// loading costs nothing. A user can lay newer facts over it: see Overlay.
package facts

//go:generate sh -c "cd gen && go run ."

import (
	"sort"
	"strings"
)

// Embedded returns the facts built into the program. They are shared: callers
// must not change them.
func Embedded() *Facts { return &embedded }

// StaleAfterDays is the age from which the facts are called old: two Patch
// Tuesdays have passed since.
const StaleAfterDays = 60

// Server returns the server release of a build, the long-term one where there
// are two; nil where there is none.
func (f *Facts) Server(build uint32) *Release {
	if b := f.find(build); b != nil && b.server >= 0 {
		return &f.Releases[b.server]
	}
	return nil
}

// Client returns the client release of a build, nil where there is none.
func (f *Facts) Client(build uint32) *Release {
	if b := f.find(build); b != nil && b.client >= 0 {
		return &f.Releases[b.client]
	}
	return nil
}

func (f *Facts) find(build uint32) *buildIndex {
	lo, hi := 0, len(f.builds)
	for lo < hi {
		mid := (lo + hi) / 2
		if f.builds[mid].build < build {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(f.builds) && f.builds[lo].build == build {
		return &f.builds[lo]
	}
	return nil
}

// index returns where the releases of each build stand.
func index(releases []Release) []buildIndex {
	var list []buildIndex
	for i := range releases {
		r := &releases[i]
		if r.Build == 0 {
			continue
		}
		n := 0
		for n < len(list) && list[n].build != r.Build {
			n++
		}
		if n == len(list) {
			list = append(list, buildIndex{r.Build, -1, -1})
		}
		switch b := &list[n]; {
		case r.Kind == Client:
			b.client = int16(i)
		case b.server < 0:
			b.server = int16(i)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].build < list[j].build })
	return list
}

// UpdatesOf returns the updates of a build, oldest revision first.
func (f *Facts) UpdatesOf(build uint32) []Update {
	lo := sort.Search(len(f.Updates), func(i int) bool { return f.Updates[i].Build >= build })
	hi := lo
	for hi < len(f.Updates) && f.Updates[hi].Build == build {
		hi++
	}
	return f.Updates[lo:hi]
}

// Update returns what is known of one revision of a build, nil where nothing is.
func (f *Facts) Update(build, revision uint32) *Update {
	list := f.UpdatesOf(build)
	i := sort.Search(len(list), func(i int) bool { return list[i].Revision >= revision })
	if i < len(list) && list[i].Revision == revision {
		return &list[i]
	}
	return nil
}

// ByKB returns the updates with a KB number, by build and revision. One KB
// often covers several builds, and now and then two revisions of one build;
// doubtful ones are left out.
func (f *Facts) ByKB(kb uint32) []Update {
	var list []Update
	for _, u := range f.Updates {
		if u.KB == kb && kb != 0 && !u.Doubtful() {
			list = append(list, u)
		}
	}
	return list
}

// ReportsOf returns the reports of hosts of a build.
func (f *Facts) ReportsOf(host uint32) []Report {
	lo := sort.Search(len(f.Reports), func(i int) bool { return f.Reports[i].HostBuild >= host })
	hi := lo
	for hi < len(f.Reports) && f.Reports[hi].HostBuild == host {
		hi++
	}
	return f.Reports[lo:hi]
}

// Label returns what a CI service's label means, in any case of its letters;
// nil where it is none of the service's own.
func (f *Facts) Label(service, name string) *Label {
	for i := range f.Labels {
		if l := &f.Labels[i]; l.Service == service && strings.EqualFold(l.Name, name) {
			return l
		}
	}
	return nil
}

// Runner returns the newest version that runners of a build were seen with, nil
// where none was.
func (f *Facts) Runner(build uint32) *Runner {
	for i := range f.Runners {
		if f.Runners[i].Build == build {
			return &f.Runners[i]
		}
	}
	return nil
}

// Baseline returns the February 2020 boundary of a build, nil where it has none.
func (f *Facts) Baseline(build uint32) *Baseline {
	for i := range f.Baselines {
		if f.Baselines[i].Build == build {
			return &f.Baselines[i]
		}
	}
	return nil
}

// Table returns the documentation's table as it stood on a day (0: today),
// nil for a day before the first one.
func (f *Facts) Table(on Date) *Table {
	for i := len(f.Tables) - 1; i >= 0; i-- {
		if on == 0 || f.Tables[i].From <= on {
			return &f.Tables[i]
		}
	}
	return nil
}
