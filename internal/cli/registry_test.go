package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"
)

// registryCmds are the testscript commands around a registry in this process.
func registryCmds() map[string]func(*testscript.TestScript, bool, []string) {
	var counters sync.Map // scripts run side by side: a counter for each
	requests := func(ts *testscript.TestScript) *atomic.Int64 {
		n, _ := counters.LoadOrStore(ts, new(atomic.Int64))
		return n.(*atomic.Int64)
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		// registry FILE: starts a registry, $REGISTRY, that holds what FILE says, a
		// line each: REPOSITORY:TAG index|manifest CHILD…, a CHILD being
		// OS/ARCHITECTURE[=VERSION][@DAY], a VERSION in parentheses standing in the
		// config only: VERSION(OTHER) says another one there. DAY is when the
		// config was created.
		"registry": func(ts *testscript.TestScript, neg bool, args []string) {
			mem := ocimem.New()
			for _, line := range strings.Split(ts.ReadFile(args[0]), "\n") {
				if f := strings.Fields(line); len(f) > 0 {
					repo, tag, _ := strings.Cut(f[0], ":")
					ts.Check(push(mem, repo, tag, f[1] == "index", f[2:]))
				}
			}
			handler, count := ociserver.New(mem, nil), requests(ts)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				count.Add(1)
				handler.ServeHTTP(w, r)
			}))
			ts.Defer(s.Close)
			count.Store(0)
			ts.Setenv("REGISTRY", strings.TrimPrefix(s.URL, "http://"))
		},
		// requests N: so many requests came since the last call.
		"requests": func(ts *testscript.TestScript, neg bool, args []string) {
			if got := strconv.FormatInt(requests(ts).Swap(0), 10); got != args[0] {
				ts.Fatalf("%s requests, want %s", got, args[0])
			}
		},
	}
}

type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    digest.Digest     `json:"digest"`
	Size      int               `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`
}

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
)

// push puts an index, or the manifest of its only child, into a registry.
func push(r ociregistry.Interface, repo, tag string, index bool, children []string) error {
	ctx := context.Background()
	var list []descriptor
	for i, c := range children {
		c, day, dated := strings.Cut(c, "@")
		name, version, _ := strings.Cut(c, "=")
		os, arch, _ := strings.Cut(name, "/")
		stated := version
		if i := strings.IndexByte(version, '('); i >= 0 {
			stated, version = version[:i], strings.Trim(version[i:], "()")
		}
		values := map[string]any{"os": os, "architecture": arch, "os.version": version, "n": i, "rootfs": map[string]any{"type": "layers", "diff_ids": []string{}}}
		if dated {
			values["created"] = day + "T08:00:00Z"
		}
		config, _ := json.Marshal(values)
		d := descriptor{MediaType: typeConfig, Digest: digest.FromBytes(config), Size: len(config)}
		if _, err := r.PushBlob(ctx, repo, ociregistry.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: int64(d.Size)}, bytes.NewReader(config)); err != nil {
			return err
		}
		manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeManifest, "config": d, "layers": []any{}})
		name = tag
		if index {
			name = ""
		}
		if _, err := r.PushManifest(ctx, repo, name, manifest, typeManifest); err != nil {
			return err
		}
		platform := map[string]string{"os": os, "architecture": arch}
		if stated != "" {
			platform["os.version"] = stated
		}
		list = append(list, descriptor{typeManifest, digest.FromBytes(manifest), len(manifest), platform})
	}
	if !index {
		return nil
	}
	b, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": list})
	_, err := r.PushManifest(ctx, repo, tag, b, typeIndex)
	return err
}
