// Package okeapi asks Container Engine for Kubernetes about clusters, without the SDK's typed client, which would
// make the credential plugin five times as large.
package okeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
)

const base = "/20180222"

// Client asks the service of one region.
type Client struct{ *ocirest.Client }

// New returns a client. Endpoint is the service's URL; empty for that of the region.
func New(keys common.KeyProvider, region, endpoint string) Client {
	client := ocirest.New(keys, region, 30*time.Second)
	client.Endpoint = endpoint
	return Client{client}
}

// Endpoints are the addresses of a cluster's API, such as "203.0.113.9:6443"; empty without such an endpoint.
type Endpoints struct {
	Public  string `json:"publicEndpoint"`
	Private string `json:"privateEndpoint"`
}

// Endpoints returns those of a cluster.
func (c Client) Endpoints(ctx context.Context, cluster string) (Endpoints, error) {
	var found struct{ Endpoints Endpoints }
	_, err := c.Get(ctx, catalog.ContainerEngineClient, base+"/clusters/"+cluster, nil, &found)
	return found.Endpoints, explain(err, hiddenCluster(cluster))
}

// Kubeconfig returns the one that the service writes for an endpoint: PUBLIC_ENDPOINT or PRIVATE_ENDPOINT.
func (c Client) Kubeconfig(ctx context.Context, cluster, endpoint string) (string, error) {
	var text []byte
	_, err := c.Do(ctx, ocirest.Request{
		Service: catalog.ContainerEngineClient, Method: http.MethodPost,
		Path: base + "/clusters/" + cluster + "/kubeconfig/content",
		Body: map[string]string{"tokenVersion": "2.0.0", "endpoint": endpoint},
	}, &text)
	return string(text), explain(err, hiddenCluster(cluster))
}

func hiddenCluster(id string) string {
	return fmt.Sprintf("cluster %s does not exist in this region, or these credentials may not see it: "+
		"look at the OCID, --region and --profile", id)
}

// explain says in one line why the service has refused, and what to do. The error is hidden where the service answers
// 404, which it does for what does not exist and for what the caller may not see.
func explain(err error, hidden string) error {
	switch _, refused := ocirest.Refusal(err); {
	case ocirest.IsNotFound(err):
		return errors.New(hidden)
	case refused:
		return fmt.Errorf("container engine: %w", err)
	}
	return err
}
