package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

// shortly is how long a test waits for what takes some seconds, on a machine that compiles beside it.
const shortly = time.Minute

// network returns the resources of the refusal tests: a VCN with its gateways, a cluster with an empty node pool, and
// another VCN.
func (s *stack) network(rest *ociclient.Client) []request {
	s.t.Helper()
	var services []struct{ ID, CIDRBlock string }
	s.get(rest, core+"/services", &services)
	all := slices.IndexFunc(services, func(v struct{ ID, CIDRBlock string }) bool { return v.CIDRBlock == allServices })
	if all < 0 {
		s.t.Fatalf("the cloud has no %s, but %v", allServices, services)
	}
	subnet := func(name, cidr string) request {
		return request{name, subnetType, in("net", object{
			"cidrBlock": cidr, "dnsLabel": name, "routeTableId": "${table}", "securityListIds": []any{"${list}"},
		})}
	}
	return []request{
		{"net", vcnType, with(object{"cidrBlocks": []any{"10.0.0.0/16"}, "dnsLabel": "net"})},
		{"shared", vcnType, with(object{"cidrBlocks": []any{"10.1.0.0/16"}})},
		{"internet", internetType, in("net", nil)},
		{"nat", natType, in("net", nil)},
		{"services", servicesType, in("net", object{"services": []any{object{"serviceId": services[all].ID}}})},
		{"table", tableType, in("net", object{"routeRules": []any{route(everywhere, "CIDR_BLOCK", "${internet}")}})},
		{"list", listType, in("net", object{
			"egressSecurityRules": []any{object{"destination": everywhere, "protocol": "all"}},
		})},
		subnet("api", "10.0.0.0/29"),
		subnet("workers", "10.0.16.0/20"),
		{"cluster", clusterType, in("net", object{
			"name": "cluster", "kubernetesVersion": older, "type": "ENHANCED_CLUSTER",
			"endpointConfig": object{"subnetId": "${api}", "isPublicIpEnabled": true},
		})},
		{"pool", poolType, with(object{
			"clusterId": "${cluster}", "name": "pool", "kubernetesVersion": older,
			"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": object{"ocpus": 2, "memoryInGbs": 12},
			"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": s.images(rest)[older]},
			"nodeConfigDetails": object{"size": 0, "placementConfigs": []any{
				object{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": "${workers}"},
			}},
		})},
	}
}

// images returns the node images for Arm by Kubernetes version.
func (s *stack) images(rest *ociclient.Client) map[string]string {
	s.t.Helper()
	var options struct {
		Sources []struct{ ImageID, SourceName string }
	}
	s.get(rest, oke+"/nodePoolOptions/all", &options)
	images := map[string]string{}
	for _, source := range options.Sources {
		for _, version := range []string{older, newer} {
			if strings.Contains(source.SourceName, "aarch64") && strings.Contains(source.SourceName, "OKE-"+version[1:]) {
				images[version] = source.ImageID
			}
		}
	}
	return images
}

// badNetworks returns requests that break the rules of VCNs, gateways, routes, security rules, subnets and clusters.
func badNetworks(ids map[string]string, services any) []refusal {
	vcn := func(name, cidr string, more object) request {
		props := with(object{"cidrBlocks": []any{cidr}})
		maps.Copy(props, more)
		return request{name, vcnType, props}
	}
	subnet := func(name, cidr string, more object) request {
		props := with(object{"vcnId": ids["net"], "cidrBlock": cidr})
		maps.Copy(props, more)
		return request{name, subnetType, props}
	}
	table := func(name string, routes ...any) request {
		return request{name, tableType, with(object{"vcnId": ids["net"], "routeRules": routes})}
	}
	gateway := func(name, typ string, more object) request {
		props := with(object{"vcnId": ids["net"]})
		maps.Copy(props, more)
		return request{name, typ, props}
	}
	return []refusal{
		refuse(
			vcn("vcn-host-bits", "10.2.0.1/16", nil),
			invalidParameter, "CIDR IP 10.2.0.1 does not match network IP 10.2.0.0",
		),
		refuse(vcn("vcn-too-large", "10.2.0.0/15", nil), invalidParameter, "10.2.0.0/15", "/16 to /30"),
		refuse(vcn("vcn-too-small", "10.2.0.0/31", nil), invalidParameter, "10.2.0.0/31", "/16 to /30"),
		refuse(vcn("vcn-label", "10.2.0.0/16", object{"dnsLabel": "2nd-net"}), invalidParameter, "dnsLabel", "2nd-net"),
		refuse(
			vcn("vcn-long-label", "10.2.0.0/16", object{"dnsLabel": "abcdefghijklmnop"}),
			invalidParameter, "dnsLabel", "abcdefghijklmnop",
		),

		refuse(gateway("second-internet", internetType, nil), "LimitExceeded", ids["internet"], "at most one"),
		refuse(gateway("second-nat", natType, nil), "LimitExceeded", ids["nat"], "at most one"),
		refuse(
			gateway("second-services", servicesType, object{"services": services}),
			invalidParameter, ids["services"], "at most one",
		),

		refuse(
			table("table-internet-services", route(everywhere, "CIDR_BLOCK", ids["internet"]),
				route(allServices, "SERVICE_CIDR_BLOCK", ids["services"])),
			invalidParameter, allServices, "internet gateway",
		),
		refuse(
			table("table-host-bits", route("10.9.0.1/8", "CIDR_BLOCK", ids["nat"])),
			invalidParameter, "10.9.0.1", "does not match network IP",
		),
		refuse(
			table("table-to-subnet", route(everywhere, "CIDR_BLOCK", ids["api"])),
			invalidParameter, ids["api"], "no OCID of a gateway",
		),
		refuse(request{"list-host-bits", listType, with(object{
			"vcnId": ids["net"], "ingressSecurityRules": []any{object{"source": "10.0.0.9/16", "protocol": "6"}},
		})}, invalidParameter, "10.0.0.9", "does not match network IP"),

		refuse(subnet("subnet-outside", "10.1.0.0/24", nil), invalidParameter, "10.1.0.0/24", "not inside"),
		refuse(subnet("subnet-overlap", "10.0.16.0/24", nil), invalidParameter, "10.0.16.0/24", "overlaps"),
		refuse(subnet("subnet-host-bits", "10.0.64.1/24", nil), invalidParameter, "10.0.64.1", "does not match network IP"),
		refuse(subnet("subnet-too-small", "10.0.64.0/31", nil), invalidParameter, "10.0.64.0/31", "/16 to /30"),
		refuse(subnet("subnet-label", "10.0.64.0/24", object{"dnsLabel": "a-b"}), invalidParameter, "dnsLabel", "a-b"),
		refuse(
			subnet("subnet-label-taken", "10.0.65.0/24", object{"dnsLabel": "api"}),
			invalidParameter, "dnsLabel", ids["api"],
		),

		refuse(request{"cluster-version", clusterType, with(object{
			"vcnId": ids["net"], "name": "no", "kubernetesVersion": "v1.30.1",
			"endpointConfig": object{"subnetId": ids["api"]},
		})}, invalidParameter, "Invalid kubernetes version."),
	}
}

