package image

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// plainJSON reads a document with its numbers as they are written.
func plainJSON(t testing.TB, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return v
}

func TestSetVersions(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"compact", `{"manifests":[{"platform":{"architecture":"amd64","os":"windows"}}]}`,
			`{"manifests":[{"platform":{"architecture":"amd64","os":"windows","os.version":"10.0.1.2"}}]}`},
		{"indented", "{\n\t\"manifests\": [\n\t\t{ \"platform\": {\n\t\t\t\"os\": \"windows\"\n\t\t} , \"x\" : 1e999 }\n\t]\n}\n",
			"{\n\t\"manifests\": [\n\t\t{ \"platform\": {\n\t\t\t\"os\": \"windows\",\n\t\t\t\"os.version\": \"10.0.1.2\"\n\t\t} , \"x\" : 1e999 }\n\t]\n}\n"},
		{"spaced", `{"manifests":[{"platform":{ "os" : "windows" }}]}`, `{"manifests":[{"platform":{ "os" : "windows", "os.version" : "10.0.1.2" }}]}`},
		{"empty value", `{"manifests":[{"platform":{"os.version": "" ,"os":"windows"}}]}`, `{"manifests":[{"platform":{"os.version": "10.0.1.2" ,"os":"windows"}}]}`},
		{"null", `{"manifests":[{"platform":{"os.version":null}}]}`, `{"manifests":[{"platform":{"os.version":"10.0.1.2"}}]}`},
		{"no member", `{"manifests":[{"platform":{}}]}`, `{"manifests":[{"platform":{"os.version":"10.0.1.2"}}]}`},
		{"traps in texts", `{"a":"}],{\"manifests\":[\\","manifests":[{"b":"\"","platform":{"os":"\\\"}"}}],"c":[[{}],"]"]}`,
			`{"a":"}],{\"manifests\":[\\","manifests":[{"b":"\"","platform":{"os":"\\\"}","os.version":"10.0.1.2"}}],"c":[[{}],"]"]}`},
		{"other case", `{"MANIFESTS":[{"Platform":{"OS.Version":"x"}}]}`, `{"MANIFESTS":[{"Platform":{"OS.Version":"10.0.1.2"}}]}`},
	} {
		got, err := setVersions([]byte(c.in), map[int]string{0: "10.0.1.2"})
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\n%s", c.name, err, got, c.want)
		}
	}
	for _, in := range []string{
		`{"manifests":[{"platform":{"os.version":"a","os.version":"b"}}]}`,
		`{"manifests":[{"platform":{},"Platform":{}}]}`,
		`{"manifests":[{"platform":{}}],"manifests":[]}`,
	} {
		if got, err := setVersions([]byte(in), map[int]string{0: "1"}); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
	for _, in := range []string{"", "{", "[]", "{}", `{"manifests":{}}`, `{"manifests":[]}`, `{"manifests":[{}]}`, `{"manifests":[{"platform":[]}]}`, `{"manifests":[{"platform":{"a"}}]}`, `{"manifests":[{"platform":{"a":1`} {
		if got, err := setVersions([]byte(in), map[int]string{0: "1"}); err == nil {
			t.Errorf("%s: %s", in, got)
		}
	}
	got, err := setVersions([]byte(`{"manifests":[{"platform":{"os":"a"}},{"platform":{"os":"b"}},{"platform":{"os":"c"}}]}`), map[int]string{2: "2", 0: "0"})
	if want := `{"manifests":[{"platform":{"os":"a","os.version":"0"}},{"platform":{"os":"b"}},{"platform":{"os":"c","os.version":"2"}}]}`; err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestPointAt(t *testing.T) {
	in := `{ "manifests": [ {"digest": "a", "size": 1}, {"size":2,"x":[],"digest":"b"} ] }`
	got, err := pointAt([]byte(in), 1, "c", 345)
	if want := `{ "manifests": [ {"digest": "a", "size": 1}, {"size":345,"x":[],"digest":"c"} ] }`; err != nil || string(got) != want {
		t.Errorf("%v %s", err, got)
	}
	if got, err = appendEntry([]byte(in), `{}`); err != nil || string(got) != strings.Replace(in, `"b"}`, `"b"},{}`, 1) {
		t.Errorf("%v %s", err, got)
	}
	if got, err = appendEntry([]byte(`{"manifests":[ ]}`), `{}`); err != nil || string(got) != `{"manifests":[{} ]}` {
		t.Errorf("%v %s", err, got)
	}
}

// FuzzEdit edits whatever index: where it is edited, the new document means
// what the old one did but for the versions, and everything around the edits
// is the same bytes.
func FuzzEdit(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"a","platform":{"os":"windows"}},{"platform":{"os.version":"1"}}],"x":1e400}`))
	f.Add([]byte("{\n \"manifests\" : [ {\n  \"platform\" : {\n   \"os\" : \"\\u0022}\"\n } , \"size\" : -0.0 } ] }\n"))
	f.Add([]byte(`{"manifests":[{"platform":{}},{"platform":null},[],"",{"Platform":{"a":{"b":[[]]}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			_, _ = setVersions(b, map[int]string{0: "1"}) // no panic
			_, _ = pointAt(b, 0, "d", 1)
			_, _ = appendEntry(b, "{}")
			return
		}
		before := plainJSON(t, b)
		for i := range 3 {
			const version = "10.0.20348.1"
			after, err := setVersions(b, map[int]string{i: version})
			if err != nil {
				continue
			}
			want := before
			got := plainJSON(t, after)
			p, q := platformOf(want, i), platformOf(got, i)
			if p == nil || q == nil {
				t.Fatalf("edited without a platform:\n%s\n%s", b, after)
			}
			key := "os.version"
			for k := range q {
				if strings.EqualFold(k, key) {
					key = k
				}
			}
			if q[key] != version {
				t.Fatalf("not set:\n%s\n%s", b, after)
			}
			old, had := p[key]
			delete(p, key)
			delete(q, key)
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("something else changed:\n%s\n%s", b, after)
			}
			if had {
				p[key] = old
			}
			if again, err := setVersions(after, map[int]string{i: version}); err != nil || !bytes.Equal(again, after) {
				t.Fatalf("a second edit: %v\n%s\n%s", err, after, again)
			}
			// One stretch was changed, no more.
			head := 0
			for head < len(b) && head < len(after) && b[head] == after[head] {
				head++
			}
			tail := 0
			for tail < len(b)-head && tail < len(after)-head && b[len(b)-1-tail] == after[len(after)-1-tail] {
				tail++
			}
			if !had && head+tail != len(b) {
				t.Fatalf("more than an insertion:\n%s\n%s", b, after)
			}
		}
	})
}

// platformOf returns the platform of entry i as a reader that does not mind
// upper and lower case finds it.
func platformOf(doc any, i int) map[string]any {
	find := func(v any, name string) any {
		m, _ := v.(map[string]any)
		for k, v := range m {
			if strings.EqualFold(k, name) {
				return v
			}
		}
		return nil
	}
	list, _ := find(doc, "manifests").([]any)
	if i >= len(list) {
		return nil
	}
	p, _ := find(list[i], "platform").(map[string]any)
	return p
}
