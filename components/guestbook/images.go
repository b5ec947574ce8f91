package guestbook

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// These are called by their tokens: the SDK's package artifacts, which has typed functions for them, would have to be
// compiled.
const (
	getContainerRepositories = "oci:Artifacts/getContainerRepositories:getContainerRepositories"
	getContainerImages       = "oci:Artifacts/getContainerImages:getContainerImages"
)

// repository is a repository of Oracle's registry.
type repository struct {
	ID        string `pulumi:"id"`
	Namespace string `pulumi:"namespace"`
	IsPublic  bool   `pulumi:"isPublic"`
}

// CheckImages asks Oracle's registry for the guestbook's images in repositories of the compartment: Pods would wait for
// one that is private, without credentials, or that does not exist, until the update fails after many minutes. What it
// cannot see, because of the user's rights or in another tenancy or region, it does not judge.
func CheckImages(ctx *pulumi.Context, g workload.Guestbook, registry workload.Registry, place Place) error {
	for _, image := range []struct{ setting, name string }{
		{"frontendImage", g.FrontendImage}, {"choresImage", g.ChoresImage}, {"mongoImage", g.MongoImage},
	} {
		ref, err := reference.ParseNamed(image.name)
		if err != nil || workload.OracleRegion(image.name) == "" {
			continue
		}
		namespace, name, _ := strings.Cut(reference.Path(ref), "/")
		found, err := repositoryNamed(ctx, name, namespace, place)
		if err != nil {
			_ = ctx.Log.Debug(fmt.Sprintf("%s: repository %s: %v", image.setting, name, err), nil)
			continue
		}
		if found == nil || !sameRegion(workload.OracleRegion(image.name), found.ID) {
			continue
		}
		if !found.IsPublic && !registry.Serves(image.name) {
			return fmt.Errorf("%s: guestbook %q cannot pull %s: its repository is private: set registryUsername and "+
				"registryPassword, or make it public with make push PUBLIC=1", image.setting, g.Name, image.name)
		}
		if err := checkTag(ctx, ref, found.ID, place); err != nil {
			return fmt.Errorf("%s: guestbook %q: %w", image.setting, g.Name, err)
		}
	}
	return nil
}

// repositoryNamed returns the repository in the compartment, or nil.
func repositoryNamed(ctx *pulumi.Context, name, namespace string, place Place) (*repository, error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
		DisplayName   string `pulumi:"displayName"`
	}{place.CompartmentID, name}
	var result struct {
		Collections []struct {
			Items []repository `pulumi:"items"`
		} `pulumi:"containerRepositoryCollections"`
	}
	if err := ctx.Invoke(getContainerRepositories, &args, &result); err != nil {
		return nil, err
	}
	for _, collection := range result.Collections {
		for _, r := range collection.Items {
			if r.Namespace == namespace {
				return &r, nil
			}
		}
	}
	return nil, nil
}

// sameRegion reports whether a resource is surely in a region: OCIDs name some regions by their keys.
func sameRegion(region, id string) bool {
	parts := strings.Split(id, ".")
	return len(parts) > 3 && workload.RegionNamed(parts[3]) == region
}

// checkTag returns an error if the repository has no image of the tag.
func checkTag(ctx *pulumi.Context, ref reference.Named, repository string, place Place) error {
	tagged, ok := ref.(reference.Tagged)
	if _, pinned := ref.(reference.Digested); !ok || pinned {
		return nil // the digest of one architecture's image is as good as the index's
	}
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
		RepositoryID  string `pulumi:"repositoryId"`
		Version       string `pulumi:"version"`
	}{place.CompartmentID, repository, tagged.Tag()}
	var result struct {
		Collections []struct {
			Items []struct {
				ID string `pulumi:"id"`
			} `pulumi:"items"`
		} `pulumi:"containerImageCollections"`
	}
	if err := ctx.Invoke(getContainerImages, &args, &result); err != nil {
		_ = ctx.Log.Debug(fmt.Sprintf("images of %s: %v", ref, err), nil)
		return nil
	}
	for _, collection := range result.Collections {
		if len(collection.Items) > 0 {
			return nil
		}
	}
	return fmt.Errorf("there is no image %s: make push IMAGE=%s builds and pushes it", ref, ref)
}
