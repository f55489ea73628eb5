package kubecli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/kube"
)

// manifest is a file, and what is planned for its pods.
type manifest struct {
	*files.Manifest
	file   string // as it is opened; "" for standard input
	before []byte
	pods   []podPlan // of Pods
}

// podPlan is what is planned for a pod of a file.
type podPlan struct {
	template *kube.Template // nil where it is none
	choice   *kube.Choice
	wrong    string // why it is not changed
}

// stdin is what standard input is called.
const stdin = "<stdin>"

// chooseFiles is the verb for files.
func chooseFiles(ctx context.Context, r *cli.Run, f *selectFlags, args []string) error {
	form, err := r.Form("text", "json")
	if err != nil {
		return err
	}
	switch {
	case len(args) > 0:
		return cli.Fail("one of the two", "-f and RESOURCE exclude each other")
	case f.undo:
		return cli.Fail("files have their history elsewhere", "--undo is for the resources of a cluster")
	case f.all || f.every || f.selector != "":
		return cli.Fail("", "-A, -l and --all are for the resources of a cluster")
	case len(f.hosts) == 0 && f.runtime != "":
		return cli.Fail("", "--runtime goes with --host: the nodes of a cluster have theirs")
	}
	list, failed := f.manifests(r)
	if err := f.planFiles(ctx, r, list); err != nil {
		return errors.Join(append(failed, err)...)
	}
	out := render.KubeSelectFiles{Facts: r.Info(), Files: []render.FixedFile{}, Workloads: []render.KubeFileChoice{}, Errors: []render.ScanError{}}
	for _, err := range failed {
		e := render.ScanError{Reason: err.Error()}
		if x := (*files.Error)(nil); errors.As(err, &x) {
			e = render.ScanError{File: x.File, Line: x.Line, Column: x.Column, Reason: x.Reason, Template: x.Template}
		}
		out.Errors = append(out.Errors, e)
	}
	for _, m := range list {
		if err := m.change(r, f, &out, form); err != nil {
			failed = append(failed, err)
		}
	}
	if form == "json" {
		return errors.Join(append(failed, render.JSON(r.Out(), &out))...)
	}
	render.KubeSelectFilesNotes(r.Err(), &out, r.Style())
	if len(out.Files) > 0 && !f.apply {
		r.Hint("nothing was written: --apply does")
	}
	return errors.Join(failed...)
}

// change makes the changes of one file, and adds it to the answer.
func (m *manifest) change(r *cli.Run, f *selectFlags, out *render.KubeSelectFiles, form string) error {
	for i := range m.pods {
		if p := &m.pods[i]; p.template != nil && p.wrong == "" && p.choice.Changes() {
			if err := m.Select(i, selectionOf(p.choice.Will)); err != nil {
				p.wrong = err.Error()
				if e := (*files.Error)(nil); errors.As(err, &e) {
					p.wrong = fmt.Sprintf("line %d: %s", e.Line, e.Reason)
				}
			}
		}
	}
	var failed error
	written := false
	changed := !bytes.Equal(m.before, m.Src)
	if changed && f.apply {
		if written = m.file == ""; !written {
			failed = files.Write(m.file, m.before, m.Src)
			written = failed == nil
		}
	}
	for i := range m.pods {
		p, at := &m.pods[i], m.Pods[i].At
		if p.template == nil {
			continue
		}
		v := render.KubeFileChoice{KubeChoice: choiceValue(p.template, p.choice), File: m.Path, Line: at.Line, Column: at.Column}
		v.Command, v.Error, v.Applied = "", p.wrong, written && p.wrong == "" && p.choice.Changes()
		if p.wrong != "" {
			v.Add, v.Remove = []string{}, []string{}
		}
		out.Workloads = append(out.Workloads, v)
		switch {
		case p.choice.Unknown != "":
			r.Exit(cli.Undecided)
		case p.wrong != "", p.choice.Strands != "", p.choice.Changes() && !v.Applied:
			r.Exit(cli.Finding)
		}
	}
	if changed {
		out.Files = append(out.Files, render.FixedFile{File: m.Path, Diff: string(render.Diff(m.Path, m.before, m.Src)), Written: written})
	}
	if form == "json" {
		return failed
	}
	if m.file == "" && f.apply {
		_, failed = r.Out().Write(m.Src)
	} else if changed {
		render.FixText(r.Out(), out.Files[len(out.Files)-1:], r.Style())
	}
	return failed
}

