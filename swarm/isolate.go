package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/internal/jsonedit"
	"github.com/winmatch/winmatch/winver"
)

// Daemon is a change of the default isolation in an engine's daemon.json.
type Daemon struct {
	File   string
	Before string    // the isolation that the file sets, "" for none
	After  string    // "process", "hyperv", or "" for the engine's default
	New    bool      // there is no such file yet
	Old    []byte    // its content, as it is
	Body   []byte    // as it is to be; the same where nothing is to be changed
	Mark   bool      // it begins with a byte order mark, which dockerd before 23.0 does not read
	Text   [2]string // both, decoded, for people
}

// Changes reports whether there is anything to do.
func (d *Daemon) Changes() bool { return !bytes.Equal(d.Old, d.Body) }

// DaemonFile is where the engine of this machine has its daemon.json; "" where
// that is not Windows, the only system with a choice of isolation.
func DaemonFile() string {
	if runtime.GOOS != "windows" {
		return ""
	}
	return filepath.Join(os.Getenv("ProgramData"), "docker", "config", "daemon.json")
}

const maxDaemon = 1 << 20

// PlanIsolation reads a daemon.json and says what it becomes: exec-opts gets,
// keeps or loses one element, and every other byte stays, byte order mark and
// UTF-16 included, which engines from 23.0 on read. dockerd takes no comments.
// The file need not exist.
func PlanIsolation(file string, isolation compat.Isolation) (*Daemon, error) {
	d := &Daemon{File: file}
	if isolation != compat.DefaultIsolation {
		d.After = isolation.String()
	}
	old, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.New = true
	case err != nil:
		return nil, &Error{Code: CodeFile, Text: err.Error(), Err: err}
	case len(old) > maxDaemon:
		return nil, &Error{Code: CodeFile, Text: fmt.Sprintf("%s: more than %d MB is no daemon.json", file, maxDaemon>>20)}
	}
	d.Old = old
	text, encode, err := decode(old)
	d.Mark = len(text) < len(old)
	if err == nil && !bytes.Equal(encode(text), old) {
		err = errors.New(": not well-formed UTF-16")
	}
	if err == nil {
		var body []byte
		if body, d.Before, err = setIsolation(text, d.After); err == nil {
			d.Text = [2]string{string(text), string(body)}
			d.Body = encode(body)
			if bytes.Equal(body, text) {
				d.Body = old
			}
			return d, nil
		}
	}
	return nil, &Error{Code: CodeFile, Text: file + err.Error(), Hint: "the engine does not start with such a file either: mend it first"}
}

// decode reads what Windows' editors write: UTF-8, or UTF-16 with its mark. encode
// writes it back in the same way.
func decode(b []byte) (text []byte, encode func([]byte) []byte, err error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return b[3:], func(t []byte) []byte { return append([]byte("\xef\xbb\xbf"), t...) }, nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		if len(b)%2 != 0 {
			return nil, nil, errors.New(": UTF-16 of an odd number of bytes")
		}
		low, high := 0, 1 // little-endian
		if b[0] == 0xfe {
			low, high = 1, 0
		}
		units := make([]uint16, 0, len(b)/2)
		for i := 2; i < len(b); i += 2 {
			units = append(units, uint16(b[i+low])|uint16(b[i+high])<<8)
		}
		return []byte(string(utf16.Decode(units))), func(t []byte) []byte {
			out := bytes.Clone(b[:2])
			for _, u := range utf16.Encode([]rune(string(t))) {
				pair := [2]byte{}
				pair[low], pair[high] = byte(u), byte(u>>8)
				out = append(out, pair[:]...)
			}
			return out
		}, nil
	}
	return b, bytes.Clone, nil
}

