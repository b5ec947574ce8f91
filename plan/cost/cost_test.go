package cost

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

// list is in the form of Oracle's, with tiers in any order and prices in two currencies.
const list = `{"lastUpdated": "2026-08-06T15:45:07.573Z", "items": [
  {"partNumber": "B93297", "currencyCodeLocalizations": [
    {"currencyCode": "KRW", "prices": [{"model": "PAY_AS_YOU_GO", "value": 14}]},
    {"currencyCode": "USD", "prices": [
      {"model": "PAY_AS_YOU_GO", "value": 0.01, "rangeMin": 3000, "rangeMax": 999999999999999},
      {"model": "MONTHLY_COMMIT", "value": 0.007},
      {"model": "PAY_AS_YOU_GO", "value": 0, "rangeMin": 0, "rangeMax": 3000}]}]},
  {"partNumber": "B93298", "currencyCodeLocalizations": [{"currencyCode": "USD", "prices": [
    {"model": "PAY_AS_YOU_GO", "value": 0}]}]}]}`

func TestPriceList(t *testing.T) {
	dollars, err := ParsePriceList([]byte(list), "USD")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := dollars.of("B93297"); err != nil || p != (price{paid: 0.01, free: 3000}) {
		t.Errorf("USD: %+v, %v", p, err)
	}
	if _, err := dollars.of("B93298"); err == nil || !strings.Contains(err.Error(), "no price above 0") {
		t.Errorf("a part that costs nothing: %v", err)
	}
	won, err := ParsePriceList([]byte(list), "KRW")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := won.of("B93297"); err != nil || p != (price{paid: 14}) {
		t.Errorf("KRW: %+v, %v", p, err)
	}
	for text, want := range map[string]string{
		`<html>`:                   "has another form",
		`{"items": []}`:            "lastUpdated",
		strings.ToUpper(list[:30]): "has another form",
		`{"lastUpdated": "2026-08-06T15:45:07Z", "items": {}}`:                     "has another form",
		`{"lastUpdated": "2026-08-06T15:45:07Z", "items": [{"partNumber": "B1"}]}`: "no prices in USD",
	} {
		if _, err := ParsePriceList([]byte(text), "USD"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

// pool is a node pool of the size.
func pool(shape string, size int, ocpus, memory float64) cluster.NodePool {
	return cluster.NodePool{Name: "workers", Size: size, Shape: shape, OCPUs: ocpus, MemoryGB: memory, BootVolumeGB: 50}
}

func TestEstimate(t *testing.T) {
	const a1, e5 = "VM.Standard.A1.Flex", "VM.Standard.E5.Flex"
	spot := pool(e5, 1, 1, 8)
	spot.Preemptible = true
	book := workload.Guestbook{Name: "guestbook", Spec: workload.Spec{
		Exposure: workload.Public, LoadBalancerMbps: 10, MongoReplicas: 1, StorageGB: 50,
	}}
	external := book
	external.ExternalDatabase, external.Exposure = "db.example.com:27017", workload.None
	network := book
	network.LoadBalancerType = workload.NLB
	served := book
	served.ReservedAddress, served.BackupSchedule = "203.0.113.9", "0 3 * * *"
	for _, test := range []struct {
		name        string
		stack       Stack
		total, list float64 // worked out by hand from the prices of the snapshot
	}{
		// 2 OCPUs and 12 GB of A1 are free, as are 100 of 200 GB of block storage and the load balancer. Without that:
		// 1488 x 0.01 + 8928 x 0.0015 + 100 x (0.0255 + 10 x 0.0017) + 744 x 0.0113 + 7440 x 0.0001
		{"the free amounts", Stack{
			Cluster:    cluster.Spec{NodePools: []cluster.NodePool{pool(a1, 1, 2, 12)}},
			Guestbooks: []workload.Guestbook{book},
		}, 0, 41.67},
		// 744 x 2 x 0.01 + 744 x 12 x 0.0015 beyond them
		{"twice the free compute", Stack{
			Cluster: cluster.Spec{NodePools: []cluster.NodePool{pool(a1, 2, 2, 12)}},
		}, 28.27, 60.79},
		// 744 x 0.1, and half of 744 x (0.03 + 8 x 0.002)
		{"an enhanced cluster with a preemptible node", Stack{
			Cluster:    cluster.Spec{ClusterType: cluster.Enhanced, NodePools: []cluster.NodePool{spot}},
			Guestbooks: []workload.Guestbook{external},
		}, 91.51, 93.64},
		// 744 x (4 x 0.03 + 32 x 0.002) for the second pool; the 150 GB of boot volumes are free
		{"a second pool of another shape", Stack{
			Cluster: cluster.Spec{NodePools: []cluster.NodePool{pool(a1, 1, 2, 12), pool(e5, 2, 2, 16)}},
		}, 136.90, 171.54},
		// 744 x 0.1, and 2 x 744 x 0.03
		{"virtual nodes beside a free one", Stack{Cluster: cluster.Spec{
			ClusterType: cluster.Enhanced, NodePools: []cluster.NodePool{pool(a1, 1, 2, 12)},
			VirtualNodePools: []cluster.VirtualNodePool{{Name: "burst", Size: 2}, {Name: "parked"}},
		}}, 119.04, 149.44},
		// What the stack uses and does not make, and what is paid by use: nothing of it is in the estimate
		{"a key, an address, backups, logs", Stack{
			Cluster:    cluster.Spec{KMSKeyID: "ocid1.key.oc1.iad.a", NodePools: []cluster.NodePool{pool(a1, 1, 2, 12)}},
			Guestbooks: []workload.Guestbook{served}, Logs: []string{"flow logs"},
		}, 0, 41.67},
		// the second load balancer is paid: 744 x 0.0113 + 7440 x 0.0001
		{"two guestbooks", Stack{Guestbooks: []workload.Guestbook{book, book}}, 9.15, 22.55},
		{"a network load balancer beside a load balancer", Stack{Guestbooks: []workload.Guestbook{book, network}}, 0, 13.40},
	} {
		e, err := New("test", test.stack, Snapshot())
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if math.Abs(e.Total-test.total) > 1e-9 || math.Abs(e.List-test.list) > 1e-9 {
			t.Errorf("%s: %v and %v without free amounts, want %v and %v", test.name, e.Total, e.List, test.total, test.list)
		}
	}
}

// TestHomeRegion expects the kind of account and the region with the free amounts, and none of them in another region.
func TestHomeRegion(t *testing.T) {
	stack := Stack{Cluster: cluster.Spec{NodePools: []cluster.NodePool{pool("VM.Standard.A1.Flex", 1, 2, 12)}}}
	for _, test := range []struct {
		region, home string
		total        float64
		want         string
	}{
		{"", "", 0, "upgraded to Pay As You Go, in its home region (as of"},
		{"us-ashburn-1", "", 0, "upgraded to Pay As You Go, in its home region, us-ashburn-1 (as of"},
		{"us-ashburn-1", "us-ashburn-1", 0, "upgraded to Pay As You Go, in its home region, us-ashburn-1 (as of"},
		{"ap-seoul-1", "us-ashburn-1", 30.40, "Nothing is free: the free amounts are those of the home region, us-ash"},
	} {
		stack.Region, stack.HomeRegion = test.region, test.home
		e, err := New("test", stack, Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		var text, data strings.Builder
		if err := errors.Join(e.WriteText(&text), e.WriteJSON(&data)); err != nil {
			t.Fatal(err)
		}
		apply := fmt.Sprintf(`"apply": %t`, test.total == 0)
		if e.Total != test.total || !strings.Contains(text.String(), test.want) ||
			!strings.Contains(data.String(), apply) || !strings.Contains(data.String(), `"account": "an account that is up`) {
			t.Errorf("%q, home %q: total %v, want %v, %s and %q in\n%s%s", test.region, test.home, e.Total, test.total, apply,
				test.want, text.String(), data.String())
		}
	}
}

func TestWhatIsNotIncluded(t *testing.T) {
	p := pool("BM.GPU4.8", 1, 0, 0)
	p.Autoscaled = true
	book := workload.Guestbook{Name: "guestbook", Spec: workload.Spec{
		BackupSchedule: "0 3 * * *", ExternalDatabase: "db.example.com:27017",
		DNSZoneID: "ocid1.dns-zone.oc1..a", TLSHostname: "guestbook.example.com",
	}}
	e, err := New("test", Stack{
		Cluster: cluster.Spec{NodePools: []cluster.NodePool{p}, VirtualNodePools: []cluster.VirtualNodePool{
			{Name: "burst", Size: 1, PodShape: "Pod.Standard.E4.Flex"},
		}}, Guestbooks: []workload.Guestbook{book},
		Logs: []string{"flow logs", "the containers' logs"},
	}, Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := e.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"depends on use: queries of the zone in OCI DNS with the record of guestbook.example.com",
		"no price is known: node pool workers: 1 x BM.GPU4.8", "depends on use: backups of guestbook guestbook",
		"flow logs and the containers' logs in Logging", "an autoscaler adds to workers", "outbound data",
		"Pods on virtual node pool burst: their OCPUs and memory, at the price of VM.Standard.E4.Flex",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// Every shape that is known has prices in the snapshot, and the list's free amounts hold.
func TestSnapshotHasEveryPart(t *testing.T) {
	prices := Snapshot()
	for shape, parts := range shapeParts {
		for _, part := range []string{parts.ocpu, parts.memory} {
			if _, err := prices.of(part); err != nil {
				t.Errorf("%s: %v", shape, err)
			}
		}
	}
	a1 := pool("VM.Standard.A1.Flex", 1, 4, 24)
	prices.prices[shapeParts["VM.Standard.A1.Flex"].ocpu] = price{paid: 0.01, free: 744}
	e, err := New("test", Stack{Cluster: cluster.Spec{NodePools: []cluster.NodePool{a1}}}, prices)
	if err != nil {
		t.Fatal(err)
	}
	if e.Rows[0].Free != 744 {
		t.Errorf("%v OCPU-hours are free, although the list gives away 744", e.Rows[0].Free)
	}
	delete(prices.prices, blockStorage)
	_, err = New("test", Stack{Cluster: cluster.Spec{NodePools: []cluster.NodePool{a1}}}, prices)
	if err == nil || !strings.Contains(err.Error(), "node pool workers") || !strings.Contains(err.Error(), blockStorage) {
		t.Errorf("a part without a price: %v", err)
	}
}
