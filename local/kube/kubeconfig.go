package kube

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"oke-guestbook/local/cloud"
)

// writeKubeconfigs writes the kubeconfigs of the administrator and of the components, each once. Contexts, clusters and
// users are named as on OKE.
func (c *cluster) writeKubeconfigs() error {
	ca, err := os.ReadFile(c.pkiPath("ca.crt"))
	if err != nil {
		return err
	}
	short := cloud.ClusterName(c.state.Cluster.ID)
	for _, user := range []string{"admin", "controller-manager", "scheduler"} {
		path := c.kubeconfigPath(user)
		if _, err := os.Stat(path); err == nil {
			continue
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		cert, err := os.ReadFile(c.pkiPath(user + ".crt"))
		if err != nil {
			return err
		}
		key, err := os.ReadFile(c.pkiPath(user + ".key"))
		if err != nil {
			return err
		}
		cfg := clientcmdapi.NewConfig()
		cfg.Clusters["cluster-"+short] = &clientcmdapi.Cluster{Server: "https://" + c.address(), CertificateAuthorityData: ca}
		cfg.AuthInfos["user-"+short] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
		cfg.Contexts["context-"+short] = &clientcmdapi.Context{Cluster: "cluster-" + short, AuthInfo: "user-" + short}
		cfg.CurrentContext = "context-" + short
		data, err := clientcmd.Write(*cfg)
		if err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", user, err)
		}
		if err := writeFile(path, data); err != nil {
			return err
		}
	}
	return nil
}
