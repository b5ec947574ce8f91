package ociplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"

	"oke-guestbook/local/provider/value"
)

// function is a data source: one GET, or for the kubeconfig a POST.
type function struct {
	client, path string
	args         string            // the arguments of the query, as in kind.inputs
	body         map[string]string // the arguments of the body, by REST name; its presence makes the request a POST
	list         string            // the result's property that holds a list of results; empty if there is one object
	element      string            // its properties, as in kind.outputs; with list "", the result's own
	raw          string            // the result's property that holds the answer's text
	kind         string            // the resource type whose properties the element has as well
	names        map[string]string // as in kind
}

var functions = map[string]function{
	"oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": {
		client: containerEngine, path: "/20180222/clusters/{clusterId}/kubeconfig/content",
		body: map[string]string{"tokenVersion": "tokenVersion", "expiration": "expiration", "endpoint": "endpoint"}, raw: "content",
	},
	"oci:ContainerEngine/getClusterOption:getClusterOption": {
		client: containerEngine, path: "/20180222/clusterOptions/{clusterOptionId}", args: "compartmentId",
		element: "kubernetesVersions clusterPodNetworkOptions",
	},
	"oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {
		client: containerEngine, path: "/20180222/nodePoolOptions/{nodePoolOptionId}", args: "compartmentId nodePoolK8sVersion nodePoolOsType nodePoolOsArch",
		element: "kubernetesVersions shapes images sources",
	},
	"oci:ContainerEngine/getNodePool:getNodePool": {
		client: containerEngine, path: "/20180222/nodePools/{nodePoolId}", kind: "oci:ContainerEngine/nodePool:NodePool", element: "id",
	},
	"oci:ContainerEngine/getNodePools:getNodePools": {
		client: containerEngine, path: "/20180222/nodePools", args: "compartmentId clusterId name",
		list: "nodePools", kind: "oci:ContainerEngine/nodePool:NodePool", element: "id",
	},
	"oci:ContainerEngine/getClusters:getClusters": {
		client: containerEngine, path: "/20180222/clusters", args: "compartmentId name",
		list: "clusters", kind: "oci:ContainerEngine/cluster:Cluster", element: "id",
	},
	"oci:Core/getServices:getServices": {
		client: network, path: "/20160918/services", list: "services", element: "id name cidrBlock description",
	},
	"oci:Core/getVcn:getVcn": {
		client: network, path: "/20160918/vcns/{vcnId}", kind: "oci:Core/vcn:Vcn", element: "id",
	},
	"oci:Core/getPublicIp:getPublicIp": { // by address alone
		client: network, path: "/20160918/publicIps/actions/getByIpAddress", body: map[string]string{"ipAddress": "ipAddress"},
		kind: "oci:Core/publicIp:PublicIp", element: "id",
	},
	"oci:Core/getSubnet:getSubnet": {
		client: network, path: "/20160918/subnets/{subnetId}", kind: "oci:Core/subnet:Subnet", element: "id",
	},
	"oci:Core/getSubnets:getSubnets": {
		client: network, path: "/20160918/subnets", args: "compartmentId displayName vcnId",
		list: "subnets", kind: "oci:Core/subnet:Subnet", element: "id",
	},
	"oci:Core/getNatGateway:getNatGateway": {
		client: network, path: "/20160918/natGateways/{natGatewayId}", kind: "oci:Core/natGateway:NatGateway", element: "id",
	},
	"oci:Core/getNatGateways:getNatGateways": {
		client: network, path: "/20160918/natGateways", args: "compartmentId displayName vcnId",
		list: "natGateways", kind: "oci:Core/natGateway:NatGateway", element: "id",
	},
	"oci:Core/getInternetGateways:getInternetGateways": {
		client: network, path: "/20160918/internetGateways", args: "compartmentId displayName vcnId",
		list: "gateways", kind: "oci:Core/internetGateway:InternetGateway", element: "id",
	},
	"oci:Core/getDrgAttachments:getDrgAttachments": {
		client: network, path: "/20160918/drgAttachments", args: "compartmentId displayName drgId vcnId",
		list: "drgAttachments", kind: "oci:Core/drgAttachment:DrgAttachment", element: "id networkDetails=networkDetails[]",
	},
	"oci:Core/getServiceGateways:getServiceGateways": {
		client: network, path: "/20160918/serviceGateways", args: "compartmentId vcnId",
		list: "serviceGateways", kind: "oci:Core/serviceGateway:ServiceGateway", element: "id",
	},
	"oci:Core/getImages:getImages": {
		client: compute, path: "/20160918/images", args: "compartmentId displayName operatingSystem operatingSystemVersion shape sortBy sortOrder",
		list: "images", element: "id compartmentId displayName operatingSystem operatingSystemVersion state=lifecycleState timeCreated",
	},
	"oci:Identity/getAvailabilityDomains:getAvailabilityDomains": {
		client: identity, path: "/20160918/availabilityDomains", args: "compartmentId",
		list: "availabilityDomains", element: "id name compartmentId",
	},
	"oci:Identity/getAvailabilityDomain:getAvailabilityDomain": {
		client: identity, path: "/20160918/availabilityDomains", args: "compartmentId", element: "id name compartmentId",
	},
	"oci:Identity/getFaultDomains:getFaultDomains": {
		client: identity, path: "/20160918/faultDomains", args: "compartmentId availabilityDomain",
		list: "faultDomains", element: "id name compartmentId availabilityDomain",
	},
	"oci:ObjectStorage/getNamespace:getNamespace": {
		client: objectStorage, path: "/n", raw: "namespace",
	},
}

