package files

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
)

// gitlabCI is the kind of GitLab's pipelines, and of the files they include.
type gitlabCI struct{}

// Name implements Kind.
func (gitlabCI) Name() string { return "gitlab-ci" }

// Match goes by the name, else by jobs that have a script and a key of GitLab's.
func (gitlabCI) Match(p string, src []byte) bool {
	ext := path.Ext(p)
	if ext != ".yml" && ext != ".yaml" || !bytes.Contains(src, []byte("image")) && !bytes.Contains(src, []byte("docker")) && !bytes.Contains(src, []byte("windows")) {
		return false
	}
	if strings.HasSuffix(path.Base(p), ".gitlab-ci"+ext) {
		return true
	}
	if path.Base(p) == ".travis.yml" || !bytes.Contains(src, []byte("\n  script:")) && !bytes.Contains(src, []byte("\n    script:")) {
		return false
	}
	for _, key := range []string{"runs-on:", "apiVersion:", "vmImage:", "- script:", "steps:", "pipelines:"} {
		if bytes.Contains(src, []byte(key)) {
			return false
		}
	}
	for _, key := range []string{"stage:", "tags:", "extends:", "image:", "rules:", "only:"} {
		if bytes.Contains(src, []byte(" "+key)) {
			return true
		}
	}
	return false
}

func (gitlabCI) Read(in *Input) (*Document, error) {
	y, err := readYAML(in)
	if err != nil {
		return nil, err
	}
	g := &gitlab{ci: newCI(y, "gitlab")}
	for _, d := range y.Docs {
		g.roots = []*yamledit.Node{d}
		g.include(d, map[string]bool{}, 0)
		d.Entries(func(k, v *yamledit.Node) bool {
			name, _ := k.Text()
			if v.Resolve().Kind == yamledit.Mapping && !slices.Contains(gitlabKeys, name) {
				g.job(name, v)
			}
			return true
		})
	}
	return g.doc, nil
}

// gitlabKeys are keys of a pipeline that are no jobs.
// https://docs.gitlab.com/ci/yaml/#global-keywords
var gitlabKeys = []string{"default", "variables", "workflow", "include", "stages", "cache", "image", "services", "before_script", "after_script", "spec"}

// gitlab reads one pipeline.
type gitlab struct {
	*ci
	// roots are the file and those of the repository that it includes, the
	// strongest first.
	roots []*yamledit.Node
}

// maxIncludes is how deep files include others.
const maxIncludes = 10

// include reads the files of the repository that a file includes. What it takes
// from elsewhere is not known.
// https://docs.gitlab.com/ci/yaml/includes/
func (g *gitlab) include(d *yamledit.Node, seen map[string]bool, depth int) {
	inc := d.Get("include").Resolve()
	if inc == nil || depth > maxIncludes || path.Base(g.in.Path) != ".gitlab-ci.yml" {
		return // of another file it is not known where the repository begins
	}
	items := inc.Items()
	if items == nil {
		items = []*yamledit.Node{inc}
	}
	for i := len(items) - 1; i >= 0; i-- { // the last one is the strongest
		name, ok := items[i].Text()
		if !ok {
			name = items[i].String("local")
		}
		name = path.Clean(strings.TrimPrefix(name, "/"))
		if name == "." || strings.ContainsAny(name, "*$:") || seen[name] {
			continue
		}
		seen[name] = true
		if root := g.other(name); root != nil {
			g.roots = append(g.roots, root)
			g.include(root, seen, depth+1)
		}
	}
}

// top finds a key of the file, or of those that it includes.
func (g *gitlab) top(keys ...string) *yamledit.Node {
	for _, r := range g.roots {
		if v := r.Path(keys...); v != nil {
			return v
		}
	}
	return nil
}

