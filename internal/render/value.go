// Package render prints the values that verbs return: one file a form (text,
// JSON, table forms), no decisions. The JSON forms are the command line's
// contract (docs/contract.md).
package render

import (
	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// FactsInfo says how old the facts are.
type FactsInfo struct {
	AsOf facts.Date `json:"asOf"`
}

// Host is a host in JSON.
type Host struct {
	Version  winver.Version `json:"version"`
	Build    uint32         `json:"build"`
	Revision *uint32        `json:"revision"`
	Release  string         `json:"release"`
	Edition  winver.Edition `json:"edition"`
}

// HostFound is a host that was read out of a text.
type HostFound struct {
	Host
	Confidence winver.Confidence `json:"confidence"`
	Evidence   string            `json:"evidence"`
}

// Image is the child that a host would take.
type Image struct {
	Reference string         `json:"reference"`
	Digest    string         `json:"digest"`
	OS        string         `json:"os"`
	OSVersion string         `json:"osVersion"`
	Build     uint32         `json:"build"`
	Revision  *uint32        `json:"revision"`
	Release   string         `json:"release"`
	Basis     image.Basis    `json:"basis"`
	Version   winver.Version `json:"-"`
}

// Runtime is a container runtime.
type Runtime struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Predicted is what the runtime and Windows are expected to do.
type Predicted struct {
	Pull    string `json:"pull"`
	Start   string `json:"start"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Reported is what somebody saw with the same pair.
type Reported struct {
	Outcome string `json:"outcome"`
	Source  string `json:"source"`
}

// Result is the verdict on one host and one image.
type Result struct {
	Host       Host             `json:"host"`
	Image      Image            `json:"image"`
	Isolation  compat.Isolation `json:"isolation"`
	Runtime    Runtime          `json:"runtime"`
	Answer     compat.Answer    `json:"answer"`
	Documented string           `json:"documented"`
	Predicted  Predicted        `json:"predicted"`
	Reported   []Reported       `json:"reported"`
	Reasons    []compat.Reason  `json:"reasons"`
	Remedies   []compat.Remedy  `json:"remedies"`

	HostName  string `json:"-"` // "Windows Server 2019"
	ImageName string `json:"-"`
}

// Check is the answer of the verb check.
type Check struct {
	Facts   FactsInfo `json:"facts"`
	Results []Result  `json:"results"`
}

// Cell is a host and an image in the matrix, by isolation mode.
type Cell struct {
	Host    Host    `json:"host"`
	Image   Host    `json:"image"`
	Process CellSay `json:"process"`
	HyperV  CellSay `json:"hyperv"`
}

// CellSay is what the matrix says of one isolation mode.
type CellSay struct {
	Answer     compat.Answer `json:"answer"`
	Documented string        `json:"documented"`
	Pull       string        `json:"pull"`
	Start      string        `json:"start"`
	Reason     string        `json:"reason"`
}

// Matrix is the answer of the verb matrix.
type Matrix struct {
	Facts   FactsInfo  `json:"facts"`
	AsOf    facts.Date `json:"asOf"`
	Source  string     `json:"source"`
	Runtime Runtime    `json:"runtime"`
	Hosts   []string   `json:"-"`
	Images  []string   `json:"-"`
	Cells   []Cell     `json:"cells"` // hosts outermost
}

// Revision is a version's revision for JSON: nil where it is not known.
func Revision(v winver.Version) *uint32 {
	if r, ok := v.Revision(); ok {
		return &r
	}
	return nil
}

// Support names what the documentation says.
func Support(s facts.Support) string {
	return [...]string{"silent", "unsupported", "preview", "supported"}[s]
}

// Update is one revision of one build.
type Update struct {
	Version winver.Version `json:"version"`
	KB      string         `json:"kb"`
	Date    facts.Date     `json:"date"`
	Type    string         `json:"type"`
	Line    string         `json:"line"`
	Source  string         `json:"source"`
	Note    string         `json:"note,omitempty"`
}

// BaseImage is what Microsoft publishes for a release in one repository.
type BaseImage struct {
	Repository string   `json:"repository"`
	Tags       []string `json:"tags"`
	Status     string   `json:"status"`
}

// Conflict is a value that another source gives.
type Conflict struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Release is what is known of a release. Dates are empty where unknown.
type Release struct {
	ID            string      `json:"id"`
	Name          string      `json:"name"`
	Kind          string      `json:"kind"`
	Version       string      `json:"version"`
	Build         uint32      `json:"build"`
	Available     facts.Date  `json:"available"`
	MainstreamEnd facts.Date  `json:"mainstreamEnd"`
	ExtendedEnd   facts.Date  `json:"extendedEnd"`
	HomeProEnd    facts.Date  `json:"homeProEnd"`
	EnterpriseEnd facts.Date  `json:"enterpriseEnd"`
	LTSCEnd       facts.Date  `json:"ltscEnd"`
	LTSCIoTEnd    facts.Date  `json:"ltscIotEnd"`
	ESUEnd        facts.Date  `json:"esuEnd"`
	SupportEnded  bool        `json:"supportEnded"`
	Images        []BaseImage `json:"images"`
	Latest        *Update     `json:"latest"`
	Notes         []string    `json:"notes"`
	Conflicts     []Conflict  `json:"conflicts"`
	Sources       []string    `json:"sources"`
}

// Source is a key used in the facts and where it leads.
type Source struct {
	Key  string `json:"key"`
	URL  string `json:"url"`
	AsOf string `json:"asOf"`
}

// Facts is the answer of the verb facts.
type Facts struct {
	Facts    FactsInfo   `json:"facts"`
	AgeDays  int         `json:"ageDays"`
	Releases []Release   `json:"releases"`
	Updates  []Update    `json:"updates"`
	Sources  []Source    `json:"sources"`
	Holes    []string    `json:"holes"`
	Counts   [][2]string `json:"-"`
}