func (g *plugin) invoke(ctx context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
	f, ok := functions[string(req.Token)]
	if !ok {
		return p.InvokeResponse{}, fmt.Errorf("the local cloud's stand-in for the oci plugin has no %s; the official plugin may have", req.Token)
	}
	args := value.PlainMap(req.Args)
	out, err := g.run(ctx, f, args)
	if err != nil {
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

func (g *plugin) run(ctx context.Context, f function, args map[string]any) (map[string]any, error) {
	result := f.result()
	if value.ContainsUnknown(args) {
		out := map[string]any{"id": value.Unknown{}}
		for _, name := range result.order {
			out[name] = value.Unknown{}
		}
		for _, name := range []string{f.list, f.raw} {
			if name != "" {
				out[name] = value.Unknown{}
			}
		}
		return out, nil
	}
	client, err := g.client(f.client)
	if err != nil {
		return nil, err
	}
	r := &step{kind: result, client: client, retry: g.retry, report: p.GetLogger(ctx).InfoStatusf}
	path, query := expand(f.path, args), url.Values{}
	for _, name := range strings.Fields(f.args) {
		if v, ok := args[name]; ok {
			query.Set(name, fmt.Sprint(v))
		}
	}
	method, body := http.MethodGet, any(nil)
	if f.body != nil {
		fields := map[string]any{}
		for name, rest := range f.body {
			if v, ok := args[name]; ok {
				fields[rest] = v
			}
		}
		method, body = http.MethodPost, fields
	}
	id := map[string]any{"id": string(path) + "?" + query.Encode()}
	var items []any
	for {
		var raw []byte
		header, err := r.call(ctx, method, path, query, body, &raw)
		if err != nil {
			return nil, err
		}
		if f.raw != "" {
			text := string(raw)
			_ = json.Unmarshal(raw, &text) // one answer is JSON, the other YAML
			id[f.raw] = text
			return id, nil
		}
		if f.list == "" && !isList(raw) {
			var doc map[string]any
			if err := decode(raw, &doc); err != nil {
				return nil, err
			}
			maps.Copy(id, result.properties(doc))
			return id, nil
		}
		var docs []map[string]any
		if err := decodeItems(raw, &docs); err != nil {
			return nil, err
		}
		for _, doc := range docs {
			items = append(items, result.properties(doc))
		}
		next := header.Get("opc-next-page")
		if next == "" {
			break
		}
		query.Set("page", next)
	}
	return f.pick(id, items, args)
}

// pick makes the result of a list: the whole list, what its filters let through, or the one that adNumber names.
func (f function) pick(out map[string]any, items []any, args map[string]any) (map[string]any, error) {
	items, err := filter(items, args["filters"])
	if err != nil {
		return nil, err
	}
	if f.list != "" {
		out[f.list] = items
		return out, nil
	}
	n, _ := args["adNumber"].(float64)
	if n < 1 || int(n) > len(items) {
		return nil, fmt.Errorf("adNumber must be 1 to %d", len(items))
	}
	doc, _ := items[int(n)-1].(map[string]any)
	maps.Copy(out, doc)
	return out, nil
}
