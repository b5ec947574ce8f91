package oci_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

// grantCase is what a stack with some settings does by its principals.
type grantCase struct {
	name string
	// set makes what the settings name.
	set func(w *world, in *iam.Input)
	// act does what needs the statements. It returns the words of the refusal, or "".
	act func(w *world) string
	// spare are statements that the local cloud does not ask for, by their reasons.
	spare []string
}

// world is what the cases use.
type world struct {
	*ocitest.Cloud
	net                                                ocitest.Network
	cluster, key, image, reservation, address, listens string
	group                                              string
	count                                              int
}

var grantCases = []grantCase{
	{
		name: "key of secrets",
		set: func(w *world, in *iam.Input) {
			w.key = w.Key("AES", 32)
			in.Cluster.KMSKeyID = w.key
		},
		act: func(w *world) string { return w.makeCluster("kmsKeyId", w.key) },
	},
	{
		name: "keys of images", // signatures are not checked
		set: func(w *world, in *iam.Input) {
			w.key = w.Key("RSA", 256)
			in.Cluster.ImageKeys = []string{w.key}
		},
		act: func(w *world) string {
			return w.makeCluster("imagePolicyConfig", engine.Doc{
				"isPolicyEnabled": true, "keyDetails": []any{engine.Doc{"kmsKeyId": w.key}},
			})
		},
		spare: []string{"verifies images", "reads the images' signatures"},
	},
	{
		name: "defined tags",
		set: func(w *world, in *iam.Input) {
			in.DefinedTags = true
			w.Namespace("Operations", "CostCenter")
		},
		act: func(w *world) string {
			tags := engine.Doc{"Operations": engine.Doc{"CostCenter": "42"}}
			if refusal := w.makeBalancer("definedTags", tags); refusal != "" {
				return refusal
			}
			if _, refusal := w.makePool("nodeConfigDetails.definedTags", tags); refusal != "" {
				return refusal
			}
			_, refusal := w.makeVolume("definedTags", tags)
			return refusal
		},
	},
	{
		name: "network elsewhere",
		set:  setNetworkElsewhere,
		act: func(w *world) string {
			group := w.Create("networkSecurityGroups", engine.Doc{"compartmentId": oci.TenancyID, "vcnId": w.net.Vcn})
			instance, refusal := w.makePool("nodeConfigDetails.nodePoolPodNetworkOptionDetails", engine.Doc{
				"cniType": "OCI_VCN_IP_NATIVE", "podSubnetIds": []any{w.net.Workers}, "podNsgIds": []any{group.Str("id")},
			})
			if refusal == "" {
				refusal = w.makeBalancer("displayName", "elsewhere")
			}
			if refusal != "" {
				return refusal
			}
			volume, refusal := w.makeVolume("displayName", "data")
			if refusal != "" {
				return refusal
			}
			w.Sleep(time.Minute)
			return refusalOf(w.asCluster().Send("POST", ocitest.Core+"/volumeAttachments", engine.Doc{
				"type": "paravirtualized", "instanceId": instance, "volumeId": volume,
			}, nil))
		},
		spare: []string{"attaches VNICs for Pods to the nodes"}, // which are in the cluster's compartment
	},
	{
		name: "address elsewhere",
		set: func(w *world, in *iam.Input) {
			w.address = w.Create("publicIps", engine.Doc{"compartmentId": oci.TenancyID, "lifetime": "RESERVED"}).Str("id")
			in.AddressCompartment = oci.TenancyID
			in.Guestbooks[0].ReservedAddress = "203.0.113.1"
		},
		act: func(w *world) string {
			address := w.Get(ocitest.Core + "/publicIps/" + w.address)
			found := w.asCluster().Send("POST", ocitest.Core+"/publicIps/actions/getByIpAddress",
				engine.Doc{"ipAddress": address["ipAddress"]}, nil)
			if refusal := refusalOf(found); refusal != "" {
				return refusal
			}
			return w.makeBalancer("reservedIps", []any{engine.Doc{"id": w.address}})
		},
	},
	{
		name: "certificate",
		set: func(w *world, in *iam.Input) {
			in.Guestbooks[0].TLSCertificateID = w.certificateIn(oci.CompartmentID)
		},
		act: func(w *world) string {
			return w.makeBalancer("listeners", engine.Doc{"TCP-443": engine.Doc{
				"defaultBackendSetName": "TCP-80", "port": 443, "protocol": "TCP",
				"sslConfiguration": engine.Doc{"certificateIds": []any{w.listens}},
			}})
		},
	},
	{
		name: "certificate elsewhere, measured",
		set: func(w *world, in *iam.Input) {
			w.needCluster(false)
			in.Guestbooks[0].TLSCertificateID = w.certificateIn(oci.TenancyID)
			in.CertificateCompartment, in.ClusterID = oci.TenancyID, w.cluster
			in.Alarms, in.Guestbooks[0].Measured, in.Guestbooks[0].Namespace = true, true, "guestbook"
		},
		act: func(w *world) string {
			job := w.As(engine.Principal{
				ID: "ocid1.workload.oc1.iad.measure", Type: engine.WorkloadPrincipal,
				Workload: engine.Workload{ClusterID: w.cluster, Namespace: "guestbook", ServiceAccount: "measure"},
			})
			return refusalOf(job.Send("GET", ocitest.Certificates+"/certificates/"+w.listens, nil, nil))
		},
		spare: []string{"gives the load balancer the certificate"}, // there is no load balancer
	},
	{
		name: "image of one's own",
		set: func(w *world, in *iam.Input) {
			custom := *compute.ImageByID(ocitest.ImageFor("v1.36.4", true))
			custom.ID, custom.CompartmentID = "ocid1.image.oc1.iad.custom", oci.CompartmentID
			compute.Images = append(compute.Images, custom)
			w.T.Cleanup(func() { compute.Images = compute.Images[:len(compute.Images)-1] })
			w.image, in.Cluster.NodePools[0].ImageID = custom.ID, custom.ID
		},
		act: func(w *world) string {
			_, refusal := w.makePool("nodeSourceDetails.imageId", w.image)
			return refusal
		},
	},
	{
		name: "groups elsewhere",
		set: func(w *world, in *iam.Input) {
			w.net = w.Network()
			w.group = w.Create("networkSecurityGroups", engine.Doc{
				"compartmentId": oci.TenancyID, "vcnId": w.net.Vcn,
			}).Str("id")
			in.Cluster.NodePools[0].NSGIDs, in.GroupCompartment = []string{w.group}, oci.TenancyID
		},
		act: func(w *world) string {
			_, refusal := w.makePool("nodeConfigDetails.nsgIds", []any{w.group})
			return refusal
		},
	},
	{
		name: "capacity reservation",
		set: func(w *world, in *iam.Input) {
			w.reservation = w.Reservation(oci.AvailabilityDomains[0])
			in.Cluster.NodePools[0].CapacityReservationID = w.reservation
		},
		act: func(w *world) string {
			_, refusal := w.makePool("nodeConfigDetails.placementConfigs", []any{engine.Doc{
				"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": w.net.Workers,
				"capacityReservationId": w.reservation,
			}})
			return refusal
		},
	},
	{
		name: "key of boot volumes",
		set: func(w *world, in *iam.Input) {
			w.key = w.Key("AES", 32)
			in.Cluster.NodePools[0].BootVolumeKMSKeyID = w.key
		},
		act: func(w *world) string {
			_, refusal := w.makePool("nodeConfigDetails.kmsKeyId", w.key)
			return refusal
		},
	},
	{
		name: "autoscaler", set: setAutoscaler, act: (*world).scale, spare: []string{"finds the node pools"},
	},
	{
		name: "autoscaler in a network elsewhere",
		set: func(w *world, in *iam.Input) {
			setNetworkElsewhere(w, in)
			in.Network.PodNetwork = layout.Flannel
			in.Guestbooks = nil
			setAutoscaler(w, in)
		},
		act: (*world).scale,
		spare: []string{
			"puts load balancers into subnets", "reads the VCN", "gives Pods and load balancers addresses",
			"launches nodes in subnets", "gives the nodes VNICs", // the pool has no node
			"puts new nodes into their subnet\n", "gives new nodes VNICs\n", "finds the node pools", "finds the subnets",
		},
	},
}

