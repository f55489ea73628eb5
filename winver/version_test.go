package winver

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in, want string // "": not a version
	}{
		{"10.0.20348.2227", "10.0.20348.2227"},
		{"10.0.20348", "10.0.20348"},
		{"20348.2227", "10.0.20348.2227"},
		{"20348", "10.0.20348"},
		{"10.0.20348.0", "10.0.20348.0"},
		{"6.3.9600", "6.3.9600"},
		{"10.0.65535.1", "10.0.65535.1"},
		{"10.0.65536", ""}, {"999", ""}, {"10.0", ""}, {"10.0.19", ""}, {"10.0.19.4", ""}, // an address
		{"", ""}, {".", ""}, {"10.0.20348.", ""}, {".20348", ""}, {"10..20348", ""}, {"10.0.20348.1.2", ""},
		{"v20348", ""}, {" 20348", ""}, {"20348 ", ""}, {"+20348", ""}, {"-20348", ""}, {"020348", ""}, {"10.00.20348", ""}, {"20348.01", ""},
		{"256.0.20348", ""}, {"10.256.20348", ""}, {"10.0.20348.2147483647", ""}, {"10.0.20348.99999999999", ""},
		{"10.0.20348-1", ""}, {"20348a", ""}, {"٢٠٣٤٨", ""},
	} {
		v, err := Parse(c.in)
		if (err == nil) != (c.want != "") || v.String() != c.want || v.IsValid() != (err == nil) {
			t.Errorf("Parse(%q) = %v, %v, want %q", c.in, v, err, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse("10.0.20348.2227"); _, _ = Parse("10.0.x") }); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
}

func TestVersionParts(t *testing.T) {
	v := New(20348, 2227)
	if rev, ok := v.Revision(); rev != 2227 || !ok || v.Short() != "20348.2227" {
		t.Error(v, rev, ok, v.Short())
	}
	if w := v.WithoutRevision(); w != OfBuild(20348) || w.WithRevision(2227) != v || w.Short() != "20348" {
		t.Error(w, w.Short())
	}
	if _, ok := OfBuild(20348).Revision(); ok {
		t.Error("OfBuild knows a revision")
	}
	if rev, ok := New(20348, 0).Revision(); rev != 0 || !ok {
		t.Error("revision 0 is lost")
	}
	if (Version{}).IsValid() || (Version{}).String() != "" || (Version{}).Short() != "" {
		t.Error("the zero Version is not invalid")
	}
}

func TestCompare(t *testing.T) {
	sorted := []Version{{}, {Major: 6, Minor: 3, Build: 9600}, OfBuild(14393), New(14393, 0), New(14393, 1770), New(14393, 1944), OfBuild(17763), New(20348, 1), New(26100, 32230)}
	for i, v := range sorted {
		for j, w := range sorted {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Compare(v, w); got != want {
				t.Errorf("Compare(%v, %v) = %d, want %d", v, w, got, want)
			}
		}
	}
	if !slices.IsSortedFunc(sorted, Compare) {
		t.Error("not sorted")
	}
}

func TestVersionText(t *testing.T) {
	for _, v := range []Version{{}, OfBuild(17763), New(17763, 0), New(17763, 437), {Major: 6, Minor: 3, Build: 9600}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w Version
		if err := json.Unmarshal(b, &w); err != nil || w != v {
			t.Errorf("%s reads back as %v, %v", b, w, err)
		}
	}
	w := New(1709, 1)
	if err := w.UnmarshalText([]byte("ltsc2019")); err == nil || w != New(1709, 1) {
		t.Error("a name was read, or the value lost", w, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10.0.20348.2227", "20348", "17763.1", "6.3.9600", "10.0.", "1.2.3.4.5", "0", "65536", "10.0.17763.0", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		if err != nil {
			if v != (Version{}) {
				t.Errorf("Parse(%q) failed and returned %v", s, v)
			}
			return
		}
		w, err := Parse(v.String())
		if err != nil || w != v || Compare(v, w) != 0 {
			t.Errorf("Parse(%q) = %v, which reads back as %v, %v", s, v, w, err)
		}
		if x := v.String(); x != s && v.Short() != s && len(s) >= len(x) {
			t.Errorf("Parse(%q) = %v", s, v)
		}
	})
}
