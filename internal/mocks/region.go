package mocks

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The public IP addresses of the region.
const (
	ReservedAddress  = "192.0.2.7"
	EphemeralAddress = "192.0.2.8"
)

// Call answers questions to the cloud. The region has three availability domains, and images for two Kubernetes
// versions and two architectures.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "oci:Identity/getAvailabilityDomains:getAvailabilityDomains":
		return object(map[string]any{"availabilityDomains": []any{
			map[string]any{"name": "Uocm:US-ASHBURN-AD-2"},
			map[string]any{"name": "Uocm:US-ASHBURN-AD-1"},
			map[string]any{"name": "Uocm:US-ASHBURN-AD-3"},
		}}), nil
	case "oci:ContainerEngine/getNodePoolOption:getNodePoolOption":
		var sources []any
		for _, name := range []string{
			"Oracle-Linux-8.10-2026.09.30-0-OKE-1.36.3-1500", "Oracle-Linux-8.10-aarch64-2026.09.30-0-OKE-1.36.3-1500",
			"Oracle-Linux-8.10-2026.06.30-0-OKE-1.35.4-1400", "Oracle-Linux-8.10-aarch64-2026.06.30-0-OKE-1.35.4-1400",
		} {
			sources = append(sources, map[string]any{
				"imageId": "ocid1.image.oc1.iad." + name, "sourceName": name, "sourceType": "IMAGE",
			})
		}
		return object(map[string]any{"kubernetesVersions": []any{"v1.35.4", "v1.36.3"}, "sources": sources}), nil
	case "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig":
		content := "kubeconfig of " + Text(args.Args["clusterId"]) + " at " + Text(args.Args["endpoint"])
		return object(map[string]any{"content": content}), nil
	case "oci:ObjectStorage/getNamespace:getNamespace":
		return object(map[string]any{"namespace": "tenancy"}), nil
	case "oci:Core/getPublicIp:getPublicIp":
		lifetimes := map[string]string{ReservedAddress: "RESERVED", EphemeralAddress: "EPHEMERAL"}
		lifetime, ok := lifetimes[Text(args.Args["ipAddress"])]
		if !ok {
			return nil, errors.New("404-NotAuthorizedOrNotFound")
		}
		return object(map[string]any{"lifetime": lifetime}), nil
	case "oci:Core/getServices:getServices":
		return object(map[string]any{"services": []any{map[string]any{
			"id": "ocid1.service.oc1.iad.all", "cidrBlock": AllServicesLabel, "name": allServices,
		}}}), nil
	}
	return r.existingNetwork(args)
}

// AllServicesLabel is the CIDR label of all of Oracle's services in the region.
const AllServicesLabel = "all-iad-services-in-oracle-services-network"

const allServices = "All IAD Services In Oracle Services Network"

func object(m map[string]any) resource.PropertyMap { return resource.NewPropertyMapFromMap(m) }
