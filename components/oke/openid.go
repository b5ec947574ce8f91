package oke

import (
	"encoding/base64"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
)

// Names of the SDK, shortened.
type (
	authenticationArgs  = containerengine.ClusterOptionsOpenIdConnectTokenAuthenticationConfigArgs
	authenticationInput = containerengine.ClusterOptionsOpenIdConnectTokenAuthenticationConfigPtrInput
	discoveryArgs       = containerengine.ClusterOptionsOpenIdConnectDiscoveryArgs
	discoveryInput      = containerengine.ClusterOptionsOpenIdConnectDiscoveryPtrInput
)

// openID returns what a cluster does about OpenID Connect. An enhanced one is told so also when it is nothing: the
// service keeps what is left out. A basic one has none. The issuers are in a file also when there is one: OKE refuses
// the file beside the fields for one issuer, and the official provider sends fields that are left out as they were.
func openID(spec cluster.Spec) (discoveryInput, authenticationInput, error) {
	if spec.ClusterType != cluster.Enhanced {
		return nil, nil, nil
	}
	discovery := discoveryArgs{IsOpenIdConnectDiscoveryEnabled: pulumi.Bool(spec.OIDCDiscovery)}
	authentication := authenticationArgs{IsOpenIdConnectAuthEnabled: pulumi.Bool(len(spec.OIDCIssuers) > 0)}
	if len(spec.OIDCIssuers) > 0 {
		file, err := spec.AuthenticationFile()
		if err != nil {
			return nil, nil, err
		}
		authentication.ConfigurationFile = pulumi.String(base64.StdEncoding.EncodeToString([]byte(file)))
	}
	return discovery, authentication, nil
}

// imagePolicy returns the policy that images are verified by. Without keys it is turned off: the service keeps what is
// left out, and an enabled policy without keys lets any image run.
func imagePolicy(keys []string) containerengine.ClusterImagePolicyConfigArgs {
	var details containerengine.ClusterImagePolicyConfigKeyDetailArray
	for _, key := range keys {
		details = append(details, containerengine.ClusterImagePolicyConfigKeyDetailArgs{KmsKeyId: pulumi.String(key)})
	}
	policy := containerengine.ClusterImagePolicyConfigArgs{IsPolicyEnabled: pulumi.Bool(len(keys) > 0)}
	if len(details) > 0 {
		policy.KeyDetails = details
	}
	return policy
}
