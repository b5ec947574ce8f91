// Package scripts tests the script behind `make tunnel`. Every command that it calls, except jq, is a stand-in.
package scripts

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tool stands in for a command. It appends a line with its name and arguments to a file, and fails if the line begins
// with $FAIL. The first ssh is refused; the second connects and is ended by Ctrl-C.
const tool = `#!/bin/sh
line="${0##*/} $*"
echo "$line" >> "$DIR/calls"
case $line in
"$FAIL"*) exit 1 ;;
"pulumi stack export "*) printf '%s\n' "$STATE" ;;
"pulumi config "*) printf '%s\n' "$CONFIG" ;;
"ip -o "*) echo "$ADDRESS" ;;
"oci bastion session create-"*)
	[ "$(env | grep ^OCI_CLI_ | sort | tr '\n' ' ')" = "$VARIABLES" ] && echo session ;;
"oci bastion session get "*) echo "ssh -i <privateKey> -N -L <localPort>:10.0.0.2:6443 -p 22 ` + host + `" ;;
"ssh "*) [ -e "$DIR/tried" ] && kill -INT $PPID; : > "$DIR/tried"; exit 255 ;;
esac
`

const host = "session@host.bastion.us-ashburn-1.oci.oraclecloud.com"

// Parts of a state as pulumi exports it.
const (
	begin   = `{"version":3,"deployment":{"resources":[{"type":"pulumi:pulumi:Stack"}`
	end     = `]}}`
	created = `,{"type":"oci:ContainerEngine/cluster:Cluster"}` // not yet active
	// The name holds an escape that echo would expand.
	cluster = `,{"type":"oci:ContainerEngine/cluster:Cluster","id":"ocid1.cluster.oc1.iad.a",` +
		`"outputs":{"endpoints":[{"privateEndpoint":"10.0.0.2:6443"}],"name":"a\nb"}}`
	// A replacement has left the first of the two to be deleted.
	bastion = `,{"type":"oci:Bastion/bastion:Bastion","id":"ocid1.bastion.oc1.iad.old","delete":true}` +
		`,{"type":"oci:Bastion/bastion:Bastion","id":"ocid1.bastion.oc1.iad.a","outputs":{"maxSessionTtlInSeconds":10800}}`
)

// The calls of the script, in order.
const (
	export = "pulumi stack export --stack prod"
	show   = "ip -o address show to 10.0.0.2/32"
	config = "pulumi config --stack prod --show-secrets --json"
	create = "oci bastion session create-port-forwarding"
	open   = create + " --bastion-id ocid1.bastion.oc1.iad.a --target-private-ip 10.0.0.2 --target-port 6443" +
		" --ssh-public-key-file DIR/key.pub --session-ttl 10800 --wait-for-state SUCCEEDED" +
		" --query data.resources[0].identifier --raw-output"
	get = `oci bastion session get --session-id session --query data."ssh-metadata".command --raw-output`
	add = "sudo ip address add 10.0.0.2/32 dev lo"
	ssh = "ssh -i DIR/key -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 -N" +
		" -L 10.0.0.2:6443:10.0.0.2:6443 " + host
	del = "sudo ip address del 10.0.0.2/32 dev lo"
)

// tunnel is one run of the script.
type tunnel struct {
	name    string
	missing string // a file of the directory that it runs in
	fail    string // calls that begin so fail
	state   string // default: a cluster and a bastion
	address string // output of ip: the endpoint's address on this machine
	config  string // the stack's settings of its OCI provider beside the region, as JSON
	oci     string // the same for the command oci, as variables
	output  string // what it must print
	calls   []string
}

