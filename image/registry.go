package image

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// host is what a Client remembers of a registry.
type host struct {
	name string // as in references: "docker.io"
	base string // "https://registry-1.docker.io"

	first chan struct{} // held by the first request, so that a hundred others learn from it

	mu        sync.Mutex
	answered  bool
	fails     int // in a row
	down      error
	downUntil time.Time
	challenge challenge
	tokens    map[string]*token // by scope

	credOnce sync.Once
	cred     credential
	credErr  error
}

// token is the bearer token for one repository.
type token struct {
	lock   chan struct{} // held while it is fetched
	header string
	until  time.Time
}

// challenge is what a registry asks for with a 401.
type challenge struct {
	scheme, realm, service, scope string
}

// repository is one repository of a registry, being read.
type repository struct {
	c    *Client
	h    *host
	name string
	push bool // to be written to, too
}

func (c *Client) repository(ref Reference) *repository {
	scheme, addr := "https://", ref.Host
	if ref.Host == DockerHub {
		addr = "registry-1.docker.io"
	} else if c.Insecure && ref.Host != MCR {
		scheme = "http://"
	}
	return c.repositoryAt(ref.Host, ref.Host, scheme+addr, ref.Repository)
}

// repositoryAt returns a repository of the registry at a URL, which the client
// remembers by key.
func (c *Client) repositoryAt(key, name, base, repo string) *repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[key]
	if h == nil {
		h = &host{name: name, base: base, first: make(chan struct{}, 1), tokens: map[string]*token{}}
		if c.hosts == nil {
			c.hosts = map[string]*host{}
		}
		c.hosts[key] = h
	}
	return &repository{c: c, h: h, name: repo}
}

// about puts the reference before an error's text.
func (r *repository) about(ref Reference, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: CodeUnreachable, Text: ref.String(), Err: err}
	}
	about := *e
	about.Text = ref.String() + ": " + e.Text
	return &about
}

// manifest reads a manifest or an index by tag or digest, and returns its
// digest, which has been checked.
func (r *repository) manifest(ctx context.Context, what, want string) (*document, string, error) {
	body, mediaType, digest, err := r.raw(ctx, what, want)
	if err != nil {
		return nil, "", err
	}
	doc, err := parseDocument(body, mediaType)
	return doc, digest, err
}

// raw reads a manifest or an index as manifest does, without looking into it.
func (r *repository) raw(ctx context.Context, what, want string) (body []byte, mediaType, digest string, err error) {
	body, header, err := r.get(ctx, "/manifests/"+what, acceptManifests, MaxManifest, "manifest")
	if err != nil {
		return nil, "", "", err
	}
	digest = digestOf(body, want)
	if want != "" && digest != want {
		return nil, "", "", &Error{Code: CodeDigest, Text: "the registry's answer has the digest " + digest}
	}
	if said := header.Get("Docker-Content-Digest"); said != "" && said != digest {
		if err := checkDigest(said); err != "" {
			return nil, "", "", &Error{Code: CodeDigest, Text: "the registry names the digest " + strconv.QuoteToASCII(clip(said)) + ": " + err}
		}
		if got := digestOf(body, said); got != said {
			return nil, "", "", &Error{Code: CodeDigest, Text: "the registry's answer has the digest " + got + ", not " + said + " as it says"}
		}
	}
	return body, header.Get("Content-Type"), digest, nil
}

// document implements store.
func (r *repository) document(ctx context.Context, digest string) ([]byte, string, error) {
	body, mediaType, _, err := r.raw(ctx, digest, digest)
	return body, mediaType, err
}

// blob implements store.
func (r *repository) blob(ctx context.Context, digest string) ([]byte, error) {
	body, _, err := r.get(ctx, "/blobs/"+digest, "", MaxConfig, "config")
	return body, err
}

