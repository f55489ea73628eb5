package image

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/winmatch/winmatch/winver"
)

// Kind says how a reference is to be read.
type Kind uint8

// The kinds of references.
const (
	Registry      Kind = iota // HOST/REPOSITORY[:TAG][@DIGEST]
	Given                     // windows:VERSION: no image, but a version to reckon with
	Daemon                    // docker-daemon:REF: an image that the Docker engine has
	Layout                    // oci:DIR[:TAG|@DIGEST]: an OCI image layout in a folder
	OCIArchive                // oci-archive:FILE[:TAG|@DIGEST]: the same in a tar file
	DockerArchive             // docker-archive:FILE[:REF|@DIGEST|:@N]: what docker save writes
)

// prefixes of the kinds, as users write them.
var prefixes = [...]string{Daemon: "docker-daemon:", Layout: "oci:", OCIArchive: "oci-archive:", DockerArchive: "docker-archive:"}

// DockerHub is the host that a reference without one leads to.
const DockerHub = "docker.io"

// MCR is Microsoft's registry.
const MCR = "mcr.microsoft.com"

// Reference is a parsed IMAGE.
type Reference struct {
	Raw        string // as it was given
	Kind       Kind
	Host       string // "docker.io", "mcr.microsoft.com", "localhost:5000"
	Repository string // "library/nginx"
	Tag        string // "latest" where neither tag nor digest was given; "" beside a lone digest
	Digest     string // "sha256:…" or ""
	Given      string // VERSION of windows:VERSION
	Path       string // of a Daemon REF as it was given; of a Layout DIR; of archives FILE. Tag is then TAG or REF, "" for none
}

// String is the full name: docker.io/library/nginx:latest.
func (r Reference) String() string {
	switch r.Kind {
	case Given:
		return "windows:" + r.Given
	case Daemon:
		return prefixes[Daemon] + r.Path
	case Layout, OCIArchive, DockerArchive:
		s := prefixes[r.Kind] + r.Path
		if r.Tag != "" {
			s += ":" + r.Tag
		}
		if r.Digest != "" {
			s += "@" + r.Digest
		}
		return s
	}
	s := r.Host + "/" + r.Repository
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Name is the full name without tag and digest.
func (r Reference) Name() string { return r.Host + "/" + r.Repository }

// maxReference bounds the length of a reference.
const maxReference = 1024

func badRef(s, text, hint string) error {
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return &Error{Code: CodeReference, Text: strconv.Quote(s) + " is not an image: " + text, Hint: hint}
}

// Parse reads IMAGE as the command line takes it: a reference as Docker reads
// it (a short name leads to Docker Hub), windows:VERSION, docker-daemon:REF,
// oci:DIR, oci-archive:FILE or docker-archive:FILE. Errors are *Error and name
// the place.
//
// What follows DIR or FILE after a colon names one image of several; a colon
// after a drive letter (C:\, C:/) does not count. Nothing is read.
//
// The rules are those of the distribution project (reference grammar: lower
// case repositories of at most 255 bytes, tags of at most 128).
func Parse(s string) (Reference, error) {
	r := Reference{Raw: s}
	if s == "" {
		return r, badRef(s, "it is empty", "")
	}
	for kind, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok && p != "" {
			return parsePlace(r, Kind(kind), rest)
		}
	}
	if len(s) > maxReference {
		return r, badRef(s, "it is longer than "+strconv.Itoa(maxReference)+" bytes", "")
	}
	if v, ok := strings.CutPrefix(s, "windows:"); ok && !strings.Contains(v, "/") {
		if v == "" {
			return r, badRef(s, "the version is missing", "windows:VERSION, for instance windows:10.0.20348.2227")
		}
		r.Kind, r.Given = Given, v
		return r, nil
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return r, badRef(s, "unexpected "+strconv.QuoteToASCII(firstRune(s[i:]))+at(i), "")
		}
	}
	if i := strings.Index(s, "://"); i >= 0 {
		return r, badRef(s, "a reference has no scheme", "leave out "+s[:i+3])
	}
	if s == "windows" {
		return r, badRef(s, "the version is missing", "windows:VERSION, for instance windows:10.0.20348.2227, or mcr.microsoft.com/windows:1809")
	}
	if _, err := winver.Parse(s); err == nil || familyBuild(s) != 0 {
		return r, badRef(s, "it is a version of Windows", "windows:"+s)
	}

	name := s
	if i := strings.IndexByte(name, '@'); i >= 0 {
		r.Digest, name = name[i+1:], name[:i]
		if err := checkDigest(r.Digest); err != "" {
			return r, badRef(s, "digest "+strconv.Quote(clip(r.Digest))+": "+err, "")
		}
	}
	slash := strings.LastIndexByte(name, '/')
	if i := strings.LastIndexByte(name, ':'); i > slash {
		r.Tag, name = name[i+1:], name[:i]
		if err := checkTag(r.Tag, i+1); err != "" {
			return r, badRef(s, err, "")
		}
	} else if r.Digest == "" {
		r.Tag = "latest"
	}

	r.Host, r.Repository = DockerHub, name
	off := 0
	if first, rest, ok := strings.Cut(name, "/"); ok && isHost(first) {
		if err := checkHost(first); err != "" {
			return r, badRef(s, "host "+strconv.Quote(clip(first))+": "+err, "")
		}
		r.Host, r.Repository, off = strings.ToLower(first), rest, len(first)+1
		if r.Host == "index.docker.io" || r.Host == "registry-1.docker.io" {
			r.Host = DockerHub
		}
	}
	if err := checkRepository(r.Repository, off); err != "" {
		return r, badRef(s, err, "")
	}
	if r.Host == DockerHub && !strings.Contains(r.Repository, "/") {
		r.Repository = "library/" + r.Repository
		if err := checkRepository(r.Repository, off); err != "" {
			return r, badRef(s, err, "")
		}
	}
	return r, nil
}

