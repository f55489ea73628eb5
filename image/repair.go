package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Repair is what filling os.version into an index changes, and what it breaks.
type Repair struct {
	Reference     Reference
	MediaType     string
	Before, After string // the index's digest; equal where nothing is to be changed
	Size          int    // bytes of the repaired index
	Changes       []Change
	Left          []Left   // children that stay wrong, and why
	Breaks        []Broken // what refers to the digest before
	Unasked       string   // why it is not known what refers to it; "" where it is

	body   []byte
	index  []byte // of a layout: index.json as it was read
	entry  int    // of a layout: the entry of index.json, -1 for index.json itself
	source *document
}

// Change is an os.version that is filled in.
type Change struct {
	Entry        int // position in the index, from 0
	Digest       string
	Architecture string
	Was          string // what the index stated, "" for nothing
	OSVersion    string
}

// Left is a child that a repair leaves as it is.
type Left struct{ Digest, Why string }

// Broken refers to an index by its digest: a signature, an attestation, a bill
// of materials.
type Broken struct{ Kind, Name string }

// repairTime bounds the reading of an index's configs and what refers to it.
const repairTime = 5 * time.Minute

// PlanRepair reads an index and the configs of the Windows children whose
// os.version it does not state, and returns what is to be filled in; with
// replace also what is to be put in the place of a malformed os.version, or of
// one that the config contradicts. Nothing is changed. The reference is one of
// a registry or a layout. Errors are *Error.
func (c *Client) PlanRepair(ctx context.Context, ref Reference, replace bool) (*Repair, error) {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	r := &Repair{Reference: ref, entry: -1}
	var s store
	var err error
	switch ref.Kind {
	case Registry:
		repo := c.repository(ref)
		s = repo
		r.source, r.Before, err = repo.manifest(ctx, target(&ref), ref.Digest)
	case Layout:
		var d *folder
		if d, err = openFolder(ref.Path); err != nil {
			break
		}
		defer d.root.Close()
		var l *layout
		if l, err = openLayout(d); err != nil {
			break
		}
		s, r.index = l, l.raw
		if r.entry, err = l.find(&ref); err != nil {
			break
		}
		if r.entry == -2 {
			err = &Error{Code: CodeNotFound, Text: "index.json does not point at that digest: a repaired index would be found by nobody"}
			break
		}
		r.source, r.Before, err = l.open(ctx, &ref)
	default:
		err = &Error{Code: CodeUnsupported, Text: "only indexes in a registry or a layout are repaired", Hint: "unpack an archive into a folder, which is a layout then: oci:DIR"}
	}
	if err == nil && !r.source.index {
		err = bad("it is a single manifest, which states no os.version: there is nothing to repair", nil)
	}
	if err == nil {
		err = r.fill(ctx, s, replace)
	}
	if err == nil && r.After != r.Before {
		err = r.broken(ctx, s)
	}
	if err != nil {
		return nil, about(&ref, err)
	}
	return r, nil
}

// target is what a registry is asked for.
func target(ref *Reference) string {
	if ref.Digest != "" {
		return ref.Digest
	}
	return ref.Tag
}

// fill makes the repaired index.
func (r *Repair) fill(ctx context.Context, s store, replace bool) error {
	r.MediaType, r.After, r.body = r.source.mediaType, r.Before, r.source.raw
	versions := map[int]string{}
	for i := range r.source.entries {
		e := &r.source.entries[i]
		child := e.child()
		switch {
		case isIndexType(e.MediaType):
			if why, err := inner(ctx, s, e); err != nil {
				return err
			} else if why != "" {
				r.Left = append(r.Left, Left{e.Digest, why})
			}
			continue
		case child.Attestation || child.OS != "windows" && e.Platform != nil:
			continue
		case child.Version.IsValid() && !replace:
			continue
		}
		version, windows, err := versionIn(ctx, s, e)
		why := ""
		switch {
		case isCode(err, CodeManifest):
			why = err.Error()
		case err != nil:
			return err
		case e.Platform == nil && !windows:
			continue
		case e.Platform == nil:
			why = "the index states no platform for it, and os.version alone says nothing"
		case !windows:
			why = "its config is not of Windows"
		case !parseOSVersion(version).IsValid():
			why = "its config states no os.version"
			if version != "" {
				why = "its config states os.version " + strconv.Quote(clip(version))
			}
		case version == child.OSVersion:
			continue
		case child.OSVersion != "" && !replace:
			why = "the index states os.version " + strconv.Quote(clip(child.OSVersion)) + ", its config " + version + ": --replace"
		}
		switch {
		case why == "":
			versions[i] = version
			r.Changes = append(r.Changes, Change{i, e.Digest, child.Architecture, child.OSVersion, version})
		case child.Version.IsValid() && child.OSVersion != "" && version == "": // stated, and not to be compared
		default:
			r.Left = append(r.Left, Left{e.Digest, why})
		}
	}
	if len(versions) == 0 {
		r.Size = len(r.body)
		return nil
	}
	body, err := setVersions(r.source.raw, versions)
	if err != nil {
		return err
	}
	if err := r.check(body, versions); err != nil {
		return err
	}
	r.body, r.After, r.Size = body, digestOf(body, r.Before), len(body)
	return nil
}