// get reads one document of a repository, with whatever authentication that
// takes, within the client's timeout.
func (r *repository) get(ctx context.Context, path, accept string, limit int64, what string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, r.c.timeout())
	defer cancel()
	resp, err := r.send(ctx, &request{method: http.MethodGet, url: path, accept: accept})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, r.status(resp, what)
	}
	body, err := readAll(resp, limit, what)
	if ctx.Err() != nil { // even where the body seems to have ended: it was us who hung up
		err = r.h.unreachable(r.c)
	}
	return body, resp.Header, err
}

// put writes a manifest or an index under a tag or its digest.
func (r *repository) put(ctx context.Context, what, mediaType string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, r.c.timeout())
	defer cancel()
	resp, err := r.send(ctx, &request{method: http.MethodPut, url: "/manifests/" + what, contentType: mediaType, body: string(body)})
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Code == CodeUnreachable && e.Hint == "" {
			lost := *e
			lost.Hint = "whether the index was taken is not known: run it again"
			return &lost
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said := resp.Header.Get("Docker-Content-Digest")
	switch code := resp.StatusCode; {
	case code == http.StatusCreated || code == http.StatusOK && said != "": // anybody answers 200
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusUnauthorized || code == http.StatusForbidden:
		return r.status(resp, "index")
	default:
		return &Error{Code: CodeRefused, Text: r.h.name + " does not take the index (" + strconv.Itoa(code) + errorCode(resp) + ")"}
	}
	drop(resp)
	if said != "" && (checkDigest(said) != "" || digestOf(body, said) != said) {
		return &Error{Code: CodeDigest, Text: r.h.name + " has taken the index and calls it " + strconv.QuoteToASCII(clip(said)) + ", which is not its digest"}
	}
	return nil
}

// send makes one request to a path of the repository, with whatever
// authentication that takes.
func (r *repository) send(ctx context.Context, req *request) (*http.Response, error) {
	release, err := r.h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { release(nil, ctx) }()
	req.url = r.h.base + "/v2/" + r.name + req.url
	refused := "" // an Authorization that did not do
	for round := 0; ; round++ {
		auth, challenged, err := r.authorize(ctx, refused)
		if err != nil {
			var e *Error
			if errors.As(err, &e) && e.Code == CodeUnreachable { // the token server
				release(err, ctx)
			}
			return nil, err
		}
		req.auth = auth
		resp, err := r.c.exchange(ctx, req)
		if err != nil {
			release(err, ctx)
			return nil, err
		}
		if resp.StatusCode == http.StatusUnauthorized && !resp.elsewhere && round < 3 {
			ch, ok := parseChallenges(resp.Header.Values("WWW-Authenticate"))
			drop(resp.Response)
			if !ok || challenged && auth == "" || ch.scheme == "basic" && strings.HasPrefix(auth, "Basic ") {
				return nil, r.unauthorized(resp.StatusCode)
			}
			r.h.mu.Lock()
			r.h.challenge = ch
			r.h.mu.Unlock()
			refused = auth
			continue
		}
		release(nil, ctx)
		return resp.Response, nil
	}
}

// enter waits for the first request to a registry to be answered, and fails at
// once where the registry has been found down.
func (h *host) enter(ctx context.Context) (release func(error, context.Context), err error) {
	h.mu.Lock()
	answered := h.answered
	h.mu.Unlock()
	held := false
	if !answered {
		select {
		case h.first <- struct{}{}:
			held = true
		case <-ctx.Done():
			return nil, &Error{Code: CodeUnreachable, Text: h.name + " did not answer in time"}
		}
	}
	h.mu.Lock()
	err = nil
	if h.down != nil && time.Now().Before(h.downUntil) {
		err = h.down
	}
	if h.answered && held || err != nil && held {
		<-h.first
		held = false
	}
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	done := false
	return func(err error, ctx context.Context) {
		if done {
			return
		}
		done = true
		h.mu.Lock()
		defer h.mu.Unlock()
		if err == nil {
			h.answered, h.fails, h.down = true, 0, nil
		} else if !errors.Is(ctx.Err(), context.Canceled) {
			// One failure before any answer, or three in a row, and the
			// registry counts as down for a while: a thousand references must
			// not wait a thousand times.
			if h.fails++; !h.answered || h.fails >= 3 {
				h.down, h.downUntil = err, time.Now().Add(10*time.Second)
			}
		}
		if held {
			<-h.first
		}
	}, nil
}

