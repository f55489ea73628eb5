package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/registry"
)

const (
	repositories = 50
	tags         = 20 // of each repository

	typeIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeConfig   = "application/vnd.docker.container.image.v1+json"
)

// A server is a registry on the loopback interface that counts requests.
type server struct {
	*httptest.Server
	refs  []string
	count atomic.Int64
	heads atomic.Int64
}

// counts are requests.
type counts struct{ all, heads int64 }

// serve starts a registry that holds an index of three Windows versions and a
// Linux under each of 1,000 tags, and the repositories of many tags.
func serve() (*server, error) {
	s := &server{}
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count.Add(1)
		if r.Method == http.MethodHead {
			s.heads.Add(1)
		}
		h.ServeHTTP(w, r)
	}))
	host := strings.TrimPrefix(s.URL, "http://")
	for i := range repositories {
		repo := fmt.Sprintf("team%d/app%d", i%7, i)
		for j := range tags {
			if err := push(h, repo, fmt.Sprintf("v%d", j), i*tags+j); err != nil {
				s.Close()
				return nil, err
			}
			s.refs = append(s.refs, fmt.Sprintf("%s/%s:v%d", host, repo, j))
		}
	}
	if err := pushTags(h); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// requests counts the requests that a task makes.
func (s *server) requests(t task) (int64, error) {
	c, err := s.counted(t)
	return c.all, err
}

// counted counts them by sort.
func (s *server) counted(t task) (counts, error) {
	before := counts{s.count.Load(), s.heads.Load()}
	err := t.run()
	return counts{s.count.Load() - before.all, s.heads.Load() - before.heads}, err
}

type object = map[string]any

func push(h http.Handler, repo, tag string, n int) error {
	var list []object
	for _, p := range [][2]string{{"windows", "10.0.26100."}, {"windows", "10.0.20348."}, {"windows", "10.0.17763."}, {"linux", ""}} {
		platform := object{"os": p[0], "architecture": "amd64"}
		config := object{"os": p[0], "architecture": "amd64", "rootfs": object{"type": "layers", "diff_ids": []string{}}}
		if p[1] != "" {
			platform["os.version"] = p[1] + fmt.Sprint(2000+n)
			config["os.version"] = platform["os.version"]
		}
		c, err := json.Marshal(config)
		if err != nil {
			return err
		}
		if err := put(h, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest(c), "application/octet-stream", c); err != nil {
			return err
		}
		m, err := json.Marshal(object{"schemaVersion": 2, "mediaType": typeManifest, "layers": []object{},
			"config": object{"mediaType": typeConfig, "digest": digest(c), "size": len(c)}})
		if err != nil {
			return err
		}
		if err := put(h, "PUT", "/v2/"+repo+"/manifests/"+digest(m), typeManifest, m); err != nil {
			return err
		}
		list = append(list, object{"mediaType": typeManifest, "digest": digest(m), "size": len(m), "platform": platform})
	}
	index, err := json.Marshal(object{"schemaVersion": 2, "mediaType": typeIndex, "manifests": list})
	if err != nil {
		return err
	}
	return put(h, "PUT", "/v2/"+repo+"/manifests/"+tag, typeIndex, index)
}

func put(h http.Handler, method, path, contentType string, body []byte) error {
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != http.StatusCreated {
		return fmt.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return nil
}

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }
