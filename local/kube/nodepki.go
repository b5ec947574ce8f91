package kube

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/certs"
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
)

func (c *cluster) nodeDir(n cloud.Node) string {
	return filepath.Join(c.dir, "nodes", cloud.InstanceName(n.InstanceID))
}

// writeNodePKI writes the certificates of a node, once.
func (c *cluster) writeNodePKI(n cloud.Node) error {
	dir := c.nodeDir(n)
	complete := filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	caCert, caKey, err := pki.ReadCertAndKey(filepath.Dir(c.pkiPath("ca")), "ca")
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	address, err := netip.ParseAddr(n.PrivateIP)
	if err != nil {
		return err
	}
	user := "system:node:" + n.Name
	err = errors.Join(
		certs.Issue(caCert, caKey, dir, "kubelet", pki.CertConfig{
			CommonName: user, Organization: []string{"system:nodes"}, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}),
		certs.Issue(caCert, caKey, dir, "server", pki.CertConfig{
			CommonName: user, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			AltNames: pki.AltNames{DNSNames: []string{n.Name}, IPs: []net.IP{address.AsSlice()}},
		}),
	)
	if err != nil {
		return err
	}
	return os.WriteFile(complete, nil, 0o600)
}

func readKeyPair(file string) (dataplane.KeyPair, error) {
	cert, err := os.ReadFile(file + ".crt")
	if err != nil {
		return dataplane.KeyPair{}, err
	}
	key, err := os.ReadFile(file + ".key")
	return dataplane.KeyPair{Cert: cert, Key: key}, err
}
