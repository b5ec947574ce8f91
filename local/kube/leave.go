package kube

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/ociclient"
)

// leaveTimeout is how long a node waits for load balancers to stop sending to it.
const leaveTimeout = 20 * time.Second

// excluded makes the service controller take a node out of all load balancers.
const excluded = `{"metadata":{"labels":{"node.kubernetes.io/exclude-from-external-load-balancers":""}}}`

// leaveBalancers takes a node that is about to end out of the load balancers: what is sent to it after its end would be
// lost. That OKE does so before it terminates a node is an assumption.
func (c *cluster) leaveBalancers(ctx context.Context, name string) error {
	if c.cfg.DataPlane == nil || c.cfg.OCIEndpoint == "" {
		return nil
	}
	patch := metav1.PatchOptions{}
	_, err := c.api.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, []byte(excluded), patch)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	oci, err := ociclient.New(c.cfg.OCIEndpoint, c.cfg.Credentials)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, workerPoll, leaveTimeout, true, func(ctx context.Context) (bool, error) {
		serves, err := c.isBackend(ctx, oci, name)
		return err == nil && !serves, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		c.log.Warn("node ends while it is a backend of a load balancer", "node", name)
		return nil
	}
	return err
}

// isBackend reports whether a load balancer of the compartment, of either type, sends to an address.
func (c *cluster) isBackend(ctx context.Context, oci *ociclient.Client, address string) (bool, error) {
	type balancer struct {
		BackendSets map[string]struct {
			Backends []struct{ IPAddress string }
		}
	}
	var balancers []balancer
	var network struct{ Items []balancer }
	query := url.Values{"compartmentId": {c.state.Cluster.CompartmentID}}
	for path, answer := range map[string]any{
		"/20170115/loadBalancers": &balancers, "/20200501/networkLoadBalancers": &network,
	} {
		if _, err := oci.Do(ctx, http.MethodGet, path, query, nil, answer); err != nil {
			return false, fmt.Errorf("load balancers: %w", err)
		}
	}
	for _, balancer := range append(balancers, network.Items...) {
		for _, set := range balancer.BackendSets {
			for _, backend := range set.Backends {
				if backend.IPAddress == address {
					return true, nil
				}
			}
		}
	}
	return false, nil
}
