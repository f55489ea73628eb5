package swarm

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
)

// State is a Swarm as its manager describes it.
type State struct {
	Nodes    []*Node    // by name
	Services []*Service // by name
	Manager  Engine     // the one that was asked

	errors  reader
	rulings rulings
}

// Engine is what an engine says of itself.
type Engine struct {
	OSType          string
	OSVersion       string
	KernelVersion   string
	OperatingSystem string
	Isolation       string
	ServerVersion   string
	Driver          string
	Swarm           struct {
		NodeID           string
		ControlAvailable bool
		LocalNodeState   string
	}
}

// Node is one node, as the manager describes it.
type Node struct {
	ID           string
	Name         string // its host name; with its ID where several have it
	Hostname     string
	Role         string // "manager", "worker"
	Availability string // "active", "pause", "drain"
	State        string // "ready", "down", "unknown", "disconnected"
	Addr         string
	OS, Arch     string // "windows", "amd64"; as docker node inspect has them
	Engine       string // its version: "20.10.24"
	Labels       map[string]string
	EngineLabels map[string]string
	NanoCPUs     int64
	Memory       int64
	Index        uint64 // of its version
	Updated      time.Time

	Windows Windows // see State.Learn

	usedCPUs, usedMemory int64 // reserved by tasks
}

// Up reports whether the node takes new tasks.
func (n *Node) Up() bool { return n.State == "ready" && n.Availability == "active" }

// Platform is an operating system and an architecture that a service asks for.
type Platform struct{ OS, Architecture string }

// Service is one service and what has become of its tasks.
type Service struct {
	ID, Name    string
	Image       string // with the digest that it is pinned to, where there is one
	Mode        string // "replicated", "global", "replicated-job", "global-job"
	Want        int    // tasks that are to run: replicas, or as many as were made for a global one
	Running     int
	Completed   int
	MaxPerNode  int
	Constraints []string
	Platforms   []Platform
	Isolation   compat.Isolation
	NanoCPUs    int64 // reserved by each task
	Memory      int64
	Labels      map[string]string
	Update      string // state of its update where that is not done: "paused", …
	Index       uint64

	Groups  []*Group        // tasks that failed, were refused or wait, grouped
	Waiting map[string]int  // tasks that are on their way, by state
	RunsOn  map[string]bool // IDs of the nodes that run the image of today
}

// Group is tasks of one service that ended or wait alike.
type Group struct {
	Node  string // ID; "" where none was found
	Image string
	State string // "failed", "rejected", "pending", …
	Error string // in full
	Task  string // ID of the latest one
	Last  time.Time
	Count int
	Waits bool // they have not ended: no node was found, or one that does not answer

	reader *reader
	found  []diagnose.Diagnosis // by the core, once read
	read   bool
}

// The shapes of the API, as little of them as is used.
type (
	wireVersion struct{ Index uint64 }
	wireNode    struct {
		ID        string
		Version   wireVersion
		UpdatedAt time.Time
		Spec      struct {
			Role, Availability string
			Labels             map[string]string
		}
		Description struct {
			Hostname  string
			Platform  Platform
			Resources struct{ NanoCPUs, MemoryBytes int64 }
			Engine    struct {
				EngineVersion string
				Labels        map[string]string
			}
		}
		Status struct{ State, Addr string }
	}
	wireTemplate struct {
		PluginSpec    *struct{ Remote string } // of a service that is a plugin of the engine
		ContainerSpec struct{ Image, Isolation string }
		Resources     struct {
			Reservations struct{ NanoCPUs, MemoryBytes int64 }
		}
		Placement struct {
			Constraints []string
			MaxReplicas int
			Platforms   []Platform
		}
	}
	wireService struct {
		ID      string
		Version wireVersion
		Spec    struct {
			Name         string
			Labels       map[string]string
			TaskTemplate wireTemplate
			Mode         struct {
				Replicated    *struct{ Replicas *int }
				Global        *struct{}
				ReplicatedJob *struct{ TotalCompletions *int }
				GlobalJob     *struct{}
			}
		}
		UpdateStatus struct{ State, Message string }
	}
	wireTask struct {
		ID                string
		ServiceID, NodeID string
		Spec              struct {
			ContainerSpec struct{ Image string }
			Resources     struct {
				Reservations struct{ NanoCPUs, MemoryBytes int64 }
			}
		}
		Status struct {
			Timestamp  time.Time
			State, Err string
		}
		DesiredState string
	}
)

