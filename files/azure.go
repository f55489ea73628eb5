package files

import (
	"bytes"
	"path"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/files/yamledit"
	"github.com/winmatch/winmatch/image"
)

// azurePipelines is the kind of pipelines of Azure DevOps and of templates for
// them.
type azurePipelines struct{}

// Name implements Kind.
func (azurePipelines) Name() string { return "azure-pipelines" }

// Match goes by the usual name, else by keys that no other kind has.
func (azurePipelines) Match(p string, src []byte) bool {
	ext := path.Ext(p)
	if ext != ".yml" && ext != ".yaml" || !bytes.Contains(src, []byte("indows")) && !bytes.Contains(src, []byte("docker")) && !bytes.Contains(src, []byte("Docker")) && !bytes.Contains(src, []byte("win1803")) {
		return false
	}
	if strings.Contains(strings.ToLower(path.Base(p)), "azure-pipelines") || bytes.Contains(src, []byte("vmImage:")) {
		return true
	}
	if bytes.Contains(src, []byte("runs-on:")) || bytes.Contains(src, []byte("apiVersion:")) || topLevel(src, "runs:") >= 0 {
		return false
	}
	for _, key := range []string{"steps:", "jobs:", "stages:"} {
		if topLevel(src, key) < 0 {
			continue
		}
		for _, step := range []string{"- script:", "- task:", "- pwsh:", "- powershell:", "- bash:", "- job:", "- deployment:", "- stage:"} {
			if bytes.Contains(src, []byte(step)) {
				return true
			}
		}
	}
	return false
}

func (azurePipelines) Read(in *Input) (*Document, error) {
	y, err := readYAML(in)
	if err != nil {
		return nil, err
	}
	if len(y.Docs) == 0 {
		return &Document{}, nil
	}
	p := &pipeline{ci: newCI(y, "azure"), root: y.Docs[0], params: map[string]*yamledit.Node{}, containers: map[string]*yamledit.Node{}}
	p.macros = true
	p.parameters(p.root.Get("parameters"))
	for _, c := range p.root.Path("resources", "containers").Items() {
		p.containers[c.String("container")] = c
	}
	p.level(p.root, azureLevel{})
	return p.doc, nil
}

// pipeline reads one pipeline or template.
type pipeline struct {
	*ci
	root       *yamledit.Node
	params     map[string]*yamledit.Node
	containers map[string]*yamledit.Node
}

// parameters reads defaults, of a list of parameters or of a mapping.
func (p *pipeline) parameters(n *yamledit.Node) {
	n.Entries(func(k, v *yamledit.Node) bool {
		name, _ := k.Text()
		p.params[strings.ToLower(name)] = v
		return true
	})
	for _, item := range n.Items() {
		if d := item.Get("default"); d != nil {
			p.params[strings.ToLower(item.String("name"))] = d
		}
	}
}

// azureLevel is what a stage or a job takes over from around it.
type azureLevel struct {
	pool, container *yamledit.Node
	vars            []*yamledit.Node // mappings, the strongest first
}

// level reads what may stand in a pipeline, a stage and a job.
func (p *pipeline) level(n *yamledit.Node, l azureLevel) {
	if pool := n.Get("pool"); pool != nil {
		l.pool = pool
	}
	if c := n.Get("container"); c != nil {
		l.container = c
	}
	l.vars = append(variables(n.Get("variables")), l.vars...)
	p.each(n.Get("stages"), func(stage *yamledit.Node) { p.level(stage, l) })
	p.each(n.Get("jobs"), func(job *yamledit.Node) { p.level(job, l) })
	strategy := n.Get("strategy")
	var lists []*yamledit.Node
	if s := n.Get("steps"); s != nil {
		lists = append(lists, s)
	}
	for _, kind := range []string{"runOnce", "rolling", "canary"} {
		strategy.Get(kind).Entries(func(_, phase *yamledit.Node) bool {
			for _, at := range []*yamledit.Node{phase, phase.Get("success"), phase.Get("failure")} {
				if s := at.Get("steps"); s != nil {
					lists = append(lists, s)
				}
			}
			return true
		})
	}
	if len(lists) == 0 && n.Get("pool") == nil {
		return
	}
	cells := []azureLevel{l}
	if m := strategy.Get("matrix").Resolve(); m != nil && m.Kind == yamledit.Mapping {
		cells = nil
		m.Entries(func(_, vars *yamledit.Node) bool {
			c := l
			c.vars = append([]*yamledit.Node{vars}, l.vars...)
			cells = append(cells, c)
			return true
		})
	}
	for _, c := range cells[:min(len(cells), maxCells)] {
		s := p.scope(c)
		p.pool(c.pool, s)
		if len(lists) == 0 {
			continue // its jobs were read above
		}
		if c.container != nil {
			p.container(c.container, s, "container")
		}
		n.Get("services").Entries(func(_, v *yamledit.Node) bool {
			p.container(v, s, "service")
			return true
		})
		for _, steps := range lists {
			p.each(steps, func(step *yamledit.Node) { p.step(step, s) })
		}
	}
}

