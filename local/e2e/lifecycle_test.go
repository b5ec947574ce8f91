package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
)

type list[T any] struct {
	Items []T `json:"items"`
}

type meta struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

type pod struct {
	Metadata meta `json:"metadata"`
	Status   struct {
		Phase      string `json:"phase"`
		Conditions []struct{ Type, Status string }
	} `json:"status"`
}

func (p pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return p.Status.Phase == "Running"
		}
	}
	return false
}

type service struct {
	Metadata meta `json:"metadata"`
	Spec     struct{ Type string }
	Status   struct {
		LoadBalancer struct{ Ingress []struct{ IP string } }
	} `json:"status"`
}

type claim struct {
	Metadata meta `json:"metadata"`
	Spec     struct{ VolumeName, StorageClassName string }
	Status   struct{ Phase string }
}

func TestLifeCycle(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	settings, err := os.ReadFile(filepath.Join(s.o.Root, "Pulumi.local.yaml"))
	s.must(err)
	s.up()
	now, err := os.ReadFile(filepath.Join(s.o.Root, "Pulumi.local.yaml"))
	if err != nil || string(now) != string(settings) {
		t.Errorf("up changed the stack's settings in the repository (%v):\n%s", err, now)
	}
	namespace := s.output("namespace")

	step(t, "everything is there", func() {
		var pods list[pod]
		s.kubectl(&pods, "get", "pods", "-n", namespace)
		if len(pods.Items) < 2 {
			t.Fatalf("%d Pods in namespace %s", len(pods.Items), namespace)
		}
		for _, p := range pods.Items {
			if p.Status.Phase != "Succeeded" && !p.ready() { // the database's setup Job has ended
				t.Errorf("Pod %s is not ready: %+v", p.Metadata.Name, p.Status)
			}
		}
		var services list[service]
		s.kubectl(&services, "get", "services", "-n", namespace)
		addresses := 0
		for _, svc := range services.Items {
			if svc.Spec.Type == "LoadBalancer" {
				addresses += len(svc.Status.LoadBalancer.Ingress)
				if mode := svc.Metadata.Annotations[managementMode]; mode != "None" {
					t.Errorf("Service %s lets the cloud controller manage security lists: mode %q", svc.Metadata.Name, mode)
				}
				if url := s.output("url"); !strings.Contains(url, svc.Status.LoadBalancer.Ingress[0].IP) {
					t.Errorf("url %q is not at %v", url, svc.Status.LoadBalancer.Ingress)
				}
			}
		}
		if addresses != 1 {
			t.Errorf("%d load balancer addresses in %+v", addresses, services.Items)
		}
		var claims list[claim]
		s.kubectl(&claims, "get", "persistentvolumeclaims", "-n", namespace)
		if len(claims.Items) != 1 || claims.Items[0].Status.Phase != "Bound" ||
			claims.Items[0].Spec.StorageClassName != "oci-bv" {
			t.Errorf("claims: %+v", claims.Items)
		}
		s.whole()
	})

	step(t, "nothing changes by itself", func() {
		s.unchanged("right after up")
		for range 2 { // the second compares with the inputs that the first has read
			out, err := s.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")
			if err != nil {
				t.Errorf("refresh found changes: %v\n%s", err, out)
			}
		}
		s.unchanged("after refresh")
	})

	step(t, "a rule that somebody adds is found", func() {
		rest := s.rest()
		path := core + "/securityLists/" + s.id("oci:Core/securityList:SecurityList", "oke-guestbook-local-workers")
		var list struct {
			IngressSecurityRules []any `json:"ingressSecurityRules"`
		}
		s.get(rest, path, &list)
		put := func(rules ...any) {
			_, err := rest.Do(t.Context(), "PUT", path, nil, object{"ingressSecurityRules": rules}, nil)
			s.must(err)
		}
		put(append(slices.Clone(list.IngressSecurityRules), object{"source": "10.0.0.0/16", "protocol": "17"})...)
		out, err := s.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "local")
		if err == nil || !strings.Contains(out, "SecurityList") {
			t.Errorf("a preview with refresh does not see a foreign rule in a security list: %v\n%s", err, out)
		}
		put(list.IngressSecurityRules...)
		if out, err := s.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "local"); err != nil {
			t.Errorf("a preview with refresh finds changes: %v\n%s", err, out)
		}
	})

	step(t, "the commands print what exists", func() {
		status := s.says(s.o.Status)
		for _, word := range append([]string{"localcloudd", s.o.Endpoint(), s.output("vcnId")}, components...) {
			if !strings.Contains(status, word) {
				t.Errorf("status does not tell of %s:\n%s", word, status)
			}
		}
		memory := regexp.MustCompile(`memory +(\d+) MB`).FindStringSubmatch(status)
		if memory == nil {
			t.Fatalf("status does not tell the memory:\n%s", status)
		}
		if mb, err := strconv.Atoi(memory[1]); err != nil || mb < 200 || mb > 1536 {
			t.Errorf("the local cloud has %s MB of memory, want 1536 at most", memory[1])
		}
		for name, command := range map[string]func(context.Context) error{"preview": s.o.Preview, "refresh": s.o.Refresh} {
			said := s.says(command)
			changes := regexp.MustCompile(`\d+ (to )?(create|update|delete|replace)`).MatchString(said)
			if !regexp.MustCompile(`\d+ unchanged`).MatchString(said) || changes {
				t.Errorf("%s: %s", name, said)
			}
		}
		shell := exec.CommandContext(t.Context(), "sh", "-ec", s.says(s.o.Kubeconfig)+
			"\nkubectl get pods -A\nPATH=/ '"+filepath.Join(s.o.Bin, "kubectl")+"' get nodes")
		shell.Env = append(os.Environ(), "OCI_CLI_PROFILE=OTHER", "OCI_CLI_AUTH=instance_principal") // of the user's own
		if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), namespace) {
			t.Errorf("kubectl with the settings of make kubeconfig: %v\n%s", err, out)
		}
		doctor := exec.CommandContext(t.Context(), "sh", "-ec", s.says(s.o.PrintEnv)+"\noke doctor --stack local")
		doctor.Dir = s.o.Root
		if out, err := doctor.CombinedOutput(); err != nil || strings.Contains(string(out), "✗") {
			t.Errorf("doctor with the settings of make env: %v\n%s", err, out)
		}
	})

	step(t, "the kubeconfig calls oke, holds no key and is a secret", func() {
		kubeconfig, err := s.pulumi("stack", "output", "--stack", "local", "--show-secrets", "kubeconfig")
		s.must(err)
		if !strings.Contains(kubeconfig, "command: oke\n") || strings.Contains(kubeconfig, "client-") {
			t.Errorf("pulumi stack output --show-secrets kubeconfig:\n%s", kubeconfig)
		}
		authority := regexp.MustCompile(`certificate-authority-data: (\S+)`).FindStringSubmatch(kubeconfig)
		if authority == nil {
			t.Fatal("the kubeconfig has no authority")
		}
		found := 0
		s.must(filepath.WalkDir(filepath.Join(s.o.Dir, "state"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			found++
			data, err := os.ReadFile(path)
			for _, plain := range []string{authority[1], base64.StdEncoding.EncodeToString([]byte(authority[1]))} {
				if strings.Contains(string(data), plain) {
					t.Errorf("%s holds the kubeconfig in clear", path)
				}
			}
			return err
		}))
		if found == 0 {
			t.Error("no state file was looked at")
		}
		out, err := s.pulumi("stack", "output", "--stack", "local", "kubeconfig")
		if err != nil || !strings.Contains(out, "[secret]") {
			t.Errorf("pulumi stack output kubeconfig: %v\n%s", err, out)
		}
	})

	step(t, "changes are made in place", func() {
		before := s.ids()
		s.settings("frontendReplicas=4", "nodePools[0].size=3", "nodePools[0].labels.tier=web")
		for op, n := range s.changes() {
			if op != "update" && op != "same" {
				t.Errorf("preview: %d times %s", n, op)
			}
		}
		s.up()
		after := s.ids()
		for urn, id := range before {
			if after[urn] != id {
				t.Errorf("%s was %s and is %s", urn, id, after[urn])
			}
		}
		s.eventually(time.Minute, "three nodes and four frontends", func() (bool, string) {
			var nodes, frontends list[pod]
			s.kubectl(&nodes, "get", "nodes")
			s.kubectl(&frontends, "get", "pods", "-n", namespace, "-l", "app.kubernetes.io/component=frontend")
			ready, labelled := 0, 0
			for _, p := range frontends.Items {
				if p.ready() {
					ready++
				}
			}
			for _, n := range nodes.Items {
				if n.Metadata.Labels["tier"] == "web" { // set at the creation of a node
					labelled++
				}
			}
			said, _ := json.Marshal(map[string]int{"nodes": len(nodes.Items), "with the label": labelled, "frontends": ready})
			return len(nodes.Items) == 3 && labelled == 1 && ready == 4, string(said)
		})
		s.unchanged("after the update")
	})

	step(t, "a bad setting leaves what runs untouched", func() {
		before := s.ids()
		s.set("frontendReplicas", "0")
		s.refused("frontendReplicas")
		if after := s.ids(); !maps.Equal(before, after) {
			t.Errorf("the state held %v and holds %v", before, after)
		}
		s.set("frontendReplicas", "4")
		s.set("servicesCidr", "10.98.0.0/16") // replaces the cluster
		s.refused("servicesCidr volumes backup")
		s.unset("servicesCidr")
		s.unchanged("with the setting corrected")
	})

	step(t, "a machine that is not as it must be leaves what runs untouched", func() {
		s.refusesMachines()
		s.unchanged("on the good machine")
	})

	step(t, "down leaves nothing", func() {
		if running := s.controlPlane(); !slices.Equal(running, components) {
			t.Errorf("of the control plane only %v are found", running)
		}
		down := func() {
			t.Helper()
			const done = "the stack is gone, nothing is left in the local cloud, and it has stopped"
			if said := s.says(s.o.Down); !strings.Contains(said, done) {
				t.Errorf("down says %s", said)
			}
			if left := s.processes(); len(left) > 0 {
				t.Errorf("still run: %v", left)
			}
		}
		down()
		s.up()
		s.unchanged("after a second up")
		down()
	})
}

