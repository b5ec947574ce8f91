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

func TestDiagramsInTheDocumentationAreUpToDate(t *testing.T) {
	for _, stack := range []string{"local", "dev", "prod"} {
		var now strings.Builder
		if err := run([]string{"diagram", "-C", root, "--stack", stack}, &now, io.Discard); err != nil {
			t.Fatal(err)
		}
		path := "docs/network-" + stack + ".svg"
		committed, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if string(committed) != now.String() {
			t.Errorf("%s is out of date: make diagram STACK=%s", path, stack)
		}
	}
}

// project writes a project with one stack, "test", and returns its directory.
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

// ports returns n ports, each after a comma.
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
  oke-guestbook:plainHttp: closed
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
		{
			[]string{"--from", "internet", "--to", "publicLoadBalancers", "--port", "8005"},
			`internet to publicLoadBalancers, tcp 8005: yes
  tcp 8000-8010 by the internet gateway
    in  ingress tcp 8000-8010 0.0.0.0/0: Clients to load balancers
`,
		},
		{[]string{"--from", "internet", "--to", "10.7.64.9", "--port", "22"}, `internet to 10.7.64.9, tcp 22: no
  no route: the NAT gateway lets no connections in
`},
	} {
		var out strings.Builder
		if err := run(append([]string{"reach", "-C", dir, "--stack", "test"}, test.args...), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("%v:\ngot  %s\nwant %s", test.args, out.String(), test.want)
		}
	}
	var matrix strings.Builder
	if err := run([]string{"reach", "-C", dir, "--stack", "test"}, &matrix, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"VCN 10.7.0.0/16.", "from \\ to", "tcp 8000-8010", "tcp 12250"} {
		if !strings.Contains(matrix.String(), want) {
			t.Errorf("%q is missing in\n%s", want, matrix.String())
		}
	}
}

func TestStandInsAreNoted(t *testing.T) {
	dir := project(t, simple+"  oke-guestbook:apiEndpoint: public\n")
	var out, notes strings.Builder
	args := []string{"reach", "-C", dir, "--stack", "test", "--from", "203.0.113.9", "--to", "api", "--port", "6443"}
	if err := run(args, &out, &notes); err != nil {
		t.Fatal(err)
	}
	want := "apiAllowedCidrs is not set yet: 203.0.113.0/24 stands in\n"
	if notes.String() != want || !strings.Contains(out.String(), "tcp 6443: yes") {
		t.Errorf("notes %q, answer %s", notes.String(), out.String())
	}
}

// make passes an empty STACK on, so that it is refused and does not become the default.
func TestMakePassesTheStackOn(t *testing.T) {
	for target, want := range map[string]string{
		"reach": `reach --stack "" --from`, "diagram": `diagram --stack "" -o`, "doctor": `doctor --stack "" --group`,
	} {
		out, err := exec.CommandContext(t.Context(), "make", "-n", "-C", root, target, "STACK=").CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: want %s in %s", err, want, out)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	dir := project(t, simple)
	reach := func(args ...string) []string { return append([]string{"reach", "-C", dir, "--stack", "test"}, args...) }
	for _, test := range []struct {
		name string
		args []string
		want []string // parts of the error
	}{
		{"no command", nil, []string{"reach", "diagram"}},
		{"unknown command", []string{"raech"}, []string{`"raech"`}},
		{"unknown stack", []string{"reach", "-C", dir, "--stack", "staging"}, []string{`"staging"`, "Pulumi.staging.yaml"}},
		{
			"a word for settings",
			[]string{"reach", "-C", project(t, "config: text\n"), "--stack", "test"},
			[]string{"Pulumi.test.yaml", "config"},
		},
		{
			"a list of settings",
			[]string{"reach", "-C", project(t, "config: [a, b]\n"), "--stack", "test"},
			[]string{"Pulumi.test.yaml", "config"},
		},
		{"empty stack", []string{"diagram", "-C", dir, "--stack", ""}, []string{"STACK"}},
		{"part of a question", reach("--to", "api"), []string{"FROM", "TO", "PORT"}},
		{
			"unknown end", reach("--from", "nodes", "--to", "api", "--port", "1"),
			[]string{"FROM", `"nodes"`, "internet, osn, api, workers, publicLoadBalancers"},
		},
		{"IPv6", reach("--from", "::/0", "--to", "api", "--port", "1"), []string{"FROM", `"::/0"`}},
		{
			"host bits", reach("--from", "workers", "--to", "10.7.0.1/29", "--port", "6443"),
			[]string{"TO", "10.7.0.1/29", "10.7.0.0/29"},
		},
		{"bad port", reach("--from", "workers", "--to", "api", "--port", "0"), []string{"PORT", `"0"`}},
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

// The packages that check the settings test the checks themselves.
func TestRefusedSettings(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []string
		key      string
	}{
		{"bad CIDR, and a problem outside the network", []string{
			"oke-guestbook:vcnCidr: 10.0.0.1/16", "oke-guestbook:mongoImage: mongo",
		}, "vcnCidr"},
		{"misspelled", []string{"oke-guestbook:bastoin: true"}, "bastoin"},
		{"misspelled without the namespace", []string{"vcnCdir: 10.0.0.0/16"}, "vcnCdir"},
		{"misspelled secret", []string{"oke-guestbook:databasePasword: {secure: AAAB}"}, "databasePasword"},
		{"wrong type", []string{"oke-guestbook:bastion: maybe"}, "bastion"},
		{"wrong type as config set writes it", []string{`oke-guestbook:flowLogs: '{"workers": true}'`}, "flowLogs"},
		{"number for a key", []string{"oke-guestbook:subnets: {1: {prefixLength: 29}}"}, "subnets 1"},
		{"no room for nodes", []string{
			"oke-guestbook:nodePools: [{name: workers, size: 80, shape: VM.Standard2.1}]", "oke-guestbook:vcnCidr: 10.0.0.0/24",
		}, "subnets.workers"},
		{"no room for load balancers", []string{
			"oke-guestbook:guestbooks: [{name: a, databasePassword: {secure: AAAB}}, {name: b, tlsCertificate: {secure: AAAD}}]",
			"oke-guestbook:subnets: {publicLoadBalancers: {prefixLength: 29}}",
		}, "subnets.publicLoadBalancers"},
		{"more ports than rules", []string{"oke-guestbook:loadBalancerPorts: [443" + ports(200) + "]"}, "loadBalancerPorts"},
		{"no subnet for a guestbook", []string{
			"oke-guestbook:guestbooks: [{name: a, exposure: internal}]",
		}, "guestbooks[0].exposure"},
		{"secret of the network", []string{
			"oke-guestbook:loadBalancerAllowedCidrs: [{secure: AAAB}]",
		}, "loadBalancerAllowedCidrs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := project(t, withSettings(t, test.settings))
			err := run([]string{"diagram", "-C", dir, "--stack", "test"}, io.Discard, io.Discard)
			problemtest.Check(t, err, test.key)
		})
	}
}

// withSettings returns the simple stack with more settings, or with other values for its own.
func withSettings(t *testing.T, lines []string) string {
	t.Helper()
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
	return string(text)
}
