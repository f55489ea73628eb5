package render

import (
	"bytes"
	"strings"
	"testing"
)

// TestSwarmDoctorJSON: service by service, the text is that of JSON.
func TestSwarmDoctorJSON(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		d := SwarmDoctor{Stack: []string{"a.yaml"}, Nodes: []SwarmNode{{Name: "win-1"}}, Services: []SwarmService{}}
		for range n {
			d.Services = append(d.Services, SwarmService{Name: "<web> & more", Notes: []string{strings.Repeat("x", 2000)}})
		}
		var got, want bytes.Buffer
		if err := SwarmDoctorJSON(&got, &d, n, func(i int) *SwarmService { return &d.Services[i] }); err != nil {
			t.Fatal(err)
		}
		if err := JSON(&want, &d); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%d services: %d bytes, want %d", n, got.Len(), want.Len())
		}
	}
}
