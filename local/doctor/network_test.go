package doctor_test

import (
	"fmt"

	"oke-guestbook/local/oci"
)

var imageFindings = []finding{
	{"no such image", func(s *setup) { set("frontendImage", s.image("guestbook:v2"))(s) }, []string{
		"guestbook:v2: the registry has no such image", "make push IMAGE=",
	}},
	{"a private image", func(s *setup) { set("frontendImage", s.image("private:v1"))(s) }, []string{
		"private:v1: the registry does not let it be pulled anonymously (403)", "registryUsername",
		"make the repository public",
	}},
	{"a wrong password", func(s *setup) {
		set("frontendImage", s.image("private:v1"))(s)
		set("registryUsername", "ns/me")(s)
		set("registryPassword", "old")(s)
	}, []string{"private:v1: the registry does not let it be pulled as ns/me (403)"}},
	{"another architecture", func(s *setup) {
		s.images["/v2/guestbook/manifests/v1"] = fmt.Sprintf(index, "amd64")
	}, []string{
		"guestbook:v1 is for amd64, and node pool workers is arm64", "make push builds amd64 and arm64",
	}},
	{"a broken index", func(s *setup) { s.images["/v2/guestbook/manifests/v1"] = "[" }, []string{
		"guestbook:v1: the registry: unexpected EOF",
	}},
	{"an image of the emulated registry", set("frontendImage", "iad.ocir.io/"+oci.Namespace+"/guestbook:v1"), []string{
		"✗ iad.ocir.io/" + oci.Namespace + "/guestbook:v1: the registry does not let it be pulled anonymously (403)",
	}},
	{"no such registry", set("frontendImage", "localhost:1/guestbook:v1"), []string{
		"✗ localhost:1/guestbook:v1: the registry:",
	}},
}

const nobodys = "ocid1.%s.oc1.iad.nobodys"

// inVCN puts the stack into a VCN that prepare has made before the settings are written.
func inVCN(change func(s *setup, vcn string)) func(*setup) {
	return func(s *setup) {
		s.prepare = func(s *setup) {
			id := s.makeVCN()
			s.config["oke-guestbook:vcnId"] = id
			change(s, id)
		}
	}
}

// reserved makes a reserved address, and gives it to the guestbook.
func reserved(change func(s *setup, ip map[string]any)) func(*setup) {
	return func(s *setup) {
		s.prepare = func(s *setup) {
			ip := s.create("/publicIps", map[string]any{"lifetime": "RESERVED"})
			s.settle()
			s.config["oke-guestbook:reservedAddress"] = ip["ipAddress"]
			change(s, ip)
		}
	}
}

