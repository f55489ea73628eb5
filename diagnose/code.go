package diagnose

import (
	"bytes"
	"strconv"

	"github.com/winmatch/winmatch/facts"
)

// Code is an error code of Windows: an HRESULT, an NTSTATUS or, below 0x10000,
// a Win32 error; 0 for none.
type Code uint32

// String is the code in hex, as Docker prints it: "0xc0370101"; "" for none.
func (c Code) String() string {
	if c == 0 {
		return ""
	}
	return "0x" + strconv.FormatUint(uint64(c), 16)
}

// MarshalText writes the code as String does.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// names of codes that facts/source/errors.yaml does not list: winerror.h and
// ntstatus.h.
var names = [...]struct {
	code Code
	name string
}{
	{0x1, "ERROR_INVALID_FUNCTION"}, {0x2, "ERROR_FILE_NOT_FOUND"}, {0x3, "ERROR_PATH_NOT_FOUND"}, {0x5, "ERROR_ACCESS_DENIED"},
	{0x8, "ERROR_NOT_ENOUGH_MEMORY"}, {0x20, "ERROR_SHARING_VIOLATION"}, {0x32, "ERROR_NOT_SUPPORTED"}, {0x57, "ERROR_INVALID_PARAMETER"},
	{0x70, "ERROR_DISK_FULL"}, {0x10b, "ERROR_DIRECTORY"}, {0x490, "ERROR_NOT_FOUND"}, {0x5aa, "ERROR_NO_SYSTEM_RESOURCES"}, {0x5af, "ERROR_COMMITMENT_LIMIT"},
	{0x5b4, "ERROR_TIMEOUT"}, {0x6ba, "RPC_S_SERVER_UNAVAILABLE"}, {0x6be, "RPC_S_CALL_FAILED"},
	{0x80370114, "HCS_E_SERVICE_NOT_AVAILABLE"}, {0xc0370114, "HCS_E_SERVICE_NOT_AVAILABLE"}, {0x80070005, "E_ACCESSDENIED"}, {0x8007042b, "ERROR_PROCESS_ABORTED"}, {0x800705aa, "ERROR_NO_SYSTEM_RESOURCES"}, {0x800705af, "ERROR_COMMITMENT_LIMIT"},
	{0xc0000005, "STATUS_ACCESS_VIOLATION"}, {0xc0000022, "STATUS_ACCESS_DENIED"}, {0xc0000135, "STATUS_DLL_NOT_FOUND"}, {0xc0000139, "STATUS_ENTRYPOINT_NOT_FOUND"},
	{0xc000013a, "STATUS_CONTROL_C_EXIT"}, {0xc000007b, "STATUS_INVALID_IMAGE_FORMAT"}, {0xc0000374, "STATUS_HEAP_CORRUPTION"}, {0xc0000409, "STATUS_STACK_BUFFER_OVERRUN"}, {0xc00000fd, "STATUS_STACK_OVERFLOW"},
}

// Name is the code's name in the Windows headers, "" where we do not know it.
func (c Code) Name(f *facts.Facts) string {
	for i := range f.Codes {
		if f.Codes[i].Value == uint32(c) {
			return f.Codes[i].Name
		}
	}
	for _, n := range names {
		if n.code == c {
			return n.name
		}
	}
	// HRESULT form of a code that is listed as an NTSTATUS.
	if c>>16 == 0x8037 {
		return (c | 0x40000000).Name(f)
	}
	return ""
}

// found is a code in a text.
type found struct {
	code    Code
	at, end int32 // in clean
	decimal bool
	small   bool // a Win32 error in brackets: (0x5)
	bare    bool // without its 0x
}

// codesIn appends the codes that stand in a text as codes: whole words, not
// parts of ids, digests, versions or paths.
func codesIn(list []found, s []byte) []found {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && s[i] != 'c' && s[i] != 'C' {
			continue
		}
		if i > 0 && (isWord(s[i-1]) || s[i-1] == '.' || s[i-1] >= 0x80) {
			i = skipWord(s, i)
			continue
		}
		end := skipWord(s, i)
		f, ok := codeOf(s, i, end)
		if !ok {
			f, ok = brokenCode(s, i, end)
		}
		if ok {
			list = append(list, f)
		}
		i = end
	}
	return list
}

