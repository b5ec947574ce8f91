package guestbook

import (
	"fmt"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/plan/flows"
)

const (
	httpPort    = "http"
	metricsPort = "metrics"
	// redirectPort is the container's port that only redirects to HTTPS (docs/decisions/0017-https.md).
	redirectPort = "redirect"
	// tlsPort is the container's port that ends TLS (docs/decisions/0019-acme.md).
	tlsPort   = "https"
	appUserID = 65532 // of this project's image, which runs as any other user too

	// drainSeconds is how long a terminating Pod continues to serve: OCI's load balancer removes a backend after three
	// failed checks 10 s apart (cloud controller, defaults of oci-load-balancer-health-check-interval and -retries).
	drainSeconds = 40
)

// frontend makes the Deployment that serves the pages.
func (b *builder) frontend(secret *corev1.Secret) (*appsv1.Deployment, error) {
	spec := appsv1.DeploymentSpecArgs{
		Selector: podSelector(flows.Frontend),
		// No capacity is lost while Pods are replaced.
		Strategy: appsv1.DeploymentStrategyArgs{
			Type: pulumi.String("RollingUpdate"),
			RollingUpdate: appsv1.RollingUpdateDeploymentArgs{
				MaxUnavailable: pulumi.Int(0), MaxSurge: pulumi.Int(1),
			},
		},
		Template: corev1.PodTemplateSpecArgs{
			Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Frontend)},
			Spec:     b.frontendPod(secret),
		},
	}
	opts := b.namespaced(createTimeout(), pulumi.DependsOn(b.before))
	if b.book.Autoscales() { // the autoscaler starts at its lower bound and then owns the number
		spec.Replicas = pulumi.Int(b.book.FrontendMinReplicas)
		opts = append(opts, pulumi.IgnoreChanges([]string{"spec.replicas"}))
	} else {
		spec.Replicas = pulumi.Int(b.book.FrontendReplicas)
	}
	return appsv1.NewDeployment(b.ctx, b.name+"-frontend", &appsv1.DeploymentArgs{
		Metadata: b.meta("frontend", flows.Frontend, nil), Spec: spec,
	}, opts...)
}

func (b *builder) frontendPod(secret *corev1.Secret) corev1.PodSpecArgs {
	container := corev1.ContainerArgs{
		Name:           pulumi.String("guestbook"),
		Image:          pulumi.String(b.book.FrontendImage),
		Env:            environment(b.frontendEnvironment()),
		Ports:          corev1.ContainerPortArray{port(httpPort, b.book.FrontendPort)},
		ReadinessProbe: probe(b.book.ReadinessPath, 5),
		Resources:      resources(b.book.FrontendCPUMillis, b.book.FrontendMemoryMB),
		Lifecycle: corev1.LifecycleArgs{PreStop: corev1.LifecycleHandlerArgs{
			Sleep: corev1.SleepActionArgs{Seconds: pulumi.Int(drainSeconds)},
		}},
	}
	if b.book.LivenessPath != "" {
		container.LivenessProbe = probe(b.book.LivenessPath, 20)
	}
	pod := corev1.PodSpecArgs{
		TerminationGracePeriodSeconds: pulumi.Int(drainSeconds + 30),
		TopologySpreadConstraints:     spread(flows.Frontend),
		// The account names it too; but Pods that wait for an image are replaced only for a new template.
		ImagePullSecrets: pull.Names(b.pull),
	}
	if b.book.Hardened() {
		container.Ports = append(container.Ports.(corev1.ContainerPortArray), port(metricsPort, b.book.MetricsPort))
		if b.book.Redirects() {
			container.Ports = append(container.Ports.(corev1.ContainerPortArray), port(redirectPort, b.book.RedirectPort()))
		}
		if b.book.ACME() {
			container.Ports = append(container.Ports.(corev1.ContainerPortArray), port(tlsPort, b.book.TLSPort()))
		}
		container.SecurityContext = containerSecurity()
		container.VolumeMounts = corev1.VolumeMountArray{mount(credentialsVolume, secretPath, true)}
		pod.Volumes = corev1.VolumeArray{credentialFiles(secret, appFile)}
		pod.ServiceAccountName = pulumi.String(flows.Frontend)
		pod.AutomountServiceAccountToken = pulumi.Bool(false)
		pod.EnableServiceLinks = pulumi.Bool(false)
		pod.SecurityContext = podSecurity(appUserID)
	}
	pod.Containers = corev1.ContainerArray{container}
	return pod
}

// frontendEnvironment returns the environment of the frontend's container. The tutorial's image only reads the
// database's host.
func (b *builder) frontendEnvironment() map[string]string {
	if !b.book.Hardened() {
		if b.book.OwnDatabase() {
			return map[string]string{"GET_HOSTS_FROM": "dns"}
		}
		return map[string]string{"GET_HOSTS_FROM": "env", "MONGO_WRITE_HOSTS": externalName, "MONGO_READ_HOSTS": externalName}
	}
	env := b.databaseEnvironment()
	env["LISTEN_ADDRESS"] = fmt.Sprintf(":%d", b.book.FrontendPort)
	env["METRICS_ADDRESS"] = fmt.Sprintf(":%d", b.book.MetricsPort)
	if b.book.Redirects() {
		env["REDIRECT_ADDRESS"] = fmt.Sprintf(":%d", b.book.RedirectPort())
		if to := b.book.RedirectTo(); to != "" {
			env["REDIRECT_TO"] = to
		}
	}
	if b.book.ACME() {
		env["TLS_ADDRESS"] = fmt.Sprintf(":%d", b.book.TLSPort())
		env["TLS_HOSTNAME"] = b.book.TLSHostname
		env["TLS_MINIMUM_VERSION"] = b.book.TLSMinimumVersion
		env["ACME_DIRECTORY"] = b.book.ACMEDirectory
		if b.book.ACMEEmail != "" {
			env["ACME_EMAIL"] = b.book.ACMEEmail
		}
	}
	if b.book.ProxyProtocol() { // visitors' headers are passed on: none says who they are
		env["PROXY_PROTOCOL_FROM"] = b.args.Networks.Balancer
	} else {
		env["TRUSTED_PROXIES"] = strings.Join(b.args.Networks.Proxies, ",")
	}
	env["DRAIN_DELAY"] = "0s" // the Pod drains before it gets the signal to stop
	return env
}

// databaseEnvironment tells this project's image how to connect to the database.
func (b *builder) databaseEnvironment() map[string]string {
	return map[string]string{
		"MONGODB_URI":           b.databaseURI(),
		"MONGODB_USERNAME":      appUser,
		"MONGODB_PASSWORD_FILE": secretPath + "/" + appFile,
	}
}

// probe asks the frontend for a path. period is in seconds.
func probe(path string, period int) corev1.ProbeArgs {
	return corev1.ProbeArgs{
		HttpGet:        corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(httpPort)},
		PeriodSeconds:  pulumi.Int(period),
		TimeoutSeconds: pulumi.Int(5),
	}
}
