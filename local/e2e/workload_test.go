package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/oci"
)

// TestWorkload operates a hardened guestbook: scaling, a new image, new passwords, a backup, the move of the database
// to another place and back, a restore.
func TestWorkload(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "addons[0]=CertManager", "addons[1]=KubernetesMetricsServer",
		"backupSchedule=0 3 * * *", "oci:region=us-ashburn-1",
		"frontendReplicas=3", "frontendMinReplicas=2", "frontendMaxReplicas=5")
	s.up()
	s.noWarnings(s.log.String())
	b := book{s, "guestbook"}

	step(t, "the autoscaler keeps its bounds", func() {
		if hpa := b.one("hpa", "frontend"); hpa.Spec.MinReplicas != 2 || hpa.Spec.MaxReplicas != 5 {
			t.Errorf("the autoscaler's bounds are %d and %d, want 2 and 5", hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas)
		}
		b.scaled(2)
		b.scale(8)
		b.scaled(5)
		b.scale(1)
		b.scaled(2)
		s.settings("frontendMinReplicas=3")
		s.deploy()
		b.scaled(3)
		s.unchanged("after the autoscaler has scaled")
	})

	step(t, "alarms", func() { b.alarms(t) })

	step(t, "a new image is deployed without loss of capacity", func() {
		b.scale(5) // as the autoscaler does under load; it does not change a number within its bounds
		b.scaled(5)
		revision, database := b.revision(), b.one("statefulset", "mongo").Metadata
		s.settings("frontendImage=registry.local/guestbook:v2")
		if least := b.leastReady("registry.local/guestbook:v2", 5, s.deploy); least < 5 {
			t.Errorf("only %d of 5 Pods were ready during the update", least)
		}
		b.scaled(5)
		if now := b.revision(); now != revision+1 {
			t.Errorf("the Deployment's revision was %d and is %d", revision, now)
		}
		if now := b.one("statefulset", "mongo").Metadata; now != database {
			t.Errorf("the database was %+v and is %+v", database, now)
		}
		s.unchanged("after the new image")
	})

	step(t, "an image of a private repository", func() { b.privateImage(t) })

	step(t, "new passwords, and a lower maximum of Pods", func() {
		volume, job := b.volume(), b.done("mongo-setup")
		secret, database := b.one("secret", "mongo-credentials").Data, b.one("statefulset", "mongo").Metadata
		s.settings("credentialsRelease=2", "frontendMaxReplicas=4")
		s.deploy()
		now := b.one("secret", "mongo-credentials").Data
		for key, rotates := range map[string]bool{
			"password": true, "backup-password": true, "root-password": false, "keyfile": false,
		} {
			if secret[key] == "" || now[key] == "" || (secret[key] != now[key]) != rotates {
				t.Errorf("%s is new: %v, want %v", key, secret[key] != now[key], rotates)
			}
		}
		if b.done("mongo-setup").Metadata.UID == job.Metadata.UID {
			t.Error("the job that sets the passwords did not run again")
		}
		if now := b.one("statefulset", "mongo").Metadata; now != database {
			t.Errorf("the database was %+v and is %+v", database, now)
		}
		if now := b.volume(); now != volume {
			t.Errorf("the volume was %+v and is %+v", volume, now)
		}
		b.scaled(4)
	})

	step(t, "a backup on demand", func() {
		b.done("mongo-first-backup")
		if cron := b.one("cronjob", "mongo-backup"); cron.Spec.Schedule != "0 3 * * *" || cron.Spec.TimeZone != "Etc/UTC" {
			t.Errorf("backups at %q in time zone %q", cron.Spec.Schedule, cron.Spec.TimeZone)
		}
		b.createJob("mongo-backup", "now", nil)
		s.eventually(time.Minute, "the backup", func() (bool, string) {
			job := b.one("job", "now")
			return job.Status.Succeeded == 1, fmt.Sprintf("%+v", job.Status)
		})
		b.checkGuardRails()
	})

	step(t, "the database moves to another place and back", func() {
		volume, secret := b.volume(), b.one("secret", "mongo-credentials").Data
		s.settings("externalDatabase=mongo.example.com", "extraRules[0].from=workers", "extraRules[0].to=198.51.100.0/24",
			"extraRules[0].protocol=tcp")
		s.set("--path", "--type", "string", "extraRules[0].ports", "27017")
		s.secret("databasePassword=elsewhere")
		s.deploy()
		if left := b.all("statefulset"); len(left) > 0 {
			t.Errorf("a StatefulSet is left: %+v", left)
		}
		svc := b.one("service", "database")
		if svc.Spec.Type != "ExternalName" || svc.Spec.ExternalName != "mongo.example.com" {
			t.Errorf("the Service of the external database: %+v", svc.Spec)
		}
		if now := b.volume(); now != volume || s.inventory()["volume"] != 1 {
			t.Errorf("the volume was %+v and is %+v; the cloud holds %v", volume, now, s.inventory())
		}
		if jobs := b.all("cronjob"); len(jobs) > 0 || s.inventory()["bucket"] != 1 {
			t.Errorf("backups of an external database: %+v; the cloud holds %v", jobs, s.inventory())
		}
		s.unchanged("with an external database")

		s.settings("externalDatabase=", "databasePassword=")
		s.deploy()
		if now := b.one("statefulset", "mongo"); now.Status.ReadyReplicas != 1 {
			t.Errorf("the database after its return: %+v", now.Status)
		}
		if now := b.volume(); now != volume {
			t.Errorf("the volume was %+v and is %+v", volume, now)
		}
		if now := b.one("secret", "mongo-credentials").Data; !maps.Equal(now, secret) {
			t.Error("the database has other passwords than those in its volume")
		}
		if left := b.named("service", "database"); len(left) > 0 {
			t.Errorf("a Service is left: %+v", left)
		}
		s.unchanged("with the database back")
	})

	step(t, "a backup is restored once", func() {
		s.settings("restoreFrom=2026-11-23T03-00-00Z.archive.gz")
		s.deploy()
		restores := func() []string {
			var found []string
			for _, job := range b.all("job") {
				if strings.HasPrefix(job.Metadata.Name, "mongo-restore-") {
					found = append(found, fmt.Sprintf("%s %s, %d succeeded",
						job.Metadata.Name, job.Metadata.UID, job.Status.Succeeded))
				}
			}
			return found
		}
		before := restores()
		if len(before) != 1 || !strings.HasSuffix(before[0], " 1 succeeded") {
			t.Errorf("restore jobs: %v", before)
		}
		s.settings("backupRetentionDays=7", "mongoMemoryMb=640") // they change the Pods of backup and database
		s.deploy()
		if after := restores(); !slices.Equal(before, after) {
			t.Errorf("the restore jobs were %v and are %v", before, after)
		}
		s.unchanged("after the restore")
	})

	step(t, "another namespace is refused", func() {
		s.settings("namespace=busan")
		s.refused("namespace guestbook busan")
		s.settings("namespace=guestbook")
		s.unchanged("with the namespace back")
	})

	step(t, "destroy leaves only a bucket with backups", func() {
		b.removeRepositories()
		backup := "/n/" + oci.Namespace + "/b/oke-guestbook-local-guestbook-backups/o/2026-11-25T03-00-00Z.archive.gz"
		_, err := s.rest().Do(t.Context(), "PUT", backup, nil, "a backup", nil)
		s.must(err)
		out, err := s.pulumi("destroy", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
		if err == nil || !strings.Contains(out, "BucketNotEmpty") {
			t.Errorf("destroy: %v; want BucketNotEmpty\n%s", err, out)
		}
		if left := s.inventory(); !maps.Equal(left, map[string]int{"bucket": 1, "object": 1}) {
			t.Errorf("left in the cloud: %v", left)
		}
		_, err = s.rest().Do(t.Context(), "DELETE", backup, nil, nil, nil)
		s.must(err)
		s.destroy()
		s.destroyed()
	})
}

