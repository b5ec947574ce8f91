package cluster

import (
	"encoding/json"
	"maps"
	"slices"
)

// authenticationConfig and its parts are the file of the API server that accepts tokens of several issuers
// (Kubernetes, "Authentication configuration from a file"; OKE takes it since 1.30).
type (
	authenticationConfig struct {
		APIVersion string      `json:"apiVersion"`
		Kind       string      `json:"kind"`
		JWT        []jwtIssuer `json:"jwt"`
	}
	jwtIssuer struct {
		Issuer struct {
			URL       string   `json:"url"`
			Audiences []string `json:"audiences"`
			CA        string   `json:"certificateAuthority,omitempty"`
		} `json:"issuer"`
		Rules    []claimRule        `json:"claimValidationRules,omitempty"`
		Mappings map[string]mapping `json:"claimMappings"`
	}
	claimRule struct {
		Claim string `json:"claim"`
		Value string `json:"requiredValue"`
	}
	mapping struct {
		Claim  string `json:"claim"`
		Prefix string `json:"prefix"`
	}
)

// AuthenticationFile is the API server's file that accepts tokens of all issuers. It is JSON, which is YAML too.
func (s *Spec) AuthenticationFile() (string, error) {
	file := authenticationConfig{
		APIVersion: "apiserver.config.k8s.io/v1beta1", Kind: "AuthenticationConfiguration",
	}
	for _, i := range s.OIDCIssuers {
		var j jwtIssuer
		j.Issuer.URL, j.Issuer.Audiences, j.Issuer.CA = i.URL, []string{i.ClientID}, i.CACertificate
		for _, claim := range slices.Sorted(maps.Keys(i.RequiredClaims)) {
			j.Rules = append(j.Rules, claimRule{claim, i.RequiredClaims[claim]})
		}
		j.Mappings = map[string]mapping{"username": {i.UsernameClaim, i.Prefix()}}
		if i.GroupsClaim != "" {
			j.Mappings["groups"] = mapping{i.GroupsClaim, i.GroupsPrefix}
		}
		file.JWT = append(file.JWT, j)
	}
	text, err := json.Marshal(file)
	return string(text), err
}
