// Command gen writes models.json: the request and answer models of OCI's REST API, read from the source of oci-go-sdk.
// It parses the source because importing the SDK's packages would cost minutes of compilation, and because reflection
// shows neither enumerations nor the variants of a polymorphic model.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/schema"
)

// roots are the models that the emulator reads or writes, by SDK package. What they refer to is added.
var roots = map[string]string{
	"core": `
		CreateVcnDetails UpdateVcnDetails Vcn AddVcnCidrDetails RemoveVcnCidrDetails ModifyVcnCidrDetails
		CreateInternetGatewayDetails UpdateInternetGatewayDetails InternetGateway CreateNatGatewayDetails
		UpdateNatGatewayDetails NatGateway CreateServiceGatewayDetails UpdateServiceGatewayDetails ServiceGateway
		ServiceIdRequestDetails Service CreateDrgDetails UpdateDrgDetails Drg DrgRedundancyStatus DrgRouteTable
		CreateDrgAttachmentDetails UpdateDrgAttachmentDetails DrgAttachment CreateRouteTableDetails
		UpdateRouteTableDetails RouteTable
		CreateSecurityListDetails UpdateSecurityListDetails SecurityList CreateSubnetDetails UpdateSubnetDetails
		Subnet CreateDhcpDetails UpdateDhcpDetails DhcpOptions CreateNetworkSecurityGroupDetails
		UpdateNetworkSecurityGroupDetails NetworkSecurityGroup AddNetworkSecurityGroupSecurityRulesDetails
		UpdateNetworkSecurityGroupSecurityRulesDetails RemoveNetworkSecurityGroupSecurityRulesDetails SecurityRule
		NetworkSecurityGroupVnic Vnic UpdateVnicDetails VnicAttachment PrivateIp PublicIp CreatePublicIpDetails
		UpdatePublicIpDetails GetPublicIpByIpAddressDetails GetPublicIpByPrivateIpIdDetails Instance
		UpdateInstanceDetails Image Shape BootVolume BootVolumeAttachment Volume CreateVolumeDetails
		UpdateVolumeDetails VolumeAttachment AttachVolumeDetails CreateComputeCapacityReportDetails
		ComputeCapacityReport CreateComputeCapacityReservationDetails UpdateComputeCapacityReservationDetails
		ComputeCapacityReservation ComputeCapacityReservationSummary`,
	"containerengine": `
		CreateClusterDetails UpdateClusterDetails Cluster ClusterSummary UpdateClusterEndpointConfigDetails
		CreateNodePoolDetails UpdateNodePoolDetails NodePool NodePoolSummary CreateVirtualNodePoolDetails
		UpdateVirtualNodePoolDetails VirtualNodePool VirtualNodePoolSummary VirtualNode VirtualNodeSummary
		WorkRequest WorkRequestSummary
		WorkRequestError WorkRequestLogEntry ClusterOptions NodePoolOptions CreateClusterKubeconfigContentDetails
		InstallAddonDetails UpdateAddonDetails Addon AddonSummary AddonOptionSummary`,
	"identity": `
		AvailabilityDomain FaultDomain Compartment Tenancy RegionSubscription Region CreatePolicyDetails
		UpdatePolicyDetails Policy CreateDynamicGroupDetails UpdateDynamicGroupDetails DynamicGroup User AuthToken
		CreateAuthTokenDetails UpdateAuthTokenDetails CreateTagNamespaceDetails UpdateTagNamespaceDetails
		TagNamespace TagNamespaceSummary CreateTagDetails UpdateTagDetails Tag TagSummary`,
	"artifacts": `
		CreateContainerRepositoryDetails UpdateContainerRepositoryDetails ContainerRepository
		ContainerRepositorySummary ContainerRepositoryCollection ContainerImage ContainerImageSummary
		ContainerImageCollection ContainerConfiguration UpdateContainerConfigurationDetails`,
	"containerregistry": "AccessToken",
	"certificatesmanagement": `
		CreateCertificateDetails UpdateCertificateDetails Certificate CertificateSummary
		ScheduleCertificateDeletionDetails`,
	"dns":    "CreateZoneDetails Zone ZoneSummary Record RrSet UpdateRrSetDetails",
	"limits": `LimitValueSummary LimitDefinitionSummary ResourceAvailability ServiceSummary`,
	"loadbalancer": `
		CreateLoadBalancerDetails UpdateLoadBalancerDetails LoadBalancer WorkRequest LoadBalancerHealth
		LoadBalancerHealthSummary BackendSetHealth BackendHealth CreateBackendSetDetails UpdateBackendSetDetails
		CreateListenerDetails UpdateListenerDetails CreateBackendDetails UpdateBackendDetails
		CreateCertificateDetails UpdateNetworkSecurityGroupsDetails UpdateLoadBalancerShapeDetails
		UpdateHealthCheckerDetails SslCipherSuite CreateRuleSetDetails UpdateRuleSetDetails
		LoadBalancerShape LoadBalancerPolicy LoadBalancerProtocol`,
	"networkloadbalancer": `
		CreateNetworkLoadBalancerDetails UpdateNetworkLoadBalancerDetails NetworkLoadBalancer
		NetworkLoadBalancerSummary NetworkLoadBalancerCollection WorkRequest WorkRequestError WorkRequestLogEntry
		WorkRequestCollection NetworkLoadBalancerHealth NetworkLoadBalancerHealthCollection BackendSetHealth
		BackendHealth CreateBackendSetDetails UpdateBackendSetDetails BackendSetCollection BackendSetSummary
		CreateListenerDetails UpdateListenerDetails ListenerCollection CreateBackendDetails UpdateBackendDetails
		BackendCollection UpdateHealthCheckerDetails UpdateNetworkSecurityGroupsDetails`,
	"objectstorage": `
		CreateBucketDetails UpdateBucketDetails Bucket BucketSummary RetentionRuleCollection NamespaceMetadata
		ListObjects CreateMultipartUploadDetails CommitMultipartUploadDetails MultipartUpload
		MultipartUploadPartSummary PutObjectLifecyclePolicyDetails ObjectLifecyclePolicy
		CreateRetentionRuleDetails UpdateRetentionRuleDetails RetentionRule CreatePreauthenticatedRequestDetails
		PreauthenticatedRequest PreauthenticatedRequestSummary`,
	"keymanagement": `
		CreateVaultDetails Vault VaultSummary ScheduleVaultDeletionDetails CreateKeyDetails Key KeySummary
		ScheduleKeyDeletionDetails`,
	"bastion": `
		CreateBastionDetails UpdateBastionDetails Bastion BastionSummary WorkRequest WorkRequestError
		WorkRequestLogEntry CreateSessionDetails UpdateSessionDetails Session SessionSummary`,
	"budget": `
		CreateBudgetDetails UpdateBudgetDetails Budget BudgetSummary CreateAlertRuleDetails UpdateAlertRuleDetails
		AlertRule AlertRuleSummary`,
	"logging": `
		CreateLogGroupDetails UpdateLogGroupDetails LogGroup LogGroupSummary CreateLogDetails UpdateLogDetails Log
		LogSummary CreateUnifiedAgentConfigurationDetails UpdateUnifiedAgentConfigurationDetails
		UnifiedAgentConfiguration UnifiedAgentConfigurationCollection WorkRequest WorkRequestError WorkRequestLog`,
	"loggingsearch": "SearchLogsDetails SearchResponse",
	"monitoring": `
		CreateAlarmDetails UpdateAlarmDetails Alarm AlarmSummary AlarmStatusSummary PostMetricDataDetails
		PostMetricDataResponseDetails SummarizeMetricsDataDetails MetricData`,
	"ons": `
		CreateTopicDetails TopicAttributesDetails NotificationTopic NotificationTopicSummary CreateSubscriptionDetails
		UpdateSubscriptionDetails Subscription SubscriptionSummary`,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/oracle/oci-go-sdk/v65").Output()
	if err != nil {
		return fmt.Errorf("find oci-go-sdk: %w", err)
	}
	models := schema.Models{}
	for pkg, names := range roots {
		p, err := parse(filepath.Join(strings.TrimSpace(string(dir)), pkg), pkg)
		if err != nil {
			return err
		}
		for _, name := range strings.Fields(names) {
			if err := p.add(models, name); err != nil {
				return err
			}
		}
	}
	out, err := json.MarshalIndent(models, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile("models.json", append(out, '\n'), 0o644)
}

// pkg is one parsed package of the SDK.
type pkg struct {
	name  string
	types map[string]ast.Expr
	enums map[string][]string
	// variants of a polymorphic model: the discriminator's value to the name of the model.
	variants map[string]map[string]string
}

// notModels matches the files of an SDK package that hold no models.
var notModels = regexp.MustCompile(`_(request_response|client|test)\.go$`)

// parse reads the models of an SDK package.
func parse(dir, name string) (*pkg, error) {
	p := &pkg{
		name: name, types: map[string]ast.Expr{}, enums: map[string][]string{},
		variants: map[string]map[string]string{},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		if notModels.MatchString(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				p.declare(d)
			case *ast.FuncDecl:
				if d.Name.Name == "UnmarshalPolymorphicJSON" {
					p.polymorphic(d)
				}
			}
		}
	}
	return p, nil
}

