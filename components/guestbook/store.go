package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// Store is where backups go. Its types are our own: pulumi-oci's packages objectstorage and identity take minutes to compile.
type Store struct {
	CompartmentID string
	ClusterID     pulumi.StringInput
	Region        string // "us-ashburn-1"
	HomeRegion    string // of the tenancy, which alone takes policies; empty if it is Region
	Tags          map[string]string
}

// store makes the guestbook's bucket, and lets its backup jobs, and nothing else, handle the objects in it. A destroy leaves
// a bucket that holds backups alone, and says so: emptying it is for a person to do.
func (b *builder) store() (name, namespace string, err error) {
	s := b.args.Store
	namespace, err = objectStorageNamespace(b.ctx, s.CompartmentID, pulumi.Parent(b.g))
	if err != nil {
		return "", "", fmt.Errorf("namespace of Object Storage: %w", err)
	}
	name = fmt.Sprintf("%s-%s-%s-backups", b.ctx.Project(), b.ctx.Stack(), b.name)
	tags := pulumi.ToStringMap(s.Tags)
	var made pulumi.CustomResourceState
	err = b.ctx.RegisterResource("oci:ObjectStorage/bucket:Bucket", b.name+"-backups", pulumi.Map{
		"compartmentId": pulumi.String(s.CompartmentID),
		"namespace":     pulumi.String(namespace),
		"name":          pulumi.String(name),
		"accessType":    pulumi.String("NoPublicAccess"),
		"storageTier":   pulumi.String("Standard"),
		"freeformTags":  tags,
	}, &made, pulumi.Parent(b.g), pulumi.Protect(b.args.Protect), b.unchanged)
	if err != nil {
		return "", "", fmt.Errorf("bucket %q: %w", name, err)
	}
	// Conditions of workload identity: Oracle documentation, "Granting Workloads Access to OCI Resources".
	statement := pulumi.Sprintf("Allow any-user to manage objects in compartment id %s where all {"+
		"request.principal.type = 'workload', request.principal.namespace = '%s', request.principal.service_account = '%s', "+
		"request.principal.cluster_id = '%s', target.bucket.name = '%s'}",
		s.CompartmentID, b.book.Namespace, flows.Backup, s.ClusterID, name)
	home := []pulumi.ResourceOption{pulumi.Parent(b.g), b.unchanged}
	if s.HomeRegion != "" && s.HomeRegion != s.Region {
		provider, err := oci.NewProvider(b.ctx, b.name+"-home", b.inRegion(s.HomeRegion), pulumi.Parent(b.g))
		if err != nil {
			return "", "", fmt.Errorf("provider for home region %s: %w", s.HomeRegion, err)
		}
		home = append(home, pulumi.Provider(provider))
	}
	var policy pulumi.CustomResourceState
	err = b.ctx.RegisterResource("oci:Identity/policy:Policy", b.name+"-backups", pulumi.Map{
		"compartmentId": pulumi.String(s.CompartmentID),
		"name":          pulumi.String(name),
		"description":   pulumi.Sprintf("Backups of guestbook %s", b.name),
		"statements":    pulumi.StringArray{statement},
		"freeformTags":  tags,
	}, &policy, home...)
	if err != nil {
		return "", "", fmt.Errorf("policy %q: %w", name, err)
	}
	return name, namespace, nil
}

func objectStorageNamespace(ctx *pulumi.Context, compartmentID string, opts ...pulumi.InvokeOption) (string, error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{compartmentID}
	var result struct {
		Namespace string `pulumi:"namespace"`
	}
	err := ctx.Invoke("oci:ObjectStorage/getNamespace:getNamespace", &args, &result, opts...)
	return result.Namespace, err
}

// inRegion are the arguments of a provider for another region. Explicit providers read nothing of the stack's file, so what it
// says of credentials is handed on.
func (b *builder) inRegion(region string) *oci.ProviderArgs {
	configured := func(key string) pulumi.StringPtrInput {
		value, ok := b.ctx.GetConfig("oci:" + key)
		switch {
		case !ok:
			return nil
		case b.ctx.IsConfigSecret("oci:" + key):
			return pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput).ToStringPtrOutput()
		}
		return pulumi.StringPtr(value)
	}
	return &oci.ProviderArgs{
		Region: pulumi.String(region),
		Auth:   configured("auth"), ConfigFileProfile: configured("configFileProfile"),
		TenancyOcid: configured("tenancyOcid"), UserOcid: configured("userOcid"), Fingerprint: configured("fingerprint"),
		PrivateKey: configured("privateKey"), PrivateKeyPath: configured("privateKeyPath"), PrivateKeyPassword: configured("privateKeyPassword"),
	}
}
