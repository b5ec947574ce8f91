package doctor

import (
	"context"
	"net/http"
	"net/url"

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
	_, err := v.cloud.call(ctx, zones, http.MethodGet, path, nil, nil, &zone)
	switch {
	case hidden(err):
		return failed("%s: this user sees no such public zone: %s", what, g.DNSZoneID).do("check the OCID")
	case err != nil:
		return unavailable(what, err)
	}
	var found struct{ Items []struct{ RType string } }
	query := url.Values{"domain": {g.TLSHostname}}
	if _, err := v.cloud.call(ctx, zones, http.MethodGet, path+"/records", query, nil, &found); err != nil {
		return unavailable(what, err)
	}
	var types []string
	for _, record := range found.Items {
		types = append(types, record.RType)
	}
	if err := g.CheckZone(zone.Name, types); err != nil {
		return failed("%s: %v", what, err)
	}
	return ok("the zone of guestbook %s can have its record", g.Name)
}
