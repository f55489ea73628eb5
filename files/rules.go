package files

// Rule is one thing that is looked for.
type Rule struct {
	ID    string
	Level Level // unless winmatch.yaml says another; Off: only where it is asked for
	Fix   bool  // whether fix can mend it, where it is clear how
	Text  string
}

// The rules that hold for every kind of file. A kind adds its own to Rules, its
// ID a constant beside its reader.
const (
	RuleNotForHost   = "image-not-for-host"
	RuleRisky        = "image-risky-on-host"
	RuleNoSuchTag    = "no-such-tag"
	RuleNotWindows   = "image-not-windows"
	RuleOldName      = "old-image-name"
	RuleOutOfSupport = "out-of-support"
	RuleMixed        = "mixed-builds"
	RuleUnpinned     = "unpinned-tag"
	RuleRetarget     = "retarget"
	RuleBadIgnore    = "bad-ignore"
	RuleUnknown      = "image-unknown"

	RulePlacedWrong   = "placement-contradicts-image"
	RulePlacedWide    = "placement-too-wide"
	RulePlacedNowhere = "placement-excludes-hosts"
)

// Rules are all rules. Their IDs are the same in winmatch.yaml, in comments that
// suppress a finding and in SARIF.
var Rules = [...]Rule{
	{RuleNotForHost, ErrorLevel, true, "the image does not run on a host that the file is for"},
	{RuleRisky, Warning, true, "the image may or may not run on a host that the file is for"},
	{RuleNoSuchTag, ErrorLevel, true, "the repository has no such tag: windows/servercore:latest, say"},
	{RuleNotWindows, ErrorLevel, true, "a Linux image where a Windows one is wanted"},
	{RuleOldName, Warning, true, "a name on Docker Hub for what Microsoft publishes on mcr.microsoft.com"},
	{RuleOutOfSupport, Warning, true, "the Windows in the image gets no updates any more"},
	{RuleMixed, Warning, true, "images that must run on one host are of builds that no Windows Server runs together in process isolation"},
	{RuleUnpinned, Warning, true, "the tag moves, and winmatch.yaml wants a pin"},
	{RuleRetarget, Note, true, "with --to: not yet on the Windows to move to"},
	{RuleRunnerRetired, ErrorLevel, true, "the CI service has no such runners any more"},
	{RuleRunnerContainer, ErrorLevel, false, "a job or service container where the CI service runs none: on its Windows runners"},
	{RulePlacedWrong, ErrorLevel, true, "the labels that nodes are chosen by keep the images from all hosts that run them"},
	{RulePlacedWide, ErrorLevel, true, "the labels that nodes are chosen by do not keep the images from hosts that do not run them"},
	{RulePlacedNowhere, Warning, false, "the labels that nodes are chosen by admit none of the hosts that the file is for"},
	{RuleOSMissing, Warning, true, "Kubernetes: a Windows image in a pod that selects no operating system"},
	{RuleOSContradicts, ErrorLevel, true, "Kubernetes: a Windows image in a pod for Linux, or os.name against the selector"},
	{RuleOldLabel, Warning, true, "Kubernetes: a label of nodes that has a new name: beta.kubernetes.io/os, /arch, /osbuild"},
	{RuleBuildMalformed, ErrorLevel, true, "Kubernetes: node.kubernetes.io/windows-build with a value that no node has"},
	{RuleHostNetwork, ErrorLevel, true, "Kubernetes: HostProcess containers without hostNetwork: true"},
	{RuleHyperV, Warning, true, "Kubernetes: Hyper-V isolation, which it does not have"},
	{RuleTagNumber, ErrorLevel, true, "Kustomize: a newTag that YAML reads as a number"},
	{RuleBadIgnore, Warning, false, "a comment winmatch:ignore that names no rule that there is"},
	{RuleUnknown, Off, false, "which Windows is in the image is not known, so nothing was checked"},
}

// RuleByID returns a rule, nil where there is none of that name.
func RuleByID(id string) *Rule {
	for i := range Rules {
		if Rules[i].ID == id {
			return &Rules[i]
		}
	}
	return nil
}
