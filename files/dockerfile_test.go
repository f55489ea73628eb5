package files

import (
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
)

// read reads a Dockerfile and writes each use as ROLE IMAGE GROUP, or what is
// wrong.
func readDockerfile(t *testing.T, src string, vars map[string]string) []string {
	t.Helper()
	doc, err := dockerfile{}.Read(&Input{Path: "Dockerfile", Src: []byte(src), Facts: facts.Embedded(), Vars: vars})
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, u := range doc.Uses {
		s := u.Role + " " + u.Reference
		if u.Reference == "" {
			s += "? " + u.Why
		}
		if u.Windows == image.Yes {
			s += " windows"
		}
		if u.Windows == image.No {
			s += " other"
		}
		list = append(list, strings.TrimSpace(s+" "+u.Group))
		// What the parts say is what stands in the file.
		text := ""
		for _, p := range u.Parts {
			text += p.Text
			if !p.At.IsZero() && src[p.At.Start:p.At.End] != p.Text {
				t.Errorf("%q: part %q stands at %q", src, p.Text, src[p.At.Start:p.At.End])
			}
		}
		if u.Parts == nil && u.Reference != "" {
			text = src[u.At.Start:u.At.End]
		}
		if text != u.Reference {
			t.Errorf("%q: the parts say %q, the reference is %q", src, text, u.Reference)
		}
	}
	return list
}

