package tests

import (
	"fmt"
	"maps"
	"testing"

	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/workload"
)

// byACME returns settings with a certificate by ACME for guestbook.example.com, and more in pairs.
func byACME(pairs ...string) map[string]string {
	set := map[string]string{
		"acmeDirectory": workload.LetsEncrypt, "tlsHostname": "guestbook.example.com",
		"loadBalancerPorts": `["80","443"]`, "loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
	}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return set
}

// TestACME expects either load balancer to pass TLS on to the frontend, with the visitors' addresses, and a record of
// its address.
func TestACME(t *testing.T) {
	const balancer = "service.beta.kubernetes.io/oci-load-balancer-"
	for kind, want := range map[string]map[string]string{
		"lb": {
			balancer + "backend-protocol": "TCP", balancer + "connection-proxy-protocol-version": "2",
			balancer + "ssl-ports": "", balancer + "tls-secret": "",
		},
		"nlb": {"oci-network-load-balancer.oraclecloud.com/is-ppv2-enabled": "true"},
	} {
		r, err := run(t, "local", byACME("loadBalancerType", kind, "dnsZoneId", mocks.ZoneID, "tlsMinimumVersion", "TLSv1.3"))
		if err != nil {
			t.Fatal(err)
		}
		service, err := r.Find("kubernetes:core/v1:Service", "guestbook-frontend")
		if err != nil {
			t.Fatal(err)
		}
		annotations := mocks.Properties(mocks.Properties(service.Inputs["metadata"])["annotations"])
		for key, value := range want {
			if got := annotations.Mappable()[key]; value != "" && got != value || value == "" && got != nil {
				t.Errorf("%s: annotation %s is %v, want %q", kind, key, got, value)
			}
		}
		targets := map[string]string{}
		for _, port := range mocks.Items(mocks.Properties(service.Inputs["spec"])["ports"]) {
			p := mocks.Properties(port)
			targets[fmt.Sprint(p["port"].NumberValue())] = mocks.Text(p["targetPort"])
		}
		if !maps.Equal(targets, map[string]string{"443": "https", "80": "redirect"}) {
			t.Errorf("%s: ports %v", kind, targets)
		}
		deployment, err := r.Find("kubernetes:apps/v1:Deployment", "guestbook-frontend")
		if err != nil {
			t.Fatal(err)
		}
		env := envOf(deployment)
		for key, value := range map[string]string{
			"TLS_ADDRESS": ":8443", "TLS_HOSTNAME": "guestbook.example.com", "TLS_MINIMUM_VERSION": "TLSv1.3",
			"ACME_DIRECTORY": workload.LetsEncrypt, "TRUSTED_PROXIES": "",
		} {
			if env[key] != value {
				t.Errorf("%s: %s is %q, want %q", kind, key, env[key], value)
			}
		}
		if env["PROXY_PROTOCOL_FROM"] == "" {
			t.Errorf("%s: the frontend reads no headers of the PROXY protocol", kind)
		}
		record, err := r.Find("oci:Dns/rrset:Rrset", "guestbook-record")
		if err != nil {
			t.Fatal(err)
		}
		if mocks.Text(record.Inputs["domain"]) != "guestbook.example.com" || len(mocks.Items(record.Inputs["items"])) != 1 {
			t.Errorf("%s: record %v", kind, record.Inputs)
		}
	}
}

// envOf returns the environment of a Deployment's container.
func envOf(deployment mocks.Resource) map[string]string {
	pod := mocks.Properties(mocks.Properties(mocks.Properties(deployment.Inputs["spec"])["template"])["spec"])
	env := map[string]string{}
	for _, variable := range mocks.Items(mocks.Properties(mocks.Items(pod["containers"])[0])["env"]) {
		v := mocks.Properties(variable)
		env[mocks.Text(v["name"])] = mocks.Text(v["value"])
	}
	return env
}
