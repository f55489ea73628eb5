package image

import (
	"sort"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Ranked is a choice and what the core says of it on a host.
type Ranked struct {
	Choice
	Answer      compat.Answer
	Reason      string         // why, in words
	Version     winver.Version // of the child that the host takes; invalid where it takes none
	SupportEnds facts.Date     // of that Windows, 0 where not known
}

// Judge puts a choice to the core, on the host of the question.
func Judge(f *facts.Facts, q compat.Question, c Choice) Ranked {
	q.Image = c.Image.Asked()
	v := compat.Decide(f, &q)
	r := Ranked{Choice: c, Answer: v.Answer}
	if list := v.Reasons(f, &q); len(list) > 0 {
		r.Reason = list[0].Text
	}
	if v.Child < 0 {
		return r
	}
	r.Version = c.Image.Children[v.Child].Version
	if rel := winver.ReleaseOf(f, r.Version.Build, winver.Server); rel != nil {
		r.SupportEnds = winver.EndOfSupport(rel)
		if ref, err := Parse(c.Reference); err == nil {
			if k, repo, _ := classify(&ref); k == baseRepo {
				if end := imagesEnd(rel, repo); end != 0 { // Nano Server of 2016 ended before Windows Server 2016
					r.SupportEnds = end
				}
			}
		}
	}
	if rev, ok := r.Version.Revision(); ok {
		if u := f.Update(r.Version.Build, rev); u != nil {
			r.Released = u.Date
			if u.KB != 0 {
				r.KB = u.KB
			}
		}
	}
	return r
}

// Rank puts choices to the core, on the host of the question, the best first.
func Rank(f *facts.Facts, q compat.Question, choices []Choice) []Ranked {
	list := make([]Ranked, 0, len(choices))
	for _, c := range choices {
		list = append(list, Judge(f, q, c))
	}
	SortRanked(list, &q)
	return list
}

// SortRanked sorts choices for the host of a question, the best first: one that
// runs before one that may; in support before not; of the host's own build
// before an older one; the family, which gets the monthly updates, before a pin;
// the newer revision first, but of tags that both move the newer tag.
func SortRanked(list []Ranked, q *compat.Question) {
	sort.SliceStable(list, func(i, j int) bool { return better(&list[i], &list[j], q.Host.Version.Build, q.Today) })
}

func better(a, b *Ranked, build uint32, today facts.Date) bool {
	rank := [...]int{compat.Yes: 0, compat.Risky: 1, compat.Unknown: 2, compat.No: 3}
	ended := func(c *Ranked) bool { return c.SupportEnds != 0 && c.SupportEnds < today }
	aRev, aKnown := a.Version.Revision()
	bRev, bKnown := b.Version.Revision()
	switch {
	case a.Answer != b.Answer:
		return rank[a.Answer] < rank[b.Answer]
	case ended(a) != ended(b):
		return ended(b)
	case (a.Version.Build == build) != (b.Version.Build == build):
		return a.Version.Build == build
	case a.Version.Build != b.Version.Build:
		return a.Version.Build > b.Version.Build
	case a.Floats() != b.Floats():
		return a.Floats()
	case !a.Floats() && aKnown && bKnown && aRev != bRev:
		return aRev > bRev
	case a.Pin != b.Pin:
		return a.Pin == PinRevision
	}
	// ltsc2019 and 1809 are the same: the first says more.
	return strings.Contains(a.Reference, "ltsc") && !strings.Contains(b.Reference, "ltsc")
}

// Floats reports whether the reference moves with every Patch Tuesday.
func (c *Choice) Floats() bool { return c.Pin == PinFamily }

// Recommended is the first of a sorted list that may be used, "" where there is
// none. A digest that was read is recommended by its tag.
func Recommended(list []Ranked) string {
	for i := range list {
		if c := &list[i]; c.Pin != PinDigest && (c.Answer == compat.Yes || c.Answer == compat.Risky) {
			return c.Reference
		}
	}
	return ""
}

// Common is the best choice that runs on each of several hosts, "" where none
// does. Each list is of one host, sorted.
func Common(lists [][]Ranked) string {
	answer := func(list []Ranked, ref string) compat.Answer {
		for i := range list {
			if list[i].Reference == ref {
				return list[i].Answer
			}
		}
		return compat.Unknown
	}
	for _, list := range lists {
		for i := range list {
			all := true
			for _, other := range lists {
				all = all && answer(other, list[i].Reference) == compat.Yes
			}
			if all {
				return list[i].Reference
			}
		}
	}
	return ""
}
