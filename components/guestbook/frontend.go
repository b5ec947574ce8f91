package guestbook

import (
	"fmt"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

const (
	httpPort    = "http"
	metricsPort = "metrics"
	appUserID   = 65532 // of this project's image; it runs as any other as well

	// drain is how long a Pod that ends goes on serving, in seconds: OCI's load balancer takes a backend out after three failed
	// checks 10 s apart (cloud controller, defaults of oci-load-balancer-health-check-interval and -retries).
	drain = 40
)

func (b *builder) frontend() (err error) {
	spec := appsv1.DeploymentSpecArgs{
		Selector: matching(flows.Frontend),
		// No capacity is lost while Pods are replaced.
		Strategy: appsv1.DeploymentStrategyArgs{Type: pulumi.String("RollingUpdate"), RollingUpdate: appsv1.RollingUpdateDeploymentArgs{
			MaxUnavailable: pulumi.Int(0), MaxSurge: pulumi.Int(1),
		}},
		Template: corev1.PodTemplateSpecArgs{
			Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Frontend)},
			Spec:     b.frontendPod(),
		},
	}
	opts := b.within(patience())
	if b.book.Autoscales() { // which begins with its least number and then owns the number
		spec.Replicas = pulumi.Int(b.book.FrontendMinReplicas)
		opts = append(opts, pulumi.IgnoreChanges([]string{"spec.replicas"}))
	} else {
		spec.Replicas = pulumi.Int(b.book.FrontendReplicas)
	}
	b.g.Frontend, err = appsv1.NewDeployment(b.ctx, b.name+"-frontend", &appsv1.DeploymentArgs{
		Metadata: b.meta("frontend", flows.Frontend, nil), Spec: spec,
	}, opts...)
	return err
}

func (b *builder) frontendPod() corev1.PodSpecArgs {
	container := corev1.ContainerArgs{
		Name:           pulumi.String("guestbook"),
		Image:          pulumi.String(b.book.FrontendImage),
		Env:            environment(b.frontendEnvironment()),
		Ports:          corev1.ContainerPortArray{port(httpPort, b.book.FrontendPort)},
		ReadinessProbe: probe(b.book.ReadinessPath, 5),
		Lifecycle:      corev1.LifecycleArgs{PreStop: corev1.LifecycleHandlerArgs{Sleep: corev1.SleepActionArgs{Seconds: pulumi.Int(drain)}}},
		Resources:      resources(b.book.FrontendCPUMillis, b.book.FrontendMemoryMB),
	}
	if b.book.LivenessPath != "" {
		container.LivenessProbe = probe(b.book.LivenessPath, 20)
	}
	pod := corev1.PodSpecArgs{
		TerminationGracePeriodSeconds: pulumi.Int(drain + 30),
		TopologySpreadConstraints:     spread(flows.Frontend),
	}
	if b.book.Hardened() {
		container.Ports = corev1.ContainerPortArray{port(httpPort, b.book.FrontendPort), port(metricsPort, b.book.MetricsPort)}
		container.SecurityContext = containerSecurity()
		container.VolumeMounts = corev1.VolumeMountArray{mount("credentials", secretPath, true)}
		pod.Volumes = corev1.VolumeArray{b.credentialFiles(appFile)}
		pod.ServiceAccountName = pulumi.String(flows.Frontend)
		pod.AutomountServiceAccountToken = pulumi.Bool(false)
		pod.EnableServiceLinks = pulumi.Bool(false)
		pod.SecurityContext = podSecurity(appUserID)
	}
	pod.Containers = corev1.ContainerArray{container}
	return pod
}

// frontendEnvironment tells the frontend what it has to know: the tutorial's where the database is, this project's also how
// to speak to it.
func (b *builder) frontendEnvironment() map[string]string {
	if !b.book.Hardened() {
		if b.book.OwnDatabase() {
			return map[string]string{"GET_HOSTS_FROM": "dns"}
		}
		return map[string]string{"GET_HOSTS_FROM": "env", "MONGO_WRITE_HOSTS": external, "MONGO_READ_HOSTS": external}
	}
	env := b.databaseEnvironment()
	env["LISTEN_ADDRESS"] = fmt.Sprintf(":%d", b.book.FrontendPort)
	env["METRICS_ADDRESS"] = fmt.Sprintf(":%d", b.book.MetricsPort)
	env["TRUSTED_PROXIES"] = strings.Join(b.around.proxies, ",")
	env["DRAIN_DELAY"] = "0s" // the Pod drains before it is told to end
	return env
}

func (b *builder) databaseEnvironment() map[string]string {
	return map[string]string{
		"MONGODB_URI":           b.databaseURI(),
		"MONGODB_USERNAME":      appUser,
		"MONGODB_PASSWORD_FILE": secretPath + "/" + appFile,
	}
}

func probe(path string, period int) corev1.ProbeArgs {
	return corev1.ProbeArgs{
		HttpGet:        corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(httpPort)},
		PeriodSeconds:  pulumi.Int(period),
		TimeoutSeconds: pulumi.Int(5),
	}
}
