package diagnose

import (
	"bytes"
	"strings"
)

// imageInMessage reads the reference that an error message itself names.
func imageInMessage(message []byte) string {
	for _, label := range [...]string{
		"failed to pull image ", "pull and unpack image ", "failed pulling image ", "pulling image ", "get sandbox image ", "failed to resolve reference ", "resolve source metadata for ",
		"unable to find image ", "os version of image ", "image with reference ", "pull access denied for ", "llb definition: ", "image=", "failed to solve: ", "manifest list docker://", "image index docker://", "manifest for ", "failed to pull ",
	} {
		i := indexLoose(message, label)
		if i < 0 {
			continue
		}
		ref := reference(message[i:])
		quoted := i < len(message) && (message[i] == '"' || message[i] == '\'')
		if bare := !strings.ContainsAny(ref, "/:"); bare && !quoted && (label == "failed to solve: " || label == "failed to pull " || label == "pulling image ") {
			continue // other words follow as well
		}
		if ref != "" && !(label == "manifest for " && !bytes.Contains(message, []byte("not found"))) {
			if i := strings.IndexByte(ref, ','); i > 0 {
				ref = ref[:i]
			}
			return ref
		}
	}
	return ""
}

// indexLoose finds a label whose blanks may be line breaks, and returns where it
// ends.
func indexLoose(s []byte, label string) int {
	for i := range s {
		if lower(s[i]) != label[0] {
			continue
		}
		j, k := i, 0
		for k < len(label) && j < len(s) {
			if label[k] == ' ' && (s[j] == ' ' || s[j] == '\n') {
				for j < len(s) && (s[j] == ' ' || s[j] == '\n') {
					j++
				}
				k++
				continue
			}
			if lower(s[j]) != label[k] {
				break
			}
			j++
			k++
		}
		if k == len(label) {
			return j
		}
	}
	return -1
}

// imageBefore reads the reference that the text before a message last names as
// an image: in a command, a Dockerfile, the output of docker pull, a pod's
// description. It also knows "TAG: Pulling from NAME".
func imageBefore(s []byte) string {
	best, at := "", -1
	take := func(ref string, i int) {
		if ref != "" && i > at {
			best, at = ref, i
		}
	}
	recent := max(0, len(s)-4000)
	for _, label := range [...]string{"from image ", "using image ", "with image ", "docker image ", "pulling image ", "docker pull ", "crictl pull ", "nerdctl pull ", "images pull ", "i pull ", "unable to find image ", "image: ", "load metadata for ", "fetching image="} {
		if i := lastIndexFold(s[recent:], label); i >= 0 {
			if ref := reference(s[recent+i+len(label):]); !inProse(ref, s[recent+i+len(label):]) {
				take(ref, recent+i)
			}
		}
	}
	if i := lastIndexFold(s[recent:], ": pulling from "); i >= 0 {
		i += recent
		name := reference(s[i+len(": pulling from "):])
		start := i
		for start > 0 && s[start-1] > ' ' && s[start-1] != '"' {
			start--
		}
		if tag := string(s[start:i]); name != "" && tag != "" && !strings.Contains(name, ":") {
			// The repository stands there without its registry, which an
			// earlier line may name.
			full := name
			if j := lastIndexFold(s[:start], name+":"+tag); j >= 0 {
				k := j
				for k > 0 && s[k-1] > ' ' && !strings.ContainsRune("\"'`=", rune(s[k-1])) {
					k--
				}
				full = string(s[k : j+len(name)])
			}
			take(strings.TrimPrefix(full, "library/")+":"+tag, i)
		}
	}
	for _, label := range [...]string{"docker run ", "docker create ", "nerdctl run ", "ctr run ", "docker container run "} {
		if i := lastIndexFold(s[recent:], label); i >= 0 {
			take(runImage(s[recent+i+len(label):]), recent+i)
		}
	}
	if i := lastIndexFold(s[recent:], "from "); i >= 0 && (recent+i == 0 || s[recent+i-1] == '\n' || s[recent+i-1] == ' ' && hasAny(s[max(0, recent+i-16):recent+i], []string{"step "})) {
		take(reference(s[recent+i+len("from "):]), recent+i)
	}
	if best == "" {
		if i := lastIndexFold(s, "image:"); i >= 0 && (i == 0 || s[i-1] <= ' ') {
			best = reference(bytes.TrimLeft(s[i+len("image:"):], " "))
		}
	}
	if best == "" {
		best = jsonString(s, `"image":"`)
	}
	return best
}

