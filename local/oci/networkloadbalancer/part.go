package networkloadbalancer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/loadbalancer"
)

// Values of the API (SDK 65.129.0).
var (
	policies  = []string{"TWO_TUPLE", "THREE_TUPLE", "FIVE_TUPLE"}
	protocols = []string{"ANY", "TCP", "UDP", "TCP_AND_UDP", "L3IP"}
)

const (
	protocol  = "TCP" // the only one that is emulated
	setsField = "backendSets"
)

var parts = []loadbalancer.Part{
	{
		Field: setsField, Name: "BackendSet", NameKey: "name", Create: "CreateBackendSetDetails",
		Update: "UpdateBackendSetDetails", Complete: completeSet, Get: true,
	},
	{
		Field: "listeners", Name: "Listener", NameKey: "name", Create: "CreateListenerDetails",
		Update: "UpdateListenerDetails", Complete: completeListener, Get: true,
	},
}

func completeListener(doc engine.Doc) error {
	if doc.Str("protocol") != protocol {
		return engine.NotImplemented("the local cloud's network load balancers have TCP listeners only, not %s",
			doc.Str("protocol"))
	}
	doc.Default(engine.Doc{"ipVersion": "IPV4", "isPpv2Enabled": false})
	return loadbalancer.CheckPort(doc)
}

func completeSet(doc engine.Doc) error {
	doc.Default(engine.Doc{
		"backends": []any{}, "policy": "FIVE_TUPLE", "ipVersion": "IPV4", "isPreserveSource": true, "isFailOpen": false,
		"isInstantFailoverEnabled": false, "isInstantFailoverTcpResetEnabled": true,
		"areOperationallyActiveBackendsPreferred": false,
	})
	if policy := doc.Str("policy"); !slices.Contains(policies, policy) {
		return engine.Invalid("policy: %q must be one of %s", policy, strings.Join(policies, ", "))
	}
	checker := doc.Sub("healthChecker")
	checker.Default(engine.Doc{
		"port": 0.0, "retries": 3.0, "timeoutInMillis": 3000.0, "intervalInMillis": 10000.0,
	})
	switch checker.Str("protocol") {
	case "HTTP":
		checker.Default(engine.Doc{"returnCode": 200.0, "urlPath": "/", "responseBodyRegex": ""})
	case protocol:
	default:
		return engine.NotImplemented("the local cloud has no health checks by %s", checker.Str("protocol"))
	}
	return loadbalancer.CompleteBackends(doc, completeBackend)
}

// completeBackend completes a backend. A target's address is not looked up.
func completeBackend(doc engine.Doc) error {
	if err := loadbalancer.CheckPort(doc); err != nil {
		return err
	}
	if doc.Str("ipAddress") == "" {
		return engine.NotImplemented("the local cloud needs the ipAddress of the backend %s", doc.Str("targetId"))
	}
	doc.Default(engine.Doc{"isBackup": false, "isDrain": false, "isOffline": false, "weight": 1.0})
	doc["name"] = fmt.Sprintf("%s:%d", doc.Str("ipAddress"), int(doc.Num("port")))
	return nil
}

// results are the service's results of health checks for those that the balancer has and the service has not.
var results = map[string]string{"REGEX_MISMATCH": "HEALTH_PAYLOAD_MISMATCH", "IO_ERROR": "CONNECT_FAILED"}

func healthResult(h cloud.BackendHealth, _ *engine.Resource) engine.Doc {
	return engine.Doc{"timestamp": engine.Timestamp(h.At), "healthCheckStatus": cmp.Or(results[h.Result], h.Result)}
}
