package winver

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file has the forms of numbers and the words beside them, each a question
// about a bit of text in lower case.

// split reads up to four numbers with dots between them; 0 where it is none.
func split(s string, p *[4]uint32) int {
	k := 0
	for i := 0; i < len(s); i++ {
		if k == 4 || i >= len(s) || !digit(s[i]) {
			return 0
		}
		n := uint64(0)
		start := i
		for i < len(s) && digit(s[i]) {
			n = n*10 + uint64(s[i]-'0')
			if i-start > 9 {
				return 0
			}
			i++
		}
		if s[start] == '0' && i-start > 1 || n > maxRevision {
			if !(k == 2 && i == len(s)) { // a date part
				return 0
			}
		}
		p[k] = uint32(n)
		k++
	}
	return k
}

// buildRange reports whether a number can be a build of Windows 10 or later.
func buildRange(n uint32) bool { return n >= firstBuild && n <= 65535 }

// azureDate reports whether the last part of B.R.DATE is a date.
func azureDate(s string) bool {
	d := s[strings.LastIndexByte(s, '.')+1:]
	return (len(d) == 6 || len(d) == 10) && d[0] >= '1' && d[0] <= '3'
}

// isLab reports whether what follows a number is the rest of a build lab:
// ".amd64fre.rs5_release.180914-1434".
func isLab(after string) bool {
	for _, a := range [...]string{".amd64fre.", ".x86fre.", ".arm64fre.", ".armfre.", ".amd64chk.", ".x86chk."} {
		if strings.HasPrefix(after, a) {
			return true
		}
	}
	return false
}

// labBranch reports whether what follows a build is a branch and a date:
// ".rs5_release.180914-1434".
func labBranch(after string) bool {
	i := 1
	for i < len(after) && (alnum(after[i]) || after[i] == '_') {
		i++
	}
	return i > 3 && i < len(after)-11 && after[i] == '.' && digits(after[i+1:i+7]) && after[i+7] == '-' && strings.Contains(after[1:i], "_") && letter(after[1])
}

// inBracket reports whether a version is the end of "[WORD version]".
func inBracket(before, after string) bool {
	if !strings.HasPrefix(after, "]") {
		return false
	}
	i := strings.LastIndexByte(before, '[')
	if i < 0 || len(before)-i > 60 {
		return false
	}
	word := before[i+1:]
	for j := 0; j < len(word); j++ {
		if digit(word[j]) || word[j] == ']' {
			return false
		}
	}
	return !blank(word) || strings.Contains(last(before[:i], 12), "windows")
}

// runtimeFollows reports whether the next column names a container runtime.
func runtimeFollows(after string) bool {
	a := strings.TrimLeft(after, " \t")
	return len(a) < len(after) && (strings.HasPrefix(a, "containerd://") || strings.HasPrefix(a, "docker://") || strings.HasPrefix(a, "cri-o://"))
}

// buildFollows reads the number of "10.0.19042 N/A Build 19042", where words
// in any language stand between; word tells that "build" stands there.
func buildFollows(after string) (n uint32, word bool, end int) {
	i := 0
	for i < len(after) && i < 60 && !digit(after[i]) {
		if strings.IndexByte("|,;()[]{}\":", after[i]) >= 0 {
			return 0, false, 0
		}
		i++
	}
	if i == len(after) || !digit(after[i]) || blank(after[:i]) {
		return 0, false, 0
	}
	j := i
	for j < len(after) && digit(after[j]) {
		j++
	}
	if j-i > 5 || j < len(after) && (after[j] == '.' && j+1 < len(after) && digit(after[j+1]) || letter(after[j])) {
		return 0, false, 0
	}
	x, _ := strconv.ParseUint(after[i:j], 10, 32)
	return uint32(x), strings.TrimSpace(after[:i]) == "build", j
}

// reference reports whether l[i:j] stands in an image reference, a path or a
// package name.
func reference(l string, i, j int) bool {
	if strings.HasPrefix(l[j:], ": pulling from") { // 10.0.20348.169: Pulling from businesscentral
		return true
	}
	if i == 0 {
		return false
	}
	start := i
	for start > 0 && l[start-1] > ' ' && strings.IndexByte("\"'`(,;=<>|", l[start-1]) < 0 {
		start--
	}
	word := l[start:i]
	switch l[i-1] {
	case '\\', '~', '@':
		return true
	case '/':
		return !(strings.HasSuffix(word, "windows/") && strings.Count(word, "/") == 1)
	case ':':
		repo := word[:len(word)-1]
		return strings.Contains(repo, "/") || isRepository(repo)
	case '-':
		return strings.Contains(word, "/") || strings.Contains(word, ":")
	}
	return strings.HasPrefix(l[j:], "\\") && len(l) > j+1 && !strings.HasPrefix(l[j:], "\\n") && !strings.HasPrefix(l[j:], "\\r") && !strings.HasPrefix(l[j:], "\\\"")
}

