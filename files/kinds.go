package files

// kinds are all kinds of files, in the order in which a file is tried.
var kinds = [...]Kind{
	dockerfile{},
	githubActions{},
	azurePipelines{},
	gitlabCI{},
	compose{},
	kubernetes{},
}

// KindNames lists the names of all kinds.
func KindNames() []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.Name()
	}
	return list
}

// kindOf returns the kind of a file, nil where it is of none.
func kindOf(path string, src []byte) Kind {
	for _, k := range kinds {
		if k.Match(path, src) {
			return k
		}
	}
	return nil
}

// ByName returns the kind of a name, nil where there is none.
func ByName(name string) Kind {
	for _, k := range kinds {
		if k.Name() == name {
			return k
		}
	}
	return nil
}
