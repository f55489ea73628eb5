package image

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// files are the files of a layout or an archive, by the name that they have
// there.
type files interface {
	// read returns a file of at most limit bytes. One that is not there is
	// fs.ErrNotExist; other errors are *Error.
	read(name string, limit int64) ([]byte, error)
}

// folder are the files of a layout on disk. Nothing outside it is read, and no
// symbolic link in it is followed.
type folder struct{ root *os.Root }

func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(err)
	}
	return &folder{root}, nil
}

func unreadable(err error) error {
	return &Error{Code: CodeRead, Text: "cannot be read", Err: bare(err)}
}

// bare takes the path out of an error: it stands before it already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (d *folder) read(name string, limit int64) ([]byte, error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := d.root.Lstat(name[:i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fs.ErrNotExist
		case err != nil:
			return nil, &Error{Code: CodeRead, Text: name + " cannot be read", Err: bare(err)}
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, &Error{Code: CodeRefused, Text: name[:i] + " is a symbolic link, which is not followed", Hint: "copy the layout with its links resolved: cp -rL"}
		case i == len(name) && !info.Mode().IsRegular(), i < len(name) && !info.IsDir():
			return nil, &Error{Code: CodeRead, Text: name[:i] + " is not what it should be: " + info.Mode().Type().String()}
		}
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, &Error{Code: CodeRead, Text: name + " cannot be read", Err: bare(err)}
	}
	defer f.Close()
	return readFile(f, name, limit)
}

func readFile(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, &Error{Code: CodeRead, Text: name + " cannot be read", Err: bare(err)}
	}
	if int64(len(b)) > limit {
		return nil, &Error{Code: CodeRefused, Text: name + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	return b, nil
}

// layout is an OCI image layout, in a folder or in a tar file. Source:
// opencontainers/image-spec image-layout.md.
type layout struct {
	files
	raw   []byte // index.json
	index *document
}

const (
	fileIndex  = "index.json"
	fileLayout = "oci-layout"
)

// openLayout reads index.json. The text of errors goes after the layout's name.
func openLayout(f files) (*layout, error) {
	raw, err := f.read(fileIndex, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad("not an OCI image layout: there is no index.json", nil)
	}
	if err != nil {
		return nil, err
	}
	if b, err := f.read(fileLayout, 1<<16); err == nil {
		// {"imageLayoutVersion": "1.0.0"}
		if v := stringMember(b, "imageLayoutVersion"); !strings.HasPrefix(v, "1.") {
			return nil, &Error{Code: CodeUnsupported, Text: "oci-layout says version " + strconv.Quote(clip(v)) + ", want 1.x"}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	doc, err := parseDocument(raw, typeOCIIndex)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			about := *e
			about.Text = "index.json: " + e.Text
			return nil, &about
		}
		return nil, err
	}
	return &layout{f, raw, doc}, nil
}

// blobPath is where a layout keeps a digest that has been checked.
func blobPath(digest string) string {
	alg, hex, _ := strings.Cut(digest, ":")
	return path.Join("blobs", alg, hex)
}

func (l *layout) content(digest string, limit int64, what string) ([]byte, error) {
	if err := checkDigest(digest); err != "" {
		return nil, bad("digest "+strconv.Quote(clip(digest))+": "+err, nil)
	}
	b, err := l.read(blobPath(digest), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad("the "+what+" "+digest+" is not there", nil)
	}
	if err != nil {
		return nil, err
	}
	if got := digestOf(b, digest); got != digest {
		return nil, &Error{Code: CodeDigest, Text: "the " + what + " " + digest + " has the digest " + got}
	}
	return b, nil
}

// document implements store.
func (l *layout) document(_ context.Context, digest string) ([]byte, string, error) {
	b, err := l.content(digest, MaxManifest, "manifest")
	return b, "", err
}

// blob implements store.
func (l *layout) blob(_ context.Context, digest string) ([]byte, error) {
	return l.content(digest, MaxConfig, "config")
}

// whole reports whether index.json is not a list of images but the index of
// one: several entries, all with a platform and none with a name.
func (l *layout) whole() bool {
	for i := range l.index.entries {
		if e := &l.index.entries[i]; e.Platform == nil || e.name() != "" {
			return false
		}
	}
	return len(l.index.entries) > 1
}

// name is what an entry of index.json is called, "" for nothing.
func (e *wireDesc) name() string {
	if e.Notes == nil {
		return ""
	}
	if e.Notes.ImageName != "" {
		return e.Notes.ImageName
	}
	return e.Notes.RefName
}

// called reports whether an entry of index.json is called so.
func (e *wireDesc) called(name string) bool {
	return e.Notes != nil && (e.Notes.RefName == name || e.Notes.ImageName != "" && sameName(e.Notes.ImageName, name))
}

// sameName reports whether Docker takes two names for one.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := Parse(a)
	y, err2 := Parse(b)
	return err1 == nil && err2 == nil && x.Kind == Registry && y.Kind == Registry && x.String() == y.String()
}

