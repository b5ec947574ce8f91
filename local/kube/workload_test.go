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

// TestWholeCloud takes a cluster through its life the way the emulator asks for it, with a workload of every kind that
// meets the cloud.
func TestWholeCloud(t *testing.T) {
	c := newCloud(t)
	cluster := c.cluster("v1.36.3")
	api := c.api(cluster)
	early := service("early", map[string]string{"service.beta.kubernetes.io/oci-load-balancer-internal": "true"}, 80)
	if _, err := api.CoreV1().Services("default").Create(t.Context(), early, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "load balancer before there are nodes", func(context.Context) error {
		if lb := c.loadBalancer(); lb == nil || lb["isPrivate"] != true || lb["lifecycleState"] != "ACTIVE" {
			return fmt.Errorf("load balancer %v", lb)
		}
		return nil
	})
	pool := c.pool(cluster, "v1.36.3", 3)
	eventually.Succeeds(t, 20*time.Second, "nodes become backends", func(context.Context) error {
		backends := c.loadBalancer()["backendSets"].(object)["TCP-80"].(object)["backends"].([]any)
		if len(backends) != 3 {
			return fmt.Errorf("%d backends", len(backends))
		}
		return nil
	})
	if err := api.CoreV1().Services("default").Delete(t.Context(), "early", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "load balancer gone", c.none("loadbalancer"))

	t.Run("nodes are those of OKE", func(t *testing.T) { checkNodes(t, api) })
	t.Run("load balancer", func(t *testing.T) { checkLoadBalancer(t, c, api) })
	t.Run("security lists", func(t *testing.T) { checkSecurityLists(t, c, api) })
	t.Run("reserved address, group and TLS", func(t *testing.T) { checkAnnotations(t, c, api) })
	t.Run("volumes", func(t *testing.T) { checkVolumes(t, c, api) })
	t.Run("jobs", func(t *testing.T) { checkJob(t, api) })
	t.Run("short image names are refused", func(t *testing.T) { checkShortName(t, api) })
	t.Run("scaling down drains", func(t *testing.T) { checkScaleDown(t, c, api, pool) })

	// What nobody takes down outlives the cluster, as on OKE.
	if _, err := api.CoreV1().Services("default").Create(t.Context(), service("forgotten", nil, 80), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "the load balancer that will be forgotten", func(context.Context) error {
		if lb := c.loadBalancer(); lb == nil || lb["lifecycleState"] != "ACTIVE" {
			return fmt.Errorf("load balancer %v", lb)
		}
		return nil
	})

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
		t.Errorf("status after the cluster's end: %v", c.manager.Status())
	}
	if err := c.none("volume", "volumeattachment", "instance")(t.Context()); err != nil {
		t.Error(err)
	}
	if left := c.living("loadbalancer"); len(left) != 1 {
		t.Errorf("load balancers after the cluster's end: %v, want the forgotten one", left)
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
		if n.Labels["pool"] != "workers" || n.Labels["kubernetes.io/arch"] != "arm64" || n.Labels["topology.kubernetes.io/region"] != "iad" ||
			n.Labels["node.kubernetes.io/instance-type"] != "VM.Standard.A1.Flex" || n.Labels["oci.oraclecloud.com/fault-domain"] == "" {
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
	ctx := t.Context()
	if _, err := api.AppsV1().Deployments("default").Create(ctx, deployment("web", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, time.Minute, "3 Pods ready", deploymentReady(api, "web"))
	svc := service("web", map[string]string{
		"service.beta.kubernetes.io/oci-load-balancer-shape":                         "flexible",
		"service.beta.kubernetes.io/oci-load-balancer-shape-flex-min":                "10",
		"service.beta.kubernetes.io/oci-load-balancer-shape-flex-max":                "20",
		"service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode": "None",
	}, 80)
	if _, err := api.CoreV1().Services("default").Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, time.Minute, "load balancer has an address", func(ctx context.Context) error {
		svc, err := api.CoreV1().Services("default").Get(ctx, "web", metav1.GetOptions{})
		if err == nil && len(svc.Status.LoadBalancer.Ingress) == 0 {
			err = errors.New("no address")
		}
		return err
	})
	have, err := api.CoreV1().Services("default").Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(have.Finalizers, "service.kubernetes.io/load-balancer-cleanup") {
		t.Errorf("finalizers %v", have.Finalizers)
	}
	lb := c.loadBalancer()
	backends := lb["backendSets"].(object)["TCP-80"].(object)["backends"].([]any)
	if len(backends) != 3 || backends[0].(object)["port"] != float64(have.Spec.Ports[0].NodePort) {
		t.Errorf("backends %v", backends)
	}
	if lb["shapeName"] != "flexible" || lb["isPrivate"] != false || fmt.Sprint(lb["subnetIds"]) != fmt.Sprint([]any{c.lbSubnet}) {
		t.Errorf("load balancer %v", lb)
	}
	if open := c.openPorts(c.lbList); len(open) != 0 {
		t.Errorf("mode None opened %v", open)
	}

	patch := []byte(`{"spec":{"ports":[{"name":"p8080","port":8080}]}}`)
	if _, err := api.CoreV1().Services("default").Patch(ctx, "web", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "listener moved to 8080", func(context.Context) error {
		listeners := c.loadBalancer()["listeners"].(object)
		sets := c.loadBalancer()["backendSets"].(object)
		if listeners["TCP-8080"] == nil || len(listeners) != 1 || len(sets) != 1 {
			return fmt.Errorf("listeners %v, backend sets %v", listeners, sets)
		}
		return nil
	})
	if err := api.CoreV1().Services("default").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "service and load balancer gone", func(ctx context.Context) error {
		if _, err := api.CoreV1().Services("default").Get(ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("service: %w", err)
		}
		return c.none("loadbalancer")(ctx)
	})
}