// inProse reports whether a bare word that stands where a reference could is
// one of a sentence ("the docker pull task fails"): another word follows it.
func inProse(ref string, s []byte) bool {
	if strings.ContainsAny(ref, "/:") || linuxName(ref) || windowsName(ref) {
		return false
	}
	rest := bytes.TrimLeft(s[min(len(ref), len(s)):], "\"'`")
	return len(rest) > 1 && rest[0] == ' ' && isLetter(rest[1])
}

// imageAfter reads the reference that the text behind a message names.
func imageAfter(s []byte) string {
	s = s[:min(len(s), 2000)]
	for _, label := range [...]string{"image: ", "\"image\":\"", "image=", "docker run "} {
		if i := indexFold(s, label); i >= 0 {
			if label == "docker run " {
				return runImage(s[i+len(label):])
			}
			return reference(s[i+len(label):])
		}
	}
	return ""
}

// valueFlags are the flags of docker run whose value is a word of its own.
var valueFlags = []string{"-p", "-e", "-v", "-m", "-h", "-u", "-w", "-l", "-c", "--name", "--publish", "--env", "--volume", "--memory", "--hostname", "--network", "--net", "--isolation", "--restart", "--entrypoint", "--mount", "--label",
	"--platform", "--user", "--workdir", "--storage-opt", "--security-opt", "--cpus", "--dns", "--env-file", "--add-host", "--log-driver", "--ip", "--runtime", "--snapshotter", "--cpu-count", "--memory-swap", "--device", "--gpus", "--pull"}

// runImage is the image of a docker run command.
func runImage(s []byte) string {
	if i := bytes.IndexByte(s, '\n'); i >= 0 && (i == 0 || s[i-1] != '`' && s[i-1] != '\\' && s[i-1] != '^') {
		s = s[:i]
	}
	skip := false
	for _, f := range strings.Fields(string(s[:min(len(s), 3000)])) {
		switch {
		case f == "`" || f == "\\" || f == "^":
		case skip:
			skip = false
		case strings.HasPrefix(f, "-"):
			for _, flag := range valueFlags {
				skip = skip || f == flag
			}
		default:
			return reference([]byte(f))
		}
	}
	return ""
}

// reference reads an image reference at the beginning of a text, "" where none
// stands there.
func reference(s []byte) string {
	for len(s) > 0 && strings.ContainsRune("\"'` ", rune(s[0])) {
		s = s[1:]
	}
	n, wrapped := refLen(s), 0
	// A console's line break within the reference: "servercore/i", "is:ltsc2016".
	if n < len(s) && s[n] == '\n' && n > 0 {
		rest := bytes.TrimLeft(s[n:], "\n")
		if bytes.LastIndexByte(s[:n], ':') > bytes.LastIndexByte(s[:n], '/') && bytes.IndexByte(rest[:refLen(rest)], '/') >= 0 {
			rest = nil // the first has a tag, so another one begins there
		}
		if m := refLen(rest); m > 0 && m < len(rest) && bytes.IndexByte(rest[:m-1], ':') > 0 && (rest[m] == ':' || bytes.HasPrefix(rest[m:], []byte(" "))) && bytes.HasPrefix(rest[m-1:], []byte(":")) {
			s = append(append([]byte{}, s[:n]...), rest[:m]...)
			n, wrapped = len(s), m
		}
	}
	ref := strings.TrimRight(string(s[:n]), ".:,;")
	if wrapped > 0 {
		ref = strings.TrimRight(ref, ":")
	}
	if !plausible(ref) {
		return ""
	}
	return ref
}

