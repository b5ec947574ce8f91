package vcn

import (
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// Service CIDR labels of the region: what GET /services lists.
const (
	AllServicesCIDR   = "all-iad-services-in-oracle-services-network"
	ObjectStorageCIDR = "oci-iad-objectstorage"
)

// services are those that a service gateway can reach.
var services = []engine.Doc{
	{
		"id": "ocid1.service.oc1.iad.aaaaaaaalocalcloudobjectstorage", "name": "OCI IAD Object Storage",
		"cidrBlock": ObjectStorageCIDR, "description": "OCI IAD Object Storage",
	},
	{
		"id": "ocid1.service.oc1.iad.aaaaaaaalocalcloudallservices", "name": "All IAD Services In Oracle Services Network",
		"cidrBlock": AllServicesCIDR, "description": "All IAD Services In Oracle Services Network",
	},
}

func serviceByID(id string) engine.Doc {
	i := slices.IndexFunc(services, func(s engine.Doc) bool { return s["id"] == id })
	if i < 0 {
		return nil
	}
	return services[i]
}

// checkServiceLabel refuses a text that is no service CIDR label.
func checkServiceLabel(field, text string) error {
	if text != AllServicesCIDR && text != ObjectStorageCIDR {
		return engine.Invalid("%s: %q is no service CIDR label of this region", field, text)
	}
	return nil
}

func registerServiceGateways(api engine.API) {
	api.Serve(&engine.Kind{
		Name: serviceGatewayKind, Path: "/serviceGateways", Create: "core.CreateServiceGatewayDetails",
		Update: "core.UpdateServiceGatewayDetails", Model: "core.ServiceGateway", Filters: []string{"vcnId"},
		States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		Defaults: engine.Doc{"blockTraffic": false}, Check: checkServiceGateway, OnDelete: checkGatewayUnused,
		OnCreate: func(c *engine.Call, doc engine.Doc) error {
			if err := c.Take(serviceGatewayLimit, "", 1); err != nil {
				return err
			}
			return checkFirst(c, doc, serviceGatewayKind, engine.Invalid)
		},
	})
	for action, change := range map[string]func(*engine.Call, engine.Doc){
		"attachService": attachService, "detachService": detachService,
	} {
		api.Handle("POST /serviceGateways/{id}/actions/"+action, "core.ServiceIdRequestDetails",
			engine.OnChangeable(serviceGatewayKind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
				change(c, r.Doc)
				return r.Answer(), checkServiceGateway(c.Tx, r.Doc)
			}))
	}
	api.Handle("GET /services", "", func(c *engine.Call) (*engine.Answer, error) { return c.Page(engine.List(services)) })
	api.Handle("GET /services/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if service := serviceByID(c.ID()); service != nil {
			return &engine.Answer{Body: service}, nil
		}
		return nil, engine.NotFound(c.ID())
	})
}

// resolveServices checks the list of services, and adds their names.
func resolveServices(doc engine.Doc) error {
	out := []any{}
	for i, item := range doc.Objects("services") {
		id := item.Str("serviceId")
		service := serviceByID(id)
		if service == nil {
			return engine.RelatedNotFound(fmt.Sprintf("services[%d].serviceId", i), id)
		}
		out = append(out, engine.Doc{"serviceId": id, "serviceName": service["name"]})
	}
	if len(out) > 1 {
		return engine.Invalid("services: a service gateway has one service CIDR label")
	}
	doc["services"] = out
	return nil
}

// checkServiceGateway checks the services and the route table. It refuses a gateway without a service whose label a
// route rule with this gateway names.
func checkServiceGateway(t *engine.Tx, doc engine.Doc) error {
	if err := resolveServices(doc); err != nil {
		return err
	}
	for _, rule := range routesTo(t, doc.Str("vcnId"), doc.Str("id")) {
		if !offersService(doc, rule.destination) {
			return engine.Conflict("Route Table %s has a rule for %s by the Service Gateway %s",
				rule.table, rule.destination, doc.Str("id"))
		}
	}
	return checkGatewayRouteTable(t, doc)
}

// offersService reports whether a service gateway is enabled for a label.
func offersService(gateway engine.Doc, label string) bool {
	return slices.ContainsFunc(gateway.Objects("services"), func(item engine.Doc) bool {
		return serviceByID(item.Str("serviceId"))["cidrBlock"] == label
	})
}

func attachService(c *engine.Call, doc engine.Doc) {
	doc["services"] = append(doc.List("services"), engine.Doc{"serviceId": c.Body["serviceId"]})
}

func detachService(c *engine.Call, doc engine.Doc) {
	kept := slices.DeleteFunc(doc.Objects("services"), func(item engine.Doc) bool {
		return item["serviceId"] == c.Body["serviceId"]
	})
	doc["services"] = engine.List(kept)
}
