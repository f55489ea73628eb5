package diagnose

import "bytes"

// Whether a message is an error that something printed. The same words stand in
// documentation, changelogs, source code, test output and questions about them.

// frames are what only programs say around an error.
var frames = []string{
	"response from daemon", "encountered an error during", "computesystem ", "computesystem:", "windows system call", "rpc error", "docker.exe", "docker :", "level=error", "level=fatal", "level=debug",
	"server error", "extra info", "errimagepull", "failedcreate", "fails with error", "pulling from", "failed in win32", "##[error]", "error during connect",
}

// weakFrames are the same where nothing beside them speaks about errors: words
// that people use too, and messages that are printed without any frame.
var weakFrames = []string{
	"failed to ", "docker:", "error:", "exception", "failed:", "no matching manifest for ", "based image is incompatible with a 10.",
	"supported versions are", "cannot run th", "in task definition", "cannot be used on this", "no suitable node", "exited unexpectedly. (", "osversionnotsupported",
}

// What only source code and data have, and talk about errors.
var (
	sources = []string{
		"#define", "const ", "errno(", "errno = ", "ntstatus = ", "hresult = ", "syscall.", " == \"", " != \"", " := ", "return ", "func ", "= 0xc0", "= 0x80", "= windows.", "case 0x", "case \"", "enum ", "static ", "assert", "/*", "*/",
		"[]string{", "fmt.", "errors.new", "errorf(", "strings.contains", ") {", "};", "\"),", "\", \"", "regexp", "&& ", " || ", "public ", "private ", "-eq ", "-match ", "elif ", "def ",
		"throw new", "unchecked(", "raise ", "' in ", "-like ", " // ", "{{ $", " | stats", " | where", " | summarize", "\" or \"", "<testcase", "expr: ",
	}
	talk = []string{
		"if you ", "you may ", "you might ", "you will ", "you'll ", "you get ", "you receive", "this error", "error code for", "means ", "occurs when", "is thrown", "is returned", "would ", "see also", "documentation", "troubleshoot", "changelog",
		"release notes", "fixed ", "fixed:", "fixes ", "fix ", "better error", "improve", "for example", "e.g.", "such as", "| 0x", "|0x", " › ", "stack overflow", "stackoverflow", "detect ", "handle ", "will be ", "should be ", "needs to be ", "in the case of ",
		"use this ", "revert ", "refactor", "retry on ", "test for ", "no longer ", "[bugfix]", "[feature]", " votes", "[duplicate]", " answers", "in this post", "in this article", "how i solved", "error_vmcompute_", "hcs_e_", "(ntstatus)", "ntstatus.h", "winerror.h",
	}
)

// believe reports whether a message is an error that something printed, and
// lowers the confidence where that is not sure: without a program's own words
// around it, or in talk about errors.
func (s *scanner) believe(d *Diagnosis, e event, sp span, message []byte, start, end, key int) bool {
	reg := &s.local
	line := reg.clean[start:end]
	around := reg.clean[max(start, key-300):min(end, key+300)]
	if inSource(line, key-start) || ours(line) || reg.isSource() {
		return false
	}
	talked := hasAny(around, talk) || tableRow(line)
	switch {
	case hasAny(message, frames):
		if talked && talkedBefore(reg.clean[max(start, key-300):key]) {
			d.Confidence = min(d.Confidence, Likely)
		}
		return true
	case talked:
		return false
	case hasAny(message, weakFrames):
		return true
	}
	// A sentence or a code, and nothing else.
	wrong := hasAny(around, exits) || hasAny(around, fails)
	said := e.rule < len(rules) && containsAny(reg.sq[sp.lo:sp.hi], rules[e.rule].keys)
	if !said && !wrong && !alone(line, key-start) && !closes(line, key-start) {
		return false
	}
	d.Confidence = min(d.Confidence, Likely)
	if short := s.whole && len(s.buf) <= shortText; d.Cause == Mismatch && !short && !wrong && !hasAny(around, containers) {
		d.Confidence = Possible
	}
	return true
}

// fails are words of people whose container does not run.
var fails = []string{"fail", "not work", "not run", "unable"}

// closes reports whether a code follows a sentence in brackets, as Windows
// prints it in any language.
func closes(line []byte, at int) bool {
	before := bytes.TrimSuffix(line[:at], []byte("("))
	text := bytes.TrimRight(before, " ")
	return len(before) < at && (bytes.HasSuffix(text, []byte(".")) || bytes.HasSuffix(text, []byte("。")))
}

// alone reports whether a number is all that its line says, or nearly: it was
// pasted as a question. A number behind a label is what the label says.
func alone(line []byte, at int) bool {
	before := bytes.TrimRight(line[:at], " \"'`-")
	label := before
	if n := len(before); n > 0 {
		switch before[n-1] {
		case ':', '=':
			label = bytes.TrimRight(before[:n-1], " \"'`")
		case '>', ']', '*', '(', '[':
			label = nil
		default:
			return false
		}
	}
	if len(label) > 0 {
		known := false
		for _, w := range [...]string{"message", "msg", "error", "err", "code", "status", "result", "docker", "docker.exe", "text", "log"} {
			known = known || len(label) >= len(w) && equalFold(label[len(label)-len(w):], w)
		}
		if !known {
			return false
		}
	}
	words := 0
	for _, w := range bytes.Fields(line) {
		if isLetter(w[0]) || len(w) > 1 && isLetter(w[1]) && w[0] != '0' {
			words++
		}
	}
	return words <= 4 || len(label) > 0
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
	for _, w := range [...]string{"//", "/*", "- topic:", "=== RUN", "--- PASS", "--- FAIL"} {
		if bytes.HasPrefix(text, []byte(w)) {
			return true
		}
	}
	if bytes.HasPrefix(text, []byte("[+] ")) && bytes.Contains(text, []byte("ms")) { // a passed test of Pester
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

// isSource reports whether most lines of a region are source code, or it is
// git's log.
func (r *region) isSource() bool {
	if r.source != 0 {
		return r.source > 0
	}
	r.source = -1
	if i := bytes.Index(r.clean, []byte("\nAuthor: ")); i >= 0 && bytes.Contains(r.clean[:i], []byte("commit ")) {
		r.source = 1
		return true
	}
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
	line = bytes.TrimLeft(line, " ")
	return bytes.HasPrefix(line, []byte("message  ")) || bytes.HasPrefix(line, []byte("predicted  "))
}

// grepped reports whether a line begins as grep and compilers print one:
// path/file.go:123:.
func grepped(line []byte) bool {
	line = bytes.TrimLeft(line, " ")
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
