package diagnose

import "sync"

// needles are what the parts of every message that a rule knows have in common
// with little else: a text without any of them needs no reading. Each is lower
// case and at least eight bytes long. A sentence has two or more of them, so
// that a line break within one leaves another.
var needles = [...]string{
	// Host Compute Service.
	"computesystem", "createcontainer", "windows system call", "system::start", "hcsshim::", "encountered an error",
	"container operating", "host operating", "operating system of", "container does not match", "system does not match",
	"hypervisor", "feature is not installed", "virtual machine could not", "utility vm", "attach namespace", "directory name is invalid", "resource is in use",
	"system resources exist", "paging file", "memory resources", "unrecognized format", "a layer with an", "exited unexpectedly", "waiting for notification", "timeout period", "response was not received",
	"document is invalid", "current state. (", "winapi error", "procedure call failed", "shim task", "containerd task", "create shim", "runpodsandbox",
	"preparelayer", "activatelayer", "importlayer", "processbaselayer", "processutilityvm", "extract layer", "register layer", "enough space on the", "space left on device",
	// Codes: hex of either facility, signed and unsigned decimals, NTSTATUS.
	"0xc03701", "(0xc0370", "(0xc037\n", "(0xc037\r", " (0xc03\n", " (0xc03\r", "0x803701", "c0370101", "80370101", "0xc0351000", "10701370", "10701369", "32248302", "21438788", "21510883", "1070264320", "3224702976",
	"0xc00000", "0xc00001", "0xc00003", "0xc00004", "10737406", "10737407", "10737414", "10737415", "10737416", "10737417", "10737418",
	"32212254", "32212255", "32212256", "32212257", "32212258", "32212263", "32212264", "32212265", "21470238", "21470248", "800705aa", "800705af", "80048016", "dll_init", "image_mismatch",
	// Pulls.
	"matching manifest", "manifest for ", "manifest unknown", "platform in manifest", "for platform in", "match for platform", "incompatible with a", "-based image", "cannot be used on", "image operating", "used on this platform", "specified os platform", "specified platform", "host platform", "expected platform", "repository name not", "name unknown", "descriptor matching", "invalid isolation", "client operating system",
	"failed to pull", "failed pulling", "pull access", "failed to resolve", "resolve reference", "failed to solve", "llb definition", "source metadata", "error pulling", "toomanyrequests", "response from daemon: get", "response from daemon: head",
	// Services and schedulers.
	"unsupported windows", "unsupportedwindows", "osversionnot", "windows containers", "operating system/version", "unsupported operating", "in task definition", "please choose", "codepackage", "suitable node", "nodes are available", "ecs.os-family",
	"os version of image", "platform of the specified", "specified os ", "validating os", "no image found", "runtime execution", "mounting volume", "system::createprocess",
	// Networks, engines, sandboxes.
	"elevated privileges", "hns failed", "hnscall failed", "hnscallraw", "hcnopenn", "hcnopene", "hcncreat", "create endpoint", "networkplugin", "network for sandbox", "network for pod", "docker_engine", "pod sandbox", "podsandbox", "sandbox name", "starting container failed",
}

// matcher finds many lower-case patterns in a text, in either case, in one pass
// (Wu and Manber's): of a window as long as the shortest pattern it looks at the
// last three bytes, which say how far the next pattern can begin, four to five
// bytes on average in a log.
type matcher struct {
	once     sync.Once
	patterns []string
	window   int
	mask     uint16         // of the tables, what is used: for short texts a part is enough, and sooner there
	shift    [1 << 15]uint8 // how far the window may move; 0: a pattern may begin here
	head     [1 << 15]uint8 // 1 + the first pattern whose window ends in these three bytes
	next     []uint8
}

// hash folds three bytes: letters by their number, so in either case.
func hash(a, b, c byte) uint16 { return uint16(a&31)<<10 | uint16(b&31)<<5 | uint16(c&31) }

func (m *matcher) build(patterns []string, mask uint16) {
	if len(patterns) > 255 {
		panic("diagnose: too many patterns") // a test builds both
	}
	m.patterns, m.window, m.mask = patterns, 8, mask
	for _, p := range patterns {
		m.window = min(m.window, len(p))
	}
	m.next = make([]uint8, len(patterns))
	for i := range m.shift[:int(mask)+1] {
		m.shift[i] = uint8(m.window - 2)
	}
	for n, p := range patterns {
		for j := 0; j+2 < m.window; j++ {
			k := hash(p[j], p[j+1], p[j+2]) & mask
			m.shift[k] = min(m.shift[k], uint8(m.window-3-j))
		}
		k := hash(p[m.window-3], p[m.window-2], p[m.window-1]) & mask
		m.next[n] = m.head[k]
		m.head[k] = uint8(n + 1)
	}
}

// find returns where the next pattern begins in s[from:to], and which one it is
// (of several at one place any); -1 where there is none. A pattern may end
// behind to.
func (m *matcher) find(s []byte, from, to int) (at, pattern int) {
	last := min(to+m.window-1, len(s)-1) // of the window
	for i := from + m.window - 1; i <= last; {
		k := hash(s[i-2], s[i-1], s[i]) & m.mask
		if d := m.shift[k]; d > 0 {
			i += int(d)
			continue
		}
		start := i - m.window + 1
		for n := m.head[k]; n > 0; n = m.next[n-1] {
			p := m.patterns[n-1]
			if start < to && len(s)-start >= len(p) && equalFold(s[start:start+len(p)], p) {
				return start, int(n - 1)
			}
		}
		i++
	}
	return -1, 0
}

// all calls f for every pattern that begins in s.
func (m *matcher) all(s []byte, f func(at, pattern int)) {
	for i := m.window - 1; i < len(s); {
		k := hash(s[i-2], s[i-1], s[i]) & m.mask
		if d := m.shift[k]; d > 0 {
			i += int(d)
			continue
		}
		start := i - m.window + 1
		for n := m.head[k]; n > 0; n = m.next[n-1] {
			p := m.patterns[n-1]
			if len(s)-start >= len(p) && equalFold(s[start:start+len(p)], p) {
				f(start, int(n-1))
			}
		}
		i++
	}
}

// The masks of a matcher for texts of any length, and for one message.
const (
	wide   = 1<<15 - 1
	narrow = 1<<11 - 1
)

// prefilter finds the needles in long texts, shortFilter in short ones.
var prefilter, shortFilter matcher
