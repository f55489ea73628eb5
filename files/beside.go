package files

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxBeside is the size in bytes from which a file that another one refers to is
// not read.
const maxBeside = 1 << 20

// beside reads a file by its path from the folder of this one; nil where there
// is none, or none that may be read.
func (in *Input) beside(name string) []byte {
	if in.Open == nil || name == "" || path.IsAbs(name) {
		return nil
	}
	src, ok := in.Open(path.Join(path.Dir(in.Path), name))
	if !ok {
		return nil
	}
	return src
}

// OpenBelow reads files that other files refer to: regular ones in and below
// the folders, and no links.
func OpenBelow(folders ...string) func(path string) ([]byte, bool) {
	return func(name string) ([]byte, bool) {
		file := filepath.FromSlash(name)
		for _, f := range folders {
			rel, err := filepath.Rel(f, file)
			if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
				continue
			}
			info, err := os.Lstat(file)
			if err != nil || !info.Mode().IsRegular() || info.Size() > maxBeside {
				return nil, false
			}
			src, err := os.ReadFile(file)
			return src, err == nil
		}
		return nil, false
	}
}
