package diagnose

import (
	"fmt"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// Known is what is known besides the text: from flags, an engine, a registry.
type Known struct {
	Host       winver.Version // invalid: what the text says
	Edition    winver.Edition
	ARM64      bool // the host is an ARM machine
	Isolation  compat.Isolation
	Runtime    compat.Runtime
	Image      compat.Image       // no children: what the text says
	Reference  string             // of the image that was looked at
	Candidates []compat.Candidate // its siblings
	Today      facts.Date
}

// Reason is a ground of a diagnosis: one of compat's, with its code, or
//
//	error-text        what the message is known for
//	verdict-confirms  the versions do not fit, as the message says
//	verdict-disagrees by their versions they would fit
type Reason struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Source string `json:"source"`
}

// Finding is a diagnosis that was held against what is known.
type Finding struct {
	Diagnosis
	Headline  string // what is wrong, in a line
	Otherwise string // what else gives the same message; "" where nothing does
	Reasons   []Reason
	Remedies  []compat.Remedy
	Answer    compat.Answer // of the verdict; Unknown where there is none
	Asked     bool          // there was a verdict
}

// Judge holds a diagnosis against what is known: where both versions are, the
// verdict of compat confirms or refutes it, and the confidence says so.
func (d *Diagnosis) Judge(f *facts.Facts, k *Known) Finding {
	out := Finding{Diagnosis: *d}
	q, ok := out.question(f, k)
	var v compat.Verdict
	if ok {
		v = compat.Decide(f, &q)
		out.Asked, out.Answer = true, v.Answer
		out.apply(f, &q, &v, k)
	}
	if k.ARM64 && out.Cause == Mismatch && out.Detail == "no-child-for-host" { // most images have none for ARM, of any version
		out.Cause, out.Detail = Undetermined, "no-child-for-arm64"
	}
	out.Headline, out.Otherwise = out.say(f)
	out.Reasons = append([]Reason{{"error-text", out.known(f), out.Source}}, out.Reasons...)
	out.Remedies = out.remedies(f, &q, &v, k)
	return out
}

// question puts the case to compat; not ok where a version is missing.
func (d *Finding) question(f *facts.Facts, k *Known) (q compat.Question, ok bool) {
	if k.Host.IsValid() {
		d.Host, d.Edition = k.Host, k.Edition
	}
	if k.Reference != "" {
		d.Image = k.Reference
		d.weigh()
	}
	if e := winver.EditionOf(f, d.Host.Build); d.Edition == winver.UnknownEdition && !(e == winver.Server && f.Client(d.Host.Build) != nil) {
		d.Edition = e // only one edition has that build
	}
	q.Host = compat.Host{Version: d.Host, Edition: d.Edition, ARM64: k.ARM64}
	q.Image = k.Image
	if len(q.Image.Children) == 0 && d.OSVersion.IsValid() {
		q.Image = compat.Image{Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: d.OSVersion.String(), Version: d.OSVersion}}}
	}
	q.Isolation, q.Runtime, q.Kubernetes, q.Today = d.Isolation, d.Runtime, d.Place == Kubernetes, k.Today
	if k.Isolation != compat.DefaultIsolation {
		q.Isolation = k.Isolation
	}
	if q.Isolation == compat.DefaultIsolation && d.Cause == Mismatch && d.started() {
		q.Isolation = compat.Process // under Hyper-V isolation Windows does not compare
	}
	if k.Runtime.Engine != compat.NoEngine {
		q.Runtime = k.Runtime
	}
	switch {
	case q.Kubernetes && q.Runtime.Engine == compat.NoEngine:
		q.Runtime.Engine = compat.Containerd
	case q.Runtime.Engine == compat.NoEngine:
		q.Runtime.Engine = compat.Docker
	}
	if d.Sandbox && k.Reference == "" && len(k.Image.Children) == 0 && d.Image == "" {
		return q, false // the application's image is not the one that failed
	}
	return q, d.Host.IsValid() && len(q.Image.Children) > 0
}

