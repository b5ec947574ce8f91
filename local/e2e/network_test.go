package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

// TestExistingNetwork deploys into an existing VCN with subnets, gateways and a DRG attachment, and destroys the stack.
// After that, the existing resources are unchanged, byte for byte, and no others are left.
func TestExistingNetwork(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	create := func(kind string, props object) string { return s.post(rest, core+"/"+kind, with(props)) }
	vcn := create("vcns", object{
		"cidrBlocks": []any{"10.20.0.0/16", "10.30.0.0/16"}, "displayName": "somebody's", "dnsLabel": "somebody",
	})
	nat := create("natGateways", object{"vcnId": vcn})
	internet := create("internetGateways", object{"vcnId": vcn, "isEnabled": true})
	subnet := create("subnets", object{
		"vcnId": vcn, "cidrBlock": "10.20.0.0/28", "prohibitPublicIpOnVnic": true, "dnsLabel": "api",
	})
	overlapping := create("subnets", object{"vcnId": vcn, "cidrBlock": "10.20.64.0/24"})
	foreign := create("natGateways", object{"vcnId": create("vcns", object{"cidrBlocks": []any{"10.40.0.0/16"}})})
	drg, otherDRG := create("drgs", object{}), create("drgs", object{})
	attachment := s.post(rest, core+"/drgAttachments", object{"drgId": drg, "vcnId": vcn})
	var defaults struct{ DefaultSecurityListID, DefaultRouteTableID, DefaultDhcpOptionsID string }
	s.get(rest, core+"/vcns/"+vcn, &defaults)
	existing := func() map[string]string {
		docs := map[string]string{}
		for _, path := range []string{
			"/vcns/" + vcn, "/natGateways/" + nat, "/natGateways/" + foreign, "/internetGateways/" + internet,
			"/subnets/" + subnet, "/subnets/" + overlapping, "/drgs/" + drg, "/drgAttachments/" + attachment,
			"/securityLists/" + defaults.DefaultSecurityListID, "/routeTables/" + defaults.DefaultRouteTableID,
			"/dhcps/" + defaults.DefaultDhcpOptionsID,
		} {
			var doc json.RawMessage
			s.get(rest, core+path, &doc)
			docs[path] = string(doc)
		}
		return docs
	}
	before, counts := existing(), s.inventory()
	checkExisting := func(when string) {
		t.Helper()
		for path, now := range existing() {
			if now != before[path] {
				t.Errorf("%s, %s was\n%s\nand is\n%s", when, path, before[path], now)
			}
		}
	}

	step(t, "existing resources that differ from the settings are refused", func() {
		s.settings("vcnId="+vcn, "vcnCidr=10.20.0.0/16", "natGatewayId="+foreign, "podsCidr=10.30.0.0/17",
			"securityBy=groups", "drgId="+otherDRG, "peerCidrs[0]=172.16.0.0/16", "subnets.api.id="+subnet,
			"subnets.api.cidr=10.20.0.0/29")
		s.refused("subnets.api.cidr 10.20.0.0/28 10.20.0.0/29", "natGatewayId", "podsCidr 10.30.0.0/17 10.30.0.0/16",
			"subnets.workers 10.20.64.0/20 "+overlapping, "internetGatewayId "+internet, "drgId "+drg)
		s.settings("drgId="+drg, "subnets.api.cidr=10.20.0.0/28", "natGatewayId="+nat, "podsCidr=10.244.0.0/16",
			"subnets.workers.cidr=10.20.96.0/20", "internetGatewayId="+internet)
	})
	step(t, "the stack is deployed into the VCN", func() {
		s.up()
		s.unchanged("in an existing network")
		checkExisting("after up")
		if got := s.inventory(); got["vcn"] != counts["vcn"] || got["natgateway"] != counts["natgateway"] {
			t.Errorf("the cloud held %v and holds %v", counts, got)
		}
		var cluster struct{ EndpointConfig struct{ SubnetID string } }
		s.get(rest, oke+"/clusters/"+s.output("clusterId"), &cluster)
		var table struct {
			RouteRules []struct{ NetworkEntityID string }
		}
		s.get(rest, core+"/routeTables/"+s.id(tableType, "oke-guestbook-local-private"), &table)
		const groupType = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
		groups, id := s.output("nsgIds"), s.id(groupType, "oke-guestbook-local-publicLoadBalancers")
		if !strings.Contains(groups, id) {
			t.Errorf("the group for other load balancers, %s, is not among the outputs: %s", id, groups)
		}
		targets := map[string]bool{}
		for _, rule := range table.RouteRules {
			targets[rule.NetworkEntityID] = true
		}
		if cluster.EndpointConfig.SubnetID != subnet || len(table.RouteRules) != 3 || !targets[nat] || !targets[drg] {
			t.Errorf("want the cluster's endpoint in %s and the workers' three routes to %s, %s and a service gateway: %+v %+v",
				subnet, nat, drg, cluster, table)
		}
	})
	step(t, "destroy leaves the existing resources as they were", func() {
		s.destroy()
		checkExisting("after destroy")
		if got := s.inventory(); !maps.Equal(got, counts) {
			t.Errorf("the cloud held %v and holds %v", counts, got)
		}
	})
}

