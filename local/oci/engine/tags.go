package engine

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Limits of tags (Oracle documentation, "Tagging Overview", section "Limits on Tags"; read in part).
const (
	maxFreeformTags = 10
	maxDefinedTags  = 64
	maxTagName      = 100
	maxTagValue     = 256
	maxTagData      = 5 * 1024 // bytes of JSON, which Oracle gives as 5 K
)

// DefineTagsBy makes a function refuse defined tags that do not exist, and those that are retired if they are added.
// Without one, there are all.
func (e *Engine) DefineTagsBy(f func(t *Tx, namespace, key string, added bool) error) { e.tagged = f }

// checkDefined refuses the defined tags, at every depth of a body, that do not exist. A resource keeps retired ones
// (Oracle, "Retiring a Tag Key Definition", read 2026-11-29); that an update may name them is assumed.
func (c *Call) checkDefined(body any) error {
	if list, isList := body.([]any); isList {
		for _, v := range list {
			if err := c.checkDefined(v); err != nil {
				return err
			}
		}
	}
	doc, _ := asDoc(body)
	for field, v := range doc {
		if field != "definedTags" || c.e.tagged == nil {
			if err := c.checkDefined(v); err != nil {
				return err
			}
			continue
		}
		namespaces, _ := asDoc(v)
		for namespace, keys := range namespaces {
			keys, _ := asDoc(keys)
			for key := range keys {
				if err := c.e.tagged(c.Tx, namespace, key, c.Request.Method == http.MethodPost); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkTags checks the tags at every depth of a body.
func checkTags(body any) error {
	doc, isDoc := asDoc(body)
	if err := checkTagData(doc); err != nil {
		return err
	}
	for field, v := range doc {
		err := checkTags(v)
		switch tags, _ := asDoc(v); field {
		case "freeformTags":
			err = checkTagMap(field, tags, maxFreeformTags)
		case "definedTags":
			err = checkDefinedTags(tags)
		}
		if err != nil {
			return err
		}
	}
	if list, isList := body.([]any); isList && !isDoc {
		for _, v := range list {
			if err := checkTags(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTagData checks the size of all tags of a body together. Not counted are those that a resource keeps if the body
// has only tags of the other kind.
func checkTagData(doc Doc) error {
	all := Doc{}
	for _, field := range []string{"freeformTags", "definedTags"} {
		if doc[field] != nil {
			all[field] = doc[field]
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return Invalid("definedTags: %v", err)
	}
	if len(data) > maxTagData {
		return Invalid("freeformTags and definedTags are %d bytes of JSON, and a resource has at most %d",
			len(data), maxTagData)
	}
	return nil
}

func checkDefinedTags(namespaces Doc) error {
	count := 0
	for namespace, v := range namespaces {
		keys, isDoc := asDoc(v)
		if !isDoc {
			return Invalid("definedTags: %q must be a namespace with its keys", namespace)
		}
		if err := checkTagMap("definedTags", keys, maxDefinedTags); err != nil {
			return err
		}
		if err := checkTagName("definedTags", namespace); err != nil {
			return err
		}
		count += len(keys)
	}
	if count > maxDefinedTags {
		return Invalid("definedTags: %d tags, and a resource has at most %d", count, maxDefinedTags)
	}
	return nil
}

func checkTagMap(field string, tags Doc, most int) error {
	if len(tags) > most {
		return Invalid("%s: %d tags, and a resource has at most %d", field, len(tags), most)
	}
	for name, v := range tags {
		if err := checkTagName(field, name); err != nil {
			return err
		}
		if text, _ := v.(string); utf8.RuneCountInString(text) > maxTagValue {
			return Invalid("%s: the value of %q has more than %d characters", field, name, maxTagValue)
		}
	}
	return nil
}

func checkTagName(field, name string) error {
	if name == "" || len(name) > maxTagName || strings.ContainsAny(name, ". ") {
		return Invalid("%s: %q must have 1 to %d characters without periods and blanks", field, name, maxTagName)
	}
	return nil
}
