package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Bounds on an archive.
const (
	maxEntries  = 200_000   // entries of a tar file
	maxNames    = 32 << 20  // bytes of all their names together
	maxHeld     = 64 << 20  // bytes of documents held of an archive that cannot be sought in
	maxUnpacked = 256 << 30 // bytes that a compressed archive may unpack to
)

// archive are the documents of a tar file of images. What is larger than a
// document may be, layers above all, is never read where the file can be
// sought in, and never held where it cannot.
type archive struct {
	path string

	once  sync.Once
	err   error
	docs  map[string]tarDoc
	plain bool // docs are positions in the file
	twice string

	// What lists the images, read once too: an archive may hold hundreds.
	imagesOnce sync.Once
	list       []dockerImage
	listErr    error
	layoutOnce sync.Once
	l          *layout
	layoutErr  error
}

// tarDoc is an entry of a tar file: a position, or the content itself.
type tarDoc struct {
	offset, size int64
	body         []byte
	kind         byte // of tar.Header
	left         bool // it was not held: no document by its size or its beginning
}

// archive returns the archive of a path, which is read once by each Client.
func (c *Client) archive(ctx context.Context, name string) (*archive, error) {
	c.mu.Lock()
	a := c.archives[name]
	if a == nil {
		a = &archive{path: name}
		if c.archives == nil {
			c.archives = map[string]*archive{}
		}
		c.archives[name] = a
	}
	c.mu.Unlock()
	a.once.Do(func() { a.err = a.scan(ctx) })
	return a, a.err
}

// scan lists the documents of the archive.
func (a *archive) scan(ctx context.Context) error {
	f, err := os.Open(a.path)
	if err != nil {
		return unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unreadable(err)
	}
	if info.IsDir() {
		return &Error{Code: CodeRead, Text: "it is a folder, not an archive", Hint: "oci:" + a.path + ", where it is an OCI layout"}
	}
	buffered := bufio.NewReaderSize(f, 1<<16)
	magic, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return unreadable(err)
	}
	var in io.Reader = buffered
	switch form := compression(magic); {
	case form == "gzip":
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return &Error{Code: CodeRead, Text: "not gzip", Err: err}
		}
		in = z
	case form != "":
		return &Error{Code: CodeUnsupported, Text: "it is compressed by " + form + ", of which only gzip is read", Hint: "unpack it first: " + form + " -d"}
	case info.Mode().IsRegular():
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return unreadable(err)
		}
		a.plain = true
		return a.readHeaders(ctx, f, f)
	}
	return a.readHeaders(ctx, &bounded{ctx: ctx, r: in, left: maxUnpacked}, nil)
}

// compression names what a file is compressed by, "" for nothing known.
func compression(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(magic, []byte("BZh")):
		return "bzip2"
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return "xz"
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

// bounded reads at most left bytes, and nothing once the context has ended.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, &Error{Code: CodeRefused, Text: "it unpacks to more than " + strconv.Itoa(maxUnpacked>>30) + " GiB"}
	}
	return n, err
}