func setNetworkElsewhere(w *world, in *iam.Input) {
	w.net = w.NetworkIn(oci.TenancyID)
	in.Network.VcnID, in.NetworkCompartment = w.net.Vcn, oci.TenancyID
	in.Network.PodNetwork = layout.VCNNative
}

func setAutoscaler(w *world, in *iam.Input) {
	w.needCluster(false)
	in.ClusterID = w.cluster
	in.Cluster.ClusterType = cluster.Enhanced
	in.Cluster.NodePools[0].MaxSize = 3
}

// TestGrants does what needs each statement that the program prints for principals other than users. With exactly those
// it works; without one of them it is refused, or fails, in the service's words.
func TestGrants(t *testing.T) {
	var shown []string
	for _, g := range grantCases {
		t.Run(g.name, func(t *testing.T) {
			ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) { shown = append(shown, g.judge(&world{Cloud: c})...) })
		})
	}
	_, others, _ := strings.Cut(iam.Reference(), "\n### The cluster")
	others, _, _ = strings.Cut(others, "\n### Sources")
	for row := range strings.Lines(others) {
		covered := !strings.HasPrefix(row, "| `")
		for _, why := range shown {
			covered = covered || strings.Contains(row, " "+why+" ")
		}
		if !covered {
			t.Errorf("no case is about %s", row)
		}
	}
}

