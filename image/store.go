package image

import (
	"context"
	"errors"
	"strconv"
)

// store is a place that holds the documents of images: a repository of a
// registry, a layout, an archive.
type store interface {
	// document returns the manifest or index of a digest, which has been
	// checked, and what the place calls its type, or "".
	document(ctx context.Context, digest string) (body []byte, mediaType string, err error)
	// blob returns the config of a digest, which has not been checked.
	blob(ctx context.Context, digest string) ([]byte, error)
}

// load reads what an image's digest leads to and fills in its children.
func (m *Image) load(ctx context.Context, s store, doc *document, deep bool) error {
	m.MediaType = doc.mediaType
	if doc.index {
		m.Index = Yes
		return m.loadIndex(ctx, s, doc, deep)
	}
	m.Index = No
	p, err := configOf(ctx, s, &doc.config)
	if err != nil {
		return err
	}
	child := Child{Digest: m.Digest, MediaType: doc.mediaType, FromConfig: true}
	child.platform(&p)
	m.Children = []Child{child}
	if child.OS == "windows" {
		m.checkVersion(&child, "the image's config")
	}
	return nil
}

// loadIndex fills m with the entries of an index, and with what only the
// entries' own documents say.
func (m *Image) loadIndex(ctx context.Context, s store, doc *document, deep bool) error {
	nested := 0
	for i := range doc.entries {
		e := &doc.entries[i]
		if !isIndexType(e.MediaType) {
			m.Children = append(m.Children, e.child())
			continue
		}
		if nested++; nested > MaxNested {
			return &Error{Code: CodeRefused, Text: "the index holds more than " + strconv.Itoa(MaxNested) + " indexes"}
		}
		inner, err := manifestOf(ctx, s, e)
		if err != nil {
			return err
		}
		m.find(FindingIndexInIndex, "entry ", e.Digest, " is an index itself")
		for j := range inner.entries {
			if e := &inner.entries[j]; isIndexType(e.MediaType) {
				m.find(FindingIndexDepth, "entry ", e.Digest, " is an index two levels down and was not read")
			} else {
				m.Children = append(m.Children, e.child())
			}
		}
		if len(m.Children) > MaxChildren {
			return &Error{Code: CodeRefused, Text: "the index has more than " + strconv.Itoa(MaxChildren) + " entries, those of the indexes in it included"}
		}
	}
	if len(m.Children) == 0 {
		m.find(FindingIndexEmpty, "the index has no entries")
	}
	configs := 0
	for i := range m.Children {
		k := &m.Children[i]
		// An entry without a platform may be anything, Windows too.
		if k.Attestation || k.OS != "windows" && k.OS != "" {
			continue
		}
		if k.OSVersion != "" {
			m.checkVersion(k, "the index")
			if !deep {
				continue
			}
		}
		if configs++; configs > MaxConfigs {
			switch {
			case k.OS == "":
			case k.OSVersion == "":
				m.find(FindingVersionMissing, "the index does not state os.version of ", k.Digest, "; its config was not read, being one of too many")
			default:
				m.find(FindingNotRead, "the config of ", k.Digest, " was not read, being one of too many")
			}
			continue
		}
		if err := m.complete(ctx, s, k, doc); err != nil {
			return err
		}
	}
	return nil
}

// complete reads the config of a child: for the os.version that the index
// lacks, or to compare.
func (m *Image) complete(ctx context.Context, s store, k *Child, doc *document) error {
	e := &wireDesc{MediaType: k.MediaType, Digest: k.Digest}
	for i := range doc.entries {
		if doc.entries[i].Digest == k.Digest {
			e = &doc.entries[i]
		}
	}
	windows := k.OS == "windows"
	inner, err := manifestOf(ctx, s, e)
	if err != nil {
		return m.incomplete(k, err)
	}
	if inner.index {
		m.find(FindingIndexDepth, "entry ", k.Digest, " is an index and is not called one")
		return nil
	}
	if !windows && !configType(inner.config.MediaType) {
		return nil // something that is no image
	}
	p, err := configOf(ctx, s, &inner.config)
	if err != nil {
		return m.incomplete(k, err)
	}
	if k.OSVersion != "" {
		m.contradict(k, &p)
		return nil
	}
	if !windows {
		if k.platform(&p); k.OS != "windows" {
			return nil
		}
	}
	k.FromConfig = true
	k.OSVersion, k.Version = p.OSVersion, parseOSVersion(p.OSVersion)
	if len(k.OSFeatures) == 0 {
		k.OSFeatures = p.OSFeatures
	}
	if k.OSVersion == "" {
		m.find(FindingVersionMissing, "neither the index nor its config states os.version of ", k.Digest)
		return nil
	}
	m.find(FindingVersionMissing, "the index does not state os.version of ", k.Digest, "; its config does: ", clip(k.OSVersion))
	m.checkVersion(k, "its config")
	if windows && p.OS != "windows" {
		m.contradict(k, &p)
	}
	return nil
}