// readHeaders lists all entries. seek is r, where it can be sought in:
// tar.Reader then jumps over contents.
func (a *archive) readHeaders(ctx context.Context, r io.Reader, seek io.Seeker) error {
	a.docs = map[string]tarDoc{}
	t := tar.NewReader(r)
	held, names := int64(0), 0
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return &Error{Code: CodeRead, Text: "reading was given up", Err: err}
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(n, err)
		}
		name := strings.TrimPrefix(h.Name, "./")
		if names += len(name); n >= maxEntries || names > maxNames {
			return &Error{Code: CodeRefused, Text: "the archive has more than " + strconv.Itoa(maxEntries) + " entries, or longer names than belong there"}
		}
		d := tarDoc{size: h.Size, kind: h.Typeflag}
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg:
		case seek != nil:
			if d.offset, err = seek.Seek(0, io.SeekCurrent); err != nil {
				return unreadable(err)
			}
		case h.Size > MaxManifest:
			d.left = true
		default:
			var first [1]byte
			if _, err := io.ReadFull(t, first[:]); err != nil && !errors.Is(err, io.EOF) {
				return broken(n+1, err)
			}
			if d.left = !strings.ContainsAny(string(first[:]), "{[ \t\r\n"); d.left {
				break
			}
			if held += h.Size; held > maxHeld {
				return &Error{Code: CodeRefused, Text: "the archive holds more than " + strconv.Itoa(maxHeld>>20) + " MiB of documents", Hint: "unpack it to a plain tar file, of which any amount is read"}
			}
			rest, err := io.ReadAll(t)
			if err != nil {
				return broken(n+1, err)
			}
			d.body = append(first[:1:1], rest...)
		}
		if _, ok := a.docs[name]; ok && (name == fileIndex || name == fileDocker || name == fileLayout) {
			a.twice = name
		}
		a.docs[name] = d
	}
	if a.twice != "" {
		return &Error{Code: CodeRefused, Text: "the archive holds " + a.twice + " twice"}
	}
	if len(a.docs) == 0 {
		return bad("the archive is empty", nil)
	}
	return nil
}

// broken words an error of archive/tar at an entry.
func broken(n int, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeRead, Text: "reading was given up", Err: err}
	case n == 0:
		return bad("not a tar file", nil)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return bad("the archive breaks off in or after entry "+strconv.Itoa(n+1), nil)
	}
	return bad("the archive is broken after "+strconv.Itoa(n)+" entries", err)
}

// read implements files.
func (a *archive) read(name string, limit int64) ([]byte, error) {
	d, ok := a.docs[strings.TrimPrefix(name, "./")]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case d.kind != tar.TypeReg:
		return nil, &Error{Code: CodeRefused, Text: shown(name) + " is a link or a special file in the archive, which is not followed"}
	case d.size > limit:
		return nil, &Error{Code: CodeRefused, Text: shown(name) + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	case d.left:
		return nil, bad(shown(name)+" is not JSON", nil)
	case !a.plain:
		return d.body, nil
	}
	f, err := os.Open(a.path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	b := make([]byte, d.size)
	if _, err := f.ReadAt(b, d.offset); err != nil {
		return nil, &Error{Code: CodeRead, Text: shown(name) + " cannot be read", Err: bare(err)}
	}
	return b, nil
}

// fileDocker lists the images of a docker save archive. Source: moby/moby
// image/tarexport.
const fileDocker = "manifest.json"

// layout reports whether the archive is to be read as an OCI layout: asked for,
// or written by docker save 25 or later, which writes both forms.
func (a *archive) layout(ref *Reference) bool {
	_, ok := a.docs[fileIndex]
	return ok || ref.Kind == OCIArchive
}

// dockerImage is an entry of manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
}

// open reads the archive as an OCI layout.
func (a *archive) open() (*layout, error) {
	a.layoutOnce.Do(func() { a.l, a.layoutErr = openLayout(a) })
	return a.l, a.layoutErr
}

// images are the images of manifest.json.
func (a *archive) images() ([]dockerImage, error) {
	a.imagesOnce.Do(func() { a.list, a.listErr = a.readImages() })
	return a.list, a.listErr
}

func (a *archive) readImages() ([]dockerImage, error) {
	b, err := a.read(fileDocker, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		if _, ok := a.docs["repositories"]; ok {
			return nil, &Error{Code: CodeUnsupported, Text: "an archive of Docker before 1.10, without manifest.json", Hint: "load it and save it again"}
		}
		return nil, bad("not an archive of images: there is neither manifest.json nor index.json", nil)
	}
	if err != nil {
		return nil, err
	}
	var list []dockerImage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, bad("manifest.json is not a list of images", jsonError(err, len(b)))
	}
	if len(list) == 0 {
		return nil, &Error{Code: CodeNotFound, Text: "manifest.json lists no image"}
	}
	return list, nil
}

