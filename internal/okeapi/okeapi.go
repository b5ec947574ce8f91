// Package okeapi asks Container Engine for Kubernetes about one cluster, without the SDK's typed client, which would
// make the credential plugin five times as large.
package okeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Client asks the service of one region.
type Client struct{ base common.BaseClient }

// New returns a client. Endpoint is the service's URL; empty for that of the region.
func New(credentials common.ConfigurationProvider, region, endpoint string) (Client, error) {
	base, err := common.NewClientWithConfig(credentials)
	if err != nil {
		return Client{}, err
	}
	base.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	base.Host, base.BasePath = endpoint, "20180222"
	if endpoint == "" {
		base.Host = common.StringToRegion(region).EndpointForTemplate("containerengine",
			"https://containerengine.{region}.oci.{secondLevelDomain}")
	}
	return Client{base}, nil
}

// Endpoints are the addresses of a cluster's API, such as "203.0.113.9:6443"; empty without such an endpoint.
type Endpoints struct {
	Public  string `json:"publicEndpoint"`
	Private string `json:"privateEndpoint"`
}

// Endpoints returns those of a cluster.
func (c Client) Endpoints(ctx context.Context, cluster string) (Endpoints, error) {
	var found struct{ Endpoints Endpoints }
	data, err := c.call(ctx, http.MethodGet, cluster, "", nil)
	if err == nil {
		err = json.Unmarshal(data, &found)
	}
	return found.Endpoints, err
}

// Kubeconfig returns the one that the service writes for an endpoint: PUBLIC_ENDPOINT or PRIVATE_ENDPOINT.
func (c Client) Kubeconfig(ctx context.Context, cluster, endpoint string) (string, error) {
	body, err := json.Marshal(map[string]string{"tokenVersion": "2.0.0", "endpoint": endpoint})
	if err != nil {
		return "", err
	}
	data, err := c.call(ctx, http.MethodPost, cluster, "/kubeconfig/content", body)
	return string(data), err
}

func (c Client) call(ctx context.Context, method, cluster, path string, body []byte) ([]byte, error) {
	req := common.MakeDefaultHTTPRequest(method, "/clusters/"+cluster+path)
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.base.Call(ctx, &req)
	defer common.CloseBodyIfValid(resp)
	if err != nil {
		return nil, explain(err, cluster, resp)
	}
	return io.ReadAll(resp.Body)
}

// clockSkew is how far a clock may be off: the service accepts five minutes.
const clockSkew = 4 * time.Minute

// explain says in one line why the service has refused, and what to do.
func explain(err error, cluster string, resp *http.Response) error {
	failure, fromService := common.IsServiceError(err)
	if !fromService {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("container engine does not answer: %s", line)
	}
	switch failure.GetHTTPStatusCode() {
	case http.StatusNotFound:
		return fmt.Errorf("cluster %s does not exist in this region, or these credentials may not see it: "+
			"look at the OCID, --region and --profile", cluster)
	case http.StatusUnauthorized:
		if resp != nil {
			if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
				if off := time.Since(theirs); off.Abs() > clockSkew {
					return fmt.Errorf("the service refuses the signature: this machine's clock is %s off, and five minutes are "+
						"allowed: set it, for example with timedatectl set-ntp true", off.Round(time.Second))
				}
			}
		}
		return fmt.Errorf("the service does not know these credentials: look at user, fingerprint and key, or renew the "+
			"session with oci session authenticate (%s)", failure.GetMessage())
	}
	return fmt.Errorf("container engine: %d %s: %s", failure.GetHTTPStatusCode(), failure.GetCode(), failure.GetMessage())
}
