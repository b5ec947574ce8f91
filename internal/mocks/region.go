package mocks

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.org/x/mod/semver"
)

// The public IP addresses of the region.
const (
	ReservedAddress  = "192.0.2.7"
	EphemeralAddress = "192.0.2.8"
	OwnAddress       = "192.0.2.17" // reserved, of a load balancer of the stack
	TakenAddress     = "192.0.2.18" // reserved, of another stack's
	NetworkAddress   = "192.0.2.21" // reserved, of a network load balancer of the stack
	NATAddress       = "192.0.2.19" // reserved, of something that is no load balancer
	ForeignAddress   = "192.0.2.20" // reserved, in another compartment
)

// ForeignCompartment is that of ForeignAddress.
const ForeignCompartment = "ocid1.compartment.oc1..foreign"

// publicIP answers a look-up of a public IP address.
func (r *Recorder) publicIP(address string) (resource.PropertyMap, error) {
	ip := map[string]any{
		"id": "ocid1.publicip.oc1.iad.a", "lifetime": "RESERVED", "state": "ASSIGNED", "compartmentId": r.CompartmentID,
		"assignedEntityId": "ocid1.privateip.oc1.iad.a",
	}
	switch address {
	case ReservedAddress:
		ip["state"] = "AVAILABLE"
	case EphemeralAddress:
		ip["lifetime"] = "EPHEMERAL"
	case ForeignAddress:
		ip["state"], ip["compartmentId"] = "AVAILABLE", ForeignCompartment
	case OwnAddress, NetworkAddress, TakenAddress, NATAddress:
	default:
		return nil, nil
	}
	return object(ip), nil
}

// loadBalancers are those of the compartment.
func (r *Recorder) loadBalancers() resource.PropertyMap {
	var all []any
	for address, stack := range map[string]string{OwnAddress: r.Stack, TakenAddress: "another"} {
		all = append(all, map[string]any{
			"freeformTags":     map[string]any{"project": r.Project, "stack": stack},
			"ipAddressDetails": []any{map[string]any{"ipAddress": address}},
		})
	}
	return object(map[string]any{"loadBalancers": all})
}

// The certificates of the region's Certificates service. All are for CertificateHost.
const (
	CertificateHost    = "guestbook.example.com"
	CertificateID      = "ocid1.certificate.oc1.iad.active"
	ExpiredCertificate = "ocid1.certificate.oc1.iad.expired"
	DeletedCertificate = "ocid1.certificate.oc1.iad.deleted" // its deletion is scheduled
	KeylessCertificate = "ocid1.certificate.oc1.iad.keyless" // its key is managed elsewhere
	ForeignCertificate = "ocid1.certificate.oc1.iad.foreign" // in another compartment
)

// certificate answers a look-up of a certificate, with times as the official provider writes them.
func (r *Recorder) certificate(id string) (resource.PropertyMap, error) {
	const form = "2006-01-02 15:04:05.999 -0700 MST"
	state, origin, compartment, expires := "ACTIVE", "IMPORTED", r.CompartmentID, time.Now().Add(time.Hour)
	switch id {
	case CertificateID:
	case ExpiredCertificate:
		expires = time.Now().Add(-time.Hour)
	case DeletedCertificate:
		state = "PENDING_DELETION"
	case KeylessCertificate:
		origin = "MANAGED_EXTERNALLY_ISSUED_BY_INTERNAL_CA"
	case ForeignCertificate:
		compartment = "ocid1.compartment.oc1..foreign"
	default:
		return nil, errors.New("404-NotAuthorizedOrNotFound")
	}
	return object(map[string]any{
		"id": id, "state": state, "configType": origin, "compartmentId": compartment,
		"currentVersions": []any{map[string]any{
			"subjectAlternativeNames": []any{map[string]any{"type": "DNS", "value": CertificateHost}},
			"validities": []any{map[string]any{
				"timeOfValidityNotBefore": time.Now().Add(-2 * time.Hour).UTC().Format(form),
				"timeOfValidityNotAfter":  expires.UTC().Format(form),
			}},
		}},
	}), nil
}

// ZoneID is the OCID of the zone example.com, in which AliasHost is another name of something else.
const (
	ZoneID    = "ocid1.dns-zone.oc1..example"
	AliasHost = "alias.example.com"
)

