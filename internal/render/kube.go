package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/diagnose"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/winver"
)

// KubeDoctor is the answer of kube doctor.
type KubeDoctor struct {
	Facts    FactsInfo     `json:"facts"`
	Cluster  KubeCluster   `json:"cluster"`
	Nodes    []KubeNode    `json:"nodes"`
	Findings []KubeFinding `json:"findings"`
	Unseen   []KubeUnseen  `json:"unseen"`
	Notes    []string      `json:"notes"`
}

// KubeCluster is what was looked at.
type KubeCluster struct {
	Server     string `json:"server"`
	Context    string `json:"context"`
	Pods       int    `json:"pods"`
	OtherNodes int    `json:"otherNodes"` // that do not run Windows
}

// KubeNode is a Windows node.
type KubeNode struct {
	Name        string            `json:"name"`
	Host        Host              `json:"host"`
	OSImage     string            `json:"osImage"`
	Runtime     Runtime           `json:"runtime"`
	Kubelet     string            `json:"kubelet"`
	Ready       bool              `json:"ready"`
	Cordoned    bool              `json:"cordoned"`
	SupportEnds facts.Date        `json:"supportEnds"`
	Labels      map[string]string `json:"labels"` // those that tell a version
	Findings    []Finding         `json:"findings"`

	HostName string `json:"-"`
}

// KubeOwner is what pods belong to.
type KubeOwner struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is "Deployment default/web", without a namespace where none is known.
func (o KubeOwner) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// KubeImage is the image that a finding is about.
type KubeImage struct {
	Reference  string           `json:"reference"`
	Basis      image.Basis      `json:"basis"` // "" where nothing is known
	OSVersions []winver.Version `json:"osVersions"`
}

// KubePlace is a kind of Windows nodes on which a workload may be put.
type KubePlace struct {
	Host    Host          `json:"host"`
	Runtime Runtime       `json:"runtime"`
	Answer  compat.Answer `json:"answer"`
	Code    string        `json:"code"`
	Text    string        `json:"text"`
	Seen    bool          `json:"seen"`
	Count   int           `json:"count"`
	Nodes   []string      `json:"nodes"`

	HostName string `json:"-"`
}

// KubeFailure is an error that pods met.
type KubeFailure struct {
	Cause      diagnose.Cause      `json:"cause"`
	Detail     string              `json:"detail"`
	Confidence diagnose.Confidence `json:"confidence"`
	Stage      diagnose.Stage      `json:"stage"`
	Code       string              `json:"code"`
	Headline   string              `json:"headline"`
	Otherwise  string              `json:"otherwise"`
	Container  string              `json:"container"`
	Pods       int                 `json:"pods"`
	Nodes      []string            `json:"nodes"`
	Message    string              `json:"message"`
}

// KubeFinding is something that is wrong with a workload.
type KubeFinding struct {
	Code     string            `json:"code"`
	Level    string            `json:"level"`
	Owner    KubeOwner         `json:"owner"`
	Pods     int               `json:"pods"`
	Examples []string          `json:"examples"`
	Image    *KubeImage        `json:"image"`
	Text     string            `json:"text"`
	Failures []KubeFailure     `json:"failures"`
	Places   []KubePlace       `json:"places"`
	Reasons  []diagnose.Reason `json:"reasons"`
	Remedies []compat.Remedy   `json:"remedies"`
}

// KubeUnseen is something that could not be read.
type KubeUnseen struct {
	Resource  string `json:"resource"`
	Namespace string `json:"namespace"`
	Why       string `json:"why"`
	Partial   bool   `json:"partial"`
}

// KubeDoctorText writes it for people: the nodes, then what is wrong, the worst
// first. The texts of d are tamed.
func KubeDoctorText(w io.Writer, d *KubeDoctor, s Style) {
	tame(d)
	kubeNodes(w, d, s)
	notes := 0
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Level == "note" && !s.Verbose {
			notes++
			continue
		}
		fmt.Fprintln(w)
		kubeFinding(w, f, d.noPods(), s)
	}
	if notes > 0 {
		kubeNotes(w, d, s)
	}
	if len(d.Findings) == 0 {
		fmt.Fprintf(w, "\n%s\n", kubeNothing(d))
	}
	for _, u := range d.Unseen {
		fmt.Fprintf(w, "\n%s %s\n", s.paint(bold+";"+blue, "not seen"), u.text())
	}
}

// text says what could not be read.
func (u *KubeUnseen) text() string {
	what := u.Resource
	if u.Namespace != "" {
		what += " in " + u.Namespace
	}
	if u.Partial {
		what = "some of the " + what
	}
	return what + ": " + u.Why
}

func kubeNothing(d *KubeDoctor) string {
	if len(d.Unseen) > 0 {
		return "nothing was found in what could be seen"
	}
	if len(d.Nodes) == 0 {
		return fmt.Sprintf("no Windows nodes were seen, and nothing is wrong with %s", kubePods(d.Cluster.Pods))
	}
	return "nothing is wrong with " + kubePods(d.Cluster.Pods)
}

