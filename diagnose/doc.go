// Package diagnose reads a pasted error or a log and says what went wrong: the
// versions of a Windows container's image and host do not fit, or something
// else that looks alike.
//
// [Read] takes a text of any length in one pass and constant memory. [Text] is
// the same for a string. [Diagnosis.Judge] holds a diagnosis against what is
// known besides (the host, the image), puts the case to compat, and adds reasons
// and remedies. The package reads no clock, file or network.
//
// # How a text is read
//
//   - A filter finds the places that can belong to an error (filter.go). A text
//     without one of its needles is not looked at any closer.
//   - The text around such a place is cleaned (clean.go): colours, line breaks of
//     consoles, JSON's escapes at any depth, quotes that an editor made pretty.
//   - Rules are tried on it in order (rule.go, match.go). A rule is what a message looks
//     like and what it means, with the thread in which it was seen. To teach
//     explain a new message, add a rule, and its words to the filter.
//   - Codes count where they stand as codes (code.go): in hex of either facility,
//     as signed and unsigned decimals; not within ids, digests and versions.
//   - What only speaks about errors is left out (believe.go): documentation,
//     changelogs, source code, tests, queries, lists of messages.
//   - What the message is about is read from the text around it (context.go,
//     place.go, imageref.go): container, image, node, pod, versions, isolation.
//   - Messages of one kind are one diagnosis with a count.
//
// # What certain means
//
// Certain is a cause that the message itself states (Windows refused for its
// version; a runtime printed both versions) or that a verdict of compat confirms.
// A message that two causes share is possible or likely, and says what else it
// may be: "no matching manifest for windows/amd64 10.0.17763" also comes from an
// image that has no Windows variant at all. Where nothing tells them apart the
// cause is undetermined. Words in documentation, a changelog or source code are
// no errors.
package diagnose
