package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"oke-guestbook/internal/clustertoken"
	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/okeapi"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/settings/stackfile"
)

// access is what the flags of oke kubeconfig say.
type access struct {
	login                    ocilogin.Options
	dir, stack, cluster      string
	endpoint, service, merge string
}

// kubeconfigCommand prints or merges the kubeconfig of a cluster, which calls oke token.
func kubeconfigCommand() *cobra.Command {
	var a access
	cmd := &cobra.Command{
		Use: "kubeconfig", Short: "Writes a cluster's kubeconfig, which gets its tokens from oke token", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.cluster == "" {
				if err := a.fromStack(cmd.Context()); err != nil {
					return err
				}
			}
			text, err := a.kubeconfig(cmd)
			if err != nil || a.merge == "" {
				fmt.Fprint(cmd.OutOrStdout(), text)
				return err
			}
			return a.mergeInto(cmd, text)
		},
	}
	flags := cmd.Flags()
	loginFlags(flags, &a.login)
	flags.StringVarP(&a.dir, "directory", "C", ".", "directory of Pulumi.yaml")
	flags.StringVar(&a.stack, "stack", "", "stack whose cluster it is: its OCI settings are the flags' defaults")
	flags.StringVar(&a.cluster, "cluster-id", "", "OCID of the cluster, instead of a stack")
	flags.StringVar(&a.endpoint, "endpoint", "auto", "public, private, or auto: the one that answers")
	flags.StringVar(&a.service, "service-endpoint", os.Getenv("OCI_CLI_ENDPOINT"), "URL of Container Engine's API")
	flags.StringVar(&a.merge, "merge", "", "kubeconfig to merge it into, instead of printing it")
	return cmd
}

// fromStack takes the cluster from the stack's outputs, and the credentials from its settings.
func (a *access) fromStack(ctx context.Context) error {
	if a.stack == "" {
		return errors.New("STACK: is empty: name a stack, such as STACK=dev, or a cluster with --cluster-id")
	}
	project, config, err := stackfile.Read(a.dir, a.stack)
	if err != nil {
		return err
	}
	if a.login, err = providerLogin(ctx, a.login, file{a.dir, project, a.stack, config}); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "pulumi", "stack", "output", "clusterId", "--stack", a.stack)
	cmd.Dir = a.dir
	out, err := cmd.Output()
	if a.cluster = strings.TrimSpace(string(out)); err != nil || a.cluster == "" {
		return fmt.Errorf("stack %s has no output clusterId: run pulumi up, or name the cluster with --cluster-id (%w)",
			a.stack, cmp.Or(err, errors.New("it is empty")))
	}
	return nil
}

// kubeconfig asks the service for the kubeconfig of the endpoint, and makes it call this program.
func (a *access) kubeconfig(cmd *cobra.Command) (string, error) {
	found, err := ocilogin.Find(cmd.Context(), a.login)
	if err != nil {
		return "", err
	}
	if err := clustertoken.Check(a.cluster, found.Region); err != nil {
		return "", err
	}
	login, err := a.written(cmd.Context(), found)
	if err != nil {
		return "", err
	}
	client := okeapi.New(found.Keys, found.Region, a.service)
	kind, err := a.choose(cmd, client)
	if err != nil {
		return "", err
	}
	content, err := client.Kubeconfig(cmd.Context(), a.cluster, kind)
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	// go run starts a program that the build cache may drop.
	if onPath, err := exec.LookPath("oke"); err == nil && onPath == self || strings.Contains(self, "go-build") {
		self = "oke"
	}
	return login.Apply(content, kubeconfig.Target{
		ClusterID: a.cluster, Region: found.Region, Command: []string{self}, Keys: true,
	})
}

