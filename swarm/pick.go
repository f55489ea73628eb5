package swarm

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// picker reads a few members out of JSON, in one pass and without reflection: of
// 10,000 tasks it is most of the time that is ours. It accepts what encoding/json
// does; anything that is not plain it leaves to that (see stream): what it has
// read of a value then does not count.
type picker struct {
	b     []byte
	i     int
	depth int
	fault fault
	seen  map[string]string // strings that come again and again
}

type fault uint8

const (
	fine  fault = iota
	short       // b ends within the value
	odd         // encoding/json is to say what it is
)

// maxNested bounds what is read here.
const maxNested = 64

func (p *picker) fail(f fault) {
	if p.fault == fine {
		p.fault = f
	}
}

// next is the next byte that is not white space, 0 after a fault.
func (p *picker) next() byte {
	for p.fault == fine {
		if p.i == len(p.b) {
			p.fail(short)
			break
		}
		switch c := p.b[p.i]; c {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return c
		}
	}
	return 0
}

// take reads one byte that must be there.
func (p *picker) take(want byte) {
	switch c := p.next(); {
	case p.fault != fine:
	case c != want:
		p.fail(odd)
	default:
		p.i++
	}
}

// members calls f with the name of each member of an object; f reads its value. Null
// has none.
func (p *picker) members(f func(name []byte)) {
	if p.next() == 'n' {
		p.skip()
		return
	}
	p.list('{', '}', func() {
		name := p.quoted()
		if bytes.IndexByte(name, '\\') >= 0 {
			p.fail(odd)
		}
		if p.take(':'); p.fault == fine {
			f(name[1 : len(name)-1])
		}
	})
}

// list calls f for each element of an object or an array.
func (p *picker) list(open, end byte, f func()) {
	if p.take(open); p.depth == maxNested {
		p.fail(odd)
	}
	p.depth++
	if p.next() == end {
		p.i++
	} else {
		for p.fault == fine {
			if f(); p.next() == end {
				p.i++
				break
			}
			p.take(',')
		}
	}
	p.depth--
}

// quoted reads a string with its quotes. After a fault it is two quotes.
func (p *picker) quoted() []byte {
	p.take('"')
	start := p.i - 1
	for i := p.i; p.fault == fine; i++ {
		if i >= len(p.b) {
			p.fail(short)
			break
		}
		switch c := p.b[i]; {
		case c == '"':
			p.i = i + 1
			return p.b[start:p.i]
		case c == '\\':
			i++ // what follows it is read by encoding/json where it matters
			if i < len(p.b) && strings.IndexByte(`"\/bfnrtu`, p.b[i]) < 0 {
				p.fail(odd)
			}
		case c < ' ':
			p.fail(odd)
		}
	}
	return []byte(`""`)
}

// text reads a string; null leaves it as it is.
func (p *picker) text(out *string) {
	if p.next() == 'n' {
		p.skip()
		return
	}
	q := p.quoted()
	for _, c := range q {
		if c == '\\' || c >= 0x80 {
			if p.fault == fine && json.Unmarshal(q, out) != nil {
				p.fail(odd)
			}
			return
		}
	}
	*out = string(q[1 : len(q)-1])
}

// word is text for strings of which there are few.
func (p *picker) word(out *string) {
	if p.next() == 'n' {
		p.skip()
		return
	}
	q := p.quoted()
	w, ok := p.seen[string(q)]
	if !ok {
		if p.fault == fine && json.Unmarshal(q, &w) != nil {
			p.fail(odd)
		}
		if p.seen == nil || len(p.seen) > 1<<16 {
			p.seen = map[string]string{}
		}
		p.seen[string(q)] = w
	}
	*out = w
}

// value reads any value and returns its text.
func (p *picker) value() []byte {
	p.next()
	start := p.i
	p.skip()
	return p.b[start:p.i]
}