// named are what a job of a name is made of: the files' jobs are merged.
func (g *gitlab) named(name string) (list []*yamledit.Node) {
	for _, r := range g.roots {
		if n := r.Get(name).Resolve(); n != nil && n.Kind == yamledit.Mapping {
			list = append(list, n)
		}
	}
	return list
}

// chain is a job and what it extends, the strongest first. complete is false
// where something that it extends is not known.
func (g *gitlab) chain(name string, seen []string) (list []*yamledit.Node, complete bool) {
	own := g.named(name)
	if len(own) == 0 || slices.Contains(seen, name) || len(seen) > 11 { // GitLab's bound
		return nil, false
	}
	list, complete = own, true
	var extends *yamledit.Node
	for _, n := range own {
		if extends = n.Get("extends"); extends != nil {
			break
		}
	}
	names := extends.Items()
	if one, ok := extends.Text(); ok && one != "" {
		names = []*yamledit.Node{extends}
	}
	for i := len(names) - 1; i >= 0; i-- { // the last one is the strongest
		other, _ := names[i].Text()
		more, ok := g.chain(other, append(seen, name))
		if list = append(list, more...); !ok {
			return list, false // what is weaker may not hold
		}
	}
	return list, complete
}

func (g *gitlab) job(name string, n *yamledit.Node) {
	list, complete := g.chain(name, nil)
	g.here = span(n)
	if e := n.Get("extends").Resolve(); e != nil {
		g.here = span(e)
	}
	if i := strings.IndexAny(string(g.Src[g.here.Start:g.here.End]), "\r\n"); i > 0 {
		g.here.End = g.here.Start + i
	}
	get := func(key string) *yamledit.Node {
		for _, m := range list {
			if v := m.Get(key); v != nil {
				return v
			}
		}
		return nil
	}
	own := func(key string) *yamledit.Node {
		if v := get(key); v != nil || !complete {
			return v
		}
		if v := g.top("default", key); v != nil {
			return v
		}
		return g.top(key)
	}
	base := &scope{ci: g.ci}
	for i := len(g.roots) - 1; i >= 0; i-- {
		base.env(g.roots[i].Get("variables"))
	}
	for i := len(list) - 1; i >= 0; i-- {
		base.env(list[i].Get("variables"))
	}
	for _, c := range parallelCells(get("parallel").Get("matrix")) {
		s := *base
		s.axes = map[string]bool{}
		for key, v := range c {
			s.vars = append([]*yamledit.Node{{Kind: yamledit.Mapping, Content: []*yamledit.Node{{Value: key}, v}}}, s.vars...)
			s.axes[key] = true
		}
		s.lookup = func(string) operand { return operand{} }
		hosted := g.tags(own("tags"), &s)
		if strings.HasPrefix(name, ".") {
			continue // jobs that extend it are read
		}
		if hosted && s.on.os == "windows" {
			for _, key := range []string{"image", "services"} {
				if v := get(key); v != nil {
					g.find(Finding{Rule: RuleRunnerContainer, Level: Warning, At: span(v.Resolve()), Source: "https://docs.gitlab.com/ci/runners/hosted_runners/windows/",
						Message: key + " on a hosted Windows runner: it starts no containers, the job runs on the machine itself",
						Hint:    "take it out, or use a runner of your own with the Docker executor"})
				}
			}
		} else {
			g.image(own("image"), &s, "image")
			for _, v := range own("services").Items() {
				g.image(v, &s, "service")
			}
		}
		for _, key := range []string{"before_script", "script", "after_script"} {
			g.script(own(key), &s, 0)
		}
	}
}

