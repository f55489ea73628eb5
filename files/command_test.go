package files

import (
	"strings"
	"testing"
)

// show writes a word with its variables in brackets.
func show(w word) string {
	var b strings.Builder
	for _, p := range w {
		switch p.kind {
		case literal:
			b.WriteString(p.text)
		case unsure:
			b.WriteString("[?]")
		default:
			b.WriteString("[" + p.text + "]")
		}
	}
	return b.String()
}

func TestDockerCommands(t *testing.T) {
	tests := []struct {
		name   string
		shell  shell
		script string
		want   string // verb image or context, one a command
	}{
		{"plain", posix, "docker run a:1 cmd", "run a:1"},
		{"path and exe", cmdShell, `"C:\Program Files\Docker\docker.exe" run a:1`, "run a:1"},
		{"container run", posix, "docker container run --rm -it a:1", "run a:1"},
		{"image pull", posix, "docker image pull -q a:1", "pull a:1"},
		{"letters", posix, "docker run -ditp 80:80 -v/a:/b -w=/x a:1", "run a:1"},
		{"joined variable", posix, `docker run -e"A=$B" a:1`, "run a:1"},
		{"other host", posix, "docker -H tcp://x run a:1; docker --context y run a:1", ""},
		{"config", posix, "docker --config d -l debug run a:1", "run a:1"},
		{"unknown flag", posix, "docker run --new a:1 b", ""},
		{"exec", posix, "docker exec x docker run a:1", ""},
		{"echo", posix, "echo docker run a:1", ""},
		{"quoted", posix, `docker run "a:1" && docker run 'b:2'`, "run a:1, run b:2"},
		{"comment", posix, "# docker run a:1\ndocker run b:1 # docker run c:1", "run b:1"},
		{"continued", posix, "docker run \\\n  --rm \\\r\n  a:1", "run a:1"},
		{"here document", posix, "cat <<EOF >x\ndocker run a:1\nEOF\ndocker run b:1", "run b:1"},
		{"substitution", posix, "id=$(docker run -d a:1); x=`docker create b:2`", "run a:1, create b:2"},
		{"keywords", posix, "if ! docker pull a:1; then sudo -E docker pull b:1; fi; A=1 B=$C docker run c:1", "pull a:1, pull b:1, run c:1"},
		{"subshell", posix, "(cd x && docker run a:1) | tee log", "run a:1"},
		{"case", posix, "case $x in\n a) docker run a:1;;\n b) docker run b:1;;\nesac", "run a:1, run b:1"},
		{"variable", posix, "docker run $IMAGE; docker run a:${TAG}; docker run ${X:-a}", "run [IMAGE], run a:[TAG], run [?]"},
		{"unsure before", posix, "docker run $FLAGS a:1", "run [FLAGS]"},
		{"build", posix, "docker build -t x:1 -f d/Dockerfile --build-arg A=b .", "build . d/Dockerfile A=b"},
		{"build flags behind", posix, "docker build d -t x --build-arg=A=$B", "build d A=[B]"},
		{"buildx", posix, "docker buildx build --platform windows/amd64 --push d", "build d windows/amd64"},
		{"build of standard input", posix, "docker build - < Dockerfile", ""},
		{"expression", posix, "docker run a:${{ matrix.tag }} '${{ x }}'", "run a:[matrix.tag]"},
		{"backtick", powerShell, "docker run `\n  --rm `\r\n  a:1 `\n  cmd", "run a:1"},
		{"call operator", powerShell, `& docker run a:1; & "docker.exe" pull b:1`, "run a:1, pull b:1"},
		{"assigned", powerShell, "$id = docker create a:1\n$ids += docker run b:1", "create a:1, run b:1"},
		{"block", powerShell, "if ($x) { docker run a:1 } else {docker run b:1}\nexec { docker pull c:1 }", "run a:1, run b:1, pull c:1"},
		{"expression as argument", powerShell, "docker run (Get-Image) a:1", "run [?]"},
		{"splatting", powerShell, "docker run @args a:1", "run [?]@args"},
		{"here-string", powerShell, "$t = @'\ndocker run a:1\n'@\ndocker run b:1", "run b:1"},
		{"write", powerShell, `Write-Host "docker run a:1"`, ""},
		{"env", powerShell, "docker run $env:IMAGE; docker run \"a:${env:TAG}\"; docker run $image", "run [IMAGE], run a:[TAG], run [?]"},
		{"piped", powerShell, "docker run a:1 | Out-Null", "run a:1"},
		{"block comment", powerShell, "<# docker run a:1\n#> docker run b:1", "run b:1"},
		{"caret", cmdShell, "docker run ^\r\n  --rm ^\n  a:1", "run a:1"},
		{"caret and blank", cmdShell, "docker run --rm ^ a:1", "run a:1"},
		{"if", cmdShell, "if exist x (docker run a:1) else (docker run b:1)", "run a:1, run b:1"},
		{"rem", cmdShell, "rem docker run a:1\n@rem docker run b:1\n:: docker run c:1\n@docker run d:1", "run d:1"},
		{"percent", cmdShell, `docker run -v "%CD%:C:\x" a:%TAG%`, "run a:[TAG]"},
		{"single quotes are none", cmdShell, "docker run 'a:1'", "run 'a:1'"},
		{"isolation", posix, "docker run --isolation hyperv --platform=windows/amd64 a:1", "run a:1 hyperv windows/amd64"},
		{"python", noShell, "docker run a:1", ""},
		{"redirected", posix, "docker run a:1 >log 2>&1", "run a:1"},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range dockerCommands(tt.script, tt.shell, false) {
			s := []string{c.verb}
			for _, w := range append([]word{c.image, c.context, c.file, c.isolation, c.platform}, c.args...) {
				if len(w) > 0 {
					s = append(s, show(w))
				}
				for _, p := range w {
					if p.kind == literal && tt.script[p.at.Start:p.at.End] != p.text {
						t.Errorf("%s: %q does not stand at %v", tt.name, p.text, p.at)
					}
				}
			}
			got = append(got, strings.Join(s, " "))
		}
		if g := strings.Join(got, ", "); g != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, g, tt.want)
		}
	}
}

