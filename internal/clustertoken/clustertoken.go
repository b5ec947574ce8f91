// Package clustertoken makes the tokens that the Kubernetes API server of an OKE cluster accepts.
//
// A token is a signed request that is never sent: the URL-safe base64 of a GET URL, with the signature and the date,
// which OCI otherwise expects in headers, as query parameters. It is what `oci ce cluster generate-token` prints. The
// signature is that of Oracle's "Request Signatures".
package clustertoken

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Lifetime is how long a token is used. The service accepts a signature for five minutes around its date.
const Lifetime = 4 * time.Minute

// Token is a bearer token of one cluster.
type Token struct {
	Text    string
	Expires time.Time
}

var (
	clusterID = regexp.MustCompile(`^ocid1\.cluster\.[a-z0-9]+\.[a-z0-9-]+\.[a-z0-9]+$`)
	regionID  = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-\d+$`)
)

// Check returns an error unless cluster is the OCID of a cluster and region is the name of a region.
func Check(cluster, region string) error {
	if !clusterID.MatchString(cluster) {
		return fmt.Errorf("--cluster-id: %q is not the OCID of a cluster, such as ocid1.cluster.oc1.iad.aaaa", cluster)
	}
	if !regionID.MatchString(region) {
		return fmt.Errorf("--region: %q is not a region such as us-ashburn-1", region)
	}
	return nil
}

// New signs a token for a cluster of a region, such as "us-ashburn-1", with a date of now.
func New(keys common.KeyProvider, region, cluster string, now time.Time) (Token, error) {
	if err := Check(cluster, region); err != nil {
		return Token{}, err
	}
	host := common.StringToRegion(region).EndpointForTemplate("containerengine",
		"https://containerengine.{region}.{secondLevelDomain}")
	req, err := http.NewRequest(http.MethodGet, host+"/cluster_request/"+cluster, http.NoBody)
	if err != nil {
		return Token{}, err
	}
	req.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if err := common.DefaultRequestSigner(keys).Sign(req); err != nil {
		return Token{}, fmt.Errorf("sign the token: %w", err)
	}
	req.URL.RawQuery = url.Values{
		"authorization": {req.Header.Get("Authorization")}, "date": {req.Header.Get("Date")},
	}.Encode()
	return Token{base64.URLEncoding.EncodeToString([]byte(req.URL.String())), now.Add(Lifetime)}, nil
}

// Credential is what a credential plugin prints: an ExecCredential of client.authentication.k8s.io/v1.
type Credential struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Status     Status `json:"status"`
}

// Status is the part of an ExecCredential that the plugin answers with.
type Status struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expirationTimestamp"`
}

// APIVersion is that of Credential.
const APIVersion = "client.authentication.k8s.io/v1"

// JSON returns the token as a Credential.
func (t Token) JSON() ([]byte, error) {
	return json.Marshal(Credential{
		APIVersion: APIVersion, Kind: "ExecCredential", Status: Status{t.Text, t.Expires.UTC().Truncate(time.Second)},
	})
}
