package image

//go:generate go run ./gen

import (
	_ "embed"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// observed is the file of records, sorted by key. It stays the text it is: a
// look-up is a binary search in it, and a program that starts does nothing.
// gen/main.go explains the fields.
//
//go:embed observed.tsv
var observed string

// record is one line of observed.
type record struct {
	kind   byte
	what   string
	date   facts.Date
	source string
}

// lookup finds the record of a key.
func lookup(key string) (record, bool) {
	lo, hi := 0, len(observed) // offsets of line starts, but for hi = len
	for lo < hi {
		mid := lo + (hi-lo)/2
		start := strings.LastIndexByte(observed[:mid], '\n') + 1
		if start < lo {
			start = lo
		}
		end := strings.IndexByte(observed[start:], '\n') + start
		k, rest, _ := strings.Cut(observed[start:end], "\t")
		switch {
		case k == key:
			var r record
			f, rest, _ := strings.Cut(rest, "\t")
			r.kind = f[0]
			r.what, rest, _ = strings.Cut(rest, "\t")
			f, r.source, _ = strings.Cut(strings.TrimSuffix(rest, "\r"), "\t") // a checkout may end lines so
			r.date = facts.ParseDate(f)
			return r, true
		case k < key:
			lo = end + 1
		default:
			hi = start
		}
	}
	return record{}, false
}

// recordOfDigest fills m with the record of a digest: certain, since what a
// digest names cannot change. It reports whether there is one.
func recordOfDigest(m *Image, digest string) bool {
	r, ok := lookup(digest)
	if !ok {
		return false
	}
	fill(m, r)
	return true
}

// recordOfTag fills m with the newest record of a tag, if there is one.
func recordOfTag(m *Image, ref *Reference) {
	r, ok := lookup(ref.Name() + ":" + ref.Tag)
	if !ok {
		return
	}
	day := r.date.String()
	if day == "" {
		day = "an unknown day"
	}
	date, source := r.date, r.source
	if r.kind == 'i' {
		digest := "sha256:" + r.what
		if r, ok = lookup(digest); !ok {
			return
		}
		m.Digest = digest
	}
	fill(m, r)
	m.Observed, m.Source = date, source
	m.find(FindingRecorded, "recorded on ", day, ": the tag may have moved since")
}

func fill(m *Image, r record) {
	m.Basis, m.Observed, m.Source = BasisFacts, r.date, r.source
	m.Floating, m.AtLeast = false, winver.Version{}
	m.Children = nil
	switch r.kind {
	case 'm':
		m.Index = No
	case 'i':
		m.Index = Yes
	case 'p':
		m.Index = Yes
		m.find(FindingPartial, "the record may lack further children of the index")
	default:
		m.Index = Unknown
	}
	for kid := range strings.SplitSeq(r.what, " ") {
		v, digest, _ := strings.Cut(kid, "@")
		version, err := winver.Parse("10.0." + v)
		if err != nil {
			continue
		}
		m.add("amd64", version)
		c := &m.Children[len(m.Children)-1]
		if digest != "" {
			c.Digest = "sha256:" + digest
		} else if r.kind == 'm' {
			c.Digest = m.Digest
		}
	}
}
