package kube

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/facts"
)

// A Labeler labels Windows nodes by what they are and by what they run. Of its
// Reader it uses the clients, the facts and the patience.
type Labeler struct {
	*Reader
	Today facts.Date

	Nodes        []string // their names; none: all of them
	NodeSelector string   // "" for all of them
	Undo         bool     // take away what is ours, instead
	Force        bool     // take over what others have set

	server *collector
}

// Plan reads the nodes and says what is to be changed at their labels, in the
// server's order, or that of Nodes. A node that runs no Windows and has none of our
// labels is left out. An error says that the nodes could not be read to the last.
func (l *Labeler) Plan(ctx context.Context) ([]*NodeLabels, error) {
	l.server = &collector{Reader: l.Reader}
	var out []*NodeLabels
	add := func(n *corev1.Node) {
		if p := l.plan(n); p != nil {
			out = append(out, p)
		}
	}
	if len(l.Nodes) > 0 {
		for _, name := range unique(l.Nodes) {
			n, err := l.get(ctx, name)
			if err != nil {
				return nil, err
			}
			add(n)
		}
		return out, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan page[*corev1.NodeList])
	go func() {
		defer close(pages)
		fetch(ctx, l.server, func(ctx context.Context, o metav1.ListOptions) (*corev1.NodeList, error) {
			o.LabelSelector = l.NodeSelector
			return l.Kube.CoreV1().Nodes().List(ctx, o)
		}, pages)
	}()
	for p := range pages {
		if p.err != nil {
			return nil, p.err
		}
		if p.reset {
			out = nil
		}
		for i := range p.list.Items {
			add(&p.list.Items[i])
		}
	}
	return out, ctx.Err()
}

func (l *Labeler) plan(node *corev1.Node) *NodeLabels {
	n, by := NodeOf(l.Facts, node), whoSet(node)
	if l.Undo {
		return planUndo(&n, by)
	}
	return planLabels(l.Facts, l.Today, &n, by, l.Force)
}

func (l *Labeler) get(ctx context.Context, name string) (*corev1.Node, error) {
	return again(ctx, l.server, func() (*corev1.Node, error) {
		return l.Kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	})
}

// maxTries bounds how often a change is tried that somebody else's overtakes.
const maxTries = 4

// Apply makes a change of a plan, by server-side apply, and waits for a server
// that is away for a while. Where somebody else was faster the plan is made anew,
// as p then says: nothing of others is overwritten, and a node that was deleted
// stays so.
func (l *Labeler) Apply(ctx context.Context, p *NodeLabels) error {
	for try := 1; ; try++ {
		_, err := again(ctx, l.server, func() (*corev1.Node, error) {
			return l.Kube.CoreV1().Nodes().Patch(ctx, p.Node.Name, types.ApplyPatchType, p.body(), metav1.PatchOptions{FieldManager: Manager, Force: &p.force})
		})
		if err == nil || !OfNode(err) {
			return err
		}
		now, failed := l.get(ctx, p.Node.Name)
		switch {
		case apierrors.IsNotFound(failed):
			p.Gone = true
			return nil
		case failed != nil || try == maxTries:
			return err
		case now.UID == p.uid && !apierrors.IsConflict(err):
			return err // it is the node that was read, and not to be changed
		}
		fresh := l.plan(now)
		if fresh == nil {
			fresh = newNodeLabels(p.Node, whoSet(now))
		}
		if *p = *fresh; !p.Changes() {
			return nil
		}
	}
}

// ErrNotTried is the error of changes that were left, as the server was away or did
// not know the user.
var ErrNotTried = errors.New("not tried, after the failure before")

// atOnce is how many nodes are changed at a time; the server's own fairness holds
// back what is too much for it.
const atOnce = 16

// ApplyAll makes the changes of a plan and returns the error of each, nil where
// there was none or nothing to do. The first one is made alone: what hinders it may
// hinder all. After a failure that is not of its node no other is begun.
func (l *Labeler) ApplyAll(ctx context.Context, plan []*NodeLabels) []error {
	failed := make([]error, len(plan))
	var stopped atomic.Bool
	apply := func(i int) {
		if stopped.Load() {
			failed[i] = ErrNotTried
			return
		}
		if failed[i] = l.Apply(ctx, plan[i]); failed[i] != nil && !OfNode(failed[i]) {
			stopped.Store(true)
		}
	}
	var todo []int
	for i, p := range plan {
		if p.Changes() {
			todo = append(todo, i)
		}
	}
	if len(todo) == 0 {
		return failed
	}
	apply(todo[0])
	rest := make(chan int)
	var wg sync.WaitGroup
	for range min(atOnce, len(todo)-1) {
		wg.Go(func() {
			for i := range rest {
				apply(i)
			}
		})
	}
	for _, i := range todo[1:] {
		rest <- i
	}
	close(rest)
	wg.Wait()
	return failed
}

// OfNode reports whether an error of Apply is of its node alone, so that others are
// worth a try: a server has said so that is there and knows the user.
func OfNode(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && !transient(err) && !apierrors.IsUnauthorized(err)
}