func TestTunnel(t *testing.T) {
	opened := []string{export, show, config, open, get}
	retried := slices.Concat(opened, []string{add}, slices.Repeat([]string{ssh, "sleep 5"}, 5), []string{ssh, del})
	for _, run := range []tunnel{
		{
			name: "until Ctrl-C", output: "10.0.0.2:6443 is forwarded for 3 hours, or until Ctrl-C",
			calls: slices.Concat(opened, []string{add, ssh, "sleep 5", ssh, del}),
		},
		{
			name:   "session token",
			config: `,"oci:configFileProfile":{"value":"PROD"},"oci:auth":{"value":"SecurityToken"}`,
			oci:    "OCI_CLI_AUTH=security_token OCI_CLI_PROFILE=PROD",
			calls:  slices.Concat(opened, []string{add, ssh, "sleep 5", ssh, del}),
		},
		{
			name: "instance principal", config: `,"oci:auth":{"value":"instanceprincipal"}`,
			oci:   "OCI_CLI_AUTH=instance_principal",
			calls: slices.Concat(opened, []string{add, ssh, "sleep 5", ssh, del}),
		},
		{
			name: "keys of the stack",
			config: `,"oci:tenancyOcid":{"value":"t"},"oci:userOcid":{"value":"u"},"oci:fingerprint":{"value":"f"},` +
				`"oci:privateKey":{"value":"k","secret":true},"oci:privateKeyPath":{"value":"p"},` +
				`"oci:privateKeyPassword":{"value":"s","secret":true}`,
			oci: "OCI_CLI_FINGERPRINT=f OCI_CLI_KEY_CONTENT=k OCI_CLI_KEY_FILE=p OCI_CLI_PASSPHRASE=s " +
				"OCI_CLI_TENANCY=t OCI_CLI_USER=u",
			calls: slices.Concat(opened, []string{add, ssh, "sleep 5", ssh, del}),
		},
		{
			name: "unknown method", config: `,"oci:auth":{"value":"Password"}`,
			output: "oci:auth is Password, which", calls: opened[:3],
		},
		{
			name: "no settings", fail: "pulumi config", output: "STACK=prod: pulumi cannot read the settings",
			calls: opened[:3],
		},
		{name: "no pulumi", missing: "bin/pulumi", output: "the command pulumi is missing: install it"},
		{name: "no oci", missing: "bin/oci", output: "the command oci is missing: install it"},
		{name: "no jq", missing: "bin/jq", output: "the command jq is missing: install it"},
		{name: "no ssh", missing: "bin/ssh", output: "the command ssh is missing: install it"},
		{name: "no ip", missing: "bin/ip", output: "the command ip is missing: install it"},
		{name: "no sudo", missing: "bin/sudo", output: "the command sudo is missing: install it"},
		{name: "no key", missing: "key.pub", output: "KEY=DIR/key: there is no public key DIR/key.pub: make one"},
		{name: "no stack", fail: "pulumi stack", output: "STACK=prod: pulumi cannot read the stack", calls: opened[:1]},
		{
			name: "nothing deployed", state: `{"version":3,"deployment":{}}`,
			output: "STACK=prod: the stack has no bastion: set bastion to true", calls: opened[:1],
		},
		{
			name: "no bastion", state: begin + cluster + end,
			output: "STACK=prod: the stack has no bastion: set bastion to true", calls: opened[:1],
		},
		{
			name: "no cluster", state: begin + bastion + end,
			output: "STACK=prod: the stack has no cluster yet: run pulumi up", calls: opened[:1],
		},
		{
			name: "no endpoint yet", state: begin + created + bastion + end,
			output: "STACK=prod: the stack has no cluster yet: run pulumi up", calls: opened[:1],
		},
		{
			name: "another tunnel", address: "1: lo inet 10.0.0.2/32 scope global lo",
			output: "this machine has 10.0.0.2 already: end the other tunnel", calls: opened[:2],
		},
		{name: "no session", fail: create, output: "oci cannot open a session at the bastion", calls: opened[:4]},
		{
			name: "deleted session", fail: "oci bastion session get",
			output: "oci cannot read the session session", calls: opened,
		},
		{name: "no root", fail: "sudo", calls: slices.Concat(opened, []string{add})},
		{name: "ssh refused", fail: "ssh", output: "ssh is refused: bastionAllowedCidrs must hold", calls: retried},
	} {
		t.Run(run.name, run.test)
	}
}

func (run tunnel) test(t *testing.T) {
	dir := run.prepare(t)
	// go test caches the result until a file changes that this process has looked at. Only make reads these.
	for _, name := range []string{"tunnel.sh", "../Makefile"} {
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
	}
	makePath, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), makePath, "SHELL=/bin/sh", "tunnel", "STACK=prod", "KEY="+dir+"/key")
	cmd.Dir = ".."
	cmd.Env = []string{
		"PATH=" + filepath.Join(dir, "bin"), "DIR=" + dir, "ADDRESS=" + run.address,
		"STATE=" + cmp.Or(run.state, begin+cluster+bastion+end), "FAIL=" + cmp.Or(run.fail, "nothing"),
		`CONFIG={"oci:region":{"value":"us-ashburn-1"}` + run.config + "}", "VARIABLES=" + run.variables(),
	}
	out, err := cmd.CombinedOutput()
	output := strings.ReplaceAll(string(out), dir, "DIR")
	if err == nil || !strings.Contains(output, run.output) {
		t.Errorf("%v, want a failure with %q:\n%s", err, run.output, output)
	}
	data, _ := os.ReadFile(filepath.Join(dir, "calls"))
	calls := strings.FieldsFunc(strings.ReplaceAll(string(data), dir, "DIR"), func(r rune) bool { return r == '\n' })
	if !slices.Equal(calls, run.calls) {
		t.Errorf("calls\n%s\nwant\n%s", strings.Join(calls, "\n"), strings.Join(run.calls, "\n"))
	}
}

// variables are those of the command oci, in their order.
func (run tunnel) variables() string {
	all := append(strings.Fields(run.oci), "OCI_CLI_REGION=us-ashburn-1")
	slices.Sort(all)
	return strings.Join(all, " ") + " "
}

// prepare makes a directory with the key and a bin directory that holds every command.
func (run tunnel) prepare(t *testing.T) string {
	jq, err := exec.LookPath("jq")
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("the script is not run: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"key.pub": "ssh-ed25519"}
	for _, name := range []string{"pulumi", "oci", "ssh", "ip", "sudo", "sleep"} {
		files["bin/"+name] = tool
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, path := range map[string]string{
		"jq": jq, "sh": "/bin/sh", "tr": "/usr/bin/tr", "env": "/usr/bin/env", "grep": "/bin/grep", "sort": "/usr/bin/sort",
	} {
		if err := os.Symlink(path, filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if run.missing != "" {
		if err := os.Remove(filepath.Join(dir, run.missing)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
