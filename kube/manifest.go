package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// written is what of a pod's spec in a file says what it runs and where. The rest
// is not looked at: it may be filled in later.
type written struct {
	NodeSelector map[string]string `json:"nodeSelector"`
	Affinity     *struct {
		NodeAffinity *struct {
			Required *corev1.NodeSelector `json:"requiredDuringSchedulingIgnoredDuringExecution"`
		} `json:"nodeAffinity"`
	} `json:"affinity"`
	Tolerations        []corev1.Toleration           `json:"tolerations"`
	RuntimeClassName   *string                       `json:"runtimeClassName"`
	NodeName           string                        `json:"nodeName"`
	OS                 *corev1.PodOS                 `json:"os"`
	ServiceAccountName string                        `json:"serviceAccountName"`
	ImagePullSecrets   []corev1.LocalObjectReference `json:"imagePullSecrets"`
	SecurityContext    *writtenSecurity              `json:"securityContext"`
	InitContainers     []writtenContainer            `json:"initContainers"`
	Containers         []writtenContainer            `json:"containers"`
}

type writtenSecurity struct {
	WindowsOptions *struct {
		HostProcess *bool `json:"hostProcess"`
	} `json:"windowsOptions"`
}

type writtenContainer struct {
	Name            string           `json:"name"`
	Image           string           `json:"image"`
	SecurityContext *writtenSecurity `json:"securityContext"`
}

// TemplateOfSpec makes a template of a pod's spec that is written in a file: as
// encoding/json has it. The error says what in it no API server would take.
func TemplateOfSpec(owner Owner, spec map[string]any) (*Template, error) {
	var w written
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &w); err != nil {
		var e *json.UnmarshalTypeError
		if errors.As(err, &e) && e.Field != "" {
			return nil, fmt.Errorf("%s is a %s, which it must not be: text that looks like one wants quotes", strings.TrimPrefix(e.Field, "."), e.Value)
		}
		return nil, err
	}
	t := &Template{Owner: owner}
	p := &t.Pod
	p.Tolerations, p.RuntimeClassName, p.NodeName, p.OS = w.Tolerations, w.RuntimeClassName, w.NodeName, w.OS
	p.ServiceAccountName, p.ImagePullSecrets = w.ServiceAccountName, w.ImagePullSecrets
	if host := w.SecurityContext.hostProcess(); host != nil {
		p.SecurityContext = &corev1.PodSecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{HostProcess: host}}
	}
	p.InitContainers, p.Containers = containersOf(w.InitContainers), containersOf(w.Containers)
	q := Placing{NodeSelector: w.NodeSelector}
	if a := w.Affinity; a != nil && a.NodeAffinity != nil {
		q.Required = a.NodeAffinity.Required
	}
	if q.Required != nil {
		if _, err := nodeaffinity.NewNodeSelector(q.Required); err != nil {
			return nil, fmt.Errorf("its required node affinity is none: %w", err)
		}
	}
	q.Into(p)
	return t, nil
}

func (s *writtenSecurity) hostProcess() *bool {
	if s == nil || s.WindowsOptions == nil {
		return nil
	}
	return s.WindowsOptions.HostProcess
}

func containersOf(list []writtenContainer) []corev1.Container {
	var out []corev1.Container
	for i := range list {
		c := corev1.Container{Name: list[i].Name, Image: list[i].Image}
		if host := list[i].SecurityContext.hostProcess(); host != nil {
			c.SecurityContext = &corev1.SecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{HostProcess: host}}
		}
		out = append(out, c)
	}
	return out
}

// Assume is a cluster that is thought of: a node for each host, with the labels
// that its kubelet would set. Of other labels nothing is known: what a pod demands of
// them is taken to be met. Where no runtime is named it is
// containerd, before Windows Server 2019 Docker, of a version that is not known.
func Assume(f *facts.Facts, hosts []winver.Host, runtime compat.Runtime) *Cluster {
	c := &Cluster{Held: map[string]string{}, assumed: true}
	for _, h := range hosts {
		n := Node{Name: compat.Name(f, h.Version, h.Edition), OS: "windows", Host: h, Runtime: runtime, Ready: true, Labels: map[string]string{
			corev1.LabelOSStable: "windows", corev1.LabelArchStable: "amd64", corev1.LabelWindowsBuild: fmt.Sprintf("10.0.%d", h.Version.Build)}}
		n.Labels[oldLabelOS] = "windows"
		if h.ARM64 {
			n.Labels[corev1.LabelArchStable] = "arm64"
		}
		n.Labels["beta.kubernetes.io/arch"] = n.Labels[corev1.LabelArchStable]
		if r, err := compat.ParseRuntime(h.Runtime); err == nil && runtime.Engine == compat.NoEngine { // the text of a node list
			n.Runtime = r
		}
		if n.Runtime.Engine == compat.NoEngine {
			if n.Runtime.Engine = compat.Containerd; h.Version.Build < winver.LTSC2019 {
				n.Runtime.Engine = compat.Docker
			}
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

// AddRuntimeClass has the pods of a runtime class choose nodes as it says, in
// scheduling as encoding/json has it, whatever the cluster has of that name.
func (c *Cluster) AddRuntimeClass(name string, scheduling any) error {
	text, err := json.Marshal(scheduling)
	if err != nil {
		return err
	}
	var s *nodev1.Scheduling
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("RuntimeClass %s: %w", name, err)
	}
	if c.runtimes == nil {
		c.runtimes = map[string]*nodev1.Scheduling{}
	}
	c.runtimes[name] = s
	return nil
}
