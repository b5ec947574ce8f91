package vcn

import (
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

const serviceGatewayKind = "servicegateway"

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
		Defaults: engine.Doc{"blockTraffic": false}, OnCreate: createServiceGateway, OnUpdate: updateServiceGateway,
		OnDelete: checkGatewayUnused,
	})
	for action, change := range map[string]func(*engine.Call, engine.Doc) error{
		"attachService": attachService, "detachService": detachService,
	} {
		api.Handle("POST /serviceGateways/{id}/actions/"+action, "core.ServiceIdRequestDetails",
			func(c *engine.Call) (*engine.Answer, error) {
				r, err := c.Changeable(serviceGatewayKind)
				if err != nil {
					return nil, err
				}
				return r.Answer(), change(c, r.Doc)
			})
	}
	api.Handle("GET /services", "", func(c *engine.Call) (*engine.Answer, error) { return c.Page(engine.List(services)) })
	api.Handle("GET /services/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if service := serviceByID(c.ID()); service != nil {
			return &engine.Answer{Body: service}, nil
		}
		return nil, engine.NotFound(c.ID())
	})
}

func createServiceGateway(c *engine.Call, doc engine.Doc) error {
	if err := checkGateway(c, doc, serviceGatewayKind, engine.Invalid); err != nil {
		return err
	}
	return resolveServices(doc)
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

func updateServiceGateway(c *engine.Call, _, doc engine.Doc) error {
	if err := resolveServices(doc); err != nil {
		return err
	}
	if err := checkRoutedServices(c.Tx, doc); err != nil {
		return err
	}
	return checkGatewayRouteTable(c.Tx, doc)
}

// offersService reports whether a service gateway is enabled for a label.
func offersService(gateway engine.Doc, label string) bool {
	return slices.ContainsFunc(gateway.Objects("services"), func(item engine.Doc) bool {
		return serviceByID(item.Str("serviceId"))["cidrBlock"] == label
	})
}

// checkRoutedServices refuses a gateway without a service whose label a route rule with this gateway names.
func checkRoutedServices(t *engine.Tx, doc engine.Doc) error {
	for _, rule := range routesTo(t, doc.Str("vcnId"), doc.Str("id")) {
		if !offersService(doc, rule.destination) {
			return engine.Conflict("Route Table %s has a rule for %s by the Service Gateway %s",
				rule.table, rule.destination, doc.Str("id"))
		}
	}
	return nil
}

func attachService(c *engine.Call, doc engine.Doc) error {
	doc["services"] = append(doc.List("services"), engine.Doc{"serviceId": c.Body["serviceId"]})
	return resolveServices(doc)
}

func detachService(c *engine.Call, doc engine.Doc) error {
	kept := slices.DeleteFunc(doc.Objects("services"), func(item engine.Doc) bool {
		return item["serviceId"] == c.Body["serviceId"]
	})
	doc["services"] = engine.List(kept)
	return checkRoutedServices(c.Tx, doc)
}
