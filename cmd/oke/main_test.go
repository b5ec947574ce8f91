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

	"go.yaml.in/yaml/v3"

	"oke-guestbook/plan/problem/problemtest"
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

// TestRefusals gives arguments and files that cannot be used. The error names what is wrong with which of them.
func TestRefusals(t *testing.T) {
	good := project(t, simple)
	ask := func(from, to, port string) []string {
		return []string{"reach", "-C", good, "-stack", "test", "-from", from, "-to", to, "-port", port}
	}
	for _, test := range []struct {
		name string
		args []string
		want []string // parts of the error
	}{
		{"no command", nil, []string{"reach", "diagram", "-stack"}},
		{"no stack", []string{"reach", "-C", good, "-stack", "staging"}, []string{`"staging"`, "Pulumi.staging.yaml"}},
		{"no settings", []string{"reach", "-C", project(t, "config: text\n"), "-stack", "test"}, []string{"Pulumi.test.yaml", "config"}},
		{"a list of settings", []string{"reach", "-C", project(t, "config: [a, b]\n"), "-stack", "test"}, []string{"Pulumi.test.yaml", "config"}},
		{"no name of a stack", []string{"diagram", "-C", good, "-stack", ""}, []string{"STACK"}},
		{"a part of a question", []string{"reach", "-C", good, "-stack", "test", "-to", "api"}, []string{"FROM", "TO", "PORT"}},
		{"unknown end", ask("nodes", "api", "1"), []string{"FROM", `"nodes"`, "internet, osn, api, workers, publicLoadBalancers"}},
		{"IPv6", ask("::/0", "api", "6443"), []string{"FROM", `"::/0"`}},
		{"host bits", ask("workers", "10.7.0.1/29", "6443"), []string{"TO", "10.7.0.1/29", "10.7.0.0/29"}},
		{"bad port", ask("workers", "api", "0"), []string{"PORT", `"0"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(test.args, io.Discard, io.Discard)
			for _, part := range test.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
}

// TestRefusedSettings gives settings that cannot be used: what is wrong with the network is reported, and nothing else.
func TestRefusedSettings(t *testing.T) {
	for _, test := range []struct {
		name, setting string
		want          string // for problemtest.Check
	}{
		{"bad settings", "oke-guestbook:vcnCidr: 10.0.0.1/16\n  oke-guestbook:mongoImage: mongo", "vcnCidr 10.0.0.1/16 10.0.0.0/16"},
		{"typing error", "oke-guestbook:bastoin: true", "bastoin bastion?"},
		{"typing error without the namespace", "vcnCdir: 10.0.0.0/16", "vcnCdir vcnCidr?"},
		{"typing error in a secret", "oke-guestbook:databasePasword: {secure: AAAB}", "databasePasword databasePassword?"},
		{"wrong type", "oke-guestbook:bastion: maybe", "bastion true false"},
		{"wrong type as config set writes it", `oke-guestbook:flowLogs: '{"workers": true}'`, "flowLogs list object"},
		{"a number for a key", "oke-guestbook:subnets: {1: {prefixLength: 29}}", "subnets.1 api workers"},
		{
			"no room for nodes",
			"oke-guestbook:nodePools: [{name: workers, size: 80, shape: VM.Standard2.1}]\n  oke-guestbook:vcnCidr: 10.0.0.0/24",
			"subnets.workers 80 10.0.0.64/26 10.0.0.128/25",
		},
		{
			"no room for load balancers",
			"oke-guestbook:guestbooks: [{name: a, databasePassword: {secure: AAAB}}, {name: b, tlsCertificate: {secure: AAAD}}]\n" +
				"  oke-guestbook:subnets: {publicLoadBalancers: {prefixLength: 29}}",
			"subnets.publicLoadBalancers 2 6 10.7.32.0/29 28",
		},
		{"more ports than rules", "oke-guestbook:loadBalancerPorts: [443" + ports(200) + "]", "loadBalancerPorts publicLoadBalancers 201 200"},
		{"no subnet for a guestbook", "oke-guestbook:guestbooks: [{name: a, exposure: internal}]", "guestbooks[0].exposure internal loadBalancers"},
		{"a secret of the network", "oke-guestbook:loadBalancerAllowedCidrs: [{secure: AAAB}]", "loadBalancerAllowedCidrs secret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := map[string]any{}
			for _, text := range []string{simple, "config:\n  " + test.setting} {
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
			err = run([]string{"diagram", "-C", project(t, string(text)), "-stack", "test"}, io.Discard, io.Discard)
			problemtest.Check(t, err, test.want)
		})
	}
}