// find returns the position of the entry of index.json that a reference names,
// -1 for index.json itself and -2 for a digest that only the blobs may have.
func (l *layout) find(ref *Reference) (int, error) {
	list := l.index.entries
	switch {
	case ref.Digest != "":
		for i := range list {
			if list[i].Digest == ref.Digest {
				return i, nil
			}
		}
		if digestOf(l.raw, ref.Digest) == ref.Digest {
			return -1, nil
		}
		return -2, nil
	case ref.Tag != "":
		found := -1
		for i := range list {
			if !list[i].called(ref.Tag) {
				continue
			}
			if found >= 0 && list[found].Digest != list[i].Digest {
				return 0, &Error{Code: CodeSeveral, Text: "index.json calls several images " + strconv.Quote(clip(ref.Tag)), Hint: "name one by its digest: @" + list[i].Digest}
			}
			found = i
		}
		if found >= 0 {
			return found, nil
		}
		e := &Error{Code: CodeNotFound, Text: "no image is called " + strconv.Quote(clip(ref.Tag)) + " there"}
		var names []string
		for i := range list {
			if n := list[i].name(); n != "" && len(names) < 8 {
				names = append(names, shown(n))
			}
		}
		if len(names) > 0 {
			e.Hint = "there is " + strings.Join(names, ", ")
		}
		return 0, e
	case len(list) == 1:
		return 0, nil
	case len(list) == 0:
		return 0, &Error{Code: CodeNotFound, Text: "index.json lists no image"}
	case l.whole():
		return -1, nil
	}
	return 0, several(len(list), ref, list[0].selector())
}

func several(n int, ref *Reference, selector string) error {
	return &Error{Code: CodeSeveral, Text: "it holds " + strconv.Itoa(n) + " images, which one is not said",
		Hint: "name one: " + prefixes[ref.Kind] + ref.Path + selector}
}

// selector is what names the entry after the path.
func (e *wireDesc) selector() string {
	if n := e.name(); n != "" {
		return ":" + n
	}
	return "@" + e.Digest
}

// open returns the document that a reference names.
func (l *layout) open(ctx context.Context, ref *Reference) (doc *document, digest string, err error) {
	i, err := l.find(ref)
	switch {
	case err != nil:
		return nil, "", err
	case i == -1:
		return l.index, digestOf(l.raw, ref.Digest), nil
	case i == -2:
		body, _, err := l.document(ctx, ref.Digest)
		if err != nil {
			return nil, "", err
		}
		doc, err = parseDocument(body, "")
		return doc, ref.Digest, err
	}
	e := &l.index.entries[i]
	doc, err = manifestOf(ctx, l, e)
	return doc, e.Digest, err
}

// expand names every image of the layout.
func (l *layout) expand(ref Reference) []Reference {
	if len(l.index.entries) < 2 || l.whole() {
		return []Reference{ref}
	}
	var list []Reference
	for i := range l.index.entries {
		e := &l.index.entries[i]
		r := ref
		if n := e.name(); n != "" && printable(n) == n && !l.ambiguous(n) {
			r.Tag = n
		} else {
			r.Digest = e.Digest
		}
		r.Raw = r.String()
		list = append(list, r)
	}
	return list
}

// ambiguous reports whether entries of several digests bear a name.
func (l *layout) ambiguous(name string) bool {
	_, err := l.find(&Reference{Tag: name})
	return err != nil
}

// readPlace reads an image that is not in a registry.
func (c *Client) readPlace(ctx context.Context, ref Reference, m Image) (Image, error) {
	var err error
	switch ref.Kind {
	case Daemon:
		err = m.inspect(ctx, &ref)
	case Layout:
		var d *folder
		if d, err = openFolder(ref.Path); err == nil {
			defer d.root.Close()
			var l *layout
			if l, err = openLayout(d); err == nil {
				err = c.readLayout(ctx, &m, l, &ref)
			}
		}
	default:
		var a *archive
		if a, err = c.archive(ctx, ref.Path); err != nil {
			break
		}
		if !a.layout(&ref) {
			err = a.load(&m, &ref)
			break
		}
		var l *layout
		if l, err = a.open(); err == nil {
			err = c.readLayout(ctx, &m, l, &ref)
		}
	}
	if err != nil {
		return Image{}, about(&ref, err)
	}
	return m, nil
}

func (c *Client) readLayout(ctx context.Context, m *Image, l *layout, ref *Reference) error {
	doc, digest, err := l.open(ctx, ref)
	if err != nil {
		return err
	}
	m.Digest = digest
	return m.load(ctx, l, doc, c.Deep)
}

// about puts the reference before an error's text.
func about(ref *Reference, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: CodeRead, Text: ref.String(), Err: err}
	}
	a := *e
	a.Text = ref.String() + ": " + e.Text
	return &a
}

// Expand returns the references to each image behind a reference: several
// where it names a layout or an archive of several images and does not say
// which one, else itself.
func (c *Client) Expand(ctx context.Context, ref Reference) ([]Reference, error) {
	if ref.Tag != "" || ref.Digest != "" {
		return []Reference{ref}, nil
	}
	switch ref.Kind {
	case Layout:
		d, err := openFolder(ref.Path)
		if err != nil {
			return nil, about(&ref, err)
		}
		defer d.root.Close()
		l, err := openLayout(d)
		if err != nil {
			return nil, about(&ref, err)
		}
		return l.expand(ref), nil
	case OCIArchive, DockerArchive:
		a, err := c.archive(ctx, ref.Path)
		if err != nil {
			return nil, about(&ref, err)
		}
		if !a.layout(&ref) {
			list, err := a.expand(ref)
			if err != nil {
				return nil, about(&ref, err)
			}
			return list, nil
		}
		l, err := a.open()
		if err != nil {
			return nil, about(&ref, err)
		}
		return l.expand(ref), nil
	}
	return []Reference{ref}, nil
}
