package doctor

import (
	"context"
	"fmt"
	"strings"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/iam"
)

// question is a list whose answer shows whether the operator has a grant, as far as listing goes.
type question struct {
	service service
	path    string
	query   []string
}

// questions are by the grants of package iam. A grant without one cannot be asked for without changing something.
var questions = map[string]question{
	"manage clusters":                {oke, "/clusters", nil},
	"manage cluster-node-pools":      {oke, "/nodePools", nil},
	"read cluster-work-requests":     {oke, "/workRequests", nil},
	"manage instance-family":         {compute, "/instances", nil},
	"inspect volumes":                {volumes, "/volumes", nil},
	"read virtual-network-family":    {network, "/vcns", nil},
	"manage vcns":                    {network, "/vcns", nil},
	"manage subnets":                 {network, "/subnets", nil},
	"manage route-tables":            {network, "/routeTables", nil},
	"manage security-lists":          {network, "/securityLists", nil},
	"manage network-security-groups": {network, "/networkSecurityGroups", nil},
	"manage internet-gateways":       {network, "/internetGateways", nil},
	"manage nat-gateways":            {network, "/natGateways", nil},
	"manage service-gateways":        {network, "/serviceGateways", nil},
	"manage drg-attachments":         {network, "/drgAttachments", nil},
	"manage public-ips":              {network, "/publicIps", []string{"scope", "REGION"}},
	"read public-ips":                {network, "/publicIps", []string{"scope", "REGION"}},
	"read leaf-certificates":         {certificates, "/certificates", nil},
	"use dns-zones":                  {zones, "/zones", nil},
	"inspect load-balancers":         {balancers, "/loadBalancers", nil},
	"inspect network-load-balancers": {networkBalancers, "/networkLoadBalancers", nil},
	"manage bastion-family":          {bastions, "/bastions", nil},
	"manage log-groups":              {logging, "/logGroups", nil},
	"manage unified-configuration":   {logging, "/unifiedAgentConfigurations", nil},
	"manage alarms":                  {alarms, "/alarms", nil},
	"manage ons-topics":              {topics, "/topics", nil},
	"manage policies":                {identity, "/policies", nil},
	"{OBJECTSTORAGE_NAMESPACE_READ}": {objects, "", nil},
}

// rights asks for one list of each kind that the stack has. An answer shows that the operator may list the kind, not
// that they may change it: no service tells that without a change.
func (v *visit) rights(ctx context.Context) []Result {
	input := v.settings.Rights(v.Project, v.Name)
	input.CompartmentID, input.Group, input.Domain = v.compartmentID, v.Group, v.Domain
	if err := iam.Validate(input); err != nil {
		return []Result{failed("%v", err)}
	}
	var checks []check
	asked := 0
	for _, statement := range iam.Statements(input) {
		q, can := questions[statement.Grant]
		if !can || statement.Principal != iam.Operators {
			continue
		}
		asked++
		checks = append(checks, check{"", func(ctx context.Context) []Result { return v.ask(ctx, statement, q) }})
	}
	results := all(ctx, checks...)
	if len(results) == 0 {
		results = []Result{ok("the operator may list all that the stack needs (%d lists; whether they may change it is "+
			"not known before)", asked)}
	}
	return results
}

// ask returns what is missing, or nothing.
func (v *visit) ask(ctx context.Context, statement iam.Statement, q question) []Result {
	query := ocirest.In(v.compartmentID, append([]string{"limit", "1"}, q.query...)...)
	if q.service.client == objects.client {
		query = ocirest.In(v.compartmentID)
	}
	err := v.cloud.get(ctx, q.service, q.path, query, nil)
	switch {
	case ocirest.IsNotFound(err):
		kind := strings.Trim(q.path, "/")
		if kind == "" {
			kind = "the namespace of Object Storage"
		}
		return []Result{failed("the operator may not read %s in the compartment", kind).do("missing: %s\n%s",
			statement.Text, fmt.Sprintf("all statements: make policies STACK=%s", v.Name))}
	case err != nil:
		return []Result{unavailable(statement.Grant, err)}
	}
	return nil
}
