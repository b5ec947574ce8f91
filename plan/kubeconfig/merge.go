package kubeconfig

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Merge returns a kubeconfig with the clusters, users and contexts of another, which replace those of the same names.
// The other's current context becomes the current one. An empty kubeconfig is a new one.
func Merge(kubeconfig, other string) (string, error) {
	document, _, err := parse(kubeconfig)
	if err != nil {
		return "", err
	}
	added, _, err := parse(other)
	if err != nil {
		return "", err
	}
	if len(document.Content) == 0 {
		return other, nil
	}
	into, from := document.Content[0], added.Content[0]
	if into.Kind != yaml.MappingNode || from.Kind != yaml.MappingNode {
		return "", fmt.Errorf("kubeconfig: it is no mapping of clusters, users and contexts")
	}
	for _, list := range []string{"clusters", "users", "contexts"} {
		items := field(from, list)
		if items == nil {
			continue
		}
		had := field(into, list)
		if had == nil || had.Kind != yaml.SequenceNode {
			had = &yaml.Node{Kind: yaml.SequenceNode}
			setField(into, list, had)
			had = field(into, list)
		}
		for _, item := range items.Content {
			put(had, item)
		}
	}
	if current := field(from, "current-context"); current != nil {
		setField(into, "current-context", current)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return "", fmt.Errorf("kubeconfig: %w", err)
	}
	return out.String(), nil
}

// put replaces the item of the same name in a list, or adds it.
func put(list, item *yaml.Node) {
	name := field(item, "name")
	for _, had := range list.Content {
		if other := field(had, "name"); name != nil && other != nil && other.Value == name.Value {
			*had = *item
			return
		}
	}
	list.Content = append(list.Content, item)
}
