package settings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// one is the setting nodePools with one pool of two nodes, and more fields; enhanced adds clusterType.
func one(fields string) map[string]string {
	if !strings.Contains(fields, `"shape"`) && !strings.Contains(fields, `"ocpus"`) {
		fields = `"ocpus":2,"memoryGb":12,` + fields
	}
	return map[string]string{"nodePools": `[{"name":"workers","size":2,` + strings.TrimSuffix(fields, ",") + `}]`}
}

func oneEnhanced(fields string) map[string]string {
	set := one(fields)
	set["clusterType"] = "enhanced"
	return set
}

// poolsOf is node pools. They are of the default shape with 2 OCPUs and 12 GB, unless they name another.
func poolsOf(fields ...string) map[string]string {
	var pools []string
	for i, f := range fields {
		if !strings.Contains(f, `"shape"`) {
			f = `"ocpus":2,"memoryGb":12,` + f
		}
		pools = append(pools, fmt.Sprintf(`{"name":"%c",%s}`, 'a'+i, f))
	}
	return with("nodePools", "["+strings.Join(pools, ",")+"]")
}

// twoPoolsOf is two node pools, in an enhanced cluster.
func twoPoolsOf(first, second string) map[string]string {
	return enhanced("nodePools", poolsOf(first, second)["nodePools"])
}

// issuer is an OpenID Connect issuer of an enhanced cluster.
func issuer(fields string) map[string]string { return enhanced("oidcIssuers", `[{`+fields+`}]`) }

const (
	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGq6TGH3VPfqa0pNZQyIJJg7JbmP1IHBLzVtHPjGMUv ops@example.com"
	poolKey   = "nodePools[0]."
	longName  = "a-name-of-a-pool-that-is-too-long-for-it"
	otherOCID = "ocid1.instance.oc1.iad.aaaa"
	someGroup = "ocid1.networksecuritygroup.oc1.iad.a"
)

