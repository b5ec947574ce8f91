package iam

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/flows"
)

// all joins conditions that have to hold together.
func all(conditions ...string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return "all {" + strings.Join(conditions, ", ") + "}"
}

// anyOf joins conditions: at least one must hold.
func anyOf(conditions ...string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return "any {" + strings.Join(conditions, ", ") + "}"
}

func is(variable, value string) string { return fmt.Sprintf("%s = '%s'", variable, value) }

// begins is a pattern (Oracle, "Conditions", read 2026-11-29).
func begins(variable, prefix string) string { return fmt.Sprintf("%s = /%s*/", variable, prefix) }

// asCluster are the conditions that hold for the stack's cluster. While its OCID is not known, they hold for every
// cluster in the stack's compartment. Oracle's pages name the OCID.
func asCluster(s *stack) string { return all(clusterConditions(s)...) }

func clusterConditions(s *stack) []string {
	which := is("request.principal.compartment.id", s.CompartmentID)
	if s.ClusterID != "" {
		which = is("request.principal.id", s.ClusterID)
	}
	return []string{is("request.principal.type", "cluster"), which}
}

// asNodePool are the conditions that hold for the node pools in the stack's compartment.
func asNodePool(s *stack) string {
	return all(is("request.principal.type", "nodepool"), is("request.principal.compartment.id", s.CompartmentID))
}

// asAutoscaler are the conditions that hold for the cluster-autoscaler add-on.
func asAutoscaler(s *stack) string {
	return all(is("request.principal.type", "workload"), is("request.principal.namespace", "kube-system"),
		is("request.principal.service_account", "cluster-autoscaler"), is("request.principal.cluster_id", s.clusterID()))
}

// ofAnyKey are the conditions that hold for all keys that settings name.
func ofAnyKey(s *stack) string {
	var keys []string
	for _, key := range s.Cluster.Keys() {
		if is := is("target.key.id", key.ID); !slices.Contains(keys, is) {
			keys = append(keys, is)
		}
	}
	return anyOf(keys...)
}

// ofZones are the conditions that hold for the zones that settings name.
func ofZones(s *stack) string {
	var zones []string
	for _, g := range s.Guestbooks {
		if zone := is("target.dns-zone.id", g.DNSZoneID); g.DNSZoneID != "" && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	return anyOf(zones...)
}

func ofKey(s *stack) string { return is("target.key.id", s.Cluster.KMSKeyID) }

// asClusterOfImageKeys are the conditions that hold for the cluster and the keys that verify images.
func asClusterOfImageKeys(s *stack) string {
	var keys []string
	for _, id := range s.Cluster.ImageKeys {
		keys = append(keys, is("target.key.id", id))
	}
	return all(append(clusterConditions(s), anyOf(keys...))...)
}

func asClusterOfKey(s *stack) string { return all(append(clusterConditions(s), ofKey(s))...) }

// ofWrittenPolicies holds for the policies that the program writes for jobs, and for the nodes' logs.
func ofWrittenPolicies(s *stack) string {
	var names []string
	for _, name := range s.writtenPolicies() {
		names = append(names, is("target.policy.name", name))
	}
	return anyOf(names...)
}

// ofBackups returns the condition that holds for what bears the name of a guestbook's bucket.
func ofBackups(variable string) func(*stack) string {
	return func(s *stack) string {
		var names []string
		for _, g := range s.backing() {
			names = append(names, is(variable, s.bucket(g)))
		}
		return anyOf(names...)
	}
}

// ofDiskKeys are the conditions that hold for the keys of boot volumes.
func ofDiskKeys(s *stack) string {
	var keys []string
	for _, p := range s.Cluster.NodePools {
		if key := is("target.key.id", p.BootVolumeKMSKeyID); p.BootVolumeKMSKeyID != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return anyOf(keys...)
}

func asNodePoolOfDiskKeys(s *stack) string {
	return all(is("request.principal.type", "nodepool"), is("request.principal.compartment.id", s.CompartmentID),
		ofDiskKeys(s))
}

func ofAutoscalerPolicy(s *stack) string { return is("target.policy.name", s.autoscalerPolicyName()) }

// asMeasuringJobs are the conditions that hold for the jobs that post metrics, and for the certificates that they read.
func asMeasuringJobs(s *stack) string {
	var namespaces, certificates []string
	for _, g := range s.measured() {
		if g.TLSCertificateID == "" {
			continue
		}
		namespaces = append(namespaces, is("request.principal.namespace", g.Namespace))
		certificates = append(certificates, is("target.leaf-certificate.id", g.TLSCertificateID))
	}
	return all(is("request.principal.type", "workload"), anyOf(namespaces...),
		is("request.principal.service_account", flows.Measure), is("request.principal.cluster_id", s.clusterID()),
		anyOf(slices.Compact(slices.Sorted(slices.Values(certificates)))...))
}
