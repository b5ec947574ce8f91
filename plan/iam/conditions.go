package iam

import (
	"cmp"
	"regexp"
	"slices"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

// place is the compartment that a statement is for.
type place struct {
	text string // for the documentation
	ocid func(*stack) string
}

// tenancy is the place of statements for the whole tenancy, whose OCID the settings need not contain.
const tenancy = "tenancy"

var (
	inStack       = place{"`compartmentId`", func(s *stack) string { return s.CompartmentID }}
	inNetwork     = place{"the VCN's", func(s *stack) string { return cmp.Or(s.NetworkCompartment, s.CompartmentID) }}
	inAddress     = place{"the address's", func(s *stack) string { return cmp.Or(s.AddressCompartment, s.CompartmentID) }}
	inCertificate = place{"the certificate's", func(s *stack) string {
		return cmp.Or(s.CertificateCompartment, s.CompartmentID)
	}}
	inZone   = place{"the zone's", func(s *stack) string { return cmp.Or(s.ZoneCompartment, s.CompartmentID) }}
	inKey    = place{"the key's", func(s *stack) string { return cmp.Or(s.KeyCompartment, s.CompartmentID) }}
	inImage  = place{"the image's", func(s *stack) string { return cmp.Or(s.ImageCompartment, s.CompartmentID) }}
	inGroups = place{"the groups'", func(s *stack) string { return cmp.Or(s.GroupCompartment, inNetwork.ocid(s)) }}

	inReservation = place{"the reservation's", func(s *stack) string {
		return cmp.Or(s.ReservationCompartment, s.CompartmentID)
	}}
	inTenancy = place{"the tenancy", func(*stack) string { return tenancy }}
)

// elsewhere reports whether the place is another compartment than the stack's.
func (p place) elsewhere(s *stack) bool { return p.ocid(s) != s.CompartmentID }

// condition says which settings need a statement.
type condition struct {
	text  string // for the documentation
	holds func(*stack) bool
}

// Conditions of the network.
var (
	always      = condition{"always", func(*stack) bool { return true }}
	newVCN      = condition{"no `vcnId`", func(s *stack) bool { return s.Network.VcnID == "" }}
	existingVCN = condition{"`vcnId`", func(s *stack) bool { return s.Network.VcnID != "" }}

	publicEndpoint = condition{"`apiEndpoint: public`", func(s *stack) bool {
		return s.Network.APIEndpoint == layout.Public
	}}
	newSubnets = condition{"a subnet without `id`", func(s *stack) bool {
		return slices.ContainsFunc(s.plan.Subnets, func(n layout.Subnet) bool { return n.ExistingID == "" })
	}}
	existingSubnets = condition{"a subnet with `id`", func(s *stack) bool {
		return slices.ContainsFunc(s.plan.Subnets, func(n layout.Subnet) bool { return n.ExistingID != "" })
	}}
	newRouteTables = condition{"a subnet without `id`", func(s *stack) bool {
		return slices.ContainsFunc(s.plan.RouteTables, func(t layout.RouteTable) bool { return !t.Existing })
	}}

	newInternetGateway      = newGateway(layout.InternetGateway, "public subnets, no `internetGatewayId`")
	newNATGateway           = newGateway(layout.NATGateway, "`internetEgress` or `oidcIssuers`, no `natGatewayId`")
	newServiceGateway       = newGateway(layout.ServiceGateway, "no `serviceGatewayId`")
	existingInternetGateway = existingGateway(layout.InternetGateway, "`internetGatewayId`")
	existingNATGateway      = existingGateway(layout.NATGateway, "`natGatewayId`")
	existingServiceGateway  = existingGateway(layout.ServiceGateway, "`serviceGatewayId`")

	peered           = condition{"`drgId`", func(s *stack) bool { return s.Network.DrgID != "" }}
	newDRGAttachment = both(peered, newVCN)

	securityByGroups = condition{"`securityBy: groups`", func(s *stack) bool {
		return s.Network.SecurityBy == layout.Groups
	}}
	securityByLists = condition{"`securityBy: lists`", func(s *stack) bool {
		return s.Network.SecurityBy == layout.Lists
	}}

	bastion  = condition{"`bastion`", func(s *stack) bool { return s.Network.Bastion }}
	flowLogs = condition{"`flowLogs`", func(s *stack) bool { return len(s.Network.FlowLogs) > 0 }}

	existingSubnetLogged = condition{"`flowLogs` of a subnet with `id`", func(s *stack) bool {
		return slices.ContainsFunc(s.Network.FlowLogs, func(role layout.Role) bool {
			subnet, ok := s.plan.Subnet(role)
			return ok && subnet.ExistingID != ""
		})
	}}

	vcnNative = condition{"`podNetwork: vcn-native`", func(s *stack) bool {
		return s.Network.PodNetwork == layout.VCNNative
	}}
	networkElsewhere = condition{"VCN elsewhere", inNetwork.elsewhere}
	podsElsewhere    = both(networkElsewhere, vcnNative)
)

// Conditions of the cluster and the guestbooks.
var (
	ownKey     = condition{"`kmsKeyId`", func(s *stack) bool { return s.Cluster.KMSKeyID != "" }}
	ownImage   = anyPool("`imageId`", func(p cluster.NodePool) bool { return p.ImageID != "" })
	autoscales = anyPool("an `autoscaled` pool, or one with `maxSize`",
		func(p cluster.NodePool) bool { return p.Resized() })
	anyKey      = condition{"a setting that names a key", func(s *stack) bool { return len(s.Cluster.Keys()) > 0 }}
	imageKeys   = condition{"`imageVerificationKeys`", func(s *stack) bool { return len(s.Cluster.ImageKeys) > 0 }}
	otherVaults = condition{"`vaultIds`", func(s *stack) bool { return len(s.Cluster.VaultIDs) > 0 }}
	reserved    = anyPool("`capacityReservationId`",
		func(p cluster.NodePool) bool { return p.CapacityReservationID != "" })
	ownGroups       = anyPool("`nsgIds`", func(p cluster.NodePool) bool { return len(p.NSGIDs) > 0 })
	groupsElsewhere = both(ownGroups, condition{"elsewhere", inGroups.elsewhere})
	diskKeys        = anyPool("`bootVolumeKmsKeyId`", func(p cluster.NodePool) bool { return p.BootVolumeKMSKeyID != "" })
	// The program creates the policy of its autoscaler, unless it is told not to.
	autoscalerPolicy = condition{"a pool with `maxSize`, `autoscalerPolicy`", func(s *stack) bool {
		return s.Cluster.AutoscalerPolicy && len(s.Cluster.Bounded()) > 0
	}}
	virtualNodes = condition{"`virtualNodePools`", func(s *stack) bool { return len(s.Cluster.VirtualNodePools) > 0 }}
	definedTags  = condition{"`definedTags`", func(s *stack) bool { return s.DefinedTags }}

	imageElsewhere = both(ownImage, condition{"elsewhere", inImage.elsewhere})
	// Only enhanced clusters have workload identity.
	autoscaled = both(autoscales, condition{"`clusterType: enhanced`", func(s *stack) bool {
		return s.Cluster.ClusterType == cluster.Enhanced
	}})

	addressReserved = anyGuestbook("`reservedAddress`", func(g workload.Guestbook) bool {
		return g.ReservedAddress != ""
	})
	ownCertificate = anyGuestbook("`tlsCertificateId`", func(g workload.Guestbook) bool {
		return g.TLSCertificateID != ""
	})
	measuredElsewhere = both(anyGuestbook("alarms, `tlsCertificateId`", func(g workload.Guestbook) bool {
		return g.Measured && g.TLSCertificateID != ""
	}), condition{"elsewhere", inCertificate.elsewhere})
	ownZone = anyGuestbook("`dnsZoneId`", func(g workload.Guestbook) bool { return g.DNSZoneID != "" })

	addressElsewhere = both(addressReserved, condition{"elsewhere", inAddress.elsewhere})

	budget     = condition{"`budgetMonthly`", func(s *stack) bool { return s.Budget }}
	alarms     = condition{"`alarmEmails` or `alarmTopicId`", func(s *stack) bool { return s.Alarms }}
	otherTopic = condition{"`alarmTopicId`", func(s *stack) bool { return s.Alarms && !s.OwnTopic }}
	ownTopic   = condition{"`alarmEmails`", func(s *stack) bool { return s.OwnTopic }}

	backups = anyGuestbook("`backupSchedule` or `restoreFrom`", func(g workload.Guestbook) bool { return g.Backs() })

	containerLogs = condition{"`containerLogs`", func(s *stack) bool { return s.ContainerLogs }}
	ownLogsGroup  = condition{"`containerLogs`, no `containerLogsGroup`", func(s *stack) bool {
		return s.ContainerLogs && s.LogsGroup == ""
	}}
	logs = condition{flowLogs.text + " or " + containerLogs.text, func(s *stack) bool {
		return flowLogs.holds(s) || s.ContainerLogs
	}}

	// policies are those that the program writes: of backups, metrics and logs.
	policies = condition{backups.text + ", alarms or `containerLogs`", func(s *stack) bool {
		return backups.holds(s) || s.Alarms || s.ContainerLogs
	}}

	volumesElsewhere = both(networkElsewhere,
		anyGuestbook("no `externalDatabase`", func(g workload.Guestbook) bool { return g.OwnDatabase() }))

	imagesAtOracle = anyGuestbook("an image in Oracle's registry", func(g workload.Guestbook) bool {
		return slices.ContainsFunc([]string{g.FrontendImage, g.MongoImage, g.Chores()}, oracleRegistry.MatchString)
	})
)

// oracleRegistry is the registry of a region, by the region's key or name.
var oracleRegistry = regexp.MustCompile(`^([a-z0-9-]+\.ocir\.io|ocir\.[a-z0-9-]+\.oci\.[a-z0-9.-]+)/`)

func both(a, b condition) condition {
	return condition{a.text + ", " + b.text, func(s *stack) bool { return a.holds(s) && b.holds(s) }}
}

func newGateway(kind layout.Gateway, text string) condition {
	return condition{text, func(s *stack) bool { return s.plan.Uses(kind) && !s.names(kind) }}
}

func existingGateway(kind layout.Gateway, text string) condition {
	return condition{text, func(s *stack) bool { return s.names(kind) }}
}

func anyPool(text string, has func(cluster.NodePool) bool) condition {
	return condition{text, func(s *stack) bool { return slices.ContainsFunc(s.Cluster.NodePools, has) }}
}

func anyGuestbook(text string, has func(workload.Guestbook) bool) condition {
	return condition{text, func(s *stack) bool { return slices.ContainsFunc(s.Guestbooks, has) }}
}
