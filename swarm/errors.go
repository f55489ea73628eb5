package swarm

import (
	"strings"
	"sync"

	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
)

// reader reads the errors of tasks. Those of a large Swarm are a few texts that
// differ in the ids of containers and layers: each is read once, with stand-ins for
// the ids, which are put back. A reader may be used at the same time.
type reader struct {
	mu    sync.Mutex
	known map[string]general
}

// general is what an error means whatever its ids are.
type general struct {
	diagnoses []diagnose.Diagnosis
	cut       bool // a part of an id is in there: nothing can be put back
}

// maxGeneral bounds the texts that are kept, in bytes.
const maxGeneral = 4 << 10

// read is what the core reads out of an error. The answer must not be changed.
func (r *reader) read(text string, f *facts.Facts) []diagnose.Diagnosis {
	plain, ids := withoutIDs(text)
	if plain == "" {
		return diagnose.Text(text, f).Diagnoses
	}
	r.mu.Lock()
	g, ok := r.known[plain]
	r.mu.Unlock()
	if !ok {
		g.diagnoses = diagnose.Text(plain, f).Diagnoses
		for i := range g.diagnoses {
			for _, s := range texts(&g.diagnoses[i]) {
				g.cut = g.cut || cutsStandIn(*s, len(ids))
			}
		}
		r.mu.Lock()
		if r.known == nil {
			r.known = map[string]general{}
		}
		r.known[plain] = g
		r.mu.Unlock()
	}
	switch {
	case len(ids) == 0:
		return g.diagnoses
	case g.cut:
		return diagnose.Text(text, f).Diagnoses
	}
	out := make([]diagnose.Diagnosis, len(g.diagnoses))
	for i, d := range g.diagnoses {
		d.Evidence = append([]string(nil), d.Evidence...)
		for _, s := range texts(&d) {
			*s = withIDs(*s, ids)
		}
		out[i] = d
	}
	return out
}

// texts are what a diagnosis takes out of its text.
func texts(d *diagnose.Diagnosis) []*string {
	out := []*string{&d.Container, &d.Pod, &d.Namespace, &d.Service, &d.Node, &d.Image, &d.Digest}
	for i := range d.Evidence {
		out = append(out, &d.Evidence[i])
	}
	return out
}

// A stand-in is an id too, with its number. What it begins and ends with is rare at
// an end of a text.
const (
	idLength    = 64
	standInHead = "9dfadefadefadefadefadefadefadefadefadefadefadefadefadefadefad"
	standInTail = "7"
	maxIDs      = 256
)

func standIn(n int) string {
	const hex = "0123456789abcdef"
	return standInHead + hex[n>>4:n>>4+1] + hex[n&15:n&15+1] + standInTail
}

// withoutIDs replaces the ids of a text, which are whole words of 64 hex digits, by
// stand-ins; "" where that cannot be done, or is not worth it.
func withoutIDs(text string) (plain string, ids []string) {
	if len(text) > maxGeneral || strings.Contains(text, standInHead[:16]) {
		return "", nil
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); {
		j, hex := i, true
		for ; j < len(text) && isWord(text[j]); j++ {
			hex = hex && (text[j] <= '9' || text[j] >= 'a' && text[j] <= 'f')
		}
		if j-i == idLength && hex {
			n := 0
			for n < len(ids) && ids[n] != text[i:j] {
				n++
			}
			if n == len(ids) {
				ids = append(ids, text[i:j])
			}
			b.WriteString(text[done:i])
			b.WriteString(standIn(n))
			done = j
		}
		i = j + 1
	}
	switch {
	case len(ids) == 0:
		return text, nil
	case len(ids) > maxIDs:
		return "", nil
	}
	b.WriteString(text[done:])
	return b.String(), ids
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_'
}

// withIDs puts ids back.
func withIDs(text string, ids []string) string {
	if !strings.Contains(text, standInHead[:16]) {
		return text
	}
	for n, id := range ids {
		text = strings.ReplaceAll(text, standIn(n), id)
	}
	return text
}

// cutsStandIn reports whether a part of a stand-in is at an end of a text, or may
// be: evidence is shortened there.
func cutsStandIn(text string, ids int) bool {
	text = strings.TrimSuffix(text, "…")
	for n := range ids {
		one := standIn(n)
		for i := 1; i < idLength; i++ {
			if strings.HasSuffix(text, one[:i]) || strings.HasPrefix(text, one[i:]) {
				return true
			}
		}
	}
	return false
}
