package vcn

import "oke-guestbook/local/oci/engine"

// Limits on what each VCN has one of. Tenancies that were not upgraded have 0 NAT and service gateways (reported in
// October 2026).
const (
	natGatewayLimit      = "nat-gateway-count"
	internetGatewayLimit = "internet-gateway-count"
	serviceGatewayLimit  = "service-gateway-count"
)

func registerLimits(e *engine.Engine) {
	e.ShowLimit(engine.Limit{Service: "vcn", Name: "vcn-count", Of: vcnKind})
	for _, name := range []string{natGatewayLimit, internetGatewayLimit, serviceGatewayLimit} {
		e.ShowLimit(engine.Limit{
			Service: "vcn", Name: name, Default: 1,
			Used: func(*engine.Tx, string) float64 { return 0 }, // by a new VCN
		})
	}
}