func TestKilledUpIsContinued(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	// The cloud controller creates the last one while the engine awaits the Service.
	for i, kind := range []string{"vcn", "cluster", "cluster", "nodepool", "loadbalancer"} {
		step(t, "kill up while it creates a "+kind, func() {
			if i == 2 {
				s.set("servicesCidr", "10.97.0.0/16") // replaces the cluster, which is deleted first
			}
			s.killOnce(kind, s.upCommand(s.o))
			if s.inventory()[kind] != 1 {
				t.Fatalf("the cloud holds %v", s.inventory())
			}
			// A kill may truncate these files, and then the engine does not read the checkpoint next to them.
			sidecars, err := filepath.Glob(filepath.Join(s.o.Dir, "state", ".pulumi", "stacks", "*", "*.attrs"))
			if s.must(err); len(sidecars) > 0 {
				t.Fatalf("the state has %v", sidecars)
			}
		})
	}
	s.eventually(10*time.Second, "the killed engines and their plugins to end", func() (bool, string) {
		var left []string
		for _, p := range s.processes() {
			if strings.Contains(p, "pulumi") {
				left = append(left, p)
			}
		}
		return len(left) == 0, strings.Join(left, "\n")
	})
	s.up()
	s.whole()
	s.unchanged("after the continued up")
	s.destroy()
	s.destroyed()
}

