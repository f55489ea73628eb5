// Package winver knows Windows versions: it parses, orders and names them,
// finds their releases and updates, and reads the host out of whatever text a
// person has ([ParseHosts]).
//
// A version is MAJOR.MINOR.BUILD.REVISION, 10.0.20348.2227: the build says
// which release it is, the revision (UBR) which monthly update it has. Tables,
// runtimes and labels go by the build; Windows Server 2016 alone wants equal
// revisions. An invalid [Version] is a defined value, and an unknown revision
// is not 0.
//
// Servers and clients share builds (14393, 17763, 26100 and those of the
// Semi-Annual Channel). Such a build is taken for a server unless a text says
// otherwise. Since January 2026 the two have different revisions of build
// 26100: 32230 and up on servers, 7623 and up on clients (facts/source,
// updates.csv, column line), so that a KB stands for a revision of a build and
// a line.
//
// The package imports nothing outside the standard library but facts, reads no
// clock, file or network, and compiles to WebAssembly.
package winver
