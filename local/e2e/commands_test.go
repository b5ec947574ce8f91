package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// walked is the document whose blocks TestFirstHour runs.
const walked = "docs/first-hour.md"

// documents are those whose commands a test has to run.
var documents = []string{
	"README.md", "README.ko.md", walked, "docs/first-hour.ko.md", "docs/operations.md", "docs/troubleshooting.md",
	"docs/recovery.md", "docs/cost.md", "docs/doctor.md", "docs/access.md", "docs/observability.md", "docs/nodes.md",
	"pipelines/README.md",
}

// shown is a documented command that TestFirstHour runs in its stack, after the page has been looked at.
type shown struct {
	command string   // as it is written
	as      string   // what runs in its place; empty for the command
	says    []string // parts of its output that are stable
}

// afterTheFirstHour are the commands of the other documents that read, or that one stack can take without a wait.
var afterTheFirstHour = []shown{
	{"kubectl get pods -A", "", []string{"kube-system", "mongo-0"}},
	{"kubectl get nodes --show-labels", "", []string{
		"topology.kubernetes.io/zone=", "oci.oraclecloud.com/fault-domain=",
	}},
	{"kubectl get deploy,rs,sts,job,pods -n guestbook", "", []string{
		"deployment.apps/frontend", "replicaset.apps/frontend-", "statefulset.apps/mongo", "pod/mongo-0",
	}},
	{"kubectl get svc -n guestbook", "", []string{"LoadBalancer", "None"}},
	{"kubectl get ns,quota -A", "", []string{"namespace/guestbook", "resourcequota/"}},
	{"kubectl get pvc,pv -A", "", []string{"persistentvolumeclaim/data-mongo-0", "oci-bv"}},
	{
		"kubectl create clusterrolebinding ci --clusterrole=cluster-admin --group=ocid1.dynamicgroup.oc1..<unique id>",
		"kubectl create clusterrolebinding ci --clusterrole=cluster-admin --group=ocid1.dynamicgroup.oc1..ci",
		[]string{"clusterrolebinding.rbac.authorization.k8s.io/ci created"},
	},
	{"make doctor STACK=dev ARGS=--json", "make -s doctor STACK=dev ARGS=--json || true", []string{
		`"stack": "dev"`, `"group": "Credentials"`,
	}},
	{"make cost STACK=prod ARGS=--json", "make -s cost STACK=prod ARGS='--json --prices snapshot'", []string{
		`"stack": "prod"`, `"currency": "USD"`,
	}},
	{"make versions STACK=dev", "make -s versions STACK=dev", []string{"v1."}},
	{"make drift STACK=dev", "", []string{"stack dev: the cloud is as the state says"}},
	{"bin/oke drift --stack prod --json", "bin/oke drift --stack dev --json", []string{"[]"}},
	{"make recover STACK=dev ARGS=--yes", "", []string{"no command was interrupted"}},
	{"make kubeconfig STACK=dev ARGS='--endpoint private'", "", []string{"the current context is the cluster's now"}},
	{
		"bin/oke kubeconfig --cluster-id ocid1.cluster... --region us-ashburn-1",
		`bin/oke kubeconfig --cluster-id "$(pulumi stack output clusterId)" --region us-ashburn-1`,
		[]string{"kind: Config", "- token\n"},
	},
	{"pulumi stack output lastBackups", "", []string{"{}"}},
	{"pulumi stack output addresses", "", []string{`"guestbook":`}},
	{"pulumi stack output dnsRecords", "", []string{"{}"}},
	{"kubectl describe service", "kubectl describe service -n guestbook", []string{"LoadBalancer Ingress:"}},
	{"kubectl cordon -l pool=blue", "kubectl cordon -l kubernetes.io/os=linux", []string{"cordoned"}},
	{
		"kubectl drain -l pool=blue --ignore-daemonsets --delete-emptydir-data",
		"kubectl drain -l kubernetes.io/os=linux --ignore-daemonsets --delete-emptydir-data --dry-run=server",
		[]string{"drained (server dry run)"},
	},
	{"kubectl uncordon -l pool=blue", "kubectl uncordon -l kubernetes.io/os=linux", []string{"uncordoned"}},
	{"pulumi up --refresh", "pulumi up --refresh --yes --skip-preview 2>&1 | tee up.log", []string{"unchanged"}},
	{"make rehearsal STACK=prod", "make -s rehearsal STACK=prod", []string{
		"Pulumi.rehearsal.yaml has the settings of stack prod", "left out, as they are Oracle Cloud's or secret: protect\n",
	}},
	{"pulumi stack init rehearsal", "pulumi stack init rehearsal --no-select", []string{"Created stack 'rehearsal'"}},
	{"pulumi stack rm -s rehearsal", "pulumi stack rm -s rehearsal --yes && pulumi stack select dev", []string{
		"Stack 'rehearsal' has been removed",
	}},
	{"kubectl get nodes,pods,pdb -A --watch", "kubectl get nodes,pods,pdb -A", []string{"poddisruptionbudget.policy/"}},
	{"make explain STACK=dev LOG=up.log", "make -s explain STACK=dev LOG=up.log", []string{
		"the log has no error of a resource",
	}},
	{
		"pulumi config set tenancyId ocid1.tenancy.oc1..<unique id>", "pulumi config set tenancyId ocid1.tenancy.oc1..a", nil,
	},
	{"pulumi config set --path 'budgetEmails[0]' ops@example.com", "", nil},
	{"pulumi config set budgetMonthly 50", "", nil},
	{"pulumi config rm --path 'nodePools[0].kubernetesVersion'", "", nil},
}

