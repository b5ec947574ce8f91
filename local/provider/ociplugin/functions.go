package ociplugin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"

	"oke-guestbook/catalog"
	"oke-guestbook/local/provider/value"
)

// function is a data source: one request, or the pages of a list. Exactly one of one, list, number, text and collection
// is set.
type function struct {
	of      string           // the kind that it reads, whose properties its elements have; optional
	client  catalog.Client   // default: the kind's
	path    catalog.Template // default: the kind's, of an item for one and else of the collection
	query   []string         // the arguments that are query parameters
	body    []string         // the arguments that are the body; the request is a POST then
	element fields           // the properties of an element, beyond or in place of the kind's

	one    string // the argument that holds the id of one resource, or another argument that identifies it
	list   string // the result's property that holds the elements
	number string // the argument that chooses one element of a list, from 1
	text   string // the result's property that holds the answer as it is

	collection string // the result's property that holds the answer, an object with items, as a list of one element
}

// Data sources answer lists of one object where resources have the object.
var foundCluster = fields{
	"endpointConfigs": {rest: "endpointConfig", asList: true},
	"options": {asList: true, fields: fields{
		"kubernetesNetworkConfigs": {rest: "kubernetesNetworkConfig", asList: true},
	}},
}

var foundPool = fields{
	"nodeConfigDetails": {asList: true, fields: fields{"placementConfigs": {fields: fields{
		"preemptibleNodeConfigs": {rest: "preemptibleNodeConfig", asList: true},
	}}}},
	"nodeEvictionNodePoolSettings": {asList: true}, "nodePoolCyclingDetails": {asList: true},
	"nodeShapeConfigs": {
		rest: "nodeShapeConfig", asList: true, fields: fields{"memoryInGbs": {rest: "memoryInGBs"}},
	},
	"nodeSourceDetails": {asList: true, fields: fields{
		"bootVolumeSizeInGbs": {rest: "bootVolumeSizeInGBs", number: true},
	}},
}