func checkSecurityLists(t *testing.T, c *testCloud, api kubernetes.Interface) {
	ctx := t.Context()
	svc := service("open", nil, 443)
	svc.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
	if _, err := api.CoreV1().Services("default").Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, time.Minute, "security lists opened", func(ctx context.Context) error {
		svc, err := api.CoreV1().Services("default").Get(ctx, "open", metav1.GetOptions{})
		if err != nil {
			return err
		}
		front, back := c.openPorts(c.lbList), c.openPorts(c.workerList)
		if len(front) != 1 || !front["192.0.2.0/24 443"] {
			return fmt.Errorf("load balancers' list opens %v", front)
		}
		if node := fmt.Sprintf("10.0.32.0/24 %d", svc.Spec.Ports[0].NodePort); len(back) != 2 || !back[node] || !back["10.0.32.0/24 10256"] {
			return fmt.Errorf("workers' list opens %v", back)
		}
		return nil
	})
	if err := api.CoreV1().Services("default").Delete(ctx, "open", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "security lists closed", func(ctx context.Context) error {
		if front, back := c.openPorts(c.lbList), c.openPorts(c.workerList); len(front)+len(back) != 0 {
			return fmt.Errorf("open: %v, %v", front, back)
		}
		return c.none("loadbalancer")(ctx)
	})

	bad := service("bad", map[string]string{"service.beta.kubernetes.io/oci-load-balancer-subnet1": c.workerSubnet}, 80)
	if _, err := api.CoreV1().Services("default").Create(ctx, bad, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "OCI's error is an event", func(ctx context.Context) error {
		events, err := api.CoreV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=bad"})
		if err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == "SyncLoadBalancerFailed" && strings.Contains(e.Message, "InvalidParameter") {
				return nil
			}
		}
		return errors.New("no event")
	})
	if err := api.CoreV1().Services("default").Delete(ctx, "bad", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// checkAnnotations makes a load balancer of everything that a Service can ask for at once, and takes some of it away.
func checkAnnotations(t *testing.T, c *testCloud, api kubernetes.Interface) {
	ctx := t.Context()
	address, _ := c.do(http.MethodPost, "/20160918/publicIps", object{"compartmentId": oci.CompartmentID, "lifetime": "RESERVED"})
	group := c.create("networkSecurityGroups", object{"vcnId": c.vcn})
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "web-tls"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: []byte("certificate"), corev1.TLSPrivateKeyKey: []byte("key")},
	}
	if _, err := api.CoreV1().Secrets("default").Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	svc := service("all", map[string]string{
		"oci.oraclecloud.com/oci-network-security-groups":                            group,
		"service.beta.kubernetes.io/oci-load-balancer-ssl-ports":                     "443",
		"service.beta.kubernetes.io/oci-load-balancer-tls-secret":                    "web-tls",
		"service.beta.kubernetes.io/oci-load-balancer-connection-idle-timeout":       "1200",
		"service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode": "Frontend",
	}, 80, 443)
	svc.Spec.LoadBalancerIP = address["ipAddress"].(string)
	if _, err := api.CoreV1().Services("default").Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "the reserved address", func(ctx context.Context) error {
		have, err := api.CoreV1().Services("default").Get(ctx, "all", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if in := have.Status.LoadBalancer.Ingress; len(in) != 1 || in[0].IP != svc.Spec.LoadBalancerIP {
			return fmt.Errorf("addresses %v, want %s", in, svc.Spec.LoadBalancerIP)
		}
		return nil
	})
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

	patch := []byte(`{"metadata":{"annotations":{"oci.oraclecloud.com/oci-network-security-groups":null}},"spec":{"ports":[{"port":443,"$patch":"delete"}]}}`)
	if _, err := api.CoreV1().Services("default").Patch(ctx, "all", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "group and listener taken away", func(context.Context) error {
		lb, front := c.loadBalancer(), c.openPorts(c.lbList)
		if groups := lb["networkSecurityGroupIds"].([]any); len(groups) != 0 || len(lb["listeners"].(object)) != 1 || len(lb["backendSets"].(object)) != 1 {
			return fmt.Errorf("groups %v, listeners %v", groups, lb["listeners"])
		}
		if len(front) != 1 || !front["0.0.0.0/0 80"] {
			return fmt.Errorf("open: %v", front)
		}
		return nil
	})
	if err := api.CoreV1().Services("default").Delete(ctx, "all", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "load balancer gone", c.none("loadbalancer"))
	if left := c.living("publicip"); len(left) != 1 {
		t.Errorf("public addresses after the load balancer's end: %v, want the reserved one", left)
	}
}

