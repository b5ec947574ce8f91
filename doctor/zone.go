package doctor

import (
	"context"
	"fmt"
	"net/url"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/workload"
)

// hostRecords checks the guestbooks' zones of OCI DNS, by the rules of components/guestbook.CheckZone.
func (v *visit) hostRecords(ctx context.Context) (results []Result) {
	for _, g := range v.settings.Guestbooks {
		if g.DNSZoneID != "" {
			results = append(results, v.zone(ctx, g))
		}
	}
	return results
}

func (v *visit) zone(ctx context.Context, g workload.Guestbook) Result {
	path, what := "/zones/"+g.DNSZoneID, "dnsZoneId of guestbook "+g.Name
	var zone struct{ Name string }
	err := v.cloud.get(ctx, zones, path, nil, &zone)
	switch {
	case ocirest.IsNotFound(err):
		return v.unseen(what, "public zone", g.DNSZoneID)
	case err != nil:
		return unavailable(what, err)
	}
	var found struct{ Items []struct{ RType string } }
	query := url.Values{"domain": {g.TLSHostname}}
	if err := v.cloud.get(ctx, zones, path+"/records", query, &found); err != nil {
		return unavailable(what, err)
	}
	var types []string
	for _, record := range found.Items {
		types = append(types, record.RType)
	}
	if err := g.CheckZone(zone.Name, types); err != nil {
		return badSetting("dnsZoneId or tlsHostname", fmt.Errorf("%s: %w", what, err))
	}
	return ok("the zone of guestbook %s can have its record", g.Name)
}
