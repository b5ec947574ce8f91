// Package dns emulates the DNS service as far as a guestbook needs it: primary public zones, and their record sets. It
// answers no DNS queries, and has no private zones, views, steering policies and resolvers.
package dns

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
)

const (
	base = "/20180115"
	kind = "dns-zone"
	path = "/zones"
)

// records are what a zone holds beside what it shows.
type records struct{ All []engine.Doc }

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.Serve(&engine.Kind{
		Name: kind, Path: path, Create: "dns.CreateZoneDetails", Model: "dns.Zone", Summary: "dns.ZoneSummary",
		NameKey: "name", Global: true, States: engine.ServiceStates, Private: engine.PrivateOf[records](),
		OnCreate: create, Created: addApex,
	})
	api.Handle("GET "+path+"/{id}/records", "", engine.OnNamed(kind, list))
	const set = path + "/{id}/records/{domain}/{rtype}"
	api.Handle("GET "+set, "", engine.OnNamed(kind, get))
	api.Handle("PUT "+set, "dns.UpdateRrSetDetails", engine.OnChangeable(kind, update, "ACTIVE"))
	api.Handle("DELETE "+set, "", engine.OnChangeable(kind, remove, "ACTIVE"))
}

// names are those of zones and records, which may have a period in the end.
var names = regexp.MustCompile(`^(?i)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$`)

// plain returns a name as the service compares it.
func plain(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

func create(c *engine.Call, doc engine.Doc) error {
	doc.Default(engine.Doc{"zoneType": "PRIMARY", "scope": "GLOBAL"})
	if doc.Str("zoneType") != "PRIMARY" || doc.Str("scope") != "GLOBAL" || doc["viewId"] != nil {
		return engine.NotImplemented("the local cloud has primary zones of scope GLOBAL only")
	}
	if !names.MatchString(doc.Str("name")) {
		return engine.Invalid("name: %q is no name of a zone", doc.Str("name"))
	}
	doc["name"] = plain(doc.Str("name"))
	for _, other := range c.All(kind, engine.With("name", doc.Str("name"))) {
		return engine.Conflict("the zone %s has the name %q", other.ID, doc.Str("name"))
	}
	doc.Default(engine.Doc{
		"resolutionMode": "STATIC", "dnssecState": "DISABLED", "externalMasters": []any{}, "externalDownstreams": []any{},
		"self": "https://dns." + engine.Region + ".oraclecloud.com" + base + path + "/" + doc.Str("id"), "version": "1",
		"serial": 1, "isProtected": false, "nameservers": []any{engine.Doc{"hostname": server}},
	})
	return nil
}

const server = "ns1.p201.dns.oraclecloud.net."

// addApex adds the records that every zone has.
func addApex(_ *engine.Tx, r *engine.Resource) error {
	name := r.Doc.Str("name")
	engine.Private[records](r).All = []engine.Doc{
		record(name, "SOA", server+" hostmaster."+name+". 1 3600 600 604800 1800", 300, true),
		record(name, "NS", server, 86400, true),
	}
	return nil
}

func record(domain, rtype, rdata string, ttl float64, protected bool) engine.Doc {
	hash := sha256.Sum256(fmt.Appendln(nil, domain, rtype, rdata))
	return engine.Doc{
		"domain": domain, "rtype": rtype, "rdata": rdata, "ttl": ttl, "isProtected": protected, "rrsetVersion": "1",
		"recordHash": hex.EncodeToString(hash[:16]),
	}
}

func list(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	var items []any
	for _, doc := range engine.Private[records](r).All {
		domain, part, rtype := c.Query.Get("domain"), c.Query.Get("domainContains"), c.Query.Get("rtype")
		if (domain == "" || doc.Str("domain") == plain(domain)) && strings.Contains(doc.Str("domain"), plain(part)) &&
			(rtype == "" || strings.EqualFold(doc.Str("rtype"), rtype)) {
			items = append(items, doc)
		}
	}
	return engine.PageOfItems(c, items)
}

// inSet returns a function that reports whether a record is of the set that the path names.
func inSet(c *engine.Call) func(engine.Doc) bool {
	return func(doc engine.Doc) bool {
		return doc.Str("domain") == plain(c.Path("domain")) && doc.Str("rtype") == strings.ToUpper(c.Path("rtype"))
	}
}

func get(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	var items []any
	for _, doc := range engine.Private[records](r).All {
		if inSet(c)(doc) {
			items = append(items, doc)
		}
	}
	if items == nil {
		return nil, engine.NotFound(c.Path("domain") + " " + c.Path("rtype"))
	}
	return engine.PageOfItems(c, items)
}

// update replaces the records of a set.
func update(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	domain, rtype, zone := plain(c.Path("domain")), strings.ToUpper(c.Path("rtype")), r.Doc.Str("name")
	if !names.MatchString(domain) || domain != zone && !strings.HasSuffix(domain, "."+zone) {
		return nil, engine.Invalid("domain: %q is not in the zone %s", domain, zone)
	}
	all := engine.Private[records](r)
	rest := slices.DeleteFunc(slices.Clone(all.All), inSet(c))
	for _, other := range rest {
		if other.Str("domain") == domain && (rtype == "CNAME" || other.Str("rtype") == "CNAME") {
			return nil, engine.Invalid("%s has records of type %s: a CNAME stands alone", domain, other.Str("rtype"))
		}
	}
	items := []any{}
	for _, item := range c.Body.Objects("items") {
		if plain(item.Str("domain")) != domain || !strings.EqualFold(item.Str("rtype"), rtype) {
			return nil, engine.Invalid("items: %s %s is not of the set %s %s", item.Str("domain"), item.Str("rtype"), domain,
				rtype)
		}
		if address, err := netip.ParseAddr(item.Str("rdata")); rtype == "A" && (err != nil || !address.Is4()) {
			return nil, engine.Invalid("rdata: %q is no IPv4 address", item.Str("rdata"))
		}
		added := record(domain, rtype, item.Str("rdata"), item.Num("ttl"), false)
		rest, items = append(rest, added), append(items, added)
	}
	all.All = rest
	return &engine.Answer{Body: engine.Doc{"items": items}}, nil
}

func remove(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if _, err := get(c, r); err != nil {
		return nil, err
	}
	all := engine.Private[records](r)
	all.All = slices.DeleteFunc(all.All, inSet(c))
	return &engine.Answer{Status: http.StatusNoContent}, nil
}