func (h *host) unreachable(c *Client) error {
	return &Error{Code: CodeUnreachable, Text: h.name + " did not answer within " + c.timeout().String()}
}

// credential looks up the user's credential for the registry, once.
func (r *repository) credential(ctx context.Context) credential {
	h := r.h
	h.credOnce.Do(func() {
		r.c.configOnce.Do(func() { r.c.config, r.c.configErr = r.c.loadConfig() })
		cred, err := r.c.config.lookup(ctx, h.name)
		if err == nil {
			err = r.c.configErr
		}
		h.mu.Lock()
		h.cred, h.credErr = cred, err
		h.mu.Unlock()
	})
	return h.cred
}

// authorize returns the Authorization header to send, "" for none, and whether
// the registry is known to ask for one. refused is one that it has turned down.
func (r *repository) authorize(ctx context.Context, refused string) (header string, challenged bool, err error) {
	r.h.mu.Lock()
	ch := r.h.challenge
	r.h.mu.Unlock()
	if ch.scheme == "" {
		return "", false, nil
	}
	cred := r.credential(ctx)
	if ch.scheme == "basic" {
		if cred.user == "" {
			return "", true, nil
		}
		return basic(cred), true, nil
	}
	if cred.bearer != "" {
		return "Bearer " + cred.bearer, true, nil
	}
	r.h.mu.Lock()
	t := r.h.tokens[r.scope()]
	if t == nil {
		t = &token{lock: make(chan struct{}, 1)}
		r.h.tokens[r.scope()] = t
	}
	r.h.mu.Unlock()
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", true, &Error{Code: CodeUnreachable, Text: "the token server of " + r.h.name + " did not answer in time"}
	}
	if t.header != "" && t.header != refused && time.Now().Before(t.until) {
		return t.header, true, nil
	}
	t.header = ""
	text, life, err := r.token(ctx, ch, cred)
	if err != nil {
		return "", true, err
	}
	t.header, t.until = "Bearer "+text, time.Now().Add(life)
	return t.header, true, nil
}

func basic(c credential) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password))
}

// scope is what a token must allow.
func (r *repository) scope() string {
	if r.push {
		return "repository:" + r.name + ":pull,push"
	}
	return "repository:" + r.name + ":pull"
}

// clientID names this program to token servers.
const clientID = "winmatch"

// token asks the token server for a token to pull from the repository.
// Sources: distribution/distribution docs/spec/auth/token.md and oauth.md.
func (r *repository) token(ctx context.Context, ch challenge, cred credential) (string, time.Duration, error) {
	u, err := url.Parse(ch.realm)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(r.h.base, "https:")) {
		return "", 0, &Error{Code: CodeRefused, Text: r.h.name + " names a token server that is refused (want an https URL without a user)"}
	}
	scope := r.scope()
	q := u.Query()
	req := &request{method: http.MethodGet}
	if cred.identity != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "service": {ch.service}, "client_id": {clientID},
			"scope": {scope}, "refresh_token": {cred.identity}}
		req.method, req.contentType, req.body = http.MethodPost, "application/x-www-form-urlencoded", form.Encode()
	} else {
		q.Set("scope", scope)
		if ch.service != "" {
			q.Set("service", ch.service)
		}
		q.Set("client_id", clientID)
		u.RawQuery = q.Encode()
		if cred.user != "" {
			req.auth = basic(cred)
		}
	}
	req.url = u.String()
	resp, err := r.c.exchange(ctx, req)
	if err != nil {
		return "", 0, err
	}
	if resp.StatusCode != http.StatusOK {
		code := resp.StatusCode
		drop(resp.Response)
		if code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusBadRequest {
			return "", 0, r.unauthorized(code)
		}
		return "", 0, &Error{Code: CodeUnreachable, Text: "the token server " + u.Host + " answered " + strconv.Itoa(code)}
	}
	body, err := readAll(resp.Response, 1<<20, "token")
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Token   string  `json:"token"`
		Access  string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", 0, &Error{Code: CodeUnreachable, Text: "the token server " + u.Host + " did not answer in JSON"}
	}
	text := answer.Token
	if text == "" {
		text = answer.Access
	}
	if text == "" || strings.ContainsAny(text, "\r\n") {
		return "", 0, &Error{Code: CodeUnreachable, Text: "the token server " + u.Host + " gave no token"}
	}
	life := 60 * time.Second // what the specification says where nothing is said
	if s := answer.Expires; s > 0 && s < 86400 {
		life = time.Duration(s * float64(time.Second))
	}
	return text, life - life/10, nil
}

