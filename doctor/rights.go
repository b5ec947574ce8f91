package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/iam"
)

// question is a list whose answer shows whether the operator has a grant, as far as listing goes.
type question struct {
	service service
	path    string
	query   []string
	whole   bool // the list has no pages
}

// questions are by the grants of package iam.
var questions = map[string]question{
	"manage clusters":                  {oke, "/clusters", nil, false},
	"manage cluster-node-pools":        {oke, "/nodePools", nil, false},
	"manage cluster-virtualnode-pools": {oke, "/virtualNodePools", nil, false},
	"read cluster-work-requests":       {oke, "/workRequests", nil, false},
	"manage instance-family":           {compute, "/instances", nil, false},
	"inspect compartments":             {identity, "/availabilityDomains", nil, true},
	"inspect volumes":                  {volumes, "/volumes", nil, false},
	"read virtual-network-family":      {network, "/vcns", nil, false},
	"manage vcns":                      {network, "/vcns", nil, false},
	"manage subnets":                   {network, "/subnets", nil, false},
	"manage route-tables":              {network, "/routeTables", nil, false},
	"manage security-lists":            {network, "/securityLists", nil, false},
	"manage network-security-groups":   {network, "/networkSecurityGroups", nil, false},
	"manage internet-gateways":         {network, "/internetGateways", nil, false},
	"manage nat-gateways":              {network, "/natGateways", nil, false},
	"manage service-gateways":          {network, "/serviceGateways", nil, false},
	"manage drg-attachments":           {network, "/drgAttachments", nil, false},
	"manage public-ips":                {network, "/publicIps", []string{"scope", "REGION"}, false},
	"inspect load-balancers":           {balancers, "/loadBalancers", nil, false},
	"inspect network-load-balancers":   {networkBalancers, "/networkLoadBalancers", nil, false},
	"manage bastion-family":            {bastions, "/bastions", nil, false},
	"inspect work-requests":            {bastions, "/workRequests", nil, false},
	"manage log-groups":                {logging, "/logGroups", nil, false},
	"manage unified-configuration":     {logging, "/unifiedAgentConfigurations", nil, false},
	"manage alarms":                    {alarms, "/alarms", nil, false},
	"manage ons-topics":                {topics, "/topics", nil, false},
	"manage usage-budgets":             {budgets, "/budgets", nil, false},
	"manage dynamic-groups":            {identity, "/dynamicGroups", nil, false},
	"use tag-namespaces":               {identity, "/tagNamespaces", nil, false},
	"manage repos":                     {artifacts, "/container/repositories", nil, false},
	"inspect vaults":                   {vaults, "/vaults", nil, false},
	"{OBJECTSTORAGE_NAMESPACE_READ}":   {objects, "", nil, true},
}

// Why a grant is not asked for.
const (
	narrow   = "the condition of each names a resource, which a list does not, so that Oracle declines lists"
	lookedUp = "what the settings name is looked up instead (Network, OCIDs)"
	unshown  = "no list tells them from other rights"
)

// unlisted are the grants without a question, and why. Those that are conditional need no entry.
var unlisted = map[string]string{
	"inspect tenancies":                 lookedUp,
	"read instance-images":              lookedUp,
	"read leaf-certificates":            lookedUp,
	"read ons-topics":                   lookedUp,
	"read public-ips":                   lookedUp,
	"read vaults":                       lookedUp,
	"use compute-capacity-reservations": lookedUp,
	"{DRG_READ, DRG_ATTACH, DRG_DETACH, DRG_ROUTE_TABLE_READ}": lookedUp,
	"{VCN_READ, VCN_ATTACH, VCN_DETACH}":                       lookedUp,
	"use subnets":                                              lookedUp,
	"{SUBNET_READ, SUBNET_UPDATE}":                             lookedUp,
	"{INTERNET_GATEWAY_ATTACH, INTERNET_GATEWAY_DETACH}":       lookedUp,
	"{NAT_GATEWAY_ATTACH, NAT_GATEWAY_DETACH}":                 lookedUp,
	"{SERVICE_GATEWAY_ATTACH, SERVICE_GATEWAY_DETACH}":         lookedUp,
	"manage vnics":                          unshown,
	"read metrics":                          unshown,
	"use network-security-groups":           unshown, // read virtual-network-family lists them
	"use private-ips":                       unshown,
	"use vnics":                             unshown,
	"{DHCP_READ, DHCP_ATTACH, DHCP_DETACH}": unshown,
}

// unaskable returns why a statement is not asked for; empty: it can be.
func unaskable(statement iam.Statement) string {
	if _, can := questions[statement.Grant]; statement.Conditional {
		return narrow
	} else if can {
		return ""
	}
	return unlisted[statement.Grant]
}

// rights asks for one list of each kind that the stack has. An answer shows that the operator may list the kind, not
// that they may change it: no service tells that without a change.
func (v *visit) rights(ctx context.Context) []Result {
	input := v.settings.Rights(v.Project, v.Name)
	input.CompartmentID, input.Group, input.Domain = v.compartmentID, v.Group, v.Domain
	input.NetworkCompartment = v.vcnCompartment(ctx)
	if err := iam.Validate(input); err != nil {
		return []Result{failed("%s", strings.ReplaceAll(err.Error(), "\n", "; ")).do("correct GROUP and DOMAIN")}
	}
	var checks []check
	total, reasons := 0, map[string][]string{}
	for _, statement := range iam.Statements(input) {
		if statement.Principal != iam.Operators {
			continue
		}
		total++
		if why := unaskable(statement); why == "" {
			checks = append(checks, check{"", func(ctx context.Context) []Result { return v.ask(ctx, statement) }})
		} else if !slices.Contains(reasons[why], statement.Grant) {
			reasons[why] = append(reasons[why], statement.Grant)
		}
	}
	results := all(ctx, checks...)
	if len(results) == 0 {
		results = []Result{ok("the operator may list what %d of %d statements allow (whether they may change it is not "+
			"known before)", len(checks), total)}
	}
	for _, why := range []string{narrow, lookedUp, unshown} {
		if grants := reasons[why]; len(grants) > 0 {
			results = append(results, skipped("cannot be asked for: %s: %s", strings.Join(grants, ", "), why))
		}
	}
	return results
}

// vcnCompartment returns the compartment of an existing VCN, or nothing.
func (v *visit) vcnCompartment(ctx context.Context) string {
	var vcn struct{ CompartmentID string }
	if id := v.settings.Network.VcnID; id != "" {
		_ = v.cloud.get(ctx, network, "/vcns/"+id, nil, &vcn) // network says so
	}
	return vcn.CompartmentID
}

// ask returns what is missing, or nothing.
func (v *visit) ask(ctx context.Context, statement iam.Statement) []Result {
	q := questions[statement.Grant]
	place := "the compartment"
	if statement.CompartmentID == "" {
		place = "the tenancy"
	}
	query := ocirest.In(cmp.Or(statement.CompartmentID, v.login.Tenancy), q.query...)
	if !q.whole {
		query.Set("limit", "1")
	}
	err := v.cloud.get(ctx, q.service, q.path, query, nil)
	switch {
	case ocirest.IsNotFound(err):
		kind := cmp.Or(strings.Trim(q.path, "/"), "the namespace of Object Storage")
		return []Result{failed("the operator may not read %s in %s", kind, place).do("missing: %s\n"+
			"all statements: make policies STACK=%s", statement.Text, v.Name)}
	case err != nil:
		return []Result{unavailable(statement.Grant, err)}
	}
	return nil
}
