package dns_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const zones = "/20180115/zones"

func set(domain, rtype string, data ...string) engine.Doc {
	items := []any{}
	for _, rdata := range data {
		items = append(items, engine.Doc{"domain": domain, "rtype": rtype, "rdata": rdata, "ttl": 300})
	}
	return engine.Doc{"items": items}
}

func TestRecords(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := engine.Doc{"compartmentId": oci.CompartmentID, "name": "Example.com.", "zoneType": "PRIMARY"}
		c.Refused(400, "NotImplemented", "GLOBAL", "POST", zones, ocitest.Changed(body, "scope", "PRIVATE"))
		c.Refused(400, "InvalidParameter", "name", "POST", zones, ocitest.Changed(body, "name", "two words"))
		zone := c.Want(200, "POST", zones, body).Object()
		c.Conforms("dns.Zone", zone)
		c.Refused(409, "Conflict", "has the name", "POST", zones, body)
		records := zones + "/" + zone.Str("id") + "/records"
		apex := c.Get(records + "?rtype=SOA").Objects("items")
		if len(apex) != 1 || apex[0]["domain"] != "example.com" {
			t.Fatalf("SOA records %v", apex)
		}
		c.Conforms("dns.Record", apex[0])

		const host = "a.example.com"
		c.Refused(404, "NotAuthorizedOrNotFound", host, "GET", records+"/"+host+"/A", nil)
		c.Refused(404, "NotAuthorizedOrNotFound", "", "GET", zones+"/ocid1.dns-zone.oc1..none/records", nil)
		for path, refused := range map[string]engine.Doc{
			"/b.example.org/A": set("b.example.org", "A", "192.0.2.1"), // not in the zone
			"/" + host + "/A":  set("b.example.com", "A", "192.0.2.1"), // another name
			"/a.example.com/a": set(host, "A", "2001:db8::1"),
		} {
			c.Refused(400, "InvalidParameter", "", "PUT", records+path, refused)
		}
		for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
			c.Want(200, "PUT", records+"/"+host+"/A", set(host, "A", address))
			got := c.Get(records + "/" + host + "/A").Objects("items")
			if len(got) != 1 || got[0]["rdata"] != address || got[0].Num("ttl") != 300 {
				t.Errorf("records %v, want %s", got, address)
			}
		}
		alias := set(host, "CNAME", "b.example.com.")
		c.Refused(400, "InvalidParameter", "stands alone", "PUT", records+"/"+host+"/CNAME", alias)
		if got := c.Get(records + "?domain=" + host).Objects("items"); len(got) != 1 {
			t.Errorf("records of the host %v", got)
		}
		c.Want(204, "DELETE", records+"/"+host+"/A", nil)
		c.Refused(404, "NotAuthorizedOrNotFound", host, "DELETE", records+"/"+host+"/A", nil)
		c.Want(204, "DELETE", zones+"/"+zone.Str("id"), nil)
	})
}
