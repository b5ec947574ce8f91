package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
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
	"docs/app.md", "docs/guestbook.md", "docs/network.md", "docs/policies.md", "app/README.md", "pipelines/README.md",
	"CONTRIBUTING.md",
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
	{"make doctor STACK=dev ARGS=--json", "make -s doctor STACK=dev ARGS=--json", []string{
		`"stack": "dev"`, `"group": "Credentials"`,
	}},
	{
		"make policies STACK=prod GROUP='OKE operators' DOMAIN=Default",
		"make -s policies STACK=prod GROUP='OKE operators' DOMAIN=Default",
		[]string{"'Default'/'OKE operators'"},
	},
	{"make policies STACK=prod ARGS=--json", "make -s policies STACK=prod ARGS=--json", []string{`"statements": [`}},
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
		[]string{"apiVersion: v1", "- token\n"},
	},
	{"pulumi stack output lastBackups", "", []string{"{}"}},
	{"pulumi stack output addresses", "", []string{`"guestbook":`}},
	{"pulumi stack output dnsRecords", "", []string{"{}"}},
	{"pulumi stack output nsgIds", "", []string{"{}"}},
	{"pulumi stack output subnetIds", "", []string{`"workers":"ocid1.subnet.`}},
	{"pulumi stack --show-urns", "", []string{"Current stack is dev", "URN: urn:pulumi:dev::oke-guestbook::"}},
	{"pulumi config", "", []string{"frontendImage", "compartmentId"}},
	{"kubectl get statefulset -n guestbook mongo -o jsonpath='{..initContainers[1].image}'", "", []string{"/guestbook"}},
	{"kubectl delete pods -n guestbook --field-selector=status.phase=Pending", "", []string{"No resources found"}},
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

// elsewhereRun are commands that another test runs, in this form, with other values, or by the function that make
// calls: its folder and name, and what its file has of the command.
var elsewhereRun = map[string]string{
	"eval \"$(make env)\"":                     "local/e2e TestOtherProject: o.PrintEnv(", // in place of the shell's
	"eval \"$(make kubeconfig)\"":              "local/e2e TestLifeCycle: s.o.Kubeconfig",
	"make up":                                  "local/e2e TestLifeCycle: s.up()",
	"make preview":                             "local/e2e TestLifeCycle: s.o.Preview",
	"make status":                              "local/e2e TestLifeCycle: s.o.Status",
	"make down":                                "local/e2e TestLifeCycle: s.o.Down",
	"make up NODES=real":                       "local/e2e TestPage: s.o.Nodes = environment.Real",
	"make open":                                "local/e2e TestPage: s.o.Open",
	"make flows":                               "local/launch TestFlows: .Flows(",
	"make diagram":                             `cmd/oke TestDiagramsInTheDocumentationAreUpToDate: "diagram"`,
	"make reach STACK=":                        `cmd/oke TestDocumentedAnswers: "reach"`,
	"make reach FROM=":                         `cmd/oke TestDocumentedAnswers: "reach"`,
	"make cost STACK=prod AGAINST=main":        `cmd/oke TestCostAgainstARevision: "--against"`,
	"make doctor STACK=local":                  `local/e2e TestLifeCycle: doctor --stack local`,
	"make tunnel STACK=prod":                   "scripts TestTunnel: tunnel.sh",
	"make image":                               `app/internal/image TestImage: "make", "push"`,
	"make run-app":                             `app/cmd/run-app TestRunApp: "run-app"`,
	"oke token --cache":                        `cmd/oke TestTokenIsOnDiskOnlyIfAsked: "--cache"`,
	"go build -o bin/oke ./cmd/oke":            "local/e2e TestFirstHour: afterTheFirstHour", // make does it
	"kubectl create job -n guestbook":          `local/e2e TestWorkload: "create", "job"`,
	"kubectl logs -n guestbook":                `local/e2e TestPage: "logs", "-n"`,
	"kubectl exec -n guestbook":                `local/e2e TestPage: "/probe/guestbook", "probe", "ready"`,
	"pulumi stack init dev --secrets-provider": `local/e2e TestStateInObjectStorage: "--secrets-provider"`,
	"pulumi login 's3://...'":                  "local/e2e TestStateInObjectStorage: PULUMI_BACKEND_URL=",
	"export AWS_ACCESS_KEY_ID=...":             "local/e2e TestStateInObjectStorage: AWS_ACCESS_KEY_ID=",
	"pulumi preview":                           "local/e2e TestStateInObjectStorage: pulumiSteps(",
	"make recover STACK=dev ARGS='--unlock":    `local/e2e TestAnyStackIsRecovered: "--unlock"`,
	"pulumi cancel":                            `local/e2e TestAnyStackIsRecovered: "--unlock"`, // which calls it
	"pulumi stack export":                      `local/e2e TestStateInObjectStorage: "export"`,
	"pulumi stack import":                      `local/e2e TestStateInObjectStorage: "import"`,
	"pulumi up -s dev":                         `local/e2e TestAnyStackIsRecovered: s.command("up"`,
	"pulumi up -s rehearsal":                   `local/e2e TestUpgrade: strings.CutPrefix(command, "pulumi ")`,
	"pulumi destroy -s rehearsal":              `local/e2e TestUpgrade: strings.CutPrefix(command, "pulumi ")`,
	"pulumi stack output kubeconfig -s":        "local/e2e TestUpgrade: s.writeKubeconfig()",
	"pulumi destroy --continue-on-error":       `local/e2e TestWorkload: "--continue-on-error"`,
	"pulumi state delete":                      `local/e2e TestRefusals: "state", "delete"`,
	"pulumi up 2>&1 | tee up.log":              "local/e2e TestFirstHour: afterTheFirstHour", // with --refresh
	"make push VERSION=v1 IMAGE=":              "local/e2e TestFirstHour: block.FindAll",
	"make push STACK=dev VERSION=v1 IMAGE=":    "local/e2e TestFirstHour: block.FindAll", // with PUBLIC=1
	"make push IMAGE=":                         `app/internal/image TestImage: "make", "push"`,
	"pulumi config set":                        "cmd/oke TestDocumentedSettings: settings.LoadFile(",
}

