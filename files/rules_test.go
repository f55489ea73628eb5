package files

import (
	"os"
	"strings"
	"testing"
)

// TestRulesAreListed holds docs/rules.md against the rules.
func TestRulesAreListed(t *testing.T) {
	b, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range Rules {
		if seen[r.ID] {
			t.Errorf("two rules %s", r.ID)
		}
		seen[r.ID] = true
		fix := "no"
		if r.Fix {
			fix = "yes"
		}
		row := "`" + r.ID + "` | " + r.Level.String() + " | " + fix + " | " + r.Text + " |"
		if !strings.Contains(string(b), row) {
			t.Errorf("docs/rules.md has no row %s", row)
		}
	}
	if n := strings.Count(string(b), "<a id="); n != len(Rules) {
		t.Errorf("docs/rules.md lists %d rules, there are %d", n, len(Rules))
	}
}
