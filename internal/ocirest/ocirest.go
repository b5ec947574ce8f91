// Package ocirest asks the services of Oracle Cloud by their REST API. Requests are signed by oci-go-sdk's package
// common: its typed clients of four services alone are 225,000 lines to compile.
package ocirest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/catalog"
)

// Client asks the services of a region, or what CLIENT_HOST_OVERRIDES names in their place, as it does for the OCI
// provider. It is safe for concurrent use.
type Client struct {
	Region   common.Region
	Endpoint string // URL of the only service that is asked; empty for those of the region

	signer common.HTTPRequestSigner
	http   *http.Client
	clock  clock
}

// New returns a client of a region, such as "us-ashburn-1". A request may take as long as timeout.
func New(keys common.KeyProvider, region string, timeout time.Duration) *Client {
	c := &Client{Region: common.StringToRegion(region), signer: common.DefaultRequestSigner(keys)}
	c.http = &http.Client{Timeout: timeout, Transport: &c.clock}
	return c
}

// Request is one request to a service.
type Request struct {
	Service catalog.Client
	Host    string // URL of an API that each vault has its own of; empty: the region's
	Method  string // default GET
	Path    string // begins with the API's version
	Query   url.Values
	Body    any // is sent as JSON; optional
}

// Do sends a request, and decodes the answer into out: from JSON, or as it is into a *[]byte. It returns the token of
// the next page of a list, "" after the last one.
func (c *Client) Do(ctx context.Context, r Request, out any) (next string, err error) {
	base := common.DefaultBaseClientWithSigner(c.signer)
	base.HTTPClient = c.http
	base.Host = c.host(r)
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	request := common.MakeDefaultHTTPRequest(method, r.Path)
	request.URL.RawQuery = r.Query.Encode()
	if r.Body != nil {
		body, err := json.Marshal(r.Body)
		if err != nil {
			return "", err
		}
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := base.Call(ctx, &request)
	defer common.CloseBodyIfValid(response)
	if err != nil {
		return "", c.explain(err, r.Service)
	}
	data, err := io.ReadAll(response.Body)
	if raw, is := out.(*[]byte); is {
		*raw = data
	} else if err == nil && out != nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return "", fmt.Errorf("%s: answer to %s %s: %w", r.Service, method, r.Path, err)
	}
	return response.Header.Get("opc-next-page"), nil
}

func (c *Client) host(r Request) string {
	if c.Endpoint != "" {
		return c.Endpoint
	}
	if host, is := r.Service.Override(); is {
		return host
	}
	if r.Host != "" {
		return r.Host
	}
	return c.Region.EndpointForTemplate("", r.Service.Host())
}

// Getter reads resources.
type Getter interface {
	// Get decodes the answer to a GET of path, which begins with the API's version. It returns the token of the next page
	// of a list, "" after the last one. IsNotFound tells whether its error is the service's 404.
	Get(ctx context.Context, service catalog.Client, path string, query url.Values, out any) (next string, err error)
}

// Get is Do with what most requests have.
func (c *Client) Get(
	ctx context.Context, service catalog.Client, path string, query url.Values, out any,
) (next string, err error) {
	return c.Do(ctx, Request{Service: service, Path: path, Query: query}, out)
}

// page is one page of a list: an array or, as some services have it, an object with the array in items.
type page[T any] []T

func (p *page[T]) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("{")) {
		return json.Unmarshal(data, (*[]T)(p))
	}
	collection := struct{ Items *[]T }{(*[]T)(p)}
	return json.Unmarshal(data, &collection)
}

// List reads all pages of a list. Each page is a list of its own.
func List[T any](
	ctx context.Context, from Getter, service catalog.Client, path string, query url.Values,
) (all []T, err error) {
	for {
		var found page[T]
		next, err := from.Get(ctx, service, path, query, &found)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if next == "" {
			return all, nil
		}
		query.Set("page", next)
	}
}

// In is the query of a list of what a compartment has, with more names and values.
func In(compartmentID string, more ...string) url.Values {
	query := url.Values{"compartmentId": {compartmentID}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return query
}

// failure is an error answer in one line, with what to do. The SDK's text of it has nine.
type failure struct {
	common.ServiceError
	do string // begins with ": "; optional
}

func (e failure) Error() string {
	return fmt.Sprintf("%d %s: %s (opc-request-id %s)%s", e.GetHTTPStatusCode(), e.GetCode(), e.GetMessage(),
		e.GetOpcRequestID(), e.do)
}

// silence is a request without an answer, in one line.
type silence struct {
	service catalog.Client
	cause   error
}

func (e silence) Error() string {
	line, _, _ := strings.Cut(e.cause.Error(), "\n")
	return fmt.Sprintf("%s does not answer: %s: check the network, the region, and HTTPS_PROXY if there is a proxy",
		e.service, line)
}

func (e silence) Unwrap() error { return e.cause }

// MaxSkew is how far a request's date may be from the service's (Oracle documentation, "Request Signatures": a
// difference of more than 5 minutes is refused).
const MaxSkew = 5 * time.Minute

func (c *Client) explain(err error, service catalog.Client) error {
	answer, is := common.IsServiceError(err)
	switch ahead, _ := c.Ahead(); {
	case !is:
		return silence{service, err}
	case answer.GetHTTPStatusCode() != http.StatusUnauthorized:
		return failure{ServiceError: answer}
	case ahead.Abs() > MaxSkew-time.Minute:
		return failure{answer, fmt.Sprintf(": this machine's clock is %s off, and Oracle refuses more than %s: "+
			"timedatectl set-ntp true", ahead.Abs(), MaxSkew)}
	}
	return failure{answer, ": the service does not know these credentials: look at user, fingerprint and key, or renew " +
		"the session with oci session authenticate"}
}

// Refusal returns a service's error answer. Other errors are of the way to the service.
func Refusal(err error) (answer common.ServiceError, is bool) {
	is = errors.As(err, &answer)
	return answer, is
}

// IsNotFound reports whether err is the service's 404: the resource does not exist, or may not be seen.
func IsNotFound(err error) bool {
	var answer interface{ GetHTTPStatusCode() int }
	return errors.As(err, &answer) && answer.GetHTTPStatusCode() == http.StatusNotFound
}

// clock compares this machine's clock with the services', by the header Date of their answers.
type clock struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration // of this machine
}

// RoundTrip sends a request.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		c.mu.Lock()
		c.known, c.ahead = true, time.Since(date)
		c.mu.Unlock()
	}
	return response, nil
}

// Ahead returns how far this machine's clock is ahead of the services', once one has answered. The header has whole
// seconds.
func (c *Client) Ahead() (ahead time.Duration, known bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.ahead.Round(time.Second), c.clock.known
}