// TestProfiles deploys both profiles in one stack, with every exposure, both types of load balancers, what enforces
// network policies, and agents that collect the logs.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	certificate, key, err := cert.GenerateSelfSignedCertKey("seoul.example.com", nil, nil)
	s.must(err)
	s.settings("loadBalancers=both", "internalLoadBalancerAllowedCidrs[0]=10.0.0.0/16",
		"nodePools[0].size=3", "nodePools[0].shape=VM.Standard.E5.Flex", // as the tutorial's frontend needs it
		"frontendReplicas=1", "logDestination=collector.logs:24224",
		"guestbooks[0].name=classroom", "guestbooks[0].profile=tutorial",
		"guestbooks[0].frontendImage=docker.io/paulczar/gb-frontend:v5",
		"guestbooks[1].name=seoul", "guestbooks[1].mongoReplicas=3",
		"guestbooks[1].tlsCertificate="+string(certificate),
		"guestbooks[2].name=busan", "guestbooks[2].exposure=internal",
		"guestbooks[3].name=jeju", "guestbooks[3].exposure=node-port",
		"guestbooks[4].name=ulsan", "guestbooks[4].exposure=none",
		"networkPolicies=enforced", "guestbooks[0].loadBalancerType=nlb")
	for i, port := range []string{"80", "443"} { // strings, because a port may be a range
		s.set("--path", "--type", "string", fmt.Sprintf("loadBalancerPorts[%d]", i), port)
	}
	s.secret("guestbooks[1].tlsPrivateKey=" + string(key))
	rest := s.rest()
	const certificates = "/20210224/certificates"
	imported := s.post(rest, certificates, with(object{"name": "busan", "certificateConfig": importedPair(t)}))
	s.settings("guestbooks[2].tlsCertificateId="+imported, "guestbooks[2].tlsHostname=www.example.com",
		"guestbooks[2].tlsMinimumVersion=TLSv1.3")
	policy := s.post(rest, core+"/policies", with(object{
		"name": "certificates", "description": "lets clusters give their load balancers certificates",
		"statements": []string{"Allow any-user to manage leaf-certificate-family in compartment id " + oci.CompartmentID +
			" where ALL {request.principal.type = 'cluster'}"},
	}))
	const zones = "/20180115/zones"
	zone := s.post(rest, zones, with(object{"name": "example.com"}))
	s.settings("guestbooks[2].dnsZoneId=" + zone)
	var reserved struct{ ID, IPAddress string }
	s.get(rest, core+"/publicIps/"+s.post(rest, core+"/publicIps", with(object{"lifetime": "RESERVED"})), &reserved)
	step(t, "guestbooks too large for all nodes are refused with the sums", func() {
		s.settings("guestbooks[1].mongoMemoryMb=9000")
		s.refused("nodePools guestbooks' MiB, together seoul, 9000,")
		s.settings("guestbooks[1].mongoMemoryMb=0")
	})
	step(t, "an unknown reserved address is refused, and one in use", func() {
		s.settings("guestbooks[0].reservedAddress=203.0.113.250")
		s.refused("reservedAddress classroom 203.0.113.250 NotAuthorizedOrNotFound")
		vcn := s.post(rest, core+"/vcns", with(object{"cidrBlocks": []string{"192.168.0.0/24"}}))
		nat := s.post(rest, core+"/natGateways", with(object{"vcnId": vcn, "publicIpId": reserved.ID}))
		s.settings("guestbooks[0].reservedAddress=" + reserved.IPAddress)
		s.refused("reservedAddress classroom ASSIGNED " + reserved.IPAddress + " " + nat)
		_, err := rest.Do(t.Context(), "DELETE", core+"/natGateways/"+nat, nil, nil, nil)
		s.must(err)
		s.eventually(shortly, "gateway and VCN are gone", func() (bool, string) {
			_, err := rest.Do(t.Context(), "DELETE", core+"/vcns/"+vcn, nil, nil, nil)
			return s.inventory()["vcn"] == 0, fmt.Sprint(err)
		})
	})
	step(t, "a certificate of another host is refused", func() {
		s.refused("tlsCertificateId busan www.example.com busan.example.com")
		s.settings("guestbooks[2].tlsHostname=busan.example.com")
	})
	s.up()
	s.noWarnings(s.log.String())
	books := map[string]book{}
	for _, name := range []string{"classroom", "seoul", "busan", "jeju", "ulsan"} {
		books[name] = book{s, name}
	}

	step(t, "everything is ready", func() {
		for name, b := range books {
			pods := b.all("pod")
			if len(pods) < 2 {
				t.Errorf("%s has %d Pods", name, len(pods))
			}
			for _, p := range pods {
				if p.Status.Phase != "Succeeded" && !p.ready() {
					t.Errorf("%s: Pod %s: %+v", name, p.Metadata.Name, p.Status)
				}
			}
		}
		if agents := (book{s, "guestbook-logs"}).one("daemonset", "fluent-bit"); agents.Status.NumberReady != 3 {
			t.Errorf("%d of 3 nodes have a ready agent", agents.Status.NumberReady)
		}
		s.unchanged("right after up")
	})

	step(t, "network policies are enforced on each node, until they are inert", func() {
		enforcer := book{s, "kube-system"}
		daemon := enforcer.one("daemonset", "kube-network-policies")
		if said := s.output("networkPolicies"); daemon.Status.NumberReady != 3 || said != "enforced" {
			t.Errorf("network policies are %s, %d of 3 nodes have what enforces them", said, daemon.Status.NumberReady)
		}
		s.settings("networkPolicies=inert")
		out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
		if said := warnings(out); err != nil || len(said) != 1 || !strings.HasPrefix(said[0], "networkPolicies is inert") {
			t.Errorf("up: %v; warnings %q in\n%s", err, said, out)
		}
		left := enforcer.named("daemonset", "kube-network-policies")
		if said := s.output("networkPolicies"); len(left) > 0 || said != "inert" {
			t.Errorf("network policies are %s, and %+v is left", said, left)
		}
	})

	step(t, "a replica set has a volume for each member and a budget", func() {
		nodes, volumes := map[string]bool{}, map[string]bool{}
		for i, claim := range books["seoul"].all("pvc") {
			if want := fmt.Sprintf("data-mongo-%d", i); claim.Metadata.Name != want || claim.Status.Phase != "Bound" {
				t.Errorf("claim %s is %s, want %s", claim.Metadata.Name, claim.Status.Phase, want)
			}
			volumes[claim.Spec.VolumeName] = true
			nodes[books["seoul"].one("pod", fmt.Sprintf("mongo-%d", i)).Spec.NodeName] = true
		}
		if len(volumes) != 3 || len(nodes) != 3 {
			t.Errorf("three members are on nodes %v with volumes %v", nodes, volumes)
		}
		s.eventually(shortly, "the disruption budget allows one of three members to be evicted", func() (bool, string) {
			status := books["seoul"].one("pdb", "backend").Status
			return status.DisruptionsAllowed == 1 && status.ExpectedPods == 3, fmt.Sprintf("%+v", status)
		})
	})

	step(t, "each guestbook is exposed as configured", func() {
		for name, want := range map[string]string{
			"classroom": "LoadBalancer 80", "seoul": "LoadBalancer 443", "busan": "LoadBalancer 443", "jeju": "NodePort 80",
		} {
			svc := books[name].one("service", "frontend")
			if got := fmt.Sprintf("%s %d", svc.Spec.Type, svc.Spec.Ports[0].Port); got != want {
				t.Errorf("%s has %s, want %s", name, got, want)
			}
		}
		if none := books["ulsan"].named("service", "frontend"); len(none) > 0 {
			t.Errorf("ulsan has %+v", none)
		}
		balancers := s.balancers()
		byAddress := map[string]string{}
		for _, lb := range balancers {
			var ports []string
			for _, l := range lb.Listeners {
				port := fmt.Sprint(l.Port)
				if ssl := l.SSLConfiguration; ssl != nil {
					port += fmt.Sprint(" ", ssl.Protocols, len(ssl.CertificateIDs))
				}
				ports = append(ports, port)
			}
			slices.Sort(ports)
			byAddress[lb.IPAddresses[0].IPAddress] = fmt.Sprintf("%s, private: %v", strings.Join(ports, ", "), lb.IsPrivate)
		}
		var network struct{ Items []balancer }
		s.get(rest, "/20200501/networkLoadBalancers?compartmentId="+oci.CompartmentID, &network)
		for _, nlb := range network.Items {
			for _, ip := range nlb.IPAddresses {
				byAddress[ip.IPAddress] = fmt.Sprintf("network, %d listener, private: %v", len(nlb.Listeners), nlb.IsPrivate)
			}
		}
		for name, want := range map[string]string{
			"classroom": "network, 1 listener, private: false",
			"seoul":     "443 [TLSv1.2 TLSv1.3] 0, 80, private: false",
			"busan":     "443 [TLSv1.3] 1, 80, private: true",
		} {
			address := books[name].one("service", "frontend").Status.LoadBalancer.Ingress[0].IP
			if byAddress[address] != want {
				t.Errorf("%s's load balancer listens on %q, want %q", name, byAddress[address], want)
			}
		}
		address := books["classroom"].one("service", "frontend").Status.LoadBalancer.Ingress[0].IP
		if address != reserved.IPAddress {
			t.Errorf("classroom has the address %s, want the reserved one, %s", address, reserved.IPAddress)
		}
		if len(balancers) != 2 || len(network.Items) != 1 {
			t.Errorf("%d load balancers and %d network load balancers, want 2 and 1", len(balancers), len(network.Items))
		}
		var records struct{ Items []struct{ RData string } }
		s.get(rest, zones+"/"+zone+"/records/busan.example.com/A", &records)
		address = books["busan"].one("service", "frontend").Status.LoadBalancer.Ingress[0].IP
		if len(records.Items) != 1 || records.Items[0].RData != address {
			t.Errorf("busan's DNS records are %v, want its load balancer's address, %s", records.Items, address)
		}
	})

	step(t, "a renewed certificate is served, twice in a row", func() {
		for range 2 {
			certificate, key, err := cert.GenerateSelfSignedCertKey("seoul.example.com", nil, nil)
			s.must(err)
			s.settings("guestbooks[1].tlsCertificate=" + string(certificate))
			s.secret("guestbooks[1].tlsPrivateKey=" + string(key))
			s.deploy()
			s.eventually(time.Minute, "the renewed certificate", func() (bool, string) {
				served := s.served(books["seoul"].one("service", "frontend").Status.LoadBalancer.Ingress[0].IP)
				return served == string(certificate), served
			})
			secrets := books["seoul"].all("secret", "--field-selector", "type=kubernetes.io/tls")
			if len(secrets) != 1 {
				t.Errorf("%d Secrets with certificates, want 1", len(secrets))
			}
		}
		s.unchanged("after the renewals")
	})

	step(t, "guard rails are in force", func() {
		for name, b := range books {
			if name != "classroom" {
				b.checkGuardRails()
			}
		}
		out, err := books["classroom"].run(testPod("1Gi", false), "create", "--dry-run=server", "-f", "-")
		if err != nil {
			t.Errorf("a Pod in the tutorial's namespace: %v\n%s", err, out)
		}
	})

	step(t, "the engine shows a warning of the API server", func() {
		if s.o.Plugins == "official" {
			return // it does not pass warnings on
		}
		const label = "pod-security.kubernetes.io/warn=restricted"
		out, err := books["classroom"].run("", "label", "namespace", "classroom", label)
		if err != nil {
			t.Fatalf("kubectl label: %v\n%s", err, out)
		}
		s.settings("guestbooks[0].frontendMemoryMb=128")
		out, err = s.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
		said := strings.Join(warnings(out), "\n") // with the program's own, in any order
		if err != nil || !strings.Contains(said, "would violate PodSecurity") {
			t.Errorf("up: %v; warnings %q in\n%s", err, said, out)
		}
	})

	step(t, "destroy leaves nothing", func() {
		_, err := rest.Do(t.Context(), "DELETE", core+"/policies/"+policy, nil, nil, nil)
		s.must(err)
		s.destroy()
		var records struct{ Items []object }
		s.get(rest, zones+"/"+zone+"/records?domain=busan.example.com", &records)
		if len(records.Items) > 0 {
			t.Errorf("busan's DNS records are left: %v", records.Items)
		}
		for _, path := range []string{core + "/publicIps/" + reserved.ID, zones + "/" + zone} {
			_, err := rest.Do(t.Context(), "DELETE", path, nil, nil, nil)
			s.must(err)
		}
		s.destroyed()
	})
}