// setIsolation edits exec-opts. before is the isolation that the engine takes
// from the text: the last one that stands there.
func setIsolation(text []byte, after string) (out []byte, before string, err error) {
	nl := "\n"
	if bytes.Contains(text, []byte("\r\n")) || runtime.GOOS == "windows" && len(text) == 0 {
		nl = "\r\n"
	}
	option := strconv.Quote("isolation=" + after)
	if len(bytes.TrimSpace(text)) == 0 {
		if after == "" {
			return text, "", nil
		}
		return []byte("{" + nl + `    "exec-opts": [` + option + "]" + nl + "}" + nl), "", nil
	}
	if err := checkDaemon(text); err != nil {
		return nil, "", err
	}
	top, err := jsonedit.At(text, 0)
	if err != nil {
		return nil, "", errors.New(": " + err.Error())
	}
	list, err := jsonedit.Members(text, top)
	if err != nil {
		return nil, "", errors.New(": an object is expected: { … }")
	}
	at := slices.IndexFunc(list, func(m jsonedit.Member) bool { return m.Name == "exec-opts" })
	if _, err := jsonedit.MemberOf(text, top, "exec-opts"); err != nil {
		return nil, "", errors.New(": " + err.Error())
	}
	if at < 0 {
		if i := slices.IndexFunc(list, func(m jsonedit.Member) bool { return strings.EqualFold(m.Name, "exec-opts") }); i >= 0 {
			return nil, "", fmt.Errorf(":%s: %q: dockerd wants \"exec-opts\"", place(text, list[i].Key.Start), list[i].Name)
		}
		if after == "" {
			return text, "", nil
		}
		e, err := jsonedit.Set(text, top, "exec-opts", "["+option+"]")
		if err != nil {
			return nil, "", errors.New(": " + err.Error())
		}
		return jsonedit.Apply(text, []jsonedit.Edit{e}), "", nil
	}
	value := list[at].Value
	var opts []string
	if json.Unmarshal(value.Of(text), &opts) != nil {
		return nil, "", fmt.Errorf(":%s: exec-opts: a list of texts is expected, %s stands there", place(text, value.Start), clip(string(value.Of(text)), 60))
	}
	spans, err := jsonedit.Elements(text, value)
	if string(value.Of(text)) == "null" {
		spans, err = nil, nil
	}
	if err != nil {
		return nil, "", errors.New(": " + err.Error())
	}
	var ours []int
	for i, o := range opts {
		if k, v, ok := strings.Cut(o, "="); ok && strings.EqualFold(strings.TrimSpace(k), "isolation") {
			ours, before = append(ours, i), strings.ToLower(strings.TrimSpace(v))
		}
	}
	same := before == after || before == "default" && after == ""
	switch {
	case same && (len(ours) <= 1 || after == ""):
		return text, before, nil
	case after == "" && len(ours) == len(spans):
		return remove(text, spansOf(list), at, top), before, nil
	case after != "" && len(ours) == 0 && len(spans) > 0:
		last := spans[len(spans)-1].End
		return jsonedit.Apply(text, []jsonedit.Edit{{At: jsonedit.Span{Start: last, End: last}, Text: ", " + option}}), before, nil
	case after != "" && len(ours) == 0:
		return jsonedit.Apply(text, []jsonedit.Edit{{At: value, Text: "[" + option + "]"}}), before, nil
	}
	// The first of ours gets the value; the others, or all of them, go.
	for k := len(ours) - 1; k >= 0; k-- {
		if k == 0 && after != "" {
			text = jsonedit.Apply(text, []jsonedit.Edit{{At: spans[ours[0]], Text: option}})
			break
		}
		text = remove(text, spans, ours[k], value)
		spans = slices.Delete(spans, ours[k], ours[k]+1)
	}
	return text, before, nil
}

func spansOf(list []jsonedit.Member) []jsonedit.Span {
	out := make([]jsonedit.Span, 0, len(list))
	for _, m := range list {
		out = append(out, jsonedit.Span{Start: m.Key.Start, End: m.Value.End})
	}
	return out
}

// remove takes out one of what stands between commas, with the comma and the
// white space before it, or after it where it is the first.
func remove(text []byte, list []jsonedit.Span, i int, whole jsonedit.Span) []byte {
	cut := list[i]
	switch {
	case i > 0:
		cut.Start = list[i-1].End
	case len(list) > 1:
		cut.End = list[1].Start
	default:
		cut = jsonedit.Span{Start: whole.Start + 1, End: whole.End - 1}
	}
	return jsonedit.Apply(text, []jsonedit.Edit{{At: cut}})
}

// checkDaemon says what dockerd, which reads it by encoding/json, would stumble
// over, and where.
func checkDaemon(text []byte) error {
	var v map[string]json.RawMessage
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		at := max(0, int(syntax.Offset)-1)
		what := syntax.Error()
		if at < len(text) && text[at] == '/' {
			what = "a comment, which dockerd does not take"
		}
		return fmt.Errorf(":%s: %s", place(text, at), what)
	}
	return errors.New(": an object is expected: { … }")
}

// place is line and column of a byte.
func place(text []byte, at int) string {
	at = min(at, len(text))
	line := bytes.Count(text[:at], []byte("\n")) + 1
	return fmt.Sprintf("%d:%d", line, at-bytes.LastIndexByte(text[:at], '\n'))
}

// Validate lets the dockerd of this machine look at the file to be, where it is
// there and can (from 23.0 on). asked is false where it is not. Elsewhere than on
// Windows it is not asked: a dockerd of Linux refuses every isolation.
// https://github.com/moby/moby/blob/v2.0.0-beta.24/daemon/config/config_linux.go (validatePlatformExecOpt)
func (d *Daemon) Validate(ctx context.Context) (asked bool, err error) {
	if runtime.GOOS != "windows" {
		return false, nil
	}
	path, err := exec.LookPath("dockerd")
	if err != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if help, err := exec.CommandContext(ctx, path, "--help").CombinedOutput(); err != nil || !bytes.Contains(help, []byte("--validate")) {
		return false, nil
	}
	file, err := os.CreateTemp("", "daemon*.json")
	if err != nil {
		return false, err
	}
	defer os.Remove(file.Name())
	if _, err := file.Write(d.Body); err != nil {
		return false, err
	}
	if err := file.Close(); err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, path, "--validate", "--config-file", file.Name())
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return true, &Error{Code: CodeFile, Text: "dockerd --validate: " + clip(strings.Join(strings.Fields(strings.ReplaceAll(string(out), file.Name(), d.File)), " "), 400), Hint: "nothing was changed"}
	}
	return true, nil
}