var networkFindings = []finding{
	{
		"no such VCN", set("vcnId", fmt.Sprintf(nobodys, "vcn")),
		[]string{"✗ vcnId: this user sees no VCN ocid1.vcn.oc1.iad.nobodys", "the user's rights: make policies STACK=test"},
	},
	{
		"a VCN that is being deleted",
		inVCN(func(s *setup, vcn string) {
			s.answers["/20160918/vcns/"+vcn] = `{"displayName":"theirs","lifecycleState":"TERMINATING"}`
		}),
		[]string{"✗ vcnId: the VCN theirs is TERMINATING, and must be AVAILABLE"},
	},
	{
		"a subnet that is being deleted",
		inVCN(func(s *setup, _ string) {
			id := fmt.Sprintf(nobodys, "subnet")
			s.answers["/20160918/subnets/"+id] = `{"lifecycleState":"TERMINATING"}`
			set("subnets", map[string]any{"api": map[string]any{"id": id, "cidr": "198.18.0.0/28"}})(s)
			set("securityBy", "groups")(s)
		}),
		[]string{"✗ subnets.api.id: the subnet ocid1.subnet.oc1.iad.nobodys is TERMINATING, and must be AVAILABLE"},
	},
	{
		"another CIDR",
		inVCN(func(s *setup, _ string) { s.config["oke-guestbook:vcnCidr"] = "198.19.0.0/16" }),
		[]string{"✗ vcnCidr: 198.19.0.0/16 is none of the CIDRs of the existing VCN, which are 198.18.0.0/16"},
	},
	{
		"no such subnet",
		inVCN(func(s *setup, _ string) {
			set("subnets", map[string]any{"api": map[string]any{
				"id": fmt.Sprintf(nobodys, "subnet"), "cidr": "198.18.0.0/28",
			}})(s)
			set("securityBy", "groups")(s)
		}),
		[]string{"✗ subnets.api.id: this user sees no subnet ocid1.subnet.oc1.iad.nobodys"},
	},
	{
		"a second NAT gateway",
		inVCN(func(s *setup, vcn string) {
			s.create("/natGateways", map[string]any{"vcnId": vcn})
			s.settle()
		}),
		[]string{"✗ natGatewayId: the VCN already has ocid1.natgateway"},
	},
	{
		"a disabled internet gateway",
		inVCN(func(s *setup, vcn string) {
			made := s.create("/internetGateways", map[string]any{"vcnId": vcn, "isEnabled": false})
			s.settle()
			s.config["oke-guestbook:internetGatewayId"] = made["id"]
		}),
		[]string{"✗ internetGatewayId: the gateway is disabled: enable it"},
	},
	{
		"a VCN that is right", inVCN(func(*setup, string) {}), []string{"✓ VCN theirs and what the settings name in it"},
	},
	{
		"no such address", set("reservedAddress", "203.0.113.77"),
		[]string{
			"✗ reservedAddress of guestbook guestbook: this user sees no public IP 203.0.113.77",
			"oci network public-ip create --lifetime RESERVED --compartment-id " + oci.CompartmentID,
		},
	},
	{
		"a free address",
		reserved(func(*setup, map[string]any) {}),
		[]string{"✓ reservedAddress of guestbook guestbook: ", " is free"},
	},
	{
		"a taken address",
		reserved(func(s *setup, ip map[string]any) {
			s.create("/natGateways", map[string]any{"vcnId": s.makeVCN(), "publicIpId": ip["id"]})
			s.settle()
		}),
		[]string{"is ASSIGNED to something else than a load balancer of this stack: ocid1.natgateway", "free it first"},
	},
	{
		"an address of another lifetime",
		func(s *setup) {
			s.answers["/20160918/publicIps/actions/getByIpAddress"] = `{"lifetime":"EPHEMERAL","lifecycleState":"ASSIGNED"}`
			set("reservedAddress", "203.0.113.78")(s)
		},
		[]string{"✗ reservedAddress of guestbook guestbook: the lifetime of 203.0.113.78 is EPHEMERAL"},
	},
	{
		"no such certificate", certified(""),
		[]string{"✗ tlsCertificateId of guestbook guestbook: this user sees no certificate ocid1.certificate.oc1"},
	},
	{
		"an expired certificate",
		certified(`{"lifecycleState":"ACTIVE",` +
			`"currentVersion":{"validity":{"timeOfValidityNotAfter":"2020-01-01T00:00:00Z"}}}`),
		[]string{"✗ tlsCertificateId of guestbook guestbook: its current version expired on 2020-01-01: renew it"},
	},
	{
		"a certificate of another compartment",
		certified(`{"lifecycleState":"ACTIVE","compartmentId":"ocid1.compartment.oc1..b"}`),
		[]string{"the certificate of guestbook guestbook is in compartment ocid1.compartment.oc1..b"},
	},
	{
		"an address of another compartment",
		reserved(func(s *setup, _ map[string]any) {
			s.answers["/20160918/publicIps/actions/getByIpAddress"] = `{"lifetime":"RESERVED",` +
				`"lifecycleState":"AVAILABLE","compartmentId":"ocid1.compartment.oc1..b"}`
		}),
		[]string{
			"✗ reservedAddress", "is in compartment ocid1.compartment.oc1..b", "--address-compartment=ocid1.compartment.oc1..b",
			"set reservedAddressCompartmentId",
		},
	},
	{
		"no such zone", zoned("", ""),
		[]string{"✗ dnsZoneId of guestbook guestbook: this user sees no public zone ocid1.dns-zone"},
	},
	{
		"a zone of other names", zoned("example.org", ""),
		[]string{"✗ dnsZoneId of guestbook guestbook: tlsHostname guestbook.example.com is not in the zone, example.org"},
	},
	{
		"a name of something else", zoned("example.com", "CNAME"),
		[]string{"✗ dnsZoneId of guestbook guestbook: guestbook.example.com has a record of type CNAME there"},
	},
	{"a zone", zoned("example.com", "A"), []string{"the zone of guestbook guestbook can have its record"}},
}

// zoned gives the guestbook a zone of the name, with a record of the type; empty: the cloud has none.
func zoned(name, rtype string) func(*setup) {
	return func(s *setup) {
		certified(`{"lifecycleState":"ACTIVE","compartmentId":"` + oci.CompartmentID + `","currentVersion":` +
			`{"subjectAlternativeNames":[{"value":"guestbook.example.com"}]}}`)(s)
		id := fmt.Sprintf(nobodys, "dns-zone")
		s.config["oke-guestbook:tlsHostname"] = "guestbook.example.com"
		s.config["oke-guestbook:dnsZoneId"] = id
		if name != "" {
			s.answers["/20180115/zones/"+id] = `{"name":"` + name + `"}`
			s.answers["/20180115/zones/"+id+"/records"] = `{"items":[{"rtype":"` + rtype + `"}]}`
		}
	}
}

// certified gives the guestbook a certificate of the Certificates service, which answers so; empty: as it does.
func certified(answer string) func(*setup) {
	return func(s *setup) {
		id := fmt.Sprintf(nobodys, "certificate")
		s.config["oke-guestbook:tlsCertificateId"] = id
		s.config["oke-guestbook:loadBalancerPorts"] = []any{"80", "443"}
		if answer != "" {
			s.answers["/20210224/certificates/"+id] = answer
		}
	}
}
