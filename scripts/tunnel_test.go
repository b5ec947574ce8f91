// Package scripts tests the script behind make tunnel. All that it calls but jq is a stand-in.
package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tool stands in for a command: it writes its name and arguments to a file, one line a call, and fails if the line begins with
// $FAIL. The second ssh is let in, and ended by Ctrl-C.
const tool = `#!/bin/sh
line="${0##*/} $*"
echo "$line" >> "$DIR/calls"
case $line in
"$FAIL"*) exit 1 ;;
"pulumi stack export "*) printf '%s\n' "$STATE" ;;
"pulumi config get "*) echo us-ashburn-1 ;;
"ip -o "*) echo "$THERE" ;;
"oci bastion session create-"*) [ "$OCI_CLI_REGION" = us-ashburn-1 ] && echo session ;;
"oci bastion session get "*) echo "ssh -i <privateKey> -N -L <localPort>:10.0.0.2:6443 -p 22 session@host.bastion.us-ashburn-1.oci.oraclecloud.com" ;;
"ssh "*) [ -e "$DIR/tried" ] && kill -INT $PPID; : > "$DIR/tried"; exit 255 ;;
esac
`

const (
	// state is as pulumi exports it. The first of the bastions is one that a replacement has left to be deleted.
	state = `{"version":3,"deployment":{"resources":[{"type":"pulumi:pulumi:Stack"},` + cluster + `,` + bastion + `]}}`
	// Descriptions may hold what echo would take for a line's end.
	cluster = `{"type":"oci:ContainerEngine/cluster:Cluster","id":"ocid1.cluster.oc1.iad.a","outputs":{"endpoints":[{"privateEndpoint":"10.0.0.2:6443"}],"name":"a\nb"}}`
	bastion = `{"type":"oci:Bastion/bastion:Bastion","id":"ocid1.bastion.oc1.iad.old","delete":true},` +
		`{"type":"oci:Bastion/bastion:Bastion","id":"ocid1.bastion.oc1.iad.a","outputs":{"maxSessionTtlInSeconds":10800}}`
	without = `{"version":3,"deployment":{"resources":[`
)

func TestTunnel(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("the script is not run: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	make, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	// go test keeps a result while the files stay the same that this process has looked at; the script's are make's to read.
	for _, name := range []string{"tunnel.sh", "../Makefile"} {
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
	}
	const (
		add    = "sudo ip address add 10.0.0.2/32 dev lo"
		del    = "sudo ip address del 10.0.0.2/32 dev lo"
		create = "oci bastion session create-port-forwarding"
		ssh    = "ssh -i DIR/key -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 -N -L 10.0.0.2:6443:10.0.0.2:6443 " +
			"session@host.bastion.us-ashburn-1.oci.oraclecloud.com"
	)
	export := []string{"pulumi stack export --stack prod"}
	asked := append(slices.Clone(export), "ip -o address show to 10.0.0.2/32")
	begun := append(slices.Clone(asked), "pulumi config get oci:region --stack prod",
		create+" --bastion-id ocid1.bastion.oc1.iad.a --target-private-ip 10.0.0.2 --target-port 6443 --ssh-public-key-file DIR/key.pub "+
			"--session-ttl 10800 --wait-for-state SUCCEEDED --query data.resources[0].identifier --raw-output")
	opened := append(slices.Clone(begun), `oci bastion session get --session-id session --query data."ssh-metadata".command --raw-output`)
	for _, test := range []struct {
		name    string
		env     map[string]string
		without string // a file that is not there
		says    string
		calls   []string
	}{
		{"until Ctrl-C", nil, "", "10.0.0.2:6443 leads through the bastion for 3 hours, or until Ctrl-C", append(slices.Clone(opened), add, ssh, "sleep 5", ssh, del)},
		{"no pulumi", nil, "bin/pulumi", "the command pulumi is not there: install it", nil},
		{"no oci", nil, "bin/oci", "the command oci is not there: install it", nil},
		{"no jq", nil, "bin/jq", "the command jq is not there: install it", nil},
		{"no ssh", nil, "bin/ssh", "the command ssh is not there: install it", nil},
		{"no ip", nil, "bin/ip", "the command ip is not there: install it", nil},
		{"no sudo", nil, "bin/sudo", "the command sudo is not there: install it", nil},
		{"no key", nil, "key.pub", "KEY=DIR/key: there is no public key DIR/key.pub: make one", nil},
		{"no stack", map[string]string{"FAIL": "pulumi stack"}, "", "STACK=prod: the stack is not to be read", export},
		{"nothing deployed", map[string]string{"STATE": `{"version":3,"deployment":{}}`}, "", "STACK=prod: the stack has no bastion: set bastion to true", export},
		{"no bastion", map[string]string{"STATE": without + cluster + "]}}"}, "", "STACK=prod: the stack has no bastion: set bastion to true", export},
		{"no cluster", map[string]string{"STATE": without + bastion + "]}}"}, "", "STACK=prod: the stack has no cluster yet: run pulumi up", export},
		{"cluster that is being made", map[string]string{"STATE": without + `{"type":"oci:ContainerEngine/cluster:Cluster"},` + bastion + "]}}"}, "",
			"STACK=prod: the stack has no cluster yet: run pulumi up", export},
		{"another tunnel", map[string]string{"THERE": "1: lo inet 10.0.0.2/32 scope global lo"}, "", "this machine has the address 10.0.0.2: end the other tunnel", asked},
		{"no session", map[string]string{"FAIL": create}, "", "the bastion opens no session", begun},
		{"session that is gone", map[string]string{"FAIL": "oci bastion session get"}, "", "the session session is not to be read", opened},
		{"no root", map[string]string{"FAIL": "sudo"}, "", "", append(slices.Clone(opened), add)},
		{"not let in", map[string]string{"FAIL": "ssh"}, "", "ssh does not get in: bastionAllowedCidrs must hold",
			append(append(append(slices.Clone(opened), add), slices.Repeat([]string{ssh, "sleep 5"}, 5)...), ssh, del)},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"pulumi", "oci", "ssh", "ip", "sudo", "sleep"} {
				write("bin/"+name, tool)
			}
			write("key.pub", "ssh-ed25519")
			for name, path := range map[string]string{"jq": jq, "sh": "/bin/sh"} {
				if err := os.Symlink(path, filepath.Join(dir, "bin", name)); err != nil {
					t.Fatal(err)
				}
			}
			if test.without != "" {
				if err := os.Remove(filepath.Join(dir, test.without)); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), make, "SHELL=/bin/sh", "tunnel", "STACK=prod", "KEY="+filepath.Join(dir, "key"))
			cmd.Dir = ".."
			cmd.Env = []string{"PATH=" + filepath.Join(dir, "bin"), "DIR=" + dir, "STATE=" + state, "FAIL=nothing", "THERE="}
			for name, value := range test.env {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			out, err := cmd.CombinedOutput()
			said := strings.ReplaceAll(string(out), dir, "DIR")
			if err == nil || !strings.Contains(said, test.says) {
				t.Errorf("%v, want an end with %q:\n%s", err, test.says, said)
			}
			data, _ := os.ReadFile(filepath.Join(dir, "calls"))
			calls := strings.FieldsFunc(strings.ReplaceAll(string(data), dir, "DIR"), func(r rune) bool { return r == '\n' })
			if !slices.Equal(calls, test.calls) {
				t.Errorf("calls\n%s\nwant\n%s", strings.Join(calls, "\n"), strings.Join(test.calls, "\n"))
			}
		})
	}
}
