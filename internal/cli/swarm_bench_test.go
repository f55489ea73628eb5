package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"testing"
	"time"

	"github.com/winmatch/winmatch/facts"
)

// largeSwarm is what a manager answers of 1,000 services and 10,000 tasks on 20
// Windows nodes, in the shapes of the API: a fourth of the services run, half of
// another fourth's tasks fail, all of another's, each with an error of its own in
// recorded words, and those of the last find no node.
func largeSwarm(b *testing.B) map[string][]byte {
	b.Helper()
	texts := []string{}
	in, err := os.Open("../../diagnose/testdata/source.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	for s := bufio.NewScanner(in); s.Scan(); {
		var e struct{ Text string }
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			b.Fatal(err)
		}
		texts = append(texts, e.Text)
	}
	type object = map[string]any
	images := [...]string{
		"mcr.microsoft.com/windows/servercore:ltsc2019", "mcr.microsoft.com/windows/nanoserver:ltsc2022", "mcr.microsoft.com/windows/servercore:ltsc2025",
		"mcr.microsoft.com/dotnet/framework/aspnet:4.8-windowsservercore-ltsc2019", "mcr.microsoft.com/windows/servercore:ltsc2016",
		"mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-ltsc2022", "mcr.microsoft.com/windows/servercore:10.0.20348.2227",
	}
	var nodes, services, tasks []object
	for i := range 20 {
		labels := object{"pool": "windows"}
		if version := [...]string{"10.0.14393", "10.0.17763", "10.0.20348", "10.0.26100", ""}[i/4]; version != "" {
			labels["OS"], labels["OsVersion"] = "windows", version
		}
		nodes = append(nodes, object{
			"ID": fmt.Sprintf("windowsnode%014d", i), "Version": object{"Index": i}, "UpdatedAt": "2026-11-24T08:00:00Z",
			"Spec":        object{"Role": "worker", "Availability": "active", "Labels": labels},
			"Description": object{"Hostname": fmt.Sprintf("win-%d", i), "Platform": object{"OS": "windows", "Architecture": "x86_64"}, "Engine": object{"EngineVersion": "25.0.6"}},
			"Status":      object{"State": "ready", "Addr": "10.0.0.1"},
		})
	}
	container, id := regexp.MustCompile(`\b[0-9a-f]{64}\b`), 0
	for i := range 1000 {
		image, isolation := images[i%len(images)], "default"
		if i%10 == 0 {
			isolation = "hyperv"
		}
		template := object{
			"ContainerSpec": object{"Image": image, "Env": []string{"A=b", "C=d"}, "Isolation": isolation},
			"Placement":     object{"Constraints": []string{"node.labels.pool==windows"}}, "ForceUpdate": 0,
		}
		services = append(services, object{
			"ID": fmt.Sprintf("service%018d", i), "Version": object{"Index": i},
			"Spec": object{"Name": fmt.Sprintf("service-%d", i), "Labels": object{}, "TaskTemplate": template, "Mode": object{"Replicated": object{"Replicas": 10}}},
		})
		for k := range 10 {
			id++
			status := object{"Timestamp": "2026-11-24T09:00:00.123456789Z", "State": "running", "Message": "started", "PortStatus": object{}}
			t := object{
				"ID": fmt.Sprintf("task%021d", id), "Version": object{"Index": id}, "CreatedAt": "2026-11-24T08:59:00Z", "UpdatedAt": "2026-11-24T09:00:01Z", "Labels": object{},
				"ServiceID": services[i]["ID"], "NodeID": nodes[(i+k)%len(nodes)]["ID"], "Slot": k + 1, "Spec": template, "Status": status, "DesiredState": "running",
			}
			switch {
			case i%4 == 3:
				delete(t, "NodeID")
				status["State"], status["Err"] = "pending", "no suitable node (scheduling constraints not satisfied on 1 node)"
			case i%4 == 2 || i%4 == 1 && k%2 == 1:
				status["State"], t["DesiredState"] = "rejected", "shutdown"
				status["Err"] = container.ReplaceAllString(texts[id%len(texts)], fmt.Sprintf("%064x", id))
			}
			tasks = append(tasks, t)
		}
	}
	out := map[string][]byte{}
	for name, v := range map[string]any{
		"info":  object{"OSType": "linux", "ServerVersion": "25.0.6", "Swarm": object{"NodeID": "manager", "ControlAvailable": true, "LocalNodeState": "active"}},
		"nodes": nodes, "services": services, "tasks": tasks,
	} {
		if out[name], err = json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
	return out
}

// BenchmarkSwarmDoctor is swarm doctor of a large Swarm, from its first request to
// the last byte of its answer, beside the bare lists, read and thrown away. The
// manager takes no time here; that of a real one is in test/bench.
func BenchmarkSwarmDoctor(b *testing.B) {
	answers := largeSwarm(b)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		_, _ = w.Write(answers[path.Base(r.URL.Path)])
	}))
	defer s.Close()
	b.Run("lists", func(b *testing.B) {
		for b.Loop() {
			for _, name := range []string{"nodes", "services", "tasks"} {
				resp, err := s.Client().Get(s.URL + "/" + name)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		}
	})
	b.Setenv("DOCKER_HOST", "tcp://"+s.Listener.Addr().String())
	for _, form := range []string{"json", "text"} {
		b.Run(form, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var out counter
				var complaint bytes.Buffer
				a := &app{stdin: os.Stdin, stdout: &out, stderr: &complaint, now: func() time.Time { return today }, facts: facts.Embedded()}
				if code := a.run([]string{"swarm", "doctor", "--offline", "-o", form}); code != exitFinding || out < 1<<20 {
					b.Fatalf("exit code %d, %d bytes\n%s", code, out, &complaint)
				}
				b.SetBytes(int64(out))
			}
		})
	}
}

// counter counts what is written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