// judge returns the reasons of the statements.
func (g grantCase) judge(w *world) (reasons []string) {
	in := iam.Input{
		Project: "oke-guestbook", Stack: "test", CompartmentID: oci.CompartmentID, Group: "ops",
		Cluster:    cluster.Spec{ClusterType: cluster.Basic, NodePools: []cluster.NodePool{{Name: "workers", Size: 1}}},
		Guestbooks: []workload.Guestbook{{Name: "guestbook"}},
	}
	in.Network.Settings().ApplyDefaults()
	g.set(w, &in)
	if w.net.Vcn == "" {
		w.net = w.Network()
	}
	w.needCluster(in.Network.PodNetwork == layout.VCNNative)
	var all []iam.Statement
	for _, s := range iam.Statements(in) {
		if s.Principal != iam.Operators {
			all = append(all, s)
			reasons = append(reasons, s.Why)
		}
	}
	policy := w.Create("policies", engine.Doc{
		"compartmentId": oci.TenancyID, "name": "principals", "description": "d", "statements": []any{nothing},
	}).Str("id")
	without := func(left int) string {
		texts := []any{nothing}
		for i, s := range all {
			if i != left {
				texts = append(texts, s.Text)
			}
		}
		w.Want(200, "PUT", ocitest.Core+"/policies/"+policy, engine.Doc{"statements": texts})
		w.Sleep(time.Minute)
		return g.act(w)
	}
	if refusal := without(-1); refusal != "" {
		w.T.Errorf("with all statements: %s", refusal)
	}
	for i, s := range all {
		refusal := without(i)
		switch {
		case g.spares(s) && refusal != "":
			w.T.Errorf("it needs %s: %s", s.Text, refusal)
		case !g.spares(s) && !strings.Contains(refusal, "Authorization failed or requested resource not found"):
			w.T.Errorf("without %s: %q", s.Text, refusal)
		}
	}
	return reasons
}

// TestClusterIsEarlierThanItsPolicy makes a cluster as soon as the policy for its key is written, and one as late as
// the program does.
func TestClusterIsEarlierThanItsPolicy(t *testing.T) {
	ocitest.Run(t, oci.Config{PolicyDelay: time.Minute}, func(c *ocitest.Cloud) {
		w := &world{Cloud: c, net: c.Network(), key: c.Key("AES", 32)}
		in := iam.Input{
			Project: "oke-guestbook", Stack: "test", CompartmentID: oci.CompartmentID,
			Cluster: cluster.Spec{KMSKeyID: w.key, ClusterPolicy: true},
		}
		policy, err := iam.ClusterPolicy(in)
		if err != nil {
			t.Fatal(err)
		}
		for wait, want := range map[time.Duration]string{
			0: "FAILED: Authorization failed", cluster.DefaultPolicyWaitSeconds * time.Second: "",
		} {
			written := w.Create("policies", engine.Doc{
				"compartmentId": policy.CompartmentID, "name": policy.Name, "description": "d",
				"statements": engine.List(policy.Statements),
			})
			w.Sleep(wait)
			refusal := w.makeCluster("kmsKeyId", w.key)
			if !strings.HasPrefix(refusal, want) || want == "" && refusal != "" {
				t.Errorf("%s after the policy: %q, want %q", wait, refusal, want)
			}
			w.Remove("policies", written.Str("id"))
		}
	})
}

// nothing is a statement that gives no principal anything.
const nothing = "Allow group nobody to read objects in tenancy"

func (g grantCase) spares(s iam.Statement) bool {
	for _, why := range g.spare {
		if strings.HasPrefix(s.Why+"\n", why) {
			return true
		}
	}
	return false
}

// refusalOf is the message of an answer that is an error, or "".
func refusalOf(r ocitest.Reply) string {
	if r.Status < 300 {
		return ""
	}
	return r.Object().Str("message")
}

func (w *world) asCluster() *ocitest.Cloud {
	return w.As(engine.Principal{ID: w.cluster, Type: engine.ClusterPrincipal})
}

func (w *world) needCluster(native bool) {
	if w.cluster != "" {
		return
	}
	if w.net.Vcn == "" {
		w.net = w.Network()
	}
	body := ocitest.ClusterBody(w.net)
	body["type"] = "ENHANCED_CLUSTER"
	if native {
		body["clusterPodNetworkOptions"] = []any{engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}}
	}
	w.cluster = w.Succeeded(w.Send("POST", ocitest.OKE+"/clusters", body, nil))
}

