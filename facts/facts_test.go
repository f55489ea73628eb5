package facts

import (
	"fmt"
	"strings"
	"testing"
)

func TestEmbedded(t *testing.T) {
	f := Embedded()
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string][2]int{
		"releases": {len(f.Releases), 32}, "updates": {len(f.Updates), 1548}, "baselines": {len(f.Baselines), 6},
		"tables": {len(f.Tables), 17}, "sources": {len(f.Sources), 16},
	} {
		if n[0] < n[1] {
			t.Errorf("%d %s, want at least %d", n[0], what, n[1])
		}
	}
	for _, r := range f.Releases {
		if len(r.Sources) == 0 {
			t.Errorf("release %s has no source", r.ID)
		}
	}
	// The examples that Microsoft's page gives.
	for _, c := range []struct {
		build, revision, kb uint32
		date                string
	}{
		{14393, 1770, 4041691, "2017-10-10"},
		{14393, 1944, 4053579, "2017-12-12"},
		{17763, 437, 4493509, "2019-04-09"},
	} {
		u := f.Update(c.build, c.revision)
		if u == nil || u.KB != c.kb || u.Date.String() != c.date {
			t.Errorf("update %d.%d = %+v, want KB%d of %s", c.build, c.revision, u, c.kb, c.date)
		}
		found := false
		for _, v := range f.ByKB(c.kb) {
			found = found || v == *u
		}
		if !found {
			t.Errorf("KB%d does not lead back to %d.%d", c.kb, c.build, c.revision)
		}
	}
}

// TestDoubtful: a KB leads to the revision that Microsoft's page gives, not to
// the one that a single list has.
func TestDoubtful(t *testing.T) {
	for kb, want := range map[uint32]uint32{5005625: 2213, 5058392: 7314, 5055526: 3453} {
		for _, u := range Embedded().ByKB(kb) {
			if u.Revision != want && (u.Build == 17763 || u.Build == 20348) {
				t.Errorf("KB%d leads to %d.%d, want revision %d", kb, u.Build, u.Revision, want)
			}
		}
	}
}

func TestTable(t *testing.T) {
	f := Embedded()
	for _, c := range []struct{ on, commit string }{
		{"2017-10-16", ""}, {"2017-10-17", "8ce23ca3"}, {"2021-08-30", "70a289f2"}, {"2022-09-26", "3efcfe4e"}, {"2024-11-28", "5511b51c"}, {"", "d579eae8"},
	} {
		got := ""
		if tab := f.Table(ParseDate(c.on)); tab != nil {
			got = tab.Commit
		}
		if got != c.commit {
			t.Errorf("table on %q is %q, want %q", c.on, got, c.commit)
		}
	}
}

func TestDate(t *testing.T) {
	for s, valid := range map[string]bool{
		"2026-09-14": true, "2026-09": true, "2020-02-29": true, "": true,
		"2026-13-01": false, "2026-00-10": false, "2026-9-1": false, "20260914": false, "2026-09-00": false, "2026/09/14": false,
	} {
		d := ParseDate(s)
		if (d.String() == s) != valid {
			t.Errorf("ParseDate(%q) = %q", s, d)
		}
	}
	if Date(20210229).valid() || Date(20210431).valid() {
		t.Error("a day that no calendar has is taken for one")
	}
	if n := Date(20260929).Days(20261124); n != 56 {
		t.Errorf("%d days from 2026-09-29 to 2026-11-24, want 56", n)
	}
	if n := Date(20200228).Days(20200301); n != 2 {
		t.Errorf("%d days from 2020-02-28 to 2020-03-01, want 2", n)
	}
}

