package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	metadatafake "k8s.io/client-go/metadata/fake"

	"github.com/winmatch/winmatch/facts"
)

// today is the day of all tests.
const today = facts.Date(20261124)

// TestDoctor examines the clusters of testdata/doctor. Each file begins with what
// must be found, a line each, in comments:
//
//	# CODE KIND NAMESPACE/NAME IMAGE: words of the finding's line
//	# node CODE NAME: words
//
// and with nothing else: what is not listed must not be found.
func TestDoctor(t *testing.T) {
	files, err := filepath.Glob("testdata/doctor/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no clusters: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(b)) {
				if !strings.HasPrefix(line, "#") {
					break
				}
				want = append(want, strings.TrimSpace(line[1:]))
			}
			report := examine(t, string(b))
			got := lines(report)
			for i := range max(len(want), len(got)) {
				switch {
				case i >= len(got):
					t.Errorf("not found: %s", want[i])
				case i >= len(want):
					t.Errorf("found besides: %s", got[i])
				case !strings.HasPrefix(got[i], strings.TrimSuffix(want[i], "…")):
					t.Errorf("found: %s\nwant:  %s", got[i], want[i])
				}
			}
			for _, f := range report.Findings {
				if f.Code != Unknown && f.Code != Shaky && len(f.Remedies) == 0 && f.Image != "" {
					t.Errorf("%s %s: nothing helps", f.Code, f.Owner)
				}
				for _, r := range f.Remedies {
					if strings.Contains(r.Text, "Hyper-V") {
						t.Errorf("%s: no Hyper-V on Kubernetes: %s", f.Owner, r.Text)
					}
				}
			}
		})
	}
}

func lines(r *Report) []string {
	var list []string
	for _, n := range r.Nodes {
		for _, f := range n.Findings {
			list = append(list, fmt.Sprintf("node %s %s: %s", f.Code, n.Name, f.Text))
		}
	}
	for _, f := range r.Findings {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Code, f.Owner, f.Image))+": "+f.Text)
	}
	return list
}

// examine reads a cluster of YAML documents and examines it.
func examine(t *testing.T, text string) *Report {
	t.Helper()
	d := Doctor{Facts: facts.Embedded(), Today: today, Images: &Images{Facts: facts.Embedded(), Offline: true}}
	return d.Examine(t.Context(), load(t, text))
}

func load(t *testing.T, text string) *Cluster {
	t.Helper()
	var objects, owners []runtime.Object
	decode := scheme.Codecs.UniversalDeserializer()
	for i, doc := range strings.Split(text, "\n---\n") {
		obj, _, err := decode.Decode([]byte(doc), nil, nil)
		if err != nil {
			t.Fatalf("document %d: %v", i+1, err)
		}
		all := []runtime.Object{obj}
		if l, ok := obj.(*corev1.List); ok {
			all = nil
			for _, raw := range l.Items {
				item, _, err := decode.Decode(raw.Raw, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, item)
			}
		}
		for _, obj := range all {
			m, err := meta.Accessor(obj)
			if err != nil {
				t.Fatal(err)
			}
			if m.GetUID() == "" {
				m.SetUID(types.UID("uid-" + m.GetName()))
			}
			kind := obj.GetObjectKind().GroupVersionKind()
			if kind.Kind == "ReplicaSet" || kind.Kind == "Job" {
				owners = append(owners, &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind},
					ObjectMeta: metav1.ObjectMeta{Name: m.GetName(), Namespace: m.GetNamespace(), UID: m.GetUID(), OwnerReferences: m.GetOwnerReferences()}})
				continue
			}
			objects = append(objects, obj)
		}
	}
	s := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(s); err != nil {
		t.Fatal(err)
	}
	r := Reader{Kube: fake.NewClientset(objects...), Metadata: metadatafake.NewSimpleMetadataClient(s, owners...), Facts: facts.Embedded(), Patience: time.Second}
	c, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Unseen) > 0 {
		t.Fatalf("unseen: %+v", c.Unseen)
	}
	return c
}
