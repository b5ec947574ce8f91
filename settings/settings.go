// Package settings is the configuration of a stack: what Pulumi.yaml declares and the stacks' files set, as one typed value.
// It imports nothing of Pulumi.
package settings

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
	"oke-guestbook/plan/workload"
)

// The parts of the settings that belong to one component each. Their keys are flat: a stack's file knows no groups.
type (
	Network  = layout.Spec
	Fleet    = cluster.Spec
	Workload = workload.Spec
)

// Settings is everything that a stack's file can say.
type Settings struct {
	CompartmentID string            `json:"compartmentId" help:"OCID of the compartment that everything is made in; required"`
	Tags          map[string]string `json:"tags" help:"Freeform tags on everything, beside project and stack"`
	Protect       bool              `json:"protect" help:"Refuse to delete the VCN, the cluster and the databases' volumes until this is false"`
	Network
	Fleet
	Workload
	HomeRegion     string            `json:"homeRegion" help:"The tenancy's home region, such as us-ashburn-1, if oci:region is another: policies can only be made there"`
	LogDestination string            `json:"logDestination" help:"Host and port that take logs over Fluentd's forward protocol; an agent on each node sends the guestbooks' there. extraRules open the way. Empty: none"`
	LogAgentImage  string            `json:"logAgentImage" help:"Image of the agent, Fluent Bit, with its registry host"`
	GuestbookList  []json.RawMessage `json:"guestbooks" help:"Several guestbooks: a name each, and any guestbook setting that differs from the stack's; empty for one called guestbook"`

	// Region is the OCI provider's, such as "us-ashburn-1"; empty if neither oci:region nor OCI_REGION says it.
	Region string `json:"-"`
	// Guestbooks is GuestbookList completed with the stack's own guestbook settings. At least one.
	Guestbooks []workload.Guestbook `json:"-"`
}

// Defaults returns the settings of a stack that says nothing.
func Defaults() Settings {
	s := Settings{
		Tags:          map[string]string{},
		Fleet:         cluster.Defaults(),
		Workload:      workload.Defaults(),
		GuestbookList: []json.RawMessage{},
		LogAgentImage: "docker.io/fluent/fluent-bit:4.0.3",
	}
	s.Network.ApplyDefaults()
	return s
}

// Load reads a stack's configuration as Pulumi hands it to the program: values by "namespace:key", objects as JSON.
// Keys of other namespaces, such as oci:region, are the provider's and Pulumi's own. The error tells every problem that there is.
// isSecret tells whether the stack's file keeps a key's value encrypted, or a part of it.
func Load(project, stack string, config map[string]string, isSecret func(key string) bool) (*Settings, error) {
	s := Defaults()
	var list problem.List
	unread := s.decode(&list, project, config)
	s.Region = config["oci:region"]
	if s.Region == "" {
		s.Region = os.Getenv("OCI_REGION")
	}
	unread = append(unread, s.complete(&list, unread)...)
	var found problem.List
	s.validate(&found, stack)
	s.validateSecrets(&found, func(key string) bool { return isSecret(project + ":" + key) })
	list.AddAllBut(found, unread) // what cannot be read cannot be judged
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return &s, nil
}

// complete fills in Guestbooks. It returns those that it could not read, beside the settings of which that is known.
func (s *Settings) complete(list *problem.List, unread []string) (more []string) {
	if len(s.GuestbookList) == 0 && !slices.Contains(unread, "guestbooks") {
		s.Guestbooks = []workload.Guestbook{workload.Complete("guestbook", s.Workload, s.exposure())}
	}
	for i, raw := range s.GuestbookList {
		key := fmt.Sprintf("guestbooks[%d]", i)
		g := workload.Guestbook{Spec: s.Workload}
		if !decodeInto(list, key, reflect.TypeOf(g), raw, raw, &g) {
			more = append(more, key)
		}
		s.Guestbooks = append(s.Guestbooks, workload.Complete(g.Name, g.Spec, s.exposure()))
	}
	return more
}

