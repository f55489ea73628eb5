package kubecli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"sigs.k8s.io/yaml"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/files"
	"github.com/winmatch/winmatch/image"
	"github.com/winmatch/winmatch/kube"
)

const day = facts.Date(20261124)

// pool are nodes as clusters have them: two of one build with other runtimes, one
// that is ours by its labels.
func pool(r *rand.Rand) []corev1.Node {
	var list []corev1.Node
	add := func(name, os, kernel, runtime string, labels map[string]string) {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelOSStable: os, corev1.LabelHostname: name, corev1.LabelArchStable: "amd64"}}}
		n.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: os, KernelVersion: kernel, ContainerRuntimeVersion: runtime}
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		if os == "windows" {
			n.Labels[corev1.LabelWindowsBuild] = kernel[:strings.LastIndexByte(kernel, '.')]
		}
		for k, v := range labels {
			n.Labels[k] = v
		}
		list = append(list, n)
	}
	add("linux", "linux", "6.1.0", "containerd://2.4.2", nil)
	for i, kernel := range []string{"10.0.17763.9245", "10.0.17763.1397", "10.0.20348.5622", "10.0.26100.33296", "10.0.25398.1"} {
		if r.IntN(4) > 0 {
			add(fmt.Sprint("n", i), "windows", kernel, "containerd://2.4.2", map[string]string{"pool": []string{"a", "b"}[r.IntN(2)]})
		}
	}
	return list
}

// runs reports what compat says of all images on a node.
func runs(f *facts.Facts, n *kube.Node, spec *corev1.PodSpec) compat.Answer {
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		ref, err := image.Parse(c.Image)
		if err != nil {
			return compat.Unknown
		}
		img := image.FromName(ref, f)
		v := compat.Decide(f, &compat.Question{Host: compat.Host{Version: n.Host.Version, Edition: n.Host.Edition}, Image: img.Asked(), Runtime: n.Runtime, Kubernetes: true, Today: day})
		if v.Answer != compat.Yes {
			return v.Answer
		}
	}
	return compat.Yes
}

// said is what a placing says, in whatever order.
func said(p kube.Placing) string {
	var terms []string
	for _, t := range selectionOf(p).Terms {
		var list []string
		for _, e := range t {
			slices.Sort(e.Values)
			list = append(list, fmt.Sprint(e))
		}
		slices.Sort(list)
		terms = append(terms, fmt.Sprint(list))
	}
	slices.Sort(terms)
	return fmt.Sprint(p.NodeSelector, terms)
}

// author writes manifests as people do: in every style that YAML has.
type author struct{ *rand.Rand }

func (a author) pick(list ...string) string { return list[a.IntN(len(list))] }

// text writes a text plain, or in quotes.
func (a author) text(s string) string {
	switch {
	case s == "true" || a.IntN(3) == 0:
		return `"` + s + `"`
	case a.IntN(3) == 0:
		return "'" + s + "'"
	}
	return s
}

func (a author) comment() string { return a.pick("", "", "", " # why", "  # windows-build: 10.0.1") }

// expression writes a requirement, in block or flow style, from a column.
func (a author) expression(column string, key, op string, values ...string) string {
	for i := range values {
		values[i] = a.text(values[i])
	}
	if a.IntN(4) == 0 {
		return column + "- {key: " + a.text(key) + ", operator: " + op + ", values: [" + strings.Join(values, ", ") + "]}" + a.comment() + "\n"
	}
	s := column + "- key: " + a.text(key) + a.comment() + "\n" + column + "  operator: " + op + "\n"
	if a.IntN(2) == 0 {
		return s + column + "  values: [" + strings.Join(values, ", ") + "]" + a.comment() + "\n"
	}
	s += column + "  values:\n"
	deeper := a.pick("  ", "    ")
	for _, v := range values {
		s += column + deeper + "- " + v + a.comment() + "\n"
	}
	return s
}

