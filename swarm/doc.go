// Package swarm finds out why the Windows services of a Docker Swarm do not run,
// and changes what lets them: labels of nodes, constraints of services, the
// isolation of an engine.
//
// Swarm compares operating systems and architectures, never Windows versions,
// and does not know them: a node's description holds no build. So a version is
// taken from where it can be had (see Windows), and is unknown else. The core
// (compat) decides who runs what; what is seen in tasks, a container that runs
// or one that Windows refused, comes before what is reckoned.
//
// A State is three lists of the API (services, nodes, tasks), read as streams of
// which little is kept: no request depends on the number of tasks. Plans are made
// of a State and change nothing. What applies them reads each object again, edits
// the one list or map it is about within the bytes that the engine sent, and
// writes it with the version it read: a change of somebody else in between is
// never overwritten, and fields that this package does not know stay.
//
// # Why not the engine's own client
//
// github.com/moby/moby/client costs the program 3.9 ms of its start, which every
// verb pays (package initialisers of its tracing), and a specification that goes
// through its types loses the fields of newer engines. The API's few shapes are
// declared here and held against the engine's own, and the docker command's,
// answers (test/swarm).
//
// [API]: https://github.com/moby/moby/blob/b985e231/api/swagger.yaml
package swarm