// TestNothingOpensByItself checks the network after the creation of load balancers for Services: the default security
// list has no rules, the cloud controller has changed none, and `up` finds no changes. If a Service lets the cloud
// controller open the network, a refresh finds the rules and `up` removes them.
func TestNothingOpensByItself(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("podNetwork=vcn-native", "loadBalancers=both", "internalLoadBalancerAllowedCidrs[0]=10.0.0.0/16",
		"bastion=true", "bastionAllowedCidrs[0]=203.0.113.0/24", "flowLogs[0]=workers")
	s.up()
	rest := s.rest()

	step(t, "the default security list is empty", func() {
		var vcn struct{ ID, DefaultSecurityListID string }
		s.get(rest, core+"/vcns/"+s.output("vcnId"), &vcn)
		var list struct{ IngressSecurityRules, EgressSecurityRules []any }
		s.get(rest, core+"/securityLists/"+vcn.DefaultSecurityListID, &list)
		if len(list.IngressSecurityRules)+len(list.EgressSecurityRules) > 0 {
			t.Errorf("the default security list of %s holds %+v", vcn.ID, list)
		}
		var subnets []struct {
			DisplayName     string
			SecurityListIDs []string
		}
		s.get(rest, core+"/subnets?compartmentId="+oci.CompartmentID, &subnets)
		if len(subnets) != 6 {
			t.Errorf("%d subnets: %+v", len(subnets), subnets)
		}
		for _, subnet := range subnets {
			if len(subnet.SecurityListIDs) != 1 || subnet.SecurityListIDs[0] == vcn.DefaultSecurityListID {
				t.Errorf("subnet %s has the security lists %v", subnet.DisplayName, subnet.SecurityListIDs)
			}
		}
	})
	services := []object{loadBalancerService("public", "false"), loadBalancerService("internal", "true")}
	step(t, "more Services change nothing in the stack", func() {
		s.kubectlWith("apply", services...)
		s.eventually(shortly, "the addresses of both Services", func() (bool, string) {
			var all list[service]
			s.kubectl(&all, "get", "services", "-n", "default")
			names, addresses := []string{}, 0
			for _, svc := range all.Items {
				names = append(names, svc.Metadata.Name)
				addresses += len(svc.Status.LoadBalancer.Ingress)
			}
			return addresses == 2, strings.Join(names, ", ")
		})
		s.checkUnchanged()
	})
	step(t, "rules of the cloud controller are found and removed", func() {
		foreign := loadBalancerService("foreign", "false")
		delete(foreign["metadata"].(object)["annotations"].(object), managementMode)
		foreign["spec"].(object)["ports"] = []any{object{"port": 8443, "targetPort": 8080}}
		before := s.rules(rest)
		s.kubectlWith("apply", foreign)
		s.eventually(shortly, "the cloud controller's rules in two security lists", func() (bool, string) {
			now := s.rules(rest)
			same := func(list string) bool { return slices.Equal(now[list], before[list]) }
			opened := slices.DeleteFunc(slices.Sorted(maps.Keys(now)), same)
			return len(opened) == 2, strings.Join(opened, ", ")
		})
		if out, err := s.pulumi("refresh", "--yes", "--skip-preview", "--stack", "local"); err != nil {
			t.Fatalf("refresh: %v\n%s", err, out)
		}
		if got := s.changes(); got["update"] != 2 {
			t.Errorf("the preview after the refresh has the changes %v, want updates of two security lists", got)
		}
		s.mustUp()
		if after := s.rules(rest); !maps.EqualFunc(before, after, slices.Equal) {
			t.Errorf("the security lists held %v and hold %v", before, after)
		}
		s.kubectlWith("delete", foreign)
		s.eventually(shortly, "the deletion of the load balancer", func() (bool, string) {
			n := len(s.balancers())
			return n == 3, fmt.Sprint(n)
		})
		s.checkUnchanged()
	})
	step(t, "rules cannot move between lists and groups", func() {
		s.settings("securityBy=groups")
		s.refused("securityBy lists")
		s.settings("securityBy=lists")
		s.unchanged("with securityBy set back")
	})
	step(t, "subnets cannot move", func() {
		s.settings("vcnCidr=10.1.0.0/16", "internalLoadBalancerAllowedCidrs[0]=10.1.0.0/16")
		s.refused("vcnCidr 10.0.0.0/16 10.1.0.0/16 10.0.64.0/20")
		s.settings("vcnCidr=10.0.0.0/16", "internalLoadBalancerAllowedCidrs[0]=10.0.0.0/16")
	})
	step(t, "a public guestbook becomes an internal one, and a subnet a smaller one", func() {
		s.kubectlWith("delete", services...)
		s.settings("exposure=internal", "loadBalancers=internal", "subnets.workers.prefixLength=21")
		s.unset("loadBalancerAllowedCidrs")
		s.deploy()
		got, subnet := s.balancers(), s.id(subnetType, "oke-guestbook-local-internalLoadBalancers")
		if len(got) != 1 || !got[0].IsPrivate || !slices.Equal(got[0].SubnetIDs, []string{subnet}) {
			t.Errorf("want one private load balancer, in %s; got %+v", subnet, got)
		}
		var workers struct{ CIDRBlock string }
		s.get(rest, core+"/subnets/"+s.id(subnetType, "oke-guestbook-local-workers"), &workers)
		if workers.CIDRBlock != "10.0.64.0/21" {
			t.Errorf("the workers' subnet has %s", workers.CIDRBlock)
		}
		if address := "http://" + got[0].IPAddresses[0].IPAddress; s.output("url") != address {
			t.Errorf("output url is %s, want the load balancer's %s", s.output("url"), address)
		}
		s.unchanged("after that")
	})
	step(t, "make tunnel reads bastion and endpoint from the state", func() {
		if _, err := exec.LookPath("jq"); err != nil && os.Getenv("CI") == "" {
			t.Logf("make tunnel is not run: %v", err)
			return
		}
		bin := t.TempDir()
		const script = "#!/bin/sh\n[ \"${0##*/}\" = ip ] || { echo \"$@\" >&2; exit 1; }\n"
		for _, name := range []string{"oci", "ssh", "ip", "sudo"} {
			s.must(os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700))
		}
		key := filepath.Join(bin, "key")
		s.must(os.WriteFile(key+".pub", nil, 0o600))
		cmd := exec.CommandContext(t.Context(), "make", "tunnel", "STACK=local", "KEY="+key)
		path := strings.Join([]string{bin, s.o.Bin, os.Getenv("PATH")}, ":")
		cmd.Dir, cmd.Env = s.o.Root, slices.Concat(s.command("stack").Env, []string{"PATH=" + path})
		out, _ := cmd.CombinedOutput()
		var endpoints []struct{ PrivateEndpoint string }
		s.must(json.Unmarshal([]byte(s.output("endpoints")), &endpoints))
		address, port, _ := strings.Cut(endpoints[0].PrivateEndpoint, ":")
		want := fmt.Sprintf("--bastion-id %s --target-private-ip %s --target-port %s --ssh-public-key-file %s.pub "+
			"--session-ttl 10800 ", s.output("bastionId"), address, port, key)
		if !strings.Contains(string(out), want) {
			t.Errorf("make tunnel did not request a session with %q:\n%s", want, out)
		}
	})
	step(t, "destroy leaves nothing", func() {
		s.destroy()
		s.destroyed()
	})
}

