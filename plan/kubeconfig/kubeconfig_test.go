package kubeconfig

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// written is a kubeconfig as OKE writes it.
const written = `---
apiVersion: v1
kind: ""
clusters:
- name: cluster-a
  cluster:
    server: https://203.0.113.9:6443
users:
- name: user-a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: oci
      args:
      - ce
      - cluster
      - generate-token
      - --cluster-id
      - ocid1.cluster.oc1.iad.a
      - --region
      - us-ashburn-1
      env: []
`

var oci = Target{ClusterID: "ocid1.cluster.oc1.iad.a", Command: []string{"oci"}, Keys: true}

const inJSON = `{"apiVersion":"v1","users":[{"user":{"exec":{"command":"/usr/bin/oci","args":["ce","cluster"]}}}]}`

func TestApply(t *testing.T) {
	for _, tc := range []struct {
		name, kubeconfig string
		login            Login
		want             string // at the end of the arguments
	}{
		{"profile", written, Login{Profile: "PROD"}, "--region us-ashburn-1 --profile PROD"},
		{"session", written, Login{Profile: "PROD", Auth: "SecurityToken"}, "--auth security_token --profile PROD"},
		{"instance", written, Login{Auth: "InstancePrincipal"}, "--auth instance_principal"},
		{"resource", written, Login{Auth: "ResourcePrincipal"}, "--auth resource_principal"},
		{"workload", written, Login{Auth: "OKEWorkloadIdentity"}, "--auth oke_workload_identity"},
		{"key", written, Login{Auth: "ApiKey"}, "--auth api_key"},
		{"upper case", written, Login{Auth: "APIKEY"}, "--auth api_key"},
		{"JSON", inJSON, Login{Profile: "PROD"}, "ce cluster --profile PROD"},
		{"profile that looks like a number", written, Login{Profile: "0123"}, "--profile 0123"},
		{
			"options that are there", strings.ReplaceAll(written, "- us-ashburn-1", "- us-ashburn-1\n"+
				"      - --profile\n      - OLD"),
			Login{Profile: "NEW"},
			"--region us-ashburn-1 --profile NEW",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.login.Apply(tc.kubeconfig, oci)
			if err != nil {
				t.Fatal(err)
			}
			var read struct {
				APIVersion string `yaml:"apiVersion"`
				Users      []struct {
					User struct{ Exec struct{ Args []string } }
				}
			}
			if err := yaml.Unmarshal([]byte(got), &read); err != nil {
				t.Fatalf("%v in\n%s", err, got)
			}
			args := strings.Join(read.Users[0].User.Exec.Args, " ")
			if !strings.HasSuffix(args, tc.want) || read.APIVersion != "v1" {
				t.Errorf("%s does not end with %q in\n%s", args, tc.want, got)
			}
			if again, err := tc.login.Apply(got, oci); err != nil || again != got {
				t.Errorf("applied twice: %v\n%s", err, again)
			}
		})
	}
}

