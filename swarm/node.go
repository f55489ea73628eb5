package swarm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Source says where a node's Windows version is known from.
type Source string

// The sources, the surest first.
const (
	ByEngine Source = "engine" // the node's own engine was asked
	ByUser   Source = "given"
	ByTask   Source = "task"  // a task's error states it
	ByLabel  Source = "label" // OsVersion, of the node or of its engine
)

// Windows is what is known of a node's Windows; without a valid Version, nothing.
type Windows struct {
	Version   winver.Version
	Edition   winver.Edition
	ARM64     bool // the node is an ARM machine
	Source    Source
	Detail    string           // the text it was read from
	Isolation compat.Isolation // the default of its engine, where that was asked
	Runtime   compat.Runtime
	Doubt     string // two sources contradict each other, and which one is right cannot be told: there is no Version
}

// host is it as the core takes it.
func (w *Windows) host() compat.Host {
	return compat.Host{Version: w.Version, Edition: w.Edition, ARM64: w.ARM64}
}

// Engine asks the engine what it is.
func (c *Client) Engine(ctx context.Context) (e Engine, err error) {
	return e, c.get(ctx, "/info", &e)
}

// Host reads the Windows of an engine's answer: of its whole text, else of
// OSVersion alone.
func (e *Engine) Host(f *facts.Facts) (winver.Host, error) {
	h, err := winver.ParseHost(f, fmt.Sprintf("Kernel Version: %s\nOperating System: %s\nOSVersion: %s\nOSType: windows\n", e.KernelVersion, e.OperatingSystem, e.OSVersion))
	if err != nil {
		if v, parseErr := winver.Parse(e.OSVersion); parseErr == nil {
			return winver.Host{Version: v, Evidence: e.OSVersion}, nil
		}
	}
	return h, err
}

// Runtime is the engine as a runtime.
func (e *Engine) Runtime() compat.Runtime {
	return compat.DockerRuntime(e.Driver, e.ServerVersion)
}

// Known is what is known of nodes besides the State.
type Known struct {
	Engines []Engine               // answers of nodes' own engines, each of which says whose it is
	Hosts   map[string]winver.Host // by a node's name or ID, as the user gave them
}

// Learn finds out which Windows each node has. The node's engine knows best, then
// the user. A task's error that states its host's version is as old as the task, a
// label may be older or newer: where they contradict each other, the error counts
// if nothing has changed at the node since, else neither does.
func (s *State) Learn(f *facts.Facts, k *Known) error {
	for name, h := range k.Hosts {
		n := s.Node(name)
		if n == nil {
			return &Error{Code: CodeNotFound, Text: "there is no single node " + name, Hint: "docker node ls lists them"}
		}
		if n.OS != "windows" {
			return &Error{Code: CodeRefused, Text: fmt.Sprintf("node %s runs %s, not Windows", n.Name, n.OS)}
		}
		n.Windows = Windows{Version: h.Version, Edition: h.Edition, Source: ByUser, Detail: h.Evidence}
	}
	engines := append([]Engine{s.Manager}, k.Engines...)
	for i := range engines {
		e := &engines[i]
		n := s.Node(e.Swarm.NodeID)
		if n == nil || n.OS != "windows" || e.OSType != "windows" {
			continue
		}
		h, err := e.Host(f)
		if err != nil {
			n.Windows = Windows{Source: ByEngine, Doubt: fmt.Sprintf("its engine says %q, which names no Windows", e.OperatingSystem)}
			continue
		}
		isolation, _ := compat.ParseIsolation(e.Isolation)
		n.Windows = Windows{Version: h.Version, Edition: h.Edition, Source: ByEngine, Detail: e.OperatingSystem, Isolation: isolation, Runtime: e.Runtime()}
	}
	stated := s.stated(f)
	for _, n := range s.Nodes {
		if n.OS != "windows" {
			continue
		}
		if n.Windows.Source == "" {
			n.Windows = n.told(stated[n.ID])
		}
		w := &n.Windows
		w.ARM64 = arch(n.Arch) == "arm64"
		if w.Edition == winver.UnknownEdition && w.Version.IsValid() {
			w.Edition = winver.EditionOf(f, w.Version.Build)
		}
		if w.Runtime.Engine == compat.NoEngine {
			if w.Runtime, _ = compat.ParseRuntime("docker@" + n.Engine); w.Runtime.Engine == compat.NoEngine {
				w.Runtime.Engine = compat.Docker
			}
		}
	}
	return nil
}

// statement is what a task's error says of its host.
type statement struct {
	version winver.Version
	edition winver.Edition
	text    string
	at      time.Time
}

// stated collects what tasks' errors say of their hosts, the latest of each node.
func (s *State) stated(f *facts.Facts) map[string]statement {
	out := map[string]statement{}
	windows := map[string]bool{}
	for _, n := range s.Nodes {
		windows[n.ID] = n.OS == "windows"
	}
	for _, v := range s.Services {
		for _, g := range v.Groups {
			if !windows[g.Node] || !g.Last.After(out[g.Node].at) {
				continue
			}
			for _, d := range g.diagnoses(f) {
				if d.Host.IsValid() {
					out[g.Node] = statement{d.Host, d.Edition, g.Error, g.Last}
				}
			}
		}
	}
	return out
}

// told is what errors and labels say of a node.
func (n *Node) told(said statement) Windows {
	label := n.Label()
	byTask := Windows{Version: said.version, Edition: said.edition, Source: ByTask, Detail: said.text}
	byLabel := Windows{Version: label, Source: ByLabel, Detail: LabelOSVersion + "=" + label.String()}
	switch {
	case !label.IsValid() && !said.version.IsValid():
		return Windows{}
	case !label.IsValid():
		return byTask
	case !said.version.IsValid(), said.version.Build == label.Build:
		return byLabel
	case said.at.After(n.Updated):
		return byTask
	}
	return Windows{Doubt: fmt.Sprintf("the label says %s, a task's error of %s says %s", label, said.at.UTC().Format(time.DateTime), said.version)}
}

// Label is the version that the node's labels state: OsVersion of the node, as on
// Microsoft's page, else that of its engine; invalid where there is none. The
// revision of Windows Server 2016, which matters there, is in a label of ours.
func (n *Node) Label() winver.Version {
	for _, labels := range []map[string]string{n.Labels, n.EngineLabels} {
		v, err := winver.Parse(strings.TrimSpace(labels[LabelOSVersion]))
		if err != nil {
			continue
		}
		if _, ok := v.Revision(); !ok {
			for key, value := range n.Labels {
				full, ok := strings.CutPrefix(key, fmt.Sprintf("%s%d.", LabelRuns, v.Build))
				if r, err := winver.Parse(fmt.Sprintf("%d.%s", v.Build, full)); ok && err == nil && value == "true" && v.Build == winver.LTSC2016 {
					return r
				}
			}
		}
		return v
	}
	return winver.Version{}
}
