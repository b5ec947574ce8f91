package doctor_test

import (
	"net"
)

// running gives the stack a cluster whose API is at an address; the settings say how it is reached.
func running(kind string, address func(*setup) string) func(*setup) {
	return func(s *setup) {
		const id = "ocid1.cluster.oc1.iad.a"
		s.answers["/20180222/clusters"] = `[{"id":"` + id + `","name":"oke-guestbook-test","lifecycleState":"ACTIVE",` +
			`"kubernetesVersion":"v1.36.4"}]`
		s.answers["/20180222/clusters/"+id] = `{"endpoints":{"` + kind + `":"` + address(s) + `"}}`
		s.answers["/20180222/nodePools"] = `[]`
	}
}

// listening is the address of something that takes connections.
func listening(s *setup) string { return s.registry.Listener.Addr().String() }

// deaf is the address of something that takes none.
func deaf(s *setup) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

var endpointFindings = []finding{
	{"it answers", running("publicEndpoint", listening), []string{"✓ the Kubernetes API answers at 127.0.0.1:"}},
	{
		"it does not answer",
		and(
			running("publicEndpoint", deaf), set("apiEndpoint", "public"),
			set("apiAllowedCidrs", []string{"203.0.113.0/24"}),
		),
		[]string{
			"✗ the Kubernetes API cannot be reached from here: dial tcp 127.0.0.1:", "connection refused",
			"apiAllowedCidrs, or peerCidrs for a private one, must have this machine's address", "203.0.113.0/24",
		},
	},
	{
		"a private one that answers",
		and(private, running("privateEndpoint", listening)),
		[]string{"✓ the Kubernetes API answers at 127.0.0.1:"},
	},
	{
		"a private one with a bastion",
		and(private, running("privateEndpoint", deaf)),
		[]string{"✓ the Kubernetes API is private: make tunnel STACK=test reaches it"},
	},
	{
		"nobody may see the cluster",
		func(s *setup) {
			running("publicEndpoint", listening)(s)
			s.answers["/20180222/clusters/ocid1.cluster.oc1.iad.a"] = `<html>`
		},
		[]string{"✗ the address of the Kubernetes API: there is no answer: ", "HTTPS_PROXY"},
	},
}

func private(s *setup) {
	set("bastion", true)(s)
	set("bastionAllowedCidrs", []string{"203.0.113.0/24"})(s)
}
