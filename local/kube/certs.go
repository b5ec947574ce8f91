package kube

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/keyutil"
	"sigs.k8s.io/kwok/pkg/kwokctl/pki"
)

// certLifetime is the validity of every certificate: longer than anybody keeps a local cluster.
const certLifetime = 10 * 365 * 24 * time.Hour

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
	if err := writeAuthority(dir, "ca", "kubernetes", map[string]pki.CertConfig{
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
	if err := writeAuthority(dir, "etcd-ca", "etcd", map[string]pki.CertConfig{
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

// writeAuthority writes file.crt and file.key of a new authority, and the same for each certificate that it issues.
func writeAuthority(dir, file, name string, issues map[string]pki.CertConfig) error {
	config := pki.CertConfig{
		CommonName: name, PublicKeyAlgorithm: x509.ECDSA,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certLifetime),
	}
	caCert, caKey, err := pki.NewCertificateAuthority(config)
	if err == nil {
		err = pki.WriteCertAndKey(dir, file, caCert, caKey)
	}
	if err != nil {
		return fmt.Errorf("authority %s: %w", name, err)
	}
	for file, issued := range issues {
		if err := issue(caCert, caKey, dir, file, issued); err != nil {
			return err
		}
	}
	return nil
}

// issue writes file.crt and file.key of a new certificate of the authority.
func issue(caCert *x509.Certificate, caKey crypto.Signer, dir, file string, config pki.CertConfig) error {
	config.PublicKeyAlgorithm = x509.ECDSA
	config.NotBefore, config.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(certLifetime)
	cert, key, err := pki.NewCertAndKey(caCert, caKey, config)
	if err == nil {
		err = pki.WriteCertAndKey(dir, file, cert, key)
	}
	if err != nil {
		return fmt.Errorf("certificate %s: %w", file, err)
	}
	return nil
}
