package guestbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

// Annotations of the OCI cloud controller (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
const (
	annotation     = "service.beta.kubernetes.io/oci-load-balancer-"
	securityGroups = "oci.oraclecloud.com/oci-network-security-groups"
	listenerTLS    = "oci.oraclecloud.com/oci-load-balancer-listener-ssl-config"
	// certificateMap names a ConfigMap with certificates of the Certificates service by listener (Oracle documentation,
	// "Provisioning OCI Load Balancers for Kubernetes Services of Type LoadBalancer", section "Terminating SSL/TLS at the
	// Load Balancer using OCI Certificates service", read as of 2026-09-05).
	certificateMap = "oci-load-balancer.oraclecloud.com/tls-certificate-map"
)

// services makes the Service for visitors, and in profile hardened one within the cluster, with the metrics.
func (b *builder) services() error {
	if b.book.Hardened() {
		_, err := corev1.NewService(b.ctx, b.name+"-internal", &corev1.ServiceArgs{
			Metadata: b.meta("guestbook", flows.Frontend, skipAwait),
			Spec: corev1.ServiceSpecArgs{
				Selector: podLabels(flows.Frontend),
				Ports: corev1.ServicePortArray{
					servicePort(httpPort, 80, httpPort), servicePort(metricsPort, b.book.MetricsPort, metricsPort),
				},
			},
		}, b.namespaced()...)
		if err != nil {
			return err
		}
	}
	switch {
	case b.book.Balanced():
		return b.loadBalancer()
	case b.book.Exposure == workload.NodePort:
		return b.visitorService(pulumi.StringMap{}, corev1.ServiceSpecArgs{Type: pulumi.String("NodePort")})
	}
	return nil
}

// replacing are inputs that the cloud controller applies only when it creates a load balancer: a public one would stay
// public and in its subnet (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
var replacing = []string{
	`metadata.annotations["` + annotation + `internal"]`,
	`metadata.annotations["` + annotation + `subnet1"]`,
	"spec.loadBalancerIP",
	// The cloud controller would look for the load balancer in the other service, and leave this one behind.
	`metadata.annotations["` + balancerType + `"]`,
	`metadata.annotations["` + networkAnnotation + `internal"]`,
	`metadata.annotations["` + networkAnnotation + `subnet"]`,
}

// visitorService makes the Service that visitors connect to.
func (b *builder) visitorService(annotations pulumi.StringMap, spec corev1.ServiceSpecArgs) (err error) {
	var ports corev1.ServicePortArray
	for _, l := range b.book.Listeners() {
		target := httpPort
		switch {
		case l.Redirect:
			target = redirectPort
		case l.Through:
			target = tlsPort
		}
		ports = append(ports, servicePort(l.Name, l.Port, target))
	}
	spec.Selector = podLabels(flows.Frontend)
	spec.Ports = ports
	// Connections keep the load balancer's address, and take no second hop.
	spec.ExternalTrafficPolicy = pulumi.String("Local")
	b.g.Service, err = corev1.NewService(b.ctx, b.name+"-frontend", &corev1.ServiceArgs{
		Metadata: b.meta("frontend", flows.Frontend, annotations), Spec: spec,
	}, b.namespaced(createTimeout(), pulumi.DependsOn(b.args.Nodes), pulumi.ReplaceOnChanges(replacing),
		pulumi.DeleteBeforeReplace(true))...)
	return err
}

// loadBalancer makes the Service for visitors with a load balancer, and sets the guestbook's URL.
func (b *builder) loadBalancer() error {
	annotations := b.loadBalancerAnnotations()
	if err := b.terminateTLS(annotations); err != nil {
		return err
	}
	spec := corev1.ServiceSpecArgs{
		Type:                     pulumi.String("LoadBalancer"),
		LoadBalancerSourceRanges: pulumi.ToStringArray(b.args.Networks.Visitors),
	}
	if b.book.ReservedAddress != "" {
		spec.LoadBalancerIP = pulumi.String(b.book.ReservedAddress)
	}
	if err := b.visitorService(annotations, spec); err != nil {
		return err
	}
	b.g.Address = b.g.Service.Status.LoadBalancer().Ingress().ApplyT(firstAddress).(pulumi.StringOutput)
	b.g.URL = b.g.Address.ApplyT(b.book.Address).(pulumi.StringOutput)
	return b.record()
}