// variables are mappings of variables: of a mapping itself, of a list of names
// and values one for each.
func variables(n *yamledit.Node) []*yamledit.Node {
	n = n.Resolve()
	if n == nil {
		return nil
	}
	if n.Kind == yamledit.Mapping {
		return []*yamledit.Node{n}
	}
	var list []*yamledit.Node
	for _, item := range n.Items() {
		if name, value := item.Get("name"), item.Get("value"); name != nil && value != nil {
			list = append([]*yamledit.Node{{Kind: yamledit.Mapping, Content: []*yamledit.Node{name, value}}}, list...)
		}
	}
	return list
}

// each reads the items of a list, those under ${{ if }} and ${{ each }} too.
func (p *pipeline) each(list *yamledit.Node, f func(*yamledit.Node)) {
	for _, item := range list.Items() {
		inner := false
		item.Entries(func(k, v *yamledit.Node) bool {
			if t, _ := k.Text(); strings.HasPrefix(t, "${{") {
				inner = true
				p.each(v, f)
			}
			return true
		})
		if !inner {
			f(item)
		}
	}
}

// scope is what expressions and macros may name.
func (p *pipeline) scope(l azureLevel) *scope {
	s := &scope{ci: p.ci, vars: l.vars}
	s.lookup = func(name string) operand {
		kind, rest, _ := strings.Cut(name, ".")
		switch strings.ToLower(kind) {
		case "variables":
			if strings.EqualFold(rest, "Agent.OS") {
				os := map[string]string{"windows": "Windows_NT", "linux": "Linux", "macos": "Darwin"}[s.on.os]
				return operand{value: value{parts: []Part{{Text: os}}}, known: os != ""}
			}
			return s.variable(rest, "")
		case "parameters":
			return s.node(p.params[strings.ToLower(rest)])
		}
		return operand{}
	}
	return s
}

// pool reads what a job runs on.
func (p *pipeline) pool(n *yamledit.Node, s *scope) {
	n = n.Resolve()
	if n == nil || n.Kind != yamledit.Mapping {
		return // a pool of one's own, or that of a template's caller
	}
	if name := n.String("name"); name != "" && !strings.EqualFold(name, "Azure Pipelines") {
		if strings.Contains(n.String("demands"), "Windows_NT") {
			s.on.os = "windows"
		}
		return
	}
	v := s.text(n.Get("vmImage"))
	t := strings.ToLower(v.text())
	switch {
	case strings.HasPrefix(t, "ubuntu"):
		s.on.os = "linux"
	case strings.HasPrefix(t, "macos"):
		s.on.os = "macos"
	case strings.HasPrefix(t, "win"), strings.HasPrefix(t, "vs20"):
		s.on.os = "windows"
	}
	l := p.in.Facts.Label(p.service, t)
	if l == nil {
		return
	}
	at := labelSpan(v)
	if l.Retired != 0 {
		p.find(p.retired(l, at, nil, p.matrixLabels(n.Get("vmImage"), l.Name)))
	}
	if l.Build != 9600 {
		s.on.hosts = []Host{labelHost(p.in.Facts, p.service, l, at)}
	}
}

