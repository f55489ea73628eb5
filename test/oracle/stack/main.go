// Command stack says what docker stack deploy makes of Compose files: each line
// of standard input is a Question in JSON, each line of standard output its
// Answer.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log"
	"os"
	"sort"

	"github.com/docker/cli/cli/compose/convert"
	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/schema"
	"github.com/docker/cli/cli/compose/types"
	"github.com/sirupsen/logrus"
)

// Question is files, in their order, and the environment.
type Question struct {
	Files []string
	Env   map[string]string
}

// Answer is the services that would be made, by name.
type Answer struct {
	Services []Service
	Error    string
}

// Service is what decides where one runs.
type Service struct {
	Name, Image, Isolation, Mode string
	Replicas, MaxPerNode         int
	Constraints                  []string
	NanoCPUs, Memory             int64
}

func main() {
	logrus.SetOutput(io.Discard)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q Question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			log.Fatal(err)
		}
		a, err := answer(&q)
		if err != nil {
			a = Answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}

func answer(q *Question) (a Answer, err error) {
	details := types.ConfigDetails{WorkingDir: "/nowhere", Environment: q.Env}
	for _, text := range q.Files {
		dict, err := loader.ParseYAML([]byte(text))
		if err != nil {
			return a, err
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Config: dict})
	}
	details.Version = schema.Version(details.ConfigFiles[0].Config)
	config, err := loader.Load(details)
	if err != nil {
		return a, err
	}
	for _, s := range config.Services {
		if s.Image == "" { // cli/command/stack/loader.go
			return a, io.ErrUnexpectedEOF
		}
	}
	specs, err := convert.Services(context.Background(), convert.NewNamespace("s"), config, nil)
	if err != nil {
		return a, err
	}
	for name, spec := range specs {
		t := spec.TaskTemplate
		s := Service{Name: name, Image: t.ContainerSpec.Image, Isolation: string(t.ContainerSpec.Isolation), Mode: "replicated", Replicas: 1,
			MaxPerNode: int(t.Placement.MaxReplicas), Constraints: t.Placement.Constraints}
		var n *uint64
		switch m := spec.Mode; {
		case m.Global != nil:
			s.Mode = "global"
		case m.GlobalJob != nil:
			s.Mode = "global-job"
		case m.ReplicatedJob != nil:
			s.Mode, n = "replicated-job", m.ReplicatedJob.TotalCompletions
		default:
			n = m.Replicated.Replicas
		}
		if n != nil {
			s.Replicas = int(*n)
		}
		if r := t.Resources.Reservations; r != nil {
			s.NanoCPUs, s.Memory = r.NanoCPUs, r.MemoryBytes
		}
		a.Services = append(a.Services, s)
	}
	sort.Slice(a.Services, func(i, j int) bool { return a.Services[i].Name < a.Services[j].Name })
	return a, nil
}
