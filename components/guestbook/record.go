package guestbook

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/workload"
)

// recordSeconds is how long others remember the record: a load balancer that is replaced has another address.
const recordSeconds = 300

// record makes the DNS record of the guestbook's host name in the zone of dnsZoneId, and says what it is. It is
// registered by its token: pulumi-oci's package dns would have to be compiled.
func (b *builder) record() error {
	host := b.book.TLSHostname
	if host == "" {
		return nil
	}
	b.g.Record = pulumi.Sprintf("%s. %d IN A %s", host, recordSeconds, b.g.Address)
	if b.book.DNSZoneID == "" {
		return nil
	}
	const address = "A"
	var made pulumi.CustomResourceState
	err := b.ctx.RegisterResource("oci:Dns/rrset:Rrset", b.name+"-record", pulumi.Map{
		"zoneNameOrId": pulumi.String(b.book.DNSZoneID),
		"domain":       pulumi.String(host),
		"rtype":        pulumi.String(address),
		"items": pulumi.Array{pulumi.Map{
			"domain": pulumi.String(host), "rtype": pulumi.String(address), "rdata": b.g.Address,
			"ttl": pulumi.Int(recordSeconds),
		}},
	}, &made, pulumi.Parent(b.g))
	if err != nil {
		return fmt.Errorf("DNS record of %s: %w", host, err)
	}
	return nil
}

// getRecords is called by its token, as getLoadBalancers is. There is no function that answers with one zone.
const getRecords = "oci:Dns/getRrsets:getRrsets"

// CheckZone asks the cloud for the zone of dnsZoneId: its name, which is that of its SOA record, and what it has at the
// guestbook's host name.
func CheckZone(ctx *pulumi.Context, g workload.Guestbook) error {
	if g.DNSZoneID == "" {
		return nil
	}
	refuse := func(err error) error {
		return fmt.Errorf("dnsZoneId: guestbook %q cannot have a record in %s: %w", g.Name, g.DNSZoneID, err)
	}
	apex, err := records(ctx, g.DNSZoneID, "rtype", "SOA")
	switch {
	case err != nil && !lookup.Hidden(err):
		return refuse(fmt.Errorf("it cannot be looked up: %w", err))
	case err != nil || len(apex) == 0:
		return refuse(errors.New("this user sees no such public zone (NotAuthorizedOrNotFound)"))
	}
	found, err := records(ctx, g.DNSZoneID, "domain", g.TLSHostname)
	if err != nil {
		return refuse(err)
	}
	var types []string
	for _, set := range found {
		types = append(types, set.Type)
	}
	if err := g.CheckZone(apex[0].Domain, types); err != nil {
		return refuse(err)
	}
	return nil
}

// recordSet is the records of a name and a type.
type recordSet struct {
	Domain string `pulumi:"domain"`
	Type   string `pulumi:"rtype"`
}

// records returns the record sets of a zone that a filter matches.
func records(ctx *pulumi.Context, zone, filter, value string) ([]recordSet, error) {
	args := map[string]string{"zoneNameOrId": zone, filter: value}
	var found struct {
		Sets []recordSet `pulumi:"rrsets"`
	}
	err := ctx.Invoke(getRecords, args, &found)
	return found.Sets, err
}
