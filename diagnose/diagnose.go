package diagnose

import (
	"bytes"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

// exits with a code of its own: see exitRule.
var exitOf = rule{cause: Other, detail: "process-fails", confidence: Likely, stage: Start, source: moby + "40328"}

// diagnose says what one message means by itself; not ok where it is only
// mentioned.
func (s *scanner) diagnose(e event, sp span) (d Diagnosis, ok bool) {
	r := &exitOf
	if e.rule < len(rules) {
		r = &rules[e.rule]
	}
	reg := &s.local
	key := int(reg.at[e.at])
	lo, hi := int(reg.at[sp.lo]), len(reg.clean)
	if int(sp.hi) < len(reg.at) {
		hi = int(reg.at[sp.hi])
	}
	message := reg.clean[lo:hi]

	d = Diagnosis{Cause: r.cause, Detail: r.detail, Confidence: r.confidence, Stage: r.stage, Source: r.source}
	d.Code = s.code(e, r, lo, hi, key)

	start, end := lineOf(reg.clean, key)
	around := reg.clean[max(start, key-300):min(end, key+300)]
	if !s.believe(&d, e, sp, message, start, end, key) {
		return d, false
	}
	d.Evidence = []string{evidence(reg.clean, lo, key, hi)}
	s.special(&d, e, message, around)
	return d, true
}

func lineOf(s []byte, at int) (start, end int) {
	start = bytes.LastIndexByte(s[:at], '\n') + 1
	end = len(s)
	if i := bytes.IndexByte(s[at:], '\n'); i >= 0 {
		end = at + i
	}
	return start, end
}

// code chooses the code that goes with a message: one of the Host Compute
// Service before others, the nearest to the key; else the one that Windows
// gives for the sentence.
func (s *scanner) code(e event, r *rule, lo, hi, key int) Code {
	var best Code
	rank, dist := 0, 0
	for _, c := range s.codes {
		if int(c.at) < lo || int(c.at) >= hi {
			continue
		}
		if r.code >= 0x10000 && !c.code.hcs() && c.code&0xffff != Code(r.code)&0xffff {
			continue // of another error, which came of this one or was its wrapping
		}
		n := 1
		switch {
		case c.code.hcs():
			n = 4
		case c.code == Code(r.code):
			n = 3
		case c.code.ntstatus() || c.code>>16 == 0x8007 || c.code>>16 == 0x8004:
			n = 2
		}
		d := int(c.at) - key
		if d < 0 {
			d = -d
		}
		if n > rank || n == rank && d < dist {
			best, rank, dist = c.code, n, d
		}
	}
	if best != 0 && (rank > 1 || r.code < 0x10000 || Code(r.code)&0xffff == best) {
		return best
	}
	if best != 0 && r.code == 0 {
		return best
	}
	if best != 0 && best < 0x10000 {
		return best
	}
	return Code(r.code)
}

// evidence is the part of a message that says so, on one line.
func evidence(s []byte, lo, key, hi int) string {
	const before, after = 260, 320
	start := max(lo, key-before)
	first, _ := lineOf(s, key)
	// From the first beginning of a sentence, else of the line.
	begun := false
	for _, w := range [...]string{"error response from daemon", "failed to pull image", "failed to create", "container ", "docker:", "hcs"} {
		if i := indexFold(s[start:key], w); i >= 0 {
			start += i
			begun = true
			break
		}
	}
	if !begun {
		start = max(start, first)
	}
	text := s[start:min(hi, key+after)]
	// The request's JSON is long and says nothing.
	for _, end := range [...]string{"(extra info", "extra info:", " extra info {", "{\"systemtype\"", "layerid=", "\",\"", "\", \"", "\"}"} {
		if i := indexFold(text[min(key-start, len(text)):], end); i >= 0 {
			text = text[:key-start+i]
		}
	}
	text = text[timeStamp(text):]
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		if last := append(bytes.TrimSpace(text[i:]), ' '); timeStamp(last) == len(last) { // of the next message
			text = text[:i]
		}
	}
	line := strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " ")
	if len(line) > 500 {
		line = strings.ToValidUTF8(line[:500], "") + "…"
	}
	return line
}

// words that say that the image is ahead of its host.
var (
	newerWords  = []string{"the latest", "newest", "newer than", "behind on", "fallen behind", "recently updated", "just updated", "latest two", "new image", "latest image", "not up to date", "out of date"}
	newerStrong = []string{"older os version than", "too new", "newer update than", "newer revision", "host is behind", "newer than the host"}
)

