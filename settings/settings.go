// Package settings is the configuration of a stack: what Pulumi.yaml declares and the stacks' files set, as one typed
// value. It imports nothing of Pulumi.
package settings

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

// Settings is everything that a stack's file can set.
type Settings struct {
	CompartmentID  string
	Tags           map[string]string
	DefinedTags    map[string]string // by namespace and key, such as "Operations.CostCenter"
	Protect        bool
	Network        layout.Spec
	Cluster        cluster.Spec
	Workload       workload.Spec // of guestbooks, where they have no value of their own
	HomeRegion     string
	TenancyID      string
	BudgetMonthly  int
	BudgetEmails   []string
	AlarmEmails    []string
	AlarmTopicID   string
	ContainerLogs  bool
	LogsGroup      string
	LogDestination string
	LogAgentImage  string
	Policies       workload.NetworkPolicies
	EnforcerImage  string
	Registry       workload.Registry    // complete
	Guestbooks     []workload.Guestbook // complete; at least one

	Login  kubeconfig.Login // the OCI provider's profile, method of authentication and key
	Region string           // the OCI provider's, such as "us-ashburn-1"; empty if oci:region and OCI_REGION are not set
	listed bool             // Guestbooks are those of the setting of that name
}

// Settings declares every setting. Their keys are flat: a stack's file has no groups.
func (s *Settings) Settings() setting.Group {
	return slices.Concat(
		s.general(), s.budget(), s.alarms(), s.Network.Settings(), s.Cluster.Settings(), s.Workload.Settings(),
		s.Registry.Settings(), s.logs(), s.networkPolicies(), s.several(),
	)
}

func (s *Settings) general() setting.Group {
	return setting.Group{
		setting.Of(&s.CompartmentID, "compartmentId", "",
			"OCID of the compartment that everything is created in. Required, and it cannot change later: that would "+
				"replace the cluster, and delete its volumes",
			setting.Required[string]("pulumi config set compartmentId ocid1.compartment.oc1..<unique id>"),
			setting.OCID("compartment", "tenancy")),
		setting.Texts(&s.Tags, "tags",
			"Freeform tags on everything, in addition to project and stack",
			setting.Func("up to 8, any but project, stack and "+cluster.PoolTag, checkTags)),
		setting.Texts(&s.DefinedTags, "definedTags",
			"Defined tags on everything, such as Operations.CostCenter: 42, of tag namespaces that exist. Where a tag default "+
				"adds others, name those in oci:ignoreDefinedTags, so that updates leave them",
			setting.Func("up to 64", checkDefinedTags)),
		setting.Of(&s.Protect, "protect", false,
			"Refuse to delete the VCN, the cluster and the databases' volumes until this is false"),
		setting.Of(&s.Login.Command, "tokenCommand", kubeconfig.Auto,
			"Command that the kubeconfig asks for tokens: oci, Oracle's command line; or oke, which go install ./cmd/oke makes "+
				"of this repository. auto takes oci if it is on PATH, else oke",
			setting.OneOf(kubeconfig.Auto, kubeconfig.OCI, kubeconfig.OKE)),
		setting.Of(&s.HomeRegion, "homeRegion", "",
			"The tenancy's home region, such as us-ashburn-1, if oci:region is another: policies can only be created there",
			setting.Optional(region)),
	}
}

func (s *Settings) budget() setting.Group {
	return setting.Group{
		setting.Of(&s.BudgetMonthly, "budgetMonthly", 0,
			"Budget of the compartment for a month, in the currency of the account. At 80 % of it, and when the forecast "+
				"exceeds it, budgetEmails get a message. A compartment can have one budget. 0 for none",
			setting.Range(0, maxBudget)),
		setting.List(&s.BudgetEmails, "budgetEmails", nil,
			"Addresses that get the messages of the budget", setting.Each(workload.Email), setting.Unique[string]()),
		setting.Of(&s.TenancyID, "tenancyId", "",
			"OCID of the tenancy, in which the budget, the dynamic group of containerLogs and perhaps the policy of "+
				"clusterPolicy are created. Empty for oci:tenancyOcid or OCI_TENANCY_OCID",
			setting.OCID("tenancy")),
	}
}

