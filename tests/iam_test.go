package tests

import (
	"bufio"
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/iam"
	"oke-guestbook/settings"
)

// policiesOf returns what package iam needs of a stack. A VCN of vcnId belongs to mocks.Networkers.
func policiesOf(t *testing.T, stack string, set map[string]string) iam.Input {
	t.Helper()
	s, err := settings.Load(project, stack, configuration(t, stack, set), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	in := s.Rights(project, stack)
	in.Group = "operators"
	if in.Network.VcnID != "" {
		in.NetworkCompartment = mocks.Networkers
	}
	if err := iam.Validate(in); err != nil {
		t.Fatal(err)
	}
	return in
}

// operated are stacks whose resources the operators' statements must cover.
func operated(t *testing.T) map[string]iamCase {
	all := map[string]iamCase{"every kind of guestbook": {"local", kinds(t)}}
	for _, name := range environments {
		all["stack "+name] = iamCase{stack: name}
	}
	all["stack prod in the tenancy"] = iamCase{"prod", map[string]string{"compartmentId": "ocid1.tenancy.oc1..root"}}
	all["alarms"] = iamCase{"prod", alarms}
	all["container logs"] = iamCase{"prod", nodeLogs}
	all["budget"] = iamCase{"local", budget("100", "ops")}
	virtual := burst("")
	virtual["clusterType"] = "enhanced"
	all["virtual nodes"] = iamCase{"local", virtual}
	all["everything that is named by OCID"] = iamCase{"local", named}
	all["address in use"] = iamCase{"local", map[string]string{"reservedAddress": mocks.OwnAddress}}
	for _, n := range networks {
		all[n.what] = iamCase{"local", n.set}
	}
	return all
}

type iamCase struct {
	stack string
	set   map[string]string
}

// location writes a compartment as a statement does.
func location(id string) string {
	if strings.HasPrefix(id, "ocid1.tenancy.") {
		return "tenancy"
	}
	return "compartment id " + id
}

// covering returns the operators' statement that covers a type of resource.
func covering(in iam.Input, token string) (iam.Statement, bool) {
	all := iam.Statements(in)
	i := slices.IndexFunc(all, func(s iam.Statement) bool {
		return s.Principal == iam.Operators && slices.Contains(s.Covers, token)
	})
	if i < 0 {
		return iam.Statement{}, false
	}
	return all[i], true
}

// TestStatementsCoverTheGoldenGraphs fails when a stack of the repository gets a type of resource without a statement.
func TestStatementsCoverTheGoldenGraphs(t *testing.T) {
	for _, name := range environments {
		in := policiesOf(t, name, nil)
		file, err := os.Open(filepath.Join("testdata", name+".graph"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			token := strings.Fields(lines.Text())[0]
			if _, ok := covering(in, token); strings.HasPrefix(token, "oci:") && !ok {
				t.Errorf("stack %s: no statement covers %s: add a grant to plan/iam/grants.go, or the type to one", name, token)
			}
		}
		file.Close()
	}
}

const (
	getReservation = "oci:Core/getComputeCapacityReservation:getComputeCapacityReservation"
	getDrgTables   = "oci:Core/getDrgRouteTables:getDrgRouteTables"
)

// calledBy are the operators' grants that the functions of the program need; empty for none.
var calledBy = map[string]string{
	"oci:Identity/getAvailabilityDomains:getAvailabilityDomains":      "inspect compartments",
	"oci:Identity/getCompartment:getCompartment":                      "inspect compartments",
	"oci:Identity/getRegionSubscriptions:getRegionSubscriptions":      "", // not checked without inspect tenancies
	"oci:Limits/getLimitValues:getLimitValues":                        "", // nor these without read resource-availability
	"oci:ContainerEngine/getClusterOption:getClusterOption":           "manage clusters",
	"oci:ContainerEngine/getNodePoolOption:getNodePoolOption":         "manage clusters",
	"oci:ContainerEngine/getCluster:getCluster":                       "manage clusters",
	"oci:ContainerEngine/getClusters:getClusters":                     "manage clusters",
	"oci:ContainerEngine/getNodePool:getNodePool":                     "manage cluster-node-pools",
	"oci:ContainerEngine/getNodePools:getNodePools":                   "manage cluster-node-pools",
	"oci:Core/getVolumes:getVolumes":                                  "inspect volumes",
	"oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig":   "manage clusters",
	"oci:ObjectStorage/getNamespace:getNamespace":                     "{OBJECTSTORAGE_NAMESPACE_READ}",
	"oci:CertificatesManagement/getCertificate:getCertificate":        "read leaf-certificates",
	"oci:Dns/getRrsets:getRrsets":                                     "manage dns-records",
	"oci:Core/getPublicIp:getPublicIp":                                "read public-ips",
	"oci:LoadBalancer/getLoadBalancers:getLoadBalancers":              "inspect load-balancers",
	"oci:Artifacts/getContainerRepositories:getContainerRepositories": "manage repos",
	"oci:Artifacts/getContainerImages:getContainerImages":             "manage repos",
	"oci:Core/getServices:getServices":                                "", // Oracle, Details for the Core Services
	"oci:Core/getVcn:getVcn":                                          "read virtual-network-family",
	"oci:Core/getSubnet:getSubnet":                                    "read virtual-network-family",
	"oci:Core/getSubnets:getSubnets":                                  "read virtual-network-family",
	"oci:Core/getNatGateway:getNatGateway":                            "read virtual-network-family",
	"oci:Core/getNatGateways:getNatGateways":                          "read virtual-network-family",
	"oci:Core/getInternetGateways:getInternetGateways":                "read virtual-network-family",
	"oci:Core/getServiceGateways:getServiceGateways":                  "read virtual-network-family",
	"oci:Core/getDrgAttachments:getDrgAttachments":                    "read virtual-network-family",
	"oci:ObjectStorage/getObjects:getObjects":                         "inspect objects",

	"oci:Core/getImage:getImage":                               "manage instance-family",
	"oci:Core/getNetworkSecurityGroup:getNetworkSecurityGroup": "read virtual-network-family",
	getReservation: "use compute-capacity-reservations",
	getDrgTables:   "{DRG_READ, DRG_ATTACH, DRG_DETACH, DRG_ROUTE_TABLE_READ}",

	"oci:Kms/getVaults:getVaults":                       "inspect vaults",
	"oci:Kms/getVault:getVault":                         "read vaults",
	"oci:Kms/getKey:getKey":                             "read keys",
	"oci:Identity/getTenancy:getTenancy":                "inspect tenancies",
	"oci:Ons/getNotificationTopic:getNotificationTopic": "read ons-topics",
}

// caller records the functions that the program calls.
type caller struct {
	*mocks.Recorder
	mu     sync.Mutex
	called map[string]bool
}

// Call implements pulumi.MockResourceMonitor.
func (c *caller) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	c.mu.Lock()
	c.called[args.Token] = true
	c.mu.Unlock()
	return c.Recorder.Call(args)
}

// TestStatementsCoverWhatTheProgramDoes runs the program with many settings. What it registers and what it asks must be
// covered by a statement for the same settings and the same compartment.
func TestStatementsCoverWhatTheProgramDoes(t *testing.T) {
	for what, c := range operated(t) {
		in := policiesOf(t, c.stack, c.set)
		r := &caller{Recorder: mocks.New(project, c.stack), called: map[string]bool{}}
		program, option := prepared(t, c.stack, c.set, r.Recorder)
		if err := pulumi.RunErr(program, option, pulumi.WithMocks(project, c.stack, r)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(r.called) == 0 || len(r.Resources) == 0 {
			t.Fatalf("%s: the program does nothing", what)
		}
		for _, res := range r.Resources {
			if !strings.HasPrefix(res.Type, "oci:") {
				continue
			}
			s, ok := covering(in, res.Type)
			if !ok {
				t.Errorf("%s: no statement covers %s %q", what, res.Type, res.Name)
			} else if id, has := res.Inputs["compartmentId"]; has && s.Location != location(mocks.Text(id)) {
				t.Errorf("%s: %q is created in %s, and the statement is for %s", what, res.Name, mocks.Text(id), s.Location)
			}
			name := "'" + cmp.Or(mocks.Text(res.Inputs["name"]), mocks.Text(res.Inputs["zoneNameOrId"])) + "'"
			if strings.Contains(s.Text, " where ") && !strings.Contains(s.Text, name) {
				t.Errorf("%s: %s does not allow %s", what, s.Text, name)
			}
		}
		for token := range r.called {
			grant, known := calledBy[token]
			allowed := slices.ContainsFunc(iam.Statements(in), func(s iam.Statement) bool {
				return s.Principal == iam.Operators && s.Grant == grant
			})
			if !known || grant != "" && !allowed {
				t.Errorf("%s: no statement allows the call of %s", what, token)
			}
		}
	}
}

// notCreated are the kinds of the catalogue that the program does not create: the cloud controller's, and those that
// only the local cloud knows.
var notCreated = []string{
	catalog.DefaultRouteTable, catalog.DHCPOptions, catalog.PublicIP, catalog.Volume,
}

// TestStatementsCoverTheCatalogue fails when the catalogue gets a kind that no settings have a statement for.
func TestStatementsCoverTheCatalogue(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range operated(t) {
		for _, s := range iam.Statements(policiesOf(t, c.stack, c.set)) {
			for _, token := range s.Covers {
				covered[token] = true
			}
		}
	}
	for _, kind := range catalog.Kinds() {
		if covered[kind.Token] == slices.Contains(notCreated, kind.Token) {
			t.Errorf("%s: covered is %t, not what notCreated says", kind.Token, covered[kind.Token])
		}
		delete(covered, kind.Token)
	}
	for token := range maps.Keys(covered) {
		t.Errorf("%s is no kind of the catalogue", token)
	}
}

// TestCreatedPolicies compares the policies that the program creates with those that package iam says it creates.
func TestCreatedPolicies(t *testing.T) {
	for what, c := range operated(t) {
		r, err := run(t, c.stack, c.set)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		in := policiesOf(t, c.stack, c.set)
		want := map[string]string{}
		for _, res := range r.Resources {
			switch res.Type {
			case catalog.Cluster:
				in.ClusterID = "ocid1.cluster.oc1.iad." + res.Name
			case catalog.Policy:
				name := mocks.Text(res.Inputs["name"])
				want[name] = strings.NewReplacer(
					"ocid1.dynamicgroup.oc1.iad."+name, "<OCID of the dynamic group>",
					"ocid1.loggroup.oc1.iad."+name, "<OCID of the log group>",
				).Replace(mocks.Text(res.Inputs["statements"].ArrayValue()[0]))
			}
		}
		got := map[string]string{}
		for _, policy := range iam.CreatedByTheProgram(in) {
			got[policy.Name] = policy.Statement
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
		}
	}
}
