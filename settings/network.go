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

// LoadNetwork reads the network from a stack's file alone, where secrets stay encrypted and not everything may be set yet.
// It refuses what cannot be read, and of what Load refuses, what is about the network. In the settings that it returns as
// unset, layout.StandIn stands in.
func LoadNetwork(project, stack string, file map[string]any) (network Network, unset []string, err error) {
	config, secrets := asHanded(project, file)
	s := Defaults()
	var list problem.List
	unread := s.decode(&list, project, config)
	unread = append(unread, s.complete(&list, unread)...)
	about := []string{"nodePools", "exposure"} // what the network must have room and subnets for
	for _, setting := range layout.Settings {
		about = append(about, setting.Key)
	}
	for _, key := range secrets {
		if slices.Contains(about, key) {
			list.Add(key, "is a secret, which only pulumi can read: the network is not known without it")
			unread = append(unread, key)
		}
	}
	unset = s.FillIn()
	var found problem.List
	s.validate(&found, stack)
	list.AddAllBut(found.Of(about), unread)
	if err := list.Err(); err != nil {
		return Network{}, nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return s.Network, unset, nil
}

// asHanded makes of a stack's file what Pulumi hands to the program: a key without a namespace is the project's, and what is
// not text becomes JSON. The settings that hold secrets are returned too.
func asHanded(project string, file map[string]any) (config map[string]string, secrets []string) {
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
		case file[key] == nil: // a key with nothing behind it
			config[full] = ""
		default:
			raw, _ := json.Marshal(value)
			config[full] = string(raw)
		}
	}
	return config, secrets
}

// hidden stands for a secret: a text where the setting is one, and nothing where it is JSON.
const hidden = "null"

// withoutSecrets returns a value of a stack's file with hidden in the place of secrets, and whether there were any.
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
