package artifacts

import (
	"regexp"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/objectstorage"
)

// repositoryName is the form of a repository's name without the tenancy's namespace (OCI Distribution Specification,
// "Pulling manifests").
var repositoryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

const maxRepositoryName = 255

func registerRepositories(api engine.API) {
	api.Serve(&engine.Kind{
		Name: repositoryKind, Title: "repository", Path: "/container/repositories",
		Create: "artifacts.CreateContainerRepositoryDetails", Update: "artifacts.UpdateContainerRepositoryDetails",
		Model: "artifacts.ContainerRepository", Summary: "artifacts.ContainerRepositorySummary",
		Filters: []string{"isPublic", "repositoryType", "isTopLevel"},
		Selects: map[string]func(engine.Doc, string) bool{"repositoryId": engine.At("id")},
		States:  states, Collection: sumRepositories, OnCreate: createRepository,
		OnDelete: func(t *engine.Tx, r *engine.Resource) error { return t.RemoveAll(imagesOf(t, r.ID)) },
	})
}

func createRepository(c *engine.Call, doc engine.Doc) error {
	if doc.Str("repositoryType") != "" && doc.Str("repositoryType") != "STANDARD" {
		return engine.NotImplemented("the local cloud has repositories of type STANDARD only")
	}
	return completeRepository(c.Tx, doc)
}

// completeRepository checks the name of a new repository, and adds what it does not say. A name is unique in the
// tenancy.
func completeRepository(t *engine.Tx, doc engine.Doc) error {
	name := doc.Str("displayName")
	if !repositoryName.MatchString(name) || len(name) > maxRepositoryName {
		return engine.Invalid("displayName: %q must be words of small letters and digits, separated by / . _ or -", name)
	}
	if r := repositoryNamed(t, name); r != nil {
		return engine.Conflict("the repository %q exists in compartment %s", name, r.Doc.Str("compartmentId"))
	}
	doc.Default(engine.Doc{"isPublic": false, "isImmutable": false, "repositoryType": "STANDARD", "isTopLevel": false})
	doc.Merge(engine.Doc{
		"createdBy": engine.UserID, "namespace": objectstorage.Namespace, "imageCount": 0.0, "layerCount": 0.0,
		"layersSizeInBytes": 0.0, "billableSizeInGBs": 0.0,
	})
	return nil
}

// repositoryNamed returns the tenancy's repository of that name, or nil.
func repositoryNamed(t *engine.Tx, name string) *engine.Resource {
	for _, r := range t.All(repositoryKind, engine.With("displayName", name)) {
		return r
	}
	return nil
}

// sumRepositories completes the answer of a list of repositories.
func sumRepositories(answer engine.Doc, all []any) {
	sums := map[string]float64{"layerCount": 0, "layersSizeInBytes": 0, "imageCount": 0}
	for _, item := range all {
		for field := range sums {
			sums[field] += item.(engine.Doc).Num(field)
		}
	}
	for field, sum := range sums {
		answer[field] = sum
	}
	answer["repositoryCount"] = len(all)
}

// recount writes into a repository what its images add up to.
func recount(t *engine.Tx, repository string) {
	layers := map[string]float64{}
	images := imagesOf(t, repository)
	for _, r := range images {
		for _, layer := range r.Doc.Objects("layers") {
			layers[layer.Str("digest")] = layer.Num("sizeInBytes")
		}
	}
	var size float64
	for _, bytes := range layers {
		size += bytes
	}
	if r := t.Edit(repository); r != nil {
		r.Doc.Merge(engine.Doc{
			"imageCount": float64(len(images)), "layerCount": float64(len(layers)), "layersSizeInBytes": size,
			"billableSizeInGBs": float64(int(size) >> 30),
		})
	}
}
