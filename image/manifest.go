package image

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The media types that are read. Sources: opencontainers/image-spec
// media-types.md, distribution/distribution docs/spec/manifest-v2-2.md.
const (
	typeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	typeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeOCIConfig      = "application/vnd.oci.image.config.v1+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerConfig   = "application/vnd.docker.container.image.v1+json"
	typeSchema1        = "application/vnd.docker.distribution.manifest.v1+json"
	typeSchema1Signed  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

const acceptManifests = typeOCIIndex + ", " + typeDockerList + ", " + typeOCIManifest + ", " + typeDockerManifest

// wireDesc is a descriptor: an entry of an index, or a manifest's config.
type wireDesc struct {
	MediaType string       `json:"mediaType"`
	Digest    string       `json:"digest"`
	Size      int64        `json:"size"`
	Data      []byte       `json:"data"`
	Platform  *wireOS      `json:"platform"`
	Notes     *annotations `json:"annotations"`
}

type annotations struct {
	RefType   string `json:"vnd.docker.reference.type"`         // BuildKit: "attestation-manifest"
	RefName   string `json:"org.opencontainers.image.ref.name"` // in index.json of a layout
	ImageName string `json:"io.containerd.image.name"`          // the same, by containerd and Docker: the full name
}

// wireOS is a platform of an index, or the part of a config that says the
// same.
type wireOS struct {
	OS           string   `json:"os"`
	Architecture string   `json:"architecture"`
	Variant      string   `json:"variant"`
	OSVersion    string   `json:"os.version"`
	OSFeatures   []string `json:"os.features"`
	Created      string   `json:"created"` // of a config only
}

// descList is a list of descriptors that stops reading beyond MaxChildren, so
// that a manifest full of empty entries costs no memory.
type descList []wireDesc

var errTooMany = errors.New("more than " + "1000" + " entries") // MaxChildren

// UnmarshalJSON reads a list, entry by entry.
func (l *descList) UnmarshalJSON(b []byte) error {
	*l = nil
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("manifests is not a list")
	}
	for d.More() {
		if len(*l) == MaxChildren {
			return errTooMany
		}
		var e wireDesc
		if err := d.Decode(&e); err != nil {
			return err
		}
		*l = append(*l, e)
	}
	return nil
}

