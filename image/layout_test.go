package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tree is a layout or an archive being made: its files by name.
type tree map[string][]byte

func (f tree) json(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// add adds a blob and returns its descriptor.
func (f tree) add(mediaType string, b []byte) obj {
	f["blobs/sha256/"+strings.TrimPrefix(sha(b), "sha256:")] = b
	return obj{"mediaType": mediaType, "digest": sha(b), "size": len(b)}
}

// image adds an image with a layer that is no document.
func (f tree) image(t testing.TB, config obj) obj {
	t.Helper()
	layer := f.add("application/vnd.oci.image.layer.v1.tar+gzip", append([]byte{0x1f, 0x8b}, bytes.Repeat([]byte("layer"), 100)...))
	return f.add(typeOCIManifest, f.json(t, obj{"schemaVersion": 2, "mediaType": typeOCIManifest,
		"config": f.add(typeOCIConfig, f.json(t, config)), "layers": []obj{layer}}))
}

func (f tree) list(t testing.TB, entries ...obj) obj {
	t.Helper()
	return f.add(typeOCIIndex, f.json(t, obj{"schemaVersion": 2, "mediaType": typeOCIIndex, "manifests": entries}))
}

func (f tree) top(t testing.TB, entries ...obj) tree {
	t.Helper()
	f[fileLayout] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	f[fileIndex] = f.json(t, obj{"schemaVersion": 2, "manifests": entries})
	return f
}

func called(d obj, name string) obj {
	d = maps.Clone(d)
	d["annotations"] = obj{"org.opencontainers.image.ref.name": name}
	return d
}

func (f tree) dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range f {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tar writes the files, sorted, last ones last; prefix stands before each name.
func (f tree) tar(t testing.TB, prefix string, last ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(n string) bool { return slices.Contains(last, n) })
	for _, n := range append(names, last...) {
		if err := w.WriteHeader(&tar.Header{Name: prefix + n, Typeflag: tar.TypeReg, Size: int64(len(f[n])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f[n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func zip(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// two is a layout of two images: an index called 1.0, and a Linux image.
func two(t testing.TB) tree {
	t.Helper()
	f := tree{}
	index := f.list(t,
		with(f.image(t, windows("10.0.20348.5622")), windows("10.0.20348.5622")),
		with(f.image(t, windows("10.0.17763.9245")), obj{"os": "windows", "architecture": "amd64"}),
		with(f.image(t, obj{"os": "linux", "architecture": "amd64"}), obj{"os": "linux", "architecture": "amd64"}))
	return f.top(t, called(index, "1.0"), f.image(t, obj{"os": "linux", "architecture": "arm64"}))
}

const twoSays = "yes windows/amd64 10.0.20348.5622 windows/amd64 10.0.17763.9245* linux/amd64"

// saysOf is what an image holds, in a line; * for what only the config says.
func saysOf(m Image) string {
	s := m.Index.String()
	for i := range m.Children {
		c := &m.Children[i]
		s += " " + c.OS + "/" + c.Architecture
		if c.OSVersion != "" {
			s += " " + c.OSVersion
		}
		if c.FromConfig && c.OSVersion != "" {
			s += "*"
		}
	}
	return s
}

func TestLayout(t *testing.T) {
	f := two(t)
	plain := f.tar(t, "")
	for _, form := range []struct {
		name, ref string
		basis     Basis
	}{
		{"folder", "oci:" + f.dir(t), BasisLayout},
		{"archive", "oci-archive:" + file(t, plain), BasisArchive},
		{"dots", "oci-archive:" + file(t, f.tar(t, "./")), BasisArchive},
		{"gzip", "oci-archive:" + file(t, zip(t, plain)), BasisArchive},
		{"gzip, index last", "oci-archive:" + file(t, zip(t, f.tar(t, "", fileLayout, fileIndex))), BasisArchive},
		{"docker", "docker-archive:" + file(t, plain), BasisArchive},
	} {
		t.Run(form.name, func(t *testing.T) {
			c := quick()
			m := get(t, c, mustParse(t, form.ref+":1.0"))
			if got := saysOf(m); got != twoSays || m.Basis != form.basis || !m.Has(FindingVersionMissing) {
				t.Errorf("%s %s %v", m.Basis, got, m.Findings)
			}
			by := get(t, c, mustParse(t, form.ref+"@"+m.Digest))
			if saysOf(by) != twoSays {
				t.Errorf("by digest: %s", saysOf(by))
			}
			child := get(t, c, mustParse(t, form.ref+"@"+m.Children[1].Digest)) // not in index.json
			if got := saysOf(child); got != "no windows/amd64 10.0.17763.9245*" {
				t.Errorf("child by digest: %s", got)
			}
			offline := &Client{Offline: true}
			if got := saysOf(get(t, offline, mustParse(t, form.ref+":1.0"))); got != twoSays {
				t.Errorf("offline: %s", got)
			}
			refs, err := c.Expand(context.Background(), mustParse(t, form.ref))
			if err != nil || len(refs) != 2 || refs[0].Tag != "1.0" || refs[1].Digest == "" {
				t.Fatalf("%v %v", refs, err)
			}
			for i, r := range c.GetAll(context.Background(), refs) {
				if want := [...]string{twoSays, "no linux/arm64"}[i]; r.Err != nil || saysOf(r.Image) != want || r.Image.Reference != refs[i].String() {
					t.Errorf("%s: %s %v", refs[i].Raw, saysOf(r.Image), r.Err)
				}
			}
			fails(t, c, form.ref, CodeSeveral, "it holds 2 images")
			fails(t, c, form.ref+":2.0", CodeNotFound, `no image is called "2.0"`)
			fails(t, c, form.ref+"@"+sha([]byte("x")), CodeManifest, "is not there")
		})
	}
	t.Run("whole", func(t *testing.T) { // index.json is the index itself
		f := tree{}
		f.top(t, with(f.image(t, windows("10.0.20348.1")), windows("10.0.20348.1")), with(f.image(t, windows("10.0.17763.1")), windows("10.0.17763.1")))
		ref := mustParse(t, "oci:"+f.dir(t))
		m := get(t, quick(), ref)
		if saysOf(m) != "yes windows/amd64 10.0.20348.1 windows/amd64 10.0.17763.1" || m.Digest != sha(f[fileIndex]) {
			t.Errorf("%s %s", m.Digest, saysOf(m))
		}
		if refs, err := quick().Expand(context.Background(), ref); err != nil || len(refs) != 1 {
			t.Errorf("%v %v", refs, err)
		}
	})
	t.Run("nested", func(t *testing.T) {
		f := tree{}
		inner := f.list(t, with(f.image(t, windows("10.0.20348.1")), windows("10.0.20348.1")))
		f.top(t, f.list(t, inner))
		m := get(t, quick(), mustParse(t, "oci:"+f.dir(t)))
		if saysOf(m) != "yes windows/amd64 10.0.20348.1" || !m.Has(FindingIndexInIndex) {
			t.Errorf("%s %v", saysOf(m), m.Findings)
		}
	})
}

// fails holds the error of a reference and returns its hint.
func fails(t testing.TB, c *Client, ref, code, text string) (hint string) {
	t.Helper()
	_, err := c.Get(context.Background(), mustParse(t, ref))
	var e *Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Text, text) || !strings.HasPrefix(e.Text, ref) {
		t.Errorf("%s: error %v, want %s: %s", ref, err, code, text)
		return ""
	}
	return e.Hint
}

func TestLayoutRefused(t *testing.T) {
	digestFile := func(f tree, part string) string {
		for n, b := range f {
			if strings.HasPrefix(n, "blobs/") && bytes.Contains(b, []byte(part)) {
				return n
			}
		}
		t.Fatalf("no blob with %s", part)
		return ""
	}
	for _, c := range []struct {
		name       string
		breakIt    func(f tree)
		code, text string
	}{
		{"no index", func(f tree) { delete(f, fileIndex) }, CodeManifest, "there is no index.json"},
		{"version", func(f tree) { f[fileLayout] = []byte(`{"imageLayoutVersion":"2.0.0"}`) }, CodeUnsupported, `version "2.0.0"`},
		{"not JSON", func(f tree) { f[fileIndex] = []byte(`{"manifests":[`) }, CodeManifest, "index.json: not a manifest"},
		{"digest", func(f tree) { n := digestFile(f, `"manifests"`); f[n] = append(f[n], ' ') }, CodeDigest, "has the digest"},
		{"config digest", func(f tree) { n := digestFile(f, `"os.version":"10.0.17763.9245"`); f[n] = append(f[n], ' ') }, CodeDigest, "the config sha256:"},
		{"large", func(f tree) { f[fileIndex] = bytes.Repeat([]byte(" "), MaxManifest+1) }, CodeRefused, "larger than 4 MiB"},
		{"path", func(f tree) {
			f[fileIndex] = []byte(`{"manifests":[{"digest":"sha256:../../../../etc/passwd","annotations":{"org.opencontainers.image.ref.name":"1.0"}}]}`)
		}, CodeManifest, "digits, want 64"},
		{"many", func(f tree) {
			f[fileIndex] = []byte(`{"manifests":[` + strings.Repeat(`{},`, 1001) + `{}]}`)
		}, CodeRefused, "more than 1000 entries"},
		{"schema 1", func(f tree) {
			f[fileIndex] = f.json(t, obj{"manifests": []obj{called(f.add("", []byte(`{"schemaVersion":1,"fsLayers":[]}`)), "1.0")}})
		}, CodeManifest, "schema 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := two(t)
			c.breakIt(f)
			fails(t, quick(), "oci:"+f.dir(t)+":1.0", c.code, c.text)
			fails(t, quick(), "oci-archive:"+file(t, f.tar(t, ""))+":1.0", c.code, c.text)
			if c.name != "large" {
				fails(t, quick(), "oci-archive:"+file(t, zip(t, f.tar(t, "")))+":1.0", c.code, c.text)
			}
		})
	}
	fails(t, quick(), "oci:"+filepath.Join(t.TempDir(), "none"), CodeRead, "cannot be read")
	fails(t, quick(), "oci-archive:"+t.TempDir(), CodeRead, "it is a folder")
}

func TestLayoutLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // links there need a privilege
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(`{"manifests":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fileIndex, "blobs", "blobs/sha256"} {
		dir := two(t).dir(t)
		p := filepath.Join(dir, name)
		target := outside
		if name != fileIndex {
			target = filepath.Join(t.TempDir(), "away")
			if err := os.Rename(p, target); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, p); err != nil {
			t.Fatal(err)
		}
		fails(t, quick(), "oci:"+dir+":1.0", CodeRefused, name+" is a symbolic link")
	}
}

// save is an archive as docker save wrote it before 25, and as skopeo does.
func save(t testing.TB, f tree, versions ...string) tree {
	t.Helper()
	var list []obj
	for i, v := range versions {
		config := f.json(t, windows(v))
		name := strings.TrimPrefix(sha(config), "sha256:") + ".json"
		f[name] = config
		img := obj{"Config": name, "RepoTags": []string{"example/app:" + strconv.Itoa(i)}, "Layers": []string{"x/layer.tar"}}
		if i == 2 {
			img["RepoTags"] = nil
		}
		list = append(list, img)
	}
	f["x/layer.tar"] = bytes.Repeat([]byte{0}, 5000)
	f["repositories"] = []byte(`{}`)
	f[fileDocker] = f.json(t, list)
	return f
}

func TestDockerArchive(t *testing.T) {
	f := save(t, tree{}, "10.0.20348.1", "10.0.17763.2", "10.0.14393.3")
	for name, b := range map[string][]byte{"plain": f.tar(t, "", fileDocker), "gzip": zip(t, f.tar(t, "", fileDocker))} {
		t.Run(name, func(t *testing.T) {
			ref := "docker-archive:" + file(t, b)
			c := quick()
			for selector, want := range map[string]string{
				":example/app:1": "10.0.17763.2", ":docker.io/example/app:0": "10.0.20348.1", ":@2": "10.0.14393.3",
				"@" + sha(f.json(t, windows("10.0.17763.2"))): "10.0.17763.2",
			} {
				m := get(t, c, mustParse(t, ref+selector))
				if saysOf(m) != "no windows/amd64 "+want+"*" || m.Digest != sha(f.json(t, windows(want))) || m.MediaType != typeDockerConfig {
					t.Errorf("%s: %s", selector, saysOf(m))
				}
			}
			refs, err := c.Expand(context.Background(), mustParse(t, ref))
			if err != nil || len(refs) != 3 || refs[0].Tag != "example/app:0" || refs[2].Tag != "@2" {
				t.Errorf("%v %v", refs, err)
			}
			fails(t, c, ref, CodeSeveral, "3 images")
			fails(t, c, ref+":@3", CodeNotFound, "3 images")
			if hint := fails(t, c, ref+":no", CodeNotFound, "no image is called"); !strings.Contains(hint, "example/app:0") {
				t.Errorf("hint %q", hint)
			}
		})
	}
	// The names that crane and Docker since 25 give to configs.
	for _, prefix := range []string{"sha256:", "blobs/sha256/"} {
		config := tree{}.json(t, windows("10.0.20348.1"))
		name := prefix + strings.TrimPrefix(sha(config), "sha256:")
		f := tree{name: config, fileDocker: tree{}.json(t, []obj{{"Config": name, "RepoTags": []string{"a:1"}}})}
		ref := "docker-archive:" + file(t, f.tar(t, ""))
		if m := get(t, quick(), mustParse(t, ref+"@"+sha(config))); saysOf(m) != "no windows/amd64 10.0.20348.1*" {
			t.Errorf("%s: %s", prefix, saysOf(m))
		}
		f[name] = append(config, ' ')
		fails(t, quick(), "docker-archive:"+file(t, f.tar(t, "")), CodeDigest, "the config "+sha(config))
	}
	one := save(t, tree{}, "10.0.20348.1")
	if m := get(t, quick(), mustParse(t, "docker-archive:"+file(t, one.tar(t, "")))); saysOf(m) != "no windows/amd64 10.0.20348.1*" {
		t.Error(saysOf(m))
	}
}

// docker save since 25 writes both forms; index.json has the manifests, and
// calls images by their full names.
func TestDockerArchiveOfBothForms(t *testing.T) {
	f := save(t, tree{}, "10.0.20348.1", "10.0.17763.2")
	entry := func(version, name, tag string) obj {
		d := f.image(t, windows(version))
		d["annotations"] = obj{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
		return d
	}
	f.top(t, entry("10.0.20348.1", "docker.io/library/app:1", "1"), entry("10.0.17763.2", "registry.example/app:1", "1"))
	ref := "docker-archive:" + file(t, f.tar(t, ""))
	c := quick()
	for name, want := range map[string]string{"app:1": "10.0.20348.1", "docker.io/library/app:1": "10.0.20348.1", "registry.example/app:1": "10.0.17763.2"} {
		m := get(t, c, mustParse(t, ref+":"+name))
		if saysOf(m) != "no windows/amd64 "+want+"*" || m.MediaType != typeOCIManifest {
			t.Errorf("%s: %s %s", name, m.MediaType, saysOf(m))
		}
	}
	fails(t, c, ref+":1", CodeSeveral, "several images")
	refs, err := c.Expand(context.Background(), mustParse(t, ref))
	if err != nil || len(refs) != 2 || refs[0].Tag != "docker.io/library/app:1" || refs[1].Tag != "registry.example/app:1" {
		t.Errorf("%v %v", refs, err)
	}
}

func TestArchiveRefused(t *testing.T) {
	one := func(change func(f tree)) []byte {
		f := save(t, tree{}, "10.0.20348.1")
		change(f)
		return f.tar(t, "")
	}
	config := strings.TrimPrefix(sha(tree{}.json(t, windows("10.0.20348.1"))), "sha256:") + ".json"
	twice := func() []byte {
		f := save(t, tree{}, "10.0.20348.1")
		return append(bytes.TrimRight(f.tar(t, ""), "\x00")[:len(f.tar(t, ""))-1024], f.tar(t, "")...)
	}
	link := func() []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(&tar.Header{Name: fileDocker, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole := one(func(tree) {})
	for _, c := range []struct {
		name       string
		b          []byte
		code, text string
	}{
		{"text", []byte(strings.Repeat("hello world\n", 100)), CodeManifest, "not a tar file"},
		{"empty", nil, CodeManifest, "the archive is empty"},
		{"cut", whole[:540], CodeManifest, "breaks off"},
		{"other", tree{"a": []byte("b")}.tar(t, ""), CodeManifest, "not an archive of images"},
		{"old", tree{"repositories": []byte("{}")}.tar(t, ""), CodeUnsupported, "before 1.10"},
		{"no config", one(func(f tree) { delete(f, config) }), CodeManifest, "which is not there"},
		{"config", one(func(f tree) { f[config] = []byte(`{"os":"linux"}`) }), CodeDigest, "has the digest"},
		{"outside", one(func(f tree) { f[fileDocker] = []byte(`[{"Config":"../../etc/passwd"}]`) }), CodeManifest, "which is not there"},
		{"layer", one(func(f tree) { f[fileDocker] = []byte(`[{"Config":"x/layer.tar"}]`) }), CodeManifest, "not"},
		{"no list", one(func(f tree) { f[fileDocker] = []byte(`{}`) }), CodeManifest, "not a list of images"},
		{"no image", one(func(f tree) { f[fileDocker] = []byte(`[]`) }), CodeNotFound, "lists no image"},
		{"link", link(), CodeRefused, "link or a special file"},
		{"twice", twice(), CodeRefused, "manifest.json twice"},
		{"xz", []byte("\xfd7zXZ\x00"), CodeUnsupported, "xz"},
		{"zstd", []byte("\x28\xb5\x2f\xfd\x00\x00"), CodeUnsupported, "zstd"},
		{"gzip", []byte("\x1f\x8bxxxxxxxxxxxxxxxx"), CodeRead, "not gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fails(t, quick(), "docker-archive:"+file(t, c.b), c.code, c.text)
			if !slices.Contains([]string{"xz", "zstd", "gzip", "empty"}, c.name) {
				fails(t, quick(), "docker-archive:"+file(t, zip(t, c.b)), c.code, c.text)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, b := range [][]byte{whole, zip(t, whole)} {
			if _, err := quick().Get(ctx, mustParse(t, "docker-archive:"+file(t, b))); err == nil {
				t.Error("read all the same")
			}
		}
	})
}

// A pipe is read once, without seeking.
func TestArchivePipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // no named pipe by mkfifo
	}
	name := filepath.Join(t.TempDir(), "pipe")
	mkfifo(t, name)
	b := save(t, tree{}, "10.0.20348.1", "10.0.17763.2").tar(t, "", fileDocker)
	go func() { _ = os.WriteFile(name, b, 0o600) }()
	c := quick()
	refs, err := c.Expand(context.Background(), mustParse(t, "docker-archive:"+name))
	if err != nil || len(refs) != 2 {
		t.Fatalf("%v %v", refs, err)
	}
	for i, r := range c.GetAll(context.Background(), refs) {
		if r.Err != nil || saysOf(r.Image) != "no windows/amd64 "+[...]string{"10.0.20348.1", "10.0.17763.2"}[i]+"*" {
			t.Errorf("%s: %v", saysOf(r.Image), r.Err)
		}
	}
}

// A large layer that is all hole: a file of 2 GiB that takes no room.
func sparse(t testing.TB, images int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sparse.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	layer := (int64(2<<30)/int64(images) - 4096) &^ 511
	var list []obj
	put := func(h *tar.Header, b []byte) {
		var head bytes.Buffer
		w := tar.NewWriter(&head)
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(head.Bytes()); err != nil {
			t.Fatal(err)
		}
		if b == nil {
			if _, err := f.Seek(h.Size, 1); err != nil {
				t.Fatal(err)
			}
			return
		}
		if _, err := f.Write(append(b, make([]byte, (512-len(b)%512)%512)...)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range images {
		config := tree{}.json(t, windows("10.0.20348."+strconv.Itoa(i)))
		id := strings.TrimPrefix(sha(config), "sha256:")
		put(&tar.Header{Name: id + ".json", Typeflag: tar.TypeReg, Size: int64(len(config))}, config)
		put(&tar.Header{Name: strconv.Itoa(i) + "/layer.tar", Typeflag: tar.TypeReg, Size: layer}, nil)
		list = append(list, obj{"Config": id + ".json", "RepoTags": []string{"app:" + strconv.Itoa(i)}, "Layers": []string{strconv.Itoa(i) + "/layer.tar"}})
	}
	b := tree{}.json(t, list)
	put(&tar.Header{Name: fileDocker, Typeflag: tar.TypeReg, Size: int64(len(b))}, b)
	if _, err := f.Write(make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	return name
}

func readSparse(t testing.TB, name string, images int) {
	t.Helper()
	c := quick()
	refs, err := c.Expand(context.Background(), mustParse(t, "docker-archive:"+name))
	if err != nil || len(refs) != images {
		t.Fatalf("%d %v", len(refs), err)
	}
	for i, r := range c.GetAll(context.Background(), refs) {
		if r.Err != nil || r.Image.Children[0].OSVersion != "10.0.20348."+strconv.Itoa(i) {
			t.Fatalf("%s %v", saysOf(r.Image), r.Err)
		}
	}
}

// Layers are not read: 500 images in 2 GiB take no longer than their headers.
func TestSparseArchive(t *testing.T) {
	name := sparse(t, 500)
	info, err := os.Stat(name)
	if err != nil || info.Size() < 2_000_000_000 {
		t.Fatalf("%v %v", info, err)
	}
	start := time.Now()
	readSparse(t, name, 500)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func BenchmarkSparseArchive(b *testing.B) {
	name := sparse(b, 500)
	b.ReportAllocs()
	for b.Loop() {
		readSparse(b, name, 500)
	}
}

// FuzzArchive reads an archive of whatever documents, one byte of it changed
// and cut off anywhere: no panic, and no more than an error. (Bytes alone would
// hardly ever be a tar file.)
func FuzzArchive(f *testing.F) {
	l := two(f)
	config := l.json(f, windows("10.0.20348.1"))
	f.Add([]byte(`[{"Config":"c.json","RepoTags":["a:1"]},{"Config":"c.json"}]`), []byte{}, "c.json", config, 0, byte(0), 0, false)
	f.Add([]byte(`[{"Config":"./c.json"}]`), []byte{}, "./c.json", config, 300, byte('1'), 0, true)
	f.Add([]byte(`[]`), l[fileIndex], "blobs/sha256/"+strings.Repeat("0", 64), config, 0, byte(0), 600, true)
	f.Add([]byte(`{}`), []byte(`{"manifests":[]}`), fileLayout, []byte(`{"imageLayoutVersion":"1.0.0"}`), 156, byte('2'), 0, false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, list, index []byte, blob string, content []byte, at int, flip byte, cut int, packed bool) {
		files := tree{fileDocker: list}
		if len(index) > 0 {
			files[fileIndex] = index
		}
		if blob != "" && len(blob) < 200 {
			files[blob] = content
		}
		var made bytes.Buffer
		w := tar.NewWriter(&made)
		for _, n := range slices.Sorted(maps.Keys(files)) {
			if w.WriteHeader(&tar.Header{Name: n, Typeflag: tar.TypeReg, Size: int64(len(files[n])), Format: tar.FormatPAX}) != nil {
				return // a name that no tar file can hold
			}
			_, _ = w.Write(files[n])
		}
		_ = w.Close()
		b := made.Bytes()
		if at >= 0 && at < len(b) {
			b[at] ^= flip
		}
		if cut > 0 && cut < len(b) {
			b = b[:cut]
		}
		if packed {
			b = zip(t, b)
		}
		name := filepath.Join(dir, "a")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{OCIArchive, DockerArchive} {
			c := quick()
			refs, err := c.Expand(context.Background(), Reference{Kind: kind, Path: name})
			if err != nil {
				checkError(t, err)
				continue
			}
			for _, ref := range refs[:min(len(refs), 4)] {
				m, err := c.Get(context.Background(), ref)
				if err != nil {
					checkError(t, err)
				} else if m.Digest == "" || len(m.Children) == 0 && !m.Has(FindingIndexEmpty) && !m.Has(FindingIndexDepth) {
					t.Fatalf("%+v", m)
				}
			}
		}
	})
}

func checkError(t testing.TB, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code == "" || e.Text == "" || len(e.Text) > 2000 {
		t.Fatalf("%v", err)
	}
}

// FuzzLayout reads whatever index.json and whatever blob it leads to.
func FuzzLayout(f *testing.F) {
	l := two(f)
	f.Add(l[fileIndex], l["blobs/sha256/"+strings.TrimPrefix(sha(l[fileIndex]), "sha256:")], l[fileLayout])
	f.Add([]byte(`{"manifests":[{"digest":"sha256:`+hex64+`"}]}`), []byte(`{"config":{"digest":"sha256:`+hex64+`"}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, index, blob, version []byte) {
		files := held{fileIndex: index, fileLayout: version}
		l, err := openLayout(files)
		if err != nil {
			checkError(t, err)
			return
		}
		for i := range l.index.entries {
			// Whatever the digest: the content is what is fuzzed.
			files[blobPath(l.index.entries[i].Digest)] = blob
		}
		l.index.entries = append(l.index.entries, wireDesc{Digest: sha(blob)})
		files[blobPath(sha(blob))] = blob
		for _, ref := range append(l.expand(Reference{Kind: Layout, Path: "x"}), Reference{Kind: Layout, Digest: sha(blob)}) {
			doc, digest, err := l.open(context.Background(), &ref)
			if err != nil {
				checkError(t, err)
				continue
			}
			m := Image{Digest: digest}
			if err := m.load(context.Background(), l, doc, true); err != nil {
				checkError(t, err)
			}
		}
	})
}

// held are files in memory.
type held map[string][]byte

func (h held) read(name string, limit int64) ([]byte, error) {
	b, ok := h[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	if int64(len(b)) > limit {
		return nil, &Error{Code: CodeRefused, Text: name + " is too large"}
	}
	return b, nil
}
