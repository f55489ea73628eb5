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
	Registry Kind = iota // HOST/REPOSITORY[:TAG][@DIGEST]
	Given                // windows:VERSION: no image, but a version to reckon with
)

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
}

// String is the full name: docker.io/library/nginx:latest.
func (r Reference) String() string {
	if r.Kind == Given {
		return "windows:" + r.Given
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
// it (a short name leads to Docker Hub), or windows:VERSION. The forms
// docker-daemon:, oci:, oci-archive: and docker-archive: are known but not
// supported yet. Errors are *Error and name the place.
//
// The rules are those of the distribution project (reference grammar: lower
// case repositories of at most 255 bytes, tags of at most 128).
func Parse(s string) (Reference, error) {
	r := Reference{Raw: s}
	if s == "" {
		return r, badRef(s, "it is empty", "")
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
	for _, p := range [...]string{"docker-daemon:", "oci:", "oci-archive:", "docker-archive:"} {
		if strings.HasPrefix(s, p) {
			return r, &Error{Code: CodeUnsupported, Text: strconv.Quote(s) + ": reading from " + p + " is not supported yet",
				Hint: "push the image to a registry, or name its version: windows:VERSION"}
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
