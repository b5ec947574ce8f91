package guestbook

import (
	"errors"
	"strconv"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const httpPort = "http"

func (b *builder) frontend() (err error) {
	book := b.args.Guestbook
	b.g.Frontend, err = appsv1.NewDeployment(b.ctx, b.name+"-frontend", &appsv1.DeploymentArgs{
		Metadata: b.meta("frontend", frontend, nil),
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(book.FrontendReplicas),
			Selector: metav1.LabelSelectorArgs{MatchLabels: selector(frontend)},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(frontend)},
				Spec: corev1.PodSpecArgs{Containers: corev1.ContainerArray{corev1.ContainerArgs{
					Name:  pulumi.String("guestbook"),
					Image: pulumi.String(book.FrontendImage),
					Env:   corev1.EnvVarArray{corev1.EnvVarArgs{Name: pulumi.String("GET_HOSTS_FROM"), Value: pulumi.String("dns")}},
					Ports: corev1.ContainerPortArray{corev1.ContainerPortArgs{Name: pulumi.String(httpPort), ContainerPort: pulumi.Int(book.FrontendPort)}},
					ReadinessProbe: corev1.ProbeArgs{
						HttpGet: corev1.HTTPGetActionArgs{Path: pulumi.String("/"), Port: pulumi.String(httpPort)},
					},
					Resources: corev1.ResourceRequirementsArgs{Requests: requests("100m", "100Mi")},
				}}},
			},
		},
	}, b.within(patience())...)
	return err
}

// Annotations of the OCI cloud controller (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
const (
	annotation     = "service.beta.kubernetes.io/oci-load-balancer-"
	securityGroups = "oci.oraclecloud.com/oci-network-security-groups"
)

func (b *builder) service() (err error) {
	mbps := pulumi.String(strconv.Itoa(b.args.Guestbook.LoadBalancerMbps))
	annotations := pulumi.StringMap{
		annotation + "shape":          pulumi.String("flexible"),
		annotation + "shape-flex-min": mbps,
		annotation + "shape-flex-max": mbps,
		annotation + "subnet1":        b.args.LoadBalancerSubnetID,
		// Every rule is declared with the network; the controller's own would be drift.
		annotation + "security-list-management-mode": pulumi.String("None"),
	}
	if b.args.InternalLoadBalancer {
		annotations[annotation+"internal"] = pulumi.String("true")
	}
	if b.args.LoadBalancerNsgIDs != nil {
		annotations[securityGroups] = b.args.LoadBalancerNsgIDs.ToStringArrayOutput().ApplyT(func(ids []string) string {
			return strings.Join(ids, ",")
		}).(pulumi.StringOutput)
	}
	b.g.Service, err = corev1.NewService(b.ctx, b.name+"-frontend", &corev1.ServiceArgs{
		Metadata: b.meta("frontend", frontend, annotations),
		Spec: corev1.ServiceSpecArgs{
			Type:                     pulumi.String("LoadBalancer"),
			LoadBalancerSourceRanges: pulumi.ToStringArray(b.args.AllowedCIDRs),
			Selector:                 selector(frontend),
			Ports: corev1.ServicePortArray{
				corev1.ServicePortArgs{Name: pulumi.String(httpPort), Port: pulumi.Int(80), TargetPort: pulumi.String(httpPort)},
			},
		},
	}, b.within(patience())...)
	if err != nil {
		return err
	}
	b.g.Address = b.g.Service.Status.LoadBalancer().Ingress().ApplyT(address).(pulumi.StringOutput)
	b.g.URL = pulumi.Sprintf("http://%s", b.g.Address)
	return nil
}

func address(ingress []corev1.LoadBalancerIngress) (string, error) {
	if len(ingress) == 0 || ingress[0].Ip == nil {
		return "", errors.New("the load balancer has no address")
	}
	return *ingress[0].Ip, nil
}