// maxPlace bounds the length of a reference with a path.
const maxPlace = 8192

// parsePlace reads what follows docker-daemon:, oci: and so on.
func parsePlace(r Reference, kind Kind, rest string) (Reference, error) {
	r.Kind = kind
	s, prefix := r.Raw, prefixes[kind]
	if len(s) > maxPlace {
		return r, badRef(s, "it is longer than "+strconv.Itoa(maxPlace)+" bytes", "")
	}
	for i := 0; i < len(rest); i++ {
		if rest[i] < ' ' || rest[i] == 0x7f {
			return r, badRef(s, "unexpected "+strconv.QuoteToASCII(rest[i:i+1])+at(len(prefix)+i), "")
		}
	}
	if kind == Daemon {
		r.Path = rest
		if checkDigest(rest) == "" {
			r.Digest = rest // an image by its id
			return r, nil
		}
		inner, err := Parse(rest)
		switch {
		case rest == "" || rest[0] == '-':
			return r, badRef(s, "the image is missing", "docker-daemon:REF, with a reference or an id that docker image ls shows")
		case err != nil:
			return r, err
		case inner.Kind != Registry:
			return r, badRef(s, "the engine knows references and ids only", "")
		}
		r.Host, r.Repository, r.Tag, r.Digest = inner.Host, inner.Repository, inner.Tag, inner.Digest
		return r, nil
	}
	for _, alg := range [...]string{"@sha256:", "@sha512:"} {
		if i := strings.LastIndex(rest, alg); i >= 0 {
			r.Digest, rest = rest[i+1:], rest[:i]
			if err := checkDigest(r.Digest); err != "" {
				return r, badRef(s, "digest "+strconv.Quote(clip(r.Digest))+": "+err, "")
			}
			break
		}
	}
	from := 0
	if len(rest) > 2 && rest[1] == ':' && (rest[2] == '\\' || rest[2] == '/') && isLetter(rest[0]) {
		from = 2
	}
	r.Path = rest
	if i := strings.IndexByte(rest[from:], ':'); i >= 0 {
		r.Path, r.Tag = rest[:from+i], rest[from+i+1:]
		if r.Tag == "" {
			return r, badRef(s, "the name of the image is missing after the colon", "")
		}
	}
	if r.Path == "" {
		what := "FILE"
		if kind == Layout {
			what = "DIR"
		}
		return r, badRef(s, "the path is missing", prefix+what)
	}
	if r.Tag != "" && r.Digest != "" {
		return r, badRef(s, "it names an image by name and by digest", "leave one of them out")
	}
	return r, nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || isUpper(c) }

