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
			got, err := tc.login.Apply(tc.kubeconfig)
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
			if again, err := tc.login.Apply(got); err != nil || again != got {
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
		if got, err := tc.login.Apply(tc.kubeconfig); err != nil || got != tc.kubeconfig {
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
		if got, err := tc.login.Apply(tc.kubeconfig); err == nil {
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
