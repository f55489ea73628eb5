package diagnose

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

// quick reads from the message itself what tells two messages of one kind
// apart: the image and the host's version.
func (s *scanner) quick(d *Diagnosis, sp span) {
	r := &s.local
	lo, hi := int(r.at[sp.lo]), len(r.clean)
	if int(sp.hi) < len(r.at) {
		hi = int(r.at[sp.hi])
	}
	message := r.clean[lo:hi]
	d.Image = imageInMessage(message)
	if !d.Host.IsValid() {
		for _, label := range [...]string{"windows/amd64 ", "windows/arm64 ", "windows(", "for windows/amd64/", "base image: unsupported windows version: ", "version (os build "} {
			if v := versionAfter(message, label); v.IsValid() {
				d.Host = v
				break
			}
		}
	}
}

// context reads what a message is about from the text around it. at is where
// the message stands in the raw text of the wide region.
func (s *scanner) context(d *Diagnosis, e event, at int) {
	w := &s.wide
	key := w.cleanAt(int32(at))
	start, end := lineOf(w.clean, key)
	line := w.clean[start:end]
	before, after := w.clean[:key], w.clean[key:]
	near := w.clean[max(0, key-3000):min(len(w.clean), key+6000)]
	// The message and what surrounds it, within the bounds of one paste.
	message := w.clean[max(start, key-600):min(len(w.clean), key+3000)]

	d.Container = container(w.clean, max(0, start, key-400), key)
	if d.Container == "" {
		d.Container = container(w.clean, max(0, key-300), key)
	}

	// docker service ps: ID NAME IMAGE NODE DESIRED-STATE CURRENT-STATE ERROR.
	if f := columns(line); len(f) >= 6 && (f[4] == "Shutdown" || f[4] == "Ready" || f[4] == "Running" || f[4] == "Remove") {
		d.Service, d.Image, d.Node = taskService(f[1]), f[2], f[3]
		d.Place = Swarm
	}

	d.place(near, w.clean)
	d.Hints.Pipeline = pipelineOf(near)
	d.component(message, near)

	if d.Place == Kubernetes {
		d.Pod = first(d.Pod, quotedAfter(message, "for pod "), labelled(before, "name:"), jsonString(near, `"pod":"`), jsonString(near, `"podName":"`))
		if i := indexFold(near, `"kind":"pod"`); i >= 0 && d.Pod == "" { // an Event's involvedObject
			d.Pod = jsonString(near[i:], `"name":"`)
		}
		d.Namespace = first(labelled(before, "namespace:"), jsonString(near, `"namespace":"`))
		if i := strings.IndexByte(d.Pod, '_'); i > 0 && strings.Count(d.Pod, "_") == 1 && !strings.Contains(d.Pod, "(") {
			d.Pod, d.Namespace = d.Pod[:i], first(d.Namespace, d.Pod[i+1:])
		}
		node := labelled(before, "node:")
		if i := strings.IndexByte(node, '/'); i > 0 {
			node = node[:i]
		}
		d.Node = first(wordAfter(line, "kubelet, "), node, jsonString(near, `"nodeName":"`), jsonString(near, `"host":"`), wordAfter(before, "successfully assigned "))
		if d.Node != "" && strings.Contains(d.Node, "/") { // "assigned NAMESPACE/POD to NODE"
			d.Node = wordAfter(before, " to ")
		}
		if n, err := strconv.Atoi(labelled(near, "restart count:")); err == nil {
			d.Restarts = n
		} else if n, err := strconv.Atoi(labelled(before, "restart count:")); err == nil {
			d.Restarts = n
		}
	}
	if d.Image == "" {
		d.Image = imageInMessage(message)
	}
	own := d.Sandbox || d.Detail == "helper-image" // not the image that the text is about
	if d.Image == "" && !own {
		d.Image = imageBefore(before)
	}
	if d.Image == "" && !own {
		d.Image = imageAfter(after)
	}
	if i := strings.Index(d.Image, "@sha256:"); i >= 0 {
		d.Digest = d.Image[i+1:]
	}

	if d.Isolation == compat.DefaultIsolation {
		d.Isolation = isolationOf(near)
	}
	d.runtime(w.clean)
	if !d.OSVersion.IsValid() {
		const label = "container os version:"
		shown := before[max(0, len(before)-3000):]
		if i := lastIndexFold(shown, label); i >= 0 { // NavContainerHelper may choose another image after the first
			d.OSVersion = versionAfter(shown[i:], label)
		} else {
			d.OSVersion = versionAfter(near, label)
		}
	}
	if !d.Host.IsValid() {
		d.Host = versionAfter(near, "host os version:")
	}
	if d.Stage != Service { // it names the image's version, and those it takes
		s.hostIn(d, w.clean, key)
	}
	d.weigh()
	linux := d.Detail == "no-child-for-host" && (hasAny(near, linuxEngine) || d.Stage == Build && hasAny(near, buildkitLog) && !hasAny(near, windowsBuilder))
	switch {
	case d.Detail == "no-child-for-host" && hasAny(near, []string{`"386" "windows"`, "windows/386"}):
		d.Cause, d.Detail, d.Confidence, d.Source = Other, "32-bit-client", Likely, github+"containerd/nerdctl/issues/3381"
	case linux && d.Hints.WindowsImage:
		d.Cause, d.Detail, d.Confidence = Other, "linux-mode", Likely
	case linux:
		d.Cause, d.Detail, d.Confidence = Other, "wrong-platform", Likely
	case d.Detail == "no-child-for-host" && !d.Hints.WindowsImage && hasAny(near, []string{"kitematic"}):
		// Its catalogue is of Linux images, and its users asked about little else.
		d.Cause, d.Detail, d.Confidence, d.Source = Other, "linux-image", Likely, github+"docker-archive-public/docker.kitematic/issues/3231"
	}
}