func kubeNodes(w io.Writer, d *KubeDoctor, s Style) {
	if len(d.Nodes) == 0 {
		return
	}
	// Alike nodes without findings are one line.
	type kind struct{ name, version, runtime, ends string }
	var kinds []kind
	count, example := map[kind]int{}, map[kind]string{}
	rows := [][]string{{"windows nodes", "version", "release", "runtime", "support until"}}
	var wrong [][2]string
	for i := range d.Nodes {
		n := &d.Nodes[i]
		k := kind{n.HostName, n.Host.Version.String(), strings.TrimSpace(n.Runtime.Name + " " + n.Runtime.Version), date(n.SupportEnds)}
		if !n.Host.Version.IsValid() {
			k.version = "not known"
		}
		if count[k]++; count[k] == 1 {
			kinds = append(kinds, k)
			example[k] = n.Name
		}
		for _, f := range n.Findings {
			wrong = append(wrong, [2]string{n.Name, f.Text})
		}
	}
	for _, k := range kinds {
		name := example[k]
		if n := count[k]; n > 1 {
			name = fmt.Sprintf("%s and %d more", name, n-1)
		}
		rows = append(rows, []string{name, k.version, k.name, k.runtime, k.ends})
	}
	table(w, "", rows)
	if len(wrong) > 0 {
		fmt.Fprintln(w)
	}
	for _, x := range joined(wrong) {
		fmt.Fprintf(w, "%s %s: %s\n", s.paint(yellow, "!"), x[0], x[1])
	}
}

// joined puts nodes of which the same is said on one line.
func joined(list [][2]string) [][2]string {
	var out [][2]string
	index, more := map[string]int{}, map[string]int{}
	for _, x := range list {
		i, ok := index[x[1]]
		switch {
		case !ok:
			index[x[1]] = len(out)
			out = append(out, x)
		case more[x[1]] < 3:
			out[i][0] += ", " + x[0]
			more[x[1]]++
		default:
			more[x[1]]++
		}
	}
	for i := range out {
		if n := more[out[i][1]]; n > 3 {
			out[i][0] += fmt.Sprintf(" and %d more", n-3)
		}
	}
	return out
}

func date(d facts.Date) string {
	if d == 0 {
		return "-"
	}
	return d.String()
}

// noPods says that a finding is about a template.
func (d *KubeDoctor) noPods() string {
	for _, u := range d.Unseen {
		switch u.Resource {
		case "pods", "replicasets", "jobs":
			return "by its template"
		}
	}
	return "no pods now"
}

func kubePods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

func kubeFinding(w io.Writer, f *KubeFinding, noPods string, s Style) {
	color := map[string]string{"error": red, "warning": yellow, "note": blue}[f.Level]
	pods := "  " + noPods
	if f.Pods > 0 {
		pods = "  " + kubePods(f.Pods)
	}
	fmt.Fprintf(w, "%s%s%s\n", s.paint(bold+";"+color, pad(f.Code, 9)), s.paint(bold, f.Owner.String()), s.paint(dim, pods))
	indent := strings.Repeat(" ", 9)
	if f.Image != nil {
		var versions []string
		for _, v := range f.Image.OSVersions {
			versions = append(versions, v.Short())
		}
		text := "its Windows is not known"
		if len(versions) > 0 {
			text = strings.Join(versions, ", ") + ", " + basisWords(f.Image.Basis)
		} else if f.Image.Basis != "" {
			text = basisWords(f.Image.Basis)
		}
		fmt.Fprintf(w, "%s%s  %s\n", indent, f.Image.Reference, s.paint(dim, text))
	}
	fmt.Fprintln(w, indent+f.Text)
	for _, b := range f.Failures {
		if b.Message == "" {
			continue
		}
		on := ""
		if len(b.Nodes) > 0 {
			on = s.paint(dim, "  on "+strings.Join(b.Nodes[:min(3, len(b.Nodes))], ", "))
			if len(b.Nodes) > 3 {
				on += s.paint(dim, fmt.Sprintf(" and %d more", len(b.Nodes)-3))
			}
		}
		fmt.Fprintf(w, "%s> %s%s\n", indent, clip(b.Message, 160), on)
		if b.Otherwise != "" {
			fmt.Fprintf(w, "%s  or: %s\n", indent, b.Otherwise)
		}
	}
	if len(f.Places) > 1 || s.Verbose {
		var rows [][]string
		for _, p := range f.Places {
			text := ""
			if p.Answer != compat.Yes || p.Seen {
				text = p.Text
			}
			rows = append(rows, []string{p.Answer.String(), p.Host.Version.Short(), nodes(p.Count), text})
		}
		table(w, indent+"  ", rows)
	}
	for i, r := range f.Remedies {
		if i == 3 && !s.Verbose {
			break
		}
		fmt.Fprintln(w, indent+s.paint(bold, "→ "+r.Text))
		if r.Command != "" {
			fmt.Fprintln(w, indent+"    "+s.paint(green, r.Command))
		}
	}
	if s.Verbose {
		for _, r := range f.Reasons {
			fmt.Fprintf(w, "%s- %s\n%s  %s\n", indent, r.Text, indent, s.paint(dim, r.Source))
		}
	}
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// kubeNotes are the notes, a line a workload.
func kubeNotes(w io.Writer, d *KubeDoctor, s Style) {
	fmt.Fprintln(w)
	var rows [][]string
	more := 0
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Level != "note" {
			continue
		}
		if len(rows) == 20 {
			more++
			continue
		}
		what := ""
		if f.Image != nil {
			what = f.Image.Reference + ": "
		}
		rows = append(rows, []string{s.paint(bold+";"+blue, f.Code), f.Owner.String(), what + f.Text})
	}
	table(w, "", rows)
	if more > 0 {
		fmt.Fprintf(w, "and %d more (-v shows all)\n", more)
	}
}
