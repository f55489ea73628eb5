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
	RuleUnknown      = "image-unknown"
)

// Rules are all rules. Their IDs are the same in winmatch.yaml, in comments that
// suppress a finding and in SARIF.
var Rules = [...]Rule{
	{RuleNotForHost, ErrorLevel, true, "the image does not run on a host that the file is for"},
	{RuleRisky, Warning, true, "the image may or may not run on a host that the file is for"},
	{RuleNoSuchTag, ErrorLevel, true, "the repository has no such tag: windows/servercore:latest, say"},
	{RuleNotWindows, ErrorLevel, false, "a Linux image where a Windows one is wanted"},
	{RuleOldName, Warning, true, "a name on Docker Hub for what Microsoft publishes on mcr.microsoft.com"},
	{RuleOutOfSupport, Warning, true, "the Windows in the image gets no updates any more"},
	{RuleMixed, Warning, false, "images that must run on one host are of builds that no Windows Server runs together in process isolation"},
	{RuleUnpinned, Warning, true, "the tag moves, and winmatch.yaml wants a pin"},
	{RuleRetarget, Note, true, "with --to: not yet on the Windows to move to"},
	{RuleRunnerRetired, ErrorLevel, true, "the CI service has no such runners any more"},
	{RuleRunnerContainer, ErrorLevel, false, "a job or service container where the CI service runs none: on its Windows runners"},
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
