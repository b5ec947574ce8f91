package engine

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/schema"
)

// listParameters are query parameters of every list that do not select by a field, or that other code reads.
var listParameters = []string{
	"compartmentId", "compartmentIdInSubtree", "includeSubcompartments", "isCompartmentIdInSubtree", "detail", "limit",
	"page", "sortBy", "sortOrder",
}

func (c *Call) listKind(k *Kind) (*Answer, error) {
	if k.Parent == "" && !k.AllCompartments {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
	}
	filters := append([]string{k.nameField(), "lifecycleState"}, k.Filters...)
	for parameter := range c.Query {
		_, selects := k.Selects[parameter]
		if !selects && !slices.Contains(filters, parameter) && !slices.Contains(listParameters, parameter) {
			return nil, Invalid("%s is not a parameter of this list", parameter)
		}
	}
	found := c.All(k.Name, func(r *Resource) bool {
		for _, f := range filters {
			if c.Query.Has(f) && !slices.Contains(c.Query[f], fmt.Sprint(r.Doc[f])) {
				return false
			}
		}
		for parameter, matches := range k.Selects {
			if c.Query.Has(parameter) && !matches(r.Doc, c.Query.Get(parameter)) {
				return false
			}
		}
		if k.Parent != "" {
			return r.Doc.Str(k.Parent) == c.Path(k.Parent)
		}
		return k.AllCompartments || c.wholeTenancy() || r.Doc.Str("compartmentId") == c.Query.Get("compartmentId")
	})
	sortBy(found, k.nameField(), c.Query)
	var items []any
	for _, r := range found {
		items = append(items, Summary(k.Summary, r.Doc))
	}
	a, err := c.Page(items)
	if err != nil || k.Collection == nil {
		return a, err
	}
	page := a.Body.([]any)
	answer := Doc{"items": page, "remainingItemsCount": len(items) - c.pageStart() - len(page)}
	k.Collection(answer, items)
	a.Body = answer
	return a, nil
}

// wholeTenancy reports whether a list is of the root compartment and of all below it.
func (c *Call) wholeTenancy() bool {
	names := []string{"compartmentIdInSubtree", "includeSubcompartments", "isCompartmentIdInSubtree"}
	return c.Query.Get("compartmentId") == TenancyID &&
		slices.ContainsFunc(names, func(name string) bool { return c.Query.Get(name) == "true" })
}

// At makes a function of Kind.Selects that compares the field at a path.
func At(path ...string) func(doc Doc, value string) bool {
	return func(doc Doc, value string) bool { return doc.Str(path...) == value }
}

// sortBy orders a list by the query's parameters; by default newest first, as the services do.
func sortBy(found []*Resource, nameKey string, query url.Values) {
	descending := query.Get("sortOrder") != "ASC"
	switch query.Get("sortBy") {
	case "DISPLAYNAME", "NAME", "displayName", "name":
		slices.SortStableFunc(found, func(a, b *Resource) int {
			return strings.Compare(a.Doc.Str(nameKey), b.Doc.Str(nameKey))
		})
		descending = query.Get("sortOrder") == "DESC"
	}
	if descending {
		slices.Reverse(found)
	}
}

// Summary returns the fields of a document that a model has; without a model, all.
func Summary(model string, doc Doc) Doc {
	if model == "" {
		return doc
	}
	out := maps.Clone(doc)
	maps.DeleteFunc(out, func(field string, _ any) bool { return !schema.Has(model, field) })
	return out
}

// Page answers with the part of a list that the query asks for. The page token is the position of its first item.
func (c *Call) Page(items []any) (*Answer, error) {
	start, limit := c.pageStart(), 100
	if start < 0 || start > len(items) {
		return nil, Invalid("page: %q is no page token of this list", c.Query.Get("page"))
	}
	if text := c.Query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return nil, Invalid("limit: %q must be a number from 1 to 1000", text)
		}
		limit = n
	}
	end := min(start+limit, len(items))
	a := &Answer{Body: append([]any{}, items[start:end]...), Header: map[string]string{}}
	if end < len(items) {
		a.Header["opc-next-page"] = fmt.Sprint(end)
	}
	return a, nil
}

// PageOfItems answers like Page, with an object that has the items.
func PageOfItems(c *Call, items []any) (*Answer, error) {
	a, err := c.Page(items)
	if err == nil {
		a.Body = Doc{"items": a.Body}
	}
	return a, err
}

// pageStart returns the position of the page's first item, or a negative number if the page token is none.
func (c *Call) pageStart() int {
	token := c.Query.Get("page")
	if token == "" {
		return 0
	}
	n, err := strconv.Atoi(token)
	if err != nil {
		return -1
	}
	return n
}
