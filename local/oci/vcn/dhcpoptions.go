package vcn

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

func registerDhcpOptions(api engine.API) {
	api.Serve(&engine.Kind{
		Name: dhcpOptionsKind, Path: "/dhcps", Create: "core.CreateDhcpDetails", Update: "core.UpdateDhcpDetails",
		Model: "core.DhcpOptions", Filters: []string{"vcnId"}, Private: engine.PrivateOf[partState](),
		States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		Defaults: engine.Doc{"domainNameType": "VCN_DOMAIN"}, OnCreate: checkVcn,
		OnDelete: func(t *engine.Tx, r *engine.Resource) error {
			return checkUnused(t, r, "DHCP Options", "dhcpOptionsId")
		},
	})
}

func defaultDhcpOptions() engine.Doc {
	return engine.Doc{
		"domainNameType": "VCN_DOMAIN",
		"options": []any{
			engine.Doc{"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet", "customDnsServers": []any{}},
		},
	}
}
