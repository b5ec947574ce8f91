package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
	"oke-guestbook/plan/iam"
)

// Store is where backups are kept.
type Store struct {
	// CompartmentID is the OCID of the compartment for bucket and policy. Required.
	CompartmentID string
	// ClusterID is the OCID of the cluster, whose backup jobs may use the bucket. Required.
	ClusterID pulumi.StringInput
	// Region is the region of the bucket, such as us-ashburn-1. Required.
	Region string
	// HomeRegion is the tenancy's home region, the only one that accepts policies. Optional, default Region.
	HomeRegion string
	// Tags are the freeform tags of bucket and policy. Optional.
	Tags map[string]string
}

// bucket makes the guestbook's bucket, and a policy by which only its backup jobs may use the objects in it. It returns
// the bucket's name, its Object Storage namespace and the policy. A destroy fails at a bucket that contains backups: a
// person has to empty it.
//
// The bucket is registered by its token: pulumi-oci's package objectstorage takes minutes to compile.
func (b *builder) bucket(unchanged pulumi.ResourceOption) (name, namespace string, policy pulumi.Resource, err error) {
	s := b.args.Store
	namespace, err = objectStorageNamespace(b.ctx, s.CompartmentID, pulumi.Parent(b.g))
	if err != nil {
		return "", "", nil, fmt.Errorf("namespace of Object Storage: %w", err)
	}
	name = bucketName(b.ctx, b.name)
	var made pulumi.CustomResourceState
	err = b.ctx.RegisterResource("oci:ObjectStorage/bucket:Bucket", b.name+"-backups", pulumi.Map{
		"compartmentId": pulumi.String(s.CompartmentID),
		"namespace":     pulumi.String(namespace),
		"name":          pulumi.String(name),
		"accessType":    pulumi.String("NoPublicAccess"),
		"storageTier":   pulumi.String("Standard"),
		"freeformTags":  pulumi.ToStringMap(s.Tags),
	}, &made, pulumi.Parent(b.g), pulumi.Protect(b.args.Protect), unchanged)
	if err != nil {
		return "", "", nil, fmt.Errorf("bucket %q: %w", name, err)
	}
	policy, err = b.policy(name, unchanged)
	return name, namespace, policy, err
}

// bucketName returns the name of a guestbook's bucket.
func bucketName(ctx *pulumi.Context, guestbook string) string {
	return fmt.Sprintf("%s-%s-%s-backups", ctx.Project(), ctx.Stack(), guestbook)
}

// policy allows the backup jobs, by their workload identity, to use the objects in the bucket.
func (b *builder) policy(bucket string, unchanged pulumi.ResourceOption) (pulumi.Resource, error) {
	s := b.args.Store
	opts, err := home.Options(b.ctx, b.name, s.Region, s.HomeRegion, b.g)
	if err != nil {
		return nil, err
	}
	statement := s.ClusterID.ToStringOutput().ApplyT(func(cluster string) string {
		return iam.BackupStatement(s.CompartmentID, b.book.Namespace, cluster, bucket)
	}).(pulumi.StringOutput)
	return home.Policy{
		Name: bucket, CompartmentID: s.CompartmentID, Description: "Backups of guestbook " + b.name,
		Statements: pulumi.StringArray{statement}, Tags: s.Tags,
	}.Create(b.ctx, b.name+"-backups", append(opts, unchanged)...)
}

// objectStorageNamespace returns the tenancy's namespace of Object Storage.
func objectStorageNamespace(ctx *pulumi.Context, compartmentID string, opts ...pulumi.InvokeOption) (string, error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{compartmentID}
	var result struct {
		Namespace string `pulumi:"namespace"`
	}
	err := ctx.Invoke("oci:ObjectStorage/getNamespace:getNamespace", &args, &result, opts...)
	if err == nil && result.Namespace == "" { // the data source's answer to a 404
		err = fmt.Errorf("compartmentId: Object Storage shows this user no namespace for compartment %s", compartmentID)
	}
	return result.Namespace, err
}
