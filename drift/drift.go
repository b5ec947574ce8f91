// Package drift lists what differs between a stack's state and the cloud, from what a preview of `pulumi refresh`
// prints as JSON.
package drift

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"oke-guestbook/internal/urn"
)

// Difference is one property of a resource whose value in the cloud is not that of the state.
type Difference struct {
	URN      string `json:"urn"`
	Resource string `json:"resource"`           // for people: "Vcn network"
	Property string `json:"property,omitempty"` // its path; empty if the resource is gone
	State    any    `json:"state"`              // value in the state; nil for none
	Cloud    any    `json:"cloud"`              // value in the cloud; nil for none
}

// step is what the preview says about one resource. The format is that of Pulumi v3.253.0 (pkg/display/json.go).
type step struct {
	Op       string
	URN      string
	OldState state
	NewState *state
	Detailed map[string]struct{ InputDiff bool } `json:"detailedDiff"`
}

type state struct{ Inputs, Outputs any }

func (s *state) at(path string, input bool) any {
	if s == nil {
		return nil
	}
	if input {
		return at(s.Inputs, path)
	}
	return at(s.Outputs, path)
}

// Parse returns the differences in the output of `pulumi refresh --preview-only --json --diff`, by URN. The
// engine leaves out what the program ignores, and what Kubernetes or OCI have added to what the program sets. The
// values of secrets are "[secret]".
func Parse(preview []byte) ([]Difference, error) {
	var content struct{ Steps []step }
	if err := json.Unmarshal(preview, &content); err != nil {
		return nil, fmt.Errorf("preview of pulumi refresh: %w", err)
	}
	var all []Difference
	for _, s := range content.Steps {
		if s.Op == "delete" {
			all = append(all, Difference{URN: s.URN, Resource: urn.Title(s.URN), State: "exists", Cloud: "is gone"})
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(s.Detailed)) {
			input := s.Detailed[path].InputDiff
			all = append(all, Difference{
				s.URN, urn.Title(s.URN), path, s.OldState.at(path, input), s.NewState.at(path, input),
			})
		}
	}
	slices.SortStableFunc(all, func(a, b Difference) int { return strings.Compare(a.URN, b.URN) })
	return all, nil
}

// Interrupted returns the operations in an exported state whose outcome an interrupted command has not recorded. The
// preview leaves out what they have created.
func Interrupted(exported []byte) ([]Difference, error) {
	var content struct {
		Deployment struct {
			Pending []struct {
				Type     string
				Resource struct{ URN string }
			} `json:"pending_operations"`
		}
	}
	if err := json.Unmarshal(exported, &content); err != nil {
		return nil, fmt.Errorf("exported state: %w", err)
	}
	var all []Difference
	for _, op := range content.Deployment.Pending {
		all = append(all, Difference{
			URN: op.Resource.URN, Resource: urn.Title(op.Resource.URN), State: op.Type, Cloud: "not recorded: oke recover",
		})
	}
	return all, nil
}

// at returns the value at a path such as `spec.ports[0].port` or `metadata.annotations["a/b"]`, or nil.
func at(value any, path string) any {
	for path != "" {
		var key string
		switch {
		case strings.HasPrefix(path, `["`):
			key, path, _ = strings.Cut(path[2:], `"]`)
		case path[0] == '[':
			key, path, _ = strings.Cut(path[1:], "]")
		default:
			path = strings.TrimPrefix(path, ".")
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			key, path = path[:end], path[end:]
		}
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// WriteTable writes a line for each difference.
func WriteTable(out io.Writer, all []Difference) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RESOURCE\tPROPERTY\tSTATE\tCLOUD")
	for _, d := range all {
		if d.Property == "" {
			fmt.Fprintf(table, "%s\t\t%v\t%v\n", d.Resource, d.State, d.Cloud)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.Resource, d.Property, cell(d.State), cell(d.Cloud))
	}
	return table.Flush()
}

// cellWidth is the number of characters of a value that the table shows.
const cellWidth = 40

func cell(value any) string {
	if value == nil {
		return "-"
	}
	text, isText := value.(string)
	if !isText || strings.ContainsAny(text, "\n\t") {
		encoded, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		text = string(encoded)
	}
	if runes := []rune(text); len(runes) > cellWidth {
		text = string(runes[:cellWidth-1]) + "…"
	}
	return text
}