// demandWords are words of sentences that say which Windows something wants.
var demandWords = [...]string{"requir", "requis", "requer", "minim", "at least", "must be", "need", "supported", ">=", "≥", "if running",
	"newer than", "older than", "later than", "prior to", "erforder", "voraussetz", "mindest", "требу", "要求", "需要", "必須", "必要", "最低"}

func demands(s string) bool {
	for _, w := range demandWords {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// excluded reports whether a version is one that something requires, supports
// or excludes.
func (s *scanner) excluded(before, after string) bool {
	if s.demands() {
		if i := max(strings.LastIndex(before, ". "), strings.LastIndex(before, "; "), strings.LastIndex(before, "。")); i >= 0 {
			before = before[i:]
		}
		if demands(last(before, 200)) {
			return true
		}
	}
	a := strings.TrimLeft(after, " \t)]*`\"',")
	if strings.HasPrefix(after, "+") && !strings.HasPrefix(after, "+k") {
		return true
	}
	if len(a) > 0 && (letter(a[0]) || a[0] >= utf8.RuneSelf) {
		for _, w := range [...]string{"or later", "or newer", "or higher", "or above", "or greater", "or more recent", "and later", "and newer", "and above", "and higher", "and up",
			"oder höher", "oder neuer", "oder später", "ou ultérieur", "ou supérieur", "ou plus", "et supérieur", "o superior", "o posterior", "o más", "o versiones", "o successiv", "e successiv",
			"ou superior", "ou posterior", "ou mais", "или выше", "или новее", "или более", "и выше", "и новее", "lub nowsz", "lub wyższ", "veya üzeri", "veya üst", "veya sonra",
			"以上", "以降", "或更高", "或以上", "或更新", "或後", "及更高", "及以上", "またはそれ", "이상", "nebo nov", "nebo vyš", "eller nyere", "eller senare", "eller högre", "of hoger", "of nieuwer", "of later"} {
			if strings.HasPrefix(a, w) {
				return true
			}
		}
	}
	return false
}

// phrase is the label that stands right before a number: back to the last
// mark that separates.
func phrase(before string) string {
	p := before
	if len(p) > 120 {
		p = p[len(p)-120:]
	}
	for i := len(p) - 1; i >= 0; i-- {
		switch p[i] {
		case ';', '|', '{', '}', '(', '[', '\n':
			return p[i+1:]
		case ' ':
			if i > 0 && digit(p[i-1]) && strings.Count(p[strings.LastIndexByte(p[:i], ' ')+1:i], ".") >= 2 {
				return p[i+1:] // after another version
			}
		case ',', '.', '?', '!':
			if i+1 < len(p) && (p[i+1] == ' ' || p[i+1] == '"') {
				return p[i+1:]
			}
		}
	}
	return p
}

// labelStart is where the evidence of a number begins: the label before it, as
// far as it is short.
func labelStart(before string) int {
	i := len(before) - len(phrase(before))
	if len(before)-i > 80 {
		i = len(before) - 80
		for i < len(before) && before[i] != ' ' {
			i++
		}
	}
	if i > 0 && before[i-1] == '[' { // "Microsoft Windows [Version"
		j := i - 1
		for j > 0 && i-j < 30 && before[j-1] != '\t' && !strings.HasPrefix(before[j-1:], "  ") {
			j--
		}
		if k := strings.Index(before[j:i], "microsoft"); k >= 0 {
			return j + k
		}
		return j
	}
	return i
}

// foreign reports whether a label names something else than the host's
// system.
func foreign(label string) bool {
	if i := max(strings.Index(label, " on "), strings.Index(label, " under ")); i >= 0 {
		label = label[i:] // cannot build the images on my Windows 10
	}
	switch {
	case strings.Contains(label, "container"), strings.Contains(label, "コンテナ"), strings.Contains(label, "容器"):
		return !strings.Contains(label, "host")
	case strings.Contains(label, "image"):
		l := strings.TrimRight(label, " \t:=\"'*")
		return !(strings.Contains(label, "os image") || strings.Contains(label, "osimage") || strings.Contains(label, "os-image") ||
			strings.HasSuffix(l, "image version") && len(l) < 24 || strings.HasSuffix(l, "de l'image") || strings.Contains(label, "vm image"))
	}
	for _, w := range [...]string{"sdk", "kits", "powershell", "psversion", "abstractionlayer", "driver", "ucrt", "targetplatform", "minversion", "toolset", "msvc",
		"webview", "guest", "sandbox", "sql server", "visual studio", "bios", "firmware", "package", "nuget", "os.version", "wsl version", "wsl:", "experience pack"} {
		if strings.Contains(label, w) {
			return true
		}
	}
	return hasWord(label, "hal")
}

// osLabel reports whether a label names a system.
func osLabel(l string) bool {
	for _, w := range [...]string{"windows", "winver", "kernel", "osversion", "hostos", "operating", "platformversion", "distribution_version", "windows_nt", "win32nt"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return hasWord(l, "os") || hasWord(l, "host") || hasWord(l, "win10") || hasWord(l, "win11") || hasWord(l, "win") || hasWord(l, "nt") || hasWord(l, "ver")
}

// osLine reports whether a line speaks of Windows.
func osLine(l string) bool {
	return strings.Contains(l, "windows") || strings.Contains(l, "win10") || strings.Contains(l, "win11") || strings.Contains(l, "win ") ||
		strings.Contains(l, "winver")
}

// buildWord reports whether the word right before a number means "build", as
// the languages of Windows have it.
func buildWord(before string) bool {
	b := strings.TrimRight(before, " \t:=*\"'`(（：")
	i := len(b)
	for i > 0 && (letter(b[i-1]) || b[i-1] >= utf8.RuneSelf) {
		i--
	}
	w := b[i:]
	switch {
	case w == "":
		return false
	case strings.HasSuffix(w, "build"), strings.HasSuffix(w, "buildnummer"), strings.HasSuffix(w, "内部版本"), strings.HasSuffix(w, "ビルド"), strings.HasSuffix(w, "빌드"), strings.HasSuffix(w, "組建"):
		return true
	}
	switch w {
	case "сборка", "Сборка", "построение", "збірка", "kompilacja", "kompilace", "compilación", "compilação", "compilation", "derleme", "sestavení", "zostava", "koontiversio", "bygg", "buildet":
		return true
	}
	// "(compilación de SO 18362.1016)", "сборка ОС 19045.1": the word, then
	// "of the system".
	tail := last(b, 48)
	for _, k := range [...]string{"compilaci", "compila", "сборка", "Сборка", "kompilacja", "build do", "build del", "build so", "build des"} {
		if strings.Contains(tail, k) {
			return true
		}
	}
	return false
}

// bare reports whether a label is the word "version" and nothing else, in the
// languages of Windows.
func bare(label string) bool {
	label = strings.TrimSpace(label)
	for _, w := range [...]string{"version", "versión", "versão", "versione", "versie", "wersja", "verze", "verzia", "verzió", "версия", "версія", "έκδοση", "sürüm", "versjon", "versio",
		"版本", "バージョン", "버전", "الإصدار", "גירסה", "phiên bản", "versi", "versiunea", "verzija"} {
		if strings.EqualFold(label, w) {
			return true
		}
	}
	return false
}

// dismTitle reports whether a line is the title that dism prints over its own
// version.
func dismTitle(l string) bool {
	for _, w := range [...]string{"imag", "dism", "abbild", "образ", "映像", "イメージ", "이미지", "obraz", "görüntü", "bitov"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// hasWord reports whether a lower-case word stands alone in a text.
func hasWord(s, w string) bool {
	for i := 0; ; {
		k := strings.Index(s[i:], w)
		if k < 0 {
			return false
		}
		i += k
		if (i == 0 || !alnum(s[i-1])) && (i+len(w) == len(s) || !alnum(s[i+len(w)])) {
			return true
		}
		i += len(w)
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func blank(s string) bool { return strings.TrimLeft(s, " \t\r") == "" }

// spaced reports whether a text ends with a mark that has a blank before it:
// "runner OS: / Windows", "- Windows".
func spaced(s string) bool {
	return len(s) >= 2 && s[len(s)-2] == ' '
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// logPrefix is the length of what a log writes before a line: dates, times,
// [names], levels, and the marks of a quotation.
func logPrefix(l string) int {
	i := 0
	for {
		for i < len(l) && (l[i] == ' ' || l[i] == '\t') {
			i++
		}
		j := i
		for j < len(l) && l[j] != ' ' && l[j] != '\t' {
			j++
		}
		w := l[i:j]
		switch w {
		case "":
			return 0 // nothing else: leave the line alone
		case ">", "|", "info", "warn", "warning", "error", "debug", "trace", "notice", "info:", "warn:", "error:", "debug:":
			i = j
			continue
		}
		if w[0] == '[' && w[len(w)-1] == ']' || strings.IndexByte(w, ':') > 0 && timeLike(w) || strings.Count(w, "-") == 2 && timeLike(w) {
			i = j
			continue
		}
		return i
	}
}

// timeLike reports whether a word is a date or a time.
func timeLike(w string) bool {
	n := 0
	for i := 0; i < len(w); i++ {
		switch {
		case digit(w[i]):
			n++
		case strings.IndexByte(":-.,+tz[]", w[i]) < 0:
			return false
		}
	}
	return n >= 4 && digit(w[len(w)-2])
}