// spec writes a pod's spec, its lines not indented.
func (a author) spec() string {
	images := []string{"mcr.microsoft.com/windows/servercore:ltsc2019", "mcr.microsoft.com/windows/servercore:ltsc2022", "mcr.microsoft.com/windows/nanoserver:ltsc2025", "mcr.microsoft.com/windows/nanoserver:1809"}
	parts := []string{}
	containers := "containers:" + a.comment() + "\n"
	for i := range 1 + a.IntN(2) {
		containers += fmt.Sprintf("- name: c%d\n  image: %s%s\n  env: [{name: A, value: \"1\"}]\n", i, a.text(a.pick(images...)), a.comment())
	}
	parts = append(parts, containers)
	if a.IntN(4) == 0 {
		parts = append(parts, "initContainers: [{name: i, image: "+a.text(a.pick(images...))+"}]\n")
	}
	if a.IntN(2) == 0 {
		var entries []string
		if a.IntN(3) > 0 {
			entries = append(entries, a.pick("kubernetes.io/os", "kubernetes.io/os", "beta.kubernetes.io/os")+": windows")
		}
		if a.IntN(3) == 0 {
			entries = append(entries, "pool: "+a.text(a.pick("a", "b")))
		}
		if a.IntN(3) == 0 {
			entries = append(entries, "node.kubernetes.io/windows-build: "+a.text(a.pick("10.0.17763", "10.0.20348", "10.0.26100")))
		}
		switch {
		case len(entries) == 0:
			parts = append(parts, a.pick("nodeSelector: {}\n", "nodeSelector:\n"))
		case a.IntN(3) == 0:
			parts = append(parts, "nodeSelector: {"+strings.Join(entries, ", ")+"}"+a.comment()+"\n")
		default:
			parts = append(parts, "nodeSelector:\n  "+strings.Join(entries, a.comment()+"\n  ")+a.comment()+"\n")
		}
	}
	if a.IntN(2) == 0 {
		s := "affinity:\n  nodeAffinity:\n"
		if a.IntN(3) == 0 {
			s += "    preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: pool, operator: Exists}]}}]\n"
		}
		s += "    requiredDuringSchedulingIgnoredDuringExecution:\n      nodeSelectorTerms:\n"
		for range 1 + a.IntN(2) {
			s += "      - matchExpressions:\n"
			for range 1 + a.IntN(2) {
				switch a.IntN(4) {
				case 0:
					s += a.expression("        ", "pool", "In", "a", a.pick("b", "c"))
				case 1:
					s += a.expression("        ", "kubernetes.io/os", "In", "windows")
				case 2:
					s += a.expression("        ", "node.kubernetes.io/windows-build", a.pick("In", "In", "NotIn"), a.pick("10.0.17763", "10.0.20348"), a.pick("10.0.26100", "10.0.25398"))
				case 3:
					s += a.expression("        ", "pool", "NotIn", a.pick("b", "c"))
				}
			}
		}
		parts = append(parts, s)
	}
	if a.IntN(3) == 0 {
		parts = append(parts, "# what it tolerates\ntolerations:\n- {key: os, operator: Exists}\n")
	}
	a.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return strings.Join(parts, a.pick("", "\n", "# next\n"))
}

// object writes an object with a pod template, and says where its pod's spec is.
func (a author) object(name string) (text string, spec func(src []byte) (*corev1.PodSpec, any, error)) {
	below := func(column int) string {
		pad := strings.Repeat(" ", column)
		return pad + strings.ReplaceAll(strings.TrimSuffix(a.spec(), "\n"), "\n", "\n"+pad) + "\n"
	}
	step := 2 + 2*a.IntN(2)
	head := func(api, kind string) string {
		return "apiVersion: " + api + "\nkind: " + kind + a.comment() + "\nmetadata:\n" + strings.Repeat(" ", step) + "name: " + name + "\n"
	}
	in := func(n int) string { return strings.Repeat(" ", n*step) }
	switch a.IntN(3) {
	case 0:
		text = head("apps/v1", "Deployment") + "spec:\n" + in(1) + "selector: {matchLabels: {app: a}}\n" + in(1) + "template:\n" + in(2) + "metadata: {labels: {app: a}}\n" + in(2) + "spec:\n" + below(3*step)
		spec = func(src []byte) (*corev1.PodSpec, any, error) {
			var o appsv1.Deployment
			err := yaml.UnmarshalStrict(src, &o)
			return &o.Spec.Template.Spec, &o, err
		}
	case 1:
		text = head("batch/v1", "CronJob") + "spec:\n" + in(1) + "schedule: '0 3 * * *'\n" + in(1) + "jobTemplate:\n" + in(2) + "spec:\n" + in(3) + "template:\n" + in(4) + "spec:\n" + in(5) + "restartPolicy: Never\n" + below(5*step)
		spec = func(src []byte) (*corev1.PodSpec, any, error) {
			var o batchv1.CronJob
			err := yaml.UnmarshalStrict(src, &o)
			return &o.Spec.JobTemplate.Spec.Template.Spec, &o, err
		}
	default:
		text = head("v1", "Pod") + "spec:\n" + below(step)
		spec = func(src []byte) (*corev1.PodSpec, any, error) {
			var o corev1.Pod
			err := yaml.UnmarshalStrict(src, &o)
			return &o.Spec, &o, err
		}
	}
	return text, spec
}

