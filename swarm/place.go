package swarm

import (
	"fmt"
	"net"
	"strings"
)

// A constraint, "node.labels.OS == windows", as Swarm's scheduler reads it.
// https://github.com/moby/swarmkit/blob/v2.0.0/manager/constraint/constraint.go
type constraint struct {
	key, value string
	not        bool
}

// parseConstraint is lenient: what is no constraint matches no node, and a
// manager would not have taken it.
func parseConstraint(s string) constraint {
	for _, op := range [...]string{"==", "!="} { // in this order
		if key, value, ok := strings.Cut(s, op); ok {
			return constraint{strings.TrimSpace(key), strings.TrimSpace(value), op == "!="}
		}
	}
	return constraint{}
}

// check reports whether a node satisfies the constraint, and what it has instead.
func (c constraint) check(n *Node) (ok bool, has string) {
	label := func(prefix string, labels map[string]string) (string, bool) {
		if len(c.key) > len(prefix) && strings.EqualFold(c.key[:len(prefix)], prefix) {
			return labels[c.key[len(prefix):]], true // the label itself is case-sensitive
		}
		return "", false
	}
	switch key := strings.ToLower(c.key); key {
	case "node.id":
		has = n.ID
	case "node.hostname":
		has = n.Hostname
	case "node.role":
		has = n.Role
	case "node.platform.os":
		has = n.OS
	case "node.platform.arch":
		has = n.Arch
	case "node.ip":
		addr := net.ParseIP(n.Addr)
		if ip := net.ParseIP(c.value); ip != nil {
			return ip.Equal(addr) != c.not, n.Addr
		}
		if _, subnet, err := net.ParseCIDR(c.value); err == nil {
			return subnet.Contains(addr) != c.not, n.Addr
		}
		return false, n.Addr
	default:
		var known bool
		if has, known = label("node.labels.", n.Labels); !known {
			if has, known = label("engine.labels.", n.EngineLabels); !known {
				return false, ""
			}
		}
	}
	return strings.EqualFold(c.value, has) != c.not, has
}

// Blocked says why the scheduler does not put a task of a service on a node; ""
// where it may. The order is the scheduler's, which names the first filter that
// fails, and counts nodes without naming them.
// https://github.com/moby/swarmkit/blob/v2.0.0/manager/scheduler/pipeline.go
func (v *Service) Blocked(n *Node) string {
	if n.State != "ready" {
		return "the node is " + n.State
	}
	if n.Availability != "active" {
		return "its availability is " + n.Availability
	}
	free := func(all, used int64) int64 { return max(0, all-used) }
	if v.NanoCPUs > 0 && v.NanoCPUs > free(n.NanoCPUs, n.usedCPUs) {
		return fmt.Sprintf("%.3g of its %.3g CPUs are not reserved, %.3g are wanted", float64(free(n.NanoCPUs, n.usedCPUs))/1e9, float64(n.NanoCPUs)/1e9, float64(v.NanoCPUs)/1e9)
	}
	if v.Memory > 0 && v.Memory > free(n.Memory, n.usedMemory) {
		return fmt.Sprintf("%s of its %s of memory are not reserved, %s are wanted", mib(free(n.Memory, n.usedMemory)), mib(n.Memory), mib(v.Memory))
	}
	return v.excluded(n)
}

// excluded is the part of Blocked that does not pass by itself: constraints and
// platforms.
func (v *Service) excluded(n *Node) string {
	for _, text := range v.Constraints {
		c := parseConstraint(text)
		ok, has := c.check(n)
		if ok {
			continue
		}
		switch {
		case c.key == "":
			return fmt.Sprintf("%q is no constraint", text)
		case has == "":
			return text + ": it has no such value"
		case c.not:
			return text
		}
		return fmt.Sprintf("%s: it is %s", text, has)
	}
	if len(v.Platforms) == 0 {
		return ""
	}
	var list []string
	for _, p := range v.Platforms {
		if (p.Architecture == "" || arch(p.Architecture) == arch(n.Arch)) && (p.OS == "" || p.OS == n.OS) {
			return ""
		}
		name := strings.Trim(p.OS+"/"+arch(p.Architecture), "/")
		if len(list) == 0 || list[len(list)-1] != name {
			list = append(list, name)
		}
	}
	return fmt.Sprintf("the image is for %s, the node is %s/%s", strings.Join(list, ", "), n.OS, arch(n.Arch))
}

// arch is the name that images have for an architecture.
func arch(s string) string {
	switch s {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return s
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
