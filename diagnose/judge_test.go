package diagnose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/winmatch/winmatch/compat"
	"github.com/winmatch/winmatch/winver"
)

func windows(version string) compat.Image {
	v, err := winver.Parse(version)
	if err != nil {
		panic(err)
	}
	return compat.Image{Children: []compat.Child{{OS: "windows", Architecture: "amd64", OSVersion: v.String(), Version: v}}}
}

var linux = compat.Image{Children: []compat.Child{{OS: "linux", Architecture: "amd64"}}}

// TestJudge: a verdict confirms a diagnosis or refutes it.
func TestJudge(t *testing.T) {
	const (
		start    = "docker: Error response from daemon: hcs::CreateComputeSystem 9c3f1f436ec331838a8acc88bb1c32d2e041d099d42358c80e1b726dd59483bf: The container operating system does not match the host operating system."
		manifest = "no matching manifest for windows/amd64 10.0.17763 in the manifest list entries"
		kubelet  = `Failed to pull image "mcr.microsoft.com/windows/servercore:ltsc2022": rpc error: code = NotFound desc = failed to pull and unpack image "mcr.microsoft.com/windows/servercore:ltsc2022": no match for platform in manifest: not found`
		exit     = "docker: Error response from daemon: container a encountered an error during hcs::System::Start: failure in a Windows system call: The virtual machine or container exited unexpectedly. (0xc0370106)"
		dll      = "docker run: exit code -1073741502"
		noFile   = "docker: Error response from daemon: hcsshim::CreateComputeSystem 09a562689840ed63c6f51f1bdb34973e996a3339784380748322fcb44f1fe4f8: The system cannot find the file specified."
	)
	for _, c := range []struct {
		name, text, host string
		image            compat.Image
		isolation        compat.Isolation
		cause            Cause
		detail           string
		confidence       Confidence
		reason           string
	}{
		{"confirmed at the start", start, "10.0.20348.2227", windows("10.0.17763.5000"), 0, Mismatch, "", Certain, "verdict-confirms"},
		{"refuted at the start", start, "10.0.20348.2227", windows("10.0.20348.2227"), 0, Mismatch, "", Likely, "verdict-disagrees"},
		{"confirmed in a build", "Step 2/2 : RUN mkdir x\n ---> Running in 38f29bfe9e35\nhcs::CreateComputeSystem 38f29bfe9e35ad7bf534e66e0020e0b2f0caa87e51be958b48c6029f2b0e1803: The container operating system does not match the host operating system.", "10.0.20348.2227", windows("10.0.17763.5000"), 0, Mismatch, "", Certain, "verdict-confirms"},
		{"an old wording, and the builds differ", "Start() error: container a encountered an error during Start: failure in a Windows system call: The compute system exited unexpectedly. (0xc0370106)", "10.0.17134.1", windows("10.0.16299.1"), compat.Process, Mismatch, "", Likely, "verdict-confirms"},
		{"nothing known", start, "", compat.Image{}, 0, Mismatch, "", Certain, "error-text"},
		{"a Windows image without a child", manifest, "", windows("10.0.20348.2227"), 0, Mismatch, "no-child-for-host", Certain, "verdict-confirms"},
		{"a Linux image", manifest, "", linux, 0, Other, "linux-image", Certain, "verdict-confirms"},
		{"an image that would fit", manifest, "", windows("10.0.17763.5000"), 0, Mismatch, "no-child-for-host", Possible, "verdict-disagrees"},
		{"image unknown", manifest, "", compat.Image{}, 0, Mismatch, "no-child-for-host", Possible, "error-text"},
		{"kubelet, older node", kubelet, "10.0.17763.5000", windows("10.0.20348.2227"), 0, Mismatch, "no-child-for-host", Certain, "verdict-confirms"},
		{"skew", exit, "10.0.26100.2894", windows("10.0.26100.3194"), compat.Process, Skew, "image-newer", Likely, "verdict-confirms"},
		{"no skew", exit, "10.0.26100.3194", windows("10.0.26100.2894"), compat.Process, Undetermined, "unexpected-exit", Likely, "error-text"},
		{"skew under Hyper-V is none", exit, "10.0.26100.2894", windows("10.0.26100.3194"), compat.HyperV, Undetermined, "unexpected-exit", Likely, "error-text"},
		{"February 2020", dll, "10.0.17763.1039", windows("10.0.17763.973"), compat.Process, Feb2020, "32-bit-program", Certain, "verdict-confirms"},
		{"the same side of it", dll, "10.0.17763.973", windows("10.0.17763.973"), compat.Process, Other, "process-fails", Likely, "verdict-disagrees"},
		{"a masked mismatch", noFile, "10.0.18363.592", windows("10.0.17763.973"), compat.Process, Mismatch, "file-not-found", Likely, "verdict-confirms"},
		{"not masked", noFile, "10.0.17763.973", windows("10.0.17763.973"), compat.Process, Undetermined, "file-not-found", Likely, "error-text"},
	} {
		r := Text(c.text, f)
		if len(r.Diagnoses) != 1 {
			t.Errorf("%s: %d diagnoses", c.name, len(r.Diagnoses))
			continue
		}
		k := Known{Image: c.image, Isolation: c.isolation}
		if c.host != "" {
			v, err := winver.Parse(c.host)
			if err != nil {
				t.Fatal(err)
			}
			k.Host = v
		}
		got := r.Diagnoses[0].Judge(f, &k)
		if got.Cause != c.cause || got.Detail != c.detail || got.Confidence != c.confidence {
			t.Errorf("%s: %s %q %s, want %s %q %s", c.name, got.Cause, got.Detail, got.Confidence, c.cause, c.detail, c.confidence)
		}
		if !slices.ContainsFunc(got.Reasons, func(r Reason) bool { return r.Code == c.reason }) {
			t.Errorf("%s: no reason %s among %v", c.name, c.reason, got.Reasons)
		}
		if got.Headline == "" || len(got.Reasons) == 0 {
			t.Errorf("%s: nothing said", c.name)
		}
	}
}

