package guestbook_test

import (
	"maps"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/guestbook"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

// books are guestbooks that between them have every kind of Pod.
func books() []workload.Guestbook {
	book := func(name string, change func(*workload.Spec)) workload.Guestbook {
		g := workload.Guestbook{Name: name}
		g.Settings().ApplyDefaults()
		g.FrontendImage = "iad.ocir.io/tenancy/guestbook:v1"
		change(&g.Spec)
		g.Complete(workload.Public, true)
		return g
	}
	return []workload.Guestbook{
		book("full", func(s *workload.Spec) {
			s.MongoReplicas, s.BackupSchedule, s.RestoreFrom = 3, "0 3 * * *", "2026-11-23T03-00-00Z.archive.gz"
		}),
		book("elsewhere", func(s *workload.Spec) {
			s.ExternalDatabase, s.DatabasePassword, s.FrontendMaxReplicas = "mongo.example.com", "kept outside", 3
		}),
		book("nodes", func(s *workload.Spec) { s.Exposure = workload.NodePort }),
		book("classroom", func(s *workload.Spec) { s.Profile = workload.Tutorial }),
		book("classroom-elsewhere", func(s *workload.Spec) {
			s.Profile, s.Exposure, s.ExternalDatabase = workload.Tutorial, workload.None, "mongo.example.com"
		}),
	}
}

// deploy makes guestbooks as an update of a stack.
func deploy(t *testing.T, r *mocks.Recorder, all []workload.Guestbook) {
	t.Helper()
	err := r.Run(func(ctx *pulumi.Context) error {
		for _, book := range all {
			_, err := guestbook.New(ctx, book.Name, &guestbook.Args{
				Guestbook: book,
				Networks: guestbook.Networks{
					Visitors: []string{"0.0.0.0/0"}, Proxies: []string{"10.0.32.0/24"},
					APIEndpoint: "10.0.0.0/29", Inside: []string{"10.0.0.0/16"},
				},
				LoadBalancerSubnetID: pulumi.String("ocid1.subnet.oc1.iad.lb"),
				Store: guestbook.Store{
					CompartmentID: "ocid1.compartment.oc1..aaaaexample", ClusterID: pulumi.String("ocid1.cluster.oc1.iad.c"),
					Region: "us-ashburn-1",
				},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPods checks what profile hardened promises of its Pods beyond Pod Security level "restricted", which the local
// cloud's API server enforces (local/kube, TestAdmission).
func TestPods(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, books()[:3])
	seen := map[string]int{}
	for _, res := range r.Resources {
		spec := mocks.Properties(res.Inputs["spec"])
		if spec.HasValue("jobTemplate") {
			spec = mocks.Properties(mocks.Properties(spec["jobTemplate"])["spec"])
		}
		template := mocks.Properties(spec["template"])
		if template == nil {
			continue
		}
		labels := mocks.Properties(mocks.Properties(template["metadata"])["labels"])
		component := mocks.Text(labels["app.kubernetes.io/component"])
		seen[component]++
		pod := mocks.Properties(template["spec"])
		// Object Storage identifies the backup's account only.
		if got := pod["automountServiceAccountToken"]; !got.IsBool() || got.BoolValue() != (component == flows.Backup) {
			t.Errorf("%s: automountServiceAccountToken is %v", res.Name, got)
		}
		if mocks.Text(pod["serviceAccountName"]) != component {
			t.Errorf("%s runs as account %v", res.Name, pod["serviceAccountName"])
		}
		for _, list := range []resource.PropertyKey{"initContainers", "containers"} {
			for _, item := range mocks.Items(pod[list]) {
				c := mocks.Properties(item)
				checkContainer(t, res.Name, c)
				if list == "containers" {
					checkProbes(t, res.Name, component, c)
				}
			}
		}
	}
	for _, component := range []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup} {
		if seen[component] == 0 {
			t.Errorf("no Pod of component %s", component)
		}
	}
}

func checkContainer(t *testing.T, pod string, c resource.PropertyMap) {
	t.Helper()
	at := pod + " " + mocks.Text(c["name"])
	if got := mocks.Properties(c["securityContext"])["readOnlyRootFilesystem"]; !got.IsBool() || !got.BoolValue() {
		t.Errorf("%s: readOnlyRootFilesystem is %v", at, got)
	}
	resources := mocks.Flatten(c["resources"])
	memory := resources["requests.memory"]
	if resources["requests.cpu"] == "" || memory == "" || resources["limits.memory"] != memory {
		t.Errorf("%s has the resources %v", at, resources)
	}
}

// checkProbes expects probes of containers that run for good. The database's ask it, by this project's binary: a mongod
// that hangs still accepts connections, and a shell of its own takes memory that mongod needs.
func checkProbes(t *testing.T, pod, component string, c resource.PropertyMap) {
	t.Helper()
	action, names := resource.PropertyKey("httpGet"), []resource.PropertyKey{"readinessProbe", "livenessProbe"}
	switch component {
	case flows.Frontend:
	case flows.Backend:
		action, names = "exec", append(names, "startupProbe") // a first start takes longer than a live mongod may hang
	default:
		return
	}
	for _, name := range names {
		probe := mocks.Properties(c[name])
		for _, other := range []resource.PropertyKey{"exec", "httpGet", "tcpSocket", "grpc"} {
			if probe.HasValue(other) != (other == action) {
				t.Errorf("%s: %s is %v, want %s", pod, name, probe, action)
				break
			}
		}
		command := mocks.Items(mocks.Properties(probe["exec"])["command"])
		if component == flows.Backend && (len(command) != 3 || mocks.Text(command[0]) != "/probe/guestbook") {
			t.Errorf("%s: %s runs %v, which does not ask the database", pod, name, command)
		}
	}
}

// TestDrain expects terminating frontends to serve for as long as a load balancer may send requests to them: OCI's
// removes a backend after 3 failed checks 10 s apart (cloud controller, load-balancer-annotations.md,
// health-check-interval and -retries).
func TestDrain(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, books())
	found := 0
	for _, res := range r.Resources {
		if res.Type != "kubernetes:apps/v1:Deployment" {
			continue
		}
		found++
		spec := mocks.Properties(res.Inputs["spec"])
		pod := mocks.Properties(mocks.Properties(spec["template"])["spec"])
		container := mocks.Properties(mocks.Items(pod["containers"])[0])
		sleep := mocks.Properties(mocks.Properties(mocks.Properties(container["lifecycle"])["preStop"])["sleep"])["seconds"]
		grace := pod["terminationGracePeriodSeconds"]
		const removal = 3 * 10
		if !sleep.IsNumber() || sleep.NumberValue() <= removal ||
			!grace.IsNumber() || grace.NumberValue() <= sleep.NumberValue() {
			t.Errorf("%s drains for %v of %v seconds", res.Name, sleep, grace)
		}
		rolling := mocks.Properties(mocks.Properties(spec["strategy"])["rollingUpdate"])
		if unavailable := rolling["maxUnavailable"]; !unavailable.IsNumber() || unavailable.NumberValue() != 0 {
			t.Errorf("%s loses capacity during an update: maxUnavailable %v", res.Name, unavailable)
		}
		keys := map[string]bool{}
		for _, constraint := range mocks.Items(pod["topologySpreadConstraints"]) {
			keys[mocks.Text(mocks.Properties(constraint)["topologyKey"])] = true
		}
		if !keys["topology.kubernetes.io/zone"] || !keys["kubernetes.io/hostname"] {
			t.Errorf("%s spreads over %v", res.Name, keys)
		}
	}
	if found != 5 {
		t.Errorf("%d Deployments, want 5", found)
	}
}

// TestCredentials expects the database's Secret to hold the passwords that the state keeps, and an external database's
// the configured one. A new release replaces the application's and the backup's password only.
func TestCredentials(t *testing.T) {
	first := mocks.New("project", "stack")
	deploy(t, first, books())
	all := books()
	all[0].CredentialsRelease = 2
	next := first.Next()
	deploy(t, next, all)
	for _, tc := range []struct {
		update *mocks.Recorder
		name   string
		want   map[resource.PropertyKey]string
	}{
		{first, "full", map[resource.PropertyKey]string{
			"root-password": "kept as full-root-password", "keyfile": "kept as full-keyfile",
			"password": "kept as full-password-1", "backup-password": "kept as full-backup-password-1",
		}},
		{next, "full", map[resource.PropertyKey]string{
			"root-password": "kept as full-root-password", "keyfile": "kept as full-keyfile",
			"password": "kept as full-password-2", "backup-password": "kept as full-backup-password-2",
		}},
		{first, "elsewhere", map[resource.PropertyKey]string{"password": "kept outside"}},
	} {
		secret, err := tc.update.Find("kubernetes:core/v1:Secret", tc.name+"-credentials")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for file, text := range tc.want {
			want[resource.PropertyPath{string(file)}.String()] = text
		}
		if got := mocks.Flatten(secret.Inputs["stringData"]); !maps.Equal(got, want) {
			t.Errorf("%s has %v, want %v", tc.name, got, want)
		}
	}
	for _, name := range []string{"classroom", "classroom-elsewhere"} {
		if _, err := first.Find("kubernetes:core/v1:Secret", name+"-credentials"); err == nil {
			t.Errorf("%s has passwords", name)
		}
	}
}

// TestLastBackup expects the time of the newest backup of a guestbook with a schedule.
func TestLastBackup(t *testing.T) {
	r := mocks.New("project", "stack")
	want := map[string]string{"full": "2026-11-23T03:00:00Z", "elsewhere": "", "nodes": ""}
	type backup struct{ of, at string }
	backups := make(chan backup, len(want)) // the run does not wait for outputs that no resource has
	err := r.Run(func(ctx *pulumi.Context) error {
		for _, book := range books()[:3] {
			made, err := guestbook.New(ctx, book.Name, &guestbook.Args{
				Guestbook:            book,
				LoadBalancerSubnetID: pulumi.String("ocid1.subnet.oc1.iad.lb"),
				Store: guestbook.Store{
					CompartmentID: "ocid1.compartment.oc1..aaaaexample", ClusterID: pulumi.String("ocid1.cluster.oc1.iad.c"),
					Region: "us-ashburn-1",
				},
			})
			if err != nil {
				return err
			}
			made.LastBackup.ApplyT(func(at string) string {
				backups <- backup{book.Name, at}
				return at
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	limit := time.After(10 * time.Second)
	for len(got) < len(want) {
		select {
		case b := <-backups:
			got[b.of] = b.at
		case <-limit: // an output that is rejected never comes
			t.Fatalf("last backups %v only, want %v", got, want)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("last backups %v, want %v", got, want)
	}
	job, err := r.Find("kubernetes:batch/v1:Job", "full-first-backup")
	if err != nil {
		t.Fatal(err)
	}
	spec := mocks.Properties(job.Inputs["spec"])
	if spec["backoffLimit"].NumberValue() < 1e6 || spec.HasValue("activeDeadlineSeconds") {
		t.Errorf("the first backup gives up, and each later update fails for it: %v", spec)
	}
}