// selector is what names image i after the path.
func (d *dockerImage) selector(i int) string {
	if len(d.RepoTags) > 0 && printable(d.RepoTags[0]) == d.RepoTags[0] {
		return ":" + d.RepoTags[0]
	}
	return ":@" + strconv.Itoa(i)
}

func (a *archive) expand(ref Reference) ([]Reference, error) {
	images, err := a.images()
	if err != nil {
		return nil, err
	}
	if len(images) == 1 {
		return []Reference{ref}, nil
	}
	list := make([]Reference, 0, len(images))
	for i := range images {
		r := ref
		r.Tag = images[i].selector(i)[1:]
		r.Raw = r.String()
		list = append(list, r)
	}
	return list, nil
}

// load reads one image of a docker save archive. Its digest is that of its
// config, which Docker calls its id: there is no manifest.
func (a *archive) load(m *Image, ref *Reference) error {
	images, err := a.images()
	if err != nil {
		return err
	}
	img, err := pick(images, ref)
	if err != nil {
		return err
	}
	b, err := a.read(img.Config, MaxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return bad("manifest.json names the config "+strconv.Quote(clip(img.Config))+", which is not there", nil)
	}
	if err != nil {
		return err
	}
	id := digestOf(b, "sha256:")
	if want := idOf(img.Config); want != "" && want != id {
		return &Error{Code: CodeDigest, Text: "the config " + want + " has the digest " + id}
	}
	p, err := parseConfig(b)
	if err != nil {
		return err
	}
	m.Digest, m.MediaType, m.Index = id, typeDockerConfig, No
	child := Child{Digest: id, MediaType: typeDockerConfig, FromConfig: true}
	child.platform(&p)
	m.Children = []Child{child}
	if child.OS == "windows" {
		m.checkVersion(&child, "the image's config")
	}
	return nil
}

// pick returns the image that a reference names.
func pick(images []dockerImage, ref *Reference) (*dockerImage, error) {
	if ref.Digest != "" {
		for i := range images {
			if idOf(images[i].Config) == ref.Digest {
				return &images[i], nil
			}
		}
		return nil, &Error{Code: CodeNotFound, Text: "no image has that id there"}
	}
	if n, ok := strings.CutPrefix(ref.Tag, "@"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= len(images) {
			return nil, &Error{Code: CodeNotFound, Text: "it holds " + strconv.Itoa(len(images)) + " images, counted from @0"}
		}
		return &images[i], nil
	}
	if ref.Tag == "" {
		if len(images) > 1 {
			return nil, several(len(images), ref, images[0].selector(0))
		}
		return &images[0], nil
	}
	for _, same := range [...]func(a, b string) bool{func(a, b string) bool { return a == b }, sameName} {
		for i := range images {
			for _, t := range images[i].RepoTags {
				if same(t, ref.Tag) {
					return &images[i], nil
				}
			}
		}
	}
	e := &Error{Code: CodeNotFound, Text: "no image is called " + strconv.Quote(clip(ref.Tag)) + " there"}
	var names []string
	for i := range images {
		if len(images[i].RepoTags) > 0 && len(names) < 8 {
			names = append(names, shown(images[i].RepoTags[0]))
		}
	}
	if len(names) > 0 {
		e.Hint = "there is " + strings.Join(names, ", ")
	}
	return nil, e
}

// idOf is the digest that the name of a config says, "" for none: HEX.json,
// sha256:HEX or blobs/sha256/HEX.
func idOf(name string) string {
	name = strings.TrimSuffix(name, ".json")
	if i := strings.LastIndexAny(name, "/:"); i >= 0 {
		name = name[i+1:]
	}
	if checkDigest("sha256:"+name) != "" {
		return ""
	}
	return "sha256:" + name
}