// matrixLabels are the other labels that a matrix has for a variable in vmImage.
func (p *pipeline) matrixLabels(vmImage *yamledit.Node, label string) []string {
	if t, _ := vmImage.Text(); !strings.Contains(t, "$") {
		return nil
	}
	var list []string
	var walk func(n *yamledit.Node, depth int)
	walk = func(n *yamledit.Node, depth int) {
		if n == nil || depth > yamledit.MaxDepth {
			return
		}
		if n.Kind == yamledit.Mapping {
			n.Get("matrix").Entries(func(_, vars *yamledit.Node) bool {
				vars.Entries(func(_, v *yamledit.Node) bool {
					if t, _ := v.Text(); p.in.Facts.Label(p.service, t) != nil && !strings.EqualFold(t, label) {
						list = append(list, t)
					}
					return true
				})
				return true
			})
		}
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	walk(p.root, 0)
	return list
}

// container reads the container that a job runs in, or a service's.
// https://learn.microsoft.com/azure/devops/pipelines/process/container-phases
func (p *pipeline) container(n *yamledit.Node, s *scope, role string) {
	n = n.Resolve()
	if name, ok := n.Text(); ok {
		if c := p.containers[name]; c != nil {
			n = c.Resolve()
		}
	}
	at := n
	u := Use{Role: role, Hosts: s.on.hosts}
	if n.Kind == yamledit.Mapping {
		if at = n.Get("image").Resolve(); at == nil || at.Kind != yamledit.Scalar {
			return
		}
		options := p.scopeOptions(n.String("options"))
		if !options.ok {
			return
		}
		u.Isolation = options.isolation
	} else if n.Kind != yamledit.Scalar {
		return
	}
	if s.on.os == "linux" || s.on.os == "macos" {
		u.Windows = image.No
	}
	v := s.text(at)
	u.set(v)
	u.At = v.bounds(at)
	s.use(u)
}

type containerOptions struct {
	isolation compat.Isolation
	ok        bool
}

// scopeOptions reads the options for docker create that a container is given.
func (p *pipeline) scopeOptions(options string) containerOptions {
	if options == "" {
		return containerOptions{ok: true}
	}
	for _, c := range dockerCommands("docker create "+options+" image", posix, true) {
		text, known := c.isolation.known()
		mode, ok := compat.ParseIsolation(text)
		return containerOptions{mode, ok && (known || len(c.isolation) == 0)}
	}
	return containerOptions{}
}

func (p *pipeline) step(step *yamledit.Node, s *scope) {
	if !s.holds(step.Get("condition")) {
		return
	}
	inner := *s
	inner.vars = append([]*yamledit.Node{step.Get("env")}, s.vars...)
	folder := strings.ReplaceAll(step.String("workingDirectory"), `\`, "/")
	script := func(n *yamledit.Node, sh shell) {
		if n = n.Resolve(); n != nil && n.Kind == yamledit.Scalar {
			inner.script(n, sh, p.folder(folder))
		}
	}
	plain := posix
	if s.on.os == "windows" {
		plain = cmdShell
	}
	script(step.Get("script"), plain)
	script(step.Get("bash"), posix)
	script(step.Get("powershell"), powerShell)
	script(step.Get("pwsh"), powerShell)

	task, version, _ := strings.Cut(strings.ToLower(step.String("task")), "@")
	inputs := step.Get("inputs")
	switch task {
	case "cmdline":
		script(inputs.Get("script"), plain)
	case "bash":
		script(inputs.Get("script"), posix)
	case "powershell":
		script(inputs.Get("script"), powerShell)
	case "docker":
		p.dockerTask(inputs, version, &inner)
	}
}

// dockerTask reads Docker@0 and Docker@1, which can run an image.
func (p *pipeline) dockerTask(inputs *yamledit.Node, version string, s *scope) {
	action := inputs.String("action") + inputs.String("command")
	n := inputs.Get("imageName").Resolve()
	if version != "0" && version != "1" || n == nil || n.Kind != yamledit.Scalar || !strings.EqualFold(action, "Run an image") {
		return
	}
	u := Use{Role: "run", Hosts: s.on.hosts}
	if s.on.os == "linux" || s.on.os == "macos" {
		u.Windows = image.No
	}
	v := s.text(n)
	u.set(v)
	u.At = v.bounds(n)
	s.use(u)
}

// folder is a working directory from that of this file: pipelines work at the
// root of the repository, which is taken for the folder of azure-pipelines.yml.
func (p *pipeline) folder(dir string) string {
	if strings.Contains(dir, "$") {
		return "\x00" // unknown: no file is there
	}
	up := ""
	if !strings.Contains(strings.ToLower(path.Base(p.in.Path)), "azure-pipelines") {
		if p.in.Open == nil {
			return dir
		}
		for range strings.Count(p.in.Path, "/") {
			up += "../"
		}
	}
	return path.Join(up, dir)
}