// elsewhereRun are commands that another test runs, by its folder and name: in this form, with other values, or by the
// function that make calls.
var elsewhereRun = map[string]string{
	"eval \"$(make env)\"":                     "local/e2e TestOtherProject", // its settings, in place of the shell's
	"eval \"$(make kubeconfig)\"":              "local/e2e TestLifeCycle",
	"make up":                                  "local/e2e TestLifeCycle",
	"make preview":                             "local/e2e TestLifeCycle",
	"make status":                              "local/e2e TestLifeCycle",
	"make down":                                "local/e2e TestLifeCycle",
	"make up NODES=real":                       "local/e2e TestPage",
	"make open":                                "local/e2e TestPage",
	"make flows":                               "local/launch TestFlows",
	"make diagram":                             "cmd/oke TestDiagramsInTheDocumentationAreUpToDate",
	"make reach STACK=dev":                     "cmd/oke TestReach",
	"make cost STACK=prod AGAINST=main":        "cmd/oke TestCostAgainstARevision",
	"make doctor STACK=local":                  "local/doctor TestNothingIsWrong",
	"make tunnel STACK=prod":                   "scripts TestTunnel",
	"oke token --cache":                        "cmd/oke TestTokenIsOnDiskOnlyIfAsked",
	"go build -o bin/oke ./cmd/oke":            "local/e2e TestFirstHour", // make does it
	"kubectl create job -n guestbook":          "local/e2e TestWorkload",
	"pulumi stack init dev --secrets-provider": "local/e2e TestStateInObjectStorage",
	"pulumi login 's3://...'":                  "local/e2e TestStateInObjectStorage",
	"export AWS_ACCESS_KEY_ID=...":             "local/e2e TestStateInObjectStorage",
	"pulumi preview":                           "local/e2e TestStateInObjectStorage",
	"pulumi cancel":                            "local/e2e TestStateInObjectStorage",
	"pulumi stack export":                      "local/e2e TestStateInObjectStorage",
	"pulumi stack import":                      "local/e2e TestStateInObjectStorage",
	"pulumi up -s dev":                         "local/e2e TestAnyStackIsRecovered",
	"pulumi up -s rehearsal":                   "local/e2e TestUpgrade",
	"pulumi destroy -s rehearsal":              "local/e2e TestUpgrade",
	"pulumi stack output kubeconfig -s":        "local/e2e TestUpgrade",
	"pulumi up 2>&1 | tee up.log":              "local/e2e TestFirstHour", // with --refresh
	"make push VERSION=v1 IMAGE=":              "local/e2e TestFirstHour",
	"pulumi config set":                        "cmd/oke TestDocumentedSettings", // the key and the value
}