// skip reads any value.
func (p *picker) skip() {
	switch c := p.next(); c {
	case '{':
		p.members(func([]byte) { p.skip() })
	case '[':
		p.list('[', ']', p.skip)
	case '"':
		// A \u wants four digits.
		if q := p.quoted(); bytes.Contains(q, []byte(`\u`)) && !json.Valid(q) {
			p.fail(odd)
		}
	default:
		start := p.i
		for p.fault == fine {
			if p.i == len(p.b) {
				p.fail(short)
				break
			}
			if c := p.b[p.i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '+' && c != '.' {
				break
			}
			p.i++
		}
		switch lit := p.b[start:p.i]; {
		case p.fault != fine:
		case len(lit) > 0 && len(lit) < 19 && lit[0] >= '1' && lit[0] <= '9' && len(bytes.Trim(lit, "0123456789")) == 0:
		case !json.Valid(lit):
			p.fail(odd)
		}
	}
}

// picked is entries for tasks.
func picked(in *bounded, each func(*wireTask)) error {
	p := picker{b: make([]byte, 0, 256<<10)}
	var entry, zero wireTask
	begun, start := false, 0 // start: of what is read in one go
	for {
		p.i, p.depth, p.fault, entry = start, 0, fine, zero
		end := false
		if !begun {
			if p.take('['); p.next() == ']' {
				end = true
			}
		} else if c := p.next(); c == ']' {
			end = true
		} else {
			p.take(',')
		}
		if p.next(); !end {
			entry.pick(&p)
		}
		switch p.fault {
		case fine:
			if end {
				return nil
			}
			each(&entry)
			begun, start, in.n = true, p.i, 0
		case odd:
			return remaining(in, p.b[start:], begun, each)
		case short:
			n := copy(p.b, p.b[start:])
			if p.b, start = p.b[:n], 0; n == cap(p.b) {
				p.b = append(make([]byte, 0, 2*n), p.b...)
			}
			n, err := in.Read(p.b[len(p.b):cap(p.b)])
			p.b = p.b[:len(p.b)+n]
			if n == 0 && err != nil {
				return remaining(in, p.b, begun, each)
			}
		}
	}
}

// remaining reads the rest of a list with encoding/json.
func remaining(in *bounded, rest []byte, begun bool, each func(*wireTask)) error {
	head := ""
	if begun {
		head = "[null" // stands for what was read
	}
	return entries(&bounded{r: io.MultiReader(strings.NewReader(head), bytes.NewReader(rest), in.r)}, func(w *wireTask) {
		if !begun {
			each(w)
		}
		begun = false
	})
}

// pick reads a task.
func (w *wireTask) pick(p *picker) {
	p.members(func(name []byte) {
		switch string(name) {
		case "ID":
			p.text(&w.ID)
		case "ServiceID":
			p.word(&w.ServiceID)
		case "NodeID":
			p.word(&w.NodeID)
		case "DesiredState":
			p.word(&w.DesiredState)
		case "Status":
			p.members(func(name []byte) {
				switch string(name) {
				case "Timestamp":
					if raw := p.value(); p.fault == fine && w.Status.Timestamp.UnmarshalJSON(raw) != nil {
						p.fail(odd)
					}
				case "State":
					p.word(&w.Status.State)
				case "Err":
					p.text(&w.Status.Err)
				default:
					p.other(name, "Timestamp", "State", "Err")
				}
			})
		case "Spec":
			p.members(func(name []byte) {
				switch string(name) {
				case "ContainerSpec":
					p.members(func(name []byte) {
						if string(name) == "Image" {
							p.word(&w.Spec.ContainerSpec.Image)
						} else {
							p.other(name, "Image")
						}
					})
				case "Resources":
					if raw := p.value(); p.fault == fine && json.Unmarshal(raw, &w.Spec.Resources) != nil {
						p.fail(odd)
					}
				default:
					p.other(name, "ContainerSpec", "Resources")
				}
			})
		default:
			p.other(name, "ID", "ServiceID", "NodeID", "DesiredState", "Status", "Spec")
		}
	})
}

// other skips a member that is none of some. One whose name differs from theirs in
// upper and lower case only is for encoding/json, which does not mind.
func (p *picker) other(name []byte, known ...string) {
	for _, c := range name {
		if c >= 0x80 {
			p.fail(odd) // it knows two letters that fold to ASCII
		}
	}
	for _, k := range known {
		if len(name) == len(k) && strings.EqualFold(string(name), k) {
			p.fail(odd)
		}
	}
	p.skip()
}