func refLen(s []byte) int {
	n := 0
	for n < len(s) && n < 400 && (isWord(s[n]) || strings.IndexByte("./:@-", s[n]) >= 0) {
		n++
	}
	return n
}

// plausible reports whether a word can be an image reference and not an
// ordinary word of a sentence or a path.
func plausible(ref string) bool {
	if ref == "" || len(ref) > 300 || ref[0] == '-' || ref[0] == '.' || ref[0] == '/' || ref[0] == ':' || strings.Contains(ref, "//") {
		return false
	}
	for _, platform := range [...]string{"linux/", "windows/amd64", "windows/arm64"} {
		if strings.HasPrefix(ref, platform) {
			return false
		}
	}
	name := ref
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, "@")
	if i := strings.IndexByte(name, '/'); i >= 0 && strings.ContainsAny(name[:i], ".:") {
		name = name[i+1:] // a host may have capitals
	}
	letter := false
	for i := range len(name) {
		if name[i] >= 'A' && name[i] <= 'Z' {
			return false
		}
		letter = letter || isLetter(name[i])
	}
	if name != ref {
		return letter
	}
	switch name {
	case "returned", "failed", "fails", "exited", "command", "process", "choosing", "works", "gives", "says", "does", "it", "this", "that", "but", "or", "then",
		"for", "the", "is", "a", "from", "to", "in", "with", "was", "image", "an", "on", "by", "unknown", "windows", "linux", "scratch", "config", "configuration", "of", "and", "not", "no", "rpc", "error", "sha256":
		return false
	}
	return letter
}

// windowsName reports whether a reference names a Windows image.
func windowsName(ref string) bool {
	low := strings.ToLower(ref)
	for _, w := range [...]string{"windows/", "windowsservercore", "nanoserver", "servercore", "ltsc2016", "ltsc2019", "ltsc2022", "ltsc2025", "sac2016", "dotnet/framework", "-windows", "windows-", ":windows", "businesscentral", "dynamicsnav", "microsoft/iis", "microsoft/aspnet:", "mcr.microsoft.com/windows:"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// frontendName reports whether a reference names BuildKit's frontend for
// Dockerfiles, of which there is none for Windows.
// https://github.com/moby/buildkit/issues/5173
func frontendName(ref string) bool {
	name := strings.TrimPrefix(ref, "docker.io/")
	return strings.HasPrefix(name, "docker/dockerfile:") || strings.HasPrefix(name, "docker/dockerfile@") || strings.HasPrefix(name, "docker/dockerfile-upstream") || name == "docker/dockerfile"
}

// linuxOnly are official images of Docker Hub that docker-library has never
// built for Windows.
// https://github.com/docker-library/official-images/tree/37079fb3/library
const linuxOnly = " nginx ubuntu debian alpine busybox centos fedora amazonlinux oraclelinux rockylinux almalinux archlinux postgres mysql mariadb redis memcached httpd haproxy wordpress php rabbitmq node elasticsearch kibana logstash nextcloud ghost joomla drupal cassandra ruby perl gcc haskell clojure erlang elixir zookeeper couchbase couchdb solr neo4j arangodb percona sonarqube tomcat jenkins rust "

// linuxName reports whether a reference names an official image that exists
// for Linux only.
func linuxName(ref string) bool {
	if ref == "" || windowsName(ref) {
		return false
	}
	name, tag := ref, ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	name, _, _ = strings.Cut(name, "@")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	return !strings.Contains(name, "/") && strings.Contains(linuxOnly, " "+name+" ") && !strings.Contains(tag, "windows")
}