// notRun are commands that no test runs, and why.
var notRun = map[string]string{
	"make help":                            "prints the Makefile's comments",
	"make test":                            "is what runs the tests",
	"make e2e":                             "is what runs the tests",
	"go test":                              "is what runs the tests",
	"make lint":                            "is CI's other command",
	"git add Pulumi.dev.yaml":              "is Git's, and needs no stack",
	"go install ./cmd/oke":                 "writes to the user's own directory",
	"go run github.com/google/go-c":        "downloads a program",
	"go run ./cmd/image -standin":          "builds the stand-in, which the local cloud's images have",
	"oci devops build-run create":          "needs OCI DevOps",
	"oci ce virtual-node-pool delete":      "is for a deletion that hangs, which the local cloud's do not",
	"oci session authenticate":             "needs a browser and Oracle's sign-in",
	"oci iam auth-token create":            "is of Oracle's command line",
	"oci os ns get":                        "is of Oracle's command line",
	"oci os object list":                   "is of Oracle's command line",
	"kubectl rollout status":               "waits for what TestPoliciesHold of local/dataplane/netpol starts",
	"kubectl logs -n kube-system":          "is for a failure",
	"kubectl run -n default --rm -it":      "pulls an image from the internet; TestPoliciesHold sends the packet",
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
	os.Getenv("SOURCES") // the Makefile says why
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryDocumentedCommandIsRun expects each command of the documents to be one that a test runs, or the beginning of
// one ("make cost" in a sentence), and each test that is named to exist, in a file that has the command.
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
		folder, rest, _ := strings.Cut(by, " ")
		name, part, _ := strings.Cut(rest, ": ")
		files, err := filepath.Glob("../../" + folder + "/*_test.go")
		if err != nil || !slices.ContainsFunc(files, func(file string) bool {
			text := readDocument(t, strings.TrimPrefix(file, "../../"))
			return part != "" && strings.Contains(text, "func "+name+"(") && strings.Contains(text, part)
		}) {
			t.Errorf("%s: no file in %s has %s with %q", command, folder, name, part)
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
