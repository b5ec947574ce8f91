package identity

import (
	"net/http"
	"strings"

	"oke-guestbook/local/oci/engine"
)

const (
	tagNamespaceKind = "tagnamespace"
	tagKind          = "tagdefinition"
)

// registerTags adds tag namespaces and their tags, whose names the service compares without case. They can be retired
// and reactivated; the service deletes retired ones within two days, and the local cloud keeps them.
func registerTags(api engine.API) {
	states := engine.States{Live: "ACTIVE"}
	api.ServeReads(&engine.Kind{
		Name: tagNamespaceKind, Path: "/tagNamespaces", Model: "identity.TagNamespace",
		Summary: "identity.TagNamespaceSummary", NameKey: "name", Global: true, States: states,
		Defaults: engine.Doc{"isRetired": false}, OnCreate: createTagNamespace,
	})
	api.AddKind(&engine.Kind{
		Name: tagKind, Model: "identity.Tag", NameKey: "name", Global: true, States: states,
		Defaults: engine.Doc{"isRetired": false, "isCostTracking": false}, OnCreate: createTag,
	})
	create := func(kind string) engine.Handler {
		return func(c *engine.Call) (*engine.Answer, error) {
			r, err := c.Create(kind)
			if err != nil {
				return nil, err
			}
			answer := r.Answer()
			answer.Created = r.ID
			return answer, nil
		}
	}
	const path = "/tagNamespaces"
	api.Handle("POST "+path, "identity.CreateTagNamespaceDetails", create(tagNamespaceKind))
	api.Handle("PUT "+path+"/{id}", "identity.UpdateTagNamespaceDetails", engine.OnNamed(tagNamespaceKind, updateTag))
	api.Handle("POST "+path+"/{id}/tags", "identity.CreateTagDetails", create(tagKind))
	api.Handle("GET "+path+"/{id}/tags", "", engine.OnNamed(tagNamespaceKind, listTags))
	api.Handle("GET "+path+"/{id}/tags/{name}", "", onTag(
		func(_ *engine.Call, tag *engine.Resource) (*engine.Answer, error) { return tag.Answer(), nil }))
	api.Handle("PUT "+path+"/{id}/tags/{name}", "identity.UpdateTagDetails", onTag(updateTag))
	api.DefineTagsBy(mayTag)
}

func listTags(c *engine.Call, namespace *engine.Resource) (*engine.Answer, error) {
	var tags []any
	for _, r := range c.All(tagKind, engine.With("tagNamespaceId", namespace.ID)) {
		if c.Matches(r.Doc, "lifecycleState") {
			tags = append(tags, engine.Summary("identity.TagSummary", r.Doc))
		}
	}
	return c.Page(tags)
}

// onTag makes a handler of the tag that the path names.
func onTag(h engine.ResourceHandler) engine.Handler {
	return func(c *engine.Call) (*engine.Answer, error) {
		tag := findTag(c.Tx, tagKind, c.ID(), c.Path("name"))
		if tag == nil {
			return nil, engine.NotFound(c.Path("name"))
		}
		return h(c, tag)
	}
}

// findTag returns the tag namespace, or the tag of a namespace, of a name; nil if there is none.
func findTag(t *engine.Tx, kind, namespace, name string) *engine.Resource {
	for _, r := range t.All(kind) {
		if strings.EqualFold(r.Doc.Str("name"), name) && r.Doc.Str("tagNamespaceId") == namespace {
			return r
		}
	}
	return nil
}

func checkTagName(same *engine.Resource, doc engine.Doc) error {
	if name := doc.Str("name"); name == "" || len(name) > 100 || strings.ContainsAny(name, ". ") {
		return engine.Invalid("name: %q must have 1 to 100 characters without periods and blanks", name)
	}
	if same != nil {
		return engine.Fail(http.StatusConflict, "TagNamespaceOrTagAlreadyExists", "%s has the name %q", same.ID,
			same.Doc.Str("name"))
	}
	return nil
}

func createTagNamespace(c *engine.Call, doc engine.Doc) error {
	return checkTagName(findTag(c.Tx, tagNamespaceKind, "", doc.Str("name")), doc)
}

func createTag(c *engine.Call, doc engine.Doc) error {
	namespace, err := c.Named(tagNamespaceKind, c.ID())
	if err != nil {
		return err
	}
	if doc["validator"] != nil {
		return engine.NotImplemented("the local cloud checks no values of tags: leave the validator out")
	}
	doc["tagNamespaceId"], doc["tagNamespaceName"] = namespace.ID, namespace.Doc["name"]
	doc["compartmentId"] = namespace.Doc["compartmentId"]
	return checkTagName(findTag(c.Tx, tagKind, namespace.ID, doc.Str("name")), doc)
}

// updateTag changes a namespace or a tag. One that is retired is INACTIVE, until it is reactivated. A namespace retires
// its tags, and does not reactivate them (Oracle, "oci iam tag-namespace retire", read 2026-11-29).
func updateTag(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	r = c.Edit(r.ID)
	r.Doc.Merge(c.Body)
	r.SetState("ACTIVE")
	if r.Doc["isRetired"] == true {
		r.SetState("INACTIVE")
		for _, tag := range c.All(tagKind, engine.With("tagNamespaceId", r.ID)) {
			tag = c.Edit(tag.ID)
			tag.Doc["isRetired"] = true
			tag.SetState("INACTIVE")
		}
	}
	return r.Answer(), nil
}

// mayTag refuses a defined tag that does not exist, and a retired one that is added. The first words are those of OKE
// (oracle-terraform-modules/terraform-oci-oke#562) and Compute (hashicorp/terraform#32357; both 2022, read 2026-11-29);
// those for keys and about what is retired are assumed.
func mayTag(t *engine.Tx, namespace, key string, added bool) error {
	space := findTag(t, tagNamespaceKind, "", namespace)
	if space == nil {
		return noTag("TagNamespace %s does not exists.", namespace)
	}
	tag := findTag(t, tagKind, space.ID, key)
	if tag == nil {
		return noTag("TagDefinition %s.%s does not exists.", namespace, key)
	}
	if added && (space.Doc["isRetired"] == true || tag.Doc["isRetired"] == true) {
		return noTag("%s.%s is retired.", namespace, key)
	}
	return nil
}

func noTag(format string, args ...any) error {
	return engine.Fail(http.StatusBadRequest, "RelatedResourceNotAuthorizedOrNotFound",
		"The following tag namespaces / keys are not authorized or not found: "+format, args...)
}
