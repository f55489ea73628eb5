package render

import (
	"io"
	"net/url"
	"path/filepath"

	"github.com/winmatch/winmatch/files"
)

// The parts of SARIF 2.1.0 that are written. A test holds the output against
// the schema.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Short   sarifText    `json:"shortDescription"`
		HelpURI string       `json:"helpUri"`
		Default sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level   string `json:"level,omitempty"`
		Enabled bool   `json:"enabled"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
		// A digest of what does not change when lines are added above.
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifLogical struct { // an object of a cluster
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homeURL     = "https://github.com/winmatch/winmatch"
	rulesURL    = homeURL + "/blob/main/docs/rules.md"
)

// ScanSARIF writes findings as SARIF 2.1.0, which code hosts show beside the
// lines. version is the program's, "" where it is not known.
func ScanSARIF(w io.Writer, s *Scan, version string) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "winmatch", Version: version, InformationURI: homeURL}
	index := map[string]int{}
	for i, r := range files.Rules {
		index[r.ID] = i
		d := sarifDefault{Level: r.Level.String(), Enabled: true}
		if r.Level == files.Off {
			d = sarifDefault{Level: files.Note.String()}
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.ID, sarifText{r.Text}, rulesURL + "#" + r.ID, d})
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		text := f.Message
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: f.Level.String(), Message: sarifText{text},
			Locations:    sarifAt(f.File, &sarifRegion{f.Line, f.Column, f.EndLine, f.EndColumn}),
			Fingerprints: map[string]string{"winmatch/v1": f.Rule + " " + f.File + " " + f.Image},
		})
	}
	inv := sarifInvocation{Successful: len(s.Errors) == 0}
	for _, e := range s.Errors {
		n := sarifNotification{Level: "error", Message: sarifText{e.Reason}, Locations: sarifAt(e.File, nil)}
		if e.Line > 0 {
			n.Locations[0].Physical.Region = &sarifRegion{StartLine: e.Line, StartColumn: e.Column}
		}
		inv.Notifications = append(inv.Notifications, n)
	}
	run.Invocations = []sarifInvocation{inv}
	return JSON(w, &sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

// sarifAt is a place in a file.
func sarifAt(file string, region *sarifRegion) []sarifLocation {
	u := url.URL{Path: file}
	if filepath.IsAbs(filepath.FromSlash(file)) {
		u.Scheme = "file"
		if file[0] != '/' {
			u.Path = "/" + file // C:/…
		}
	}
	return []sarifLocation{{Physical: sarifPhysical{sarifArtifact{u.String()}, region}}}
}
