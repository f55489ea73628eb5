// Package files_test holds the readers of files against the programs that read
// them otherwise.
package files_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/image"
)

// env is the global ARGs.
type env map[string]string

func (e env) Get(name string) (string, bool) { v, ok := e[name]; return v, ok }

func (e env) Keys() []string { return nil }

// buildkit returns the images that BuildKit takes from a Dockerfile, ROLE IMAGE;
// ok is false where it refuses the file.
func buildkit(src []byte) (list []string, ok bool) {
	tree, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, false
	}
	stages, metaArgs, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return nil, false
	}
	lex := shell.NewLex(tree.EscapeToken)
	args := env{}
	for _, cmd := range metaArgs {
		for _, kp := range cmd.Args {
			if kp.Value == nil {
				continue
			}
			v, _, err := lex.ProcessWord(*kp.Value, args)
			if err != nil {
				return nil, false
			}
			args[kp.Key] = v
		}
	}
	var names []string
	stage := func(name string, until int) bool {
		if n, err := strconv.Atoi(name); err == nil {
			return n >= 0 && n < until
		}
		return slices.ContainsFunc(names[:until], func(s string) bool { return s != "" && strings.EqualFold(s, name) })
	}
	for i, s := range stages {
		base, _, err := lex.ProcessWord(s.BaseName, args)
		if err != nil {
			return nil, false
		}
		if base != "" && base != "scratch" && !slices.ContainsFunc(names, func(s string) bool { return s != "" && strings.EqualFold(s, base) }) {
			list = append(list, "base "+base)
		}
		names = append(names, s.Name)
		from := func(role, name string) {
			if name != "" && !strings.Contains(name, "$") && !stage(name, i) && !strings.EqualFold(name, "scratch") {
				if _, err := strconv.Atoi(name); err != nil {
					list = append(list, role+" "+name)
				}
			}
		}
		for _, c := range s.Commands {
			switch c := c.(type) {
			case *instructions.CopyCommand:
				from("copy-from", c.From)
			case *instructions.RunCommand:
				for _, m := range instructions.GetMounts(c) {
					from("mount-from", m.From)
				}
			}
		}
	}
	return list, true
}

// ours returns the images that this project takes from it.
func ours(src []byte) ([]string, error) {
	doc, err := files.ByName("dockerfile").Read(&files.Input{Path: "Dockerfile", Src: src, Facts: facts.Embedded(),
		Look: func(ref string) *image.Image { return &image.Image{Reference: ref} }})
	if err != nil {
		return nil, err
	}
	var list []string
	for _, u := range doc.Uses {
		for _, p := range u.Parts {
			if !p.At.IsZero() && string(src[p.At.Start:p.At.End]) != p.Text {
				return nil, fmt.Errorf("part %q stands at %q", p.Text, src[p.At.Start:p.At.End])
			}
		}
		ref := u.Reference
		if ref == "" {
			ref = "? " + u.Why
		}
		list = append(list, u.Role+" "+ref)
	}
	return list, nil
}

// compare holds ours against BuildKit's, where BuildKit takes the file at all.
func compare(t *testing.T, src []byte) bool {
	for _, c := range bytes.TrimPrefix(src, []byte("\ufeff")) {
		if c >= 0x80 {
			return false // BuildKit reads flags byte by byte
		}
	}
	for line := range bytes.Lines(src) {
		if len(line) > 60000 {
			return false // more than its scanner takes
		}
	}
	if strings.Contains(strings.ToLower(string(src)), "onbuild") {
		return false // its triggers are another file's instructions
	}
	want, ok := buildkit(src)
	if !ok {
		return false
	}
	got, err := ours(src)
	if err != nil {
		t.Errorf("%q: %v", src, err)
		return true
	}
	// What the builder or its caller says is not known here.
	if len(got) == len(want) {
		for i := range got {
			if strings.Contains(got[i], "? ") {
				want[i] = got[i]
			}
		}
	} else if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "? ") }) {
		return true // an unset variable makes an empty or another name
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nours     %q\nBuildKit %q", src, got, want)
	}
	return true
}

var seeds = []string{
	"FROM a:1\n",
	"\ufeffFROM a:1\r\nRUN x\r\n",
	"# escape=`\nARG T=1\nFROM a:$T AS b\nRUN dir c:\\\nFROM b\nCOPY --from=b x y\nCOPY --from=c:1 x y",
	"FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<-'X' <<\"Y\" /\nFROM c\n\tX\nFROM d\nY\nFROM e\n",
	"FROM a\nRUN --mount=type=cache,target=/x --mount=from=b,target=/y z\n",
	"ARG A=\"x y\" B='z' C=\\ d\nARG E=${A:-1}${B:+2}${F-3}\nFROM a:${E}\n",
	"FROM \\\n# c\n\n a:1 \\ \n as b\nFROM --platform=linux/amd64 b\n",
	"FROM a\nRUN x \\\\\nFROM b\nRUN y \\\\\\\nFROM c\n",
	"FROM a\nENV X=<<E\nRUN [\"<<E\"]\nRUN echo '<<E'\nRUN x <<<E\nRUN cat <<E>x\ny\nE\nRUN 3<<E cat\nE\n",
	"FROM a\nCOPY --chown=\"x y\" --from='b:1' x y\nRUN x # <<E\nE\n",
	"from a\nrun echo \"$(cat <<E\nx\nE\n)\"\n",
}

func FuzzDockerfile(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) { compare(t, src) })
}

// TestDockerfiles compares the Dockerfiles of the repositories in test/files.
func TestDockerfiles(t *testing.T) {
	n := 0
	for _, s := range seeds {
		if compare(t, []byte(s)) {
			n++
		}
	}
	if n < len(seeds)-2 {
		t.Errorf("BuildKit takes %d of %d", n, len(seeds))
	}
	err := filepath.WalkDir("../../files/testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !files.ByName("dockerfile").Match(path, nil) {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if compare(t, src) {
			n++
		}
		return nil
	})
	if err != nil || n < 20 {
		t.Fatalf("%d files compared, %v", n, err)
	}
	t.Logf("%d files, read as BuildKit reads them", n)
}
