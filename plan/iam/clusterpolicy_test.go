package iam

import (
	"slices"
	"strings"
	"testing"
	"time"

	"oke-guestbook/plan/problem"
)

const root = "ocid1.tenancy.oc1..root"

// TestClusterPolicy expects the statements of the cluster, of its node pools and of their boot volumes, which are not
// printed then.
func TestClusterPolicy(t *testing.T) {
	in := plain()
	in.Cluster.KMSKeyID, in.Cluster.NodePools[0].BootVolumeKMSKeyID = "ocid1.key"+someOC, "ocid1.key"+someOC
	var wanted []string
	for _, s := range Statements(in) {
		if s.Principal != Operators {
			wanted = append(wanted, s.Text)
		}
	}
	in.Cluster.ClusterPolicy = true
	got, err := ClusterPolicy(in)
	if err != nil || !strings.HasPrefix(got.Name, "oke-guestbook-test-cluster-") || got.CompartmentID != here ||
		len(wanted) != 3 || !slices.Equal(got.Statements, wanted) {
		t.Fatalf("got %+v, %v; want %q in %s", got, err, wanted, here)
	}
	for _, s := range Statements(in) {
		if s.Principal != Operators {
			t.Errorf("is printed, too: %s", s.Text)
		}
	}
	var created []string
	for _, policy := range CreatedByTheProgram(in) {
		created = append(created, policy.Statement)
	}
	if !slices.Equal(created, wanted) {
		t.Errorf("the report has %q", created)
	}
	in.Cluster.ClusterPolicy = false
	if got, err := ClusterPolicy(in); got != nil || err != nil {
		t.Errorf("without the setting: %+v, %v", got, err)
	}
}

func TestPlaceOfClusterPolicy(t *testing.T) {
	for _, test := range []struct {
		name        string
		set         func(in *Input)
		where, want string // part of the error
	}{
		{"nothing that needs one", func(*Input) {}, "", ""},
		{"key here", func(in *Input) { in.Cluster.KMSKeyID = "ocid1.key" + someOC }, here, ""},
		{"defined tags", func(in *Input) { in.DefinedTags, in.TenancyID = true, root }, root, ""},
		{"defined tags, no tenancy", func(in *Input) { in.DefinedTags = true }, "", "use tag-namespaces in tenancy"},
		{"network elsewhere, no tenancy", existing, "", "in compartment id " + there},
		{"stack in the tenancy", func(in *Input) { in.DefinedTags, in.CompartmentID = true, root }, root, ""},
	} {
		in := plain()
		in.Cluster.ClusterPolicy = true
		test.set(&in)
		got, err := ClusterPolicy(in)
		where, words := "", ""
		if got != nil {
			where = got.CompartmentID
		}
		if err != nil {
			words = err.Error()
		}
		if where != test.where || (err != nil) != (test.want != "") || !strings.Contains(words, test.want) {
			t.Errorf("%s: in %q, %v; want %q, %q", test.name, where, err, test.where, test.want)
		}
	}
}

// TestNameOfClusterPolicy expects other statements to be another policy, which the operators may create and delete.
func TestNameOfClusterPolicy(t *testing.T) {
	names := map[string]bool{}
	for _, key := range []string{"ocid1.key" + someOC, "ocid1.key" + someOC + "b", "ocid1.key" + someOC} {
		in := plain()
		in.Cluster.ClusterPolicy, in.Cluster.KMSKeyID = true, key
		policy, err := ClusterPolicy(in)
		if err != nil {
			t.Fatal(err)
		}
		names[policy.Name] = true
		for _, created := range CreatedByTheProgram(in) {
			if created.Name != policy.Name {
				t.Errorf("the report has %s, want %s", created.Name, policy.Name)
			}
		}
		prefix := planned(in).clusterPolicyPrefix()
		may := func(s Statement) bool { return strings.HasSuffix(s.Text, " where target.policy.name = /"+prefix+"*/") }
		if !strings.HasPrefix(policy.Name, prefix) || !slices.ContainsFunc(Statements(in), may) {
			t.Errorf("operators may not write %s", policy.Name)
		}
	}
	if len(names) != 2 {
		t.Errorf("two keys have policies %v", names)
	}
}

func TestWaitLeft(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const wait = 90 * time.Second
	for _, test := range []struct{ age, want time.Duration }{
		{0, wait},
		{30 * time.Second, time.Minute},
		{wait, 0},
		{time.Hour, 0},
		{-time.Hour, wait}, // the service's clock is ahead
	} {
		if got := WaitLeft(now.Add(-test.age), now, wait); got != test.want {
			t.Errorf("%s after: %s, want %s", test.age, got, test.want)
		}
	}
	if got := WaitLeft(time.Time{}, now, wait); got != 0 {
		t.Errorf("of an unknown time: %s", got)
	}
}

func TestPlaces(t *testing.T) {
	var none *Places
	none.Note(Key, here)
	var p Places
	p.Note(Key, there)
	p.Note(Key, there)
	p.Note(Reservation, there)
	p.Note(Image, "")
	in := plain()
	p.Locate(&in)
	if in.KeyCompartment != there || in.ReservationCompartment != there || in.ImageCompartment != "" {
		t.Errorf("located %+v", in)
	}
	var list problem.List
	if p.Check(&list); list.Err() != nil {
		t.Error(list.Err())
	}
	p.Note(Key, here)
	if p.Check(&list); list.Err() == nil || !strings.Contains(list.Err().Error(), "clusterPolicy: the key that") {
		t.Errorf("two compartments: %v", list.Err())
	}
}
