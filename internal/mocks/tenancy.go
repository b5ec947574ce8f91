package mocks

import (
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// TenancyID is the root compartment, which the stack's is in.
const TenancyID = "ocid1.tenancy.oc1..a"

// tenancy answers what is asked about the tenancy.
func (r *Recorder) tenancy(token string) (found resource.PropertyMap, asked bool) {
	switch token {
	case "oci:Identity/getCompartment:getCompartment":
		return object(map[string]any{"compartmentId": TenancyID}), true
	case "oci:Identity/getRegionSubscriptions:getRegionSubscriptions":
		return r.subscriptions(), true
	case "oci:Limits/getLimitValues:getLimitValues":
		return r.limits(), true
	}
	return nil, false
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
