package identity

import "oke-guestbook/local/oci/engine"

// checkUniqueName refuses a second resource of a kind with the same name in a compartment.
func checkUniqueName(c *engine.Call, kind string, doc engine.Doc) error {
	name, compartment := doc.Str("name"), doc.Str("compartmentId")
	for _, other := range c.All(kind, engine.With("name", name), engine.With("compartmentId", compartment)) {
		return engine.Fail(409, "NotAuthorizedOrResourceAlreadyExists", "a %s named %q exists: %s", kind, name, other.ID)
	}
	return nil
}
