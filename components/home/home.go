// Package home makes resources in the tenancy's home region, the only one that accepts some.
package home

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Options returns the options of a child of parent in the home region: with a provider of its own, called name-home,
// unless region is the home region. An empty home means region.
func Options(ctx *pulumi.Context, name, region, home string, parent pulumi.Resource) ([]pulumi.ResourceOption, error) {
	options := []pulumi.ResourceOption{pulumi.Parent(parent)}
	if home == "" || home == region {
		return options, nil
	}
	provider, err := oci.NewProvider(ctx, name+"-home", configured(ctx, home), pulumi.Parent(parent))
	if err != nil {
		return nil, fmt.Errorf("provider for home region %s: %w", home, err)
	}
	return append(options, pulumi.Provider(provider)), nil
}

// Policy is an IAM policy. All but Tags is required.
type Policy struct {
	Name          string // unique in the compartment
	CompartmentID string
	Description   string
	Statements    pulumi.StringArrayInput
	Tags          map[string]string
}

// Made is a policy that was made.
type Made struct {
	pulumi.CustomResourceState

	TimeCreated pulumi.StringPtrOutput `pulumi:"timeCreated"`
}

// Create makes the policy with options of Options. It is registered by its token: pulumi-oci's package identity takes
// minutes to compile.
func (p Policy) Create(ctx *pulumi.Context, name string, options ...pulumi.ResourceOption) (*Made, error) {
	var made Made
	err := ctx.RegisterResource("oci:Identity/policy:Policy", name, pulumi.Map{
		"compartmentId": pulumi.String(p.CompartmentID),
		"name":          pulumi.String(p.Name),
		"description":   pulumi.String(p.Description),
		"statements":    p.Statements,
		"freeformTags":  pulumi.ToStringMap(p.Tags),
	}, &made, options...)
	if err != nil {
		return nil, fmt.Errorf("policy %q: %w", p.Name, err)
	}
	return &made, nil
}

// DynamicGroup is a dynamic group. All but Tags is required.
type DynamicGroup struct {
	Name        string // unique in the tenancy
	TenancyID   string
	Description string
	Rule        string // of the instances in it
	Tags        map[string]string
}

// Create makes the group with options of Options. It is registered by its token, as a policy is.
func (g DynamicGroup) Create(ctx *pulumi.Context, name string, options ...pulumi.ResourceOption,
) (*pulumi.CustomResourceState, error) {
	var made pulumi.CustomResourceState
	err := ctx.RegisterResource("oci:Identity/dynamicGroup:DynamicGroup", name, pulumi.Map{
		"compartmentId": pulumi.String(g.TenancyID),
		"name":          pulumi.String(g.Name),
		"description":   pulumi.String(g.Description),
		"matchingRule":  pulumi.String(g.Rule),
		"freeformTags":  pulumi.ToStringMap(g.Tags),
	}, &made, options...)
	if err != nil {
		return nil, fmt.Errorf("dynamic group %q: %w", g.Name, err)
	}
	return &made, nil
}

// configured returns the arguments of a provider for another region. Explicit providers do not read the stack's
// configuration, so its credentials are passed on.
func configured(ctx *pulumi.Context, region string) *oci.ProviderArgs {
	value := func(key string) pulumi.StringPtrInput {
		text, ok := ctx.GetConfig("oci:" + key)
		switch {
		case !ok:
			return nil
		case ctx.IsConfigSecret("oci:" + key):
			return pulumi.ToSecret(pulumi.String(text)).(pulumi.StringOutput).ToStringPtrOutput()
		}
		return pulumi.StringPtr(text)
	}
	return &oci.ProviderArgs{
		Region:             pulumi.String(region),
		Auth:               value("auth"),
		ConfigFileProfile:  value("configFileProfile"),
		TenancyOcid:        value("tenancyOcid"),
		UserOcid:           value("userOcid"),
		Fingerprint:        value("fingerprint"),
		PrivateKey:         value("privateKey"),
		PrivateKeyPath:     value("privateKeyPath"),
		PrivateKeyPassword: value("privateKeyPassword"),
	}
}
