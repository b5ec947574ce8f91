package main

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// The address of a visitor behind a network load balancer decides about the limits, so it must be that of the header,
// and of nobody's but the network load balancer's.
func TestVisitorsOfProxyProtocol(t *testing.T) {
	visitor := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 4711}
	for name, test := range map[string]struct {
		senders string
		header  bool
		want    string // beginning of the answer: the visitor's address, or 400 Bad Request
	}{
		"header of the network load balancer": {"127.0.0.0/8", true, "198.51.100.7:"},
		"no header":                           {"127.0.0.0/8", false, "400"},
		"somebody without a header":           {"10.0.32.0/24", false, "127.0.0.1:"},
		"somebody with a header":              {"10.0.32.0/24", true, "400"},
	} {
		t.Run(name, func(t *testing.T) {
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, r.RemoteAddr)
			})}
			go func() { _ = server.Serve(withVisitors(plain, []netip.Prefix{netip.MustParsePrefix(test.senders)})) }()
			defer server.Close()
			conn, err := net.Dial("tcp", plain.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if test.header {
				_, _ = proxyproto.HeaderProxyFromAddrs(2, visitor, conn.RemoteAddr()).WriteTo(conn)
			}
			_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
			answer, _ := io.ReadAll(conn)
			_, body, _ := strings.Cut(string(answer), "\r\n\r\n")
			if !strings.HasPrefix(body, test.want) {
				t.Errorf("the server sees %q, want %q", answer, test.want)
			}
		})
	}
}
