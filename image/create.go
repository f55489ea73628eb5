package image

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/winmatch/winmatch/winver"
)

// Creation is an index to be made of images that are there.
type Creation struct {
	Target    Reference
	MediaType string
	Digest    string
	Before    string // the digest that the target stands for now, "" for none
	Image     Image  // as whoever reads the index will see it

	body []byte
}

// Body is the index's document.
func (c *Creation) Body() []byte { return bytes.Clone(c.body) }

// joined is an entry of the index to be.
type joined struct {
	raw   []byte
	child Child
}

// PlanCreate makes an index of images: of single ones, and of the entries of
// indexes. os.version and os.features of Windows images are those of their
// configs. Windows images come first, the newest first, which is the order that
// serves every runtime that any order serves; the others follow in the order
// given. Sources and target are of one repository or of one layout: what they
// hold stays where it is. Nothing is changed. Errors are *Error.
func (c *Client) PlanCreate(ctx context.Context, to Reference, sources []Reference) (*Creation, error) {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	if to.Digest != "" || to.Kind != Registry && to.Kind != Layout {
		return nil, about(&to, &Error{Code: CodeReference, Text: "an index is made under a tag of a registry or a name of a layout", Hint: "REPOSITORY:TAG or oci:DIR:TAG"})
	}
	if to.Kind == Layout && to.Tag == "" {
		return nil, about(&to, &Error{Code: CodeReference, Text: "the name of the index is missing", Hint: to.String() + ":TAG"})
	}
	var s store
	var l *layout
	n := &Creation{Target: to}
	if to.Kind == Registry {
		repo := c.repository(to)
		s = repo
		_, _, now, err := repo.raw(ctx, to.Tag, "")
		if err != nil && !isCode(err, CodeNotFound) {
			return nil, about(&to, err)
		}
		n.Before = now
	} else {
		d, err := openFolder(to.Path)
		if err != nil {
			return nil, about(&to, err)
		}
		defer d.root.Close()
		if l, err = openLayout(d); err != nil {
			return nil, about(&to, err)
		}
		s = l
		if i, err := l.find(&to); err == nil && i >= 0 {
			n.Before = l.index.entries[i].Digest
		}
	}
	var list []joined
	docker := true
	for i := range sources {
		ref := &sources[i]
		if ref.Kind != to.Kind || ref.Path != to.Path || ref.Host != to.Host || ref.Repository != to.Repository {
			return nil, about(ref, &Error{Code: CodeUnsupported, Text: "it is not in the repository or layout that the index is made in",
				Hint: "copy it there first: skopeo copy or crane copy"})
		}
		var doc *document
		var digest string
		var err error
		if l != nil {
			doc, digest, err = l.open(ctx, ref)
		} else {
			doc, digest, err = s.(*repository).manifest(ctx, target(ref), ref.Digest)
		}
		if err == nil {
			list, err = join(ctx, s, list, doc, digest)
		}
		if err != nil {
			return nil, about(ref, err)
		}
	}
	var entries []json.RawMessage
	for _, j := range sortJoined(list) {
		docker = docker && (j.child.MediaType == typeDockerManifest || j.child.MediaType == typeDockerList)
		entries = append(entries, j.raw)
	}
	if len(entries) > MaxChildren {
		return nil, about(&to, &Error{Code: CodeRefused, Text: "the index would have more than " + strconv.Itoa(MaxChildren) + " entries"})
	}
	n.MediaType = typeOCIIndex
	if docker {
		n.MediaType = typeDockerList
	}
	var err error
	n.body, err = json.MarshalIndent(struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, n.MediaType, entries}, "", "  ")
	if err != nil {
		return nil, about(&to, err)
	}
	n.Digest = digestOf(n.body, "sha256:")
	doc, err := parseDocument(n.body, n.MediaType)
	if err != nil {
		return nil, about(&to, err)
	}
	n.Image = Image{Reference: to.String(), Digest: n.Digest, Basis: to.Kind.basis()}
	if err := n.Image.load(ctx, s, doc, false); err != nil {
		return nil, about(&to, err)
	}
	return n, nil
}