func (s *Settings) alarms() setting.Group {
	return setting.Group{
		setting.List(&s.AlarmEmails, "alarmEmails", nil,
			"Addresses that get the stack's alarms, each after its owner has confirmed it by the first message: no ready "+
				"frontend, no primary of the database, missing backups, a full volume, a certificate that expires, a node "+
				"that is not ready. Needs clusterType enhanced",
			setting.Each(workload.Email), setting.Unique[string]()),
		setting.Of(&s.AlarmTopicID, "alarmTopicId", "",
			"OCID of an existing topic of Notifications that gets the alarms instead of alarmEmails",
			setting.OCID("onstopic")),
	}
}

// topicName is what the name of a topic has (Oracle documentation, API reference, CreateTopicDetails, November 2026).
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// Alarms reports whether the stack has alarms.
func (s *Settings) Alarms() bool { return len(s.AlarmEmails) > 0 || s.AlarmTopicID != "" }

const maxBudget = 1_000_000_000

func (s *Settings) logs() setting.Group {
	return setting.Group{
		setting.Of(&s.ContainerLogs, "containerLogs", false,
			"Send the guestbooks' logs to the service Logging, by the agent that Oracle installs on nodes. The stack gets a "+
				"log, an agent configuration, a dynamic group of all instances in compartmentId, and a policy by which they "+
				"may write to the log"),
		setting.Of(&s.LogsGroup, "containerLogsGroup", "",
			"OCID of an existing dynamic group that contains the nodes, instead of one of the stack's",
			setting.OCID("dynamicgroup")),
		setting.Of(&s.LogDestination, "logDestination", "",
			"Host and port that accept logs over Fluentd's forward protocol. "+
				"An agent on each node sends the guestbooks' logs there; extraRules must allow it. Empty for none",
			setting.Optional(setting.Func("a host and a port such as logs.example.com:24224", checkHostPort))),
		setting.Of(&s.LogAgentImage, "logAgentImage", workload.LogAgentImage,
			"Image of the log agent, Fluent Bit, with its registry host",
			setting.Func("an image with registry host, and tag or digest", workload.CheckImage),
			setting.Func("", workload.CheckPinned)),
	}
}