// Read asks a manager for services, nodes and tasks. All of them are read: the
// error of one service's task may say which Windows the node of another has.
func (c *Client) Read(ctx context.Context) (*State, error) {
	s := &State{}
	if err := c.get(ctx, "/info", &s.Manager); err != nil {
		return nil, err
	}
	if !s.Manager.Swarm.ControlAvailable {
		text := "the engine is a worker of its Swarm, not a manager"
		if s.Manager.Swarm.NodeID == "" {
			text = "the engine is not part of a Swarm"
		}
		return nil, &Error{Code: CodeNoManager, Text: text, Hint: "ask a manager: docker context use NAME, --context NAME or DOCKER_HOST"}
	}
	if err := stream(ctx, c, "/nodes", s.addNode); err != nil {
		return nil, err
	}
	// A plugin of the engine is no container: nothing here is about it.
	if err := stream(ctx, c, "/services", func(w *wireService) {
		if w.Spec.TaskTemplate.PluginSpec == nil {
			s.Services = append(s.Services, service(w))
		}
	}); err != nil {
		return nil, err
	}
	s.name()
	t := tasks{state: s, byID: map[string]*Service{}, nodes: map[string]*Node{}, groups: map[groupKey]*Group{}}
	for _, v := range s.Services {
		t.byID[v.ID] = v
	}
	for _, n := range s.Nodes {
		t.nodes[n.ID] = n
	}
	if err := streamBy(ctx, c, "/tasks", picked, t.add); err != nil {
		return nil, err
	}
	for _, v := range s.Services {
		slices.SortFunc(v.Groups, func(a, b *Group) int { return b.Last.Compare(a.Last) })
	}
	return s, nil
}

// Select finds services by their names or IDs, each once; all of them where no
// name is given.
func (s *State) Select(names ...string) ([]*Service, error) {
	if len(names) == 0 {
		return s.Services, nil
	}
	var out []*Service
	for _, name := range names {
		i := slices.IndexFunc(s.Services, func(v *Service) bool { return v.Name == name || v.ID == name })
		if i < 0 {
			return nil, &Error{Code: CodeNotFound, Text: "there is no service " + name, Hint: "docker service ls lists them"}
		}
		if !slices.Contains(out, s.Services[i]) {
			out = append(out, s.Services[i])
		}
	}
	return out, nil
}

