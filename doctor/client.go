package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/catalog"
)

// service is an API of Oracle Cloud.
type service struct {
	client catalog.Client
	base   string // path of the API's version
	host   string // URL, of an API that each vault has its own of; empty: the region's
}

var (
	identity         = service{client: catalog.IdentityClient, base: "/20160918"}
	network          = service{client: catalog.VirtualNetworkClient, base: "/20160918"}
	compute          = service{client: catalog.ComputeClient, base: "/20160918"}
	volumes          = service{client: catalog.BlockStorageClient, base: "/20160918"}
	balancers        = service{client: catalog.LoadBalancerClient, base: "/20170115"}
	networkBalancers = service{client: catalog.NetworkBalancerClient, base: "/20200501"}
	certificates     = service{client: catalog.CertificatesClient, base: "/20210224"}
	zones            = service{client: catalog.DNSClient, base: "/20180115"}
	oke              = service{client: catalog.ContainerEngineClient, base: "/20180222"}
	limits           = service{client: catalog.LimitsClient, base: "/20190729"}
	bastions         = service{client: catalog.BastionClient, base: "/20210331"}
	logging          = service{client: catalog.LoggingClient, base: "/20200531"}
	alarms           = service{client: catalog.MonitoringClient, base: "/20180401"}
	topics           = service{client: catalog.TopicClient, base: "/20181201"}
	objects          = service{client: catalog.ObjectStorageClient, base: "/n"}
	vaults           = service{client: catalog.VaultClient, base: "/20180608"}
)

// redirected reports whether the services are not Oracle's, but the local cloud's, as make env does.
func redirected() bool {
	_, is := identity.client.Override()
	return is
}

// cloud asks the services of a region with the stack's credentials. It is safe for concurrent use.
type cloud struct {
	region common.Region
	signer common.HTTPRequestSigner
	http   *http.Client
	clock  *clock
}

func newCloud(region string, keys common.KeyProvider) *cloud {
	c := &cloud{region: common.StringToRegion(region), signer: common.DefaultRequestSigner(keys), clock: &clock{}}
	c.http = &http.Client{Timeout: patience, Transport: c.clock}
	return c
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

// off returns how far this machine's clock is ahead of the services'. The header has whole seconds.
func (c *clock) off() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead.Round(time.Second), c.known
}

// call sends a request, and decodes the answer into out. It returns the answer's page token.
func (c *cloud) call(
	ctx context.Context, s service, method, path string, query url.Values, body, out any,
) (page string, err error) {
	client := common.DefaultBaseClientWithSigner(c.signer)
	client.HTTPClient = c.http
	if client.Host = s.host; s.host == "" {
		client.Host = c.region.EndpointForTemplate("", s.client.Host())
	}
	if host, is := s.client.Override(); is {
		client.Host = host
	}
	request := common.MakeDefaultHTTPRequest(method, s.base+path)
	if body != nil {
		details := struct {
			Body any `contributesTo:"body"`
		}{body}
		if request, err = common.MakeDefaultHTTPRequestWithTaggedStruct(method, s.base+path, details); err != nil {
			return "", err
		}
	}
	request.URL.RawQuery = query.Encode()
	response, err := client.Call(ctx, &request)
	if response != nil {
		defer common.CloseBodyIfValid(response)
	}
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(response.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: the answer: %w", method, path, err)
	}
	return response.Header.Get("opc-next-page"), nil
}

// get asks for one resource.
func (c *cloud) get(ctx context.Context, s service, path string, query url.Values, out any) error {
	_, err := c.call(ctx, s, http.MethodGet, path, query, nil, out)
	return err
}

// list asks for all pages of a list. Each page is a list of its own.
func list[T any](ctx context.Context, c *cloud, s service, path string, query url.Values) (items []T, err error) {
	for {
		var page []T
		next, err := c.call(ctx, s, http.MethodGet, path, query, nil, &page)
		if err != nil {
			return nil, err
		}
		items = append(items, page...)
		if next == "" {
			return items, nil
		}
		query.Set("page", next)
	}
}

// in is the query of a list of what a compartment has.
func in(compartmentID string, more ...string) url.Values {
	query := url.Values{"compartmentId": {compartmentID}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return query
}

// hidden reports whether a service says that something does not exist or may not be seen, which it does not tell apart.
func hidden(err error) bool {
	failure, is := common.IsServiceError(err)
	return is && failure.GetHTTPStatusCode() == http.StatusNotFound
}

// unavailable explains an error that is nothing to the check: the service or the way to it.
func unavailable(what string, err error) Result {
	if _, is := common.IsServiceError(err); is {
		return skipped("%s: %s", what, answer(err))
	}
	var broken net.Error
	if errors.As(err, &broken) && broken.Timeout() {
		return failed("%s: the service does not answer", what).do("try again; or a firewall or proxy drops the requests")
	}
	return failed("%s: %v", what, err)
}

// answer is a service's error in one line; the SDK's text of it has nine.
func answer(err error) string {
	if failure, is := common.IsServiceError(err); is {
		return fmt.Sprintf("the service answers %d %s: %s",
			failure.GetHTTPStatusCode(), failure.GetCode(), failure.GetMessage())
	}
	return firstLine(err)
}