// contradict finds an index that says other things of a child than the child's
// config does.
func (m *Image) contradict(k *Child, p *wireOS) {
	says := func(os, arch, version string) string {
		if version == "" {
			version = "no os.version"
		}
		return clip(os) + "/" + clip(arch) + " " + clip(version)
	}
	stated := k.OSVersion
	if k.FromConfig {
		stated = ""
	}
	if p.OS != k.OS || p.Architecture != k.Architecture || p.OSVersion != stated {
		m.find(FindingContradicts, "the index says ", says(k.OS, k.Architecture, stated), " of ", k.Digest, ", its config ", says(p.OS, p.Architecture, p.OSVersion))
	}
}

// incomplete keeps an index usable one child of which cannot be read for a
// reason of its own; other errors are returned.
func (m *Image) incomplete(k *Child, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeManifest {
		return err
	}
	switch {
	case k.OS == "windows" && k.OSVersion == "":
		m.find(FindingVersionMissing, "the index does not state os.version of ", k.Digest, "; its config cannot be read: ", e.Error())
	case k.OS == "windows":
		m.find(FindingNotRead, "the config of ", k.Digest, " cannot be read: ", e.Error())
	}
	return nil
}

// manifestOf reads what a descriptor points at.
func manifestOf(ctx context.Context, s store, e *wireDesc) (*document, error) {
	if e.Size > MaxManifest {
		return nil, tooLarge("manifest "+e.Digest, MaxManifest)
	}
	body, t, err := s.document(ctx, e.Digest)
	if err == nil {
		err = e.fits(body)
	}
	if err == nil {
		if t == "" {
			t = e.MediaType
		}
		var doc *document
		if doc, err = parseDocument(body, t); err == nil {
			return doc, nil
		}
	}
	var inner *Error
	if errors.As(err, &inner) {
		about := *inner
		about.Text = "entry " + e.Digest + ": " + inner.Text
		if about.Code == CodeNotFound {
			about.Code = CodeManifest // the image is there, but incomplete
		}
		return nil, &about
	}
	return nil, err
}

// configOf reads the config of an image.
func configOf(ctx context.Context, s store, e *wireDesc) (wireOS, error) {
	if !configType(e.MediaType) {
		return wireOS{}, bad("not an image: its config is of the media type "+strconv.Quote(clip(e.MediaType)), nil)
	}
	if e.Size > MaxConfig {
		return wireOS{}, tooLarge("config "+e.Digest, MaxConfig)
	}
	body := e.Data
	if len(body) == 0 || digestOf(body, e.Digest) != e.Digest {
		var err error
		if body, err = s.blob(ctx, e.Digest); err != nil {
			return wireOS{}, err
		}
		if got := digestOf(body, e.Digest); got != e.Digest {
			return wireOS{}, &Error{Code: CodeDigest, Text: "the config " + e.Digest + " has the digest " + got}
		}
	}
	if err := e.fits(body); err != nil {
		return wireOS{}, err
	}
	return parseConfig(body)
}

// fits holds a document against the size that the descriptor states, where it
// states one. Runtimes refuse an image of which that differs.
// Source: opencontainers/image-spec descriptor.md, "size".
func (e *wireDesc) fits(body []byte) error {
	if e.Size == 0 || int64(len(body)) == e.Size {
		return nil
	}
	return bad("it has "+strconv.Itoa(len(body))+" bytes, its descriptor says "+strconv.FormatInt(e.Size, 10), nil)
}

func tooLarge(what string, limit int64) error {
	return &Error{Code: CodeRefused, Text: "the " + what + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
}
