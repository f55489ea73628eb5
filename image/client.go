package image

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/winmatch/winmatch/facts"
)

// Client reads images. The zero Client is ready: it asks registries as the
// user's Docker would. Its fields must not change once it is in use; its
// methods may be called at the same time.
type Client struct {
	Offline   bool              // never touch a network or an engine: FromName for everything but layouts and archives
	Deep      bool              // read the config of every Windows child, and compare
	Insecure  bool              // plain HTTP instead of HTTPS, but for docker.io and mcr.microsoft.com
	Facts     *facts.Facts      // nil: facts.Embedded()
	Transport http.RoundTripper // nil: one that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY and keeps connections
	Parallel  int               // references that GetAll reads at once; 0: 16
	Timeout   time.Duration     // for one reference, waits and retries included; 0: 30 s
	ConfigDir string            // where Docker's config.json is; "": DOCKER_CONFIG, else ~/.docker
	Config    []byte            // what stands for that file; the helpers that it names are not run
	UserAgent string            // "": "winmatch"
	Mirrors   []string          // of Docker Hub, URLs, asked for images before it; nil: those of Docker's daemon.json

	backoff time.Duration // first wait before a retry; 0: 500 ms
	budget  time.Duration // all waits of one exchange together; 0: 9 s

	once  sync.Once
	rt    http.RoundTripper
	mu    sync.Mutex
	hosts map[string]*host

	mirrorOnce sync.Once
	hubMirrors []string

	configOnce sync.Once
	config     *dockerConfig
	configErr  error

	archives map[string]*archive // by path; under mu
}

// Result is what GetAll found for one reference.
type Result struct {
	Image Image // holds at least the reference
	Err   error // an *Error, or nil
}

func (c *Client) knownFacts() *facts.Facts {
	if c.Facts != nil {
		return c.Facts
	}
	return facts.Embedded()
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return 30 * time.Second
}

// Get reads one reference. One to a layout or an archive of several images must
// say which: see [Client.Expand]. Where the registry cannot be reached and the name
// says which Windows is in the image, or that there is none, the answer is what
// the name says, with the finding [FindingUnreachable]; where the name says
// nothing it is the error. Errors are *Error; the Image then holds the reference and what its
// name says.
func (c *Client) Get(ctx context.Context, ref Reference) (Image, error) {
	named := FromName(ref, c.knownFacts())
	if ref.Kind == Given {
		if len(named.Children) == 0 {
			return named, &Error{Code: CodeReference, Text: strconv.Quote(ref.String()) + ": not a version of Windows that is known",
				Hint: "windows:10.0.20348.2227, windows:20348 or windows:ltsc2022"}
		}
		return named, nil
	}
	if c.Offline && (ref.Kind == Registry || ref.Kind == Daemon) {
		return named, nil
	}
	within := ctx
	if ref.Kind == Registry || ref.Kind == Daemon {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	img, err := c.read(within, ref, &named)
	if err == nil {
		return img, nil
	}
	if ctx.Err() != nil {
		return named, &Error{Code: CodeUnreachable, Text: "reading " + ref.String() + " was given up", Err: ctx.Err()}
	}
	var e *Error
	if !errors.As(err, &e) {
		return named, err
	}
	if ref.Kind != Registry {
		return named, e
	}
	switch e.Code {
	case CodeUnreachable:
		if len(named.Children) > 0 || named.Has(FindingNotFound) || named.Has(FindingNotWindows) {
			named.find(FindingUnreachable, e.Error(), ": only the name was read")
			return named, nil
		}
	case CodeNotFound, CodeUnauthorized:
		for _, f := range named.Findings { // the name may say why
			if f.Code == FindingNotFound || f.Code == FindingHub || f.Code == FindingRetired {
				e.Hint = f.Text
			}
		}
	}
	return named, e
}

// GetAll reads many references, each distinct one once, Parallel at a time.
// The results are in the order of the references; those of equal references
// share their slices.
func (c *Client) GetAll(ctx context.Context, refs []Reference) []Result {
	results := make([]Result, len(refs))
	first := make(map[string]int, len(refs))
	same := make([]int, len(refs)) // index of the first equal reference
	todo := make([]int, 0, len(refs))
	for i, r := range refs {
		key := r.String()
		j, ok := first[key]
		if !ok {
			j = i
			first[key] = i
			todo = append(todo, i)
		}
		same[i] = j
	}
	if c.Offline || len(todo) == 1 {
		// Nothing to wait for side by side: no goroutine, which costs a thread at start.
		for _, i := range todo {
			results[i].Image, results[i].Err = c.Get(ctx, refs[i])
		}
	} else {
		c.each(len(todo), func(n int) {
			i := todo[n]
			results[i].Image, results[i].Err = c.Get(ctx, refs[i])
		})
	}
	for i, j := range same {
		if i != j {
			results[i] = results[j]
			results[i].Image.Reference = refs[i].Raw
		}
	}
	return results
}

// read asks the place where the image is.
func (c *Client) read(ctx context.Context, ref Reference, named *Image) (Image, error) {
	m := Image{Reference: named.Reference, Basis: ref.Kind.basis(), Index: No}
	if ref.Kind != Registry {
		return c.readPlace(ctx, ref, m)
	}
	m.Family, m.KB, m.Floating = named.Family, named.KB, named.Floating && named.Basis == BasisTag
	m, err := c.readRegistry(ctx, ref, m)
	if err != nil {
		return Image{}, err
	}
	if named.Basis == BasisTag {
		m.compare(named)
	}
	return m, nil
}

// checkVersion finds a missing or malformed os.version.
func (m *Image) checkVersion(k *Child, where string) {
	switch {
	case k.OSVersion == "":
		m.find(FindingVersionMissing, where, " states no os.version")
	case !k.Version.IsValid():
		m.find(FindingVersionMalformed, where, " states os.version ", strconv.Quote(clip(k.OSVersion)), " for ", k.Digest, ", want MAJOR.MINOR.BUILD.REVISION")
	}
}

// compare finds a registry that holds another Windows than the name says.
func (m *Image) compare(named *Image) {
	if len(named.Children) == 0 {
		return
	}
	has := ""
	for i := range m.Children {
		k := &m.Children[i]
		if !k.Windows() || !k.Version.IsValid() {
			continue
		}
		for j := range named.Children {
			want := named.Children[j].Version
			if _, exact := want.Revision(); k.Version.Build == want.Build && (!exact || k.Version == want) {
				return
			}
		}
		if has != "" {
			has += ", "
		}
		has += k.Version.String()
	}
	if has == "" {
		return
	}
	var says []string
	for i := range named.Children {
		says = append(says, named.Children[i].Version.String())
	}
	m.find(FindingDisagree, "the name says ", strings.Join(says, ", "), ", the registry holds ", has)
}
