package layout

// Setting describes one key of the project's configuration.
type Setting struct {
	Key     string
	Type    string // Pulumi's: string, integer, boolean, array or object
	Items   string // type of an array's items
	Default any    // string, bool, []any or map[string]any
	Help    string // one line
}

var none = []any{}

// Settings is the table of the network's settings: what Pulumi.yaml declares, and where ApplyDefaults takes its values from.
var Settings = []Setting{
	{"vcnCidr", "string", "", "10.0.0.0/16", "CIDR of the VCN, /16 to /30. The subnets take fixed places in it: /25 is the smallest that holds the plan."},
	{"podNetwork", "string", "", Flannel, "How Pods get addresses: flannel (overlay) or vcn-native (an address of the VCN for each Pod; enforces network policies)."},
	{"podsCidr", "string", "", "10.244.0.0/16", "Addresses of Pods with flannel: a /25 for each node. Outside the VCN's CIDR."},
	{"servicesCidr", "string", "", "10.96.0.0/16", "Addresses of Kubernetes Services. Outside the VCN's CIDR and the Pods'."},
	{"apiEndpoint", "string", "", Private, "Kubernetes API endpoint: private (inside the VCN) or public (also from apiAllowedCidrs on the internet)."},
	{"apiAllowedCidrs", "array", "string", none, "Networks outside the stack that may reach the Kubernetes API. 0.0.0.0/0, the whole internet, only with a public endpoint."},
	{"loadBalancers", "string", "", Public, "Subnets for load balancers: public, internal or both."},
	{"loadBalancerAllowedCidrs", "array", "string", none, "Networks that may reach the public load balancers. Everybody must be said: 0.0.0.0/0."},
	{"internalLoadBalancerAllowedCidrs", "array", "string", none, "Networks that may reach the internal load balancers, such as the VCN's or a peer's CIDR."},
	{"loadBalancerPorts", "array", "string", []any{"80"}, "TCP ports that load balancers listen on: a port or a range, such as 80 or 8000-8010."},
	{"internetEgress", "string", "", EgressWorkers, "Who may open HTTPS connections to the internet through NAT: none, workers (image pulls) or workers-and-pods. It takes a rule for 0.0.0.0/0, which holds peers and the VCN's other hosts too."},
	{"subnets", "object", "", map[string]any{}, "By role (api, workers, pods, publicLoadBalancers, internalLoadBalancers, bastion): prefixLength, or cidr, or id and cidr of an existing subnet."},
	{"vcnId", "string", "", "", "OCID of an existing VCN to use; vcnCidr then says its CIDR. Empty: a new one is made."},
	{"internetGatewayId", "string", "", "", "OCID of the existing VCN's internet gateway. Empty: one is made where it is needed."},
	{"natGatewayId", "string", "", "", "OCID of the existing VCN's NAT gateway. Empty: one is made where it is needed."},
	{"serviceGatewayId", "string", "", "", "OCID of the existing VCN's service gateway, enabled for all services. Empty: one is made."},
	{"drgId", "string", "", "", "OCID of a dynamic routing gateway that leads to peerCidrs. A new VCN is attached to it; an existing one has to be."},
	{"peerCidrs", "array", "string", none, "Networks that are, or will be, connected to the VCN: nothing of the stack may overlap them."},
	{"securityBy", "string", "", Lists, "Where the rules go: lists (security lists of the subnets) or groups (network security groups)."},
	{"extraRules", "array", "object", none, "More flows to let through, each with from, to (a role, a CIDR or osn), protocol, ports and description."},
	{"bastion", "boolean", "", false, "OCI Bastion for a private endpoint: SSH tunnels to the Kubernetes API, without a host to look after."},
	{"bastionAllowedCidrs", "array", "string", none, "Networks from which sessions of the bastion may be opened."},
	{"flowLogs", "array", "string", none, "Roles of the subnets whose traffic is logged with VCN flow logs."},
}

// ApplyDefaults gives settings that are not set their default.
func (s *Spec) ApplyDefaults() {
	for _, field := range []struct {
		value *string
		key   string
	}{
		{&s.VcnCIDR, "vcnCidr"},
		{&s.PodNetwork, "podNetwork"},
		{&s.PodsCIDR, "podsCidr"},
		{&s.ServicesCIDR, "servicesCidr"},
		{&s.APIEndpoint, "apiEndpoint"},
		{&s.LoadBalancers, "loadBalancers"},
		{&s.InternetEgress, "internetEgress"},
		{&s.SecurityBy, "securityBy"},
	} {
		if *field.value == "" {
			*field.value = defaultOf(field.key)
		}
	}
	if len(s.LoadBalancerPorts) == 0 {
		s.LoadBalancerPorts = []PortRange{{80, 80}}
	}
}

// StandIn is a network for documentation (RFC 5737).
const StandIn = "203.0.113.0/24"

// FillIn puts StandIn where operators have to name their own networks and have not yet. It returns these settings.
func (s *Spec) FillIn() (unset []string) {
	for _, list := range []struct {
		key    string
		needed bool
		cidrs  *[]string
	}{
		{"apiAllowedCidrs", s.APIEndpoint == Public, &s.APIAllowedCIDRs},
		{"bastionAllowedCidrs", s.Bastion, &s.BastionAllowedCIDRs},
	} {
		if list.needed && len(*list.cidrs) == 0 {
			*list.cidrs = []string{StandIn}
			unset = append(unset, list.key)
		}
	}
	return unset
}

func defaultOf(key string) string {
	for _, setting := range Settings {
		if setting.Key == key {
			value, _ := setting.Default.(string)
			return value
		}
	}
	return ""
}
