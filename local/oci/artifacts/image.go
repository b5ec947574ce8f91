package artifacts

import (
	"slices"

	"oke-guestbook/local/oci/engine"
)

// imageState is what the service remembers of an image: its manifest.
type imageState struct {
	MediaType string
	Manifest  []byte
	Blobs     []string // digests of configuration and layers
}

func registerImages(api engine.API) {
	const path = "/container/images"
	api.ServeReads(&engine.Kind{
		Name: imageKind, Title: "image", Path: path, Model: "artifacts.ContainerImage",
		Summary: "artifacts.ContainerImageSummary", Filters: []string{"repositoryId", "repositoryName", "version"},
		Selects: map[string]func(engine.Doc, string) bool{
			"imageId": engine.At("id"), "imageDigest": engine.At("digest"),
			"isVersioned": func(doc engine.Doc, value string) bool {
				return (len(doc.List("versions")) > 0) == (value == "true")
			},
		},
		States: states, Collection: func(engine.Doc, []any) {}, Private: engine.PrivateOf[imageState](),
		Removed: func(t *engine.Tx, r *engine.Resource) error {
			recount(t, r.Doc.Str("repositoryId"))
			return nil
		},
	})
	api.Handle("DELETE "+path+"/{id}", "", engine.OnChangeable(imageKind,
		func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) { return noContent(c.Remove(r)) }))
}

// imagesOf returns the images of a repository, oldest first.
func imagesOf(t *engine.Tx, repository string) []*engine.Resource {
	return t.All(imageKind, engine.With("repositoryId", repository))
}

// find returns the image of a repository with a tag or a digest, or nil.
func find(t *engine.Tx, repository, reference string) *engine.Resource {
	for _, r := range imagesOf(t, repository) {
		if r.Doc.Str("digest") == reference || hasVersion(r, reference) {
			return r
		}
	}
	return nil
}

func hasVersion(r *engine.Resource, tag string) bool {
	return slices.ContainsFunc(r.Doc.Objects("versions"), func(v engine.Doc) bool { return v.Str("version") == tag })
}

// tag gives an image a tag, and takes it from the image that has had it.
func tag(t *engine.Tx, image *engine.Resource, version string) {
	if old := find(t, image.Doc.Str("repositoryId"), version); old != nil {
		old = t.Edit(old.ID)
		old.Doc["versions"] = slices.DeleteFunc(old.Doc.List("versions"), func(v any) bool {
			return v.(engine.Doc).Str("version") == version
		})
		name(old)
	}
	added := engine.Doc{"version": version, "createdBy": engine.UserID, "timeCreated": engine.Timestamp(t.Now)}
	image.Doc["versions"] = append([]any{added}, image.Doc.List("versions")...)
	name(image)
}

// name sets an image's name: the repository and the last tag, or the digest of an image without one.
func name(r *engine.Resource) {
	repository := r.Doc.Str("repositoryName")
	if versions := r.Doc.Objects("versions"); len(versions) > 0 {
		r.Doc["version"] = versions[0].Str("version")
		r.Doc["displayName"] = repository + ":" + versions[0].Str("version")
		return
	}
	delete(r.Doc, "version")
	r.Doc["displayName"] = repository + ":unknown@" + r.Doc.Str("digest")
}
