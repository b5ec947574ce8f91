package settings

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"

	"golang.org/x/crypto/ssh"
)

// sshKey is a node pool with a public SSH key.
func sshKey(t *testing.T, key any) map[string]string {
	t.Helper()
	public, isKey := key.(ssh.PublicKey)
	if !isKey {
		var err error
		if public, err = ssh.NewPublicKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return one(`"sshPublicKey":` + quoted(string(ssh.MarshalAuthorizedKey(public))))
}

// sshCertificate is a key that an authority has signed.
func sshCertificate(t *testing.T) ssh.PublicKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert}
	if err := certificate.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	return certificate
}

func rsaKey(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

// dsaKey is of a type that SSH servers took until 2015.
const dsaKey = "ssh-dss AAAAB3NzaC1kc3MAAACBAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAASD" +
	"AAAAFQCAAAAAAAAAAAAAAAAAAAAAAAAAkQAAAAEDAAAAAQU="

// cloudConfig is a node pool with a cloud-config document.
func cloudConfig(document string) map[string]string {
	return one(`"cloudInit":` + quoted("#cloud-config\n"+document))
}

// gpus is a node pool of a shape beside one that takes the guestbook.
func gpus(shape string) map[string]string {
	return twoPoolsOf(`"size":1`, `"size":1,"shape":"`+shape+`"`)
}

// TestUnworkableNodes has what a node's programs refuse: its SSH server, cloud-init, and the autoscaler; and
// what they take.
func TestUnworkableNodes(t *testing.T) {
	const excluded = `"labels":{"node.kubernetes.io/exclude-from-external-load-balancers":""}`
	checkRefusals(t, []refusal{
		{"a short RSA key", sshKey(t, rsaKey(1023)), []string{poolKey + "sshPublicKey 1023 1024"}},
		{"a DSA key", one(`"sshPublicKey":"` + dsaKey + `"`), []string{poolKey + "sshPublicKey ssh-dss ed25519"}},
		{"a certificate", sshKey(t, sshCertificate(t)), []string{poolKey + "sshPublicKey certificate"}},
		{
			"a command with a colon", cloudConfig("runcmd:\n- echo hello: world\n"),
			[]string{poolKey + "cloudInit runcmd[0] line 3"},
		},
		{
			"a number for a command", cloudConfig("bootcmd:\n- ls\n- 5\n"),
			[]string{poolKey + "cloudInit bootcmd[1] line 4"},
		},
		{"one file", cloudConfig("write_files:\n  path: /x\n"), []string{poolKey + "cloudInit write_files list"}},
		{
			"a file without a path", cloudConfig("write_files:\n- content: x\n"),
			[]string{poolKey + "cloudInit write_files[0] path"},
		},
		{"mounts in a text", cloudConfig("mounts: /dev/sdb /data\n"), []string{poolKey + "cloudInit mounts list"}},
		{"a list of time servers", cloudConfig("ntp: [a.example.com]\n"), []string{poolKey + "cloudInit ntp keys"}},
		{
			"a taint of the autoscaler", twoPoolsOf(`"size":1`, `"taints":["ToBeDeletedByClusterAutoscaler=1:NoSchedule"]`),
			[]string{"nodePools[1].taints ToBeDeletedByClusterAutoscaler"},
		},
		{"no backend", one(excluded), []string{poolKey + "labels exclude-from-external-load-balancers guestbook"}},
		{"a key of a label with a blank", one(`"labels":{"a b":"c"}`), []string{poolKey + "labels a b key 63"}},
		{"a value of a label with a blank", one(`"labels":{"a":"b "}`), []string{poolKey + "labels a b value 63"}},
		{
			"a flexible shape in lower case", one(`"shape":"VM.Standard.A1.flex","ocpus":2,"memoryGb":12`),
			[]string{poolKey + "shape VM.Standard.A1.Flex?"},
		},
		{
			"a flexible shape without its end", one(`"shape":"VM.Standard.E5","ocpus":2,"memoryGb":12`),
			[]string{poolKey + "shape VM.Standard.E5.Flex?"},
		},
		{
			"a shape with a blank", one(`"shape":"VM.Standard.A1.Flex ","ocpus":2,"memoryGb":12`),
			[]string{poolKey + "shape full"},
		},
		{"the beginning of a shape", one(`"shape":"VM."`), []string{poolKey + "shape VM. full"}},
	})
	many := poolsOf(`"size":500`, `"size":200,`+excluded)["nodePools"]
	for name, set := range map[string]map[string]string{
		"a second version":          gpus("BM.GPU.A100-v2.8"),
		"a shape of letters":        gpus("BM.GPU.L40S-NC.4"),
		"a shape of Grace":          gpus("BM.GPU.GB200-v2.4"),
		"OKE's own script":          one(`"cloudInit":"#!/bin/sh\n# oke_init_script has run before\nls\n"`),
		"a carriage return":         one(`"cloudInit":"#!/bin/sh\nprintf 'a\rb'\n"`),
		"YAML from Windows":         one(`"cloudInit":"#cloud-config\r\nruncmd:\r\n- ls\r\n"`),
		"a fixed shape":             one(`"shape":"VM.Standard2.4"`),
		"an RSA key":                sshKey(t, rsaKey(1024)),
		"commands":                  cloudConfig("runcmd:\n- ls\n- [ls, 5]\n-\n- 'echo a: b'\nwrite_files:\n- path: /x\n"),
		"texts":                     cloudConfig("packages: vim\nssh_authorized_keys: " + publicKey + "\nmounts:\n"),
		"aliases":                   cloudConfig("a: &a [ls]\nruncmd: *a\nwrite_files:\n- &b {path: /x}\n- <<: *b\n"),
		"one pool of backends":      twoPoolsOf(`"size":1`, excluded),
		"backends of virtual nodes": virtual(`[{"name":"v"}]`, "nodePools", one(excluded)["nodePools"]),
		"mounts":                    cloudConfig("mounts:\n- [/dev/sdb, /data]\n"),
		"a time server":             cloudConfig("ntp: {servers: [a.example.com]}\n"),
		"a taint of one's own":      twoPoolsOf(`"size":1`, `"taints":["cluster-autoscaler.kubernetes.io/own=1:NoSchedule"]`),
		"labels":                    one(`"labels":{"Team_1.a-b":"","example.com/x":"1"}`),
		"no load balancer":          with("exposure", "none", "nodePools", one(excluded)["nodePools"]),
		"512 backends and other":    with("podsCidr", "11.0.0.0/8", "nodePools", many),
	} {
		if _, err := load(set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