// check reads the repaired index as everybody will and holds it against the
// one before.
func (r *Repair) check(body []byte, versions map[int]string) error {
	if len(body) > MaxManifest {
		return tooLarge("repaired index", MaxManifest)
	}
	doc, err := parseDocument(body, r.MediaType)
	if err != nil {
		return err
	}
	wrong := len(doc.entries) != len(r.source.entries)
	for i := 0; i < len(doc.entries) && !wrong; i++ {
		x, y := &doc.entries[i], &r.source.entries[i]
		wrong = x.Digest != y.Digest || x.Size != y.Size || (x.Platform == nil) != (y.Platform == nil)
		if v, ok := versions[i]; ok {
			wrong = wrong || x.Platform == nil || x.Platform.OSVersion != v
		}
	}
	if wrong {
		return &Error{Code: CodeRefused, Text: "the index cannot be edited without changing what else it says"}
	}
	return nil
}

// versionIn reads os.version of an entry's config.
func versionIn(ctx context.Context, s store, e *wireDesc) (version string, windows bool, err error) {
	doc, err := manifestOf(ctx, s, e)
	if err != nil {
		return "", false, err
	}
	if doc.index || !configType(doc.config.MediaType) {
		return "", false, nil
	}
	p, err := configOf(ctx, s, &doc.config)
	return p.OSVersion, p.OS == "windows", err
}

// inner says what is wrong with an index in the index, "" for nothing.
func inner(ctx context.Context, s store, e *wireDesc) (string, error) {
	doc, err := manifestOf(ctx, s, e)
	if err != nil {
		return "", err
	}
	for i := range doc.entries {
		if c := doc.entries[i].child(); c.Windows() && !c.Version.IsValid() {
			return "it is an index in the index, with children without os.version: a runtime finds it by its digest, which would change", nil
		}
	}
	return "", nil
}

// broken finds what refers to the index by the digest it has now: cosign's
// signatures, attestations and bills of materials, by the tags that it makes of
// a digest, and the referrers that OCI 1.1 knows.
func (r *Repair) broken(ctx context.Context, s store) error {
	tag := strings.Replace(r.Before, ":", "-", 1)
	suffixes := [...][2]string{{".sig", "cosign signature"}, {".att", "cosign attestation"}, {".sbom", "cosign SBOM"}}
	if l, ok := s.(*layout); ok {
		for i := range l.index.entries {
			e := &l.index.entries[i]
			for _, x := range suffixes {
				if e.called(tag + x[0]) {
					r.Breaks = append(r.Breaks, Broken{x[1], tag + x[0]})
				}
			}
			if isIndexType(e.MediaType) {
				continue
			}
			if b, _, err := l.document(ctx, e.Digest); err == nil {
				if kind, refers := subject(b, r.Before); refers {
					r.Breaks = append(r.Breaks, Broken{kind, e.Digest})
				}
			}
		}
		return nil
	}
	repo := s.(*repository)
	for _, x := range suffixes {
		_, _, _, err := repo.raw(ctx, tag+x[0], "")
		switch {
		case err == nil:
			r.Breaks = append(r.Breaks, Broken{x[1], tag + x[0]})
		case !isCode(err, CodeNotFound):
			r.unasked(err)
			return nil
		}
	}
	list, err := repo.referrers(ctx, r.Before, tag)
	if err != nil {
		r.unasked(err)
	}
	r.Breaks = append(r.Breaks, list...)
	return nil
}

func (r *Repair) unasked(err error) { r.Unasked = err.Error() }

func isCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// subject reports whether a manifest refers to a digest, and what it is.
func subject(b []byte, digest string) (kind string, ok bool) {
	var m struct {
		ArtifactType string    `json:"artifactType"`
		Config       *wireDesc `json:"config"`
		Subject      *wireDesc `json:"subject"`
	}
	if json.Unmarshal(b, &m) != nil || m.Subject == nil || m.Subject.Digest != digest {
		return "", false
	}
	if m.ArtifactType == "" && m.Config != nil {
		m.ArtifactType = m.Config.MediaType
	}
	return kindOf(m.ArtifactType), true
}

func kindOf(artifactType string) string {
	if artifactType == "" {
		return "referrer"
	}
	return shown(artifactType)
}

// referrers lists what refers to a digest: by the API of OCI 1.1, else by the
// tag that stands in for it.
func (r *repository) referrers(ctx context.Context, digest, tag string) ([]Broken, error) {
	b, _, err := r.get(ctx, "/referrers/"+digest, typeOCIIndex, MaxManifest, "manifest")
	if isCode(err, CodeNotFound) || isCode(err, CodeManifest) {
		b, _, _, err = r.raw(ctx, tag, "")
		if isCode(err, CodeNotFound) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Manifests []struct {
			Digest       string `json:"digest"`
			ArtifactType string `json:"artifactType"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, bad("the list of referrers is not an index", jsonError(err, len(b)))
	}
	if len(list.Manifests) > MaxChildren {
		list.Manifests = list.Manifests[:MaxChildren]
	}
	var found []Broken
	for _, m := range list.Manifests {
		if checkDigest(m.Digest) == "" {
			found = append(found, Broken{kindOf(m.ArtifactType), m.Digest})
		}
	}
	return found, nil
}

// ApplyRepair pushes a repaired index to where it was read, or writes it into
// the layout it was read from. A reference by digest moves no tag: the new
// index is found by its new digest. It does nothing where nothing changes.
func (c *Client) ApplyRepair(ctx context.Context, r *Repair) error {
	if r.After == r.Before {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	var err error
	if r.Reference.Kind == Layout {
		err = r.write()
	} else {
		repo := c.repository(r.Reference)
		repo.push = true
		what := r.Reference.Tag
		if r.Reference.Digest != "" {
			what = r.After
		} else {
			// Somebody may have moved the tag since.
			_, _, now, err := repo.raw(ctx, what, "")
			if err == nil && now != digestOf(r.source.raw, now) {
				err = &Error{Code: CodeRefused, Text: "the tag has moved to " + now + " meanwhile: nothing was pushed"}
			}
			if err != nil {
				return about(&r.Reference, err)
			}
		}
		err = repo.put(ctx, what, r.MediaType, r.body)
	}
	if err != nil {
		return about(&r.Reference, err)
	}
	return nil
}

// SaveRepair writes a repaired index of a registry into a layout, with the
// manifests and configs of its images but without their layers, which stay in
// the registry. The layout is made where there is none; an image there of the
// same name gives way.
func (c *Client) SaveRepair(ctx context.Context, r *Repair, to Reference) error {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	if to.Kind != Layout || to.Digest != "" {
		return about(&to, &Error{Code: CodeReference, Text: "not a layout", Hint: "oci:DIR or oci:DIR:TAG"})
	}
	if r.Reference.Kind != Registry {
		return about(&to, &Error{Code: CodeUnsupported, Text: "a layout is repaired where it is", Hint: "copy it first: cp -r " + r.Reference.Path + " " + to.Path})
	}
	name := to.Tag
	if name == "" {
		name = r.Reference.Tag
	}
	d, l, err := newLayout(to.Path)
	if err != nil {
		return about(&to, err)
	}
	defer d.root.Close()
	repo := c.repository(r.Reference)
	for i := range r.source.entries {
		if err := copyDocuments(ctx, repo, d, &r.source.entries[i]); err != nil {
			return about(&r.Reference, err)
		}
	}
	if err = d.writeBlob(r.After, r.body); err == nil {
		err = l.name(d, name, wireDesc{MediaType: r.MediaType, Digest: r.After, Size: int64(len(r.body))})
	}
	if err != nil {
		return about(&to, err)
	}
	return nil
}

// newLayout opens a layout and makes it where there is none.
func newLayout(dir string) (*folder, *layout, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, unreadable(err)
	}
	d, err := openFolder(dir)
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.read(fileIndex, MaxManifest); errors.Is(err, fs.ErrNotExist) {
		if list, err := fs.ReadDir(d.root.FS(), "."); err != nil || len(list) > 0 {
			d.root.Close()
			return nil, nil, &Error{Code: CodeRefused, Text: "the folder is neither empty nor a layout", Err: bare(err)}
		}
		if err = d.write(fileLayout, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err == nil {
			err = d.write(fileIndex, []byte(`{"schemaVersion":2,"mediaType":"`+typeOCIIndex+`","manifests":[]}`))
		}
		if err != nil {
			d.root.Close()
			return nil, nil, err
		}
	}
	l, err := openLayout(d)
	if err != nil {
		d.root.Close()
		return nil, nil, err
	}
	return d, l, nil
}

// copyDocuments copies what an entry of an index points at, but for layers.
func copyDocuments(ctx context.Context, s store, d *folder, e *wireDesc) error {
	doc, err := manifestOf(ctx, s, e)
	if err != nil {
		return err
	}
	if err := d.writeBlob(e.Digest, doc.raw); err != nil {
		return err
	}
	for i := range doc.entries {
		if isIndexType(doc.entries[i].MediaType) {
			continue
		}
		if err := copyDocuments(ctx, s, d, &doc.entries[i]); err != nil {
			return err
		}
	}
	if doc.index || doc.config.Size > MaxConfig {
		return nil
	}
	b, err := s.blob(ctx, doc.config.Digest)
	if err != nil {
		return err
	}
	if got := digestOf(b, doc.config.Digest); got != doc.config.Digest {
		return &Error{Code: CodeDigest, Text: "the config " + doc.config.Digest + " has the digest " + got}
	}
	return d.writeBlob(doc.config.Digest, b)
}

// name lets a name of a layout stand for a document.
func (l *layout) name(d *folder, name string, e wireDesc) error {
	at := -1
	for i := range l.index.entries {
		if l.index.entries[i].called(name) {
			if at >= 0 {
				return &Error{Code: CodeSeveral, Text: "index.json calls several images " + strconv.Quote(clip(name))}
			}
			at = i
		}
	}
	var index []byte
	var err error
	if at >= 0 {
		if l.index.entries[at].Digest == e.Digest {
			return nil
		}
		index, err = pointAt(l.raw, at, e.Digest, int(e.Size))
	} else {
		text := `{"mediaType":` + strconv.Quote(e.MediaType) + `,"digest":"` + e.Digest + `","size":` + strconv.FormatInt(e.Size, 10)
		if name != "" {
			b, err := json.Marshal(name)
			if err != nil {
				return err
			}
			text += `,"annotations":{"org.opencontainers.image.ref.name":` + string(b) + "}"
		}
		index, err = appendEntry(l.raw, text+"}")
	}
	if err != nil {
		return err
	}
	return d.replaceIndex(l.raw, index)
}

// write puts the repaired index into its layout.
func (r *Repair) write() error {
	d, err := openFolder(r.Reference.Path)
	if err != nil {
		return err
	}
	defer d.root.Close()
	index := r.body
	if r.entry >= 0 {
		if err := d.writeBlob(r.After, r.body); err != nil {
			return err
		}
		if index, err = pointAt(r.index, r.entry, r.After, len(r.body)); err != nil {
			return err
		}
	}
	return d.replaceIndex(r.index, index)
}

// replaceIndex puts another index.json in the place of the one that was read.
func (d *folder) replaceIndex(was, index []byte) error {
	now, err := d.read(fileIndex, MaxManifest)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, was) {
		return &Error{Code: CodeRefused, Text: "index.json has changed meanwhile: nothing was written"}
	}
	return d.write(fileIndex, index)
}

// writeBlob adds a blob to a layout.
func (d *folder) writeBlob(digest string, b []byte) error {
	name := blobPath(digest)
	if have, err := d.read(name, MaxManifest); err == nil && bytes.Equal(have, b) {
		return nil
	} else if isCode(err, CodeRefused) {
		return err
	}
	return d.write(name, b)
}

// write writes a file beside its place and renames it.
func (d *folder) write(name string, b []byte) error {
	dir := ""
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir = name[:i+1]
		if err := d.root.MkdirAll(dir[:i], 0o755); err != nil {
			return &Error{Code: CodeRead, Text: dir[:i] + " cannot be made", Err: bare(err)}
		}
	}
	temp := dir + ".winmatch-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	err := d.writeNew(temp, b)
	if err == nil {
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		_ = d.root.Remove(temp)
		return &Error{Code: CodeRead, Text: name + " cannot be written", Err: bare(err)}
	}
	return nil
}

func (d *folder) writeNew(name string, b []byte) error {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