func TestDockerfile(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"one stage", "FROM a:1\n", []string{"base a:1 stage 0"}},
		{"case, tabs, no line end", "from\ta:1\tas\tB", []string{"base a:1 stage 0"}},
		{"mark and CRLF", "\ufeffFROM a:1\r\nRUN x\r\n", []string{"base a:1 stage 0"}},
		{"a stage is no image", "FROM a:1 AS Build\nFROM build\nFROM BUILD AS c\nCOPY --from=BUILD . .\nCOPY --from=0 . .\n", []string{"base a:1 stage 0"}},
		{"a stage of the same name", "FROM build AS build\n", []string{"base build stage 0"}},
		{"scratch", "FROM scratch\nCOPY --from=x:1 a b\n", []string{"copy-from x:1 stage 0"}},
		{"stages that are not built together", "FROM a:1 AS x\nFROM b:1\n", []string{"base a:1 stage 0", "base b:1 stage 1"}},
		{"stages that are", "FROM a:1 AS x\nFROM b:1 AS y\nFROM c:1\nCOPY --from=y . .\nRUN --mount=type=bind,from=x,target=/x y\n",
			[]string{"base a:1 stage 0", "base b:1 stage 0", "base c:1 stage 0"}},
		{"ARG", "ARG R=mcr.microsoft.com T=ltsc2022\nFROM $R/windows/servercore:${T}\n", []string{"base mcr.microsoft.com/windows/servercore:ltsc2022 stage 0"}},
		{"ARG of an ARG, quotes", "ARG Y=2022\nARG T=\"ltsc${Y}\"\nFROM 'a':$T\n", []string{"base a:ltsc2022 stage 0"}},
		{"ARG in a stage does not count", "ARG T=1\nFROM a:$T\nARG T=2\nFROM b:$T\n", []string{"base a:1 stage 0", "base b:1 stage 1"}},
		{"ARG without a default", "ARG T\nFROM a:$T\n", []string{"base ? ARG T has no default stage 0"}},
		{"no such ARG", "FROM a:$T\n", []string{"base ? there is no ARG T before the first FROM stage 0"}},
		{"defaults", "ARG T\nARG E=\nFROM a:${T:-1}${T-2}${E:-3}${E-4}${E:+5}${E+6}\n", []string{"base a:1236 stage 0"}},
		{"the builder's", "FROM a:$TARGETARCH\n", []string{"base ? TARGETARCH is the builder's to say stage 0"}},
		{"a pattern", "ARG T=1\nFROM a:${T%x}\n", []string{"base ? a pattern in ${} stage 0"}},
		{"platforms", "FROM --platform=windows/amd64 a:1\nFROM --platform=linux b:1\nFROM --platform=$BUILDPLATFORM c:1\nFROM --platform=\"windows(10.0.17763)/amd64\" d:1\n",
			[]string{"base a:1 windows stage 0", "base b:1 other stage 1", "base c:1", "base d:1 windows stage 3"}},
		{"cross build", "FROM --platform=$BUILDPLATFORM golang:1 AS b\nFROM a:1\nCOPY --from=b x x\n", []string{"base golang:1", "base a:1 stage 1"}},
		{"escape", "# escape=`\nFROM a:1\nRUN dir c:\\\nFROM b:1\nRUN x `\nFROM c:1\n", []string{"base a:1 stage 0", "base b:1 stage 1"}},
		{"escape in any case, blanks, after syntax", "#syntax=docker/dockerfile:1\n#  Escape = `  \nFROM a:1\nRUN x c:\\\nFROM b:1", []string{"base a:1 stage 0", "base b:1 stage 1"}},
		{"no directive after a comment", "# about\n# escape=`\nFROM a:1\nRUN x \\\nFROM b:1\n", []string{"base a:1 stage 0"}},
		{"bad escape", "# escape=x\nFROM a:1\n", []string{"Dockerfile:1:1: escape=x: want ` or \\"}},
		{"two escapes", "# escape=`\n# escape=`\nFROM a:1\n", []string{"Dockerfile:2:1: a second directive escape: there may be one"}},
		{"continuation with comments and empty lines", "FROM \\\n# FROM x:1\n\n  a:1 \\ \n\t# y\n AS b\nFROM b\n", []string{"base a:1 stage 0"}},
		{"an image on two lines", "FROM mcr.microsoft.com/\\\nwindows/servercore:\\\nltsc2022\n", []string{"base mcr.microsoft.com/windows/servercore:ltsc2022 stage 0"}},
		{"two escapes do not continue", "FROM a:1\nRUN x \\\\\nFROM b:1\n", []string{"base a:1 stage 0", "base b:1 stage 1"}},
		{"here-documents", "FROM a:1\nRUN <<EOF\nFROM b:1\nEOF\nCOPY <<-'X Y' <<\"Z\" /\nFROM c:1\n\tX Y\nFROM d:1\nZ\nFROM e:1\n", []string{"base a:1 stage 0", "base e:1 stage 1"}},
		{"no here-documents", "FROM a:1\nENV X=<<EOF\nFROM b:1\nRUN [\"<<EOF\"]\nFROM c:1\nRUN echo \"<<EOF\"\nFROM d:1\nRUN x <<<EOF\nFROM e:1\n",
			[]string{"base a:1 stage 0", "base b:1 stage 1", "base c:1 stage 2", "base d:1 stage 3", "base e:1 stage 4"}},
		{"a here-document that does not end", "FROM a:1\nRUN <<EOF\nFROM b:1\n", []string{"Dockerfile:2:1: the here-document EOF does not end"}},
		{"copy from an image", "FROM a:1\nCOPY --chown=x --from=b:1 /x /y\nADD --from=c:1 x y\n", []string{"base a:1 stage 0", "copy-from b:1 stage 0"}},
		{"copy with a variable is an error to Docker", "ARG T=1\nFROM a:1\nCOPY --from=b:$T /x /y\n", []string{"base a:1 stage 0"}},
		{"mounts", "FROM a:1\nRUN --mount=type=cache,target=/x --mount=from=b:1,target=/y z\n", []string{"base a:1 stage 0", "mount-from b:1 stage 0"}},
		{"onbuild", "FROM a:1\nONBUILD COPY --from=b:1 . .\nONBUILD COPY --from=later . .\nONBUILD RUN <<E\nFROM c:1\nE\nonbuild from d:1\n", []string{"base a:1 stage 0", "copy-from b:1 stage 0"}},
		{"wrong FROM", "FROM\nFROM a:1 b\nFROM a:1 AS\nFROM c:1\n", []string{"base c:1 stage 3"}},
		{"nothing", "", nil},
	} {
		got := readDockerfile(t, c.src, nil)
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: %q\ngot  %q\nwant %q", c.name, c.src, got, c.want)
		}
	}
}

func TestDockerfileBuildArg(t *testing.T) {
	src := "ARG T=1\nARG U\nFROM a:$T\nFROM b:$U\nFROM c:$V\n"
	got := readDockerfile(t, src, map[string]string{"T": "2", "U": "3", "V": "4"})
	want := []string{"base a:2 stage 0", "base b:3 stage 1", "base ? there is no ARG V before the first FROM stage 2"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDockerfileNames(t *testing.T) {
	for name, want := range map[string]bool{
		"Dockerfile": true, "a/b/dockerfile": true, "Containerfile": true, "Dockerfile.windows": true, "Dockerfile-ltsc2022": true,
		"win.Dockerfile": true, "x.dockerfile": true, "Dockerfile.ltsc2022.in": true, "Dockerfile_win": true,
		"Dockerfile.md": false, "Dockerfile.dockerignore": false, ".dockerignore": false, "dockerfile.go": false, "dockerfiles": false, "mydockerfile": false, "Dockerfile/x": false,
	} {
		if got := (dockerfile{}).Match(name, nil); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