// A cluster that may not use its key stays in state FAILED; the next up, with a policy, replaces it. Before, a quota
// ends an update.
func TestFailedClusterIsReplaced(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.runs(filepath.Join(s.o.Bin, "oke-guestbook"), s.o.Root) // with oci on PATH
	s.must(s.o.Prepare(t.Context()))
	s.set("tokenCommand", "auto") // the kubeconfig keeps calling oci
	_, key := s.key(oci.CompartmentID)
	s.set("kmsKeyId", key)
	s.fault(`{"method": "POST", "path": "/20160918/vcns", "status": 400, "code": "QuotaExceeded", "count": 1}`)
	s.fails("QuotaExceeded", "an administrator of the tenancy", "vcnId: use a VCN that exists",
		"Quota Policies")
	s.fails("Authorization failed or requested resource not found", "kmsKeyId: the cluster itself needs a statement",
		"make recover STACK=local has the next update replace a cluster in state FAILED")
	const policies = "/20160918/policies"
	policy := s.post(s.rest(), policies, object{ // clusterPolicy would make it, and wait
		"compartmentId": oci.CompartmentID, "name": "key", "description": "of the cluster", "statements": []string{
			"Allow any-user to use keys in tenancy where request.principal.type = 'cluster'",
		},
	})
	s.up()
	if got := s.inventory(); got["cluster"] != 1 || got["nodepool"] != 1 || got["loadbalancer"] != 1 {
		t.Errorf("the cloud holds %v", got)
	}
	s.unchanged("after the completed up")
	state, err := s.pulumi("stack", "export", "--show-secrets")
	if err != nil || !strings.Contains(state, "generate-token") || strings.Contains(state, "client-key-data") {
		t.Errorf("the state has no kubeconfig that calls oci alone, %v", err)
	}
	_, err = s.rest().Do(t.Context(), "DELETE", policies+"/"+policy, nil, nil, nil)
	s.must(err)
	s.destroy()
	s.destroyed()
}