func checkVolumes(t *testing.T, c *testCloud, api kubernetes.Interface) {
	ctx := t.Context()
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}},
		},
	}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(2)), ServiceName: "db",
			Selector:             &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}},
			Template:             podTemplate("db"),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{claim},
		},
	}
	set.Spec.Template.Spec.Containers[0].ReadinessProbe.TCPSocket.Port = intstr.FromInt32(80)
	set.Spec.Template.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	if _, err := api.AppsV1().StatefulSets("default").Create(ctx, set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, time.Minute, "StatefulSet of 2 with claims ready", func(ctx context.Context) error {
		s, err := api.AppsV1().StatefulSets("default").Get(ctx, "db", metav1.GetOptions{})
		if err == nil && s.Status.ReadyReplicas != 2 {
			err = fmt.Errorf("%d ready", s.Status.ReadyReplicas)
		}
		return err
	})
	eventually.Succeeds(t, 20*time.Second, "volumes attached", func(context.Context) error {
		if n := len(c.living("volumeattachment")); n != 2 {
			return fmt.Errorf("%d attachments", n)
		}
		return nil
	})
	bound, err := api.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data-db-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := bound.Status.Capacity.Storage().String(); bound.Status.Phase != corev1.ClaimBound || got != "50Gi" {
		t.Errorf("claim is %s with %s, want Bound with the least of 50Gi", bound.Status.Phase, got)
	}
	pod, err := api.CoreV1().Pods("default").Get(ctx, "db-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := api.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pv, err := api.CoreV1().PersistentVolumes().Get(ctx, bound.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := c.do(http.MethodGet, "/20160918/volumes/"+pv.Spec.CSI.VolumeHandle, nil)
	if want := "Uocm:" + node.Labels["topology.kubernetes.io/zone"]; doc["availabilityDomain"] != want || doc["sizeInGBs"] != 50.0 {
		t.Errorf("volume in %v of %v GB, want %s of 50", doc["availabilityDomain"], doc["sizeInGBs"], want)
	}

	patch := []byte(`{"spec":{"resources":{"requests":{"storage":"80Gi"}}}}`)
	if _, err := api.CoreV1().PersistentVolumeClaims("default").Patch(ctx, "data-db-0", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "claim grown", func(ctx context.Context) error {
		claim, err := api.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data-db-0", metav1.GetOptions{})
		if err == nil && claim.Status.Capacity.Storage().String() != "80Gi" {
			err = fmt.Errorf("capacity %s", claim.Status.Capacity.Storage())
		}
		return err
	})

	if err := api.AppsV1().StatefulSets("default").Delete(ctx, "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(c.living("volume")); n != 2 {
		t.Errorf("%d volumes after the StatefulSet is gone, want both", n)
	}
	for _, name := range []string{"data-db-0", "data-db-1"} {
		if err := api.CoreV1().PersistentVolumeClaims("default").Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually.Succeeds(t, 30*time.Second, "volumes gone after their claims", func(ctx context.Context) error {
		pvs, err := api.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err == nil && len(pvs.Items) > 0 {
			err = fmt.Errorf("%d persistent volumes", len(pvs.Items))
		}
		return errors.Join(err, c.none("volume", "volumeattachment")(ctx))
	})
}

func checkJob(t *testing.T, api kubernetes.Interface) {
	ctx := t.Context()
	template := podTemplate("job")
	template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	template.Spec.Containers[0].ReadinessProbe = nil
	template.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "docker.io/library/busybox:1"}}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job"}, Spec: batchv1.JobSpec{Template: template}}
	if _, err := api.BatchV1().Jobs("default").Create(ctx, job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "Job complete", func(ctx context.Context) error {
		j, err := api.BatchV1().Jobs("default").Get(ctx, "job", metav1.GetOptions{})
		if err == nil && j.Status.CompletionTime == nil {
			err = fmt.Errorf("status %+v", j.Status)
		}
		return err
	})
}

