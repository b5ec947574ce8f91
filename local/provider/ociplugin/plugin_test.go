package ociplugin

import (
	"fmt"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"oke-guestbook/catalog"
	emulator "oke-guestbook/local/oci"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/provider/value"
)

func TestRefusesEverythingButTheLocalCloud(t *testing.T) {
	network := string(catalog.VirtualNetworkClient)
	for name, overrides := range map[string]string{
		"none":           "",
		"Oracle's":       network + "=https://iaas.us-ashburn-1.oraclecloud.com",
		"one elsewhere":  network + "=http://127.0.0.1:1;" + network + "=http://10.0.0.1:80",
		"looks like one": network + "=http://127.evil.example.com",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CLIENT_HOST_OVERRIDES", overrides)
			err := New().WithDefaults().Configure(t.Context(), p.ConfigureRequest{})
			if err == nil || !strings.Contains(err.Error(), "install the official plugin") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The engine calls Check and Create for a replacement (a taint, or --replace) as it does for a first creation.
func TestReplacementIsAnotherResource(t *testing.T) {
	w := newWorld(t)
	inputs := object{"compartmentId": compartment, "cidrBlocks": []any{"10.0.0.0/16"}, "displayName": "a"}
	first := w.create(catalog.VCN, "vcn", inputs)
	if second := w.create(catalog.VCN, "vcn", inputs); second.ID == first.ID {
		t.Errorf("the replacement is the resource to replace, %s", first.ID)
	}
}

func TestRefusalsAreTheServicesErrors(t *testing.T) {
	w := newWorld(t)
	u := newURN(catalog.VCN, "vcn")
	inputs := value.OfMap(object{"compartmentId": compartment, "cidrBlocks": []any{"10.0.0.1/16"}})
	made, err := w.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
	if err == nil || !strings.Contains(err.Error(), "400 InvalidParameter") {
		t.Errorf("got %v", err)
	}
	if made.ID != "" || made.PartialState != nil {
		t.Errorf("the refused resource has an id: %+v", made)
	}
}

func TestSecretsAndUnknowns(t *testing.T) {
	w := newWorld(t)
	u := newURN(catalog.VCN, "vcn")
	inputs := value.OfMap(object{"compartmentId": compartment, "cidrBlocks": []any{"10.0.0.0/16"}, "displayName": "a"})
	inputs = inputs.Set("displayName", inputs.Get("displayName").WithSecret(true))
	made, err := w.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
	if err != nil {
		t.Fatal(err)
	}
	if !made.Properties.Get("displayName").Secret() || made.Properties.Get("state").Secret() {
		t.Errorf("secrets: %v", made.Properties)
	}

	diff, err := w.Diff(t.Context(), p.DiffRequest{
		ID: made.ID, Urn: u, State: made.Properties, OldInputs: inputs,
		Inputs: inputs.Set("displayName", property.New(property.Computed)),
	})
	if err != nil || !diff.HasChanges || diff.DetailedDiff["displayName"].Kind != p.Update {
		t.Errorf("an unknown input: %+v, %v", diff, err)
	}

	got, err := w.Invoke(t.Context(), p.InvokeRequest{
		Token: "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig",
		Args:  property.NewMap(map[string]property.Value{"clusterId": property.New(property.Computed)}),
	})
	if err != nil || !got.Return.Get("content").IsComputed() {
		t.Errorf("a function of an unknown argument: %v, %v", got.Return, err)
	}
}

func TestFunctions(t *testing.T) {
	w := newWorld(t)
	w.build()
	w.create(catalog.DRGAttachment, "attachment", object{
		"drgId": w.ids["drg"], "networkDetails": object{"type": "VCN", "id": w.ids["other"]},
	})
	inCompartment := object{"compartmentId": compartment}
	namespace := w.invoke("oci:ObjectStorage/getNamespace:getNamespace", inCompartment)["namespace"]
	w.create(catalog.Bucket, "backups", object{"compartmentId": compartment, "namespace": namespace, "name": "backups"})
	inDomain := with(inCompartment, object{"availabilityDomain": ad1})
	ofOther := with(inCompartment, object{"vcnId": w.ids["other"]})
	oracleLinux := with(inCompartment, object{"operatingSystem": "Oracle Linux"})
	for token, c := range map[string]struct {
		args object
		list string
		want int
	}{
		"oci:Identity/getAvailabilityDomains:getAvailabilityDomains": {inCompartment, "availabilityDomains", 3},
		"oci:Identity/getFaultDomains:getFaultDomains":               {inDomain, "faultDomains", 3},
		"oci:ContainerEngine/getClusterOption:getClusterOption": {
			object{"clusterOptionId": "all"}, "kubernetesVersions", 6,
		},
		"oci:ContainerEngine/getAddonOptions:getAddonOptions": {
			object{"kubernetesVersion": "v1.36.4", "addonName": "CertManager", "shouldShowAllVersions": true}, "addonOptions", 1,
		},
		"oci:Identity/getRegionSubscriptions:getRegionSubscriptions": {
			object{"tenancyId": emulator.TenancyID}, "regionSubscriptions", 1,
		},
		"oci:Limits/getLimitValues:getLimitValues": {
			object{"compartmentId": emulator.TenancyID, "serviceName": "vcn", "name": "vcn-count"}, "limitValues", 1,
		},
		"oci:ContainerEngine/getClusters:getClusters":        {inCompartment, "clusters", 1},
		"oci:Core/getServices:getServices":                   {object{}, "services", 2},
		"oci:LoadBalancer/getLoadBalancers:getLoadBalancers": {inCompartment, "loadBalancers", 0},
		"oci:NetworkLoadBalancer/getNetworkLoadBalancers:getNetworkLoadBalancers": {
			inCompartment, "networkLoadBalancerCollections", 1,
		},
		"oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {
			object{"nodePoolOptionId": "all"}, "kubernetesVersions", 6,
		},
		"oci:Artifacts/getContainerRepositories:getContainerRepositories": {
			inCompartment, "containerRepositoryCollections", 1,
		},
		"oci:Artifacts/getContainerImages:getContainerImages": {inCompartment, "containerImageCollections", 1},
		"oci:ContainerEngine/getNodePools:getNodePools":       {inCompartment, "nodePools", 0},
		"oci:Core/getSubnets:getSubnets":                      {inCompartment, "subnets", 4},
		"oci:Core/getNatGateways:getNatGateways":              {inCompartment, "natGateways", 0},
		"oci:Core/getVolumes:getVolumes":                      {inCompartment, "volumes", 0},
		"oci:Core/getDrgAttachments:getDrgAttachments":        {ofOther, "drgAttachments", 1},
		"oci:Core/getImages:getImages":                        {oracleLinux, "images", 20},
		"oci:ObjectStorage/getObjects:getObjects": {
			object{"namespace": namespace, "bucket": "backups"}, "objects", 0,
		},
	} {
		t.Run(token, func(t *testing.T) {
			w := *w
			w.T = t
			list, ok := w.invoke(token, c.args)[c.list].([]any)
			if !ok || len(list) != c.want {
				t.Errorf("%d %s, want %d: %v", len(list), c.list, c.want, list)
			}
		})
	}
	options := w.invoke("oci:ContainerEngine/getAddonOptions:getAddonOptions", object{
		"kubernetesVersion": "v1.36.4", "addonName": "CertManager",
	})
	if text := fmt.Sprint(options["addonOptions"]); !strings.Contains(text, "versionNumber:v1.17.1") {
		t.Errorf("the versions of an add-on: %s", text)
	}
	got := w.invoke("oci:Core/getVcn:getVcn", object{"vcnId": w.ids["vcn"]})
	if got["dnsLabel"] != "base" || got["defaultSecurityListId"] != w.ids["defaultSecurityList"] {
		t.Errorf("getVcn: %v", got)
	}
	got = w.invoke("oci:ContainerEngine/getCluster:getCluster", object{"clusterId": w.ids["cluster"]})
	for _, want := range []string{"servicesCidr:10.96.0.0/16", "isPublicIpEnabled:true", "cniType:FLANNEL_OVERLAY"} {
		lists := fmt.Sprint(got["endpointConfigs"], got["options"], got["clusterPodNetworkOptions"])
		if !strings.Contains(lists, want) {
			t.Errorf("getCluster has no %s: %v", want, got)
		}
	}
	got = w.invoke("oci:Identity/getAvailabilityDomain:getAvailabilityDomain", object{
		"compartmentId": compartment, "adNumber": 2.0,
	})
	if got["name"] != "Uocm:US-ASHBURN-AD-2" {
		t.Errorf("getAvailabilityDomain: %v", got)
	}
	for token, args := range map[string]object{
		"oci:Core/getVcn:getVcn":                  {"vcnId": "ocid1.vcn.oc1.iad.x"},
		"oci:Core/getPublicIp:getPublicIp":        {"ipAddress": "192.0.2.9"},
		"oci:ObjectStorage/getObjects:getObjects": {"namespace": namespace, "bucket": "none"},
		"oci:Core/getSubnets:getSubnets":          {"compartmentId": "ocid1.compartment.oc1..x"},
		"oci:ContainerEngine/getClusterOption:getClusterOption": {
			"compartmentId": "ocid1.compartment.oc1..x", "clusterOptionId": "all",
		},
		"oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": {"clusterId": "ocid1.cluster.oc1.iad.x"},
	} {
		// As the official plugin, which has no error where the service answers 404.
		if got := w.invoke(token, args); got["id"] != "" || got["state"] != nil || len(list(got["subnets"])) > 0 {
			t.Errorf("%s of a resource that does not exist: %v", token, got)
		}
	}
	missingDomain := value.OfMap(object{"compartmentId": compartment, "adNumber": 4.0})
	_, err := w.Invoke(t.Context(), p.InvokeRequest{
		Token: "oci:Identity/getAvailabilityDomain:getAvailabilityDomain", Args: missingDomain,
	})
	if err == nil || !strings.Contains(err.Error(), "adNumber") {
		t.Errorf("availability domain 4: %v", err)
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

// TestNamedByID asks for what settings name by OCID alone.
func TestNamedByID(t *testing.T) {
	w := newWorld(t)
	w.build()
	made := func(path string, body object) string {
		var doc object
		body = with(object{"compartmentId": compartment}, body)
		if _, err := w.rest.Do(t.Context(), "POST", path, nil, body, &doc); err != nil {
			t.Fatal(err)
		}
		return doc["id"].(string)
	}
	vault := made("/20180608/vaults", object{"displayName": "v", "vaultType": "DEFAULT"})
	key := made("/20180608/keys", object{"displayName": "k", "keyShape": object{"algorithm": "RSA", "length": 256}})
	reservation := made("/20160918/computeCapacityReservations", object{
		"availabilityDomain": ad1, "instanceReservationConfigs": []any{object{
			"instanceShape": "VM.Standard.A1.Flex", "reservedCount": 1,
			"instanceShapeConfig": object{"ocpus": 2, "memoryInGBs": 12},
		}},
	})
	group := w.create(catalog.NetworkSecurityGroup, "g", object{"compartmentId": compartment, "vcnId": w.ids["vcn"]})
	topic := w.create(catalog.Topic, "t", object{"compartmentId": compartment, "name": "t"})
	for _, c := range []struct {
		token    string
		args     object
		property string
		want     any
	}{
		{"oci:Kms/getVault:getVault", object{"vaultId": vault}, "state", "ACTIVE"},
		{"oci:Kms/getVaults:getVaults", object{"compartmentId": compartment}, "vaults.0.id", vault},
		{"oci:Kms/getKey:getKey", object{"keyId": key}, "state", "ENABLED"},
		{"oci:Kms/getKey:getKey", object{"keyId": key}, "keyShapes.0.algorithm", "RSA"},
		{
			"oci:Core/getComputeCapacityReservation:getComputeCapacityReservation",
			object{"capacityReservationId": reservation},
			"instanceReservationConfigs.0.instanceShapeConfigs.0.memoryInGbs", 12.0,
		},
		{"oci:Core/getImage:getImage", object{"imageId": compute.Images[0].ID}, "state", "AVAILABLE"},
		{
			"oci:Core/getNetworkSecurityGroup:getNetworkSecurityGroup",
			object{"networkSecurityGroupId": group.ID},
			"vcnId", w.ids["vcn"],
		},
		{
			"oci:Core/getDrgRouteTables:getDrgRouteTables",
			object{"drgId": w.ids["drg"]},
			"drgRouteTables.0.drgId", w.ids["drg"],
		},
		{"oci:Ons/getNotificationTopic:getNotificationTopic", object{"topicId": topic.ID}, "state", "ACTIVE"},
		{"oci:Identity/getTenancy:getTenancy", object{"tenancyId": emulator.TenancyID}, "name", "local"},
	} {
		var got any = w.invoke(c.token, c.args)
		for _, part := range strings.Split(c.property, ".") {
			if items := list(got); part == "0" && len(items) > 0 {
				got = items[0]
			} else if doc, ok := got.(object); ok {
				got = doc[part]
			}
		}
		if got != c.want {
			t.Errorf("%s has %s %v, want %v", c.token, c.property, got, c.want)
		}
	}
}

func TestNamesAreChosenAndKept(t *testing.T) {
	w := newWorld(t)
	u := newURN(catalog.Policy, "backup")
	inputs := object{"compartmentId": compartment, "description": "a", "statements": []any{"x"}}
	first := w.CheckInputs(u, property.Map{}, inputs)
	name := first.Get("name").AsString()
	if !strings.HasPrefix(name, "backup-") || len(name) != len("backup-")+7 {
		t.Errorf("chosen: %q", name)
	}
	if again := w.CheckInputs(u, first, inputs); again.Get("name").AsString() != name {
		t.Errorf("%q became %q", name, again.Get("name").AsString())
	}
	if own := w.CheckInputs(u, first, with(inputs, object{"name": "own"})); own.Get("name").AsString() != "own" {
		t.Errorf("the program's own name became %v", own.Get("name"))
	}
}
