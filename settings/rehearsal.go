package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"oke-guestbook/plan/setting"
)

// onlyThere are settings that mean something on Oracle Cloud only, or that are nothing without a secret: the stack's
// passphrase alone opens those. What takes an OCID is left out, too.
var onlyThere = []string{
	"protect", "tokenCommand", "homeRegion", "reservedAddress", "peerCidrs", "restoreFrom",
	"registryUsername", "registryPassword", "externalDatabase", "databasePassword",
	"tlsCertificate", "tlsPrivateKey", "tlsHostname", "tlsMinimumVersion", "tlsCipherSuite", "plainHttp",
}

// Rehearsal returns the section config of a stack's file as the local cloud takes it: in the compartment there, with
// the credentials that the local cloud's environment has, and without what exists on Oracle Cloud only. Left are the
// settings that were left out.
func Rehearsal(project, compartmentID string, file map[string]any) (config map[string]any, left []string) {
	r := rehearsal{}
	own := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		if name, foreign := strings.CutPrefix(key, project+":"); foreign || !strings.Contains(key, ":") {
			own[name] = file[key]
		} else {
			r.left = append(r.left, key)
		}
	}
	config = map[string]any{}
	for key, value := range r.object(new(Settings).Settings(), "", own) {
		config[project+":"+key] = value
	}
	config[project+":compartmentId"] = compartmentID
	left = slices.DeleteFunc(r.left, func(key string) bool { return key == "compartmentId" })
	slices.Sort(left)
	return config, left
}

// rehearsal collects the settings that are left out.
type rehearsal struct{ left []string }

// object returns the fields that are kept.
func (r *rehearsal) object(group setting.Group, path string, fields map[string]any) map[string]any {
	kept := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		declared, _ := group.Find(key) // one that does not exist is the program's to refuse
		_, secrets := withoutSecrets(fields[key])
		if declared.IsOCID() || slices.Contains(onlyThere, key) || len(secrets) > 0 && len(declared.Fields) == 0 {
			r.left = append(r.left, path+key)
			continue
		}
		kept[key] = r.value(declared, path+key, fields[key])
	}
	return kept
}

// value returns what is kept of a setting: of objects in a list, or by name, their fields.
func (r *rehearsal) value(declared setting.Setting, path string, value any) any {
	if len(declared.Fields) == 0 {
		return value
	}
	switch value := value.(type) {
	case []any:
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = item
			if fields, ok := item.(map[string]any); ok {
				kept[i] = r.object(declared.Fields, fmt.Sprintf("%s[%d].", path, i), fields)
			}
		}
		return kept
	case map[string]any:
		kept := map[string]any{}
		for name, item := range value {
			kept[name] = item
			if fields, ok := item.(map[string]any); ok {
				kept[name] = r.object(declared.Fields, path+"."+name+".", fields)
			}
		}
		return kept
	}
	return value
}
