package loadbalancer

import "oke-guestbook/local/oci/engine"

// bandwidthLimit is the limit on the maximum bandwidths of all flexible load balancers together, in Mbps.
const bandwidthLimit = "lb-flexible-bandwidth-sum"

func registerLimits(e *engine.Engine) {
	e.ShowLimit(engine.Limit{Service: "load-balancer", Name: "lb-flexible-count", Of: lbKind})
	e.ShowLimit(engine.Limit{
		Service: "load-balancer", Name: bandwidthLimit, Default: 100000, Used: engine.Sum(maximumBandwidth, lbKind),
	})
}

func maximumBandwidth(doc engine.Doc) float64 {
	return doc.Num("shapeDetails", "maximumBandwidthInMbps")
}