// logHost matches host names and IP addresses.
var logHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$`)

var region = setting.Match(regexp.MustCompile(`^[a-z]+(-[a-z]+)+-\d+$`), "a region such as us-ashburn-1")

func (s *Settings) several() setting.Group {
	inherit := func() workload.Guestbook { return workload.Guestbook{Spec: s.Workload} }
	return setting.Group{
		setting.ObjectsFrom(&s.Guestbooks, "guestbooks",
			"Several guestbooks, each with a name and the guestbook settings that differ from the stack's. "+
				"Empty for one called guestbook",
			(*workload.Guestbook).Settings, inherit),
	}
}

func checkHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	number, _ := strconv.ParseUint(port, 10, 64)
	if err != nil || !logHost.MatchString(host) || number < 1 || number > 65535 {
		return fmt.Errorf("%q is not a host and port (1 to 65535) such as logs.example.com:24224", text)
	}
	return setting.CheckRemote(host)
}

// Load reads a stack's configuration as Pulumi hands it to the program: values by "namespace:key", objects as JSON.
// Settings of other namespaces, such as oci:region, are the provider's and Pulumi's own. IsSecret reports whether the
// stack's file has the value of a key, or of a path such as "project:guestbooks[1].tlsPrivateKey", encrypted. The error
// holds a *problem.Error with every problem.
func Load(project, stack string, config map[string]string, isSecret func(key string) bool) (*Settings, error) {
	var list, found problem.List
	s := read(&list, project, config)
	if s.BudgetMonthly > 0 || s.OwnLogsGroup() || s.Cluster.ClusterPolicy {
		own := config["oci:tenancyOcid"]
		if ociChecks["tenancyOcid"].Test(own) != nil {
			own = "" // that is a problem of its own
		}
		s.TenancyID = cmp.Or(s.TenancyID, own,
			os.Getenv("TF_VAR_tenancy_ocid"), os.Getenv("OCI_TENANCY_OCID"))
	}
	login := loginOf(config)
	s.Login.Profile, s.Login.Auth = login.Profile, login.Auth
	// Those in variables reach the command by themselves.
	s.Login.Keys = kubeconfig.Keys{
		Tenancy: config["oci:tenancyOcid"], User: config["oci:userOcid"], Fingerprint: config["oci:fingerprint"],
		Region: s.Region, PrivateKey: config["oci:privateKey"], PrivateKeyPath: config["oci:privateKeyPath"],
		Passphrase: config["oci:privateKeyPassword"],
	}
	if err := s.Login.Check(); err != nil {
		found.Add("oci:auth", "%v", err)
	}
	s.validate(&found, stack)
	s.validateSecrets(&found, func(key string) bool { return isSecret(project + ":" + key) })
	list.Append(found)
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return s, nil
}

// loginOf returns the method and the profile, which the provider reads from these variables too
// (terraform-provider-oci, internal/provider/provider.go).
func loginOf(config map[string]string) kubeconfig.Login {
	return kubeconfig.Login{
		Profile: cmp.Or(config["oci:configFileProfile"],
			os.Getenv("TF_VAR_config_file_profile"), os.Getenv("OCI_CONFIG_FILE_PROFILE")),
		Auth: cmp.Or(config["oci:auth"], os.Getenv("TF_VAR_auth"), os.Getenv("OCI_AUTH")),
	}
}

// read returns the settings that config sets, and the defaults of all others. It adds what cannot be read to the list.
func read(list *problem.List, project string, config map[string]string) *Settings {
	s := &Settings{}
	s.Settings().ApplyDefaults()
	s.decode(list, project, config)
	s.Region = cmp.Or(config["oci:region"], os.Getenv("OCI_REGION"))
	s.listed = len(s.Guestbooks) > 0
	if !s.listed {
		s.Guestbooks = []workload.Guestbook{{Name: "guestbook", Spec: s.Workload}}
	}
	for i := range s.Guestbooks {
		g := &s.Guestbooks[i]
		g.Measured = s.Alarms() && g.Hardened() && g.OwnDatabase()
		g.Complete(s.exposure(), s.Cluster.Metrics())
	}
	s.Registry.Complete(s.Guestbooks)
	s.Network.Issuers = issuers(s.Cluster.OIDCIssuers)
	s.Network.VirtualNodes = len(s.Cluster.VirtualNodePools) > 0 && s.Network.Has(layout.Pods)
	s.Network.Metrics = s.Cluster.Metrics()
	return s
}

// validate adds what is wrong with the settings. A guestbook's are checked when it is complete.
func (s *Settings) validate(list *problem.List, stack string) {
	s.general().Check(list, "")
	s.validateRegion(list)
	s.validateOCIDs(list)
	s.validateTagData(list, stack)
	s.validateBudget(list)
	s.validateAlarms(list, stack)
	s.Network.Validate(list, s.capacity())
	rules.CheckLimits(list, s.Network)
	s.Cluster.Validate(list)
	native := s.Network.PodNetwork == layout.VCNNative
	if native {
		s.Cluster.ValidateNativePods(list)
	}
	s.Cluster.ValidatePodNetwork(list, native)
	s.Cluster.ValidateNodes(list, native)
	s.validateVirtualNodes(list)
	s.validateLogs(list)
	s.validateClusterPolicy(list)
	s.validateNetworkPolicies(list)
	for i := range s.Guestbooks {
		policy := s.policy(i)
		policy.Production = s.Protect || stack == "prod"
		s.validateName(list, i)
		s.Guestbooks[i].Validate(list, policy)
		s.validateFit(list, i)
		s.validateACME(list, i)
	}
	s.validateRoom(list)
	s.validateBackends(list)
	s.validateRegistry(list)
	s.validateReachOfRegistries(list)
	s.validateRegistryPorts(list)
	s.validateArchitectures(list)
	s.validateEgress(list)
	s.validateSigned(list)
}

// validateRegion refuses what cannot be a region, nor the key of one, which the provider takes too.
func (s *Settings) validateRegion(list *problem.List) {
	if err := region.Test(workload.RegionNamed(s.Region)); s.Region != "" && err != nil {
		list.Add("oci:region", "%v", err).Invalidates("oci:region")
	}
	own, home := workload.Realm(s.Region), workload.Realm(s.HomeRegion)
	if own != "" && home != "" && own != home {
		list.Add("homeRegion", "%s is of realm %s, and oci:region %s of realm %s: a tenancy is in one realm", s.HomeRegion,
			home, s.Region, own).DependsOn("oci:region")
	}
}

// validateBudget checks that a budget has all that it needs, and that nothing is set for none.
func (s *Settings) validateBudget(list *problem.List) {
	s.budget().Check(list, "")
	switch {
	case s.BudgetMonthly == 0 && len(s.BudgetEmails) > 0:
		list.Add("budgetEmails", "are for a budget: set budgetMonthly too").DependsOn("budgetMonthly")
	case s.BudgetMonthly > 0 && len(s.BudgetEmails) == 0:
		list.Add("budgetEmails", "are required with budgetMonthly: nobody would be told").DependsOn("budgetMonthly")
	}
	if s.BudgetMonthly > 0 && s.TenancyID == "" {
		list.Add("tenancyId", "is required with budgetMonthly: pulumi config set tenancyId ocid1.tenancy.oc1..<unique id>").
			DependsOn("budgetMonthly", "oci:tenancyOcid")
	}
}

// validateAlarms checks that there is something to watch, and one way to be told.
func (s *Settings) validateAlarms(list *problem.List, stack string) {
	s.alarms().Check(list, "")
	if !s.Alarms() {
		return
	}
	key := "alarmEmails"
	if s.AlarmTopicID != "" {
		key = "alarmTopicId"
		if len(s.AlarmEmails) > 0 {
			list.Add(key, "is instead of alarmEmails: leave one of them out").DependsOn("alarmEmails")
		}
	}
	if len(s.AlarmEmails) > 0 && !topicName.MatchString(stack) {
		list.Add("alarmEmails", "make a topic that is named after the stack, and a topic's name has letters, digits, "+
			"hyphens and underscores only, unlike %q: rename the stack, or name a topic of your own by alarmTopicId", stack)
	}
	if s.Cluster.ClusterType != cluster.Enhanced {
		list.Add(key, "needs clusterType enhanced: metrics reach Monitoring by workload identity").DependsOn("clusterType")
	}
	if !slices.ContainsFunc(s.Guestbooks, func(g workload.Guestbook) bool { return g.Measured }) {
		list.Add(key, "needs a guestbook of profile hardened with its own database: no other has metrics").
			DependsOn("profile", "externalDatabase", "guestbooks")
	}
	if err := region.Test(s.Region); err != nil {
		list.Add(key, "needs the region: pulumi config set oci:region us-ashburn-1").
			DependsOn("oci:region")
	}
}

// validateLogs checks that there is all that the containers' logs need, and that nothing is set for none.
func (s *Settings) validateLogs(list *problem.List) {
	s.logs().Check(list, "")
	switch {
	case !s.ContainerLogs && s.LogsGroup != "":
		list.Add("containerLogsGroup", "is for the containers' logs: set containerLogs too").DependsOn("containerLogs")
	case s.OwnLogsGroup() && s.TenancyID == "" && s.BudgetMonthly <= 0: // which needs it too
		list.Add("tenancyId", "is required with containerLogs: pulumi config set tenancyId ocid1.tenancy.oc1..<unique id>; "+
			"or name a dynamic group with containerLogsGroup").
			DependsOn("containerLogs", "containerLogsGroup", "oci:tenancyOcid")
	}
	if err := region.Test(s.Region); s.ContainerLogs && err != nil {
		list.Add("containerLogs", "needs the region: pulumi config set oci:region us-ashburn-1").
			DependsOn("oci:region")
	}
}

// validateClusterPolicy checks that there is a place for the policy of the cluster, as far as the settings tell: where
// things are that they name by OCID is looked up.
func (s *Settings) validateClusterPolicy(list *problem.List) {
	if _, err := iam.ClusterPolicy(s.Rights("project", "stack")); err != nil {
		list.Add("tenancyId", "%v", err).DependsOn("clusterPolicy", "definedTags", "oci:tenancyOcid")
	}
}

// OwnLogsGroup reports whether the stack makes a dynamic group of its nodes.
func (s *Settings) OwnLogsGroup() bool { return s.ContainerLogs && s.LogsGroup == "" }

// validateRegistry checks the registry against the images of the stack.
func (s *Settings) validateRegistry(list *problem.List) {
	var images []string
	dependsOn := []string{"logDestination", "logAgentImage", "networkPolicies", "networkPolicyImage"}
	if s.LogDestination != "" {
		images = append(images, s.LogAgentImage)
	}
	if s.Policies == workload.Enforced {
		images = append(images, s.EnforcerImage)
	}
	for i, g := range s.Guestbooks {
		images = append(images, g.Images()...)
		dependsOn = append(dependsOn, s.policy(i).DependsOn("profile", "frontendImage", "mongoImage", "choresImage")...)
	}
	s.Registry.Validate(list, images, dependsOn)
}

// validateSecrets refuses passwords and keys that are in the stack's file in plain text.
func (s *Settings) validateSecrets(list *problem.List, isSecret func(key string) bool) {
	for i, g := range s.Guestbooks {
		for _, secret := range []struct{ key, value, stacks string }{
			{"databasePassword", g.DatabasePassword, s.Workload.DatabasePassword},
			{"tlsPrivateKey", g.TLSPrivateKey, s.Workload.TLSPrivateKey},
		} {
			path := secret.key
			if secret.value != secret.stacks {
				path = fmt.Sprintf("guestbooks[%d].%s", i, secret.key)
			}
			if secret.value != "" && !isSecret(path) {
				list.Add(path, "is not encrypted in the stack's file: pulumi config set --secret --path '%s'", path)
			}
		}
	}
	if s.Registry.Password != "" && !isSecret("registryPassword") {
		list.Add("registryPassword", "is not encrypted in the stack's file: pulumi config set --secret registryPassword")
	}
}

// policy is what the stack requires of its guestbook i.
func (s *Settings) policy(i int) workload.Policy {
	policy := workload.Policy{Listens: s.listens}
	if s.listed {
		policy.Prefix = fmt.Sprintf("guestbooks[%d].", i)
	}
	return policy
}

// capacity is what the network must have room for while nodes are being replaced.
func (s *Settings) capacity() layout.Capacity {
	var need layout.Capacity
	for i, p := range s.Cluster.NodePools {
		need.Pools = append(need.Pools, layout.Pool{Nodes: p.Most(), PodsPerNode: p.MaxPodsPerNode})
		for _, field := range []string{"size", "maxSize", "maxPodsPerNode", "maxSurge", "maxUnavailable"} {
			need.PoolSettings = append(need.PoolSettings, fmt.Sprintf("nodePools[%d].%s", i, field))
		}
	}
	s.addVirtual(&need)
	for i, g := range s.Guestbooks {
		switch g.Exposure {
		case workload.Public:
			need.PublicLoadBalancers++
		case workload.Internal:
			need.InternalLoadBalancers++
		}
		need.ServiceAddresses += g.Addresses()
		need.BalancerSettings = append(need.BalancerSettings, s.policy(i).DependsOn("exposure", "profile")...)
	}
	return need
}

// exposure is that of a guestbook without one of its own: public where the network has such load balancers.
func (s *Settings) exposure() workload.Exposure {
	if s.Network.Has(layout.PublicLoadBalancers) {
		return workload.Public
	}
	return workload.Internal
}

// listens reports whether load balancers may listen on a port.
func (s *Settings) listens(port int) bool {
	return slices.ContainsFunc(s.Network.LoadBalancerPorts,
		func(r layout.PortRange) bool { return r.Min <= port && port <= r.Max })
}

// istioNamespace is the namespace of the add-on Istio (Oracle documentation, "Working with Istio as a Cluster Add-on",
// read 2026-11-29). Those of other add-ons are not documented.
const istioNamespace = "istio-system"

// validateName checks that guestbook i has no name, namespace or address of another.
func (s *Settings) validateName(list *problem.List, i int) {
	g, policy := s.Guestbooks[i], s.policy(i)
	find := func(among []workload.Guestbook, same func(workload.Guestbook) bool) (others []string, found bool) {
		j := slices.IndexFunc(among, same)
		return s.policy(max(j, 0)).DependsOn("name", "namespace"), j >= 0
	}
	named := func(name string) func(workload.Guestbook) bool {
		return func(o workload.Guestbook) bool { return o.Name == name }
	}
	if others, found := find(s.Guestbooks[:i], named(g.Name)); found {
		policy.Add(list, "name", nil, "%q is the name of another guestbook", g.Name).DependsOn(others...)
		return
	}
	if g.Namespace == istioNamespace && slices.Contains(s.Cluster.Addons, "Istio") {
		policy.Add(list, "namespace", []string{"name"}, "%q is that of the add-on Istio; give the guestbook one of its own",
			g.Namespace).DependsOn("addons")
	}
	if g.ReservedAddress != "" {
		same := func(o workload.Guestbook) bool { return o.ReservedAddress == g.ReservedAddress }
		if others, found := find(s.Guestbooks[:i], same); found {
			policy.Add(list, "reservedAddress", nil, "%s is the address of another guestbook's load balancer; set one for each",
				g.ReservedAddress).DependsOn(others...)
		}
	}
	if other, isBackup := strings.CutSuffix(g.Name, "-backup"); isBackup {
		// "a" + "-backup-password" and "a-backup" + "-password" are one name in the stack.
		if others, found := find(s.Guestbooks, named(other)); found {
			policy.Add(list, "name", nil, "%q is taken by the backup of guestbook %q", g.Name, other).DependsOn(others...)
			return
		}
	}
	sameNamespace := func(o workload.Guestbook) bool { return o.Namespace == g.Namespace }
	if others, found := find(s.Guestbooks[:i], sameNamespace); found {
		policy.Add(list, "namespace", []string{"name"}, "%q is the namespace of another guestbook", g.Namespace).
			DependsOn(others...)
	}
}

// validateFit checks guestbook i against the network, the cluster and the region.
func (s *Settings) validateFit(list *problem.List, i int) {
	g, policy := s.Guestbooks[i], s.policy(i)
	if g.Backs() {
		key := "backupSchedule"
		if g.BackupSchedule == "" {
			key = "restoreFrom"
		}
		if s.Cluster.ClusterType != cluster.Enhanced && (key == "backupSchedule" || g.OwnDatabase()) {
			policy.Add(list, key, nil, "needs clusterType enhanced: backups reach Object Storage by workload identity").
				DependsOn("clusterType")
		}
		if s.Region == "" {
			policy.Add(list, key, nil, "needs the region: pulumi config set oci:region us-ashburn-1").
				DependsOn("oci:region")
		} else if err := region.Test(s.Region); err != nil {
			policy.Add(list, key, nil, "needs the region of oci:region: %v", err).DependsOn("oci:region")
		}
	}
	if g.Autoscales() && !s.Cluster.Metrics() {
		policy.Add(list, "frontendMaxReplicas", []string{"profile", "frontendReplicas", "frontendMinReplicas"},
			"%d is above frontendMinReplicas, %d, and without metrics the autoscaler does nothing between them: make them "+
				"equal, or set clusterType enhanced and addons [CertManager, KubernetesMetricsServer]",
			g.FrontendMaxReplicas, g.FrontendMinReplicas).DependsOn("addons", "clusterType")
	}
	role := layout.PublicLoadBalancers
	if g.Exposure == workload.Internal {
		role = layout.InternalLoadBalancers
	}
	if g.Balanced() && !s.Network.Has(role) {
		policy.Add(list, "exposure", nil, "%s needs a subnet for such load balancers, and loadBalancers is %s",
			g.Exposure, s.Network.LoadBalancers).DependsOn("loadBalancers")
	}
}

// Namespaces returns those of the guestbooks.
func (s *Settings) Namespaces() []string {
	names := make([]string, 0, len(s.Guestbooks))
	for _, g := range s.Guestbooks {
		names = append(names, g.Namespace)
	}
	return names
}
