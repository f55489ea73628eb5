package files

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxBeside is the size in bytes from which a file that another one refers to is
// not read.
const maxBeside = 1 << 20

// beside reads a file by its path from the folder of this one; nil where there
// is none, or none that may be read.
func (in *Input) beside(name string) []byte {
	return in.open(join(in.Path, name))
}

// join is the path of a file that another one names; "" where that is nothing
// below a folder.
func join(file, name string) string {
	if name == "" || path.IsAbs(name) {
		return ""
	}
	return path.Join(path.Dir(file), name)
}

// open reads a file of the repository; nil where there is none, or none that may
// be read.
func (in *Input) open(file string) []byte {
	if in.Open == nil || file == "" {
		return nil
	}
	src, ok := in.Open(file)
	if !ok {
		return nil
	}
	return src
}

// maxNeighbours is how many files of a folder are looked at for one of them.
const maxNeighbours = 200

// neighbours reads the other files of this one's folder that end in one of the
// extensions, one after the other.
func (in *Input) neighbours(read func(src []byte), extensions ...string) {
	if in.List == nil {
		return
	}
	for i, name := range in.List(path.Dir(in.Path)) {
		if i == maxNeighbours {
			return
		}
		if name != path.Base(in.Path) && slices.Contains(extensions, path.Ext(name)) {
			read(in.beside(name))
		}
	}
}

// OpenBelow reads files that other files refer to: regular ones in and below
// the folders, and no links.
func OpenBelow(folders ...string) func(path string) ([]byte, bool) {
	return func(name string) ([]byte, bool) {
		file := filepath.FromSlash(name)
		if !below(file, folders) {
			return nil, false
		}
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxBeside {
			return nil, false
		}
		src, err := os.ReadFile(file)
		return src, err == nil
	}
}

// ListBelow names what is in a folder: one of the folders, or below them.
func ListBelow(folders ...string) func(folder string) []string {
	return func(folder string) []string {
		folder = filepath.FromSlash(folder)
		if !below(folder, folders) {
			return nil
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil
		}
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name()
		}
		return names
	}
}

// below reports whether a path is one of the folders, or below them.
func below(file string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		rel, err := filepath.Rel(f, file)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}
