// Package recover finds the resources that a killed `pulumi up` had asked for and whose ids it had not yet written
// down. Without it the next `up` would create them a second time, and the first ones would be nobody's.
package recover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"oke-guestbook/local/ociclient"
)

// kind tells where resources of a type are listed and by which query parameter their name goes.
type kind struct {
	client, path, name string
}

const (
	network   = "oci_core.VirtualNetworkClient"
	container = "oci_containerengine.ContainerEngineClient"
	identity  = "oci_identity.IdentityClient"
)

var kinds = map[string]kind{
	"oci:Core/vcn:Vcn":                                   {network, "/20160918/vcns", "displayName"},
	"oci:Core/internetGateway:InternetGateway":           {network, "/20160918/internetGateways", "displayName"},
	"oci:Core/natGateway:NatGateway":                     {network, "/20160918/natGateways", ""},
	"oci:Core/serviceGateway:ServiceGateway":             {network, "/20160918/serviceGateways", ""},
	"oci:Core/routeTable:RouteTable":                     {network, "/20160918/routeTables", "displayName"},
	"oci:Core/securityList:SecurityList":                 {network, "/20160918/securityLists", "displayName"},
	"oci:Core/subnet:Subnet":                             {network, "/20160918/subnets", "displayName"},
	"oci:Core/networkSecurityGroup:NetworkSecurityGroup": {network, "/20160918/networkSecurityGroups", "displayName"},
	"oci:ContainerEngine/cluster:Cluster":                {container, "/20180222/clusters", "name"},
	"oci:ContainerEngine/nodePool:NodePool":              {container, "/20180222/nodePools", "name"},
	"oci:Identity/policy:Policy":                         {identity, "/20160918/policies", "name"},
	"oci:Identity/dynamicGroup:DynamicGroup":             {identity, "/20160918/dynamicGroups", "name"},
}

// operation is an entry of pending_operations in an exported stack.
type operation struct {
	Type     string `json:"type"`
	Resource struct {
		URN    string         `json:"urn"`
		Type   string         `json:"type"`
		Inputs map[string]any `json:"inputs"`
	} `json:"resource"`
}

// candidate is what every listed resource tells of itself.
type candidate struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	DisplayName    string            `json:"displayName"`
	LifecycleState string            `json:"lifecycleState"`
	VcnID          string            `json:"vcnId"`
	ClusterID      string            `json:"clusterId"`
	FreeformTags   map[string]string `json:"freeformTags"`
}

// Main reads an exported stack and writes a line "URN id" for each pending creation that it finds in the cloud.
// Resources that are still in the making are waited for.
func Main(ctx context.Context, in io.Reader, out io.Writer) error {
	creds, err := ociclient.CredentialsFromEnv()
	if err != nil {
		return err
	}
	var stack struct {
		Deployment struct {
			Pending []operation `json:"pending_operations"`
		} `json:"deployment"`
	}
	if err := json.NewDecoder(in).Decode(&stack); err != nil {
		return fmt.Errorf("exported stack: %w", err)
	}
	for _, op := range stack.Deployment.Pending {
		k, known := kinds[op.Resource.Type]
		if op.Type != "creating" || !known {
			continue // objects of Kubernetes have names of their own: creating them again is no second one
		}
		endpoint, ok := ociclient.EndpointFromEnv(k.client)
		if !ok {
			return fmt.Errorf("CLIENT_HOST_OVERRIDES has no entry for %s", k.client)
		}
		client, err := ociclient.New(endpoint, creds)
		if err != nil {
			return err
		}
		id, err := find(ctx, client, k, op.Resource.Inputs)
		if err != nil {
			return fmt.Errorf("%s: %w", op.Resource.URN, err)
		}
		if id != "" {
			fmt.Fprintln(out, op.Resource.URN, id)
		}
	}
	return nil
}

// find returns the id of the live resource that the inputs describe, or "".
func find(ctx context.Context, client *ociclient.Client, k kind, inputs map[string]any) (string, error) {
	query := url.Values{"compartmentId": {text(inputs["compartmentId"])}}
	if k.name != "" {
		query.Set(k.name, text(inputs[k.name]))
	}
	var list []candidate
	if _, err := client.Do(ctx, http.MethodGet, k.path, query, nil, &list); err != nil {
		return "", err
	}
	var found []string
	for _, c := range list {
		if matches(c, inputs) {
			found = append(found, c.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return settled(ctx, client, k.path+"/"+found[0])
	}
	return "", fmt.Errorf("%d resources have this name and these tags (%v); delete all but one", len(found), found)
}

func matches(c candidate, inputs map[string]any) bool {
	switch c.LifecycleState {
	case "DELETING", "DELETED", "TERMINATING", "TERMINATED", "FAILED":
		return false
	}
	for _, same := range []struct {
		got  string
		want any
	}{
		{c.Name, inputs["name"]}, {c.DisplayName, inputs["displayName"]}, {c.VcnID, inputs["vcnId"]}, {c.ClusterID, inputs["clusterId"]},
	} {
		if same.want != nil && same.got != text(same.want) {
			return false
		}
	}
	// The tags name the stack: without them another stack's resource could be taken for this one's.
	tags, _ := inputs["freeformTags"].(map[string]any)
	for key, value := range tags {
		if c.FreeformTags[key] != text(value) {
			return false
		}
	}
	return len(tags) > 0
}

// settled waits until the resource is neither being created nor updated, and returns its id, or "" if it came to nothing.
func settled(ctx context.Context, client *ociclient.Client, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var c candidate
		if _, err := client.Do(ctx, http.MethodGet, path, nil, nil, &c); err != nil {
			return "", err
		}
		switch c.LifecycleState {
		case "CREATING", "PROVISIONING", "UPDATING":
		case "FAILED", "DELETED", "TERMINATED":
			return "", nil
		default:
			return c.ID, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waited for %s, which is still %s: %w", c.ID, c.LifecycleState, ctx.Err())
		case <-tick.C:
		}
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
