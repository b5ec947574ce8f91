package kube

import (
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func (c *cluster) webhookPath() string { return c.kubeconfigPath("token-webhook") }

// writeWebhook writes the file that makes the API server ask the emulator who has signed a bearer token, if there is an
// emulator. It is written at each start: the emulator's port may be another.
func (c *cluster) writeWebhook() error {
	if c.cfg.OCIEndpoint == "" {
		return nil
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["oci"] = &clientcmdapi.Cluster{
		Server: c.cfg.OCIEndpoint + "/admin/clusters/" + c.state.Cluster.ID + "/tokenreview",
	}
	config.AuthInfos["api"] = &clientcmdapi.AuthInfo{}
	config.Contexts["oci"] = &clientcmdapi.Context{Cluster: "oci", AuthInfo: "api"}
	config.CurrentContext = "oci"
	data, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(c.webhookPath(), data)
}

// webhookFlags are those of the API server. It remembers an accepted token for ten seconds by itself; the webhook's own
// memory of two minutes would let expired tokens in.
func (c *cluster) webhookFlags() []string {
	if c.cfg.OCIEndpoint == "" {
		return nil
	}
	return []string{
		"--authentication-token-webhook-config-file=" + c.webhookPath(),
		"--authentication-token-webhook-version=v1",
		"--authentication-token-webhook-cache-ttl=0s",
	}
}
