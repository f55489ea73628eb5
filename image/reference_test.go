package image

import (
	"errors"
	"strings"
	"testing"
)

const hex64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, name, tag, digest string }{
		{"nginx", "docker.io/library/nginx", "latest", ""},
		{"golang:1", "docker.io/library/golang", "1", ""},
		{"microsoft/nanoserver", "docker.io/microsoft/nanoserver", "latest", ""},
		{"docker.io/nginx", "docker.io/library/nginx", "latest", ""},
		{"index.docker.io/library/nginx:x", "docker.io/library/nginx", "x", ""},
		{"mcr.microsoft.com/windows/servercore:ltsc2022", "mcr.microsoft.com/windows/servercore", "ltsc2022", ""},
		{"MCR.Microsoft.com/windows:1809", "mcr.microsoft.com/windows", "1809", ""},
		{"localhost/a", "localhost/a", "latest", ""},
		{"localhost:5000/a/b:c", "localhost:5000/a/b", "c", ""},
		{"localhost:5000", "docker.io/library/localhost", "5000", ""},
		{"windows:5000/a", "windows:5000/a", "latest", ""},
		{"[::1]:5000/a:b", "[::1]:5000/a", "b", ""},
		{"host:5000/repo:tag@sha256:" + hex64, "host:5000/repo", "tag", "sha256:" + hex64},
		{"a@sha256:" + hex64, "docker.io/library/a", "", "sha256:" + hex64},
		{"a@sha512:" + hex64 + hex64, "docker.io/library/a", "", "sha512:" + hex64 + hex64},
		{"x.io/a__b/c---d/e.f:T.a_g-1", "x.io/a__b/c---d/e.f", "T.a_g-1", ""},
		{"windows/servercore:1809", "docker.io/windows/servercore", "1809", ""},
	} {
		r, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if r.Kind != Registry || r.Raw != c.in || r.Name() != c.name || r.Tag != c.tag || r.Digest != c.digest {
			t.Errorf("Parse(%q) = %+v", c.in, r)
		}
	}
	for in, given := range map[string]string{"windows:10.0.20348.2227": "10.0.20348.2227", "windows:ltsc2022": "ltsc2022",
		"windows:Windows Server 2019": "Windows Server 2019"} {
		if r, err := Parse(in); err != nil || r.Kind != Given || r.Given != given || r.String() != in {
			t.Errorf("Parse(%q) = %+v, %v", in, r, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ in, code, text, hint string }{
		{"", CodeReference, "empty", ""},
		{"10.0.20348.2227", CodeReference, "version of Windows", "windows:10.0.20348.2227"},
		{"20348.2227", CodeReference, "version of Windows", "windows:20348.2227"},
		{"ltsc2022", CodeReference, "version of Windows", "windows:ltsc2022"},
		{"windows", CodeReference, "version is missing", "windows:VERSION"},
		{"windows:", CodeReference, "version is missing", "windows:VERSION"},
		{"Foo/bar", CodeReference, `upper case 'F' at position 1`, ""},
		{"mcr.microsoft.com/Windows:1809", CodeReference, `upper case 'W' at position 19`, ""},
		{"a b", CodeReference, `" " at position 2`, ""},
		{"naïve", CodeReference, "at position 3", ""},
		{"a:b:c", CodeReference, "unexpected ':' at position 2", ""},
		{"a:", CodeReference, "tag is empty", ""},
		{"a:-x", CodeReference, "unexpected '-' in the tag at position 3", ""},
		{"a:x@y", CodeReference, `digest "y"`, ""},
		{"a@sha256:12", CodeReference, "2 digits, want 64", ""},
		{"a@md5:" + hex64, CodeReference, "want sha256 or sha512", ""},
		{"a@sha256:" + strings.ToUpper(hex64), CodeReference, "lower-case hexadecimal", ""},
		{"a/", CodeReference, "empty", ""},
		{"/a", CodeReference, "leading '/' at position 1", ""},
		{"x//y", CodeReference, "leading '/' at position 3", ""},
		{"a..b/c", CodeReference, "not a host name", ""},
		{"c/a..b", CodeReference, "misplaced '.' at position 4", ""},
		{"c/a-", CodeReference, "misplaced '-' at position 4", ""},
		{"c/a___b", CodeReference, "misplaced '_'", ""},
		{"h:0/a", CodeReference, "port", ""},
		{"h:x/a", CodeReference, "port", ""},
		{"-h.x/a", CodeReference, "not a host name", ""},
		{"[::1/a", CodeReference, "bracket", ""},
		{"https://mcr.microsoft.com/windows:1809", CodeReference, "no scheme", "leave out https://"},
		{"169.254.169.254/a", CodeReference, "link-local", ""},
		{"169.254.169.254:80/a", CodeReference, "link-local", ""},
		{"[fe80::1]:80/a", CodeReference, "link-local", ""},
		{"[::ffff:169.254.1.1]/a", CodeReference, "link-local", ""},
		{"docker-daemon:", CodeReference, "is missing", "docker-daemon:REF"},
		{"docker-daemon:-x", CodeReference, "is missing", "docker-daemon:REF"},
		{"docker-daemon:A", CodeReference, "upper case", ""},
		{"docker-daemon:oci:x", CodeReference, "references and ids only", ""},
		{"oci:", CodeReference, "the path is missing", "oci:DIR"},
		{"oci-archive::x", CodeReference, "the path is missing", "oci-archive:FILE"},
		{"oci:dir:", CodeReference, "missing after the colon", ""},
		{"oci:a\x00b", CodeReference, "at position 6", ""},
		{"oci:d@sha256:12", CodeReference, "2 digits", ""},
		{"oci:d:t@sha256:" + hex64, CodeReference, "by name and by digest", "leave one"},
		{"docker-archive:" + strings.Repeat("x", 9000), CodeReference, "longer than 8192", ""},
		{"a:" + strings.Repeat("x", 129), CodeReference, "longer than 128", ""},
		{strings.Repeat("x", 256), CodeReference, "longer than 255", ""},
		{strings.Repeat("x", 2000), CodeReference, "longer than 1024", ""},
	} {
		_, err := Parse(c.in)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.40q): error %v", c.in, err)
			continue
		}
		if e.Code != c.code || !strings.Contains(e.Text, c.text) || !strings.Contains(e.Hint, c.hint) || c.hint == "" && e.Hint != "" {
			t.Errorf("Parse(%.40q): %s: %s (%s)", c.in, e.Code, e.Text, e.Hint)
		}
		if len(e.Text) > 400 {
			t.Errorf("Parse(%.40q): an error of %d bytes", c.in, len(e.Text))
		}
	}
}

