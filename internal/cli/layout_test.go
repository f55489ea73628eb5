package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"
)

// layoutCmds are the testscript commands that make layouts and archives.
func layoutCmds() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		// layout DIR FILE: an OCI layout of what FILE says, as registry reads it,
		// each image called by its tag.
		"layout": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(makeLayout(ts.MkAbs(args[0]), ts.ReadFile(args[1])))
		},
		// archive FILE DIR: a tar file of a folder, compressed where it is called .gz.
		"archive": func(ts *testscript.TestScript, neg bool, args []string) {
			var b bytes.Buffer
			var w io.Writer = &b
			var z *gzip.Writer
			if strings.HasSuffix(args[0], ".gz") {
				z = gzip.NewWriter(&b)
				w = z
			}
			t := tar.NewWriter(w)
			ts.Check(t.AddFS(os.DirFS(ts.MkAbs(args[1]))))
			ts.Check(t.Close())
			if z != nil {
				ts.Check(z.Close())
			}
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
		},
		// dockersave DIR VERSION…: what docker save writes, before it is a tar file:
		// an image for each version, called app:0, app:1 and so on.
		"dockersave": func(ts *testscript.TestScript, neg bool, args []string) {
			dir := ts.MkAbs(args[0])
			var list []map[string]any
			for i, v := range args[1:] {
				config, err := json.Marshal(map[string]string{"os": "windows", "architecture": "amd64", "os.version": v})
				ts.Check(err)
				name := digest.FromBytes(config).Encoded() + ".json"
				ts.Check(put(dir, name, config))
				list = append(list, map[string]any{"Config": name, "RepoTags": []string{"app:" + string(rune('0'+i))}, "Layers": []string{}})
			}
			b, err := json.Marshal(list)
			ts.Check(err)
			ts.Check(put(dir, "manifest.json", b))
		},
	}
}

func put(dir, name string, b []byte) error {
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p, b, 0o600)
}

func makeLayout(dir, spec string) error {
	ctx := context.Background()
	mem := ocimem.New()
	var top []map[string]any
	for line := range strings.SplitSeq(spec, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		repo, tag, _ := strings.Cut(f[0], ":")
		if err := push(mem, repo, tag, f[1] == "index", f[2:]); err != nil {
			return err
		}
		blob := func(r ociregistry.BlobReader, err error) ([]byte, error) {
			if err != nil {
				return nil, err
			}
			defer r.Close()
			b, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			return b, put(dir, "blobs/sha256/"+digest.FromBytes(b).Encoded(), b)
		}
		b, err := blob(mem.GetTag(ctx, repo, tag))
		if err != nil {
			return err
		}
		var doc struct {
			MediaType string
			Manifests []struct{ Digest ociregistry.Digest }
			Config    struct{ Digest ociregistry.Digest }
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			return err
		}
		top = append(top, map[string]any{"mediaType": doc.MediaType, "digest": digest.FromBytes(b), "size": len(b),
			"annotations": map[string]string{"org.opencontainers.image.ref.name": tag}})
		for _, m := range doc.Manifests {
			if b, err = blob(mem.GetManifest(ctx, repo, m.Digest)); err != nil {
				return err
			}
			if err := json.Unmarshal(b, &doc); err != nil {
				return err
			}
			if _, err := blob(mem.GetBlob(ctx, repo, doc.Config.Digest)); err != nil {
				return err
			}
		}
		if len(doc.Manifests) == 0 {
			if _, err := blob(mem.GetBlob(ctx, repo, doc.Config.Digest)); err != nil {
				return err
			}
		}
	}
	b, err := json.MarshalIndent(map[string]any{"schemaVersion": 2, "manifests": top}, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(put(dir, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)), put(dir, "index.json", b))
}
