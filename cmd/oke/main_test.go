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
		{[]string{"--from", "internet", "--to", "publicLoadBalancers", "--port", "8005"},
			`internet to publicLoadBalancers, tcp 8005: yes
  tcp 8000-8010 by the internet gateway
    in  ingress tcp 8000-8010 0.0.0.0/0: Clients to load balancers
`},
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
	for target, want := range map[string]string{"reach": `reach --stack "" --from`, "diagram": `diagram --stack "" -o`} {
		out, err := exec.CommandContext(t.Context(), "make", "-n", "-C", root, target, "STACK=").CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: want %s in %s", err, want, out)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	dir := project(t, simple)
	reach := func(args ...string) []string { return append([]string{"reach", "-C", dir, "--stack", "test"}, args...) }
	notSettings := "Pulumi.test.yaml: config must hold settings, one a line, such as oke-guestbook:vcnCidr: 10.0.0.0/16"
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "name a command: reach or diagram; oke help describes them"},
		{"unknown command", []string{"raech"}, `unknown command "raech" for "oke"`},
		{"unknown stack", []string{"reach", "-C", dir, "--stack", "staging"},
			`there is no stack "staging" here: Pulumi.staging.yaml is missing`},
		{"a word for settings", []string{"reach", "-C", project(t, "config: text\n"), "--stack", "test"}, notSettings},
		{"a list of settings", []string{"reach", "-C", project(t, "config: [a, b]\n"), "--stack", "test"}, notSettings},
		{"empty stack", []string{"diagram", "-C", dir, "--stack", ""}, "STACK: is empty: name a stack, such as STACK=dev"},
		{"part of a question", reach("--to", "api"),
			"one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443"},
		{"unknown end", reach("--from", "nodes", "--to", "api", "--port", "1"),
			`FROM: "nodes" is none of internet, osn, api, workers, publicLoadBalancers, no IPv4 address and no CIDR`},
		{"IPv6", reach("--from", "::/0", "--to", "api", "--port", "1"), `FROM: "::/0" is no IPv4 CIDR such as 10.0.0.0/16`},
		{"host bits", reach("--from", "workers", "--to", "10.7.0.1/29", "--port", "6443"),
			"TO: 10.7.0.1/29 has host bits set: the network is 10.7.0.0/29"},
		{"bad port", reach("--from", "workers", "--to", "api", "--port", "0"),
			`PORT: "0" is no port (1 to 65535) and no range such as 8000-8010`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(test.args, io.Discard, io.Discard)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// The words are those of the packages that check the settings, and are tested there.
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
		{"number for a key", []string{"oke-guestbook:subnets: {1: {prefixLength: 29}}"}, "subnets"},
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
			if err == nil || !strings.HasPrefix(err.Error(), "stack test: "+test.key+": ") {
				t.Errorf("got %v, want one problem, of %s", err, test.key)
			}
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
