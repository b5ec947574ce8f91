package sandbox

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/miekg/dns"

	"oke-guestbook/local/dataplane/netns"
)

func TestResolver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace, as root")
	}
	host, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	domains := map[string]netip.Addr{
		"oraclecloud.com": netip.MustParseAddr("240.0.0.3"),
		"objectstorage.us-ashburn-1.oraclecloud.com": netip.MustParseAddr("240.0.1.2"),
	}
	for range 2 { // a node that is started again has the address already
		r, err := startResolver(host, domains)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, host)
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func ask(t *testing.T, host *netns.Namespace) {
	t.Helper()
	for _, tc := range []struct {
		network, name string
		kind          uint16
		want          string // address
		rcode         int
	}{
		{"udp", "iaas.us-ashburn-1.oraclecloud.com.", dns.TypeA, "240.0.0.3", dns.RcodeSuccess},
		{"tcp", "OBJECTSTORAGE.us-ashburn-1.oraclecloud.com.", dns.TypeA, "240.0.1.2", dns.RcodeSuccess},
		{"udp", "iaas.us-ashburn-1.oraclecloud.com.", dns.TypeAAAA, "", dns.RcodeSuccess},
		{"udp", "docker.io.", dns.TypeA, "", dns.RcodeServerFailure},
		{"udp", "notoraclecloud.com.", dns.TypeA, "", dns.RcodeServerFailure},
	} {
		conn, err := host.Dial(t.Context(), tc.network, net.JoinHostPort(resolverAddress, "53"))
		if err != nil {
			t.Fatal(err)
		}
		answer, _, err := new(dns.Client).ExchangeWithConn(new(dns.Msg).SetQuestion(tc.name, tc.kind), &dns.Conn{Conn: conn})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		got := ""
		if len(answer.Answer) > 0 {
			got = answer.Answer[0].(*dns.A).A.String()
		}
		if got != tc.want || answer.Rcode != tc.rcode {
			t.Errorf("%s by %s: %q, code %d, want %q, code %d", tc.name, tc.network, got, answer.Rcode, tc.want, tc.rcode)
		}
		conn.Close()
	}
}