// planFiles says which nodes the pods are to be kept to: those of the cluster, or
// of the hosts that are named.
func (f *selectFlags) planFiles(ctx context.Context, r *cli.Run, list []*manifest) error {
	if !slices.ContainsFunc(list, func(m *manifest) bool { return len(m.Pods) > 0 }) {
		return nil
	}
	images := &kube.Images{Facts: r.Facts(), Offline: f.offline, Insecure: f.insecure}
	chooser := &kube.Chooser{Doctor: &kube.Doctor{Facts: r.Facts(), Today: r.Today(), Images: images}}
	namespace := ""
	if len(f.hosts) > 0 {
		hosts, err := r.Hosts(f.hosts)
		if err != nil {
			return err
		}
		var runtime compat.Runtime
		if f.runtime != "" {
			if runtime, err = compat.ParseRuntime(f.runtime); err != nil {
				return err
			}
		}
		chooser.Cluster = kube.Assume(r.Facts(), hosts, runtime)
	} else {
		c, err := f.connect()
		if err != nil {
			return err
		}
		if chooser.Cluster, err = f.readNodes(ctx, r, c); err != nil {
			return err
		}
		if namespace, _, err = f.config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return cli.Fail("", "%s", err)
		}
		images.Kube = c.kube
	}
	var all []*kube.Template
	for _, m := range list {
		for name, scheduling := range m.Classes {
			if err := chooser.Cluster.AddRuntimeClass(name, scheduling); err != nil {
				return cli.Fail("", "%s: %s", m.Path, err)
			}
		}
		m.pods = make([]podPlan, len(m.Pods))
		for i := range m.Pods {
			p := &m.Pods[i]
			owner := kube.Owner{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
			if owner.Namespace == "" {
				owner.Namespace = namespace
			}
			t, err := kube.TemplateOfSpec(owner, p.Spec)
			if err != nil {
				t = &kube.Template{Owner: owner}
				m.pods[i] = podPlan{template: t, choice: &kube.Choice{Unknown: err.Error()}}
				continue
			}
			m.pods[i].template = t
			if p.Patch {
				m.pods[i].choice = &kube.Choice{Unknown: "it is a patch of an object that is elsewhere: render both (kubectl kustomize), and hand the result to -f -"}
				continue
			}
			if by, image := m.kustomized(p); by != "" {
				m.pods[i].choice = &kube.Choice{Unknown: fmt.Sprintf("%s sets what %s stands for: render it (kubectl kustomize), and hand the result to -f -", by, image)}
				continue
			}
			all = append(all, t)
		}
	}
	chooser.Read(ctx, all...)
	for _, note := range images.Notes {
		r.Warn("%s", note)
	}
	for _, m := range list {
		for i := range m.pods {
			p := &m.pods[i]
			if p.choice == nil {
				p.choice = chooser.Plan(p.template)
				p.choice.Strands = m.placed(i, p.choice)
				p.wrong = f.mayFile(p.choice)
			}
		}
	}
	return nil
}

// kustomized is the kustomization beside a file that sets an image of its pod, and
// that image; "" where there is none.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
func (m *manifest) kustomized(p *files.PodTemplate) (by, image string) {
	if m.file == "" {
		return "", ""
	}
	for _, name := range [...]string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		src, err := readFile(filepath.Join(filepath.Dir(m.file), name), name)
		if err != nil {
			continue
		}
		var k struct{ Images []struct{ Name string } }
		if yaml.Unmarshal(src, &k) != nil {
			continue
		}
		for _, set := range k.Images {
			for _, image := range slices.Sorted(maps.Keys(p.Images)) {
				if rest, ok := strings.CutPrefix(image, set.Name); ok && (rest == "" || rest[0] == ':' || rest[0] == '@') {
					return path.Join(path.Dir(m.Path), name), image
				}
			}
		}
	}
	return "", ""
}

// mayFile says why a pod of a file is not to be changed; "" where it may be.
func (f *selectFlags) mayFile(p *kube.Choice) string {
	switch {
	case !p.Changes():
		return ""
	case len(p.Labels) > 0 && len(f.hosts) == 0:
		return "the nodes' labels come first: kubectl winmatch label --apply"
	case p.Strands != "" && !f.force:
		return "it would find no node (--force does it all the same)"
	}
	return ""
}