// TestUnchanged expects a kubeconfig to stay as it is where there is nothing to add.
func TestUnchanged(t *testing.T) {
	const token = "users:\n- {name: a, user: {token: x}}   # a comment\n"
	other := strings.Replace(written, "command: oci", "command: aws", 1)
	for _, tc := range []struct {
		kubeconfig string
		login      Login
	}{
		{written, Login{}},
		{token, Login{Profile: "PROD"}},
		{other, Login{Profile: "PROD"}},
		{"", Login{Profile: "PROD"}},
		{"no kubeconfig", Login{Profile: "PROD"}},
	} {
		if got, err := tc.login.Apply(tc.kubeconfig, oci); err != nil || got != tc.kubeconfig {
			t.Errorf("%+v: %v; got\n%s", tc.login, err, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		kubeconfig string
		login      Login
	}{
		{written, Login{Auth: "InstancePrincipalWithCerts"}},
		{"users: [", Login{Profile: "PROD"}},
		{"users: [{user: {exec: {command: oci}}}]", Login{Profile: "PROD"}},
	} {
		if got, err := tc.login.Apply(tc.kubeconfig, oci); err == nil {
			t.Errorf("%+v: no error, got\n%s", tc.login, got)
		}
	}
}

func TestCalls(t *testing.T) {
	for kubeconfig, want := range map[string]bool{
		written: true, inJSON: true, "users: []": false, strings.Replace(written, "command: oci", "command: aws", 1): false,
	} {
		if got, err := Calls(kubeconfig); err != nil || got != want {
			t.Errorf("got %t, %v, want %t for\n%s", got, err, want, kubeconfig)
		}
	}
}

// exec is what the tests read of a call.
type exec struct {
	APIVersion      string `yaml:"apiVersion"`
	InteractiveMode string `yaml:"interactiveMode"`
	Command         string
	Args            []string
	Env             []struct{ Name, Value string }
}

// only returns the call of a kubeconfig's only user, and whether the user has another way to get access.
func only(t *testing.T, kubeconfig string) (call exec, other bool) {
	t.Helper()
	var found struct {
		Users []struct {
			User struct {
				Token string
				Exec  exec
			}
		}
	}
	if err := yaml.Unmarshal([]byte(kubeconfig), &found); err != nil || len(found.Users) != 1 {
		t.Fatalf("%v in\n%s", err, kubeconfig)
	}
	return found.Users[0].User.Exec, found.Users[0].User.Token != ""
}

func (e exec) variables() string {
	var list []string
	for _, v := range e.Env {
		list = append(list, v.Name+"="+v.Value)
	}
	return strings.Join(list, " ")
}

// TestOKE expects calls of the command oke instead of those of oci, however it is started.
func TestOKE(t *testing.T) {
	const token = "users:\n- {name: a, user: {token: x}}\n"
	for _, tc := range []struct {
		name, kubeconfig string
		login            Login
		command          []string
		want             string // command and arguments
	}{
		{
			"found", written,
			Login{Profile: "PROD", Auth: "SecurityToken"},
			[]string{"oke"},
			"oke token --cluster-id ocid1.cluster.oc1.iad.a --region us-ashburn-1 --auth security_token --profile PROD",
		},
		{
			"go run", written,
			Login{},
			[]string{"go", "run", "./cmd/oke"},
			"go run ./cmd/oke token --cluster-id ocid1.cluster.oc1.iad.a --region us-ashburn-1",
		},
		{"no region", token, Login{Command: OKE}, []string{"oke"}, "oke token --cluster-id ocid1.cluster.oc1.iad.a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.login.Apply(tc.kubeconfig, Target{ClusterID: "ocid1.cluster.oc1.iad.a", Command: tc.command})
			if err != nil {
				t.Fatal(err)
			}
			call, other := only(t, got)
			if line := strings.Join(append([]string{call.Command}, call.Args...), " "); line != tc.want || other {
				t.Errorf("got %s\nwant %s in\n%s", line, tc.want, got)
			}
			if call.APIVersion != "client.authentication.k8s.io/v1" || call.InteractiveMode != "Never" {
				t.Errorf("%+v", call)
			}
		})
	}
	if got, err := (Login{}).Apply(token, Target{Command: []string{"oke"}}); err != nil || got != token {
		t.Errorf("auto changed another way to get access: %v\n%s", err, got)
	}
}

// TestKeys expects the key of the settings in the provider's kubeconfig, for either command, and nowhere else.
func TestKeys(t *testing.T) {
	key := Keys{Tenancy: "t", User: "u", Fingerprint: "00", PrivateKey: "a\nb: c", Passphrase: "p"}
	const all = "OCI_CLI_FINGERPRINT=00 OCI_CLI_KEY_CONTENT=a\nb: c OCI_CLI_PASSPHRASE=p OCI_CLI_TENANCY=t OCI_CLI_USER=u"
	for _, tc := range []struct {
		name  string
		login Login
		keys  bool
		want  string
	}{
		{"provider", Login{Keys: key}, true, all},
		{"provider, before the profile", Login{Keys: key, Profile: "PROD", Auth: "ApiKey"}, true, all},
		{"file", Login{Keys: key}, false, ""},
		{"another method", Login{Keys: key, Auth: "InstancePrincipal"}, true, ""},
		{"no key", Login{Keys: Keys{Tenancy: "t", User: "u", Fingerprint: "00"}}, true, ""},
	} {
		for _, command := range []string{"oci", "oke"} {
			got, err := tc.login.Apply(written, Target{ClusterID: "c", Command: []string{command}, Keys: tc.keys})
			if err != nil {
				t.Fatal(err)
			}
			call, _ := only(t, got)
			if call.variables() != tc.want || tc.want == all && strings.Contains(got, "PROD") {
				t.Errorf("%s, %s: %q in\n%s", tc.name, command, call.variables(), got)
			}
		}
	}
}
