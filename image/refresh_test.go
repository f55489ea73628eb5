package image

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// base pushes a base image as Microsoft does, an index over one image, under
// its tags.
func (r *registry) base(repo, version, created string, tags ...string) {
	r.Helper()
	config := windows(version)
	if created != "" {
		config["created"] = created
	}
	for _, tag := range tags {
		d := with(r.image(repo, "", typeDockerManifest, config), windows(version))
		r.put(repo, tag, typeDockerList, obj{"manifests": []obj{d}})
	}
}

// learn learns from repositories of the registry and writes the updates as text.
func (r *registry) learn(today facts.Date, repos ...string) (updates, left []string, learnt Learnt) {
	r.Helper()
	var refs []Reference
	for _, repo := range repos {
		refs = append(refs, r.ref(repo))
	}
	learnt, err := quick().Learn(context.Background(), refs, today)
	if err != nil {
		r.Fatal(err)
	}
	for _, u := range learnt.Updates {
		updates = append(updates, fmt.Sprintf("%d.%d KB%d %s %s %s %s", u.Build, u.Revision, u.KB, u.Date, u.Type, u.Line, strings.TrimPrefix(u.Source, r.host+"/")))
	}
	for _, f := range learnt.Left {
		left = append(left, f.Code+" "+strings.ReplaceAll(f.Text, r.host+"/", ""))
	}
	return updates, left, learnt
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLearn(t *testing.T) {
	r := newRegistry(t)
	const core, nano = "windows/servercore", "mirror/windows/nanoserver"
	// What the facts know, in all its forms.
	r.base(core, "10.0.20348.5622", "2026-09-04T10:00:00Z", "10.0.20348.5622", "ltsc2022-KB5122882", "10.0.20348.5622-amd64")
	// New ones: of a second Tuesday, and after it.
	r.base(core, "10.0.20348.5900", "2026-11-05T10:00:00.123Z", "10.0.20348.5900", "ltsc2022-KB5130000", "ltsc2022-KB5130000-amd64", "ltsc2022", "10.0.20348.5900-amd64")
	r.base(core, "10.0.20348.5907", "2026-11-16T10:00:00Z", "10.0.20348.5907", "ltsc2022-KB5130100")
	r.base(core, "10.0.17763.9400", "2026-10-09T10:00:00Z", "10.0.17763.9400")
	r.base(core, "10.0.26100.33600", "", "ltsc2025-KB5130300") // no day, no tag of its version
	r.base(core, "10.0.29574.1000", "2026-11-05T10:00:00Z", "10.0.29574.1000", "10.0.29574.900", "ltsc2028")
	// The same in another repository, which knows one more KB.
	r.base(nano, "10.0.20348.5900", "2026-11-05T09:00:00Z", "10.0.20348.5900", "ltsc2022-KB5130000")
	r.base(nano, "10.0.17763.9400", "2026-10-09T10:00:00Z", "10.0.17763.9400", "1809-KB5127000")
	r.requests()

	updates, left, learnt := r.learn(20261124, core, nano)
	same(t, "updates", updates,
		"17763.9400 KB5127000 2026-10-13 B both mirror/windows/nanoserver:1809-KB5127000",
		"20348.5900 KB5130000 2026-11-10 B server windows/servercore:ltsc2022-KB5130000",
		"20348.5907 KB5130100  unknown server windows/servercore:ltsc2022-KB5130100",
		"26100.33600 KB5130300  unknown server windows/servercore:ltsc2025-KB5130300")
	same(t, "left", left,
		"unknown-build windows/servercore:10.0.29574.1000 and 1 more: the facts know no Windows of build 29574",
		"unknown-family windows/servercore:ltsc2028: the facts know no such family of tags")
	// Two lists of tags and three for each of five images that were read.
	if n := len(r.requests()); n != 2+3*5 {
		t.Errorf("%d requests", n)
	}
	if day := learnt.AsOf(facts.Embedded()); day != 20261110 {
		t.Errorf("as of %s", day)
	}

	// With what was learnt there is nothing to learn.
	text, err := facts.Embedded().WriteOverlay(nil, 20261110, learnt.Updates)
	if err != nil {
		t.Fatal(err)
	}
	f, err := facts.Embedded().Overlay(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := quick()
	c.Facts = f
	again, err := c.Learn(context.Background(), []Reference{r.ref(core), r.ref(nano)}, 20261124)
	if err != nil || len(again.Updates) != 0 || !reflect.DeepEqual(again.Left, learnt.Left) {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if n := len(r.requests()); n != 2 {
		t.Errorf("the second time: %d requests", n)
	}
	// And the names say more than before.
	official := mustParse(t, "mcr.microsoft.com/windows/servercore:ltsc2022")
	if got := FromName(official, f).AtLeast; got != winver.New(20348, 5900) {
		t.Errorf("ltsc2022 stands for at least %v", got)
	}
	if m := FromName(mustParse(t, "mcr.microsoft.com/windows/servercore:ltsc2022-KB5130000"), f); m.Children[0].Version != winver.New(20348, 5900) {
		t.Errorf("the KB leads to %+v", m.Children)
	}
}

// TestLearnFamily: a mirror that holds nothing but the tags of families.
func TestLearnFamily(t *testing.T) {
	r := newRegistry(t)
	const core = "windows/servercore"
	r.base(core, "10.0.20348.5900", "2026-11-05T10:00:00Z", "ltsc2022")
	r.base(core, "10.0.17763.9245", "2026-09-04T10:00:00Z", "ltsc2019", "1809") // known
	r.requests()
	updates, left, _ := r.learn(20261124, core)
	same(t, "updates", updates, "20348.5900 KB0 2026-11-10 B server windows/servercore:ltsc2022")
	same(t, "left", left)
	if n := len(r.requests()); n != 1+3+1 {
		t.Errorf("%d requests", n)
	}
}

// TestLearnDoubt: what does not fit together is not taken, or not dated.
func TestLearnDoubt(t *testing.T) {
	const core = "windows/servercore"
	for _, c := range []struct {
		name          string
		push          func(*registry)
		updates, left []string
	}{
		{"two of one day", func(r *registry) {
			r.base(core, "10.0.20348.5900", "2026-11-05T10:00:00Z", "10.0.20348.5900")
			r.base(core, "10.0.20348.5905", "2026-11-06T10:00:00Z", "10.0.20348.5905")
		}, []string{"20348.5900 KB0  unknown server windows/servercore:10.0.20348.5900", "20348.5905 KB0  unknown server windows/servercore:10.0.20348.5905"}, nil},
		{"a day that is to come", func(r *registry) {
			r.base(core, "10.0.20348.5999", "2026-12-05T10:00:00Z", "10.0.20348.5999")
		}, []string{"20348.5999 KB0  unknown server windows/servercore:10.0.20348.5999"}, nil},
		{"a day before that of an older update", func(r *registry) {
			r.base(core, "10.0.20348.5900", "2026-07-10T10:00:00Z", "10.0.20348.5900")
		}, []string{"20348.5900 KB0  unknown server windows/servercore:10.0.20348.5900"}, nil},
		{"a day of the year 1", func(r *registry) {
			r.base(core, "10.0.20348.5900", "0001-01-01T00:00:00Z", "10.0.20348.5900")
		}, []string{"20348.5900 KB0  unknown server windows/servercore:10.0.20348.5900"}, nil},
		{"another version than the tag's", func(r *registry) {
			r.base(core, "10.0.20348.5901", "2026-11-05T10:00:00Z", "10.0.20348.5900", "ltsc2025-KB5130000")
		}, nil, []string{
			"image-not-read windows/servercore:10.0.20348.5900 is 10.0.20348.5901", "image-not-read windows/servercore:ltsc2025-KB5130000 is 10.0.20348.5901"}},
		{"index and config", func(r *registry) {
			d := with(r.image(core, "", typeOCIManifest, windows("10.0.20348.5901")), windows("10.0.20348.5900"))
			r.put(core, "10.0.20348.5900", typeOCIIndex, obj{"manifests": []obj{d}})
		}, nil, []string{"image-not-read windows/servercore:10.0.20348.5900 is 10.0.20348.5900 by its index and 10.0.20348.5901 by its config"}},
		{"no image of Windows", func(r *registry) {
			r.image(core, "10.0.20348.5900", typeOCIManifest, obj{"os": "linux", "architecture": "amd64"})
			r.put(core, "10.0.20348.5901", typeOCIIndex, obj{"manifests": []obj{}})
		}, nil, []string{"image-not-read windows/servercore:10.0.20348.5900 states no os.version of Windows in its config",
			"image-not-read windows/servercore:10.0.20348.5901 is an index without an image of windows/amd64"}},
		{"two images of Windows", func(r *registry) {
			newer := with(r.image(core, "", typeOCIManifest, windows("10.0.20348.5900")), windows("10.0.20348.5900"))
			older := with(r.image(core, "", typeOCIManifest, windows("10.0.20348.5622")), windows("10.0.20348.5622"))
			r.put(core, "10.0.20348.5900", typeOCIIndex, obj{"manifests": []obj{older, newer}})
		}, nil, []string{"image-not-read windows/servercore:10.0.20348.5900 is an index of several images"}},
		{"another KB than the facts'", func(r *registry) {
			r.base(core, "10.0.14393.9512", "2026-09-04T10:00:00Z", "ltsc2016-KB5122878")
		}, nil, []string{"sources-disagree windows/servercore:ltsc2016-KB5122878 holds 10.0.14393.9512, which is KB5123099 by what is known"}},
		{"no KB", func(r *registry) {
			r.base(core, "10.0.20348.5900", "2026-11-05T10:00:00Z", "ltsc2022-KB513000")
		}, nil, []string{"image-not-read windows/servercore:ltsc2022-KB513000: KB513000 is no KB of seven digits"}},
		{"a single manifest", func(r *registry) {
			config := windows("10.0.20348.5900")
			config["created"] = "2026-11-05T10:00:00Z"
			r.image(core, "10.0.20348.5900-amd64", typeDockerManifest, config)
		}, []string{"20348.5900 KB0 2026-11-10 B server windows/servercore:10.0.20348.5900-amd64"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			c.push(r)
			updates, left, learnt := r.learn(20261124, core)
			same(t, "updates", updates, c.updates...)
			same(t, "left", left, c.left...)
			if _, err := facts.Embedded().WriteOverlay(nil, learnt.AsOf(facts.Embedded()), learnt.Updates); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLearnFails(t *testing.T) {
	r := newRegistry(t)
	r.base("windows/servercore", "10.0.20348.5900", "", "10.0.20348.5900")
	r.base("vendor/app", "10.0.20348.5900", "", "10.0.20348.5900")
	learn := func(ref Reference) error {
		learnt, err := quick().Learn(context.Background(), []Reference{ref}, 20261124)
		if len(learnt.Updates) != 0 {
			t.Errorf("%+v with an error", learnt)
		}
		return err
	}
	wantError(t, "vendor", learn(r.ref("vendor/app")), CodeReference, "no repository of Microsoft's base images")
	wantError(t, "none", learn(r.ref("mirror/windows/servercore")), CodeNotFound, "no such repository")
	r.wrap = func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/manifests/") {
				http.Error(w, "{}", http.StatusInternalServerError)
				return
			}
			inner.ServeHTTP(w, req)
		})
	}
	wantError(t, "down", learn(r.ref("windows/servercore")), CodeUnreachable, "500")
}

func TestPatchTuesday(t *testing.T) {
	for day, want := range map[facts.Date]facts.Date{
		20261110: 20261110, 20261105: 20261110, 20261031: 20261110, 20261030: 0, 20261111: 0, 20260908: 20260908,
		20270102: 20270112, 20270101: 0, 20271230: 0, 0: 0,
	} {
		if got := patchTuesday(day); got != want {
			t.Errorf("patchTuesday(%s) = %s, want %s", day, got, want)
		}
	}
	// The rule, held against the facts: every second-Tuesday update is of one.
	n := 0
	for _, u := range facts.Embedded().Updates {
		if u.Type == facts.B {
			if n++; patchTuesday(u.Date) != u.Date {
				t.Errorf("%d.%d is of %s", u.Build, u.Revision, u.Date)
			}
		}
	}
	if n < 500 {
		t.Errorf("only %d updates", n)
	}
}