// Node finds a node by its name, host name or ID; nil where there is none, or
// where several have the host name.
func (s *State) Node(name string) *Node {
	var found *Node
	for _, n := range s.Nodes {
		switch {
		case n.ID == name || n.Name == name:
			return n
		case strings.EqualFold(n.Hostname, name):
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}

func (s *State) addNode(w *wireNode) {
	s.Nodes = append(s.Nodes, &Node{
		ID: w.ID, Hostname: w.Description.Hostname, Role: w.Spec.Role, Availability: w.Spec.Availability, State: w.Status.State, Addr: w.Status.Addr,
		OS: w.Description.Platform.OS, Arch: w.Description.Platform.Architecture, Engine: w.Description.Engine.EngineVersion,
		Labels: w.Spec.Labels, EngineLabels: w.Description.Engine.Labels,
		NanoCPUs: w.Description.Resources.NanoCPUs, Memory: w.Description.Resources.MemoryBytes, Index: w.Version.Index, Updated: w.UpdatedAt,
	})
}

// name names the nodes and sorts both lists.
func (s *State) name() {
	count := map[string]int{}
	for _, n := range s.Nodes {
		count[strings.ToLower(n.Hostname)]++
	}
	for _, n := range s.Nodes {
		switch n.Name = n.Hostname; {
		case n.Hostname == "":
			n.Name = n.ID
		case count[strings.ToLower(n.Hostname)] > 1:
			n.Name += " (" + n.ID + ")"
		}
	}
	slices.SortFunc(s.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
}

func service(w *wireService) *Service {
	t := &w.Spec.TaskTemplate
	v := &Service{
		ID: w.ID, Name: w.Spec.Name, Image: t.ContainerSpec.Image, Mode: "replicated", MaxPerNode: t.Placement.MaxReplicas,
		Constraints: t.Placement.Constraints, Platforms: t.Placement.Platforms,
		NanoCPUs: t.Resources.Reservations.NanoCPUs, Memory: t.Resources.Reservations.MemoryBytes, Labels: w.Spec.Labels, Index: w.Version.Index,
	}
	v.Isolation, _ = compat.ParseIsolation(t.ContainerSpec.Isolation)
	number := func(n *int) int {
		if n == nil {
			return 1
		}
		return *n
	}
	switch m := w.Spec.Mode; {
	case m.Replicated != nil:
		v.Want = number(m.Replicated.Replicas)
	case m.ReplicatedJob != nil:
		v.Mode, v.Want = "replicated-job", number(m.ReplicatedJob.TotalCompletions)
	case m.Global != nil:
		v.Mode = "global"
	case m.GlobalJob != nil:
		v.Mode = "global-job"
	}
	if s := w.UpdateStatus.State; s != "" && s != "completed" && s != "rollback_completed" {
		v.Update = s
	}
	return v
}

// tasks counts tasks as they come.
type tasks struct {
	state  *State
	byID   map[string]*Service
	nodes  map[string]*Node
	groups map[groupKey]*Group
}

type groupKey struct {
	service, node, state, text string
}

// maxGroups bounds the kinds of errors that are kept of one service.
const maxGroups = 64

func (t *tasks) add(w *wireTask) {
	wanted := w.DesiredState == "running" || w.DesiredState == "complete" || w.DesiredState == "ready"
	n := t.nodes[w.NodeID]
	if n != nil && wanted && !ended(w.Status.State) {
		n.usedCPUs += w.Spec.Resources.Reservations.NanoCPUs
		n.usedMemory += w.Spec.Resources.Reservations.MemoryBytes
	}
	v := t.byID[w.ServiceID]
	if v == nil {
		return
	}
	global := v.Mode == "global" || v.Mode == "global-job"
	if global && wanted {
		v.Want++
	}
	today := w.Spec.ContainerSpec.Image == v.Image
	switch state := w.Status.State; {
	case state == "running" && wanted:
		v.Running++
		if today && n != nil {
			if v.RunsOn == nil {
				v.RunsOn = map[string]bool{}
			}
			v.RunsOn[n.ID] = true
		}
	case state == "complete":
		v.Completed++
	case wanted && !ended(state) && w.Status.Err == "":
		if v.Waiting == nil {
			v.Waiting = map[string]int{}
		}
		v.Waiting[state]++
	case w.Status.Err != "" && (state == "failed" || state == "rejected" || wanted):
		t.group(v, w, today)
	}
}

// ended reports whether a task's state is a last one.
func ended(state string) bool {
	switch state {
	case "complete", "shutdown", "failed", "rejected", "remove", "orphaned":
		return true
	}
	return false
}

func (t *tasks) group(v *Service, w *wireTask, today bool) {
	if !today {
		return // of an image that is no more
	}
	key := groupKey{v.ID, w.NodeID, w.Status.State, kindOf(w.Status.Err)}
	g := t.groups[key]
	if g == nil {
		if len(v.Groups) == maxGroups {
			return
		}
		g = &Group{Node: w.NodeID, Image: v.Image, State: w.Status.State, Waits: !ended(w.Status.State), reader: &t.state.errors}
		t.groups[key] = g
		v.Groups = append(v.Groups, g)
	}
	g.Count++
	if g.Error == "" || w.Status.Timestamp.After(g.Last) {
		g.Error, g.Task, g.Last = clip(w.Status.Err, 64<<10), w.ID, w.Status.Timestamp
	}
}

// kindOf is an error without what differs each time: numbers in hex, of which
// container IDs are made.
func kindOf(text string) string {
	text = clip(text, 400)
	var b strings.Builder
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && (text[j] >= '0' && text[j] <= '9' || text[j] >= 'a' && text[j] <= 'f') {
			j++
		}
		if j-i < 12 {
			j = max(j, i+1)
			b.WriteString(text[i:j])
		}
		i = j
	}
	return b.String()
}
