package diagnose

import "bytes"

// Whether a message is an error that something printed. The same words stand in
// documentation, changelogs, source code, test output and questions about them.

// frames are what only programs say around an error.
var frames = []string{
	"response from daemon", "encountered an error during", "computesystem ", "computesystem:", "windows system call", "rpc error", "docker.exe", "docker :", "level=error", "level=fatal", "level=debug",
	"server error", "extra info", "errimagepull", "failedcreate", "fails with error", "wslregisterdistribution", "wsl/service/", "pulling from", "failed in win32", "##[error]", "error during connect",
}

// weakFrames are words that people use too: they count where nothing beside them
// speaks about errors.
var weakFrames = []string{"failed to ", "docker:", "error:", "exception", "failed:"}

// What only source code and data have, and talk about errors.
var (
	sources = []string{
		"#define", "const ", "errno(", "errno = ", "ntstatus = ", "hresult = ", "syscall.", " == \"", " != \"", " := ", "return ", "func ", "= 0xc0", "= 0x80", "= windows.", "case 0x", "case \"", "enum ", "static ", "assert", "/*", "*/",
		"[]string{", "fmt.", "errors.new", "errorf(", "strings.contains", "};", "\"),", "\", \"", "regexp", "&& ", " || ", "public ", "private ", "-eq ", "-match ", "elif ", "def ",
		"throw new", "unchecked(", "raise ", "' in ", "-like ", " // ", "{{ $", "| stats", "| where", "| summarize", "|= ", "\" or \"", "<testcase", "<value>", "msgid ", "expr: ", "grep -", "findstr ", "select-string",
	}
	talk = []string{
		"if you ", "you may ", "you might ", "you will ", "you'll ", "you get ", "you receive", "this error", "error code for", "means ", "occurs when", "is thrown", "is returned", "would ", "see also", "documentation", "troubleshoot", "changelog",
		"release notes", "fixed ", "fixed:", "fixes ", "fix ", "better error", "improve", "for example ", "for example,", "for example:", "e.g.", "such as", "| 0x", "|0x", " › ", "stack overflow", "stackoverflow", "detect ", "handle ", "will be ", "should be ", "needs to be ", "in the case of ",
		"use this ", "revert ", "refactor", "retry on ", "test for ", "no longer ", "[bugfix]", "[feature]", " votes", "[duplicate]", " answers", "in this post", "in this article", "how i solved", "what does ", " mean?", "reported to fail with",
	}
	// Names that headers and look-ups have, and no program's message.
	headers = []string{"error_vmcompute_", "hcs_e_", "(ntstatus)", "ntstatus.h", "winerror.h"}
	// What people say of an error that they have.
	mine = []string{"i get ", "i got ", "i am getting ", "i'm getting ", "i see ", "i receive", "i run ", "i try ", "i tried ", "we get ", "we are getting ", "gives me ", "how do i fix "}
	// What stands before a sentence that is spoken of.
	asides = []string{"when", "why", "if", "whether", "where", "how", "explain", "explains", "handle", "detect"}
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
	talked := hasAny(around, talk) || tableRow(line) || aside(reg.clean[start:key])
	switch {
	case hasAny(message, frames):
		if talked && talkedBefore(reg.clean[max(start, key-300):key]) {
			d.Confidence = min(d.Confidence, Likely)
		}
		return true
	case talked && !s.listing() && s.asked(around):
		d.Confidence = min(d.Confidence, Likely)
		return true
	case talked, s.listing(), hasAny(reg.clean[max(0, key-300):min(len(reg.clean), key+300)], headers):
		return false
	case hasAny(message, weakFrames):
		return true
	}
	// A sentence or a code, and nothing else.
	wrong := hasAny(around, exits) || hasAny(around, fails) || hasAny(reg.before(key), exits)
	said := e.rule < len(rules) && containsAny(reg.sq[sp.lo:sp.hi], rules[e.rule].keys)
	if said && rules[e.rule].plain {
		return true
	}
	if !said && !wrong && !alone(line, key-start) && !closes(line, key-start) {
		return false
	}
	d.Confidence = min(d.Confidence, Likely)
	if short := s.whole && len(s.buf) <= shortText; d.Cause == Mismatch && !short && !wrong && !hasAny(around, containers) {
		d.Confidence = Possible
	}
	return true
}

// asked reports whether a short text is a person's question about an error of
// their own, not talk about errors in general.
func (s *scanner) asked(around []byte) bool {
	return s.whole && len(s.buf) <= shortText && hasAny(around, mine)
}

// aside reports whether a sentence is only spoken of, by the word before it.
func aside(before []byte) bool {
	before = bytes.TrimRight(before, " \"'`")
	if n := len(before) - len(" the"); n >= 0 && equalFold(before[n:], " the") {
		before = bytes.TrimRight(before[:n], " \"'`")
	}
	for _, w := range asides {
		if n := len(before) - len(w); n >= 0 && equalFold(before[n:], w) && (n == 0 || !isWord(before[n-1])) {
			return true
		}
	}
	return false
}

// listing reports whether a region holds messages of many kinds and no program's
// words: a list of them.
func (s *scanner) listing() bool {
	kinds, last := 0, -1
	seen := map[int]bool{}
	for _, e := range s.events {
		if e.rule != last && !seen[e.rule] {
			seen[e.rule] = true
			kinds++
		}
		last = e.rule
	}
	return kinds >= 3 && !hasAny(s.local.clean, frames) && !hasAny(s.local.clean, weakFrames)
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
	for _, w := range bytes.Fields(line[at:])[1:] {
		if isLetter(w[0]) {
			words++
		}
	}
	return words <= 1 || len(label) > 0
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
	if bytes.HasSuffix(bytes.TrimRight(near, " "), []byte(") {")) {
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
		case near[i] == '{' && near[i-1] == ' ' && i > 1 && near[i-2] == ')' && near[i+1] == ' ': // if (x) { …
			return true
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
	if bytes.HasPrefix(r.clean, []byte("#!/")) {
		r.source = 1
		return true
	}
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

// ours reports whether a line is of winmatch's own answers, which name messages
// and codes.
func ours(line []byte) bool {
	line = bytes.TrimLeft(line, " ")
	for _, w := range [...]string{"message  ", "predicted  ", "\"code\": \"0x", "$ winmatch ", "winmatch explain "} {
		if bytes.HasPrefix(line, []byte(w)) {
			return true
		}
	}
	return bytes.Contains(line, []byte("os-version-mismatch"))
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