var placeholder = regexp.MustCompile(`\b(IMAGE|NODE|SERVICE|NAME|BUILD|TAG|POD|HOST|VERSION)\b|\bEOF\b`)

// TestRemedies: every diagnosis of every text says what helps; a command can be
// pasted as it stands, and nothing that cannot work is offered.
func TestRemedies(t *testing.T) {
	var texts []string
	for _, e := range lines[sourceText](t, "testdata/source.jsonl") {
		texts = append(texts, e.Text)
	}
	for _, file := range [...]string{"testdata/errors.jsonl", "testdata/further.jsonl"} {
		for _, e := range lines[threadText](t, file) {
			texts = append(texts, e.Text)
		}
	}
	for _, text := range texts {
		for i := range Text(text, f).Diagnoses {
			for _, k := range []Known{{}, {Host: winver.OfBuild(winver.LTSC2019)}, {Host: winver.OfBuild(winver.LTSC2022), Image: windows("10.0.17763")}, {Host: winver.OfBuild(winver.LTSC2019), Image: windows("10.0.20348")}, {Image: linux}} {
				d := Text(text, f).Diagnoses[i].Judge(f, &k)
				if len(d.Remedies) == 0 && d.Answer != compat.Yes {
					t.Errorf("no remedy: %s %q %q of %q", d.Cause, d.Detail, d.Place, text)
				}
				for _, r := range d.Remedies {
					if placeholder.MatchString(r.Command) || strings.HasSuffix(r.Command, " ") {
						t.Errorf("%s %q: command %q cannot be pasted", d.Cause, d.Detail, r.Command)
					}
					hyperv := r.Kind == compat.UseIsolation && strings.Contains(r.Command, "hyperv")
					if hyperv && (d.Place == Kubernetes || d.Detail == "no-hypervisor" || d.Host.IsValid() && d.OSVersion.IsValid() && d.OSVersion.Build > d.Host.Build) {
						t.Errorf("%s %q at %s: %q cannot work", d.Cause, d.Detail, d.Place, r.Command)
					}
					if r.Text == "" {
						t.Errorf("%s %q: a remedy without words", d.Cause, d.Detail)
					}
				}
			}
		}
	}
}

// TestPages: the two long errors of Microsoft's page.
func TestPages(t *testing.T) {
	read := func(name string) Finding {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := Text(string(b), f)
		if len(r.Diagnoses) == 0 {
			t.Fatalf("%s: no diagnosis", name)
		}
		return r.Diagnoses[0].Judge(f, &Known{})
	}
	commands := func(d Finding) string {
		var b strings.Builder
		for _, r := range d.Remedies {
			b.WriteString(r.Text + "\n" + r.Command + "\n")
		}
		return b.String()
	}

	s := read("testdata/swarm.txt")
	if s.Cause != Mismatch || s.Confidence != Certain || s.Code != 0xc0370101 || s.Place != Swarm || s.Node != "WIN-BSTMQDRQC2E" || s.Service != "angry_liskov" ||
		s.Image != "windows/servercore/iis@sha256:868bca7e89e1743792e15f78edb5a73070ef44eae6807dc3f05f9b94c23943d5" || s.Container != "e7b5d3adba7e510569c18d8e55f7c689d7cb92be40a516c91b363e27f84604d0" {
		t.Errorf("swarm: %+v", s.Diagnosis)
	}
	for _, want := range []string{"docker service update --isolation hyperv angry_liskov", "docker service update --image IMAGE:TAG angry_liskov", "constraint-add node.labels.osbuild==BUILD angry_liskov"} {
		if !strings.Contains(commands(s), want) {
			t.Errorf("swarm: no %q in\n%s", want, commands(s))
		}
	}

	k := read("testdata/kubernetes.txt")
	if k.Cause != Mismatch || k.Confidence != Certain || k.Code != 0xc0370101 || k.Place != Kubernetes || k.Node != "38519acs9011" || k.Pod != "fabrikamfiber.web-789699744-rqv6p" || k.Namespace != "plang" ||
		k.Image != "patricklang/fabrikamfiber.web:latest" || k.Container != "eab0151378308315ed6c31adf4ad9e31e6d65fd300e56e742757004a969a803a" || k.Restarts != 10 || k.Count != 2 {
		t.Errorf("kubernetes: %+v", k.Diagnosis)
	}
	if c := commands(k); !strings.Contains(c, "node.kubernetes.io/windows-build") || strings.Contains(c, "hyperv") {
		t.Errorf("kubernetes:\n%s", c)
	}
}