type balancer struct {
	IPAddresses  []struct{ IPAddress string }
	IsPrivate    bool
	ShapeDetails struct{ MaximumBandwidthInMbps int }
	SubnetIDs    []string
	Listeners    map[string]struct {
		Port             int
		SSLConfiguration *struct {
			CertificateName string
			CertificateIDs  []string
			Protocols       []string
		}
	}
	Certificates map[string]struct{ PublicCertificate string }
}

// importedPair is a certificate for busan.example.com, as the Certificates service imports it.
func importedPair(t *testing.T) object {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("busan.example.com", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return object{
		"configType": "IMPORTED", "certificatePem": string(certificate), "certChainPem": "", "privateKeyPem": string(key),
	}
}

// served returns the certificate of the listeners of the load balancer with an address.
func (s *stack) served(address string) (certificate string) {
	s.t.Helper()
	for _, lb := range s.balancers() {
		for _, l := range lb.Listeners {
			if lb.IPAddresses[0].IPAddress == address && l.SSLConfiguration != nil {
				certificate = lb.Certificates[l.SSLConfiguration.CertificateName].PublicCertificate
			}
		}
	}
	return certificate
}

// balancers lists the load balancers of the cloud.
func (s *stack) balancers() []balancer {
	s.t.Helper()
	var all []balancer
	query := url.Values{"compartmentId": {oci.CompartmentID}}
	_, err := s.rest().Do(s.t.Context(), "GET", "/20170115/loadBalancers", query, nil, &all)
	s.must(err)
	return all
}

// settings changes settings by path, each "key=value".
func (s *stack) settings(pairs ...string) {
	s.t.Helper()
	s.setAll("--plaintext", pairs)
}

// secret changes a secret setting.
func (s *stack) secret(pair string) {
	s.t.Helper()
	s.setAll("--secret", []string{pair})
}

func (s *stack) setAll(flag string, pairs []string) {
	s.t.Helper()
	args := []string{"config", "set-all", "--path", "--stack", "local"}
	for _, pair := range pairs {
		args = append(args, flag, pair)
	}
	if out, err := s.pulumi(args...); err != nil {
		s.t.Fatalf("pulumi config set-all: %v\n%s", err, out)
	}
}

// deploy runs `pulumi up`, which must succeed without a warning.
func (s *stack) deploy() {
	s.t.Helper()
	out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
	if err != nil {
		s.t.Fatalf("up: %v\n%s", err, out)
	}
	s.noWarnings(out)
}

// noWarnings fails the test if the engine shows a warning: the API server warns of bad input that it still accepts. The
// program's own, that nothing enforces network policies, is expected.
func (s *stack) noWarnings(out string) {
	s.t.Helper()
	for _, warning := range warnings(out) {
		if strings.HasPrefix(warning, "networkPolicies is inert") {
			continue
		}
		s.t.Errorf("up warns: %s", warning)
	}
}

// waits matches what the official plugin reports as a warning while it waits for an object: a reason in brackets.
var waits = regexp.MustCompile(`^\[\w+\] `)

// warnings returns the warnings in the diagnostics at the end of the engine's output. Earlier ones are progress
// messages of the official plugin.
func warnings(out string) (found []string) {
	_, out, _ = strings.Cut(out, "\nDiagnostics:\n")
	for line := range strings.Lines(out) {
		if _, text, ok := strings.Cut(line, "warning: "); ok && !strings.HasPrefix(text, "using pulumi-resource-") &&
			!waits.MatchString(text) {
			found = append(found, strings.TrimSpace(text))
		}
	}
	return found
}

// kubeObject has the fields that these tests read from an object of any kind.
type kubeObject struct {
	Metadata struct {
		Name, UID, DeletionTimestamp string
		Generation                   int
	}
	Data map[string]string
	Spec struct {
		Replicas, MinReplicas, MaxReplicas       int
		Schedule, TimeZone                       string
		VolumeName, NodeName, Type, ExternalName string
		CSI                                      struct{ VolumeHandle string }
		Ports                                    []struct{ Port int }
		Containers                               []struct{ Image string }
	}
	Status struct {
		Phase                                                                             string
		Replicas, ReadyReplicas, Succeeded, NumberReady, DisruptionsAllowed, ExpectedPods int
		Conditions                                                                        []struct{ Type, Status string }
		LoadBalancer                                                                      struct {
			Ingress []struct{ IP string }
		}
	}
}

func (o kubeObject) ready() bool {
	return o.Metadata.DeletionTimestamp == "" && o.Status.Phase == "Running" &&
		slices.Contains(o.Status.Conditions, struct{ Type, Status string }{"Ready", "True"})
}

// book is a guestbook of the stack.
type book struct {
	*stack
	namespace string
}

// run runs kubectl in the namespace and returns what it printed.
func (b book) run(stdin string, args ...string) (string, error) {
	b.t.Helper()
	cmd := b.kubectlCommand(args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b book) kubectlCommand(args ...string) *exec.Cmd {
	return b.stack.kubectlCommand(append([]string{"-n", b.namespace}, args...)...)
}

// one returns an object that must exist.
func (b book) one(kind, name string) (o kubeObject) {
	b.t.Helper()
	b.kubectl(&o, "get", kind, name, "-n", b.namespace)
	return o
}

func (b book) all(kind string, more ...string) []kubeObject {
	b.t.Helper()
	var l list[kubeObject]
	b.kubectl(&l, append([]string{"get", kind, "-n", b.namespace}, more...)...)
	return l.Items
}

// named lists the object of that name, if it exists.
func (b book) named(kind, name string) []kubeObject {
	b.t.Helper()
	return b.all(kind, "--field-selector", "metadata.name="+name)
}

// done returns a Job that must have succeeded.
func (b book) done(name string) kubeObject {
	b.t.Helper()
	job := b.one("job", name)
	if job.Status.Succeeded != 1 {
		b.t.Errorf("job %s: %+v", name, job.Status)
	}
	return job
}

// createJob makes a job from a CronJob, after amend, if not nil, has changed its manifest. The CronJob does not own it:
// it would delete it after its own next run.
func (b book) createJob(cronJob, name string, amend func(manifest []byte) []byte) {
	b.t.Helper()
	var job object
	b.kubectl(&job, "create", "job", "-n", b.namespace, "--from=cronjob/"+cronJob, name, "--dry-run=client")
	delete(job["metadata"].(object), "ownerReferences")
	manifest, err := json.Marshal(job)
	b.must(err)
	if amend != nil {
		manifest = amend(manifest)
	}
	if out, err := b.run(string(manifest), "create", "-f", "-"); err != nil || strings.Contains(out, "Warning") {
		b.t.Fatalf("create job %s: %v\n%s", name, err, out)
	}
}

// revision returns the revision of the frontend's Deployment. It increases with each change of the Pod template.
func (b book) revision() int {
	b.t.Helper()
	var d struct{ Metadata meta }
	b.kubectl(&d, "get", "deployment", "frontend", "-n", b.namespace)
	n, err := strconv.Atoi(d.Metadata.Annotations["deployment.kubernetes.io/revision"])
	b.must(err)
	return n
}

// volume returns the ids of the claim and of the volume of the database's first member.
func (b book) volume() (v struct{ claim, name, id string }) {
	b.t.Helper()
	claim := b.one("pvc", "data-mongo-0")
	if claim.Status.Phase != "Bound" {
		b.t.Errorf("the claim is %s", claim.Status.Phase)
	}
	v.claim, v.name = claim.Metadata.UID, claim.Spec.VolumeName
	v.id = b.one("pv", v.name).Spec.CSI.VolumeHandle
	return v
}

// scale sets the number of the frontend's Pods without the engine.
func (b book) scale(replicas int) {
	b.t.Helper()
	if out, err := b.run("", "scale", "deployment", "frontend", fmt.Sprintf("--replicas=%d", replicas)); err != nil {
		b.t.Fatalf("kubectl scale: %v\n%s", err, out)
	}
}

// scaled waits until the frontend has that number of Pods, all ready.
func (b book) scaled(replicas int) {
	b.t.Helper()
	for _, field := range []string{"spec.replicas", "status.replicas", "status.readyReplicas"} {
		condition := fmt.Sprintf("--for=jsonpath={.%s}=%d", field, replicas)
		if out, err := b.run("", "wait", "deployment", "frontend", condition, "--timeout=1m"); err != nil {
			d := b.one("deployment", "frontend")
			b.t.Fatalf("waited for %d frontends: %d wanted, %d exist, %d ready: %v\n%s",
				replicas, d.Spec.Replicas, d.Status.Replicas, d.Status.ReadyReplicas, err, out)
		}
	}
}

// leastReady returns the minimum of ready frontends from the start of update until all replicas are ready with the
// image. It sees every change of every Pod.
func (b book) leastReady(image string, replicas int, update func()) int {
	b.t.Helper()
	cmd := b.kubectlCommand("get", "pods", "-l", "app.kubernetes.io/component=frontend",
		"--watch", "--output-watch-events", "-o", "json")
	events, err := cmd.StdoutPipe()
	b.must(err)
	b.must(cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var mu sync.Mutex
	var watchErr error
	ready := map[string]string{} // Pod to image
	least := replicas
	began := false
	go func() {
		for decoder := json.NewDecoder(events); ; {
			var event struct {
				Type   string
				Object kubeObject
			}
			err := decoder.Decode(&event)
			mu.Lock()
			if err != nil {
				watchErr = err
				mu.Unlock()
				return
			}
			if name := event.Object.Metadata.Name; event.Type != "DELETED" && event.Object.ready() {
				ready[name] = event.Object.Spec.Containers[0].Image
			} else {
				delete(ready, name)
			}
			if began {
				least = min(least, len(ready))
			}
			mu.Unlock()
		}
	}()
	seen := func(wanted func(images []string) bool) func() (bool, string) {
		return func() (bool, string) {
			mu.Lock()
			defer mu.Unlock()
			b.must(watchErr)
			images := slices.Collect(maps.Values(ready))
			return len(images) == replicas && wanted(images), fmt.Sprintf("ready are %v", ready)
		}
	}
	b.eventually(shortly, "the watch of the frontends", seen(func([]string) bool { return true }))
	mu.Lock()
	began = true
	mu.Unlock()
	update()
	b.eventually(time.Minute, "frontends of the new image", seen(func(images []string) bool {
		return !slices.ContainsFunc(images, func(i string) bool { return i != image })
	}))
	mu.Lock()
	defer mu.Unlock()
	return least
}

// checkGuardRails asserts that the namespace accepts a Pod that complies with Pod Security level restricted and with
// the quota, and no other.
func (b book) checkGuardRails() {
	b.t.Helper()
	for _, c := range []struct {
		memory, refusal string
		restricted      bool
	}{
		{"16Mi", "", true},
		{"16Mi", `violates PodSecurity "restricted`, false},
		{"1000Gi", "exceeded quota: guestbook", true},
	} {
		out, err := b.run(testPod(c.memory, c.restricted), "create", "--dry-run=server", "-f", "-")
		if (err != nil) != (c.refusal != "") || !strings.Contains(out, c.refusal) {
			b.t.Errorf("%s: a Pod with %s of memory, restricted: %v: want %q, got %v\n%s",
				b.namespace, c.memory, c.restricted, c.refusal, err, out)
		}
	}
}

// testPod returns a Pod that complies with Pod Security level restricted, or has no security context at all.
func testPod(memory string, restricted bool) string {
	pod, container := object{}, object{
		"name": "main", "image": "docker.io/library/busybox:1.37",
		"resources": object{"requests": object{"cpu": "1m", "memory": memory}, "limits": object{"memory": memory}},
	}
	if restricted {
		pod["securityContext"] = object{
			"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": object{"type": "RuntimeDefault"},
		}
		container["securityContext"] = object{
			"allowPrivilegeEscalation": false, "capabilities": object{"drop": []any{"ALL"}},
		}
	}
	pod["containers"] = []any{container}
	text, _ := json.Marshal(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "test"}, "spec": pod})
	return string(text)
}
