//go:build realparts

package faults_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/winmatch/winmatch/test/parts"
)

// hostileFaults are answers that no good registry gives.
func hostileFaults(t *testing.T) ([]fault, []*other) {
	pass := passOn(t)
	storage := newOther(t, "STORAGE", true, func(w http.ResponseWriter, r *http.Request) { // a good one, of the registry's
		if r.URL.Query().Get("sig") != signature {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.SetBasicAuth(parts.User, parts.Password)
		pass.ServeHTTP(w, r)
	})
	thief := newOther(t, "ELSEWHERE", true, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="give me"`)
	})
	open := newOther(t, "PLAIN-HTTP", false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

	var list []fault
	group := ""
	add := func(name string, bad tamper, verbs ...string) {
		list = append(list, fault{group: group, name: name, verbs: verbs, at: func(t *testing.T) place { return newFront(t, bad).place() }})
	}
	to := func(code int, match func(*http.Request) bool, where func(f *front, r *http.Request) string) tamper {
		return func(f *front, w http.ResponseWriter, r *http.Request) bool {
			return match(r) && refuse(w, code, "Location", where(f, r))
		}
	}

	group = "Content that is not what it should be"
	add("a byte of an index or manifest changed", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if !asks(r, "GET", "/manifests/") {
			return false
		}
		a := f.real(r)
		b := bytes.Replace(a.Body.Bytes(), []byte("amd64"), []byte("amd65"), 1)
		return a.Code == http.StatusOK && refuse(w, http.StatusOK, "Docker-Content-Digest", a.Header().Get("Docker-Content-Digest")) && reply(w, a.Header().Get("Content-Type"), b)
	})
	add("a byte of a config changed", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		return blob(r) && reply(w, "application/octet-stream", bytes.Replace(f.real(r).Body.Bytes(), []byte("20348"), []byte("17763"), 1))
	})
	add("body longer than its Content-Length", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		b := f.real(r).Body.String()
		return raw(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", parts.OCI[0], len(b)/2), b)
	})
	add("body shorter than its Content-Length", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		b := f.real(r).Body.String()
		return raw(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", parts.OCI[0], len(b)*2), b)
	})
	add("manifest larger than its descriptor says", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		return index(r) && reply(w, parts.OCI[0], resized(f.real(r).Body.Bytes(), -100))
	})
	add("manifest smaller than its descriptor says", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		return index(r) && reply(w, parts.OCI[0], resized(f.real(r).Body.Bytes(), 100))
	})
	add("5 GB announced", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return document(r) && raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n", strings.Repeat(" ", 1<<16))
	})
	add("a body without end", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		w.Header().Set("Content-Type", parts.OCI[0])
		for zeros := make([]byte, 1<<16); r.Context().Err() == nil; {
			if _, err := w.Write(zeros); err != nil {
				break
			}
		}
		return true
	})
	add("headers without end", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		texts := []string{"HTTP/1.1 200 OK\r\n"}
		for i := range 4000 {
			texts = append(texts, fmt.Sprintf("X-%d: %s\r\n", i, strings.Repeat("x", 1000)))
		}
		return raw(w, texts...)
	})
	bomb := sync.OnceValue(func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		for zeros := make([]byte, 1<<20); b.Len() < 1<<14; {
			_, _ = z.Write(zeros)
		}
		_ = z.Close()
		return b.Bytes()
	})
	add("a bomb of gzip, which was not asked for", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		w.Header().Set("Content-Encoding", "gzip")
		return reply(w, parts.OCI[0], bomb())
	})
	text := func(s string) tamper {
		return func(_ *front, w http.ResponseWriter, r *http.Request) bool {
			return document(r) && reply(w, parts.OCI[0], []byte(s))
		}
	}
	add("JSON 100,000 levels deep", text(`{"manifests":`+strings.Repeat("[", 100_000)))
	add("half of a JSON", text(`{"schemaVersion":2,"manifests":[{"mediaType":"appl`))
	add("a page of HTML", text("<!DOCTYPE html><title>Sign in</title>"))
	entry := func(i int, platform string) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%064x","size":100,"platform":%s}`, parts.OCI[1], i, platform)
	}
	add("invalid UTF-8 and terminal escapes in os.version", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return index(r) && reply(w, parts.OCI[0], []byte(`{"schemaVersion":2,"manifests":[`+
			entry(1, `{"os":"windows","architecture":"amd64","os.version":"10.0.20348.`+"\xff\\u001b]0;x\\u0007"+`"}`)+`]}`))
	})
	add("an index of 10,000 images", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !index(r) {
			return false
		}
		var all []string
		for i := range 10_000 {
			all = append(all, entry(i, `{"os":"windows","architecture":"amd64","os.version":"10.0.20348.1"}`))
		}
		return reply(w, parts.OCI[0], []byte(`{"schemaVersion":2,"manifests":[`+strings.Join(all, ",")+`]}`))
	})
	add("a manifest of more than 4 MiB", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return index(r) && reply(w, parts.OCI[0], []byte(`{"schemaVersion":2,"manifests":[],"annotations":{"x":"`+strings.Repeat("x", 4<<20)+`"}}`))
	})
	add("an index that contains itself", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		return asks(r, "GET", "/manifests/") && reply(w, parts.OCI[0], []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"`+parts.OCI[0]+`","digest":"sha256:`+strings.Repeat("a", 64)+`","size":200}]}`))
	})
	chain := map[string][]byte{}
	below := entry(1, `{"os":"windows","architecture":"amd64"}`)
	top := ""
	for range 100 {
		b := []byte(`{"schemaVersion":2,"manifests":[` + below + `]}`)
		top = parts.Digest(b)
		chain[top] = b
		below = fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, parts.OCI[0], top, len(b))
	}
	add("100 indexes in one another", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !asks(r, "GET", "/manifests/") {
			return false
		}
		_, digest, _ := strings.Cut(r.URL.Path, "/manifests/")
		if digest == "1" {
			digest = top
		}
		return chain[digest] != nil && reply(w, parts.OCI[0], chain[digest])
	})

	group = "Lists of tags"
	page := func(tags ...string) []byte {
		b, err := json.Marshal(object{"name": "x", "tags": tags})
		if err != nil {
			t.Error(err)
		}
		return b
	}
	add("a next page for ever", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !tags(r) {
			return false
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("last"))
		w.Header().Set("Link", fmt.Sprintf(`<%s?n=1000&last=%d>; rel="next"`, r.URL.Path, n+1))
		return reply(w, "application/json", page(fmt.Sprint("t", n)))
	}, "tag")
	add("a next page that is the same", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return tags(r) && refuse(w, http.StatusOK, "Link", "<"+r.URL.Path+`?n=1000>; rel="next"`) && reply(w, "application/json", page("1"))
	}, "tag")
	add("a next page on another host", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !tags(r) {
			return false
		}
		w.Header().Set("Link", "<"+thief.URL+`/x/tags/list?n=1000&last=1>; rel="next"`)
		return reply(w, "application/json", page("1"))
	}, "tag")
	add("200,000 tags on one page", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if !tags(r) {
			return false
		}
		var all []string
		for i := range 200_000 {
			all = append(all, fmt.Sprint("t", i))
		}
		return reply(w, "application/json", page(all...))
	}, "tag")
	add("names that are no tags", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return tags(r) && reply(w, "application/json", page("../../x", "a b", "\x1b[31m", strings.Repeat("x", 10_000), ""))
	}, "tag")

	group = "Redirects"
	add("to another host, with a signature", to(307, func(r *http.Request) bool { return blob(r) || asks(r, "GET", "/manifests/") },
		func(f *front, r *http.Request) string { return storage.URL + r.URL.Path + "?sig=" + signature }))
	add("to another host, which wants a password", to(307, document, func(*front, *http.Request) string { return thief.URL + "/x?sig=" + signature }))
	add("to an address with a password", to(302, document, func(*front, *http.Request) string {
		return strings.Replace(thief.URL, "https://", "https://"+parts.User+":"+parts.Password+"@", 1)
	}))
	add("to a link-local address", to(302, document, func(*front, *http.Request) string { return "https://169.254.169.254/latest/meta-data/" }))
	add("to a link-local address of IPv6", to(302, document, func(*front, *http.Request) string { return "https://[fe80::1]/" }))
	add("to itself", to(301, document, func(f *front, r *http.Request) string { return r.URL.Path }))
	add("to plain HTTP", to(308, document, func(*front, *http.Request) string { return open.URL + "/" }))
	add("to a file", to(302, document, func(*front, *http.Request) string { return "file:///etc/passwd" }))
	add("to nowhere", to(302, document, func(*front, *http.Request) string { return "" }))

	group = "Passwords and tokens"
	// A token server, and a registry that takes its tokens only.
	withTokens := func(realm func(f *front) string, serve tamper) tamper {
		return func(f *front, w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.URL.Path == "/token":
				return serve(f, w, r)
			case r.Header.Get("Authorization") != "Bearer "+bearer:
				return refuse(w, http.StatusUnauthorized, "WWW-Authenticate", `Bearer realm="`+realm(f)+`",service="x"`)
			}
			r.SetBasicAuth(parts.User, parts.Password)
			return false
		}
	}
	own := func(f *front) string { return f.URL + "/token" }
	give := func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password != parts.Password {
			return refuse(w, http.StatusUnauthorized)
		}
		return reply(w, "application/json", []byte(`{"token":"`+bearer+`","expires_in":300}`))
	}
	add("tokens (no fault)", withTokens(own, give))
	add("a token server that hangs", withTokens(own, func(f *front, _ http.ResponseWriter, r *http.Request) bool { return f.hang(r) }))
	add("a token that never ends", withTokens(own, func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				break
			}
		}
		return true
	}))
	add("a token server by plain HTTP", withTokens(func(*front) string { return open.URL + "/token" }, give))
	add("a token server at a link-local address", withTokens(func(*front) string { return "https://169.254.169.254/token" }, give))
	add("a token server with a password in its address", withTokens(func(f *front) string {
		return strings.Replace(f.URL, "https://", "https://a:b@", 1) + "/token"
	}, give))
	add("a token server that redirects to another host", withTokens(own, func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return refuse(w, http.StatusTemporaryRedirect, "Location", thief.URL+"/token?"+r.URL.RawQuery)
	}))
	add("a token server that repeats the password", withTokens(own, func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return refuse(w, http.StatusBadGateway, "X-Sent", r.Header.Get("Authorization"), "Content-Type", "application/json") && reply(w, "", []byte(`{"errors":[{"code":"`+parts.Password+`"}]}`))
	}))
	add("401 to every token", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			return give(f, w, r)
		}
		return refuse(w, http.StatusUnauthorized, "WWW-Authenticate", `Bearer realm="`+own(f)+`",service="x"`)
	})
	add("401 to every password", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return refuse(w, http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="x"`)
	})
	add("403 that repeats the password", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		_, password, _ := r.BasicAuth()
		w.Header().Set("WWW-Authenticate", `Basic realm="`+password+`"`)
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, password, r.Header.Get("Authorization"))
		return true
	})

	group = "Registries that are busy or broken"
	first := func(n int32, code int, header ...string) tamper {
		return func(f *front, w http.ResponseWriter, _ *http.Request) bool {
			return f.n.Load() <= n && refuse(w, code, header...)
		}
	}
	add("429 once, Retry-After 1 s", first(1, 429, "Retry-After", "1"))
	add("429, Retry-After a day", first(1e6, 429, "Retry-After", "86400"))
	add("429, Retry-After a date in a month", first(1e6, 429, "Retry-After", time.Now().Add(30*24*time.Hour).UTC().Format(http.TimeFormat)))
	add("429, Retry-After that is no number", first(1e6, 429, "Retry-After", "99999999999999999999"))
	add("503 twice, then good", first(2, 503))
	add("502 for ever", first(1e6, 502))
	add("500 for ever", first(1e6, 500))
	add("404 for everything", first(1e6, 404))
	add("hangs after the headers", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		if !document(r) {
			return false
		}
		w.Header().Set("Content-Type", parts.OCI[0])
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		return f.hang(r)
	})
	add("something that is not HTTP", func(_ *front, w http.ResponseWriter, _ *http.Request) bool {
		return raw(w, "220 mail.example ESMTP\r\n")
	})

	group = "While the index is pushed"
	put := func(name string, bad tamper) {
		add(name, func(f *front, w http.ResponseWriter, r *http.Request) bool { return push(r) && bad(f, w, r) }, repair)
	}
	put("taken, and the answer lost", func(f *front, w http.ResponseWriter, r *http.Request) bool { f.real(r); return raw(w) })
	put("taken, and the answer never comes", func(f *front, _ http.ResponseWriter, r *http.Request) bool { f.real(r); return f.hang(r) })
	put("taken, under another digest", func(f *front, w http.ResponseWriter, r *http.Request) bool {
		f.real(r)
		return refuse(w, http.StatusCreated, "Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
	})
	put("cut before it is taken", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return raw(w) })
	put("403: the user may only read", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 403) })
	put("401 to the push alone", func(_ *front, w http.ResponseWriter, _ *http.Request) bool {
		return refuse(w, 401, "WWW-Authenticate", `Basic realm="x"`)
	})
	put("400", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 400) })
	put("413", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 413) })
	put("500", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 500) })
	put("200 from something that took nothing", func(_ *front, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 200) })
	put("redirected to another host", func(_ *front, w http.ResponseWriter, r *http.Request) bool {
		return refuse(w, http.StatusTemporaryRedirect, "Location", thief.URL+r.URL.Path)
	})
	add("503 once, then good, at the push", func() tamper {
		var once sync.Map
		return func(f *front, w http.ResponseWriter, r *http.Request) bool {
			if !push(r) {
				return false
			}
			_, again := once.LoadOrStore(f, true)
			return !again && refuse(w, 503)
		}
	}(), repair)
	add("the tag moves meanwhile", func() tamper {
		var once sync.Map
		return func(f *front, w http.ResponseWriter, r *http.Request) bool {
			if !index(r) {
				return false
			}
			_, again := once.LoadOrStore(f, true)
			return again && reply(w, parts.OCI[0], []byte(`{"schemaVersion":2,"manifests":[]}`))
		}
	}(), repair)
	return list, []*other{storage, thief, open}
}

// resized adds to the size that an index states of its first image.
func resized(index []byte, by int) []byte {
	before, after, _ := bytes.Cut(index, []byte(`"size":`))
	digits := 0
	for digits < len(after) && after[digits] >= '0' && after[digits] <= '9' {
		digits++
	}
	n, _ := strconv.Atoi(string(after[:digits]))
	return fmt.Appendf(nil, `%s"size":%d%s`, before, n+by, after[digits:])
}
