package kube

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/winmatch/winmatch/compat"
)

// A Chooser says which nodes a workload is to be kept to: every one that it may be
// put on by its own rules and that runs all its images, and no other.
//
//   - A node whose answer is `risky` remains only where no label tells it from one
//     whose answer is `yes`, or where there is no such node; one whose answer is
//     not known never does.
//   - It plans with the labels that the nodes should have. Where a node's are not
//     so, they come first: see [Choice].Labels.
//   - What the pods demand already stays, but for demands of a version that none
//     of the nodes that run the images meets: these are replaced.
type Chooser struct {
	Doctor  *Doctor
	Cluster *Cluster // its nodes and runtime classes count

	exam  *exam
	nodes []*choosable
	bare  bool // nodes have the labels of their kubelets, and get no others
}

// choosable is a node as a chooser sees it.
type choosable struct {
	*Node
	should *corev1.Node // with the labels that it should have
	bare   Node         // should, as if it took pods
}

// Choice is which nodes a workload is to be kept to.
type Choice struct {
	Images []string
	Nodes  []Judged // the Windows nodes
	Stay   []*Node  // that remain, whatever pods they take now
	Risky  []*Node  // of these, that may fail
	Unsure []*Node  // that are left out, as it is not known whether they run the images
	Labels []*Node  // whose labels are to be set first: see [Labeler]

	Was, Will Placing
	Add       []string // demands, in words
	Remove    []string // demands that contradict, or that are written anew

	Against []string  // of Remove: demands of a version that none of the nodes meets that run the images
	Both    [2]string // the images of which no Windows runs both, where that is why
	Strands string    // why the pods would find no node; "" where they do
	Unknown string    // why nothing can be said; "" where it can
	Aside   string    // why there is nothing to do with it: it is not for Windows
}

// Judged is a node and what becomes of the pods there.
type Judged struct {
	Node     *Node
	Answer   compat.Answer // the worst of the containers'
	Image    string        // whose answer it is
	Text     string        // the reason
	Eligible bool          // the pods may be put there by what else they demand
}

// Changes reports whether there is anything to do.
func (c *Choice) Changes() bool { return !c.Was.Equal(c.Will) }

// Read learns what is in the images of some pods, from registries where their
// names do not say.
func (c *Chooser) Read(ctx context.Context, pods ...*Template) {
	c.Doctor.Images.Held = c.Cluster.Held
	uses := map[string][]use{}
	for _, t := range pods {
		s := c.spec(t, t.Placing())
		u := s.use(t.Namespace)
		for i := range s.Containers {
			if name := s.Containers[i].Image; !slices.Contains(uses[name], u) {
				uses[name] = append(uses[name], u)
			}
		}
	}
	c.Doctor.Images.Read(ctx, uses)
	c.exam = nil
}

// prepare looks at the nodes once.
func (c *Chooser) prepare() {
	if c.exam != nil {
		return
	}
	c.exam = newExam(c.Doctor, &Cluster{Nodes: c.Cluster.Nodes})
	c.nodes = nil
	for i := range c.Cluster.Nodes {
		n := &c.Cluster.Nodes[i]
		v := &choosable{Node: n, bare: *n}
		v.bare.Unschedulable = false
		v.bare.Labels = maps.Clone(n.Labels)
		if v.bare.Labels == nil {
			v.bare.Labels = map[string]string{}
		}
		if n.Windows() && !c.bare {
			want, unknown := n.labels(c.Doctor.Facts, c.Doctor.Today)
			for k := range v.bare.Labels {
				if _, ok := want[k]; strings.HasPrefix(k, LabelRuns) && !ok && unknown == "" {
					delete(v.bare.Labels, k)
				}
			}
			for k, value := range want {
				if k != LabelOSBuild || !saysAll(v.bare.Labels[k], value) || buildOf(v.bare.Labels[k]) != n.Host.Version.Build {
					v.bare.Labels[k] = value
				}
			}
		}
		v.should = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: v.bare.Labels}}
		c.nodes = append(c.nodes, v)
	}
}

// spec is what a template says with another placing, its runtime class included.
func (c *Chooser) spec(t *Template, q Placing) *Spec {
	p := t.Pod
	q.Into(&p)
	if class := c.class(t); class != nil {
		addRuntimeClass(&p, class.NodeSelector, class.Tolerations)
	}
	if c.Cluster.assumed {
		PlacingOf(&p).only(c.knows).Into(&p)
	}
	s := specs{}.of(&p, true, false)
	s.isolate(c.Cluster.handlers)
	return s
}

// knows reports whether it is known which value a label of a node has: of nodes that
// are assumed only those labels are, of which one says nothing about the others.
func (c *Chooser) knows(key string) bool {
	switch key {
	case labelOS, oldLabelOS, corev1.LabelArchStable, "beta.kubernetes.io/arch":
		return true
	}
	return !c.Cluster.assumed || slices.Contains(VersionLabels[:], key) || strings.HasPrefix(key, LabelRuns)
}

// tells reports whether a label tells the Windows version of the nodes.
func (c *Chooser) tells(key string) bool { return versionLabel(key) && c.knows(key) }

// class is what a template's runtime class says of nodes, or nil.
func (c *Chooser) class(t *Template) *nodev1.Scheduling {
	if t.Pod.RuntimeClassName == nil {
		return nil
	}
	return c.Cluster.runtimes[*t.Pod.RuntimeClassName]
}

// Plan says which nodes a workload is to be kept to. Nodes that are assumed have
// the labels of their kubelets; others are asked for where these do not tell them
// apart.
func (c *Chooser) Plan(t *Template) *Choice {
	c.label(c.Cluster.assumed)
	p := c.plan(t)
	if p.blunt && c.bare {
		c.label(false)
		p = c.plan(t)
	}
	return p.Choice
}

// label has the nodes labelled by their kubelets alone, or as they should be.
func (c *Chooser) label(bare bool) {
	if c.bare != bare {
		c.bare, c.exam = bare, nil
	}
	c.prepare()
}

func (c *Chooser) plan(t *Template) *plan {
	p := &plan{Chooser: c, t: t, Choice: &Choice{Was: t.Placing(), Will: t.Placing()}, answers: map[*Node]*Judged{}}
	if p.decide(); p.Unknown != "" {
		p.Will, p.Stay, p.Labels = p.Was, nil, nil
	}
	for _, n := range p.nodes {
		if j := p.answers[n.Node]; j != nil {
			p.Nodes = append(p.Nodes, *j)
		}
	}
	p.Add, p.Remove = difference(p.Will, p.Was), difference(p.Was, p.Will)
	return p
}