// TestUnworkablePools has node pools of the right types that OKE, the kubelet or the autoscaler would refuse later.
func TestUnworkablePools(t *testing.T) {
	checkRefusals(t, []refusal{
		// Numbers of nodes.
		{
			"negative size",
			map[string]string{"nodePools": `[{"name":"w","size":-1,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "size -1"},
		},
		{
			"too many nodes",
			map[string]string{"nodePools": `[{"name":"w","size":1001,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "size 1001"},
		},
		{
			"no node at all",
			map[string]string{"nodePools": `[{"name":"w","size":0,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "size keeps"},
		},
		{
			"nodes with taints only", twoPoolsOf(`"size":0`, `"size":3,"taints":["a=b:NoSchedule"]`),
			[]string{poolKey + "size keeps"},
		},
		{
			"a name of spaces",
			map[string]string{"nodePools": `[{"name":"my pool","size":1,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "name"},
		},
		{
			"a long name",
			map[string]string{"nodePools": `[{"name":"` + longName + `","size":1,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "name 32"},
		},
		{
			"an underscore",
			map[string]string{"nodePools": `[{"name":"my_pool","size":1,"ocpus":2,"memoryGb":12}]`},
			[]string{poolKey + "name"},
		},
		{"no name", map[string]string{"nodePools": `[{"size":1,"ocpus":2,"memoryGb":12}]`}, []string{poolKey + "name"}},

		// Bounds of the autoscaler.
		{"bounds in a basic cluster", one(`"minSize":1,"maxSize":3`), []string{poolKey + "maxSize clusterType autoscaled"}},
		{"minimum alone", oneEnhanced(`"minSize":1`), []string{poolKey + "minSize maxSize"}},
		{"minimum above maximum", oneEnhanced(`"minSize":4,"maxSize":3`), []string{poolKey + "minSize 4 3"}},
		{"size below the minimum", oneEnhanced(`"minSize":3,"maxSize":5`), []string{poolKey + "size 2 3"}},
		{"size above the maximum", oneEnhanced(`"maxSize":1,"minSize":1`), []string{poolKey + "size 2 1"}},
		{
			"two autoscalers",
			oneEnhanced(`"minSize":1,"maxSize":3,"autoscaled":true`),
			[]string{poolKey + "autoscaled maxSize"},
		},
		{"all nodes may go", oneEnhanced(`"minSize":0,"maxSize":3`), []string{poolKey + "size minSize"}},
		{
			"too large a maximum",
			oneEnhanced(`"minSize":1,"maxSize":2000`),
			[]string{poolKey + "maxSize 2000"},
		},
		{"negative minimum", oneEnhanced(`"minSize":-1,"maxSize":3`), []string{poolKey + "minSize -1"}},

		// Cycling.
		{"boot volumes in a basic cluster", one(`"cycleBy":"boot-volume"`), []string{poolKey + "cycleBy clusterType"}},
		{
			"boot volumes with a surge",
			oneEnhanced(`"cycleBy":"boot-volume","maxSurge":"1"`),
			[]string{poolKey + "maxSurge boot"},
		},
		{
			"boot volumes, and no node missing",
			oneEnhanced(`"cycleBy":"boot-volume","maxUnavailable":"0"`),
			[]string{poolKey + "maxUnavailable"},
		},
		{
			"boot volumes, and no share missing",
			oneEnhanced(`"cycleBy":"boot-volume","maxUnavailable":"0%"`),
			[]string{poolKey + "maxUnavailable"},
		},
		{"another way of cycling", oneEnhanced(`"cycleBy":"BOOT_VOLUME_REPLACE"`), []string{poolKey + "cycleBy boot-volume"}},
		{"a share above all", oneEnhanced(`"maxUnavailable":"101%"`), []string{poolKey + "maxUnavailable 101%"}},
		{"a fraction", oneEnhanced(`"maxSurge":"0.5"`), []string{poolKey + "maxSurge 0.5"}},
		{"a negative step", oneEnhanced(`"maxSurge":"-1"`), []string{poolKey + "maxSurge -1"}},

		{"more added than there are", oneEnhanced(`"maxSurge":"3"`), []string{poolKey + "maxSurge 3 2"}},
		{"more missing than there are", oneEnhanced(`"maxUnavailable":"3"`), []string{poolKey + "maxUnavailable 3 2"}},
		{
			"more added than an autoscaler leaves at most",
			oneEnhanced(`"minSize":1,"maxSize":5,"maxSurge":"6"`),
			[]string{poolKey + "maxSurge 6 5 50%"},
		},
		{
			"more missing than an autoscaler leaves at most",
			oneEnhanced(`"minSize":2,"maxSize":5,"maxUnavailable":"6"`),
			[]string{poolKey + "maxUnavailable 6 5 50%"},
		},
		{
			"more added than any pool has",
			oneEnhanced(`"autoscaled":true,"maxSurge":"1001"`),
			[]string{poolKey + "maxSurge 1001 1000 50%"},
		},

		// Shapes.
		{"no shape", one(`"shape":"A1.Flex","ocpus":1,"memoryGb":6`), []string{poolKey + "shape A1.Flex"}},
		{
			"a fixed shape with a size",
			one(`"shape":"VM.Standard2.1","ocpus":1,"memoryGb":6`),
			[]string{poolKey + "shape fixed"},
		},
		{"a flexible shape without a size", one(`"shape":"VM.Standard.E5.Flex"`), []string{poolKey + "ocpus ocpus"}},
		{"half an OCPU", one(`"ocpus":0.5,"memoryGb":6`), []string{poolKey + "ocpus 0.5"}},
		{"a negative number of OCPUs", one(`"ocpus":-2,"memoryGb":6`), []string{poolKey + "ocpus -2"}},
		{"more OCPUs than A1 has", one(`"ocpus":81,"memoryGb":100`), []string{poolKey + "ocpus 80"}},
		{"more memory than A1 has", one(`"ocpus":80,"memoryGb":600`), []string{poolKey + "memoryGb 512"}},
		{
			"more OCPUs than E4 has",
			one(`"shape":"VM.Standard.E4.Flex","ocpus":115,"memoryGb":200`),
			[]string{poolKey + "ocpus 114"},
		},
		{
			"more memory than E4 has",
			one(`"shape":"VM.Standard.E4.Flex","ocpus":114,"memoryGb":2000`),
			[]string{poolKey + "memoryGb 1760"},
		},
		{
			"more OCPUs than E3 has",
			one(`"shape":"VM.Standard.E3.Flex","ocpus":115,"memoryGb":200`),
			[]string{poolKey + "ocpus 114"},
		},
		{
			"more OCPUs than E5 has",
			one(`"shape":"VM.Standard.E5.Flex","ocpus":127,"memoryGb":200`),
			[]string{poolKey + "ocpus 126"},
		},
		{
			"more memory than E5 has",
			one(`"shape":"VM.Standard.E5.Flex","ocpus":126,"memoryGb":2000`),
			[]string{poolKey + "memoryGb 1049"},
		},
		{
			"more OCPUs than Standard3 has",
			one(`"shape":"VM.Standard3.Flex","ocpus":57,"memoryGb":200`),
			[]string{poolKey + "ocpus 56"},
		},
		{
			"more memory than Standard3 has",
			one(`"shape":"VM.Standard3.Flex","ocpus":56,"memoryGb":1800`),
			[]string{poolKey + "memoryGb 896"},
		},
		{
			"more OCPUs than Optimized3 has",
			one(`"shape":"VM.Optimized3.Flex","ocpus":19,"memoryGb":200`),
			[]string{poolKey + "ocpus 18"},
		},
		{
			"more memory than Optimized3 has",
			one(`"shape":"VM.Optimized3.Flex","ocpus":18,"memoryGb":300`),
			[]string{poolKey + "memoryGb 256"},
		},
		{
			"more memory than E3 has",
			one(`"shape":"VM.Standard.E3.Flex","ocpus":114,"memoryGb":1777`),
			[]string{poolKey + "memoryGb 1776"},
		},

		{
			"OCPUs that DenseIO.E4 lacks",
			one(`"shape":"VM.DenseIO.E4.Flex","ocpus":12,"memoryGb":192`),
			[]string{poolKey + "ocpus 8 16 32 12"},
		},
		{
			"memory that DenseIO.E5 lacks",
			one(`"shape":"VM.DenseIO.E5.Flex","ocpus":8,"memoryGb":128`),
			[]string{poolKey + "memoryGb 96 128"},
		},
		{"a micro shape", one(`"shape":"VM.Standard.E2.1.Micro"`), []string{poolKey + "shape micro"}},
		{
			"preemptible bare metal",
			poolsOf(`"size":1`, `"size":1,"preemptible":true,"shape":"BM.Standard.E4.128"`),
			[]string{"nodePools[1].preemptible BM.Standard.E4.128"},
		},
		{
			"preemptible extended memory",
			poolsOf(`"size":1`, `"size":1,"preemptible":true,"shape":"VM.Standard.E4.Flex","ocpus":65,"memoryGb":512`),
			[]string{"nodePools[1].preemptible 64 extended"},
		},
		{"preemptible nodes only", one(`"preemptible":true`), []string{poolKey + "preemptible toleration"}},
		{
			"preemptible nodes that stop for a boot volume",
			twoPoolsOf(`"size":1`, `"size":1,"preemptible":true,"cycleBy":"boot-volume"`),
			[]string{"nodePools[1].preemptible cycleBy instance"},
		},
		{"GPUs only", one(`"shape":"VM.GPU.A10.1"`), []string{poolKey + "shape GPUs toleration"}},
		{
			"preemptible nodes beside none", poolsOf(`"size":0`, `"size":1,"preemptible":true`),
			[]string{poolKey + "size"},
		},
		{
			"preemptible nodes for members", with("mongoReplicas", "3",
				"nodePools", poolsOf(`"size":1`, `"size":2,"preemptible":true`)["nodePools"]),
			[]string{"mongoReplicas 3 1"},
		},
		{
			"more nodes than backends",
			with("podsCidr", "11.0.0.0/8", "nodePools", `[{"name":"a","size":513,"ocpus":2,"memoryGb":12}]`),
			[]string{"nodePools 513 512"},
		},
		{
			"more nodes than backends while they cycle", enhanced("podsCidr", "11.0.0.0/8",
				"nodePools", poolsOf(`"size":512,"maxSurge":"1"`)["nodePools"]),
			[]string{"nodePools 513 512"},
		},
		{
			"more nodes than backends by the autoscaler", enhanced("podsCidr", "11.0.0.0/8", "loadBalancerType", "nlb",
				"nodePools", `[{"name":"a","size":1,"minSize":1,"maxSize":600,"ocpus":2,"memoryGb":12}]`),
			[]string{"nodePools 600 512"},
		},
		{
			"more Pods than E2.1 has addresses",
			with("podNetwork", "vcn-native", "nodePools", one(`"shape":"VM.Standard.E2.1","maxPodsPerNode":110`)["nodePools"]),
			[]string{poolKey + "maxPodsPerNode 110 31"},
		},
		{
			"more Pods than B1.1 has addresses",
			with("podNetwork", "vcn-native", "nodePools", one(`"shape":"VM.Standard.B1.1","maxPodsPerNode":110`)["nodePools"]),
			[]string{poolKey + "maxPodsPerNode 110 31"},
		},

		// Disks.
		{"a small disk", one(`"bootVolumeGb":49`), []string{poolKey + "bootVolumeGb 49"}},
		{"a vast disk", one(`"bootVolumeGb":32769`), []string{poolKey + "bootVolumeGb 32769"}},
		{
			"another kind of key",
			one(`"bootVolumeKmsKeyId":"` + otherOCID + `"`),
			[]string{poolKey + "bootVolumeKmsKeyId instance key"},
		},
		{
			"a vault instead of a key",
			one(`"bootVolumeKmsKeyId":"ocid1.vault.oc1.iad.a.b"`),
			[]string{poolKey + "bootVolumeKmsKeyId vault key"},
		},
		{"a name of a key", one(`"bootVolumeKmsKeyId":"my-key"`), []string{poolKey + "bootVolumeKmsKeyId my-key"}},

		// SSH.
		{
			"a private key",
			one(`"sshPublicKey":"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"`),
			[]string{poolKey + "sshPublicKey .pub"},
		},
		{"the path of a key", one(`"sshPublicKey":"~/.ssh/id_ed25519.pub"`), []string{poolKey + "sshPublicKey .pub"}},
		{"a key cut short", one(`"sshPublicKey":"` + publicKey[:40] + `"`), []string{poolKey + "sshPublicKey .pub"}},
		{
			"a fingerprint",
			one(`"sshPublicKey":"SHA256:7dCkNz1jC0Jrx5cV2UGLUcR9K7jbY1SCWvXoDO0vXzA"`),
			[]string{poolKey + "sshPublicKey .pub"},
		},
		{"two keys", one(`"sshPublicKey":"` + publicKey + `\n` + publicKey + `"`), []string{poolKey + "sshPublicKey one"}},
		{"a key with options", one(`"sshPublicKey":"no-pty ` + publicKey + `"`), []string{poolKey + "sshPublicKey options"}},

		// Places.
		{"availability domain 4", one(`"availabilityDomains":[4]`), []string{poolKey + "availabilityDomains 4"}},
		{"availability domain twice", one(`"availabilityDomains":[1,1]`), []string{poolKey + "availabilityDomains twice"}},
		{"fault domain 0", one(`"faultDomains":[0]`), []string{poolKey + "faultDomains 0"}},
		{"fault domain by name", one(`"faultDomains":["FAULT-DOMAIN-1"]`), []string{poolKey + "faultDomains[0]"}},
		{
			"a reservation of any domain",
			one(`"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a"`),
			[]string{poolKey + "capacityReservationId one"},
		},
		{
			"a reservation of two domains",
			one(`"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a","availabilityDomains":[1,2]`),
			[]string{poolKey + "capacityReservationId one"},
		},
		{
			"a reservation for what may be taken back",
			poolsOf(`"size":1`, `"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a","availabilityDomains":[1],`+
				`"preemptible":true`),
			[]string{"nodePools[1].capacityReservationId preemptible"},
		},
		{
			"another kind of reservation",
			one(`"capacityReservationId":"` + otherOCID + `","availabilityDomains":[1]`),
			[]string{poolKey + "capacityReservationId instance"},
		},

		// Groups.
		{
			"a group of another kind",
			one(`"nsgIds":["ocid1.securitylist.oc1.iad.a"]`),
			[]string{poolKey + "nsgIds securitylist"},
		},
		{"a group twice", one(`"nsgIds":["` + someGroup + `","` + someGroup + `"]`), []string{poolKey + "nsgIds twice"}},
		{"an empty group", one(`"nsgIds":[""]`), []string{poolKey + "nsgIds"}},
		{
			"too many groups",
			one(`"nsgIds":["` + someGroup + `1","` + someGroup + `2","` + someGroup + `3","` + someGroup + `4",` +
				`"` + someGroup + `5"]`),
			[]string{poolKey + "nsgIds 5 4"},
		},

		// Labels and taints.
		{"a label with a blank", one(`"labels":{"my team":"web"}`), []string{poolKey + "labels"}},
		{"a long label", one(`"labels":{"team":"` + strings.Repeat("a", 64) + `"}`), []string{poolKey + "labels"}},
		{"a label's prefix in upper case", one(`"labels":{"Example.com/team":"web"}`), []string{poolKey + "labels"}},
		{
			"a label that the kubelet may not set",
			one(`"labels":{"node-role.kubernetes.io/worker":""}`),
			[]string{poolKey + "labels node-role"},
		},
		{
			"a label of Kubernetes's own",
			one(`"labels":{"kubernetes.io/team":"web"}`),
			[]string{poolKey + "labels kubernetes.io"},
		},
		{"a label that OKE sets", one(`"labels":{"topology.kubernetes.io/zone":"x"}`), []string{poolKey + "labels topology"}},
		{"a label's prefix with two periods", one(`"labels":{"a..b/x":""}`), []string{poolKey + "labels a..b/x"}},
		{"a label's prefix with a hyphen last", one(`"labels":{"a-.b/x":""}`), []string{poolKey + "labels a-.b/x"}},
		{"a label's prefix with a hyphen first", one(`"labels":{"a.-b/x":""}`), []string{poolKey + "labels a.-b/x"}},
		{
			"a label's long prefix",
			one(`"labels":{"` + strings.Repeat("abc.", 63) + `de/x":""}`),
			[]string{poolKey + "labels"},
		},
		{"a taint's prefix with two periods", one(`"taints":["a..b/x:PreferNoSchedule"]`), []string{poolKey + "taints a..b"}},
		{"a taint's prefix with a hyphen", one(`"taints":["a-.b/x=y:PreferNoSchedule"]`), []string{poolKey + "taints a-.b"}},
		{"a taint of two values", one(`"taints":["a=b=c:PreferNoSchedule"]`), []string{poolKey + "taints a=b=c"}},
		{"taints that do not fit", one(`"taints":[` + manyTaints() + `]`), []string{poolKey + "taints 16000"}},
		{"a script of no path", one(`"cloudInit":"#!python\nprint(1)\n"`), []string{poolKey + "cloudInit python"}},
		{"a script of env alone", one(`"cloudInit":"#!/usr/bin/env\nls\n"`), []string{poolKey + "cloudInit env"}},
		{
			"a cloud-config of two documents", one(`"cloudInit":"#cloud-config\nruncmd: [ls]\n---\nruncmd: [ps]\n"`),
			[]string{poolKey + "cloudInit document"},
		},
		{"commands as a text", one(`"cloudInit":"#cloud-config\nruncmd: ls\n"`), []string{poolKey + "cloudInit runcmd list"}},
		{
			"commands as keys", one(`"cloudInit":"#cloud-config\nbootcmd: {a: ls}\n"`),
			[]string{poolKey + "cloudInit bootcmd list"},
		},
		{
			"a taint that a controller removes", one(`"taints":["node.kubernetes.io/memory-pressure:PreferNoSchedule"]`),
			[]string{poolKey + "taints node.kubernetes.io/memory-pressure"},
		},
		{
			"the taint of a cloud provider",
			poolsOf(`"size":1`, `"taints":["node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule"]`),
			[]string{"nodePools[1].taints node.cloudprovider.kubernetes.io/uninitialized"},
		},
		{"a taint without effect", one(`"taints":["team=web"]`), []string{poolKey + "taints team=web"}},
		{"a taint with another effect", one(`"taints":["team=web:noschedule"]`), []string{poolKey + "taints"}},

		// Pods, eviction, versions and images.
		{"a long grace", one(`"evictionGraceMinutes":61`), []string{poolKey + "evictionGraceMinutes 61"}},
		{"a negative grace", one(`"evictionGraceMinutes":-1`), []string{poolKey + "evictionGraceMinutes -1"}},
		{"more Pods than a kubelet takes", one(`"maxPodsPerNode":111`), []string{poolKey + "maxPodsPerNode 111"}},
		{"a version without v", one(`"kubernetesVersion":"1.36.4"`), []string{poolKey + "kubernetesVersion 1.36.4"}},
		{"a version range", one(`"kubernetesVersion":"v1.36.x"`), []string{poolKey + "kubernetesVersion v1.36.x"}},
		{"an image by name", one(`"imageId":"Oracle-Linux-9.8"`), []string{poolKey + "imageId"}},
		{"a boot volume as image", one(`"imageId":"ocid1.bootvolume.oc1.iad.a"`), []string{poolKey + "imageId bootvolume"}},
		{"a cloud-init of JSON", one(`"cloudInit":"{}"`), []string{poolKey + "cloudInit"}},
		{
			"a template of cloud-init", one(`"cloudInit":"## template: jinja\n#cloud-config\nruncmd: [ls]\n"`),
			[]string{poolKey + "cloudInit template program passes on only script #cloud-config"},
		},
		{
			"an archive of cloud-init", one(`"cloudInit":"#cloud-config-archive\n- {type: text/cloud-boothook}\n"`),
			[]string{poolKey + "cloudInit #cloud-config-archive program passes on only"},
		},
		{"a script without an interpreter", one(`"cloudInit":"#!\nls\n"`), []string{poolKey + "cloudInit interpreter"}},
		{
			"a cloud-config that is no YAML",
			one(`"cloudInit":"#cloud-config\nruncmd: [ls\n"`),
			[]string{poolKey + "cloudInit YAML"},
		},
		{
			"a cloud-config of a list",
			one(`"cloudInit":"#cloud-config\n- ls\n"`),
			[]string{poolKey + "cloudInit keys"},
		},
		{
			"more nodes than a basic cluster takes",
			with("podsCidr", "11.0.0.0/8", "vcnCidr", "10.0.0.0/16", "exposure", "none", "nodePools",
				`[{"name":"a","size":600,"ocpus":2,"memoryGb":12},{"name":"b","size":600,"ocpus":2,"memoryGb":12}]`),
			[]string{"nodePools 1200 basic 1000"},
		},
	})
}

// authority is a certificate in PEM that is valid for so long from now.
func authority(t *testing.T, valid time.Duration) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(valid), BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// quoted is a text as JSON has it.
func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// largeTags are n defined tags with the longest values.
func largeTags(n int) string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("Operations.Key%d", i)] = strings.Repeat("x", 256)
	}
	raw, _ := json.Marshal(tags)
	return string(raw)
}

// largeFreeform is freeform tags of more than 5 KB together, as JSON.
func largeFreeform() string {
	tags := map[string]string{}
	for i := range 8 {
		tags[fmt.Sprint("a", i)] = strings.Repeat("한", 256)
	}
	text, _ := json.Marshal(tags)
	return string(text)
}

// manyTaints is taints of more than an instance's metadata holds, as items of JSON.
func manyTaints() string {
	var taints []string
	for i := range 150 {
		taints = append(taints, fmt.Sprintf(`"%s-%d=x:PreferNoSchedule"`, strings.Repeat("a", 55), i))
	}
	return strings.Join(taints, ",")
}

// TestUnworkableClusters has clusters and networks of the right types that OKE or OCI would refuse later.
func TestUnworkableClusters(t *testing.T) {
	checkRefusals(t, []refusal{
		// Add-ons.
		{"add-on in a basic cluster", with("addons", `["CertManager"]`), []string{"addons clusterType"}},
		{"add-on that is misspelt", enhanced("addons", `["CertManger"]`), []string{"addons CertManager?"}},
		{"add-on in other letters", enhanced("addons", `["certmanager"]`), []string{"addons CertManager?"}},
		{"add-on of another cloud", enhanced("addons", `["vpc-cni-for-pods-of-eks"]`), []string{"addons vpc-cni"}},
		{"add-on twice", enhanced("addons", `["CertManager","CertManager"]`), []string{"addons twice"}},
		{
			"metrics without certificates",
			enhanced("addons", `["KubernetesMetricsServer"]`),
			[]string{"addons CertManager skipAddonDependenciesCheck"},
		},
		{
			"metrics before certificates",
			enhanced("addons", `["KubernetesMetricsServer","CertManager"]`),
			[]string{"addons CertManager before"},
		},
		{
			"database operator without certificates",
			enhanced("addons", `["OracleDatabaseOperator"]`),
			[]string{"addons CertManager"},
		},
		{
			"GPU operator without discovery",
			enhanced("addons", `["NvidiaGpuOperator"]`),
			[]string{"addons NodeFeatureDiscovery"},
		},
		{"autoscaler without pools", enhanced("addons", `["ClusterAutoscaler"]`), []string{"addons minSize"}},
		{
			"autoscaler twice",
			with("clusterType", "enhanced", "addons", `["ClusterAutoscaler"]`, "nodePools",
				one(`"minSize":1,"maxSize":3`)["nodePools"]),
			[]string{"addons maxSize"},
		},
		{
			"autoscaler with pools of its own",
			with("clusterType", "enhanced", "nodePools", one(`"minSize":1,"maxSize":3`)["nodePools"], "addonOptions",
				`{"ClusterAutoscaler":{"configuration":{"nodes":"1:3:ocid1.nodepool.oc1.iad.a"}}}`),
			[]string{"addonOptions.ClusterAutoscaler.configuration nodes"},
		},
		{
			"autoscaler as an instance",
			with("clusterType", "enhanced", "nodePools", one(`"minSize":1,"maxSize":3`)["nodePools"], "addonOptions",
				`{"ClusterAutoscaler":{"configuration":{"authType":"instance"}}}`),
			[]string{"addonOptions.ClusterAutoscaler.configuration authType"},
		},
		{
			"options of what is not installed",
			enhanced("addonOptions", `{"Istio":{"version":"v1.29.5"}}`),
			[]string{"addonOptions.Istio addons"},
		},
		{
			"options of what does not exist",
			enhanced("addonOptions", `{"Istoi":{"version":"v1.29.5"}}`),
			[]string{"addonOptions Istio?"},
		},
		{
			"a version that is none",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"version":"latest"}}`),
			[]string{"addonOptions.Istio.version latest"},
		},
		{
			"an option that is none",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"replicas":2}}`),
			[]string{"addonOptions.Istio.replicas"},
		},
		{
			"an argument that is a number",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"configuration":{"numOfReplicas":2}}}`),
			[]string{"addonOptions.Istio.configuration.numOfReplicas text"},
		},
		{
			"an argument without a name",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"configuration":{"":"2"}}}`),
			[]string{"addonOptions.Istio.configuration name"},
		},
		{
			"replicas in words",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"configuration":{"numOfReplicas":"two"}}}`),
			[]string{"addonOptions.Istio.configuration numOfReplicas two"},
		},
		{
			"an argument that is misspelt",
			enhanced("addons", `["Istio"]`, "addonOptions", `{"Istio":{"configuration":{"numOfReplica":"2"}}}`),
			[]string{"addonOptions.Istio.configuration numOfReplicas?"},
		},
		{
			"a toleration that is no JSON",
			enhanced("addons", `["CertManager"]`, "addonOptions",
				`{"CertManager":{"configuration":{"tolerations":"[{key: a}]"}}}`),
			[]string{"addonOptions.CertManager.configuration tolerations JSON"},
		},
		{
			"resources that are no JSON",
			enhanced("addons", `["CertManager"]`, "addonOptions",
				`{"CertManager":{"configuration":{"cert-manager-webhook.ContainerResources":"100m"}}}`),
			[]string{"addonOptions.CertManager.configuration cert-manager-webhook JSON"},
		},
		{
			"a duration in words",
			with("clusterType", "enhanced", "nodePools", one(`"minSize":1,"maxSize":3`)["nodePools"], "addonOptions",
				`{"ClusterAutoscaler":{"configuration":{"scaleDownUnneededTime":"soon","skipNodesWithSystemPods":"yes",`+
					`"scaleDownUtilizationThreshold":"50","coresTotal":"10:5","v":"-1"}}}`),
			[]string{
				"addonOptions.ClusterAutoscaler.configuration coresTotal 10:5",
				"addonOptions.ClusterAutoscaler.configuration scaleDownUnneededTime soon 10m",
				"addonOptions.ClusterAutoscaler.configuration scaleDownUtilizationThreshold 50",
				"addonOptions.ClusterAutoscaler.configuration skipNodesWithSystemPods yes true",
				"addonOptions.ClusterAutoscaler.configuration v -1",
			},
		},
		{"native Pods' add-on with flannel", enhanced("addons", `["OciVcnIpNative"]`), []string{"addons OciVcnIpNative"}},
		{
			"flannel with native Pods", enhanced("addons", `["Flannel"]`, "podNetwork", "vcn-native"),
			[]string{"addons Flannel"},
		},
		{
			"prefixes of labels and taints of virtual nodes",
			enhanced("podNetwork", "vcn-native", "internetEgress", "workers-and-pods", "virtualNodePools",
				`[{"name":"burst","labels":{"a..b/x":""},"taints":["a.-b/x:NoSchedule"]}]`),
			[]string{"virtualNodePools[0].labels a..b/x", "virtualNodePools[0].taints a.-b/x"},
		},

		// The cluster.
		{"another kind of cluster", with("clusterType", "BASIC_CLUSTER"), []string{"clusterType basic"}},
		{"a key of the wrong kind", with("kmsKeyId", "ocid1.vault.oc1.iad.a.b"), []string{"kmsKeyId vault"}},
		{"domains that no region has", with("availabilityDomains", "[1,2,3,4]"), []string{"availabilityDomains 4"}},
		{"a version before it was one", with("kubernetesVersion", "v1"), []string{"kubernetesVersion v1"}},
		{"a preview", with("kubernetesVersion", "v1.37.0-beta.1"), []string{"kubernetesVersion beta"}},
		{"no pools", with("nodePools", "[]"), []string{"nodePools"}},

		// Tags.
		{"a tag of the program's", with("tags", `{"stack":"x"}`), []string{"tags stack"}},
		{"a tag with a period", with("tags", `{"a.b":"x"}`), []string{"tags a.b"}},
		{"a tag with a blank", with("tags", `{"a b":"x"}`), []string{"tags"}},
		{"a tag of other letters", with("tags", `{"팀":"x"}`), []string{"tags"}},
		{"a long tag", with("tags", `{"`+strings.Repeat("a", 101)+`":"x"}`), []string{"tags 100"}},
		{"a long value", with("tags", `{"a":"`+strings.Repeat("x", 257)+`"}`), []string{"tags 256"}},
		{"a defined tag without a namespace", with("definedTags", `{"CostCenter":"42"}`), []string{"definedTags CostCenter"}},
		{"a defined tag of three parts", with("definedTags", `{"a.b.c":"42"}`), []string{"definedTags a.b.c"}},
		{
			"a defined tag as REST has it",
			with("definedTags", `{"Operations":{"CostCenter":"42"}}`),
			[]string{"definedTags.Operations text"},
		},
		{
			"a defined tag twice",
			with("definedTags", `{"Ops.Team":"a","ops.team":"b"}`),
			[]string{"definedTags Ops.Team ops.team"},
		},
		{
			"a long defined value",
			with("definedTags", `{"Ops.Team":"`+strings.Repeat("x", 257)+`"}`),
			[]string{"definedTags Ops.Team 256"},
		},
		{"tags that are too large together", with("definedTags", largeTags(24)), []string{"definedTags JSON 5120"}},

		// OpenID Connect and keys.
		{
			"an issuer of a basic cluster", with("oidcIssuers", `[{"url":"https://a.example.com","clientId":"oke"}]`),
			[]string{"oidcIssuers enhanced"},
		},
		{"discovery of a basic cluster", with("oidcDiscovery", "true"), []string{"oidcDiscovery enhanced"}},
		{"an issuer without a client", issuer(`"url":"https://a.example.com"`), []string{"oidcIssuers[0].clientId required"}},
		{"an issuer without a URL", issuer(`"clientId":"oke"`), []string{"oidcIssuers[0].url https"}},
		{
			"an issuer without TLS", issuer(`"url":"http://a.example.com","clientId":"oke"`),
			[]string{"oidcIssuers[0].url http://a.example.com"},
		},
		{
			"one key for signatures and volumes", with("imageVerificationKeys", `["ocid1.key.oc1.iad.a"]`, "frontendImage",
				"iad.ocir.io/tenancy/guestbook@sha256:"+strings.Repeat("a", 64),
				"nodePools", one(`"bootVolumeKmsKeyId":"ocid1.key.oc1.iad.a"`)["nodePools"]),
			[]string{poolKey + "bootVolumeKmsKeyId imageVerificationKeys[0] RSA AES"},
		},
		{
			"freeform tags alone, too large", with("tags", largeFreeform()), []string{"tags 5120"},
		},
		{
			"namespace of Istio", enhanced("addons", `["Istio"]`, "namespace", "istio-system"),
			[]string{"namespace istio-system Istio"},
		},
		{
			"more issuers than the API takes",
			issuer(strings.TrimPrefix(strings.Repeat(`},{"url":"https://a.example.com","clientId":"oke"`, 65), "},{")),
			[]string{"oidcIssuers 65 64"},
		},
		{
			"a discovery document with a slash",
			issuer(`"url":"https://a.example.com/.well-known/openid-configuration/","clientId":"oke"`),
			[]string{"oidcIssuers[0].url discovery"},
		},
		{
			"a discovery document", issuer(`"url":"https://a.example.com/.well-known/openid-configuration","clientId":"oke"`),
			[]string{"oidcIssuers[0].url discovery"},
		},
		{
			"an issuer with a query", issuer(`"url":"https://a.example.com/?a=b","clientId":"oke"`),
			[]string{"oidcIssuers[0].url query"},
		},
		{
			"users of Kubernetes's own", issuer(`"url":"https://a.example.com","clientId":"oke","usernamePrefix":"system:"`),
			[]string{"oidcIssuers[0].usernamePrefix system:"},
		},
		{
			"a prefix of no groups", issuer(`"url":"https://a.example.com","clientId":"oke","groupsPrefix":"oidc:"`),
			[]string{"oidcIssuers[0].groupsPrefix groupsClaim"},
		},
		{
			"a certificate that is none", issuer(`"url":"https://a.example.com","clientId":"oke","caCertificate":"secret"`),
			[]string{"oidcIssuers[0].caCertificate PEM"},
		},
		{
			"an issuer twice", enhanced("oidcIssuers",
				`[{"url":"https://a.example.com","clientId":"a"},{"url":"https://a.example.com","clientId":"b"}]`),
			[]string{"oidcIssuers[1].url oidcIssuers[0]"},
		},
		{
			"an issuer at port 0", issuer(`"url":"https://a.example.com:0","clientId":"oke"`),
			[]string{"oidcIssuers[0].url 65535"},
		},
		{
			"an issuer above all ports", issuer(`"url":"https://a.example.com:99999","clientId":"oke"`),
			[]string{"oidcIssuers[0].url 99999"},
		},
		{"an issuer of IPv6", issuer(`"url":"https://[fd00::1]","clientId":"oke"`), []string{"oidcIssuers[0].url IPv6"}},
		{
			"an issuer on the API server's machine", issuer(`"url":"https://127.0.0.1","clientId":"oke"`),
			[]string{"oidcIssuers[0].url 127.0.0.1"},
		},
		{
			"an issuer within the cluster", issuer(`"url":"https://kubernetes.default.svc","clientId":"oke"`),
			[]string{"oidcIssuers[0].url kubernetes.default.svc Pods"},
		},
		{
			"an issuer called localhost", issuer(`"url":"https://localhost:8443","clientId":"oke"`),
			[]string{"oidcIssuers[0].url localhost"},
		},
		{
			"an issuer at the metadata service", issuer(`"url":"https://169.254.169.254","clientId":"oke"`),
			[]string{"oidcIssuers[0].url 169.254.169.254"},
		},
		{
			"an issuer without a route", issuer(`"url":"https://10.9.0.1:8443","clientId":"oke"`),
			[]string{"oidcIssuers[0].url 10.9.0.1 peerCidrs"},
		},
		{
			"a blank client", issuer(`"url":"https://a.example.com","clientId":" "`),
			[]string{"oidcIssuers[0].clientId blanks"},
		},
		{
			"a claim without a name", issuer(`"url":"https://a.example.com","clientId":"a","requiredClaims":{"":"x"}`),
			[]string{"oidcIssuers[0].requiredClaims name"},
		},
		{
			"a blank claim", issuer(`"url":"https://a.example.com","clientId":"a","usernameClaim":" "`),
			[]string{"oidcIssuers[0].usernameClaim blanks"},
		},
		{
			"a broken second certificate", issuer(`"url":"https://a.example.com","clientId":"a","caCertificate":` +
				quoted(authority(t, time.Hour)+"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")),
			[]string{"oidcIssuers[0].caCertificate 1 2"},
		},
		{
			"a key with the certificate", issuer(`"url":"https://a.example.com","clientId":"a","caCertificate":` +
				quoted(authority(t, time.Hour)+"-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n")),
			[]string{"oidcIssuers[0].caCertificate PRIVATE"},
		},
		{
			"an expired certificate", issuer(`"url":"https://a.example.com","clientId":"a","caCertificate":` +
				quoted(authority(t, -time.Hour))),
			[]string{"oidcIssuers[0].caCertificate expired"},
		},
		{
			"a tag with verified images", with("imageVerificationKeys", `["ocid1.key.oc1.iad.a"]`,
				"frontendImage", "iad.ocir.io/tenancy/guestbook:v1"),
			[]string{"frontendImage digest"},
		},
		{
			"six keys of images", with("imageVerificationKeys", `["ocid1.key.oc1.iad.a","ocid1.key.oc1.iad.b",`+
				`"ocid1.key.oc1.iad.c","ocid1.key.oc1.iad.d","ocid1.key.oc1.iad.e","ocid1.key.oc1.iad.f"]`),
			[]string{"imageVerificationKeys 5"},
		},
		{"a vault that is a key", with("vaultIds", `["ocid1.key.oc1.iad.a"]`), []string{"vaultIds key"}},

		// The network.
		{"a VCN that is too large", with("vcnCidr", "10.0.0.0/15"), []string{"vcnCidr /15"}},
		{"a VCN that is too small", with("vcnCidr", "10.0.0.0/31"), []string{"vcnCidr /31"}},
		{"a VCN of multicast", with("vcnCidr", "224.0.0.0/16"), []string{"vcnCidr 224"}},
		{"a VCN of loopback", with("vcnCidr", "127.0.0.0/16"), []string{"vcnCidr 127"}},
		{"a VCN of link-local addresses", with("vcnCidr", "169.254.0.0/16"), []string{"vcnCidr 169.254"}},
		{"a VCN of IPv6", with("vcnCidr", "fd00::/48"), []string{"vcnCidr"}},
		{"Pods in the VCN", with("podsCidr", "10.0.128.0/17"), []string{"podsCidr vcnCidr"}},
		{"Services in the VCN", with("servicesCidr", "10.0.0.0/16"), []string{"servicesCidr vcnCidr"}},
		{"Services among the Pods", with("servicesCidr", "10.244.0.0/20"), []string{"servicesCidr podsCidr"}},
		{"too few Services", with("servicesCidr", "10.96.0.0/29"), []string{"servicesCidr /29"}},
		{"too few Pods", with("podsCidr", "10.244.0.0/26"), []string{"podsCidr /26"}},
		{
			"the internet to a private endpoint",
			with("apiAllowedCidrs", `["0.0.0.0/0"]`),
			[]string{"apiAllowedCidrs 0.0.0.0/0"},
		},
		{
			"most of the internet",
			with("loadBalancerAllowedCidrs", `["128.0.0.0/1"]`),
			[]string{"loadBalancerAllowedCidrs /8"},
		},
		{
			"visitors on a machine of its own", with("loadBalancerAllowedCidrs", `["127.0.0.0/8"]`),
			[]string{"loadBalancerAllowedCidrs 127"},
		},
		{
			"visitors of link-local addresses", with("loadBalancerAllowedCidrs", `["169.254.0.0/16"]`),
			[]string{"loadBalancerAllowedCidrs 169.254"},
		},
		{
			"visitors of reserved addresses", with("loadBalancerAllowedCidrs", `["240.0.0.0/8"]`),
			[]string{"loadBalancerAllowedCidrs 240"},
		},
		{
			"operators on a machine of its own", with("apiEndpoint", "public", "apiAllowedCidrs", `["127.0.0.1/32"]`),
			[]string{"apiAllowedCidrs 127"},
		},
		{
			"sessions from link-local addresses", with("bastion", "true", "bastionAllowedCidrs", `["169.254.1.0/24"]`),
			[]string{"bastionAllowedCidrs 169.254"},
		},
		{
			"sessions from a network twice",
			with("bastion", "true", "bastionAllowedCidrs", `["203.0.113.0/24","203.0.113.0/24"]`),
			[]string{"bastionAllowedCidrs twice"},
		},
		{
			"visitors twice", with("loadBalancerAllowedCidrs", `["203.0.113.0/24","203.0.113.0/24"]`),
			[]string{"loadBalancerAllowedCidrs twice"},
		},
		{
			"a rule from reserved addresses",
			with("extraRules", `[{"from":"240.0.0.0/8","to":"publicLoadBalancers","protocol":"tcp","description":"x"}]`),
			[]string{"extraRules[0].from 240"},
		},
		{
			"a rule to link-local addresses",
			with("extraRules", `[{"from":"workers","to":"169.254.0.0/16","protocol":"tcp","description":"x"}]`),
			[]string{"extraRules[0].to 169.254"},
		},
		{"a peer in the VCN", with("peerCidrs", `["10.0.5.0/24"]`), []string{"peerCidrs vcnCidr"}},
		{"a gateway of another kind", with("drgId", "ocid1.natgateway.oc1.iad.a"), []string{"drgId natgateway"}},
		{"flow logs of a subnet that is not there", with("flowLogs", `["bastion"]`), []string{"flowLogs bastion"}},
		{"container logs without the tenancy", with("containerLogs", "true"), []string{"tenancyId containerLogs"}},
		{
			"a group that is none of instances", with("containerLogsGroup", "ocid1.group.oc1..a"),
			[]string{"containerLogsGroup group"},
		},
		{"no port", with("loadBalancerPorts", `["0"]`), []string{"loadBalancerPorts[0] 0"}},
		{"a port above all", with("loadBalancerPorts", `["65536"]`), []string{"loadBalancerPorts[0] 65536"}},
		{"ports backwards", with("loadBalancerPorts", `["90-80"]`), []string{"loadBalancerPorts[0]"}},
		{"a compartment that is a VCN", with("compartmentId", "ocid1.vcn.oc1.iad.a"), []string{"compartmentId vcn"}},
	})
}

