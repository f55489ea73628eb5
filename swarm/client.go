package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The versions of the API that are spoken: Docker 19.03's, so that 20.10 is
// fine, to the newest known one.
const (
	minMinor = 40
	maxMinor = 56
)

// Bounds on what an engine answers.
const (
	maxAnswer  = 4 << 20  // bytes of one object
	maxElement = 64 << 20 // bytes of one entry of a list, with what is read ahead
)

// The codes of errors.
const (
	CodeUnreachable = "unreachable" // no engine, or none that answers
	CodeTooOld      = "too-old"     // an engine whose API is too old
	CodeNoManager   = "no-manager"  // the engine is not the manager of a Swarm
	CodeForbidden   = "forbidden"   // the engine, or what stands before it, refused
	CodeNotFound    = "not-found"
	CodeConflict    = "conflict" // the object was changed meanwhile, again and again
	CodeRefused     = "refused"  // the engine did not take a change
	CodeAnswer      = "bad-answer"
	CodeFile        = "file"
)

// Error is an error of this package.
type Error struct {
	Code string // one of the Code constants
	Text string // lower case, no full stop
	Hint string // a next step, or ""
	Err  error  // the cause, or nil
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func codeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Client asks one engine. Its methods may be called at the same time.
type Client struct {
	http *http.Client
	at   *target
	path string // "/v1.41"
}

// Dial connects to an engine and agrees with it on a version of the API.
func Dial(ctx context.Context, at Endpoint) (*Client, error) {
	t, err := at.target()
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{at: t, http: &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dial(ctx) },
		DisableCompression:    true,
		MaxIdleConns:          4,
		ResponseHeaderTimeout: 2 * time.Minute,
	}}}
	resp, err := c.send(ctx, http.MethodGet, "/_ping", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	api := resp.Header.Get("Api-Version")
	minor, err := strconv.Atoi(strings.TrimPrefix(api, "1."))
	switch {
	case err != nil:
		return nil, &Error{Code: CodeAnswer, Text: "what answers is no Docker engine: it names no version of the API", Hint: "is it the right address (DOCKER_HOST, docker context ls)?"}
	case minor < minMinor:
		return nil, &Error{Code: CodeTooOld, Text: fmt.Sprintf("the engine is too old: it speaks API %s, and 1.%d (Docker 19.03) is needed", api, minMinor), Hint: "update the engine"}
	}
	c.path = fmt.Sprintf("/v1.%d", min(minor, maxMinor))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096)) // so that the connection is used again
	return c, nil
}

// Close ends the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// send sends a request and makes an error of a refusal. The caller closes the
// body.
func (c *Client) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+c.path+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "winmatch")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.at.unreachable(ctx, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var said struct{ Message string }
	if json.Unmarshal(text, &said) != nil || said.Message == "" {
		said.Message = string(text)
	}
	message := clip(strings.Join(strings.Fields(said.Message), " "), 500)
	if message == "" {
		message = resp.Status
	}
	e := &Error{Code: CodeRefused, Text: "the engine says: " + message}
	low := strings.ToLower(message)
	switch {
	case strings.Contains(low, "out of sequence"):
		e.Code = CodeConflict
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		e.Code, e.Hint = CodeForbidden, "this needs the permission to manage the Swarm"
	case strings.Contains(low, "http request to an https server"):
		e.Code, e.Hint = CodeUnreachable, "the engine wants TLS: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or a context that has the certificates"
	case strings.Contains(low, "not a swarm manager") || strings.Contains(low, "swarm manager"):
		e.Code, e.Hint = CodeNoManager, "ask a manager: docker context use NAME, --context NAME or DOCKER_HOST"
	case resp.StatusCode == http.StatusNotFound:
		e.Code = CodeNotFound
	}
	return nil, e
}

// get reads one object into out.
func (c *Client) get(ctx context.Context, path string, out any) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.at.unreachable(ctx, err)
	}
	if len(text) > maxAnswer {
		return &Error{Code: CodeAnswer, Text: fmt.Sprintf("the engine answers GET %s with more than %d MB", path, maxAnswer>>20)}
	}
	if err := json.Unmarshal(text, out); err != nil {
		return badAnswer(path, err)
	}
	return nil
}

func badAnswer(path string, err error) error {
	return &Error{Code: CodeAnswer, Text: fmt.Sprintf("the engine's answer to GET %s is not what the API says: %v", path, err), Err: err}
}

// post sends a change.
func (c *Client) post(ctx context.Context, path string, body []byte) error {
	resp, err := c.send(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.Body.Close()
}

// bounded fails where more than maxElement bytes are read since n was set to 0.
type bounded struct {
	r io.Reader
	n int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += n; b.n > maxElement {
		return 0, fmt.Errorf("an entry of more than %d MB", maxElement>>20)
	}
	return n, err
}

// stream reads a list, one entry after the other, without holding it. A list
// that breaks off is an error.
func stream[T any](ctx context.Context, c *Client, path string, each func(*T)) error {
	return streamBy(ctx, c, path, entries, each)
}

func streamBy[T any](ctx context.Context, c *Client, path string, read func(*bounded, func(*T)) error, each func(*T)) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := read(&bounded{r: resp.Body}, each); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil {
			return c.at.unreachable(ctx, io.ErrUnexpectedEOF)
		}
		return badAnswer(path, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	return nil
}

// entries calls each for every entry of a list.
func entries[T any](in *bounded, each func(*T)) error {
	d := json.NewDecoder(in)
	first, err := d.Token()
	if err != nil {
		return err
	}
	if first == nil {
		return nil // null: an empty list
	}
	if first != json.Delim('[') {
		return errors.New("no list")
	}
	var zero, entry T
	for d.More() {
		in.n, entry = 0, zero
		if err := d.Decode(&entry); err != nil {
			return err
		}
		each(&entry)
	}
	_, err = d.Token()
	return err
}