func (p *pkg) declare(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			p.types[s.Name.Name] = s.Type
		case *ast.ValueSpec:
			typ, ok := s.Type.(*ast.Ident)
			if d.Tok != token.CONST || !ok {
				continue
			}
			for _, v := range s.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					value, _ := strconv.Unquote(lit.Value)
					p.enums[typ.Name] = append(p.enums[typ.Name], value)
				}
			}
		}
	}
}

// polymorphic reads the cases of the SDK's switch on the discriminator.
func (p *pkg) polymorphic(d *ast.FuncDecl) {
	receiver := d.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
	variants := map[string]string{}
	ast.Inspect(d, func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if !ok || len(c.List) != 1 {
			return true
		}
		lit, ok := c.List[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		value, _ := strconv.Unquote(lit.Value)
		model := c.Body[0].(*ast.AssignStmt).Rhs[0].(*ast.CompositeLit).Type.(*ast.Ident).Name
		variants[value] = p.name + "." + model
		return true
	})
	p.variants[receiver] = variants
}

func (p *pkg) add(models schema.Models, name string) error {
	key := p.name + "." + name
	if _, ok := models[key]; ok {
		return nil
	}
	if values, ok := p.enums[name]; ok {
		slices.Sort(values)
		models[key] = schema.Model{Enum: slices.Compact(values)}
		return nil
	}
	switch t := p.types[name].(type) {
	case *ast.StructType:
		return p.addStruct(models, name, t)
	case *ast.InterfaceType:
		lower := strings.ToLower(name)
		base, ok := p.types[lower].(*ast.StructType)
		if !ok {
			return fmt.Errorf("%s: an interface without %s", key, lower)
		}
		m := schema.Model{Variants: p.variants[lower]}
		for _, f := range base.Fields.List {
			// The discriminator is the exported field without the tag "mandatory" in the SDK's base structure.
			if tag := fieldTag(f); len(f.Names) > 0 && tag.Get("json") != "" && tag.Get("mandatory") == "" {
				m.By = tag.Get("json")
			}
		}
		models[key] = m
		for _, variant := range m.Variants {
			if err := p.add(models, strings.TrimPrefix(variant, p.name+".")); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("%s: no such model", key)
	}
}

func (p *pkg) addStruct(models schema.Models, name string, t *ast.StructType) error {
	m := schema.Model{Fields: map[string]string{}}
	models[p.name+"."+name] = m
	for _, f := range t.Fields.List {
		tag := fieldTag(f)
		field, _, _ := strings.Cut(tag.Get("json"), ",")
		if field == "" {
			continue
		}
		typ, err := p.typeOf(models, f.Type)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, field, err)
		}
		if tag.Get("mandatory") == "true" {
			typ += "!"
		}
		m.Fields[field] = typ
	}
	return nil
}

