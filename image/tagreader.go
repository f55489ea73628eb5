package image

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// A TagReader reads tags of one repository, each distinct image once. A list of
// tags names no digests; so the digest of a tag is asked first, by HEAD, an
// answer without a body that Docker Hub does not count as a pull, and what it
// leads to is read where it has not been yet. Its methods must not be called at
// the same time.
type TagReader struct {
	c      *Client
	ref    Reference
	images map[string]Result // by digest
}

// TagReader returns a reader of a reference's repository.
func (c *Client) TagReader(ref Reference) *TagReader {
	return &TagReader{c, Reference{Host: ref.Host, Repository: ref.Repository}, map[string]Result{}}
}

// Read reads tags, at most Parallel of them at once. The results are in the
// order of the tags; those of one digest share their slices.
func (t *TagReader) Read(ctx context.Context, tags []string) []Result {
	results := make([]Result, len(tags))
	digests := make([]string, len(tags))
	t.c.each(len(tags), func(i int) {
		digests[i], results[i].Err = t.digest(ctx, tags[i])
	})
	var todo []Reference // by digest; by tag where the registry names no digest
	var at []int
	asked := map[string]bool{}
	for i, d := range digests {
		if _, read := t.images[d]; results[i].Err != nil || d != "" && (read || asked[d]) {
			continue
		}
		asked[d] = true
		ref := t.ref
		if ref.Digest = d; d == "" {
			ref.Tag = tags[i]
		}
		todo, at = append(todo, ref), append(at, i)
	}
	for i, r := range t.c.GetAll(ctx, todo) {
		if d := digests[at[i]]; d != "" {
			t.images[d] = r
		} else {
			results[at[i]] = r
		}
	}
	for i, d := range digests {
		if r, ok := t.images[d]; ok && d != "" {
			results[i] = r
		}
		results[i].Image.Reference = t.ref.Name() + ":" + tags[i]
	}
	return results
}

// digest asks for the digest of a tag, "" where the registry does not say it.
func (t *TagReader) digest(ctx context.Context, tag string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.c.timeout())
	defer cancel()
	r := t.c.repository(t.ref)
	resp, err := r.send(ctx, &request{method: http.MethodHead, url: "/manifests/" + tag, accept: acceptManifests})
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		said := resp.Header.Get("Docker-Content-Digest")
		switch code := resp.StatusCode; {
		case code == http.StatusOK && checkDigest(said) == "":
			return said, nil
		case code == http.StatusOK, code == http.StatusMethodNotAllowed, code == http.StatusNotImplemented:
			return "", nil
		}
		err = r.status(resp, "manifest")
	}
	ref := t.ref
	ref.Tag = tag
	err = r.about(ref, err)
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = &Error{Code: CodeUnreachable, Text: "reading " + ref.String() + " was given up", Err: ctx.Err()}
	}
	return "", err
}

// each calls f for 0 to n-1, Parallel calls at a time.
func (c *Client) each(n int, f func(i int)) {
	workers := c.Parallel
	if workers <= 0 {
		workers = 16
	}
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := range jobs {
				f(i)
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}
