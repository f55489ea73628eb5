package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// How much is read of a repository.
const (
	parallel = 8   // requests at once
	batch    = 32  // tags, before it is looked whether they serve
	maxRead  = 256 // tags, without --all
	maxAll   = 5000
)

// listing is what a registry's list of tags says, and what was read of it.
type listing struct {
	a      *app
	client *image.Client
	reader *image.TagReader
	ref    image.Reference
	all    bool

	named  []image.Choice         // tags that name a Windows
	silent []string               // tags that do not and were not read, the likeliest first
	limit  int                    // of those that may yet be read
	read   []image.Choice         // what those say that were
	images map[string]image.Image // what was read, by reference
	failed []error
}

// newListing sorts a list of tags: those that begin as the reference's does,
// where it has one.
func (a *app) newListing(client *image.Client, ref image.Reference, tags []string, all bool) *listing {
	l := &listing{a: a, client: client, reader: client.TagReader(ref), ref: ref, all: all, limit: maxRead, images: map[string]image.Image{}}
	if all {
		l.limit = maxAll
	}
	for _, t := range tags {
		if !strings.HasPrefix(t, ref.Tag) {
			continue
		}
		one := ref
		one.Tag, one.Raw = t, ref.Name()+":"+t
		m := image.FromName(one, a.facts)
		if c, ok := image.NameChoice(m, a.facts); ok {
			l.named = append(l.named, c)
		} else if len(m.Children) == 0 || m.Basis == image.BasisFacts {
			l.silent = append(l.silent, t)
		}
	}
	if !all && len(l.named) > 0 && image.KnownGrammar(ref) {
		l.silent = nil // what they hold is what the others name
	}
	slices.SortStableFunc(l.silent, newestTag)
	return l
}

// choices are those for a host: of the tags that name a Windows the families,
// the host's own revision and the newest of its build, or all; and what was read.
func (l *listing) choices(host winver.Version) []image.Choice {
	newest, own := winver.Version{}, winver.Version{}
	for _, c := range l.named {
		if v := c.Image.Children[0].Version; c.Pin == image.PinRevision && v.Build == host.Build {
			if winver.Compare(v, newest) > 0 {
				newest = v
			}
			if winver.Compare(v, host) <= 0 && winver.Compare(v, own) > 0 {
				own = v
			}
		}
	}
	var list []image.Choice
	for _, c := range l.named {
		if v := c.Image.Children[0].Version; l.all || c.Pin == image.PinFamily || v == newest || v == own {
			list = append(list, c)
		}
	}
	return append(list, l.read...)
}

// more reads the next tags whose names do not say which Windows is in them;
// false where none is left to read.
func (l *listing) more(ctx context.Context) bool {
	n := min(batch, l.limit, len(l.silent))
	if l.all {
		n = min(l.limit, len(l.silent))
	}
	if n == 0 {
		return false
	}
	for _, r := range l.reader.Read(ctx, l.silent[:n]) {
		if r.Err != nil {
			l.failed = append(l.failed, r.Err)
			continue
		}
		l.images[r.Image.Reference] = r.Image
		if slices.ContainsFunc(r.Image.Children, func(c image.Child) bool { return c.Windows() }) {
			l.read = append(l.read, image.Choice{Reference: r.Image.Reference, Pin: image.PinFamily, Image: r.Image})
		}
	}
	l.silent, l.limit = l.silent[n:], l.limit-n
	return true
}

// get returns what a tag holds today; false where it cannot be read.
func (l *listing) get(ctx context.Context, reference string) (image.Image, bool) {
	if m, ok := l.images[reference]; ok {
		return m, true
	}
	ref, err := image.Parse(reference)
	if err != nil {
		return image.Image{}, false
	}
	m, err := l.client.Get(ctx, ref)
	if err != nil || m.Basis != image.BasisRegistry {
		return m, false
	}
	l.images[reference] = m
	return m, true
}

// unread is how many tags may hold anything: those that were not read.
func (l *listing) unread() int { return len(l.silent) + len(l.failed) }

// warn says which tags could not be read.
func (l *listing) warn() {
	for i, err := range l.failed {
		if i == 3 {
			l.a.warn("%d more tags could not be read", len(l.failed)-i)
			return
		}
		l.a.warn("%v", err)
	}
}

// newestTag orders tags, the likeliest first: latest, then versions, the highest
// first, then words.
func newestTag(a, b string) int {
	rank := func(s string) int {
		switch s = strings.TrimPrefix(s, "v"); {
		case s == "latest":
			return 0
		case s != "" && s[0] >= '0' && s[0] <= '9':
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), natural(strings.TrimPrefix(b, "v"), strings.TrimPrefix(a, "v")))
}

// natural compares texts by the numbers in them: 1.10 is above 1.9, and as in
// semantic versions 1.0-rc1 below 1.0.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := number(a), number(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	if strings.HasPrefix(a, "-") || strings.HasPrefix(b, "-") {
		return cmp.Compare(len(b), len(a))
	}
	return cmp.Compare(len(a), len(b))
}

// number is how many digits a text begins with.
func number(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
