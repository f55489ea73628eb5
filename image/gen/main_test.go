package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestObserved holds observed.tsv to its source.
func TestObserved(t *testing.T) {
	in, err := os.ReadFile("../../facts/source/image-tags.csv")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../observed.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Error("observed.tsv is not what facts/source/image-tags.csv gives: run go generate ./image")
	}
}

const header = "registry,repo,tag,os_build,os_version,os_version_basis,arch,index_digest,manifest_digest,created,observed,host_os_version,source,source_ref\n"

func TestGenerate(t *testing.T) {
	out, err := generate([]byte(header +
		"mcr,a,1,1,10.0.17763.2,manifest,amd64,sha256:i1,sha256:m1,,2020-01-01,,A,p/q.md@c0ffee\n" +
		"mcr,a,1,1,10.0.14393.2,manifest,amd64,sha256:i1,sha256:m2,,2020-01-01,,A,p/q.md@c0ffee\n" +
		"mcr,a,1,1,10.0.14393.3,manifest,amd64,sha256:i2,sha256:m3,,2019-01-01,,A,p/q.md@0ld\n" +
		"mcr,a,2,1,,family,amd64,,sha256:m4,,2020-01-01,,D,x\n" +
		"docker-library,b,t,1,10.0.20348.1,manifest,amd64,sha256:i3,,,,,B,file-id 1\n" +
		"docker-hub,c/d,t,1,10.0.20348.2,manifest,amd64,,,,2022-03,,F,file-id 2 (x)\n" +
		"mcr,windows,10.0.1.1,1,10.0.18363.4,tag-literal,amd64,,,,,,F,x\n"))
	if err != nil {
		t.Fatal(err)
	}
	url := "https://github.com/mariko011/centos/blob/c0ffee/p/q.md"
	old := "https://github.com/mariko011/centos/blob/0ld/p/q.md"
	want := []string{
		"docker.io/c/d:t\tp\t20348.2\t2022-03\t",
		"docker.io/library/b:t\ti\ti3\t\t",
		"mcr.microsoft.com/a:1\ti\ti1\t2020-01-01\t" + url,
		"sha256:i1\ti\t17763.2@m1 14393.2@m2\t2020-01-01\t" + url,
		"sha256:i2\ti\t14393.3@m3\t2019-01-01\t" + old,
		"sha256:i3\tp\t20348.1\t\t",
		"sha256:m1\tm\t17763.2\t2020-01-01\t" + url,
		"sha256:m2\tm\t14393.2\t2020-01-01\t" + url,
		"sha256:m3\tm\t14393.3\t2019-01-01\t" + old,
	}
	if got := strings.TrimSuffix(string(out), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	// A digest that stands for two versions is a mistake in the source.
	_, err = generate([]byte(header +
		"mcr,a,1,1,10.0.1.2,manifest,amd64,,sha256:m1,,,,A,\n" +
		"mcr,a,2,1,10.0.1.3,manifest,amd64,,sha256:m1,,,,A,\n"))
	if err == nil {
		t.Error("no error")
	}
	if _, err = generate([]byte(header + "mcr,a,1,1,1.2.3,manifest,amd64,,,,,,A,\n")); err == nil {
		t.Error("no error")
	}
}