// recordSets are those of the zone with the type, or at the name.
func recordSets(rtype, domain string) resource.PropertyMap {
	sets := []any{}
	switch {
	case rtype == "SOA":
		sets = append(sets, map[string]any{"domain": "example.com", "rtype": rtype})
	case domain == AliasHost:
		sets = append(sets, map[string]any{"domain": domain, "rtype": "CNAME"})
	}
	return object(map[string]any{"rrsets": sets})
}

// networkLoadBalancers are those of the compartment.
func (r *Recorder) networkLoadBalancers() resource.PropertyMap {
	items := []any{map[string]any{
		"freeformTags": map[string]any{"project": r.Project, "stack": r.Stack},
		"ipAddresses":  []any{map[string]any{"ipAddress": NetworkAddress}},
	}}
	return object(map[string]any{"networkLoadBalancerCollections": []any{map[string]any{"items": items}}})
}

// PrivateRepository is the repository of the tenancy in the region's registry. It is private and has the image v1.
const PrivateRepository = "private"

// repositories are those with the name.
func (r *Recorder) repositories(name string) resource.PropertyMap {
	items := []any{}
	if name == PrivateRepository {
		items = append(items, map[string]any{
			"id": "ocid1.containerrepo.oc1.iad.0.tenancy.a", "displayName": name, "namespace": "tenancy", "isPublic": false,
		})
	}
	return object(map[string]any{"containerRepositoryCollections": []any{map[string]any{"items": items}}})
}

// containerImages are those of PrivateRepository with the tag.
func (r *Recorder) containerImages(tag string) resource.PropertyMap {
	items := []any{}
	if tag == "v1" {
		items = append(items, map[string]any{"id": "ocid1.containerimage.oc1.iad.0.tenancy.a", "version": tag})
	}
	return object(map[string]any{"containerImageCollections": []any{map[string]any{"items": items}}})
}

// Call answers questions to the cloud. What does not exist gets no values, or an error with FailsUnseen; each other
// answer has an id, as that of a plugin. The region has three availability domains, and images for its Kubernetes
// versions and two architectures.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	found, err := r.answer(args)
	if found != nil && !found.HasValue("id") {
		found["id"] = resource.NewProperty(args.Token)
	}
	return found, err
}

func (r *Recorder) answer(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if r.asked(args.Token) {
		return nil, r.hidden()
	}
	for _, id := range args.Args {
		if strings.HasSuffix(Text(id), Unseen) {
			return nil, r.hidden()
		}
	}
	switch args.Token {
	case "oci:Identity/getAvailabilityDomains:getAvailabilityDomains":
		return object(map[string]any{"availabilityDomains": []any{
			map[string]any{"name": "Uocm:US-ASHBURN-AD-2"},
			map[string]any{"name": "Uocm:US-ASHBURN-AD-1"},
			map[string]any{"name": "Uocm:US-ASHBURN-AD-3"},
		}}), nil
	case "oci:ContainerEngine/getClusterOption:getClusterOption":
		return object(map[string]any{"kubernetesVersions": r.versions(args)}), nil
	case "oci:ContainerEngine/getNodePoolOption:getNodePoolOption":
		return object(map[string]any{"kubernetesVersions": r.versions(args), "sources": r.images()}), nil
	case "oci:ContainerEngine/getClusters:getClusters":
		return object(map[string]any{"clusters": r.existing("oci:ContainerEngine/cluster:Cluster", args)}), nil
	case "oci:ContainerEngine/getNodePools:getNodePools":
		return object(map[string]any{"nodePools": r.existing("oci:ContainerEngine/nodePool:NodePool", args)}), nil
	case "oci:Core/getVolumes:getVolumes":
		return object(map[string]any{"volumes": r.Volumes}), nil
	case "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig":
		content := "kubeconfig of " + Text(args.Args["clusterId"]) + " at " + Text(args.Args["endpoint"])
		if r.ExecKubeconfig {
			content = "users: [{name: a, user: {exec: {command: oci, args: [ce, cluster, generate-token]}}}] # " + content
		}
		return object(map[string]any{"content": content}), nil
	case "oci:ObjectStorage/getNamespace:getNamespace":
		return object(map[string]any{"namespace": "tenancy"}), nil
	case "oci:ObjectStorage/getObjects:getObjects":
		return object(map[string]any{"objects": []any{map[string]any{"name": "2026-11-23T03-00-00Z.archive.gz"}}}), nil
	case "oci:Core/getPublicIp:getPublicIp":
		return r.publicIP(Text(args.Args["ipAddress"]))
	case "oci:CertificatesManagement/getCertificate:getCertificate":
		return r.certificate(Text(args.Args["certificateId"]))
	case "oci:Dns/getRrsets:getRrsets":
		return recordSets(Text(args.Args["rtype"]), Text(args.Args["domain"])), nil
	case "oci:LoadBalancer/getLoadBalancers:getLoadBalancers":
		return r.loadBalancers(), nil
	case "oci:NetworkLoadBalancer/getNetworkLoadBalancers:getNetworkLoadBalancers":
		return r.networkLoadBalancers(), nil
	case "oci:Artifacts/getContainerRepositories:getContainerRepositories":
		return r.repositories(Text(args.Args["displayName"])), nil
	case "oci:Artifacts/getContainerImages:getContainerImages":
		return r.containerImages(Text(args.Args["version"])), nil
	case "oci:Core/getServices:getServices":
		return object(map[string]any{"services": []any{map[string]any{
			"id": "ocid1.service.oc1.iad.all", "cidrBlock": AllServicesLabel, "name": allServices,
		}}}), nil
	}
	if found, named := r.named(args); named {
		return found, nil
	}
	return r.existingNetwork(args)
}