var (
	compartment = regexp.MustCompile(`^ocid1\.(compartment|tenancy)\.`)
	region      = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-\d+$`)
)

func (s *Settings) validate(list *problem.List, stack string) {
	switch {
	case s.CompartmentID == "":
		list.Add("compartmentId", "is required: pulumi config set compartmentId ocid1.compartment.oc1..<unique id>")
	case !compartment.MatchString(s.CompartmentID):
		list.Add("compartmentId", "%q is not the OCID of a compartment (ocid1.compartment...) or a tenancy (ocid1.tenancy...)", s.CompartmentID)
	}
	for _, reserved := range []string{"project", "stack"} {
		if _, taken := s.Tags[reserved]; taken {
			list.Add("tags", "%q is set by the program", reserved)
		}
	}
	s.Network.Validate(list, s.capacity())
	rules.CheckLimits(list, s.Network)
	s.Fleet.Validate(list)
	if s.HomeRegion != "" && !region.MatchString(s.HomeRegion) {
		list.Add("homeRegion", "%q is not a region such as us-ashburn-1", s.HomeRegion)
	}
	host, port, err := net.SplitHostPort(s.LogDestination)
	number, _ := strconv.ParseUint(port, 10, 64)
	if s.LogDestination != "" && (err != nil || host == "" || number < 1 || number > 65535) {
		list.Add("logDestination", "%q is not a host and port (1 to 65535) such as logs.example.com:24224", s.LogDestination)
	}
	if err := workload.CheckImage(s.LogAgentImage, true); err != nil {
		list.Add("logAgentImage", "%v", err)
	}
	s.validateGuestbooks(list, s.Protect || stack == "prod")
}

// validateSecrets refuses passwords and keys that lie in the stack's file for everybody to read.
func (s *Settings) validateSecrets(list *problem.List, isSecret func(key string) bool) {
	for i, g := range s.Guestbooks {
		for _, secret := range []struct{ key, value, stacks string }{
			{"databasePassword", g.DatabasePassword, s.DatabasePassword},
			{"tlsPrivateKey", g.TLSPrivateKey, s.TLSPrivateKey},
		} {
			key, path := secret.key, secret.key
			if secret.value != secret.stacks {
				key, path = "guestbooks", fmt.Sprintf("guestbooks[%d].%s", i, secret.key)
			}
			if secret.value != "" && !isSecret(key) {
				list.Add(path, "is in the stack's file in clear: pulumi config set --secret --path '%s'", path)
			}
		}
	}
}

// capacity is what the network must have room for while nodes are being replaced.
func (s *Settings) capacity() layout.Capacity {
	var need layout.Capacity
	for _, p := range s.NodePools {
		need.Pools = append(need.Pools, layout.Pool{Nodes: p.Most(), PodsPerNode: p.MaxPodsPerNode})
	}
	for _, g := range s.Guestbooks {
		switch g.Exposure {
		case workload.Public:
			need.PublicLoadBalancers++
		case workload.Internal:
			need.InternalLoadBalancers++
		}
	}
	return need
}

// exposure is that of a guestbook which does not say it: public where the network has such load balancers.
func (s *Settings) exposure() string {
	if s.Has(layout.PublicLoadBalancers) {
		return workload.Public
	}
	return workload.Internal
}

// listens reports whether load balancers may listen on a port.
func (s *Settings) listens(port int) bool {
	return slices.ContainsFunc(s.LoadBalancerPorts, func(r layout.PortRange) bool { return r.Min <= port && port <= r.Max })
}

func (s *Settings) validateGuestbooks(list *problem.List, production bool) {
	var names, namespaces []string
	for i, g := range s.Guestbooks {
		prefix := ""
		if len(s.GuestbookList) > 0 {
			prefix = fmt.Sprintf("guestbooks[%d].", i)
		}
		other, isBackup := strings.CutSuffix(g.Name, "-backup")
		if slices.Contains(names, g.Name) {
			list.Add(prefix+"name", "%q is the name of another guestbook", g.Name)
		} else if isBackup && slices.ContainsFunc(s.Guestbooks, func(o workload.Guestbook) bool { return o.Name == other }) {
			// "a" + "-backup-password" and "a-backup" + "-password" are one name in the stack.
			list.Add(prefix+"name", "%q is taken by what belongs to the backup of guestbook %q", g.Name, other)
		} else if slices.Contains(namespaces, g.Namespace) {
			list.Add(prefix+"namespace", "%q is the namespace of another guestbook", g.Namespace)
		}
		names, namespaces = append(names, g.Name), append(namespaces, g.Namespace)
		g.Validate(list, workload.Strictness{Prefix: prefix, Production: production, Ports: s.listens})
		if g.Backs() {
			if s.ClusterType != cluster.Enhanced {
				list.Add(prefix+"backupSchedule", "needs clusterType enhanced: backups reach Object Storage by workload identity")
			}
			if s.Region == "" {
				list.Add(prefix+"backupSchedule", "needs the region: pulumi config set oci:region us-ashburn-1")
			}
		}
		if nodes, more := s.Nodes(); g.ExternalDatabase == "" && g.MongoReplicas > max(nodes, 1) && !more {
			list.Add(prefix+"mongoReplicas", "%d members need a node each, and nodePools have %d together", g.MongoReplicas, nodes)
		}
		role := layout.PublicLoadBalancers
		if g.Exposure == workload.Internal {
			role = layout.InternalLoadBalancers
		}
		if g.Balanced() && !s.Has(role) {
			list.Add(prefix+"exposure", "%s needs a subnet for such load balancers, and loadBalancers is %s", g.Exposure, s.LoadBalancers)
		}
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

// FreeformTags returns the tags that everything in OCI carries.
func (s *Settings) FreeformTags(project, stack string) map[string]string {
	tags := map[string]string{"project": project, "stack": stack}
	for k, v := range s.Tags {
		tags[k] = v
	}
	return tags
}
