package kube

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/image"
)

// Images finds out what is in the images of pods, each reference once.
type Images struct {
	Kube     kubernetes.Interface // for pull secrets; nil: none
	Facts    *facts.Facts
	Offline  bool
	Insecure bool
	Held     map[string]string // see Cluster

	mu    sync.Mutex
	known map[string]*image.Image // by reference
	auths map[string][]auth       // of secrets, by namespace/name; nil: not readable
	own   *image.Client           // asks with the user's credentials
	Notes []string                // why a registry did not tell, one a reference
}

// use is a pod, or a template, that uses an image.
type use struct{ namespace, account, secrets string }

// maxUses bounds the sets of pull secrets that are tried for one image.
const maxUses = 4

// registryTimeout bounds the reading of one image: many are read at once, and one
// that is not read is only unknown.
const registryTimeout = 15 * time.Second

// Get returns what is in an image, as far as is known before [Images.Read]: what
// its name says.
func (m *Images) Get(reference string) *image.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]*image.Image{}
	}
	img := m.known[reference]
	if img == nil {
		img = &image.Image{Reference: reference, Basis: image.BasisTag}
		if ref, ok := parse(reference); ok {
			named := image.FromName(ref, m.Facts)
			if held, ok := parse(m.Held[ref.String()]); ok && len(named.Children) == 0 {
				if by := image.FromName(held, m.Facts); len(by.Children) > 0 {
					named, named.Reference = by, reference
				}
			}
			img = &named
		}
		m.known[reference] = img
	}
	return img
}

// parse reads a reference as the kubelet does: to it, oci:… and windows:… are
// names of Docker Hub.
func parse(reference string) (image.Reference, bool) {
	ref, err := image.Parse(reference)
	return ref, err == nil && ref.Kind == image.Registry
}

// settled reports whether the name of an image says enough that no registry is
// asked: it has a version, or it is known that there is no such Windows image.
func settled(img *image.Image) bool {
	if _, missing := img.Missing(); missing {
		return true
	}
	return len(img.Children) > 0 && img.Basis == image.BasisTag
}

// Read asks the registries for the images whose names do not say what is in them.
func (m *Images) Read(ctx context.Context, uses map[string][]use) {
	var todo []string
	for reference := range uses {
		if _, ok := parse(reference); ok && !settled(m.Get(reference)) {
			todo = append(todo, reference)
		}
	}
	if m.Offline || len(todo) == 0 {
		return
	}
	sort.Strings(todo)
	m.Notes = nil
	m.own = &image.Client{Facts: m.Facts, Insecure: m.Insecure, Timeout: registryTimeout}
	jobs := make(chan string)
	var wg sync.WaitGroup
	for range min(16, len(todo)) {
		wg.Go(func() {
			for reference := range jobs {
				m.ask(ctx, reference, uses[reference])
			}
		})
	}
	for _, reference := range todo {
		jobs <- reference
	}
	close(jobs)
	wg.Wait()
	sort.Strings(m.Notes)
}

