package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// certLifetime is how long every certificate lives: as long as anybody keeps a local cluster.
const certLifetime = 10 * 365 * 24 * time.Hour

// writePKI makes the cluster's keys and certificates in dir, unless they are there:
//
//	ca, etcd-ca               authorities; etcd has its own, so that no client of the API server may read etcd
//	apiserver, etcd           servers
//	admin, controller-manager, scheduler, etcd-client   clients
//	service-account.key       signs the tokens of service accounts
//
// serviceIP is the address of the Service "kubernetes", the first of the services CIDR.
func writePKI(dir string, serviceIP netip.Addr) error {
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	loopback := net.IPv4(127, 0, 0, 1)
	ca, err := newAuthority(dir, "ca", "kubernetes")
	if err != nil {
		return err
	}
	etcdCA, err := newAuthority(dir, "etcd-ca", "etcd")
	if err != nil {
		return err
	}
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, leaf := range []struct {
		ca   *authority
		file string
		cert x509.Certificate
	}{
		{ca, "apiserver", x509.Certificate{
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			ExtKeyUsage: server,
			DNSNames: []string{
				"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local",
			},
			IPAddresses: []net.IP{loopback, serviceIP.AsSlice()},
		}},
		{ca, "admin", x509.Certificate{
			Subject:     pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}},
			ExtKeyUsage: client,
		}},
		{ca, "controller-manager", x509.Certificate{
			Subject: pkix.Name{CommonName: "system:kube-controller-manager"}, ExtKeyUsage: client,
		}},
		{ca, "scheduler", x509.Certificate{Subject: pkix.Name{CommonName: "system:kube-scheduler"}, ExtKeyUsage: client}},
		{etcdCA, "etcd", x509.Certificate{
			Subject: pkix.Name{CommonName: "etcd"}, ExtKeyUsage: append(client, server...),
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{loopback},
		}},
		{etcdCA, "etcd-client", x509.Certificate{Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: client}},
	} {
		if err := leaf.ca.issue(dir, leaf.file, leaf.cert); err != nil {
			return err
		}
	}
	if _, err := newKey(filepath.Join(dir, "service-account.key")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600)
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(dir, file, name string) (*authority, error) {
	key, err := newKey(filepath.Join(dir, file+".key"))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(certLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", file, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", file, err)
	}
	return &authority{cert, key}, writePEM(filepath.Join(dir, file+".crt"), "CERTIFICATE", der)
}

// issue signs template's names and usages and writes file.crt and file.key.
func (a *authority) issue(dir, file string, template x509.Certificate) error {
	key, err := newKey(filepath.Join(dir, file+".key"))
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = a.cert.NotBefore, a.cert.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, &template, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", file, err)
	}
	return writePEM(filepath.Join(dir, file+".crt"), "CERTIFICATE", der)
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
