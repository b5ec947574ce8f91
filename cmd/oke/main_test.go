package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const root = "../.."

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
			t.Errorf("%s is out of date: go run ./cmd/oke diagram -stack %s -o %s", path, stack, path)
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

// ports is n of them, each after a comma.
func ports(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ", %d", 1000+2*i)
	}
	return list.String()
}

const simple = `config:
  oci:region: us-ashburn-1
  oke-guestbook:vcnCidr: 10.7.0.0/16
  oke-guestbook:loadBalancerAllowedCidrs: [0.0.0.0/0]
  oke-guestbook:loadBalancerPorts: ["443", 8000-8010]
  oke-guestbook:tlsCertificate:
    secure: AAAB
  oke-guestbook:tlsPrivateKey:
    secure: AAAC
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

// An argument that is empty stays one.
func TestMakePassesTheStackOn(t *testing.T) {
	for target, want := range map[string]string{"reach": `reach -stack "" -from`, "diagram": `diagram -stack "" -o`} {
		out, err := exec.CommandContext(t.Context(), "make", "-n", "-C", root, target, "STACK=").CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: want %s in %s", err, want, out)
		}
	}
}

func TestRefusals(t *testing.T) {
	good := project(t, simple)
	with := func(lines ...string) []string {
		config := map[string]any{}
		for _, text := range []string{simple, "config:\n  " + strings.Join(lines, "\n  ")} {
			var file struct{ Config map[string]any }
			if err := yaml.Unmarshal([]byte(text), &file); err != nil {
				t.Fatal(err)
			}
			maps.Copy(config, file.Config)
		}
		text, err := yaml.Marshal(map[string]any{"config": config})
		if err != nil {
			t.Fatal(err)
		}
		return []string{"diagram", "-C", project(t, string(text)), "-stack", "test"}
	}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "say reach or diagram; both take -stack NAME"},
		{"no stack", []string{"reach", "-C", good, "-stack", "staging"}, `there is no stack "staging" here: Pulumi.staging.yaml is missing`},
		{"no settings", []string{"reach", "-C", project(t, "config: text\n"), "-stack", "test"}, "Pulumi.test.yaml: config must hold settings, one a line, such as oke-guestbook:vcnCidr: 10.0.0.0/16"},
		{"a list of settings", []string{"reach", "-C", project(t, "config: [a, b]\n"), "-stack", "test"}, "Pulumi.test.yaml: config must hold settings, one a line, such as oke-guestbook:vcnCidr: 10.0.0.0/16"},
		{"no name of a stack", []string{"diagram", "-C", good, "-stack", ""}, "STACK: is empty: name a stack, such as STACK=dev"},
		{"a part of a question", []string{"reach", "-C", good, "-stack", "test", "-to", "api"}, "one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443"},
		{"unknown end", []string{"reach", "-C", good, "-stack", "test", "-from", "nodes", "-to", "api", "-port", "1"}, `FROM: "nodes" is none of internet, osn, api, workers, publicLoadBalancers, no IPv4 address and no CIDR`},
		{"IPv6", []string{"reach", "-C", good, "-stack", "test", "-from", "::/0", "-to", "api", "-port", "6443"}, `FROM: "::/0" is no IPv4 CIDR such as 10.0.0.0/16`},
		{"host bits", []string{"reach", "-C", good, "-stack", "test", "-from", "workers", "-to", "10.7.0.1/29", "-port", "6443"}, "TO: 10.7.0.1/29 has host bits set: the network is 10.7.0.0/29"},
		{"bad port", []string{"reach", "-C", good, "-stack", "test", "-from", "workers", "-to", "api", "-port", "0"}, `PORT: "0" is no port (1 to 65535) and no range such as 8000-8010`},
		{"bad settings", with("oke-guestbook:vcnCidr: 10.0.0.1/16", "oke-guestbook:mongoImage: mongo"), "stack test: vcnCidr: 10.0.0.1/16 has host bits set: the network is 10.0.0.0/16"},
		{"typing error", with("oke-guestbook:bastoin: true"), "stack test: bastoin: there is no such setting; did you mean bastion?"},
		{"typing error without the namespace", with("vcnCdir: 10.0.0.0/16"), "stack test: vcnCdir: there is no such setting; did you mean vcnCidr?"},
		{"typing error in a secret", with("oke-guestbook:databasePasword: {secure: AAAB}"), "stack test: databasePasword: there is no such setting; did you mean databasePassword?"},
		{"wrong type", with("oke-guestbook:bastion: maybe"), "stack test: bastion: must be true or false"},
		{"wrong type as config set writes it", with(`oke-guestbook:flowLogs: '{"workers": true}'`), "stack test: flowLogs: must be a list, not object"},
		{"a number for a key", with("oke-guestbook:subnets: {1: {prefixLength: 29}}"), `stack test: subnets: "1" is no role; the roles are [api workers pods publicLoadBalancers internalLoadBalancers bastion]`},
		{"no room for nodes", with("oke-guestbook:nodePools: [{name: workers, size: 80, shape: VM.Standard2.1}]", "oke-guestbook:vcnCidr: 10.0.0.0/24"),
			"stack test: subnets.workers: 80 nodes need 80 addresses, but 10.0.0.64/26 holds 61: cidr 10.0.0.128/25 would do"},
		{"no room for load balancers", with("oke-guestbook:guestbooks: [{name: a, databasePassword: {secure: AAAB}}, {name: b, tlsCertificate: {secure: AAAD}}]", "oke-guestbook:subnets: {publicLoadBalancers: {prefixLength: 29}}"),
			"stack test: subnets.publicLoadBalancers: load balancers, 2 of them, need 6 addresses, but 10.7.32.0/29 holds 5: prefixLength 28 would do"},
		{"more ports than rules", with("oke-guestbook:loadBalancerPorts: [443" + ports(200) + "]"),
			"stack test: loadBalancerPorts: subnet publicLoadBalancers needs 201 ingress rules, and a security list holds 200: allow fewer, wider networks or port ranges"},
		{"no subnet for a guestbook", with("oke-guestbook:guestbooks: [{name: a, exposure: internal}]"),
			"stack test: guestbooks[0].exposure: internal needs a subnet for such load balancers, and loadBalancers is public"},
		{"a secret of the network", with("oke-guestbook:loadBalancerAllowedCidrs: [{secure: AAAB}]"),
			"stack test: loadBalancerAllowedCidrs: is a secret, which only pulumi can read: the network is not known without it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(test.args, io.Discard, io.Discard)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
