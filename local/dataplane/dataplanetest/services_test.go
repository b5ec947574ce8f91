package dataplanetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/kube/servicelb"
	"oke-guestbook/local/oci"
)

const (
	tlsHost      = "services.example.com"
	annotationLB = "service.beta.kubernetes.io/oci-load-balancer-"
)

// services sends requests to Pods by each kind of Service and load balancer. Each of two nodes has one such Pod.
func (c *cloud) services(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	labels := map[string]string{"app": "kinds"}
	chain := kinds(t, api, labels)
	internal := c.internal(t, api)
	c.balanced(t, api, "network", "http", http.DefaultTransport)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(chain)
	config := &tls.Config{RootCAs: authorities, ServerName: tlsHost}
	c.balanced(t, api, "tls", "https", &http.Transport{TLSClientConfig: config, DisableKeepAlives: true})
	c.idle(t, api, config)
	c.session(t, api)
	affine, err := api.CoreV1().Services("default").Get(t.Context(), "affine", metav1.GetOptions{})
	must(t, err)
	const requests = 12 // of two Pods, chance gives all to one in 1 of 2048 tries
	pages := visit(t, api, append(slices.Repeat([]string{affine.Spec.ClusterIP + ":80"}, requests), internal+":80")...)
	if len(pages) != requests+1 || len(slices.Compact(pages[:requests])) != 1 {
		t.Errorf("a Pod got %q: with session affinity one Pod answers, then the internal load balancer", pages)
	}
}

// kinds makes Pods and Services, and returns the certificate of that with TLS.
func kinds(t *testing.T, api kubernetes.Interface, labels map[string]string) (chain []byte) {
	t.Helper()
	chain, key, err := cert.GenerateSelfSignedCertKey(tlsHost, nil, nil)
	must(t, err)
	_, err = api.CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "tls"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: chain, corev1.TLSPrivateKeyKey: key},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = api.AppsV1().DaemonSets("default").Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "kinds"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64(1)),
					Containers: []corev1.Container{{
						Name: "kinds", Image: "iad.ocir.io/test/pod:1", Args: []string{"serve"},
					}},
				},
			},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	service := func(name string, port int32, annotations map[string]string, spec corev1.ServiceSpec) {
		spec.Selector, spec.Ports = labels, []corev1.ServicePort{{Port: port, TargetPort: intstr.FromInt32(8080)}}
		if spec.Type == "" {
			spec.Type = corev1.ServiceTypeLoadBalancer
		}
		all := map[string]string{"oci.oraclecloud.com/security-rule-management-mode": "None"}
		maps.Copy(all, annotations)
		_, err := api.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: all}, Spec: spec,
		}, metav1.CreateOptions{})
		must(t, err)
	}
	service("network", 80, map[string]string{"oci.oraclecloud.com/load-balancer-type": "nlb"}, corev1.ServiceSpec{})
	service("tls", 443, map[string]string{
		annotationLB + "ssl-ports": "443", annotationLB + "tls-secret": "tls", annotationLB + "connection-idle-timeout": "1",
	}, corev1.ServiceSpec{})
	// Without Proxy, kube-proxy itself answers for the load balancer's address.
	service("internal", 80, map[string]string{
		annotationLB + "internal": "true", "oci.oraclecloud.com/ingress-ip-mode": "Proxy",
	}, corev1.ServiceSpec{})
	// Each backend, a node, passes requests to its own Pod only.
	service("session", 80, map[string]string{annotationLB + "backend-protocol": "HTTP"},
		corev1.ServiceSpec{ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal})
	service("affine", 80, nil,
		corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, SessionAffinity: corev1.ServiceAffinityClientIP})
	return chain
}

// address returns the address of a Service's load balancer, and its display name.
func address(ctx context.Context, api kubernetes.Interface, service string) (ip, name string, err error) {
	s, err := api.CoreV1().Services("default").Get(ctx, service, metav1.GetOptions{})
	if err == nil && len(s.Status.LoadBalancer.Ingress) == 0 {
		err = fmt.Errorf("%s has no load balancer", service)
	}
	if err != nil {
		return "", "", err
	}
	return s.Status.LoadBalancer.Ingress[0].IP, servicelb.Name(s), nil
}

// local returns the port on this machine of a Service's load balancer.
func (c *cloud) local(ctx context.Context, api kubernetes.Interface, service string) (string, error) {
	_, name, err := address(ctx, api, service)
	if err != nil {
		return "", err
	}
	return c.port(name)
}

// port returns the port on this machine of the load balancer of this display name.
func (c *cloud) port(name string) (string, error) {
	list := c.ports.List()
	for _, p := range list {
		if p.LoadBalancer == name && p.Local != "" {
			return p.Local, nil
		}
	}
	return "", fmt.Errorf("load balancers have the ports %v", list)
}

// ask returns the page at a Service's port on this machine: the name of the Pod that answered.
func (c *cloud) ask(ctx context.Context, api kubernetes.Interface, service, scheme string, client *http.Client) (
	page string, err error,
) {
	local, err := c.local(ctx, api, service)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+local, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(text), "kinds-") {
		return "", fmt.Errorf("%s: %q, %w", resp.Status, text, err)
	}
	return string(text), nil
}

// balanced waits until both Pods have answered.
func (c *cloud) balanced(t *testing.T, api kubernetes.Interface, service, scheme string,
	transport http.RoundTripper,
) {
	t.Helper()
	client := &http.Client{Transport: transport}
	seen := map[string]bool{}
	eventually.Succeeds(t, time.Minute, "both Pods by the Service "+service, func(ctx context.Context) error {
		page, err := c.ask(ctx, api, service, scheme, client)
		if err != nil {
			return err
		}
		if seen[page] = true; len(seen) < 2 {
			return fmt.Errorf("only %s answers", page)
		}
		return nil
	})
}

