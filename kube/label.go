package kube

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// The labels of this project, next to the kubelet's and to that of Microsoft's
// page ([VersionLabels]).
//
// A selector knows an In list, but an image runs on nodes of several builds, and
// which ones depends on their runtimes too: so there is a label for each build of
// images that the node runs, winmatch.github.io/runs-20348=true. Images of Windows
// Server 2016 run on hosts of their own revision only, which is then part of the
// name: winmatch.github.io/runs-14393.1715=true. The names are those of a Swarm's
// labels, winmatch.runs.20348, as Kubernetes writes names.
const (
	LabelDomain  = "winmatch.github.io/"
	LabelVersion = LabelDomain + "version" // 10.0.20348.2227, where the revision is known
	LabelRuns    = LabelDomain + "runs-"
)

// RunsLabel is the label of the nodes that run images of a version; where the
// revision matters and is not known it is "".
func RunsLabel(image winver.Version) string {
	if image.Build != winver.LTSC2016 {
		return fmt.Sprint(LabelRuns, image.Build)
	}
	if r, ok := image.Revision(); ok {
		return fmt.Sprint(LabelRuns, image.Build, ".", r)
	}
	return ""
}

// ours reports whether a label is one that only this project sets.
func ours(key string) bool { return key == LabelVersion || strings.HasPrefix(key, LabelRuns) }

// labelled reports whether a node has labels of ours.
func (n *Node) labelled() bool {
	for key := range n.Labels {
		if ours(key) {
			return true
		}
	}
	return false
}

// osBuild is the value of [LabelOSBuild]; "" where it takes a revision that is not
// known.
func osBuild(v winver.Version) string {
	if v.Build != winver.LTSC2016 {
		return fmt.Sprint(v.Build)
	}
	if _, ok := v.Revision(); ok {
		return v.Short()
	}
	return ""
}

// kubeletBuild is the value of the kubelet's label.
func kubeletBuild(v winver.Version) string { return "10.0." + fmt.Sprint(v.Build) }

// Runs are the labels for the images that a Windows node runs, by the core's
// verdict on each build of which there are images; none where its version or its
// runtime is not known.
func (n *Node) Runs(f *facts.Facts, today facts.Date) []string {
	if !n.Host.Version.IsValid() || n.Runtime.Engine == compat.NoEngine {
		return nil
	}
	var out []string
	for _, v := range compat.Runs(f, compat.Question{Host: compat.Host{Version: n.Host.Version, Edition: n.Host.Edition, ARM64: n.Host.ARM64}, Runtime: n.Runtime, Kubernetes: true, Today: today}) {
		if key := RunsLabel(v); key != "" {
			out = append(out, key)
		}
	}
	return out
}

// labels are those that a Windows node should have, and what is missing to say
// all of them.
func (n *Node) labels(f *facts.Facts, today facts.Date) (want map[string]string, unknown string) {
	want = map[string]string{}
	v := n.Host.Version
	if !v.IsValid() {
		return want, fmt.Sprintf("its Windows version is not known: kernelVersion %q, osImage %q", n.Kernel, n.OSImage)
	}
	if _, ok := v.Revision(); ok {
		want[LabelVersion] = v.String()
	} else {
		unknown = "its revision is not known: kernelVersion " + strconv.Quote(n.Kernel)
	}
	if build := osBuild(v); build != "" {
		want[LabelOSBuild] = build
	}
	for _, key := range n.Runs(f, today) {
		want[key] = "true"
	}
	if n.Runtime.Engine == compat.NoEngine {
		unknown = fmt.Sprintf("its runtime is not known, nor therefore what it runs: containerRuntimeVersion %q", n.RuntimeText)
	}
	return want, unknown
}

// Relabel gives a Windows node as it will be the labels that it will have: ours
// where it has any of them, and Microsoft's where it has that. Its Labels are
// changed.
func (n *Node) Relabel(f *facts.Facts) {
	labelled := n.labelled()
	want, _ := n.labels(f, 0)
	for key := range n.Labels {
		switch value, ok := want[key]; {
		case ok:
			n.Labels[key] = value
		case key == LabelOSBuild || ours(key):
			delete(n.Labels, key)
		}
	}
	if labelled {
		maps.Copy(n.Labels, want)
	}
}
