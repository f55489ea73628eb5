package files

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// apply makes the edits of findings. Those of one finding are made together or
// not at all: where they meet another finding's, which wants something else
// there, they wait for the next round.
func apply(src []byte, list []Finding) []byte {
	var edits []Edit
	for i := range list {
		fix := list[i].Fix
		if len(fix) == 0 || slices.ContainsFunc(fix, func(e Edit) bool { return !fits(e, edits, len(src)) }) {
			continue
		}
		for _, e := range fix {
			if !slices.Contains(edits, e) {
				edits = append(edits, e)
			}
		}
	}
	if len(edits) == 0 {
		return src
	}
	slices.SortFunc(edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, src[at:e.Start]...), e.New...)
		at = e.End
	}
	return append(out, src[at:]...)
}

// fits reports whether an edit is within the file and meets no other, unless it
// is the same.
func fits(e Edit, others []Edit, size int) bool {
	if e.Start < 0 || e.End < e.Start || e.End > size {
		return false
	}
	for _, o := range others {
		if e != o && e.Start <= o.End && o.Start <= e.End && !(e.Start == o.End && e.End > e.Start && o.End > o.Start) && !(o.Start == e.End && e.End > e.Start && o.End > o.Start) {
			return false
		}
	}
	return true
}

// Write replaces a file that has been read as before: beside its place, with its
// mode, then by renaming, so that it is never half there. What a symbolic link
// leads to is replaced, not the link. A file that has changed since is left
// alone.
func Write(path string, before, after []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if now, err := os.ReadFile(path); err != nil {
		return err
	} else if string(now) != string(before) {
		return fmt.Errorf("%s has changed meanwhile: nothing was written", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".winmatch-*")
	if err != nil {
		return err
	}
	_, err = f.Write(after)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
