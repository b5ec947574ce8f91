package recovery

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
)

// failedBalancer is a Service whose load balancer is in state FAILED.
type failedBalancer struct {
	service object
	id      string // of the load balancer
}

// failedBalancers looks for the load balancers of Services that have none that works. OKE's cloud controller never
// creates one that has FAILED again, until the Service is deleted: its function EnsureLoadBalancer refuses one that is
// not ACTIVE (oci-cloud-controller-manager, issue 175; read 2026-11-28).
func (r Recovery) failedBalancers(ctx context.Context, d deployment) (found []failedBalancer, err error) {
	for _, service := range d.waitingServices() {
		name := balancerName(service)
		compartment := d.compartmentOf(service)
		if name == "" || compartment == "" {
			continue
		}
		cloud, err := r.Cloud(ctx, "")
		if err != nil {
			return nil, err
		}
		balancers, err := balancersOf(ctx, cloud, service, url.Values{"compartmentId": {compartment}, "displayName": {name}})
		if ocirest.IsNotFound(err) {
			r.printf("%s: its load balancer cannot be seen: the right to inspect it is missing", title(service))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load balancer of %s: %w", title(service), err)
		}
		for _, b := range balancers {
			if b.DisplayName == name && b.LifecycleState == "FAILED" {
				found = append(found, failedBalancer{service, b.ID})
			}
		}
	}
	return found, nil
}

// balancerName returns the display name that OKE gives the Service's load balancer, or "" if the Service was never made
// (oci-cloud-controller-manager at 1100ac3, 2026-06-17, GetLoadBalancerName).
func balancerName(service object) string {
	metadata := child(child(service, "outputs"), "metadata")
	uid := text(metadata["uid"])
	if uid == "" || !hasNetworkBalancer(service) {
		return uid
	}
	return text(metadata["namespace"]) + "/" + text(metadata["name"]) + "/" + uid
}

// hasNetworkBalancer reports whether the Service asks for a network load balancer, as OKE takes the annotation.
func hasNetworkBalancer(service object) bool {
	annotations := child(child(child(service, "inputs"), "metadata"), "annotations")
	return strings.EqualFold(text(annotations["oci.oraclecloud.com/load-balancer-type"]), "nlb")
}

// balancersOf lists load balancers or network load balancers, whichever the Service asks for. OKE does change a network
// load balancer that has FAILED, but one whose creation failed never gets an address (oci-cloud-controller-manager at
// 1100ac3, 2026-06-17, loadBalancerToStatus).
func balancersOf(ctx context.Context, cloud ocirest.Getter, service object, query url.Values) ([]candidate, error) {
	if !hasNetworkBalancer(service) {
		return ocirest.List[candidate](ctx, cloud, catalog.LoadBalancerClient, "/20170115/loadBalancers", query)
	}
	return ocirest.List[candidate](ctx, cloud, catalog.NetworkBalancerClient, "/20200501/networkLoadBalancers", query)
}

// waitingServices returns the Services of type LoadBalancer that have no address.
func (d deployment) waitingServices() (found []object) {
	for _, r := range d.resources() {
		outputs := child(r, "outputs")
		ingress, _ := child(child(outputs, "status"), "loadBalancer")["ingress"].([]any)
		if r["type"] == "kubernetes:core/v1:Service" && child(outputs, "spec")["type"] == "LoadBalancer" &&
			len(ingress) == 0 && r["delete"] != true {
			found = append(found, r)
		}
	}
	return found
}

// compartmentOf returns the compartment of a Service's load balancer: that of its annotation, or of the cluster.
func (d deployment) compartmentOf(service object) string {
	annotations := child(child(child(service, "inputs"), "metadata"), "annotations")
	if id := text(annotations["oci.oraclecloud.com/compartment-id"]); id != "" {
		return id
	}
	for _, r := range d.resources() {
		if r["type"] == catalog.Cluster {
			return text(child(r, "inputs")["compartmentId"])
		}
	}
	return ""
}