// linuxEngine are what only an engine or a node that runs Linux containers has
// beside a message: a selector, docker info, the head of a build by Docker
// Desktop in Linux mode, paths.
var linuxEngine = []string{"kubernetes.io/os=linux", "ostype: linux", "docker:desktop-linux", "io.containerd.snapshotter.v1.overlayfs", "/var/lib/docker/", "/var/lib/containerd/"}

// buildkitLog is in the log of a build by BuildKit, which docker build uses with
// Linux engines only; windowsBuilder in that of one on Windows, which has to be
// set up by hand.
// https://github.com/moby/buildkit/blob/v0.30.0/docs/windows.md
var (
	buildkitLog    = []string{"[+] building", "[internal] load "}
	windowsBuilder = []string{"remote:", "buildctl", "buildkitd", "buildkit-exp"}
)

// cleanAt is the index in clean of a place in the raw text.
func (r *region) cleanAt(raw int32) int {
	lo, hi := 0, len(r.raw)
	for lo < hi {
		mid := (lo + hi) / 2
		if r.raw[mid] < raw {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return min(lo, max(len(r.raw)-1, 0))
}

// hostIn reads the one Windows host that the text around a message tells of,
// and its edition; of several none is taken. A build that servers and clients
// share is a server's only where the text says so.
func (s *scanner) hostIn(d *Diagnosis, text []byte, key int) {
	text = text[max(0, key-32<<10):min(len(text), key+16<<10)]
	hosts, err := winver.ParseHosts(s.f, string(text))
	if err != nil || len(hosts) != 1 || hosts[0].Confidence != winver.Certain {
		return
	}
	h := &hosts[0]
	if !d.Host.IsValid() {
		d.Host = h.Version
	}
	shared := h.Edition == winver.Server && s.f.Client(h.Version.Build) != nil
	if d.Host.Build == h.Version.Build && (!shared || hasAny([]byte(h.Evidence), []string{"server", "datacenter"})) {
		d.Edition = h.Edition
	}
}

// weigh lets what is known besides change the cause.
func (d *Diagnosis) weigh() {
	d.Hints.WindowsImage, d.Hints.LinuxImage = windowsName(d.Image), linuxName(d.Image)
	switch d.Detail {
	case "no-child-for-host", "sandbox-image":
		if d.Stage != Pull && d.Stage != Build {
			break
		}
		switch {
		case frontendName(d.Image):
			d.Cause, d.Detail, d.Confidence = Other, "frontend-image", Likely
		case d.Hints.LinuxImage && d.Stage == Build: // BuildKit's builder is a Linux one in nearly all cases
			d.Cause, d.Detail, d.Confidence, d.Source = Other, "wrong-platform", Likely, forWin+"13475"
		case d.Hints.LinuxImage:
			d.Cause, d.Detail, d.Confidence = Other, "linux-image", Likely
		case d.Hints.WindowsImage && d.Stage == Build: // by what BuildKit says, and it has more builders on Linux than on Windows
		case d.Hints.WindowsImage:
			d.Confidence = max(d.Confidence, Likely)
		}
	case "restart":
		// An image of Windows Server 2022 ended so on Windows 11, in process
		// isolation, and ran under Hyper-V isolation.
		if d.Code == 0x6be && d.Isolation == compat.Process && !(d.Host.IsValid() && d.OSVersion.IsValid()) {
			d.Cause, d.Detail, d.Source = Undetermined, "rpc-failed", winc+"525"
		}
	case "linux-mode":
		switch {
		case d.Stage != Build || d.Confidence != Possible:
		case frontendName(d.Image):
			d.Detail, d.Confidence = "frontend-image", Likely
		case d.Hints.LinuxImage:
			d.Detail, d.Confidence, d.Source = "wrong-platform", Likely, forWin+"13475"
		case d.Hints.WindowsImage:
			d.Confidence = Likely
		}
	case "wrong-platform":
		if d.Hints.WindowsImage && d.Stage == Pull {
			d.Detail = "linux-mode"
		}
	case "32-bit-program":
		// Windows from 19041 on is past that update.
		if d.Host.Build >= 19041 || d.OSVersion.Build >= 19041 {
			d.Cause, d.Detail, d.Confidence = Other, "process-fails", Likely
		}
	case "unexpected-exit":
		if d.Host.IsValid() && d.OSVersion.IsValid() && d.Host.Build == d.OSVersion.Build && d.Isolation != compat.HyperV {
			h, hok := d.Host.Revision()
			i, iok := d.OSVersion.Revision()
			if hok && iok && i > h {
				d.Cause, d.Detail, d.Confidence = Skew, "image-newer", Likely
			}
		}
	}
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// container is the id or name of the container that a message is about: what
// stands behind "container" or CreateComputeSystem, even where a line break
// cuts an id.
func container(s []byte, lo, key int) string {
	window := s[lo:min(len(s), key+400)]
	for _, label := range [...]string{"createcomputesystem", "hcs::system::start ", "container "} {
		for from := 0; from < len(window); {
			i := indexFold(window[from:], label)
			if i < 0 {
				break
			}
			i += from + len(label)
			from = i
			rest := bytes.TrimLeft(window[i:], " _*\n:")
			id := containerWord(rest)
			if id == "" {
				continue
			}
			if isID(id) {
				return id
			}
			tail := rest[min(len(id), len(rest)):]
			if label != "container " && len(tail) > 0 && tail[0] == ':' && len(id) > 2 && strings.ToLower(id) != "system" ||
				label == "container " && bytes.HasPrefix(bytes.TrimLeft(tail, " \n"), []byte("encountered")) {
				return id
			}
		}
	}
	if i := indexFold(window, `"systemtype"`); i >= 0 { // the request to the Host Compute Service
		return jsonString(window[i:], `"name":"`)
	}
	return ""
}

// containerWord reads a name or an id, which may go on in the next line.
func containerWord(s []byte) string {
	n := 0
	for n < len(s) && n < 128 && (isWord(s[n]) || s[n] == '-' || s[n] == '.' && n+1 < len(s) && isWord(s[n+1])) {
		n++
	}
	word := string(s[:n])
	if n < 64 && n >= 8 && isHex(word) && n < len(s) && (s[n] == '\n' || s[n] == ' ') {
		rest := bytes.TrimLeft(s[n:], " \n")
		m := 0
		for m < len(rest) && isWord(rest[m]) {
			m++
		}
		if n+m == 64 && isHex(string(rest[:m])) {
			return word + string(rest[:m])
		}
	}
	return word
}

func isHex(s string) bool {
	for i := range len(s) {
		if _, ok := hexDigit(s[i]); !ok {
			return false
		}
	}
	return s != ""
}

func isID(s string) bool { return (len(s) == 64 || len(s) == 12) && isHex(s) }

// columns splits a table row at two or more blanks.
func columns(line []byte) []string {
	var f []string
	for len(line) > 0 && len(f) < 12 {
		line = bytes.TrimLeft(line, " ")
		end := bytes.Index(line, []byte("  "))
		if end < 0 {
			end = len(line)
		}
		if end > 0 {
			f = append(f, string(line[:end]))
		}
		line = line[end:]
	}
	// docker service ps puts \_ before the older tasks of a slot.
	if len(f) > 1 {
		f[1] = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(f[1], "\\"), "_"))
	}
	return f
}

// taskService is the service of a task's name: angry_liskov.1.
func taskService(name string) string {
	if i := strings.IndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// labelled is the word behind the last label of a text, at the beginning of a
// line.
func labelled(s []byte, label string) string {
	for end := len(s); end > 0; {
		i := lastIndexFold(s[:end], label)
		if i < 0 {
			return ""
		}
		j := i
		for j > 0 && s[j-1] == ' ' {
			j--
		}
		if j == 0 || s[j-1] == '\n' {
			return word(bytes.TrimLeft(s[i+len(label):], " "))
		}
		end = i
	}
	return ""
}

func lastIndexFold(s []byte, low string) int {
	for i := len(s) - len(low); i >= 0; i-- {
		if lower(s[i]) == low[0] && equalFold(s[i:i+len(low)], low) {
			return i
		}
	}
	return -1
}

// word reads up to a blank, quote or bracket.
func word(s []byte) string {
	n := 0
	for n < len(s) && n < 300 && s[n] > ' ' && !strings.ContainsRune("\"'`<>(){}[],;", rune(s[n])) {
		n++
	}
	return strings.TrimRight(string(s[:n]), ".:")
}

// wordAfter is the word behind the last label of a text.
func wordAfter(s []byte, label string) string {
	if i := lastIndexFold(s, label); i >= 0 {
		return word(s[i+len(label):])
	}
	return ""
}

func quotedAfter(s []byte, label string) string {
	if i := indexFold(s, label); i >= 0 && i+len(label) < len(s) && s[i+len(label)] == '"' {
		return word(s[i+len(label)+1:])
	}
	return ""
}

// jsonString is the value of a JSON field, which is given with its quotes and
// colon; blanks between them may differ.
func jsonString(s []byte, field string) string {
	name := field[:strings.LastIndexByte(field, ':')]
	for from := 0; from < len(s); {
		i := indexFold(s[from:], strings.ToLower(name))
		if i < 0 {
			return ""
		}
		from += i + len(name)
		rest := bytes.TrimLeft(s[from:], " ")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		rest = bytes.TrimLeft(rest[1:], " ")
		if len(rest) > 0 && rest[0] == '"' {
			return word(rest[1:])
		}
	}
	return ""
}
