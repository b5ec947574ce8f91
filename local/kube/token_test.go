package kube

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/certs"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci/engine"
)

// buildPlugin builds the program's credential plugin.
func buildPlugin(t *testing.T) string {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	path := filepath.Join(t.TempDir(), "oke")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/oke")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// login is one kind of credentials: the plugin's flags and variables, and whom Kubernetes is to see.
type login struct {
	name        string
	flags, envs []string
	user        string
	admin       bool
}

// access is a cluster on a local cloud, and the plugin.
type access struct {
	*testCloud
	plugin, cluster, endpoint string
}

// client returns a client that gets its tokens from the plugin. Its variables are its own: the test's are not set.
func (a access) client(t *testing.T, l login) kubernetes.Interface {
	t.Helper()
	admin := a.config(a.cluster)
	config := &rest.Config{
		Host:            admin.Host,
		TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData},
		ExecProvider: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: "env",
			InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
			Args: slices.Concat([]string{"-i", "HOME=" + t.TempDir()}, l.envs,
				[]string{a.plugin, "token", "--cluster-id", a.cluster, "--region", "us-ashburn-1"}, l.flags),
		},
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// session writes a key and a security token for it to files, and returns their paths.
func (a access) session(t *testing.T, who engine.Principal, lifetime time.Duration) (keyFile, tokenFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	token, err := a.srv.IssueToken(who, &key.PublicKey, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	der := x509.MarshalPKCS1PrivateKey(key)
	dir := t.TempDir()
	return write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))),
		write(t, dir, "token", token)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// profile writes a configuration file whose one profile has a session.
func (a access) profile(t *testing.T, lifetime time.Duration) string {
	t.Helper()
	who := engine.Principal{ID: engine.UserID, Type: engine.UserPrincipal}
	keyFile, tokenFile := a.session(t, who, lifetime)
	return write(t, t.TempDir(), "config", "[SESSION]\ntenancy="+engine.TenancyID+"\nfingerprint=00\n"+
		"region=us-ashburn-1\nkey_file="+keyFile+"\nsecurity_token_file="+tokenFile+"\n")
}

// TestEachKindOfCredentials runs the program's credential plugin with each kind of credentials that the OCI provider
// takes against a real API server, which asks the emulator whom it believes.
func TestEachKindOfCredentials(t *testing.T) {
	c := newCloud(t)
	a := access{c, buildPlugin(t), c.cluster("v1.36.4"), c.manager.cfg.OCIEndpoint}
	pool := c.pool(a.cluster, "v1.36.4", 1)
	doc, _ := c.do(http.MethodGet, "/20180222/nodePools/"+pool, nil)
	instance := doc["nodes"].([]any)[0].(object)["id"].(string)
	creds := c.srv.Credentials()
	config := filepath.Join(c.srv.Dir(), "config")
	function := engine.Principal{ID: "ocid1.fnfunc.oc1.iad.f", Type: engine.ResourcePrincipal}
	keyFile, tokenFile := a.session(t, function, time.Hour)

	for _, l := range []login{
		{"profile", []string{"--config-file", config, "--profile", "DEFAULT"}, nil, engine.UserID, true},
		{"variables of the command oci", nil, []string{"OCI_CLI_CONFIG_FILE=" + config}, engine.UserID, true},
		{"key of the stack's settings", nil, []string{
			"OCI_CLI_TENANCY=" + creds.Tenancy, "OCI_CLI_USER=" + creds.User, "OCI_CLI_FINGERPRINT=" + creds.Fingerprint,
			"OCI_CLI_KEY_CONTENT=" + creds.PrivateKeyPEM,
		}, engine.UserID, true},
		{"key in the provider's variables", nil, []string{
			"TF_VAR_tenancy_ocid=" + creds.Tenancy, "OCI_USER_OCID=" + creds.User, "OCI_FINGERPRINT=" + creds.Fingerprint,
			"OCI_PRIVATE_KEY_PATH=" + filepath.Join(c.srv.Dir(), "key.pem"),
		}, engine.UserID, true},
		{"session", []string{
			"--config-file", a.profile(t, time.Hour), "--profile", "SESSION", "--auth", "security_token",
		}, nil, engine.UserID, true},
		{"instance principal", []string{"--auth", "instance_principal"}, []string{
			"OCI_METADATA_BASE_URL=" + a.endpoint + "/admin/instances/" + instance + "/opc/v2",
			"OCI_SDK_AUTH_CLIENT_REGION_URL=" + a.endpoint,
		}, instance, false},
		{"resource principal", nil, []string{
			"OCI_CLI_AUTH=resource_principal",
			"OCI_RESOURCE_PRINCIPAL_VERSION=2.2", "OCI_RESOURCE_PRINCIPAL_REGION=us-ashburn-1",
			"OCI_RESOURCE_PRINCIPAL_RPST=" + tokenFile, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM=" + keyFile,
		}, function.ID, false},
		{"workload identity", []string{
			"--auth", "oke_workload_identity", "--service-account-token", write(t, t.TempDir(), "token", a.podToken(t)),
		}, a.proxymux(t), a.workload(t), false},
	} {
		t.Run(l.name, func(t *testing.T) { a.check(t, l) })
	}
	t.Run("refused", a.refusals)
	t.Run("kubeconfig", a.kubeconfig)
}

