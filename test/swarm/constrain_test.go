//go:build realparts && linux

package swarm_test

import (
	"fmt"
	"net/http"
	"testing"
)

// constraintsOf are the constraints of a service, as the manager has them.
func constraintsOf(t *testing.T, name string) string {
	t.Helper()
	return fmt.Sprint(at(spec(t, name), "TaskTemplate", "Placement", "Constraints"))
}

// setConstraints is somebody else's change.
func setConstraints(t *testing.T, name string, list ...string) {
	t.Helper()
	var err error
	for range 8 { // the manager itself writes to a service that is being updated
		var v object
		if _, err = manager.Do(ctx, http.MethodGet, "/services/"+name, nil, &v); err != nil {
			t.Fatal(err)
		}
		s := v["Spec"].(object)
		s["TaskTemplate"].(object)["Placement"] = object{"Constraints": list}
		if _, err = manager.Do(ctx, http.MethodPost, fmt.Sprintf("/services/%s/update?version=%.0f", v["ID"], at(v, "Version", "Index")), s, nil); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// TestForce: a service that would find no place is not changed, unless that is
// asked for; then the real scheduler finds it none, which the doctor says, and
// --undo gives it its place back.
func TestForce(t *testing.T) {
	unlabel(t)
	p := before(t, manager, nil)
	expect(t, p.address, 0, []string{"done"}, labelArgs...)
	service(t, "stranded", image2022, 1, func(spec object) {
		spec["TaskTemplate"].(object)["Placement"] = object{"Constraints": []string{"node.hostname==win-2019"}}
	})
	args := []string{"swarm", "constrain", "--offline", "stranded"}
	expect(t, p.address, 1, []string{"! no node that it may be placed on is known to run its image", "nothing was changed"}, args...)
	expect(t, p.address, 1, []string{"not changed: it would find no place", "hint: --force does it all the same"}, append(args, "--apply")...)
	if got := constraintsOf(t, "stranded"); got != "[node.hostname==win-2019]" {
		t.Errorf("not forced: %s", got)
	}
	expect(t, p.address, 0, []string{"done"}, append(args, "--apply", "--force")...)
	if got := constraintsOf(t, "stranded"); got != "[node.hostname==win-2019 node.labels.winmatch.runs.20348==true]" {
		t.Errorf("forced: %s", got)
	}
	until(t, "stranded", "without a place", func(list []task) bool {
		for _, k := range list {
			if k.DesiredState == "running" && k.NodeID == "" && k.Status.Err != "" {
				return len(running(t, list)) == 0
			}
		}
		return false
	})
	expect(t, p.address, 1, []string{"stranded 0/1 does not converge", "node.labels.winmatch.runs.20348==true: it has no such value"}, "swarm", "doctor", "--offline", "stranded")
	expect(t, p.address, 0, []string{"done"}, "swarm", "constrain", "stranded", "--undo", "--apply")
	if got := constraintsOf(t, "stranded"); got != "[node.hostname==win-2019]" {
		t.Errorf("undone: %s", got)
	}
}

// TestUndoAfterOthers: --undo takes away what is ours and still there, and nothing
// that somebody else has set since, be it the same words as ours once more.
func TestUndoAfterOthers(t *testing.T) {
	unlabel(t)
	p := before(t, manager, nil)
	expect(t, p.address, 0, []string{"done"}, labelArgs...)
	const ours, theirs = "node.labels.winmatch.runs.20348==true", "node.role==worker"
	undo := []string{"swarm", "constrain", "shared", "--undo", "--apply"}
	constrain := []string{"swarm", "constrain", "--offline", "shared", "--apply"}
	for name, c := range map[string]struct {
		others []string // what somebody makes of the constraints
		want   string
	}{
		"one more":           {[]string{ours, theirs}, "[" + theirs + "]"},
		"one more, before":   {[]string{theirs, ours}, "[" + theirs + "]"},
		"ours taken away":    {[]string{theirs}, "[" + theirs + "]"},
		"all taken away":     {nil, "<nil>"},
		"another one of us":  {[]string{"node.labels.winmatch.runs.17763==true"}, "[node.labels.winmatch.runs.17763==true]"},
		"ours and its twin":  {[]string{ours, "node.labels.winmatch.runs.20348 == true"}, "[node.labels.winmatch.runs.20348 == true]"},
		"ours, written over": {[]string{"node.labels.winmatch.runs.20348!=true"}, "[node.labels.winmatch.runs.20348!=true]"},
	} {
		t.Run(name, func(t *testing.T) {
			service(t, "shared", image2022, 1)
			expect(t, p.address, 0, []string{"done"}, constrain...)
			setConstraints(t, "shared", c.others...)
			expect(t, p.address, 0, nil, undo...)
			if got := constraintsOf(t, "shared"); got != c.want {
				t.Errorf("undone: %s, want %s", got, c.want)
			}
			expect(t, p.address, 0, []string{"no constraint of winmatch's"}, undo...)
			if l, _ := at(spec(t, "shared"), "Labels").(object); len(l) > 0 {
				t.Errorf("the label is still there: %v", l)
			}
		})
	}
}