// internal checks that nobody outside of the VCN reaches the internal load balancer, and returns its address.
func (c *cloud) internal(t *testing.T, api kubernetes.Interface) (ip string) {
	t.Helper()
	name := ""
	eventually.Succeeds(t, time.Minute, "an internal load balancer", func(ctx context.Context) (err error) {
		ip, name, err = address(ctx, api, "internal")
		return err
	})
	if !strings.HasPrefix(ip, "10.0.32.") {
		t.Errorf("the internal load balancer has the address %s", ip)
	}
	for _, other := range []string{"network", "tls", "session"} { // all have been applied, then
		eventually.Succeeds(t, time.Minute, "a port of the Service "+other, func(ctx context.Context) error {
			_, err := c.local(ctx, api, other)
			return err
		})
	}
	if local, err := c.port(name); err == nil {
		t.Errorf("the internal load balancer is at port %s of this machine", local)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := c.plane.DialInternet(ctx, net.JoinHostPort(ip, "80")); err == nil {
		conn.Close()
		t.Error("the internet reaches the internal load balancer")
	}
	return ip
}

// idle checks that a silent connection ends after the Service's idle time-out, and another one's does not.
func (c *cloud) idle(t *testing.T, api kubernetes.Interface, config *tls.Config) {
	t.Helper()
	short, err := c.local(t.Context(), api, "tls")
	must(t, err)
	long, err := c.local(t.Context(), api, "network")
	must(t, err)
	other, err := net.Dial("tcp", long)
	must(t, err)
	defer other.Close()
	conn, err := tls.Dial("tcp", short, config)
	must(t, err)
	defer conn.Close()
	must(t, conn.Handshake())
	began := time.Now()
	must(t, conn.SetReadDeadline(began.Add(20*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	if took := time.Since(began); errors.Is(err, os.ErrDeadlineExceeded) || err == nil || took < time.Second/2 {
		t.Errorf("a silent connection with an idle time-out of 1 s: %v after %s", err, took)
	}
	must(t, other.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if _, err := other.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a silent connection of the network load balancer: %v", err)
	}
}

// session turns session persistence on, as an administrator does: OKE has no annotation for it.
func (c *cloud) session(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	c.balanced(t, api, "session", "http", transport)
	_, name, err := address(t.Context(), api, "session")
	must(t, err)
	const all = "/20170115/loadBalancers"
	var found []object
	query := url.Values{"compartmentId": {oci.CompartmentID}, "displayName": {name}}
	_, err = c.client.Do(t.Context(), http.MethodGet, all, query, nil, &found)
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("load balancers %v", found)
	}
	for set, body := range found[0]["backendSets"].(object) {
		changed := maps.Clone(body.(object))
		delete(changed, "name")
		for _, backend := range changed["backends"].([]any) {
			delete(backend.(object), "name")
		}
		changed["lbCookieSessionPersistenceConfiguration"] = object{"cookieName": "visitor"}
		c.do(http.MethodPut, fmt.Sprintf("%s/%s/backendSets/%s", all, found[0]["id"], set), changed)
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Transport: transport, Jar: jar}
	local, err := c.local(t.Context(), api, "session")
	must(t, err)
	site := &url.URL{Scheme: "http", Host: local, Path: "/"}
	var first string
	eventually.Succeeds(t, time.Minute, "a session's cookie", func(ctx context.Context) (err error) {
		first, err = c.ask(ctx, api, "session", "http", client)
		if err == nil && len(jar.Cookies(site)) == 0 {
			err = errors.New("there is none")
		}
		return err
	})
	for range 6 { // in turns, without the cookie
		page, err := c.ask(t.Context(), api, "session", "http", client)
		if err != nil || page != first {
			t.Errorf("%q answers, %v, in a session with %q", page, err, first)
		}
	}
	c.balanced(t, api, "session", "http", transport)
}

// visit runs a Pod that asks for pages one after the other, and returns what it got.
func visit(t *testing.T, api kubernetes.Interface, addresses ...string) []string {
	t.Helper()
	pod, err := api.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "visitor-"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "visitor", Image: "iad.ocir.io/test/pod:1", Args: append([]string{"fetch"}, addresses...),
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	eventually.Succeeds(t, 2*time.Minute, "a Pod asks for pages", func(ctx context.Context) error {
		pod, err = api.CoreV1().Pods("default").Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			err = errors.New(string(pod.Status.Phase))
		}
		return err
	})
	text, err := api.CoreV1().Pods("default").GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
	must(t, err)
	must(t, api.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
	pages := strings.Fields(string(text))
	if pod.Status.Phase != corev1.PodSucceeded || slices.ContainsFunc(pages, func(page string) bool {
		return !strings.HasPrefix(page, "kinds-")
	}) {
		t.Errorf("a Pod that asks for pages %s: %s", pod.Status.Phase, text)
	}
	return pages
}

// withoutServices deletes what services has made.
func withoutServices(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	for _, name := range []string{"network", "tls", "internal", "session", "affine"} {
		must(t, api.CoreV1().Services("default").Delete(t.Context(), name, metav1.DeleteOptions{}))
	}
	must(t, api.AppsV1().DaemonSets("default").Delete(t.Context(), "kinds", metav1.DeleteOptions{}))
}