// TestWorkablePools has pools of docs/nodes.md, and values at the limits.
func TestWorkablePools(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"autoscaled from nothing": twoPoolsOf(`"size":1`, `"size":0,"minSize":0,"maxSize":5`),
		"parked":                  twoPoolsOf(`"size":1`, `"size":0`),
		"by boot volume":          oneEnhanced(`"cycleBy":"boot-volume"`),
		"a share by boot volume":  oneEnhanced(`"cycleBy":"boot-volume","maxUnavailable":"25%"`),
		"key":                     one(`"sshPublicKey":"` + publicKey + `"`),
		"labels of nodes":         one(`"labels":{"node.kubernetes.io/team":"web","example.com/a":"","b":"c"}`),
		"reservation": one(`"availabilityDomains":[1],` +
			`"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a"`),
		"largest machine": one(`"shape":"VM.Standard.E5.Flex","ocpus":126,"memoryGb":1049`),
		"add-ons": enhanced("addons", `["CertManager","KubernetesMetricsServer"]`, "addonOptions",
			`{"KubernetesMetricsServer":{"version":"v0.7.2","configuration":{"numOfReplicas":"2"}}}`),
		"certificates from elsewhere": enhanced("addons", `["KubernetesMetricsServer"]`, "addonOptions",
			`{"KubernetesMetricsServer":{"configuration":{"skipAddonDependenciesCheck":"true"}}}`),
		"issuers": enhanced("oidcIssuers", `[{"url":"https://a.example.com/x","clientId":"oke","usernamePrefix":"-"},`+
			`{"url":"https://198.51.100.7:8443","clientId":"oke","groupsClaim":"groups","requiredClaims":{"team":"web"}}]`),
		"an issuer of a peer": enhanced("oidcIssuers", `[{"url":"https://10.9.0.1:8443","clientId":"oke"}]`,
			"peerCidrs", `["10.9.0.0/16"]`, "drgId", "ocid1.drg.oc1.iad.a"),
		"an issuer's certificates, one expired": issuer(`"url":"https://a.example.com","clientId":"a","caCertificate":` +
			quoted("the old one\n"+authority(t, -time.Hour)+"the new one\n"+authority(t, time.Hour)+"end\n")),
		"DenseIO":                one(`"shape":"VM.DenseIO.E5.Flex","ocpus":24,"memoryGb":288`),
		"preemptible":            twoPoolsOf(`"size":1`, `"size":2,"preemptible":true`),
		"GPUs":                   twoPoolsOf(`"size":1`, `"size":1,"shape":"VM.GPU.A10.1"`),
		"steps of a parked pool": twoPoolsOf(`"size":1`, `"size":0,"maxSurge":"1"`),
		"all missing":            oneEnhanced(`"maxUnavailable":"2"`),
		"steps of a pool that an autoscaler resizes": oneEnhanced(
			`"minSize":2,"maxSize":5,"maxSurge":"5","maxUnavailable":"100%"`),
		"steps of a pool that the user's autoscaler resizes": oneEnhanced(`"autoscaled":true,"maxSurge":"9"`),
		"prefixes of labels and taints": one(`"labels":{"a-b.c1.example.com/x":""},` +
			`"taints":["a-b.example.com/x=y:PreferNoSchedule","x:PreferNoSchedule"]`),
		"a script with a blank": one(`"cloudInit":"#! /bin/sh\nls\n"`),
		"a cloud-config":        one(`"cloudInit":"#cloud-config\nruncmd: [ls]\n"`),
		"no commands":           one(`"cloudInit":"#cloud-config\nruncmd:\n"`),
		"a script by env":       one(`"cloudInit":"#!/usr/bin/env python3\nprint(1)\n"`),
		"an empty cloud-config": one(`"cloudInit":"#cloud-config\n"`),
		"arguments of add-ons": with("clusterType", "enhanced", "addons", `["CertManager","Istio","NodeProblemDetector"]`,
			"nodePools", one(`"minSize":1,"maxSize":3`)["nodePools"], "addonOptions", `{`+
				`"ClusterAutoscaler":{"configuration":{"scaleDownUnneededTime":"5m","scaleDownUtilizationThreshold":"0.5",`+
				`"coresTotal":"0:64","scaleDownNonEmptyCandidatesCount":"-1","expander":"least-waste"}},`+
				`"CertManager":{"configuration":{"tolerations":"[]","affinity":"e30=","brandNewArgument":"x"}},`+
				`"Istio":{"configuration":{"istiod.PodDisruptionBudgetMinAvailable":"10%"}},`+
				`"NodeProblemDetector":{"configuration":{"numOfReplica":"2"}}}`),
		"the Pod network's own add-on": enhanced("addons", `["Flannel"]`),
		"large tags":                   with("definedTags", largeTags(16)),
		"512 backends":                 with("podsCidr", "11.0.0.0/8", "nodePools", poolsOf(`"size":512`)["nodePools"]),
		"1000 nodes of a basic cluster": with("podsCidr", "11.0.0.0/8", "exposure", "none", "nodePools",
			`[{"name":"a","size":1000,"ocpus":2,"memoryGb":12}]`),
		"the internet and a network": with("loadBalancerAllowedCidrs", `["0.0.0.0/0","203.0.113.0/24"]`),
		"verified images": with("imageVerificationKeys", `["ocid1.key.oc1.iad.a"]`, "frontendImage",
			"iad.ocir.io/tenancy/guestbook@sha256:"+strings.Repeat("a", 64)),
		"defined tags": with("definedTags", `{"Operations.CostCenter":"42"}`),
	} {
		if _, err := load(set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
