package diagnose

import (
	"bytes"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

// exits with a code of its own: see exitRule.
var exitOf = rule{cause: Other, detail: "process-fails", confidence: Likely, stage: Start, source: moby + "40328"}

// frames are what programs say around an error; documentation and source code
// that only name it have none.
var frames = []string{
	"response from daemon", "encountered an error during", "computesystem ", "computesystem:", "windows system call", "rpc error", "failed to ", "docker:", "docker.exe", "docker :", "level=error", "level=fatal", "level=debug",
	"error:", "server error", "extra info", "errimagepull", "failedcreate", "exception", "fails with error", "pulling from", "failed:", "failed in win32", "##[error]", "no matching manifest for ", "based image is incompatible with a 10.",
	"supported versions are", "cannot run th", "in task definition", "cannot be used on this", "no suitable node", "exited unexpectedly. (", "osversionnotsupported",
}

// What only source code has, and talk about errors.
var (
	sources = []string{
		"#define", "const ", "errno(", "errno = ", "ntstatus = ", "hresult = ", "syscall.", " == \"", " != \"", " := ", "return ", "func ", "= 0xc0", "= 0x80", "= windows.", "case 0x", "case \"", "enum ", "static ", "assert", "/*", "*/",
		"[]string{", "fmt.", "errors.new", "errorf(", "strings.contains", ") {", "};", "\"),", "\", \"", "regexp", "&& ", " || ", "public ", "private ", "-eq ", "-match ", "elif ", "def ",
	}
	talk = []string{
		"if you ", "you may ", "you might ", "you will ", "you'll ", "you get ", "you receive", "this error", "error code for", "means ", "occurs when", "is thrown", "is returned", "would ", "see also", "documentation", "troubleshoot", "changelog",
		"release notes", "fixed ", "fixes ", "fix ", "better error", "improve", "for example", "e.g.", "such as", "| 0x", "|0x", " › ", "stack overflow", "stackoverflow", "detect ", "handle ", "will be ", "should be ", "needs to be ", "in the case of ",
		"use this ", "revert ", "refactor", "retry on ", "test for ",
	}
)

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
	if !s.believe(&d, e, message, start, end, key) {
		return d, false
	}
	d.Evidence = []string{evidence(reg.clean, lo, key, hi)}
	s.special(&d, e, message, around)
	return d, true
}

// believe reports whether a message is an error that something printed, and
// lowers the confidence where that is not sure: without a program's own words
// around it, or in talk about errors.
func (s *scanner) believe(d *Diagnosis, e event, message []byte, start, end, key int) bool {
	reg := &s.local
	line := reg.clean[start:end]
	around := reg.clean[max(start, key-300):min(end, key+300)]
	if inSource(line, key-start) || ours(line) || reg.isSource() {
		return false
	}
	talked := hasAny(around, talk) || tableRow(line)
	if hasAny(message, frames) {
		if talked && talkedBefore(reg.clean[max(start, key-300):key]) {
			d.Confidence = min(d.Confidence, Likely)
		}
		return true
	}
	if talked {
		return false
	}
	short, wrong := s.whole && len(s.buf) <= shortText, hasAny(around, exits)
	if bare := e.rule < len(rules) && len(rules[e.rule].keys) == 0; bare && !short && !wrong {
		return false
	}
	d.Confidence = min(d.Confidence, Likely)
	if d.Cause == Mismatch && !short && !wrong && !hasAny(around, containers) {
		d.Confidence = Possible
	}
	return true
}

// talkedBefore reports whether the words that speak of an error stand before
// it in its line, without a program's own frame between.
func talkedBefore(before []byte) bool {
	for _, w := range talk {
		if i := indexFold(before, w); i >= 0 && !hasAny(before[i:], []string{"response from daemon", "rpc error", "level="}) {
			return true
		}
	}
	return false
}

// inSource reports whether a place in a line is in source code or data: what
// stands around it reads as no error does.
func inSource(line []byte, at int) bool {
	near := line[max(0, at-240):min(len(line), at+240)]
	if hasAny(near, sources) || grepped(line) {
		return true
	}
	text := bytes.TrimLeft(line, " ")
	if bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte("/*")) || bytes.HasPrefix(text, []byte("- topic:")) {
		return true
	}
	for i := 1; i+1 < len(near); i++ {
		switch {
		case near[i] == '(' && near[i+1] == '"' && isWord(near[i-1]): // call("…
			return true
		case near[i] == ',' && near[i-1] == '"' && near[i+1] == ' ' && i+2 < len(near) && isLetter(near[i+2]) && bytes.IndexByte(near[i+2:min(len(near), i+30)], '(') > 0: // …", f(x)
			return true
		}
	}
	return false
}

// isSource reports whether most lines of a region are source code.
func (r *region) isSource() bool {
	if r.source != 0 {
		return r.source > 0
	}
	r.source = -1
	lines, code := 0, 0
	for rest := r.clean; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if line[0] == '"' && bytes.Contains(line, []byte("\": ")) {
			return false // JSON
		}
		lines++
		for _, w := range [...]string{"//", "/*", "* ", "func ", "import ", "package ", "return ", "if ", "for ", "case ", "const ", "var ", "type ", "using ", "#include", "#define", "} "} {
			if len(line) >= len(w) && string(line[:len(w)]) == w {
				code++
				break
			}
		}
		switch last := line[len(line)-1]; {
		case last == ';', last == '{', len(line) > 1 && last == ',' && (line[len(line)-2] == '"' || line[len(line)-2] == ')' || line[len(line)-2] == '}'), len(line) == 1 && last == '}':
			code++
		}
	}
	if lines >= 6 && code*5 >= lines*2 {
		r.source = 1
	}
	return r.source > 0
}

// tableRow reports whether a line is a row of a table in Markdown.
func tableRow(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 4 && line[0] == '|' && bytes.Count(line, []byte{'|'}) > 2
}

// ours reports whether a line is winmatch's own prediction of a message.
func ours(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("message  "))
}

// grepped reports whether a line begins as grep and compilers print one:
// path/file.go:123:.
func grepped(line []byte) bool {
	i := 0
	for i < len(line) && line[i] != ' ' && line[i] != ':' {
		i++
	}
	if i < 4 || i+1 >= len(line) || line[i] != ':' || !isDigit(line[i+1]) {
		return false
	}
	for _, ext := range [...]string{".go", ".c", ".h", ".cs", ".md", ".ps1", ".ts", ".py", ".yaml", ".yml", ".txt", ".cpp", ".rs", ".js"} {
		if bytes.HasSuffix(line[:i], []byte(ext)) {
			return true
		}
	}
	return false
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
	d.Hints.Windows = hasAny(wide, []string{"windows", "hcsshim", "hcs::", "ltsc20", "nanoserver", "servercore", "c:\\"})
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
		if hasAny(around, []string{"exit automatically", "container exited", "exited (", "exitcode", "container die", "event=exit", "containers exit"}) && d.Code.ntstatus() {
			d.Detail = "container-exits"
		}
	case "truncated":
		d.Cut = true
	case "sandbox-image":
		d.Cut, d.Sandbox = true, true
	}
	switch {
	case indexFold(message, "failed to solve") >= 0 || indexFold(message, "llb definition") >= 0 || indexFold(message, "source metadata") >= 0 || indexFold(wide, "---> running in") >= 0 && d.Stage == Start:
		if d.Stage == Pull || d.Stage == Start {
			d.Stage = Build
		}
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
