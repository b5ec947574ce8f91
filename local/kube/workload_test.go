package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci"
)

// TestWholeCloud takes a cluster through its life cycle, driven by the emulator, with every kind of workload that uses
// the cloud's resources.
func TestWholeCloud(t *testing.T) {
	c := newCloud(t)
	cluster := c.cluster("v1.36.4")
	api := c.api(cluster)
	services := api.CoreV1().Services("default")
	early := service("early", map[string]string{"service.beta.kubernetes.io/oci-load-balancer-internal": "true"}, 80)
	mustCreate(t, services, early)
	active := func(private bool) func(context.Context) error {
		return func(context.Context) error {
			if lb := c.loadBalancer(); lb == nil || lb["isPrivate"] != private || lb["lifecycleState"] != "ACTIVE" {
				return fmt.Errorf("load balancer %v", lb)
			}
			return nil
		}
	}
	eventually.Succeeds(t, 20*time.Second, "the load balancer exists before the nodes", active(true))
	pool := c.pool(cluster, "v1.36.4", 3)
	eventually.Succeeds(t, 20*time.Second, "the nodes are backends", func(context.Context) error {
		backends := c.loadBalancer()["backendSets"].(object)["TCP-80"].(object)["backends"].([]any)
		if len(backends) != 3 {
			return fmt.Errorf("%d backends", len(backends))
		}
		return nil
	})
	mustDelete(t, services, "early")
	eventually.Succeeds(t, 20*time.Second, "the load balancer is deleted", c.none("loadbalancer"))

	t.Run("nodes look like those of OKE", func(t *testing.T) { checkNodes(t, api) })
	t.Run("load balancer", func(t *testing.T) { checkLoadBalancer(t, c, api) })
	t.Run("security lists", func(t *testing.T) { checkSecurityLists(t, c, api) })
	t.Run("failed load balancer", func(t *testing.T) { checkFailedLoadBalancer(t, c, api) })
	t.Run("reserved address, group and TLS", func(t *testing.T) { checkAnnotations(t, c, api) })
	t.Run("volumes", func(t *testing.T) { checkVolumes(t, c, api) })
	t.Run("jobs", func(t *testing.T) { checkJob(t, api) })
	t.Run("short image names are refused", func(t *testing.T) { checkShortName(t, api) })
	t.Run("images of Container Registry", func(t *testing.T) { checkImagePulls(t, c, api) })
	t.Run("scaling down drains", func(t *testing.T) { checkScaleDown(t, c, api, pool) })

	// As on OKE, the load balancers that are not deleted outlive the cluster.
	mustCreate(t, services, service("orphan", nil, 80))
	eventually.Succeeds(t, 20*time.Second, "the load balancer that will be orphaned", active(false))

	t.Log(resident(t, c.manager))
	pids := processes(c.manager)
	if _, header := c.do(http.MethodDelete, "/20180222/nodePools/"+pool, nil); header != nil {
		c.work(header)
	}
	_, header := c.do(http.MethodDelete, "/20180222/clusters/"+cluster, nil)
	c.work(header)
	for pid := range pids {
		if err := alive(pid); err == nil {
			t.Errorf("%s (pid %d) outlived the cluster", pids[pid], pid)
		}
	}
	if len(c.manager.Status()) != 0 {
		t.Errorf("status after the deletion of the cluster: %v", c.manager.Status())
	}
	if err := c.none("volume", "volumeattachment", "instance")(t.Context()); err != nil {
		t.Error(err)
	}
	if left := c.inventory("loadbalancer"); len(left) != 1 {
		t.Errorf("load balancers after the deletion of the cluster: %v, want the orphaned one", left)
	}
}

