package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/winmatch/winmatch/facts"
)

// Manager is the field manager of what this project sets.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
const Manager = "winmatch"

// NodeLabels is what is to be changed at a node's labels.
type NodeLabels struct {
	Node    *Node
	Set     map[string]string // to be added or given another value
	Was     map[string]string // the value before, of those of Set that had one
	Remove  []string          // ours, and no longer true; to undo, all of ours
	Release []string          // the same, but somebody else has set them too: they stay, as theirs
	Held    []Held            // of others, and not as they should be
	Lies    []string          // what else its labels say that is not so
	Unknown string            // what is not known of the node, "" where everything is
	Gone    bool              // it was deleted before it could be labelled

	uid   types.UID
	apply map[string]string // all that our field manager is to own
	force bool              // something is taken over
}

// Held is a label of others that is not as it should be.
type Held struct {
	Key, Value string
	Wanted     string   // "" where it should not be there
	Managers   []string // whose it is, as far as the server has recorded it
	Lie        string   // what it says that is not so; "" where it only says less, or says it otherwise
	Taken      bool     // it is taken over
}

// Changes reports whether there is anything to do.
func (l *NodeLabels) Changes() bool { return len(l.Set)+len(l.Remove)+len(l.Release) > 0 }

// Left reports whether a label that is not as it should be stays, as it is others'.
func (l *NodeLabels) Left() bool {
	return slices.ContainsFunc(l.Held, func(h Held) bool { return !h.Taken })
}

// planLabels says what is to be changed at a node's labels: what is missing or
// wrong is set; what we have set, and is no longer true, is removed. A label of
// others stays, unless force takes it over. Nil where nothing is to be said of the
// node.
func planLabels(f *facts.Facts, today facts.Date, n *Node, by *setBy, force bool) *NodeLabels {
	l := newNodeLabels(n, by)
	if !n.Windows() { // it has none of ours, unless it was reinstalled
		l.drop(n.Labels, by, nil)
		if !l.Changes() {
			return nil
		}
		return l
	}
	want, unknown := n.labels(f, today)
	if l.Unknown = unknown; len(want) == 0 {
		return l
	}
	wrong := map[string]string{}
	for _, x := range lies(f, n) {
		wrong[x.key] = x.text
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		has, there := n.Labels[key]
		lie := wrong[key]
		delete(wrong, key)
		if there && has != want[key] && len(by.others[key]) > 0 {
			if key == LabelOSBuild && lie == "" && saysAll(has, want[key]) {
				continue
			}
			l.Held = append(l.Held, Held{key, has, want[key], by.others[key], lie, force})
			if !force {
				continue
			}
			l.force = true
		}
		l.apply[key] = want[key]
		if there && has == want[key] {
			continue
		}
		if l.Set[key] = want[key]; there {
			l.Was[key] = has
		}
	}
	l.drop(n.Labels, by, want)
	for _, key := range l.Remove {
		delete(wrong, key)
	}
	for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
		if _, wanted := want[key]; strings.HasPrefix(key, LabelRuns) && !wanted && unknown == "" && !slices.Contains(l.Remove, key) {
			l.Held = append(l.Held, Held{Key: key, Value: n.Labels[key], Managers: by.others[key], Lie: fmt.Sprintf("the label %s says what is not known to be so", key)})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wrong)) {
		l.Lies = append(l.Lies, wrong[key])
	}
	return l
}

// planUndo takes away what our field manager has set; nil where that is nothing.
func planUndo(n *Node, by *setBy) *NodeLabels {
	l := newNodeLabels(n, by)
	l.drop(n.Labels, by, nil)
	if !l.Changes() {
		return nil
	}
	return l
}

func newNodeLabels(n *Node, by *setBy) *NodeLabels {
	return &NodeLabels{Node: n, Set: map[string]string{}, Was: map[string]string{}, uid: by.uid, apply: map[string]string{}}
}

// drop gives up what is ours and not wanted.
func (l *NodeLabels) drop(have map[string]string, by *setBy, want map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(have)) {
		_, wanted := want[key]
		switch {
		case wanted || !by.own[key]:
		case len(by.others[key]) > 0:
			l.Release = append(l.Release, key)
		default:
			l.Remove = append(l.Remove, key)
		}
	}
}

// saysAll reports whether a value of [LabelOSBuild] that is no lie says as much as
// another: "10.0.20348" as much as "20348", but "14393" less than "14393.1715".
func saysAll(has, want string) bool {
	return !strings.Contains(want, ".") || strings.HasSuffix(has, want)
}

// setBy says by the server's record who has set a node's labels.
type setBy struct {
	uid    types.UID
	own    map[string]bool     // our field manager
	others map[string][]string // other managers
}

func whoSet(n *corev1.Node) *setBy {
	by := &setBy{n.UID, map[string]bool{}, map[string][]string{}}
	for i := range n.ManagedFields {
		e := &n.ManagedFields[i]
		var fields struct {
			Metadata struct {
				Labels map[string]json.RawMessage `json:"f:labels"`
			} `json:"f:metadata"`
		}
		if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for key := range fields.Metadata.Labels {
			key, ok := strings.CutPrefix(key, "f:")
			switch {
			case !ok:
			case e.Manager == Manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "":
				by.own[key] = true
			case !slices.Contains(by.others[key], e.Manager):
				by.others[key] = append(by.others[key], e.Manager)
			}
		}
	}
	if len(n.ManagedFields) == 0 { // as the server takes it
		for key := range n.Labels {
			by.others[key] = []string{"before-first-apply"}
		}
	}
	return by
}

// stale says in a line what of our own labels is not true any more, or missing.
func (l *NodeLabels) stale() string {
	var list []string
	for _, key := range slices.Concat(l.Remove, l.Release) {
		list = append(list, key+" is not so")
	}
	for _, key := range slices.Sorted(maps.Keys(l.Set)) {
		if was, ok := l.Was[key]; ok {
			list = append(list, fmt.Sprintf("%s says %s instead of %s", key, was, l.Set[key]))
		} else {
			list = append(list, fmt.Sprintf("%s is missing", key))
		}
	}
	return strings.Join(list, ", ")
}

// body is what is applied: our labels and nothing else. It names the node's UID,
// so that no node is made where this one was deleted.
func (l *NodeLabels) body() []byte {
	type metadata struct {
		Name   string            `json:"name"`
		UID    types.UID         `json:"uid"`
		Labels map[string]string `json:"labels,omitempty"`
	}
	b, err := json.Marshal(struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
	}{"v1", "Node", metadata{l.Node.Name, l.uid, l.apply}})
	if err != nil { // strings: it does not fail
		panic(err)
	}
	return b
}

// Command is the kubectl command that does the same.
func (l *NodeLabels) Command() string {
	force := ""
	if l.force {
		force = " --force-conflicts"
	}
	return fmt.Sprintf("echo '%s' | kubectl apply --server-side --field-manager=%s%s -f -", strings.ReplaceAll(string(l.body()), "'", `\u0027`), Manager, force)
}