// unauthorized words a 401 or 403.
func (r *repository) unauthorized(code int) error {
	e := &Error{Code: CodeUnauthorized, Text: r.h.name + " denies access (" + strconv.Itoa(code) + ")",
		Hint: "docker login " + r.h.name}
	if r.h.name == DockerHub {
		e.Hint = "docker login, if the repository exists: Docker Hub does not tell"
	}
	r.h.mu.Lock()
	e.Err = r.h.credErr
	r.h.mu.Unlock()
	return e
}

// errorCode is the code of a registry's error, after a space; "" for none. Only
// the code: a message may repeat what was sent.
func errorCode(resp *http.Response) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	drop(resp)
	var answer struct {
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		return ""
	}
	code := answer.Errors[0].Code
	if code == "" || len(code) > 40 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return ""
	}
	return " " + code
}

// status words an answer other than 200.
func (r *repository) status(resp *http.Response, what string) error {
	said := errorCode(resp)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return r.unauthorized(code)
	case code == http.StatusNotFound && what == "manifest":
		return &Error{Code: CodeNotFound, Text: "the registry has no such image (404" + said + ")"}
	case code == http.StatusNotFound && what == listOfTags:
		return &Error{Code: CodeNotFound, Text: "the registry has no such repository (404" + said + ")"}
	case code == http.StatusNotFound:
		return &Error{Code: CodeManifest, Text: "the registry lacks the image's " + what + " (404" + said + ")"}
	case code >= 500 || code == http.StatusTooManyRequests:
		return &Error{Code: CodeUnreachable, Text: r.h.name + " answered " + strconv.Itoa(code) + said}
	default:
		return &Error{Code: CodeManifest, Text: r.h.name + " answered " + strconv.Itoa(code) + said + ", which is not an answer to this question"}
	}
}

