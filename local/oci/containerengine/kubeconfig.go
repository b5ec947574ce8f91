package containerengine

import (
	"sigs.k8s.io/yaml"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

// kubeconfig answers with the cluster's kubeconfig. It has OKE's form, which holds no key: the command oci makes the
// tokens (runwhen-contrib/runwhen-local, issue 314, 2023-08-30). Both endpoints are the API server's on this machine.
func (s *Service) kubeconfig(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if state := r.State(); r.Removed != nil || state != "ACTIVE" && state != "UPDATING" {
		return nil, engine.Conflict("the cluster %s is %s", r.ID, state)
	}
	if c.Body.Str("endpoint") == "PUBLIC_ENDPOINT" && !r.Doc.Flag("endpointConfig", "isPublicIpEnabled") {
		return nil, engine.Invalid("endpoint: the cluster %s has no public endpoint", r.ID)
	}
	address := r.Doc.Str("endpoints", "kubernetes")
	if address == "" {
		return nil, engine.NotImplemented("this local cloud runs no control planes")
	}
	name := cloud.ClusterName(r.ID)
	type object = map[string]any
	text, err := yaml.Marshal(object{
		"apiVersion": "v1", "kind": "",
		"clusters": []object{{"name": "cluster-" + name, "cluster": object{
			"server": "https://" + address, "certificate-authority-data": engine.Private[clusterState](r).CA,
		}}},
		"users": []object{{"name": "user-" + name, "user": object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "oci",
			"args": []string{
				"ce", "cluster", "generate-token", "--cluster-id", r.ID, "--region", engine.Region,
			},
			"env": []object{},
		}}}},
		"contexts": []object{{"name": "context-" + name, "context": object{
			"cluster": "cluster-" + name, "user": "user-" + name,
		}}},
		"current-context": "context-" + name,
	})
	return &engine.Answer{Body: text, Header: map[string]string{"Content-Type": "application/x-yaml"}}, err
}
