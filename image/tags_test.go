package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTags(t *testing.T) {
	for _, c := range []struct {
		name  string
		page  func(w http.ResponseWriter, r *http.Request, n int)
		pages int
		want  string // tags, or the error's code and a part of its text
		tags  int
	}{
		{"one page", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, `{"name":"app","tags":["a","b"]}`)
		}, 1, "a b", 2},
		{"three pages, the links relative and absolute", func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				w.Header().Set("Link", `</v2/app/tags/list?last=b&n=2>; rel="next"`)
				fmt.Fprint(w, `{"tags":["a","b"]}`)
			case 2:
				w.Header().Set("Link", `<http://`+r.Host+`/v2/app/tags/list?last=d&n=2>; rel=next`)
				fmt.Fprint(w, `{"tags":["c","d"]}`)
			default:
				fmt.Fprint(w, `{"tags":["e"]}`)
			}
		}, 3, "a b c d e", 5},
		// go-containerregistry's registry: no link, and from the start again after the last.
		{"cut off without a word", func(w http.ResponseWriter, r *http.Request, n int) {
			first := 0
			if last := r.FormValue("last"); last != "" {
				if _, err := fmt.Sscanf(last, "%d", &first); err != nil || first == 1999 {
					first = -1
				}
				first++
			}
			for i := range 1000 {
				fmt.Fprintf(w, `%s"%04d"`, map[bool]string{true: `{"tags":[`, false: ","}[i == 0], first+i)
			}
			fmt.Fprint(w, "]}")
		}, 3, func() string {
			var all []string
			for i := range 2000 {
				all = append(all, fmt.Sprintf("%04d", i))
			}
			return strings.Join(all, " ")
		}(), 2000},
		{"no tags", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, `{"name":"app","tags":null}`) }, 1, "", 0},
		{"tags that no client can pull", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, `{"tags":["a","../b","c d",""]}`)
		}, 1, "a", 1},
		{"leads back", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Link", `</v2/app/tags/list?last=a>; rel="next"`)
			fmt.Fprint(w, `{"tags":["a"]}`)
		}, 2, "refused: leads back", 0},
		{"never ends", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Link", fmt.Sprintf(`</v2/app/tags/list?last=%d>; rel="next"`, n))
			fmt.Fprint(w, `{"tags":["a"]}`)
		}, 1000, "refused: more than 1000 pages", 0},
		{"too many", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Link", fmt.Sprintf(`</v2/app/tags/list?last=%d>; rel="next"`, n))
			fmt.Fprint(w, `{"tags":["a"`+strings.Repeat(`,"b"`, 60_000)+`]}`)
		}, 2, "refused: more than 100000 tags", 0},
		{"leads to another repository", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Link", `</v2/other/tags/list?last=a>; rel="next"`)
			fmt.Fprint(w, `{"tags":["a"]}`)
		}, 1, "refused: leads elsewhere", 0},
		{"not JSON", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, `<html>`) }, 1, "bad-manifest: not JSON", 0},
		{"a page without end", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, `{"tags":["`+strings.Repeat("a", 5<<20))
		}, 1, "refused: ", 0},
		{"no repository", func(w http.ResponseWriter, r *http.Request, n int) { http.NotFound(w, r) }, 1, "image-not-found: ", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n++
				c.page(w, r, n)
			}))
			defer s.Close()
			client := &Client{Insecure: true, Timeout: 20 * time.Second}
			ref, err := Parse(strings.TrimPrefix(s.URL, "http://") + "/app")
			if err != nil {
				t.Fatal(err)
			}
			tags, err := client.Tags(context.Background(), ref)
			if n != c.pages {
				t.Errorf("%d pages read, want %d", n, c.pages)
			}
			code, text, isErr := strings.Cut(c.want, ": ")
			if !isErr {
				if err != nil || strings.Join(tags, " ") != c.want || len(tags) != c.tags {
					t.Errorf("%q, %v, want %q", tags, err, c.want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != code || !strings.Contains(err.Error(), text) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}