func (b *builder) loadBalancerAnnotations() pulumi.StringMap {
	if b.book.NetworkBalanced() {
		return b.networkBalancerAnnotations()
	}
	mbps := pulumi.String(strconv.Itoa(b.book.LoadBalancerMbps))
	annotations := pulumi.StringMap{
		annotation + "shape":            pulumi.String("flexible"),
		annotation + "shape-flex-min":   mbps,
		annotation + "shape-flex-max":   mbps,
		annotation + "subnet1":          b.args.LoadBalancerSubnetID,
		annotation + "backend-protocol": pulumi.String("HTTP"), // so that visitors' addresses are passed on
		// Every rule is declared with the network; the controller's own rules would be drift.
		annotation + "security-list-management-mode": pulumi.String("None"),
	}
	if b.book.ACME() { // which passes TLS on
		annotations[annotation+"backend-protocol"] = pulumi.String("TCP")
		annotations[annotation+"connection-proxy-protocol-version"] = pulumi.String("2")
	}
	if b.book.Exposure == workload.Internal {
		annotations[annotation+"internal"] = pulumi.String("true")
	}
	if b.args.LoadBalancerNSGIDs != nil {
		annotations[securityGroups] = b.groupList()
	}
	return annotations
}

// terminateTLS makes the load balancer terminate TLS, if there is a certificate: as a Secret, which the cloud
// controller uploads, or of OCI's Certificates service. The cloud controller looks for other versions of TLS only where
// the annotation names a suite, and leaves a listener as it is without one (oci-cloud-controller-manager at 1100ac3,
// 2026-06-17, load_balancer_util.go, getSSLConfigurationChanges): so both are always there.
func (b *builder) terminateTLS(annotations pulumi.StringMap) error {
	if !b.book.Terminates() {
		return nil
	}
	policy, err := json.Marshal(b.book.TLSPolicy())
	if err != nil {
		return err
	}
	annotations[annotation+"ssl-ports"] = pulumi.String(strconv.Itoa(b.book.ServicePort()))
	annotations[listenerTLS] = pulumi.String(policy)
	if b.book.TLSCertificateID == "" {
		certificate, err := b.certificate()
		if err == nil {
			annotations[annotation+"tls-secret"] = certificate.Metadata.Name().Elem()
		}
		return err
	}
	certificates, err := corev1.NewConfigMap(b.ctx, b.name+"-certificates", &corev1.ConfigMapArgs{
		Metadata: b.meta(b.book.CertificateMapName(), flows.Frontend, nil),
		Data: pulumi.StringMap{
			strconv.Itoa(b.book.ServicePort()): pulumi.String(fmt.Sprintf("[%q]", b.book.TLSCertificateID)),
		},
	}, b.namespaced()...)
	if err == nil {
		annotations[certificateMap] = certificates.Metadata.Name().Elem()
	}
	return err
}

// groupList is the list of the load balancer's network security groups, as annotations have it.
func (b *builder) groupList() pulumi.StringOutput {
	return b.args.LoadBalancerNSGIDs.ToStringArrayOutput().ApplyT(func(ids []string) string {
		return strings.Join(ids, ",")
	}).(pulumi.StringOutput)
}

// certificate makes the Secret with which the load balancer terminates TLS. A renewed certificate is in another Secret,
// which is made before the old one is deleted: the cloud controller uploads a certificate only under a name that the
// load balancer does not have yet, and changes a listener only when that name changes (oci-cloud-controller-manager at
// 1100ac3, 2026-06-17, ensureSSLCertificates and hasListenerChanged).
func (b *builder) certificate() (*corev1.Secret, error) {
	return corev1.NewSecret(b.ctx, b.name+"-tls", &corev1.SecretArgs{
		Metadata: b.meta(b.book.CertificateName(), flows.Frontend, nil),
		Type:     pulumi.String("kubernetes.io/tls"),
		StringData: pulumi.StringMap{
			"tls.crt": pulumi.String(b.book.TLSCertificate),
			"tls.key": pulumi.ToSecret(pulumi.String(b.book.TLSPrivateKey)).(pulumi.StringOutput),
		},
	}, b.namespaced()...)
}

// firstAddress returns the load balancer's IP address.
func firstAddress(ingress []corev1.LoadBalancerIngress) (string, error) {
	if len(ingress) == 0 || ingress[0].Ip == nil {
		return "", errors.New("the load balancer has no address")
	}
	return *ingress[0].Ip, nil
}

// servicePort maps a Service's port to a named port of the Pods.
func servicePort(name string, number int, target string) corev1.ServicePortArgs {
	return corev1.ServicePortArgs{Name: pulumi.String(name), Port: pulumi.Int(number), TargetPort: pulumi.String(target)}
}
