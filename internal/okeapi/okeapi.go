// Package okeapi asks Container Engine for Kubernetes about clusters, without the SDK's typed client, which would
// make the credential plugin five times as large.
package okeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	data, _, err := c.call(ctx, request{
		method: http.MethodGet, path: "/clusters/" + cluster, hidden: hiddenCluster(cluster),
	})
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
	data, _, err := c.call(ctx, request{
		method: http.MethodPost, path: "/clusters/" + cluster + "/kubeconfig/content", body: body,
		hidden: hiddenCluster(cluster),
	})
	return string(data), err
}

func hiddenCluster(id string) string {
	return fmt.Sprintf("cluster %s does not exist in this region, or these credentials may not see it: "+
		"look at the OCID, --region and --profile", id)
}

// request is one call. The error is hidden where the service answers 404, which it does for what does not exist and for
// what the caller may not see.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	hidden       string
}

// call returns the answer, and the token of the next page of a list.
func (c Client) call(ctx context.Context, r request) (data []byte, next string, err error) {
	req := common.MakeDefaultHTTPRequest(r.method, r.path)
	req.URL.RawQuery = r.query.Encode()
	if r.body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.base.Call(ctx, &req)
	defer common.CloseBodyIfValid(resp)
	if err != nil {
		return nil, "", explain(err, r.hidden, resp)
	}
	data, err = io.ReadAll(resp.Body)
	return data, resp.Header.Get("opc-next-page"), err
}

// clockSkew is how far a clock may be off: the service accepts five minutes.
const clockSkew = 4 * time.Minute

// explain says in one line why the service has refused, and what to do.
func explain(err error, hidden string, resp *http.Response) error {
	failure, fromService := common.IsServiceError(err)
	if !fromService {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("container engine does not answer: %s", line)
	}
	switch failure.GetHTTPStatusCode() {
	case http.StatusNotFound:
		return fmt.Errorf("%s", hidden)
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