func checkNodes(t *testing.T, api kubernetes.Interface) {
	nodes, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 3 {
		t.Fatalf("%d nodes, want 3", len(nodes.Items))
	}
	zones := map[string]bool{}
	for _, n := range nodes.Items {
		zones[n.Labels["topology.kubernetes.io/zone"]] = true
		if n.Labels["pool"] != "workers" || n.Labels["kubernetes.io/arch"] != "arm64" ||
			n.Labels["topology.kubernetes.io/region"] != "iad" || n.Labels["oci.oraclecloud.com/fault-domain"] == "" ||
			n.Labels["node.kubernetes.io/instance-type"] != "VM.Standard.A1.Flex" {
			t.Errorf("labels of node %s: %v", n.Name, n.Labels)
		}
		if !strings.HasPrefix(n.Spec.ProviderID, "ocid1.instance.") || !strings.HasPrefix(n.Name, "10.0.16.") {
			t.Errorf("node %s has provider id %s", n.Name, n.Spec.ProviderID)
		}
		if cpu := n.Status.Capacity.Cpu().Value(); cpu != 2 || n.Status.Allocatable.Cpu().MilliValue() >= 2000 {
			t.Errorf("node %s has %d CPUs, %s allocatable", n.Name, cpu, n.Status.Allocatable.Cpu())
		}
	}
	if !zones["US-ASHBURN-AD-1"] || len(zones) != 3 {
		t.Errorf("zones %v", zones)
	}
}

func checkLoadBalancer(t *testing.T, c *testCloud, api kubernetes.Interface) {
	services := api.CoreV1().Services("default")
	mustCreate(t, api.AppsV1().Deployments("default"), deployment("web", 3))
	eventually.Succeeds(t, time.Minute, "3 Pods are ready", deploymentReady(api, "web"))
	svc := service("web", map[string]string{
		"service.beta.kubernetes.io/oci-load-balancer-shape":                         "flexible",
		"service.beta.kubernetes.io/oci-load-balancer-shape-flex-min":                "10",
		"service.beta.kubernetes.io/oci-load-balancer-shape-flex-max":                "20",
		"service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode": "None",
	}, 80)
	mustCreate(t, services, svc)
	eventually.Succeeds(t, time.Minute, "the Service has an address", func(ctx context.Context) error {
		svc, err := services.Get(ctx, "web", metav1.GetOptions{})
		if err == nil && len(svc.Status.LoadBalancer.Ingress) == 0 {
			err = errors.New("no address")
		}
		return err
	})
	have := mustGet(t, services, "web")
	if !slices.Contains(have.Finalizers, "service.kubernetes.io/load-balancer-cleanup") {
		t.Errorf("finalizers %v", have.Finalizers)
	}
	lb := c.loadBalancer()
	backends := lb["backendSets"].(object)["TCP-80"].(object)["backends"].([]any)
	if len(backends) != 3 || backends[0].(object)["port"] != float64(have.Spec.Ports[0].NodePort) {
		t.Errorf("backends %v", backends)
	}
	subnets := fmt.Sprint([]any{c.lbSubnet})
	if lb["shapeName"] != "flexible" || lb["isPrivate"] != false || fmt.Sprint(lb["subnetIds"]) != subnets {
		t.Errorf("load balancer %v", lb)
	}
	if tags := lb["freeformTags"].(object); tags["for"] != "load balancers" {
		t.Errorf("tags %v, want those of the cluster", tags)
	}
	if open := c.openPorts(c.lbList); len(open) != 0 {
		t.Errorf("mode None opened %v", open)
	}

	mustPatch(t, services, "web", types.MergePatchType, `{"spec":{"ports":[{"name":"p8080","port":8080}]}}`)
	eventually.Succeeds(t, 30*time.Second, "the listener has moved to port 8080", func(context.Context) error {
		listeners := c.loadBalancer()["listeners"].(object)
		sets := c.loadBalancer()["backendSets"].(object)
		if listeners["TCP-8080"] == nil || len(listeners) != 1 || len(sets) != 1 {
			return fmt.Errorf("listeners %v, backend sets %v", listeners, sets)
		}
		return nil
	})
	mustDelete(t, services, "web")
	eventually.Succeeds(t, 30*time.Second, "Service and load balancer are deleted", func(ctx context.Context) error {
		if _, err := services.Get(ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("service: %w", err)
		}
		return c.none("loadbalancer")(ctx)
	})
}

