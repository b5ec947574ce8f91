package launch

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

// flowsAnswer is what /admin/flows answers: three packets of two connections that were dropped, and one that passed.
const flowsAnswer = `[
	{"Last":"2026-11-28T12:00:01Z","Ingress":true,"Protocol":6,"Packets":2,"Bytes":120,"Source":"10.0.32.2:4001",
	 "Destination":"10.0.16.3:30080","Subnet":"workers","Missing":"an ingress rule"},
	{"Last":"2026-11-28T12:00:05Z","Ingress":true,"Protocol":6,"Packets":1,"Bytes":60,"Source":"10.0.32.2:4002",
	 "Destination":"10.0.16.3:30080","Subnet":"workers","Missing":"an ingress rule"},
	{"Last":"2026-11-28T12:00:03Z","Protocol":1,"Packets":1,"Bytes":84,"Source":"10.0.16.3:0","Destination":"10.0.32.2:0",
	 "Subnet":"pods","Missing":"an egress rule"},
	{"Last":"2026-11-28T12:00:04Z","Accepted":true,"Protocol":17,"Packets":9,"Bytes":123456,"Source":"10.0.16.3:53",
	 "Destination":"10.0.32.2:53","Subnet":"workers"}]`

func TestFlows(t *testing.T) {
	for name, test := range map[string]struct {
		nodes, answer string
		args          []string
		want          []string // lines of the output without the time, or words of the error
		fails         bool
	}{
		"dropped": {"real", flowsAnswer, nil, []string{
			"dropped in the last 60 minutes, the latest at the end",
			"1 packets       84 bytes  pods           10.0.16.3 -> 10.0.32.2 ICMP, out", "missing: an egress rule",
			"3 packets      180 bytes  workers        10.0.32.2 -> 10.0.16.3 TCP 30080, in", "missing: an ingress rule",
		}, false},
		"accepted": {"real", flowsAnswer, []string{"--accepted", "--minutes", "5"}, []string{
			"accepted in the last 5 minutes, the latest at the end",
			"9 packets   123456 bytes  workers        10.0.16.3 -> 10.0.32.2 UDP 53, out",
		}, false},
		"of a subnet": {"real", flowsAnswer, []string{"--subnet", "pods"}, []string{"dropped", "pods", "missing"}, false},
		"nothing":     {"real", "[]", nil, []string{"nothing was dropped in the last 60 minutes"}, false},
		"no such subnet": {"real", "[]", []string{"--subnet", "x"}, []string{
			`SUBNET=x: the subnets are ["workers" "pods"]`,
		}, true},
		"no minutes": {"real", "[]", []string{"--minutes", "0"}, []string{"MINUTES=0: must be"}, true},
		"simulated":  {"simulated", "[]", nil, []string{"nodes are simulated"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, out := newLauncher(t)
			launchtest.Write(t, l.Path("nodes"), test.nodes+"\n")
			answers := map[string]string{
				"/healthz": `{"pid":1,"dir":` + strconv.Quote(l.Dir) + `}`, "/admin/flows": test.answer,
				"/admin/inventory": `[{"kind":"subnet","displayName":"workers"},{"kind":"subnet","displayName":"pods"},
					{"kind":"vcn","displayName":"x"}]`,
			}
			listener, err := net.Listen("tcp", l.Address())
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(answers[r.URL.Path]))
			})}
			go func() { _ = server.Serve(listener) }()
			defer server.Close()
			err = l.Flows(t.Context(), test.args)
			if test.fails {
				if err == nil || !strings.Contains(err.Error(), test.want[0]) {
					t.Fatalf("error %v, want %q", err, test.want[0])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(test.want), out)
			}
			for i, want := range test.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %q, want %q", lines[i], want)
				}
			}
		})
	}
}