// makeCluster makes a cluster with a field of the body, and deletes it.
func (w *world) makeCluster(field string, value any) string {
	body := ocitest.Changed(ocitest.ClusterBody(w.net), field, value)
	body["name"] = w.name()
	wr := w.WorkRequest(w.Send("POST", ocitest.OKE+"/clusters", body, nil))
	made := w.Get(ocitest.OKE + "/clusters/" + wr.Objects("resources")[0].Str("identifier"))
	w.Succeeded(w.Send("DELETE", ocitest.OKE+"/clusters/"+made.Str("id"), nil, nil))
	if made["lifecycleState"] == "ACTIVE" {
		return ""
	}
	return fmt.Sprint(made["lifecycleState"], ": ", made["lifecycleDetails"])
}

// makePool makes a pool of one node with a field of the body.
func (w *world) makePool(field string, value any) (instance, refusal string) {
	body := ocitest.Changed(ocitest.PoolBody(w.net, w.cluster, 1), field, value)
	body["name"] = w.name()
	wr := w.WorkRequest(w.Send("POST", ocitest.OKE+"/nodePools", body, nil))
	id := wr.Objects("resources")[0].Str("identifier")
	made := w.Get(ocitest.OKE + "/nodePools/" + id)
	if made["lifecycleState"] != "ACTIVE" {
		return "", fmt.Sprint(made["lifecycleState"], ": ", made["lifecycleDetails"])
	}
	return made.Objects("nodes")[0].Str("id"), ""
}

// makeBalancer makes a load balancer as the cluster, and deletes it.
func (w *world) makeBalancer(field string, value any) string {
	const base = ocitest.LB + "/loadBalancers"
	body := ocitest.Changed(engine.Doc{
		"compartmentId": oci.CompartmentID, "displayName": w.name(), "shapeName": "flexible", "subnetIds": []any{w.net.LBs},
		"shapeDetails": engine.Doc{"minimumBandwidthInMbps": 10, "maximumBandwidthInMbps": 10},
		"backendSets": engine.Doc{"TCP-80": engine.Doc{
			"policy": "ROUND_ROBIN", "healthChecker": engine.Doc{"protocol": "HTTP", "port": 10256, "urlPath": "/healthz"},
		}},
	}, field, value)
	made := w.asCluster().Send("POST", base, body, nil)
	if refusal := refusalOf(made); refusal != "" {
		return refusal
	}
	w.Sleep(5 * time.Minute)
	for _, lb := range w.GetList(base + "?compartmentId=" + oci.CompartmentID) {
		w.Want(204, "DELETE", base+"/"+lb.Str("id"), nil)
	}
	w.Sleep(5 * time.Minute)
	return ""
}

// makeVolume makes a volume as the cluster.
func (w *world) makeVolume(field string, value any) (id, refusal string) {
	made := w.asCluster().Send("POST", ocitest.Core+"/volumes", engine.Doc{
		"compartmentId": oci.CompartmentID, "availabilityDomain": oci.AvailabilityDomains[0], "sizeInGBs": 50, field: value,
	}, nil)
	return made.Object().Str("id"), refusalOf(made)
}

// certificateIn imports a certificate.
func (w *world) certificateIn(compartment string) string {
	pem, key, err := cert.GenerateSelfSignedCertKey("guestbook.example.com", nil, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	w.listens = w.Want(200, "POST", ocitest.Certificates+"/certificates", engine.Doc{
		"compartmentId": compartment, "name": "page", "certificateConfig": engine.Doc{
			"configType": "IMPORTED", "certificatePem": string(pem), "certChainPem": string(pem), "privateKeyPem": string(key),
		},
	}).Object().Str("id")
	w.Sleep(time.Minute)
	return w.listens
}

// scale changes the size of a pool as the autoscaler does.
func (w *world) scale() string {
	body := ocitest.PoolBody(w.net, w.cluster, 0)
	body["name"] = w.name()
	pool := ocitest.OKE + "/nodePools/" + w.Succeeded(w.Send("POST", ocitest.OKE+"/nodePools", body, nil))
	autoscaler := w.As(engine.Principal{
		ID: "ocid1.workload.oc1.iad.autoscaler", Type: engine.WorkloadPrincipal,
		Workload: engine.Workload{ClusterID: w.cluster, Namespace: "kube-system", ServiceAccount: "cluster-autoscaler"},
	})
	if refusal := refusalOf(autoscaler.Send("GET", pool, nil, nil)); refusal != "" {
		return refusal
	}
	return refusalOf(autoscaler.Send("PUT", pool, engine.Doc{"nodeConfigDetails": engine.Doc{"size": 0}}, nil))
}

func (w *world) name() string {
	w.count++
	return fmt.Sprint("n", w.count)
}
