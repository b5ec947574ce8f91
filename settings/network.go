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
	s, unset, err := loadFile(project, stack, file, false)
	if err != nil {
		return layout.Spec{}, nil, err
	}
	return s.Network, unset, nil
}

// LoadFile is LoadNetwork for all settings. It also reports values that are refused whatever the other settings are,
// and the problems of the cluster's type and of guestbooks' names and addresses. What is required may be unset. A
// secret has no usable value.
func LoadFile(project, stack string, file map[string]any) (*Settings, error) {
	s, _, err := loadFile(project, stack, file, true)
	return s, err
}

// loadFile reports the problems of reading and those of the network, or with all also those of other settings.
func loadFile(project, stack string, file map[string]any, all bool) (s *Settings, unset []string, err error) {
	var list, found problem.List
	config, paths := asHanded(project, file)
	s = read(&list, project, config)
	// The network must have room for node pools of both kinds, and subnets for exposures.
	about := append(s.Network.Settings().Keys(), "nodePools", "virtualNodePools", "exposure")
	for _, path := range paths {
		if key := topLevel(path); slices.Contains(about, key) {
			list.Add(key, "is a secret, which only pulumi can read: the network is not known without it").Invalidates(key)
		}
	}
	for i := range s.Guestbooks {
		about = append(about, s.policy(i).Prefix+"exposure")
	}
	unset = s.Network.FillIn()
	s.validate(&found, stack)
	var present []string
	if all {
		about = append(about, "clusterType")
		for i := range s.Guestbooks {
			for _, key := range []string{"name", "namespace", "reservedAddress"} {
				about = append(about, s.policy(i).Prefix+key)
			}
		}
		for key, value := range config {
			if own, is := strings.CutPrefix(key, project+":"); is && value != "" {
				present = append(present, own)
			}
		}
	}
	list.Append(found.Where(func(p problem.Problem) bool {
		return p.Of(about) || p.Invalidates != "" && p.Of(present) && !p.RestsOn(paths)
	}))
	if err := list.Err(); err != nil {
		return nil, nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return s, unset, nil
}

// topLevel returns the setting of a path such as guestbooks[0].databasePassword.
func topLevel(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

// AsHanded turns the section config of a stack's file into what Pulumi hands to the program: a key without a namespace
// is the project's, and what is not text becomes JSON. It also returns the keys of the settings that hold secrets,
// without the project's name.
func AsHanded(project string, file map[string]any) (config map[string]string, secrets []string) {
	config, paths := asHanded(project, file)
	for _, path := range paths {
		if key := topLevel(path); !slices.Contains(secrets, key) {
			secrets = append(secrets, key)
		}
	}
	return config, secrets
}

// asHanded is AsHanded with the secrets' paths, such as guestbooks[0].databasePassword.
func asHanded(project string, file map[string]any) (config map[string]string, secrets []string) {
	config = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		full := key
		if !strings.Contains(key, ":") {
			full = project + ":" + key
		}
		value, found := withoutSecrets(file[key])
		for _, path := range found {
			secrets = append(secrets, strings.TrimPrefix(full, project+":")+path)
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

// withoutSecrets returns a value of a stack's file with secrets replaced by hidden, and their paths: "" of the value
// itself, or such as "[0].databasePassword".
func withoutSecrets(value any) (rest any, secrets []string) {
	add := func(step string, found []string) {
		for _, path := range found {
			secrets = append(secrets, step+path)
		}
	}
	switch value := value.(type) {
	case map[string]any:
		if _, isText := value["secure"].(string); isText && len(value) == 1 {
			return hidden, []string{""}
		}
		fields := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			rest, found := withoutSecrets(value[name])
			fields[name] = rest
			add("."+name, found)
		}
		return fields, secrets
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
			items[i] = rest
			add(fmt.Sprintf("[%d]", i), found)
		}
		return items, secrets
	}
	return value, nil
}