// tags reads what a job runs on; hosted: it is GitLab's own.
func (g *gitlab) tags(n *yamledit.Node, s *scope) (hosted bool) {
	items := n.Items()
	for _, item := range items {
		v := g.value(item, s)
		t := strings.ToLower(v.text())
		switch {
		case strings.HasPrefix(t, "saas-linux"), t == "linux":
			s.on.os = "linux"
		case strings.HasPrefix(t, "saas-macos"), t == "macos":
			s.on.os = "macos"
		case strings.HasPrefix(t, "saas-windows"), t == "shared-windows", strings.HasPrefix(t, "windows"):
			s.on.os = "windows"
		}
		l := g.in.Facts.Label(g.service, t)
		if l == nil {
			continue
		}
		hosted = true
		at := labelSpan(v)
		if l.Retired != 0 {
			f := g.retired(l, at, nil, nil)
			if len(items) > 1 {
				f.Fix = nil // the tags beside it belong to the old runners
				f.Hint += " as the only tag"
			}
			g.find(f)
		}
		s.on.hosts = []Host{labelHost(g.in.Facts, g.service, l, Span{})}
	}
	return hosted
}

// value is a scalar after the variables of the pipeline.
func (g *gitlab) value(n *yamledit.Node, s *scope) value {
	n = n.Resolve()
	if n == nil || n.Kind != yamledit.Scalar {
		return value{why: "it is no text"}
	}
	if words := commands(n.Value, posix, false); strings.Contains(n.Value, "$") && len(words) == 1 && len(words[0]) > 0 {
		if len(words[0]) > 1 {
			return value{why: "it is not one word"}
		}
		return s.word(words[0][0], n)
	}
	return value{parts: []Part{{n.Value, g.place(n, 0, len(n.Value))}}}
}

// image reads an image or a service, a name or a mapping with one.
func (g *gitlab) image(n *yamledit.Node, s *scope, role string) {
	n = n.Resolve()
	if name := n.Get("name"); name != nil {
		n = name.Resolve()
	}
	if n == nil || n.Kind != yamledit.Scalar || n.Value == "" {
		return
	}
	u := Use{Role: role}
	if s.on.os == "linux" || s.on.os == "macos" {
		u.Windows = image.No
	}
	v := g.value(n, s)
	u.set(v)
	u.At = v.bounds(n)
	s.use(u)
}

// script reads the commands of a job, lists in lists and references too.
func (g *gitlab) script(n *yamledit.Node, s *scope, depth int) {
	n = n.Resolve()
	if n == nil || depth > 10 {
		return
	}
	if n.Tag == "!reference" {
		var keys []string
		for _, item := range n.Items() {
			t, _ := item.Text()
			keys = append(keys, t)
		}
		if len(keys) > 0 {
			g.script(g.top(keys...), s, depth+1)
		}
		return
	}
	if n.Kind == yamledit.Sequence {
		for _, item := range n.Content {
			g.script(item, s, depth+1)
		}
		return
	}
	if n.Kind != yamledit.Scalar {
		return
	}
	// Windows runners have PowerShell; commands of one line read the same.
	sh := posix
	if s.on.os == "windows" || strings.Contains(n.Value, "`\n") {
		sh = powerShell
	}
	up := ""
	if p := path.Dir(g.in.Path); p != "." && path.Base(g.in.Path) != ".gitlab-ci.yml" {
		up = strings.Repeat("../", strings.Count(p, "/")+1)
	}
	s.script(n, sh, up)
}

// parallelCells are the jobs of parallel:matrix, each entry a product of lists.
func parallelCells(m *yamledit.Node) []cell {
	var all []cell
	for _, entry := range m.Items() {
		cells := []cell{{}}
		entry.Entries(func(k, v *yamledit.Node) bool {
			key, _ := k.Text()
			values := v.Items()
			if _, ok := v.Text(); ok {
				values = []*yamledit.Node{v}
			}
			if len(values) == 0 || len(cells)*len(values) > maxCells {
				return true
			}
			var next []cell
			for _, c := range cells {
				for _, item := range values {
					d := cell{key: item}
					for k, v := range c {
						d[k] = v
					}
					next = append(next, d)
				}
			}
			cells = next
			return true
		})
		all = append(all, cells...)
	}
	if len(all) == 0 {
		return []cell{{}}
	}
	return all
}