// placed adds to two images of which no Windows runs both where they stand.
func (m *manifest) placed(i int, p *kube.Choice) string {
	if p.Both[0] == "" {
		return p.Strands
	}
	at := func(image string) string {
		return fmt.Sprintf("%s (%s:%d)", image, m.Path, m.Pods[i].Images[image].Line)
	}
	text := strings.Replace(p.Strands, p.Both[0], at(p.Both[0]), 1)
	before, after, _ := strings.Cut(text, ", and ")
	return before + ", and " + strings.Replace(after, p.Both[1], at(p.Both[1]), 1)
}

// selectionOf is which nodes a placing selects, as files have it.
func selectionOf(p kube.Placing) files.NodeSelection {
	out := files.NodeSelection{Selector: p.NodeSelector}
	if p.Required == nil {
		return out
	}
	out.Terms = [][]files.NodeRequirement{}
	for i := range p.Required.NodeSelectorTerms {
		t := &p.Required.NodeSelectorTerms[i]
		term := []files.NodeRequirement{}
		for _, e := range t.MatchExpressions {
			term = append(term, files.NodeRequirement{Key: e.Key, Operator: string(e.Operator), Values: e.Values})
		}
		for _, e := range t.MatchFields {
			term = append(term, files.NodeRequirement{Key: e.Key, Operator: string(e.Operator), Values: e.Values, Field: true})
		}
		out.Terms = append(out.Terms, term)
	}
	return out
}

// manifests are the files that are named. What cannot be read is among the errors.
func (f *selectFlags) manifests(r *cli.Run) (list []*manifest, failed []error) {
	seen := map[string]bool{}
	add := func(name, path string, src []byte, err error) {
		if err == nil {
			var m *files.Manifest
			if m, err = files.ReadManifest(r.Facts(), name, src); err == nil {
				list = append(list, &manifest{Manifest: m, file: path, before: src})
				return
			}
		}
		if e := (*files.Error)(nil); errors.As(err, &e) && e.Template {
			e.Reason = "it is a template that is not YAML yet: render it (helm template), and hand the result to -f -"
		}
		failed = append(failed, err)
	}
	for _, name := range f.files {
		if name == "-" {
			if !seen[name] {
				src, err := readBounded(r.In(), stdin)
				add(stdin, "", src, err)
			}
			seen[name] = true
			continue
		}
		paths, err := f.expand(name)
		if err != nil {
			failed = append(failed, err)
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			shown := strings.TrimPrefix(filepath.ToSlash(path), "./")
			src, err := readFile(path, shown)
			if err == nil && path == filepath.Clean(name) && !bytes.Contains(src, []byte("kind")) {
				err = cli.Fail("", "%s: it has no Kubernetes object", shown)
			}
			if err == nil && path != filepath.Clean(name) && !files.IsManifest(shown, src) {
				continue // another file of the folder
			}
			add(shown, path, src, err)
		}
	}
	return list, failed
}

// expand is a file, or the files of a folder that may be manifests, as kubectl has
// it; those of folders below with -R.
func (f *selectFlags) expand(name string) (paths []string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, cli.Fail("", "%s: %s", name, cause(err))
	}
	name = filepath.Clean(name)
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name) // sorted
	if err != nil {
		return nil, cli.Fail("", "%s: %s", name, cause(err))
	}
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		switch ext := filepath.Ext(e.Name()); {
		case e.IsDir() && f.recursive && e.Name() != ".git":
			below, wrong := f.expand(path)
			paths, err = append(paths, below...), errors.Join(err, wrong)
		case e.IsDir():
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			paths = append(paths, path)
		}
	}
	return paths, err
}

// readFile reads a file that may be a manifest.
func readFile(path, shown string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, cli.Fail("", "%s: %s", shown, cause(err))
	}
	defer file.Close()
	return readBounded(file, shown)
}

func readBounded(from io.Reader, name string) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(from, files.MaxSize+1))
	if err != nil {
		return nil, cli.Fail("", "%s: %s", name, cause(err))
	}
	if len(src) > files.MaxSize {
		return nil, cli.Fail("", "%s: more than %d MiB", name, files.MaxSize>>20)
	}
	return src, nil
}

// cause is an error without the path that it is about.
func cause(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