// readAll reads a body of at most limit bytes.
func readAll(resp *http.Response, limit int64, what string) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, &Error{Code: CodeManifest, Text: "the " + what + " is encoded as " + strconv.QuoteToASCII(clip(e)) + ", which was not asked for"}
	}
	if resp.ContentLength > limit {
		return nil, &Error{Code: CodeRefused, Text: "the " + what + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if n > limit {
		return nil, &Error{Code: CodeRefused, Text: "the " + what + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &Error{Code: CodeUnreachable, Text: "the " + what + " breaks off after " + strconv.FormatInt(n, 10) + " bytes"}
	}
	if err != nil {
		return nil, &Error{Code: CodeUnreachable, Text: "the " + what + " could not be read to its end", Err: plain(err)}
	}
	return b.Bytes(), nil
}

// drop empties and closes a body, so that the connection can be used again.
func drop(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// request is one exchange to be had.
type request struct {
	method, url, auth, accept string
	contentType, body         string
}

// response is its outcome.
type response struct {
	*http.Response
	elsewhere bool // another host answered, after a redirect
}

// exchange sends a request, follows redirects and, on 429, 500 and 502 to 504,
// tries again after a while: as long as the server asks (Retry-After), within
// a budget.
func (c *Client) exchange(ctx context.Context, req *request) (*response, error) {
	wait, left := c.backoff, c.budget
	if wait == 0 {
		wait = 500 * time.Millisecond
	}
	if left == 0 {
		left = 9 * time.Second
	}
	for try := 0; ; try++ {
		resp, err := c.follow(ctx, req)
		if err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		default:
			return resp, nil
		}
		pause, asked := retryAfter(resp.Header.Get("Retry-After"), time.Now())
		if !asked {
			pause = wait
			wait *= 2
		}
		pause = max(pause, wait/10) // a server that says 0 does not get a storm
		if pause > left || try == maxRetries {
			text := resp.Request.URL.Host + " answers " + strconv.Itoa(resp.StatusCode)
			if asked {
				text += " and asks to wait " + waiting(pause)
			}
			drop(resp.Response)
			return nil, &Error{Code: CodeUnreachable, Text: text, Hint: "try again later, with fewer images, or with --offline"}
		}
		drop(resp.Response)
		left -= pause
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, &Error{Code: CodeUnreachable, Text: "no answer in time but " + strconv.Itoa(resp.StatusCode), Err: ctx.Err()}
		}
	}
}

// waiting words a time to wait.
func waiting(d time.Duration) string {
	if days := d.Round(24*time.Hour).Hours() / 24; days > 1 {
		return strconv.Itoa(int(days)) + " days"
	}
	return d.Round(time.Second).String()
}

// retryAfter reads a Retry-After header: seconds or a date.
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now)), true
	}
	return 0, false
}

const (
	maxRedirects = 5
	maxRetries   = 5
)

// follow sends a request and follows redirects. Authorization goes to the host
// it is meant for and nowhere else.
func (c *Client) follow(ctx context.Context, r *request) (*response, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, &Error{Code: CodeRefused, Text: "not a URL that can be asked"}
	}
	origin, auth := u, r.auth
	for hop := 0; ; hop++ {
		if linkLocalHost(u.Hostname()) {
			return nil, &Error{Code: CodeRefused, Text: "the link-local address " + u.Host + " is refused"}
		}
		req, err := http.NewRequestWithContext(ctx, r.method, u.String(), strings.NewReader(r.body))
		if err != nil {
			return nil, &Error{Code: CodeRefused, Text: "not a URL that can be asked"}
		}
		if r.body != "" {
			req.Header.Set("Content-Type", r.contentType)
		} else {
			req.Body, req.ContentLength = nil, 0
		}
		if r.accept != "" {
			req.Header.Set("Accept", r.accept)
		}
		if auth != "" {
			req.Header.Set("Authorization", auth)
		}
		req.Header.Set("User-Agent", c.userAgent())
		resp, err := c.transport().RoundTrip(req)
		if err != nil {
			return nil, c.failure(ctx, u, err)
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			if resp.Request == nil {
				resp.Request = req
			}
			return &response{resp, u.Host != origin.Host || u.Scheme != origin.Scheme}, nil
		}
		drop(resp)
		refuse := func(why string) error {
			return &Error{Code: CodeRefused, Text: u.Host + " redirects " + why}
		}
		if r.method != http.MethodGet && r.method != http.MethodHead {
			return nil, refuse("a request that must not go elsewhere")
		}
		if hop == maxRedirects {
			return nil, refuse("more than " + strconv.Itoa(maxRedirects) + " times")
		}
		next, err := u.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" {
			return nil, refuse("to no place")
		}
		switch {
		case next.Scheme != "http" && next.Scheme != "https" || next.Host == "":
			return nil, refuse("to something that is not HTTP")
		case next.User != nil:
			return nil, refuse("to " + next.Host + " with credentials in the address")
		case u.Scheme == "https" && next.Scheme == "http":
			return nil, refuse("from HTTPS to plain HTTP")
		case linkLocalHost(next.Hostname()):
			return nil, refuse("to the link-local address " + next.Host)
		}
		if next.Host != u.Host || next.Scheme != u.Scheme {
			auth = ""
		}
		u = next
	}
}