// ask asks a registry for one image: with each pull secret that is for it, then
// with the user's own credentials.
func (m *Images) ask(ctx context.Context, reference string, uses []use) {
	ref, _ := parse(reference)
	var failed error
	for _, client := range append(m.clients(ctx, ref, uses), m.own) {
		img, err := client.Get(ctx, ref)
		if err == nil {
			m.mu.Lock()
			m.known[reference] = &img
			m.mu.Unlock()
			return
		}
		failed = err
		var e *image.Error
		if !errors.As(err, &e) || e.Code != image.CodeUnauthorized && e.Code != image.CodeNotFound {
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Notes = append(m.Notes, failed.Error())
}

// auth is an entry of a pull secret.
type auth struct {
	key   string // what it is for: "registry.example", "*.example/team"
	entry json.RawMessage
}

// clients are one client for each different credential that a pull secret has for
// a reference, the most specific first.
func (m *Images) clients(ctx context.Context, ref image.Reference, uses []use) []*image.Client {
	var list []auth
	for i, u := range uses {
		if i == maxUses {
			break
		}
		names := strings.Split(u.secrets, ",")
		names = append(names, m.accountSecrets(ctx, u.namespace, u.account)...)
		for _, name := range names {
			for _, a := range m.secret(ctx, u.namespace, name) {
				if matches(a.key, ref) && !slices.ContainsFunc(list, func(b auth) bool { return string(a.entry) == string(b.entry) }) {
					list = append(list, a)
				}
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return len(list[i].key) > len(list[j].key) })
	clients := make([]*image.Client, 0, len(list))
	for _, a := range list {
		config, err := json.Marshal(map[string]any{"auths": map[string]json.RawMessage{ref.Host: a.entry}})
		if err == nil {
			clients = append(clients, &image.Client{Facts: m.Facts, Insecure: m.Insecure, Timeout: registryTimeout, Config: config})
		}
	}
	return clients
}

// matches reports whether a key of a pull secret is for a reference: a host, with
// * for parts of its name, and the beginning of a path, letter by letter.
// https://kubernetes.io/docs/concepts/containers/images/#config-json
func matches(key string, ref image.Reference) bool {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, under, _ := strings.Cut(key, "/")
	for _, version := range []string{"v1", "v2"} {
		if under == version || strings.HasPrefix(under, version+"/") {
			under = strings.TrimPrefix(under[len(version):], "/")
			break
		}
	}
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = image.DockerHub
	}
	if !strings.HasPrefix(ref.Repository, under) {
		return false
	}
	want, have := strings.Split(host, "."), strings.Split(ref.Host, ".")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], have[i]); !ok || err != nil {
			return false
		}
	}
	return true
}

// secret returns the entries of a pull secret; none where it cannot be read.
func (m *Images) secret(ctx context.Context, namespace, name string) []auth {
	if m.Kube == nil || name == "" {
		return nil
	}
	key := "secret " + namespace + "/" + name
	if list, ok := m.cached(key); ok {
		return list
	}
	var list []auth
	if s, err := m.Kube.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
		list = entries(s)
	}
	return m.cache(key, list)
}

// accountSecrets are the names of the pull secrets of a service account.
func (m *Images) accountSecrets(ctx context.Context, namespace, account string) []string {
	if m.Kube == nil {
		return nil
	}
	if account == "" {
		account = "default"
	}
	key := "account " + namespace + "/" + account
	list, ok := m.cached(key)
	if !ok {
		if a, err := m.Kube.CoreV1().ServiceAccounts(namespace).Get(ctx, account, metav1.GetOptions{}); err == nil {
			for _, r := range a.ImagePullSecrets {
				list = append(list, auth{key: r.Name})
			}
		}
		m.cache(key, list)
	}
	var names []string
	for _, a := range list {
		names = append(names, a.key)
	}
	return names
}

func (m *Images) cached(key string) ([]auth, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, ok := m.auths[key]
	return list, ok
}

func (m *Images) cache(key string, list []auth) []auth {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.auths == nil {
		m.auths = map[string][]auth{}
	}
	m.auths[key] = list
	return list
}

// entries reads a pull secret of either type.
func entries(s *corev1.Secret) []auth {
	all := map[string]json.RawMessage{}
	switch s.Type {
	case corev1.SecretTypeDockerConfigJson:
		var c struct{ Auths map[string]json.RawMessage }
		if json.Unmarshal(s.Data[corev1.DockerConfigJsonKey], &c) == nil {
			all = c.Auths
		}
	case corev1.SecretTypeDockercfg:
		if json.Unmarshal(s.Data[corev1.DockerConfigKey], &all) != nil {
			return nil
		}
	}
	var list []auth
	for key, entry := range all {
		list = append(list, auth{key, entry})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].key > list[j].key })
	return list
}
