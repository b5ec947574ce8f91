package containerengine

import (
	"net/netip"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// checkClusterCIDRs refuses ranges for pods and services that overlap each other or the VCN. With VCN-native pod
// networking the range for pods is not used.
func checkClusterCIDRs(doc engine.Doc, network *engine.Resource) error {
	const path = "options.kubernetesNetworkConfig"
	config := doc.Sub("options", "kubernetesNetworkConfig")
	pods, err := vcn.ParseCIDR(path+".podsCidr", config.Str("podsCidr"))
	if err != nil {
		return err
	}
	services, err := vcn.ParseCIDR(path+".servicesCidr", config.Str("servicesCidr"))
	if err != nil {
		return err
	}
	ranges := []struct {
		field string
		p     netip.Prefix
	}{{"podsCidr", pods}, {"servicesCidr", services}}
	if cniType(doc) == vcnNative {
		ranges = ranges[1:]
	}
	for _, text := range network.Doc.Texts("cidrBlocks") {
		block, err := vcn.ParseCIDR("cidrBlocks", text)
		if err != nil {
			return err
		}
		for _, r := range ranges {
			if r.p.Overlaps(block) {
				return engine.Invalid("%s.%s: %s overlaps the VCN's CIDR block %s", path, r.field, r.p, block)
			}
		}
	}
	if len(ranges) == 2 && pods.Overlaps(services) {
		return engine.Invalid("%s: podsCidr %s and servicesCidr %s overlap", path, pods, services)
	}
	return nil
}
