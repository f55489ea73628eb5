// Command gen writes image/observed.tsv, the recorded observations of images,
// from facts/source/image-tags.csv. Run it with go generate ./image.
package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
)

func main() {
	in, err := os.ReadFile("../facts/source/image-tags.csv")
	if err == nil {
		var out []byte
		if out, err = generate(in); err == nil {
			err = os.WriteFile("observed.tsv", out, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// row is one line of image-tags.csv that states a version.
type row struct {
	name, version, index, manifest, date, source, kind string
	literal                                            bool // the tag itself states the version
}

// generate returns lines sorted by their first field, fields separated by
// tabs:
//
//	sha256:HEX     m  B.R             DATE  SOURCE   a manifest
//	sha256:HEX     i  B.R[@HEX] …     DATE  SOURCE   an index, all its Windows children
//	sha256:HEX     p  B.R[@HEX] …     DATE  SOURCE   an index, perhaps not all of them
//	sha256:HEX     u  B.R             DATE  SOURCE   either
//	HOST/REPO:TAG  i  HEX             DATE  SOURCE   the newest record of a tag: its digest …
//	HOST/REPO:TAG  p  B.R[@HEX] …     DATE  SOURCE   … or, where that is not known, its children
//
// B.R is a version without the leading "10.0.", HEX a digest without the
// leading "sha256:". SOURCE is empty where nobody can open it.
func generate(in []byte) ([]byte, error) {
	records, err := csv.NewReader(bytes.NewReader(in)).ReadAll()
	if err != nil {
		return nil, err
	}
	col := map[string]int{}
	for i, name := range records[0] {
		col[name] = i
	}
	var rows []row
	for _, rec := range records[1:] {
		get := func(name string) string { return rec[col[name]] }
		switch get("os_version_basis") {
		case "manifest", "published-list", "tag-literal", "tag-kb":
		default:
			continue
		}
		v, ok := strings.CutPrefix(get("os_version"), "10.0.")
		if !ok {
			return nil, fmt.Errorf("%s:%s: os_version %q", get("repo"), get("tag"), get("os_version"))
		}
		host := map[string]string{"mcr": "mcr.microsoft.com/", "docker-library": "docker.io/library/", "docker-hub": "docker.io/"}[get("registry")]
		r := row{name: host + get("repo") + ":" + get("tag"), version: v,
			index: strings.TrimPrefix(get("index_digest"), "sha256:"), manifest: strings.TrimPrefix(get("manifest_digest"), "sha256:"),
			date: get("observed"), kind: get("source")}
		r.literal = get("os_version_basis") != "manifest"
		if r.date == "" {
			r.date = get("created")
		}
		r.source = sourceURL(get("source"), get("source_ref"))
		rows = append(rows, r)
	}

	lines := map[string]string{}
	put := func(key, rest string) error {
		if old, ok := lines[key]; ok && strings.SplitN(old, "\t", 3)[1] != strings.SplitN(rest, "\t", 3)[1] {
			return fmt.Errorf("%s: %q and %q", key, old, rest)
		}
		if _, ok := lines[key]; !ok {
			lines[key] = rest
		}
		return nil
	}
	// Groups: the children of one index, or of one tag on one day.
	type group struct {
		rows []row
	}
	groups := map[string]*group{}
	var order []string
	for _, r := range rows {
		if r.manifest != "" {
			if err := put("sha256:"+r.manifest, "m\t"+r.version+"\t"+r.date+"\t"+r.source); err != nil {
				return nil, err
			}
		}
		key := r.index
		if key == "" {
			key = r.name + " " + r.date
		}
		g := groups[key]
		if g == nil {
			g = &group{}
			groups[key] = g
			order = append(order, key)
		}
		g.rows = append(g.rows, r)
	}
	newest := map[string]row{}
	for _, key := range order {
		g := groups[key]
		var kids []string
		for _, r := range g.rows {
			kid := r.version
			if r.manifest != "" {
				kid += "@" + r.manifest
			}
			if !slices.Contains(kids, kid) && !slices.ContainsFunc(kids, func(k string) bool { return r.manifest == "" && strings.HasPrefix(k, kid+"@") }) {
				kids = append(kids, kid)
			}
		}
		first := g.rows[0]
		if first.index != "" {
			kind := "p" // excerpts (B) may have ended early
			switch first.kind {
			case "A":
				kind = "i"
			case "C":
				kind = "u"
			}
			if err := put("sha256:"+first.index, kind+"\t"+strings.Join(kids, " ")+"\t"+first.date+"\t"+first.source); err != nil {
				return nil, err
			}
		}
		for _, r := range g.rows {
			if r.literal {
				continue // FromName reads it off the tag
			}
			old, ok := newest[r.name]
			// A record without a date is ordered by its highest version.
			if !ok || newer(r, old) {
				newest[r.name] = r
			}
		}
	}
	for name, r := range newest {
		kind, what := "i", r.index
		if r.index == "" {
			kind = "p"
			var kids []string
			for _, c := range groups[r.name+" "+r.date].rows {
				kid := c.version
				if c.manifest != "" {
					kid += "@" + c.manifest
				}
				kids = append(kids, kid)
			}
			what = strings.Join(kids, " ")
		}
		if err := put(name, kind+"\t"+what+"\t"+r.date+"\t"+r.source); err != nil {
			return nil, err
		}
	}
	keys := make([]string, 0, len(lines))
	for k := range lines {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b bytes.Buffer
	for _, k := range keys {
		b.WriteString(k + "\t" + lines[k] + "\n")
	}
	return b.Bytes(), nil
}

// newer reports whether a is the later record of a tag. Where a day is
// missing, the later build and revision decide: a tag moves forward.
func newer(a, b row) bool {
	if a.date != "" && b.date != "" && a.date != b.date {
		return a.date > b.date
	}
	return number(a.version) > number(b.version)
}

func number(v string) uint64 {
	build, rev, _ := strings.Cut(v, ".")
	b, err1 := strconv.ParseUint(build, 10, 32)
	r, err2 := strconv.ParseUint(rev, 10, 32)
	if err1 != nil || err2 != nil {
		return 0
	}
	return b<<32 | r
}

// sourceURL returns where a record can be opened, "" where nobody can.
func sourceURL(key, ref string) string {
	path, commit, ok := strings.Cut(ref, "@")
	if !ok || strings.Contains(path, " ") {
		return ""
	}
	commit, _, _ = strings.Cut(commit, ";")
	repo := map[string]string{"A": "mariko011/centos", "C": "actions/runner-images", "E": "microsoft/nav-docker"}[key]
	if repo == "" {
		return ""
	}
	return "https://github.com/" + repo + "/blob/" + commit + "/" + path
}