func TestMacros(t *testing.T) {
	for script, want := range map[string]string{
		"docker run a:$(tag)":           "a:[tag]",
		`docker run "a:$(my.tag)-x" y`:  "a:[my.tag]-x",
		"docker run a:$(Get-Tag -x) y":  "a:[?]",
		"docker run 'a:$(tag)' y":       "a:[tag]",
		"docker run $(Registry)/a:1 y":  "[Registry]/a:1",
		"docker run ${{ parameters.i}}": "[parameters.i]",
	} {
		list := dockerCommands(script, powerShell, true)
		if len(list) != 1 || show(list[0].image) != want {
			t.Errorf("%s: %v, want %s", script, list, want)
		}
	}
}

func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		"docker run a:1", "docker run `\n --rm \"a:$env:X\" @'\n'@", "if exist x (docker run ^\n a:%T%)",
		"x=$(docker run a `docker pull b`)<<E\nE\n", "docker build -f ${{ a }} $(b) .", "'$(a' \"${{\" $( ${ <# @\"\n",
	} {
		f.Add(s, uint8(1), true)
		f.Add(s, uint8(2), false)
		f.Add(s, uint8(3), true)
	}
	f.Fuzz(func(t *testing.T, script string, sh uint8, macros bool) {
		for _, words := range commands(script, shell(sh%4), macros) {
			for _, w := range words {
				for _, p := range w {
					if p.kind == literal && (p.text == "" || script[p.at.Start:p.at.End] != p.text) {
						t.Fatalf("%q is not at %v", p.text, p.at)
					}
				}
			}
		}
		for _, c := range dockerCommands(script, shell(sh%4), macros) {
			if len(c.image) == 0 && len(c.context) == 0 {
				t.Fatalf("%+v names nothing", c)
			}
		}
	})
}
