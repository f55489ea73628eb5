package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// swarmCmds are commands of test scripts.
func swarmCmds() map[string]func(*testscript.TestScript, bool, []string) {
	version := regexp.MustCompile(`^/v1\.\d+`)
	return map[string]func(*testscript.TestScript, bool, []string){
		// manager VARIABLE DIR: VARIABLE is the address of a manager that answers
		// GET /nodes with DIR/nodes.json, and so on: what only engines on Windows
		// say, in the shapes of the API and the words of Windows.
		"manager": func(ts *testscript.TestScript, _ bool, args []string) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Api-Version", "1.41")
				path := version.ReplaceAllString(r.URL.Path, "")
				if path == "/_ping" {
					return
				}
				b, err := os.ReadFile(ts.MkAbs(args[1] + "/" + strings.ReplaceAll(strings.Trim(path, "/"), "/", "-") + ".json"))
				if err != nil || r.Method != http.MethodGet {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(b)
			}))
			ts.Defer(s.Close)
			ts.Setenv(args[0], "tcp://"+s.Listener.Addr().String())
		},
	}
}