var functions = map[string]function{
	"oci:Artifacts/getContainerImages:getContainerImages": {
		client: catalog.ArtifactsClient, path: "/20160918/container/images", collection: "containerImageCollections",
		query: []string{
			"compartmentId", "compartmentIdInSubtree", "displayName", "imageDigest", "repositoryId", "repositoryName",
			"version",
		},
		element: fields{"containerImageCollections": {asList: true, fields: fields{"items": {fields: fields{
			"id": {}, "compartmentId": {}, "digest": {}, "displayName": {}, "repositoryId": {}, "repositoryName": {},
			"state": lifecycleState, "timeCreated": {}, "version": {},
		}}}}},
	},
	"oci:Artifacts/getContainerRepositories:getContainerRepositories": {
		client: catalog.ArtifactsClient, path: "/20160918/container/repositories",
		collection: "containerRepositoryCollections",
		query:      []string{"compartmentId", "compartmentIdInSubtree", "displayName", "isPublic", "repositoryId"},
		element: fields{"containerRepositoryCollections": {asList: true, fields: fields{"items": {fields: fields{
			"id": {}, "compartmentId": {}, "displayName": {}, "isPublic": {}, "namespace": {}, "state": lifecycleState,
			"timeCreated": {},
		}}}}},
	},
	"oci:CertificatesManagement/getCertificate:getCertificate": {
		client: catalog.CertificatesClient, path: "/20210224/certificates/{certificateId}", one: "certificateId",
		element: fields{
			"compartmentId": {}, "configType": {}, "name": {}, "description": {}, "freeformTags": {},
			"state": lifecycleState, "timeCreated": {}, "timeOfDeletion": {},
			"currentVersions": {rest: "currentVersion", asList: true, fields: fields{
				"certificateId": {}, "serialNumber": {}, "stages": {}, "timeCreated": {},
				"versionNumber":           {number: true},
				"subjectAlternativeNames": {fields: fields{"type": {}, "value": {}}},
				"validities": {rest: "validity", asList: true, fields: fields{
					"timeOfValidityNotAfter": {}, "timeOfValidityNotBefore": {},
				}},
			}},
		},
	},
	"oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": {
		client: catalog.ContainerEngineClient, path: "/20180222/clusters/{clusterId}/kubeconfig/content",
		body: []string{"tokenVersion", "expiration", "endpoint"}, text: "content",
	},
	"oci:ContainerEngine/getAddon:getAddon": {
		client: catalog.ContainerEngineClient, path: "/20180222/clusters/{clusterId}/addons/{addonName}", one: "addonName",
		element: fields{"version": {}, "currentInstalledVersion": {}, "state": lifecycleState},
	},
	"oci:ContainerEngine/getAddonOptions:getAddonOptions": {
		client: catalog.ContainerEngineClient, path: "/20180222/addonOptions", list: "addonOptions",
		query:   []string{"kubernetesVersion", "addonName", "shouldShowAllVersions"},
		element: fields{"name": {}, "state": lifecycleState, "versions": {fields: fields{"versionNumber": {}, "status": {}}}},
	},
	"oci:ContainerEngine/getClusterOption:getClusterOption": {
		client: catalog.ContainerEngineClient, path: "/20180222/clusterOptions/{clusterOptionId}",
		one: "clusterOptionId", query: []string{"compartmentId", "shouldListAllPatchVersions"},
		element: fields{"kubernetesVersions": {}, "clusterPodNetworkOptions": {}},
	},
	"oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {
		client: catalog.ContainerEngineClient, path: "/20180222/nodePoolOptions/{nodePoolOptionId}",
		one: "nodePoolOptionId",
		query: []string{
			"compartmentId", "nodePoolK8sVersion", "nodePoolOsType", "nodePoolOsArch", "shouldListAllPatchVersions",
		},
		element: fields{"kubernetesVersions": {}, "shapes": {}, "images": {}, "sources": {}},
	},
	"oci:ContainerEngine/getNodePool:getNodePool": {of: catalog.NodePool, one: "nodePoolId", element: foundPool},
	"oci:ContainerEngine/getNodePools:getNodePools": {
		of: catalog.NodePool, list: "nodePools", query: []string{"compartmentId", "clusterId", "name"}, element: foundPool,
	},
	"oci:ContainerEngine/getCluster:getCluster": {
		of: catalog.Cluster, one: "clusterId", element: foundCluster,
	},
	"oci:ContainerEngine/getClusters:getClusters": {
		of: catalog.Cluster, list: "clusters", query: []string{"compartmentId", "name"}, element: foundCluster,
	},
	"oci:Core/getComputeCapacityReservation:getComputeCapacityReservation": {
		client: catalog.ComputeClient, path: "/20160918/computeCapacityReservations/{capacityReservationId}",
		one: "capacityReservationId",
		element: fields{
			"availabilityDomain": {}, "compartmentId": {}, "displayName": {}, "state": lifecycleState,
			"instanceReservationConfigs": {fields: fields{
				"instanceShape": {}, "faultDomain": {}, "reservedCount": {number: true}, "usedCount": {number: true},
				"instanceShapeConfigs": {
					rest: "instanceShapeConfig", asList: true, fields: fields{"ocpus": {}, "memoryInGbs": {rest: "memoryInGBs"}},
				},
			}},
		},
	},
	"oci:Core/getDrgRouteTables:getDrgRouteTables": {
		client: catalog.VirtualNetworkClient, path: "/20160918/drgRouteTables", list: "drgRouteTables",
		query: []string{"drgId", "displayName"},
		element: fields{
			"id": {}, "compartmentId": {}, "drgId": {}, "displayName": {}, "state": lifecycleState,
		},
	},
	"oci:Core/getImage:getImage": {
		client: catalog.ComputeClient, path: "/20160918/images/{imageId}", one: "imageId",
		element: fields{
			"compartmentId": {}, "displayName": {}, "operatingSystem": {}, "operatingSystemVersion": {},
			"state": lifecycleState,
		},
	},
	"oci:Core/getNetworkSecurityGroup:getNetworkSecurityGroup": {
		of: catalog.NetworkSecurityGroup, one: "networkSecurityGroupId",
	},
	"oci:Core/getVolumes:getVolumes": {
		of: catalog.Volume, list: "volumes", query: []string{"compartmentId", "availabilityDomain", "displayName"},
		element: fields{"sourceDetails": {asList: true}},
	},
	"oci:Core/getServices:getServices": {
		client: catalog.VirtualNetworkClient, path: "/20160918/services", list: "services",
		element: fields{"id": {}, "name": {}, "cidrBlock": {}, "description": {}},
	},
	"oci:Core/getVcn:getVcn": {of: catalog.VCN, one: "vcnId"},
	"oci:Core/getPublicIp:getPublicIp": { // by address alone
		of: catalog.PublicIP, path: "/20160918/publicIps/actions/getByIpAddress", one: "ipAddress",
		body: []string{"ipAddress"},
	},
	"oci:Core/getSubnet:getSubnet": {of: catalog.Subnet, one: "subnetId"},
	"oci:Core/getSubnets:getSubnets": {
		of: catalog.Subnet, list: "subnets", query: []string{"compartmentId", "displayName", "vcnId"},
	},
	"oci:Core/getNatGateway:getNatGateway": {of: catalog.NATGateway, one: "natGatewayId"},
	"oci:Core/getNatGateways:getNatGateways": {
		of: catalog.NATGateway, list: "natGateways", query: []string{"compartmentId", "displayName", "vcnId"},
	},
	"oci:Core/getInternetGateways:getInternetGateways": {
		of: catalog.InternetGateway, list: "gateways", query: []string{"compartmentId", "displayName", "vcnId"},
	},
	"oci:Core/getDrgAttachments:getDrgAttachments": {
		of: catalog.DRGAttachment, list: "drgAttachments",
		query:   []string{"compartmentId", "displayName", "drgId", "vcnId"},
		element: fields{"networkDetails": {asList: true}},
	},
	"oci:Core/getServiceGateways:getServiceGateways": {
		of: catalog.ServiceGateway, list: "serviceGateways", query: []string{"compartmentId", "vcnId"},
	},
	"oci:Core/getImages:getImages": {
		client: catalog.ComputeClient, path: "/20160918/images", list: "images",
		query: []string{
			"compartmentId", "displayName", "operatingSystem", "operatingSystemVersion", "shape", "sortBy", "sortOrder",
		},
		element: fields{
			"id": {}, "compartmentId": {}, "displayName": {}, "operatingSystem": {}, "operatingSystemVersion": {},
			"state": lifecycleState, "timeCreated": {},
		},
	},
	"oci:Dns/getRrsets:getRrsets": { // each record is a set here, without items
		client: catalog.DNSClient, path: "/20180115/zones/{zoneNameOrId}/records", list: "rrsets",
		query: []string{"domain", "domainContains", "rtype"}, element: fields{"domain": {}, "rtype": {}},
	},
	"oci:Identity/getAvailabilityDomains:getAvailabilityDomains": {
		client: catalog.IdentityClient, path: "/20160918/availabilityDomains", list: "availabilityDomains",
		query: []string{"compartmentId"}, element: fields{"id": {}, "name": {}, "compartmentId": {}},
	},
	"oci:Identity/getAvailabilityDomain:getAvailabilityDomain": {
		client: catalog.IdentityClient, path: "/20160918/availabilityDomains", number: "adNumber",
		query: []string{"compartmentId"}, element: fields{"id": {}, "name": {}, "compartmentId": {}},
	},
	"oci:Identity/getCompartment:getCompartment": {
		client: catalog.IdentityClient, path: "/20160918/compartments/{id}", one: "id",
		element: fields{"compartmentId": {}, "name": {}, "description": {}, "state": lifecycleState},
	},
	"oci:Identity/getFaultDomains:getFaultDomains": {
		client: catalog.IdentityClient, path: "/20160918/faultDomains", list: "faultDomains",
		query:   []string{"compartmentId", "availabilityDomain"},
		element: fields{"id": {}, "name": {}, "compartmentId": {}, "availabilityDomain": {}},
	},
	"oci:Identity/getRegionSubscriptions:getRegionSubscriptions": {
		client: catalog.IdentityClient, path: "/20160918/tenancies/{tenancyId}/regionSubscriptions",
		list: "regionSubscriptions",
		element: fields{
			"isHomeRegion": {}, "regionKey": {}, "regionName": {}, "state": {rest: "status"},
		},
	},
	"oci:Identity/getTagNamespaces:getTagNamespaces": {
		client: catalog.IdentityClient, path: "/20160918/tagNamespaces", list: "tagNamespaces",
		query:   []string{"compartmentId", "includeSubcompartments"},
		element: fields{"id": {}, "compartmentId": {}, "name": {}, "isRetired": {}, "state": lifecycleState},
	},
	"oci:Identity/getTags:getTags": {
		client: catalog.IdentityClient, path: "/20160918/tagNamespaces/{tagNamespaceId}/tags", list: "tags",
		element: fields{"id": {}, "name": {}, "isCostTracking": {}, "isRetired": {}, "state": lifecycleState},
	},
	"oci:Identity/getTenancy:getTenancy": {
		client: catalog.IdentityClient, path: "/20160918/tenancies/{tenancyId}", one: "tenancyId",
		element: fields{"name": {}, "description": {}, "homeRegionKey": {}},
	},
	"oci:Kms/getKey:getKey": { // all vaults of the local cloud have one endpoint
		client: catalog.KeyClient, path: "/20180608/keys/{keyId}", one: "keyId",
		element: fields{
			"compartmentId": {}, "displayName": {}, "state": lifecycleState, "vaultId": {},
			"keyShapes": {rest: "keyShape", asList: true, fields: fields{"algorithm": {}, "length": {}}},
		},
	},
	"oci:Kms/getVault:getVault": {
		client: catalog.VaultClient, path: "/20180608/vaults/{vaultId}", one: "vaultId",
		element: fields{"compartmentId": {}, "displayName": {}, "managementEndpoint": {}, "state": lifecycleState},
	},
	"oci:Kms/getVaults:getVaults": {
		client: catalog.VaultClient, path: "/20180608/vaults", list: "vaults", query: []string{"compartmentId"},
		element: fields{
			"id": {}, "compartmentId": {}, "displayName": {}, "managementEndpoint": {}, "state": lifecycleState,
		},
	},
	"oci:Limits/getLimitValues:getLimitValues": {
		client: catalog.LimitsClient, path: "/20190729/limitValues", list: "limitValues",
		query: []string{"availabilityDomain", "compartmentId", "name", "scopeType", "serviceName"},
		element: fields{
			"availabilityDomain": {}, "name": {}, "scopeType": {}, "value": {number: true},
		},
	},
	"oci:LoadBalancer/getLoadBalancers:getLoadBalancers": {
		client: catalog.LoadBalancerClient, path: "/20170115/loadBalancers", list: "loadBalancers",
		query: []string{"compartmentId", "displayName"},
		element: fields{
			"id": {}, "compartmentId": {}, "displayName": {}, "freeformTags": {}, "isPrivate": {}, "subnetIds": {},
			"state": lifecycleState,
			"ipAddressDetails": {
				rest: "ipAddresses", fields: fields{"reservedIps": {rest: "reservedIp", asList: true}},
			},
		},
	},
	"oci:NetworkLoadBalancer/getNetworkLoadBalancers:getNetworkLoadBalancers": {
		client: catalog.NetworkBalancerClient, path: "/20200501/networkLoadBalancers",
		collection: "networkLoadBalancerCollections", query: []string{"compartmentId", "displayName"},
		element: fields{"networkLoadBalancerCollections": {asList: true, fields: fields{"items": {fields: fields{
			"id": {}, "compartmentId": {}, "displayName": {}, "freeformTags": {}, "isPrivate": {}, "subnetId": {},
			"ipAddresses": {fields: fields{"reservedIps": {rest: "reservedIp", asList: true}}}, "state": lifecycleState,
		}}}}},
	},
	"oci:ObjectStorage/getObjects:getObjects": { // the first page: a thousand
		client: catalog.ObjectStorageClient, path: "/n/{namespace}/b/{bucket}/o", one: "bucket",
		query:   []string{"prefix", "start", "end", "delimiter"},
		element: fields{"objects": {}, "prefixes": {}},
	},
	"oci:Ons/getNotificationTopic:getNotificationTopic": {of: catalog.Topic, one: "topicId"},

	"oci:ObjectStorage/getNamespace:getNamespace": {client: catalog.ObjectStorageClient, path: "/n", text: "namespace"},
}