func checkSecurityLists(t *testing.T, c *testCloud, api kubernetes.Interface) {
	services := api.CoreV1().Services("default")
	svc := service("open", nil, 443)
	svc.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
	mustCreate(t, services, svc)
	eventually.Succeeds(t, time.Minute, "the security lists are open", func(ctx context.Context) error {
		svc, err := services.Get(ctx, "open", metav1.GetOptions{})
		if err != nil {
			return err
		}
		front, back := c.openPorts(c.lbList), c.openPorts(c.workerList)
		if len(front) != 1 || !front["192.0.2.0/24 443"] {
			return fmt.Errorf("load balancers' list opens %v", front)
		}
		nodePort := fmt.Sprintf("10.0.32.0/24 %d", svc.Spec.Ports[0].NodePort)
		if len(back) != 2 || !back[nodePort] || !back["10.0.32.0/24 10256"] {
			return fmt.Errorf("workers' list opens %v", back)
		}
		return nil
	})
	mustDelete(t, services, "open")
	eventually.Succeeds(t, 30*time.Second, "the security lists are closed", func(ctx context.Context) error {
		if front, back := c.openPorts(c.lbList), c.openPorts(c.workerList); len(front)+len(back) != 0 {
			return fmt.Errorf("open: %v, %v", front, back)
		}
		return c.none("loadbalancer")(ctx)
	})

	bad := service("bad", map[string]string{"service.beta.kubernetes.io/oci-load-balancer-subnet1": c.workerSubnet}, 80)
	mustCreate(t, services, bad)
	eventually.Succeeds(t, 30*time.Second, "OCI's error is in an event", syncFailed(api, "bad", "InvalidParameter"))
	mustDelete(t, services, "bad")
}

// syncFailed returns nil when the service controller has reported an error with the text.
func syncFailed(api kubernetes.Interface, service, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		options := metav1.ListOptions{FieldSelector: "involvedObject.name=" + service}
		events, err := api.CoreV1().Events("default").List(ctx, options)
		if err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == "SyncLoadBalancerFailed" && strings.Contains(e.Message, text) {
				return nil
			}
		}
		return errors.New("no event")
	}
}

// checkFailedLoadBalancer lets a load balancer's creation fail: as on OKE, only the deletion of its Service helps.
func checkFailedLoadBalancer(t *testing.T, c *testCloud, api kubernetes.Interface) {
	services := api.CoreV1().Services("default")
	fault := object{"workRequest": "CreateLoadBalancer", "count": 1, "message": "no capacity"}
	c.do(http.MethodPost, "/admin/faults", fault)
	svc := service("failed", map[string]string{
		"service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode": "None",
	}, 80)
	mustCreate(t, services, svc)
	eventually.Succeeds(t, 30*time.Second, "the cause is in an event", syncFailed(api, "failed", "no capacity"))
	eventually.Succeeds(t, 30*time.Second, "the state is in an event", syncFailed(api, "failed", "is FAILED"))
	if lb := c.loadBalancer(); lb["lifecycleState"] != "FAILED" {
		t.Errorf("load balancer %v", lb)
	}
	mustDelete(t, services, "failed")
	eventually.Succeeds(t, 30*time.Second, "the load balancer is deleted", c.none("loadbalancer"))
	mustCreate(t, services, svc)
	eventually.Succeeds(t, 30*time.Second, "a new one is ACTIVE", func(context.Context) error {
		if lb := c.loadBalancer(); lb == nil || lb["lifecycleState"] != "ACTIVE" {
			return fmt.Errorf("load balancer %v", lb)
		}
		return nil
	})
	mustDelete(t, services, "failed")
	eventually.Succeeds(t, 30*time.Second, "it is deleted", c.none("loadbalancer"))
}

