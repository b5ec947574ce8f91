package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
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
	budgets          = service{client: catalog.BudgetClient, base: "/20190111"}
	artifacts        = service{client: catalog.ArtifactsClient, base: "/20160918"}
	vaults           = service{client: catalog.VaultClient, base: "/20180608"}
)

// cloud asks the services of a region with the stack's credentials.
type cloud struct{ *ocirest.Client }

// get asks for one resource.
func (c *cloud) get(ctx context.Context, s service, path string, query url.Values, out any) error {
	_, err := c.Do(ctx, ocirest.Request{Service: s.client, Host: s.host, Path: s.base + path, Query: query}, out)
	return err
}

// ask sends a question, and decodes the answer into out.
func (c *cloud) ask(ctx context.Context, s service, path string, question, out any) error {
	_, err := c.Do(ctx, ocirest.Request{
		Service: s.client, Method: http.MethodPost, Path: s.base + path, Body: question,
	}, out)
	return err
}

// list asks for all pages of a list.
func list[T any](ctx context.Context, c *cloud, s service, path string, query url.Values) ([]T, error) {
	return ocirest.List[T](ctx, c, s.client, s.base+path, query)
}

// unavailable explains an error that is nothing to the check: the service or the way to it.
func unavailable(what string, err error) Result {
	if _, is := ocirest.Refusal(err); is {
		return skipped("%s: %s", what, answer(err))
	}
	var broken net.Error
	if errors.As(err, &broken) && broken.Timeout() {
		return failed("%s: the service does not answer", what).do("try again; or a firewall or proxy drops the requests")
	}
	return failed("%s: there is no answer: %s", what, firstLine(err)).
		do("check the network, and HTTPS_PROXY if there is a proxy; then try again")
}

// answer is a service's error without the request's OCID.
func answer(err error) string {
	if refusal, is := ocirest.Refusal(err); is {
		return fmt.Sprintf("the service answers %d %s: %s",
			refusal.GetHTTPStatusCode(), refusal.GetCode(), refusal.GetMessage())
	}
	return firstLine(err)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
