package kube

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"k8s.io/client-go/util/keyutil"
	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/certs"
)

// kubeletClient is the user as which the API server asks kubelets.
const kubeletClient = "kube-apiserver-kubelet-client"

// writePKI creates the cluster's keys and certificates in dir, once:
//
//	ca, etcd-ca                                         authorities; only etcd-ca's clients may read etcd
//	apiserver, etcd                                     servers
//	admin, controller-manager, scheduler, etcd-client   clients
//	kubelet-client                                      client of the kubelets: the API server
//	kube-proxy                                          client, on each node
//	service-account.key                                 signs the tokens of service accounts
//
// The addresses are those of the API server beside loopback: of the Service "kubernetes", the first one of the services
// CIDR, and of the endpoint in the VCN.
func writePKI(dir string, addresses ...netip.Addr) error {
	complete := filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return nil
	}
	// The library writes keys that everybody may read; the directory keeps everybody out.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	loopback := net.IPv4(127, 0, 0, 1)
	ips := []net.IP{loopback}
	for _, a := range addresses {
		ips = append(ips, a.AsSlice())
	}
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	if err := certs.WriteAuthority(dir, "ca", "kubernetes", map[string]pki.CertConfig{
		"apiserver": {CommonName: "kube-apiserver", Usages: []x509.ExtKeyUsage{server}, AltNames: pki.AltNames{
			DNSNames: []string{
				"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local",
			},
			IPs: ips,
		}},
		"admin": {
			CommonName: "kubernetes-admin", Organization: []string{"system:masters"}, Usages: []x509.ExtKeyUsage{client},
		},
		"controller-manager": {CommonName: "system:kube-controller-manager", Usages: []x509.ExtKeyUsage{client}},
		"scheduler":          {CommonName: "system:kube-scheduler", Usages: []x509.ExtKeyUsage{client}},
		"kubelet-client":     {CommonName: kubeletClient, Usages: []x509.ExtKeyUsage{client}},
		"kube-proxy":         {CommonName: "system:kube-proxy", Usages: []x509.ExtKeyUsage{client}},
	}); err != nil {
		return err
	}
	if err := certs.WriteAuthority(dir, "etcd-ca", "etcd", map[string]pki.CertConfig{
		"etcd": {CommonName: "etcd", Usages: []x509.ExtKeyUsage{client, server}, AltNames: pki.AltNames{
			DNSNames: []string{"localhost"}, IPs: []net.IP{loopback},
		}},
		"etcd-client": {CommonName: "kube-apiserver", Usages: []x509.ExtKeyUsage{client}},
	}); err != nil {
		return err
	}
	if _, _, err := keyutil.LoadOrGenerateKeyFile(filepath.Join(dir, "service-account.key")); err != nil {
		return err
	}
	return os.WriteFile(complete, nil, 0o600)
}