// hidden is the error of what does not exist, or what the user may not see; nil if the plugin has none.
func (r *Recorder) hidden() error {
	if !r.FailsUnseen {
		return nil
	}
	return errors.New("404-NotAuthorizedOrNotFound, Authorization failed or requested resource not found")
}

// asked notes a question, and reports whether the user may not ask it.
func (r *Recorder) asked(token string) (denied bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Asked = append(r.Asked, token)
	return slices.Contains(r.Denied, token)
}

// versions lists the minor versions, or each patch version if all are asked for, as the service does.
func (r *Recorder) versions(args pulumi.MockCallArgs) []any {
	all := args.Args["shouldListAllPatchVersions"]
	var list []any
	for _, v := range r.KubernetesVersions {
		if r.OnlyMinorVersions || !all.IsBool() || !all.BoolValue() {
			v = semver.MajorMinor(v)
		}
		list = append(list, v)
	}
	return list
}

// addonOptions are the versions that the region has of an add-on: one.
func addonOptions(name string) resource.PropertyMap {
	version := map[string]string{"ClusterAutoscaler": "v1.34.3", "KubernetesMetricsServer": "v0.7.2"}[name]
	return object(map[string]any{"addonOptions": []any{
		map[string]any{"name": name, "versions": []any{map[string]any{"versionNumber": version}}},
	}})
}

// addon answers the look-up of an add-on, which the previous update may have made.
func (r *Recorder) addon(name string) resource.PropertyMap {
	for _, res := range r.previous {
		if res.Type == "oci:ContainerEngine/addon:Addon" && Text(res.Inputs["addonName"]) == name {
			return object(map[string]any{"addonName": name, "version": Text(res.Inputs["version"])})
		}
	}
	return nil
}

// images lists an image for each version that is offered and each architecture.
func (r *Recorder) images() []any {
	var sources []any
	for _, name := range []string{
		"Oracle-Linux-8.10-2026.09.30-0-OKE-1.36.4-1500", "Oracle-Linux-8.10-aarch64-2026.09.30-0-OKE-1.36.4-1500",
		"Oracle-Linux-8.10-2026.06.30-0-OKE-1.35.2-1400", "Oracle-Linux-8.10-aarch64-2026.06.30-0-OKE-1.35.2-1400",
	} {
		named := func(version string) bool { return strings.Contains(name, "-OKE-"+version[1:]+"-") }
		if slices.ContainsFunc(r.KubernetesVersions, named) {
			sources = append(sources, map[string]any{
				"imageId": "ocid1.image.oc1.iad." + name, "sourceName": name, "sourceType": "IMAGE",
			})
		}
	}
	return sources
}

