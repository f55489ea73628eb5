package swarm

import (
	"slices"
	"sync"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
)

// rulings are the core's verdicts on a Swarm's images and Windows, each asked for
// once: there are a thousand services and many nodes, but few kinds of either. They
// may be used at the same time.
type rulings struct {
	mu    sync.Mutex
	known map[rulingKey]*ruling
}

type rulingKey struct {
	facts     *facts.Facts
	image     *Image
	host      compat.Host
	isolation compat.Isolation
	runtime   compat.Runtime
	today     facts.Date
}

// ruling is a verdict with what the core says about it.
type ruling struct {
	question compat.Question
	verdict  compat.Verdict
	reason   string // the first ground; "" for none

	mu       sync.Mutex
	asked    bool // for remedies
	remedies []compat.Remedy
	others   map[string]bool // whether another tag of the image runs there
}

// rule asks the core whether an image runs on a node whose Windows is known.
func (s *State) rule(f *facts.Facts, v *Service, n *Node, m *Image, today facts.Date) *ruling {
	w := &n.Windows
	key := rulingKey{f, m, w.host(), v.Isolation, w.Runtime, today}
	if v.Isolation == compat.DefaultIsolation {
		key.isolation = w.Isolation
	}
	s.rulings.mu.Lock()
	defer s.rulings.mu.Unlock()
	r := s.rulings.known[key]
	if r == nil {
		r = &ruling{question: compat.Question{Host: key.host, Image: m.Image, Isolation: key.isolation, Runtime: key.runtime, Today: today}}
		r.verdict = compat.Decide(f, &r.question)
		if list := r.verdict.Reasons(f, &r.question); len(list) > 0 {
			r.reason = list[0].Text
		}
		if s.rulings.known == nil {
			s.rulings.known = map[rulingKey]*ruling{}
		}
		s.rulings.known[key] = r
	}
	return r
}

// against are the core's remedies where it does not say yes.
func (r *ruling) against(f *facts.Facts, m *Image) []compat.Remedy {
	if r.verdict.Answer == compat.Yes {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked {
		r.remedies, r.asked = r.verdict.Remedies(f, &r.question, m.Reference, r.candidates(m)), true
	}
	return r.remedies
}

// runs reports whether another tag of the image would run there instead.
func (r *ruling) runs(f *facts.Facts, ref string, m *Image) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	yes, ok := r.others[ref]
	if ok {
		return yes
	}
	list := r.candidates(m)
	if at := slices.IndexFunc(list, func(c compat.Candidate) bool { return c.Reference == ref }); at >= 0 {
		q, v := r.question, list[at].Version
		q.Image = compat.Image{Floor: list[at].Floor, Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: v.String(), Version: v}}}
		d := compat.Decide(f, &q)
		yes = d.Answer == compat.Yes
	}
	if r.others == nil {
		r.others = map[string]bool{}
	}
	r.others[ref] = yes
	return yes
}

func (r *ruling) candidates(m *Image) []compat.Candidate {
	if m.Candidates == nil {
		return nil
	}
	return m.Candidates(r.question.Host.Version)
}
