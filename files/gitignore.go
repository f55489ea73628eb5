package files

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// This file reads what git ignores, as https://git-scm.com/docs/gitignore says:
// the .gitignore of each folder, and .git/info/exclude. A user's own file for all
// repositories is not read, and a file that git tracks nevertheless is ignored
// like others.

// gitPattern is one line of a .gitignore.
type gitPattern struct {
	parts   []string // between slashes; "**" stands for any number of folders
	negated bool     // not ignored, whatever stood before
	folders bool     // folders only
}

// gitRules are the patterns of a folder, and those of the folders above it.
type gitRules struct {
	above    *gitRules
	folder   string // slashes
	patterns []gitPattern
}

// maxGitIgnore is the size in bytes from which a .gitignore is not read.
const maxGitIgnore = 1 << 20

// read adds the patterns of a file that holds for a folder.
func (g *gitRules) read(name, folder string) *gitRules {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxGitIgnore {
		return g
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return g
	}
	if list := gitPatterns(src); len(list) > 0 {
		return &gitRules{g, filepath.ToSlash(folder), list}
	}
	return g
}

// gitRulesAbove are the rules that hold in a folder of a repository by files
// above it.
func gitRulesAbove(folder string) *gitRules {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil
	}
	var above []string
	for d := folder; ; d = filepath.Dir(d) {
		above = append(above, d)
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			break
		}
		if d == filepath.Dir(d) {
			return nil // in no repository
		}
	}
	var g *gitRules
	for i := len(above) - 1; i >= 0; i-- {
		if i == 0 {
			break // its own are read with its files
		}
		if i == len(above)-1 {
			g = g.read(filepath.Join(above[i], ".git", "info", "exclude"), above[i])
		}
		g = g.read(filepath.Join(above[i], ".gitignore"), above[i])
	}
	return g
}

// gitPatterns reads the lines of a .gitignore.
func gitPatterns(src []byte) []gitPattern {
	var list []gitPattern
	for line := range bytes.Lines(bytes.TrimPrefix(src, bom)) {
		text := strings.TrimSuffix(string(line), "\n")
		text = strings.TrimSuffix(text, "\r")
		for strings.HasSuffix(text, " ") && !strings.HasSuffix(text, `\ `) {
			text = text[:len(text)-1]
		}
		if text == "" || text[0] == '#' {
			continue
		}
		var p gitPattern
		text, p.negated = strings.CutPrefix(text, "!")
		text, p.folders = strings.CutSuffix(text, "/")
		anchored := strings.Contains(text, "/")
		text = strings.TrimPrefix(text, "/")
		if text == "" {
			continue
		}
		p.parts = strings.Split(text, "/")
		if !anchored {
			p.parts = append([]string{"**"}, p.parts...)
		}
		list = append(list, p)
	}
	return list
}

// ignored reports whether a file or folder is ignored: the last pattern that fits
// says so, the nearest file's first. name has slashes and begins as the folders
// of the rules do.
func (g *gitRules) ignored(name string, folder bool) bool {
	for ; g != nil; g = g.above {
		rel, ok := strings.CutPrefix(name, strings.TrimSuffix(g.folder, "/")+"/")
		if !ok {
			continue
		}
		parts := strings.Split(rel, "/")
		for i := len(g.patterns) - 1; i >= 0; i-- {
			if p := &g.patterns[i]; (folder || !p.folders) && matchGit(p.parts, parts) {
				return !p.negated
			}
		}
	}
	return false
}

// matchGit matches all of a path with a pattern, part by part.
func matchGit(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			if len(pattern) == 1 {
				return len(name) > 0 // all that is inside
			}
			for i := range name {
				if matchGit(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 || !matchGitPart(pattern[0], name[0]) {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}

// matchGitPart matches one name. path.Match has the same language but for [!a].
func matchGitPart(pattern, name string) bool {
	if strings.Contains(pattern, "[!") {
		pattern = strings.ReplaceAll(pattern, "[!", "[^")
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
