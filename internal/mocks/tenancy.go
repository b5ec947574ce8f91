package mocks

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TenancyID is the root compartment, which the stack's is in.
const TenancyID = "ocid1.tenancy.oc1..a"

// tenancy answers what is asked about the tenancy.
func (r *Recorder) tenancy(args pulumi.MockCallArgs) (found resource.PropertyMap, asked bool) {
	switch args.Token {
	case "oci:Identity/getCompartment:getCompartment":
		state := "ACTIVE"
		if strings.HasSuffix(Text(args.Args["id"]), Unusable) {
			state = "DELETED"
		}
		return object(map[string]any{"compartmentId": TenancyID, "state": state}), true
	case "oci:Identity/getRegionSubscriptions:getRegionSubscriptions":
		return r.subscriptions(), true
	case "oci:Limits/getLimitValues:getLimitValues":
		return r.limits(), true
	case "oci:Identity/getTagNamespaces:getTagNamespaces":
		return r.tagNamespaces(), true
	case "oci:Identity/getTags:getTags":
		return definitions("tags", r.TagNamespaces[Text(args.Args["tagNamespaceId"])]), true
	}
	return nil, false
}

func (r *Recorder) tagNamespaces() resource.PropertyMap {
	return definitions("tagNamespaces", slices.Collect(maps.Keys(r.TagNamespaces)))
}

// definitions is a list of tag namespaces or keys.
func definitions(of string, names []string) resource.PropertyMap {
	var list []any
	for _, name := range names {
		list = append(list, map[string]any{"id": name, "name": name, "isRetired": strings.HasPrefix(name, "Retired")})
	}
	return object(map[string]any{of: list})
}

// subscriptions are the regions of the tenancy.
func (r *Recorder) subscriptions() resource.PropertyMap {
	if r.HomeRegion == "" {
		return nil
	}
	return object(map[string]any{"regionSubscriptions": []any{
		map[string]any{"regionName": "elsewhere", "isHomeRegion": false},
		map[string]any{"regionName": r.HomeRegion, "isHomeRegion": true},
	}})
}

// limits are those of any service, with the form that the provider gives the numbers.
func (r *Recorder) limits() resource.PropertyMap {
	values := []any{}
	for name, n := range r.Limits {
		values = append(values, map[string]any{"name": name, "scopeType": "REGION", "value": strconv.Itoa(n)})
	}
	return object(map[string]any{"limitValues": values})
}