// join adds an image, or the entries of an index, each digest once.
func join(ctx context.Context, s store, list []joined, doc *document, digest string) ([]joined, error) {
	add := func(raw []byte, child Child) {
		if !slices.ContainsFunc(list, func(j joined) bool { return j.child.Digest == child.Digest }) {
			list = append(list, joined{raw, child})
		}
	}
	if !doc.index {
		p, err := configOf(ctx, s, &doc.config)
		if err != nil {
			return nil, err
		}
		if p.OS == "windows" && !parseOSVersion(p.OSVersion).IsValid() {
			return nil, bad("its config states os.version "+strconv.Quote(clip(p.OSVersion))+": no runtime could tell which host it is for", nil)
		}
		raw, err := json.Marshal(struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
			Size      int    `json:"size"`
			Platform  any    `json:"platform"`
		}{doc.mediaType, digest, len(doc.raw), platformJSON(&p)})
		if err != nil {
			return nil, err
		}
		child := Child{Digest: digest, MediaType: doc.mediaType}
		child.platform(&p)
		add(raw, child)
		return list, nil
	}
	spans, err := entriesOf(doc.raw)
	if err != nil || len(spans) != len(doc.entries) {
		return nil, bad("the index cannot be taken apart", err)
	}
	for i := range doc.entries {
		e := &doc.entries[i]
		if isIndexType(e.MediaType) {
			return nil, &Error{Code: CodeUnsupported, Text: "it holds an index in an index, which is not joined"}
		}
		raw, child := spans[i].Of(doc.raw), e.child()
		if child.Windows() && child.OSVersion == "" {
			v, windows, err := versionIn(ctx, s, e)
			if err != nil {
				return nil, err
			}
			if !windows || !parseOSVersion(v).IsValid() {
				return nil, bad("the config of "+e.Digest+" states os.version "+strconv.Quote(clip(v))+": no runtime could tell which host it is for", nil)
			}
			body, err := setVersions([]byte(`{"manifests":[`+string(raw)+`]}`), map[int]string{0: v})
			if err != nil {
				return nil, err
			}
			raw = body[len(`{"manifests":[`) : len(body)-len(`]}`)]
			child.OSVersion, child.Version = v, parseOSVersion(v)
		}
		add(raw, child)
	}
	return list, nil
}

// platformJSON is a platform as indexes have it.
func platformJSON(p *wireOS) any {
	return struct {
		Architecture string   `json:"architecture"`
		OS           string   `json:"os"`
		OSVersion    string   `json:"os.version,omitempty"`
		OSFeatures   []string `json:"os.features,omitempty"`
		Variant      string   `json:"variant,omitempty"`
	}{p.Architecture, p.OS, p.OSVersion, p.OSFeatures, p.Variant}
}

// sortJoined puts Windows images first, by build and revision, the newest
// first. A runtime that takes the first child that it allows then takes the
// newest one that it allows, which is the one nearest to the host; one that
// takes the first of the host's build takes the newest of that build. Those
// that go by the highest revision or the highest os.version as text do not
// look at the order.
func sortJoined(list []joined) []joined {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(x, y joined) int {
		a, b := x.child.Windows(), y.child.Windows()
		switch {
		case a && b:
			return winver.Compare(y.child.Version, x.child.Version)
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return list
}

// ApplyCreate pushes the index, or writes it into its layout. It does nothing
// where the target stands for that index already.
func (c *Client) ApplyCreate(ctx context.Context, n *Creation) error {
	if n.Before == n.Digest {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	var err error
	if n.Target.Kind == Layout {
		var d *folder
		var l *layout
		if d, l, err = newLayout(n.Target.Path); err == nil {
			defer d.root.Close()
			if err = d.writeBlob(n.Digest, n.body); err == nil {
				err = l.name(d, n.Target.Tag, wireDesc{MediaType: n.MediaType, Digest: n.Digest, Size: int64(len(n.body))})
			}
		}
	} else {
		repo := c.repository(n.Target)
		repo.push = true
		err = repo.put(ctx, n.Target.Tag, n.MediaType, n.body)
	}
	if err != nil {
		return about(&n.Target, err)
	}
	return nil
}
