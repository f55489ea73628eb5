package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// manyTags are the tags of each of two repositories: one whose tags name their
// Windows, an image each, and one whose tags name none, an image for four.
const (
	manyTags   = 2000
	fewImages  = manyTags / 4
	runsTags   = 5
	namedRepo  = "vendor/named"
	silentRepo = "vendor/silent"
)

// pushTags fills the two repositories.
func pushTags(h http.Handler) error {
	families := []string{"ltsc2025", "ltsc2022", "ltsc2019", "ltsc2016"}
	for i := range manyTags {
		if err := push(h, namedRepo, fmt.Sprintf("1.%d-windowsservercore-%s", i/4, families[i%4]), i); err != nil {
			return err
		}
		silent := []string{"1.%d", "1.%d.0", "1.%d.0-r1", "build-%d"}[i%4]
		if err := push(h, silentRepo, fmt.Sprintf(silent, i/4), i/4); err != nil {
			return err
		}
	}
	return nil
}

// tagRows measures tag beside a list and the config of every tag, by crane.
func tagRows(p programs, reg *server, env []string) ([]row, error) {
	fmt.Fprintf(os.Stderr, "tag of %d tags: %d runs of each side\n", manyTags, runsTags)
	host := strings.TrimPrefix(reg.URL, "http://")
	tag := func(repo string, more ...string) task {
		return task{env: env, args: append([]string{p.winmatch, "tag", "-o", "json", "--insecure", "--host", "10.0.20348.9999", host + "/" + repo}, more...)}
	}
	ls := task{env: env, args: []string{p.crane, "ls", "--insecure", host + "/" + namedRepo}}
	each := task{env: env}
	for i := range loop {
		each.loop = append(each.loop, []string{p.crane, "config", "--insecure", "--platform", "windows/amd64", fmt.Sprintf("%s/%s:1.%d-windowsservercore-ltsc2022", host, namedRepo, i)})
	}
	tasks := []task{tag(namedRepo), tag(silentRepo), tag(silentRepo, "--all"), ls, each}
	counts := make([]counts, len(tasks))
	for i, t := range tasks {
		var err error
		if counts[i], err = reg.counted(t); err != nil {
			return nil, err
		}
	}
	m, err := alternate(runsTags, tasks...)
	if err != nil {
		return nil, err
	}
	scale := manyTags / loop
	theirs := m[3] + m[4]*time.Duration(scale)
	theirRequests := counts[3].all + counts[4].all*int64(scale)
	peer := fmt.Sprintf("crane ls, crane config of each tag (%d measured, × %d)", loop, scale)
	// An answer that needs no image is the best; the limit is an image each.
	var rows []row
	for i, c := range []struct {
		what   string
		images int64
	}{
		{fmt.Sprintf("tag of %d tags that name their Windows", manyTags), manyTags},
		{fmt.Sprintf("tag of %d tags that name none, of %d images", manyTags, fewImages), fewImages},
		{"tag --all of the same: each is judged", fewImages},
	} {
		rows = append(rows, compared(c.what, ms(m[i]), peer, ms(theirs), ratio(m[i], theirs), goalMany))
		if i < 2 {
			rows = append(rows, counted("  requests", counts[i].all, theirRequests, c.images))
			continue
		}
		rows = append(rows,
			counted("  requests without HEAD, which asks for a digest", counts[i].all-counts[i].heads, theirRequests, c.images+10),
			row{"  HEAD", fmt.Sprint(counts[i].heads), "", "", "", fmt.Sprintf("≤ %d", manyTags), verdict(counts[i].heads <= manyTags)})
	}
	return rows, nil
}
