package oke

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/kubeconfig"
)

// kubeconfigs returns two kubeconfigs for the cluster's public or private endpoint, as secrets: one for people, and one
// for the stack's own provider, which may hold the key of the stack's settings. They fail if they call a command, and
// this machine has none.
func kubeconfigs(ctx *pulumi.Context, c *Cluster, args *Args) (people, provider pulumi.StringOutput) {
	endpoint := "PRIVATE_ENDPOINT"
	if args.PublicEndpoint {
		endpoint = "PUBLIC_ENDPOINT"
	}
	id := c.Cluster.ID().ToStringOutput()
	content := containerengine.GetClusterKubeConfigOutput(ctx, containerengine.GetClusterKubeConfigOutputArgs{
		ClusterId: id, Endpoint: pulumi.String(endpoint),
	}, pulumi.Parent(c)).Content()
	adapted := func(forProvider bool) pulumi.StringOutput {
		both := pulumi.All(content, id).ApplyT(func(v []any) (string, error) {
			return adapt(args.Login, v[0].(string), v[1].(string), forProvider)
		})
		return pulumi.ToSecret(both).(pulumi.StringOutput)
	}
	return adapted(false), adapted(true)
}

// adapt returns a kubeconfig that OKE wrote for a cluster with the login's command and credentials. Without content,
// which is the data source's answer to a 404, the stack's provider would use the machine's own kubeconfig, and so
// another cluster.
func adapt(login kubeconfig.Login, content, clusterID string, forProvider bool) (string, error) {
	if content == "" {
		return "", fmt.Errorf("OKE gives this user no kubeconfig for cluster %s: a policy must let the user use clusters "+
			"(make policies prints the statements)", clusterID)
	}
	calls, err := kubeconfig.Calls(content)
	if err != nil || !calls && login.Command != kubeconfig.OKE {
		return content, err
	}
	command, err := FindCommand(login.Command)
	if err != nil {
		return "", err
	}
	if !forProvider && command[0] == "go" { // works in the program's directory only
		command = []string{string(kubeconfig.OKE)}
	}
	return login.Apply(content, kubeconfig.Target{ClusterID: clusterID, Command: command, Keys: forProvider})
}

// source is the package of the command oke, below the program's directory, where the engine runs plugins, too.
const source = "./cmd/oke"

// FindCommand returns how the command that makes tokens is run on this machine. Where the command oke is wanted and not
// installed, Go runs it from the program's source; so the machines of a pipeline need only what compiles the program.
// It does not return paths: the state is for all machines.
func FindCommand(choice kubeconfig.Command) ([]string, error) {
	found := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	if choice != kubeconfig.OKE && found("oci") {
		return []string{"oci"}, nil
	}
	if choice == kubeconfig.OCI {
		return nil, errors.New("tokenCommand: the command oci is not on PATH: install Oracle's command line " +
			"(https://docs.oracle.com/iaas/Content/API/SDKDocs/cliinstall.htm), or set tokenCommand to oke")
	}
	if found("oke") {
		return []string{"oke"}, nil
	}
	if info, err := os.Stat(source); err == nil && info.IsDir() && found("go") {
		return []string{"go", "run", source}, nil
	}
	if choice == kubeconfig.OKE {
		return nil, errors.New("tokenCommand: the command oke is not on PATH, and neither are Go and its source, " + source +
			": run go install " + source + " in the program's directory")
	}
	return nil, fmt.Errorf("the kubeconfig of an OKE cluster asks a command for tokens, and there is none on PATH: "+
		"run go install %s in the program's directory, or install Oracle's command line oci "+
		"(https://docs.oracle.com/iaas/Content/API/SDKDocs/cliinstall.htm), then run pulumi up again", source)
}