func (p *pkg) typeOf(models schema.Models, t ast.Expr) (string, error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return p.typeOf(models, t.X)
	case *ast.ArrayType:
		if elem, ok := t.Elt.(*ast.Ident); ok && elem.Name == "byte" {
			return "string", nil // in base64
		}
		elem, err := p.typeOf(models, t.Elt)
		return "[]" + elem, err
	case *ast.MapType:
		elem, err := p.typeOf(models, t.Value)
		return "{}" + elem, err
	case *ast.InterfaceType:
		return "any", nil
	case *ast.SelectorExpr: // common.SDKTime and common.SDKDate are the only foreign types in models
		if t.Sel.Name == "SDKDate" {
			return "date", nil
		}
		return "time", nil
	case *ast.Ident:
		switch t.Name {
		case "string", "bool", "any":
			return t.Name, nil
		case "int", "int64", "int32":
			return "int", nil
		case "float32", "float64":
			return "number", nil
		}
		return p.name + "." + t.Name, p.add(models, t.Name)
	}
	return "", fmt.Errorf("a field of type %T", t)
}

func fieldTag(f *ast.Field) reflect.StructTag {
	if f.Tag == nil {
		return ""
	}
	tag, _ := strconv.Unquote(f.Tag.Value)
	return reflect.StructTag(tag)
}