// checkUnchanged asserts that a refresh and an `up` find no changes.
func (s *stack) checkUnchanged() {
	s.t.Helper()
	for _, command := range []string{"refresh", "up"} {
		if out, err := s.pulumi(command, "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local"); err != nil {
			s.t.Errorf("%s finds changes: %v\n%s", command, err, out)
		}
	}
}

// rules returns the rules of the security lists by the names of the lists.
func (s *stack) rules(rest *ociclient.Client) map[string][]string {
	s.t.Helper()
	var lists []struct {
		DisplayName                               string
		IngressSecurityRules, EgressSecurityRules []object
	}
	s.get(rest, core+"/securityLists?compartmentId="+oci.CompartmentID, &lists)
	rules := map[string][]string{}
	for _, list := range lists {
		for _, rule := range slices.Concat(list.IngressSecurityRules, list.EgressSecurityRules) {
			rules[list.DisplayName] = append(rules[list.DisplayName], fmt.Sprint(rule))
		}
		slices.Sort(rules[list.DisplayName])
	}
	return rules
}

const managementMode = "service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode"

// loadBalancerService returns a Service with a load balancer for which the cloud controller changes no rules, as
// docs/network.md demands.
func loadBalancerService(name, internal string) object {
	const prefix = "service.beta.kubernetes.io/oci-load-balancer-"
	return object{
		"apiVersion": "v1", "kind": "Service",
		"metadata": object{"name": name, "namespace": "default", "annotations": object{
			managementMode: "None", prefix + "internal": internal,
			prefix + "shape": "flexible", prefix + "shape-flex-min": "10", prefix + "shape-flex-max": "10",
		}},
		"spec": object{
			"type": "LoadBalancer", "selector": object{"app": name}, "ports": []any{object{"port": 80, "targetPort": 8080}},
		},
	}
}

// kubectlWith passes objects to a command of kubectl, without the engine.
func (s *stack) kubectlWith(command string, objects ...object) {
	s.t.Helper()
	text, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": objects})
	s.must(err)
	if out, err := (book{s, "default"}).run(string(text), command, "-f", "-"); err != nil {
		s.t.Fatalf("kubectl %s: %v\n%s", command, err, out)
	}
}