// checkAnnotations creates a load balancer with everything that a Service can ask for, and removes some of it. Its
// reserved address is in another compartment: the controller acts as the cluster, which needs a policy for it.
func checkAnnotations(t *testing.T, c *testCloud, api kubernetes.Interface) {
	services := api.CoreV1().Services("default")
	reserved := object{"compartmentId": oci.TenancyID, "lifetime": "RESERVED"}
	address, _ := c.do(http.MethodPost, "/20160918/publicIps", reserved)
	group := c.create("networkSecurityGroups", object{"vcnId": c.vcn})
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "web-tls"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: []byte("certificate"), corev1.TLSPrivateKeyKey: []byte("key")},
	}
	mustCreate(t, api.CoreV1().Secrets("default"), secret)
	svc := service("all", map[string]string{
		"oci.oraclecloud.com/oci-network-security-groups":                            group,
		"service.beta.kubernetes.io/oci-load-balancer-ssl-ports":                     "443",
		"service.beta.kubernetes.io/oci-load-balancer-tls-secret":                    "web-tls",
		"service.beta.kubernetes.io/oci-load-balancer-connection-idle-timeout":       "1200",
		"service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode": "Frontend",
	}, 80, 443)
	svc.Spec.LoadBalancerIP = address["ipAddress"].(string)
	mustCreate(t, services, svc)
	eventually.Succeeds(t, 30*time.Second, "the missing right is in an event",
		syncFailed(api, "all", "Authorization failed or requested resource not found"))
	const cluster = " in tenancy where request.principal.type = 'cluster'"
	policy, _ := c.do(http.MethodPost, "/20160918/policies", object{
		"compartmentId": oci.TenancyID, "name": "addresses", "description": "of load balancers",
		"statements": []string{
			"Allow any-user to read public-ips" + cluster, "Allow any-user to manage floating-ips" + cluster,
		},
	})
	eventually.Succeeds(t, 20*time.Second, "the Service has the reserved address", func(ctx context.Context) error {
		have, err := services.Get(ctx, "all", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if in := have.Status.LoadBalancer.Ingress; len(in) != 1 || in[0].IP != svc.Spec.LoadBalancerIP {
			return fmt.Errorf("addresses %v, want %s", in, svc.Spec.LoadBalancerIP)
		}
		return nil
	})
	checkAnnotated(t, c, group)

	mustPatch(t, services, "all", types.StrategicMergePatchType, `{
		"metadata": {"annotations": {"oci.oraclecloud.com/oci-network-security-groups": null}},
		"spec": {"ports": [{"port": 443, "$patch": "delete"}]}
	}`)
	eventually.Succeeds(t, 20*time.Second, "the group and a listener are removed", func(context.Context) error {
		lb, front := c.loadBalancer(), c.openPorts(c.lbList)
		groups, listeners, sets := lb["networkSecurityGroupIds"].([]any), lb["listeners"].(object), lb["backendSets"].(object)
		if len(groups) != 0 || len(listeners) != 1 || len(sets) != 1 {
			return fmt.Errorf("groups %v, listeners %v, backend sets %v", groups, listeners, sets)
		}
		if len(front) != 1 || !front["0.0.0.0/0 80"] {
			return fmt.Errorf("open: %v", front)
		}
		return nil
	})
	mustDelete(t, services, "all")
	eventually.Succeeds(t, 20*time.Second, "the load balancer is deleted", c.none("loadbalancer"))
	if left := c.inventory("publicip"); len(left) != 1 {
		t.Errorf("public addresses after the deletion of the load balancer: %v, want the reserved one", left)
	}
	c.do(http.MethodDelete, "/20160918/policies/"+policy["id"].(string), nil)
}

func checkAnnotated(t *testing.T, c *testCloud, group string) {
	lb := c.loadBalancer()
	listeners := lb["listeners"].(object)
	tls, _ := listeners["TCP-443"].(object)["sslConfiguration"].(object)
	if tls["certificateName"] != "web-tls" || listeners["TCP-80"].(object)["sslConfiguration"] != nil {
		t.Errorf("listeners %v", listeners)
	}
	if idle := listeners["TCP-80"].(object)["connectionConfiguration"].(object)["idleTimeout"]; idle != 1200.0 {
		t.Errorf("idle timeout %v", idle)
	}
	if fmt.Sprint(lb["networkSecurityGroupIds"]) != fmt.Sprint([]any{group}) {
		t.Errorf("groups %v", lb["networkSecurityGroupIds"])
	}
	if front, back := c.openPorts(c.lbList), c.openPorts(c.workerList); len(front) != 2 || len(back) != 0 {
		t.Errorf("mode Frontend opened %v and %v", front, back)
	}
}