// badPools returns requests that break the rules of node pools.
func badPools(images, ids map[string]string) []refusal {
	pool := func(name string, v any, path ...string) request {
		r := changed(request{name, poolType, with(object{
			"clusterId": ids["cluster"], "name": name, "kubernetesVersion": older,
			"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": object{"ocpus": 2, "memoryInGbs": 12},
			"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": images[older]},
			"nodeConfigDetails": object{"size": 1, "placementConfigs": []any{
				object{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": ids["workers"]},
			}},
		})}, v, path...)
		if v == nil {
			delete(r.Props, path[0])
		}
		return r
	}
	return []refusal{
		refuse(pool("pool-newer", newer, "kubernetesVersion"), invalidParameter, "Invalid kubernetes version.", newer),
		refuse(
			pool("pool-image", images[newer], "nodeSourceDetails", "imageId"),
			"Conflict", "is for Kubernetes "+newer, older,
		),
		refuse(
			pool("pool-unknown-image", "ocid1.image.oc1.iad.none", "nodeSourceDetails", "imageId"),
			"RelatedResourceNotAuthorizedOrNotFound", "imageId", "ocid1.image.oc1.iad.none",
		),
		refuse(
			pool("pool-no-ocpus", nil, "nodeShapeConfig"),
			invalidParameter, "nodeShapeConfig", "VM.Standard.A1.Flex", "ocpus",
		),
		refuse(
			pool("pool-memory", 129, "nodeShapeConfig", "memoryInGbs"),
			invalidParameter, "memoryInGBs", "129", "1 to 64 GB per OCPU",
		),
		refuse(pool("pool-shape", "VM.Huge", "nodeShape"), invalidParameter, "nodeShape", "VM.Huge"),
		refuse(pool("pool-size", -1, "nodeConfigDetails", "size"), invalidParameter, "nodeConfigDetails.size", "negative"),
	}
}

func refuse(r request, code string, words ...string) refusal { return refusal{r, code, words} }

// with adds the compartment to properties.
func with(props object) object {
	props["compartmentId"] = oci.CompartmentID
	return props
}

// in adds the VCN of that name to properties.
func in(vcn string, props object) object {
	if props == nil {
		props = object{}
	}
	props["vcnId"] = "${" + vcn + "}"
	return with(props)
}

func route(destination, kind, gateway string) object {
	return object{"destination": destination, "destinationType": kind, "networkEntityId": gateway}
}

// literal replaces references by ids.
func literal(requests []request, ids map[string]string) []request {
	text, _ := json.Marshal(requests)
	for name, id := range ids {
		text = []byte(strings.ReplaceAll(string(text), `"${`+name+`}"`, `"`+id+`"`))
	}
	var out []request
	_ = json.Unmarshal(text, &out)
	return out
}

func find(requests []request, name string) request {
	return requests[slices.IndexFunc(requests, func(r request) bool { return r.Name == name })]
}

// replaced returns the requests with one of them replaced by that of the same name.
func replaced(requests []request, by request) []request {
	out := slices.Clone(requests)
	out[slices.IndexFunc(out, func(r request) bool { return r.Name == by.Name })] = by
	return out
}

// changed returns a copy of a request with one property set, at a path of names.
func changed(r request, v any, path ...string) request {
	r = literal([]request{r}, nil)[0]
	o := r.Props
	for _, name := range path[:len(path)-1] {
		inner, ok := o[name].(object)
		if !ok {
			inner = object{}
			o[name] = inner
		}
		o = inner
	}
	o[path[len(path)-1]] = v
	return r
}