// result maps the elements of the function's result.
func (f function) result() *mapping {
	out := fields{}
	if m, ok := mappings[f.of]; ok {
		out = m.all()
		maps.DeleteFunc(out, func(_ string, f field) bool { return f.notInBody })
		out["id"] = field{}
	}
	maps.Copy(out, f.element)
	return &mapping{outputs: out}
}

func (g *plugin) invoke(ctx context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
	f, ok := functions[string(req.Token)]
	if !ok {
		return p.InvokeResponse{}, unsupported(string(req.Token))
	}
	args := value.PlainMap(req.Args)
	var out map[string]any
	var err error
	if value.ContainsUnknown(args) {
		out = f.unknown()
	} else if out, err = g.run(ctx, f, args); missing(err) {
		out = f.nothing()
	} else if err != nil {
		return p.InvokeResponse{}, fmt.Errorf("%s: %w", req.Token, err)
	}
	for name, v := range args {
		if _, ok := out[name]; !ok {
			out[name] = v
		}
	}
	delete(out, "filters")
	return p.InvokeResponse{Return: value.KeepSecrets(value.OfMap(out), req.Args)}, nil
}

// nothing is the result where the service answers 404: the official plugin's data sources end without an error and
// without values then (terraform-provider-oci, tfresource.ReadResource; seen with v3.16.0, 2026-11-28).
func (f function) nothing() map[string]any {
	out := map[string]any{"id": ""}
	if property := cmp.Or(f.list, f.collection); property != "" {
		out[property] = []any{}
	}
	return out
}