func checkVolumes(t *testing.T, c *testCloud, api kubernetes.Interface) {
	claims, sets := api.CoreV1().PersistentVolumeClaims("default"), api.AppsV1().StatefulSets("default")
	mustCreate(t, sets, statefulSet("db", 2))
	eventually.Succeeds(t, time.Minute, "2 Pods with claims are ready", func(ctx context.Context) error {
		s, err := sets.Get(ctx, "db", metav1.GetOptions{})
		if err == nil && s.Status.ReadyReplicas != 2 {
			err = fmt.Errorf("%d ready", s.Status.ReadyReplicas)
		}
		return err
	})
	eventually.Succeeds(t, 20*time.Second, "the volumes are attached", func(context.Context) error {
		if n := len(c.inventory("volumeattachment")); n != 2 {
			return fmt.Errorf("%d attachments", n)
		}
		return nil
	})
	bound := mustGet(t, claims, "data-db-0")
	if got := bound.Status.Capacity.Storage().String(); bound.Status.Phase != corev1.ClaimBound || got != "50Gi" {
		t.Errorf("claim is %s with %s, want Bound with the minimum of 50Gi", bound.Status.Phase, got)
	}
	pod := mustGet(t, api.CoreV1().Pods("default"), "db-0")
	node := mustGet(t, api.CoreV1().Nodes(), pod.Spec.NodeName)
	pv := mustGet(t, api.CoreV1().PersistentVolumes(), bound.Spec.VolumeName)
	doc, _ := c.do(http.MethodGet, "/20160918/volumes/"+pv.Spec.CSI.VolumeHandle, nil)
	domain := "Uocm:" + node.Labels["topology.kubernetes.io/zone"]
	if doc["availabilityDomain"] != domain || doc["sizeInGBs"] != 50.0 {
		t.Errorf("volume in %v of %v GB, want %s of 50", doc["availabilityDomain"], doc["sizeInGBs"], domain)
	}
	if tags := doc["freeformTags"].(object); tags["for"] != "volumes" {
		t.Errorf("tags %v, want those of the cluster", tags)
	}

	mustPatch(t, claims, "data-db-0", types.MergePatchType, `{"spec":{"resources":{"requests":{"storage":"80Gi"}}}}`)
	eventually.Succeeds(t, 20*time.Second, "the claim is expanded", func(ctx context.Context) error {
		claim, err := claims.Get(ctx, "data-db-0", metav1.GetOptions{})
		if err == nil && claim.Status.Capacity.Storage().String() != "80Gi" {
			err = fmt.Errorf("capacity %s", claim.Status.Capacity.Storage())
		}
		return err
	})

	mustDelete(t, sets, "db")
	if n := len(c.inventory("volume")); n != 2 {
		t.Errorf("%d volumes after the deletion of the StatefulSet, want both", n)
	}
	for _, name := range []string{"data-db-0", "data-db-1"} {
		mustDelete(t, claims, name)
	}
	eventually.Succeeds(t, 30*time.Second, "the volumes are deleted after their claims", func(ctx context.Context) error {
		pvs, err := api.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err == nil && len(pvs.Items) > 0 {
			err = fmt.Errorf("%d persistent volumes", len(pvs.Items))
		}
		return errors.Join(err, c.none("volume", "volumeattachment")(ctx))
	})
}

// statefulSet returns one whose Pods claim 10Gi each.
func statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")},
			},
		},
	}
	template := podTemplate(name)
	template.Spec.Containers[0].ReadinessProbe.TCPSocket.Port = intstr.FromInt32(80)
	template.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, ServiceName: name,
			Selector:             &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template:             template,
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{claim},
		},
	}
}

func checkJob(t *testing.T, api kubernetes.Interface) {
	template := podTemplate("job")
	template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	template.Spec.Containers[0].ReadinessProbe = nil
	template.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "docker.io/library/busybox:1"}}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job"}, Spec: batchv1.JobSpec{Template: template}}
	mustCreate(t, api.BatchV1().Jobs("default"), job)
	eventually.Succeeds(t, 30*time.Second, "the Job is complete", func(ctx context.Context) error {
		j, err := api.BatchV1().Jobs("default").Get(ctx, "job", metav1.GetOptions{})
		if err == nil && j.Status.CompletionTime == nil {
			err = fmt.Errorf("status %+v", j.Status)
		}
		return err
	})
}

