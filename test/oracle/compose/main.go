// Command compose says what Docker's own reader of Compose files makes of one:
// each line of standard input is a Question in JSON, each line of standard
// output its Answer.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// Question is a file, where it stands, and the variables that are set. Include:
// with the files that it includes, and .env of its folder.
type Question struct {
	Dir, Name, Text string
	Env             map[string]string
	Include         bool
}

// Answer is what services are made of, by name.
type Answer struct {
	Services []Service
	Error    string
}

// Service is what matters here of one.
type Service struct {
	Name, Image, Isolation, Platform string
	Build                            bool
	Constraints                      []string
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
		if err := out.Encode(answer(&q)); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}

func answer(q *Question) Answer {
	if q.Include {
		if err := os.Chdir(q.Dir); err != nil { // as a person who runs docker compose up
			return Answer{Error: err.Error()}
		}
		env, err := dotenv.GetEnvFromFile(q.Env, []string{filepath.Join(q.Dir, ".env")})
		if err != nil && !os.IsNotExist(err) {
			return Answer{Error: err.Error()}
		}
		q.Env = types.Mapping(q.Env).Clone().Merge(env)
	}
	details := types.ConfigDetails{
		WorkingDir:  q.Dir,
		Environment: types.Mapping(q.Env),
		ConfigFiles: []types.ConfigFile{{Filename: q.Name, Content: []byte(q.Text)}},
	}
	p, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SkipValidation, o.SkipConsistencyCheck, o.SkipNormalization, o.SkipInclude, o.SkipResolveEnvironment = true, true, true, !q.Include, true
		o.Profiles = []string{"*"}
		o.SetProjectName("oracle", true)
	})
	if err != nil {
		return Answer{Error: err.Error()}
	}
	var a Answer
	for name, s := range p.Services {
		r := Service{Name: name, Image: s.Image, Isolation: s.Isolation, Platform: s.Platform, Build: s.Build != nil}
		if s.Deploy != nil {
			r.Constraints = s.Deploy.Placement.Constraints
		}
		a.Services = append(a.Services, r)
	}
	slices.SortFunc(a.Services, func(a, b Service) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return a
}
