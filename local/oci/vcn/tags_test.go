package vcn_test

import (
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// TestTags expects tags to be kept, and those that the services refuse to be refused, at any depth of a body.
func TestTags(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		body := engine.Doc{"cidrBlock": "10.0.0.0/16"}
		many := engine.Doc{}
		for i := range 11 {
			many[fmt.Sprint("tag", i)] = "x"
		}
		long := func(n int) engine.Doc {
			tags := engine.Doc{}
			for i := range n {
				tags[fmt.Sprint("tag", i)] = strings.Repeat("a", 256)
			}
			return engine.Doc{"definedTags": engine.Doc{"Operations": tags}}
		}
		for name, tags := range map[string]engine.Doc{
			"too many":   {"freeformTags": many},
			"period":     {"freeformTags": engine.Doc{"a.b": "c"}},
			"long name":  {"freeformTags": engine.Doc{strings.Repeat("a", 101): "c"}},
			"long value": {"freeformTags": engine.Doc{"a": strings.Repeat("b", 257)}},
			"namespace":  {"definedTags": engine.Doc{"Operations": "42"}},
			"too large":  long(20), // 5362 bytes of JSON, and 5120 are allowed
			"blank":      {"definedTags": engine.Doc{"Operations": engine.Doc{"Cost Center": "42"}}},
		} {
			wrong := body.Clone()
			wrong.Merge(tags)
			field := "freeformTags"
			if tags[field] == nil {
				field = "definedTags"
			}
			c.Refuses(name, "POST /vcns", wrong, "400 InvalidParameter: "+field)
		}
		keys := []string{"CostCenter"}
		for i := range 19 {
			keys = append(keys, fmt.Sprint("tag", i))
		}
		c.Namespace("Operations", keys...)
		large := body.Clone()
		large.Merge(long(19))
		c.Create("vcns", large)
		body["definedTags"] = engine.Doc{"Operations": engine.Doc{"CostCenter": "42"}}
		if vcn := c.Create("vcns", body); vcn.Str("definedTags", "Operations", "CostCenter") != "42" {
			t.Errorf("the VCN has %v", vcn["definedTags"])
		}
	})
}