// kubeconfig expects the one that the plugin writes to work as it is.
func (a access) kubeconfig(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), a.plugin, "kubeconfig", "--cluster-id", a.cluster,
		"--config-file", filepath.Join(a.srv.Dir(), "config"), "--service-endpoint", a.endpoint)
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	if config.CertData != nil || config.ExecProvider == nil {
		t.Errorf("the kubeconfig holds a key:\n%s", text)
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}

// check expects Kubernetes to see the right user, with no more rights than are his.
func (a access) check(t *testing.T, l login) {
	api := a.client(t, l)
	review, err := api.AuthenticationV1().SelfSubjectReviews().Create(
		t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := review.Status.UserInfo; got.Username != l.user || slices.Contains(got.Groups, "system:masters") != l.admin {
		t.Errorf("user %s with groups %v", got.Username, got.Groups)
	}
	_, err = api.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if l.admin {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if !apierrors.IsForbidden(err) {
		t.Errorf("without a binding: %v", err)
	}
	mustCreate(t, a.api(a.cluster).RbacV1().ClusterRoleBindings(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "view-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: l.user}},
	})
	eventually.Succeeds(t, 10*time.Second, "access by a binding", func(ctx context.Context) error {
		_, err := api.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		return err
	})
}

// workload returns the OCID of the Pods of the default service account. Those of a basic cluster have none.
func (a access) workload(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	podKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	account := map[string]string{"namespace": "default", "serviceAccount": "default", "podKey": string(podKey)}
	cluster := a.manager.clusters[a.cluster]
	var refused *refusal
	if _, err := cluster.tradeIdentity(t.Context(), account); !errors.As(err, &refused) || refused.status != 403 {
		t.Errorf("in a basic cluster: %v", err)
	}
	_, header := a.do(http.MethodPut, "/20180222/clusters/"+a.cluster, object{"type": "ENHANCED_CLUSTER"})
	a.work(header)
	token, err := cluster.tradeIdentity(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Subject
}

// podToken returns the token of a Pod of the default service account.
func (a access) podToken(t *testing.T) string {
	t.Helper()
	request, err := a.api(a.cluster).CoreV1().ServiceAccounts(metav1.NamespaceDefault).CreateToken(
		t.Context(), "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// proxymux serves what gives Pods security tokens at the port that is fixed in the SDK, and returns the variables of a
// Pod.
func (a access) proxymux(t *testing.T) []string {
	t.Helper()
	const address = "127.0.0.77"
	listener, err := net.Listen("tcp", address+":12250")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := certs.WriteAuthority(dir, "ca", "proxymux", map[string]pki.CertConfig{"server": {
		CommonName: "proxymux", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		AltNames: pki.AltNames{IPs: []net.IP{net.ParseIP(address)}},
	}}); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(a.manager.clusters[a.cluster].identity())
	server.Listener.Close()
	server.Listener, server.TLS = listener, &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return []string{
		"OCI_RESOURCE_PRINCIPAL_VERSION=2.2", "OCI_RESOURCE_PRINCIPAL_REGION=us-ashburn-1",
		"OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH=" + filepath.Join(dir, "ca.crt"),
		"KUBERNETES_SERVICE_HOST=" + address,
	}
}

// refusals expects 401 for tokens that the service refuses, and one line from the plugin where it knows already.
func (a access) refusals(t *testing.T) {
	token := func(flags ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), a.plugin, append([]string{"token", "--region", "us-ashburn-1"}, flags...)...)
		out, err := cmd.Output()
		var credential struct{ Status struct{ Token string } }
		_ = json.Unmarshal(out, &credential)
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return string(exit.Stderr), err
		}
		return credential.Status.Token, err
	}
	config := filepath.Join(a.srv.Dir(), "config")
	good, err := token("--config-file", config, "--cluster-id", a.cluster)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := token("--config-file", config, "--cluster-id", "ocid1.cluster.oc1.iad.aaaaother")
	if err != nil {
		t.Fatal(err)
	}
	admin := a.config(a.cluster)
	for _, test := range []struct {
		name, token string
		refused     bool
	}{
		{"good", good, false},
		{"for another cluster", foreign, true},
		{"malformed", "token", true},
		{"cut", good[:len(good)-8], true},
	} {
		api, err := kubernetes.NewForConfig(&rest.Config{
			Host: admin.Host, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData}, BearerToken: test.token,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if apierrors.IsUnauthorized(err) != test.refused || err != nil && !test.refused {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	text, err := token("--config-file", a.profile(t, -time.Minute), "--profile", "SESSION", "--cluster-id", a.cluster)
	const hint = "oci session authenticate --profile-name SESSION"
	if err == nil || !strings.Contains(text, hint) || strings.Count(text, "\n") != 1 {
		t.Errorf("expired session: %v, %s", err, text)
	}
}
