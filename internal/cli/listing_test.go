package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestNewestTag(t *testing.T) {
	want := "latest 10.0.1 10.0 v9.11.2 9.2.10 9.2.9 9.2 9.2-rc2 9.2-rc1 009.1 1.0-alpine nightly blue"
	tags := strings.Fields(want)
	slices.Sort(tags)
	slices.SortStableFunc(tags, newestTag)
	if got := strings.Join(tags, " "); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
