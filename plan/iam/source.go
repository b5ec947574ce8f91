package iam

// Source is where a statement was read.
type Source struct {
	Document string `json:"document"`
	Section  string `json:"section,omitempty"`
	Page     string `json:"page"`    // without https://
	Edition  string `json:"edition"` // of the text that was read: its last change or the date of the copy
}

// LookedAt is the day on which the sources were read.
const LookedAt = "2026-11-28"

const oracleDocs = "docs.oracle.com/en-us/iaas/Content/"

// The sources. Pages of Oracle's were read in copies; Edition says of when.
var (
	required = &Source{
		"Policy Configuration for Cluster Creation and Deployment", "Create Required Policy for Groups",
		oracleDocs + "ContEng/Concepts/contengpolicyconfig.htm", "updated 2025-01-15; outline of 2026-09-05",
	}
	additional = &Source{
		"Policy Configuration for Cluster Creation and Deployment", "Create One or More Additional Policies for Groups",
		oracleDocs + "ContEng/Concepts/contengpolicyconfig.htm", "updated 2025-01-15; outline of 2026-09-05",
	}
	engineVerbs = &Source{
		"Details for Kubernetes Engine", "Details for Verb + Resource-Type Combinations",
		oracleDocs + "Identity/Reference/contengpolicyreference.htm", "updated 2024-08-13",
	}
	coreOperations = &Source{
		"Details for the Core Services", "Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/corepolicyreference.htm", "updated 2024-11-06",
	}
	balancerOperations = &Source{
		"Details for Load Balancing", "Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/lbpolicyreference.htm", "undated copy",
	}
	networkBalancerOperations = &Source{
		"Details for Network Load Balancing", "Details for Verb + Resource-Type Combinations",
		oracleDocs + "Identity/policyreference/nlbpolicyreference.htm", "undated copy",
	}
	bastionPolicy = &Source{
		"Managing Sessions in Bastion", "Required IAM Policy",
		oracleDocs + "Bastion/Tasks/managingsessions.htm", "undated copy",
	}
	flowLogPolicy = &Source{
		"Logs and Log Groups", "Required Permissions for Working with Logs and Log Groups; VCN Flow Logs IAM Policy",
		oracleDocs + "Logging/Task/managinglogs.htm", "copy of 2026-09-05",
	}
	loggingPolicy = &Source{
		"Details for Logging", "Resource-Types; Supported Variables",
		oracleDocs + "Identity/policyreference/loggingpolicyreference.htm", "undated copy",
	}
	budgetPolicy = &Source{
		"Budgets Overview", "Budget Concepts; Required IAM Policy",
		oracleDocs + "Billing/Concepts/budgetsoverview.htm", "undated copy",
	}
	monitoringPolicy = &Source{
		"Details for Monitoring", "Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/monitoringpolicyreference.htm", "undated copy",
	}
	notificationPolicy = &Source{
		"Details for Notifications", "Resource-Types; Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/notificationpolicyreference.htm", "undated copy",
	}
	storageOperations = &Source{
		"Details for Object Storage and Archive Storage", "Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/objectstoragepolicyreference.htm", "copy of 2026-09-05",
	}
	identityVerbs = &Source{
		"Details for IAM without Identity Domains", "Supported Variables; Details for Verbs + Resource-Type Combinations",
		oracleDocs + "Identity/Reference/iampolicyreference.htm", "updated 2024-06-06",
	}
	registryPolicy = &Source{
		"Policies to Control Repository Access", "Common Policies",
		oracleDocs + "Registry/Concepts/registrypolicyrepoaccess.htm", "undated copy",
	}
	etcdKey = &Source{
		"Encrypting Kubernetes Secrets at Rest in Etcd", "Setting Up Master Encryption Key Access",
		oracleDocs + "ContEng/Tasks/contengencryptingdata.htm", "updated 2025-01-15",
	}
	podNetworking = &Source{
		"Using the OCI VCN-Native Pod Networking CNI plugin for pod networking",
		"Additional IAM Policy when a Cluster and its Related Resources are in Different Compartments",
		oracleDocs + "ContEng/Concepts/contengpodnetworking_topic-OCI_CNI_plugin.htm",
		"outline of 2026-09-05; statements as quoted by oracle-devrel, commit 0108058",
	}
	blockVolumes = &Source{
		"Provisioning PVCs on the Block Volume Service", "introduction",
		oracleDocs + "ContEng/Tasks/contengcreatingpersistentvolumeclaim_topic-Provisioning_PVCs_on_BV.htm",
		"updated 2025-01-31",
	}
	reservedAddress = &Source{
		"OKE Policies (oracle-devrel/technology-engineering)", "Use reserved public IP in different compartments than OKE",
		"github.com/oracle-devrel/technology-engineering, app-dev/devops-and-containers/oke/oke-policies/policies.md",
		"commit 0108058",
	}
	certificatesPolicy = &Source{
		"Details for the Certificates Service", "Supported Variables; Details for Verb + Resource-Type Combinations",
		oracleDocs + "Identity/Reference/certificatespolicyreference.htm", "updated 2025-01-14",
	}
	dnsPolicy = &Source{
		"Details for the DNS Service", "Individual Resource-Types; Supported Variables",
		oracleDocs + "Identity/Reference/dnspolicyreference.htm", "read 2026-11-29, in part",
	}
	nodePoolPrincipal = &Source{
		"OKE node pool authorization path update (Oracle Cloud Infrastructure blog)", "Who Should Review Configuration Now",
		"blogs.oracle.com/cloud-infrastructure/oke-node-pool-authorization-path-update", "2026; only its beginning was read",
	}
	landingZone = &Source{
		"OCI Landing Zone, OKE extension (oci-landing-zone-operating-entities)", "oke_iam_shared.libsonnet",
		"github.com/oci-landing-zones/oci-landing-zone-operating-entities, gen/workload-extensions/oke/simple",
		"commit dab1385 of 2026-08-05",
	}
	reservationPolicy = &Source{
		"Using Capacity Reservations to Provision Managed Nodes", "Required IAM Policies for Using Capacity Reservations",
		oracleDocs + "ContEng/Tasks/contengmakingcapacityreservations.htm", "updated 2025-01-15",
	}
	diskKeyPolicy = &Source{
		"OKE Policies (oracle-devrel/technology-engineering)", "Encrypt boot volume with key",
		"github.com/oracle-devrel/technology-engineering, app-dev/devops-and-containers/oke/oke-policies/policies.md",
		"undated copy, which quotes Oracle's Policy Configuration for Cluster Creation and Deployment",
	}
	signedImages = &Source{
		"Enforcing the Use of Signed Images from Registry", "Required IAM Policies for Enforcing the Use of Signed Images",
		oracleDocs + "ContEng/Tasks/contengenforcingsignedimagesfromocir.htm", "updated 2025-01-15",
	}
	vaultOperations = &Source{
		"Details for the Vault Service", "Permissions Required for Each API Operation",
		oracleDocs + "Identity/Reference/keypolicyreference.htm", "cited by Oracle's pages on Vault; not read itself",
	}
	virtualNodePolicy = &Source{
		"Required IAM Policies for Using Virtual Nodes", "introduction",
		oracleDocs + "ContEng/Tasks/contengvirtualnodes-Required_IAM_Policies.htm", "updated 2024-12-18",
	}
	taggingPolicy = &Source{
		"Categorization with Defined Tags (Private Cloud Appliance)", "Permissions for Working with Defined Tags",
		"docs.oracle.com/en/engineered-systems/private-cloud-appliance/3.0-latest/concept/concept-tags-defined.html",
		"undated copy",
	}
	autoscalerPolicySource = &Source{
		"Working with the Cluster Autoscaler as a Cluster Add-on",
		"Using workload identity principals to enable the Cluster Autoscaler add-on to access node pools",
		oracleDocs + "ContEng/Tasks/contengusingclusterautoscaler_topic-" +
			"Working_with_Cluster_Autoscaler_as_Cluster_Add-on.htm",
		"undated copy; outline of 2026-09-05",
	}
)
