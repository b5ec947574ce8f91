// Command refuser is a Pulumi program that registers the resources of its setting "resources". It validates nothing, so
// that a test can send requests which the real program would reject.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// request is one entry of the setting. A string "${name}" among the properties stands for the id of an earlier entry.
type request struct {
	Name  string         `json:"name"`
	Type  string         `json:"type"`
	Props map[string]any `json:"props"`
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		text, _ := ctx.GetConfig(ctx.Project() + ":resources")
		var requests []request
		if err := json.Unmarshal([]byte(text), &requests); err != nil {
			return fmt.Errorf("setting resources: %w", err)
		}
		created := map[string]*pulumi.CustomResourceState{}
		for _, r := range requests {
			props := pulumi.Map{}
			for key, v := range r.Props {
				props[key] = input(v, created)
			}
			created[r.Name] = &pulumi.CustomResourceState{}
			if err := ctx.RegisterResource(r.Type, r.Name, props, created[r.Name]); err != nil {
				return fmt.Errorf("resource %q: %w", r.Name, err)
			}
		}
		return nil
	})
}

// input converts decoded JSON.
func input(v any, created map[string]*pulumi.CustomResourceState) pulumi.Input {
	switch v := v.(type) {
	case map[string]any:
		out := pulumi.Map{}
		for key, item := range v {
			out[key] = input(item, created)
		}
		return out
	case []any:
		out := pulumi.Array{}
		for _, item := range v {
			out = append(out, input(item, created))
		}
		return out
	case string:
		if name, ok := strings.CutPrefix(v, "${"); ok {
			if r := created[strings.TrimSuffix(name, "}")]; r != nil {
				return r.ID().ToStringOutput()
			}
		}
		return pulumi.String(v)
	case float64:
		return pulumi.Float64(v)
	case bool:
		return pulumi.Bool(v)
	}
	return pulumi.Any(v)
}