type wireDoc struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	Manifests     *descList       `json:"manifests"`
	Config        *wireDesc       `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	FSLayers      json.RawMessage `json:"fsLayers"`
}

// document is a manifest or an index, read.
type document struct {
	raw       []byte
	mediaType string
	index     bool
	entries   []wireDesc // of an index
	config    wireDesc   // of a manifest
}

func bad(text string, err error) error {
	return &Error{Code: CodeManifest, Text: text, Err: err}
}

// mediaType cuts parameters from a Content-Type.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

// parseDocument reads a manifest or an index. contentType is what the server
// or the descriptor calls it; it must not contradict the document.
func parseDocument(body []byte, contentType string) (*document, error) {
	t := mediaType(contentType)
	switch t {
	case typeSchema1, typeSchema1Signed:
		return nil, errSchema1()
	case typeOCIIndex, typeDockerList, typeOCIManifest, typeDockerManifest:
	case "", "application/json", "text/plain", "application/octet-stream", "binary/octet-stream":
		t = "" // servers of files do not know better
	default:
		return nil, bad("the answer is of the foreign media type "+strconv.Quote(clip(t)), nil)
	}
	var w wireDoc
	if err := json.Unmarshal(body, &w); err != nil {
		if errors.Is(err, errTooMany) {
			return nil, &Error{Code: CodeRefused, Text: "the index has " + err.Error()}
		}
		return nil, bad("not a manifest", jsonError(err, len(body)))
	}
	if w.SchemaVersion == 1 || w.FSLayers != nil {
		return nil, errSchema1()
	}
	if w.SchemaVersion != 0 && w.SchemaVersion != 2 {
		return nil, bad("schemaVersion is "+strconv.Itoa(w.SchemaVersion)+", want 2", nil)
	}
	said := mediaType(w.MediaType)
	switch {
	case t == "":
		t = said
	case said != "" && said != t:
		return nil, bad("the media type is "+t+" by the server's header and "+strconv.Quote(clip(said))+" by the document", nil)
	}
	// A document that is both has two meanings (CVE-2021-41190).
	if w.Manifests != nil && (w.Config != nil || w.Layers != nil) {
		return nil, bad("the document is an index and a manifest at once", nil)
	}
	d := &document{raw: body, mediaType: t}
	switch t {
	case typeOCIIndex, typeDockerList:
		d.index = true
	case typeOCIManifest, typeDockerManifest:
	case "":
		d.index = w.Manifests != nil
		d.mediaType = typeOCIManifest
		if d.index {
			d.mediaType = typeOCIIndex
		}
	default:
		return nil, bad("the document is of the foreign media type "+strconv.Quote(clip(t)), nil)
	}
	if d.index {
		if w.Manifests == nil {
			return nil, bad("the index has no list of manifests", nil)
		}
		d.entries = *w.Manifests
		for i := range d.entries {
			if err := checkDesc(&d.entries[i]); err != "" {
				return nil, bad("entry "+strconv.Itoa(i+1)+" of the index: "+err, nil)
			}
		}
		return d, nil
	}
	if w.Config == nil {
		return nil, bad("the manifest has no config", nil)
	}
	d.config = *w.Config
	if err := checkDesc(&d.config); err != "" {
		return nil, bad("the manifest's config: "+err, nil)
	}
	return d, nil
}

// clean takes from a platform what would steer a terminal: no such character
// means anything there.
func (p *wireOS) clean() {
	for _, s := range []*string{&p.OS, &p.Architecture, &p.Variant, &p.OSVersion} {
		*s = printable(*s)
	}
	for i := range p.OSFeatures {
		p.OSFeatures[i] = printable(p.OSFeatures[i])
	}
}

// printable replaces what is not printed by U+FFFD, as encoding/json does with
// what is not UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// shown is a foreign text in a message.
func shown(s string) string { return printable(clip(s)) }

func checkDesc(e *wireDesc) string {
	if e.Platform != nil {
		e.Platform.clean()
	}
	if err := checkDigest(e.Digest); err != "" {
		return "digest " + strconv.Quote(clip(e.Digest)) + ": " + err
	}
	if e.Size < 0 {
		return "size " + strconv.FormatInt(e.Size, 10)
	}
	return ""
}

func errSchema1() error {
	return &Error{Code: CodeManifest, Text: "the manifest is of Docker's schema 1, which no longer can be pulled",
		Hint: "pull it with Docker before 28.2 and push it again"}
}

// jsonError words an error of encoding/json: where, and whether the text just
// ended.
func jsonError(err error, size int) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		if syntax.Offset >= int64(size) {
			return errors.New("the JSON ends after " + strconv.Itoa(size) + " bytes, before it is complete")
		}
		if strings.HasSuffix(syntax.Error(), "max depth") {
			return errors.New("it is nested too deep")
		}
		return errors.New("no JSON at byte " + strconv.FormatInt(syntax.Offset, 10))
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return errors.New("the field " + strconv.Quote(clip(typ.Field)) + " holds a JSON " + clip(typ.Value))
	}
	return err
}

// parseConfig reads what an image's config says of its platform.
func parseConfig(body []byte) (wireOS, error) {
	var w wireOS
	if err := json.Unmarshal(body, &w); err != nil {
		return w, bad("not the config of an image", jsonError(err, len(body)))
	}
	if w.OS == "" {
		return w, bad("not the config of an image: it names no operating system", nil)
	}
	w.clean()
	return w, nil
}

// stringMember returns a member of a JSON object that is a string, "" for
// anything else.
func stringMember(b []byte, name string) string {
	var m map[string]any
	if json.Unmarshal(b, &m) != nil {
		return ""
	}
	s, _ := m[name].(string)
	return s
}

// configType reports whether a config of this media type is an image's.
func configType(t string) bool {
	switch mediaType(t) {
	case "", typeOCIConfig, typeDockerConfig, "application/octet-stream":
		return true
	}
	return false
}

func isIndexType(t string) bool {
	t = mediaType(t)
	return t == typeOCIIndex || t == typeDockerList
}

// child turns an entry of an index into a Child.
func (e *wireDesc) child() Child {
	c := Child{Digest: e.Digest, MediaType: mediaType(e.MediaType)}
	if e.Platform != nil {
		c.platform(e.Platform)
	}
	c.Attestation = e.Notes != nil && e.Notes.RefType == "attestation-manifest" ||
		c.OS == "unknown" && c.Architecture == "unknown"
	return c
}

func (c *Child) platform(p *wireOS) {
	c.OS, c.Architecture, c.Variant = p.OS, p.Architecture, p.Variant
	c.OSVersion, c.OSFeatures = p.OSVersion, p.OSFeatures
	c.Version = parseOSVersion(p.OSVersion)
}

// digestOf returns the digest of a body by the algorithm of another digest.
func digestOf(body []byte, like string) string {
	if strings.HasPrefix(like, "sha512:") {
		h := sha512.Sum512(body)
		return "sha512:" + hex.EncodeToString(h[:])
	}
	h := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(h[:])
}
