package kube

import (
	"fmt"

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
