package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../../.."

// The pictures of the documentation are those of the settings.
func TestDiagramsOfTheDocumentationAreUpToDate(t *testing.T) {
	for _, stack := range []string{"local", "dev", "prod"} {
		var now strings.Builder
		if err := run([]string{"diagram", "-C", root, "-stack", stack}, &now, io.Discard); err != nil {
			t.Fatal(err)
		}
		path := "docs/network-" + stack + ".svg"
		kept, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if string(kept) != now.String() {
			t.Errorf("%s is out of date: go run ./components/network/cmd/okenet diagram -stack %s -o %s", path, stack, path)
		}
	}
}

// project writes a project with one stack, "test", of the given settings.
func project(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Pulumi.yaml", "name: oke-guestbook\nruntime: go\n")
	write("Pulumi.test.yaml", config)
	return dir
}

const simple = `config:
  oci:region: us-ashburn-1
  oke-guestbook:vcnCidr: 10.7.0.0/16
  oke-guestbook:loadBalancerAllowedCidrs: [0.0.0.0/0]
  oke-guestbook:loadBalancerPorts: ["443", 8000-8010]
  oke-guestbook:mongoPassword:
    secure: AAAB
`

func TestReach(t *testing.T) {
	dir := project(t, simple)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-from", "internet", "-to", "publicLoadBalancers", "-port", "8005"}, `internet to publicLoadBalancers, tcp 8005: yes
  tcp 8000-8010 by the internet gateway
    in  ingress tcp 8000-8010 0.0.0.0/0: Clients to load balancers
`},
		{[]string{"-from", "internet", "-to", "10.7.64.9", "-port", "22"}, `internet to 10.7.64.9, tcp 22: no
  no route: the NAT gateway lets no connections in
`},
	} {
		var out strings.Builder
		if err := run(append([]string{"reach", "-C", dir, "-stack", "test"}, test.args...), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("%v:\ngot  %s\nwant %s", test.args, out.String(), test.want)
		}
	}
	var matrix strings.Builder
	if err := run([]string{"reach", "-C", dir, "-stack", "test"}, &matrix, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"VCN 10.7.0.0/16.", "from \\ to", "tcp 8000-8010", "tcp 12250"} {
		if !strings.Contains(matrix.String(), want) {
			t.Errorf("%q is missing in\n%s", want, matrix.String())
		}
	}
}

func TestStandInsAreTold(t *testing.T) {
	dir := project(t, simple+"  oke-guestbook:apiEndpoint: public\n")
	var out, notes strings.Builder
	if err := run([]string{"reach", "-C", dir, "-stack", "test", "-from", "203.0.113.9", "-to", "api", "-port", "6443"}, &out, &notes); err != nil {
		t.Fatal(err)
	}
	if want := "apiAllowedCidrs is not set yet: 203.0.113.0/24 stands in\n"; notes.String() != want || !strings.Contains(out.String(), "tcp 6443: yes") {
		t.Errorf("notes %q, answer %s", notes.String(), out.String())
	}
}

func TestRefusals(t *testing.T) {
	good := project(t, simple)
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "say reach or diagram; both take -stack NAME"},
		{"no stack", []string{"reach", "-C", good, "-stack", "staging"}, `there is no stack "staging" here`},
		{"a part of a question", []string{"reach", "-C", good, "-stack", "test", "-to", "api"}, "one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443"},
		{"unknown end", []string{"reach", "-C", good, "-stack", "test", "-from", "nodes", "-to", "api", "-port", "1"}, `FROM: "nodes" is none of internet, osn, api, workers, publicLoadBalancers, no IPv4 address and no CIDR`},
		{"IPv6", []string{"reach", "-C", good, "-stack", "test", "-from", "::/0", "-to", "api", "-port", "6443"}, `FROM: "::/0" is no IPv4 CIDR such as 10.0.0.0/16`},
		{"host bits", []string{"reach", "-C", good, "-stack", "test", "-from", "workers", "-to", "10.7.0.1/29", "-port", "6443"}, "TO: 10.7.0.1/29 has host bits set: the network is 10.7.0.0/29"},
		{"bad port", []string{"reach", "-C", good, "-stack", "test", "-from", "workers", "-to", "api", "-port", "0"}, `PORT: "0" is no port (1 to 65535) and no range such as 8000-8010`},
		{"bad settings", []string{"diagram", "-C", project(t, "config:\n  oke-guestbook:vcnCidr: 10.0.0.1/16\n"), "-stack", "test"}, "stack test: 2 settings need a change:\n  - vcnCidr: 10.0.0.1/16 has host bits set"},
		{"wrong type", []string{"diagram", "-C", project(t, "config:\n  oke-guestbook:bastion: maybe\n"), "-stack", "test"}, "stack test: bastion: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(test.args, io.Discard, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
