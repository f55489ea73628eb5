package diagnose

import "sync"

// needles are what the parts of every message that a rule knows have in common
// with little else: a text without any of them needs no reading. Each is lower
// case and at least minNeedle long. A sentence has two or more of them, so that
// a line break within one leaves another.
var needles = [...]string{
	// Host Compute Service.
	"computesystem", "createcontainer", "windows system call", "system::start", "hcsshim", "encountered an error",
	"container operating", "host operating", "operating system of", "container does not match", "system does not match",
	"hypervisor", "feature is not installed", "virtual machine could not", "utility vm", "attach namespace", "directory name is invalid", "resource is in use",
	"system resources exist", "paging file", "memory resources", "unrecognized format", "exited unexpectedly", "waiting for notification", "timeout period", "response was not received",
	"document is invalid", "current state. (", "winapi error", "procedure call failed", "shim task", "containerd task", "create shim", "runpodsandbox",
	"preparelayer", "activatelayer", "importlayer", "processbaselayer", "processutilityvm", "extract layer", "register layer", "enough space on the", "space left on device",
	// Codes: hex of either facility, signed and unsigned decimals, NTSTATUS.
	"c03701", "803701", "c03510", "107013", "322483", "214387", "215108", "107026", "322470", "0xc00001", "0xc00004", "107374", "322122", "214702", "800705a", "80048016", "dll_init", "image_mismatch",
	// Pulls.
	"matching manifest", "manifest for", "manifest unknown", "platform in manifest", "for platform in", "incompatible with a", "-based image", "cannot be used on", "specified os platform", "specified platform",
	"failed to pull", "failed pulling", "pull access", "failed to resolve", "resolve reference", "failed to solve", "llb definition", "source metadata", "error pulling", "toomanyrequests", "response from daemon: get",
	// Services and schedulers.
	"unsupported windows", "unsupportedwindows", "osversionnot", "windows containers", "operating system/version", "unsupported operating", "codepackage", "suitable node", "nodes are available", "ecs.os-family",
	"os version of image", "platform of the specified",
	// Networks, engines, sandboxes.
	"hns failed", "hnscall", "create endpoint", "networkplugin", "network for sandbox", "network for pod", "docker_engine", "pod sandbox", "podsandbox", "sandbox name", "starting container failed",
	// The same sentence in other languages, after the frame of the runtime.
	"tesystem", "teconta",
}

const minNeedle = 6

// filter finds needles, in either case, in one pass (Wu and Manber's): of a
// window of minNeedle bytes it looks at the last two, which say how far the
// next needle can begin, two to three bytes on average in a log.
type filter struct {
	once  sync.Once
	shift [1 << 16]uint8 // how far the window may move; 0: a needle may begin here
	head  [1 << 16]uint8 // 1 + the first needle whose window ends in these two bytes
	next  [len(needles)]uint8
}

var prefilter filter

func (f *filter) build() {
	for i := range f.shift {
		f.shift[i] = minNeedle - 1
	}
	for n, needle := range needles {
		for j := 0; j+1 < minNeedle; j++ {
			d := uint8(minNeedle - 2 - j)
			for _, a := range cases(needle[j]) {
				for _, b := range cases(needle[j+1]) {
					k := uint16(a)<<8 | uint16(b)
					f.shift[k] = min(f.shift[k], d)
				}
			}
		}
		k := uint16(needle[minNeedle-2])<<8 | uint16(needle[minNeedle-1])
		f.next[n] = f.head[k]
		f.head[k] = uint8(n + 1)
	}
}

func cases(b byte) [2]byte {
	if b >= 'a' && b <= 'z' {
		return [2]byte{b, b - 'a' + 'A'}
	}
	return [2]byte{b, b}
}

// find returns where a needle begins in s[from:to], -1 where none does. The
// needle may end behind to.
func (f *filter) find(s []byte, from, to int) int {
	f.once.Do(f.build)
	last := min(to+minNeedle-1, len(s)-1) // of the window
	for i := from + minNeedle - 1; i <= last; {
		a, b := s[i-1], s[i]
		d := f.shift[uint16(a)<<8|uint16(b)]
		if d > 0 {
			i += int(d)
			continue
		}
		start := i - minNeedle + 1
		for n := f.head[uint16(lower(a))<<8|uint16(lower(b))]; n > 0; n = f.next[n-1] {
			needle := needles[n-1]
			if start < to && len(s)-start >= len(needle) && equalFold(s[start:start+len(needle)], needle) {
				return start
			}
		}
		i++
	}
	return -1
}