// special refines what depends on words beside the key.
func (s *scanner) special(d *Diagnosis, e event, message, around []byte) {
	wide := s.local.clean
	d.Hints.Windows = hasAny(wide, []string{"windows", "hcsshim", "hcs::", "ltsc20", "nanoserver", "servercore", "akswin", "c:\\"})
	switch d.Detail {
	case "no-child-for-host":
		if hasAny(message, []string{"linux/amd64", "overlayfs", "/var/lib/"}) {
			d.Cause, d.Detail, d.Confidence = Other, "linux-mode", Likely
		}
	case "wrong-platform":
		image := indexFold(message, "platform (")
		switch other := indexFold(message, "does not match"); {
		case image < 0 || other < image:
		case bytes.HasPrefix(message[image:], []byte("platform (windows")):
			d.Detail = "linux-mode"
		case bytes.HasPrefix(message[image:], []byte("platform (linux")) && indexFold(message[other:], "(windows") >= 0:
			d.Detail = "linux-image"
		}
	case "linux-mode":
		if i := indexFold(message, "no matching manifest for linux"); i >= 0 {
			rest := message[i+len("no matching manifest for linux"):]
			amd := bytes.HasPrefix(bytes.TrimLeft(rest, "( "), []byte("/amd64"))
			if !amd && !hasAny(wide, []string{"windows/", "windowsservercore", "nanoserver", "servercore", "ltsc20"}) {
				d.Detail = "wrong-platform"
			}
		}
	case "image-newer":
		image, host := versionsApart(message)
		d.OSVersion, d.Host = image, host
		if !image.IsValid() || !host.IsValid() {
			d.Confidence = Likely
		}
	case "service":
		if v := versionAfter(message, "version: "); v.IsValid() {
			d.OSVersion = v
		}
	case "unexpected-exit":
		switch {
		case d.Cause != Undetermined:
		case hasAny(wide, newerStrong):
			d.Cause, d.Detail, d.Confidence = Skew, "image-newer", Possible
		case hasAny(wide, newerWords) && hasAny(wide, []string{"process_", "process isolation", "isolation=process", "isolation process", "isolation: process"}):
			d.Cause, d.Detail, d.Confidence = Skew, "image-newer", Possible
		}
	case "32-bit-program":
		if hasAny(wide, []string{"syswow64", "32-bit", "32 bit", "(x86)", "wow64", "kb4532691", "kb4532693", "kb4542617"}) {
			d.Confidence = Likely
			d.Hints.WoW64 = true
		}
	case "process-fails":
		switch d.Code {
		case 0xc0000135: // also of powershell, which every Server Core has, where the image had newer updates than its host
			d.Detail, d.Confidence, d.Source = "dll-not-found", Possible, ms+"dotnet-framework-docker/issues/946"
			return
		case 0xc000007b:
			d.Detail = "bad-binary"
			return
		case 0xc000013a:
			d.Source = ms + "dotnet-framework-docker/issues/431"
		}
		if hasAny(around, []string{"exit automatically", "container exited", "exited (", "exitcode", "container die", "event=exit", "containers exit"}) && d.Code.ntstatus() {
			d.Detail = "container-exits"
		}
	case "truncated":
		d.Cut = true
	case "sandbox-image":
		d.Cut, d.Sandbox = true, true
	}
	switch {
	case d.Stage == Pull && indexFold(message, "match for platform") >= 0 && hasAny(wide, buildkitLog) ||
		indexFold(message, "failed to solve") >= 0 || indexFold(message, "llb definition") >= 0 || indexFold(message, "source metadata") >= 0 || indexFold(wide, "---> running in") >= 0 && d.Stage == Start:
		if d.Stage == Pull || d.Stage == Start {
			d.Stage = Build
		}
	case d.Stage == Start && hasAny(message, []string{"register layer", "extract layer", "processbaselayer", "importlayer"}):
		d.Stage = Pull
	case d.Stage == Start && hasAny(message, []string{"createcontainer", "computesystem", "cannot create container"}) && d.Cause != Mismatch && d.Cause != Skew:
		d.Stage = Create
	}
	if hasAny(message, []string{"sandbox image", "sandbox container", "create pod sandbox", "runpodsandbox", "createpodsandbox", "/pause:", "pause@sha256"}) {
		d.Sandbox = true
		if d.Cause == Mismatch && d.Detail == "" || d.Detail == "no-child-for-host" {
			d.Detail = "sandbox-image"
		}
	}
}

// versionsApart reads both versions of "a Windows version 10.0.20348-based
// image is incompatible with a 10.0.19045 host". An ellipsis within a number,
// where something has shortened the line, is left out.
func versionsApart(message []byte) (image, host winver.Version) {
	text := bytes.ReplaceAll(message, []byte("…"), nil)
	if i := indexFold(text, "windows version "); i >= 0 {
		image = versionAt(text[i+len("windows version "):])
	}
	joined := bytes.Join(bytes.Fields(text), []byte{' '})
	if i := indexFold(joined, "incompatible with a "); i >= 0 {
		host = versionAt(joined[i+len("incompatible with a "):])
	}
	return image, host
}

// versionAt reads a version at the beginning of a text.
func versionAt(s []byte) winver.Version {
	n := 0
	for n < len(s) && n < 24 && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	if n < len(s) && isWord(s[n]) {
		return winver.Version{} // an id, say, that begins with digits
	}
	v, err := winver.Parse(strings.TrimRight(string(s[:n]), "."))
	if err != nil || v.Major != 10 {
		return winver.Version{}
	}
	return v
}

// versionAfter reads the version behind a label.
func versionAfter(s []byte, label string) winver.Version {
	if i := indexFold(s, label); i >= 0 {
		return versionAt(bytes.TrimLeft(s[i+len(label):], " :"))
	}
	return winver.Version{}
}

// isolationOf reads an isolation mode out of a text.
func isolationOf(s []byte) compat.Isolation {
	for _, c := range [...]struct {
		words []string
		mode  compat.Isolation
	}{
		{[]string{"isolation=hyperv", "isolation hyperv", "isolation: hyperv", "using hyperv isolation", "\"hvpartition\":true", "hyperv_ isolation"}, compat.HyperV},
		{[]string{"isolation=process", "isolation process", "isolation: process", "using process isolation", "\"hvpartition\":false", "process_ isolation", "in process isolation"}, compat.Process},
	} {
		if hasAny(s, c.words) {
			return c.mode
		}
	}
	return compat.DefaultIsolation
}
