package image

import (
	"context"
	"math/bits"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

func kidsOf(versions ...string) []compat.Child {
	var list []compat.Child
	for _, v := range versions {
		list = append(list, compat.Child{OS: "windows", Architecture: "amd64", OSVersion: v, Version: parseOSVersion(v)})
	}
	return list
}

// permute visits every order of a list.
func permute(list []string, visit func([]string)) {
	var walk func(int)
	walk = func(i int) {
		if i == len(list) {
			visit(list)
			return
		}
		for j := i; j < len(list); j++ {
			list[i], list[j] = list[j], list[i]
			walk(i + 1)
			list[i], list[j] = list[j], list[i]
		}
	}
	walk(0)
}

// Where any order of an index lets a runtime take the best child for a host,
// ours does: for every set of up to four versions, every era of every runtime
// that compares versions at all, and every host.
func TestOrderServesWhatAnyOrderServes(t *testing.T) {
	pool := []string{"10.0.14393.9050", "10.0.17763.9245", "10.0.17763.437", "10.0.20348.5622", "10.0.20348.587",
		"10.0.25398.1", "10.0.26100.4061", "10.0.26100.33296", "10.0.18362.30"}
	var hosts []compat.Host
	for _, v := range []string{"10.0.14393", "10.0.14393.9050", "10.0.17763", "10.0.17763.437", "10.0.19044", "10.0.20348", "10.0.20348.587", "10.0.25398",
		"10.0.26100", "10.0.26100.4061", "10.0.26200", "10.0.28000"} {
		version := parseOSVersion(v)
		hosts = append(hosts, compat.Host{Version: version, Edition: winver.EditionOf(facts.Embedded(), version.Build)})
	}
	type runtime struct {
		compat.Runtime
		rule compat.Rule
	}
	var runtimes []runtime
	for _, e := range []compat.Engine{compat.Docker, compat.DockerContainerd, compat.Containerd} {
		for _, era := range e.Eras() {
			r := runtime{compat.Runtime{Engine: e, Release: era.From}, era.Rule}
			if r.Release == (compat.Release{}) {
				r.Release.Patch = 1
			}
			runtimes = append(runtimes, r)
		}
	}
	f := facts.Embedded()
	serves := func(r runtime, h compat.Host, versions []string) bool {
		v := compat.Decide(f, &compat.Question{Host: h, Runtime: r.Runtime, Image: compat.Image{Children: kidsOf(versions...)}})
		return v.Pull != compat.OutcomeUnknown && !v.Has(compat.RuntimeTakesOtherChild)
	}
	sets, left := 0, map[string]bool{}
	for mask := 1; mask < 1<<len(pool); mask++ {
		if n := bits.OnesCount(uint(mask)); n < 2 || n > 4 {
			continue
		}
		sets++
		var set []string
		var list []joined
		for i, v := range pool {
			if mask&(1<<i) != 0 {
				set = append(set, v)
				list = append(list, joined{child: Child{OS: "windows", Version: parseOSVersion(v), OSVersion: v}})
			}
		}
		var ours []string
		for _, j := range sortJoined(list) {
			ours = append(ours, j.child.OSVersion)
		}
		var orders [][]string
		permute(set, func(p []string) { orders = append(orders, append([]string(nil), p...)) })
		for _, r := range runtimes {
			for _, h := range hosts {
				if serves(r, h, ours) {
					continue
				}
				any := false
				for _, o := range orders {
					any = any || serves(r, h, o)
				}
				// Of two children of one build, a finding by itself, each order serves
				// hosts of another revision: ours those that are told no revision of.
				several := 0
				for _, v := range set {
					if parseOSVersion(v).Build == h.Version.Build {
						several++
					}
				}
				if _, exact := h.Version.Revision(); exact && several > 1 {
					continue
				}
				if any && r.rule != compat.RuleNone {
					t.Fatalf("%v on %v: %v does not serve, another order does", r.Runtime, h.Version, ours)
				}
				if !any {
					left[r.Runtime.String()] = true
				}
			}
		}
	}
	// containerd 1.6 goes by the highest revision, whatever the build.
	if !left["containerd 1.6.23"] || left["docker 18.3.0"] || left["docker-containerd 29.0.0"] || sets < 200 {
		t.Errorf("%d sets, left out: %v", sets, left)
	}
}

func TestCreate(t *testing.T) {
	r := newRegistry(t)
	for tag, platform := range map[string]obj{
		"a": windows("10.0.17763.9245"), "b": {"os": "windows", "architecture": "amd64", "os.version": "10.0.26100.5", "os.features": []string{"win32k"}},
		"l": {"os": "linux", "architecture": "arm64", "variant": "v8"}, "mute": {"os": "windows", "architecture": "amd64"},
	} {
		r.image("app", tag, typeOCIManifest, platform)
	}
	// An index as BuildKit makes it of one image: with an attestation, and here
	// without os.version and with a key that nobody knows.
	img := with(r.image("app", "", typeOCIManifest, windows("10.0.20348.5622")), obj{"os": "windows", "architecture": "amd64"})
	img["x-unknown"] = 1
	att := with(r.image("app", "", typeOCIManifest, obj{"os": "unknown", "architecture": "unknown"}), obj{"os": "unknown", "architecture": "unknown"})
	r.put("app", "kit", typeOCIIndex, obj{"manifests": []obj{img, att}})

	c := quick()
	plan := func(target string, sources ...string) (*Creation, error) {
		var refs []Reference
		for _, s := range sources {
			refs = append(refs, r.ref(s))
		}
		return c.PlanCreate(context.Background(), r.ref(target), refs)
	}
	n, err := plan("app:all", "app:l", "app:a", "app:kit", "app:b", "app:a")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := saysOf(n.Image), "yes windows/amd64 10.0.26100.5 windows/amd64 10.0.20348.5622 windows/amd64 10.0.17763.9245 linux/arm64 unknown/unknown"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, part := range []string{`"x-unknown": 1`, `"win32k"`, `"variant": "v8"`} {
		if !strings.Contains(string(n.Body()), part) {
			t.Errorf("no %s in\n%s", part, n.Body())
		}
	}
	if n.Before != "" {
		t.Errorf("before: %s", n.Before)
	}
	for range 2 {
		if err := c.ApplyCreate(context.Background(), n); err != nil {
			t.Fatal(err)
		}
	}
	if m := get(t, c, r.ref("app:all")); m.Digest != n.Digest {
		t.Errorf("%s, want %s", m.Digest, n.Digest)
	}
	if n, err = plan("app:all", "app:l", "app:a", "app:kit", "app:b", "app:a"); err != nil || n.Before != n.Digest {
		t.Errorf("the second time: %v %+v", err, n)
	}
	for _, c := range []struct{ target, source, text string }{
		{"app:x", "other:a", "not in the repository"},
		{"app:x", "app:mute", "no runtime could tell"},
		{"app:x", "app:none", "no such image"},
		{"app:x@" + n.Digest, "app:a", "under a tag"},
	} {
		if _, err := plan(c.target, c.source); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %s: %v", c.target, c.source, err)
		}
	}
}
