package settings

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/reach"
	"oke-guestbook/settings/stackfile"
)

// TestFitsAlwaysFree adds up what stack dev asks for, and a stack that sets nothing.
func TestFitsAlwaysFree(t *testing.T) {
	byDefault, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Settings{
		"dev":      loadStack(t, "dev", map[string]string{"apiAllowedCidrs": `["203.0.113.7/32"]`}),
		"defaults": byDefault,
	} {
		free := allowance.AlwaysFree
		var ocpus, memory float64
		storage := 0
		for _, p := range s.Cluster.NodePools {
			if p.Shape != free.Shape {
				t.Errorf("%s: node pool %s has shape %s, which is not free", name, p.Name, p.Shape)
			}
			ocpus += float64(p.Most()) * p.OCPUs
			memory += float64(p.Most()) * p.MemoryGB
			storage += p.Most() * p.BootVolumeGB
		}
		for _, g := range s.Guestbooks {
			storage += g.MongoReplicas * g.StorageGB
			if g.LoadBalancerMbps > free.LoadBalancerMbps {
				t.Errorf("%s: load balancer of %d Mbps", name, g.LoadBalancerMbps)
			}
		}
		if ocpus > free.OCPUs || memory > free.MemoryGB || storage > free.BlockVolumeGB ||
			len(s.Guestbooks) > free.LoadBalancers || s.Cluster.ClusterType != cluster.Basic {
			t.Errorf("%s: %v OCPUs, %v GB of memory, %d GB of storage, %d load balancers, cluster %s",
				name, ocpus, memory, storage, len(s.Guestbooks), s.Cluster.ClusterType)
		}
	}
}

// TestDevHasRoomToSpare expects the guestbook of stack dev to leave half of its node for OKE's own Pods and the user's.
// What OKE's ask for, Oracle does not document. All Pods count that the guestbook can have at one time, as during an
// update of the frontend and a backup.
func TestDevHasRoomToSpare(t *testing.T) {
	s := loadStack(t, "dev", map[string]string{"apiAllowedCidrs": `["203.0.113.7/32"]`})
	rooms := s.Cluster.Rooms(false)
	if len(rooms) != 1 || rooms[0].Nodes != 1 || len(s.Guestbooks) != 1 {
		t.Fatalf("dev has the nodes %+v and %d guestbooks", rooms, len(s.Guestbooks))
	}
	need := s.Guestbooks[0].Need()
	twice := cluster.Room{CPUMillis: 2 * need.CPUMillis, MemoryMB: 2 * need.MemoryMB, Pods: 2 * need.Pods}
	if !rooms[0].Node.Holds(twice) {
		t.Errorf("the guestbook asks for %+v, of %+v", need, rooms[0].Node)
	}
}

// TestProdIsHighlyAvailable holds stack prod to what its file promises.
func TestProdIsHighlyAvailable(t *testing.T) {
	s := loadStack(t, "prod", map[string]string{"bastionAllowedCidrs": `["203.0.113.0/24"]`})
	g := s.Guestbooks[0]
	if !s.Protect || s.Cluster.ClusterType != cluster.Enhanced || len(s.Cluster.AvailabilityDomains) != 0 ||
		s.Network.APIEndpoint != layout.Private {
		t.Errorf("protect %v, cluster %s, domains %v, endpoint %s", s.Protect, s.Cluster.ClusterType,
			s.Cluster.AvailabilityDomains, s.Network.APIEndpoint)
	}
	if g.MongoReplicas != 3 || g.BackupSchedule == "" || g.FrontendReplicas < 2 || s.Cluster.NodePools[0].Size < 3 {
		t.Errorf("guestbook %+v on %d nodes", g, s.Cluster.NodePools[0].Size)
	}
	if !slices.Contains(s.Cluster.Addons, "KubernetesMetricsServer") {
		t.Errorf("the autoscaler has no metrics server in %v", s.Cluster.Addons)
	}
	network, err := reach.Of(s.Network)
	if err != nil {
		t.Fatal(err)
	}
	pods, podsErr := network.Parse("pods")
	workers, workersErr := network.Parse("workers")
	kubelet, kubeletErr := reach.ParseService("10250")
	if err := errors.Join(podsErr, workersErr, kubeletErr); err != nil {
		t.Fatal(err)
	}
	if answer := network.Ask(pods, workers, kubelet); answer.Verdict != reach.Yes {
		t.Errorf("the metrics server, a Pod, does not reach the kubelets: %s", answer.Explain())
	}
}

func loadStack(t *testing.T, stack string, set map[string]string) *Settings {
	t.Helper()
	project, file, err := stackfile.Read("..", stack)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{
		"oci:region":                  "us-ashburn-1",
		"oke-guestbook:compartmentId": compartmentOCID,
		"oke-guestbook:frontendImage": "iad.ocir.io/tenancy/guestbook:v1",
	}
	handed, _ := AsHanded(project, file)
	maps.Copy(config, handed)
	for key, value := range set {
		config["oke-guestbook:"+key] = value
	}
	s, err := Load("oke-guestbook", stack, config, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return s
}
