// Package artifacts emulates Container Registry: repositories and images of the Artifacts API, and the registry that
// container clients push to and pull from. The content of layers is in files beside the state, manifests are in the
// state. Generic artifacts are not emulated.
package artifacts

import (
	"net/http"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/objectstorage"
)

const (
	base              = "/20160918"
	repositoryKind    = "containerrepo"
	imageKind         = "containerimage"
	configurationKind = "containerconfiguration"
)

// states are a life cycle's: nothing takes time.
var states = engine.States{Live: "AVAILABLE", Deleting: "DELETING", Deleted: "DELETED"}

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	registerRepositories(api)
	registerImages(api)
	registerConfiguration(api)
	registerRegistry(e)
}

// registerConfiguration adds the tenancy's one setting. There is a resource while it is not the default.
func registerConfiguration(api engine.API) {
	api.AddKind(&engine.Kind{Name: configurationKind})
	const path, field = "/container/configuration", "isRepositoryCreatedOnFirstPush"
	answer := func(t *engine.Tx) (*engine.Answer, error) {
		return &engine.Answer{Body: engine.Doc{field: createsOnPush(t), "namespace": objectstorage.Namespace}}, nil
	}
	api.Handle("GET "+path, "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		return answer(c.Tx)
	})
	api.Handle("PUT "+path, "artifacts.UpdateContainerConfigurationDetails",
		func(c *engine.Call) (*engine.Answer, error) {
			creates := createsOnPush(c.Tx)
			c.Body.Default(engine.Doc{field: creates})
			switch {
			case creates && !c.Body.Flag(field):
				c.Add(configurationKind, engine.NewOCID(configurationKind), engine.Doc{"displayName": field + " = false"})
			case !creates && c.Body.Flag(field):
				if err := c.RemoveAll(c.All(configurationKind)); err != nil {
					return nil, err
				}
			}
			return answer(c.Tx)
		})
}

// createsOnPush reports whether a push to a repository that does not exist creates it.
func createsOnPush(t *engine.Tx) bool { return len(t.All(configurationKind)) == 0 }

func noContent(err error) (*engine.Answer, error) {
	return &engine.Answer{Status: http.StatusNoContent}, err
}
