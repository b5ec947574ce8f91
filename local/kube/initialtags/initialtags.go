// Package initialtags chooses the tags of the load balancers and volumes that a cluster's controllers create.
package initialtags

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"oke-guestbook/local/ociclient"
)

// Options of a cluster that name tags.
const (
	LoadBalancers = "serviceLbConfig"
	Volumes       = "persistentVolumeConfig"
)

// Tags are the tags of a resource, as in OCI's requests.
type Tags struct {
	Freeform map[string]string         `json:"freeformTags,omitempty"`
	Defined  map[string]map[string]any `json:"definedTags,omitempty"`
}

// Choose returns a resource's own tags, or those of the cluster's option if it has none of its own. As on OKE, they are
// not merged, and a later change of the cluster's tags does not reach what exists.
func Choose(ctx context.Context, oci *ociclient.Client, clusterID, option string, own Tags) (Tags, error) {
	if len(own.Freeform)+len(own.Defined) > 0 {
		return own, nil
	}
	var cluster struct {
		Options map[string]json.RawMessage `json:"options"`
	}
	if _, err := oci.Do(ctx, http.MethodGet, "/20180222/clusters/"+clusterID, nil, nil, &cluster); err != nil {
		return Tags{}, fmt.Errorf("tags of the cluster: %w", err)
	}
	var tags Tags
	if config := cluster.Options[option]; config != nil {
		if err := json.Unmarshal(config, &tags); err != nil {
			return Tags{}, fmt.Errorf("tags of the cluster: %s: %w", option, err)
		}
	}
	return tags, nil
}
