package simulate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/kube"
)

// Substitution is an image that becomes another one: wherever its repository is
// used, or in one workload. The pods that it is about are made anew, as by a
// rollout.
type Substitution struct {
	What string // "deployment/web", "shop/deployment/web", or an image, with a tag or without
	New  string // the reference
}

// workload reads What as a workload; not ok where it is an image.
func (s *Substitution) workload() (o kube.Owner, ok bool) {
	parts := strings.Split(s.What, "/")
	if len(parts) == 3 {
		o.Namespace, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 || strings.ContainsAny(s.What, ":@") {
		return o, false
	}
	for _, kind := range [...]string{"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod"} {
		if k := strings.ToLower(parts[0]); k == strings.ToLower(kind) || k == strings.ToLower(kind)+"s" {
			o.Kind, o.Name = kind, parts[1]
			return o, true
		}
	}
	return o, false
}

// substitutions are the specs of a cluster with other images.
type substitutions struct {
	list  []Substitution
	used  []int
	specs map[kube.Owner]map[*kube.Spec]*kube.Spec
}

// of returns a workload's spec with the images that it is to have: the spec itself
// where it has them.
func (s *substitutions) of(owner kube.Owner, spec *kube.Spec) *kube.Spec {
	if len(s.list) == 0 {
		return spec
	}
	if out := s.specs[owner][spec]; out != nil {
		return out
	}
	out := spec
	for i := range s.list {
		if next := s.list[i].apply(owner, out); next != out {
			s.used[i]++
			out = next
		}
	}
	if s.specs[owner] == nil {
		s.specs[owner] = map[*kube.Spec]*kube.Spec{}
	}
	s.specs[owner][spec] = out
	return out
}

// apply returns a spec with the new image in the place of those that are meant. Of
// a workload with several images that one is meant whose repository the new one
// has.
func (s *Substitution) apply(owner kube.Owner, spec *kube.Spec) *kube.Spec {
	meant := func(i int) bool { return same(spec.Containers[i].Image, s.What) }
	if w, ok := s.workload(); ok {
		if w.Kind != owner.Kind || w.Name != owner.Name || w.Namespace != "" && w.Namespace != owner.Namespace {
			return spec
		}
		repository, _, _ := strings.Cut(s.New, "@")
		if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
			repository = repository[:i]
		}
		meant = func(i int) bool { return len(spec.Containers) == 1 || same(spec.Containers[i].Image, repository) }
	}
	out := spec
	for i := range spec.Containers {
		if !meant(i) {
			continue
		}
		if out == spec {
			clone := *spec
			clone.Containers = slices.Clone(spec.Containers)
			out = &clone
		}
		out.Containers[i].Image = s.New
	}
	return out
}

// same reports whether a reference is what is meant: the same image, or one of the
// same repository where no tag is named.
func same(reference, meant string) bool {
	a, err := image.Parse(reference)
	if err != nil {
		return false
	}
	b, err := image.Parse(meant)
	if err != nil || a.Kind != b.Kind || a.Host != b.Host || a.Repository != b.Repository {
		return false
	}
	name := meant[strings.LastIndexByte(meant, '/')+1:]
	return !strings.ContainsAny(name, ":@") || a.Tag == b.Tag && a.Digest == b.Digest
}

// unused is the error for a substitution that nothing is of.
func (s *substitutions) unused() error {
	for i, n := range s.used {
		if n > 0 {
			continue
		}
		text, hint := fmt.Sprintf("no workload uses %s", s.list[i].What), "an image, with its tag or without, or a workload: deployment/web"
		if _, ok := s.list[i].workload(); ok {
			text = fmt.Sprintf("there is no %s, or none of its images is of the repository of %s", s.list[i].What, s.list[i].New)
		}
		return &Error{text, hint}
	}
	return nil
}