// cluster answers the look-up of a cluster, which the previous update has made, with what OKE fixes at its creation.
func (r *Recorder) cluster(id string) resource.PropertyMap {
	made := r.made(id)
	if made == nil {
		return nil
	}
	list := func(parent resource.PropertyMap, key resource.PropertyKey) []any {
		return []any{Properties(parent[key]).Mappable()}
	}
	return object(map[string]any{
		"kmsKeyId": Text(made["kmsKeyId"]), "vcnId": Text(made["vcnId"]),
		"endpointConfigs":          list(made, "endpointConfig"),
		"clusterPodNetworkOptions": made["clusterPodNetworkOptions"].Mappable(),
		"options": []any{map[string]any{
			"kubernetesNetworkConfigs": list(Properties(made["options"]), "kubernetesNetworkConfig"),
		}},
	})
}

// made returns the inputs of what the previous update has made with that OCID, or nil.
func (r *Recorder) made(id string) resource.PropertyMap {
	for _, res := range r.previous {
		if kind := Kind(res.Type); kind != "" && id == "ocid1."+kind+".oc1.iad."+res.Name {
			return res.Inputs
		}
	}
	return nil
}

// existing lists the previous update's resources of a type that match the name or the cluster that is asked for.
func (r *Recorder) existing(token string, args pulumi.MockCallArgs) []any {
	var list []any
	for _, res := range r.previous {
		in := res.Inputs.Copy()
		if res.Type != token || args.Args["name"].IsString() && Text(in["name"]) != Text(args.Args["name"]) ||
			args.Args["clusterId"].IsString() && Text(in["clusterId"]) != Text(args.Args["clusterId"]) {
			continue
		}
		found := map[string]any{
			"id": "ocid1." + Kind(token) + ".oc1.iad." + res.Name, "name": Text(in["name"]),
			"state":             cmp.Or(Text(in["state"]), "ACTIVE"),
			"kubernetesVersion": Text(in["kubernetesVersion"]), "nodeShape": Text(in["nodeShape"]),
			"sshPublicKey": Text(in["sshPublicKey"]),
		}
		if source := Properties(in["nodeSourceDetails"]); source != nil {
			found["nodeSourceDetails"] = []any{map[string]any{
				"imageId": Text(source["imageId"]), "bootVolumeSizeInGbs": Text(source["bootVolumeSizeInGbs"]),
			}}
		}
		if tags := Properties(in["freeformTags"]); tags != nil {
			found["freeformTags"] = tags.Mappable()
		}
		if size := Properties(in["nodeShapeConfig"]); size != nil {
			found["nodeShapeConfigs"] = []any{size.Mappable()}
		}
		if labels := in["initialNodeLabels"]; labels.IsArray() {
			found["initialNodeLabels"] = labels.Mappable()
		}
		if config := Properties(in["nodeConfigDetails"]); config != nil {
			found["nodeConfigDetails"] = []any{map[string]any{
				"size": config["size"].Mappable(), "placementConfigs": listedPlacements(config["placementConfigs"]),
				"kmsKeyId": Text(config["kmsKeyId"]),
			}}
		}
		list = append(list, found)
	}
	return list
}

// nodePool returns of a node pool of the previous update what the list lacks.
func (r *Recorder) nodePool(id string) resource.PropertyMap {
	made := r.made(id)
	if made == nil {
		return nil
	}
	nodes := []any{}
	for _, node := range r.Nodes {
		nodes = append(nodes, node)
	}
	if r.Nodes == nil {
		nodes = []any{map[string]any{"kubernetesVersion": Text(made["kubernetesVersion"])}}
	}
	return object(map[string]any{
		"nodeMetadata": Properties(made["nodeMetadata"]).Mappable(), "nodes": nodes,
		"nodePoolCyclingDetails": []any{Properties(made["nodePoolCyclingDetails"]).Mappable()},
	})
}

// listedPlacements are a node pool's placements in the form in which the data source lists them.
func listedPlacements(configs resource.PropertyValue) []any {
	list, _ := configs.Mappable().([]any)
	for _, config := range list {
		if placement, ok := config.(map[string]any); ok && placement["preemptibleNodeConfig"] != nil {
			placement["preemptibleNodeConfigs"] = []any{placement["preemptibleNodeConfig"]}
		}
	}
	return list
}

// AllServicesLabel is the CIDR label of all of Oracle's services in the region.
const AllServicesLabel = "all-iad-services-in-oracle-services-network"

const allServices = "All IAD Services In Oracle Services Network"

func object(m map[string]any) resource.PropertyMap { return resource.NewPropertyMapFromMap(m) }
