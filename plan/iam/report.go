package iam

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// titles describe the principals.
var titles = map[Principal]string{
	Operators:       "Operators, who run pulumi up, refresh and destroy",
	ClusterItself:   "The cluster, and with it its load balancers and volumes",
	NodePools:       "Node pools, which act for themselves since 2026-08-07, as announced",
	BlockVolumes:    "The Block Volume service, which encrypts boot volumes",
	NodesAutoscaler: "The autoscaler of nodes (once the cluster exists)",
	MeasuringJobs:   "The jobs that post metrics (once the cluster exists)",
}

// footer follows the statements.
const footer = `
How to use the statements
  An administrator creates the policies, in the tenancy's home region. A policy holds 50 statements by default.
  Those of the cluster and of the node pools must exist before pulumi up; a new policy takes effect after a while.
  Load balancers, volumes and nodes that use nothing outside compartmentId need no statement.
`

const untested = `
Every statement was read in its source on ` + LookedAt + `. None was tried on Oracle Cloud.
`

// WriteText writes the statements of a stack for people: blocks to paste, each with reasons and sources.
func WriteText(out io.Writer, in Input) error {
	r := report{}
	fmt.Fprintf(&r, "IAM policy statements for stack %s, operated by %s\n", in.Stack, Subject(in))
	statements := Statements(in)
	for _, principal := range Principals {
		r.principal(principal, statements)
	}
	if statements[len(statements)-1].Principal == Operators && len(planned(in).clusterStatements()) == 0 {
		r.WriteString("\nWith these settings, the cluster and its node pools need no statement.\n")
	}
	if made := CreatedByTheProgram(in); len(made) > 0 {
		r.WriteString("\nCreated by pulumi up; do not create them\n")
		for _, policy := range made {
			fmt.Fprintf(&r, "  policy %s: %s\n", policy.Name, policy.Statement)
		}
	}
	if list := Assumptions(in); len(list) > 0 {
		r.WriteString("\nAssumed\n")
		for _, line := range list {
			fmt.Fprintf(&r, "  %s.\n", line)
		}
	}
	r.WriteString(footer + "\nSources\n")
	for i, s := range r.sources {
		fmt.Fprintf(&r, "  [%d] %s, %q\n      %s (%s)\n", i+1, s.Document, s.Section, s.Page, s.Edition)
	}
	r.WriteString(untested)
	_, err := io.WriteString(out, r.String())
	return err
}

// report is the text, and the sources in the order of their numbers.
type report struct {
	strings.Builder
	sources []*Source
}

// principal writes a principal's statements, in a block for each compartment that takes a policy.
func (r *report) principal(principal Principal, statements []Statement) {
	blocks := map[string][]Statement{}
	var order []string
	for _, s := range statements {
		if s.Principal != principal {
			continue
		}
		if blocks[s.Location] == nil {
			order = append(order, s.Location)
		}
		blocks[s.Location] = append(blocks[s.Location], s)
	}
	if len(order) == 0 {
		return
	}
	fmt.Fprintf(r, "\n== %s\n", titles[principal])
	for _, place := range order {
		if place == tenancy {
			r.WriteString("\nPolicy of the root compartment:\n\n")
		} else {
			fmt.Fprintf(r, "\nPolicy of %s, or of one above it:\n\n", strings.Replace(place, " id", "", 1))
		}
		for _, s := range blocks[place] {
			r.WriteString(s.Text + "\n")
		}
		r.WriteString("\n")
		for _, s := range blocks[place] {
			fmt.Fprintf(r, "  %s: %s [%d]\n", s.Grant, s.Why, r.number(s.Source))
			if s.Note != "" {
				fmt.Fprintf(r, "      (%s)\n", s.Note)
			}
		}
	}
}

func (r *report) number(source *Source) int {
	i := slices.Index(r.sources, source)
	if i < 0 {
		r.sources = append(r.sources, source)
		i = len(r.sources) - 1
	}
	return i + 1
}

const tableHead = "| allowed | in | with the settings | reason | source |\n|---|---|---|---|---|\n"

// Reference returns every statement that some settings need, as Markdown.
func Reference() string {
	var r report
	for _, principal := range Principals {
		fmt.Fprintf(&r, "\n### %s\n\n"+tableHead, titles[principal])
		for _, g := range grants {
			if g.to != principal {
				continue
			}
			why := g.why
			if g.note != "" {
				why += " (" + g.note + ")"
			}
			fmt.Fprintf(&r, "| `%s` | %s | %s | %s | %d |\n", g.allow, g.in.text, g.when.text, why, r.number(g.source))
		}
	}
	fmt.Fprintf(&r, "\n### Sources\n\nAll were read on %s.\n\n", LookedAt)
	for i, s := range r.sources {
		fmt.Fprintf(&r, "%d. %s, “%s”. `%s`, %s.\n", i+1, s.Document, s.Section, s.Page, s.Edition)
	}
	return r.String()
}

// WriteJSON writes the same as WriteText for programs.
func WriteJSON(out io.Writer, in Input) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // a placeholder is written in angle brackets
	return encoder.Encode(struct {
		Stack      string      `json:"stack"`
		Operators  string      `json:"operators"`
		Statements []Statement `json:"statements"`
		Created    []Created   `json:"created"` // by pulumi up
		Assumed    []string    `json:"assumed"` // neither settings nor flags say it
		LookedAt   string      `json:"lookedAt"`
		Tested     bool        `json:"tested"` // on Oracle Cloud
	}{
		in.Stack, Subject(in), Statements(in),
		append([]Created{}, CreatedByTheProgram(in)...), append([]string{}, Assumptions(in)...), LookedAt, false,
	})
}
