//go:build realparts && linux

package swarm_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// unlabel takes the labels off the nodes.
func unlabel(t *testing.T) {
	t.Helper()
	for _, n := range nodes(t) {
		spec := n["Spec"].(object)
		spec["Labels"] = object{}
		if _, err := manager.Do(ctx, http.MethodPost, fmt.Sprintf("/nodes/%s/update?version=%.0f", n["ID"], at(n, "Version", "Index")), spec, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// labelled is what the nodes' labels should be in the end, with one of somebody
// else's.
var labelled = map[string]map[string]any{
	"mgr":      {},
	"win-2019": {"OS": "windows", "OsVersion": "10.0.17763", "winmatch.runs.17763": "true"},
	"win-2022": {"OS": "windows", "OsVersion": "10.0.20348", "winmatch.runs.20348": "true"},
}

func holdLabels(t *testing.T, when string) {
	t.Helper()
	for name, n := range nodes(t) {
		got, _ := at(n, "Spec", "Labels").(object)
		if !maps.Equal(got, labelled[name]) {
			t.Errorf("%s: %s has the labels %v, want %v", when, name, got, labelled[name])
		}
	}
}

var labelArgs = []string{"swarm", "label", "--host", "win-2019=ws2019", "--host", "win-2022=ws2022", "--apply"}

// TestCut cuts the connection to the manager at every request of label and of
// constrain, once before the engine has the request and once after, so that only
// its answer is lost. The run says that it failed; a second one completes it, and
// nothing is there twice.
func TestCut(t *testing.T) {
	service(t, "cut", image2022, 1, func(spec object) {
		spec["TaskTemplate"].(object)["Placement"] = object{"Constraints": []string{"node.role==worker"}}
	})
	count := func(args []string) int {
		p := before(t, manager, nil)
		n := 0
		p.cut = func(i int, _ string) (bool, bool) { n = i + 1; return false, false }
		expect(t, p.address, 0, []string{"done"}, args...)
		return n
	}
	unlabel(t)
	labels := count(labelArgs)
	constrainArgs := []string{"swarm", "constrain", "--offline", "cut", "--apply"}
	undo := []string{"swarm", "constrain", "cut", "--undo", "--apply"}
	constrain := count(constrainArgs)
	if labels != 9 || constrain != 7 { // ping, info, nodes, services, tasks; then a GET and a POST for each object
		t.Errorf("label made %d requests, constrain %d", labels, constrain)
	}
	for _, c := range []struct {
		args     []string
		requests int
		reset    func()
		hold     func(when string)
	}{
		{labelArgs, labels, func() { unlabel(t) }, func(when string) { holdLabels(t, when) }},
		{constrainArgs, constrain, func() { expect(t, before(t, manager, nil).address, 0, nil, undo...) }, func(when string) {
			got := fmt.Sprint(at(spec(t, "cut"), "TaskTemplate", "Placement", "Constraints"))
			if got != "[node.role==worker node.labels.winmatch.runs.20348==true]" {
				t.Errorf("%s: %s", when, got)
			}
		}},
	} {
		for n := range c.requests {
			for _, after := range []bool{false, true} {
				when := fmt.Sprintf("%s, cut at request %d (after the engine had it: %v)", strings.Join(c.args[:2], " "), n, after)
				c.reset()
				p := before(t, manager, nil)
				// A cut connection is not tried again where a request may have been
				// carried out; net/http repeats what it may, so it is cut for good.
				p.cut = func(i int, _ string) (bool, bool) { return i > n || i == n && !after, i == n && after }
				expect(t, p.address, 2, []string{"winmatch: error: "}, c.args...)
				p.cut = nil
				_, _, code := runs(t, p.address, c.args...)
				if code != 0 {
					t.Errorf("%s: the second run: exit code %d", when, code)
				}
				c.hold(when)
			}
		}
	}
}

// TestConflict: somebody else changes a node, and then a service, between our
// reading and our writing. Both changes stay.
func TestConflict(t *testing.T) {
	unlabel(t)
	service(t, "conflict", image2022, 1)
	p := before(t, manager, nil)
	others := 0
	p.meanwhile = func(request string) {
		if !strings.HasPrefix(request, "POST /nodes/") || others == 3 {
			return
		}
		others++
		n := nodes(t)["win-2019"]
		s := n["Spec"].(object)
		if s["Labels"] == nil {
			s["Labels"] = object{}
		}
		s["Labels"].(object)[fmt.Sprint("other", others)] = "x"
		if _, err := manager.Do(ctx, http.MethodPost, fmt.Sprintf("/nodes/%s/update?version=%.0f", n["ID"], at(n, "Version", "Index")), s, nil); err != nil {
			t.Error(err)
		}
	}
	expect(t, p.address, 0, []string{"done"}, labelArgs...)
	got := at(nodes(t)["win-2019"], "Spec", "Labels").(object)
	if got["other1"] != "x" || got["other3"] != "x" || got["OsVersion"] != "10.0.17763" || len(got) != 6 {
		t.Errorf("labels %v", got)
	}

	p.meanwhile = nil
	times := 0
	change := func(request string) {
		if !strings.HasPrefix(request, "POST /services/") {
			return
		}
		times++
		var v object
		if _, err := manager.Do(ctx, http.MethodGet, "/services/conflict", nil, &v); err != nil {
			t.Error(err)
		}
		s := v["Spec"].(object)
		s["Labels"].(object)["theirs"] = fmt.Sprint(times)
		if _, err := manager.Do(ctx, http.MethodPost, fmt.Sprintf("/services/%s/update?version=%.0f", v["ID"], at(v, "Version", "Index")), s, nil); err != nil {
			t.Error(err)
		}
	}
	q := before(t, manager, nil)
	q.meanwhile = func(request string) {
		if times < 2 {
			change(request)
		}
	}
	expect(t, q.address, 0, []string{"done"}, "swarm", "constrain", "--offline", "conflict", "--apply")
	if got := at(spec(t, "conflict"), "Labels").(object); got["theirs"] != "2" || got["winmatch.constraints"] == nil {
		t.Errorf("labels %v", got)
	}
	// Somebody who changes it every time wins, and it is said.
	q.meanwhile = change
	expect(t, q.address, 2, []string{"changed by somebody else meanwhile, 8 times", "a second run does the rest"}, "swarm", "constrain", "conflict", "--undo", "--apply")
}

// TestRefused: no permission, no manager, no Swarm, no engine, one that is too old.
func TestRefused(t *testing.T) {
	p := before(t, manager, nil)
	p.refuse = func(request string) (int, string) { // as an authorization plugin does
		if strings.HasPrefix(request, "POST") {
			return http.StatusForbidden, "authorization denied by plugin read-only: changes are not allowed"
		}
		return 0, ""
	}
	unlabel(t)
	expect(t, p.address, 2, []string{"authorization denied by plugin read-only", "not tried, after the failure before"}, labelArgs...)
	for name, n := range nodes(t) {
		if got, _ := at(n, "Spec", "Labels").(object); len(got) > 0 {
			t.Errorf("%s has the labels %v", name, got)
		}
	}
	p.refuse = func(string) (int, string) { return http.StatusForbidden, "no" }
	expect(t, p.address, 2, []string{"winmatch: error: the engine says: no", "permission to manage the Swarm"}, "swarm", "doctor")
	expect(t, "unix://"+cluster.Engines[1].Socket, 2, []string{"the engine is a worker of its Swarm, not a manager", "hint: ask a manager"}, "swarm", "doctor")
	expect(t, "tcp://127.0.0.1:1", 2, []string{"the engine cannot be reached", "hint: is it running"}, "swarm", "doctor")
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.39") }))
	defer old.Close()
	expect(t, "tcp://"+old.Listener.Addr().String(), 2, []string{"the engine is too old: it speaks API 1.39, and 1.40"}, "swarm", "doctor")
	secure := httptest.NewTLSServer(http.NotFoundHandler()) // Go's, as dockerd's
	defer secure.Close()
	expect(t, "tcp://"+secure.Listener.Addr().String(), 2, []string{"HTTP request to an HTTPS server", "hint: the engine wants TLS: DOCKER_TLS_VERIFY=1"}, "swarm", "doctor")
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	expect(t, "tcp://"+web.Listener.Addr().String(), 2, []string{"the engine says: 404 page not found"}, "swarm", "doctor")
}

// TestNodeGone: a node that went between the plan and the change is said, and the
// others are labelled by a second run.
func TestNodeGone(t *testing.T) {
	unlabel(t)
	p := before(t, manager, nil)
	id := nodes(t)["win-2019"]["ID"].(string)
	p.refuse = func(request string) (int, string) {
		if request == "GET /nodes/"+id {
			return http.StatusNotFound, "node " + id + " not found"
		}
		return 0, ""
	}
	expect(t, p.address, 2, []string{"node " + id + " not found", "a second run does the rest"}, labelArgs...)
	p.refuse = nil
	expect(t, p.address, 0, []string{"done"}, labelArgs...)
	holdLabels(t, "after a node was gone")
}