// written returns the login that the kubeconfig gets. That of a stack's provider is refused unless the kubeconfig's
// command, which knows neither the stack nor a secret, will sign with the same key.
func (a *access) written(ctx context.Context, found *ocilogin.Login) (kubeconfig.Login, error) {
	login := kubeconfig.Login{
		Command: kubeconfig.OKE, Profile: a.login.Profile, Auth: strings.ReplaceAll(a.login.Auth, "_", ""),
		ConfigFile: a.login.ConfigFile,
	}
	if !a.login.Provider {
		return login, nil
	}
	login.Profile = found.Profile
	if found.Method != "api_key" {
		login.Auth = strings.ReplaceAll(found.Method, "_", "")
	}
	if found.Method != "api_key" && found.Method != "security_token" {
		return login, nil // whoever runs the command has the identity
	}
	set := func(key string) string { return a.login.Config["oci:"+key] }
	choose := fmt.Sprintf("name a profile of a user of this tenancy: make kubeconfig STACK=%s ARGS='--profile <profile>'",
		a.stack)
	if found.Method == "api_key" && set("privateKey") != "" {
		return login, fmt.Errorf("stack %s signs with the key in oci:privateKey, which a kubeconfig must not hold: %s",
			a.stack, choose)
	}
	login.Keys = kubeconfig.Keys{Tenancy: set("tenancyOcid"), User: set("userOcid"), Fingerprint: set("fingerprint")}
	login.Keys.PrivateKeyPath = absolute(set("privateKeyPath"))
	command := ocilogin.Options{Auth: found.Method, Profile: found.Profile, Region: found.Region}
	if len(login.Variables()) > 0 {
		command.Profile, command.Config = "", map[string]string{
			"oci:tenancyOcid": login.Keys.Tenancy, "oci:userOcid": login.Keys.User,
			"oci:fingerprint": login.Keys.Fingerprint, "oci:privateKeyPath": login.Keys.PrivateKeyPath,
		}
	}
	later, err := ocilogin.Find(ctx, command)
	if err != nil {
		return login, fmt.Errorf("the kubeconfig's command will not find the credentials of stack %s: %w", a.stack, err)
	}
	if !found.SameKey(later) {
		return login, fmt.Errorf("stack %s signs with the %s, and the kubeconfig's command would with the %s: %s",
			a.stack, found.From, later.From, choose)
	}
	return login, nil
}

// absolute returns a path that leads there from anywhere.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil && path != "" && path[0] != '~' { // which is the home directory
		return full
	}
	return path
}

// dialTimeout is for one endpoint.
const dialTimeout = 3 * time.Second

// choose returns the service's name of the endpoint that the flag selects.
func (a *access) choose(cmd *cobra.Command, client okeapi.Client) (string, error) {
	const public, private = "PUBLIC_ENDPOINT", "PRIVATE_ENDPOINT"
	endpoints, err := client.Endpoints(cmd.Context(), a.cluster)
	if err != nil {
		return "", err
	}
	switch {
	case a.endpoint == "public" && endpoints.Public == "":
		return "", errors.New("--endpoint public: the cluster has no public endpoint: set apiEndpoint to public, or use " +
			"the private one through make tunnel")
	case a.endpoint == "public":
		return public, nil
	case a.endpoint == "private":
		return private, nil
	case a.endpoint != "auto":
		return "", fmt.Errorf("--endpoint: %q is not public, private or auto", a.endpoint)
	}
	answers := func(address string) bool {
		conn, err := net.DialTimeout("tcp", address, dialTimeout)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	switch {
	case endpoints.Public != "" && answers(endpoints.Public):
		return public, nil
	case endpoints.Private != "" && answers(endpoints.Private):
		return private, nil
	case endpoints.Public != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "%s does not answer: apiAllowedCidrs must hold this machine's address\n",
			endpoints.Public)
		return public, nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s does not answer from here: make tunnel STACK=%s forwards it\n",
		endpoints.Private, cmp.Or(a.stack, "prod"))
	return private, nil
}

// mergeInto merges the kubeconfig into a file, which is replaced as a whole.
func (a *access) mergeInto(cmd *cobra.Command, text string) error {
	had, err := os.ReadFile(a.merge)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	merged, err := kubeconfig.Merge(string(had), text)
	if err != nil {
		return fmt.Errorf("%s: %w", a.merge, err)
	}
	if err := os.MkdirAll(filepath.Dir(a.merge), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(a.merge+".new", []byte(merged), 0o600); err != nil {
		return err
	}
	if err := os.Rename(a.merge+".new", a.merge); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: the current context is the cluster's now\n", a.merge)
	return nil
}