// Apply writes the file beside its place and renames it, after a copy of the old
// one, whose name is returned; "" where there was none.
func (d *Daemon) Apply(now time.Time) (backup string, err error) {
	if !d.Changes() {
		return "", nil
	}
	if current, err := os.ReadFile(d.File); err == nil && !bytes.Equal(current, d.Old) || err != nil && !d.New {
		return "", &Error{Code: CodeConflict, Text: d.File + ": changed meanwhile", Hint: "run it again"}
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(d.File); err == nil {
		mode = info.Mode().Perm()
	}
	target := d.File
	if to, err := filepath.EvalSymlinks(d.File); err == nil {
		target = to // the file that a link leads to is replaced, not the link
	}
	if d.New {
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", &Error{Code: CodeFile, Text: err.Error(), Err: err}
		}
	} else {
		backup = d.File + "." + now.UTC().Format("20060102T150405Z") + ".bak"
		if err := os.WriteFile(backup, d.Old, mode); err != nil {
			return "", &Error{Code: CodeFile, Text: err.Error(), Err: err}
		}
	}
	return backup, writeBeside(target, d.Body, mode)
}

func writeBeside(file string, body []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new*")
	if err != nil {
		return &Error{Code: CodeFile, Text: err.Error(), Err: err}
	}
	_, err = tmp.Write(body)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return &Error{Code: CodeFile, Text: err.Error(), Err: errors.Join(err, os.Remove(tmp.Name()))}
	}
	return nil
}

// Container is a container of an engine and the isolation that it really has.
type Container struct {
	ID, Name, Image string
	Running         bool
	Isolation       string // "process", "hyperv"; what its engine says
	OSVersion       winver.Version
	Newer           bool   // its image is newer than the host: no isolation mode lets it start
	Refused         string // why its image would not run in the isolation that is asked about, where that is another; ""
}

// Containers lists the containers of an engine on Windows, with the isolation that each has:
// one request each, as docker inspect makes them; of those that do not run only
// as many as maxStopped. Of each image it says whether it would run in an isolation.
func (c *Client) Containers(ctx context.Context, f *facts.Facts, isolation compat.Isolation) ([]Container, *Engine, error) {
	e, err := c.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	if e.OSType != "windows" {
		return nil, &e, nil
	}
	host, _ := e.Host(f)
	var list []Container
	stopped := 0
	if err := stream(ctx, c, "/containers/json?all=1", func(w *struct {
		ID    string `json:"Id"`
		State string
	}) {
		if w.State != "running" {
			if stopped++; stopped > maxStopped {
				return
			}
		}
		list = append(list, Container{ID: w.ID, Running: w.State == "running"})
	}); err != nil {
		return nil, nil, err
	}
	versions := map[string]winver.Version{}
	kept := list[:0]
	for _, k := range list {
		var w struct {
			Name, Image string
			Config      struct{ Image string }
			HostConfig  struct{ Isolation string }
		}
		if err := c.get(ctx, "/containers/"+k.ID+"/json", &w); err != nil {
			if codeOf(err) == CodeNotFound {
				continue // it is gone since
			}
			return nil, nil, err
		}
		v, ok := versions[w.Image]
		if !ok {
			var m struct{ OsVersion string }
			if err := c.get(ctx, "/images/"+w.Image+"/json", &m); err != nil && codeOf(err) != CodeNotFound {
				return nil, nil, err
			}
			v, _ = winver.Parse(m.OsVersion)
			versions[w.Image] = v
		}
		k.Name, k.Image, k.Isolation, k.OSVersion = strings.TrimPrefix(w.Name, "/"), w.Config.Image, w.HostConfig.Isolation, v
		if v.IsValid() && host.Version.IsValid() {
			q := compat.Question{Host: compat.Host{Version: host.Version, Edition: host.Edition}, Isolation: compat.HyperV, Runtime: e.Runtime(),
				Image: compat.Image{Manifest: true, Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: v.String(), Version: v}}}}
			d := compat.Decide(f, &q)
			k.Newer = d.Answer == compat.No && d.Has(compat.HyperVImageTooNew)
			q.Isolation = isolation
			if d = compat.Decide(f, &q); d.Answer == compat.No && d.Isolation.String() != k.Isolation {
				k.Refused = d.Reasons(f, &q)[0].Text
			}
		}
		kept = append(kept, k)
	}
	return kept, &e, nil
}

// maxStopped bounds the containers that do not run and are looked at all the same.
const maxStopped = 100
