package files

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/winmatch/winmatch/image"
)

// names are the images that were looked at, by reference: the same ones stand in
// many files.
type names struct {
	mu sync.Mutex
	m  map[string]*image.Image
}

// maxNames is how many images are kept.
const maxNames = 4096

// look is what an image holds; an image without children where a text is no
// reference. It must not be changed.
func (s *Scanner) look(reference string) *image.Image {
	s.names.mu.Lock()
	m := s.names.m[reference]
	s.names.mu.Unlock()
	if m != nil {
		return m
	}
	m = &image.Image{Reference: reference}
	if ref, err := image.Parse(reference); err == nil && ref.Kind == image.Registry {
		if s.Look != nil {
			*m = s.Look(ref)
		} else {
			*m = image.FromName(ref, s.Facts)
		}
	}
	s.names.mu.Lock()
	defer s.names.mu.Unlock()
	if s.names.m == nil || len(s.names.m) >= maxNames {
		s.names.m = map[string]*image.Image{}
	}
	s.names.m[reference] = m
	return m
}

// Bounds of what registries are asked.
const (
	maxAsked   = 8               // references at a time
	maxAskings = 500             // references in all
	askTime    = 2 * time.Minute // all together
	hostFails  = 2               // failures after which a registry is left alone
)

// Asker asks registries what is in images. What one does not say is what the
// name says, with a note why: never an error.
type Asker struct {
	client *image.Client
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	asked  map[string]*answer
	failed map[string]int // by host
	notes  []string
}

type answer struct {
	done chan struct{}
	image.Image
}

// Ask returns an asker; each reference is asked for once. Close ends it.
func Ask(ctx context.Context, client *image.Client) *Asker {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	return &Asker{client: client, ctx: ctx, cancel: cancel, asked: map[string]*answer{}, failed: map[string]int{}}
}

// Close ends what is still being asked.
func (a *Asker) Close() { a.cancel() }

// Notes say what was not asked or not answered.
func (a *Asker) Notes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.notes
}

// Look is a Scanner's Look. A name that states all that matters, one that is of
// no Windows, or that a registry is known not to have, is not asked for.
func (a *Asker) Look(ref image.Reference) image.Image {
	named := image.FromName(ref, a.client.Facts)
	if ref.Digest == "" && (named.Has(image.FindingNotFound) || named.Has(image.FindingNotWindows) || named.Has(image.FindingHub) || named.Has(image.FindingRetired) || exact(&named)) {
		return named
	}
	key := ref.String()
	a.mu.Lock()
	r, ok := a.asked[key]
	if ok {
		a.mu.Unlock()
		<-r.done
		m := r.Image
		m.Reference = named.Reference // as it is written here
		return m
	}
	r = &answer{done: make(chan struct{}), Image: named}
	a.asked[key] = r
	n := len(a.asked)
	skip := a.failed[ref.Host] >= hostFails
	if n == maxAskings+1 {
		a.notes = append(a.notes, fmt.Sprintf("registries were asked for %d images: of the others only the names were read", maxAskings))
	}
	a.mu.Unlock()
	defer close(r.done)
	if skip || n > maxAskings {
		return named
	}
	m, err := a.client.Get(a.ctx, ref)
	var e *image.Error
	switch {
	case err == nil && !m.Has(image.FindingUnreachable):
		r.Image = m
	case errors.As(err, &e) && e.Code == image.CodeNotFound:
		// It may be pushed later, so it is no error.
		r.Image.Children = nil
		r.Findings = []image.Finding{{Code: image.FindingUnconfirmed, Text: "the registry has no " + ref.String()}}
	default:
		a.note(ref, &m, err)
	}
	return r.Image
}

// exact reports whether a name says all: a version with its revision.
func exact(m *image.Image) bool {
	if len(m.Children) != 1 {
		return false
	}
	_, ok := m.Children[0].Version.Revision()
	return ok && !m.Floating
}

// note says why a registry did not tell. One that does not answer is named once,
// and left alone.
func (a *Asker) note(ref image.Reference, m *image.Image, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := ""
	var e *image.Error
	switch {
	case a.ctx.Err() != nil:
		if a.failed[""] == 0 {
			a.notes = append(a.notes, fmt.Sprintf("asking registries was given up after %s: of the other images only the names were read", askTime))
		}
		a.failed[""]++
		return
	case errors.As(err, &e):
		text = e.Error()
	case err != nil:
		text = err.Error()
	default:
		for _, f := range m.Findings {
			if f.Code == image.FindingUnreachable {
				text = f.Text
			}
		}
	}
	if e == nil || e.Code == image.CodeUnreachable {
		a.failed[ref.Host]++
		if a.failed[ref.Host] == hostFails {
			text += "; " + ref.Host + " is not asked again"
		}
	}
	if !strings.HasPrefix(text, ref.String()) {
		text = ref.String() + ": " + text
	}
	a.notes = append(a.notes, text)
}
