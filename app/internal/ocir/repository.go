package ocir

import (
	"context"
	"errors"
	"fmt"

	"github.com/oracle/oci-go-sdk/v65/artifacts"
	"github.com/oracle/oci-go-sdk/v65/common"
)

// Repository is what Make found or did.
type Repository struct {
	Public      bool
	Description string // such as "made the private repository guestbook in compartment ocid1..."
}

// Make makes sure that the image's repository exists. A new one is made in the compartment, public or private; one that
// exists, in any compartment that the user may see, becomes public if that is asked for, and stays as it is otherwise.
//
// A push alone would make a repository that does not exist, private and in the root compartment (Artifacts API,
// ContainerConfiguration).
func (r *Registry) Make(ctx context.Context, compartment string, public bool) (Repository, error) {
	if err := r.checkNamespace(ctx, compartment); err != nil {
		return Repository{}, err
	}
	found, err := r.find(ctx, compartment)
	if err != nil {
		return Repository{}, fmt.Errorf("repository %s: %w", r.path, r.explain(err))
	}
	switch {
	case found == nil:
		_, err = r.artifacts.CreateContainerRepository(ctx, artifacts.CreateContainerRepositoryRequest{
			CreateContainerRepositoryDetails: artifacts.CreateContainerRepositoryDetails{
				CompartmentId: &compartment, DisplayName: &r.path, IsPublic: &public,
			},
		})
		if err != nil {
			return Repository{}, fmt.Errorf("make repository %s in compartment %s: %w", r.path, compartment, r.explain(err))
		}
		return Repository{public, fmt.Sprintf("made the %s repository %s in compartment %s",
			visibility(public), r.path, compartment)}, nil
	case public && !*found.IsPublic:
		_, err = r.artifacts.UpdateContainerRepository(ctx, artifacts.UpdateContainerRepositoryRequest{
			RepositoryId:                     found.Id,
			UpdateContainerRepositoryDetails: artifacts.UpdateContainerRepositoryDetails{IsPublic: &public},
		})
		if err != nil {
			return Repository{}, fmt.Errorf("make repository %s public: %w", r.path, r.explain(err))
		}
		return Repository{true, fmt.Sprintf("made the repository %s public", r.path)}, nil
	}
	return Repository{*found.IsPublic, fmt.Sprintf("the repository %s exists in compartment %s, and is %s",
		r.path, *found.CompartmentId, visibility(*found.IsPublic))}, nil
}

func visibility(public bool) string {
	if public {
		return "public"
	}
	return "private"
}

// checkNamespace refuses an image of another tenancy: its repository would be made in the user's own.
func (r *Registry) checkNamespace(ctx context.Context, compartment string) error {
	response, err := r.artifacts.GetContainerConfiguration(ctx, artifacts.GetContainerConfigurationRequest{
		CompartmentId: &compartment,
	})
	var failure common.ServiceError
	switch {
	case errors.As(err, &failure) && (failure.GetHTTPStatusCode() == 403 || failure.GetHTTPStatusCode() == 404):
		return nil // who may use repositories need not be allowed to read the configuration
	case err != nil:
		return fmt.Errorf("registry %s: %w", r.repository.Registry, r.explain(err))
	}
	if *response.Namespace != r.namespace {
		return fmt.Errorf("IMAGE: %s is not the namespace of the tenancy of %s: want %s/%s/%s",
			r.namespace, r.profile, r.repository.Registry, *response.Namespace, r.path)
	}
	return nil
}

// find returns the repository, or nil: the one in the compartment, or else the one that the user sees in the tenancy. A
// name is unique in the tenancy.
func (r *Registry) find(ctx context.Context, compartment string) (*artifacts.ContainerRepositorySummary, error) {
	tenancy, err := (*r.artifacts.ConfigurationProvider()).TenancyOCID()
	if err != nil {
		return nil, err
	}
	for _, where := range []struct {
		compartment string
		below       bool
	}{{compartment, false}, {tenancy, true}} {
		response, err := r.artifacts.ListContainerRepositories(ctx, artifacts.ListContainerRepositoriesRequest{
			CompartmentId: &where.compartment, CompartmentIdInSubtree: &where.below, DisplayName: &r.path,
		})
		if err != nil && !where.below {
			return nil, err
		}
		if err == nil && len(response.Items) > 0 { // a user may not see the whole tenancy
			return &response.Items[0], nil
		}
	}
	return nil, nil
}