func TestOverlay(t *testing.T) {
	f := Embedded()
	g, err := f.Overlay(strings.NewReader(`{"asOf":"2026-11-10","updates":[
		{"build":20348,"revision":5900,"kb":"KB5130000","date":"2026-11-10","type":"B","line":"server","source":"a test"}],
		"releases":[{"id":"ws2028","name":"Windows Server 2028","kind":"server-ltsc","build":30000,"available":"2028-10-01","tags":["ltsc2028"],"sources":["a test"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if u := g.Update(20348, 5900); u == nil || u.KB != 5130000 || g.AsOf != 20261110 {
		t.Errorf("the overlay's update is not there: %+v, as of %s", u, g.AsOf)
	}
	if f.Update(20348, 5900) != nil || f.AsOf == g.AsOf {
		t.Error("the overlay changed the embedded facts")
	}
	for _, c := range []struct{ file, want string }{
		{`{"asOf":"2026-11-10","updates":[{"build":20348,"revision":1,"kb":"5130000","source":"x"}]}`, `updates[0]: kb: bad KB "5130000"`},
		{`{"asOf":"2026-11-10","updates":[{"build":12345,"revision":1,"source":"x"}]}`, "update 12345.1: no release has this build"},
		{`{"asOf":"2026-11-10","updates":[{"build":20348,"revision":1}]}`, "update 20348.1: no source"},
		{`{"asOf":"yesterday"}`, `asOf: bad date "yesterday"`},
		{"{\n\"asOf\":\"2026-11-10\",\n\"update\":[]}", `line 3: json: unknown field "update"`},
		{`{"asOf":"2026-11-10","updates":[{"build":20348,"revision":1,"type":"C","source":"x"}]}`, `unknown type "C"`},
		{`{"asOf":"2026-11-10","updates":[{"build":20348,"revision":1,"date":"2026-02-30","source":"x"}]}`, "bad date"},
		{`[]`, "line 1"},
		{`{"asOf":"2026-11-10"} {}`, "more than one JSON value"},
		{"{\n\"asOf\":\"2026-11-10\",\"updates\":[\n{\"build\":20348,\"revision\":1,\"source\":\"x\"},\n{\"build\":20348,\"revision\":1,\"source\":\"y\"}]}",
			"line 4: updates[1]: 20348.1 stands there twice, in updates[0] too"},
		{`{"asOf":"2026-11-10","updates":[],"updates":[]}`, `line 1: "updates" stands there twice`},
		{`{"asOf":"2026-11-10","updates":[]`, "line 1: "},
		{``, "line 1: "},
		{`{"asOf":"2026-11-10","updates":{}}`, "not a list"},
		{`{"asOf":"2026-11-10","releases":[{"id":"x","name":"X","kind":"server-ltsc"}]}`, "release x: bad build 0"},
	} {
		if _, err := f.Overlay(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("overlay %s: error %v, want %q", c.file, err, c.want)
		}
	}
}

// TestWriteOverlay: what is not changed keeps every byte, and nothing is lost.
func TestWriteOverlay(t *testing.T) {
	f := Embedded()
	updates := []Update{
		{Build: 20348, Revision: 5900, KB: 5130000, Date: 20261110, Type: B, Line: ServerLine, Source: "a & b"},
		{Build: 20348, Revision: 5910, Source: "c", Note: "n"},
	}
	const rows = `{"build":20348,"revision":5900,"kb":"KB5130000","date":"2026-11-10","type":"B","line":"server","source":"a & b"}` +
		"SEP" + `{"build":20348,"revision":5910,"type":"unknown","line":"both","source":"c","note":"n"}`
	release := `"releases":[{"id":"ws2028","name":"Windows Server 2028","kind":"server-ltsc","build":30000}]`
	for _, c := range []struct{ name, old, want string }{
		{"nothing", "", "{\n  \"asOf\": \"2026-11-10\",\n  \"updates\": [\n    " + strings.Replace(rows, "SEP", ",\n    ", 1) + "\n  ]\n}\n"},
		{"no list", `{"asOf":"2026-10-01",` + release + `}`,
			`{"asOf":"2026-11-10",` + "\n  \"updates\": [\n    " + strings.Replace(rows, "SEP", ",\n    ", 1) + "\n  ]," + release + `}`},
		{"rows", "{\"updates\" : [\n\t{\"revision\":5890, \"build\":20348, \"source\":\"own\"}\n\t],\n \"asOf\":\"2026-12-01\"}",
			"{\"updates\" : [\n\t{\"revision\":5890, \"build\":20348, \"source\":\"own\"},\n\t" + strings.Replace(rows, "SEP", ",\n\t", 1) + "\n\t],\n \"asOf\":\"2026-12-01\"}"},
		{"the same row", `{"asOf":"2026-11-10","updates":[{"build":20348,"revision":5900,"source":"own"}, {"build":14393,"revision":1,"source":"own"}]}`,
			`{"asOf":"2026-11-10","updates":[` + strings.Replace(rows, "SEP", `, {"build":14393,"revision":1,"source":"own"}, `, 1) + `]}`},
	} {
		got, err := f.WriteOverlay([]byte(c.old), 20261110, updates)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, got, c.want)
			continue
		}
		again, err := f.WriteOverlay(got, 20261110, updates)
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: the second time: %v\n%s", c.name, err, again)
		}
		g, err := f.Overlay(strings.NewReader(string(got)))
		if err != nil || *g.Update(20348, 5900) != updates[0] || *g.Update(20348, 5910) != updates[1] {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, old := range []string{`{"asOf":"2026-11-10","updates":[{"build":1,"revision":1,"source":"x"}]}`, `{"asOf":"2026-11-10","x":1}`} {
		if _, err := f.WriteOverlay([]byte(old), 20261110, updates); err == nil {
			t.Errorf("%s is broken, and written to", old)
		}
	}
	if _, err := f.WriteOverlay(nil, 20261110, []Update{{Build: 12345, Revision: 1, Source: "x"}}); err == nil {
		t.Error("an update of no release is written")
	}
}

func FuzzOverlay(f *testing.F) {
	f.Add(`{"asOf":"2026-11-10","updates":[{"build":20348,"revision":5900,"kb":"KB5130000","date":"2026-11-10","type":"B","line":"server","source":"a"}]}`)
	f.Add(`{"asOf":"2026-11-10","releases":[{"id":"x","name":"X","kind":"client","build":1}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		g, err := Embedded().Overlay(strings.NewReader(s))
		if err == nil {
			if err := g.Check(); err != nil {
				t.Errorf("accepted, but wrong: %v", err)
			}
			// What can be read can be added to, and loses nothing by it.
			text, err := Embedded().WriteOverlay([]byte(s), g.AsOf, []Update{{Build: 20348, Revision: 1, Source: "x"}})
			if err != nil {
				t.Fatalf("accepted, but not written to: %v", err)
			}
			h, err := Embedded().Overlay(strings.NewReader(string(text)))
			if err != nil || h.Update(20348, 1) == nil || h.AsOf != g.AsOf || len(h.Releases) != len(g.Releases) || len(h.Updates)-len(g.Updates) > 1 {
				t.Errorf("written: %v\n%s", err, text)
			}
		} else if fmt.Sprint(err) == "" {
			t.Error("empty error")
		}
	})
}

func TestLabels(t *testing.T) {
	f := Embedded()
	for _, tt := range []struct {
		service, name string
		build         uint32
		retired       Date
	}{
		{"github", "windows-latest", 26100, 0},
		{"github", "Windows-2022", 20348, 0},
		{"github", "windows-2019", 17763, 20250630},
		{"azure", "windows-2019", 17763, 20251231},
		{"azure", "VS2017-Win2016", 14393, 20220731},
		{"gitlab", "saas-windows-medium-amd64", 20348, 0},
	} {
		l := f.Label(tt.service, tt.name)
		if l == nil || l.Build != tt.build || l.Retired != tt.retired {
			t.Errorf("%s %s: %+v", tt.service, tt.name, l)
		}
	}
	for _, tt := range [][2]string{{"github", "win1803"}, {"github", "windows-11-arm"}, {"github", "self-hosted"}, {"azure", "saas-windows-medium-amd64"}} {
		if l := f.Label(tt[0], tt[1]); l != nil {
			t.Errorf("%s %s: %+v", tt[0], tt[1], l)
		}
	}
	if r := f.Runner(20348); r == nil || r.Revision < 5499 {
		t.Errorf("runner of 20348: %+v", r)
	}
	if r := f.Runner(17134); r != nil {
		t.Errorf("runner of 17134: %+v", r)
	}
}