// apply lets a verdict confirm or refute.
func (d *Finding) apply(f *facts.Facts, q *compat.Question, v *compat.Verdict, k *Known) {
	if v.Child >= 0 && !d.OSVersion.IsValid() {
		d.OSVersion = q.Image.Children[v.Child].Version
	}
	reasons := v.Reasons(f, q)
	if v.Has(compat.NotWindows) {
		switch d.Detail {
		case "no-child-for-host", "linux-image", "sandbox-image":
			d.Cause, d.Detail, d.Confidence = Other, "linux-image", Certain
			d.confirm(reasons)
		}
		return
	}
	fails := v.Start == compat.Fails
	revision := v.Has(compat.WS2016RevisionMismatch) || v.Has(compat.February2020Boundary) || v.Has(compat.RevisionAheadOfHost)
	cause := d.Cause
	if cause == Other && d.Detail == "unexpected-exit" { // by its wording alone
		cause = Undetermined
	}
	switch cause {
	case Mismatch:
		refused := !d.started()
		switch {
		case d.Stage == Service || d.Stage == Schedule:
		case refused && v.Pull == compat.Fails, !refused && fails:
			d.Confidence = Certain
			d.confirm(reasons)
		case v.Answer == compat.Unknown:
		case d.Detail == "image-newer": // the message itself has both versions
		case refused && v.Pull == compat.Passes, !refused && v.Start == compat.Passes:
			d.Confidence = min(d.Confidence, Likely)
			if d.Detail == "no-child-for-host" {
				d.Confidence = Possible
			}
			d.disagree(reasons)
		}
	case Undetermined, Skew:
		switch d.Detail {
		case "unexpected-exit", "image-newer":
			if v.Has(compat.RevisionAheadOfHost) && v.Isolation == compat.Process {
				d.Cause, d.Detail, d.Confidence = Skew, "image-newer", Likely
				d.confirm(reasons)
			} else if fails && !revision {
				d.Cause, d.Detail, d.Confidence = Mismatch, "", Likely
				d.confirm(reasons)
			} else if d.Cause == Skew && v.Answer == compat.Yes {
				d.Cause, d.Detail, d.Confidence = Undetermined, "unexpected-exit", Likely
				d.disagree(reasons)
			}
		case "layer-in-use":
			h, hok := q.Host.Version.Revision()
			i, iok := d.OSVersion.Revision()
			if hok && iok && d.OSVersion.Build == q.Host.Version.Build && h != i && v.Isolation == compat.Process {
				d.Cause, d.Detail, d.Confidence = Skew, "layer-in-use", Possible
				d.confirm(reasons)
			}
		}
		switch d.Detail {
		case "start-timeout", "file-not-found", "rpc-failed", "request-not-supported", "layer-format", "import-layer", "windows-error", "truncated", "guest-protocol":
			if fails || v.Pull == compat.Fails && d.Stage == Pull {
				d.Cause, d.Confidence = Mismatch, Likely
				d.confirm(reasons)
			}
		}
	case Feb2020:
		switch {
		case v.Has(compat.February2020Boundary) && fails:
			d.Confidence = Certain
			d.confirm(reasons)
		case v.Answer == compat.Yes:
			d.Cause, d.Detail, d.Confidence = Other, "process-fails", Likely
			d.disagree(reasons)
		}
	}
}

// started reports whether Windows was asked to start the container, which a
// build does too: it then gave a code.
func (d *Finding) started() bool {
	return d.Stage == Start || d.Stage == Create || d.Stage == Build && d.Code != 0
}

func (d *Finding) confirm(reasons []compat.Reason) { d.because("verdict-confirms", reasons) }

func (d *Finding) disagree(reasons []compat.Reason) { d.because("verdict-disagrees", reasons) }

func (d *Finding) because(code string, reasons []compat.Reason) {
	text := "the versions are known: they do not fit"
	if code == "verdict-disagrees" {
		text = "by the versions that are known they would fit: another image or another host may be meant, or an image that was built on another Windows"
	} else if d.Detail == "layer-in-use" {
		text = "the versions are known: host and image have different updates"
	} else if d.Cause == Skew {
		text = "the versions are known: the image is ahead of its host"
	} else if d.Detail == "linux-image" {
		text = "the image is known: it has no Windows variant"
	}
	source := docsCompat
	if len(reasons) > 0 {
		source = reasons[0].Source
	}
	d.Reasons = append(d.Reasons, Reason{code, text, source})
	for _, r := range reasons {
		d.Reasons = append(d.Reasons, Reason{r.Code.String(), r.Text, r.Source})
	}
}

// known says what the message is known for.
func (d *Finding) known(f *facts.Facts) string {
	for i := range f.Codes {
		if c := &f.Codes[i]; Code(c.Value) == d.Code {
			return fmt.Sprintf("%s is %s: %s", d.Code, c.Name, c.Meaning)
		}
	}
	if name := d.Code.Name(f); name != "" {
		return fmt.Sprintf("%s is %s", d.Code, name)
	}
	return "such a message, and what it turned out to be"
}