// unknown is the result of arguments that are not known yet.
func (f function) unknown() map[string]any {
	out := map[string]any{"id": value.Unknown{}}
	for name := range f.result().outputs {
		out[name] = value.Unknown{}
	}
	if property := cmp.Or(f.list, f.text); property != "" {
		out[property] = value.Unknown{}
	}
	return out
}

func (g *plugin) run(ctx context.Context, f function, args map[string]any) (map[string]any, error) {
	k, _ := catalog.Lookup(f.of)
	client, err := g.client(cmp.Or(f.client, k.Client))
	if err != nil {
		return nil, err
	}
	result := f.result()
	r := &step{mapping: result, client: client, retry: g.retry, report: p.GetLogger(ctx).InfoStatusf}

	template := cmp.Or(f.path, k.Collection)
	vars := maps.Clone(args)
	if f.path == "" && f.one != "" {
		template, vars["id"] = k.Item(), args[f.one]
	}
	path, query := template.Expand(vars), url.Values{}
	for name, v := range chosen(args, f.query) {
		query.Set(name, fmt.Sprint(v))
	}
	out := map[string]any{"id": path + "?" + query.Encode()}

	if f.list != "" || f.number != "" {
		docs, err := r.list(ctx, path, query)
		if err != nil {
			return nil, err
		}
		return out, f.choose(out, result, docs, args)
	}
	method, body := http.MethodGet, any(nil)
	if f.body != nil {
		method, body = http.MethodPost, chosen(args, f.body)
	}
	var raw []byte
	if _, err := r.call(ctx, method, path, query, body, &raw); err != nil {
		return nil, err
	}
	if f.text != "" {
		text := string(raw)
		_ = json.Unmarshal(raw, &text) // one answer is JSON, the other YAML
		out[f.text] = text
		return out, nil
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	if f.collection != "" {
		doc = map[string]any{f.collection: doc}
	}
	maps.Copy(out, result.properties(doc))
	return out, nil
}

// chosen are the arguments of these names that have values.
func chosen(args map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v, ok := args[name]; ok {
			out[name] = v
		}
	}
	return out
}

