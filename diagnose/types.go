package diagnose

import (
	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

// Cause is what went wrong, in a word.
type Cause uint8

// The causes. The names of the first four are version problems or may be.
const (
	Undetermined Cause = iota // versions or something else: the text does not tell
	Mismatch                  // the versions of host and image do not fit
	Skew                      // the same build, but the image has newer updates than its host
	Feb2020                   // host and image are on different sides of the February 2020 update
	Other                     // not a version problem
)

var causeNames = [...]string{"undetermined", "os-version-mismatch", "revision-skew", "february-2020", "not-a-version-problem"}

// String names the cause as the JSON output does.
func (c Cause) String() string { return causeNames[c] }

// MarshalText writes the cause as String does.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Confidence says how far a cause can be relied on.
type Confidence uint8

// The confidences.
const (
	Possible Confidence = iota // one of several; the others are named
	Likely                     // the text speaks for it
	Certain                    // the text says so, or a verdict confirms it
)

// String names the confidence as the JSON output does.
func (c Confidence) String() string { return [...]string{"possible", "likely", "certain"}[c] }

// MarshalText writes the confidence as String does.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Stage is what was being done.
type Stage uint8

// The stages.
const (
	Start Stage = iota
	Pull
	Build
	Create
	Schedule
	Service
)

// String names the stage as the JSON output does.
func (s Stage) String() string {
	return [...]string{"start", "pull", "build", "create", "schedule", "service"}[s]
}

// MarshalText writes the stage as String does.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Place is where containers are run or built, which decides what a remedy
// looks like.
type Place uint8

// The places.
const (
	Nowhere    Place = iota // the text does not say
	DockerRun               // docker run, docker pull
	Compose                 // docker compose
	Swarm                   // docker service, docker stack
	Kubernetes              // a pod
	Dockerfile              // docker build
	CI                      // a CI job without a hint at any of the above
	Containerd              // ctr, nerdctl, crictl without Kubernetes
	Managed                 // a managed service: Azure, AWS
	WSL                     // the Windows Subsystem for Linux, which knows no containers
)

// String names the place.
func (p Place) String() string {
	return [...]string{"", "docker", "compose", "swarm", "kubernetes", "dockerfile", "ci", "containerd", "managed", "wsl"}[p]
}

// Diagnosis is one kind of error in a text.
type Diagnosis struct {
	Cause      Cause
	Detail     string // the look-alike, or the sort of mismatch: "linux-mode", "sandbox-image"; "" for none
	Confidence Confidence
	Stage      Stage
	Component  string // who said so: "docker", "kubelet", "containerd", "buildkit", "swarm", …
	Code       Code
	Source     string // URL where this message was seen and what it turned out to be
	Place      Place

	// What the text says besides; empty or invalid where it does not.
	Container string
	Pod       string
	Namespace string
	Service   string // of a Swarm
	Node      string
	Image     string // the reference
	Digest    string // "sha256:…"
	Host      winver.Version
	Edition   winver.Edition
	OSVersion winver.Version // the image's
	Isolation compat.Isolation
	Runtime   compat.Runtime
	Restarts  int
	Sandbox   bool // it is the pod's sandbox (pause) image
	Cut       bool // the message is cut off
	Hints     Hints

	Evidence    []string // parts of the text, shortened
	Count       int      // messages of this kind
	First, Last int      // their lines, from 1
}

// Pipeline is a system for continuous integration that remedies speak of.
type Pipeline uint8

// The systems.
const (
	NoPipeline Pipeline = iota
	GitHubActions
	AzurePipelines
	GitLabCI
)

// Hints are observations beside the message that weigh in.
type Hints struct {
	Windows      bool     // the text is of a Windows host or a Windows image
	LinuxImage   bool     // a reference that is known to have Linux images only
	WindowsImage bool     // a reference that names a Windows base
	WoW64        bool     // a 32-bit program
	Pipeline     Pipeline // whose log it is
}

// Version reports whether the diagnosis is of a version problem.
func (d *Diagnosis) Version() bool {
	return d.Cause == Mismatch || d.Cause == Skew || d.Cause == Feb2020
}

// Report is what a text holds.
type Report struct {
	Diagnoses []Diagnosis // by first appearance
	Bytes     int64       // read
	Lines     int
	More      bool // more kinds of errors than MaxDiagnoses: only counted
}