func firstRune(s string) string {
	for _, c := range s {
		return string(c)
	}
	return ""
}

func at(i int) string { return " at position " + strconv.Itoa(i+1) }

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// isHost reports whether the first part of a name is a registry's host: it has
// a dot or a port, or is localhost. Docker also takes upper case for a host;
// it is a mistake far more often.
func isHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:")
}

// checkHost returns what is wrong with HOST[:PORT], or "".
func checkHost(s string) string {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "the bracket is not closed"
		}
		if a, err := netip.ParseAddr(s[1:i]); err != nil || !a.Is6() || a.Zone() != "" {
			return "not an IPv6 address"
		}
		host, port = s[:i+1], s[i+1:]
		if port != "" && port[0] != ':' {
			return "unexpected text after the bracket"
		}
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = s[:i], s[i:]
		}
		if host == "" || len(host) > 253 {
			return "a host name has 1 to 253 characters"
		}
		for label := range strings.SplitSeq(host, ".") {
			if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
				return "not a host name"
			}
			for i := 0; i < len(label); i++ {
				if c := label[i]; !isAlnum(c) && !isUpper(c) && c != '-' {
					return "unexpected " + strconv.QuoteRune(rune(c))
				}
			}
		}
	}
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 || port[1] == '+' {
			return "the port is not a number from 1 to 65535"
		}
	}
	if linkLocalHost(host) {
		return "a link-local address is refused"
	}
	return ""
}

// linkLocalHost reports whether a host, as written, is a link-local address:
// where clouds keep their metadata services.
func linkLocalHost(host string) bool {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLinkLocalUnicast()
}

func isAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// checkRepository returns what is wrong with a repository, or "". off is where
// it begins in the reference.
func checkRepository(s string, off int) string {
	if s == "" {
		return "the repository is missing"
	}
	if len(s) > 255 {
		return "the repository is longer than 255 bytes"
	}
	start := true // at the start of a path component
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isAlnum(c):
			start = false
		case isUpper(c):
			return "upper case " + strconv.QuoteRune(rune(c)) + at(off+i) + ": repositories are lower case"
		case c != '.' && c != '_' && c != '-' && c != '/':
			return "unexpected " + strconv.QuoteRune(rune(c)) + at(off+i)
		case start:
			return "empty part or leading " + strconv.QuoteRune(rune(c)) + at(off+i)
		case c == '/':
			start = true
		default: // separators: one dot, one or two underscores, any number of hyphens
			j := i + 1
			for j < len(s) && s[j] == c {
				j++
			}
			n := j - i
			if j == len(s) || !isAlnum(s[j]) && !isUpper(s[j]) || c == '.' && n > 1 || c == '_' && n > 2 {
				return "misplaced " + strconv.QuoteRune(rune(c)) + at(off+i)
			}
			i = j - 1
		}
	}
	if start {
		return "the last part of the repository is empty"
	}
	return ""
}

// checkTag returns what is wrong with a tag, or "".
func checkTag(s string, off int) string {
	if s == "" {
		return "the tag is empty"
	}
	if len(s) > 128 {
		return "the tag is longer than 128 characters"
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isAlnum(c) && !isUpper(c) && c != '_' && (i == 0 || c != '.' && c != '-') {
			return "unexpected " + strconv.QuoteRune(rune(c)) + " in the tag" + at(off+i)
		}
	}
	return ""
}

// checkDigest returns what is wrong with a digest, or "".
func checkDigest(s string) string {
	alg, hex, ok := strings.Cut(s, ":")
	if !ok {
		return "want sha256: and 64 hexadecimal digits"
	}
	want := 64
	switch alg {
	case "sha256":
	case "sha512":
		want = 128
	default:
		return "want sha256 or sha512"
	}
	if len(hex) != want {
		return strconv.Itoa(len(hex)) + " digits, want " + strconv.Itoa(want)
	}
	for i := 0; i < len(hex); i++ {
		if c := hex[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "unexpected " + strconv.QuoteRune(rune(c)) + " (want lower-case hexadecimal digits)"
		}
	}
	return ""
}
