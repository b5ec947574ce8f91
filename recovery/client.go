package recovery

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
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/catalog"
)

// Cloud reads resources of OCI.
type Cloud interface {
	// Get decodes the answer to a GET of path, which begins with the service's version. It returns the token of the
	// next page of a list, "" after the last one. IsNotFound tells whether its error is the service's 404.
	Get(ctx context.Context, client catalog.Client, path string, query url.Values, out any) (next string, err error)
}

// region is the Cloud of one region.
type region struct {
	credentials common.ConfigurationProvider
	name        string
}

// Region returns the region's services, or what CLIENT_HOST_OVERRIDES names in their place, as it does for the OCI
// provider.
func Region(credentials common.ConfigurationProvider, name string) Cloud {
	return region{credentials, name}
}

// requestTimeout is for one request.
const requestTimeout = time.Minute

func (r region) Get(
	ctx context.Context, client catalog.Client, path string, query url.Values, out any,
) (next string, err error) {
	base, err := common.NewClientWithConfig(r.credentials)
	if err != nil {
		return "", err
	}
	base.HTTPClient = &http.Client{Timeout: requestTimeout}
	base.Host = common.StringToRegion(r.name).EndpointForTemplate("", client.Host())
	if host, _ := client.Override(); host != "" {
		base.Host = host
	}
	request := common.MakeDefaultHTTPRequest(http.MethodGet, path)
	request.URL.RawQuery = query.Encode()
	response, err := base.Call(ctx, &request)
	defer common.CloseBodyIfValid(response)
	if err != nil {
		return "", explain(err, client)
	}
	data, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return "", fmt.Errorf("%s: answer to GET %s: %w", client, path, err)
	}
	return response.Header.Get("opc-next-page"), nil
}

// page is one page of a list: an array or, as Logging has for agent configurations, an object with the array in items.
type page[T any] []T

func (p *page[T]) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("{")) {
		return json.Unmarshal(data, (*[]T)(p))
	}
	collection := struct{ Items *[]T }{(*[]T)(p)}
	return json.Unmarshal(data, &collection)
}

// list reads all pages of a list. Each page is a list of its own.
func list[T any](
	ctx context.Context, cloud Cloud, client catalog.Client, path string, query url.Values,
) (all []T, err error) {
	for {
		var found page[T]
		next, err := cloud.Get(ctx, client, path, query, &found)
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

// serviceError is an error answer in one line. The SDK's text of it has nine.
type serviceError struct{ common.ServiceError }

func (e serviceError) Error() string {
	return fmt.Sprintf("%d %s: %s (opc-request-id %s)", e.GetHTTPStatusCode(), e.GetCode(), e.GetMessage(),
		e.GetOpcRequestID())
}

func explain(err error, client catalog.Client) error {
	if failure, is := common.IsServiceError(err); is {
		return serviceError{failure}
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s does not answer: %s", client, line)
}

// IsNotFound reports whether err is the service's 404: the resource does not exist, or may not be seen.
func IsNotFound(err error) bool {
	var failure interface{ GetHTTPStatusCode() int }
	return errors.As(err, &failure) && failure.GetHTTPStatusCode() == http.StatusNotFound
}
