// Package files finds images that will not run where files say that they are
// to run, before anybody runs them, and changes the files so that they will:
// Dockerfiles, Compose files, Kubernetes manifests, CI workflows.
//
// A [Kind] reads one kind of file and says which images it uses, where each of
// them stands, and what the file itself says of the host: a [Document]. It
// decides nothing about versions. The [Scanner] finds the files, asks the core
// ([compat.Decide]) about each use, and makes findings of the answers, by the
// rules of [Rules]. What is not known is no finding.
//
// A finding that can be mended carries edits: bytes to be replaced and what by.
// Everything else in the file stays as it is. [Fix] applies them and scans
// again, until nothing is left to mend: a second run changes nothing.
package files