// TestSelectFilesHolds: on manifests and clusters by chance, the file that is
// written says with Kubernetes' own types what it said but for where its pods go;
// Kubernetes' own matching admits the nodes that it admitted and that run all images
// by compat, and no other; a second run changes nothing; comments stay.
func TestSelectFilesHolds(t *testing.T) {
	f := facts.Embedded()
	r := rand.New(rand.NewPCG(8, 2026))
	a := author{r}
	changed, refused := 0, map[string]int{}
	for i := range 500 {
		text, specOf := a.object("a")
		if r.IntN(4) == 0 {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		if r.IntN(6) == 0 {
			text = "\ufeff" + text
		}
		before, was, err := specOf([]byte(strings.TrimPrefix(text, "\ufeff")))
		if err != nil {
			t.Fatalf("%d: the generator: %v\n%s", i, err, text)
		}
		cluster := &kube.Cluster{}
		list := pool(r)
		for k := range list {
			cluster.Nodes = append(cluster.Nodes, kube.NodeOf(f, &list[k]))
		}
		chooser := &kube.Chooser{Doctor: &kube.Doctor{Facts: f, Today: day, Images: &kube.Images{Facts: f, Offline: true}}, Cluster: cluster}
		m, err := files.ReadManifest(f, "a.yaml", []byte(text))
		if err != nil || len(m.Pods) != 1 {
			t.Fatalf("%d: %d pods, %v\n%s", i, len(m.Pods), err, text)
		}
		plan := func() *kube.Choice {
			tpl, err := kube.TemplateOfSpec(kube.Owner{Kind: "Deployment", Name: "a"}, m.Pods[0].Spec)
			if err != nil {
				t.Fatalf("%d: %v\n%s", i, err, text)
			}
			return chooser.Plan(tpl)
		}
		p := plan()
		if !reflect.DeepEqual(p.Was, kube.PlacingOf(before)) && !p.Was.Equal(kube.PlacingOf(before)) {
			t.Fatalf("%d: it reads %+v\n%s", i, p.Was, text)
		}
		if p.Strands+p.Unknown+p.Aside != "" || !p.Changes() {
			continue
		}
		if err := m.Select(0, selectionOf(p.Will)); err != nil {
			refused[err.Error()]++
			if string(m.Src) != text {
				t.Fatalf("%d: refused, and changed", i)
			}
			continue
		}
		changed++
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("%d: %s\n%s\n--- becomes\n%s\n%q %q", i, fmt.Sprintf(format, args...), text, m.Src, p.Add, p.Remove)
		}
		after, is, err := specOf(bytes.TrimPrefix(m.Src, []byte("\ufeff")))
		if err != nil {
			fail("%v", err)
		}
		if said(kube.PlacingOf(after)) != said(p.Will) {
			fail("it says %+v, not %+v", kube.PlacingOf(after), p.Will)
		}
		// Kubernetes' own matching.
		old, now := nodeaffinity.GetRequiredNodeAffinity(&corev1.Pod{Spec: *before}), nodeaffinity.GetRequiredNodeAffinity(&corev1.Pod{Spec: *after})
		for k := range list {
			n := &list[k]
			n.Labels["beta.kubernetes.io/os"] = n.Labels[corev1.LabelOSStable]
			admitted, _ := old.Match(n)
			admits, _ := now.Match(n)
			answer := compat.No
			if kn := &cluster.Nodes[k]; kn.Windows() {
				answer = runs(f, kn, before)
			}
			switch {
			case admits && answer == compat.Risky && slices.ContainsFunc(p.Risky, func(o *kube.Node) bool { return o.Name == n.Name }):
			case admits && answer != compat.Yes:
				fail("%s is admitted: %s", n.Name, answer)
			case admitted && answer == compat.Yes && !admits:
				fail("%s is not admitted any more", n.Name)
			case admits && !admitted && len(p.Remove) == 0:
				fail("%s is admitted, and was not", n.Name)
			}
		}
		// The rest.
		p.Was.Into(after)
		kube.PlacingOf(before).Into(before)
		if !reflect.DeepEqual(was, is) {
			fail("something else has changed: %+v, %+v", was, is)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if _, c, ok := strings.Cut(line, " # why"); ok && !bytes.Contains(m.Src, []byte(" # why"+c)) && len(p.Remove) == 0 {
				fail("a comment is gone")
			}
		}
		if crlf := strings.Count(string(m.Src), "\r\n"); crlf != 0 && crlf != strings.Count(string(m.Src), "\n") || strings.Contains(text, "\r\n") != (crlf > 0) {
			fail("line ends are mixed")
		}
		if again := plan(); again.Changes() {
			fail("a second run adds %q, removes %q", again.Add, again.Remove)
		}
	}
	t.Log(changed, "changed; refused:", refused)
	if changed < 150 || len(refused) > 0 {
		t.Errorf("only %d were changed; refused: %v", changed, refused)
	}
}