func skipWord(s []byte, i int) int {
	for i < len(s) && isWord(s[i]) {
		i++
	}
	return i
}

// brokenCode reads a code in hex of which a line break cuts off the end.
func brokenCode(s []byte, i, end int) (f found, ok bool) {
	if end-i < 3 || end-i > 9 || s[i] != '0' || lower(s[i+1]) != 'x' || end >= len(s) || s[end] != '\n' {
		return f, false
	}
	next := s[end+1:]
	if n := lineMark(next); n > 0 {
		next = next[n:]
	}
	next = bytes.TrimLeft(next, " ")
	n := skipWord(next, 0)
	if end-i+n != 10 {
		return f, false
	}
	f, ok = codeOf(append(append([]byte{}, s[i:end]...), next[:n]...), 0, 10)
	f.at, f.end = int32(i), int32(end)
	return f, ok
}

// codeOf reads the word s[i:end].
func codeOf(s []byte, i, end int) (f found, ok bool) {
	word := s[i:end]
	before, after := byte(' '), byte(' ')
	if i > 0 {
		before = s[i-1]
	}
	if end < len(s) {
		after = s[end]
	}
	f.at, f.end = int32(i), int32(end)
	if before == ',' && (after == ',' || after == '"') || inData(s, i, end) {
		return f, false
	}
	var v uint64
	switch {
	case len(word) > 2 && len(word) <= 10 && word[0] == '0' && lower(word[1]) == 'x':
		for _, b := range word[2:] {
			d, ok := hexDigit(b)
			if !ok {
				return f, false
			}
			v = v<<4 | uint64(d)
		}
		if before == '-' || after == '-' && end+1 < len(s) && isWord(s[end+1]) {
			return f, false
		}
		if v < 0x10000 {
			f.small = true
			return f.with(v), before == '(' && (after == ')' || after == ' ')
		}
		return f.with(v), len(word) == 10
	case len(word) == 8 && (lower(word[0]) == 'c' || word[0] == '8'):
		// 800705AA without its 0x, as the event log has it.
		for _, b := range word {
			d, ok := hexDigit(b)
			if !ok {
				return f, false
			}
			v = v<<4 | uint64(d)
		}
		f.bare = before != '('
		known := v>>16 == 0xc037 || v>>16 == 0x8037 || v>>8 == 0x800705 || v == 0xc0351000
		return f.with(v), known && (before == ' ' || before == '\n' || before == '(') && (after == ' ' || after == ')' || after == ':' || after == '\n')
	case len(word) == 10 && word[0] >= '1' && word[0] <= '4':
		for _, b := range word {
			if !isDigit(b) {
				return f, false
			}
			v = v*10 + uint64(b-'0')
		}
		if after == '.' && end+1 < len(s) && isWord(s[end+1]) || after == '-' || after == ':' && end+1 < len(s) && isDigit(s[end+1]) {
			return f, false
		}
		f.decimal = true
		if before == '-' {
			if i > 1 && isWord(s[i-2]) || v > 1<<31 {
				return f, false
			}
			f.at--
			return f.with(1<<32 - v), true
		}
		return f.with(v), v >= 1<<31 && v < 1<<32
	}
	return f, false
}

// inData reports whether a number is a key of a dictionary or a digest.
func inData(s []byte, i, end int) bool {
	rest := bytes.TrimLeft(s[end:], " ")
	return bytes.HasPrefix(rest, []byte("=>")) || bytes.HasPrefix(rest, []byte(": '")) || bytes.HasPrefix(rest, []byte(`: "`)) || bytes.HasSuffix(s[:i], []byte("sha256:"))
}

func (f found) with(v uint64) found {
	f.code = Code(v)
	return f
}

// hcs reports whether a code belongs to the Host Compute Service or the
// hypervisor, so that its number alone says what it is about.
func (c Code) hcs() bool { return c>>16 == 0xc037 || c>>16 == 0x8037 || c>>16 == 0xc035 }

// ntstatus reports whether a code is one that a program on Windows dies with.
func (c Code) ntstatus() bool { return c>>16 == 0xc000 }