func TestParsePlaces(t *testing.T) {
	for _, c := range []struct {
		in                string
		kind              Kind
		path, tag, digest string
	}{
		{"oci:dir", Layout, "dir", "", ""},
		{"oci:/a b/ü:1.0", Layout, "/a b/ü", "1.0", ""},
		{"oci:d:registry.example:5000/a:b", Layout, "d", "registry.example:5000/a:b", ""},
		{`oci:C:\images\app:1`, Layout, `C:\images\app`, "1", ""},
		{"oci:c:/images", Layout, "c:/images", "", ""},
		{"oci:c:t", Layout, "c", "t", ""},
		{"oci:d@sha256:" + hex64, Layout, "d", "", "sha256:" + hex64},
		{"oci-archive:f.tar:t", OCIArchive, "f.tar", "t", ""},
		{"docker-archive:f.tar:app:1", DockerArchive, "f.tar", "app:1", ""},
		{"docker-archive:f.tar:@2", DockerArchive, "f.tar", "@2", ""},
		{"docker-daemon:golang:1-windowsservercore", Daemon, "golang:1-windowsservercore", "1-windowsservercore", ""},
		{"docker-daemon:golang", Daemon, "golang", "latest", ""},
		{"docker-daemon:sha256:" + hex64, Daemon, "sha256:" + hex64, "", "sha256:" + hex64},
	} {
		r, err := Parse(c.in)
		if err != nil || r.Kind != c.kind || r.Path != c.path || r.Tag != c.tag || r.Digest != c.digest || r.String() != c.in {
			t.Errorf("Parse(%q): %+v %v %v", c.in, r, r.String(), err)
		}
		for _, k := range FromName(r, nil).Children {
			if c.kind != Daemon {
				t.Errorf("%q: a path says %+v", c.in, k)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx", "mcr.microsoft.com/windows/servercore:1809-KB4493509", "h:5000/a@sha256:" + hex64,
		"windows:ltsc2022", "[::1]:5000/a:b", "oci:x", "oci:C:\\x:1", "docker-archive:a:@1", "docker-daemon:a:b", "oci-archive:a@sha256:" + hex64, "A/b", "a//b", "10.0.20348.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Text == "" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		// What Parse takes, it takes again from its own full name.
		again, err := Parse(r.String())
		if err != nil {
			t.Fatalf("%q: its name %q: %v", s, r.String(), err)
		}
		r.Raw, again.Raw = "", ""
		if r != again {
			t.Fatalf("%q: %+v, then %+v", s, r, again)
		}
	})
}
