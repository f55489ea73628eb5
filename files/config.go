package files

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// Config is what a winmatch.yaml says:
//
//	hosts:                    # what the images are to run on
//	  - paths: ["deploy/**"]  # of these files; without paths of all
//	    hosts: [ws2022]
//	    isolation: hyperv     # where a file does not say
//	    runtime: docker@29.6
//	    pin: revision         # family, kb, revision or digest, the least that is wanted
//	  - hosts: [ws2019, ws2022]
//	pin: kb
//	rules:
//	  out-of-support: note    # off, note, warning, error; on for the rule's own
//	ignore: ["testdata/**"]   # files that are not looked at
//
// The first entry that fits a file holds. A pattern without a slash holds for
// names at any depth, others for paths from the folder of winmatch.yaml; ** stands
// for any number of folders.
type Config struct {
	entries []configEntry
	pin     image.Pin
	levels  map[string]Level
	ignore  []string
}

type configEntry struct {
	paths []string // none: every file
	Settings
}

// Settings are what holds for one file.
type Settings struct {
	Hosts     []winver.Host
	Isolation compat.Isolation
	Runtime   compat.Runtime
	Pin       image.Pin // the least that is wanted; "": any
}

// ParseConfig reads a winmatch.yaml. It is strict: the error, an *Error, names
// the first thing that is not understood.
func ParseConfig(name string, src []byte, f *facts.Facts) (*Config, error) {
	file, err := yamledit.Parse(src)
	var e *yamledit.Error
	if errors.As(err, &e) {
		return nil, &Error{File: name, Line: e.Line, Column: e.Column, Reason: e.Reason}
	}
	if err != nil {
		return nil, &Error{File: name, Reason: err.Error()}
	}
	r := configReader{in: &Input{Path: name, Src: src, Facts: f}}
	c := &Config{levels: map[string]Level{}}
	switch len(file.Docs) {
	case 0:
		return c, nil
	case 1:
	default:
		return nil, r.errorf(file.Docs[1], "a second document: want one")
	}
	err = r.entries(file.Docs[0], map[string]func(*yamledit.Node) error{
		"hosts":  func(n *yamledit.Node) error { return r.hosts(c, n) },
		"pin":    func(n *yamledit.Node) (err error) { c.pin, err = r.pin(n); return err },
		"rules":  func(n *yamledit.Node) error { return r.rules(c, n) },
		"ignore": func(n *yamledit.Node) (err error) { c.ignore, err = r.texts(n); return err },
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ConfigName is the name of the file that FindConfig looks for.
const ConfigName = "winmatch.yaml"

// FindConfig returns the winmatch.yaml of the repository that a folder is in:
// the nearest one from the folder up to the one with .git; "" where there is
// none. Outside of repositories only the folder itself counts.
func FindConfig(dir string) string {
	var above []string
	for d := dir; ; d = filepath.Dir(d) {
		above = append(above, d)
		if _, err := os.Stat(filepath.Join(d, ".git")); err == nil {
			break
		}
		if d == filepath.Dir(d) {
			above = above[:1]
			break
		}
	}
	for _, d := range above {
		if info, err := os.Stat(filepath.Join(d, ConfigName)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(d, ConfigName)
		}
	}
	return ""
}

type configReader struct{ in *Input }

func (r *configReader) errorf(n *yamledit.Node, format string, args ...any) error {
	return errorAt(r.in, n.Start, format, args...)
}

// entries reads a mapping that may have these keys, each once, and no others.
func (r *configReader) entries(n *yamledit.Node, keys map[string]func(*yamledit.Node) error) (err error) {
	var known []string
	for k := range keys {
		known = append(known, k)
	}
	slices.Sort(known)
	if n.Kind != yamledit.Mapping {
		return r.errorf(n, "want a mapping with %s", strings.Join(known, ", "))
	}
	seen := map[string]bool{}
	n.Entries(func(key, value *yamledit.Node) bool {
		read, ok := keys[key.Value]
		switch {
		case !ok:
			err = r.errorf(key, "unknown key %q (want %s)", key.Value, strings.Join(known, ", "))
		case seen[key.Value]:
			err = r.errorf(key, "a second %s", key.Value)
		default:
			err = read(value)
		}
		seen[key.Value] = true
		return err == nil
	})
	return err
}

// text reads one text.
func (r *configReader) text(n *yamledit.Node) (string, error) {
	if n.Kind != yamledit.Scalar || n.Value == "" || n.IsNull() {
		return "", r.errorf(n, "want a text")
	}
	return n.Value, nil
}

// texts reads a list of texts.
func (r *configReader) texts(n *yamledit.Node) ([]string, error) {
	if n.Kind != yamledit.Sequence {
		return nil, r.errorf(n, "want a list")
	}
	var list []string
	for _, item := range n.Items() {
		s, err := r.text(item)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (r *configReader) hosts(c *Config, n *yamledit.Node) error {
	if n.Kind != yamledit.Sequence {
		return r.errorf(n, "want a list of entries: - hosts: [ws2022]")
	}
	for _, item := range n.Items() {
		var e configEntry
		err := r.entries(item, map[string]func(*yamledit.Node) error{
			"paths": func(n *yamledit.Node) (err error) { e.paths, err = r.patterns(n); return err },
			"hosts": func(n *yamledit.Node) (err error) { e.Hosts, err = r.windows(n); return err },
			"pin":   func(n *yamledit.Node) (err error) { e.Pin, err = r.pin(n); return err },
			"isolation": func(n *yamledit.Node) error {
				i, ok := compat.ParseIsolation(n.Value)
				if !ok || i == compat.DefaultIsolation {
					return r.errorf(n, "unknown isolation %q (want process or hyperv)", n.Value)
				}
				e.Isolation = i
				return nil
			},
			"runtime": func(n *yamledit.Node) error {
				rt, err := compat.ParseRuntime(n.Value)
				if err != nil {
					return r.errorf(n, "%v", err)
				}
				e.Runtime = rt
				return nil
			},
		})
		if err != nil {
			return err
		}
		c.entries = append(c.entries, e)
	}
	return nil
}

// patterns reads a list of paths.
func (r *configReader) patterns(n *yamledit.Node) ([]string, error) {
	list, err := r.texts(n)
	if err != nil {
		return nil, err
	}
	for i, p := range list {
		if _, err := path.Match(p, ""); err != nil {
			return nil, r.errorf(n.Items()[i], "bad pattern %q", p)
		}
	}
	return list, nil
}

// windows reads a list of hosts, or of one list each.
func (r *configReader) windows(n *yamledit.Node) ([]winver.Host, error) {
	texts, err := r.texts(n)
	if err != nil {
		return nil, err
	}
	var list []winver.Host
	for i, t := range texts {
		h, err := winver.ParseHost(r.in.Facts, t)
		if err != nil {
			return nil, r.errorf(n.Items()[i], "%v", err)
		}
		list = append(list, h)
	}
	return list, nil
}

func (r *configReader) pin(n *yamledit.Node) (image.Pin, error) {
	p := image.Pin(n.Value)
	if !slices.Contains(pins[:], p) {
		return "", r.errorf(n, "unknown pin %q (want family, kb, revision or digest)", n.Value)
	}
	return p, nil
}

func (r *configReader) rules(c *Config, n *yamledit.Node) (err error) {
	if n.Kind != yamledit.Mapping {
		return r.errorf(n, "want a mapping of rules to off, note, warning, error or on")
	}
	n.Entries(func(key, value *yamledit.Node) bool {
		rule := RuleByID(key.Value)
		if rule == nil {
			err = r.errorf(key, "unknown rule %q", key.Value)
			return false
		}
		level, ok := ParseLevel(value.Value)
		if value.Value == "on" {
			if level, ok = rule.Level, true; level == Off {
				level = Note
			}
		}
		if !ok {
			err = r.errorf(value, "unknown level %q (want off, note, warning, error or on)", value.Value)
			return false
		}
		c.levels[rule.ID] = level
		return true
	})
	return err
}

// For returns what holds for a file, by its path from the folder of
// winmatch.yaml; ignored: it is not to be looked at. A nil Config says nothing.
func (c *Config) For(name string) (s Settings, ignored bool) {
	if c == nil {
		return s, false
	}
	for i := range c.entries {
		if e := &c.entries[i]; len(e.paths) == 0 || matchAny(e.paths, name) {
			s = e.Settings
			break
		}
	}
	if s.Pin == "" {
		s.Pin = c.pin
	}
	return s, matchAny(c.ignore, name)
}

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matchPath(p, name) })
}

// matchPath matches a path with a pattern, folder by folder. A pattern that ends
// with a slash, or that matches a folder, holds for all in it.
func matchPath(pattern, name string) bool {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/")
	if !strings.Contains(pattern, "/") {
		pattern = "**/" + pattern
	}
	return matchFolders(strings.Split(strings.TrimPrefix(pattern, "/"), "/"), strings.Split(name, "/"))
}

func matchFolders(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(name); i++ {
				if matchFolders(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return true // what is left of the name is in a folder that matched
}
