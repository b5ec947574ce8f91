// Package ociclient sends signed requests to OCI's REST API without the SDK's typed service packages, which take
// minutes to compile. Signing comes from oci-go-sdk.
package ociclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/catalog"
)

// Credentials are a user's API key, as in OCI's configuration file.
type Credentials struct {
	Tenancy, User, Fingerprint, Region string
	PrivateKeyPEM                      string
}

// CredentialsFromEnv reads OCI_TENANCY_OCID, OCI_USER_OCID, OCI_FINGERPRINT, OCI_REGION and OCI_PRIVATE_KEY or
// OCI_PRIVATE_KEY_PATH, as the official provider does.
func CredentialsFromEnv() (Credentials, error) {
	c := Credentials{
		Tenancy: os.Getenv("OCI_TENANCY_OCID"), User: os.Getenv("OCI_USER_OCID"),
		Fingerprint: os.Getenv("OCI_FINGERPRINT"), Region: os.Getenv("OCI_REGION"),
		PrivateKeyPEM: os.Getenv("OCI_PRIVATE_KEY"),
	}
	if path := os.Getenv("OCI_PRIVATE_KEY_PATH"); c.PrivateKeyPEM == "" && path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("OCI_PRIVATE_KEY_PATH: %w", err)
		}
		c.PrivateKeyPEM = string(pem)
	}
	var missing []string
	for _, v := range []struct{ name, value string }{
		{"OCI_TENANCY_OCID", c.Tenancy},
		{"OCI_USER_OCID", c.User},
		{"OCI_FINGERPRINT", c.Fingerprint},
		{"OCI_REGION", c.Region},
		{"OCI_PRIVATE_KEY or OCI_PRIVATE_KEY_PATH", c.PrivateKeyPEM},
	} {
		if v.value == "" {
			missing = append(missing, v.name)
		}
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("not set: %s", strings.Join(missing, ", "))
	}
	return c, nil
}

// EndpointFromEnv returns the endpoint of an SDK client, for example "oci_core.VirtualNetworkClient", in
// CLIENT_HOST_OVERRIDES.
func EndpointFromEnv(client string) (string, bool) { return catalog.Client(client).Override() }

// Error is an error response of the service.
type Error struct {
	Status    int
	Code      string `json:"code"`
	Message   string `json:"message"`
	RequestID string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d %s: %s (opc-request-id %s)", e.Status, e.Code, e.Message, e.RequestID)
}

// IsNotFound reports whether err is the service's 404.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Client sends signed requests to one endpoint. It is safe for concurrent use.
type Client struct {
	endpoint string
	signer   common.HTTPRequestSigner
	http     *http.Client
}

// New returns a client of the endpoint, such as "http://127.0.0.1:8080".
func New(endpoint string, creds Credentials) (*Client, error) {
	return NewSession(endpoint, creds, "")
}

// NewSession returns a client that acts as the principal of a security token, whose key is that of the credentials.
// Without a token it acts as their user.
func NewSession(endpoint string, creds Credentials, token string) (*Client, error) {
	provider := common.NewRawConfigurationProvider(
		creds.Tenancy, creds.User, creds.Region, creds.Fingerprint, creds.PrivateKeyPEM, nil)
	if ok, err := common.IsConfigurationProviderValid(provider); !ok {
		return nil, fmt.Errorf("OCI credentials: %w", err)
	}
	return &Client{
		endpoint: strings.TrimSuffix(endpoint, "/"),
		signer:   common.DefaultRequestSigner(session{provider, token}),
		http:     &http.Client{Timeout: time.Minute},
	}, nil
}

// session names a security token, if there is one, in place of the user's key.
type session struct {
	common.ConfigurationProvider
	token string
}

// KeyID implements common.KeyProvider.
func (s session) KeyID() (string, error) {
	if s.token != "" {
		return "ST$" + s.token, nil
	}
	return s.ConfigurationProvider.KeyID()
}

// Header is a header of a request, for example opc-retry-token or if-match.
type Header struct{ Name, Value string }

// Do sends in as JSON, unless it is nil, and decodes the body of the response, if any, into out: as JSON, or as it is
// if out is a *[]byte. A status of 300 or more is returned as *Error, with the response's headers.
func (c *Client) Do(
	ctx context.Context, method, path string, query url.Values, in, out any, headers ...Header,
) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	target := c.endpoint + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	req.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	req.Header.Set("Accept", "application/json")
	if in != nil || method == http.MethodPost || method == http.MethodPut {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := c.signer.Sign(req); err != nil {
		return nil, fmt.Errorf("sign %s %s: %w", method, path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("opc-request-id")}
		if json.Unmarshal(data, e) != nil || e.Code == "" {
			e.Code, e.Message = http.StatusText(resp.StatusCode), string(data)
		}
		return resp.Header, e
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
	} else if out != nil && len(data) > 0 {
		if err := json.Unmarshal(data, out); err != nil {
			return resp.Header, fmt.Errorf("%s %s: response: %w", method, path, err)
		}
	}
	return resp.Header, nil
}
