package image

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Bounds on a registry's list of tags.
const (
	MaxTags     = 100_000
	maxTagPages = 1_000
	tagsPage    = 1_000   // tags that are asked for at once
	maxTagPage  = 4 << 20 // bytes of one page
)

const listOfTags = "list of tags"

// Tags lists the tags of a reference's repository, in the registry's order. A
// list that never ends is refused. Errors are *Error.
func (c *Client) Tags(ctx context.Context, ref Reference) ([]string, error) {
	if ref.Kind != Registry {
		return nil, &Error{Code: CodeReference, Text: strconv.Quote(ref.String()) + " is no repository"}
	}
	within, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	repo := c.repository(ref)
	tags, err := repo.tags(within)
	if err != nil {
		return nil, repo.about(Reference{Host: ref.Host, Repository: ref.Repository}, err)
	}
	return tags, nil
}

func (r *repository) tags(ctx context.Context) ([]string, error) {
	var all []string
	seen, listed := map[string]bool{}, map[string]bool{}
	total := 0
	path := "/tags/list?n=" + strconv.Itoa(tagsPage)
	for range maxTagPages {
		if seen[path] {
			return nil, &Error{Code: CodeRefused, Text: "the list of tags leads back to a page of it"}
		}
		seen[path] = true
		body, header, err := r.get(ctx, path, "application/json", maxTagPage, listOfTags)
		if err != nil {
			return nil, err
		}
		var page struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, &Error{Code: CodeManifest, Text: "the list of tags is not JSON", Err: jsonError(err, len(body))}
		}
		before := len(listed)
		total += len(page.Tags)
		for _, t := range page.Tags {
			if listed[t] {
				continue
			}
			listed[t] = true
			if checkTag(t, 0) == "" { // else no client could pull it
				all = append(all, t)
			}
		}
		if total > MaxTags {
			return nil, &Error{Code: CodeRefused, Text: "the repository has more than " + strconv.Itoa(MaxTags) + " tags"}
		}
		next, err := nextPage(header.Values("Link"), r.name)
		if n := len(page.Tags); err == nil && next == "" && n >= tagsPage && len(listed) > before {
			// A full page and no word of another: some registries cut the list
			// off there (go-containerregistry's). The next page is asked for.
			next = "/tags/list?n=" + strconv.Itoa(tagsPage) + "&last=" + url.QueryEscape(page.Tags[n-1])
		}
		if err != nil || next == "" {
			return all, err
		}
		path = next
	}
	return nil, &Error{Code: CodeRefused, Text: "the list of tags has more than " + strconv.Itoa(maxTagPages) + " pages"}
}

// nextPage reads where a page's Link header leads, as a path below the
// repository; "" for nowhere. A link to anything but the same list is refused.
// Source: OCI distribution specification, "Listing Tags"; RFC 8288.
func nextPage(links []string, name string) (string, error) {
	for _, link := range links {
		for part := range strings.SplitSeq(link, ",") {
			target, params, _ := strings.Cut(part, ";")
			if !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
				continue
			}
			target = strings.TrimSpace(target)
			u, err := url.Parse(strings.TrimSuffix(strings.TrimPrefix(target, "<"), ">"))
			if err != nil {
				return "", &Error{Code: CodeManifest, Text: "the list of tags has a broken link to its next page"}
			}
			const list = "/tags/list"
			if !strings.HasSuffix(u.Path, "/v2/"+name+list) && u.Path != "/v2/"+name+list || u.RawQuery == "" {
				return "", &Error{Code: CodeRefused, Text: "the list of tags leads elsewhere for its next page"}
			}
			return list + "?" + u.RawQuery, nil
		}
	}
	return "", nil
}

// Pin says what a tag or a digest holds fast.
type Pin string

// The pins, from the loosest on.
const (
	PinFamily   Pin = "family"   // the build; the revision moves
	PinKB       Pin = "kb"       // one monthly update
	PinRevision Pin = "revision" // one revision
	PinDigest   Pin = "digest"   // one content
)

// Choice is a reference that may be used of a repository.
type Choice struct {
	Reference string
	Pin       Pin
	Image     Image      // what it holds, as far as the name or the registry says
	KB        uint32     // of its revision, 0 where not known
	Released  facts.Date // of its revision, 0 where not known
}

// Choices returns what may be used of a reference's repository for a host, by
// the grammar and the facts alone: the family tags and, of the host's own
// build, the tags of one update and of one revision, for the newest update that
// the host is not behind of and for the newest of all. The tag of the reference
// says what else the image is (golang:1-nanoserver). Repositories whose tags the grammar
// does not know have none.
func Choices(ref Reference, f *facts.Facts, host winver.Version) []Choice {
	var list []Choice
	for _, s := range Siblings(ref, f, winver.Version{}) {
		list = addChoice(list, s.Reference, f)
	}
	k, name, official := classify(&ref)
	if k != baseRepo || !official {
		return list
	}
	for _, fam := range families {
		if published(f, name, fam) {
			list = addChoice(list, ref.Name()+":"+fam, f)
		}
	}
	for _, v := range []winver.Version{pinFor(f, name, host), newestPin(f, name, host.Build)} {
		if !v.IsValid() {
			continue
		}
		rev, _ := v.Revision()
		if u := f.Update(v.Build, rev); u != nil && u.KB != 0 {
			if fam := kbFamily(name, v.Build); fam != "" {
				list = addChoice(list, ref.Name()+":"+fam+"-KB"+strconv.FormatUint(uint64(u.KB), 10), f)
			}
		}
		list = addChoice(list, ref.Name()+":"+v.String(), f)
	}
	return list
}

// kbFamily is the family that tags of one update begin with: 1809-KB4493509,
// ltsc2022-KB5041160 (the forms of tag-grammar.yaml); "" for none.
func kbFamily(repo string, build uint32) string {
	for _, fam := range [...]string{"ltsc2016", "sac2016", "1709", "1803", "1809", "1903", "1909", "2004", "20H2", "ltsc2022", "ltsc2025"} {
		if familyBuild(fam) == build && hasFamily(repo, fam) {
			return fam
		}
	}
	return ""
}

// addChoice adds what a reference's name says, where it names one Windows and
// is not there yet.
func addChoice(list []Choice, reference string, f *facts.Facts) []Choice {
	if slices.ContainsFunc(list, func(c Choice) bool { return c.Reference == reference }) {
		return list
	}
	ref, err := Parse(reference)
	if err != nil {
		return list
	}
	m := FromName(ref, f)
	if c, ok := NameChoice(m, f); ok {
		list = append(list, c)
	}
	return list
}

// NameChoice makes a choice of what a name says; ok is false where it does not
// name one Windows, or names an image that is known not to exist.
func NameChoice(m Image, f *facts.Facts) (c Choice, ok bool) {
	if len(m.Children) != 1 || !m.Children[0].Version.IsValid() || slices.ContainsFunc(m.Findings, Finding.Defect) || m.Basis != BasisTag {
		return c, false
	}
	c = Choice{Reference: m.Reference, Pin: PinRevision, Image: m}
	rev, known := m.Children[0].Version.Revision()
	switch {
	case m.KB != 0:
		c.Pin, c.KB = PinKB, m.KB
	case !known:
		c.Pin = PinFamily
	}
	if known {
		if u := f.Update(m.Children[0].Version.Build, rev); u != nil {
			c.KB, c.Released = u.KB, u.Date
		}
	}
	return c, true
}
