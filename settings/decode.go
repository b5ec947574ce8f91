package settings

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// ociSettings are those of the OCI provider, without their namespace.
var ociSettings = []string{
	"auth", "configFileProfile", "disableAutoRetries", "dualStackEndpointEnabled", "fingerprint", "ignoreDefinedTags",
	"privateKey", "privateKeyPassword", "privateKeyPath", "realmSpecificServiceEndpointTemplateEnabled", "region",
	"retriesConfigFile", "retryDurationSeconds", "tenancyOcid", "testTimeMaintenanceRebootDue", "userOcid",
}

// ociChecks are those of the parts of an API key, which Oracle answers with 401 NotAuthenticated otherwise, whichever
// is wrong. Other methods of oci:auth use none of them.
var ociChecks = map[string]setting.Check[string]{
	"tenancyOcid": setting.OCID("tenancy"), "userOcid": setting.OCID("user"),
	"fingerprint": setting.Match(regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15}$`),
		"a fingerprint such as 20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"),
}

// decode reads what config sets. Unlike a configuration that is read key by key, it refuses keys that are no setting: a
// typing error must not pass for a default.
func (s *Settings) decode(list *problem.List, project string, config map[string]string) {
	declared, values := s.Settings(), map[string]json.RawMessage{}
	login := loginOf(config)
	for _, full := range slices.Sorted(maps.Keys(config)) {
		namespace, key, _ := strings.Cut(full, ":")
		if namespace != project {
			checkForeign(list, project, full, config[full], login.TakesKeys())
			continue
		}
		values[key] = json.RawMessage(config[full])
		if one, known := declared.Find(key); known && one.Type == "string" { // all other types are written as JSON
			values[key], _ = json.Marshal(config[full])
		}
	}
	declared.Decode(list, values)
}

// checkForeign refuses a key of another namespace unless the OCI provider or Pulumi itself reads it. The parts of an
// API key are checked if the provider uses them.
func checkForeign(list *problem.List, project, full, value string, usesKey bool) {
	switch namespace, key, _ := strings.Cut(full, ":"); namespace {
	case "pulumi": // checked by the Pulumi CLI
	case "oci":
		if !slices.Contains(ociSettings, key) {
			list.Add(full, "the OCI provider has no such setting%s", setting.Nearest(key, ociSettings))
		} else if check, checked := ociChecks[key]; checked && usesKey && value != "" && value != hidden {
			if err := check.Test(value); err != nil {
				list.Add(full, "%v", err).Invalidates(full)
			}
		}
	case "kubernetes":
		list.Add(full, "nothing reads it, as the program configures the Kubernetes provider itself: leave it out")
	default:
		list.Add(full, "no provider here is called %s; settings of this program begin with %s:", namespace, project)
	}
}
