package kube

import (
	"context"
	"errors"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// pageSize is kubectl's too.
const pageSize = 500

// page is one page of a list, or why there is none.
type page[L any] struct {
	list  L
	reset bool // what was visited before is void: the list begins anew
	err   error
}

// read lists a resource page by page and visits each page while the next one is
// on its way. reset undoes all visits; where it is nil visiting twice does no
// harm. What could not be read goes to the collector's Unseen.
func read[L interface{ GetContinue() string }](ctx context.Context, c *collector, resource, namespace string,
	list func(context.Context, metav1.ListOptions) (L, error), reset func(), visit func(L)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan page[L])
	go func() {
		defer close(pages)
		fetch(ctx, c, list, pages)
	}()
	some := false
	for p := range pages {
		if p.err != nil {
			c.unseen(resource, namespace, p.err, some)
			return
		}
		some = true
		if p.reset && reset != nil {
			reset()
		}
		visit(p.list)
	}
	c.mu.Lock()
	c.answered++
	c.mu.Unlock()
}

// fetch sends every page of a list. A page is asked for again while the server
// does not answer; a list that has become too old goes on at a newer state where
// the server offers that, else begins anew.
func fetch[L interface{ GetContinue() string }](ctx context.Context, c *collector, list func(context.Context, metav1.ListOptions) (L, error), pages chan<- page[L]) {
	send := func(p page[L]) bool {
		select {
		case pages <- p:
			return true
		case <-ctx.Done():
			return false
		}
	}
	size := c.PageSize
	if size == 0 {
		size = pageSize
	}
	var next page[L]
	token := ""
	for restarts := 0; ; {
		l, err := again(ctx, c, func() (L, error) {
			return list(ctx, metav1.ListOptions{Limit: size, Continue: token})
		})
		if err != nil {
			if apierrors.IsResourceExpired(err) && token != "" && restarts < 3 {
				restarts++
				if token = newer(err); token == "" {
					next.reset = true
				}
				continue
			}
			send(page[L]{err: err})
			return
		}
		next.list = l
		if !send(next) {
			return
		}
		next = page[L]{}
		if token = l.GetContinue(); token == "" {
			return
		}
	}
}

// newer is the token by which a list that has expired goes on, or "".
func newer(err error) string {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		return s.Status().Continue
	}
	return ""
}

// again repeats a request while the server does not answer, or asks to come back
// later, up to the reader's patience. A server that never answered is likely the
// wrong one, and is soon given up. One that comes back refuses everybody until it
// has read its roles, which is not taken for an answer either.
func again[T any](ctx context.Context, c *collector, do func() (T, error)) (T, error) {
	patience := c.Patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	start, wait, away := time.Now(), 250*time.Millisecond, false
	for {
		v, err := do()
		var status apierrors.APIStatus
		if err == nil || errors.As(err, &status) {
			c.heard.Store(true)
		} else if !c.heard.Load() {
			patience = min(patience, time.Second)
		}
		away = away || transient(err)
		if err == nil || !transient(err) && !(away && refused(err)) || ctx.Err() != nil || time.Since(start)+wait > patience {
			return v, err
		}
		if s, ok := apierrors.SuggestsClientDelay(err); ok {
			wait = max(wait, min(time.Duration(s)*time.Second, patience))
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// transient reports whether an error may pass: a server that is starting, is
// overloaded, or closed the connection.
func transient(err error) bool {
	if apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || apierrors.IsTimeout(err) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Code >= 500
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return false
	}
	var op net.Error
	return errors.As(err, &op) || utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// refused reports whether the server answered that the user may not, or that it
// does not have such a resource.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}