// choose puts into out those elements of a list that match the argument filters, or the one whose number is asked for.
func (f function) choose(out map[string]any, result *mapping, docs []map[string]any, args map[string]any) error {
	var items []any
	for _, doc := range docs {
		items = append(items, result.properties(doc))
	}
	items, err := filter(items, args["filters"])
	if err != nil {
		return err
	}
	if f.list != "" {
		out[f.list] = items
		return nil
	}
	n, _ := args[f.number].(float64)
	if n < 1 || int(n) > len(items) {
		return fmt.Errorf("%s must be 1 to %d", f.number, len(items))
	}
	item, _ := items[int(n)-1].(map[string]any)
	maps.Copy(out, item)
	return nil
}

// filter keeps the items whose properties match all filters {name, values, regex}.
func filter(items []any, filters any) ([]any, error) {
	list, _ := filters.([]any)
	out := slices.Clone(items)
	for _, e := range list {
		cond, _ := e.(map[string]any)
		name, _ := cond["name"].(string)
		values, _ := cond["values"].([]any)
		isRegex, _ := cond["regex"].(bool)
		var patterns []*regexp.Regexp
		for _, v := range values {
			pattern := fmt.Sprint(v)
			if !isRegex {
				pattern = "^" + regexp.QuoteMeta(pattern) + "$"
			}
			re, err := regexp.Compile(pattern)
			if err != nil {
				return nil, fmt.Errorf("filter %q: %w", name, err)
			}
			patterns = append(patterns, re)
		}
		out = slices.DeleteFunc(out, func(item any) bool {
			doc, _ := item.(map[string]any)
			have := fmt.Sprint(doc[name])
			return !slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(have) })
		})
	}
	return out, nil
}
