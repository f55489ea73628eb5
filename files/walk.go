package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// job is one file on its way through the workers.
type job struct {
	path  string // as it is opened
	name  string // as it is shown
	asked bool   // named by the user
	err   *Error // it cannot be opened
	done  chan Result
}

// window bounds how many files are ahead of the one that is reported next.
const window = 256

// Walk scans files, and folders with everything below them, and hands what was
// found in each file of a known kind to report, in the order of the paths. In
// folders .git, symbolic links, and what git ignores are passed over: nothing
// outside of them is read and no loop is run into. What is held in memory does not grow with the
// number of files. The error is that of a root that does not exist.
func (s *Scanner) Walk(roots []string, report func(Result)) error {
	for _, root := range roots {
		if _, err := os.Stat(root); err != nil {
			return err
		}
	}
	jobs, order := make(chan *job, window), make(chan *job, window)
	workers := runtime.GOMAXPROCS(0)
	if s.Look != nil {
		workers = max(workers, maxAsked) // they wait for registries
	}
	for range workers {
		go func() {
			var buf []byte
			for j := range jobs {
				var r Result
				r, buf = s.file(j, buf)
				j.done <- r
			}
		}()
	}
	go func() {
		for _, root := range roots {
			s.list(root, func(j *job) {
				j.done = make(chan Result, 1)
				order <- j
				jobs <- j
			})
		}
		close(jobs)
		close(order)
	}()
	for j := range order {
		if r := <-j.done; r.Kind != "" || r.Err != nil {
			report(r)
		}
	}
	return nil
}

// list finds the files at and below a root.
func (s *Scanner) list(root string, add func(*job)) {
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		add(&job{path: root, name: shown(root), asked: true})
		return
	}
	top := root
	if target, err := filepath.EvalSymlinks(root); err == nil {
		top = target // the root itself may be a link
	}
	var rules *gitRules
	if !s.NoGitIgnore {
		rules = gitRulesAbove(top)
	}
	full, err := filepath.Abs(top)
	if err != nil {
		full = top
	}
	s.folder(top, root, full, rules, add)
}

// shown is a path as people write it.
func shown(path string) string { return strings.TrimPrefix(filepath.ToSlash(path), "./") }

// folder finds the files below a folder: where it is, how it is shown, and its
// full path, by which git's rules go.
func (s *Scanner) folder(dir, name, full string, rules *gitRules, add func(*job)) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		add(&job{name: shown(name), err: readError(shown(name), err)})
	}
	if !s.NoGitIgnore {
		for _, e := range entries {
			switch e.Name() {
			case ".git": // a repository of its own
				rules = (*gitRules)(nil).read(filepath.Join(dir, ".git", "info", "exclude"), full)
			case ".gitignore":
				rules = rules.read(filepath.Join(dir, ".gitignore"), full)
			}
		}
	}
	for _, e := range entries {
		path := filepath.Join(full, e.Name())
		switch {
		case e.Name() == ".git", rules != nil && rules.ignored(filepath.ToSlash(path), e.IsDir()):
		case e.IsDir():
			s.folder(filepath.Join(dir, e.Name()), filepath.Join(name, e.Name()), path, rules, add)
		case e.Type().IsRegular():
			add(&job{path: filepath.Join(dir, e.Name()), name: shown(filepath.Join(name, e.Name()))})
		}
	}
}

// file reads and scans one file; buf is a buffer that it may use.
func (s *Scanner) file(j *job, buf []byte) (Result, []byte) {
	r := Result{Path: j.name, Err: j.err}
	if j.err != nil {
		return r, buf
	}
	limit := s.MaxSize
	if limit == 0 {
		limit = MaxSize
	}
	src, err := readFile(j.path, limit, buf)
	switch {
	case err != nil:
		r.Err = readError(j.name, err)
		return r, buf
	case int64(len(src)) > limit:
		if s.Kind != "" || j.asked || kindOf(j.name, src) != nil {
			r.Err = &Error{File: j.name, Reason: fmt.Sprintf("is larger than %d MiB: it was not read", limit>>20)}
		}
		return r, src
	case bytes.IndexByte(src[:min(len(src), 8000)], 0) >= 0: // as git tells binary files
		if wide(src) && (j.asked || kindOf(j.name, nil) != nil) {
			r.Err = &Error{File: j.name, Reason: "is UTF-16: want UTF-8"}
		}
		return r, src
	}
	r = s.Scan(j.name, src)
	if r.Kind == "" && j.asked {
		r.Err = &Error{File: j.name, Reason: "is no kind of file that is known (want " + strings.Join(KindNames(), ", ") + ": --kind says which)"}
	}
	return r, src
}

// wide reports whether a text begins as UTF-16.
func wide(src []byte) bool {
	return bytes.HasPrefix(src, []byte{0xff, 0xfe}) || bytes.HasPrefix(src, []byte{0xfe, 0xff})
}

// readFile reads at most one byte more than limit of a regular file.
func readFile(path string, limit int64, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no regular file")
	}
	size := min(info.Size(), limit) + 1
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	n, err := io.ReadFull(f, buf[:size])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return buf[:n], err
}

// readError is an error of the file system, without the path that it repeats.
func readError(name string, err error) *Error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &Error{File: name, Reason: err.Error()}
}