func checkShortName(t *testing.T, api kubernetes.Interface) {
	ctx := t.Context()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "short"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "mongo:4.2"}}},
	}
	if _, err := api.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "image refused", func(ctx context.Context) error {
		p, err := api.CoreV1().Pods("default").Get(ctx, "short", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s := p.Status.ContainerStatuses; len(s) != 1 || s[0].State.Waiting == nil || s[0].State.Waiting.Reason != "ImageInspectError" {
			return fmt.Errorf("status %+v", p.Status)
		}
		return nil
	})
	if err := api.CoreV1().Pods("default").Delete(ctx, "short", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// checkScaleDown takes the pool from 3 nodes to 2 while a budget lets one Pod go at a time.
func checkScaleDown(t *testing.T, c *testCloud, api kubernetes.Interface, pool string) {
	ctx := t.Context()
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}
	if _, err := api.PolicyV1().PodDisruptionBudgets("default").Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, header := c.do(http.MethodPut, "/20180222/nodePools/"+pool, object{"nodeConfigDetails": object{"size": 2}})
	c.work(header)
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 2 {
		t.Errorf("%d nodes, want 2", len(nodes.Items))
	}
	eventually.Succeeds(t, 20*time.Second, "all Pods on the nodes that are left", deploymentReady(api, "web"))
	if err := api.PolicyV1().PodDisruptionBudgets("default").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestRestart stops the manager in the middle of things and starts another on the same directory.
func TestRestart(t *testing.T) {
	cfg := testConfig(t)
	ctx := t.Context()
	first, api := startCluster(t, cfg, 2)
	if _, err := api.AppsV1().Deployments("default").Create(ctx, deployment("web", 2), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, time.Minute, "Pods ready", deploymentReady(api, "web"))
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
	d, err := api.AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patch := []byte(`{"spec":{"replicas":4}}`)
	if _, err := api.AppsV1().Deployments("default").Patch(ctx, d.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 30*time.Second, "scaled after the restart", deploymentReady(api, "web"))

	t.Run("a process that dies is started again", func(t *testing.T) {
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
		if _, err := api.AppsV1().Deployments("default").Create(ctx, deployment("more", 1), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually.Succeeds(t, 30*time.Second, "scheduled by the new scheduler", deploymentReady(api, "more"))
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