// notRun are commands that no test runs, and why.
var notRun = map[string]string{
	"make help":                            "prints the Makefile's comments",
	"make test":                            "is what runs the tests",
	"git add Pulumi.dev.yaml":              "is Git's, and needs no stack",
	"go install ./cmd/oke":                 "writes to the user's own directory",
	"oci devops build-run create":          "needs OCI DevOps",
	"oci ce virtual-node-pool delete":      "is for a deletion that hangs, which the local cloud's do not",
	"oci session authenticate":             "needs a browser and Oracle's sign-in",
	"pulumi stack change-secrets-provider": "is Pulumi's alone, and asks for a passphrase on a terminal",
}

var (
	fence   = regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$")
	inline  = regexp.MustCompile("`([^`]+)`")
	comment = regexp.MustCompile(`\s+#.*$`)
	begins  = regexp.MustCompile(`^(make|pulumi|oke|bin/oke|kubectl|eval|export|oci|go|git) `)
)

// placeholders are the words of the Korean documents, by the English ones.
var placeholders = strings.NewReplacer(
	"<고유 ID>", "<unique id>", "<테넌시 네임스페이스>", "<tenancy namespace>", "<사용자>", "<user>", "make -s ", "make ",
)

// commandsIn returns the commands of a document, in blocks and in sentences, without comments.
func commandsIn(text string) (commands []string) {
	add := func(line string) {
		for part := range strings.SplitSeq(comment.ReplaceAllString(line, ""), " && ") {
			part, _, _ = strings.Cut(part, " || ")
			if part = strings.TrimSpace(part); begins.MatchString(part) {
				commands = append(commands, placeholders.Replace(part))
			}
		}
	}
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			add(strings.TrimRight(line, "\n"))
		}
	}
	for _, code := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		add(strings.ReplaceAll(code[1], "\n", " "))
	}
	return commands
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryDocumentedCommandIsRun expects each command of the documents to be one that a test runs, or the beginning of
// one ("make cost" in a sentence), and each test that is named to exist.
func TestEveryDocumentedCommandIsRun(t *testing.T) {
	known := commandsIn(readDocument(t, walked))
	for _, c := range afterTheFirstHour {
		known = append(known, c.command)
	}
	known = slices.AppendSeq(known, maps.Keys(elsewhereRun))
	known = slices.AppendSeq(known, maps.Keys(notRun))
	used := map[string]bool{}
	for _, name := range documents {
		for _, command := range commandsIn(readDocument(t, name)) {
			found := false
			for _, k := range known {
				// A table's entry may leave out the rest of a command, and a sentence that of an entry.
				if strings.HasPrefix(k+" ", strings.TrimSuffix(command, " ")) || strings.HasPrefix(command, k) {
					found, used[k] = true, true
				}
			}
			if !found {
				t.Errorf("%s: no test runs %q: add it to a table of this file", name, command)
			}
		}
	}
	for _, k := range known {
		if !used[k] {
			t.Errorf("no document has %q", k)
		}
	}
	for command, by := range elsewhereRun {
		folder, name, _ := strings.Cut(by, " ")
		out, err := exec.CommandContext(t.Context(), "grep", "-lr", "--include=*_test.go", "func "+name+"(",
			"../../"+folder).Output()
		if err != nil || len(out) == 0 {
			t.Errorf("%s: there is no %s", command, by)
		}
	}
}

// script returns the shell's commands for a table, each behind a line with its number, which an error follows.
func script(table []shown) string {
	var lines strings.Builder
	for i, c := range table {
		run := c.as
		if run == "" {
			run = c.command
		}
		fmt.Fprintf(&lines, "echo 'command %d'\n%s\n", i, run)
	}
	return lines.String()
}

// checkShown compares the output of a script with what its table says.
func checkShown(t *testing.T, table []shown, log string) {
	t.Helper()
	for i, c := range table {
		_, rest, ran := strings.Cut(log, fmt.Sprintf("command %d\n", i))
		output, _, _ := strings.Cut(rest, fmt.Sprintf("command %d\n", i+1))
		if !ran {
			t.Errorf("%s was not run", c.command)
		}
		for _, part := range c.says {
			if !strings.Contains(output, part) {
				t.Errorf("%s does not print %q:\n%s", c.command, part, output)
			}
		}
	}
}
