package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// LoadNetwork reads the network from a stack's file alone, where secrets stay encrypted and not everything may be set
// yet. Of the problems that Load reports, it reports those of reading and those of the network. In the settings that
// it returns as unset, layout.StandIn is used.
func LoadNetwork(project, stack string, file map[string]any) (network layout.Spec, unset []string, err error) {
	s, unset, err := loadFile(project, stack, file, func(*Settings) []string { return nil })
	if err != nil {
		return layout.Spec{}, nil, err
	}
	return s.Network, unset, nil
}

// LoadFile is LoadNetwork for all settings. It also reports the problems of OCIDs, of the cluster's type, and of
// guestbooks' names and addresses. The compartment may be unset. A secret has no usable value.
func LoadFile(project, stack string, file map[string]any) (*Settings, error) {
	s, _, err := loadFile(project, stack, file, func(s *Settings) []string {
		about := []string{"kmsKeyId", "clusterType"}
		if s.CompartmentID != "" {
			about = append(about, "compartmentId")
		}
		for i := range s.Guestbooks {
			for _, key := range []string{"name", "namespace", "reservedAddress"} {
				about = append(about, s.policy(i).Prefix+key)
			}
		}
		return about
	})
	return s, err
}

// loadFile reports the problems of reading, those of the network, and those of the settings that more returns.
func loadFile(
	project, stack string, file map[string]any, more func(*Settings) []string,
) (s *Settings, unset []string, err error) {
	var list, found problem.List
	config, secrets := AsHanded(project, file)
	s = read(&list, project, config)
	// The network must have room for node pools of both kinds, and subnets for exposures.
	about := append(s.Network.Settings().Keys(), "nodePools", "virtualNodePools", "exposure")
	about = append(about, more(s)...)
	for _, key := range secrets {
		if slices.Contains(about, key) {
			list.Add(key, "is a secret, which only pulumi can read: the network is not known without it").Invalidates(key)
		}
	}
	for i := range s.Guestbooks {
		about = append(about, s.policy(i).Prefix+"exposure")
	}
	unset = s.Network.FillIn()
	s.validate(&found, stack)
	list.Append(found.Of(about))
	if err := list.Err(); err != nil {
		return nil, nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return s, unset, nil
}

// AsHanded turns the section config of a stack's file into what Pulumi hands to the program: a key without a namespace
// is the project's, and what is not text becomes JSON. It also returns the keys of the project's settings that hold
// secrets.
func AsHanded(project string, file map[string]any) (config map[string]string, secrets []string) {
	config = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		full := key
		if !strings.Contains(key, ":") {
			full = project + ":" + key
		}
		value, secret := withoutSecrets(file[key])
		if secret {
			secrets = append(secrets, strings.TrimPrefix(full, project+":"))
		}
		switch text, isText := value.(string); {
		case isText:
			config[full] = text
		case file[key] == nil: // a key without a value
			config[full] = ""
		default:
			raw, _ := json.Marshal(value)
			config[full] = string(raw)
		}
	}
	return config, secrets
}

// hidden replaces a secret: a text where the setting is one, and nothing where it is JSON.
const hidden = "null"

// withoutSecrets returns a value of a stack's file with secrets replaced by hidden, and whether there were any.
func withoutSecrets(value any) (rest any, secret bool) {
	switch value := value.(type) {
	case map[string]any:
		if _, isText := value["secure"].(string); isText && len(value) == 1 {
			return hidden, true
		}
		fields := map[string]any{}
		for name, field := range value {
			rest, found := withoutSecrets(field)
			fields[name], secret = rest, secret || found
		}
		return fields, secret
	case map[any]any: // keys such as 1 or true
		fields := map[string]any{}
		for name, field := range value {
			fields[fmt.Sprint(name)] = field
		}
		return withoutSecrets(fields)
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			rest, found := withoutSecrets(item)
			items[i], secret = rest, secret || found
		}
		return items, secret
	}
	return value, false
}