func checkShortName(t *testing.T, api kubernetes.Interface) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "short"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "mongo:4.2"}}},
	}
	mustCreate(t, api.CoreV1().Pods("default"), pod)
	eventually.Succeeds(t, 20*time.Second, "the image is refused", func(ctx context.Context) error {
		p, err := api.CoreV1().Pods("default").Get(ctx, "short", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, s := range p.Status.ContainerStatuses {
			if s.State.Waiting != nil && s.State.Waiting.Reason == "ImageInspectError" {
				return nil
			}
		}
		return fmt.Errorf("status %+v", p.Status)
	})
	mustDelete(t, api.CoreV1().Pods("default"), "short")
}

// checkScaleDown scales the pool from 3 nodes to 2 while a disruption budget allows one eviction at a time.
func checkScaleDown(t *testing.T, c *testCloud, api kubernetes.Interface, pool string) {
	ctx := t.Context()
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(2)),
			Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}
	mustCreate(t, api.PolicyV1().PodDisruptionBudgets("default"), budget)
	_, header := c.do(http.MethodPut, "/20180222/nodePools/"+pool, object{"nodeConfigDetails": object{"size": 2}})
	c.work(header)
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 2 {
		t.Errorf("%d nodes, want 2", len(nodes.Items))
	}
	eventually.Succeeds(t, 20*time.Second, "all Pods are ready on the remaining nodes", deploymentReady(api, "web"))
	mustDelete(t, api.PolicyV1().PodDisruptionBudgets("default"), "web")
}

// TestRestart stops the manager while a workload runs and starts another one on the same directory.
func TestRestart(t *testing.T) {
	cfg := testConfig(t)
	ctx := t.Context()
	first, api := startCluster(t, cfg, 2)
	mustCreate(t, api.AppsV1().Deployments("default"), deployment("web", 2))
	eventually.Succeeds(t, time.Minute, "the Pods are ready", deploymentReady(api, "web"))
	before, err := first.Kubeconfig(ctx, testCluster().ID)
	if err != nil {
		t.Fatal(err)
	}
	pids := processes(first)
	if len(pids) != 4 {
		t.Errorf("processes %v, want 4", pids)
	}
	began := time.Now()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("closed after %s", time.Since(began).Round(10*time.Millisecond))
	for pid, name := range pids {
		if alive(pid) == nil {
			t.Errorf("%s (pid %d) runs after Close", name, pid)
		}
	}

	second, api := startCluster(t, cfg, 2)
	after, err := second.Kubeconfig(ctx, testCluster().ID)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the kubeconfig changed over the restart")
	}
	mustPatch(t, api.AppsV1().Deployments("default"), "web", types.MergePatchType, `{"spec":{"replicas":4}}`)
	eventually.Succeeds(t, 30*time.Second, "the Deployment is scaled after the restart", deploymentReady(api, "web"))

	t.Run("a killed process is restarted", func(t *testing.T) {
		for pid, name := range processes(second) {
			if name == schedulerName {
				p, err := os.FindProcess(pid)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		mustCreate(t, api.AppsV1().Deployments("default"), deployment("more", 1))
		eventually.Succeeds(t, 30*time.Second, "the restarted scheduler schedules a Pod", deploymentReady(api, "more"))
	})
	if err := second.Stop(ctx, testCluster().ID); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(cfg.Dir); len(left) != 0 {
		t.Errorf("Stop left %v", left)
	}
}

// processes returns the names of the control-plane processes by pid.
func processes(m *Manager) map[int]string {
	pids := map[int]string{}
	for _, c := range m.Status() {
		for _, p := range c.Processes {
			if p.PID != 0 {
				pids[p.PID] = p.Name
			}
		}
	}
	return pids
}

// alive returns an error if there is no process of that id.
func alive(pid int) error {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return err
}

// resident describes the resident memory of every process, this one included.
func resident(t *testing.T, m *Manager) string {
	t.Helper()
	all := processes(m)
	all[os.Getpid()] = "this test"
	var lines []string
	total := 0
	for pid, name := range all {
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		if err != nil {
			t.Error(err)
			continue
		}
		for line := range strings.SplitSeq(string(status), "\n") {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kb, _ := strconv.Atoi(strings.Fields(rest)[0])
				total += kb
				lines = append(lines, fmt.Sprintf("%s %d MB", name, kb>>10))
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("resident: %s; together %d MB", strings.Join(lines, ", "), total>>10)
}
