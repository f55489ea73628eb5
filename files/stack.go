package files

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/files/yamledit"
)

// Stack is what docker stack deploy makes of Compose files, as far as it decides
// on which nodes services run.
type Stack struct {
	Services []StackService // by name
	// Unset are variables that are used, not set and without a default: nothing
	// stands in their place.
	Unset []string
	// Ignored are options of services that docker stack deploy ignores: build.
	Ignored []string
}

// StackService is one service of a stack.
type StackService struct {
	Name        string
	Image       string
	Isolation   string // as it is written
	Mode        string // "replicated", "global", "replicated-job", "global-job"
	Replicas    int    // 1 where the files do not say
	MaxPerNode  int    // 0: no limit
	Constraints []string
	NanoCPUs    int64 // reserved
	Memory      int64 // bytes, reserved
	File        string
	Line        int // where the image stands, in File

	replicas   *int
	mode, cpus string
}

// ReadStack reads files as docker stack deploy does, not as docker compose: .env
// is not read, an unset variable is empty, extends, include, profiles and
// platform are refused, and of several files the later ones add to lists and
// override the rest. env is the environment. The error is an *Error, at the first
// thing that docker stack deploy refuses too; of what does not matter here
// (ports, volumes …) it may refuse more.
// https://github.com/docker/cli/blob/v29.7.2/cli/compose/loader/loader.go
func ReadStack(list []Input, env func(string) (string, bool)) (*Stack, error) {
	s := &stackReader{stack: &Stack{}, env: env}
	services := map[string]*StackService{}
	for i := range list {
		own, err := s.file(&list[i])
		if err != nil {
			return nil, err
		}
		for _, v := range own {
			if base := services[v.Name]; base != nil {
				base.merge(v)
				continue
			}
			services[v.Name] = v
		}
	}
	for _, v := range services {
		if err := v.finish(list[0].Path); err != nil {
			return nil, err
		}
		s.stack.Services = append(s.stack.Services, *v)
	}
	slices.SortFunc(s.stack.Services, func(a, b StackService) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(s.stack.Unset)
	slices.Sort(s.stack.Ignored)
	return s.stack, nil
}

// merge lays a later file's service over one: lists grow, the rest is replaced
// where the later one says something.
// https://github.com/docker/cli/blob/v29.7.2/cli/compose/loader/merge.go
func (v *StackService) merge(over *StackService) {
	if over.Image != "" {
		v.Image, v.File, v.Line = over.Image, over.File, over.Line
	}
	if over.Isolation != "" {
		v.Isolation = over.Isolation
	}
	if over.mode != "" {
		v.mode = over.mode
	}
	if over.replicas != nil {
		v.replicas = over.replicas
	}
	if over.MaxPerNode != 0 {
		v.MaxPerNode = over.MaxPerNode
	}
	if over.cpus != "" {
		v.cpus = over.cpus
	}
	if over.Memory != 0 {
		v.Memory = over.Memory
	}
	v.Constraints = append(v.Constraints, over.Constraints...)
}

// finish checks what only the whole of all files says.
func (v *StackService) finish(file string) error {
	fail := func(format string, args ...any) error {
		return &Error{File: file, Reason: fmt.Sprintf("service %s: ", v.Name) + fmt.Sprintf(format, args...)}
	}
	v.Mode, v.Replicas = v.mode, 1
	switch v.mode {
	case "":
		v.Mode = "replicated"
	case "replicated", "replicated-job":
	case "global", "global-job":
		if v.replicas != nil {
			return fail("replicas are for mode replicated, not for %s", v.mode)
		}
	default:
		return fail("mode %q: replicated, global, replicated-job or global-job is expected", v.mode)
	}
	if v.replicas != nil {
		v.Replicas = *v.replicas
	}
	var ok bool
	if v.NanoCPUs, ok = cpus(v.cpus); !ok {
		return fail("cpus: %q is no number of CPUs", clipped(v.cpus))
	}
	if v.Image == "" {
		return fail("no image: docker stack deploy builds none")
	}
	return nil
}

type stackReader struct {
	stack   *Stack
	env     func(string) (string, bool)
	version string // that of the first file
	y       *yamlFile
	name    string // of the service
}

// stackForbidden are options of services that docker stack deploy refuses by name.
var stackForbidden = []string{"extends", "volume_driver", "volumes_from", "cpu_quota", "cpu_shares", "cpuset", "mem_limit", "memswap_limit"}

// stackIgnored are those that it reads over.
var stackIgnored = []string{"build", "cgroupns_mode", "cgroup_parent", "devices", "domainname", "external_links", "ipc", "links", "mac_address", "network_mode",
	"pid", "privileged", "restart", "security_opt", "shm_size", "userns_mode"}

// serviceOptions are the others that it knows.
// https://github.com/docker/cli/blob/v29.7.2/cli/compose/schema/data/config_schema_v3.13.json
var serviceOptions = []string{"cap_add", "cap_drop", "command", "configs", "container_name", "credential_spec", "depends_on", "deploy", "dns", "dns_search",
	"entrypoint", "env_file", "environment", "expose", "extra_hosts", "healthcheck", "hostname", "image", "init", "isolation", "labels", "logging", "networks",
	"oom_score_adj", "ports", "read_only", "secrets", "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty", "ulimits", "user", "volumes", "working_dir"}

var deployOptions = []string{"endpoint_mode", "labels", "mode", "placement", "replicas", "resources", "restart_policy", "rollback_config", "update_config"}

func (s *stackReader) fail(n *yamledit.Node, format string, args ...any) error {
	return errorAt(s.y.in, n.Start, format, args...)
}

// file reads one file.
func (s *stackReader) file(in *Input) (list []*StackService, err error) {
	if s.y, err = readYAML(in); err != nil {
		return nil, err
	}
	if len(s.y.Docs) == 0 || s.y.Docs[0].Resolve().Kind != yamledit.Mapping {
		return nil, &Error{File: in.Path, Line: 1, Column: 1, Reason: "a mapping is expected, with services in it"}
	}
	top := s.y.Docs[0]
	if err := s.variables(top, map[*yamledit.Node]bool{}); err != nil {
		return nil, err
	}
	version := "3.13"
	if n := top.Get("version"); n != nil {
		if notText(n.Resolve()) {
			return nil, s.fail(n, "version: a text is expected: '3.8', in quotes")
		}
		if v, _ := n.Text(); v != "" && v != "3" {
			version = v
		}
	}
	if s.version == "" {
		s.version = version
	}
	if minor, err := strconv.Atoi(strings.TrimPrefix(version, "3.")); err != nil || minor > 13 || !strings.HasPrefix(version, "3.") {
		return nil, s.fail(top.Get("version"), "version %s: docker stack deploy takes 3.0 to 3.13, or none", version)
	}
	if s.version != version {
		return nil, s.fail(top, "version %s, that of the file before is %s: docker stack deploy wants the same", version, s.version)
	}
	all, err := s.mapping(top, "")
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		switch e.name {
		case "version", "services", "networks", "volumes", "secrets", "configs":
		case "include":
			return nil, s.fail(e.key, "include: docker stack deploy does not take it (docker compose config makes one file of several)")
		default:
			if !strings.HasPrefix(e.name, "x-") {
				return nil, s.fail(e.key, "%s: docker stack deploy does not take it", e.name)
			}
		}
	}
	services := top.Get("services")
	if services == nil {
		return nil, nil
	}
	names, err := s.mapping(services, "services")
	if err != nil {
		return nil, err
	}
	for _, e := range names {
		v, err := s.service(e)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// stackEntry is an entry of a mapping, be it merged.
type stackEntry struct {
	name       string
	key, value *yamledit.Node
}

// mapping lists the entries of a mapping, those that are merged into it (<<)
// included.
func (s *stackReader) mapping(n *yamledit.Node, what string) ([]stackEntry, error) {
	m := n.Resolve()
	if m == nil || m.Kind != yamledit.Mapping {
		return nil, s.fail(n, "%s: a mapping is expected", what)
	}
	var list []stackEntry
	var err error
	seen := map[*yamledit.Node]bool{}
	var add func(m *yamledit.Node)
	add = func(m *yamledit.Node) {
		if m = m.Resolve(); seen[m] || err != nil {
			return
		}
		seen[m] = true
		var merged []*yamledit.Node
		m.Entries(func(k, v *yamledit.Node) bool {
			key := k.Resolve()
			switch {
			case key.Kind != yamledit.Scalar || key.IsNull() || notText(key):
				err = s.fail(k, "a name is expected")
			case m.Twice(key.Value):
				err = s.fail(k, "%s is there twice", key.Value)
			case key.Value == "<<" && key.Style == yamledit.Plain:
				if merged = v.Items(); merged == nil {
					merged = []*yamledit.Node{v}
				}
			case !slices.ContainsFunc(list, func(e stackEntry) bool { return e.name == key.Value }):
				list = append(list, stackEntry{key.Value, k, v})
			}
			return err == nil
		})
		for _, x := range merged {
			add(x)
		}
	}
	add(m)
	return list, err
}

// service reads one service.
func (s *stackReader) service(e stackEntry) (*StackService, error) {
	if !isName(e.name, "-.") {
		return nil, s.fail(e.key, "%q is no name of a service", e.name)
	}
	s.name = e.name
	v := &StackService{Name: e.name, File: s.y.in.Path}
	v.Line, _ = s.y.Position(e.key.Start)
	options, err := s.mapping(e.value, e.name)
	if err != nil {
		return nil, err
	}
	var deploy *yamledit.Node
	for _, o := range options {
		switch {
		case o.name == "extends":
			return nil, s.fail(o.key, "extends: docker stack deploy does not take it (docker compose config makes one service of several)")
		case slices.Contains(stackForbidden, o.name):
			return nil, s.fail(o.key, "%s: docker stack deploy does not take it", o.name)
		case slices.Contains(stackIgnored, o.name):
			if !slices.Contains(s.stack.Ignored, o.name) {
				s.stack.Ignored = append(s.stack.Ignored, o.name)
			}
		case o.name == "image":
			v.Line, _ = s.y.Position(o.value.Start)
			v.Image, err = s.text(o)
		case o.name == "isolation" && s.before(5):
			err = s.fail(o.key, "isolation: docker stack deploy takes it from version 3.5 on, this is %s", s.version)
		case o.name == "isolation":
			v.Isolation, err = s.text(o)
		case o.name == "deploy":
			deploy = o.value
		case !slices.Contains(serviceOptions, o.name) && (!strings.HasPrefix(o.name, "x-") || s.before(4)):
			err = s.fail(o.key, "%s: docker stack deploy does not take it", o.name)
		}
		if err != nil {
			return nil, err
		}
	}
	if deploy == nil || deploy.IsNull() {
		return v, nil
	}
	return v, s.deploy(deploy, v)
}

// before reports whether the files' version is one before 3.minor.
func (s *stackReader) before(minor int) bool {
	own, _ := strconv.Atoi(strings.TrimPrefix(s.version, "3."))
	return own < minor
}

func (s *stackReader) deploy(n *yamledit.Node, v *StackService) error {
	list, err := s.mapping(n, "deploy")
	if err != nil {
		return err
	}
	for _, o := range list {
		switch o.name {
		case "mode":
			v.mode, err = s.text(o)
		case "replicas":
			var number int
			if number, err = s.number(o); err == nil {
				v.replicas = &number
			}
		case "placement":
			err = s.placement(o, v)
		case "resources":
			err = s.resources(o, v)
		default:
			if !slices.Contains(deployOptions, o.name) {
				err = s.fail(o.key, "%s: docker stack deploy does not take it in deploy", o.name)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stackReader) placement(e stackEntry, v *StackService) error {
	list, err := s.mapping(e.value, "placement")
	if err != nil {
		return err
	}
	for _, o := range list {
		switch o.name {
		case "constraints":
			if o.value.Resolve().Kind != yamledit.Sequence {
				return s.fail(o.value, "constraints: a list is expected")
			}
			for _, item := range o.value.Items() {
				text, err := s.text(stackEntry{"constraints", item, item})
				if err != nil {
					return err
				}
				v.Constraints = append(v.Constraints, text)
			}
		case "preferences":
		case "max_replicas_per_node":
			if s.before(8) {
				return s.fail(o.key, "max_replicas_per_node: docker stack deploy takes it from version 3.8 on, this is %s", s.version)
			}
			if v.MaxPerNode, err = s.number(o); err != nil {
				return err
			}
		default:
			return s.fail(o.key, "%s: docker stack deploy does not take it in placement", o.name)
		}
	}
	return nil
}

// resources reads what is reserved, which a node must have.
func (s *stackReader) resources(e stackEntry, v *StackService) error {
	list, err := s.mapping(e.value, "resources")
	if err != nil {
		return err
	}
	for _, part := range list {
		if part.name != "reservations" {
			continue
		}
		list, err := s.mapping(part.value, part.name)
		if err != nil {
			return err
		}
		for _, o := range list {
			if o.name != "cpus" && o.name != "memory" {
				continue
			}
			text, err := s.text(o)
			if err != nil {
				return err
			}
			if o.name == "cpus" {
				v.cpus = text
				continue
			}
			ok := false
			if v.Memory, ok = size(text); !ok {
				return s.fail(o.value, "memory: %q is no size", clipped(text))
			}
		}
	}
	return nil
}

// text is a text after variables.
func (s *stackReader) text(e stackEntry) (string, error) {
	n := e.value.Resolve()
	if n.Kind != yamledit.Scalar || n.IsNull() || notText(n) {
		return "", s.fail(e.value, "%s: a text is expected", e.name)
	}
	return substitute(n.Value, s.env, s.unset)
}

// number is a number, or a text that variables make one.
func (s *stackReader) number(e stackEntry) (int, error) {
	n := e.value.Resolve()
	if n.Kind != yamledit.Scalar {
		return 0, s.fail(e.value, "%s: a number is expected", e.name)
	}
	text, base := n.Value, 0 // 0x10 too
	if !notText(n) {
		// Of a service with a dot in its name docker makes no number of a text.
		text, _ = substitute(n.Value, s.env, s.unset) // was read before: see variables
		if base = 10; text == n.Value || strings.Contains(s.name, ".") {
			return 0, s.fail(e.value, "%s: a number is expected, not %q", e.name, clipped(text))
		}
	}
	number, err := strconv.ParseInt(text, base, 0)
	if err != nil || number < 0 {
		return 0, s.fail(e.value, "%s: a number is expected, not %q", e.name, clipped(text))
	}
	return int(number), nil
}

func (s *stackReader) unset(name string) {
	if !slices.Contains(s.stack.Unset, name) {
		s.stack.Unset = append(s.stack.Unset, name)
	}
}

// variables holds that all values of a file can be read, of whatever option.
func (s *stackReader) variables(n *yamledit.Node, seen map[*yamledit.Node]bool) error {
	if n = n.Resolve(); n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	if n.Kind == yamledit.Scalar {
		if _, err := substitute(n.Value, s.env, s.unset); err != nil {
			return s.fail(n, "%v", err)
		}
		return nil
	}
	for i, c := range n.Content {
		if n.Kind == yamledit.Mapping && i%2 == 0 {
			continue // a key
		}
		if err := s.variables(c, seen); err != nil {
			return err
		}
	}
	return nil
}

// notText reports whether a scalar is a number or a truth value.
func notText(n *yamledit.Node) bool {
	if n.Kind != yamledit.Scalar || n.Style != yamledit.Plain || n.Tag != "" {
		return n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool"
	}
	switch strings.ToLower(n.Value) {
	case "true", "false", ".inf", "-.inf", "+.inf", ".nan":
		return true
	}
	if n.Value == "" || strings.Trim(n.Value[:1], "0123456789+-.") != "" {
		return false
	}
	_, err := strconv.ParseFloat(n.Value, 64)
	_, intErr := strconv.ParseInt(n.Value, 0, 64)
	return err == nil || intErr == nil
}

// cpus reads "0.5": thousand millionths, at most.
// https://github.com/docker/cli/blob/v29.7.2/opts/opts.go
func cpus(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	r.Mul(r, big.NewRat(1e9, 1))
	return r.Num().Int64(), r.IsInt() && r.Num().IsInt64()
}

// size reads "512M", "1.5 GiB", of 1,024 each.
// https://github.com/docker/go-units/blob/v0.5.0/size.go
func size(text string) (int64, bool) {
	at := strings.LastIndexAny(text, "01234567890. ")
	if at < 0 {
		return 0, false
	}
	number, unit := text[:at+1], strings.ToLower(text[at+1:])
	if text[at] == ' ' {
		number = text[:at]
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 {
		return 0, false
	}
	if unit == "" || unit == "b" {
		return int64(f), true
	}
	power := strings.IndexByte("kmgtp", unit[0])
	if rest := unit[1:]; power < 0 || rest != "" && rest != "b" && rest != "ib" {
		return 0, false
	}
	return int64(f * float64(int64(1)<<(10*(power+1)))), true
}

func clipped(s string) string { return s[:min(len(s), 60)] }