// failure words an exchange that did not take place.
func (c *Client) failure(ctx context.Context, u *url.URL, err error) error {
	e := &Error{Code: CodeUnreachable, Text: u.Host + " cannot be reached", Err: plain(err)}
	var timeout net.Error
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errLinkLocal):
		e.Code, e.Text, e.Err = CodeRefused, u.Host+" leads to a link-local address, which is refused", nil
	case ctx.Err() != nil:
		e.Text, e.Err = u.Host+" did not answer within "+c.timeout().String(), nil
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Text, e.Err = u.Host+" did not answer within "+connectTimeout.String(), nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		e.Text, e.Err = u.Host+" closed the connection before it had answered", nil
	case errors.Is(err, syscall.ECONNRESET):
		e.Text, e.Err = u.Host+" reset the connection before it had answered", nil
	case errors.As(err, &authority):
		e.Hint = "trust the registry's certificate authority (on Linux SSL_CERT_FILE names one), or use --insecure for plain HTTP"
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		e.Text, e.Err, e.Hint = u.Host+" speaks plain HTTP", nil, "--insecure"
	}
	return e
}

// plain takes the URL out of an error, since it may hold a signature.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) userAgent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "winmatch"
}

var errLinkLocal = errors.New("link-local address")

// connectTimeout is for a connection, and for its TLS handshake.
const connectTimeout = 15 * time.Second

// transport returns the transport, made when first needed.
func (c *Client) transport() http.RoundTripper {
	c.once.Do(func() {
		if c.rt = c.Transport; c.rt != nil {
			return
		}
		dialer := &net.Dialer{
			Timeout: connectTimeout,
			// After names are resolved, so that none can lead there.
			Control: func(_, address string, _ syscall.RawConn) error {
				if h, _, err := net.SplitHostPort(address); err == nil && linkLocalHost(h) {
					return errLinkLocal
				}
				return nil
			},
		}
		parallel := c.Parallel
		if parallel <= 0 {
			parallel = 16
		}
		c.rt = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    parallel,
			IdleConnTimeout:        60 * time.Second,
			TLSHandshakeTimeout:    connectTimeout,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 256 << 10,
			DisableCompression:     true,
		}
	})
	return c.rt
}

// parseChallenges reads WWW-Authenticate headers and picks a bearer token
// before basic authentication. Source: RFC 9110, 11.6.1.
func parseChallenges(headers []string) (best challenge, ok bool) {
	for _, s := range headers {
		for len(s) > 0 && len(headers) <= 16 {
			var ch challenge
			ch, s = nextChallenge(s)
			switch {
			case ch.scheme == "bearer" && ch.realm != "" && best.scheme != "bearer":
				best, ok = ch, true
			case ch.scheme == "basic" && !ok:
				best, ok = ch, true
			}
		}
	}
	return best, ok
}

// nextChallenge reads one challenge: a scheme and its parameters, up to the
// next scheme.
func nextChallenge(s string) (ch challenge, rest string) {
	s = strings.TrimLeft(s, ", \t")
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != ',' && s[i] != '\t' {
		i++
	}
	ch.scheme, s = strings.ToLower(s[:i]), s[i:]
	for {
		s = strings.TrimLeft(s, ", \t")
		eq := strings.IndexAny(s, "=, \t\"")
		if eq < 0 {
			// A lone word at the end is a scheme without parameters.
			return ch, s
		}
		if s[eq] != '=' {
			return ch, s
		}
		name := strings.ToLower(s[:eq])
		var value string
		if value, s = paramValue(s[eq+1:]); len(value) > 2048 {
			value = ""
		}
		switch name {
		case "realm":
			ch.realm = value
		case "service":
			ch.service = value
		case "scope":
			ch.scope = value
		}
	}
}

// paramValue reads a token or a quoted string.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, ", \t")
		if i < 0 {
			return s, ""
		}
		return s[:i], s[i:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