// key creates a key in a new vault of a compartment.
func (s *stack) key(compartment string) (vaultID, keyID string) {
	s.t.Helper()
	rest, vault, key := s.rest(), struct{ ID string }{}, struct{ ID string }{}
	_, err := rest.Do(s.t.Context(), "POST", "/20180608/vaults", nil, object{
		"compartmentId": compartment, "displayName": "keys", "vaultType": "DEFAULT",
	}, &vault)
	s.must(err)
	_, err = rest.Do(s.t.Context(), "POST", "/20180608/keys", nil, object{
		"compartmentId": compartment, "displayName": "key", "keyShape": object{"algorithm": "AES", "length": 32},
	}, &key)
	s.must(err)
	return vault.ID, key.ID
}

func TestBadSettingsCreateNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.set("frontendReplica", "2")
	s.refused("frontendReplica frontendReplicas")
	s.unset("frontendReplica")
	s.set("kubernetesVersion", "v1.34.2") // withdrawn
	s.refused("kubernetesVersion v1.34.2 v1.36.4")
	s.set("kubernetesVersion", "v1.35")
	s.set("compartmentId", "ocid1.compartment.oc1..aaaaaaaaofsomebodyelse")
	s.refused("compartmentId ocid1.compartment.oc1..aaaaaaaaofsomebodyelse NotAuthorizedOrNotFound")
	s.refusesUnseen()
	s.settings("vcnCidr=10.0.0.1/16", "frontendImage=nginx:1.27", "nodePools[0].size=0", "nodePools[0].memoryGb=200")
	s.refused("vcnCidr", "frontendImage", "nodePools[0].size", "nodePools[0].memoryGb VM.Standard.A1.Flex 2 128")
}

// refusesUnseen names in settings what does not exist, and expects all that one preview can find to be told at once.
func (s *stack) refusesUnseen() {
	s.t.Helper()
	s.set("compartmentId", oci.CompartmentID)
	vcn := s.post(s.rest(), core+"/vcns", with(object{"cidrBlocks": []any{"10.20.0.0/16"}}))
	inVCN := []string{
		"vcnCidr=10.20.0.0/16", "vcnId=" + vcn, "subnets.api.cidr=10.20.0.0/28", "securityBy=groups",
		"internetEgress=workers",
	}
	for _, c := range []struct {
		beside []string          // what the settings need beside
		unseen map[string]string // settings, and the kinds of what they name
	}{
		{[]string{"vcnCidr=10.20.0.0/16"}, map[string]string{"vcnId": "vcn"}},
		{inVCN, map[string]string{"subnets.api.id": "subnet"}},
		{inVCN, map[string]string{"internetGatewayId": "internetgateway"}},
		{inVCN, map[string]string{"natGatewayId": "natgateway"}},
		{inVCN, map[string]string{"serviceGatewayId": "servicegateway"}},
		{[]string{"peerCidrs[0]=172.16.0.0/16"}, map[string]string{"drgId": "drg"}},
		{nil, map[string]string{
			"kmsKeyId": "key", "imageVerificationKeys[0]": "key", "nodePools[0].bootVolumeKmsKeyId": "key",
		}},
		{[]string{"kmsKeyId=ocid1.key.oc1.iad.a", "nodePools[0].availabilityDomains[0]=1"}, map[string]string{
			"vaultIds[0]": "vault", "nodePools[0].imageId": "image", "nodePools[0].nsgIds[0]": "networksecuritygroup",
			"nodePools[0].capacityReservationId": "capacityreservation",
		}},
	} {
		file, err := os.ReadFile(s.config)
		s.must(err)
		pairs, problems := slices.Clone(c.beside), []string{}
		for key, kind := range c.unseen {
			id := fmt.Sprint("ocid1.", kind, ".oc1.iad.aaaaaaaaofsomebodyelse", len(problems)) // a key is of one algorithm
			problem := key + " " + id + " NotAuthorizedOrNotFound"
			if kind == "internetgateway" || kind == "servicegateway" { // looked for in a list: nothing reads one by its OCID
				problem = key + " holds no such gateway"
			}
			pairs, problems = append(pairs, key+"="+id), append(problems, problem)
		}
		s.settings(pairs...)
		s.refused(problems...)
		s.must(os.WriteFile(s.config, file, 0o600))
	}
}

// step runs a named part of a test. A failed part ends the test.
func step(t *testing.T, name string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if t.Failed() {
		t.Fatalf("failed: %s", name)
	}
	t.Logf("%6.1fs  %s", time.Since(start).Seconds(), name)
}
